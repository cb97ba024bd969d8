"""The Hotspots page, run through the shell on small portfolios."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.narrowing import clicked
from tests.conftest import ROOT
from tests.portfolios import FILES, load_files

SHELL = str(ROOT / "pages" / "shared" / "shell.py")
HOTSPOTS = "../portfolio/hotspots.py"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    load_files(folder)
    return folder


@pytest.fixture
def page(root, monkeypatch):
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(root / "portfolio"))
    monkeypatch.delenv("LANEWISE_INSUREDS", raising=False)

    def open_page(**query):
        at = AppTest.from_file(SHELL, default_timeout=60)
        at.query_params["to"] = "2025-03"  # it opens on months that all kinds of events reach
        for name, value in query.items():
            at.query_params[name.replace("_", "-")] = value
        return at.switch_page(HOTSPOTS).run()

    return open_page


def cards(at):
    return {metric.label.split(" :gray")[0]: metric.value for metric in at.metric}


def texts(at):
    return " ".join(element.value for element in [*at.markdown, *at.caption])


def layer_ids(at):
    (deck,) = at.get("deck_gl_json_chart")
    return [layer["id"] for layer in json.loads(deck.proto.json)["layers"]]


def test_the_page_answers_its_question(page):
    at = page()
    assert not at.exception
    assert at.title[0].value == "Hotspots"
    assert "Where does loss happen" in texts(at)
    assert cards(at)["Own thefts"] == "1"
    assert cards(at)["Loss amount"].replace("\xa0", " ") == "USD 1.5k"
    assert cards(at)["Claims"] == "2"
    assert "the only area with any" in texts(at)


def test_every_picture_says_what_it_shows_to_a_screen_reader(page):
    at = page()
    drawn = [*at.get("plotly_chart"), *at.get("deck_gl_json_chart")]
    assert len(drawn) >= 3
    assert all(element.proto.alt for element in drawn)


def test_a_link_restores_measure_unit_and_selection(page):
    at = page(hotspots_measure="Claims", hotspots_site="Atlanta hub")
    assert not at.exception
    assert at.selectbox(key="hotspots-measure").value == "claims"
    assert at.selectbox(key="hotspots-site").value == "S2"
    assert cards(at)["Claims"] == "1"
    assert "sites" in layer_ids(at)


def test_what_is_picked_is_let_go_by_its_button(page):
    at = page(hotspots_measure="Claims", hotspots_site="Atlanta hub")
    at.button(key="hotspots-release-site").click().run()
    assert not at.exception
    assert at.selectbox(key="hotspots-site").value is None
    assert cards(at)["Claims"] == "2"


def test_a_picked_category_narrows_what_has_one_and_leaves_out_what_has_none(page):
    at = page(hotspots_category="attempt")
    assert not at.exception
    assert cards(at)["Own thefts"] == "0"
    assert "Claims" not in cards(at)
    assert "claims have no category" in texts(at)
    at = page(hotspots_category="attempt", hotspots_measure="Claims")
    assert "Claims have no category" in texts(at)


def test_layers_are_drawn_as_switched(page):
    at = page(hotspots_measure="Own thefts")
    assert {"cells"} <= set(layer_ids(at))
    pills = next(one for one in at.get("pills") if one.key and one.key.startswith("hotspots-layers"))
    pills.set_value(["cell", "point"]).run()
    assert not at.exception
    assert {"cells", "points"} <= set(layer_ids(at))


@pytest.mark.parametrize(
    "measure", ["Own thefts", "Loss amount", "Claims", "Paid amount", "Shipments", "Value moved", "Market incidents"]
)
def test_every_measure_is_shown_without_an_error(page, measure):
    at = page(hotspots_measure=measure)
    assert not at.exception
    assert not at.error
    assert len(at.get("deck_gl_json_chart")) == 1


def test_market_incidents_are_called_context(page):
    assert "they are not losses of this book" in texts(page(hotspots_measure="Market incidents"))


def test_an_empty_selection_is_a_state_of_its_own(page):
    at = page(hotspots_measure="Claims", hotspots_month="Jan 2025")
    assert not at.exception
    assert "No claims in this selection" in texts(at)


def test_nonsense_in_a_link_is_ignored(page):
    at = page(hotspots_measure="x' or 1=1", hotspots_cell="nowhere", hotspots_hour="99", hotspots_site="S9")
    assert not at.exception
    assert cards(at)["Own thefts"] == "1"


def test_the_rows_behind_a_number_can_be_opened(page):
    at = page(hotspots_measure="Claims", hotspots_rows="true")
    assert not at.exception
    assert "2 rows behind claims" in texts(at)
    assert at.dataframe[-1].value["claim_id"].tolist() == ["C2", "C1"]


@pytest.mark.parametrize(
    ("files", "card", "lead"),
    [
        (("insured.csv", "site.csv", "claim.csv"), "Claims", "No shipments are loaded"),
        (("insured.csv", "site.csv", "lane.csv", "shipment.csv"), "Value moved", "Dallas hub → Atlanta hub"),
    ],
)
def test_a_portfolio_that_lacks_tables_still_has_its_page(tmp_path, monkeypatch, files, card, lead):
    load_files(tmp_path, files={name: FILES[name] for name in files})
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(tmp_path / "portfolio"))
    at = AppTest.from_file(SHELL, default_timeout=60).switch_page(HOTSPOTS).run()
    assert not at.exception
    assert card in cards(at)
    assert "Own thefts" not in cards(at)
    assert lead in texts(at)


def test_only_places_are_a_designed_state(tmp_path, monkeypatch):
    load_files(tmp_path, files={"site.csv": FILES["site.csv"]})
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(tmp_path / "portfolio"))
    at = AppTest.from_file(SHELL, default_timeout=60).switch_page(HOTSPOTS).run()
    assert not at.exception
    assert "This portfolio has no table" in texts(at)


def test_a_scoped_person_sees_their_own_thefts(root, monkeypatch):
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(root / "portfolio"))
    monkeypatch.setenv("LANEWISE_INSUREDS", "I2")
    at = AppTest.from_file(SHELL, default_timeout=60)
    at.query_params["to"] = "2025-03"
    at.switch_page(HOTSPOTS).run()
    assert not at.exception
    assert cards(at)["Own thefts"] == "0"
    assert cards(at)["Claims"] == "1"


def test_a_click_gives_the_custom_data_of_its_mark():
    assert clicked([{"customdata": ["theft"], "point_index": 3}]) == ["theft"]
    assert clicked([]) is None
    assert clicked([{"point_index": 3}]) is None
