"""Columns of every table of the Telemetry page, on screen and in its downloads, and tables made of results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.export import ExportColumn
from analysis.service_findings import budget_words
from analysis.service_measures import ServiceMeasure
from analysis.telemetry import UNIT_LABELS, FallingUnit, LeftOut, ServiceUnits, ServiceValue
from pages.shared.telemetry_cards import status_words
from pages.shared.telemetry_charts import verdict_words

_95 = "95%, by the measure's own way: see Glossary."
LEVELS = [
    ExportColumn("label", "Service level"),
    ExportColumn("value", "Value", format="percent", definition="Over the rows of the selection."),
    ExportColumn("low", "From", format="percent", definition=f"Low end of the interval, {_95}"),
    ExportColumn("high", "To", format="percent", definition=f"High end of the interval, {_95}"),
    ExportColumn("target", "Target", format="percent", definition="Level aimed at."),
    ExportColumn("floor", "Floor", format="percent", definition="Level below which it is referred."),
    ExportColumn("status", "Status", definition="By the interval: not by the value alone."),
    ExportColumn("budget", "Error budget", definition="What is left of what the target lets it miss."),
    ExportColumn("n", "n", format="count", definition="Trips, weighings or device-days behind it."),
    ExportColumn("counted", "of", definition="What n counts."),
    ExportColumn("clusters", "Clusters", format="count", definition="Devices, carriers or scales behind it."),
    ExportColumn("caveats", "Caveats", definition="What is to be known beside the number."),
    ExportColumn("definition", "Definition", definition="What it is."),
    ExportColumn("formula", "Formula", definition="What is divided by what."),
]
DAYS = [
    ExportColumn("day", "Day", format="date", definition="Of departure, or of the weighing."),
    ExportColumn("value", "Value", format="percent", definition="The service level of the day."),
    ExportColumn("n", "n", format="count", definition="Trips, weighings or device-days of the day."),
]
AREAS = [
    ExportColumn("cell", "Area", definition="H3 cell."),
    ExportColumn("label", "Near", definition="Named after the nearest town."),
    ExportColumn("blackouts", "Blackouts", format="count", definition="That begin there."),
    ExportColumn("dark_hours", "Dark hours", format="number", definition="Of those blackouts."),
    ExportColumn("positions", "Positions", format="count", definition="Fixes there."),
    ExportColumn("per_1000", "Blackouts per 1,000 positions", format="rate", definition="How often signals die there."),
    ExportColumn("ratio", "Times usual", format="ratio", definition="To the same over all areas."),
    ExportColumn("thefts", "Thefts", format="count", definition="Own thefts placed there, attempts not counted."),
    ExportColumn("latitude", "Latitude", "degrees", "number", "Of the cell's middle, WGS84."),
    ExportColumn("longitude", "Longitude", "degrees", "number", "Of the cell's middle, WGS84."),
]
GAPS = [
    ExportColumn("over_s", "Over", "s", "count", "Gap longer than this."),
    ExportColumn("to_s", "To", "s", "count", "And up to this."),
    ExportColumn("gaps", "Gaps", format="count", definition="Number; lead-in and tail count."),
    ExportColumn("share", "Share of gaps", format="percent", definition="Of all gaps."),
    ExportColumn("dark_hours", "Hours beyond 5 min", "h", "number", "Dark beyond one interval of 300 s."),
    ExportColumn("dark_share", "Share of such hours", format="percent", definition="Of all such hours."),
]
FAULTS = [
    ExportColumn("fault", "Reason", definition="The first that holds, in the order of the definition."),
    ExportColumn("trips", "Trips", format="number", definition="Not protected for it."),
    ExportColumn("share", "Share of trips", format="percent", definition="Of all trips with goods."),
]
LOSSES = [
    ExportColumn("label", "Name"),
    ExportColumn("thefts", "Thefts", format="count", definition="Of tracked goods that had not arrived."),
    ExportColumn("dark", "Device dark", format="count", definition="Within 30 minutes of the loss window."),
    ExportColumn("expected", "Expected", format="number", definition="Were devices no darker than at other times."),
    ExportColumn("p_value", "Chance of so many", format="number", definition="Binomial, of so many or more."),
    ExportColumn("asked", "Referral", definition="A question below a chance of 5%; not a debit."),
    ExportColumn("key", "Id", definition="Key."),
]
THEFTS = [
    ExportColumn("occurred_at", "Occurred (UTC)", format="timestamp", definition="Start of the loss window."),
    ExportColumn("incident_id", "Incident"),
    ExportColumn("insured_id", "Insured"),
    ExportColumn("carrier_id", "Carrier"),
    ExportColumn("lane_id", "Lane"),
    ExportColumn("trip_id", "Trip", definition="Click a row to open its timeline."),
    ExportColumn("device_id", "Device"),
    ExportColumn("dark", "Device dark", definition="Whether it was dark within 30 minutes of the loss window."),
]
FALLING = [
    ExportColumn("label", "Name"),
    ExportColumn("month", "From month", format="date", definition="First month of the new level."),
    ExportColumn("before", "Before", format="percent", definition="Level until then."),
    ExportColumn("after", "Since", format="percent", definition="Level since."),
    ExportColumn("change", "Change", definition="Better or worse."),
    ExportColumn("p_value", "Chance", format="number", definition="Of so great a change anywhere, if none changed."),
    ExportColumn("key", "Id", definition="Key."),
]
LEFT_OUT = [
    ExportColumn("what", "What"),
    ExportColumn("number", "Number", format="number", definition="Trips (or stand-alone shipments), or hours."),
    ExportColumn("unit", "of", definition="What is counted."),
    ExportColumn("share", "Share", format="percent", definition="Of all trips, of trips due, or of journey hours."),
    ExportColumn("means", "What it means"),
]


def trip_columns(currency: str) -> list[ExportColumn]:
    """The columns of the worst trips."""
    return [
        ExportColumn("trip_id", "Trip"),
        ExportColumn("departed_at", "Departed (UTC)", format="timestamp", definition="Departure."),
        ExportColumn("carrier", "Carrier"),
        ExportColumn("lane", "Lane"),
        ExportColumn("device_id", "Device", definition="The one that was on it for longest."),
        ExportColumn("dark_minutes", "Dark", "min", "count", "In blackouts, by the schedule's definition."),
        ExportColumn("longest_dark_minutes", "Longest", "min", "count", "Longest blackout."),
        ExportColumn("uptime", "Uptime", format="percent", definition="Not dark of the window."),
        ExportColumn("completeness", "Complete", format="percent", definition="Reports that came of those due."),
        ExportColumn("seal", "Seal"),
        ExportColumn("fault", "Why not protected", definition="First reason that holds."),
        ExportColumn("value_base", "Value", currency, "amount", "Of the goods on board in this selection."),
    ]


def unit_columns(units: ServiceUnits) -> list[ExportColumn]:
    """The columns of devices, carriers, lanes or insureds."""
    measure = units.measure
    one = UNIT_LABELS[units.unit][0]
    return [
        ExportColumn("label", one.capitalize()),
        ExportColumn("verdict", "Verdict", definition="Below floor, outside the funnel, ordinary, or not enough data."),
        ExportColumn("value", measure.label, format="percent", definition=measure.definition),
        ExportColumn("low", "From", format="percent", definition=f"Low end of the interval: {measure.interval}."),
        ExportColumn("high", "To", format="percent", definition=f"High end of the interval: {measure.interval}."),
        ExportColumn("n", measure.counted.capitalize(), format="count", definition="Behind it."),
        ExportColumn(
            "funnel_low",
            "Usual from",
            format="percent",
            definition=f"99.9% of units like the book lie above, with as much on as many {measure.cluster_name}s.",
        ),
        ExportColumn("funnel_high", "Usual to", format="percent", definition="And 99.9% below this."),
        ExportColumn("key", "Id", definition=f"Key of the {one}."),
    ]


def unit_rows(units: ServiceUnits) -> pd.DataFrame:
    """Units as shown, verdicts with their icon."""
    return units.frame.assign(verdict=[verdict_words(str(name)) for name in units.frame["verdict"]])


def level_rows(values: Iterable[ServiceValue]) -> pd.DataFrame:
    """Every service level as a row."""
    rows = []
    for value in values:
        low, high = value.interval or (None, None)
        measure = value.measure
        rows.append(
            (
                measure.label,
                value.value,
                low,
                high,
                measure.target,
                measure.floor,
                status_words(value),
                budget_words(value),
                value.n,
                measure.counted,
                value.clusters,
                "; ".join(value.caveats),
                measure.definition,
                measure.formula,
            )
        )
    frame = pd.DataFrame(rows, columns=[column.name for column in LEVELS])
    numbers = ["value", "low", "high", "target", "floor", "n"]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def falling_rows(units: Sequence[FallingUnit]) -> pd.DataFrame:
    """Changes of level as rows."""
    rows = [
        (
            one.label,
            one.month,
            one.before,
            one.after,
            "worse" if one.after < one.before else "better",
            one.p_value,
            one.key,
        )
        for one in units
    ]
    return pd.DataFrame(rows, columns=[column.name for column in FALLING])


def left_out_rows(left: LeftOut) -> pd.DataFrame:
    """What the levels are not about, as rows."""
    due = left.trips - left.without_goods - left.no_signal

    def share(number: float, of: float) -> float | None:
        return number / of if of else None

    rows = [
        ("Without goods listed", left.without_goods, "trips", share(left.without_goods, left.trips), "in no level"),
        (
            "By sea or air",
            left.no_signal,
            "trips",
            share(left.no_signal, left.trips),
            "no signal gets out: in no level",
        ),
        (
            "No device",
            left.without_device,
            "trips",
            share(left.without_device, due),
            "in coverage and protected share, in no uptime",
        ),
        (
            "End not known",
            left.without_window,
            "trips",
            share(left.without_window, due),
            "in coverage and protected share, in no uptime",
        ),
        (
            "No recorded arrival",
            left.without_arrival,
            "trips",
            share(left.without_arrival, due),
            "window ends early, and the trip is unprotected",
        ),
        (
            "of these under way at the data's date",
            left.under_way,
            "trips",
            share(left.under_way, due),
            "window ends at that date",
        ),
        (
            "At secured sites, or in maintenance that counts",
            left.out_hours,
            "hours",
            share(left.out_hours, left.journey_hours),
            "leaves both sides of uptime",
        ),
    ]
    frame = pd.DataFrame(rows, columns=[column.name for column in LEFT_OUT])
    return frame.astype({"number": "float64", "share": "float64"})


def measure_name(measure: ServiceMeasure) -> str:
    """A measure in running text."""
    return measure.label[:1].lower() + measure.label[1:]
