"""What a gateway serves and whom it asks."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from midstream._rust.gateway import read_config, read_config_to_check, read_config_to_serve
from midstream._rust.stream import CompiledSettings
from midstream.errors import InputError
from midstream.gateway.acting import BASE_URL, Continuation, Moderator, Prefill
from midstream.gateway.edge import Clients, Cors, Tls
from midstream.gateway.limits import Limits, Tenant, Usage
from midstream.gateway.log import Log
from midstream.gateway.schema import allowed, schema_of
from midstream.gateway.telemetry import Telemetry
from midstream.gateway.viewing import Store, Viewers
from midstream.stream.settings import Settings
from midstream.stream.tables import by_name, made, plain, read_by, rows_by_name, table, wrong

__all__ = ["Api", "GatewayConfig", "Key", "Role", "Route", "Upstream", "load_to_check", "load_to_serve"]

Api: TypeAlias = Literal["anthropic", "gemini", "ollama", "openai"]
"""Whose API an upstream speaks; ``openai`` is also that of everyone who follows it."""

Role: TypeAlias = Literal["admin", "call", "view"]
"""What a key is good for."""

ADDRESS = r"^(localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"
PART = r"^(/(?!\.{1,2}(/|$))[!$&-.0-:=@-Z_a-z~]+)+$"
UPSTREAM = r"^(?!(api|healthz|metrics|midstream|readyz|v1|v1alpha|v1beta)$)(?!\.+$)[A-Za-z0-9_.-]{1,64}$"
"""What may begin a path beside those of APIs and of the gateway itself."""
TENANT = r"^[A-Za-z0-9_-]{1,64}$"
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One provider or server.

    Parameters
    ----------
    url : str
        Scheme, host, port and the path before that of the API: ``https://api.openai.com``.
    apis : tuple of {"anthropic", "gemini", "ollama", "openai"}
        Whose APIs it speaks; at least one.
    v1 : str, optional
        What ``/v1`` at the begin of a path becomes behind that URL, such as ``/api/paas/v4``. Default: it stays.
    key_env : str, optional
        The environment variable that holds its key. Default: the client's key passes.
    key_file : str, optional
        The file that holds its key instead, and nothing else but a newline; read at the start and at a reload.
    ca : str, optional
        The file of the certificates that its own is verified with, in PEM. Default: those of the system.
    retries : int
        How often it is asked again before the next one is, while nothing of an answer has come, 0 to 10.
    connect_s : float
        Seconds until a connection stands, its TLS handshake included, above 0.
    first_byte_s : float
        Seconds until the answer begins, above 0.
    idle_s : float
        Seconds without any byte inside an answer, above 0.
    no_progress_s : float
        Seconds inside an answer in which nothing but signs of life comes, above 0.
    total_s : float
        Seconds from the request to the end of the answer, above 0.
    ping_s : float
        Seconds of silence after which it is asked over HTTP/2 whether it is there, and seconds that it has to say so,
        above 0.
    max_concurrent : int, >= 1, optional
        Requests that it has at a time, up to the end of their answers. Default: as many as come.
    max_waiting : int
        Requests that wait for one of those to end; more are refused with the status 503.
    wait_s : float
        Seconds that one of them waits at most, above 0.
    breaker_failures : int
        Failures in a row after which it is left alone; 0: never. A failure is no connection, no answer in time, or a status
        that says that it is broken (500, 502, 503, 504, 529).
    breaker_open_s : float
        Seconds that it is left alone until one request tries it, above 0.
    include_usage : bool, optional
        Whether a stream of OpenAI's chat is asked for its usage where the client does not ask; the client never sees that.
        Default: where the host is known to take it (OpenAI, DeepSeek, Groq).
    prefill : Prefill, optional
        How it goes on with an answer that is begun. Default: it does not.

    Examples
    --------
    >>> Upstream(url="http://127.0.0.1:11434", apis=("ollama", "openai")).retries
    1
    """

    url: str = field(metadata=allowed(pattern=BASE_URL))
    apis: tuple[Api, ...] = field(metadata=allowed(minItems=1))
    v1: str | None = field(default=None, metadata=allowed(pattern=PART))
    key_env: str | None = None
    key_file: str | None = None
    ca: str | None = None
    retries: int = field(default=1, metadata=allowed(maximum=10))
    connect_s: float = field(default=5.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    first_byte_s: float = field(default=300.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    idle_s: float = field(default=30.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    no_progress_s: float = field(default=120.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    total_s: float = field(default=1800.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    ping_s: float = field(default=20.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    max_concurrent: int | None = field(default=None, metadata=allowed(minimum=1))
    max_waiting: int = field(default=100, metadata=allowed(minimum=0))
    wait_s: float = field(default=10.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    breaker_failures: int = field(default=5, metadata=allowed(minimum=0))
    breaker_open_s: float = field(default=10.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    include_usage: bool | None = None
    prefill: Prefill | None = field(default=None, metadata=table(Prefill))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to serve a model.

    Parameters
    ----------
    upstream : str
        Who is asked.
    model : str, optional
        The name that the upstream knows. Default: the same.

    Examples
    --------
    >>> fast = (Route(upstream="openai", model="gpt-5-mini"), Route(upstream="spare"))
    >>> GatewayConfig(models={"fast": fast}).models["fast"][1].upstream
    'spare'
    """

    upstream: str
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a key of the gateway's own may do.

    Parameters
    ----------
    sha256 : str
        The SHA-256 of the key, in 64 hexadecimal digits.
    roles : tuple of {"admin", "call", "view"}, at least one
        ``call`` asks upstreams, ``view`` sees streams, ``admin`` ends those of others.
    models : tuple of str, optional
        The models that it is for. Default: all.
    tenant : str, optional
        Whose it is: it sees and ends streams of that tenant alone. Default: of all.
    limits : Limits, optional
        How much it may use. Default: no limit.

    Examples
    --------
    >>> import hashlib
    >>> Key(sha256=hashlib.sha256(b"sk-of-alice").hexdigest(), roles=("call", "view")).tenant is None
    True
    """

    sha256: str = field(metadata=allowed(pattern="^[0-9A-Fa-f]{64}$"))
    roles: tuple[Role, ...] = field(default=("call",), metadata=allowed(minItems=1))
    models: tuple[str, ...] | None = field(default=None, metadata=allowed(minItems=1))
    tenant: str | None = field(default=None, metadata=allowed(pattern=TENANT))
    limits: Limits = field(default_factory=Limits, metadata=table(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """What a gateway serves and whom it asks. Frozen: one object serves any number of gateways.

    Parameters
    ----------
    listen : str
        IP address or ``localhost``, and port; port 0 takes a free one.
    insecure : bool
        Whether it may listen off loopback without TLS: keys and prompts are then read by whoever is on the way.
    tls : Tls, optional
        The certificate of the gateway. Default: plain HTTP.
    clients : Clients
        What connections of clients may take.
    cors : Cors, optional
        Which pages of browsers may call. Default: none.
    guard : Settings, optional
        What every stream is checked for. Default: the default settings.
    upstreams : mapping of str to Upstream
        Who is asked, by name. A path that begins with a name goes to that one; else the first in order of the name that
        speaks the API of the path is asked.
    models : mapping of str to tuple of Route
        Models by the name that clients use: who serves each, the first that answers.
    keys : mapping of str to Key
        Who may call, by name. Without keys everyone who reaches the gateway, and then it listens on loopback alone.
    tenants : mapping of str to Tenant
        What the keys of one tenant may use together, by its name.
    telemetry : Telemetry, optional
        Where traces and metrics go. Default: where the environment says.
    log : Log, optional
        Which lines are written of what happens, where somebody takes them.
    usage : Usage, optional
        What is written down of usage. Default: no file.
    on_stop : {"error", "finish"}
        How an answer that a decision stops ends for its client: with the error of its API, an answer in one piece with the
        status 422; or as one that has reached its length, with a ``midstream`` object beside.
    tell_warnings : bool
        Whether warnings are told inside an answer, where its format allows an event more.
    moderator : Moderator, optional
        Whom held text is shown to; needed with ``guard.hold``, and with it alone.
    continuation : Continuation
        When an answer goes on with a second request.
    on_client_gone : {"cancel", "continue"}
        Whether an answer ends with its client, or goes on for those who view it.
    store : Store, optional
        What is kept of streams. Default: in memory, for ten minutes behind their end.
    viewers : Viewers, optional
        Who may look on. Default: 1000 of a stream and 10000 in all.
    keepalive_s : float
        Seconds of silence after which a comment tells the client of server-sent events that the gateway is there, 0 to
        86400; 0 sends none. It is all that is ever added to a body.
    early_head : bool
        Whether a client that asks for server-sent events gets the head of its answer after that silence, and comments, also
        while no upstream has answered. What refuses it then is told inside the stream, behind the status 200.
    max_body : int
        The largest body of a request, in bytes, at least 1.
    drain_s : float
        Seconds that running streams may go on when the gateway stops, 0 to 86400.

    Examples
    --------
    >>> local = Upstream(url="http://127.0.0.1:8080", apis=("openai",))
    >>> GatewayConfig(upstreams={"local": local}).listen
    '127.0.0.1:4000'
    """

    listen: str = field(default="127.0.0.1:4000", metadata=allowed(pattern=ADDRESS))
    insecure: bool = False
    tls: Tls | None = field(default=None, metadata=table(Tls))
    clients: Clients = field(default_factory=Clients, metadata=table(Clients))
    cors: Cors | None = field(default=None, metadata=table(Cors))
    guard: Settings = field(default_factory=Settings, metadata=read_by(Settings.from_dict))
    upstreams: Mapping[str, Upstream] = field(
        default_factory=dict, hash=False, metadata=by_name(Upstream) | allowed(propertyNames={"pattern": UPSTREAM})
    )
    models: Mapping[str, tuple[Route, ...]] = field(
        default_factory=dict, hash=False, metadata=rows_by_name(Route) | allowed(minItems=1)
    )
    keys: Mapping[str, Key] = field(default_factory=dict, hash=False, metadata=by_name(Key))
    tenants: Mapping[str, Tenant] = field(
        default_factory=dict, hash=False, metadata=by_name(Tenant) | allowed(propertyNames={"pattern": TENANT})
    )
    telemetry: Telemetry = field(default_factory=Telemetry, metadata=table(Telemetry))
    log: Log = field(default_factory=Log, metadata=table(Log))
    usage: Usage = field(default_factory=Usage, metadata=table(Usage))
    on_stop: Literal["error", "finish"] = "error"
    tell_warnings: bool = False
    moderator: Moderator | None = field(default=None, metadata=table(Moderator))
    continuation: Continuation = field(default_factory=Continuation, metadata=table(Continuation))
    on_client_gone: Literal["cancel", "continue"] = "cancel"
    store: Store = field(default_factory=Store, metadata=table(Store))
    viewers: Viewers = field(default_factory=Viewers, metadata=table(Viewers))
    keepalive_s: float = field(default=15.0, metadata=allowed(minimum=0, maximum=DAY_S))
    early_head: bool = False
    max_body: int = field(default=32 << 20, metadata=allowed(minimum=1))
    drain_s: float = field(default=30.0, metadata=allowed(minimum=0, maximum=DAY_S))

    def __post_init__(self) -> None:
        if not isinstance(self.guard, Settings):
            raise wrong("guard", self.guard, "a midstream.stream.Settings")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as tables of plain values, as its file holds them.

        Examples
        --------
        >>> GatewayConfig(listen="127.0.0.1:0").to_dict()["listen"]
        '127.0.0.1:0'
        """
        tables: dict[str, Any] = plain(self)
        return tables

    def to_toml(self) -> str:
        """The configuration as the text of its file.

        Examples
        --------
        >>> config = GatewayConfig(listen="127.0.0.1:0")
        >>> GatewayConfig.loads(config.to_toml()) == config
        True
        """
        return CompiledSettings.write(json.dumps(self.to_dict()))

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        """A configuration from the text of its file; what is left out has its default.

        Parameters
        ----------
        text : str or bytes
            TOML in UTF-8, at most 1 MiB.

        Raises
        ------
        InputError
            With ``line``, ``column`` and ``key`` of what is wrong.

        Examples
        --------
        >>> GatewayConfig.loads("keepalive_s = 0").keepalive_s
        0
        >>> GatewayConfig.loads("lisen = ''")
        Traceback (most recent call last):
        midstream.errors.InputError: no setting is named "lisen"; did you mean "listen"? known: ...
        """
        content = text.encode(errors="replace") if isinstance(text, str) else text
        return made(cls, json.loads(read_config(content, None)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """A configuration from a TOML file; what is left out has its default.

        Parameters
        ----------
        path : str or path-like
            TOML in UTF-8, at most 1 MiB.

        Raises
        ------
        InputError
            With ``file``, and ``line``, ``column`` and ``key`` of what is wrong in it.

        Examples
        --------
        >>> GatewayConfig.load("no-such-folder/midstream.toml")
        Traceback (most recent call last):
        midstream.errors.InputError: cannot read the configuration no-such-folder/midstream.toml: no such file or directory
        """
        return cls._load(path, read_config)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON schema (draft 2020-12) of configurations, for editors and other tools.

        Examples
        --------
        >>> GatewayConfig.json_schema()["properties"]["max_body"]["default"]
        33554432
        """
        return schema_of(GatewayConfig, "urn:midstream:gateway:1", "A configuration of MidStream's gateway, version 1")

    @classmethod
    def _load(cls, path: str | os.PathLike[str], read: Callable[[bytes, str], str]) -> Self:
        name = os.fsdecode(path)
        try:
            content = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise InputError(f"cannot read the configuration {name}: {reason}", file=name) from error
        return made(cls, json.loads(read(content, name)))


def load_to_check(path: str | os.PathLike[str]) -> GatewayConfig:
    """A configuration whose files of keys, secrets and certificates have to be there; variables need not be set here.

    Raises
    ------
    InputError
        With ``file``, and ``line``, ``column`` and ``key`` of what is wrong in it.
    """
    return GatewayConfig._load(path, read_config_to_check)


def load_to_serve(path: str | os.PathLike[str]) -> GatewayConfig:
    """A configuration whose gateway is about to start: the variables and files that it names have to be there.

    Raises
    ------
    InputError
        With ``file``, and ``line``, ``column`` and ``key`` of what is wrong in it.
    """
    return GatewayConfig._load(path, read_config_to_serve)
