"""What every page is given: the rows it may show, the period beside it, and the words that say which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import streamlit as st

from analysis.choices import Choices
from analysis.export import Provenance
from analysis.filters import DIMENSIONS, Comparison, Filters, Scope
from data.portfolio import Snapshot, SnapshotInfo, View
from data.snapshots import Card

#: What a dimension is called on screen: one, and many.
LABELS = {
    "insured": ("Insured", "insureds"),
    "carrier": ("Carrier", "carriers"),
    "lane": ("Lane", "lanes"),
    "commodity": ("Commodity", "commodities"),
    "mode": ("Mode", "modes"),
}
#: How many values of one dimension a link may carry.
MOST_CHOSEN = 20
_STATE = "lanewise-context"


@dataclass(frozen=True)
class Context:
    """The selection that a page draws.

    Attributes
    ----------
    snapshot
        The immutable snapshot that is open.
    view
        The rows that this person and these filters may see.
    comparison_view
        The same selection in the comparison period; None where no month of it lies in the data.
    filters, comparison, scope, who
        What is selected, what it is compared with, whose data may be seen, and the name for what is logged ("" if
        none was given).
    choices
        Ids and names of what can be chosen, and the months that have data.
    events
        How many incidents, claims, shipments and positions are selected, of the kinds that the portfolio holds.
    unreached
        How many of each kind are out only because a chosen filter cannot reach them: no lane is known, say.
    undated
        How many of each kind are in no period, as their date is not known.
    unconverted
        By label of an amount, the (currency, amount) pairs without a rate of exchange: they are in no sum.
    snapshots
        The snapshots kept, newest first.
    pages
        Names in links of the pages that there are.
    """

    snapshot: Snapshot
    view: View
    comparison_view: View | None
    filters: Filters
    comparison: Comparison
    scope: Scope
    who: str
    choices: Choices
    events: Mapping[str, int]
    unreached: Mapping[str, int] = field(default_factory=dict)
    undated: Mapping[str, int] = field(default_factory=dict)
    unconverted: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    snapshots: tuple[Card, ...] = ()
    pages: tuple[str, ...] = ()

    @property
    def info(self) -> SnapshotInfo:
        """Of the snapshot: id, content hash, currency, data's date, whether synthetic."""
        return self.snapshot.info

    @property
    def currency(self) -> str:
        """Base currency: that of every amount without another beside it."""
        return self.info.base_currency or ""

    @property
    def key(self) -> tuple[str, Scope, Filters, Comparison]:
        """All that a cached result depends on."""
        return self.info.id, self.scope, self.filters, self.comparison

    @property
    def period(self) -> str:
        """The period in words: "Jan 2024 – Dec 2024"."""
        return period_words(self.filters)

    @property
    def comparison_label(self) -> str:
        """What a change is against: "vs Jan 2023 – Dec 2023"; empty where there is no comparison."""
        return "" if self.comparison_view is None else f"vs {period_words(self.filters.previous(self.comparison))}"

    @property
    def selection(self) -> str:
        """Active filters in words; "no filters" where all is shown."""
        parts = [f"{LABELS[name][0]}: {self._listed(name, values)}" for name, values in self.filters.chosen]
        return " · ".join(parts) or "no filters"

    def without(self, *dimensions: str) -> View:
        """The rows with these dimensions (or "period") open: what the chart that picks them shows."""
        filters = self.filters.without(*dimensions)
        return self.view if filters == self.filters else self.snapshot.view(self.scope, filters)

    def known_to(self, table: str) -> date | None:
        """To which day does the data of this table (incident, claim, shipment, ping) go?"""
        return self.snapshot.data_date(table)

    def not_comparable(self, table: str) -> str:
        """Why this kind of data cannot be compared with the comparison period, in words; empty where it can.

        A file that begins or ends within either period changes the figures by itself: that is no news of the risk.
        """
        begins, ends = self.choices.covered_from.get(table), self.known_to(table)
        before = self.filters.previous(self.comparison)
        if self.comparison_view is None or before.first_month is None or self.filters.last_month is None:
            return "nothing to compare with"
        if begins is None or before.first_month < begins:
            if begins is None:
                return "data begin later"
            scattered = self.choices.dated_from.get(table, begins) < begins
            return f"too few before {month_words(begins)}" if scattered else f"data begin {month_words(begins)}"
        if ends is not None and self.filters.last_month > ends.replace(day=1):
            return f"data end {month_words(ends.replace(day=1))}"
        return ""

    def name(self, dimension: str, identifier: str) -> str:
        """What a person calls this insured, carrier, lane, commodity or mode."""
        return self.choices.name(dimension, identifier)

    def provenance(self) -> Provenance:
        """Where an export of this page comes from."""
        return Provenance(
            snapshot_id=self.info.id,
            content_hash=self.info.content_hash,
            data_date=self.info.data_date,
            period=self.period,
            filters=tuple((LABELS[name][0], self._listed(name, values, 1000)) for name, values in self.filters.chosen),
            synthetic=self.info.synthetic,
            currency=self.currency,
        )

    def _listed(self, dimension: str, values: tuple[str, ...], most: int = 2) -> str:
        shown = ", ".join(self.name(dimension, value) for value in values[:most])
        return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def month_words(month: date) -> str:
    """A month as a person writes it.

    Examples
    --------
    >>> month_words(date(2024, 3, 1))
    'Mar 2024'
    """
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{names[month.month - 1]} {month.year}"


def period_words(filters: Filters) -> str:
    """The period of these filters in words."""
    first, last = filters.first_month, filters.last_month
    if first is None and last is None:
        return "all dates"
    if first is None and last is not None:
        return f"to {month_words(last)}"
    if last is None and first is not None:
        return f"from {month_words(first)}"
    assert first is not None
    assert last is not None
    return month_words(first) if first == last else f"{month_words(first)} – {month_words(last)}"


def context() -> Context:
    """What is selected in this session? The shell sets it before it runs a page; a fragment finds it again."""
    found: Any = st.session_state.get(_STATE)
    if not isinstance(found, Context):
        message = "no page runs outside the shell: start app.py"
        raise TypeError(message)
    return found


def has_context() -> bool:
    """Is a portfolio open in this session?"""
    return isinstance(st.session_state.get(_STATE), Context)


def set_context(value: Context) -> None:
    """Hand the selection to the page about to run."""
    st.session_state[_STATE] = value


def select(dimension: str, values: Iterable[str]) -> None:
    """Filter by these values: for callbacks only, which run before the filter's widget does.

    None of them clears the filter. More than a link may carry are cut.
    """
    if dimension not in DIMENSIONS:
        message = f"{dimension!r} is no dimension; there are {', '.join(DIMENSIONS)}"
        raise ValueError(message)
    st.session_state[dimension] = list(dict.fromkeys(values))[:MOST_CHOSEN]


def month_key(month: date) -> str:
    """A month as a link carries it: "2024-03"."""
    return f"{month:%Y-%m}"
