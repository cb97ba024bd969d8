"""Are claims settled fast and fairly, and what does one cost? Every measure of claims for one selection.

Two statements give the sums of every month, by report and by loss; all values, their trends and their control charts
are made of these sums, so that months add up to what a card shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
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
from analysis.survival import SurvivalCurve, kaplan_meier
from data.portfolio import View

Sizes = NDArray[np.float64]

#: Conditions of the rows behind what a card counts, by measure: over claims by month of report, and by month of loss.
SERVICE_ROWS: Mapping[str, tuple[str, str]] = {
    "decided_promptly": (f"decide_days <= {PROMPT_DAYS}", f"followed_days >= {PROMPT_DAYS}"),
    "automated_share": ("evidence = 'automated'", "paid_base > 0 and evidence is not null"),
    "disputed_share": ("disputed", "disputed is not null"),
    "reported_promptly": (f"report_days <= {PROMPT_DAYS}", "report_days is not null"),
}
LATE = "coalesce(acknowledge_days, followed_days) > acknowledge_limit"
UNDECIDED_LATE = "coalesce(decide_days, followed_days) > decide_limit"
#: A deadline that has not passed is neither met nor missed, unless the step is done.
ACKNOWLEDGEMENT_TOLD = f"(acknowledge_limit is not null and (acknowledge_days is not null or {LATE}))"
DECISION_TOLD = f"(decide_limit is not null and (decide_days is not null or {UNDECIDED_LATE}))"
LOOKED_INTO = "fraud_confirmed is not null and (fraud_confirmed or is_over or decide_days is not null)"

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
    -- Where most claims ended, those that are open have run for longer than half of them: the median is told.
    case when 2 * count(decide_days) > count(followed_days) then median(coalesce(decide_days, followed_days)) end
        as days_to_decision,
    case when 2 * count(close_days) > count(followed_days) then median(coalesce(close_days, followed_days)) end
        as days_to_close,
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
select month, count(*) as claims,
    coalesce(sum(gross_base), 0)::double as incurred, coalesce(sum(paid_base), 0)::double as paid,
    count(*) filter (is_loss) as losses,
    count(*) filter (is_loss and insured_id in (select insured_id from shipment_fact)) as shipped_losses,
    count(*) filter (is_loss and is_theft) as theft_losses,
    coalesce(sum(event_base) filter (is_loss), 0)::double as lost,
    coalesce(sum(event_base::double ** 2) filter (is_loss), 0) as squares,
    count(*) filter (is_loss and event_base >= {LARGE_LOSS}) as large_losses,
    count(*) filter (outcome = 'ended without payment') as unpaid, count(*) filter (outcome = 'open') as open,
    count(*) filter (is_theft and is_over and gross_base > 0) as thefts_closed,
    coalesce(sum(gross_base) filter (is_theft and is_over), 0)::double as theft_cost,
    coalesce(sum(recovered_base) filter (is_theft and is_over and gross_base > 0), 0)::double as theft_back,
    coalesce(sum(gross_base::double ** 2) filter (is_theft and is_over), 0) as theft_cost_squares,
    coalesce(sum(recovered_base::double ** 2) filter (is_theft and is_over and gross_base > 0), 0)
        as theft_back_squares,
    coalesce(sum(gross_base::double * recovered_base::double) filter (is_theft and is_over), 0) as theft_products,
    list(event_base::double) filter (is_loss) as sizes
from claim_loss
group by month
order by month
"""
_SENT = "select month, sum(shipments)::double as shipments from shipment_fact group by month order by month"
_FREQUENCY = """
with
sent as (
    select insured_id, month, coalesce(month >= $since, true) as is_now, sum(shipments)::double as shipments
    from shipment_fact
    group by all
),
lost as (
    select insured_id, month, coalesce(month >= $since, true) as is_now, count(*) as losses
    from claim_loss
    where is_loss
    group by all
),
told as (
    select month, 0 as losses, 0 as shipped_losses, shipments from sent
    union all
    select l.month, l.losses,
        case when exists (select 1 from sent as s where s.insured_id = l.insured_id and s.is_now = l.is_now)
        then l.losses else 0 end, 0.0
    from lost as l
),
final as (
    select month, sum(losses)::bigint as losses, sum(shipped_losses)::bigint as shipped_losses,
        sum(shipments) as shipments
    from told
    group by month
)
select * from final order by month
"""
_RETURNED = """
select month, count(*) filter (kind = 'refund') as refunds, count(*) filter (kind = 'charge-back') as chargebacks,
    coalesce(sum(amount_base) filter (kind = 'refund'), 0)::double as refunded,
    coalesce(sum(amount_base) filter (kind = 'charge-back'), 0)::double as charged_back,
    count(*) filter (kind = 'refund' and item_received = false) as not_sent_back,
    count(*) filter (outcome = 'lost') as lost, count(*) filter (outcome in ('lost', 'won')) as ended
from refund_fact
group by month
order by month
"""
_DURATIONS = """
select step, days, happened, count(*) as claims
from (
    select 'decide' as step, coalesce(decide_days, followed_days) as days,
        decide_days is not null as happened
    from claim_service
    union all
    select 'close', coalesce(close_days, followed_days), close_days is not null from claim_service
) as steps
where days is not null
group by all
order by all
"""


