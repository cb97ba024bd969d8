"""The Containment page, run through the shell: on literal incidents, on the sample, scoped, and on nothing."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analysis.containment import containment, incident_clocks
from analysis.containment_groups import compare_clocks, group_names, pace_words
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.filters import Filters, Scope
from analysis.models import fit
from data.portfolio import Portfolio
from data.sample import write_sample
from tests.analysis.incidents import Case, contained, gone, load_cases
from tests.app.conftest import Open, texts
from tests.portfolios import load_files

PAGE = "../loss_control/containment.py"
CASES = (
    *(contained(f"fast{k}", 10 + k, notified=70, evidence=500) for k in range(15)),
    *(contained(f"slow{k}", 200 + k, insured="I2", notified=3000, evidence=6000, category="attempt") for k in range(3)),
    *(gone(f"gone{k}") for k in range(2)),
    Case("running", status="open", begins=datetime(2025, 3, 28, 10), loss="5000"),
    Case("backwards", contained=20, status="contained"),
)
DRILLS = (
    "drill_id,insured_id,held_on,scenario,alarmed_at,contained_at\n"
    "Q1,I1,2025-03-01,seal,2025-03-01 10:00:00,2025-03-01 10:20:00\n"
    "Q2,I1,2025-03-02,seal,2025-03-02 10:00:00,2025-03-02 10:40:00\n"
    "Q3,I1,2025-03-03,seal,2025-03-03 10:00:00,\n"
)


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incidents")
    load_cases(folder, CASES, more={"drill.csv": DRILLS}, as_of="2025-03-31")
    return folder / "portfolio"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, seed=11, fit=fit)
    return folder


def cards(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def charts(app: AppTest) -> dict[str, Any]:
    return {
        one.proto.id.rsplit("-", 1)[-1]: json.loads(one.proto.spec)
        for one in app.get("plotly_chart")
        if "containment" in one.proto.id
    }


def test_cards_curves_and_lists_are_those_of_the_incidents(open_app: Open, incidents: Path) -> None:
    app = open_app(PAGE, portfolio=incidents, from_="2025-03", to="2025-03")
    assert not app.exception
    found = containment(incident_clocks(Portfolio(incidents).view(Scope(), Filters())))
    mean = CONTAINMENT_MEASURES["time_to_contain"]
    shown = cards(app)
    assert shown["Mean time to contain"] == mean.words(found.mean.value)
    assert shown["Open, not contained"] == "1"
    # 15 of 22 whose deadline has passed, the open one among them, and the one whose containment does not fit.
    assert shown["Insurer told in time"] == "68.2%"
    words = texts(app).replace("\\", "")
    assert "22 own incidents" in words
    assert "18 contained, 2 closed not contained, 1 open, 1 without a usable clock" in words
    assert "contained before it was noticed: 1" in words
    assert "1 open, not contained: 1 with a duty overdue" in words
    # None had a control: there is nothing to set against, so no picture of pace.
    assert sorted(charts(app)) == ["curves", "drilled", "drills", "ends", "losses", "phases"]


def test_a_link_opens_an_incident(open_app: Open, incidents: Path) -> None:
    app = open_app(PAGE, portfolio=incidents, **{"containment-incident": "running"})
    assert any(one.value == "Incident running" for one in app.subheader)
    steps = next(frame for frame in app.dataframe if "step" in frame.value.columns)
    assert steps.value["step"].tolist() == ["Loss, at the earliest", "Loss, at the latest", "Detected by a person"]
    assert steps.value["since"].tolist() == [-60, -30, 0]
    elsewhere = open_app(PAGE, portfolio=incidents, **{"containment-incident": "nowhere"})
    assert "Incident nowhere is not in this selection" in texts(elsewhere)


def test_one_insured_is_shown_alone_and_another_s_scope_hides_it(
    open_app: Open, incidents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "3 own incidents" in texts(open_app(PAGE, portfolio=incidents, insured="I2"))
    monkeypatch.setenv("LANEWISE_INSUREDS", "I2")
    scoped = open_app(PAGE, portfolio=incidents)
    assert not scoped.exception
    assert "3 own incidents" in texts(scoped)
    assert "Acme" not in texts(scoped)
    # A link to another's incident tells nothing of it.
    told = open_app(PAGE, portfolio=incidents, **{"containment-incident": "fast1"})
    assert "Incident fast1 is not in this selection" in texts(told)


def test_the_slow_hub_of_the_sample_is_named(open_app: Open, sample: Path) -> None:
    truth = next(
        one for one in json.loads((sample / "truth.json").read_text())["truths"] if one["id"] == "slow-hub"
    )  # fmt: skip
    view = Portfolio(sample).view(Scope(), Filters())
    names = group_names(view, "site")
    groups = compare_clocks(incident_clocks(view), by="site", names=names)
    slower = groups.frame[groups.frame["verdict"] == "slower"]["key"].tolist()
    assert slower == truth["keys"]
    for theme in ("light", "dark"):
        app = open_app(PAGE, portfolio=sample, theme=theme, from_="2023-07", to="2026-06")
        assert not app.exception
        assert f"{names[truth['keys'][0]]} contains slower than the rest" in texts(app)
    assert pace_words(groups) in texts(app)


def test_what_is_lacking_is_said(open_app: Open, tmp_path: Path) -> None:
    load_files(tmp_path, files={"claim.csv": "claim_id,loss_date\nC1,2025-01-01\n"})
    assert "This portfolio has no table *incident*" in texts(open_app(PAGE, portfolio=tmp_path / "portfolio"))


def test_incidents_of_the_market_have_no_clock_of_an_insured(open_app: Open, tmp_path: Path) -> None:
    load_cases(tmp_path, [contained("theirs", 10, source="market", insured="")])
    app = open_app(PAGE, portfolio=tmp_path / "portfolio")
    assert "None of the incidents loaded is an insured's own" in texts(app)
    assert not app.metric


def test_without_a_word_on_containment_no_share_is_shown(open_app: Open) -> None:
    app = open_app(PAGE)
    assert "None of 7 incidents says whether it was contained" in texts(app)
    assert not app.metric


def test_a_selection_without_incidents_says_so(open_app: Open, incidents: Path) -> None:
    app = open_app(PAGE, portfolio=incidents, insured="I1", **{"containment-among": "Attempts"})
    assert "No own incident in this selection" in texts(app)


def test_too_many_without_a_usable_time_give_no_number_and_no_colour(open_app: Open, tmp_path: Path) -> None:
    midnight = datetime(2025, 3, 3)
    cases = [
        *(Case(f"held{k}", begins=midnight, detected=0, contained=0, window=0, status="contained") for k in range(18)),
        *(gone(f"gone{k}", begins=midnight, detected=0) for k in range(6)),
    ]
    load_cases(tmp_path, cases, as_of="2025-03-31")
    app = open_app(PAGE, portfolio=tmp_path / "portfolio", from_="2025-03", to="2025-03")
    assert not app.exception
    assert cards(app)["Contained in 60 min"] == "not known"
    words = texts(app).replace("\\", "")
    assert "How fast theft is contained cannot be told: 18 of 24 contained without a usable time" in words
    assert "within an hour between 0 and 75%" in words
    drawn = " ".join(one.proto.body for one in app.get("html"))
    assert "75% if all of these were contained at once, 0% if none within 24 h" in drawn
    # No target is met or missed, and no colour says so.
    assert "meets target" not in drawn
    assert "target 80%" not in drawn
