"""Statistics of service levels against published figures, and what must hold for every ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.service_levels import (
    Spread,
    allowed_downtime,
    cluster_variance,
    dark_at_loss_test,
    error_budget,
    funnel_error,
    funnel_limits,
    level_shift,
    ratio_change,
    ratio_estimate,
    slot_uptime,
    unavailable_spans,
)

HOUR, MINUTE = 3600.0, 60.0
# Beyer et al. (2016), Site Reliability Engineering, appendix A: hours a year, minutes a 30-day month, minutes a week.
AVAILABILITY = [
    (0.9, 876.0, 4320, 1008.0),
    (0.95, 438.0, 2160, 504.0),
    (0.99, 87.6, 432.0, 100.8),
    (0.995, 43.92, 216.0, 50.4),
    (0.999, 8.76, 43.2, 10.1),
    (0.9999, 0.8766666666666667, 4.32, 1.01),
    (0.99999, 0.08766666666666666, 0.43166666666666664, 0.10083333333333333),
]


@pytest.mark.parametrize(("target", "year", "month", "week"), AVAILABILITY)
def test_allowed_downtime_of_the_availability_table(target, year, month, week):
    day = 24 * HOUR
    assert allowed_downtime(target, 365 * day) / HOUR == pytest.approx(year, rel=0.006)
    assert allowed_downtime(target, 30 * day) / MINUTE == pytest.approx(month, rel=0.006)
    assert allowed_downtime(target, 7 * day) / MINUTE == pytest.approx(week, rel=0.006)


def test_a_target_beyond_certainty_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        allowed_downtime(1.2, 60)


def test_a_budget_can_be_overspent():
    found = error_budget(97.0, 100.0, target=0.98)
    assert (found.allowed, found.used, found.left) == (2.0, 3.0, -0.5)
    assert error_budget(97.0, 100.0, target=1.0).left is None


# ---- slots: constructed case of a day of 288 slots of 300 s (onset rule of ITU-T G.826)

MISSED = [10, 50, 51, *range(100, 106), *range(200, 220)]
MAINTENANCE = range(210, 216)


def test_every_missed_slot_is_down_by_the_stricter_definition():
    assert slot_uptime(MISSED, due=288).uptime == pytest.approx(0.8993055555555556, abs=1e-9)
    assert slot_uptime(MISSED, due=288, excluded=MAINTENANCE).uptime == pytest.approx(0.9184397163120568, abs=1e-9)


def test_an_outage_of_three_missed_slots_counts_from_the_first():
    found = slot_uptime(MISSED, due=288, least_run=3)
    assert found.uptime == pytest.approx(0.9097222222222222, abs=1e-9)
    assert len(found.outages) == 2
    assert max(found.outages) * 300 == 6000
    assert sum(found.outages) / len(found.outages) * 300 == 3900


def test_maintenance_leaves_both_sides():
    found = slot_uptime(MISSED, due=288, excluded=MAINTENANCE, least_run=3)
    assert found.uptime == pytest.approx(0.9290780141843972, abs=1e-9)


def test_the_usual_definition_lies_between():
    uptimes = [slot_uptime(MISSED, due=288, least_run=run).uptime for run in (1, 2, 3)]
    assert uptimes == [pytest.approx(1 - missed / 288) for missed in (29, 28, 26)]


def test_unavailable_seconds_by_the_rule_of_ten():
    # ITU-T G.826, annex A, on a constructed sequence.
    sequence = "SSSSSSSSS.SSSSSSSSSS.....SSS............"
    spans = unavailable_spans([mark == "S" for mark in sequence], run=10)
    assert spans == ((10, 28),)
    assert 1 - sum(end - start for start, end in spans) / len(sequence) == pytest.approx(0.55)


def test_an_outage_that_has_not_ended_lasts_to_the_end():
    assert unavailable_spans([False] * 5 + [True] * 12, run=10) == ((5, 17),)
    assert unavailable_spans([False, True] * 20, run=10) == ()


# ---- ratios


def test_a_ratio_is_of_sums_not_a_mean_of_percentages():
    assert ratio_estimate([0, 100], [100, 900]).value == 0.1


def test_the_variance_is_that_of_a_ratio_of_cluster_totals():
    # By hand: R = 0.9, residuals +5, -5 and 0; n/(n-1) sum e^2 = 75; Var(R) = 75 / 300^2.
    found = ratio_estimate([95, 85, 90], [100, 100, 100])
    assert found.variance == pytest.approx(75 / 30_000)
    assert math.sqrt(found.variance * 30_000) / 300 == pytest.approx(math.sqrt(75) / 300)
    assert found.degrees == 2


def test_a_few_clusters_borrow_the_spread_of_the_book():
    alike = ratio_estimate([98, 98, 98, 98, 98], [100] * 5)
    shrunk = ratio_estimate([98, 98, 98, 98, 98], [100] * 5, spread=Spread(variance=0.0009, clusters=80))
    # Five devices that agree by luck: (4 x 0 + 20 x 0.0009) / 24.
    assert shrunk.variance == pytest.approx(0.00075)
    assert (shrunk.degrees, shrunk.shrunk) == (24, True)
    assert not alike.shrunk
    assert shrunk.interval.low < 0.96


def test_thirty_clusters_speak_for_themselves():
    values = [97, 99] * 15
    spread = Spread(variance=0.04, clusters=500)
    assert ratio_estimate(values, [100] * 30, spread=spread) == ratio_estimate(values, [100] * 30)
    assert ratio_estimate(values[:29], [100] * 29, spread=spread).shrunk


def test_the_book_learns_nothing_from_itself():
    found = ratio_estimate([97, 99, 98], [100] * 3, spread=Spread(variance=0.0001, clusters=3))
    assert not found.shrunk
    assert found.degrees == 2


def test_one_device_alone_has_no_interval_but_the_books():
    assert ratio_estimate([9], [10]).interval is None
    found = ratio_estimate([9], [10], spread=Spread(variance=0.01, clusters=40))
    assert found.interval.low < 0.9 < found.interval.high
    assert found.degrees == 20


def test_nothing_missed_is_not_certainty():
    found = ratio_estimate([10, 10, 10], [10, 10, 10])
    assert found.value == 1
    # Wilson over three clusters, not over thirty reports.
    assert found.interval == pytest.approx((0.4385, 1.0), abs=1e-4)


def test_clusters_with_nothing_due_count_for_nothing():
    assert ratio_estimate([5, 0], [10, 0]).clusters == 1
    assert ratio_estimate([], []).value is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1000)), min_size=2, max_size=40))
def test_an_interval_stays_in_0_to_1_and_holds_its_value(clusters):
    shares, sizes = np.array(clusters).T
    found = ratio_estimate(shares * sizes, sizes, spread=Spread(0.01, 50))
    assert 0 <= found.interval.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.interval.high <= 1


def test_the_interval_holds_its_level_where_clusters_differ():
    # 400 draws of 12 devices whose own levels differ: about 95% of intervals hold the truth.
    rng = np.random.default_rng(11)
    spread = Spread(variance=0.02**2, clusters=400)
    held = 0
    for _ in range(400):
        sizes = rng.uniform(50, 150, 12)
        own = np.clip(rng.normal(0.95, 0.02, 12), 0, 1)
        ends = ratio_estimate(own * sizes, sizes, spread=spread).interval
        held += ends.low <= 0.95 <= ends.high
    assert 0.92 <= held / 400 <= 0.985


def test_cluster_variance_weighs_by_the_square():
    assert cluster_variance([90, 100], [100, 100]) == pytest.approx(0.005)
    assert cluster_variance([1], [1]) is None


# ---- funnel, shift, dark at loss


def test_a_funnel_narrows_as_exposure_grows():
    # At one half the inverse sine scale has its middle at pi / 4: sin^2(pi / 4 - 2 x 0.2) = (1 - sin 0.8) / 2.
    low, high = funnel_limits(0.5, [1.0, 4.0], dispersion=0.04, z=2.0)
    assert low.tolist() == pytest.approx([0.141322, 0.305291], abs=1e-6)
    assert high.tolist() == pytest.approx([0.858678, 0.694709], abs=1e-6)


def test_a_funnel_near_its_end_reaches_further_to_the_middle():
    low, high = funnel_limits(0.98, [400.0], dispersion=0.04, z=2.0)
    assert 0.98 - low[0] > high[0] - 0.98 > 0
    assert funnel_limits(0.98, [4.0], dispersion=0.04)[1].tolist() == [1.0]
    assert [end.tolist() for end in funnel_limits(1.0, [4.0], dispersion=0.0)] == [[1.0], [1.0]]


def test_devices_that_differ_widen_a_funnel_the_more_the_fewer_they_are():
    error = funnel_error(0.5, [100.0, 100.0, 1e12], dispersion=0.04, between=0.0012, concentration=[1.0, 0.25, 0.25])
    # Variances 0.04 / 100 + 0.0012, 0.0004 + 0.0003, and what no exposure takes away.
    assert error.tolist() == pytest.approx([0.04, 0.0264575, 0.0173205], abs=1e-6)


def test_a_change_of_level_is_found_with_its_month():
    values = [98.1, 98.4, 97.9, 98.0, 98.3, 98.2, 97.8, 91.0, 90.4, 91.3, 90.9]
    found = level_shift(values, [100] * 11)
    assert found.start == 7
    assert found.after == pytest.approx(0.909)
    assert found.p_value < 0.01


def test_a_month_without_anything_due_is_passed_over():
    found = level_shift([98, 99, 0, 98, 98, 97, 90, 89, 91, 90], [100, 100, 0, 100, 100, 100, 100, 100, 100, 100])
    assert found.start == 6


def test_a_steady_series_has_no_significant_change():
    rng = np.random.default_rng(5)
    p_values = [level_shift(rng.normal(98, 0.5, 36), np.full(36, 100.0)).p_value for _ in range(200)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.06


def test_short_or_motionless_series_have_no_change():
    assert level_shift([1, 2, 1], [10, 10, 10]) is None
    assert level_shift([9] * 12, [10] * 12) is None


def test_dark_at_loss_is_binomial():
    # 15 of 16 against 10% at each: 16 x 0.1^15 x 0.9 + 0.1^16.
    found = dark_at_loss_test(15, [0.1] * 16)
    assert found.expected == pytest.approx(1.6)
    assert found.p_value == pytest.approx(16 * 0.1**15 * 0.9 + 0.1**16, rel=1e-9)
    assert dark_at_loss_test(0, [0.1] * 16).p_value == 1
    with pytest.raises(ValueError, match="cannot be dark"):
        dark_at_loss_test(3, [0.1])


def test_few_trips_of_few_clusters_are_no_more_certain_than_their_trips():
    """Of 29 trips 5 are covered. Clusters of many trips hardly differ, but the binomial error of 29 trips stays."""
    spread = Spread(variance=0.0001, clusters=40, scatter=0.2, level=0.5)
    found = ratio_estimate([5.0], [29.0], spread=spread).interval
    error = math.sqrt(0.2 / 29)
    assert spread.least_error(5 / 29, 29) == pytest.approx(error)
    assert found is not None
    reach = 2.085963 * error
    assert found.low == pytest.approx(max(0.0, 5 / 29 - reach), abs=1e-6)
    assert found.high == pytest.approx(5 / 29 + reach, abs=1e-6)
    assert ratio_change(([5.0], [29.0]), ([4.0], [50.0]), spread=spread).is_signal is False


def test_chance_is_more_where_the_ratio_is_nearer_one_half():
    spread = Spread(variance=0.0, clusters=40, scatter=0.0099, level=0.99)
    assert spread.least_error(0.5, 100) == pytest.approx(math.sqrt(0.0099 / 100 * 0.25 / 0.0099))
    assert spread.least_error(1.0, 100) == pytest.approx(math.sqrt(0.0099 / 100))
