"""The statistics of the Hotspots page: what stands out beyond chance, and where to look first."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from analysis.adjusted_verdicts import adjust, adjusted_values
from analysis.export import ExportColumn
from analysis.filters import Filters
from analysis.hotspot_evidence import times
from analysis.measures import significant
from analysis.under_reporting import Reporting
from analysis.verdicts import (
    LEVEL_NAMES,
    BookValue,
    Level,
    RankedVerdicts,
    book_values,
    excess_words,
    has_verdicts,
    headline,
    notes,
    opening_level,
    ranked_verdicts,
    told_levels,
    watch_words,
)
from data.portfolio import View
from pages.shared.account import peer_words
from pages.shared.cluster_view import cluster_layers, show_clusters
from pages.shared.context import Context
from pages.shared.funnel_chart import funnel_chart
from pages.shared.hotspot_evidence import (
    choose_place,
    pick_cell,
    pick_place,
    picked_words,
    place_names,
    ranking_epoch,
    show_evidence,
    thefts_of,
    window_provenance,
)
from pages.shared.hotspot_results import ViewKey
from pages.shared.layout import Kpi, downloads, escape, nothing_selected
from pages.shared.maps import Box
from pages.shared.numbers import format_value
from pages.shared.painted import Paint, painted
from pages.shared.palette import palette
from pages.shared.reporting_switch import METHOD, adjusted_columns
from pages.shared.verdict_map import verdict_map
from pages.shared.verdict_words import LOOKS, verdict_colour, verdict_legend, verdict_words

PAGE = "hotspots"
MAP_HEIGHT = 320
MAP_SHARE = 0.345
# A map of this share of the row is narrower than what a view is fitted to.
_WIDER = 0.35
# Degrees around what stands out, so that a person knows where it is.
_AROUND = 4.0
_ALMOST_SURE = 99.9
# Rows of the watch list that need no scrolling.
_FIT_WITHOUT_SCROLLING = 7
#: A shorter window is not stretched to a year.
_YEAR = 12
_METHOD = """
1. **Thefts** (observed): own thefts of at least the threshold, or of unknown value, in the fixed window.
2. **Expected**: exposure × the book's rate by calendar quarter, mode and commodity group, times the share reported
   by now: growth, mix and trend are not taken for place.
3. **Best estimate**: observed / expected, drawn towards 1 the more, the less data a place has (the shrunken ratio:
   posterior mean under a Gamma prior fitted on the book), with its 90% interval. *Own data* is the weight that the
   place itself has in it.
4. **Sure above 1.5**: the posterior probability that the true ratio exceeds 1.5.
5. **Verdict**: *hotspot*: the largest set of which at most 5% are expected to be chance; *watch*: sure at least 50%;
   *ordinary*: the rest with enough data; *not enough data*: own data weigh less than 25%, or fewer than 0.5 thefts
   are expected and nothing stands out.
6. **Excess loss**: expected × (ratio − 1) × the capped mean loss of the place's commodities (their mean declared
   value in a segment without a known loss). The list is ranked by it.
