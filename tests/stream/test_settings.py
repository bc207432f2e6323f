"""A mistake in the settings is told with its field, before a stream starts."""

import math
import pickle
from typing import Any

import pytest

from midstream.errors import InputError
from midstream.stream import Pace, Repeat, Settings


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"repeat": {"exact": "warn"}}, "repeat"),
        ({"pace": 5}, "pace"),
        ({"repeat": Repeat(exact=True)}, "repeat.exact"),  # type: ignore[arg-type]
        ({"repeat": Repeat(near_share=math.nan)}, "repeat.near_share"),
        ({"repeat": Repeat(tools="read_log")}, "repeat.tools"),  # type: ignore[arg-type]
        ({"repeat": Repeat(exact_run=99.5)}, "repeat.exact_run"),  # type: ignore[arg-type]
        ({"pace": Pace(idle_s=math.inf)}, "pace.idle_s"),
        ({"pace": Pace(idle_s=0)}, "pace.idle_s"),
        ({"shadow": "yes"}, "shadow"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field} is ") as refused:
        Settings(**wrong)
    assert refused.value.key == field


def test_settings_survive_pickle() -> None:
    settings = Settings(repeat=Repeat(near="off", counter_stop_copies="off"), shadow=True)
    assert pickle.loads(pickle.dumps(settings)) == settings
