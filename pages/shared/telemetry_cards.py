"""Service levels as cards: the value, its interval against the target, and what is left of the error budget."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.peers import Standing
from analysis.service_findings import Status, budget_words, service_status
from analysis.telemetry import ServiceValue
from pages.shared.account import peer_html
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


def service_cards(values: Sequence[ServiceValue], *, peers: Mapping[str, Standing] | None = None) -> None:
    """One card a service level; in the account view with what the account's peers have."""
    ink = palette()
    beside = peers or {}
    with st.grid(len(values), min_column_width=150, gap="small"):
        for value in values:
            with st.container(border=True, height="stretch", gap="xxsmall"):
                st.metric(value.measure.label, shown_value(value), help=card_help(value))
                st.html(card_lines(value, colours=ink, peers=beside.get(value.measure.key)))


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


def card_help(value: ServiceValue) -> str:
    """Definition, formula, what it rests on and its caveats."""
    measure = value.measure
    lines = [measure.definition, f"= {measure.formula}."]
    if value.value is not None:
        many = f"{value.clusters:,} {measure.cluster_name}{'' if value.clusters == 1 else 's'}"
        lines.append(f"From {value.n:,.0f} {measure.counted}, {many}.")
        lines.append(f"Interval: {measure.interval}.")
    if measure.floor is not None:
        lines.append(f"Floor, below which it is referred: {measure.words(measure.floor)}.")
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


def _position(value: ServiceValue, *, colours: Palette, peers: Standing | None = None) -> str:
    """A line from below the worst of what is marked up to 100%: interval, value, target, peers' median."""
    ends = value.interval or (value.value or 0.0, value.value or 0.0)
    target = value.measure.target
    marks = [*ends, *([target] if target is not None else [])]
    beside = peers.peers if peers is not None else None
    marks += [] if beside is None else [beside.median]
    low = max(0.0, math.floor((min(marks) - 0.01) * 20) / 20)

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
