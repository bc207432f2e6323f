"""The files of recordings and traces: opened to read, and written as a whole."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from midstream._files import replacing
from midstream.errors import InputError, RecordingError
from midstream.stream.arrivals import BLOCK
from midstream.stream.compressed import MAGIC, is_compressed_name, plain, writer

__all__ = ["buffered", "named", "opened", "saving"]


@contextmanager
def opened(source: str | os.PathLike[str] | bytes) -> Iterator["io.BufferedReader[Any]"]:
    """What a file holds, unfolded where it is compressed.

    Raises
    ------
    TypeError
        For what is neither a path nor bytes.
    InputError
        For a path that no file can have.
    RecordingError
        For a file that is not compressed as its name says.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield buffered(io.BytesIO(source))
        return
    path = named(source, "source", "a path or the bytes of a recording")
    with path.open("rb") as file:
        yield buffered(file, path.name)


@contextmanager
def saving(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` at the end of the block; compressed where the name ends in ``.zst``."""
    with replacing(named(path, "path")) as file:
        out = writer(file) if is_compressed_name(os.fsdecode(path)) else file
        yield out
        out.flush()


def named(path: object, argument: str, allowed: str = "a path") -> Path:
    """The path, where a file can have it."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{argument} is {type(path).__name__}, allowed: {allowed}")
    try:
        if b"\0" in os.fsencode(path):
            raise ValueError("embedded null byte")
    except ValueError as error:
        raise InputError(f"{argument} is {os.fspath(path)!r:.80}, which no file is named: {error}") from error
    return Path(path)


def buffered(file: BinaryIO, name: str = "") -> "io.BufferedReader[Any]":
    """A buffer that can look ahead, in front of what the file of this name holds."""
    front = io.BufferedReader(Front(file), BLOCK)
    head = front.peek(len(MAGIC))
    if head.startswith(MAGIC):
        return io.BufferedReader(plain(front), BLOCK)
    if is_compressed_name(name):
        what = "begins no zstd frame, as its name says" if head else "is missing: the zstd file is empty"
        raise RecordingError(f"byte 0 of the file {what}", line=None)
    return front


class Front(io.RawIOBase):
    """Any binary file as raw input, so that a buffer in front of it can look ahead."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)
