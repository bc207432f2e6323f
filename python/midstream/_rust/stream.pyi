# Written by `make stubs` from rust/bindings/python.
"""
What `midstream.stream` stands on.
"""

from typing import Any, Final, SupportsIndex, final

import midstream.stream.settings
from _typeshed import Incomplete

__all__ = [
    "AgentChecks",
    "AgentDecision",
    "AgentSummary",
    "Arrived",
    "Channel",
    "Checks",
    "CompiledSettings",
    "Course",
    "Decision",
    "Event",
    "Finding",
    "Guard",
    "Held",
    "HoldSummary",
    "PaceSummary",
    "RedactSummary",
    "Summary",
    "ToolCall",
    "Usage",
    "check_text",
    "now_ns",
]

@final
class AgentChecks:
    """
    The check of an agent's loops over the many requests of one run.

    A guard reads one stream; this reads what the agent does: its calls of tools, their results, what it says. Hand it the
    messages of each request before you send it, or the steps one by one.

    Parameters
    ----------
    settings : Settings or path of a guard file, optional
        Their ``actions`` and ``shadow`` count; the default settings where left out.

    Notes
    -----
    Memory stays below 160 KiB however long a run is. Use from several threads is serialised.

    Examples
    --------
    >>> from midstream.stream import AgentChecks
    >>> checks = AgentChecks()
    >>> for _ in range(3):
    ...     _ = checks.call("search", {"query": "harbour"})
    ...     decision = checks.result("no hits")
    >>> decision.action
    'hint'
    >>> decision.findings[0].explanation
    'search was called 3 times with the same arguments and the same result since step 2'
    """
    def __new__(cls, /, settings: midstream.stream.settings.SettingsOrFile | None = None) -> AgentChecks: ...
    def call(self, /, tool: str, arguments: object = None, *, id: str | None = None) -> AgentDecision:
        """
        The agent calls a tool.

        Parameters
        ----------
        tool : str
            Its name.
        arguments : str, mapping or None
            JSON text or what JSON can hold. Calls are equal where the JSON says the same.
        id : str, optional
            The provider's id of the call.

        Returns
        -------
        AgentDecision
        """
    def message(self, /, text: str, *, agent: str = ...) -> AgentDecision:
        """
        An agent says something.

        Parameters
        ----------
        text : str
            Messages of fewer than twelve words are not compared.
        agent : str
            Who says it; messages of one agent are compared with each other.

        Returns
        -------
        AgentDecision
        """
    def messages(self, /, messages: object) -> AgentDecision:
        """
        Reads the messages of a request, each time from the start: those that were read are not read again.

        Parameters
        ----------
        messages : list
            Mappings or pydantic models: chat messages of OpenAI, Ollama and others, items of Responses, messages of
            Anthropic and Bedrock, contents of Gemini.

        Returns
        -------
        AgentDecision

        Raises
        ------
        InputError
            For what is no list, and for a message that is none or that JSON cannot hold, by its index.

        Notes
        -----
        Linear in the messages. Where their beginning was summed up or left out, reading goes on behind the last step that
        was read.
        """
    @staticmethod
    def restore(data: bytes, settings: midstream.stream.settings.SettingsOrFile | None = None) -> AgentChecks:
        """
        The checks whose state `snapshot` wrote.

        Parameters
        ----------
        data : bytes
        settings : Settings or path of a guard file, optional
            With the ``actions`` and ``shadow`` of the checks that were kept.

        Returns
        -------
        AgentChecks

        Raises
        ------
        InputError
            For bytes that are cut, changed, written by another version or under other settings.

        Examples
        --------
        >>> from midstream.stream import AgentChecks
        >>> checks = AgentChecks()
        >>> _ = checks.call("search")
        >>> AgentChecks.restore(checks.snapshot()).summary.open_calls
        1
        """
    def result(
        self, /, result: object, *, id: str | None = None, tool: str | None = None, failed: bool | None = None
    ) -> AgentDecision:
        """
        A tool gave its result.

        Parameters
        ----------
        result : str, or anything that JSON can hold
        id : str, optional
            The call's id. Without it the result is that of the oldest open call.
        tool : str, optional
            Without an id, the result is that of the oldest open call of this tool.
        failed : bool, optional
            Whether the tool failed. Default: told from the text.

        Returns
        -------
        AgentDecision
        """
    def snapshot(self, /) -> bytes:
        """
        The state of the run as bytes, which `restore` goes on from, here or in another process.

        They hold what findings show of the latest calls, hashes of the rest, and no settings.

        Returns
        -------
        bytes
        """
    @property
    def summary(self, /) -> AgentSummary:
        """
        The run so far.
        """

