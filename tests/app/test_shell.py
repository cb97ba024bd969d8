"""The frame around every page: link, scope, snapshot, and what is said when something is wrong."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from data.errors import LanewiseError
from tests.app.conftest import Open, texts
from tests.small_portfolio import load, write_feed


def test_an_empty_portfolio_says_how_to_load_one(open_app: Open, tmp_path: Path) -> None:
    app = open_app(portfolio=tmp_path / "nothing")
    assert [title.value for title in app.title] == ["Welcome to Lanewise"]
    code = [block.value for block in app.code]
    assert ".venv/bin/python -m data load path/to/the/folder" in code
    assert any("[[table]]" in block and "[table.columns]" in block for block in code)
    assert not app.multiselect


def test_it_opens_on_the_last_twelve_months_and_says_what_is_shown(open_app: Open) -> None:
    app = open_app()
    assert not app.exception
    assert (app.selectbox("from").value, app.selectbox("to").value) == ("2024-01", "2024-12")
    line = next(caption.value for caption in app.caption if "snapshot" in caption.value)
    assert line.startswith(
        "**Jan 2024 – Dec 2024** vs Jan 2023 – Dec 2023 · 7 incidents, 3 claims, 24 shipments · USD · "
    )
    assert "data as of 31 Jan 2025" in line
    assert "no filters" in line


def test_a_link_restores_what_it_names_by_name_by_id_and_by_iso_month(open_app: Open) -> None:
    app = open_app(from_="2023-02", to="Mar 2024", compare="year before", insured="Acme Freight", lane=["L1"])
    assert (app.selectbox("from").value, app.selectbox("to").value) == ("2023-02", "2024-03")
    assert app.multiselect("insured").value == ["A1"]
    assert app.multiselect("lane").value == ["L1"]
    assert "Insured\\: Acme Freight" in texts(app)
    assert not app.warning


@pytest.mark.parametrize(
    ("link", "shown", "said"),
    [
        (
            {"from_": "2019-01", "to": "2019-03"},
            ("2024-01", "2024-12"),
            (
                "Nothing is dated in the period asked for, Jan 2019 – Mar 2019: the data run from Jan 2023 "
                "to Dec 2024. Shown instead: Jan 2024 – Dec 2024."
            ),
        ),
        (
            {"from_": "2019-01", "to": "Mar 2024"},
            ("2023-01", "2024-03"),
            (
                "Of the period asked for, Jan 2019 – Mar 2024, the data run from Jan 2023 to Dec 2024. "
                "Shown: Jan 2023 – Mar 2024."
            ),
        ),
    ],
)
def test_a_link_to_a_period_beyond_the_data_says_what_is_shown(
    open_app: Open, link: dict[str, str], shown: tuple[str, str], said: str
) -> None:
    app = open_app(**link)
    assert not app.exception
    assert (app.selectbox("from").value, app.selectbox("to").value) == shown
    assert [warning.value for warning in app.warning] == [said]


def test_what_a_link_cannot_name_is_ignored_and_said(open_app: Open) -> None:
    app = open_app(from_="2024-13", lane=["L1", "L9"], insured="'; drop table claim; --", mode="<b>x</b>")
    assert not app.exception
    assert app.multiselect("lane").value == ["L1"]
    assert app.multiselect("insured").value == []
    assert app.selectbox("from").value == "2024-01"
    (note,) = (warning.value for warning in app.warning)
    assert note.startswith("Not in this portfolio, so ignored: `from '2024-13'`")
    assert "lane 'L9'" in note
    assert "drop table" in note
    app.button[0].click() if app.button[0].label == "Dismiss" else next(
        b for b in app.button if b.label == "Dismiss"
    ).click()
    app.run()
    assert not app.warning


@pytest.mark.parametrize("link", [{"from_": "2024-05", "to": "2023-11"}, {"from_": "May 2024", "to": "Nov 2023"}])
def test_months_the_wrong_way_round_are_put_right_and_it_is_said(open_app: Open, link: dict[str, str]) -> None:
    app = open_app(**link)
    assert "**Nov 2023 – May 2024**" in texts(app)
    assert (app.selectbox("from").value, app.selectbox("to").value) == ("2023-11", "2024-05")
    (note,) = (warning.value for warning in app.warning)
    assert note == ("The period asked for, May 2024 to Nov 2023, ends before it begins: the months were put in order.")


def test_a_beginning_past_the_opening_end_is_put_in_order_too(open_app: Open) -> None:
    app = open_app(to="2023-02")
    assert "**Feb 2023 – Jan 2024**" in texts(app)
    assert "Jan 2024 to Feb 2023, ends before it begins" in app.warning[0].value


def test_a_beginning_picked_after_the_end_is_put_in_order_and_said_once(open_app: Open) -> None:
    app = open_app(from_="2024-01", to="2024-03")
    assert not app.warning
    app.selectbox("from").set_value("2024-06").run()
    app.selectbox("from").set_value("2024-09").run()
    assert (app.selectbox("from").value, app.selectbox("to").value) == ("2024-06", "2024-09")
    (note,) = (warning.value for warning in app.warning)
    assert note.count("Sep 2024 to Jun 2024") == 1
    assert note.count("The period asked for") == 1


def test_what_no_period_and_no_sum_shows_is_said_where_it_is_seen(open_app: Open, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed")
    (feed / "claims.csv").write_text(
        "claim_id,insured_id,loss_date,paid_amount,currency\n"
        "C1,A1,2024-01-11,100,USD\nC2,A1,2024-02-11,2500,EUR\nC3,B2,2024-02-12,700,GBP\nC4,B2,,5,USD\n"
    )
    load(feed, portfolio=tmp_path / "portfolio")
    app = open_app(portfolio=tmp_path / "portfolio")
    line = next(caption.value for caption in app.caption if "snapshot" in caption.value)
    assert "3 claims" in line
    assert "1 claim without a date, in no period" in line
    apart = next(text.value for text in app.markdown if "In no amount" in text.value)
    assert apart.replace("\u00a0", " ").endswith(
        "**In no amount on this page**, as no rate of exchange to USD is loaded for it: "
        "paid amount EUR 2.5k, GBP 700; incurred amount EUR 2.5k, GBP 700"
    )
    app.multiselect("insured").set_value(["A1"]).run()
    assert "without a date" not in texts(app)
    assert "GBP" not in texts(app)
    assert "EUR" in texts(app)
    assert "In no amount" not in texts(open_app())


def test_a_preset_sets_both_months(open_app: Open) -> None:
    app = open_app()
    app.segmented_control("period-preset").set_value("All").run()
    assert (app.selectbox("from").value, app.selectbox("to").value) == ("2023-01", "2024-12")
    line = next(caption.value for caption in app.caption if "snapshot" in caption.value)
    assert "10 incidents" in line
    assert " vs " not in line


def test_a_scope_shows_its_own_and_tells_nothing_of_others(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", " A1 , ")
    app = open_app(insured="B2", lane="L2", from_="2023-01")
    assert app.multiselect("insured").options == ["Acme Freight"]
    assert app.multiselect("lane").options == ["Memphis hub → Dallas hub"]
    assert "6 incidents, 2 claims, 24 shipments" in texts(app)
    assert "Bolt" not in texts(app)
    (foreign,) = (warning.value for warning in app.warning)
    unknown = next(w.value for w in open_app(insured="ZZ", lane="L7", from_="2023-01").warning)
    assert foreign == unknown.replace("ZZ", "B2").replace("L7", "L2")


@pytest.mark.parametrize("setting", ["", " , "])
def test_a_scope_of_nobody_shows_nothing(open_app: Open, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", setting)
    app = open_app()
    assert "LANEWISE\\_INSUREDS is set but names no insured" in app.error[0].value
    assert not app.metric
    assert not app.multiselect


def test_a_newer_snapshot_is_announced_and_shown_on_request(
    open_app: Open, small_portfolio: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_portfolio, tmp_path / "portfolio")
    app = open_app(portfolio=tmp_path / "portfolio")
    begun = next(caption.value for caption in app.caption if "snapshot" in caption.value)
    load(write_feed(tmp_path / "feed"), portfolio=tmp_path / "portfolio")
    app.run()
    assert app.info[0].value == "A newer snapshot has been published since you opened this one."
    assert begun in [caption.value for caption in app.caption]
    app.button("show-newest").click().run()
    assert not app.info
    assert begun not in [caption.value for caption in app.caption]


def test_an_older_snapshot_opens_by_its_link(open_app: Open, small_portfolio: Path, tmp_path: Path) -> None:
    shutil.copytree(small_portfolio, tmp_path / "portfolio")
    older = (tmp_path / "portfolio" / "current").read_text(encoding="utf-8").strip()
    load(write_feed(tmp_path / "feed"), portfolio=tmp_path / "portfolio")
    app = open_app(portfolio=tmp_path / "portfolio", snapshot=older)
    assert f"snapshot {older}" in texts(app)
    assert app.info[0].value == f"This is an older snapshot, {older}."
    app.button("show-newest").click().run()
    assert f"snapshot {older}" not in texts(app)


def test_a_snapshot_that_is_gone_is_said(open_app: Open) -> None:
    app = open_app(snapshot="20200101T000000Z-abcdef")
    assert "is not kept" in app.info[0].value
    assert app.metric


@pytest.mark.parametrize("page", ["", "../admin/data.py", "../admin/glossary.py"])
def test_a_synthetic_portfolio_says_so_on_every_page(open_app: Open, tmp_path: Path, page: str) -> None:
    load(write_feed(tmp_path / "feed", synthetic=True), portfolio=tmp_path / "portfolio")
    assert "**Synthetic data**" in texts(open_app(page, portfolio=tmp_path / "portfolio"))
    assert "Synthetic data" not in texts(open_app(page))


def test_what_a_person_can_put_right_is_shown_in_its_words(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise LanewiseError("the disk is *full*", where="portfolio", hint="Make room.")

    monkeypatch.setattr("analysis.choices.find_choices", fail)
    app = open_app()
    assert app.error[0].value == "portfolio\\: the disk is \\*full\\*. Make room."
    assert not app.exception


def test_anything_else_is_logged_under_an_id_to_quote(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        message = "secret detail"
        raise RuntimeError(message)

    monkeypatch.setattr("analysis.choices.find_choices", fail)
    with caplog.at_level(logging.ERROR, logger="lanewise"):
        app = open_app()
    assert not app.exception
    assert "secret detail" not in texts(app)
    error_id = app.error[0].value.split("**")[1]
    assert f"error {error_id}" in caplog.text
    assert "secret detail" in caplog.text


def test_a_name_is_kept_for_the_session(open_app: Open) -> None:
    app = open_app()
    app.text_input("viewer-name").set_value("  Ada Lovelace ").run()
    assert app.session_state["lanewise-context"].who == "Ada Lovelace"