class _Put(Protocol):
    """Takes one value."""

    def __call__(
        self, key: str, estimate: Estimate, counted: str, *, lack: str = "", trend: pd.Series[Any] | None = None
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
    """

    service: pd.DataFrame
    cost: pd.DataFrame
    shipments: pd.DataFrame
    returned: pd.DataFrame
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Settlement:
    """How long it takes from report to decision and to closing.

    Attributes
    ----------
    decide, close
        Curves of the claims not decided, not closed, by days from report; None where no claim tells.
    """

    decide: SurvivalCurve | None
    close: SurvivalCurve | None


def claim_months(view: View) -> Months:
    """The sums of every month of a selection: by report and by loss, shipments, refunds and charge-backs."""
    absent = frozenset(name for name in ("refund", "chargeback", "shipment", "legal_clock") if not view.has(name))
    return Months(view.frame(_SERVICE), view.frame(_COST), view.frame(_SENT), view.frame(_RETURNED), absent)


def loss_months(view: View, *, since: date | None = None) -> pd.DataFrame:
    """Losses and shipments of every month, and nothing else: what a frequency is made of, of two periods at once.

    One row a month: `month`, `losses`, `shipped_losses` (of accounts with shipments in the same period), `shipments`.

    Parameters
    ----------
    since
        First day of the second of two periods; None: the view is one.
    """
    return view.frame(_FREQUENCY, {"since": since})


def settlement(view: View) -> Settlement:
    """How long from report to decision and to closing, when some claims are still open?

    Counted in whole days, so that a hundred thousand claims are a few hundred rows.
    """
    rows = view.frame(_DURATIONS)

    def curve(part: pd.DataFrame) -> SurvivalCurve | None:
        if not part["happened"].any():
            return None
        count = part["claims"].to_numpy(dtype=np.int64)
        return kaplan_meier(
            np.repeat(part["days"].to_numpy(dtype=np.float64), count),
            np.repeat(part["happened"].to_numpy(dtype=np.bool_), count),
        )

    return Settlement(curve(rows[rows["step"] == "decide"]), curve(rows[rows["step"] == "close"]))


def claim_values(months: Months, *, settled: Settlement | None = None) -> dict[str, ClaimValue]:
    """Every measure of claims but the loss ratios, by key.

    Parameters
    ----------
    settled
        The curves to decision and closing; without them both are left out.
    """
    found: dict[str, ClaimValue] = {}

    def put(key: str, estimate: Estimate, counted: str, *, lack: str = "", trend: pd.Series[Any] | None = None) -> None:
        told = () if trend is None else tuple(None if pd.isna(x) else float(x) for x in trend)
        found[key] = ClaimValue(CLAIM_MEASURES[key], estimate, counted, lack if estimate.value is None else "", told)

    service, cost = months.service, months.cost
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
        unfit = key == "clocks_breached" and "legal_clock" not in months.absent
        put(
            key,
            _share(int(events.sum()), int(trials.sum())),
            counted,
            lack=LACKS["unfit"] if unfit else LACKS[key],
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
            put(key, known, "claims", lack=LACKS[key], trend=service[key])
    return found


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
    "shipments": "No shipments to count against in this selection",
    "refund": "No refunds are loaded (table refund)",
    "chargeback": "No charge-backs are loaded (table chargeback)",
    "theft_recovery": "No closed theft claim in this selection",
}


def loss_frequency(losses: int, *, shipped_losses: int, sent: float) -> tuple[Estimate, str]:
    """How many losses for each 1,000 shipments, and why it is not told where most of them have no shipments beside?

    Parameters
    ----------
    losses, shipped_losses
        In all, and of accounts with shipments in the same selection: the others are counted against nothing.
    sent
        Shipments.
    """
    if sent > 0 and losses and shipped_losses < losses / 2:
        lack = f"{losses - shipped_losses:,} of {losses:,} losses are of accounts without shipments in this selection"
        return Estimate(None, None, losses, (lack,)), lack
    return _rate(losses, sent), LACKS["shipments"]


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
    joined = cost[["month", "losses", "theft_losses"]].merge(months.shipments, on="month", how="outer")
    rate = 1_000 * _per(joined["losses"].fillna(0), joined["shipments"])
    frequency, lack = loss_frequency(losses, shipped_losses=int(cost["shipped_losses"].sum()), sent=sent)
    withheld = frequency.value is None
    put("claim_frequency", frequency, "losses", lack=lack, trend=None if withheld else rate)
    thefts = cost[["month", "theft_losses"]].merge(months.shipments, on="month", how="outer")
    rate = 1_000 * _per(thefts["theft_losses"].fillna(0), thefts["shipments"])
    thefts_stolen = int(cost["theft_losses"].sum())
    of_theft = Estimate(None, None, thefts_stolen, (lack,)) if withheld else _rate(thefts_stolen, sent)
    put("theft_frequency_of_claims", of_theft, "theft losses", lack=lack, trend=None if withheld else rate)
    lists = [np.asarray(one, dtype=np.float64) for one in cost["sizes"] if not _is_missing(one)]
    sizes = np.sort(np.concatenate(lists)) if lists else np.zeros(0)
    medians = pd.Series([None if _is_missing(one) else float(np.median(one)) for one in cost["sizes"]], dtype="object")
    put("median_severity", _median(sizes), "losses", lack=LACKS["losses"], trend=medians)
    put("mean_severity", _mean(sizes), "losses", lack=LACKS["losses"], trend=_per(cost["lost"], cost["losses"]))
    large = int(cost["large_losses"].sum())
    estimate = Estimate(float(large), poisson_interval(large), losses) if losses else _unknown(LACKS["losses"])
    put("large_losses", estimate, "losses", lack=LACKS["losses"], trend=cost["large_losses"])
    put("theft_recovery", _recovery(cost), "closed theft claims", lack=LACKS["theft_recovery"])


def _put_returns(put: _Put, months: Months) -> None:
    sent = float(months.shipments["shipments"].sum())
    joined = months.returned.merge(months.shipments, on="month", how="outer")
    for key, table, column, counted in (
        ("refund_rate", "refund", "refunds", "refunds"),
        ("chargeback_rate", "chargeback", "chargebacks", "charge-backs"),
    ):
        if table in months.absent:
            put(key, _unknown(LACKS[table]), counted, lack=LACKS[table])
            continue
        number = int(months.returned[column].sum()) if len(months.returned) else 0
        rate = 1_000 * _per(joined[column].fillna(0), joined["shipments"])
        put(key, _rate(number, sent), counted, lack=LACKS["shipments"], trend=rate)


def _is_missing(sizes: object) -> bool:
    """A month without a loss has no list of them."""
    return not isinstance(sizes, np.ndarray | list)


def _unknown(lack: str) -> Estimate:
    return Estimate(None, None, 0, (lack,))


def _share(events: int, trials: int) -> Estimate:
    if not trials:
        return Estimate(None, None, 0)
    return Estimate(events / trials, wilson_interval(events, trials), trials)


def _rate(events: int, exposure: float) -> Estimate:
    if exposure <= 0:
        return Estimate(None, None, events)
    low, high = poisson_interval(events)
    return Estimate(1_000 * events / exposure, Interval(1_000 * low / exposure, 1_000 * high / exposure), events)


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
