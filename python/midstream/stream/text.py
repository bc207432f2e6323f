"""Checks of text that is finished."""

from midstream._rust.stream import Guard, Summary, check_text
from midstream.errors import StateError
from midstream.stream.session import settings_of
from midstream.stream.settings import SettingsOrFile

__all__ = ["check"]


def check(text: str, guard: SettingsOrFile | None = None) -> Summary:
    """Check finished text as a stream's answer.

    Parameters
    ----------
    text : str
        Any length; half of a surrogate pair is read as U+FFFD. Above some 100,000 characters other threads go on meanwhile, and Ctrl-C is heard.
    guard : Settings or path of a guard file, optional
        What to look for; the default settings where left out.

    Returns
    -------
    Summary
        Its findings in order of the text; a stop is where a live guard would have ended the stream.

    Raises
    ------
    TypeError
        For what is no text, or no settings.
    StateError
        For a Guard, which watches a stream.

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
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, allowed: str")
    if isinstance(guard, Guard):
        raise StateError("a Guard is for a stream that runs: finished text is checked with Settings")
    return check_text(text, settings_of(guard))
