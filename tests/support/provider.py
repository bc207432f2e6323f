"""The mock provider behind the base URL that SDKs of OpenAI take."""

from midstream.gateway.mock import Connection, Cut, Forever, MockProvider, Pause, Reply, Reset, Silence, Stall, Step

__all__ = ["Connection", "Cut", "Forever", "Pause", "Provider", "Reply", "Reset", "Silence", "Stall", "Step"]


class Provider(MockProvider):
    """A mock provider whose URL ends in the version of the API."""

    @property
    def url(self) -> str:
        return f"{super().url}/v1"
