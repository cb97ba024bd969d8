"""Compound files, which hold an old workbook (.xls): is what is inside in bounds, before it is read?

A damaged allocation table can lead in circles, and a damaged cell can stand in a column that no sheet has. The reader
of workbooks follows both until the machine has no memory left, so they are looked for first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: What an .xls can hold: a row or a column beyond is damage.
MAXIMUM_ROWS = 65_536
MAXIMUM_COLUMNS = 256
_HEADER = 512
_LAST_SECTOR = 0xFFFFFFFA  # from here on numbers have meanings of their own: end, free, table
_IN_HEADER = 109
_ENTRY = 128
_STREAM, _ROOT = 2, 5
_WORKBOOKS = {"workbook", "book"}
_DIMENSIONS, _MANY_NUMBERS, _MANY_BLANKS = 0x0200, 0x00BD, 0x00BE
# Blank, number, label, truth or error, text, formula and packed number, in the spellings of three generations.
_CELLS = {0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x0206}
_CELLS |= {0x027E, 0x0406, _MANY_NUMBERS, _MANY_BLANKS}


class DamagedError(ValueError):
    """What is damaged in a compound file, in words."""


def check_compound(data: bytes) -> None:
    """Is every chain of this compound file finite, and every cell of its workbook where a cell can be?

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    DamagedError
        A chain leads in circles or out of the file, or a cell stands outside of any sheet.
    """
    if len(data) < _HEADER:
        raise DamagedError("it is cut short")
    shift = struct.unpack_from("<H", data, 30)[0]
    if shift not in {9, 12}:
        raise DamagedError(f"its sectors have 2^{shift} bytes")
    file = _Sectors(data, size=1 << shift)
    table = file.table()
    _refuse_circles(table)
    entries = list(_entries(file.chain(_word(data, 48), table=table)))
    small_table = file.numbers(file.chain(_word(data, 60), table=table)) if _word(data, 64) else []
    _refuse_circles(small_table)
    cutoff = _word(data, 56)
    small = next((file.chain(start, table=table) for kind, _, start, _ in entries if kind == _ROOT), b"")
    for kind, name, start, size in entries:
        if kind != _STREAM or name.casefold() not in _WORKBOOKS:
            continue
        if size < cutoff:
            stream = _Sectors(small, size=64, header=0).chain(start, table=small_table)
        else:
            stream = file.chain(start, table=table)
        _check_cells(stream[:size])


def _word(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", data, place)[0])


class _Sectors:
    """The equal pieces of a file after its header."""

    def __init__(self, data: bytes, *, size: int, header: int | None = None) -> None:
        self._data = data
        self._size = size
        self._header = size if header is None else header

    def sector(self, number: int) -> bytes:
        start = self._header + number * self._size
        piece = self._data[start : start + self._size]
        if not piece:
            raise DamagedError("a chain leads out of the file")
        return piece

    def chain(self, start: int, *, table: Sequence[int]) -> bytes:
        pieces = []
        while start < _LAST_SECTOR:
            pieces.append(self.sector(start))
            if start >= len(table):
                raise DamagedError("a chain leads out of its table")
            start = table[start]
        return b"".join(pieces)

    def numbers(self, data: bytes) -> list[int]:
        return [number for (number,) in struct.iter_unpack("<I", data[: len(data) // 4 * 4])]

    def table(self) -> list[int]:
        """For each sector the next of its chain."""
        places = self.numbers(self._data[76 : 76 + 4 * _IN_HEADER])
        following, seen = _word(self._data, 68), set[int]()
        while following < _LAST_SECTOR:
            if following in seen:
                raise DamagedError("the list of its tables leads in circles")
            seen.add(following)
            *more, following = self.numbers(self.sector(following))
            places += more
        found: list[int] = []
        for place in places:
            if place < _LAST_SECTOR:
                found += self.numbers(self.sector(place))
                if len(found) > len(self._data):
                    raise DamagedError("it has more tables than bytes")
        return found


def _refuse_circles(table: Sequence[int]) -> None:
    """Raises when following the table from anywhere never ends."""
    state = bytearray(len(table))  # 1: on the way being followed, 2: known to end
    for start in range(len(table)):
        at, way = start, []
        while at < len(table) and not state[at]:
            state[at] = 1
            way.append(at)
            at = table[at]
        if at < len(table) and state[at] == 1:
            raise DamagedError("a chain of its sectors leads in circles")
        for passed in way:
            state[passed] = 2


def _entries(directory: bytes) -> Iterator[tuple[int, str, int, int]]:
    """Kind, name, first sector and size of each entry of the directory."""
    if len(directory) % _ENTRY:
        raise DamagedError("its directory is cut short")
    for place in range(0, len(directory), _ENTRY):
        entry = directory[place : place + _ENTRY]
        length = min(64, struct.unpack_from("<H", entry, 64)[0])
        name = entry[: max(0, length - 2)].decode("utf-16-le", "replace")
        yield entry[66], name, _word(entry, 116), _word(entry, 120)


def _check_cells(stream: bytes) -> None:
    place = 0
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        body = stream[place + 4 : place + 4 + length]
        place += 4 + length
        if kind == _DIMENSIONS:
            rows, columns = _dimensions(body)
        elif kind in _CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<HH", body)
            if kind in {_MANY_NUMBERS, _MANY_BLANKS}:
                column = max(column, struct.unpack_from("<H", body, len(body) - 2)[0])
            rows, columns = row + 1, column + 1
        else:
            continue
        if rows > MAXIMUM_ROWS or columns > MAXIMUM_COLUMNS:
            raise DamagedError(f"a cell stands in row {rows:,}, column {columns:,}, where no sheet reaches")


def _dimensions(body: bytes) -> tuple[int, int]:
    """Rows and columns that a sheet says it has."""
    if len(body) >= 14:
        return struct.unpack_from("<I", body, 4)[0], struct.unpack_from("<H", body, 10)[0]
    if len(body) >= 10:
        return struct.unpack_from("<H", body, 2)[0], struct.unpack_from("<H", body, 6)[0]
    return 0, 0
