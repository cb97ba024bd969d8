"""Did a number really change between two periods, or is the change within what chance does?"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    value + sqrt((high - now)^2 + (before - low')^2), of whatever kind the two intervals are.

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27:1693-1702 (method of variance estimates recovery).

    Examples
    --------
    >>> from analysis.intervals import wilson_interval
    >>> a, b = Estimate(0.7, wilson_interval(56, 80), 80), Estimate(0.6, wilson_interval(48, 80), 80)
    >>> found = difference(a, b)
    >>> [round(end, 4) for end in found.interval], found.is_signal
    ([-0.0461, 0.2412], False)
    """
    if now.value is None or before.value is None:
        return None
    change = now.value - before.value
    if now.interval is None or before.interval is None:
        return Difference(change, None, None)
    down = math.hypot(now.value - now.interval.low, before.interval.high - before.value)
    up = math.hypot(now.interval.high - now.value, before.value - before.interval.low)
    interval = Interval(change - down, change + up)
    return Difference(change, interval, interval.low > 0 or interval.high < 0)
