"""Findings and summaries as a table that data frames open."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Self

from midstream._rust.stream import Finding, Summary
from midstream.errors import MissingExtra

__all__ = ["Table"]

Column = tuple[str, str, Callable[[Any], Any]]
"""Name, Arrow type, and the value of a row."""

FINDING: tuple[Column, ...] = (
    ("check", "string", lambda finding: finding.check),
    ("kind", "string", lambda finding: finding.kind),
    ("action", "string", lambda finding: finding.action),
    ("channel", "string", lambda finding: finding.channel),
    ("offset", "int64", lambda finding: finding.offset),
    ("onset", "int64", lambda finding: finding.onset),
    ("period", "int64", lambda finding: finding.period),
    ("score", "float64", lambda finding: finding.score),
    ("evidence", "string", lambda finding: finding.evidence),
    ("explanation", "string", lambda finding: finding.explanation),
)
TIMES = (
    "first_byte_s",
    "first_event_s",
    "first_text_s",
    "gap_p50_s",
    "gap_p99_s",
    "longest_gap_s",
    "tokens_per_s",
    "duration_s",
)
SUMMARY: tuple[Column, ...] = (
    ("ending", "string", lambda summary: summary.ending),
    ("ending_notes", "string", lambda summary: ", ".join(summary.ending_notes)),
    ("finish_reasons", "string", lambda summary: ", ".join(summary.finish_reasons)),
    ("dialect", "string", lambda summary: summary.dialect),
    ("framing", "string", lambda summary: summary.framing),
    ("id", "string", lambda summary: summary.id),
    ("model", "string", lambda summary: summary.model),
    ("bytes", "int64", lambda summary: summary.bytes),
    ("events", "int64", lambda summary: summary.events),
    ("characters", "int64", lambda summary: written(summary)),
    ("tool_calls", "int64", lambda summary: len(summary.tool_calls)),
    ("findings", "int64", lambda summary: len(summary.findings)),
    ("anomalies", "int64", lambda summary: sum(summary.anomalies.values())),
    *((f"{name}_tokens", "int64", lambda summary, name=name: getattr(summary.usage, name)) for name in
      ("input", "output", "reasoning", "cache_read", "cache_write")),
    ("token_source", "string", lambda summary: summary.usage.source),
    ("cost", "float64", lambda summary: summary.cost),
    ("stalls", "int64", lambda summary: summary.pace.stalls),
    *((name, "float64", lambda summary, name=name: getattr(summary.pace, name)) for name in TIMES),
)  # fmt: skip


def written(summary: Summary) -> int:
    return sum(channel.characters for channel in summary.channels if channel.kind != "audio")


class Table:
    """Rows of findings or of summaries, for pandas, polars, DuckDB and whatever else reads Arrow or JSON lines.

    `findings` and `summaries` make one. It has Arrow's ``__arrow_c_stream__``, so ``polars.DataFrame(table)``,
    ``pandas.DataFrame.from_arrow(table)``, ``pyarrow.table(table)`` and DuckDB's ``from table`` open it; that needs the
    extra ``midstream[arrow]``, `to_jsonl` needs nothing.

    Attributes
    ----------
    columns : dict of str to str
        The Arrow type of each column, the same for every table of its kind, empty ones included. All may be null but
        those of type string and int64 that every row has; unknown is null and never zero.

    Notes
    -----
    Building the Arrow form copies every value once, in O(rows).

    Examples
    --------
    >>> from midstream.stream import check
    >>> table = Table.findings(check("I am done. " * 20))
    >>> len(table), table.columns["offset"]
    (1, 'int64')
    >>> table.to_dicts()[0]["kind"]
    'exact'
    """

    def __init__(self, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        if not isinstance(columns, Mapping):
            raise TypeError(f"columns is {type(columns).__name__}, allowed: a mapping of names to Arrow types")
        if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
            raise TypeError(f"rows is {type(rows).__name__}, allowed: an iterable of tuples, one a row")
        self.columns = dict(columns)
        self._rows = list(rows)

    @classmethod
    def findings(cls, source: "Summary | Iterable[Summary | Finding] | Mapping[str, Summary]") -> Self:
        """A row a finding, in stream order.

        Parameters
        ----------
        source : Summary, iterable of Summary or Finding, or mapping of str to Summary
            The column ``stream`` holds the mapping's key; of an iterable of summaries the place in it, from 0, as text;
            else null.

        Raises
        ------
        TypeError
            For anything else.

        Examples
        --------
        >>> len(Table.findings([]))
        0
        """
        found = []
        for stream, thing in named(source):
            if not isinstance(thing, (Summary, Finding)):
                raise TypeError(f"source holds {type(thing).__name__}, allowed: Summary, Finding")
            of_one = [thing] if isinstance(thing, Finding) else thing.findings
            found += [(stream if isinstance(thing, Summary) else None, finding) for finding in of_one]
        return cls._of(FINDING, found)

    @classmethod
    def summaries(cls, source: "Summary | Iterable[Summary] | Mapping[str, Summary]") -> Self:
        """A row a stream.

        Parameters
        ----------
        source : Summary, iterable of Summary, or mapping of str to Summary
            The column ``stream`` as for `findings`.

        Raises
        ------
        TypeError
            For anything else.

        Examples
        --------
        >>> from midstream.stream import check
        >>> Table.summaries({"greeting": check("Hello.")}).to_dicts()[0]["stream"]
        'greeting'
        """
        streams = list(named(source))
        for _, thing in streams:
            if not isinstance(thing, Summary):
                raise TypeError(f"source holds {type(thing).__name__}, allowed: Summary")
        return cls._of(SUMMARY, streams)

    @classmethod
    def _of(cls, columns: tuple[Column, ...], things: Iterable[tuple[str | None, Any]]) -> Self:
        types = {"stream": "string"} | {name: kind for name, kind, _ in columns}
        return cls(types, ((stream, *(value(thing) for _, _, value in columns)) for stream, thing in things))

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows, columns=[{', '.join(self.columns)}])"

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as dicts; every row has every column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self._rows]

    def to_jsonl(self) -> str:
        """The rows as JSON lines in ASCII; no row, no text.

        Examples
        --------
        >>> from midstream.stream import check
        >>> Table.findings(check("I am done. " * 20)).to_jsonl()[:48]
        '{"stream": null, "check": "repeat", "kind": "exa'
        """
        return "".join(json.dumps(row, allow_nan=False) + "\n" for row in self.to_dicts())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows in Arrow's C interface, as one batch.

        Raises
        ------
        MissingExtra
            Without nanoarrow.
        """
        try:
            nanoarrow: Any = import_module("nanoarrow")
        except ImportError as error:
            raise MissingExtra("an Arrow table needs nanoarrow: pip install 'midstream[arrow]'") from error
        types = {name: getattr(nanoarrow, kind)() for name, kind in self.columns.items()}
        values = list(zip(*self._rows, strict=True)) or [()] * len(types)
        children = [nanoarrow.c_array(column, kind) for column, kind in zip(values, types.values(), strict=True)]
        batch = nanoarrow.c_array_from_buffers(nanoarrow.struct(types), len(self), [None], children=children)
        stream: object = nanoarrow.Array(batch).__arrow_c_stream__(requested_schema)
        return stream


def named(source: Any) -> Iterator[tuple[str | None, Any]]:
    """Each thing with the name of its stream."""
    if isinstance(source, (Summary, Finding)):
        yield None, source
    elif isinstance(source, Mapping):
        yield from ((str(name), thing) for name, thing in source.items())
    elif isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        yield from ((str(place), thing) for place, thing in enumerate(source))
    else:
        raise TypeError(
            f"source is {type(source).__name__}, allowed: Summary, Finding, or an iterable or mapping of them"
        )
