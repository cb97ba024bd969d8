"""Literal journeys: trips with the minutes at which their device was heard, through the real loader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.portfolio import View
from tests.portfolios import load_files, open_view

START = datetime(2025, 3, 3)
SITES = (
    "site_id,name,kind,country,latitude,longitude,secured\n"
    "S1,Dallas hub,hub,US,32.78,-96.80,false\n"
    "S2,Atlanta hub,hub,US,33.75,-84.39,false\n"
    "Y1,Fenced yard,yard,US,33.00,-90.00,true\n"
    "C1,Customers,customer,US,33.80,-84.40,false\n"
)
SHIPPED = "lane_id,trip_id,carrier_id,declared_value,departed_at,scheduled_at,delivered_at,proof,delivered_in_geofence"
LANES = "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\nD1,S2,C1,road\nA1,S1,S2,air\n"


def every(step: float, until: float, start: float = 0) -> list[float]:
    """Minutes from `start` to `until`, both included, so far apart."""
    return [start + step * k for k in range(int((until - start) / step) + 1)]


def without(minutes: Sequence[float], *gone: tuple[float, float]) -> list[float]:
    """The minutes that lie in none of these spans: [from, to)."""
    return [m for m in minutes if not any(low <= m < high for low, high in gone)]


def moment(minutes: float | None) -> str:
    return "" if minutes is None else (START + timedelta(minutes=minutes)).isoformat(sep=" ")


@dataclass(frozen=True)
class Journey:
    """One trip of one account with one device, all named after it. Times are minutes after departure."""

    name: str
    lasts: float
    heard: Iterable[float] = ()
    arrives: bool = True
    scheduled: float | None = None
    lane: str = "L1"
    interval_s: int = 300
    value: str = "1000"
    attached: tuple[float, float | None] | None = (-30, None)
    seals: Sequence[tuple[float, str, str]] = ((-10, "sealed", "S1"),)
    stops: Sequence[tuple[float, float | None, str, str]] = ()
    maintenance: Sequence[tuple[float, float, float]] = ()
    theft: tuple[float, float] | None = None
    scans: Sequence[float] = ()
    delivered: float | None = None
    doubted: Sequence[float] = ()
    received_late: Sequence[float] = ()
    proof: str = ""
    starts_days: float = 0


def load(root: Path, *journeys: Journey, more: dict[str, str] | None = None) -> View:
    """Load these journeys as one feed of the year to the end of 2025."""
    rows: dict[str, list[str]] = {
        "insured.csv": ["insured_id,name"],
        "carrier.csv": ["carrier_id,name"],
        "trip.csv": ["trip_id,carrier_id,lane_id,departed_at,arrived_at"],
        "shipment.csv": [f"shipment_id,insured_id,{SHIPPED}"],
        "device.csv": ["device_id,report_interval_s"],
        "device_assignment.csv": ["device_id,trip_id,attached_at,detached_at"],
        "ping.csv": ["device_id,pinged_at,received_at,latitude,longitude,valid"],
        "stop.csv": ["trip_id,site_id,arrived_at,left_at,secured"],
        "maintenance.csv": ["device_id,announced_at,starts_at,ends_at"],
        "seal_event.csv": ["event_id,trip_id,occurred_at,site_id,state"],
        "scan.csv": ["scan_id,shipment_id,scanned_at,site_id"],
        "incident.csv": ["incident_id,source,insured_id,trip_id,shipment_id,category,occurred_from,occurred_to"],
    }
    for journey in journeys:
        _write(rows, journey)
    files = {name: "\n".join(lines) + "\n" for name, lines in rows.items() if len(lines) > 1}
    files |= {"site.csv": SITES, "lane.csv": LANES, **(more or {})}
    load_files(root, files=files, top='currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n')
    return open_view(root)


def _write(rows: dict[str, list[str]], j: Journey) -> None:
    n, shift = j.name, j.starts_days * 1440

    def at(minutes: float | None) -> str:
        return "" if minutes is None else moment(minutes + shift)

    rows["insured.csv"].append(f"{n},{n}")
    rows["carrier.csv"].append(f"{n},{n}")
    rows["trip.csv"].append(f"{n},{n},{j.lane},{at(0)},{at(j.lasts) if j.arrives else ''}")
    rows["shipment.csv"].append(
        f"H-{n},{n},{j.lane},{n},{n},{j.value},{at(0)},{at(j.scheduled)},{at(j.delivered)},{j.proof},"
        f"{'true' if j.proof else ''}"
    )
    rows["device.csv"].append(f"{n},{j.interval_s}")
    if j.attached is not None:
        rows["device_assignment.csv"].append(f"{n},{n},{at(j.attached[0])},{at(j.attached[1])}")
    for minutes in j.heard:
        late = 600 if minutes in j.received_late else 0.1
        rows["ping.csv"].append(
            f"{n},{at(minutes)},{at(minutes + late)},33.0,-90.0,{'false' if minutes in j.doubted else 'true'}"
        )
    rows["stop.csv"] += [f"{n},{site},{at(a)},{at(b)},{secured}" for a, b, site, secured in j.stops]
    rows["maintenance.csv"] += [f"{n},{at(told)},{at(a)},{at(b)}" for told, a, b in j.maintenance]
    rows["seal_event.csv"] += [f"E-{n}-{k},{n},{at(m)},{site},{state}" for k, (m, state, site) in enumerate(j.seals)]
    rows["scan.csv"] += [f"N-{n}-{k},H-{n},{at(m)},S1" for k, m in enumerate(j.scans)]
    if j.theft is not None:
        rows["incident.csv"].append(f"X-{n},own,{n},{n},H-{n},theft of trailer,{at(j.theft[0])},{at(j.theft[1])}")


def trip(view: View, name: str) -> dict[str, Any]:
    """What the mart says of one trip, beside its shares."""
    cursor = view.execute("select * from trip_telemetry where trip_id = $name", {"name": name})
    columns = [column[0] for column in cursor.description]
    ((*values,),) = cursor.fetchall()
    row: dict[str, Any] = dict(zip(columns, values, strict=True))
    if row["slots_due"]:
        row["completeness"] = row["slots_fixed"] / row["slots_due"]
        row["uptime"] = 1 - row["dark_s"] / row["window_s"]
    return row
