"""Recordings compressed with zstd."""

import io
import sys
from types import ModuleType
from typing import Any, BinaryIO

from midstream.errors import MissingExtra, RecordingError

__all__ = ["MAGIC", "bare_name", "is_compressed_name", "plain", "writer"]

MAGIC = b"\x28\xb5\x2f\xfd"
MOST = 1 << 30
"""Bytes that one file may unfold to."""
BLOCK = 1 << 16
LONGEST_FRAME = 4 << 20
"""Bytes that one frame of a file that is written unfolds to."""
SUFFIX = ".zst"


def is_compressed_name(name: str) -> bool:
    """Whether a file of this name is written compressed."""
    return name.lower().endswith(SUFFIX)


def bare_name(name: str) -> str:
    """The name without the ending of a compressed file."""
    return name[: -len(SUFFIX)] if is_compressed_name(name) else name


def library() -> ModuleType:
    """The library that knows zstd.

    Raises
    ------
    MissingExtra
        Below Python 3.14, where ``backports.zstd`` is not installed.
    """
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise MissingExtra(
            "zstd needs a package: pip install 'midstream[zstd]'", extra="zstd", name="backports.zstd"
        ) from error
    found: ModuleType = zstd
    return found


def plain(file: BinaryIO) -> "Unfolding":
    """What a compressed file holds; it is read in bounded memory.

    Raises
    ------
    MissingExtra
        Where no library knows zstd.
    """
    return Unfolding(file, library())


class Unfolding(io.RawIOBase):
    """A compressed file as raw input: any number of frames, one behind the other."""

    def __init__(self, file: BinaryIO, zstd: Any) -> None:
        self.file = file
        self.zstd = zstd
        self.frame: Any = None
        self.most = MOST
        self.given = 0
        self.taken = 0
        self.lines = 1
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            block = self.unfolded(len(buffer))
            if block is None:
                return 0
            if block:
                self.given += len(block)
                self.lines += block.count(b"\n")
                if self.given > self.most:
                    raise self.wrong(f"unfolds to more than {self.most >> 20} MiB")
                buffer[: len(block)] = block
                return len(block)

    def unfolded(self, size: int) -> bytes | None:
        """At most `size` bytes of what follows; none where more has to be read first, None at the end."""
        if self.frame is None or self.frame.eof or (self.frame.needs_input and not self.rest):
            if self.frame is not None and self.frame.eof:
                self.rest, self.frame = self.frame.unused_data, None
            if not self.rest:
                self.rest = self.file.read(BLOCK)
                self.taken += len(self.rest)
            if not self.rest:
                if self.frame is None:
                    return None
                raise self.wrong(f"ends inside a frame: the file was cut at byte {self.taken}")
            if self.frame is None:
                self.frame = self.zstd.ZstdDecompressor()
        first = self.taken - len(self.rest)
        given, self.rest = self.rest, b""
        try:
            block: bytes = self.frame.decompress(given, size)
        except self.zstd.ZstdError as error:
            where = f"bytes {first} to {self.taken}" if given else f"the bytes before {self.taken}"
            raise self.wrong(f"cannot be unfolded from {where} of the file: {str(error).lower()}") from error
        return block

    def wrong(self, what: str) -> RecordingError:
        return RecordingError(f"line {self.lines} of what the zstd file holds {what}", line=self.lines)


def whole(data: bytes, most: int) -> bytes:
    """What compressed bytes hold, at most so much.

    Raises
    ------
    RecordingError
        For what is damaged, or unfolds to more.
    """
    unfolding = plain(io.BytesIO(data))
    unfolding.most = most
    return unfolding.readall() or b""


def writer(file: BinaryIO) -> BinaryIO:
    """A file that compresses what is written; every flush ends a frame, so that what stands before it can be read.

    Raises
    ------
    MissingExtra
        Where no library knows zstd.
    """
    return Folding(file, library())  # type: ignore[return-value]


class Folding(io.RawIOBase):
    """Compresses what is written; to close it closes the file.

    A frame is written as a whole, so that a program that is killed leaves none that was cut.
    """

    def __init__(self, file: BinaryIO, zstd: Any) -> None:
        self.file = file
        self.compressor = zstd.ZstdCompressor()
        self.end_of_frame = zstd.ZstdCompressor.FLUSH_FRAME
        self.taken = 0
        self.frame = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self.taken += len(block)
        self.frame += self.compressor.compress(block)
        if self.taken >= LONGEST_FRAME:
            self.end_frame()
        return len(block)

    def flush(self) -> None:
        if not self.file.closed:
            self.end_frame()
            self.file.flush()

    def end_frame(self) -> None:
        if self.taken:
            frame = self.frame + self.compressor.flush(self.end_of_frame)
            self.taken, self.frame = 0, bytearray()
            self.file.write(frame)

    def close(self) -> None:
        if not self.closed:
            try:
                super().close()  # flushes
            finally:
                self.file.close()
