"""Which of many findings may be shown, when some of them are bound to be chance?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Discoveries:
    """Which of many hypotheses are rejected.

    Attributes
    ----------
    rejected
        One truth value a hypothesis, in the order given.
    cutoff
        Largest p-value rejected; None where nothing is.
    adjusted
        The smallest level at which each would be rejected.
    """

    rejected: Mask
    cutoff: float | None
    adjusted: Array


def benjamini_hochberg(p_values: ArrayLike, *, level: float = 0.05) -> Discoveries:
    """Which hypotheses may be rejected so that at most ``level`` of the rejections are expected to be false?

    Rejects the k smallest p-values, k the largest rank with p_(k) <= k / m x level (with <=, as in the paper). Holds
    for independent or positively dependent tests.

    References
    ----------
    Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57:289-300, section 3.1.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.02, 0.9]).rejected.tolist()
    [True, True, False]
    """
    p = _shares(p_values, "a p-value")
    return _step_up(p, factors=len(p) / np.arange(1, len(p) + 1, dtype=np.float64), level=level)


def hochberg(p_values: ArrayLike, *, level: float = 0.05) -> Discoveries:
    """Which hypotheses may be rejected so that with probability 1 - ``level`` none is false? Hochberg's step-up.

    Rejects the k smallest p-values, k the largest rank with p_(k) <= level / (m - k + 1).

    References
    ----------
    Hochberg (1988), Biometrika 75:800-802.
    """
    p = _shares(p_values, "a p-value")
    return _step_up(p, factors=np.arange(len(p), 0, -1, dtype=np.float64), level=level)


def bonferroni(p_values: ArrayLike, *, level: float = 0.05) -> Discoveries:
    """Which hypotheses may be rejected so that with probability 1 - ``level`` none is false? p <= level / m."""
    p = _shares(p_values, "a p-value")
    adjusted = np.minimum(p * len(p), 1.0)
    # Compared as p <= level / m: a product that rounds up must not cost a rejection.
    rejected = p * len(p) <= level * (1 + 1e-12)
    return Discoveries(rejected, float(p[rejected].max()) if rejected.any() else None, adjusted)


def _step_up(p: Array, *, factors: Array, level: float) -> Discoveries:
    order = np.argsort(p, kind="stable")
    scaled = p[order] * factors
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    rejected = adjusted <= level * (1 + 1e-12)
    return Discoveries(rejected, float(p[rejected].max()) if rejected.any() else None, adjusted)


def largest_credible_set(probabilities: ArrayLike, *, false_share: float = 0.05) -> Mask:
    """Which is the largest set of findings of which at most ``false_share`` are expected to be false?

    With P_i the posterior probability that finding i is true, the expected share of false ones in a set is the mean
    of 1 - P_i. The largest set takes the most probable findings; equally probable ones are in together or not at all,
    so that the order in which they are given never matters.

    Parameters
    ----------
    probabilities
        Posterior probabilities, 0 to 1.
    false_share
        The expected false-discovery rate that is accepted.

    References
    ----------
    Newton, Noueiry, Sarkar & Ahlquist (2004), Biostatistics 5:155-176, section 3.2; Müller, Parmigiani & Rice (2006),
    FDR and Bayesian multiple comparisons rules.

    Examples
    --------
    >>> largest_credible_set([0.99, 0.5, 0.93]).tolist()
    [True, False, True]
    """
    p = _shares(probabilities, "a probability")
    if not len(p):
        return np.zeros(0, dtype=np.bool_)
    values = np.unique(p)[::-1]
    false = np.array([(1 - p[p >= value]).mean() for value in values])
    allowed = values[false <= false_share * (1 + 1e-12)]
    mask: Mask = p >= allowed.min() if len(allowed) else np.zeros(len(p), dtype=np.bool_)
    return mask


def expected_chance(probabilities: ArrayLike) -> float:
    """How many of these findings are expected to be chance? The sum of 1 - P over them."""
    return float((1 - _shares(probabilities, "a probability")).sum())


def _shares(values: ArrayLike, name: str) -> Array:
    found = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all():
        message = f"{name} lies between 0 and 1"
        raise ValueError(message)
    return found
