"""A proxy between apps and models: every stream of every client runs under guard, and its bytes pass unchanged.

::

    from midstream.gateway import Gateway, GatewayConfig, Upstream

    config = GatewayConfig(upstreams={"openai": Upstream(url="https://api.openai.com", apis=("openai",))})
    async with Gateway(config) as gateway:
        print(f"OPENAI_BASE_URL={gateway.url}/v1")
        ...
"""

from midstream.gateway.acting import Continuation, Moderator, Prefill, Rerouted
from midstream.gateway.checks import Check, CheckCounts, StreamEvent
from midstream.gateway.config import Api, GatewayConfig, Key, Role, Route, Upstream
from midstream.gateway.edge import Certificate, Clients, Cors, Tls
from midstream.gateway.gateway import Gateway
from midstream.gateway.limits import Limits, Tenant, Usage
from midstream.gateway.log import Log, LogTo
from midstream.gateway.mock import MockProvider
from midstream.gateway.telemetry import Telemetry
from midstream.gateway.viewing import Store, Viewer, ViewerEvent, Viewers

__all__ = [
    "Api",
    "Certificate",
    "Check",
    "CheckCounts",
    "Clients",
    "Continuation",
    "Cors",
    "Gateway",
    "GatewayConfig",
    "Key",
    "Limits",
    "Log",
    "LogTo",
    "MockProvider",
    "Moderator",
    "Prefill",
    "Rerouted",
    "Role",
    "Route",
    "Store",
    "StreamEvent",
    "Telemetry",
    "Tenant",
    "Tls",
    "Upstream",
    "Usage",
    "Viewer",
    "ViewerEvent",
    "Viewers",
]
