"""One incident opened from a row: which one the link names, and its clock step by step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from analysis.export import ExportColumn
from pages.shared.context import Context
from pages.shared.layout import escape, format_value
from pages.shared.trip_view import LONGEST_ID, TRIP_KEY, table_columns

INCIDENT_KEY = "containment-incident"
INCIDENT_ANCHOR = "incident"
TELEMETRY = str(Path(__file__).parents[1] / "loss_control" / "telemetry.py")
STEPS = (
    ("occurred_from", "Loss, at the earliest"),
    ("occurred_to", "Loss, at the latest"),
    ("first_alarm_at", "First alarm"),
    ("detected_at", "Detected by a person"),
    ("contained_at", "Contained"),
    ("evidence_secured_at", "Evidence secured"),
    ("insurer_notified_at", "Insurer told"),
    ("regulator_notified_at", "Regulator told"),
    ("closed_at", "Closed"),
)


def pick_incident(frame: pd.DataFrame, *, columns: Sequence[ExportColumn], key: str, alt: str, height: int) -> None:
    """A table of incidents; a click on a row opens that one."""
    shown, config = table_columns(frame, columns=columns)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        height=min(height, 35 * (len(shown) + 1) + 2),
        on_select=partial(_open_row, key, tuple(frame["incident_id"].astype(str))),
        selection_mode="single-row",
        key=key,
        alt=alt,
    )


def incident_in_link() -> str:
    """Which incident does the link name? Draws the box that keeps it there; empty where none."""
    found = st.text_input(
        "Incident",
        key=INCIDENT_KEY,
        bind="query-params",
        max_chars=LONGEST_ID,
        placeholder="Incident id: click a row, or type one",
        icon=":material/timer:",
        label_visibility="collapsed",
        width=330,
    )
    return (found or "").strip()


def show_incident(here: Context, frame: pd.DataFrame, incident_id: str) -> None:
    """Its clock, from the loss to the last who was told, and its trip."""
    rows = frame[frame["incident_id"] == incident_id]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if rows.empty:
                st.markdown(f"##### :material/search_off: Incident {escape(incident_id)} is not in this selection")
            else:
                st.subheader(f"Incident {escape(incident_id)}", anchor=INCIDENT_ANCHOR, width="stretch")
            st.button("Close", key=f"{INCIDENT_KEY}-close", icon=":material/close:", type="tertiary", on_click=_close)
        if rows.empty:
            return
        one = rows.iloc[0]
        facts = [
            str(one["category"] or "category not given"),
            here.name("insured", one["insured_id"]) if isinstance(one["insured_id"], str) else "insured not known",
            here.name("lane", one["lane_id"]) if isinstance(one["lane_id"], str) else "",
            "open" if one["is_open"] else str(one["end_kind"] or "end not said"),
            f"controls: {one['controls']}" if isinstance(one["controls"], str) else "no control in place",
            f"loss {format_value(one['loss_base'], 'amount', currency=here.currency)}",
            f"in no curve: {one['clock_fault']}" if one["clock_fault"] else "",
        ]
        st.markdown(escape(" · ".join(part for part in facts if part)))
        st.dataframe(
            steps_of(one),
            hide_index=True,
            column_config={
                "at": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm"),
                "step": st.column_config.Column("Step"),
                "since": st.column_config.NumberColumn("Minutes since first sign", format="%,.0f"),
            },
            key=f"{INCIDENT_KEY}-steps",
            alt=f"Steps of incident {incident_id}",
        )
        if isinstance(one["trip_id"], str):
            st.page_link(
                TELEMETRY,
                label=f"Timeline of trip {one['trip_id']}",
                icon=":material/timeline:",
                query_params={TRIP_KEY: one["trip_id"]},
            )


def steps_of(one: pd.Series[object]) -> pd.DataFrame:
    """What is known of an incident in the order in which it happened: `at`, `step`, `since` (minutes)."""
    known = [(one[column], name) for column, name in STEPS if not pd.isna(one[column])]
    began = one["started_at"]
    rows = [(moment, name, None if pd.isna(began) else (moment - began).total_seconds() / 60) for moment, name in known]
    frame = pd.DataFrame(rows, columns=["at", "step", "since"]).astype({"since": "float64"})
    return frame.sort_values("at", kind="stable", ignore_index=True)


def _close() -> None:
    st.session_state[INCIDENT_KEY] = ""


def _open_row(key: str, order: tuple[str, ...]) -> None:
    rows = st.session_state[key].selection.rows
    st.session_state[INCIDENT_KEY] = order[rows[0]] if rows else ""
