"""Where losses happen, when, and to what: counts and amounts by lane, site, area, hour, month and kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import h3
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.measures import Measure, magnitude, significant
from analysis.place_names import LANE_NAMES, name_cells
from analysis.selection import STORED_RESOLUTIONS, WEEKDAYS, Dimension, Fact, Selection, condition, unreachable
from analysis.values import differ
from data.portfolio import View

PlaceUnit = Literal["lane", "site", "cell"]
Kind = Literal["category", "cause", "commodity", "carrier", "mode", "insured", "location_kind"]

#: What a unit is called on screen: one, and many.
UNIT_LABELS: dict[PlaceUnit, tuple[str, str]] = {
    "lane": ("lane", "lanes"),
    "site": ("site", "sites"),
    "cell": ("area", "areas"),
}
KIND_LABELS: dict[Kind, str] = {
    "category": "category",
    "cause": "cause",
    "commodity": "commodity",
    "carrier": "carrier",
    "mode": "mode",
    "insured": "insured",
    "location_kind": "kind of place",
}
#: Where neither incidents nor claims are loaded.
NO_LOSSES = "No losses are loaded: this is where goods and trackers are, and says nothing of where loss happens"
LANES_ON_MAP = 50
POINTS_ON_MAP = 9_000
# Areas are the largest that still tell two places apart on a map of this many degrees across.
_RESOLUTIONS = ((60.0, 2), (15.0, 3), (1.5, 5))
_FINEST = 7
_SHIPMENTS_AT_SITES = (
    "(select s.*, unnest(list_distinct([l.origin_site_id, l.destination_site_id])) as site_id"
    " from shipment_fact s join lane l using (lane_id)) shipment_at_site"
)
_PLACES: dict[PlaceUnit, dict[Fact, tuple[str, str]]] = {
    "lane": {
        "incident_fact": ("incident_fact", "lane_id"),
        "claim_fact": ("claim_fact", "lane_id"),
        "shipment_fact": ("shipment_fact", "lane_id"),
    },
    "site": {
        "incident_fact": ("incident_fact", "site_id"),
        "claim_fact": ("claim_fact", "site_id"),
        "shipment_fact": (_SHIPMENTS_AT_SITES, "site_id"),
    },
    "cell": {
        "incident_fact": ("incident_fact", "{cell}"),
        "claim_fact": ("claim_fact", "{cell}"),
        "ping_fact": ("ping_fact", "{cell}"),
    },
}
_KINDS: dict[Fact, dict[Kind, str]] = {
    "incident_fact": {
        "category": "category",
        "commodity": "commodity",
        "carrier": "carrier_id",
        "mode": "mode",
        "insured": "insured_id",
        "location_kind": "location_kind",
    },
    "claim_fact": {
        "cause": "cause",
        "commodity": "commodity",
        "carrier": "carrier_id",
        "mode": "mode",
        "insured": "insured_id",
    },
    "shipment_fact": {"commodity": "commodity", "carrier": "carrier_id", "mode": "mode", "insured": "insured_id"},
    "ping_fact": {"commodity": "commodity", "carrier": "carrier_id", "mode": "mode", "insured": "insured_id"},
}
_MONTHS = """
with happened as (
  select month from incident_fact
  union select month from claim_fact
  union select month from shipment_fact
  union select month from ping_fact
)
select month from happened where month is not null order by month desc
"""
_LANE_NAMES = f"""
select
  lane_id as place,
  name as label,
  mode,
  origin_latitude,
  origin_longitude,
  destination_latitude,
  destination_longitude
from ({LANE_NAMES})
"""
_SITE_NAMES = """
select
  site_id as place,
  coalesce(name, site_id) as label,
  kind,
  city,
  country,
  latitude,
  longitude,
  coordinate_source
