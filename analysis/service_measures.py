"""The registry of service levels: each share of telemetry once, with definition, target and the sums it is made of.

A service level is a ratio of two sums over the rows of one fact, clustered by what its errors hang on (a device, a
carrier, a scale), so that months, carriers and lanes add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

ServiceFact = Literal["trip_telemetry", "trip_risk", "weighing_fact", "device_day"]
Definition = Literal["schedule", "stricter", "looser"]

#: What a blackout is, in words, by the definition in use.
DEFINITIONS: Mapping[Definition, str] = {
    "schedule": "a blackout is a gap of more than 2 intervals of 300 s, counted from one interval after the last fix",
    "stricter": "every slot of 300 s without a fix is dark",
    "looser": "a blackout is a gap of more than 3 intervals of 300 s, counted from one interval after the last fix",
}
#: Bins of gaps, by their upper end in seconds; None: no end.
GAP_BINS: tuple[tuple[str, int | None], ...] = (
    ("60", 60),
    ("300", 300),
    ("600", 600),
    ("900", 900),
    ("1200", 1200),
    ("1800", 1800),
    ("3600", 3600),
    ("14400", 14400),
    ("more", None),
)
#: Gaps above which a blackout may be said to begin, seconds: the ends of bins from the schedule's interval on.
THRESHOLDS = (300, 600, 900, 1200, 1800, 3600, 14400)
_DARK_BINS = (("600", 600), ("900", 900), ("1200", 1200), ("1800", 1800), ("3600", 3600), ("14400", 14400))
#: Facts and how each is read: the hazard of a lane or hour and what its thefts cost are the book's published ones.
SOURCES: Mapping[ServiceFact, str] = {
    "trip_telemetry": "trip_telemetry",
    "weighing_fact": "weighing_fact",
    "device_day": "device_day",
    "trip_risk": (
        "(select t.*, coalesce(v.ratio, 1) as lane_hazard, v.rate * v.severity * t.units as theft_cost,"
        " night_s * night + morning_s * morning + afternoon_s * afternoon + evening_s * evening as risk_s,"
        " dark_night_s * night + dark_morning_s * morning + dark_afternoon_s * afternoon"
        " + dark_evening_s * evening as risk_dark_s"
        " from trip_telemetry t cross join ("
        "select max(hazard) filter (band = 0) as night, max(hazard) filter (band = 1) as morning,"
        " max(hazard) filter (band = 2) as afternoon, max(hazard) filter (band = 3) as evening from hour_hazard) h"
        " left join hotspot_verdict v"
        " on v.level = 'lane' and v.place_id = t.lane_id and v.segment = t.segment) as trip_risk"
    ),
}
#: Contract tables without which a fact says nothing.
FACT_NEEDS: Mapping[ServiceFact, tuple[str, ...]] = {
    "trip_telemetry": ("shipment", "device_assignment", "ping"),
    "trip_risk": ("shipment", "device_assignment", "ping"),
    "weighing_fact": ("scan",),
    "device_day": ("ping",),
}
# An insured decides for each of its carriers and scales: one that serves two insureds is two.
_CARRIER = "coalesce(insured_id, '') || ' / ' || coalesce(carrier_id, '')"
_SCALE = "coalesce(insured_id, '') || ' / ' || scale"
_TRACKED = "is_due and slots_due is not null"
_DUE = "is_due"
_SEALABLE = "is_due and segment <> 'last mile'"


@dataclass(frozen=True)
class ServiceMeasure:
    """One service level.

    Attributes
    ----------
    key, label, section, definition, formula, better
        As of an `analysis.measures.Measure`. The unit is always percent: a share of 0 to 1.
    fact, within, value, per
        Over the rows of `fact` that meet `within`: sum of `value` / sum of `per`.
    cluster
        SQL within whose values events hang together: what the interval is clustered by.
    cluster_name
        What one of those is called.
    within_insured
        Whether clusters are an insured's own: then the book's variance is that around the level of each insured.
    unit
        Column of a single trial, whose scatter says what chance does: what a funnel is drawn from.
    counted
        What `rows` counts, in words: trips, weighings, device-days.
    rows
        What is summed for n.
    among, known_words
        Condition of the rows that could be in it, and the sentence that says how many are, where some are not.
    target, floor
        The level aimed at, and the one below which it is referred; None where there is none.
    interval
        What its interval is, in words.
    """

    key: str
    label: str
    definition: str
    formula: str
    fact: ServiceFact
    value: str
    per: str
    within: str = "true"
    cluster: str = "device_id"
    cluster_name: str = "device"
    within_insured: bool = False
    unit: str = "trip_no"
    rows: str = "part"
    among: str = ""
    known_words: str = ""
    counted: str = "trips"
    section: str = "Telemetry"
    better: Literal["higher", "lower", "neutral"] = "higher"
    target: float | None = None
    floor: float | None = None

    @property
    def interval(self) -> str:
        """What its interval is, in words."""
        own = " of an insured" if self.within_insured else ""
        return f"95%, clustered by {self.cluster_name}{own}; under 30 of them their variance is shrunk to the book's"

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the contract that it needs."""
        return FACT_NEEDS[self.fact]

    def words(self, value: float | None) -> str:
        """The value as a person reads it; near 100% with a digit more, as 99.5% and 99.9% are not the same.

        Examples
        --------
        >>> SERVICE_MEASURES["uptime"].words(0.98765)
        '98.8%'
        """
        if value is None:
            return "not known"
        return f"{100 * value:.2f}%" if 0.999 <= value < 1 else f"{100 * value:.1f}%"


