"""What moved, and is it news? The eight numbers an executive looks at, against the same months a year before.

Each number is that of its own page, by the same function, so that no two pages can differ. What is added here is the
comparison: by how much it moved, and how often chance alone would move it as far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import pandas as pd
from scipy import stats

from analysis.claim_measures import CLAIM_MEASURES
from analysis.claims import UltimateLossRatio, ultimate_loss_ratio
from analysis.containment import by_quarter, change_of, incident_clocks, mean_to_contain
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.estimated_measures import EstimatedMeasure
from analysis.estimates import Estimate
from analysis.exposure import earned_at_plan, earned_premium, largest_ratio, peak_accumulation
from analysis.filters import add_months
from analysis.intervals import Interval
from analysis.loss_frequency import loss_frequency, loss_months
from analysis.measures import significant
from analysis.portfolio_measures import LARGE_CLAIM, PORTFOLIO_MEASURES
from analysis.service_measures import SERVICE_MEASURES, ServiceMeasure
from analysis.signals import SIGNAL
from analysis.telemetry import service_values
from analysis.values import is_immature
from data.portfolio import View

News = Literal["better", "worse", "moved", "within chance", "not told"]
Target = Literal["meets", "misses", "none"]

KEYS = (
    "earned_premium",
    "ultimate_loss_ratio",
    "theft_loss_ratio",
    "claim_frequency",
    "protected_share",
    "time_to_contain",
    "peak_accumulation",
    "open_large_claims",
)


@dataclass(frozen=True)
class Headline:
    """One number of the Overview.

    Attributes
    ----------
    measure
        What it is; its target and unit stand there.
    value, interval
        None where it is not known: `lack` then says why.
    n, counted
        What it rests on: so many of what.
    before
        The same for the same months a year before; None where there is none.
    change
        Share of `before` (of shares and ratios: points of 0 to 1); money at one rate of exchange. None without both.
    chance
        How often chance alone makes a move as large, 0 to 1; None where that is no question or cannot be told.
    news
        Whether it moved for better or worse, or within chance.
    sentence
        That in words.
    months
        (first day of month or quarter, value), ascending, of the period.
    lack
        Why it is not known, and what to load.
    caveats
        Sentences without full stop.
    """

    measure: EstimatedMeasure | ServiceMeasure
    value: float | None
    interval: Interval | None
    n: float
    counted: str
    before: float | None = None
    change: float | None = None
    chance: float | None = None
    news: News = "not told"
    sentence: str = ""
    months: tuple[tuple[date, float], ...] = ()
    lack: str = ""
    caveats: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """Does the value meet its target?"""
        if self.value is None or self.measure.target is None:
            return "none"
        higher = self.measure.better == "higher"
        meets = self.value >= self.measure.target if higher else self.value <= self.measure.target
        return "meets" if meets else "misses"

    def words(self, *, currency: str) -> str:
        """The value as a person reads it."""
        if isinstance(self.measure, EstimatedMeasure):
            return self.measure.words(self.value, currency=currency)
        return self.measure.words(self.value)


@dataclass(frozen=True)
class OpenLarge:
    """Large losses that were open at the end of months: counts by day, and the claims open at the last of them."""

    at_ends: tuple[tuple[date, int], ...]
    frame: pd.DataFrame


def comparable(view: View, before: View | None, *, tables: Sequence[str], begins: Mapping[str, date]) -> View | None:
    """The view a year before, if these tables are known all through both periods; else None.

    A file that begins or ends within either changes figures by itself: that is no news of the risk.
    """
    if before is None:
        return None
    first, end = before.filters.first_month, view.filters.end
    last = add_months(end, -1) if end is not None else None
    for table in tables:
        starts, ends = begins.get(table), view.snapshot.data_date(table)
        if starts is not None and first is not None and first < starts:
            return None
        if ends is not None and last is not None and last > ends.replace(day=1):
            return None
    return before


def headlines(
    view: View,
    before: View | None,
    *,
    everything: View,
    begins: Mapping[str, date] | None = None,
) -> dict[str, Headline]:
    """What do the eight numbers come to, and did any move by more than chance?

    Parameters
    ----------
    before
        The same selection a year before; None where there is nothing to compare with.
    everything
        The same person's view without filters: what the portfolio holds at all.
    begins
        By table, the month from which it is more than scattered; nothing is compared with what lies before.
    """

    def then(*tables: str) -> View | None:
        return comparable(view, before, tables=tables, begins=begins or {})

    ratios = [None if one is None else _ratio(one, everything) for one in (view, then("claim"))]
    assert ratios[0] is not None
    found = [
        _premium(view, before),
        _loss_ratio("ultimate_loss_ratio", ratios[0], ratios[1]),
        _loss_ratio("theft_loss_ratio", ratios[0], ratios[1]),
        _frequency(view, then("claim", "shipment"), everything=everything),
        _protected(view, then("shipment", "ping")),
        _contain(view, then("incident"), everything=everything),
        _accumulation(view, then("shipment")),
        _open_large(view, everything=everything),
    ]
    return {one.measure.key: one for one in found}


def summary_words(found: Sequence[Headline]) -> str:
    """What changed, in one sentence: which numbers moved by more than chance, and how many miss their target."""
    known = [one for one in found if one.value is not None]
    if not known:
        return "None of the eight numbers can be told from what is loaded"
    worse = [one.measure.label.lower() for one in known if one.news == "worse"]
    better = [one.measure.label.lower() for one in known if one.news == "better"]
    missed = [one.measure.label.lower() for one in known if one.target == "misses"]
    judged = sum(one.news != "not told" for one in known)
    parts = []
    if worse:
        parts.append(f"worse than a year before: {_listed(worse)}")
    if better:
        parts.append(f"better: {_listed(better)}")
    if judged and not worse and not better:
        parts.append("no number moved by more than chance against a year before")
    elif judged:
        parts.append("the rest within chance")
    else:
        parts.append("nothing can be compared with a year before")
    aimed = sum(one.target != "none" for one in known)
    parts.append(f"{len(missed)} of {aimed} targets are missed" if missed else "no target is missed")
    if len(known) < len(found):
        parts.append(f"{len(found) - len(known)} of {len(found)} numbers are not known")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def chance_words(chance: float | None) -> str:
    """How often chance alone does so, in words.

    Examples
    --------
    >>> chance_words(0.0004), chance_words(0.03), chance_words(0.61)
    ('under 1 time in 1,000', '3 times in 100', '61 times in 100')
    """
    if chance is None:
        return "cannot be told"
    if chance < 0.001:
        return "under 1 time in 1,000"
    times, out_of = (round(1000 * chance), "1,000") if chance < 0.01 else (round(100 * chance), "100")
    return f"{times} {'time' if times == 1 else 'times'} in {out_of}"


def change_words(headline: Headline) -> str:
    """By how much it moved: "+3.1%", of shares and ratios in points; empty where there is nothing to compare with.

    Examples
    --------
    >>> measure = PORTFOLIO_MEASURES["earned_premium"]
    >>> change_words(Headline(measure, 103.0, None, 2, "policies", before=100.0, change=0.03))
    '+3%'
    """
    if headline.change is None:
        return ""
    points = isinstance(headline.measure, ServiceMeasure) or headline.measure.unit == "percent"
    size = significant(100 * abs(headline.change), 2)
    sign = "+" if headline.change > 0 else "\N{MINUS SIGN}" if headline.change < 0 else "±"
    return f"{sign}{size}{' pts' if points else '%'}"


def open_large_losses(view: View, *, ends: Iterable[date]) -> OpenLarge:
    """Which large losses were not closed at the end of these days?

    Give it a view without a period: a loss of years ago may be open still. A loss counts with what it stands at now;
    one that is not closed today, or was closed after the day, was open on it if it was reported by then.
    """
    rows = view.frame(
        f"""
        select
            s.claim_id, s.insured_id, s.carrier_id, s.lane_id, s.cause, s.status, s.outcome,
            s.event_base::double as loss_base,
            timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date as reported_on,
            case when s.is_over then
                timezone(getvariable('reporting_timezone'), timezone('UTC', c.closed_at))::date
            end as closed_on,
            s.is_over
        from claim_service as s
        join claim as c on s.claim_id = c.claim_id
        where s.is_loss and s.event_base >= {LARGE_CLAIM}
        order by loss_base desc, s.claim_id
        """
    )
    reported = pd.to_datetime(rows["reported_on"])
    closed = pd.to_datetime(rows["closed_on"])

    def is_open(day: date) -> pd.Series[bool]:
        then = pd.Timestamp(day)
        # Closed on a day that is not known: it is not taken for open.
        return (reported.isna() | (reported <= then)) & (~rows["is_over"].astype(bool) | (closed > then))

    days = list(ends)
    counted = tuple((day, int(is_open(day).sum())) for day in days)
    return OpenLarge(counted, rows[is_open(days[-1])].reset_index(drop=True) if days else rows.iloc[:0])


def _premium(view: View, before: View | None) -> Headline:
    measure = PORTFOLIO_MEASURES["earned_premium"]
    now, old = earned_premium(view), earned_at_plan(before) if before is not None else None
    if now.value is None:
        return _lacking(measure, "; ".join(now.caveats), counted="policies")
    change = None if not old or now.at_plan is None else now.at_plan / old - 1
    direction = "the same as" if change == 0 else "more than" if (change or 0) > 0 else "less than"
    return Headline(
        measure=measure,
        value=now.value,
        interval=None,
        n=now.n,
        counted="policies",
        before=old,
        change=change,
        news="not told" if change is None else _direction(change, better="higher"),
        sentence=_without(before)
        if change is None
        else f"Booked, not drawn by chance: {abs(change):.1%} {direction} a year before at one rate of exchange.",
        months=tuple((month, plan) for month, _, plan in now.months),
        caveats=now.caveats,
    )


def _ratio(view: View, everything: View) -> UltimateLossRatio | str:
    for table in ("policy", "claim"):
        if not everything.has(table):
            return f"not in the data: load {table}"
    return ultimate_loss_ratio(view)


def _loss_ratio(key: str, now: UltimateLossRatio | str, before: UltimateLossRatio | str | None) -> Headline:
    measure = CLAIM_MEASURES[key]
    if isinstance(now, str):
        return _lacking(measure, now, counted="losses")
    part, total = ("gross", "ultimate") if key == "ultimate_loss_ratio" else ("theft", "theft_ultimate")
    estimate: Estimate = getattr(now, part)
    if estimate.value is None:
        return _lacking(measure, now.lack or "; ".join(estimate.caveats), counted="losses")
    old: Estimate | None = getattr(before, part) if isinstance(before, UltimateLossRatio) else None
    by_month = now.parts.groupby("month")[[total, "earned"]].sum()
    return _estimated(
        measure,
        now=estimate,
        before=old,
        counted="losses",
        chance=None if old is None else change_of(estimate, old).p_value,
        months=tuple(
            (pd.Timestamp(str(month)).date(), float(loss / earned))
            for month, loss, earned in by_month.itertuples(name=None)
            if earned > 0
        ),
    )


def _frequency(view: View, before: View | None, *, everything: View) -> Headline:
    measure = CLAIM_MEASURES["claim_frequency"]
    if lacking := [table for table in ("claim", "shipment") if not everything.has(table)]:
        return _lacking(measure, f"not in the data: load {' and '.join(lacking)}", counted="losses")
    both = loss_months(_span(view, before))
    now, old_months = _halves(both, view, before)
    frequency, lack = _loss_rate(now)
    if frequency.value is None:
        return _lacking(measure, lack, counted="losses")
    old = _loss_rate(old_months)[0] if before is not None else None
    chance, note = None, ""
    known_to = view.snapshot.data_date("claim")
    sent = now[(now["shipments"] > 0) & now["month"].notna()]
    months = [pd.Timestamp(month).date() for month in sent["month"]]
    mature = [month for month in months if not is_immature(month, data_date=known_to)]
    if before is not None and old is not None and old.value is not None:
        counted = [_sums(now, mature), _sums(old_months, [add_months(month, -12) for month in mature])]
        chance = rate_chance(*counted[0], *counted[1])
        late = len(months) - len(mature)
        note = f" Tested without the last {late} months, still being reported." if late else ""
    found = _estimated(
        measure,
        now=frequency,
        before=old,
        counted="losses",
        chance=chance,
        months=tuple(
            (month, float(1000 * losses / shipments))
            for month, losses, shipments in zip(months, sent["shipped_losses"], sent["shipments"], strict=True)
            if month in mature
        ),
    )
    return replace(found, sentence=found.sentence + note)


def _span(view: View, before: View | None) -> View:
    """Both periods, and what lies between: one statement then tells of both."""
    if before is None:
        return view
    whole = replace(view.filters, first_month=before.filters.first_month)  # type: ignore[type-var]
    return view.snapshot.view(view.scope, whole)


def _halves(rows: pd.DataFrame, view: View, before: View | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows by month of a span: those of the period, and those of the period before."""
    first, end = view.filters.first_month, None if before is None else before.filters.end
    if first is None or end is None:
        return rows, rows.iloc[:0]
    month = pd.to_datetime(rows["month"])
    return rows[month >= pd.Timestamp(first)], rows[month < pd.Timestamp(end)]


