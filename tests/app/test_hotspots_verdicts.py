"""The Hotspots page where the book has exposure: verdicts first, counts beside, and what a scoped person sees."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from analysis.estimated_measures import HOTSPOT_MEASURES
from analysis.filters import Filters, Scope
from analysis.hotspot_evidence import MonthsAgainstExpected, kind_mix
from analysis.verdicts import BookValue, Level, RankedVerdicts, Span
from pages.shared import hotspot_evidence
from pages.shared.context import Context
from pages.shared.evidence_charts import against_expected_chart, mix_chart
from pages.shared.funnel_chart import funnel_chart
from pages.shared.hotspot_evidence import left_out_by, pick_cell, place_names
from pages.shared.hotspot_verdicts import book_card
from pages.shared.layout import Kpi, trend_words
from pages.shared.palette import DARK, LIGHT
from pages.shared.verdict_map import _disc_layers, _line_layers, places_drawn
from pages.shared.verdict_words import LOOKS, ratio_classes, ratio_legend, verdict_colour, verdict_legend, verdict_words
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
    assert cards(app)["Line-haul frequency"] == "45.3"
    assert "Own thefts" in cards(app)


def test_cards_stand_under_the_window_and_the_scope_that_they_are_of(open_app: Open, book: Path) -> None:
    whole = texts(open_app(portfolio=book))
    assert "· the whole book" in whole
    assert "· all lanes" not in whole
    picked = texts(open_app(portfolio=book, lane="L1"))
    assert "· Lane " in picked
    assert "· all lanes" in picked


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
    assert own["verdict"] == "○ class prior"
    assert "2 of 3: class prior; not this lane's own verdict. Thefts and exposure are your own" in texts(app)
    assert own["observed"] == 20
    # What thefts cost the book is hidden: the column would be empty.
    assert "excess_loss" not in own
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
    assert chart.title == "1 of 3 lanes is a hotspot"
    marks = [trace for trace in chart.figure.data if trace.mode == "markers"]
    assert [trace.marker.symbol for trace in marks] == ["circle", "triangle-up"]
    assert [note.text for note in chart.figure.layout.annotations] == ["A → Z"]
    assert "1 with under 0.1 expected or beyond the top are not drawn" in chart.note


def test_the_funnel_names_verdicts_and_not_what_its_limits_would_say() -> None:
    def title(*rows: tuple[str, str, float, float]) -> str:
        return funnel_chart(RankedVerdicts("site", places(*rows), None), colours=LIGHT).title

    # 9 thefts where 1 was expected lie far outside the limits, and 2 where 0.26 were expected inside them.
    assert title(("A", "ordinary", 9, 1.0), ("B", "ordinary", 2, 2.0)) == "No site is a hotspot"
    assert title(("A", "hotspot", 2, 0.26), ("B", "hotspot", 9, 1.0)) == "2 of 2 sites are hotspots"
    assert title(("A", "watch", 9, 1.0), ("B", "watch", 4, 1.0)) == "No site is a hotspot; 2 are watched"
    assert title(("A", "not enough data", 1, 0.1)) == "No site has enough data for a verdict"


def test_a_place_of_two_segments_is_one_hotspot_in_the_funnel() -> None:
    twice = places(("A", "hotspot", 9, 1.0), ("A", "hotspot", 6, 1.0), ("B", "ordinary", 2, 2.0))
    assert funnel_chart(RankedVerdicts("site", twice, None), colours=LIGHT).title == "1 of 2 sites is a hotspot"


def test_a_class_prior_is_not_drawn_as_too_little_data() -> None:
    frame = places(("H", "hotspot", 9, 1.0), ("U", "not enough data", 1, 0.3), ("P", "", 2, 1.0))
    frame["basis"] = ["", "", "class prior; not this site's own verdict"]
    lines = frame.assign(rank=range(1, 4)).rename(
        columns={"latitude": "origin_latitude", "longitude": "origin_longitude"}
    )
    lines = lines.assign(destination_latitude=41.0, destination_longitude=-91.0)
    drawn = {
        **{layer.id: layer.data for layer in _disc_layers(frame.assign(rank=range(1, 4)), LIGHT, ())},
        **{layer.id: layer.data for layer in _line_layers(lines, LIGHT, ())},
    }
    told = {name: [row["place"] for row in rows] for name, rows in drawn.items()}
    assert told == {
        "sites-prior": ["P"], "sites-unsure": ["U"], "sites": ["H"],
        "picked": [], "lanes-prior": ["P"], "lanes-unsure": ["U"], "lanes": ["H"],
    }  # fmt: skip
    assert "class prior: no verdict shown to you" in ratio_legend(LIGHT, notes=[], has_prior=True)
    assert "2px dotted" in ratio_legend(LIGHT, notes=[], has_prior=True)
    assert "class prior" not in ratio_legend(LIGHT, notes=[])


def test_a_card_says_what_a_step_of_its_line_is() -> None:
    value = BookValue(HOTSPOT_MEASURES["theft_frequency"], 1.0, (0.5, 2.0), 40, per="1,000 trips")
    assert trend_words(book_card(value, level="lane")) == "Theft frequency by quarter, from zero"
    assert trend_words(Kpi("Own thefts", 3.0)) == "Own thefts by month, from zero"


def test_a_fifth_of_the_marks_is_kept_for_what_is_not_known() -> None:
    judged = [(f"J{n}", "ordinary", 1, 5.0) for n in range(20)]
    unsure = [(f"U{n}", "not enough data", 0, 0.1) for n in range(20)]
    drawn, notes = places_drawn(places(("H", "hotspot", 9, 1.0), *judged, *unsure), most=10)
    assert drawn["place"].tolist()[0] == "H"
    assert drawn["verdict"].value_counts().to_dict() == {"ordinary": 7, "not enough data": 2, "hotspot": 1}
    assert notes == ["10 of 41 drawn: what stands out, then the most exposed"]


# ---- why a place has its verdict


def evidence_figures(app):
    """Titles and traces of the evidence's charts: by month, by hour, by kind."""
    return [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]