from site
"""


@dataclass(frozen=True)
class Places:
    """Places of one unit, ranked by one measure.

    Attributes
    ----------
    frame
        One row a place, the largest first: `place` (id of the lane, site or H3 cell), `label`, `value` (the measure),
        `share` (of `total`, 0 to 1), one column per measure asked for, and coordinates in degrees, null where not
        known: `origin_latitude`, `origin_longitude`, `destination_latitude`, `destination_longitude` of a lane,
        `latitude`, `longitude` of a site or of an area's middle.
    unit, measure
        What is ranked, and by what.
    total, placed
        The measure over all rows, and over those whose place is known.
    resolution
        H3 resolution of areas; None for lanes and sites.
    caveats
        Sentences without a full stop.
    """

    frame: pd.DataFrame
    unit: PlaceUnit
    measure: Measure
    total: float
    placed: float
    resolution: int | None
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Breakdown:
    """A measure by the kinds of one thing.

    Attributes
    ----------
    frame
        One row a kind, the largest first: `key` (id or word), `label`, `value`, `share` (of `total`, 0 to 1),
        `n` (rows).
    by, measure
        What it is broken down by, and what is summed.
    total, not_given
        The measure over all rows, and over those whose kind is not given.
    """

    frame: pd.DataFrame
    by: Kind
    measure: Measure
    total: float
    not_given: float


@dataclass(frozen=True)
class HoursOfWeek:
    """A measure by the place's own weekday and hour.

    Attributes
    ----------
    frame
        168 rows: `weekday` (1 Monday to 7 Sunday), `hour` (0 to 23), `value`.
    measure
        What is counted.
    n, of
        Rows whose time of day is known, and all.
    """

    frame: pd.DataFrame
    measure: Measure
    n: int
    of: int


@dataclass(frozen=True)
class Points:
    """Incidents or claims one by one, where their place is known better than by country.

    Attributes
    ----------
    frame
        One row an event, sorted by id: `place` (its id), `label`, `latitude`, `longitude`, `place_source`.
    located, of
        Events with such a place, and all. The frame holds no more than fit on a map.
    """

    frame: pd.DataFrame
    located: int
    of: int


def place_units(measure: Measure) -> tuple[PlaceUnit, ...]:
    """By which units of place can a measure be told?"""
    return tuple(unit for unit, facts in _PLACES.items() if measure.fact in facts)


def kinds(measure: Measure) -> tuple[Kind, ...]:
    """By which kinds can a measure be broken down, the most telling first?"""
    return tuple(_KINDS[measure.fact])


def told_kinds(view: View, *, measure: Measure) -> tuple[Kind, ...]:
    """By which kinds, of those of which it knows at least two, can this portfolio break a measure down?

    Ask it of a view without filters.
    """
    counts = ", ".join(f"count(distinct {column})" for column in _KINDS[measure.fact].values())
    ((*found,),) = view.rows(f"select {counts} from {measure.fact} where {measure.within}")
    return tuple(kind for kind, count in zip(kinds(measure), found, strict=True) if count > 1)


def told_units(view: View, *, measure: Measure) -> tuple[PlaceUnit, ...]:
    """By which units of place can this portfolio tell a measure? Ask it of a view without filters."""
    columns = {"lane": "lane_id", "site": "site_id", "cell": "cell_3"}
    if measure.fact == "shipment_fact":
        columns["site"] = "lane_id"
    units = place_units(measure)
    counts = ", ".join(f"count({columns[unit]})" for unit in units)
    ((*found,),) = view.rows(f"select {counts} from {measure.fact} where {measure.within}")
    return tuple(unit for unit, count in zip(units, found, strict=True) if count)


def places(
    view: View,
    *,
    unit: PlaceUnit,
    measure: Measure,
    beside: Iterable[Measure] = (),
    selection: Selection | None = None,
    resolution: int | None = None,
    limit: int = 500,
) -> Places:
    """Which lanes, sites or areas have most of a measure?

    Parameters
    ----------
    view
        The rows to look at.
    unit
        Lane, site, or H3 cell. A shipment counts at both ends of its lane.
    measure
        What ranks the places: a count or an amount.
    beside
        Further measures to tell for each place; those without this unit are left out.
    selection
        What the page is narrowed to; its site or cell does not narrow the places themselves: they are picked here.
    resolution
        Of the cells; None: what suits the extent of the data.
    limit
        Most places in the frame.

    Raises
    ------
    ValueError
        For a share, which cannot be ranked by size, and for a unit that the measure does not have.
    """
    if measure.per or unit not in place_units(measure):
        message = f"{measure.key} is not told by {unit}"
        raise ValueError(message)
    picked = (selection or Selection()).without("site", "cell")
    size = (resolution or cell_resolution(view, measure=measure)) if unit == "cell" else None
    told = [measure, *(m for m in beside if m.key != measure.key and not m.per and unit in place_units(m))]
    ranked = _counted(view, unit=unit, measures=told, selection=picked, resolution=size)
    known = ranked[ranked["place"].notna()]
    total, placed = float(ranked[measure.key].sum()), float(known[measure.key].sum())
    if unit == "site" and measure.fact == "shipment_fact":
        total, placed = _moved(view, measure=measure, selection=picked)
    known = known[known[measure.key].fillna(0) != 0]
    known = known.sort_values([measure.key, "place"], ascending=[False, True], kind="stable").head(limit)
    frame = _named(view, unit=unit, frame=known)
    frame["value"] = frame[measure.key].astype(float)
    frame["share"] = frame["value"] / total if total else 0.0
    return Places(
        frame=frame.reset_index(drop=True),
        unit=unit,
        measure=measure,
        total=total,
        placed=placed,
        resolution=size,
        caveats=tuple(_place_caveats(unit, measure=measure, total=total, placed=placed)),
    )


def cell_resolution(view: View, *, measure: Measure) -> int:
    """Which size of H3 cell suits the extent of a measure's rows: 2 for a world, 7 for a city?"""
    found = view.rows(f"select distinct cell_3 from {measure.fact} where cell_3 is not null and {measure.within}")
    middles = [h3.cell_to_latlng(cell) for (cell,) in found]
    if not middles:
        return STORED_RESOLUTIONS[0]
    latitudes, longitudes = zip(*middles, strict=True)
    across = max(max(latitudes) - min(latitudes), (max(longitudes) - min(longitudes)) / 2)
    return next((size for degrees, size in _RESOLUTIONS if across > degrees), _FINEST)


