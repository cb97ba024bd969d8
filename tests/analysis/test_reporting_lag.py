"""How late thefts are reported, and that the latest months do not flatter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.reporting_lag import EMPTY, fit_lag_curve


def test_without_truncation_the_curve_is_the_plain_share():
    curve = fit_lag_curve([0, 2, 2, 5], [1000] * 4, [10, 10, 10, 10])
    assert curve.days.tolist() == [0, 2, 5]
    assert curve.share == pytest.approx([0.25, 0.75, 1.0])
    assert curve.share_by([0, 1, 2, 4, 5, 99]) == pytest.approx([0.25, 0.25, 0.75, 0.75, 1, 1])
    assert curve.quantile(0.5) == 2
    assert curve.quantile(0.9) == 5


def test_the_product_limit_by_hand():
    # Lag 1: 30 thefts old enough for anything, 20 only 3 days old. Lag 10: 10 of the old ones.
    # At 10 days 40 could have shown it and 10 did; at 1 day all 50 of lag 1 did: F(1) = 1 - 10 / 40.
    curve = fit_lag_curve([1, 1, 10], [100, 3, 100], [30, 20, 10])
    assert curve.at_risk.tolist() == [50, 40]
    assert curve.share == pytest.approx([0.75, 1.0])


def test_truncation_is_undone():
    # Lags of 0 to 99 days, equally likely; only thefts reported by the data's date are seen.
    generator = np.random.default_rng(3)
    age = generator.integers(0, 400, size=40_000)
    lag = generator.integers(0, 100, size=40_000)
    seen = lag <= age
    curve = fit_lag_curve(lag[seen], age[seen])
    assert curve.share_by([24, 49, 74]) == pytest.approx([0.25, 0.5, 0.75], abs=0.015)
    plain = (lag[seen] <= 49).mean()
    assert plain > 0.52, "the plain share would have flattered"


def test_a_lag_that_hardly_any_theft_could_show_does_not_topple_the_curve():
    # One theft of lag 900 among the only two that are old enough: taken at its word, nothing else would be left.
    curve = fit_lag_curve([1, 2, 900, 3], [500, 500, 950, 950], [40, 40, 1, 1])
    assert curve.days.max() == 3
    assert curve.share_by([2])[0] == pytest.approx(1 - 1 / 81)


def test_no_report_at_all_takes_everything_as_known():
    assert EMPTY.share_by([0, 50]).tolist() == [1.0, 1.0]
    assert EMPTY.quantile(0.5) is None
    assert fit_lag_curve([], []).days.tolist() == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=60))
def test_a_share_grows_to_one(pairs):
    lag = [min(pair) for pair in pairs]
    age = [max(pair) for pair in pairs]
    curve = fit_lag_curve(lag, age)
    assert (np.diff(curve.share) >= -1e-12).all()
    assert (curve.share >= 0).all()
    assert curve.share[-1] == 1.0


@pytest.mark.parametrize(("lag", "age"), [([5], [4]), ([-1], [4])])
def test_what_cannot_be_is_refused(lag, age):
    with pytest.raises(ValueError, match="lag"):
        fit_lag_curve(lag, age)
