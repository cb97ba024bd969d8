"""Why does a place have its verdict: its thefts by month against what was expected, by hour, and by kind?

The thefts are those that the verdict counts, over its fixed window; a filter or a scope cuts which of them are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from analysis.adjusted_verdicts import excess_range
from analysis.counted import EXPOSED, LOST
from analysis.filters import add_months
from analysis.hotspots import Breakdown, HoursOfWeek
from analysis.measures import MEASURES, magnitude, significant
from analysis.reporting_lag import LagCurve
from analysis.verdicts import (
    HOTSPOT_RATIO,
    LEVEL_NAMES,
    PRIOR,
    UNIT_NAMES,
    Level,
    RankedVerdicts,
    Span,
    excess_words,
)
from analysis.words import due_words, theft_words
from data.portfolio import View

Mix = Literal["category", "commodity"]
MIXES: tuple[Mix, ...] = get_args(Mix)
#: Own-data weight from which a place has enough data (analysis.models.Assumptions).
ENOUGH_WEIGHT = 0.25
#: Below this many thefts no kind and no month is named as the leading one.
FEW = 10
_MOST_KINDS = 6

#: What is counted: own thefts of the window with exposure behind them.
THEFTS = replace(
    MEASURES["own_thefts"],
    key="counted_thefts",
    label="Thefts",
    section="Hotspots",
    definition="Own thefts that the verdicts count: in the fixed window, of at least the threshold or of unknown "
    "value, with exposure of their insured at their place.",
)

_COUNTED = """
with
lost as ({lost}),
final as (
    select p.place_id as place, p.segment, p.incident_id, p.month, i.weekday, i.hour, i.category, p.commodity
    from lost as p
    left join incident_fact as i on p.incident_id = i.incident_id
    where exists (
        select 1
        from hotspot_share as s
        where s.level = $level and s.place_id = p.place_id and s.segment = p.segment
    )
)
select * from final order by month, incident_id
"""
_DUE = """
with
exposed as ({exposed}),
final as (
    select e.month, sum(e.units * r.rate) as due
    from exposed as e
    join class_rate as r
        on r.level = $level and e.segment = r.segment and date_trunc('quarter', e.month)::date = r.quarter
        and e.mode is not distinct from r.mode and e.commodity is not distinct from r.commodity
    where list_contains($places::varchar[], e.place_id)
    group by e.month
)
select * from final order by month
"""


@dataclass(frozen=True)
class MonthsAgainstExpected:
    """Thefts of some places by month of the window, beside those expected.

    ``expected`` is None for a person who may not see the rates of the whole book.
    """

    months: tuple[date, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...] | None


@dataclass(frozen=True)
class KindMix:
    """Thefts of some places by kind, and the share of each kind among the thefts of all places.

    Attributes
    ----------
    divided
        The kinds of these places, the largest first.
    everywhere
        For each row of ``divided``: the share, 0 to 1, that its kind has among all ``of_all`` thefts whose kind is
        known.
    n, of_all
        Thefts of known kind here, and everywhere.
    """

    divided: Breakdown
    everywhere: tuple[float, ...]
    n: int
    of_all: int


def counted_thefts(view: View, *, level: Level) -> pd.DataFrame:
    """Which thefts do the verdicts of a level count, and where?

    Parameters
    ----------
    view
        A period on it would cut the window: give it none.

    Returns
    -------
    DataFrame
        One row a theft: ``place``, ``segment``, ``incident_id``, ``month``, ``weekday`` (1 Monday to 7 Sunday) and
        ``hour`` on the clock of the place, ``category``, ``commodity``; what is not given is missing.
    """
    return view.frame(_COUNTED.format(lost=LOST[level]), {"level": level})


def months_against_expected(
    view: View, *, level: Level, places: Sequence[str], thefts: pd.DataFrame
) -> MonthsAgainstExpected | None:
    """How do the thefts of these places run from month to month, against what their exposure made one expect?

    Expected = sum of units x class rate x share reported by now, month by month: the same sum as that of the verdict.

    Parameters
    ----------
    thefts
        Those of these places, as of :func:`counted_thefts`.

    Returns
    -------
    MonthsAgainstExpected or None
        None where nothing is fitted.
    """
    rows = view.rows("select first_month, end_month, reported_to from fit_window")
    if not rows:
        return None
    first, end, reported_to = rows[0]
    months = [first]
    while add_months(months[-1], 1) < end:
        months.append(add_months(months[-1], 1))
    counts = pd.to_datetime(thefts["month"]).dt.date.value_counts()
    observed = tuple(int(counts.get(month, 0)) for month in months)
    due = dict(view.rows(_DUE.format(exposed=EXPOSED[level]), {"level": level, "places": list(places)}))
    # For who sees the rates, no row means that nothing was exposed, so that nothing was expected.
    if not due and view.scope.insureds is not None:
        return MonthsAgainstExpected(tuple(months), observed, None)
    curve = _curve(view)
    shares = [curve.share_of_month(month, reported_to=reported_to) for month in months]
    expected = tuple(float(due.get(month) or 0.0) * share for month, share in zip(months, shares, strict=True))
    return MonthsAgainstExpected(tuple(months), observed, expected)


def under_assumption(
    months: MonthsAgainstExpected, *, ranked: RankedVerdicts, places: Sequence[str]
) -> MonthsAgainstExpected:
    """What reports were expected of these places by month, with their deductibles? As given for reported rates.

    Scaled so that they add up to what the ranking expects.
    """
    if ranked.reporting is None or months.expected is None or not sum(months.expected):
        return months
    due = float(ranked.frame.loc[ranked.frame["place"].isin(list(places)), "expected"].sum())
    share = due / sum(months.expected)
    return replace(months, expected=tuple(share * amount for amount in months.expected))


def week_of_thefts(thefts: pd.DataFrame) -> HoursOfWeek:
    """At which hours of the week, in the places' own time, did these thefts happen?"""
    timed = thefts.dropna(subset=["weekday", "hour"])
    counts = timed.groupby(["weekday", "hour"]).size().to_dict()
    frame = pd.DataFrame(
        [(day, hour, float(counts.get((day, hour), 0))) for day in range(1, 8) for hour in range(24)],
        columns=["weekday", "hour", "value"],
    )
    return HoursOfWeek(frame=frame, measure=THEFTS, n=len(timed), of=len(thefts))


