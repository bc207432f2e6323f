"""How much keys and tenants of a gateway may use, and what is written down of it."""

from dataclasses import dataclass, field

from midstream.gateway.schema import allowed
from midstream.stream.tables import table

__all__ = ["Limits", "Tenant", "Usage"]

MOST = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be used; more is refused with the status 429 and ``retry-after``. A limit that is None is none.

    Parameters
    ----------
    requests_per_min : int, >= 1, optional
        Requests a minute; as many may come at once.
    tokens_per_min : int, >= 1, optional
        Tokens of requests and answers a minute. What a request may use is reserved until it ends: its text, and the
        most tokens that it names for each answer; where it names none, 1,024, or what is left of fewer.
    concurrent : int, >= 1, optional
        Requests that run at a time.
    tokens_per_day : int, >= 1, optional
        Tokens from midnight to midnight, UTC.
    cost_per_day : float, above 0, optional
        The same of what they cost at the prices of ``guard.budget``.

    Notes
    -----
    Several gateways count apart from each other. Tokens are those that the provider reports, else an estimate. What is
    reserved of a day's tokens and cost is as for a minute, and a request that is refused takes nothing.

    Examples
    --------
    >>> Limits(requests_per_min=60, concurrent=4).concurrent
    4
    """

    requests_per_min: int | None = field(default=None, metadata=allowed(minimum=1, maximum=MOST))
    tokens_per_min: int | None = field(default=None, metadata=allowed(minimum=1, maximum=MOST))
    concurrent: int | None = field(default=None, metadata=allowed(minimum=1, maximum=MOST))
    tokens_per_day: int | None = field(default=None, metadata=allowed(minimum=1, maximum=MOST))
    cost_per_day: float | None = field(default=None, metadata=allowed(exclusiveMinimum=0, maximum=MOST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Whose keys share limits.

    Parameters
    ----------
    limits : Limits, optional
        What its keys may use together. Default: no limit.

    Examples
    --------
    >>> Tenant(limits=Limits(cost_per_day=20.0)).limits.cost_per_day
    20.0
    """

    limits: Limits = field(default_factory=Limits, metadata=table(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is written down of usage.

    Parameters
    ----------
    file : str, optional
        A file to which one line of JSON is appended for each upstream of each stream, and from
        which a gateway that starts takes what was used today. Default: none.
    wait_s : float, 0 to 10
        Seconds that an upstream may still take for its count of tokens where the client left behind the answer's end.

    Examples
    --------
    >>> Usage(file="usage.jsonl").wait_s
    0.05
    """

    file: str | None = None
    wait_s: float = field(default=0.05, metadata=allowed(minimum=0, maximum=10))
