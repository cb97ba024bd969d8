"""Charts of service levels: each day, each unit against what chance does, gaps by length, and reasons."""

from __future__ import annotations

import html
from bisect import bisect_right
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.measures import significant
from analysis.service_funnel import usual_concentration
from analysis.service_levels import FUNNEL_WARNING_Z, FUNNEL_Z, funnel_limits
from analysis.service_measures import ServiceMeasure
from analysis.telemetry import UNIT_LABELS, ServiceUnits
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette

FUNNEL_HEIGHT = 340
#: What a funnel's exposure is, and by how much its sums are divided, by measure; else what the measure counts.
AXES: dict[str, tuple[str, float]] = {
    "uptime": ("hours in which signals were due", 3600.0),
    "completeness": ("reports due", 1.0),
    "in_service": ("hours in service", 3600.0),
}
#: Icon, marker and words of each verdict on a unit.
LOOKS: dict[str, tuple[str, str]] = {
    "below floor": ("▲", "triangle-up"),
    "outside funnel": ("▽", "triangle-down"),
    "ordinary": ("●", "circle"),
    "not enough data": ("○", "circle-open"),
}
_DAY_OF = {"trip_telemetry": "by day of departure", "weighing_fact": "by day of weighing"}
_LABELLED = 4
_POINTS = 60
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BIN_WORDS = {
    60: "to 1 min",
    300: "1–5 min",
    600: "5–10 min",
    900: "10–15 min",
    1200: "15–20 min",
    1800: "20–30 min",
    3600: "30–60 min",
    14400: "1–4 h",
}


def verdict_words(verdict: str) -> str:
    """Icon and verdict: told apart without colour."""
    return f"{LOOKS[verdict][0]} {verdict}"


def calendar_edges(measure: ServiceMeasure) -> tuple[float, ...]:
    """Upper ends of the lower four classes of a day, ascending: up to its floor, in three steps to its target, above.

    Without a target the classes are 80, 90, 95 and 99%.
    """
    if measure.target is None:
        return 0.8, 0.9, 0.95, 0.99
    floor = measure.floor if measure.floor is not None else measure.target - 5 * (1 - measure.target)
    return tuple(round(float(edge), 4) for edge in np.linspace(floor, measure.target, 4))


def calendar_colours(colours: Palette) -> tuple[str, ...]:
    """From the worst class to the best: the further from the target, the more it stands out of the page."""
    return (*(colours.sequence[place] for place in (6, 4, 3, 1)), colours.previous)


