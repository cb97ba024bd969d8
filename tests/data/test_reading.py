"""What rows of text are in this file? What it is, its bytes say; whatever they are, rows or a clear error come out."""

import gzip
import json
import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import LanewiseError
from data.reading import ReadOptions, RejectedRow, read_source
from tests.sources import message, parquet, read, workbook

# What a file is


def test_a_file_is_what_its_bytes_say():
    book = workbook({"A1": "id", "A2": 7})
    assert read(book, file="claims.xls")[1] == [("7", 2)]
    assert read(book, file="claims.csv")[0].dialect == "Excel sheet 'Sheet1', header in row 1"
    assert read(b"a\tb\n1\t2\n", file="claims.xlsx")[1] == [("1", "2", 2)]
    assert read(b'[{"a": 1}]', file="claims.csv")[1] == [("1", 1)]
    assert read(b"[id],[name]\n1,x\n")[0].columns == ("[id]", "[name]")


def test_gzip():
    assert read(gzip.compress(b"a,b\n1,2\n"))[1] == [("1", "2", 2)]
    assert read(gzip.compress(b'{"a": 1}\n{"a": 2}\n'))[1] == [("1", 1), ("2", 2)]
    assert read(gzip.compress(parquet({"a": ["x"]})))[1] == [("x", 1)]
    assert "is a damaged gzip file" in message(gzip.compress(b"a,b\n1,2\n" * 999)[:-20])
    assert "is a damaged gzip file" in message(b"\x1f\x8bnothing")
    assert "packed by gzip twice" in message(gzip.compress(gzip.compress(b"a")))


def test_a_gzip_bomb(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 50_000_000))
    with pytest.raises(LanewiseError, match=re.escape("bomb.csv.gz: unpacks to more than 10,000,000 bytes")):
        read_source(
            duckdb.connect(),
            path,
            name="bomb.csv.gz",
            options=ReadOptions(),
            relation="r",
            temp=tmp_path,
            unpack_limit=10_000_000,
        )
    assert [one.name for one in tmp_path.iterdir()] == ["bomb.csv.gz"]


def test_a_path_that_is_no_file(tmp_path):
    for path, said in ((tmp_path, "is no regular file"), (tmp_path / "none.csv", "does not exist")):
        with pytest.raises(LanewiseError, match=said):
            read_source(duckdb.connect(), path, name="x.csv", options=ReadOptions(), relation="r")


def test_a_name_with_signs_of_a_pattern(tmp_path):
    (tmp_path / "a1.csv").write_bytes(b"a,b\n8,9\n")
    (tmp_path / "a1.parquet").write_bytes(parquet({"a": ["wrong"]}))
    assert read(b"a,b\n1,2\n", file="a[1].csv", folder=tmp_path)[1] == [("1", "2", 2)]
    assert read(parquet({"a": ["x"]}), file="a[1].parquet", folder=tmp_path)[1] == [("x", 1)]
    assert read(parquet({"a": ["y"]}), file="a*.parquet", folder=tmp_path)[1] == [("y", 1)]


