"""Places are found from what a row says of them."""

import time
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest

from data import gazetteer
from data.errors import LanewiseError
from data.gazetteer import cells, locate_sites, register_gazetteer, time_zones

GEO = Path(__file__).parents[2] / "data" / "geo"

# The column Country of a public shipment file (USAID, 2006-2015), as its people wrote it.
COUNTRIES = {
    "Afghanistan": "AF",
    "Angola": "AO",
    "Belize": "BZ",
    "Benin": "BJ",
    "Botswana": "BW",
    "Burkina Faso": "BF",
    "Burundi": "BI",
    "Cameroon": "CM",
    "Congo, DRC": "CD",
    "Côte d'Ivoire": "CI",
    "Dominican Republic": "DO",
    "Ethiopia": "ET",
    "Ghana": "GH",
    "Guatemala": "GT",
    "Guinea": "GN",
    "Guyana": "GY",
    "Haiti": "HT",
    "Kazakhstan": "KZ",
    "Kenya": "KE",
    "Kyrgyzstan": "KG",
    "Lebanon": "LB",
    "Lesotho": "LS",
    "Liberia": "LR",
    "Libya": "LY",
    "Malawi": "MW",
    "Mali": "ML",
    "Mozambique": "MZ",
    "Namibia": "NA",
    "Nigeria": "NG",
    "Pakistan": "PK",
    "Rwanda": "RW",
    "Senegal": "SN",
    "Sierra Leone": "SL",
    "South Africa": "ZA",
    "South Sudan": "SS",
    "Sudan": "SD",
    "Swaziland": "SZ",
    "Tanzania": "TZ",
    "Togo": "TG",
    "Uganda": "UG",
    "Vietnam": "VN",
    "Zambia": "ZM",
    "Zimbabwe": "ZW",
}


@pytest.fixture(scope="module")
def connection():
    base = duckdb.connect()
    # As strict as the loader's: the gazetteer must not need the file system.
    base.execute("set enable_external_access = false")
    base.execute("set lock_configuration = true")
    register_gazetteer(base)
    return base


@pytest.fixture
def locate(connection):
    """Locates one site described by keywords, and gives (latitude, longitude, coordinate_source, time_zone)."""

    def located(**described):
        columns = ["city", "region", "country", "locode", "iata", "coordinate_source", "time_zone"]
        create_sites(connection)
        connection.execute(
            "insert into site by name select unnest($row)",
            {"row": {"site_id": "1"} | dict.fromkeys(columns) | {"latitude": None, "longitude": None} | described},
        )
        locate_sites(connection, "site")
        return connection.execute("select latitude, longitude, coordinate_source, time_zone from site").fetchone()

    return located


def create_sites(connection):
    connection.execute(
        """
        create or replace table site (
          site_id varchar, name varchar, city varchar, region varchar, country varchar, locode varchar, iata varchar,
          latitude double, longitude double, coordinate_source varchar, time_zone varchar
        )
        """
    )


def near(latitude, longitude, *, degrees=0.05):
    return pytest.approx((latitude, longitude), rel=0, abs=degrees)


