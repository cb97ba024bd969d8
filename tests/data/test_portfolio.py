"""What a person may see: scope and filters cut every table, and nothing else is in reach."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.filters import Filters, Scope
from data.contract import contract
from data.errors import LanewiseError
from data.portfolio import Portfolio, Snapshot
from data.reach import REACH
from tests.portfolios import FILES, load_files, open_view

MORE = {
    "policy.csv": "policy_id,insured_id,inception_date,expiry_date,currency\n"
    "P1,I1,2025-01-01,2026-01-01,USD\nP2,I2,2024-01-01,2025-01-01,USD\n",
    "policy_term.csv": "policy_id,kind,amount\nP1,limit,100\nP2,limit,200\n",
    "carrier.csv": "carrier_id,name\nK1,North\nK2,South\n",
    "trip.csv": "trip_id,carrier_id,lane_id,departed_at\nT1,K1,L1,2025-01-10 08:00:00\nT2,K2,L2,2025-02-01 08:00:00\n",
    "device_assignment.csv": "device_id,shipment_id,attached_at,detached_at\n"
    "D1,H1,2025-01-10 08:00:00,2025-01-10 20:00:00\nD1,H3,2025-02-11 08:00:00,\n",
    "ping.csv": "device_id,pinged_at,latitude,longitude\nD1,2025-01-10 09:00:00,33,-95\nD1,2025-02-11 09:00:00,33,-85\n"
    "D1,2025-02-01 00:00:00,33,-90\n",
    "scan.csv": "scan_id,shipment_id,scanned_at\nX1,H1,2025-01-10 08:05:00\nX2,H3,2025-02-11 08:05:00\n",
    "seal_event.csv": "event_id,shipment_id,occurred_at,state\nE1,H1,2025-01-10 08:05:00,sealed\n",
    "control.csv": "control_id,lane_id,site_id,insured_id,measure,installed_on,removed_on\n"
    "R1,L1,,,seals,2025-01-01,2025-02-01\nR2,,,I2,GPS,2024-06-01,\n",
    "refund.csv": "refund_id,shipment_id,amount,refunded_at\nF1,H1,5,2025-02-01\nF2,H3,6,2025-03-01\n",
    "fx_rate.csv": "currency,on_date,rate\nEUR,2025-01-01,1.1\n",
    "exposure.csv": "insured_id,period_start,period_end,basis,amount,lane_id\nI1,2025-01-01,2025-12-31,trips,9,L1\n",
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("portfolio")
    load_files(root, files={**FILES, **MORE})
    return Portfolio(root / "portfolio").open()


def ids(snapshot: Snapshot, table: str, *, scope: Scope | None = None, filters: Filters | None = None) -> list[str]:
    key = contract()[table].key[0]
    view = snapshot.view(scope or Scope(), filters or Filters())
    return [str(row[0]) for row in view.rows(f"select {key} from {table} order by all")]


ACME = Scope(frozenset({"I1"}))


def test_scope_reaches_every_table(snapshot: Snapshot) -> None:
    seen = {table: ids(snapshot, table, scope=ACME) for table in contract()}
    assert {table: found for table, found in seen.items() if found} == {
        "insured": ["I1"],
        "policy": ["P1"],
        "policy_term": ["P1"],
        "exposure": ["I1"],
        "site": ["S1", "S2"],
        "lane": ["L1"],
        "shipment": ["H1", "H2"],
        "device_assignment": ["D1"],
        "ping": ["D1"],
        "scan": ["X1"],
        "seal_event": ["E1"],
        "control": ["R1"],
        "incident": ["N1"],
        "claim": ["C1"],
        "refund": ["F1"],
        "fx_rate": ["EUR"],
    }


def test_a_ping_belongs_to_whom_the_device_was_with(snapshot: Snapshot) -> None:
    view = snapshot.view(ACME, Filters())
    assert view.rows("select pinged_at::varchar from ping") == [("2025-01-10 09:00:00",)]
    assert len(ids(snapshot, "ping")) == 3


def test_market_incidents_belong_to_nobody(snapshot: Snapshot) -> None:
    assert ids(snapshot, "incident") == ["N1", "N2", "N3"]
    assert ids(snapshot, "incident", filters=Filters(insured=("I1", "I2"))) == ["N1", "N2"]


def test_empty_scope_sees_nothing_of_anyone(snapshot: Snapshot) -> None:
    nobody = Scope(frozenset())
    for table in contract():
        expected = ["EUR"] if table == "fx_rate" else []
        assert ids(snapshot, table, scope=nobody) == expected, table
    view = snapshot.view(nobody, Filters())
    for memory in ("feed", "source", "source_amount", "quarantine", "nulled_cell", "superseded", "orphan"):
        assert view.rows(f"select count(*) from {memory}") == [(0,)]


def test_each_table_has_its_own_meaning_of_a_period(snapshot: Snapshot) -> None:
    february = Filters(date(2025, 2, 1), date(2025, 2, 1))
    assert ids(snapshot, "shipment", filters=february) == ["H2", "H3"]
    assert ids(snapshot, "claim", filters=february) == ["C1"]
    assert ids(snapshot, "policy", filters=february) == ["P1"]
    assert ids(snapshot, "refund", filters=february) == ["F1"]
    assert ids(snapshot, "control", filters=february) == ["R2"]
    assert ids(snapshot, "insured", filters=february) == ["I1", "I2"]
    assert ids(snapshot, "policy", filters=Filters(last_month=date(2024, 12, 1))) == ["P2"]


def test_filters_reach_through_other_tables(snapshot: Snapshot) -> None:
    assert ids(snapshot, "scan", filters=Filters(lane=("L1",))) == ["X1"]
    assert ids(snapshot, "incident", filters=Filters(commodity=("food",))) == ["N2"]
    assert ids(snapshot, "claim", filters=Filters(lane=("L1",))) == ["C1"]
    assert ids(snapshot, "trip", filters=Filters(carrier=("K2",))) == ["T2"]
    assert ids(snapshot, "insured", filters=Filters(commodity=("electronics",))) == ["I1"]
    assert ids(snapshot, "policy_term", filters=Filters(insured=("I2",))) == ["P2"]
    assert ids(snapshot, "policy", filters=Filters(lane=("L1",))) == []


def test_rows_that_a_filter_cannot_reach_are_counted(snapshot: Snapshot) -> None:
    view = snapshot.view(Scope(), Filters(lane=("L1", "L2")))
    assert view.unreached("shipment") == 1
    assert view.unreached("claim") == 1
    assert view.unreached("policy") == 2
    assert snapshot.view(Scope(), Filters()).unreached("shipment") == 0
    assert snapshot.view(ACME, Filters(lane=("L1",))).unreached("shipment") == 0


def test_values_of_a_filter_are_never_sql(snapshot: Snapshot) -> None:
    for evil in ("' or true --", "L1'; drop table lane; --", '"', "getvariable('scope_insured')"):
        assert ids(snapshot, "shipment", filters=Filters(lane=(evil,))) == []
        assert ids(snapshot, "shipment", scope=Scope(frozenset({evil}))) == []
    assert ids(snapshot, "lane") == ["L1", "L2"]


def test_a_table_that_the_portfolio_lacks_is_typed_and_empty(snapshot: Snapshot) -> None:
    view = snapshot.view(Scope(), Filters())
    assert not view.has("drill")
    described = view.execute("select * from drill").description
    assert described is not None
    assert [column[0] for column in described][:6] == list(contract()["drill"].names)
    assert view.rows("select count(*) from drill") == [(0,)]


def test_tables_without_a_view_are_an_error_not_a_leak(snapshot: Snapshot) -> None:
    view = snapshot.view(ACME, Filters())
    for table in ("shipment_key", "reconciliation", "site_place", "snapshot"):
        with pytest.raises(duckdb.CatalogException):
            view.execute(f"select * from {table}")


def test_nothing_else_is_in_reach(snapshot: Snapshot) -> None:
    view = snapshot.view(Scope(), Filters())
    for sql in (
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/leak.csv'",
        "attach '/tmp/other.duckdb'",
        "set enable_external_access = true",
        "install httpfs",
        "delete from snap.claim",
    ):
        with pytest.raises(duckdb.Error):
            view.execute(sql)


def test_every_table_says_how_it_is_reached() -> None:
    assert set(contract()) <= set(REACH)


def test_sixteen_threads_do_not_cross(snapshot: Snapshot) -> None:
    expected = {"I1": ["H1", "H2"], "I2": ["H3", "H4"]}
    wrong: list[object] = []

    def look(insured: str) -> None:
        try:
            for _ in range(200):
                found = ids(snapshot, "shipment", scope=Scope(frozenset({insured})))
                if found != expected[insured]:
                    wrong.append(found)
        except Exception as error:  # noqa: BLE001 - a thread's error would vanish
            wrong.append(error)

    threads = [threading.Thread(target=look, args=(("I1", "I2")[i % 2],)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


INSUREDS = st.sets(st.sampled_from(["I1", "I2", "I9"])).map(frozenset)
CHOICES = st.builds(
    Filters,
    first_month=st.sampled_from([None, date(2025, 1, 1), date(2025, 2, 1)]),
    last_month=st.sampled_from([None, date(2025, 2, 1), date(2025, 3, 1)]),
    insured=st.sampled_from([(), ("I1",), ("I1", "I2")]),
    lane=st.sampled_from([(), ("L1",), ("L2", "L9")]),
    commodity=st.sampled_from([(), ("food",)]),
    mode=st.sampled_from([(), ("road",), ("air",)]),
    carrier=st.sampled_from([(), ("K1",)]),
)


@given(insureds=INSUREDS, filters=CHOICES)
def test_scoping_only_ever_removes_rows(snapshot: Snapshot, insureds: frozenset[str], filters: Filters) -> None:
    whole, scoped = snapshot.view(Scope(), filters), snapshot.view(Scope(insureds), filters)
    for table in ("shipment", "incident", "claim", "lane", "site", "ping", "control", "shipment_fact", "incident_fact"):
        everything, some = whole.rows(f"from {table}"), scoped.rows(f"from {table}")
        assert set(some) <= set(everything)
        names = [column[0] for column in scoped.execute(f"from {table} limit 0").description or []]
        if "insured_id" in names and table != "control":
            owners = {row[names.index("insured_id")] for row in some}
            assert owners <= insureds


@given(filters=CHOICES)
def test_months_add_up_to_the_whole(snapshot: Snapshot, filters: Filters) -> None:
    months = [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    whole = snapshot.view(Scope(), replace(filters, first_month=months[0], last_month=months[-1]))
    total = sum(
        snapshot.view(Scope(), replace(filters, first_month=m, last_month=m)).rows("select count(*) from shipment")[0][
            0
        ]
        for m in months
    )
    assert whole.rows("select count(*), (select coalesce(sum(shipments), 0) from shipment_fact) from shipment") == [
        (total, total)
    ]


def test_reporting_months_follow_the_reporting_time_zone(tmp_path: Path) -> None:
    files = {"incident.csv": "incident_id,source,occurred_from\nN1,market,2025-02-01 02:00:00\n"}
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "portfolio" / "portfolio.toml").write_text('reporting_timezone = "America/New_York"\n')
    load_files(tmp_path, files=files)
    assert open_view(tmp_path).rows("select month::varchar from incident_fact") == [("2025-01-01",)]
    january = Filters(date(2025, 1, 1), date(2025, 1, 1))
    assert open_view(tmp_path, filters=january).rows("select count(*) from incident") == [(1,)]


def test_an_incident_is_told_in_its_own_place_and_time(snapshot: Snapshot) -> None:
    view = snapshot.view(Scope(), Filters())
    assert view.rows(
        "select incident_id, local_at::varchar, weekday, hour, is_attempt, lane_id, mode, commodity"
        " from incident_fact order by 1"
    ) == [
        ("N1", "2025-02-10 15:30:00", 1, 15, False, "L1", "road", "electronics"),
        ("N2", "2025-02-11 00:00:00", 2, None, True, "L2", "road", "food"),
        ("N3", "2025-02-14 21:00:00", 5, 21, False, None, None, None),
    ]


def test_empty_portfolio_and_unknown_snapshot_say_what_to_do(tmp_path: Path) -> None:
    portfolio = Portfolio(tmp_path / "nothing")
    assert portfolio.current() is None
    with pytest.raises(LanewiseError, match=r"empty.*python -m data load"):
        portfolio.open()
    with pytest.raises(LanewiseError, match="is no snapshot id"):
        portfolio.open("../../etc/passwd")
    with pytest.raises(LanewiseError, match="there is no snapshot"):
        portfolio.open("20200101T000000Z-abcdef")


def test_a_damaged_snapshot_says_so(tmp_path: Path) -> None:
    snapshot_id = load_files(tmp_path).snapshot
    path = tmp_path / "portfolio" / "snapshots" / f"{snapshot_id}.duckdb"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(LanewiseError, match="cannot be read"):
        Portfolio(tmp_path / "portfolio").open()


def test_the_newest_five_are_kept_and_an_older_one_opens(tmp_path: Path) -> None:
    made = [load_files(tmp_path, files={"insured.csv": f"insured_id,name\nI{i},A\n"}).snapshot for i in range(6)]
    portfolio = Portfolio(tmp_path / "portfolio")
    assert [card.id for card in portfolio.snapshots()] == made[:0:-1]
    older = portfolio.open(made[1])
    assert older.view(Scope(), Filters()).rows("select insured_id from insured") == [("I1",)]


def test_a_device_is_with_one_load_at_a_time_and_its_positions_add_up(tmp_path: Path) -> None:
    files = {
        "insured.csv": FILES["insured.csv"],
        "shipment.csv": "shipment_id,insured_id,trip_id,commodity,departed_at\n"
        "H1,I1,T1,x,2025-01-01\nH2,I1,T1,y,2025-01-01\n"
        "H3,I2,T1,y,2025-01-01\nH4,I2,,z,2025-02-01\n",
        "device_assignment.csv": "device_id,trip_id,shipment_id,attached_at\nD1,T1,,2025-01-01\nD1,,H4,2025-02-01\n",
        "ping.csv": "device_id,pinged_at,latitude,longitude\nD1,2025-01-05,33,-95\nD1,2025-02-05,33,-85\n",
    }
    load_files(tmp_path, files=files)
    # Thirds come in whatever order the threads bring them: a compensated sum adds up to the last digit all the same.
    assert open_view(tmp_path).rows("select fsum(pings) from ping_fact") == [(2.0,)]
    assert open_view(tmp_path, scope=ACME).rows("select pinged_at::date::varchar from ping") == [("2025-01-05",)]


def test_maintenance_is_seen_by_all_whose_goods_the_device_was_with_at_the_time(tmp_path: Path) -> None:
    files = {
        "insured.csv": FILES["insured.csv"],
        "shipment.csv": "shipment_id,insured_id,trip_id,departed_at\n"
        "H1,I1,T1,2025-01-01\nH2,I2,T1,2025-01-01\nH3,I2,,2025-02-01\n",
        "device_assignment.csv": "device_id,trip_id,shipment_id,attached_at,detached_at\n"
        "D1,T1,,2025-01-01,2025-01-20\nD1,,H3,2025-02-01,2025-02-20\n",
        "maintenance.csv": "device_id,starts_at,ends_at\n"
        "D1,2024-12-01,2024-12-02\n"  # before it was with anybody
        "D1,2025-01-05,2025-01-06\n"  # with a trip that carries goods of both
        "D1,2025-01-10,2025-02-10\n"  # from that trip into a load of the second alone
        "D1,2025-02-05,2025-02-06\n"  # with the second alone
        "D1,2025-02-10,\n",  # begins there and has not ended
    }
    load_files(tmp_path, files=files)
    question = "select starts_at::date::varchar from maintenance order by 1"
    assert open_view(tmp_path, scope=ACME).rows(question) == [("2025-01-05",), ("2025-01-10",)]
    assert open_view(tmp_path, scope=Scope(frozenset({"I2"}))).rows(question) == [
        ("2025-01-05",),
        ("2025-01-10",),
        ("2025-02-05",),
        ("2025-02-10",),
    ]
    assert len(open_view(tmp_path).rows(question)) == 5
    january = Filters(first_month=date(2025, 1, 1), last_month=date(2025, 1, 1))
    assert open_view(tmp_path, scope=ACME, filters=january).rows(question) == [("2025-01-05",), ("2025-01-10",)]


def test_what_has_no_date_is_counted_within_the_chosen_filters(tmp_path: Path) -> None:
    files = {
        "insured.csv": FILES["insured.csv"],
        "claim.csv": "claim_id,insured_id,loss_date\nC1,I1,\nC2,I2,\nC3,I2,2025-01-01\n",
    }
    load_files(tmp_path, files=files)
    assert open_view(tmp_path).undated("claim_fact") == 2
    assert open_view(tmp_path, filters=Filters(insured=("I2",))).undated("claim_fact") == 1
    assert open_view(tmp_path, scope=ACME).undated("claim_fact") == 1
    assert open_view(tmp_path, filters=Filters(lane=("L1",))).undated("claim_fact") == 0


def test_a_claim_shows_nothing_of_another_accounts_goods(tmp_path: Path) -> None:
    files = {**FILES, "claim.csv": "claim_id,insured_id,shipment_id,incident_id,loss_date\nC1,I1,H3,N2,2025-02-11\n"}
    load_files(tmp_path, files=files)
    view = open_view(tmp_path, scope=ACME)
    assert view.rows("select lane_id, commodity, mode from claim_fact") == [(None, None, None)]
    assert view.rows("select lane_id from lane") == [("L1",)]


def test_an_incident_on_a_trip_belongs_to_whose_goods_it_carried(tmp_path: Path) -> None:
    files = {
        **FILES,
        "shipment.csv": "shipment_id,insured_id,trip_id,commodity,departed_at\nH1,I1,T1,metal,2025-01-01\n",
        "incident.csv": "incident_id,source,trip_id,occurred_from\nN1,own,T1,2025-01-01\n",
    }
    del files["claim.csv"]
    load_files(tmp_path, files=files)
    assert open_view(tmp_path, scope=ACME).rows("select incident_id, commodity from incident_fact") == [("N1", "metal")]


def test_events_out_of_reach_or_without_a_date_are_counted_as_events(tmp_path: Path) -> None:
    files = {
        "insured.csv": FILES["insured.csv"],
        "shipment.csv": "shipment_id,insured_id,departed_at\nH1,I1,2025-01-01\nH2,I1,2025-01-02\n",
        "claim.csv": "claim_id,insured_id\nC1,I1\n",
    }
    load_files(tmp_path, files=files)
    view = open_view(tmp_path, filters=Filters(lane=("L1",)))
    assert view.unreached("shipment_fact") == 2
    assert open_view(tmp_path).undated("claim_fact") == 1
    assert open_view(tmp_path).undated("shipment_fact") == 0


def test_a_promise_without_a_time_of_day_holds_until_the_day_ends(tmp_path: Path) -> None:
    files = {
        "insured.csv": FILES["insured.csv"],
        "shipment.csv": "shipment_id,insured_id,scheduled_at,delivered_at\n"
        "H1,I1,2025-03-05,2025-03-05 14:00\nH2,I1,2025-03-05 12:00,2025-03-05 14:00\n",
    }
    load_files(tmp_path, files=files, top='timezone = "America/New_York"\n')
    assert open_view(tmp_path).rows("select sum(scheduled)::int, sum(on_time)::int from shipment_fact") == [(2, 1)]
