"""Choose the names on the map once: which country, state or city is written from which zoom on.

A developer's tool: the product only serves ``names.zip``. It needs ``shapely`` (requirements-dev.txt), the gazetteer
made before it, and the npm packages ``world-atlas@2.0.2`` and ``us-atlas@3.0.1``, unpacked. Run from the
project's root::

    python -m data.geo.prepare_places WORLD_ATLAS US_ATLAS

A name gets the lowest zoom at which its box on the screen touches no name chosen before it: countries by area, then
states, then cities by population. The tiles of a zoom hold the names that fit there, so they never overlap, the
browser need not find out which do in every frame, and no page has to think about it.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from math import asinh, degrees, radians, tan
from pathlib import Path
from typing import Any

import pyarrow.parquet

from data.gazetteer import GAZETTEER
from data.geo.prepare_basemap import Topology
from data.geo.prepare_gazetteer import UNNUMBERED, label_point, true_area
from data.geo.tiles import Tile, tile_of, write_tiles

ZOOMS = range(1, 7)
# A tile is shown from half a zoom below its own, where names are closest together.
SHOWN_FROM = -0.5
# Pixels of a label of 12 px type, with the air it needs.
LETTER_WIDTH, LABEL_HEIGHT, AIR = 7.0, 16.0, 14.0
# From which zoom on a kind may be written at all, and how few people a city may have there.
CITY_PEOPLE = {3: 5_000_000, 4: 2_000_000, 5: 700_000, 6: 300_000}
CITY_PEOPLE_US = {2: 2_500_000, 3: 1_300_000, 4: 500_000, 5: 150_000, 6: 60_000}
# Square degrees of the equator.
COUNTRY_AREA = {1: 150.0, 2: 45.0, 3: 15.0, 4: 3.0, 5: 0.3, 6: 0.0}
STATE_AREA = {4: 9.0, 5: 2.0, 6: 0.0}
# Degrees: the point of a state's name needs no finer outline.
STATE_TOLERANCE = 0.012
SHORT_NAMES = {
    "Democratic Republic of the Congo": "DR Congo",
    "Republic of the Congo": "Congo",
    "The Netherlands": "Netherlands",
    "New York City": "New York",
    "Palestinian Territory": "Palestine",
    "Central African Republic": "Central African Rep.",
    "Bosnia and Herzegovina": "Bosnia and Herz.",
}
# Territories that are only sea on a map of this kind.
UNWRITTEN = {"TF", "HM", "BV", "GS", "AQ", "UM", "IO"}
# GeoNames gives these districts the people of their whole city.
DISTRICTS = {"New South Memphis"}


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name that could be written on the map."""

    text: str
    kind: str
    latitude: float
    longitude: float
    weight: float
    first_zoom: int


def pixels(name: Name, *, zoom: int) -> tuple[float, float]:
    """Where on the screen is a name where a zoom's tiles are first shown? Web Mercator with tiles of 512 px."""
    world = 512.0 * 2.0 ** (zoom + SHOWN_FROM)
    x = (name.longitude + 180.0) / 360.0 * world
    y = (180.0 - degrees(asinh(tan(radians(name.latitude))))) / 360.0 * world
    return x, y


def touches(name: Name, other: Name, *, zoom: int) -> bool:
    """Do the boxes of two names touch at a zoom?"""
    (x, y), (other_x, other_y) = pixels(name, zoom=zoom), pixels(other, zoom=zoom)
    width = (len(name.text) + len(other.text)) * LETTER_WIDTH / 2
    return abs(x - other_x) < width + AIR and abs(y - other_y) < LABEL_HEIGHT + AIR


def first_zoom(size: float, *, thresholds: dict[int, float] | dict[int, int]) -> int | None:
    """From which zoom on is something of this size worth its name?"""
    return next((zoom for zoom, least in sorted(thresholds.items()) if size >= least), None)


def ranked(names: list[Name]) -> list[tuple[Name, int]]:
    """Which names fit, and from which zoom on? Heavier names first, countries before states before cities."""
    order = {"country": 0, "state": 1, "city": 2}
    chosen: list[tuple[Name, int]] = []
    for zoom in ZOOMS:
        for name in sorted(names, key=lambda name: (order[name.kind], -name.weight, name.text)):
            taken = [other for other, _ in chosen]
            if zoom < name.first_zoom or name in taken:
                continue
            if not any(touches(name, other, zoom=zoom) for other in taken):
                chosen.append((name, zoom))
    return chosen