@pytest.mark.parametrize(
    ("described", "place", "source", "time_zone"),
    [
        ({"iata": "JFK"}, (40.64, -73.78), "iata", "America/New_York"),
        ({"iata": " lhr "}, (51.47, -0.46), "iata", "Europe/London"),
        ({"locode": "USLAX"}, (33.74, -118.26), "locode", "America/Los_Angeles"),
        ({"locode": "NL RTM"}, (51.9, 4.44), "locode", "Europe/Amsterdam"),
        ({"locode": "USLAX", "iata": "JFK"}, (33.74, -118.26), "locode", "America/Los_Angeles"),
        ({"city": "Dallas", "region": "TX", "country": "US"}, (32.78, -96.81), "city", "America/Chicago"),
        ({"city": "DALLAS", "region": "Texas", "country": "USA"}, (32.78, -96.81), "city", "America/Chicago"),
        ({"city": "Dallas, TX"}, (32.78, -96.81), "city", "America/Chicago"),
        ({"city": "Wilmer", "region": "TX", "country": "US"}, (32.59, -96.69), "city", "America/Chicago"),
        ({"city": "Ontario", "region": "CA", "country": "US"}, (34.06, -117.65), "city", "America/Los_Angeles"),
        ({"city": "Toronto", "region": "ON", "country": "CAN"}, (43.7, -79.4), "city", "America/Toronto"),
        ({"city": "Saint Louis", "region": "MO", "country": "US"}, (38.63, -90.2), "city", "America/Chicago"),
        ({"city": "Ft. Worth", "region": "TX", "country": "US"}, (32.73, -97.32), "city", "America/Chicago"),
        ({"city": "Paris", "region": "TX", "country": "US"}, (33.66, -95.56), "city", "America/Chicago"),
        ({"city": "Paris"}, (48.85, 2.35), "city", "Europe/Paris"),
        ({"city": "Paris, France"}, (48.85, 2.35), "city", "Europe/Paris"),
        ({"city": "Atlanta, Georgia"}, (33.75, -84.39), "city", "America/New_York"),
        ({"city": "Munchen", "country": "Germany"}, (48.14, 11.58), "city", "Europe/Berlin"),
        ({"city": "Bombay", "country": "India"}, (19.07, 72.88), "city", "Asia/Kolkata"),
        ({"city": "San Juan", "region": "PR", "country": "US"}, (18.47, -66.11), "city", "America/Puerto_Rico"),
        ({"city": "São Paulo", "region": "SP", "country": "BRA"}, (-23.55, -46.64), "city", "America/Sao_Paulo"),
    ],
)
def test_a_site_is_found_by_the_best_of_what_it_says(locate, described, place, source, time_zone):
    latitude, longitude, found_source, found_zone = locate(**described)
    assert (latitude, longitude) == near(*place)
    assert (found_source, found_zone) == (source, time_zone)


@pytest.mark.parametrize("city", ["Springfield", "Santiago", "Nowhere in Particular"])
def test_an_ambiguous_or_unknown_city_stays_unfilled(locate, city):
    assert locate(city=city) == (None, None, None, None)


def test_an_ambiguous_city_falls_back_to_its_country_and_says_so(locate):
    latitude, longitude, source, time_zone = locate(city="Springfield", country="US")
    assert (latitude, longitude) == near(39.5, -99.1, degrees=1.0)
    # A country of several clocks gives a site none.
    assert (source, time_zone) == ("country", None)


def test_a_known_region_is_binding(locate):
    assert locate(city="Springfield", region="TX", country="US")[2] == "country"


def test_an_unknown_country_is_no_licence_to_search_the_world(locate):
    assert locate(city="Dallas", country="Narnia") == (None, None, None, None)


def test_an_unknown_locode_still_says_the_country(locate):
    latitude, longitude, source, time_zone = locate(locode="NLXXX")
    assert (latitude, longitude) == near(52.2, 5.5, degrees=0.5)
    assert (source, time_zone) == ("country", "Europe/Amsterdam")


@pytest.mark.parametrize(("written", "code"), COUNTRIES.items())
def test_countries_of_a_real_file_are_found(connection, locate, written, code):
    latitude, longitude, source, _ = locate(country=written)
    assert source == "country"
    expected = connection.execute(
        "select latitude, longitude from gazetteer_place where kind = 'country' and country = ?", [code]
    ).fetchone()
    assert (latitude, longitude) == expected


