"""Checks of text that is finished."""

from midstream._rust.stream import Summary, check_text
from midstream.stream.settings import Settings

__all__ = ["check"]


def check(text: str, guard: Settings | None = None) -> Summary:
    """Check finished text as a stream's answer.

    Parameters
    ----------
    text : str
        Any length. Above some 100,000 characters other threads go on meanwhile, and Ctrl-C is heard.
    guard : Settings, optional
        What to look for; the default settings where left out.

    Returns
    -------
    Summary
        Its findings in order of the text; a stop is where a live guard would have ended the stream.

    Notes
    -----
    O(n) time. Reading ends at the first finding that asks for a stop, as a live stream would.

    Examples
    --------
    >>> check("Dear customer, thank you for contacting support. " * 9).findings[0].kind
    'exact'
    >>> check("All is well.").findings
    []
    """
    return check_text(text, guard)
