"""The state of a guard as bytes."""

__all__ = ["Snapshot"]


class Snapshot(bytes):
    """Bytes whose repr shows nothing of the stream: what waits to be redacted is in them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<snapshot of a Guard, {len(self):,} bytes>"

    __str__ = __repr__
