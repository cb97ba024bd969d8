"""The map of verdicts: places coloured by shrunken ratio, as wide as their exposure, grey and dashed without data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pydeck as pdk
import streamlit as st

from analysis.hotspot_evidence import times
from analysis.words import theft_words
from pages.shared.maps import LANES, MOST_LANES, SITES, Box, draw_map, fit_view, lane_paths, map_state
from pages.shared.palette import Palette, palette, rgb
from pages.shared.verdict_words import PALE, ratio_classes, ratio_legend, verdict_words

UNSURE = "unsure"
#: Places with the class prior, whose verdict is not shown to a person: not the same as too little data.
PRIOR = "prior"
_JUDGED = ("hotspot", "watch", "ordinary")
_WIDTHS = (1.5, 7.0)
_RADII = (3.0, 15.0)
# What is ordinary steps back behind what stands out.
_OPACITY = {"hotspot": 245, "watch": 225}


def verdict_map(
    frame: pd.DataFrame,
    *,
    box: Box | None,
    key: str,
    height: int,
    alt: str,
    picked: Sequence[str] = (),
    under: Sequence[pdk.Layer] = (),
    under_note: str = "",
    on_pick: Callable[[str], None] | None = None,
) -> None:
    """Draw the places of one level with the legend below; a click gives the place to ``on_pick``.

    Parameters
    ----------
    frame
        As of `analysis.verdicts.RankedVerdicts`.
    under, under_note
        Layers drawn under the places, and what they mean, for the legend.
    """
    ink = palette()
    drawn, notes = places_drawn(frame)
    is_line = "origin_latitude" in frame
    layers = _line_layers(drawn, ink, picked) if is_line else _disc_layers(drawn, ink, picked)
    draw_map(
        [*under, *layers, _ranks(drawn, ink, is_line=is_line)],
        view=fit_view(box, height=height),
        alt=alt,
        key=key,
        height=height,
        on_select=(lambda: _pick(key, on_pick)) if on_pick else None,
    )
    size = "width: expected thefts" if is_line else "size: expected thefts"
    said = [size, "numbers: rank of a hotspot", *([under_note] if under_note else []), *notes]
    st.html(ratio_legend(ink, notes=said, is_line=is_line, has_prior=bool((drawn["basis"] != "").any())))


def places_drawn(frame: pd.DataFrame, *, most: int = MOST_LANES) -> tuple[pd.DataFrame, list[str]]:
    """Which places are drawn, and what is not? Hotspots and watched ones first, then those with most exposure."""
    ends = [name for name in frame if str(name).endswith(("latitude", "longitude"))]
    ranked = frame.assign(rank=range(1, len(frame) + 1))
    located = ranked.dropna(subset=ends).drop_duplicates("place")
    order = located.assign(
        first=located["verdict"].isin(["hotspot", "watch"]), due=located["expected"].fillna(0.0)
    ).sort_values(["first", "due", "units"], ascending=False)
    # What is not known is seen too: a fifth of the lines is kept for it.
    judged = order["verdict"].isin(_JUDGED)
    kept = order[~judged].head(max(most // 5, most - int(judged.sum())))
    chosen = pd.concat([order[judged].head(most - len(kept)), kept])
    notes = []
    if len(order) > most:
        notes.append(f"{most} of {len(order):,} drawn: what stands out, then the most exposed")
    if missing := ranked["place"].nunique() - len(located):
        notes.append(f"{missing:,} lack coordinates")
    return chosen, notes


def _line_layers(drawn: pd.DataFrame, ink: Palette, picked: Sequence[str]) -> list[pdk.Layer]:
    scale = ratio_classes(ink)
    most = max(float(drawn["expected"].max(skipna=True) or 0), 1e-9)
    sure: list[dict[str, Any]] = []
    unsure: list[dict[str, Any]] = []
    prior: list[dict[str, Any]] = []
    cased: list[dict[str, Any]] = []
    around = [*rgb(ink.text), 255]
    # The worst are drawn last, so that none covers them.
    for row in drawn.sort_values("rank", ascending=False).to_dict("records"):
        judged = row["verdict"] in _JUDGED
        due = float(np.nan_to_num(row["expected"]))
        width = _WIDTHS[0] + (_WIDTHS[1] - _WIDTHS[0]) * (due / most) ** 0.5
        colour = (
            [*rgb(scale.colour(float(row["ratio"]))), _OPACITY.get(row["verdict"], 150)]
            if judged
            else [*rgb(ink.muted), 190]
        )
        mark = {
            **_mark(row),
            "width": round(max(width, 3.0 if row["verdict"] == "hotspot" else 0.0), 1) if judged else 1.5,
            "color": colour,
        }
        ends = ("origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude")
        paths = lane_paths(*(float(row[end]) for end in ends))
        (sure if judged else prior if row["basis"] else unsure).extend({**mark, "path": path} for path in paths)
        if row["place"] in picked:
            # A casing keeps the colour of what is picked, which tells its rate.
            cased += [{**mark, "path": path, "width": mark["width"] + 5.0, "color": around} for path in paths]
    common = {
        "get_path": "path", "get_width": "width", "get_color": "color", "width_units": "'pixels'",
        "width_min_pixels": 1.2, "joint_rounded": True, "pickable": True, "auto_highlight": True,
    }  # fmt: skip
    dashes = {"get_dash_array": [4, 3], "dash_justified": True, "extensions": [_dash_extension()]}
    dots = dashes | {"get_dash_array": [1, 3]}
    return [
        pdk.Layer("PathLayer", cased, id="picked", **common | {"pickable": False, "cap_rounded": True}),
        pdk.Layer("PathLayer", prior, id=f"{LANES}-{PRIOR}", **common, **dots),
        pdk.Layer("PathLayer", unsure, id=f"{LANES}-{UNSURE}", **common, **dashes),
        pdk.Layer("PathLayer", sure, id=LANES, cap_rounded=True, **common),
    ]


def _dash_extension() -> dict[str, Any]:
    return {"@@type": "PathStyleExtension", "dash": True}


def _disc_layers(drawn: pd.DataFrame, ink: Palette, picked: Sequence[str]) -> list[pdk.Layer]:
    scale = ratio_classes(ink)
    most = max(float(drawn["expected"].max(skipna=True) or 0), 1e-9)
    sure: list[dict[str, Any]] = []
    unsure: list[dict[str, Any]] = []
    prior: list[dict[str, Any]] = []
    for row in drawn.sort_values("rank", ascending=False).to_dict("records"):
        due = float(np.nan_to_num(row["expected"]))
        judged = row["verdict"] in _JUDGED
        colour = (
            [*rgb(scale.colour(float(row["ratio"]))), 230]
            if judged
            else [*rgb(ink.muted), PALE if row["basis"] else 255]
        )
        mark = {
            **_mark(row),
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
            "radius": round(_RADII[0] + (_RADII[1] - _RADII[0]) * (due / most) ** 0.5, 1),
            "color": colour,
            "edge": [*rgb(ink.text), 255] if row["place"] in picked else [*rgb(ink.background), 220],
            "edge_width": 3 if row["place"] in picked else 1,
        }
        (sure if judged else prior if row["basis"] else unsure).append(mark)
    common = {
        "get_position": "position", "get_radius": "radius", "radius_units": "'pixels'", "stroked": True,
        "line_width_units": "'pixels'", "pickable": True, "auto_highlight": True,
    }  # fmt: skip
    rings = {"filled": False, "get_line_color": "color", "get_line_width": "edge_width"}
    # An empty ring for too little data; a pale disc for a verdict that is only not shown.
    edge = {"get_fill_color": "color", "get_line_color": "edge", "get_line_width": "edge_width"}
    return [
        pdk.Layer("ScatterplotLayer", prior, id=f"{SITES}-{PRIOR}", **common, **edge),
        pdk.Layer("ScatterplotLayer", unsure, id=f"{SITES}-{UNSURE}", **common, **rings),
        pdk.Layer("ScatterplotLayer", sure, id=SITES, **common, **edge),
    ]


def _ranks(drawn: pd.DataFrame, ink: Palette, *, is_line: bool) -> pdk.Layer:
    """The rank of each hotspot at its middle, as in the table."""
    rows = []
    for row in drawn[drawn["verdict"] == "hotspot"].to_dict("records"):
        if is_line:
            ends = ("origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude")
            path = max(lane_paths(*(float(row[end]) for end in ends)), key=len)
            middle = len(path) // 2
            position = [(path[middle - 1][axis] + path[middle][axis]) / 2 for axis in (0, 1)]
        else:
            position = [float(row["longitude"]), float(row["latitude"])]
        rows.append({**_mark(row), "position": position, "rank": str(row["rank"])})
    return pdk.Layer(
        "TextLayer",
        rows,
        id="ranks",
        get_position="position",
        get_text="rank",
        get_size=13,
        get_color=[*rgb(ink.text), 255],
        background=True,
        get_background_color=[*rgb(ink.background), 235],
        get_border_color=[*rgb(ink.categories[1]), 255],
        get_border_width=1.5,
        background_padding=[5, 2],
        font_family="'Source Sans, Segoe UI, Helvetica, Arial, sans-serif'",
        font_weight=600,
        pickable=False,
    )


def _mark(row: dict[Any, Any]) -> dict[str, Any]:
    """Place and the words of its tooltip."""
    words = [verdict_words(str(row["verdict"]), str(row["basis"]))]
    if row["verdict"] in _JUDGED:
        adjusted = "adjusted: " if pd.notna(row.get("reported_share")) else ""
        words.append(
            f"{adjusted}{times(row['ratio'])} times the book's rate "
            f"(90% sure: {times(row['low'])} to {times(row['high'])})"
        )
    expected = f", {row['expected']:.2g} expected" if pd.notna(row["expected"]) else ""
    words.append(f"{theft_words(int(row['observed']))}{expected}")
    return {"place": str(row["place"]), "label": str(row["label"]), "shown": "\n".join(words)}


def _pick(key: str, on_pick: Callable[[str], None]) -> None:
    objects = ((map_state(key) or {}).get("selection") or {}).get("objects") or {}
    for rows in objects.values():
        for row in rows:
            if row.get("place"):
                on_pick(str(row["place"]))
                return
