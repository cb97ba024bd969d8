"""Intervals of loss ratios against exact answers, and what they say where there is little or nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.intervals import poisson_interval
from analysis.loss_ratio import LossSums, loss_ratio, loss_ratios, sum_losses


# Losses of one size are a Poisson count times that size: the exact interval of Garwood (1936).
@pytest.mark.parametrize("count", [1, 2, 5, 30, 400])
def test_losses_of_one_size_have_the_exact_poisson_interval(count):
    found = loss_ratio([2_500.0] * count, 50_000, level=0.95)
    low, high = poisson_interval(count, level=0.95)
    assert found.value == pytest.approx(count * 2_500 / 50_000)
    assert found.interval == pytest.approx((low * 0.05, high * 0.05), rel=1e-9)
    assert found.standard_error == pytest.approx(0.05 * math.sqrt(count))


def test_the_published_interval_of_five_events():
    # Garwood (1936), Biometrika 28:437-442: 1.623 and 11.668 of 5.
    found = loss_ratio([1.0] * 5, 1.0, level=0.95)
    assert found.interval == pytest.approx((1.623, 11.668), abs=5e-4)


# Fay & Feuer (1997), Statistics in Medicine 16:791-801: with y the sum, v the sum of squares, w the largest.
def test_losses_of_several_sizes_have_fay_and_feuers_interval():
    y, v, w = 1 + 2 + 7, 1 + 4 + 49, 7
    low = v / (2 * y) * stats.chi2.ppf(0.05, 2 * y**2 / v)
    high = (v + w**2) / (2 * (y + w)) * stats.chi2.ppf(0.95, 2 * (y + w) ** 2 / (v + w**2))
    assert loss_ratio([1.0, 2.0, 7.0], 20.0).interval == pytest.approx((low / 20, high / 20), rel=1e-9)


def test_the_variance_is_that_of_a_compound_poisson_sum():
    # Klugman, Panjer & Willmot, Loss Models, section 9.2: Var S = E N x E X^2. Simulated 2,000 times at 30 losses.
    generator = np.random.default_rng(2)
    sums = [loss_ratio(generator.exponential(size=generator.poisson(30)), 1.0) for _ in range(2_000)]
    variance = np.mean([found.standard_error**2 for found in sums])
    assert variance == pytest.approx(60, rel=0.03)
    assert np.var([found.value for found in sums]) == pytest.approx(60, rel=0.1)


def test_the_class_spread_of_sizes_widens_the_interval_of_few_losses():
    own, of_class = loss_ratio([100.0] * 3, 1_000), loss_ratio([100.0] * 3, 1_000, severity_cv=2.0)
    # v = 3 x 100^2 x 5 and w = 500.
    assert of_class.standard_error == pytest.approx(math.sqrt(3 * 5) * 0.1)
    assert of_class.interval.low < own.interval.low < own.interval.high < of_class.interval.high
    assert own.caveats == ("Its 3 losses tell little of how large one can be: the true range is wider",)
    assert of_class.caveats == ()


def test_what_was_seen_is_never_smoothed_away():
    seen = loss_ratio([1.0, 1.0, 100.0], 1.0, severity_cv=0.1)
    assert seen.standard_error == pytest.approx(math.sqrt(10_002))


@pytest.mark.parametrize(("expected", "cv"), [(2, 2), (20, 2), (5, 4)])
def test_with_the_class_spread_the_interval_holds_the_truth_often_enough(expected, cv):
    generator = np.random.default_rng(8)
    sigma = math.sqrt(math.log(1 + cv**2))
    books = [generator.lognormal(-(sigma**2) / 2, sigma, size=n) for n in generator.poisson(expected, size=1_500)]
    losses = LossSums(
        count=np.array([len(book) for book in books]),
        total=np.array([book.sum() for book in books]),
        squares=np.array([(book**2).sum() for book in books]),
        largest=np.array([book.max(initial=0.0) for book in books]),
        falls=np.zeros(1_500, dtype=bool),
    )
    found = loss_ratios(losses, np.ones(1_500), mean_severity=1.0, severity_cv=cv, level=0.9)
    assert ((found.low <= expected) & (expected <= found.high)).mean() > 0.9


def test_the_error_of_development_is_added():
    found = loss_ratio([100.0] * 4, 1_000, development_error=150.0)
    assert found.standard_error == pytest.approx(math.sqrt(4 * 100**2 + 150**2) / 1_000)


# ---- nothing, little, negative


def test_without_premium_there_is_no_ratio():
    found = loss_ratio([100.0], 0)
    assert (found.value, found.interval, found.n) == (None, None, 1)
    assert found.caveats == ("There is no earned premium",)


def test_without_a_loss_and_a_size_there_is_no_interval():
    found = loss_ratio([], 1_000)
    assert (found.value, found.interval) == (0.0, None)
    assert found.caveats == ("No loss tells how large one could be: there is no interval",)


def test_without_a_loss_the_size_of_the_class_bounds_the_ratio():
    # 0 of Poisson: up to -ln 0.05 = 2.996 losses of 100.
    found = loss_ratio([], 1_000, mean_severity=100.0)
    assert found.interval == pytest.approx((0, 0.2996), abs=5e-5)
    # Of sizes with cv 2 one loss counts for 5 times as much.
    assert loss_ratio([], 1_000, mean_severity=100.0, severity_cv=2.0).interval.high == pytest.approx(
        5 * 0.29957, rel=1e-4
    )


def test_claims_that_came_to_nothing_are_as_good_as_none():
    found = loss_ratio([0.0, 0.0], 1_000, mean_severity=100.0)
    assert found.value == 0
    assert found.interval == pytest.approx((0, 0.2996), abs=5e-5)
    assert loss_ratio([0.0, 0.0], 1_000).interval is None


def test_net_losses_that_may_be_negative_have_the_normal_interval():
    found = loss_ratio([100.0, -40.0], 1_000)
    reach = 1.644854 * math.sqrt(100**2 + 40**2)
    assert found.value == pytest.approx(0.06)
    assert found.interval == pytest.approx(((60 - reach) / 1_000, (60 + reach) / 1_000), rel=1e-6)
    assert "Some losses are negative: the interval is the normal one" in found.caveats


def test_a_ratio_below_nothing_is_shown_as_such():
    found = loss_ratio([-50.0], 1_000)
    assert found.value == pytest.approx(-0.05)
    assert found.interval.low < -0.05 < found.interval.high


def test_several_accounts_are_each_their_own():
    rows = [[1.0, 2.0, 7.0], [], [5.0, 5.0]]
    parts = [sum_losses(row) for row in rows]
    losses = LossSums(*(np.concatenate([getattr(part, name) for part in parts]) for name in LossSums.__annotations__))
    found = loss_ratios(losses, [20.0, 10.0, 0.0])
    alone = loss_ratio(rows[0], 20.0)
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx((alone.value, *alone.interval))
    assert found.n.tolist() == [3, 0, 2]
    assert math.isnan(found.high[1])
    assert math.isnan(found.value[2])
    assert found.caveats[2] == ("There is no earned premium",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"premium": [1.0, 2.0]}, "2 premiums for 1 accounts"),
        ({"premium": [-1.0]}, "not negative"),
        ({"premium": [1.0], "severity_cv": -1.0}, "not negative"),
        ({"premium": [1.0], "development_error": -1.0}, "not negative"),
        ({"premium": [1.0], "level": 1.0}, "level"),
    ],
)
def test_impossible_inputs_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        loss_ratios(sum_losses([1.0]), **given)


def test_losses_are_finite():
    with pytest.raises(ValueError, match="finite"):
        sum_losses([math.nan])


@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30),
    st.floats(1.0, 1e6),
    st.floats(0.01, 100),
    st.one_of(st.none(), st.floats(0, 5)),
)
def test_the_ratio_lies_in_its_interval_whatever_the_currency(amounts, premium, rate, cv):
    found = loss_ratio(amounts, premium, severity_cv=cv)
    abroad = loss_ratio([rate * amount for amount in amounts], rate * premium, severity_cv=cv)
    assert 0 <= found.interval.low <= found.value <= found.interval.high
    assert abroad.value == pytest.approx(found.value, rel=1e-9)
    assert abroad.interval == pytest.approx(found.interval, rel=1e-6)
