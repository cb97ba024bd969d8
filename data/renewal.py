"""Marts after a small change: only the keys that it touches are made again, by the same SQL that made them all.

For each mart there is a set of keys (shipments, trips, devices, lanes, ...) outside of which no row of it can
have changed. Its rows of those keys are taken out, and its own statement fills them anew while temporary views narrow
what it reads to what those keys need. Narrowing too little only costs time; what is put in is cut to the keys exactly.
The coded coordinates (``place``, ``ping_cell``) only ever gain: one that no row names any more is never asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import duckdb

from data.casting import quote
from data.changes import Changes
from data.stopwatch import Stopwatch

#: Contract tables that no mart made by keys reads: how much of them changes does not matter here.
UNREAD = frozenset(
    {
        "assessment",
        "chargeback",
        "claim_movement",
        "device",
        "drill",
        "legal_clock",
        "loss_year",
        "premium_movement",
        "recommendation",
        "refund",
    }
)
#: The key by which each mart is made again.
KEYS = {
    "shipment_key": "shipment_id",
    "trip_key": "trip_id",
    "device_key": "device_id",
    "seal_key": "event_id",
    "incident_fact": "incident_id",
    "claim_fact": "claim_id",
    "shipment_fact": "lane_id",
    "ping_fact": "device_id",
    "lane_use": "lane_id",
    "site_use": "lane_id",
    "lane_month": "lane_id",
    "site_month": "lane_id",
    "trip_unit": "trip_no",
    "lane_usual": "lane_id",
    "trip_window": "trip_no",
    "trip_device": "trip_no",
    "trip_stretch": "trip_no",
    "trip_watch": "trip_no",
    "trip_signal": "trip_no",
    "trip_blackout": "trip_no",
    "trip_telemetry": "trip_no",
    "device_day": "device_id",
    "weighing_fact": "lane_id",
}


class Renewal:
    """The keys that a load touched, found while the marts are made again one after the other.

    Parameters
    ----------
    connection
        To the finished tables, whose marts are still those of before the load.
    changes
        What the load changed, row by row.
    lacking
        SQL that stands for each contract table that the snapshot lacks.
    data_date
        Of the snapshot when the marts were last made.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        changes: Changes,
        lacking: Mapping[str, str],
        watch: Stopwatch,
        data_date: date | None,
    ) -> None:
        self.data_date = data_date
        self._with_null: set[str] = set()
        self._connection = connection
        self._changes = changes
        self._lacking = lacking
        self._watch = watch
        row = connection.execute("select current_database()").fetchone()
        self._database = quote(str(row[0])) if row else ""

    def base(self, table: str) -> str:
        """SQL of a whole table, also while a temporary view of its name narrows it."""
        if table in self._lacking:
            return f"({self._lacking[table]})"
        return f"{self._database}.main.{quote(table)}"

    def _same(self, column: str, touched: str) -> str:
        return f"t.{quote(column)} {'is not distinct from' if touched in self._with_null else '='} x.k"

    def touch(self, name: str, *queries: str, nulls: bool = False) -> str:
        """A temporary table of the keys ``k`` that these queries give, null only where it is a key; gives its name."""
        table = f"touched_{name}"
        # Only what is equal, not what is null on both sides too, lets a scan pass over what cannot match.
        (self._with_null.add if nulls else self._with_null.discard)(table)
        self._connection.execute(
            f"create or replace temp table {table} as select distinct k from ({' union all '.join(queries)})"
            + ("" if nulls else " where k is not null")
        )
        return table

    def changed(self, table: str, column: str, *, also: str = "") -> str:
        """A query for the values of a column in the rows of a contract table that went or came; another beside it."""
        beside = f", {quote(also)}" if also else ""
        if table in self._changes.rows:
            return f"select {quote(column)} as k{beside} from changed_{table}"
        return f"select {quote(column)} as k{beside} from {self.base(table)} where false"

    def holding(self, table: str, column: str, *, where: str, touched: str) -> str:
        """A query for the values of a column in rows whose column ``where`` is touched (or, null, one of them)."""
        same = self._same(where, touched)
        return f"select t.{quote(column)} as k from {self.base(table)} as t semi join {touched} as x on {same}"

    def lanes_of(self, mart: str, key: str, query: str) -> str:
        """A query for the lanes of those rows of a key mart whose key a query gives."""
        return f"select t.lane_id as k from {self.base(mart)} as t semi join ({query}) as x on t.{quote(key)} = x.k"

    def differing(self, mart: str, key: str, *, sql: str) -> str:
        """Make a small mart anew; gives a query for the keys of its rows that are not as before."""
        before = f"before_{mart}"
        self._connection.execute(f"create or replace temp table {before} as select * from {self.base(mart)}")
        with self._watch.phase(f"mart {mart}"):
            self._connection.execute(sql)
        now = self.base(mart)
        return (
            f"select {key} as k from ((from {before} except all from {now}) union all"
            f" (from {now} except all from {before}))"
        )

    def has_any(self, touched: str) -> bool:
        """Is any key touched?"""
        return self._connection.execute(f"select 1 from {touched} limit 1").fetchone() is not None

    def date_moved(self) -> bool:
        """Is the date of the data another than when the marts were last made?"""
        row = self._connection.execute("select data_date from snapshot").fetchone()
        return (row[0] if row else None) != self.data_date

    def keep(self, mart: str, column: str, touched: str) -> str:
        """A temporary table of a mart's rows whose column is touched, as they are now; gives its name."""
        kept = f"before_{mart}"
        self._connection.execute(f"create or replace temp table {kept} as {self.narrowed(mart, column, touched)}")
        return kept

    def narrowed_by(self, column: str, touched: str, tables: Iterable[str]) -> dict[str, str]:
        """What a statement reads of each of these tables: its rows whose column is touched."""
        return {table: self.narrowed(table, column, touched) for table in tables}

    def rebuild(self, mart: str, *, sql: str) -> None:
        """Make a whole mart anew."""
        with self._watch.phase(f"mart {mart}"):
            self._connection.execute(sql)

    def narrowed(self, table: str, column: str, touched: str) -> str:
        """SQL of the rows of a table whose column is touched."""
        return f"select t.* from {self.base(table)} as t semi join {touched} as x on {self._same(column, touched)}"

    def renew(self, mart: str, *, sql: str, touched: str, reads: Mapping[str, str]) -> None:
        """Make the rows of touched keys of a mart anew.

        Parameters
        ----------
        sql
            The statement that makes the whole mart.
        touched
            Temporary table of the keys.
        reads
            By table that the statement reads: SQL of the part of it that the keys need.
        """
        made = f"create or replace table {mart} as"
        assert made in sql, f"{mart}.sql makes no table {mart}"
        renewed, key = f"renewed_{mart}", KEYS[mart]
        with self._watch.phase(f"mart {mart}"):
            for table, part in reads.items():
                self._connection.execute(f"create or replace temp view {quote(table)} as {part}")
            rows = sql.split(made, 1)[1].strip().removesuffix(";")
            try:
                self._connection.execute(
                    f"create or replace temp table {renewed} as"
                    f" select t.* from (\n{rows}\n) as t semi join {touched} as x on {self._same(key, touched)}"
                )
            finally:
                for table in reads:
                    if table in self._lacking:
                        self._connection.execute(
                            f"create or replace temp view {quote(table)} as {self._lacking[table]}"
                        )
                    else:
                        self._connection.execute(f"drop view {quote(table)}")
            whole = self.base(mart)
            self._connection.execute(
                f"delete from {whole} where rowid in"
                f" (select t.rowid from {whole} as t semi join {touched} as x on {self._same(key, touched)})"
            )
            self._connection.execute(f"insert into {whole} select * from {renewed}")
            self._connection.execute(f"drop table {renewed}")


