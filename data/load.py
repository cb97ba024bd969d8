"""Load a feed: its files into a new snapshot, nothing lost, nothing half-done."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from data.casting import quote, text_literal
from data.catalog import exists, has_rows
from data.changes import Changes
from data.conflicts import (
    Moved,
    drop_movements,
    fold_repeats,
    list_nulled_cells,
    list_orphans,
    make_movements,
    quarantine_bad_rows,
    settle_table,
)
from data.contract import Table, contract
from data.errors import LanewiseError
from data.expressions import check_expression
from data.feed import Feed, TableFeed, read_feed
from data.marts import build_marts
from data.reading import Source, read_source, refuse_if_damaged
from data.reconciliation import FileResult, count_folded, count_source, hash_content, reconcile, sum_amounts
from data.snapshots import TRUTH_FILE, Card, Folder, file_hash, new_id, utc_now
from data.staging import PERSONAL, create_stage, stage_rows
from data.stopwatch import Phase, Stopwatch

Progress = Callable[[str], None]
#: Fits on the whole book, run on the finished tables before publication (analysis/models.py).
Fit = Callable[[duckdb.DuckDBPyConnection], None]

_MOST_MEMORY = 8 << 30

BOOKKEEPING = Path(__file__).with_name("bookkeeping.sql")


@dataclass(frozen=True)
class LoadResult:
    """A published load.

    ``lost`` and ``returned`` are rows of *other* feeds that went to quarantine or came back because of it;
    ``sample_removed`` names synthetic feeds that a first real feed took out; ``phases`` is where the time went.
    """

    snapshot: str
    content_hash: str
    files: tuple[FileResult, ...]
    lost: tuple[Moved, ...]
    returned: tuple[Moved, ...]
    sample_removed: tuple[str, ...]
    synthetic: bool
    phases: tuple[Phase, ...] = ()


def load_feed(
    path: Path,
    *,
    files: Path | None = None,
    portfolio: Path,
    append: bool = False,
    fit: Fit | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a feed into a portfolio and publish the result as a new snapshot.

    Parameters
    ----------
    path
        A folder with feed.toml, or a .toml.
    files
        Folder of the feed's files; absent: the one that holds the .toml.
    portfolio
        Folder of the portfolio; made if it does not exist.
    append
        True: add these files to what the feed already holds; else they replace it.
    fit
        Called with the connection to the finished tables, before publication.
    progress
        Called with a line of text at each step.

    Raises
    ------
    LanewiseError
        The feed, a file or the portfolio is wrong; nothing is published.
    """
    say = progress or (lambda _: None)
    feed = read_feed(path, files=files)
    folder = Folder(portfolio)
    folder.settings()
    with folder.lock():
        snapshot_id = new_id(utc_now())
        scratch = folder.building / f"{snapshot_id}.tmp"
        try:
            scratch.mkdir()
            watch = Stopwatch()
            with watch.phase("copy"):
                built = folder.start(snapshot_id)
            return _build(
                feed, folder=folder, built=built, scratch=scratch, append=append, fit=fit, say=say, watch=watch
            )
        except OSError as error:
            raise disk_failure(error, folder=folder.path) from error
        # DuckDB can cut its own message inside a character: then Python cannot decode it.
        except (duckdb.Error, UnicodeDecodeError, MemoryError) as error:
            raise _failure(error, feed=feed, folder=folder) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            for leftover in folder.building.glob(f"{snapshot_id}.duckdb*"):
                with contextlib.suppress(OSError):
                    leftover.unlink()


#: By number of the system's error: what was wrong, and what to do.
_DISK: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Make room and load again."),
    errno.EDQUOT: ("your quota of the disk is used up", "Make room and load again."),
    errno.EFBIG: ("a file may not grow so large", "Raise the limit on files (ulimit -f) and load again."),
    errno.EACCES: ("may not be read or written", "Allow it, or choose another portfolio with --portfolio."),
    errno.EPERM: ("may not be read or written", "Allow it, or choose another portfolio with --portfolio."),
    errno.EROFS: ("lies on a disk that can only be read", "Choose another portfolio with --portfolio."),
    errno.ENOENT: ("was there and is gone", "Something removed it during the load: load again."),
    errno.EMFILE: ("too many files are open", "Close other programs, or raise the limit (ulimit -n), and load again."),
    errno.ENFILE: ("too many files are open", "Close other programs and load again."),
    errno.EIO: ("the disk failed to read or write", "Check the disk."),
}


