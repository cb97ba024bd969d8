"""A number with what is needed to read it: how far chance could have moved it, what it rests on, what to beware of."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.intervals import Interval


@dataclass(frozen=True)
class Estimate:
    """One estimated number.

    Attributes
    ----------
    value
        None where it cannot be known; a caveat then says why.
    interval
        Where the true number may lie; an end may be infinite. None where no interval can be given.
    n
        Cases that the number rests on.
    caveats
        What a reader must know beside the number, each a sentence without its full stop.
    standard_error
        Of `value`, where there is one.
    wide
        The 95% interval, where `interval` is of a lower level: what changes are judged by.
    bounds
        Where cases not known in full could move the number so far that no value is told: it lies between these,
        whichever way they went, chance aside; an end may be infinite. None where the value can be told.
    """

    value: float | None
    interval: Interval | None
    n: int
    caveats: tuple[str, ...] = ()
    standard_error: float | None = None
    wide: Interval | None = None
    bounds: Interval | None = None