def test_with_nothing_picked_the_hotspots_are_explained(open_app: Open, book: Path) -> None:
    words = texts(open_app(portfolio=book)).replace("\\", "")
    assert "##### Dallas hub → Atlanta hub: ▲ hotspot" in words
    assert "40 thefts where" in words
    assert "sure it is above 1.5 times that rate" in words
    assert "whatever the period chosen; click a lane in the table or on the map to see why" in words


def test_a_picked_lane_shows_its_own_reason_and_months(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, lane="Houston hub → Savannah port", from_="2025-11", to="2025-12")
    assert not app.exception
    words = texts(app).replace("\\", "")
    assert "##### Houston hub → Savannah port: ● ordinary" in words
    assert "20 thefts where" in words
    assert "too unlikely to be watched" in words
    assert cards(app)["Line-haul frequency"] == "22.2"
    # The worst lane stays first in the table and in the headline, and the window is not the period.
    assert "Look at Dallas hub to Atlanta hub first" in words
    assert tables(app)[0]["place"].tolist()[0] == "Dallas hub → Atlanta hub"
    months, expected = evidence_figures(app)[0]
    assert (months["type"], expected["type"], expected["mode"]) == ("bar", "scatter", "lines")
    assert sum(months["y"]) == 20
    assert len(months["y"]) == 34
    assert sum(expected["y"]) > 20


def test_what_is_picked_is_let_go_by_its_button(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, lane="Houston hub → Savannah port")
    app.button(key="hotspots-evidence-release-lane").click().run()
    assert not app.exception
    assert app.session_state["lane"] == []
    assert "##### Dallas hub → Atlanta hub: ▲ hotspot" in texts(app).replace("\\", "")


@pytest.mark.parametrize(
    ("level", "key", "name"),
    [
        ("Verdicts by corridor", "hotspots-verdict-corridor", "GA → TX"),
        ("Verdicts by site", "hotspots-verdict-site", "Houston hub"),
    ],
)
def test_a_corridor_and_a_site_are_picked_by_the_link(
    open_app: Open, book: Path, level: str, key: str, name: str
) -> None:
    app = open_app(portfolio=book, **{"hotspots-level": level, key: name})
    assert not app.exception
    words = texts(app).replace("\\", "")
    assert f"##### {name}: ▨ not enough data" in words
    assert f"Picked: **{name}**" in words
    app.button(key=f"hotspots-evidence-release-{level.rsplit(maxsplit=1)[-1]}").click().run()
    assert app.selectbox(key=key).value is None
    assert "Picked" not in texts(app)


def test_the_thefts_behind_a_verdict_are_rows(open_app: Open, book: Path) -> None:
    app = open_app(portfolio=book, **{"lane": "Houston hub → Savannah port", "hotspots-evidence-rows": "true"})
    assert not app.exception
    rows = next(table for table in tables(app) if "incident_id" in table)
    assert len(rows) == 20
    assert set(rows["lane_id"]) == {"L2"}


def test_charts_say_how_many_thefts_the_scope_leaves_out(
    open_app: Open, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "I3")
    app = open_app(portfolio=book)
    assert not app.exception
    words = texts(app).replace("\\", "")
    assert "40 thefts where" in words
    assert "the charts hold 0 of the 40 thefts, as what you may see leaves the others out" in words
    (months,) = evidence_figures(app)[0]
    assert sum(months["y"]) == 0


