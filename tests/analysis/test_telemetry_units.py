"""What counts as a trip, whose part of it is whose, and how the schedule's three definitions agree with slots."""

from __future__ import annotations

import pytest

from analysis.filters import Scope
from analysis.service_levels import slot_uptime
from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import service_values
from tests.analysis.journeys import Journey, every, load, moment, trip
from tests.portfolios import load_files, open_view

TOP = 'currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n'
INSUREDS = "insured_id,name\nA,Acme\nB,Bolt\n"
SHIPMENTS = "shipment_id,insured_id,trip_id,declared_value,departed_at,delivered_at\n"
ASSIGNED = "device_id,trip_id,shipment_id,attached_at,detached_at\n"


def pings(device: str, minutes: list[float]) -> str:
    return "".join(f"{device},{moment(m)},33,-90\n" for m in minutes)


def book(tmp_path, **files: str):
    load_files(tmp_path, files={f"{name}.csv": text for name, text in files.items()}, top=TOP)
    return open_view(tmp_path)


# ---- the constructed day of 288 slots, some missed (tests/analysis/test_service_levels.py), through the loader

MISSED = [10, 50, 51, *range(100, 106), *range(200, 220)]


@pytest.mark.parametrize("stops", [(), ((1050, 1080, "Y1", ""),)], ids=["whole day", "six slots excluded"])
def test_the_mart_agrees_with_slots_by_every_definition(tmp_path, stops):
    heard = [5 * slot for slot in range(288) if slot not in MISSED]
    view = load(tmp_path, Journey("day", 1440, heard, stops=stops))
    excluded = range(210, 216) if stops else ()
    for definition, run in (("stricter", 1), ("schedule", 2), ("looser", 3)):
        found = service_values(view, measures=[SERVICE_MEASURES["uptime"]], definition=definition)["uptime"]
        expected = slot_uptime(MISSED, due=288, excluded=excluded, least_run=run).uptime
        assert found.value == pytest.approx(expected, abs=1e-12), definition
    assert trip(view, "day")["longest_dark_s"] == (4200 if stops else 6000)


# ---- goods of several, devices on goods, no trips


def test_goods_of_two_insureds_share_their_trip(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\n",
        shipment=SHIPMENTS
        + "".join(
            f"{key},{insured},T,{value},{moment(0)},{moment(600)}\n"
            for key, insured, value in (("1", "A", 100), ("2", "B", 300), ("3", "B", 500))
        ),
        device_assignment=f"{ASSIGNED}D,T,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 300)),
    )
    assert view.rows("select insured_id, part, value_base::int from trip_telemetry order by 1") == [
        ("A", pytest.approx(1 / 3), 100),
        ("B", pytest.approx(2 / 3), 800),
    ]
    whole = service_values(view)
    parts = [service_values(view.snapshot.view(Scope(frozenset({one})), view.filters)) for one in ("A", "B")]
    assert whole["uptime"].n == 1
    for key in ("uptime", "uptime_value", "coverage", "completeness", "protected_share"):
        assert sum(part[key].numerator for part in parts) == pytest.approx(whole[key].numerator), key
        assert sum(part[key].denominator for part in parts) == pytest.approx(whole[key].denominator), key
    # Last heard at minute 300 of 600.
    assert whole["uptime"].value == parts[0]["uptime"].value == pytest.approx(305 / 600)


def test_a_device_on_one_of_two_shipments_covers_that_one(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\n",
        shipment=f"{SHIPMENTS}1,A,T,100,{moment(0)},{moment(600)}\n2,A,T,300,{moment(0)},{moment(600)}\n",
        device_assignment=f"{ASSIGNED}D,,2,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 600)),
    )
    found = service_values(view)
    assert (found["coverage"].value, found["coverage_value"].value) == (0.5, 0.75)
    # The trip as a whole had no device: it is not protected.
    assert view.rows("select fault from trip_telemetry") == [("no device",)]


def test_without_a_table_of_trips_each_shipment_is_one(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        shipment=f"{SHIPMENTS}1,A,,100,{moment(0)},{moment(600)}\n2,A,R7,300,{moment(0)},\n",
        device_assignment=f"{ASSIGNED}D,,1,{moment(0)},{moment(600)}\nE,R7,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 600)) + pings("E", every(5, 60)),
    )
    rows = view.rows("select trip_id, is_trip, tracked_part, slots_due, ended_by from trip_telemetry order by 1")
    # The second was never delivered, scanned or promised: when its window ended is not known.
    assert rows == [("1", False, 1.0, 120, "arrival"), ("2", False, 1.0, None, None)]
    assert trip(view, "1")["uptime"] == 1
    assert trip(view, "2")["fault"] == "no arrival"


def test_two_devices_on_a_trip_vouch_for_each_other(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\n",
        shipment=f"{SHIPMENTS}1,A,T,100,{moment(0)},{moment(600)}\n",
        device_assignment=f"{ASSIGNED}D,T,,{moment(0)},\nE,T,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 300)) + pings("E", every(5, 600, 290)),
    )
    found = trip(view, "T")
    assert (found["completeness"], found["uptime"], found["devices"]) == (1, 1, 2)
    assert found["assigned_s"] == 36_000


def test_a_trip_without_goods_is_no_part_of_the_sla(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\nEmpty,{moment(0)},{moment(600)}\n",
        shipment=f"{SHIPMENTS}1,A,T,100,{moment(0)},{moment(600)}\n",
        device_assignment=f"{ASSIGNED}D,Empty,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 600)),
    )
    assert trip(view, "Empty")["is_due"] is False
    assert service_values(view)["uptime"].value is None


def test_where_nobody_lists_goods_every_trip_carries_some(tmp_path):
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\n",
        device_assignment=f"{ASSIGNED}D,T,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + pings("D", every(5, 600)),
    )
    assert trip(view, "T")["is_due"] is True


def test_a_trip_without_a_promise_is_waited_for_as_long_as_its_lane_takes(tmp_path):
    view = load(
        tmp_path,
        *(Journey(f"usual-{k}", 60 * k, every(5, 60)) for k in (5, 6, 10)),
        Journey("gone", 1, every(5, 60), arrives=False),
    )
    # The median of 5, 6 and 10 hours, and twelve more.
    assert trip(view, "gone")["window_s"] == 18 * 3600


def test_exact_repeats_and_disorder_change_nothing(tmp_path):
    minutes = every(5, 600)
    sent = pings("D", [*reversed(minutes), *minutes])
    view = book(
        tmp_path,
        insured=INSUREDS,
        trip=f"trip_id,departed_at,arrived_at\nT,{moment(0)},{moment(600)}\n",
        shipment=f"{SHIPMENTS}1,A,T,100,{moment(0)},{moment(600)}\n",
        device_assignment=f"{ASSIGNED}D,T,,{moment(0)},\n",
        ping="device_id,pinged_at,latitude,longitude\n" + sent,
    )
    found = trip(view, "T")
    assert (found["fixes"], found["completeness"], found["uptime"]) == (120, 1, 1)
