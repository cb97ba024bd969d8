"""Delimited text: settles encoding, delimiter and header before any row is read, and accounts for every record.

Two ways lead into the table. A text whose layout a vectorised scan proves clean goes through DuckDB's reader, and the
number of rows must agree with the scan. Any other text goes through Python's csv module record by record, which keeps
row numbers and names what is wrong with a row. DuckDB's reader alone will not do: it leaves out rows without a word
when a quote stands inside an unquoted cell.
"""

import csv
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import TextIO

import duckdb
import numpy as np
import pyarrow as pa

from data.encoding import LINE_LIMIT, as_utf8, settle_encoding
from data.errors import LanewiseError
from data.source import (
    BATCH_CELLS,
    BATCH_CHARACTERS,
    BATCH_ROWS,
    Reading,
    ReadOptions,
    RejectedRow,
    Source,
    column_names,
    create_table,
    identifier,
    literal,
    record_batch,
    reject,
    trimmed,
)

CANDIDATES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_SAMPLE_RECORDS = 500
_SAMPLE_CHARACTERS = 1 << 20
_CHUNK = 8 << 20
_FAST_RECORD_BYTES = 1 << 20  # DuckDB's reader takes 2,000,000 by default
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13


def read_delimited(path: Path, *, reading: Reading) -> Source:
    """Which rows of cells are in this delimited text?

    Parameters
    ----------
    path
        The file; a text in another encoding than UTF-8 is copied.

    Raises
    ------
    LanewiseError
        The text is empty, is no text, has no header where it should be, or a quote is opened and never closed.
    """
    name, options, relation = reading.name, reading.options, reading.relation
    encoding = settle_encoding(path, options.encoding, name=name)
    with as_utf8(path, encoding, temp=reading.temp, name=name) as text_path:
        lead = _lead(text_path, name=name, options=options)
        names, notes = column_names(lead.header, file=name)
        heading = f"header in row {lead.header_row}" if lead.header_row else "no header"
        words = CANDIDATES.get(lead.delimiter, repr(lead.delimiter))
        dialect = f"{words}-separated text, {encoding.label}, {heading}"
        rows = _read_clean(reading.connection, text_path, lead, names=names, relation=relation, file=name)
        rejected: list[RejectedRow] = []
        if rows is None:
            exact = _Exact(text_path, lead, name=name, rejected=rejected, progress=reading.progress)
            create_table(reading.connection, exact.batches(), relation=relation, columns=names, file=name)
            rows = exact.rows
    return Source(
        relation=relation,
        columns=names,
        types=dict.fromkeys(names, "VARCHAR"),
        rows=rows,
        rejected=tuple(rejected),
        error_cells=(),
        dialect=dialect,
        sheet=None,
        notes=(*encoding.notes, *notes),
    )


@dataclass(frozen=True)
class _Lead:
    """What stands before the data: where it ends, in rows, lines and bytes, and what it says."""

    delimiter: str
    header: list[str | None]
    header_row: int  # 0: none
    rows_before: int  # rows of a spreadsheet of this file before the first data row
    lines_before: int
    bytes_before: int


class _Records:
    """The records of an open text, each with its row number in a spreadsheet and its text as it stands there."""

    def __init__(self, text: TextIO, *, delimiter: str, name: str, row: int, line: int) -> None:
        self.row = row
        self.lines: list[str] = []
        self._line = line
        self._text = text
        self._name = name
        self._delimiter = delimiter
        csv.field_size_limit(LINE_LIMIT)
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        for line in self._text:
            self.lines.append(line)
            yield line

    def __iter__(self) -> Iterator[tuple[list[str], str]]:
        """Cells and, where they cannot be told, the reason in words."""
        while True:
            self._line += len(self.lines)
            self.lines.clear()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.row += 1
                yield [], self._reason(error)
                continue
            self.row += 1
            yield cells, ""

    def lines_read(self) -> int:
        return self._line + len(self.lines)

    def _reason(self, error: csv.Error) -> str:
        if "expected after" in str(error):
            return "has text after a closing quote"
        opened = _open_quote_line(self.lines, self._delimiter)
        if opened is not None:
            ending = f"not closed within {LINE_LIMIT:,} characters" if "field larger" in str(error) else "never closed"
            raise LanewiseError(
                f"a quote is opened in line {self._line + opened:,} and {ending}",
                where=self._name,
                hint='Close it, or write a quote inside a quoted cell twice ("").',
            ) from None
        if "field larger" in str(error):
            raise LanewiseError(
                f"a cell in line {self._line + 1:,} is longer than {LINE_LIMIT:,} characters",
                where=self._name,
                hint="Check the file at that line.",
            ) from None
        return f"cannot be read as cells ({error})"


