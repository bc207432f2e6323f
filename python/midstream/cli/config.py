"""``midstream config``: guard files, and configurations of the gateway."""

import json as to_json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from midstream.cli import config_file
from midstream.cli.config_shown import shown
from midstream.cli.console import Output
from midstream.cli.exits import USAGE, Failure
from midstream.gateway import GatewayConfig
from midstream.gateway.config import load_to_check
from midstream.stream import Settings

__all__ = ["app"]

app = App(
    name="config",
    help="Guard files and the gateway's configuration: check them, show what they amount to, print their schema.",
    console=Output(),
    version_flags=[],
)

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def check(*files: Path, gateway: Flag = False) -> None:
    """Check files: the first fault is told with its line, its key and what is allowed.

    Whether a file is a guard's or the gateway's is told by its tables. Of the gateway's the files of keys and certificates
    are read too; a variable that is not set here is told, and is no fault.

    For example:

        midstream config check guard.toml
        midstream config check midstream.toml

    Parameters
    ----------
    files : Path
        Default: midstream.toml and guard.toml, as far as they are there.
    gateway : bool
        Read them as configurations of the gateway, whatever they hold.
    """
    found = files or [file for file in (Path(config_file.GATEWAY), Path(config_file.GUARD)) if file.is_file()]
    if not found:
        raise Failure(f"neither {config_file.GATEWAY} nor {config_file.GUARD} is here; name a file", USAGE)
    for file in found:
        held = config_file.read(file, gateway=gateway, load=load_to_check)
        print(f"{file}: good, and the same as the defaults" if held == type(held)() else f"{file}: good")
        for fault in config_file.missing(held):
            print(f"{file}: {fault}")


@app.command
def show(file: Path | None = None, /, *, gateway: Flag = False) -> None:
    """Show every setting of a file, those that it leaves out too.

    A guard file is shown as a guard file. Of the gateway's configuration each default is marked, and secrets are left out.

    For example:

        midstream config show midstream.toml
        midstream config show > guard.toml

    Parameters
    ----------
    file : Path
        Default: the default settings of a guard.
    gateway : bool
        Read it as a configuration of the gateway, whatever it holds; without a file, the default one.
    """
    held = config_file.read(file, gateway=gateway) if file else GatewayConfig() if gateway else Settings()
    print(held.to_toml() if isinstance(held, Settings) else shown(held), end="")


@app.command
def schema(*, gateway: Flag = False) -> None:
    """Print the JSON schema of guard files, for editors.

    For example:

        midstream config schema > guard.schema.json
        midstream config schema --gateway > midstream.schema.json

    Parameters
    ----------
    gateway : bool
        That of the gateway's configuration.
    """
    print(to_json.dumps((GatewayConfig if gateway else Settings).json_schema(), indent=2))
