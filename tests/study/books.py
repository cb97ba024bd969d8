"""Books whose truth is known: marts drawn directly, as the loader would have left them, with nothing read from files.

Each book has 300 lanes between 60 sites of 20 cities, 12 quarters, three commodity groups and two modes that differ in
risk, a trend, and an exposure per lane that varies a hundredfold. What differs between worlds is the lanes' own risk.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from data.marts import MARTS

Array = NDArray[np.float64]

WORLDS = {
    "spread": "every lane has a risk of its own, gamma with coefficient of variation 0.6; neighbours are no more alike",
    "planted": "1 lane in 20 has 3 times the risk of the others, which are equal",
    "hubs": "lanes that touch one of 3 sites have 2.5 times the risk; each varies besides, coefficient 0.3",
    "equal": "every lane has the same risk: whatever is found is false",
}
SITES, CITIES, LANES = 60, 20, 300
QUARTERS = pd.date_range("2023-07-01", "2026-04-01", freq="QS")
COMMODITIES = ("food", "electronics", "apparel")
_COMMODITY_RISK = np.array([0.8, 1.6, 1.0])
#: Median loss of a theft, base currency; the logarithm's deviation; and where the product caps a loss.
_MEDIAN_LOSS = np.array([40_000.0, 110_000.0, 60_000.0])
_LOG_DEVIATION, _CAP = 1.0, 250_000.0
_VALUED = 0.5
_TRIPS = 200_000
_MARTS = """
create table snapshot as select 'USD' as base_currency;
create table fit_window as
select date '2026-06-30' as known_to, date '2026-06-30' as reported_to, date '2023-07-01' as first_month,
    date '2026-05-01' as end_month, 1000::decimal(18, 4) as threshold_base;
create table lane_key as select lane_id, lane_id as label, 'road' as mode, 'line haul' as segment, origin_site_id,
    destination_site_id, null::varchar as corridor, null::varchar as corridor_label from drawn_lanes;
create table site_place as select site_id, site_id as name, latitude, longitude from drawn_sites;
create table lane_month as select insured_id, null::varchar as carrier_id, lane_id, commodity, mode,
    'line haul' as segment, month::date as month, true as in_fit, units, units * 100000.0 as value_base
    from drawn_cells;
create table site_month as select *, null::varchar as site_id from lane_month where false;
create table theft_fact as select incident_id, insured_id, null::varchar as carrier_id, lane_id, site_id, commodity,
    mode, month::date as month, 'line haul' as segment, loss_base, null::varchar as left_out,
    'without exposure' as left_out_at_site from drawn_thefts;
create table incident_fact (source varchar, is_attempt boolean);
create table deductible_key (insured_id varchar, deductible_base decimal(38, 4), is_above boolean);
create table claim_fact (incident_id varchar);
create table reporting_delay as select 'incident' as basis, 1 as lag_days, 365 as age_days, count(*) as events
    from drawn_thefts;
