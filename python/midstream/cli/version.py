"""``midstream version``."""

import midstream

__all__ = ["version"]


def version() -> None:
    """Print the version."""
    print(f"midstream {midstream.__version__}")
