"""JSON: objects as rows, every value as the text that stands in the file."""

import json
import re
from collections.abc import Callable, Iterator
from io import IOBase
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.encoding import LINE_LIMIT, as_utf8, settle_encoding
from data.errors import LanewiseError
from data.source import (
    BATCH_CELLS,
    BATCH_CHARACTERS,
    BATCH_ROWS,
    MAXIMUM_COLUMNS,
    Reading,
    RejectedRow,
    Source,
    column_names,
    create_table,
    record_batch,
    reject,
)

_MAXIMUM_DOCUMENT = 256 << 20  # as objects of Python it takes up to 25 times as much memory
_DEPTH = 4
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")
_SPACE = re.compile(r"[ \t\r\n]*")
_START = re.compile(rb'\s*(?:\[\s*[\[{\]]|\[\s*(?:-?[0-9.]+|"[^"]*"|null|true|false)\s*[,\]]\s*|\{\s*["}])')


class _Number(str):
    """A number as it is written, told from a text so that nested values stay JSON."""

    __slots__ = ()


def looks_like_json(head: bytes) -> bool:
    """Do these first bytes, in an encoding that holds ASCII, begin a JSON list or object?"""
    found = _START.match(head)
    return found is not None and not (found.group().strip().startswith(b"[") and _is_bracketed_header(head))


def _is_bracketed_header(head: bytes) -> bool:
    """`[1],[2]` and `["a"],["b"]` are a delimited text's header in brackets."""
    return re.match(rb"\s*\[[^\[\]{}]*\]\s*[,;|\t]", head) is not None


def read_records(path: Path, *, reading: Reading) -> Source:
    """Which rows are in this JSON: a list of objects, an object that holds one, or JSON lines?

    Numbers keep their spelling, nested values are JSON text, a row's number is its place in the list or its line.
    Columns are the keys in the order in which they first appear.

    Raises
    ------
    LanewiseError
        The JSON is broken (line and column are said), names a key twice in an object, or holds no one list of objects.
    """
    name = reading.name
    encoding = settle_encoding(path, reading.options.encoding, name=name, line_limit=None)
    with (reading.temp / "batches").open("w+b") as spool:
        found = _Found(name, reading.progress, spool=spool)
        with as_utf8(path, encoding, temp=reading.temp, name=name, line_limit=None) as text_path:
            try:
                kind = _gather(text_path, found, name=name)
            except RecursionError:
                raise LanewiseError("is nested too deeply", where=name) from None
        names, notes = column_names(list(found.positions), file=name)
        create_table(reading.connection, found.batches(), relation=reading.relation, columns=names, file=name)
    return Source(
        relation=reading.relation,
        columns=names,
        types=dict.fromkeys(names, "VARCHAR"),
        rows=found.rows + len(found.rejected),
        rejected=tuple(found.rejected),
        error_cells=(),
        dialect=f"{kind}, {encoding.label}",
        sheet=None,
        notes=(*encoding.notes, *notes),
    )


def _gather(path: Path, found: "_Found", *, name: str) -> str:
    with path.open(encoding="utf-8", newline="\n") as lines:
        first = next((line for line in iter(lambda: lines.readline(LINE_LIMIT), "") if line.strip()), "")
        several = first.lstrip().startswith("{") and first.endswith("\n") and _is_whole(first)
        if several and any(line.strip() for line in iter(lambda: lines.readline(LINE_LIMIT), "")):
            lines.seek(0)
            for number, line in enumerate(iter(lambda: lines.readline(LINE_LIMIT), ""), start=1):
                if len(line) == LINE_LIMIT:
                    raise LanewiseError(f"has {LINE_LIMIT:,} characters or more in line {number:,}", where=name)
                if line.strip():
                    found.take(number, _parsed(line.strip(), name=name, line=number), text=line.strip())
            return "JSON lines"
    if path.stat().st_size > _MAXIMUM_DOCUMENT:
        raise LanewiseError(
            f"is one JSON document of more than {_MAXIMUM_DOCUMENT >> 20} MiB",
            where=name,
            hint="Write JSON lines: one object a line, without a list around them.",
        )
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        for number, (element, start, end) in enumerate(_elements(text, name=name), start=1):
            found.take(number, element, text=text[start:end])
        return "JSON list"
    document = _parsed(text, name=name, line=1)
    inner = _inner_list(document, name=name) if isinstance(document, dict) else None
    if inner is None:
        found.take(1, document, text=text.strip())
        return "JSON object"
    key, elements = inner
    for number, element in enumerate(elements, start=1):
        found.take(number, element, text=_json_text(element))
    return f"JSON list {key!r}"


