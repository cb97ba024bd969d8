"""The filters that hold on every page: drawn in the sidebar, kept in the link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime

import streamlit as st

from analysis.choices import OPENING_MONTHS, Choices
from analysis.filters import DIMENSIONS, Comparison, Filters, add_months
from pages.shared.context import LABELS, MOST_CHOSEN, month_key, month_words

COMPARISONS: dict[Comparison, str] = {"period": "period before", "year": "year before"}
PRESETS: dict[str, int | None] = {"3 m": 3, "12 m": 12, "36 m": 36, "All": None}
NOTES_KEY = "link-notes"
_PRESET_KEY = "period-preset"
_TURNED = "The period asked for"


def filter_bar(choices: Choices) -> tuple[Filters, Comparison]:
    """What does this person want to see, and against what?"""
    if NOTES_KEY not in st.session_state:
        before = st.query_params.to_dict()
        st.session_state[NOTES_KEY] = read_link(choices)
        if st.query_params.to_dict() != before:
            st.rerun()
    first, last = _period(choices)
    comparison: Comparison = st.segmented_control(
        "Compare with",
        tuple(COMPARISONS),
        default="period",
        required=True,
        format_func=COMPARISONS.__getitem__,
        key="compare",
        bind="query-params",
        width="stretch",
        disabled=first is None,
    )
    chosen = {dimension: _values(dimension, choices=choices) for dimension in DIMENSIONS if choices.options[dimension]}
    if any(chosen.values()):
        st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_clear, type="tertiary")
    return Filters(first_month=first, last_month=last, **chosen), comparison


def link_notes() -> None:
    """Say what of a link was ignored, until it is dismissed."""
    notes: list[str] = st.session_state.get(NOTES_KEY, [])
    if not notes:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(" ".join(notes), icon=":material/link_off:")
        st.button("Dismiss", on_click=_dismiss, type="tertiary")


def read_link(choices: Choices) -> list[str]:
    """What of this session's first link cannot be shown?

    Streamlit restores what it knows by its name on screen. Ids and months as "2024-03" are taken too; what is neither,
    or belongs to data that this person may not see, is named and ignored: both read the same, so that a link does not
    tell what exists.
    """
    ignored, notes = [], []
    months = {month_key(month): month_words(month) for month in choices.months}
    asked: dict[str, date] = {}
    renamed: dict[str, list[str]] = {}
    for key in ("from", "to"):
        for text in st.query_params.get_all(key):
            month = _month_in(text)
            if month is None or not months:
                ignored.append(f"{key} {text!r}")
            else:
                asked[key] = month
                # What a list shows, Streamlit finds by itself.
                if text not in months.values():
                    st.session_state[key] = month_key(month)
                    if month_key(month) in months:
                        renamed[key] = [month_words(month)]
    opening = (choices.opening.first_month, choices.opening.last_month)
    first, last = asked.get("from", opening[0]), asked.get("to", opening[1])
    if first is not None and last is not None and first > last:
        # Turned round below, and written into the address by the widgets themselves.
        renamed.clear()
    if note := _bring_within(asked, choices=choices):
        notes.append(note)
    for dimension in DIMENSIONS:
        texts = st.query_params.get_all(dimension)
        by_name = {choices.name(dimension, identifier): identifier for identifier in choices.options[dimension]}
        found = [by_name.get(text, text if text in by_name.values() else None) for text in texts]
        ignored += [
            f"{LABELS[dimension][0].lower()} {text!r}" for text, one in zip(texts, found, strict=True) if one is None
        ]
        if any(text not in by_name for text in texts):
            kept = [one for one in found if one is not None][:MOST_CHOSEN]
            st.session_state[dimension] = kept
            renamed[dimension] = [choices.name(dimension, one) for one in kept]
        if len(texts) > MOST_CHOSEN:
            ignored.append(
                f"{len(texts) - MOST_CHOSEN} more {LABELS[dimension][1]} than a link may carry ({MOST_CHOSEN})"
            )
    # What no list shows, an id say, Streamlit takes out of the address as soon as its widget stands: with the name in
    # its place, and a run that begins with it, the link stays whole when the page is loaded again.
    for key, words in renamed.items():
        st.query_params[key] = words
    ignored += [f"compare {text!r}" for text in st.query_params.get_all("compare") if text not in COMPARISONS.values()]
    return [*notes, *([f"Not in this portfolio, so ignored: {_plain(ignored)}."] if ignored else [])]


def _month_in(text: str) -> date | None:
    """The month that a link writes as "2024-03" or as a list shows it, "Mar 2024"; None for anything else."""
    for form in ("%Y-%m", "%b %Y"):
        with suppress(ValueError):
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a month has no time of day
    return None


def _bring_within(asked: Mapping[str, date], *, choices: Choices) -> str:
    """A period asked for that reaches beyond the data: show what of it there is, and say so in words.

    Where none of it is in the data, what is shown is another period: that is said too, and never left to be noticed.
    """
    if choices.first_month is None or choices.last_month is None:
        return ""
    oldest, newest = choices.first_month, choices.last_month
    if all(oldest <= month <= newest for month in asked.values()):
        return ""
    opening = (choices.opening.first_month or oldest, choices.opening.last_month or newest)
    first, last = asked.get("from", min(opening[0], asked.get("to", newest))), asked.get("to", newest)
    first, last = min(first, last), max(first, last)
    wanted = f"{month_words(first)} – {month_words(last)}"
    reach = f"the data run from {month_words(oldest)} to {month_words(newest)}"
    if last < oldest or first > newest:
        shown = opening
        words = f"Nothing is dated in the period asked for, {wanted}: {reach}. Shown instead:"
    else:
        shown = (max(first, oldest), min(last, newest))
        words = f"Of the period asked for, {wanted}, {reach}. Shown:"
    for key, month in zip(("from", "to"), shown, strict=True):
        st.session_state[key] = month_key(month)
    return f"{words} {month_words(shown[0])} – {month_words(shown[1])}."


def preset_of(first: date, last: date, *, choices: Choices) -> str | None:
    """Which preset do these months make up?"""
    for name, months in PRESETS.items():
        if _preset_period(months, choices=choices) == (first, last):
            return name
    return None


def comparable(filters: Filters, comparison: Comparison, *, choices: Choices) -> bool:
    """Does the data reach back over the whole comparison period? If not, a change would be of more with less."""
    earlier = filters.previous(comparison)
    if earlier == filters or earlier.first_month is None or choices.first_month is None:
        return False
    return earlier.first_month >= choices.first_month


def _period(choices: Choices) -> tuple[date | None, date | None]:
    if not choices.months:
        st.caption("Nothing in this portfolio is dated.")
        return None, None
    months = {month_key(month): month for month in choices.months}
    opening = (choices.opening.first_month or choices.months[-1], choices.opening.last_month or choices.months[0])
    _put_in_order(months, opening=opening)
    keys = list(months)
    ends = zip(st.columns(2, gap="small"), ("from", "to"), ("From", "To"), opening, strict=True)
    picked = [
        column.selectbox(
            label,
            keys,
            index=keys.index(month_key(month)),
            format_func=lambda key: month_words(months[key]),
            key=name,
            bind="query-params",
        )
        for column, name, label, month in ends
    ]
    first, last = (months[key] for key in picked)
    if first > last:
        # What Streamlit takes out of a link wins over what is set before its widgets: turn it round in the next run.
        st.rerun()
    st.session_state[_PRESET_KEY] = preset_of(first, last, choices=choices)
    st.segmented_control(
        "Period presets",
        tuple(PRESETS),
        key=_PRESET_KEY,
        on_change=_apply_preset,
        args=(choices,),
        label_visibility="collapsed",
        width="stretch",
    )
    if choices.opening.last_month is not None and last == choices.opening.last_month < choices.months[0]:
        st.caption(f"Only some of the data goes on, to {month_words(choices.months[0])}.")
    return first, last


def _put_in_order(months: Mapping[str, date], *, opening: tuple[date, date]) -> None:
    """A period that ends before it begins, in a link or as it was picked: turn it round, and say so."""
    first, last = (
        months.get(st.session_state.get(name, ""), month) for name, month in zip(("from", "to"), opening, strict=True)
    )
    if first <= last:
        return
    st.session_state["from"], st.session_state["to"] = month_key(last), month_key(first)
    others = [note for note in st.session_state[NOTES_KEY] if not note.startswith(_TURNED)]
    st.session_state[NOTES_KEY] = [
        *others,
        f"{_TURNED}, {month_words(first)} to {month_words(last)}, ends before it begins: the months were put in order.",
    ]


def _values(dimension: str, *, choices: Choices) -> tuple[str, ...]:
    one, many = LABELS[dimension]
    options = choices.options[dimension]
    picked = st.multiselect(
        one,
        options,
        format_func=lambda identifier: choices.name(dimension, identifier),
        key=dimension,
        bind="query-params",
        max_selections=MOST_CHOSEN,
        placeholder=f"All {len(options):,} {many}" if len(options) > 1 else f"All {many}",
        help=f"The {len(options):,} busiest are listed." if dimension in choices.cut else None,
        select_all=False,
    )
    return tuple(picked)


def _preset_period(months: int | None, *, choices: Choices) -> tuple[date, date] | None:
    if not choices.months:
        return None
    newest, oldest = choices.months[0], choices.months[-1]
    if months is None:
        return oldest, newest
    last = choices.opening.last_month or newest
    first = max(oldest, add_months(last, 1 - months))
    # Where the data is shorter than the preset, "All" says it better.
    return None if (first, last) == (oldest, newest) and months != OPENING_MONTHS else (first, last)


def _apply_preset(choices: Choices) -> None:
    name = st.session_state[_PRESET_KEY]
    period = _preset_period(PRESETS[name], choices=choices) if name else None
    if period is None and choices.months:
        period = choices.months[-1], choices.months[0]
    if period is not None:
        st.session_state["from"], st.session_state["to"] = (month_key(month) for month in period)


def _clear() -> None:
    for dimension in DIMENSIONS:
        st.session_state[dimension] = []


def _dismiss() -> None:
    st.session_state[NOTES_KEY] = []


def _plain(texts: Iterable[str]) -> str:
    """Words of a link as code, where nothing of them is read as markdown."""
    return ", ".join("`" + text.replace("`", "'")[:60] + "`" for text in texts)


__all__ = ["comparable", "filter_bar", "link_notes", "preset_of", "read_link"]
