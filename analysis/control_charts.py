"""Did a measure really move, or is it noise? Control charts by period.

One chart a measure: individuals for amounts and times, u' for rates, p' for shares (Laney's, which know that months
differ by more than chance). EWMA and CUSUM, for small lasting shifts, are in analysis/shift_charts.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["individuals", "u'", "p'", "x-bar", "EWMA"]
Limits = Literal["exact", "three sigma"]

#: With fewer periods than this, limits are a guess: nothing is called a signal.
LEAST_PERIODS = 8
#: With fewer events than this (for a share also: fewer without it) the centre itself is a guess.
LEAST_EVENTS = 5
#: Above this many times the spread of chance, a caveat says that the periods differ by more.
NOTABLE_SPREAD = 1.2
#: So many values in a row on one side of the centre are a signal.
RUN_LENGTH = 8
#: Mean range of two normal values, in standard deviations.
D2_OF_TWO = 1.128
#: Chance of a value beyond three sigma on one side.
TAIL = float(stats.norm.sf(3))


@dataclass(frozen=True)
class Reading:
    """Whether one value of a chart is a signal.

    Attributes
    ----------
    signal
        None where it cannot be told.
    sentence
        The same in words, without its full stop.
    """

    signal: bool | None
    sentence: str


@dataclass(frozen=True)
class ControlChart:
    """A measure by period, with the limits inside which chance alone would keep it.

    Attributes
    ----------
    kind
        Which chart.
    values
        One a period; not a number where there is none.
    centre, low, high
        Of each period.
    sigma
        Standard deviation of a single value (individuals, x-bar, EWMA), or how many times the spread by chance alone
        the periods show (u', p').
    beyond
        Outside the limits.
    run
        The eighth or later in a row on one side of the centre (u', p': of the median count).
    judged
        Neither immature nor without a value; all False where there is a `lack`.
    n
        Periods that set the limits.
    lack
        Why nothing can be judged (too few periods or events), to follow a colon; empty where it can.
    caveats
        Each a sentence without its full stop.
    """

    kind: Kind
    values: Array
    centre: Array
    low: Array
    high: Array
    sigma: float
    beyond: Mask
    run: Mask
    judged: Mask
    n: int
    lack: str
    caveats: tuple[str, ...]

    @property
    def signals(self) -> Mask:
        """Periods that chance alone does not explain."""
        return self.beyond | self.run

    def read(self, place: int = -1, *, label: str, words: Callable[[float], str] = "{:.3g}".format) -> Reading:
        """Is this period's value signal or noise?

        Parameters
        ----------
        place
            Of the period; -1: the last.
        label
            What the period is called.
        words
            How a value is written in the measure's unit.

        Examples
        --------
        >>> chart = individuals_chart([10, 11, 10, 9, 10, 11, 10, 9, 20])
        >>> chart.read(label="September").sentence
        'September (20) is above the 5.13 to 17.1 that chance alone explains: a signal'
        """
        if self.lack:
            return Reading(None, f"{label}: {self.lack}")
        if not self.judged[place]:
            return Reading(None, f"{label} is not judged: it is still growing or has no value")
        value, centre = float(self.values[place]), float(self.centre[place])
        name = f"{label} ({words(value)})"
        usual = f"the {words(float(self.low[place]))} to {words(float(self.high[place]))} that chance alone explains"
        side = "above" if value > centre else "below"
        if self.beyond[place]:
            return Reading(signal=True, sentence=f"{name} is {side} {usual}: a signal")
        if self.run[place]:
            told = f"{name} and at least {RUN_LENGTH - 1} values before it are all {side} the usual {words(centre)}"
            return Reading(signal=True, sentence=f"{told}: a signal")
        return Reading(signal=False, sentence=f"{name} is within {usual}: noise")


def individuals_chart(
    values: ArrayLike,
    *,
    immature: ArrayLike | None = None,
    baseline: ArrayLike | None = None,
    bounds: tuple[float, float] | None = None,
) -> ControlChart:
    """Did an amount or a time per period really move? Single values, with limits from their moving range.

    Centre = mean, sigma = mean moving range / 1.128, limits at 3 sigma: the range between neighbours is hardly moved
    by a shift, the standard deviation is. Signals are values beyond the limits (chance: 1 in 370 values) and the
    eighth in a row on one side; together 1 in 153 values of a measure at rest (Champ & Woodall 1987,
    Technometrics 29:393-399).

    Parameters
    ----------
    values
        One a period, in order; not a number where there is none.
    immature
        Periods that still grow: drawn, not judged, and no part of the limits.
    baseline
        Periods that set the limits; None: all that are judged.
    bounds
        Values that the measure cannot pass, nor its limits. None: 0 and up where no value is below 0, as of amounts
        and times; else without bounds.

    References
    ----------
    NIST/SEMATECH e-Handbook of Statistical Methods, section 6.3.2.2.
    """
    x = _values(values)
    judged, base = _periods(x, immature=immature, baseline=baseline)
    within = x[base]
    centre = float(within.mean()) if len(within) else np.nan
    sigma = moving_range(within) / D2_OF_TWO
    return assemble_chart(
        "individuals",
        x,
        centre=np.full_like(x, centre),
        reach=(np.full_like(x, 3 * sigma), np.full_like(x, 3 * sigma)),
        sigma=sigma,
        judged=judged,
        n=int(base.sum()),
        bounds=bounds or (-np.inf if (x < 0).any() else 0.0, np.inf),
        runs_about=np.full_like(x, centre),
    )


def rate_chart(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    immature: ArrayLike | None = None,
    baseline: ArrayLike | None = None,
    limits: Limits = "exact",
) -> ControlChart:
    """Did a rate (thefts per trip) really move, when exposure differs by period? Laney's u' chart.

    Centre u = sum of events / sum of exposure. With z_i = (u_i - u) / sqrt(u / exposure_i), sigma = mean moving range
    of z / 1.128 says how many times the spread of chance the periods show; limits are u ± sigma x the reach of chance.
    It is taken as at least 1, so that a quiet stretch does not make the next month a signal. Runs are counted on a
    side of the median count that chance brings, not of u: of small counts far more than half lie below their mean.

    Parameters
    ----------
    events, exposure
        Of each period; one without exposure has no value.
    immature, baseline
        As :func:`individuals_chart`.
    limits
        exact: the reach is that of a Poisson count at the chance of three sigma, 0.135% on each side, since three
        sigma are no such limits for counts of a few. three sigma: as in Laney's paper.

    References
    ----------
    Laney (2002), Improved control charts for attributes, Quality Engineering 14:531-537.
    """
    y, e = _pair(events, exposure)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(e > 0, y / e, np.nan)
    judged, base = _periods(x, immature=immature, baseline=baseline)
    centre = float(y[base].sum() / e[base].sum()) if base.any() else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(e > 0, np.sqrt(centre / e), np.nan)
    expected = np.where(e > 0, centre * e, np.nan)
    reach = (3 * error, 3 * error)
    if limits == "exact":
        reach = _reach(stats.poisson.ppf(TAIL, expected), stats.poisson.isf(TAIL, expected), over=e, centre=centre)
    return _attribute_chart(
        "u'",
        x,
        centre=centre,
        middle=_per(stats.poisson.median(expected), e),
        error=error,
        reach=reach,
        judged=judged,
        base=base,
        seen=float(y[base].sum()),
    )


def share_chart(
    events: ArrayLike,
    trials: ArrayLike,
    *,
    immature: ArrayLike | None = None,
    baseline: ArrayLike | None = None,
    limits: Limits = "exact",
) -> ControlChart:
    """Did a share (contained within the hour, delivered on time) really move? Laney's p' chart.

    As :func:`rate_chart`, with the binomial spread sqrt(p (1 - p) / trials) in place of the Poisson's.

    References
    ----------
    Laney (2002), Improved control charts for attributes, Quality Engineering 14:531-537.
    """
    y, n = _pair(events, trials)
    if (y > n).any():
        message = "a share has no more events than trials"
        raise ValueError(message)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(n > 0, y / n, np.nan)
    judged, base = _periods(x, immature=immature, baseline=baseline)
    centre = float(y[base].sum() / n[base].sum()) if base.any() else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(n > 0, np.sqrt(centre * (1 - centre) / n), np.nan)
    reach = (3 * error, 3 * error)
    if limits == "exact":
        reach = _reach(stats.binom.ppf(TAIL, n, centre), stats.binom.isf(TAIL, n, centre), over=n, centre=centre)
    seen = float(min(y[base].sum(), (n - y)[base].sum()))
    return _attribute_chart(
        "p'",
        x,
        centre=centre,
        middle=_per(stats.binom.median(n, centre), n),
        error=error,
        reach=reach,
        judged=judged,
        base=base,
        seen=seen,
        ceiling=1.0,
    )


def subgroup_chart(subgroups: ArrayLike, *, calibration: int | None = None) -> ControlChart:
    """Did the mean of samples really move? Means of samples of one size, with limits from the spread inside them.

    sigma = pooled standard deviation / c4(degrees of freedom + 1), limits at centre ± 3 sigma / sqrt(size).

    Parameters
    ----------
    subgroups
        (samples, size).
    calibration
        How many first samples set the limits; None: all.

    References
    ----------
    Scrucca (2004), qcc: an R package for quality control charting, R News 4/1:11-17 (its default since 2.0, UWAVE-SD;
    mean range / d2, of older textbooks, gives slightly other limits).
    """
    x = np.asarray(subgroups, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or not np.isfinite(x).all():
        message = "samples are of one size, at least 2, and complete"
        raise ValueError(message)
    used = x[:calibration]
    means = x.mean(axis=1)
    sigma = float(np.sqrt(used.var(axis=1, ddof=1).mean())) / _c4(used.shape[0] * (used.shape[1] - 1) + 1)
    reach = np.full(len(x), 3 * sigma / np.sqrt(x.shape[1]))
    return assemble_chart(
        "x-bar",
        means,
        centre=np.full(len(x), float(used.mean())),
        reach=(reach, reach),
        sigma=sigma,
        judged=np.ones(len(x), dtype=np.bool_),
        n=len(used),
        runs_about=np.full(len(x), float(used.mean())),
    )


@dataclass(frozen=True)
class Overdispersion:
    """Whether counts differ by more than chance.

    Attributes
    ----------
    ratio
        Observed variance over that of chance.
    statistic
        Ratio x (n - 1), chi-squared with n - 1 degrees of freedom.
    p_value
        Chance of so large a ratio where only chance is at work; None where it cannot be told.
    n
        Counts.
    """

    ratio: float
    statistic: float
    p_value: float | None
    n: int


def overdispersion(events: ArrayLike, *, trials: ArrayLike | None = None, exposure: ArrayLike = 1.0) -> Overdispersion:
    """Do counts differ by more than chance makes them? To ask before plain p, u or c charts and funnels.

    D = sum of (count - expected)^2 / variance, binomial where trials are given, else Poisson on the exposure. For
    equal sizes this is (n - 1) x observed / theoretical variance.

    References
    ----------
    Wetherill & Brown (1991), Statistical Process Control, pp. 212-218.
    """
    if trials is None:
        y, size = _pair(events, exposure)
    else:
        y, size = _pair(events, trials)
    y, size = y[size > 0], size[size > 0]
    centre = float(y.sum() / size.sum()) if len(y) else np.nan
    variance = size * centre * (1 if trials is None else 1 - centre)
    if len(y) < 2 or not (variance > 0).all():
        return Overdispersion(np.nan, np.nan, None, len(y))
    statistic = float(((y - size * centre) ** 2 / variance).sum())
    return Overdispersion(statistic / (len(y) - 1), statistic, float(stats.chi2.sf(statistic, len(y) - 1)), len(y))


# ---- what the charts share


def moving_range(values: Array) -> float:
    """How far do neighbours lie apart on average? Not a number for fewer than two."""
    return float(np.abs(np.diff(values)).mean()) if len(values) > 1 else float("nan")


def assemble_chart(
    kind: Kind,
    values: Array,
    *,
    centre: Array,
    reach: tuple[Array, Array],
    sigma: float,
    judged: Mask,
    n: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    lack: str = "",
    runs_about: Array | None = None,
) -> ControlChart:
    """A chart from its centre and how far chance reaches below and above it, with its signals marked.

    Parameters
    ----------
    bounds
        Values that the measure cannot pass, nor its limits.
    lack
        Why nothing can be judged; empty where it can, but for too few periods.
    runs_about
        What the values of a run lie above or below: at rest at most half of them on each side. None: runs are no
        signals, as where neighbours are not independent.
    """
    low, high = np.maximum(centre - reach[0], bounds[0]), np.minimum(centre + reach[1], bounds[1])
    if n < LEAST_PERIODS:
        lack = f"too few periods ({n}) to tell a signal from noise"
    judged = judged & np.isfinite(values) & np.isfinite(low) & (not lack)
    # Rounding must not make a value on its limit, or on the centre, a signal.
    slack = 1e-9 * np.maximum(np.abs(np.nan_to_num(centre)), np.nan_to_num(high - low))
    beyond = judged & ((values < low - slack) | (values > high + slack))
    run = np.zeros(len(values), dtype=np.bool_)
    if runs_about is not None:
        off = values - runs_about
        side = np.where(np.isfinite(off) & (np.abs(off) > slack), np.sign(off), 0.0)
        run = judged & (_run_lengths(side) >= RUN_LENGTH)
    return ControlChart(
        kind, values, centre, low, high, sigma, beyond, run, judged, n, lack, (lack.capitalize(),) if lack else ()
    )


def _attribute_chart(
    kind: Kind,
    x: Array,
    *,
    centre: float,
    middle: Array,
    error: Array,
    reach: tuple[Array, Array],
    judged: Mask,
    base: Mask,
    seen: float,
    ceiling: float = np.inf,
) -> ControlChart:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (x[base] - centre) / error[base]
    z = z[np.isfinite(z)]
    spread = moving_range(z) / D2_OF_TWO
    sigma = 1.0 if np.isnan(spread) else max(spread, 1.0)
    noted = f"Periods differ {sigma:.1f} times as much as chance alone would make them; the limits allow for it"
    chart = assemble_chart(
        kind,
        x,
        centre=np.full_like(x, centre),
        reach=(sigma * reach[0], sigma * reach[1]),
        sigma=sigma,
        judged=judged,
        n=int(base.sum()),
        bounds=(0.0, ceiling),
        runs_about=middle,
        lack=f"too few events ({seen:.0f}) to tell a signal from noise" if seen < LEAST_EVENTS else "",
    )
    return replace(chart, caveats=(*chart.caveats, noted)) if sigma > NOTABLE_SPREAD and not chart.lack else chart


def _reach(low: ArrayLike, high: ArrayLike, *, over: Array, centre: float) -> tuple[Array, Array]:
    """How far the counts that chance allows lie from the centre, as rates."""
    return centre - _per(low, over), _per(high, over) - centre


def _per(count: ArrayLike, over: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(over > 0, np.asarray(count, dtype=np.float64) / over, np.nan)


def _run_lengths(side: Array) -> NDArray[np.int64]:
    """For each value how many in a row up to it lie on its side (0 on the centre)."""
    lengths = np.zeros(len(side), dtype=np.int64)
    for place, here in enumerate(side):
        if here:
            lengths[place] = 1 + (lengths[place - 1] if place and side[place - 1] == here else 0)
    return lengths


def _values(values: ArrayLike) -> Array:
    x = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or np.isinf(x).any():
        message = "a chart needs one finite value a period, or none"
        raise ValueError(message)
    return x


def _pair(events: ArrayLike, size: ArrayLike) -> tuple[Array, Array]:
    y = _values(events)
    n = np.broadcast_to(np.asarray(size, dtype=np.float64), y.shape).astype(np.float64)
    if not ((y >= 0) & np.isfinite(n) & (n >= 0)).all():
        message = "counts and what they are counted on are not negative"
        raise ValueError(message)
    return y, n


def _periods(x: Array, *, immature: ArrayLike | None, baseline: ArrayLike | None) -> tuple[Mask, Mask]:
    judged = np.isfinite(x)
    if immature is not None:
        judged = judged & ~np.asarray(immature, dtype=np.bool_)
    base = judged if baseline is None else judged & np.asarray(baseline, dtype=np.bool_)
    return judged, base


def _c4(n: int) -> float:
    """Mean of the standard deviation of n normal values, in units of the true one."""
    return float(np.sqrt(2 / (n - 1)) * np.exp(special.gammaln(n / 2) - special.gammaln((n - 1) / 2)))
