"""One trip opened from a row: which one the link names, its pictures, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from analysis.deviations import DEFAULT_RULES, RULE_LABELS, DeviationRules
from analysis.export import ExportColumn
from analysis.trip_timeline import TripTimeline
from data.errors import LanewiseError
from pages.shared.context import Context
from pages.shared.layout import downloads, escape, format_value, show_table, shown_cells
from pages.shared.palette import palette
from pages.shared.telemetry_results import timeline_of
from pages.shared.trip_timeline_chart import timeline_chart, trip_map

TRIP_KEY = "telemetry-trip"
TRIP_ANCHOR = "trip"
LONGEST_ID = 200
_FORMATS: dict[str, Any] = {
    "percent": partial(st.column_config.NumberColumn, format="percent"),
    "count": partial(st.column_config.NumberColumn, format="%,d"),
    "amount": partial(st.column_config.NumberColumn, format="compact"),
    "number": partial(st.column_config.NumberColumn, format="%.3g"),
    "timestamp": partial(st.column_config.DatetimeColumn, format="YYYY-MM-DD HH:mm"),
    "text": st.column_config.Column,
}
_AT = ("timestamp", "UTC.")
#: Columns of each download of a trip.
ROWS: dict[str, tuple[ExportColumn, ...]] = {
    "pings": (
        ExportColumn("pinged_at", "Fix (UTC)", format="timestamp"),
        ExportColumn("received_at", "Received (UTC)", format="timestamp"),
        ExportColumn("device_id", "Device"),
        ExportColumn("latitude", "Latitude", "degrees", "number"),
        ExportColumn("longitude", "Longitude", "degrees", "number"),
        ExportColumn("speed_kmh", "Speed", "km/h", "number"),
        ExportColumn("battery_pct", "Battery", "%", "number"),
        ExportColumn("event", "Event"),
        ExportColumn("valid", "Valid"),
        ExportColumn("accuracy_m", "Accuracy", "m", "number"),
        ExportColumn("off_route_m", "From planned route", "m", "number"),
    ),
    "gaps": (
        ExportColumn("last_heard_at", "Last heard (UTC)", format="timestamp"),
        ExportColumn("heard_again_at", "Heard again (UTC)", format="timestamp"),
        ExportColumn("kind", "Kind"),
        ExportColumn("dark_minutes", "Dark", "min", "number", "Counted from one interval after the last fix."),
        ExportColumn("latitude", "Latitude", "degrees", "number"),
        ExportColumn("longitude", "Longitude", "degrees", "number"),
    ),
    "stops": (
        ExportColumn("arrived_at", "Arrived (UTC)", format="timestamp"),
        ExportColumn("left_at", "Left (UTC)", format="timestamp"),
        ExportColumn("site_id", "Site"),
        ExportColumn("name", "Name"),
        ExportColumn("is_secured", "Secured"),
        ExportColumn("attended", "Attended"),
    ),
    "scans": (
        ExportColumn("scanned_at", "Scanned (UTC)", format="timestamp"),
        ExportColumn("shipment_id", "Shipment"),
        ExportColumn("site_id", "Site"),
        ExportColumn("kind", "Kind"),
        ExportColumn("authorised", "Authorised"),
        ExportColumn("expected_weight_kg", "Expected", "kg", "number"),
        ExportColumn("measured_weight_kg", "Measured", "kg", "number"),
    ),
    "seals": (
        ExportColumn("occurred_at", "Occurred (UTC)", format="timestamp"),
        ExportColumn("seal_no", "Seal"),
        ExportColumn("site_id", "Site"),
        ExportColumn("state", "State"),
    ),
    "deviations": (
        ExportColumn("label", "Rule"),
        ExportColumn("started_at", "From (UTC)", format="timestamp"),
        ExportColumn("ended_at", "To (UTC)", format="timestamp"),
        ExportColumn("hit", "Hit", definition="Whether the rule is met; else why it is not is said beside."),
        ExportColumn("words", "What was seen"),
        ExportColumn("behind", "Rows behind it", definition="Times in UTC."),
    ),
    "incidents": (
        ExportColumn("incident_id", "Incident"),
        ExportColumn("occurred_from", "From (UTC)", format="timestamp"),
        ExportColumn("occurred_to", "To (UTC)", format="timestamp"),
        ExportColumn("category", "Category"),
        ExportColumn("status", "Status"),
    ),
}


#: Icon of what a rule says: told apart without colour.
ANSWER_ICONS: dict[str, str] = {
    "hit": ":material/warning:",
    "nothing found": ":material/check:",
    "not evaluable": ":material/help:",
}


@dataclass(frozen=True)
class _Edited:
    """A threshold as it is edited: what it is called, from where to where, and what one step of it is worth."""

    label: str
    least: int
    most: int
    step: int
    factor: int = 1
    kind: type = float


_RULES = "telemetry-rule"
_EDITED = {
    "off_route_m": _Edited("Off the planned route beyond, metres", 50, 20_000, 50),
    "least_positions": _Edited("Positions in a row, at least", 1, 50, 1, kind=int),
    "accuracy_m": _Edited("Accuracy of a position under, metres", 10, 5_000, 10),
    "after_scan_s": _Edited("First of them within, minutes after the last authorised scan", 1, 1_440, 1, factor=60),
    "slowest_s": _Edited("Not asked of devices slower than, minutes", 1, 1_440, 1, factor=60),
}


def pick_table(
    frame: pd.DataFrame,
    *,
    columns: Sequence[ExportColumn],
    key: str,
    alt: str,
    height: int,
    on_pick: Callable[[], None] | None = None,
    picked: int | None = None,
) -> None:
    """A table of which a row can be clicked.

    Parameters
    ----------
    on_pick
        What a click does; without one it opens the trip of the row's `trip_id`.
    picked
        Position of the row that is marked. A key of its own goes with it: marks are kept by position.
    """
    opened = partial(_open_row, key, tuple(frame["trip_id"].fillna("").astype(str))) if on_pick is None else on_pick
    shown, config = table_columns(frame, columns=columns)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        height=min(height, 35 * (len(shown) + 1) + 2),
        on_select=opened,
        selection_mode="single-row",
        selection_default=None if picked is None else {"selection": {"rows": [picked]}},
        key=key,
        alt=alt,
    )


def table_columns(frame: pd.DataFrame, *, columns: Sequence[ExportColumn]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What a table whose rows can be picked shows, and how each column is written."""
    config: dict[str, Any] = {}
    for column in columns:
        kind = _FORMATS[column.format]
        config[column.name] = kind(
            f"{column.label} ({column.unit})" if column.unit else column.label, help=column.definition or None
        )
    return shown_cells(frame, columns=columns), config


