"""Chain ladder, Mack's errors and Bornhuetter-Ferguson against published triangles, and states of short triangles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.development import bornhuetter_ferguson, chain_ladder, develop_net
from analysis.triangles import Triangle, build_triangle

# Historical Loss Development Study (RAA, 1991), as in Mack (1994); Taylor & Ashe (1983), as in Mack (1993);
# Wüthrich & Merz (2008), Stochastic Claims Reserving Methods, table 2.2; Merz & Wüthrich (2008), CAS E-Forum, table 1.
# fmt: off
RAA = [
    [5012, 8269, 10907, 11805, 13539, 16181, 18009, 18608, 18662, 18834],
    [106, 4285, 5396, 10666, 13782, 15599, 15496, 16169, 16704],
    [3410, 8992, 13873, 16141, 18735, 22214, 22863, 23466],
    [5655, 11555, 15766, 21266, 23425, 26083, 27067],
    [1092, 9565, 15836, 22169, 25955, 26180],
    [1513, 6445, 11702, 12935, 15852],
    [557, 4020, 10946, 12314],
    [1351, 6947, 13112],
    [3133, 5395],
    [2063],
]
TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]
WUTHRICH_MERZ = [
    [5946975, 9668212, 10563929, 10771690, 10978394, 11040518, 11106331, 11121181, 11132310, 11148124],
    [6346756, 9593162, 10316383, 10468180, 10536004, 10572608, 10625360, 10636546, 10648192],
    [6269090, 9245313, 10092366, 10355134, 10507837, 10573282, 10626827, 10635751],
    [5863015, 8546239, 9268771, 9459424, 9592399, 9680740, 9724068],
    [5778885, 8524114, 9178009, 9451404, 9681692, 9786916],
    [6184793, 9013132, 9585897, 9830796, 9935753],
    [5600184, 8493391, 9056505, 9282022],
    [5288066, 7728169, 8256211],
    [5290793, 7648729],
    [5675568],
]
MERZ_WUTHRICH = [
    [2202584, 3210449, 3468122, 3545070, 3621627, 3644636, 3669012, 3674511, 3678633],
    [2350650, 3553023, 3783846, 3840067, 3865187, 3878744, 3898281, 3902425],
    [2321885, 3424190, 3700876, 3798198, 3854755, 3878993, 3898825],
    [2171487, 3165274, 3395841, 3466453, 3515703, 3548422],
    [2140328, 3157079, 3399262, 3500520, 3585812],
    [2290664, 3338197, 3550332, 3641036],
    [2148216, 3219775, 3428335],
    [2143728, 3158581],
    [2144738],
]
# fmt: on


def triangle(rows: list[list[float]], *, ages: int | None = None) -> Triangle:
    width = ages or max(len(row) for row in rows)
    cells = [list(row) + [math.nan] * (width - len(row)) for row in rows]
    return Triangle(tuple(range(1, len(rows) + 1)), tuple(range(1, width + 1)), np.array(cells, dtype=float))


# R package ChainLadder, vignette: MackChainLadder(RAA, est.sigma = "Mack").
def test_raa_is_the_vignettes():
    found = chain_ladder(triangle(RAA))
    factors = [2.999, 1.624, 1.271, 1.172, 1.113, 1.042, 1.033, 1.017, 1.009, 1.0]
    ultimate = [18834, 16858, 24083, 28703, 28927, 19501, 17749, 24019, 16045, 18402]
    reserve = [0, 154, 617.4, 1636.1, 2746.7, 3649.1, 5435.3, 10907.2, 10650.0, 16339.4]
    error = [0, 206.2, 623.4, 747.2, 1469.5, 2001.9, 2209.2, 5357.9, 6333.2, 24566.3]
    assert found.state == "fitted"
    assert found.factors == pytest.approx(factors, abs=6e-4)
    assert found.ultimate == pytest.approx(ultimate, abs=0.51)
    assert found.reserve == pytest.approx(reserve, abs=0.06)
    assert found.standard_error == pytest.approx(error, abs=0.06)
    assert found.triangle.latest.sum() == 160987
    assert found.total_ultimate.value == pytest.approx(213122.23, abs=0.006)
    assert found.total.value == pytest.approx(52135.23, abs=0.006)
    assert found.total.standard_error == pytest.approx(26909.01, abs=0.006)


# The same package, unit test runit.MackChainLadder.R.
def test_raa_with_a_log_linear_last_sigma():
    found = chain_ladder(triangle(RAA), last_sigma="log-linear")
    assert found.total.standard_error == pytest.approx(26880.74, abs=0.006)


# Mack (1993), ASTIN Bulletin 23:213-225.
def test_taylor_and_ashe_is_macks():
    found = chain_ladder(triangle(TAYLOR_ASHE))
    reserve = [0, 94634, 469511, 709638, 984889, 1419459, 2177641, 3920301, 4278972, 4625811]
    assert found.reserve == pytest.approx(reserve, abs=0.51)
    assert found.total.value == pytest.approx(18680856, abs=0.51)
    assert found.total.standard_error == pytest.approx(2447095, abs=1.0)
    cv = 100 * found.standard_error[1:] / found.reserve[1:]
    assert cv == pytest.approx([80, 26, 19, 27, 29, 26, 22, 23, 29], abs=0.51)


# Loss Data Analytics, chapter Loss Reserves; the total error is that of Wüthrich & Merz (2008).
def test_wuthrich_and_merz_table_2_2():
    found = chain_ladder(triangle(WUTHRICH_MERZ))
    factors = [1.493, 1.078, 1.023, 1.015, 1.007, 1.005, 1.001, 1.001, 1.001]
    ultimate = [11148123, 10663317, 10662007, 9758607, 9872216, 10092245, 9568142, 8705378, 8691971, 9626383]
    reserve = [0, 15125, 26257, 34538, 85301, 156493, 286120, 449166, 1043242, 3950815]
    assert found.factors[:-1] == pytest.approx(factors, abs=6e-4)
    assert found.ultimate == pytest.approx(ultimate, abs=2.6)
    assert found.reserve == pytest.approx(reserve, abs=2.6)
    assert found.total.value == pytest.approx(6047058.5, abs=6)
    assert found.total.standard_error == pytest.approx(462960, abs=2)


# Merz & Wüthrich (2008), CAS E-Forum, Fall: totals 2,237,826, 108,401 (ultimate) and 81,080 (one year).
def test_the_one_year_error_is_merz_and_wuthrichs():
    found = chain_ladder(triangle(MERZ_WUTHRICH))
    assert found.total.value == pytest.approx(2237826, abs=1.0)
    assert found.total.standard_error == pytest.approx(108401, abs=1.0)
    assert found.total_one_year_error == pytest.approx(81080, abs=1.0)
    ultimate_error = [0, 566, 1564, 4157, 10536, 30319, 35967, 45090, 69552]
    one_year = [0, 566, 1487, 3923, 9723, 28443, 20954, 28119, 53321]
    assert found.reserve == pytest.approx([0, 4378, 9347, 28392, 51444, 111811, 187084, 411864, 1433505], abs=1.0)
    assert found.standard_error == pytest.approx(ultimate_error, abs=1.0)
    assert found.one_year_error == pytest.approx(one_year, abs=1.0)


def test_macks_total_by_his_own_formula():
    # Mack (1993), corollary of theorem 3, written out: the recursion must come to the same.
    found = chain_ladder(triangle(RAA))
    c, f, s2 = found.triangle.amounts, found.factors[:-1], found.sigma[:-1] ** 2
    n = len(RAA)
    sums = [sum(c[i, k] for i in range(n - k - 1)) for k in range(n - 1)]
    total = 0.0
    for i in range(1, n):
        shared = sum(2 * s2[k] / f[k] ** 2 / sums[k] for k in range(n - 1 - i, n - 1))
        total += found.standard_error[i] ** 2 + found.ultimate[i] * found.ultimate[i + 1 :].sum() * shared
    assert found.total.standard_error == pytest.approx(math.sqrt(total), rel=1e-12)


# Package chainladder 0.10.1, Development(sigma_interpolation="mack" or "log-linear") and MackChainladder, on the
# RAA and Taylor-Ashe triangles without some of their cells (row, column).
@pytest.mark.parametrize(
    ("rows", "without", "rule", "reserve", "error"),
    [
        (RAA, [(2, 3)], "mack", 53254.71023877767, 27633.234968694454),
        (RAA, [(2, 3)], "log-linear", 53254.71023877767, 27605.67512271518),
        (RAA, [(0, 0), (1, 0)], "mack", 53162.04571650136, 19830.963863576606),
        (RAA, [(0, 0), (1, 0)], "log-linear", 53162.04571650136, 19801.758978037185),
        (TAYLOR_ASHE, [], "log-linear", 18680855.611924313, 2441364.128054218),
        (TAYLOR_ASHE, [(2, 3)], "mack", 18435900.1245041, 2511702.8339762283),
        (TAYLOR_ASHE, [(0, 0), (1, 0)], "log-linear", 18744654.277961027, 2508750.4511575494),
    ],
)
def test_gaps_are_treated_as_chainladder_does(rows, without, rule, reserve, error):
    gapped = [[math.nan if (i, k) in without else cell for k, cell in enumerate(row)] for i, row in enumerate(rows)]
    found = chain_ladder(triangle(gapped), last_sigma=rule)
    assert found.total.value == pytest.approx(reserve, rel=1e-9)
    assert found.total.standard_error == pytest.approx(error, rel=1e-9)


# ---- intervals


def test_the_interval_of_a_reserve_is_log_normal():
    found = chain_ladder(triangle(RAA))
    spread = math.sqrt(math.log1p((26909.01 / 52135.23) ** 2))
    middle = math.log(52135.23) - spread**2 / 2
    expected = math.exp(middle - 1.644854 * spread), math.exp(middle + 1.644854 * spread)
    assert found.total.interval == pytest.approx(expected, rel=1e-5)
    assert found.total_ultimate.interval == pytest.approx([160987 + end for end in expected], rel=1e-5)


def test_an_origin_has_its_own_reserve_and_ultimate():
    found = chain_ladder(triangle(RAA))
    reserve, ultimate = found.reserve_of(10), found.ultimate_of(10)
    assert reserve.value == pytest.approx(16339.4, abs=0.06)
    assert ultimate.value == pytest.approx(18402, abs=0.51)
    assert ultimate.interval.low == pytest.approx(2063 + reserve.interval.low)
    # Never below nothing, though the error is larger than the reserve.
    assert 0 < reserve.interval.low < reserve.value < reserve.interval.high


def test_a_developed_origin_has_no_error():
    found = chain_ladder(triangle(RAA)).reserve_of(1)
    assert (found.value, found.interval) == (0, (0, 0))


# ---- tail


def test_a_tail_raises_all_ultimates_and_says_that_its_error_is_not_counted():
    plain, tailed = chain_ladder(triangle(RAA)), chain_ladder(triangle(RAA), tail=1.05)
    assert tailed.ultimate == pytest.approx(1.05 * plain.ultimate)
    assert "The error of the tail is not counted" in tailed.caveats
    assert math.isnan(tailed.total_one_year_error)


def test_a_tails_errors_are_added():
    # Row of 200 developed: process 100 x 200 = sigma^2 C, estimation 200^2 x 0.01^2.
    found = chain_ladder(triangle([[100, 200], [100, 200], [100]]), tail=1.1, tail_sigma=10, tail_error=0.01)
    assert found.standard_error[0] == pytest.approx(math.sqrt(100 * 200 + 200**2 * 0.01**2))
    assert found.caveats == ()


def test_an_impossible_tail_is_refused():
    with pytest.raises(ValueError, match="tail"):
        chain_ladder(triangle(RAA), tail=0)


# ---- the share developed


def test_developed_shares_are_the_inverse_factors():
    found = chain_ladder(triangle([[50, 80, 100], [60, 96], [40]]))
    assert found.to_ultimate == pytest.approx([2, 1.25, 1])
    assert found.developed_share == pytest.approx([0.5, 0.8, 1])


# ---- rows to triangle


def test_rows_become_a_triangle_in_order():
    found = build_triangle([2025, 2024, 2024], [12, 24, 12], [80, 150, 100])
    assert (found.origins, found.ages) == ((2024, 2025), (12, 24))
    assert found.amounts[0].tolist() == [100, 150]
    assert found.latest.tolist() == [150, 80]


def test_years_without_rows_can_be_asked_for():
    found = build_triangle([2024], [12], [100], origins=[2023, 2024], ages=[12, 24])
    assert found.latest_age.tolist() == [-1, 0]
    assert math.isnan(found.latest[0])


def test_two_amounts_for_a_cell_are_refused():
    with pytest.raises(ValueError, match="two amounts for origin 2024 at age 12"):
        build_triangle([2024, 2024], [12, 12], [1, 2])


def test_rows_of_no_origin_asked_for_are_refused():
    with pytest.raises(ValueError, match="origin 2022 at age 12 is not among"):
        build_triangle([2022], [12], [1], origins=[2024])


# ---- gaps, short triangles, nothing, money back


def test_an_unknown_cell_leaves_its_origin_out_of_both_factors():
    found = chain_ladder(triangle([[100, 150, 180], [100, math.nan, 190], [100, 160], [100]]))
    assert found.factors[:2] == pytest.approx([(150 + 160) / 200, 180 / 150])
    assert found.pairs.tolist() == [2, 1, 0]
    assert found.ultimate[1] == 190
    assert "Unknown cells between known ones, left out of the factors: 1" in found.caveats
    assert math.isnan(found.total_one_year_error)


def test_two_origins_and_two_ages_have_a_factor_and_no_error():
    found = chain_ladder(triangle([[100, 150], [80]]))
    assert found.state == "no errors"
    assert found.total.value == pytest.approx(40)
    assert (found.total.interval, found.total.standard_error) == (None, None)
    assert "No two origins show how much the factors vary: the error is not known" in found.caveats


def test_three_ages_borrow_the_last_sigma_from_the_one_before():
    found = chain_ladder(triangle([[100, 150, 160], [100, 170], [100]]))
    # sigma^2 of the first step: 100 x (1.5 - 1.6)^2 + 100 x (1.7 - 1.6)^2 over 1.
    assert found.sigma[:2] == pytest.approx([math.sqrt(2), math.sqrt(2)])
    assert found.state == "fitted"
    assert "Steps that rest on one origin, their error extrapolated: 1 of 2" in found.caveats


def test_a_single_origin_shows_no_development():
    found = chain_ladder(triangle([[100, 150, 160]]))
    assert found.state == "too short"
    assert found.total.value is None
    assert math.isnan(found.ultimate[0])
    assert found.caveats[0] == "There are not two origins with amounts: nothing shows how losses develop"


def test_ages_that_no_origin_has_reached_cannot_be_projected():
    found = chain_ladder(triangle([[100, 150], [80]], ages=3))
    assert found.state == "too short"
    assert found.total.value is None
    assert found.total.interval is None


def test_an_empty_triangle_is_too_short():
    found = chain_ladder(build_triangle([], [], []))
    assert (found.state, found.total.value, found.total.n) == ("too short", None, 0)


def test_an_origin_without_amounts_is_left_out():
    with_it = chain_ladder(triangle([[100, 150], [100, 170], [math.nan, math.nan], [80]]))
    without = chain_ladder(triangle([[100, 150], [100, 170], [80]]))
    assert with_it.total.value == pytest.approx(without.total.value)
    assert with_it.total.standard_error == pytest.approx(without.total.standard_error)
    assert math.isnan(with_it.ultimate[2])
    assert "Origins without an amount, left out: 1 of 4" in with_it.caveats


def test_nothing_stays_at_nothing_and_is_said():
    found = chain_ladder(triangle([[100, 150], [100, 170], [0]]))
    assert found.ultimate[2] == 0
    assert "Origins with nothing yet, which the chain ladder leaves at nothing: 1" in found.caveats


def test_growth_from_nothing_counts_in_the_factor_and_not_in_its_error():
    found = chain_ladder(triangle([[100, 150], [0, 30], [100, 170], [50]]))
    assert found.factors[0] == pytest.approx(350 / 200)
    # (150 - 175)^2 / 100 + (170 - 175)^2 / 100 over 1.
    assert found.sigma[0] == pytest.approx(math.sqrt(6.5))
    assert "Steps that start at nothing, counted in the factors and not in their error: 1" in found.caveats


def test_falling_amounts_make_a_negative_reserve_with_a_normal_interval():
    found = chain_ladder(triangle([[100, 90], [100, 80], [100]]))
    low, high = found.total.interval
    assert found.total.value == pytest.approx(-15)
    assert (low + high) / 2 == pytest.approx(-15)
    assert "Steps in which an amount falls (a reserve taken down, money recovered): 2" in found.caveats


@pytest.mark.parametrize("rows", [[[0, 0], [0, 0], [0]], [[-5, 3], [-4, 2], [1]], [[100, -20], [100, -30], [100]]])
def test_amounts_without_a_positive_factor_cannot_be_projected(rows):
    found = chain_ladder(triangle(rows))
    assert found.state == "too short"
    assert found.total.value is None


# ---- Bornhuetter-Ferguson


# Friedland (2010), Estimating Unpaid Claims Using Basic Techniques, chapter 9: expected x (1 - 1 / factor) + known.
def test_the_expected_rest_is_added_to_what_is_known():
    found = bornhuetter_ferguson([20, 0, 90], developed_share=[0.4, 0.1, 1.0], premium=[100, 50, 100], a_priori=0.6)
    assert found.reserve == pytest.approx([36, 27, 0])
    assert found.ultimate == pytest.approx([56, 27, 90])
    assert found.own_weight == pytest.approx([0.4, 0.1, 1.0])


def test_it_lies_between_chain_ladder_and_a_priori():
    # Benktander's identity: ultimate = share x chain ladder + (1 - share) x a priori.
    found = bornhuetter_ferguson([20.0], developed_share=[0.4], premium=[100.0], a_priori=[0.6])
    assert found.ultimate[0] == pytest.approx(0.4 * (20 / 0.4) + 0.6 * 60)


def test_without_premium_nothing_more_is_expected():
    found = bornhuetter_ferguson([20.0, 5.0], developed_share=0.5, premium=[0.0, 10.0], a_priori=0.6)
    assert found.ultimate == pytest.approx([20, 8])
    assert found.caveats == ("Without earned premium, so that nothing more is expected: 1 of 2",)


def test_money_still_to_come_back_lowers_the_ultimate():
    found = bornhuetter_ferguson([20.0], developed_share=[1.1], premium=[100.0], a_priori=[0.5])
    assert found.reserve == pytest.approx([-5])
    assert found.own_weight == pytest.approx([1.0])
    assert len(found.caveats) == 1


@pytest.mark.parametrize("given", [{"premium": [-1.0]}, {"a_priori": [-0.1]}, {"developed_share": [0.0]}])
def test_impossible_expectations_are_refused(given):
    with pytest.raises(ValueError, match="not negative"):
        bornhuetter_ferguson([1.0], **{"developed_share": [0.5], "premium": [1.0], "a_priori": [0.5], **given})


# ---- net of what comes back


def test_recoveries_develop_at_their_own_speed():
    gross = triangle([[100, 110], [100, 110], [100]])
    back = triangle([[5, 20], [5, 20], [5]])
    found = develop_net(gross, back)
    assert found.gross.ultimate == pytest.approx([110, 110, 110])
    assert found.recovered_ultimate == pytest.approx([20, 20, 20])
    assert found.net_ultimate == pytest.approx([90, 90, 90])
    assert found.total_net.value == pytest.approx(270)


def test_the_errors_of_losses_and_recoveries_are_added_as_independent():
    gross, back = triangle([[100, 110], [100, 130], [100]]), triangle([[5, 20], [5, 10], [5]])
    found = develop_net(gross, back)
    errors = chain_ladder(gross).total.standard_error, chain_ladder(back).total.standard_error
    assert found.total_net.standard_error == pytest.approx(math.hypot(*errors))
    assert found.total_net.interval.low < found.total_net.value < found.total_net.interval.high


def test_recoveries_too_few_to_develop_are_taken_as_recorded():
    found = develop_net(triangle([[100, 110], [100, 110], [100]]), triangle([[0, 0], [0, 0], [7]]))
    assert found.recoveries.state == "too short"
    assert found.net_ultimate == pytest.approx([110, 110, 103])
    assert "Recoveries are too few to develop and are taken as recorded: the net is at most this" in found.caveats


def test_net_needs_the_same_origins_and_ages():
    with pytest.raises(ValueError, match="same origins and ages"):
        develop_net(triangle([[1, 2], [1]]), triangle([[1, 2], [1], [1]]))


# ---- what holds for every triangle


@given(
    st.integers(3, 7).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(1, 10_000), min_size=n, max_size=n).map(lambda row: np.cumsum(row).tolist()),
            min_size=n,
            max_size=n,
        )
    ),
    st.floats(0.01, 1000),
)
def test_scale_changes_nothing_but_the_unit(rows, scale):
    cut = [row[: len(rows) - place] for place, row in enumerate(rows)]
    found = chain_ladder(triangle(cut))
    scaled = chain_ladder(triangle([[scale * cell for cell in row] for row in cut]))
    assert scaled.factors == pytest.approx(found.factors, rel=1e-9)
    assert scaled.ultimate == pytest.approx(scale * found.ultimate, rel=1e-9)
    assert scaled.standard_error == pytest.approx(scale * found.standard_error, rel=1e-6, abs=1e-6 * scale)
    assert found.ultimate.sum() == pytest.approx(found.total_ultimate.value)
    assert found.total.standard_error <= found.standard_error.sum() * (1 + 1e-9) + 1e-6
