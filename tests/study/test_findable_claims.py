"""The study of what is findable in claims, with few draws: the ends of its tables."""

from __future__ import annotations

import numpy as np

from tests.study.findable_claims import finds_bad_year, finds_late_carrier, finds_ring, tables


def test_the_ends_of_the_tables() -> None:
    rng = np.random.default_rng(1)
    assert not finds_late_carrier(5, late_share=1.0, rng=rng)
    assert finds_late_carrier(80, late_share=1.0, rng=rng)
    assert not finds_ring(1, operators=40, large=10)
    assert finds_ring(3, operators=1_000, large=10)
    assert finds_bad_year(160, rng=rng)


def test_it_is_written_as_tables() -> None:
    assert tables(2).count("\n| ") == 17
