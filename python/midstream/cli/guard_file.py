"""Guard files on the command line."""

from pathlib import Path

from midstream.cli.exits import USAGE, Failure
from midstream.errors import InputError
from midstream.stream import Settings

__all__ = ["settings_from"]


def settings_from(file: Path | None) -> Settings:
    """The settings of a guard file, or the default ones.

    Raises
    ------
    Failure
        Naming file, line and key of what is wrong.
    """
    try:
        return Settings() if file is None else Settings.load(file)
    except InputError as error:
        raise Failure(str(error), USAGE) from error