def _loss_rate(months: pd.DataFrame) -> tuple[Estimate, str]:
    shipped = int(months["shipped_losses"].sum())
    return loss_frequency(int(months["losses"].sum()), shipped_losses=shipped, sent=float(months["shipments"].sum()))


def _sums(months: pd.DataFrame, chosen: Iterable[date]) -> tuple[float, float]:
    kept = months[pd.to_datetime(months["month"]).isin([pd.Timestamp(month) for month in chosen])]
    return float(kept["shipped_losses"].sum()), float(kept["shipments"].sum())


def rate_chance(count: float, exposure: float, other_count: float, other_exposure: float) -> float | None:
    """How often does chance alone set two rates as far apart? The exact conditional test of two Poisson counts.

    Examples
    --------
    >>> round(rate_chance(40, 1000.0, 20, 1000.0), 4)
    0.0135
    """
    both = round(count + other_count)
    if not both or exposure <= 0 or other_exposure <= 0:
        return None
    return float(stats.binomtest(round(count), both, exposure / (exposure + other_exposure)).pvalue)


def _protected(view: View, before: View | None) -> Headline:
    measure = SERVICE_MEASURES["protected_share"]
    now = service_values(view, measures=[measure])["protected_share"]
    if now.value is None:
        return _lacking(measure, "; ".join(now.caveats) or "no trips in this selection", counted=measure.counted)
    old = service_values(before, measures=[measure])["protected_share"] if before is not None else None
    estimates = [
        None
        if one is None
        else Estimate(
            one.value,
            one.interval,
            int(one.n),
            one.caveats,
            None if one.interval is None else (one.interval.high - one.interval.low) / (2 * 1.959964),
        )
        for one in (now, old)
    ]
    assert estimates[0] is not None
    return _estimated(
        measure,
        now=estimates[0],
        before=estimates[1],
        counted=measure.counted,
        chance=None if estimates[1] is None else change_of(estimates[0], estimates[1]).p_value,
        months=tuple((month, share) for month, share, due in now.months if due > 0),
    )


