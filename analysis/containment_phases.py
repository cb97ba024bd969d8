"""Where does the time go between a loss and the last who must know of it, and is a slow answer a dear one?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from analysis.containment import CONTAINED, NOT_CONTAINED, Clocks
from analysis.containment_measures import HORIZON_MINUTES
from analysis.durations import durations_until
from analysis.estimates import Estimate
from analysis.intervals import Interval
from analysis.service_levels import ratio_estimate
from analysis.survival import kaplan_meier

#: Beyond 60 days nothing is asked of a phase.
PHASE_HORIZON_MINUTES = 60 * 1440.0
#: With fewer losses than this no correlation is told.
LEAST_LOSSES = 10


class _Phase(NamedTuple):
    key: str
    label: str
    begins: str
    ends: str


_PHASES = (
    _Phase("unnoticed", "Loss → first sign", "occurred_at", "started_at"),
    _Phase("alarm", "Alarm → detected", "first_alarm_at", "detected_at"),
    _Phase("contained", "First sign → contained", "started_at", "contained_at"),
    _Phase("evidence", "First sign → evidence", "started_at", "evidence_secured_at"),
    _Phase("notified", "First sign → insurer", "started_at", "insurer_notified_at"),
    _Phase("regulator", "First sign → regulator", "started_at", "regulator_notified_at"),
)


@dataclass(frozen=True)
class Phases:
    """How long each phase of the answer takes.

    Attributes
    ----------
    frame
        One row a phase that any incident went through, in their order: `key`, `label`, `n` (incidents whose beginning
        of it is known), `reached`, `not_reached` (so far, or never), `not_fitting` (its end lies before its beginning:
        in no number), `median`, `low`, `high` (minutes, 95%; null where not reached), `quarter`, `three_quarters`
        (minutes by which so many are through). Of containment all are null where too many incidents are unclear.
    unnoticed_share
        Of the time from loss to containment: the share before the first sign, over contained incidents. None without
        any.
    window_hours
        Median width of the time in which the loss can have happened; it is counted from its beginning.
    """

    frame: pd.DataFrame
    unnoticed_share: Estimate
    window_hours: float | None


@dataclass(frozen=True)
class LossAgainstTime:
    """Do losses that took longer to contain cost more?

    Attributes
    ----------
    frame
        One row a theft of known value: `incident_id`, `category`, `minutes` (to containment; the horizon where never
        contained), `is_contained`, `loss_base`.
    correlation
        Spearman's rank correlation, -1 to 1, never contained taken as the longest; with its 95% interval.
    p_value
        Chance of one so far from 0 if there were none.
    without_loss
        Timed thefts whose value is not known: in no row.
    """

    frame: pd.DataFrame
    correlation: Estimate
    p_value: float | None
    without_loss: int


def phases(clocks: Clocks) -> Phases:
    """Where does the time go, phase by phase?

    Medians are Kaplan-Meier's: an incident that has not come through a phase counts for as long as it was followed, one
    closed not contained as never contained. The loss is dated at the beginning of the time in which it can have
    happened, so that the time before the first sign is an upper bound.
    """
    frame = clocks.frame
    rows = []
    for phase in _PHASES:
        begins, ends = frame[phase.begins], frame[phase.ends].where(frame[phase.ends] <= frame["known_to"])
        minutes = (ends - begins).dt.total_seconds() / 60
        followed = (frame["known_to"] - begins).dt.total_seconds() / 60
        usable = begins.notna() & (followed >= 0) & ~(minutes < 0)
        # A sign that is not known is no long wait, and a person who saw it first waited for no alarm.
        if phase.key in {"unnoticed", "alarm"}:
            usable &= ends.notna()
        if phase.key == "contained":
            usable &= frame["clock_fault"].isna()
        not_fitting = int((minutes < 0).sum())
        labels: list[str | None] = [phase.key if done else None for done in minutes[usable].notna()]
        if phase.key == "contained":
            never = (frame.loc[usable, "end_kind"] == NOT_CONTAINED).to_numpy()
            labels = [NOT_CONTAINED if lost else label for lost, label in zip(never, labels, strict=True)]
        if not labels or (not any(labels) and phase.key != "contained"):
            continue
        time = minutes.where(minutes.notna(), followed)[usable].to_numpy(dtype=float)
        found = durations_until(phase.key, time=time, end=labels, never=[NOT_CONTAINED], horizon=PHASE_HORIZON_MINUTES)
        curve = kaplan_meier(found.time, found.happened)
        median = curve.median()
        low, high = median.interval or (None, None)
        reached = int(found.happened.sum())
        told = (
            median.value, low, None if high is None or math.isinf(high) else high, curve.quantile(0.25).value,
            curve.quantile(0.75).value,
        )  # fmt: skip
        if phase.key == "contained" and clocks.is_unclear:
            told = (None,) * len(told)
        rows.append(
            (phase.key, phase.label, len(labels), reached, len(labels) - reached, not_fitting, *told)
        )  # fmt: skip
    columns = [
        "key", "label", "n", "reached", "not_reached", "not_fitting", "median", "low", "high", "quarter",
        "three_quarters",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[6:], "float64"))
    window = (frame["occurred_to"] - frame["occurred_from"]).dt.total_seconds() / 3600
    return Phases(table, _unnoticed(clocks), float(window.median()) if window.notna().any() else None)


def phase_words(found: Phases) -> str:
    """Where does the time go? One sentence without its full stop."""
    rows = found.frame.set_index("key")
    share = found.unnoticed_share
    if share.value is not None and share.n >= LEAST_LOSSES:
        where = "before anybody knows" if share.value >= 0.5 else "after the first sign"
        part = share.value if share.value >= 0.5 else 1 - share.value
        return f"{100 * part:.0f}% of the time from loss to containment passes {where}"
    median = float(rows["median"].get("contained", np.nan))
    if not np.isnan(median):
        return f"Half are contained within {median:.0f} minutes of the first sign"
    return "Too few clocks are known to say where the time goes"


def _unnoticed(clocks: Clocks) -> Estimate:
    timed = clocks.timed
    done = timed[(timed["end_kind"] == CONTAINED) & (timed["occurred_at"] <= timed["started_at"])]
    before = (done["started_at"] - done["occurred_at"]).dt.total_seconds()
    whole = before + 60 * done["clock_minutes"]
    known = whole > 0
    if not known.any():
        return Estimate(None, None, 0, ("No contained incident has both clocks",))
    found = ratio_estimate(before[known], whole[known])
    never = int((timed["end_kind"] != CONTAINED).sum())
    caveats = [f"Of contained incidents only; not in it, as not contained: {never}"] if never else []
    if len(clocks.unclear):
        caveats.append(f"Not in it, as their clock cannot be told: {len(clocks.unclear)}")
    if clocks.is_unclear:
        return Estimate(None, None, int(known.sum()), (f"Cannot be told: {clocks.unclear_words()}", *caveats))
    interval = None
    if found.interval is not None:
        interval = Interval(max(found.interval.low, 0.0), min(found.interval.high, 1.0))
    return Estimate(found.value, interval, int(known.sum()), tuple(caveats))


def loss_against_time(clocks: Clocks) -> LossAgainstTime:
    """Do thefts that took longer to contain cost more? A picture of what goes together, not of what causes what.

    Severity confounds it: a full load is dearer, and is worked on harder or is gone at once. The interval is that of
    Bonett & Wright (2000), Psychometrika 65:23-28.
    """
    timed = clocks.timed
    thefts = timed[~timed["is_attempt"].astype(bool)]
    known = thefts[thefts["loss_base"].gt(0)]
    is_contained = (known["end_kind"] == CONTAINED).to_numpy()
    told = is_contained | (known["end_kind"] == NOT_CONTAINED).to_numpy()
    minutes = np.where(is_contained, known["clock_minutes"], HORIZON_MINUTES)
    frame = pd.DataFrame(
        {
            "incident_id": known["incident_id"],
            "category": known["category"],
            "minutes": np.minimum(minutes, HORIZON_MINUTES),
            "is_contained": is_contained & (minutes <= HORIZON_MINUTES),
            "loss_base": known["loss_base"],
        }
    )[told].reset_index(drop=True)
    without = int(thefts["loss_base"].isna().sum() + thefts["loss_base"].le(0).sum())
    n = len(frame)
    if clocks.is_unclear:
        said = f"Cannot be told: {clocks.unclear_words()}"
        return LossAgainstTime(frame, Estimate(None, None, n, (said,)), None, without)
    if n < LEAST_LOSSES or frame["minutes"].nunique() < 2 or frame["loss_base"].nunique() < 2:
        return LossAgainstTime(frame, Estimate(None, None, n, (f"Only {n} thefts of known value",)), None, without)
    r, p_value = (float(part) for part in stats.spearmanr(frame["minutes"], frame["loss_base"]))
    reach = stats.norm.ppf(0.975) * math.sqrt((1 + r * r / 2) / (n - 3))
    middle = math.atanh(max(min(r, 0.999999), -0.999999))
    interval = Interval(math.tanh(middle - reach), math.tanh(middle + reach))
    return LossAgainstTime(frame, Estimate(r, interval, n), p_value, without)
