"""What every reader of files shares: the words for a source, its column names, and its way into DuckDB."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from data.errors import LanewiseError

MAXIMUM_COLUMNS = 10_000
MAXIMUM_REJECTED = 100_000
BATCH_ROWS = 20_000
#: A batch ends before its rows where it holds so many cells or characters: memory is bounded by one of them.
BATCH_CELLS = 2_000_000
BATCH_CHARACTERS = 64 << 20
REJECTED_CHARACTERS = 2_000

# All that str.strip() calls blank, and the invisible marks that spreadsheets and web pages leave in cells.
_BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
)


@dataclass(frozen=True)
class ReadOptions:
    """What a feed says about the shape of a file; unset means: tell it from the file.

    Parameters
    ----------
    sheet
        Name of the sheet of a workbook.
    header_row
        Which row after the skipped ones holds the column names; 0: none does, and columns are c1, c2, ...
    skip
        Lines (of a workbook: rows) before the header that are no data.
    delimiter
        The one character between the cells of a delimited text.
    decimal
        The decimal mark of numbers. Carried for whoever casts: text is left as it is written.
    encoding
        Python's name of the text's encoding.
    """

    sheet: str | None = None
    header_row: int = 1
    skip: int = 0
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class RejectedRow:
    """A row that cannot be read as cells: its number, its text as it stands in the file, and why in words."""

    row: int
    text: str
    reason: str


@dataclass(frozen=True)
class ErrorCell:
    """A cell that holds an Excel error such as #N/A; it arrives as null."""

    row: int
    column: str
    text: str


@dataclass(frozen=True)
class Source:
    """The rows of one file, as a relation of a DuckDB connection.

    Parameters
    ----------
    relation
        Table or view that holds `columns`, then `_file` (varchar, the name shown) and `_row` (bigint).
    columns
        The file's columns in order, under the names that expressions use.
    types
        DuckDB type of each column: VARCHAR for all but Parquet.
    rows
        Rows read, the rejected ones included.
    rejected
        Rows that could not be read as cells.
    error_cells
        Excel error cells; they are null in the relation.
    dialect
        How the file was read, in words.
    sheet
        The sheet that was read; none for other files than workbooks.
    notes
        What a person should know of how the file was read: renamed columns, a guessed encoding.
    as_stored
        By column another one of the relation: the value as text where `columns` cannot hold it as the file does.
    """

    relation: str
    columns: tuple[str, ...]
    types: dict[str, str]
    rows: int
    rejected: tuple[RejectedRow, ...]
    error_cells: tuple[ErrorCell, ...]
    dialect: str
    sheet: str | None
    notes: tuple[str, ...] = ()
    as_stored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One reading of a file: what every reader is told of it, and where its rows go.

    Parameters
    ----------
    connection, relation
        Where the rows go, and the name of the table to create there.
    name
        The file's name as people are shown it.
    options
        What the feed says about the file.
    temp
        Folder for copies of the file in another form.
    progress
        Is told, now and then, how far reading has come.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    options: ReadOptions
    relation: str
    temp: Path
    progress: Callable[[str], None] | None = None


def reject(rejected: list[RejectedRow], *, row: int, text: str, reason: str, file: str) -> None:
    """Adds a row that cannot be read to those before it, cut short; refuses the file when they are too many.

    Raises
    ------
    LanewiseError
        More rows cannot be read than anyone would look through: the file is not what the feed says.
    """
    if len(rejected) == MAXIMUM_REJECTED:
        raise LanewiseError(
            f"has more than {MAXIMUM_REJECTED:,} rows that cannot be read; row {row:,} {reason}",
            where=file,
            hint="Check delimiter, skip and header_row, and whether the file is a table.",
        )
    rejected.append(RejectedRow(row=row, text=text[:REJECTED_CHARACTERS], reason=reason))


def identifier(name: str) -> str:
    """How is a name of a table or column written in SQL?"""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """How is a text written in SQL?"""
    return "'" + text.replace("'", "''") + "'"


