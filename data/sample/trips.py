"""Trips: when, on which lane, for whom, by whom, with what, and how far each has come at any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.sample.accounts import (
    DARK_AT_LOSS,
    DARK_AT_LOSS_FLEET,
    DARK_CARRIER_USER,
    DARK_DEVICES,
    FALLING_DEVICES,
    FALLING_FLEET,
    FEW_DEVICES,
    LATE_REPORTER,
    ONLINE_SHOP,
    ROUNDS,
    Accounts,
)
from data.sample.design import (
    COMMODITIES,
    DAY,
    DAYS,
    END,
    HOUR,
    PARCELS,
    PING_SECONDS,
    START,
    Flags,
    Floats,
    Ints,
    Size,
)
from data.sample.network import HOURS_APART, KM_APART, Network

#: Share of trips with a tracker, of accounts that track and of all others.
TRACKED, HARDLY_TRACKED = 0.95, 0.10
_WEEKDAY_TRAFFIC = np.array([1.1, 1.15, 1.15, 1.15, 1.05, 0.55, 0.35])
NEVER = np.iinfo(np.int64).max


class Ways:
    """Where a trip on a lane is after so many hours: every lane's clock and line, laid end to end."""

    def __init__(self, network: Network) -> None:
        lanes = network.lanes
        self._hours = np.concatenate([i * HOURS_APART + lane.hours for i, lane in enumerate(lanes)])
        self._progress = np.concatenate([lane.progress for lane in lanes])
        steps = np.diff(self._hours)
        self._speed = np.append(np.where(steps > 0, np.diff(self._progress) / np.maximum(steps, 1e-9), 0.0), 0.0)
        self._km = np.concatenate([i * KM_APART + lane.kilometres for i, lane in enumerate(lanes)])
        self._latitude = np.concatenate([lane.latitudes for lane in lanes])
        self._longitude = np.concatenate([lane.longitudes for lane in lanes])
        self.hours = np.array([lane.hours[-1] for lane in lanes])

    def place(self, lanes: Ints, hours: Floats) -> tuple[Floats, Floats, Floats]:
        """Latitude, longitude and speed (km/h) on each lane after as many of its hours."""
        clock = lanes * HOURS_APART + np.clip(hours, 0.0, self.hours[lanes])
        at = np.searchsorted(self._hours, clock, side="right") - 1
        km = lanes * KM_APART + self._progress[at] + (clock - self._hours[at]) * np.maximum(self._speed[at], 0.0)
        return np.interp(km, self._km, self._latitude), np.interp(km, self._km, self._longitude), self._speed[at]


@dataclass
class Trips:
    """All trips in the order of departure; an array each, moments in seconds since 1970, UTC."""

    lane: Ints
    insured: Ints
    carrier: Ints
    departed: Ints
    pace: Floats
    """Duration over the lane's usual one."""
    commodity: Ints
    value: Floats
    """Of all goods on board, currency of the account."""
    shipments: Ints
    first_shipment: Ints
    tracked: Flags
    sealed: Flags
    planned: Ints
    """Arrival if nothing happens."""
    scheduled: Ints
    stolen_at: Ints
    """When the whole load was taken; NEVER for all that arrive."""
    tracking: list[int]
    """Accounts that track nearly all their trips."""

    def __len__(self) -> int:
        return len(self.lane)

    @property
    def arrives(self) -> Flags:
        """Does it arrive, within the time that the data cover?"""
        flags: Flags = (self.stolen_at == NEVER) & (self.planned < END)
        return flags