"""


@st.cache_data(max_entries=16, show_spinner=False)
def told_of(key: ViewKey, *, _view: View) -> tuple[Level, ...]:
    """Levels at which the fit says anything to this person, the one to open first; none without verdicts."""
    if not has_verdicts(_view):
        return ()
    levels = told_levels(_view)
    opening = opening_level(_view)
    return tuple(sorted(levels, key=lambda level: level != opening))


@st.cache_data(max_entries=64, show_spinner=False)
def ranked_of(key: ViewKey, *, level: Level, _view: View) -> RankedVerdicts:
    """Places of one level, ranked by expected excess loss."""
    return ranked_verdicts(_view, level=level)


@st.cache_data(max_entries=64, show_spinner=False)
def values_of_book(key: ViewKey, *, level: Level, _view: View, _ranked: RankedVerdicts) -> dict[str, BookValue]:
    """Frequency and loss cost of what the view shows, and the concentration over the ranking."""
    return book_values(_view, ranked=_ranked)


@st.cache_data(max_entries=64, show_spinner=False)
def adjusted_of(key: ViewKey, *, level: Level, reporting: Reporting, _view: View) -> RankedVerdicts:
    """The ranking under an assumption on what is reported."""
    return adjust(ranked_of(key, level=level, _view=_view), view=_view, reporting=reporting)


@st.cache_data(max_entries=64, show_spinner=False)
def adjusted_values_of(
    key: ViewKey,
    *,
    level: Level,
    reporting: Reporting,
    _view: View,
    _ranked: RankedVerdicts,
    _published: RankedVerdicts,
) -> dict[str, BookValue]:
    """Frequency, loss cost and concentration under an assumption on what is reported."""
    published = values_of_book(key, level=level, _view=_view, _ranked=_published)
    return adjusted_values(published, view=_view, ranked=_ranked, reporting=reporting)


@st.cache_data(max_entries=16, show_spinner=False)
def box_of_verdicts(key: ViewKey, *, level: Level, _view: View) -> Box | None:
    """The box of what stands out, else of all: asked without filters, so that none moves the map."""
    ranked = ranked_of(key, level=level, _view=_view)
    parts = [ranked.frame[ranked.frame["verdict"] == verdict] for verdict in ("hotspot", "watch")]
    frame = next((part for part in parts if len(part)), ranked.frame)
    latitudes = pd.concat([frame[name] for name in frame if str(name).endswith("latitude")]).dropna()
    longitudes = pd.concat([frame[name] for name in frame if str(name).endswith("longitude")]).dropna()
    if latitudes.empty:
        return None
    south, north = latitudes.min(), latitudes.max()
    west, east = longitudes.min(), longitudes.max()
    more = max(_WIDER * float(east - west), _AROUND)
    low, high = max(float(south) - _AROUND / 2, -85.0), min(float(north) + _AROUND / 2, 85.0)
    return low, max(float(west) - more, -180.0), high, min(float(east) + more, 180.0)


def levels_of(here: Context) -> tuple[Level, ...]:
    """Levels with verdicts, the one to open first; none where the book has no exposure."""
    return told_of(whole_key(here), _view=here.snapshot.view(here.scope, Filters()))


def whole_key(here: Context) -> ViewKey:
    """What this person sees without any filter."""
    return here.info.id, here.scope, Filters()


def choose_one(here: Context, *, level: Level) -> tuple[str, ...]:
    """Which places of a level are picked? Offered by name in the order of the ranking without filters."""
    if level == "lane":
        return choose_place(here, level=level, names={})
    everything = here.snapshot.view(here.scope, Filters())
    ranked = ranked_of(whole_key(here), level=level, _view=everything)
    return choose_place(here, level=level, names=place_names(ranked.frame))


def show_verdicts(
    here: Context,
    *,
    level: Level,
    picked: tuple[str, ...],
    cards: Callable[[Sequence[Kpi]], None],
    reporting: Reporting | None,
) -> None:
    """Cards, what to do first, map with table, why the picked place has its verdict, funnel and watch list, method."""
    # A lane is picked on this map: its filter does not narrow it. A period never cuts a verdict.
    filters = here.filters.without("period", "lane") if level == "lane" else here.filters.without("period")
    view = here.snapshot.view(here.scope, filters)
    key: ViewKey = (here.info.id, here.scope, filters)
    ranked = shown_ranking(key, level=level, reporting=reporting, view=view)
    values = shown_values(key, ranked=ranked, whole=key, view=view, ranked_view=view)
    # The cards tell of the picked lane, as those of the period beside them do.
    narrow = here.filters.without("period")
    shown = shown_values(
        (here.info.id, here.scope, narrow),
        ranked=ranked,
        whole=key,
        view=here.snapshot.view(here.scope, narrow),
        ranked_view=view,
    )
    cards([replace(book_card(one, level=level), peers=peer_words(here, name) or "") for name, one in shown.items()])
    sentence = headline(ranked, currency=here.currency)
    own = len(thefts_of(key, level=level, _view=view)) if here.scope.insureds is not None else None
    told = " ".join(filter(None, (larger_elsewhere(here, ranked), rests_on(here, ranked, own=own))))
    st.markdown(f"**{escape(sentence)}**  \n:small[:gray[{escape(told)}]]" + picked_words(ranked, picked=picked))
    if ranked.frame.empty:
        nothing_selected(f"{LEVEL_NAMES[level][1]} with exposure")
        return
    left, right = st.columns([MAP_SHARE, 1 - MAP_SHARE], gap="small")
    with right:
        show_ranking(here, ranked, values=values, picked=picked)
    show_evidence(here, ranked, key=key, view=view, picked=picked)
    show_funnel(ranked)
    lit = show_clusters(here) if level == "lane" else ()
    show_method(here, ranked, view=view)
    # Drawn last, into its place above: which cluster it lights up is picked below.
    with left:
        show_map(here, ranked, sentence=sentence, picked=picked, lit=lit)


def shown_ranking(key: ViewKey, *, level: Level, reporting: Reporting | None, view: View) -> RankedVerdicts:
    """The ranking as reported, or under an assumption."""
    if reporting is None:
        return ranked_of(key, level=level, _view=view)
    return adjusted_of(key, level=level, reporting=reporting, _view=view)


def shown_values(
    key: ViewKey, *, ranked: RankedVerdicts, whole: ViewKey, view: View, ranked_view: View
) -> dict[str, BookValue]:
    """The numbers of the fixed window that a view shows, as reported or under the assumption of the ranking.

    Parameters
    ----------
    whole, ranked_view
        Key and view of the ranking, which a picked lane does not narrow.
    """
    if ranked.reporting is None:
        return values_of_book(key, level=ranked.level, _view=view, _ranked=ranked)
    published = ranked_of(whole, level=ranked.level, _view=ranked_view)
    return adjusted_values_of(
        key, level=ranked.level, reporting=ranked.reporting, _view=view, _ranked=ranked, _published=published
    )


def book_card(value: BookValue, *, level: Level) -> Kpi:
    """A number of the fixed window as a card: its interval stands where others have a change."""
    measure = value.measure
    unit: Any = "percent" if measure.unit == "percent" else "rate"
    lines = [measure.definition, f"= {measure.formula}.", f"Interval: {measure.interval}."]
    lines += [f"{caveat[:1].upper()}{caveat[1:]}." for caveat in value.caveats]
    lines += ["The line: by whole calendar quarter of the window."] if value.trend else []
    sure = "90%" if measure.unit == "percent" else "95%"
    said = value.caveats[0] if value.value is None and value.caveats else ""
    if value.interval is not None:
        # Two digits, so that the line fits the card.
        low, high = (format_value(end, unit) if unit == "percent" else significant(end, 2) for end in value.interval)
        said = f"per {value.per}, {sure} {low}–{high}" if value.per else f"{sure} {low}–{high}"
    label = f"{measure.label} {LEVEL_NAMES[level][1]}" if measure.unit == "percent" else measure.label
    if any(caveat.startswith("line haul only") for caveat in value.caveats):
        label = f"Line-haul {label.removeprefix('Theft ')}"
    return Kpi(
        label,
        value.value,
        unit,
        trend=[number for _, number in value.trend],
        step="quarter",
        better=measure.better,
        definition=escape(" ".join(lines)),
        n=value.n if measure.unit != "percent" else None,
        compared=False,
        note=said,
    )


def rests_on(here: Context, ranked: RankedVerdicts, *, own: int | None) -> str:
    """What the verdicts rest on, always in sight.

    Parameters
    ----------
    own
        Thefts of the window that are this person's; None for a person who sees the whole book.
    """
    window = f"Verdicts and rates: {ranked.span.words}, the whole book" if ranked.span else "The whole book"
    words = f"{window}; filters cut what is shown and never change a verdict. Losses in {here.currency}."
    judged = ranked.frame[ranked.frame["basis"] == ""]
    if own is None or judged.empty:
        return words
    one, many = LEVEL_NAMES[ranked.level]
    return (
        f"The thefts of a {one} with a verdict are those of all insureds who share it: "
        f"{int(judged['observed'].sum()):,} on such {many}. Your own, on all {many}: {own:,}. {words}"
    )


def larger_elsewhere(here: Context, ranked: RankedVerdicts) -> str:
    """Where sites or lanes, whichever are not shown, hold a larger excess than the first place of this ranking.

    Said of the book alone, so that no filter pays for a second ranking.
    """
    other: Level = "lane" if ranked.level == "site" else "site"
    if ranked.level == "corridor" or here.filters.chosen or other not in levels_of(here):
        return ""
    everything = here.snapshot.view(here.scope, Filters())
    found = shown_ranking(whole_key(here), level=other, reporting=ranked.reporting, view=everything)
    frames = [one.frame[one.frame["verdict"] == "hotspot"] for one in (ranked, found)]
    here_most, most = (float(frame["excess_loss"].max()) if len(frame) else 0.0 for frame in frames)
    if not most > here_most:
        return ""
    row = frames[1].loc[frames[1]["excess_loss"].idxmax()]
    money = excess_words(most, found.span, currency=here.currency)
    return f"By {other}, {row['label']} stands out more{money}."


def show_map(
    here: Context, ranked: RankedVerdicts, *, sentence: str, picked: tuple[str, ...], lit: Sequence[str]
) -> None:
    """The map, whose colours are shrunken ratios, with the lanes of a cluster lit up; a click picks a place."""
    everything = here.snapshot.view(here.scope, Filters())
    verdict_map(
        ranked.frame,
        box=box_of_verdicts(whole_key(here), level=ranked.level, _view=everything),
        key=f"{PAGE}-verdicts-{here.info.id}-{ranked.level}",
        height=MAP_HEIGHT,
        alt=f"Map of {LEVEL_NAMES[ranked.level][1]} by verdict. {sentence}",
        picked=picked,
        under=cluster_layers(ranked.frame, members=lit, ink=palette()) if lit else (),
        under_note="grey band: the cluster described below" if lit else "",
        on_pick=partial(pick_place, ranked.level, picked),
    )


def show_ranking(
    here: Context, ranked: RankedVerdicts, *, values: dict[str, BookValue], picked: tuple[str, ...]
) -> None:
    """The places ranked by expected excess loss, and their download; a click picks a place."""
    one, many = LEVEL_NAMES[ranked.level]
    key = f"{PAGE}-ranking-{ranked.level}-{ranking_epoch()}"
    table = ranking(ranked)
    adjusted = ranked.reporting is not None
    if table["excess_loss"].isna().all():
        # To a scoped person, what thefts cost the book is not shown: an empty column would only take room.
        table = table.drop(columns="excess_loss")
    st.dataframe(
        styled(table, picked=ranked.frame["place"].isin(list(picked))),
        hide_index=True,
        height=MAP_HEIGHT - 42,
        column_config={
            "rank": st.column_config.NumberColumn("#", width=26),
            "place": st.column_config.TextColumn(one.capitalize(), width=190),
            "verdict": st.column_config.TextColumn("Verdict", width=104),
            "observed": st.column_config.NumberColumn("Thefts", width=52, help="Own thefts of the window."),
            "expected": st.column_config.NumberColumn(
                "Expected",
                format="%.3g",
                width=64,
                help="From what was exposed, at the book's rate"
                + (", and what of it is reported under the deductibles of the place." if adjusted else "."),
            ),
            "ratio": st.column_config.TextColumn(
                "Adjusted" if adjusted else "Best estimate",
                width=96,
                help="How many times the book's rate, allowing for chance: nearer to 1 than thefts / expected where "
                "there is little data. In brackets: 90% sure it lies between.",
            ),
            "probability": st.column_config.NumberColumn(
                "Sure > 1.5",
                format="%.3g%%",
                width=72,
                help="How sure it is that the place has more than 1.5 times the book's rate"
                + (": as published, on reported thefts, as the verdict is." if adjusted else "."),
            ),
            "excess_loss": st.column_config.NumberColumn(
                f"{here.currency} {excess_step(ranked)}",
                format="compact",
                width=70,
                help="Loss above expectation: expected x (best estimate - 1) x mean loss"
                + (" / share reported, adjusted, " if adjusted else ", ")
                + ("by year" if excess_years(ranked) else "in the whole window")
                + ". The list is ranked by it.",
            ),
            "weight": st.column_config.NumberColumn(
                "Own data", format="%.0f%%", width=68, help="How much of the estimate rests on the place itself."
            ),
        },
        on_select=partial(pick_cell, key, ranked.level, picked, tuple(ranked.frame["place"])),
        selection_mode="single-cell",
        placeholder="—",
        key=key,
        alt=f"{many.capitalize()} ranked by expected excess loss",
    )
    if prior := int((ranked.frame["basis"] != "").sum()):
        own = ranked.frame["basis"].max()
        st.caption(f"{LOOKS[''].icon} {prior:,} of {len(ranked.frame):,}: {own}. Thefts and exposure are your own.")
    with st.container(horizontal=True, vertical_alignment="center"):
        downloads(
            f"{one} verdicts",
            {
                many.capitalize(): (
                    ranked.frame,
                    adjusted_columns(verdict_columns(ranked, here.currency), frame=ranked.frame),
                ),
                "Key figures": figures(values),
            },
            key=f"{PAGE}-verdicts-{ranked.level}",
            provenance=window_provenance(here, ranked),
        )


def ranking(ranked: RankedVerdicts) -> pd.DataFrame:
    """What the table shows of the ranked places; probability and weight in percent."""
    frame = ranked.frame
    # A place of two segments, as a site with storage, is named with its segment.
    twice = frame.duplicated("place", keep=False)
    names = frame["label"].where(~twice, frame["label"] + " (" + frame["segment"] + ")")
    return pd.DataFrame(
        {
            "rank": range(1, len(frame) + 1),
            "place": names,
            "verdict": [verdict_words(verdict) for verdict in frame["verdict"]],
            "observed": frame["observed"],
            "expected": frame["expected"],
            "ratio": [
                f"{times(ratio)} ({times(low)}–{times(high)})"
                for ratio, low, high in zip(frame["ratio"], frame["low"], frame["high"], strict=True)
            ],
            # Next to certain is not certain.
            "probability": (100 * frame["probability"]).clip(upper=_ALMOST_SURE).round(1),
            "excess_loss": frame["excess_loss"] / (excess_years(ranked) or 1.0),
            "weight": 100 * frame["weight"],
        }
    )


def excess_years(ranked: RankedVerdicts) -> float | None:
    """By how many years is the window's excess divided? None where it is not known to be full of exposure."""
    span = ranked.span
    return span.months / 12 if span is not None and span.is_whole and span.months >= _YEAR else None


