"""Did a service level move against the comparison period, or does chance explain it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from analysis.filters import Filters
from analysis.intervals import Interval
from analysis.service_levels import Array, RatioChange, Spread, ratio_change
from analysis.service_measures import SOURCES, Definition, ServiceMeasure, defined
from analysis.telemetry import book_spreads
from data.portfolio import View

#: Of the interval of a change. A row of six cards then shows a move that is none on one page in seventeen.
CHANGE_LEVEL = 0.99


@dataclass(frozen=True)
class ServiceChange:
    """A service level against its comparison period.

    Attributes
    ----------
    measure
        What it is.
    before, change
        Its level in the comparison period, 0 to 1, and by how much it moved since; None where either is not known.
    interval
        Of the change, 99%, clustered: devices (carriers, scales) are the same in both periods.
    clusters
        Devices (carriers, scales) behind it.
    is_signal
        Whether it moved by more than chance explains.
    """

    measure: ServiceMeasure
    before: float | None
    change: float | None
    interval: Interval | None
    clusters: int
    is_signal: bool


def service_changes(
    view: View,
    *,
    now: Filters,
    before: Filters,
    measures: Iterable[ServiceMeasure],
    definition: Definition | int = "schedule",
    spreads: Mapping[str, Spread] | None = None,
) -> dict[str, ServiceChange]:
    """How did these service levels move from the comparison period to that shown?

    One query a fact, over both periods at once.

    Parameters
    ----------
    view
        Of the selection, in whatever period.
    now, before
        The selection in the period shown and in the one it is compared with.
    spreads
        As of `analysis.telemetry.book_spreads`, which no filter changes; None: they are asked for.

    Raises
    ------
    ValueError
        For a period that is open at an end: it has no comparison.
    """
    ends = [part for filters in (before, now) for part in (filters.first_month, filters.last_month)]
    known = [month for month in ends if month is not None]
    if len(known) < len(ends):
        message = "an open period has no comparison"
        raise ValueError(message)
    both = view.snapshot.view(view.scope, replace(before, first_month=min(known), last_month=max(known)))
    bound = dict(zip(("before_first", "before_last", "now_first", "now_last"), known, strict=True))
    chosen = [defined(measure, definition) for measure in measures]
    groups: dict[str, list[ServiceMeasure]] = {}
    for measure in chosen:
        if all(view.has(table) for table in measure.tables):
            groups.setdefault(measure.fact, []).append(measure)
    if spreads is None:
        spreads = book_spreads(both, definition=definition)
    found: dict[str, ServiceChange] = {}
    for group in groups.values():
        sums = _cluster_sums(both, measures=group, bound=bound)
        for measure in group:
            found[measure.key] = _change(measure, sums=sums, spread=spreads.get(measure.key))
    return {measure.key: found.get(measure.key, _unknown(measure)) for measure in chosen}


class _Sums:
    """Numerators and denominators of measures that hang together in the same clusters, by period and cluster."""

    def __init__(self, cluster: str, *, rows: Mapping[str, Any], chosen: Any) -> None:
        self.cluster = cluster
        self._rows, self._chosen = rows, np.flatnonzero(np.ma.filled(chosen, fill_value=False))
        names, self._places = np.unique(np.ma.getdata(rows["cluster"])[self._chosen].astype("str"), return_inverse=True)
        self.clusters = len(names)
        self._is_now = np.ma.filled(rows["is_now"][self._chosen], fill_value=False).astype(bool)

    def of(self, measure: ServiceMeasure, part: str, *, is_now: bool) -> Array:
        """One number a cluster, in the same order in both periods; 0 where it has none."""
        values = np.ma.filled(self._rows[f"{measure.key}_{part}"][self._chosen].astype(np.float64), 0.0)
        values *= self._is_now == is_now
        return np.bincount(self._places, weights=values, minlength=self.clusters).astype(np.float64)


def _cluster_sums(view: View, *, measures: list[ServiceMeasure], bound: dict[str, date]) -> list[_Sums]:
    """Numerator and denominator of each measure by period and cluster, for every way in which they cluster."""
    clusters = list(dict.fromkeys(measure.cluster for measure in measures))
    named = ", ".join(f"{sql} as cluster_{place}" for place, sql in enumerate(clusters))
    sets = ", ".join(f"(is_now, cluster_{place})" for place in range(len(clusters)))
    kinds = " ".join(f"when grouping(cluster_{place}) = 0 then {place}" for place in range(len(clusters)))
    sums = ", ".join(
        f"(sum({sql}) filter (where {m.within}))::double as {m.key}_{part}"
        for m in measures
        for part, sql in (("top", m.value), ("per", m.per))
    )
    rows = view.arrays(
        f"select case {kinds} end as by_cluster, is_now,"
        f" coalesce({', '.join(f'cluster_{place}' for place in range(len(clusters)))}, '') as cluster, {sums}"
        f" from (select *, month between $now_first and $now_last as is_now, {named} from {SOURCES[measures[0].fact]}"
        " where month between $now_first and $now_last or month between $before_first and $before_last) as clustered"
        f" group by grouping sets ({sets})",
        bound,
    )
    return [_Sums(sql, rows=rows, chosen=rows["by_cluster"] == place) for place, sql in enumerate(clusters)]


def _change(measure: ServiceMeasure, *, sums: Sequence[_Sums], spread: Spread | None) -> ServiceChange:
    own = next(one for one in sums if one.cluster == measure.cluster)
    change: RatioChange | None = None
    if own.clusters:
        now, before = (
            (own.of(measure, "top", is_now=one), own.of(measure, "per", is_now=one)) for one in (True, False)
        )
        change = ratio_change(now, before, spread=spread, level=CHANGE_LEVEL)
    if change is None:
        return _unknown(measure)
    return ServiceChange(
        measure, change.before, change.change, change.interval, change.clusters, is_signal=change.is_signal
    )


def _unknown(measure: ServiceMeasure) -> ServiceChange:
    return ServiceChange(measure, None, None, None, 0, is_signal=False)