@final
class AgentDecision:
    """
    What steps of an agent were found to be, and ask for.

    Attributes
    ----------
    action : str
        pass, observe, warn, hint or stop: the strongest that was asked for; stop stays from the stop on.
    findings : list of Finding
    hint : str or None
        One message for the model's next turn, where the action is hint.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def action(self, /) -> str: ...
    @property
    def findings(self, /) -> list[Finding]: ...
    @classmethod
    def from_json(cls, /, json: str) -> AgentDecision:
        """
        The decision that `to_json` wrote.
        """
    @property
    def hint(self, /) -> str | None: ...
    def to_json(self, /) -> str:
        """
        The decision as one JSON object.
        """

@final
class AgentSummary:
    """
    A run of an agent so far.

    Attributes
    ----------
    steps, calls, results, messages : int
        What was read.
    open_calls : int
        Calls whose result has not come, at most 64.
    halted : bool
        A decision asked for the end of the run.
    anomalies : dict of str to int
        ``orphan_result``: results for no open call.
    findings : list of Finding
        Oldest first.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def anomalies(self, /) -> dict[str, int]: ...
    @property
    def calls(self, /) -> int: ...
    @property
    def findings(self, /) -> list[Finding]: ...
    @classmethod
    def from_json(cls, /, json: str) -> AgentSummary:
        """
        The summary that `to_json` wrote.
        """
    @property
    def halted(self, /) -> bool: ...
    @property
    def messages(self, /) -> int: ...
    @property
    def open_calls(self, /) -> int: ...
    @property
    def results(self, /) -> int: ...
    @property
    def steps(self, /) -> int: ...
    def to_json(self, /) -> str:
        """
        The summary as one JSON object.
        """

@final
class Arrived:
    """
    An item of a watched iterator with which more is to be done than passing it on.

    Attributes
    ----------
    item : object
    decision : Decision or None
        What the guard decided.
    error : Exception or None
        Why it could not be read. Without a decision and an error, it was not read yet.
    """
    def __new__(cls, /, item: object) -> Arrived: ...
    @property
    def decision(self, /) -> Decision | None: ...
    @property
    def error(self, /) -> Any | None: ...
    @property
    def item(self, /) -> Any: ...

