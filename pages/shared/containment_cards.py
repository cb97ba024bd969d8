"""Measures of response as cards: the value, its interval, its target, and whether it moved by more than chance."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from analysis.containment import Change
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.estimated_measures import EstimatedMeasure
from analysis.estimates import Estimate
from analysis.peers import Standing
from pages.shared.account import peer_line_html
from pages.shared.charts import sparkline
from pages.shared.layout import escape
from pages.shared.palette import Palette, palette

Status = Literal["meets target", "may meet target", "misses target", "beyond floor", "no target", "not known"]
ICONS: dict[Status, str] = {
    "meets target": "●",
    "may meet target": "◐",
    "misses target": "▽",
    "beyond floor": "▲",
    "no target": "",
    "not known": "○",
}
_FEW = 30


def status_of(measure: EstimatedMeasure, estimate: Estimate) -> Status:
    """Is the target met, and is that sure? By the interval, never by the value alone."""
    if measure.target is None:
        return "no target"
    # Too many incidents are unclear for any verdict, whatever the interval says.
    if estimate.bounds is not None:
        return "not known"
    if estimate.interval is None:
        return "not known"
    low, high = estimate.interval
    if measure.better == "higher":
        return (
            "meets target" if low >= measure.target else "misses target" if high < measure.target else "may meet target"
        )
    if measure.floor is not None and low > measure.floor:
        return "beyond floor"
    return "meets target" if high <= measure.target else "misses target" if low > measure.target else "may meet target"


def response_card(
    key: str,
    estimate: Estimate,
    *,
    change: Change | None = None,
    against: str = "",
    trend: Sequence[float] = (),
    lines: Sequence[str] = (),
    more: str = "",
    peers: Standing | None = None,
) -> None:
    """One card.

    Parameters
    ----------
    key
        Of the measure.
    change, against
        Against which period, and whether the move is signal or noise.
    trend
        By quarter.
    lines
        Said in place of interval and target.
    more
        Said beside them.
    peers
        In the account view, what its peers have.
    """
    measure, ink = CONTAINMENT_MEASURES[key], palette()
    with st.container(border=True, height="stretch", gap="xxsmall"):
        st.metric(measure.label, shown_value(measure, estimate), help=_help(measure, estimate))
        said = [html.escape(line) for line in lines] or _lines(measure, estimate, colours=ink)
        if more:
            said.insert(1, html.escape(more))
        if estimate.value is not None and estimate.n < _FEW and not lines:
            said.append(f"n = {estimate.n}: few")
        if change is not None and change.difference is not None:
            said.append(html.escape(f"{change_words(measure, change)} {against}"))
        body = "".join(f"<div>{line}</div>" for line in said)
        if peers is not None:
            body += peer_line_html(peers, colours=ink)
        picture = (
            sparkline(trend, label=f"{measure.label} by quarter of report, from zero", colours=ink)
            if len(trend) > 1
            else ""
        )
        st.html(f'<div style="font-size:.8rem;line-height:1.3;color:{ink.muted}">{body}</div>{picture}')


def shown_value(measure: EstimatedMeasure, estimate: Estimate) -> str:
    """The value on a card; a median that is not reached is longer than anything seen."""
    if estimate.bounds is not None:
        return "cannot be told"
    if estimate.value is None and estimate.n and measure.key == "median_time_to_contain":
        return "not reached"
    return "—" if estimate.value is None else measure.words(estimate.value)


def change_words(measure: EstimatedMeasure, change: Change) -> str:
    """A move, and whether chance explains it."""
    if change.difference is None:
        return "cannot be compared"
    points = measure.unit == "percent"
    moved = f"{100 * change.difference:+.0f} points" if points else f"{change.difference:+.0f} min"
    return f"{moved.replace('-', chr(0x2212))}, {change.words()},"


def _lines(measure: EstimatedMeasure, estimate: Estimate, *, colours: Palette) -> list[str]:
    if estimate.value is None and estimate.interval is None:
        return [html.escape(next(iter(estimate.caveats), "not known"))]
    said = [html.escape(estimate.caveats[0])] if estimate.bounds is not None else []
    if estimate.interval is not None:
        low, high = estimate.interval
        end = "open" if math.isinf(high) else measure.words(high)
        said.append(html.escape(f"95%: {measure.words(low)} – {end}"))
    status = status_of(measure, estimate)
    if measure.target is not None and estimate.bounds is None:
        missed = status in {"misses target", "beyond floor"}
        ink = colours.categories[1] if missed else colours.categories[0] if status == "meets target" else colours.muted
        icon = f'<span style="color:{ink};font-size:1.15em">{ICONS[status]}</span>'
        words = status.replace("target", f"target {measure.words(measure.target)}")
        if status == "beyond floor":
            words = f"beyond floor {measure.words(measure.floor)}, target {measure.words(measure.target)}"
        said.append(f"{icon} {html.escape(words)}")
    return said


def _help(measure: EstimatedMeasure, estimate: Estimate) -> str:
    lines = [
        measure.definition,
        f"= {measure.formula}.",
        f"From {estimate.n:,} incidents, {measure.period}.",
        f"Interval: {measure.interval}.",
        *(f"{caveat}." for caveat in estimate.caveats),
    ]
    return escape(" ".join(lines))
