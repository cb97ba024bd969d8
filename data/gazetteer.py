"""Where is a site, in which time zone and in which H3 cell, answered from files that come with the product.

The gazetteer (``geo/gazetteer.parquet``, made by ``geo/prepare_gazetteer.py``) holds countries, cities, airports and
ports. Nothing here asks a network, and every answer says how it was found.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import h3
import numpy as np
import pyarrow.parquet
import tzfpy
from numpy.typing import NDArray

from data.errors import LanewiseError

GAZETTEER = Path(__file__).parent / "geo" / "gazetteer.parquet"

Degrees = Sequence[float] | NDArray[np.float64]

# Two names are the same place if they differ only in case, accents, punctuation or a usual abbreviation.
# Letters that Unicode does not see as accented (ø, ł, ß) are spelled out.
PLACE_KEY = r"""
create or replace temp macro place_key(written) as nullif(trim(
  regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    replace(replace(replace(replace(
      translate(regexp_replace(strip_accents(lower(written)), '[.''’`ʻ]', '', 'g'), 'øłđıħð', 'oldihd'),
      'æ', 'ae'), 'œ', 'oe'), 'ß', 'ss'), '&', ' and '),
    '[^\p{L}\p{N}]+', ' ', 'g'),
    '\bsaint\b', 'st', 'g'), '\bsainte\b', 'ste', 'g'), '\bmount\b', 'mt', 'g'), '\bfort\b', 'ft', 'g'),
    '^ *the ', '')
), '')
"""

# Kilometres on a sphere: enough to tell a namesake from a second entry of the same town.
SPHERE_KM = """
create or replace temp macro sphere_km(latitude_1, longitude_1, latitude_2, longitude_2) as
  2 * 6371.0 * asin(least(1.0, sqrt(
    pow(sin(radians(latitude_2 - latitude_1) / 2), 2)
    + cos(radians(latitude_1)) * cos(radians(latitude_2)) * pow(sin(radians(longitude_2 - longitude_1) / 2), 2)
  )))
