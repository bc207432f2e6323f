"""Watch, guard and analyse the streams of language models while they run."""

import sys

from midstream import _rust
from midstream._rust import version as __version__

# Python finds no submodules inside one extension file by itself.
sys.modules["midstream._rust.gateway"] = _rust.gateway
sys.modules["midstream._rust.stream"] = _rust.stream

from midstream.errors import GuardStopped, MidstreamError, StreamTruncated
from midstream.stream import (
    AsyncTransport,
    Guard,
    Settings,
    Summary,
    Transport,
    check,
    summary,
    watch,
    wrap,
)

__all__ = [
    "AsyncTransport",
    "Guard",
    "GuardStopped",
    "MidstreamError",
    "Settings",
    "StreamTruncated",
    "Summary",
    "Transport",
    "__version__",
    "check",
    "summary",
    "watch",
    "wrap",
]
