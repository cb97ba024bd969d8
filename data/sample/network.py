"""Where goods go: real cities, a graph of roads between them, sites, lanes, and how a trip moves along each lane."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import cKDTree

from data.gazetteer import GAZETTEER
from data.sample.design import Clock, Floats, Size

_KM_A_DEGREE = 111.195
_ROAD_KM = (430.0, 1_400.0)
_ROAD_KMH, _AIR_KMH, _SEA_KMH = 72.0, 720.0, 28.0
#: Offsets that keep the lanes' clocks and kilometres apart in one sorted array: more than any trip lasts or measures.
HOURS_APART, KM_APART = 1_000.0, 100_000.0
_MAINLAND = ("DE", "FR", "NL", "BE", "PL", "CZ", "IT", "ES", "AT", "CH", "LU")
_ISLANDS = {"Palermo", "Catania", "Messina", "Palma", "Cagliari", "Las Palmas de Gran Canaria", "Ceuta", "Melilla"}
_ISLANDS |= {"Santa Cruz de Tenerife", "La Laguna", "Sassari", "Siracusa", "Gela", "Bastia", "Ajaccio"}
#: Roads that nearest neighbours would lay across a great lake.
_WATER = (
    {"Milwaukee", "Grand Rapids"},
    {"Milwaukee", "Lansing"},
    {"Green Bay", "Grand Rapids"},
    {"Cleveland", "Detroit"},
)
#: City, region, weight in freight. Weights follow where theft is (Overhaul 2024).
_HUBS_US = (
    ("Ontario", "CA", 6), ("Los Angeles", "CA", 7), ("Fresno", "CA", 4), ("Stockton", "CA", 5), ("Oakland", "CA", 3),
    ("Dallas", "TX", 5), ("Houston", "TX", 4), ("Laredo", "TX", 4), ("San Antonio", "TX", 2), ("El Paso", "TX", 2),
    ("Memphis", "TN", 5), ("Nashville", "TN", 4), ("Knoxville", "TN", 1), ("Philadelphia", "PA", 3),
    ("Allentown", "PA", 3), ("Pittsburgh", "PA", 1), ("Atlanta", "GA", 3), ("Savannah", "GA", 2), ("Chicago", "IL", 3),
    ("Joliet", "IL", 3), ("Indianapolis", "IN", 2), ("Columbus", "OH", 2), ("Louisville", "KY", 2),
    ("Kansas City", "MO", 1), ("St. Louis", "MO", 1), ("Phoenix", "AZ", 2), ("Denver", "CO", 1),
    ("Charlotte", "NC", 1), ("Jacksonville", "FL", 1), ("Newark", "NJ", 2), ("Baltimore", "MD", 1),
    ("Minneapolis", "MN", 1), ("Portland", "OR", 1), ("Las Vegas", "NV", 1), ("Oklahoma City", "OK", 1),
)  # fmt: skip
_HUBS_EU = (
    ("Rotterdam", "NL", 4), ("Duisburg", "DE", 4), ("Hamburg", "DE", 3), ("Frankfurt am Main", "DE", 3),
    ("Munich", "DE", 2), ("Berlin", "DE", 2), ("Leipzig", "DE", 2), ("Paris", "FR", 3), ("Lyon", "FR", 3),
    ("Lille", "FR", 2), ("Marseille", "FR", 2), ("Barcelona", "ES", 2), ("Madrid", "ES", 2), ("Zaragoza", "ES", 1),
    ("Milan", "IT", 3), ("Bologna", "IT", 2), ("Turin", "IT", 1), ("Warsaw", "PL", 2), ("Wrocław", "PL", 2),
    ("Prague", "CZ", 1), ("Vienna", "AT", 1), ("Antwerp", "BE", 2), ("Eindhoven", "NL", 1), ("Strasbourg", "FR", 1),
)  # fmt: skip
_AIRPORTS_US = ("MEM", "SDF", "ORD", "JFK", "LAX", "DFW", "ATL", "MIA")
_AIRPORTS_EU = ("FRA", "CDG", "LGG", "LEJ", "MXP")
_SEA = (("NLRTM", "GBFXT"), ("BEANR", "GBFXT"), ("NLRTM", "DEHAM"), ("BEANR", "DEHAM"))
_CUSTOMERS = ("Dallas", "Houston", "Los Angeles", "Chicago", "Atlanta", "Philadelphia", "Phoenix", "Nashville")
_PLANTED_LANE = ("Ontario hub", "Oakland warehouse")
_EVEN_LANE = ("Memphis hub", "Atlanta hub")
_TREATED_LANE = ("Allentown hub", "Joliet hub")
_PLANTED_SITE = "Dallas hub"
_SLOW_SITE = "Joliet hub"


@dataclass(frozen=True)
class City:
    """A place of the gazetteer."""

    name: str
    region: str
    country: str
    latitude: float
    longitude: float
    zone: str


@dataclass
class Site:
    """A place of the sample; ``given`` is false where only its code is written and the loader finds the place."""

    name: str
    kind: str
    city: City
    latitude: float
    longitude: float
    locode: str | None = None
    iata: str | None = None
    given: bool = True


@dataclass
class Lane:
    """A lane: the line it follows, and the hours and kilometres at which a trip on it stands or drives."""

    origin: int
    destination: int
    mode: str
    area: str
    latitudes: Floats
    longitudes: Floats
    kilometres: Floats
    """Along the line, at each of its points."""
    hours: Floats
    progress: Floats
    """Kilometres covered at each of ``hours``, for a trip of usual speed."""
    stops: list[tuple[float, float, int]] = field(default_factory=list)
    """Start and end in hours, and the site, of each halt on the way."""
    share: float = 0.0

    @property
    def last_mile(self) -> bool:
        """Is it a round to customers?"""
        return self.mode == "last mile"


@dataclass
class Network:
    """Sites and lanes, with the named ones that carry a planted truth, as positions in the lists."""

    sites: list[Site]
    lanes: list[Lane]
    planted_lane: int
    even_lane: int
    treated_lanes: list[int]
    useless_lanes: list[int]
    small_lanes: list[int]
    planted_site: int
    site_lanes: list[int]
    slow_site: int
    cities: dict[str, list[City]]
    clock: Clock

    def lane_id(self, lane: int) -> str:
        """Key of a lane."""
        return f"L{lane + 1:04d}"

    def site_id(self, site: int) -> str:
        """Key of a site."""
        return f"S{site + 1:04d}"

    def lane_name(self, lane: int) -> str:
        """A lane as a person says it."""
        found = self.lanes[lane]
        return f"{self.sites[found.origin].name} to {self.sites[found.destination].name}"


class _Roads:
    """Cities joined to their nearest neighbours, and the shortest way between two of them."""

    def __init__(self, cities: list[City], rng: np.random.Generator) -> None:
        self.cities = cities
        self.index = {
            (city.name, city.region if city.country == "US" else city.country): i for i, city in enumerate(cities)
        }
        points = np.array([[c.latitude, c.longitude] for c in cities])
        flat = np.column_stack([points[:, 0], points[:, 1] * np.cos(np.radians(points[:, 0].mean()))]) * _KM_A_DEGREE
        distances, neighbours = (np.asarray(found) for found in cKDTree(flat).query(flat, k=5))
        between = np.hypot(*(flat[:, None, :] - flat[None, :, :]).transpose(2, 0, 1))
        tree = minimum_spanning_tree(csr_matrix(between)).tocoo()
        rows = np.concatenate([np.repeat(np.arange(len(cities)), 4), tree.row])
        columns = np.concatenate([neighbours[:, 1:].ravel(), tree.col])
        lengths = np.concatenate([distances[:, 1:].ravel(), tree.data])
        dry = [{cities[a].name, cities[b].name} not in _WATER for a, b in zip(rows, columns, strict=True)]
        pairs = {(min(a, b), max(a, b)): d for a, b, d, ok in zip(rows, columns, lengths, dry, strict=True) if ok}
        self.edges = {pair: _bend(cities[pair[0]], cities[pair[1]], rng) for pair in sorted(pairs)}
        ends = np.array(sorted(pairs))
        graph = csr_matrix(([pairs[tuple(e)] for e in ends.tolist()], (ends[:, 0], ends[:, 1])), shape=between.shape)
        self.lengths, self._before = dijkstra(graph, directed=False, return_predecessors=True)

    def way(self, start: int, end: int) -> list[int]:
        path = [end]
        while path[-1] != start:
            path.append(int(self._before[start, path[-1]]))
        return path[::-1]

    def line(self, path: list[int]) -> Floats:
        """Latitude and longitude of every bend along a way."""
        parts = []
        for a, b in pairwise(path):
            bend = self.edges[min(a, b), max(a, b)]
            parts.append(bend[:-1] if a < b else bend[::-1][:-1])
        last = self.cities[path[-1]]
        line: Floats = np.vstack([*parts, [[last.latitude, last.longitude]]])
        return line


def _bend(start: City, end: City, rng: np.random.Generator) -> Floats:
    """A road is never straight: five bends of up to 4% of its length between two cities."""
    steps = np.linspace(0.0, 1.0, 7)
    line: Floats = np.outer(1 - steps, [start.latitude, start.longitude])
    line += np.outer(steps, [end.latitude, end.longitude])
    along = np.array([end.latitude - start.latitude, end.longitude - start.longitude])
    aside = np.array([-along[1], along[0]]) * 0.04
    line[1:-1] += rng.uniform(-1, 1, (5, 1)) * aside
    return line


def kilometres_along(latitudes: Floats, longitudes: Floats) -> Floats:
    """Kilometres from the first point of a line to each of its points, on a sphere."""
    phi, lam = np.radians(latitudes), np.radians(longitudes)
    half = np.sin(np.diff(phi) / 2) ** 2 + np.cos(phi[:-1]) * np.cos(phi[1:]) * np.sin(np.diff(lam) / 2) ** 2
    steps = 2 * 6371.0 * np.arcsin(np.sqrt(half))
    along: Floats = np.concatenate([[0.0], np.cumsum(steps)])
    return along


def _read_cities() -> tuple[list[City], list[City], dict[str, tuple[str, City]]]:
    """Cities of the United States and of Europe, the largest first, and airports and ports by code."""
    kind, people = pc.field("kind"), pc.field("population")
    wanted_rows = kind.isin(["airport", "port"]) | ((kind == "city") & (people >= 40_000))
    table = pyarrow.parquet.read_table(GAZETTEER, filters=wanted_rows)
    us: list[City] = []
    eu: list[City] = []
    codes: dict[str, tuple[str, City]] = {}
    wanted = {"US": {(name, region) for name, region, _ in _HUBS_US}, "EU": {(n, c) for n, c, _ in _HUBS_EU}}
    columns = (
        "kind",
        "code",
        "name",
        "region_code",
        "region",
        "country",
        "latitude",
        "longitude",
        "time_zone",
        "population",
    )
    rows = sorted(zip(*(table[name].to_pylist() for name in columns), strict=True), key=lambda row: -(row[-1] or 0))
    for kind, code, name, region_code, region, country, latitude, longitude, zone, population in rows:
        american = country == "US"
        city = City(name, (region_code if american else region) or "", country, latitude, longitude, zone or "UTC")
        if kind in {"airport", "port"}:
            codes[code] = (kind, city)
        elif kind != "city":
            continue
        elif (
            american
            and region_code not in {"AK", "HI"}
            and ((population or 0) >= 120_000 or (name, region_code) in wanted["US"])
        ):
            us.append(city)
        elif (
            country in _MAINLAND
            and name not in _ISLANDS
            and ((population or 0) >= 200_000 or (name, country) in wanted["EU"])
        ):
            eu.append(city)
    return _apart(us, {n for n, _, _ in _HUBS_US}), _apart(eu, {n for n, _, _ in _HUBS_EU}), codes


def _apart(cities: list[City], hubs: set[str]) -> list[City]:
    """Of cities within 25 km of one another only the largest, and every hub."""
    kept: list[City] = []
    for city in sorted(cities, key=lambda c: c.name not in hubs):
        near = any(
            abs(city.latitude - other.latitude) < 0.25 and abs(city.longitude - other.longitude) < 0.32
            for other in kept
        )
        if not near or city.name in hubs:
            kept.append(city)
    return kept


def build_network(size: Size, rng: np.random.Generator) -> Network:
    """Lay out the sites and lanes of a sample, planted ones included; lanes without a fixed share get one here."""
    us_cities, eu_cities, codes = _read_cities()
    roads = {"US": _Roads(us_cities, rng), "EU": _Roads(eu_cities, rng)}
    sites: list[Site] = []
    weights: dict[str, list[tuple[int, int, float]]] = {"US": [], "EU": []}
    for area, hubs in (("US", _HUBS_US), ("EU", _HUBS_EU)):
        for name, region, weight in hubs:
            node = roads[area].index.get((name, region))
            if node is None:
                continue
            kinds = ("hub", "warehouse", "yard")[: 2 if weight < 3 else 3]
            for kind in kinds[: 1 if weight < 2 else None]:
                weights[area].append((len(sites), node, weight / len(kinds)))
                sites.append(_near(roads[area].cities[node], kind, rng))
    lanes = _road_lanes(size, roads, sites, weights, rng)
    named = {site.name: i for i, site in enumerate(sites)}
    last_mile, air_and_sea = round(0.08 * size.lanes), min(round(0.08 * size.lanes), 60)
    rest = size.lanes - len(lanes) - last_mile - air_and_sea
    taken = {(lane.origin, lane.destination) for lane in lanes}
    lanes += _random_lanes(rest, roads, sites, weights, taken, rng)
    lanes += _last_mile_lanes(last_mile, sites, named, rng)
    lanes += _air_and_sea_lanes(size.lanes - len(lanes), sites, codes, rng)
    # In the order in which _road_lanes lays them.
    treated = 3 + size.site_lanes
    small = treated + size.treated_lanes - 1
    network = Network(
        sites=sites,
        lanes=lanes,
        planted_lane=0,
        even_lane=1,
        treated_lanes=[2, *range(treated, small)],
        useless_lanes=list(range(small + 3, small + 11)),
        small_lanes=list(range(small, small + 3)),
        planted_site=named[_PLANTED_SITE],
        site_lanes=list(range(3, 3 + size.site_lanes)),
        slow_site=named[_SLOW_SITE],
        cities={"US": us_cities, "EU": eu_cities},
        clock=Clock([site.city.zone for site in sites]),
    )
    _share_traffic(network, size, rng)
    return network


def _near(city: City, kind: str, rng: np.random.Generator) -> Site:
    bearing, away = rng.uniform(0, 2 * np.pi), rng.uniform(2.0, 7.0) / _KM_A_DEGREE
    latitude = city.latitude + away * np.cos(bearing)
    longitude = city.longitude + away * np.sin(bearing) / np.cos(np.radians(city.latitude))
    return Site(f"{city.name} {kind}", kind, city, round(float(latitude), 5), round(float(longitude), 5))


def _road_lanes(
    size: Size,
    roads: dict[str, _Roads],
    sites: list[Site],
    weights: dict[str, list[tuple[int, int, float]]],
    rng: np.random.Generator,
) -> list[Lane]:
    """The lanes that carry planted truths, in a fixed order."""
    named = {site.name: i for i, site in enumerate(sites)}
    nodes = {place: node for place, node, _ in weights["US"]}
    pairs = [(named[a], named[b]) for a, b in (_PLANTED_LANE, _EVEN_LANE, _TREATED_LANE)]
    hub = named[_PLANTED_SITE]
    ends = {end for pair in pairs for end in pair} | {named[_SLOW_SITE], hub}
    far = _within_reach(roads["US"], nodes, hub, avoid=ends)
    # Every second lane at the planted site leaves it, the others arrive; a second use of a place swaps the ways.
    for k in range(size.site_lanes):
        other = far[(k // 2) % len(far)] if k % 2 == 0 else far[(k // 2 + len(far) // 2) % len(far)]
        pairs.append((hub, other) if k % 2 == 0 else (other, hub))
    free = [place for place in nodes if place not in ends]
    others = size.treated_lanes - 1 + 3
    while others:
        start, end = rng.choice(free, 2, replace=False)
        if (start, end) not in pairs and _in_reach(roads["US"], nodes[int(start)], nodes[int(end)]):
            pairs.append((int(start), int(end)))
            others -= 1
    return [_road_lane(roads["US"], "US", a, b, nodes, sites) for a, b in pairs]


def _in_reach(roads: _Roads, start: int, end: int) -> bool:
    return bool(_ROAD_KM[0] <= roads.lengths[start, end] * 1.02 <= _ROAD_KM[1])


def _within_reach(roads: _Roads, nodes: dict[int, int], hub: int, *, avoid: set[int]) -> list[int]:
    return [place for place, node in nodes.items() if place not in avoid and _in_reach(roads, nodes[hub], node)]


def _random_lanes(
    count: int,
    roads: dict[str, _Roads],
    sites: list[Site],
    weights: dict[str, list[tuple[int, int, float]]],
    taken: set[tuple[int, int]],
    rng: np.random.Generator,
) -> list[Lane]:
    named = {site.name: i for i, site in enumerate(sites)}
    avoid = {named[_PLANTED_SITE], *(named[n] for n in (*_PLANTED_LANE, *_EVEN_LANE, *_TREATED_LANE))}
    lanes: list[Lane] = []
    misses = 0
    while len(lanes) < count:
        area = "EU" if rng.random() < 0.22 else "US"
        usable = [entry for entry in weights[area] if entry[0] not in avoid]
        share = np.array([weight for _, _, weight in usable])
        a, b = rng.choice(len(usable), 2, replace=False, p=share / share.sum())
        (start, start_node, _), (end, end_node, _) = usable[a], usable[b]
        if (start, end) in taken or not _in_reach(roads[area], start_node, end_node):
            misses += 1
            if misses > 200:
                # All pairs of sites are used up: open another warehouse.
                place, node, weight = usable[int(rng.integers(len(usable)))]
                number = sum(site.city == sites[place].city for site in sites) + 1
                opened = _near(sites[place].city, "warehouse", rng)
                opened.name = f"{opened.name} {number}"
                weights[area].append((len(sites), node, weight))
                sites.append(opened)
                misses = 0
            continue
        taken.add((start, end))
        nodes = {start: start_node, end: end_node}
        lanes.append(_road_lane(roads[area], area, start, end, nodes, sites))
    return lanes


def _road_lane(roads: _Roads, area: str, start: int, end: int, nodes: dict[int, int], sites: list[Site]) -> Lane:
    path = roads.way(nodes[start], nodes[end])
    line = roads.line(path)
    line[0] = [sites[start].latitude, sites[start].longitude]
    line[-1] = [sites[end].latitude, sites[end].longitude]
    line = np.round(line, 4)
    kilometres = kilometres_along(line[:, 0], line[:, 1])
    # A truck stop lies at the third bend of each road.
    halts = [(float(kilometres[6 * k + 3]), 6 * k + 3, path[k]) for k in range(len(path) - 1)]
    hours, progress = [0.0, 0.8], [0.0, 0.0]
    stops: list[tuple[float, float, int]] = []
    driven = 0.0
    while kilometres[-1] - driven > 5.0 * _ROAD_KMH:
        target = driven + 5.0 * _ROAD_KMH
        ahead = [halt for halt in halts if driven + 120 < halt[0] <= min(target + 60, kilometres[-1] - 60)]
        if not ahead:
            break
        at, point, node = min(ahead, key=lambda halt: abs(halt[0] - target))
        begins = hours[-1] + (at - driven) / _ROAD_KMH
        # The second halt is the night's rest: drivers may not go on without it.
        lasts = 9.5 if len(stops) == 1 else 0.6
        stops.append((begins, begins + lasts, _truck_stop(roads.cities[node], line[point], sites)))
        hours += [begins, begins + lasts]
        progress += [at, at]
        driven = at
    arrives = hours[-1] + (kilometres[-1] - driven) / _ROAD_KMH
    hours += [arrives, arrives + 1.4]
    progress += [kilometres[-1], kilometres[-1]]
    return Lane(
        start, end, "road", area, line[:, 0], line[:, 1], kilometres, np.array(hours), np.array(progress), stops
    )


def _truck_stop(city: City, point: Floats, sites: list[Site]) -> int:
    latitude, longitude = round(float(point[0]), 5), round(float(point[1]), 5)
    for i, site in enumerate(sites):
        if site.kind == "truck stop" and site.latitude == latitude and site.longitude == longitude:
            return i
    number = sum(site.kind == "truck stop" and site.city == city for site in sites)
    name = f"Truck stop near {city.name}" + (f" {number + 1}" if number else "")
    sites.append(Site(name, "truck stop", city, latitude, longitude))
    return len(sites) - 1


def _last_mile_lanes(count: int, sites: list[Site], named: dict[str, int], rng: np.random.Generator) -> list[Lane]:
    """Rounds from a hub through a district: no route is given for them, since each day's is another."""
    lanes = []
    quarters = ("north", "east", "south", "west")
    for k in range(count):
        hub = named[f"{_CUSTOMERS[k % len(_CUSTOMERS)]} hub"]
        city = sites[hub].city
        district = k // len(_CUSTOMERS)
        name = f"{city.name} {quarters[district % 4]} customers" + (f" {district // 4 + 1}" if district >= 4 else "")
        bearing = (district % 4) * np.pi / 2 + rng.uniform(-0.5, 0.5)
        centre = np.array([city.latitude + 0.1 * np.cos(bearing), city.longitude + 0.12 * np.sin(bearing)])
        line = np.vstack(
            [[sites[hub].latitude, sites[hub].longitude], centre + rng.uniform(-0.06, 0.06, (12, 2)), centre]
        )
        line = np.round(line, 4)
        kilometres = kilometres_along(line[:, 0], line[:, 1])
        sites.append(Site(name, "customer", city, float(line[-1, 0]), float(line[-1, 1])))
        hours, progress = np.array([0.0, 0.3, 9.0, 9.2]), np.array([0.0, 0.0, kilometres[-1], kilometres[-1]])
        lanes.append(Lane(hub, len(sites) - 1, "last mile", "US", line[:, 0], line[:, 1], kilometres, hours, progress))
    return lanes