@final
class Channel:
    """
    One channel after the end: its id, what it carried, how many characters (bytes for audio).
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def characters(self, /) -> int: ...
    @classmethod
    def from_json(cls, /, json: str) -> Channel:
        """
        The channel that `to_json` wrote.
        """
    @property
    def id(self, /) -> str: ...
    @property
    def kind(self, /) -> str: ...
    def to_json(self, /) -> str:
        """
        The channel as one JSON object.
        """

@final
class Checks:
    """
    The checks of one stream that you have as text or events and not as bytes.

    Parameters
    ----------
    settings : Settings or path of a guard file, optional
        What to look for; the default settings where left out.
    started_ns : int, optional
        When the answer was asked for; without it there is no time to first text.
    keep_text : bool
        Keep the answer's text, for `text`. Memory then grows with it.

    Raises
    ------
    StateError
        From every method after `finish`.

    Examples
    --------
    >>> from midstream.stream import Checks
    >>> checks = Checks()
    >>> checks.push("All is well.").action
    'pass'
    >>> decision, summary = checks.finish()
    >>> summary.ending
    'complete'
    """
    def __new__(
        cls,
        /,
        settings: midstream.stream.settings.SettingsOrFile | None = None,
        *,
        started_ns: int | None = None,
        keep_text: bool = False,
    ) -> Checks: ...
    def finish(self, /, how: str = ..., now_ns: int | None = None) -> tuple[Decision, Summary]:
        """
        Says how the stream closed, once.

        Parameters
        ----------
        how : str
            clean, abrupt, client_left, stopped or gave_up.
        now_ns : int, optional

        Returns
        -------
        tuple of Decision and Summary
        """
    def push(self, /, event: object, *, channel: str = ..., now_ns: int | None = None) -> Decision:
        """
        Reads text, or an event of the provider, that you have and not bytes.

        Parameters
        ----------
        event : str, mapping or pydantic model
            Text goes to a channel of its own; anything else is read as the provider's JSON.
        channel : str
            Of text: text, reasoning, refusal or tool.
        now_ns : int, optional

        Returns
        -------
        Decision

        Raises
        ------
        TypeError
            For anything else.
        """
    def resume(self, /, now_ns: int | None = None) -> Decision:
        """
        Says that you read on after a pause of your own, which is no stall: waiting counts from here.

        Parameters
        ----------
        now_ns : int, optional

        Returns
        -------
        Decision
        """
    @property
    def text(self, /) -> str | None:
        """
        The answer's text so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
        """
    def tick(self, /, now_ns: int | None = None) -> Decision:
        """
        Says that time passed without bytes, so that stalls are found.

        Parameters
        ----------
        now_ns : int, optional

        Returns
        -------
        Decision
        """

@final
class CompiledSettings:
    """
    Settings, checked once and shared by any number of guards.
    """

    MAX_FILE: Final[int]
    """
    Bytes of a guard file at most.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __new__(cls, /, json: str) -> CompiledSettings: ...
    @staticmethod
    def read(content: bytes, file: str | None = None) -> tuple[CompiledSettings, str]:
        """
        The settings of a guard file, and its tables as JSON.
        """
    @staticmethod
    def write(json: str) -> str:
        """
        Tables in JSON as the text of a guard file.
        """

@final
class Course:
    """
    What was written by when, in at most 129 points; all lists are empty where times are unknown.

    Attributes
    ----------
    at_ns : list of int
        Nanoseconds since the stream was asked for, else since its first chunk.
    characters : list of int
        What was written until then, in all channels but sound.
    found_at_ns, found_characters : list of int
        The same of the first findings, in the order of the summary's.
    longest_gap_ns : tuple of int, or None
        From when to when nothing was written for the longest time.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def at_ns(self, /) -> list[int]: ...
    @property
    def characters(self, /) -> list[int]: ...
    @property
    def found_at_ns(self, /) -> list[int]: ...
    @property
    def found_characters(self, /) -> list[int]: ...
    @classmethod
    def from_json(cls, /, json: str) -> Course:
        """
        The course that `to_json` wrote.
        """
    @property
    def longest_gap_ns(self, /) -> tuple[int, int] | None: ...
    def to_json(self, /) -> str:
        """
        The course as one JSON object.
        """

@final
class Decision:
    """
    What a call found and asks for.

    Attributes
    ----------
    action : str
        pass, observe, warn, hint, end_reasoning, redact, hold or stop: the strongest that was asked for. From the one that
        ended the stream on, that one.
    halted : bool
        A decision has ended the stream: nothing more of it passes.
    forward : bytes
        What to pass on: the very object that was fed, other bytes, or ``b""``. Of text that was pushed, what of it may
        pass, in UTF-8.
    events : list of Event
    findings : list of Finding
    held : list of Held
        Texts that wait for a check of yours from this call on, where the settings hold text.
    ended : bool
        The end mark of the transport was read: nothing more is expected.
    tick_at_ns : int or None
        When ``tick`` is next needed.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any]]: ...
    @classmethod
    def _restored(cls, /, state: tuple[object, ...]) -> Decision: ...
    @property
    def action(self, /) -> str: ...
    @property
    def ended(self, /) -> bool: ...
    @property
    def events(self, /) -> list[Event]: ...
    @property
    def findings(self, /) -> list[Finding]: ...
    @property
    def forward(self, /) -> bytes: ...
    @property
    def halted(self, /) -> bool: ...
    @property
    def held(self, /) -> list[Held]: ...
    @property
    def tick_at_ns(self, /) -> int | None: ...

