"""Where recordings of running streams are written."""

import io
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any, BinaryIO, NamedTuple

from midstream.errors import InputError
from midstream.stream.compressed import is_compressed_name, writer

__all__ = ["Place", "Record", "Written", "place_of"]

FIELDS = ("host", "number", "pid", "time")
IN_FOLDER = "{time}-{number}.jsonl"
WIDTH = re.compile(r"0?[1-9]\d?d?")
MOST_TRIES = 100_000
"""Numbers that are tried for a name that is not taken."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of a stream, and where it is written.

    Parameters
    ----------
    to : path or binary file
        A file, which is replaced; a folder, which gets a file for each stream; or a template of a path with
        ``{number}``, ``{time}``, ``{host}`` or ``{pid}``, which never replaces a file. ``{{`` stands for a brace. A name
        that ends in ``.zst`` is compressed. A binary file that you have open is flushed, and stays open.
    request : bool
        Keep the request's body as well. Values of keys that name a secret, and secrets in its texts, are left out.

    Examples
    --------
    >>> Record("recordings/{time}-{number}.jsonl.zst", request=True).request
    True
    """

    to: str | os.PathLike[str] | BinaryIO
    request: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.request, bool):
            raise TypeError(f"request is {type(self.request).__name__}, allowed: True or False")


class Written(NamedTuple):
    """A file to write one recording to."""

    file: BinaryIO
    name: str
    owned: bool
    """It was opened here, and is closed here."""


class Place:
    """Where the recordings of a client's streams are written, checked before the first of them.

    Parameters
    ----------
    record : Record
    many : bool
        More than one stream may come.

    Raises
    ------
    InputError
        For a template that names an unknown field, a folder that is not there, one file for many streams.
    TypeError
        For what is neither a path nor a binary file.
    """

    def __init__(self, record: Record, *, many: bool) -> None:
        self.request = record.request
        self.many = many
        self.file: BinaryIO | None = None
        self.path = ""
        self.is_template = False
        if not isinstance(record.to, str | os.PathLike):
            self.file = checked_file(record.to, many=many)
            return
        path = os.fspath(record.to)
        if not isinstance(path, str) or not path or "\0" in path:
            raise InputError(f"record is {path!r:.80}, which no file is named")
        if path.endswith(("/", os.sep)) or Path(path).is_dir():
            path = str(Path(path.replace("{", "{{").replace("}", "}}"), IN_FOLDER))
        fields = fields_of(path)
        self.path, self.is_template = path, bool(fields)
        if many and "number" not in fields:
            wanted = "name a folder, or a template with {number}"
            raise InputError(f"record is {path!r:.80}, one file for the streams of a whole client: {wanted}")
        folder = Path(self.named(1, "host")).parent
        if not folder.is_dir():
            raise InputError(f"record is {path!r:.80}, and there is no folder {str(folder)!r}: make it first")

    def opened(self, host: str) -> Written:
        """The file for the next stream.

        Raises
        ------
        OSError
            Where it cannot be opened.
        """
        if self.file is not None:
            return Written(self.file, "the open file", False)
        for number in range(1, MOST_TRIES if self.is_template else 2):
            name = self.named(number, host)
            try:
                file = Path(name).open("xb" if self.is_template else "wb")  # noqa: SIM115 - the recorder closes it
            except FileExistsError:
                continue
            return Written(writer(file) if is_compressed_name(name) else file, name, True)
        raise FileExistsError(f"every number of {self.path} is taken")

    def named(self, number: int, host: str) -> str:
        """The name of the file with this number."""
        if not self.is_template:
            return self.path.replace("{{", "{").replace("}}", "}")
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        host = "".join(char if char.isalnum() or char in ".-" else "_" for char in host)
        return self.path.format(number=number, time=now, host=host or "stream", pid=os.getpid())


def place_of(record: object, *, many: bool) -> Place | None:
    """The place that a caller's ``record`` names; None where nothing is recorded."""
    if record is None:
        return None
    return Place(record if isinstance(record, Record) else Record(record), many=many)  # type: ignore[arg-type]


def checked_file(file: Any, *, many: bool) -> BinaryIO:
    if isinstance(file, io.TextIOBase):
        raise TypeError("record is a file of text; open it in binary mode, as open(path, 'wb') does")
    if not callable(getattr(file, "write", None)):
        raise TypeError(f"record is {type(file).__name__}, allowed: a path, a binary file, a midstream.stream.Record")
    if many:
        raise InputError("record is one open file for the streams of a whole client: name a folder or a template")
    checked: BinaryIO = file
    return checked


def fields_of(template: str) -> set[str]:
    """The fields that a template names."""
    try:
        parsed = [(name, spec, turn) for _, name, spec, turn in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InputError(f"record is {template!r:.80}, which is no template: {error}; write {{{{ for a brace") from None
    for name, spec, turn in parsed:
        if name not in FIELDS or turn:
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            given = f"{name}!{turn}" if turn else name
            raise InputError(f"record names the field {{{given}}}, known: {known}; write {{{{ for a brace")
        if spec and name != "number":
            raise InputError(
                f"record names {{{name}:{spec:.40}}}, allowed is {{{name}}}; {{number}} alone takes a width"
            )
        if spec and not WIDTH.fullmatch(spec):
            told = "allowed behind the colon is a width of 1 to 99, as in {number:04}"
            raise InputError(f"record names {{number:{spec:.40}}}, {told}")
    return {name for name, _, _ in parsed}