def _open_quote_line(lines: list[str], delimiter: str) -> int | None:
    """In which of a record's lines, from 1, is the quote opened that none closes?"""
    text = "".join(lines)
    ends = re.compile(f"[{re.escape(delimiter)}\r\n]")
    position = 0
    while position < len(text):
        if text[position] == '"':
            opened = position
            position += 1
            while True:
                position = text.find('"', position)
                if position < 0:
                    ends_of_lines = list(accumulate(len(line) for line in lines))
                    return bisect_right(ends_of_lines, opened) + 1
                position += 1
                if text[position : position + 1] != '"':
                    break
                position += 1
        found = ends.search(text, position)
        if found is None:
            return None
        position = found.end()
    return None


def _is_blank(cells: list[str], delimiter: str) -> bool:
    """Is this record a blank line? One of delimiters only is a row: of empty cells."""
    return not cells or (len(cells) == 1 and delimiter != " " and bool(cells[0]) and not cells[0].strip())


def _lead(path: Path, *, name: str, options: ReadOptions) -> _Lead:
    if options.skip < 0 or options.header_row < 0:
        raise LanewiseError("skip and header_row count rows and cannot be negative", where=name)
    with path.open(encoding="utf-8", newline="") as text:
        skipped = size = 0
        for one in islice(text, options.skip):
            skipped += 1
            size += len(one.encode())
        delimiter = _delimiter(text, name=name, options=options)
        text.seek(0)
        for _ in range(skipped):
            text.readline()
        row = line = skipped
        records = _Records(text, delimiter=delimiter, name=name, row=row, line=line)
        if options.header_row == 0:
            sample = [cells for cells, _ in islice(records, _SAMPLE_RECORDS) if not _is_blank(cells, delimiter)]
            if not sample:
                raise LanewiseError("is empty", where=name, hint="Check that the right file was exported.")
            width = _usual_width(sample)
            return _Lead(delimiter, [None] * width, 0, row, line, size)
        for cells, problem in records:
            size += sum(len(one.encode()) for one in records.lines)
            if records.row < options.skip + options.header_row or (not problem and _is_blank(cells, delimiter)):
                continue
            if problem:
                raise LanewiseError(f"its header, row {records.row}, {problem}", where=name)
            return _Lead(delimiter, list(cells), records.row, records.row, records.lines_read(), size)
        if records.row == 0 and not skipped:
            raise LanewiseError("is empty", where=name, hint="Check that the right file was exported.")
        last = max(records.row, skipped)
        wanted = options.skip + options.header_row
        problem = f"has {last:,} rows" if last < wanted else f"has only blank rows from row {wanted:,} on"
        raise LanewiseError(f"{problem}: no header in row {wanted:,}", where=name, hint="Check skip and header_row.")


def _delimiter(text: TextIO, *, name: str, options: ReadOptions) -> str:
    if options.delimiter is not None:
        delimiter = "\t" if options.delimiter in {"\\t", "tab"} else options.delimiter
        if len(delimiter) != 1 or delimiter in '"\r\n\0' or len(delimiter.encode()) > 1:
            raise LanewiseError(
                f"delimiter {options.delimiter!r} is no delimiter",
                where=name,
                hint='Give one ASCII character such as ";", and no quote.',
            )
        return delimiter
    lines: list[str] = []
    size = 0
    for line in islice(text, options.header_row + _SAMPLE_RECORDS):
        lines.append(line)
        size += len(line)
        if size > _SAMPLE_CHARACTERS:
            break
    return max(CANDIDATES, key=lambda candidate: _consistency(lines, candidate, header_row=options.header_row))


def _consistency(lines: list[str], delimiter: str, *, header_row: int) -> tuple[float, int]:
    """How well does a delimiter cut these lines: share of records as wide as the header, and that width."""
    csv.field_size_limit(LINE_LIMIT)
    records = list(csv.reader(lines, delimiter=delimiter))[max(header_row - 1, 0) :]
    widths = [len(cells) for cells in records if any(cell.strip() for cell in cells)]
    if not widths:
        return 0.0, 0
    width = widths[0] if header_row else Counter(widths).most_common(1)[0][0]
    if width < 2:
        return 0.0, 0
    return widths.count(width) / len(widths), width


def _usual_width(records: list[list[str]]) -> int:
    return max(1, Counter(len(cells) for cells in records).most_common(1)[0][0])


