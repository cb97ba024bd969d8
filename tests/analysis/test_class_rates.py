"""Rates of classes that differ in several ways at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.class_rates import fit_class_rates, pool_thin_classes


def test_one_kind_of_class_has_its_own_rate():
    assert fit_class_rates([2, 6, 0], [100, 100, 50], [[0, 1, 2]]) == pytest.approx([0.02, 0.06, 0.0])


def test_a_multiplicative_table_is_found_again():
    # Quarters 1 and 2 times, commodities 1 and 3 times, base 0.01; exposures differ, so that neither margin shows it.
    exposure = np.array([1000.0, 100.0, 200.0, 3000.0])
    quarter, commodity = [0, 0, 1, 1], [0, 1, 0, 1]
    truth = np.array([0.01, 0.03, 0.02, 0.06])
    assert fit_class_rates(exposure * truth, exposure, [quarter, commodity]) == pytest.approx(truth, rel=1e-9)


def test_a_rare_combination_cannot_set_its_own_rate():
    # Cell (1, 1) has 3 thefts of 10 exposures, a rate of 0.3; its margins say much less.
    rates = fit_class_rates([10, 10, 10, 3], [1000, 1000, 1000, 10], [[0, 0, 1, 1], [0, 1, 0, 1]])
    assert rates[3] < 0.03


def test_nothing_observed_gives_no_rate():
    assert fit_class_rates([0, 0], [10, 20], [[0, 1]]).tolist() == [0, 0]


def test_thin_classes_become_one():
    assert pool_thin_classes(["a", "b", "c", "a"], expected=[3, 1, 2, 3], least=5) == ["a", None, None, "a"]


CELLS = st.lists(
    st.tuples(st.integers(0, 20), st.floats(1, 1000), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30
)


@given(CELLS)
def test_expected_counts_add_up_to_the_observed_in_every_class(cells):
    count, exposure, first, second = (np.array(column) for column in zip(*cells, strict=True))
    rates = fit_class_rates(count, exposure, [first, second])
    for kind in (first, second):
        due, seen = np.bincount(kind, weights=exposure * rates), np.bincount(kind, weights=count)
        assert due.sum() == pytest.approx(seen.sum(), rel=1e-6, abs=1e-9)
    assert np.bincount(second, weights=exposure * rates) == pytest.approx(
        np.bincount(second, weights=count), rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: fit_class_rates([1], [0], [[0]]),
        lambda: fit_class_rates([1, 2], [1, 1], [[0]]),
        lambda: fit_class_rates([-1], [1], [[0]]),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="exposure"):
        wrong()
