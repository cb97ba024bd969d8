"""How good is a service, how sure is that, and what is left of what it may miss? Statistics of service levels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.intervals import Interval, wilson_interval

Array = NDArray[np.float64]

#: With fewer clusters than this, their variance is shrunk to the portfolio's.
ENOUGH_CLUSTERS = 30
#: What the portfolio's variance is worth, in degrees of freedom.
SPREAD_DEGREES = 20
#: One in a thousand on each side: the limits of a funnel that mark what chance hardly gives.
FUNNEL_Z = 3.090232306167813
FUNNEL_WARNING_Z = 1.959963984540054


@dataclass(frozen=True)
class Spread:
    """How much clusters of the whole portfolio differ in a measure.

    Attributes
    ----------
    variance
        Between clusters, of their own values (a share of 0 to 1, squared), as `ratio_estimate` defines it.
    clusters
        How many there are.
    scatter
        Variance that a single unit of the denominator adds within a cluster: what chance does to one trip, whichever
        device it has. 0: not known.
    level
        The portfolio's own value, at which `scatter` was measured; None: not shown.
    """

    variance: float
    clusters: int
    scatter: float = 0.0
    level: float | None = None

    def least_error(self, value: float, denominator: float) -> float:
        """Below which standard error no ratio of this denominator can be known, however alike its clusters are?

        sqrt(scatter / denominator), and more where the ratio lies nearer to one half than the portfolio's, as
        R (1 - R) is to L (1 - L).
        """
        more = 1.0
        if self.level is not None and 0 < self.level < 1:
            more = max(1.0, value * (1 - value) / (self.level * (1 - self.level)))
        return float(np.sqrt(self.scatter * more / denominator)) if denominator > 0 else 0.0


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio of two sums over clusters, with its interval.

    Attributes
    ----------
    value
        Sum of numerators / sum of denominators; None where there is nothing to divide by.
    interval
        None where it cannot be told: a single cluster, and no portfolio to learn its spread from.
    clusters
        Clusters with a denominator.
    variance
        Of the clusters' own values, after shrinking.
    degrees
        Of freedom of that variance.
    shrunk
        Whether the portfolio's variance is in it.
    """

    value: float | None
    interval: Interval | None
    clusters: int
    variance: float | None
    degrees: float
    shrunk: bool


def ratio_estimate(
    numerators: ArrayLike, denominators: ArrayLike, *, spread: Spread | None = None, level: float = 0.95
) -> RatioEstimate:
    """What is a service level over clusters whose own events hang together, and between which ends does it lie?

    R = sum y / sum x, never a mean of percentages. Reports of one device are not independent trials, so the variance
    comes from the differences between clusters: with r_j = y_j / x_j, v = n / (n - 1) sum x_j^2 (r_j - R)^2 / sum x_j^2
    and Var(R) = v sum x_j^2 / (sum x_j)^2, which is the linearised variance of a ratio of cluster totals. Below 30
    clusters v is too uncertain to show a bad one, and becomes ((n - 1) v + 20 v_portfolio) / (n - 1 + 20). The
    portfolio's was learnt of clusters of many trips: where there are few, chance does more to each, and the error is no
    less than that (`Spread.least_error`). The interval is Student's, on the logit scale inside (0, 1) so that it stays
    there, and on the plain scale, cut, at its ends and where the least error is the larger.

    Parameters
    ----------
    numerators, denominators
        One number a cluster; clusters without a denominator count for nothing.
    spread
        The portfolio's; None: unknown, nothing is shrunk.
    level
        Of the two-sided interval. Both ends of 0.80 are one-sided 90% bounds.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., eq. 6.13 and 9A.  Shrinking: a scaled inverse chi-square prior with 20
    degrees of freedom, e.g. Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 2.6.

    Examples
    --------
    >>> found = ratio_estimate([95, 99, 97], [100, 100, 100])
    >>> round(found.value, 3), found.clusters, [round(end, 3) for end in found.interval]
    (0.97, 3, [0.854, 0.994])
    """
    top = np.atleast_1d(np.asarray(numerators, dtype=np.float64))
    bottom = np.atleast_1d(np.asarray(denominators, dtype=np.float64))
    if top.shape != bottom.shape or (bottom < 0).any():
        message = "each cluster needs a numerator and a denominator that is not negative"
        raise ValueError(message)
    top, bottom = top[bottom > 0], bottom[bottom > 0]
    count = len(bottom)
    if not count:
        return RatioEstimate(None, None, 0, None, 0.0, shrunk=False)
    value = float(top.sum() / bottom.sum())
    own = cluster_variance(top, bottom)
    # Of the whole book itself there is nothing more to learn from the book.
    shrink = spread is not None and count < min(ENOUGH_CLUSTERS, spread.clusters)
    degrees = float(count - 1)
    variance = own
    if shrink and spread is not None:
        weight = float(min(SPREAD_DEGREES, max(spread.clusters - 1, 0)))
        if weight:
            variance = ((count - 1) * (own or 0.0) + weight * spread.variance) / (count - 1 + weight)
            degrees += weight
        else:
            shrink = False
    if variance is None:
        return RatioEstimate(value, None, count, None, degrees, shrunk=False)
    error = float(np.sqrt(variance * (bottom**2).sum()) / bottom.sum())
    interval = _interval(value, error, degrees=degrees, clusters=count, level=level)
    least = spread.least_error(value, float(bottom.sum())) if spread is not None else 0.0
    if least > error:
        reach = _student(level, degrees) * least
        interval = Interval(max(0.0, min(interval.low, value - reach)), min(1.0, max(interval.high, value + reach)))
    return RatioEstimate(value, interval, count, variance, degrees, shrunk=shrink)