def trip_in_link() -> str:
    """Which trip does the link name? Draws the box that keeps it there; empty where none."""
    found = st.text_input(
        "Trip",
        key=TRIP_KEY,
        bind="query-params",
        max_chars=LONGEST_ID,
        placeholder="Trip id: click a row, or type one",
        icon=":material/timeline:",
        label_visibility="collapsed",
        width=330,
    )
    return (found or "").strip()


def show_trip(here: Context, trip_id: str) -> None:
    """The trip's facts, its timeline, its map, and its rows."""
    # Whole, also where it runs over the end of the period.
    filters = here.filters.without("period")
    key = (here.info.id, here.scope, filters)
    with st.container(border=True):
        try:
            rules = rules_in_use()
            trip = timeline_of(key, trip_id=trip_id, rules=rules, _view=here.without("period"))
        except LanewiseError as error:
            st.markdown(f"##### :material/search_off: {escape(error.what if hasattr(error, 'what') else str(error))}")
            _close()
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader(f"Trip {escape(trip_id)}", anchor=TRIP_ANCHOR, width="stretch")
            edit_rules()
            _close()
        st.markdown(facts_words(here, trip))
        chart = timeline_chart(trip, off_route_m=rules.off_route_m, colours=palette())
        st.markdown(f"**{escape(chart.title)}**  \n:small[:gray[{escape(chart.note)}]]")
        left, right = st.columns([0.56, 0.44], gap="small")
        with left:
            st.plotly_chart(
                chart.figure, theme=None, key="telemetry-trip-chart", config={"displayModeBar": False}, alt=chart.alt
            )
        with right:
            trip_map(trip, key=f"telemetry-trip-map-{trip_id}", alt=f"Map of trip {trip_id}. {chart.title}")
            grey = "grey: planned route · " if trip.planned else ""
            st.caption(
                f"{grey}blue: positions joined · orange: last heard before a blackout · other discs: ends, stops,"
                " deviations"
            )
        found = deviation_rows(trip)
        show_rules(trip, found=found, rules=rules)
        tables = {
            name: (found if name == "deviations" else getattr(trip, name), list(columns))
            for name, columns in ROWS.items()
        }
        downloads(
            f"trip {trip_id}",
            {name: table for name, table in tables.items() if len(table[0])},
            key="telemetry-trip-save",
        )


