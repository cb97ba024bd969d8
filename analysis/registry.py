"""Every measure of every subject by key: what the Glossary lists and a page, a tooltip or an export looks up."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.claim_measures import CLAIM_MEASURES
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.estimated_measures import HOTSPOT_MEASURES, EstimatedMeasure
from analysis.measures import MEASURES, Measure
from analysis.portfolio_measures import PORTFOLIO_MEASURES
from analysis.service_measures import SERVICE_MEASURES, ServiceMeasure

AnyMeasure = Measure | ServiceMeasure | EstimatedMeasure

#: Subject by subject, in the order in which the Glossary shows them; no key stands in two of them.
EVERY_MEASURE: Mapping[str, AnyMeasure] = {
    **PORTFOLIO_MEASURES,
    **MEASURES,
    **SERVICE_MEASURES,
    **CONTAINMENT_MEASURES,
    **CLAIM_MEASURES,
    **HOTSPOT_MEASURES,
}
