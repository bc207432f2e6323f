"""Streams that end badly; another process can import this module."""

import bodies
import midstream


def stopped() -> None:
    """A loop that the guard stops."""
    for _ in midstream.watch(iter(["I am done. "] * 40)):
        pass


def truncated() -> None:
    """A body that closes before its end."""
    for _ in midstream.watch(iter(bodies.chat(["All is well."])[:1])):
        pass