def build_trips(size: Size, network: Network, accounts: Accounts, ways: Ways, rng: np.random.Generator) -> Trips:
    """Send the trips of a sample on their way."""
    shares = np.array([lane.share for lane in network.lanes]) * size.trips
    counts = np.floor(shares).astype(np.int64)
    rest = np.argsort(counts - shares, kind="stable")[: size.trips - int(counts.sum())]
    counts[rest] += 1
    lane = np.repeat(np.arange(len(counts)), counts)
    departed = _departures(lane, network, rng)
    order = np.argsort(departed, kind="stable")
    lane, departed = lane[order], departed[order]
    insured = _insureds(lane, accounts, rng)
    last_mile = np.array([row.last_mile for row in network.lanes])[lane]
    commodity = _commodities(insured, last_mile, accounts, rng)
    load = np.array([c.load_value for c in COMMODITIES])[commodity]
    value = np.round(load * np.exp(0.45 * rng.standard_normal(len(lane)) - 0.1), 2)
    shipments = _shipment_counts(last_mile, size, rng)
    pace = rng.uniform(0.975, 1.16, len(lane))
    pace[last_mile] = rng.uniform(0.9, 1.08, int(last_mile.sum()))
    carrier = _carriers(lane, insured, last_mile, network, accounts, rng)
    tracking, tracked = _tracking(insured, ways.hours[lane] * pace, size, rng)
    tracked |= (carrier == FEW_DEVICES) & (insured == DARK_CARRIER_USER)
    hours = ways.hours[lane]
    return Trips(
        lane=lane,
        insured=insured,
        carrier=carrier,
        departed=departed,
        pace=pace,
        commodity=commodity,
        value=value,
        shipments=shipments,
        first_shipment=np.concatenate([[0], np.cumsum(shipments)[:-1]]),
        tracked=tracked,
        sealed=~last_mile & (rng.random(len(lane)) < 0.8),
        planned=departed + (hours * pace * HOUR).astype(np.int64),
        scheduled=departed + ((hours * 1.08 + 1.5) * HOUR).astype(np.int64),
        stolen_at=np.full(len(lane), NEVER),
        tracking=tracking,
    )


