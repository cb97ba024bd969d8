"""Delimited text: its dialect is settled before reading, and every record of it is accounted for."""

import csv
import io

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import delimited
from data.errors import LanewiseError
from data.reading import ReadOptions, RejectedRow, Source, read_source
from tests.sources import Rows, message, read


def test_a_plain_csv():
    source, rows = read(b"id,place\n1, Dallas \n2,\n")
    assert rows == [("1", "Dallas", 2), ("2", None, 3)]
    assert source == Source(
        relation="claims",
        columns=("id", "place"),
        types={"id": "VARCHAR", "place": "VARCHAR"},
        rows=2,
        rejected=(),
        error_cells=(),
        dialect="comma-separated text, UTF-8, header in row 1",
        sheet=None,
    )


def test_the_file_column_holds_the_name_shown(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    connection = duckdb.connect()
    read_source(connection, path, name="it's.csv", options=ReadOptions(), relation='odd "name"')
    path.unlink()
    assert connection.execute('select _file from "odd ""name"""').fetchall() == [("it's.csv",)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_delimiter_newline_and_encoding_are_told_from_the_text(delimiter, newline, codec):
    lines = [("id", "Ort"), ("1", "Köln, Süd; 1|2"), ("2", "Zürich")]
    quoted = [delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in line) for line in lines]
    source, rows = read((newline.join(quoted) + newline).encode(codec))
    assert source.columns == ("id", "Ort")
    assert rows == [("1", "Köln, Süd; 1|2", 2), ("2", "Zürich", 3)]


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        (b"a\tb\n1\t2\n", "tab-separated text, UTF-8, header in row 1"),
        (b"a;b\n1,5;2,5\n", "semicolon-separated text, UTF-8, header in row 1"),
        ("a|b\nä|2\n".encode("utf-16"), "bar-separated text, UTF-16, header in row 1"),
        (b"a,b\n\x93x\x94,2\n", "comma-separated text, windows-1252, header in row 1"),
        (b"a,b\n\x81,2\n", "comma-separated text, latin-1, header in row 1"),
    ],
)
def test_the_dialect_is_said_in_words(content, dialect):
    assert read(content)[0].dialect == dialect


def test_an_encoding_and_a_delimiter_that_the_feed_gives():
    source, rows = read("a:b\nŁódź:2\n".encode("cp1250"), encoding="cp1250", delimiter=":")
    assert rows == [("Łódź", "2", 2)]
    assert source.dialect == "':'-separated text, cp1250, header in row 1"


def test_a_decimal_comma_stays_as_it_is_written():
    assert read(b"a;b\n1;2,50\n", decimal=",")[1] == [("1", "2,50", 2)]


def test_line_breaks_and_doubled_quotes_within_quotes():
    content = b'a,b\n1,"two\nlines"\n2,"say ""yes"", please"\n3,"\r\n"\n'
    assert read(content)[1] == [("1", "two\nlines", 2), ("2", 'say "yes", please', 3), ("3", None, 4)]


def test_a_quote_inside_a_cell_loses_no_row():
    content = b'a,b\n1,pipe 5" wide\n2, "x\n3, "y"\n'
    assert read(content)[1] == [("1", 'pipe 5" wide', 2), ("2", '"x', 3), ("3", '"y"', 4)]


def test_blank_lines_are_no_rows_but_count():
    source, rows = read(b"a,b\n\n1,2\n   \n3,4\n\n\n")
    assert rows == [("1", "2", 3), ("3", "4", 5)]
    assert source.rows == 2


def test_a_row_of_empty_cells_is_a_row():
    assert read(b"a,b\n1,2\n,\n")[1] == [("1", "2", 2), (None, None, 3)]


def test_one_column():
    assert read(b'a\nx\n\n""\ny')[1] == [("x", 2), (None, 4), ("y", 5)]