def renew_marts(renewal: Renewal, *, statements: Mapping[str, str], places: str) -> None:
    """Make again what a small change touches, in the order in which marts read each other.

    Parameters
    ----------
    statements
        The SQL of each mart.
    places
        A query for the sites ``k`` that lie elsewhere than before, or on another clock.
    """
    r, sql = renewal, statements
    moved_sites = r.touch("moved_site", places, r.changed("site", "site_id"))
    lane_changes = r.differing("lane_key", "lane_id", sql=sql["lane_key"])
    lanes_changed = r.touch("changed_lane", lane_changes, r.changed("lane", "lane_id"))
    trips = r.touch(
        "trip",
        r.changed("trip", "trip_id"),
        r.changed("shipment", "trip_id"),
        r.holding("trip_key", "trip_id", where="lane_id", touched=lanes_changed),
        r.holding("shipment_key", "trip_id", where="lane_id", touched=lanes_changed),
    )
    # A trip is shared out among all shipments on it.
    shipments = r.touch(
        "shipment",
        r.changed("shipment", "shipment_id"),
        r.holding("shipment", "shipment_id", where="trip_id", touched=trips),
        r.holding("shipment_key", "shipment_id", where="trip_id", touched=trips),
        r.holding("shipment_key", "shipment_id", where="lane_id", touched=lanes_changed),
    )
    lanes_before = r.touch(
        "lane_before",
        r.holding("shipment_key", "lane_id", where="shipment_id", touched=shipments),
        r.holding("trip_key", "lane_id", where="trip_id", touched=trips),
        nulls=True,
    )
    r.renew(
        "shipment_key",
        sql=sql["shipment_key"],
        touched=shipments,
        reads={"shipment": r.narrowed("shipment", "shipment_id", shipments)},
    )
    r.renew(
        "trip_key",
        sql=sql["trip_key"],
        touched=trips,
        reads={
            "shipment_key": r.narrowed("shipment_key", "trip_id", trips),
            "trip": r.narrowed("trip", "trip_id", trips),
        },
    )
    lanes = r.touch(
        "lane",
        f"select k from {lanes_before}",
        f"select k from {lanes_changed}",
        r.holding("shipment_key", "lane_id", where="shipment_id", touched=shipments),
        r.holding("trip_key", "lane_id", where="trip_id", touched=trips),
        nulls=True,
    )
    _renew_devices(r, sql, shipments=shipments, trips=trips)
    events = _renew_events(r, sql, shipments=shipments, trips=trips, lanes=lanes_changed, sites=moved_sites)
    r.renew(
        "shipment_fact",
        sql=sql["shipment_fact"],
        touched=lanes,
        reads={"shipment_key": r.narrowed("shipment_key", "lane_id", lanes)},
    )
    _renew_uses(r, sql, lanes=lanes, events=events)
    _renew_exposure(r, sql, lanes=lanes)


