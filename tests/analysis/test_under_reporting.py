"""Rates under an assumption on what is reported: exact where it is certain, wider where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from analysis.adjusted_verdicts import adjust, adjusted_values, excess_range
from analysis.credibility import ratio_posterior
from analysis.filters import Filters
from analysis.intervals import poisson_interval
from analysis.reporting_fit import share_below
from analysis.under_reporting import (
    AS_REPORTED,
    ASSUMED,
    Quadrature,
    Reporting,
    ReportingError,
    assumption_words,
    beta_quadrature,
    lognormal_quadrature,
    reported_posterior,
    scaled_interval,
)
from analysis.verdicts import book_values, ranked_verdicts
from data.portfolio import View
from tests.analysis.books import load_book, shipments, thefts, view_of
from tests.portfolios import open_view

#: Half of all thefts are reported, everywhere alike, and losses are as recorded.
HALF = Reporting(
    reported_share=0.5, reported_margin=0, place_margin=0, small_share=1, unvalued_factor=1, unvalued_margin=0
)
ONE = Quadrature(np.array([1.0]), np.array([1.0]))
#: A beta distribution of mean 0.75 and a 90% range of about 0.65 to 0.85: its standard deviation is 0.1 / 1.645.
A, B = 37.29, 12.43
RATES = ("ratio", "low", "high", "expected", "excess_loss", "severity", "loss_cost", "rate")


class TestPosterior:
    def test_all_reported_is_the_posterior_of_the_reports_to_the_last_digit(self) -> None:
        observed, expected = [0, 3, 12, 300], [0.0, 1.5, 4.0, 200.0]
        found = reported_posterior(observed, expected, dispersion=0.56, relative=ONE)
        plain = ratio_posterior(observed, expected, dispersion=0.56)
        assert np.allclose(found.mean, plain.mean, rtol=1e-14, atol=0)
        assert np.allclose(found.interval(), plain.interval(), rtol=1e-14, atol=0)
        assert np.allclose(found.probability_above(1.5), plain.probability_above(1.5), rtol=1e-13, atol=0)

    def test_a_place_that_reports_half_of_the_book_s_share_has_half_the_reports_expected(self) -> None:
        half = Quadrature(np.array([0.5]), np.array([1.0]))
        found = reported_posterior([6], [4.0], dispersion=0.5, relative=half)
        # (0.5 + 6) / (0.5 + 4 x 0.5)
        assert found.mean.tolist() == [2.6]

    @pytest.mark.parametrize(("y", "e"), [(0, 0.5), (12, 4.0), (45, 30.0), (300, 200.0), (3000, 1500.0)])
    def test_it_agrees_with_numeric_integration(self, y: int, e: float) -> None:
        prior, a = stats.beta(A, B), 0.56

        def over(function: object) -> float:
            # Likelihood of y: negative binomial of mean E g with size a; scaled by its largest, lest it underflow.
            def part(p: float) -> float:
                mean = e * p / 0.75
                log = stats.nbinom.logpmf(y, a, a / (a + mean)) - top
                return float(prior.pdf(p) * np.exp(log) * function(a + e * p / 0.75))  # type: ignore[operator]

            return float(integrate.quad(part, 0, 1, points=[0.5, 0.65, 0.75, 0.85], limit=400, epsabs=0)[0])

        top = max(stats.nbinom.logpmf(y, a, a / (a + e * p / 0.75)) for p in np.linspace(0.01, 0.99, 99))
        whole = over(lambda _: 1.0)
        mean = over(lambda rate: (a + y) / rate) / whole

        def end(probability: float) -> float:
            def miss(x: float) -> float:
                return over(lambda rate: stats.gamma.cdf(x * rate, a + y)) / whole - probability

            return float(optimize.brentq(miss, 1e-6, 20, rtol=1e-9))

        ((_, found),) = Reporting(reported_margin=0.1, place_margin=0.1).posteriors([y], [e], dispersion=a)
        assert found.mean[0] == pytest.approx(mean, rel=2e-4)
        low, high = found.interval()
        assert low[0] == pytest.approx(end(0.05), rel=1e-3)
        assert high[0] == pytest.approx(end(0.95), rel=1e-3)

    def test_the_less_is_known_of_reporting_the_wider_the_interval(self) -> None:
        widths = []
        for margin in (0.0, 0.1, 0.2):
            ((_, found),) = Reporting(place_margin=margin).posteriors([40], [20.0], dispersion=1.0)
            low, high = found.interval()
            widths.append(float(np.log(high[0] / low[0])))
        assert widths[0] < 0.95 * widths[1] < 0.9 * widths[2]

    def test_few_and_many_thefts_come_back_in_their_places(self) -> None:
        parts = Reporting().posteriors([200, 1, 90, 3], [100.0, 1.0, 90.0, 2.0], dispersion=1.0)
        assert [rows.tolist() for rows, _ in parts] == [[1, 3], [0, 2]]

    def test_draws_follow_the_mixture(self) -> None:
        ((_, found),) = Reporting(place_margin=0.2).posteriors([12], [4.0], dispersion=0.56)
        drawn = found.draw(np.random.default_rng(3), draws=40_000)[:, 0]
        low, high = found.interval()
        assert drawn.mean() == pytest.approx(found.mean[0], rel=0.01)
        assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx([low[0], high[0]], rel=0.02)

    @pytest.mark.parametrize(("y", "e", "a"), [([-1], [1.0], 1.0), ([1], [float("nan")], 1.0), ([1], [1.0], 0.0)])
    def test_what_is_no_count_is_refused(self, y: list[float], e: list[float], a: float) -> None:
        with pytest.raises(ValueError, match="counts and expected counts are finite"):
            reported_posterior(y, e, dispersion=a, relative=ONE)


class TestQuadrature:
    @pytest.mark.parametrize(("mean", "margin"), [(0.75, 0.15), (0.75, 0.01), (0.95, 0.05), (0.5, 0.3)])
    def test_beta_nodes_have_its_mean_its_spread_and_the_mean_of_its_inverse(self, mean: float, margin: float) -> None:
        found = beta_quadrature(mean, margin=margin, nodes=12)
        sd = margin / 1.6448536269514722
        size = mean * (1 - mean) / sd**2 - 1
        assert found.weights.sum() == pytest.approx(1, rel=1e-12)
        assert found.mean_of(found.values) == pytest.approx(mean, rel=1e-10)
        assert found.mean_of((found.values - mean) ** 2) == pytest.approx(sd**2, rel=1e-8)
        # E[1 / p] = (a + b - 1) / (a - 1)
        assert found.mean_of(1 / found.values) == pytest.approx((size - 1) / (mean * size - 1), rel=5e-4)

    def test_the_uniform_distribution_gives_the_nodes_of_gauss_and_legendre(self) -> None:
        # Abramowitz & Stegun, table 25.4, n = 3, moved from (-1, 1) to (0, 1); a = b = 1 has variance 1 / 12.
        found = beta_quadrature(0.5, margin=1.6448536269514722 * 12**-0.5, nodes=3)
        assert found.values == pytest.approx([(1 - 0.774596669241483) / 2, 0.5, (1 + 0.774596669241483) / 2])
        assert found.weights == pytest.approx([5 / 18, 8 / 18, 5 / 18])

    def test_lognormal_nodes_have_its_mean_and_spread(self) -> None:
        found = lognormal_quadrature(0.8, margin=0.3, nodes=12)
        assert found.mean_of(found.values) == pytest.approx(0.8, rel=1e-10)
        assert found.mean_of((found.values - 0.8) ** 2) == pytest.approx((0.3 / 1.6448536269514722) ** 2, rel=1e-8)

    def test_certain_is_one_node(self) -> None:
        assert beta_quadrature(1.0, margin=0.1, nodes=5).values.tolist() == [1.0]
        assert lognormal_quadrature(0.8, margin=0, nodes=5).weights.tolist() == [1.0]


class TestInterval:
    def test_a_certain_multiplier_multiplies_garwood_s_ends(self) -> None:
        two = Quadrature(np.array([2.0]), np.array([1.0]))
        assert scaled_interval(5, multiplier=two) == tuple(2 * end for end in poisson_interval(5))

    def test_it_agrees_with_numeric_integration(self) -> None:
        prior = stats.beta(A, B)
        common = Reporting(reported_margin=0.1).common
        found = scaled_interval(12, multiplier=Quadrature(1 / common.values, common.weights))

        def beyond(p: float, end: float) -> float:
            return float(prior.pdf(p) * stats.poisson.cdf(12, end * p))

        def at_least(p: float, end: float) -> float:
            return float(prior.pdf(p) * stats.poisson.sf(11, end * p))

        # Half of 5% of all worlds with so many thefts would have had 12 reports or more, and or fewer.
        assert integrate.quad(at_least, 0, 1, args=(found.low,))[0] == pytest.approx(0.025, rel=1e-3)
        assert integrate.quad(beyond, 0, 1, args=(found.high,))[0] == pytest.approx(0.025, rel=1e-3)

    def test_no_report_is_no_proof_of_no_theft(self) -> None:
        common = Reporting().common
        low, high = scaled_interval(0, multiplier=Quadrature(1 / common.values, common.weights))
        assert low == 0
        assert high > poisson_interval(0).high / 0.75


class TestAssumption:
    def test_every_number_has_a_label_a_meaning_and_a_source(self) -> None:
        assert list(ASSUMED) == list(vars(Reporting()))
        assert all(one.source.startswith("Own judgement: ") and one.meaning for one in ASSUMED.values())

    def test_it_is_told_in_words(self) -> None:
        assert assumption_words(Reporting()) == (
            "Assumed, not measured: 75% of thefts are reported (90% sure: 60–90%), of single places 10 points more or "
            "less; thefts under 3 times the deductible only 50% as often; one without a value costs 0.8 times one with "
            "(0.5–1.1)."
        )
        assert assumption_words(HALF) == "Assumed, not measured: 50% of thefts are reported."

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"reported_share": 0.2}, "Thefts reported is 0.2. It lies between 0.35 and 1"),
            ({"reported_share": float("nan")}, "Thefts reported is nan"),
            ({"reported_share": 0.9}, "90% give or take 15 points leaves 0% to 100%. Take a smaller margin."),
            ({"deductible_multiple": 4}, "4 times the deductible is not prepared. Take one of 2, 3, 5, 10"),
            ({"unvalued_factor": 0.3}, "0.3 times give or take 0.3 reaches 0"),
        ],
    )
    def test_what_cannot_be_is_refused_with_a_way_out(self, given: dict[str, float], said: str) -> None:
        with pytest.raises(ReportingError) as caught:
            Reporting(**given)  # type: ignore[arg-type]
        assert said in str(caught.value)

    def test_thefts_that_deductibles_touch_are_reported_less(self) -> None:
        assert Reporting(small_share=0.5).share_of([0.0, 0.2, float("nan")]).tolist() == [1.0, 0.9, 1.0]

    def test_losses_without_a_value_count_with_the_factor(self) -> None:
        found = Reporting(unvalued_factor=0.8).losses_of([1.0, 0.5, float("nan")])
        assert found.tolist() == [1.0, 0.9, 1.0]


def test_the_share_of_small_losses_is_one_above_the_threshold() -> None:
    mean, sd = 50_000.0, 1.5
    losses = stats.lognorm(sd, scale=mean * np.exp(-(sd**2) / 2))
    expected = (losses.cdf(3_000) - losses.cdf(1_000)) / losses.sf(1_000)
    found = share_below(np.array([3_000.0, 900.0]), mean=np.full(2, mean), log_sd=sd, least=np.full(2, 1_000.0))
    assert found == pytest.approx([expected, 0.0])
    assert share_below(np.array([900.0]), mean=np.array([500.0]), log_sd=sd, least=np.zeros(1))[0] > 0.8


POLICY = "policy_id,insured_id,inception_date,expiry_date,currency,deductible_amount\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is of I1, whose deductible is 1,000; L2 of I2 with 100; L3 of seven, half of whose thefts have no value."""
    root = tmp_path_factory.mktemp("reporting")
    goods = [
        shipments(900, lane="L1", month="2025-03", insured="I1"),
        shipments(900, lane="L2", month="2025-03", insured="I2"),
        *(shipments(60, lane="L3", month="2025-03", insured=f"I{number}") for number in range(1, 8)),
    ]
    lost = [
        thefts(20, lane="L1", month="2025-03", insured="I1", loss="4000"),
        thefts(20, lane="L2", month="2025-03", insured="I2", loss="4000"),
        thefts(4, lane="L2", month="2025-03", insured="I2", loss="1500"),
        thefts(30, lane="L3", month="2025-03", insured="I3", loss="6000"),
        thefts(30, lane="L3", month="2025-03", insured="I3", loss=""),
    ]
    policy = POLICY + "P1,I1,2024-01-01,2026-01-01,USD,1000\nP2,I2,2024-01-01,2026-01-01,USD,100\n"
    load_book(root, goods=goods, lost=lost, more={"policy.csv": policy})
    return root


