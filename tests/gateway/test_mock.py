"""The provider for tests tells what its clients did."""

import urllib.request

import pytest

from midstream.errors import StateError
from midstream.gateway import MockProvider
from midstream.gateway.mock import Forever


def test_the_last_connection_is_given_also_behind_others():
    with MockProvider([b"data: {}\n\n"]) as provider:
        for path in ("first", "second"):
            urllib.request.urlopen(f"{provider.url}/{path}").read()
        assert provider.last().request.startswith("GET /second ")
        assert len(provider.connections) == 2


def test_who_has_not_come_or_not_left_is_an_error():
    with MockProvider([Forever((b"data: {}\n\n",))]) as provider:
        with pytest.raises(StateError, match="nobody has connected"):
            provider.last()
        with (
            urllib.request.urlopen(provider.url),
            pytest.raises(StateError, match=r"did not hang up within 0\.01 s"),
        ):
            provider.last(timeout_s=0.01)
        assert provider.last().hung_up_s is not None
