"""What the Overview shows, computed once for each selection: bounded caches in front of the analysis."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import streamlit as st

from analysis.decisions import Decision, decisions
from analysis.drivers import Decomposition
from analysis.filters import Scope
from analysis.overview import Headline, headlines
from analysis.overview_drivers import By, drivers
from data.portfolio import View
from pages.shared.hotspot_results import HASHES, ViewKey


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def headlines_of(
    key: ViewKey, *, has_before: bool, _view: View, _before: View | None, _all: View, _begins: Mapping[str, date]
) -> dict[str, Headline]:
    """The eight numbers."""
    return headlines(_view, _before, everything=_all, begins=_begins)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def drivers_of(
    key: ViewKey, *, measure: str, by: By, _view: View, _before: View, _all: View, _begins: Mapping[str, date]
) -> Decomposition | None:
    """What drove a move."""
    return drivers(_view, _before, key=measure, by=by, everything=_all, begins=_begins)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def decisions_of(key: ViewKey, *, pages: tuple[str, ...], currency: str, _view: View) -> tuple[Decision, ...]:
    """What needs a decision."""
    return decisions(_view, pages=pages, currency=currency)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASHES)
def quarantined_of(key: tuple[str, Scope], *, _view: View) -> int:
    """Rows that a load put aside."""
    return int(_view.rows("select count(*) from quarantine")[0][0])