"""


@dataclass(frozen=True)
class Book:
    """A drawn book.

    Attributes
    ----------
    lanes
        By lane: ``lane_id``, both sites, ``units``, ``due`` (true expected thefts at the book's mean risk), ``ratio``
        (its true risk over the book's mean), ``severity`` (true mean of its capped losses), ``planted`` (whether its
        world gave it, or a site of it, a higher risk).
    sites
        ``site_id``, ``latitude``, ``longitude``, ``planted``.
    thefts
        ``lane_id`` and ``site_id``: the end of the lane where it happened.
    cells
        Exposure by lane, quarter, commodity and mode.
    """

    lanes: pd.DataFrame
    sites: pd.DataFrame
    thefts: pd.DataFrame
    cells: pd.DataFrame

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A snapshot in memory, ready to be fitted."""
        connection = duckdb.connect(":memory:", config={"threads": 1})
        drawn = {"lanes": self.lanes, "sites": self.sites, "cells": self.cells, "thefts": self.thefts}
        for name, frame in drawn.items():
            connection.register(f"drawn_{name}", frame)
        connection.execute(_MARTS)
        connection.execute((MARTS / "model_tables.sql").read_text(encoding="utf-8"))
        for name in drawn:
            connection.unregister(f"drawn_{name}")
        return connection


def draw_book(generator: np.random.Generator, *, world: str, thefts: int) -> Book:
    """A book of a world, with so many thefts expected in its window."""
    sites = _draw_sites(generator)
    lanes = _draw_lanes(generator, sites)
    risk, planted = _draw_risks(generator, world, lanes, sites)
    cells = _draw_exposure(generator, lanes)
    quarter = np.linspace(0.8, 1.3, len(QUARTERS)) * generator.gamma(40, 1 / 40, len(QUARTERS))
    lane = cells["lane"].to_numpy()
    kind = cells["kind"].to_numpy()
    mean = cells["units"].to_numpy() * _COMMODITY_RISK[kind] * quarter[cells["period"].to_numpy()]
    mean = mean * np.where(cells["mode"] == "air", 0.6, 1.0)
    scale = thefts / (mean * risk[lane]).sum()
    # Thefts of a lane at the mean risk of the book: that of its thefts, not of its lanes.
    due = np.bincount(lane, weights=mean * scale, minlength=LANES)
    middle = float((due * risk).sum() / due.sum())
    counts = generator.poisson(mean * scale * risk[lane])
    loss = _capped_mean()[kind]
    # A lane without a trip has no losses; nothing is fitted on it either.
    weight = np.maximum(np.bincount(lane, weights=mean, minlength=LANES), 1e-300)
    severity = np.bincount(lane, weights=mean * loss, minlength=LANES) / weight
    drawn = cells.loc[np.repeat(cells.index.to_numpy(), counts)].reset_index(drop=True)
    value = _MEDIAN_LOSS[drawn["kind"]] * np.exp(_LOG_DEVIATION * generator.normal(size=len(drawn)))
    known = generator.random(len(drawn)) < _VALUED
    ends = lanes[["origin_site_id", "destination_site_id"]].to_numpy()[drawn["lane"]]
    stolen = drawn.assign(
        incident_id=[f"N{number}" for number in range(len(drawn))],
        site_id=ends[np.arange(len(drawn)), generator.integers(0, 2, len(drawn))],
        loss_base=np.where(known, np.maximum(value, 1_000.0), np.nan),
    )
    stolen["loss_base"] = stolen["loss_base"].astype(object).where(known, None)
    truth = lanes.assign(
        units=np.bincount(lane, weights=cells["units"], minlength=LANES),
        due=due * middle,
        ratio=risk / middle,
        severity=severity,
        planted=planted,
    )
    return Book(truth, sites, stolen.astype({"loss_base": "float64"}), cells)


def _capped_mean() -> Array:
    """Mean of a log-normal loss, capped, of each commodity."""
    reach = (np.log(_CAP / _MEDIAN_LOSS)) / _LOG_DEVIATION
    below = np.exp(_LOG_DEVIATION**2 / 2) * special.ndtr(reach - _LOG_DEVIATION)
    mean: Array = _MEDIAN_LOSS * below + _CAP * special.ndtr(-reach)
    return mean


def _draw_sites(generator: np.random.Generator) -> pd.DataFrame:
    """Sites lie within some 20 km of the middle of their city; cities in a box as wide as the United States."""
    city = np.concatenate([np.arange(CITIES), generator.integers(0, CITIES, SITES - CITIES)])
    latitude, longitude = generator.uniform(30, 45, CITIES), generator.uniform(-118, -78, CITIES)
    return pd.DataFrame(
        {
            "site_id": [f"S{number:02d}" for number in range(SITES)],
            "latitude": latitude[city] + generator.normal(0, 0.15, SITES),
            "longitude": longitude[city] + generator.normal(0, 0.15, SITES),
            "weight": generator.lognormal(0, 0.7, SITES),
        }
    )


def _draw_lanes(generator: np.random.Generator, sites: pd.DataFrame) -> pd.DataFrame:
    """Lanes between busy sites first: pairs drawn by the product of their weights."""
    weight = np.outer(sites["weight"], sites["weight"])
    np.fill_diagonal(weight, 0.0)
    pairs = generator.choice(SITES * SITES, LANES, replace=False, p=weight.ravel() / weight.sum())
    names = sites["site_id"].to_numpy()
    return pd.DataFrame(
        {
            "lane_id": [f"L{number:03d}" for number in range(LANES)],
            "origin_site_id": names[pairs // SITES],
            "destination_site_id": names[pairs % SITES],
        }
    )


def _draw_risks(
    generator: np.random.Generator, world: str, lanes: pd.DataFrame, sites: pd.DataFrame
) -> tuple[Array, NDArray[np.bool_]]:
    """Each lane's risk before it is set against the book's mean, and which lanes are planted."""
    planted = np.zeros(LANES, dtype=np.bool_)
    if world == "spread":
        return generator.gamma(0.6**-2, 0.6**2, LANES), planted
    if world == "planted":
        planted[generator.choice(LANES, LANES // 20, replace=False)] = True
        return np.where(planted, 3.0, 1.0), planted
    if world == "hubs":
        touching = pd.concat([lanes["origin_site_id"], lanes["destination_site_id"]]).value_counts()
        hubs = generator.choice(sorted(touching.index[touching >= 6]), 3, replace=False)
        planted = (lanes["origin_site_id"].isin(hubs) | lanes["destination_site_id"].isin(hubs)).to_numpy()
        return np.where(planted, 2.5, 1.0) * generator.gamma(0.3**-2, 0.3**2, LANES), planted
    return np.ones(LANES), planted


def _draw_exposure(generator: np.random.Generator, lanes: pd.DataFrame) -> pd.DataFrame:
    """Trips by lane, quarter and commodity; most of a lane's goods are of one commodity, and all of one mode."""
    volume = generator.lognormal(0, 1.2, LANES)
    shares = generator.dirichlet(np.full(len(COMMODITIES), 0.5), LANES)
    mode = np.where(generator.random(LANES) < 0.15, "air", "road")
    insured = generator.integers(1, 13, (LANES, len(COMMODITIES)))
    lane, period, kind = (
        axis.ravel()
        for axis in np.meshgrid(np.arange(LANES), np.arange(len(QUARTERS)), np.arange(len(COMMODITIES)), indexing="ij")
    )
    mean = volume[lane] * shares[lane, kind] * np.linspace(0.7, 1.3, len(QUARTERS))[period]
    cells = pd.DataFrame(
        {
            "lane": lane,
            "period": period,
            "kind": kind,
            "lane_id": lanes["lane_id"].to_numpy()[lane],
            "month": QUARTERS[period],
            "commodity": np.array(COMMODITIES)[kind],
            "mode": mode[lane],
            "insured_id": [f"I{number}" for number in insured[lane, kind]],
            "units": generator.poisson(mean * _TRIPS / mean.sum()).astype(np.float64),
        }
    )
    return cells[cells["units"] > 0].reset_index(drop=True)
