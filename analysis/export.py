"""Any table a person sees, as a file that keeps its types, its units and where it came from.

Both formats read the same typed cells, so a table says the same in either. What differs is where the provenance goes:
an Excel workbook has a first sheet "About"; a CSV begins with its header, as tools expect, and carries the snapshot in
a last column. `file_name` puts snapshot and 'synthetic' in the name.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from data.errors import LanewiseError

ColumnFormat = Literal["text", "count", "amount", "rate", "percent", "ratio", "date", "timestamp", "number"]
Cell = None | bool | int | float | Decimal | date | datetime | str

EXCEL_ROWS = 1_048_575  # below the header
EXCEL_COLUMNS = 16_384
EXCEL_TEXT = 32_767  # UTF-16 units in one cell
EXCEL_DIGITS = 15  # significant digits that a cell's number keeps
#: Significant digits of a float: what a sum or a fit leaves behind them is noise of binary fractions, not data.
FLOAT_DIGITS = 12
#: Digits behind the point of an amount that came as a float: those that the contract keeps.
AMOUNT_DECIMALS = 4
FIRST_EXCEL_DATE = date(1900, 3, 1)  # before it Excel counts a 29 February 1900 that never was
SOURCE_LABEL = "Source snapshot"
SYNTHETIC = "SYNTHETIC DATA"
ABOUT = "About"

NUMBER_FORMATS: dict[ColumnFormat, str] = {
    "text": "@",
    "count": "#,##0",
    "amount": "#,##0.00",
    "rate": "#,##0.000",
    "percent": "0.0%",
    "ratio": "0.00",
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm:ss",
    "number": "General",
}
FORMULA_STARTS = tuple("=+-@＝＋－＠")
# Half characters and two code points that no XML may hold: Excel would call the file damaged. Control characters are
# escaped by XlsxWriter and come back.
NOT_IN_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
# Spreadsheets look past these before they decide that a cell is a formula.
IGNORED_STARTS = " \u00a0\u200b\u2060\u3000\ufeff"


@dataclass(frozen=True)
class Provenance:
    """Where an exported table came from: what a reader needs to get it again.

    Attributes
    ----------
    snapshot_id, content_hash
        The snapshot that was read, and the hash of its content.
    data_date
        The data's date; None for a portfolio without one.
    period
        The period shown, in words ("2024-01 to 2024-12").
    filters
        Active filters as (label, value); empty when everything is shown.
    synthetic
        Whether the portfolio is the labelled synthetic one.
    currency
        Currency of amounts whose column names no other.
    """

    snapshot_id: str
    content_hash: str
    data_date: date | None
    period: str
    filters: tuple[tuple[str, str], ...]
    synthetic: bool
    currency: str


@dataclass(frozen=True)
class ExportColumn:
    """One column of an exported table.

    Attributes
    ----------
    name
        The frame's column.
    label
        Its heading.
    unit
        Put behind the heading in brackets; empty where there is none.
    format
        How its cells are typed and shown. A `percent` holds a share: 0.25 is 25%. A `timestamp` is UTC.
    definition
        What it means, for the sheet "About".
    """

    name: str
    label: str
    unit: str = ""
    format: ColumnFormat = "text"
    definition: str = ""


Table = tuple[pd.DataFrame, Sequence[ExportColumn]]


def to_csv(frame: pd.DataFrame, *, columns: Sequence[ExportColumn], provenance: Provenance) -> bytes:
    """What is this table as a CSV that Excel, pandas and DuckDB all read?

    UTF-8 with a byte order mark, comma separated, the header first. Nulls are empty. Whole and decimal numbers are in
    full, floats to 12 significant digits, amounts that come as floats to 4 decimals, a percent as its share. Dates are
    ISO, timestamps `2024-03-01 09:30:00` in UTC. Text that a spreadsheet would run as a formula gets an apostrophe
    before it; numbers never do. The last column names snapshot and content, and says so when the data is synthetic.

    Raises
    ------
    LanewiseError
        When the frame lacks a column, or two columns share a heading.
    """
    headings = [_heading(column, csv_file=True) for column in columns] + [SOURCE_LABEL]
    _check_columns(frame, columns=columns, headings=headings)
    source = f"{provenance.snapshot_id}; content {provenance.content_hash[:12]}"
    if provenance.synthetic:
        source = f"{source}; {SYNTHETIC}"
    fields = [[_csv_field(cell) for cell in _typed(frame[column.name], as_format=column.format)] for column in columns]
    fields.append([_csv_field(source)] * len(frame))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_csv_field(heading) for heading in headings])
    writer.writerows(zip(*fields, strict=True))
    return out.getvalue().encode("utf-8-sig", errors="replace")


def to_excel(tables: Mapping[str, Table], *, provenance: Provenance, title: str = "Lanewise") -> bytes:
    r"""What are these tables as one Excel workbook, a sheet each behind a sheet "About"?

    The same input gives the same bytes. Numbers, dates and truth values are typed cells, nulls are blank, text is never
    a formula or a link. What a cell cannot hold exactly is written as text: whole or decimal numbers of over 15 digits,
    infinities, dates before March 1900.

    Parameters
    ----------
    tables
        Name to (frame, columns). Names become sheet names: cut to 31 characters, without `[]:*?/\`.
    provenance
        Printed on the first sheet.
    title
        Heading of the first sheet.

    Raises
    ------
    LanewiseError
        When a table has more rows, columns or characters in a cell than Excel takes (CSV has no such limit), when
        a frame lacks a column, or when two columns share a heading.
    """
    sheet_names = _sheet_names(tables)
    for name, (frame, columns) in tables.items():
        _check_columns(frame, columns=columns, headings=[_heading(column, csv_file=False) for column in columns])
        _check_size(frame, columns=columns, table=name)
    out = io.BytesIO()
    # Rows go to a temporary file as they are written: a million of them would else take gigabytes of memory.
    workbook = xlsxwriter.Workbook(
        out,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    created = datetime.combine(provenance.data_date or date(2000, 1, 1), time())
    workbook.set_properties({"title": title, "author": "Lanewise", "created": created})
    formats = _Formats(workbook)
    about = _Sheet(workbook.add_worksheet(ABOUT), formats=formats, name=ABOUT)
    _write_about(about, tables=tables, sheet_names=sheet_names, provenance=provenance, title=title)
    for name, (frame, columns) in tables.items():
        sheet = _Sheet(workbook.add_worksheet(sheet_names[name]), formats=formats, name=name)
        if provenance.synthetic:
            sheet.worksheet.set_header(f"&C&B{SYNTHETIC}")
        _write_table(sheet, frame=frame, columns=columns)
    workbook.close()
    return out.getvalue()


def file_name(subject: str, *, provenance: Provenance, ending: Literal["csv", "xlsx"]) -> str:
    """What is a file of this subject called?

    Examples
    --------
    >>> file_name("Lanes", provenance=Provenance("20240301", "9f", None, "2023", (), True, "USD"), ending="csv")
    'lanewise-lanes-20240301-synthetic.csv'
    """
    parts = ["lanewise", subject, provenance.snapshot_id, *(["synthetic"] if provenance.synthetic else [])]
    slugs = [re.sub(r"[^\w.]+", "-", part, flags=re.ASCII).strip("-.").lower() for part in parts]
    return "-".join(slug for slug in slugs if slug) + f".{ending}"


def _provenance_rows(provenance: Provenance) -> list[tuple[str, str]]:
    synthetic = [("Data", f"{SYNTHETIC}: made by Lanewise to try it; it describes no real insured")]
    return [
        *(synthetic if provenance.synthetic else []),
        ("Snapshot", provenance.snapshot_id),
        ("Content hash", provenance.content_hash),
        ("Data's date", provenance.data_date.isoformat() if provenance.data_date else "not known"),
        ("Period", provenance.period),
        ("Currency", provenance.currency),
        *([(f"Filter: {label}", value) for label, value in provenance.filters] or [("Filters", "none")]),
    ]


def _heading(column: ExportColumn, *, csv_file: bool) -> str:
    """A CSV shows a percent as its share, so its heading must not say %."""
    unit = column.unit
    if column.format == "timestamp":
        unit = unit or "UTC"
    elif column.format == "percent":
        unit = "share" if csv_file else unit
    return f"{column.label} ({unit})" if unit else column.label


def _check_columns(frame: pd.DataFrame, *, columns: Sequence[ExportColumn], headings: Sequence[str]) -> None:
    for column in columns:
        if column.name not in frame.columns:
            there = ", ".join(str(name) for name in frame.columns)
            raise LanewiseError(f"the table has no column '{column.name}'", hint=f"It has: {there}.")
    seen: set[str] = set()
    for heading in headings:
        if heading.lower() in seen:
            raise LanewiseError(f"two columns are headed '{heading}'", hint="Give each its own label or unit.")
        seen.add(heading.lower())


def _check_size(frame: pd.DataFrame, *, columns: Sequence[ExportColumn], table: str) -> None:
    if len(frame) > EXCEL_ROWS:
        raise LanewiseError(
            f"{len(frame):,} rows are more than an Excel sheet holds ({EXCEL_ROWS:,})",
            where=table,
            hint="Download it as CSV, or narrow the filters.",
        )
    if len(columns) > EXCEL_COLUMNS:
        raise LanewiseError(
            f"{len(columns):,} columns are more than an Excel sheet holds ({EXCEL_COLUMNS:,})",
            where=table,
            hint="Download it as CSV.",
        )


def _sheet_names(tables: Iterable[str]) -> dict[str, str]:
    r"""Names that Excel takes: 31 characters, none of []:*?/\, no apostrophe at an end, each once whatever its case."""
    taken = {ABOUT.lower(), "history"}  # Excel keeps 'History' for itself
    names: dict[str, str] = {}
    for table in tables:
        base = re.sub(r"[\[\]:*?/\\\s\x00-\x1f]+", " ", table).strip(" '") or "Table"
        name, number = base[:31].strip(" '"), 1
        while name.lower() in taken:
            number += 1
            suffix = f" {number}"
            name = base[: 31 - len(suffix)].rstrip(" '") + suffix
        taken.add(name.lower())
        names[table] = name
    return names


# ---- cells: what a value is, before either format writes it


def _typed(series: pd.Series[Any], *, as_format: ColumnFormat) -> list[Cell]:
    convert = _CONVERTERS.get(as_format, _rounded)
    missing = series.isna().tolist()
    return [None if gone else convert(value) for value, gone in zip(series.tolist(), missing, strict=True)]


def _plain(value: object) -> Cell:
    """A value as itself, in a type of Python's own; anything unforeseen as its text."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    if isinstance(value, bool | int | float | Decimal | date | str):
        return value
    item = getattr(value, "item", None)  # numpy's scalars
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _plain(item())
    return str(value)


def _rounded(value: object) -> Cell:
    """A value as itself, a float without the digits that only its arithmetic made."""
    plain = _plain(value)
    if not isinstance(plain, float) or not math.isfinite(plain) or plain.is_integer():
        return plain
    return float(f"{plain:.{FLOAT_DIGITS}g}")


def _as_amount(value: object) -> Cell:
    plain = _plain(value)
    return round(plain, AMOUNT_DECIMALS) if isinstance(plain, float) and math.isfinite(plain) else plain


def _as_text(value: object) -> Cell:
    plain = _plain(value)
    if isinstance(plain, bool | str):
        return plain
    if isinstance(plain, float) and plain.is_integer():
        return str(int(plain))  # an identifier that met a null on its way became a float
    if isinstance(plain, date):
        return plain.isoformat()
    return str(plain)


def _as_date(value: object) -> Cell:
    plain = _plain(value)
    return plain.date() if isinstance(plain, datetime) else plain


def _as_timestamp(value: object) -> Cell:
    plain = _plain(value)
    if isinstance(plain, datetime) and plain.tzinfo is not None:
        return plain.astimezone(UTC).replace(tzinfo=None)
    return plain


_CONVERTERS: dict[ColumnFormat, Callable[[object], Cell]] = {
    "text": _as_text,
    "amount": _as_amount,
    "date": _as_date,
    "timestamp": _as_timestamp,
}


def looks_like_formula(text: str) -> bool:
    """Would a spreadsheet that opens this text run it?"""
    return text.startswith(("\t", "\r", "\n")) or text.lstrip(IGNORED_STARTS + "\t\r\n").startswith(FORMULA_STARTS)


def _csv_field(cell: Cell) -> str:
    return f"'{cell}" if isinstance(cell, str) and looks_like_formula(cell) else _words(cell)


def _words(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return cell
        case datetime():
            return cell.isoformat(sep=" ")
        case date():
            return cell.isoformat()
        case Decimal():
            return format(cell, "f")
        case _:
            return str(cell)


# ---- the workbook


class _Formats:
    """The workbook's formats, each made once."""

    def __init__(self, workbook: Workbook) -> None:
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.warning = workbook.add_format({"bold": True, "font_color": "#B00020"})
        self.header = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.label = workbook.add_format({"bold": True, "valign": "top"})
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        # The prefix keeps such a text a text even after someone edits the cell.
        self.quoted = workbook.add_format({"num_format": "@", "quote_prefix": True})
        self.plain = workbook.add_format()
        self.fractional = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self.columns = {kind: workbook.add_format({"num_format": code}) for kind, code in NUMBER_FORMATS.items()}


class _Sheet:
    """One worksheet, written cell by cell in the type that each value has."""

    def __init__(self, worksheet: Worksheet, *, formats: _Formats, name: str) -> None:
        self.worksheet = worksheet
        self.formats = formats
        self.name = name

    def write(self, row: int, column: int, cell: Cell, cell_format: Format) -> None:
        match cell:
            case None:
                return
            case bool():
                self.worksheet.write_boolean(row, column, cell)
            case int() | float() | Decimal() if _is_exact(cell):
                self.worksheet.write_number(row, column, float(cell), cell_format)
            case datetime() if cell.date() >= FIRST_EXCEL_DATE:
                self.worksheet.write_datetime(row, column, cell, cell_format)
            case date() if not isinstance(cell, datetime) and cell >= FIRST_EXCEL_DATE:
                self.worksheet.write_datetime(row, column, datetime.combine(cell, time()), cell_format)
            case str():
                self.write_text(row, column, cell, cell_format)
            case _:
                self.write_text(row, column, _words(cell), self.formats.columns["text"])

    def write_text(self, row: int, column: int, text: str, text_format: Format) -> None:
        if not text:
            return
        text = NOT_IN_XML.sub("\ufffd", text)
        length = len(text.encode("utf-16-le")) // 2
        if length > EXCEL_TEXT:
            raise LanewiseError(
                f"a text of {length:,} characters is longer than an Excel cell holds ({EXCEL_TEXT:,})",
                where=f"{self.name}, row {row}, column {column + 1}",
                hint="Download it as CSV, which keeps the whole text.",
            )
        chosen = self.formats.quoted if looks_like_formula(text) else text_format
        if text.startswith("<r>") and text.endswith("</r>"):
            # XlsxWriter takes such a text for its own markup and would put it into the file unescaped.
            self.worksheet.write_rich_string(row, column, text[:1], self.formats.plain, text[1:], chosen)
            return
        self.worksheet.write_string(row, column, text, chosen)


def _write_about(
    sheet: _Sheet,
    *,
    tables: Mapping[str, Table],
    sheet_names: Mapping[str, str],
    provenance: Provenance,
    title: str,
) -> None:
    formats = sheet.formats
    sheet.write_text(0, 0, title, formats.title)
    row = 1
    if provenance.synthetic:
        sheet.write_text(row, 0, SYNTHETIC, formats.warning)
        row += 1
    notes = [("Times", "UTC where a heading says so"), ("Blank cells", "not known; never zero")]
    for label, value in [*_provenance_rows(provenance), *notes]:
        sheet.write_text(row, 0, label, formats.label)
        sheet.write_text(row, 1, value, formats.wrapped)
        row += 1
    row += 1
    for position, heading in enumerate(("Sheet", "Column", "Unit", "Definition")):
        sheet.write_text(row, position, heading, formats.header)
    for name, (frame, columns) in tables.items():
        row += 1
        sheet.write_text(row, 0, sheet_names[name], formats.label)
        sheet.write_text(row, 3, f"{name}: {len(frame):,} rows", formats.wrapped)
        for column in columns:
            row += 1
            unit = column.unit or {"timestamp": "UTC", "percent": "%"}.get(column.format, "")
            for position, text in enumerate((sheet_names[name], column.label, unit, column.definition)):
                sheet.write_text(row, position, text, formats.wrapped)
    for position, width in enumerate((24, 34, 18, 90)):
        sheet.worksheet.set_column(position, position, width)


def _write_table(sheet: _Sheet, *, frame: pd.DataFrame, columns: Sequence[ExportColumn]) -> None:
    worksheet, formats = sheet.worksheet, sheet.formats
    cells = [_typed(frame[column.name], as_format=column.format) for column in columns]
    cell_formats = [formats.columns[column.format] for column in columns]
    for position, column in enumerate(columns):
        heading = _heading(column, csv_file=False)
        sheet.write_text(0, position, heading, formats.header)
        worksheet.set_column(position, position, _width(heading, cells=cells[position], as_format=column.format))
        if column.format == "timestamp" and any(
            isinstance(cell, datetime) and cell.microsecond for cell in cells[position]
        ):
            cell_formats[position] = formats.fractional
    for row, row_cells in enumerate(zip(*cells, strict=True), start=1):
        for position, cell in enumerate(row_cells):
            sheet.write(row, position, cell, cell_formats[position])
    worksheet.freeze_panes(1, 0)
    if columns:
        last_row, last_column = len(frame), len(columns) - 1
        worksheet.autofilter(0, 0, last_row, last_column)
        # An identifier made of digits is text on purpose: no green corner.
        worksheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, last_row, last_column)})


def _is_exact(number: int | float | Decimal) -> bool:
    """Whether a cell, which is a double shown to 15 digits, holds this number as it is."""
    if isinstance(number, Decimal):
        digits = "".join(str(digit) for digit in number.as_tuple().digits)
        return number.is_finite() and len(digits.strip("0")) <= EXCEL_DIGITS
    if isinstance(number, float):
        return math.isfinite(number)
    return len(str(abs(number))) <= EXCEL_DIGITS


def _width(heading: str, *, cells: Sequence[Cell], as_format: ColumnFormat) -> int:
    shown = {"date": 11, "timestamp": 20}.get(as_format, 0)
    sample = [] if shown else [len(_words(cell)) for cell in cells[:200]]
    return min(60, max([10, shown, min(len(heading) + 3, 30), *(length + 2 for length in sample)]))
