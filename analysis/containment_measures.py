"""How fast is theft contained, and is what must follow done in time? What each number means, and what is aimed at.

The clock starts at the earlier of first alarm and detection. Targets are defaults of Lanewise, each to be edited:
60 and 180 minutes are the ends of the response scale of its control-credit schedule, the shares its own judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.estimated_measures import EstimatedMeasure

#: A case counts for no longer than this in the restricted mean.
HORIZON_MINUTES = 1440.0
#: Within these the share contained is told: the target, and half of it, in which a truckload can be reloaded.
TARGET_MINUTES, SHORT_MINUTES = 60.0, 30.0
EVIDENCE_HOURS = 72.0
_BY_REPORT = "by month of report: the earliest of first alarm, detection and notice to the insurer"
_COUNTED = (
    "Own incidents, attempts included. The clock starts at the earlier of first alarm and detection; open incidents "
    "count for as long as they were followed, those closed not contained as not contained throughout. Contained "
    "without a usable time: the interval holds all of them at once and none within 24 hours; over 5%, no value is told."
)


def _clock(key: str, label: str, **given: Any) -> EstimatedMeasure:
    return EstimatedMeasure(
        key=key, label=label, section="Containment", period=_BY_REPORT, tables=("incident",), **given
    )


_ALL = (
    _clock(
        "time_to_contain",
        "Mean time to contain",
        definition=f"Minutes to containment on average, where no incident counts for longer than 24 hours. {_COUNTED} "
        "Target 60 and floor 180 minutes are defaults of Lanewise, from the response scale of its credit schedule.",
        formula="area under the Kaplan-Meier curve of incidents not yet contained, from 0 to 24 hours",
        unit="minutes",
        interval="95%, from the variance of the restricted mean (Klein & Moeschberger), Student's t",
        target=60.0,
        floor=180.0,
    ),
    _clock(
        "median_time_to_contain",
        "Median to contain",
        definition=f"Minutes by which half of all incidents are contained. {_COUNTED} Target 60 minutes: a default of "
        "Lanewise, from the response scale of its credit schedule.",
        formula="first time at which the Kaplan-Meier curve is at or below a half",
        unit="minutes",
        interval="95%, Brookmeyer-Crowley on the log-log band",
        target=60.0,
    ),
    _clock(
        "contained_within_60",
        "Contained in 60 min",
        definition=f"Share of incidents contained within 60 minutes. {_COUNTED} Target 80%: a default of Lanewise, its "
        "own judgement.",
        formula="1 - Kaplan-Meier curve at 60 minutes",
        unit="percent",
        interval="95%, log-log",
        better="higher",
        target=0.8,
    ),
    _clock(
        "contained_within_30",
        "Contained in 30 min",
        definition=f"Share of incidents contained within 30 minutes, in which a truckload can be reloaded. {_COUNTED}",
        formula="1 - Kaplan-Meier curve at 30 minutes",
        unit="percent",
        interval="95%, log-log",
        better="higher",
    ),
    _clock(
        "open_not_contained",
        "Open, not contained",
        definition="Own incidents that are neither contained nor closed at the data's date.",
        formula="number of own incidents without containment and not closed",
        unit="count",
        interval="none: a count of what is known",
    ),
    _clock(
        "evidence_within_72",
        "Evidence within 72 h",
        definition="Share of own incidents whose evidence was secured within 72 hours of the earlier of first alarm "
        "and detection, over those whose 72 hours have passed. Target 90%: a default of Lanewise, its own judgement.",
        formula="incidents with evidence secured within 72 hours / incidents whose 72 hours have passed",
        unit="percent",
        interval="95%, Wilson",
        better="higher",
        target=0.9,
    ),
    _clock(
        "insurer_notified_in_time",
        "Insurer told in time",
        definition="Share of own incidents of which the insurer was told within the hours that the policy allows (a "
        "policy_term of kind limit that applies to 'notice hours' or 'notice days'), else 24 hours, from the earlier "
        "of first alarm and detection, over those whose deadline has passed. Target 95%: a default of Lanewise, its "
        "own judgement.",
        formula="incidents told in time / incidents whose deadline has passed",
        unit="percent",
        interval="95%, Wilson",
        better="higher",
        target=0.95,
    ),
)

#: Measures of response, by key.
CONTAINMENT_MEASURES: Mapping[str, EstimatedMeasure] = {measure.key: measure for measure in _ALL}
