"""How much premium and cover were earned, and how much value stood in one place at one time?

The facts are made at load (data/marts/premium_month.sql, data/marts/accumulation_peak.sql); here is what a view of them
comes to, and the arithmetic of one term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from data.portfolio import View

Convention = Literal["days", "months"]
#: Policies named in a caveat, at most.
NAMED = 3


@dataclass(frozen=True)
class Term:
    """One term of cover: from `inception` (covered) to `expiry` (not covered any more)."""

    inception: date
    expiry: date

    def __post_init__(self) -> None:
        if self.expiry <= self.inception:
            message = f"cover ends ({self.expiry}) before it begins ({self.inception})"
            raise ValueError(message)


@dataclass(frozen=True)
class EarnedPremium:
    """Premium of the policies of a view, at 100% and before tax, up to the data's date.

    Attributes
    ----------
    value
        Earned in the period, base currency, each day at its own rate of exchange; None where no policy is known.
    at_plan
        The same at the one plan rate, at which periods are compared.
    written
        Written in the period, base currency, by the day on which each movement took effect.
    unearned
        Of the policies in force at the period's end: what of their premium is not yet earned, at the plan rate.
    terms
        Terms of cover earned: a policy in force for all of its term earns one.
    n, in_force
        Policies that earned something, and those in force at the period's end.
    months
        (first day of month, earned at date's rate, earned at plan rate), ascending.
    unconverted
        (currency, earned) that no rate of exchange reaches: in none of the sums.
    without_premium
        Policies with cover in the period whose premium is not known.
    caveats
        Sentences without full stop.
    """

    value: float | None
    at_plan: float | None
    written: float | None
    unearned: float | None
    terms: float
    n: int
    in_force: int
    months: tuple[tuple[date, float, float], ...]
    unconverted: tuple[tuple[str, float], ...]
    without_premium: int
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class PeakAccumulation:
    """The largest value of one account's goods at one time, against its limit.

    Attributes
    ----------
    value
        Of all accounts, kinds and months of the view: the largest peak / limit. None where no limit or no value is
        known.
    largest
        The row of `frame` that it is; None with it.
    frame
        One row an account and kind ("conveyance", "site", "5 km"), the fullest first: `insured_id`, `kind`,
        `place_id` (trip, shipment or site), `lane_id`, `carrier_id`, `month`, `peak_base`, `limit_base`, `ratio`,
        `reached_at` (UTC), `told_by`, `places` (conveyances, or sites by month), `places_above`, `days_above`.
    n
        Conveyances, and sites by month, that were looked at.
    places_above, days_above
        Of these above their limit, and for how many days in all; stock is recorded for a day, so it adds none.
    months
        (first day of month, largest ratio), ascending.
    caveats
        Sentences without full stop.
    """

    value: float | None
    largest: dict[str, object] | None
    frame: pd.DataFrame
    n: int
    places_above: int
    days_above: float
    months: tuple[tuple[date, float], ...]
    caveats: tuple[str, ...]


def earned_share(term: Term, *, first: date, end: date, by: Convention = "days") -> float:
    """What share of a term of cover is earned from `first` to before `end`?

    Parameters
    ----------
    by
        ``days``: each day of the term earns alike, as everywhere in Lanewise. ``months``: each month of it does, as
        tables of calendar years by months have it; a day is then its share of its own month.

    Examples
    --------
    >>> term = Term(date(2019, 4, 1), date(2020, 4, 1))
    >>> earned_share(term, first=date(2019, 1, 1), end=date(2020, 1, 1), by="months")
    0.75
    >>> round(earned_share(term, first=date(2019, 1, 1), end=date(2020, 1, 1)), 6) == round(275 / 366, 6)
    True

    References
    ----------
    Loss Data Analytics (open text), Premium Foundations, Table 7.7.
    """
    begins, ends = max(term.inception, first), min(term.expiry, end)
    if ends <= begins:
        return 0.0
    if by == "days":
        return (ends - begins).days / (term.expiry - term.inception).days
    return (_months(ends) - _months(begins)) / (_months(term.expiry) - _months(term.inception))


def in_force(terms: Sequence[Term], *, on: date) -> int:
    """How many terms cover this day?

    Examples
    --------
    >>> in_force([Term(date(2019, 1, 1), date(2020, 1, 1))], on=date(2020, 1, 1))
    0
    """
    return sum(term.inception <= on < term.expiry for term in terms)


def earned_premium(view: View) -> EarnedPremium:
    """How much premium did the policies of a view earn, in all and by month?

    One statement. A filter by carrier, lane, commodity or mode leaves nothing: premium is paid for an account. The
    result then has no value, and its caveat says so.
    """
    if not view.has("policy"):
        return _nothing("the portfolio has no table policy")
    if any(getattr(view.filters, name) for name in ("carrier", "lane", "commodity", "mode")):
        return _nothing("premium is paid for an account, not for its carriers, lanes, goods or modes")
    rows = view.frame(
        """
        with
        monthly as (
            select
                month, currency,
                sum(earned_base) as base, sum(earned_plan) as plan, sum(written_base) as written,
                sum(earned_premium) filter (earned_base is null) as unconverted,
                sum(earned_terms) as terms, count(*) filter (is_in_force) as in_force,
                sum(unearned_plan) as unearned
            from premium_month
            group by month, currency
        ),
        policies as (
            select
                count(distinct policy_id) filter (earned_days > 0) as n,
                count(distinct policy_id) filter (earned_days > 0 and term_premium is null) as without_premium,
                list(distinct policy_id order by policy_id) filter (is_cancelled_in_full) as cancelled
            from premium_month
        ),
        final as (
            select m.*, p.n, p.without_premium, p.cancelled from monthly as m cross join policies as p
        )
        select * from final order by month, currency
        """
    )
    if rows.empty:
        return _nothing("no policy covers this selection")
    last = rows[rows["month"] == rows["month"].max()]
    by_month = rows.groupby("month")[["base", "plan"]].sum()
    apart = rows.groupby("currency")["unconverted"].sum()
    without = int(rows["without_premium"].iloc[0])
    known = bool(rows["base"].notna().any())
    caveats = []
    if without:
        said = "policy has" if without == 1 else "policies have"
        caveats.append(f"{without} {said} no known premium")
    if apart.gt(0).any():
        caveats.append("premium in currencies without a rate of exchange is not in it")
    if isinstance(cancelled := rows["cancelled"].iloc[0], list | np.ndarray) and len(cancelled):
        caveats.append(cancelled_words([str(policy) for policy in cancelled]))
    return EarnedPremium(
        value=float(rows["base"].sum()) if known else None,
        at_plan=float(rows["plan"].sum()) if known else None,
        written=float(rows["written"].sum()) if known else None,
        unearned=float(last["unearned"].sum()) if known else None,
        terms=float(rows["terms"].sum()),
        n=int(rows["n"].iloc[0]),
        in_force=int(last["in_force"].sum()),
        months=tuple(
            (pd.Timestamp(month).date(), float(base), float(plan))
            for month, base, plan in by_month.itertuples(name=None)
        ),
        unconverted=tuple((str(currency), float(amount)) for currency, amount in apart.items() if amount > 0),
        without_premium=without,
        caveats=tuple(caveats),
    )


def earned_at_plan(view: View) -> float | None:
    """How much premium was earned at the plan rate? What another period is compared with; None where not known."""
    if not view.has("policy") or any(getattr(view.filters, name) for name in ("carrier", "lane", "commodity", "mode")):
        return None
    ((plan,),) = view.rows("select sum(earned_plan)::double from premium_month")
    return None if plan is None else float(plan)


def largest_ratio(view: View) -> float | None:
    """The value alone of `peak_accumulation`: what another period is compared with."""
    ((ratio,),) = view.rows("select max(peak_base / limit_base)::double from accumulation_peak")
    return None if ratio is None else float(ratio)


def cancelled_words(policies: Sequence[str]) -> str:
    """Which policies are cancelled but earn their whole term, as no movement says what came back?

    Examples
    --------
    >>> cancelled_words(["P2"])
    'Cancelled without a movement of premium, so that its whole term is earned: 1 policy (P2)'
    """
    named = ", ".join(policies[:NAMED]) + (" and more" if len(policies) > NAMED else "")
    one = len(policies) == 1
    return (
        f"Cancelled without a movement of premium, so that {'its' if one else 'their'} whole term is earned:"
        f" {len(policies):,} {'policy' if one else 'policies'} ({named})"
    )


def premium_rows(view: View) -> pd.DataFrame:
    """Which policies earned it? One row a policy, the largest first: the rows behind `earned_premium`.

    Columns: `policy_id`, `insured_id`, `product`, `jurisdiction`, `currency`, `earned_premium`, `written_premium` (own
    currency), `earned_base`, `earned_plan`, `earned_terms`, `first_month`, `last_month`.
    """
    return view.frame(
        """
        select
            policy_id, insured_id, product, jurisdiction, currency,
            sum(earned_premium) as earned_premium, sum(written_premium) as written_premium,
            sum(earned_base) as earned_base, sum(earned_plan) as earned_plan, sum(earned_terms) as earned_terms,
            min(month) as first_month, max(month) as last_month
        from premium_month
        group by policy_id, insured_id, product, jurisdiction, currency
        order by earned_base desc nulls last, policy_id
        """
    )


def peak_accumulation(view: View) -> PeakAccumulation:
    """What was the largest value at one time on a conveyance or at a site, against the limit of its policy?

    Accounts apart: a limit is a policy's. One statement.
    """
    rows = view.frame(
        """
        select
            insured_id, kind, month, arg_max(place_id, peak_base / limit_base) as place_id,
            arg_max(lane_id, peak_base / limit_base) as lane_id,
            arg_max(carrier_id, peak_base / limit_base) as carrier_id,
            arg_max(reached_at, peak_base / limit_base) as reached_at,
            arg_max(told_by, peak_base / limit_base) as told_by,
            arg_max(peak_base, peak_base / limit_base) as peak_base,
            arg_max(limit_base, peak_base / limit_base) as limit_base,
            max(peak_base / limit_base) as ratio, sum(places)::bigint as places,
            sum(places_above)::bigint as places_above, sum(days_above) as days_above
        from accumulation_peak
        group by insured_id, kind, month
        order by ratio desc nulls last, insured_id, kind, month
        """
    )
    limited = rows[rows["ratio"].notna()]
    caveats = []
    if rows.empty:
        caveats.append("no value is known of goods on their way or in store")
    elif limited.empty:
        caveats.append("no policy with a limit covers these goods: load policy, or policy_term")
    elif len(limited) < len(rows):
        caveats.append(f"{rows.loc[rows['ratio'].isna(), 'insured_id'].nunique()} accounts have months without a limit")
    totals = rows.groupby(["insured_id", "kind"])[["places", "places_above", "days_above"]].sum()
    fullest = limited.drop_duplicates(["insured_id", "kind"]).drop(columns=["places", "places_above", "days_above"])
    frame = fullest.merge(totals.reset_index(), on=["insured_id", "kind"], how="left").reset_index(drop=True)
    first = {str(name): value for name, value in frame.iloc[0].items()} if len(frame) else None
    by_month = limited.groupby("month")["ratio"].max()
    return PeakAccumulation(
        value=float(frame["ratio"].iloc[0]) if len(frame) else None,
        largest=first,
        frame=frame,
        n=int(rows["places"].sum()),
        places_above=int(rows["places_above"].sum()),
        days_above=float(rows["days_above"].sum()),
        months=tuple((pd.Timestamp(str(month)).date(), float(ratio)) for month, ratio in by_month.items()),
        caveats=tuple(caveats),
    )


def _months(day: date) -> float:
    """Months since year 0, a day as its share of its own month."""
    follows = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return 12 * day.year + day.month + (day.day - 1) / (follows - day.replace(day=1)).days


def _nothing(why: str) -> EarnedPremium:
    return EarnedPremium(None, None, None, None, 0.0, 0, 0, (), (), 0, (why,))