"""

TABLES = (
    """
    create or replace temp table gazetteer_place as
    select row_number() over () as place_id, * from gazetteer_file
    """,
    """
    create or replace temp table gazetteer_country_name as
    with spellings as (
      select country, unnest([country, iso3, place_key(name)] || other_names) as spelling
      from gazetteer_place
      where kind = 'country'
    )
    select distinct place_key(spelling) as key, country
    from spellings
    where spelling is not null
    """,
    """
    create or replace temp table gazetteer_city_name as
    with spellings as (
      select place_id, unnest([place_key(name)] || other_names) as key
      from gazetteer_place
      where kind = 'city'
    )
    select distinct key, place_id
    from spellings
    where key is not null
    """,
    """
    create or replace temp table gazetteer_region as
    with spellings as (
      select country, region_code, unnest([place_key(region_code), place_key(region)]) as key
      from gazetteer_place
      where kind = 'city' and region_code is not null
    )
    select distinct key, country, region_code
    from spellings
    -- Most countries number their regions, and nobody writes a region as a number.
    where not regexp_full_match(key, '[0-9]+')
    """,
)

# What each site without coordinates says about where it is. "Dallas, TX" and "Paris, France" in the city column are
# taken apart.
REQUESTS = """
create or replace temp table gazetteer_request as
with written as (
  select
    rowid as site_row,
    string_split(city, ',') as city_parts,
    nullif(upper(regexp_replace(locode, '[^A-Za-z0-9]', '', 'g')), '') as locode,
    nullif(upper(trim(iata)), '') as iata,
    place_key(region) as region_key,
    place_key(country) as country_key
  from {table}
  where latitude is null or longitude is null
),
taken_apart as (
  select
    *,
    place_key(city_parts[1]) as city_key,
    coalesce(region_key, case when len(city_parts) > 1 then place_key(city_parts[2]) end) as wanted_region_key,
    case when len(city_parts) > 1 then place_key(city_parts[-1]) end as tail_key
  from written
),
-- A dependent territory is often written as a state of its country: region PR, country US.
territories as (
  select gazetteer_country_name.key, gazetteer_place.sovereign, gazetteer_place.country
  from gazetteer_place
  join gazetteer_country_name using (country)
  where gazetteer_place.kind = 'country' and gazetteer_place.sovereign is not null
),
named as (
  select
    taken_apart.*,
    coalesce(written_country.country, tail_country.country, code_country.country) as named_country
  from taken_apart
  left join gazetteer_country_name as written_country
    on written_country.key = taken_apart.country_key
  left join gazetteer_country_name as tail_country
    on tail_country.key = taken_apart.tail_key
    and taken_apart.country_key is null
    and (
      len(taken_apart.city_parts) > 2
      or (
        -- "Gary, IN" is Indiana and "Atlanta, Georgia" is in the United States.
        length(taken_apart.tail_key) > 3
        and not exists (from gazetteer_region where gazetteer_region.key = taken_apart.tail_key)
      )
    )
  left join gazetteer_country_name as code_country
    on code_country.key = lower(left(taken_apart.locode, 2))
    and length(taken_apart.locode) = 5
    and taken_apart.country_key is null
),
final as (
  select
    site_row,
    locode,
    iata,
    city_key,
    wanted_region_key as region_key,
    coalesce(territories.country, named_country) as country,
    -- A country that nobody knows is no licence to look for the city anywhere.
    named.country_key is not null and named_country is null as country_unknown
  from named
  left join territories
    on territories.sovereign = named.named_country
    and territories.key = named.wanted_region_key
)
select * from final
"""

# One answer a name: the most populous of that name, if no namesake elsewhere comes near it.
CITIES = """
create or replace temp table gazetteer_city_answer as
with questions as (
  select distinct city_key, region_key, country
  from gazetteer_request
  where city_key is not null and not country_unknown
),
regions as (
  select distinct
    questions.city_key,
    questions.region_key,
    questions.country,
    gazetteer_region.country as region_country,
    region_code
  from questions
  join gazetteer_region
    on gazetteer_region.key = questions.region_key
    and (questions.country is null or gazetteer_region.country = questions.country)
),
namesakes as (
  select
    questions.*,
    place.place_id,
    place.latitude,
    place.longitude,
    place.time_zone,
    coalesce(place.population, 0) as population
  from questions
  join gazetteer_city_name on gazetteer_city_name.key = questions.city_key
  join gazetteer_place as place using (place_id)
  where (questions.country is null or place.country = questions.country or place.sovereign = questions.country)
    and (
      -- A region that nobody knows is left aside, a known one is binding.
      not exists (
        from regions
        where regions.city_key = questions.city_key
          and regions.region_key = questions.region_key
          and regions.country is not distinct from questions.country
      )
      or exists (
        from regions
        where regions.city_key = questions.city_key
          and regions.region_key = questions.region_key
          and regions.country is not distinct from questions.country
          and regions.region_country = place.country
          and regions.region_code = place.region_code
      )
    )
),
largest as (
  select *
  from namesakes
  qualify row_number() over (partition by city_key, region_key, country order by population desc, place_id) = 1
),
rivals as (
  select distinct largest.city_key, largest.region_key, largest.country
  from largest
  join namesakes
    on namesakes.city_key = largest.city_key
    and namesakes.region_key is not distinct from largest.region_key
    and namesakes.country is not distinct from largest.country
    and namesakes.place_id <> largest.place_id
  where largest.population <= {lead} * namesakes.population
    and sphere_km(largest.latitude, largest.longitude, namesakes.latitude, namesakes.longitude) > {same_place_km}
),
final as (
  select largest.*
  from largest
  anti join rivals
    on rivals.city_key = largest.city_key
    and rivals.region_key is not distinct from largest.region_key
    and rivals.country is not distinct from largest.country
)
select * from final
"""

ANSWERS = """
create or replace temp table gazetteer_answer as
with found as (
  select request.site_row, 1 as preference, 'locode' as source, place.latitude, place.longitude, place.time_zone
  from gazetteer_request as request
  join gazetteer_place as place on place.kind = 'port' and place.code = request.locode
  union all
  select request.site_row, 2, 'iata', place.latitude, place.longitude, place.time_zone
  from gazetteer_request as request
  join gazetteer_place as place on place.kind = 'airport' and place.code = request.iata
  union all
  select request.site_row, 3, 'city', answer.latitude, answer.longitude, answer.time_zone
  from gazetteer_request as request
  join gazetteer_city_answer as answer
    on answer.city_key = request.city_key
    and answer.region_key is not distinct from request.region_key
    and answer.country is not distinct from request.country
  where not request.country_unknown
  union all
  select request.site_row, 4, 'country', place.latitude, place.longitude, place.time_zone
  from gazetteer_request as request
  join gazetteer_place as place on place.kind = 'country' and place.country = request.country
),
final as (
  select * exclude (preference)
  from found
  qualify row_number() over (partition by site_row order by preference) = 1
)
select * from final
"""

# A city is taken only when it has more than this many times the people of its next namesake ...
POPULATION_LEAD = 5
# ... counting as namesakes only places farther away than this: districts and suburbs repeat a city's name.
SAME_PLACE_KM = 50


def register_gazetteer(connection: duckdb.DuckDBPyConnection) -> None:
    """Which places are known? Creates the temporary tables ``gazetteer_*`` and two macros on a connection.

    The file is read by Arrow, so this also works on a connection whose access to files has been closed.

    Raises
    ------
    LanewiseError
        If the gazetteer's file is missing or cannot be read.
    """
    try:
        places = pyarrow.parquet.read_table(GAZETTEER)
    except (OSError, pyarrow.lib.ArrowInvalid) as error:
        raise LanewiseError(
            "the gazetteer cannot be read",
            where=str(GAZETTEER),
            hint="Install Lanewise again, or make the file with data/geo/prepare_gazetteer.py.",
        ) from error
    connection.execute(PLACE_KEY)
    connection.execute(SPHERE_KM)
    connection.register("gazetteer_file", places)
    try:
        for statement in TABLES:
            connection.execute(statement)
    finally:
        connection.unregister("gazetteer_file")


def locate_sites(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Where are the sites that came without coordinates? Fills them in place, and says how each was found.

    Coordinates that came with a row are never changed. Others are taken from the UN/LOCODE, else the IATA code, else
    the city (within region and country where these are given), else the country: a point in its main land. A city's
    name counts only if the largest city of that name has more than five times the people of the next one that is over
    50 km away; else the site falls back to its country, or stays without coordinates.

    Time zones that are missing follow from the gazetteer, else from the coordinates. A site known only by its country
    gets one only where at least nine of ten city dwellers of the country share the same clock.

    Parameters
    ----------
    connection
        An open DuckDB connection that may write to the table; `register_gazetteer` is called if it has not been.
    table
        Name of a table (``site`` or ``schema.site``; not a view) with at least the columns city, region, country,
        locode, iata, latitude, longitude, coordinate_source and time_zone. Coordinates are degrees WGS84. Afterwards
        coordinate_source is one of given, locode, iata, city, country, or null where nothing was found.
    """
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
    registered = connection.execute(
        "select count(*) from duckdb_tables() where table_name = 'gazetteer_place' and temporary"
    ).fetchone()
    if not registered or not registered[0]:
        register_gazetteer(connection)
    connection.execute(REQUESTS.format(table=quoted))
    connection.execute(CITIES.format(lead=POPULATION_LEAD, same_place_km=SAME_PLACE_KM))
    connection.execute(ANSWERS)
    connection.execute(
        f"""
        update {quoted} as site
        set coordinate_source = case when latitude is null or longitude is null then null else 'given' end
        where coordinate_source is null or latitude is null or longitude is null
        """
    )
    connection.execute(
        f"""
        update {quoted} as site
        set
          latitude = answer.latitude,
          longitude = answer.longitude,
          coordinate_source = answer.source,
          time_zone = coalesce(site.time_zone, answer.time_zone)
        from gazetteer_answer as answer
        where answer.site_row = site.rowid
        """
    )
    _fill_time_zones(connection, quoted)
    for leftover in ("request", "city_answer", "answer"):
        connection.execute(f"drop table gazetteer_{leftover}")


