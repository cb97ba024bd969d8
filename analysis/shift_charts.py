"""Has a measure shifted by a little, and stayed there? EWMA and CUSUM, which add up what single values do not show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.control_charts import D2_OF_TWO, LEAST_PERIODS, ControlChart, assemble_chart, moving_range

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def ewma_chart(
    values: ArrayLike,
    *,
    target: float | None = None,
    sigma: float | None = None,
    weight: float = 0.2,
    width: float = 3.0,
    asymptotic: bool = False,
) -> ControlChart:
    """Has a measure drifted off its level? The exponentially weighted moving average.

    z_i = weight x_i + (1 - weight) z_(i-1) from z_0 = target, with limits target ± width x sigma x
    sqrt(weight / (2 - weight) (1 - (1 - weight)^(2 i))).

    Parameters
    ----------
    values
        One a period, all known.
    target, sigma
        Level and standard deviation of a single value when nothing moves; None: mean, and moving range / 1.128, of
        the values.
    weight
        Of the latest value, over 0 to 1; the smaller, the smaller the shifts that are found.
    width
        Of the limits, in standard deviations of the average.
    asymptotic
        Without the last factor, as after many periods: wider limits at the start.

    References
    ----------
    NIST/SEMATECH e-Handbook of Statistical Methods, section 6.3.2.4; Lucas & Saccucci (1990), Technometrics 32:1-12.
    """
    x, level, spread = _given(values, target=target, sigma=sigma)
    if not 0 < weight <= 1:
        message = f"a weight lies over 0 and up to 1, not at {weight}"
        raise ValueError(message)
    averages = np.empty_like(x)
    last = level
    for place, value in enumerate(x):
        last = weight * value + (1 - weight) * last
        averages[place] = last
    ages = np.arange(1, len(x) + 1)
    grown = 1.0 if asymptotic else 1 - (1 - weight) ** (2 * ages)
    reach = width * spread * np.sqrt(weight / (2 - weight) * grown) * np.ones(len(x))
    return assemble_chart(
        "EWMA",
        averages,
        centre=np.full_like(x, level),
        reach=(reach, reach),
        sigma=spread,
        judged=np.ones(len(x), dtype=np.bool_),
        n=len(x),
    )


@dataclass(frozen=True)
class Cusum:
    """Sums of what exceeds the slack on each side, in standard deviations.

    Attributes
    ----------
    upper, lower
        Sums towards more and towards less; both not negative.
    above, below
        Where they exceed the decision interval.
    changed_at
        Place of the value at which the first such run began: when the shift is likely to have come. None without one.
    average_run_length
        Values between false alarms while nothing moves.
    lack
        Why nothing can be judged, to follow a colon; empty where it can.
    """

    upper: Array
    lower: Array
    above: Mask
    below: Mask
    changed_at: int | None
    average_run_length: float
    lack: str = ""

    @property
    def signals(self) -> Mask:
        """Where either sum exceeds the decision interval."""
        return self.above | self.below


def cusum_chart(
    values: ArrayLike,
    *,
    target: float | None = None,
    sigma: float | None = None,
    slack: float = 0.5,
    decision: float = 5.0,
) -> Cusum:
    """Has a measure shifted, and since when? The tabular CUSUM.

    With z = (x - target) / sigma: upper_i = max(0, upper_(i-1) + z_i - slack), lower likewise with -z. Values that
    never differ, off a given target, are without end far from it; a spread told from too few values signals nothing.

    Parameters
    ----------
    values, target, sigma
        As :func:`ewma_chart`. For means of samples sigma is their standard error.
    slack
        Half the shift that shall be found, in sigma.
    decision
        The sum beyond which it is a signal, in sigma.

    References
    ----------
    Page (1954), Biometrika 41:100-115; Montgomery, Introduction to Statistical Quality Control, section 9.1.
    """
    x, level, spread = _given(values, target=target, sigma=sigma)
    lack = ""
    if sigma is None and len(x) < LEAST_PERIODS:
        lack = f"too few values ({len(x)}) to tell a signal from noise"
    off = np.where(np.isclose(x, level, rtol=1e-9, atol=0.0), 0.0, x - level)
    # Without any spread all values lie on one side: infinite ones never meet with the other sign.
    z = off / spread if spread > 0 else np.where(off == 0, 0.0, np.copysign(np.inf, off))
    sums = np.zeros((2, len(x)))
    for row, signed in enumerate((z, -z)):
        total = 0.0
        for place, value in enumerate(signed):
            total = max(0.0, total + value - slack)
            sums[row, place] = total
    over = (sums > decision) & (not lack)
    changed = None
    if over.any():
        place = int(np.flatnonzero(over.any(axis=0))[0])
        row = int(over[1, place])
        zeros = np.flatnonzero(sums[row, : place + 1] == 0)
        changed = int(zeros[-1]) + 1 if len(zeros) else 0
    run_length = cusum_run_length(0.0, slack=slack, decision=decision)
    return Cusum(sums[0], sums[1], over[0], over[1], changed, run_length, lack)


def cusum_run_length(shift: float, *, slack: float = 0.5, decision: float = 5.0, nodes: int = 80) -> float:
    """After how many values does a two-sided CUSUM signal, when the level has moved by so many sigma?

    Solves L(s) = 1 + L(0) Phi(slack - s - shift) + integral over 0..decision of L(t) phi(t + slack - s - shift) dt by
    Gauss-Legendre quadrature, for both sides; 1 / L = 1 / upper + 1 / lower, exact for sums that start at 0.

    Raises
    ------
    ValueError
        The decision interval is not positive or the slack negative.

    References
    ----------
    Page (1954), Biometrika 41:100-115; Lucas & Crosier (1982), Technometrics 24:199-205 (table 1).

    Examples
    --------
    >>> round(cusum_run_length(1.0), 1)
    10.4
    """
    if decision <= 0 or slack < 0:
        message = "a decision interval is positive, and a slack not negative"
        raise ValueError(message)
    sides = [_one_sided_run_length(signed, slack=slack, decision=decision, nodes=nodes) for signed in (shift, -shift)]
    return 1 / sum(1 / length for length in sides)


def _one_sided_run_length(shift: float, *, slack: float, decision: float, nodes: int) -> float:
    point, weight = np.polynomial.legendre.leggauss(nodes)
    at = np.concatenate(([0.0], (point + 1) * decision / 2))
    kernel = np.empty((nodes + 1, nodes + 1))
    kernel[:, 0] = stats.norm.cdf(slack - at - shift)
    kernel[:, 1:] = stats.norm.pdf(at[None, 1:] + slack - at[:, None] - shift) * (weight * decision / 2)[None, :]
    return float(np.linalg.solve(np.eye(nodes + 1) - kernel, np.ones(nodes + 1))[0])


def _given(values: ArrayLike, *, target: float | None, sigma: float | None) -> tuple[Array, float, float]:
    x = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        message = "these charts need at least one value, and all of them known"
        raise ValueError(message)
    spread = moving_range(x) / D2_OF_TWO if sigma is None else sigma
    if not spread >= 0 or sigma == 0:
        message = "the spread of a single value is needed where there are not two of them, and is positive"
        raise ValueError(message)
    return x, float(x.mean()) if target is None else target, spread
