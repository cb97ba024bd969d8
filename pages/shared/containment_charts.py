"""Charts of response: the share contained over time, pace against the rest, phases, ends, and loss against time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.containment import CONTAINED, NOT_CONTAINED
from analysis.containment_groups import GroupsOfClocks, pace_words
from analysis.containment_measures import HORIZON_MINUTES, TARGET_MINUTES
from analysis.containment_phases import LossAgainstTime, Phases, phase_words
from analysis.incidence import CumulativeIncidence
from analysis.survival import SurvivalCurve
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette

CURVE_HEIGHT = 236
#: Where numbers at risk are told, and the axis is marked; minutes.
RISK_TIMES = (15.0, 30.0, 60.0, 120.0, 240.0, 720.0, 1440.0)
FIRST_MINUTE = 5.0
_ENDS_TIMES = (60.0, 360.0, 1440.0, 10_080.0, 43_200.0)
_DASHES = ("solid", "dash", "dot", "dashdot")
#: Icon and marker of each verdict on a group.
LOOKS: dict[str, tuple[str, str]] = {
    "slower": ("▲", "triangle-up"),
    "faster": ("▽", "triangle-down"),
    "no difference shown": ("●", "circle"),
    "not enough data": ("○", "circle-open"),
    "cannot be told": ("?", "x-thin-open"),
}


def verdict_words(verdict: str) -> str:
    """Icon and verdict: told apart without colour."""
    return f"{LOOKS[verdict][0]} {verdict}"


def minute_words(minutes: float) -> str:
    """A time as an axis says it.

    Examples
    --------
    >>> minute_words(30), minute_words(240), minute_words(10080)
    ('30 min', '4 h', '7 d')
    """
    if minutes < 60:
        return f"{minutes:g} min"
    return f"{minutes / 60:g} h" if minutes <= 1440 else f"{minutes / 1440:g} d"


def curve_chart(
    curves: Sequence[tuple[str, SurvivalCurve]], *, title: str, period: str, colours: Palette, p_value: float | None
) -> Chart:
    """In which share of each group was the loss contained by when, with bands and numbers still running?"""
    traces: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for place, (label, curve) in enumerate(curves):
        ink = colours.categories[place % len(colours.categories)]
        x, middle, low, high = _steps(curve)
        name = html.escape(_short(label))
        # Above three, bands hide each other.
        if len(curves) <= 3:
            traces += [_edge(x, low), _edge(x, high) | {"fill": "tonexty", "fillcolor": _faint(ink)}]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": x,
                "y": middle,
                "line": {"shape": "hv", "color": ink, "width": 2, "dash": _DASHES[place % len(_DASHES)]},
                "text": [
                    f"{name}: {100 * share:.0f}% contained within {minute_words(round(minutes))}"
                    for minutes, share in zip(x, middle, strict=True)
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
        if len(curves) > 1:
            # The name of a curve stands with its numbers, in its colour.
            annotations.append(_note(0.0, place, name, colour=ink, anchor="right", size=12))
        for minutes, left in zip(RISK_TIMES, curve.at_risk_at(RISK_TIMES), strict=True):
            annotations.append(
                _note(float(np.log10(minutes)), place, f"{left}", colour=colours.text, anchor="center", size=11)
                | {"xref": "x"}
            )
    if len(curves) == 1:
        annotations.append(_note(0.0, 0, "still running", colour=colours.muted, anchor="right", size=11))
    widest = max((len(_short(label)) for label, _ in curves), default=0) if len(curves) > 1 else 12
    layout = plain_layout(colours, height=CURVE_HEIGHT + 17 * len(curves)) | {
        "margin": {"l": max(48, 7 * widest + 8), "r": 14, "t": 10, "b": 30 + 17 * len(curves)},
        "annotations": annotations,
        "shapes": [_target_line(colours)],
        "xaxis": plain_axis(colours)
        | _time_axis(RISK_TIMES, first=FIRST_MINUTE, last=HORIZON_MINUTES)
        | {"automargin": False},
        "yaxis": _share_axis(colours) | {"automargin": False},
    }
    chance = "" if p_value is None else f"; log-rank: {_chance(p_value)}"
    band = "; band: 95%" if len(curves) <= 3 else ""
    note = (
        f"Share contained since first alarm or detection, {period}{band}; dotted: 60 min; numbers: not yet contained"
        f" and followed{chance}"
    )
    said = "; ".join(
        f"{label}: n = {curve.n:,}, {100 * (curve.share_by(TARGET_MINUTES).value or 0):.0f}% within 60 min"
        for label, curve in curves
    )
    return Chart(Drawing(traces, layout), title, note, f"{title}. {note}. {said}.")


def pace_chart(groups: GroupsOfClocks, *, period: str, colours: Palette, most: int = 12) -> Chart:
    """Who contains slower than the rest? Each group's pace with its interval against 1, not a league table."""
    frame = groups.frame[groups.frame["pace"].notna() & (groups.frame["n"] >= 5)].head(most)
    traces = []
    for verdict, (_, symbol) in LOOKS.items():
        rows = frame[frame["verdict"] == verdict]
        if rows.empty:
            continue
        ink = colours.categories[1] if verdict == "slower" else colours.categories[0]
        ink = colours.muted if verdict in {"no difference shown", "not enough data", "cannot be told"} else ink
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": rows["pace"].tolist(),
                "y": rows["key"].tolist(),
                "marker": {"color": ink, "size": 10, "symbol": symbol},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": (np.minimum(rows["pace_high"], 10) - rows["pace"]).clip(lower=0).tolist(),
                    "arrayminus": (rows["pace"] - rows["pace_low"].clip(lower=0.05)).clip(lower=0).tolist(),
                    "color": ink,
                    "thickness": 1.5,
                    "width": 3,
                },
                "text": [
                    f"{html.escape(str(row.label))}: {row.pace:.2g} times the pace of the rest"
                    f" (95%: {row.pace_low:.2g} – {row.pace_high:.2g}), n = {row.n}; {row.verdict}"
                    for row in rows.itertuples()
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    labels = [
        f"{html.escape(_short(str(label)))} (n = {n})" for label, n in zip(frame["label"], frame["n"], strict=True)
    ]
    layout = plain_layout(colours, height=max(120, 46 + 25 * len(frame))) | {
        "shapes": [
            {
                "type": "line",
                "x0": 1,
                "x1": 1,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": colours.text, "width": 1},
            }
        ],
        "xaxis": plain_axis(colours)
        | {
            "type": "log",
            "range": [np.log10(0.05), 1.0],
            "tickvals": [0.1, 0.25, 0.5, 1, 2, 4, 10],
            "ticktext": ["×0.1", "×0.25", "×0.5", "the rest", "×2", "×4", "×10"],
            "showgrid": True,
            "gridcolor": colours.border,
        },
        "yaxis": plain_axis(colours)
        | {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": frame["key"].tolist(),
            "autorange": "reversed",
            "tickvals": frame["key"].tolist(),
            "ticktext": labels,
        },
    }
    title = pace_words(groups)
    note = (
        f"Pace of containment in the first 3 hours against all others, within thefts and within attempts, 95% interval,"
        f" {period}; {groups.judged} judged, under 5% chance of any false verdict"
    )
    return Chart(Drawing(traces, layout), title, note, f"{title}. {note}.")


def phase_chart(found: Phases, *, period: str, colours: Palette) -> Chart:
    """How long does each phase take: the middle half of incidents, and the median with its interval?"""
    frame = found.frame[found.frame["median"].notna() | found.frame["quarter"].notna()]
    keys, ink = frame["key"].tolist(), colours.categories[0]
    most = 60 * 1440.0
    low = frame["quarter"].clip(lower=1.0)
    high = frame["three_quarters"].fillna(most).clip(lower=1.0)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "y": keys,
            "base": low.tolist(),
            "x": (high - low).tolist(),
            "width": 0.42,
            "marker": {"color": colours.previous, "line": {"width": 0}},
            "text": [_phase_words(row) for row in frame.itertuples()],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "y": keys,
            "x": frame["median"].clip(lower=1.0).tolist(),
            "marker": {"color": ink, "size": 11, "symbol": "line-ns", "line": {"width": 4, "color": ink}},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "text",
            "y": keys,
            "x": high.tolist(),
            "text": ["  not reached by half" if np.isnan(value) else f"  {_span(value)}" for value in frame["median"]],
            "textposition": "middle right",
            "textfont": {"color": colours.text},
            "cliponaxis": False,
            "hoverinfo": "skip",
        },
    ]
    labels = [f"{row.label} ({row.n:,})" for row in frame.itertuples()]
    ticks = [1.0, 10.0, 60.0, 360.0, 1440.0, 10_080.0]
    layout = plain_layout(colours, height=max(120, 50 + 32 * len(frame))) | {
        "barmode": "overlay",
        "margin": {"l": 8, "r": 70, "t": 8, "b": 8},
        "xaxis": plain_axis(colours)
        | _time_axis(ticks, first=1.0, last=most)
        | {"showgrid": True, "gridcolor": colours.border},
        "yaxis": plain_axis(colours)
        | {"type": "category", "autorange": "reversed", "tickvals": keys, "ticktext": labels},
    }
    title = phase_words(found)
    share = found.unnoticed_share
    note = f"Bar: middle half of incidents (number); mark: median; logarithmic; not reached counted, {period}"
    if share.value is not None and share.interval is not None:
        before = share.interval
        note += (
            f"; before the first sign {100 * share.value:.0f}% (95%: {100 * before.low:.0f} – {100 * before.high:.0f}%)"
            f" of the hours of {share.n:,} contained incidents"
        )
    return Chart(Drawing(traces, layout), title, note, f"{title}. {note}. {'; '.join(map(str, traces[0]['text']))}.")


