import os
import signal
from pathlib import Path

import hypothesis
import pytest

PROJECT = Path(__file__).parent.parent

# A shell without job control starts what runs in its background deaf to Ctrl-C, and programs under test inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("fast", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("slow", deadline=None, max_examples=5_000, print_blob=True)
hypothesis.settings.load_profile("fast")


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root."""
    return PROJECT


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of recorded data; a test that asks for it is skipped aloud where its streams are absent."""
    return recorded("streams").parent


@pytest.fixture(scope="session")
def traces() -> Path:
    """The folder of recorded runs of agents; a test that asks for it is skipped aloud where it is absent."""
    return recorded("traces")


def recorded(name: str) -> Path:
    """A folder of the recorded data."""
    folder = Path(os.environ.get("MIDSTREAM_DATA") or PROJECT.parent / "shared" / "data") / name
    if folder.is_dir():
        return folder
    reason = f"no recorded {name} in {folder.parent}: set MIDSTREAM_DATA"
    if os.environ.get("REQUIRE_DATA") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what reads recordings, so that `make check` leaves it out."""
    for item in items:
        if {"data", "traces"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.recorded)
