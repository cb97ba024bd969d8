"""The frozen value of what is selected."""

from __future__ import annotations

from datetime import date

import pytest

from analysis.filters import Filters, add_months

JANUARY, MARCH = date(2025, 1, 1), date(2025, 3, 1)


def test_previous_period_is_as_long_and_directly_before() -> None:
    before = Filters(JANUARY, MARCH, lane=("L1",)).previous()
    assert before == Filters(date(2024, 10, 1), date(2024, 12, 1), lane=("L1",))


def test_previous_year_is_the_same_months() -> None:
    assert Filters(JANUARY, MARCH).previous("year") == Filters(date(2024, 1, 1), date(2024, 3, 1))


def test_open_period_has_no_comparison() -> None:
    assert Filters(first_month=JANUARY).previous() == Filters(first_month=JANUARY)


def test_without_opens_one_dimension() -> None:
    filters = Filters(JANUARY, MARCH, lane=("L1",), mode=("road",))
    assert filters.without("lane") == Filters(JANUARY, MARCH, mode=("road",))
    assert filters.without("period", "mode") == Filters(lane=("L1",))
    with pytest.raises(ValueError, match="'colour' is no dimension"):
        filters.without("colour")


def test_chosen_names_what_is_narrowed() -> None:
    assert Filters(lane=("L1", "L2"), mode=("road",)).chosen == (("lane", ("L1", "L2")), ("mode", ("road",)))


def test_end_and_length() -> None:
    assert Filters(date(2024, 11, 1), JANUARY).months == 3
    assert Filters(last_month=date(2024, 12, 1)).end == JANUARY
    assert add_months(JANUARY, -13) == date(2023, 12, 1)


@pytest.mark.parametrize(("first", "last"), [(date(2025, 1, 2), MARCH), (MARCH, JANUARY)])
def test_what_is_no_period_is_refused(first: date, last: date) -> None:
    with pytest.raises(ValueError, match=r"month|ends"):
        Filters(first, last)
