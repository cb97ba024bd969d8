"""The study of telemetry runs, and what it draws is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.study.fleets import USUAL_DARK, Fleet, draw_trips
from tests.study.telemetry import changed_month, dark_at_loss, dark_carrier


def test_a_fleet_is_dark_for_its_share_in_each_month() -> None:
    trips = draw_trips(np.random.default_rng(3), Fleet(20_000, 500, [USUAL_DARK, 0.1]), carrier="C1")
    sums = trips.groupby("month_number")[["dark_s", "window_s"]].sum()
    assert (sums["dark_s"] / sums["window_s"]).to_list() == pytest.approx([USUAL_DARK, 0.1], rel=0.08)
    assert trips["device"].nunique() == 500
    assert (trips["dark_s"] <= trips["window_s"]).all()


def test_a_large_dark_carrier_is_named_and_a_tiny_one_hardly() -> None:
    found = dark_carrier(seeds=2, trips=(2, 300))
    assert found[0.10, 10][300]["named"] == (2.0, 2.0)
    assert sum(by[2]["named"][0] for by in found.values()) <= 4
    assert sum(by[300]["others named"][0] for by in found.values()) <= 2


def test_a_single_theft_raises_no_question_where_its_chance_is_5_per_cent() -> None:
    found = dark_at_loss()
    # The chance of 1 of 1 is 5%, which is not below 5%; of 2 of 2 it is 0.25%.
    assert found[0.8][1] == (None, 0.0)
    assert found[0.8][2] == (2, pytest.approx(0.64))
    assert all(chance < 0.05 for _, chance in found[0.05].values())


def test_a_great_fall_is_found_in_its_month() -> None:
    found = changed_month(seeds=2, monthly=(80,), after=(6,))
    assert found[0.10, 6][80]["found"] == (2.0, 2.0)
    assert found[0.10, 6][80]["month right"] == (2.0, 2.0)