def _fill_time_zones(connection: duckdb.DuckDBPyConnection, quoted: str) -> None:
    """Which time zone do the coordinates lie in, for sites that still have none?"""
    # A country's point says nothing about the clock of a site somewhere in it.
    points = connection.execute(
        f"""
        select distinct latitude, longitude
        from {quoted}
        where time_zone is null and latitude is not null and longitude is not null and coordinate_source <> 'country'
        """
    ).fetchnumpy()
    latitudes = np.asarray(points["latitude"], dtype=np.float64)
    longitudes = np.asarray(points["longitude"], dtype=np.float64)
    if not len(latitudes):
        return
    connection.execute(
        f"""
        update {quoted} as site
        set time_zone = zone.time_zone
        from (
          select unnest($latitudes) as latitude, unnest($longitudes) as longitude, unnest($zones) as time_zone
        ) as zone
        where site.time_zone is null
          and site.coordinate_source <> 'country'
          and site.latitude = zone.latitude
          and site.longitude = zone.longitude
        """,
        {
            "latitudes": latitudes.tolist(),
            "longitudes": longitudes.tolist(),
            "zones": time_zones(latitudes, longitudes),
        },
    )


def time_zones(latitudes: Degrees, longitudes: Degrees) -> list[str | None]:
    """Which IANA time zone is each point in?

    Parameters
    ----------
    latitudes, longitudes
        Degrees WGS84, of equal length n. At sea the answer is a nautical zone such as ``Etc/GMT+5``.

    Returns
    -------
    n names, None where a coordinate is missing or out of range. Borders are simplified to about 100 m.
    """
    return [
        (tzfpy.get_tz(longitude, latitude) or None) if _on_earth(latitude, longitude) else None
        for latitude, longitude in _pairs(latitudes, longitudes)
    ]


