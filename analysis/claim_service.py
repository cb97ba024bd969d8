"""Are claims settled fast and fairly, and what does one cost? Every measure of claims for one selection.

Two statements give the sums of every month, by report and by loss; all values, their trends and their control charts
are made of these sums, so that months add up to what a card shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from analysis.claim_measures import CLAIM_MEASURES, LARGE_LOSS, PROMPT_DAYS
from analysis.estimated_measures import EstimatedMeasure
from analysis.estimates import Estimate
from analysis.fraud_flags import FlagPerformance, corrected_performance
from analysis.intervals import Interval, poisson_interval, wilson_interval
from analysis.loss_frequency import NO_SHIPMENTS, loss_frequency, loss_rate
from analysis.survival import SurvivalCurve, kaplan_meier
from analysis.values import is_immature
from data.portfolio import View

Sizes = NDArray[np.float64]

#: Conditions of the rows behind what a card counts, by measure: over claims by month of report, and by month of loss.
SERVICE_ROWS: Mapping[str, tuple[str, str]] = {
    # Decided by the day of closing at the latest: in time where that is, else not told.
    "decided_promptly": (
        f"decided_by_days <= {PROMPT_DAYS}",
        (
            f"followed_days >= {PROMPT_DAYS} and (decide_state in ('done', 'pending')"
            f" or decide_state = 'by closing' and decided_by_days <= {PROMPT_DAYS})"
        ),
    ),
    "automated_share": ("evidence = 'automated'", "paid_base > 0 and evidence is not null"),
    "disputed_share": ("disputed", "disputed is not null"),
    "reported_promptly": (f"report_days <= {PROMPT_DAYS}", "report_days is not null"),
}
LATE = "coalesce(acknowledge_days, followed_days) > acknowledge_limit"
UNDECIDED_LATE = "coalesce(decided_by_days, followed_days) > decide_limit"
#: A deadline that has not passed is neither met nor missed, unless the step is done. What no date tells is neither.
ACKNOWLEDGEMENT_TOLD = (
    f"(acknowledge_limit is not null and (acknowledge_state = 'done' or acknowledge_state = 'pending' and {LATE}))"
)
DECISION_TOLD = (
    "(decide_limit is not null and (decide_state = 'done' or decide_state = 'by closing' and"
    f" decided_by_days <= decide_limit or decide_state = 'pending' and {UNDECIDED_LATE}))"
)
ACKNOWLEDGEMENT_UNTOLD = "(acknowledge_limit is not null and acknowledge_state = 'not told')"
DECISION_UNTOLD = (
    "(decide_limit is not null and (decide_state = 'not told' or decide_state = 'by closing' and"
    " decided_by_days > decide_limit))"
)
_ACKNOWLEDGEMENT_UNFIT = "(acknowledge_limit is not null and acknowledge_state = 'does not fit')"
_DECISION_UNFIT = "(decide_limit is not null and decide_state = 'does not fit')"
LOOKED_INTO = "fraud_confirmed is not null and (fraud_confirmed or is_over or decide_days is not null)"

#: Claims that a curve follows: those of which it is known whether the step is done.
_DECIDED = "decide_state in ('done', 'by closing', 'pending')"
_CLOSED = "close_state in ('done', 'pending')"
_SHARES = ",\n    ".join(
    f"count(*) filter ({among} and {within}) as {key}_events, count(*) filter ({among}) as {key}_trials"
    for key, (within, among) in SERVICE_ROWS.items()
)
_SERVICE = f"""
select reported_month as month, count(*) as claims,
    {_SHARES},
    count(*) filter ({ACKNOWLEDGEMENT_TOLD} and {LATE}) + count(*) filter ({DECISION_TOLD} and {UNDECIDED_LATE})
        as clocks_breached_events,
    count(*) filter ({ACKNOWLEDGEMENT_TOLD}) + count(*) filter ({DECISION_TOLD}) as clocks_breached_trials,
    count(*) filter ({ACKNOWLEDGEMENT_UNTOLD}) + count(*) filter ({DECISION_UNTOLD}) as clocks_untold,
    count(*) filter ({_ACKNOWLEDGEMENT_UNFIT}) + count(*) filter ({_DECISION_UNFIT}) as clocks_unfit,
    count(*) filter (is_policy_ambiguous and coalesce(acknowledge_limit, decide_limit) is not null) as ambiguous,
    count(*) filter (followed_days >= {PROMPT_DAYS} and (decide_state in ('not told', 'does not fit')
        or decide_state = 'by closing' and decided_by_days > {PROMPT_DAYS})) as promptness_untold,
    -- Where most claims ended, those that are open have run for longer than half of them: the median is told.
    case when 2 * count(decided_by_days) > count(*) filter ({_DECIDED})
        then median(coalesce(decided_by_days, followed_days)) filter ({_DECIDED})
    end as days_to_decision,
    case when 2 * count(close_days) > count(*) filter ({_CLOSED})
        then median(coalesce(close_days, followed_days)) filter ({_CLOSED})
    end as days_to_close,
    count(decide_days) as decided, count(close_days) as closed,
    coalesce(sum(gross_base) filter (disputed), 0)::double as disputed_cost,
    coalesce(sum(gross_base) filter (disputed is not null), 0)::double as told_cost,
    count(*) filter (fraud_flagged) as flagged, count(*) filter (not fraud_flagged) as unflagged,
    count(*) filter (fraud_flagged and fraud_confirmed) as flagged_fraudulent,
    count(*) filter (fraud_flagged and {LOOKED_INTO} and not fraud_confirmed) as flagged_honest,
    count(*) filter (not fraud_flagged and fraud_audited and {LOOKED_INTO} and fraud_confirmed) as audited_fraudulent,
    count(*) filter (not fraud_flagged and fraud_audited and {LOOKED_INTO} and not fraud_confirmed) as audited_honest
