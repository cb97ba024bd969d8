"""Columns of every table of the Claims page, on screen and in its downloads, and tables made of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from analysis.claim_findings import change_words
from analysis.claim_service import ClaimValue
from analysis.differences import difference
from analysis.export import ExportColumn
from analysis.refunds import BURST_AMOUNT, BURST_HOURS
from analysis.triangles import Triangle
from pages.shared.claim_cards import status_words

SETTLEMENT = [
    ExportColumn("step", "Step", definition="Decided, or closed and not opened again."),
    ExportColumn("days", "Days from report", format="count"),
    ExportColumn("share", "Share", format="percent", definition="Kaplan-Meier: open claims count as followed."),
    ExportColumn("low", "From", format="percent", definition="Low end of the 95% log-log interval."),
    ExportColumn("high", "To", format="percent", definition="High end of the 95% log-log interval."),
    ExportColumn("at_risk", "Still followed", format="count", definition="Claims neither ended nor lost by then."),
]
TREND = [
    ExportColumn("month", "Month", format="date", definition="First day."),
    ExportColumn("value", "Value", format="number", definition="In the measure's unit; a share of 0 to 1."),
    ExportColumn("low", "Chance from", format="number", definition="Lower control limit."),
    ExportColumn("centre", "Usual", format="number", definition="Centre of the chart."),
    ExportColumn("high", "Chance to", format="number", definition="Upper control limit."),
    ExportColumn("signal", "Signal", definition="Beyond the limits, or the eighth in a row on one side."),
    ExportColumn("immature", "Immature", definition="Ended within the last 60 days: not judged."),
]
LATE = [
    ExportColumn("label", "Name"),
    ExportColumn("verdict", "Verdict", definition="Outside the funnel that holds 99.8% of such units by chance."),
    ExportColumn("value", "Reported in 30 days", format="percent", definition="Of claims with both dates."),
    ExportColumn("trials", "Claims", format="count", definition="With a day of loss and of report."),
    ExportColumn("median_days", "Median lag", "days", "number", "From loss to report."),
    ExportColumn("low", "Chance from", format="percent", definition="Low limit of the funnel for so many claims."),
    ExportColumn("key", "Id"),
]
CLOCKS = [
    ExportColumn("jurisdiction", "Jurisdiction", definition="Of the policy; its law, else that of the country."),
    ExportColumn("kind", "Kind of claim"),
    ExportColumn("step", "Step"),
    ExportColumn("allowed", "Allowed", "days", "count", "By table legal_clock, from the report."),
    ExportColumn("met", "Met", format="count", definition="Done in time."),
    ExportColumn("late", "Late", format="count", definition="Done after the deadline."),
    ExportColumn("overdue", "Overdue", format="count", definition="Not done, and the deadline has passed."),
    ExportColumn("due_soon", "Due in 7 days", format="count", definition="Not done, deadline within 7 days."),
    ExportColumn("running", "Running", format="count", definition="Not done, deadline still to come."),
    ExportColumn(
        "untold", "Cannot be told", format="count", definition="Over without the date, or the feed never says it."
    ),
    ExportColumn("unfit", "Does not fit", format="count", definition="Dated before the report: not counted."),
]
FLAGS = [
    ExportColumn("what", "Claims"),
    ExportColumn("size", "Number", format="count"),
    ExportColumn("verified", "Looked into", format="count", definition="Investigated, or audited at random."),
    ExportColumn("fraudulent", "Fraud found", format="count"),
    ExportColumn("honest", "Found honest", format="count"),
]
CLAIM_KINDS = {
    "all": "All claims",
    "open": "Open",
    "large": "Large losses",
    "disputed": "Disputed",
    "flagged": "Flagged",
    "overdue": "Past a legal deadline",
    "late": "Reported late",
    "theft": "Theft",
    "decided_promptly": "Behind: decided in 30 days",
    "automated_share": "Behind: automated evidence",
    "disputed_share": "Behind: disputed",
}


def end_columns(currency: str) -> list[ExportColumn]:
    """How claims ended."""
    return [
        ExportColumn("status", "Status", definition="In the feed's own words."),
        ExportColumn("claims", "Claims", format="count"),
        ExportColumn("paid_known", "With a paid amount", format="count"),
        ExportColumn("paid", "Paid", currency, "amount", "Indemnity, at the rate of the day of loss."),
        ExportColumn("incurred", "Incurred", currency, "amount", "Paid and reserved, claims expense included."),
    ]


def insured_columns(currency: str) -> list[ExportColumn]:
    """Ultimate loss ratios."""
    return [
        ExportColumn("label", "Name"),
        ExportColumn("verdict", "Verdict", definition="Against all others together; at 5% over all rows (Holm)."),
        ExportColumn("ratio", "Ultimate loss ratio", format="percent", definition="Bornhuetter-Ferguson; gross."),
        ExportColumn("low", "From", format="percent", definition="Low end of the 90% interval."),
        ExportColumn("high", "To", format="percent", definition="High end of the 90% interval."),
        ExportColumn("net_ratio", "Net of recoveries", format="percent"),
        ExportColumn("losses", "Losses", format="count", definition="Events with an indemnity."),
        ExportColumn("earned", "Earned premium", currency, "amount"),
        ExportColumn("incurred", "Incurred", currency, "amount", "Known by now, claims expense included."),
        ExportColumn("ultimate", "Ultimate", currency, "amount", "Incurred and still to come."),
        ExportColumn("theft_ultimate", "of it theft", currency, "amount"),
        ExportColumn("key", "Id"),
    ]


def origin_columns(currency: str) -> list[ExportColumn]:
    """Quarters of the book's chain ladder."""
    return [
        ExportColumn("first_day", "First day", format="date", definition="Of the three months of loss."),
        ExportColumn("last_day", "Last day", format="date"),
        ExportColumn("latest", "Known", currency, "amount", "Incurred with claims expense by now."),
        ExportColumn("ultimate", "Ultimate", currency, "amount", "Chain ladder."),
        ExportColumn("standard_error", "Error", currency, "amount", "Standard error of the ultimate (Mack 1993)."),
        ExportColumn(
            "one_year_error", "Error within a year", currency, "amount", "What it may move by (Merz-Wüthrich 2008)."
        ),
    ]


