"""Who is insured, on which terms, who carries for them, and who uses which lane."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from data.sample.design import COMMODITIES, DAY, PARCELS, Floats, Ints, Size, day_of
from data.sample.network import Network

#: Positions of the accounts that carry a planted truth.
ONLINE_SHOP, DARK_AT_LOSS, DARK_CARRIER_USER, FALLING_FLEET, HIGH_DEDUCTIBLE, FOREIGN = 0, 1, 2, 3, 4, 5
#: Positions of the carriers that carry one.
ROUNDS, DARK_AT_LOSS_FLEET, DARK_DEVICES, FALLING_DEVICES, LATE_REPORTER, FEW_DEVICES = 0, 1, 2, 3, 4, 5

_NAMES = (
    ("Parcelwise Direct", PARCELS, "carrier"), ("Corvane Electronics", 2, "shipper"),
    ("Meridel Foods", 0, "shipper"), ("Tallis Home", 1, "shipper"), ("Norvik Metals Trading", 6, "shipper"),
    ("Rheinbrück Pharma", 4, "shipper"), ("Vallée Textiles", 3, "shipper"), ("Ostara Logistics", 5, "3PL"),
    ("Brightford Freight", 1, "carrier"), ("Halcyon Apparel", 3, "shipper"), ("Ironwell Auto Parts", 5, "shipper"),
    ("Quillstone Brokerage", 0, "broker"), ("Saltmarsh Spirits", 7, "shipper"), ("Dunmore Warehousing", 1, "warehouse"),
    ("Kestrel Health Supply", 4, "shipper"),
)  # fmt: skip
_FIRST = (
    "Alder", "Bexley", "Calder", "Dovetail", "Elmgate", "Farrow", "Garnet", "Hollin", "Ivor", "Juniper", "Keld",
    "Larch", "Mistral", "Nettle", "Orchard", "Pinnock", "Quarry", "Rowan", "Sable", "Thorne", "Umber", "Wharf",
)  # fmt: skip
_SECOND = ("Foods", "Home", "Electronics", "Apparel", "Pharma", "Auto Parts", "Metals", "Spirits", "Tobacco")
_CARRIERS = (
    "Parcelwise Rounds", "Corvane Fleet", "Blackpine Haulage", "Tallis Fleet", "Slowater Transport", "Tinder Brothers",
    "Copperline Trucking", "Great Basin Carriers", "Riverbend Freight", "Longleaf Logistics", "Prairie Star Lines",
    "Kanal Spedition", "Trois Rivières Transport", "Adria Cargo", "Polar Air Freight Line", "North Sea Shortsea",
)  # fmt: skip
_BROKERS = ("Ansell & Rowe", "Harbour Street Risk", "Fairwater Brokers", "Meyer Lindqvist")
_JURISDICTIONS = ("CA", "TX", "TN", "PA", "GA", "IL", "NJ", "OH")
_PRODUCTS = {
    "carrier": "motor truck cargo", "3PL": "motor truck cargo", "broker": "motor truck cargo",
    "warehouse": "stock throughput", "shipper": "shipper's interest",
}  # fmt: skip


@dataclass(frozen=True)
class Insured:
    """An account and the terms that all its policies carry."""

    insured_id: str
    name: str
    segment: int
    role: str
    area: str
    country: str
    currency: str
    jurisdiction: str
    filing: str
    product: str
    broker: str
    deductible: float
    limit: float
    theft_sublimit: float | None
    coinsurance: float
    valuation: str
    inception_month: int
    brokered: float


@dataclass(frozen=True)
class Accounts:
    """Accounts, carriers, and their shares of the traffic."""

    insureds: list[Insured]
    carriers: list[tuple[str, str, str]]
    """Id, name and country of each carrier."""
    users: list[tuple[Ints, Floats]]
    """Per lane: the accounts that use it and their shares."""
    boundaries: list[list[date]]
    """Per account: first days of its policies; the last is the end of the policy in force."""

    def policy_id(self, insured: int, period: int) -> str:
        """Key of an account's policy period."""
        found = self.insureds[insured]
        return f"P-{found.insured_id}-{self.boundaries[insured][period].year}"

    def policy_ids(self, insureds: Ints, seconds: Ints) -> list[str]:
        """The policy in force for each account at each moment."""
        periods = self.periods(insureds, seconds)
        return [self.policy_id(int(i), int(k)) for i, k in zip(insureds, periods, strict=True)]

    def periods(self, insureds: Ints, seconds: Ints) -> Ints:
        """Number of the policy period in force, from 0."""
        starts = np.array([[day_of(d) // DAY for d in found[:5]] for found in self.boundaries])
        days = seconds // DAY
        periods: Ints = (days[:, None] >= starts[insureds]).sum(axis=1) - 1
        return np.clip(periods, 0, 3)


def build_accounts(size: Size, network: Network, rng: np.random.Generator) -> Accounts:
    """Write up the accounts and carriers of a sample, and say who uses which lane."""
    insureds = [_insured(i, rng) for i in range(size.insureds)]
    boundaries = []
    for insured in insureds:
        first = 2023 if insured.inception_month <= 7 else 2022
        boundaries.append([date(first + k, insured.inception_month, 1) for k in range(5)])
    carriers = []
    for i in range(size.carriers):
        home = _carrier_area(i, size)
        name = _CARRIERS[i] if i < 6 else _carrier_name(i, size)
        carriers.append((f"C{i + 1:03d}", name, "US" if home == "US" else ("DE", "FR", "NL", "PL")[i % 4]))
    return Accounts(insureds, carriers, _users(network, insureds, rng), boundaries)


def _insured(i: int, rng: np.random.Generator) -> Insured:
    if i < len(_NAMES):
        name, segment, role = _NAMES[i]
    else:
        k = i - len(_NAMES)
        segment = k % len(_SECOND)
        name = f"{_FIRST[k % len(_FIRST)]} {_SECOND[(k // len(_FIRST) + k) % len(_SECOND)]}"
        name += f" {k // 99 + 2}" if k >= 99 else ""
        segment = next((j for j, c in enumerate(COMMODITIES) if c.name.split()[0] in name.lower()), segment)
        role = ("shipper", "shipper", "3PL", "carrier", "broker")[k % 5]
    european = i in {5, 6, 7} or (i >= 15 and i % 5 == 0)
    # At most the common threshold of a theft, also where the currency is dearer: only the planted account is above it.
    deductible = float(rng.choice([250, 500] if european else [250, 500, 1_000]))
    if i == ONLINE_SHOP:
        deductible = 100.0
    if i == HIGH_DEDUCTIBLE:
        deductible = 50_000.0
    limit = float(rng.choice([500_000, 1_000_000, 2_000_000]))
    target = segment in {2, 4, 7, 8}
    country = "US" if not european else ("DE", "FR", "GB")[(i - 5) % 3]
    return Insured(
        insured_id=f"I{i + 1:03d}",
        name=name,
        segment=segment,
        role=role,
        area="EU" if european else "US",
        country=country,
        currency={"US": "USD", "GB": "GBP"}.get(country, "EUR"),
        jurisdiction=country if european else _JURISDICTIONS[i % len(_JURISDICTIONS)],
        filing="not US" if european else ("filed", "exempt", "surplus")[i % 3],
        product="parcel"
        if segment == PARCELS
        else ("open cargo" if european and role == "shipper" else _PRODUCTS[role]),
        broker=_BROKERS[i % len(_BROKERS)],
        deductible=deductible,
        limit=limit,
        theft_sublimit=limit / 2 if target and i % 2 == 0 else None,
        coinsurance=0.9 if i % 7 == 6 else 1.0,
        valuation="CIF + 10%" if european else ("invoice", "selling price", "market")[i % 3],
        inception_month=1 + (i * 5) % 12,
        brokered=round(float(rng.uniform(0.3, 0.6)), 2) if role == "broker" else round(float(rng.uniform(0, 0.2)), 2),
    )


def _carrier_area(i: int, size: Size) -> str:
    return "EU" if i >= round(0.69 * size.carriers) and i != size.carriers - 2 else "US"


def _carrier_name(i: int, size: Size) -> str:
    if i >= size.carriers - 2:
        return _CARRIERS[14 + i - (size.carriers - 2)]
    if i < 14 and size.carriers <= len(_CARRIERS):
        return _CARRIERS[i]
    kind = "Spedition" if _carrier_area(i, size) == "EU" else "Trucking"
    return f"{_FIRST[i % len(_FIRST)]} {kind}" + (f" {i // len(_FIRST) + 1}" if i >= len(_FIRST) else "")


def _users(network: Network, insureds: list[Insured], rng: np.random.Generator) -> list[tuple[Ints, Floats]]:
    """The busy lanes are shared by six accounts, so that no benchmark shows one account to another."""
    home = [i for i, insured in enumerate(insureds) if insured.area == "US" and insured.segment != PARCELS]
    abroad = [i for i, insured in enumerate(insureds) if insured.area == "EU"]
    open_to_all = [i for i in home if i != HIGH_DEDUCTIBLE]
    shared = [DARK_AT_LOSS, DARK_CARRIER_USER, FALLING_FLEET, *open_to_all[3:6]]
    special = {network.planted_lane: 6, network.even_lane: 6, network.treated_lanes[0]: 6}
    special |= dict.fromkeys([*network.site_lanes, *network.treated_lanes[1:], *network.small_lanes], 3)
    users: list[tuple[Ints, Floats]] = []
    for number, lane in enumerate(network.lanes):
        if number in {network.planted_lane, network.even_lane, network.treated_lanes[0]}:
            chosen = np.array(shared)
        elif lane.last_mile:
            chosen = np.array([ONLINE_SHOP])
        elif number in special:
            chosen = rng.choice(open_to_all, special[number], replace=False)
        else:
            chosen = rng.choice(abroad if lane.area == "EU" else home, int(rng.integers(1, 3)), replace=False)
        weights = np.ones(len(chosen)) if number in special else rng.uniform(0.5, 1.5, len(chosen))
        users.append((chosen.astype(np.int64), weights / weights.sum()))
    # Every account trades: whoever drew no lane shares one.
    for i in range(len(insureds)):
        if not any(i in chosen for chosen, _ in users):
            fits = [n for n, lane in enumerate(network.lanes) if n not in special and not lane.last_mile]
            same = [n for n in fits if network.lanes[n].area == insureds[i].area] or fits
            lane_number = int(rng.choice(same))
            both = np.append(users[lane_number][0], i)
            users[lane_number] = (both, np.full(len(both), 1 / len(both)))
    return users