from claim_service
group by reported_month
order by reported_month
"""
_COST = f"""
with
exposed as (
    select distinct insured_id, month, true as is_exposed from shipment_fact where shipments > 0
),
told as (
    select l.*, coalesce(e.is_exposed, false) as is_exposed
    from claim_loss as l
    left join exposed as e on l.insured_id is not distinct from e.insured_id and l.month = e.month
)
select month, count(*) as claims,
    coalesce(sum(gross_base), 0)::double as incurred, coalesce(sum(paid_base), 0)::double as paid,
    count(*) filter (is_loss) as losses,
    count(*) filter (is_loss and is_exposed) as shipped_losses,
    count(*) filter (is_loss and is_theft and is_exposed) as shipped_thefts,
    count(*) filter (is_loss and is_theft) as theft_losses,
    coalesce(sum(event_base) filter (is_loss), 0)::double as lost,
    coalesce(sum(event_base::double ** 2) filter (is_loss), 0) as squares,
    count(*) filter (is_loss and event_base >= {LARGE_LOSS}) as large_losses,
    count(*) filter (outcome = 'ended without payment') as unpaid, count(*) filter (outcome = 'open') as open,
    count(*) filter (is_cause_known) as cause_known,
    count(*) filter (is_theft and is_over and gross_base > 0) as thefts_closed,
    coalesce(sum(gross_base) filter (is_theft and is_over), 0)::double as theft_cost,
    coalesce(sum(recovered_base) filter (is_theft and is_over and gross_base > 0), 0)::double as theft_back,
    coalesce(sum(gross_base::double ** 2) filter (is_theft and is_over), 0) as theft_cost_squares,
    coalesce(sum(recovered_base::double ** 2) filter (is_theft and is_over and gross_base > 0), 0)
        as theft_back_squares,
    coalesce(sum(gross_base::double * recovered_base::double) filter (is_theft and is_over), 0) as theft_products,
    list(event_base::double) filter (is_loss) as sizes
from told
group by month
order by month
"""
_SENT = "select month, sum(shipments)::double as shipments from shipment_fact group by month order by month"
#: Rates count what befell an account in a month in which it sent: without shipments there is nothing to count against.
_RETURNED = """
with
exposed as (
    select distinct insured_id, month, true as is_exposed from shipment_fact where shipments > 0
),
returned as (
    select r.*, coalesce(e.is_exposed, false) as is_exposed
    from refund_fact as r
    left join exposed as e on r.insured_id is not distinct from e.insured_id and r.month = e.month
)
select month, count(*) filter (kind = 'refund' and is_exposed) as refunds,
    count(*) filter (kind = 'charge-back' and is_exposed) as chargebacks,
    count(*) filter (kind = 'refund' and not is_exposed) as refunds_left_out,
    count(*) filter (kind = 'charge-back' and not is_exposed) as chargebacks_left_out,
    coalesce(sum(amount_base) filter (kind = 'refund'), 0)::double as refunded,
    coalesce(sum(amount_base) filter (kind = 'charge-back'), 0)::double as charged_back,
    count(*) filter (kind = 'refund' and item_received = false) as not_sent_back,
    count(*) filter (outcome = 'lost') as lost, count(*) filter (outcome in ('lost', 'won')) as ended
