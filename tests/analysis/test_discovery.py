"""False discoveries against published figures, and what must hold for every list of findings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.discovery import benjamini_hochberg, bonferroni, expected_chance, hochberg, largest_credible_set

# Benjamini & Hochberg (1995), JRSS-B 57:289-300, section 4.1: the 15 p-values of the thrombolysis study.
THROMBOLYSIS = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0,
]  # fmt: skip


def test_thrombolysis_by_benjamini_and_hochberg():
    found = benjamini_hochberg(THROMBOLYSIS, level=0.05)
    assert found.rejected.sum() == 4
    assert found.cutoff == pytest.approx(0.0095, abs=1e-12)


def test_thrombolysis_by_the_older_procedures():
    assert bonferroni(THROMBOLYSIS, level=0.05).rejected.sum() == 3
    assert hochberg(THROMBOLYSIS, level=0.05).rejected.sum() == 3


def test_adjusted_p_values_of_thrombolysis():
    # Computed, printed to six places beside the case.
    adjusted = [
        0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.063857, 0.063857, 0.0645, 0.0765, 0.486, 0.581182, 0.714875,
        0.753231, 0.813214, 1.0,
    ]  # fmt: skip
    assert benjamini_hochberg(THROMBOLYSIS).adjusted == pytest.approx(adjusted, abs=6e-7)


def test_a_p_value_at_its_limit_is_rejected():
    assert benjamini_hochberg([0.025, 0.05], level=0.05).rejected.tolist() == [True, True]
    assert bonferroni([0.025, 0.5], level=0.05).rejected.tolist() == [True, False]


def test_nothing_found_has_no_cutoff():
    found = benjamini_hochberg([0.2, 0.9])
    assert not found.rejected.any()
    assert found.cutoff is None


# ---- sets of posterior probability


def test_the_largest_set_may_take_in_what_alone_would_be_too_doubtful():
    assert largest_credible_set([0.999, 0.92, 0.7]).tolist() == [True, True, False]
    assert largest_credible_set([0.92]).tolist() == [False]


def test_equally_probable_findings_are_in_together_or_not_at_all():
    # One of the two would keep the set at 5%, both would not.
    assert largest_credible_set([1.0, 0.9, 0.9]).tolist() == [True, False, False]


def test_no_findings_give_an_empty_set():
    assert largest_credible_set([]).tolist() == []


def test_chance_among_findings_is_what_lacks_to_certainty():
    assert expected_chance([0.5, 0.75, 1.0]) == pytest.approx(0.75)


PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(PROBABILITIES)
def test_the_set_keeps_its_promise_and_is_the_largest(values):
    p = np.array(values)
    mask = largest_credible_set(p, false_share=0.05)
    if mask.any():
        assert (1 - p[mask]).mean() <= 0.05 + 1e-9
        assert p[mask].min() > p[~mask].max(initial=-1)
    if not mask.all():
        wider = mask | (p == p[~mask].max())
        assert (1 - p[wider]).mean() > 0.05 - 1e-9


@given(PROBABILITIES, st.data())
def test_a_finding_that_grows_more_probable_stays_in(values, data):
    p = np.array(values)
    mask = largest_credible_set(p)
    place = data.draw(st.integers(0, len(values) - 1))
    raised = p.copy()
    raised[place] = data.draw(st.floats(p[place], 1))
    assert largest_credible_set(raised)[place] or not mask[place]


@given(PROBABILITIES, st.randoms())
def test_the_order_of_findings_does_not_matter(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    p = np.array(values)
    assert (largest_credible_set(p[order]) == largest_credible_set(p)[order]).all()


@pytest.mark.parametrize("wrong", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        largest_credible_set(wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg(wrong)
