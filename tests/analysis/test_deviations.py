"""What the rules of deviation find in literal trips, what they do not, and what they cannot be asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.deviations import DEFAULT_RULES, DeviationRules, left_route, seal_then_scan
from analysis.trip_timeline import trip_timeline
from tests.analysis.journeys import LANES, Journey, load, moment

START = datetime(2025, 3, 3)
END = START + timedelta(hours=10)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def pings(*rows: tuple[float, float], accuracy: float = 20, device: str = "D1") -> pd.DataFrame:
    """(minutes after departure, metres off the route)."""
    return pd.DataFrame(
        {
            "device_id": device,
            "pinged_at": [at(minutes) for minutes, _ in rows],
            "latitude": 33.0,
            "longitude": -90.0,
            "accuracy_m": float(accuracy),
            "valid": True,
            "off_route_m": [float(metres) for _, metres in rows],
        }
    )


def scans(*minutes: float, authorised: bool | None = True) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scanned_at": pd.to_datetime([at(one) for one in minutes]),
            "site_id": "S1",
            "kind": "pickup",
            "authorised": pd.array([authorised] * len(minutes), dtype="boolean"),
        }
    )


def asked(seen: pd.DataFrame, scanned: pd.DataFrame, **given: object):
    options = {"has_route": True, "from_at": START, "to_at": END, **given}
    return left_route(seen, scans=scanned, **options)


def test_two_positions_in_a_row_right_after_a_scan_are_a_hit():
    found = asked(pings((0, 3), (5, 501), (10, 900), (15, 4), (20, 5)), scans(-5))
    assert found.state == "hit"
    (row,) = found.deviations.to_dict("records")
    assert (row["started_at"], row["ended_at"], row["is_hit"]) == (at(5), at(10), True)
    assert row["words"] == (
        "2 positions in a row over 500 m from the planned route, up to 0.9 km; first 10 min after the last authorised"
        " scan"
    )
    assert row["behind"] == "2 positions of D1, 00:05 to 00:10; pickup scan at S1, 23:55"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(pings((5, 900), (10, 4), (15, 900), (20, 5)), id="never two in a row"),
        pytest.param(pings((5, 500), (10, 500), (15, 2), (20, 5)), id="500 m is not over 500 m"),
        pytest.param(pings((-10, 900), (-5, 900), (5, 2), (10, 3)), id="before departure"),
        pytest.param(pings((5, 1), (10, 2), (601, 900), (605, 900)), id="after the end of the window"),
    ],
)
def test_what_is_no_deviation(seen):
    found = asked(seen, scans(0))
    assert (found.state, len(found.deviations)) == ("nothing found", 0)


def test_a_run_later_than_the_rule_allows_is_told_and_is_no_hit():
    found = asked(pings((6, 1), (11, 1), (16, 900), (21, 900)), scans(5))
    assert found.state == "nothing found"
    (row,) = found.deviations.to_dict("records")
    assert not row["is_hit"]
    assert row["words"].endswith("first 11 min after the last authorised scan, the rule asks for 10 min")
    # The last scan before it counts, not one that follows.
    assert asked(pings((6, 1), (11, 1), (16, 900), (21, 900)), scans(5, 8)).state == "hit"
    assert asked(pings((6, 1), (11, 1), (16, 900), (21, 900)), scans(5, 18)).state == "nothing found"


def test_a_scan_that_is_not_authorised_starts_no_clock():
    seen = pings((0, 1), (5, 900), (10, 900))
    for scanned in (scans(4, authorised=False), scans(4, authorised=None), scans()):
        found = asked(seen, scanned)
        assert (found.state, found.why) == ("not evaluable", "no authorised scan to count from")
        assert list(found.deviations["is_hit"]) == [False]


def test_positions_that_may_be_far_off_do_not_count():
    assert asked(pings((5, 900), (10, 900), accuracy=250), scans(0)).why == (
        "under 2 positions with an accuracy under 250 m"
    )
    assert asked(pings((5, 900), (10, 900), accuracy=np.nan), scans(0)).why == (
        "the accuracy of its positions is not known"
    )
    # One that may be far off does not break a run of exact ones.
    mixed = pd.concat([pings((5, 900), (15, 900)), pings((10, 1), accuracy=300)]).sort_values("pinged_at")
    assert asked(mixed, scans(0)).state == "hit"


def test_without_a_route_or_with_a_slow_device_it_cannot_be_asked():
    seen = pings((5, 900), (10, 900))
    assert asked(seen, scans(0), has_route=False).why == "its lane has no planned route"
    slow = asked(pings((5, 900), (20, 900), (35, 900)), scans(0))
    assert (slow.state, slow.why) == ("not evaluable", "its device reports every 15 minutes, slower than 10")
    # A long blackout does not make a device slow.
    assert asked(pings((5, 900), (10, 900), (200, 1), (205, 1)), scans(0)).state == "hit"


def test_two_devices_are_two_runs():
    seen = pd.concat([pings((5, 900), (10, 1), device="D1"), pings((6, 900), (11, 1), device="D2")])
    assert asked(seen.sort_values("pinged_at"), scans(0)).state == "nothing found"


def test_thresholds_are_edited_and_checked():
    strict = DeviationRules(off_route_m=200, least_positions=1, after_scan_s=60)
    assert asked(pings((1, 300), (10, 4)), scans(0), rules=strict).state == "hit"
    assert "over 200 m" in strict.words["off route"]
    assert "within 1 minutes" in strict.words["off route"]
    for wrong in ({"off_route_m": 0.0}, {"least_positions": -1}, {"usual_share": 1.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            DeviationRules(**wrong)


# ---- seal and scan


def seals(*rows: tuple[float, str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "occurred_at": pd.to_datetime([at(minutes) for minutes, _, _ in rows]),
            "seal_no": "Z9",
            "site_id": [site for _, _, site in rows],
            "state": [state for _, state, _ in rows],
        }
    )


def expected(*rows: tuple[float | None, bool]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "shipment_id": "H1",
            "site_id": "S2",
            "kind": "delivery",
            "due_at": pd.to_datetime([None if minutes is None else at(minutes) for minutes, _ in rows]),
            "is_done": [done for _, done in rows],
        }
    )


def sealed(found: pd.DataFrame, due: pd.DataFrame, **given: object):
    options = {"from_at": START, "to_at": END, "destination": "S2", "known_until": END, "is_planned": True, **given}
    return seal_then_scan(found, expected=due, **options)


@pytest.mark.parametrize("state", ["opened", "tampered"])
def test_a_seal_opened_on_the_way_and_no_delivery_scan_is_a_hit(state):
    found = sealed(seals((-10, "sealed", "S1"), (200, state, "Y1")), expected((500, False)))
    assert found.state == "hit"
    (row,) = found.deviations.to_dict("records")
    assert row["words"] == f"seal {state} at Y1, then 1 scan planned missing"
    assert row["behind"] == "seal Z9, 03:20; missing: delivery of H1"
    assert found.why == "opened once on the way; 1 of 1 scans planned missing"


@pytest.mark.parametrize(
    ("found", "due"),
    [
        pytest.param(seals((200, "opened", "Y1")), expected((500, True)), id="the scan was made"),
        pytest.param(seals((200, "opened", "Y1")), expected((100, False)), id="due before the seal was opened"),
        pytest.param(seals((200, "opened", "S2")), expected((500, False)), id="opened at its destination"),
        pytest.param(seals((-5, "opened", "S1")), expected((500, False)), id="opened before departure"),
        pytest.param(seals((200, "opened", "Y1")), expected((700, False)), id="not due yet when the data end"),
    ],
)
def test_what_is_no_hit_of_the_seal_rule(found, due):
    assert sealed(found, due).state == "nothing found"


def test_without_seal_or_expected_scan_it_cannot_be_asked():
    assert sealed(seals(), expected((500, False))).why == "no seal was recorded"
    assert sealed(seals((200, "opened", "Y1")), expected()).state == "not evaluable"
    # A scan that the lane usually has is due by the end of the trip.
    usual = sealed(seals((200, "opened", "Y1")), expected((None, False)), is_planned=False)
    assert usual.state == "hit"
    assert "that the lane's shipments usually have missing" in usual.deviations["words"].iloc[0]


# ---- through the loader


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """One trip east along the 33rd parallel that turns north five minutes after its scan, its seal cut on the way."""
    lanes = LANES.replace("mode\n", "mode,planned_route\n", 1)
    lanes = lanes.replace("L1,S1,S2,road", 'L1,S1,S2,road,"LINESTRING (-91 33, -90 33, -89 33)"')
    lanes = "\n".join(line if k in {0, 1} or not line else f"{line}," for k, line in enumerate(lanes.split("\n")))
    heard = range(0, 125, 5)
    rows = [f"left,{moment(m)},{33.0 if m < 5 or m > 40 else 33.01},{-91 + m / 60},20,true" for m in heard]
    files = {
        "lane.csv": lanes,
        "ping.csv": "device_id,pinged_at,latitude,longitude,accuracy_m,valid\n" + "\n".join(rows) + "\n",
        "scan.csv": f"scan_id,shipment_id,scanned_at,site_id,kind,authorised\nN1,H-left,{moment(-1)},S1,pickup,true\n",
        "planned_scan.csv": "shipment_id,site_id,kind,due_at,weighing_required\n"
        f"H-left,S1,pickup,{moment(0)},false\nH-left,S2,delivery,{moment(120)},false\n",
    }
    journey = Journey("left", 120, heard, seals=((-10, "sealed", "S1"), (60, "opened", "Y1")))
    return load(tmp_path_factory.mktemp("deviations"), journey, more=files)


def test_a_trip_tells_its_deviations_in_time(view):
    trip = trip_timeline(view, trip_id="left")
    assert [(one.rule, one.state) for one in trip.answers] == [("off route", "hit"), ("seal and scan", "hit")]
    found = trip.deviations
    assert list(found["started_at"]) == [pd.Timestamp(at(5)), pd.Timestamp(at(60))]
    # A hundredth of a degree north of the line is 1.1 km from it.
    assert found["words"].iloc[0] == (
        "8 positions in a row over 500 m from the planned route, up to 1.1 km; first 6 min after the last authorised"
        " scan"
    )
    assert "missing: delivery of H-left" in found["behind"].iloc[1]
    calm = trip_timeline(view, trip_id="left", rules=DeviationRules(off_route_m=2_000))
    assert [one.state for one in calm.answers] == ["nothing found", "hit"]
    assert DEFAULT_RULES.off_route_m == 500
