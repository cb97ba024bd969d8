"""The map of the Hotspots page: the ranked places, further layers on request, and what a click on them picks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pydeck as pdk

from analysis.hotspots import LANES_ON_MAP, UNIT_LABELS, Places, Points
from analysis.measures import Measure
from pages.shared.maps import (
    Classes,
    cell_layer,
    classes,
    draw_legend,
    draw_map,
    fit_view,
    lane_layer,
    map_state,
    point_layer,
    selection_to_filter,
    site_layer,
)

#: South, west, north and east in degrees.
Box = tuple[float, float, float, float]
#: The part of the page's width that the map has; the table beside it has the rest.
MAP_SHARE = 0.48
#: Layers that can be switched on, in the order in which they are drawn: areas at the bottom, points on top.
LAYERS = {"cell": "Areas", "lane": "Lanes", "site": "Sites", "point": "Incidents"}
_DRAW: Mapping[str, Callable[..., pdk.Layer]] = {"cell": cell_layer, "lane": lane_layer, "site": site_layer}
_SIZES = {"lane": "width", "site": "size"}


def hotspot_map(
    shown: Mapping[str, Places],
    *,
    measure: Measure,
    points: Points | None,
    picked: Mapping[str, Sequence[str]],
    on_pick: Callable[[str, str], None],
    box: Box | None,
    currency: str,
    key: str,
    height: int,
    alt: str,
) -> None:
    """Draw places by layer, with a legend below; a click gives its dimension and id to `on_pick`.

    Parameters
    ----------
    shown
        The places of each layer that is on.
    points
        Incidents one by one; None where that layer is off.
    picked
        Ids picked out, by layer.
    box
        What the map opens on: (south, west, north, east) in degrees.
    """

    def show(value: float) -> str:
        return f"{measure.label}: {measure.words(value, currency=currency)}"

    # Only the largest lanes are drawn: the classes are theirs.
    scales = {
        unit: classes(places.frame["value"][: LANES_ON_MAP if unit == "lane" else None])
        for unit, places in shown.items()
    }
    layers = [
        _DRAW[unit](shown[unit].frame, scale=scales[unit], show=show, selected=picked.get(unit, ()))
        for unit in LAYERS
        if unit in shown
    ]
    if points is not None:
        layers.append(point_layer(points.frame))
    draw_map(
        layers,
        view=fit_view(box, height=height),
        alt=alt,
        key=key,
        on_select=lambda: _pick(key, on_pick),
        height=height,
    )
    notes = _notes(shown, points=points)
    for unit, scale in scales.items():
        _legend(unit, scale=scale, measure=measure, currency=currency, notes=notes if unit == list(scales)[-1] else [])


def _pick(key: str, on_pick: Callable[[str, str], None]) -> None:
    found = selection_to_filter(map_state(key))
    if found is not None:
        on_pick(*found)


def _legend(unit: Any, *, scale: Classes, measure: Measure, currency: str, notes: Sequence[str]) -> None:
    size = f"{_SIZES[unit].capitalize()} and colour: {measure.label.lower()}" if unit in _SIZES else ""
    draw_legend(
        f"{measure.label} by {UNIT_LABELS[unit][0]}",
        scale=scale,
        show=lambda value: measure.words(value, currency=currency),
        size_means=size,
        whole=measure.unit == "count" and measure.key != "positions",
        notes=notes,
    )


def _notes(shown: Mapping[str, Places], *, points: Points | None) -> list[str]:
    """What is not on the map."""
    notes = [caveat for places in shown.values() for caveat in places.caveats]
    if "lane" in shown:
        frame = shown["lane"].frame
        ends = ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]
        located = frame[ends].notna().all(axis=1)
        if located.sum() > LANES_ON_MAP:
            notes.append(f"the {LANES_ON_MAP} largest of {int(located.sum()):,} lanes")
        if not located.all():
            notes.append(f"{int((~located).sum()):,} lanes lack coordinates")
    if "site" in shown:
        lacking = int(shown["site"].frame["latitude"].isna().sum())
        if lacking:
            notes.append(f"{lacking:,} sites lack coordinates")
    if points is not None:
        drawn = len(points.frame)
        if drawn < points.of:
            notes.append(f"dots: {drawn:,} of {points.of:,} incidents")
    return notes
