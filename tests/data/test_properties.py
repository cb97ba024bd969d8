"""What holds for any scope and any filters, and for any rows that are loaded: on tables made for it, not by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analysis.filters import Filters, Scope
from data.contract import contract
from data.portfolio import Portfolio, Snapshot
from data.reach import DIMENSIONS, REACH
from tests.portfolios import load_files

MONTHS = [date(2025, month, 1) for month in (1, 2, 3, 4)]
INSUREDS = ("I1", "I2", "I3")
VALUES = {
    "insured": INSUREDS,
    "carrier": ("K1", "K2"),
    "lane": ("L1", "L2"),
    "commodity": ("food", "metal"),
    "mode": ("road", "air"),
}


def csv(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def portfolio_files() -> dict[str, str]:
    """Four shipments a month of each account, over every lane and commodity, and what hangs on them."""
    shipments, scans, pings, devices, incidents, claims, refunds = [], [], [], [], [], [], []
    for number, (insured, month, part) in enumerate(
        (insured, month, part) for insured in INSUREDS for month in (1, 2, 3, 4) for part in range(4)
    ):
        day = f"2025-{month:02}-{3 + 6 * part:02}"
        lane = ("L1", "L2", "L1", "")[part]
        goods = ("food", "metal", "", "food")[(part + month) % 4]
        carrier = ("K1", "K2", "")[number % 3]
        key = f"H{number}"
        shipments.append(f"{key},{insured},{lane},{carrier},{goods},{number + 0.25},{day} 08:00:00")
        scans.append(f"X{number},{key},{day} 09:00:00")
        devices.append(f"D{number},{key},{day} 08:00:00,{day} 20:00:00")
        pings.append(f"D{number},{day} 10:00:00,33,-95")
        refunds.append(f"F{number},{key},5,{day} 12:00:00")
        if part < 2:
            incidents.append(f"N{number},own,{insured},{key},theft,{day} 11:00:00,{number}")
            claims.append(f"C{number},{insured},N{number},{day},{number}.5")
    incidents += ["M1,market,,,hijacking,2025-02-01 00:00:00,10"]
    claims += ["C900,I1,,,7.5", "C901,I2,,2025-04-30,8"]
    return {
        "insured.csv": csv("insured_id,name", [f"{i},Account {i}" for i in INSUREDS]),
        "policy.csv": csv(
            "policy_id,insured_id,inception_date,expiry_date,currency",
            [f"P{i},{i},2025-0{1 + n}-01,2026-01-01,USD" for n, i in enumerate(INSUREDS)],
        ),
        "carrier.csv": csv("carrier_id,name", ["K1,North", "K2,South"]),
        "site.csv": csv("site_id,latitude,longitude,time_zone", ["S1,32,-96,UTC", "S2,33,-84,UTC"]),
        "lane.csv": csv("lane_id,origin_site_id,destination_site_id,mode", ["L1,S1,S2,road", "L2,S2,S1,air"]),
        "shipment.csv": csv(
            "shipment_id,insured_id,lane_id,carrier_id,commodity,declared_value,departed_at", shipments
        ),
        "scan.csv": csv("scan_id,shipment_id,scanned_at", scans),
        "device_assignment.csv": csv("device_id,shipment_id,attached_at,detached_at", devices),
        "ping.csv": csv("device_id,pinged_at,latitude,longitude", pings),
        "refund.csv": csv("refund_id,shipment_id,amount,refunded_at", refunds),
        "incident.csv": csv("incident_id,source,insured_id,shipment_id,category,occurred_from,loss_amount", incidents),
        "claim.csv": csv("claim_id,insured_id,incident_id,loss_date,paid_amount", claims),
        "control.csv": csv(
            "control_id,lane_id,insured_id,measure,installed_on",
            ["R1,L1,,seals,2025-02-01", "R2,,I2,GPS,2025-01-01"],
        ),
    }


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("portfolio")
    loaded = load_files(root, files=portfolio_files())
    assert all(file.read == file.loaded for file in loaded.files)
    return Portfolio(root / "portfolio").open()


def some_of(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    chosen = chain.from_iterable(combinations((*values, "unknown"), n) for n in range(3))
    return st.sampled_from(list(chosen))


SCOPES = st.one_of(st.none(), st.frozensets(st.sampled_from((*INSUREDS, "I9")), max_size=3)).map(Scope)
PERIODS = st.sampled_from(
    [(first, last) for first in (None, *MONTHS) for last in (None, *MONTHS) if not (first and last) or first <= last]
)
FILTERS = st.builds(
    lambda period, **chosen: Filters(*period, **chosen),
    PERIODS,
    **{name: some_of(values) for name, values in VALUES.items()},
)
fixed = settings(max_examples=10, derandomize=True, deadline=None, phases=[Phase.generate])
#: Tables in which every row can be told to be inside: those that hold a dimension or a day of their own.
TABLES = [name for name, reach in REACH.items() if not reach.public and name not in {"ping_place"}]


def columns(snapshot: Snapshot, table: str) -> list[str]:
    described = snapshot.view(Scope(), Filters()).execute(f"from {table} limit 0").description or []
    return [str(column[0]) for column in described]


def rows(snapshot: Snapshot, table: str, scope: Scope, filters: Filters) -> list[tuple[object, ...]]:
    return snapshot.view(scope, filters).rows(f"from {table} order by all")


@fixed
@given(scope=SCOPES, filters=FILTERS)
def test_every_row_of_every_table_is_inside_scope_and_filters(
    snapshot: Snapshot, scope: Scope, filters: Filters
) -> None:
    view = snapshot.view(scope, filters)
    for table in TABLES:
        names = columns(snapshot, table)
        reach = REACH[table]
        found = [dict(zip(names, row, strict=True)) for row in view.rows(f"from {table}")]
        for name in reach.own:
            column = DIMENSIONS[name]
            held = {row[column] for row in found}
            if getattr(filters, name):
                assert held <= set(getattr(filters, name)), (table, name)
            if name == "insured" and scope.insureds is not None:
                assert held <= scope.insureds, table
        if reach.kind in {"day", "moment"} and len(reach.period) == 1 and reach.period[0].startswith("t."):
            column = reach.period[0].removeprefix("t.")
            for row in found:
                day = row[column].date() if reach.kind == "moment" else row[column]
                assert filters.first_month is None or day >= filters.first_month, table
                assert filters.end is None or day < filters.end, table


@fixed
@given(scope=SCOPES, filters=FILTERS)
def test_what_hangs_on_a_shipment_is_seen_exactly_where_it_may_be(
    snapshot: Snapshot, scope: Scope, filters: Filters
) -> None:
    """By another way: a scan, refund and ping is inside when its shipment is; all of them fall on its day here."""
    view = snapshot.view(scope, filters)
    seen = {row[0].removeprefix("H") for row in view.rows("select shipment_id from shipment")}
    for table, key, sign in (("scan", "scan_id", "X"), ("refund", "refund_id", "F"), ("ping", "device_id", "D")):
        assert {row[0].removeprefix(sign) for row in view.rows(f"select {key} from {table}")} == seen, table


@fixed
@given(scope=SCOPES, filters=FILTERS)
def test_a_scope_only_ever_removes_rows(snapshot: Snapshot, scope: Scope, filters: Filters) -> None:
    whole, scoped = snapshot.view(Scope(), filters), snapshot.view(scope, filters)
    for table in TABLES:
        # Figures of the whole book that would give another account away are emptied, so their rows differ.
        if table in {"hotspot_share", "hotspot_verdict", "account_small_loss", "place_small_loss"}:
            continue
        assert set(scoped.rows(f"from {table}")) <= set(whole.rows(f"from {table}")), table


@fixed
@given(scope=SCOPES, filters=FILTERS, dimension=st.sampled_from(list(VALUES)), value=st.integers(0, 2))
def test_one_more_filter_only_ever_removes_rows(
    snapshot: Snapshot, scope: Scope, filters: Filters, dimension: str, value: int
) -> None:
    open_ = replace(filters, **{dimension: ()})
    chosen = replace(filters, **{dimension: (VALUES[dimension][value % len(VALUES[dimension])],)})
    for table in TABLES:
        assert set(rows(snapshot, table, scope, chosen)) <= set(rows(snapshot, table, scope, open_)), table


SUMS = (
    ("shipment", "count(*), coalesce(sum(declared_value), 0)"),
    ("incident", "count(*), coalesce(sum(loss_amount), 0)"),
    ("claim", "count(*), coalesce(sum(paid_amount), 0)"),
    ("shipment_fact", "coalesce(sum(shipments), 0), 0"),
    ("incident_fact", "coalesce(sum(incidents), 0), 0"),
    ("claim_fact", "coalesce(sum(claims), 0), 0"),
    ("ping_fact", "coalesce(sum(pings), 0), 0"),
)


def summed(snapshot: Snapshot, table: str, wanted: str, scope: Scope, filters: Filters) -> tuple[float, float]:
    ((count, amount),) = snapshot.view(scope, filters).rows(f"select {wanted} from {table}")
    return float(count), float(amount)


@fixed
@given(scope=SCOPES, filters=FILTERS, dimension=st.sampled_from(list(VALUES)))
def test_parts_of_a_dimension_and_what_it_cannot_reach_add_up_to_the_whole(
    snapshot: Snapshot, scope: Scope, filters: Filters, dimension: str
) -> None:
    whole = replace(filters, **{dimension: ()})
    every = replace(filters, **{dimension: VALUES[dimension]})
    for table, wanted in SUMS:
        parts = [
            summed(snapshot, table, wanted, scope, replace(filters, **{dimension: (value,)}))
            for value in VALUES[dimension]
        ]
        together = (sum(part[0] for part in parts), sum(part[1] for part in parts))
        assert together == summed(snapshot, table, wanted, scope, every), (table, dimension)
        if not whole.chosen:
            unreached = snapshot.view(scope, every).unreached(table)
            assert together[0] + unreached == summed(snapshot, table, wanted, scope, whole)[0], (table, dimension)


@fixed
@given(scope=SCOPES, filters=FILTERS)
def test_months_and_the_undated_add_up_to_the_whole(snapshot: Snapshot, scope: Scope, filters: Filters) -> None:
    for table, wanted in SUMS:
        months = [
            summed(snapshot, table, wanted, scope, replace(filters, first_month=month, last_month=month))
            for month in MONTHS
        ]
        period = replace(filters, first_month=MONTHS[0], last_month=MONTHS[-1])
        together = (sum(part[0] for part in months), sum(part[1] for part in months))
        assert together == summed(snapshot, table, wanted, scope, period), table
        if not filters.chosen:
            undated = snapshot.view(scope, period).undated(table)
            ever = replace(filters, first_month=None, last_month=None)
            assert together[0] + undated == summed(snapshot, table, wanted, scope, ever)[0], table


@fixed
@given(filters=FILTERS)
def test_accounts_and_the_market_add_up_to_the_whole_book(snapshot: Snapshot, filters: Filters) -> None:
    for table, wanted in SUMS:
        parts = [summed(snapshot, table, wanted, Scope(frozenset({one})), filters) for one in INSUREDS]
        nobody = 0
        if table in {"incident", "incident_fact"}:
            nobody = len(snapshot.view(Scope(), filters).rows("select 1 from incident where insured_id is null"))
        whole = summed(snapshot, table, wanted, Scope(), filters)
        assert sum(part[0] for part in parts) + nobody == whole[0], table


CELL = st.sampled_from(["", "I1", "I2", "x", "1", "2.50", "-3", "2025-01-02", "31/02/2025", "USD", "open", " ", "é"])
LINES = st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), max_size=8)


@settings(max_examples=5, derandomize=True, deadline=None)
@given(lines=LINES)
def test_loading_anything_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, ...]]
) -> None:
    root: Path = tmp_path_factory.mktemp("again")
    files = {
        "insured.csv": "insured_id,name\nI1,A\nI2,B\n",
        "claim.csv": csv("claim_id,insured_id,loss_date,paid_amount,currency", [",".join(line) for line in lines]),
    }
    first, second = load_files(root, files=files), load_files(root, files=files)
    assert first.content_hash == second.content_hash
    assert first.files == second.files
    assert first.snapshot != second.snapshot
    assert sum(file.read for file in first.files) == sum(
        file.loaded + file.left_out + file.folded + file.quarantined for file in first.files
    )


def test_every_table_of_the_contract_is_looked_at() -> None:
    assert set(TABLES) | {name for name, reach in REACH.items() if reach.public} >= set(contract())