@final
class Event:
    """
    One thing that happened in a stream, in the same terms for every provider.

    Attributes
    ----------
    kind : str
        audio, citation, end, error, finish, other, ping, reasoning, refusal, server_tool, start, text, tool_args,
        tool_end, tool_start or usage.
    sequence : int
        Counts the stream's events from 0.
    channel : str or None
        Id of the channel it belongs to, for example ``choice:0/text``.
    at_ns : int
        When its last byte arrived.
    span : tuple of int
        The bytes of the raw stream it was read from, first and behind the last.
    text : str or None
        The decoded fragment of text, reasoning, refusal or tool arguments.
    fields : dict
        Everything else the kind has, for example ``reason`` and ``raw`` of ``finish``.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Any]]: ...
    @classmethod
    def _restored(cls, /, state: tuple[object, ...]) -> Event: ...
    @property
    def at_ns(self, /) -> int: ...
    @property
    def channel(self, /) -> str | None: ...
    @property
    def fields(self, /) -> dict[str, object]: ...
    @property
    def kind(self, /) -> str: ...
    @property
    def sequence(self, /) -> int: ...
    @property
    def span(self, /) -> tuple[int, int]: ...
    @property
    def text(self, /) -> str | None: ...

@final
class Finding:
    """
    What a check found.

    Attributes
    ----------
    check, kind : str
        ``repeat`` and ``exact``, ``counter`` or ``near``; ``actions`` and ``repeat``, ``ping_pong``, ``same_error`` or
        ``no_progress``; ``budget`` and what it limits; ``ending`` and the ending; ``hold`` and
        ``refused``, ``max_hold``, ``unjudged`` or ``limit``; ``pace`` and ``stall``; ``redact`` and
        the rule, or why a stream that could not be read was stopped.
    action : str
        What the settings ask for: observe, warn, hint, end_reasoning, redact, hold or stop.
    channel : str or None
    offset : int or None
        Characters of the channel's text up to and including the one that fired; of actions, steps.
    onset : int or None
        Where the first repeat or the replacement begins, in characters; of actions, the step of the first copy.
    period : int or None
        Characters of one copy; of actions, calls of one turn.
    score : float
        Strength of the evidence, in copies for loops.
    evidence, explanation : str
        At most 80 characters of what was seen, and one sentence for people.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __rich__(self, /) -> Any: ...
    def _repr_html_(self, /) -> Any: ...
    @property
    def action(self, /) -> str: ...
    @property
    def channel(self, /) -> str | None: ...
    @property
    def check(self, /) -> str: ...
    @property
    def evidence(self, /) -> str: ...
    @property
    def explanation(self, /) -> str: ...
    @classmethod
    def from_json(cls, /, json: str) -> Finding:
        """
        The finding that `to_json` wrote.
        """
    @property
    def kind(self, /) -> str: ...
    @property
    def offset(self, /) -> int | None: ...
    @property
    def onset(self, /) -> int | None: ...
    @property
    def period(self, /) -> int | None: ...
    @property
    def score(self, /) -> float: ...
    def to_json(self, /) -> str:
        """
        The finding as one JSON object, as the summary's holds it.
        """

