"""The Data page: what became of every row, to read and to take away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import Open, texts
from tests.small_portfolio import load

PAGE = "../admin/data.py"


def open_section(app: AppTest, name: str) -> AppTest:
    tabs = next(label for label in (tab.label for tab in app.tabs) if label.startswith(name))
    app.session_state["data-section"] = tabs
    return app.run()


def test_every_row_is_accounted_for_in_one_sentence(open_app: Open) -> None:
    app = open_app(PAGE)
    assert not app.exception
    assert [(card.label, card.value) for card in app.metric] == [
        ("Files", "6"),
        ("Rows in files", "70"),
        ("Rows in tables", "69"),
        ("Rows quarantined", "1"),
        ("Cells emptied", "1"),
        ("References not found", "1"),
    ]
    assert "70 rows in 6 files = 69 loaded + 0 left out + 0 folded + 1 quarantined" in app.warning[0].value
    assert "**the whole portfolio**" in texts(app)


def test_a_file_that_fills_two_tables_is_not_counted_as_twice_its_rows(open_app: Open, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "claims.csv").write_text("claim_id,insured_id,name,loss_date\nC1,A,Acme,2024-01-01\nC2,A,Acme,2024-01-02\n")
    (feed / "feed.toml").write_text(
        'name = "two"\ncurrency = "USD"\ntimezone = "UTC"\n'
        '[[table]]\nname = "insured"\nfile = "claims.csv"\ndistinct = true\n'
        '[[table]]\nname = "claim"\nfile = "claims.csv"\n'
    )
    load(feed, portfolio=tmp_path / "portfolio")
    app = open_app(PAGE, portfolio=tmp_path / "portfolio")
    cards = {card.label: card.value for card in app.metric}
    assert (cards["Files"], cards["Rows in files"], cards["Rows in tables"]) == ("1", "2", "3")
    assert (
        "2 rows in 1 file, from which the feeds fill several tables: 4 rows read over all of these"
        " = 3 loaded + 0 left out + 1 folded + 0 quarantined"
    ) in app.success[0].value


def test_a_download_has_every_row_of_which_the_first_are_listed(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "claim.csv").write_text("claim_id,insured_id,loss_date\n" + ",A,2024-01-01\n" * 1_203)
    (feed / "insured.csv").write_text("insured_id,name\nA,Acme\n")
    (feed / "feed.toml").write_text(
        'name = "bad"\ncurrency = "USD"\ntimezone = "UTC"\n'
        '[[table]]\nname = "insured"\nfile = "insured.csv"\n[[table]]\nname = "claim"\nfile = "claim.csv"\n'
    )
    load(feed, portfolio=tmp_path / "portfolio")
    saved: list[bytes] = []

    def save(_: str, content: Callable[[], bytes], **options: object) -> None:
        if options["key"] == "data-quarantine-save-csv-Quarantine":
            saved.append(content())

    monkeypatch.setattr("streamlit.download_button", save)
    app = open_section(open_app(PAGE, portfolio=tmp_path / "portfolio"), "Quarantine")
    assert "1,203 rows; the first 1,000 are listed, a download has all" in texts(app)
    assert len(app.dataframe[1].value) == 1_000
    assert len(saved[-1].decode().strip().splitlines()) == 1_204


def test_files_reconcile_row_by_row(open_app: Open) -> None:
    frame = open_app(PAGE).dataframe[0].value
    claims = frame[frame["table_name"] == "claim"].iloc[0]
    assert (claims["read_rows"], claims["loaded_rows"], claims["quarantined_rows"]) == (5, 4, 1)
    parts = frame[["loaded_rows", "left_out_rows", "folded_rows", "quarantined_rows"]].sum(axis=1)
    assert (frame["read_rows"] == parts).all()


def test_money_reconciles_by_column_and_currency(open_app: Open) -> None:
    frame = open_section(open_app(PAGE), "Money").dataframe[0].value
    paid = frame[frame["column_name"] == "paid_amount"].iloc[0]
    assert (paid["read_sum"], paid["loaded_sum"], paid["quarantined_sum"]) == (95369.5, 95270.5, 99.0)
    assert paid["currency"] == "USD"


def test_a_quarantined_row_is_shown_with_its_reason_and_content(open_app: Open) -> None:
    app = open_section(open_app(PAGE), "Quarantine")
    row = app.dataframe[1].value.iloc[0]
    assert (row["file"], row["row_number"], row["reasons"]) == ("claims.csv", 6, "claim_id is missing")
    assert '"loss_date":"2024-03-03"' in row["row_values"]


def test_an_emptied_cell_is_shown_with_its_value(open_app: Open) -> None:
    app = open_section(open_app(PAGE), "Cells emptied")
    row = app.dataframe[1].value.iloc[0]
    assert (row["column_name"], row["value"], row["row_number"]) == ("loss_date", "2024-02-30", 5)
    app.multiselect("data-emptied-column_name").set_value(["loss_date"]).run()
    assert len(app.dataframe[1].value) == 1


def test_a_reference_that_leads_nowhere_is_listed(open_app: Open) -> None:
    row = open_section(open_app(PAGE), "Not found").dataframe[0].value.iloc[0]
    assert (row["value"], row["parent_table"], row["row_count"]) == ("S209999XX", "shipment", 1)


def test_a_feed_shows_how_it_was_described(open_app: Open) -> None:
    assert 'name = "small"' in open_section(open_app(PAGE), "Feeds").code[0].value


def test_the_dictionary_has_every_column_with_its_meaning(open_app: Open) -> None:
    frame = open_section(open_app(PAGE), "Dictionary").dataframe[0].value
    assert set(frame["table"]) >= {"incident", "claim", "shipment", "fx_rate"}
    assert (frame["meaning"].str.len() > 0).all()
    assert frame[frame["table"] == "claim"]["rows"].iloc[0] == 4


def test_a_snapshot_is_opened_from_the_list(open_app: Open, small_portfolio: Path) -> None:
    current = (small_portfolio / "current").read_text(encoding="utf-8").strip()
    app = open_section(open_app(PAGE), "Snapshots")
    assert app.button(f"data-open-{current}").disabled
    assert "shown, newest" in texts(app)


def test_a_scoped_person_is_told_that_bookkeeping_is_hidden(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "A1")
    app = open_app(PAGE)
    assert app.info[0].value.startswith("You see part of this portfolio.")
    assert not app.metric
    assert "claims.csv" not in texts(app)
    assert "rows" not in app.dataframe[0].value.columns
