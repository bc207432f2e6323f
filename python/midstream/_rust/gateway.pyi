# Written by `make stubs` from rust/bindings/python.
"""
What `midstream.gateway` stands on.
"""

from typing import SupportsIndex, final

__all__ = ["LogLines", "Observer", "Server", "View", "read_config", "read_config_to_check", "read_config_to_serve"]

@final
class LogLines:
    """
    The lines of a gateway's log.
    """
    @property
    def lost(self, /) -> int:
        """
        Lines that found no room.
        """
    def take(self, /) -> list[str]:
        """
        Waits for lines, and gives those that are there; none once the gateway has stopped.
        """

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
    def __new__(cls, /, config_json: str, threads: SupportsIndex, log_format: str | None = None) -> Server: ...
    @property
    def address(self, /) -> str: ...
    def annotate(self, /, id: str, note: str) -> bool:
        """
        Adds a note, which is JSON, to a stream; false where none has that id.
        """
    def cancel(self, /, id: str) -> bool:
        """
        Closes the upstream of a stream; false where none has that id.
        """
    def certificate(self, /) -> tuple[str, str] | None:
        """
        The certificate in PEM and its SHA-256; none where HTTP is plain.
        """
    def haste(self, /) -> None:
        """
        Ends the wait of `stop` for running streams, now or when it comes to that.
        """
    def log_lines(self, /) -> LogLines | None:
        """
        The lines of its log; none where it was started without one.
        """
    def observe(self, /, capacity: SupportsIndex) -> Observer:
        """
        Copies of the events of streams that start from now on, with room for so many.
        """
    def refused(self, /, reason: str) -> None:
        """
        Tells the log that a configuration was not taken.
        """
    def reload(self, /, config_json: str) -> None:
        """
        Puts another configuration in the place of the one that it runs by, wholly or not at all.
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
    def usage_json(self, /) -> str:
        """
        What was used since the start, as a JSON object.
        """
    def view(self, /, id: str, after: SupportsIndex | None, raw: bool) -> View:
        """
        Looks on at a stream, from behind an event or from its begin.
        """

@final
class View:
    """
    One who looks on at a stream.
    """
    def close(self, /) -> None:
        """
        Looks on no more: who waits gets nothing.
        """
    def take(self, /) -> list[str]:
        """
        Waits for what comes, and gives what is there as JSON objects; none behind the end.
        """

def read_config(content: bytes, file: str | None = None) -> str:
    """
    The tables of a configuration as JSON, checked.
    """

def read_config_to_check(content: bytes, file: str | None = None) -> str:
    """
    The same, where the files that it names have to be there too, and to hold what they should.
    """

def read_config_to_serve(content: bytes, file: str | None = None) -> str:
    """
    The same, where the variables and files that it names have to be there too.
    """
