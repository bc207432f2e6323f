"""Every exception midstream raises, as one tree.

::

    MidstreamError
    ├── InputError       also ValueError      a value no result is defined for
    │   ├── RecordingError                    a recording that cannot be read; .line
    │   └── UnknownArgument  also TypeError   a keyword that nothing is named; .name, .nearest
    ├── StateError       also RuntimeError    a call out of order: finished, closed, used after fork
    ├── NetworkError     also ConnectionError the peer or the network failed
    ├── StreamTruncated  also EOFError        a stream ended before its semantic end; .summary, .text
    ├── GuardStopped     also RuntimeError    a guard ended the stream; .finding, .summary, .text, .reasoning
    └── MissingExtra     also ImportError     an optional package is absent; says how to install it
"""

from typing import Any

__all__ = [
    "GuardStopped",
    "InputError",
    "MidstreamError",
    "MissingExtra",
    "NetworkError",
    "RecordingError",
    "StateError",
    "StreamTruncated",
    "UnknownArgument",
]


class MidstreamError(Exception):
    """The base of all of them.

    Parameters
    ----------
    message : str
        One line: what was wrong, where, what is allowed.
    **facts : object
        What the message speaks of, as attributes; they survive pickle and copy.

    Examples
    --------
    >>> error = MidstreamError("band radius is 2, but these lengths need at least 3", needed=3)
    >>> error.needed
    3
    """

    def __init__(self, message: str = "", **facts: object) -> None:
        super().__init__(message)
        self.__dict__.update(facts)

    def __getattr__(self, name: str) -> Any:  # facts differ by error, so their types do
        raise AttributeError(f"{type(self).__name__} has no fact {name!r}", name=name, obj=self)


class InputError(MidstreamError, ValueError):
    """A value no result is defined for."""


class RecordingError(InputError):
    """A recording that cannot be read; ``line`` counts from 1."""


class UnknownArgument(InputError, TypeError):
    """A keyword that nothing is named: ``name``, and the ``nearest`` of those that are known."""


class StateError(MidstreamError, RuntimeError):
    """A call out of order: finished, closed, not started, used after fork."""


class NetworkError(MidstreamError, ConnectionError):
    """The peer or the network failed."""


class StreamTruncated(MidstreamError, EOFError):
    """A stream ended before its semantic end; ``summary`` and the ``text`` so far tell what there was."""


class GuardStopped(MidstreamError, RuntimeError):
    """A guard ended the stream; ``finding`` says why, ``summary`` and the ``text`` so far tell what there was.

    Where the finding's action is ``end_reasoning`` only the reasoning was ended: ``reasoning`` holds it, so that you can
    ask for the answer.
    """


class MissingExtra(MidstreamError, ImportError):
    """An optional package is absent; the message says how to install it."""
