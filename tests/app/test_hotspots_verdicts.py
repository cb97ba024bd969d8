"""The Hotspots page where the book has exposure: verdicts first, counts beside, and what a scoped person sees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.verdicts import RankedVerdicts, Span
from pages.shared.funnel_chart import funnel_chart
from pages.shared.palette import DARK, LIGHT
from pages.shared.verdict_map import places_drawn
from pages.shared.verdict_words import LOOKS, ratio_classes, verdict_colour, verdict_legend, verdict_words
from tests.analysis.books import load_book, shipments, thefts
from tests.app.conftest import Open, texts


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is robbed, L2 is busy and ordinary, L3 has next to no traffic; seven insureds share L1, I1 has the rest."""
    folder = tmp_path_factory.mktemp("book")
    shared = [shipments(60, lane="L1", month="2025-03", insured=f"I{n}") for n in range(1, 8)]
    alone = [shipments(900, lane="L2", month="2025-03"), shipments(4, lane="L3", month="2025-03")]
    lost = [thefts(40, lane="L1", month="2025-03", insured="I2"), thefts(20, lane="L2", month="2025-03")]
    load_book(folder, goods=[*shared, *alone], lost=lost)
    return folder / "portfolio"


def tables(app):
    return [element.value for element in app.dataframe]


def cards(app):
    return {metric.label.split(" :gray")[0]: metric.value for metric in app.metric}


def test_the_page_opens_with_the_worst_lane_and_why(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book)
    assert not app.exception
    words = texts(app).replace("\\", "")
    assert "Look at Dallas hub to Atlanta hub first: 40 thefts where" in words
    assert "90% interval" in words
    assert "filters cut what is shown and never change a verdict" in words
    ranking = tables(app)[0]
    assert ranking["place"].tolist()[0] == "Dallas hub → Atlanta hub"
    assert ranking["verdict"].tolist() == ["▲ hotspot", "▨ not enough data", "● ordinary"]
    assert cards(app)["Theft frequency"] == "45.3"
    assert "Own thefts" in cards(app)


def test_lanes_without_enough_data_are_dashed_in_a_layer_of_their_own(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book)
    (deck,) = app.get("deck_gl_json_chart")
    layers = {layer["id"]: layer for layer in json.loads(deck.proto.json)["layers"]}
    assert {row["place"] for row in layers["lanes"]["data"]} == {"L1", "L2"}
    assert {row["place"] for row in layers["lanes-unsure"]["data"]} == {"L3"}
    assert layers["lanes-unsure"]["extensions"] == [{"@@type": "PathStyleExtension", "dash": True}]
    assert [row["rank"] for row in layers["ranks"]["data"]] == ["1"]


def test_the_level_and_the_counts_are_a_link(open_app: Open, book: Path) -> None:
    corridors = open_app(portfolio=book, **{"hotspots-level": "Verdicts by corridor"})
    assert tables(corridors)[0]["place"].tolist()[0] == "TX → GA"
    counts = open_app(portfolio=book, **{"hotspots-level": "Counts in the period"})
    assert not counts.exception
    assert "Verdicts and rates" not in texts(counts)


def test_filters_cut_the_display_and_keep_the_verdict(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, insured="I2", from_="2025-11", to="2025-12")
    ranking = tables(app)[0]
    assert ranking["place"].tolist() == ["Dallas hub → Atlanta hub"]
    whole = tables(open_app(portfolio=book))[0]
    assert ranking.drop(columns="rank").iloc[0].tolist() == whole.drop(columns="rank").iloc[0].tolist()


def test_a_scoped_person_sees_the_prior_labelled_so(
    open_app: Open, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "I1")
    app = open_app(portfolio=book)
    assert not app.exception
    ranking = tables(app)[0].set_index("place")
    assert ranking.loc["Dallas hub → Atlanta hub", "verdict"] == "▲ hotspot"
    own = ranking.loc["Houston hub → Savannah port"]
    assert own["verdict"] == "○ class prior; not this lane's own verdict"
    assert own["observed"] == 20
    assert np.isnan(own["excess_loss"])
    assert "not the place's own verdict" in texts(app)


def test_without_a_theft_nothing_is_expected_and_the_counts_stay(open_app: Open, tmp_path: Path) -> None:
    load_book(tmp_path, goods=[shipments(60, lane="L1", month="2025-03")])
    app = open_app(portfolio=tmp_path / "portfolio")
    assert not app.exception
    assert "Verdicts and rates" not in texts(app)


@pytest.mark.parametrize("ink", [LIGHT, DARK], ids=["light", "dark"])
def test_no_verdict_is_green_and_none_shares_a_colour(ink) -> None:
    colours = [verdict_colour(verdict, ink) for verdict in ("hotspot", "watch", "ordinary", "not enough data")]
    assert len(set(colours)) == 4
    assert ink.categories[2] not in colours
    assert colours[3] == ink.muted
    classes = ratio_classes(ink)
    assert len(classes.edges) == len(classes.colours) == 5
    assert classes.colour(2.4) == classes.colours[-1]
    assert classes.colour(1.0) == classes.colours[2]


def test_a_verdict_is_icon_and_word() -> None:
    assert verdict_words("hotspot") == "▲ hotspot"
    assert verdict_words("", "class prior; not this lane's own verdict") == "○ class prior; not this lane's own verdict"
    assert len({look.icon for look in LOOKS.values()}) == len(LOOKS)
    legend = verdict_legend({"hotspot": 4, "watch": 0}, LIGHT)
    assert "▲ hotspot 4" in legend
    assert "watch" not in legend


def places(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["place", "verdict", "observed", "expected"])
    ratio = frame["observed"] / frame["expected"]
    return frame.assign(
        label=frame["place"] + " → Z", raw_ratio=ratio, ratio=ratio, low=ratio / 2, high=ratio * 2, basis="", units=1.0,
        latitude=40.0, longitude=-90.0,
    )  # fmt: skip


def test_the_funnel_marks_each_verdict_and_labels_the_worst() -> None:
    frame = places(("A", "hotspot", 39, 15.9), ("B", "ordinary", 2, 2.0), ("C", "not enough data", 0, 0.05))
    ranked = RankedVerdicts("lane", frame, Span(pd.Timestamp("2023-07-01").date(), pd.Timestamp("2026-04-01").date(), is_whole=True))  # fmt: skip # noqa: E501
    chart = funnel_chart(ranked, colours=LIGHT)
    assert chart.title == "1 of 3 lanes lies too far above expectation for chance"
    marks = [trace for trace in chart.figure.data if trace.mode == "markers"]
    assert [trace.marker.symbol for trace in marks] == ["circle", "triangle-up"]
    assert [note.text for note in chart.figure.layout.annotations] == ["A → Z"]
    assert "1 with under 0.1 expected or beyond the top are not drawn" in chart.note


def test_a_fifth_of_the_marks_is_kept_for_what_is_not_known() -> None:
    judged = [(f"J{n}", "ordinary", 1, 5.0) for n in range(20)]
    unsure = [(f"U{n}", "not enough data", 0, 0.1) for n in range(20)]
    drawn, notes = places_drawn(places(("H", "hotspot", 9, 1.0), *judged, *unsure), most=10)
    assert drawn["place"].tolist()[0] == "H"
    assert drawn["verdict"].value_counts().to_dict() == {"ordinary": 7, "not enough data": 2, "hotspot": 1}
    assert notes == ["10 of 41 drawn: what stands out, then the most exposed"]
