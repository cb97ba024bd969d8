"""Are high values near each other, and around which places? Moran's I and the statistics of Getis and Ord.

Weights are sparse matrices: row i holds how much each place j counts as near to place i. A place is not near itself,
except in Gi*, which adds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, special

Array = NDArray[np.float64]
Weights = sparse.csr_array[Any]


@dataclass(frozen=True)
class Moran:
    """Moran's I with its moments under no pattern.

    Attributes
    ----------
    value, expected
        I, and its expectation -1 / (n - 1).
    variance_normal, variance_random
        Variance if the values are draws of one normal distribution; and if they were dealt to the places at random.
    p_value
        One-sided, of a value at least as far above (or below) the expectation, by the normal approximation with
        ``variance_normal``.
    """

    value: float
    expected: float
    variance_normal: float
    variance_random: float
    p_value: float


@dataclass(frozen=True)
class GeneralG:
    """Getis and Ord's G of all places together: above its expectation, high values lie near each other."""

    value: float
    expected: float
    variance: float
    p_value: float


@dataclass(frozen=True)
class LocalMoran:
    """Each place's part in Moran's I, and its quadrant: 1 high among high, 2 low among high, 3 low-low, 4 high-low."""

    value: Array
    quadrant: NDArray[np.int64]


def neighbour_weights(neighbours: Sequence[Sequence[int]]) -> Weights:
    """Which places are near each other? Weight 1 for each neighbour listed, 0 elsewhere and for a place itself."""
    rows = np.repeat(np.arange(len(neighbours)), [len(near) for near in neighbours])
    columns = np.array([place for near in neighbours for place in near], dtype=np.int64)
    kept = rows != columns
    shape = (len(neighbours), len(neighbours))
    found = sparse.csr_array((np.ones(int(kept.sum())), (rows[kept], columns[kept])), shape=shape)
    found.data[:] = 1.0
    return found


def sharing_weights(points: Sequence[Sequence[int]]) -> Weights:
    """Which places touch a common point? Lanes that share a site, say: weight 1 for each pair that does.

    Parameters
    ----------
    points
        For each place the points that it touches, 0 and up.
    """
    rows = np.repeat(np.arange(len(points)), [len(set(touched)) for touched in points])
    columns = np.array([point for touched in points for point in sorted(set(touched))], dtype=np.int64)
    width = int(columns.max()) + 1 if len(columns) else 1
    touching = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(points), width))
    shared = (touching @ touching.T).tocoo()
    kept = shared.row != shared.col
    ones = np.ones(int(kept.sum()))
    return sparse.csr_array((ones, (shared.row[kept], shared.col[kept])), shape=(len(points), len(points)))


def standardise_rows(weights: Weights) -> Weights:
    """How much does each neighbour count, if each place's neighbours count 1 together?"""
    sums = np.asarray(weights.sum(axis=1)).ravel()
    scale = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ weights)


def standardise_rates(events: ArrayLike, population: ArrayLike) -> Array:
    """How unusual is each rate for a population of its size? Empirical-Bayes standardised rates.

    With b the rate of all and A the variance between places (Marshall's moment estimate), (r_i - b) / sqrt(A + b / n_i)
    has about the same variance everywhere, so that small populations do not fill both ends of the list. Where A is
    negative the variance is b / n_i, what chance alone gives.

    Parameters
    ----------
    events, population
        Counts and positive populations (or expected counts).

    References
    ----------
    Assunção & Reis (1999), Statistics in Medicine 18:2147-2162, section 3.
    """
    y, n = np.asarray(events, dtype=np.float64), np.asarray(population, dtype=np.float64)
    if y.shape != n.shape or not (n > 0).all() or (y < 0).any():
        message = "a rate needs a count that is not negative and a positive population"
        raise ValueError(message)
    rate = y / n
    mean = y.sum() / n.sum()
    if not mean > 0:
        return np.zeros_like(rate)
    between = (n * (rate - mean) ** 2).sum() / n.sum() - mean / n.mean()
    standardised: Array = (rate - mean) / np.sqrt(max(float(between), 0.0) + mean / n)
    return standardised


def moran(values: ArrayLike, weights: Weights) -> Moran:
    """Do places near each other have similar values?

    I = n / S0 x sum_ij w_ij z_i z_j / sum_i z_i^2, with z the deviations from the mean.

    References
    ----------
    Cliff & Ord (1981), Spatial Processes, sections 1.5.1 and 2.3.
    """
    y = _values(values, weights)
    z, n = y - y.mean(), len(y)
    s0, s1, s2 = _sums(weights)
    value = n / s0 * float(z @ (weights @ z)) / float(z @ z)
    expected = -1 / (n - 1)
    normal = (n**2 * s1 - n * s2 + 3 * s0**2) / (s0**2 * (n**2 - 1)) - expected**2
    kurtosis = float((z**4).mean() / (z**2).mean() ** 2)
    above = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2) - kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    random = above / ((n - 1) * (n - 2) * (n - 3) * s0**2) - expected**2
    return Moran(value, expected, normal, random, _one_sided((value - expected) / np.sqrt(normal)))


