"""Excel workbooks: the rows of one sheet as text, each cell as a person reads it."""

import datetime
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO
from xml.parsers import expat

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from data.compound import check_compound
from data.errors import LanewiseError
from data.source import BATCH_ROWS, ErrorCell, Reading, ReadOptions, Source, column_names, create_table, record_batch

ZIP_MAGIC = b"PK\x03\x04"
# The reader holds the rectangle from the first to the last cell in memory, some 32 bytes a cell.
_MAXIMUM_CELLS = 60_000_000
_MAXIMUM_UNPACKED = 2 << 30
# All text of a sheet's cells. A long one stands in the file once, however many cells show it.
_MAXIMUM_TEXT = 2 << 30
_MAXIMUM_ERRORS = 1_000_000
_MOST_INFLATION = 1_032  # what deflate can make of a byte at most
_MAXIMUM_PARTS_BYTES = 64 << 20
_MAXIMUM_COMPOUND = 512 << 20
_CHUNK = 1 << 20
_ERROR_MARK = re.compile(rb"""\st\s*=\s*["']e["']""")
_TEXT_MARK = re.compile(rb"""\st\s*=\s*["']s["']""")
_TEXT_PLACE = re.compile(rb"""\st\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>\s*([0-9]{1,9})\s*<""")
_SHARED_TEXT = "xl/sharedStrings.xml"
_CELL_COLUMN = re.compile(rb"""\sr\s*=\s*["']([A-Z]{1,3})[0-9]""")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ROW_NUMBER = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["']([0-9]+)["']""")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

# What a workbook with damaged bytes makes the libraries that unpack and parse it raise.
_DAMAGE = (
    CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    expat.ExpatError,
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)

CellValue = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def read_spreadsheet(path: Path, *, reading: Reading) -> Source:
    """Which rows are in this sheet of a workbook?

    Row numbers are the sheet's own. A row without any content is no row. Formulas give the value that was saved with
    them; a merged cell has its value in its first row and column. A cell with an Excel error is null, and listed: of
    an .xlsx exactly; an .xls reads them as blank, which the notes say.

    Parameters
    ----------
    path
        The workbook.

    Raises
    ------
    LanewiseError
        The file is damaged, protected by a password or no workbook, the sheet does not exist, or it has no header
        where it should be.
    """
    name = reading.name
    try:
        return _read(path, reading=reading)
    except PasswordError:
        raise _protected(name) from None
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # the reader's own crash, which derives from BaseException
            raise _damaged(name, error) from None
        raise


def _damaged(name: str, error: BaseException) -> LanewiseError:
    detail = (str(error) or type(error).__name__).splitlines()[0]
    return LanewiseError(
        f"is no workbook that can be read ({detail})", where=name, hint="Open it in Excel and save it anew as .xlsx."
    )


def _protected(name: str) -> LanewiseError:
    return LanewiseError("is protected by a password", where=name, hint="Save a copy without one.")


def _read(path: Path, *, reading: Reading) -> Source:
    name, options, relation = reading.name, reading.options, reading.relation
    if options.skip < 0 or options.header_row < 0:
        raise LanewiseError("skip and header_row count rows and cannot be negative", where=name)
    with path.open("rb") as file:
        zipped = file.read(8).startswith(ZIP_MAGIC)
        parts = _check_archive(file, name=name) if zipped else _check_compound(file, name=name)
        file.seek(0)
        with CalamineWorkbook.from_filelike(file) as workbook:
            sheet = _choose(workbook, parts, file, wanted=options.sheet, name=name)
            sheet_name = sheet.name
            if reading.progress is not None:
                reading.progress(f"{name}: reading sheet {sheet_name!r}")
            errors = _sheet_errors(file, parts, sheet_name, name=name) if zipped else {}
            table = _Table(sheet, errors=errors, options=options, name=name)
            batches = list(table.batches())
    names, notes = column_names(table.header, file=name)
    batches = [batch.select([*range(len(names)), batch.num_columns - 1]) for batch in batches]
    create_table(reading.connection, batches, relation=relation, columns=names, file=name)
    if not zipped:
        notes = (*notes, "in an .xls file cells with an Excel error cannot be told from blank ones")
    elif sheet_name not in parts:
        notes = (*notes, "the sheet could not be searched for cells with an Excel error: they read as blank")
    heading = f"header in row {table.header_row}" if table.header_row else "no header"
    return Source(
        relation=relation,
        columns=names,
        types=dict.fromkeys(names, "VARCHAR"),
        rows=table.rows,
        rejected=(),
        error_cells=tuple(
            ErrorCell(row=row, column=names[column], text=text)
            for (row, column), text in sorted(errors.items())
            if row > table.rows_before and column < len(names)
        ),
        dialect=f"Excel sheet {sheet_name!r}, {heading}",
        sheet=sheet_name,
        notes=notes,
    )


class _Table:
    """The rows of a sheet below its header, as batches of text; the rest is known once `batches` is at its end."""

    def __init__(
        self, sheet: CalamineSheet, *, errors: dict[tuple[int, int], str], options: ReadOptions, name: str
    ) -> None:
        self._sheet = sheet
        self._name = name
        self._wanted = options.skip + options.header_row if options.header_row else 0
        self._error_rows = {row for row, _ in errors}
        self._left = sheet.start[1] if sheet.start else 0
        self.header: list[str | None] = []
        self.header_row = 0
        self.rows_before = options.skip
        self.rows = 0
        last_error = max((column for _, column in errors), default=-1)
        self._width = max((sheet.end[1] if sheet.end else -1), last_error) + 1
        self._errors = errors

    def batches(self) -> Iterator[pa.RecordBatch]:
        filled = [False] * self._width
        rows = enumerate(self._rows(), start=1)
        if self._wanted:
            self._find_header(rows)
        else:
            for _ in islice(rows, self.rows_before):
                pass
        for row, column in self._errors:
            if row > self.rows_before:
                filled[column] = True
        kept: list[Sequence[CellValue]] = []
        numbers: list[int] = []
        for number, cells in rows:
            if number in self._error_rows or any(value != "" and not _is_blank(value) for value in cells):
                kept.append(cells)
                numbers.append(number)
                if len(numbers) == BATCH_ROWS:
                    yield self._batch(kept, numbers, filled)
                    kept, numbers = [], []
        if numbers:
            yield self._batch(kept, numbers, filled)
        # Columns to the right without header and content are formatting, not data.
        named = [bool(text and text.strip()) for text in self.header]
        while filled and not filled[-1] and not (self.header_row and named[len(filled) - 1]):
            filled.pop()
        if not filled:
            raise LanewiseError(f"sheet {self._sheet.name!r} is empty", where=self._name)
        self.header = self.header[: len(filled)] if self.header_row else [None] * len(filled)

    def _rows(self) -> Iterator[Sequence[CellValue]]:
        """Rows from the sheet's first on, blank ones included, those with nothing but an error at the end too."""
        last = max(self._error_rows, default=0)
        number = 0
        if self._sheet.start is not None:
            for cells in self._sheet.iter_rows():
                number += 1
                yield cells
        for _ in range(number, last):
            yield []

    def _find_header(self, rows: Iterator[tuple[int, Sequence[CellValue]]]) -> None:
        number = 0
        for number, cells in rows:
            if number < self._wanted or all(_is_blank(value) for value in cells):
                continue
            self.header = self._full([cell_text(value) for value in cells])
            self.header_row = self.rows_before = number
            return
        problem = f"has {number:,} rows" if number < self._wanted else f"is blank from row {self._wanted:,} on"
        if not number:
            raise LanewiseError(f"sheet {self._sheet.name!r} is empty", where=self._name)
        raise LanewiseError(
            f"sheet {self._sheet.name!r} {problem}: no header in row {self._wanted:,}",
            where=self._name,
            hint="Check skip, header_row and sheet.",
        )

    def _full(self, cells: Sequence[str | None]) -> list[str | None]:
        full = [None] * self._left + list(cells)
        return full + [None] * (self._width - len(full))

    def _batch(self, rows: list[Sequence[CellValue]], numbers: list[int], filled: list[bool]) -> pa.RecordBatch:
        self.rows += len(numbers)
        inner = max(len(cells) for cells in rows)
        level = [cells if len(cells) == inner else [*cells, *[""] * (inner - len(cells))] for cells in rows]
        empty: list[str | None] = [None] * len(numbers)
        columns: list[list[str | None]] = [empty] * self._left
        for values in zip(*level, strict=True):
            texts = [_AS_TEXT[type(value)](value) for value in values]
            if not filled[len(columns)]:
                filled[len(columns)] = any(text is not None and text.strip() != "" for text in texts)
            columns.append(texts)
        columns.extend([empty] * (self._width - len(columns)))
        return record_batch(columns, numbers)


def _is_blank(value: CellValue) -> bool:
    return isinstance(value, str) and not value.strip()


def cell_text(value: CellValue) -> str | None:
    """How does a person read this cell? None for an empty one.

    >>> cell_text(2015060222904.0)
    '2015060222904'
    >>> cell_text(datetime.datetime(2014, 6, 12, 14, 30))
    '2014-06-12 14:30:00'
    """
    return _AS_TEXT[type(value)](value)


def _number(value: float) -> str:
    """Whole numbers digit by digit; others to the 15 digits that Excel itself shows, so 17.599999999999998 is 17.6."""
    text = repr(value) if value.is_integer() else f"{value:.15g}"
    if text.endswith(".0"):
        text = text[:-2]
    if "e" in text and 1e-15 < abs(value) < 1e22:
        text = format(Decimal(text), "f")
    return "0" if text == "-0" else text


def _moment(value: datetime.datetime) -> str:
    # Excel keeps days as floating point: below a millisecond there is only noise.
    rounded = value + datetime.timedelta(microseconds=500)
    whole = rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)
    return whole.isoformat(sep=" ", timespec="milliseconds" if whole.microsecond else "seconds")


