"""The basemap: within the world, in pieces small enough to draw, and names that never overlap."""

from __future__ import annotations

import gzip
import json
from itertools import combinations, pairwise
from math import asinh, degrees, radians, tan
from pathlib import Path

import numpy as np
import pytest

from data.geo.tiles import Tile, TileArchive, bounds, tile_of, write_tiles

GEO = Path(__file__).resolve().parents[2] / "data" / "geo"


def features(archive: str, *, zoom: int) -> list[tuple[Tile, dict]]:
    """The features of all tiles of a zoom, each with its tile."""
    tiles = TileArchive(GEO / archive)
    found = []
    for name in sorted(tiles.tiles):
        level, x, y = map(int, name.split("/"))
        if level == zoom:
            document = json.loads(gzip.decompress(tiles.read(name)))
            found += [((level, x, y), feature) for feature in document["features"]]
    return found


def lines_of(coordinates):
    """Lines in nested GeoJSON coordinates."""
    if isinstance(coordinates[0][0], (int, float)):
        yield coordinates
    else:
        for part in coordinates:
            yield from lines_of(part)


def holds(ring, longitude: float, latitude: float) -> bool:
    """Is a point within a ring? By how often a line eastward from it crosses the ring."""
    inside = False
    for (x, y), (to_x, to_y) in pairwise(ring):
        if (y > latitude) != (to_y > latitude) and longitude < x + (latitude - y) / (to_y - y) * (to_x - x):
            inside = not inside
    return inside


@pytest.mark.parametrize("zoom", range(6))
def test_every_tile_stays_within_its_piece_of_the_world(zoom):
    found = features("basemap.zip", zoom=zoom)
    kinds = {feature["properties"]["kind"] for _, feature in found}
    assert kinds == ({"land", "border", "state"} if zoom >= 2 else {"land", "border"})
    for tile, feature in found:
        points = np.concatenate([np.array(line) for line in lines_of(feature["geometry"]["coordinates"])])
        west, south, east, north = bounds(tile)
        # An overlap, so that no seam shows: under a pixel of a tile, and what rounding adds.
        more = 360 / 2**zoom / 1024 + (0.005 if zoom <= 3 else 0.0005) + 1e-9
        assert points[:, 0].min() >= max(west - more, -180.0)
        assert points[:, 0].max() <= min(east + more, 180.0)
        assert points[:, 1].min() >= south - more
        assert points[:, 1].max() <= north + more


@pytest.mark.parametrize("zoom", range(6))
def test_a_tile_has_few_enough_lines_to_draw_without_a_graphics_card(zoom):
    points = dict.fromkeys((tile for tile, _ in features("basemap.zip", zoom=zoom)), 0)
    for tile, feature in features("basemap.zip", zoom=zoom):
        points[tile] += sum(len(line) for line in lines_of(feature["geometry"]["coordinates"]))
    assert max(points.values()) < 12_000


@pytest.mark.parametrize(
    ("where", "latitude", "longitude", "dry"),
    [
        ("Dallas", 32.78, -96.80, True),
        ("Lake Superior", 47.7, -87.5, False),
        ("Caspian Sea", 42.0, 50.5, False),
        ("the Atlantic", 30.0, -40.0, False),
        ("Manhattan's hinterland", 41.2, -74.0, True),
        ("Singapore's mainland", 3.0, 102.0, True),
        ("Fiji, east of the antimeridian", -17.8, 178.0, True),
        ("Chukotka, west of 180 degrees", 66.5, -176.0, True),
    ],
)
def test_land_is_where_it_should_be_and_lakes_are_holes_in_it(where, latitude, longitude, dry):
    for zoom in (3, 5):
        here = tile_of(latitude, longitude, zoom=zoom)
        rings = [
            ring
            for tile, feature in features("basemap.zip", zoom=zoom)
            if tile == here and feature["properties"]["kind"] == "land"
            for polygon in feature["geometry"]["coordinates"]
            for ring in polygon
        ]
        # Within a shell and no hole, or neither: a point in a hole is within two rings.
        assert sum(holds(ring, longitude, latitude) for ring in rings) % 2 == int(dry), where


@pytest.mark.parametrize("zoom", range(1, 7))
def test_names_never_overlap(zoom):
    # Where a zoom's tiles are first shown, half a zoom below their own.
    width = 512 * 2 ** (zoom - 0.5)
    boxes = []
    for tile, feature in features("names.zip", zoom=zoom):
        longitude, latitude = feature["geometry"]["coordinates"]
        assert tile_of(latitude, longitude, zoom=zoom) == tile
        x = (longitude + 180) / 360 * width
        y = (180 - degrees(asinh(tan(radians(latitude))))) / 360 * width
        boxes.append((x, y, len(feature["properties"]["name"]) * 7.0))
    # Half a letter: the file's coordinates are rounded.
    apart = [
        abs(x - other_x) > (letters + others) / 2 - 3.5 or abs(y - other_y) > 16 - 1
        for (x, y, letters), (other_x, other_y, others) in combinations(boxes, 2)
    ]
    assert len(boxes) > 10
    assert all(apart)


def test_names_come_with_the_zoom():
    first = {}
    for zoom in range(1, 7):
        for _, feature in features("names.zip", zoom=zoom):
            properties = feature["properties"]
            first.setdefault((properties["kind"], properties["name"]), (zoom, feature["geometry"]["coordinates"]))
    assert first["country", "United States"][0] == 1
    assert first["state", "Texas"][0] == 4
    assert first["city", "Dallas"][0] <= 5
    assert first["city", "Dallas"][1] == [-96.81, 32.78]


def test_the_basemap_is_small_enough_to_ship():
    assert (GEO / "basemap.zip").stat().st_size < 3_000_000
    assert (GEO / "names.zip").stat().st_size < 300_000
    assert (GEO / "gazetteer.parquet").stat().st_size < 3_000_000


def test_the_same_tiles_make_the_same_bytes(tmp_path):
    tiles = {(1, 0, 0): [{"type": "Feature"}], (0, 0, 0): []}
    write_tiles(tmp_path / "a.zip", tiles)
    write_tiles(tmp_path / "b.zip", dict(reversed(tiles.items())))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    archive = TileArchive(tmp_path / "a.zip")
    assert json.loads(gzip.decompress(archive.read("1/0/0"))) == {
        "type": "FeatureCollection",
        "features": [{"type": "Feature"}],
    }
    assert archive.read("1/1/1") is None
