"""How fast is theft contained? Clocks of own incidents, and the curve of those contained over time.

Rests on the mart of clocks (data/marts/incident_clock.sql): one row an incident, in the month of its report. What the
clock cannot tell of an incident is counted and listed, never dropped in silence.

An incident known to be contained, but not when, is in no curve, while one never contained is: left out alone, it would
make containment look slower than it is, by as much as nobody knows. Every estimate therefore holds both extremes, all
such incidents contained at once and none within the horizon (Manski 2003, Partial Identification of Probability
Distributions, chapter 1); where they are more than 5% no value is told, only what it lies between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from analysis.containment_measures import CONTAINMENT_MEASURES, HORIZON_MINUTES, SHORT_MINUTES, TARGET_MINUTES
from analysis.durations import Durations, durations_until
from analysis.estimates import Estimate
from analysis.incidence import CumulativeIncidence, cumulative_incidence
from analysis.intervals import Interval
from analysis.signals import SIGNAL
from analysis.survival import SurvivalCurve, compare_groups, kaplan_meier
from data.portfolio import View

Among = Literal["all", "thefts", "attempts"]
CONTAINED, NOT_CONTAINED = "contained", "closed not contained"
#: Fewer incidents than this give no trend and no verdict.
LEAST_CASES = 5
#: A quarter that ends within so many days of the data's date is immature.
IMMATURE_DAYS = 60
#: With a greater share than this whose time to containment is not known, no value and no verdict is told.
MOST_UNCLEAR = 0.05
_NOT_BEGUN = "noticed after the data's date"
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Clocks:
    """Own incidents of a view and their clocks.

    Attributes
    ----------
    frame
        One row an incident, as `incident_clock`: ids, `month` (of report), moments in UTC, `end_kind`, `is_open`,
        `clock_minutes` (from the earlier of alarm and detection to the end, or to the data's date where open),
        `clock_fault` (why it is in no curve; None: it is in them), `has_control`, `notice_hours`, `loss_base`.
    among
        Which of them: all, thefts or attempts.
    """

    frame: pd.DataFrame
    among: Among

    @property
    def n(self) -> int:
        """Incidents."""
        return len(self.frame)

    @cached_property
    def timed(self) -> pd.DataFrame:
        """Those in the curves: their clock can be told, or they were never contained."""
        return self.frame[self.frame["clock_fault"].isna()]

    @cached_property
    def faulty(self) -> pd.DataFrame:
        """Those in no curve, each with its reason in `clock_fault`."""
        return self.frame[self.frame["clock_fault"].notna()]

    @cached_property
    def unclear(self) -> pd.DataFrame:
        """Those of the faulty that had begun by the data's date: contained at once, for all we know, or never."""
        return self.faulty[self.faulty["clock_fault"] != _NOT_BEGUN]

    @property
    def is_unclear(self) -> bool:
        """Whether so many are unclear that no value and no verdict can be told."""
        return is_unclear(len(self.unclear), timed=len(self.timed))

    def unclear_words(self) -> str:
        """How many are unclear: a sentence without its full stop."""
        held = int((self.unclear["end_kind"] == CONTAINED).sum())
        other = len(self.unclear) - held
        total = len(self.timed) + len(self.unclear)
        said = [f"{held:,} of {total:,} contained without a usable time"] if held or not other else []
        if other:
            said.append(f"{other:,} of {total:,} without a usable beginning or a word on how they ended")
        return ", ".join(said)

    @property
    def is_told(self) -> bool:
        """Whether any of them says when, or that it was not, contained; else a curve would say that none ever is."""
        return bool(self.frame["end_kind"].notna().any() or self.frame["status"].notna().any())

    @cached_property
    def durations(self) -> Durations:
        """How long each of `timed` ran, to the horizon of a day: what every picture of a page begins with."""
        return _durations(self, horizon_minutes=HORIZON_MINUTES)

    def __getstate__(self) -> dict[str, object]:
        """What is kept in a cache: what follows from the incidents is told again."""
        return {"frame": self.frame, "among": self.among}

    def only(self, kept: pd.Series[bool]) -> Clocks:
        """These incidents alone."""
        return Clocks(self.frame[kept], self.among)


@dataclass(frozen=True)
class Containment:
    """How fast the incidents of a view are contained.

    Attributes
    ----------
    n
        Incidents, those without a usable clock included.
    contained, not_contained, still_open, without_clock
        Of these: contained, closed not contained, open, and in no curve. They add up to n.
    mean
        Restricted mean to 24 hours, minutes.
    median
        Minutes; without a value where fewer than half are contained.
    within_60, within_30
        Shares of 0 to 1.
    curve
        Kaplan-Meier of the timed ones, to the horizon.
    lack
        Why no value can be told, as too many are unclear; empty where it can.
    extremes
        (label, curve): every unclear incident contained at once, and none within the horizon; empty without any.
    """

    n: int
    contained: int
    not_contained: int
    still_open: int
    without_clock: int
    mean: Estimate
    median: Estimate
    within_60: Estimate
    within_30: Estimate
    curve: SurvivalCurve
    lack: str
    extremes: tuple[tuple[str, SurvivalCurve], ...]


@dataclass(frozen=True)
class Change:
    """Whether a number moved between two periods by more than chance.

    Attributes
    ----------
    difference
        Now less before; None where either is not known.
    p_value
        Chance of so great a difference if nothing had changed; None where it cannot be told.
    """

    difference: float | None
    p_value: float | None

    @property
    def is_signal(self) -> bool:
        """Whether chance alone would do so in fewer cases than the one rule of all pages (analysis/signals.py)."""
        return self.p_value is not None and self.p_value < SIGNAL

    def words(self) -> str:
        """Signal or noise, in words."""
        if self.p_value is None:
            return "cannot be compared"
        return "more than chance" if self.is_signal else "within chance"


def incident_clocks(view: View, *, among: Among = "all") -> Clocks:
    """Which own incidents were reported in this view, and how did each run? Months are those of report."""
    frame = view.frame(
        "select * from incident_clock where source = 'own' and ($among = 'all' or is_attempt = ($among = 'attempts'))"
        " order by reported_at, incident_id",
        {"among": among},
    )
    return clocks_of(frame, among=among)


def clocks_of(frame: pd.DataFrame, *, among: Among = "all") -> Clocks:
    """Rows of `incident_clock` as clocks: numbers as numbers, and what is not known as None."""
    for name in ("clock_minutes", "occurred_to_contained_minutes", "notice_hours", "loss_base"):
        frame[name] = frame[name].astype("float64")
    for name in ("end_kind", "clock_fault"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return Clocks(frame, among)


def has_own_incidents(view: View) -> bool:
    """Does this view hold any own incident? Those of carriers and of the market have no clock of an insured."""
    return bool(view.rows("select 1 from incident_clock where source = 'own' limit 1"))


def containment_durations(clocks: Clocks, *, horizon_minutes: float = HORIZON_MINUTES) -> Durations:
    """How long did each timed incident run until it was contained, looking no further than the horizon?

    In the order of `clocks.timed`. One closed not contained needs no clock: it counts as not contained to the horizon.
    """
    return (
        clocks.durations if horizon_minutes == HORIZON_MINUTES else _durations(clocks, horizon_minutes=horizon_minutes)
    )


def _durations(clocks: Clocks, *, horizon_minutes: float) -> Durations:
    timed = clocks.timed
    never = (timed["end_kind"] == NOT_CONTAINED).to_numpy()
    minutes = np.where(never, horizon_minutes, timed["clock_minutes"].to_numpy(dtype=float))
    found = durations_until(
        CONTAINED,
        time=minutes,
        end=timed["end_kind"].tolist(),
        never=[NOT_CONTAINED],
        horizon=horizon_minutes,
    )
    return Durations(found.time, found.happened, (*found.caveats, *_fault_caveats(clocks)))


def containment(clocks: Clocks, *, horizon_minutes: float = HORIZON_MINUTES) -> Containment:
    """How fast are these incidents contained: mean to the horizon, median, and the shares within 60 and 30 minutes?"""
    durations = containment_durations(clocks, horizon_minutes=horizon_minutes)
    curve = kaplan_meier(durations.time, durations.happened, caveats=durations.caveats)
    extremes = extreme_curves(clocks, horizon_minutes=horizon_minutes)

    def told(key: str, read: Callable[[SurvivalCurve], Estimate]) -> Estimate:
        return bounded(read(curve), clocks=clocks, ends=[read(one) for one in extremes], key=key)

    ends = clocks.timed["end_kind"]
    return Containment(
        n=clocks.n,
        contained=int((ends == CONTAINED).sum()),
        not_contained=int((ends == NOT_CONTAINED).sum()),
        still_open=int(ends.isna().sum()),
        without_clock=len(clocks.faulty),
        mean=told("time_to_contain", lambda one: one.restricted_mean(horizon_minutes)),
        median=told("median_time_to_contain", lambda one: one.median()),
        within_60=told("contained_within_60", lambda one: one.share_by(TARGET_MINUTES)),
        within_30=told("contained_within_30", lambda one: one.share_by(SHORT_MINUTES)),
        curve=curve,
        lack=f"Cannot be told: {clocks.unclear_words()}" if clocks.is_unclear else "",
        extremes=tuple(zip(("if all unclear at once", "if none within 24 h"), extremes, strict=False)),
    )


def is_unclear(unclear: int, *, timed: int) -> bool:
    """Are so many incidents unclear that nothing is told of them all?"""
    return unclear > MOST_UNCLEAR * (timed + unclear)


def extreme_curves(clocks: Clocks, *, horizon_minutes: float = HORIZON_MINUTES) -> tuple[SurvivalCurve, ...]:
    """The fastest and the slowest curve that the unclear incidents leave possible; none where all are clear.

    Fastest: all contained at once; one still open was not, and is in the slowest only.
    """
    if clocks.unclear.empty:
        return ()
    known = containment_durations(clocks, horizon_minutes=horizon_minutes)
    at_once, never = int((~clocks.unclear["is_open"].astype(bool)).sum()), len(clocks.unclear)
    fastest = kaplan_meier(
        np.concatenate([known.time, np.zeros(at_once)]), np.concatenate([known.happened, np.ones(at_once, dtype=bool)])
    )
    slowest = kaplan_meier(
        np.concatenate([known.time, np.full(never, horizon_minutes)]),
        np.concatenate([known.happened, np.zeros(never, dtype=bool)]),
    )
    return fastest, slowest


def bounded(found: Estimate, *, clocks: Clocks, ends: list[Estimate], key: str) -> Estimate:
    """What remains of a number once its unclear incidents may have gone either way?

    Its interval holds those of both extremes. Of few unclear ones its value stays, its error grown by what they leave
    open; of many no value is told.

    Parameters
    ----------
    found
        Over the timed incidents alone.
    ends
        The same of the fastest and the slowest curve, as of :func:`extreme_curves`; empty: all are clear.
    key
        Of the measure, for its words.
    """
    if not ends:
        return found
    words = CONTAINMENT_MEASURES[key].words
    at_once, never = (math.inf if one.value is None else one.value for one in ends)
    low, high = min(at_once, never), max(at_once, never)
    shown = ["not reached" if math.isinf(value) else words(value) for value in (at_once, never)]
    between = f"{shown[0]} if all of these were contained at once, {shown[1]} if none within 24 h"
    intervals = [one.interval for one in (found, *ends) if one.interval is not None]
    interval = None
    if intervals:
        interval = Interval(min(low, *(one.low for one in intervals)), max(high, *(one.high for one in intervals)))
    n = len(clocks.timed) + len(clocks.unclear)
    if clocks.is_unclear:
        said = f"Cannot be told: {clocks.unclear_words()}; {between}"
        return Estimate(None, interval, n, (said, *found.caveats), bounds=Interval(low, high))
    error = found.standard_error
    if error is not None:
        error += (high - low) / 2 / _NORMAL_95
    said = f"{clocks.unclear_words()}: the interval holds both, {between}"
    return replace(found, interval=interval, n=n, caveats=(said, *found.caveats), standard_error=error)


def restricted_mean(view: View, horizon_minutes: float = HORIZON_MINUTES) -> Estimate:
    """How many minutes does containment take on average, when no incident counts for longer than the horizon?

    Over own incidents reported in the view, attempts included. `value` is None where there are none, or where no
    incident says whether it was contained; a caveat then says so.

    Parameters
    ----------
    horizon_minutes
        1440: to 24 hours.

    Returns
    -------
    Estimate
        Minutes, with the 95% interval, the standard error of the restricted mean itself, and the incidents behind it.

    References
    ----------
    Klein & Moeschberger (2003), Survival Analysis, eq. 4.5.1-4.5.2.
    """
    return mean_to_contain(incident_clocks(view), horizon_minutes=horizon_minutes)


def mean_to_contain(clocks: Clocks, *, horizon_minutes: float = HORIZON_MINUTES) -> Estimate:
    """The same of these incidents (see `restricted_mean`)."""
    if clocks.n and not clocks.is_told:
        return Estimate(None, None, clocks.n, (f"None of {clocks.n:,} incidents says whether it was contained",))
    return containment(clocks, horizon_minutes=horizon_minutes).mean


def ends_over_time(clocks: Clocks) -> CumulativeIncidence:
    """By when had which share been contained, and which been closed not contained? Aalen-Johansen, in minutes.

    Those closed not contained count when they were closed; without that time as late as the last, as a caveat says: to
    leave them out would say that more are contained.
    """
    timed = clocks.timed
    minutes = timed["clock_minutes"]
    known = minutes.ge(0)
    latest = max(float(minutes[known].max()) if known.any() else 0.0, HORIZON_MINUTES)
    found = cumulative_incidence(
        minutes.where(known, latest), timed["end_kind"].tolist(), ends=(CONTAINED, NOT_CONTAINED)
    )
    if known.all():
        return found
    said = (
        f"Closed not contained at a time that is not known, and counted as the last: {(~known).sum()} of {len(timed)}"
    )
    return CumulativeIncidence(
        **{**{name: getattr(found, name) for name in found.__dataclass_fields__}, "caveats": (*found.caveats, said)}
    )


def by_quarter(clocks: Clocks, *, known_to: pd.Timestamp | None) -> pd.DataFrame:
    """How did containment run by quarter of report? Immature quarters, those of too few incidents and those of too many
    unclear ones are left out.

    One row a quarter: `quarter` (first day), `mean` (restricted, minutes), `median` (minutes; null where not reached),
    `within_60` (0 to 1), `n`.
    """
    columns = ["quarter", "mean", "median", "within_60", "n"]
    frame = clocks.timed
    if frame.empty:
        return pd.DataFrame(columns=columns)
    quarters = pd.to_datetime(frame["month"]).dt.to_period("Q")
    durations = containment_durations(clocks)
    unclear = pd.to_datetime(clocks.unclear["month"]).dt.to_period("Q").value_counts()
    rows = []
    for quarter in quarters.sort_values().unique():
        inside = (quarters == quarter).to_numpy()
        last = quarter.end_time.normalize()
        if is_unclear(int(unclear.get(quarter, 0)), timed=int(inside.sum())):
            continue
        if inside.sum() < LEAST_CASES or (known_to is not None and last > known_to - pd.Timedelta(days=IMMATURE_DAYS)):
            continue
        curve = kaplan_meier(durations.time[inside], durations.happened[inside])
        rows.append(
            (
                quarter.start_time.date(),
                curve.restricted_mean(HORIZON_MINUTES).value,
                curve.median().value,
                curve.share_by(TARGET_MINUTES).value,
                int(inside.sum()),
            )
        )
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:4], "float64"))