def _time(value: datetime.time) -> str:
    moment = datetime.datetime.combine(datetime.date(2000, 1, 1), value)
    return _moment(moment)[11:] if moment.microsecond < 999_500 or value < datetime.time(23, 59, 59) else "23:59:59.999"


def _duration(value: datetime.timedelta) -> str:
    milliseconds = round(value / datetime.timedelta(milliseconds=1))
    seconds, rest = divmod(abs(milliseconds), 1000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if milliseconds < 0 else "") + text + (f".{rest:03}" if rest else "")


_AS_TEXT: dict[type, Callable[..., str | None]] = {
    str: lambda value: value or None,
    float: _number,
    int: str,
    bool: lambda value: "true" if value else "false",
    datetime.date: lambda value: value.isoformat(),
    datetime.datetime: _moment,
    datetime.time: _time,
    datetime.timedelta: _duration,
}


def _check_compound(file: IO[bytes], *, name: str) -> dict[str, str]:
    """Raises for compound files that are known to be no workbook that can be read."""
    file.seek(0)
    head = file.read(_MAXIMUM_PARTS_BYTES)
    if "EncryptedPackage".encode("utf-16-le") in head:
        raise _protected(name)
    if not any(stream.encode("utf-16-le") in head for stream in ("Workbook", "Book", "WORKBOOK", "BOOK")):
        raise LanewiseError(
            "is no workbook: it is another kind of Office or compound file", where=name, hint="Save it as .xlsx."
        )
    rest = file.read(max(0, _MAXIMUM_COMPOUND - len(head) + 1))
    if len(head) + len(rest) > _MAXIMUM_COMPOUND:
        raise LanewiseError(f"has more than {_MAXIMUM_COMPOUND >> 20} MiB", where=name, hint="Save it as .xlsx or CSV.")
    check_compound(head + rest)
    return {}


