"""Telemetry: can the insured's telemetry be trusted?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from analysis.export import Provenance
from analysis.filters import Filters
from analysis.service_findings import carrier_words, in_service_words, loss_words, trust_words
from analysis.service_measures import DEFINITIONS, SERVICE_MEASURES, Definition
from analysis.telemetry import UNIT_LABELS, FallingUnit, ServiceValue, Unit
from analysis.trip_selection import TRIP_DIMENSION_LABELS, TripDimension, TripSelection
from pages.shared.account import account_header, standings, with_peer_line
from pages.shared.charts import Chart
from pages.shared.context import Context, context
from pages.shared.layout import downloads, escape, lacking, nothing_selected, page_header, show_table
from pages.shared.palette import palette
from pages.shared.telemetry_cards import service_cards
from pages.shared.telemetry_charts import calendar_chart, calendar_legend, fault_chart, gap_chart, service_funnel
from pages.shared.telemetry_map import dead_words, signal_map
from pages.shared.telemetry_results import (
    areas_of,
    box_of,
    changes_of,
    days_of,
    falling_of,
    faults_of,
    gaps_of,
    left_out_of,
    levels_of,
    resolution_of,
    signals_of,
    units_of,
    worst_of,
)
from pages.shared.telemetry_tables import (
    AREAS,
    DAYS,
    FALLING,
    FAULTS,
    GAPS,
    LEFT_OUT,
    LEVELS,
    LOSSES,
    THEFTS,
    falling_rows,
    left_out_rows,
    level_rows,
    measure_name,
    trip_columns,
    unit_columns,
    unit_rows,
)
from pages.shared.trip_narrowing import (
    TRIPS_ANCHOR,
    narrow_trips,
    pick_area,
    pick_mark,
    picked_trips_row,
    picked_words,
    row_picker,
    selection_words,
)
from pages.shared.trip_view import LONGEST_ID, TRIP_ANCHOR, TRIP_KEY, pick_table, show_trip, trip_in_link

PAGE = "telemetry"
QUESTION = "Can the insured's telemetry be trusted?"
CARDS = ("completeness", "uptime", "protected_share", "coverage", "seals_intact", "weight_match")
CARDS_WITHOUT_TRIPS = ("in_service", "protected_share", "coverage", "completeness", "uptime")
#: What calendar and funnels can show, by the units that it is told by.
SHOWN: dict[str, tuple[Unit, ...]] = {
    "uptime": ("device", "carrier", "lane", "insured"),
    "completeness": ("device", "carrier", "lane", "insured"),
    "protected_share": ("carrier", "lane", "insured"),
    "coverage": ("carrier", "lane", "insured"),
    "seal_recorded": ("carrier", "lane", "insured"),
    "seals_intact": ("carrier", "lane", "insured"),
    "weight_match": ("carrier", "lane", "insured"),
    "weighed_share": ("carrier", "lane", "insured"),
    "in_service": ("device",),
}
DEFINITION_LABELS: dict[Definition, str] = {
    "schedule": "Schedule: gaps over 2 intervals",
    "stricter": "Stricter: every missed report",
    "looser": "Looser: gaps over 3 intervals",
}
PICTURE_HEIGHT = 235
TRIPS_SHOWN = 200
NEEDS = "ping"


def main() -> None:
    """Choose, headline, cards, calendar and map; then units, gaps, losses, what is left out, and trips."""
    here = context()
    page_header("Telemetry", QUESTION)
    account_header(here)
    everything = here.snapshot.view(here.scope, Filters())
    if not everything.has(NEEDS):
        lacking(NEEDS, "whether devices report as they should, where signals die, and which trips were protected")
        return
    by_trip = everything.has("shipment") and everything.has("device_assignment")
    measure, definition, selection = choose(by_trip=by_trip)
    shown = CARDS if by_trip else CARDS_WITHOUT_TRIPS
    values = levels_of(view_key(here), measures=shown, definition=definition, _view=here.view)
    show_headline(here, values=values, definition=definition, by_trip=by_trip)
    picked_trips_row(here, selection)
    show_cards(here, values=values, definition=definition, by_trip=by_trip)
    if values["in_service" if not by_trip else "coverage"].value is None:
        show_nothing(here, by_trip=by_trip)
        return
    show_days_and_places(here, measure=measure, definition=definition, by_trip=by_trip, selection=selection)
    show_units(here, measure=measure, definition=definition, selection=selection, by_trip=by_trip)
    if by_trip:
        show_trips(here, selection=selection)
        show_losses(here)
    show_gaps(here, by_trip=by_trip)
    if by_trip:
        show_left_out(here)
    show_levels(here, definition=definition)


def choose(*, by_trip: bool) -> tuple[str, Definition, TripSelection]:
    """Which measure do calendar and funnels show, what is a blackout, and to what are trips narrowed?"""
    offered = [key for key in SHOWN if (key == "in_service") != by_trip]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        measure = st.selectbox(
            "Calendar and funnels show",
            offered,
            format_func=lambda key: SERVICE_MEASURES[key].label,
            key=f"{PAGE}-measure",
            bind="query-params",
            label_visibility="collapsed",
            width=190,
        )
        definition: Definition = "schedule"
        selection = TripSelection()
        if by_trip:
            definition = st.segmented_control(
                "A blackout is",
                list(DEFINITION_LABELS),
                default="schedule",
                required=True,
                format_func=DEFINITION_LABELS.__getitem__,
                key=f"{PAGE}-definition",
                bind="query-params",
                label_visibility="collapsed",
            )
            selection = narrow_trips()
    return measure, definition, selection


def show_headline(here: Context, *, values: dict[str, ServiceValue], definition: Definition, by_trip: bool) -> None:
    """The answer, who stands out, and the definition in use."""
    if not by_trip:
        words, more = in_service_words(values["in_service"]), ""
    else:
        words = trust_words(values)
        key = view_key(here)
        units = units_of(key, measure="uptime", unit="carrier", definition=definition, _view=here.view)
        falling = changes(here, measure="uptime", unit="carrier", definition=definition)
        more = carrier_words(units, falling=falling)
    used = f"In use: {DEFINITIONS[definition]}"
    if by_trip:
        used += "; protected trips are always told by the schedule"
    lines = [f"**{escape(words)}.**"]
    if more:
        lines.append(escape(more))
    st.markdown(f"{' '.join(lines)}  \n:small[:gray[{escape(used)}.]]")
    if by_trip and (trip_id := str(st.session_state.get(TRIP_KEY, st.query_params.get(TRIP_KEY)) or "")):
        st.markdown(f":material/timeline: [Trip {escape(trip_id[:LONGEST_ID])} is open below](#{TRIP_ANCHOR})")


def show_cards(here: Context, *, values: dict[str, ServiceValue], definition: Definition, by_trip: bool) -> None:
    """The cards, each with its change where both periods are in the data."""
    shown = CARDS if by_trip else CARDS_WITHOUT_TRIPS
    reason = here.not_comparable(NEEDS) or (here.not_comparable("shipment") if by_trip else "")
    changes = {}
    if not reason:
        told = tuple(key for key in shown if values[key].value is not None)
        before = here.filters.previous(here.comparison)
        changes = changes_of(view_key(here), before=before, measures=told, definition=definition, _view=here.view)
    service_cards(
        [values[key] for key in shown],
        changes=changes,
        against=here.comparison_label.removeprefix("vs "),
        not_comparable=reason,
        peers=standings(here, definition=definition),
    )


def show_nothing(here: Context, *, by_trip: bool) -> None:
    """The selection holds nothing to judge: say so, and when positions are known."""
    nothing_selected("tracked trips" if by_trip else "device-days")
    begins, ends = here.choices.covered_from.get(NEEDS), here.known_to(NEEDS)
    if begins is not None and ends is not None:
        st.markdown(f"Positions begin in {begins:%b %Y}; the data go to {ends:%b %Y}.")


def show_days_and_places(
    here: Context, *, measure: str, definition: Definition, by_trip: bool, selection: TripSelection
) -> None:
    """The calendar and, beside it, the map of where signals die."""
    # The day of a weighing is not that of a departure.
    by_departure = by_trip and SERVICE_MEASURES[measure].fact == "trip_telemetry"
    days = days_of(view_key(here), measure=measure, definition=definition, _view=here.view)
    first, last = span(here, days)
    ink = palette()
    left, right = st.columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        chart = calendar_chart(
            days,
            measure=SERVICE_MEASURES[measure],
            period=here.period,
            first=first,
            last=last,
            colours=ink,
            height=PICTURE_HEIGHT,
            picked=selection.day if by_departure else None,
        )
        show_chart(chart, key=f"{PAGE}-calendar", picks="day" if by_departure else None)
        st.html(calendar_legend(SERVICE_MEASURES[measure], colours=ink))
        downloads(
            f"{measure_name(SERVICE_MEASURES[measure])} by day",
            {"Days": (days, DAYS)},
            key=f"{PAGE}-days-save",
            provenance=defined_provenance(here, definition),
        )
    with right.container(border=True, height="stretch"):
        if not by_trip:
            heading("Where signals die is not evaluable", "It needs devices that are assigned to trips or shipments.")
            st.markdown(
                "Load the table `device_assignment` (which device was on which trip or shipment, from when to when);"
                " `python -m data describe` lists its columns. Until then protected share, coverage, completeness and"
                " uptime are not evaluable, and nothing here is scored."
            )
            return
        everything = here.snapshot.view(here.scope, Filters())
        box = box_of((here.info.id, here.scope), _view=everything)
        areas = areas_of(view_key(here), resolution=resolution_of(box), _view=here.view)
        finding = dead_words(areas)
        heading(finding, f"Blackouts by area of their last fix, by the schedule, {here.period}")
        key = f"{PAGE}-map-{here.info.id}"
        signal_map(
            areas,
            box=box,
            key=key,
            height=PICTURE_HEIGHT,
            alt=f"Map. {finding}",
            on_pick=partial(pick_area, key),
            picked=selection.cell or "",
        )
        downloads("where signals die", {"Areas": (areas.frame, AREAS)}, key=f"{PAGE}-areas-save")


def show_units(here: Context, *, measure: str, definition: Definition, selection: TripSelection, by_trip: bool) -> None:
    """Devices, carriers, lanes or insureds as a funnel plot, as a table, and those whose level changed."""
    offered = SHOWN[measure]
    # Carriers first: whom one can speak with.
    unit: Unit = "carrier" if "carrier" in offered else offered[0]
    if len(offered) > 1:
        unit = st.segmented_control(
            "Compare",
            offered,
            default=unit,
            required=True,
            format_func=lambda one: UNIT_LABELS[one][1].capitalize(),
            key=f"{PAGE}-unit-{len(offered)}",
            bind="query-params",
            label_visibility="collapsed",
        )
    units = units_of(view_key(here), measure=measure, unit=unit, definition=definition, _view=here.view)
    falling = changes(here, measure=measure, unit=unit, definition=definition)
    one, many = UNIT_LABELS[unit]
    picked = getattr(selection, unit) or ""
    if units.frame.empty:
        nothing_selected(f"{one} with {measure_name(units.measure)}")
        return
    with st.container(border=True):
        left, right = st.columns([0.52, 0.48], gap="small")
        with left:
            funnel = service_funnel(units, period=here.period, colours=palette(), picked=picked)
            beside = standings(here, definition=definition).get(measure)
            chart = with_peer_line(funnel, beside, colours=palette())
            show_chart(chart, key=f"{PAGE}-funnel-{unit}", picks=unit if by_trip else None)
        with right:
            rows, columns = unit_rows(units), unit_columns(units)
            key, alt = f"{PAGE}-units-{measure}-{unit}-{picked}", f"{many.capitalize()} by verdict"
            if by_trip:
                pick_table(
                    rows,
                    columns=columns,
                    key=key,
                    alt=f"{alt}. A click on a row shows its trips",
                    height=230,
                    on_pick=row_picker(rows, key=key, dimension=unit),
                    picked=next(iter(np.flatnonzero(rows["key"] == picked).tolist()), None),
                )
            else:
                show_table(rows, columns=columns, key=key, alt=alt, height=230)
            changed = falling_rows(falling)
            if falling:
                heading(
                    f"{count(len(falling), one, many)} changed level for good",
                    f"{units.measure.label} by month, all months; a change needs two of them, and a chance under 1%",
                )
                show_table(changed, columns=FALLING, key=f"{PAGE}-falling-{unit}", alt="Changes of level", height=120)
            else:
                st.caption(f"No {one} changed its {measure_name(units.measure)} for good in any month of the data.")
            downloads(
                f"{measure_name(units.measure)} by {one}",
                {many.capitalize(): (rows, columns), "Changes": (changed, FALLING)},
                key=f"{PAGE}-units-save",
                provenance=defined_provenance(here, definition),
            )


def changes(here: Context, *, measure: str, unit: Unit, definition: Definition) -> tuple[FallingUnit, ...]:
    """Units whose level changed for good: over all months, as a period may begin after the change, or just before."""
    key = (here.info.id, here.scope, here.filters.without("period"))
    return falling_of(key, measure=measure, unit=unit, definition=definition, _view=here.without("period"))


def show_levels(here: Context, *, definition: Definition) -> None:
    """Every service level with interval, target, floor, error budget and caveats."""
    with st.expander(
        "All service levels", icon=":material/checklist:", key=f"{PAGE}-levels", bind="query-params"
    ) as box:
        if not box.open:
            return
        values = levels_of(view_key(here), measures=tuple(SERVICE_MEASURES), definition=definition, _view=here.view)
        rows = level_rows(values.values())
        show_table(rows, columns=LEVELS, key=f"{PAGE}-levels-table", alt="All service levels")
        downloads(
            "service levels",
            {"Service levels": (rows, LEVELS)},
            key=f"{PAGE}-levels-save",
            provenance=defined_provenance(here, definition),
        )


def show_gaps(here: Context, *, by_trip: bool) -> None:
    """How long gaps are, and why trips are not protected."""
    source: Literal["trip_telemetry", "device_day"] = "trip_telemetry" if by_trip else "device_day"
    gaps = gaps_of(view_key(here), of=source, _view=here.view)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        show_chart(gap_chart(gaps, period=here.period, colours=palette(), is_dark_told=by_trip), key=f"{PAGE}-gaps")
        downloads("gaps", {"Gaps": (gaps, GAPS)}, key=f"{PAGE}-gaps-save")
    if not by_trip:
        return
    reasons = faults_of(view_key(here), _view=here.view)
    with right.container(border=True, height="stretch"):
        show_chart(fault_chart(reasons, period=here.period, colours=palette()), key=f"{PAGE}-faults", picks="fault")
        downloads("why trips are not protected", {"Reasons": (reasons, FAULTS)}, key=f"{PAGE}-faults-save")


def show_losses(here: Context) -> None:
    """Were devices dark at thefts?"""
    with st.container(border=True):
        by: Literal["insured", "carrier"] = st.segmented_control(
            "Dark at loss by",
            ["insured", "carrier"],
            default="insured",
            required=True,
            format_func=lambda one: f"By {one}",
            key=f"{PAGE}-loss-by",
            bind="query-params",
            label_visibility="collapsed",
        )
        signals = signals_of(view_key(here), by=by, _view=here.view)
        note = "; ".join(
            [f"Thefts of tracked goods, device dark within 30 minutes of loss window, {here.period}", *signals.caveats]
        )
        heading(loss_words(signals), note)
        if signals.frame.empty:
            return
        asked = ["ask why" if one else "" for one in signals.frame["referral"]]
        rows = signals.frame.assign(asked=asked)
        thefts = signals.rows.assign(dark=["yes" if dark else "no" for dark in signals.rows["is_dark"]])
        left, right = st.columns(2, gap="small")
        with left:
            show_table(rows, columns=LOSSES, key=f"{PAGE}-losses-{by}", alt=f"Dark at loss by {by}", height=230)
        with right:
            pick_table(thefts, columns=THEFTS, key=f"{PAGE}-loss-thefts", alt="Thefts of tracked goods", height=230)
        downloads("dark at loss", {f"By {by}": (rows, LOSSES), "Thefts": (thefts, THEFTS)}, key=f"{PAGE}-losses-save")


def show_left_out(here: Context) -> None:
    """What the levels are not about."""
    left = left_out_of(view_key(here), _view=here.view)
    rows = left_out_rows(left)
    with st.container(border=True):
        heading(
            f"Left out of the levels, or counted against them: of {left.trips:,.0f} trips in this selection",
            f"Trips and stand-alone shipments, and hours on the way, {here.period}",
        )
        show_table(rows, columns=LEFT_OUT, key=f"{PAGE}-left-out", alt="What the levels leave out")
        downloads("left out", {"Left out": (rows, LEFT_OUT)}, key=f"{PAGE}-left-out-save")


def show_trips(here: Context, *, selection: TripSelection) -> None:
    """The trips of what is picked, or those that were dark for longest; one of them opened."""
    found = worst_of(view_key(here), selection=selection, _view=here.view)
    found = found.assign(
        carrier=[here.name("carrier", one) if isinstance(one, str) else "" for one in found["carrier_id"]],
        lane=[here.name("lane", one) if isinstance(one, str) else "" for one in found["lane_id"]],
    )
    whose = selection_words(here, selection)
    shown = min(len(found), TRIPS_SHOWN)
    title = f"{count(len(found), 'trip', 'trips')} of {whose}" if whose else "Worst trips"
    kind = "Trips with goods, those without a device last," if whose else "Tracked trips"
    if found.empty:
        st.subheader(escape(f"No trip of {whose}" if whose else "No tracked trip"), anchor=TRIPS_ANCHOR)
    else:
        st.subheader(f"{escape(title)}: click one to open its timeline", anchor=TRIPS_ANCHOR)
    st.caption(
        escape(
            f"{kind} by minutes dark, by the schedule, {here.period}; the first {shown:,} are shown, a download holds"
            f" {len(found):,}. A click on a day, an area, a carrier, device or lane shows its trips here."
        )
    )
    trip_id = trip_in_link()
    if trip_id:
        show_trip(here, trip_id)
    if found.empty:
        nothing_selected(f"trips of {whose}" if whose else "tracked trips")
        return
    columns = trip_columns(here.currency)
    # Marks of rows are kept by position: another list of trips has a table of its own.
    key = f"{PAGE}-trips-{'-'.join(selection.query().values())}"
    pick_table(found.head(TRIPS_SHOWN), columns=columns, key=key, alt=title, height=320)
    provenance = here.provenance()
    narrowed = tuple((TRIP_DIMENSION_LABELS[name], picked_words(here, selection, name)) for name in selection.chosen)
    downloads(
        f"trips of {whose}" if whose else "worst trips",
        {"Trips": (found, columns)},
        key=f"{PAGE}-trips-save",
        provenance=replace(provenance, filters=(*provenance.filters, *narrowed)),
    )


def span(here: Context, days: pd.DataFrame) -> tuple[date, date]:
    """From which day to which does the calendar run? Over the period, as far as any day is known."""
    known = [pd.Timestamp(day).date() for day in days["day"].iloc[[0, -1]]] if len(days) else []
    first = here.filters.first_month or (known[0].replace(day=1) if known else date(2000, 1, 1))
    last = here.filters.last_month or (known[1] if known else first)
    last = (pd.Timestamp(last) + pd.offsets.MonthEnd(0)).date()
    return first, max(first, last)


def defined_provenance(here: Context, definition: Definition) -> Provenance:
    """Where an export comes from, with the definition of a blackout in use."""
    provenance = here.provenance()
    return replace(provenance, filters=(*provenance.filters, ("Definition", DEFINITIONS[definition])))


def show_chart(chart: Chart, *, key: str, picks: TripDimension | None = None) -> None:
    """A chart under its finding; a click on one of its marks narrows the trips to what it picks."""
    heading(chart.title, chart.note)
    st.plotly_chart(
        chart.figure,
        theme=None,
        key=key,
        on_select="ignore" if picks is None else partial(pick_mark, picks, key),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=chart.alt,
    )


def heading(title: str, note: str) -> None:
    """A finding, and under it measure, unit and period."""
    st.markdown(f"**{escape(title)}**  \n:small[:gray[{escape(note)}]]")


def count(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def view_key(here: Context) -> tuple[str, Any, Filters]:
    """What the view of this page depends on."""
    return here.info.id, here.scope, here.filters


main()
