"""The funnel plot: which places lie beyond what chance alone would make of their exposure?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.credibility import funnel_limits
from analysis.hotspot_evidence import times
from analysis.verdicts import HOTSPOT_RATIO, LEVEL_NAMES, RankedVerdicts
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette
from pages.shared.verdict_words import LOOKS, verdict_colour

HEIGHT = 340
#: Places with a smaller expected count say nothing on a funnel; the note says how many they are.
LEAST_EXPECTED = 0.1
_LABELLED = 4
_POINTS = 80


def funnel_chart(ranked: RankedVerdicts, *, colours: Palette) -> Chart:
    """Observed over expected against expected, with limits of 95% and 99.8%, coloured by verdict."""
    one, many = LEVEL_NAMES[ranked.level]
    frame = ranked.frame[ranked.frame["raw_ratio"].notna()]
    drawn = frame[frame["expected"] >= LEAST_EXPECTED]
    most = float(drawn["expected"].max()) if len(drawn) else 1.0
    told = drawn.loc[drawn["verdict"] != "not enough data", "raw_ratio"]
    top = max(3.0, 1.15 * float(told.max() if len(told) else 3.0))
    grid = np.geomspace(LEAST_EXPECTED, most * 1.25, _POINTS)
    traces = [
        _line(grid, limit, dash=dash, colours=colours)
        for level, dash in ((0.95, "dot"), (0.998, "solid"))
        for limit in funnel_limits(grid, level=level)
    ]
    shown = drawn[drawn["raw_ratio"] <= top]
    traces += [
        _marks(shown[shown["verdict"] == verdict], verdict=verdict, colours=colours)
        for verdict in ("not enough data", "ordinary", "watch", "hotspot")
        if (shown["verdict"] == verdict).any()
    ]
    worst = frame[frame["verdict"] == ("hotspot" if ranked.count("hotspot") else "watch")].head(_LABELLED)
    axis = plain_axis(colours)
    figure = Drawing(
        traces,
        plain_layout(colours, height=HEIGHT)
        | {
            "hovermode": "closest",
            "xaxis": axis
            | {
                "type": "log",
                "title": {"text": "Expected thefts (log scale)"},
                "tickvals": [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
                "range": [float(np.log10(LEAST_EXPECTED)), float(np.log10(most * 1.9))],
            },
            "yaxis": axis
            | {
                "title": {"text": "Observed / expected"},
                "range": [-0.03 * top, top],
                "nticks": 6,
            },
            "shapes": [_level(1.0, "solid", colours), _level(HOTSPOT_RATIO, "dash", colours)],
            "annotations": [
                _label(row, most=most, colours=colours) for row in worst.to_dict("records") if row["raw_ratio"] <= top
            ],
        },
    )
    title = _title(frame, one=one, many=many)
    hidden = len(frame) - len(shown)
    beyond = f"; {hidden:,} with under {LEAST_EXPECTED:g} expected or beyond the top are not drawn" if hidden else ""
    reports = " (reports expected, with each place's deductibles)" if ranked.reporting else ""
    note = (
        f"Observed / expected thefts by expected thefts{reports}; dotted 95%, solid 99.8% of places inside by chance "
        f"alone; lines at 1 and {HOTSPOT_RATIO:g}; the verdict is the colour, and does not follow from the limits"
        f"{beyond}"
    )
    return Chart(figure, title, note, f"Funnel plot. {title}. {note}.")


def _title(frame: pd.DataFrame, *, one: str, many: str) -> str:
    """How many places have which verdict: the limits of the picture are another test, and give none."""
    compared = frame["place"].nunique()
    hot = frame.loc[frame["verdict"] == "hotspot", "place"].nunique()
    if hot:
        return (
            f"{hot:,} of {compared:,} {many if compared != 1 else one} {'is a hotspot' if hot == 1 else 'are hotspots'}"
        )
    if (frame["verdict"] == "not enough data").all():
        return f"No {one} has enough data for a verdict"
    watched = frame.loc[frame["verdict"] == "watch", "place"].nunique()
    return f"No {one} is a hotspot" + (f"; {watched:,} {'is' if watched == 1 else 'are'} watched" if watched else "")


def _line(x: np.ndarray, y: np.ndarray, *, dash: str, colours: Palette) -> dict[str, object]:  # type: ignore[type-arg]
    return {
        "type": "scatter", "mode": "lines", "x": x.round(4).tolist(), "y": y.round(4).tolist(), "hoverinfo": "skip",
        "line": {"color": colours.muted, "width": 1, "dash": dash},
    }  # fmt: skip


def _marks(frame: pd.DataFrame, *, verdict: str, colours: Palette) -> dict[str, object]:
    colour = verdict_colour(verdict, colours)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": frame["expected"].round(4).tolist(),
        "y": frame["raw_ratio"].round(4).tolist(),
        "text": [
            f"{LOOKS[verdict].icon} {row['label']}<br>{row['observed']:,} observed, {row['expected']:.3g} expected"
            f"<br>{times(row['ratio'])} times, 90% sure: {times(row['low'])} to {times(row['high'])}"
            for row in frame.to_dict("records")
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": LOOKS[verdict].symbol,
            "color": colour,
            "size": 11 if verdict in {"hotspot", "watch"} else 7,
            "opacity": 1 if verdict in {"hotspot", "watch"} else 0.65,
            "line": {"width": 1.2 if verdict == "not enough data" else 0, "color": colour},
        },
    }


def _level(value: float, dash: str, colours: Palette) -> dict[str, object]:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "layer": "below",
        "line": {"color": colours.border, "width": 1.5, "dash": dash},
    }  # fmt: skip


def _label(row: dict[Any, Any], *, most: float, colours: Palette) -> dict[str, object]:
    # At the right edge a label stands to the left of its mark.
    at_edge = float(row["expected"]) > most / 3
    return {
        "x": float(np.log10(float(row["expected"]))),
        "y": row["raw_ratio"],
        "text": str(row["label"]).replace("<", "&lt;"),
        "showarrow": False,
        "xanchor": "right" if at_edge else "left",
        "xshift": -9 if at_edge else 9,
        "font": {"size": 12, "color": colours.text},
        "bgcolor": colours.background,
        "borderpad": 1,
    }
