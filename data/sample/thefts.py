"""Thefts: which trips are robbed, where and when on their way, how much is gone, and how fast somebody noticed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.sample.accounts import DARK_AT_LOSS, HIGH_DEDUCTIBLE, LATE_REPORTER, Accounts
from data.sample.design import (
    BAD_YEAR,
    BAD_YEAR_FACTOR,
    COMMODITIES,
    CONTROL_CUT,
    CONTROL_FROM,
    DAY,
    END,
    HOUR,
    LOCATION_SHARES,
    PLANTED_RATIO,
    PLANTED_SITE_RATIO,
    RECOVERED_SHARE,
    SMALL_RATIO,
    START,
    STRATEGIC_SHARE,
    WEEKDAY_SHARES,
    Flags,
    Floats,
    Ints,
    Size,
    day_of,
    draw_evenly,
    lognormal,
    year_of,
)
from data.sample.network import Network
from data.sample.trips import NEVER, Trips, Ways

#: Planted thefts happen early enough to be known, and to be older than the immature 60 days.
_LATEST_PLANTED = END - 110 * DAY
_STRATEGIC = ("fictitious pickup", "misdirection", "double brokering")
_PILFERING = ("lock broken", "curtain slashed", "seal bypassed", "insider", "distraction")
_TAKING = ("trailer taken", "truck taken", "follow and steal", "insider")
_PARKED = ("unsecured parking", "truck stop", "rest area", "secured parking", "third-party facility")
NONE = -1


@dataclass
class Events:
    """Own thefts and attempts, an array each; moments in seconds since 1970, NONE where there is none."""

    trip: Ints
    insured: Ints
    lane: Ints
    site: Ints
    attempt: Flags
    full: Flags
    category: list[str]
    modus: list[str]
    location: list[str]
    latitude: Floats
    longitude: Floats
    began: Ints
    ended: Ints
    dark: Flags
    """A tracker was on board and was silenced for the theft."""
    alarmed: Ints
    detected: Ints
    contained: Ints
    closed: Ints
    secured: Ints
    notified: Ints
    regulator: Ints
    reported: Ints
    """When it is first known to the insurer."""
    loss: Floats
    known: Flags
    recovered: Floats
    status: list[str]

    def __len__(self) -> int:
        return len(self.trip)


@dataclass(frozen=True)
class Planted:
    """What was planted, as counted: expected at the portfolio's rate and put there, by name of the group."""

    trips: Ints
    expected: dict[str, float]
    counts: dict[str, int]
    before_and_after: tuple[float, int, float, int]
    """Treated lanes: expected without the control and put there, before and after it."""