@dataclass
class _Layout:
    """The running state of the scan that proves a text clean; `clean` turns False at the first thing out of order."""

    delimiter: int
    width: int
    clean: bool = True
    rows: int = 0
    quoted_newlines: int = 0
    plain: bool = True  # printable ASCII, spaces and the ends of cells and records only
    _inside: int = 0  # 1 within quotes
    _open_delimiters: int = 0  # of the record that the previous chunk left unfinished
    _open_bytes: int = 0
    _returns: bool | None = None  # whether records end in CR LF
    _last: int = _NEWLINE

    def take(self, before: int, chunk: bytes, after: int) -> None:
        """Takes the next bytes, with the byte on either side (a newline at either end of the data)."""
        data = np.frombuffer(chunk, dtype=np.uint8)
        if 0 in chunk:
            self.clean = False
            return
        newlines, delimiters = data == _NEWLINE, data == self.delimiter
        returns = data == _RETURN if _RETURN in chunk else None
        if _QUOTE in chunk or self._inside:
            quotes = data == _QUOTE
            # A byte is inside when an odd number of quotes stands up to it; its own opening quote counts.
            inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ self._inside
            if not self._quotes_in_order(data, quotes, inside, before, after):
                self.clean = False
                return
            self._inside = int(inside[-1])
            outside = inside == 0
            self.quoted_newlines += int(np.count_nonzero(newlines & ~outside))
            newlines, delimiters = newlines & outside, delimiters & outside
            returns = None if returns is None else returns & outside
        self._last = chunk[-1]
        if self.plain:
            apart = np.count_nonzero(newlines) + (0 if returns is None else np.count_nonzero(returns))
            apart += np.count_nonzero(delimiters) if self.delimiter < 32 else 0
            self.plain = bool(np.count_nonzero((data < 32) | (data > 126)) == apart)
        self._count(data, np.flatnonzero(newlines), np.flatnonzero(delimiters), returns, before)

    def _quotes_in_order(
        self, data: np.ndarray, quotes: np.ndarray, inside: np.ndarray, before: int, after: int
    ) -> bool:
        """Does every quote open at the start of a cell, close at its end, or stand twice?"""
        edges = np.array([_QUOTE, self.delimiter, _NEWLINE, _RETURN], dtype=np.uint8)
        places = np.flatnonzero(quotes)
        if not places.size:
            return True
        previous, following = data[places - 1], data[np.minimum(places + 1, data.size - 1)]
        if places[0] == 0:
            previous[0] = before
        if places[-1] == data.size - 1:
            following[-1] = after
        opening = inside[places] == 1
        return bool(np.isin(previous[opening], edges).all() and np.isin(following[~opening], edges).all())

    def _count(
        self,
        data: np.ndarray,
        newlines: np.ndarray,
        delimiters: np.ndarray,
        returns: np.ndarray | None,
        before: int,
    ) -> None:
        if not newlines.size:
            self._open_delimiters += int(delimiters.size)
            self._open_bytes += int(data.size)
            self.clean &= self._open_bytes < _FAST_RECORD_BYTES and (returns is None or not returns.any())
            return
        upto = np.searchsorted(delimiters, newlines)
        cells = np.diff(upto, prepend=0)
        cells[0] += self._open_delimiters
        sizes = np.diff(newlines, prepend=-1)
        sizes[0] += self._open_bytes
        ended = data[newlines - 1] == _RETURN
        if newlines[0] == 0:
            ended[0] = before == _RETURN
        with_returns = bool(ended[0]) if self._returns is None else self._returns
        self._returns = with_returns
        loose = 0 if returns is None else int(np.count_nonzero(returns)) - int(np.count_nonzero(ended))
        if returns is not None and with_returns:
            # The CR of a pair that the chunk's edge cuts belongs to the pair.
            loose -= int(returns[-1])
            loose += int(newlines[0] == 0 and before == _RETURN)
        self.clean &= bool((ended == with_returns).all()) and loose == 0
        self.clean &= bool((cells == self.width - 1).all() and sizes.max() < _FAST_RECORD_BYTES)
        self.rows += int(newlines.size)
        self._open_delimiters = int(delimiters.size - upto[-1])
        self._open_bytes = int(data.size - newlines[-1] - 1)

    def end(self) -> None:
        """Takes the end of the data: a last record needs no newline."""
        if self._open_bytes:
            self.rows += 1
            self.clean &= self._last != _RETURN
            self.clean &= self._open_delimiters == self.width - 1
        self.clean &= self._inside == 0


