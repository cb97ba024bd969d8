"""What will losses come to when all are settled, and how sure is that?

Chain ladder with Mack's errors for a book or class; Bornhuetter-Ferguson for what is too young or too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.estimates import Estimate
from analysis.intervals import Interval
from analysis.triangles import Array, Triangle

LastSigma = Literal["mack", "log-linear"]
State = Literal["fitted", "no errors", "too short"]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ChainLadder:
    """Ultimate losses by chain ladder.

    Attributes
    ----------
    triangle
        What it was fitted to.
    state
        fitted; no errors (factors, but no two origins to see them vary); too short (fewer than two origins, or no
        factor can be had for a step that an origin still needs): what cannot be projected is not a number.
    factors
        From each age to the next, then the tail (1 without one).
    sigma
        Mack's sigma of each step, the tail's last; not a number where none can be had.
    pairs
        Origins that each factor rests on (0 for the tail).
    ultimate, reserve
        Of each origin; reserve = ultimate - latest.
    standard_error
        Mack's, of ultimate and reserve alike.
    total
        Reserve of all origins together, with its error and interval.
    one_year_error, total_one_year_error
        Error of what the estimate may move by within a year (Merz-Wüthrich); not a number where the triangle is not
        regular.
    level
        Probability of the intervals.
    caveats
        Each a sentence without its full stop.
    """

    triangle: Triangle
    state: State
    factors: Array
    sigma: Array
    pairs: Counts
    ultimate: Array
    reserve: Array
    standard_error: Array
    total: Estimate
    one_year_error: Array
    total_one_year_error: float
    level: float
    caveats: tuple[str, ...]

    @property
    def to_ultimate(self) -> Array:
        """Factor from each age to ultimate."""
        return np.asarray(np.cumprod(self.factors[::-1])[::-1], dtype=np.float64)

    @property
    def developed_share(self) -> Array:
        """Share of the ultimate known at each age."""
        share: Array = 1 / self.to_ultimate
        return share

    @property
    def total_ultimate(self) -> Estimate:
        """Ultimate of all origins together: what is known plus the reserve, with its interval."""
        known = float(np.nansum(self.triangle.latest))
        return _shifted(self.total, known)

    def reserve_of(self, origin: object) -> Estimate:
        """What is still to come for one origin, with its interval."""
        row = self.triangle.origins.index(origin)
        reserve, error = float(self.reserve[row]), float(self.standard_error[row])
        return _reserve(reserve, error, n=int(self.triangle.known[row].sum()), level=self.level, caveats=self.caveats)

    def ultimate_of(self, origin: object) -> Estimate:
        """What one origin will come to, with its interval."""
        return _shifted(self.reserve_of(origin), float(self.triangle.latest[self.triangle.origins.index(origin)]))


def chain_ladder(
    triangle: Triangle,
    *,
    last_sigma: LastSigma = "mack",
    tail: float = 1.0,
    tail_sigma: float = 0.0,
    tail_error: float = 0.0,
    level: float = 0.9,
) -> ChainLadder:
    """What will each origin's losses come to, and how wrong may that be?

    f_k = sum C_(k+1) / sum C_k over origins with both; sigma_k^2 = sum C_k (C_(k+1) / C_k - f_k)^2 / (pairs - 1). An
    unknown cell leaves its origin out of the factors on both sides of it; an origin is projected from its last known
    cell. A step that only one origin has gone has no variance of its own: Mack's rule takes
    min(sigma_(k-1)^4 / sigma_(k-2)^2, sigma_(k-1)^2, sigma_(k-2)^2), the log-linear rule extrapolates log sigma by
    least squares over the steps that have one. On the RAA triangle the total error is 26,909.01 by the first and
    26,880.74 by the second; Lanewise uses the first unless told otherwise.

    The errors follow the recursion by which process and estimation variance of each step add up, which is Mack's
    formula for a triangle without gaps. Intervals are log-normal in the reserve (normal where it is not positive).

    Parameters
    ----------
    triangle
        Cumulative amounts of a book or class. Falling amounts are allowed.
    last_sigma
        How a step with one pair gets its sigma.
    tail, tail_sigma, tail_error
        Factor beyond the last age, with its sigma and standard error; without them a caveat says that no error of the
        tail is counted.
    level
        Probability of the intervals.

    Raises
    ------
    ValueError
        The tail or one of its errors is not what it can be, or the level is not between 0 and 1.

    References
    ----------
    Mack (1993), ASTIN Bulletin 23:213-225; Mack (1999), ASTIN Bulletin 29:361-366 (recursion, tail); Merz & Wüthrich
    (2008), Modelling the claims development result for solvency purposes, CAS E-Forum, eq. 4.9 and 4.17.
    """
    if not (tail > 0 and tail_sigma >= 0 and tail_error >= 0):
        message = "a tail is positive, and its errors are not negative"
        raise ValueError(message)
    if not 0 < level < 1:
        message = f"a level lies between 0 and 1, not at {level}"
        raise ValueError(message)
    step = _steps(triangle)
    sigma, borrowed = _complete_sigma(step.sigma, rule=last_sigma)
    # The tail as one more step, whose factor is given and not estimated from any sum.
    factors = np.concatenate((step.factors, [tail]))
    sigma = np.concatenate((sigma, [tail_sigma]))
    factor_variance = np.concatenate((sigma[:-1] ** 2 / step.base, [tail_error**2]))
    run = _project(triangle, factors=factors, sigma=sigma, factor_variance=factor_variance)
    latest = triangle.latest
    reserve = run.ultimate - latest
    state = _state(triangle, ultimate=run.ultimate, error=run.error)
    caveats = _caveats(triangle, step=step, borrowed=borrowed, state=state, tail=(tail, tail_sigma + tail_error))
    n = int(triangle.known.sum())
    # Origins without any cell have nothing to project and are left out; one that cannot be projected spoils the sum.
    total = float(reserve[triangle.latest_age >= 0].sum()) if n else math.nan
    one_year, total_one_year = _one_year(triangle, step=step, sigma=sigma, tail=tail)
    return ChainLadder(
        triangle=triangle,
        state=state,
        factors=factors,
        sigma=sigma,
        pairs=np.concatenate((step.pairs, [0])).astype(np.int64),
        ultimate=run.ultimate,
        reserve=reserve,
        standard_error=run.error,
        total=_reserve(total, run.total_error if n else math.nan, n=n, level=level, caveats=caveats),
        one_year_error=one_year,
        total_one_year_error=total_one_year,
        level=level,
        caveats=caveats,
    )


@dataclass(frozen=True)
class ExpectedDevelopment:
    """Ultimate losses where experience is thin: what is known plus what is expected of the rest.

    Attributes
    ----------
    ultimate, reserve
        Of each account or origin.
    developed_share
        Share of its ultimate known by then, from the book's chain ladder.
    own_weight
        The same, 0 to 1: how much of the estimate is the account's own chain ladder, the rest the a priori.
    caveats
        Each a sentence without its full stop.
    """

    ultimate: Array
    reserve: Array
    developed_share: Array
    own_weight: Array
    caveats: tuple[str, ...]


def bornhuetter_ferguson(
    latest: ArrayLike, *, developed_share: ArrayLike, premium: ArrayLike, a_priori: ArrayLike
) -> ExpectedDevelopment:
    """What will an account's losses come to, when its own are too few to develop?

    Ultimate = latest + a priori loss ratio x earned premium x (1 - developed share). A premium of 0 expects nothing
    more. A share above 1 (money still to be recovered) makes the reserve negative, as it should. The a priori's error
    is not part of it: the interval of an account comes from its claims (analysis/loss_ratio.py).

    Parameters
    ----------
    latest
        Losses known, one an account or origin.
    developed_share
        Share of the ultimate known at its age, from the book (:attr:`ChainLadder.developed_share`), positive.
    premium
        Earned premium, not negative.
    a_priori
        Ultimate loss ratio expected of its class, not negative.

    Raises
    ------
    ValueError
        A premium or a priori is negative, or a share not positive.

    References
    ----------
    Bornhuetter & Ferguson (1972), PCAS 59:181-195.

    Examples
    --------
    >>> bornhuetter_ferguson([20.0], developed_share=[0.4], premium=[100.0], a_priori=0.6).ultimate.tolist()
    [56.0]
    """
    known, share, earned, expected = (
        np.atleast_1d(part).astype(np.float64)
        for part in np.broadcast_arrays(
            *(np.asarray(x, dtype=np.float64) for x in (latest, developed_share, premium, a_priori))
        )
    )
    if not ((earned >= 0).all() and (expected >= 0).all() and (share > 0).all()):
        message = "premium and a priori are not negative, and a developed share is positive"
        raise ValueError(message)
    reserve = expected * earned * (1 - share)
    caveats = []
    if (earned == 0).any():
        caveats.append(
            f"Without earned premium, so that nothing more is expected: {(earned == 0).sum()} of {len(earned)}"
        )
    if (share > 1).any():
        caveats.append("Some are past their ultimate at this age: money is still expected back")
    return ExpectedDevelopment(known + reserve, reserve, share, np.clip(share, 0.0, 1.0), tuple(caveats))


@dataclass(frozen=True)
class NetDevelopment:
    """Losses gross, and net of what comes back, each developed by its own pattern.

    Attributes
    ----------
    gross, recoveries
        Each by chain ladder; `recoveries` in its own right, positive where money comes back.
    recovered_ultimate
        Of each origin: as developed, or as recorded where `recoveries` cannot be developed.
    net_ultimate
        Gross less recoveries, of each origin.
    total_net
        Net ultimate of all, whose error takes both to be independent.
    caveats
        Each a sentence without its full stop.
    """

    gross: ChainLadder
    recoveries: ChainLadder
    recovered_ultimate: Array
    net_ultimate: Array
    total_net: Estimate
    caveats: tuple[str, ...]


def develop_net(
    gross: Triangle, recoveries: Triangle, *, last_sigma: LastSigma = "mack", level: float = 0.9
) -> NetDevelopment:
    """What will losses come to net of salvage and subrogation, when those come later than the losses?

    Developed apart, since a net triangle mixes two speeds. The errors are added as if independent: where more is
    recovered when more is lost, the true error of the net is smaller. Where recoveries are too few to develop (none
    at an age from which others came), they are taken as recorded, so that the net errs to the high side.

    Raises
    ------
    ValueError
        The triangles differ in origins or ages.
    """
    if (gross.origins, gross.ages) != (recoveries.origins, recoveries.ages):
        message = "gross losses and recoveries need the same origins and ages"
        raise ValueError(message)
    lost = chain_ladder(gross, last_sigma=last_sigma, level=level)
    back = chain_ladder(recoveries, last_sigma=last_sigma, level=level)
    thin = back.state == "too short"
    recovered = np.nan_to_num(recoveries.latest) if thin else np.where(recoveries.latest_age >= 0, back.ultimate, 0.0)
    caveats = [*lost.caveats]
    if thin:
        caveats.append("Recoveries are too few to develop and are taken as recorded: the net is at most this")
    else:
        caveats.append("The error takes losses and recoveries to be independent")
    net = lost.ultimate - recovered
    known = gross.latest_age >= 0
    total = float(net[known].sum()) if known.any() else math.nan
    errors = [lost.total.standard_error, 0.0 if thin else back.total.standard_error]
    error = math.nan if None in errors else math.hypot(*(part for part in errors if part is not None))
    latest = float(np.nansum(gross.latest) - np.nansum(recoveries.latest))
    to_come = _reserve(total - latest, error, n=lost.total.n, level=level, caveats=tuple(caveats))
    return NetDevelopment(lost, back, recovered, net, _shifted(to_come, latest), tuple(caveats))


# ---- factors and sigmas


@dataclass(frozen=True)
class _Steps:
    """Of each step from an age to the next: factor, sigma (not a number without two pairs), pairs, sum below."""

    factors: Array
    sigma: Array
    pairs: Counts
    base: Array
    from_nothing: int


def _steps(triangle: Triangle) -> _Steps:
    below, above = triangle.amounts[:, :-1], triangle.amounts[:, 1:]
    both = np.isfinite(below) & np.isfinite(above)
    c, d = np.where(both, below, 0.0), np.where(both, above, 0.0)
    base = c.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(base > 0, d.sum(axis=0) / base, np.nan)
        # A factor that is not positive cannot be carried on.
        factors = np.where(factors > 0, factors, np.nan)
        # An amount of 0 or less has no factor of its own: it counts in the sums, not in their spread.
        spread = both & (c > 0)
        squares = np.where(spread, (d - factors * c) ** 2 / np.where(spread, c, 1.0), 0.0).sum(axis=0)
        counted = spread.sum(axis=0)
        sigma = np.sqrt(np.where(counted > 1, squares / np.maximum(counted - 1, 1), np.nan))
    from_nothing = int((both & (below <= 0) & (above != 0)).sum())
    return _Steps(factors, sigma, both.sum(axis=0).astype(np.int64), np.where(base > 0, base, np.nan), from_nothing)


def _complete_sigma(sigma: Array, *, rule: LastSigma) -> tuple[Array, int]:
    """The sigmas with those of steps with one pair filled in, and how many were filled."""
    found, missing = sigma.copy(), np.flatnonzero(np.isnan(sigma))
    if len(missing) in {0, len(sigma)}:
        return found, 0
    fitted = np.flatnonzero(sigma > 0)
    for place in missing:
        earlier = found[:place][~np.isnan(found[:place])]
        if rule == "log-linear" and len(fitted) >= 2:
            slope, level = np.polyfit(fitted, np.log(sigma[fitted]), 1)
            found[place] = math.exp(level + slope * place)
        elif len(earlier) >= 2 and earlier[-2] > 0:
            last, before = float(earlier[-1]) ** 2, float(earlier[-2]) ** 2
            found[place] = math.sqrt(min(last**2 / before, before, last))
        elif len(earlier):
            found[place] = earlier[-2:].min()
    return found, int((~np.isnan(found[missing])).sum())


# ---- projection


@dataclass(frozen=True)
class _Projection:
    ultimate: Array
    error: Array
    total_error: float


def _project(triangle: Triangle, *, factors: Array, sigma: Array, factor_variance: Array) -> _Projection:
    start, value = triangle.latest_age, np.where(triangle.latest_age >= 0, triangle.latest, 0.0)
    process, estimation = np.zeros_like(value), np.zeros_like(value)
    total_estimation = 0.0
    for k in range(len(factors)):
        on = (start >= 0) & (start <= k)
        if not on.any():
            continue
        f, variance = float(factors[k]), float(factor_variance[k])
        c = np.where(on, value, 0.0)
        # An amount of 0 or less carries no process variance: the model's is in proportion to it.
        process = np.where(on, f**2 * process + sigma[k] ** 2 * np.maximum(c, 0.0), process)
        estimation = np.where(on, f**2 * estimation + c**2 * variance, estimation)
        total_estimation = f**2 * total_estimation + float(c.sum()) ** 2 * variance
        value = np.where(on, f * value, value)
    # A single origin has shown no development that another could follow.
    empty = (start < 0) | ((start >= 0).sum() < 2)
    error = np.sqrt(process + estimation)
    total = math.sqrt(float(process[start >= 0].sum()) + total_estimation)
    return _Projection(np.where(empty, np.nan, value), np.where(empty, np.nan, error), total)


def _state(triangle: Triangle, *, ultimate: Array, error: Array) -> State:
    known = triangle.latest_age >= 0
    if not known.any() or len(triangle.ages) < 2 or np.isnan(ultimate[known]).any():
        return "too short"
    return "no errors" if np.isnan(error[known]).any() else "fitted"


def _one_year(triangle: Triangle, *, step: _Steps, sigma: Array, tail: float) -> tuple[Array, float]:
    """Merz & Wüthrich's errors of the development of the next year, by origin and in all."""
    rows, columns = triangle.amounts.shape
    none = np.full(rows, np.nan), math.nan
    regular = np.arange(columns)[None, :] <= np.minimum(columns - 1, rows - 1 - np.arange(rows))[:, None]
    if tail != 1 or columns < 2 or not (triangle.known == regular).all() or np.isnan(sigma).any():
        return none
    start = triangle.latest_age
    if np.isnan(step.factors).any() or (triangle.latest <= 0).any():
        return none
    ratio = (sigma[:-1] / step.factors) ** 2
    base = step.base
    # The cell of each age on the last diagonal, which the next year's factor will take in.
    diagonal = np.array([triangle.amounts[np.flatnonzero(start == k)[-1], k] for k in range(columns - 1)])
    grown = base + diagonal
    later = (diagonal / grown) ** 2 * ratio
    estimation, process = later / base, later / diagonal
    after = {k: (float(estimation[k + 1 :].sum()), float(process[k + 1 :].sum())) for k in range(columns - 1)}
    ultimate = triangle.latest * np.array([float(np.prod(step.factors[k:])) for k in start])
    own, shared = np.zeros(rows), np.zeros(rows)
    for row in range(rows):
        k = int(start[row])
        if k == columns - 1:
            continue
        beyond_estimation, beyond_process = after[k]
        own[row] = ratio[k] * (1 / triangle.amounts[row, k] + 1 / base[k]) + beyond_estimation + beyond_process
        # With a younger origin: the same next factor of this origin's age moves both.
        shared[row] = (
            diagonal[k] / grown[k] * ratio[k] / base[k] + beyond_estimation + ratio[k] / grown[k] + beyond_process
        )
    variance = ultimate**2 * own
    younger = ultimate.sum() - np.cumsum(ultimate)
    total = float(variance.sum() + 2 * (ultimate * younger * shared).sum())
    return np.sqrt(variance), math.sqrt(total)


