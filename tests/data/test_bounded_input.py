"""Files made to exhaust a machine are refused or read piece by piece: memory stays bounded, and messages clear."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import xlsxwriter

from data import delimited, records, source, spreadsheet
from data.errors import LanewiseError
from data.reading import ReadOptions, read_source
from tests.processes import apart, measured
from tests.sources import message, parquet, read, workbook

MB = 1 << 20
#: A reader may hold this many MB beyond what Python and its libraries take (some 200).
RESIDENT_MB = 700
ADDRESS_SPACE = 6 << 30


def read_at(path: Path) -> int:
    """Rows of a file, read into a database on disk as a load reads it."""
    connection = duckdb.connect(str(path.with_name("rows.duckdb")))
    connection.execute("set memory_limit = '200MB'")
    connection.execute("set threads = 2")
    options = ReadOptions()
    rows = read_source(connection, path, name=path.name, options=options, relation="r", temp=path.parent).rows
    connection.close()
    return rows


def outcome(path: Path) -> tuple[str, object]:
    """What comes of reading a file in a process with bounded memory? A load that needs more is an error here."""
    how, found = apart(measured, read_at, ADDRESS_SPACE, (path,))
    assert how == "done", found
    *said, resident = found
    assert resident < RESIDENT_MB, f"{resident} MB"
    return tuple(said)


def write(path: Path, *pieces: bytes | tuple[bytes, int]) -> Path:
    """A file of pieces, each given once or so many times."""
    with path.open("wb") as file:
        for piece in pieces:
            text, times = piece if isinstance(piece, tuple) else (piece, 1)
            for _ in range(times):
                file.write(text)
    return path


# ---- a cell of 100 MB


def test_a_cell_of_100_mb_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    cell = (b"x" * MB, 100)
    too_long = "has a line of more than 16,777,216 bytes: it is no table of text"
    assert outcome(write(tmp_path / "a.csv", b"a,b\n1,", cell, b"\n")) == ("refused", f"a.csv: {too_long}")
    assert outcome(write(tmp_path / "b.csv", b"a,b\n1,2\n3,", cell)) == ("refused", f"b.csv: {too_long}")
    lines = (b"x" * 1023 + b"\n", 100 << 10)
    assert outcome(write(tmp_path / "quoted.csv", b'a,b\n1,"', lines, b'"\n')) == (
        "refused",
        (
            "quoted.csv: a quote is opened in line 2 and not closed within 16,777,216 characters."
            ' Close it, or write a quote inside a quoted cell twice ("").'
        ),
    )
    assert outcome(write(tmp_path / "a.jsonl", b'{"a": 1}\n{"a": "', cell, b'"}\n')) == (
        "refused",
        "a.jsonl: has 16,777,216 characters or more in line 2",
    )


def test_a_gzip_file_of_one_endless_line_is_refused(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"a,b\n")
        for _ in range(200):
            file.write(b"0" * MB)
    assert outcome(tmp_path / "a.csv.gz") == (
        "refused",
        "a.csv.gz: has a line of more than 16,777,216 bytes: it is no table of text",
    )


def part_replaced(book: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return written.getvalue()


def shared(texts: Sequence[str]) -> bytes:
    """A workbook of one column whose texts stand in the list that cells share, as Excel writes it."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        book.add_worksheet("Claims").write_column(0, 0, texts)
    return written.getvalue()


@pytest.mark.parametrize(
    ("book", "part"),
    [
        (workbook({"A1": "id", "A2": "xyz"}), "xl/worksheets/sheet1.xml"),
        (shared(["id", "xyz"]), "xl/sharedStrings.xml"),
    ],
)
def test_a_workbook_with_a_cell_of_100_mb(tmp_path: Path, book: bytes, part: str) -> None:
    large = part_replaced(book, part, lambda content: content.replace(b"xyz", b"x" * (100 * MB)))
    assert outcome(write(tmp_path / "a.xlsx", large)) == (
        "refused",
        "a.xlsx: is no workbook that can be read (a text without end). Open it in Excel and save it anew as .xlsx.",
    )


# ---- a million columns