@final
class Guard:
    """
    Watches one stream: bytes in, the same bytes out, with events, findings and a decision per chunk.

    Bytes are never changed, dropped or delayed until a decision stops the stream; where the settings have rules of
    redaction they pass as whole events with their secrets replaced, and where they hold text, once `release` lets it
    pass. Events and findings do not depend on how the stream is cut into chunks. A guard serves one stream; use from
    several threads is serialised.

    Parameters
    ----------
    settings : Settings or path of a guard file, optional
        What the checks look for; the default settings where left out.
    dialect, framing : str
        The provider's format and how its body is cut; ``auto`` tells them from the content type and the first bytes.
    content_type : str, optional
        The HTTP header's value.
    http_status : int, optional
        From 400 on the stream has failed.
    started_ns : int, optional
        When the request was sent; without it there is no time to first byte.
    end : {"none", "error", "finish"}
        How a stream that a decision stopped ends for its consumer: ``finish("stopped")`` then gives nothing, the error of
        the format, or the end of an answer that has reached its length.
    keep_text : bool
        Keep the answer's text and what the model thought, for `text` and `reasoning`. Memory then grows with them.

    Raises
    ------
    InputError
        For an unknown dialect, framing or end, naming the nearest.
    StateError
        From every method after `finish`.

    Examples
    --------
    >>> from midstream.stream import Guard
    >>> guard = Guard()
    >>> chunk = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"Hi"}}]}\\n\\n'
    >>> guard.feed(chunk).forward is chunk
    True
    >>> decision, summary = guard.finish()
    >>> summary.ending
    'truncated'
    """
    def __new__(
        cls,
        /,
        settings: midstream.stream.settings.SettingsOrFile | None = None,
        *,
        dialect: str = ...,
        framing: str = ...,
        content_type: str | None = None,
        http_status: int | None = None,
        started_ns: int | None = None,
        end: str = ...,
        keep_text: bool = False,
    ) -> Guard: ...
    @property
    def _awaits(self, /) -> bool:
        """
        Whether the reader waits: from `_wait` on, until something is read or the stream is finished.
        """
    def _claim(self, /, end: Incomplete) -> None:
        """
        Marks the guard as in use by a stream that is watched, which keeps the text.
        """
    @property
    def _format(self, /) -> tuple[str, str]:
        """
        The provider's format and the framing; ``opaque`` and ``auto`` while they are not known.
        """
    @property
    def _held_bytes(self, /) -> int:
        """
        Bytes that wait for it.
        """
    @property
    def _holds(self, /) -> bool:
        """
        Whether text waits for a check of the caller's.
        """
    def _next(self, /, items: object, clock: object = None) -> Any:
        """
        Waits for the items of an iterator and reads them, until there is something to give, as `_take` does.
        """
    @property
    def _of_text(self, /) -> bool:
        """
        Whether the last item was text.
        """
    def _read(self, /, item: object, now_ns: SupportsIndex | None = None) -> Decision | None:
        """
        Reads a chunk, text or an event; ``None`` where it passes.
        """
    @property
    def _redacted(self, /) -> tuple[int, int, int]:
        """
        Matches replaced so far, then bytes that wait: of the stream, and of its decoded text.
        """
    @property
    def _redacts(self, /) -> bool:
        """
        Whether text is redacted: then what passes is what the decisions say, and nothing else may.
        """
    @property
    def _stops_when_quiet(self, /) -> bool:
        """
        Whether time alone can end the stream.
        """
    def _take(self, /, item: object) -> Any | None:
        """
        Reads a chunk, text or an event; gives what passes, ``None`` where all of it waits, and an `Arrived` where more is
        to be done.
        """
    @property
    def _tick_at_ns(self, /) -> int | None:
        """
        When ``tick`` is next needed.
        """
    def _wait(self, /, now_ns: SupportsIndex | None = None) -> None:
        """
        Says that the reader is about to wait: where it was away for long, waiting counts from here.
        """
    @property
    def _whole(self, /) -> bool:
        """
        Whether the last call read the stream's end mark, or an error of the provider: there is no more to come.
        """
    def ask_rest(self, /, now_ns: int | None = None) -> Decision:
        """
        Says that no more bytes come, where text is held: what is left of it is asked for before `finish`.

        Parameters
        ----------
        now_ns : int, optional

        Returns
        -------
        Decision
        """
    def feed(self, /, chunk: bytes | bytearray | memoryview, now_ns: int | None = None) -> Decision:
        """
        Reads the next bytes of the stream.

        Parameters
        ----------
        chunk : bytes, bytearray or memoryview
            Any piece of the body; an empty one does nothing. Of another buffer than bytes a copy is passed on.
        now_ns : int, optional
            When it arrived, in nanoseconds from an origin of your choice; the clock's time where left out.

        Returns
        -------
        Decision

        Raises
        ------
        TypeError
            For text and whatever else is no buffer.
        """
    def finish(self, /, how: str = ..., now_ns: int | None = None) -> tuple[Decision, Summary]:
        """
        Says how the stream closed, once.

        Parameters
        ----------
        how : str
            clean, abrupt, client_left, stopped or gave_up.
        now_ns : int, optional

        Returns
        -------
        tuple of Decision and Summary
        """
    def push(self, /, event: object, *, channel: str = ..., now_ns: int | None = None) -> Decision:
        """
        Reads text, or an event of the provider, that you have and not bytes.

        Parameters
        ----------
        event : str, mapping or pydantic model
            Text goes to a channel of its own; anything else is read as the provider's JSON.
        channel : str
            Of text: text, reasoning, refusal or tool.
        now_ns : int, optional

        Returns
        -------
        Decision

        Raises
        ------
        TypeError
            For anything else.
        """
    def push_json(self, /, json: str, *, now_ns: int | None = None) -> Decision:
        """
        Reads one event of the provider that you have as JSON text and not as bytes.

        Parameters
        ----------
        json : str
        now_ns : int, optional

        Returns
        -------
        Decision
        """
    @property
    def reasoning(self, /) -> str | None:
        """
        What the model thought so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
        """
    def refuse(self, /, id: int, reason: str = ..., now_ns: int | None = None) -> Decision:
        """
        Refuses a text that waits: the stream is stopped, and nothing that waits passes any more.

        Parameters
        ----------
        id : int
        reason : str
            For the finding; it should not hold the text itself.
        now_ns : int, optional

        Returns
        -------
        Decision

        Raises
        ------
        InputError
            For the id of a text that does not wait.
        """
    def release(self, /, id: int, now_ns: int | None = None) -> Decision:
        """
        Lets a text pass that waits: your check has nothing against it.

        Parameters
        ----------
        id : int
            Of a `Held` that a decision gave.
        now_ns : int, optional

        Returns
        -------
        Decision
            With the bytes that pass now, in order; those of a later text may wait for an earlier one.

        Raises
        ------
        InputError
            For the id of a text that does not wait.
        """
    @staticmethod
    def restore(
        data: bytes, settings: midstream.stream.settings.SettingsOrFile | None = None, *, now_ns: int | None = None
    ) -> Guard:
        """
        The guard whose state `snapshot` wrote; it goes on as that one would have, with the end that it had.

        Text that was asked for waits on: a verdict names it by the id that it had, and `waiting` gives it to ask again.

        Parameters
        ----------
        data : bytes
        settings : Settings or path of a guard file, optional
            Those of the guard that was kept; the default settings where left out.
        now_ns : int, optional
            The time at the last call before the snapshot, by the clock of the calls to come. Where left out, that is the
            clock of the calls before.

        Returns
        -------
        Guard

        Raises
        ------
        InputError
            For bytes that are cut, changed, written by another version or under other settings.

        Examples
        --------
        >>> from midstream.stream import Guard
        >>> guard = Guard()
        >>> guard.push("I am done. " * 5).action
        'pass'
        >>> Guard.restore(guard.snapshot()).push("I am done. " * 5).action
        'stop'
        """
    def resume(self, /, now_ns: int | None = None) -> Decision:
        """
        Says that you read on after a pause of your own, which is no stall: waiting counts from here.

        Parameters
        ----------
        now_ns : int, optional

        Returns
        -------
        Decision
        """
    def snapshot(self, /) -> bytes:
        """
        The state of this guard as bytes, which `restore` goes on from, here or in another process.

        They hold the text that the checks look back on, the arguments of tool calls, frames that are not whole yet, and the
        answer where ``keep_text`` is set. Where text is redacted or held they hold what waits as the model wrote it, **a
        secret not yet replaced among it**: keep them as you keep the stream itself. Their repr shows their length alone. They
        hold no settings. Bytes are read by the version of MidStream that wrote them; take only your own, as a checksum tells
        damage and not malice.

        Returns
        -------
        bytes

        Raises
        ------
        StateError
            After `finish`.
        """
    @property
    def text(self, /) -> str | None:
        """
        The answer's text so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
        """
    def tick(self, /, now_ns: int | None = None) -> Decision:
        """
        Says that time passed without bytes, so that stalls are found.

        Parameters
        ----------
        now_ns : int, optional

        Returns
        -------
        Decision
        """
    @property
    def waiting(self, /) -> list[Held]:
        """
        The texts that were asked for and wait for their verdict, the oldest first, then those that passed without one.
        """

