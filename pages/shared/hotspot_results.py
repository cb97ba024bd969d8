"""What the Hotspots page shows, computed once for each selection: bounded caches in front of the analysis.

A key holds everything that a result depends on, the person's scope included; the view that answers stays out of it.
"""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from analysis.drill import ROWS_SAVED, RowsBehind, rows_behind
from analysis.filters import Filters, Scope
from analysis.hotspots import (
    Breakdown,
    HoursOfWeek,
    Kind,
    Places,
    PlaceUnit,
    Points,
    breakdown,
    cell_resolution,
    extent,
    hours_of_week,
    pick_options,
    places,
    points,
    told_kinds,
    told_units,
)
from analysis.measures import MEASURES
from analysis.selection import Dimension, Selection
from analysis.values import MeasureValue, measure_values, present_measures
from data.portfolio import View

#: Snapshot, scope and filters that a view was opened with.
ViewKey = tuple[str, Scope, Filters]
#: What stands for a frozen value in a key: left to itself, Streamlit copies and pickles each field of it at each look.
HASHES: dict[type, Callable[[Any], str]] = {
    Filters: repr,
    Selection: repr,
    Scope: lambda scope: repr(None if scope.insureds is None else sorted(scope.insureds)),
}


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASHES)
def present_keys(key: tuple[str, Scope], *, _view: View) -> tuple[str, ...]:
    """Keys of the measures that this portfolio can tell at all."""
    return tuple(measure.key for measure in present_measures(_view))


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=HASHES)
def values_of(key: ViewKey, *, measures: tuple[str, ...], selection: Selection, _view: View) -> dict[str, MeasureValue]:
    """The values of these measures."""
    return measure_values(_view, measures=[MEASURES[name] for name in measures], selection=selection)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def resolution_of(key: ViewKey, *, measure: str, _view: View) -> int:
    """Size of the areas: of the selection without what is picked on the page, so that a click does not change it."""
    return cell_resolution(_view, measure=MEASURES[measure])


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def ranked_places(
    key: ViewKey,
    *,
    unit: PlaceUnit,
    measure: str,
    beside: tuple[str, ...],
    selection: Selection,
    resolution: int | None,
    _view: View,
) -> Places:
    """Places of one unit, ranked."""
    return places(
        _view,
        unit=unit,
        measure=MEASURES[measure],
        beside=[MEASURES[name] for name in beside],
        selection=selection,
        resolution=resolution,
    )


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def units_of(key: tuple[str, Scope], *, measure: str, _view: View) -> tuple[PlaceUnit, ...]:
    """The units of place by which this portfolio can tell a measure."""
    return told_units(_view, measure=MEASURES[measure])


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def kinds_of(key: tuple[str, Scope], *, measure: str, _view: View) -> tuple[Kind, ...]:
    """The kinds by which this portfolio can break a measure down."""
    return told_kinds(_view, measure=MEASURES[measure])


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def box_of(
    key: ViewKey, *, measure: str, units: tuple[PlaceUnit, ...], _view: View
) -> tuple[float, float, float, float] | None:
    """South, west, north and east of nearly all: asked without filters, so that no filter moves a map."""
    return extent([places(_view, unit=unit, measure=MEASURES[measure]) for unit in units])


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=HASHES)
def divided(key: ViewKey, *, measure: str, by: Kind, selection: Selection, _view: View) -> Breakdown | None:
    """The measure by kinds."""
    return breakdown(_view, measure=MEASURES[measure], by=by, selection=selection)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def week_of(key: ViewKey, *, measure: str, selection: Selection, _view: View) -> HoursOfWeek | None:
    """The measure by hour of the week."""
    return hours_of_week(_view, measure=MEASURES[measure], selection=selection)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASHES)
def points_of(key: ViewKey, *, measure: str, selection: Selection, _view: View) -> Points | None:
    """Incidents one by one."""
    return points(_view, measure=MEASURES[measure], selection=selection)


@st.cache_data(max_entries=16, show_spinner="Reading the rows", hash_funcs=HASHES)
def rows_of(key: ViewKey, *, measure: str, selection: Selection, _view: View) -> RowsBehind:
    """The rows behind a number."""
    return rows_behind(_view, measure=MEASURES[measure], selection=selection, limit=ROWS_SAVED)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASHES)
def options_of(key: tuple[str, Scope], *, _view: View) -> dict[Dimension, dict[Any, str]]:
    """What can be picked out on the page."""
    return pick_options(_view)
