"""The planted truths of the small sample come out where the page reads them, and what is not there does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from analysis.filters import Filters, Scope
from analysis.hotspot_evidence import counted_thefts, months_against_expected
from analysis.models import fit
from analysis.verdicts import Level, notes, ranked_verdicts
from data.load import load_feed
from data.portfolio import Portfolio
from data.sample import write_feed
from tests.conftest import ROOT
from tests.data.conftest import Sample


def verdicts(connection: duckdb.DuckDBPyConnection, truth: dict[str, Any]) -> dict[str, bool]:
    """Whether each planted place got one of the verdicts that it may get."""
    return {
        planted["id"]: connection.execute(
            "select verdict from hotspot_verdict where level = $level and place_id = $place and segment = 'line haul'",
            {"level": planted["table"], "place": planted["keys"][0]},
        ).fetchone()
        in [(verdict,) for verdict in planted["verdict"]]
        for planted in truth["truths"]
        if planted["analysis"] == "hotspots" and planted["table"] in {"lane", "site"}
    }


def hotspot_truths(sample: Sample) -> list[dict[str, Any]]:
    return [
        truth
        for truth in sample.truth["truths"]
        if truth["analysis"] == "hotspots" and truth["table"] in {"lane", "site"}
    ]


def test_the_page_reads_the_verdict_of_each_planted_place(sample: Sample) -> None:
    view = Portfolio(sample.folder).view(Scope(), Filters())
    found: dict[str, str] = {}
    for truth in hotspot_truths(sample):
        frame = ranked_verdicts(view, level=truth["table"]).frame
        row = frame[(frame["place"] == truth["keys"][0]) & (frame["segment"] == "line haul")]
        assert len(row) == 1, truth["id"]
        found[truth["id"]] = row["verdict"].item()
    assert set(found) == {
        "hotspot-lane", "hotspot-site", "busy-ordinary-lane", "small-lane-1", "small-lane-2", "small-lane-3",
    }  # fmt: skip
    assert {truth["id"]: found[truth["id"]] in truth["verdict"] for truth in hotspot_truths(sample)} == dict.fromkeys(
        found, True
    )
    assert found["busy-ordinary-lane"] == "ordinary"


@pytest.mark.parametrize(("level", "planted"), [("lane", "hotspot-lane"), ("site", "hotspot-site")])
def test_the_worst_planted_place_leads_the_ranking_and_others_are_not_found(
    sample: Sample, level: Level, planted: str
) -> None:
    ranked = ranked_verdicts(Portfolio(sample.folder).view(Scope(), Filters()), level=level)
    worst = sample.planted(planted)["keys"][0]
    assert ranked.frame["place"].iloc[0] == worst
    may_be = {
        *sample.truth["any_verdict"][level],
        *(truth["keys"][0] for truth in hotspot_truths(sample) if "hotspot" in truth["verdict"]),
    }
    hot = ranked.frame[ranked.frame["verdict"] == "hotspot"]
    by_chance = sorted(set(hot["place"]) - may_be)
    assert by_chance == []
    assert sample.planted("busy-ordinary-lane")["keys"][0] not in set(hot["place"])


def test_sites_where_robbed_lanes_halt_may_get_any_verdict(sample: Sample) -> None:
    # Thefts at truck stops are placed where the robbed trip rests: the planted lanes' halts stand out by them.
    truths = ("hotspot-lane", "small-lane-1", "small-lane-2", "small-lane-3")
    lanes = [key for name in truths for key in sample.planted(name)["keys"]]
    halts = {
        site
        for (site,) in sample.connection.execute(
            "select distinct site_id from theft_fact where list_contains($lanes, lane_id) and site_id is not null",
            {"lanes": lanes},
        ).fetchall()
    }
    assert len(halts) > len(lanes)
    assert halts - set(sample.truth["any_verdict"]["site"]) == set()


def test_the_planted_site_says_that_it_is_stated_on_its_lanes(sample: Sample) -> None:
    effect = sample.planted("hotspot-site")["effect"]
    thefts = sample.connection.execute(
        "select count(*) from theft_fact as t join incident as i using (incident_id)"
        " where list_contains($lanes, i.lane_id) and i.trip_id is not null",
        {"lanes": effect["lanes"]},
    ).fetchone()
    assert thefts == (effect["thefts"],)
    assert len(effect["lanes"]) == 10
    assert "not the expectation of the site" in effect["basis"]
    assert "not the expectation" not in sample.planted("hotspot-lane")["effect"]["basis"]


def test_the_evidence_of_the_planted_lane_is_its_thefts(sample: Sample) -> None:
    view = Portfolio(sample.folder).view(Scope(), Filters())
    lane = sample.planted("hotspot-lane")["keys"][0]
    row = ranked_verdicts(view, level="lane").frame.set_index("place").loc[lane]
    thefts = counted_thefts(view, level="lane")
    thefts = thefts[thefts["place"] == lane]
    assert len(thefts) == row["observed"]
    months = months_against_expected(view, level="lane", places=[lane], thefts=thefts)
    assert months is not None
    assert months.expected is not None
    assert (sum(months.observed), sum(months.expected)) == (row["observed"], pytest.approx(row["expected"]))


def test_what_the_high_deductible_hides_is_left_out_and_said_so(sample: Sample) -> None:
    view = Portfolio(sample.folder).view(Scope(), Filters())
    insured = sample.planted("high-deductible")["keys"][0]
    one = {"one": insured}
    ((exposed, fitted),) = view.rows(
        "select count(*), count(*) filter (where in_fit) from lane_month where insured_id = $one", one
    )
    assert exposed > 100
    assert fitted == 0
    assert view.rows("select coalesce(sum(units), 0) from hotspot_share where insured_id = $one", one) == [(0,)]
    own = {key for (key,) in view.rows("select incident_id from theft_fact where insured_id = $one", one)}
    assert not own & set(counted_thefts(view, level="lane")["incident_id"])
    assert any(text.startswith("1 insured with a deductible above") for text in notes(view, level="lane"))


def test_the_bad_year_is_expected_and_taken_for_no_place(sample: Sample) -> None:
    view = Portfolio(sample.folder).view(Scope(), Filters())
    thefts = counted_thefts(view, level="lane")
    lanes = ranked_verdicts(view, level="lane").frame["place"].unique().tolist()
    months = months_against_expected(view, level="lane", places=lanes, thefts=thefts)
    assert months is not None
    assert months.expected is not None
    by_year: dict[int, list[float]] = {}
    for month, count, due in zip(months.months, months.observed, months.expected, strict=True):
        told = by_year.setdefault(month.year, [0.0, 0.0, 0.0])
        by_year[month.year] = [told[0] + 1, told[1] + count, told[2] + due]
    assert by_year[2025][2] == pytest.approx(by_year[2025][1], rel=0.02)
    assert by_year[2025][2] / 12 > 1.2 * by_year[2024][2] / 12


def test_the_page_puts_the_planted_lane_first_and_names_it(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(sample.folder))
    monkeypatch.delenv("LANEWISE_INSUREDS", raising=False)
    app = AppTest.from_file(ROOT / "pages" / "shared" / "shell.py", default_timeout=120)
    app.switch_page("../portfolio/hotspots.py").run()
    assert not app.exception
    lane = sample.planted("hotspot-lane")["keys"][0]
    name = sample.value(f"select label from lane_key where lane_id = '{lane}'")
    ranking = app.dataframe[0].value
    assert (ranking["place"].iloc[0], ranking["verdict"].iloc[0]) == (name, "▲ hotspot")
    words = " ".join(str(element.value) for element in app.markdown).replace("\\", "")
    assert f"**Look at {name.replace(' → ', ' to ')} first: " in words
    assert "Synthetic data" in words


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_the_planted_hotspots_get_their_verdicts_at_other_seeds(tmp_path: Path, seed: int) -> None:
    feed, portfolio = tmp_path / "feed", tmp_path / "portfolio"
    feed.mkdir()
    truth = write_feed(feed, seed=seed)
    # Verdicts need no positions or scans, which take most of the time to load.
    head, *tables = (feed / "feed.toml").read_text(encoding="utf-8").split("[[table]]")
    light = [text for text in tables if not re.search('name = "(ping|scan|planned_scan|claim_movement)"', text)]
    (feed / "feed.toml").write_text("[[table]]".join([head, *light]), encoding="utf-8")
    load_feed(feed, portfolio=portfolio, fit=fit)
    file = portfolio / "snapshots" / f"{Portfolio(portfolio).current()}.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        assert set(verdicts(connection, truth).values()) == {True}
