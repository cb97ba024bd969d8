"""Service levels as cards: value, change, months, the interval against the target, what is left of the budget."""

from __future__ import annotations

import html
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import streamlit as st

from analysis.peers import Standing
from analysis.service_changes import ServiceChange
from analysis.service_findings import (
    MINUS,
    Status,
    budget_words,
    chance_words,
    change_words,
    points_words,
    service_status,
)
from analysis.telemetry import ServiceValue
from pages.shared.account import peer_html
from pages.shared.context import month_words
from pages.shared.layout import escape
from pages.shared.palette import Palette, palette

#: Icon of each status: told apart without colour.
ICONS: dict[Status, str] = {
    "meets target": "●",
    "may meet target": "◐",
    "misses target": "▽",
    "below floor": "▲",
    "no target": "",
    "not known": "○",
}
_NOT_EVALUABLE = "not evaluable"
_SPARK_HEIGHT = 22


def service_cards(
    values: Sequence[ServiceValue],
    *,
    changes: Mapping[str, ServiceChange] | None = None,
    against: str = "",
    not_comparable: str = "",
    peers: Mapping[str, Standing] | None = None,
) -> None:
    """One card a service level.

    Parameters
    ----------
    changes
        By key of the measure: how it moved against the comparison period.
    against
        That period in words.
    not_comparable
        Why there is nothing to compare with, shown in place of a change.
    peers
        By key of the measure, in the account view: what the account's peers have.
    """
    ink = palette()
    beside = peers or {}
    with st.grid(len(values), min_column_width=150, gap="small"):
        for value in values:
            change = (changes or {}).get(value.measure.key)
            known = value.value is not None
            with st.container(border=True, height="stretch", gap="xxsmall"):
                st.metric(
                    value.measure.label,
                    shown_value(value),
                    shown_change(change) if known else None,
                    delta_color=change_colour(change),
                    delta_description=beside_change(change, not_comparable=not_comparable) if known else None,
                    help=card_help(value, change=change, against=against),
                )
                lines = card_lines(value, colours=ink, peers=beside.get(value.measure.key))
                st.html(share_sparkline(value, colours=ink) + lines)


def shown_change(change: ServiceChange | None) -> str | None:
    """The change on a card, in points; None where it is not known."""
    if change is None or change.change is None:
        return None
    # Streamlit tells a fall by its hyphen, and draws the arrow of a rise beside a minus sign.
    return points_words(change.change).replace("points", "pts").replace(MINUS, "-")


def beside_change(change: ServiceChange | None, *, not_comparable: str) -> str | None:
    """Whether the change is news; or why there is none."""
    if change is not None and change.change is not None:
        return chance_words(change)
    return not_comparable or None


def change_colour(change: ServiceChange | None) -> Literal["normal", "inverse", "off"]:
    """A change that chance explains is grey: it is no news, good or bad."""
    if change is None or not change.is_signal:
        return "off"
    return "normal" if change.measure.better == "higher" else "inverse"


def shown_value(value: ServiceValue) -> str:
    """The value on a card; a level whose tables are missing is not evaluable, which is no zero."""
    return value.words() if value.value is not None else _NOT_EVALUABLE


def status_words(value: ServiceValue) -> str:
    """Icon and status."""
    status = service_status(value)
    return f"{ICONS[status]} {status}".strip()


def status_colour(status: Status, colours: Palette) -> str:
    """What is missed stands out; what is not sure steps back."""
    if status in {"misses target", "below floor"}:
        return colours.categories[1]
    return colours.categories[0] if status == "meets target" else colours.muted


def card_help(value: ServiceValue, *, change: ServiceChange | None = None, against: str = "") -> str:
    """Definition, formula, what it rests on, how it moved, and its caveats."""
    measure = value.measure
    lines = [measure.definition, f"= {measure.formula}."]
    if value.value is not None:
        many = f"{value.clusters:,} {measure.cluster_name}{'' if value.clusters == 1 else 's'}"
        lines.append(f"From {value.n:,.0f} {measure.counted}, {many}.")
        lines.append(f"Interval: {measure.interval}.")
    if measure.floor is not None:
        lines.append(f"Floor, below which it is referred: {measure.words(measure.floor)}.")
    if change is not None and (moved := change_words(change, against=against)):
        lines.append(f"{moved}.")
    if len(value.months) > 1:
        lines.append("The line shows months, each its own sums; dashed: target.")
    lines += [f"{caveat[:1].upper()}{caveat[1:]}." for caveat in value.caveats]
    return escape(" ".join(lines))


def card_lines(value: ServiceValue, *, colours: Palette, peers: Standing | None = None) -> str:
    """Interval against the target as a picture, and both in words, as HTML."""
    measure, status = value.measure, service_status(value)
    rows = []
    if value.value is None:
        lacking = next(iter(value.caveats), "")
        rows.append(html.escape(lacking.removeprefix("not evaluable: ")))
    else:
        picture = _position(value, colours=colours, peers=peers)
        interval = "interval not known"
        if value.interval is not None:
            low, high = (measure.words(end) for end in value.interval)
            interval = f"95%: {low} – {high}"
        rows += [picture, html.escape(interval)]
        target = "no target" if measure.target is None else f"target {_short(measure.target)}"
        words = f"{target}: {budget_words(value)}".removesuffix(": ")
        ink = status_colour(status, colours)
        rows.append(f'<span style="color:{ink};font-size:1.15em">{ICONS[status]}</span> {html.escape(words)}')
        if value.n < 30:
            rows.append(html.escape(f"only {value.n:,.0f} {measure.counted}"))
    if peers is not None:
        rows.append(peer_html(peers, colours=colours))
    body = "".join(f"<div>{row}</div>" for row in rows if row)
    return f'<div style="font-size:.8rem;line-height:1.3;color:{colours.muted}">{body}</div>'


