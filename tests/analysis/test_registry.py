"""The one registry: every measure of every subject is documented, and none stands in it twice."""

from __future__ import annotations

import pytest

from analysis.claim_measures import CLAIM_MEASURES
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.estimated_measures import HOTSPOT_MEASURES
from analysis.measures import MEASURES
from analysis.portfolio_measures import PORTFOLIO_MEASURES
from analysis.registry import EVERY_MEASURE
from analysis.service_measures import SERVICE_MEASURES
from data.contract import contract

SUBJECTS = (
    PORTFOLIO_MEASURES,
    MEASURES,
    SERVICE_MEASURES,
    CONTAINMENT_MEASURES,
    CLAIM_MEASURES,
    HOTSPOT_MEASURES,
)


def test_no_key_is_lost_to_another_subject():
    assert len(EVERY_MEASURE) == sum(len(subject) for subject in SUBJECTS)


def test_labels_are_distinct():
    assert len({measure.label for measure in EVERY_MEASURE.values()}) == len(EVERY_MEASURE)


@pytest.mark.parametrize("measure", EVERY_MEASURE.values(), ids=lambda measure: measure.key)
def test_every_measure_says_what_it_is_and_what_it_needs(measure):
    assert EVERY_MEASURE[measure.key] is measure
    assert measure.definition.endswith(".")
    assert measure.formula
    assert not measure.formula.endswith(".")
    assert measure.interval
    assert set(measure.tables) <= set(contract())
    assert measure.tables