def excess_step(ranked: RankedVerdicts) -> str:
    """How long the excess of the table takes: "/ year", else its months."""
    if excess_years(ranked):
        return "/ year"
    return f"/ {ranked.span.months} m" if ranked.span else ""


def styled(table: pd.DataFrame, *, picked: pd.Series[bool]) -> Any:
    """The table with each verdict in its colour, and the picked rows marked."""
    ink = palette()
    icons = {look.icon: verdict for verdict, look in LOOKS.items()}
    column = table.columns.get_loc("verdict")
    paints: dict[Paint, list[tuple[int, int]]] = {}
    grounds = picked.to_numpy(dtype=bool)
    for row, (words, is_picked) in enumerate(zip(table["verdict"].tolist(), grounds.tolist(), strict=True)):
        text = ("color", verdict_colour(icons[words[0]], ink)), ("font-weight", "600")
        ground = (("background-color", ink.border),) if is_picked else ()
        paints.setdefault((*text, *ground), []).append((row, column))
        if ground:
            others = [(row, place) for place in range(len(table.columns)) if place != column]
            paints.setdefault(ground, []).extend(others)
    return painted(table, paints)


def show_funnel(ranked: RankedVerdicts) -> None:
    """The funnel, the verdicts' legend, and the watch list."""
    ink = palette()
    left, right = st.columns([0.58, 0.42], gap="small")
    with left.container(border=True):
        if ranked.frame["raw_ratio"].notna().any():
            chart = funnel_chart(ranked, colours=ink)
            st.markdown(f"**{escape(chart.title)}**  \n:small[:gray[{escape(chart.note)}]]")
            st.plotly_chart(
                chart.figure,
                theme=None,
                key=f"{PAGE}-funnel-{ranked.level}",
                config={"displayModeBar": False},
                alt=chart.alt,
            )
        counts = {verdict: ranked.count(verdict) for verdict in LOOKS}
        st.html(verdict_legend(counts, ink))
    with right.container(border=True):
        st.markdown(f"**{escape(watch_words(ranked))}**")
        watched = ranked.watched
        if len(watched):
            table = ranking(ranked).loc[watched.index, ["rank", "place", "observed", "expected", "probability"]]
            st.dataframe(
                table,
                hide_index=True,
                column_config={
                    "rank": st.column_config.NumberColumn("#", width=30),
                    "place": st.column_config.TextColumn(LEVEL_NAMES[ranked.level][0].capitalize(), width=186),
                    "observed": st.column_config.NumberColumn("Thefts", width=50),
                    "expected": st.column_config.NumberColumn("Expected", format="%.3g", width=62),
                    "probability": st.column_config.NumberColumn(
                        "Sure > 1.5", format="%.3g%%", width=72, help="How sure it is above 1.5 times the book's rate."
                    ),
                },
                height="auto" if len(table) <= _FIT_WITHOUT_SCROLLING else 300,
                key=f"{PAGE}-watch-{ranked.level}",
                alt="Watch list",
            )
        if hot := ranked.count("hotspot"):
            st.caption(
                f"Of {hot:,} called {'hotspot' if hot == 1 else 'hotspots'}, {ranked.found_by_chance:.2g} "
                f"{'is' if hot == 1 else 'are'} expected to be chance."
            )


