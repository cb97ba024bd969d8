"""After a small load the marts say what they would say had they all been made anew, and the content hash too."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

import data.marts
from data.load import load_feed
from data.marts import ORDER
from data.portfolio import Portfolio
from tests.portfolios import write_feed

#: Two accounts on three lanes, by trips that some goods share, with trackers, seals, scans, stops, a claim.
BOOK = {
    "insured.csv": "insured_id,name\nI1,Acme\nI2,Bolt\nI3,Coil\n",
    "carrier.csv": "carrier_id,name\nC1,Haul\nC2,Tow\n",
    "site.csv": (
        "site_id,name,kind,region,country,latitude,longitude,coordinate_source,time_zone\n"
        "S1,Dallas,hub,TX,US,32.78,-96.80,given,America/Chicago\nS2,Atlanta,hub,GA,US,33.75,-84.39,given,America/New_York\n"
        "S3,Memphis,hub,TN,US,35.15,-90.05,given,America/Chicago\n"
        "S4,Corner shop,customer,TX,US,32.9,-96.9,given,America/Chicago\n"
    ),
    "lane.csv": (
        "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\nL2,S2,S3,road\nL3,S1,S4,road\nL4,S3,S1,rail\n"
    ),
    "trip.csv": (
        "trip_id,carrier_id,lane_id,departed_at,arrived_at\n"
        "T1,C1,L1,2025-01-10 08:00:00,2025-01-11 08:00:00\nT2,C2,L2,2025-02-10 08:00:00,2025-02-11 08:00:00\n"
        "T3,C1,L4,2025-02-15 08:00:00,2025-02-16 08:00:00\n"
    ),
    "stop.csv": "trip_id,site_id,latitude,longitude,arrived_at\nT1,S3,35.15,-90.05,2025-01-10 20:00:00\n",
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,trip_id,commodity,declared_value,departed_at,delivered_at,scheduled_at\n"
        "H1,I1,L1,T1,electronics,1000.50,2025-01-10 08:00:00,2025-01-11 08:00:00,2025-01-12\n"
        "H2,I2,L1,T1,food,2000,2025-01-10 08:00:00,2025-01-11 08:00:00,2025-01-10\n"
        "H3,I2,L2,T2,food,300.25,2025-02-10 08:00:00,,\n"
        "H4,I1,,,food,400,2025-03-11 08:00:00,,\n"
        "H5,I1,L3,,parcels,40,2025-03-12 08:00:00,2025-03-12 18:00:00,\n"
    ),
    "device.csv": "device_id,kind\nD1,gps\nD2,gps\n",
    "device_assignment.csv": (
        "device_id,trip_id,shipment_id,attached_at,detached_at\n"
        "D1,T1,,2025-01-10 08:00:00,2025-01-11 08:00:00\nD2,,H3,2025-02-10 08:00:00,\n"
    ),
    "ping.csv": (
        "device_id,pinged_at,latitude,longitude\n"
        "D1,2025-01-10 09:00:00,32.80,-96.00\nD1,2025-01-31 23:30:00,32.90,-95.00\n"
        "D2,2025-02-10 09:00:00,33.80,-84.00\nD2,2025-03-01 03:00:00,34.80,-88.00\n"
    ),
    "scan.csv": "scan_id,shipment_id,scanned_at,site_id\nX1,H1,2025-01-10 07:00:00,S1\nX2,H3,2025-02-10 07:00:00,S2\n",
    "seal_event.csv": (
        "event_id,shipment_id,trip_id,occurred_at,state\nE1,H1,,2025-01-10 08:00:00,sealed\n"
        "E2,,T2,2025-02-10 08:00:00,sealed\n"
    ),
    "incident.csv": (
        "incident_id,source,insured_id,shipment_id,trip_id,site_id,category,occurred_from,loss_amount,latitude,longitude\n"
        "N1,own,I1,H1,,,theft,2025-01-10 21:30:00,1500,33.0,-90.0\n"
        "N2,own,,,T2,,theft,2025-02-11 01:00:00,5000,33.5,-87.0\n"
        "N3,own,I1,,,S3,theft,2025-02-20 03:00:00,9000,,\n"
    ),
    "claim.csv": (
        "claim_id,insured_id,incident_id,shipment_id,policy_id,loss_date,reported_at,paid_amount,reserve_amount\n"
        "K1,,N1,,,2025-01-10,2025-01-12 08:00:00,500,1000\nK2,,,H3,,2025-02-11,2025-02-20 08:00:00,0,0\n"
        "K3,,,,P1,2025-02-12,2025-02-21 08:00:00,10,0\n"
    ),
    "policy.csv": (
        "policy_id,insured_id,inception_date,expiry_date,deductible_amount\nP1,I1,2025-01-01,2026-01-01,500\n"
        "P2,I2,2025-01-01,2026-01-01,500\n"
    ),
    "site_value.csv": "site_id,insured_id,on_date,average_value\nS3,I1,2025-01-01,5000\n",
    "control.csv": "control_id,lane_id,site_id,insured_id,measure,installed_on\nQ1,L1,,,lock,2025-01-01\n",
    "exposure.csv": ("insured_id,period_start,period_end,basis,amount,lane_id\nI3,2025-01-01,2025-12-31,trips,10,L2\n"),
}
SITE = "site_id,name,region,latitude,longitude,coordinate_source,time_zone\n"
TOP = 'currency = "USD"\ntimezone = "America/Chicago"\nas_of = "2025-06-30"\n'


def load(root: Path, *, name: str, files: dict[str, str], append: bool = False) -> str:
    feed = write_feed(root / f"{name}-{len(list(root.iterdir()))}", files=files, name=name, top=TOP)
    return load_feed(feed, portfolio=root / "portfolio", append=append).content_hash


def marts(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every mart, in an order of its own."""
    path = Portfolio(root / "portfolio").open().path
    connection = duckdb.connect(str(path), read_only=True)
    try:
        return {
            mart: connection.execute(f"select * from {mart} order by all").fetchall()
            for mart in (*ORDER, "site_place", "orphan")
            if mart != "model_tables"
        }
    finally:
        connection.close()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("book")
    load(root, name="book", files=BOOK)
    return root


