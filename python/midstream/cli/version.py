"""``midstream version``."""

import midstream


def version() -> None:
    """Print the version.

    Examples
    --------
    ::

        midstream version
    """
    print(f"midstream {midstream.__version__}")
