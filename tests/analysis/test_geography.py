"""Distances, directions and cells against published figures."""

import math

import pytest

from analysis.geography import cell_areas_km2, cell_centres, geodesic_distance, geodesic_line, neighbouring_cells
from data.gazetteer import cells

# GeographicLib, python test suite, test_geodesic.py, first six rows: lat1, lon1, azi1, lat2, lon2, azi2, s12 in metres.
# Method: Karney (2013), Journal of Geodesy 87, 43-55.
GEODESICS = [
    (35.60777, -139.44815, 111.098748429560326, -11.17491, -69.95921, 129.289270889708762, 8935244.5604818305),
    (55.52454, 106.05087, 22.020059880982801, 77.03196, 197.18234, 109.112041110671519, 4105086.1713924406),
    (-21.97856, 142.59065, -32.44456876433189, 41.84138, 98.56635, -41.84359951440466, 8394328.894657671),
    (-66.99028, 112.2363, 173.73491240878403, -12.70631, 285.90344, 2.512956620913668, 11150344.231208025),
    (-17.42761, 173.34268, -159.03355766119293, -15.84784, 5.93557, -20.78748465153699, 16076603.163118068),
    (32.84994, 48.28919, 150.492927788122, -56.28556, 202.29132, 48.11344939981676, 16727068.943816446),
]


@pytest.mark.parametrize(("lat1", "lon1", "azi1", "lat2", "lon2", "azi2", "s12"), GEODESICS)
def test_geodesics_of_the_geographiclib_test_suite(lat1, lon1, azi1, lat2, lon2, azi2, s12):
    line = geodesic_line(lat1, lon1, to_latitude=lat2, to_longitude=lon2)
    assert line.distance_m == pytest.approx(s12, rel=0, abs=0.001)
    assert line.azimuth_start_deg == pytest.approx(azi1, rel=0, abs=1e-9)
    assert line.azimuth_end_deg == pytest.approx(azi2, rel=0, abs=1e-9)


def test_geodesics_of_the_geographiclib_documentation():
    """Wellington to Salamanca and JFK to LHR."""
    distances = geodesic_distance(
        [-41.32, 40.6], [174.81, -73.8], to_latitudes=[40.96, 51.6], to_longitudes=[-5.50, -0.5]
    )
    assert distances == pytest.approx([19959679.267, 5551759.4], rel=0, abs=0.001)


def test_distances_broadcast_and_an_unknown_place_has_none():
    distances = geodesic_distance([0.0, math.nan, 0.0], 0.0, to_latitudes=0.0, to_longitudes=[1.0, 1.0, 0.0])
    # One degree of the equator: 6378137 m x pi / 180.
    assert distances[0] == pytest.approx(111319.4908, abs=1e-3)
    assert math.isnan(distances[1])
    assert distances[2] == 0.0


def test_a_geodesic_crosses_the_antimeridian_the_short_way():
    line = geodesic_line(0.0, 179.5, to_latitude=0.0, to_longitude=-179.5)
    assert line.distance_m == pytest.approx(111319.4908, abs=1e-3)
    assert line.azimuth_start_deg == pytest.approx(90.0)


def test_cells_of_the_h3_documentation():
    assert cells([37.769377, 37.775938728915946], [-122.388903, -122.41795063018799], 9) == [
        "89283082e73ffff",
        "8928308280fffff",
    ]


def test_a_cell_has_its_centre_near_the_point():
    latitudes, longitudes = cell_centres(["8928308280fffff"])
    # H3 documentation, average edge length at resolution 9: 0.2008 km.
    away = geodesic_distance(latitudes, longitudes, to_latitudes=37.775938728915946, to_longitudes=-122.41795063018799)
    assert away[0] < 200.8


def test_cells_of_one_resolution_cover_about_the_documented_area():
    # H3 documentation, table of cell areas: average hexagon at resolution 9 is 0.105332513 km².
    assert cell_areas_km2(["8928308280fffff"])[0] == pytest.approx(0.105, rel=0.2)


def test_neighbours_are_only_those_given():
    centre = "8928308280fffff"
    near, far = "8928308280bffff", "89283082e73ffff"
    assert neighbouring_cells([centre, near, far, near]) == {centre: [near], near: [centre], far: []}
