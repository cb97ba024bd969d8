"""The four public feeds: every row accounted for, and the figures their publishers' files hold."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from analysis.claim_tables import claim_ends
from analysis.claims import NO_PREMIUM, ultimate_loss_ratio
from analysis.filters import Filters, Scope
from analysis.telemetry import gap_distribution, service_values
from data.load import LoadResult, load_feed
from data.portfolio import Portfolio, View
from data.reading import ReadOptions, read_source
from tests.conftest import REAL_FILES, find_real_files

FEEDS = Path(__file__).parents[1] / "feeds"
NAMES = ("piracy", "bus", "tsa-2015", "scms")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[View, dict[str, LoadResult]]:
    for name in NAMES:
        find_real_files(name)
    root = tmp_path_factory.mktemp("real")
    results = {
        name: load_feed(FEEDS / f"{name}.toml", files=REAL_FILES / name, portfolio=root / "portfolio") for name in NAMES
    }
    return Portfolio(root / "portfolio").view(Scope(), Filters()), results


def test_every_row_is_accounted_for(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, results = loaded
    read = {(name, f.table): f.read for name, result in results.items() for f in result.files}
    assert read["scms", "shipment"] == 10_324
    assert read["tsa-2015", "claim"] == 8_667
    assert read["piracy", "incident"] == 7_511
    assert read["bus", "ping"] == 1_533
    for result in results.values():
        for f in result.files:
            assert f.read == f.loaded + f.left_out + f.folded + f.quarantined
    gaps = view.rows(
        "select count(*) from source_amount where read_sum <> loaded_sum + left_out_sum + folded_sum + quarantined_sum"
    )
    assert gaps == [(0,)]
    assert view.rows("select count(*) from quarantine") == [(0,)]
    assert view.rows("select count(*) from orphan") == [(0,)]


def test_scms(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, results = loaded
    assert view.rows("select count(*), sum(declared_value)::varchar from shipment") == [(10_324, "1627584457.2900")]
    assert view.rows("select count(weight_kg) from shipment") == [(6_372,)]
    assert view.rows("select mode, sum(shipments)::int from shipment_fact group by all order by 2 desc") == [
        ("air", 6_113),
        ("truck", 2_830),
        ("air charter", 650),
        ("ocean", 371),
        (None, 360),
    ]
    pairs = "select count(*) from (select distinct origin_site_id, destination_site_id from lane where _feed = 'scms')"
    assert view.rows(pairs) == [(567,)]
    assert view.rows("select count(*) from shipment where delivered_at <= scheduled_at") == [(9_138,)]
    assert view.rows("select sum(on_time)::int, sum(scheduled)::int from shipment_fact") == [(9_138, 10_324)]
    shipments = [f for f in results["scms"].files if f.table == "shipment"]
    assert [f.cells_nulled for f in shipments] == [10_324 - 6_372]
    kinds = "select count(distinct site_id) from site where _feed = 'scms' and kind = ?"
    assert view.rows(kinds, ["factory"]) == [(88,)]
    assert view.rows(kinds, ["country"]) == [(43,)]
    assert view.rows(kinds.replace("= ?", "= 'country' and latitude is not null")) == [(43,)]


def test_scms_freight_and_insurance_are_read_exactly(
    loaded: tuple[View, dict[str, LoadResult]], tmp_path: Path
) -> None:
    """The contract has no column for them: the file itself is read by the product's own reader."""
    connection = duckdb.connect()
    path = REAL_FILES / "scms" / "usaid_scms_delivery_history.csv"
    read_source(connection, path, name=path.name, options=ReadOptions(), relation="scms", temp=tmp_path)
    number = "try_cast({} as decimal(18, 2))"
    freight, insurance = number.format('"Freight Cost (USD)"'), number.format('"Line Item Insurance (USD)"')
    row = connection.execute(
        f"select count({freight}), sum({freight})::varchar, count({insurance}), sum({insurance})::varchar from scms"
    ).fetchone()
    assert row == (6_198, "68817849.41", 10_037, "2410060.61")


