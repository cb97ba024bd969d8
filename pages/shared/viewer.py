"""Who is looking, and at whose data. Signing in will replace this file, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

import streamlit as st

from analysis.filters import Scope
from data.errors import LanewiseError

SCOPE_SETTING = "LANEWISE_INSUREDS"
NAME_KEY = "viewer-name"
LONGEST_NAME = 80


@dataclass(frozen=True)
class Viewer:
    """A person: the name for what is logged ("" until one is given), and the insureds that may be seen."""

    who: str
    scope: Scope


def viewer() -> Viewer:
    """Who is looking, and whose data may they see?

    Raises
    ------
    LanewiseError
        When LANEWISE_INSUREDS is set but names no insured: nothing may be shown then.
    """
    return Viewer(who=str(st.session_state.get(NAME_KEY) or "").strip()[:LONGEST_NAME], scope=read_scope())


def read_scope() -> Scope:
    """Whose data does the setting LANEWISE_INSUREDS allow: all where it is not set, else the ids it lists?"""
    text = os.environ.get(SCOPE_SETTING)
    if text is None:
        return Scope()
    insureds = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not insureds:
        raise LanewiseError(
            f"{SCOPE_SETTING} is set but names no insured, so nothing may be shown",
            hint="Set it to ids of insureds with commas between them, or remove it to show the whole portfolio.",
        )
    return Scope(insureds)
