"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest

from pages.shared.numbers import MISSING, count_words, format_change, format_value

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, "count", "0"),
        (999, "count", "999"),
        (1000, "count", "1k"),
        (8667, "count", "8.67k"),
        (999_600, "count", "1M"),
        (1_627_584_457.29, "amount", f"USD{NBSP}1.63bn"),
        (-12_345, "amount", f"USD{NBSP}−12.3k"),
        (0.8851, "percent", "88.5%"),
        (0.00034, "percent", "0.034%"),
        (12.3456, "rate", "12.3"),
        (1, "days", f"1{NBSP}day"),
        (96.4, "minutes", f"96.4{NBSP}min"),
        (None, "amount", MISSING),
        (math.nan, "count", MISSING),
        (math.inf, "ratio", MISSING),
    ],
)
def test_three_significant_digits_with_a_unit(value: float | None, unit: str, expected: str) -> None:
    assert format_value(value, unit, currency="USD") == expected


def test_a_rate_says_what_it_is_per() -> None:
    assert format_value(2.4, "rate", per="1,000 trips") == "2.4 per 1,000 trips"


@pytest.mark.parametrize(
    ("value", "previous", "expected"),
    [
        (112, 100, "+12%"),
        (96.6, 100, "-3.4%"),
        (420, 100, "×4.2"),
        (100, 100, 0),
        (100.001, 100, 0),
        (0, 100, "-100%"),
        (5, 0, "from 0"),
        (None, 3, None),
        (3, None, None),
        (math.nan, 3, None),
        (3, -1, None),
    ],
)
def test_a_change_against_the_comparison(
    value: float | None, previous: float | None, expected: str | int | None
) -> None:
    assert format_change(value, previous) == expected


def test_a_share_changes_by_points() -> None:
    assert format_change(0.876, 0.818, "percent") == "+5.8 pts"
    assert format_change(0.4, 0.5, "percent") == "-10 pts"


def test_a_count_with_its_noun() -> None:
    assert (count_words(1, "claim"), count_words(8667, "claim")) == ("1 claim", "8,667 claims")
    assert count_words(2, "commodity", "commodities") == "2 commodities"


def test_many_minutes_stay_minutes_without_a_letter():
    assert format_value(724, "minutes") == "724\N{NO-BREAK SPACE}min"
    assert format_value(1440, "minutes") == "1,440\N{NO-BREAK SPACE}min"