def test_tsa(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, _ = loaded
    assert view.rows("select status, count(*)::int from claim group by all order by 2 desc") == [
        ("Deny", 3_574),
        (None, 2_066),
        ("Approve in Full", 1_958),
        ("Settle", 1_069),
    ]
    assert view.rows("select count(paid_amount), sum(paid_amount)::varchar from claim") == [(6_601, "611137.0500")]
    assert view.rows("select cause, count(*)::int from claim group by all order by 2 desc limit 2") == [
        ("Passenger Property Loss", 4_551),
        ("Property Damage", 3_888),
    ]
    assert view.rows("select claim_id from claim where _row = 2") == [("2015060222904",)]
    assert view.rows("select sum(claims)::int, sum(paid_base)::varchar from claim_fact") == [(8_667, "611137.0500")]
    ends = claim_ends(view).fillna(-1.0)
    assert [tuple(row) for row in ends[["status", "claims", "paid_known"]].to_numpy()] == [
        ("Deny", 3_574, 3_574), ("not stated", 2_066, 0), ("Approve in Full", 1_958, 1_958), ("Settle", 1_069, 1_069),
    ]  # fmt: skip
    assert view.rows("select sum(paid_base)::varchar, sum(gross_base)::varchar from claim_loss") == [
        ("611137.0500", "611137.0500")
    ]
    assert view.rows("select sum(gross_base)::varchar from claim_valuation") == [("611137.0500",)]
    assert ultimate_loss_ratio(view).lack == NO_PREMIUM
    assert view.rows("select coordinate_source, time_zone from site where site_id = 'JFK'") == [
        ("iata", "America/New_York")
    ]


def test_piracy(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, _ = loaded
    assert view.rows("select category, count(*)::int from incident group by all order by 2 desc, 1") == [
        ("boarded", 3_421),
        ("attempted", 1_999),
        ("boarding", 1_367),
        ("hijacked", 511),
        (None, 120),
        ("fired upon", 73),
        ("suspicious", 16),
        ("explosion", 3),
        ("detained", 1),
    ]
    assert view.rows("select distinct source from incident") == [("market",)]
    # 1,149 rows have a time; three of them say midnight, and one says 18:85, which is listed.
    assert view.rows("select reason from nulled_cell where feed = 'piracy'") == [
        ("occurred_from '2020-03-22 18:85 UTC' is no date and time between 1900 and 2100",)
    ]
    assert view.rows("select count(*) filter (is_attempt), count(cell_5) from incident_fact") == [(1_999, 7_511)]


def test_bus(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, _ = loaded
    gaps = """
        with gaps as (
            select date_diff('second', lag(pinged_at) over (partition by device_id order by pinged_at), pinged_at) as s
            from ping
        )
        select count(*) filter (s > 60), count(*) filter (s > 300), max(s) from gaps
    """
    assert view.rows(gaps) == [(12, 8, 3_124)]
    assert view.rows("select count(distinct device_id), (select count(*) from trip) from ping") == [(8, 16)]
    assert view.rows("select sum(pings)::int from ping_fact") == [(1_533,)]


def test_bus_by_device_day(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, _ = loaded
    gaps = """
        select sum(fixes)::int, count(*)::int, sum(gaps_60)::int,
            sum(gaps_300 + gaps_600 + gaps_900 + gaps_1200 + gaps_1800 + gaps_3600 + gaps_14400 + gaps_more)::int,
            sum(gaps_600 + gaps_900 + gaps_1200 + gaps_1800 + gaps_3600 + gaps_14400 + gaps_more)::int,
            max(longest_gap_s)
        from device_day
    """
    assert view.rows(gaps) == [(1_533, 8, 1_533 - 8 - 12, 12, 8, 3_124)]
    # Nobody assigned the buses to anything: an estimate of service, and nothing that is scored.
    found = service_values(view)
    assert found["in_service"].n == 8
    assert found["in_service"].caveats[-1].startswith("devices that nobody assigned to a trip")
    assert found["uptime"].value is None
    gap = gap_distribution(view, of="device_day").set_index("to_s")["gaps"]
    assert gap.iloc[2:].sum() == 8


def test_one_portfolio_of_all_four(loaded: tuple[View, dict[str, LoadResult]]) -> None:
    view, results = loaded
    assert view.info.feeds == NAMES
    assert (view.info.base_currency, view.info.reporting_timezone) == ("USD", "UTC")
    again = load_feed(FEEDS / "bus.toml", files=REAL_FILES / "bus", portfolio=Path(view.snapshot.path).parents[1])
    assert again.content_hash == view.info.content_hash
    assert again.snapshot != results["scms"].snapshot
