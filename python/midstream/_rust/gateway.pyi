# Written by `make stubs` from rust/bindings/python.
"""
What `midstream.gateway` stands on.
"""

from typing import SupportsIndex, final

__all__ = ["Server", "read_config"]

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

def read_config(content: bytes, file: str) -> str:
    """
    The tables of a configuration as JSON, checked.
    """