class _Found:
    """Rows gathered from objects; the columns grow as new keys appear, so batches wait on disk for the last key."""

    def __init__(self, name: str, progress: Callable[[str], None] | None, *, spool: IOBase) -> None:
        self.positions: dict[str, int] = {}
        self.rejected: list[RejectedRow] = []
        self.rows = 0
        self._name = name
        self._progress = progress
        self._spool = spool
        self._spooled = 0
        self._objects: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._size = 0

    def take(self, number: int, value: object, *, text: str) -> None:
        if not isinstance(value, dict):
            kind = "a list" if isinstance(value, list) else "a single value"
            reason = f"is {kind} where an object was expected"
            reject(self.rejected, row=number, text=text, reason=reason, file=self._name)
            return
        for key in value:
            self.positions.setdefault(key, len(self.positions))
        if len(self.positions) > MAXIMUM_COLUMNS:
            raise LanewiseError(
                f"has more than {MAXIMUM_COLUMNS:,} different keys by row {number:,}",
                where=self._name,
                hint="Check whether the file is a table: every key becomes a column.",
            )
        self._objects.append(value)
        self._numbers.append(number)
        self.rows += 1
        self._size += len(text)
        wide = len(self._numbers) * len(self.positions) >= BATCH_CELLS
        if len(self._numbers) == BATCH_ROWS or wide or self._size > BATCH_CHARACTERS:
            self._close()

    def _close(self) -> None:
        columns = ([_cell_text(one.get(key)) for one in self._objects] for key in self.positions)
        batch = record_batch(columns, self._numbers)
        with pa.ipc.new_stream(self._spool, batch.schema, options=_PACKED) as stream:
            stream.write_batch(batch)
        self._spooled += 1
        self._objects, self._numbers, self._size = [], [], 0
        if self._progress is not None:
            self._progress(f"{self._name}: {self.rows:,} rows read")

    def batches(self) -> Iterator[pa.RecordBatch]:
        if self._numbers:
            self._close()
        self._spool.seek(0)
        for _ in range(self._spooled):
            with pa.ipc.open_stream(self._spool) as stream:
                (batch,) = stream
            known = batch.num_columns - 1
            absent = [pa.nulls(batch.num_rows, pa.string())] * (len(self.positions) - known)
            arrays = [*batch.columns[:known], *absent, batch.columns[known]]
            yield pa.record_batch(arrays, names=[*(f"c{place + 1}" for place in range(len(self.positions))), "n"])


class _RepeatedKeyError(ValueError):
    """Which key does an object name twice?"""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):  # Python would keep the last and lose the others
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return made


_DECODER = json.JSONDecoder(
    parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=_object, strict=False
)


def _is_whole(line: str) -> bool:
    try:
        _DECODER.decode(line.strip())
    except _RepeatedKeyError:
        return True
    except ValueError:
        return False
    return True


def _parsed(text: str, *, name: str, line: int) -> Any:
    try:
        return _DECODER.decode(text)
    except _RepeatedKeyError as error:
        raise _repeated(error, name=name, place=f"line {line:,}" if "\n" not in text else "an object") from None
    except json.JSONDecodeError as error:
        raise _broken(error, name=name, line=line + error.lineno - 1) from None


def _elements(text: str, *, name: str) -> Iterator[tuple[Any, int, int]]:
    """The elements of the list that the text is, each with where it begins and ends, one at a time."""

    def skip(position: int) -> int:
        found = _SPACE.match(text, position)
        return found.end() if found else position

    position = skip(skip(0) + 1)
    closed = text[position : position + 1] == "]"
    while not closed:
        try:
            element, end = _DECODER.raw_decode(text, position)
        except _RepeatedKeyError as error:
            line = text.count("\n", 0, position) + 1
            raise _repeated(error, name=name, place=f"the object that begins in line {line:,}") from None
        except json.JSONDecodeError as error:
            raise _broken(error, name=name, line=error.lineno) from None
        yield element, position, end
        position = skip(end)
        mark = text[position : position + 1]
        closed = mark == "]"
        if not closed:
            if mark != ",":
                raise _misplaced("Expecting ',' or ']'", text, position, name=name)
            position = skip(position + 1)
    end = skip(position + 1)
    if end < len(text):
        raise _misplaced("Extra data after the list", text, end, name=name)


def _misplaced(message: str, text: str, position: int, *, name: str) -> LanewiseError:
    error = json.JSONDecodeError(message, text, position)
    return _broken(error, name=name, line=error.lineno)


def _broken(error: json.JSONDecodeError, *, name: str, line: int) -> LanewiseError:
    return LanewiseError(
        f"is broken JSON in line {line:,}, column {error.colno:,}: {error.msg}",
        where=name,
        hint="Export it again, or correct that place.",
    )


def _repeated(error: _RepeatedKeyError, *, name: str, place: str) -> LanewiseError:
    return LanewiseError(f"names the key {str(error)!r} twice in {place}", where=name, hint="Keep one of the two.")


def _inner_list(document: dict[str, Any], *, name: str) -> tuple[str, list[Any]] | None:
    """Which one list of objects does this object hold, at the shallowest depth that has one?"""
    level: list[tuple[str, Any]] = list(document.items())
    for _ in range(_DEPTH):
        lists = [
            (key, value)
            for key, value in level
            if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
        ]
        if len(lists) > 1:
            keys = ", ".join(repr(key) for key, _ in lists)
            raise LanewiseError(
                f"holds several lists of objects: {keys}", where=name, hint="Write the one to read into its own file."
            )
        if lists:
            return lists[0]
        level = [
            (f"{key}.{inner}", below)
            for key, value in level
            if isinstance(value, dict)
            for inner, below in value.items()
        ]
    return None


def _cell_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    return _json_text(value)


def _json_text(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_json_text(one)}" for key, one in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_json_text(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
