"""What moving goods leave behind: trips, shipments, halts, scans, seals and positions, a stretch of trips at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.sample.accounts import DARK_DEVICES, FALLING_DEVICES, Accounts
from data.sample.design import (
    COMMODITIES,
    DAY,
    END,
    FALLING_FROM,
    HOUR,
    PARCELS,
    PING_SECONDS,
    Flags,
    Floats,
    Ints,
    day_of,
    lognormal,
)
from data.sample.files import FeedFolder, Text, keys, moments, optional, optional_text, take
from data.sample.network import Network
from data.sample.thefts import Events
from data.sample.trips import NEVER, Trips, Ways

_EVENTS = (None, "door", "tamper", "jam", "light")
_PROOFS = ("otp", "photo", "signature", "none")
#: Share of time in which a device sends nothing: usually, and where it was planted.
USUAL_DARK, PLANTED_DARK = 0.012, 0.10
_DARK_HOURS = 0.8
_AFTER_THEFT = 3 * HOUR


@dataclass(frozen=True)
class Fate:
    """Per trip: when it is robbed (NEVER), whether everything is gone, and whether its tracker was silenced."""

    robbed_at: Ints
    whole: Flags
    silenced: Flags
    tampered: Flags


@dataclass(frozen=True)
class Delivered:
    """Shipments that reached their end, for what follows from them: claims and refunds."""

    shipment: Ints
    trip: Ints
    value: Floats
    at: Ints


def fate_of(trips: Trips, events: Events, rng: np.random.Generator) -> Fate:
    """Which trips are robbed, seen from the trip; attempts leave no trace on the goods."""
    robbed_at = np.full(len(trips), NEVER)
    flags = {name: np.zeros(len(trips), dtype=bool) for name in ("whole", "silenced", "tampered")}
    theft = ~events.attempt & (events.trip >= 0)
    rows = events.trip[theft]
    robbed_at[rows] = events.began[theft]
    flags["whole"][rows] = events.full[theft]
    flags["silenced"][rows] = events.dark[theft]
    flags["tampered"][rows] = ~events.full[theft] & (rng.random(len(rows)) < 0.6)
    return Fate(robbed_at, **flags)


def pool_numbers(group: Ints, departed: Ints, *, hours: float) -> Ints:
    """Which vehicle or device of its owner serves each trip, so that none is in two places at once?

    Each owner's are used in turn; there are as many as the busiest ``hours`` need.
    """
    numbers = np.zeros(len(group), dtype=np.int64)
    for owner in np.unique(group):
        rows = np.flatnonzero(group == owner)
        times = departed[rows]
        before = np.searchsorted(times, times - int(hours * HOUR))
        most = int((np.arange(len(rows)) - before).max()) + 1
        numbers[rows] = np.arange(len(rows)) % most + 1
    return numbers


class Movements:
    """Writes the movements of a sample part by part."""

    def __init__(
        self,
        folder: FeedFolder,
        *,
        trips: Trips,
        network: Network,
        accounts: Accounts,
        ways: Ways,
        fate: Fate,
    ) -> None:
        self.folder, self.trips, self.network, self.ways, self.fate = folder, trips, network, ways, fate
        self.accounts = accounts
        self.lane_ids = [network.lane_id(i) for i in range(len(network.lanes))]
        self.site_ids = [network.site_id(i) for i in range(len(network.sites))]
        self.origin = np.array([lane.origin for lane in network.lanes])
        self.destination = np.array([lane.destination for lane in network.lanes])
        self.mode = np.array([("road", "last mile", "air", "ocean").index(lane.mode) for lane in network.lanes])
        self.vehicle = pool_numbers(trips.carrier, trips.departed, hours=60)
        self.device = np.zeros(len(trips), dtype=np.int64)
        rows = np.flatnonzero(trips.tracked)
        self.device[rows] = pool_numbers(trips.carrier[rows], trips.departed[rows], hours=60)

    def device_ids(self, rows: Ints) -> Text:
        """The tracker on each of these trips."""
        return keys("D", (self.trips.carrier[rows] + 1) * 10_000 + self.device[rows], width=7)

    def write_devices(self, rng: np.random.Generator) -> None:
        """Trackers, which trip each was on, and their times out of service."""
        trips = self.trips
        rows = np.flatnonzero(trips.tracked)
        device = (trips.carrier[rows] + 1) * 10_000 + self.device[rows]
        known = np.unique(device)
        kind = np.where(known // 10_000 == 1, 1, 0)
        self.folder.write(
            "device",
            {
                "device_id": keys("D", known, width=7),
                "kind": take(("trailer tracker", "parcel van tracker"), kind),
                "report_interval_s": np.full(len(known), float(PING_SECONDS)),
            },
        )
        whole = self.fate.whole[rows]
        off = np.where(whole, self.fate.robbed_at[rows] + _AFTER_THEFT + 60, trips.planned[rows] + HOUR // 2)
        on = trips.departed[rows] - HOUR // 2
        self.folder.write(
            "device_assignment",
            {
                "device_id": self.device_ids(rows),
                "trip_id": keys("T", rows + 1, width=7),
                "attached_at": moments(on),
                "detached_at": moments(off),
            },
        )
        # Out of service while on no trip: between one trip's end and the next one's start.
        order = np.lexsort((on, device))
        same = device[order][1:] == device[order][:-1]
        free_from, free_to = off[order][:-1], on[order][1:]
        idle = np.flatnonzero(same & (free_to - free_from > 2 * DAY))
        picked = idle[:: max(1, len(idle) // max(8, len(known) // 2))]
        begins = free_from[picked] + 6 * HOUR
        self.folder.write(
            "maintenance",
            {
                "device_id": keys("D", device[order][picked], width=7),
                "announced_at": moments(np.where(rng.random(len(picked)) < 0.8, begins - 48 * HOUR, begins + HOUR)),
                "starts_at": moments(begins),
                "ends_at": moments(begins + rng.integers(2 * HOUR, 12 * HOUR, len(picked))),
            },
        )

    def write(
        self, first: int, last: int, *, claim_share: float, rng: np.random.Generator
    ) -> tuple[Delivered, Delivered]:
        """Write the trips ``first`` to ``last`` (not included) and all that happened on them.

        Returns
        -------
        tuple of Delivered
            Shipments that have a claim for something else than theft, and delivered parcels.
        """
        self._write_trips(first, last, rng)
        self._write_stops(first, last, rng)
        self._write_seals(first, last, rng)
        self._write_pings(first, last, rng)
        return self._write_shipments(first, last, claim_share=claim_share, rng=rng)

    def _write_trips(self, first: int, last: int, rng: np.random.Generator) -> None:
        trips, rows = self.trips, np.arange(first, last)
        vehicle = (trips.carrier[rows] + 1) * 10_000 + self.vehicle[rows]
        long = (trips.planned[rows] - trips.departed[rows]) > 20 * HOUR
        crew = 1 + (long & (rng.random(len(rows)) < 0.25)).astype(np.int64)
        ocean = self.mode[trips.lane[rows]] == 3
        containers = keys("SMPU", 1_000_000 + rows, width=7)
        self.folder.write(
            "trip",
            {
                "trip_id": keys("T", rows + 1, width=7),
                "carrier_id": take([c for c, _, _ in self.accounts.carriers], trips.carrier[rows]),
                "lane_id": take(self.lane_ids, trips.lane[rows]),
                "vehicle_id": keys("V", vehicle, width=7),
                "trailer_id": keys("R", vehicle, width=7),
                "container_no": optional_text(containers, ocean),
                "departed_at": moments(trips.departed[rows]),
                "arrived_at": moments(np.where(trips.arrives[rows], trips.planned[rows], -1)),
                "crew": crew,
                "attended": (crew == 2) | (rng.random(len(rows)) < 0.15),
            },
        )

    def _write_stops(self, first: int, last: int, rng: np.random.Generator) -> None:
        trips = self.trips
        lanes = self.network.lanes
        counts = np.array([len(lane.stops) for lane in lanes])
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        stops = np.array([stop for lane in lanes for stop in lane.stops])
        trip = np.repeat(np.arange(first, last), counts[trips.lane[first:last]])
        nth = np.arange(len(trip)) - np.repeat(
            np.cumsum(counts[trips.lane[first:last]]) - counts[trips.lane[first:last]], counts[trips.lane[first:last]]
        )
        row = starts[trips.lane[trip]] + nth
        arrived = trips.departed[trip] + (stops[row, 0] * trips.pace[trip] * HOUR).astype(np.int64)
        left = trips.departed[trip] + (stops[row, 1] * trips.pace[trip] * HOUR).astype(np.int64)
        end = np.minimum(trips.stolen_at[trip], END)
        happened = arrived < end
        secured = np.array([site.kind == "truck stop" and i % 7 == 0 for i, site in enumerate(self.network.sites)])
        site = stops[row, 2].astype(np.int64)
        self.folder.write(
            "stop",
            {
                "trip_id": keys("T", trip[happened] + 1, width=7),
                "site_id": take(self.site_ids, site[happened]),
                "arrived_at": moments(arrived[happened]),
                "left_at": moments(np.where(left < end, left, -1)[happened]),
                "attended": rng.random(int(happened.sum())) < 0.3,
                "secured": secured[site[happened]],
            },
        )

    def _write_seals(self, first: int, last: int, rng: np.random.Generator) -> None:
        trips = self.trips
        rows = np.arange(first, last)[trips.sealed[first:last]]
        opened = rows[trips.arrives[rows]]
        broken = rows[self.fate.tampered[rows]]
        # Now and then a driver opens a seal on the way for no bad reason.
        checked = rows[(rng.random(len(rows)) < 0.004) & trips.arrives[rows]]
        parts = (
            (rows, 1, trips.departed[rows] - 600, self.origin[trips.lane[rows]], 0),
            (opened, 2, trips.planned[opened] + 240, self.destination[trips.lane[opened]], 1),
            (broken, 3, self.fate.robbed_at[broken] + 120, np.full(len(broken), -1), 2),
            (checked, 4, (trips.departed[checked] + trips.planned[checked]) // 2, np.full(len(checked), -1), 1),
        )
        trip = np.concatenate([part[0] for part in parts])
        number = np.concatenate([part[0] * 10 + part[1] for part in parts])
        happened = np.concatenate([part[2] for part in parts])
        site = np.concatenate([part[3] for part in parts])
        state = np.concatenate([np.full(len(part[0]), part[4]) for part in parts])
        known = happened < END
        places = [*self.site_ids, None]
        self.folder.write(
            "seal_event",
            {
                "event_id": keys("E", number[known], width=9),
                "trip_id": keys("T", trip[known] + 1, width=7),
                "occurred_at": moments(happened[known]),
                "seal_no": keys("SEAL", trip[known] + 100_001, width=8),
                "site_id": take(places, site[known] % len(places)),
                "state": take(("sealed", "opened", "tampered"), state[known]),
            },
        )

    def _write_shipments(
        self, first: int, last: int, *, claim_share: float, rng: np.random.Generator
    ) -> tuple[Delivered, Delivered]:
        trips = self.trips
        counts = trips.shipments[first:last]
        trip = np.repeat(np.arange(first, last), counts)
        number = trips.first_shipment[first] + np.arange(len(trip))
        weight = rng.exponential(1.0, len(trip)) + 0.3
        totals = np.add.reduceat(weight, trips.first_shipment[first:last] - trips.first_shipment[first])
        value = np.round(trips.value[trip] * weight / np.repeat(totals, counts), 2)
        insured = trips.insured[trip]
        parcel = trips.commodity[trip] == PARCELS
        heavy = rng.gamma(3.0, 900.0, len(trip)) + 80.0
        kilograms = np.round(np.choose(parcel, [heavy, rng.gamma(2.0, 2.0, len(trip)) + 0.2]), 1)
        span = trips.planned[trip] - trips.departed[trip]
        late = np.where(parcel, 0, rng.integers(900, 4_000, len(trip)))
        share = np.where(parcel, rng.uniform(0.06, 0.98, len(trip)), 1.0)
        handed = trips.departed[trip] + (span * share).astype(np.int64) + late
        stolen = trips.stolen_at[trip] != NEVER
        delivered = ~stolen & (handed < END)
        robbed = (self.fate.robbed_at[trip] != NEVER) & ~stolen & (number == trips.first_shipment[trip])
        state = np.where(stolen, 2, np.where(~delivered, 1, np.where(robbed, 3, 0)))
        uplift = np.array([1.1 if row.valuation == "CIF + 10%" else 1.0 for row in self.accounts.insureds])[insured]
        proof = np.where(parcel, rng.choice(4, len(trip), p=[0.38, 0.42, 0.12, 0.08]), 2)
        inside = rng.random(len(trip)) < np.where(parcel, 0.975, 0.999)
        known = delivered
        self.folder.write(
            "shipment",
            {
                "shipment_id": keys("H", number + 1, width=8),
                "insured_id": take([row.insured_id for row in self.accounts.insureds], insured),
                "lane_id": take(self.lane_ids, trips.lane[trip]),
                "trip_id": keys("T", trip + 1, width=7),
                "carrier_id": take([c for c, _, _ in self.accounts.carriers], trips.carrier[trip]),
                "commodity": take([c.name for c in COMMODITIES], trips.commodity[trip]),
                "incoterm": take(("DAP", "FCA", "CIP", None), np.where(parcel, 3, number % 3)),
                "declared_value": value,
                "insured_value": np.round(value * uplift, 2),
                "currency": take([row.currency for row in self.accounts.insureds], insured),
                "weight_kg": kilograms,
                "handling_units": np.where(parcel, 1, 1 + rng.poisson(5.0, len(trip))),
                "sealed": trips.sealed[trip],
                "scheduled_at": pa.array(trips.scheduled[trip]).cast(pa.timestamp("s", tz="UTC")),
                "departed_at": moments(trips.departed[trip]),
                "delivered_at": moments(np.where(delivered, handed, -1)),
                "delivery_status": take(("delivered", "in transit", "stolen", "delivered short"), state),
                "proof": take([*_PROOFS, None], np.where(delivered, proof, 4)),
                "delivered_in_geofence": optional(inside, known),
            },
        )
        self._write_scans(trip, number, kilograms, np.where(delivered, handed, -1), short=robbed, rng=rng)
        claimed = delivered & ~robbed & (rng.random(len(trip)) < claim_share)
        parcels = delivered & parcel
        return (
            Delivered(number[claimed], trip[claimed], value[claimed], handed[claimed]),
            Delivered(number[parcels], trip[parcels], value[parcels], handed[parcels]),
        )

    def _write_scans(
        self, trip: Ints, number: Ints, kilograms: Floats, handed: Ints, *, short: Flags, rng: np.random.Generator
    ) -> None:
        """A scan where the goods start and one where they end; those that were to be weighed there mostly are."""
        trips = self.trips
        careful = np.isin(trips.insured[trip], trips.tracking)
        required = rng.random(len(trip)) < np.where(careful, 0.85, 0.4)
        taken = trips.departed[trip] - rng.integers(600, 5_400, len(trip))
        ends = np.flatnonzero(handed > 0)
        resolution = np.where(trips.commodity[trip[ends]] == PARCELS, 0.1, 1.0)
        true = kilograms[ends] * np.where(short[ends], 0.8, 1.0) * (1 + rng.normal(0, 0.004, len(ends)))
        off = rng.random(len(ends)) < 0.025
        true = np.where(off, true * rng.uniform(0.86, 0.96, len(ends)), true)
        measured = np.round(np.round(true / resolution) * resolution, 1)
        copied = rng.random(len(ends)) < 0.04
        measured = np.where(copied, kilograms[ends], measured)
        weighed = required[ends] & (rng.random(len(ends)) < np.where(careful[ends], 0.93, 0.62))
        origin, destination = self.origin[trips.lane[trip]], self.destination[trips.lane[trip]]
        none = np.zeros(len(trip), dtype=bool)
        self.folder.write(
            "scan",
            {
                "scan_id": pa.concat_arrays(
                    [keys("N", number * 2 + 1, width=9), keys("N", number[ends] * 2 + 2, width=9)]
                ),
                "shipment_id": keys("H", np.concatenate([number, number[ends]]) + 1, width=8),
                "scanned_at": moments(np.concatenate([taken, handed[ends]])),
                "site_id": take(self.site_ids, np.concatenate([origin, destination[ends]])),
                "kind": take(
                    ("pickup", "delivery"), np.concatenate([none, np.ones(len(ends), dtype=bool)]).astype(np.int64)
                ),
                "authorised": rng.random(len(trip) + len(ends)) < 0.995,
                "expected_weight_kg": np.concatenate([kilograms, kilograms[ends]]),
                "measured_weight_kg": optional(np.concatenate([kilograms, measured]), np.concatenate([none, weighed])),
                "scale_id": take(
                    [*(f"W-{s}" for s in self.site_ids), None],
                    np.concatenate(
                        [
                            np.full(len(trip), len(self.site_ids)),
                            np.where(weighed, destination[ends], len(self.site_ids)),
                        ]
                    ),
                ),
                "scale_resolution_kg": optional(
                    np.concatenate([np.ones(len(trip)), resolution]), np.concatenate([none, weighed])
                ),
                "operator_id": keys(
                    "operator ",
                    np.concatenate([origin, destination[ends]]) * 10 + np.concatenate([number, number[ends]]) % 4 + 1,
                    width=5,
                ),
                "attested": rng.random(len(trip) + len(ends)) < 0.97,
            },
        )
        self.folder.write(
            "planned_scan",
            {
                "shipment_id": keys("H", np.concatenate([number, number]) + 1, width=8),
                "site_id": take(self.site_ids, np.concatenate([origin, destination])),
                "kind": take(("pickup", "delivery"), np.repeat([0, 1], len(trip))),
                "due_at": pa.array(np.concatenate([trips.departed[trip], trips.scheduled[trip]])).cast(
                    pa.timestamp("s", tz="UTC")
                ),
                "weighing_required": np.concatenate([none, required]),
            },
        )

    def _write_pings(self, first: int, last: int, rng: np.random.Generator) -> None:
        """A report every 300 s but for what is lost on the way, in blackouts, or to those who silence the device."""
        trips, fate = self.trips, self.fate
        rows = np.arange(first, last)[trips.tracked[first:last]]
        ends = np.where(fate.whole[rows], fate.robbed_at[rows] + _AFTER_THEFT, trips.planned[rows])
        due = np.maximum((np.minimum(ends, END - 60) - trips.departed[rows]) // PING_SECONDS + 1, 1)
        local = np.repeat(np.arange(len(rows)), due)
        trip = rows[local]
        nth = np.arange(len(trip)) - np.repeat(np.cumsum(due) - due, due)
        since = nth * PING_SECONDS + rng.integers(0, 5, len(trip))
        at = trips.departed[trip] + since
        sent = rng.random(len(trip)) >= 0.008
        sent &= ~self._blackouts(rows, due, local, since, rng)
        robbed_at = fate.robbed_at[trip]
        silent = fate.silenced[trip] & (at > robbed_at - 40 * 60) & (at < robbed_at + _AFTER_THEFT + HOUR)
        local, trip, since, at = (values[sent & ~silent] for values in (local, trip, since, at))
        lanes = trips.lane[trip]
        gone = fate.whole[trip] & (at > fate.robbed_at[trip])
        halted = np.where(gone, fate.robbed_at[trip] - trips.departed[trip], since)
        latitude, longitude, speed = self.ways.place(lanes, halted / HOUR / trips.pace[trip])
        speed = np.where(speed > 0, speed / trips.pace[trip] * rng.uniform(0.85, 1.15, len(trip)), 0.0)
        away = np.where(gone, (at - fate.robbed_at[trip]) / HOUR * 50.0 / 111.2, 0.0)
        bearing = trip * 2.399
        latitude += away * np.cos(bearing)
        longitude += away * np.sin(bearing) / np.cos(np.radians(latitude))
        speed = np.where(gone, 50.0, speed)
        # No signal gets out of an aircraft or a ship at sea.
        heard = ~((self.mode[lanes] >= 2) & (speed > 0) & ~gone)
        local, trip, since, at, latitude, longitude, speed, gone = (
            values[heard] for values in (local, trip, since, at, latitude, longitude, speed, gone)
        )
        n = len(trip)
        event = np.where(rng.random(n) < 0.0008, 4, np.where(since < PING_SECONDS, 1, 0))
        robbed_at = fate.robbed_at[trip]
        close = (robbed_at != NEVER) & (np.abs(at - robbed_at) < PING_SECONDS) & ~fate.silenced[trip]
        event = np.where(close, 2, event)
        before = fate.silenced[trip] & (at > robbed_at - 46 * 60) & (at <= robbed_at)
        event = np.where(before, 3, event)
        delay = np.where(rng.random(n) < 0.015, rng.integers(600, 20_000, n), rng.integers(2, 21, n))
        drift = 0.00006 * rng.standard_normal((2, n))
        self.folder.write(
            "ping",
            {
                "device_id": self.device_ids(rows).take(pa.array(local)),
                "pinged_at": moments(at),
                "received_at": moments(np.minimum(at + delay, END - 1)),
                "latitude": np.round(latitude + drift[0], 4),
                "longitude": np.round(longitude + drift[1], 4),
                "valid": rng.random(n) >= 0.004,
                "accuracy_m": np.round(lognormal(rng, 8.0, 0.5, n), 1),
                "speed_kmh": np.round(speed, 1),
                "moving": speed > 0,
                "battery_pct": np.round(np.clip(98.0 - (trip * 37 % 30) - since / HOUR * 0.8, 3.0, 100.0)),
                "event": take(_EVENTS, event),
            },
        )

    def _blackouts(self, rows: Ints, due: Ints, local: Ints, since: Ints, rng: np.random.Generator) -> Flags:
        """Reports that fall into one of up to six blackouts of their trip."""
        trips = self.trips
        falling = (trips.carrier[rows] == FALLING_DEVICES) & (trips.departed[rows] >= day_of(FALLING_FROM))
        dark = np.where((trips.carrier[rows] == DARK_DEVICES) | falling, PLANTED_DARK, USUAL_DARK)
        hours = due * PING_SECONDS / HOUR
        number = np.minimum(rng.poisson(dark * hours / _DARK_HOURS), 6)
        lost = np.zeros(len(local), dtype=bool)
        for k in range(6):
            begins = np.where(k < number, rng.uniform(0, 1, len(rows)) * hours * HOUR, np.inf)
            lasts = rng.gamma(2.0, _DARK_HOURS / 2, len(rows)) * HOUR
            if not np.isfinite(begins).any():
                break
            lost |= (since >= begins[local]) & (since < begins[local] + lasts[local])
        return lost
