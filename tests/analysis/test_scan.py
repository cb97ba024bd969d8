"""Kulldorff's scan on the published case, and its promises on small maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.scan import (
    circles,
    connected_zones,
    differing_p_values,
    distinct_zones,
    log_likelihood_ratio,
    scan,
)
from tests.reference import new_york_leukaemia as ny


def sets(zones: object) -> set[tuple[int, ...]]:
    return {tuple(np.flatnonzero(row).tolist()) for row in zones.toarray()}


# smerc, tests of scan.stat, a value that its authors took from SaTScan's output.
def test_the_ratio_of_one_zone_as_satscan_prints_it() -> None:
    members = np.array(ny.ZONE) - 1
    inside, population = np.array(ny.CASES)[members].sum(), np.array(ny.POPULATION)[members].sum()
    total = sum(ny.CASES)
    assert (inside, total, population) == (106, 552, 119050)
    expected = population * total / sum(ny.POPULATION)
    assert log_likelihood_ratio([inside], [expected], total=total)[0] == pytest.approx(14.780276, abs=1e-6)


# Waller & Gotway (2005), chapter 7, pages 220-221: clusters of 117, 47 and 44 cases; ratios as smerc computes them.
def test_leukaemia_in_upstate_new_york() -> None:
    zones = circles(ny.LATITUDES, ny.LONGITUDES, ny.POPULATION, most_share=0.5)
    found = scan(ny.CASES, ny.POPULATION, zones, generator=np.random.default_rng(1), replicates=99)
    assert [cluster.observed for cluster in found.clusters[:3]] == [117, 47, 44]
    assert [cluster.log_likelihood_ratio for cluster in found.clusters[:3]] == pytest.approx(
        [15.005562, 7.851015, 7.199672], abs=1e-6
    )
    # The first is stronger than any of the books drawn; nothing below 1 / (99 + 1) can be said.
    assert found.clusters[0].p_value == 0.01
    assert found.clusters[3].p_value > 0.05


class TestRatio:
    def test_it_is_zero_where_nothing_is_above_expectation(self) -> None:
        assert log_likelihood_ratio([3, 5, 0], [4.0, 5.0, 1.0], total=10).tolist() == [0, 0, 0]

    def test_it_is_finite_where_all_events_or_none_are_inside(self) -> None:
        assert log_likelihood_ratio([10], [4.0], total=10)[0] == pytest.approx(10 * np.log(10 / 4))


class TestZones:
    def test_circles_hold_the_nearest_up_to_half_of_the_weight(self) -> None:
        # Four places on the equator, 1 degree apart; the last is as heavy as the others together.
        zones = circles([0, 0, 0, 0], [0, 1, 2, 3], [1, 1, 1, 3], most_share=0.5)
        assert sets(zones) == {(0,), (1,), (2,), (3,), (0, 1), (0, 1, 2)}

    def test_places_at_one_spot_are_in_together(self) -> None:
        assert sets(circles([0, 0, 0], [0, 0, 9], [1, 1, 9], most_share=0.5)) == {(0, 1)}

    def test_connected_zones_grow_from_the_nearest_along_shared_points(self) -> None:
        # A chain of lanes 0-1-2 and lane 3, which is near but shares no site with them.
        points = [[0, 1], [1, 2], [2, 3], [7, 8]]
        zones = connected_zones(points, [[1.0, 2.0, 3.0, 0.5], [0.0, 5.0, 1.0, 9.0]], [1, 1, 1, 1], most_share=1.0)
        # From the first centre lane 3 comes first and stays alone; lane 2 joins 0 only through 1.
        assert sets(zones) == {(0, 1), (0, 1, 2)}

    def test_connected_zones_are_bounded(self) -> None:
        points = [[0, place] for place in range(1, 41)]
        rows = np.random.default_rng(3).random((15, 40))
        zones = connected_zones(points, rows, np.ones(40), least=2, most=6, most_share=0.5)
        assert zones.shape[0] <= 15 * 5
        assert set(np.diff(zones.indptr)) == {2, 3, 4, 5, 6}
        few = connected_zones(points, rows, np.ones(40), least=2, most=30, most_share=0.1)
        assert max(np.diff(few.indptr)) == 4

    def test_a_place_at_an_infinite_distance_never_enters(self) -> None:
        points = [[0], [0], [0]]
        assert sets(connected_zones(points, [[0.0, np.inf, 1.0]], [1, 1, 1], most_share=1.0)) == {(0, 2)}
        assert connected_zones(points, [[np.inf] * 3], [1, 1, 1]).shape == (0, 3)

    @given(st.data())
    def test_every_zone_hangs_together(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(2, 9))
        points = [sorted(data.draw(st.sets(st.integers(0, 5), min_size=1, max_size=2))) for _ in range(number)]
        rows = [data.draw(st.lists(st.floats(0, 9), min_size=number, max_size=number)) for _ in range(3)]
        for zone in sets(connected_zones(points, rows, np.ones(number), most_share=1.0)):
            reached, left = set(points[zone[0]]), set(zone[1:])
            while joined := {place for place in left if reached & set(points[place])}:
                left -= joined
                reached |= {point for place in joined for point in points[place]}
            assert not left

    def test_equal_sets_count_once(self) -> None:
        assert sets(distinct_zones([[1, 0], [0, 1], [2], []], places=3)) == {(0, 1), (2,)}
        assert distinct_zones([[1, 0], [0, 1], [2]], places=3).shape == (2, 3)


CHAIN = [[place, place + 1] for place in range(12)]


def chain_zones() -> object:
    rows = [np.abs(np.arange(12) - centre).astype(float) for centre in range(12)]
    return connected_zones(CHAIN, rows, np.ones(12), least=1, most=6)


class TestScan:
    def test_clusters_share_no_place_and_come_in_order(self) -> None:
        observed = [9, 8, 1, 1, 1, 1, 1, 1, 1, 1, 7, 1]
        found = scan(observed, np.ones(12), chain_zones(), generator=np.random.default_rng(1), replicates=199)
        assert found.clusters[0].places.tolist() == [0, 1]
        assert found.clusters[1].places.tolist() == [10]
        taken = [place for cluster in found.clusters for place in cluster.places]
        assert len(taken) == len(set(taken))
        strengths = [cluster.log_likelihood_ratio for cluster in found.clusters]
        assert strengths == sorted(strengths, reverse=True)
        first = found.clusters[0]
        # Expected counts are scaled to the 33 events.
        assert (first.observed, first.expected) == (17, pytest.approx(33 / 6))
        assert first.relative_risk == pytest.approx((17 / 5.5) / (16 / 27.5))

    def test_the_same_seed_gives_the_same_p_values_and_another_about_the_same(self) -> None:
        observed = [5, 4, 1, 2, 1, 1, 3, 1, 1, 1, 2, 1]

        def p_value(seed: int) -> float:
            found = scan(observed, np.ones(12), chain_zones(), generator=np.random.default_rng(seed))
            return found.clusters[0].p_value

        assert p_value(1) == p_value(1)
        assert p_value(2) == pytest.approx(p_value(1), abs=0.06)

    def test_no_p_value_is_below_one_in_the_books_drawn_and_one(self) -> None:
        found = scan([60, *[1] * 11], np.ones(12), chain_zones(), generator=np.random.default_rng(1), replicates=19)
        assert found.clusters[0].p_value == 0.05
        assert found.p_value(0.0) == 1.0

    def test_p_values_are_honest_under_chance(self) -> None:
        # 200 books without any pattern: the p-value of the strongest zone is uniform, or larger where books tie.
        generator = np.random.default_rng(7)
        due = generator.gamma(2, 1, 12)
        p_values = []
        for _ in range(200):
            drawn = generator.multinomial(40, due / due.sum())
            clusters = scan(drawn, due, chain_zones(), generator=generator, replicates=39).clusters
            p_values.append(clusters[0].p_value)
        assert stats.kstest(p_values, "uniform", alternative="greater").pvalue > 0.01
        assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 200)

    def test_a_book_without_events_has_no_cluster(self) -> None:
        found = scan(np.zeros(12), np.ones(12), chain_zones(), generator=np.random.default_rng(1), replicates=9)
        assert found.clusters == ()

    @pytest.mark.parametrize(
        ("observed", "expected", "message"),
        [
            ([1.0] * 11, [1.0] * 11, "do not match"),
            ([0.5] * 12, [1.0] * 12, "whole numbers"),
            ([1.0] * 12, [0.0, *[1.0] * 11], "above 0"),
        ],
    )
    def test_what_cannot_be_scanned_is_refused(
        self, observed: list[float], expected: list[float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            scan(observed, expected, chain_zones(), generator=np.random.default_rng(1))


class TestPlacesThatDiffer:
    def ask(self, observed: list[int], places: list[int], *, a: float) -> float:
        found = differing_p_values(
            [places],
            observed,
            np.full(12, float(np.sum(observed)) / 12),
            chain_zones(),
            dispersion=a,
            generator=np.random.default_rng(5),
            replicates=499,
        )
        return float(found[0])

    def test_one_bad_place_is_no_cluster_where_places_differ(self) -> None:
        observed = [14, *[4] * 11]
        alone = scan(observed, np.ones(12), chain_zones(), generator=np.random.default_rng(5)).clusters[0]
        assert alone.places.tolist() == [0]
        assert alone.p_value < 0.05
        assert self.ask(observed, [0], a=3.0) > 0.15

    def test_many_bad_neighbours_are(self) -> None:
        assert self.ask([14, 13, 15, 14, 13, *[3] * 7], [0, 1, 2, 3, 4], a=6.0) < 0.05

    def test_where_places_hardly_differ_both_questions_agree(self) -> None:
        observed = [12, 11, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4]
        equal = scan(observed, np.ones(12), chain_zones(), generator=np.random.default_rng(5)).clusters[0]
        assert self.ask(observed, equal.places.tolist(), a=1e6) == pytest.approx(equal.p_value, abs=0.02)