# ---- words and intervals


def _reserve(value: float, error: float, *, n: int, level: float, caveats: tuple[str, ...]) -> Estimate:
    if math.isnan(value):
        return Estimate(None, None, n, caveats)
    if math.isnan(error):
        return Estimate(value, None, n, caveats)
    z = float(stats.norm.ppf((1 + level) / 2))
    if value > 0 and error > 0:
        spread = math.sqrt(math.log1p((error / value) ** 2))
        middle = math.log(value) - spread**2 / 2
        interval = Interval(math.exp(middle - z * spread), math.exp(middle + z * spread))
    else:
        interval = Interval(value - z * error, value + z * error)
    return Estimate(value, interval, n, caveats, error)


def _shifted(reserve: Estimate, known: float) -> Estimate:
    value = None if reserve.value is None else reserve.value + known
    interval = reserve.interval and Interval(reserve.interval.low + known, reserve.interval.high + known)
    return Estimate(value, interval, reserve.n, reserve.caveats, reserve.standard_error)


def _caveats(
    triangle: Triangle, *, step: _Steps, borrowed: int, state: State, tail: tuple[float, float]
) -> tuple[str, ...]:
    said = []
    if state == "too short":
        said.append(
            "The triangle is too short: for a step that is still to come no origin shows a factor"
            if (triangle.latest_age >= 0).sum() > 1
            else "There are not two origins with amounts: nothing shows how losses develop"
        )
    if state == "no errors":
        said.append("No two origins show how much the factors vary: the error is not known")
    if borrowed:
        said.append(f"Steps that rest on one origin, their error extrapolated: {borrowed} of {len(step.sigma)}")
    if triangle.gaps:
        said.append(f"Unknown cells between known ones, left out of the factors: {triangle.gaps}")
    if empty := int((triangle.latest_age < 0).sum()):
        said.append(f"Origins without an amount, left out: {empty} of {len(triangle.origins)}")
    if triangle.falls:
        said.append(f"Steps in which an amount falls (a reserve taken down, money recovered): {triangle.falls}")
    if step.from_nothing:
        said.append(f"Steps that start at nothing, counted in the factors and not in their error: {step.from_nothing}")
    open_nothing = (triangle.latest_age >= 0) & (triangle.latest_age < len(triangle.ages) - 1) & (triangle.latest <= 0)
    if open_nothing.any():
        said.append(f"Origins with nothing yet, which the chain ladder leaves at nothing: {open_nothing.sum()}")
    factor, error = tail
    if factor != 1 and error == 0:
        said.append("The error of the tail is not counted")
    return tuple(said)
