"""The program ``midstream``: one file a command."""

from midstream.cli.app import main

__all__ = ["main"]