def cells(latitudes: Degrees, longitudes: Degrees, resolution: int) -> list[str | None]:
    """Which H3 cell is each point in?

    Parameters
    ----------
    latitudes, longitudes
        Degrees WGS84, of equal length n.
    resolution
        H3 resolution, 0 (cells of about 4.4 million km²) to 15 (about 1 m²); 5 is about 250 km².

    Returns
    -------
    n cell indexes in hexadecimal, None where a coordinate is missing or out of range.

    Examples
    --------
    >>> cells([37.769377], [-122.388903], 9)
    ['89283082e73ffff']
    """
    if not 0 <= resolution <= 15:
        raise LanewiseError(f"{resolution} is no H3 resolution", hint="Use a whole number from 0 to 15.")
    return [
        h3.latlng_to_cell(latitude, longitude, resolution) if _on_earth(latitude, longitude) else None
        for latitude, longitude in _pairs(latitudes, longitudes)
    ]


def cell_numbers(latitudes: Degrees, longitudes: Degrees, resolution: int) -> NDArray[np.uint64]:
    """Which H3 cell is each point in, as the number that its hexadecimal index writes? For millions of points.

    Parameters
    ----------
    latitudes, longitudes
        Degrees WGS84 on Earth, of equal length n, none missing.
    resolution
        H3 resolution, 0 to 15.

    Examples
    --------
    >>> f"{int(cell_numbers([37.769377], [-122.388903], 9)[0]):x}"
    '89283082e73ffff'
    """
    pairs = _pairs(latitudes, longitudes)
    found = (h3.api.basic_int.latlng_to_cell(latitude, longitude, resolution) for latitude, longitude in pairs)
    return np.fromiter(found, dtype=np.uint64, count=len(latitudes))


def parent_numbers(children: NDArray[np.uint64], resolution: int) -> NDArray[np.uint64]:
    """Which coarser H3 cell holds each cell? Both as numbers; a cell no finer than ``resolution`` is wrong.

    An index holds its resolution in bits 52 to 55 and three bits for each of 15 digits, the coarsest first; a digit
    that its resolution does not have is 7 (H3 core library, "H3Index bit layout").
    """
    kept = children & ~np.uint64(0xF << 52)
    unused = np.uint64((1 << (3 * (15 - resolution))) - 1)
    parents: NDArray[np.uint64] = kept | np.uint64(resolution << 52) | unused
    return parents


def parent_cells(children: Sequence[str | None], resolution: int) -> list[str | None]:
    """Which coarser H3 cell holds each cell? Each distinct cell is looked up once.

    A cell's centre lies in its parent, but a point near the rim need not: counts by parents add up, those by the
    points' own coarse cells would not.
    """
    parents: dict[str | None, str | None] = {
        child: h3.cell_to_parent(child, resolution) for child in set(children) if child is not None
    }
    return [parents.get(child) for child in children]


def _on_earth(latitude: float, longitude: float) -> bool:
    """Is this a point on Earth? NaN compares false, so it is none."""
    return -90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0


def _pairs(latitudes: Degrees, longitudes: Degrees) -> Iterator[tuple[float, float]]:
    """Which Python floats are in two arrays of equal length? Masked values become NaN."""
    columns = (
        np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan).tolist() for column in (latitudes, longitudes)
    )
    return zip(*columns, strict=True)