def both_ways(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, dict[str, str], bool]]
) -> dict[str, list[tuple[object, ...]]]:
    """Load feeds into the book one by one, following what changes by its keys, then making everything anew."""
    hashes, found, renewed = {}, {}, []
    follow = data.marts._renew
    monkeypatch.setattr("data.marts._renew", lambda *a, **k: (renewed.append(1), follow(*a, **k)))
    for way, most in (("renewed", 100_000), ("anew", 0)):
        monkeypatch.setattr("data.changes.MOST_ROWS", most)
        root = tmp_path / way
        shutil.copytree(book / "portfolio", root / "portfolio")
        for name, files, append in steps:
            hashes[way] = load(root, name=name, files=files, append=append)
        found[way] = marts(root)
        assert len(renewed) == len(steps), "small changes are followed, and others are not"
    assert hashes["renewed"] == hashes["anew"]
    for mart, rows in found["anew"].items():
        assert found["renewed"][mart] == rows, mart
    return found["renewed"]


#: What each case adds to the book, and the marts that have to show it.
CASES: dict[str, tuple[dict[str, str], set[str]]] = {
    "a shipment joins a trip": (
        {"shipment.csv": "shipment_id,insured_id,lane_id,trip_id,departed_at\nH9,I3,L2,T1,2025-01-10 08:00:00\n"},
        {"lane_month"},
    ),
    "a shipment without lane or trip": (
        {"shipment.csv": "shipment_id,insured_id,departed_at\nH9,I3,2025-04-10 08:00:00\n"},
        {"shipment_fact"},
    ),
    "a trip without goods": (
        {"trip.csv": "trip_id,lane_id,departed_at\nT9,L2,2025-04-01 08:00:00\n"},
        {"lane_month"},
    ),
    "a new lane between known places": (
        {
            "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL9,S2,S1,sea\n",
            "shipment.csv": "shipment_id,insured_id,lane_id,departed_at\nH9,I3,L9,2025-04-10 08:00:00\n",
        },
        {"site_month"},
    ),
    "positions of a known device": (
        {"ping.csv": "device_id,pinged_at,latitude,longitude\nD1,2025-01-10 10:00:00,40.0,-100.0\n"},
        {"ping_fact"},
    ),
    "a device changes hands": (
        {"device_assignment.csv": "device_id,shipment_id,attached_at\nD2,H1,2025-02-20 00:00:00\n"},
        {"ping_fact"},
    ),
    "stops and scans": (
        {
            "stop.csv": "trip_id,site_id,latitude,longitude,arrived_at\nT2,S1,32.78,-96.80,2025-02-10 20:00:00\n",
            "scan.csv": "scan_id,shipment_id,scanned_at,site_id\nX9,H4,2025-03-11 09:00:00,S3\n",
        },
        {"site_month"},
    ),
    "incidents and claims": (
        {
            "incident.csv": (
                "incident_id,source,insured_id,trip_id,category,occurred_from,loss_amount\n"
                "N9,own,I2,T3,theft,2025-02-15 23:00:00,7000\n"
            ),
            "claim.csv": "claim_id,insured_id,incident_id,loss_date,paid_amount\nK9,I2,N9,2025-02-16,1\n",
        },
        {"theft_fact"},
    ),
    "a policy whose deductible ends the counting": (
        {
            "policy.csv": (
                "policy_id,insured_id,inception_date,expiry_date,deductible_amount\nP9,I1,2024-01-01,2025-01-01,9000\n"
            )
        },
        {"lane_month"},
    ),
    "goods that lie at another place": (
        {"site_value.csv": "site_id,insured_id,on_date,average_value\nS2,I3,2025-03-01,100\n"},
        {"site_month"},
    ),
    "controls and declared exposure": (
        {
            "control.csv": "control_id,lane_id,site_id,insured_id,measure,installed_on\nQ9,,S2,,guard,2025-01-01\n",
            "exposure.csv": "insured_id,period_start,period_end,basis,amount,lane_id\nI3,2025-01-01,2025-12-31,x,1,L4",
        },
        {"site_use"},
    ),
    "weighings that were due": (
        {
            "planned_scan.csv": (
                "shipment_id,site_id,kind,due_at,weighing_required\nH1,S1,depart,2025-01-10 07:00:00,true\n"
            )
        },
        {"weighing_fact"},
    ),
    "a longer trip on a lane": (
        {
            "trip.csv": (
                "trip_id,carrier_id,lane_id,departed_at,arrived_at\nT9,C1,L1,2025-03-10 08:00:00,2025-03-13 08:00:00\n"
            ),
            "shipment.csv": "shipment_id,insured_id,lane_id,trip_id,departed_at\nH9,I1,L1,T9,2025-03-10 08:00:00\n",
        },
        {"trip_window", "trip_telemetry"},
    ),
    "a first seal on a shipment": (
        {"seal_event.csv": "event_id,shipment_id,occurred_at,state\nE9,H5,2025-03-12 08:00:00,opened\n"},
        {"seal_key"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_appended_change_what_they_touch_and_nothing_else(case, book, tmp_path, monkeypatch):
    files, changed = CASES[case]
    before = marts(book)
    after = both_ways(book, tmp_path, monkeypatch, [("book", files, True)])
    assert {mart for mart in changed if after[mart] == before[mart]} == set()


def test_a_feed_replaced_beside_another(book, tmp_path, monkeypatch):
    other = {
        "shipment.csv": (
            "shipment_id,insured_id,lane_id,trip_id,commodity,declared_value,departed_at\n"
            "Z1,I3,L1,T1,metals,10,2025-01-10 08:00:00\nZ2,I3,L2,T2,metals,20,2025-02-10 08:00:00\n"
        ),
        "site.csv": SITE + "S9,Reno,NV,39.5,-119.8,given,America/Los_Angeles\n",
        "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL9,S9,S1,road\n",
    }
    again = {
        "shipment.csv": (
            "shipment_id,insured_id,lane_id,trip_id,commodity,declared_value,departed_at\n"
            "Z2,I3,L9,T3,metals,25,2025-02-10 08:00:00\nZ3,I2,L2,,metals,30,2025-02-11 08:00:00\n"
        ),
        "site.csv": SITE + "S9,Reno,NV,39.6,-119.7,given,America/Denver\n",
        "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL9,S9,S1,rail\n",
    }
    steps = [("other", other, False), ("other", again, False)]
    after = both_ways(book, tmp_path, monkeypatch, steps)
    assert {row[0] for row in after["shipment_key"]} == {"H1", "H2", "H3", "H4", "H5", "Z2", "Z3"}


def test_orphans_return_when_their_parent_comes_and_go_when_it_goes(book, tmp_path, monkeypatch):
    children = {
        "shipment.csv": (
            "shipment_id,insured_id,lane_id,departed_at\nO1,I9,L1,2025-01-20 08:00:00\nO2,I1,L8,2025-01-20 08:00:00\n"
        )
    }
    parents = {
        "insured.csv": "insured_id,name\nI9,Late\n",
        "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL8,S1,S3,air\n",
    }
    nobody = {"insured.csv": "insured_id,name\nI8,Else\n"}
    steps = [("children", children, False), ("parents", parents, False)]
    after = both_ways(book, tmp_path / "came", monkeypatch, steps)
    assert {"O1", "O2"} <= {row[0] for row in after["shipment_key"]}
    after = both_ways(book, tmp_path / "went", monkeypatch, [*steps, ("parents", nobody, False)])
    assert {"O1", "O2"} & {row[0] for row in after["shipment_key"]} == {"O2"}
