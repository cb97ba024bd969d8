"""What the Containment page shows, computed once for each selection: bounded caches in front of the analysis."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from analysis.containment import (
    Among,
    Change,
    Clocks,
    Containment,
    by_quarter,
    change_of,
    change_of_curve,
    containment,
    ends_over_time,
    incident_clocks,
)
from analysis.containment_groups import Grouping, GroupsOfClocks, compare_clocks, group_names
from analysis.containment_phases import LossAgainstTime, Phases, loss_against_time, phases
from analysis.drills import Drills, drilled_keys, drills
from analysis.filters import Scope
from analysis.incidence import CumulativeIncidence
from analysis.response_duties import (
    DUTY_LABELS,
    Duty,
    DutyRecord,
    OpenIncidents,
    duty_by_quarter,
    duty_record,
    legal_hours,
    open_incidents,
)
from data.portfolio import View
from pages.shared.hotspot_results import HASHES, ViewKey


@dataclass(frozen=True)
class Response:
    """All of one selection that needs its incidents' clocks.

    Attributes
    ----------
    clocks, summary, quarters, phases, ends, duties, open, losses
        Results of the analysis modules.
    changes
        By key of a measure: whether it moved by more than chance.
    trends
        Share in time of each duty, by quarter of report.
    """

    clocks: Clocks
    summary: Containment
    quarters: pd.DataFrame
    phases: Phases
    ends: CumulativeIncidence
    duties: dict[Duty, DutyRecord]
    open: OpenIncidents
    losses: LossAgainstTime
    changes: dict[str, Change]
    trends: dict[Duty, list[float]]


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def response_of(key: tuple[ViewKey, object], *, among: Among, _view: View, _before: View | None) -> Response:
    """Clocks, curve, phases, ends, duties and what is open, with the change against the comparison period."""
    clocks = incident_clocks(_view, among=among)
    summary = containment(clocks)
    law = legal_hours(_view)
    duties = {duty: duty_record(clocks, duty, law=law) for duty in DUTY_LABELS}
    known_to = clocks.frame["known_to"].iloc[0] if clocks.n else None
    return Response(
        clocks=clocks,
        summary=summary,
        quarters=by_quarter(clocks, known_to=known_to),
        phases=phases(clocks),
        ends=ends_over_time(clocks),
        duties=duties,
        open=open_incidents(clocks, law=law),
        losses=loss_against_time(clocks),
        trends={duty: duty_by_quarter(clocks, record) for duty, record in duties.items()},
        changes={}
        if _before is None
        else _changes(clocks, summary, duties, before=incident_clocks(_before, among=among)),
    )


def _changes(
    clocks: Clocks, summary: Containment, duties: dict[Duty, DutyRecord], *, before: Clocks
) -> dict[str, Change]:
    earlier = containment(before)
    return {
        "time_to_contain": change_of(summary.mean, earlier.mean),
        "median_time_to_contain": change_of_curve(clocks, before),
        "contained_within_60": change_of(summary.within_60, earlier.within_60),
        "evidence_within_72": change_of(duties["evidence"].share, duty_record(before, "evidence").share),
        "insurer_notified_in_time": change_of(duties["notice"].share, duty_record(before, "notice").share),
    }


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def groups_of(key: ViewKey, *, among: Among, by: Grouping, _clocks: Clocks, _view: View) -> GroupsOfClocks:
    """Groups against the rest."""
    return compare_clocks(_clocks, by=by, names=group_names(_view, by))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def drills_of(key: ViewKey, *, among: Among, _clocks: Clocks, _view: View) -> tuple[Drills, GroupsOfClocks]:
    """Drills beside real incidents, and drilled insureds beside the others."""
    keys = drilled_keys(_view, _clocks)
    return drills(_view, _clocks), compare_clocks(_clocks, by="drill", keys=keys)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=HASHES)
def sites_of(key: tuple[str, Scope], *, _view: View) -> dict[str, str]:
    """What a person calls each site."""
    return group_names(_view, "site")
