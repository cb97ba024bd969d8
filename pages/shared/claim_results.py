"""What the Claims page shows, computed once for each selection: bounded caches in front of the analysis."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis.claim_service import Months, Settlement, claim_months, settlement
from analysis.claim_tables import LateReporting, Unit, claim_ends, claim_rows, late_reporting, legal_clocks
from analysis.claims import UltimateLossRatio, book_development, development_triangle, ultimate_loss_ratio
from analysis.filters import Scope
from analysis.refunds import RefundBursts, refund_bursts
from analysis.triangles import Triangle
from data.portfolio import View
from pages.shared.hotspot_results import HASHES, ViewKey


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def months_of(key: ViewKey, *, _view: View) -> Months:
    """Sums of every month."""
    return claim_months(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def settlement_of(key: ViewKey, *, _view: View) -> Settlement:
    """Curves to decision and closing."""
    return settlement(_view)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def ratio_of(key: ViewKey, *, _view: View) -> UltimateLossRatio:
    """The ultimate loss ratio."""
    return ultimate_loss_ratio(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def triangle_of(key: ViewKey, *, kind: str, _view: View) -> Triangle:
    """The triangle of the selection."""
    return development_triangle(_view, kind=kind)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASHES)
def book_of(key: tuple[str, Scope], *, _view: View) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The book's chain ladder: quarters, totals and factors."""
    return book_development(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def late_of(key: ViewKey, *, unit: Unit, _view: View) -> LateReporting:
    """Who reports late."""
    return late_reporting(_view, unit=unit)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def clocks_of(key: ViewKey, *, _view: View) -> pd.DataFrame:
    """Legal deadlines."""
    return legal_clocks(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def ends_of(key: ViewKey, *, _view: View) -> pd.DataFrame:
    """How claims ended."""
    return claim_ends(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def bursts_of(key: ViewKey, *, _view: View) -> RefundBursts:
    """Bursts of refunds."""
    return refund_bursts(_view)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASHES)
def rows_of(key: ViewKey, *, chosen: str, _view: View) -> pd.DataFrame:
    """Claims, the costliest first."""
    return claim_rows(_view, chosen=chosen)


def saved_rows(view: View, *, chosen: str) -> pd.DataFrame:
    """The claims that a download holds: all of them, read when it is asked for."""
    return claim_rows(view, chosen=chosen, limit=None)
