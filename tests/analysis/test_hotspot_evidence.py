"""Why a place has its verdict: its thefts by month against the expected, its kinds against the book's, its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from analysis.drill import incidents_behind
from analysis.filters import Filters
from analysis.hotspot_evidence import (
    ENOUGH_WEIGHT,
    MonthsAgainstExpected,
    counted_thefts,
    evidence_places,
    kind_mix,
    months_against_expected,
    reason,
    under_assumption,
    week_of_thefts,
)
from analysis.models import DEFAULTS
from analysis.under_reporting import Reporting
from analysis.verdicts import HOTSPOT_RATIO, Level, RankedVerdicts, Span, ranked_verdicts, told_levels
from data.portfolio import View
from tests.analysis.books import load_book, shipments, thefts, view_of
from tests.portfolios import open_view

SPAN = Span(date(2023, 7, 1), date(2026, 4, 1), is_whole=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is robbed, seven insureds share it; L2 is ordinary and I1's alone; some thefts are not reported yet."""
    folder = tmp_path_factory.mktemp("book")
    shared = [
        shipments(60, lane="L1", month=month, insured=f"I{n}") for n in range(1, 8) for month in ("2025-03", "2025-10")
    ]
    alone = [
        shipments(900, lane="L2", month="2025-03", commodity="electronics"),
        shipments(30, lane="D1", month="2025-04"),
    ]
    lost = [
        thefts(36, lane="L1", month="2025-03", insured="I2", detected="2025-05-20 12:00:00"),
        thefts(4, lane="L1", month="2025-10", insured="I2", detected="2025-12-20 12:00:00"),
        thefts(20, lane="L2", month="2025-03", category="fraud"),
        thefts(3, site="S1", month="2025-03"),
        thefts(7, lane="L1", month="2025-03", source="market", insured=""),
        thefts(8, lane="L1", month="2025-03", category="attempted theft"),
        thefts(9, lane="L1", month="2025-12"),
        thefts(5, lane="L3", month="2025-03"),
    ]
    load_book(folder, goods=[*shared, *alone], lost=lost)
    return folder


@pytest.fixture
def book(root: Path) -> View:
    return open_view(root)


def of_place(view: View, level: Level, place: str) -> pd.DataFrame:
    frame = counted_thefts(view, level=level)
    return frame[frame["place"] == place]


def test_the_thefts_are_those_that_the_verdicts_count(book: View) -> None:
    for level in told_levels(book):
        frame = ranked_verdicts(book, level=level).frame
        counted = counted_thefts(book, level=level).groupby(["place", "segment"]).size()
        said = frame.set_index(["place", "segment"])["observed"]
        assert counted.sum() == said.sum()
        assert counted.to_dict() == said[said > 0].to_dict()
    assert counted_thefts(book, level="lane")["place"].value_counts().to_dict() == {"L1": 40, "L2": 20}
    assert counted_thefts(book, level="site")["place"].value_counts().to_dict() == {"S1": 3}


def test_the_months_add_up_to_what_the_verdict_expects(book: View) -> None:
    for level in told_levels(book):
        frame = ranked_verdicts(book, level=level).frame.groupby("place")[["observed", "expected"]].sum()
        for place, row in frame.iterrows():
            found = months_against_expected(
                book, level=level, places=[str(place)], thefts=of_place(book, level, str(place))
            )
            assert found is not None
            assert found.expected is not None
            assert sum(found.observed) == row["observed"]
            assert sum(found.expected) == pytest.approx(row["expected"], rel=1e-9)


def test_a_month_expects_only_what_its_exposure_brings(book: View) -> None:
    found = months_against_expected(book, level="lane", places=["L1"], thefts=of_place(book, "lane", "L1"))
    assert found is not None
    assert found.expected is not None
    # The window is that of 36 months to December 2025 without the last 60 days.
    assert (found.months[0], found.months[-1], len(found.months)) == (date(2023, 1, 1), date(2025, 10, 1), 34)
    told = dict(zip(found.months, zip(found.observed, found.expected, strict=True), strict=True))
    assert told[date(2025, 3, 1)][0] == 36
    assert told[date(2025, 3, 1)][1] > 0
    assert told[date(2025, 4, 1)] == (0, 0.0)
    assert told[date(2025, 10, 1)][0] == 4


