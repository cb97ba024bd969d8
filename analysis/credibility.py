"""How much does a place's own count say against that of the whole book?

The Poisson-gamma posterior of a ratio (observed over expected), whose prior says how much places differ; its kin of
the literature; and the older limited fluctuation standard. Credibility of amounts is in analysis/buhlmann.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

Array = NDArray[np.float64]

#: Prior of the coefficient of variation of the places' true ratios: log-normal with this median and log deviation.
MEDIAN_CV = 0.6
SD_LOG_CV = 0.5


@dataclass(frozen=True)
class RatioPosterior:
    """What is known of true ratios after their counts: gamma distributions with these shapes and rates.

    Attributes
    ----------
    shape, rate
        One value a place: a + y and a + E.
    weight
        Own-data weight E / (a + E), 0 to 1: the share of the estimate that rests on the place itself.
    """

    shape: Array
    rate: Array
    weight: Array

    @property
    def mean(self) -> Array:
        """The shrunken ratios; each lies between the raw ratio y / E and 1."""
        return self.shape / self.rate

    def interval(self, *, level: float = 0.9) -> tuple[Array, Array]:
        """Ends of the central credible interval that holds the true ratio with probability ``level``."""
        tail = (1 - level) / 2
        low = special.gammaincinv(self.shape, tail) / self.rate
        high = special.gammainccinv(self.shape, tail) / self.rate
        return low, high

    def probability_above(self, ratio: float) -> Array:
        """Probability that each true ratio exceeds ``ratio``, 0 to 1."""
        above: Array = special.gammaincc(self.shape, ratio * self.rate)
        return above


def ratio_posterior(observed: ArrayLike, expected: ArrayLike, *, dispersion: float) -> RatioPosterior:
    """What is the true ratio of each place, given its count and what was expected of it?

    With y ~ Poisson(E x ratio) and ratio ~ Gamma(a, a) (mean 1, coefficient of variation a^-1/2), the posterior is
    Gamma(a + y, a + E).

    Parameters
    ----------
    observed
        Counts y, not negative.
    expected
        Expected counts E at the portfolio's rates, not negative; 0 leaves the prior as it is.
    dispersion
        a > 0: the smaller, the more places differ. From :func:`fit_dispersion`.

    Raises
    ------
    ValueError
        A count or an expected count is negative or not finite, or a is not positive.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43:671-681, eq. 3; Hauer, Harwood, Council & Griffith (2002), Transportation
    Research Record 1784:126-131 (a is there the overdispersion parameter x length; the estimate is E x mean).

    Examples
    --------
    >>> found = ratio_posterior([12], [4.34], dispersion=2.05 * 1.8)
    >>> round(float(found.mean[0] * 4.34), 2)
    8.48
    """
    y, e = _counts(observed, expected)
    _positive(dispersion, "the dispersion")
    return RatioPosterior(shape=dispersion + y, rate=dispersion + e, weight=e / (dispersion + e))


def fit_dispersion(
    observed: ArrayLike, expected: ArrayLike, *, median_cv: float = MEDIAN_CV, sd_log_cv: float = SD_LOG_CV
) -> float:
    """How much do true ratios differ between places? The a of the Gamma(a, a) prior, by penalised likelihood.

    Maximises the negative binomial likelihood of the counts plus the log density of log CV ~ normal(log median_cv,
    sd_log_cv), where CV = a^-1/2. Plain likelihood finds no dispersion at all in a third of small portfolios, and a
    portfolio without thefts leaves the median of the prior.

    Parameters
    ----------
    observed, expected
        Counts and expected counts of the places.
    median_cv, sd_log_cv
        Median of the coefficient of variation, and standard deviation of its logarithm. ``sd_log_cv=inf`` is plain
        maximum likelihood (within CV of 0.001 to 100).

    Raises
    ------
    ValueError
        As :func:`ratio_posterior`, or a median or deviation that is not positive.

    References
    ----------
    Chung, Rabe-Hesketh, Dorie, Gelman & Liu (2013), Psychometrika 78:685-709 (penalised likelihood keeps a variance
    off zero); the prior's figures are Lanewise's own default.
    """
    y, e = _counts(observed, expected)
    _positive(median_cv, "the median")
    _positive(sd_log_cv, "the deviation")
    kept = e > 0
    y, e = y[kept], e[kept]
    centre = math.log(median_cv)

    def loss(log_cv: float) -> float:
        a = math.exp(-2 * log_cv)
        return 0.5 * ((log_cv - centre) / sd_log_cv) ** 2 - _log_likelihood(y, e, shape=a, rate=a)

    reach = 8 * sd_log_cv
    low, high = (centre - reach, centre + reach) if math.isfinite(reach) else (math.log(0.001), math.log(100))
    grid = np.linspace(low, high, 81)
    best = int(np.argmin([loss(float(point)) for point in grid]))
    bracket = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)]))
    found = optimize.minimize_scalar(loss, bounds=bracket, method="bounded", options={"xatol": 1e-10})
    return float(math.exp(-2 * found.x))


class GammaPrior(NamedTuple):
    """A gamma distribution of ratios: ``shape`` nu and ``rate`` alpha; its mean is shape / rate."""

    shape: float
    rate: float


def fit_gamma_by_moments(observed: ArrayLike, expected: ArrayLike, *, tolerance: float = 1e-10) -> GammaPrior:
    """Which gamma prior do the ratios of many places suggest? By the moments' fixed point.

    Repeats mean = average of posterior means theta_i = (y_i + nu) / (E_i + alpha) and variance = sum((1 + alpha / E_i)
    (theta_i - mean)^2) / (n - 1), with nu = mean^2 / variance and alpha = mean / variance. It differs from maximum
    likelihood (:func:`fit_gamma_by_likelihood`), and neither is what verdicts rest on (:func:`fit_dispersion`).

    Raises
    ------
    ValueError
        As :func:`ratio_posterior`; fewer than two places; or the ratios differ no more than chance would make them,
        so that the fixed point runs away.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43:671-681, eq. 7.
    """
    y, e = _counts(observed, expected)
    kept = e > 0
    y, e = y[kept], e[kept]
    if len(y) < 2:
        message = "the moments need at least two places with an expected count"
        raise ValueError(message)
    raw = y / e
    mean, variance = float(raw.mean()), float(raw.var(ddof=1))
    for _ in range(10_000):
        if not (variance > 1e-12 and mean > 0):
            break
        nu, alpha = mean**2 / variance, mean / variance
        theta = (y + nu) / (e + alpha)
        mean = float(theta.mean())
        variance = float(((1 + alpha / e) * (theta - mean) ** 2).sum() / (len(y) - 1))
        if variance > 0 and abs(mean / variance - alpha) < tolerance and abs(mean**2 / variance - nu) < tolerance:
            return GammaPrior(mean**2 / variance, mean / variance)
    message = "the ratios differ no more than chance makes them: there is no gamma prior with these moments"
    raise ValueError(message)


def fit_gamma_by_likelihood(observed: ArrayLike, expected: ArrayLike) -> GammaPrior:
    """Which gamma prior makes the counts most likely? Maximum likelihood of the negative binomial.

    Raises
    ------
    ValueError
        As :func:`ratio_posterior`, or the likelihood has no maximum at a finite prior.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43:671-681, eq. 5 and 6.
    """
    y, e = _counts(observed, expected)

    def loss(log: Array) -> float:
        return -_log_likelihood(y, e, shape=math.exp(log[0]), rate=math.exp(log[1]))

    found = optimize.minimize(
        loss,
        np.zeros(2, dtype=np.float64),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 20_000},
    )
    if not found.success or found.x.max() > 12:
        message = "the ratios differ no more than chance makes them: the likelihood has no maximum"
        raise ValueError(message)
    return GammaPrior(math.exp(found.x[0]), math.exp(found.x[1]))


def smooth_rates(
    events: ArrayLike, population: ArrayLike, *, neighbours: Sequence[Sequence[int]] | None = None
) -> Array:
    """What are the rates of small populations, each drawn towards the common rate? Marshall's empirical Bayes.

    With m the rate of all and s2 = sum(n_i (r_i - m)^2) / sum(n_i), the variance between places is A = s2 - m / mean(n)
    (at least 0), and the estimate m + A / (A + m / n_i) (r_i - m).

    Parameters
    ----------
    events, population
        Counts and populations; populations are positive.
    neighbours
        For each place the indices of those around it: m and A are then those of the place with its neighbours
        (local smoothing). None: those of all places (global).

    References
    ----------
    Marshall (1991), Journal of the Royal Statistical Society C 40:283-294.
    """
    y, n = _counts(events, population)
    if not (n > 0).all():
        message = "a rate needs a positive population"
        raise ValueError(message)
    if neighbours is None:
        return _smooth(y, n, y, n)
    sets = [np.array(sorted({place, *around}), dtype=np.intp) for place, around in enumerate(neighbours)]
    if len(sets) != len(y):
        message = f"{len(sets)} lists of neighbours for {len(y)} places"
        raise ValueError(message)
    return np.array([_smooth(y[i], n[i], y[around], n[around]) for i, around in enumerate(sets)], dtype=np.float64)


def _smooth(y: Array, n: Array, all_y: Array, all_n: Array) -> Array:
    mean = all_y.sum() / all_n.sum()
    spread = (all_n * (all_y / all_n - mean) ** 2).sum() / all_n.sum()
    between = max(spread - mean / all_n.mean(), 0.0)
    if between == 0:
        return np.full_like(y, mean)
    smoothed: Array = mean + between / (between + mean / n) * (y / n - mean)
    return smoothed


def funnel_limits(expected: ArrayLike, *, level: float = 0.95, dispersion: float | None = None) -> tuple[Array, Array]:
    """Between which raw ratios would chance alone leave a place with this expected count?

    Exact limits, interpolated between whole counts so that the funnel is smooth: with r the smallest count whose
    cumulative probability exceeds p, the limit is (r - (F(r) - p) / (F(r) - F(r - 1))) / E, not below 0.

    Parameters
    ----------
    expected
        Expected counts, positive.
    level
        Share of places inside the limits if nothing but chance moves them.
    dispersion
        a of the prior: the limits then also hold what places differ by as a rule (negative binomial). None: Poisson.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185-1202, appendix A.1.1.
    """
    e = np.asarray(expected, dtype=np.float64)
    if not (e > 0).all():
        message = "a funnel needs positive expected counts"
        raise ValueError(message)
    if not 0 < level < 1:
        message = f"a level lies between 0 and 1, not at {level}"
        raise ValueError(message)
    if dispersion is not None:
        _positive(dispersion, "the dispersion")

    def cumulative(count: Array) -> Array:
        if dispersion is None:
            return np.asarray(stats.poisson.cdf(count, e), dtype=np.float64)
        return np.asarray(stats.nbinom.cdf(count, dispersion, dispersion / (dispersion + e)), dtype=np.float64)

    def limit(p: float) -> Array:
        if dispersion is None:
            r = np.asarray(stats.poisson.ppf(p, e), dtype=np.float64)
        else:
            r = np.asarray(stats.nbinom.ppf(p, dispersion, dispersion / (dispersion + e)), dtype=np.float64)
        share = (cumulative(r) - p) / (cumulative(r) - cumulative(r - 1))
        limits: Array = np.maximum((r - share) / e, 0.0)
        return limits

    return limit((1 - level) / 2), limit((1 + level) / 2)


# ---- limited fluctuation


def full_credibility(
    *,
    probability: float = 0.9,
    within: float = 0.05,
    frequency_variance: float = 1.0,
    severity_cv: float = 0.0,
    quantile: float | None = None,
) -> float:
    """How many expected claims make own experience fully credible? The limited fluctuation standard.

    (z / k)^2 x (variance / mean of the claim count + CV^2 of the severity). Not rounded: a whole number of claims
    is the next one up (the 1,082 of the tables is 1,082.22; Loss Data Analytics prints 1,537 for 1,536.6).

    Parameters
    ----------
    probability, within
        P and k: the estimate is to lie within k of the truth with probability P.
    frequency_variance
        Variance over mean of the claim count: 1 Poisson, above 1 negative binomial, 0 for severity alone.
    severity_cv
        Coefficient of variation of one claim's amount; 0 for frequency alone.
    quantile
        z; None: the exact one of P. Tables use 1.645 and 1.96.

    References
    ----------
    Longley-Cook (1962), Proceedings of the Casualty Actuarial Society 49:194-221; Loss Data Analytics, section 9.2.

    Examples
    --------
    >>> round(full_credibility(), 2)
    1082.22
    """
    if not (0 < probability < 1 and within > 0 and frequency_variance >= 0):
        message = "P lies between 0 and 1, k is positive and a variance is not negative"
        raise ValueError(message)
    z = float(special.ndtri((1 + probability) / 2)) if quantile is None else quantile
    return (z / within) ** 2 * (frequency_variance + severity_cv**2)


def partial_credibility(claims: float, *, full: float) -> float:
    """Which weight has experience of this many claims, where ``full`` are needed for 1? min(1, sqrt(n / n_full)).

    References
    ----------
    Loss Data Analytics, section 9.2.4.
    """
    _positive(full, "the standard")
    if claims < 0:
        message = f"a number of claims is not negative: {claims}"
        raise ValueError(message)
    return min(1.0, math.sqrt(claims / full))


def _counts(observed: ArrayLike, expected: ArrayLike) -> tuple[Array, Array]:
    y = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    e = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if y.shape != e.shape or y.ndim != 1:
        message = f"{y.shape} counts do not match {e.shape} expected counts"
        raise ValueError(message)
    if not (np.isfinite(y).all() and np.isfinite(e).all() and (y >= 0).all() and (e >= 0).all()):
        message = "counts and expected counts are finite and not negative"
        raise ValueError(message)
    return y, e


def _log_likelihood(y: Array, e: Array, *, shape: float, rate: float) -> float:
    """Negative binomial log likelihood of counts, without terms that hold no parameter."""
    terms = (
        special.gammaln(y + shape) - special.gammaln(shape) + shape * math.log(rate) - (y + shape) * np.log(e + rate)
    )
    return float(terms.sum())


def _positive(value: float, name: str) -> None:
    if not value > 0:
        message = f"{name} is positive, not {value}"
        raise ValueError(message)