def extent(ranked: Iterable[Places]) -> tuple[float, float, float, float] | None:
    """South, west, north and east, in degrees, of where nearly all of a measure is; None where no place is known.

    In each direction the places with the outermost per cent of it are left out: one claim in Guam does not make a map
    of the United States a map of the world.
    """
    parts = []
    for some in ranked:
        for prefix in ("origin_", "destination_") if some.unit == "lane" else ("",):
            part = some.frame[[f"{prefix}latitude", f"{prefix}longitude", "value"]].dropna()
            parts.append(part.to_numpy(dtype=float))
    spots = np.vstack(parts) if parts else np.empty((0, 3))
    if not len(spots):
        return None
    south, north = _inner(spots[:, 0], weights=spots[:, 2])
    west, east = _inner(spots[:, 1], weights=spots[:, 2])
    return south, west, north, east


def _inner(values: NDArray[np.float64], *, weights: NDArray[np.float64], outer: float = 0.01) -> tuple[float, float]:
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) / weights.sum()
    low = order[int(np.searchsorted(shares, outer))]
    high = order[min(int(np.searchsorted(shares, 1 - outer)), len(order) - 1)]
    return float(values[low]), float(values[high])


def breakdown(
    view: View, *, measure: Measure, by: Kind, selection: Selection | None = None, limit: int = 10
) -> Breakdown | None:
    """How does a measure divide by category, cause, commodity, carrier, mode, insured or kind of place?

    What it is broken down by does not narrow it, as it is picked here. None where the rows have no such column.
    """
    column = _KINDS[measure.fact].get(by)
    if column is None or measure.per:
        return None
    picked = selection or Selection()
    own: tuple[Dimension, ...] = (by,) if by in ("category", "cause") else ()
    cut = condition(measure.fact, picked.without(*own))
    name = {"carrier": "(select name from carrier c where c.carrier_id = counted.key)"}.get(
        by, "(select name from insured i where i.insured_id = counted.key)" if by == "insured" else "null"
    )
    frame = view.frame(
        f"with counted as (select {column} as key, {measure.parts['value']} as value, {measure.parts['known']} as n"
        f" from {measure.fact} where {cut.sql} group by key)"
        f" select key, coalesce({name}, key) as label, value, n from counted where n > 0 order by value desc, key",
        cut.parameters,
    )
    total = float(frame["value"].sum())
    given = frame[frame["key"].notna()].copy()
    given["value"] = given["value"].fillna(0).astype(float)
    given["share"] = given["value"] / total if total else 0.0
    return Breakdown(
        frame=given[given["value"] != 0].head(limit).reset_index(drop=True),
        by=by,
        measure=measure,
        total=total,
        not_given=total - float(given["value"].sum()),
    )


