"""The switch between rates as reported and rates adjusted for what is not reported, with the assumption beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analysis.export import ExportColumn
from analysis.reporting_fit import MULTIPLES
from analysis.under_reporting import ASSUMED, Assumed, Reporting, ReportingError, assumption_words
from pages.shared.layout import escape

PAGE = "hotspots"
SWITCH = f"{PAGE}-rates"
NAMES = {"reported": "As reported", "adjusted": "Adjusted"}
#: Said wherever adjusted numbers stand.
VERDICTS_STAY = "Verdicts are as published, on reported thefts"
METHOD = f"""
**Adjusted for under-reporting**

- A share reported that is the same everywhere cancels out of ratios, as thefts and expected thefts fall alike; it
  raises *frequency, loss cost and excess loss*, and its doubt widens their intervals.
- A *ratio* moves only by what differs between places: deductibles (an account that reports fewer of its small thefts
  has its expected reports lowered) and, unknown, how well each place reports, which widens the interval.
  None is narrower than as reported, also where the ratio falls: an assumption takes no doubt away.
- *Losses*: thefts without a recorded value count with the assumed factor of those with one.
- Accounts whose deductible is above the threshold are in no rate, adjusted or not; accounts without a stated deductible
  count as reporting everything. Where a severity may not be shown to you, deductibles move nothing.
- {VERDICTS_STAY}; so are clusters, *sure > 1.5* and *own data*. Months, hours, kinds and all counts are of reported
  thefts.
