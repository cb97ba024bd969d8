"""Incidents as an insurer's file has them: own thefts and attempts, a carrier's reports, and the market's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from data.sample.accounts import Accounts
from data.sample.design import (
    AS_OF,
    DAY,
    END,
    FIRST_DAY,
    HOUR,
    LOCATION_SHARES,
    MARKET_EVENTS,
    MARKET_MEAN_VALUE,
    NIGHT_SHARE,
    STATE_SHARES,
    STRATEGIC_SHARE,
    WEEKDAY_SHARES,
    Clock,
    Floats,
    Ints,
    Size,
    day_of,
)
from data.sample.files import FeedFolder, keys, moments, optional, optional_text, take
from data.sample.network import City, Network
from data.sample.thefts import NONE, Events
from data.sample.trips import Trips

_CATEGORIES = (
    "theft from vehicle",
    "theft of trailer",
    "theft from facility",
    "theft of vehicle",
    "robbery",
    "hijacking",
)
_SPREAD = 1.1
_CARRIER_REPORTS = 12


def write_own_incidents(
    folder: FeedFolder, events: Events, *, trips: Trips, accounts: Accounts, network: Network, rng: np.random.Generator
) -> list[str | None]:
    """Write what is known by the data's date; gives the id of each event, None for those not yet reported."""
    known = np.flatnonzero(events.reported < END)
    order = known[np.argsort(events.began[known], kind="stable")]
    ids: list[str | None] = [None] * len(events)
    for number, row in enumerate(order.tolist()):
        ids[row] = f"X{number + 1:06d}"
    n = len(order)
    trip, lane, site = events.trip[order], events.lane[order], events.site[order]
    none = trip == NONE
    first = keys("H", trips.first_shipment[trip] + 1, width=8)
    lane_ids = [*(network.lane_id(i) for i in range(len(network.lanes))), None]
    site_ids = [*(network.site_id(i) for i in range(len(network.sites))), None]
    worth = events.known[order]
    loss = events.loss[order]
    # A value of goods found again is known only where the loss is.
    back = np.minimum(events.recovered[order], loss)
    filed = rng.random(n) < 0.62
    references = [f"PD-{k:06d}" if known else None for k, known in zip(rng.integers(1, 999_999, n), filed, strict=True)]
    folder.write(
        "incident",
        {
            "incident_id": pa.array([ids[row] for row in order.tolist()]),
            "source": pa.array(["own"] * n),
            "status": pa.array([events.status[row] for row in order.tolist()]),
            "insured_id": take([row.insured_id for row in accounts.insureds], events.insured[order]),
            "lane_id": take(lane_ids, np.where(lane == NONE, len(lane_ids) - 1, lane)),
            "site_id": take(site_ids, np.where(site == NONE, len(site_ids) - 1, site)),
            "trip_id": optional_text(keys("T", trip + 1, width=7), ~none),
            "shipment_id": optional_text(first, ~none),
            "category": pa.array([events.category[row] for row in order.tolist()]),
            "modus_operandi": pa.array([events.modus[row] for row in order.tolist()]),
            "location_kind": pa.array([events.location[row] for row in order.tolist()]),
            "latitude": events.latitude[order],
            "longitude": events.longitude[order],
            "location_precision_m": np.where(events.alarmed[order] != NONE, 50.0, 800.0),
            "occurred_from": moments(events.began[order]),
            "occurred_to": moments(np.minimum(events.ended[order], END - 60)),
            "first_alarm_at": moments(events.alarmed[order]),
            "detected_at": moments(events.detected[order]),
            "contained_at": moments(events.contained[order]),
            "closed_at": moments(events.closed[order]),
            "evidence_secured_at": moments(events.secured[order]),
            "insurer_notified_at": moments(events.notified[order]),
            "regulator_notified_at": moments(events.regulator[order]),
            "currency": take([row.currency for row in accounts.insureds], events.insured[order]),
            "loss_amount": optional(loss, worth),
            "goods_recovered_amount": optional(back, worth),
            "police_reference": pa.array(references, type=pa.string()),
        },
    )
    return ids


