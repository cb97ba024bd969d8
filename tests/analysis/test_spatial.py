"""Moran, Getis and Ord on the published and library cases, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.spatial import (
    general_g,
    local_g,
    local_moran,
    moran,
    neighbour_weights,
    sharing_weights,
    standardise_rates,
    standardise_rows,
    upper_p_values,
)
from tests.reference import north_carolina_sids as sids

# PySAL esda, tests/test_getisord.py: six points, near within 15 units. Theory: Getis & Ord (1992), Ord & Getis (1995).
POINTS = np.array([[10, 10], [20, 10], [40, 10], [15, 20], [30, 20], [30, 30]])
VALUES = [2.0, 3.0, 3.2, 5.0, 8.0, 7.0]


def within(limit: float) -> list[list[int]]:
    apart = np.hypot(*(POINTS[:, None] - POINTS[None]).transpose(2, 0, 1))
    return [[j for j in range(len(POINTS)) if j != i and apart[i, j] <= limit] for i in range(len(POINTS))]


def test_general_g_of_esdas_points() -> None:
    found = general_g(VALUES, neighbour_weights(within(15)))
    assert found.value == pytest.approx(0.55709779, abs=1e-6)
    assert found.p_value == pytest.approx(0.172936, abs=1e-6)


def test_local_g_of_esdas_points() -> None:
    weights = neighbour_weights(within(15))
    gi = local_g(VALUES, weights, with_itself=False)
    assert gi[0] == pytest.approx(-1.0136729, abs=1e-6)
    assert gi == pytest.approx([-1.013673, -0.043616, 1.315587, -0.314127, 1.15374, 1.778339], abs=1e-6)
    gi_star = local_g(VALUES, weights)
    assert gi_star[0] == pytest.approx(-1.39727626, abs=1e-6)
    assert gi_star == pytest.approx([-1.397276, -0.289178, 0.65065, -0.289178, 1.234521, 2.024243], abs=1e-6)


# PySAL esda 2.9.0 on its example 'desmith' (de Smith, Goodchild & Longley, Geospatial Analysis).
DESMITH = [2.24, 3.1, 4.55, -5.15, -4.39, 0.46, 5.54, 9.02, -2.09, -3.06]
DESMITH_NEIGHBOURS = [[1, 3], [0, 4], [3, 6], [0, 2, 4, 7], [1, 3, 5, 8], [4, 9], [2, 7], [3, 6, 8], [4, 7, 9], [5, 8]]


def test_local_moran_of_desmith() -> None:
    found = local_moran(DESMITH, standardise_rows(neighbour_weights(DESMITH_NEIGHBOURS)))
    assert found.value == pytest.approx(
        [
            -0.1140927710443963, -0.19940542567754868, -0.13351408484935254, -0.5177038320446773, 0.48095009049439685,
            0.12208113114030257, 1.1914829813790417, -0.5814430454766121, 0.07101382808078044, 0.3431430079934852,
        ],
        abs=1e-9,
    )  # fmt: skip
    assert found.quadrant.tolist() == [4, 4, 4, 2, 3, 3, 1, 4, 3, 3]


# PySAL esda, tests/test_moran.py, TestMoran.test_variance: a 3 by 3 board, rook neighbours.
def test_variances_of_moran_on_a_board() -> None:
    near = [[k for k in range(9) if abs(k // 3 - i // 3) + abs(k % 3 - i % 3) == 1] for i in range(9)]
    found = moran(np.arange(1.0, 10.0), neighbour_weights(near))
    assert found.variance_normal == pytest.approx(0.053125, abs=1e-9)
    assert found.variance_random == pytest.approx(0.0596875, abs=1e-9)
    assert (found.value, found.expected) == (pytest.approx(0.5), -0.125)


# PySAL esda, tests/test_moran.py, TestMoran.test_sids.
def test_moran_of_infant_deaths_in_north_carolina() -> None:
    found = moran(sids.RATES, standardise_rows(neighbour_weights(sids.NEIGHBOURS)))
    assert found.value == pytest.approx(0.24772519320480135, abs=1e-9)
    assert found.p_value == pytest.approx(5.791653907449845e-05, abs=1e-9)


def test_lanes_that_share_a_site_are_neighbours() -> None:
    # Lanes 0 and 1 start at site 0, lane 2 goes from site 2 to itself, lane 3 lies apart.
    weights = sharing_weights([[0, 1], [0, 2], [2, 2], [3, 4]])
    assert weights.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_a_place_is_counted_once_however_often_it_is_named() -> None:
    assert neighbour_weights([[1, 1, 0], [0]]).toarray().tolist() == [[0, 1], [1, 0]]


def test_standardised_rates_by_hand() -> None:
    # Rates 0.1, 0.3; of all 0.15; spread (300 x 0.05^2 + 100 x 0.15^2) / 400 = 0.0075; less 0.15 / 200: 0.00675.
    found = standardise_rates([30, 30], [300, 100])
    assert found == pytest.approx(
        [-0.05 / np.sqrt(0.00675 + 0.15 / 300), 0.15 / np.sqrt(0.00675 + 0.15 / 100)], rel=1e-12
    )


def test_rates_that_do_not_differ_are_judged_by_chance_alone() -> None:
    assert standardise_rates([10, 20], [100, 200]).tolist() == [0, 0]
    # Closer to each other than chance makes them: the variance is that of a count.
    found = standardise_rates([10, 21], [100, 200])
    mean = 31 / 300
    assert found == pytest.approx([(0.1 - mean) / np.sqrt(mean / 100), (0.105 - mean) / np.sqrt(mean / 200)])
    assert standardise_rates([0, 0], [5, 5]).tolist() == [0, 0]


def test_p_values_are_one_sided() -> None:
    assert upper_p_values([0, 1.6448536269514722, -40]) == pytest.approx([0.5, 0.05, 1.0])


@given(st.lists(st.integers(-50, 50), min_size=6, max_size=6), st.floats(0.5, 5), st.floats(-10, 10))
def test_local_g_does_not_depend_on_unit_and_origin(values: list[int], scale: float, shift: float) -> None:
    weights = neighbour_weights(within(15))
    # Where all values but one are equal, the deviation of the others is 0 and a rounding away from it.
    if len(set(values)) > 2:
        after = local_g(np.array(values) * scale + shift, weights)
        assert after == pytest.approx(local_g(values, weights), abs=1e-6)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, np.nan, 3.0]])
def test_values_must_fit_the_places_and_be_numbers(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"values for weights|a value that is a number"):
        local_g(values, neighbour_weights([[1], [0, 2], [1]]))