def hours_of_week(view: View, *, measure: Measure, selection: Selection | None = None) -> HoursOfWeek | None:
    """At which hours of the week, in the place's own time, do incidents happen? None where rows have no hour."""
    if measure.fact != "incident_fact" or measure.per:
        return None
    cut = condition(measure.fact, (selection or Selection()).without("weekday", "hour"))
    found = view.rows(
        f"select weekday, hour, {measure.parts['value']} as value, count(*) filter (where {measure.rows}) as n"
        f" from {measure.fact} where {cut.sql} group by weekday, hour",
        cut.parameters,
    )
    values = {(day, hour): float(value or 0) for day, hour, value, _ in found if hour is not None}
    frame = pd.DataFrame(
        [(day, hour, values.get((day, hour), 0.0)) for day in range(1, 8) for hour in range(24)],
        columns=["weekday", "hour", "value"],
    )
    return HoursOfWeek(
        frame=frame,
        measure=measure,
        n=sum(n for _, hour, _, n in found if hour is not None),
        of=sum(n for *_, n in found),
    )


def points(
    view: View, *, measure: Measure, selection: Selection | None = None, limit: int = POINTS_ON_MAP
) -> Points | None:
    """Where exactly did each incident happen? None for what is no list of incidents."""
    if measure.fact != "incident_fact":
        return None
    cut = condition(measure.fact, selection or Selection())
    where = f"({measure.rows}) and {cut.sql}"
    frame = view.frame(
        "select incident_id as place,"
        " coalesce(category, 'no category') || ', ' || coalesce(strftime(local_at, '%d %b %Y'), 'no date') as label,"
        f" latitude, longitude, place_source from incident_fact where {where} and latitude is not null"
        f" and place_source <> 'country' order by incident_id limit {int(limit)}",
        cut.parameters,
    )
    ((located, total),) = view.rows(
        "select count(*) filter (where latitude is not null and place_source <> 'country'), count(*)"
        f" from incident_fact where {where}",
        cut.parameters,
    )
    return Points(frame=frame, located=located, of=total)


def pick_options(view: View, *, limit: int = 2_000) -> dict[Dimension, dict[Any, str]]:
    """What can be picked out on a page, by dimension: value to name? Ask it of a view without filters.

    Weekdays and hours are offered where incidents have a time of day; areas are picked on the map.
    """
    sites = view.rows(
        "with used as (select site_id from incident_fact union select site_id from claim_fact"
        " union select unnest([origin_site_id, destination_site_id]) from lane)"
        " select s.site_id, coalesce(s.name, s.site_id) from site s join used using (site_id)"
        f" order by 2, 1 limit {int(limit)}"
    )
    named = Counter(name for _, name in sites)
    options: dict[Dimension, dict[Any, str]] = {
        "category": {word: word for (word,) in view.rows(_words_of("category", "incident_fact"))},
        "cause": {word: word for (word,) in view.rows(_words_of("cause", "claim_fact"))},
        "month": {month: f"{month:%b %Y}" for (month,) in view.rows(_MONTHS)},
        "site": {site: name if named[name] == 1 else f"{name} ({site})" for site, name in sites},
    }
    if view.rows("select 1 from incident_fact where hour is not null limit 1"):
        options["weekday"] = dict(enumerate(WEEKDAYS, start=1))
        options["hour"] = {hour: f"{hour:02d}:00–{hour:02d}:59" for hour in range(24)}
    return {dimension: names for dimension, names in options.items() if names}


def _words_of(column: str, fact: Fact) -> str:
    return (
        f"select {column} from {fact} where {column} is not null"
        f" group by {column} order by count(*) desc, {column} limit 200"
    )


def main_finding(ranked: Places, *, currency: str) -> str:
    """What is the one thing to know first, in a sentence?"""
    measure, frame = ranked.measure, ranked.frame
    what = measure.label.lower()
    if not ranked.total:
        return f"No {what} in this selection."
    one = UNIT_LABELS[ranked.unit][0]
    total = measure.words(ranked.total, currency=currency)
    if frame.empty:
        return f"{total} {what}, but no {one} is known for any of them."
    first = frame.iloc[0]
    values = frame["value"]
    level = int((values == values.iloc[0]).sum())
    if level > 1:
        each = measure.words(first["value"], currency=currency)
        most = f"{level} {UNIT_LABELS[ranked.unit][1]} are level at the top with {each} each of {total} {what}"
        return f"{most}: {first['label']} and {'another' if level == 2 else f'{level - 1} more'}."
    share = significant(100 * first["share"], 2)
    lead = f"{first['label']} has {measure.words(first['value'], currency=currency)}"
    whole = f"{share}% of {total} {what}" if measure.unit == "count" else f"{share}% of the {what} of {total}"
    if len(frame) == 1:
        return f"{lead}, {whole}: the only {one} with any."
    second = frame.iloc[1]
    times = first["value"] / second["value"]
    if measure.interval == "poisson" and not differ(first["value"], second["value"]):
        return f"{lead}, {whole}; {second['label']} has {measure.words(second['value'])}, which may be chance."
    if times < 1.05:
        return f"{lead}, {whole}: level with {second['label']}."
    return f"{lead}, {whole}: {significant(times, 2)} times the next, {second['label']}."


