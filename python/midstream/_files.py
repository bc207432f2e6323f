"""Files written as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` at the end of the block, unless the block raises.

    Parameters
    ----------
    path : str or path-like
        A symbolic link is followed. What is no regular file, as ``/dev/stdout``, is written directly.

    Raises
    ------
    OSError
        At once where the folder is absent or may not be written; it names `path`.
    """
    if Path(path).exists() and not Path(path).is_file():
        with Path(path).open("wb") as file:
            yield file
        return
    place = Path(os.path.realpath(path))
    beside = place.with_name(f".{place.name[:200]}.{os.getpid()}.part")
    try:
        opened = beside.open("xb")
    except FileExistsError:
        beside.unlink(missing_ok=True)
        raise
    except OSError as error:
        error.filename = os.fspath(path)
        raise
    try:
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