from returned
group by month
order by month
"""
_DURATIONS = """
select step, state, days, count(*) as claims
from (
    select 'decide' as step, decide_state as state, coalesce(decided_by_days, followed_days) as days from claim_service
    union all
    select 'close', close_state, coalesce(close_days, followed_days) from claim_service
) as steps
group by all
order by all
"""


class _Put(Protocol):
    """Takes one value."""

    def __call__(
        # A trend is by month, the first day of which is its index.
        self,
        key: str,
        estimate: Estimate,
        counted: str,
        *,
        lack: str = "",
        trend: pd.Series[Any] | None = None,
    ) -> None: ...


@dataclass(frozen=True)
class ClaimValue:
    """One measure of claims for one selection.

    Attributes
    ----------
    measure
        What it means.
    estimate
        Value, interval and n.
    counted
        What n counts.
    lack
        Why it is not known; empty where it is.
    trend
        The value month by month, with None where there is none.
    """

    measure: EstimatedMeasure
    estimate: Estimate
    counted: str
    lack: str = ""
    trend: tuple[float | None, ...] = ()

    def words(self, currency: str = "") -> str:
        """The value as a person reads it."""
        return self.measure.words(self.estimate.value, currency=currency)


@dataclass(frozen=True)
class Months:
    """The sums of every month that all measures of claims are made of.

    Attributes
    ----------
    service
        By month of report (`_SERVICE`): events and trials of each share, fraud flags and what was found.
    cost
        By month of loss (`_COST`): incurred, losses, sizes, recoveries on theft.
    shipments
        Sent, by month.
    returned
        Refunds and charge-backs, by month.
    absent
        Tables of the contract that the portfolio lacks.
    known_to
        The day to which claims are known.
    """

    service: pd.DataFrame
    cost: pd.DataFrame
    shipments: pd.DataFrame
    returned: pd.DataFrame
    absent: frozenset[str] = frozenset()
    known_to: date | None = None


@dataclass(frozen=True)
class Settlement:
    """How long it takes from report to decision and to closing.

    Attributes
    ----------
    decide, close
        Curves of the claims not decided, not closed, by days from report; None where no claim tells.
    bounded
        Of `decide`, those that are closed without a day of decision: decided by then at the latest.
    undecided_untold, unclosed_untold
        Left out of each curve: over without a date, or of a feed that never says it.
    undecided_unfit, unclosed_unfit
        Left out of each curve: dated before the report.
    """

    decide: SurvivalCurve | None
    close: SurvivalCurve | None
    bounded: int = 0
    undecided_untold: int = 0
    unclosed_untold: int = 0
    undecided_unfit: int = 0
    unclosed_unfit: int = 0

    @property
    def decide_caveats(self) -> tuple[str, ...]:
        """What the curve to decision leaves out or only bounds, in sentences without full stop."""
        bounded = (f"{_claims(self.bounded)} closed without a day of decision: decided by then at the latest",)
        return (bounded if self.bounded else ()) + _left_out(self.undecided_untold, self.undecided_unfit, "decided")

    @property
    def close_caveats(self) -> tuple[str, ...]:
        """What the curve to closing leaves out, in sentences without full stop."""
        return _left_out(self.unclosed_untold, self.unclosed_unfit, "closed")


def _claims(number: int) -> str:
    return f"{number:,} claim{'' if number == 1 else 's'}"


def _left_out(untold: int, unfit: int, done: str) -> tuple[str, ...]:
    found = []
    if untold:
        found.append(f"Left out: {_claims(untold)} of which nobody can tell when they were {done}")
    if unfit:
        found.append(f"Left out: {_claims(unfit)} {done} before the report")
    return tuple(found)


def claim_months(view: View) -> Months:
    """The sums of every month of a selection: by report and by loss, shipments, refunds and charge-backs."""
    absent = frozenset(name for name in ("refund", "chargeback", "shipment", "legal_clock") if not view.has(name))
    return Months(
        view.frame(_SERVICE),
        view.frame(_COST),
        view.frame(_SENT),
        view.frame(_RETURNED),
        absent,
        view.snapshot.data_date("claim"),
    )


def monthly_trend(trend: pd.Series[Any], *, known_to: date | None) -> tuple[float | None, ...]:
    """How does a value run, month after month? None in a month without one; it ends with the last mature month.

    Parameters
    ----------
    trend
        A value a month, by the first day of the month.
    known_to
        The day to which data are known.
    """
    told = trend[trend.index.notna()].astype("float64")
    by_month = {
        day.date(): float(value) for day, value in zip(pd.to_datetime(told.index), told.to_numpy(), strict=True)
    }
    by_month = {month: value for month, value in by_month.items() if not is_immature(month, data_date=known_to)}
    if not by_month:
        return ()
    months = [pd.Timestamp(day).date() for day in pd.date_range(min(by_month), max(by_month), freq="MS")]
    run = [by_month.get(month, math.nan) for month in months]
    return tuple(None if math.isnan(value) else value for value in run)


def settlement(view: View) -> Settlement:
    """How long from report to decision and to closing, when some claims are still open?

    Counted in whole days, so that a hundred thousand claims are a few hundred rows. A claim that is over without a date
    is not followed any more, and leaves the curve; one that is closed was decided by then.
    """
    rows = view.frame(_DURATIONS)

    def part(step: str, *states: str) -> pd.DataFrame:
        return rows[(rows["step"] == step) & rows["state"].isin(states)]

    def curve(step: str) -> SurvivalCurve | None:
        followed = part(step, "done", "by closing", "pending")
        happened = (followed["state"] != "pending").to_numpy(dtype=np.bool_)
        if not happened.any():
            return None
        count = followed["claims"].to_numpy(dtype=np.int64)
        return kaplan_meier(np.repeat(followed["days"].to_numpy(dtype=np.float64), count), np.repeat(happened, count))

    def size(step: str, state: str) -> int:
        return int(part(step, state)["claims"].sum())

    return Settlement(
        curve("decide"),
        curve("close"),
        bounded=size("decide", "by closing"),
        undecided_untold=size("decide", "not told"),
        unclosed_untold=size("close", "not told"),
        undecided_unfit=size("decide", "does not fit"),
        unclosed_unfit=size("close", "does not fit"),
    )


def claim_values(months: Months, *, settled: Settlement | None = None) -> dict[str, ClaimValue]:
    """Every measure of claims but the loss ratios, by key.

    Parameters
    ----------
    settled
        The curves to decision and closing; without them both are left out.
    """
    found: dict[str, ClaimValue] = {}

    def put(key: str, estimate: Estimate, counted: str, *, lack: str = "", trend: pd.Series[Any] | None = None) -> None:
        told = () if trend is None else monthly_trend(trend, known_to=months.known_to)
        found[key] = ClaimValue(CLAIM_MEASURES[key], estimate, counted, lack if estimate.value is None else "", told)

    service, cost = months.service.set_index("month", drop=False), months.cost.set_index("month", drop=False)
    for key, counted in (
        ("decided_promptly", f"claims reported at least {PROMPT_DAYS} days ago"),
        ("automated_share", "claims paid"),
        ("disputed_share", "claims"),
        ("reported_promptly", "claims"),
        ("clocks_breached", "deadlines"),
    ):
        if key == "decided_promptly" and not service["decided"].sum():
            put(key, _unknown(LACKS[key]), counted, lack=LACKS[key])
            continue
        events, trials = service[f"{key}_events"], service[f"{key}_trials"]
        share_of = _share(int(events.sum()), int(trials.sum()))
        lack = LACKS[key]
        caveats: tuple[str, ...] = ()
        if key == "clocks_breached":
            caveats = clock_caveats(months)
            lack = "; ".join(caveats) or (LACKS["unfit"] if "legal_clock" not in months.absent else lack)
        elif key == "decided_promptly" and (untold := int(service["promptness_untold"].sum())):
            caveats = (f"Left out: {_claims(untold)} of which nobody can tell whether they were decided in time",)
        put(
            key,
            replace(share_of, caveats=(*share_of.caveats, *caveats)),
            counted,
            lack=lack,
            trend=_per(events, trials),
        )
    told = float(service["told_cost"].sum())
    share = float(service["disputed_cost"].sum()) / told if told > 0 else None
    put("disputed_cost", Estimate(share, None, int(service["disputed_share_trials"].sum())), "claims",
        lack=LACKS["disputed_share"], trend=_per(service["disputed_cost"], service["told_cost"]))  # fmt: skip
    flags = fraud_flags(months)
    for key in ("false_positive_rate", "false_discovery_share", "false_negative_rate"):
        estimate: Estimate = getattr(flags, key)
        lack = "; ".join(estimate.caveats) if flags.n else LACKS["flags"]
        put(key, estimate, "claims looked into", lack=lack)
    _put_costs(put, cost, months)
    _put_returns(put, months)
    if settled is not None:
        for key, curve in (("days_to_decision", settled.decide), ("days_to_close", settled.close)):
            known = _unknown(LACKS[key]) if curve is None else curve.median()
            left_out = settled.decide_caveats if key == "days_to_decision" else settled.close_caveats
            known = replace(known, caveats=(*known.caveats, *left_out))
            put(key, known, "claims", lack=LACKS[key], trend=service[key])
    return found


def cause_caveats(months: Months) -> tuple[str, ...]:
    """Of how many claims is the cause known, so that theft can be told from the rest? Nothing to say where of all."""
    known, number = int(months.cost["cause_known"].sum()), int(months.cost["claims"].sum())
    if known == number:
        return ()
    return (
        f"{known / number:.1%} of the claims say their cause: theft among the other {number - known:,} is not seen",
    )


def clock_caveats(months: Months) -> tuple[str, ...]:
    """Which legal deadlines can be told neither met nor missed, and why, in sentences without full stop?"""
    sums = {name: int(months.service[name].sum()) for name in ("clocks_untold", "clocks_unfit", "ambiguous")}
    found = []
    if number := sums["clocks_untold"]:
        found.append(
            f"{number:,} deadline{'' if number == 1 else 's'} cannot be told: the claim is over without the date, or"
            " its feed never says it"
        )
    if number := sums["clocks_unfit"]:
        found.append(f"{number:,} left out: dated before the report")
    if number := sums["ambiguous"]:
        found.append(
            f"{_claims(number)} without a policy, under several that differ: the law of the last to begin is taken"
        )
    return tuple(found)


LACKS = {
    "decided_promptly": "No claim says when it was decided (decided_at)",
    "days_to_decision": "No claim says when it was decided (decided_at)",
    "days_to_close": "No claim says when it was closed (closed_at)",
    "automated_share": "No paid claim says how its evidence was gathered (evidence)",
    "disputed_share": "No claim says whether it was disputed (disputed)",
    "reported_promptly": "No claim says both when it happened and when it was reported",
    "clocks_breached": "No claim has a deadline: load legal_clock, and policies with their jurisdiction",
    "unfit": "No legal clock is loaded for the jurisdiction and kind of these claims",
    "flags": "No claim says whether it was flagged (fraud_flagged)",
    "losses": "No claim with an indemnity in this selection",
    "shipments": NO_SHIPMENTS,
    "refund": "No refunds are loaded (table refund)",
    "chargeback": "No charge-backs are loaded (table chargeback)",
    "theft_recovery": "No closed theft claim in this selection",
}


def fraud_flags(months: Months) -> FlagPerformance:
    """How good are fraud flags, corrected for who was looked into?"""
    names = (
        "flagged", "unflagged", "flagged_fraudulent", "flagged_honest", "audited_fraudulent", "audited_honest",
    )  # fmt: skip
    counts = {name: int(months.service[name].sum()) for name in names}
    return corrected_performance(**counts)


def _put_costs(put: _Put, cost: pd.DataFrame, months: Months) -> None:
    losses = int(cost["losses"].sum())
    sent = float(months.shipments["shipments"].sum())
    joined = cost[["month", "shipped_losses", "shipped_thefts"]].reset_index(drop=True)
    joined = joined.merge(months.shipments, on="month", how="outer").set_index("month")
    for key, column, counted in (
        ("claim_frequency", "losses", "losses"),
        ("theft_frequency_of_claims", "theft_losses", "theft losses"),
    ):
        shipped = "shipped_losses" if column == "losses" else "shipped_thefts"
        frequency, lack = loss_frequency(int(cost[column].sum()), shipped_losses=int(cost[shipped].sum()), sent=sent)
        rate = 1_000 * _per(joined[shipped].fillna(0), joined["shipments"])
        put(key, frequency, counted, lack=lack, trend=None if frequency.value is None else rate)
    lists = [np.asarray(one, dtype=np.float64) for one in cost["sizes"] if not _is_missing(one)]
    sizes = np.sort(np.concatenate(lists)) if lists else np.zeros(0)
    medians = pd.Series(
        [math.nan if _is_missing(one) else float(np.median(one)) for one in cost["sizes"]],
        index=cost.index,
        dtype="float64",
    )
    put("median_severity", _median(sizes), "losses", lack=LACKS["losses"], trend=medians)
    put("mean_severity", _mean(sizes), "losses", lack=LACKS["losses"], trend=_per(cost["lost"], cost["losses"]))
    large = int(cost["large_losses"].sum())
    estimate = Estimate(float(large), poisson_interval(large), losses) if losses else _unknown(LACKS["losses"])
    put("large_losses", estimate, "losses", lack=LACKS["losses"], trend=cost["large_losses"])
    recovery = _recovery(cost)
    recovery = replace(recovery, caveats=(*recovery.caveats, *cause_caveats(months)))
    put("theft_recovery", recovery, "closed theft claims", lack=LACKS["theft_recovery"])


def _put_returns(put: _Put, months: Months) -> None:
    sent = float(months.shipments["shipments"].sum())
    joined = months.returned.merge(months.shipments, on="month", how="outer").set_index("month")
    for key, table, column, counted in (
        ("refund_rate", "refund", "refunds", "refunds"),
        ("chargeback_rate", "chargeback", "chargebacks", "charge-backs"),
    ):
        if table in months.absent:
            put(key, _unknown(LACKS[table]), counted, lack=LACKS[table])
            continue
        number = int(months.returned[column].sum()) if len(months.returned) else 0
        left_out = int(months.returned[f"{column}_left_out"].sum()) if len(months.returned) else 0
        rate = 1_000 * _per(joined[column].fillna(0), joined["shipments"])
        caveats = (f"Left out: {left_out:,} {counted} of months in which their account sent nothing",)
        estimate = loss_rate(number, sent)
        put(
            key,
            replace(estimate, caveats=(*estimate.caveats, *caveats)) if left_out else estimate,
            counted,
            lack=LACKS["shipments"],
            trend=rate,
        )


def _is_missing(sizes: object) -> bool:
    """A month without a loss has no list of them."""
    return not isinstance(sizes, np.ndarray | list)


def _unknown(lack: str) -> Estimate:
    return Estimate(None, None, 0, (lack,))


def _share(events: int, trials: int) -> Estimate:
    if not trials:
        return Estimate(None, None, 0)
    return Estimate(events / trials, wilson_interval(events, trials), trials)


def _per(top: pd.Series[Any], bottom: pd.Series[Any]) -> pd.Series[Any]:
    """Each month's share or rate; not a number where there is nothing to divide by."""
    return top.astype("float64") / bottom.astype("float64").where(bottom > 0)


