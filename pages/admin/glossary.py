"""Glossary: what does each number and word mean?"""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from analysis.estimated_measures import EstimatedMeasure
from analysis.registry import EVERY_MEASURE, AnyMeasure
from analysis.service_measures import ServiceMeasure
from analysis.words import WORDS, Word
from pages.shared.layout import escape, page_title

DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "neutral": "neither direction is better"}
UNITS = {
    "count": "count",
    "base currency": "base currency of the portfolio",
    "percent": "percent",
    "rate": "rate",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
}


def matching(text: str) -> tuple[list[AnyMeasure], list[Word]]:
    """The measures and words in which every part of the search is found."""
    parts = text.lower().split()
    measures = [m for m in EVERY_MEASURE.values() if _holds(parts, m.label, m.definition, m.formula, m.section)]
    return measures, [word for word in WORDS if _holds(parts, word.name, word.meaning, word.section)]


def _holds(parts: list[str], *texts: str) -> bool:
    whole = " ".join(texts).lower()
    return all(part in whole for part in parts)


def qualifiers(measure: AnyMeasure) -> list[str]:
    """Unit, direction, what it needs, and what its interval is."""
    if isinstance(measure, EstimatedMeasure | ServiceMeasure):
        levels = [
            f"{name} {measure.words(level)}"
            for name, level in (("target", measure.target), ("floor", measure.floor))
            if level is not None
        ]
        needs = f"from the tables {', '.join(measure.tables)}"
        if isinstance(measure, ServiceMeasure):
            return [UNITS["percent"], DIRECTIONS[measure.better], needs, measure.interval, *levels]
        unit = f"per {measure.per}" if measure.per else UNITS[measure.unit]
        return [unit, DIRECTIONS[measure.better], f"period: {measure.period}", needs, measure.interval, *levels]
    facts = [UNITS[measure.unit], DIRECTIONS[measure.better], f"from the table {', '.join(measure.tables)}"]
    if measure.interval != "none":
        kind = "exact (Garwood)" if measure.interval == "poisson" else "Wilson"
        facts.append(f"95% interval: {kind}")
    if measure.matures:
        facts.append("the last 60 days still grow")
    if measure.target is not None:
        facts.append(f"target {measure.words(measure.target)}")
    return facts


def show_measure(measure: AnyMeasure) -> None:
    """One measure: definition, formula, and what qualifies it."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{escape(measure.label)}**")
        st.markdown(escape(measure.definition))
        st.markdown(f":gray[=] {escape(measure.formula)}")
        st.caption(escape(" · ".join(qualifiers(measure))))


def show_word(word: Word) -> None:
    """One word of the field."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{escape(word.name)}**")
        st.markdown(escape(word.meaning))


def main() -> None:
    """Search, measures, words."""
    with st.container(gap="xxsmall"):
        page_title("Glossary", "What does each number and word mean?")
    text = st.text_input(
        "Search",
        key="glossary-search",
        bind="query-params",
        placeholder="Search a measure or a word, for example incurred",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    measures, words = matching(text or "")
    if not measures and not words:
        st.markdown(f"Nothing here matches *{escape(text or '')}*. Try a shorter word.")
        return
    st.caption(f"{len(measures)} of {len(EVERY_MEASURE)} measures, {len(words)} of {len(WORDS)} words")
    for section, group in groupby(measures, key=lambda measure: measure.section):
        st.subheader(f"Measures: {section.lower()}", anchor=False)
        with st.grid(3, gap="small"):
            for measure in group:
                show_measure(measure)
    for section, found in groupby(words, key=lambda word: word.section):
        st.subheader(f"Words: {section.lower()}", anchor=False)
        with st.grid(3, gap="small"):
            for word in found:
                show_word(word)


main()
