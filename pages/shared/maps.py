"""Maps: a basemap that needs no internet, and lanes, areas, sites and incidents on it.

Frames come from `analysis.hotspots`: `place` (id), `label`, `value`, and coordinates in degrees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import h3
import numpy as np
import pandas as pd
import pydeck as pdk
import streamlit as st
from pydeck.bindings.json_tools import default_serialize

from pages.shared.palette import Palette, palette, rgb

#: Where app.py serves data/geo.
BASEMAP = "/geo"
LANES, CELLS, SITES, POINTS = "lanes", "cells", "sites", "points"
#: Which dimension a click on a layer of this id picks.
DIMENSION_OF_LAYER = {LANES: "lane", CELLS: "cell", SITES: "site"}
MOST_LANES = 50
#: deck.gl draws up to this many marks of a layer without a stutter.
MOST_MARKS = 10_000
MAP_HEIGHT = 460
# Width in pixels that a map is fitted to; a wider one shows more around it.
_FITTED_WIDTH = 500
_TILE = 512
_MERCATOR_LIMIT = 85.0
_STEP_KM = 150.0
_EARTH_KM = 6371.0
# Lines thinner than the first cannot be clicked; thicker than the second hide each other.
_WIDTHS = (1.2, 6.0)
_RADII = (3.5, 20.0)

Path = list[list[float]]
Box = tuple[float, float, float, float]


class CompactDeck(pdk.Deck):
    """A deck whose JSON is not indented: a tenth of the time, half of the size."""

    def to_json(self) -> str:
        """The deck as the browser reads it."""
        return json.dumps(self, default=default_serialize, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Classes:
    """How values become colours.

    Attributes
    ----------
    edges
        Lower edge of each class, ascending; a value under the first is in the first.
    colours
        `#RRGGBB` of each class.
    """

    edges: tuple[float, ...]
    colours: tuple[str, ...]

    def colour(self, value: float) -> str:
        """The colour of a value."""
        position = int(np.searchsorted(self.edges, value, side="right")) - 1
        return self.colours[max(position, 0)]


def classes(values: Iterable[float], *, colours: Sequence[str] | None = None, most: int = 5) -> Classes:
    """Into which classes, at most so many, do these values fall?

    Edges are taken from 1, 2, 5, 10, 20, 50 and so on, evenly between the least and the largest: places differ by
    orders of magnitude, and one giant must not leave all others in the lowest class.
    """
    known = [float(value) for value in values if np.isfinite(value)]
    scale = tuple(colours or palette().sequence)
    if not known:
        return Classes((0.0,), scale[:1])
    positive = [value for value in known if value > 0]
    if not positive:
        return Classes((min(known),), (scale[len(scale) // 2],))
    edges = [_round_down(min(positive))]
    while (following := _next_round(edges[-1])) <= max(positive):
        edges.append(following)
    picked = sorted({round(float(step)) for step in np.linspace(0, len(edges) - 1, min(most, len(edges)))})
    edges = [edges[position] for position in picked]
    if min(known) <= 0:
        edges[0] = min(0.0, *known)
    steps = np.linspace(0, len(scale) - 1, len(edges)) if len(edges) > 1 else [len(scale) // 2]
    return Classes(tuple(edges), tuple(scale[round(float(step))] for step in steps))


def lane_layer(
    lanes: pd.DataFrame,
    *,
    scale: Classes,
    show: Callable[[float], str],
    width_of: str = "value",
    selected: Iterable[str] = (),
) -> pdk.Layer:
    """The 50 lanes with most value, as the shortest way on the globe; width tells `width_of`, colour the value.

    `lanes` has place, label, value, and latitude and longitude with origin_ and with destination_ before them. `show`
    words a value for the tooltip.
    """
    ends = ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]
    drawn = lanes.dropna(subset=[*ends, "value"]).nlargest(MOST_LANES, "value").sort_values("place")
    widths = _sizes(drawn[width_of], between=_WIDTHS)
    picked = set(selected)
    rows = []
    # What is small comes last, so that no giant covers it.
    for row, width in sorted(
        zip(drawn.to_dict("records"), widths, strict=True), key=lambda pair: (-pair[1], str(pair[0]["place"]))
    ):
        rows += [
            {**_mark(row, show=show), "path": path, "width": round(float(width), 1), "color": _ink(row, scale, picked)}
            for path in lane_paths(*(float(row[end]) for end in ends))
        ]
    return pdk.Layer(
        "PathLayer",
        rows,
        id=LANES,
        get_path="path",
        get_width="width",
        get_color="color",
        width_units="'pixels'",
        cap_rounded=True,
        joint_rounded=True,
        pickable=True,
        auto_highlight=True,
    )


def cell_layer(
    cells: pd.DataFrame, *, scale: Classes, show: Callable[[float], str], selected: Iterable[str] = ()
) -> pdk.Layer:
    """H3 cells coloured by value. `cells` has place (the cell), label, value."""
    picked = set(selected)
    rows = [
        {**_mark(row, show=show), "color": _ink(row, scale, picked, opacity=240)}
        for row in cells.dropna(subset=["value"]).nlargest(MOST_MARKS, "value").sort_values("place").to_dict("records")
        if h3.is_valid_cell(str(row["place"]))
    ]
    return pdk.Layer(
        "H3HexagonLayer",
        rows,
        id=CELLS,
        get_hexagon="place",
        get_fill_color="color",
        get_line_color=[*rgb(palette().background), 160],
        line_width_min_pixels=1,
        extruded=False,
        high_precision="'auto'",
        pickable=True,
        auto_highlight=True,
    )


def site_layer(
    sites: pd.DataFrame, *, scale: Classes, show: Callable[[float], str], selected: Iterable[str] = ()
) -> pdk.Layer:
    """Sites as discs whose area tells the value. `sites` has place, label, value, latitude, longitude."""
    drawn = sites.dropna(subset=["latitude", "longitude", "value"]).nlargest(MOST_MARKS, "value")
    radii = _sizes(drawn["value"], between=_RADII, root=True)
    picked = set(selected)
    marks = sorted(
        zip(drawn.to_dict("records"), radii, strict=True), key=lambda pair: (-pair[1], str(pair[0]["place"]))
    )
    rows = [
        {
            **_mark(row, show=show),
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
            "radius": round(float(radius), 1),
            "color": _ink(row, scale, picked, opacity=235),
        }
        for row, radius in marks
    ]
    return _discs(SITES, rows, radius="radius")


def point_layer(points: pd.DataFrame, *, colour: str = "") -> pdk.Layer:
    """One small dot an incident. `points` has place, label, latitude, longitude."""
    ink = [*rgb(colour or palette().categories[1]), 170]
    rows = [
        {
            "place": str(row["place"]),
            "label": str(row["label"]),
            "shown": "",
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
            "color": ink,
        }
        for row in points.dropna(subset=["latitude", "longitude"])
        .head(MOST_MARKS)
        .sort_values("place")
        .to_dict("records")
    ]
    return _discs(POINTS, rows, radius=3)


def draw_map(
    layers: Sequence[pdk.Layer],
    *,
    view: pdk.ViewState,
    alt: str,
    key: str,
    on_select: Callable[[], None] | None = None,
    height: int = MAP_HEIGHT,
) -> None:
    """Draw layers on the basemap. `view` must not change with a filter: pan and zoom are kept only then."""
    # Names lie on areas, which would hide them, and under lines and dots, which they would hide.
    under = [layer for layer in layers if layer.id == CELLS]
    over = [layer for layer in layers if layer.id != CELLS]
    deck = CompactDeck(
        layers=[*basemap_layers(palette()), *under, label_layer(palette()), *over],
        initial_view_state=view,
        views=[pdk.View(type="MapView", controller=True, repeat=True)],
        map_provider=None,
        tooltip={"text": "{label}\n{shown}", "style": _tooltip_style(palette())},
    )
    # The theme is part of the key: deck.gl keeps the colours of a layer whose rows did not change.
    themed = f"{key}-{'dark' if palette().dark else 'light'}"
    st.pydeck_chart(
        deck,
        key=themed,
        height=height,
        on_select=on_select or "ignore",
        selection_mode="single-object",
        alt=alt,
    )


def map_state(key: str) -> Mapping[str, Any] | None:
    """What was clicked on the map that was drawn under this key, in whichever theme."""
    found = st.session_state.get(f"{key}-{'dark' if palette().dark else 'light'}")
    return found if isinstance(found, Mapping) else None


def selection_to_filter(state: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """Which dimension and id does a click on a map pick? None where nothing is picked.

    Parameters
    ----------
    state
        What Streamlit keeps for a map: `{"selection": {"objects": {layer id: [row]}}}`.

    Examples
    --------
    >>> selection_to_filter({"selection": {"objects": {"lanes": [{"place": "L1", "label": "A → B"}]}}})
    ('lane', 'L1')
    """
    if not state:
        return None
    objects = (state.get("selection") or {}).get("objects") or {}
    for layer, dimension in DIMENSION_OF_LAYER.items():
        for row in objects.get(layer) or ():
            if isinstance(row, Mapping) and row.get("place"):
                return dimension, str(row["place"])
    return None


def draw_legend(
    title: str,
    *,
    scale: Classes,
    show: Callable[[float], str],
    size_means: str = "",
    notes: Sequence[str] = (),
    whole: bool = False,
) -> None:
    """The classes of the colours, what width or size means, and what is not on the map."""
    ink = palette()
    boxes = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.35rem;white-space:nowrap">'
        f'<span style="width:1.1rem;height:.7rem;border-radius:2px;background:{colour}"></span>{escape(words)}</span>'
        for colour, words in zip(scale.colours, legend_words(scale, show=show, whole=whole), strict=True)
    )
    more = "".join(f"<span>{escape(text)}</span>" for text in (size_means, *notes) if text)
    st.html(
        f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.8rem;color:{ink.muted}">'
        f'<span style="color:{ink.text}">{escape(title)}</span>{boxes}{more}</div>'
    )


def legend_words(scale: Classes, *, show: Callable[[float], str], whole: bool = False) -> list[str]:
    """The classes in words: "1 to under 5", "20 or more"; of whole numbers "1–4", "5–19", "20 or more"."""
    words = []
    for low, high in pairwise(scale.edges):
        if not whole or not float(low).is_integer() or not float(high).is_integer():
            words.append(f"{show(low)} to under {show(high)}")
        elif high - low == 1:
            words.append(show(low))
        elif show(high - 1) == show(high):
            # Past what a word tells apart ("10k") the edge itself has to do.
            words.append(f"{show(low)} to under {show(high)}")
        else:
            words.append(f"{show(low)}–{show(high - 1)}")
    last = show(scale.edges[-1])
    return [*words, f"{last} or more"]


def fit_view(box: Box | None, *, height: int = MAP_HEIGHT) -> pdk.ViewState:
    """From where is a box of (south, west, north, east) in degrees seen whole? The world where there is none."""
    south, west, north, east = box or (-48.0, -130.0, 62.0, 150.0)
    low, high = _mercator(south), _mercator(north)
    across = max((east - west) / 360, 1e-4)
    up = max((high - low) / (2 * np.pi), 1e-4)
    zoom = min(np.log2(_FITTED_WIDTH * 0.9 / _TILE / across), np.log2(height * 0.86 / _TILE / up))
    middle = np.degrees(2 * np.arctan(np.exp((low + high) / 2)) - np.pi / 2)
    return pdk.ViewState(
        latitude=round(float(middle), 3),
        longitude=round((west + east) / 2, 3),
        zoom=round(float(np.clip(zoom, 0.6, 9.0)), 2),
        min_zoom=0.4,
        max_zoom=13,
        pitch=0,
        bearing=0,
    )


def lane_paths(
    origin_latitude: float, origin_longitude: float, destination_latitude: float, destination_longitude: float
) -> list[Path]:
    """The shortest way on the globe as paths of [longitude, latitude], cut where it crosses the antimeridian."""
    start = _vector(origin_latitude, origin_longitude)
    end = _vector(destination_latitude, destination_longitude)
    angle = float(np.arccos(np.clip(start @ end, -1.0, 1.0)))
    if angle < 1e-9 or np.pi - angle < 1e-6:  # one place; or opposite ones, which every way is shortest between
        here, there = [origin_longitude, origin_latitude], [destination_longitude, destination_latitude]
        return [[here, there]]
    count = max(2, int(np.ceil(angle * _EARTH_KM / _STEP_KM)) + 1)
    shares = np.linspace(0, 1, count)[:, None]
    points = (np.sin((1 - shares) * angle) * start + np.sin(shares * angle) * end) / np.sin(angle)
    latitudes = np.degrees(np.arcsin(np.clip(points[:, 2], -1, 1)))
    longitudes = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    return _cut(longitudes, latitudes)


def basemap_layers(ink: Palette) -> list[pdk.Layer]:
    """Water, land and borders: tiles of this server, by their address and never inline."""
    world = [[[-180, -_MERCATOR_LIMIT], [0, -_MERCATOR_LIMIT], [180, -_MERCATOR_LIMIT]]]
    world[0] += [[180, _MERCATOR_LIMIT], [0, _MERCATOR_LIMIT], [-180, _MERCATOR_LIMIT]]
    return [
        pdk.Layer(
            "SolidPolygonLayer",
            [{"polygon": world[0]}],
            id="base-water",
            get_polygon="polygon",
            get_fill_color=list(rgb(ink.water)),
            pickable=False,
        ),
        # Without an outline of the land, which would cost more than all the rest.
        _tiles(
            "land",
            max_zoom=5,
            filled=True,
            stroked=False,
            get_fill_color=list(rgb(ink.land)),
            get_line_color=list(rgb(ink.boundary)),
            get_line_width="properties.kind === 'border' ? 1.1 : 0.7",
            line_width_units="'pixels'",
        ),
    ]


def label_layer(ink: Palette) -> pdk.Layer:
    """Names of countries, states and cities: at each zoom those that have room."""
    return _tiles(
        "names",
        max_zoom=6,
        point_type="'text'",
        get_text="properties.name",
        get_text_size="properties.kind === 'country' ? 12.5 : 11",
        get_text_color=[*rgb(ink.label), 255],
        get_text_anchor="'middle'",
        get_text_alignment_baseline="'center'",
        text_character_set="'auto'",
        text_font_family="'Source Sans, Segoe UI, Helvetica, Arial, sans-serif'",
        text_font_settings={"sdf": True, "fontSize": 32, "buffer": 6, "radius": 10, "smoothing": 0.18},
        text_outline_width=3,
        text_outline_color=[*rgb(ink.land), 255],
    )


def _tiles(name: str, **properties: Any) -> pdk.Layer:
    """GeoJSON of this server, as much as the picture shows and no finer than it can show."""
    return pdk.Layer(
        "TileLayer",
        f"{BASEMAP}/{name}/{{z}}/{{x}}/{{y}}.json",
        id=f"base-{name}",
        tile_size=512,
        pickable=False,
        **properties,
    )


def _discs(name: str, rows: list[dict[str, Any]], *, radius: str | int) -> pdk.Layer:
    return pdk.Layer(
        "ScatterplotLayer",
        rows,
        id=name,
        get_position="position",
        get_radius=radius,
        radius_units="'pixels'",
        get_fill_color="color",
        stroked=True,
        get_line_color=[*rgb(palette().background), 220],
        get_line_width=1,
        line_width_units="'pixels'",
        pickable=True,
        auto_highlight=True,
    )


def _mark(row: Mapping[Any, Any], *, show: Callable[[float], str]) -> dict[str, Any]:
    return {"place": str(row["place"]), "label": str(row["label"]), "shown": show(float(row["value"]))}


def _ink(row: Mapping[Any, Any], scale: Classes, picked: set[str], *, opacity: int = 230) -> list[int]:
    """What is picked stands out; the others step back."""
    if str(row["place"]) in picked:
        return [*rgb(palette().selected), 255]
    return [*rgb(scale.colour(float(row["value"]))), opacity if not picked else opacity // 3]


def _sizes(values: pd.Series[Any], *, between: tuple[float, float], root: bool = True) -> np.ndarray[Any, Any]:
    smallest, largest = between
    known = np.nan_to_num(values.to_numpy(dtype=float), nan=0.0).clip(min=0)
    top = known.max(initial=0.0)
    shares = known / top if top else np.zeros_like(known)
    return smallest + (largest - smallest) * (np.sqrt(shares) if root else shares)


def _round_down(value: float) -> float:
    """The next lower of 1, 2, 5 times a power of ten; 0 and below as they are."""
    if value <= 0:
        return value
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step for step in (1.0, 2.0, 5.0) if step * power <= value * (1 + 1e-12)) * power)


def _next_round(edge: float) -> float:
    """The next higher of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(edge) + 1e-9)
    return float(next(step for step in (2.0, 5.0, 10.0) if step * power > edge * (1 + 1e-9)) * power)


