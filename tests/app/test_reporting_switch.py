"""The switch of the Hotspots page between rates as reported and adjusted rates: what it changes, says and keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.adjusted_verdicts import adjust
from analysis.export import ExportColumn
from analysis.filters import Filters, Scope
from analysis.under_reporting import ASSUMED, Reporting
from analysis.verdicts import ranked_verdicts
from data.portfolio import Portfolio
from pages.shared.reporting_switch import adjusted_columns, default_words, provenance_lines
from tests.analysis.books import load_book, shipments, thefts
from tests.app.conftest import Open, texts

LINK = {"hotspots-rates": "Adjusted"}
STAY = "Verdicts are as published, on reported thefts"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is robbed and shared by seven insureds, L2 is busy and ordinary."""
    folder = tmp_path_factory.mktemp("reporting")
    shared = [shipments(60, lane="L1", month="2025-03", insured=f"I{n}") for n in range(1, 8)]
    lost = [
        thefts(20, lane="L1", month="2025-03", insured="I2"),
        thefts(20, lane="L1", month="2025-03", insured="I3", loss=""),
        thefts(20, lane="L2", month="2025-03"),
    ]
    load_book(folder, goods=[*shared, shipments(900, lane="L2", month="2025-03")], lost=lost)
    return folder / "portfolio"


def plain(app) -> str:
    return texts(app).replace("\\", "")


def cards(app):
    return {metric.label.split(" :gray")[0]: metric.value for metric in app.metric}


def ranking(app) -> pd.DataFrame:
    return app.dataframe[0].value.set_index("place")


def test_the_page_opens_as_reported_and_says_nothing_of_an_assumption(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book)
    assert not app.exception
    assert "Assumed, not measured" not in texts(app)
    assert cards(app)["Line-haul frequency"] == "45.5"


def test_a_link_opens_adjusted_rates_with_the_assumption_in_sight(open_app: Open, book: Path) -> None:
    reported, adjusted = ranking(open_app(portfolio=book)), open_app(portfolio=book, **LINK)
    assert not adjusted.exception
    words = plain(adjusted)
    assert "Assumed, not measured: 75% of thefts are reported (90% sure: 60–90%)" in words
    assert STAY in words
    # 45.5 x the mean of 1 / share, which is 1.355.
    assert cards(adjusted)["Line-haul frequency"] == "61.6"
    assert cards(adjusted)["Own thefts"] == cards(open_app(portfolio=book))["Own thefts"]
    table = ranking(adjusted)
    for name in ("verdict", "observed", "probability", "weight"):
        assert table[name].tolist() == reported[name].tolist()
    # Where all report alike the estimate stays and its interval widens.
    second = "Houston hub → Savannah port"
    assert (reported.loc[second, "ratio"], table.loc[second, "ratio"]) == ("0.52 (0.35–0.71)", "0.52 (0.35–0.74)")
    # 20 of 60 thefts have no value: (40 + 20 x 0.8) / 60 of the loss, 1.355 times as often.
    first = "Dallas hub → Atlanta hub"
    assert table.loc[first, "excess_loss"] == pytest.approx(
        reported.loc[first, "excess_loss"] * 1.3553 * 56 / 60, rel=0.02
    )


def test_the_map_says_which_rates_it_shows(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, **LINK)
    (deck,) = app.get("deck_gl_json_chart")
    layers = {layer["id"]: layer for layer in json.loads(deck.proto.json)["layers"]}
    assert all("adjusted: " in row["shown"] for row in layers["lanes"]["data"])


def test_numbers_of_a_link_are_the_assumption(open_app: Open, book: Path) -> None:
    app = open_app(
        portfolio=book,
        **LINK,
        **{"hotspots-reported-share": "50", "hotspots-reported-margin": "0", "hotspots-place-margin": "0"},
        **{"hotspots-unvalued-factor": "1.0", "hotspots-unvalued-margin": "0.0"},
    )
    assert not app.exception
    assert "50% of thefts are reported; " in plain(app)
    assert cards(app)["Line-haul frequency"] == "90.9"


def test_numbers_edited_in_place_show_at_once_and_go_back(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, **LINK)
    app.number_input(key="hotspots-reported-share").set_value(60).run()
    assert "60% of thefts are reported (90% sure: 45–75%)" in plain(app)
    app.button(key="hotspots-rates-reset").click().run()
    assert "75% of thefts are reported" in plain(app)


