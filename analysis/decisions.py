"""What needs a decision this week? The few things that cost most if nobody acts, each with its reason and its link.

Found in what the portfolio says on the data's date: incidents still running, legal clocks, limits exceeded, places and
accounts that stand out, carriers whose telemetry fell, cover that ended, recommendations overdue, feeds that are late.
They are ranked by how soon (now, this week, soon), then by the money at stake, and no kind takes more than two of the
places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from analysis.dark_signals import dark_at_loss
from analysis.exposure import peak_accumulation
from analysis.filters import add_months, month_of
from analysis.measures import magnitude, significant
from analysis.portfolio_measures import REFERRED_SHARE
from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import falling_units
from analysis.verdicts import opening_level, ranked_verdicts
from data.portfolio import View

Names = Mapping[str, str]

#: How soon, by rank.
WHEN = ("now", "this week", "soon")
MOST, MOST_OF_A_KIND = 5, 2
#: A legal clock that ends within so many days is due; a policy is to be renewed this long before it ends.
DUE_DAYS, RENEWAL_DAYS = 7, 30
#: A feed this many days behind the newest is late; a policy that ended longer ago was not forgotten, but left.
LATE_DAYS, FORGOTTEN_DAYS = 31, 90
#: A fall of telemetry is to be decided on for so many months after it began; then it is how things are.
FALLEN_MONTHS = 12


@dataclass(frozen=True)
class Decision:
    """One thing to decide.

    Attributes
    ----------
    kind
        What sort of thing: "open incident", "legal clock", ...
    title
        What to decide, in a few words.
    reason
        Why, with the figures.
    rank
        0 now, 1 this week, 2 soon.
    money
        At stake, base currency; None where it is not known.
    page, query
        Where it is seen, and what is chosen there, in the words of the analysis: dimensions of `Filters`, `from` and
        `to` (months as "2024-03"), and `incident`, `trip`, `claims`, `subject`, `level`, `place`, `measure`,
        `by_carrier`, `dark_by`. pages/shared/decision_links.py makes a link of it.
    """

    kind: str
    title: str
    reason: str
    rank: int
    money: float | None
    page: str
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def when(self) -> str:
        """How soon, in words."""
        return WHEN[self.rank]


def decisions(view: View, *, pages: Collection[str], currency: str) -> tuple[Decision, ...]:
    """What needs a decision, the most pressing first? All that is found; `first_five` picks.

    Parameters
    ----------
    view
        Of this person and their filters, without a period: what is open is open, whenever it began.
    pages
        Names in links of the pages that there are; a thing whose page is missing is shown on the Overview itself.
    currency
        Base currency, for the words.
    """
    known_to = view.info.data_date
    if known_to is None:
        return ()
    finders: tuple[tuple[Callable[..., list[Decision]], tuple[str, ...]], ...] = (
        (_open_incidents, ("incident",)),
        (_legal_clocks, ("claim", "legal_clock")),
        (_accumulations, ("shipment", "policy")),
        (_hotspots, ("incident", "shipment")),
        (_dark, ("incident", "ping", "device_assignment")),
        (_fallen, ("shipment", "ping", "device_assignment")),
        (_renewals, ("policy",)),
        (_recommendations, ("recommendation",)),
        (_feeds, ()),
    )
    names = dict(view.rows("select insured_id, coalesce(name, insured_id) from insured"))
    found: list[Decision] = []
    for find, tables in finders:
        if all(view.has(table) for table in tables):
            found += find(view, known_to=known_to, currency=currency, names=names)
    shown = [one if one.page in pages else Decision(**{**one.__dict__, "page": "overview"}) for one in found]
    return tuple(sorted(shown, key=lambda one: (one.rank, -(one.money or 0.0), one.kind, one.title)))


def first_five(found: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """The first five, of which no kind takes more than two."""
    kept: list[Decision] = []
    for one in found:
        if sum(other.kind == one.kind for other in kept) < MOST_OF_A_KIND:
            kept.append(one)
    return tuple(kept[:MOST])


def _open_incidents(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    rows = view.rows(
        """
        select incident_id, insured_id, category, clock_minutes / 60.0 as hours,
            loss_base::double, month, max(month) over ()
        from incident_clock
        where source = 'own' and is_open
        order by clock_minutes desc nulls last, incident_id
        """
    )
    found = []
    for incident_id, insured_id, category, hours, loss, month, last in rows:
        aged = "with no clock" if hours is None else f"not contained for {significant(hours, 2)} h"
        found.append(
            Decision(
                "open incident",
                f"Contain {category or 'incident'} {incident_id}",
                f"{_name(names, insured_id)}, {aged}; the target is 1 h",
                0,
                loss,
                "containment",
                _query(incident=incident_id, insured=insured_id) | _between(month, last),
            )
        )
    return found


def _legal_clocks(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    rows = view.rows(
        """
        with
        steps as (
            select claim_id, insured_id, reported_month, gross_base, claimed_base, 'decide' as step,
                decide_limit - followed_days as left_days
            from claim_service
            where outcome = 'open' and decide_state = 'pending' and decide_limit is not null
            union all
            select claim_id, insured_id, reported_month, gross_base, claimed_base, 'acknowledge',
                acknowledge_limit - followed_days
            from claim_service
            where outcome = 'open' and acknowledge_state = 'pending' and acknowledge_limit is not null
        ),
        due as (
            select *, left_days < 0 as is_over from steps where left_days <= $due
        ),
        final as (
            select is_over, count(distinct claim_id) as claims,
                sum(coalesce(claimed_base, gross_base))::double as money, min(left_days) as worst,
                any_value(insured_id) as insured_id, count(distinct insured_id) as insureds,
                mode(step) as step, min(reported_month) as first, max(reported_month) as last
            from due
            group by is_over
        )
        select * from final order by is_over desc
        """,
        {"due": DUE_DAYS},
    )
    found = []
    for is_over, claims, money, worst, insured_id, insureds, step, first, last in rows:
        many = "claim" if claims == 1 else "claims"
        whose = _name(names, insured_id) if insureds == 1 else f"{insureds} accounts"
        title = (
            f"Answer {claims} {many} past the legal deadline"
            if is_over
            else f"Answer {claims} {many} due within {DUE_DAYS} days"
        )
        late = f"the latest {-worst} days over" if is_over else f"the first in {worst} days"
        found.append(
            Decision(
                "legal clock",
                title,
                f"{whose}; mostly to {step}, {late}",
                0,
                money,
                "claims",
                {"claims": "overdue" if is_over else "open", "subject": "Legal clocks"}
                | (_query(insured=insured_id) if insureds == 1 else {})
                | _between(first, last),
            )
        )
    return found


def _accumulations(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:
    month = month_of(known_to)
    period = replace(view.filters, first_month=add_months(month, -1), last_month=month)  # type: ignore[type-var]
    recent = view.snapshot.view(view.scope, period)
    peaks = peak_accumulation(recent).frame
    # The value of a conveyance is told by its trip, or by the shipment alone; only a trip has a timeline.
    tracked = view.has("ping") and view.has("device_assignment")
    trips = (
        {str(trip) for (trip,) in recent.rows("select trip_id from trip")} if tracked and view.has("trip") else set()
    )
    found = []
    for row in peaks[peaks["ratio"] > REFERRED_SHARE].itertuples(index=False):
        over = float(str(row.peak_base)) - float(str(row.limit_base))
        where = {"conveyance": "on one conveyance", "site": "at one site", "5 km": "within 5 km"}[str(row.kind)]
        against = "over" if over > 0 else "close to"
        found.append(
            Decision(
                "accumulation",
                f"Refer {_name(names, row.insured_id)}: value {against} its limit",
                f"{significant(100 * float(str(row.ratio)), 3)}% of the limit {where} on"
                f" {pd.Timestamp(str(row.reached_at)):%-d %b %Y}"
                + (f": {currency} {magnitude(over)} uninsured" if over > 0 else ""),
                1,
                max(over, 0.0),
                *_where_stored(row, trips),
            )
        )
    return found


def _where_stored(row: Any, trips: Collection[str]) -> tuple[str, dict[str, str]]:
    """Where too much value in one place is looked at: the trip's timeline, or the account's own figures."""
    month = _between(row.month, row.month)
    if row.kind == "conveyance" and str(row.place_id) in trips:
        return "telemetry", _query(trip=row.place_id, insured=row.insured_id) | month
    return "overview", _query(insured=row.insured_id) | month


def _hotspots(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    ranked = ranked_verdicts(view, level=opening_level(view))
    found = []
    for row in ranked.frame[ranked.frame["verdict"] == "hotspot"].head(MOST_OF_A_KIND).itertuples(index=False):
        months = ranked.span.months if ranked.span else 0
        excess = _number(row.excess_loss)
        times = significant(float(str(row.ratio)), 2)
        yearly = excess * 12 / months if excess is not None and months else None
        said = f", about {currency} {magnitude(yearly)} a year above it" if yearly else ""
        found.append(
            Decision(
                "hotspot",
                f"Buy control for {row.label}",
                f"Verdict hotspot: {times} times the thefts expected of its traffic{said}",
                1,
                yearly,
                "hotspots",
                {"level": ranked.level, "place": str(row.place)},
            )
        )
    return found


def _dark(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    signals = dark_at_loss(view, by="insured")
    robbed = pd.to_datetime(signals.rows["occurred_at"])
    months = _between(robbed.min(), robbed.max())
    return [
        Decision(
            "dark at loss",
            f"Ask {row.label} why devices were dark at thefts",
            f"{row.dark} of {row.thefts} thefts of tracked goods, {float(str(row.expected)):.1f} expected",
            1,
            None,
            "telemetry",
            _query(insured=row.key) | {"dark_by": "insured"} | months,
        )
        for row in signals.frame[signals.frame["referral"].astype(bool)].itertuples(index=False)
    ]


def _fallen(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    """Carriers whose devices report less than they did: a fleet that went dark, whatever its level was before."""
    measure = SERVICE_MEASURES["uptime"]
    recently = add_months(month_of(known_to), -FALLEN_MONTHS)
    return [
        Decision(
            "telemetry fell",
            f"Ask {one.label} why its devices went silent",
            f"Uptime fell from {measure.words(one.before)} to {measure.words(one.after)} in {one.month:%b %Y} for good",
            1,
            None,
            "telemetry",
            {"measure": "uptime", "by_carrier": one.key},
        )
        for one in falling_units(view, measure=measure, unit="carrier")
        if one.after < one.before and one.month >= recently
    ]


def _renewals(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:
    rows = view.rows(
        """
        with
        premiums as (
            select policy_id, max(term_premium * earned_plan / nullif(earned_premium, 0)) as plan
            from premium_month
            group by policy_id
        ),
        final as (
            select p.insured_id, max(p.expiry_date) as ends_on, arg_max(m.plan, p.expiry_date) as premium
            from policy as p
            join premiums as m on p.policy_id = m.policy_id
            group by p.insured_id
            having max(p.expiry_date) between $known_to - $forgotten and $known_to + $ahead
        )
        select * from final order by all
        """,
        {"known_to": known_to, "forgotten": FORGOTTEN_DAYS, "ahead": RENEWAL_DAYS},
    )
    found = []
    for insured_id, ends_on, premium in rows:
        days = (ends_on - known_to).days
        ended = (
            f"cover ended {-days} days ago and no renewal is loaded"
            if days <= 0
            else f"cover ends in {days} {'day' if days == 1 else 'days'}"
        )
        found.append(
            Decision(
                "renewal",
                f"Renew or release {_name(names, insured_id)}",
                f"{ended}; its premium is {currency} {magnitude(premium)}" if premium else ended,
                1 if days <= DUE_DAYS else 2,
                premium,
                "claims",
                _query(insured=insured_id) | {"subject": "Insureds"},
            )
        )
    return found


def _recommendations(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    rows = view.rows(
        """
        select insured_id, site_id, text, $known_to - due_on as late_days
        from recommendation
        where class = 'critical' and closed_on is null and due_on < $known_to
        order by late_days desc, insured_id
        """,
        {"known_to": known_to},
    )
    return [
        Decision(
            "recommendation",
            f"Chase {_name(names, insured_id)}: critical recommendation open",
            f"“{text}”, {days} days overdue",
            2,
            None,
            "hotspots",
            _query(insured=insured_id) | ({"level": "site", "place": site_id} if site_id else {}),
        )
        for insured_id, site_id, text, days in rows
    ]


def _feeds(view: View, *, known_to: date, currency: str, names: Names) -> list[Decision]:  # noqa: ARG001
    rows = view.rows(
        "select name, as_of from feed where as_of < $known_to - $late order by as_of, name",
        {
            "known_to": known_to,
            "late": LATE_DAYS,
        },
    )
    return [
        Decision(
            "data",
            f"Get newer data of {name}",
            f"as of {as_of:%-d %b %Y}, {(known_to - as_of).days} days behind the newest feed",
            2,
            None,
            "data",
        )
        for name, as_of in rows
    ]


def _name(names: Names, insured_id: object) -> str:
    return names.get(insured_id, insured_id) if isinstance(insured_id, str) else "Account not known"


def _between(first: object, last: object) -> dict[str, str]:
    """The period of a link: these months and all between."""
    if pd.isna(first) or pd.isna(last):  # type: ignore[call-overload]
        return {}
    return {"from": f"{first:%Y-%m}", "to": f"{last:%Y-%m}"}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


def _query(**given: object) -> dict[str, str]:
    return {name: value for name, value in given.items() if isinstance(value, str) and value}