def _renew_devices(r: Renewal, sql: Mapping[str, str], *, shipments: str, trips: str) -> None:
    devices = r.touch(
        "device",
        r.changed("device_assignment", "device_id"),
        r.holding("device_assignment", "device_id", where="shipment_id", touched=shipments),
        r.holding("device_assignment", "device_id", where="trip_id", touched=trips),
    )
    reads = {"device_assignment": r.narrowed("device_assignment", "device_id", devices)}
    r.renew("device_key", sql=sql["device_key"], touched=devices, reads=reads)
    seals = r.touch(
        "seal",
        r.changed("seal_event", "event_id"),
        r.holding("seal_event", "event_id", where="shipment_id", touched=shipments),
        r.holding("seal_event", "event_id", where="trip_id", touched=trips),
    )
    reads = {"seal_event": r.narrowed("seal_event", "event_id", seals)}
    r.renew("seal_key", sql=sql["seal_key"], touched=seals, reads=reads)
    pinging = r.touch("pinging", f"select k from {devices}", r.changed("ping", "device_id"))
    reads = {
        "ping": r.narrowed("ping", "device_id", pinging),
        "device_key": r.narrowed("device_key", "device_id", pinging),
    }
    r.renew("ping_fact", sql=sql["ping_fact"], touched=pinging, reads=reads)


