"""How far apart are places, in which direction, and which H3 cells lie around them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import h3
import numpy as np
from geographiclib.geodesic import Geodesic
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_EARTH_RADIUS_M = 6_371_008.8


class GeodesicLine(NamedTuple):
    """The shortest way between two points on the WGS84 ellipsoid.

    Attributes
    ----------
    distance_m
        Length in metres.
    azimuth_start_deg, azimuth_end_deg
        Direction of travel at the start and at the end, in degrees clockwise from north, -180 to 180.
    """

    distance_m: float
    azimuth_start_deg: float
    azimuth_end_deg: float


def geodesic_line(latitude: float, longitude: float, *, to_latitude: float, to_longitude: float) -> GeodesicLine:
    """How far and in which direction is one point from another?

    Parameters
    ----------
    latitude, longitude, to_latitude, to_longitude
        Degrees WGS84. Longitudes may lie outside -180 to 180.

    Notes
    -----
    The inverse geodesic problem on WGS84, solved to about 15 nanometres: Karney (2013), Algorithms for geodesics,
    Journal of Geodesy 87, 43-55.

    Examples
    --------
    >>> round(geodesic_line(40.6, -73.8, to_latitude=51.6, to_longitude=-0.5).distance_m, 1)
    5551759.4
    """
    solution = Geodesic.WGS84.Inverse(
        latitude, longitude, to_latitude, to_longitude, Geodesic.DISTANCE | Geodesic.AZIMUTH
    )
    return GeodesicLine(
        distance_m=float(solution["s12"]),
        azimuth_start_deg=float(solution["azi1"]),
        azimuth_end_deg=float(solution["azi2"]),
    )


def geodesic_distance(
    latitudes: ArrayLike, longitudes: ArrayLike, *, to_latitudes: ArrayLike, to_longitudes: ArrayLike
) -> Floats:
    """How many metres lie between pairs of points?

    Parameters
    ----------
    latitudes, longitudes, to_latitudes, to_longitudes
        Degrees WGS84; numbers or arrays that broadcast to one shape.

    Returns
    -------
    Metres on the WGS84 ellipsoid, in that shape; NaN where a coordinate is NaN. About 30 microseconds a pair: for lanes
    and sites, not for millions of pings. Source as in `geodesic_line`.
    """
    arrays = [np.asarray(column, dtype=np.float64) for column in (latitudes, longitudes, to_latitudes, to_longitudes)]
    columns = np.broadcast_arrays(*arrays)
    distances = np.full(columns[0].shape, np.nan)
    known = ~np.isnan(np.stack(columns)).any(axis=0)
    distances[known] = [
        Geodesic.WGS84.Inverse(*pair, Geodesic.DISTANCE)["s12"]
        for pair in zip(*(column[known].tolist() for column in columns), strict=True)
    ]
    return distances


def great_circle_distance(
    latitudes: ArrayLike, longitudes: ArrayLike, *, to_latitudes: ArrayLike, to_longitudes: ArrayLike
) -> Floats:
    """How many metres lie between pairs of points on a sphere? Within 0.6% of `geodesic_distance`, and far faster.

    Parameters
    ----------
    latitudes, longitudes, to_latitudes, to_longitudes
        Degrees; numbers or arrays that broadcast to one shape.

    Notes
    -----
    Haversine formula with the mean radius of the earth, 6,371,008.8 metres: for nearness and order, not for lengths.
    """
    north, east, to_north, to_east = (
        np.radians(np.asarray(column, dtype=np.float64))
        for column in (latitudes, longitudes, to_latitudes, to_longitudes)
    )
    half = np.sin((to_north - north) / 2) ** 2 + np.cos(north) * np.cos(to_north) * np.sin((to_east - east) / 2) ** 2
    distances: Floats = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return distances


def cell_centres(cells: Sequence[str]) -> tuple[Floats, Floats]:
    """Where are the middles of H3 cells? Two arrays of degrees WGS84: latitudes and longitudes."""
    centres = np.array([h3.cell_to_latlng(cell) for cell in cells], dtype=np.float64).reshape(-1, 2)
    return centres[:, 0], centres[:, 1]


def cell_areas_km2(cells: Sequence[str]) -> Floats:
    """How many square kilometres does each H3 cell cover? Cells of one resolution differ by up to a factor of two."""
    return np.array([h3.cell_area(cell, unit="km^2") for cell in cells], dtype=np.float64)


def neighbouring_cells(cells: Iterable[str], *, rings: int = 1) -> dict[str, list[str]]:
    """Which of these H3 cells lie within so many rings of each other?

    Parameters
    ----------
    cells
        H3 indexes of one resolution; repeats count once.
    rings
        How many rings of cells around one count as near; 1 means that they share an edge.

    Returns
    -------
    For each cell the near ones among those given, sorted, without itself: the graph of spatial statistics.
    """
    known = set(cells)
    return {cell: sorted(known.intersection(h3.grid_disk(cell, rings)) - {cell}) for cell in sorted(known)}
