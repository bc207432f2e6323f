import os

import pytest

from midstream import local
from midstream.errors import MidstreamError

REQUIRED = os.environ.get("REQUIRE_MODEL") == "1"


def pytest_collection_modifyitems(items):
    for item in items:
        if "local_model" in item.path.parts:
            item.add_marker(pytest.mark.model)


def unavailable(reason):
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def weights(project):
    """The weights: those on this machine, else fetched into the project's .cache folder."""
    try:
        local.require_package()
        if local.state() not in ("present", "other"):
            os.environ["MIDSTREAM_MODEL"] = str(project / ".cache" / local.MODEL.file)
            local.pull()
        return local.find()
    except (MidstreamError, OSError) as error:
        unavailable(f"no local model: {error}")


@pytest.fixture(scope="session")
def model(weights):
    """The local model, serving."""
    try:
        server = local.Server(weights)
    except MidstreamError as error:
        unavailable(f"no local model: {error}")
    with server:
        yield server


@pytest.fixture
def idle_model(model):
    """The local model when it has nothing to do."""
    model.wait_idle()
    return model