def cluster_variance(numerators: ArrayLike, denominators: ArrayLike) -> float | None:
    """How much do clusters differ in their own values? The variance v of `ratio_estimate`; None for a single one."""
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    count = len(bottom)
    if count < 2:
        return None
    left_over = top - top.sum() / bottom.sum() * bottom
    return float(count / (count - 1) * (left_over**2).sum() / (bottom**2).sum())


@dataclass(frozen=True)
class RatioChange:
    """How a ratio of sums over clusters moved between two periods, with the interval of the difference.

    Attributes
    ----------
    before, now
        The two ratios.
    change
        now - before.
    interval
        Of the change; None where it cannot be told: a single cluster, and no portfolio to learn its spread from.
    clusters
        Clusters with a denominator in either period.
    is_signal
        Whether the interval leaves out no change at all: more than chance explains.
    shrunk
        Whether the portfolio's variance is in it.
    """

    before: float
    now: float
    change: float
    interval: Interval | None
    clusters: int
    is_signal: bool
    shrunk: bool


def ratio_change(
    now: tuple[ArrayLike, ArrayLike],
    before: tuple[ArrayLike, ArrayLike],
    *,
    spread: Spread | None = None,
    level: float = 0.95,
) -> RatioChange | None:
    """Did a service level move between two periods by more than chance, if its clusters are the same in both?

    D = R1 - R0, each as in `ratio_estimate`. A device that is bad is so in both periods, so a cluster enters with its
    difference d_j = (y1_j - R1 x1_j) / sum x1 - (y0_j - R0 x0_j) / sum x0, and Var(D) = n / (n - 1) sum d_j^2. Below 30
    clusters it is shrunk, as there, to what the portfolio's variance gives, taken for both periods apart: too wide
    rather than too narrow, as that leaves out that clusters are the same. Where all clusters agree, the two Wilson
    intervals are put together.

    Parameters
    ----------
    now, before
        Numerators and denominators, one number a cluster, in the same order in both periods.
    spread
        The portfolio's; None: unknown, nothing is shrunk.
    level
        Of the two-sided interval.

    Returns
    -------
    RatioChange or None
        None where either period has no denominator.

    References
    ----------
    Linearised difference of two ratios from the same clusters: Cochran (1977), Sampling Techniques, 3rd ed., sections
    6.12 and 6.13. Putting two intervals together: Newcombe (1998), Statistics in Medicine 17:873-890, method 10.

    Examples
    --------
    >>> found = ratio_change(([90, 89, 91], [100, 100, 100]), ([98, 97, 99], [100, 100, 100]))
    >>> round(found.change, 3), found.is_signal
    (-0.08, True)
    """
    tops = [np.atleast_1d(np.asarray(part[0], dtype=np.float64)) for part in (now, before)]
    bottoms = [np.atleast_1d(np.asarray(part[1], dtype=np.float64)) for part in (now, before)]
    if len({part.shape for part in (*tops, *bottoms)}) != 1 or any((part < 0).any() for part in bottoms):
        message = "each cluster needs in both periods a numerator and a denominator that is not negative"
        raise ValueError(message)
    totals = [float(part.sum()) for part in bottoms]
    if not all(totals):
        return None
    ratios = [float(top.sum()) / total for top, total in zip(tops, totals, strict=True)]
    known = (bottoms[0] > 0) | (bottoms[1] > 0)
    count = int(known.sum())
    moved = ratios[0] - ratios[1]
    left_over = [
        (top - ratio * bottom) / total for top, bottom, ratio, total in zip(tops, bottoms, ratios, totals, strict=True)
    ]
    own = float(count / (count - 1) * ((left_over[0] - left_over[1])[known] ** 2).sum()) if count > 1 else None
    variance, degrees = own, float(count - 1)
    weight = 0.0
    if spread is not None and count < min(ENOUGH_CLUSTERS, spread.clusters):
        weight = float(min(SPREAD_DEGREES, max(spread.clusters - 1, 0)))
    if weight and spread is not None:
        book = spread.variance * sum((part**2).sum() / total**2 for part, total in zip(bottoms, totals, strict=True))
        variance = ((count - 1) * (own or 0.0) + weight * float(book)) / (count - 1 + weight)
        degrees += weight
    if spread is not None and variance is not None:
        least = sum(spread.least_error(ratio, total) ** 2 for ratio, total in zip(ratios, totals, strict=True))
        variance = max(variance, least)
    interval = None
    if variance is not None and np.sqrt(variance) > 1e-12:
        reach = _student(level, degrees) * float(np.sqrt(variance))
        interval = Interval(max(-1.0, moved - reach), min(1.0, moved + reach))
    elif variance is not None:
        ends = [ratio_estimate(top, bottom, level=level).interval for top, bottom in zip(tops, bottoms, strict=True)]
        if ends[0] is not None and ends[1] is not None:
            down = np.hypot(ratios[0] - ends[0].low, ends[1].high - ratios[1])
            up = np.hypot(ends[0].high - ratios[0], ratios[1] - ends[1].low)
            interval = Interval(float(moved - down), float(moved + up))
    is_signal = interval is not None and (interval.low > 0 or interval.high < 0)
    return RatioChange(ratios[1], ratios[0], moved, interval, count, is_signal, shrunk=bool(weight))


