"""What becomes of every row of a feed: loaded, left out, folded or quarantined, and never lost."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import xlsxwriter

from data.errors import LanewiseError
from data.load import LoadResult, load_feed
from data.portfolio import Portfolio
from data.snapshots import Folder
from tests.portfolios import FILES, load_files, open_view, write_feed

CLAIM_HEADER = "claim_id,insured_id,loss_date,valued_on,paid_amount,reserve_amount,currency\n"


def states(result: LoadResult, table: str) -> tuple[int, int, int, int, int]:
    found = [f for f in result.files if f.table == table]
    assert all(f.read == f.loaded + f.left_out + f.folded + f.quarantined for f in found)
    return (
        sum(f.read for f in found),
        sum(f.loaded for f in found),
        sum(f.left_out for f in found),
        sum(f.folded for f in found),
        sum(f.quarantined for f in found),
    )


def reasons(root: Path) -> list[str]:
    rows = open_view(root).rows(
        "select problem.reason from (select unnest(problems) as problem from quarantine) order by all"
    )
    return [str(row[0]) for row in rows]


def claims(root: Path, rows: str, **options: object) -> LoadResult:
    return load_files(root, files={"claim.csv": CLAIM_HEADER + rows}, **options)  # type: ignore[arg-type]


def test_clean_files_load_whole(tmp_path: Path) -> None:
    result = load_files(tmp_path)
    assert {f.table: (f.read, f.loaded) for f in result.files} == {
        "insured": (2, 2),
        "site": (2, 2),
        "lane": (2, 2),
        "shipment": (4, 4),
        "incident": (3, 3),
        "claim": (2, 2),
    }
    assert open_view(tmp_path).rows("select sum(declared_value)::varchar from shipment") == [("3700.7500",)]


def test_bad_optional_cell_becomes_null_and_is_listed(tmp_path: Path) -> None:
    result = claims(tmp_path, "C1,I1,31/02/2025,,100.50,,\n")
    assert states(result, "claim") == (1, 1, 0, 0, 0)
    assert result.files[0].cells_nulled == 1
    assert open_view(tmp_path).rows("select loss_date, paid_amount::varchar from claim") == [(None, "100.5000")]
    assert open_view(tmp_path).rows("select file, row_number, column_name, value, reason from nulled_cell") == [
        ("claim.csv", 2, "loss_date", "31/02/2025", "loss_date '31/02/2025' is no date between 1900 and 2100")
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",I1,,,1,,", "claim_id is missing"),
        ("C1,I1,,,-5,,", "paid_amount -5.0000 breaks the rule paid_amount >= 0"),
        ("C1,I1,,,5,,dollars", "currency DOLLARS breaks the rule currency is a three-letter ISO 4217 code"),
    ],
)
def test_broken_rule_sends_the_row_to_quarantine_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    result = claims(tmp_path, f"C0,I1,,,1,,\n{row}\n")
    assert states(result, "claim") == (2, 1, 0, 0, 1)
    assert reasons(tmp_path) == [reason]


@pytest.mark.parametrize("amount", ["1e300", "nan", "infinity", "0x1F", "12 apples", "99999999999999999999"])
def test_absurd_amounts_are_no_amounts(tmp_path: Path, amount: str) -> None:
    result = claims(tmp_path, f"C1,I1,,,{amount},,\n")
    assert result.files[0].cells_nulled == 1
    assert open_view(tmp_path).rows("select paid_amount from claim") == [(None,)]
    assert open_view(tmp_path).rows("select not_numbers, loaded_sum::varchar from source_amount") == [(1, "0.0000")]


def test_latitude_91_is_quarantined(tmp_path: Path) -> None:
    result = load_files(tmp_path, files={"site.csv": "site_id,latitude,longitude\nS1,91,10\nS2,45,10\n"})
    assert states(result, "site") == (2, 1, 0, 0, 1)
    assert reasons(tmp_path) == ["latitude 91.0 breaks the rule latitude between -90 and 90"]


def test_impossible_and_implausible_dates_are_listed(tmp_path: Path) -> None:
    result = claims(tmp_path, "C1,I1,2025-02-30,,,,\nC2,I1,0202-01-01,,,,\nC3,I1,20250101,,,,\nC4,I1,2025-01-01,,,,\n")
    assert result.files[0].cells_nulled == 3
    assert open_view(tmp_path).rows("select count(loss_date) from claim") == [(1,)]


def test_where_leaves_rows_out_and_counts_them(tmp_path: Path) -> None:
    tables = """[[table]]\nname = "claim"\nfile = "claim.csv"\nwhere = "insured_id = 'I1'"\n"""
    result = claims(tmp_path, "C1,I1,,,10,,\nC2,I2,,,20,,\nC3,,,,40,,\n", tables=tables)
    assert states(result, "claim") == (3, 1, 2, 0, 0)
    assert open_view(tmp_path).rows("select read_sum::int, loaded_sum::int, left_out_sum::int from source_amount") == [
        (70, 10, 60)
    ]


def test_where_that_fails_on_a_row_quarantines_it(tmp_path: Path) -> None:
    tables = """[[table]]\nname = "claim"\nfile = "claim.csv"\nwhere = "reserve_amount::int > 5"\n"""
    result = claims(tmp_path, "C1,I1,,,,9,\nC2,I1,,,,many,\nC3,I1,,,,1,\n", tables=tables)
    assert states(result, "claim") == (3, 1, 1, 0, 1)
    assert reasons(tmp_path) == ["where = reserve_amount::int > 5 cannot be evaluated on this row"]


def test_expression_that_fails_on_a_row_costs_the_cell_and_says_so(tmp_path: Path) -> None:
    tables = """[[table]]\nname = "claim"\nfile = "claim.csv"\n[table.columns]