def calendar_chart(
    days: pd.DataFrame,
    *,
    measure: ServiceMeasure,
    period: str,
    first: date,
    last: date,
    colours: Palette,
    height: int,
    picked: date | None = None,
) -> Chart:
    """How good was each day? A square a day, weeks from left to right, a band for every twelve months.

    On each day lies a mark that cannot be seen: a click on it is picked up, one on a heatmap is lost.
    """
    dates = days["day"].to_numpy(dtype="datetime64[D]").tolist()
    known = dict(zip(dates, zip(days["value"].tolist(), days["n"].tolist(), strict=True), strict=True))
    edges = calendar_edges(measure)
    bands = (last.year - first.year) * 12 + last.month - first.month
    bands = bands // 12 + 1
    starts = [first.replace(year=first.year + band, day=1) for band in range(bands)]
    mondays = [start - timedelta(days=start.weekday()) for start in starts]
    z = np.full((bands * 8 - 1, 54), np.nan)
    marks: list[tuple[int, int, str, str]] = []
    frames: list[dict[str, Any]] = []
    day = first
    while day <= last:
        band = (day.year - first.year) * 12 + day.month - first.month
        band //= 12
        week, row = (day - mondays[band]).days // 7, band * 8 + day.weekday()
        found = known.get(day)
        if found is not None:
            value, n = found
            z[row, week] = bisect_right(edges, value)
            words = f"{day:%a %-d %b %Y}: {measure.words(value)} of {n:,.0f} {measure.counted}"
            marks.append((week, row, words, day.isoformat()))
        if day == picked:
            frames.append(_framed(week, row, colours=colours))
        day += timedelta(days=1)
    weeks = 53.0 if bands > 1 else (last - mondays[0]).days // 7
    inks = calendar_colours(colours)
    scale = [pair for k, ink in enumerate(inks) for pair in ((k / len(inks), ink), ((k + 1) / len(inks), ink))]
    ticks = [
        ((date(*divmod_month(first, k), 1) - mondays[0]).days / 7, _MONTHS[(first.month - 1 + k) % 12])
        for k in range(12)
    ]
    figure = Drawing(
        [
            {
                "type": "heatmap",
                "z": z,
                "hoverinfo": "skip",
                "colorscale": scale,
                "zmin": -0.5,
                "zmax": len(inks) - 0.5,
                "showscale": False,
                "xgap": 1.5,
                "ygap": 1.5,
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": [week for week, *_ in marks],
                "y": [row for _, row, *_ in marks],
                "text": [words for *_, words, _ in marks],
                "customdata": [[name] for *_, name in marks],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"symbol": "square", "size": 12, "opacity": 0},
                "selected": {"marker": {"opacity": 0}},
                "unselected": {"marker": {"opacity": 0}},
            },
        ],
        plain_layout(colours, height=height)
        | {
            "hovermode": "closest",
            "shapes": frames,
            "plot_bgcolor": colours.surface,
            "xaxis": plain_axis(colours)
            | {
                "tickvals": [x for x, _ in ticks],
                "ticktext": [name for _, name in ticks],
                "side": "top",
                "range": [-0.6, max(26.0, weeks) + 0.6],
                "ticks": "",
            },
            "yaxis": plain_axis(colours)
            | {
                "autorange": "reversed",
                "ticks": "",
                "tickvals": [band * 8 + row for band in range(bands) for row in ((3,) if bands > 2 else (0, 3, 6))],
                "ticktext": [_band_words(start) for start in starts]
                if bands > 2
                else [
                    word if bands == 1 or k else f"{word}"
                    for _ in range(bands)
                    for k, word in enumerate(("Mon", "Thu", "Sun"))
                ],
            },
        },
    )
    label = measure.label
    told = _DAY_OF.get(measure.fact, "by day")
    note = f"{label} {told}, {period}; a single day has few {measure.counted} and says little alone"
    if days.empty:
        title = f"No day of {label.lower()} is known"
        return Chart(figure, title, note, f"{title}. {note}.")
    short = int((days["value"] < (measure.target or 0.0)).sum())
    worst = days.loc[days["value"].idxmin()]
    lowest = f"{pd.Timestamp(worst['day']):%-d %b %Y}"
    many = f"{len(days):,} day{'' if len(days) == 1 else 's'}"
    if measure.target is None:
        # Without a target nothing falls short.
        which = f"the lowest of {many}" if len(days) > 1 else "the only day"
        title = f"{measure.words(worst['value'])} on {lowest}, {which}"
    else:
        title = f"{short:,} of {many} fell short of target; worst {lowest} at {measure.words(worst['value'])}"
    return Chart(figure, title, note, f"Calendar. {title}. {note}.")


def _framed(week: int, row: int, *, colours: Palette) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": week - 0.5,
        "x1": week + 0.5,
        "y0": row - 0.5,
        "y1": row + 0.5,
        "line": {"color": colours.selected, "width": 2.5},
    }


def calendar_legend(measure: ServiceMeasure, *, colours: Palette) -> str:
    """The classes of a day as HTML."""
    edges = calendar_edges(measure)
    words = [f"under {_percent(edges[0])}"]
    words += [f"{_percent(low)} – {_percent(high)}" for low, high in pairwise(edges)]
    words.append(f"{_percent(edges[-1])} or more")
    boxes = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.35rem;white-space:nowrap">'
        f'<span style="width:.8rem;height:.8rem;border-radius:2px;background:{ink}"></span>{html.escape(text)}</span>'
        for ink, text in zip(calendar_colours(colours), words, strict=True)
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.8rem;color:{colours.muted}">{boxes}</div>'
    )


