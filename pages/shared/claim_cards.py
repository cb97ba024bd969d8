"""Measures of claims as cards: value, interval and n, target, and whether the change is more than chance."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.claim_findings import Status, change_words, claim_status
from analysis.claim_service import ClaimValue
from analysis.differences import difference
from analysis.peers import Standing
from pages.shared.account import peer_line_html
from pages.shared.charts import sparkline
from pages.shared.layout import escape
from pages.shared.palette import Palette, palette

ICONS: dict[Status, str] = {
    "meets target": "●",
    "may meet target": "◐",
    "misses target": "▽",
    "no target": "",
    "not known": "○",
}
SMALL_NUMBER = 30


def claim_cards(
    values: Sequence[ClaimValue],
    before: Mapping[str, ClaimValue],
    *,
    against: str,
    why_not: str,
    currency: str,
    peers: Mapping[str, Standing] | None = None,
) -> None:
    """One card a measure.

    Parameters
    ----------
    before
        The same measures in the comparison period; empty where there is none.
    against
        What that period is called.
    why_not
        Why nothing is compared; empty where it is.
    peers
        By key of the measure, in the account view: what the account's peers have.
    """
    ink = palette()
    with st.grid(len(values), min_column_width=150, gap="small"):
        for value in values:
            with st.container(border=True, height="stretch", gap="xxsmall"):
                shown = value.words(currency).partition(" per ")[0] if value.estimate.value is not None else "not known"
                st.metric(value.measure.label, shown, help=card_help(value))
                old = before.get(value.measure.key)
                lines = card_lines(value, old, against=against, why_not=why_not, currency=currency, colours=ink)
                beside = (peers or {}).get(value.measure.key)
                st.html(lines + (peer_line_html(beside, colours=ink) if beside is not None else ""))


def status_words(value: ClaimValue) -> str:
    """Icon and status."""
    status = claim_status(value)
    return f"{ICONS[status]} {status}".strip()


def card_help(value: ClaimValue) -> str:
    """Definition, formula, period, what it rests on and its caveats."""
    measure = value.measure
    lines = [measure.definition, f"= {measure.formula}.", f"By {measure.period}.", f"Interval: {measure.interval}."]
    if measure.target is not None:
        lines.append(f"Target {measure.words(measure.target)}: a default of Lanewise's own.")
    lines += [f"{caveat}." for caveat in value.estimate.caveats if caveat != value.lack]
    return escape(" ".join(lines))


def card_lines(
    value: ClaimValue, before: ClaimValue | None, *, against: str, why_not: str, currency: str, colours: Palette
) -> str:
    """Interval, n, target and change as HTML."""
    measure, estimate = value.measure, value.estimate
    if estimate.value is None:
        return _body([html.escape(value.lack or "nothing in this selection")], colours)
    rows = []
    if measure.per:
        rows.append(html.escape(f"per {measure.per}"))
    if estimate.interval is not None:
        low, high = (
            "unknown" if math.isinf(end) else _bare(measure.words(end, currency="")) for end in estimate.interval
        )
        level = "90%" if measure.interval.startswith("90%") else "95%"
        rows.append(html.escape(f"{level}: {low} – {high}"))
    rows.append(html.escape(f"n = {estimate.n:,}{' only' if estimate.n < SMALL_NUMBER else ''} {value.counted}"))
    status = claim_status(value)
    if measure.target is not None:
        ink = colours.categories[1] if status == "misses target" else colours.text
        said = f"{status.removesuffix(' target')} target {measure.words(measure.target)}"
        rows.append(f'<span style="color:{ink}">{ICONS[status]} {html.escape(said)}</span>')
    if before is None or why_not:
        rows.append(html.escape(why_not or "nothing to compare with"))
    elif words := change_words(difference(estimate, before.estimate), unit=measure.unit, currency=currency):
        rows.append(html.escape(f"{words}, {against}"))
    else:
        rows.append(html.escape(f"not known {against.removeprefix('vs ')}"))
    # Gaps stay gaps, and months that still grow are not in it.
    known = sum(one is not None for one in value.trend)
    label = f"{measure.label} by month, from zero"
    picture = sparkline(value.trend, label=label, colours=colours) if known > 1 else ""
    return _body(rows, colours) + picture


def _bare(text: str) -> str:
    """An end of an interval: its unit stands with the value already."""
    return text.removesuffix(" days").partition(" per ")[0]


def _body(rows: Sequence[str], colours: Palette) -> str:
    body = "".join(f"<div>{row}</div>" for row in rows)
    return f'<div style="font-size:.8rem;line-height:1.3;color:{colours.muted}">{body}</div>'