@final
class Held:
    """
    A text that waits for a check of yours.

    Attributes
    ----------
    id : int
        What `Guard.release` and `Guard.refuse` name it by.
    channel : str
    text : str
        A sentence, or as much of one as the limit allows.
    so_far : str
        All of the channel's text up to its end.
    onset, offset : int
        Characters of the channel before it, and with it.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def channel(self, /) -> str: ...
    @classmethod
    def from_json(cls, /, json: str) -> Held:
        """
        The text that `to_json` wrote.
        """
    @property
    def id(self, /) -> int: ...
    @property
    def offset(self, /) -> int: ...
    @property
    def onset(self, /) -> int: ...
    @property
    def so_far(self, /) -> str: ...
    @property
    def text(self, /) -> str: ...
    def to_json(self, /) -> str:
        """
        The text and its place as one JSON object.
        """

@final
class HoldSummary:
    """
    What waited for a check of yours, and how long.

    Attributes
    ----------
    pieces, refused, late : int
        Texts that were asked for; those that were refused, and those whose check took too long.
    held_bytes, held_bytes_max, held_bytes_total : int
        Bytes of decoded text that wait: at the end, the most at a time, all together.
    hold_p50_s, hold_p99_s : float or None
        How long they waited from their first character on: half of them, and 99 of 100, no longer than this.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @classmethod
    def from_json(cls, /, json: str) -> HoldSummary:
        """
        The numbers that `to_json` wrote.
        """
    @property
    def held_bytes(self, /) -> int: ...
    @property
    def held_bytes_max(self, /) -> int: ...
    @property
    def held_bytes_total(self, /) -> int: ...
    @property
    def hold_p50_s(self, /) -> float | None: ...
    @property
    def hold_p99_s(self, /) -> float | None: ...
    @property
    def late(self, /) -> int: ...
    @property
    def pieces(self, /) -> int: ...
    @property
    def refused(self, /) -> int: ...
    def to_json(self, /) -> str:
        """
        The numbers as one JSON object.
        """

