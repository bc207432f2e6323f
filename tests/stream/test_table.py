"""Findings and summaries in pandas, polars, DuckDB and pyarrow, over Arrow and over JSON lines."""

import io
import subprocess
import sys
from importlib.util import find_spec

import pytest

import tiny_bodies
from midstream.errors import MissingExtra
from midstream.stream import Table, check

LOOP = check("I am done. " * 20)
CALM = check("All is well.")
BOTH = {"loop": LOOP, "calm": CALM}
STRINGS = ["stream", "check", "kind", "action", "channel", "evidence", "explanation"]


def needs(*packages):
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make .venv/.peers")


def test_findings_of_several_streams_stand_in_one_table():
    (row,) = Table.findings(BOTH).to_dicts()
    assert (row["stream"], row["kind"], row["offset"]) == ("loop", "exact", LOOP.findings[0].offset)
    assert [row["stream"] for row in Table.findings([CALM, LOOP, LOOP]).to_dicts()] == ["1", "2"]
    assert Table.findings(LOOP.findings).to_dicts()[0]["stream"] is None


def test_every_kind_of_table_has_its_columns_whatever_its_rows():
    assert Table.findings([]).columns == Table.findings(BOTH).columns
    assert Table.summaries([]).columns == Table.summaries(BOTH).columns
    assert list(Table.findings([]).columns)[:3] == ["stream", "check", "kind"]


@pytest.mark.parametrize("source", [None, 3, "text", [3], ["text"], [None]])
def test_what_is_no_summary_is_refused(source):
    with pytest.raises(TypeError, match="Summary"):
        Table.findings(source)
    with pytest.raises(TypeError, match="Summary"):
        Table.summaries(source)


def test_a_summary_row_holds_what_the_summary_says():
    loop, calm = Table.summaries(BOTH).to_dicts()
    assert (loop["ending"], loop["findings"], loop["characters"]) == (LOOP.ending, 1, 220)
    assert (calm["stream"], calm["findings"], calm["input_tokens"], calm["first_byte_s"]) == ("calm", 0, None, None)


@pytest.mark.parametrize("make", [Table.findings, Table.summaries])
@pytest.mark.parametrize("source", [BOTH, {}], ids=["rows", "empty"])
def test_pyarrow_opens_a_table(make, source):
    needs("nanoarrow", "pyarrow")
    import pyarrow

    table = make(source)
    opened = pyarrow.table(table)
    assert {field.name: str(field.type).replace("double", "float64") for field in opened.schema} == table.columns
    assert opened.to_pylist() == table.to_dicts()


@pytest.mark.parametrize("make", [Table.findings, Table.summaries])
@pytest.mark.parametrize("source", [BOTH, {}], ids=["rows", "empty"])
def test_polars_opens_a_table(make, source):
    needs("nanoarrow", "polars")
    import polars

    table = make(source)
    opened = polars.DataFrame(table)
    names = {"string": polars.String, "int64": polars.Int64, "float64": polars.Float64}
    assert dict(opened.schema) == {column: names[kind] for column, kind in table.columns.items()}
    assert opened.to_dicts() == table.to_dicts()


@pytest.mark.parametrize("make", [Table.findings, Table.summaries])
@pytest.mark.parametrize("source", [BOTH, {}], ids=["rows", "empty"])
def test_duckdb_opens_a_table(make, source):
    needs("nanoarrow", "duckdb")
    import duckdb

    table = make(source)
    opened = duckdb.from_arrow(table)
    kinds = {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE"}
    assert dict(zip(opened.columns, map(str, opened.types), strict=True)) == {
        column: kinds[kind] for column, kind in table.columns.items()
    }
    assert [dict(zip(opened.columns, row, strict=True)) for row in opened.fetchall()] == table.to_dicts()


@pytest.mark.parametrize("make", [Table.findings, Table.summaries])
@pytest.mark.parametrize("source", [BOTH, {}], ids=["rows", "empty"])
def test_pandas_opens_a_table(make, source):
    needs("nanoarrow", "pandas", "pyarrow")
    import pandas

    table = make(source)
    opened = pandas.DataFrame.from_arrow(table)
    assert list(opened.columns) == list(table.columns)
    assert len(opened) == len(table)
    known = [{name: value for name, value in row.items() if value is not None} for row in table.to_dicts()]
    for row, expected in zip(opened.to_dict("records"), known, strict=True):
        assert {name: row[name] for name in expected} == expected
        assert all(pandas.isna(row[name]) for name in set(row) - set(expected))


def test_json_lines_are_read_by_all_three(tmp_path):
    needs("duckdb", "pandas", "polars")
    import duckdb
    import pandas
    import polars

    file = tmp_path / "findings.jsonl"
    file.write_text(Table.findings(BOTH).to_jsonl(), encoding="ascii")
    offset = LOOP.findings[0].offset
    assert polars.read_ndjson(file)["offset"].to_list() == [offset]
    assert pandas.read_json(file, lines=True)["offset"].to_list() == [offset]
    assert duckdb.sql(f"select stream, \"offset\" from '{file}'").fetchall() == [("loop", offset)]


def test_reports_of_analyze_are_read_by_all_three(tmp_path):
    needs("duckdb", "pandas", "polars")
    import duckdb
    import pandas
    import polars

    (tmp_path / "calm.sse").write_bytes(tiny_bodies.CHAT)
    (tmp_path / "loop.sse").write_bytes(tiny_bodies.LOOP)
    reports = tmp_path / "reports.jsonl"
    command = [sys.executable, "-m", "midstream", "analyze", "--json", "--output", reports, "calm.sse", "loop.sse"]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert polars.read_ndjson(reports, infer_schema_length=None)["ending"].to_list() == ["complete", "complete"]
    frame = pandas.read_json(io.StringIO(reports.read_text()), lines=True)
    exploded = frame.explode("findings").dropna(subset="findings")
    assert exploded["file"].to_list() == ["loop.sse"]
    found = duckdb.sql(f"select file, unnest(findings).kind from '{reports}'").fetchall()
    assert found == [("loop.sse", "exact")]


def test_without_nanoarrow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'midstream\[arrow\]'"):
        Table.findings(LOOP).__arrow_c_stream__()
    assert Table.findings(LOOP).to_jsonl()
