"""How far could chance alone have moved a number? Intervals for counts and for shares of independent trials."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import special


class Interval(NamedTuple):
    """Both ends of an interval, each included."""

    low: float
    high: float


def poisson_interval(count: int, *, level: float = 0.95) -> Interval:
    """Which expected counts are compatible with this count of independent events?

    The exact (Garwood) interval: each end leaves (1 - level) / 2 of a Poisson distribution beyond the count. It is
    never too short; for a count of 0 the lower end is 0.

    Raises
    ------
    ValueError
        For a negative count, or a level that is not between 0 and 1.

    References
    ----------
    Garwood (1936), Biometrika 28:437-442.

    Examples
    --------
    >>> [round(end, 3) for end in poisson_interval(5)]
    [1.623, 11.668]
    """
    if count < 0:
        message = f"a count is not negative: {count}"
        raise ValueError(message)
    tail = _tail(level)
    low = float(special.gammaincinv(count, tail)) if count else 0.0
    return Interval(low, float(special.gammainccinv(count + 1, tail)))


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Which shares are compatible with this many successes among independent trials?

    Wilson's score interval without continuity correction.

    Raises
    ------
    ValueError
        Without a trial, with more successes than trials, or for a level that is not between 0 and 1.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209-212.

    Examples
    --------
    >>> [round(end, 4) for end in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    if not 0 <= successes <= trials or trials == 0:
        message = f"{successes} successes among {trials} trials make no share"
        raise ValueError(message)
    z = float(special.ndtri(1 - _tail(level)))
    share, wide = successes / trials, trials + z * z
    middle = (successes + z * z / 2) / wide
    reach = z * math.sqrt(trials * share * (1 - share) + z * z / 4) / wide
    return Interval(middle - reach if successes else 0.0, middle + reach if successes < trials else 1.0)


def _tail(level: float) -> float:
    if not 0 < level < 1:
        message = f"a level lies between 0 and 1, not at {level}"
        raise ValueError(message)
    return (1 - level) / 2
