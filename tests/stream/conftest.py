"""What tests of streams over HTTP share."""

import pytest

import sdks
from provider import Provider


@pytest.fixture(params=sdks.KINDS)
def kind(request):
    """A format that an SDK reads."""
    return request.param


@pytest.fixture
def provider(kind, request):
    """A provider that answers with the module's fragments."""
    with Provider(sdks.BODIES[kind](request.module.FRAGMENTS)) as provider:
        yield provider
