"""``midstream watch``: guard one stream while it runs."""

import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from midstream.cli.analyze import FailOn, reaches
from midstream.cli.endpoints import Asked, Dialect, asked
from midstream.cli.exits import DONE, FINDINGS, INPUT, USAGE, Failure
from midstream.cli.guard_file import settings_from
from midstream.cli.terminal import complain, reason
from midstream.stream import Guard, Rule, Settings, Summary
from midstream.stream.masked import without_secrets_of_url
from midstream.stream.record import Place, place_of
from midstream.stream.recorder import Recorder
from midstream.stream.rules import redacting, rules_of

if TYPE_CHECKING:
    from midstream.cli.live import Source

__all__ = ["watch"]

SIGNALLED = 128
"""What a shell adds to the number of a signal."""
Hide = Callable[[str], str]


def watch(
    *command: str,
    base_url: str | None = None,
    model: str | None = None,
    prompt: str | None = None,
    dialect: Dialect | None = None,
    max_tokens: int | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    guard: Path | None = None,
    record: str | None = None,
    fail_on: FailOn = "never",
) -> int:
    """Guard one stream while it runs: a request to a model, or the output of a command.

    The text appears as it comes, findings on standard error, the verdict at
    the end. On a stop the stream ends at its source: the connection closes, or
    the command's process group gets TERM and two seconds later KILL. What a
    command prints is passed on byte for byte; a guard file with rules of
    redaction replaces its secrets. The key is read from OPENAI_API_KEY or
    ANTHROPIC_API_KEY. For example:

        midstream watch --base-url http://127.0.0.1:8080 --prompt "Why?"
        midstream watch --json -- cat answer.sse

    Parameters
    ----------
    command : str
        A command and its arguments, behind --.
    base_url : str
        The server, as an SDK takes it, or the whole URL of the endpoint.
    model : str
        The model's name.
    prompt : str
        What to ask.
    dialect : str
        The provider's format. Default: told from the URL, else openai-chat.
    max_tokens : int
        The longest answer.
    json : bool
        Events and findings as JSON lines, and the report of analyze as the last.
    guard : Path
        The guard file. Default: the default settings.
    record : str
        Record the stream to this file, or to a new one in this folder, its
        secrets replaced; compressed where the name ends in .zst.
    fail_on : str
        End with exit code 1 where a finding asks for this or more.
    """
    if command and base_url:
        raise Failure("both a command and --base-url are named; name one", USAGE)
    settings = settings_from(guard)
    if settings.hold is not None:
        raise Failure(f"{guard} has a table hold, and a command has no check to ask; watch from Python", USAGE)
    place = place_of(record, many=False)
    if command:
        words = of_command(command)
        return run(words, settings, dialect=dialect or "auto", json=json, raw=True, fail_on=fail_on, place=place)
    if base_url is None:
        raise Failure("nothing to watch; name --base-url URL and --prompt, or a command behind --", USAGE)
    if not prompt:
        raise Failure("no prompt; name --prompt TEXT", USAGE)
    if max_tokens is not None and max_tokens < 1:
        raise Failure(f"--max-tokens is {max_tokens}; allowed is 1 or more", USAGE)
    request = asked(base_url, model, prompt, dialect, max_tokens)

    def hide(text: str) -> str:
        return text.replace(request.key, "***") if request.key else text

    try:
        starting = of_request(request)
        told: Any = {"json": json, "fail_on": fail_on, "place": place}
        return run(starting, settings, dialect=request.dialect, raw=False, hide=hide, request=request, **told)
    except Failure as failure:
        raise Failure(hide(str(failure)), failure.code) from None


async def of_command(words: tuple[str, ...]) -> "Source":
    from midstream.cli.command import Command

    return await Command.started(words)


async def of_request(request: Asked) -> "Source":
    from midstream.cli.request import Response  # takes a fifth of a second

    return await Response.started(request)


def run(
    starting: Coroutine[Any, Any, "Source"],
    settings: Settings,
    *,
    dialect: str,
    json: bool,
    raw: bool,
    fail_on: FailOn,
    hide: Hide = str,
    place: Place | None = None,
    request: Asked | None = None,
) -> int:
    """Follow a stream to its end; the exit code."""
    import asyncio

    from midstream.cli.live import Live, follow

    recorder = None if place is None else recorder_at(place, settings, request)
    live = Live(json=json, raw=raw, hide=hide)
    received: list[int] = []

    async def followed() -> tuple["Source", Summary]:
        leave_on_signals(received)
        source = await starting
        guard = Guard(settings, dialect=dialect, content_type=source.content_type, started_ns=0)
        if recorder is not None:
            recorder.transcript.known = {"dialect": dialect, "content_type": source.content_type}
        return source, await follow(source, guard, live, recorder)

    try:
        source, summary = asyncio.run(followed())
    except asyncio.CancelledError:
        return SIGNALLED + received[0]
    if source.failed:
        return INPUT
    if (fault := source.fault(summary, live.error)) is not None:
        complain(hide(fault))
        return INPUT
    return FINDINGS if reaches(fail_on, live.actions) else DONE


def recorder_at(place: Place, settings: Settings, request: Asked | None) -> Recorder:
    """What records the stream that comes; its file is opened now."""
    from urllib.parse import urlsplit

    about: dict[str, Any] = {"provider": None}
    rules = rules_of(settings)
    if request is not None:
        about = {"provider": urlsplit(request.url).hostname, "url": without_secrets_of_url(request.url)}
        if request.key and request.key.isascii():
            pattern = "".join(char if char.isalnum() else f"\\{char}" for char in request.key)
            rules = (Rule(name="key", pattern=pattern), *rules)
    try:
        to = place.opened(about["provider"] or "")
    except OSError as error:
        raise Failure(f"cannot write {place.path}: {reason(error)}; name another --record", USAGE) from error
    Guard(redacting(rules))  # makes them ready, and not while the stream runs
    return Recorder(to, rules, known={}, about=about, complain=complain)


def leave_on_signals(received: list[int]) -> None:
    """Let TERM and HUP end the stream upstream too, as Ctrl-C does."""
    import asyncio

    if sys.platform == "win32":  # it has neither
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def leave(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, leave, number)