def _departures(lane: Ints, network: Network, rng: np.random.Generator) -> Ints:
    """Moments of departure: more each year and before Christmas, fewer at weekends, most in the local morning."""
    days = np.arange(DAYS)
    dates = (START // DAY + days).astype("datetime64[D]")
    weekday = (START // DAY + days + 3) % 7
    month = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    weights = np.exp(0.08 * days / 365.25) * _WEEKDAY_TRAFFIC[weekday] * np.where(month >= 11, 1.15, 1.0)
    day = rng.choice(DAYS, len(lane), p=weights / weights.sum())
    part = rng.random(len(lane))
    hour = np.where(part < 0.4, rng.uniform(5, 11, len(lane)), rng.uniform(13, 22, len(lane)))
    hour = np.where(part > 0.85, rng.uniform(22, 29, len(lane)), hour)
    last_mile = np.array([row.last_mile for row in network.lanes])[lane]
    hour[last_mile] = rng.uniform(6, 9, int(last_mile.sum()))
    local = START + day * DAY + (hour * HOUR).astype(np.int64)
    origins = np.array([row.origin for row in network.lanes])[lane]
    departed: Ints = np.clip(local - network.clock.offset(origins, local), START + 60, END - 600)
    return departed


def _insureds(lane: Ints, accounts: Accounts, rng: np.random.Generator) -> Ints:
    """The account of each trip: a draw among the users of its lane."""
    most = max(len(users) for users, _ in accounts.users)
    ids = np.zeros((len(accounts.users), most), dtype=np.int64)
    reach = np.ones((len(accounts.users), most))
    for number, (users, weights) in enumerate(accounts.users):
        ids[number, : len(users)] = users
        reach[number, : len(users)] = np.cumsum(weights)
        reach[number, len(users) - 1 :] = 2.0
    insureds: Ints = ids[lane, (rng.random(len(lane))[:, None] >= reach[lane]).sum(axis=1)]
    return insureds


def _commodities(insured: Ints, last_mile: Flags, accounts: Accounts, rng: np.random.Generator) -> Ints:
    """Half of an account's trips carry its own commodity, the others what everyone carries."""
    common = np.array([0.22, 0.18, 0.14, 0.12, 0.06, 0.12, 0.06, 0.06, 0.04])
    segment = np.array([row.segment for row in accounts.insureds])[insured]
    other = rng.choice(PARCELS, len(insured), p=common)
    commodity = np.where((rng.random(len(insured)) < 0.5) & (segment != PARCELS), segment, other)
    commodities: Ints = np.where(last_mile, PARCELS, commodity)
    return commodities


def _shipment_counts(last_mile: Flags, size: Size, rng: np.random.Generator) -> Ints:
    rounds = int(last_mile.sum())
    counts = np.ones(len(last_mile), dtype=np.int64)
    counts[last_mile] = 12 + rng.poisson(4.0, rounds)
    mean = (size.shipments - int(counts[last_mile].sum())) / (len(last_mile) - rounds) - 1
    counts[~last_mile] += rng.poisson(mean, len(last_mile) - rounds)
    while gap := size.shipments - int(counts.sum()):
        able = np.flatnonzero(~last_mile & (counts > 1)) if gap < 0 else np.flatnonzero(~last_mile)
        chosen = rng.choice(able, min(abs(gap), len(able)), replace=False)
        counts[chosen] += np.sign(gap)
    return counts


def _carriers(
    lane: Ints, insured: Ints, last_mile: Flags, network: Network, accounts: Accounts, rng: np.random.Generator
) -> Ints:
    """Who drives: some accounts have a fleet of their own, all others choose among the carriers of their side."""
    total = len(accounts.carriers)
    european = np.array([i for i, (_, _, country) in enumerate(accounts.carriers) if country != "US" and i < total - 2])
    general = np.array([i for i in range(6, total - 2) if i not in set(european.tolist())])
    area = np.array([row.area == "EU" for row in network.lanes])[lane]
    mode = np.array([("road", "last mile", "air", "ocean").index(row.mode) for row in network.lanes])[lane]
    draw = rng.random(len(lane))
    carrier = rng.choice(general, len(lane))
    # The carriers with a planted truth serve one market, whatever the number of carriers.
    carrier = np.where(draw < 0.10, LATE_REPORTER, carrier)
    carrier = np.where((draw >= 0.10) & (draw < 0.14), DARK_DEVICES, carrier)
    fleets = ((DARK_AT_LOSS, DARK_AT_LOSS_FLEET, 0.85), (FALLING_FLEET, FALLING_DEVICES, 0.85))
    for owner, fleet, share in fleets:
        carrier = np.where((insured == owner) & (draw < share), fleet, carrier)
    user = insured == DARK_CARRIER_USER
    carrier = np.where(user & (draw >= 0.14) & (draw < 0.45), DARK_DEVICES, carrier)
    few = np.flatnonzero(user & (draw >= 0.45))
    carrier[few[:: max(1, len(few) // 24)]] = FEW_DEVICES
    carrier = np.where(area, rng.choice(european, len(lane)), carrier)
    carrier = np.where(last_mile | (insured == ONLINE_SHOP), ROUNDS, carrier)
    carriers: Ints = np.where(mode == 2, total - 2, np.where(mode == 3, total - 1, carrier))
    return carriers


def _tracking(insured: Ints, hours: Floats, size: Size, rng: np.random.Generator) -> tuple[list[int], Flags]:
    """Which accounts track nearly all trips? Those with a planted truth, then others until the positions suffice."""
    due = np.bincount(insured, weights=hours, minlength=size.insureds) * HOUR / PING_SECONDS * 0.965
    tracking = [ONLINE_SHOP, DARK_AT_LOSS, DARK_CARRIER_USER, FALLING_FLEET]
    wanted = size.pings - HARDLY_TRACKED * due.sum() - (TRACKED - HARDLY_TRACKED) * due[tracking].sum()
    for account in np.argsort(-due, kind="stable").tolist():
        more = (TRACKED - HARDLY_TRACKED) * due[account]
        if account not in tracking and more <= wanted:
            tracking.append(account)
            wanted -= more
    share = np.full(size.insureds, HARDLY_TRACKED)
    share[tracking] = TRACKED
    return sorted(tracking), rng.random(len(insured)) < share[insured]