def _contain(view: View, before: View | None, *, everything: View) -> Headline:
    measure = CONTAINMENT_MEASURES["time_to_contain"]
    if not everything.has("incident"):
        return _lacking(measure, "not in the data: load incident", counted="incidents")
    both = incident_clocks(_span(view, before))
    clocks, clocks_before = (replace(both, frame=part) for part in _halves(both.frame, view, before))
    now = mean_to_contain(clocks)
    if now.value is None:
        # Too many clocks are not usable: the first caveat says so, and between what the mean lies.
        said = now.caveats[0] if now.bounds is not None else "; ".join(now.caveats)
        return _lacking(measure, said or "no own incident in this selection", counted="incidents")
    old = mean_to_contain(clocks_before) if before is not None else None
    known_to = view.snapshot.data_date("incident")
    quarters = by_quarter(clocks, known_to=None if known_to is None else pd.Timestamp(known_to))
    return _estimated(
        measure,
        now=now,
        before=old,
        counted="incidents",
        chance=None if old is None else change_of(now, old).p_value,
        months=tuple(
            (quarter, float(mean)) for quarter, mean in quarters[["quarter", "mean"]].itertuples(index=False, name=None)
        ),
    )


def _accumulation(view: View, before: View | None) -> Headline:
    measure = PORTFOLIO_MEASURES["peak_accumulation"]
    now = peak_accumulation(view)
    if now.value is None:
        return _lacking(measure, "; ".join(now.caveats), counted="conveyances and sites")
    old = largest_ratio(before) if before is not None else None
    above = "None was above its limit." if not now.places_above else f"{now.places_above:,} were above their limit."
    return Headline(
        measure=measure,
        value=now.value,
        interval=None,
        n=now.n,
        counted="conveyances and sites by month",
        before=old,
        change=None if old is None else now.value - old,
        news="not told",
        sentence=f"A largest value tells of one moment, not of a trend. {above}",
        months=now.months,
        caveats=now.caveats,
    )


