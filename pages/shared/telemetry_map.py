"""The map of where signals die: blackouts per 1,000 positions by area, and the thefts placed there."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pydeck as pdk

from analysis.dark_signals import DEAD_RATIO, LEAST_BLACKOUTS, DeadAreas
from pages.shared.maps import cell_layer, classes, draw_legend, draw_map, fit_view
from pages.shared.palette import palette, rgb
from pages.shared.telemetry_results import Box

THEFTS = "thefts"
_RADII = (4.0, 15.0)
#: From the middle of a cell to its sides, metres, by resolution.
_REACH_M = {3: 60_000, 5: 8_500, 7: 1_200}


def dead_words(areas: DeadAreas) -> str:
    """What the map finds, without a full stop."""
    if not areas.blackouts:
        return "No blackout in this selection"
    dead = areas.frame[areas.frame["is_dead"]]
    if dead.empty:
        return f"In no area signals die {DEAD_RATIO:g} times as often as elsewhere"
    worst = dead.sort_values(["ratio", "cell"], ascending=[False, True]).iloc[0]
    many = f"{len(dead)} area{'' if len(dead) == 1 else 's'}"
    stolen = (
        f", where {areas.dead_thefts} of {areas.thefts} thefts happened"
        if areas.thefts
        else "; no theft is placed here"
    )
    return (
        f"Signals die over {DEAD_RATIO:g} times as often in {many} with {100 * areas.dead_positions:.2g}% of"
        f" positions{stolen}; worst near {worst['label']}"
    )


def signal_map(
    areas: DeadAreas,
    *,
    box: Box | None,
    key: str,
    height: int,
    alt: str,
    on_pick: Callable[[], None] | None = None,
    picked: str = "",
) -> None:
    """Areas by blackouts per 1,000 positions, and discs for the thefts in them, with the legend below."""
    told = areas.frame[areas.frame["blackouts"] >= LEAST_BLACKOUTS]
    shown = told.rename(columns={"cell": "place"}).assign(value=told["per_1000"])
    words = {
        str(row["place"]): f"{row['blackouts']:,.0f} blackouts, {row['dark_hours']:,.0f} dark hours,"
        f" {row['thefts']:,.0f} thefts"
        for row in shown.to_dict("records")
    }
    shown["label"] = [
        f"{label}\n{words[str(place)]}" for place, label in zip(shown["place"], shown["label"], strict=True)
    ]
    scale = classes(shown["value"])

    def show(value: float) -> str:
        return f"{value:.3g}"

    draw_map(
        [
            cell_layer(
                shown,
                scale=scale,
                show=lambda v: f"{v:.3g} blackouts per 1,000 positions",
                selected=[picked] if picked else [],
            ),
            _hands(shown, resolution=areas.resolution),
            _thefts(areas.frame),
        ],
        view=fit_view(box, height=height),
        alt=alt,
        key=key,
        on_select=on_pick,
        height=height,
    )
    few = int((areas.frame["blackouts"] < LEAST_BLACKOUTS).sum())
    notes = [f"{few} areas with under {LEAST_BLACKOUTS} blackouts not drawn"] if few else []
    draw_legend(
        "Blackouts per 1,000 positions",
        scale=scale,
        show=show,
        size_means="orange discs: thefts in areas with a blackout" if areas.frame["thefts"].any() else "",
        notes=[f"all areas: {areas.per_1000:.2g}", *notes, *areas.caveats],
    )


def _hands(shown: pd.DataFrame, *, resolution: int) -> pdk.Layer:
    """What a click on an area meets: Streamlit hears clicks on discs, and none on hexagons."""
    rows = [
        {
            "place": str(row["place"]),
            "label": str(row["label"]),
            "shown": f"{row['value']:.3g} blackouts per 1,000 positions",
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
        }
        for row in shown.sort_values("place").to_dict("records")
    ]
    return pdk.Layer(
        "ScatterplotLayer",
        rows,
        id="areas",
        get_position="position",
        get_radius=_REACH_M[resolution],
        # Nothing is seen of it; what is wholly clear might not be met either.
        get_fill_color=[*rgb(palette().background), 1],
        pickable=True,
        auto_highlight=True,
    )


def _thefts(frame: pd.DataFrame) -> pdk.Layer:
    ink = palette()
    stolen = frame[frame["thefts"] > 0]
    most = float(stolen["thefts"].max()) if len(stolen) else 1.0
    rows = [
        {
            "place": str(row["cell"]),
            "label": str(row["label"]),
            "shown": f"{row['thefts']:,.0f} thefts, {row['blackouts']:,.0f} blackouts",
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
            "radius": round(_RADII[0] + (_RADII[1] - _RADII[0]) * (float(row["thefts"]) / most) ** 0.5, 1),
        }
        for row in stolen.sort_values(["thefts", "cell"], ascending=[False, True]).to_dict("records")
    ]
    return pdk.Layer(
        "ScatterplotLayer",
        rows,
        id=THEFTS,
        get_position="position",
        get_radius="radius",
        radius_units="'pixels'",
        get_fill_color=[*rgb(ink.categories[1]), 60],
        get_line_color=[*rgb(ink.categories[1]), 255],
        stroked=True,
        get_line_width=2,
        line_width_units="'pixels'",
        pickable=True,
        auto_highlight=True,
    )