@pytest.mark.parametrize(
    ("level", "filters", "insureds", "words"),
    [
        ("lane", Filters(lane=("L1",)), frozenset({"I3"}), "what you may see leaves"),
        ("corridor", Filters(lane=("L1",)), frozenset({"I3"}), "the filters and what you may see leave"),
        ("lane", Filters(lane=("L1",), mode=("road",)), frozenset({"I3"}), "the filters and what you may see leave"),
        ("lane", Filters(mode=("road",)), None, "the filters leave"),
    ],
)
def test_what_leaves_thefts_out_is_not_blamed_on_a_picked_lane(
    level: Level, filters: Filters, insureds: frozenset[str] | None, words: str
) -> None:
    here = cast("Context", SimpleNamespace(filters=filters, scope=Scope(insureds)))
    assert left_out_by(here, level=level) == words


def test_months_above_expectation_are_not_counted_where_most_months_expect_none() -> None:
    months = tuple(pd.Timestamp(f"2025-{month:02d}-01").date() for month in range(1, 13))
    # Twice as many as expected, in a third of the months.
    found = MonthsAgainstExpected(months, (3, 0, 0) * 4, (0.5,) * 12)
    chart = against_expected_chart(found, period="12 months", colours=LIGHT)
    assert chart.title == "12 thefts where 6 were expected in 12 months; most in Jan 2025: 3"


def test_a_click_on_a_cell_picks_its_place_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[object] = []
    monkeypatch.setattr(hotspot_evidence, "pick_place", lambda *given: found.append(given))
    state = {"table": SimpleNamespace(selection=SimpleNamespace(cells=[(1, "place")]))}
    monkeypatch.setattr(hotspot_evidence, "st", SimpleNamespace(session_state=state))
    pick_cell("table", "site", (), ("S1", "S2"))
    assert found == [("site", (), "S2")]
    pick_cell("table", "site", ("S2",), ("S1", "S2"))
    state["table"].selection.cells = []
    pick_cell("table", "site", (), ("S1", "S2"))
    assert len(found) == 1


def test_names_that_several_places_share_carry_their_id() -> None:
    frame = pd.DataFrame({"place": ["A", "B", "C", "C"], "label": ["Hub", "Hub", "Port", "Port"]})
    assert place_names(frame) == {"A": "Hub (A)", "B": "Hub (B)", "C": "Port"}


def test_a_chart_of_few_thefts_names_no_leader() -> None:
    months = (pd.Timestamp("2025-01-01").date(), pd.Timestamp("2025-02-01").date())
    few = against_expected_chart(MonthsAgainstExpected(months, (3, 0), (0.5, 0.5)), period="2 months", colours=LIGHT)
    assert few.title == "3 thefts in 2 months: too few to tell a trend"
    many = against_expected_chart(MonthsAgainstExpected(months, (12, 0), (4.0, 4.0)), period="2 months", colours=DARK)
    assert many.title == "12 thefts where 8 were expected, more than expected in 1 of 2 months; most in Jan 2025: 12"
    hidden = against_expected_chart(MonthsAgainstExpected(months, (1, 0), None), period="2 months", colours=LIGHT)
    assert "not shown to you" in hidden.note
    assert len(hidden.figure.data) == 1
    thefts_here = pd.DataFrame({"category": ["fraud"] * 9 + ["hijacking"] * 3})
    everywhere = pd.DataFrame({"category": ["fraud"] * 9 + ["hijacking"] * 27})
    mix = mix_chart(
        kind_mix(thefts_here, everywhere=everywhere, by="category"), everything="all lanes", period="", colours=LIGHT
    )
    assert mix.title == "Fraud is 75% here, 25% over all lanes"
    assert list(mix.figure.data[1].x) == [3.0, 9.0]


def test_not_enough_data_is_hatched_and_grey_on_map_table_and_funnel() -> None:
    frame = places(("H", "hotspot", 9, 1.0), ("U", "not enough data", 1, 0.3))
    assert verdict_words("not enough data") == "▨ not enough data"
    assert LOOKS["not enough data"].symbol == "x-thin-open"
    for ink in (LIGHT, DARK):
        assert f"border-top:2px dashed {ink.muted}" in ratio_legend(ink, notes=[])
        assert f"border:1.5px solid {ink.muted}" in ratio_legend(ink, notes=[], is_line=False)
        chart = funnel_chart(RankedVerdicts("lane", frame, None), colours=ink)
        (unsure,) = [
            trace for trace in chart.figure.data if trace.mode == "markers" and len(trace.x) and trace.x[0] == 0.3
        ]
        assert unsure.marker.color == ink.muted
