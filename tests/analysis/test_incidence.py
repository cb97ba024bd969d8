"""Shares of several ends, against statsmodels, binomial figures and Kaplan-Meier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from analysis.durations import durations_until
from analysis.incidence import cumulative_incidence
from analysis.survival import kaplan_meier

ENDS = ["contained", "gone", "contained", None, "gone", "contained", None, "withdrawn", "contained", "gone"]
TIMES = [5, 5, 10, 12, 20, 20, 25, 30, 40, 50]


def test_shares_and_errors_are_those_of_statsmodels_while_some_are_open():
    found = cumulative_incidence(TIMES, ENDS)
    codes = [0 if end is None else 1 + found.ends.index(end) for end in ENDS]
    with np.errstate(all="ignore"):
        oracle = CumIncidenceRight(TIMES, np.array(codes))
    at = np.searchsorted(oracle.times, found.times)
    assert found.incidence == pytest.approx(np.array(oracle.cinc)[:, at])
    assert found.standard_error[:, :-1] == pytest.approx(np.array(oracle.cinc_se)[:, at[:-1]])


def test_without_censoring_errors_are_binomial_to_the_last():
    # statsmodels gives no number at the last time. I = 2/4: sqrt(0.5 x 0.5 / 4).
    found = cumulative_incidence([1, 2, 3, 4], ["a", "b", "a", "b"])
    assert found.incidence.tolist() == [[0.25, 0.25, 0.5, 0.5], [0.0, 0.25, 0.25, 0.5]]
    assert found.standard_error[:, -1] == pytest.approx([0.25, 0.25])
    assert found.standard_error[0, 0] == pytest.approx(math.sqrt(0.25 * 0.75 / 4))


def test_a_single_end_is_kaplan_meier():
    time, happened = [6, 6, 6, 7, 10, 13, 9, 10, 11, 17], [1, 1, 0, 1, 1, 1, 0, 0, 0, 0]
    curve = kaplan_meier(time, happened)
    found = cumulative_incidence(time, ["contained" if event else None for event in happened])
    assert found.incidence[0] == pytest.approx(1 - curve.survival)
    assert found.standard_error[0] == pytest.approx(curve.standard_error)
    assert found.low[0] == pytest.approx(1 - curve.high)
    assert found.high[0] == pytest.approx(1 - curve.low)


def test_counting_lost_loads_as_never_contained_gives_the_same_share_where_all_were_followed():
    ends = ["contained", "closed not contained", "contained", None, "closed not contained", "contained"]
    time = [10, 15, 30, 2000, 40, 90]
    kept = durations_until("contained", time=time, end=ends, never=["closed not contained"], horizon=1440)
    share = kaplan_meier(kept.time, kept.happened).share_by(60).value
    assert share == pytest.approx(cumulative_incidence(time, ends).share_by(60, end="contained").value)
    assert share == pytest.approx(2 / 6)


def test_where_cases_are_censored_early_counting_as_never_errs_low():
    ends = ["closed not contained", None, "contained", "contained"]
    time = [5, 10, 20, 2000]
    kept = durations_until("contained", time=time, end=ends, never=["closed not contained"], horizon=1440)
    share = kaplan_meier(kept.time, kept.happened).share_by(60).value
    # By hand: 1 of 3 at risk, against 3/4 open x 1 of 2.
    assert share == pytest.approx(1 / 3)
    assert cumulative_incidence(time, ends).share_by(60, end="contained").value == pytest.approx(3 / 8)


def test_an_end_that_never_came_has_an_exact_upper_end():
    found = cumulative_incidence([10, 20, 30, 90], ["contained"] * 3 + [None], ends=["contained", "gone"])
    share = found.share_by(60, end="gone")
    assert share.value == 0
    assert share.interval == pytest.approx((0, 1 - 0.025 ** (1 / 4)))


def test_nobody_followed_so_far_bounds_the_share_from_below():
    share = cumulative_incidence([10, 20, 30], ["contained", None, None]).share_by(60, end="contained")
    assert share.value == pytest.approx(1 / 3)
    assert share.interval.high == 1
    assert any("Nobody was followed to 60" in caveat for caveat in share.caveats)


def test_no_cases_have_no_share():
    found = cumulative_incidence([], [], ends=["contained"])
    assert found.share_by(60, end="contained").value is None
    assert found.share_by(60, end="contained").caveats == ("There are no cases",)


def test_all_open_have_a_share_of_nothing():
    share = cumulative_incidence([100, 100], [None, None], ends=["contained"]).share_by(60, end="contained")
    assert share.value == 0
    assert share.interval == pytest.approx((0, 1 - 0.025**0.5))


def test_an_unknown_end_is_named():
    with pytest.raises(ValueError, match="no such end: 'lost'; there are contained"):
        cumulative_incidence([1], ["contained"]).share_by(1, end="lost")
    with pytest.raises(ValueError, match="not asked for: gone"):
        cumulative_incidence([1, 2], ["contained", "gone"], ends=["contained"])


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([None, "a", "b", "c"])), min_size=1, max_size=40))
def test_ends_and_open_cases_add_up_to_all(cases):
    time, ends = [time for time, _ in cases], [end for _, end in cases]
    found = cumulative_incidence(time, ends, ends=["a", "b", "c"])
    still_open = kaplan_meier(time, [end is not None for end in ends]).survival
    assert found.incidence.sum(axis=0) + still_open == pytest.approx(1)
    assert np.isfinite(np.stack([found.standard_error, found.low, found.high])).all()
    assert ((found.low - 1e-9 <= found.incidence) & (found.incidence <= found.high + 1e-9)).all()