def disk_failure(error: OSError, *, folder: Path) -> LanewiseError:
    """What does an error of the disk during a load mean, and what is to be done about it?

    Parameters
    ----------
    error
        What the system said; the file that it names is named.
    folder
        Of the portfolio: named where the system names no file.
    """
    said = error.strerror or str(error)
    message, todo = _DISK.get(error.errno or 0, (f"the load failed: {said}", "Load again."))
    return LanewiseError(
        f"{message} ({said})" if error.errno in _DISK else message,
        where=str(error.filename or folder),
        hint=f"Nothing was published; the last snapshot still serves. {todo}",
    )


#: What DuckDB passes on of the system's words when a file may not grow, with the error's number.
_NO_ROOM = {
    "No space left on device": errno.ENOSPC,
    "File too large": errno.EFBIG,
    "Disk quota exceeded": errno.EDQUOT,
}


def _failure(error: Exception, *, feed: Feed, folder: Folder) -> LanewiseError:
    said = str(error)
    for words, number in _NO_ROOM.items():
        if words in said:
            return disk_failure(OSError(number, words), folder=folder.path)
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return LanewiseError(
            "there was not enough memory for the load",
            where=str(feed.path),
            hint="Nothing was published; the last snapshot still serves. Split its files, or free memory.",
        )
    return LanewiseError(
        f"the load failed: {said.splitlines()[0] if said else type(error).__name__}",
        where=str(feed.path),
        hint="Nothing was published; the last snapshot still serves.",
    )


def _build(
    feed: Feed,
    *,
    folder: Folder,
    built: Path,
    scratch: Path,
    append: bool,
    fit: Fit | None,
    say: Progress,
    watch: Stopwatch,
) -> LoadResult:
    connection = _connect(built, scratch=scratch, feed=feed)
    try:
        connection.execute("set variable personal_data_key = $key", {"key": folder.personal_data_key()})
        connection.execute(BOOKKEEPING.read_text(encoding="utf-8"))
        changes = Changes(connection)
        with watch.phase("take out"):
            sample_removed = _take_out_sample(connection, feed, changes=changes)
            sequence = _register_feed(connection, feed, append=append)
            if not append:
                _take_out(connection, feed.name, changes=changes)
            drop_movements(connection, changes=changes)
        lost, returned = _load_tables(connection, feed, scratch=scratch, changes=changes, say=say, watch=watch)
        say("Settling keys and references")
        with watch.phase("reconcile"):
            make_movements(connection, changes=changes)
            list_orphans(connection, changes=changes)
            _set_data_date(connection, feed, sequence=sequence)
            results = reconcile(connection, feed=feed.name)
            info = _describe(connection, folder=folder, snapshot_id=built.stem)
        with watch.phase("write"):
            connection.execute("checkpoint")
        say("Building facts")
        build_marts(connection, changes=changes, watch=watch)
        if fit is not None:
            say("Fitting the book")
            with watch.phase("fit"):
                fit(connection)
        say("Hashing and publishing")
        with watch.phase("hash content"):
            content_hash = hash_content(connection, changes=changes)
        _drop_temporary(connection)
        feeds = [str(row[0]) for row in connection.execute("select name from feed order by sequence").fetchall()]
        with watch.phase("write facts"):
            connection.execute("checkpoint")
    finally:
        connection.close()
    with watch.phase("hash and publish file"):
        card: Card = folder.publish(
            built, snapshot_id=built.stem, created_at=info[0], content_hash=content_hash, feeds=feeds
        )
    if sample_removed:
        # The truths of a sample that is gone are truths of nothing.
        (folder.path / TRUTH_FILE).unlink(missing_ok=True)
    return LoadResult(
        snapshot=card.id,
        content_hash=content_hash,
        files=tuple(results),
        lost=tuple(lost),
        returned=tuple(returned),
        sample_removed=tuple(sample_removed),
        synthetic=info[1],
        phases=tuple(watch.phases),
    )