def choose_trips(size: Size, trips: Trips, network: Network, rng: np.random.Generator) -> Planted:
    """Which trips are robbed? Planted lanes and sites get set counts, all other trips share what is left."""
    line_haul = np.array([not lane.last_mile for lane in network.lanes])[trips.lane]
    air_or_sea = np.array([lane.mode in {"air", "ocean"} for lane in network.lanes])[trips.lane]
    in_last_mile, in_store = round(0.05 * size.thefts), max(4, round(0.035 * size.thefts))
    total = size.thefts - in_last_mile - in_store
    year = np.where(year_of(trips.departed) == BAD_YEAR, BAD_YEAR_FACTOR, 1.0)
    relativity = np.array([c.theft_relativity for c in COMMODITIES])[trips.commodity]
    midway = trips.departed + (trips.planned - trips.departed) // 2
    weekday = (midway // DAY + 3) % 7
    seen = np.bincount(weekday, minlength=7) / len(trips)
    weight = year * relativity * (np.array(WEEKDAY_SHARES) / seen)[weekday]
    weight = weight * np.where(air_or_sea, 0.3, 1.0) * np.where(trips.insured == HIGH_DEDUCTIBLE, 0.4, 1.0)
    early = trips.departed < _LATEST_PLANTED
    groups = {
        "planted lane": ([network.planted_lane], PLANTED_RATIO),
        "planted site": (network.site_lanes, PLANTED_SITE_RATIO),
        "even lane": ([network.even_lane], 1.0),
    }
    groups |= {f"small lane {k + 1}": ([lane], SMALL_RATIO) for k, lane in enumerate(network.small_lanes)}
    free = line_haul.copy()
    drawn: list[Ints] = []
    expected: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, (lanes, ratio) in groups.items():
        rows = np.isin(trips.lane, lanes)
        free &= ~rows
        expected[name] = total * float(rows.sum() / line_haul.sum())
        # A ratio of 1 is the portfolio's own rate: rounded, not rounded up.
        counts[name] = int(np.ceil(ratio * expected[name])) if ratio > 1 else round(expected[name])
        wanted = counts[name]
        if name == "planted lane":
            tracked = rows & early & (trips.insured == DARK_AT_LOSS) & trips.tracked
            first = draw_evenly(weight * tracked, max(8, wanted // 4), rng)
            drawn.append(first)
            wanted -= len(first)
            rows[first] = False
            rows &= trips.insured != DARK_AT_LOSS
        drawn.append(draw_evenly(weight * (rows & early), wanted, rng))
    treated = np.isin(trips.lane, network.treated_lanes)
    free &= ~treated
    after = trips.departed >= day_of(CONTROL_FROM)
    known = line_haul & (trips.departed < END - 20 * DAY)
    per_weight = 0.9 * total / float(year[line_haul].sum())
    marks: list[float | int] = []
    for rows, left in ((treated & ~after, 1.0), (treated & after & known, 1.0 - CONTROL_CUT)):
        without = per_weight * float(year[rows].sum())
        chosen = draw_evenly(weight * rows, round(without * left), rng)
        drawn.append(chosen)
        marks += [without, len(chosen)]
    rest = total - sum(len(chosen) for chosen in drawn)
    drawn.append(draw_evenly(weight * free, rest, rng))
    drawn.append(draw_evenly(weight * ~line_haul, in_last_mile, rng))
    robbed = np.sort(np.concatenate(drawn))
    before_and_after = (float(marks[0]), int(marks[1]), float(marks[2]), int(marks[3]))
    return Planted(robbed, expected, counts, before_and_after)


def choose_attempts(size: Size, trips: Trips, network: Network, robbed: Ints, rng: np.random.Generator) -> Ints:
    """Which trips see an attempt that fails? Fourteen or more of them at the hub that is slow to contain."""
    weight = np.ones(len(trips))
    weight[robbed] = 0.0
    weight[trips.departed > END - 15 * DAY] = 0.0
    slow = np.isin(
        trips.lane, [i for i, lane in enumerate(network.lanes) if network.slow_site in {lane.origin, lane.destination}]
    )
    at_hub = draw_evenly(weight * slow, max(14, round(0.03 * size.thefts)), rng)
    weight[slow] = 0.0
    others = draw_evenly(weight, round(0.45 * size.thefts), rng)
    return np.sort(np.concatenate([at_hub, others]))


@dataclass
class _Spot:
    location: str
    site: int
    hours: Floats


def _spot(kind: str, trip: int, trips: Trips, network: Network, *, at_site: int, rng: np.random.Generator) -> _Spot:
    """The place and the hours of the lane's clock in which a theft of this kind can happen to this trip."""
    lane = network.lanes[int(trips.lane[trip])]
    leaves, lands = (float(lane.hours[1]), float(lane.hours[-2]))
    if lane.last_mile:
        return _Spot("en route" if kind == "facility" else kind, NONE, rng.uniform(leaves, lands, 12))
    origin = at_site == lane.origin if at_site != NONE else rng.random() < 0.5
    if kind == "facility" or at_site != NONE or lane.mode != "road":
        if origin:
            return _Spot("origin facility", lane.origin, rng.uniform(0.05, leaves, 12))
        return _Spot("destination facility", lane.destination, rng.uniform(lands, float(lane.hours[-1]) - 0.1, 12))
    if kind == "en route" or not lane.stops:
        return _Spot("en route", NONE, rng.uniform(leaves, lands, 12))
    spans = np.array([[begins, ends] for begins, ends, _ in lane.stops])
    # A night's rest is 16 times as long as a break: nearly all thefts from parked trucks fall into it.
    chosen = rng.choice(len(spans), 12, p=(spans[:, 1] - spans[:, 0]) / (spans[:, 1] - spans[:, 0]).sum())
    hours = rng.uniform(spans[chosen, 0], spans[chosen, 1])
    if kind == "truck stop":
        longest = int(np.argmax(spans[:, 1] - spans[:, 0]))
        inside = rng.uniform(spans[longest, 0], spans[longest, 1], 12)
        return _Spot(kind, lane.stops[longest][2], inside)
    return _Spot(kind, NONE, hours)


@dataclass(frozen=True)
class _Placed:
    began: Ints
    site: Ints
    latitude: Floats
    longitude: Floats
    location: list[str]


def _place(
    trip: Ints,
    attempt: Flags,
    deceptive: Flags,
    store: Ints,
    *,
    trips: Trips,
    network: Network,
    ways: Ways,
    rng: np.random.Generator,
) -> _Placed:
    """Where and when each theft or attempt happens: on its trip's way, or at night in the store."""
    count = len(trip)
    began, site = np.empty(count, dtype=np.int64), np.full(count, NONE)
    latitude, longitude = np.empty(count), np.empty(count)
    location: list[str] = []
    in_time = rng.integers(START + DAY, END - 30 * DAY, count)
    kinds = rng.choice(list(LOCATION_SHARES), count, p=list(LOCATION_SHARES.values()))
    on_site_lane = (trip != NONE) & np.isin(trips.lane[trip], network.site_lanes)
    by_day = np.array(WEEKDAY_SHARES) * 7
    for k in range(count):
        if trip[k] == NONE:
            site[k] = store[k]
            location.append("third-party facility")
            night = in_time[k] // DAY * DAY + int(rng.uniform(0.2, 5.5) * HOUR)
            began[k] = night - int(network.clock.offset(store[k : k + 1], in_time[k : k + 1])[0])
            found = network.sites[int(store[k])]
            latitude[k], longitude[k] = found.latitude, found.longitude
            continue
        lane = network.lanes[int(trips.lane[trip[k]])]
        kind = str(kinds[k])
        at_site = network.planted_site if on_site_lane[k] else NONE
        if attempt[k] and network.slow_site in {lane.origin, lane.destination}:
            at_site = network.slow_site
        if deceptive[k] and not lane.last_mile:
            kind = "facility" if rng.random() < 0.6 else "third-party facility"
        spot = _spot(kind, int(trip[k]), trips, network, at_site=at_site, rng=rng)
        moments = trips.departed[trip[k]] + (spot.hours * trips.pace[trip[k]] * HOUR).astype(np.int64)
        local = moments + network.clock.offset(np.full(len(moments), lane.origin), moments)
        # Most places are left in the day: the few nights must weigh more for a third of thefts to fall into them.
        weight = np.where(local % DAY < 6 * HOUR, 5.0, 1.0) * by_day[(local // DAY + 3) % 7]
        chosen = int(rng.choice(len(moments), p=weight / weight.sum()))
        began[k], site[k] = moments[chosen], spot.site
        lat, lon, _ = ways.place(trips.lane[trip[k]][None], spot.hours[chosen][None])
        latitude[k], longitude[k] = lat[0], lon[0]
        location.append(spot.location)
    return _Placed(began, site, latitude, longitude, location)


def build_events(
    size: Size,
    trips: Trips,
    network: Network,
    accounts: Accounts,
    ways: Ways,
    planted: Planted,
    rng: np.random.Generator,
) -> Events:
    """Place every theft and attempt in space and time, take the goods, and let people react."""
    attempts = choose_attempts(size, trips, network, planted.trips, rng)
    on_trips = np.concatenate([planted.trips, attempts])
    stored = size.thefts - len(planted.trips)
    count = len(on_trips) + stored
    attempt = np.arange(count) >= len(planted.trips) + stored
    trip = np.concatenate([planted.trips, np.full(stored, NONE), attempts])
    robbed = trip != NONE
    warehouses = [i for i, s in enumerate(network.sites) if s.kind in {"warehouse", "yard"}]
    latest_use = {lane.origin: i for i, lane in enumerate(network.lanes)} | {
        lane.destination: i for i, lane in enumerate(network.lanes)
    }
    used = [i for i in warehouses if i in latest_use]
    store = rng.choice(used, count)
    keeper = np.array([int(accounts.users[latest_use[int(s)]][0][0]) for s in store])
    insured = np.where(robbed, trips.insured[trip], keeper)
    year = year_of(np.where(robbed, trips.departed[trip], START))
    deceptive = (rng.random(count) < [STRATEGIC_SHARE.get(int(y), 0.0) for y in year]) & robbed & ~attempt
    placed = _place(trip, attempt, deceptive, store, trips=trips, network=network, ways=ways, rng=rng)
    location = placed.location
    full = _whole_loads(trips, trip, insured, deceptive, attempt, network, rng)
    tracked = robbed & trips.tracked[trip]
    width = np.where(tracked, rng.uniform(300, 900, count), rng.uniform(0.4, 5.0, count) * HOUR).astype(np.int64)
    arrival = np.where(robbed, trips.planned[trip], NEVER)
    ended = np.minimum(placed.began + width, arrival - 120)
    events = _react(
        Events(
            trip=trip,
            insured=insured,
            lane=np.where(robbed, trips.lane[trip], NONE),
            site=placed.site,
            attempt=attempt,
            full=full,
            category=_categories(attempt, full, deceptive, location, robbed, rng),
            modus=_methods(full, deceptive, rng),
            location=location,
            latitude=np.round(placed.latitude + rng.normal(0, 0.002, count), 4),
            longitude=np.round(placed.longitude + rng.normal(0, 0.002, count), 4),
            began=np.minimum(placed.began, ended - 60),
            ended=ended,
            dark=_silenced(insured, tracked & ~attempt, rng),
            alarmed=np.full(count, NONE),
            detected=np.full(count, NONE),
            contained=np.full(count, NONE),
            closed=np.full(count, NONE),
            secured=np.full(count, NONE),
            notified=np.full(count, NONE),
            regulator=np.full(count, NONE),
            reported=np.full(count, NONE),
            loss=_losses(trips, trip, full, attempt, rng),
            known=attempt | (rng.random(count) < np.where(full, 0.58, 0.42)),
            recovered=np.zeros(count),
            status=[],
        ),
        tracked=tracked,
        late=robbed & (trips.carrier[trip] == LATE_REPORTER),
        slow=placed.site == network.slow_site,
        rng=rng,
    )
    taken = np.flatnonzero(full & robbed)
    trips.stolen_at[trip[taken]] = events.began[taken]
    return events


def _whole_loads(
    trips: Trips,
    trip: Ints,
    insured: Ints,
    deceptive: Flags,
    attempt: Flags,
    network: Network,
    rng: np.random.Generator,
) -> Flags:
    """Deception takes the whole load, as do some of the others; the rest is pilferage."""
    robbed = trip != NONE
    last_mile = robbed & np.array([lane.last_mile for lane in network.lanes])[trips.lane[trip]]
    whole = deceptive | (rng.random(len(trip)) < 0.13) | (insured == HIGH_DEDUCTIBLE)
    flags: Flags = whole & ~attempt & robbed & ~last_mile
    return flags


def _losses(trips: Trips, trip: Ints, full: Flags, attempt: Flags, rng: np.random.Generator) -> Floats:
    """Cargo theft is bimodal: a few cartons, or everything on board. Never more than was on board."""
    value = np.where(trip == NONE, 400_000.0, trips.value[trip])
    cartons = np.minimum(np.maximum(lognormal(rng, 9_000.0, 1.0, len(trip)), 1_200.0), 0.4 * value)
    parcels = np.minimum(lognormal(rng, 260.0, 0.8, len(trip)), 0.6 * value)
    everything = value * rng.uniform(0.92, 0.999, len(trip))
    loss = np.select([attempt, full, value < 20_000], [np.zeros(len(trip)), everything, parcels], cartons)
    rounded: Floats = np.round(loss, 2)
    return rounded


def _silenced(insured: Ints, tracked: Flags, rng: np.random.Generator) -> Flags:
    """Whose trackers go silent at the moment of the theft: four in five at one account, few elsewhere."""
    silenced = tracked & (rng.random(len(insured)) < 0.03)
    own = np.flatnonzero(tracked & (insured == DARK_AT_LOSS))
    silenced[own] = (np.arange(len(own)) * 4) % 5 != 3
    return silenced


def _categories(
    attempt: Flags, full: Flags, deceptive: Flags, location: list[str], robbed: Flags, rng: np.random.Generator
) -> list[str]:
    words = []
    coin = rng.random(len(full))
    for k, place in enumerate(location):
        facility = place.endswith("facility")
        if attempt[k]:
            words.append("attempt")
        elif deceptive[k]:
            words.append("fraud")
        elif not robbed[k]:
            words.append("burglary")
        elif full[k]:
            parked = "theft of trailer" if coin[k] < 0.6 else "theft of vehicle"
            words.append("hijacking" if place == "en route" and coin[k] < 0.5 else parked)
        elif facility:
            words.append("theft from facility")
        else:
            words.append("robbery" if place == "en route" and coin[k] < 0.3 else "theft from vehicle")
    return words


def _methods(full: Flags, deceptive: Flags, rng: np.random.Generator) -> list[str]:
    pick = rng.integers(0, 60, len(full))
    methods = []
    for k in range(len(full)):
        choice = _STRATEGIC if deceptive[k] else (_TAKING if full[k] else _PILFERING)
        methods.append(choice[int(pick[k]) % len(choice)])
    return methods


def _react(events: Events, *, tracked: Flags, late: Flags, slow: Flags, rng: np.random.Generator) -> Events:
    """Alarm, detection, containment, evidence, notice; whatever lies after the data's date is not known yet."""
    n = len(events)
    alarm = tracked & ~events.dark
    events.alarmed = np.where(alarm, events.began + rng.integers(120, 1_200, n), NONE)
    found = events.ended + (lognormal(rng, 5.0, 0.8, n) * HOUR).astype(np.int64)
    seen = np.where(alarm, events.alarmed + rng.integers(240, 1_500, n), found)
    # The late reporter's customers learn of a theft when the carrier tells them, weeks after.
    weeks = (rng.uniform(32, 62, n) * DAY).astype(np.int64)
    notice = seen + (lognormal(rng, 10.0, 0.9, n) * HOUR).astype(np.int64)
    events.notified = np.where(late, events.ended + weeks, notice)
    events.detected = np.where(late, NONE, seen)
    events.alarmed = np.where(late, NONE, events.alarmed)
    events.reported = np.where(late, events.notified, seen)
    begins = np.where(events.alarmed != NONE, events.alarmed, seen)
    chance = np.where(events.attempt, 0.96, np.where(events.full, 0.30, 0.40)) + np.where(alarm, 0.15, 0.0)
    contained = (rng.random(n) < chance) & ~late
    contained |= slow
    ranks = np.argsort(np.argsort(rng.random(n)))
    spread = (ranks + 0.5) / n
    usual = 52.0 * (spread / (1 - spread)) ** 0.42
    takes = np.where(slow, lognormal(rng, 205.0, 0.3, n), usual) * 60
    events.contained = np.where(contained, begins + takes.astype(np.int64), NONE)
    settled = np.where(contained, events.contained, events.reported)
    events.closed = settled + (rng.uniform(3, 40, n) * DAY).astype(np.int64)
    events.secured = np.where(
        rng.random(n) < 0.8, events.reported + (lognormal(rng, 26.0, 0.8, n) * HOUR).astype(np.int64), NONE
    )
    events.regulator = np.where(rng.random(n) < 0.04, events.notified + 2 * DAY, NONE)
    own = ~events.attempt
    share = min(1.0, RECOVERED_SHARE * own.sum() / max(1, (own & contained).sum()))
    back = own & contained & (rng.random(n) < share)
    events.recovered = np.round(events.loss * rng.uniform(0.5, 1.0, n) * back, 2)
    for name in ("alarmed", "detected", "contained", "closed", "secured", "notified", "regulator"):
        moments = getattr(events, name)
        setattr(events, name, np.where(moments < END, moments, NONE))
    events.status = [
        "open" if done == NONE else ("contained" if held != NONE else "closed not contained")
        for done, held in zip(events.closed, events.contained, strict=True)
    ]
    return events
