"""To which trips the Telemetry page is narrowed: kept in the link by bound boxes, set by clicks, let go by buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, get_args

import pandas as pd
import streamlit as st

from analysis.place_names import name_cells
from analysis.trip_selection import TRIP_DIMENSION_LABELS, TripDimension, TripSelection
from pages.shared.context import Context
from pages.shared.layout import escape
from pages.shared.maps import map_state
from pages.shared.narrowing import clicked, pick, release

PAGE = "telemetry"
TRIPS_ANCHOR = "trips"
_LONGEST = 200
_HINTS: dict[TripDimension, str] = {
    "day": "2025-03-31",
    "cell": "id of an H3 cell",
    "fault": "no device, no seal, ...",
}


def narrow_trips() -> TripSelection:
    """To what are the trips narrowed? Draws one box a dimension, for the keyboard; clicks set the same boxes."""
    picked: dict[str, str | None] = {}
    with st.popover("Narrow trips", icon=":material/filter_alt:"):
        st.caption("Clicks on calendar, map, funnel and tables fill these in; the cards stay as they are.")
        for dimension in get_args(TripDimension):
            picked[dimension] = st.text_input(
                TRIP_DIMENSION_LABELS[dimension],
                value=None,
                key=f"{PAGE}-{dimension}",
                bind="query-params",
                max_chars=_LONGEST,
                placeholder=_HINTS.get(dimension, "id"),
            )
    return TripSelection.from_query(picked)


def picked_trips_row(here: Context, selection: TripSelection) -> None:
    """What the trips are narrowed to, each with the button that lets it go, and the way to them."""
    if not selection.chosen:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"[Trips below](#{TRIPS_ANCHOR}) :gray[are narrowed to]", width="content")
        for dimension in selection.chosen:
            st.button(
                f"{TRIP_DIMENSION_LABELS[dimension]}: {escape(picked_words(here, selection, dimension))}",
                key=f"{PAGE}-release-{dimension}",
                icon=":material/close:",
                on_click=release,
                args=(PAGE, dimension),
                help="Let go",
            )


def picked_words(here: Context, selection: TripSelection, dimension: TripDimension) -> str:
    """A picked value as a person reads it."""
    value = getattr(selection, dimension)
    match dimension:
        case "carrier" | "lane" | "insured":
            return here.name(dimension, value)
        case "day":
            return f"{value:%-d %b %Y}"
        case "cell":
            return f"near {name_cells([value])[0]}"
        case _:
            return str(value)


def selection_words(here: Context, selection: TripSelection) -> str:
    """All that is picked, as the title of its trips goes on; empty where nothing is.

    "Tallis Fleet, 25 Apr 2026".
    """
    return ", ".join(picked_words(here, selection, dimension) for dimension in selection.chosen)


def pick_mark(dimension: TripDimension, key: str) -> None:
    """A mark of a chart was clicked, whose custom data is what it stands for: for callbacks only."""
    value = marked(st.session_state[key].selection.points)
    if value is not None:
        pick(PAGE, **{dimension: value})


def marked(points: Sequence[Mapping[str, Any]]) -> str | None:
    """What does the clicked mark of a chart stand for? None where the click let go, or hit a line.

    Examples
    --------
    >>> marked([{"customdata": ["C003"]}]), marked([{"x": 3.0}]), marked([])
    ('C003', None, None)
    """
    values = clicked(points)
    return str(values[0]) if values and values[0] is not None else None


def pick_row(key: str, dimension: TripDimension, order: Sequence[str]) -> None:
    """A row of a table was clicked, or let go: for callbacks only."""
    value = row_value(st.session_state[key].selection.rows, order=order)
    if value is None:
        release(PAGE, dimension)
    else:
        pick(PAGE, **{dimension: value})


def row_value(rows: Sequence[int], *, order: Sequence[str]) -> str | None:
    """Which id does a clicked row stand for? None where the click let go.

    Examples
    --------
    >>> row_value([1], order=["C1", "C2"]), row_value([], order=["C1"]), row_value([7], order=["C1"])
    ('C2', None, None)
    """
    return order[rows[0]] if rows and rows[0] < len(order) else None


def pick_area(key: str) -> None:
    """An area of the map, or the disc of its thefts, was clicked: for callbacks only."""
    area = area_of(map_state(key))
    if area is not None:
        pick(PAGE, cell=area)


def area_of(state: Mapping[str, Any] | None) -> str | None:
    """Which area does a click on the map pick, on whichever of its layers? None where nothing is picked.

    Examples
    --------
    >>> area_of({"selection": {"objects": {"thefts": [{"place": "832830fffffffff"}]}}})
    '832830fffffffff'
    """
    objects = ((state or {}).get("selection") or {}).get("objects") or {}
    for rows in objects.values():
        for row in rows or ():
            if isinstance(row, Mapping) and row.get("place"):
                return str(row["place"])
    return None


def row_picker(frame: pd.DataFrame, *, key: str, dimension: TripDimension, column: str = "key") -> partial[None]:
    """What a click on a row of this table does."""
    return partial(pick_row, key, dimension, tuple(frame[column].fillna("").astype(str)))