def test_the_callers_last_result_may_be_unread(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    connection = duckdb.connect()
    connection.execute("select 1").fetchone()
    read_source(connection, path, name="a.csv", options=ReadOptions(), relation="r")
    assert connection.execute("select a from r").fetchall() == [("1",)]


def test_progress_is_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n" + b"1\n" * 45_000)
    told: list[str] = []
    read_source(duckdb.connect(), path, name="a.csv", options=ReadOptions(), relation="r", progress=told.append)
    assert told[-1] == "a.csv: 45,000 rows read"


# Parquet


def test_parquet_keeps_its_types_and_trims_its_text():
    content = parquet({"a": [" x ", "", None], "n": [1, 2, 3], "_row": [9, 9, 9], "file_row_number": [5, 5, 5]})
    source, rows = read(content)
    assert rows == [("x", 1, 9, 5, 1), (None, 2, 9, 5, 2), (None, 3, 9, 5, 3)]
    assert source.types == {"a": "VARCHAR", "n": "BIGINT", "_row_2": "BIGINT", "file_row_number": "BIGINT"}
    assert (source.dialect, source.rows) == ("Parquet", 3)
    assert [row[-1] for row in read(parquet({"a": list(range(300_000))}))[1]] == list(range(1, 300_001))


def test_broken_parquet():
    assert "is a Parquet file that cannot be read" in message(parquet({"a": [1]})[:-30])


# JSON


def test_json_list():
    content = (
        b'[{"id": 2015060222904, "x": 1.10, "t": " a "}, {"id": 1e3, "new": {"k": [1.50, null, "\\u00e9"]}, "b": true}]'
    )
    source, rows = read(content)
    assert source.columns == ("id", "x", "t", "new", "b")
    assert rows == [
        ("2015060222904", "1.10", "a", None, None, 1),
        ("1e3", None, None, '{"k": [1.50, null, "é"]}', "true", 2),
    ]
    assert source.dialect == "JSON list, UTF-8"


def test_json_lines_and_objects():
    source, rows = read(b'{"a": 1}\n\n{"b": "x"}\n[1]\n')
    assert rows == [("1", None, 1), (None, "x", 3)]
    assert source.rejected == (RejectedRow(row=4, text="[1]", reason="is a list where an object was expected"),)
    assert (source.dialect, source.rows) == ("JSON lines, UTF-8", 3)
    assert read(b'{"meta": {"n": 2}, "body": {"events": [{"a": 1},\n {"a": 2}]}}')[1] == [("1", 1), ("2", 2)]
    assert read(b'{"a": 1,\n "b": [1, 2]}')[1] == [("1", "[1, 2]", 1)]
    assert read('[{"a": "ü"}]'.encode("utf-16"))[1] == [("ü", 1)]
    assert read(b"[]")[0].rows == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"a": 1},\n {"a": }]', "is broken JSON in line 2, column 8: Expecting value"),
        (b'[{"a": 1}\n {"a": 2}]', "is broken JSON in line 2, column 2: Expecting ',' or ']'"),
        (b'[{"a": 1}', "is broken JSON in line 1"),
        (b'[{"a": 1}] x', "Extra data after the list"),
        (b'{"a": 1}\n{"a": 2}\n{"a"\n', "is broken JSON in line 3"),
        (b'{"a": 1,\n"b"', "is broken JSON in line 2"),
        (b'[{"a": 1, "a": 2}]', "names the key 'a' twice"),
        (b'{"x": [{"a": 1}], "y": [{"b": 1}]}', "holds several lists of objects: 'x', 'y'"),
        (b"[" * 200_000, "is nested too deeply"),
    ],
)
def test_broken_json(content, said):
    assert said in message(content)


# Anything


@settings(max_examples=150, deadline=None)
@given(
    head=st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"PAR1",
            b"\x1f\x8b\x08",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"[{",
            b"{",
            b"\xff\xfe",
            b"a,b\n",
            b"\xef\xbb\xbf",
        ]
    ),
    body=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    tail=st.sampled_from([b"", b"PAR1", b"]", b"}"]),
)
def test_any_bytes_give_a_source_or_a_clear_error(head, body, tail):
    try:
        read(head + body + tail)
    except LanewiseError as error:
        assert error.where.startswith("claims.csv")  # noqa: PT017 - either outcome is right


@settings(max_examples=50, deadline=None)
@given(
    objects=st.lists(
        st.dictionaries(
            st.text(max_size=4), st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=4
        ),
        min_size=1,
        max_size=5,
    )
)
def test_json_values_arrive_as_they_are_written(objects):
    source, rows = read(json.dumps(objects).encode())
    assert [row[-1] for row in rows] == list(range(1, len(objects) + 1))
    keys = list(dict.fromkeys(key for one in objects for key in one))
    assert len(source.columns) == len(keys)
    for row, one in zip(rows, objects, strict=True):
        for value, key in zip(row, keys, strict=False):
            if isinstance(one.get(key), bool):
                assert value == str(one[key]).lower()
            elif isinstance(one.get(key), int):
                assert value == str(one[key])


# The real files


def test_scms(real_files):
    source, rows = read(next(real_files("scms").glob("*.csv")))
    assert (source.rows, len(source.columns), source.rejected) == (10_324, 33, ())
    assert source.dialect == "tab-separated text, windows-1252, header in row 1"
    assert rows[0][:6] == ("1", "100-CI-T01", "Pre-PQ Process", "SCMS-4", "ASN-8", "Côte d'Ivoire")
    assert rows[-1][-1] == 10_325


def test_tsa(real_files):
    source, rows = read(next(real_files("tsa-2015").glob("*.xlsx")))
    assert (source.rows, source.sheet, source.error_cells) == (8_667, "interactive_report", ())
    assert source.columns[:3] == ("Claim Number", "Date Received", "Incident D")
    assert rows[0][:3] == ("2015060222904", "2015-05-28", "2015-05-21")
    assert all(row[0].isdecimal() for row in rows)


def test_piracy_and_bus(real_files):
    for folder, count in (("piracy", 7_511), ("bus", 1_533)):
        source, rows = read(next(real_files(folder).glob("*.csv")))
        assert (source.rows, source.rejected) == (count, ())
        assert [row[-1] for row in rows] == list(range(2, count + 2))