def _mercator(latitude: float) -> float:
    limited = float(np.clip(latitude, -_MERCATOR_LIMIT, _MERCATOR_LIMIT))
    return float(np.log(np.tan(np.pi / 4 + np.radians(limited) / 2)))


def _vector(latitude: float, longitude: float) -> np.ndarray[Any, Any]:
    up, around = np.radians(latitude), np.radians(longitude)
    return np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])


def _cut(longitudes: np.ndarray[Any, Any], latitudes: np.ndarray[Any, Any]) -> list[Path]:
    paths: list[Path] = [[[round(float(longitudes[0]), 3), round(float(latitudes[0]), 3)]]]
    for (west, south), (east, north) in pairwise(zip(longitudes.tolist(), latitudes.tolist(), strict=True)):
        if abs(east - west) > 180:
            edge = 180.0 if west > 0 else -180.0
            length = 360 - abs(east - west)
            share = abs(edge - west) / length if length else 0.0
            latitude = round(south + (north - south) * share, 3)
            paths[-1].append([edge, latitude])
            paths.append([[-edge, latitude]])
        paths[-1].append([round(east, 3), round(north, 3)])
    return [path for path in paths if len(path) > 1]


def _tooltip_style(ink: Palette) -> dict[str, str]:
    return {
        "backgroundColor": ink.surface,
        "color": ink.text,
        "border": f"1px solid {ink.border}",
        "borderRadius": "6px",
        "fontSize": "13px",
        "padding": "6px 8px",
        "whiteSpace": "pre-line",
    }
