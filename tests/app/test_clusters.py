"""Clusters on a page: the sentence, the table, which lanes light up, and what a scoped person reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.cluster_view import cluster_layers
from pages.shared.palette import LIGHT
from tests.analysis.books import load_book
from tests.analysis.test_clusters import MAPS, goods, lost
from tests.app.conftest import texts


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six thefts on each of six lanes of one hub, one on each of eight of another."""
    folder = tmp_path_factory.mktemp("clusters")
    load_book(folder, goods=goods(), lost=lost(6, 1), more=MAPS)
    return folder / "portfolio"


PAGE = """
from pathlib import Path

import streamlit as st

from analysis.choices import find_choices
from analysis.filters import Filters, Scope
from data.portfolio import Portfolio
from pages.shared.cluster_view import show_clusters
from pages.shared.context import Context, set_context

snapshot = Portfolio(Path({folder!r})).open()
scope, filters = Scope({insureds!r}), Filters(lane={lane!r})
view = snapshot.view(scope, filters)
here = Context(snapshot, view, None, filters, "period", scope, "", find_choices(view), {{}})
set_context(here)
st.text("lit: " + ", ".join(show_clusters(here)))
"""


def opened(book: Path, *insureds: str, lane: tuple[str, ...] = ()) -> AppTest:
    script = PAGE.format(folder=str(book), insureds=frozenset(insureds) or None, lane=lane)
    return AppTest.from_string(script, default_timeout=60).run()


def test_the_page_says_what_stands_out_and_lights_it_up(book: Path) -> None:
    app = opened(book)
    assert not app.exception
    words = texts(app).replace("\\", "")
    assert "Six lanes at North hub together had 36 thefts where 18.9 were expected" in words
    assert "at most 1 of 1,000 books" in words
    assert "against 999 books drawn by chance (seed 1)" in words
    assert app.text[0].value == "lit: N1, N2, N3, N4, N5, N6"
    (table,) = app.dataframe
    assert table.value["who"].tolist() == ["Six lanes at North hub"]
    assert table.value["p_value"].tolist() == [0.001]


def test_a_picked_lane_does_not_narrow_the_clusters(book: Path) -> None:
    assert opened(book, lane=("S1",)).text[0].value == "lit: N1, N2, N3, N4, N5, N6"


def test_a_scoped_person_reads_which_clusters_may_be_seen(book: Path) -> None:
    words = texts(opened(book, "I2"))
    assert "behind which at least 5 insureds stand" in words
    assert "books drawn by chance (seed" not in words


def test_the_band_lies_under_lanes_whose_places_are_known() -> None:
    lanes = pd.DataFrame(
        {
            "place": ["N2", "N1", "S1", "N3"],
            "origin_latitude": [41.9, 41.9, 29.8, None],
            "origin_longitude": [-87.6, -87.6, -95.4, -87.6],
            "destination_latitude": [42.2, 42.1, 30.1, 42.3],
            "destination_longitude": [-87.0] * 4,
        }
    )
    (layer,) = cluster_layers(lanes, members=("N1", "N2", "N3"), ink=LIGHT)
    assert layer.id == "cluster"
    assert [row["path"][-1] for row in layer.data] == [
        pytest.approx([-87.0, 42.1], abs=1e-6),
        pytest.approx([-87.0, 42.2], abs=1e-6),
    ]
