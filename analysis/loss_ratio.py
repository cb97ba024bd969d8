"""How far could chance alone have moved a loss ratio? Intervals for sums of a random number of random losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from analysis.estimates import Estimate
from analysis.intervals import Interval

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

#: With fewer losses than this their own sizes say little of how large one can be.
LEAST_LOSSES = 20


@dataclass(frozen=True)
class LossSums:
    """What the interval of a sum of losses needs to know of them, one row an account; all from one `group by`.

    Attributes
    ----------
    count
        Losses.
    total
        Their sum: ultimate incurred incl. claims expense.
    squares
        Sum of their squares.
    largest
        The largest in absolute value; 0 without any.
    falls
        Whether some are negative (net of what came back).
    """

    count: Counts
    total: Array
    squares: Array
    largest: Array
    falls: NDArray[np.bool_]


@dataclass(frozen=True)
class LossRatios:
    """Loss ratios of several accounts.

    Attributes
    ----------
    value
        Losses over premium; not a number without premium.
    low, high
        Ends of the interval of the ratio that the account's risk would come to on average; not a number where there is
        none.
    n
        Losses of each.
    standard_error
        Of each value.
    level
        Of the intervals.
    caveats
        Of each account, sentences without their full stop.
    """

    value: Array
    low: Array
    high: Array
    n: Counts
    standard_error: Array
    level: float
    caveats: tuple[tuple[str, ...], ...]


def sum_losses(amounts: ArrayLike) -> LossSums:
    """What does an interval need to know of these losses? The sums of one account."""
    x = np.atleast_1d(np.asarray(amounts, dtype=np.float64))
    if x.ndim != 1 or not np.isfinite(x).all():
        message = "losses are finite amounts, one each"
        raise ValueError(message)
    return LossSums(
        count=np.array([len(x)], dtype=np.int64),
        total=np.array([x.sum()], dtype=np.float64),
        squares=np.array([(x**2).sum()], dtype=np.float64),
        largest=np.array([np.abs(x).max(initial=0.0)], dtype=np.float64),
        falls=np.array([bool((x < 0).any())], dtype=np.bool_),
    )


def loss_ratio(
    amounts: ArrayLike,
    premium: float,
    *,
    mean_severity: float | None = None,
    severity_cv: float | None = None,
    development_error: float = 0.0,
    level: float = 0.9,
) -> Estimate:
    """What is this account's loss ratio, and where may it lie in the long run? See :func:`loss_ratios`.

    Examples
    --------
    >>> found = loss_ratio([10_000.0] * 5, 100_000)
    >>> found.value, [round(end, 3) for end in found.interval]
    (0.5, [0.197, 1.051])
    """
    found = loss_ratios(
        sum_losses(amounts),
        [premium],
        mean_severity=mean_severity,
        severity_cv=severity_cv,
        development_error=development_error,
        level=level,
    )
    value, low, high, error = (float(part[0]) for part in (found.value, found.low, found.high, found.standard_error))
    if math.isnan(value):
        return Estimate(None, None, int(found.n[0]), found.caveats[0])
    interval = None if math.isnan(low) else Interval(low, high)
    return Estimate(value, interval, int(found.n[0]), found.caveats[0], error)


def loss_ratios(
    losses: LossSums,
    premium: ArrayLike,
    *,
    mean_severity: ArrayLike | None = None,
    severity_cv: ArrayLike | None = None,
    development_error: ArrayLike = 0.0,
    level: float = 0.9,
) -> LossRatios:
    """What are these accounts' loss ratios, and where may each lie in the long run?

    Losses are compound Poisson: S = sum of N amounts with N Poisson, so that Var S = E N x E X^2, estimated by
    v = sum x^2. A gamma distribution with mean S and variance v gives the low end, one with mean S + w and variance
    v + w^2 the high end, w the largest loss: one more of them could have come. For losses of one size this is the
    exact Poisson interval; for several sizes it is Fay and Feuer's for a weighted sum of Poisson counts, never too
    short for the sizes seen.

    Sizes that were not seen it cannot know: of heavy-tailed losses few accounts have had their large one yet. With
    the class's coefficient of variation ``severity_cv`` (and ``mean_severity`` for accounts without a loss)
    v = n m^2 (1 + cv^2) and w = m (1 + cv^2), m the account's own mean size: then an account without its large loss
    is not taken for a steady one. The error of the development is added to v. In simulations with 2, 5, 20 and 100
    expected losses the 90% interval held the truth in 91 to 98% of cases for sizes all alike, and for log-normal sizes
    with cv 4 in 67, 69, 80 and 86% by the account's own sizes, but in 95 to 98% with the class's cv: give it where
    there is one.

    Where some losses are negative (net of recoveries), or the sum is not positive, the interval is S ± z sqrt(v).

    Parameters
    ----------
    losses
        Sums of each account's losses, developed, incl. claims expense. Gross, or net of recoveries.
    premium
        Earned premium of each.
    mean_severity
        Of the class: without it an account without losses has no interval.
    severity_cv
        Of the class of each; None or not a number: the account's own losses.
    development_error
        Standard error of each ultimate.
    level
        Of the intervals.

    Raises
    ------
    ValueError
        Columns differ in length; a premium, error or severity is negative; a level is not between 0 and 1.

    References
    ----------
    Fay & Feuer (1997), Statistics in Medicine 16:791-801; Garwood (1936), Biometrika 28:437-442; Klugman, Panjer &
    Willmot, Loss Models, section 9.2 (moments of the sum).
    """
    earned = np.atleast_1d(np.asarray(premium, dtype=np.float64))
    n, total = losses.count.astype(np.float64), losses.total
    if not (earned.shape == n.shape == total.shape == losses.squares.shape == losses.largest.shape):
        message = f"{len(earned)} premiums for {len(n)} accounts"
        raise ValueError(message)
    error = np.broadcast_to(np.asarray(development_error, dtype=np.float64), n.shape)
    class_mean, class_cv = (
        np.broadcast_to(np.asarray(np.nan if one is None else one, dtype=np.float64), n.shape)
        for one in (mean_severity, severity_cv)
    )
    negative = (class_mean < 0).any() or (class_cv < 0).any()
    if negative or not ((earned >= 0).all() and (error >= 0).all()):
        message = "premium, errors and severities are not negative"
        raise ValueError(message)
    if not 0 < level < 1:
        message = f"a level lies between 0 and 1, not at {level}"
        raise ValueError(message)
    variance, step = _spread(losses, class_mean=class_mean, class_cv=class_cv)
    variance = variance + error**2
    low, high = _ends(total, variance, step, normal=losses.falls | (total < 0), level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, bottom, top, spread = (
            np.where(earned > 0, part / earned, np.nan) for part in (total, low, high, np.sqrt(variance))
        )
    caveats = tuple(
        _caveats(
            int(count), premium=float(charge), sized=bool(np.isfinite(end)), own=bool(np.isnan(cv)), falls=bool(fall)
        )
        for count, charge, end, cv, fall in zip(n, earned, high, class_cv, losses.falls, strict=True)
    )
    return LossRatios(ratio, bottom, top, losses.count, spread, level, caveats)


def chance_beside_the_rest(
    losses: LossSums,
    premium: ArrayLike,
    *,
    mean_severity: ArrayLike | None = None,
    severity_cv: ArrayLike | None = None,
    development_error: ArrayLike = 0.0,
) -> Array:
    """How often would chance alone set each account so far from all the others together? Two-sided p-values.

    An account's losses are held against its premium times the loss ratio of the rest, by the gamma distributions of
    :func:`loss_ratios`, widened by how far chance moves the rest. Not a number where the account or the rest has no
    premium, or no loss tells how large one can be. One p-value an account: of many, some are small by chance (Holm:
    `analysis.differences.holm`).

    Parameters
    ----------
    losses, premium, mean_severity, severity_cv, development_error
        As of :func:`loss_ratios`.
    """
    earned = np.atleast_1d(np.asarray(premium, dtype=np.float64))
    total = losses.total
    class_mean, class_cv, error = (
        np.broadcast_to(np.asarray(np.nan if one is None else one, dtype=np.float64), total.shape)
        for one in (mean_severity, severity_cv, development_error)
    )
    variance, step = _spread(losses, class_mean=class_mean, class_cv=class_cv)
    own = variance + error**2
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = earned / (earned.sum() - earned)
        expected = np.maximum(total.sum() - total, 0.0) * scale
        spread = own + (own.sum() - own) * scale**2
        high = np.where(total > 0, special.gammainc(total**2 / spread, expected * total / spread), 1.0)
        mean, wide = total + step, spread + step**2
        low = special.gammaincc(mean**2 / wide, expected * mean / wide)
        chance: Array = np.where(
            (earned > 0) & (earned.sum() > earned) & (mean > 0), np.minimum(2 * np.minimum(high, low), 1.0), np.nan
        )
    return chance


def _spread(losses: LossSums, *, class_mean: Array, class_cv: Array) -> tuple[Array, Array]:
    """Variance of each sum, and the size of one more loss; not a number where there is nothing to tell it."""
    n = losses.count.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Losses that all came to nothing tell no size.
        mean = np.where(losses.largest > 0, losses.total / n, class_mean)
    own = np.isnan(class_cv)
    modelled = n * mean**2 * (1 + class_cv**2)
    # Never less than what was seen.
    variance = np.where(n > 0, np.maximum(modelled, losses.squares), 0.0)
    step = np.where(losses.largest > 0, losses.largest, class_mean)
    return np.where(own, losses.squares, variance), np.where(own, step, np.abs(mean) * (1 + class_cv**2))


def _ends(
    total: Array, variance: Array, step: Array, *, normal: NDArray[np.bool_], level: float
) -> tuple[Array, Array]:
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(variance > 0, special.gammaincinv(total**2 / variance, tail) * variance / total, 0.0)
        low = np.where(total > 0, low, 0.0)
        mean, spread = total + step, variance + step**2
        high = np.where(spread > 0, special.gammainccinv(mean**2 / spread, tail) * spread / mean, total)
    z = float(stats.norm.isf(tail))
    reach = z * np.sqrt(variance)
    unknown = np.isnan(step)
    low = np.where(normal, total - reach, np.where(unknown, np.nan, low))
    return low, np.where(normal, total + reach, np.where(unknown, np.nan, high))


def _caveats(n: int, *, premium: float, sized: bool, own: bool, falls: bool) -> tuple[str, ...]:
    if not premium:
        return ("There is no earned premium",)
    said = []
    if not sized:
        said.append("No loss tells how large one could be: there is no interval")
    elif not n:
        said.append("There is no loss: the interval rests on the size of those of its class")
    elif own and n < LEAST_LOSSES:
        told = "one loss tells" if n == 1 else f"{n} losses tell"
        said.append(f"Its {told} little of how large one can be: the true range is wider")
    if falls:
        said.append("Some losses are negative: the interval is the normal one")
    return tuple(said)