def rules_in_use() -> DeviationRules:
    """The thresholds of the rules: the defaults, or as a person or a link has edited them."""
    values = {}
    for name, rule in _EDITED.items():
        given = st.session_state.get(f"{_RULES}-{name}", st.query_params.get(f"{_RULES}-{name}"))
        try:
            number = float(given) if given is not None else None
        except ValueError:
            number = None
        if number is not None and rule.least <= number <= rule.most:
            values[name] = rule.kind(number * rule.factor)
    return replace(DEFAULT_RULES, **values)


def edit_rules() -> None:
    """The boxes in which thresholds are edited, kept in the link."""
    with st.popover("Rules", icon=":material/tune:", type="tertiary"):
        for name, rule in _EDITED.items():
            st.number_input(
                rule.label,
                min_value=rule.least,
                max_value=rule.most,
                value=round(getattr(DEFAULT_RULES, name) / rule.factor),
                step=rule.step,
                key=f"{_RULES}-{name}",
                bind="query-params",
            )


def deviation_rows(trip: TripTimeline) -> pd.DataFrame:
    """Deviations with their rule named, as shown and saved."""
    found = trip.deviations
    return found.assign(
        label=[RULE_LABELS[rule] for rule in found["rule"]], hit=["yes" if hit else "no" for hit in found["is_hit"]]
    )


def show_rules(trip: TripTimeline, *, found: pd.DataFrame, rules: DeviationRules) -> None:
    """What each rule says of the trip, and the deviations as a table."""
    lines = [
        f"{ANSWER_ICONS[answer.state]} **{RULE_LABELS[answer.rule]}: {answer.state}.** "
        f":small[:gray[{escape(f'{answer.why[:1].upper()}{answer.why[1:]}. Rule: {rules.words[answer.rule]}.')}]]"
        for answer in trip.answers
    ]
    st.markdown("  \n".join(lines))
    if len(found):
        show_table(
            found, columns=ROWS["deviations"], key="telemetry-trip-deviations", alt="Deviations of the trip", height=180
        )


def facts_words(here: Context, trip: TripTimeline) -> str:
    """Carrier, lane, departure, end and value of a trip, as Markdown."""
    facts = trip.facts
    parts = [
        here.name("carrier", facts["carrier_id"]) if facts["carrier_id"] else "carrier not given",
        here.name("lane", facts["lane_id"]) if facts["lane_id"] else "lane not given",
        facts["mode"] or "",
        f"departed {facts['departed_at']:%-d %b %Y %H:%M} UTC" if facts["departed_at"] else "departure not known",
        f"window ended by {facts['ended_by']}" if facts["ended_by"] else "",
        f"seal {facts['seal']}" if facts["seal"] else "",
        f"{facts['shipments']:,.0f} shipments" if facts["shipments"] else "",
        format_value(facts["value_base"], "amount", currency=here.currency) if facts["value_base"] else "",
    ]
    shares = [
        f"{name} {100 * facts[key]:.1f}%"
        for name, key in (("completeness", "completeness"), ("uptime", "uptime"))
        if facts[key] is not None
    ]
    return escape(" · ".join(part for part in [*parts, *shares] if part))


def _close() -> None:
    st.button("Close", key="telemetry-trip-close", icon=":material/close:", type="tertiary", on_click=close_trip)


def close_trip() -> None:
    """Let go of the trip: for callbacks only."""
    st.session_state[TRIP_KEY] = ""


def _open_row(key: str, order: tuple[str, ...]) -> None:
    rows = st.session_state[key].selection.rows
    st.session_state[TRIP_KEY] = order[rows[0]] if rows else ""
