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


def test_months_the_wrong_way_round_are_put_right(open_app: Open) -> None:
    app = open_app(from_="2024-05", to="2023-11")
    assert "**Nov 2023 – May 2024**" in texts(app)


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


def test_a_synthetic_portfolio_says_so(open_app: Open, tmp_path: Path) -> None:
    load(write_feed(tmp_path / "feed", synthetic=True), portfolio=tmp_path / "portfolio")
    assert "Synthetic data" in open_app(portfolio=tmp_path / "portfolio").warning[0].value
    assert not open_app().warning


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
