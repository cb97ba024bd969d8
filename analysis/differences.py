"""Did a number really change between two periods, or is the change within what chance does?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.estimates import Estimate
from analysis.intervals import Interval


@dataclass(frozen=True)
class Difference:
    """A change between two independent estimates.

    Attributes
    ----------
    value
        Now less before.
    interval
        Of the change.
    is_signal
        Whether the interval leaves out 0; None where there is none.
    """

    value: float
    interval: Interval | None
    is_signal: bool | None


def difference(now: Estimate, before: Estimate) -> Difference | None:
    """By how much did it change, and could chance alone have done that? None where either is not known.

    The interval of a difference from the intervals of its parts: value - sqrt((now - low)^2 + (high' - before)^2) to
    value + sqrt((high - now)^2 + (before - low')^2), of whatever kind the two intervals are: of 95%, where an estimate
    that shows a narrower one has it (`Estimate.wide`). What both lean on alike (one class's loss ratio, one pattern of
    development) is taken as if each had it of its own, so that a change is sooner taken for chance.

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27:1693-1702 (method of variance estimates recovery).

    Examples
    --------
    >>> from analysis.intervals import wilson_interval
    >>> a, b = Estimate(0.7, wilson_interval(56, 80), 80), Estimate(0.6, wilson_interval(48, 80), 80)
    >>> found = difference(a, b)
    >>> [round(end, 4) for end in found.interval], found.is_signal
    ([-0.0472, 0.2414], False)
    """
    if now.value is None or before.value is None:
        return None
    change = now.value - before.value
    later, earlier = now.wide or now.interval, before.wide or before.interval
    if later is None or earlier is None:
        return Difference(change, None, None)
    down = math.hypot(now.value - later.low, earlier.high - before.value)
    up = math.hypot(later.high - now.value, before.value - earlier.low)
    interval = Interval(change - down, change + up)
    return Difference(change, interval, interval.low > 0 or interval.high < 0)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Which of several differences are news, looked at together? Each p-value raised for how many were looked at.

    Of those at most so large as a level, none is chance with that confidence, whatever their number. What is not known
    (not a number) is not looked at.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")]).round(2).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, dtype=np.float64)
    found = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return found
