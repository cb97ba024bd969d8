"""How much does each risk's own experience count against that of all? Bühlmann's greatest accuracy credibility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Credibility:
    """Credibility estimates of several risks.

    Attributes
    ----------
    collective
        The complement: the credibility-weighted mean of the risks (their mean by weight where nothing differs between
        them). With it the estimates balance the portfolio.
    within_variance, between_variance
        Expected variance inside a risk at weight 1 (s^2, EPV), and variance between risks' means (a, VHM), not below 0.
    means, weights
        Own mean and total weight of each risk.
    factors
        Z of each risk: weight / (weight + K).
    estimates
        Z x own mean + (1 - Z) x collective.
    """

    collective: float
    within_variance: float
    between_variance: float
    means: Array
    weights: Array
    factors: Array
    estimates: Array

    @property
    def k(self) -> float:
        """K = within / between variance; infinite where risks do not differ."""
        return self.within_variance / self.between_variance if self.between_variance > 0 else math.inf


def buhlmann_straub(ratios: Sequence[ArrayLike], weights: Sequence[ArrayLike] | None = None) -> Credibility:
    """What does each risk's experience say, when risks of different size are each observed several times?

    s^2 = sum w (x - mean_i)^2 / sum (n_i - 1); a = (sum w_i (mean_i - mean)^2 - (I - 1) s^2) / (w - sum w_i^2 / w),
    the unbiased estimator, not below 0.

    Parameters
    ----------
    ratios
        For each risk its observations; risks may have different numbers of them.
    weights
        For each observation its weight (exposure, number of claims), positive; None: 1 each (Bühlmann's model).

    Raises
    ------
    ValueError
        Fewer than two risks, no risk observed twice, or weights that do not fit or are not positive.

    References
    ----------
    Bühlmann & Straub (1970), Mitteilungen der Vereinigung schweizerischer Versicherungsmathematiker 70:111-133;
    Bühlmann & Gisler (2005), A Course in Credibility Theory, section 4.8; Loss Data Analytics, section 9.6.1.
    """
    x, w = _observations(ratios, weights)
    if len(x) < 2:
        message = "credibility needs at least two risks"
        raise ValueError(message)
    totals = np.array([part.sum() for part in w])
    means = np.array([(a * b).sum() / b.sum() for a, b in zip(x, w, strict=True)])
    within = _within_variance(x, w, means)
    return _weigh(means, totals, within=within, between=_between_variance(means, totals, within=within))


def poisson_credibility(counts: ArrayLike, exposure: ArrayLike) -> Credibility:
    """What does each risk's claim count say of its frequency? Semiparametric: a Poisson count's variance is its mean.

    The expected process variance is the mean frequency; the variance between risks is as in Bühlmann-Straub.

    Parameters
    ----------
    counts
        Claims of each risk.
    exposure
        Exposure of each (years, say), positive; one number for all of them is enough.

    References
    ----------
    Loss Data Analytics, section 9.6.2, examples 9.6.4 and 9.6.5.
    """
    y = np.asarray(counts, dtype=np.float64)
    m = np.broadcast_to(np.asarray(exposure, dtype=np.float64), y.shape).astype(np.float64)
    if len(y) < 2 or not (m > 0).all() or not (y >= 0).all():
        message = "credibility needs at least two risks, each with a positive exposure and a count"
        raise ValueError(message)
    within = float(y.sum() / m.sum())
    return _weigh(y / m, m, within=within, between=_between_variance(y / m, m, within=within))


@dataclass(frozen=True)
class HierarchicalCredibility:
    """Credibility in two levels: risks inside cohorts, cohorts inside the portfolio.

    Attributes
    ----------
    collective
        Credibility-weighted mean of the cohorts.
    within_variance, within_cohort, between_cohorts
        s^2 inside a risk at weight 1; a between risks of one cohort; b between cohorts.
    cohorts
        The cohorts' labels, in the order of ``cohort_*``.
    cohort_means, cohort_weights, cohort_factors, cohort_estimates
        Of each cohort: mean of its risks weighted by their Z; the sum of those Z; Z of the cohort; its estimate.
    factors, estimates
        Z and estimate of each risk, whose complement is its cohort's estimate.
    """

    collective: float
    within_variance: float
    within_cohort: float
    between_cohorts: float
    cohorts: tuple[object, ...]
    cohort_means: Array
    cohort_weights: Array
    cohort_factors: Array
    cohort_estimates: Array
    factors: Array
    estimates: Array


def hierarchical_credibility(
    ratios: Sequence[ArrayLike], weights: Sequence[ArrayLike], *, cohorts: Sequence[object]
) -> HierarchicalCredibility:
    """What does each risk's experience say, when risks fall into cohorts (lanes into classes) that differ themselves?

    Variance a between risks of a cohort: the mean over cohorts of the unbiased estimate of each, none below 0
    (Bühlmann & Gisler's choice). The same estimator one level up, with the risks' Z for weights, gives b.

    Raises
    ------
    ValueError
        As :func:`buhlmann_straub`; or fewer than two cohorts, or none with two risks.

    References
    ----------
    Jewell (1975); Bühlmann & Gisler (2005), A Course in Credibility Theory, section 6.6.
    """
    x, w = _observations(ratios, weights)
    labels = tuple(dict.fromkeys(cohorts))
    if len(labels) < 2 or len(cohorts) != len(x):
        message = "a hierarchy needs at least two cohorts and one label for each risk"
        raise ValueError(message)
    totals = np.array([part.sum() for part in w])
    means = np.array([(a * b).sum() / b.sum() for a, b in zip(x, w, strict=True)])
    within = _within_variance(x, w, means)
    member = np.array([labels.index(label) for label in cohorts])
    inside = [member == cohort for cohort in range(len(labels))]
    parts = [_between_variance(means[m], totals[m], within=within) for m in inside if m.sum() > 1]
    if not parts:
        message = "the variance inside cohorts needs a cohort of at least two risks"
        raise ValueError(message)
    within_cohort = float(np.mean(parts))
    if within_cohort > 0:
        factors = totals / (totals + within / within_cohort)
        shares = factors
    else:
        factors, shares = np.zeros_like(totals), totals
    cohort_weights = np.array([shares[m].sum() for m in inside])
    cohort_means = np.array([(shares[m] * means[m]).sum() / shares[m].sum() for m in inside])
    above = within_cohort if within_cohort > 0 else within
    between = _between_variance(cohort_means, cohort_weights, within=above)
    upper = _weigh(cohort_means, cohort_weights, within=above, between=between)
    return HierarchicalCredibility(
        collective=upper.collective,
        within_variance=within,
        within_cohort=within_cohort,
        between_cohorts=between,
        cohorts=labels,
        cohort_means=cohort_means,
        cohort_weights=cohort_weights,
        cohort_factors=upper.factors,
        cohort_estimates=upper.estimates,
        factors=factors,
        estimates=factors * means + (1 - factors) * upper.estimates[member],
    )


def _observations(ratios: Sequence[ArrayLike], weights: Sequence[ArrayLike] | None) -> tuple[list[Array], list[Array]]:
    x = [np.asarray(row, dtype=np.float64) for row in ratios]
    w = [np.ones_like(row) for row in x] if weights is None else [np.asarray(row, dtype=np.float64) for row in weights]
    if [row.shape for row in x] != [row.shape for row in w] or any(row.ndim != 1 or not len(row) for row in x):
        message = "each risk needs observations and as many weights"
        raise ValueError(message)
    if any(not (row > 0).all() for row in w):
        message = "weights are positive"
        raise ValueError(message)
    return x, w


def _within_variance(x: list[Array], w: list[Array], means: Array) -> float:
    degrees = sum(len(row) - 1 for row in x)
    if degrees == 0:
        message = "the variance inside risks needs a risk observed at least twice"
        raise ValueError(message)
    squares: float = sum(float((b * (a - mean) ** 2).sum()) for a, b, mean in zip(x, w, means, strict=True))
    return squares / degrees


def _between_variance(means: Array, weights: Array, *, within: float) -> float:
    total = weights.sum()
    mean = (weights * means).sum() / total
    excess = (weights * (means - mean) ** 2).sum() - (len(means) - 1) * within
    return max(float(excess / (total - (weights**2).sum() / total)), 0.0)


def _weigh(means: Array, weights: Array, *, within: float, between: float) -> Credibility:
    if between > 0:
        factors = weights / (weights + within / between)
        collective = float((factors * means).sum() / factors.sum())
    else:
        factors = np.zeros_like(weights)
        collective = float((weights * means).sum() / weights.sum())
    return Credibility(
        collective=collective,
        within_variance=within,
        between_variance=between,
        means=means,
        weights=weights,
        factors=factors,
        estimates=factors * means + (1 - factors) * collective,
    )