def show_method(here: Context, ranked: RankedVerdicts, *, view: View) -> None:
    """How the verdicts are computed, and what they leave out."""
    with st.expander("How it is computed, and what is left out", icon=":material/function:"):
        st.markdown(_METHOD)
        if ranked.reporting is not None:
            st.markdown(METHOD)
        left_out = notes(view, level=ranked.level)
        if left_out:
            st.markdown("\n".join(f"- {escape(text)}." for text in left_out))
        elif here.scope.insureds is not None:
            st.markdown(
                "A verdict of the whole book shows only where at least 5 insureds share a place, none with over half "
                "of its exposure and no two with over 80%. Elsewhere your own count and exposure stand beside the "
                "*class prior*, which is not the place's own verdict."
            )


def figures(values: dict[str, BookValue]) -> tuple[pd.DataFrame, list[ExportColumn]]:
    """The cards of the fixed window as a table."""
    rows = [
        {
            "label": value.measure.label,
            "value": value.value,
            "per": value.per or "share",
            "low": value.interval[0] if value.interval else None,
            "high": value.interval[1] if value.interval else None,
            "n": value.n,
            "caveats": "; ".join(value.caveats),
        }
        for value in values.values()
    ]
    columns = [
        ExportColumn("label", "Measure"),
        ExportColumn("value", "Value", format="number"),
        ExportColumn("per", "Per"),
        ExportColumn("low", "Interval from", format="number", definition="As the Glossary says of the measure."),
        ExportColumn("high", "Interval to", format="number", definition="As the Glossary says of the measure."),
        ExportColumn("n", "n", format="count", definition="Thefts, or places for a share."),
        ExportColumn("caveats", "Caveats"),
    ]
    return pd.DataFrame(rows).astype({"value": float, "low": float, "high": float}), columns


