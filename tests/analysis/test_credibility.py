"""Credibility of counts against published figures, and what must hold for every portfolio."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.credibility import (
    fit_dispersion,
    fit_gamma_by_likelihood,
    fit_gamma_by_moments,
    full_credibility,
    funnel_limits,
    partial_credibility,
    ratio_posterior,
    smooth_rates,
)

# Sudden infant deaths and births 1974 of the 100 counties of North Carolina, in the order of R package spData.
# fmt: off
SIDS = [
    1, 0, 5, 1, 9, 7, 0, 0, 4, 1, 2, 16, 4, 4, 4, 18, 3, 4, 1, 1, 1, 0, 1, 2, 10, 23, 13, 6, 4, 16, 8, 0, 10, 6, 0, 2,
    16, 2, 4, 1, 0, 8, 5, 5, 0, 5, 7, 2, 11, 3, 14, 5, 9, 6, 2, 0, 7, 3, 4, 5, 12, 18, 6, 10, 8, 2, 5, 44, 3, 3, 5, 5,
    0, 10, 3, 11, 1, 0, 4, 1, 2, 38, 1, 4, 15, 7, 0, 4, 4, 0, 13, 8, 29, 31, 5, 8, 4, 15, 12, 5,
]
BIRTHS = [
    1091, 487, 3188, 508, 1421, 1452, 286, 420, 968, 1612, 1035, 4449, 1671, 1556, 2180, 3608, 1638, 3146, 1323, 484,
    751, 781, 1269, 1399, 11858, 16184, 4672, 1324, 3164, 7970, 4021, 671, 3657, 3609, 770, 1549, 14484, 765, 4139,
    1207, 1333, 5509, 3573, 990, 248, 1946, 4456, 1646, 3702, 4606, 5094, 5754, 7515, 3999, 2110, 521, 2692, 675, 870,
    2252, 2992, 6638, 3776, 4866, 2216, 1143, 2648, 21588, 4099, 1258, 2356, 2574, 415, 3589, 1173, 9014, 533, 797,
    3025, 542, 1027, 20366, 578, 3915, 1570, 1494, 338, 2483, 2756, 284, 5868, 2255, 11158, 7889, 2414, 1782, 1228,
    3350, 5526, 2181,
]
# fmt: on
EXPECTED = np.array(BIRTHS) * sum(SIDS) / sum(BIRTHS)


# Hauer, Harwood, Council & Griffith (2002), Transportation Research Record 1784:126-131, example 1: a segment of
# 1.8 km with 12 accidents in a year where 2.41 a km are expected, overdispersion 2.05 a km.
def test_a_road_segment_is_hauers_example_1():
    per_km = 0.0224 * 4000**0.564
    expected = per_km * 1.8
    found = ratio_posterior([12], [expected], dispersion=2.05 * 1.8)
    estimate = float(found.mean[0]) * expected
    assert per_km == pytest.approx(2.41, abs=0.006)
    assert expected == pytest.approx(4.34, abs=0.006)
    assert 1 - found.weight[0] == pytest.approx(0.46, abs=0.006)
    assert estimate == pytest.approx(8.48, abs=0.006)
    assert math.sqrt(found.weight[0] * estimate) == pytest.approx(2.14, abs=0.006)


# Bivand, Pebesma & Gomez-Rubio, Applied Spatial Data Analysis with R, section on the Poisson-gamma model
# (DCluster::empbaysmooth): nu 4.630749, alpha 4.395741.
def test_gamma_prior_by_moments_is_that_of_nc_sids():
    prior = fit_gamma_by_moments(SIDS, EXPECTED)
    assert prior.shape == pytest.approx(4.6307, abs=0.001)
    assert prior.rate == pytest.approx(4.3957, abs=0.001)


# Maximum likelihood on the same data, as stated beside the case (computed, not printed in the book).
def test_gamma_prior_by_likelihood_differs_from_the_moments():
    prior = fit_gamma_by_likelihood(SIDS, EXPECTED)
    assert prior.shape == pytest.approx(6.37198, abs=0.001)
    assert prior.rate == pytest.approx(6.06527, abs=0.001)


# PySAL esda, test_smoothing.py (TestSRate.eb), first five counties; method: Marshall (1991), JRSS-C 40:283-294.
def test_smoothed_rates_of_nc_sids_are_marshalls():
    smoothed = smooth_rates(SIDS, BIRTHS)
    assert smoothed[:5] == pytest.approx([0.0016973, 0.0017054, 0.0017731, 0.0020129, 0.0035349], abs=6e-08)


def test_local_smoothing_with_everybody_as_neighbour_is_global_smoothing():
    everybody = [range(len(SIDS))] * len(SIDS)
    assert smooth_rates(SIDS, BIRTHS, neighbours=everybody) == pytest.approx(smooth_rates(SIDS, BIRTHS), rel=1e-12)


def test_local_smoothing_draws_towards_the_neighbours():
    events, population = [1, 1, 1, 40, 40, 40], [1000] * 6
    around = [[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]]
    smoothed = smooth_rates(events, population, neighbours=around)
    assert smoothed == pytest.approx([0.001] * 3 + [0.04] * 3, rel=1e-12)


# Longley-Cook (1962), PCAS 49 (1,082 claims for 90% within 5%); Loss Data Analytics, example 9.2.1 (1,537 for 95%).
@pytest.mark.parametrize(("probability", "claims"), [(0.9, 1082), (0.95, 1537)])
def test_full_credibility_of_frequency(probability, claims):
    assert full_credibility(probability=probability, within=0.05) == pytest.approx(claims, abs=0.6)


# Loss Data Analytics, examples 9.2.2 to 9.2.6, with z = 1.96 and rounded up as there.
@pytest.mark.parametrize(
    ("case", "of", "claims"),
    [
        ("9.2.2 negative binomial, variance / mean 2", {"frequency_variance": 2.0}, 3074),
        ("9.2.3 binomial, variance / mean 0.75", {"frequency_variance": 0.75}, 1153),
        ("9.2.5 pure premium, Pareto with CV^2 3", {"severity_cv": math.sqrt(3)}, 6147),
        ("9.2.6 severity alone", {"frequency_variance": 0.0, "severity_cv": math.sqrt(3)}, 4610),
    ],
)
def test_full_credibility_beyond_poisson_frequency(case, of, claims):
    assert math.ceil(full_credibility(probability=0.95, within=0.05, quantile=1.96, **of)) == claims, case


def test_full_credibility_in_exposures():
    # Loss Data Analytics, example 9.2.4: 0.20 claims an exposure.
    assert math.ceil(full_credibility(probability=0.95, within=0.05, quantile=1.96) / 0.20) == 7684


def test_partial_credibility_is_the_square_root():
    # Loss Data Analytics, example 9.2.7.
    assert partial_credibility(1000, full=6147) == pytest.approx(0.4, abs=0.005)
    assert partial_credibility(7000, full=6147) == 1.0


# ---- the dispersion


def test_without_thefts_the_dispersion_is_the_priors_median():
    assert fit_dispersion([0, 0], [0, 0]) == pytest.approx(0.6**-2, rel=1e-6)


def test_the_penalty_keeps_a_small_portfolio_off_no_dispersion():
    observed, expected = [2, 2, 2, 2], [2.0, 2.0, 2.0, 2.0]
    assert fit_dispersion(observed, expected, sd_log_cv=math.inf) > 10_000
    assert 0.2 < fit_dispersion(observed, expected) ** -0.5 < 0.6


def test_much_data_outweighs_the_penalty():
    generator = np.random.default_rng(7)
    expected = np.full(4000, 20.0)
    observed = generator.poisson(expected * generator.gamma(4.0, 1 / 4.0, size=4000))
    assert fit_dispersion(observed, expected) == pytest.approx(4.0, rel=0.08)


def test_the_penalised_maximum_is_a_maximum():
    # The density at the answer, written out: negative binomial probabilities and a normal for log CV.
    observed, expected = np.array([0, 1, 7, 2]), np.array([1.5, 2.0, 2.5, 3.0])

    def density(a: float) -> float:
        cv = a**-0.5
        counts = stats.nbinom.logpmf(observed, a, a / (a + expected)).sum()
        return float(counts + stats.norm.logpdf(math.log(cv), math.log(0.6), 0.5))

    best = fit_dispersion(observed, expected)
    assert density(best) > max(density(best * 0.99), density(best * 1.01))
    assert density(best) > max(density(best * 0.3), density(best * 3))


# ---- the funnel


def test_the_funnel_holds_its_share():
    low, high = funnel_limits([40.0])
    inside = stats.poisson.cdf(math.floor(high[0] * 40), 40) - stats.poisson.cdf(math.ceil(low[0] * 40) - 1, 40)
    assert inside == pytest.approx(0.95, abs=0.03)


def test_the_funnel_narrows_and_dispersion_widens_it():
    low, high = funnel_limits([2.0, 20.0, 200.0])
    assert (np.diff(high) < 0).all()
    assert (np.diff(low) > 0).all()
    wide_low, wide_high = funnel_limits([2.0, 20.0, 200.0], dispersion=4.0)
    assert (wide_high > high).all()
    assert (wide_low <= low).all()


# ---- what must hold for every portfolio

COUNTS = st.integers(0, 400)
EXPECTATIONS = st.floats(0.01, 400)
DISPERSIONS = st.floats(0.2, 50)


@given(COUNTS, EXPECTATIONS, DISPERSIONS)
def test_a_shrunken_ratio_lies_between_raw_and_portfolio(y, e, a):
    ratio = float(ratio_posterior([y], [e], dispersion=a).mean[0])
    assert min(y / e, 1) - 1e-12 <= ratio <= max(y / e, 1) + 1e-12


@given(COUNTS, EXPECTATIONS, DISPERSIONS)
def test_one_more_theft_raises_the_ratio_and_its_probability(y, e, a):
    found = ratio_posterior([y, y + 1], [e, e], dispersion=a)
    assert found.mean[1] > found.mean[0]
    assert found.probability_above(1.5)[1] >= found.probability_above(1.5)[0]
    low, high = found.interval()
    assert low[1] > low[0]
    assert high[1] > high[0]


@given(st.floats(0.0, 8.0), EXPECTATIONS, st.floats(1.0, 20.0), DISPERSIONS)
def test_more_exposure_with_the_same_ratio_keeps_a_place_on_watch(raw, e, more, a):
    few, many = ratio_posterior([raw * e, raw * e * more], [e, e * more], dispersion=a).probability_above(1.5)
    assert few < 0.5 or many >= few - 1e-9


@given(st.integers(0, 50), EXPECTATIONS, DISPERSIONS)
def test_the_interval_holds_nine_tenths(y, e, a):
    found = ratio_posterior([y], [e], dispersion=a)
    low, high = found.interval(level=0.9)
    assert found.probability_above(float(low[0]))[0] == pytest.approx(0.95, abs=1e-6)
    assert found.probability_above(float(high[0]))[0] == pytest.approx(0.05, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.1, 30)), min_size=2, max_size=12), st.randoms())
def test_the_order_of_places_does_not_matter(places, random):
    shuffled = list(places)
    random.shuffle(shuffled)
    first = fit_dispersion(*zip(*places, strict=True))
    assert fit_dispersion(*zip(*shuffled, strict=True)) == pytest.approx(first, rel=1e-6)


def test_a_place_without_exposure_keeps_the_prior():
    found = ratio_posterior([0], [0], dispersion=3.0)
    assert found.mean.tolist() == [1.0]
    assert found.weight.tolist() == [0.0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ratio_posterior([-1], [1], dispersion=1.0),
        lambda: ratio_posterior([1], [math.nan], dispersion=1.0),
        lambda: ratio_posterior([1, 2], [1], dispersion=1.0),
        lambda: ratio_posterior([1], [1], dispersion=0.0),
        lambda: fit_dispersion([1], [1], median_cv=0),
        lambda: fit_gamma_by_moments([1], [1]),
        lambda: fit_gamma_by_moments([2, 2, 2], [2, 2, 2]),
        lambda: fit_gamma_by_likelihood([2, 2, 2], [2, 2, 2]),
        lambda: smooth_rates([1], [0]),
        lambda: smooth_rates([1, 2], [3, 4], neighbours=[[1]]),
        lambda: funnel_limits([0.0]),
        lambda: funnel_limits([1.0], level=95),
        lambda: full_credibility(probability=1.0),
        lambda: partial_credibility(-1, full=10),
        lambda: partial_credibility(1, full=0),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        wrong()
