"""After a small load the marts say what they would say had they all been made anew, and the content hash too."""

from __future__ import annotations

import shutil
from datetime import datetime
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
    """Load a feed; what its name says after "@" is the date of its data."""
    name, _, dated = name.partition("@")
    top = TOP.replace("2025-06-30", dated or "2025-06-30")
    feed = write_feed(root / f"{name}-{len(list(root.iterdir()))}", files=files, name=name, top=top)
    return load_feed(feed, portfolio=root / "portfolio", append=append).content_hash


def marts(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every mart, in an order of its own."""
    path = Portfolio(root / "portfolio").open().path
    connection = duckdb.connect(str(path), read_only=True)
    try:
        held = [mart for mart in (*ORDER, "site_place", "orphan") if mart != "model_tables"]
        columns = {f"columns of {mart}": connection.execute(f"describe {mart}").fetchall() for mart in held}
        rows = {mart: connection.execute(f"select * from {mart} order by all").fetchall() for mart in held}
        return columns | rows
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
        {"lane_month", "trip_unit", "trip_telemetry"},
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
    "positions that arrive late": (
        {
            "ping.csv": (
                "device_id,pinged_at,received_at,latitude,longitude\n"
                # The fourth digit is a 5 that rounds the other way than the position itself.
                "D1,2025-01-10 11:00:00,2025-01-12 08:00:00,32.80049,-95.50051\n"
                "D2,2025-02-10 09:04:00,2025-02-10 09:04:00,33.80,-84.00\n"
            )
        },
        {"trip_signal", "trip_blackout", "trip_telemetry"},
    ),
    "a device that nobody assigned": (
        {
            "ping.csv": (
                "device_id,pinged_at,latitude,longitude\n"
                "D3,2025-01-10 10:00:00,40,-100\nD3,2025-01-10 11:00:00,40,-99\n"
            )
        },
        {"device_day"},
    ),
    "a theft from a tracked trip": (
        {
            "incident.csv": (
                "incident_id,source,insured_id,shipment_id,category,occurred_from,loss_amount\n"
                "N9,own,I2,H2,theft,2025-01-10 22:00:00,7000\nN8,own,I1,H4,theft,2025-03-11 12:00:00,7000\n"
            )
        },
        {"trip_loss", "loss_signal", "trip_window", "hour_hazard"},
    ),
    "a secured stop": (
        {
            "stop.csv": (
                "trip_id,site_id,arrived_at,left_at,secured\nT2,S3,2025-02-10 20:00:00,2025-02-10 22:00:00,true\n"
            )
        },
        {"trip_stretch", "trip_telemetry"},
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


TRIPS = "trip_id,lane_id,departed_at,arrived_at\n"
CARRIED = "shipment_id,insured_id,lane_id,trip_id,departed_at,delivered_at,scheduled_at\n"
WORN = "device_id,trip_id,attached_at,detached_at\n"


def told(found: dict[str, list[tuple[object, ...]]], mart: str, trip: str, *columns: str) -> list[object]:
    """What a mart holds of one trip."""
    names = [row[0] for row in found[f"columns of {mart}"]]
    rows = [row for row in found[mart] if row[names.index("trip_id")] == trip]
    assert len(rows) == 1
    return [rows[0][names.index(column)] for column in columns]


def test_further_trips_move_the_usual_time_of_their_lane_and_a_device_its_maintenance(book, tmp_path, monkeypatch):
    """Of T8 nobody knows the end: it is waited for as long as trips on L1 usually take, and half a day.

    Of the 6 hours that D1 was maintained after T7's goods were delivered, 2% of its time of April are taken out.
    """
    road = {
        "trip.csv": TRIPS + "T7,L1,2025-04-01 08:00:00,2025-04-02 08:00:00\nT8,L1,2025-05-01 08:00:00,\n",
        "shipment.csv": CARRIED
        + "H7,I1,L1,T7,2025-04-01 08:00:00,2025-04-01 20:00:00,\nH8,I1,L1,T8,2025-05-01 08:00:00,,\n",
        "device_assignment.csv": WORN + "D1,T7,2025-04-01 08:00:00,2025-04-02 08:00:00\n",
        "maintenance.csv": (
            "device_id,announced_at,starts_at,ends_at\nD1,2025-03-30 08:00:00,2025-04-01 21:00:00,2025-04-02 03:00:00\n"
        ),
    }
    more = {
        "trip.csv": TRIPS
        + "T9,L1,2025-04-10 08:00:00,2025-04-13 08:00:00\nT10,L1,2025-04-20 08:00:00,2025-04-23 08:00:00\n",
        "shipment.csv": CARRIED
        + "H9,I1,L1,T9,2025-04-10 08:00:00,,\nH10,I1,L1,T10,2025-04-20 08:00:00,2025-04-23 08:00:00,\n",
        "device_assignment.csv": WORN + "D1,T9,2025-04-10 08:00:00,2025-04-13 08:00:00\n",
    }
    before = both_ways(book, tmp_path / "before", monkeypatch, [("road", road, False)])
    assert told(before, "trip_window", "T8", "ends_at", "ended_by") == [datetime(2025, 5, 3, 1), "schedule"]
    assert told(before, "trip_telemetry", "T7", "window_s") == [86400 - 1728]
    after = both_ways(book, tmp_path / "after", monkeypatch, [("road", road, False), ("more", more, False)])
    assert told(after, "trip_window", "T8", "ends_at", "ended_by") == [datetime(2025, 5, 4, 1), "schedule"]
    assert told(after, "trip_telemetry", "T7", "window_s") == [86400 - 6912]


def test_a_later_date_of_the_data_lengthens_the_trips_under_way(book, tmp_path, monkeypatch):
    waiting = {
        "trip.csv": TRIPS + "T8,L1,2025-06-29 08:00:00,\n",
        "shipment.csv": CARRIED + "H8,I1,L1,T8,2025-06-29 08:00:00,,2025-07-20 08:00:00\n",
        "planned_scan.csv": (
            "shipment_id,site_id,kind,due_at,weighing_required\nH8,S1,depart,2025-07-01 12:00:00,true\n"
        ),
    }
    later = {"insured.csv": "insured_id,name\nI9,Late\n"}
    steps = [("waiting", waiting, False), ("later@2025-07-02", later, False)]
    after = both_ways(book, tmp_path, monkeypatch, steps)
    assert told(after, "trip_window", "T8", "ends_at", "ended_by") == [datetime(2025, 7, 3), "under way"]
    assert len(after["weighing_fact"]) == 1


def test_trackers_that_are_taken_out_leave_no_trace(book, tmp_path, monkeypatch):
    goods = {"shipment.csv": CARRIED + "H9,I1,L4,T3,2025-02-15 08:00:00,,\n"}
    tracked = goods | {
        "device.csv": "device_id,kind\nD5,gps\n",
        "device_assignment.csv": WORN + "D5,T3,2025-02-15 08:00:00,2025-02-16 08:00:00\n",
        "ping.csv": "device_id,pinged_at,latitude,longitude\nD5,2025-02-15 09:00:00,33.0,-92.0\n",
    }
    there, gone = [("trackers", tracked, False)], [("trackers", tracked, False), ("trackers", goods, False)]
    before = both_ways(book, tmp_path / "there", monkeypatch, there)
    assert told(before, "trip_telemetry", "T3", "device_id", "fixes") == ["D5", 1]
    after = both_ways(book, tmp_path / "gone", monkeypatch, gone)
    assert told(after, "trip_telemetry", "T3", "device_id", "fixes") == [None, None]


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
