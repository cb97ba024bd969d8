"""What is picked on the page cuts its trips: from clicks to a selection, from a selection to rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from analysis.trip_selection import TripSelection, trip_condition, worst_trips
from data.portfolio import View
from pages.shared.trip_narrowing import area_of, marked, row_value
from tests.analysis.journeys import Journey, every, load, without

DAY = 600
#: Two trips on the 3rd, one of them dark for an hour; one on the 4th; one that nobody tracked.
JOURNEYS = (
    Journey("A", DAY, every(5, DAY)),
    Journey("B", DAY, without(every(5, DAY), (100, 160))),
    Journey("C", DAY, every(5, DAY), starts_days=1, lane="D1"),
    Journey("N", DAY, attached=None),
)
#: The H3 cell, some 10 km across, in which all of them are heard.
CELL = "85444e2bfffffff"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    root: Path = tmp_path_factory.mktemp("picked")
    return load(root, *JOURNEYS)


def trips(view: View, **picked: object) -> list[str]:
    return worst_trips(view, selection=TripSelection(**picked))["trip_id"].tolist()


def test_nothing_picked_lists_the_tracked_trips_the_darkest_first(view: View) -> None:
    assert trips(view) == ["B", "A", "C"]


def test_each_dimension_narrows_to_its_own_trips(view: View) -> None:
    assert trips(view, carrier="A") == ["A"]
    assert trips(view, device="B") == ["B"]
    assert trips(view, insured="C") == ["C"]
    assert trips(view, lane="D1") == ["C"]
    # All trips of a day, those without a device last.
    assert trips(view, day=date(2025, 3, 3)) == ["B", "A", "N"]
    assert trips(view, fault="no device") == ["N"]
    assert trips(view, day=date(2025, 3, 3), carrier="B") == ["B"]
    assert trips(view, day=date(2025, 3, 4), carrier="B") == []


def test_an_area_is_that_of_the_last_fix_before_a_blackout(view: View) -> None:
    ((cell,),) = view.rows("select distinct cell_5 from trip_blackout")
    assert trips(view, cell=cell) == ["B"]
    ((wide,),) = view.rows("select distinct cell_3 from trip_blackout")
    assert trips(view, cell=wide) == ["B"]
    assert trips(view, cell=CELL if cell != CELL else "85444e2ffffffff") == []


def test_a_link_is_read_back_and_what_makes_no_sense_is_left_out() -> None:
    picked = TripSelection.from_query(
        {"carrier": " C1 ", "day": "2025-02-30", "cell": "nowhere", "lane": "", "fault": None, "device": "D'; --"}
    )
    assert picked == TripSelection(carrier="C1", device="D'; --")
    assert TripSelection.from_query(picked.query()) == picked
    assert TripSelection.from_query({"day": "2025-02-28"}).query() == {"day": "2025-02-28"}


def test_values_are_bound_and_never_part_of_the_sql() -> None:
    sql, bound = trip_condition(TripSelection(carrier="x' or 1=1", day=date(2025, 3, 3)))
    assert sql == "carrier_id = $picked_carrier and departed_on = $picked_day"
    assert bound == {"picked_carrier": "x' or 1=1", "picked_day": date(2025, 3, 3)}
    assert trip_condition(TripSelection()) == ("true", {})


def test_clicks_name_what_they_hit() -> None:
    assert marked([{"customdata": ["2025-03-03"], "x": 4}]) == "2025-03-03"
    assert marked([]) is None
    assert marked([{"x": 4}]) is None
    assert row_value([1], order=("C1", "C2")) == "C2"
    assert row_value([], order=("C1", "C2")) is None
    assert row_value([5], order=("C1", "C2")) is None
    assert area_of({"selection": {"objects": {"areas": [{"place": CELL, "label": "x"}]}}}) == CELL
    assert area_of({"selection": {"objects": {"areas": []}}}) is None
    assert area_of(None) is None
