"""Every number that a page leads with, defined once: cards, tooltips, exports and the Glossary read it here.

A measure is a sum over the rows of one fact, or such a sum per another, so that every part of it is additive: months
add up to the period, and places to the whole. Service levels, whose errors hang together in a device, a carrier or a
scale, are the same idea in analysis/service_measures.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analysis.selection import Fact

Unit = Literal["count", "base currency", "percent"]
Better = Literal["higher", "lower", "neutral"]

FACT_TABLES: dict[Fact, tuple[str, ...]] = {
    "incident_fact": ("incident",),
    "claim_fact": ("claim",),
    "shipment_fact": ("shipment",),
    "ping_fact": ("ping",),
}
ROW_NAMES: dict[Fact, str] = {
    "incident_fact": "incidents",
    "claim_fact": "claims",
    "shipment_fact": "shipments",
    "ping_fact": "pings",
}
_MAGNITUDES = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Measure:
    """One number: what it means, how it is computed, and which rows lie behind it.

    Attributes
    ----------
    key, label, section
        Name in code and links, name on screen, part of the Glossary.
    definition, formula
        What it means and how it is computed, in words.
    unit
        count, base currency, or percent (a share of 0 to 1).
    better
        The direction that is good news.
    fact, within, value
        Rows of `fact` that meet the condition `within` are summed over the expression `value`.
    behind
        The rows that a reader sees behind the number; empty: those of `within`.
    per
        For a share: the expression whose sum divides that of `value`.
    comparable
        For money: the same at the plan rate of exchange, the only rate at which two periods are compared.
    unconverted
        For money: the part in the row's own currency that has no rate, shown apart by currency.
    known, of, known_words
        Rows that carry the value, rows that could, and the sentence that says so.
    interval
        poisson for counts of events, wilson for shares of independent trials.
    matures
        Whether the last 60 days still grow.
    target
        The level aimed at; None where there is none.
    """

    key: str
    label: str
    section: str
    definition: str
    formula: str
    unit: Unit
    better: Better
    fact: Fact
    value: str
    within: str = "true"
    behind: str = ""
    per: str = ""
    comparable: str = ""
    unconverted: str = ""
    known: str = ""
    of: str = ""
    known_words: str = ""
    interval: Literal["poisson", "wilson", "none"] = "none"
    matures: bool = False
    target: float | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the contract that it needs."""
        return FACT_TABLES[self.fact]

    @property
    def rows(self) -> str:
        """SQL condition of the rows behind the number."""
        return self.behind or self.within

    @property
    def parts(self) -> dict[str, str]:
        """Its additive parts as SQL aggregates, by name."""
        expressions = {
            "value": self.value,
            "per": self.per,
            "comparable": self.comparable,
            "unconverted": self.unconverted,
            "known": self.known or self.of or ROW_NAMES[self.fact],
            "of": self.of or ROW_NAMES[self.fact],
        }
        return {
            name: f"sum({expression}) filter (where {self.within})"
            for name, expression in expressions.items()
            if expression
        }

    def words(self, value: float | None, *, currency: str = "") -> str:
        """The value as a person reads it: at most 3 significant digits, with its unit.

        Examples
        --------
        >>> MEASURES["paid"].words(1_234_567.0, currency="USD")
        'USD 1.23M'
        >>> MEASURES["on_time_share"].words(0.8851)
        '88.5%'
        """
        if value is None:
            return "not known"
        if self.unit == "percent":
            return f"{significant(100 * value)}%"
        return f"{currency} {magnitude(value)}".strip() if self.unit == "base currency" else magnitude(value)


def _count(key: str, label: str, **given: Any) -> Measure:
    return Measure(key=key, label=label, unit="count", **given)


def _money(key: str, label: str, column: str, **given: Any) -> Measure:
    return Measure(
        key=key,
        label=label,
        unit="base currency",
        fact="claim_fact",
        section="Claims",
        better="lower",
        value=f"{column}_base",
        comparable=f"{column}_plan",
        unconverted=f"case when {column}_base is null then {column}_amount end",
        known=f"({column}_amount is not null)::integer",
        matures=True,
        **given,
    )


