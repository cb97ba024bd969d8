"""Containment: how fast is theft contained, and where does the time go?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from analysis.containment import Among, fault_counts, has_own_incidents
from analysis.containment_groups import GROUPING_LABELS, Grouping, pace_words, two_words
from analysis.drills import DRILLED, NOT_DRILLED, drill_words
from analysis.estimates import Estimate
from analysis.export import Provenance
from analysis.filters import Filters
from pages.shared.account import account_header, chosen_account, standings
from pages.shared.charts import Chart
from pages.shared.containment_cards import response_card
from pages.shared.containment_charts import curve_chart, ends_chart, loss_chart, pace_chart, phase_chart
from pages.shared.containment_results import Response, drills_of, groups_of, response_of, sites_of
from pages.shared.containment_tables import (
    CURVE,
    DRILLS,
    DUTIES,
    DUTY_ROWS,
    ENDS,
    LEVELS,
    PHASES,
    curve_rows,
    duty_incidents,
    duty_rows,
    end_rows,
    group_columns,
    group_rows,
    incident_columns,
    level_rows,
    levels,
    loss_columns,
    open_columns,
)
from pages.shared.context import Context, context
from pages.shared.incident_view import INCIDENT_ANCHOR, INCIDENT_KEY, incident_in_link, pick_incident, show_incident
from pages.shared.layout import downloads, escape, lacking, nothing_selected, page_header, show_table
from pages.shared.palette import palette
from pages.shared.trip_view import LONGEST_ID

PAGE = "containment"
QUESTION = "How fast is theft contained, and where does the time go?"
NEEDS = "incident"
AMONG_LABELS: dict[Among, str] = {"all": "Thefts and attempts", "thefts": "Thefts", "attempts": "Attempts"}
COMPARED: tuple[Grouping, ...] = ("control", "carrier", "site", "category", "insured")
BY_REPORT = "by month of report (the earliest of alarm, detection and notice), not of occurrence"
ROWS_SHOWN = 200


def main() -> None:
    """Choose, headline, cards, curves and phases; then what is open, groups, duties, ends, losses, drills and rows."""
    here = context()
    page_header("Containment", QUESTION)
    account_header(here)
    if not here.snapshot.view(here.scope, Filters()).has(NEEDS):
        lacking(NEEDS, "how fast theft is contained, where the time goes, and what is still open")
        return
    among, by = choose(is_account=chosen_account(here) is not None)
    found = response_of((view_key(here), here.key), among=among, _view=here.view, _before=here.comparison_view)
    if not found.clocks.n:
        show_none(here)
        return
    if not found.clocks.is_told:
        show_not_told(here, found, among=among)
        return
    show_headline(here, found, among=among)
    show_cards(here, found, among=among)
    show_curves_and_phases(here, found, among=among, by=by)
    show_open(here, found, among=among)
    show_groups(here, found, among=among, by=by)
    show_duties(here, found, among=among)
    show_ends_and_losses(here, found, among=among)
    show_drills(here, found, among=among)
    show_incidents(here, found, among=among)
    show_levels(here, found, among=among)


def choose(*, is_account: bool) -> tuple[Among, Grouping]:
    """Which incidents, and which groups are set against each other?"""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        among: Among = st.segmented_control(
            "Incidents",
            list(AMONG_LABELS),
            default="all",
            required=True,
            format_func=AMONG_LABELS.__getitem__,
            key=f"{PAGE}-among",
            bind="query-params",
            label_visibility="collapsed",
        )
        by: Grouping = st.segmented_control(
            "Compare",
            [one for one in COMPARED if one != "insured" or not is_account],
            default="control",
            required=True,
            format_func=lambda one: f"By {GROUPING_LABELS[one][0]}",
            key=f"{PAGE}-by",
            bind="query-params",
            label_visibility="collapsed",
        )
    return among, by


def show_none(here: Context) -> None:
    """No own incident: of this selection, or of all that is loaded."""
    if has_own_incidents(here.snapshot.view(here.scope, Filters())):
        nothing_selected("own incident")
        st.markdown(f"Periods are {BY_REPORT}.")
        return
    with st.container(border=True):
        st.markdown("##### :material/database_off: None of the incidents loaded is an insured's own")
        st.markdown(
            "Incidents of carriers and of the market say where crime is, not how an insured answers it. Load own"
            " incidents (`source` = 'own') with `first_alarm_at` or `detected_at`, `contained_at` and `status`;"
            " `python -m data describe` lists the columns of the table `incident`."
        )


def show_not_told(here: Context, found: Response, *, among: Among) -> None:
    """No incident says whether it was contained: say what to load, and list them."""
    with st.container(border=True):
        st.markdown(f"##### :material/timer_off: None of {found.clocks.n:,} incidents says whether it was contained")
        st.markdown(
            "Load `contained_at` and `status` (open, contained, closed not contained) with `first_alarm_at` or"
            " `detected_at` of the table `incident`; `python -m data describe` lists its columns."
        )
    show_incidents(here, found, among=among)


def show_headline(here: Context, found: Response, *, among: Among) -> None:
    """The answer, who stands out, and what is counted."""
    summary = found.summary
    share, median = summary.within_60, summary.median
    parts = []
    if share.value is not None and share.interval is not None:
        low, high = (f"{100 * end:.0f}" for end in share.interval)
        parts.append(f"{100 * share.value:.0f}% of incidents are contained within an hour (95%: {low} to {high}%)")
    if median.value is not None:
        parts.append(f"half within {median.value:.0f} minutes")
    elif summary.n:
        parts.append("fewer than half are contained at all")
    if summary.lack:
        between = summary.within_60.bounds
        parts = [f"How fast theft is contained cannot be told: {found.clocks.unclear_words()}"]
        if between is not None:
            parts.append(f"within an hour between {100 * between.low:.0f} and {100 * between.high:.0f}%")
    if summary.n < 5:
        parts = [f"Only {summary.n} {'incident' if summary.n == 1 else 'incidents'}: too few to say how fast"]
    named = [
        pace_words(groups) for one in ("site", "carrier")
        if (groups := groups_of(view_key(here), among=among, by=one, _clocks=found.clocks, _view=here.view)).frame[
            "verdict"
        ].eq("slower").any()
    ]  # fmt: skip
    more = f" {escape('. '.join(named))}." if named else ""
    counted = (
        f"{summary.n:,} own incidents {BY_REPORT}: {summary.contained:,} contained, {summary.not_contained:,} closed"
        f" not contained, {summary.still_open:,} open, {summary.without_clock:,} without a usable clock"
    )
    faults = "; ".join(f"{reason}: {number}" for reason, number in fault_counts(found.clocks))
    counted += f" ({faults})" if faults else ""
    st.markdown(f"**{escape('; '.join(parts))}.**{more}  \n:small[:gray[{escape(counted)}.]]")
    if opened := str(st.session_state.get(INCIDENT_KEY, st.query_params.get(INCIDENT_KEY)) or ""):
        st.markdown(f":material/timer: [Incident {escape(opened[:LONGEST_ID])} is open below](#{INCIDENT_ANCHOR})")


def show_cards(here: Context, found: Response, *, among: Among) -> None:
    """Six cards: mean, median, within the hour, open, evidence, notice."""
    summary, changes, duties = found.summary, found.changes, found.duties
    against = here.comparison_label
    if here.comparison_view is not None and here.not_comparable(NEEDS):
        changes, against = {}, ""
    quarters = found.quarters
    # Peers are told by thefts and attempts together.
    peers = standings(here) if among == "all" else {}
    oldest = found.open.oldest_hours
    still_open = len(found.open.frame)
    with st.grid(6, min_column_width=150, gap="small"):
        response_card(
            "time_to_contain", summary.mean, change=changes.get("time_to_contain"), against=against,
            trend=quarters["mean"].tolist(), peers=peers.get("time_to_contain"),
        )  # fmt: skip
        response_card(
            "median_time_to_contain", summary.median, change=changes.get("median_time_to_contain"), against=against
        )
        response_card(
            "contained_within_60", summary.within_60, change=changes.get("contained_within_60"), against=against,
            trend=quarters["within_60"].tolist(), more=short_words(summary.within_30),
            peers=peers.get("contained_within_60"),
        )  # fmt: skip
        response_card(
            "open_not_contained",
            Estimate(float(still_open), None, summary.n),
            lines=[
                f"{found.open.overdue:,} with a duty overdue",
                f"oldest {oldest:,.0f} h" if oldest is not None else "at the data's date",
            ],
        )
        response_card(
            "evidence_within_72",
            duties["evidence"].share,
            change=changes.get("evidence_within_72"),
            against=against,
            trend=found.trends["evidence"],
            peers=peers.get("evidence_within_72"),
        )
        response_card(
            "insurer_notified_in_time", duties["notice"].share, change=changes.get("insurer_notified_in_time"),
            against=against,
            trend=found.trends["notice"],
            peers=peers.get("insurer_notified_in_time"),
        )  # fmt: skip
    if found.changes and not changes:
        st.caption(f"No change is shown: {here.not_comparable(NEEDS)}.")


def short_words(share: Estimate) -> str:
    """The share within half an hour, in which a truckload can be reloaded."""
    if share.bounds is not None:
        return f"in 30 min: between {100 * share.bounds.low:.0f} and {100 * share.bounds.high:.0f}%"
    if share.value is None or share.interval is None:
        return ""
    low, high = (100 * end for end in share.interval)
    return f"in 30 min: {100 * share.value:.1f}% ({low:.0f} – {high:.0f}%)"


def show_curves_and_phases(here: Context, found: Response, *, among: Among, by: Grouping) -> None:
    """The share contained over time by group, and beside it where the time goes."""
    groups = groups_of(view_key(here), among=among, by=by, _clocks=found.clocks, _view=here.view)
    # Too many clocks are not usable for one curve: what they leave possible lies between two.
    curves = groups.shown or (found.summary.extremes if groups.lack else (("all incidents", found.summary.curve),))
    left, right = st.columns([0.56, 0.44], gap="small")
    with left.container(border=True, height="stretch"):
        chart = curve_chart(
            curves,
            title=pace_words(groups),
            period=here.period,
            colours=palette(),
            p_value=groups.comparison.p_value if len(groups.frame) > 1 and not groups.lack else None,
        )
        show_chart(chart, key=f"{PAGE}-curves")
        told = [*curves, *([("all incidents", found.summary.curve)] if groups.shown else [])]
        downloads(
            f"contained over time by {GROUPING_LABELS[by][0]}",
            {"Curves": (curve_rows(dict(told)), CURVE)},
            key=f"{PAGE}-curves-save",
            provenance=provenance_of(here, among),
        )
    with right.container(border=True, height="stretch"):
        show_chart(phase_chart(found.phases, period=here.period, colours=palette()), key=f"{PAGE}-phases")
        downloads(
            "phases of response",
            {"Phases": (found.phases.frame, PHASES)},
            key=f"{PAGE}-phases-save",
            provenance=provenance_of(here, among),
        )


def show_open(here: Context, found: Response, *, among: Among) -> None:
    """Incidents still open, the most urgent first."""
    rows = named_rows(here, found.open.frame)
    rows["urgency"] = [
        "no deadline open" if pd.isna(left) else f"▲ {duty}: overdue" if left < 0 else str(duty)
        for duty, left in zip(rows["next_duty"], rows["left_hours"], strict=True)
    ]
    with st.container(border=True):
        known = found.clocks.frame["known_to"].iloc[0]
        if rows.empty:
            heading("No incident is open", f"At the data's date, {known:%-d %b %Y %H:%M} UTC")
            return
        overdue = found.open.overdue
        said = f"{overdue} with a duty overdue" if overdue else "no duty is overdue"
        heading(
            f"{len(rows)} open, not contained: {said}",
            f"Most urgent first: by what is due first and not done. Ages at the data's date, {known:%-d %b %Y %H:%M}"
            " UTC; in every curve for as long as they were followed",
        )
        columns = open_columns(here.currency)
        pick_incident(rows, columns=columns, key=f"{PAGE}-open", alt="Open incidents", height=230)
        downloads(
            "open incidents", {"Open": (rows, columns)}, key=f"{PAGE}-open-save", provenance=provenance_of(here, among)
        )


def show_groups(here: Context, found: Response, *, among: Among, by: Grouping) -> None:
    """Each group against the rest, as a picture and as a table."""
    groups = groups_of(view_key(here), among=among, by=by, _clocks=found.clocks, _view=here.view)
    if len(groups.frame) < 2 or groups.lack:
        return
    with st.container(border=True):
        left, right = st.columns([0.48, 0.52], gap="small")
        with left:
            show_chart(pace_chart(groups, period=here.period, colours=palette()), key=f"{PAGE}-pace")
        with right:
            rows, columns = group_rows(groups), group_columns(by)
            nouns = ("group", "groups") if by == "control" else GROUPING_LABELS[by]
            heading(
                f"{len(rows):,} {nouns[len(rows) != 1]}"
                + (f"; not known for {groups.without_group:,} incidents" if groups.without_group else ""),
                "Slower ones first; means and medians of at least 5 incidents; thefts and attempts are mixed in them,"
                " but never in verdict and pace",
            )
            show_table(rows, columns=columns, key=f"{PAGE}-groups-{by}", alt="Groups against the rest", height=300)
            downloads(
                f"containment by {GROUPING_LABELS[by][0]}",
                {"Groups": (rows, columns)},
                key=f"{PAGE}-groups-save",
                provenance=provenance_of(here, among),
            )


def show_duties(here: Context, found: Response, *, among: Among) -> None:
    """Evidence and notices against their deadlines."""
    rows, incidents = duty_rows(found.duties), duty_incidents(found.duties)
    evidence, notice = found.duties["evidence"], found.duties["notice"]
    agreed = int(found.clocks.frame["is_notice_agreed"].sum())
    disputed = int(found.clocks.frame["is_policy_ambiguous"].sum())
    several = f"; the latest of several policies that disagree for {disputed:,}" if disputed else ""
    law = "" if found.duties["legal notice"].is_set or found.duties["regulator"].is_set else (
        "; legal_clock sets no deadline for a notice here"
    )  # fmt: skip
    with st.container(border=True):
        heading(
            f"Evidence was late or missing {evidence.late + evidence.missing:,} times, notice to the insurer"
            f" {notice.late + notice.missing:,} times",
            "Deadlines from first alarm or detection: evidence 72 h; insurer by the policy's own hours"
            f" ({agreed:,} of {found.clocks.n:,} incidents), else 24 h{several}{law}; {here.period}",
        )
        show_table(rows, columns=DUTIES, key=f"{PAGE}-duties", alt="Duties against deadlines")
        downloads(
            "duties",
            {"Duties": (rows, DUTIES), "Incidents": (incidents, DUTY_ROWS)},
            key=f"{PAGE}-duties-save",
            provenance=provenance_of(here, among),
        )


def show_ends_and_losses(here: Context, found: Response, *, among: Among) -> None:
    """How incidents end, and loss beside time."""
    left, right = st.columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        chart = ends_chart(found.ends, period=here.period, colours=palette(), lack=found.summary.lack)
        show_chart(chart, key=f"{PAGE}-ends")
        downloads(
            "ends of incidents",
            {"Ends": (end_rows(found.ends), ENDS)},
            key=f"{PAGE}-ends-save",
            provenance=provenance_of(here, among),
        )
    with right.container(border=True, height="stretch"):
        chart = loss_chart(found.losses, period=here.period, currency=here.currency, colours=palette())
        show_chart(chart, key=f"{PAGE}-losses")
        downloads(
            "loss against time",
            {"Losses": (found.losses.frame, loss_columns(here.currency))},
            key=f"{PAGE}-losses-save",
            provenance=provenance_of(here, among),
        )


def show_drills(here: Context, found: Response, *, among: Among) -> None:
    """Drills beside real incidents, and whether drilled insureds contain faster."""
    with st.container(border=True):
        if not here.snapshot.view(here.scope, Filters()).has("drill"):
            heading("No drills are loaded", "The table drill (who was drilled, when, alarm and containment) is missing")
            return
        held, groups = drills_of(view_key(here), among=among, _clocks=found.clocks, _view=here.view)
        left, right = st.columns(2, gap="small")
        with left:
            if not held.n:
                heading("No drill was held in this selection", here.period)
            else:
                chart = curve_chart(
                    (("drills", held.curve), *([] if held.lack else [("incidents", held.incidents)])),
                    title=drill_words(held),
                    period=here.period,
                    colours=palette(),
                    p_value=None,
                )
                show_chart(
                    replace(chart, note=f"{chart.note}; drills by day held, from their alarm, where nothing is lost"),
                    key=f"{PAGE}-drills",
                )
        with right:
            chart = curve_chart(
                groups.shown,
                title=two_words(groups, held=DRILLED, other=NOT_DRILLED),
                period=here.period,
                colours=palette(),
                p_value=groups.comparison.p_value if len(groups.frame) > 1 else None,
            )
            note = f"{chart.note}; not a proof: who drills often also tracks, and differs in goods and lanes"
            show_chart(replace(chart, note=note), key=f"{PAGE}-drilled")
        downloads(
            "drills",
            {
                "Drills": (held.frame, DRILLS),
                "Curves": (curve_rows({"drills": held.curve, **dict(groups.shown)}), CURVE),
            },
            key=f"{PAGE}-drills-save",
            provenance=provenance_of(here, among),
        )


def show_incidents(here: Context, found: Response, *, among: Among) -> None:
    """Every incident behind the page, those in no curve first; one of them opened."""
    rows = incident_rows(here, found)
    heading(
        "Incidents: click one to open its clock",
        f"All {len(rows):,} of this selection; those in no curve first, then the latest"
        + (f"; {ROWS_SHOWN} are shown, a download holds all" if len(rows) > ROWS_SHOWN else ""),
    )
    incident = incident_in_link()
    if incident:
        show_incident(here, found.clocks.frame, incident)
    columns = incident_columns(here.currency)
    pick_incident(rows.head(ROWS_SHOWN), columns=columns, key=f"{PAGE}-rows", alt="Incidents", height=300)
    downloads(
        "incidents", {"Incidents": (rows, columns)}, key=f"{PAGE}-rows-save", provenance=provenance_of(here, among)
    )


def show_levels(here: Context, found: Response, *, among: Among) -> None:
    """How each number is computed."""
    with st.expander(
        "How it is computed", icon=":material/function:", key=f"{PAGE}-levels", bind="query-params"
    ) as box:
        if not box.open:
            return
        values = levels(found.summary, found.duties, still_open=len(found.open.frame))
        rows = level_rows(values)
        show_table(rows, columns=LEVELS, key=f"{PAGE}-levels-table", alt="All measures of response")
        st.markdown(
            "The clock starts at the earlier of first alarm and detection. Open incidents are censored at the data's"
            " date; closed not contained count as not contained to 24 hours, never as censored. Incidents contained"
            " without a usable time may have been contained at once or not within 24 hours: every interval holds both,"
            " and where they are over 5% no value and no verdict is told, only what it lies between. Groups are"
            " compared by the log-rank test over the first 3 hours, within thefts and within attempts, and a verdict"
            " allows for all groups looked at (Holm). An incident has a control in place where one was in force on the"
            " day of the loss on its lane, at its site or for its insured."
        )
        downloads(
            "measures of response",
            {"Measures": (rows, LEVELS)},
            key=f"{PAGE}-levels-save",
            provenance=provenance_of(here, among),
        )


def incident_rows(here: Context, found: Response) -> pd.DataFrame:
    """Every incident with its names and the state of its duties."""
    frame = found.clocks.frame
    states = {
        name: dict(zip(record.frame["incident_id"], record.frame["state"], strict=True))
        for name, record in (("evidence", found.duties["evidence"]), ("notice", found.duties["notice"]))
    }
    rows = named_rows(here, frame).assign(
        end=[
            "open" if one else (end or "not said") for one, end in zip(frame["is_open"], frame["end_kind"], strict=True)
        ],
        **{name: frame["incident_id"].map(state) for name, state in states.items()},
    )
    rows["_fault"] = rows["clock_fault"].isna()
    return rows.sort_values(["_fault", "reported_at"], ascending=[True, False], ignore_index=True).drop(
        columns="_fault"
    )


def named_rows(here: Context, frame: pd.DataFrame) -> pd.DataFrame:
    """Incidents with names in place of ids."""
    sites = sites_of((here.info.id, here.scope), _view=here.snapshot.view(here.scope, Filters()))

    def name(dimension: str, identifier: Any) -> str:
        return here.name(dimension, identifier) if isinstance(identifier, str) else ""

    return frame.assign(
        insured=[name("insured", one) for one in frame["insured_id"]],
        carrier=[name("carrier", one) for one in frame["carrier_id"]],
        place=[
            sites.get(site, site) if isinstance(site, str) else name("lane", lane)
            for site, lane in zip(frame["site_id"], frame["lane_id"], strict=True)
        ],
    )


def provenance_of(here: Context, among: Among) -> Provenance:
    """Where an export comes from: which incidents, and by which date."""
    provenance = here.provenance()
    told = (("Incidents", AMONG_LABELS[among]), ("Period", BY_REPORT))
    return replace(provenance, filters=(*provenance.filters, *told))


def show_chart(chart: Chart, *, key: str) -> None:
    """A chart under its finding."""
    heading(chart.title, chart.note)
    st.plotly_chart(chart.figure, theme=None, key=key, config={"displayModeBar": False}, alt=chart.alt)


def heading(title: str, note: str) -> None:
    """A finding, and under it measure, unit and period."""
    st.markdown(f"**{escape(title)}**  \n:small[:gray[{escape(note)}]]")


def view_key(here: Context) -> tuple[str, Any, Filters]:
    """What the view of this page depends on."""
    return here.info.id, here.scope, here.filters


main()