def ends_chart(found: CumulativeIncidence, *, period: str, colours: Palette, lack: str = "") -> Chart:
    """How do incidents end, and by when? Contained, closed not contained, still open: they add up to all.

    Parameters
    ----------
    lack
        Why the shares cannot be told of all incidents: it takes the place of the finding.
    """
    times = np.unique(np.concatenate([[1.0], np.clip(found.times, 1.0, None), [86_400.0]]))
    place = np.searchsorted(found.times, times, side="right") - 1
    shares = [np.where(place >= 0, found.incidence[row, np.maximum(place, 0)] if len(found.times) else 0.0, 0.0)
              for row in range(len(found.ends))]  # fmt: skip
    stacked = [*shares, 1 - sum(shares)]
    names = ("contained", "closed not contained", "not ended yet")
    inks = (colours.categories[0], colours.categories[1], colours.surface)
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "ends",
            "name": name,
            "x": times.tolist(),
            "y": np.asarray(share).round(5).tolist(),
            "line": {"shape": "hv", "width": 0.5, "color": ink if ink != colours.surface else colours.border},
            "fillcolor": ink,
            "hovertemplate": f"{name}: %{{y:.0%}}<extra></extra>",
        }
        for name, share, ink in zip(names, stacked, inks, strict=True)
    ]
    layout = plain_layout(colours, height=230) | {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "margin": {"l": 8, "r": 14, "t": 8, "b": 8},
        "xaxis": plain_axis(colours) | _time_axis((10.0, *_ENDS_TIMES), first=5.0, last=86_400.0),
        "yaxis": _share_axis(colours),
    }
    held, lost = (found.share_by(43_200.0, end=end) for end in (CONTAINED, NOT_CONTAINED))
    title = "Too few incidents to say how they end"
    if held.value is not None and lost.value is not None:
        title = f"Within 30 days {100 * held.value:.0f}% are contained and {100 * lost.value:.0f}% closed without"
    if lack:
        title = f"How they end: {lack[0].lower()}{lack[1:]}"
    note = f"Share of {found.n:,} incidents with a usable clock by how and when they ended, Aalen-Johansen, {period}"
    for name, part in (("contained", held), ("closed without", lost)):
        if part.interval is not None:
            note += f"; {name} 95%: {100 * part.interval.low:.0f} – {100 * part.interval.high:.0f}%"
    return Chart(Drawing(traces, layout), title, note, f"{title}. {note}.")