def _interval(value: float, error: float, *, degrees: float, clusters: int, level: float) -> Interval:
    if error <= 1e-12:
        # Clusters that all agree say no more than that none of so many differed.
        hits = clusters if value >= 0.5 else 0
        ends = wilson_interval(hits, clusters, level=level)
        return Interval(min(ends.low, value), max(ends.high, value))
    wide = _student(level, degrees)
    if 1e-9 < value < 1 - 1e-9:
        middle, step = np.log(value / (1 - value)), wide * error / (value * (1 - value))
        low, high = 1 / (1 + np.exp(-np.clip([middle - step, middle + step], -700, 700)))
        return Interval(float(low), float(high))
    return Interval(max(0.0, value - wide * error), min(1.0, value + wide * error))


def _student(level: float, degrees: float) -> float:
    """How many standard errors wide is a two-sided interval? Pages ask often: scipy.stats takes 40 times as long."""
    return float(special.stdtrit(degrees, (1 + level) / 2))


def funnel_limits(
    level: float,
    denominators: ArrayLike,
    *,
    dispersion: float,
    between: float = 0.0,
    concentration: ArrayLike = 1.0,
    z: float = FUNNEL_Z,
) -> tuple[Array, Array]:
    """Between which values does a unit of so much exposure lie, if it is no other than the rest of the book?

    sin^2(arcsin(sqrt(level)) +/- z s), s of `funnel_error`. For times and weights, whose single trials are no counts;
    funnels of counts and their shares are in analysis/funnels.py.

    Parameters
    ----------
    dispersion
        Variance of a single trip's value times its denominator, over the whole book.
    between, concentration
        As of `funnel_error`.

    Examples
    --------
    >>> [round(float(end[0]), 3) for end in funnel_limits(0.98, [400.0], dispersion=0.01)]
    [0.962, 0.992]
    """
    error = funnel_error(level, denominators, dispersion=dispersion, between=between, concentration=concentration)
    middle = float(share_angle(level))
    ends = (np.clip(middle + side * z * error, 0.0, np.pi / 2) for side in (-1, 1))
    low, high = (np.sin(end) ** 2 for end in ends)
    return low, high