def share_sparkline(value: ServiceValue, *, colours: Palette) -> str:
    """How does a service level run by month? An HTML image from below its lowest month to 100%, the target dashed.

    A month is the ratio of its own sums, so that a busy device weighs as much as it drove; months without anything due
    are gaps in the line.
    """
    if len(value.months) < 2:
        return ""
    first, last = value.months[0][0], value.months[-1][0]
    target = value.measure.target
    shares = [share for _, share, _ in value.months]
    low = axis_start([*shares, *([target] if target is not None else [])])
    span = _months_between(first, last)

    def y(share: float) -> str:
        return f"{_SPARK_HEIGHT - 1 - (_SPARK_HEIGHT - 2) * (share - low) / (1 - low):.1f}"

    runs: list[list[str]] = []
    after = None
    for month, share, _ in value.months:
        place = _months_between(first, month)
        if after != place:
            runs.append([])
        runs[-1].append(f"{100 * place / span:.1f},{y(share)}")
        after = place + 1
    stroke = 'fill="none" vector-effect="non-scaling-stroke"'
    # A month alone between two gaps would be a line of no length.
    lines = "".join(
        f'<polyline points="{" ".join(run if len(run) > 1 else run * 2)}" stroke="{colours.categories[0]}"'
        f' stroke-width="1.5" stroke-linecap="round" {stroke}/>'
        for run in runs
    )
    dashed = ""
    if target is not None:
        at = y(target)
        dashed = f'<line x1="0" x2="100" y1="{at}" y2="{at}" stroke="{colours.muted}" stroke-dasharray="3 3" {stroke}/>'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 {_SPARK_HEIGHT}" preserveAspectRatio="none">'
        f"{dashed}{lines}</svg>"
    )
    words = value.measure.words
    said = (
        f"{value.measure.label} by month, {month_words(first)} to {month_words(last)}: lowest {words(min(shares))},"
        f" highest {words(max(shares))}; axis from {100 * low:.0f}% to 100%"
    )
    if target is not None:
        said += f", dashed: target {_short(target)}"
    # Streamlit takes an SVG element out of HTML, and leaves one that is the address of an image.
    address = f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"
    shape = f"display:block;width:100%;height:{_SPARK_HEIGHT}px;margin:.1rem 0"
    alt = html.escape(said, quote=True)
    return f'<img alt="{alt}" title="{alt}" src="{address}" style="{shape}">'


def axis_start(shares: Sequence[float]) -> float:
    """From where is an axis of shares drawn, so that the least of them shows? A multiple of 5% below it.

    Examples
    --------
    >>> axis_start([0.97, 0.99]), axis_start([0.02])
    (0.95, 0.0)
    """
    return max(0.0, math.floor((min(shares) - 0.01) * 20) / 20)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _position(value: ServiceValue, *, colours: Palette, peers: Standing | None = None) -> str:
    """A line from below the worst of what is marked up to 100%: interval, value, target, peers' median."""
    ends = value.interval or (value.value or 0.0, value.value or 0.0)
    target = value.measure.target
    marks = [*ends, *([target] if target is not None else [])]
    beside = peers.peers if peers is not None else None
    marks += [] if beside is None else [beside.median]
    low = axis_start(marks)

    def x(share: float) -> float:
        return 100 * (share - low) / (1 - low)

    ink = status_colour(service_status(value), colours)
    tick = ""
    if target is not None:
        tick = _bar(x(target), 0.0, top=0, height=12, colour=colours.text, least=2)
    said = f"from {100 * low:.0f}% to 100%: line: 95% interval, dot: value, tick: target"
    median = ""
    if beside is not None:
        said += ", diamond: peers' median"
        median = (
            f'<span style="position:absolute;left:calc({x(beside.median):.1f}% - 4px);top:2px;width:7px;height:7px;'
            f"transform:rotate(45deg);border:1.5px solid {colours.categories[3]};"
            f'background:{colours.background}"></span>'
        )
    said = html.escape(said)
    return (
        f'<div role="img" aria-label="{said}" title="{said}" style="position:relative;height:12px;margin:.15rem 0">'
        f"{_bar(0, 100, top=5, height=2, colour=colours.border)}"
        f"{_bar(x(ends[0]), x(ends[1]) - x(ends[0]), top=4, height=4, colour=ink, least=2)}"
        f'<span style="position:absolute;left:calc({x(value.value or 0):.1f}% - 4px);top:2px;width:8px;height:8px;'
        f'border-radius:50%;background:{ink}"></span>{tick}{median}</div>'
    )


def _bar(left: float, width: float, *, top: int, height: int, colour: str, least: int = 0) -> str:
    return (
        f'<span style="position:absolute;left:{left:.1f}%;width:{width:.1f}%;min-width:{least}px;top:{top}px;'
        f'height:{height}px;background:{colour}"></span>'
    )


def _short(share: float | None) -> str:
    return "" if share is None else f"{100 * share:g}%"
