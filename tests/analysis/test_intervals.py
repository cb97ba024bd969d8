"""Intervals against published tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.intervals import poisson_interval, wilson_interval

# Garwood (1936), Biometrika 28:437-442; the same figures in Breslow & Day (1987).
GARWOOD = {0: (0, 3.689), 1: (0.0253, 5.572), 5: (1.623, 11.668), 10: (4.795, 18.39), 20: (12.217, 30.888)}
GARWOOD_TOLERANCE = 0.0011


@pytest.mark.parametrize("count", GARWOOD)
def test_poisson_interval_is_garwoods(count):
    assert poisson_interval(count) == pytest.approx(GARWOOD[count], abs=GARWOOD_TOLERANCE)


# Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3.
NEWCOMBE = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}


@pytest.mark.parametrize("case", NEWCOMBE)
def test_wilson_interval_is_newcombes_method_3(case):
    assert wilson_interval(*case) == pytest.approx(NEWCOMBE[case], abs=0.00006)


def test_a_higher_level_gives_a_wider_interval():
    assert poisson_interval(10, level=0.9).low > poisson_interval(10, level=0.95).low
    assert wilson_interval(5, 10, level=0.9).high < wilson_interval(5, 10, level=0.95).high


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: poisson_interval(-1),
        lambda: poisson_interval(3, level=1.0),
        lambda: wilson_interval(0, 0),
        lambda: wilson_interval(4, 3),
        lambda: wilson_interval(1, 3, level=95),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"count|share|level"):
        wrong()


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_an_interval_holds_its_estimate(count, more):
    low, high = poisson_interval(count)
    assert 0 <= low <= count < high
    low, high = wilson_interval(count, count + more)
    assert 0 <= low <= count / (count + more) <= high <= 1
