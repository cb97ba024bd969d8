"""What claims cost and how they are settled: every measure of the Claims page with its definition, target and interval.

Targets are Lanewise's own defaults, to be replaced by those of a book; none is a figure of the market.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from analysis.estimated_measures import EstimatedMeasure

#: From this amount, claims expense included, a loss is a large one; base currency.
LARGE_LOSS = 100_000
#: A claim is decided in good time within so many days of its report, and reported so within so many of its loss.
PROMPT_DAYS = 30

_BY_REPORT = "the month of report"
_BY_LOSS = "the month of loss"
_service = partial(EstimatedMeasure, section="Claims", tables=("claim",), period=_BY_REPORT)
_cost = partial(EstimatedMeasure, section="Claims", tables=("claim",), period=_BY_LOSS)
_PREMIUM = ("claim", "policy")
_RATIO = "90%, compound Poisson with the class's spread of sizes and the error of the development"
_WILSON = "95%, Wilson"

_ALL = (
    _cost(
        key="ultimate_loss_ratio",
        label="Ultimate loss ratio",
        definition="What the losses of the period will cost in the end, claims expense included and before recoveries, "
        "for each unit of premium earned in it. What is still to come is expected from the book's pattern of "
        "development and the loss ratio of the policy's class (Bornhuetter-Ferguson).",
        formula="(incurred + class's loss ratio x earned premium x (1 - share known by now)) / earned premium",
        unit="percent",
        interval=_RATIO,
        tables=_PREMIUM,
        target=0.65,
    ),
    _cost(
        key="net_loss_ratio",
        label="Loss ratio net of recoveries",
        definition="The ultimate loss ratio less salvage and subrogation, which are developed by a pattern of their "
        "own because they come later.",
        formula="(ultimate incurred - ultimate salvage and subrogation) / earned premium",
        unit="percent",
        interval=_RATIO,
        tables=_PREMIUM,
        target=0.60,
    ),
    _cost(
        key="theft_loss_ratio",
        label="Theft part of the loss ratio",
        definition="The part of the ultimate loss ratio that comes from theft: claims whose cause is theft or whose "
        "incident is one.",
        formula="ultimate incurred of theft claims / earned premium",
        unit="percent",
        interval=_RATIO,
        tables=_PREMIUM,
    ),
    _cost(
        key="claim_frequency",
        label="Loss frequency",
        definition="Losses with an indemnity, paid or reserved, for each 1,000 shipments sent in the same months. One "
        "event is one loss, whatever the number of its claims; claims that ended without payment are shown apart.",
        formula="1,000 x losses with an indemnity / shipments",
        unit="rate",
        per="1,000 shipments",
        interval="95%, exact (Garwood)",
        tables=("claim", "shipment"),
    ),
    _cost(
        key="theft_frequency_of_claims",
        label="Theft losses",
        definition="Losses from theft with an indemnity, paid or reserved, for each 1,000 shipments sent in the same "
        "months. Thefts that nobody claimed are on the page Hotspots.",
        formula="1,000 x theft losses with an indemnity / shipments",
        unit="rate",
        per="1,000 shipments",
        interval="95%, exact (Garwood)",
        tables=("claim", "shipment"),
    ),
    _cost(
        key="median_severity",
        label="Median loss",
        definition="Half of the losses with an indemnity cost less, half more: incurred, claims expense included.",
        formula="median of incurred of each loss",
        unit="base currency",
        interval="95%, of ranks (binomial)",
    ),
    _cost(
        key="mean_severity",
        label="Mean loss",
        definition="What losses with an indemnity cost on average, claims expense included; a few large "
        "ones decide it.",
        formula="incurred of losses / losses",
        unit="base currency",
        interval="95%, normal on the log of the mean; rough where a few large losses decide it",
    ),
    _cost(
        key="large_losses",
        label="Large losses",
        definition=f"Losses of {LARGE_LOSS:,} of base currency or more, claims expense included.",
        formula=f"number of losses of at least {LARGE_LOSS:,}",
        unit="count",
        interval="95%, exact (Garwood)",
    ),
    _cost(
        key="theft_recovery",
        label="Recovered on theft",
        definition="Salvage and subrogation for each unit of cost, of theft claims that are closed. Goods found again "
        "before a claim was paid are not in it.",
        formula="salvage and subrogation / incurred incl. claims expense, closed theft claims",
        unit="percent",
        better="higher",
        interval="95%, ratio of sums, claims taken as independent",
        target=0.25,
    ),
    _service(
        key="days_to_decision",
        label="Report to decision",
        definition="Days from report to decision by which half of the claims are decided. Claims still open count as "
        "long as they were followed (Kaplan-Meier), so that closing the easy ones first does not flatter it.",
        formula="median of the Kaplan-Meier curve of decided_at - reported_at",
        unit="days",
        interval="95%, log-log (Brookmeyer and Crowley)",
        target=30,
    ),
    _service(
        key="days_to_close",
        label="Report to close",
        definition="Days from report to closing by which half of the claims are closed; a claim that was opened again "
        "counts as open.",
        formula="median of the Kaplan-Meier curve of closed_at - reported_at",
        unit="days",
        interval="95%, log-log (Brookmeyer and Crowley)",
        target=45,
    ),
    _service(
        key="decided_promptly",
        label=f"Decided in {PROMPT_DAYS} days",
        definition=f"Share of the claims reported at least {PROMPT_DAYS} days ago that were decided within "
        f"{PROMPT_DAYS} days of the report.",
        formula=f"claims decided within {PROMPT_DAYS} days / claims reported at least {PROMPT_DAYS} days ago",
        unit="percent",
        better="higher",
        interval=_WILSON,
        target=0.60,
    ),
    _service(
        key="automated_share",
        label="Automated evidence",
        definition="Share of the claims paid whose evidence was gathered without hands, of those that say how.",
        formula="claims paid with automated evidence / claims paid with known evidence",
        unit="percent",
        better="higher",
        interval=_WILSON,
        target=0.50,
    ),
    _service(
        key="disputed_share",
        label="Disputed",
        definition="Share of the claims that are or were disputed, of those that say whether.",
        formula="disputed claims / claims that say whether they were disputed",
        unit="percent",
        interval=_WILSON,
        target=0.05,
    ),
    _service(
        key="disputed_cost",
        label="Cost of disputed claims",
        definition="Share of what claims cost, claims expense included, that lies in disputed ones.",
        formula="incurred of disputed claims / incurred of claims that say whether they were disputed",
        unit="percent",
        interval="none: a few large claims decide it",
    ),
    _service(
        key="clocks_breached",
        label="Legal clocks breached",
        definition="Share of the legal deadlines that were missed: claims acknowledged or decided later than the law "
        "of the policy's jurisdiction (or of the insured's country) allows for their kind, or not yet and overdue. "
        "Days are those of the calendar, from the report, as the day of proof is not known. What no date tells is "
        "counted apart: a claim that is over without the date, and a feed that never says it.",
        formula="steps late or overdue / steps with a deadline that was met, missed or has passed",
        unit="percent",
        interval=_WILSON,
        tables=("claim", "legal_clock"),
        target=0.02,
    ),
    _service(
        key="reported_promptly",
        label=f"Reported within {PROMPT_DAYS} days",
        definition=f"Share of the claims that were reported within {PROMPT_DAYS} days of the loss.",
        formula=f"claims reported within {PROMPT_DAYS} days / claims with both dates",
        unit="percent",
        better="higher",
        interval=_WILSON,
        target=0.95,
    ),
    _service(
        key="false_positive_rate",
        label="Honest claims flagged",
        definition="False positive rate of fraud flags: the share of honest claims that were flagged.",
        formula="FP / (FP + TN), corrected for who was looked into (Begg and Greenes)",
        unit="percent",
        interval="95%, logit; without a random audit every unflagged claim is taken as honest",
        target=0.05,
    ),
    _service(
        key="false_discovery_share",
        label="Flags that were wrong",
        definition="False discovery share of fraud flags: the share of flagged claims that turned out honest.",
        formula="FP / (FP + TP)",
        unit="percent",
        interval=_WILSON,
        target=0.50,
    ),
    _service(
        key="false_negative_rate",
        label="Fraud that flags missed",
        definition="False negative rate of fraud flags: the share of fraudulent claims that were not flagged. It is "
        "known only where claims without a flag were audited at random.",
        formula="FN / (FN + TP), corrected for who was audited (Begg and Greenes)",
        unit="percent",
        interval="95%, logit",
    ),
    EstimatedMeasure(
        key="refund_rate",
        label="Refunds",
        section="Claims",
        definition="Refunds granted for each 1,000 shipments sent in the same months; only those of accounts that sent "
        "in that month.",
        formula="1,000 x refunds / shipments",
        unit="rate",
        per="1,000 shipments",
        interval="95%, exact (Garwood)",
        period="the month in which it was granted",
        tables=("refund", "shipment"),
    ),
    EstimatedMeasure(
        key="chargeback_rate",
        label="Charge-backs",
        section="Claims",
        definition="Payments taken back by card issuers for each 1,000 shipments sent in the same months; only those "
        "of accounts that sent in that month.",
        formula="1,000 x charge-backs / shipments",
        unit="rate",
        per="1,000 shipments",
        interval="95%, exact (Garwood)",
        period="the month in which it was opened",
        tables=("chargeback", "shipment"),
    ),
)

#: Measures of claims, by key, in the order in which pages show them.
CLAIM_MEASURES: Mapping[str, EstimatedMeasure] = {measure.key: measure for measure in _ALL}