def country_names(world: Topology) -> list[Name]:
    """Which countries can be named, and how large are they?"""
    rows = pyarrow.parquet.read_table(GAZETTEER, filters=[("kind", "=", "country")]).to_pylist()
    area_at: dict[tuple[float, float], float] = {}
    for geometry in world.geometries("countries"):
        if geometry.get("id") or geometry["properties"]["name"] in UNNUMBERED:
            polygons = list(world.polygons(geometry))
            area_at[label_point(polygons)] = max(map(true_area, polygons))
    names = []
    for row in rows:
        area = area_at.get((row["latitude"], row["longitude"]), 0.0)
        zoom = first_zoom(area, thresholds=COUNTRY_AREA)
        if zoom is not None and row["code"] not in UNWRITTEN and (area > 0.05 or row["population"] > 500_000):
            names.append(
                Name(
                    text=SHORT_NAMES.get(row["name"], row["name"]),
                    kind="country",
                    latitude=row["latitude"],
                    longitude=row["longitude"],
                    weight=area,
                    first_zoom=zoom,
                )
            )
    return names


def state_names(states: Topology) -> list[Name]:
    """Which US states can be named?"""
    names = []
    for geometry in states.geometries("states"):
        polygons = list(states.polygons(geometry))
        area = max(map(true_area, polygons))
        latitude, longitude = label_point(polygons)
        zoom = first_zoom(area, thresholds=STATE_AREA)
        if zoom is not None and area > 0.2:
            text = geometry["properties"]["name"]
            names.append(
                Name(text=text, kind="state", latitude=latitude, longitude=longitude, weight=area, first_zoom=zoom)
            )
    return names


def city_names() -> list[Name]:
    """Which cities can be named?"""
    least = min(CITY_PEOPLE_US.values())
    rows = pyarrow.parquet.read_table(
        GAZETTEER, filters=[("kind", "=", "city"), ("population", ">=", least)]
    ).to_pylist()
    names = []
    for row in rows:
        thresholds = CITY_PEOPLE_US if row["country"] == "US" else CITY_PEOPLE
        zoom = first_zoom(row["population"], thresholds=thresholds)
        if zoom is not None and row["name"] not in DISTRICTS:
            names.append(
                Name(
                    text=SHORT_NAMES.get(row["name"], row["name"]),
                    kind="city",
                    latitude=row["latitude"],
                    longitude=row["longitude"],
                    weight=row["population"],
                    first_zoom=zoom,
                )
            )
    return names


def tiles_of(chosen: list[tuple[Name, int]]) -> dict[Tile, list[dict[str, Any]]]:
    """Which names does each tile hold? At each zoom those that fit there, cities after what they lie in."""
    tiles: dict[Tile, list[dict[str, Any]]] = defaultdict(list)
    for zoom in ZOOMS:
        for name, first in sorted(chosen, key=lambda item: (item[1], item[0].kind, item[0].text)):
            if first <= zoom:
                longitude, latitude = round(name.longitude, 2), round(name.latitude, 2)
                tiles[tile_of(latitude, longitude, zoom=zoom)].append(
                    {
                        "type": "Feature",
                        "properties": {"name": name.text, "kind": name.kind},
                        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
                    }
                )
    return dict(tiles)


def main() -> None:
    """Write names.zip."""
    parser = argparse.ArgumentParser(description="Prepare the names on the map.")
    parser.add_argument("world_atlas", type=Path, help="folder with countries-50m.json")
    parser.add_argument("us_atlas", type=Path, help="folder with states-10m.json")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "names.zip")
    options = parser.parse_args()

    world = Topology(options.world_atlas / "countries-50m.json", tolerance=0.0)
    states = Topology(options.us_atlas / "states-10m.json", tolerance=STATE_TOLERANCE)
    write_tiles(options.output, tiles_of(ranked(country_names(world) + state_names(states) + city_names())))


if __name__ == "__main__":
    main()
