"""What the Telemetry page shows, computed once for each selection: bounded caches in front of the analysis."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analysis.dark_signals import DeadAreas, LossSignals, dark_at_loss, dead_areas
from analysis.deviations import DeviationRules
from analysis.filters import Filters, Scope
from analysis.service_changes import ServiceChange, service_changes
from analysis.service_levels import Spread
from analysis.service_measures import SERVICE_MEASURES, Definition
from analysis.telemetry import (
    FallingUnit,
    LeftOut,
    ServiceUnits,
    ServiceValue,
    Unit,
    book_spreads,
    calendar,
    falling_units,
    faults,
    gap_distribution,
    left_out,
    service_by_unit,
    service_values,
)
from analysis.trip_selection import TripSelection, worst_trips
from analysis.trip_timeline import TripTimeline, trip_timeline
from data.portfolio import View
from pages.shared.hotspot_results import HASHES as _HASHES
from pages.shared.hotspot_results import ViewKey

#: What stands for a frozen value in a key.
HASHES: dict[type, Callable[[Any], str]] = {**_HASHES, TripSelection: repr, DeviationRules: repr}

#: South, west, north and east in degrees.
Box = tuple[float, float, float, float]
# A map that is this many degrees wide is best read in cells of that resolution.
_WIDE, _MIDDLE = 6.0, 1.0
#: A gap of so many degrees of longitude parts a map, where one side has so large a share of the blackouts.
_OCEAN, _MOST = 30.0, 0.75
TRIPS_SAVED = 5_000


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def levels_of(
    key: ViewKey, *, measures: tuple[str, ...], definition: Definition, _view: View
) -> dict[str, ServiceValue]:
    """These service levels: each more is time to a page."""
    return service_values(_view, measures=[SERVICE_MEASURES[name] for name in measures], definition=definition)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def changes_of(
    key: ViewKey, *, before: Filters, measures: tuple[str, ...], definition: Definition, _view: View
) -> dict[str, ServiceChange]:
    """How service levels moved against the comparison period."""
    chosen = [SERVICE_MEASURES[name] for name in measures]
    spreads = _spreads_of((key[0], key[1]), definition=definition, _view=_view)
    return service_changes(_view, now=key[2], before=before, measures=chosen, definition=definition, spreads=spreads)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=HASHES)
def _spreads_of(key: tuple[str, Scope], *, definition: Definition, _view: View) -> dict[str, Spread]:
    """How much clusters of the whole book differ: no filter changes it."""
    return book_spreads(_view, definition=definition)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def units_of(key: ViewKey, *, measure: str, unit: Unit, definition: Definition, _view: View) -> ServiceUnits:
    """A service level by device, carrier, lane or insured."""
    return service_by_unit(_view, measure=SERVICE_MEASURES[measure], unit=unit, definition=definition)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def falling_of(
    key: ViewKey, *, measure: str, unit: Unit, definition: Definition, _view: View
) -> tuple[FallingUnit, ...]:
    """Units that changed their level for good."""
    return falling_units(_view, measure=SERVICE_MEASURES[measure], unit=unit, definition=definition)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def days_of(key: ViewKey, *, measure: str, definition: Definition, _view: View) -> pd.DataFrame:
    """A service level by day."""
    return calendar(_view, measure=SERVICE_MEASURES[measure], definition=definition)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def gaps_of(key: ViewKey, *, of: Literal["trip_telemetry", "device_day"], _view: View) -> pd.DataFrame:
    """Gaps by length."""
    return gap_distribution(_view, of=of)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def faults_of(key: ViewKey, *, _view: View) -> pd.DataFrame:
    """Why trips are not protected."""
    return faults(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def left_out_of(key: ViewKey, *, _view: View) -> LeftOut:
    """What the levels are not about."""
    return left_out(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def worst_of(key: ViewKey, *, selection: TripSelection, _view: View) -> pd.DataFrame:
    """Trips by how long they were dark: the tracked ones, or all of what is picked."""
    return worst_trips(_view, selection=selection, limit=TRIPS_SAVED)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def signals_of(key: ViewKey, *, by: Literal["insured", "carrier"], _view: View) -> LossSignals:
    """Devices dark at thefts."""
    return dark_at_loss(_view, by=by)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def areas_of(key: ViewKey, *, resolution: int, _view: View) -> DeadAreas:
    """Where signals die."""
    return dead_areas(_view, resolution=resolution)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=HASHES)
def box_of(key: tuple[str, Scope], *, _view: View) -> Box | None:
    """Where most blackouts are: asked without filters, so that no filter moves the map."""
    frame = main_region(dead_areas(_view, resolution=3).frame)
    if frame.empty:
        return None
    (south, north), (west, east) = (
        _most_of(frame[name], weights=frame["blackouts"]) for name in ("latitude", "longitude")
    )
    return south - 0.3, west - 0.3, north + 0.3, east + 0.3


def main_region(frame: pd.DataFrame) -> pd.DataFrame:
    """The areas on this side of the ocean: those of the stretch of longitudes without a gap that has most blackouts.

    A map that holds two continents shows an ocean, and both of them small.
    """
    ordered = frame.sort_values("longitude", ignore_index=True)
    stretch = (ordered["longitude"].diff() > _OCEAN).cumsum()
    weights = ordered.groupby(stretch)["blackouts"].sum()
    if weights.empty or weights.max() < _MOST * weights.sum():
        return frame
    return ordered[stretch == weights.idxmax()]


def _most_of(places: pd.Series[Any], *, weights: pd.Series[Any]) -> tuple[float, float]:
    """Between which ends do 95% of the weight lie?"""
    order = places.sort_values().index
    shares = weights.loc[order].cumsum() / weights.sum()
    inside = places.loc[order][(shares >= 0.025) & (shares.shift(fill_value=0.0) <= 0.975)]
    return float(inside.min()), float(inside.max())


def resolution_of(box: Box | None) -> int:
    """Cells that are seen on a map as wide as this."""
    wide = box[3] - box[1] if box is not None else 0.0
    return 3 if wide > _WIDE else 5 if wide > _MIDDLE else 7


@st.cache_data(max_entries=32, show_spinner="Reading the trip", hash_funcs=HASHES)
def timeline_of(key: ViewKey, *, trip_id: str, rules: DeviationRules, _view: View) -> TripTimeline:
    """All that is known of one trip, and what the rules find in it."""
    return trip_timeline(_view, trip_id=trip_id, rules=rules)