_ALL = (
    _count(
        "own_thefts",
        "Own thefts",
        section="Incidents",
        definition="Thefts and other events that insureds of this book report as their own. Attempts, and incidents "
        "that carriers or the market report, are counted apart.",
        formula="number of incidents with source own whose category is no attempt",
        better="lower",
        fact="incident_fact",
        value="(not is_attempt)::integer",
        within="source = 'own'",
        behind="source = 'own' and not is_attempt",
        interval="poisson",
        matures=True,
    ),
    _count(
        "attempts",
        "Own attempts",
        section="Incidents",
        definition="Attempts that insureds of this book report: nothing was taken, so they are no part of frequency.",
        formula="number of incidents with source own whose category is an attempt",
        better="lower",
        fact="incident_fact",
        value="is_attempt::integer",
        within="source = 'own'",
        behind="source = 'own' and is_attempt",
        interval="poisson",
        matures=True,
    ),
    _count(
        "carrier_incidents",
        "Carrier incidents",
        section="Incidents",
        definition="Incidents that carriers report, attempts included: no part of the book's own thefts.",
        formula="number of incidents with source carrier",
        better="lower",
        fact="incident_fact",
        value="incidents",
        within="source = 'carrier'",
        interval="poisson",
        matures=True,
    ),
    _count(
        "market_incidents",
        "Market incidents",
        section="Incidents",
        definition="Incidents that the market reports, attempts included. They are context: never the book's own "
        "losses, and never part of a rate.",
        formula="number of incidents with source market",
        better="lower",
        fact="incident_fact",
        value="incidents",
        within="source = 'market'",
        interval="poisson",
        matures=True,
    ),
    _count(
        "market_attempts",
        "Market attempts",
        section="Incidents",
        definition="Attempts among the incidents that the market reports: nothing was taken.",
        formula="number of incidents with source market whose category is an attempt",
        better="lower",
        fact="incident_fact",
        value="is_attempt::integer",
        within="source = 'market'",
        behind="source = 'market' and is_attempt",
        interval="poisson",
        matures=True,
    ),
    Measure(
        key="market_placed_share",
        label="With a place",
        section="Incidents",
        definition="Share of the market incidents whose place is known better than by country. No map has the others.",
        formula="market incidents with coordinates / market incidents",
        unit="percent",
        better="higher",
        fact="incident_fact",
        value="(cell_7 is not null)::integer",
        within="source = 'market'",
        per="incidents",
    ),
    Measure(
        key="market_hour_share",
        label="With a time of day",
        section="Incidents",
        definition="Share of the market incidents whose time of day is known: the others are in no hour of the week.",
        formula="market incidents with a time of day / market incidents",
        unit="percent",
        better="higher",
        fact="incident_fact",
        value="(hour is not null)::integer",
        within="source = 'market'",
        per="incidents",
    ),
    Measure(
        key="loss",
        label="Loss amount",
        section="Incidents",
        definition="Ground-up value of the goods lost in own thefts, before deductible and recovery. Thefts of unknown "
        "value are not in it: it is a lower bound where some are.",
        formula="sum of the loss amounts of own thefts, at the rate of exchange of their date",
        unit="base currency",
        better="lower",
        fact="incident_fact",
        value="loss_base",
        within="source = 'own' and not is_attempt",
        comparable="loss_plan",
        unconverted="case when loss_base is null then loss_amount end",
        known="(loss_amount is not null)::integer",
        known_words="loss amount known for {known} of {of} own thefts",
        matures=True,
    ),
    Measure(
        key="loss_known_share",
        label="Thefts with known value",
        section="Incidents",
        definition="Share of own thefts whose loss amount is recorded. In the market it is 30 to 65%.",
        formula="own thefts with a loss amount / own thefts",
        unit="percent",
        better="higher",
        fact="incident_fact",
        value="(loss_amount is not null)::integer",
        within="source = 'own' and not is_attempt",
        per="incidents",
        interval="wilson",
        matures=True,
    ),
    _count(
        "claims",
        "Claims",
        section="Claims",
        definition="Claims by the date of the loss, or of the report where that is missing, whatever their outcome.",
        formula="number of claims",
        better="lower",
        fact="claim_fact",
        value="claims",
        interval="poisson",
        matures=True,
    ),
    _money(
        "claimed",
        "Claimed amount",
        "claimed",
        definition="What claimants ask for, at the latest valuation.",
        formula="sum of the claimed amounts, at the rate of exchange of their date",
        known_words="claimed amount known for {known} of {of} claims",
    ),
    _money(
        "paid",
        "Paid amount",
        "paid",
        definition="Indemnity paid so far, gross of recoveries, at 100%.",
        formula="sum of the paid amounts, at the rate of exchange of their date",
        known_words="paid amount known for {known} of {of} claims",
    ),
    _money(
        "incurred",
        "Incurred amount",
        "incurred",
        definition="Indemnity paid plus reserve so far, gross of recoveries, at 100%; not developed to ultimate.",
        formula="sum of paid amount and reserve, at the rate of exchange of their date",
        known_words="paid amount or reserve known for {known} of {of} claims",
    ),
    Measure(
        key="paid_share",
        label="Claims paid",
        section="Claims",
        definition="Share of the claims with a recorded outcome in money that were paid more than nothing. Claims "
        "without a paid amount are still open or not recorded, and are left out of both sides.",
        formula="claims with a paid amount above 0 / claims with a paid amount",
        unit="percent",
        better="neutral",
        fact="claim_fact",
        value="(paid_amount > 0)::integer",
        per="(paid_amount is not null)::integer",
        known="(paid_amount is not null)::integer",
        known_words="paid amount known for {known} of {of} claims",
        interval="wilson",
        matures=True,
    ),
    _count(
        "shipments",
        "Shipments",
        section="Exposure",
        definition="Consignments by date of departure, or of delivery where that is missing.",
        formula="number of shipments",
        better="neutral",
        fact="shipment_fact",
        value="shipments",
    ),
    Measure(
        key="value_moved",
        label="Value moved",
        section="Exposure",
        definition="Declared value of the shipments. Shipments without a declared value are not in it.",
        formula="sum of the declared values, at the rate of exchange of their date",
        unit="base currency",
        better="neutral",
        fact="shipment_fact",
        value="value_base",
        comparable="value_plan",
        unconverted="case when value_base is null then declared_value end",
        known="valued_shipments",
        known_words="value known for {known} of {of} shipments",
    ),
    Measure(
        key="on_time_share",
        label="On time",
        section="Exposure",
        definition="Share of the shipments with a promised and an actual date that arrived on or before the promise.",
        formula="shipments delivered on or before schedule / shipments with both dates",
        unit="percent",
        better="higher",
        fact="shipment_fact",
        value="on_time",
        per="scheduled",
        known="scheduled",
        known_words="promised and actual date known for {known} of {of} shipments",
        interval="wilson",
    ),
    Measure(
        key="valued_share",
        label="Shipments with known value",
        section="Exposure",
        definition="Share of the shipments whose declared value is recorded: what value moved and every rate by value "
        "rest on.",
        formula="shipments with a declared value / shipments",
        unit="percent",
        better="higher",
        fact="shipment_fact",
        value="valued_shipments",
        per="shipments",
        interval="wilson",
    ),
    _count(
        "positions",
        "Positions",
        section="Telemetry",
        definition="Positions that trackers reported: how much of the road is watched, not how well.",
        formula="number of pings",
        better="neutral",
        fact="ping_fact",
        value="pings",
    ),
)

#: The registry, by key, in the order in which pages show them.
MEASURES: Mapping[str, Measure] = {measure.key: measure for measure in _ALL}


def significant(value: float, digits: int = 3) -> str:
    """A number with at most this many significant digits, and no more decimals than it needs.

    Examples
    --------
    >>> significant(12.345), significant(0.05), significant(3)
    ('12.3', '0.05', '3')
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:.10f}".rstrip("0")


def magnitude(value: float) -> str:
    """A number as "1.23M", "611k", "42" or "0.5".

    Examples
    --------
    >>> magnitude(1_627_584_457.29), magnitude(999_600), magnitude(-8_667)
    ('1.63bn', '1M', '-8.67k')
    """
    rounded = float(f"{value:.3g}")
    for size, letter in _MAGNITUDES:
        if abs(rounded) >= size:
            return f"{significant(rounded / size)}{letter}"
    return significant(value)
