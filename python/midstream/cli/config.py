"""``midstream config``: guard files."""

import json as to_json
from pathlib import Path

from cyclopts import App

from midstream.cli.console import Output
from midstream.cli.guard_file import settings_from
from midstream.stream import Settings

__all__ = ["app"]

app = App(
    name="config",
    help="Guard files: check them, show what they amount to, print their schema.",
    console=Output(),
    version_flags=[],
)


@app.command
def check(*files: Path) -> None:
    """Check guard files: the first fault is told with its line, its key and what is allowed.

    For example:

        midstream config check guard.toml

    Parameters
    ----------
    files : Path
        Guard files. Default: guard.toml.
    """
    for file in files or (Path("guard.toml"),):
        defaults = settings_from(file) == Settings()
        print(f"{file}: good, and the same as the defaults" if defaults else f"{file}: good")


@app.command
def show(file: Path | None = None) -> None:
    """Show every setting of a guard file, those that it leaves out too, as a guard file.

    For example:

        midstream config show guard.toml
        midstream config show > guard.toml

    Parameters
    ----------
    file : Path
        Default: the default settings.
    """
    print(settings_from(file).to_toml(), end="")


@app.command
def schema() -> None:
    """Print the JSON schema of guard files, for editors.

    For example:

        midstream config schema > guard.schema.json
    """
    print(to_json.dumps(Settings.json_schema(), indent=2))