def loss_chart(found: LossAgainstTime, *, period: str, currency: str, colours: Palette) -> Chart:
    """Do thefts that took longer to contain cost more? A dot each; those never contained stand at the right edge."""
    frame = found.frame
    traces = []
    for held, name, ink, symbol in (
        (True, "contained", colours.categories[0], "circle"),
        (False, "not contained within 24 h", colours.categories[1], "x"),
    ):
        rows = frame[frame["is_contained"] == held]
        x = rows["minutes"].clip(lower=FIRST_MINUTE) if held else rows["minutes"] * 0 + 2.0 * HORIZON_MINUTES
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": x.tolist(),
                "y": rows["loss_base"].tolist(),
                "marker": {"color": ink, "size": 8, "symbol": symbol, "opacity": 0.75},
                "text": [
                    f"{html.escape(str(incident))}: {html.escape(str(category or ''))}, {currency} {loss:,.0f}"
                    for incident, category, loss in zip(
                        rows["incident_id"].tolist(), rows["category"].tolist(), rows["loss_base"].tolist(), strict=True
                    )
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout = plain_layout(colours, height=260) | {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": plain_axis(colours)
        | _time_axis((*RISK_TIMES, 2 * HORIZON_MINUTES), first=FIRST_MINUTE, last=2.6 * HORIZON_MINUTES)
        | {"ticktext": [*(minute_words(one) for one in RISK_TIMES), "not"]},
        "yaxis": plain_axis(colours)
        | {"type": "log", "showgrid": True, "gridcolor": colours.border, "tickformat": "~s", "nticks": 5},
    }
    r = found.correlation
    if r.value is None or r.interval is None or found.p_value is None:
        title = f"Too few losses of known value ({len(frame)}) to set against time"
        if r.caveats and r.caveats[0].startswith("Cannot be told"):
            title = f"Loss against time: {r.caveats[0][0].lower()}{r.caveats[0][1:]}"
        tail = ""
    else:
        tail = f"; rank correlation {r.value:.2f} (95%: {r.interval.low:.2f} to {r.interval.high:.2f})"
        title = "No link between time to contain and loss beyond chance"
        if found.p_value < 0.05:
            title = f"Thefts that take longer to contain are {'dearer' if r.value > 0 else 'cheaper'} ones"
    note = (
        f"Loss in {currency} by time to contain, {len(frame):,} thefts of known value, {period}{tail}; not a cause:"
        " confounded by severity, as a full load is dearer and is met with another effort, or is gone at once"
    )
    if found.without_loss:
        note += f"; value not known for {found.without_loss:,}"
    return Chart(Drawing(traces, layout), title, note, f"{title}. {note}.")


def _steps(curve: SurvivalCurve) -> tuple[list[float], list[float], list[float], list[float]]:
    """Share contained with its band, from the first minute shown to the end of following."""
    times, shares = curve.times, 1 - curve.survival
    early = times <= FIRST_MINUTE
    begin = float(shares[early][-1]) if early.any() else 0.0
    start = (float(1 - curve.high[early][-1]), float(1 - curve.low[early][-1])) if early.any() else (0.0, 0.0)
    later = ~early & (times <= HORIZON_MINUTES)
    end = min(float(curve.followed[-1]) if curve.n else HORIZON_MINUTES, HORIZON_MINUTES)
    x = [FIRST_MINUTE, *times[later].tolist(), end]
    lines = []
    for first, rest in ((begin, shares[later]), (start[0], 1 - curve.high[later]), (start[1], 1 - curve.low[later])):
        values = [first, *rest.round(5).tolist()]
        lines.append([*values, values[-1]])
    return x, lines[0], lines[1], lines[2]


def _edge(x: list[float], y: list[float]) -> dict[str, Any]:
    line = {"shape": "hv", "width": 0}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


def _note(x: float, place: int, text: str, *, colour: str, anchor: str, size: int) -> dict[str, Any]:
    return {
        "x": x, "xref": "paper", "xanchor": anchor, "xshift": -6 if anchor == "right" else 0,
        "y": 0, "yref": "paper", "yanchor": "top", "yshift": -24 - 17 * place,
        "text": text, "showarrow": False, "font": {"color": colour, "size": size},
    }  # fmt: skip


def _target_line(colours: Palette) -> dict[str, Any]:
    return {
        "type": "line", "x0": TARGET_MINUTES, "x1": TARGET_MINUTES, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": colours.text, "width": 1, "dash": "dot"},
    }  # fmt: skip


def _time_axis(ticks: Sequence[float], *, first: float, last: float) -> dict[str, Any]:
    return {
        "type": "log",
        "range": [float(np.log10(first)), float(np.log10(last * 1.04))],
        "tickvals": list(ticks),
        "ticktext": [minute_words(one) for one in ticks],
        "tickangle": 0,
    }


def _share_axis(colours: Palette) -> dict[str, Any]:
    return plain_axis(colours) | {
        "range": [0, 1.03], "tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%", "showgrid": True,
        "gridcolor": colours.border,
    }  # fmt: skip


def _phase_words(row: Any) -> str:
    middle = "not reached by half" if np.isnan(row.median) else f"median {_span(row.median)}"
    return f"{row.label}: {middle}, n = {row.n}, not reached {row.not_reached}"


def _span(minutes: float) -> str:
    """A duration as a person says it."""
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.1f} days"


def _chance(p_value: float) -> str:
    return "under 0.1% chance" if p_value < 0.001 else f"{100 * p_value:.2g}% chance"


def _short(label: str, most: int = 22) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