def _check_archive(file: IO[bytes], *, name: str) -> dict[str, str]:
    """Which part of this archive holds which sheet? Raises when it is no Excel workbook or unpacks to too much."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        workbook = "xl/workbook.xml"
        if workbook not in members:
            kinds = {"xl/workbook.bin": "an .xlsb workbook", "content.xml": "an OpenDocument file", "word/": "Word"}
            kind = next((words for part, words in kinds.items() if any(one.startswith(part) for one in members)), "")
            raise LanewiseError(
                f"is a zip archive, but no Excel workbook{f': it is {kind}' if kind else ''}",
                where=name,
                hint="Save it as .xlsx, or unpack it and name the files in it.",
            )
        if sum(member.file_size for member in members.values()) > _MAXIMUM_UNPACKED:
            raise LanewiseError(
                f"unpacks to more than {_MAXIMUM_UNPACKED >> 30} GiB", where=name, hint="Split it, or save it as CSV."
            )
        _check_inflation(file, archive.infolist(), name=name)
        targets: dict[str, str] = {}
        for attributes in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship", name=name):
            target = attributes.get("Target", "")
            inside = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
            targets[attributes.get("Id", "")] = inside
        parts: dict[str, str] = {}
        for attributes in _elements(archive, workbook, "sheet", name=name):
            identity = next((value for key, value in attributes.items() if key.endswith(" id")), "")
            if targets.get(identity) in members:
                parts[attributes.get("name", "")] = targets[identity]
        return parts


def _check_inflation(file: IO[bytes], members: Sequence[zipfile.ZipInfo], *, name: str) -> None:
    """Raises when a part unpacks to more than the archive says: the reader of workbooks unpacks it to its end."""
    if sum(member.compress_size for member in members) * _MOST_INFLATION <= _MAXIMUM_UNPACKED:
        return
    for member in members:
        if member.compress_type != zipfile.ZIP_DEFLATED:
            continue
        file.seek(member.header_offset)
        lengths = struct.unpack("<HH", file.read(30)[26:30])
        file.seek(sum(lengths), 1)
        inflate, packed_left, size = zlib.decompressobj(-zlib.MAX_WBITS), member.compress_size, 0
        while packed_left > 0 and (packed := file.read(min(_CHUNK, packed_left))):
            packed_left -= len(packed)
            while packed:
                size += len(inflate.decompress(packed, _CHUNK))
                if size > member.file_size:
                    raise LanewiseError(
                        f"holds a part, {member.filename}, that unpacks to more than it says", where=name
                    )
                packed = inflate.unconsumed_tail


def _check_text(file: IO[bytes], part: str, *, name: str) -> None:
    """Raises when the sheet's cells show more text than memory should hold."""
    with zipfile.ZipFile(file) as archive:
        if _SHARED_TEXT not in archive.namelist():
            return
    lengths: list[int] = []
    for window in _windows(file, _SHARED_TEXT):
        first, *others = window.split(b"<si")
        if lengths:
            lengths[-1] += len(first)
        lengths += [len(piece) for piece in others]
    longest = max(lengths, default=0)
    shown = sum(len(_TEXT_MARK.findall(window)) for window in _windows(file, part))
    if longest * shown <= _MAXIMUM_TEXT:
        return
    total = 0
    for window in _windows(file, part):
        total += sum(lengths[int(place)] for place in _TEXT_PLACE.findall(window) if int(place) < len(lengths))
        if total > _MAXIMUM_TEXT:
            raise LanewiseError(
                f"shows more than {_MAXIMUM_TEXT >> 20:,} MiB of text, the longest of {longest:,} bytes",
                where=name,
                hint="Split it, or save it as CSV.",
            )


