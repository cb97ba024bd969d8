"""Charts of claims: curves to the decision, quarters and insureds against premium, control charts, development."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from analysis.claim_findings import insured_words, quarter_words, settlement_words
from analysis.claim_service import Settlement
from analysis.claim_trends import ClaimTrend
from analysis.survival import SurvivalCurve
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette, rgb

HEIGHT = 250
#: The days that a curve of settlement is drawn for, at most.
MOST_DAYS = 180
_DASHES = ("solid", "dash")


def settlement_chart(settled: Settlement, *, period: str, colours: Palette) -> Chart:
    """Which share of the claims is decided, and closed, so many days after their report? With its band."""
    curves = [
        (name, curve) for name, curve in (("decided", settled.decide), ("closed", settled.close)) if curve is not None
    ]
    last = _last_day([curve for _, curve in curves])
    traces: list[dict[str, Any]] = []
    for place, (name, curve) in enumerate(curves):
        ink = colours.categories[place]
        days, share, low, high = _steps(curve, last=last)
        traces.append(_band(days, low, high, colour=ink))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": days, "y": share, "name": name,
                "line": {"color": ink, "width": 2, "shape": "hv", "dash": _DASHES[place]},
                "hovertemplate": f"%{{x}} days: %{{y:.1%}} {name}<extra></extra>",
            }
        )  # fmt: skip
    # One label on each side of the pair, where the curves are steep.
    annotations = [
        {
            "x": curve.quantile(share).value, "y": share, "text": name, "showarrow": False,
            "xanchor": "left" if place else "right", "xshift": 10 if place else -8,
            "font": {"color": colours.categories[place], "size": 13},
        }
        for place, ((name, curve), share) in enumerate(zip(curves, (0.62, 0.4), strict=False))
        if curve.quantile(share).value is not None
    ]  # fmt: skip
    figure = Drawing(
        traces,
        plain_layout(colours, height=HEIGHT)
        | {
            "xaxis": plain_axis(colours)
            | {"title": {"text": "days after the report", "font": {"size": 12}}, "range": [0, last], "nticks": 8},
            "yaxis": plain_axis(colours) | _grid(colours) | {"tickformat": ".0%", "range": [0, 1.02], "nticks": 5},
            "annotations": annotations,
        },
    )
    title = settlement_words(settled)
    n = curves[0][1].n if curves else 0
    still = "; ".join(f"{curve.n - curve.happened:,} not {name} yet" for name, curve in curves)
    note = f"Share of claims by days from report, 95% bands, {period}; n = {n:,}; {still}: counted as far as followed"
    return Chart(figure, title, note, f"Curves. {title}. {note}.")


def settlement_rows(settled: Settlement) -> pd.DataFrame:
    """The curves as a table: at so many days, which share is decided and closed, and how many were still followed."""
    rows = []
    for step, curve in (("decided", settled.decide), ("closed", settled.close)):
        if curve is None:
            continue
        at_risk = curve.at_risk_at([float(day) for day in _TABLE_DAYS])
        for day, left in zip(_TABLE_DAYS, at_risk, strict=True):
            found = curve.share_by(float(day))
            low, high = found.interval or (None, None)
            rows.append((step, day, found.value, low, high, int(left)))
    return pd.DataFrame(rows, columns=["step", "days", "share", "low", "high", "at_risk"])


_TABLE_DAYS = (1, 7, 15, 30, 45, 60, 90, 120, 180, 365)


def quarter_chart(table: pd.DataFrame, *, whole: float | None, target: float | None, period: str,
                  colours: Palette) -> Chart:  # fmt: skip
    """What do the losses of each quarter come to per premium: reported, and still to come (hatched)?"""
    known = (table["incurred"] / table["earned"]).to_numpy(dtype=float)
    more = np.maximum(table["ratio"].to_numpy(dtype=float) - known, 0.0)
    x = table["key"].tolist()
    ink = colours.categories[0]
    hover = [
        f"{key}: {ratio:.0%} of premium, 90% sure: {low:.0%} to {high:.0%}<br>{n:,.0f} losses, {share:.0%} reported"
        for key, ratio, low, high, n, share in zip(
            x, table["ratio"], table["low"], table["high"], table["losses"], known / np.maximum(table["ratio"], 1e-9),
            strict=True,
        )
    ]  # fmt: skip
    figure = Drawing(
        [
            {"type": "bar", "x": x, "y": known.round(4).tolist(), "marker": {"color": ink}, "text": hover,
             "textposition": "none", "hovertemplate": "%{text}<extra></extra>"},
            {"type": "bar", "x": x, "y": more.round(4).tolist(), "text": hover, "textposition": "none",
             "hovertemplate": "%{text}<extra></extra>",
             "marker": _to_come(colours)},
            _whiskers(x, table, along="y", colours=colours),
        ],
        plain_layout(colours, height=HEIGHT)
        | {
            "barmode": "stack",
            "bargap": 0.25,
            "xaxis": plain_axis(colours) | {"type": "category", "nticks": 12},
            "yaxis": plain_axis(colours) | _grid(colours)
            | {"tickformat": ".0%", "rangemode": "tozero", "nticks": 5,
               "range": [0, _top(table, target)]},
            "shapes": [_line(value, dash, colours) for value, dash in ((target, "dash"), (whole, "dot")) if value],
        },
    )  # fmt: skip
    title = quarter_words(table)
    marks = "; dashed: target, dotted: all quarters" if target else ""
    note = (
        f"Ultimate incurred with claims expense per earned premium by quarter of loss, {period}; hatched: still to"
        f" come; lines: 90% intervals{marks}"
    )
    return Chart(figure, title, note, f"Bars. {title}. {note}.")


def amount_chart(table: pd.DataFrame, *, currency: str, period: str, colours: Palette) -> Chart:
    """What do claims stand at by quarter of loss, where no premium is known?"""
    figure = Drawing(
        [{"type": "bar", "x": table["key"].tolist(), "y": table["incurred"].round(2).tolist(),
          "marker": {"color": colours.categories[0]}, "customdata": table["claims"].tolist(),
          "hovertemplate": "%{x}: " + currency + " %{y:,.0f} of %{customdata:,} claims<extra></extra>"}],
        plain_layout(colours, height=HEIGHT)
        | {
            "bargap": 0.25,
            "xaxis": plain_axis(colours) | {"type": "category", "nticks": 12},
            "yaxis": plain_axis(colours) | _grid(colours) | {"tickformat": "~s", "rangemode": "tozero", "nticks": 5},
        },
    )  # fmt: skip
    total, claims = float(table["incurred"].sum()), int(table["claims"].sum())
    title = f"{claims:,} claims stand at {currency} {total:,.0f}"
    note = f"Incurred by quarter of loss, {currency}, {period}; as recorded: what is still to come is not in it"
    return Chart(figure, title, note, f"Bars. {title}. {note}.")


def insured_chart(table: pd.DataFrame, *, names: Mapping[str, str], whole: float | None, period: str,
                  colours: Palette) -> Chart:  # fmt: skip
    """What does each insured cost per premium, and which differ by more than chance?"""
    shown = table[table["ratio"].notna()].sort_values("earned", ascending=True).tail(30)
    labels = [html.escape(names.get(str(key), str(key)))[:34] for key in shown["key"]]
    traces = [_whiskers(labels, shown, along="x", colours=colours)]
    for verdict, symbol in (
        ("not enough data", "circle-open"), ("ordinary", "circle"), ("below the rest", "triangle-down"),
        ("above the rest", "triangle-up"),
    ):  # fmt: skip
        part = shown["verdict"].eq(verdict).to_numpy()
        if not part.any():
            continue
        ink = colours.categories[1] if verdict == "above the rest" else colours.categories[0]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": shown.loc[part, "ratio"].tolist(),
                "y": [label for label, one in zip(labels, part, strict=True) if one],
                "marker": {"symbol": symbol, "size": 10, "color": ink},
                "text": [
                    f"{ratio:.0%}, 90% sure: {low:.0%} to {high:.0%}; {n:,.0f} losses"
                    for ratio, low, high, n in shown.loc[part, ["ratio", "low", "high", "losses"]].to_numpy()
                ],
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        )  # fmt: skip
    figure = Drawing(
        traces,
        plain_layout(colours, height=max(170, 26 * len(shown) + 50))
        | {
            "xaxis": plain_axis(colours)
            | _grid(colours)
            | {"tickformat": ".0%", "range": [0, _far(shown)], "nticks": 7},
            "yaxis": plain_axis(colours) | {"type": "category", "categoryarray": labels, "categoryorder": "array"},
            "shapes": [
                {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": whole, "x1": whole, "layer": "below",
                 "line": {"color": colours.muted, "width": 1, "dash": "dot"}}
            ] if whole else [],
        },
    )  # fmt: skip
    title = insured_words(table, names)
    note = (
        f"Ultimate loss ratio by insured, most premium on top, 90% intervals, {period}; dotted: all together; marked"
        " where chance does not explain the distance from all others (5% over all rows, Holm)"
    )
    if len(table) > len(shown):
        note += f"; {len(shown)} of {len(table):,} drawn, the table holds all"
    return Chart(figure, title, note, f"Dots with intervals. {title}. {note}.")


def trend_chart(trend: ClaimTrend, *, colours: Palette) -> Chart:
    """How did a measure run by month, and which months does chance not explain?"""
    chart, measure = trend.chart, trend.measure
    x = [f"{month:%Y-%m-%d}" for month in trend.months]
    values, low, high, centre = (trend.scale * part for part in (chart.values, chart.low, chart.high, chart.centre))
    signals, immature = chart.signals, np.array(trend.immature, dtype=bool)
    ink = colours.categories[0]
    told = [f"{month:%b %Y}: {measure.words(float(v)) if np.isfinite(v) else 'not known'}"
            for month, v in zip(trend.months, values, strict=True)]  # fmt: skip
    traces: list[dict[str, Any]] = []
    if not chart.lack:
        inside = np.where(immature, np.nan, 1.0)
        lines = ((low, "solid"), (high, "solid"), (centre, "dot"))
        traces += [_thin(x, line * inside, dash=dash, colours=colours) for line, dash in lines]
    traces.append({"type": "scatter", "mode": "lines", "x": x, "y": _plain(np.where(immature, np.nan, values)),
                   "line": {"color": ink, "width": 1.5}, "hoverinfo": "skip"})  # fmt: skip
    looks = (
        (~signals & ~immature, "circle", ink, 6),
        (signals & ~immature, "diamond", colours.categories[1], 11),
        (immature, "circle-open", colours.muted, 7),
    )
    for part, symbol, colour, size in looks:
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [d for d, one in zip(x, part, strict=True) if one],
             "y": _plain(values[part]), "text": [t for t, one in zip(told, part, strict=True) if one],
             "hovertemplate": "%{text}<extra></extra>",
             "marker": {"symbol": symbol, "color": colour, "size": size}}
        )  # fmt: skip
    figure = Drawing(
        traces,
        plain_layout(colours, height=HEIGHT)
        | {
            "xaxis": plain_axis(colours) | {"type": "date", "tickformat": "%b %Y", "nticks": 8},
            "yaxis": plain_axis(colours) | _grid(colours)
            | {"tickformat": ".0%" if measure.unit == "percent" else "~s", "rangemode": "tozero", "nticks": 5},
            "shapes": _hatched(trend.months, immature, colours=colours),
        },
    )  # fmt: skip
    words = "; ".join(chart.caveats) if not chart.lack else ""
    note = f"{measure.label} {trend.basis}"
    note += f", {measure.per}" if measure.per else ""
    if not chart.lack:
        note += "; lines: what chance alone explains; diamonds: signals"
    if immature.any():
        note += "; shaded: the last 60 days, still growing and not judged"
    if words:
        note += f"; {words[:1].lower()}{words[1:]}"
    return Chart(figure, trend.finding, note, f"Control chart. {trend.finding}. {note}.")


def trend_rows(trend: ClaimTrend) -> pd.DataFrame:
    """The control chart as a table."""
    chart = trend.chart
    return pd.DataFrame(
        {
            "month": list(trend.months),
            "value": trend.scale * chart.values,
            "low": trend.scale * chart.low,
            "centre": trend.scale * chart.centre,
            "high": trend.scale * chart.high,
            "signal": ["signal" if one else "" for one in chart.signals],
            "immature": ["still growing" if one else "" for one in trend.immature],
        }
    )


def reserve_chart(origins: pd.DataFrame, total: pd.Series[Any], *, currency: str, colours: Palette) -> Chart:
    """What is known of each quarter of the book, and what does the chain ladder expect in the end?"""
    x = [quarter_name(first, last) for first, last in zip(origins["first_day"], origins["last_day"], strict=True)]
    latest, ultimate = origins["latest"].to_numpy(dtype=float), origins["ultimate"].to_numpy(dtype=float)
    error = np.nan_to_num(origins["standard_error"].to_numpy(dtype=float))
    ink = colours.categories[0]
    figure = Drawing(
        [
            {"type": "bar", "x": x, "y": latest.tolist(), "marker": {"color": ink},
             "hovertemplate": "%{x}: " + currency + " %{y:,.0f} known<extra></extra>"},
            {"type": "bar", "x": x, "y": np.maximum(ultimate - latest, 0.0).tolist(),
             "customdata": ultimate.tolist(),
             "hovertemplate": "%{x}: " + currency + " %{customdata:,.0f} in the end<extra></extra>",
             "error_y": {"type": "data", "array": (1.645 * error).tolist(), "color": colours.text, "thickness": 1,
                         "width": 3},
             "marker": _to_come(colours)},
        ],
        plain_layout(colours, height=HEIGHT)
        | {
            "barmode": "stack", "bargap": 0.25,
            "xaxis": plain_axis(colours) | {"type": "category", "nticks": 12},
            "yaxis": plain_axis(colours) | _grid(colours) | {"tickformat": "~s", "rangemode": "tozero", "nticks": 5},
        },
    )  # fmt: skip
    if pd.isna(total["ultimate"]):
        title = "The book's quarters cannot be developed"
    else:
        to_come = float(total["ultimate"]) - float(total["latest"])
        title = f"{currency} {to_come:,.0f} is still to come of the whole book"
        if pd.notna(total["low"]):
            low, high = float(total["low"]) - float(total["latest"]), float(total["high"]) - float(total["latest"])
            title += f" (90% sure: {low:,.0f} to {high:,.0f})"
    note = (
        f"Whole book, incurred with claims expense by quarter of loss, {currency}; hatched: chain ladder, lines: Mack"
    )
    return Chart(figure, title, note, f"Bars. {title}. {note}.")


def quarter_name(first: date, last: date) -> str:
    """Three months as a person says them; a quarter of the calendar by its number.

    Examples
    --------
    >>> quarter_name(date(2025, 1, 1), date(2025, 3, 31)), quarter_name(date(2025, 2, 10), date(2025, 5, 9))
    ('Q1 2025', 'to 9 May 2025')
    """
    begin, end = pd.Timestamp(first), pd.Timestamp(last)
    if begin.day == 1 and begin.month % 3 == 1:
        return f"Q{begin.month // 3 + 1} {begin.year}"
    return f"to {end:%-d %b %Y}"


# ---- what the charts share


def _to_come(colours: Palette) -> dict[str, Any]:
    """What is expected and not reported yet: hatched, in the colour of what is."""
    ink = colours.categories[0]
    return {
        "color": ink,
        "pattern": {"shape": "/", "fillmode": "replace", "fgcolor": ink, "bgcolor": colours.background, "size": 6},
        "line": {"color": ink, "width": 1},
    }


def _grid(colours: Palette) -> dict[str, Any]:
    return {"showgrid": True, "gridcolor": colours.border}


def _last_day(curves: list[SurvivalCurve]) -> float:
    ends = [found for curve in curves if (found := curve.quantile(0.98).value) is not None]
    return float(min(max([30.0, *ends]) * 1.1, MOST_DAYS)) if len(ends) == len(curves) and curves else float(MOST_DAYS)


def _steps(curve: SurvivalCurve, *, last: float) -> tuple[list[float], list[float], list[float], list[float]]:
    within = curve.times <= last
    ends = [0.0, *curve.times[within].tolist(), last]

    def line(values: np.ndarray[Any, Any]) -> list[float]:
        inner = (1 - values[within]).round(4).tolist()
        return [0.0, *inner, inner[-1] if inner else 0.0]

    return ends, line(curve.survival), line(curve.high), line(curve.low)


def _band(x: list[float], low: list[float], high: list[float], *, colour: str) -> dict[str, Any]:
    red, green, blue = rgb(colour)
    return {
        "type": "scatter", "mode": "lines", "x": [*x, *reversed(x)], "y": [*high, *reversed(low)], "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},0.18)", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip",
    }  # fmt: skip


def _whiskers(at: list[str], table: pd.DataFrame, *, along: str, colours: Palette) -> dict[str, Any]:
    known = table["low"].notna().to_numpy() & table["high"].notna().to_numpy()
    places = [name for name, one in zip(at, known, strict=True) if one]
    value = table.loc[known, "ratio"].to_numpy(dtype=float)
    low, high = table.loc[known, "low"].to_numpy(dtype=float), table.loc[known, "high"].to_numpy(dtype=float)
    bars = {
        "type": "data", "symmetric": False, "array": (high - value).tolist(), "arrayminus": (value - low).tolist(),
        "color": colours.text, "thickness": 1.2, "width": 3,
    }  # fmt: skip
    sides = {"x": places, "y": value.tolist(), "error_y": bars} if along == "y" else {
        "x": value.tolist(), "y": places, "error_x": bars}  # fmt: skip
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": {"size": 1, "color": colours.text},
        "hoverinfo": "skip",
    } | sides


def _top(table: pd.DataFrame, target: float | None) -> float:
    """The axis's end: past all values, and past intervals as far as they do not press the values flat."""
    most = float(table["ratio"].max())
    return 1.08 * max(min(float(table["high"].max(skipna=True)), 2 * most), most, target or 0.0)


