"""What stands between a client's socket and its request: certificates, pages of browsers, limits."""

from dataclasses import dataclass, field

from midstream.gateway.schema import allowed

__all__ = ["Certificate", "Clients", "Cors", "Tls"]

MOST = 1 << 24
ORIGIN = r"^(\*|[a-z][a-z0-9+.-]*://[^/?#@A-Z\s{}]+)$"
SECONDS = allowed(exclusiveMinimum=0, maximum=86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a gateway proves who it is: a certificate with its key from files, or one that is made at the start.

    Parameters
    ----------
    certificate : str, optional
        The file of the certificate and those that lead to its root, in PEM.
    key : str, optional
        The file of its private key, in PEM.
    generated : bool
        Makes a certificate that signs itself; clients pin it (`Gateway.certificate`).
    names : tuple of str
        Names and addresses that a generated one holds besides those of loopback and the one that is listened on.
    client_ca : str, optional
        The file of the certificates that sign those of clients, in PEM; a client without one is not served then.

    Examples
    --------
    >>> Tls(generated=True).certificate is None
    True
    """

    certificate: str | None = None
    key: str | None = None
    generated: bool = False
    names: tuple[str, ...] = ()
    client_ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Which pages of browsers may call a gateway.

    Parameters
    ----------
    origins : tuple of str
        Exact origins, such as ``https://app.example``, or ``*`` alone for any.
    credentials : bool
        Whether a browser may send its cookies along; not where any origin may call.

    Examples
    --------
    >>> Cors(origins=("https://app.example",)).credentials
    False
    """

    origins: tuple[str, ...] = field(metadata=allowed(minItems=1, items={"type": "string", "pattern": ORIGIN}))
    credentials: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """How many connections there may be, and how slow and how large the requests on them.

    Parameters
    ----------
    connections : int
        Connections at once, from 1; those beyond are told that the gateway is full.
    header_s : float
        Seconds for the head of a request, also of the next one on the same connection; above 0.
    header_bytes : int
        The largest head in bytes, from 8192.
    headers : int
        The most fields in a head, from 1.
    body_s : float
        Seconds for the body of a request, above 0.
    handshake_s : float
        Seconds for a TLS handshake, above 0.
    slow_s : float
        Seconds in which a client takes nothing of an answer that waits for it, until its upstream is closed; above 0.
    ping_s : float
        Seconds of silence after which a client of HTTP/2 is asked whether it is there, and seconds that it has to say so,
        above 0.

    Examples
    --------
    >>> Clients(slow_s=10).header_s
    10.0
    """

    connections: int = field(default=10_000, metadata=allowed(minimum=1, maximum=MOST))
    header_s: float = field(default=10.0, metadata=SECONDS)
    header_bytes: int = field(default=64 << 10, metadata=allowed(minimum=8192, maximum=MOST))
    headers: int = field(default=100, metadata=allowed(minimum=1, maximum=MOST))
    body_s: float = field(default=60.0, metadata=SECONDS)
    handshake_s: float = field(default=10.0, metadata=SECONDS)
    slow_s: float = field(default=30.0, metadata=SECONDS)
    ping_s: float = field(default=20.0, metadata=SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate of a gateway that runs, as its clients may pin it.

    Parameters
    ----------
    pem : str
        In PEM, with those that lead to its root.
    sha256 : str
        The SHA-256 of the certificate alone, 64 lower-case hexadecimal digits.

    Examples
    --------
    >>> import asyncio
    >>> from midstream.gateway import Gateway, GatewayConfig
    >>> async def pinned() -> int:
    ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0", tls=Tls(generated=True))) as gateway:
    ...         return len(gateway.certificate.sha256)
    >>> asyncio.run(pinned())
    64
    """

    pem: str
    sha256: str
