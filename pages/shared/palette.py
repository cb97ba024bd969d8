"""The colours of everything drawn, in light and in dark: one place, so that a picture never argues with another."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as `#RRGGBB`.

    Attributes
    ----------
    dark
        Whether the background is dark.
    background, surface, text, muted, border
        Page, cards, body text, second lines, rules: those of `.streamlit/config.toml`.
    categories
        Colours of unordered things, in order of use; the first is the one of a lone series.
    sequence
        Colours from little to much, 7 classes in even steps of lightness, from green to navy (on dark from violet to
        pale green): each has a contrast of 3 to land and page, and the next is told apart with any colour vision.
    selected
        What the filter has picked out.
    previous
        The comparison period beside the period shown.
    water, land, boundary, label
        Basemap.
    """

    dark: bool
    background: str
    surface: str
    text: str
    muted: str
    border: str
    categories: tuple[str, ...]
    sequence: tuple[str, ...]
    selected: str
    previous: str
    water: str
    land: str
    boundary: str
    label: str


LIGHT = Palette(
    dark=False,
    background="#FFFFFF",
    surface="#F4F6F9",
    text="#1B2430",
    muted="#56616F",
    border="#D5DBE3",
    categories=("#0072B2", "#D55E00", "#009E73", "#7B3F8C", "#64748B"),
    sequence=("#45A069", "#0A8770", "#067171", "#005868", "#02415C", "#002856", "#0F0949"),
    selected="#D55E00",
    previous="#9DB8CC",
    water="#E6EDF3",
    land="#F8F8F5",
    boundary="#C6CDD5",
    label="#4A5563",
)
DARK = Palette(
    dark=True,
    background="#10161F",
    surface="#1B2430",
    text="#E8ECF1",
    muted="#A3AEBC",
    border="#344152",
    categories=("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442"),
    sequence=("#5E6AB7", "#4F89C8", "#46A7CE", "#55C2CE", "#7BD9C9", "#AAEDC6", "#DBFFC9"),
    selected="#E69F00",
    previous="#3D6A88",
    water="#0C1118",
    land="#1C2531",
    boundary="#354254",
    label="#A9B4C2",
)


def palette() -> Palette:
    """Which colours does the person's theme ask for?"""
    return DARK if st.context.theme.type == "dark" else LIGHT


def rgb(colour: str) -> Rgb:
    """The three parts, 0 to 255, of a `#RRGGBB`.

    Examples
    --------
    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