def change_of(now: Estimate, before: Estimate) -> Change:
    """Did an estimate with a standard error move between two periods by more than chance? A normal test."""
    if now.value is None or before.value is None:
        return Change(None, None)
    difference = now.value - before.value
    if not now.standard_error or not before.standard_error or min(now.n, before.n) < LEAST_CASES:
        return Change(difference, None)
    z = abs(difference) / math.hypot(now.standard_error, before.standard_error)
    return Change(difference, math.erfc(z / math.sqrt(2)))


def change_of_curve(now: Clocks, before: Clocks) -> Change:
    """Are incidents of one period contained faster than those of another? Log-rank, thefts and attempts as strata.

    The difference is that of the medians, in minutes.
    """
    frames = [now.timed, before.timed]
    if min(len(frame) for frame in frames) < LEAST_CASES or now.is_unclear or before.is_unclear:
        return Change(None, None)
    durations = [containment_durations(one) for one in (now, before)]
    found = compare_groups(
        np.concatenate([one.time for one in durations]),
        np.concatenate([one.happened for one in durations]),
        ["now"] * len(frames[0]) + ["before"] * len(frames[1]),
        strata=[kind for frame in frames for kind in strata_of(frame)],
    )
    medians = [kaplan_meier(one.time, one.happened).median().value for one in durations]
    difference = None if medians[0] is None or medians[1] is None else medians[0] - medians[1]
    return Change(difference, found.p_value)


def strata_of(frame: pd.DataFrame) -> list[str]:
    """What keeps like with like in a comparison: an attempt is contained in itself, a theft is not."""
    return ["attempt" if one else "theft" for one in frame["is_attempt"]]


def fault_counts(clocks: Clocks) -> tuple[tuple[str, int], ...]:
    """Why are incidents in no curve, and how many? The most frequent reason first."""
    counted = clocks.faulty["clock_fault"].value_counts()
    return tuple((str(reason), int(number)) for reason, number in counted.items())


def _fault_caveats(clocks: Clocks) -> tuple[str, ...]:
    if clocks.faulty.empty:
        return ()
    reasons = "; ".join(f"{reason}: {number}" for reason, number in fault_counts(clocks))
    return (f"In no curve, as the clock cannot be told: {len(clocks.faulty)} of {clocks.n} ({reasons})",)
