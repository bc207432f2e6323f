"""The program: its commands, its exit codes, and errors in one line."""

import sys
import traceback
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError

from midstream.cli import streams
from midstream.cli.exits import CLOSED_PIPE, INPUT, INTERRUPTED, USAGE, Failure
from midstream.cli.terminal import complain, is_plain, reason
from midstream.errors import MidstreamError, NetworkError, RecordingError

__all__ = ["app", "main"]

EXITS = """Exit codes: 0 done; 1 findings at or above --fail-on; 2 usage or configuration;
3 bad input file, output that cannot be written, the network or the model;
130 Ctrl-C; 141 the reader of the output went away.

Every command takes --debug, which adds the traceback to an error."""

COMMANDS = {
    "analyze": "midstream.cli.analyze:analyze",
    "bench": "midstream.cli.bench:app",
    "config": "midstream.cli.config:app",
    "demo": "midstream.cli.demo:demo",
    "models": "midstream.cli.models:app",
    "replay": "midstream.cli.replay:replay",
    "serve": "midstream.cli.serve:serve",
    "version": "midstream.cli.version:version",
    "watch": "midstream.cli.watch:watch",
}
"""Where each command stands; it is imported when it is called for."""


def app(words: Sequence[str] = ()) -> App:
    """The program's commands and options, for help, completion and calls; `words` say what need not be imported."""
    helps = list(words) in ([], ["bench"], ["config"], ["models"]) or not {"-h", "--help"}.isdisjoint(words)
    program = App(
        name="midstream",
        help="Watch, guard and analyse the streams of language models while they run.",
        help_epilogue=EXITS,
        help_format="plaintext",
        **(looks() if helps else {}),
        version_flags=["--version"] if list(words) in ([], ["-h"], ["--help"]) else [],
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for name, place in COMMANDS.items():
        program.command(place, name=name)
        if helps:
            _ = program[name]  # imports it, so that the list has its first line
    if helps or "--install-completion" in words:
        program.register_install_completion_command()
    return program


def looks() -> dict[str, Any]:
    """What help is printed on, and how; rich is imported for those alone who read it."""
    from midstream.cli.console import PLAIN_HELP, Output

    return {"console": Output(), "help_formatter": PLAIN_HELP if is_plain(sys.stdout) else None}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    words : sequence of str, optional
        The command and its options; those of the command line where left out.

    Returns
    -------
    int
        The exit code.
    """
    streams.ready()
    try:
        return run(sys.argv[1:] if words is None else words)
    except BrokenPipeError:
        return CLOSED_PIPE
    finally:
        streams.leave_output()


def run(words: Sequence[str]) -> int:
    """Run one command and tell what went wrong."""
    words, debug = without_debug(words)
    if words[:1] == ["--version"]:
        words[0] = "version"
    try:
        code = app(words)(words, exit_on_error=False, print_error=False, verbose=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Exception, RecursionError) as error:
        message, code = told(error)
        if debug:
            traceback.print_exc()
        complain(message)
        return code


def without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """The words but ``--debug``, and whether it was among them; what follows ``--`` is the command's own."""
    own = list(words)
    end = own.index("--") if "--" in own else len(own)
    return [word for word in own[:end] if word != "--debug"] + own[end:], "--debug" in own[:end]


def told(error: BaseException) -> tuple[str, int]:
    """One line about an error, and its exit code."""
    match error:
        case Failure():
            return str(error), error.code
        case CycloptsError():
            from midstream.cli import usage

            return usage.told(error), USAGE
        case NetworkError() | RecordingError():
            return str(error), INPUT
        case MidstreamError():
            return str(error), USAGE
        case OSError() if streams.writing_failed(error):
            return f"cannot write the output: {reason(error)}", INPUT
        case _:
            return f"internal error: {type(error).__name__}: {error}; --debug shows where", INPUT
