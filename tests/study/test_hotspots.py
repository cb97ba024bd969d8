"""The study of Hotspots runs, counts what it says it counts, and draws the books that it describes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.study.__main__ import main
from tests.study.books import WORLDS, draw_book
from tests.study.hotspots import add, judge_calls, judge_rankings, judge_scan, judge_verdicts
from tests.study.report import cell, rate


def test_it_runs_and_keeps_its_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "study.json"
    assert main(["hotspots", "--seeds", "2", "--thefts", "30,300", "--json", str(kept)]) == 0
    printed = capsys.readouterr().out
    assert "| measure | 30 | 300 |" in printed
    found = json.loads(kept.read_text())
    assert found["seeds"] == 2
    assert set(found["worlds"]) == set(WORLDS)
    for world, sizes in found["worlds"].items():
        for size, tally in sizes.items():
            assert tally["thefts"][1] == 2
            assert tally["thefts"][0] / 2 == pytest.approx(int(size), abs=6 * np.sqrt(int(size)))
            assert tally["covered, all lanes"][1] == 600
            assert (tally["hot lanes"][0] == 0) == (world == "equal")
            assert tally["verdict: false of all calls"][0] <= tally["verdict: called"][0]
            if world != "equal":
                best = tally["top ten by truth"][0]
                assert all(tally[f"top ten by {name}"][0] <= best for name in ("excess loss", "raw rate", "raw count"))
    # What the prior promises holds roughly even in two books of the world that it describes.
    part, whole = found["worlds"]["spread"]["300"]["covered, all lanes"]
    assert 0.8 < part / whole < 0.97


@pytest.mark.parametrize("world", WORLDS)
def test_a_book_has_the_thefts_and_the_risks_of_its_world(world: str) -> None:
    book = draw_book(np.random.default_rng(4), world=world, thefts=1_000)
    lanes = book.lanes
    assert (lanes["due"] * lanes["ratio"]).sum() == pytest.approx(1_000)
    assert lanes["due"].sum() == pytest.approx(1_000)
    assert len(book.thefts) == pytest.approx(1_000, abs=150)
    seen = book.thefts["lane_id"].value_counts().reindex(lanes["lane_id"], fill_value=0).to_numpy()
    apart = (seen - lanes["due"] * lanes["ratio"]) / np.sqrt(lanes["due"] * lanes["ratio"])
    assert np.abs(apart).max() < 6
    others = lanes.loc[~lanes["planted"], "ratio"]
    match world:
        case "equal":
            assert set(lanes["ratio"].round(9)) == {1.0}
        case "planted":
            assert lanes["planted"].sum() == 15
            assert lanes.loc[lanes["planted"], "ratio"].mean() / others.mean() == pytest.approx(3)
        case "hubs":
            assert lanes.loc[lanes["planted"], "ratio"].mean() / others.mean() == pytest.approx(2.5, rel=0.25)
        case _:
            assert lanes["ratio"].std() / lanes["ratio"].mean() == pytest.approx(0.6, abs=0.1)


def test_the_same_seed_draws_the_same_book() -> None:
    books = [draw_book(np.random.default_rng(9), world="hubs", thefts=100) for _ in range(2)]
    pd.testing.assert_frame_equal(books[0].thefts, books[1].thefts)
    pd.testing.assert_frame_equal(books[0].lanes, books[1].lanes)


LANES = pd.DataFrame(
    {
        "lane_id": ["A", "B", "C", "D"],
        "ratio": [3.0, 1.0, 1.6, 0.5],
        "due": [5.0, 20.0, 0.5, 40.0],
        "low": [1.6, 0.9, 0.2, 0.6],
        "high": [3.5, 2.0, 1.5, 1.2],
        "probability": [0.98, 0.6, 0.3, 0.0],
        "weight": [0.6, 0.9, 0.1, 0.9],
        "verdict": ["hotspot", "watch", "not enough data", "ordinary"],
        "severity": [10.0, 10.0, 10.0, 10.0],
        "observed": [12, 25, 1, 22],
        "units": [50.0, 300.0, 1.0, 500.0],
        "excess_loss": [60.0, 40.0, 1.0, -150.0],
        "planted": [True, False, True, False],
    }
)


def test_verdicts_are_held_against_the_truth() -> None:
    found = judge_verdicts(LANES)
    assert found["verdict: false of all calls"] == (0, 1)
    assert found["verdict: hot ones found"] == (1, 2)
    assert found["watched, wrong"] == (1, 1)
    assert found["watched, said to be wrong"] == (pytest.approx(0.4), 1)
    assert found["covered, all lanes"] == (2, 4)
    assert found["covered, enough data"] == (2, 3)
    assert found["exposure with enough data"] == (65, 65.5)
    assert found["called, 3 to 10 expected"] == (1, 1)
    assert found["called or watched, 0 to 1 expected"] == (0, 1)


def test_a_book_without_a_call_has_no_false_one() -> None:
    found = judge_calls("x", called=np.zeros(3, dtype=bool), hot=np.ones(3, dtype=bool))
    assert found["x: false-discovery rate"] == (0, 1)
    assert found["x: false of all calls"] == (0, 0)


def test_rankings_are_weighed_by_the_true_excess() -> None:
    many = pd.concat([LANES.assign(lane_id=LANES["lane_id"] + str(n)) for n in range(6)], ignore_index=True)
    found = judge_rankings(many)
    # Excess of A: 5 x 2 x 10; of C: 0.5 x 0.6 x 10.
    assert found["top ten by truth"] == (pytest.approx(600 + 4 * 3), pytest.approx(6 * 103))
    assert found["top ten by excess loss"][0] == pytest.approx(600)
    # By raw rate C comes first, then four of A; by count B and D fill the list.
    assert found["top ten by raw rate"][0] == pytest.approx(6 * 3 + 4 * 100)
    assert found["top ten by raw count"][0] == 0


def test_clusters_are_held_against_what_was_planted() -> None:
    clusters = pd.DataFrame({"p_value": [0.01] * 3, "p_value_lanes": [0.01, 0.01, 0.5], "lane_id": ["A", "B", "C"]})
    found = judge_scan(LANES, clusters)
    assert found["scan: books with a cluster beyond lanes"] == (1, 1)
    assert found["scan: lanes of a cluster that are planted"] == (2, 3)
    assert found["scan: planted lanes in a cluster beyond lanes"] == (1, 2)
    assert judge_scan(LANES, clusters[:0])["scan: books with a cluster"] == (0, 1)


def test_tables_say_what_a_share_is_of() -> None:
    assert cell((3, 12), "of") == "25% of 12"
    assert cell((0, 0), "of") == "–"
    assert cell((7, 2), "mean") == "3.5"
    both = add([{"r": (0.5, 1), "r squared": (0.25, 1)}, {"r": (0.0, 1), "r squared": (0.0, 1)}])
    assert rate(both, "r") == "25.0% ± 34.6%"