def test_a_million_columns_are_refused(tmp_path: Path) -> None:
    many = 1_000_000
    said = "has 1,000,000 columns; at most 10,000 are read"
    header = b",".join(b"c%d" % i for i in range(many))
    csv = write(tmp_path / "a.csv", header, b"\n", b"1," * (many - 1), b"1\n")
    assert said in str(outcome(csv))
    one = write(tmp_path / "a.json", json.dumps([{f"c{i}": 1 for i in range(many)}]).encode())
    assert "has more than 10,000 different keys by row 1" in str(outcome(one))


def test_keys_that_differ_in_every_row_are_counted_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAXIMUM_COLUMNS", 50)
    each = b"".join(b'{"c%d": 1}\n' % i for i in range(51))
    assert "has more than 50 different keys by row 51" in message(each)
    assert len(read(each[: each.rindex(b"{")])[0].columns) == 50


def test_a_row_of_a_million_cells_below_a_short_header_is_one_bad_row(tmp_path: Path) -> None:
    assert outcome(write(tmp_path / "a.csv", b"a,b\n1,2\n", b"," * 999_999, b"\n3,4\n")) == ("done", 3)
    found, rows = read(b"a,b\n1,2\n" + b"," * 999_999 + b"\n3,4\n")
    assert rows == [("1", "2", 2), ("3", "4", 4)]
    assert [(one.row, len(one.text), one.reason) for one in found.rejected] == [
        (3, 2_000, "has 1000000 cells where the header has 2")
    ]


def test_too_many_columns_of_a_workbook_and_of_parquet() -> None:
    assert "has 12,345 columns; at most 10,000 are read" in message(workbook({"A1": "id", "RFU1": "far"}))
    assert "has 10,001 columns" in message(parquet({f"c{i}": [1] for i in range(10_001)}))


# ---- rows that are none


def test_endless_rows_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    many = source.MAXIMUM_REJECTED + 1
    assert outcome(write(tmp_path / "a.csv", b"a,b\n", (b"1,2,3\n", many))) == (
        "refused",
        (
            "a.csv: has more than 100,000 rows that cannot be read; row 100,002 has 3 cells where the header has 2."
            " Check delimiter, skip and header_row, and whether the file is a table."
        ),
    )
    assert "has more than 100,000 rows that cannot be read; row 100,001 is a single value" in str(
        outcome(write(tmp_path / "a.json", b"[1", (b",1", many), b"]"))
    )


def test_a_skip_beyond_the_end_reads_no_more_than_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"a,b\n1,2\n")
    with pytest.raises(LanewiseError, match="has 2 rows: no header in row 1,000,000,000,001"):
        read(path, skip=10**12)


def test_one_json_document_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MAXIMUM_DOCUMENT", 2 * MB)
    assert "is one JSON document of more than 2 MiB" in message(b"[" + b'{"a": 1},' * 300_000 + b'{"a": 1}]')
    assert read(b'{"a": 1}\n' * 300_000)[0].rows == 300_000


# ---- a text of any length goes through in batches


@pytest.mark.parametrize(
    ("limit", "value", "rows"),
    [("BATCH_ROWS", 4, [4, 4, 2]), ("BATCH_CELLS", 6, [3, 3, 3, 1]), ("BATCH_CHARACTERS", 11, [3, 3, 3, 1])],
)
def test_batches_of_text_and_json_end_by_rows_cells_and_characters(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, rows: list[int]
) -> None:
    found: list[int] = []

    def noting(columns: object, numbers: list[int]) -> pa.RecordBatch:
        found.append(len(numbers))
        return source.record_batch(columns, numbers)  # type: ignore[arg-type]

    monkeypatch.setattr(delimited, "record_batch", noting)
    monkeypatch.setattr(delimited, limit, value)
    assert read(b"a,b\n" + b'1,2"\n' * 10)[1] == [("1", '2"', row) for row in range(2, 12)]
    assert found == rows
    found.clear()
    monkeypatch.setattr(records, "record_batch", noting)
    monkeypatch.setattr(records, limit, value)
    lines = b"".join(b'{"a":%d,"b":%d}\n' % (i, i) for i in range(10))
    assert read(lines)[1] == [(str(i), str(i), i + 1) for i in range(10)]
    assert found == ([1] * 10 if limit == "BATCH_CHARACTERS" else rows)


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """Four times the rows, through the exact reader as well as through the fast one, and no more memory."""
    row = b"I1,a name of an account that is somewhat longer than most,some more words to fill a line of text\n"
    for first in (b'X,a "quote" inside,\n', b"X,Y,Z\n"):
        peaks = []
        for times in (50_000, 200_000):
            path = write(tmp_path / f"{times}.csv", b"id,name,notes\n", first, (row, times))
            how, found = apart(measured, read_at, ADDRESS_SPACE, (path,))
            assert (how, found[:2]) == ("done", ("done", times + 1))
            peaks.append(found[2])
            path.with_name("rows.duckdb").unlink()
        assert peaks[1] - peaks[0] < 100, peaks