def test_a_margin_that_leaves_100_percent_is_cut_and_said(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, **LINK)
    app.number_input(key="hotspots-reported-share").set_value(95).run()
    assert not app.exception
    assert "A share of 95% leaves room for 5 points: cut to that." in plain(app)
    assert "95% of thefts are reported (90% sure: 90–100%), of single places 5 points more or less" in plain(app)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hotspots-reported-share", "7", "thefts reported '7'"),
        ("hotspots-reported-share", "most", "thefts reported 'most'"),
        ("hotspots-unvalued-factor", "nan", "loss of one without a value 'nan'"),
        ("hotspots-deductible-multiple", "4 × deductible", "small is under '4 × deductible'"),
    ],
)
def test_what_cannot_be_in_a_link_gives_the_default_and_a_note(
    open_app: Open, book: Path, name: str, text: str, said: str
) -> None:
    app = open_app(portfolio=book, **LINK, **{name: text})
    assert not app.exception
    assert f"No such assumption, so the default is shown: {said}." in plain(app)
    assert "75% of thefts are reported (90% sure: 60–90%)" in plain(app)
    assert "costs 0.8 times one with" in plain(app)
    app.button(key="hotspots-rates-dismiss").click().run()
    assert "No such assumption" not in plain(app)


def test_a_switch_that_does_not_exist_shows_reported_rates_with_a_note(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, **{"hotspots-rates": "Guessed"})
    assert not app.exception
    assert "so the default is shown: rates 'Guessed'." in plain(app)
    assert cards(app)["Line-haul frequency"] == "45.5"


@pytest.mark.parametrize("level", ["Verdicts by corridor", "Verdicts by site"])
def test_every_level_has_adjusted_rates(open_app: Open, book: Path, level: str) -> None:
    app = open_app(portfolio=book, **LINK, **{"hotspots-level": level})
    assert not app.exception
    assert STAY in plain(app)


def test_a_scoped_person_may_adjust_too(open_app: Open, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "I1")
    app = open_app(portfolio=book, **LINK)
    assert not app.exception
    table = ranking(app)
    assert table.loc["Dallas hub → Atlanta hub", "verdict"] == "▲ hotspot"
    assert "excess_loss" not in table


def test_a_default_stands_beside_its_field() -> None:
    assert [default_words(name) for name in ASSUMED] == [
        "75%",
        "15 points",
        "10 points",
        "3 ×",
        "50%",
        "0.8 ×",
        "0.3 ×",
    ]


def test_an_export_says_what_it_holds() -> None:
    assert provenance_lines(None) == ()
    ((label, words),) = provenance_lines(Reporting())
    assert label == "Rates"
    assert words.startswith("Adjusted for under-reporting. Assumed, not measured: 75% of thefts are reported")
    assert words.endswith(f"{STAY}.")


def test_adjusted_columns_are_named_so_and_published_ones_say_so() -> None:
    columns = [ExportColumn("ratio", "Shrunken ratio", format="ratio"), ExportColumn("probability", "P(ratio > 1.5)")]
    assert adjusted_columns(columns, frame=pd.DataFrame({"ratio": [1.0]})) == columns
    found = adjusted_columns(columns, frame=pd.DataFrame({"ratio": [1.0], "reported_share": [0.7]}))
    assert [one.label for one in found] == [
        "Shrunken ratio, adjusted", "P(ratio > 1.5)", "P(ratio > 1.5), adjusted", "Share reported, assumed",
    ]  # fmt: skip
    assert found[1].definition == "As published, on reported thefts."


@pytest.mark.parametrize("level", ["lane", "corridor", "site"])
def test_no_interval_of_the_sample_is_narrower_adjusted_than_as_reported(sample: Path, level: str) -> None:
    view = Portfolio(sample).view(Scope(), Filters())
    published = ranked_verdicts(view, level=level)
    rows = published.frame.merge(
        adjust(published, view=view, reporting=Reporting()).frame, on=["place", "segment"], suffixes=("", "_adjusted")
    )
    assert len(rows) == len(published.frame) > 50
    wider = (rows["high_adjusted"] - rows["low_adjusted"]) - (rows["high"] - rows["low"])
    assert wider.min() > -1e-9
    assert wider.max() > 0