def _layout(path: Path, lead: _Lead) -> _Layout | None:
    """Is the data a clean table, one record a row, each as wide as the header? None if not."""
    layout = _Layout(delimiter=ord(lead.delimiter), width=len(lead.header))
    with path.open("rb") as file:
        file.seek(lead.bytes_before)
        before, chunk = _NEWLINE, file.read(_CHUNK)
        while chunk:
            following = file.read(_CHUNK)
            layout.take(before, chunk, following[0] if following else _NEWLINE)
            if not layout.clean:
                return None
            before, chunk = chunk[-1], following
    layout.end()
    return layout if layout.clean else None


def _read_clean(
    connection: duckdb.DuckDBPyConnection, path: Path, lead: _Lead, *, names: tuple[str, ...], relation: str, file: str
) -> int | None:
    """Reads a clean text by DuckDB and returns its rows; None, and no table, if it is not clean."""
    if len(names) < 2 or re.search(r"[*?\[\]]", str(path)):
        return None
    layout = _layout(path, lead)
    if layout is None:
        return None
    types = ", ".join(f"c{position}: 'VARCHAR'" for position in range(1, len(names) + 1))
    selected = "".join(
        f"{trimmed(f'c{position}', plain=layout.plain)} as {identifier(name)}, "
        for position, name in enumerate(names, start=1)
    )
    table = identifier(relation)
    # Rows that hold line breaks are cut wrongly when the text is split among threads.
    parallel = "false" if layout.quoted_newlines else "true"
    try:
        connection.execute(
            f"create table {table} as select {selected}{literal(file)}::varchar as _file, "
            f"row_number() over () + {lead.rows_before} as _row "
            f"from read_csv({literal(str(path))}, auto_detect = false, columns = {{{types}}}, header = false, "
            f"skip = {lead.lines_before}, delim = {literal(lead.delimiter)}, quote = '\"', escape = '\"', "
            f"compression = 'none', parallel = {parallel})"
        )
    except duckdb.Error:  # the exact way needs no access to files, and words what is wrong
        return None
    counted = connection.execute(f"select count(*) from {table}").fetchall()
    if counted[0][0] == layout.rows:
        return layout.rows
    connection.execute(f"drop table {table}")
    return None


@dataclass
class _Exact:
    """Reads a text record by record; `rows` and `rejected` are whole once `batches` is at its end."""

    path: Path
    lead: _Lead
    name: str
    rejected: list[RejectedRow]
    progress: Callable[[str], None] | None
    rows: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        lead, width = self.lead, len(self.lead.header)
        cells_kept: list[list[str]] = []
        numbers: list[int] = []
        most = max(1, min(BATCH_ROWS, BATCH_CELLS // width))
        size = 0
        nul_bytes = _holds_nul(self.path)
        with self.path.open(encoding="utf-8", newline="") as text:
            for _ in range(lead.lines_before):
                text.readline()
            records = _Records(
                text, delimiter=lead.delimiter, name=self.name, row=lead.rows_before, line=lead.lines_before
            )
            for cells, reason in records:
                problem = reason
                if len(cells) == width and not (width == 1 and _is_blank(cells, lead.delimiter)):
                    if not (nul_bytes and any("\0" in line for line in records.lines)):
                        cells_kept.append(cells)
                        numbers.append(records.row)
                        size += sum(map(len, records.lines))
                        if len(numbers) == most or size > BATCH_CHARACTERS:
                            yield self._batch(cells_kept, numbers)
                            cells_kept, numbers, size = [], [], 0
                        continue
                    problem = "holds a NUL byte"
                elif not problem and _is_blank(cells, lead.delimiter):
                    continue
                self._reject(records, problem or _ragged(len(cells), lead))
        if numbers:
            yield self._batch(cells_kept, numbers)

    def _batch(self, cells: list[list[str]], numbers: list[int]) -> pa.RecordBatch:
        self.rows += len(numbers)
        if self.progress is not None:
            self.progress(f"{self.name}: {self.rows:,} rows read")
        return record_batch(list(zip(*cells, strict=True)), numbers)

    def _reject(self, records: _Records, reason: str) -> None:
        self.rows += 1
        text = "".join(records.lines).rstrip("\r\n").replace("\0", "\u2400")
        reject(self.rejected, row=records.row, text=text, reason=reason, file=self.name)


def _holds_nul(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b"\0" in chunk for chunk in iter(lambda: file.read(_CHUNK), b""))


def _ragged(cells: int, lead: _Lead) -> str:
    noun = "cell" if cells == 1 else "cells"
    against = "the header has" if lead.header_row else "the other rows have"
    return f"has {cells} {noun} where {against} {len(lead.header)}"