def verdict_columns(ranked: RankedVerdicts, currency: str) -> list[ExportColumn]:
    """The columns of a download of verdicts."""
    one = LEVEL_NAMES[ranked.level][0]
    window = f" in {ranked.span.words}" if ranked.span else ""
    columns = [
        ExportColumn("place", f"{one.capitalize()} id"),
        ExportColumn("label", one.capitalize()),
        ExportColumn("segment", "Segment"),
        ExportColumn("verdict", "Verdict", definition="Of the whole book; no filter changes it."),
        ExportColumn("basis", "Basis", definition="Empty: the book's verdict. Else what is shown in its place."),
        ExportColumn("units", "Exposure", "units of the segment", "number", f"Trips, parcels or site-months{window}."),
        ExportColumn("value_base", "Declared value", currency, "amount"),
        ExportColumn("observed", "Thefts", format="count", definition=f"Counted own thefts{window}."),
        ExportColumn("expected", "Expected thefts", format="number", definition="At the book's class rates."),
        ExportColumn("raw_ratio", "Observed / expected", format="ratio"),
        ExportColumn("ratio", "Shrunken ratio", format="ratio", definition="Posterior mean."),
        ExportColumn("low", "90% from", format="ratio", definition="Of the shrunken ratio."),
        ExportColumn("high", "90% to", format="ratio", definition="Of the shrunken ratio."),
        ExportColumn("probability", "P(ratio > 1.5)", "%", "percent"),
        ExportColumn("weight", "Own-data weight", "%", "percent"),
        ExportColumn("severity", "Severity", currency, "amount", "Capped mean loss of its classes."),
        ExportColumn("excess_thefts", "Excess thefts", format="number", definition="Expected x (ratio - 1)."),
        ExportColumn("excess_loss", "Expected excess loss", currency, "amount", f"Excess thefts x severity{window}."),
        ExportColumn("loss_cost", "Loss cost per 1,000 of value", format="rate"),
    ]
    coordinates = [name for name in ranked.frame if str(name).endswith(("latitude", "longitude"))]
    return columns + [
        ExportColumn(str(name), str(name).replace("_", " ").capitalize(), "degrees", "number") for name in coordinates
    ]