def test_the_real_file_has_43_countries():
    assert len(COUNTRIES) == len(set(COUNTRIES.values())) == 43


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("US", "US"),
        ("u.s.a.", "US"),
        ("UK", "GB"),
        ("GBR", "GB"),
        ("Burma", "MM"),
        ("COTE D’IVOIRE", "CI"),
        ("Viet Nam", "VN"),
        ("The Netherlands", "NL"),
        ("Korea, Republic of", "KR"),
        ("Türkiye", "TR"),
        ("Congo", "CG"),
        ("Eswatini", "SZ"),
    ],
)
def test_countries_are_found_in_other_spellings(connection, written, code):
    found = connection.execute(
        "select country from gazetteer_country_name where key = place_key(?)", [written]
    ).fetchall()
    assert found == [(code,)]


@pytest.mark.parametrize(
    ("country", "inside"),
    [("FR", (46.6, 2.5)), ("US", (39.5, -99.1)), ("NO", (61.0, 10.0)), ("RU", (61.7, 99.7)), ("NZ", (-44.0, 170.5))],
)
def test_a_country_stands_in_its_main_land(locate, country, inside):
    assert locate(country=country)[:2] == near(*inside, degrees=1.0)


def test_no_spelling_means_two_countries(connection):
    assert (
        connection.execute("select key from gazetteer_country_name group by key having count(*) > 1").fetchall() == []
    )


def test_given_coordinates_are_untouched(locate):
    assert locate(latitude=0.0, longitude=-30.0, city="Dallas", country="US", iata="JFK") == (
        0.0,
        -30.0,
        "given",
        "Etc/GMT+2",
    )


def test_a_given_time_zone_is_untouched(locate):
    assert locate(iata="JFK", time_zone="Europe/Paris")[3] == "Europe/Paris"


def test_locating_again_changes_nothing(connection, locate):
    first = locate(city="Dallas", region="TX")
    locate_sites(connection, "site")
    assert connection.execute("select latitude, longitude, coordinate_source, time_zone from site").fetchone() == first


def test_half_a_coordinate_is_none(locate):
    assert locate(latitude=10.0, iata="JFK")[2] == "iata"


def test_ten_thousand_sites_take_under_three_seconds(connection):
    create_sites(connection)
    connection.execute(
        """
        insert into site (site_id, city, region, country)
        select place_id, name, region, country from gazetteer_place where kind = 'city' order by hash(code) limit 10000
        """
    )
    started = time.perf_counter()
    locate_sites(connection, "site")
    assert time.perf_counter() - started < 3.0
    found, near_enough = connection.execute(
        """
        select count(*) filter (where coordinate_source = 'city'), count(*) filter (
          where coordinate_source = 'city'
            and sphere_km(site.latitude, site.longitude, place.latitude, place.longitude) < 51
        )
        from site join gazetteer_place as place on place.place_id = site.site_id::bigint
        """
    ).fetchone()
    assert found > 9000
    assert near_enough / found > 0.99


def test_time_zones_of_points():
    zones = time_zones(np.array([40.64, 51.47, -1.28, np.nan, 91.0]), np.array([-73.78, -0.46, 36.82, 0.0, 0.0]))
    assert zones == ["America/New_York", "Europe/London", "Africa/Nairobi", None, None]


def test_every_time_zone_of_the_gazetteer_is_known_to_python_and_duckdb(connection):
    zones = connection.execute("select distinct time_zone from gazetteer_place where time_zone is not null").fetchall()
    known = {name for (name,) in connection.execute("select name from pg_timezone_names()").fetchall()}
    assert len(zones) > 300
    for (zone,) in zones:
        assert ZoneInfo(zone).key in known


def test_cells_of_points():
    assert cells([37.769377, float("nan")], [-122.388903, 0.0], 9) == ["89283082e73ffff", None]
    with pytest.raises(LanewiseError, match="16 is no H3 resolution"):
        cells([0.0], [0.0], 16)


def test_a_missing_gazetteer_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(gazetteer, "GAZETTEER", tmp_path / "gone.parquet")
    with pytest.raises(LanewiseError, match=r"the gazetteer cannot be read\. Install Lanewise again"):
        register_gazetteer(duckdb.connect())
