# Written by `make stubs` from rust/bindings/python.
"""
Native half of `midstream`.
"""

from typing import Final

from . import stream as stream

__all__ = ["version", "stream"]

version: Final[str]
