"""Is this portfolio whole? Every kept snapshot read again, every hash and every sum taken anew."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from data.casting import quote, text_literal
from data.contract import contract
from data.errors import LanewiseError
from data.reconciliation import hash_content
from data.snapshots import Card, Folder, file_hash

KEY_FILE = "personal_data.key"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what, where, and what to do about it."""

    where: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}. {self.hint}".strip()


@dataclass(frozen=True)
class CheckedSnapshot:
    """One kept snapshot: its id, whether it serves, how many rows it holds, and what is wrong with it."""

    id: str
    serves: bool
    rows: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Verification:
    """What a check found. ``faults`` are those of the folder itself; those of a snapshot stand with it."""

    portfolio: Path
    current: str | None
    snapshots: tuple[CheckedSnapshot, ...]
    faults: tuple[Fault, ...]

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Everything that is wrong, of the folder first, then by snapshot, newest first."""
        return (*self.faults, *(fault for one in self.snapshots for fault in one.faults))


def verify_portfolio(path: Path, *, progress: Callable[[str], None] | None = None) -> Verification:
    """Is every kept snapshot what was published, and is every row and amount of it accounted for?

    Nothing is changed. Of each snapshot: the hash of its file and of its content against those noted when it was
    published; rows read = loaded + left out + folded + quarantined, per file and table, counted again; the same of
    money, per column and currency. Of the folder: that ``current`` points to a snapshot without fault, that files and
    cards belong together, and that the key for personal data is readable by its owner alone.

    Raises
    ------
    LanewiseError
        There is no portfolio, so nothing can be checked.
    """
    say = progress or (lambda _: None)
    folder = Folder(path)
    if not folder.snapshots.is_dir() or not (any(folder.snapshots.iterdir()) or folder.pointer.exists()):
        raise LanewiseError("the portfolio is empty", where=str(path), hint="Load a feed: python -m data load FEED.")
    faults: list[Fault] = []
    current: str | None = None
    try:
        current = folder.current()
    except LanewiseError as error:
        faults.append(_as_fault(error))
    else:
        if current is None:
            faults.append(
                Fault(str(folder.pointer), "the pointer to the current snapshot is missing", folder.way_back())
            )
    faults += [*_settings_faults(folder), *_key_faults(folder)]
    checked = []
    for card in folder.cards():
        say(f"Checking snapshot {card.id}")
        checked.append(_checked(folder, card, serves=card.id == current))
    faults += _strays(folder, known={one.id for one in checked}, current=current)
    return Verification(path, current, tuple(checked), tuple(faults))


def _as_fault(error: LanewiseError) -> Fault:
    return Fault(error.where, error.message, error.hint)


def _settings_faults(folder: Folder) -> Iterator[Fault]:
    try:
        folder.settings()
    except LanewiseError as error:
        yield _as_fault(error)


def _key_faults(folder: Folder) -> Iterator[Fault]:
    path = folder.path / KEY_FILE
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        folder.personal_data_key() if path.exists() else None
    except FileNotFoundError:
        hint = "Put it back from a copy: without it, operators loaded before can no longer be recognised."
        yield Fault(str(path), "the key for personal data is missing", hint)
        return
    except OSError as error:
        yield Fault(str(path), f"the key for personal data cannot be read ({error.strerror})", "Allow reading it.")
        return
    except LanewiseError as error:
        yield _as_fault(error)
    if mode != 0o600:
        hint = f"Let only its owner read it: chmod 600 {path}."
        yield Fault(str(path), f"the key for personal data has mode {mode:o}, not 600", hint)


def _strays(folder: Folder, *, known: set[str], current: str | None) -> Iterator[Fault]:
    """Files without a card and cards without a file; the next load takes away what was never published."""
    for path in sorted(folder.snapshots.glob("*.duckdb")):
        if path.stem in known or not path.exists():
            continue
        if path.stem == current:
            what = "the card of the current snapshot is missing or damaged, so its hashes cannot be compared"
            yield Fault(str(path.with_suffix(".json")), what, "Load a feed again: that publishes a whole snapshot.")
        else:
            what = "no card says what this snapshot should be: a load was cut short, or its card was lost"
            yield Fault(str(path), what, "The next load takes it away.")
    for path in sorted(folder.snapshots.glob("*.json")):
        if path.stem not in known and not path.with_suffix(".duckdb").exists() and path.exists():
            yield Fault(str(path), "the file of this snapshot is missing", "Put it back, or delete its card.")


def _checked(folder: Folder, card: Card, *, serves: bool) -> CheckedSnapshot:
    path = folder.file(card.id)
    faults = _Faults(str(path), _hint(folder, card, serves=serves))
    rows = 0
    try:
        if file_hash(path) != card.file_hash:
            faults.add("its bytes are not those that were published (the hash of the file differs)")
        connection = _beside(path)
    except (OSError, duckdb.Error, UnicodeDecodeError) as error:
        if not path.exists():  # a load has just taken the oldest away
            return CheckedSnapshot(card.id, serves, 0, ())
        faults.add(f"it cannot be opened ({_first(error)})")
        return CheckedSnapshot(card.id, serves, 0, tuple(faults.found))
    try:
        rows = _check_content(connection, card, faults=faults)
        _check_rows(connection, faults=faults)
        _check_amounts(connection, faults=faults)
    except (duckdb.Error, UnicodeDecodeError) as error:
        faults.add(f"it cannot be read to its end ({_first(error)})")
    finally:
        connection.close()
    return CheckedSnapshot(card.id, serves, rows, tuple(faults.found))


def _hint(folder: Folder, card: Card, *, serves: bool) -> str:
    if serves:
        return folder.way_back(without=card.id)
    return "It does not serve; delete it and its card, or restore it from a copy."


@dataclass
class _Faults:
    where: str
    hint: str
    found: list[Fault] = field(default_factory=list)

    def add(self, message: str, *, where: str = "") -> None:
        self.found.append(Fault(f"{self.where}, {where}" if where else self.where, message, self.hint))


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _beside(path: Path) -> duckdb.DuckDBPyConnection:
    """An empty database in memory in which each table of the snapshot is a view: read, and never written to."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"attach {text_literal(str(path.resolve()))} as snap (read_only)")
        connection.execute("set enable_external_access = false")
        names = connection.execute("select table_name from duckdb_tables() where database_name = 'snap'").fetchall()
        for (name,) in names:
            connection.execute(f"create view {quote(name)} as from snap.{quote(name)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_content(connection: duckdb.DuckDBPyConnection, card: Card, *, faults: _Faults) -> int:
    """Take the content's hash again, table by table; gives the rows of the snapshot's tables."""
    noted = {
        str(name): (int(rows), str(value))
        for name, rows, value in connection.execute("select table_name, row_count, hash from content").fetchall()
    }
    identity = connection.execute("select id from snapshot").fetchall()
    if identity != [(card.id,)]:
        faults.add(f"it says of itself that it is {identity[0][0] if identity else 'no snapshot'}")
    # Taken again from the rows alone: what the snapshot kept of them is not believed.
    for name in ("content", "content_sum"):
        connection.execute(f"create table kept_{name} as select * from {name} where false")
        connection.execute(f"drop view if exists {name}")
        connection.execute(f"alter table kept_{name} rename to {name}")
    whole = hash_content(connection)
    found = {str(name): (int(rows), str(value)) for name, rows, value in connection.execute("from content").fetchall()}
    for name in sorted(noted.keys() | found.keys()):
        before, now = noted.get(name, (0, "")), found.get(name, (0, ""))
        if before != now:
            faults.add(f"holds {now[0]:,} rows with another content than the {before[0]:,} published", where=name)
    if whole != card.content_hash:
        faults.add("its content is not what was published (the hash of the content differs)")
    return sum(rows for rows, _ in found.values())


def _check_rows(connection: duckdb.DuckDBPyConnection, *, faults: _Faults) -> None:
    """Count again where the rows of each file are, and compare with what was read."""
    present = _tables(connection)
    stores = [
        *(f"select _source as source_id, {text_literal(name)} as table_name from {quote(name)}" for name in present),
        "select source_id, table_name from quarantine",
        "select source_id, table_name from superseded",
    ]
    rows = connection.execute(
        f"""
        with
        held as (select source_id, table_name, count(*) as rows from ({" union all ".join(stores)}) group by all),
        final as (
            select s.file, s.table_name, s.read_rows, s.left_out_rows + s.folded_at_load + coalesce(h.rows, 0) as found
            from source as s
            left join held as h on s.source_id = h.source_id and s.table_name = h.table_name
            where s.read_rows <> s.left_out_rows + s.folded_at_load + coalesce(h.rows, 0)
        )
        select * from final order by all
        """
    ).fetchall()
    for file, table, read, found in rows:
        message = f"{read:,} rows were read, but {found:,} are loaded, left out, folded or in quarantine"
        faults.add(message, where=f"file {file}, table {table}")
    noted = connection.execute(
        "select file, table_name, read_rows, loaded_rows + left_out_rows + folded_rows + quarantined_rows"
        " from reconciliation where read_rows <> loaded_rows + left_out_rows + folded_rows + quarantined_rows"
    ).fetchall()
    for file, table, read, found in noted:
        faults.add(f"its reconciliation says {read:,} read and {found:,} found", where=f"file {file}, table {table}")


def _check_amounts(connection: duckdb.DuckDBPyConnection, *, faults: _Faults) -> None:
    """Add up again the money that is loaded, and see that every amount read is somewhere."""
    summed = connection.execute("select distinct table_name, column_name from amount_reconciliation").fetchall()
    present = _tables(connection)
    parts = []
    for table, column in summed:
        if table in present:
            currency = "t.currency" if "currency" in contract()[table].names else "null::varchar"
            parts.append(
                f"select t._source as source_id, {text_literal(column)} as column_name, {currency} as currency,"
                f" sum(t.{quote(column)}) as amount from {quote(table)} as t group by all"
            )
    loaded = " union all ".join(parts) or "select 0 as source_id, '' as column_name, '' as currency, 0 as amount"
    rows = connection.execute(
        f"""
        with
        named as (
            select l.source_id, l.column_name, coalesce(l.currency, f.currency) as currency, l.amount
            from ({loaded}) as l
            join source as s on l.source_id = s.source_id
            join feed as f on s.feed = f.name
        ),
        summed as (select source_id, column_name, currency, sum(amount) as amount from named group by all),
        final as (
            select a.file, a.table_name, a.column_name, coalesce(a.currency, '') as currency, a.loaded_sum,
                coalesce(m.amount, 0) as found,
                a.read_sum - a.loaded_sum - a.left_out_sum - a.folded_sum - a.quarantined_sum as gap
            from amount_reconciliation as a
            left join summed as m on a.source_id = m.source_id and a.column_name = m.column_name
                and a.currency is not distinct from m.currency
        )
        select * from final where loaded_sum <> found or gap <> 0 order by all
        """
    ).fetchall()
    for file, table, column, currency, noted, found, gap in rows:
        where = f"file {file}, table {table}, column {column}"
        if noted != found:
            faults.add(f"{noted:,} {currency} were loaded, but the rows add up to {found:,}", where=where)
        if gap:
            faults.add(f"{gap:,} {currency} of what was read is nowhere", where=where)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables of the contract that the snapshot holds."""
    names = connection.execute("select table_name from duckdb_tables() where database_name = 'snap'").fetchall()
    held = {str(row[0]) for row in names}
    return [name for name in contract() if name in held]