def _renew_events(r: Renewal, sql: Mapping[str, str], *, shipments: str, trips: str, lanes: str, sites: str) -> str:
    """Incidents and claims; gives the touched table of the lanes that they had before or have now."""
    incidents = r.touch(
        "incident",
        r.changed("incident", "incident_id"),
        r.holding("incident", "incident_id", where="shipment_id", touched=shipments),
        r.holding("incident", "incident_id", where="trip_id", touched=trips),
        r.holding("incident", "incident_id", where="site_id", touched=sites),
        r.holding("incident", "incident_id", where="lane_id", touched=lanes),
        r.holding("incident_fact", "incident_id", where="lane_id", touched=lanes),
    )
    claims = r.touch(
        "claim",
        r.changed("claim", "claim_id"),
        r.holding("claim", "claim_id", where="shipment_id", touched=shipments),
        r.holding("claim", "claim_id", where="incident_id", touched=incidents),
        r.holding("claim", "claim_id", where="policy_id", touched=r.touch("policy", r.changed("policy", "policy_id"))),
        r.holding("claim", "claim_id", where="site_id", touched=sites),
    )
    facts = (("incident_fact", "incident_id", incidents), ("claim_fact", "claim_id", claims))
    before = r.touch(
        "event_lane_before",
        *(r.holding(fact, "lane_id", where=key, touched=touched) for fact, key, touched in facts),
        nulls=True,
    )
    travelled = r.touch("travelled", r.holding("incident", "trip_id", where="incident_id", touched=incidents))
    reads = {
        "incident": r.narrowed("incident", "incident_id", incidents),
        "trip_key": r.narrowed("trip_key", "trip_id", travelled),
    }
    r.renew("incident_fact", sql=sql["incident_fact"], touched=incidents, reads=reads)
    reads = {"claim": r.narrowed("claim", "claim_id", claims)}
    r.renew("claim_fact", sql=sql["claim_fact"], touched=claims, reads=reads)
    return r.touch(
        "event_lane",
        f"select k from {before}",
        *(r.holding(fact, "lane_id", where=key, touched=touched) for fact, key, touched in facts),
        nulls=True,
    )


def _renew_uses(r: Renewal, sql: Mapping[str, str], *, lanes: str, events: str) -> None:
    """Who uses which lane and place."""
    used = r.touch(
        "used_lane",
        f"select k from {lanes}",
        f"select k from {events}",
        r.changed("exposure", "lane_id"),
        r.changed("control", "lane_id"),
        # Accounts and carriers as such are on no lane.
        "select null::varchar as k",
        nulls=True,
    )
    inputs = ("shipment_key", "trip_key", "incident_fact", "claim_fact", "exposure", "control", "lane")
    reads = {table: r.narrowed(table, "lane_id", used) for table in inputs}
    r.renew("lane_use", sql=sql["lane_use"], touched=used, reads=reads)
    # By lane, not by place: a hundred shipments touch few lanes, but through their hubs most places.
    visiting = r.touch(
        "visiting_lane",
        f"select k from {used}",
        r.lanes_of("shipment_key", "shipment_id", r.changed("scan", "shipment_id")),
        r.lanes_of("trip_key", "trip_id", r.changed("stop", "trip_id")),
        nulls=True,
    )
    visits = ("shipment_key", "trip_key", "incident_fact", "claim_fact", "lane_use")
    reads = {table: r.narrowed(table, "lane_id", visiting) for table in visits}
    r.renew("site_use", sql=sql["site_use"], touched=visiting, reads=reads)


def _renew_exposure(r: Renewal, sql: Mapping[str, str], *, lanes: str) -> None:
    """Exposure by lane and by site; another window or deductible reaches beyond the lanes that were touched."""
    window = r.touch("window", r.differing("fit_window", "known_to::varchar", sql=sql["fit_window"]))
    insureds = r.touch("insured", r.differing("deductible_key", "insured_id", sql=sql["deductible_key"]))
    exposed = r.touch(
        "exposed_lane",
        f"select k from {lanes}",
        r.holding("lane_month", "lane_id", where="insured_id", touched=insureds),
        nulls=True,
    )
    reads = {table: r.narrowed(table, "lane_id", exposed) for table in ("shipment_key", "trip_key")}
    r.renew("lane_month", sql=sql["lane_month"], touched=exposed, reads=reads)
    if r.has_any(window) or r.has_any(insureds):
        r.rebuild("site_month", sql=sql["site_month"])
        return
    # Goods that lie at a place are on no lane: with null touched, their rows are always made anew.
    passing = r.touch(
        "passing_lane",
        f"select k from {exposed}",
        r.lanes_of("trip_key", "trip_id", r.changed("stop", "trip_id")),
        "select null::varchar as k",
        nulls=True,
    )
    halting = r.touch(
        "halting_trip",
        *(r.holding(table, "trip_id", where="lane_id", touched=passing) for table in ("shipment_key", "trip_key")),
    )
    reads = {table: r.narrowed(table, "trip_id", halting) for table in ("shipment_key", "trip_key", "stop")}
    r.renew("site_month", sql=sql["site_month"], touched=passing, reads=reads)
