"""Snapshots out: views that already show only what a person and their filters may see."""

from __future__ import annotations

import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import duckdb

from data.casting import quote, text_literal
from data.contract import contract
from data.cursors import Answers, Cursors, Lent
from data.errors import LanewiseError
from data.marts import FORMAT, empty
from data.reach import DIMENSIONS, REACH, Reach
from data.served import BODIES, COUNTS, MEMORY, SHARED
from data.snapshots import Card, Folder, default_path

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Portfolio", "Snapshot", "SnapshotInfo", "View", "default_path"]

#: Open snapshots kept by one portfolio; the least recently used is closed first.
_OPEN = 3
_WORD = re.compile(r"\b[a-z_]+\b")


class Scope(Protocol):
    """Whose data a person may see (analysis.filters.Scope)."""

    @property
    def insureds(self) -> frozenset[str] | None:
        """Ids of insureds; None for the whole book."""


class Filters(Protocol):
    """What a person asked for (analysis.filters.Filters)."""

    @property
    def first_month(self) -> date | None:
        """First day of the first month."""

    @property
    def end(self) -> date | None:
        """First day after the period."""


@dataclass(frozen=True)
class SnapshotInfo:
    """What a snapshot says of itself. ``data_date`` is the latest date of the feeds that fill a table."""

    id: str
    created_at: datetime
    content_hash: str
    base_currency: str | None
    reporting_timezone: str
    data_date: date | None
    plan_rate_date: date | None
    synthetic: bool
    feeds: tuple[str, ...]


class Portfolio:
    """A folder of snapshots, opened for reading only."""

    def __init__(self, path: Path | None = None) -> None:
        self.folder = Folder(path or default_path())
        self._open: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def current(self) -> str | None:
        """Id of the snapshot that serves; None for an empty portfolio."""
        return self.folder.current()

    def snapshots(self) -> tuple[Card, ...]:
        """The snapshots kept, newest first."""
        return self.folder.cards()

    def open(self, snapshot_id: str | None = None) -> Snapshot:
        """The snapshot of that id, or the current one; opened once and shared.

        Raises
        ------
        LanewiseError
            The portfolio is empty, or the snapshot is gone or damaged.
        """
        wanted = snapshot_id or self.current()
        if wanted is None:
            raise LanewiseError(
                "the portfolio is empty", where=str(self.folder.path), hint="Load a feed: python -m data load FEED."
            )
        with self._lock:
            found = self._open.get(wanted)
            # A damaged file that somebody has put right is another file; one that is gone serves those who have it.
            if found is None or _stamp(found.path) not in {None, found.stamp}:
                found = Snapshot(self.folder, wanted)
                self._open[wanted] = found
            self._open.move_to_end(wanted)
            while len(self._open) > _OPEN:
                # Views in other threads keep theirs alive; it closes with the last of them.
                self._open.popitem(last=False)
            return found

    def view(self, scope: Scope, filters: Filters) -> View:
        """A view of the current snapshot."""
        return self.open().view(scope, filters)