def _open_large(view: View, *, everything: View) -> Headline:
    measure = PORTFOLIO_MEASURES["open_large_claims"]
    if not everything.has("claim"):
        return _lacking(measure, "not in the data: load claim", counted="losses")
    filters = view.filters
    known_to = view.snapshot.data_date("claim") or view.info.data_date
    if known_to is None:
        return _lacking(measure, "the date of the data is not known", counted="losses")
    last = min(known_to, filters.end - timedelta(days=1)) if filters.end is not None else known_to
    ends = [add_months(last.replace(day=1), -back) - timedelta(days=1) for back in range(12, -1, -1)]
    year_before = add_months(last.replace(day=1), -11) - timedelta(days=1)
    lasting = view.snapshot.view(view.scope, filters.without("period"))  # type: ignore[attr-defined]
    found = open_large_losses(lasting, ends=sorted({*ends, year_before, last}))
    counts = dict(found.at_ends)
    now, first = counts[last], lasting.rows("select min(month) from claim_service")[0][0]
    old = counts[year_before] if first is not None and first < year_before else None
    chance = None if old is None else rate_chance(now, 1.0, old, 1.0)
    return _estimated(
        measure,
        now=Estimate(float(now), None, now),
        before=None if old is None else Estimate(float(old), None, old),
        counted=f"losses open on {last:%-d %b %Y}",
        chance=chance if old is not None else None,
        months=tuple((day, float(count)) for day, count in found.at_ends),
    )


