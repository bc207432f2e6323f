"""A real language model on this machine, without a key: its weights, and a server on loopback."""

from midstream.local.download import pull
from midstream.local.server import Server, Slot, require_package
from midstream.local.weights import MODEL, Model, find, place, state

__all__ = ["MODEL", "Model", "Server", "Slot", "find", "place", "pull", "require_package", "state"]
