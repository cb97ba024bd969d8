"""Small facts out of heavy events: runs data/marts/*.sql on the finished tables of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
from numpy.typing import NDArray

from data.casting import quote
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
from data.stopwatch import Stopwatch

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
)
RESOLUTIONS = (3, 5, 7)


def build_marts(connection: duckdb.DuckDBPyConnection, *, watch: Stopwatch) -> None:
    """Build every mart of a snapshot; contract tables that it lacks are read as empty."""
    present = {
        row[0] for row in connection.execute("select table_name from duckdb_tables() where not temporary").fetchall()
    }
    lacking = [table for name, table in contract().items() if name not in present]
    for table in lacking:
        connection.execute(f"create temp view {quote(table.name)} as {empty(table)}")
    try:
        connection.execute("set variable base_currency = (select base_currency from snapshot)")
        connection.execute("set variable reporting_timezone = (select reporting_timezone from snapshot)")
        connection.execute("set variable plan_rate_date = (select plan_rate_date from snapshot)")
        # Money in base currency stays exact to the last digit; a product that fits no amount is none.
        connection.execute(
            "create or replace temp macro in_base(amount, rate) as case when rate = 1 then amount::decimal(38, 4)"
            " else try_cast(amount::double * rate as decimal(38, 4)) end"
        )
        with watch.phase("mart places"):
            _place_sites(connection)
            _code_places(connection)
            _code_positions(connection)
        for name in ORDER:
            with watch.phase(f"mart {name}"):
                connection.execute((MARTS / f"{name}.sql").read_text(encoding="utf-8"))
    finally:
        for table in lacking:
            connection.execute(f"drop view {quote(table.name)}")


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
        select distinct round(latitude, 4) as latitude, round(longitude, 4) as longitude
        from (select latitude, longitude from incident union all select latitude, longitude from site_place)
        where latitude is not null and longitude is not null
        order by all
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
    _store(connection, coded, sql="create or replace table place as select * from coded_places")


def _code_positions(connection: duckdb.DuckDBPyConnection) -> None:
    """Cells of every position, coded once for each coordinate rounded to about 100 m: a cell is 2.4 km across.

    Trackers name millions of coordinates, which differ by less than a fix is accurate.
    """
    points = connection.execute(
        """
        select distinct round(latitude, 3) as latitude, round(longitude, 3) as longitude
        from ping
        where latitude is not null and longitude is not null
        order by all
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
        sql=f"create or replace table ping_cell as select latitude, longitude, cell, {named} from coded_places",
    )


def _degrees(points: Mapping[str, object]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(points["latitude"], dtype=np.float64), np.asarray(points["longitude"], dtype=np.float64)


def _store(connection: duckdb.DuckDBPyConnection, coded: pyarrow.Table, *, sql: str) -> None:
    """Run a statement that reads ``coded_places``."""
    connection.register("coded_places", coded)
    try:
        connection.execute(sql)
    finally:
        connection.unregister("coded_places")
