"""Excel workbooks: cells as a person reads them, rows under the sheet's own numbers, errors listed."""

import datetime
import io
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import LanewiseError
from data.reading import ErrorCell
from tests.sources import OLD_XLS, message, read, workbook


def test_an_old_xls():
    source, rows = read(OLD_XLS)
    assert source.columns == ("id", "lost")
    assert rows == [("2015060222904", "2014-06-12 14:30:00", 2)]
    assert source.notes == ("in an .xls file cells with an Excel error cannot be told from blank ones",)


def test_cells_arrive_as_a_person_reads_them():
    day = datetime.datetime(2014, 6, 12)
    cells = [2015060222904, 0.1, 14.10, 17.599999999999998, 0.00001, 1e16, -0.5, True, False, day]
    cells += [day.replace(hour=14, minute=30), datetime.time(14, 30), datetime.timedelta(hours=26), " text ", "007"]
    source, rows = read(workbook({"A1": "value", **{f"A{row}": cell for row, cell in enumerate(cells, start=2)}}))
    assert [row[0] for row in rows] == [
        "2015060222904", "0.1", "14.1", "17.6", "0.00001", "10000000000000000", "-0.5", "true", "false", "2014-06-12",
        "2014-06-12 14:30:00", "14:30:00", "26:00:00", "text", "007",
    ]  # fmt: skip
    assert source.sheet == "Sheet1"


def test_blank_rows_and_columns_of_a_sheet():
    source, rows = read(workbook({"B3": "id", "C3": "x", "B4": 1, "E4": "more", "B7": 2, "C8": "  "}))
    assert source.columns == ("c1", "id", "x", "c4", "c5")
    assert rows == [(None, "1", None, None, "more", 4), (None, "2", None, None, None, 7)]
    assert source.dialect == "Excel sheet 'Sheet1', header in row 3"


def test_rows_of_a_sheet_without_a_header_and_below_a_title():
    book = workbook({"A1": "Report", "A2": "id", "B2": "x", "A3": 1, "B3": "y"})
    assert read(book, header_row=2)[1] == [("1", "y", 3)]
    assert read(book, skip=1)[1] == [("1", "y", 3)]
    source, rows = read(book, header_row=0)
    assert source.columns == ("c1", "c2")
    assert rows == [("Report", None, 1), ("id", "x", 2), ("1", "y", 3)]
    assert "has 3 rows: no header in row 9" in message(book, header_row=9)


def test_error_cells_are_null_and_listed():
    book = workbook(
        {"A1": "id", "B1": "amount", "A2": 1, "B2": "#N/A", "A4": "#REF!", "A5": 2, "B5": 3, "B6": "#DIV/0!"}
    )
    source, rows = read(book)
    assert rows == [("1", None, 2), (None, None, 4), ("2", "3", 5), (None, None, 6)]
    assert source.error_cells == (
        ErrorCell(row=2, column="amount", text="#N/A"),
        ErrorCell(row=4, column="id", text="#REF!"),
        ErrorCell(row=6, column="amount", text="#DIV/0!"),
    )


def test_sheets():
    book = workbook({"A1": "id", "A2": 1}, title="Claims 2015", hidden=True)
    assert read(book)[0].sheet == "Shown"
    assert read(book, sheet="claims 2015 ")[1] == [("1", 2)]
    assert "has no sheet 'Claims'. Its sheets: 'Claims 2015', 'Shown'." in message(book, sheet="Claims")
    assert "is empty" in message(workbook({}))
    assert read(workbook({"A1": "id", "B1": "x"}))[0].rows == 0


def test_what_is_no_workbook():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("claims.csv", "a,b\n")
    assert "is a zip archive, but no Excel workbook" in message(written.getvalue())
    assert "is no workbook that can be read" in message(b"PK\x03\x04 and nothing else")
    assert "is no workbook that can be read" in message(workbook({"A1": "id"})[:-400])
    compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
    assert "another kind of Office" in message(compound)
    assert "is protected by a password" in message(compound + "EncryptedPackage".encode("utf-16-le"))
    assert "is no workbook that can be read" in message(compound + "Workbook".encode("utf-16-le"))


def replaced(book: bytes, part: str, old: bytes, new: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            assert name != part or old in content
            target.writestr(name, content.replace(old, new) if name == part else content)
    return written.getvalue()


def test_hostile_workbooks():
    book = workbook({"A1": "id", "A2": "#N/A", "B2": 5})
    sheet = "xl/worksheets/sheet1.xml"
    far = replaced(book, sheet, b'r="B2"', b'r="XFD1048576"')
    assert "columns, more than 60,000,000 cells" in message(replaced(far, sheet, b'<row r="2"', b'<row r="1048576"'))
    entity = b'<!DOCTYPE w [<!ENTITY a "#N/A">]><worksheet'
    assert "document type" in message(replaced(book, sheet, b"<worksheet", entity))
    assert "document type" in message(replaced(book, "xl/workbook.xml", b"<workbook ", entity[:-9] + b"<workbook "))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 5_000), byte=st.integers(0, 255))
def test_a_damaged_workbook_gives_a_source_or_a_clear_error(place, byte):
    content = bytearray(workbook({"A1": "id", "A2": "#N/A", "B2": datetime.date(2014, 6, 12)}))
    content[place % len(content)] = byte
    try:
        read(bytes(content))
    except LanewiseError as error:
        assert error.where.startswith("claims.csv")  # noqa: PT017 - either outcome is right
