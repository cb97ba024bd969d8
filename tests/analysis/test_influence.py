"""The one place that the verdicts of others rest on is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.influence import find_influence
from tests.analysis.books import load_book, shipments, thefts


def test_a_place_that_decides_the_verdicts_of_others_is_named(tmp_path: Path) -> None:
    names = [f"L{n}" for n in range(1, 13)]
    lanes = "lane_id,origin_site_id,destination_site_id,mode\n" + "".join(f"{name},S1,S3,road\n" for name in names)

    def notes_of(root: Path, worst: int) -> list[str]:
        view = load_book(
            root,
            goods=[shipments(100, lane=name, month="2025-03") for name in names],
            lost=[
                thefts(worst, lane="L1", month="2025-03"),
                thefts(6, lane="L2", month="2025-03"),
                *(thefts(2, lane=name, month="2025-03") for name in names[2:]),
            ],
            more={"lane.csv": lanes},
        )
        return [
            text for (text,) in view.rows("select text from model_note where topic = 'influence' and level = 'lane'")
        ]

    assert notes_of(tmp_path / "even", 3) == []
    (text,) = notes_of(tmp_path / "one", 60)
    assert text.startswith(
        "One place decides how much lanes differ (line haul): without Dallas hub → Atlanta hub"
        " (60 thefts where 7.17 were expected) they would be taken for far more alike (coefficient of variation "
    )
    assert text.endswith(", and no other lane is a hotspot or watched")


def test_influence_counts_the_verdicts_that_rest_on_one_place() -> None:
    def place(name: str, observed: int, expected: float, verdict: str) -> dict[str, object]:
        return {
            "level": "site", "segment": "line haul", "place_id": name, "observed": observed, "expected": expected,
            "verdict": verdict,
        }  # fmt: skip

    places = pd.DataFrame(
        [place("A", 40, 2.0, "hotspot"), place("B", 3, 1.0, "watch"), place("C", 5, 2.0, "hotspot")]
        + [place(f"D{n}", 1, 1.0, "ordinary") for n in range(40)]
    )
    asked: list[pd.DataFrame] = []

    def judge(rest: pd.DataFrame, dispersion: float) -> pd.DataFrame:
        asked.append(rest)
        return rest.assign(weight=dispersion)

    (found,) = find_influence(
        places,
        judge=judge,
        verdicts_of=lambda frame: frame.assign(
            verdict=np.where(frame["place_id"] == "B", "ordinary", np.where(frame["place_id"] == "C", "hotspot", ""))
        ).replace({"verdict": {"": "ordinary"}}),
    )
    assert (found.level, found.segment, found.place_id, found.observed, found.expected) == (
        "site", "line haul", "A", 40, 2.0,
    )  # fmt: skip
    assert (found.called, found.weaker) == (2, 1)
    assert found.variation > 1.4 * found.variation_without
    # What was expected of the others adds up to their own 48 thefts.
    assert asked[0]["expected"].sum() == pytest.approx(48.0)
