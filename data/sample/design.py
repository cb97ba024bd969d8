"""What a sample is made of: sizes, the calendar, and the published figures that it is calibrated to."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
SizeName = Literal["small", "medium", "large"]

HOUR, DAY = 3600, 86_400
#: The data's date: fixed, so that a seed gives the same portfolio whatever the day it is written.
AS_OF = date(2026, 6, 30)
FIRST_DAY = date(2023, 7, 1)
EPOCH = date(1970, 1, 1)
START = (FIRST_DAY - EPOCH).days * DAY
#: Nothing is recorded from this moment on: the end of the data's date, UTC.
END = ((AS_OF - EPOCH).days + 1) * DAY
DAYS = (END - START) // DAY
#: Reports are due every 300 s (TAPA TSR 2020).
PING_SECONDS = 300

#: The year in which all lanes are worse, and by how much.
BAD_YEAR, BAD_YEAR_FACTOR = 2025, 1.6
#: Day from which the planted control works, and the share of thefts that it prevents.
CONTROL_FROM, CONTROL_CUT = date(2025, 1, 1), 0.4
#: Day from which a control that does nothing is in place.
USELESS_FROM = date(2024, 10, 1)
#: Day from which the devices of one fleet are dark far more often.
FALLING_FROM = date(2025, 11, 1)
#: Thefts on the planted lane and on those of the planted site, as a multiple of the portfolio's rate.
PLANTED_RATIO, PLANTED_SITE_RATIO = 2.8, 2.5
#: The same for the planted lanes with little traffic, whose counts are rounded up.
SMALL_RATIO = 5.0

#: Overhaul 2024: share of cargo thefts by state, weekday (Monday first) and between midnight and 6 o'clock.
STATE_SHARES = {"CA": 0.32, "TX": 0.19, "TN": 0.14, "PA": 0.08, "GA": 0.06, "IL": 0.06}
WEEKDAY_SHARES = (0.16, 0.19, 0.20, 0.18, 0.17, 0.05, 0.05)
NIGHT_SHARE = 0.32
#: Overhaul 2024, completed to 1 with our own judgement of the rest.
LOCATION_SHARES = {
    "unsecured parking": 0.25,
    "facility": 0.22,
    "truck stop": 0.19,
    "en route": 0.12,
    "third-party facility": 0.10,
    "rest area": 0.08,
    "secured parking": 0.04,
}
#: CargoNet: events a year in the United States and Canada, and the mean value of those that were valued, USD.
MARKET_EVENTS = {2023: 2852, 2024: 3625, 2025: 3594, 2026: 3600}
MARKET_MEAN_VALUE = {2023: 188_617.0, 2024: 202_364.0, 2025: 273_990.0, 2026: 273_990.0}
#: Share of thefts by deception, by calendar year: 2% in 2018, 25% in 2023 and rising.
STRATEGIC_SHARE = {2023: 0.25, 2024: 0.28, 2025: 0.31, 2026: 0.33}
#: ATRI 2025: share of stolen freight that is found again.
RECOVERED_SHARE = 0.26
#: Theft's share of all cargo claim cost; accidents and handling lead.
THEFT_COST_SHARE = 0.13
THEFTS_PER_SHIPMENT = 0.002


@dataclass(frozen=True)
class Commodity:
    """A commodity group: mean value of a truckload (currency of the account), and how much it attracts thieves."""

    name: str
    load_value: float
    theft_relativity: float


COMMODITIES = (
    Commodity("food and drink", 75_000.0, 1.15),
    Commodity("household goods", 110_000.0, 1.0),
    Commodity("electronics", 290_000.0, 1.35),
    Commodity("apparel", 140_000.0, 0.9),
    Commodity("pharmaceuticals", 310_000.0, 0.8),
    Commodity("auto parts", 150_000.0, 0.8),
    Commodity("metals and copper", 130_000.0, 1.1),
    Commodity("alcohol", 145_000.0, 1.0),
    Commodity("tobacco", 230_000.0, 0.9),
    Commodity("parcels", 2_600.0, 1.0),
)
PARCELS = len(COMMODITIES) - 1


@dataclass(frozen=True)
class Size:
    """How large a sample is; shares are of all trips."""

    name: SizeName
    insureds: int
    lanes: int
    carriers: int
    shipments: int
    trips: int
    pings: int
    claims: int
    chunks: int
    """Files a heavy table is written in, one after the other, so that memory stays bounded."""
    planted_share: float
    site_share: float
    site_lanes: int
    even_share: float
    treated_share: float
    treated_lanes: int
    market_share: float
    """Share of the market's published events that are in the sample."""

    @property
    def thefts(self) -> int:
        """Own thefts, attempts apart."""
        return round(self.shipments * THEFTS_PER_SHIPMENT)


