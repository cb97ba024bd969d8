"""What would a person call an area of the map that has no name of its own?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import h3
import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from data.gazetteer import GAZETTEER

EARTH_KM = 6371.0
#: SQL of every lane's name. Lanes between the same places are told apart by mode, and where that does not, by id.
LANE_NAMES = """
with ends as (
    select
        l.lane_id, l.mode,
        coalesce(o.name, l.origin_site_id) as origin,
        coalesce(d.name, l.destination_site_id) as destination,
        o.latitude as origin_latitude, o.longitude as origin_longitude,
        d.latitude as destination_latitude, d.longitude as destination_longitude
    from lane as l
    left join site as o on o.site_id = l.origin_site_id
    left join site as d on d.site_id = l.destination_site_id
),
moded as (
    select
        *,
        origin || ' → ' || destination
        || case
            when count(distinct mode) over (partition by origin, destination) > 1 then coalesce(', ' || lower(mode), '')
            else ''
        end as named
    from ends
),
final as (
    select
        *,
        named || case when count(*) over (partition by named) > 1 then ' [' || lane_id || ']' else '' end as name
    from moded
)
select * from final
"""
# A town this near to one so many times its size is known by that one, or taken for its namesake elsewhere.
_NEAR_KM = 10.0
_TIMES_LARGER = 20.0
_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True)
class _Towns:
    tree: Any
    names: tuple[str, ...]
    population: NDArray[np.float64]
    radians: NDArray[np.float64]


def name_cells(cells: Sequence[str]) -> list[str]:
    """What is each H3 cell called?

    By the largest town in it ("Lagos, NG"), with the city that it is a part or a suburb of ("Kensington near Liverpool,
    GB"); where there is none, by the nearest with distance and direction from it
    ("310 km SW of Lagos, NG").

    Examples
    --------
    >>> name_cells(["83589cfffffffff"])
    ['Lagos, NG']
    """
    if not cells:
        return []
    towns, largest = _towns(), _largest_towns(h3.get_resolution(cells[0]))
    names = {cell: _qualified(largest[cell]) for cell in cells if cell in largest}
    nameless = [cell for cell in cells if cell not in names]
    if nameless:
        middles = np.radians(np.array([h3.cell_to_latlng(cell) for cell in nameless]))
        distances, nearest = towns.tree.query(_vectors(middles))
        for cell, middle, distance, town in zip(nameless, middles, distances, nearest, strict=True):
            away = 2 * np.arcsin(min(1.0, float(distance) / 2)) * EARTH_KM
            names[cell] = f"{_round_km(away)} km {_direction(towns.radians[town], middle)} of {_qualified(int(town))}"
    return [names[cell] for cell in cells]


@cache
def _qualified(town: int) -> str:
    """A town's name, with the far larger one of its country beside which it lies."""
    towns = _towns()
    name, country = towns.names[town].rsplit(", ", maxsplit=1)
    chord = 2 * np.sin(_NEAR_KM / EARTH_KM / 2)
    near = towns.tree.query_ball_point(_vectors(towns.radians[town : town + 1])[0], chord)
    city = max(near, key=lambda one: (towns.population[one], -one))
    city_name, city_country = towns.names[city].rsplit(", ", maxsplit=1)
    if city_country != country or towns.population[city] < _TIMES_LARGER * max(towns.population[town], 1):
        return towns.names[town]
    return f"{name} near {city_name}, {country}"


@cache
def _largest_towns(resolution: int) -> dict[str, int]:
    """The largest town of each cell that has one: found once, as 80,000 towns take a fifth of a second."""
    towns = _towns()
    degrees = np.degrees(towns.radians).tolist()
    found: dict[str, int] = {}
    for town in np.argsort(towns.population, kind="stable").tolist():
        latitude, longitude = degrees[town]
        found[h3.latlng_to_cell(latitude, longitude, resolution)] = town
    return found


@cache
def _towns() -> _Towns:
    columns = ["name", "country", "latitude", "longitude", "population"]
    kept = pyarrow.parquet.read_table(GAZETTEER, columns=columns, filters=[("kind", "=", "city")]).to_pydict()
    radians = np.radians(np.column_stack([kept["latitude"], kept["longitude"]]).astype(float))
    return _Towns(
        tree=cKDTree(_vectors(radians)),
        names=tuple(f"{name}, {country}" for name, country in zip(kept["name"], kept["country"], strict=True)),
        population=np.array([people or 0 for people in kept["population"]], dtype=float),
        radians=radians,
    )


def _vectors(radians: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on the unit sphere: straight distance there grows with distance on the ground."""
    latitude, longitude = radians[:, 0], radians[:, 1]
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def _direction(start: NDArray[np.float64], end: NDArray[np.float64]) -> str:
    turn = end[1] - start[1]
    bearing = np.degrees(
        np.arctan2(
            np.sin(turn) * np.cos(end[0]),
            np.cos(start[0]) * np.sin(end[0]) - np.sin(start[0]) * np.cos(end[0]) * np.cos(turn),
        )
    )
    return _COMPASS[round(float(bearing) % 360 / 45) % 8]


def _round_km(distance: float) -> str:
    return f"{distance:.0f}" if distance < 100 else f"{round(distance, -1):,.0f}"