paid_amount = "paid_amount::int * 2"\nreserve_amount = "paid_amount::int"\n"""
    result = claims(tmp_path, "C1,I1,,,4,,\nC2,I1,,,four,,\nC3,I1,,,,,\n", tables=tables)
    assert states(result, "claim") == (3, 3, 0, 0, 0)
    assert open_view(tmp_path).rows("select claim_id, paid_amount::int from claim order by 1") == [
        ("C1", 8),
        ("C2", None),
        ("C3", None),
    ]
    assert open_view(tmp_path).rows(
        "select column_name, reason from nulled_cell where column_name = 'paid_amount'"
    ) == [("paid_amount", "paid_amount = paid_amount::int * 2 cannot be evaluated on this row")]


def test_exact_repeat_is_folded_and_other_content_quarantined(tmp_path: Path) -> None:
    result = claims(tmp_path, "C1,I1,,,10,,\nC1,I1,,,10,,\nC1,I1,,,11,,\n")
    assert states(result, "claim") == (3, 1, 0, 1, 1)
    assert reasons(tmp_path) == ["claim_id C1 is there already with other content"]
    assert open_view(tmp_path).rows(
        "select read_sum::int, loaded_sum::int, folded_sum::int, quarantined_sum::int from source_amount"
    ) == [(31, 10, 10, 11)]


def test_null_counts_as_a_value_in_a_key(tmp_path: Path) -> None:
    files = {
        "insured.csv": "insured_id,name\nI1,A\n",
        "policy.csv": "policy_id,insured_id,inception_date,expiry_date\nP1,I1,2025-01-01,2026-01-01\n",
        "policy_term.csv": "policy_id,kind,applies_to,amount\nP1,limit,,5\nP1,limit,,6\nP1,Limit,theft,7\n",
    }
    result = load_files(tmp_path, files=files)
    assert states(result, "policy_term") == (3, 2, 0, 0, 1)
    assert reasons(tmp_path) == ["policy_id, kind, applies_to P1, limit, nothing is there already with other content"]


def test_distinct_keeps_the_most_frequent_variant(tmp_path: Path) -> None:
    files = {"insured.csv": "insured_id,name\nI1,Akme\nI1,Acme\nI1,Acme\nI2,Bolt\n"}
    tables = '[[table]]\nname = "insured"\nfile = "insured.csv"\ndistinct = true\n'
    result = load_files(tmp_path, files=files, tables=tables)
    assert states(result, "insured") == (4, 2, 0, 2, 0)
    assert open_view(tmp_path).rows("select name from insured order by 1") == [("Acme",), ("Bolt",)]


def test_hard_reference_quarantines_and_cascades(tmp_path: Path) -> None:
    files = {
        "insured.csv": "insured_id,name\nI1,A\n",
        "policy.csv": "policy_id,insured_id,inception_date,expiry_date\nP1,I9,2025-01-01,2026-01-01\n",
        "policy_term.csv": "policy_id,kind,amount\nP1,limit,5\n",
    }
    result = load_files(tmp_path, files=files)
    assert states(result, "policy") == (1, 0, 0, 0, 1)
    assert states(result, "policy_term") == (1, 0, 0, 0, 1)
    assert reasons(tmp_path) == ["insured_id 'I9' is not in insured", "policy_id 'P1' is not in policy"]


def test_loose_reference_is_kept_and_listed(tmp_path: Path) -> None:
    result = claims(tmp_path, "C1,I9,,,1,,\nC2,I9,,,1,,\n")
    assert states(result, "claim") == (2, 2, 0, 0, 0)
    assert open_view(tmp_path).rows("select table_name, column_name, parent_table, value, row_count from orphan") == [
        ("claim", "insured_id", "insured", "I9", 2)
    ]


def test_orphans_of_another_feed_come_back_and_lose_again(tmp_path: Path) -> None:
    policy = {"policy.csv": "policy_id,insured_id,inception_date,expiry_date\nP1,I1,2025-01-01,2026-01-01\n"}
    insured = {"insured.csv": "insured_id,name\nI1,A\n"}
    assert states(load_files(tmp_path, files=policy, name="terms"), "policy") == (1, 0, 0, 0, 1)
    found = load_files(tmp_path, files=insured, name="accounts")
    assert [(m.feed, m.table, m.rows) for m in found.returned] == [("terms", "policy", 1)]
    assert open_view(tmp_path).rows("select policy_id, expiry_date::varchar from policy") == [("P1", "2026-01-01")]
    gone = load_files(tmp_path, files={"insured.csv": "insured_id,name\nI2,B\n"}, name="accounts")
    assert [(m.feed, m.table, m.rows) for m in gone.lost] == [("terms", "policy", 1)]
    assert open_view(tmp_path).rows("select loaded_rows, quarantined_rows from source where feed = 'terms'") == [(0, 1)]


def test_reloading_replaces_only_its_own_rows_and_twice_changes_nothing(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,,,10,,\n", name="jan")
    first = claims(tmp_path, "C2,I1,,,20,,\nC3,I1,,,30,,\n", name="feb")
    second = claims(tmp_path, "C2,I1,,,20,,\nC3,I1,,,30,,\n", name="feb")
    assert first.content_hash == second.content_hash
    assert first.snapshot != second.snapshot
    third = claims(tmp_path, "C2,I1,,,20,,\n", name="feb")
    assert third.content_hash != second.content_hash
    assert open_view(tmp_path).rows("select claim_id, _feed from claim order by 1") == [("C1", "jan"), ("C2", "feb")]


def test_append_adds_files_to_a_feed(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,,,10,,\n")
    result = claims(tmp_path, "C1,I1,,,10,,\nC2,I1,,,20,,\n", append=True)
    assert states(result, "claim") == (3, 2, 0, 1, 0)
    with pytest.raises(LanewiseError, match="no feed 'other' to append to"):
        claims(tmp_path, "C1,I1,,,10,,\n", name="other", append=True)


def test_same_key_in_another_feed(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,,,10,,\n", name="jan")
    result = claims(tmp_path, "C1,I1,,,10,,\n", name="copy")
    assert states(result, "claim") == (1, 0, 0, 1, 0)
    result = claims(tmp_path, "C1,I1,,,99,,\n", name="wrong")
    assert states(result, "claim") == (1, 0, 0, 0, 1)
    # The first feed gives the key up: its copy, which waited first, takes it.
    result = claims(tmp_path, "C9,I1,,,10,,\n", name="jan")
    assert [(m.feed, m.rows) for m in result.returned] == [("copy", 1)]


LATEST = '[[table]]\nname = "claim"\nfile = "claim.csv"\non_conflict = "latest"\n'


def test_latest_valuation_wins_and_the_older_becomes_a_movement(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,2025-01-05,2025-02-01,10,90,\n", name="feb", tables=LATEST)
    result = claims(tmp_path, "C1,I1,2025-01-05,2025-03-01,60,20,\n", name="mar", tables=LATEST)
    assert states(result, "claim") == (1, 1, 0, 0, 0)
    view = open_view(tmp_path)
    assert view.rows("select paid_amount::int, reserve_amount::int, _feed from claim") == [(60, 20, "mar")]
    assert view.rows(
        "select claim_id, moved_on::varchar, paid_amount::int, reserve_amount::int from claim_movement"
    ) == [("C1", "2025-02-01", 10, 90)]
    assert view.rows("select loaded_rows, folded_rows from source where feed = 'feb'") == [(0, 1)]
    # An older run loaded later changes nothing of what is current.
    claims(tmp_path, "C1,I1,2025-01-05,2025-01-15,1,99,\n", name="jan", tables=LATEST)
    view = open_view(tmp_path)
    assert view.rows("select paid_amount::int from claim") == [(60,)]
    assert view.rows("select moved_on::varchar from claim_movement order by 1") == [("2025-01-15",), ("2025-02-01",)]
    # Without the newest run, the one before it is current again.
    claims(tmp_path, "C2,I1,2025-01-05,2025-03-01,60,20,\n", name="mar", tables=LATEST)
    view = open_view(tmp_path)
    assert view.rows("select claim_id, paid_amount::int from claim order by 1") == [("C1", 10), ("C2", 60)]
    assert view.rows("select moved_on::varchar from claim_movement") == [("2025-01-15",)]


def test_latest_of_other_tables_is_kept_as_superseded(tmp_path: Path) -> None:
    tables = '[[table]]\nname = "insured"\nfile = "insured.csv"\non_conflict = "latest"\n'
    files = {"insured.csv": "insured_id,name\nI1,Old\nI1,New\n"}
    result = load_files(tmp_path, files=files, tables=tables)
    assert states(result, "insured") == (2, 1, 0, 1, 0)
    view = open_view(tmp_path)
    assert view.rows("select name from insured") == [("New",)]
    assert view.rows("select row_number, row_values ->> '$.name' from superseded") == [(2, "Old")]


def test_words_of_a_list_are_found_whatever_their_case(tmp_path: Path) -> None:
    files = {"insured.csv": "insured_id,name,role\nI1,A,SHIPPER\nI2,B,3pl\nI3,C,pirate\n"}
    result = load_files(tmp_path, files=files)
    assert result.files[0].cells_nulled == 1
    assert open_view(tmp_path).rows("select role from insured order by insured_id") == [("shipper",), ("3PL",), (None,)]
    assert open_view(tmp_path).rows("select reason from nulled_cell") == [
        ("role 'pirate' is none of: shipper, carrier, broker, 3PL, warehouse",)
    ]


def test_moments_are_stored_in_utc_and_days_never_shifted(tmp_path: Path) -> None:
    files = {
        "claim.csv": "claim_id,loss_date,reported_at\n"
        "C1,2025-07-01 23:30:00,2025-07-01 23:30:00\n"
        "C2,2025-07-01,2025-07-01T23:30:00+02:00\n"
    }
    load_files(tmp_path, files=files, top='timezone = "America/New_York"\n')
    assert open_view(tmp_path).rows("select loss_date::varchar, reported_at::varchar from claim order by claim_id") == [
        ("2025-07-01", "2025-07-02 03:30:00"),
        ("2025-07-01", "2025-07-01 21:30:00"),
    ]


def test_decimal_comma_and_grouping(tmp_path: Path) -> None:
    files = {"claim.csv": "claim_id;paid_amount;reserve_amount\nC1;1.234,50;7\n"}
    tables = '[[table]]\nname = "claim"\nfile = "claim.csv"\ndecimal = ","\n'
    load_files(tmp_path, files=files, tables=tables)
    assert open_view(tmp_path).rows("select paid_amount::varchar, reserve_amount::int from claim") == [("1234.5000", 7)]


def test_id_prefix_keeps_feeds_apart(tmp_path: Path) -> None:
    files = {"insured.csv": "insured_id,name\n1,A\n", "claim.csv": "claim_id,insured_id\n7,1\n"}
    load_files(tmp_path, files=files, top='timezone = "UTC"\nid_prefix = "x-"\n')
    assert open_view(tmp_path).rows("select claim_id, insured_id from claim") == [("x-7", "x-1")]
    assert open_view(tmp_path).rows("select count(*) from orphan") == [(0,)]


def test_ragged_rows_are_quarantined_with_their_line(tmp_path: Path) -> None:
    files = {"insured.csv": "insured_id,name\nI1,A\nI2\nI3,C,extra\nI4,D\n"}
    result = load_files(tmp_path, files=files)
    assert states(result, "insured") == (4, 2, 0, 0, 2)
    rows = open_view(tmp_path).rows("select kind, row_number from quarantine order by 2")
    assert rows == [("unreadable", 3), ("unreadable", 4)]
    assert open_view(tmp_path).rows("select insured_id, _row from insured order by 1") == [("I1", 2), ("I4", 5)]


def test_only_a_header_loads_nothing_and_is_no_error(tmp_path: Path) -> None:
    assert states(load_files(tmp_path, files={"insured.csv": "insured_id,name\n"}), "insured") == (0, 0, 0, 0, 0)


def test_personal_data_are_stored_as_a_keyed_hash_only(tmp_path: Path) -> None:
    files = {"refund.csv": "refund_id,operator_id,amount\nR1,jane.doe,5\nR2,jane.doe,-1\n"}
    load_files(tmp_path, files=files)
    view = open_view(tmp_path)
    hashed = view.rows("select operator_id from refund")[0][0]
    assert len(hashed) == 32
    assert json.loads(view.rows("select row_values from quarantine")[0][0])["operator_id"] == hashed
    key = tmp_path / "portfolio" / "personal_data.key"
    assert key.stat().st_mode & 0o777 == 0o600
    snapshot = Portfolio(tmp_path / "portfolio").current()
    assert b"jane.doe" not in (tmp_path / "portfolio" / "snapshots" / f"{snapshot}.duckdb").read_bytes()


def test_error_cells_of_a_workbook_are_listed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("Claims")
        sheet.write_row(0, 0, ["claim_id", "paid_amount", "loss_date"])
        sheet.write_row(1, 0, ["C1", 10.5, 41802])
        sheet.write(2, 0, "C2")
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    result = load_files(tmp_path, files={"claim.xlsx": buffer.getvalue()})
    assert states(result, "claim") == (2, 2, 0, 0, 0)
    view = open_view(tmp_path)
    assert view.rows("select sheet, row_number, column_name, value from nulled_cell") == [
        ("Claims", 3, "paid_amount", "#DIV/0!")
    ]
    assert view.rows("select loss_date::varchar from claim where claim_id = 'C1'") == [("2014-06-12",)]


def test_first_real_feed_takes_the_sample_out(tmp_path: Path) -> None:
    synthetic = 'currency = "USD"\ntimezone = "UTC"\nsynthetic = true\n'
    assert load_files(tmp_path, name="sample", top=synthetic).synthetic
    assert Portfolio(tmp_path / "portfolio").open().info.synthetic
    result = claims(tmp_path, "C1,I1,,,1,,\n", name="real")
    assert result.sample_removed == ("sample",)
    info = Portfolio(tmp_path / "portfolio").open().info
    assert (info.synthetic, info.feeds) == (False, ("real",))
    with pytest.raises(LanewiseError, match="holds real data"):
        load_files(tmp_path, name="sample", top=synthetic)


def test_feed_that_cannot_fill_a_required_column_publishes_nothing(tmp_path: Path) -> None:
    load_files(tmp_path)
    before = Portfolio(tmp_path / "portfolio").current()
    with pytest.raises(LanewiseError, match="nothing fills claim_id"):
        load_files(tmp_path, files={"claim.csv": "number,paid_amount\n1,2\n"}, name="bad")
    assert Portfolio(tmp_path / "portfolio").current() == before
    assert list((tmp_path / "portfolio" / "building").iterdir()) == []


def test_two_loads_at_once_are_kept_apart(tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", files={"insured.csv": FILES["insured.csv"]})
    with Folder(tmp_path / "portfolio").lock(), pytest.raises(LanewiseError, match="another load"):
        load_feed(feed, portfolio=tmp_path / "portfolio")


def test_data_date_is_the_latest_event_not_after_the_load(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,2025-03-05,,1,,\nC2,I1,2099-01-01,,1,,\n")
    assert str(Portfolio(tmp_path / "portfolio").open().info.data_date) == "2025-03-05"


def test_settings_of_the_portfolio(tmp_path: Path) -> None:
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "portfolio" / "portfolio.toml").write_text(
        'base_currency = "EUR"\nreporting_timezone = "Europe/Paris"\n'
    )
    files = {
        "claim.csv": CLAIM_HEADER + "C1,I1,2025-02-10,,100,,USD\nC2,I1,2025-02-10,,50,,EUR\nC3,I1,2025-02-10,,7,,JPY\n",
        "fx_rate.csv": "currency,on_date,rate\nUSD,2025-01-01,0.9\nUSD,2025-02-10,0.8\n",
    }
    load_files(tmp_path, files=files)
    info = Portfolio(tmp_path / "portfolio").open().info
    assert (info.base_currency, info.reporting_timezone) == ("EUR", "Europe/Paris")
    assert open_view(tmp_path).rows("select claim_id, paid_base::varchar from claim_fact order by 1") == [
        ("C1", "80.0000"),
        ("C2", "50.0000"),
        ("C3", None),
    ]
    (tmp_path / "portfolio" / "portfolio.toml").write_text("base_currency = 5\n")
    with pytest.raises(LanewiseError, match="base_currency = 5 should be text in quotes"):
        load_files(tmp_path, files=files)


def test_a_copy_of_another_feeds_row_stands_in_when_that_feed_drops_it(tmp_path: Path) -> None:
    insured = {"insured.csv": "insured_id,name\nI1,Acme\n"}
    shipment = {"shipment.csv": "shipment_id,insured_id,departed_at\nH1,I1,2025-01-01\n"}
    load_files(tmp_path, files=insured, name="a")
    assert states(load_files(tmp_path, files={**insured, **shipment}, name="b"), "insured") == (1, 0, 0, 1, 0)
    result = load_files(tmp_path, files={"insured.csv": "insured_id,name\nI2,Bolt\n"}, name="a")
    assert [(m.feed, m.table, m.rows) for m in result.returned] == [("b", "insured", 1)]
    assert result.lost == ()
    assert open_view(tmp_path).rows("select count(*) from shipment") == [(1,)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("incident.csv", "incident_id,source,loss_amount\nN1,own,500\n"),
        ("seal_event.csv", "event_id,occurred_at\nE1,2025-01-01\n"),
        ("control.csv", "control_id,measure,installed_on\nR1,seals,2025-01-01\n"),
    ],
)
def test_a_rule_holds_also_where_the_file_has_none_of_its_columns(tmp_path: Path, file: str, content: str) -> None:
    result = load_files(tmp_path, files={file: content})
    assert (result.files[0].loaded, result.files[0].quarantined) == (0, 1)


def test_numbers_of_a_workbook_keep_their_point_under_a_decimal_comma(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["claim_id", "paid_amount"])
        sheet.write_row(1, 0, ["C1", 1234.5])
        sheet.write_row(2, 0, ["C2", "1.234,50"])
    tables = '[[table]]\nname = "claim"\nfile = "claim.xlsx"\ndecimal = ","\n'
    load_files(tmp_path, files={"claim.xlsx": buffer.getvalue()}, tables=tables)
    assert open_view(tmp_path).rows("select claim_id, paid_amount::varchar from claim order by 1") == [
        ("C1", "1234.5000"),
        ("C2", "1234.5000"),
    ]


def test_the_largest_amounts_of_the_contract_load_and_add_up(tmp_path: Path) -> None:
    claims(tmp_path, "C1,I1,2025-01-01,,90000000000000,90000000000000,\nC2,I1,2025-01-01,,99999999999999.9999,,\n")
    assert open_view(tmp_path).rows("select claim_id, incurred_base::varchar from claim_fact order by 1") == [
        ("C1", "180000000000000.0000"),
        ("C2", "99999999999999.9999"),
    ]


def test_a_valuation_stays_newest_whichever_feed_says_how_conflicts_end(tmp_path: Path) -> None:
    def old() -> LoadResult:
        return claims(tmp_path, "C1,I1,,2024-01-01,10,,\n", name="old")

    old()
    first = claims(tmp_path, "C1,I1,,2025-01-01,20,,\n", name="new", tables=LATEST)
    again = old()
    assert again.content_hash == first.content_hash
    view = open_view(tmp_path)
    assert view.rows("select paid_amount::int from claim") == [(20,)]
    assert view.rows("select moved_on::varchar, paid_amount::int from claim_movement") == [("2024-01-01", 10)]


def test_latest_without_a_valuation_date_follows_the_order_of_feeds(tmp_path: Path) -> None:
    tables = '[[table]]\nname = "insured"\nfile = "insured.csv"\non_conflict = "latest"\n'
    for name, insured in (("a", "Old"), ("b", "New"), ("a", "Old")):
        load_files(tmp_path, files={"insured.csv": f"insured_id,name\nI1,{insured}\n"}, name=name, tables=tables)
    assert open_view(tmp_path).rows("select name from insured") == [("New",)]


def test_a_row_without_its_parent_does_not_hold_the_key(tmp_path: Path) -> None:
    files = {
        "site.csv": "site_id\nS1\nS2\n",
        "lane.csv": "lane_id,origin_site_id,destination_site_id\nL1,S1,S9\nL1,S1,S2\n",
    }
    result = load_files(tmp_path, files=files)
    assert states(result, "lane") == (2, 1, 0, 0, 1)
    assert open_view(tmp_path).rows("select destination_site_id from lane") == [("S2",)]
    assert reasons(tmp_path) == ["destination_site_id 'S9' is not in site"]


def test_losses_and_returns_of_one_table_are_both_named(tmp_path: Path) -> None:
    lanes = {"lane.csv": "lane_id,origin_site_id,destination_site_id\nL1,S0,S1\nL2,S0,S9\n"}
    load_files(tmp_path, files={"site.csv": "site_id\nS0\nS1\n"}, name="c")
    load_files(tmp_path, files=lanes, name="b")
    result = load_files(tmp_path, files={"site.csv": "site_id\nS0\nS9\n"}, name="c")
    assert [(m.table, m.rows) for m in result.lost] == [("lane", 1)]
    assert [(m.table, m.rows) for m in result.returned] == [("lane", 1)]


def test_a_plain_row_stands_before_a_distinct_one(tmp_path: Path) -> None:
    files = {"a.csv": "insured_id,name\nI1,ACME\nI1,Acme\nI1,Acme\n", "b.csv": "insured_id,name\nI1,Acme Corp\n"}
    tables = """[[table]]\nname = "insured"\nfile = "a.csv"\ndistinct = true\n