def service_funnel(units: ServiceUnits, *, period: str, colours: Palette, picked: str = "") -> Chart:
    """Each unit's level against its exposure, with the limits that keep 95 and 99.8% of units like the book inside."""
    measure, frame = units.measure, units.frame
    axis_words, divisor = AXES.get(measure.key, (measure.counted, 1.0))
    x = (frame["denominator"] / divisor).to_numpy(dtype=float)
    bottom = _bottom(units)
    drawn = frame[frame["value"] >= bottom]
    traces = _limits(units, x=x, divisor=divisor, colours=colours)
    traces += [
        _marks(rows, measure=measure, divisor=divisor, verdict=verdict, colours=colours, picked=picked)
        for verdict in ("not enough data", "ordinary", "outside funnel", "below floor")
        if len(rows := drawn[drawn["verdict"] == verdict])
    ]
    bad = frame[frame["verdict"].isin(["below floor", "outside funnel"])]
    marked = ((units.level, colours.muted, "solid"), (measure.target, colours.categories[0], "dash"))
    marked += ((measure.floor, colours.categories[1], "dash"),)
    figure = Drawing(
        traces,
        plain_layout(colours, height=FUNNEL_HEIGHT)
        | {
            "hovermode": "closest",
            "shapes": [_level(*one) for one in marked if one[0] is not None and one[0] > bottom],
            "xaxis": plain_axis(colours)
            | {
                "type": "log",
                "title": {"text": f"{axis_words[:1].upper()}{axis_words[1:]} (log scale)"},
                "dtick": "D2",
                "tickformat": "~s",
            },
            "yaxis": plain_axis(colours)
            | {
                "title": {"text": measure.label},
                "tickformat": ".0%",
                "range": [bottom, 1.005 + 0.02 * (1 - bottom)],
                "nticks": 6,
            },
            "annotations": [
                _label(row, divisor=divisor, most=float(x.max()), colours=colours)
                for row in _apart(bad.head(_LABELLED), height=1 - bottom)
            ],
        },
    )
    title = _funnel_title(units, bad=len(bad))
    lines = [f"{measure.label} by {UNIT_LABELS[units.unit][0]}, {period}", *_funnel_notes(units)]
    if hidden := len(frame) - len(drawn):
        lines.append(f"{hidden:,} with too little data below the axis")
    note = "; ".join([*lines, *units.caveats])
    return Chart(figure, title, note, f"Funnel plot. {title}. {note}.")


def _bottom(units: ServiceUnits) -> float:
    """Where the axis begins: units that say nothing must not press all others against the top."""
    told = units.frame.loc[units.frame["verdict"] != "not enough data", "value"]
    lowest = float((told if len(told) else units.frame["value"]).min())
    return max(0.0, min(lowest, (units.level or 1.0) - 0.05) - 0.02)


def _limits(units: ServiceUnits, *, x: np.ndarray[Any, Any], divisor: float, colours: Palette) -> list[dict[str, Any]]:
    """Where units with as many devices as usual lie; each is judged by its own."""
    if units.level is None or units.dispersion is None or not len(x):
        return []
    grid = np.geomspace(max(x.min() / 1.3, 1e-9), x.max() * 1.3, _POINTS)
    concentration = usual_concentration(units.frame, grid * divisor)
    return [
        _line(grid, limit, dash=dash, colours=colours)
        for z, dash in ((FUNNEL_WARNING_Z, "dot"), (FUNNEL_Z, "solid"))
        for limit in funnel_limits(
            units.level,
            grid * divisor,
            dispersion=units.dispersion,
            between=units.between or 0.0,
            concentration=concentration,
            z=z,
        )
    ]


def _funnel_title(units: ServiceUnits, *, bad: int) -> str:
    one, many = UNIT_LABELS[units.unit]
    if (units.frame["verdict"] == "not enough data").all():
        return f"No {one} has enough data to be told from chance"
    explain = f"chance and usual differences between {units.measure.cluster_name}s explain"
    if not bad:
        return f"No {one} of {len(units.frame):,} is worse than {explain}"
    return f"{bad:,} of {len(units.frame):,} {many} {'is' if bad == 1 else 'are'} worse than {explain}"