@pytest.fixture(scope="module")
def book(folder: Path) -> View:
    return open_view(folder)


def of(view: View, reporting: Reporting):
    """Published and adjusted rows by place, and published and adjusted values."""
    published = ranked_verdicts(view, level="lane")
    moved = adjust(published, view=view, reporting=reporting)
    values = book_values(view, ranked=published)
    told = adjusted_values(values, view=view, ranked=moved, reporting=reporting)
    return published.frame.set_index("place"), moved.frame.set_index("place"), values, told


class TestBook:
    def test_all_reported_changes_nothing(self, book: View) -> None:
        published, moved, values, told = of(book, AS_REPORTED)
        assert moved.equals(published)
        assert told == values

    def test_half_reported_doubles_levels_exactly_and_leaves_ratios(self, book: View) -> None:
        published, moved, values, told = of(book, HALF)
        order = published.index
        for name in ("ratio", "low", "high", "expected", "severity", "raw_ratio"):
            assert moved.loc[order, name].tolist() == pytest.approx(published[name].tolist(), rel=1e-12), name
        for name in ("rate", "excess_thefts", "excess_loss", "loss_cost"):
            assert moved.loc[order, name].tolist() == pytest.approx((2 * published[name]).tolist(), rel=1e-9), name
        for key in ("theft_frequency", "theft_loss_cost"):
            assert told[key].value == pytest.approx(2 * values[key].value, rel=1e-12)
            assert told[key].interval == pytest.approx([2 * end for end in values[key].interval], rel=1e-9)
            assert [amount for _, amount in told[key].trend] == pytest.approx(
                [2 * amount for _, amount in values[key].trend]
            )

    def test_verdict_certainty_and_weight_stay_as_published(self, book: View) -> None:
        published, moved, _, _ = of(book, Reporting())
        for name in ("verdict", "probability", "weight", "observed", "units"):
            assert moved.loc[published.index, name].tolist() == published[name].tolist()

    def test_doubt_on_the_share_widens_frequency_and_loss_cost(self, book: View) -> None:
        _, _, values, told = of(book, Reporting())
        for key in ("theft_frequency", "theft_loss_cost"):
            before, after = values[key].interval, told[key].interval
            assert after[1] / after[0] > 1.1 * before[1] / before[0]
        assert told["theft_frequency"].caveats[-1].startswith("adjusted: one report stands for 1.")

    def test_doubt_on_places_widens_ratios(self, book: View) -> None:
        published, moved, _, _ = of(book, Reporting(small_share=1, place_margin=0.2))
        wide = moved["high"] / moved["low"]
        assert (wide > 1.02 * (published["high"] / published["low"])[wide.index]).all()

    @pytest.mark.parametrize(
        "reporting",
        [Reporting(), Reporting(place_margin=0, small_share=0.2, deductible_multiple=5), Reporting(small_share=0.1)],
    )
    def test_no_interval_is_narrower_than_as_reported_in_its_own_unit(self, book: View, reporting: Reporting) -> None:
        published, moved, _, _ = of(book, reporting)
        moved = moved.loc[published.index]
        # That of L2 falls: its account reports more of its thefts than the book does.
        assert moved.loc["L2", "ratio"] < published.loc["L2", "ratio"]
        assert ((moved["high"] - moved["low"]) >= published["high"] - published["low"] - 1e-12).all()
        for below, above in (("low", "ratio"), ("ratio", "high")):
            assert (moved[above] - moved[below] >= published[above] - published[below] - 1e-12).all(), below

    def test_the_higher_deductible_hides_more_thefts(self, book: View) -> None:
        published, moved, _, _ = of(book, Reporting(place_margin=0, small_share=0.2, deductible_multiple=5))
        shift = moved["ratio"] / published["ratio"]
        # Five times 1,000 is more than most losses of the book; five times 100 is below the threshold of a theft.
        assert shift["L1"] > 1.2
        assert shift["L2"] < 1
        assert moved.loc["L1", "reported_share"] < moved.loc["L2", "reported_share"] == pytest.approx(0.738, abs=0.01)

    def test_expected_reports_still_add_up_to_those_of_the_book(self, book: View) -> None:
        published, moved, _, _ = of(book, Reporting(small_share=0.2, deductible_multiple=5))
        assert moved["expected"].sum() == pytest.approx(published["expected"].sum(), rel=1e-12)

    def test_losses_nobody_recorded_count_with_their_factor(self, book: View) -> None:
        only = Reporting(
            reported_share=1, reported_margin=0, place_margin=0, small_share=1, unvalued_factor=0.5, unvalued_margin=0
        )
        published, moved, values, told = of(book, only)
        # Of 104 thefts 30 have no value: (74 + 30 x 0.5) / 104.
        assert (moved["severity"] / published["severity"]).tolist() == pytest.approx([89 / 104] * 3)
        assert told["theft_loss_cost"].value == pytest.approx(values["theft_loss_cost"].value * 89 / 104)
        assert told["theft_frequency"].value == values["theft_frequency"].value

    def test_the_range_of_the_excess_doubles_with_the_level_and_widens_with_doubt(self, book: View) -> None:
        published, moved, _, _ = of(book, HALF)
        row = published.loc["L3"]
        reported = excess_range(row, reporting=None)
        assert reported == pytest.approx(
            [row["expected"] * (row[end] - 1) * row["severity"] for end in ("low", "high")], rel=1e-12
        )
        doubled = excess_range(moved.loc["L3"], reporting=HALF)
        assert doubled == pytest.approx([2 * end for end in reported], rel=1e-4)
        _, doubtful, _, _ = of(book, Reporting())
        low, high = excess_range(doubtful.loc["L3"], reporting=Reporting())
        assert low < doubtful.loc["L3", "excess_loss"] < high
        assert high / low > 1.2 * reported[1] / reported[0]

    def test_the_range_of_the_excess_agrees_with_draws(self, book: View) -> None:
        reporting, generator, draws = Reporting(small_share=1), np.random.default_rng(5), 200_000
        published, moved, _, _ = of(book, reporting)
        plain, row = published.loc["L3"], moved.loc["L3"]
        ((_, posterior),) = reporting.posteriors([row["observed"]], [row["expected"]], dispersion=row["dispersion"])
        # A beta of mean 0.75 and standard deviation 0.15 / 1.645; a log-normal of mean 0.8 and deviation 0.3 / 1.645.
        share = generator.beta(16.1596, 5.38655, draws)
        log_sd = np.log1p((0.3 / 1.6448536 / 0.8) ** 2) ** 0.5
        factor = 0.8 * generator.lognormal(-(log_sd**2) / 2, log_sd, draws)
        excess = plain["expected"] * (posterior.draw(generator, draws=draws)[:, 0] - 1) / share
        loss = excess * plain["severity"] * (74 + 30 * factor) / 104
        assert row["excess_loss"] == pytest.approx(loss.mean(), rel=0.01)
        assert excess_range(row, reporting=reporting) == pytest.approx(np.quantile(loss, [0.05, 0.95]), rel=0.02)

    def test_the_ranking_follows_the_adjusted_excess(self, book: View) -> None:
        _, moved, _, _ = of(book, Reporting(small_share=0.1, deductible_multiple=10))
        assert moved["excess_loss"].is_monotonic_decreasing

    def test_an_account_picked_out_has_its_own_deductible(self, folder: Path) -> None:
        reporting = Reporting(
            reported_share=1, reported_margin=0, place_margin=0, small_share=0.2, deductible_multiple=5
        )
        shift = {}
        for insured in ("I1", "I2"):
            _, _, values, told = of(open_view(folder, filters=Filters(insured=(insured,))), reporting)
            shift[insured] = told["theft_frequency"].value / values["theft_frequency"].value
        assert shift["I2"] == pytest.approx(1)
        assert shift["I1"] > 1.3

    def test_a_scoped_person_gets_the_same_ratios_and_no_money_of_others(self, folder: Path, book: View) -> None:
        reporting = Reporting()
        _, whole, _, _ = of(book, reporting)
        _, own, _, told = of(view_of(folder, "I1", "I2"), reporting)
        assert own.loc["L3", ["ratio", "low", "high"]].tolist() == pytest.approx(
            whole.loc["L3", ["ratio", "low", "high"]].tolist(), rel=1e-12
        )
        assert np.isnan(own.loc["L3", "excess_loss"])
        # What is not a verdict but the class prior is not adjusted.
        assert own.loc["L1", "ratio"] == 1.0
        assert np.isnan(own.loc["L1", "reported_share"])
        assert told["theft_loss_cost"].value is None

    def test_small_losses_of_others_are_not_in_a_scoped_view(self, folder: Path) -> None:
        view = view_of(folder, "I2")
        assert view.rows("select distinct insured_id from account_small_loss") == [("I2",)]
        assert view.rows("select distinct place_id from place_small_loss where level = 'lane'") == [("L3",)]
        assert view.rows("select count(*) from place_small_loss where known is not null") == [(0,)]
