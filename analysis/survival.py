"""How long until something happens, when some cases are still open?

Curves by Kaplan-Meier, groups by log-rank; several ends are in analysis/incidence.py. Curve, numbers at risk and
Greenwood's errors are those of statsmodels' SurvfuncRight. Its group test is not used (no expected counts, no weights
of Peto, and it fails where a group is never at risk), nor its interval of a quantile (none where the curve leaps over
it); it has no restricted mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight

from analysis.durations import (
    LEAST_EVENTS,
    ROUNDING,
    Array,
    Counts,
    Followed,
    Mask,
    checked_events,
    event_caveats,
    exact_low,
    log_log_band,
    normal_quantile,
)
from analysis.estimates import Estimate
from analysis.intervals import Interval, poisson_interval

Weighting = Literal["log-rank", "wilcoxon", "tarone-ware", "peto"]


@dataclass(frozen=True, kw_only=True)
class SurvivalCurve(Followed):
    """The share of cases in which something has not happened yet, over time.

    Attributes
    ----------
    survival
        Share in which it has not happened at each of the times, after those; its error is Greenwood's, 0 where it is 0.
    """

    survival: Array

    @property
    def happened(self) -> int:
        """Cases in which it happened."""
        return int(self.events.sum())

    def at_risk_at(self, times: ArrayLike) -> Counts:
        """How many cases are followed, and without the event, just before each of these times?"""
        asked = np.asarray(times, dtype=np.float64)
        return np.asarray(self.n - np.searchsorted(self.followed, asked, side="left"), dtype=np.int64)

    def share_by(self, time: float) -> Estimate:
        """In which share of cases has it happened by this time? With the log-log interval.

        Before the first event the interval is exact (binomial, on the cases followed so far). Beyond the longest time
        anybody was followed the share is known from below only.
        """
        if not self.n:
            return Estimate(None, None, 0, self.caveats)
        survival, (low, high), _ = self._at(time)
        caveats = self.caveats
        if time > self.followed[-1] and survival > 0:
            caveats = (*caveats, f"Nobody was followed to {time:g}: the share is at least this")
            low = 0.0
        return Estimate(1 - survival, Interval(1 - high, 1 - low), self.n, caveats, self._error_at(time))

    def quantile(self, share: float = 0.5) -> Estimate:
        """By which time has it happened in this share of cases? For a half: the median.

        The first time at which the curve is at or below 1 - share; the interval holds the times at which its band
        contains 1 - share, so that its upper end is infinite where the band never falls so low.

        References
        ----------
        Brookmeyer & Crowley (1982), Biometrics 38:29-41.
        """
        if not 0 < share < 1:
            message = f"a share lies between 0 and 1, not at {share}"
            raise ValueError(message)
        reached = 1 - share + ROUNDING
        value, low, high = (_first(self.times, line <= reached) for line in (self.survival, self.low, self.high))
        caveats = self.caveats
        if value is None and self.n:
            caveats = (*caveats, f"It has happened in fewer than {share:.0%} of cases as far as they were followed")
        interval = None if low is None else Interval(low, math.inf if high is None else high)
        return Estimate(value, interval, self.n, caveats)

    def median(self) -> Estimate:
        """By which time has it happened in half of the cases?"""
        return self.quantile(0.5)

    def restricted_mean(self, horizon: float) -> Estimate:
        """How long does it take on average, when no case counts for longer than the horizon?

        The area under the curve up to the horizon. Its variance is sum over event times t_i of
        (area between t_i and the horizon)^2 x d_i / (n_i (n_i - d_i)); the variance of min(T, horizon) is not it.
        Where nobody was followed to the horizon the curve is carried on level: the mean is then an upper bound, and
        the interval's low end holds what was seen only.

        The interval takes the error sqrt(m / (m - 1)) times, and Student's t with m - 1 degrees of freedom, m the
        events; with fewer than 10, or where all came at one time, it is the areas under the band, which is wider than
        need be. In simulations (log-normal times, a fifth lost, a tenth censored, 95% aimed at) it held the truth in
        over 99, 92, 93 and 93% of samples of 5, 10, 20 and 50 cases; a plain normal interval in 73, 88, 91 and 92%.

        References
        ----------
        Irwin (1949), Journal of Hygiene 47:188-189; Klein & Moeschberger (2003), Survival Analysis, eq. 4.5.1-4.5.2.
        """
        if not (horizon > 0 and math.isfinite(horizon)):
            message = f"a horizon is positive and finite, not {horizon}"
            raise ValueError(message)
        if not self.n:
            return Estimate(None, None, 0, self.caveats)
        mean, error = self._area(horizon)
        seen, seen_error = mean, error
        caveats = self.caveats
        if self.followed[-1] < horizon and not self._ended:
            caveats = (*caveats, f"Nobody was followed to {horizon:g}: the mean is at most this")
            seen, seen_error = self._area(float(self.followed[-1]))
        m = int(self.events[self.times <= horizon].sum())
        if error > 0 and m >= LEAST_EVENTS:
            reach = float(stats.t.ppf((1 + self.level) / 2, m - 1)) * math.sqrt(m / (m - 1))
            ends = seen - reach * seen_error, mean + reach * error
        else:
            ends = self._areas_of_band(horizon)
        return Estimate(mean, Interval(max(ends[0], 0.0), min(ends[1], horizon)), self.n, caveats, error)

    @property
    def _ended(self) -> bool:
        """Whether it has happened in every case."""
        return bool(len(self.survival) and self.survival[-1] == 0)

    def _at(self, time: float) -> tuple[float, tuple[float, float], int]:
        place = int(np.searchsorted(self.times, time, side="right"))
        if place == 0:
            followed = int(self.at_risk_at(time))
            return 1.0, (exact_low(max(followed, 1), self.level), 1.0), place
        return float(self.survival[place - 1]), (float(self.low[place - 1]), float(self.high[place - 1])), place

    def _error_at(self, time: float) -> float:
        place = int(np.searchsorted(self.times, time, side="right"))
        return float(self.standard_error[place - 1]) if place else 0.0

    def _area(self, horizon: float) -> tuple[float, float]:
        within = self.times <= horizon
        steps = np.concatenate(([0.0], self.times[within], [horizon]))
        areas = np.diff(steps) * np.concatenate(([1.0], self.survival[within]))
        beyond = np.cumsum(areas[::-1])[::-1][1:]
        n, d = self.at_risk[within].astype(np.float64), self.events[within]
        # Where all that are left have the event, nothing lies beyond: 0 / 0 stands for 0.
        left = n > d
        variance = (beyond[left] ** 2 * d[left] / (n[left] * (n[left] - d[left]))).sum()
        return float(areas.sum()), math.sqrt(float(variance))

    def _areas_of_band(self, horizon: float) -> tuple[float, float]:
        within = self.times <= horizon
        widths = np.diff(np.concatenate(([0.0], self.times[within], [horizon])))
        start = exact_low(max(int(self.at_risk_at(min(float(widths[0]), float(self.followed[-1])))), 1), self.level)
        low = np.concatenate(([start], self.low[within]))
        # What nobody was followed through may have ended at once.
        unseen = 0.0 if self._ended else max(horizon - float(self.followed[-1]), 0.0)
        return float((widths * low).sum() - unseen * low[-1]), float(
            (widths * np.concatenate(([1.0], self.high[within]))).sum()
        )


def kaplan_meier(
    time: ArrayLike, happened: ArrayLike, *, level: float = 0.95, caveats: Sequence[str] = ()
) -> SurvivalCurve:
    """In which share of cases has it not happened yet, over time? The product limit.

    S(t) = product over t_i <= t of (1 - d_i / n_i), Greenwood's variance S^2 sum d_i / (n_i (n_i - d_i)), and the band
    S^exp(±z se / (S log S)). A case censored at a time at which others have the event is at risk then. Where S is 0
    the band keeps its upper end, which bounds what comes later too.

    Parameters
    ----------
    time
        How long each case was followed, not negative.
    happened
        Whether the event happened at that time; otherwise the case was censored.
    level
        Probability of the intervals.
    caveats
        What the cases come with (:class:`Durations`), kept with every number.

    Raises
    ------
    ValueError
        Times that are negative or not finite, or do not fit the events; a level not between 0 and 1.

    References
    ----------
    Kaplan & Meier (1958), Journal of the American Statistical Association 53:457-481; Kalbfleisch & Prentice (2002),
    The Statistical Analysis of Failure Time Data, section 1.4 (the log-log band).

    Examples
    --------
    >>> curve = kaplan_meier([10, 20, 30, 40], [True, True, False, True])
    >>> curve.survival.round(2).tolist(), curve.median().value
    ([0.75, 0.5, 0.0], 20.0)
    """
    times, events = checked_events(time, happened)
    z = normal_quantile(level)
    followed = np.sort(times)
    if events.any():
        fitted = SurvfuncRight(times, events.astype(np.int64))
        at_risk = fitted.n_risk.astype(np.int64)
        error = np.where(fitted.surv_prob > 0, fitted.surv_prob_se, 0.0)
        low, high = log_log_band(fitted.surv_prob, error, z=z, at_risk=at_risk, level=level)
        at, count, survival = fitted.surv_times.astype(np.float64), fitted.n_events.astype(np.int64), fitted.surv_prob
    else:
        at = survival = error = low = high = np.zeros(0, dtype=np.float64)
        at_risk = count = np.zeros(0, dtype=np.int64)
    said = (*caveats, *event_caveats(len(times), int(events.sum())))
    return SurvivalCurve(at, at_risk, count, error, low, high, followed, level, said, survival=survival)


@dataclass(frozen=True)
class GroupComparison:
    """Whether groups differ in how fast it happens.

    Attributes
    ----------
    groups
        The groups, in the order of the counts.
    n, observed, expected
        Of each group: cases, events, and events if all groups were alike.
    variance
        Of each group's weighted events less those expected: for its test against all the others.
    statistic, degrees_of_freedom, p_value
        Chi-squared; the p-value is None where nothing can be compared.
    caveats
        Each a sentence without its full stop.
    """

    groups: tuple[str, ...]
    n: Counts
    observed: Counts
    expected: Array
    variance: Array
    statistic: float
    degrees_of_freedom: int
    p_value: float | None
    caveats: tuple[str, ...]


def compare_groups(
    time: ArrayLike,
    happened: ArrayLike,
    group: Sequence[str],
    *,
    weighting: Weighting = "log-rank",
    strata: Sequence[str] | None = None,
) -> GroupComparison:
    """Does it happen faster in some groups than in others? The log-rank test of any number of groups.

    Events of each group are compared with those expected if all were alike, with the hypergeometric variance (ties
    included). Weights: 1 (log-rank), n (Wilcoxon of Gehan and Breslow), sqrt(n) (Tarone-Ware), or the product of
    1 - d / (n + 1) up to and with that time (Peto & Peto). Groups that are never at risk at an event add nothing,
    and do not count as degrees of freedom.

    Parameters
    ----------
    strata
        Cases are compared only with those of their own stratum, and the differences added up; None: all with all.

    Raises
    ------
    ValueError
        As :func:`kaplan_meier`, or groups or strata that do not fit the times.

    References
    ----------
    Mantel (1966), Cancer Chemotherapy Reports 50:163-170; Peto & Peto (1972), JRSS A 135:185-207; Tarone & Ware
    (1977), Biometrika 64:156-160; Klein & Moeschberger (2003), Survival Analysis, sections 7.3 and 7.5 (strata).
    """
    times, events = checked_events(time, happened)
    if len(group) != len(times):
        message = f"{len(times)} times for {len(group)} groups"
        raise ValueError(message)
    if strata is not None and len(strata) != len(times):
        message = f"{len(times)} times for {len(strata)} strata"
        raise ValueError(message)
    names = tuple(sorted(set(group)))
    member = np.searchsorted(np.array(names, dtype=object), np.array(group, dtype=object)) if names else np.zeros(0)
    stratum = np.array(strata, dtype=object) if strata is not None else np.full(len(times), "", dtype=object)
    expected, excess = np.zeros(len(names)), np.zeros(len(names))
    variance = np.zeros((len(names), len(names)))
    for one in sorted(set(stratum.tolist())):
        inside = stratum == one
        added = _excess(times[inside], events[inside], member[inside], groups=len(names), weighting=weighting)
        expected, excess, variance = expected + added[0], excess + added[1], variance + added[2]
    rank = int(np.linalg.matrix_rank(variance, hermitian=True)) if names and events.any() else 0
    statistic = float(excess @ np.linalg.pinv(variance, hermitian=True) @ excess) if rank else 0.0
    caveats: list[str] = []
    if not rank:
        caveats.append("There is nothing to compare: fewer than two groups were at risk when it happened")
    elif rank < len(names) - 1:
        caveats.append("Some groups were never at risk when it happened and are not compared")
    return GroupComparison(
        groups=names,
        n=np.bincount(member.astype(np.int64), minlength=len(names)).astype(np.int64),
        observed=np.bincount(member[events].astype(np.int64), minlength=len(names)).astype(np.int64),
        expected=expected,
        variance=np.diag(variance).copy(),
        statistic=statistic,
        degrees_of_freedom=rank,
        p_value=float(stats.chi2.sf(statistic, rank)) if rank else None,
        caveats=(*caveats, *event_caveats(len(times), int(events.sum()))),
    )


def _excess(
    times: Array, events: Mask, member: Counts, *, groups: int, weighting: Weighting
) -> tuple[Array, Array, Array]:
    """Events expected in each group of one stratum, the weighted excess over them, and its covariance."""
    at = np.unique(times[events])
    at_risk = np.array(
        [(member == k).sum() - np.searchsorted(np.sort(times[member == k]), at, side="left") for k in range(groups)]
    ).reshape(groups, len(at))
    d = np.array(
        [np.bincount(np.searchsorted(at, times[events & (member == k)]), minlength=len(at)) for k in range(groups)]
    ).reshape(groups, len(at))
    n, all_d = at_risk.sum(axis=0).astype(np.float64), d.sum(axis=0).astype(np.float64)
    share = at_risk / np.maximum(n, 1)
    weight = _weights(weighting, n=n, d=all_d)
    spread = weight**2 * all_d * (n - all_d) / np.maximum(n - 1, 1)
    variance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    expected = (share * all_d).sum(axis=1).astype(np.float64)
    return expected, (weight * (d - share * all_d)).sum(axis=1), variance


def event_rate(time: ArrayLike, happened: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How often does it happen per unit of time at risk, if that does not change with time?

    Events over total time (the exponential model), with the exact interval of the count.

    Raises
    ------
    ValueError
        As :func:`kaplan_meier`.
    """
    times, events = checked_events(time, happened)
    total, count = float(times.sum()), int(events.sum())
    if total == 0:
        return Estimate(None, None, len(times), ("No time at risk was seen",))
    low, high = poisson_interval(count, level=level)
    interval = Interval(low / total, high / total)
    return Estimate(count / total, interval, len(times), event_caveats(len(times), count), math.sqrt(count) / total)


def _weights(weighting: Weighting, *, n: Array, d: Array) -> Array:
    match weighting:
        case "log-rank":
            return np.ones_like(n)
        case "wilcoxon":
            return n
        case "tarone-ware":
            return np.sqrt(n)
        case "peto":
            return np.asarray(np.cumprod(1 - d / (n + 1)), dtype=np.float64)


def _first(times: Array, reached: Mask) -> float | None:
    places = np.flatnonzero(reached)
    return float(times[places[0]]) if len(places) else None
