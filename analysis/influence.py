"""Does one place decide how much all others are taken to differ, and so their verdicts?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.credibility import fit_dispersion

Array = NDArray[np.float64]

#: A place is named if the dispersion without it is more than this many times the fitted one, or less than a part.
FACTOR = 2.0
_CALLED = ("hotspot", "watch")
_RANK = {"not enough data": 0, "ordinary": 1, "watch": 2, "hotspot": 3}


@dataclass(frozen=True)
class Influence:
    """The place that decides how much those of its level and segment are taken to differ.

    Attributes
    ----------
    level, segment, place_id
        Which place it is.
    observed, expected
        Its thefts, and those expected of it.
    variation, variation_without
        Coefficient of variation a^-1/2 of the places' true ratios, as fitted, and without this place.
    called, weaker
        How many other places of the level are hotspots or watched, and how many of these have a weaker verdict without
        it.
    """

    level: str
    segment: str
    place_id: str
    observed: int
    expected: float
    variation: float
    variation_without: float
    called: int
    weaker: int


def find_influence(
    places: pd.DataFrame,
    *,
    judge: Callable[[pd.DataFrame, float], pd.DataFrame],
    verdicts_of: Callable[[pd.DataFrame], pd.DataFrame],
) -> list[Influence]:
    """Which single place, left out, more than doubles or halves the fitted dispersion of its level and segment?

    The place tried is the one that the book's rate explains worst (largest Poisson deviance). Without it the others'
    expected counts are scaled to add up to their thefts, as they would at rates without it.

    Parameters
    ----------
    places
        All places with their verdicts: ``level``, ``segment``, ``place_id``, ``observed``, ``expected``, ``verdict``.
    judge
        Gives places of one level and segment their posterior under a dispersion.
    verdicts_of
        Gives places of one level their verdicts.
    """
    found: list[Influence] = []
    for (level, segment), part in places.groupby(["level", "segment"], sort=True):
        one = _without_worst(part)
        if one is None:
            continue
        place, rest, fitted, without = one
        of_level = places[places["level"] == level]
        others = of_level.drop(index=[place])
        again = pd.concat([others[others["segment"] != segment], judge(rest, without)])
        after = verdicts_of(again.drop(columns=["verdict"]))["verdict"].map(_RANK)
        before = others["verdict"].map(_RANK).reindex(after.index)
        called = others["verdict"].isin(_CALLED).reindex(after.index)
        (row,) = of_level.loc[[place]].to_dict("records")
        found.append(
            Influence(
                level=str(level),
                segment=str(segment),
                place_id=str(row["place_id"]),
                observed=int(row["observed"]),
                expected=float(row["expected"]),
                variation=fitted**-0.5,
                variation_without=without**-0.5,
                called=int(called.sum()),
                weaker=int((called & (after < before)).sum()),
            )
        )
    return found


def _without_worst(part: pd.DataFrame) -> tuple[int, pd.DataFrame, float, float] | None:
    """The index of the place, the others as they would be without it, and the dispersions with and without it."""
    observed, expected = part["observed"].to_numpy(dtype=np.float64), part["expected"].to_numpy(dtype=np.float64)
    if len(part) < 2:
        return None
    deviance = special.xlogy(observed, observed / np.maximum(expected, 1e-300)) - (observed - expected)
    worst = int(np.argmax(np.where(expected > 0, deviance, -np.inf)))
    rest = part.drop(index=part.index[worst])
    due = float(rest["expected"].sum())
    thefts = float(rest["observed"].sum())
    if not (thefts > 0 and due > 0):
        return None
    rest = rest.assign(expected=rest["expected"] * thefts / due)
    fitted = fit_dispersion(observed, expected)
    without = fit_dispersion(rest["observed"].to_numpy(), rest["expected"].to_numpy())
    if 1 / FACTOR <= without / fitted <= FACTOR:
        return None
    return int(part.index[worst]), rest, fitted, without
