"""Tiles of the map: the piece of the world that each covers, and the archive that holds them.

A tile is named zoom/x/y as everywhere on the web (Web Mercator, x from the antimeridian eastward, y from the north
down) and holds GeoJSON. Seas have none.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from math import asinh, atan, degrees, pi, radians, sinh, tan
from pathlib import Path
from typing import Any

Tile = tuple[int, int, int]

# The earliest date a zip can hold: the same tiles make the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def bounds(tile: Tile) -> tuple[float, float, float, float]:
    """Which west, south, east and north, in degrees, does a tile have?

    Examples
    --------
    >>> [round(side, 2) for side in bounds((1, 0, 0))]
    [-180.0, 0.0, 0.0, 85.05]
    """
    zoom, x, y = tile
    count = 2**zoom

    def latitude(row: int) -> float:
        return degrees(atan(sinh(pi * (1 - 2 * row / count))))

    return x / count * 360 - 180, latitude(y + 1), (x + 1) / count * 360 - 180, latitude(y)


def tile_of(latitude: float, longitude: float, *, zoom: int) -> Tile:
    """Which tile of a zoom holds a point?

    Examples
    --------
    >>> tile_of(32.78, -96.81, zoom=5)
    (5, 7, 12)
    """
    count = 2**zoom
    x = int((longitude + 180) / 360 * count)
    y = int((1 - asinh(tan(radians(latitude))) / pi) / 2 * count)
    return zoom, min(x, count - 1), min(max(y, 0), count - 1)


def write_tiles(path: Path, tiles: Mapping[Tile, Iterable[dict[str, Any]]]) -> None:
    """Write the GeoJSON features of each tile, compressed as a browser takes them, and say how many."""
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_STORED) as archive:
        for (zoom, x, y), features in sorted(tiles.items()):
            document = {"type": "FeatureCollection", "features": list(features)}
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
            archive.writestr(zipfile.ZipInfo(f"{zoom}/{x}/{y}", date_time=_NO_DATE), packed)
    print(f"{path.name:14} {path.stat().st_size / 1e6:6.2f} MB, {len(tiles)} tiles")


class TileArchive:
    """The tiles of one archive, each gzip-compressed GeoJSON.

    Parameters
    ----------
    path
        As `write_tiles` wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self.tiles = frozenset(self._archive.namelist())

    def read(self, name: str) -> bytes | None:
        """The tile of this name, as `3/1/2`; None where nothing is drawn."""
        return self._archive.read(name) if name in self.tiles else None
