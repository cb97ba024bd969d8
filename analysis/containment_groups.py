"""Who contains theft slower than the rest, and does a control in place go with faster containment?

Groups are compared within thefts and within attempts, never across them: an attempt stops by itself. Each group is set
against all others together, and a verdict allows for how many groups were looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.containment import (
    CONTAINED,
    LEAST_CASES,
    NOT_CONTAINED,
    Clocks,
    bounded,
    containment_durations,
    extreme_curves,
    is_unclear,
    strata_of,
)
from analysis.containment_measures import HORIZON_MINUTES, TARGET_MINUTES
from analysis.durations import Array, Mask
from analysis.estimates import Estimate
from analysis.intervals import Interval
from analysis.survival import GroupComparison, SurvivalCurve, compare_groups, kaplan_meier
from data.portfolio import View

Grouping = Literal["control", "carrier", "site", "category", "insured", "lane", "drill"]
Pace = Literal["slower", "faster", "no difference shown", "not enough data", "cannot be told"]

PACES: tuple[Pace, ...] = ("slower", "faster", "no difference shown", "not enough data", "cannot be told")
GROUPING_LABELS: dict[Grouping, tuple[str, str]] = {
    "control": ("control", "controls"),
    "carrier": ("carrier", "carriers"),
    "site": ("site", "sites"),
    "category": ("category", "categories"),
    "insured": ("insured", "insureds"),
    "lane": ("lane", "lanes"),
    "drill": ("drill", "drills"),
}
#: Groups are compared over the first three hours, the floor of the response scale: a load that is found later is found
#: all the same, and would hide that nobody looked for it in time.
PACE_MINUTES = 180.0
#: A group with fewer expected containments than this is not judged: the test rests on many.
LEAST_EXPECTED = 5.0
MOST_CURVES = 4
NORMAL_95 = 1.959963984540054
Members = NDArray[np.object_]
#: Chance that any group is called slower or faster if none is.
ALPHA = 0.05
WITH_CONTROL, WITHOUT_CONTROL = "control in place", "no control in place"
_NAMES: dict[Grouping, str] = {
    "carrier": "select carrier_id as key, coalesce(name, carrier_id) as label from carrier",
    "site": "select site_id as key, coalesce(name, site_id) as label from site",
    "insured": "select insured_id as key, name as label from insured",
    "lane": "select lane_id as key, label from lane_key",
}


@dataclass(frozen=True)
class GroupsOfClocks:
    """How fast each group contains, against the rest.

    Attributes
    ----------
    by
        What the groups are.
    frame
        One row a group, slower ones first, then by certainty: `key`, `label`, `n`, `contained`, `not_contained`,
        `open`; of at least 5 incidents `within_60`, `within_60_low`, `within_60_high` (0 to 1), `median` (minutes;
        null where not reached), `mean`, `mean_low`, `mean_high` (restricted to 24 hours, minutes); `expected`
        (containments within 3 hours if it were like the rest), `pace` (how many times as fast as all others,
        `pace_low`, `pace_high`: 95%), `p_value` (against the rest), `adjusted` (the same, allowing for all groups
        judged: Holm), `verdict`, `unclear` (incidents whose time to containment is not known, beside `n`). Where these
        are over 5%, nothing of the group is told but its counts and its interval of `within_60` and `mean`; where they
        are over 5% of the group or of the rest, it is not judged.
    shown
        (label, Kaplan-Meier curve) of at most four groups that a picture holds: slower ones first, then the largest;
        where there are more, the last is that of all others together.
    comparison
        Log-rank test of all groups together, thefts and attempts as strata.
    without_group
        Timed incidents whose group is not known: in no row.
    judged
        Groups that the verdicts allow for.
    lack
        How many of all are unclear, where they are too many for any verdict; else empty.
    """

    by: Grouping
    frame: pd.DataFrame
    shown: tuple[tuple[str, SurvivalCurve], ...]
    comparison: GroupComparison
    without_group: int
    judged: int
    lack: str


def group_names(view: View, by: Grouping) -> dict[str, str]:
    """What a person calls each group, by its key."""
    if by not in _NAMES:
        return {}
    return {str(key): str(label or key) for key, label in view.rows(_NAMES[by])}


def compare_clocks(
    clocks: Clocks, *, by: Grouping, names: dict[str, str] | None = None, keys: pd.Series[str] | None = None
) -> GroupsOfClocks:
    """Which groups contain slower or faster than all others together?

    The pace of a group is exp((O - E) / V): O its containments within 3 hours, E those expected of it if it were like
    the rest at each minute, V the variance of O - E, all within thefts and within attempts (Peto's one-step estimate;
    Yusuf et al. 1985, Progress in Cardiovascular Diseases 27:335-371). Its test is the log-rank test of the group
    against the rest; p is held against Holm's limits (1979, Scandinavian Journal of Statistics 6:65-70), so that the
    chance of any false verdict is at most 5%. Groups of under 5 incidents or 5 expected containments are not judged.

    Parameters
    ----------
    names
        Label of each key; a key that is not in it is its own label.
    keys
        Group of each incident of `clocks.frame`, where it is no column of theirs: whether it was drilled.
    """
    timed = clocks.timed
    durations = containment_durations(clocks)
    groups = _keys(clocks.frame, by) if keys is None else keys
    every = groups[timed.index].to_numpy(dtype=object)
    known = ~pd.isna(every)
    unclear = groups[clocks.unclear.index].dropna()
    unclear_of = unclear.value_counts().to_dict()
    time, happened, member = durations.time[known], durations.happened[known], every[known]
    found = compare_groups(
        np.minimum(time, PACE_MINUTES),
        happened & (time <= PACE_MINUTES),
        member.tolist(),
        strata=np.array(strata_of(timed), dtype=object)[known].tolist(),
    )
    rows, curves, dark = [], {}, []
    ends = timed["end_kind"].to_numpy(dtype=object)[known]
    is_held, is_lost = ends == CONTAINED, ends == NOT_CONTAINED
    several = len(found.groups) > 1
    for place, key in enumerate(found.groups):
        mine = member == key
        n, hidden = int(mine.sum()), int(unclear_of.get(key, 0))
        share = mean = median = Estimate(None, None, n)
        if n >= LEAST_CASES:
            curve = kaplan_meier(time[mine], happened[mine])
            share, mean, median = curve.share_by(TARGET_MINUTES), curve.restricted_mean(HORIZON_MINUTES), curve.median()
            if not is_unclear(hidden, timed=n):
                curves[key] = curve
        if hidden and n + hidden >= LEAST_CASES:
            share, mean, median = _bounded_three(clocks.only(groups == key), found=(share, mean, median))
        beside = (len(unclear) - hidden, len(member) - n)
        is_dark = is_unclear(hidden, timed=n) or (several and is_unclear(beside[0], timed=beside[1]))
        dark.append(is_dark)
        pace, low, high, p_value = _pace(found, place) if several and not is_dark else (np.nan,) * 4
        judged = several and not is_dark and n >= LEAST_CASES and found.expected[place] >= LEAST_EXPECTED
        nothing = Interval(np.nan, np.nan)
        rows.append(
            (
                key, (names or {}).get(key, key), n, int(is_held[mine].sum()),
                int(is_lost[mine].sum()), int((~is_held & ~is_lost)[mine].sum()),
                share.value, *(share.interval or nothing), median.value, mean.value, *(mean.interval or nothing),
                float(found.expected[place]), pace, low, high, p_value if judged else np.nan, hidden,
            )
        )  # fmt: skip
    # A group none of whose incidents has a usable time is there all the same.
    for key in sorted(set(unclear_of) - set(found.groups)):
        rows.append((key, (names or {}).get(key, key), 0, 0, 0, 0, *(np.nan,) * 12, unclear_of[key]))
        dark.append(True)
    columns = [
        "key", "label", "n", "contained", "not_contained", "open", "within_60", "within_60_low", "within_60_high",
        "median", "mean", "mean_low", "mean_high", "expected", "pace", "pace_low", "pace_high", "p_value", "unclear",
    ]  # fmt: skip
    told = dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(columns, ())
    frame = pd.DataFrame(
        {name: np.array(cells, dtype=float) if name in columns[6:-1] else list(cells) for name, cells in told.items()}
    )
    # Two groups are one comparison, looked at from both sides.
    p_values = frame["p_value"].to_numpy(dtype=float)
    frame["adjusted"] = p_values if len(frame) == 2 else _holm(p_values)
    frame["verdict"] = np.where(np.array(dark, dtype=bool), "cannot be told", np.array(_verdicts(frame), dtype=object))
    frame["_order"] = [PACES.index(verdict) for verdict in frame["verdict"]]
    frame = frame.sort_values(["_order", "p_value", "n", "key"], ascending=[True, True, False, True])
    frame = frame.drop(columns="_order").reset_index(drop=True)
    return GroupsOfClocks(
        by=by,
        frame=frame,
        shown=()
        if clocks.is_unclear
        else _shown(frame, curves, member=member, time=time, happened=happened, unclear=unclear_of),
        comparison=found,
        without_group=int((~known).sum()),
        judged=int(frame["p_value"].notna().sum()),
        lack=clocks.unclear_words() if clocks.is_unclear else "",
    )


def pace_words(groups: GroupsOfClocks) -> str:
    """Who contains slower than the rest? One sentence without its full stop; chance is not called news.

    Of a control in place: whether containment is faster with it.
    """
    one, many = GROUPING_LABELS[groups.by]
    frame = groups.frame
    if frame.empty:
        return f"No {one} is known of these incidents"
    if groups.by == "control":
        return two_words(groups, held=WITH_CONTROL, other=WITHOUT_CONTROL)
    slower = frame[frame["verdict"] == "slower"]
    if len(slower):
        first = slower.iloc[0]
        more = "" if len(slower) == 1 else f", and so {'does' if len(slower) == 2 else 'do'} {len(slower) - 1} more"
        return f"{first['label']} contains slower than the rest, at {_times(first['pace'])} of their pace{more}"
    if groups.lack:
        return f"Who contains slower cannot be told: {groups.lack}"
    if groups.judged < 2:
        return f"Too few incidents to compare {many}"
    faster = frame[frame["verdict"] == "faster"]
    if len(faster):
        first = faster.iloc[0]
        return f"No {one} is slower than the rest; {first['label']} is faster, {first['pace']:.1f} times their pace"
    return f"No {one} of {groups.judged} is slower or faster than the rest beyond chance"


def two_words(groups: GroupsOfClocks, *, held: str, other: str) -> str:
    """Is containment faster for those that have it than for those that have not? Without a full stop."""
    frame = groups.frame.set_index("key")
    if not {held, other} <= set(frame.index):
        if frame.empty:
            return "No incident to compare"
        return f"All incidents here: {frame.index[0]}; nothing to compare with"
    row = frame.loc[held]
    if "cannot be told" in {row["verdict"], frame.loc[other, "verdict"]}:
        hidden = int(frame["unclear"].sum())
        return f"Cannot be told: {hidden:,} of {int(frame['n'].sum()) + hidden:,} without a usable time of containment"
    if "not enough data" in {row["verdict"], frame.loc[other, "verdict"]}:
        return f"Too few incidents to compare: {held} against {other}"
    if row["verdict"] in {"faster", "slower"}:
        return f"Containment is {row['verdict']} with {held}: {row['pace']:.1f} times the pace of {other}"
    return f"{held.capitalize()} or not: no difference beyond chance"


def _shown(
    frame: pd.DataFrame,
    curves: dict[str, SurvivalCurve],
    *,
    member: Members,
    time: Array,
    happened: Mask,
    unclear: Mapping[str, int],
) -> tuple[tuple[str, SurvivalCurve], ...]:
    every = list(zip(frame["key"], frame["label"], frame["n"], frame["verdict"], strict=True))
    slower = [key for key, _, _, verdict in every if verdict == "slower"][:2]
    largest = [key for key, *_ in sorted(every, key=lambda one: -one[2]) if key in curves]
    order = list(dict.fromkeys([*slower, *largest]))
    most = MOST_CURVES if len(frame) <= MOST_CURVES else MOST_CURVES - 1
    labels = {key: str(label) for key, label, _, _ in every}
    found = [(labels[key], curves[key]) for key in order[:most]]
    others = ~np.isin(member, order[:most])
    hidden = sum(number for key, number in unclear.items() if key not in order[:most])
    if others.sum() >= LEAST_CASES and not is_unclear(hidden, timed=int(others.sum())):
        found.append((f"all {len(frame) - min(most, len(order))} others", kaplan_meier(time[others], happened[others])))
    return tuple(found)


def _bounded_three(clocks: Clocks, *, found: tuple[Estimate, Estimate, Estimate]) -> tuple[Estimate, ...]:
    """Share within 60 minutes, mean and median of a group some of whose incidents are unclear."""
    ends = extreme_curves(clocks)
    shares = [curve.share_by(TARGET_MINUTES) for curve in ends]
    means = [curve.restricted_mean(HORIZON_MINUTES) for curve in ends]
    medians = [curve.median() for curve in ends]
    keys = ("contained_within_60", "time_to_contain", "median_time_to_contain")
    return tuple(
        bounded(one, clocks=clocks, ends=both, key=key)
        for one, both, key in zip(found, (shares, means, medians), keys, strict=True)
    )


def _times(pace: float) -> str:
    return f"{100 * pace:.0f}%"


def _keys(frame: pd.DataFrame, by: Grouping) -> pd.Series[str]:
    if by == "control":
        held = np.where(frame["has_control"].to_numpy(dtype=bool), WITH_CONTROL, WITHOUT_CONTROL)
        return pd.Series(held, index=frame.index, dtype=object)
    column = by if by == "category" else f"{by}_id"
    return frame[column].astype(object)


def _pace(found: GroupComparison, place: int) -> tuple[float, float, float, float]:
    """Pace against the rest, its 95% interval, and the chance of so great a difference."""
    variance, excess = float(found.variance[place]), float(found.observed[place] - found.expected[place])
    if variance <= 0:
        return np.nan, np.nan, np.nan, np.nan
    middle, reach = excess / variance, NORMAL_95 / math.sqrt(variance)
    p_value = math.erfc(abs(excess) / math.sqrt(2 * variance))
    return math.exp(middle), _exp(middle - reach), _exp(middle + reach), p_value


def _exp(value: float) -> float:
    return math.exp(min(value, 50.0))


def _holm(p_values: Array) -> Array:
    """Each p allowing for all that were looked at; null stays null."""
    adjusted = np.full(len(p_values), np.nan)
    judged = np.flatnonzero(~np.isnan(p_values))
    order = judged[np.argsort(p_values[judged], kind="stable")]
    running = 0.0
    for rank, place in enumerate(order):
        running = max(running, (len(order) - rank) * p_values[place])
        adjusted[place] = min(running, 1.0)
    return adjusted


def _verdicts(frame: pd.DataFrame) -> list[Pace]:
    found: list[Pace] = []
    for adjusted, pace in zip(frame["adjusted"], frame["pace"], strict=True):
        if np.isnan(adjusted):
            found.append("not enough data")
        elif adjusted >= ALPHA:
            found.append("no difference shown")
        else:
            found.append("slower" if pace < 1 else "faster")
    return found