def _far(table: pd.DataFrame) -> float:
    if table.empty:
        return 1.0
    most = float(table["ratio"].max())
    return 1.05 * max(min(float(np.nan_to_num(table["high"].max())), 2.5 * most), most, 0.1)


def _line(value: float, dash: str, colours: Palette) -> dict[str, Any]:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value,
        "line": {"color": colours.muted, "width": 1.5, "dash": dash},
    }  # fmt: skip


def _thin(x: list[str], y: np.ndarray[Any, Any], *, dash: str, colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": _plain(y), "hoverinfo": "skip",
        "line": {"color": colours.muted, "width": 1, "dash": dash},
    }  # fmt: skip


def _plain(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _hatched(months: tuple[date, ...], immature: np.ndarray[Any, Any], *, colours: Palette) -> list[dict[str, Any]]:
    if not immature.any():
        return []
    first = pd.Timestamp(months[int(np.flatnonzero(immature)[0])]) - pd.Timedelta(days=15)
    last = pd.Timestamp(months[-1]) + pd.Timedelta(days=15)
    return [
        {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": f"{first:%Y-%m-%d}", "x1": f"{last:%Y-%m-%d}",
         "fillcolor": colours.border, "opacity": 0.4, "line": {"width": 0}, "layer": "below"}
    ]  # fmt: skip