def _funnel_notes(units: ServiceUnits) -> list[str]:
    measure, lines = units.measure, []
    one, many = UNIT_LABELS[units.unit]
    if units.level is not None:
        whose = "the book's" if units.level_is_book else "this selection's"
        lines.append(f"grey line: {whose} level {measure.words(units.level)}")
    if measure.target is not None:
        floor = f" and floor {_percent(measure.floor)}" if measure.floor is not None else ""
        lines.append(f"dashed: target {_percent(measure.target)}{floor}")
    if units.dispersion is not None:
        inside = f"dotted 95%, solid 99.8% of {many} like the book inside"
        lines.append(f"{inside}: {units.chance:.1f} expected below it")
        if (units.frame["clusters"] > 1).any():
            lines.append(f"drawn for as many {measure.cluster_name}s as usual, each judged by its own")
    if units.without_unit >= 0.5:
        lines.append(f"{units.without_unit:,.0f} {measure.counted} have no known {one}")
    return lines


def gap_chart(gaps: pd.DataFrame, *, period: str, colours: Palette, is_dark_told: bool) -> Chart:
    """How long are gaps, and in which of them do the dark hours lie?"""
    labels = [_BIN_WORDS.get(int(end)) if pd.notna(end) else "over 4 h" for end in gaps["to_s"]]
    traces = [
        _columns(
            labels,
            gaps["share"],
            name="of gaps",
            colour=colours.previous,
            hover=[f"{value:,.0f} gaps" for value in gaps["gaps"]],
        )
    ]
    if is_dark_told:
        hours = [f"{value:,.0f} h" for value in gaps["dark_hours"]]
        traces.append(
            _columns(
                labels, gaps["dark_share"], name="of hours beyond 5 min", colour=colours.categories[0], hover=hours
            )
        )
    figure = Drawing(
        traces,
        plain_layout(colours, height=250)
        | {
            "barmode": "group",
            "bargap": 0.25,
            "showlegend": is_dark_told,
            "legend": {"orientation": "h", "y": 1.15, "x": 0, "font": {"color": colours.text}},
            "xaxis": plain_axis(colours) | {"type": "category", "tickfont": {"color": colours.text, "size": 11}},
            "yaxis": plain_axis(colours)
            | {"tickformat": ".0%", "showgrid": True, "gridcolor": colours.border, "rangemode": "tozero", "nticks": 5},
        },
    )
    note = f"Gaps between fixes by length, {period}; a report is due every 5 minutes; lead-in and tail count as gaps"
    long = gaps["over_s"] >= 1800
    if not gaps["gaps"].sum():
        title = "No gap is known"
    elif is_dark_told:
        title = (
            f"{_share(float(gaps.loc[long, 'share'].sum()))} of gaps last over half an hour, and hold"
            f" {_share(float(gaps.loc[long, 'dark_share'].sum()))} of the hours beyond five minutes"
        )
    else:
        title = (
            f"{_share(float(gaps.loc[long, 'share'].sum()))} of {gaps['gaps'].sum():,.0f} gaps last over half an hour"
        )
    return Chart(figure, title, note, f"{title}. {note}.")


def fault_chart(reasons: pd.DataFrame, *, period: str, colours: Palette) -> Chart:
    """Why are trips not protected? Bars from zero, the most frequent on top."""
    names = [html.escape(str(name)) for name in reasons["fault"]]
    figure = Drawing(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": reasons["share"].tolist(),
                "y": names,
                "customdata": [[str(name)] for name in reasons["fault"]],
                "unselected": {"marker": {"opacity": 1}},
                "text": [
                    f"{_share(share)}  {trips:,.0f}"
                    for share, trips in zip(reasons["share"], reasons["trips"], strict=True)
                ],
                "textposition": "outside",
                "cliponaxis": False,
                "textfont": {"color": colours.text},
                "hovertemplate": "%{y}: %{text} trips<extra></extra>",
                "marker": {"color": colours.categories[0], "line": {"width": 0}},
            }
        ],
        plain_layout(colours, height=max(250, 30 + 26 * len(reasons)))
        | {
            "bargap": 0.3,
            "xaxis": plain_axis(colours)
            | {"visible": False, "range": [0, 1.35 * float(reasons["share"].max() if len(reasons) else 1)]},
            "yaxis": plain_axis(colours)
            | {"type": "category", "autorange": "reversed", "tickfont": {"color": colours.text}},
        },
    )
    note = f"Trips not protected by the first reason that holds, share of all trips with goods, {period}"
    if reasons.empty:
        title = "Every trip was protected, or none is known"
    else:
        top = reasons.iloc[0]
        title = f"Most trips without protection: {top['fault']}, {_share(float(top['share']))} of all trips"
    return Chart(figure, title, note, f"{title}. {note}.")


