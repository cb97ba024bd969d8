"""Literal incidents with literal clocks: what counts how, and that nothing is lost on the way."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from analysis.containment import (
    by_quarter,
    change_of,
    containment,
    ends_over_time,
    fault_counts,
    incident_clocks,
    restricted_mean,
)
from analysis.estimates import Estimate
from analysis.filters import Filters, Scope
from data.portfolio import View
from tests.analysis.incidents import BEGINS, Case, contained, gone, load_cases

CASES = (
    # On time, on the limit, late; the alarm starts the clock where it is earlier, whatever a person saw when.
    contained("fast", 20),
    contained("limit", 60),
    contained("slow", 100, insured="I2"),
    Case("alarmed", alarm=10, detected=60, contained=50, status="contained"),
    Case("alarm only", alarm=10, detected=None, contained=100, status="contained"),
    # The file is still open, but the loss is stopped.
    Case("stopped", detected=60, contained=70, status="open"),
    gone("gone"),
    gone("gone and never seen", detected=None, notified=500),
    Case("open", status="open", begins=datetime(2025, 12, 31, 22, 30), detected=60),
    contained("attempt", 40, category="attempt"),
    # In no curve, each with its reason.
    Case("backwards", detected=60, contained=30, status="contained"),
    Case("unnoticed", detected=None, contained=30, status="contained"),
    Case("when?", detected=60, status="contained"),
    Case("how?", detected=60, closed=5000),
    Case("dates", begins=datetime(2025, 3, 3), detected=0, contained=0, window=0, status="contained"),
    # Others', which are no incidents of ours.
    Case("market", source="market", insured="", contained=65),
    Case("carrier", source="carrier", contained=65),
)

TIMED = ("fast", "limit", "slow", "alarmed", "alarm only", "stopped", "gone", "gone and never seen", "open", "attempt")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return load_cases(tmp_path_factory.mktemp("contain"), CASES)


def test_every_own_incident_is_in_the_curve_or_listed_with_its_reason(view):
    clocks = incident_clocks(view)
    found = containment(clocks)
    assert (found.n, found.contained, found.not_contained, found.still_open, found.without_clock) == (15, 7, 2, 1, 5)
    assert dict(fault_counts(clocks)) == {
        "contained before it was noticed": 1,
        "neither alarm nor detection has a time": 1,
        "contained, not said when": 1,
        "closed, not said whether contained": 1,
        "a date without a time of day": 1,
    }
    assert sorted(clocks.faulty["incident_id"]) == ["backwards", "dates", "how?", "unnoticed", "when?"]
    assert any("In no curve" in caveat and "5 of 15" in caveat for caveat in found.mean.caveats)


def test_the_clock_starts_at_the_earlier_of_alarm_and_detection(view):
    frame = incident_clocks(view).frame.set_index("incident_id")
    minutes = {name: frame.loc[name, "clock_minutes"] for name in ("fast", "alarmed", "alarm only", "stopped", "open")}
    # The open one is followed to the end of the data's date: 23:30 to midnight.
    assert minutes == {"fast": 20, "alarmed": 40, "alarm only": 90, "stopped": 10, "open": 30}
    assert frame.loc["fast", "occurred_to_contained_minutes"] == 80
    assert frame.loc["open", "is_open"]
    assert not frame.loc["stopped", "is_open"]


def test_closed_not_contained_counts_to_the_horizon_and_open_as_censored(view):
    clocks = incident_clocks(view)
    found = containment(clocks.only(clocks.frame["clock_fault"].isna()))
    # 10 timed: 10, 20, (30 open), 40, 40, 60, 90, 100 and two that are gone.
    # After 30 minutes 8 of 10 are left, and one of those is censored: 8/10 x 5/7 x 4/5 = 16/35 of it after 60.
    assert found.within_30.value == pytest.approx(0.2)
    assert found.within_60.value == pytest.approx(1 - 0.8 * 5 / 7 * 4 / 5)
    assert found.median.value == 60
    after_60, after_90, after_100 = 0.8 * 4 / 7, 0.8 * 3 / 7, 0.8 * 2 / 7
    area = 10 * 1 + 10 * 0.9 + 20 * 0.8 + 20 * 0.8 * 5 / 7 + 30 * after_60 + 10 * after_90 + 1340 * after_100
    assert found.mean.value == pytest.approx(area)
    assert any("not contained to the horizon: 2 of 10" in caveat for caveat in found.mean.caveats)
    assert any("Still open" in caveat and "1 of 10" in caveat for caveat in found.mean.caveats)


def test_the_restricted_mean_is_that_of_the_page(tmp_path):
    view = load_cases(tmp_path, [case for case in CASES if case.name in TIMED])
    found = restricted_mean(view)
    page = containment(incident_clocks(view)).mean
    assert (found.value, found.interval, found.n) == (page.value, page.interval, page.n)
    assert found.standard_error > 0
    # To an hour: no case counts for longer.
    assert restricted_mean(view, 60).value == pytest.approx(10 * 1 + 10 * 0.9 + 20 * 0.8 + 20 * 0.8 * 5 / 7)


def test_thefts_and_attempts_part_the_incidents(view):
    assert incident_clocks(view, among="attempts").frame["incident_id"].tolist() == ["attempt"]
    assert incident_clocks(view, among="thefts").n == 14


def test_a_scope_and_a_filter_only_take_incidents_away(view):
    scoped = view.snapshot.view(Scope(frozenset({"I2"})), Filters())
    assert incident_clocks(scoped).frame["incident_id"].tolist() == ["slow"]
    assert incident_clocks(view.snapshot.view(Scope(), Filters(insured=("I2",)))).n == 1
    assert restricted_mean(view.snapshot.view(Scope(frozenset({"I3"})), Filters())).value is None


def test_months_are_those_of_report_not_of_occurrence(tmp_path):
    late = datetime(2025, 1, 31, 23, 30)
    cases = [contained("reported next month", 20, begins=late), gone("told by notice", begins=late, detected=None)]
    view = load_cases(tmp_path, cases)
    months = incident_clocks(view).frame.set_index("incident_id")["month"].dt.date
    # Noticed at half past midnight; the other says neither when it was noticed nor told, so its occurrence stands.
    assert months.to_dict() == {"reported next month": date(2025, 2, 1), "told by notice": date(2025, 1, 1)}
    february = view.snapshot.view(Scope(), Filters(first_month=date(2025, 2, 1), last_month=date(2025, 2, 1)))
    assert incident_clocks(february).n == 1
    # Losses are told by occurrence: there it is one of January.
    assert february.rows("select count(*) from incident_fact") == [(0,)]


def test_without_a_word_on_containment_nothing_is_said(tmp_path):
    view = load_cases(tmp_path, [Case("a"), Case("b")])
    found = restricted_mean(view)
    assert (found.value, found.n) == (None, 2)
    assert found.caveats == ("None of 2 incidents says whether it was contained",)


def test_what_lies_after_the_data_s_date_is_not_known_yet(tmp_path):
    cases = [
        contained("later", 2000, begins=datetime(2025, 12, 31, 12)),
        Case("noticed later", status="open", detected=3000, begins=datetime(2025, 12, 31, 12)),
        contained("done", 10),
    ]
    clocks = incident_clocks(load_cases(tmp_path, cases))
    frame = clocks.frame.set_index("incident_id")
    assert frame.loc["later", ["end_kind", "is_open", "clock_minutes"]].tolist() == [None, True, 660]
    assert frame.loc["noticed later", "clock_fault"] == "noticed after the data's date"
    # It is open all the same.
    assert frame.loc["noticed later", "is_open"]


def test_several_ends_add_up_with_what_is_open(view):
    found = ends_over_time(incident_clocks(view))
    ended = found.share_by(20_000, end="contained").value + found.share_by(20_000, end="closed not contained").value
    assert ended == pytest.approx(1)
    assert found.share_by(1440, end="closed not contained").value == 0
    assert any("counted as the last: 1 of 10" in caveat for caveat in found.caveats)


def test_a_control_counts_where_and_while_it_is_in_force(tmp_path):
    cases = [
        contained("before", 10, lane="L1", begins=datetime(2025, 1, 31, 10)),
        contained("first day", 10, lane="L1", begins=datetime(2025, 2, 1, 10)),
        contained("removed", 10, lane="L1", begins=datetime(2025, 4, 1, 10)),
        contained("other lane", 10, lane="L2", begins=datetime(2025, 2, 1, 10)),
        contained("site", 10, site="S1"),
        contained("account", 10, insured="I2"),
        contained("account's other lane", 10, insured="I3", lane="L2"),
    ]
    controls = (
        "control_id,lane_id,site_id,insured_id,measure,installed_on,removed_on\n"
        "C1,L1,,,seals,2025-02-01,2025-04-01\nC2,,S1,,cctv,2025-01-01,\nC3,,,I2,platform,2025-01-01,\n"
        "C4,L1,,I3,seals,2025-01-01,\nC5,,,I2,seals,2025-01-01,\n"
    )
    frame = incident_clocks(load_cases(tmp_path, cases, more={"control.csv": controls})).frame.set_index("incident_id")
    assert frame["has_control"].to_dict() == {
        "before": False, "first day": True, "removed": False, "other lane": False, "site": True, "account": True,
        "account's other lane": False,
    }  # fmt: skip
    assert frame.loc["account", "controls"] == "platform, seals"


def test_quarters_that_are_immature_or_thin_are_left_out(tmp_path):
    months = {3: 5, 5: 4, 8: 6, 11: 9}
    cases = [
        contained(f"{month}/{k}", 30, begins=BEGINS.replace(month=month))
        for month, n in months.items()
        for k in range(n)
    ]
    found = by_quarter(incident_clocks(load_cases(tmp_path, cases)), known_to=datetime(2025, 12, 31))
    assert found[["quarter", "n"]].values.tolist() == [[date(2025, 1, 1), 5], [date(2025, 7, 1), 6]]
    assert found["mean"].tolist() == [30, 30]


def test_a_change_is_told_from_chance():
    def estimate(value: float | None, error: float | None, n: int = 50) -> Estimate:
        return Estimate(value, None, n, (), error)

    assert change_of(estimate(100, 10), estimate(60, 10)).is_signal
    near = change_of(estimate(100, 10), estimate(90, 10))
    assert (near.difference, near.words()) == (10, "within chance")
    assert near.p_value == pytest.approx(0.4795, abs=1e-4)
    assert change_of(estimate(100, 10, 3), estimate(60, 10)).words() == "cannot be compared"
    assert change_of(estimate(None, None), estimate(60, 10)).difference is None