def _estimated(
    measure: EstimatedMeasure | ServiceMeasure,
    *,
    now: Estimate,
    before: Estimate | None,
    counted: str,
    chance: float | None,
    months: tuple[tuple[date, float], ...],
) -> Headline:
    assert now.value is not None
    old = before.value if before is not None else None
    shares = isinstance(measure, ServiceMeasure) or measure.unit == "percent"
    change: float | None = None
    if old is not None:
        change = now.value - old if shares else (now.value / old - 1 if old else None)
    moved = None if old is None else now.value - old
    news: News = "not told"
    if moved is not None and chance is not None:
        news = _direction(moved, better=measure.better) if chance < SIGNAL else "within chance"
    return Headline(
        measure=measure,
        value=now.value,
        interval=now.interval,
        n=now.n,
        counted=counted,
        before=old,
        change=change,
        chance=chance,
        news=news,
        sentence=_sentence(news, chance=chance, has_before=old is not None),
        months=months,
        caveats=now.caveats,
    )


def _direction(move: float, *, better: str) -> News:
    if move == 0:
        return "within chance"
    if better == "neutral":
        return "moved"
    return "better" if (move > 0) == (better == "higher") else "worse"


def _sentence(news: News, *, chance: float | None, has_before: bool) -> str:
    if not has_before:
        return "Nothing to compare with a year before."
    if chance is None:
        return "Too little data to tell a move from chance."
    said = chance_words(chance)
    if news == "within chance":
        doubt = "Not clear" if chance < 2 * SIGNAL else "No news"
        return f"{doubt}: chance alone moves it as far {said}."
    return f"{'Better' if news == 'better' else 'Worse' if news == 'worse' else 'Moved'}: chance alone does so {said}."


def _without(before: View | None) -> str:
    return "Nothing to compare with a year before." if before is None else "Not known a year before."


def _lacking(measure: EstimatedMeasure | ServiceMeasure, lack: str, *, counted: str) -> Headline:
    return Headline(measure=measure, value=None, interval=None, n=0, counted=counted, lack=lack)