def divmod_month(first: date, later: int) -> tuple[int, int]:
    """Year and month that many months later.

    Examples
    --------
    >>> divmod_month(date(2025, 11, 1), 3)
    (2026, 2)
    """
    months = first.year * 12 + first.month - 1 + later
    return months // 12, months % 12 + 1


def _line(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], *, dash: str, colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x.tolist(),
        "y": y.round(5).tolist(),
        "hoverinfo": "skip",
        "line": {"color": colours.muted, "width": 1, "dash": dash},
    }


def _marks(
    frame: pd.DataFrame, *, measure: ServiceMeasure, divisor: float, verdict: str, colours: Palette, picked: str
) -> dict[str, Any]:
    bad = verdict in {"below floor", "outside funnel"}
    opacity = 1 if bad else 0.65
    colour = colours.categories[1] if bad else colours.categories[0] if verdict == "ordinary" else colours.muted
    return {
        "type": "scatter",
        "mode": "markers",
        "x": (frame["denominator"] / divisor).tolist(),
        "y": frame["value"].round(5).tolist(),
        "customdata": frame[["key"]].to_numpy().tolist(),
        "selected": {"marker": {"opacity": opacity}},
        "unselected": {"marker": {"opacity": opacity}},
        "text": [
            f"{verdict_words(verdict)}: {html.escape(str(row['label']))}<br>{_level_words(row, measure)}"
            f"<br>{row['n']:,.0f} {measure.counted}"
            for row in frame.to_dict("records")
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": LOOKS[verdict][1],
            "color": colour,
            "size": 11 if bad else 7,
            "opacity": opacity,
            "line": {"width": 1.2 if verdict == "not enough data" else 0, "color": colour}
            if picked not in set(frame["key"])
            else {"width": [3 if key == picked else 0 for key in frame["key"]], "color": colours.selected},
        },
    }


def _level_words(row: dict[Any, Any], measure: ServiceMeasure) -> str:
    words = measure.words(row["value"])
    return (
        words if pd.isna(row["low"]) else f"{words} (95%: {measure.words(row['low'])} – {measure.words(row['high'])})"
    )


def _columns(x: list[Any], shares: pd.Series[Any], *, name: str, colour: str, hover: list[str]) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": shares.tolist(),
        "text": hover,
        "textposition": "none",
        "hovertemplate": f"%{{x}}: %{{y:.1%}} {name} (%{{text}})<extra></extra>",
        "marker": {"color": colour, "line": {"width": 0}},
    }


def _level(value: float, colour: str, dash: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "layer": "below",
        "line": {"color": colour, "width": 1.2, "dash": dash},
    }


def _apart(frame: pd.DataFrame, *, height: float) -> list[dict[Any, Any]]:
    """Rows whose names do not cover each other, the first before those after it."""
    kept: list[dict[Any, Any]] = []
    for row in frame.to_dict("records"):
        if all(abs(row["value"] - other["value"]) > 0.06 * height for other in kept):
            kept.append(row)
    return kept


def _label(row: dict[Any, Any], *, divisor: float, most: float, colours: Palette) -> dict[str, Any]:
    place = float(row["denominator"]) / divisor
    at_edge = place > most / 3
    return {
        "x": float(np.log10(place)),
        "y": row["value"],
        "text": html.escape(str(row["label"])),
        "showarrow": False,
        "xanchor": "right" if at_edge else "left",
        "xshift": -9 if at_edge else 9,
        "font": {"size": 12, "color": colours.text},
        "bgcolor": colours.background,
        "borderpad": 1,
    }


def _band_words(start: date) -> str:
    return f"{_MONTHS[start.month - 1]} {start.year} +" if start.month > 1 else str(start.year)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _share(share: float) -> str:
    return f"{significant(100 * share, 2)}%" if share >= 0.001 else "under 0.1%" if share > 0 else "0%"
