"""Loss control: places and lanes as they are secured, controls, drills, what was asked and met, refunds, clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from data.sample.accounts import Accounts
from data.sample.design import AS_OF, CONTROL_FROM, DAY, END, FIRST_DAY, HOUR, USELESS_FROM, Ints, day_of
from data.sample.files import FeedFolder, days, keys, moments, take
from data.sample.movements import Delivered
from data.sample.network import Network
from data.sample.trips import Trips

SEALS = "tamper-evident seals and weight sensors"
RECONCILIATION = "GPS and scan reconciliation"
CCTV = "CCTV and video forensics"
TRACKERS = "on-package trackers"
PLATFORM = "full telemetry and anomaly detection"
#: 49 CFR 370 for carriers, 10 CCR 2695 for an insurer's first party claims in California.
LEGAL_CLOCKS = (
    ("US", "carrier liability", "acknowledge", 30),
    ("US", "carrier liability", "decide", 120),
    ("CA", "first-party", "acknowledge", 15),
    ("CA", "first-party", "decide", 40),
)
_REQUIREMENTS = (
    "CCTV kept 30 days",
    "evidence within 72 hours",
    "geofenced delivery",
    "background checks",
    "response drills",
)
_ASKED = (
    ("critical", "Park only in secured parking on lanes over 500 km"),
    ("important", "Verify the carrier's identity by call-back before pickup"),
    ("important", "Weigh every pallet at the dock"),
    ("advisory", "Drill the response to a lost signal twice a year"),
)
RING_OPERATOR = 9_017
_BURSTS, _BURST_REFUNDS = 8, 5


@dataclass(frozen=True)
class Ring:
    """The planted refund ring: its operator as written in the file, and its refunds."""

    operator: str
    refunds: list[str]


def write_places(folder: FeedFolder, network: Network, rng: np.random.Generator) -> None:
    """Write sites and lanes; airports and ports carry their code alone, and rounds have no planned route."""
    sites = network.sites
    n = len(sites)
    given = np.array([site.given for site in sites])
    secured = np.array([site.kind in {"hub", "warehouse", "port", "airport"} for site in sites])
    secured &= rng.random(n) < 0.7
    folder.write(
        "site",
        {
            "site_id": [network.site_id(i) for i in range(n)],
            "name": [site.name for site in sites],
            "kind": [site.kind for site in sites],
            "city": pa.array([site.city.name if site.given else None for site in sites], pa.string()),
            "country": [site.city.country for site in sites],
            "region": pa.array([site.city.region or None for site in sites], pa.string()),
            "latitude": pa.array([site.latitude for site in sites], mask=~given),
            "longitude": pa.array([site.longitude for site in sites], mask=~given),
            "time_zone": pa.array([site.city.zone if site.given else None for site in sites], pa.string()),
            "locode": pa.array([site.locode for site in sites], pa.string()),
            "iata": pa.array([site.iata for site in sites], pa.string()),
            "geofence_m": [{"customer": 8_000.0, "truck stop": 400.0}.get(site.kind, 600.0) for site in sites],
            "secured": secured,
            "fsr_level": take(("A", "B", "C", None), np.where(secured, rng.integers(0, 3, n), 3)),
            "psr_level": pa.array(
                [("Bronze" if i % 7 == 0 else None) if s.kind == "truck stop" else None for i, s in enumerate(sites)],
                pa.string(),
            ),
            "cctv_retention_days": pa.array(rng.choice([14, 30, 60, 90], n), mask=~secured),
        },
    )
    lanes = network.lanes
    lines = [
        "LINESTRING ("
        + ", ".join(f"{x:.4f} {y:.4f}" for x, y in zip(lane.longitudes, lane.latitudes, strict=True))
        + ")"
        if lane.mode == "road"
        else None
        for lane in lanes
    ]
    folder.write(
        "lane",
        {
            "lane_id": [network.lane_id(i) for i in range(len(lanes))],
            "origin_site_id": [network.site_id(lane.origin) for lane in lanes],
            "destination_site_id": [network.site_id(lane.destination) for lane in lanes],
            "mode": ["road" if lane.last_mile else lane.mode for lane in lanes],
            "distance_km": [round(float(lane.kilometres[-1]), 1) for lane in lanes],
            "planned_route": pa.array(lines, pa.string()),
        },
    )


def write_prevention(
    folder: FeedFolder, *, network: Network, accounts: Accounts, trips: Trips, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Write controls, drills, assessments, recommendations and legal clocks; gives ids of the planted controls."""
    rows: list[dict[str, object]] = []
    named: dict[str, list[str]] = {"seals": [], "useless": []}

    def control(measure: str, on: date, cost: float, yearly: float, **place: str) -> str:
        key = f"CN{len(rows) + 1:04d}"
        rows.append(
            {
                "control_id": key,
                "lane_id": place.get("lane"),
                "site_id": place.get("site"),
                "insured_id": place.get("insured"),
                "measure": measure,
                "coverage_share": 1.0,
                "installed_on": on,
                "removed_on": None,
                "capital_cost": cost,
                "annual_cost": round(cost * yearly, 2),
                "verified_on": on + timedelta(days=60),
                "evidence": "seen on site",
            }
        )
        return key

    for lane in network.treated_lanes:
        named["seals"].append(control(SEALS, CONTROL_FROM, 12_000.0, 0.25, lane=network.lane_id(lane)))
    for lane in network.useless_lanes:
        named["useless"].append(control(RECONCILIATION, USELESS_FROM, 3_000.0, 0.2, lane=network.lane_id(lane)))
    hubs = [i for i, site in enumerate(network.sites) if site.kind == "hub"]
    for site in hubs[:: max(1, len(hubs) // 6)]:
        if site not in {network.planted_site, network.slow_site}:
            control(CCTV, date(2022, 3, 1), 40_000.0, 0.15, site=network.site_id(site))
    # In place since before the data begin, so that no before and after can be made of them.
    for account in trips.tracking:
        control(PLATFORM, date(2022, 1, 1), 90_000.0, 0.3, insured=accounts.insureds[account].insured_id)
    rows[-1]["removed_on"] = date(2026, 3, 1)
    control(TRACKERS, date(2026, 2, 1), 25_000.0, 0.3, lane=network.lane_id(network.planted_lane))
    folder.write("control", {name: pa.array([row[name] for row in rows]) for name in rows[0]})
    _write_drills(folder, accounts, trips, rng)
    _write_requests(folder, accounts, network, rng)
    folder.write(
        "legal_clock",
        {
            name: pa.array([clock[k] for clock in LEGAL_CLOCKS])
            for k, name in enumerate(("jurisdiction", "claim_kind", "step", "days"))
        },
    )
    return named


def _write_drills(folder: FeedFolder, accounts: Accounts, trips: Trips, rng: np.random.Generator) -> None:
    drilled = [i for i in range(len(accounts.insureds)) if i in trips.tracking or i % 3 == 0]
    insured = np.repeat(drilled, 9)
    held = np.tile(day_of(FIRST_DAY) + (np.arange(9) * 120 + 40) * DAY, len(drilled))
    held = held + rng.integers(0, 30, len(held)) * DAY
    alarmed = held + rng.integers(14 * HOUR, 20 * HOUR, len(held))
    takes = np.exp(rng.normal(np.log(45 * 60), 0.5, len(held))).astype(np.int64)
    folder.write(
        "drill",
        {
            "drill_id": keys("Q", np.arange(1, len(held) + 1), width=5),
            "insured_id": take([row.insured_id for row in accounts.insureds], insured),
            "held_on": days(held + HOUR),
            "scenario": take(
                ("signal lost at a truck stop", "trailer leaves its route", "seal broken on arrival"),
                np.arange(len(held)) % 3,
            ),
            "alarmed_at": moments(alarmed),
            "contained_at": moments(np.where(rng.random(len(held)) < 0.93, alarmed + takes, -1)),
        },
    )


def _write_requests(folder: FeedFolder, accounts: Accounts, network: Network, rng: np.random.Generator) -> None:
    ids = [row.insured_id for row in accounts.insureds]
    items = [(i, item, year) for i in range(len(ids)) for item in _REQUIREMENTS for year in (2024, 2025, 2026)]
    folder.write(
        "assessment",
        {
            "insured_id": [ids[i] for i, _, _ in items],
            "item": [item for _, item, _ in items],
            "met": rng.random(len(items)) < np.array([0.6 + 0.1 * (year - 2024) for _, _, year in items]),
            "evidence": ["survey report"] * len(items),
            "assessed_on": [date(year, 1 + i % 5, 15) for i, _, year in items],
        },
    )
    sites = [i for i, site in enumerate(network.sites) if site.kind in {"hub", "warehouse"}]
    asked = [(i, text, k) for i in range(len(ids)) for k, text in enumerate(_ASKED) if (i + k) % 3 != 2]
    due = [date(2025, 1 + i % 12, 1) + timedelta(days=90 * k) for i, _, k in asked]
    closed = [day + timedelta(days=int(rng.integers(-20, 60))) if rng.random() < 0.65 else None for day in due]
    done = [day if day is not None and day <= AS_OF else None for day in closed]
    folder.write(
        "recommendation",
        {
            "insured_id": [ids[i] for i, _, _ in asked],
            "site_id": [network.site_id(sites[(7 * i + k) % len(sites)]) for i, _, k in asked],
            "class": [text[0] for _, text, _ in asked],
            "text": [text[1] for _, text, _ in asked],
            "due_on": due,
            "closed_on": pa.array(done, pa.date32()),
            "evidence": pa.array(["photo" if day else None for day in done], pa.string()),
        },
    )


def write_refunds(folder: FeedFolder, parcels: Delivered, *, rng: np.random.Generator) -> Ring:
    """Write refunds and charge-backs on delivered parcels; one operator grants many large ones within hours."""
    n = len(parcels.shipment)
    rows = np.flatnonzero(rng.random(n) < 0.03)
    at = parcels.at[rows] + rng.integers(1 * DAY, 20 * DAY, len(rows))
    clerks = max(40, len(rows) // 12)
    operator = rng.integers(0, clerks, len(rows)) + 101
    received = rng.random(len(rows)) < 0.82
    ring_rows, ring_at = _ring(parcels, rng)
    parcel = np.concatenate([rows, ring_rows])
    moment = np.concatenate([at, ring_at])
    operators = np.concatenate([operator, np.full(len(ring_rows), RING_OPERATOR)])
    back = np.concatenate([received, np.zeros(len(ring_rows), dtype=bool)])
    ringed = np.arange(len(parcel)) >= len(rows)
    order = np.argsort(moment, kind="stable")
    order = order[moment[order] < END]
    ids = keys("B", np.arange(1, len(order) + 1), width=7)
    reason = np.where(back[order], rng.integers(0, 3, len(order)), 3)
    folder.write(
        "refund",
        {
            "refund_id": ids,
            "shipment_id": keys("H", parcels.shipment[parcel[order]] + 1, width=8),
            "operator_id": keys("clerk ", operators[order], width=4),
            "amount": parcels.value[parcel[order]],
            "currency": ["USD"] * len(order),
            "reason": take(("damaged", "wrong item", "changed mind", "not received"), reason),
            "refunded_at": moments(moment[order]),
            "item_received": back[order],
        },
    )
    charged = np.flatnonzero(rng.random(n) < 0.008)
    opened = parcels.at[charged] + rng.integers(5 * DAY, 60 * DAY, len(charged))
    charged, opened = charged[opened < END], opened[opened < END]
    folder.write(
        "chargeback",
        {
            "chargeback_id": keys("G", np.arange(1, len(charged) + 1), width=6),
            "shipment_id": keys("H", parcels.shipment[charged] + 1, width=8),
            "amount": parcels.value[charged],
            "currency": ["USD"] * len(charged),
            "reason": take(("goods not received", "fraud", "duplicate"), rng.integers(0, 3, len(charged))),
            "opened_at": moments(opened),
            "outcome": take(("won", "lost", None), rng.choice(3, len(charged), p=[0.35, 0.5, 0.15])),
        },
    )
    mine = [str(key) for key in ids.filter(pa.array(ringed[order])).to_pylist()]
    return Ring(operator=f"clerk {RING_OPERATOR}", refunds=mine)


def _ring(parcels: Delivered, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Bursts of refunds over 100 for parcels delivered in the ten days before."""
    rows, moments_of = [], []
    for k in range(_BURSTS):
        starts = day_of(FIRST_DAY) + (60 + 125 * k) * DAY + 15 * HOUR
        fresh = np.flatnonzero((parcels.value > 115) & (parcels.at < starts - DAY) & (parcels.at > starts - 12 * DAY))
        chosen = rng.choice(fresh, min(_BURST_REFUNDS, len(fresh)), replace=False)
        rows.append(chosen)
        moments_of.append(starts + np.sort(rng.integers(0, 9 * HOUR, len(chosen))))
    return np.concatenate(rows), np.concatenate(moments_of)