FACTORS = [
    ExportColumn("kind", "Of", definition="Incurred gross, or salvage and subrogation recovered."),
    ExportColumn("age", "Age", "quarters", "count", "1: the quarter of loss."),
    ExportColumn("factor", "To the next", format="ratio", definition="Chain-ladder factor."),
    ExportColumn("to_ultimate", "To the end", format="ratio", definition="Product of the factors to come."),
    ExportColumn("developed_share", "Known", format="percent", definition="Share of the ultimate known at that age."),
]


def claim_columns(currency: str, *, share: str = "") -> list[ExportColumn]:
    """Claims one by one; behind a share, with the column that says which are counted."""
    counted = [ExportColumn("counted", "Counted", definition=f"Whether it is one of: {share}.")] if share else []
    return [
        ExportColumn("claim_id", "Claim"),
        *counted,
        ExportColumn("insured", "Insured"),
        ExportColumn("kind", "Kind"),
        ExportColumn("cause", "Cause"),
        ExportColumn("status", "Status", definition="In the feed's own words."),
        ExportColumn("gross_base", "Incurred", currency, "amount", "Paid and reserved, claims expense included."),
        ExportColumn("is_loss", "Counted as a loss", definition="The first claim of an event with an indemnity."),
        ExportColumn("event_base", "Event", currency, "amount", "Incurred of all claims of the event, on its first."),
        ExportColumn("event_claim_id", "First claim of the event"),
        ExportColumn("paid_base", "Paid", currency, "amount", "Indemnity."),
        ExportColumn("recovered_base", "Recovered", currency, "amount", "Salvage and subrogation."),
        ExportColumn("month", "Month of loss", format="date"),
        ExportColumn("report_days", "Loss to report", "days", "count"),
        ExportColumn("acknowledge_days", "To acknowledged", "days", "count", "From report."),
        ExportColumn("decide_days", "To decision", "days", "count", "From report."),
        ExportColumn("close_days", "To close", "days", "count", "From report."),
        ExportColumn("decision_path", "Decided by"),
        ExportColumn("evidence", "Evidence"),
        ExportColumn("disputed", "Disputed"),
        ExportColumn("fraud_flagged", "Flagged"),
    ]