def test_a_period_in_the_sidebar_is_not_in_it_but_filters_cut_what_is_shown(root: Path, book: View) -> None:
    cut = open_view(root, filters=Filters(insured=("I2",)))
    found = months_against_expected(cut, level="lane", places=["L1"], thefts=of_place(cut, "lane", "L1"))
    whole = months_against_expected(book, level="lane", places=["L1"], thefts=of_place(book, "lane", "L1"))
    assert found is not None
    assert whole is not None
    assert found.expected is not None
    assert whole.expected is not None
    assert found.months == whole.months
    assert sum(found.observed) == sum(whole.observed) == 40
    assert sum(found.expected) == pytest.approx(sum(whole.expected) / 7)


def test_a_scoped_person_sees_own_thefts_and_no_rate_of_the_book(root: Path) -> None:
    view = view_of(root, "I3")
    frame = ranked_verdicts(view, level="lane").frame
    assert frame["observed"].tolist() == [40]
    assert counted_thefts(view, level="lane").empty
    found = months_against_expected(view, level="lane", places=["L1"], thefts=counted_thefts(view, level="lane"))
    assert found is not None
    assert found.expected is None
    assert sum(found.observed) == 0


def test_nothing_is_expected_where_nothing_was_exposed(book: View) -> None:
    found = months_against_expected(book, level="lane", places=["L3"], thefts=of_place(book, "lane", "L3"))
    assert found is not None
    assert found.expected == (0.0,) * 34


def test_kinds_stand_beside_those_of_all_places(book: View) -> None:
    everywhere = counted_thefts(book, level="lane")
    mix = kind_mix(everywhere[everywhere["place"] == "L2"], everywhere=everywhere, by="category")
    assert mix.divided.frame[["key", "value", "share"]].values.tolist() == [["fraud", 20.0, 1.0]]
    assert mix.everywhere == (pytest.approx(20 / 60),)
    assert (mix.n, mix.of_all, mix.divided.not_given) == (20, 60, 0.0)
    empty = kind_mix(everywhere.head(0), everywhere=everywhere, by="commodity")
    assert (empty.n, len(empty.divided.frame)) == (0, 0)


def test_months_under_an_assumption_add_up_to_what_the_ranking_expects() -> None:
    months = MonthsAgainstExpected((date(2025, 3, 1), date(2025, 4, 1)), (7, 1), (3.0, 1.0))
    frame = pd.DataFrame([row("hotspot", expected=2.0), row("watch", place="B", expected=9.0)])
    adjusted = RankedVerdicts("lane", frame, SPAN, reporting=Reporting())
    assert under_assumption(months, ranked=adjusted, places=["A"]).expected == (1.5, 0.5)
    assert under_assumption(months, ranked=RankedVerdicts("lane", frame, SPAN), places=["A"]) is months
    hidden = replace(months, expected=None)
    assert under_assumption(hidden, ranked=adjusted, places=["A"]) is hidden


def test_the_week_is_on_the_clock_of_the_place(book: View) -> None:
    # 18:00 UTC in March is 13:00 in Dallas and 14:00 in Atlanta, by the clock of the lane's origin or of the feed.
    week = week_of_thefts(of_place(book, "lane", "L2"))
    assert (week.n, week.of) == (20, 20)
    assert week.frame["value"].sum() == 20
    assert len(week.frame) == 168


def test_the_rows_behind_it_are_its_thefts(book: View) -> None:
    ids = of_place(book, "site", "S1")["incident_id"].tolist()
    found = incidents_behind(book, incidents=ids)
    assert found.of == 3
    assert sorted(found.frame["incident_id"]) == sorted(ids)
    assert incidents_behind(book, incidents=ids, limit=1).of == 3


def row(verdict: str, **given: object) -> dict[str, object]:
    values: dict[str, object] = {
        "place": "A", "label": "A → Z", "segment": "line haul", "units": 128.0, "observed": 7, "expected": 1.8,
        "ratio": 3.1, "low": 1.7, "high": 5.0, "probability": 0.96, "weight": 0.72, "excess_loss": 340_000.0,
        "severity": 90_000.0, "verdict": verdict, "basis": "",
    }  # fmt: skip
    return values | given


def ranked(*rows: dict[str, object]) -> RankedVerdicts:
    return RankedVerdicts("lane", pd.DataFrame(list(rows)), SPAN)


