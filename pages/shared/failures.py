"""What a person sees when something fails: what to do where they can, else an id to quote. Never a traceback."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from data.errors import LanewiseError
from pages.shared.layout import escape

log = logging.getLogger("lanewise")


def show_failure(error: Exception) -> bool:
    """Show an error, and say that it has been shown.

    One that a person can put right is shown in its own words. Any other is logged under an id that they can quote.
    """
    if isinstance(error, LanewiseError):
        st.error(escape(str(error)), icon=":material/error:")
        return True
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    st.error(
        f"Something failed that should not have. It is logged under **{error_id}**: quote that when you report it. "
        "The portfolio is as it was; reloading the page, or removing the last filter, often helps.",
        icon=":material/error:",
    )
    return True
