"""Files in: what rows of text are in this file? What a file is, its bytes say, never its ending."""

import gzip
import re
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb

from data.compound import MAGIC as OLE_MAGIC
from data.delimited import read_delimited
from data.errors import LanewiseError
from data.records import looks_like_json, read_records
from data.source import (
    ErrorCell,
    Reading,
    ReadOptions,
    RejectedRow,
    Source,
    column_names,
    first_line,
    identifier,
    literal,
    trimmed,
)
from data.spreadsheet import ZIP_MAGIC, read_spreadsheet

__all__ = ["ErrorCell", "ReadOptions", "RejectedRow", "Source", "read_source", "refuse_if_damaged"]

UNPACK_LIMIT = 8 << 30
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_EMPTY_ZIP_MAGIC = b"PK\x05\x06"
_FOREIGN = {
    b"%PDF": "a PDF",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"Rar!": "a RAR archive",
    b"SQLite format 3": "an SQLite database",
    b"PARE": "an encrypted Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow file",
}
_CHUNK = 1 << 20
_MOMENTS = {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
_FIRST_DAY = "'290309-12-22 (BC) 00:00:00'"


def read_source(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    name: str,
    options: ReadOptions,
    relation: str,
    progress: Callable[[str], None] | None = None,
    temp: Path | None = None,
    unpack_limit: int = UNPACK_LIMIT,
) -> Source:
    """What rows of text are in this file?

    Every value of text is trimmed, and null when nothing is left. `_row` is the number a person sees in a spreadsheet
    of the file: with a header in row 1 the first row of data is 2, and blank lines count although they are no rows.
    A line break within quotes does not begin a row. Parquet counts from 1, JSON its elements from 1 or its lines.

    Parameters
    ----------
    connection
        Where the relation is created: a table, which needs the file no more, or for Parquet a view over the file.
    path
        A regular file. Whether a link may be followed is for the caller to decide.
    name
        The file's name as people are shown it; it fills `_file`.
    options
        What the feed says about the file. `decimal` is left to whoever casts.
    relation
        Name of the table or view; it must not exist.
    progress
        Is told in words how far reading has come.
    temp
        Folder for unpacked and transcoded copies, which are gone on return; the system's own if None. DuckDB reads
        them by path: a connection with restricted paths must allow it.
    unpack_limit
        Most bytes that a gzip file may unpack to.

    Raises
    ------
    LanewiseError
        The file cannot be read: the message says why and what to do.
    """
    if not path.is_file():
        raise LanewiseError(
            "does not exist" if not path.exists() else "is no regular file", where=name, hint="Check the path."
        )
    folder = temp or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="lanewise-") as own:
            reader = _Reader(Reading(connection, name, options, relation, Path(own), progress))
            head = _head(path)
            if not head.startswith(_GZIP_MAGIC):
                return reader.read(path, head, kept=True)
            inner = _unpacked(path, into=Path(own) / "unpacked", limit=unpack_limit, name=name)
            head = _head(inner)
            if head.startswith(_GZIP_MAGIC):
                raise LanewiseError("is packed by gzip twice", where=name, hint="Unpack it once.")
            return reader.read(inner, head, kept=False)
    except OSError as error:
        raise LanewiseError(f"cannot be read ({error.strerror or error})", where=name) from error


