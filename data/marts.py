"""Small facts out of heavy events: runs data/marts/*.sql on the finished tables of a snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
from numpy.typing import NDArray

from data.casting import quote
from data.changes import Changes
from data.contract import Table, contract
from data.gazetteer import (
    cell_numbers,
    cells,
    locate_sites,
    parent_cells,
    parent_numbers,
    register_gazetteer,
    time_zones,
)
from data.renewal import KEYS, UNREAD, Renewal, renew_marts
from data.stopwatch import Stopwatch
from data.telemetry_renewal import renew_telemetry

MARTS = Path(__file__).with_name("marts")
#: The order in which they are built: each reads only contract tables and those before it.
ORDER = (
    "shipment_key",
    "trip_key",
    "device_key",
    "seal_key",
    "exchange_rate",
    "incident_fact",
    "claim_fact",
    "shipment_fact",
    "ping_fact",
    "choice_key",
    "lane_use",
    "site_use",
    "control_key",
    "fit_window",
    "lane_key",
    "deductible_key",
    "lane_month",
    "site_month",
    "theft_fact",
    "reporting_delay",
    "model_tables",
    "sla_schedule",
    "trip_listing",
    "trip_unit",
    "lane_usual",
    "trip_window",
    "trip_device",
    "trip_stretch",
    "trip_loss",
    "trip_watch",
    "trip_signal",
    "trip_blackout",
    "hour_hazard",
    "trip_telemetry",
    "loss_signal",
    "device_day",
    "weighing_fact",
    "service_spread",
    "incident_clock",
    "premium_month",
    "claim_service",
    "claim_valuation",
    "refund_fact",
    "accumulation_peak",
)
#: Small ones that data/renewal.py and data/telemetry_renewal.py make whole in between, to see what moves with them.
WATCHED = ("exchange_rate", "lane_key", "fit_window", "deductible_key", "theft_fact", "trip_listing", "trip_loss")
#: Those that are made whole whatever has changed, because they are small; the others are made by keys.
WHOLE = tuple(name for name in ORDER if name not in KEYS and name not in WATCHED)
#: What several statements ask in the same words.
MACROS = (
    # Money in base currency stays exact to the last digit; a product that fits no amount is none.
    """in_base(amount, rate) as case when rate = 1 then amount::decimal(38, 4)
    else try_cast(amount::double * rate as decimal(38, 4)) end""",
    # A positive number made of a name and its kind alone.
    "number_of(kind, name) as ((hash(name, kind) >> 2) + 1)::bigint",
    # Seconds of a span that fall into the quarter of each day that begins at this second of the day.
    """seconds_within(from_s, to_s, starts_s) as (((to_s // 86400) - (from_s // 86400)) * 21600
    + least(greatest(to_s % 86400 - starts_s, 0), 21600) - least(greatest(from_s % 86400 - starts_s, 0), 21600))""",
)
RESOLUTIONS = (3, 5, 7)
#: Goes up with any change of what marts or tables of the fit are called or hold: a snapshot of another number is not
#: opened, since pages would ask it for what it does not have.
FORMAT = 2


def build_marts(
    connection: duckdb.DuckDBPyConnection, *, changes: Changes | None = None, watch: Stopwatch | None = None
) -> None:
    """Build every mart of a snapshot; contract tables that it lacks are read as empty.

    Parameters
    ----------
    changes
        What the load changed since the marts were last built; absent: everything.
    watch
        Told how long each mart takes.
    """
    watch = watch or Stopwatch()
    present = {
        row[0] for row in connection.execute("select table_name from duckdb_tables() where not temporary").fetchall()
    }
    lacking = {name: empty(table) for name, table in contract().items() if name not in present}
    for name, rows in lacking.items():
        connection.execute(f"create temp view {quote(name)} as {rows}")
    statements = {name: (MARTS / f"{name}.sql").read_text(encoding="utf-8") for name in ORDER}
    try:
        connection.execute("set variable base_currency = (select base_currency from snapshot)")
        connection.execute("set variable reporting_timezone = (select reporting_timezone from snapshot)")
        connection.execute("set variable plan_rate_date = (select plan_rate_date from snapshot)")
        for macro in MACROS:
            connection.execute(f"create or replace temp macro {macro}")
        with watch.phase("mart exchange_rate"):
            connection.execute(statements["exchange_rate"])
        before = connection.execute("select fingerprint, data_date from mart_state").fetchone()
        fingerprint = _fingerprint(connection, statements)
        known = before is not None and before[0] == fingerprint
        if changes is not None and not changes.whole - UNREAD and before is not None and known:
            renewal = Renewal(connection, changes=changes, lacking=lacking, watch=watch, data_date=before[1])
            _renew(connection, renewal, changes=changes, statements=statements, watch=watch)
        else:
            _build(connection, statements=statements, watch=watch)
        connection.execute("delete from mart_state")
        connection.execute(
            "insert into mart_state select $fingerprint, (select data_date from snapshot)", {"fingerprint": fingerprint}
        )
        connection.execute("delete from mart_format")
        connection.execute("insert into mart_format values ($number)", {"number": FORMAT})
    finally:
        for name in lacking:
            connection.execute(f"drop view {quote(name)}")


def _fingerprint(connection: duckdb.DuckDBPyConnection, statements: Mapping[str, str]) -> str:
    """What every row of every mart rests on: how they are made, in which money, and on whose calendar."""
    rates = connection.execute("select * from exchange_rate order by all").fetchall()
    # Another day of the plan rate changes nothing while the rates of that day are the same.
    planned = connection.execute(
        "select currency, rate from exchange_rate where getvariable('plan_rate_date') >= valid_from"
        " and getvariable('plan_rate_date') < valid_to order by all"
    ).fetchall()
    told = connection.execute("select getvariable('base_currency'), getvariable('reporting_timezone')").fetchall()
    # Another DuckDB may hash names to other numbers.
    code = [(name, statements[name]) for name in ORDER] + [("macros", *MACROS), ("duckdb", duckdb.__version__)]
    return hashlib.sha256(repr((code, told, rates, planned)).encode()).hexdigest()


def _build(connection: duckdb.DuckDBPyConnection, *, statements: Mapping[str, str], watch: Stopwatch) -> None:
    """Make every mart anew."""
    with watch.phase("mart places"):
        _place_sites(connection)
        connection.execute(f"create or replace table place as {_no_places()}")
        connection.execute(f"create or replace table ping_cell as {_no_cells()}")
        _code_places(connection)
        _code_positions(connection, source="ping")
    for name in ORDER:
        if name != "exchange_rate":
            with watch.phase(f"mart {name}"):
                connection.execute(statements[name])


def _renew(
    connection: duckdb.DuckDBPyConnection,
    renewal: Renewal,
    *,
    changes: Changes,
    statements: Mapping[str, str],
    watch: Stopwatch,
) -> None:
    """Make anew what the changes touch, and the small marts whole."""
    with watch.phase("mart places"):
        moved = renewal.changed("site", "site_id")
        if "site" in changes.rows:
            connection.execute("create or replace temp table placed_before as select * from site_place")
            _place_sites(connection)
            moved = "select site_id as k from ((from placed_before except all from site_place) union all"
            moved += " (from site_place except all from placed_before))"
        _code_places(connection)
        if "ping" in changes.rows:
            _code_positions(connection, source="changed_ping")
    renew_marts(renewal, statements=statements, places=moved)
    thefts = renewal.differing("theft_fact", "incident_id", sql=statements["theft_fact"])
    renewal.touch("theft", thefts)
    renew_telemetry(renewal, statements=statements)
    for name in WHOLE:
        with watch.phase(f"mart {name}"):
            connection.execute(statements[name])


def empty(table: Table) -> str:
    """A select that gives the table's columns, typed, and no rows."""
    columns = ", ".join(f"null::{c.type} as {quote(c.name)}" for c in table.columns)
    return f"select {columns}, null::varchar as _feed, null::integer as _source, null::bigint as _row where false"


def _place_sites(connection: duckdb.DuckDBPyConnection) -> None:
    """Where each site is: its own coordinates, else those the gazetteer knows, marked with how they were found."""
    connection.execute(
        "create or replace table site_place as select site_id, name, city, region, country, locode, iata, latitude,"
        " longitude, coordinate_source, time_zone from site"
    )
    # A zone that no clock knows would stop every conversion; the coordinates then say which it is.
    connection.execute(
        "update site_place set time_zone = null where time_zone not in (select name from pg_timezone_names())"
    )
    wanting = connection.execute(
        "select 1 from site_place where latitude is null or longitude is null or time_zone is null"
        " or coordinate_source is null limit 1"
    ).fetchone()
    if wanting:
        register_gazetteer(connection)
        locate_sites(connection, "site_place")


def _code_places(connection: duckdb.DuckDBPyConnection) -> None:
    """Cells and time zone of every incident and site, coded once for each coordinate rounded to about 10 metres."""
    points = connection.execute(
        """
        with
        named as (
            select distinct round(latitude, 4) as latitude, round(longitude, 4) as longitude
            from (select latitude, longitude from incident union all select latitude, longitude from site_place)
            where latitude is not null and longitude is not null
        )
        select n.* from named as n anti join place using (latitude, longitude) order by all
        """
    ).fetchnumpy()
    latitudes, longitudes = _degrees(points)
    finest = cells(latitudes, longitudes, RESOLUTIONS[-1])
    coded = pyarrow.table(
        {
            "latitude": pyarrow.array(latitudes),
            "longitude": pyarrow.array(longitudes),
            "time_zone": pyarrow.array(time_zones(latitudes, longitudes), type=pyarrow.string()),
            **{f"cell_{r}": pyarrow.array(parent_cells(finest, r), type=pyarrow.string()) for r in RESOLUTIONS},
        }
    )
    _store(connection, coded, sql="insert into place by name select * from coded_places")


def _code_positions(connection: duckdb.DuckDBPyConnection, *, source: str) -> None:
    """Cells of a table's positions, coded once for each coordinate rounded to about 100 m: a cell is 2.4 km across.

    Trackers name millions of coordinates, which differ by less than a fix is accurate.
    """
    points = connection.execute(
        f"""
        with
        named as (
            select distinct round(latitude, 3) as latitude, round(longitude, 3) as longitude
            from {source}
            where latitude is not null and longitude is not null
        )
        select n.* from named as n anti join ping_cell using (latitude, longitude) order by all
        """
    ).fetchnumpy()
    latitudes, longitudes = _degrees(points)
    finest = cell_numbers(latitudes, longitudes, RESOLUTIONS[-1])
    coded = pyarrow.table(
        {
            "latitude": pyarrow.array(latitudes),
            "longitude": pyarrow.array(longitudes),
            "cell": pyarrow.array(finest),
            **{f"cell_{r}": pyarrow.array(parent_numbers(finest, r)) for r in RESOLUTIONS},
        }
    )
    named = ", ".join(f"lower(hex(cell_{r})) as cell_{r}" for r in RESOLUTIONS)
    _store(
        connection,
        coded,
        sql=f"insert into ping_cell by name select latitude, longitude, cell, {named} from coded_places",
    )


def _no_places() -> str:
    return f"select null::double as latitude, null::double as longitude, null::varchar as time_zone, {_NO_NAMES}"


def _no_cells() -> str:
    return f"select null::double as latitude, null::double as longitude, null::ubigint as cell, {_NO_NAMES}"


_NO_NAMES = ", ".join(f"null::varchar as cell_{r}" for r in RESOLUTIONS) + " where false"


def _degrees(points: Mapping[str, object]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(points["latitude"], dtype=np.float64), np.asarray(points["longitude"], dtype=np.float64)


def _store(connection: duckdb.DuckDBPyConnection, coded: pyarrow.Table, *, sql: str) -> None:
    """Run a statement that reads ``coded_places``."""
    connection.register("coded_places", coded)
    try:
        connection.execute(sql)
    finally:
        connection.unregister("coded_places")