def _memory() -> int:
    """Bytes that DuckDB may hold, half of the machine's and at most 8 GiB; the rest goes to the scratch folder."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return _MOST_MEMORY // 2
    return min(_MOST_MEMORY, installed // 2)


def _connect(built: Path, *, scratch: Path, feed: Feed) -> duckdb.DuckDBPyConnection:
    """A connection that can write the snapshot and read the feed's files, and nothing else."""
    connection = duckdb.connect(str(built))
    for name, value in (
        ("TimeZone", feed.timezone),
        ("temp_directory", str(scratch)),
        ("preserve_insertion_order", True),
        # The file is thrown away when a load fails, so its log needs no early end.
        ("checkpoint_threshold", "1GiB"),
        ("memory_limit", f"{_memory() >> 20}MiB"),
        # Common subexpressions are hoisted out of try(), so that one bad cell would fail the statement.
        ("disabled_optimizers", "common_subexpressions"),
        ("enable_progress_bar", False),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
    ):
        connection.execute(f"set {name} = $value", {"value": value})
    allowed = sorted({str(real) for entry in feed.tables for _, real in entry.files})
    connection.execute(f"set allowed_paths = [{', '.join(text_literal(path) for path in allowed)}]")
    connection.execute(f"set allowed_directories = [{text_literal(str(scratch.resolve()) + '/')}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _load_tables(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    *,
    scratch: Path,
    changes: Changes,
    say: Progress,
    watch: Stopwatch,
) -> tuple[list[Moved], list[Moved]]:
    """Read the feed's tables and settle all; gives the rows of other feeds that were lost, and that came back."""
    lost: list[Moved] = []
    returned: list[Moved] = []
    # Parents come before their children: a key is settled among rows whose parents are settled.
    for table in contract().values():
        entries = [entry for entry in feed.tables if entry.name == table.name]
        repeats = False
        if entries:
            with watch.phase(f"read {table.name}"):
                repeats = _load_table(connection, table, entries, feed=feed, scratch=scratch, say=say)
        with watch.phase(f"settle {table.name}"):
            gone, back = settle_table(connection, table, feed=feed.name, changes=changes, repeats=repeats)
        lost += gone
        returned += back
    return lost, returned


def _load_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    entries: Sequence[TableFeed],
    *,
    feed: Feed,
    scratch: Path,
    say: Progress,
) -> bool:
    """Stage the rows of a table's files; gives whether they hold any key more than once."""
    create_stage(connection, table, temporary=has_rows(connection, table.name))
    for entry in entries:
        for name, path in entry.files:
            say(f"Reading {name} into {table.name}")
            relation = "incoming"
            source = read_source(
                connection,
                _plainly_named(path, scratch=scratch),
                name=name,
                options=entry.options,
                relation=relation,
                temp=scratch,
                progress=say,
            )
            _check_expressions(connection, entry, source, feed=feed)
            source_id = _register_source(connection, feed=feed, entry=entry, source=source, name=name, path=path)
            try:
                stage_rows(connection, feed=feed, entry=entry, table=table, source=source, source_id=source_id)
            except (duckdb.Error, UnicodeDecodeError) as error:
                refuse_if_damaged(error, source=source, name=name)
                raise
            _quarantine_unreadable(connection, feed=feed, table=table, source=source, source_id=source_id)
            count_source(connection, table=table, source=source, source_id=source_id)
            _drop_relation(connection, relation)
    distinct = [entry.number for entry in entries if entry.distinct]
    amounts = [c.name for c in table.columns if c.is_amount]
    sum_amounts(connection, table, amounts=amounts, feed=feed)
    quarantine_bad_rows(connection, table, feed=feed.name)
    repeats = fold_repeats(connection, table, distinct=distinct)
    list_nulled_cells(connection, table, feed=feed.name)
    count_folded(connection, table, amounts=amounts, feed=feed)
    return repeats


def _plainly_named(path: Path, *, scratch: Path) -> Path:
    """The file under a name without wildcards, which DuckDB would expand."""
    if not set("*?[") & set(str(path)):
        return path
    plain = scratch / f"plain-{abs(hash(path))}{path.suffix}"
    shutil.copyfile(path, plain)
    return plain


