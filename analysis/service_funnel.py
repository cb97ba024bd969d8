"""Which devices, carriers, lanes or insureds are worse than the rest of the book? Verdicts of a funnel."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.service_levels import FUNNEL_WARNING_Z, FUNNEL_Z, Array, funnel_error, funnel_limits, share_angle
from analysis.service_measures import ServiceMeasure

Verdict = Literal["below floor", "outside funnel", "ordinary", "not enough data"]

#: Verdicts on a unit, the most urgent first.
VERDICTS: tuple[Verdict, ...] = ("below floor", "outside funnel", "ordinary", "not enough data")
#: A funnel wider than this many points to one side cannot tell a bad unit from chance.
WIDEST_FUNNEL = 0.05


def judged_units(
    units: pd.DataFrame, *, measure: ServiceMeasure, level: float | None, dispersion: float | None, between: float
) -> pd.DataFrame:
    """Which units are worse than others of their size in the book? With funnel, distance and verdict, the worst first.

    Parameters
    ----------
    units
        `key`, `value`, `high` (of its interval), `denominator`, `clusters` and `concentration` of each unit.
    level, dispersion, between
        As of `analysis.service_levels.funnel_limits`, of the book; without the first two nothing is judged.

    Returns
    -------
    pandas.DataFrame
        With `funnel_low`, `funnel_high`, `warning_low`, `warning_high`, `distance` and `verdict` beside, as of
        `analysis.telemetry.ServiceUnits`.
    """
    if level is None or dispersion is None:
        columns = ("funnel_low", "funnel_high", "warning_low", "warning_high", "distance")
        return units.assign(**dict.fromkeys(columns, np.nan), verdict="not enough data").sort_values("key")
    exposure, value, concentration = (
        units[name].to_numpy(dtype=float) for name in ("denominator", "value", "concentration")
    )
    low, high, warning_low, warning_high = (
        end
        for z in (FUNNEL_Z, FUNNEL_WARNING_Z)
        for end in funnel_limits(
            level, exposure, dispersion=dispersion, between=between, concentration=concentration, z=z
        )
    )
    error = funnel_error(level, exposure, dispersion=dispersion, between=between, concentration=concentration)
    distance = np.divide(share_angle(value) - share_angle(level), error, out=np.zeros(len(units)), where=error > 0)
    # Too little exposure is told by trips alone: devices that differ are no lack of data.
    wide = FUNNEL_Z * np.sqrt(dispersion / exposure) > WIDEST_FUNNEL
    worse = -distance if measure.better == "higher" else distance
    outside = (worse > FUNNEL_Z) & (measure.better != "neutral")
    below = (units["high"] < (measure.floor if measure.floor is not None else -1.0)).to_numpy()
    verdict = np.select(
        [below & outside, wide, below, outside],
        ["below floor", "not enough data", "below floor", "outside funnel"],
        default="ordinary",
    )
    return (
        units.assign(
            funnel_low=low,
            funnel_high=high,
            warning_low=warning_low,
            warning_high=warning_high,
            distance=distance,
            verdict=verdict,
            _order=[VERDICTS.index(name) for name in verdict],
            _worse=worse,
        )
        .sort_values(["_order", "_worse", "key"], ascending=[True, False, True], ignore_index=True)
        .drop(columns=["_order", "_worse"])
    )


def usual_concentration(units: pd.DataFrame, denominators: ArrayLike) -> Array:
    """On how few clusters is a unit of so much exposure usually? For drawing limits: each is judged by its own.

    Parameters
    ----------
    units
        `clusters`, `denominator` and `concentration` of the units drawn.

    Returns
    -------
    numpy.ndarray
        As of `analysis.service_levels.funnel_error`: 1 for a single cluster.

    Examples
    --------
    >>> units = pd.DataFrame({"clusters": [4, 8], "denominator": [400.0, 800.0], "concentration": [1 / 4, 1 / 8]})
    >>> usual_concentration(units, [50.0, 200.0, 1000.0]).tolist()
    [1.0, 0.5, 0.1]
    """
    exposure = np.asarray(denominators, dtype=np.float64)
    if not (units["clusters"] > 1).any():
        return np.ones_like(exposure)
    # What of its exposure a unit has on one cluster, as the mean over exposure.
    on_one = float((units["concentration"] * units["denominator"] ** 2).sum() / units["denominator"].sum())
    return np.minimum(1.0, on_one / exposure)
