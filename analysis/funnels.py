"""Which of many units of different size stand out, when units differ by more than chance as a rule? Funnel plots.

Shares and rates of devices, carriers or sites against a target. Ratios of observed to expected counts, with a prior,
are in analysis/credibility.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: With fewer expected events than this (for a share also: fewer without it) a unit is drawn and not judged.
LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Funnel:
    """Units against a common target.

    Attributes
    ----------
    values, sizes
        Share or rate of each unit, and trials or exposure behind it.
    target
        What all are measured against.
    is_share
        Binomial spread; else Poisson.
    spread_ratio
        phi: variance between units over that of chance, winsorised; 1 where only chance is at work.
    between
        tau: standard deviation by which units differ as a rule, beyond chance.
    z
        Deviation from the target in standard deviations, chance and tau together: to sort by, not what is judged by.
    beyond
        Outside the limits, among the judged.
    judged
        Units with enough expected events.
    level
        Share of units inside the limits if none stands out.
    caveats
        Each a sentence without its full stop.
    """

    values: Array
    sizes: Array
    target: float
    is_share: bool
    spread_ratio: float
    between: float
    z: Array
    beyond: Mask
    judged: Mask
    level: float
    caveats: tuple[str, ...]

    def limits_at(self, sizes: ArrayLike, *, level: float | None = None) -> tuple[Array, Array]:
        """Between which values would a unit of this size lie, if it does not stand out? For drawing the funnel.

        Values on a limit lie inside. Not a number for a unit without size; trials are rounded to whole ones.
        """
        return _limits(
            np.asarray(sizes, dtype=np.float64),
            target=self.target,
            between=self.between,
            is_share=self.is_share,
            level=level or self.level,
        )


def share_funnel(
    events: ArrayLike, trials: ArrayLike, *, target: float | None = None, level: float = 0.998, winsorise: float = 0.1
) -> Funnel:
    """Whose share stands out? As :func:`rate_funnel`, with the binomial spread."""
    return _funnel(events, trials, is_share=True, target=target, level=level, winsorise=winsorise)


def rate_funnel(
    events: ArrayLike, exposure: ArrayLike, *, target: float | None = None, level: float = 0.998, winsorise: float = 0.1
) -> Funnel:
    """Whose rate stands out, beyond what units differ by as a rule?

    z of chance alone, its outer tenths pulled in to the 10th and 90th percentile so that outliers do not hide
    themselves, gives phi = mean z^2 and the additive random effect
    tau^2 = (I phi - (I - 1)) / (sum w - sum w^2 / sum w), w = 1 / variance of chance, not below 0.

    Limits are the least and the most that a Poisson (of shares: binomial) count reaches with at most half of
    1 - level beyond each, since at five expected events the normal ones of three sigma are passed by 0.5% of units
    and not by 0.2%. Where tau is over 0 they are the normal ones of chance and tau together, and never narrower than
    those of chance alone.

    Parameters
    ----------
    events, exposure
        Of each unit; one without exposure has no value.
    target
        None: the rate of all together.
    level
        Share of units inside the limits if none stands out; 0.998 are the usual three sigma.
    winsorise
        Share of the z on each side that is pulled in.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185-1202; Spiegelhalter (2005), Quality and Safety in Health Care
    14:347-351 (additive model).
    """
    return _funnel(events, exposure, is_share=False, target=target, level=level, winsorise=winsorise)


def _funnel(
    events: ArrayLike, sizes: ArrayLike, *, is_share: bool, target: float | None, level: float, winsorise: float
) -> Funnel:
    y, n = (np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in (events, sizes))
    if y.shape != n.shape or not ((y >= 0) & (n >= 0)).all() or (is_share and (y > n).any()):
        message = "a funnel needs for each unit a count and what it is counted on, neither negative"
        raise ValueError(message)
    if not 0 < level < 1 or not 0 <= winsorise < 0.5:
        message = "a level lies between 0 and 1, and less than half is pulled in on each side"
        raise ValueError(message)
    total = float(n.sum())
    own = float(y.sum()) / total if total else np.nan
    centre = own if target is None else target
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(n > 0, y / n, np.nan)
    expected = n * centre
    judged = expected >= LEAST_EXPECTED
    if is_share:
        judged &= n - expected >= LEAST_EXPECTED
    # How much units differ is seen around what they have in common, not around a target that all may miss.
    around = _chance(n, target=own, is_share=is_share)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = (values - own) / around
    usable = judged & np.isfinite(raw)
    phi, between = _spread(raw[usable], around[usable], winsorise=winsorise)
    chance = _chance(n, target=centre, is_share=is_share)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (values - centre) / np.sqrt(chance**2 + between**2)
    low, high = _limits(n, target=centre, between=between, is_share=is_share, level=level)
    # Rounding must not put a count that is on its limit beyond it.
    beyond = judged & ((values < low * (1 - 1e-9)) | (values > high * (1 + 1e-9)))
    caveats = []
    if not judged.all():
        caveats.append(f"Units too small to be judged: {(~judged).sum()} of {len(y)}")
    if between > 0:
        caveats.append("Units differ by more than chance as a rule; the limits allow for it")
    return Funnel(values, n, centre, is_share, phi, between, z, beyond, judged, level, tuple(caveats))


def _limits(sizes: Array, *, target: float, between: float, is_share: bool, level: float) -> tuple[Array, Array]:
    tail = (1 - level) / 2
    size = np.rint(sizes) if is_share else sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        of = stats.binom(size, target) if is_share else stats.poisson(size * target)
        low, high = of.ppf(tail) / size, of.isf(tail) / size
    if between > 0:
        chance = _chance(sizes, target=target, is_share=is_share)
        reach = float(stats.norm.isf(tail)) * np.sqrt(chance**2 + between**2)
        low, high = np.minimum(low, target - reach), np.maximum(high, target + reach)
    return np.maximum(low, 0.0), np.minimum(high, 1.0) if is_share else high


def _chance(sizes: Array, *, target: float, is_share: bool) -> Array:
    variance = target * (1 - target) if is_share else target
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(variance / sizes), dtype=np.float64)


def _spread(raw: Array, chance: Array, *, winsorise: float) -> tuple[float, float]:
    if len(raw) < 2:
        return 1.0, 0.0
    z = np.clip(raw, *np.quantile(raw, [winsorise, 1 - winsorise]))
    phi = float((z**2).mean())
    weight = chance**-2
    over = len(z) * phi - (len(z) - 1)
    if over <= 0:
        return max(phi, 1.0), 0.0
    return phi, float(np.sqrt(over / (weight.sum() - (weight**2).sum() / weight.sum())))