def test_ragged_rows_are_rejected_and_the_rest_keeps_its_numbers():
    source, rows = read(b'a,b,c\n1,2,3\n4,5\n"x\ny",5,6,7\n8,9,10\n11\n')
    assert rows == [("1", "2", "3", 2), ("8", "9", "10", 5)]
    assert source.rejected == (
        RejectedRow(row=3, text="4,5", reason="has 2 cells where the header has 3"),
        RejectedRow(row=4, text='"x\ny",5,6,7', reason="has 4 cells where the header has 3"),
        RejectedRow(row=6, text="11", reason="has 1 cell where the header has 3"),
    )


def test_text_after_a_closing_quote_and_nul_bytes_are_rejected():
    source, rows = read(b'a,b\n1,"x"y\n2,\x00z\n3,4\n' + b"5,6\n" * 20)
    assert [(one.row, one.text, one.reason) for one in source.rejected] == [
        (2, '1,"x"y', "has text after a closing quote"),
        (3, "2,\u2400z", "holds a NUL byte"),
    ]
    assert rows[0] == ("3", "4", 4)


@pytest.mark.parametrize(
    ("options", "header_row", "first"),
    [
        ({"skip": 2}, 3, ("1", "2", 4)),
        ({"header_row": 3}, 3, ("1", "2", 4)),
        ({"skip": 1, "header_row": 2}, 3, ("1", "2", 4)),
        ({"skip": 3, "header_row": 0}, 0, ("1", "2", 4)),
    ],
)
def test_skip_and_header_row_shift_the_numbers(options, header_row, first):
    source, rows = read(b'Report, of "June\nTotal\na,b\n1,2\n3,4\n'.replace(b'"', b""), **options)
    assert rows[0] == first
    assert source.columns == (("a", "b") if header_row else ("c1", "c2"))
    assert source.dialect.endswith(f"header in row {header_row}" if header_row else "no header")


def test_skipped_lines_may_hold_an_open_quote():
    assert read(b'He said "\n"open\na,b\n1,2\n', skip=2)[1] == [("1", "2", 4)]


def test_without_a_header_the_usual_width_counts():
    source, rows = read(b"1,2\n3,4\n5\n", header_row=0)
    assert source.columns == ("c1", "c2")
    assert rows == [("1", "2", 1), ("3", "4", 2)]
    assert source.rejected[0] == RejectedRow(row=3, text="5", reason="has 1 cell where the other rows have 2")


def test_header_names_become_unique_and_usable():
    source, rows = read(b'Name,name, ,name_2,_row,"two\nlines"\n1,2,3,4,5,6\n')
    assert source.columns == ("Name", "name_3", "c3", "name_2", "_row_2", "two lines")
    assert rows == [("1", "2", "3", "4", "5", "6", 2)]
    assert source.notes[0] == "column 2 is named 'name' like an earlier one: it is read as 'name_3'"
    assert source.notes[1] == "column 3 has no name: it is read as 'c3'"


def test_a_header_alone_has_no_rows():
    for content in (b"a,b", b"a,b\n", b"\xef\xbb\xbfa,b\r\n\r\n"):
        source, rows = read(content)
        assert (source.columns, source.rows, rows) == (("a", "b"), 0, [])


def test_a_mark_is_no_part_of_the_first_cell():
    assert read(b"\xef\xbb\xbf1,2\n3,4\n", header_row=0)[1][0] == ("1", "2", 1)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n", "\ufeff".encode("utf-16-le")])
def test_an_empty_file(content):
    assert message(content).startswith("claims.csv: is empty")


