"""What was clicked: links, toggling, and the conditions it becomes."""

from __future__ import annotations

from datetime import date

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.selection import Selection, condition, stored_cells, unreachable

CELL_3 = h3.latlng_to_cell(32.78, -96.8, 3)

selections = st.builds(
    Selection,
    category=st.none() | st.text(min_size=1, max_size=8),
    cause=st.none() | st.text(min_size=1, max_size=8),
    month=st.none() | st.integers(0, 600).map(lambda n: date(1990 + n // 12, n % 12 + 1, 1)),
    weekday=st.none() | st.integers(1, 7),
    hour=st.none() | st.integers(0, 23),
    site=st.none() | st.text(min_size=1, max_size=8),
    cell=st.none() | st.sampled_from([CELL_3, h3.cell_to_parent(CELL_3, 2), h3.cell_to_center_child(CELL_3, 7)]),
)


@given(selections)
def test_a_link_gives_back_the_selection(selection):
    assert Selection.from_query(selection.query()) == selection


@pytest.mark.parametrize(
    "query",
    [
        {"hour": "24"},
        {"hour": "three"},
        {"weekday": "0"},
        {"month": "2025-13"},
        {"month": ""},
        {"cell": "8326cbfffffffffX"},
        {"cell": h3.latlng_to_cell(0, 0, 9)},
        {"unknown": "x"},
    ],
)
def test_nonsense_in_a_link_is_left_out(query):
    assert Selection.from_query(query) == Selection()


def test_values_are_bound_and_never_text_of_the_query():
    hostile = "x' or 1=1 --"
    found = condition("incident_fact", Selection(category=hostile, site=hostile))
    assert hostile not in found.sql
    assert found.parameters == {"selected_category": hostile, "selected_site": hostile}


def test_a_fact_without_the_dimension_has_no_row_picked():
    assert unreachable("shipment_fact", Selection(category="theft", month=date(2025, 1, 1))) == ("category",)
    assert condition("shipment_fact", Selection(category="theft")).sql == "false"
    assert condition("shipment_fact", Selection()).sql == "true"


def test_a_coarse_cell_is_made_of_stored_ones():
    parent = h3.cell_to_parent(CELL_3, 2)
    column, cells = stored_cells(parent)
    assert column == "cell_3"
    assert CELL_3 in cells
    assert {h3.cell_to_parent(cell, 2) for cell in cells} == {parent}
    assert stored_cells(CELL_3) == ("cell_3", [CELL_3])


def test_words_of_what_is_picked():
    selection = Selection(weekday=1, hour=7, month=date(2025, 2, 1), site="S1")
    assert [selection.words(name) for name in selection.chosen] == ["Feb 2025", "Monday", "07:00–07:59", "S1"]