class TestReason:
    def test_a_hotspot(self) -> None:
        assert reason(ranked(row("hotspot")), places=["A"], currency="USD") == (
            "7 thefts where 1.8 were expected of its 128 trips at the book's rate; 96% sure it is above 1.5 times that "
            "rate; best estimate, allowing for chance, 3.1 times (90% sure: 1.7 to 5); 72% of the estimate rests on "
            "its own record; about USD 120k a year above expectation (90% sure: 40k to 229k)"
        )

    def test_an_adjusted_estimate_is_called_so_and_the_certainty_is_the_published_one(self) -> None:
        given = {"reported_share": 0.75, "known": 0.5, "dispersion": 1.0}
        adjusted = RankedVerdicts("lane", pd.DataFrame([row("hotspot", **given)]), SPAN, reporting=Reporting())
        said = reason(adjusted, places=["A"], currency="USD")
        assert "96% sure it is above 1.5 times that rate as published; adjusted best estimate" in said

    def test_to_be_watched_is_no_certainty(self) -> None:
        said = reason(ranked(row("watch", probability=0.64)), places=["A"], currency="USD")
        assert "only 64% sure it is above 1.5 times that rate: more likely than not, but too unsure" in said

    def test_an_ordinary_place_below_expectation_has_no_excess(self) -> None:
        given = {"observed": 1, "expected": 4.0, "ratio": 0.5, "probability": 0.0001, "excess_loss": -9.0}
        said = reason(ranked(row("ordinary", **given)), places=["A"], currency="USD")
        assert said.startswith("1 theft where 4 were expected")
        assert "; under 0.1% likely to be above 1.5 times that rate: too unlikely to be watched;" in said
        assert "above expectation" not in said

    def test_too_little_data_is_neither_good_nor_bad(self) -> None:
        said = reason(ranked(row("not enough data", observed=0, expected=0.2, weight=0.09)), places=["A"], currency="")
        assert said == (
            "0 thefts where 0.2 were expected of its 128 trips at the book's rate: too few expected to tell good from "
            "bad. Its own record would make up 9% of an estimate; a verdict takes 25%"
        )

    def test_a_class_prior_is_called_no_verdict(self) -> None:
        given = {"basis": "class prior; not this lane's own verdict", "low": 1e-9, "high": 3.7, "expected": None}
        said = reason(ranked(row("", **given)), places=["A"], currency="USD")
        assert said.startswith("7 thefts of your own over 128 trips; the book's verdict is not shown")
        assert said.endswith("is no verdict but the class prior: 95% of all lanes lie below 3.7 times the book's rate")

    def test_several_places_are_added_up_and_not_judged_as_one(self) -> None:
        both = ranked(row("hotspot"), row("watch", place="B", excess_loss=-17_000.0))
        assert reason(both, places=["A", "B"], currency="USD") == (
            "14 thefts where 3.6 were expected; about USD 114k a year above expectation"
        )

    def test_what_lies_below_expectation_leaves_no_excess(self) -> None:
        given = {"observed": 0, "expected": 7.48, "ratio": 0.6, "excess_loss": -50_000.0}
        both = ranked(
            row("ordinary", observed=1, expected=1.0, excess_loss=18_000.0), row("ordinary", place="B", **given)
        )
        assert reason(both, places=["A", "B"], currency="USD") == "1 theft where 8.48 were expected"

    def test_an_excess_that_is_not_known_of_all_is_not_told_of_all(self) -> None:
        both = ranked(row("hotspot"), row("watch", place="B", excess_loss=None))
        assert reason(both, places=["A", "B"], currency="USD") == "14 thefts where 3.6 were expected"

    def test_a_place_is_judged_in_each_of_its_segments(self) -> None:
        stored = row("not enough data", segment="storage", observed=0, expected=0.027)
        said = reason(ranked(row("hotspot"), stored), places=["A"], currency="USD")
        assert said.startswith("Line haul: 7 thefts where 1.8 were expected")
        assert said.endswith("Storage: 0 thefts where 0.027 were expected, not enough data")


def test_whose_evidence_is_shown() -> None:
    several = ranked(
        row("hotspot"),
        row("hotspot", place="B", label="B → Z"),
        row("watch", place="C", label="C → Z"),
        row("ordinary", place="D", label="D → Z"),
    )
    assert evidence_places(several, picked=["D"]) == (("D",), "D → Z")
    assert evidence_places(several, picked=["D", "A"]) == (("A", "D"), "The 2 chosen lanes together")
    assert evidence_places(several, picked=()) == (("A", "B"), "The 2 hotspots together")
    assert evidence_places(several, picked=["gone"]) == (("A", "B"), "The 2 hotspots together")
    assert evidence_places(ranked(row("watch")), picked=()) == (("A",), "A → Z")
    assert evidence_places(ranked(row("ordinary")), picked=()) == (("A",), "All lanes together")


def test_the_words_name_the_assumptions_of_the_fit() -> None:
    assert (DEFAULTS.hotspot_ratio, DEFAULTS.enough_weight) == (HOTSPOT_RATIO, ENOUGH_WEIGHT)
