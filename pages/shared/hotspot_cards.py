"""The cards of the Hotspots page: each number under the window and the scope that it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from analysis.filters import Filters, month_of
from analysis.measures import MEASURES
from analysis.selection import Selection, unreachable
from analysis.values import MeasureValue, is_immature, lacking_words, monthly
from analysis.verdicts import Level
from pages.shared.account import peer_words
from pages.shared.context import LABELS, Context
from pages.shared.hotspot_results import values_of
from pages.shared.hotspot_verdicts import ranked_of, whole_key
from pages.shared.layout import Kpi, escape, kpi_row

#: What the cards show: the first of these that the portfolio can tell.
CARDS = (
    "own_thefts",
    "loss",
    "claims",
    "paid",
    "market_incidents",
    "value_moved",
    "on_time_share",
    "paid_share",
    "market_attempts",
    "market_placed_share",
    "market_hour_share",
    "shipments",
    "positions",
    "claimed",
)
MOST_CARDS = 5
#: Sums by which no two accounts can be compared, and the rate that stands for each where no card shows it.
RATES = {"own_thefts": "theft_frequency", "loss": "theft_loss_cost"}
UNITS = {"count": "count", "base currency": "amount", "percent": "percent"}


def show_cards(
    here: Context,
    first: Sequence[Kpi],
    *,
    told: Sequence[str],
    selection: Selection,
    level: Level | None = None,
    adjusted: bool = False,
) -> None:
    """Cards given, if any, and the numbers of the period, against the comparison.

    Those given are of the fixed window of a level's verdicts: cards of one window and scope stand under its name.

    Parameters
    ----------
    adjusted
        Whether those given are adjusted for under-reporting, which the numbers of the period never are.
    """
    reached = [key for key in CARDS if key in told and not unreachable(MEASURES[key].fact, selection)]
    left_out = {MEASURES[key].fact for key in told} - {MEASURES[key].fact for key in reached}
    keys = tuple(reached[: MOST_CARDS - len(first)])
    if not keys and not first:
        return
    if left_out:
        words = [lacking_words(fact, unreachable(fact, selection)) for fact in sorted(left_out)]
        st.caption(escape(f"Not shown here: {', '.join(words)}."))
    now = values_of(view_key(here), measures=keys, selection=selection, _view=here.view)
    before = dict[str, MeasureValue]()
    if here.comparison_view is not None:
        earlier = selection.without("month")
        key = (here.info.id, here.scope, here.filters.previous(here.comparison))
        before = values_of(key, measures=keys, selection=earlier, _view=here.comparison_view)
    shown = [
        replace(
            card(here, now[key], before=before.get(key), narrowed=selection.month is not None),
            peers=peer_words(here, key if first else RATES.get(key, key)) or "",
        )
        for key in keys
    ]
    groups = [*window_groups(here, first, level=level), (f"{here.period} · {scope_words(here)}", shown)]
    if adjusted:
        last = len(groups) - 1
        groups = [
            (f"{words} · {'as reported' if number == last else 'adjusted'}", cards)
            for number, (words, cards) in enumerate(groups)
        ]
    groups = [(words, cards) for words, cards in groups if cards]
    if len(groups) == 1:
        kpi_row(groups[0][1])
        return
    columns = st.columns([len(cards) for _, cards in groups], gap="small", vertical_alignment="top")
    for column, (words, cards) in zip(columns, groups, strict=True):
        with column:
            st.markdown(f":small[:gray[{escape(words)}]]")
            kpi_row(cards)


def window_groups(here: Context, cards: Sequence[Kpi], *, level: Level | None) -> list[tuple[str, list[Kpi]]]:
    """Cards of the fixed window by what they are of: the shares tell of all places, the rates of those filtered."""
    if level is None or not cards:
        return []
    ranked = ranked_of(whole_key(here), level=level, _view=here.snapshot.view(here.scope, Filters()))
    window = ranked.span.words.split(" (")[0] if ranked.span else "All dates"
    shares = [card for card in cards if card.unit == "percent"]
    rates = [card for card in cards if card.unit != "percent"]
    # A lane is picked in the ranking, and so does not narrow it.
    if level != "lane" or not here.filters.lane:
        return [(f"{window} · {scope_words(here)}", [*rates, *shares])]
    return [
        (f"{window} · {scope_words(here)}", rates),
        (f"{window} · {scope_words(here, without='lane')}", shares),
    ]


def scope_words(here: Context, *, without: str = "") -> str:
    """Of what are the numbers: the whole book, or what of it is chosen, in words."""
    whole = "the whole book" if here.scope.whole_book else "your insureds"
    chosen = [
        f"{LABELS[name][0]} {here.name(name, values[0])}" if len(values) == 1 else f"{len(values)} {LABELS[name][1]}"
        for name, values in here.filters.chosen
        if name != without
    ]
    if without and without in dict(here.filters.chosen):
        chosen.append(f"all {LABELS[without][1]}")
    return ", ".join(chosen) or whole


def known_months(here: Context, value: MeasureValue) -> tuple[tuple[date, float | None], ...]:
    """A measure by month, as far as its own data go: past that nothing is known, which is no zero."""
    ends = here.known_to(value.measure.fact.removesuffix("_fact"))
    begins = here.choices.covered_from.get(value.measure.fact.removesuffix("_fact"))
    first, last = here.filters.first_month, here.filters.last_month
    if ends is not None and last is not None:
        last = min(last, month_of(ends))
    if begins is not None and first is not None and not here.filters.chosen:
        first = max(first, begins)
    if first is not None and last is not None and first > last:
        return ()
    return monthly(value, first_month=first, last_month=last)


def card(here: Context, value: MeasureValue, *, before: MeasureValue | None, narrowed: bool) -> Kpi:
    """A measure as a card; without a change where a month is picked, which has no period before it."""
    measure = value.measure
    table = measure.fact.removesuffix("_fact")
    apart = "a month has no period before it" if narrowed else here.not_comparable(table)
    apart = apart or value.doubt_of_change(before)
    change = None if apart else value.change_from(before)
    previous = None if apart or before is None else before.value
    if value.value is not None and change is not None and change > -1:
        previous = value.value - change if measure.unit == "percent" else value.value / (1 + change)
    months = known_months(here, value)
    growing = measure.matures and any(is_immature(month, data_date=here.known_to(table)) for month, _ in months)
    if measure.matures:
        months = tuple(pair for pair in months if not is_immature(pair[0], data_date=here.known_to(table)))
    lines = [
        measure.definition,
        f"= {measure.formula}.",
        *(f"{caveat[:1].upper()}{caveat[1:]}." for caveat in value.caveats),
    ]
    if growing:
        lines.append("The last 60 days are still being reported: the period can only grow, so a fall is no news yet.")
    if value.interval is not None:
        ends = [measure.words(end, currency=here.currency) for end in value.interval]
        lines.append(f"95% interval: {ends[0]} to {ends[1]}.")
    # What is known of it belongs on the face of the card: in its label, unless the note says it already.
    known = "" if value.coverage and value.coverage in apart else value.coverage
    return Kpi(
        f"{measure.label}, {known}" if known else measure.label,
        value.value,
        UNITS[measure.unit],  # type: ignore[arg-type]
        previous=previous,
        trend=[number for _, number in months if number is not None],
        # A fall that growing months can explain is neither good nor bad.
        better="neutral" if growing and (change or 0) < 0 else measure.better,
        definition=escape(" ".join(lines)),
        n=None if value.coverage else value.n,
        note=apart,
    )


def view_key(here: Context) -> tuple[str, Any, Filters]:
    """What the view of this page depends on."""
    return here.info.id, here.scope, here.filters