"""
_NOTES = f"{PAGE}-rates-notes"


def choose_rates() -> bool:
    """Are rates shown adjusted? Draws the switch."""
    _note_link()
    chosen: Literal["reported", "adjusted"] = st.segmented_control(
        "Rates",
        list(NAMES),
        default="reported",
        required=True,
        format_func=NAMES.__getitem__,
        key=SWITCH,
        bind="query-params",
        label_visibility="collapsed",
        help="As reported, or as they would be if all thefts were reported and all losses known.",
    )
    return chosen == "adjusted"


def choose_reporting(*, adjusted: bool) -> Reporting | None:
    """By which assumption are rates adjusted? None: as reported.

    Draws the assumption in words, always in sight, where it is edited, and what of a link or an entry was ignored.
    """
    reporting = None
    if adjusted:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            words = st.container(width="stretch")
            with st.popover("Assumption", icon=":material/tune:", type="tertiary"):
                reporting = _ask()
        words.markdown(f":small[**Adjusted.** {escape(assumption_words(reporting))} **{VERDICTS_STAY}.**]")
    for note in st.session_state.get(_NOTES, []):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(note, icon=":material/link_off:")
            st.button("Dismiss", key=f"{SWITCH}-dismiss", on_click=_dismiss, type="tertiary")
    return reporting


def provenance_lines(reporting: Reporting | None) -> tuple[tuple[str, str], ...]:
    """What an export says of the rates that it holds."""
    if reporting is None:
        return ()
    return (("Rates", f"Adjusted for under-reporting. {assumption_words(reporting)} {VERDICTS_STAY}."),)


def adjusted_columns(columns: Sequence[ExportColumn], *, frame: pd.DataFrame) -> list[ExportColumn]:
    """The columns of a download of verdicts, with what adjusted rates add and mean; as given for reported ones."""
    if "reported_share" not in frame:
        return list(columns)
    said = {
        "expected": "Reports expected at the book's class rates, with the deductibles of the place.",
        "severity": "Capped mean loss of its classes, thefts without a value included.",
        "excess_thefts": "Expected x (ratio - 1) / share reported.",
        "probability": "As published, on reported thefts.",
        "weight": "As published, on reported thefts.",
        "verdict": f"{VERDICTS_STAY}; no filter changes it.",
    }
    moved = {"expected", "raw_ratio", "ratio", "low", "high", "severity", "excess_thefts", "excess_loss", "loss_cost"}
    found = [
        ExportColumn(
            one.name,
            f"{one.label}, adjusted" if one.name in moved else one.label,
            one.unit,
            one.format,
            said.get(one.name, one.definition),
        )
        for one in columns
    ]
    return [
        *found,
        ExportColumn(
            "adjusted_probability", "P(ratio > 1.5), adjusted", "%", "percent", "Under the assumption; no verdict."
        ),
        ExportColumn("reported_share", "Share reported, assumed", "%", "percent", "One over thefts behind a report."),
    ]


def default_words(name: str) -> str:
    """A default as the page shows it beside its field: "75%", "15 points", "3 ×"."""
    value, unit = float(getattr(Reporting, name)), ASSUMED[name].unit
    if unit == "share":
        return f"{value:.0%}"
    return f"{100 * value:.0f} points" if unit == "points" else f"{value:g} ×"


def _ask() -> Reporting:
    """The numbers of the assumption, each with its default and where that comes from; the default where none holds."""
    asked: dict[str, Any] = {}
    for field in fields(Reporting):
        name, told = field.name, ASSUMED[field.name]
        left, right = st.columns([0.36, 0.64], gap="small", vertical_alignment="center")
        with left:
            asked[name] = _input(name, told)
        right.markdown(f":small[:gray[Default {default_words(name)}. {escape(told.source)}]]")
    problem = ""
    # A share ends at 100%: a margin that leaves it is cut, so that one number can be raised before the other.
    room = round(min(asked["reported_share"], 1 - asked["reported_share"]), 10)
    for name in ("reported_margin", "place_margin"):
        if asked[name] > room:
            problem = f"A share of {asked['reported_share']:.0%} leaves room for {100 * room:.0f} points: cut to that."
            asked[name] = room
    try:
        found = Reporting(**asked)
    except ReportingError as error:
        problem, found = f"Not possible, so the defaults are shown: {error}", Reporting()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back to the defaults",
            icon=":material/restart_alt:",
            on_click=_reset,
            disabled=found == Reporting() and not problem,
            key=f"{SWITCH}-reset",
        )
        st.caption("A link carries these numbers.")
    if problem:
        _say(problem)
    else:
        _unsay()
    return found


def _input(name: str, told: Assumed) -> float | int:
    key, default = _key(name), getattr(Reporting, name)
    if told.unit == "multiple":
        return int(
            st.selectbox(
                told.label,
                MULTIPLES,
                index=MULTIPLES.index(default),
                format_func=lambda one: f"{one} × deductible",
                key=key,
                bind="query-params",
                help=told.meaning,
            )
        )
    if told.unit == "times":
        return float(
            st.number_input(
                f"{told.label}, ×",
                min_value=told.least,
                max_value=told.most,
                value=float(default),
                step=0.1,
                format="%.2f",
                key=key,
                bind="query-params",
                help=told.meaning,
            )
        )
    whole = st.number_input(
        f"{told.label}, {'points' if told.unit == 'points' else '%'}",
        min_value=round(100 * told.least),
        max_value=round(100 * told.most),
        value=round(100 * default),
        step=5,
        key=key,
        bind="query-params",
        help=told.meaning,
    )
    return whole / 100


def _note_link() -> None:
    """Say what of a link's assumption cannot be: Streamlit ignores it in silence, and shows the default."""
    if f"{SWITCH}-read" in st.session_state:
        return
    st.session_state[f"{SWITCH}-read"] = True
    ignored = [f"rates {text!r}" for text in st.query_params.get_all(SWITCH) if text not in NAMES.values()]
    for name, told in ASSUMED.items():
        for text in st.query_params.get_all(_key(name)):
            if not _is_possible(text, told):
                ignored.append(f"{told.label.lower()} {text!r}")
                # Left to itself a number beyond the ends would be an error, not the default.
                st.session_state[_key(name)] = _shown(name)
    if ignored:
        _say(f"No such assumption, so the default is shown: {escape(', '.join(ignored))}.")
        st.session_state[f"{SWITCH}-kept"] = True


def _is_possible(text: str, told: Assumed) -> bool:
    if told.unit == "multiple":
        return text in {f"{one} × deductible" for one in MULTIPLES}
    try:
        value = float(text)
    except ValueError:
        return False
    value = value if told.unit == "times" else value / 100
    return math.isfinite(value) and told.least <= value <= told.most


def _shown(name: str) -> float | int:
    """A default as its field holds it."""
    value = getattr(Reporting, name)
    return round(100 * value) if ASSUMED[name].unit in {"share", "points"} else value


def _reset() -> None:
    for field in fields(Reporting):
        st.session_state[_key(field.name)] = _shown(field.name)


def _say(note: str) -> None:
    st.session_state[_NOTES] = [note]


def _unsay() -> None:
    # What a link carried stays said until it is dismissed.
    if not st.session_state.get(f"{SWITCH}-kept"):
        st.session_state[_NOTES] = []


def _dismiss() -> None:
    st.session_state[_NOTES] = []
    st.session_state.pop(f"{SWITCH}-kept", None)


def _key(name: str) -> str:
    return f"{PAGE}-{name.replace('_', '-')}"
