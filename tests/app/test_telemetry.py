"""The Telemetry page, run through the shell: on literal journeys, on the sample, on devices of nobody, on nothing."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import ServiceValue
from pages.shared.palette import DARK, LIGHT
from pages.shared.telemetry_cards import share_sparkline
from pages.shared.telemetry_charts import calendar_chart, calendar_edges, divmod_month
from pages.shared.telemetry_results import main_region, resolution_of
from tests.analysis.journeys import Journey, every, load, moment, without
from tests.app.conftest import Open, texts
from tests.portfolios import load_files

PAGE = "../loss_control/telemetry.py"
MINUTES = 600
# GOOD is heard but for a single report, DARK is silent for five of its ten hours.
JOURNEYS = [
    Journey(f"{name}{k}", MINUTES, heard, starts_days=k, theft=theft if k == 0 else None)
    for name, heard, theft in (
        ("GOOD", without(every(5, MINUTES), (300, 305)), None),
        ("DARK", without(every(5, MINUTES), (100, 400)), (200, 240)),
    )
    for k in range(3)
]


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six accounts of one trip each: three well heard, three dark for half of their time, one of these robbed."""
    folder = tmp_path_factory.mktemp("trips")
    load(folder, *JOURNEYS)
    return folder / "portfolio"


@pytest.fixture(scope="module")
def buses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two devices that nobody assigned, one of them silent for an hour."""
    folder = tmp_path_factory.mktemp("buses")
    pings = [f"B1,{moment(m)},53.4,-2.9" for m in every(5, 300)]
    pings += [f"B2,{moment(m)},53.4,-2.9" for m in without(every(5, 300), (100, 160))]
    load_files(folder, files={"ping.csv": "device_id,pinged_at,latitude,longitude\n" + "\n".join(pings) + "\n"})
    return folder / "portfolio"


def cards(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    return texts(app).replace("\\", "")


def table(app: AppTest, column: str) -> pd.DataFrame:
    return next(frame for frame in (element.value for element in app.dataframe) if column in frame)


def open_trips(open_app: Open, portfolio: Path, **query: str) -> AppTest:
    return open_app(PAGE, portfolio=portfolio, **{"from": "Mar 2025", "to": "Mar 2025", **query})


def test_the_first_screen_answers_the_question(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips)
    assert not app.exception
    assert "Can the insured's telemetry be trusted?" in words(app)
    # Three of six trips were dark for 300 of their 600 minutes: from one interval after 95 to 400.
    assert cards(app)["Uptime"] == "75.0%"
    assert cards(app)["Coverage"] == "100.0%"
    assert cards(app)["Protected share"] == "50.0%"
    assert "It cannot be told yet, as 6 tracked trips are too few to say" in words(app)
    assert "In use: a blackout is a gap of more than 2 intervals" in words(app)
    assert all(element.proto.alt for element in [*app.get("plotly_chart"), *app.get("deck_gl_json_chart")])


def test_the_definition_in_use_is_switched_and_named(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, **{"telemetry-definition": "Stricter: every missed report"})
    assert not app.exception
    assert "In use: every slot of 300 s without a fix is dark" in words(app)
    # Of 120 reports due, 119 and 60 came.
    assert cards(app)["Uptime"] == "74.6%"
    looser = open_trips(open_app, trips, **{"telemetry-definition": "Looser: gaps over 3 intervals"})
    assert "In use: a blackout is a gap of more than 3 intervals" in words(looser)


def test_filters_apply_to_cards_tables_and_trips(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, carrier="GOOD0")
    assert not app.exception
    assert cards(app)["Uptime"] == "100.0%"
    assert table(app, "fault")["trip_id"].tolist() == ["GOOD0"]
    assert "No goods with a device were stolen in this selection" in words(app)
    empty = open_trips(open_app, trips, carrier="GOOD0", insured="DARK1")
    assert not empty.exception
    assert cards(empty)["Uptime"] == "not evaluable"
    assert "No tracked trips in this selection" in words(empty)
    assert "Positions begin in Mar 2025; the data go to Dec 2025" in words(empty)
    assert not empty.get("plotly_chart")


def test_a_scoped_person_sees_their_own_trips_only(
    open_app: Open, trips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "DARK1")
    app = open_trips(open_app, trips)
    assert not app.exception
    assert table(app, "fault")["trip_id"].tolist() == ["DARK1"]
    shown = words(app) + " ".join(element.value.to_csv() for element in app.dataframe)
    assert "DARK0" not in shown
    assert "GOOD0" not in shown
    other = open_trips(open_app, trips, **{"telemetry-trip": "GOOD0"})
    assert "there is no trip 'GOOD0' in what is selected" in words(other)


def test_a_trip_in_the_link_opens_its_timeline_and_is_let_go(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, **{"telemetry-trip": "DARK0"})
    assert not app.exception
    assert "Trip DARK0" in words(app)
    # Heard at 0, 5, ... 95 and 400, 405, ... 600 minutes.
    assert "61 positions, dark for 300 of 600 minutes in 1 blackout" in words(app)
    assert "not protected" in words(app)
    chart = next(
        json.loads(one.proto.spec) for one in app.get("plotly_chart") if "Timeline of one trip" in one.proto.alt
    )
    rows = {row for trace in chart["data"] if isinstance(trace.get("y"), list) for row in trace["y"]}
    assert {"Heard", "Dark", "Seal", "Incident"} <= rows
    app.button(key="telemetry-trip-close").click().run()
    assert not app.exception
    assert "Trip DARK0" not in words(app)


def test_rules_say_what_they_found_and_are_edited_in_the_link(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, **{"telemetry-trip": "DARK0"})
    assert "Left the planned route: not evaluable" in words(app)
    assert "Its lane has no planned route. Rule: 2 or more consecutive positions" in words(app)
    edited = open_trips(open_app, trips, **{"telemetry-trip": "DARK0", "telemetry-rule-off_route_m": "800"})
    assert not edited.exception
    assert "over 800 m from the planned route" in words(edited)
    beyond = open_trips(open_app, trips, **{"telemetry-trip": "DARK0", "telemetry-rule-off_route_m": "-4"})
    assert not beyond.exception
    assert "over 500 m from the planned route" in words(beyond)


def test_a_pick_narrows_the_trips_and_leaves_the_cards_as_they_are(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, **{"telemetry-carrier": "DARK1"})
    assert not app.exception
    assert cards(app)["Uptime"] == "75.0%"
    assert table(app, "fault")["trip_id"].tolist() == ["DARK1"]
    assert "1 trip of DARK1: click one to open its timeline" in words(app)
    app.button(key="telemetry-release-carrier").click().run()
    assert not app.exception
    assert len(table(app, "fault")) == 6
    assert "Worst trips: click one to open its timeline" in words(app)


def test_a_day_and_a_carrier_narrow_together(open_app: Open, trips: Path) -> None:
    day = open_trips(open_app, trips, **{"telemetry-day": "2025-03-04"})
    assert sorted(table(day, "fault")["trip_id"]) == ["DARK1", "GOOD1"]
    assert "2 trips of 4 Mar 2025" in words(day)
    both = open_trips(open_app, trips, **{"telemetry-day": "2025-03-04", "telemetry-carrier": "GOOD0"})
    assert not both.exception
    assert "No trips of GOOD0, 4 Mar 2025 in this selection" in words(both)
    wrong = open_trips(open_app, trips, **{"telemetry-day": "yesterday", "telemetry-cell": "nowhere"})
    assert not wrong.exception
    assert len(table(wrong, "fault")) == 6


def test_marks_and_days_carry_what_a_click_picks(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips)
    charts = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    picks = {
        str(mark[0])
        for chart in charts
        for trace in chart["data"]
        for mark in trace.get("customdata", [])
        if isinstance(mark, list)
    }
    assert {"2025-03-03", "2025-03-04", "2025-03-05", "GOOD0", "DARK2", "too few reports"} <= picks


def test_cards_say_whether_a_change_is_signal_or_noise(open_app: Open, sample: Path, trips: Path) -> None:
    app = open_app(PAGE, portfolio=sample)
    assert not app.exception
    uptime = next(metric for metric in app.metric if metric.label == "Uptime")
    assert uptime.delta.endswith(" pts")
    assert uptime.proto.delta_description in {"signal", "noise"}
    assert "99% interval" in uptime.proto.help
    alone = open_trips(open_app, trips)
    uptime = next(metric for metric in alone.metric if metric.label == "Uptime")
    assert not uptime.delta
    assert "signal" not in uptime.proto.help


def test_dark_at_loss_is_a_question_and_not_a_debit(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips)
    assert "At 1 of 1 theft of tracked goods the device was dark" in words(app)
    assert table(app, "p_value")[["thefts", "dark"]].to_numpy().tolist() == [[1, 1]]


def test_the_planted_carriers_are_named_on_the_first_screen(open_app: Open, sample: Path) -> None:
    truth = {one["id"]: one for one in json.loads((sample / "truth.json").read_text())["truths"]}
    app = open_app(PAGE, portfolio=sample, **{"telemetry-unit-4": "Carriers"})
    assert not app.exception
    carriers = table(app, "funnel_low").set_index("key")
    dark, falling = truth["dark-carrier"]["keys"][0], truth["falling-fleet"]["keys"][0]
    assert carriers.loc[dark, "verdict"] == "▲ below floor"
    headline = next(text for text in words(app).splitlines() if "tracked trips were watched" in text)
    assert f"Below the floor: {carriers.loc[dark, 'label']}" in headline or carriers.loc[dark, "label"] in headline
    assert f"Fell for good: {carriers.loc[falling, 'label']}, from" in headline
    assert "Ask why at" in words(app)
    assert "Only in part: tracked trips were watched" in headline


@pytest.mark.parametrize("measure", ["Completeness", "Protected share", "Coverage", "Seals intact", "Weight match"])
def test_every_measure_has_its_calendar_and_funnel(open_app: Open, sample: Path, measure: str) -> None:
    app = open_app(PAGE, portfolio=sample, **{"telemetry-measure": measure})
    assert not app.exception
    assert f"{measure} by day" in words(app)
    assert not table(app, "funnel_low").empty


def test_all_levels_are_a_table_with_target_and_budget(open_app: Open, trips: Path) -> None:
    app = open_trips(open_app, trips, **{"telemetry-levels": "true"})
    assert not app.exception
    levels = table(app, "budget").set_index("label")
    assert set(levels.index) == {measure.label for measure in SERVICE_MEASURES.values()}
    # 900 minutes dark, where 1% of 3,600 is allowed.
    assert levels.loc["Uptime", "budget"] == "missed 25 times what it allows"
    assert levels.loc["Coverage", "target"] == 0.9


def test_devices_of_nobody_give_an_estimate_that_is_never_scored(open_app: Open, buses: Path) -> None:
    app = open_app(PAGE, portfolio=buses)
    assert not app.exception
    shown = cards(app)
    # 300 minutes each; the hour without a fix is a gap of 65 minutes less one interval.
    assert shown["In-service estimate"] == f"{100 * (1 - 60 / 600):.1f}%"
    assert shown["Protected share"] == shown["Coverage"] == "not evaluable"
    assert "an estimate that is never scored" in words(app)
    assert "fell short" not in words(app)
    assert "device_assignment" in words(app)
    assert not app.get("deck_gl_json_chart")


def test_a_portfolio_without_positions_is_a_designed_state(open_app: Open, tmp_path: Path) -> None:
    load_files(tmp_path)
    app = open_app(PAGE, portfolio=tmp_path / "portfolio")
    assert not app.exception
    assert "This portfolio has no table *ping*" in words(app)
    assert not app.metric


def test_it_is_drawn_in_the_dark_as_well(open_app: Open, trips: Path) -> None:
    app = open_app(PAGE, portfolio=trips, theme="dark", **{"telemetry-trip": "DARK0"})
    assert not app.exception
    assert not app.error


def test_a_day_lies_in_its_class_week_and_band() -> None:
    days = pd.DataFrame({"day": pd.to_datetime(["2025-01-01", "2026-01-05"]), "value": [0.94, 1.0], "n": [2.0, 3.0]})
    uptime = SERVICE_MEASURES["uptime"]
    for colours in (LIGHT, DARK):
        ends = {"first": date(2025, 1, 1), "last": date(2026, 1, 31)}
        chart = calendar_chart(days, measure=uptime, period="all", **ends, colours=colours, height=200)
        squares = chart.figure.data[0].z
        # Wednesday of the first week, the worst class; Monday of the second week of the next band, the best.
        assert squares.shape == (15, 54)
        assert squares[2, 0] == 0
        assert squares[8, 1] == 4
        assert chart.title == "1 of 2 days fell short of target; worst 1 Jan 2025 at 94.0%"
    assert calendar_edges(uptime) == (0.95, 0.9633, 0.9767, 0.99)


def test_a_line_of_months_has_gaps_where_nothing_was_due() -> None:
    months = tuple(
        (date(2025, month, 1), share, 100.0) for month, share in ((1, 0.96), (2, 0.98), (5, 0.97), (6, 0.99))
    )
    value = ServiceValue(
        measure=SERVICE_MEASURES["uptime"],
        definition="schedule",
        value=0.975,
        interval=None,
        n=4,
        clusters=1,
        numerator=390.0,
        denominator=400.0,
        months=months,
        budget=None,
        shrunk=False,
        caveats=(),
    )
    drawn = share_sparkline(value, colours=LIGHT)
    picture = b64decode(drawn.split("base64,")[1].split('"')[0]).decode()
    # January lies at the left, June at the right, and April is in no line.
    runs = re.findall('<polyline points="([^"]*)"', picture)
    assert [[point.split(",")[0] for point in run.split()] for run in runs] == [["0.0", "20.0"], ["80.0", "100.0"]]
    assert "Uptime by month, Jan 2025 to Jun 2025: lowest 96.0%, highest 99.0%; axis from 95% to 100%" in drawn
    assert share_sparkline(replace(value, months=months[:1]), colours=LIGHT) == ""


def test_a_map_opens_on_the_side_of_the_ocean_with_most_blackouts() -> None:
    def areas(*rows: tuple[float, int]) -> pd.DataFrame:
        return pd.DataFrame({"longitude": [x for x, _ in rows], "blackouts": [n for _, n in rows]})

    here = main_region(areas((-96.8, 50), (4.3, 8), (-84.4, 42)))
    assert sorted(here["longitude"]) == [-96.8, -84.4]
    both = main_region(areas((-96.8, 50), (4.3, 40)))
    assert len(both) == 2
    assert main_region(areas()).empty


def test_months_and_cells_follow_calendar_and_width() -> None:
    assert divmod_month(date(2025, 12, 1), 1) == (2026, 1)
    assert [resolution_of(box) for box in (None, (0, 0, 1, 3), (30, -120, 45, -80))] == [7, 5, 3]
