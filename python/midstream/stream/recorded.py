"""A session whose stream is recorded."""

from collections.abc import Callable
from typing import Any

from midstream._rust.stream import Guard, Held
from midstream.stream.masked import without_secrets_of_url
from midstream.stream.reactions import Reactions
from midstream.stream.record import Place, place_of
from midstream.stream.recorder import Recorder, warned
from midstream.stream.rules import redacting, rules_of
from midstream.stream.session import Session
from midstream.stream.settings import Settings

__all__ = ["place_for", "session_with"]


def place_for(record: object, guard: object, *, many: bool) -> Place | None:
    """The place that a caller's ``record`` names; its rules are made ready now, and not while a stream runs."""
    place = place_of(record, many=many)
    if place is not None:
        Guard(redacting(rules_of(guard if isinstance(guard, Settings) else None)))
    return place


def session_with(
    guard: Guard, reactions: Reactions, place: Place | None, given: object, *, response: Any = None, **known: Any
) -> Session:
    """The session of a stream, which is recorded where there is a place for it.

    Parameters
    ----------
    guard : Guard
    reactions : Reactions
    place : Place, optional
    given : Settings, Guard or None
        What the caller handed in, whose rules apply to what is written.
    response : HTTP response, optional
    **known
        Of the stream, as `Guard` takes it.

    Raises
    ------
    OSError
        Where the file of one stream cannot be opened; of many streams a warning tells.
    """
    if place is None:
        return Session(guard, reactions)
    started_ns = known.pop("started_ns", None)
    rules = rules_of(given if isinstance(given, Settings) else None)
    about = about_request(response, keep_body=place.request)
    about["from_request"] = started_ns is not None
    try:
        to = place.opened(about.get("provider") or "")
    except OSError as error:
        if not place.many:
            raise
        warned(f"this stream is not recorded, and goes on: {str(error).lower()}")
        return Session(guard, reactions)
    return RecordedSession(guard, reactions, Recorder(to, rules, started_ns, known=known, about=about))


def about_request(response: Any, *, keep_body: bool) -> dict[str, Any]:
    """What the first line tells of a request."""
    try:
        request = response.request
        host, url = request.url.host, without_secrets_of_url(str(request.url))
    except Exception:  # no response, or one that was made without a request
        return {"provider": None}
    about = {"provider": host, "url": url}
    return about | ({"request": body_of(request)} if keep_body else {})


def body_of(request: Any) -> Any:
    """The JSON that was sent; None for anything else."""
    import json

    try:
        body = json.loads(request.content)
    except Exception:
        return None
    return body if isinstance(body, dict) else None


class RecordedSession(Session):
    """A session that hands what arrives to a recorder: what passes, where text is redacted."""

    __slots__ = ("_how", "_reading", "_recorder", "_seen")

    def __init__(self, guard: Guard, reactions: Reactions, recorder: Recorder) -> None:
        super().__init__(guard, reactions)
        self._direct = False
        self._recorder = recorder
        self._reading = False
        self._how: str | None = None
        self._seen: Callable[[Any], object] | None = None

    def read_as(self, seen: Callable[[Any], object]) -> None:
        """The guard and the recorder are to see another form of each item."""
        super().read_as(seen)
        self._seen = seen

    def feed(self, chunk: bytes) -> bytes:
        """Reads bytes and gives those to pass on."""
        self._reading = True
        try:
            passed = super().feed(chunk)
            self._recorder.take(passed if self._redacts else chunk)
        finally:
            self._reading = False
        self._end_recording()
        return passed

    def push(self, item: Any) -> Any:
        """Reads an item and gives what of it passes."""
        self._reading = True
        try:
            passed = super().push(item)
            if self._redacts:
                self._recorder.take(passed)
            else:
                self._recorder.take(item if self._seen is None else self._seen(item))
        finally:
            self._reading = False
        self._end_recording()
        return passed

    def finish(self, how: str) -> None:
        """The stream closed; only the first time counts."""
        super().finish(how)
        if self._how is None:
            self._how = how if self._stop is None else "stopped"
            is_taken = self.holds and self.inline and how == "clean"  # when its check let it pass
            if self._rest and self._stop is None and not is_taken:
                self._recorder.take(self._typed(self._rest))
        self._end_recording()

    def judge(self, held: Held, outcome: Any) -> Any:
        """Takes what the caller's check gave for a text, and gives what passes then."""
        return self._taken(lambda: super(RecordedSession, self).judge(held, outcome))

    def ask_rest(self) -> Any:
        """There is no more to read: what is left of the texts is asked for. Gives what passes."""
        return self._taken(super().ask_rest)

    def tick(self) -> Any:
        """Time passed without an item. Gives what passes."""
        return self._taken(super().tick)

    def _taken(self, passing: Callable[[], Any]) -> Any:
        """What passes, which the recorder takes unless it takes that with the item that is read."""
        if self._reading:
            return passing()
        self._reading = True
        try:
            if (passed := passing()) and self._redacts:
                self._recorder.take(passed)
        finally:
            self._reading = False
        self._end_recording()
        return passed

    def _end_recording(self) -> None:
        """Writes the last line, once the last chunk was taken."""
        if self._how is not None and not self._reading:
            self._recorder.end(self._how, self.summary)
