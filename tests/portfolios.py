"""Small portfolios for tests: literal files and a feed, through the real loader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analysis.filters import Filters, Scope
from data.load import LoadResult, load_feed
from data.portfolio import Portfolio, View

#: An account, two places, a lane, shipments, an incident and claims: enough for every first page.
FILES: Mapping[str, str] = {
    "insured.csv": "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\n",
    "site.csv": (
        "site_id,name,city,region,country,latitude,longitude\n"
        "S1,Dallas hub,Dallas,TX,US,32.78,-96.80\n"
        "S2,Atlanta hub,Atlanta,GA,US,33.75,-84.39\n"
    ),
    "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\nL2,S2,S1,road\n",
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,commodity,declared_value,departed_at,scheduled_at,delivered_at\n"
        "H1,I1,L1,electronics,1000.50,2025-01-10 08:00:00,2025-01-11,2025-01-10 20:00:00\n"
        "H2,I1,L1,electronics,2000,2025-02-10 08:00:00,2025-02-11,2025-02-12 20:00:00\n"
        "H3,I2,L2,food,300.25,2025-02-11 08:00:00,2025-02-12,2025-02-12\n"
        "H4,I2,,food,400,2025-03-11 08:00:00,,\n"
    ),
    "incident.csv": (
        "incident_id,source,insured_id,shipment_id,category,occurred_from,loss_amount,latitude,longitude\n"
        "N1,own,I1,H2,theft of trailer,2025-02-10 21:30:00,1500,33.0,-90.0\n"
        "N2,own,I2,H3,attempt,2025-02-11,,32.0,-86.0\n"
        "N3,market,,,hijacking,2025-02-15 03:00:00,90000,35.0,-90.0\n"
    ),
    "claim.csv": (
        "claim_id,insured_id,incident_id,site_id,loss_date,reported_at,status,paid_amount,reserve_amount\n"
        "C1,I1,N1,,2025-02-10,2025-02-12,open,500,1000\n"
        "C2,I2,,S2,2025-03-01,2025-03-02,closed,0,0\n"
    ),
}


def tables_of(files: Mapping[str, str | bytes], extra: str = "") -> str:
    """A [[table]] for each file, named after its table."""
    names = [name.split(".", 1)[0] for name in files]
    return "".join(f'[[table]]\nname = "{t}"\nfile = "{f}"\n{extra}\n' for t, f in zip(names, files, strict=True))


def write_feed(
    folder: Path,
    *,
    files: Mapping[str, str | bytes] = FILES,
    tables: str | None = None,
    name: str = "acme",
    top: str = 'currency = "USD"\ntimezone = "UTC"\n',
) -> Path:
    """Write files and their feed.toml into a folder; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / file).write_bytes(data)
    (folder / "feed.toml").write_text(f'name = "{name}"\n{top}\n{tables_of(files) if tables is None else tables}')
    return folder


def load_files(
    root: Path,
    *,
    files: Mapping[str, str | bytes] = FILES,
    tables: str | None = None,
    name: str = "acme",
    top: str = 'currency = "USD"\ntimezone = "UTC"\n',
    append: bool = False,
) -> LoadResult:
    """Load literal files as one feed into root/portfolio."""
    feed = write_feed(root / name, files=files, tables=tables, name=name, top=top)
    return load_feed(feed, portfolio=root / "portfolio", append=append)


def open_view(root: Path, *, scope: Scope | None = None, filters: Filters | None = None) -> View:
    """A view of root/portfolio; of the whole book and of all time, if nothing else is asked."""
    return Portfolio(root / "portfolio").view(scope or Scope(), filters or Filters())