def _check_expressions(connection: duckdb.DuckDBPyConnection, entry: TableFeed, source: Source, *, feed: Feed) -> None:
    columns = {**source.types, "_file": "VARCHAR", "_row": "BIGINT"}
    place = f"{feed.path.name}, table {entry.name} (number {entry.number})"
    for column, expression in entry.columns.items():
        check_expression(connection, expression, columns=columns, where=f"{place}, column {column}")
    if entry.where:
        check_expression(connection, entry.where, columns=columns, where=f"{place}, where")


def _drop_relation(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    kinds = connection.execute(
        "select 'table' from duckdb_tables() where table_name = $name"
        " union all select 'view' from duckdb_views() where view_name = $name",
        {"name": relation},
    ).fetchall()
    for (kind,) in kinds:
        connection.execute(f"drop {kind} {quote(relation)}")


def _drop_temporary(connection: duckdb.DuckDBPyConnection) -> None:
    temporary = connection.execute("select table_name from duckdb_tables() where temporary").fetchall()
    for (name,) in temporary:
        connection.execute(f"drop table {quote(name)}")


def _register_feed(connection: duckdb.DuckDBPyConnection, feed: Feed, *, append: bool) -> int:
    known = connection.execute(
        "select sequence, currency, timezone, id_prefix, synthetic from feed where name = $name", {"name": feed.name}
    ).fetchone()
    if append and known is None:
        raise LanewiseError(
            f"there is no feed {feed.name!r} to append to", where=str(feed.path), hint="Load it without --append first."
        )
    if append and known is not None:
        stated = ("currency", "timezone", "id_prefix", "synthetic")
        for setting, before, now in zip(stated, known[1:], (getattr(feed, s) for s in stated), strict=True):
            if before != now:
                raise LanewiseError(
                    f"{setting} = {now!r}, but the rows already loaded have {before!r}",
                    where=str(feed.path),
                    hint="Append with the same settings, or load these files as a feed of another name.",
                )
    last = connection.execute("select coalesce(max(sequence), 0) from feed").fetchone()
    sequence = int(known[0]) if known else int(last[0] if last else 0) + 1
    connection.execute("delete from feed where name = $name", {"name": feed.name})
    connection.execute(
        "insert into feed values ($name, $currency, $timezone, $as_of, $synthetic, $prefix, $now, $sequence, $toml)",
        {
            "name": feed.name,
            "currency": feed.currency,
            "timezone": feed.timezone,
            "as_of": feed.as_of,
            "synthetic": feed.synthetic,
            "prefix": feed.id_prefix,
            "now": utc_now(),
            "sequence": sequence,
            "toml": feed.path.read_text(encoding="utf-8-sig"),
        },
    )
    return sequence


def _register_source(
    connection: duckdb.DuckDBPyConnection, *, feed: Feed, entry: TableFeed, source: Source, name: str, path: Path
) -> int:
    last = connection.execute("select coalesce(max(source_id), 0) from source").fetchone()
    source_id = int(last[0] if last else 0) + 1
    connection.execute(
        "insert into source values"
        " ($id, $feed, $table, $entry, $file, $sheet, $dialect, $hash, $rows, 0, 0, $notes, $rule)",
        {
            "id": source_id,
            "feed": feed.name,
            "table": entry.name,
            "entry": entry.number,
            "file": name,
            "sheet": source.sheet,
            "dialect": source.dialect,
            "hash": file_hash(path),
            "rows": source.rows,
            "notes": " ".join(source.notes) or None,
            "rule": "distinct" if entry.distinct else entry.on_conflict,
        },
    )
    return source_id


def _quarantine_unreadable(
    connection: duckdb.DuckDBPyConnection, *, feed: Feed, table: Table, source: Source, source_id: int
) -> None:
    personal = bool(PERSONAL & set(table.names))
    for row in source.rejected:
        # A line that cannot be split may hold an operator's name anywhere.
        text = "(not kept: this table holds personal data)" if personal else row.text[:2000]
        connection.execute(
            "insert into quarantine values ($feed, $source, $table, $row, 'unreadable',"
            " [{'column_name': null, 'value': $text, 'reason': $reason}], to_json({'line': $text})::varchar, null)",
            {
                "feed": feed.name,
                "source": source_id,
                "table": table.name,
                "row": row.row,
                "text": text,
                "reason": row.reason,
            },
        )


def _take_out(connection: duckdb.DuckDBPyConnection, feed: str, *, changes: Changes) -> None:
    """Remove every row of a feed, and every memory of its files."""
    for name, table in contract().items():
        if exists(connection, name):
            changes.went(table, source=f"(select * from {quote(name)} where _feed = {text_literal(feed)})")
            connection.execute(f"delete from {quote(name)} where _feed = $feed", {"feed": feed})
    connection.execute(
        "delete from source_amount where source_id in (select source_id from source where feed = $feed)", {"feed": feed}
    )
    for name in ("source", "quarantine", "nulled_cell", "superseded"):
        connection.execute(f"delete from {name} where feed = $feed", {"feed": feed})


def _take_out_sample(connection: duckdb.DuckDBPyConnection, feed: Feed, *, changes: Changes) -> list[str]:
    """The first real feed takes the synthetic ones out, so that no page mixes the two."""
    if feed.synthetic:
        real = connection.execute("select name from feed where not synthetic order by sequence").fetchall()
        if real:
            raise LanewiseError(
                f"the portfolio holds real data ({', '.join(str(row[0]) for row in real)});"
                " a synthetic feed would mix with it",
                where=str(feed.path),
                hint="Load it into a portfolio of its own with --portfolio.",
            )
        return []
    synthetic = [str(row[0]) for row in connection.execute("select name from feed where synthetic").fetchall()]
    for name in synthetic:
        _take_out(connection, name, changes=changes)
        connection.execute("delete from feed where name = $name", {"name": name})
    return synthetic


#: Columns whose latest value, not after the load, is the date of a feed that does not state one.
_EVENTS = {
    "incident": ("occurred_from", "occurred_to", "detected_at", "closed_at"),
    "claim": ("loss_date", "reported_at", "decided_at", "closed_at", "valued_on"),
    "claim_movement": ("moved_on",),
    "shipment": ("departed_at", "delivered_at"),
    "trip": ("departed_at", "arrived_at"),
    "ping": ("pinged_at",),
    "scan": ("scanned_at",),
    "seal_event": ("occurred_at",),
    "refund": ("refunded_at",),
    "loss_year": ("valued_on",),
    "premium_movement": ("moved_on",),
    "drill": ("held_on",),
}


def _set_data_date(connection: duckdb.DuckDBPyConnection, feed: Feed, *, sequence: int) -> None:
    if feed.as_of is not None:
        return
    now = utc_now()
    latest: list[date] = []
    for table, columns in _EVENTS.items():
        if not exists(connection, table):
            continue
        for column in columns:
            moment = contract()[table].column(column).type == "TIMESTAMP"
            local = f"timezone($zone, timezone('UTC', {column}))" if moment else column
            row = connection.execute(
                f"select max({local})::date from {quote(table)} where _feed = $feed and {column} <= $now::timestamp",
                {"feed": feed.name, "now": now, "zone": feed.timezone}
                if "$zone" in local
                else {"feed": feed.name, "now": now},
            ).fetchone()
            if row and row[0] is not None:
                latest.append(row[0])
    connection.execute(
        "update feed set as_of = $as_of where sequence = $sequence",
        {"as_of": max(latest) if latest else None, "sequence": sequence},
    )


def _describe(connection: duckdb.DuckDBPyConnection, *, folder: Folder, snapshot_id: str) -> tuple[datetime, bool]:
    settings = folder.settings()
    first = connection.execute(
        "select first(currency order by sequence) filter (currency is not null), first(timezone order by sequence)"
        " from feed"
    ).fetchone()
    currency, timezone = first or (None, None)
    row = connection.execute(
        "select max(as_of), coalesce(bool_or(synthetic), false) from feed where name in (select feed from source)"
    ).fetchone()
    data_date, synthetic = row or (None, False)
    created_at = utc_now()
    connection.execute("delete from snapshot")
    connection.execute(
        "insert into snapshot values ($id, $created, $currency, $timezone, $plan, $date, $synthetic, $version)",
        {
            "id": snapshot_id,
            "created": created_at,
            "currency": settings.base_currency or currency,
            "timezone": settings.reporting_timezone or timezone or "UTC",
            "plan": settings.plan_rate_date or data_date,
            "date": data_date,
            "synthetic": synthetic,
            "version": "0.1.0",
        },
    )
    return created_at, bool(synthetic)