def _air_and_sea_lanes(
    count: int, sites: list[Site], codes: dict[str, tuple[str, City]], rng: np.random.Generator
) -> list[Lane]:
    """Lanes by air and short sea; their ends are written by code alone, as such files are."""
    known: dict[str, int] = {}

    def place(code: str) -> int:
        if code not in known:
            kind, city = codes[code]
            name = city.name if kind == "airport" else f"Port of {city.name}"
            iata, locode = (code, None) if kind == "airport" else (None, code)
            known[code] = len(sites)
            sites.append(Site(name, kind, city, city.latitude, city.longitude, locode, iata, given=False))
        return known[code]

    flights = [(a, b) for group in (_AIRPORTS_US, _AIRPORTS_EU) for a in group for b in group if a != b]
    order = rng.permutation(len(flights))
    chosen = [("ocean", *pair) for pair in _SEA] + [("air", *flights[k]) for k in order]
    lanes = []
    for mode, start, end in chosen[:count]:
        a, b = place(start), place(end)
        steps = np.linspace(0.0, 1.0, 9)
        line = np.outer(1 - steps, [sites[a].latitude, sites[a].longitude])
        line = np.round(line + np.outer(steps, [sites[b].latitude, sites[b].longitude]), 4)
        kilometres = kilometres_along(line[:, 0], line[:, 1])
        waits, speed = (4.0, _AIR_KMH) if mode == "air" else (5.0, _SEA_KMH)
        leaves, lands = waits, waits + kilometres[-1] / speed
        hours, progress = (
            np.array([0.0, leaves, lands, lands + waits]),
            np.array([0.0, 0.0, kilometres[-1], kilometres[-1]]),
        )
        area = "US" if sites[a].city.country == "US" else "EU"
        lanes.append(Lane(a, b, mode, area, line[:, 0], line[:, 1], kilometres, hours, progress))
    return lanes


