"""Control charts against published limits and run lengths, and what they say in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.control_charts import (
    individuals_chart,
    overdispersion,
    rate_chart,
    share_chart,
    subgroup_chart,
)
from analysis.funnels import rate_funnel, share_funnel
from analysis.shift_charts import cusum_chart, cusum_run_length, ewma_chart

NIST_FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
# fmt: off
NIST_EWMA = [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6,
             52.4, 53.6, 52.1]
# Inside diameters of piston rings, in thousandths above 73.9: Montgomery; R package qcc. Rows of 5.
PISTON_RINGS = 73.9 + 0.001 * np.array([
    130, 102, 119, 92, 108, 95, 92, 101, 111, 104, 88, 124, 121, 105, 102, 102, 96, 93, 115, 109, 92, 107, 115, 89,
    114, 109, 94, 97, 85, 93, 95, 106, 94, 100, 105, 85, 103, 93, 115, 88, 108, 95, 109, 105, 104, 98, 100, 90, 107,
    95, 94, 98, 94, 95, 90, 104, 100, 107, 100, 96, 83, 102, 98, 97, 112, 106, 67, 94, 100, 84, 112, 114, 98, 99,
    107, 100, 84, 105, 98, 96, 94, 112, 86, 105, 107, 106, 110, 118, 103, 100, 84, 102, 103, 105, 97, 100, 110, 113,
    120, 103, 88, 101, 109, 105, 96, 104, 99, 90, 106, 109, 110, 89, 90, 109, 114, 115, 108, 93, 100, 110, 82, 84,
    95, 117, 113, 112, 115, 130, 86, 100, 95, 110, 90, 115, 101, 87, 99, 85, 100, 90, 108, 110, 103, 91, 106, 103,
    100, 101, 86, 97, 94, 103, 115, 120, 104, 108, 102, 118, 95, 105, 101, 104, 90, 96, 98, 115, 100, 116, 125, 100,
    130, 105, 100, 116, 112, 101, 90, 95, 110, 124, 115, 120, 124, 105, 119, 135, 110, 112, 115, 126, 117, 113, 136,
    125, 126, 110, 105, 129, 100, 120,
]).reshape(40, 5)
# fmt: on


# ---- published charts


# NIST/SEMATECH e-Handbook, section 6.3.2.2.
def test_individuals_limits_are_nists():
    chart = individuals_chart(NIST_FLOW)
    assert chart.centre[0] == pytest.approx(50.81, abs=6e-5)
    assert chart.sigma * 1.128 == pytest.approx(1.8778, abs=6e-5)
    assert chart.high[0] == pytest.approx(55.8041, abs=6e-5)
    assert chart.low[0] == pytest.approx(45.8159, abs=6e-5)
    assert not chart.signals.any()


# NIST/SEMATECH e-Handbook, section 6.3.2.4; it rounds sqrt(0.3 / 1.7) to 0.4201.
def test_ewma_is_nists():
    chart = ewma_chart(NIST_EWMA, target=50, sigma=2.0539, weight=0.3, width=3, asymptotic=True)
    expected = [50.6, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33]
    expected += [50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99]
    assert chart.values == pytest.approx(expected, abs=0.0051)
    assert chart.high[-1] == pytest.approx(52.5884, abs=1.1e-4)
    assert chart.low[-1] == pytest.approx(47.4115, abs=1.1e-4)
    assert chart.signals.sum() == 0


def test_ewma_limits_are_narrower_at_the_start():
    chart = ewma_chart(NIST_EWMA, target=50, sigma=2.0, weight=0.3)
    # First: 3 x 2 x 0.3.
    assert chart.high[0] == pytest.approx(51.8)
    assert chart.high[-1] == pytest.approx(50 + 6 * math.sqrt(0.3 / 1.7), abs=1e-4)


# Scrucca (2004), R News 4/1:11-17, figures 1, 2 and 4.
def test_piston_rings_are_qccs():
    chart = subgroup_chart(PISTON_RINGS, calibration=25)
    assert chart.centre[0] == pytest.approx(74.00118, abs=6e-6)
    assert chart.sigma == pytest.approx(0.009887547, abs=6e-9)
    assert chart.low[0] == pytest.approx(73.98791, abs=6e-6)
    assert chart.high[0] == pytest.approx(74.01444, abs=6e-6)
    assert chart.beyond[25:].sum() == 3
    assert chart.beyond[:25].sum() == 0


def test_the_cusum_of_piston_rings_is_qccs():
    means = PISTON_RINGS.mean(axis=1)
    chart = cusum_chart(means, target=means[:25].mean(), sigma=0.009887547 / math.sqrt(5), slack=0.5, decision=5)
    assert chart.signals.sum() == 4
    assert chart.above.tolist().index(True) >= 25
    assert chart.changed_at >= 25


# Montgomery, Introduction to Statistical Quality Control, table of run lengths of the tabular CUSUM with k = 1/2
# (Lucas & Crosier 1982).
@pytest.mark.parametrize(
    ("decision", "shift", "length"),
    [
        *[(4, shift, length) for shift, length in [(0, 168), (0.25, 74.2), (0.5, 26.6), (0.75, 13.3)]],
        *[(4, shift, length) for shift, length in [(1.0, 8.38), (1.5, 4.75), (2.0, 3.34)]],
        *[(5, shift, length) for shift, length in [(0, 465), (0.25, 139), (0.5, 38.0), (0.75, 17.0)]],
        *[(5, shift, length) for shift, length in [(1.0, 10.4), (1.5, 5.75), (2.0, 4.01)]],
    ],
)
def test_run_lengths_of_the_cusum_are_the_tables(decision, shift, length):
    assert cusum_run_length(shift, slack=0.5, decision=decision) == pytest.approx(length, rel=0.006)


# R package qcc, help of qcc.overdispersion.test; Wetherill & Brown (1991), Statistical Process Control, pp. 212-218.
def test_wetherill_and_browns_binomial_counts_differ_by_chance():
    counts = [12, 11, 18, 11, 10, 16, 9, 11, 14, 15, 11, 9, 10, 13, 12, 8, 12, 13, 10, 12, 13, 16, 12, 18, 16, 10, 16]
    found = overdispersion([*counts, 10, 12, 14], trials=50)
    assert found.ratio == pytest.approx(0.7644566, abs=6e-5)
    assert found.statistic == pytest.approx(22.16924, abs=6e-5)
    assert found.p_value == pytest.approx(0.8131, abs=6e-5)


def test_wetherill_and_browns_poisson_counts_differ_by_a_little_more():
    counts = [11, 8, 13, 11, 13, 17, 25, 23, 11, 16, 9, 15, 10, 16, 12, 8, 9, 15, 4, 12, 12, 12, 15, 17, 14, 17, 12]
    found = overdispersion([*counts, 12, 7, 16])
    assert found.ratio == pytest.approx(1.472203, abs=6e-5)
    assert found.statistic == pytest.approx(42.69388, abs=6e-5)
    assert found.p_value == pytest.approx(0.0486, abs=6e-5)


@pytest.mark.parametrize(("events", "trials"), [([], None), ([3], None), ([0, 0, 0], None), ([5, 5], 5)])
def test_dispersion_of_nothing_cannot_be_told(events, trials):
    assert overdispersion(events, trials=trials).p_value is None


# ---- Laney's charts


def test_laneys_limits_by_hand():
    # u = 80 / 800 = 0.1; errors sqrt(0.1 / 100); z = (u_i - u) / error; mean moving range of z / 1.128 = sigma.
    events = [2, 18, 2, 18, 2, 18, 2, 18]
    chart = rate_chart(events, [100] * 8, limits="three sigma")
    z = 0.08 / math.sqrt(0.001)
    sigma = 2 * z / 1.128
    assert chart.sigma == pytest.approx(sigma)
    assert chart.high[0] == pytest.approx(0.1 + 3 * sigma * math.sqrt(0.001))
    assert chart.low[0] == 0
    assert chart.caveats == (
        "Periods differ 4.5 times as much as chance alone would make them; the limits allow for it",
    )


def test_a_quiet_stretch_does_not_narrow_the_limits():
    chart = rate_chart([10] * 12, [100] * 12, limits="three sigma")
    assert chart.sigma == 1
    assert chart.high[0] == pytest.approx(0.1 + 3 * math.sqrt(0.001))


def test_limits_widen_where_exposure_is_small():
    chart = rate_chart([10, 10, 10, 10, 10, 10, 10, 1], [100] * 7 + [10])
    assert chart.high[7] > chart.high[0]
    assert not chart.signals.any()


def test_exact_limits_allow_what_chance_brings_to_small_counts():
    # At 2 expected, P(7 or more) = 0.45% is beyond three sigma (6.24), P(8 or more) = 0.11% is below 0.135%.
    events = [2] * 15 + [7]
    baseline = [True] * 15 + [False]
    assert rate_chart(events, [1.0] * 16, baseline=baseline, limits="three sigma").beyond[-1]
    assert not rate_chart(events, [1.0] * 16, baseline=baseline).beyond[-1]
    assert rate_chart([2] * 15 + [8], [1.0] * 16, baseline=baseline).beyond[-1]


def test_months_below_the_mean_of_a_small_count_are_no_run():
    # Mean 17 / 16 = 1.06: of a Poisson count at rest 71% are 0 or 1. Its median is 1, above which there are 29%.
    chart = rate_chart([3, 0, 2, 0, 4, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 2], [1.0] * 16)
    assert not chart.run.any()
    assert chart.read(14, label="March").signal is False


def test_a_count_at_rest_has_as_few_runs_as_a_balanced_coin():
    # Of 36 throws of a fair coin 11.3% hold 8 in a row on one side; by chance of the mean 27% of these charts did.
    generator = np.random.default_rng(20)
    charts = [rate_chart(generator.poisson(1.05, 36), [1.0] * 36) for _ in range(400)]
    assert np.mean([chart.run.any() for chart in charts]) < 0.12


def test_eight_months_over_the_median_count_are_a_run():
    chart = rate_chart(
        [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4], [1.0] * 18, baseline=[True] * 10 + [False] * 8
    )
    assert chart.run.tolist() == [False] * 17 + [True]
    assert not chart.beyond.any()


def test_a_share_stays_between_nothing_and_all():
    chart = share_chart([48, 50, 47, 49, 48, 50, 49, 47], [50] * 8)
    assert (chart.high <= 1).all()
    assert (chart.low >= 0).all()
    assert not chart.signals.any()


def test_a_fallen_share_is_a_signal():
    chart = share_chart([45, 46, 44, 45, 46, 45, 44, 46, 45, 25], [50] * 10)
    assert chart.beyond.tolist() == [False] * 9 + [True]


def test_months_without_exposure_have_no_value_and_are_not_judged():
    chart = rate_chart([5, 6, 0, 5, 4, 5, 6, 5, 4, 5], [10, 10, 0, 10, 10, 10, 10, 10, 10, 10])
    assert math.isnan(chart.values[2])
    assert chart.judged.tolist() == [True, True, False] + [True] * 7
    assert chart.read(2, label="March").signal is None


def test_a_rate_without_events_is_not_judged():
    chart = rate_chart([0] * 12 + [1], [100] * 13, baseline=[True] * 12 + [False])
    assert not chart.signals.any()
    assert chart.read(label="June").sentence == "June: too few events (0) to tell a signal from noise"


def test_a_share_without_a_miss_is_not_judged():
    chart = share_chart([50] * 12 + [49], [50] * 13, baseline=[True] * 12 + [False])
    assert chart.read(label="June").signal is None


# ---- what is a signal


def test_the_changed_month_is_found_and_said():
    chart = individuals_chart([10, 11, 10, 9, 10, 11, 10, 9, 20])
    reading = chart.read(label="September")
    assert chart.beyond.tolist() == [False] * 8 + [True]
    # Moving range 2.25 around a mean of 100/9: 11.1 ± 3 x 2.25 / 1.128.
    assert reading.signal is True
    assert reading.sentence == "September (20) is above the 5.13 to 17.1 that chance alone explains: a signal"


def test_a_usual_month_is_noise():
    # 10.5 ± 3 x (15 / 7) / 1.128 = 4.80 to 16.20.
    reading = individuals_chart([10, 12, 9, 11, 10, 12, 9, 11]).read(label="August", words="{:.0f} h".format)
    assert reading.signal is False
    assert reading.sentence == "August (11 h) is within the 5 h to 16 h that chance alone explains: noise"


def test_amounts_have_no_limit_below_nothing():
    # Mean 5.5, mean moving range 63 / 7 = 9: 5.5 - 3 x 9 / 1.128 = -18.4.
    amounts = [1, 10, 1, 10, 1, 10, 1, 10]
    chart = individuals_chart(amounts)
    assert chart.low.tolist() == [0.0] * 8
    assert chart.high[0] == pytest.approx(5.5 + 27 / 1.128)
    assert chart.read(label="August").sentence == (
        "August (10) is within the 0 to 29.4 that chance alone explains: noise"
    )
    assert individuals_chart(amounts, bounds=(-math.inf, 20.0)).low[0] == pytest.approx(5.5 - 27 / 1.128)
    assert individuals_chart(amounts, bounds=(-math.inf, 20.0)).high[0] == 20


def test_amounts_that_fall_below_nothing_have_limits_there():
    assert individuals_chart([-1, 10, 1, 10, 1, 10, 1, 10]).low[0] < -10


def test_eight_in_a_row_on_one_side_are_a_signal():
    values = [12, 8, 12, 8, 12, 8, 12, 8, 9.5, 9.6, 9.5, 9.4, 9.5, 9.6, 9.5]
    chart = individuals_chart(values, baseline=[True] * 8 + [False] * 7)
    assert chart.run.tolist() == [False] * 14 + [True]
    assert chart.read(label="March").sentence == (
        "March (9.5) and at least 7 values before it are all below the usual 10: a signal"
    )
    assert not individuals_chart(values[:-1], baseline=[True] * 8 + [False] * 6).signals.any()


def test_a_value_on_the_centre_ends_a_run():
    values = [12, 8] * 4 + [9] * 4 + [10.0] + [9] * 4
    assert not individuals_chart(values, baseline=[True] * 8 + [False] * 9).run.any()


def test_immature_months_neither_set_limits_nor_are_judged():
    values = [10, 11, 10, 9, 10, 11, 10, 9, 2]
    chart = individuals_chart(values, immature=[False] * 8 + [True])
    assert chart.n == 8
    assert chart.high.tolist() == pytest.approx([individuals_chart(values[:8]).high[0]] * 9)
    assert not chart.signals.any()
    assert chart.read(label="June").sentence == "June is not judged: it is still growing or has no value"


def test_too_few_months_tell_nothing():
    chart = individuals_chart([10, 10, 10, 90])
    assert not chart.signals.any()
    assert chart.read(label="April").signal is None
    assert chart.read(label="April").sentence == "April: too few periods (4) to tell a signal from noise"
    assert chart.caveats == ("Too few periods (4) to tell a signal from noise",)


@pytest.mark.parametrize("values", [[], [5.0], [math.nan, math.nan]])
def test_next_to_nothing_makes_a_chart_without_signals(values):
    chart = individuals_chart(values)
    assert len(chart.values) == len(values)
    assert not chart.signals.any()
    assert chart.lack


def test_a_measure_that_never_moved_has_no_signal():
    chart = individuals_chart([0.1 + 0.2] * 12)
    assert not chart.signals.any()
    assert chart.read(label="December").signal is False


def test_infinite_values_and_negative_counts_are_refused():
    with pytest.raises(ValueError, match="finite"):
        individuals_chart([1, math.inf])
    with pytest.raises(ValueError, match="not negative"):
        rate_chart([-1], [1])
    with pytest.raises(ValueError, match="no more events than trials"):
        share_chart([3], [2])


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_stated():
    # 1 in 153 with both rules and known limits; limits estimated from 200 values come close to it.
    generator = np.random.default_rng(11)
    charts = [individuals_chart(generator.normal(size=400), baseline=np.arange(400) < 200) for _ in range(60)]
    signals = np.array([chart.signals[200:] for chart in charts])
    # A first signal ends a run length; those after it in the same run are not counted again.
    first = signals & ~np.concatenate([np.zeros((60, 1), dtype=bool), signals[:, :-1]], axis=1)
    assert 1 / 250 < first.mean() < 1 / 100


# ---- small lasting shifts


def test_a_cusum_finds_a_small_shift_and_when_it_began():
    values = [0.0] * 10 + [1.0] * 12
    chart = cusum_chart(values, target=0.0, sigma=1.0)
    assert chart.changed_at == 10
    # 0.5 is added each time: over 5 at the eleventh.
    assert chart.above.tolist().index(True) == 20
    assert not chart.below.any()
    assert chart.average_run_length == pytest.approx(465, rel=0.006)


def test_a_cusum_finds_a_fall_too():
    chart = cusum_chart([0.0] * 5 + [-2.0] * 5, target=0.0, sigma=1.0)
    assert chart.below.any()
    assert not chart.above.any()
    assert chart.changed_at == 5


def test_a_cusum_from_the_first_value_on_began_there():
    assert cusum_chart([3.0, 3.0, 3.0], target=0.0, sigma=1.0).changed_at == 0


def test_a_cusum_of_nothing_moving_is_quiet():
    chart = cusum_chart([5.0] * 10)
    assert not chart.signals.any()
    assert chart.changed_at is None


def test_a_cusum_of_values_that_never_differ_finds_them_off_their_target():
    chart = cusum_chart([5.0] * 20, target=4.0)
    assert chart.above.tolist() == [True] * 20
    assert not chart.below.any()
    assert chart.changed_at == 0
    assert cusum_chart([3.0] * 20, target=4.0).below.all()
    assert not cusum_chart([0.1 + 0.2] * 20, target=0.3).signals.any()


def test_a_cusum_does_not_judge_by_a_spread_of_few_values():
    chart = cusum_chart([5.0] * 7, target=4.0)
    assert not chart.signals.any()
    assert chart.lack == "too few values (7) to tell a signal from noise"
    assert cusum_chart([9.0] * 7, target=4.0, sigma=1.0).lack == ""


@pytest.mark.parametrize("chart", [ewma_chart, cusum_chart])
@pytest.mark.parametrize("values", [[], [1.0, math.nan], [3.0]])
def test_charts_of_shifts_need_known_values(chart, values):
    with pytest.raises(ValueError, match="need"):
        chart(values)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="weight"):
        ewma_chart([1.0, 2.0], weight=0)
    with pytest.raises(ValueError, match="positive"):
        cusum_chart([1.0, 2.0], sigma=0)
    with pytest.raises(ValueError, match="decision"):
        cusum_run_length(0, decision=0)


# ---- funnels of units


def test_without_overdispersion_limits_are_chance_alone():
    funnel = share_funnel([50, 52, 48, 51, 49], [100] * 5)
    low, high = funnel.limits_at([100, 400], level=0.95)
    assert (funnel.target, funnel.between) == (0.5, 0.0)
    # Binomial: P(X < 40 of 100) = 1.8%, P(X <= 40) = 2.8%; P(X < 180 of 400) = 2.0%, P(X <= 180) = 2.6%.
    assert low == pytest.approx([0.40, 0.45])
    assert high == pytest.approx([0.60, 0.55])
    assert not funnel.beyond.any()


def test_a_small_unit_is_judged_by_what_its_count_can_reach():
    # At 5 expected P(13 or more) = 0.20% and P(14 or more) = 0.07%; 0.1% is meant, and normal limits lie at 11.9.
    for most, beyond in ((12, False), (13, False), (14, True)):
        funnel = rate_funnel([5] * 19 + [most], [1.0] * 20, target=5.0)
        assert funnel.between == 0
        assert funnel.beyond.tolist() == [False] * 19 + [beyond]
        assert [float(end) for end in funnel.limits_at(1.0)] == [0.0, 13.0]


def test_a_share_of_few_trials_is_judged_by_what_its_count_can_reach():
    # 50 trials at 10%: P(13 or more) = 0.1005%, P(14 or more) = 0.03%; normal limits lie at 11.6.
    found = [share_funnel([5] * 19 + [most], [50] * 20, target=0.1).beyond[-1] for most in (12, 13, 14)]
    assert found == [False, False, True]


def test_limits_with_a_spread_between_units_are_no_narrower_than_chance():
    # A tau next to nothing must not bring back the normal limit of 11.9.
    funnel = rate_funnel([3, 9] * 10, [1.0] * 20, target=5.0)
    assert funnel.between > 0
    assert funnel.limits_at(1.0)[1] > 13.0
    assert float(replace(funnel, between=1e-3).limits_at(1.0)[1]) == 13.0


def test_the_additive_model_by_hand():
    # z = ±2 for all: phi = 4, and for equal variances tau^2 = (10 x 4 - 9) / (w (10 - 1)) = 31 / 9 x 0.05^2.
    funnel = share_funnel([60, 40] * 5, [100] * 10)
    assert funnel.spread_ratio == pytest.approx(4)
    assert funnel.between == pytest.approx(0.05 * math.sqrt(31 / 9))
    assert funnel.z[0] == pytest.approx(0.1 / math.sqrt(0.05**2 * (1 + 31 / 9)))
    assert not funnel.beyond.any()
    assert "Units differ by more than chance as a rule; the limits allow for it" in funnel.caveats


def test_an_outlier_does_not_hide_itself():
    funnel = rate_funnel([20] * 19 + [60], [100.0] * 20)
    assert funnel.beyond.tolist() == [False] * 19 + [True]


def test_small_units_are_drawn_and_not_judged():
    funnel = share_funnel([1, 500, 500], [1, 1000, 1000])
    assert funnel.judged.tolist() == [False, True, True]
    assert not funnel.beyond.any()
    assert "Units too small to be judged: 1 of 3" in funnel.caveats


def test_units_without_exposure_have_no_value():
    funnel = rate_funnel([0, 10, 12], [0.0, 100.0, 100.0])
    assert math.isnan(funnel.values[0])
    assert not funnel.judged[0]


def test_no_units_make_an_empty_funnel():
    assert len(rate_funnel([], []).values) == 0


def test_a_given_target_is_what_units_are_measured_against():
    assert share_funnel([80, 80], [100, 100], target=0.95).beyond.all()


def test_more_events_than_trials_are_refused():
    with pytest.raises(ValueError, match="count"):
        share_funnel([3], [2])