# ---- workbooks that unfold


def test_a_zip_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    book = part_replaced(workbook({"A1": "id", "A2": 1}), "xl/styles.xml", lambda content: content + b" " * (60 * MB))
    true = struct.pack("<I", len(zipfile.ZipFile(io.BytesIO(book)).read("xl/styles.xml")))
    assert book.count(true) == 2
    bomb = book.replace(true, struct.pack("<I", 3 << 30))
    assert len(bomb) < MB
    assert outcome(write(tmp_path / "a.xlsx", bomb)) == (
        "refused",
        "a.xlsx: unpacks to more than 2 GiB. Split it, or save it as CSV.",
    )


def test_a_part_that_unpacks_to_more_than_it_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    book = part_replaced(
        workbook({"A1": "id", "A2": 1}), "xl/worksheets/sheet1.xml", lambda content: content + b" " * (20 * MB)
    )
    true = struct.pack("<I", len(zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml")))
    assert book.count(true) == 2
    monkeypatch.setattr(spreadsheet, "_MAXIMUM_UNPACKED", 21 * MB)
    lying = book.replace(true, struct.pack("<I", 900))
    assert "holds a part, xl/worksheets/sheet1.xml, that unpacks to more than it says" in message(lying)
    assert read(book)[1] == [("1", 2)]


def test_a_long_text_that_many_cells_show_is_refused(tmp_path: Path) -> None:
    rows = 4_000
    book = shared(["id", *["shown"] * rows])
    bomb = part_replaced(book, "xl/sharedStrings.xml", lambda content: content.replace(b"shown", b"x" * MB))
    assert len(bomb) < MB
    assert outcome(write(tmp_path / "a.xlsx", bomb)) == (
        "refused",
        "a.xlsx: shows more than 2,048 MiB of text, the longest of 1,048,595 bytes. Split it, or save it as CSV.",
    )
    assert read(book)[0].rows == rows


def test_one_long_text_among_many_short_ones_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_MAXIMUM_TEXT", 100_000)
    assert read(shared(["id", "x" * 30_000, *[f"t{row}" for row in range(98)]]))[0].rows == 99
    monkeypatch.setattr(spreadsheet, "_MAXIMUM_TEXT", 30_000)
    assert "shows more than 0 MiB of text" in message(shared(["id", "x" * 30_000, *["t"] * 98]))


def test_endless_error_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    book = workbook({"A1": "id", **{f"A{row}": "#N/A" for row in range(2, 8)}})
    assert len(read(book)[0].error_cells) == 6
    monkeypatch.setattr(spreadsheet, "_MAXIMUM_ERRORS", 5)
    assert "holds more than 5 cells with an Excel error" in message(book)


def test_a_compound_file_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spreadsheet, "_MAXIMUM_COMPOUND", MB)
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + bytes(MB)
    assert "has more than 1 MiB" in message(content)


def test_packed_text_is_bounded_by_what_it_unpacks_to(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * MB))
    with pytest.raises(LanewiseError, match="unpacks to more than 1,048,576 bytes"):
        read_source(
            duckdb.connect(), path, name="a.csv.gz", options=ReadOptions(), relation="r", temp=tmp_path, unpack_limit=MB
        )