def test_an_open_quote_names_its_line():
    said = message(b'a,b\n1,"fine\nhere"\n2,"open\n3,4\n')
    assert said.startswith("claims.csv: a quote is opened in line 4 and never closed")
    said = message(b'a,b\r\n1,"fine\r\nhere",\r\n2,"open\r\n3,4\r\n', header_row=0)
    assert "opened in line 4 " in said


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"a,b\n1,2\n", {"header_row": 5}, "has 2 rows: no header in row 5"),
        (b"a,b\n1,2\n", {"delimiter": ",,"}, "delimiter ',,' is no delimiter"),
        (b"a,b\n1,2\n", {"encoding": "klingon"}, "encoding 'klingon' is unknown"),
        (b"a,b\n1,2\n", {"encoding": "base64"}, "encoding 'base64' is unknown"),
        (b"a,b\n1,\xff\n", {"encoding": "utf-8"}, "is no UTF-8 text"),
        (b"a,b\n1,2\n", {"sheet": "Sheet1"}, "is no workbook, so it has no sheet 'Sheet1'"),
        (b"a,b\n1,2\n", {"skip": -1}, "cannot be negative"),
        (bytes(range(32)) * 20, {}, "it holds binary data"),
        (b"%PDF-1.7 ...", {}, "is a PDF"),
        (b"," * 20_000, {}, "has 20,001 columns"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(content, options, said):
    assert said in message(content, **options)


def test_very_long_lines():
    long = "x" * 3_000_000
    assert read(f"a,b\n1,{long}\n".encode())[1] == [("1", long, 2)]
    assert "a line of more than" in message(b"a,b\n" + b"x" * 40_000_000)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 8 << 20])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(
        st.lists(
            st.sampled_from(["", "a", "b c", 'say "x"', '"', "1,5", "two\nlines", "x\r\ny", "é", ";"]),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=8,
    ),
    newline=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ended=st.booleans(),
)
def test_what_csv_writes_is_read_back(chunk, table, newline, quoting, ended, monkeypatch):
    monkeypatch.setattr(delimited, "_CHUNK", chunk)
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=newline, quoting=quoting).writerows([["h1", "h2", "h3"], *table])
    text = written.getvalue() if ended else written.getvalue().removesuffix(newline)
    source, rows = read(text.encode(), delimiter=",")
    assert source.rejected == ()
    assert rows == [(*(cell.strip() or None for cell in cells), row) for row, cells in enumerate(table, start=2)]


@pytest.mark.parametrize("chunk", [1, 3, 8 << 20])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(["a", ",", '"', '""', " ", "\n", "\r\n", "\r", '",', ',"', '"\n', '\n"', '"a"', "a,b\n", "\t"]),
        max_size=20,
    )
)
def test_any_text_is_read_as_the_csv_module_reads_it_or_refused(chunk, pieces, monkeypatch):
    monkeypatch.setattr(delimited, "_CHUNK", chunk)
    text = "h1,h2\n" + "".join(pieces)
    expected: Rows = []
    rejected = []
    records = csv.reader(io.StringIO(text, newline=""), strict=True)
    row = 0
    while True:
        try:
            cells = next(records)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end" in str(error):
                with pytest.raises(LanewiseError, match="never closed"):
                    read(text.encode(), delimiter=",")
                return
            cells = ["rejected"]
        row += 1
        if row > 1 and len(cells) == 2:
            expected.append((*(cell.strip() or None for cell in cells), row))
        elif row > 1 and cells and not (len(cells) == 1 and cells[0] and not cells[0].strip()):
            rejected.append(row)
    source, rows = read(text.encode(), delimiter=",")
    assert rows == expected
    assert [one.row for one in source.rejected] == rejected


def test_clean_text_goes_the_fast_way_and_agrees_with_the_exact_one(monkeypatch):
    content = b"".join(b'%d,"Dallas, TX", x ,\xc3\xa9\r\n' % number for number in range(5_000))
    content = b"id,place,c,d\r\n" + content
    batches = delimited._Exact.batches
    monkeypatch.setattr(delimited._Exact, "batches", lambda _: pytest.fail("the exact way was taken"))
    fast = read(content)
    monkeypatch.setattr(delimited._Exact, "batches", batches)
    monkeypatch.setattr(delimited, "_read_clean", lambda *_, **__: None)
    assert read(content) == fast
    assert fast[1][-1] == ("4999", "Dallas, TX", "x", "é", 5_001)
