# Written by `make stubs` from rust/bindings/python.
"""
What `midstream.gateway` stands on.
"""

from typing import SupportsIndex, final

__all__ = ["Observer", "Server", "read_config"]

@final
class Observer:
    """
    Takes copies of events from a gateway, in order.
    """
    @property
    def lost(self, /) -> int:
        """
        Copies that found no room.
        """
    def take(self, /, limit: SupportsIndex) -> list[str]:
        """
        Waits for copies, and gives those that are there as JSON objects; none once the gateway has stopped.
        """

@final
class Server:
    """
    A gateway with threads of its own, from its making until `stop`.
    """
    def __new__(cls, /, config_json: str, threads: SupportsIndex) -> Server: ...
    @property
    def address(self, /) -> str: ...
    def cancel(self, /, id: str) -> bool:
        """
        Closes the upstream of a stream; false where none has that id.
        """
    def certificate(self, /) -> tuple[str, str] | None:
        """
        The certificate in PEM and its SHA-256; none where HTTP is plain.
        """
    def reload(self, /, config_json: str) -> None:
        """
        Puts another configuration in the place of the one that it runs by, wholly or not at all.
        """
    def observe(self, /, capacity: SupportsIndex) -> Observer:
        """
        Copies of the events of streams that start from now on, with room for so many.
        """
    def stop(self, /) -> None:
        """
        Takes no new connections, lets running streams end, then closes what is left. A second call does nothing.
        """
    def stream_json(self, /, id: str) -> str | None:
        """
        One of them.
        """
    def streams_json(self, /) -> str:
        """
        Streams that run or ended a while ago, as a JSON array.
        """

def read_config(content: bytes, file: str | None = None) -> str:
    """
    The tables of a configuration as JSON, checked.
    """