SIZES: dict[SizeName, Size] = {
    "small": Size("small", 15, 150, 16, 60_000, 12_000, 1_000_000, 6_000, 1, 0.115, 0.115, 10, 0.085, 0.14, 7, 0.05),
    "medium": Size(
        "medium", 60, 600, 60, 1_000_000, 200_000, 14_000_000, 100_000, 12, 0.030, 0.04, 20, 0.025, 0.06, 30, 0.2
    ),
    "large": Size(
        "large",
        150,
        2000,
        150,
        10_000_000,
        2_000_000,
        140_000_000,
        1_000_000,
        36,
        0.012,
        0.02,
        30,
        0.011,
        0.03,
        60,
        1.0,
    ),
}


def generator(seed: int, room: str) -> np.random.Generator:
    """A stream of random numbers of its own for each part of the sample, so that one part does not move another."""
    return np.random.default_rng([seed, zlib.crc32(room.encode())])


def day_of(day: date) -> int:
    """Midnight UTC that begins a day, in seconds since 1970."""
    return (day - EPOCH).days * DAY


def year_of(seconds: Ints) -> Ints:
    """Calendar year of moments in seconds since 1970."""
    years: Ints = seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years


class Clock:
    """Local time at places: offsets from UTC by zone and day, looked up for many moments at once.

    An offset is that of noon of its day, so the hour of a night in which clocks change may be one off.
    """

    def __init__(self, zones: Sequence[str]) -> None:
        first, last = START // DAY - 30, END // DAY + 30
        self._first = first
        noons = [datetime.fromtimestamp(day * DAY + DAY // 2, tz=ZoneInfo("UTC")) for day in range(first, last)]
        by_name = {
            name: np.array([_offset(noon, zone) for noon in noons], dtype=np.int64)
            for name in sorted(set(zones))
            for zone in [ZoneInfo(name)]
        }
        self._offsets = np.stack([by_name[name] for name in sorted(by_name)])
        index = {name: row for row, name in enumerate(sorted(by_name))}
        self._zone = np.array([index[name] for name in zones], dtype=np.int64)

    def offset(self, places: Ints, seconds: Ints) -> Ints:
        """Seconds that local time at ``places`` is ahead of UTC."""
        days = np.clip(seconds // DAY - self._first, 0, self._offsets.shape[1] - 1)
        offsets: Ints = self._offsets[self._zone[places], days]
        return offsets


def _offset(noon: datetime, zone: ZoneInfo) -> int:
    offset = noon.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def draw_evenly(weights: Floats, count: int, rng: np.random.Generator) -> Ints:
    """Which ``count`` rows are drawn, without repeats, in proportion to weights and evenly along their order?

    Systematic sampling (Madow 1949): rows in the order of time give every year its expected count.
    """
    usable = np.flatnonzero(weights > 0)
    count = min(count, len(usable))
    if count == 0:
        return np.empty(0, dtype=np.int64)
    reach = np.cumsum(weights[usable])
    points = (np.arange(count) + rng.random()) * reach[-1] / count
    drawn = np.unique(np.searchsorted(reach, points, side="right").clip(max=len(usable) - 1))
    if len(drawn) < count:
        left = np.setdiff1d(np.arange(len(usable)), drawn)
        drawn = np.sort(np.concatenate([drawn, rng.choice(left, count - len(drawn), replace=False)]))
    chosen: Ints = usable[drawn]
    return chosen


def lognormal(rng: np.random.Generator, median: float | Floats, sigma: float, size: int) -> Floats:
    """Positive values with this median and spread of their logarithm."""
    values: Floats = median * np.exp(sigma * rng.standard_normal(size))
    return values
