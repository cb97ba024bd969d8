"""What is picked out on a page: kept in the link by bound widgets, set by clicks, let go by one button each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, get_args

import streamlit as st

from analysis.place_names import name_cells
from analysis.selection import DIMENSION_LABELS, Dimension, Selection
from pages.shared.layout import escape

#: What can be picked, by dimension: value to the name that a person reads.
Options = Mapping[Dimension, Mapping[Any, str]]


def narrow(options: Options, *, page: str) -> Selection:
    """What is picked out? Draws one list a dimension, for the keyboard; clicks set the same lists."""
    picked: dict[str, Any] = {}
    for dimension in get_args(Dimension):
        names = {_text(value): name for value, name in options.get(dimension, {}).items()}
        key = _key(page, dimension)
        # Areas are picked on map and table only; a link carries their id, as several may be named after one town.
        kept = st.session_state.get(key) or (st.query_params.get(key) if dimension == "cell" else None)
        if isinstance(kept, str) and kept not in names and Selection.from_query({dimension: kept}).chosen:
            names[kept] = kept if dimension == "cell" else _fallback(dimension, kept)
        # A list is drawn also while it is empty: what a click picks reaches the link only through one that is there.
        found = st.selectbox(
            DIMENSION_LABELS[dimension],
            list(names),
            index=None,
            format_func=names.__getitem__,
            placeholder="all",
            key=key,
            bind="query-params",
        )
        if found is not None:
            picked[dimension] = found
    return Selection.from_query(picked)


def picked_row(selection: Selection, *, options: Options, page: str) -> None:
    """What is picked out, each with the button that lets it go."""
    if not selection.chosen:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":gray[Narrowed to]", width="content")
        for dimension, value in selection.chosen.items():
            name = options.get(dimension, {}).get(value) or _fallback(dimension, selection.query()[dimension])
            st.button(
                f"{DIMENSION_LABELS[dimension]}: {escape(name)}",
                key=f"{page}-release-{dimension}",
                icon=":material/close:",
                on_click=release,
                args=(page, dimension),
                help="Let go",
            )


def pick(page: str, **values: Any) -> None:
    """Pick these values, or let them go where they are picked already: for callbacks only."""
    texts = {_key(page, dimension): _text(value) for dimension, value in values.items()}
    if all(st.session_state.get(key) == text for key, text in texts.items()):
        texts = dict.fromkeys(texts)
    for key, text in texts.items():
        st.session_state[key] = text


def release(page: str, *dimensions: str) -> None:
    """Let go of these dimensions: for callbacks only."""
    for dimension in dimensions:
        st.session_state[_key(page, dimension)] = None


def clicked(points: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """The custom data of the one mark that a click picked; None where a click let go."""
    data = points[0].get("customdata") if points else None
    return list(data) if data else None


def _key(page: str, dimension: str) -> str:
    return f"{page}-{dimension}"


def _text(value: Any) -> str:
    return f"{value:%Y-%m}" if isinstance(value, date) else str(value)


def _fallback(dimension: Dimension, text: str) -> str:
    selection = Selection.from_query({dimension: text})
    if dimension == "cell" and selection.cell:
        return name_cells([selection.cell])[0]
    return selection.words(dimension) if selection.chosen else text