def _median(sizes: Sizes) -> Estimate:
    """The median with the interval of ranks: those order statistics between which it lies in 95% of samples."""
    n = len(sizes)
    if not n:
        return Estimate(None, None, 0)
    low = int(stats.binom.ppf(0.025, n, 0.5))
    if low == 0:
        return Estimate(float(np.median(sizes)), None, n, (f"Losses that it rests on: only {n}",))
    return Estimate(float(np.median(sizes)), Interval(float(sizes[low - 1]), float(sizes[n - low])), n)


def _mean(sizes: Sizes) -> Estimate:
    n = len(sizes)
    if not n:
        return Estimate(None, None, 0)
    mean = float(sizes.mean())
    if n == 1:
        return Estimate(mean, None, n, ("Losses that it rests on: only 1",))
    error = float(sizes.std(ddof=1)) / math.sqrt(n)
    reach = math.exp(float(special.stdtrit(n - 1, 0.975)) * error / mean)
    caveats = (f"The largest loss is {sizes[-1] / sizes.sum():.0%} of all",) if sizes[-1] > 0.2 * sizes.sum() else ()
    return Estimate(mean, Interval(mean / reach, mean * reach), n, caveats, error)


def _recovery(cost: pd.DataFrame) -> Estimate:
    """Ratio of sums, its error by linearisation: sum (back - ratio x cost)^2, times n / (n - 1)."""
    n, paid = int(cost["thefts_closed"].sum()), float(cost["theft_cost"].sum())
    if paid <= 0:
        return Estimate(None, None, n)
    ratio = float(cost["theft_back"].sum()) / paid
    if n < 2:
        return Estimate(ratio, None, n, (f"Claims that it rests on: only {n}",))
    spread = (
        float(cost["theft_back_squares"].sum())
        - 2 * ratio * float(cost["theft_products"].sum())
        + ratio**2 * float(cost["theft_cost_squares"].sum())
    )
    error = math.sqrt(max(spread, 0.0) * n / (n - 1)) / paid
    reach = float(special.stdtrit(n - 1, 0.975)) * error
    return Estimate(ratio, Interval(max(ratio - reach, 0.0), min(ratio + reach, 1.0)), n, (), error)
