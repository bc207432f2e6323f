"""Watch, guard and analyse the streams of language models while they run."""

from midstream._rust import version as __version__
from midstream.errors import GuardStopped, MidstreamError, StreamTruncated
from midstream.stream import Guard, Settings, Summary, check

__all__ = [
    "Guard",
    "GuardStopped",
    "MidstreamError",
    "Settings",
    "StreamTruncated",
    "Summary",
    "__version__",
    "check",
]