def local_moran(values: ArrayLike, weights: Weights) -> LocalMoran:
    """Which places are like their neighbours, and which unlike? I_i = (n - 1) z_i sum_j w_ij z_j / sum z^2.

    The scale is that of PySAL; Anselin's own has n in place of n - 1. Give weights whose rows are standardised.

    References
    ----------
    Anselin (1995), Geographical Analysis 27:93-115, eq. 12.
    """
    y = _values(values, weights)
    z = y - y.mean()
    around = weights @ z
    value = (len(y) - 1) * z * around / float(z @ z)
    quadrant = np.select([(z > 0) & (around > 0), (z <= 0) & (around > 0), (z <= 0) & (around <= 0)], [1, 2, 3], 4)
    return LocalMoran(value, quadrant.astype(np.int64))


def general_g(values: ArrayLike, weights: Weights) -> GeneralG:
    """Do high values lie near each other in the map as a whole? For values that are not negative.

    G = sum_ij w_ij y_i y_j / sum_(i != j) y_i y_j; one-sided by the normal approximation.

    References
    ----------
    Getis & Ord (1992), Geographical Analysis 24:189-206, eq. 3 to 8.
    """
    y = _values(values, weights)
    n = len(y)
    s0, s1, s2 = _sums(weights)
    m1, m2, m3, m4 = (float((y**power).sum()) for power in (1, 2, 3, 4))
    value = float(y @ (weights @ y)) / (m1**2 - m2)
    expected = s0 / (n * (n - 1))
    b0 = (n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2
    b1 = -((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    b2 = -(2 * n * s1 - (n + 3) * s2 + 6 * s0**2)
    b3 = 4 * (n - 1) * s1 - 2 * (n + 1) * s2 + 8 * s0**2
    b4 = s1 - s2 + s0**2
    above = b0 * m2**2 + b1 * m4 + b2 * m1**2 * m2 + b3 * m1 * m3 + b4 * m1**4
    square = above / ((m1**2 - m2) ** 2 * n * (n - 1) * (n - 2) * (n - 3))
    variance = square - expected**2
    return GeneralG(value, expected, variance, _one_sided((value - expected) / np.sqrt(variance)))


def local_g(values: ArrayLike, weights: Weights, *, with_itself: bool = True) -> Array:
    """Around which places are the values high? z-scores of Getis and Ord: Gi*, or Gi without the place itself.

    z_i = (sum_j w_ij y_j - W_i m) / (s sqrt((k S1_i - W_i^2) / (k - 1))), where m and s are mean and deviation
    (divisor k) of the k places that may enter: all n for Gi*, all but i for Gi. A place whose neighbours are all
    others has no z-score: 0.

    Parameters
    ----------
    with_itself
        Gi*: each place counts as near to itself, weight 1. False: Gi.

    References
    ----------
    Ord & Getis (1995), Geographical Analysis 27:286-306, eq. 5 and 6.
    """
    y = _values(values, weights)
    n = len(y)
    near = sparse.csr_array(weights + sparse.eye_array(n)) if with_itself else weights
    around = near @ y
    total = np.asarray(near.sum(axis=1)).ravel()
    squares = np.asarray(near.power(2).sum(axis=1)).ravel()
    entering = np.full(n, n if with_itself else n - 1, dtype=np.float64)
    own = np.zeros(n) if with_itself else y
    mean = (y.sum() - own) / entering
    deviation = np.sqrt(np.maximum(((y**2).sum() - own**2) / entering - mean**2, 0.0))
    spread = deviation * np.sqrt(np.maximum(entering * squares - total**2, 0.0) / (entering - 1))
    z: Array = np.divide(around - total * mean, spread, out=np.zeros(n), where=spread > 1e-12)
    return z


def upper_p_values(z_scores: ArrayLike) -> Array:
    """How often would chance give a z-score at least this high? One-sided, by the normal distribution."""
    p: Array = special.ndtr(-np.asarray(z_scores, dtype=np.float64))
    return p


def _one_sided(z: float) -> float:
    return float(special.ndtr(-abs(z)))


def _sums(weights: Weights) -> tuple[float, float, float]:
    """S0, S1 and S2 of the weights, as Cliff and Ord name them."""
    both = weights + weights.T
    rows = np.asarray(weights.sum(axis=1)).ravel()
    columns = np.asarray(weights.sum(axis=0)).ravel()
    return float(weights.sum()), float(both.power(2).sum()) / 2, float(((rows + columns) ** 2).sum())


def _values(values: ArrayLike, weights: Weights) -> Array:
    y = np.asarray(values, dtype=np.float64)
    if weights.shape != (len(y), len(y)):
        message = f"{len(y)} values for weights of {weights.shape[0]} by {weights.shape[1]} places"
        raise ValueError(message)
    if not np.isfinite(y).all():
        message = "every place needs a value that is a number"
        raise ValueError(message)
    return y