[[table]]\nname = "insured"\nfile = "b.csv"\n"""
    result = load_files(tmp_path, files=files, tables=tables)
    assert states(result, "insured") == (4, 1, 0, 3, 0)
    assert open_view(tmp_path).rows("select name from insured") == [("Acme Corp",)]


@pytest.mark.parametrize("top", ['currency = "EUR"\ntimezone = "UTC"\n', 'currency = "USD"\ntimezone = "Asia/Tokyo"\n'])
def test_append_with_other_settings_is_refused(tmp_path: Path, top: str) -> None:
    claims(tmp_path, "C1,I1,,,10,,\n")
    with pytest.raises(LanewiseError, match="but the rows already loaded have"):
        claims(tmp_path, "C2,I1,,,10,,\n", top=top, append=True)


def test_an_offset_in_a_written_format(tmp_path: Path) -> None:
    files = {"claim.csv": "claim_id,loss_date,reported_at\nC1,10/01/2025 23:00:00 -0500,10/01/2025 23:00:00 -0500\n"}
    tables = '[[table]]\nname = "claim"\nfile = "claim.csv"\ndateformat = "%d/%m/%Y %H:%M:%S %z"\n'
    load_files(tmp_path, files=files, tables=tables, top='timezone = "Asia/Tokyo"\n')
    assert open_view(tmp_path).rows("select loss_date::varchar, reported_at::varchar from claim") == [
        ("2025-01-10", "2025-01-11 04:00:00")
    ]


def test_a_day_without_time_stays_in_its_month(tmp_path: Path) -> None:
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "portfolio" / "portfolio.toml").write_text('reporting_timezone = "America/Los_Angeles"\n')
    files = {
        "insured.csv": "insured_id,name\nI1,A\n",
        "incident.csv": "incident_id,source,occurred_from\nN1,market,2025-02-01\n",
        "shipment.csv": "shipment_id,insured_id,departed_at\nH1,I1,2025-02-01\n",
    }
    load_files(tmp_path, files=files, top='timezone = "America/New_York"\n')
    assert open_view(tmp_path).rows("select month::varchar from incident_fact") == [("2025-02-01",)]
    assert open_view(tmp_path).rows("select month::varchar from shipment_fact") == [("2025-02-01",)]


@pytest.mark.parametrize("setting", ['reporting_timezone = "Nowhere/Land"', 'base_currency = "usd"'])
def test_wrong_settings_of_the_portfolio_are_refused(tmp_path: Path, setting: str) -> None:
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "portfolio" / "portfolio.toml").write_text(setting + "\n")
    with pytest.raises(LanewiseError, match=setting.split(" ", 1)[0]):
        load_files(tmp_path)


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "portfolio").mkdir()
    (tmp_path / "portfolio" / "personal_data.key").write_text("")
    with pytest.raises(LanewiseError, match="the key for personal data is damaged"):
        load_files(tmp_path, files={"refund.csv": "refund_id,operator_id\nR1,bob\n"})


def test_a_where_that_is_no_condition_is_refused(tmp_path: Path) -> None:
    tables = '[[table]]\nname = "claim"\nfile = "claim.csv"\nwhere = "claim_id"\n'
    with pytest.raises(LanewiseError, match="gives varchar, not true or false"):
        claims(tmp_path, "C1,I1,,,1,,\n", tables=tables)


def test_cells_that_differ_only_in_being_bad_are_no_copies(tmp_path: Path) -> None:
    result = claims(tmp_path, "C1,I1,,,1O0,,\nC1,I1,,,2OO,,\n")
    # Their typed content is the same, so the second is a copy of what is loaded, but both cells are told apart by row.
    assert states(result, "claim") == (2, 1, 0, 1, 0)
    assert open_view(tmp_path).rows("select row_number, value from nulled_cell") == [(2, "1O0")]