def write_other_incidents(folder: FeedFolder, *, size: Size, network: Network, rng: np.random.Generator) -> None:
    """Write what the market and carriers tell of thefts that are not our insureds': where and when, never a rate."""
    cities = network.cities["US"]
    clock = Clock([city.zone for city in cities])
    years: list[int] = []
    for year, events in MARKET_EVENTS.items():
        share = 0.5 if year in {FIRST_DAY.year, AS_OF.year} else 1.0
        years += [year] * round(events * share * size.market_share)
    n = len(years)
    city = _cities(cities, n, rng)
    occurred = _moments(np.array(years), city, clock, rng)
    known = rng.random(n) < 0.45
    value = np.zeros(n)
    for year, mean in MARKET_MEAN_VALUE.items():
        rows = np.flatnonzero((np.array(years) == year) & known)
        # Normal scores in a random order: the year's mean is then its published one, whatever the seed.
        scores = norm.ppf((rng.permutation(len(rows)) + 0.5) / max(len(rows), 1))
        value[rows] = np.round(mean * np.exp(_SPREAD * scores - _SPREAD**2 / 2), 0)
    deceptive = rng.random(n) < [STRATEGIC_SHARE[y] for y in years]
    category = np.where(deceptive, "fraud", rng.choice(_CATEGORIES, n, p=[0.36, 0.26, 0.2, 0.1, 0.05, 0.03]))
    kinds = np.array([k.replace("facility", "origin facility") if k == "facility" else k for k in LOCATION_SHARES])
    source = np.where(np.arange(n) % max(1, n // _CARRIER_REPORTS) == 0, "carrier", "market")
    order = np.argsort(occurred, kind="stable")
    folder.write(
        "incident",
        {
            "incident_id": keys("M", np.arange(1, n + 1), width=6),
            "source": pa.array(source[order]),
            "category": pa.array(category[order]),
            "modus_operandi": take((None, "fictitious pickup"), deceptive[order].astype(np.int64)),
            "location_kind": pa.array(rng.choice(kinds, n, p=list(LOCATION_SHARES.values()))),
            "latitude": np.round(np.array([cities[c].latitude for c in city])[order] + rng.normal(0, 0.04, n), 4),
            "longitude": np.round(np.array([cities[c].longitude for c in city])[order] + rng.normal(0, 0.05, n), 4),
            "location_precision_m": np.full(n, 8_000.0),
            "occurred_from": moments(occurred[order]),
            "occurred_to": moments(np.minimum(occurred[order] + rng.integers(1, 12, n) * HOUR, END - 60)),
            "currency": pa.array(["USD"] * n),
            "loss_amount": optional(value[order], known[order]),
        },
    )


def _cities(cities: Sequence[City], count: int, rng: np.random.Generator) -> Ints:
    """Cities of the market's thefts: states by their published shares, the rest of the country for what is left."""
    states = [*STATE_SHARES, "other"]
    shares = [*STATE_SHARES.values(), 1 - sum(STATE_SHARES.values())]
    by_state = {state: [i for i, c in enumerate(cities) if c.region == state] for state in STATE_SHARES}
    by_state["other"] = [i for i, c in enumerate(cities) if c.region not in STATE_SHARES]
    drawn = rng.choice(len(states), count, p=shares)
    chosen: Ints = np.array(
        [by_state[states[s]][int(rng.integers(len(by_state[states[s]])))] for s in drawn], dtype=np.int64
    )
    return chosen


def _moments(years: Ints, places: Ints, clock: Clock, rng: np.random.Generator) -> Ints:
    """Moments by the published shares of weekdays and of the night, in local time."""
    first, last = day_of(FIRST_DAY) // DAY, END // DAY - 2
    days = np.arange(first, last)
    weights: Floats = np.array(WEEKDAY_SHARES)[(days + 3) % 7]
    of_year = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    occurred = np.empty(len(years), dtype=np.int64)
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        chance = np.where(of_year == year, weights, 0.0)
        day = rng.choice(days, len(rows), p=chance / chance.sum())
        night = rng.random(len(rows)) < NIGHT_SHARE
        hour = np.where(night, rng.uniform(0, 6, len(rows)), rng.uniform(6, 24, len(rows)))
        local = day * DAY + (hour * HOUR).astype(np.int64)
        occurred[rows] = local - clock.offset(places[rows], local)
    return np.maximum(occurred, day_of(FIRST_DAY) + 60)
