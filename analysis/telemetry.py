"""Can the insured's telemetry be trusted? Service levels in all, by account, carrier, lane, device, month and day.

Everything here rests on the marts of trips (data/marts/trip_telemetry.sql), whose schedule is the same for everybody;
the measures themselves are in analysis/service_measures.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.intervals import Interval
from analysis.service_funnel import judged_units
from analysis.service_levels import (
    ErrorBudget,
    RatioEstimate,
    Shift,
    Spread,
    error_budget,
    level_shift,
    ratio_estimate,
)
from analysis.service_measures import (
    DEFINITIONS,
    GAP_BINS,
    SERVICE_MEASURES,
    SOURCES,
    Definition,
    ServiceMeasure,
    defined,
    definition_words,
)
from data.portfolio import View

Unit = Literal["device", "carrier", "lane", "insured"]

UNIT_LABELS: dict[Unit, tuple[str, str]] = {
    "device": ("device", "devices"),
    "carrier": ("carrier", "carriers"),
    "lane": ("lane", "lanes"),
    "insured": ("insured", "insureds"),
}
_UNIT_COLUMNS: dict[Unit, str] = {
    "device": "device_id",
    "carrier": "carrier_id",
    "lane": "lane_id",
    "insured": "insured_id",
}
#: A device is called by its id.
_LABELS: dict[Unit, str] = {
    "carrier": "select carrier_id as key, coalesce(name, carrier_id) as label from carrier",
    "lane": "select lane_id as key, label from lane_key",
    "insured": "select insured_id as key, name as label from insured",
}


@dataclass(frozen=True)
class ServiceValue:
    """A service level over the rows of a view.

    Attributes
    ----------
    measure
        What it is, by the definition in use.
    definition
        Which definition of a blackout that is: one of `DEFINITIONS`, or the gap in seconds above which it is dark.
    value
        Share of 0 to 1; None where nothing is due.
    interval
        95%; None where a single cluster stands alone.
    n, clusters
        Trips (weighings, device-days) behind it, and devices (carriers, scales) that they hang together in.
    numerator, denominator
        The two sums.
    months
        (first day of month, value, denominator), ascending.
    budget
        What the target allows to miss, and what of it is left; None without a target, or where less is better.
    shrunk
        Whether the variance between clusters was shrunk to the book's.
    caveats
        What a reader must know beside the number, each a sentence without its full stop.
    """

    measure: ServiceMeasure
    definition: Definition | int
    value: float | None
    interval: Interval | None
    n: float
    clusters: int
    numerator: float
    denominator: float
    months: tuple[tuple[date, float, float], ...]
    budget: ErrorBudget | None
    shrunk: bool
    caveats: tuple[str, ...]

    def words(self) -> str:
        """The value as a person reads it."""
        return self.measure.words(self.value)


@dataclass(frozen=True)
class ServiceUnits:
    """A service level by device, carrier, lane or insured, against what chance does.

    Attributes
    ----------
    frame
        One row a unit, the most urgent verdict first, then by how far below the book: `key` (id), `label`, `value`
        (0 to 1), `low`, `high` (95% interval, clustered; null for a lone cluster without a book), `n` (trips),
        `clusters`, `denominator`, `concentration` (sum of squared denominators of its clusters over the square of their
        sum: 1 for a single one), `funnel_low`, `funnel_high` (where 998 of 1,000 units like the rest of the book lie
        that have this exposure and these clusters), `warning_low`, `warning_high` (950 of 1,000), `distance` (standard
        errors from the book's level, below it negative), `verdict`.
    measure, unit
        What, and of what.
    level
        The level that the funnel is drawn around.
    level_is_book
        Whether that is the whole book's; else it is this view's own, as the book's may not be shown or is not fitted.
    dispersion
        Of a trip, for `funnel_limits`; None where it cannot be told.
    between
        Variance between clusters of the book, for `funnel_limits`; None where too few can tell it, and limits leave it
        out.
    chance
        Units expected outside the funnel on the bad side by chance.
    without_unit
        Trips whose unit is not known: in no row.
    caveats
        Sentences without full stop.
    """

    frame: pd.DataFrame
    measure: ServiceMeasure
    unit: Unit
    level: float | None
    level_is_book: bool
    dispersion: float | None
    between: float | None
    chance: float
    without_unit: float
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """What the SLA is not about, or cannot be told of, in trips and hours: shown beside every level.

    Attributes
    ----------
    trips
        Trips and stand-alone shipments of the view.
    without_goods, no_signal, without_window
        Those without goods listed, by sea or air, and without any sign of when they ended.
    without_arrival, under_way
        Trips due with no recorded arrival (unprotected), and those of them that the data's date cut.
    without_device
        Trips due with no device: in coverage, in no uptime.
    journey_hours, out_hours
        From departure to the end of window on trips due with a device, and what of it was at secured sites or in
        maintenance that counts.
    """

    trips: float
    without_goods: float
    no_signal: float
    without_window: float
    without_arrival: float
    under_way: float
    without_device: float
    journey_hours: float
    out_hours: float


@dataclass(frozen=True)
class FallingUnit:
    """A unit whose service level changed for good.

    Attributes
    ----------
    key, label
        Which.
    month
        First month of the new level.
    before, after
        The two levels, 0 to 1.
    p_value
        Chance of so great a change in any unit and month, if none changed.
    """

    key: str
    label: str
    month: date
    before: float
    after: float
    p_value: float


def service_values(
    view: View, *, measures: Iterable[ServiceMeasure] | None = None, definition: Definition | int = "schedule"
) -> dict[str, ServiceValue]:
    """What are these service levels over the rows of a view, in all and by month?

    One query a fact, so a page asks for all its measures at once. Measures whose tables are missing come
    back without a value, with the caveat that says what to load.
    """
    wanted = [defined(measure, definition) for measure in measures or SERVICE_MEASURES.values()]
    spreads = book_spreads(view, definition=definition)
    groups: dict[str, list[ServiceMeasure]] = {}
    for measure in wanted:
        groups.setdefault(measure.fact, []).append(measure)
    found: dict[str, ServiceValue] = {}
    for group in groups.values():
        if lacking := [table for table in group[0].tables if not view.has(table)]:
            found |= {m.key: _without(m, definition=definition, lacking=lacking) for m in group}
            continue
        sums = ", ".join(
            f"sum({expression}) filter (where {m.within}) as {m.key}_{part}"
            for m in group
            for part, expression in (("top", m.value), ("per", m.per), ("rows", m.rows))
        )
        sums += "".join(f", sum({m.rows}) filter (where {m.among}) as {m.key}_among" for m in group if m.among)
        clusters = list(dict.fromkeys(measure.cluster for measure in group))
        columns = [f"cluster_{place}" for place in range(len(clusters))]
        kinds = " ".join(f"when grouping({column}) = 0 then {place}" for place, column in enumerate(columns))
        rows = view.arrays(
            f"select case {kinds} else -1 end as kind, month, {sums}"
            f" from (select *, {', '.join(f'{sql} as {name}' for sql, name in zip(clusters, columns, strict=True))}"
            f" from {SOURCES[group[0].fact]}) as clustered"
            f" group by grouping sets ((month), {', '.join(f'({column})' for column in columns)})"
            f" order by month, {', '.join(columns)}"
        )
        for measure in group:
            found[measure.key] = _value(
                measure,
                rows=rows,
                kind=clusters.index(measure.cluster),
                spread=spreads.get(measure.key),
                definition=definition,
            )
    return {measure.key: found[measure.key] for measure in wanted}


def service_by_unit(
    view: View, *, measure: ServiceMeasure, unit: Unit, definition: Definition | int = "schedule"
) -> ServiceUnits:
    """Which devices, carriers, lanes or insureds are worse than the rest of the book?

    A funnel, not a league table: each unit against limits around the book's level that widen as its exposure falls, and
    the fewer its devices (carriers, scales) are, as these differ from each other too. Verdicts: *below floor* where
    even the upper end of its interval is under the measure's floor, *outside funnel* where it lies beyond the limit of
    1 in 1,000 on the bad side, *not enough data* where its trips alone leave the funnel wider than five points, else
    *ordinary*.

    Raises
    ------
    ValueError
        For a unit that the measure's rows do not have: devices have no weighings, and no trips without a device.
    """
    column = _UNIT_COLUMNS[unit]
    deviceless = measure.fact == "weighing_fact" or measure.key.startswith("coverage")
    if (deviceless and unit == "device") or (measure.fact == "device_day" and unit != "device"):
        message = f"{measure.key} is not told by {unit}"
        raise ValueError(message)
    chosen = defined(measure, definition)
    rows = view.arrays(
        f"select {column} as key, sum({chosen.value})::double as top, sum({chosen.per})::double as bottom,"
        f" sum({chosen.rows})::double as n from {SOURCES[chosen.fact]} where {chosen.within}"
        f" group by {column}, {chosen.cluster} order by {column}"
    )
    top, bottom, n = (np.ma.filled(rows[name], 0.0) for name in ("top", "bottom", "n"))
    has_key = ~np.ma.getmaskarray(rows["key"])
    without = float(n[~has_key].sum())
    book = _book(view, measure=chosen, definition=definition)
    spread = book_spreads(view, definition=definition).get(chosen.key)
    total = float(bottom.sum())
    level = book.level if book.level is not None else (float(top.sum()) / total if total else None)
    known = has_key & (bottom > 0)
    frame = _unit_rows(
        np.ma.getdata(rows["key"])[known], top=top[known], bottom=bottom[known], n=n[known], spread=spread
    )
    labels = _labels(view, unit)
    frame["label"] = [labels.get(key, key) for key in frame["key"]]
    frame = judged_units(frame, measure=chosen, level=level, dispersion=book.dispersion, between=book.between or 0.0)
    caveats = []
    if book.level is None and level is not None:
        caveats.append("the funnel stands around the level of what is selected, as that of the whole book is not shown")
    if book.dispersion is None:
        caveats.append("the book is not fitted, so that what chance does is not known: load the feeds again")
    elif book.between is None:
        caveats.append(
            f"limits of trips alone: too few {chosen.cluster_name}s tell how far they differ from each other"
        )
    return ServiceUnits(
        frame=frame,
        measure=chosen,
        unit=unit,
        level=level,
        level_is_book=book.level is not None,
        dispersion=book.dispersion,
        between=book.between,
        chance=0.001 * int((frame["verdict"] != "not enough data").sum()) if len(frame) else 0.0,
        without_unit=without,
        caveats=tuple(caveats),
    )


def falling_units(
    view: View,
    *,
    measure: ServiceMeasure,
    unit: Unit,
    definition: Definition | int = "schedule",
    alpha: float = 0.01,
) -> tuple[FallingUnit, ...]:
    """Which units changed their level for good, and from which month? The most certain first.

    Months are taken as they are in the view; a change needs two months of the new level.
    """
    chosen = defined(measure, definition)
    column = _UNIT_COLUMNS[unit]
    rows = view.arrays(
        f"select {column} as key, month, sum({chosen.value})::double as top, sum({chosen.per})::double as bottom"
        f" from {SOURCES[chosen.fact]} where {chosen.within} and month is not null and {column} is not null"
        f" group by all having sum({chosen.per}) > 0 order by key, month"
    )
    top, bottom = (np.ma.filled(rows[name], 0.0) for name in ("top", "bottom"))
    keys = np.ma.getdata(rows["key"])
    parts = _runs(keys)
    found: list[FallingUnit] = []
    for part in parts:
        shift: Shift | None = level_shift(top[part], bottom[part], series=len(parts))
        if shift is not None and shift.p_value < alpha:
            month = rows["month"][part][shift.start].astype("datetime64[D]").item()
            name = str(keys[part.start])
            label = _labels(view, unit).get(name, name)
            found.append(FallingUnit(name, label, month, shift.before, shift.after, shift.p_value))
    return tuple(sorted(found, key=lambda one: one.p_value))


def calendar(view: View, *, measure: ServiceMeasure, definition: Definition | int = "schedule") -> pd.DataFrame:
    """How good was each day? One row a day with something due: `day`, `value` (0 to 1), `n` (trips), `denominator`.

    A trip belongs to the day of its departure, a weighing to the day on which it took place or was due.
    """
    chosen = defined(measure, definition)
    day = {"trip_telemetry": "departed_on", "trip_risk": "departed_on", "weighing_fact": "weighed_on"}.get(
        chosen.fact, "on_day"
    )
    return view.frame(
        f"select {day} as day, sum({chosen.value})::double / sum({chosen.per}) as value,"
        f" sum({chosen.rows})::double as n, sum({chosen.per})::double as denominator from {SOURCES[chosen.fact]}"
        f" where {chosen.within} and {day} is not null group by all having sum({chosen.per}) > 0 order by day"
    )


def gap_distribution(view: View, *, of: Literal["trip_telemetry", "device_day"] = "trip_telemetry") -> pd.DataFrame:
    """How long are the gaps between fixes? One row a bin, ascending.

    Columns: `over_s`, `to_s` (null: no end), `gaps` (number; those of a trip with goods of several accounts in parts),
    `share` of all gaps, `dark_hours` beyond one interval in gaps of the bin (0 for those within the schedule; not told
    by device-day), `dark_share` of all such hours. Lead-in and tail count as gaps.
    """
    part, within = ("part", "is_due and slots_due is not null") if of == "trip_telemetry" else ("1", "true")
    gaps = [f"sum({part} * gaps_{name})::double" for name, _ in GAP_BINS]
    dark = [
        f"coalesce(sum({part} * dark_{name}), 0)::double"
        if of == "trip_telemetry" and name not in {"60", "300"}
        else "0.0"
        for name, _ in GAP_BINS
    ]
    ((*sums,),) = view.rows(f"select {', '.join(gaps + dark)} from {of} where {within}")
    ends = [end for _, end in GAP_BINS]
    frame = pd.DataFrame(
        {
            "over_s": [0, *(end for end in ends if end is not None)],
            "to_s": pd.array(ends, dtype="Int64"),
            "gaps": [float(value or 0) for value in sums[: len(ends)]],
            "dark_hours": [float(value or 0) / 3600 for value in sums[len(ends) :]],
        }
    )
    for name, share in (("gaps", "share"), ("dark_hours", "dark_share")):
        total = frame[name].sum()
        frame[share] = frame[name] / total if total else 0.0
    return frame


def faults(view: View) -> pd.DataFrame:
    """Why are trips not protected? One row a reason, the most frequent first: `fault`, `trips`, `share` of trips due.

    Each trip has the first reason that holds, in the order of the definition; trips of the last mile that are protected
    in part, because some parcels lack a proof, count with the part that is not.
    """
    frame = view.frame(
        "select fault, sum(part - protected_part)::double as trips, sum(part)::double as due"
        " from trip_telemetry where is_due group by fault order by trips desc, fault"
    )
    frame["share"] = frame["trips"] / frame["due"].sum() if len(frame) else []
    return frame.loc[frame["fault"].notna(), ["fault", "trips", "share"]].reset_index(drop=True)


def left_out(view: View) -> LeftOut:
    """How much of the traffic is the SLA not about, or cannot be told of?"""
    ((*sums,),) = view.rows(
        """
        select
            sum(part), sum(part) filter (not has_goods), sum(part) filter (has_goods and no_signal),
            sum(part) filter (is_due and not is_scored),
            sum(part) filter (is_due and ended_by is distinct from 'arrival'),
            sum(part) filter (is_due and ended_by = 'under way'), sum(part) filter (is_due and tracked_part = 0),
            sum(part * journey_s) filter (is_due and slots_due is not null) / 3600,
            sum(part * (journey_s - window_s)) filter (is_due and slots_due is not null) / 3600
        from trip_telemetry
        """
    )
    return LeftOut(*(float(value or 0) for value in sums))


@dataclass(frozen=True)
class _Book:
    level: float | None
    dispersion: float | None
    between: float | None


def _book(view: View, *, measure: ServiceMeasure, definition: Definition | int) -> _Book:
    name = definition if definition in DEFINITIONS else "schedule"
    rows = view.lasting_rows(
        "select value, dispersion, between_variance from service_spread where measure = $measure"
        " order by definition = $definition desc, definition limit 1",
        measure=measure.key,
        definition=name,
    )
    if not rows:
        return _Book(None, None, None)
    # The level of another definition is not this one's; how trips scatter differs little.
    level, dispersion, between = rows[0]
    return _Book(None if definition not in DEFINITIONS and "dark_" in measure.value else level, dispersion, between)


def book_spreads(view: View, *, definition: Definition | int = "schedule") -> dict[str, Spread]:
    """How much do clusters of the whole book differ in each service level? By the measure's key."""
    name = definition if definition in DEFINITIONS else "schedule"
    rows = view.lasting_rows(
        "select measure, arg_max(variance, definition = $name), arg_max(clusters, definition = $name)"
        " from service_spread where variance is not null and definition in ('schedule', $name) group by measure",
        name=name,
    )
    return {measure: Spread(variance, clusters) for measure, variance, clusters in rows}


def _value(
    measure: ServiceMeasure, *, rows: Mapping[str, Any], kind: int, spread: Spread | None, definition: Definition | int
) -> ServiceValue:
    top, bottom, counted = (
        np.ma.filled(rows[f"{measure.key}_{part}"].astype(np.float64), 0.0) for part in ("top", "per", "rows")
    )
    by_month, by_cluster = rows["kind"] == -1, rows["kind"] == kind
    clusters = by_cluster & (bottom > 0)
    estimate: RatioEstimate = ratio_estimate(top[clusters], bottom[clusters], spread=spread)
    dated = np.flatnonzero(by_month & (bottom > 0) & ~np.ma.getmaskarray(rows["month"]))
    months = (
        (rows["month"][place].astype("datetime64[D]").item(), float(top[place] / bottom[place]), float(bottom[place]))
        for place in dated
    )
    numerator, denominator = float(top[clusters].sum()), float(bottom[clusters].sum())
    known, among = float(counted[by_cluster].sum()), 0.0
    if measure.among:
        among = float(np.ma.filled(rows[f"{measure.key}_among"].astype(np.float64), 0.0)[by_cluster].sum())
    budget = None
    if measure.target is not None and measure.better == "higher" and denominator:
        budget = error_budget(numerator, denominator, target=measure.target)
    return ServiceValue(
        measure=measure,
        definition=definition,
        value=estimate.value,
        interval=estimate.interval,
        n=known,
        clusters=estimate.clusters,
        numerator=numerator,
        denominator=denominator,
        months=tuple(months),
        budget=budget,
        shrunk=estimate.shrunk,
        caveats=tuple(_caveats(measure, estimate, definition=definition, known=known, among=among)),
    )


def _caveats(
    measure: ServiceMeasure, estimate: RatioEstimate, *, definition: Definition | int, known: float, among: float
) -> Iterable[str]:
    name = measure.cluster_name
    if estimate.value is None:
        yield f"no {measure.counted} to tell it from"
        return
    if round(known) < round(among):
        yield measure.known_words.format(known=f"{known:,.0f}", among=f"{among:,.0f}")
    if estimate.interval is None:
        yield f"a single {name}: its interval cannot be told"
    elif estimate.shrunk:
        many = f"{estimate.clusters} {name}{'s' if estimate.clusters > 1 else ''}"
        yield f"from {many} only: how far they differ is taken from the whole book's as well"
    if measure.key == "in_service":
        yield "devices that nobody assigned to a trip: it is not known whether goods were on board"
    if definition != "schedule" and "window_s" in measure.value:
        yield definition_words(definition)


def _without(measure: ServiceMeasure, *, definition: Definition | int, lacking: Sequence[str]) -> ServiceValue:
    return ServiceValue(
        measure=measure,
        definition=definition,
        value=None,
        interval=None,
        n=0,
        clusters=0,
        numerator=0.0,
        denominator=0.0,
        months=(),
        budget=None,
        shrunk=False,
        caveats=(f"not evaluable: the portfolio has no rows in {', '.join(lacking)}",),
    )


def _labels(view: View, unit: Unit) -> dict[str, str]:
    """What units are called, by their key."""
    return dict(view.lasting_rows(_LABELS[unit])) if unit in _LABELS else {}


def _runs(keys: NDArray[Any]) -> list[slice]:
    """Where does each key stand, if they are sorted?"""
    if not len(keys):
        return []
    ends = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(keys)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _unit_rows(
    keys: NDArray[Any],
    *,
    top: NDArray[np.float64],
    bottom: NDArray[np.float64],
    n: NDArray[np.float64],
    spread: Spread | None,
) -> pd.DataFrame:
    """One row a unit, in the order of their keys, by which the clusters given are sorted."""
    found = []
    for part in _runs(keys):
        estimate = ratio_estimate(top[part], bottom[part], spread=spread)
        ends = estimate.interval or Interval(np.nan, np.nan)
        exposure = float(bottom[part].sum())
        concentration = float((bottom[part] ** 2).sum()) / exposure**2
        found.append(
            (
                str(keys[part.start]),
                estimate.value,
                *ends,
                float(n[part].sum()),
                estimate.clusters,
                exposure,
                concentration,
            )
        )
    columns = ["key", "value", "low", "high", "n", "clusters", "denominator", "concentration"]
    return pd.DataFrame(found, columns=columns).astype({"key": "str"})