@final
class PaceSummary:
    """
    Times of one stream in seconds; ``None`` is unknown.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def duration_s(self, /) -> float | None: ...
    @property
    def first_byte_s(self, /) -> float | None: ...
    @property
    def first_event_s(self, /) -> float | None: ...
    @property
    def first_text_s(self, /) -> float | None: ...
    @classmethod
    def from_json(cls, /, json: str) -> PaceSummary:
        """
        The times that `to_json` wrote.
        """
    @property
    def gap_p50_s(self, /) -> float | None: ...
    @property
    def gap_p99_s(self, /) -> float | None: ...
    @property
    def longest_gap_s(self, /) -> float | None: ...
    @property
    def stalls(self, /) -> int: ...
    def to_json(self, /) -> str:
        """
        The times as one JSON object.
        """
    @property
    def tokens_per_s(self, /) -> float | None: ...

@final
class RedactSummary:
    """
    What redaction did to a stream.

    Attributes
    ----------
    redactions, copies : int
        Matches replaced in the text of channels; and elsewhere, in copies of that text, errors and results.
    held_bytes, held_bytes_max, held_bytes_total : int
        Bytes of decoded text that wait for what follows them: at the end, the most at a time, all together.
    hold_p50_s, hold_p99_s : float or None
        How long they waited: half of them, and 99 of 100, no longer than this.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def copies(self, /) -> int: ...
    @classmethod
    def from_json(cls, /, json: str) -> RedactSummary:
        """
        The numbers that `to_json` wrote.
        """
    @property
    def held_bytes(self, /) -> int: ...
    @property
    def held_bytes_max(self, /) -> int: ...
    @property
    def held_bytes_total(self, /) -> int: ...
    @property
    def hold_p50_s(self, /) -> float | None: ...
    @property
    def hold_p99_s(self, /) -> float | None: ...
    @property
    def redactions(self, /) -> int: ...
    def to_json(self, /) -> str:
        """
        The numbers as one JSON object.
        """

