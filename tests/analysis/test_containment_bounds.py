"""Incidents contained at a time that is not known: neither dropped nor guessed, but bounded both ways."""

from __future__ import annotations

from datetime import datetime

import pytest

from analysis.containment import (
    by_quarter,
    change_of,
    change_of_curve,
    containment,
    ends_over_time,
    incident_clocks,
    restricted_mean,
)
from analysis.containment_groups import compare_clocks, pace_words, two_words
from analysis.containment_phases import loss_against_time, phases
from tests.analysis.incidents import Case, contained, gone, load_cases

MIDNIGHT = datetime(2025, 3, 3)
DATES = [
    *(Case(f"held{k}", begins=MIDNIGHT, detected=0, contained=0, window=0, status="contained") for k in range(18)),
    *(gone(f"gone{k}", begins=MIDNIGHT, detected=0, closed=1440) for k in range(6)),
]
UNTIMED = [
    *(contained(f"timed{k}", 20) for k in range(3)),
    *(Case(f"when{k}", status="contained", site="S1") for k in range(15)),
    *(gone(f"gone{k}") for k in range(6)),
]


@pytest.mark.parametrize(("cases", "low", "quickest"), [(DATES, 0, 360), (UNTIMED, 3 / 24, 362.5)])
def test_outcomes_without_a_time_give_bounds_and_no_value(tmp_path, cases, low, quickest):
    view = load_cases(tmp_path, cases)
    found = containment(incident_clocks(view))
    assert (found.within_60.value, found.mean.value, found.median.value) == (None, None, None)
    # None of them within the day, or all at once: 18 of 24 were contained in the end.
    assert tuple(found.within_60.bounds) == pytest.approx((low, 18 / 24))
    # 6 of 24 count 1440 minutes, three of the other 20; or all but these.
    assert tuple(found.mean.bounds) == pytest.approx((quickest, 1440 - low * 1420))
    assert tuple(found.median.bounds) == (0, float("inf"))
    assert found.within_60.interval.low <= low
    assert found.within_60.interval.high > 18 / 24
    assert found.within_60.n == 24
    held = 15 if low else 18
    assert found.within_60.caveats[0] == (
        f"Cannot be told: {held} of 24 contained without a usable time; 75% if all of these were contained at once,"
        f" {100 * low:g}% if none within 24 h"
    )
    assert found.lack == f"Cannot be told: {held} of 24 contained without a usable time"
    # The Overview says the same, and no change is told.
    assert restricted_mean(view).bounds == found.mean.bounds
    assert change_of(found.mean, found.mean).difference is None
    clocks = incident_clocks(view)
    assert change_of_curve(clocks, clocks).p_value is None
    assert by_quarter(clocks, known_to=datetime(2025, 12, 31)).empty


def test_few_without_a_time_widen_the_interval_and_leave_the_value(tmp_path):
    cases = [*(contained(f"{k}", 20) for k in range(20)), *(gone(f"gone{k}") for k in range(19)),
             Case("when", status="contained")]  # fmt: skip
    clocks = incident_clocks(load_cases(tmp_path, cases))
    found, timed = containment(clocks), containment(clocks.only(clocks.frame["clock_fault"].isna()))
    assert found.within_60.value == timed.within_60.value == pytest.approx(20 / 39)
    assert found.within_60.bounds is None
    assert found.within_60.interval.low < timed.within_60.interval.low
    assert found.within_60.interval.high > timed.within_60.interval.high
    assert found.mean.standard_error > timed.mean.standard_error
    assert found.mean.caveats[0].startswith("1 of 40 contained without a usable time: the interval holds both")
    assert not found.lack
    # With every clock known nothing is widened.
    assert timed.extremes == ()


def test_a_date_counts_at_every_end_for_what_is_sure(tmp_path):
    cases = [
        # Dates three days apart are over a day apart, whatever the hours.
        Case("late", begins=MIDNIGHT, detected=0, contained=4320, window=0, status="contained"),
        Case("next day", begins=MIDNIGHT, detected=0, contained=1440, window=0, status="contained"),
        gone("closed that day", begins=MIDNIGHT, detected=0, closed=0),
        Case("open", begins=datetime(2025, 12, 30), detected=0, status="open"),
        Case("open, today", begins=datetime(2025, 12, 31), detected=0, status="open"),
    ]
    cases = [Case(**{**vars(case), "name": case.name.replace(",", "")}) for case in cases]
    frame = incident_clocks(load_cases(tmp_path, cases)).frame.set_index("incident_id")
    assert frame["clock_fault"].dropna().to_dict() == {"next day": "a date without a time of day"}
    # Closed by the end of the day; open from the end of its first day on, at the latest.
    kept = frame["clock_minutes"].drop("next day").to_dict()
    assert kept == {"late": 4320 - 1440, "closed that day": 1440, "open": 1440, "open today": 0}


def test_closed_not_contained_without_a_time_still_ends_so(tmp_path):
    cases = [*(contained(f"{k}", 20) for k in range(6)), *(gone(f"gone{k}", closed=None) for k in range(6))]
    found = ends_over_time(incident_clocks(load_cases(tmp_path, cases)))
    assert found.share_by(1439, end="contained").value == pytest.approx(0.5)


def test_no_group_is_judged_by_what_is_left_of_it(tmp_path):
    cases = [
        *(contained(f"slow{k}", 200 + k, site="S1") for k in range(8)),
        *(Case(f"when{k}", status="contained", site="S1") for k in range(8)),
        *(contained(f"fast{k}", 20 + k, site="S2") for k in range(16)),
    ]
    clocks = incident_clocks(load_cases(tmp_path, cases))
    groups = compare_clocks(clocks, by="site")
    rows = groups.frame.set_index("key")
    assert rows["verdict"].to_dict() == {"S1": "cannot be told", "S2": "cannot be told"}
    assert rows["unclear"].to_dict() == {"S1": 8, "S2": 0}
    assert rows.loc["S1", ["within_60", "pace"]].isna().all()
    assert rows.loc["S1", "within_60_high"] > 0.5
    assert rows.loc["S2", "within_60"] == 1
    assert groups.shown == ()
    assert pace_words(groups) == "Who contains slower cannot be told: 8 of 32 contained without a usable time"
    assert two_words(groups, held="S2", other="S1") == ("Cannot be told: 8 of 32 without a usable time of containment")
    # Without a word on the unclear ones the hub would be called slower.
    known = compare_clocks(clocks.only(clocks.frame["clock_fault"].isna()), by="site")
    assert known.frame.set_index("key").loc["S1", "verdict"] == "slower"
    # A group none of which has a time is listed all the same.
    alone = compare_clocks(clocks.only(~clocks.frame["incident_id"].str.startswith("slow")), by="site")
    assert alone.frame.set_index("key").loc["S1", ["n", "unclear", "verdict"]].tolist() == [0, 8, "cannot be told"]


def test_neither_phases_nor_losses_speak_for_those_without_a_time(tmp_path):
    clocks = incident_clocks(load_cases(tmp_path, UNTIMED))
    found = phases(clocks)
    row = found.frame.set_index("key").loc["contained"]
    assert row[["median", "low", "high", "quarter", "three_quarters"]].isna().all()
    assert found.unnoticed_share.value is None
    assert loss_against_time(clocks).correlation.caveats == (
        "Cannot be told: 15 of 24 contained without a usable time",
    )
