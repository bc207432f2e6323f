# Written by `make stubs` from rust/bindings/python.
"""
Native half of `midstream`.
"""

from typing import Final

from . import gateway as gateway
from . import stream as stream

__all__ = ["version", "gateway", "stream"]

version: Final[str]