def count_caveats(view: View, *, measure: Measure) -> tuple[str, ...]:
    """What must stand beside these numbers, as they are no rates?"""
    found = []
    if not view.has("incident") and not view.has("claim"):
        found.append(NO_LOSSES)
    if measure.key == "market_incidents":
        found.append("Market incidents are context: they are not losses of this book")
    if measure.matures:
        found.append(
            "These are counts and amounts, not rates: a busy place has more of everything"
            if view.has("shipment")
            else "No shipments are loaded: these are counts, not rates"
        )
    return tuple(found)


def _moved(view: View, *, measure: Measure, selection: Selection) -> tuple[float, float]:
    """A measure of shipments over all, and over those whose lane is known: by site each would count twice."""
    cut = condition(measure.fact, selection)
    ((total, placed),) = view.rows(
        f"select {measure.parts['value']}, sum({measure.value}) filter (where lane_id in (select lane_id from lane))"
        f" from {measure.fact} where {cut.sql}",
        cut.parameters,
    )
    return float(total or 0), float(placed or 0)


def _counted(
    view: View, *, unit: PlaceUnit, measures: list[Measure], selection: Selection, resolution: int | None
) -> pd.DataFrame:
    """One row a place, with a column a measure; the row without a place holds what is at no known one."""
    stored = next((size for size in STORED_RESOLUTIONS if resolution is not None and size >= resolution), _FINEST)
    by_fact: dict[Fact, list[Measure]] = {}
    for measure in measures:
        by_fact.setdefault(measure.fact, []).append(measure)
    parts, parameters = [], dict[str, Any]()
    for fact, group in by_fact.items():
        if unreachable(fact, selection):
            continue
        source, column = _PLACES[unit][fact]
        cut = condition(fact, selection)
        parameters |= cut.parameters
        sums = ", ".join(f"{measure.parts['value']} as {measure.key}" for measure in group)
        place = column.format(cell=f"cell_{stored}")
        parts.append(f"select {place} as place, {sums} from {source} where {cut.sql} group by place")
    keys = [measure.key for measure in measures]
    if not parts:
        return pd.DataFrame({"place": pd.Series(dtype="str")} | {key: pd.Series(dtype="float") for key in keys})
    told = [measure.key for measure in measures if not unreachable(measure.fact, selection)]
    sums = ", ".join(f"sum({key})::double as {key}" for key in told)
    union = " union all by name ".join(parts)
    frame = view.frame(f"with counted as ({union}) select place, {sums} from counted group by place", parameters)
    for key in keys:
        if key not in frame:
            frame[key] = np.nan
    if resolution is not None and resolution < stored:
        frame["place"] = [
            h3.cell_to_parent(cell, resolution) if isinstance(cell, str) else None for cell in frame["place"]
        ]
        frame = frame.groupby("place", dropna=False, as_index=False)[keys].sum(min_count=1)
    return frame


def _named(view: View, *, unit: PlaceUnit, frame: pd.DataFrame) -> pd.DataFrame:
    if unit == "cell":
        middles = np.array([h3.cell_to_latlng(cell) for cell in frame["place"]], dtype=float).reshape(-1, 2)
        named = frame.assign(latitude=middles[:, 0], longitude=middles[:, 1])
        named["label"] = name_cells(frame["place"].tolist())
        return named
    wanted = frame["place"].tolist()
    names = view.frame(
        f"with named as ({_LANE_NAMES if unit == 'lane' else _SITE_NAMES})"
        " select * from named where list_contains($places::varchar[], place)",
        {"places": wanted},
    )
    named = frame.merge(names, on="place", how="left")
    named["label"] = named["label"].fillna(named["place"])
    return named


def _place_caveats(unit: PlaceUnit, *, measure: Measure, total: float, placed: float) -> Iterable[str]:
    if placed < total:
        left = total - placed
        one = UNIT_LABELS[unit][0]
        shown = magnitude(left) if measure.unit == "count" else f"{significant(100 * left / total, 2)}%"
        yield f"{shown} of the {measure.label.lower()} have no known {one} and are in no row here"
    if unit == "site" and measure.fact == "shipment_fact":
        yield "Each shipment counts at both ends of its lane, so shares of sites add up to more than 100%"