def definition_words(definition: Definition | int) -> str:
    """What a blackout is by this definition, without a full stop."""
    for name, words in DEFINITIONS.items():
        if definition == name:
            return words
    return f"a blackout is a gap of more than {definition} s, counted from one interval of 300 s after the last fix"


def dark_seconds(definition: Definition | int) -> str:
    """SQL of the dark seconds of a trip by a definition, or by the gap in seconds above which it is dark."""
    if definition == "stricter":
        return "window_s * (1 - slots_fixed::double / slots_due)"
    if definition == "schedule":
        return "dark_s"
    least = 900 if definition == "looser" else int(definition)
    if least not in THRESHOLDS:
        message = f"gaps are counted in bins: a threshold is one of {', '.join(map(str, THRESHOLDS))} s, not {least}"
        raise ValueError(message)
    names = [f"coalesce(dark_{name}, 0)" for name, end in _DARK_BINS if end > least]
    return f"({' + '.join([*names, 'coalesce(dark_more, 0)'])})"


_by_carrier = partial(ServiceMeasure, cluster=_CARRIER, cluster_name="carrier", within_insured=True)
_ALL = (
    ServiceMeasure(
        key="completeness",
        label="Completeness",
        definition="Share of the reports due that came, on trips with goods and a device: one is due every 300 s "
        "between departure and arrival outside secured sites, whatever the device is set to. A report counts by the "
        "time of its fix, however late it was received.",
        formula="slots of 300 s with a valid fix / slots of 300 s due",
        fact="trip_telemetry",
        value="part * slots_fixed",
        per="part * slots_due",
        within=_TRACKED,
        target=0.95,
        floor=0.80,
    ),
    ServiceMeasure(
        key="uptime",
        label="Uptime",
        definition="Share of the time between departure and arrival outside secured sites in which trips with goods "
        "and a device were not in a blackout: a gap of more than two intervals of 300 s, counted from one interval "
        "after the last fix to the next, the time before the first and after the last fix included.",
        formula="1 - seconds of blackout / seconds of the windows",
        fact="trip_telemetry",
        value="part * (window_s - {dark})",
        per="part * window_s",
        within=_TRACKED,
        target=0.99,
        floor=0.95,
    ),
    ServiceMeasure(
        key="uptime_value",
        label="Uptime by value",
        definition="Uptime with each hour weighted by the value on board: what share of the value-hours was watched.",
        formula="1 - value x seconds of blackout / value x seconds of the windows",
        fact="trip_telemetry",
        value="value_base * (window_s - {dark})",
        per="value_base * window_s",
        within=f"{_TRACKED} and value_base > 0",
        among=_TRACKED,
        known_words="value known for {known} of {among} trips",
        target=0.99,
        floor=0.95,
    ),
    ServiceMeasure(
        key="uptime_risk",
        label="Uptime by risk",
        definition="Uptime with each hour weighted by the book's published hazard of its lane and quarter of the day: "
        "dark where and when goods are stolen weighs more. For display, never scored. Whoever sees some accounts only "
        "has hours weighted alike where thefts of a quarter of the day are those of fewer than five insureds.",
        formula="1 - hazard x seconds of blackout / hazard x seconds of the windows",
        fact="trip_risk",
        value="part * lane_hazard * (risk_s - {dark})",
        per="part * lane_hazard * risk_s",
        within=_TRACKED,
        target=0.99,
        floor=0.95,
    ),
    _by_carrier(
        key="coverage",
        label="Coverage",
        definition="Share of the trips with goods that had a device, where a signal can get out: sea and air are left "
        "out of both sides.",
        formula="trips with a device / trips",
        fact="trip_telemetry",
        value="tracked_part",
        per="part",
        within=_DUE,
        target=0.90,
        floor=0.50,
    ),
    _by_carrier(
        key="coverage_value",
        label="Coverage by value",
        definition="Share of the declared value on trips with goods that had a device with it.",
        formula="value with a device / value",
        fact="trip_telemetry",
        value="tracked_base",
        per="value_base",
        within=f"{_DUE} and value_base is not null",
        among=_DUE,
        known_words="value known for {known} of {among} trips",
        target=0.90,
        floor=0.50,
    ),
    _by_carrier(
        key="coverage_cost",
        label="Coverage by expected theft cost",
        definition="Share of the theft cost that the book expects of the trips' lanes which is on trips with a device.",
        formula="expected theft cost with a device / expected theft cost",
        fact="trip_risk",
        value="theft_cost * tracked_part / part",
        per="theft_cost",
        within=f"{_DUE} and theft_cost is not null",
        among=_DUE,
        known_words="theft cost of the lane known for {known} of {among} trips",
        target=0.90,
        floor=0.50,
    ),
    _by_carrier(
        key="protected_share",
        label="Protected share",
        definition="Share of the trips with goods that were protected: a device on throughout, completeness of at "
        "least 80%, no blackout over 30 minutes, arrival known, and a seal recorded that was not opened out of place. "
        "On the last mile each parcel's code or photo, taken at the place, stands for the seal.",
        formula="protected trips / trips",
        fact="trip_telemetry",
        value="protected_part",
        per="part",
        within=_DUE,
        target=0.90,
        floor=0.50,
    ),
    _by_carrier(
        key="protected_value",
        label="Protected share by value",
        definition="Share of the declared value that was on protected trips.",
        formula="value on protected trips / value",
        fact="trip_telemetry",
        value="protected_base",
        per="value_base",
        within=f"{_DUE} and value_base is not null",
        among=_DUE,
        known_words="value known for {known} of {among} trips",
        target=0.90,
        floor=0.50,
    ),
    _by_carrier(
        key="protected_cost",
        label="Protected share by expected theft cost",
        definition="Share of the theft cost that the book expects of the trips' lanes which is on protected trips: "
        "what a control credit is measured by.",
        formula="expected theft cost on protected trips / expected theft cost",
        fact="trip_risk",
        value="theft_cost * protected_part / part",
        per="theft_cost",
        within=f"{_DUE} and theft_cost is not null",
        among=_DUE,
        known_words="theft cost of the lane known for {known} of {among} trips",
        target=0.90,
        floor=0.50,
    ),
    ServiceMeasure(
        key="late_positions",
        label="Positions too late for an alarm",
        definition="Share of the valid fixes that reached the server more than two intervals after they were taken. "
        "They count for completeness; no alarm could have come from them.",
        formula="fixes received more than 600 s late / fixes",
        fact="trip_telemetry",
        value="part * late_fixes",
        per="part * fixes",
        within=f"{_TRACKED} and fixes > 0",
        better="lower",
    ),
    _by_carrier(
        key="seal_recorded",
        label="Seal recorded",
        definition="Share of the line haul trips with goods on which a seal was recorded by half an hour after "
        "departure, on the trip or on each of its shipments.",
        formula="trips sealed / trips, line haul",
        fact="trip_telemetry",
        value="part * is_sealed::integer",
        per="part",
        within=_SEALABLE,
        target=0.90,
    ),
    _by_carrier(
        key="seals_intact",
        label="Seals intact",
        definition="Share of the sealed line haul trips whose seal was neither tampered with nor opened anywhere but "
        "at the destination.",
        formula="sealed trips with no seal opened out of place / sealed trips",
        fact="trip_telemetry",
        value="part * (seal = 'intact')::integer",
        per="part",
        within=f"{_SEALABLE} and is_sealed",
        target=0.99,
    ),
    ServiceMeasure(
        key="weight_match",
        label="Weight match",
        definition="Share of the handling units weighed whose weight was within 2% of the expected one, or within one "
        "step of the scale. A unit weighed more than once matches only if it always did.",
        formula="units with |measured - expected| <= max(2% of expected, resolution) / units with both weights",
        fact="weighing_fact",
        value="matched",
        per="weighings",
        within="kind = 'weighed'",
        cluster=_SCALE,
        within_insured=True,
        cluster_name="scale",
        unit="(scale, weighed_on)",
        rows="weighings",
        counted="handling units",
        target=0.98,
        floor=0.90,
    ),
    ServiceMeasure(
        key="weighed_share",
        label="Weighed share",
        definition="Share of the weighings that were required and due which took place.",
        formula="required weighings done / weighings required",
        fact="weighing_fact",
        value="done",
        per="weighings",
        within="kind = 'required'",
        cluster=_SCALE,
        within_insured=True,
        cluster_name="place",
        unit="(scale, weighed_on)",
        rows="weighings",
        counted="weighings required",
        target=0.60,
        floor=0.30,
    ),
    ServiceMeasure(
        key="weight_copied",
        label="Exactly as expected",
        definition="Share of the handling units weighed whose weight is exactly the expected one: where it is high, "
        "weights are copied rather than measured. Light parcels on a coarse scale are often equal by chance.",
        formula="units with measured = expected / units with both weights",
        fact="weighing_fact",
        value="equal",
        per="weighings",
        within="kind = 'weighed'",
        cluster=_SCALE,
        within_insured=True,
        cluster_name="scale",
        unit="(scale, weighed_on)",
        rows="weighings",
        counted="handling units",
        better="lower",
    ),
    ServiceMeasure(
        key="in_service",
        label="In-service estimate",
        definition="Uptime of devices that were never assigned to a trip or shipment, between the first and the last "
        "fix of each day. It says that devices work, not that goods were watched: it is never scored.",
        formula="1 - seconds of blackout / seconds from first to last fix of the day",
        fact="device_day",
        value="window_s - dark_s",
        per="window_s",
        unit="(device_id, on_day)",
        rows="1",
        counted="device-days",
    ),
)

#: The registry, by key, in the order in which pages show them.
SERVICE_MEASURES: Mapping[str, ServiceMeasure] = {measure.key: measure for measure in _ALL}


def defined(measure: ServiceMeasure, definition: Definition | int = "schedule") -> ServiceMeasure:
    """The measure with its blackouts by this definition, or by the gap in seconds above which it is dark.

    Raises
    ------
    ValueError
        For a threshold that is no end of a bin of gaps: see `THRESHOLDS`.
    """
    if "{dark}" not in measure.value:
        return measure
    value = measure.value.replace("{dark}", dark_seconds(definition))
    if measure.key == "uptime_risk":
        # Other definitions weigh as the hours of the trip's blackouts do, or without any as its hours do on average.
        dark = dark_seconds(definition)
        value = (
            "part * lane_hazard * (risk_s - case when dark_s > 0"
            f" then risk_dark_s * {dark} / dark_s else risk_s * {dark} / window_s end)"
        )
    return replace(measure, value=value)
