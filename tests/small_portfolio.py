"""A portfolio small enough to check by hand, loaded from literal files like anyone's.

Two accounts ship between three places in 2023 and 2024. Ten thefts, four of them on Memphis–Dallas in 2024; four
claims; one claim row without a key, one date that does not exist, one reference that leads nowhere.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FEED = """
name = "small"
currency = "USD"
timezone = "America/Chicago"
as_of = "2025-01-31"
synthetic = SYNTHETIC

[[table]]
name = "insured"
file = "insureds.csv"

[[table]]
name = "site"
file = "sites.csv"

[[table]]
name = "lane"
file = "lanes.csv"

[[table]]
name = "shipment"
file = "shipments.csv"

[[table]]
name = "incident"
file = "incidents.csv"
[table.columns]
source = "'own'"

[[table]]
name = "claim"
file = "claims.csv"
"""

FILES = {
    "insureds.csv": """insured_id,name
A1,Acme Freight
B2,Bolt [Parcel](x) & Sons
""",
    "sites.csv": """site_id,name,latitude,longitude,country
DAL,Dallas hub,32.78,-96.80,US
MEM,Memphis hub,35.15,-90.05,US
ATL,Atlanta yard,33.75,-84.39,US
""",
    "lanes.csv": """lane_id,origin_site_id,destination_site_id,mode
L1,MEM,DAL,road
L2,DAL,ATL,road
""",
    "shipments.csv": "shipment_id,insured_id,lane_id,commodity,declared_value,departed_at,delivered_at\n"
    + "".join(
        f"S{year}{month:02}{lane},{'A1' if lane == 'L1' else 'B2'},{lane},{'electronics' if lane == 'L1' else 'food'},"
        f"{50_000 if lane == 'L1' else 20_000},{year}-{month:02}-05 08:00,{year}-{month:02}-06 09:00\n"
        for year in (2023, 2024)
        for month in range(1, 13)
        for lane in ("L1", "L2")
    ),
    "incidents.csv": """incident_id,insured_id,lane_id,category,occurred_from,loss_amount,latitude,longitude
I1,A1,L1,theft,2023-02-06 02:00,10000,34.75,-92.29
I2,A1,L1,theft,2023-08-06 03:00,12000,34.75,-92.29
I3,B2,L2,hijacking,2023-09-14 22:00,30000,32.30,-90.18
I4,A1,L1,theft,2024-01-11 02:30,15000,34.75,-92.29
I5,A1,L1,theft,2024-03-14 04:00,11000,34.72,-92.35
I6,A1,L1,theft of vehicle,2024-06-20 01:00,90000,34.80,-92.20
I7,A1,L1,theft,2024-10-03 03:00,8000,35.10,-90.10
I8,B2,L2,theft,2024-05-02 12:00,5000,32.52,-93.75
I9,B2,L2,theft,2024-07-18 23:00,7000,32.30,-90.18
I10,B2,L2,theft,2024-11-07 05:00,,33.52,-86.81
""",
    "claims.csv": """claim_id,insured_id,shipment_id,site_id,cause,loss_date,paid_amount
C1,A1,S202401L1,DAL,theft,2024-01-11,14500.50
C2,A1,S202406L1,DAL,theft,2024-06-20,80000
C3,B2,S209999XX,ATL,water,2024-07-18,650
C4,B2,,ATL,water,2024-02-30,120
,B2,,ATL,water,2024-03-03,99
""",
}


def write_feed(folder: Path, *, synthetic: bool = False) -> Path:
    """The small feed's folder: files and feed.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "feed.toml").write_text(FEED.replace("SYNTHETIC", str(synthetic).lower()), encoding="utf-8")
    return folder


def load(feed: Path, *, portfolio: Path, files: Path | None = None) -> None:
    """Load a feed as a person does, in a process of its own."""
    command = [sys.executable, "-m", "data", "load", str(feed), "--portfolio", str(portfolio)]
    if files is not None:
        command += ["--files", str(files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
