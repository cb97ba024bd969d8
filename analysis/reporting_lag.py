"""How late do thefts become known, when the latest have not had time to?"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Days = NDArray[np.int64]

#: Fewer reports than this say nothing of a distribution.
LEAST_EVENTS = 20
#: Lags are read off no further than where this many thefts could have shown them.
LEAST_AT_RISK = 10


@dataclass(frozen=True)
class LagCurve:
    """The share of thefts reported within so many days.

    Attributes
    ----------
    days
        Lags at which the share changes, whole days, ascending.
    share
        Share of thefts reported within that many days, 0 to 1; 1 at the last.
    at_risk, events
        At each lag: thefts old enough to show it and without a longer one, and thefts with exactly this lag.
    """

    days: Days
    share: Array
    at_risk: Days
    events: Days

    def share_by(self, age_days: ArrayLike) -> Array:
        """Share of the thefts of so many days ago that is reported by now; 1 everywhere for an empty curve."""
        ages = np.asarray(age_days, dtype=np.int64)
        if not len(self.days):
            return np.ones(ages.shape, dtype=np.float64)
        place = np.searchsorted(self.days, ages, side="right")
        return np.concatenate(([0.0], self.share))[place]

    def share_of_month(self, month: date, *, reported_to: date) -> float:
        """Share of the thefts of a month that is reported by a day, averaged over the month's days.

        Parameters
        ----------
        month
            Its first day.
        """
        age = (reported_to - month).days
        days = monthrange(month.year, month.month)[1]
        return float(self.share_by(np.arange(age, age - days, -1)).mean())

    def quantile(self, share: float) -> int | None:
        """Days within which at least this share of thefts is reported; None for an empty curve."""
        reached = self.days[self.share >= share - 1e-12]
        return int(reached[0]) if len(reached) else None


EMPTY = LagCurve(
    days=np.zeros(0, dtype=np.int64),
    share=np.zeros(0, dtype=np.float64),
    at_risk=np.zeros(0, dtype=np.int64),
    events=np.zeros(0, dtype=np.int64),
)


def fit_lag_curve(lag_days: ArrayLike, age_days: ArrayLike, events: ArrayLike | None = None) -> LagCurve:
    """Which share of thefts is reported within so many days? The product limit in reverse time.

    Only thefts already reported are seen: a lag is seen only where it is not longer than the theft's age
    (right truncation), so plain shares would flatter the recent past. With d_s thefts of lag s, and n_s those whose
    lag is at most s and whose age is at least s, F(t) = product over s > t of (1 - d_s / n_s). It is the distribution
    among lags up to the longest that at least ten thefts could have shown: longer ones count as that one.

    Parameters
    ----------
    lag_days, age_days
        For each theft days until its report, and until the data's date; 0 <= lag <= age.
    events
        Thefts that each pair stands for; None: 1.

    Raises
    ------
    ValueError
        A lag is negative or longer than its age.

    References
    ----------
    Lagakos, Barraj & De Gruttola (1988), Biometrika 75:515-523; Kalbfleisch & Lawless (1989), Journal of the American
    Statistical Association 84:360-372.

    Examples
    --------
    >>> curve = fit_lag_curve([0, 0, 1, 3], [9, 9, 9, 9], [10, 10, 10, 10])
    >>> [float(share) for share in curve.share_by([0, 2, 3]).round(2)]
    [0.5, 0.75, 1.0]
    """
    lag = np.atleast_1d(np.asarray(lag_days, dtype=np.int64))
    age = np.atleast_1d(np.asarray(age_days, dtype=np.int64))
    count = np.ones_like(lag) if events is None else np.atleast_1d(np.asarray(events, dtype=np.int64))
    if not ((lag >= 0) & (lag <= age)).all():
        message = "a lag is not negative and not longer than the time in which it could be seen"
        raise ValueError(message)
    if not count.sum():
        return EMPTY
    days = np.unique(lag)
    at_risk = np.array([count[(lag <= day) & (age >= day)].sum() for day in days], dtype=np.int64)
    seen = np.array([count[lag == day].sum() for day in days], dtype=np.int64)
    steady = np.flatnonzero(at_risk >= min(LEAST_AT_RISK, int(at_risk.max())))
    last = int(steady[-1]) + 1
    days, at_risk, seen = days[:last], at_risk[:last], seen[:last]
    remaining = 1 - seen / at_risk
    # F at a lag is the product over longer lags only: shifted by one, and 1 at the last.
    share = np.concatenate((np.cumprod(remaining[:0:-1])[::-1], [1.0]))
    return LagCurve(days=days, share=share, at_risk=at_risk, events=seen)
