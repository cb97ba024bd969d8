"""What is the rate of a class of exposure, when classes differ in several ways at once?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_ROUNDS = 2_000


def fit_class_rates(observed: ArrayLike, exposure: ArrayLike, classes: Sequence[ArrayLike]) -> Array:
    """Which multiplicative rates make expected and observed counts agree in every class of every kind?

    Rate = base x one factor of each kind of class (quarter, mode, commodity group), found by minimum bias: the factor
    of a class is its observed count over what the other factors expect of it, repeated until nothing moves. It is the
    maximum likelihood of a Poisson regression with a log link, so that the expected counts add up to the observed ones
    in each quarter, mode and commodity group, and one rare combination of the three cannot set its own rate.

    Parameters
    ----------
    observed
        Counts of the cells; parts are allowed.
    exposure
        Exposure of the cells, not negative.
    classes
        For each kind of class the code of each cell's class, 0 and up.

    Returns
    -------
    ndarray
        Rate of each cell: count per unit of exposure; 0 everywhere where nothing was observed.

    Raises
    ------
    ValueError
        A cell has a count without exposure, or the inputs do not match.

    References
    ----------
    Bailey (1963), Proceedings of the Casualty Actuarial Society 50:4-13; equal to Poisson maximum likelihood: Brown
    (1988), same journal 75:187-217.

    Examples
    --------
    >>> fit_class_rates([2, 6], [100, 100], [[0, 1]]).round(3).tolist()
    [0.02, 0.06]
    """
    count = np.asarray(observed, dtype=np.float64)
    units = np.asarray(exposure, dtype=np.float64)
    codes: list[Codes] = [np.asarray(kind, dtype=np.int64) for kind in classes]
    if count.shape != units.shape or any(kind.shape != count.shape for kind in codes):
        message = "every cell needs a count, an exposure and a class of each kind"
        raise ValueError(message)
    if (count[units <= 0] > 0).any() or (units < 0).any() or (count < 0).any():
        message = "counts and exposures are not negative, and a count needs an exposure"
        raise ValueError(message)
    if not count.sum():
        return np.zeros_like(units)
    rates = np.full_like(units, count.sum() / units.sum())
    for _ in range(_ROUNDS):
        before = rates
        for kind in codes:
            seen = np.bincount(kind, weights=count)
            due = np.bincount(kind, weights=units * rates)
            factor = np.divide(seen, due, out=np.ones_like(seen), where=due > 0)
            rates = rates * factor[kind]
        if np.abs(rates - before).max() <= 1e-12 * rates.max():
            break
    return rates


def pool_thin_classes(labels: Sequence[object], *, expected: ArrayLike, least: float) -> list[object]:
    """Which classes are large enough to have a rate of their own? The others become one, labelled None.

    Parameters
    ----------
    labels
        Class of each cell.
    expected
        Count expected of each cell at one rate for all.
    least
        A class of which less is expected is too thin.
    """
    due = np.asarray(expected, dtype=np.float64)
    total: dict[object, float] = {}
    for label, value in zip(labels, due, strict=True):
        total[label] = total.get(label, 0.0) + float(value)
    return [label if total[label] >= least else None for label in labels]
