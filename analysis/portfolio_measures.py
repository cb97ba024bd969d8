"""What the book as a whole is told by: premium, the largest value in one place, and large losses not yet closed.

Targets are defaults of Lanewise, to be replaced by those of a book; none is a figure of the market.
"""

from __future__ import annotations

from collections.abc import Mapping

from analysis.estimated_measures import EstimatedMeasure

#: From this amount a claim that is not closed is a large one; base currency.
LARGE_CLAIM = 100_000
#: An accumulation above this share of its limit is referred.
REFERRED_SHARE = 0.8

_ALL = (
    EstimatedMeasure(
        key="earned_premium",
        label="Earned premium",
        section="Portfolio",
        definition="The part of the premium that belongs to the days of cover that have passed, at 100% and before "
        "tax. A policy's premium is earned evenly over its term; endorsements and cancellations from their day on; "
        "quotes that were not bound earn nothing. Two periods are compared at one rate of exchange.",
        formula="sum over policies of premium x days of cover in the period / days of the term",
        unit="base currency",
        better="higher",
        interval="none: it is booked, not estimated",
        period="days of cover",
        tables=("policy",),
    ),
    EstimatedMeasure(
        key="written_premium",
        label="Written premium",
        section="Portfolio",
        definition="Premium by the day on which each movement of it took effect; without movements, all of it on the "
        "first day of cover. At 100% and before tax.",
        formula="sum of premium movements, else of written premiums",
        unit="base currency",
        better="higher",
        interval="none: it is booked, not estimated",
        period="the day of the movement",
        tables=("policy",),
    ),
    EstimatedMeasure(
        key="peak_accumulation",
        label="Peak accumulation",
        section="Portfolio",
        definition="The largest value of one account's goods at one time, on one conveyance, at one site or within "
        "5 km of a site, as a share of the limit of the policy then in force. Above 80% it is referred. Goods count "
        "with the value insured, else declared; stock with its recorded maximum.",
        formula="largest of value at one time / limit, over accounts, conveyances, sites and circles of 5 km",
        unit="percent",
        better="lower",
        interval="none: a largest value, as recorded",
        period="the moment at which it was reached",
        tables=("shipment", "policy"),
        target=REFERRED_SHARE,
        floor=1.0,
    ),
    EstimatedMeasure(
        key="open_large_claims",
        label="Open large losses",
        section="Portfolio",
        definition=f"Losses of {LARGE_CLAIM:,} of base currency or more, claims expense included, whose claim is not "
        "closed at the end of the period. A year before: those that were open then, at what they stand at now.",
        formula=f"number of losses of at least {LARGE_CLAIM:,} reported by then and not closed",
        unit="count",
        better="lower",
        interval="none: a count of what is known",
        period="the last day of the period",
        tables=("claim",),
        target=0.0,
    ),
)

#: Measures of the book as a whole, by key.
PORTFOLIO_MEASURES: Mapping[str, EstimatedMeasure] = {measure.key: measure for measure in _ALL}