def kind_mix(thefts: pd.DataFrame, *, everywhere: pd.DataFrame, by: Mix) -> KindMix:
    """Of which kind are these thefts, against those of all places?

    Parameters
    ----------
    thefts, everywhere
        Of some places and of all, as of :func:`counted_thefts`.
    """
    here, book = thefts[by].dropna(), everywhere[by].dropna()
    counts = here.value_counts().rename_axis("key").reset_index(name="value")
    frame = counts.sort_values(["value", "key"], ascending=[False, True]).head(_MOST_KINDS).reset_index(drop=True)
    frame = frame.assign(
        label=frame["key"],
        value=frame["value"].astype(float),
        share=frame["value"] / max(len(here), 1),
        n=frame["value"],
    )
    known = book.value_counts(normalize=True)
    return KindMix(
        divided=Breakdown(
            frame=frame, by=by, measure=THEFTS, total=float(len(thefts)), not_given=float(len(thefts) - len(here))
        ),
        everywhere=tuple(float(known.get(key, 0.0)) for key in frame["key"]),
        n=len(here),
        of_all=len(book),
    )


def evidence_places(ranked: RankedVerdicts, *, picked: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Whose evidence is shown: the picked places; else the hotspots together, the watch list, or all places?

    Returns
    -------
    tuple of str, str
        Ids of places, each once, and what they are called together.
    """
    many = LEVEL_NAMES[ranked.level][1]
    frame = ranked.frame
    found = frame[frame["place"].isin(list(picked))]
    if len(found):
        places = tuple(found["place"].unique())
        name = str(found["label"].iloc[0]) if len(places) == 1 else f"The {len(places):,} chosen {many} together"
        return places, name
    for verdict, words in (("hotspot", "hotspots"), ("watch", f"watched {many}")):
        standing = frame[frame["verdict"] == verdict]
        places = tuple(standing["place"].unique())
        if places:
            name = str(standing["label"].iloc[0]) if len(places) == 1 else f"The {len(places):,} {words} together"
            return places, name
    return tuple(frame["place"].unique()), f"All {many} together"


def reason(ranked: RankedVerdicts, *, places: Sequence[str], currency: str) -> str:
    """Why does a place have its verdict, or how do several stand together? In plain words, without full stop."""
    rows = ranked.frame[ranked.frame["place"].isin(list(places))]
    if rows.empty:
        return ""
    if rows["place"].nunique() > 1:
        return _together(rows, ranked, currency=currency)
    first, *others = rows.to_dict("records")
    told = _reason(first, ranked, currency=currency)
    if not others:
        return told
    # A place of several segments is judged in each: the first is the one with most excess.
    apart = [_other_segment(row) for row in others]
    return f"{str(first['segment']).capitalize()}: {told}. {'. '.join(apart)}"


def _other_segment(row: dict[Any, Any]) -> str:
    """A further segment of the same place, in few words."""
    counted = f"{str(row['segment']).capitalize()}: {theft_words(int(row['observed']))}"
    if row["basis"]:
        return f"{counted} of your own, without a verdict shown to you"
    return f"{counted} where {due_words(float(row['expected']))}, {row['verdict']}"


def _reason(row: dict[Any, Any], ranked: RankedVerdicts, *, currency: str) -> str:
    """The reason of one row of the ranking."""
    one, many = LEVEL_NAMES[ranked.level]
    observed = theft_words(int(row["observed"]))
    units = f"{significant(float(row['units']))} {UNIT_NAMES.get(row['segment'], 'units')}"
    if row["basis"]:
        return (
            f"{observed} of your own over {units}; the book's verdict is not shown, as fewer than 5 insureds share "
            f"this {one} or one or two of them have most of it. What stands in the table is no verdict but the "
            f"{PRIOR}: 95% of all {many} lie below {times(float(row['high']))} times the book's rate"
        )
    counted = f"{observed} where {due_words(float(row['expected']))} of its {units} at the book's rate"
    weight = percent(float(row["weight"]))
    if row["verdict"] == "not enough data":
        return (
            f"{counted}: too few expected to tell good from bad. Its own record would make up {weight} of an estimate; "
            f"a verdict takes {ENOUGH_WEIGHT:.0%}"
            + (", and an all-clear half a theft expected" if float(row["weight"]) >= ENOUGH_WEIGHT else "")
        )
    sure = percent(float(row["probability"]))
    above = f"above {HOTSPOT_RATIO:g} times that rate{' as published' if ranked.reporting else ''}"
    judged = {
        "hotspot": f"{sure} sure it is {above}",
        "watch": f"only {sure} sure it is {above}: more likely than not, but too unsure to call it a hotspot",
    }.get(row["verdict"], f"{sure} likely to be {above}: too unlikely to be watched")
    adjusted = "adjusted " if ranked.reporting else ""
    estimate = (
        f"{adjusted}best estimate, allowing for chance, {times(float(row['ratio']))} times (90% sure: "
        f"{times(float(row['low']))} to {times(float(row['high']))})"
    )
    rests = f"{weight} of the estimate rests on its own record"
    money = excess_words(float(row["excess_loss"]), ranked.span, currency=currency).removeprefix(", ")
    found = excess_range(row, reporting=ranked.reporting)
    if money and found is not None:
        money = f"{money} (90% sure: {range_words(found, ranked.span)})"
    return "; ".join(part for part in (counted, judged, estimate, rests, money) if part)


def range_words(ends: tuple[float, float], span: Span | None) -> str:
    """The ends of an excess in words, over the time that `analysis.verdicts.excess_words` gives it for.

    Examples
    --------
    >>> range_words((-29_400.0, 1_310_000.0), None)
    '29.4k below to 1.31M above'
    """
    years = span.months / 12 if span is not None and span.is_whole and span.months >= 12 else 1.0
    low, high = (end / years for end in ends)
    return f"{magnitude(abs(low))}{' below' if low < 0 else ''} to {magnitude(high)}{' above' if low < 0 else ''}"


def _together(rows: pd.DataFrame, ranked: RankedVerdicts, *, currency: str) -> str:
    """How several places stand together: added up, never judged as one."""
    _, many = LEVEL_NAMES[ranked.level]
    told = rows[rows["basis"] == ""]
    if told.empty:
        return (
            f"{theft_words(int(rows['observed'].sum()))} of your own; none of these {many} has a verdict shown to you"
        )
    counted = f"{theft_words(int(told['observed'].sum()))} where {due_words(float(told['expected'].sum()))}"
    # What lies below expectation counts against what lies above, as it does in the counts; one unknown hides the sum.
    loss = float(told["excess_loss"].sum(skipna=False))
    money = excess_words(loss, ranked.span, currency=currency).removeprefix(", ")
    left = len(rows) - len(told)
    without = f"{left:,} of them without a verdict shown to you are not in it" if left else ""
    return "; ".join(part for part in (counted, money, without) if part)


def percent(share: float) -> str:
    """A share as a person reads a certainty: never 0% or 100% of what is only very unlikely or very sure.

    Examples
    --------
    >>> percent(0.9966), percent(0.99999), percent(0.0001), percent(0.72)
    ('99.7%', 'over 99.9%', 'under 0.1%', '72%')
    """
    if share > 0.9995:
        return "over 99.9%"
    if share < 0.0005:
        return "under 0.1%"
    return f"{significant(100 * share, 3 if share > 0.99 else 2)}%"


def times(ratio: float) -> str:
    """A ratio with two digits; what is next to nothing is said so.

    Examples
    --------
    >>> times(2.41), times(1.3e-09)
    ('2.4', 'under 0.01')
    """
    return significant(ratio, 2) if ratio >= 0.01 else "under 0.01"


def _curve(view: View) -> LagCurve:
    found = view.frame("select lag_days, share, at_risk, events from reporting_lag order by lag_days")
    return LagCurve(
        days=found["lag_days"].to_numpy(dtype=np.int64),
        share=found["share"].to_numpy(dtype=np.float64),
        at_risk=found["at_risk"].to_numpy(dtype=np.int64),
        events=found["events"].to_numpy(dtype=np.int64),
    )
