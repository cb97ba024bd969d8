"""Small books for tests of what is fitted on the whole of one: literal trips and thefts, through the real loader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from analysis.filters import Filters, Scope
from analysis.models import fit
from data.load import load_feed
from data.portfolio import View
from tests.portfolios import open_view, write_feed

#: Four hubs and a customer; L1 and L2 are line haul from Texas to Georgia, L3 back, D1 the last mile.
SITES = (
    "site_id,name,kind,region,country,latitude,longitude\n"
    "S1,Dallas hub,hub,TX,US,32.78,-96.80\n"
    "S2,Houston hub,hub,TX,US,29.76,-95.37\n"
    "S3,Atlanta hub,hub,GA,US,33.75,-84.39\n"
    "S4,Savannah port,port,GA,US,32.08,-81.09\n"
    "C1,Customers of Atlanta,customer,GA,US,33.80,-84.40\n"
)
LANES = "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S3,road\nL2,S2,S4,road\nL3,S3,S1,road\nD1,S3,C1,van\n"
INSUREDS = "insured_id,name\n" + "".join(f"I{number},Insured {number}\n" for number in range(1, 8))
THEFT = (
    "incident_id,source,insured_id,lane_id,site_id,trip_id,shipment_id,category,occurred_from,detected_at,loss_amount\n"
)
SHIPMENT = "shipment_id,insured_id,lane_id,trip_id,commodity,declared_value,handling_units,departed_at\n"


def shipments(
    number: int, *, lane: str, month: str, insured: str = "I1", commodity: str = "food", value: str = "1000"
) -> Iterable[str]:
    """So many shipments, each a trip of its own, over the days of a month (as 2025-03)."""
    for index in range(number):
        day = f"{month}-{index % 28 + 1:02d} 06:00:00"
        yield f"{lane}/{insured}/{commodity}/{month}/{index},{insured},{lane},,{commodity},{value},,{day}"


def thefts(
    number: int,
    *,
    lane: str = "",
    month: str,
    insured: str = "I1",
    site: str = "",
    category: str = "theft of trailer",
    source: str = "own",
    loss: str = "50000",
    shipment: str = "",
    detected: str = "",
) -> Iterable[str]:
    """So many thefts over the days of a month; without a shipment they name their lane or site only."""
    for index in range(number):
        day = f"{month}-{index % 28 + 1:02d} 18:00:00"
        key = f"{source}/{lane or site}/{insured}/{month}/{category}/{loss}/{index}"
        yield f"{key},{source},{insured},{lane},{site},,{shipment},{category},{day},{detected},{loss}"


def lines(*parts: Iterable[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def load_book(
    root: Path,
    *,
    goods: Sequence[Iterable[str]] = (),
    lost: Sequence[Iterable[str]] = (),
    more: Mapping[str, str] | None = None,
    as_of: str = "2025-12-31",
) -> View:
    """Load and fit a book; gives a view of all of it."""
    files = {
        "insured.csv": INSUREDS,
        "site.csv": SITES,
        "lane.csv": LANES,
        "shipment.csv": SHIPMENT + lines(*goods),
        "incident.csv": THEFT + lines(*lost),
        **(more or {}),
    }
    top = f'currency = "USD"\ntimezone = "UTC"\nas_of = "{as_of}"\n'
    load_feed(write_feed(root / "book", files=files, name="book", top=top), portfolio=root / "portfolio", fit=fit)
    return open_view(root)


def view_of(root: Path, *insureds: str, filters: Filters | None = None) -> View:
    """The same book as these insureds may see it."""
    return open_view(root, scope=Scope(frozenset(insureds)), filters=filters)