class _Reader:
    """Chooses the reader for each kind of file."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.connection, self.relation = reading.connection, reading.relation
        self.name, self.options = reading.name, reading.options

    def read(self, path: Path, head: bytes, *, kept: bool) -> Source:
        """Reads a file of the kind that its first bytes say; `kept`: it will still be there afterwards."""
        if not head.strip(b"\xef\xbb\xbf \t\r\n"):
            self._refuse_if_blank(path)
        if head.startswith(_PARQUET_MAGIC):
            return self._read_parquet(path, kept=kept)
        if head.startswith((ZIP_MAGIC, OLE_MAGIC, _EMPTY_ZIP_MAGIC)):
            return read_spreadsheet(path, reading=self.reading)
        for magic, words in _FOREIGN.items():
            if head.startswith(magic) and (len(magic) > 3 or b"\0" in head):
                raise LanewiseError(
                    f"is {words}, which is not read",
                    where=self.name,
                    hint="Export CSV, Excel, JSON or Parquet.",
                )
        if self.options.sheet is not None:
            raise LanewiseError(
                f"is no workbook, so it has no sheet {self.options.sheet!r}",
                where=self.name,
                hint="Leave out sheet.",
            )
        # UTF-16 and UTF-32 show the same ASCII once their zeros are out.
        plain = head.lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"")
        read = read_records if looks_like_json(plain) else read_delimited
        return read(path, reading=self.reading)

    def _refuse_if_blank(self, path: Path) -> None:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if chunk.strip(b"\xef\xbb\xbf \t\r\n"):
                    return
        raise LanewiseError("is empty", where=self.name, hint="Check that the right file was exported.")

    def _read_parquet(self, path: Path, *, kept: bool) -> Source:
        try:
            return self._parquet_relation(path.resolve(), kept=kept)
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise _damaged_parquet(error, name=self.name) from error

    def _parquet_relation(self, path: Path, *, kept: bool) -> Source:
        place = literal(_as_glob(path))
        described = self.connection.execute(f"describe select * from read_parquet({place})").fetchall()
        found = [(str(row[0]), str(row[1])) for row in described]
        names, notes = column_names([column for column, _ in found], file=self.name)
        numbered = "file_row_number" not in {column.lower() for column, _ in found}
        scan = f"read_parquet({place}, file_row_number = true)" if numbered else f"read_parquet({place})"
        number = "file_row_number + 1" if numbered else "row_number() over ()"
        selected = "".join(
            f"{_readable(identifier(column), kind)} as {identifier(name)}, "
            for (column, kind), name in zip(found, names, strict=True)
        )
        as_stored = {
            name: (f"_stored_{place}", _before_calendar(identifier(column), kind))
            for place, ((column, kind), name) in enumerate(zip(found, names, strict=True))
            if kind in _MOMENTS
        }
        selected += "".join(f"{stored} as {alias}, " for alias, stored in as_stored.values())
        self.connection.execute(
            f"create {'view' if kept else 'table'} {identifier(self.relation)} as "
            f"select {selected}{literal(self.name)}::varchar as _file, ({number})::bigint as _row from {scan}"
        )
        counted = self.connection.execute(f"select count(*) from {identifier(self.relation)}").fetchall()
        return Source(
            relation=self.relation,
            columns=names,
            types={name: kind for name, (_, kind) in zip(names, found, strict=True)},
            rows=int(counted[0][0]),
            rejected=(),
            error_cells=(),
            dialect="Parquet",
            sheet=None,
            notes=notes,
            as_stored={name: alias for name, (alias, _) in as_stored.items()},
        )


def refuse_if_damaged(error: Exception, *, source: Source, name: str) -> None:
    """Raise in plain words when drawing the rows of a source failed because its file is damaged.

    A Parquet file is read only when its rows are drawn, so that is when its damage shows.
    """
    other = isinstance(error, (duckdb.OutOfMemoryException, duckdb.BinderException, duckdb.ConversionException))
    if source.dialect == "Parquet" and not other and "No space left on device" not in str(error):
        raise _damaged_parquet(error, name=name) from error


def _damaged_parquet(error: Exception, *, name: str) -> LanewiseError:
    # DuckDB names the file by its path on this machine, and may quote bytes of it.
    said = re.sub(r"(from|in|read) (Parquet )?file \"[^\"]*\"", r"\1 it", first_line(error))
    said = "".join(letter if letter.isprintable() else "?" for letter in said)
    return LanewiseError(
        f"is a Parquet file that cannot be read ({said[:300]})",
        where=name,
        hint="It may be cut short: export or copy it again.",
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_CHUNK)


def _readable(column: str, kind: str) -> str:
    """SQL of a Parquet column as the load can take it."""
    if kind == "VARCHAR":
        return trimmed(column)
    if kind in _MOMENTS:
        # The least integer, with which some programs write "none", lies before DuckDB's first day: as text it would end
        # the load with an internal error.
        return f"case when {column} < {_FIRST_DAY}::{kind} then '-infinity'::{kind} else {column} end"
    return column


def _before_calendar(column: str, kind: str) -> str:
    """SQL of the words for a moment that :func:`_readable` replaces, as the file has it; null for all others."""
    outside = f"{column} < {_FIRST_DAY}::{kind} and isfinite({column})"
    return f"case when {outside} then epoch_us({column})::varchar || ' microseconds since 1970' end"


def _as_glob(path: Path) -> str:
    """DuckDB takes a path for a pattern: its signs are put in brackets to stand for themselves."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _unpacked(path: Path, *, into: Path, limit: int, name: str) -> Path:
    size = 0
    try:
        with gzip.open(path, "rb") as packed, into.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise LanewiseError(
                        f"unpacks to more than {limit:,} bytes", where=name, hint="Split it into smaller files."
                    )
                plain.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LanewiseError(
            f"is a damaged gzip file ({error})", where=name, hint="It may be cut short: copy it again."
        ) from None
    return into