def _share_traffic(network: Network, size: Size, rng: np.random.Generator) -> None:
    """Which share of all trips goes on each lane? Planted lanes carry a set share, no other lane comes near it."""
    lanes = network.lanes
    for lane, share in ((network.planted_lane, size.planted_share), (network.even_lane, size.even_share)):
        lanes[lane].share = share
    for lane in network.site_lanes:
        lanes[lane].share = size.site_share / len(network.site_lanes)
    first, *others = network.treated_lanes
    lanes[first].share = size.treated_share / 2
    for lane in others:
        lanes[lane].share = size.treated_share / 2 / len(others)
    for lane, expected in zip(network.small_lanes, (0.7, 0.5, 0.35), strict=True):
        lanes[lane].share = expected / size.thefts
    by_mode = {"last mile": 0.08, "air": 0.03, "ocean": 0.02}
    groups: dict[str, list[Lane]] = {}
    for row in lanes:
        if row.share == 0.0:
            groups.setdefault(row.mode, []).append(row)
    by_mode["road"] = 1.0 - sum(row.share for row in lanes) - sum(by_mode[m] for m in groups if m != "road")
    for mode, members in sorted(groups.items()):
        weights = np.clip(np.exp(0.6 * rng.standard_normal(len(members))), 0.2, 3.0)
        for row, weight in zip(members, weights / weights.sum(), strict=True):
            row.share = float(by_mode[mode] * weight)
