"""A move is split into links and groups that add up to it exactly, whatever is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.drivers import APART, decompose


def table(**groups: tuple[float, ...]) -> pd.DataFrame:
    rows = [(key, *values) for key, values in groups.items()]
    return pd.DataFrame(rows, columns=["key", "shipments", "losses", "cost"])


CHAIN = {"sums": ["shipments", "losses", "cost"], "links": ["frequency", "severity"]}


def test_growth_alone_is_volume():
    found = decompose(table(a=(100, 2, 40.0), b=(50, 4, 20.0)), table(a=(200, 4, 80.0), b=(100, 8, 40.0)), **CHAIN)
    assert found.parts == pytest.approx({"volume": 60, "mix": 0, "frequency": 0, "severity": 0, APART: 0}, abs=1e-9)


def test_frequency_and_severity_share_what_they_do_together():
    # 2 losses of 10 become 3 of 20: 2 orders, (10 + 20) / 2 and (20 + 30) / 2.
    found = decompose(table(a=(100, 2, 20.0)), table(a=(100, 3, 60.0)), **CHAIN)
    assert found.parts == pytest.approx({"volume": 0, "mix": 0, "frequency": 15, "severity": 25, APART: 0}, abs=1e-9)


def test_a_worse_group_that_grows_is_mix_and_counts_against_the_level_of_all():
    # From 1% of a half to a quarter, 3% of a half to three quarters: 2% becomes 2.5%.
    before, now = table(a=(100, 1, 0), b=(100, 3, 0)), table(a=(50, 0.5, 0), b=(150, 4.5, 0))
    found = decompose(before, now, sums=["shipments", "losses"], links=["frequency"], is_ratio=True)
    assert (found.before, found.now) == pytest.approx((0.02, 0.025))
    assert found.parts == pytest.approx({"mix": 0.005, "frequency": 0, APART: 0}, abs=1e-12)
    # Against 2.25%, the mean of both levels: a, below it, shrinks, and b, above it, grows.
    by_group = found.frame.set_index("key")["total"]
    assert by_group["a"] == pytest.approx(-0.25 * (0.01 - 0.0225))
    assert by_group["b"] == pytest.approx(0.25 * (0.03 - 0.0225))


def test_an_account_that_comes_is_mix_and_volume_alone():
    found = decompose(table(a=(100, 2, 20.0)), table(a=(100, 2, 20.0), b=(50, 5, 100.0)), **CHAIN)
    assert found.parts["frequency"] == pytest.approx(0)
    assert found.parts["severity"] == pytest.approx(0)
    assert found.move == pytest.approx(100)


def test_a_cost_without_exposure_stands_apart():
    found = decompose(table(a=(100, 2, 20.0)), table(a=(100, 2, 20.0), b=(0, 0, 7.0)), **CHAIN)
    assert found.parts == pytest.approx({"volume": 0, "mix": 0, "frequency": 0, "severity": 0, APART: 7}, abs=1e-9)


def test_what_is_still_to_come_is_a_part_of_its_own():
    before, now = table(a=(100, 2, 20.0)).assign(due=0.0), table(a=(100, 2, 20.0)).assign(due=5.0)
    found = decompose(before, now, **CHAIN, is_ratio=True, rest="due", apart="still to come")
    assert (found.before, found.now) == pytest.approx((0.2, 0.25))
    assert found.parts == pytest.approx({"mix": 0, "frequency": 0, "severity": 0, "still to come": 0.05}, abs=1e-12)


def test_rows_without_a_group_are_one_that_says_so():
    before = pd.DataFrame({"key": [None, "a"], "shipments": [10.0, 10], "losses": [1.0, 1]})
    found = decompose(before, before, sums=["shipments", "losses"], links=["frequency"])
    assert set(found.frame["key"]) == {"a", "not known"}
    assert found.move == 0


def test_nothing_against_nothing_is_nothing():
    none = table().iloc[:0]
    found = decompose(none, none, **CHAIN)
    assert (found.before, found.now, found.frame.empty) == (0.0, 0.0, True)


def test_links_stand_between_sums():
    with pytest.raises(ValueError, match="3 sums have 2 links"):
        decompose(table(), table(), sums=["shipments", "losses", "cost"], links=["frequency"])


numbers = st.one_of(st.just(0.0), st.floats(0.01, 1e6))
groups = st.dictionaries(st.sampled_from("abcdef"), st.tuples(numbers, numbers, numbers), max_size=5)


@given(groups, groups, st.booleans())
def test_parts_and_groups_add_up_to_the_move(before, now, is_ratio):
    old, new = table(**before), table(**now)
    found = decompose(old, new, **CHAIN, is_ratio=is_ratio)

    def number(frame: pd.DataFrame) -> float:
        if not is_ratio:
            return float(frame["cost"].sum())
        exposed = frame["shipments"].sum()
        return float(frame["cost"].sum() / exposed) if exposed else 0.0

    assert found.before == pytest.approx(number(old), rel=1e-9, abs=1e-6)
    assert found.now == pytest.approx(number(new), rel=1e-9, abs=1e-6)
    size = max(1.0, *(abs(part) for part in found.parts.values()), found.before, found.now)
    assert sum(found.parts.values()) == pytest.approx(found.move, abs=1e-9 * size)
    assert float(np.sum(found.frame["total"])) == pytest.approx(found.move, abs=1e-9 * size)
