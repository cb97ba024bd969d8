"""Of several ways in which a case can end, which has come in what share of cases, and when?

Point estimates are those of statsmodels' CumIncidenceRight; its errors are not a number once all cases have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.durations import (
    ROUNDING,
    Array,
    Counts,
    Followed,
    checked_times,
    event_caveats,
    exact_low,
    log_log_band,
    normal_quantile,
)
from analysis.estimates import Estimate
from analysis.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class CumulativeIncidence(Followed):
    """In which share of cases each of several ends has come, over time.

    Attributes
    ----------
    ends
        The ends, in the order of the rows of `events` and `incidence`.
    incidence
        (ends, times): share ended so by then. The shares and the share still open add up to 1.
    """

    ends: tuple[str, ...]
    incidence: Array

    def share_by(self, time: float, *, end: str) -> Estimate:
        """Which share of cases has ended in this way by this time?"""
        if end not in self.ends:
            message = f"no such end: {end!r}; there are {', '.join(self.ends)}"
            raise ValueError(message)
        if not self.n:
            return Estimate(None, None, 0, self.caveats)
        row, place = self.ends.index(end), int(np.searchsorted(self.times, time, side="right")) - 1
        value = float(self.incidence[row, place]) if place >= 0 else 0.0
        if value > 0:
            interval = Interval(float(self.low[row, place]), float(self.high[row, place]))
            error = float(self.standard_error[row, place])
        else:
            # Nothing seen of it: exact, on the cases whose fate by then is known.
            ended = int(self.events[:, : place + 1].sum())
            known = ended + self.n - int(np.searchsorted(self.followed, time, side="left"))
            ended_at = int(self.events[:, place].sum()) if place >= 0 and self.times[place] == time else 0
            interval, error = Interval(0.0, 1 - exact_low(max(known - ended_at, 1), self.level)), 0.0
        caveats = self.caveats
        if time > self.followed[-1] and self.incidence[:, -1:].sum() < 1 - ROUNDING:
            caveats = (*caveats, f"Nobody was followed to {time:g}: the share is at least this")
            interval = Interval(interval.low, 1.0)
        return Estimate(value, interval, self.n, caveats, error)


def cumulative_incidence(
    time: ArrayLike, end: Sequence[str | None], *, ends: Sequence[str] = (), level: float = 0.95
) -> CumulativeIncidence:
    """In which share of cases has each of several ends come, over time? Aalen-Johansen.

    I_k(t) = sum over t_i <= t of S(t_i-) d_ki / n_i, S the share still open. The variance is that of the delta method,
    which for a single end is Greenwood's; the band is log-log in 1 - I, so that a single end has Kaplan-Meier's.

    Parameters
    ----------
    time
        How long each case was followed, not negative.
    end
        How it ended; None: still open.
    ends
        The ends asked for, also such as never came. Empty: those seen, by name.

    Raises
    ------
    ValueError
        As :func:`kaplan_meier`, or an end that is not among ``ends``.

    References
    ----------
    Aalen & Johansen (1978), Scandinavian Journal of Statistics 5:141-150; Dinse & Larson (1986), Biometrika
    73:379-386; Marubini & Valsecchi (1995), Analysing Survival Data, section 10.2 (variance).

    Examples
    --------
    >>> found = cumulative_incidence([1, 2, 3, 4], ["contained", "gone", "contained", None])
    >>> found.ends, found.incidence.round(2).tolist()
    (('contained', 'gone'), [[0.25, 0.25, 0.5], [0.0, 0.25, 0.25]])
    """
    z = normal_quantile(level)
    times = checked_times(time)
    if len(times) != len(end):
        message = f"{len(times)} times for {len(end)} ends"
        raise ValueError(message)
    seen = sorted({label for label in end if label is not None})
    names = tuple(ends) or tuple(seen)
    if strange := set(seen) - set(names):
        message = f"ends that were not asked for: {', '.join(sorted(strange))}"
        raise ValueError(message)
    code = {name: place for place, name in enumerate(names)}
    kind = np.array([-1 if label is None else code[label] for label in end], dtype=np.int64)
    at = np.unique(times[kind >= 0])
    followed = np.sort(times)
    n = (len(times) - np.searchsorted(followed, at, side="left")).astype(np.int64)
    d = np.zeros((len(names), len(at)), dtype=np.int64)
    ended = kind >= 0
    np.add.at(d, (kind[ended], np.searchsorted(at, times[ended])), 1)
    survival = np.cumprod(1 - d.sum(axis=0) / np.maximum(n, 1))
    before = np.concatenate(([1.0], survival[:-1])) if len(at) else survival
    incidence = np.cumsum(before * d / np.maximum(n, 1), axis=1)
    error = np.sqrt(np.maximum(_incidence_variance(incidence, before=before, events=d, at_risk=n), 0.0))
    bands = [log_log_band(1 - row, se, z=z, at_risk=n, level=level) for row, se in zip(incidence, error, strict=True)]
    low = np.array([1 - high for _, high in bands], dtype=np.float64).reshape(incidence.shape)
    high = np.array([1 - low for low, _ in bands], dtype=np.float64).reshape(incidence.shape)
    said = event_caveats(len(times), int(ended.sum()))
    return CumulativeIncidence(at, n, d, error, low, high, followed, level, said, ends=names, incidence=incidence)


def _incidence_variance(incidence: Array, *, before: Array, events: Counts, at_risk: Counts) -> Array:
    """The variance by the delta method of each end's incidence at each time, (ends, times)."""
    n, d = at_risk.astype(np.float64), events.sum(axis=0).astype(np.float64)
    # Where all that are left end, the later difference of incidences is 0: so is the term.
    greenwood = np.where(n > d, d / (n * np.maximum(n - d, 1)), 0.0)
    own = before**2 * (n - events) * events / n**3
    mixed = before * events / n**2
    squared = (
        incidence**2 * np.cumsum(greenwood)
        - 2 * incidence * np.cumsum(incidence * greenwood, axis=1)
        + np.cumsum(incidence**2 * greenwood, axis=1)
    )
    crossed = incidence * np.cumsum(mixed, axis=1) - np.cumsum(incidence * mixed, axis=1)
    variance: Array = squared + np.cumsum(own, axis=1) - 2 * crossed
    return variance
