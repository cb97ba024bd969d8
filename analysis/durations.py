"""How long was each case followed, and how did it end? What curves of time are fitted to, and what bounds them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: With fewer events than this the intervals, which rest on many, are rough, and a caveat says so.
LEAST_EVENTS = 10
#: Products of shares reach a half only up to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Durations:
    """What a curve is fitted to: how long each case was followed, and whether it happened then.

    Attributes
    ----------
    time
        Time to the event, or as long as the case was followed without it; in the unit given.
    happened
        Whether the event ended the case.
    caveats
        What was counted how, each a sentence without its full stop.
    """

    time: Array
    happened: Mask
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Followed:
    """What curves of time have in common: cases followed, and a share with its error and band over time.

    Attributes
    ----------
    times
        Times at which an event ended a case, ascending; curves move there and are level between.
    at_risk
        Cases followed and without any event, just before each.
    events
        How many came then; a row for each kind where there are several.
    standard_error, low, high
        Of the share after each time, shaped like the events: its error, and the ends of the pointwise log-log band.
    followed
        How long each case was followed, ascending.
    level
        Probability of all intervals.
    caveats
        Each a sentence without its full stop.
    """

    times: Array
    at_risk: Counts
    events: Counts
    standard_error: Array
    low: Array
    high: Array
    followed: Array
    level: float
    caveats: tuple[str, ...]

    @property
    def n(self) -> int:
        """Cases."""
        return len(self.followed)


def durations_until(
    event: str, *, time: ArrayLike, end: Sequence[str | None], never: Collection[str] = (), horizon: float
) -> Durations:
    """How long did each case run until this event, looking no further than a horizon?

    A case that ended in another way after which the event cannot come (a load that is gone will not be contained)
    counts as not having had it up to the horizon. To censor it there would say that it might still come, and would
    flatter every curve. All other cases without the event (still open) are censored when last seen.

    Where cases are censored before the horizon this counts the lost cases a little heavily, so that the share errs to
    the low side; :func:`cumulative_incidence` has no such error, and agrees where nothing is censored so early.

    Parameters
    ----------
    event
        The end that is waited for, as it is written in ``end``.
    time
        From the start of each case to its end, or to the data's date where it is open; not negative.
    end
        How each case ended; None: still open.
    never
        The ends after which the event cannot come.
    horizon
        Time beyond which nothing is asked, positive; an event at the horizon itself still counts.

    Raises
    ------
    ValueError
        A time is negative or not finite, times and ends differ in number, or the horizon is not positive.

    Examples
    --------
    >>> ends = ["contained", "closed not contained", None]
    >>> found = durations_until("contained", time=[30, 20, 50], end=ends, never=["closed not contained"], horizon=1440)
    >>> found.time.tolist(), found.happened.tolist()
    ([30.0, 1440.0, 50.0], [True, False, False])
    """
    if not (horizon > 0 and math.isfinite(horizon)):
        message = f"a horizon is positive and finite, not {horizon}"
        raise ValueError(message)
    times = checked_times(time)
    labels = np.array(["" if label is None else label for label in end], dtype=object)
    if len(labels) != len(times):
        message = f"{len(times)} times for {len(labels)} ends"
        raise ValueError(message)
    lost = np.isin(labels, list(never)) & (labels != event)
    happened = (labels == event) & (times <= horizon)
    caveats = []
    if lost.any():
        caveats.append(f"Ended without it and counted as not {event} to the horizon: {lost.sum()} of {len(times)}")
    still_open = int((~lost & (labels != event) & (times < horizon)).sum())
    if still_open:
        caveats.append(f"Still open and counted for as long as they were followed: {still_open} of {len(times)}")
    return Durations(np.where(lost, horizon, np.minimum(times, horizon)), happened, tuple(caveats))


def checked_times(time: ArrayLike) -> Array:
    """The times as one array; ValueError for one that is negative or not finite."""
    times = np.atleast_1d(np.asarray(time, dtype=np.float64))
    if times.ndim != 1 or not (np.isfinite(times) & (times >= 0)).all():
        message = "a time is finite and not negative"
        raise ValueError(message)
    return times


def checked_events(time: ArrayLike, happened: ArrayLike) -> tuple[Array, Mask]:
    """Times and whether it happened, as arrays of one length; else ValueError."""
    times, events = checked_times(time), np.atleast_1d(np.asarray(happened)).astype(np.bool_)
    if events.shape != times.shape:
        message = f"{len(times)} times for {len(events)} events"
        raise ValueError(message)
    return times, events


def normal_quantile(level: float) -> float:
    """Standard errors on each side of an interval of this level; ValueError for a level not between 0 and 1."""
    if not 0 < level < 1:
        message = f"a level lies between 0 and 1, not at {level}"
        raise ValueError(message)
    return float(stats.norm.ppf((1 + level) / 2))


def exact_low(n: int, level: float) -> float:
    """Low end of the exact binomial interval of a share where all n of n were seen."""
    return float(((1 - level) / 2) ** (1 / n))


def log_log_band(share: Array, error: Array, *, z: float, at_risk: Counts, level: float) -> tuple[Array, Array]:
    """The log-log band of a falling share; at 1 and at 0, where it has no value, exact and carried on."""
    inside = (share > ROUNDING) & (share < 1 - ROUNDING)
    s = np.where(inside, share, 0.5)
    spread = np.exp(z * error / (s * -np.log(s)))
    low, high = s**spread, s ** (1 / spread)
    first = exact_low(int(at_risk[0]), level) if len(at_risk) else 0.0
    full, none = share >= 1 - ROUNDING, share <= ROUNDING
    low = np.where(inside, low, np.where(full, first, 0.0))
    high = np.where(inside, high, 1.0)
    if none.any():
        start = int(np.flatnonzero(none)[0])
        high[start:] = high[start - 1] if start and inside[start - 1] else 1 - first
    return low, high


def event_caveats(n: int, events: int) -> tuple[str, ...]:
    """What to beware of when it happened in so few of these cases."""
    if not n:
        return ("There are no cases",)
    if not events:
        return ("It has not happened in any case",)
    seen = "one case" if events == 1 else f"{events} cases"
    return (f"It happened in only {seen}: the interval is rough",) if events < LEAST_EVENTS else ()
