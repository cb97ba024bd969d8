"""Hotspots: where does loss happen, and what should we look at first?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import streamlit as st

from analysis.drill import ROWS_SHOWN
from analysis.export import ExportColumn, Provenance
from analysis.filters import Filters
from analysis.hotspots import (
    NO_LOSSES,
    UNIT_LABELS,
    Kind,
    Places,
    PlaceUnit,
    count_caveats,
    main_finding,
    place_units,
)
from analysis.measures import MEASURES, Measure
from analysis.selection import DIMENSION_LABELS, Selection, unreachable
from analysis.values import is_immature, lacking_words
from analysis.verdicts import LEVEL_NAMES, LEVELS, Level
from pages.shared.account import account_header, chosen_account
from pages.shared.charts import Chart, kind_chart, month_chart, week_chart
from pages.shared.context import Context, context, select
from pages.shared.hotspot_cards import known_months, show_cards, view_key
from pages.shared.hotspot_map import LAYERS, MAP_SHARE, hotspot_map
from pages.shared.hotspot_results import (
    box_of,
    divided,
    kinds_of,
    options_of,
    points_of,
    present_keys,
    ranked_places,
    resolution_of,
    rows_of,
    units_of,
    values_of,
    week_of,
)
from pages.shared.hotspot_verdicts import choose_one, levels_of, show_verdicts
from pages.shared.layout import downloads, escape, lacking, nothing_selected, page_header, show_table
from pages.shared.narrowing import clicked, narrow, pick, picked_row
from pages.shared.palette import palette
from pages.shared.reporting_switch import choose_rates, choose_reporting

PAGE = "hotspots"
QUESTION = "Where does loss happen, and what should we look at first?"
#: What the page opens with: the first of these that the portfolio can tell.
OPENS_WITH = ("own_thefts", "claims", "market_incidents", "carrier_incidents", "value_moved", "shipments", "positions")
OPENING_UNIT: dict[str, PlaceUnit] = {
    "incident_fact": "cell",
    "claim_fact": "site",
    "shipment_fact": "lane",
    "ping_fact": "cell",
}
MAP_HEIGHT = 380
ROW_HEIGHT = 35
NAME_WIDTH = 200
LANE_WIDTH = 296
GLOBAL_KINDS = {"commodity", "carrier", "mode", "insured"}


def main() -> None:
    """Select, load, cards, map with table, evidence, rows."""
    here = context()
    page_header("Hotspots", QUESTION)
    account_header(here)
    told = present_keys((here.info.id, here.scope), _view=here.snapshot.view(here.scope, Filters()))
    if not told:
        lacking("incident", "where incidents, claims and shipments are")
        return
    levels = levels_of(here)
    if levels:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            level = choose_level(levels)
            picked = choose_one(here, level=level) if level is not None else ()
            adjusted = choose_rates() if level is not None else False
        if level is not None:
            cards = partial(show_cards, here, told=told, selection=Selection(), level=level, adjusted=adjusted)
            reporting = choose_reporting(adjusted=adjusted)
            show_verdicts(here, level=level, picked=picked, cards=cards, reporting=reporting)
            return
    if not here.snapshot.view(here.scope, Filters()).has("incident") and "claims" not in told:
        st.markdown(f":material/info: **{escape(NO_LOSSES)}.**")
    cards_here = st.container()
    measure, unit, layers, selection = choose(here, told=told)
    with cards_here:
        show_cards(here, (), told=told, selection=selection)
    if missing := unreachable(measure.fact, selection):
        words = lacking_words(measure.fact, missing)
        heading(f"{words[:1].upper()}{words[1:]}", "Let go of what this page is narrowed to, or show another measure.")
        return
    ranked = load_places(here, measure=measure, unit=unit, told=told, selection=selection)
    show_where(here, ranked=ranked, layers=layers, selection=selection)
    show_evidence(here, measure=measure, selection=selection)
    show_rows(here, measure=measure, told=told, selection=selection)


def choose_level(levels: Sequence[Level]) -> Level | None:
    """Verdicts by which level, the first of them where nothing is chosen? None: the counts."""
    names = {level: f"Verdicts by {LEVEL_NAMES[level][0]}" for level in LEVELS if level in levels}
    chosen: Level | Literal["counts"] = st.segmented_control(
        "Show",
        [*names, "counts"],
        default=levels[0],
        required=True,
        format_func=lambda one: names.get(one, "Counts in the period"),
        key=f"{PAGE}-level",
        bind="query-params",
        label_visibility="collapsed",
    )
    return None if chosen == "counts" else chosen


def choose(here: Context, *, told: Sequence[str]) -> tuple[Measure, PlaceUnit, tuple[str, ...], Selection]:
    """What is shown, by which unit of place, with which layers, narrowed to what?"""
    everything = here.snapshot.view(here.scope, Filters())
    options = options_of((here.info.id, here.scope), _view=everything)
    shown = [key for key in told if not MEASURES[key].per]
    first = next((key for key in OPENS_WITH if key in shown), shown[0])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = st.selectbox(
            "Show",
            shown,
            index=shown.index(first),
            format_func=lambda key: MEASURES[key].label,
            key=f"{PAGE}-measure",
            bind="query-params",
            label_visibility="collapsed",
            width=190,
        )
        measure = MEASURES[name]
        units = units_of((here.info.id, here.scope), measure=name, _view=everything) or place_units(measure)[-1:]
        opening = OPENING_UNIT[measure.fact]
        unit = st.segmented_control(
            "Ranked by",
            units,
            default=opening if opening in units else units[0],
            required=True,
            format_func=lambda one: f"By {UNIT_LABELS[one][0]}",
            key=f"{PAGE}-unit-{measure.fact}",
            bind="query-params",
            label_visibility="collapsed",
        )
        offered = [
            layer for layer in LAYERS if layer in units or (layer == "point" and measure.fact == "incident_fact")
        ]
        layers = st.pills(
            "On the map",
            offered,
            selection_mode="multi",
            default=[unit],
            format_func=lambda layer: f":material/layers: {LAYERS[layer]}",
            key=f"{PAGE}-layers-{measure.fact}-{unit}",
            bind="query-params",
            label_visibility="collapsed",
        )
        with st.popover("Narrow to", icon=":material/filter_alt:"):
            selection = narrow(options, page=PAGE)
    picked_row(selection, options=options, page=PAGE)
    return measure, unit, tuple(layers), selection


def load_places(
    here: Context, *, measure: Measure, unit: PlaceUnit, told: Sequence[str], selection: Selection
) -> Places:
    """The ranking; a filter on lanes does not narrow the lanes themselves: they are picked here."""
    filters = here.filters.without("lane") if unit == "lane" else here.filters
    view = here.without("lane") if unit == "lane" else here.view
    key = (here.info.id, here.scope, filters)
    resolution = resolution_of(key, measure=measure.key, _view=view) if unit == "cell" else None
    beside = tuple(name for name in told if name != measure.key and not MEASURES[name].per)
    return ranked_places(
        key,
        unit=unit,
        measure=measure.key,
        beside=beside,
        selection=selection.without("site", "cell"),
        resolution=resolution,
        _view=view,
    )


def show_where(here: Context, *, ranked: Places, layers: Sequence[str], selection: Selection) -> None:
    """The map and, beside it, the same places as a table."""
    measure = ranked.measure
    finding = main_finding(ranked, currency=here.currency)
    picked = picked_places(here, unit=ranked.unit, selection=selection)
    note = " · ".join([unit_words(measure, here), here.period, *count_caveats(here.view, measure=measure)])
    heading(finding, note)
    if not ranked.total:
        nothing_selected(measure.label.lower())
        return
    left, right = st.columns([MAP_SHARE, 1 - MAP_SHARE], gap="small")
    with left:
        shown_points = None
        if "point" in layers:
            shown_points = points_of(view_key(here), measure=measure.key, selection=selection, _view=here.view)
        on_map = {
            layer: ranked
            if layer == ranked.unit
            else load_places(here, measure=measure, unit=layer, told=(), selection=selection)
            for layer in layers
            if layer != "point"
        }
        everything = (here.info.id, here.scope, Filters())
        box = box_of(
            everything, measure=measure.key, units=tuple(on_map), _view=here.snapshot.view(here.scope, Filters())
        )
        hotspot_map(
            on_map,
            measure=measure,
            points=shown_points,
            picked={layer: picked_places(here, unit=layer, selection=selection) for layer in on_map},
            on_pick=pick_place,
            box=box,
            currency=here.currency,
            key=f"{PAGE}-map-{here.info.id}-{measure.key}-{ranked.unit}",
            height=MAP_HEIGHT,
            alt=f"Map. {finding}",
        )
    with right:
        place_table(here, ranked=ranked, picked=picked, selection=selection)


def place_table(here: Context, *, ranked: Places, picked: Sequence[str], selection: Selection) -> None:
    """The places, ranked; a click on a row picks it."""
    measure, frame = ranked.measure, ranked.frame
    beside = [key for key in MEASURES if key in frame and key != measure.key and frame[key].fillna(0).any()][:1]
    order = frame["place"].tolist()
    rows = [order.index(place) for place in picked if place in order][:1]
    one = UNIT_LABELS[ranked.unit][0]
    # The name of a lane is two names: it has the room of a further measure, lest the table cut off where it goes.
    beside = [] if ranked.unit == "lane" else beside
    name_width = LANE_WIDTH if ranked.unit == "lane" else NAME_WIDTH
    key = f"{PAGE}-table-{ranked.unit}-{measure.key}-{'-'.join(picked)}"
    config: dict[str, Any] = {
        "label": st.column_config.TextColumn(one.capitalize(), width=name_width),
        "value": number_column(measure, here),
        "share": st.column_config.ProgressColumn(
            "Share",
            # As many decimals in every row: the bar has what the words leave of the cell.
            format="%.1f%%",
            width=104,
            min_value=0,
            max_value=100 * float(frame["share"].max()) if len(frame) else 100.0,
        ),
    }
    config |= {name: number_column(MEASURES[name], here) for name in beside}
    st.dataframe(
        frame[["label", "value", "share", *beside]].assign(share=100 * frame["share"]),
        height=min(MAP_HEIGHT - 42, ROW_HEIGHT * (len(frame) + 1) + 2),
        hide_index=True,
        column_config=config,
        on_select=partial(pick_row, key, ranked.unit, tuple(order), tuple(picked)),
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}} if rows else None,
        key=key,
        alt=f"{one.capitalize()}s ranked by {measure.label.lower()}",
    )
    downloads(
        UNIT_LABELS[ranked.unit][1],
        {UNIT_LABELS[ranked.unit][1]: (frame, place_columns(ranked, here))},
        key=f"{PAGE}-places",
        provenance=narrowed_provenance(here, selection),
    )


def show_evidence(here: Context, *, measure: Measure, selection: Selection) -> None:
    """When, and to what."""
    colours = palette()
    charts: list[tuple[Chart, Any]] = []
    opened = selection.without("month")
    series = values_of(view_key(here), measures=(measure.key,), selection=opened, _view=here.view)[measure.key]
    months = known_months(here, series)
    known_to = here.known_to(measure.fact.removesuffix("_fact"))
    young = frozenset(m for m, _ in months if measure.matures and is_immature(m, data_date=known_to))
    if any(number for _, number in months):
        chart = month_chart(
            months,
            measure=measure,
            immature=young,
            period=here.period,
            currency=here.currency,
            colours=colours,
            selected=selection.month,
        )
        charts.append((chart, partial(pick_mark, ("month",))))
    week = week_of(view_key(here), measure=measure.key, selection=selection.without("weekday", "hour"), _view=here.view)
    if week is not None and week.of:
        chart = week_chart(
            week,
            period=here.period,
            currency=here.currency,
            colours=colours,
            weekday=selection.weekday,
            hour=selection.hour,
        )
        charts.append((chart, partial(pick_mark, ("weekday", "hour"))))
    everything = here.snapshot.view(here.scope, Filters())
    for by in kinds_of((here.info.id, here.scope), measure=measure.key, _view=everything):
        found = kind_evidence(here, measure=measure, by=by, selection=selection)
        if found is not None:
            charts.append((found, partial(pick_mark, (by,))))
    columns = st.columns(2, gap="small")
    heights = [0, 0]
    for position, (chart, on_pick) in enumerate(charts):
        # Into the shorter column: side by side where two are alike, and no hole under a low one.
        side = heights.index(min(heights))
        heights[side] += chart.figure.height
        with columns[side].container(border=True):
            show_chart(chart, key=f"{PAGE}-chart-{position}-{measure.key}", on_pick=on_pick)


def kind_evidence(here: Context, *, measure: Measure, by: Kind, selection: Selection) -> Chart | None:
    """A chart by one kind; None where it would have no bar, or only one.

    In the account view insureds are not compared by name: it may be shown to the account.
    """
    if by == "insured" and chosen_account(here):
        return None
    is_filter = by in GLOBAL_KINDS
    filters = here.filters.without(by) if is_filter else here.filters
    view = here.without(by) if is_filter else here.view
    found = divided((here.info.id, here.scope, filters), measure=measure.key, by=by, selection=selection, _view=view)
    if found is None or len(found.frame) < 2:
        return None
    value = getattr(selection, by, None)
    chosen = getattr(here.filters, by) if is_filter else (value,) if value is not None else ()
    return kind_chart(found, period=here.period, currency=here.currency, colours=palette(), selected=chosen)


def show_chart(chart: Chart, *, key: str, on_pick: Any) -> None:
    """A chart under its finding."""
    heading(chart.title, chart.note)
    st.plotly_chart(
        chart.figure,
        theme=None,
        key=key,
        on_select=partial(on_pick, key),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=chart.alt,
    )


def show_rows(here: Context, *, measure: Measure, told: Sequence[str], selection: Selection) -> None:
    """The rows behind any number of the page."""
    drill = st.expander(
        "Rows behind the numbers", icon=":material/table_rows:", key=f"{PAGE}-rows", bind="query-params"
    )
    if not drill.open:
        return
    with drill:
        keys = list(told)
        name = st.selectbox(
            "Number",
            keys,
            index=keys.index(measure.key),
            format_func=lambda key: MEASURES[key].label,
            key=f"{PAGE}-rows-measure-{measure.key}",
            width=260,
        )
        found = rows_of(view_key(here), measure=name, selection=selection, _view=here.view)
        label = MEASURES[name].label.lower()
        if found.frame.empty:
            nothing_selected(f"rows behind {label}")
            return
        shown = min(len(found.frame), ROWS_SHOWN)
        saved = f"; a download holds {len(found.frame):,}" if shown < found.of else ""
        st.caption(f"{found.of:,} rows behind {label}, {here.period}; the latest {shown:,} are shown{saved}.")
        show_table(
            found.frame.head(ROWS_SHOWN),
            columns=found.columns,
            key=f"{PAGE}-rows-table-{name}",
            alt=f"Rows behind {label}",
            height=320,
        )
        cut = (("Rows", f"the latest {len(found.frame):,} of {found.of:,}"),) if len(found.frame) < found.of else ()
        downloads(
            label,
            {label: (found.frame, found.columns)},
            key=f"{PAGE}-rows-save",
            provenance=narrowed_provenance(here, selection, *cut),
        )


def narrowed_provenance(here: Context, selection: Selection, *more: tuple[str, str]) -> Provenance:
    """Where an export comes from, with what is picked on this page beside the filters."""
    picked = tuple((DIMENSION_LABELS[name], selection.words(name)) for name in selection.chosen)
    provenance = here.provenance()
    return replace(provenance, filters=(*provenance.filters, *picked, *more))


def heading(title: str, note: str) -> None:
    """A finding, and under it measure, unit and period."""
    st.markdown(f"**{escape(title)}**  \n:small[:gray[{escape(note)}]]")


def picked_places(here: Context, *, unit: PlaceUnit, selection: Selection) -> tuple[str, ...]:
    """Which places are picked out: what the filter says, never what was clicked last."""
    if unit == "lane":
        return here.filters.lane
    value = selection.site if unit == "site" else selection.cell
    return (value,) if value else ()


def pick_place(unit: PlaceUnit, place: str) -> None:
    """Pick a place on map or table; a second time lets it go."""
    if unit == "lane":
        select("lane", [] if tuple(context().filters.lane) == (place,) else [place])
    else:
        pick(PAGE, **{unit: place})


def pick_row(key: str, unit: PlaceUnit, order: tuple[str, ...], picked: tuple[str, ...]) -> None:
    """A row was clicked, or let go."""
    rows = st.session_state[key].selection.rows
    if rows:
        pick_place(unit, order[rows[0]])
    elif picked:
        pick_place(unit, picked[0])


def pick_mark(dimensions: tuple[str, ...], key: str) -> None:
    """A bar was clicked."""
    values = clicked(st.session_state[key].selection.points)
    if values is None:
        return
    if dimensions[0] in GLOBAL_KINDS:
        already = getattr(context().filters, dimensions[0]) == (values[0],)
        select(dimensions[0], [] if already else [values[0]])
    elif dimensions == ("month",):
        pick(PAGE, month=values[0][:7])
    else:
        pick(PAGE, **dict(zip(dimensions, values, strict=True)))


def unit_words(measure: Measure, here: Context) -> str:
    """The measure with its unit."""
    return (
        f"{measure.label} in {here.currency}"
        if measure.unit == "base currency"
        else f"Number of {measure.label.lower()}"
    )


def number_column(measure: Measure, here: Context) -> Any:
    """A column of a measure, with its definition on hover."""
    money = measure.unit == "base currency"
    return st.column_config.NumberColumn(
        f"{measure.label}, {here.currency}" if money else measure.label,
        format="compact" if money else "%,d",
        help=measure.definition,
        width=112 if money else 76,
    )


def place_columns(ranked: Places, here: Context) -> list[ExportColumn]:
    """The columns of a download of places."""
    one = UNIT_LABELS[ranked.unit][0]
    columns = [
        ExportColumn("place", f"{one.capitalize()} id", definition=f"Key of the {one}."),
        ExportColumn("label", one.capitalize(), definition="Name as shown on screen."),
        ExportColumn(
            "share", f"Share of {ranked.measure.label.lower()}", "%", "percent", "Of all, also those without a place."
        ),
    ]
    for key, measure in MEASURES.items():
        if key in ranked.frame:
            money = measure.unit == "base currency"
            columns.append(
                ExportColumn(
                    key,
                    measure.label,
                    here.currency if money else "",
                    "amount" if money else "count",
                    measure.definition,
                )
            )
    coordinates = [name for name in ranked.frame if str(name).endswith(("latitude", "longitude"))]
    return columns + [
        ExportColumn(name, name.replace("_", " ").capitalize(), "degrees", "number", "WGS84.") for name in coordinates
    ]


main()