def _elements(archive: zipfile.ZipFile, part: str, tag: str, *, name: str) -> list[dict[str, str]]:
    if part not in archive.namelist():
        return []
    found: list[dict[str, str]] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        if element.rpartition(" ")[2] == tag:
            found.append(attributes)

    parser = _parser(name=name)
    parser.StartElementHandler = start
    with archive.open(part) as stream:
        parser.ParseFile(stream)
    return found


def _parser(*, name: str) -> expat.XMLParserType:
    """A parser that refuses a document type, and with it every entity that could unfold without end."""

    def refuse(*_: object) -> None:
        raise LanewiseError("holds XML with a document type, which no workbook has", where=name)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    return parser


def _choose(
    workbook: CalamineWorkbook, parts: dict[str, str], file: IO[bytes], *, wanted: str | None, name: str
) -> CalamineSheet:
    sheets = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    names = [one.name for one in sheets]
    if wanted is not None:
        alike = [one for one in names if one.strip().casefold() == wanted.strip().casefold()]
        if wanted in names or len(alike) == 1:
            chosen = wanted if wanted in names else alike[0]
            _check_extent(file, parts, chosen, name=name)
            return workbook.get_sheet_by_name(chosen)
        there = ", ".join(repr(one) for one in names) or "none"
        raise LanewiseError(f"has no sheet {wanted!r}", where=name, hint=f"Its sheets: {there}.")
    for sheet in sorted(sheets, key=lambda one: one.visible != SheetVisibleEnum.Visible):
        _check_extent(file, parts, sheet.name, name=name)
        opened = workbook.get_sheet_by_name(sheet.name)
        if opened.start is not None:
            return opened
    raise LanewiseError("is empty: no sheet has content", where=name, hint="Check that the right file was exported.")