def burst_columns(currency: str) -> list[ExportColumn]:
    """Operators on screen: their keyed hashes stay out of downloads."""
    return [
        ExportColumn("label", "Operator", definition="The start of a keyed hash; never a name."),
        *saved_burst_columns(currency),
    ]


def saved_burst_columns(currency: str) -> list[ExportColumn]:
    """Operators as they are saved, without what tells one from another."""
    return [
        ExportColumn("told", "Verdict", definition="Whether chance explains its bursts, at 1% over all operators."),
        ExportColumn("refunds", "Refunds", format="count"),
        ExportColumn("amount", "Amount", currency, "amount"),
        ExportColumn("large", f"of {BURST_AMOUNT} or more", format="count"),
        ExportColumn(
            "in_burst", "In a burst", format="count", definition=f"The third or later large one in {BURST_HOURS} h."
        ),
        ExportColumn("expected", "Expected", format="number", definition="If its large refunds fell at random."),
        ExportColumn("p_value", "Chance", format="number", definition="Of so many or more, for any operator."),
        ExportColumn("not_sent_back", "Not sent back", format="percent", definition="Refunds without the goods."),
    ]


MEASURES = [
    ExportColumn("label", "Measure"),
    ExportColumn("shown", "Value"),
    ExportColumn("low", "From", format="number", definition="Low end of the interval, in the unit of the measure."),
    ExportColumn("high", "To", format="number", definition="High end of the interval."),
    ExportColumn("unit", "Unit", definition="percent is a share of 0 to 1."),
    ExportColumn("n", "n", format="count"),
    ExportColumn("counted", "of"),
    ExportColumn("target", "Target"),
    ExportColumn("status", "Status", definition="By the interval, not by the value alone."),
    ExportColumn("change", "Change", definition="Against the comparison period; whether chance explains it."),
    ExportColumn("period", "By"),
    ExportColumn("caveats", "Caveats"),
    ExportColumn("definition", "Definition"),
    ExportColumn("formula", "Formula"),
    ExportColumn("interval", "Interval is"),
]


def measure_rows(values: Iterable[ClaimValue], before: Mapping[str, ClaimValue], *, currency: str) -> pd.DataFrame:
    """Every measure as a row."""
    rows = []
    for value in values:
        measure, estimate = value.measure, value.estimate
        low, high = estimate.interval or (None, None)
        old = before.get(measure.key)
        change = (
            change_words(difference(estimate, old.estimate), unit=measure.unit, currency=currency)
            if old is not None
            else ""
        )
        rows.append(
            (
                measure.label,
                value.words(currency) if estimate.value is not None else "not known",
                low,
                high,
                measure.unit if measure.unit != "base currency" else currency,
                estimate.n,
                value.counted,
                "" if measure.target is None else measure.words(measure.target),
                status_words(value),
                change,
                measure.period,
                "; ".join(dict.fromkeys([*([value.lack] if value.lack else []), *estimate.caveats])),
                measure.definition,
                measure.formula,
                measure.interval,
            )
        )
    frame = pd.DataFrame(rows, columns=[column.name for column in MEASURES])
    return frame.astype({"low": "float64", "high": "float64"})


def triangle_rows(triangle: Triangle, *, names: Mapping[int, str]) -> pd.DataFrame:
    """The triangle, a quarter of loss a row."""
    frame = pd.DataFrame(triangle.amounts, columns=[f"age_{age}" for age in triangle.ages])
    frame.insert(0, "origin", [names.get(origin, str(origin)) for origin in triangle.origins])
    return frame


def triangle_columns(triangle: Triangle, *, currency: str) -> list[ExportColumn]:
    """Its columns: cumulative amounts by age in quarters."""
    ages = [ExportColumn(f"age_{age}", f"Age {age}", currency, "amount") for age in triangle.ages]
    return [ExportColumn("origin", "Quarter of loss"), *ages]
