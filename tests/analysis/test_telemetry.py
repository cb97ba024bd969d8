"""Service levels over a view: sums that add up, a lone insured against the book, and what is missing said so."""

from __future__ import annotations

from datetime import date

import pytest

from analysis.dark_signals import dark_at_loss, dead_areas
from analysis.filters import Filters, Scope
from analysis.models import fit
from analysis.service_measures import GAP_BINS, SERVICE_MEASURES, THRESHOLDS, dark_seconds, defined
from analysis.telemetry import (
    calendar,
    faults,
    gap_distribution,
    left_out,
    service_by_unit,
    service_values,
)
from analysis.trip_selection import worst_trips
from analysis.trip_timeline import off_route, parse_linestring, trip_timeline
from data.errors import LanewiseError
from data.load import load_feed
from data.portfolio import View
from tests.analysis.journeys import Journey, every, load, moment, without
from tests.portfolios import load_files, open_view

DAY = 1440
SOUND = every(5, DAY)
#: Six insureds whose trucks are dark for none to five hours of a day, and one whose flight nobody hears.
JOURNEYS = (
    *(Journey(f"I{k}", DAY, without(SOUND, (300, 300 + 60 * k)), starts_days=31 * (k % 2), value=str(1000 * (k + 1)))
      for k in range(6)),
    Journey("untracked", DAY, attached=None),
    Journey("flight", 600, lane="A1"),
    Journey("robbed", DAY, without(SOUND, (690, 760)), theft=(715, 725), arrives=False, scheduled=DAY),
)  # fmt: skip
# Tolerance of 2% or one step of the scale: 2.0 is on the edge, 2.1 is over it, the last parcel lies within its step.
SCANS = (
    "scan_id,shipment_id,handling_unit,scanned_at,expected_weight_kg,measured_weight_kg,scale_id,scale_resolution_kg\n"
    "W1,H-I0,u1,2025-03-04,100,102,W-1,0.5\n"
    "W2,H-I0,u2,2025-03-04,100,102.1,W-1,0.5\n"
    "W3,H-I0,u3,2025-03-04,100,100,W-1,0.5\n"
    "W4,H-I0,u4,2025-03-04,1,1.5,W-2,0.5\n"
    # Weighed again until it fits: it did not always.
    "W5,H-I0,u5,2025-03-04 08:00:00,100,80,W-2,0.5\n"
    "W6,H-I0,u5,2025-03-04 09:00:00,100,100.5,W-2,0.5\n"
    "W7,H-I0,u6,2025-03-04,,50,W-2,0.5\n"
    "W8,H-I1,,2025-03-05,100,,,\n"
)
PLANNED = (
    "shipment_id,site_id,kind,due_at,weighing_required\n"
    "H-I0,,,2025-03-04,true\n"
    "H-I1,,,2025-03-05,true\n"
    "H-I1,S1,,2025-03-05,false\n"
    "H-I2,,,2026-03-05,true\n"
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    root = tmp_path_factory.mktemp("telemetry")
    load(root, *JOURNEYS, more={"scan.csv": SCANS, "planned_scan.csv": PLANNED})
    load_feed(root / "acme", portfolio=root / "portfolio", fit=fit)
    return open_view(root)


def of(view: View, *insureds: str, **filters: object) -> View:
    scope = Scope(frozenset(insureds)) if insureds else Scope()
    return view.snapshot.view(scope, Filters(**filters))


def test_uptime_is_time_up_over_time_due(view):
    found = service_values(view)["uptime"]
    # Dark for 0 to 5 hours in six days, and 25 minutes of the robbed trip's 715 before the incident ended it.
    dark, due = (0 + 60 + 120 + 180 + 240 + 300) * 60, 6 * 86_400
    assert found.denominator == due + 715 * 60
    assert found.numerator == found.denominator - dark - (715 - 690) * 60
    assert found.n == 7
    assert found.words() == "90.1%"


def test_value_hours_weigh_by_value(view):
    found = service_values(of(view, "I0", "I5"))["uptime_value"]
    assert found.value == pytest.approx(1 - 6000 * 5 / (24 * 7000))


def test_months_and_units_add_up_to_the_whole(view):
    for key, found in service_values(view).items():
        if found.value is None or found.measure.fact == "device_day":
            continue
        assert sum(share * due for _, share, due in found.months) == pytest.approx(found.numerator), key
        for unit in ("insured", "carrier", "lane"):
            units = service_by_unit(view, measure=SERVICE_MEASURES[key], unit=unit)
            rows = units.frame
            assert (rows["value"] * rows["denominator"]).sum() == pytest.approx(found.numerator), (key, unit)
            assert rows["n"].sum() + units.without_unit == pytest.approx(found.n), (key, unit)
        days = calendar(view, measure=SERVICE_MEASURES[key])
        assert (days["value"] * days["denominator"]).sum() == pytest.approx(found.numerator), key


def test_a_filter_cuts_every_part(view):
    april = of(view, first_month=date(2025, 4, 1), last_month=date(2025, 4, 1))
    found = service_values(april)
    assert found["uptime"].n == 3  # I1, I3 and I5
    assert len(worst_trips(april)) == 3
    assert gap_distribution(april)["gaps"].sum() < gap_distribution(view)["gaps"].sum()
    assert dark_at_loss(april).total is None
    assert dead_areas(april).blackouts == 3


def test_one_insured_sees_its_own_trips_and_the_books_spread_only(view):
    mine = of(view, "I5")
    assert list(worst_trips(mine)["trip_id"]) == ["I5"]
    found = service_values(mine)["uptime"]
    assert found.clusters == 1
    # A single device: its interval comes from how devices of the book differ.
    assert found.shrunk
    assert "from 1 device only: how far they differ is taken from the whole book's as well" in found.caveats
    assert mine.rows("select count(*) from device_day") == [(0,)]
    # Two trips of one size would give each other away; seven insureds share this level.
    assert service_by_unit(mine, measure=SERVICE_MEASURES["uptime"], unit="carrier").level_is_book
    assert mine.rows("select is_shareable from service_spread where measure = 'weight_match'") == [(False,)]
    assert mine.rows("select value from service_spread where measure = 'weight_match'") == [(None,)]


def test_the_stricter_definition_is_never_higher_and_the_looser_never_lower(view):
    values = [service_values(view, definition=name)["uptime"].value for name in ("stricter", "schedule", "looser")]
    assert values == sorted(values)
    assert service_values(view, definition=600)["uptime"].value == pytest.approx(values[1])
    by_threshold = [service_values(view, definition=seconds)["uptime"].value for seconds in THRESHOLDS]
    assert by_threshold == sorted(by_threshold)
    assert "over" not in dark_seconds("looser")
    with pytest.raises(ValueError, match="a threshold is one of"):
        defined(SERVICE_MEASURES["uptime"], 700)


def test_every_measure_says_which_definition_it_uses(view):
    found = service_values(view, definition="looser")
    assert any("3 intervals" in caveat for caveat in found["uptime"].caveats)
    assert not any("interval" in caveat for caveat in found["coverage"].caveats)


def test_coverage_leaves_out_what_flies_and_keeps_what_has_no_device(view):
    found = service_values(view)["coverage"]
    assert (found.numerator, found.denominator) == (7, 8)
    out = left_out(view)
    assert (out.trips, out.no_signal, out.without_device, out.without_arrival) == (9, 1, 1, 1)


def test_weights_match_within_two_per_cent_or_a_step(view):
    found = service_values(view)
    assert (found["weight_match"].numerator, found["weight_match"].denominator) == (3, 5)
    assert (found["weight_copied"].numerator, found["weight_copied"].denominator) == (1, 5)
    # Required and due by the data's date: two, of which one was weighed.
    assert (found["weighed_share"].numerator, found["weighed_share"].denominator) == (1, 2)


def test_gaps_fall_into_their_bins(view):
    gaps = gap_distribution(of(view, "I0", "I5")).set_index("to_s")
    # 287 intervals of five minutes, a lead-in of nothing and a tail of five for the one; one gap of 305 minutes less
    # for the other.
    assert gaps["gaps"].sum() == (289 - 1) + 1 + (289 - 60 - 1) + 1
    assert gaps["dark_hours"].sum() == pytest.approx(5)
    assert gaps["gaps"].iloc[-1] == 1
    assert list(gaps["over_s"])[1:] == [end for _, end in GAP_BINS[:-1]]


def test_reasons_add_up_to_what_is_not_protected(view):
    found = service_values(view)["protected_share"]
    assert faults(view)["trips"].sum() == pytest.approx(found.denominator - found.numerator)
    assert set(faults(view)["fault"]) == {"blackout too long", "too few reports", "no device", "no arrival"}


def test_the_budget_says_what_is_left(view):
    sound = service_values(of(view, "I0"))["uptime"]
    assert sound.budget.left == 1
    assert service_values(of(view, "I5"))["uptime"].budget.left == pytest.approx(1 - 5 / 0.24)


def test_a_theft_in_the_dark_is_named_with_its_chance(view):
    found = dark_at_loss(view)
    assert list(found.rows["incident_id"]) == ["X-robbed"]
    ((key, thefts, dark),) = found.frame[["key", "thefts", "dark"]].itertuples(index=False)
    assert (key, thefts, dark) == ("robbed", 1, 1)
    # Of the six days of the others, 15 hours were dark in five blackouts; the loss and its margins last 70 minutes.
    assert found.frame["chance"].iloc[0] == pytest.approx((15 * 60 + 5 * 70) / (6 * 1440))
    assert not found.frame["is_own"].iloc[0]
    assert found.caveats == ("1 of 1 have under 100 watched hours: they are held to all trips selected",)


def test_dead_areas_count_blackouts_where_they_begin(view):
    found = dead_areas(view, resolution=7)
    assert (found.blackouts, found.placed) == (6, 6)
    assert found.frame["dark_hours"].sum() == pytest.approx(15 + 25 / 60)
    assert found.frame["blackouts"].sum() == 6
    with pytest.raises(ValueError, match="resolutions 3, 5, 7"):
        dead_areas(view, resolution=4)


@pytest.mark.parametrize(("latitude", "longitude"), [("33.1", "-91.2"), ("33.123456", "-91.765447")])
def test_a_signal_that_dies_on_the_open_road_has_its_place(tmp_path, latitude, longitude):
    heard = [0, 5, 10, 60, 65, 70]
    pings = "device_id,pinged_at,received_at,latitude,longitude,valid\n" + "".join(
        f"road,{moment(minutes)},{moment(minutes + 0.1)},{latitude},{longitude},true\n" for minutes in heard
    )
    found = dead_areas(load(tmp_path, Journey("road", 70, heard), more={"ping.csv": pings}), resolution=7)
    assert (found.blackouts, found.placed) == (1, 1)
    assert (found.frame["blackouts"].sum(), found.frame["positions"].sum()) == (1, 6)
    assert found.caveats == ()


def test_units_that_a_measure_does_not_have_are_refused(view):
    with pytest.raises(ValueError, match="weight_match is not told by device"):
        service_by_unit(view, measure=SERVICE_MEASURES["weight_match"], unit="device")


def test_a_portfolio_without_devices_says_what_to_load(tmp_path):
    load_files(tmp_path)
    found = service_values(open_view(tmp_path))
    assert found["uptime"].value is None
    assert found["uptime"].caveats == ("not evaluable: the portfolio has no rows in device_assignment, ping",)
    assert found["weight_match"].caveats == ("not evaluable: the portfolio has no rows in scan",)


# ---- one trip


def test_a_timeline_holds_all_of_its_trip(view):
    found = trip_timeline(view, trip_id="robbed")
    assert found.facts["fault"] == "no arrival"
    assert found.facts["ended_by"] == "incident"
    assert list(found.gaps["kind"]) == ["tail"]
    assert found.gaps["dark_minutes"].iloc[0] == 25
    assert list(found.incidents["incident_id"]) == ["X-robbed"]
    assert list(found.seals["state"]) == ["sealed"]
    assert list(found.ends["role"]) == ["origin", "destination"]
    # To half an hour after the incident, which ended the trip.
    assert len(found.pings) == found.of == 138
    assert "its lane has no planned route: whether it left it is not evaluable" in found.caveats


def test_a_trip_of_another_insured_is_not_there(view):
    with pytest.raises(LanewiseError, match="there is no trip 'I5'"):
        trip_timeline(of(view, "I0"), trip_id="I5")


def test_distance_from_a_route_respects_its_ends():
    route = parse_linestring("LINESTRING (0 0, 1 0)")
    # On it, a tenth of a degree beside its middle, and as far beyond its end.
    assert off_route([0, 0.1, 0], [0.5, 0.5, 1.1], route=route) == pytest.approx([0, 11_132, 11_132], abs=1)
    assert parse_linestring("POINT (0 0)") == parse_linestring(None) == ()


@pytest.mark.parametrize("measure", SERVICE_MEASURES.values(), ids=lambda measure: measure.key)
def test_every_service_level_is_documented(measure):
    assert measure.definition.endswith(".")
    assert not measure.formula.endswith(".")
    assert measure.label[0].isupper()
    assert measure.target is None or measure.floor is None or measure.floor < measure.target
    assert bool(measure.among) == bool(measure.known_words)


def test_labels_of_service_levels_are_distinct():
    assert len({measure.label for measure in SERVICE_MEASURES.values()}) == len(SERVICE_MEASURES)
