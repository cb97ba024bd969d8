"""What does one theft cost? The capped severity of each class, from known losses or, without any, from declared values.

Part of the fit at publication (analysis/models.py), on the same counted thefts and the same window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.buhlmann import buhlmann_straub

Array = NDArray[np.float64]

SEGMENTS = ("last mile", "line haul", "storage")
#: What a severity rests on; neither where nothing is known.
KNOWN_LOSSES, DECLARED_VALUE = "known losses", "declared value"
_COLUMNS = [
    "segment", "commodity", "thefts", "valued", "insureds", "mean_loss", "weight", "severity", "basis", "is_shareable",
]  # fmt: skip

_LOSSES = """
select t.segment, t.commodity, t.insured_id,
    -- least() alone would take an unknown loss for the cap.
    case when t.loss_base is not null then least(t.loss_base::double, $cap) end as loss
from theft_fact as t, fit_window as w
where coalesce(t.left_out, 'without exposure') = 'without exposure' and t.month >= w.first_month
    and t.month < w.end_month
order by all
"""
# Of exposure whose value is known: a trip or a parcel without one would count as worth nothing.
_VALUES = """
select m.segment, m.commodity, sum(m.units) as units, sum(m.value_base)::double as value_base
from lane_month as m
join fit_window as w on m.month >= w.first_month and m.month < w.end_month
where m.in_fit and m.units > 0 and m.value_base > 0
group by all
order by all
"""


def fit_severities(
    connection: duckdb.DuckDBPyConnection, *, loss_cap: float, least_losses: int, least_insureds: int
) -> pd.DataFrame:
    """What does a theft of each segment and commodity group cost, in base currency?

    Thin classes are drawn to their segment's mean by Bühlmann-Straub; the row without commodity is the segment's own.
    A segment without any known loss never has that of another: what a parcel costs is not what a truckload costs. It
    has its mean declared value a unit (trip or parcel), capped, and none where no value is declared.

    Parameters
    ----------
    loss_cap
        Each loss, and each mean value, counts up to this; base currency.
    least_losses, least_insureds
        A scoped viewer may see a severity that rests on at least so many known losses, of so many insureds.

    Returns
    -------
    DataFrame
        The rows of table class_severity.
    """
    losses = connection.execute(_LOSSES, {"cap": loss_cap}).df()
    values = connection.execute(_VALUES).df()
    rows: list[dict[str, object]] = []
    for segment in SEGMENTS:
        part = losses[losses["segment"] == segment]
        if part["loss"].notna().any():
            rows += _by_losses(segment, part)
        else:
            rows += _by_values(segment, part, values[values["segment"] == segment], cap=loss_cap)
    table = pd.DataFrame(rows, columns=[name for name in _COLUMNS if name != "is_shareable"])
    table = table.astype({"mean_loss": "float64", "weight": "float64", "severity": "float64", "basis": "object"})
    return table.assign(is_shareable=(table["valued"] >= least_losses) & (table["insureds"] >= least_insureds))


def severities_of(classes: Iterable[tuple[str, str]], *, severities: pd.DataFrame) -> tuple[Array, NDArray[np.bool_]]:
    """What does a theft of each class cost, and may a scoped viewer see it?

    Parameters
    ----------
    classes
        Pairs of segment and commodity, '' where none is known. A class without a severity has its segment's.
    """
    keys = list(zip(severities["segment"], severities["commodity"].fillna(""), strict=True))
    row_of = {key: row for row, key in enumerate(keys)}
    rows = [row_of.get(pair, row_of[(pair[0], "")]) for pair in classes]
    found: Array = severities["severity"].to_numpy(dtype=np.float64)[rows]
    return found, severities["is_shareable"].to_numpy(dtype=bool)[rows]


def _by_losses(segment: str, part: pd.DataFrame) -> list[dict[str, object]]:
    known = part[part["loss"].notna()]
    by_class = {str(name): group["loss"].to_numpy() for name, group in known.groupby("commodity", sort=True)}
    pooled = float(known["loss"].mean())
    weights, estimates = _weigh(list(by_class.values()), pooled=pooled)
    rows = [_row(segment, None, part, mean=pooled, weight=1.0, severity=pooled, basis=KNOWN_LOSSES)]
    for number, (name, own) in enumerate(by_class.items()):
        of_class = part[part["commodity"] == name]
        rows.append(
            _row(
                segment,
                name,
                of_class,
                mean=float(own.mean()),
                weight=weights[number],
                severity=estimates[number],
                basis=KNOWN_LOSSES,
            )
        )
    return rows


def _by_values(segment: str, part: pd.DataFrame, values: pd.DataFrame, *, cap: float) -> list[dict[str, object]]:
    """Of a segment without known losses: its mean declared value a unit, and that of each of its classes."""

    def row(name: str | None, of_class: pd.DataFrame, exposed: pd.DataFrame) -> dict[str, object]:
        units = float(exposed["units"].sum())
        mean = min(float(exposed["value_base"].sum()) / units, cap) if units > 0 else None
        basis = None if mean is None else DECLARED_VALUE
        return _row(segment, name, of_class, mean=None, weight=0.0, severity=mean, basis=basis)

    names = sorted(str(name) for name in values["commodity"].dropna().unique())
    return [row(None, part, values)] + [
        row(name, part[part["commodity"] == name], values[values["commodity"] == name]) for name in names
    ]


def _row(
    segment: str,
    commodity: str | None,
    part: pd.DataFrame,
    *,
    mean: float | None,
    weight: float,
    severity: float | None,
    basis: str | None,
) -> dict[str, object]:
    known = part[part["loss"].notna()]
    return {
        "segment": segment,
        "commodity": commodity,
        "thefts": len(part),
        "valued": len(known),
        "insureds": int(known["insured_id"].nunique()),
        "mean_loss": mean,
        "weight": weight,
        "severity": severity,
        "basis": basis,
    }


def _weigh(losses: Sequence[Array], *, pooled: float) -> tuple[list[float], list[float]]:
    if len(losses) < 2 or all(len(part) < 2 for part in losses):
        return [0.0] * len(losses), [pooled] * len(losses)
    found = buhlmann_straub(losses)
    return found.factors.tolist(), found.estimates.tolist()
