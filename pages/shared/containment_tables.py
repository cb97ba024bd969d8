"""Tables of response: their columns, with unit and meaning, and results as rows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.containment import Containment
from analysis.containment_groups import GROUPING_LABELS, Grouping, GroupsOfClocks
from analysis.containment_measures import CONTAINMENT_MEASURES
from analysis.estimates import Estimate
from analysis.export import ExportColumn
from analysis.incidence import CumulativeIncidence
from analysis.response_duties import DUTY_LABELS, Duty, DutyRecord
from analysis.survival import SurvivalCurve
from pages.shared.containment_charts import RISK_TIMES, verdict_words

_AT = "timestamp"
LEVELS = [
    ExportColumn("label", "Measure"),
    ExportColumn("shown", "Value"),
    ExportColumn("low", "From", format="number", definition="Low end of the 95% interval, in the unit of the measure."),
    ExportColumn("high", "To", format="number", definition="High end of the 95% interval; empty where it is open."),
    ExportColumn("unit", "Unit", definition="Of the interval; percent as a share of 0 to 1."),
    ExportColumn("target", "Target", format="number", definition="Level aimed at, a default."),
    ExportColumn("n", "n", format="count", definition="Incidents behind it."),
    ExportColumn("caveats", "Caveats", definition="What is to be known beside the number."),
    ExportColumn("definition", "Definition"),
    ExportColumn("formula", "Formula"),
    ExportColumn("interval", "Interval"),
]
CURVE = [
    ExportColumn("group", "Group"),
    ExportColumn("minutes", "Minutes", "min", "count", "Since first alarm or detection."),
    ExportColumn("share", "Contained by then", format="percent", definition="Kaplan-Meier."),
    ExportColumn("low", "From", format="percent", definition="95%, log-log."),
    ExportColumn("high", "To", format="percent", definition="95%, log-log."),
    ExportColumn("at_risk", "Still running", format="count", definition="Followed and not contained just before."),
]
PHASES = [
    ExportColumn("label", "Phase"),
    ExportColumn("n", "n", format="count", definition="Incidents whose beginning of it is known."),
    ExportColumn("reached", "Reached its end", format="count"),
    ExportColumn("not_reached", "Not reached", format="count", definition="So far, or never."),
    ExportColumn("not_fitting", "Clock does not fit", format="count", definition="End before beginning: in no number."),
    ExportColumn("quarter", "A quarter by", "min", "number"),
    ExportColumn("median", "Median", "min", "number", "Kaplan-Meier; empty where half have not reached it."),
    ExportColumn("low", "From", "min", "number", "95%, Brookmeyer-Crowley."),
    ExportColumn("high", "To", "min", "number", "95%; empty where it is open."),
    ExportColumn("three_quarters", "Three quarters by", "min", "number"),
]
ENDS = [
    ExportColumn("minutes", "Minutes", "min", "count", "Since first alarm or detection."),
    ExportColumn("contained", "Contained", format="percent", definition="Aalen-Johansen."),
    ExportColumn("contained_low", "From", format="percent"),
    ExportColumn("contained_high", "To", format="percent"),
    ExportColumn("lost", "Closed not contained", format="percent", definition="Aalen-Johansen, by date of closing."),
    ExportColumn("lost_low", "From (closed)", format="percent"),
    ExportColumn("lost_high", "To (closed)", format="percent"),
]
DUTIES = [
    ExportColumn("duty", "Duty"),
    ExportColumn("share", "In time", format="percent", definition="Over incidents whose deadline has passed."),
    ExportColumn("low", "From", format="percent", definition="95%, Wilson."),
    ExportColumn("high", "To", format="percent", definition="95%, Wilson."),
    ExportColumn("in_time", "In time, number", format="count"),
    ExportColumn("late", "Late", format="count"),
    ExportColumn("missing", "Missing", format="count", definition="Not done, and the deadline has passed."),
    ExportColumn("not_yet_due", "Not yet due", format="count"),
    ExportColumn("cannot_be_told", "Cannot be told", format="count", definition="Clock unknown, or never recorded."),
]
DUTY_ROWS = [
    ExportColumn("incident_id", "Incident"),
    ExportColumn("duty", "Duty"),
    ExportColumn("state", "State"),
    ExportColumn("due_at", "Due (UTC)", format=_AT),
    ExportColumn("done_at", "Done (UTC)", format=_AT),
    ExportColumn("hours", "Taken", "h", "number", "Since the earlier of alarm and detection."),
]
DRILLS = [
    ExportColumn("held_on", "Held", format="date"),
    ExportColumn("drill_id", "Drill"),
    ExportColumn("insured_id", "Insured"),
    ExportColumn("scenario", "Scenario"),
    ExportColumn("minutes", "Contained after", "min", "number", "From its alarm; empty: not contained."),
    ExportColumn("fault", "Why in no curve"),
]


def loss_columns(currency: str) -> list[ExportColumn]:
    """The columns of losses against time."""
    return [
        ExportColumn("incident_id", "Incident"),
        ExportColumn("category", "Category"),
        ExportColumn("minutes", "To contained", "min", "number", "1440 where not contained within 24 hours."),
        ExportColumn("is_contained", "Contained within 24 h"),
        ExportColumn("loss_base", "Loss", currency, "amount"),
    ]


def open_columns(currency: str) -> list[ExportColumn]:
    """The columns of open incidents."""
    return [
        ExportColumn("incident_id", "Incident", definition="Click a row to open its clock."),
        ExportColumn("urgency", "Next", definition="What is due first and not done."),
        ExportColumn("left_hours", "Left", "h", "number", "To that deadline; negative: overdue."),
        ExportColumn("age_hours", "Open for", "h", "number", "Since first alarm or detection, to the data's date."),
        ExportColumn("insured", "Insured"),
        ExportColumn("category", "Category"),
        ExportColumn("place", "Site or lane"),
        ExportColumn("loss_base", "Loss", currency, "amount", "As far as known."),
        ExportColumn("reported_at", "Reported (UTC)", format=_AT),
        ExportColumn("due_at", "Due (UTC)", format=_AT),
        ExportColumn("trip_id", "Trip"),
    ]


def incident_columns(currency: str) -> list[ExportColumn]:
    """The columns of every incident behind the page."""
    return [
        ExportColumn("incident_id", "Incident", definition="Click a row to open its clock."),
        ExportColumn(
            "reported_at", "Reported (UTC)", format=_AT, definition="Earliest of alarm, detection and notice."
        ),
        ExportColumn("end", "End", definition="Contained, closed not contained, or open at the data's date."),
        ExportColumn("clock_minutes", "Clock", "min", "number", "From first alarm or detection to end or data's date."),
        ExportColumn("clock_fault", "Why in no curve"),
        ExportColumn("insured", "Insured"),
        ExportColumn("carrier", "Carrier"),
        ExportColumn("place", "Site or lane"),
        ExportColumn("category", "Category"),
        ExportColumn(
            "controls", "Controls in place", definition="On its lane, site or insured on the day of the loss."
        ),
        ExportColumn("evidence", "Evidence"),
        ExportColumn("notice", "Insurer told"),
        ExportColumn("loss_base", "Loss", currency, "amount"),
        ExportColumn("occurred_at", "Occurred (UTC)", format=_AT, definition="Earliest time it can have happened."),
        ExportColumn("first_alarm_at", "First alarm (UTC)", format=_AT),
        ExportColumn("detected_at", "Detected (UTC)", format=_AT),
        ExportColumn("contained_at", "Contained (UTC)", format=_AT),
        ExportColumn("occurred_to_contained_minutes", "Loss to contained", "min", "number", "From its earliest time."),
        ExportColumn("evidence_secured_at", "Evidence secured (UTC)", format=_AT),
        ExportColumn("insurer_notified_at", "Insurer told (UTC)", format=_AT),
        ExportColumn("regulator_notified_at", "Regulator told (UTC)", format=_AT),
        ExportColumn("trip_id", "Trip"),
    ]


def group_columns(by: Grouping) -> list[ExportColumn]:
    """The columns of groups against the rest."""
    return [
        ExportColumn("label", GROUPING_LABELS[by][0].capitalize()),
        ExportColumn(
            "shown_verdict", "Verdict", definition="Against all others in the first 3 hours, allowing for all."
        ),
        ExportColumn("n", "n", format="count", definition="Incidents."),
        ExportColumn("within_60", "Within 60 min", format="percent"),
        ExportColumn("within_60_low", "From", format="percent", definition="95%, log-log."),
        ExportColumn("within_60_high", "To", format="percent", definition="95%, log-log."),
        ExportColumn("median", "Median", "min", "number", "Empty where half are not contained, or under 5 incidents."),
        ExportColumn("mean", "Mean to 24 h", "min", "number", "Restricted; of 5 incidents or more."),
        ExportColumn("mean_low", "From (mean)", "min", "number", "95%."),
        ExportColumn("mean_high", "To (mean)", "min", "number", "95%."),
        ExportColumn(
            "pace", "Pace", format="ratio", definition="Times that of the rest, first 3 hours, like with like."
        ),
        ExportColumn("pace_low", "From (pace)", format="ratio", definition="95%."),
        ExportColumn("pace_high", "To (pace)", format="ratio", definition="95%."),
        ExportColumn("adjusted", "Chance", format="number", definition="Log-rank p, allowing for all judged (Holm)."),
        ExportColumn("contained", "Contained", format="count"),
        ExportColumn("not_contained", "Closed not contained", format="count"),
        ExportColumn("open", "Open", format="count"),
        ExportColumn(
            "unclear", "Clock not usable", format="count", definition="Beside n; over 5% of a group: no verdict on it."
        ),
        ExportColumn("key", "Id", definition="Key."),
    ]


def group_rows(groups: GroupsOfClocks) -> pd.DataFrame:
    """Groups as shown, verdicts with their icon."""
    return groups.frame.assign(shown_verdict=[verdict_words(str(name)) for name in groups.frame["verdict"]])


def curve_rows(curves: Mapping[str, SurvivalCurve]) -> pd.DataFrame:
    """Each curve at the times at which the picture tells numbers."""
    rows = []
    for name, curve in curves.items():
        for minutes, left in zip(RISK_TIMES, curve.at_risk_at(RISK_TIMES), strict=True):
            share = curve.share_by(minutes)
            rows.append((name, minutes, share.value, *(share.interval or (None, None)), int(left)))
    frame = pd.DataFrame(rows, columns=[column.name for column in CURVE])
    return frame.astype(dict.fromkeys(["share", "low", "high"], "float64"))


def end_rows(found: CumulativeIncidence) -> pd.DataFrame:
    """How incidents had ended by an hour, 6 hours, a day, a week and 30 days."""
    rows = []
    for minutes in (60, 360, 1440, 10_080, 43_200):
        parts: list[float | None] = []
        for end in found.ends:
            share = found.share_by(minutes, end=end)
            parts += [share.value, *(share.interval or (None, None))]
        rows.append((minutes, *parts))
    frame = pd.DataFrame(rows, columns=[column.name for column in ENDS])
    return frame.astype(dict.fromkeys([column.name for column in ENDS[1:]], "float64"))


def duty_rows(duties: Mapping[Duty, DutyRecord]) -> pd.DataFrame:
    """Each duty that anything sets, as a row."""
    rows = [
        (
            DUTY_LABELS[duty], record.share.value, *(record.share.interval or (None, None)), record.in_time,
            record.late, record.missing, record.not_yet_due, record.cannot_be_told,
        )
        for duty, record in duties.items() if record.is_set
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=[column.name for column in DUTIES])
    return frame.astype(dict.fromkeys(["share", "low", "high"], "float64"))


def duty_incidents(duties: Mapping[Duty, DutyRecord]) -> pd.DataFrame:
    """Every incident under each duty, so that each count can be opened."""
    parts = [record.frame.assign(duty=DUTY_LABELS[duty]) for duty, record in duties.items() if record.is_set]
    columns = [column.name for column in DUTY_ROWS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def level_rows(values: Mapping[str, Estimate]) -> pd.DataFrame:
    """Every measure of the page as a row."""
    rows = []
    for key, estimate in values.items():
        measure = CONTAINMENT_MEASURES[key]
        low, high = estimate.interval or (None, None)
        rows.append(
            (
                measure.label, measure.words(estimate.value), low, None if high == float("inf") else high, measure.unit,
                measure.target, estimate.n, "; ".join(estimate.caveats), measure.definition, measure.formula,
                measure.interval,
            )
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=[column.name for column in LEVELS])
    return frame.astype(dict.fromkeys(["low", "high", "target"], "float64"))


def levels(summary: Containment, duties: Mapping[Duty, DutyRecord], *, still_open: int) -> dict[str, Estimate]:
    """Every measure of the page, by key."""
    return {
        "time_to_contain": summary.mean,
        "median_time_to_contain": summary.median,
        "contained_within_60": summary.within_60,
        "contained_within_30": summary.within_30,
        "open_not_contained": Estimate(float(still_open), None, summary.n),
        "evidence_within_72": duties["evidence"].share,
        "insurer_notified_in_time": duties["notice"].share,
    }