class Snapshot:
    """One immutable DuckDB file behind a hardened, read-only connection."""

    def __init__(self, folder: Folder, snapshot_id: str) -> None:
        path = folder.file(snapshot_id)
        if not path.is_file():
            raise LanewiseError(
                f"there is no snapshot {snapshot_id}",
                where=str(folder.snapshots),
                hint="The Data page lists the snapshots kept.",
            )
        try:
            self._connection = _harden(path)
            self.info = _read_info(self._connection)
            self.present = frozenset(
                str(row[0])
                for row in self._connection.execute(
                    "select table_name from duckdb_tables() where database_name = 'snap'"
                ).fetchall()
            )
            made = (
                self._connection.execute("select number from snap.mart_format").fetchone()
                if "mart_format" in self.present
                else None
            )
            counted = self._connection.execute("select table_name, row_count from snap.content").fetchall()
            dated = self._connection.execute(
                "select s.table_name, max(f.as_of) from snap.source as s join snap.feed as f on s.feed = f.name"
                " group by all having max(f.as_of) is not null"
            ).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise _damaged(folder, snapshot_id) from error
        if made != (FORMAT,):
            raise LanewiseError(
                f"snapshot {snapshot_id} was made by another version of Lanewise, which kept other facts",
                where=str(path),
                hint="Load any of its feeds again with this version, and a snapshot is made that it can open: "
                "`python -m data load FEED`.",
            )
        self.path = path
        self.stamp = _stamp(path)
        self._folder = folder
        self.cursors = Cursors(self._connection)
        self.tables: dict[str, int] = {str(name): int(rows) for name, rows in counted}
        self._dates: dict[str, date] = {str(name): day for name, day in dated}
        self.answers = Answers()

    def run(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        params: Mapping[str, object] | Sequence[object] | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Run one statement on a cursor of this snapshot; damage that only reading finds is said as on opening."""
        try:
            return cursor.execute(sql, params) if params is not None else cursor.execute(sql)
        except duckdb.Error as error:
            if "Corrupt database file" in str(error) or str(self.path.resolve()) in str(error):
                raise _damaged(self._folder, self.path.stem) from error
            raise

    def data_date(self, table: str) -> date | None:
        """To which day does this table know what happened? The latest date of the feeds that fill it."""
        return self._dates.get(table, self.info.data_date)

    def view(self, scope: Scope, filters: Filters) -> View:
        """What this person may see of it under these filters, on a cursor of its own."""
        return View(self, scope, filters)


class View:
    """A cursor on which every table is already cut to a scope and to filters.

    Tables are named as in the contract, without catalog or schema; each view is made when a statement first names it.
    The cursor too is taken at the first statement: most views of a page stand before a cache that asks them nothing.
    It is given back, with the views made on it, when this one is gone.
    """

    def __init__(self, snapshot: Snapshot, scope: Scope, filters: Filters) -> None:
        self.snapshot = snapshot
        self.scope = scope
        self.filters = filters
        self._chosen = [name for name in DIMENSIONS if getattr(filters, name)]

    @cached_property
    def _lent(self) -> Lent:
        cursors, filters = self.snapshot.cursors, self.filters
        shape = (
            self.scope.insureds is not None,
            tuple(self._chosen),
            filters.first_month is not None,
            filters.end is not None,
        )
        lent = cursors.take(shape, self._values())
        weakref.finalize(self, cursors.give, shape, lent).atexit = False
        return lent

    @property
    def info(self) -> SnapshotInfo:
        """What the snapshot says of itself."""
        return self.snapshot.info

    def has(self, table: str) -> bool:
        """Does the portfolio hold rows of this contract table at all, whatever the filters?"""
        return self.snapshot.tables.get(table, 0) > 0

    def execute(
        self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Run one statement on the views; the cursor holds its result until the next."""
        # Whoever reads the result may do so when this view is gone: the cursor serves no other.
        self._lent.is_spent = True
        return self._execute(sql, params)

    def rows(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self._execute(sql, params).fetchall()

    def lasting_rows(self, sql: str, **params: str | int) -> list[tuple[Any, ...]]:
        """All rows of one statement on the same scope without any filter: asked once a snapshot and scope."""
        key = (self.scope, sql, *params.items())
        if (found := self.snapshot.answers.get(key)) is None:
            bare = replace(  # type: ignore[type-var]
                self.filters, first_month=None, last_month=None, **dict.fromkeys(DIMENSIONS, ())
            )
            found = self.snapshot.view(self.scope, bare).rows(sql, params or None)
            self.snapshot.answers.keep(key, found)
        return found

    def frame(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> pd.DataFrame:
        """All rows of one statement as a data frame; decimals become floats."""
        return self._execute(sql, params).df()

    def arrays(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> dict[str, Any]:
        """All rows of one statement as an array a column, masked where it is null; decimals become floats."""
        return self._execute(sql, params).fetchnumpy()

    def _execute(
        self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None
    ) -> duckdb.DuckDBPyConnection:
        self._make({word for word in _WORD.findall(sql.lower()) if word in REACH or word in MEMORY})
        return self._run(sql, params)

    def _run(
        self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None
    ) -> duckdb.DuckDBPyConnection:
        lent = self._lent
        try:
            return self.snapshot.run(lent.cursor, sql, params)
        except Exception:
            lent.is_spent = True
            raise

    def within(self, month: date) -> View:
        """The same scope and filters, of one month alone."""
        return self.snapshot.view(self.scope, replace(self.filters, first_month=month, last_month=month))  # type: ignore[type-var]

    def undated(self, table: str) -> int:
        """How many rows (of a fact: events) of the scope and the chosen filters are in no period: they have no date."""
        return self.undated_of([table])[table]

    def undated_of(self, tables: Sequence[str]) -> dict[str, int]:
        """The same of several tables, in one statement."""
        return self._counted({table: self._undated_condition(table) for table in tables})

    def unreached(self, table: str) -> int:
        """How many rows (of a fact: events) of the scope and period are out because a chosen filter cannot reach them.

        A claim without a lane, say, is neither on a chosen lane nor off it.
        """
        return self.unreached_of([table])[table]

    def unreached_of(self, tables: Sequence[str]) -> dict[str, int]:
        """The same of several tables, in one statement."""
        return self._counted({table: self._unreached_condition(table) for table in tables})

    def _undated_condition(self, table: str) -> str:
        reach = REACH[table]
        if not reach.period or table not in self.snapshot.present:
            return ""
        undated = f"{reach.period[0]} is null"
        if reach.is_dated_by_key:
            undated = self._exists(reach, [undated], dimensions=[], scoped=False)
        return " and ".join([*self._lasting_conditions(reach), undated])

    def _unreached_condition(self, table: str) -> str:
        reach = REACH[table]
        if not self._chosen or reach.public or table not in self.snapshot.present:
            return ""
        blind = " or ".join(f"not ({self._known(reach, dimension)})" for dimension in self._chosen)
        return " and ".join([*self._scope_conditions(reach), *self._period_conditions(reach), f"({blind})"])

    def _counted(self, conditions: Mapping[str, str]) -> dict[str, int]:
        """How many rows (of a fact: events) of each table meet its condition? None do where it has none."""
        asked = {table: where for table, where in conditions.items() if where}
        found: dict[str, int] = dict.fromkeys(conditions, 0)
        if asked:
            counts = {
                table: f"coalesce(sum(t.{COUNTS[table]}), 0)" if table in COUNTS else "count(*)" for table in asked
            }
            parts = [f"(select {counts[table]} from snap.{quote(table)} as t where {asked[table]})" for table in asked]
            row = self._run(f"select {', '.join(parts)}").fetchone()
            found |= dict(zip(asked, map(int, row or ()), strict=True))
        return found

    def _values(self) -> dict[str, object]:
        """The variables that the views ask for; None: not set."""
        values: dict[str, object] = {
            "reporting_timezone": self.info.reporting_timezone,
            "scope_insured": sorted(self.scope.insureds) if self.scope.insureds is not None else None,
            **{f"chosen_{name}": list(getattr(self.filters, name)) for name in self._chosen},
        }
        zone = ZoneInfo(self.info.reporting_timezone)
        for name, day in (("first", self.filters.first_month), ("end", self.filters.end)):
            values[f"{name}_day"] = day
            start = datetime.combine(day, time(), tzinfo=zone) if day is not None else None
            values[f"{name}_moment"] = start.astimezone(ZoneInfo("UTC")).replace(tzinfo=None) if start else None
        return values

    def _make(self, names: set[str]) -> None:
        made = self._lent.made
        for name in sorted(names - made):
            self._run(f"create or replace temp view {quote(name)} as {self._definition(name)}")
            made.add(name)

    def _definition(self, name: str) -> str:
        if name in MEMORY:
            hidden = "" if self.scope.insureds is None else " where false"
            return f"select * from ({MEMORY[name]}){hidden}"
        if name not in self.snapshot.present and name not in BODIES:
            return empty(contract()[name])
        if name in BODIES and BODIES[name][0] not in self.snapshot.present:
            return empty(contract()[BODIES[name][0]])
        # Each level of a view costs every statement on it the time to bind all of its columns.
        body = f"({BODIES[name][1]})" if name in BODIES else f"snap.{quote(name)}"
        if name in SHARED and self.scope.insureds is not None:
            body = f"({SHARED[name]})"
        conditions = self._conditions(REACH[name])
        return f"select t.* from {body} as t" + (f" where {' and '.join(conditions)}" if conditions else "")

    def _conditions(self, reach: Reach) -> list[str]:
        if reach.public:
            return []
        if reach.is_dated_by_key:
            return self._lasting_conditions(reach, and_of_key=self._period_tests(reach))
        return self._lasting_conditions(reach) + self._period_tests(reach)

    def _lasting_conditions(self, reach: Reach, *, and_of_key: Sequence[str] = ()) -> list[str]:
        """Those of scope and filters, whatever the period, and further ones of the row's key."""
        dimensions = self._chosen
        tests: list[str] = []
        scoped = self.scope.insureds is not None
        on_key: list[str] = [*and_of_key]
        if scoped:
            (tests if "insured" in reach.own else on_key).append(self._in_scope("t" if "insured" in reach.own else "k"))
        for dimension in dimensions:
            own = dimension in reach.own
            (tests if own else on_key).append(self._in_chosen(dimension, "t" if own else "k"))
        if on_key:
            tests.append(
                self._exists(reach, on_key, dimensions=[d for d in dimensions if d not in reach.own], scoped=scoped)
            )
        return tests

    def _exists(self, reach: Reach, conditions: list[str], *, dimensions: list[str], scoped: bool) -> str:
        known = _KNOWN_BY.get(reach.via, tuple(DIMENSIONS) if reach.via else ())
        wanted = {*dimensions, *(["insured"] if scoped and "insured" not in reach.own else [])}
        if not wanted <= set(known):
            return "false"
        return f"exists (select 1 from snap.{quote(reach.via)} as k where {' and '.join([reach.on, *conditions])})"

    def _scope_conditions(self, reach: Reach) -> list[str]:
        if self.scope.insureds is None:
            return []
        if "insured" in reach.own:
            return [self._in_scope("t")]
        return [self._exists(reach, [self._in_scope("k")], dimensions=[], scoped=True)]

    def _known(self, reach: Reach, dimension: str) -> str:
        column = DIMENSIONS[dimension]
        if dimension in reach.own:
            return f"t.{column} is not null"
        return self._exists(reach, [f"k.{column} is not null"], dimensions=[dimension], scoped=False)

    @staticmethod
    def _in_scope(alias: str) -> str:
        return f"list_contains(getvariable('scope_insured'), {alias}.insured_id)"

    @staticmethod
    def _in_chosen(dimension: str, alias: str) -> str:
        return f"list_contains(getvariable({text_literal('chosen_' + dimension)}), {alias}.{DIMENSIONS[dimension]})"

    def _period_conditions(self, reach: Reach) -> list[str]:
        tests = self._period_tests(reach)
        return [self._exists(reach, tests, dimensions=[], scoped=False)] if tests and reach.is_dated_by_key else tests

    def _period_tests(self, reach: Reach) -> list[str]:
        """What the period asks of a row, or of its key."""
        if not reach.period:
            return []
        unit = "moment" if reach.kind == "moment" else "day"
        first, last = reach.period[0], reach.period[-1]
        conditions = []
        if self.filters.first_month is not None:
            conditions.append(f"{last} >= getvariable('first_{unit}')")
        if self.filters.end is not None:
            conditions.append(f"{first} < getvariable('end_{unit}')")
        return conditions


#: Dimensions that a table named in ``via`` knows; those not named here know all of them.
_KNOWN_BY = {"policy": ("insured",)}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced or written to; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _damaged(folder: Folder, snapshot_id: str) -> LanewiseError:
    def opens(other: str) -> bool:
        try:
            connection = _harden(folder.file(other))
        except duckdb.Error:
            return False
        try:
            return _read_info(connection).id == other
        except (duckdb.Error, UnicodeDecodeError):
            return False
        finally:
            connection.close()

    return LanewiseError(
        f"the snapshot {snapshot_id} cannot be read: it is damaged or was written by another version",
        where=str(folder.file(snapshot_id)),
        hint=folder.way_back(without=snapshot_id, opens=opens),
    )


def _harden(path: Path) -> duckdb.DuckDBPyConnection:
    """An empty in-memory catalog with the snapshot beside it, read-only, with nothing else in reach."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"attach {text_literal(str(path.resolve()))} as snap (read_only)")
        for name, value in (
            ("TimeZone", "UTC"),
            ("autoload_known_extensions", False),
            ("autoinstall_known_extensions", False),
            ("enable_external_access", False),
            ("lock_configuration", True),
        ):
            connection.execute(f"set {name} = $value", {"value": value})
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _read_info(connection: duckdb.DuckDBPyConnection) -> SnapshotInfo:
    row = connection.execute(
        "select id, created_at, base_currency, reporting_timezone, data_date, plan_rate_date, synthetic,"
        " (select sha256(coalesce(string_agg(table_name || ' ' || hash, ';' order by table_name), ''))"
        " from snap.content),"
        " (select list(name order by sequence) from snap.feed) from snap.snapshot"
    ).fetchone()
    if row is None:
        message = "no row in snapshot"
        raise duckdb.InvalidInputException(message)
    return SnapshotInfo(
        id=row[0],
        created_at=row[1],
        base_currency=row[2],
        reporting_timezone=row[3],
        data_date=row[4],
        plan_rate_date=row[5],
        synthetic=bool(row[6]),
        content_hash=row[7],
        feeds=tuple(row[8] or ()),
    )