def _check_extent(file: IO[bytes], parts: dict[str, str], sheet: str, *, name: str) -> None:
    """Raises when the rectangle of a sheet's cells would not fit in memory: one stray cell can span billions."""
    if sheet not in parts:
        return
    columns: set[bytes] = set()
    cells = references = last_row = 0
    for window in _windows(file, parts[sheet]):
        found = _CELL_COLUMN.findall(window)
        columns.update(found)
        references += len(found)
        cells += len(_CELL.findall(window))
        last_row = max((int(number) for number in _ROW_NUMBER.findall(window)), default=last_row)
    _check_text(file, parts[sheet], name=name)
    width = max((_column_number(letters.decode()) for letters in columns), default=1)
    rows = max(last_row, 1)
    if cells > references:  # cells without a reference stand beside the one before
        width = max(width, min(cells, 16_384))
        rows = max(rows, min(cells, 1_048_576))
        if rows * width > _MAXIMUM_CELLS:
            rows, width = _exact_extent(file, parts[sheet], name=name)
    if rows * width > _MAXIMUM_CELLS:
        raise LanewiseError(
            f"sheet {sheet!r} spans {rows:,} rows and {width:,} columns, more than {_MAXIMUM_CELLS:,} cells",
            where=name,
            hint="Delete stray cells at its far end, or save it as CSV.",
        )


def _windows(file: IO[bytes], part: str) -> Iterator[bytes]:
    """The part's XML in pieces that end with a whole tag, so that no pattern is cut in two."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive, archive.open(part) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            whole, end, rest = (rest + chunk).rpartition(b">")
            if len(rest) > _MAXIMUM_PARTS_BYTES:
                raise zipfile.BadZipFile("a text without end")
            yield whole + end
        yield rest


class _CellWalk:
    """Walks a sheet's XML with expat: where each cell stands, and what cells of type error hold."""

    def __init__(self, *, name: str) -> None:
        self.row = self.column = 0
        self.last_row = self.last_column = 0
        self.errors: dict[tuple[int, int], str] = {}
        self._in_error = self._in_value = False
        self._text: list[str] = []
        self._name = name
        self.parser = _parser(name=name)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        tag = element.rpartition(" ")[2]
        if tag == "row":
            number = attributes.get("r", "")
            self.row = int(number) if number.isdecimal() else self.row + 1
            self.column = 0
        elif tag == "c":
            place = _REFERENCE.fullmatch(attributes.get("r", ""))
            if place:
                self.column, self.row = _column_number(place[1]), int(place[2])
            else:
                self.column += 1
            self.last_row, self.last_column = max(self.last_row, self.row), max(self.last_column, self.column)
            self._in_error = attributes.get("t") == "e"
            self._text.clear()
        elif tag == "v":
            self._in_value = True

    def _characters(self, text: str) -> None:
        if self._in_error and self._in_value:
            self._text.append(text)

    def _end(self, element: str) -> None:
        tag = element.rpartition(" ")[2]
        if tag == "v":
            self._in_value = False
        elif tag == "c" and self._in_error:
            if len(self.errors) == _MAXIMUM_ERRORS:
                raise LanewiseError(
                    f"holds more than {_MAXIMUM_ERRORS:,} cells with an Excel error",
                    where=self._name,
                    hint="Correct the formula that gives them, or leave its column out.",
                )
            self.errors[self.row, self.column - 1] = "".join(self._text).strip() or "#ERROR"
            self._in_error = False


def _walk(file: IO[bytes], part: str, *, name: str) -> _CellWalk:
    walk = _CellWalk(name=name)
    file.seek(0)
    with zipfile.ZipFile(file) as archive, archive.open(part) as stream:
        walk.parser.ParseFile(stream)
    return walk


def _exact_extent(file: IO[bytes], part: str, *, name: str) -> tuple[int, int]:
    walk = _walk(file, part, name=name)
    return walk.last_row, walk.last_column


def _sheet_errors(file: IO[bytes], parts: dict[str, str], sheet: str, *, name: str) -> dict[tuple[int, int], str]:
    """Which cells hold an Excel error, by row from 1 and column from 0?

    Almost no sheet has any: a search of the bytes tells, 20 times faster than walking its XML.
    """
    if sheet not in parts or not any(_ERROR_MARK.search(window) for window in _windows(file, parts[sheet])):
        return {}
    return _walk(file, parts[sheet], name=name).errors


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
