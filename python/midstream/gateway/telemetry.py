"""Where traces and metrics go."""

from dataclasses import dataclass, field

from midstream.gateway.acting import BASE_URL
from midstream.gateway.schema import allowed

__all__ = ["Telemetry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """A collector of OpenTelemetry, which is told of every call of an upstream, and of no text.

    Parameters
    ----------
    otlp : str, optional
        The collector's URL; ``/v1/traces`` and ``/v1/metrics`` are put behind it. Default: that of
        ``OTEL_EXPORTER_OTLP_ENDPOINT``, and without that nothing is sent. Headers come from ``OTEL_EXPORTER_OTLP_HEADERS``.
    service_name : str
        What this gateway is called; ``OTEL_SERVICE_NAME`` goes before it.
    metrics_every_s : float, above 0, at most 86400
        Seconds between two reports of metrics.

    References
    ----------
    OpenTelemetry, "Semantic conventions for generative AI systems", status development.

    Examples
    --------
    >>> Telemetry(otlp="http://127.0.0.1:4318").service_name
    'midstream'
    """

    otlp: str | None = field(default=None, metadata=allowed(pattern=BASE_URL))
    service_name: str = field(default="midstream", metadata=allowed(minLength=1))
    metrics_every_s: float = field(default=60.0, metadata=allowed(exclusiveMinimum=0, maximum=86400))
