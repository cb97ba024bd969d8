"""Time to an event against published figures, and what must hold where there is little to see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import survdiff

from analysis.durations import durations_until
from analysis.survival import compare_groups, event_rate, kaplan_meier

# Freireich et al. (1963), Blood 21:699-716: weeks in remission of 21 treated and 21 given a placebo.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TREATED_ENDED = [1] * 9 + [0] * 12
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
REMISSION = {
    "time": TREATED + PLACEBO,
    "happened": TREATED_ENDED + [1] * 21,
    "group": ["treatment"] * 21 + ["placebo"] * 21,
}

# Miller (1997), Survival Analysis: weeks of complete remission, with and without maintenance chemotherapy.
MAINTAINED = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
UNMAINTAINED = [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]

# Ovarian cancer trial of R's survival package: days, event, arm.
# fmt: off
OVARIAN_DAYS = np.array([59, 115, 156, 421, 431, 448, 464, 475, 477, 563, 638, 744, 769, 770, 803, 855, 1040, 1106,
                         1129, 1206, 1227, 268, 329, 353, 365, 377])
OVARIAN_DIED = np.array([1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0])
OVARIAN_ARM = np.array([2, 2, 2, 2, 2, 1, 2, 2, 2, 1, 1, 1, 2, 2, 1, 1, 2, 1, 1, 2, 1, 2, 2, 1, 2, 1])
# fmt: on


# Kleinbaum & Klein, Survival Analysis: a self-learning text (3rd ed.), chapter 2.
def test_the_treated_curve_is_kleinbaum_and_kleins():
    curve = kaplan_meier(TREATED, TREATED_ENDED)
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.survival == pytest.approx([0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=6e-5)
    assert curve.standard_error == pytest.approx([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=6e-5)


def test_medians_are_23_and_8_weeks():
    assert kaplan_meier(TREATED, TREATED_ENDED).median().value == 23
    assert kaplan_meier(PLACEBO, [1] * 21).median().value == 8


@pytest.mark.parametrize(
    ("weighting", "chi2", "within"),
    [
        ("log-rank", 16.79, 0.006),
        ("wilcoxon", 13.457852, 1e-5),
        ("tarone-ware", 15.123575, 1e-5),
        ("peto", 14.084139, 1e-5),
    ],
)
def test_group_tests_are_those_of_kleinbaum_and_klein(weighting, chi2, within):
    found = compare_groups(**REMISSION, weighting=weighting)
    assert found.statistic == pytest.approx(chi2, abs=within)
    assert found.degrees_of_freedom == 1


def test_observed_and_expected_are_those_of_kleinbaum_and_klein():
    found = compare_groups(**REMISSION)
    assert found.groups == ("placebo", "treatment")
    assert found.observed.tolist() == [21, 9]
    assert found.expected == pytest.approx([10.75, 19.25], abs=0.006)
    assert found.p_value == pytest.approx(4.1688e-5, rel=1e-4)


# R package survival, tests/doaml.Rout.save, and vignette, section 2.6.
def test_maintained_remission_is_millers():
    curve = kaplan_meier(*MAINTAINED)
    assert curve.times.tolist() == [9, 13, 18, 23, 31, 34, 48]
    assert curve.survival == pytest.approx([0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184], abs=6e-4)
    assert curve.standard_error == pytest.approx([0.0867, 0.1163, 0.1397, 0.1526, 0.1642, 0.1627, 0.1535], abs=6e-5)
    assert curve.median().value == 31


def test_its_log_limits_follow_from_curve_and_error():
    # Miller's limits are those of log S, not the log-log ones that pages draw: S exp(-1.96 se / S).
    curve = kaplan_meier(*MAINTAINED)
    low = curve.survival * np.exp(-1.959964 * curve.standard_error / curve.survival)
    assert low == pytest.approx([0.7541, 0.6192, 0.4884, 0.3769, 0.2549, 0.1549, 0.0359], abs=6e-5)


def test_unmaintained_remission_is_millers():
    curve = kaplan_meier(*UNMAINTAINED)
    assert curve.times.tolist() == [5, 8, 12, 23, 27, 30, 33, 43, 45]
    expected = [0.8333, 0.6667, 0.5833, 0.4861, 0.3889, 0.2917, 0.1944, 0.0972, 0.0]
    assert curve.survival == pytest.approx(expected, abs=6e-5)
    assert curve.median().value == 23


def test_maintenance_is_not_proven_to_help():
    time, happened = (a + b for a, b in zip(MAINTAINED, UNMAINTAINED, strict=True))
    found = compare_groups(time, happened, ["maintained"] * 11 + ["none"] * 12)
    assert found.expected == pytest.approx([10.69, 7.31], abs=0.006)
    assert found.statistic == pytest.approx(3.396389, abs=1e-6)


# Gehan (1965), Biometrika 52:203-223: 359 and 182 weeks at risk.
def test_exponential_rates_are_events_over_time():
    treated, placebo = event_rate(TREATED, TREATED_ENDED), event_rate(PLACEBO, [1] * 21)
    assert (sum(TREATED), sum(PLACEBO)) == (359, 182)
    assert treated.value == pytest.approx(0.02507, abs=6e-6)
    assert placebo.value == pytest.approx(0.11538, abs=6e-6)
    assert placebo.value / treated.value == pytest.approx(4.6, abs=0.0051)
    assert treated.interval == pytest.approx((4.1154 / 359, 17.0848 / 359), rel=1e-4)


# R package survival, vignette, section 2.1: print(fit, rmean=730).
@pytest.mark.parametrize(("arm", "mean", "error"), [(1, 666, 35.4), (2, 463, 62.1)])
def test_restricted_means_are_those_of_the_survival_vignette(arm, mean, error):
    mine = arm == OVARIAN_ARM
    found = kaplan_meier(OVARIAN_DAYS[mine], OVARIAN_DIED[mine]).restricted_mean(730)
    assert found.value == pytest.approx(mean, abs=0.51)
    assert found.standard_error == pytest.approx(error, abs=0.06)


# ---- the band and the median's interval


def test_the_band_is_log_log():
    # By hand: S = 0.5 and se = sqrt(0.5 x 0.5 / 4) = 0.25: 0.5^exp(±1.96 x 0.25 / (0.5 x ln 2)).
    curve = kaplan_meier([1, 1, 2, 2], [1, 1, 0, 0])
    spread = math.exp(1.959964 * 0.25 / (0.5 * math.log(2)))
    assert curve.low[0] == pytest.approx(0.5**spread, rel=1e-6)
    assert curve.high[0] == pytest.approx(0.5 ** (1 / spread), rel=1e-6)


def test_the_median_holds_the_times_whose_band_contains_a_half():
    # The same data in R: survfit(Surv(t, d) ~ 1, conf.type = "log-log") prints 23, 13, NA for the treated, 8, 4, 11.
    treated, placebo = kaplan_meier(TREATED, TREATED_ENDED).median(), kaplan_meier(PLACEBO, [1] * 21).median()
    assert treated.interval == (13, math.inf)
    assert placebo.interval == (4, 11)


def test_a_median_is_found_where_the_curve_leaps_over_a_half():
    found = kaplan_meier([1] * 10 + [2] * 80 + [3] * 10, [1] * 100).median()
    assert found.value == 2
    assert found.interval == (2, 2)


def test_the_share_by_a_time_is_the_curve_turned_over():
    curve = kaplan_meier(TREATED, TREATED_ENDED)
    found = curve.share_by(12)
    assert found.value == pytest.approx(1 - 0.7529, abs=6e-5)
    assert found.interval == pytest.approx((1 - curve.high[2], 1 - curve.low[2]))
    assert found.standard_error == pytest.approx(0.0963, abs=6e-5)
    assert found.n == 21


def test_numbers_at_risk_count_those_still_followed():
    curve = kaplan_meier([10, 20, 20, 30], [1, 1, 0, 0])
    assert curve.at_risk_at([0, 10, 20, 21, 31]).tolist() == [4, 4, 3, 1, 0]


# ---- little to see


def test_no_cases_have_no_numbers():
    curve = kaplan_meier([], [])
    assert [found.value for found in (curve.share_by(60), curve.median(), curve.restricted_mean(24))] == [None] * 3
    assert curve.share_by(60).caveats == ("There are no cases",)
    assert event_rate([], []).value is None


def test_without_an_event_the_share_has_an_exact_upper_end():
    # Of 10 followed over an hour none was contained: up to 1 - 0.025^(1/10) = 30.85% may be.
    found = kaplan_meier([90] * 10, [0] * 10).share_by(60)
    assert found.value == 0
    assert found.interval == pytest.approx((0, 0.3085), abs=5e-5)
    assert "It has not happened in any case" in found.caveats


def test_without_an_event_there_is_no_median_and_the_mean_is_the_horizon():
    curve = kaplan_meier([1440] * 10, [0] * 10)
    mean = curve.restricted_mean(1440)
    assert curve.median().value is None
    assert curve.median().interval is None
    assert mean.value == 1440
    assert mean.interval == pytest.approx((1440 * 0.025**0.1, 1440))


def test_all_censored_early_bounds_share_and_mean_from_one_side():
    curve = kaplan_meier([20, 30, 40], [0, 0, 0])
    share, mean = curve.share_by(60), curve.restricted_mean(60)
    assert (share.value, share.interval.high) == (0, 1)
    assert any("Nobody was followed to 60" in caveat for caveat in share.caveats)
    assert (mean.value, mean.interval.high) == (60, 60)
    assert any("at most this" in caveat for caveat in mean.caveats)


def test_the_mean_of_open_cases_is_an_upper_bound_whose_low_end_holds_what_was_seen():
    # Half contained at 10, half last seen open at 20: 10 + 0.5 x 10 = 15 are seen, up to 24 it is at most 17.
    found = kaplan_meier([10] * 50 + [20] * 50, [1] * 50 + [0] * 50).restricted_mean(24)
    assert found.value == pytest.approx(17)
    # Var = (area beyond 10)^2 x 50 / (100 x 50): 0.5 over 10 to 20, and to 24.
    # Student's t with 49 degrees of freedom: 2.009575.
    reach = 2.009575 * math.sqrt(50 / 49)
    assert found.interval == pytest.approx((15 - reach * 5 * 0.1, 17 + reach * 7 * 0.1), rel=1e-6)


def test_few_events_leave_the_mean_between_the_areas_under_the_band():
    curve = kaplan_meier([10, 20, 20, 20], [1, 0, 0, 0])
    found = curve.restricted_mean(24)
    # Up to 10 the exact end of 4 of 4; nobody was followed from 20 on.
    assert found.value == pytest.approx(10 + 0.75 * 14)
    assert found.interval.low == pytest.approx(10 * 0.025**0.25 + 10 * curve.low[0])
    assert found.interval.high == pytest.approx(10 + 14 * curve.high[0])


def test_one_event_is_said_to_be_one():
    curve = kaplan_meier([30], [1])
    share, mean = curve.share_by(60), curve.restricted_mean(60)
    assert share.value == 1
    # One contained of one: at least 2.5% are, exactly.
    assert share.interval == pytest.approx((0.025, 1))
    assert "It happened in only one case: the interval is rough" in share.caveats
    assert mean.value == 30
    assert mean.interval == pytest.approx((30 * 0.025, 30 + 30 * 0.975))


def test_all_at_one_time_leave_no_error_of_nothing():
    curve = kaplan_meier([5, 5, 5], [1, 1, 1])
    assert curve.survival.tolist() == [0.0]
    assert curve.standard_error.tolist() == [0.0]
    assert (curve.low[0], curve.high[0]) == pytest.approx((0, 1 - 0.025 ** (1 / 3)))
    low, high = curve.restricted_mean(10).interval
    assert low < 5 < high


def test_a_censored_case_is_at_risk_when_others_have_the_event():
    assert kaplan_meier([5, 5], [1, 0]).survival.tolist() == [0.5]


def test_an_event_at_the_start_counts():
    found = kaplan_meier([0, 10], [1, 1])
    assert found.survival.tolist() == [0.5, 0.0]
    assert found.restricted_mean(10).value == pytest.approx(5)


@pytest.mark.parametrize("time", [[-1.0], [math.nan], [math.inf]])
def test_impossible_times_are_refused(time):
    with pytest.raises(ValueError, match="finite and not negative"):
        kaplan_meier(time, [1])


def test_events_must_fit_the_times():
    with pytest.raises(ValueError, match="2 times for 1 events"):
        kaplan_meier([1, 2], [1])


# ---- ends after which it cannot come


def test_a_lost_load_counts_as_not_contained_to_the_horizon():
    found = durations_until(
        "contained",
        time=[30, 90, 20, 50, 2000, 2000],
        end=["contained", "contained", "closed not contained", None, "contained", None],
        never=["closed not contained"],
        horizon=1440,
    )
    assert found.time.tolist() == [30, 90, 1440, 50, 1440, 1440]
    assert found.happened.tolist() == [True, True, False, False, False, False]
    assert found.caveats == (
        "Ended without it and counted as not contained to the horizon: 1 of 6",
        "Still open and counted for as long as they were followed: 1 of 6",
    )


def test_to_censor_lost_loads_would_flatter():
    ends = ["contained"] * 6 + ["closed not contained"] * 6
    times = [10, 20, 30, 40, 50, 60] + [5] * 6
    kept = durations_until("contained", time=times, end=ends, never=["closed not contained"], horizon=1440)
    censored = durations_until("contained", time=times, end=ends, horizon=1440)
    share = {name: kaplan_meier(d.time, d.happened).share_by(60).value for name, d in [("k", kept), ("c", censored)]}
    assert share == {"k": pytest.approx(0.5), "c": pytest.approx(1.0)}
    mean = kaplan_meier(kept.time, kept.happened).restricted_mean(1440)
    assert mean.value == pytest.approx((10 + 20 + 30 + 40 + 50 + 60 + 6 * 1440) / 12)


def test_an_event_at_the_horizon_counts():
    found = durations_until("contained", time=[1440, 1441], end=["contained", "contained"], horizon=1440)
    assert found.happened.tolist() == [True, False]


def test_caveats_of_the_cases_stay_with_every_number():
    found = durations_until("contained", time=[30, 50], end=["contained", None], horizon=60)
    curve = kaplan_meier(found.time, found.happened, caveats=found.caveats)
    said = "Still open and counted for as long as they were followed: 1 of 2"
    for estimate in (curve.share_by(60), curve.median(), curve.restricted_mean(60)):
        assert said in estimate.caveats


@pytest.mark.parametrize("horizon", [0, -1, math.inf, math.nan])
def test_a_horizon_is_positive_and_finite(horizon):
    with pytest.raises(ValueError, match="horizon"):
        durations_until("contained", time=[1], end=["contained"], horizon=horizon)
    with pytest.raises(ValueError, match="horizon"):
        kaplan_meier([1], [1]).restricted_mean(horizon)


# ---- groups


def test_several_groups_are_compared_as_statsmodels_does():
    generator = np.random.default_rng(3)
    time, happened = generator.integers(1, 12, size=90), generator.random(90) < 0.7
    group = np.repeat(["a", "b", "c"], 30)
    found = compare_groups(time, happened, list(group))
    statistic, p = survdiff(time, happened.astype(int), np.repeat([0, 1, 2], 30))
    assert found.degrees_of_freedom == 2
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.p_value == pytest.approx(p, rel=1e-6)


def test_groups_cannot_be_compared_without_events():
    found = compare_groups([1, 2, 3], [0, 0, 0], ["a", "a", "b"])
    assert (found.p_value, found.degrees_of_freedom, found.statistic) == (None, 0, 0.0)
    assert found.caveats[0].startswith("There is nothing to compare")


def test_one_group_has_nothing_to_be_compared_with():
    found = compare_groups([1, 2, 3], [1, 1, 1], ["a", "a", "a"])
    assert found.p_value is None
    assert found.expected.tolist() == pytest.approx([3.0])


def test_a_group_never_at_risk_costs_no_degree_of_freedom():
    with_it = compare_groups([1, 5, 6, 7, 8], [0, 1, 1, 1, 1], ["early", "a", "b", "a", "b"])
    without = compare_groups([5, 6, 7, 8], [1, 1, 1, 1], ["a", "b", "a", "b"])
    assert with_it.degrees_of_freedom == 1
    assert with_it.statistic == pytest.approx(without.statistic)
    assert "Some groups were never at risk when it happened and are not compared" in with_it.caveats


CASES = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40)


@given(CASES)
def test_curves_fall_inside_their_bands(cases):
    curve = kaplan_meier([time for time, _ in cases], [happened for _, happened in cases])
    assert (np.diff(curve.survival) <= 1e-12).all()
    assert ((curve.low - 1e-9 <= curve.survival) & (curve.survival <= curve.high + 1e-9)).all()
    assert np.isfinite(np.concatenate([curve.low, curve.high, curve.standard_error])).all()
    for horizon in (1, 15, 40):
        mean, share = curve.restricted_mean(horizon), curve.share_by(horizon)
        assert mean.interval.low - 1e-9 <= mean.value <= mean.interval.high + 1e-9 <= horizon + 2e-9
        assert share.interval.low - 1e-9 <= share.value <= share.interval.high + 1e-9


@given(CASES)
def test_expected_events_add_up_to_the_observed(cases):
    groups = ["ab"[place % 2] for place in range(len(cases))]
    found = compare_groups([time for time, _ in cases], [happened for _, happened in cases], groups)
    assert found.expected.sum() == pytest.approx(found.observed.sum())
