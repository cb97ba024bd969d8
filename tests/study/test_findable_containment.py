"""The slow hub is found from the size that docs/findable-containment.md states, and hubs that are not slow are not."""

from __future__ import annotations

from tests.study.findable_containment import USUAL_MINUTES, found


def test_a_slow_hub_is_found_from_ten_incidents_on() -> None:
    called, wrongly = found(at_hub=10, runs=12, seed=5)
    assert called >= 10 / 12
    assert wrongly <= 2 / 12


def test_a_hub_of_four_is_not_judged_and_an_ordinary_one_not_called() -> None:
    assert found(at_hub=4, runs=3)[0] == 0
    assert found(at_hub=14, runs=10, hub_minutes=USUAL_MINUTES)[0] <= 1 / 10