def funnel_error(
    level: float, denominators: ArrayLike, *, dispersion: float, between: float = 0.0, concentration: ArrayLike = 1.0
) -> Array:
    """By how much does arcsin(sqrt(value)) of a unit usually miss that of its book?

    s^2 = dispersion / (4 L (1 - L) x) + between * concentration: how trips scatter, and how the unit's few devices
    differ from each other as devices of the book do. On this scale the variance of chance hardly hangs on the level,
    and limits stay in 0 to 1; near 1 they reach further down than up, as dark hours do.

    Parameters
    ----------
    between
        Variance of arcsin(sqrt(value)) between devices, beyond how their trips scatter.
    concentration
        Sum of x_j^2 / (sum of x_j)^2 over the devices of a unit: 1 for a single one, 1 / n for n equal ones.

    References
    ----------
    Spiegelhalter (2005), Quality and Safety in Health Care 14:347-351, whose random effect is here of the devices of a
    unit; Spiegelhalter et al. (2012), Journal of the Royal Statistical Society A 175:1-47, for the inverse sine scale.
    """
    exposure = np.asarray(denominators, dtype=np.float64)
    slope = 4 * level * (1 - level)
    chance = dispersion / (slope * exposure) if slope > 0 else np.zeros_like(exposure)
    return np.sqrt(chance + between * np.asarray(concentration, dtype=np.float64))


def share_angle(values: ArrayLike) -> Array:
    """arcsin(sqrt(value)) of shares: from 0 at none to half of pi at all."""
    return np.asarray(np.arcsin(np.sqrt(np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0))), dtype=np.float64)


@dataclass(frozen=True)
class Shift:
    """Where a series changes its level.

    Attributes
    ----------
    start
        Position of the first value of the new level.
    before, after
        The two levels.
    p_value
        How often as great a change turns up anywhere in as many series that do not change.
    """

    start: int
    before: float
    after: float
    p_value: float