def trimmed(expression: str, *, plain: bool = False) -> str:
    """Which SQL gives a text without blanks around it, and null when nothing is left?

    `trim` with a list of characters costs five times the rest of a load, so it runs only where an end of the text is
    no printable ASCII.

    Parameters
    ----------
    plain
        The text is known to hold printable ASCII and spaces only.
    """
    if plain:
        return f"nullif(trim({expression}), '')"
    return (
        f"case when ord({expression}) between 33 and 126 and ord(right({expression}, 1)) between 33 and 126 "
        f"then {expression} else nullif(trim({expression}, {literal(_BLANKS)}), '') end"
    )


def column_names(header: Sequence[str | None], *, file: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Under which names can the columns of this header be used, and which of them differ from the header?

    Names are trimmed, line breaks in them become spaces, a missing one becomes c7 (its position), and a repeated one
    name_2: DuckDB does not tell "Name" from "name". `_file` and `_row` are the loader's own.

    Returns
    -------
    names, notes
        One name a column, and one sentence for each name that a reader of the header would not guess.

    Raises
    ------
    LanewiseError
        The header has more columns than a table can sensibly hold.
    """
    if len(header) > MAXIMUM_COLUMNS:
        raise LanewiseError(
            f"has {len(header):,} columns; at most {MAXIMUM_COLUMNS:,} are read",
            where=file,
            hint="Check the delimiter, and whether the file is a table.",
        )
    plain = [re.sub(r"[\x00-\x1f]+", " ", (cell or "").strip(_BLANKS)).strip() for cell in header]
    written = {name.lower() for name in plain}
    taken = {"_file", "_row"}
    names: list[str] = []
    notes: list[str] = []
    for position, wanted in enumerate(plain, start=1):
        base = wanted or f"c{position}"
        name, number = base, 1
        while name.lower() in taken or (name != wanted and name.lower() in written):
            number += 1
            name = f"{base}_{number}"
        if name != wanted:
            said = f"is named {wanted!r} like an earlier one" if wanted else "has no name"
            if wanted.lower() in {"_file", "_row"}:
                said = f"is named {wanted!r}, which the loader keeps for itself"
            notes.append(f"column {position} {said}: it is read as {name!r}")
        taken.add(name.lower())
        names.append(name)
    return tuple(names), tuple(notes)


def record_batch(columns: Iterable[Sequence[str | None]], numbers: Sequence[int]) -> pa.RecordBatch:
    """Which Arrow batch holds these columns of text, as c1, c2, ... and then the rows' numbers as n?"""
    arrays = [_strings(column) for column in columns]
    names = [f"c{position}" for position in range(1, len(arrays) + 1)]
    return pa.record_batch([*arrays, pa.array(numbers, pa.int64())], names=[*names, "n"])


def _strings(values: Sequence[str | None]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half a surrogate pair, which JSON and broken UTF-16 can hold and UTF-8 cannot
        whole = [None if value is None else value.encode("utf-8", "replace").decode("utf-8") for value in values]
        return pa.array(whole, pa.string())


def create_table(
    connection: duckdb.DuckDBPyConnection,
    batches: Iterable[pa.RecordBatch],
    *,
    relation: str,
    columns: Sequence[str],
    file: str,
) -> None:
    """Puts batches of `record_batch` into a new table, trimmed, with `_file` and `_row`.

    Batches are drawn one at a time, so memory stays bounded by one of them. What the iterator raises comes out
    as it is.
    """
    schema = pa.schema([(f"c{position}", pa.string()) for position in range(1, len(columns) + 1)] + [("n", pa.int64())])
    failures: list[BaseException] = []

    def drawn() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BaseException as failure:  # Arrow would turn it into a text; it is raised again below
            failures.append(failure)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, drawn())
    view = f"_incoming_{uuid.uuid4().hex}"
    selected = "".join(
        f"{trimmed(f'c{position}')} as {identifier(name)}, " for position, name in enumerate(columns, start=1)
    )
    connection.complete()  # DuckDB refuses to register while the caller's last result is unread
    connection.register(view, reader)
    try:
        connection.execute(
            f"create table {identifier(relation)} as "
            f"select {selected}{literal(file)}::varchar as _file, n as _row from {view}"
        )
    except duckdb.Error as error:
        if failures:
            raise failures[0] from None
        raise LanewiseError(f"its rows could not be stored: {first_line(error)}", where=file) from error
    finally:
        connection.unregister(view)


def first_line(error: BaseException) -> str:
    """What does an error of a library say, without its pages of detail?"""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
