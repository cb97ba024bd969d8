"""Fleets whose truth is known: trips with their dark hours drawn directly, as the marts would hold them.

A book has 16 carriers of one account each. A trip lasts 2 to 40 hours, half of them over 14; blackouts begin at random
and last 30 minutes on average, and devices differ in how often (gamma, coefficient of variation 0.5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import numpy as np
import pandas as pd

from analysis.service_measures import SERVICE_MEASURES, defined
from analysis.service_spread import LARGEST_SHARE, LEAST_INSUREDS, TWO_LARGEST_SHARE, spread_query
from data.marts import MARTS
from data.portfolio import View

UPTIME = SERVICE_MEASURES["uptime"]
#: Share of the time in which a device is usually dark.
USUAL_DARK = 0.012
CARRIERS = 16
PLANTED = "C00"
_BLACKOUT_HOURS = 0.5
_DEVICE_VARIATION = 0.5


@dataclass(frozen=True)
class Fleet:
    """One carrier's trips: how many in all, on how many devices, and the share of the time dark, one a month."""

    trips: int
    devices: int
    dark: Sequence[float]


class DrawnView:
    """A connection that is asked like a view of a portfolio."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def frame(self, sql: str, params: Mapping[str, object] | None = None) -> pd.DataFrame:
        """All rows of one statement as a data frame."""
        return self.connection.execute(sql, params or {}).df()

    def rows(self, sql: str, params: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self.connection.execute(sql, params or {}).fetchall()

    def arrays(self, sql: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
        """All rows of one statement as an array a column."""
        return self.connection.execute(sql, params or {}).fetchnumpy()

    def lasting_rows(self, sql: str, **params: object) -> list[tuple[Any, ...]]:
        """All rows of one statement that no filter changes; there are none here."""
        return self.rows(sql, params)


def draw_trips(generator: np.random.Generator, fleet: Fleet, *, carrier: str) -> pd.DataFrame:
    """The trips of a fleet: so many in all, evenly over the months, one share of darkness a month."""
    months = len(fleet.dark)
    month = np.sort(np.arange(fleet.trips) % months)
    device = generator.integers(0, fleet.devices, fleet.trips)
    shape = _DEVICE_VARIATION**-2
    factor = generator.gamma(shape, 1 / shape, fleet.devices)[device]
    hours = np.clip(14 * np.exp(0.5 * generator.normal(size=fleet.trips)), 2, 40)
    blackouts = generator.poisson(np.asarray(fleet.dark)[month] * factor * hours / _BLACKOUT_HOURS)
    dark = np.minimum(generator.gamma(np.maximum(blackouts, 1e-9), _BLACKOUT_HOURS), hours)
    return pd.DataFrame(
        {
            "insured_id": f"I{carrier}",
            "carrier_id": carrier,
            "device": device,
            "month_number": month,
            "window_s": hours * 3600,
            "dark_s": np.where(blackouts > 0, dark, 0.0) * 3600,
        }
    )


def draw_view(generator: np.random.Generator, fleets: Mapping[str, Fleet]) -> View:
    """A book of these fleets, with what the whole book teaches of uptime, asked like a view."""
    trips = pd.concat([draw_trips(generator, fleet, carrier=name) for name, fleet in fleets.items()])
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.register("drawn", trips)
    connection.execute(
        "create table trip_telemetry as select row_number() over () as trip_no, * exclude (month_number, device),"
        " carrier_id || '-' || device as device_id,"
        " (date '2024-01-01' + to_months(month_number::integer))::date as month, true as is_due, 1.0 as part,"
        " (window_s // 300)::bigint as slots_due from drawn"
    )
    connection.unregister("drawn")
    connection.execute("create table carrier as select distinct carrier_id, carrier_id as name from trip_telemetry")
    connection.execute((MARTS / "service_spread.sql").read_text(encoding="utf-8"))
    connection.execute(
        spread_query(defined(UPTIME)),
        {
            "measure": "uptime",
            "definition": "schedule",
            "least": LEAST_INSUREDS,
            "largest": LARGEST_SHARE,
            "two": TWO_LARGEST_SHARE,
        },
    )
    return cast("View", DrawnView(connection))