def level_shift(numerators: ArrayLike, denominators: ArrayLike, *, series: int = 1, least: int = 2) -> Shift | None:
    """From when on is a series of ratios at another level?

    Of all splits with at least so many values on both sides, the one whose two levels differ most in units of their
    standard error. The variance of a value with denominator x is s^2 / x, s^2 from the differences of neighbours, which
    a single change of level hardly moves. The p-value is Bonferroni's over splits and series.

    Parameters
    ----------
    numerators, denominators
        In the order of time; values without a denominator are passed over, and positions still count them.
    series
        How many series are looked at.
    least
        Values a level needs.

    Returns
    -------
    Shift or None
        None where the series is too short, or does not vary at all.

    References
    ----------
    Hinkley (1970), Biometrika 57:1-17; variance from differences: von Neumann (1941), Annals of Mathematical Statistics
    12:367-395.

    Examples
    --------
    >>> found = level_shift([98, 99, 98, 97, 98, 98, 90, 91, 90, 89], [100] * 10)
    >>> found.start, round(found.before, 3), round(found.after, 3), found.p_value < 0.05
    (6, 0.98, 0.9, True)
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    places = np.flatnonzero(bottom > 0)
    top, bottom = top[places], bottom[places]
    count = len(bottom)
    if count < max(2 * least, 4):
        return None
    values = top / bottom
    unit = float((np.diff(values) ** 2 / (1 / bottom[1:] + 1 / bottom[:-1])).mean())
    if unit <= 0:
        return None
    splits = np.arange(least, count - least + 1)
    tops, bottoms = np.cumsum(top), np.cumsum(bottom)
    before = tops[splits - 1] / bottoms[splits - 1]
    after = (tops[-1] - tops[splits - 1]) / (bottoms[-1] - bottoms[splits - 1])
    error = np.sqrt(unit * (1 / bottoms[splits - 1] + 1 / (bottoms[-1] - bottoms[splits - 1])))
    score = np.abs(after - before) / error
    best = int(score.argmax())
    # Differences of neighbours use two values each: they are worth about two thirds as many degrees of freedom.
    tail = 2 * float(special.stdtr(max(1.0, (count - 1) * 2 / 3), -score[best]))
    return Shift(
        start=int(places[splits[best]]),
        before=float(before[best]),
        after=float(after[best]),
        p_value=min(1.0, tail * len(splits) * series),
    )


class ErrorBudget(NamedTuple):
    """What a target lets a service miss, and how much of that is left.

    Attributes
    ----------
    target
        Share of 0 to 1.
    allowed, used
        In the unit of the denominator: seconds, trips, value.
    left
        Share of the allowance that is left; below 0 where more was missed. None for a target of 1.
    """

    target: float
    allowed: float
    used: float
    left: float | None


def error_budget(numerator: float, denominator: float, *, target: float) -> ErrorBudget:
    """How much may a service still miss before it is below its target?

    Examples
    --------
    >>> error_budget(99_400, 100_000, target=0.99)
    ErrorBudget(target=0.99, allowed=1000.0, used=600.0, left=0.4)
    """
    allowed = round(allowed_downtime(target, denominator), 9)
    used = float(denominator - numerator)
    return ErrorBudget(target, allowed, used, round(1 - used / allowed, 9) if allowed > 0 else None)


def allowed_downtime(target: float, duration: float) -> float:
    """For how much of a time may a service be down at this availability? In the unit of `duration`.

    Examples
    --------
    >>> round(allowed_downtime(0.999, 30 * 24 * 60), 1)
    43.2

    References
    ----------
    Beyer et al. (2016), Site Reliability Engineering, appendix A.
    """
    if not 0 <= target <= 1:
        message = f"a target lies between 0 and 1, not at {target}"
        raise ValueError(message)
    return (1 - target) * duration


@dataclass(frozen=True)
class SlotUptime:
    """What a record of missed slots comes to: uptime, and outages as numbers of slots in the order of time."""

    uptime: float
    outages: tuple[int, ...]


def slot_uptime(missed: Collection[int], *, due: int, excluded: Collection[int] = (), least_run: int = 1) -> SlotUptime:
    """Which share of the slots due was up, if only runs of so many missed slots are an outage?

    An outage counts from the first slot missed. Excluded slots leave both sides, and join what lies before and after.
    `least_run` 1 is every missed slot, 2 a gap of more than two intervals between fixes, 3 one of more than three: the
    stricter, the usual and the looser definition of `data/marts/trip_signal.sql`, on a grid.

    Examples
    --------
    >>> slot_uptime([2, 5, 6, 7], due=10, least_run=2)
    SlotUptime(uptime=0.7, outages=(3,))
    """
    kept = [slot in set(missed) for slot in range(due) if slot not in set(excluded)]
    outages, run = [], 0
    for is_missed in [*kept, False]:
        if is_missed:
            run += 1
        elif run:
            outages.append(run)
            run = 0
    counted = tuple(length for length in outages if length >= least_run)
    return SlotUptime(1 - sum(counted) / len(kept) if kept else 1.0, counted)


def unavailable_spans(is_bad: Sequence[bool], *, run: int = 10) -> tuple[tuple[int, int], ...]:
    """When was a line unavailable, if it takes so many bad seconds to go down and as many good ones to come back?

    Both changes count from the first second of the run that proves them, so that the good seconds which end an outage
    are available ones.

    Returns
    -------
    tuple of (int, int)
        Start (included) and end (not included) of each span, as positions.

    References
    ----------
    ITU-T Recommendation G.826, annex A.

    Examples
    --------
    >>> unavailable_spans([True, True, False, True, False, False], run=2)
    ((0, 4),)
    """
    spans: list[tuple[int, int]] = []
    down, since = False, 0
    start = 0
    for place, bad in enumerate(is_bad):
        if bad == down:
            since = place + 1
        elif place + 1 - since >= run:
            if down:
                spans.append((start, since))
            start, down, since = since, bad, place + 1
    return (*spans, (start, len(is_bad))) if down else tuple(spans)


class DarkAtLoss(NamedTuple):
    """Thefts of tracked goods at which the device was dark, against chance.

    Attributes
    ----------
    thefts, dark
        Thefts of tracked goods, and those of them at which the device was dark.
    expected
        How many would be dark, if the device were no darker then than at other times.
    share
        expected / thefts: the chance at one theft.
    p_value
        Chance of so many or more: binomial.
    """

    thefts: int
    dark: int
    expected: float
    share: float
    p_value: float


def dark_at_loss_test(dark: int, chances: ArrayLike) -> DarkAtLoss:
    """Is a device dark at thefts more often than its usual darkness explains?

    Binomial with the mean of the chances, whose tail is never shorter than that of trials with each its own, where
    `dark` lies at least one above the expectation.

    Examples
    --------
    >>> found = dark_at_loss_test(3, [0.05] * 10)
    >>> found.expected, round(found.p_value, 4)
    (0.5, 0.0115)

    References
    ----------
    Hoeffding (1956), Annals of Mathematical Statistics 27:713-721, theorem 4.
    """
    chance = np.atleast_1d(np.asarray(chances, dtype=np.float64))
    count = len(chance)
    if not 0 <= dark <= count:
        message = f"{dark} of {count} thefts cannot be dark"
        raise ValueError(message)
    share = float(chance.mean()) if count else 0.0
    tail = float(special.bdtrc(dark - 1, count, share)) if dark else 1.0
    return DarkAtLoss(count, dark, float(chance.sum()), share, tail)
