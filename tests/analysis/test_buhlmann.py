"""Credibility of amounts against published figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.buhlmann import buhlmann_straub, hierarchical_credibility, poisson_credibility

# Hachemeister (1975): average claim amount and number of claims of five US states in twelve quarters, as in
# Dutang, Goulet, Milhaud & Pigeon, "Credibility theory features of actuar" (vignette of R package actuar), section 4.
AMOUNTS = [
    [1738, 1642, 1794, 2051, 2079, 2234, 2032, 2035, 2115, 2262, 2267, 2517],
    [1364, 1408, 1597, 1444, 1342, 1675, 1470, 1448, 1464, 1831, 1612, 1471],
    [1759, 1685, 1479, 1763, 1674, 2103, 1502, 1622, 1828, 2155, 2233, 2059],
    [1223, 1146, 1010, 1257, 1426, 1532, 1953, 1123, 1343, 1243, 1762, 1306],
    [1456, 1499, 1609, 1741, 1482, 1572, 1606, 1735, 1607, 1573, 1613, 1690],
]
CLAIMS = [
    [7861, 9251, 8706, 8575, 7917, 8263, 9456, 8003, 7365, 7832, 7849, 9077],
    [1622, 1742, 1523, 1515, 1622, 1602, 1964, 1515, 1527, 1748, 1654, 1861],
    [1147, 1357, 1329, 1204, 998, 1077, 1277, 1218, 896, 1003, 1108, 1121],
    [407, 396, 348, 341, 315, 328, 352, 331, 287, 384, 321, 342],
    [2902, 3172, 3046, 3068, 2693, 2910, 3275, 2697, 2663, 3017, 3242, 3425],
]


def test_buhlmann_on_hachemeisters_amounts():
    # The vignette prints 1671, 72310 and 46040.
    found = buhlmann_straub(AMOUNTS)
    assert found.collective == pytest.approx(1671, abs=0.5)
    assert found.between_variance == pytest.approx(72310, abs=0.5)
    assert found.within_variance == pytest.approx(46040, abs=0.5)


def test_buhlmann_straub_on_hachemeisters_amounts():
    found = buhlmann_straub(AMOUNTS, CLAIMS)
    assert found.collective == pytest.approx(1684, abs=0.5)
    assert found.between_variance == pytest.approx(89639, abs=0.5)
    assert found.within_variance == pytest.approx(139120026, abs=0.5)
    assert found.means == pytest.approx([2061, 1511, 1806, 1353, 1600], abs=0.5)
    assert found.weights == pytest.approx([100155, 19895, 13735, 4152, 36110], abs=0.5)


# R package actuar, cm(~unit + unit:state) on the same data, states 1 and 3 in one cohort and 2, 4 and 5 in the other,
# Bühlmann-Gisler estimators.
def test_hierarchical_credibility_on_hachemeisters_amounts():
    found = hierarchical_credibility(AMOUNTS, CLAIMS, cohorts=[1, 2, 1, 2, 2])
    assert found.collective == pytest.approx(1742.22, abs=0.0051)
    assert found.between_cohorts == pytest.approx(87263.7, abs=0.06)
    assert found.within_cohort == pytest.approx(13414.84, abs=0.0051)
    assert found.within_variance == pytest.approx(139120026, abs=0.5)
    assert found.cohorts == (1, 2)
    assert found.cohort_means == pytest.approx([1962.45, 1524.94], abs=0.0051)
    assert found.cohort_weights == pytest.approx([1.475955, 1.720129], abs=6e-07)
    assert found.cohort_factors == pytest.approx([0.9056702, 0.9179619], abs=6e-08)
    assert found.cohort_estimates == pytest.approx([1941.675, 1542.765], abs=0.0006)
    assert found.factors == pytest.approx([0.9061701, 0.6573469, 0.5697845, 0.2858991, 0.7768832], abs=6e-08)
    assert found.estimates == pytest.approx([2049.733, 1522.032, 1864.28, 1488.504, 1587.097], abs=0.0006)


# Loss Data Analytics, example 9.6.1 (it prints 5/12 for the first risk).
def test_nonparametric_credibility():
    found = buhlmann_straub([[0, 1, 0], [2, 1, 2]])
    assert found.within_variance == pytest.approx(1 / 3, abs=1e-09)
    assert found.between_variance == pytest.approx(7 / 9, abs=1e-09)
    assert found.k == pytest.approx(3 / 7, abs=1e-09)
    assert found.factors == pytest.approx([0.875, 0.875], abs=1e-09)
    assert found.estimates == pytest.approx([5 / 12, 19 / 12], abs=1e-09)


# Loss Data Analytics, example 9.6.4.
def test_semiparametric_credibility():
    found = poisson_credibility([1, 5], 3)
    assert found.within_variance == pytest.approx(1, abs=1e-09)
    assert found.between_variance == pytest.approx(5 / 9, abs=1e-09)
    assert found.k == pytest.approx(1.8, abs=1e-09)
    assert found.factors == pytest.approx([0.625, 0.625], abs=1e-09)
    assert found.estimates == pytest.approx([7 / 12, 17 / 12], abs=1e-09)


# Loss Data Analytics, example 9.6.5: 2,000 policies by their number of claims in five years; the text rounds the
# variance between them to 0.0111 before it divides.
def test_semiparametric_credibility_of_a_claim_count_table():
    policies = [923, 682, 249, 70, 51, 25]
    found = poisson_credibility(np.repeat(np.arange(6), policies), 5)
    three_claims = 923 + 682 + 249
    assert found.within_variance == pytest.approx(0.1719, abs=6e-05)
    assert found.between_variance == pytest.approx(0.0111, abs=6e-05)
    assert found.k == pytest.approx(15.49, abs=0.1)
    assert found.factors[three_claims] == pytest.approx(0.244, abs=0.002)
    assert found.estimates[three_claims] == pytest.approx(0.2764, abs=0.0006)


def test_risks_that_do_not_differ_get_the_common_mean():
    found = buhlmann_straub([[1, 3], [3, 1]], [[1, 1], [2, 2]])
    assert found.between_variance == 0
    assert found.k == float("inf")
    assert found.estimates == pytest.approx([2, 2])


def test_cohorts_that_hold_equal_risks_share_their_estimate():
    found = hierarchical_credibility([[1, 3], [3, 1], [8, 12], [12, 8]], [[1, 1]] * 4, cohorts=["a", "a", "b", "b"])
    assert found.within_cohort == 0
    assert found.estimates[0] == found.estimates[1] < found.estimates[2] == found.estimates[3]


@given(st.lists(st.lists(st.integers(0, 1000), min_size=2, max_size=5), min_size=2, max_size=6))
def test_estimates_lie_between_own_mean_and_collective_and_balance_the_portfolio(risks):
    found = buhlmann_straub(risks)
    low, high = np.minimum(found.means, found.collective), np.maximum(found.means, found.collective)
    assert (found.estimates >= low - 1e-6).all()
    assert (found.estimates <= high + 1e-6).all()
    assert (found.weights * found.estimates).sum() == pytest.approx((found.weights * found.means).sum(), abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: buhlmann_straub([[1, 2]]),
        lambda: buhlmann_straub([[1], [2]]),
        lambda: buhlmann_straub([[1, 2], [3, 4]], [[1, 1], [1, 0]]),
        lambda: buhlmann_straub([[1, 2], [3, 4]], [[1, 1], [1]]),
        lambda: buhlmann_straub([[1, 2], []]),
        lambda: poisson_credibility([1], 3),
        lambda: poisson_credibility([1, 2], 0),
        lambda: hierarchical_credibility([[1, 2], [3, 4]], [[1, 1], [1, 1]], cohorts=["a", "a"]),
        lambda: hierarchical_credibility([[1, 2], [3, 4]], [[1, 1], [1, 1]], cohorts=["a", "b"]),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        wrong()