@final
class Summary:
    """
    A stream after its end.

    Attributes
    ----------
    ending : str
        complete, truncated, failed, cancelled, halted or stalled.
    ending_notes : list of str
        What is notable about it, for example ``no_end_mark``, ``length`` or ``unknown_format``.
    finish_reasons : list of str
        The provider's own words, in order.
    dialect, framing : str
    looks_like : str or None
        The dialect that the events are of, where it is not the one given.
    id, model : str or None
    bytes, events : int
    anomalies : dict of str to int
        Faults that were survived, for example ``bad_json``, and how often.
    channels : list of Channel
    tool_calls : list of ToolCall
    usage : Usage
        Of all responses of the stream together.
    cost : float or None
        At the prices of the budget; ``None`` without prices, and where nothing was counted.
    cost_source : str
        reported, estimated or unknown.
    pace : PaceSummary
    course : Course
        What was written by when, which `plot` draws.
    findings : list of Finding
    hints : list of str
        What to say to the model in its next turn, one sentence for each finding whose action is hint.
    redact : RedactSummary or None
        What was redacted and held, where the settings have rules.
    hold : HoldSummary or None
        What waited for a check of yours, where the settings hold text.
    clock_regressions : int
        How often the given time went back and was clamped.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __rich__(self, /) -> Any: ...
    def _repr_html_(self, /) -> Any: ...
    @property
    def anomalies(self, /) -> dict[str, int]: ...
    @property
    def bytes(self, /) -> int: ...
    @property
    def channels(self, /) -> list[Channel]: ...
    @property
    def clock_regressions(self, /) -> int: ...
    @property
    def cost(self, /) -> float | None: ...
    @property
    def cost_source(self, /) -> str: ...
    @property
    def course(self, /) -> Course: ...
    @property
    def dialect(self, /) -> str: ...
    @property
    def ending(self, /) -> str: ...
    @property
    def ending_notes(self, /) -> list[str]: ...
    @property
    def events(self, /) -> int: ...
    @property
    def findings(self, /) -> list[Finding]: ...
    @property
    def finish_reasons(self, /) -> list[str]: ...
    @property
    def framing(self, /) -> str: ...
    @classmethod
    def from_json(cls, /, json: str) -> Summary:
        """
        The summary that `to_json` wrote.

        Parameters
        ----------
        json : str

        Returns
        -------
        Summary

        Raises
        ------
        InputError
            For anything else, naming what is missing.
        """
    @property
    def hints(self, /) -> list[str]: ...
    @property
    def hold(self, /) -> HoldSummary | None: ...
    @property
    def id(self, /) -> str | None: ...
    @property
    def looks_like(self, /) -> str | None: ...
    @property
    def model(self, /) -> str | None: ...
    @property
    def pace(self, /) -> PaceSummary: ...
    def plot(self, /, *, ax: Any | None = None) -> Any:
        """
        Draw the stream's pace and its findings with matplotlib, the extra ``midstream[plot]``.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure where left out.

        Returns
        -------
        matplotlib Axes
            Characters over seconds; over characters alone where times are unknown, and the axis says so.

        Raises
        ------
        MissingExtra
            Without matplotlib.
        """
    @property
    def redact(self, /) -> RedactSummary | None: ...
    def to_json(self, /) -> str:
        """
        The summary as one JSON object, with the keys of ``midstream analyze --json``.
        """
    @property
    def tool_calls(self, /) -> list[ToolCall]: ...
    @property
    def usage(self, /) -> Usage: ...

@final
class ToolCall:
    """
    A tool call as far as it was seen. Arguments of a call that is not complete must not be executed.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def arguments(self, /) -> str: ...
    @property
    def complete(self, /) -> bool: ...
    @classmethod
    def from_json(cls, /, json: str) -> ToolCall:
        """
        The call that `to_json` wrote.
        """
    @property
    def id(self, /) -> str: ...
    @property
    def name(self, /) -> str: ...
    def to_json(self, /) -> str:
        """
        The call as one JSON object.
        """
    @property
    def valid_json(self, /) -> bool | None: ...

@final
class Usage:
    """
    Token counts; ``None`` is unknown, never zero. ``source`` is reported, estimated or unknown.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    @property
    def cache_read(self, /) -> int | None: ...
    @property
    def cache_write(self, /) -> int | None: ...
    @classmethod
    def from_json(cls, /, json: str) -> Usage:
        """
        The counts that `to_json` wrote.
        """
    @property
    def input(self, /) -> int | None: ...
    @property
    def output(self, /) -> int | None: ...
    @property
    def reasoning(self, /) -> int | None: ...
    @property
    def source(self, /) -> str: ...
    def to_json(self, /) -> str:
        """
        The counts as one JSON object.
        """

def check_text(text: str, settings: midstream.stream.settings.SettingsOrFile | None = None) -> Summary:
    """
    Checks finished text and sums it up.
    """

def now_ns() -> int:
    """
    The time that a call without ``now_ns`` takes: nanoseconds of a monotonic clock.
    """
