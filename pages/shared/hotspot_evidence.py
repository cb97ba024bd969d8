"""Why a place has its verdict: which one is picked, its reason in words, its charts, and the thefts behind it."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from analysis.drill import ROWS_SAVED, ROWS_SHOWN, RowsBehind, incidents_behind
from analysis.export import Provenance
from analysis.hotspot_evidence import (
    MIXES,
    MonthsAgainstExpected,
    counted_thefts,
    evidence_places,
    kind_mix,
    months_against_expected,
    reason,
    under_assumption,
    week_of_thefts,
)
from analysis.verdicts import LEVEL_NAMES, Level, RankedVerdicts
from data.portfolio import View
from pages.shared.charts import Chart
from pages.shared.context import LABELS, Context, select
from pages.shared.evidence_charts import against_expected_chart, hours_chart, mix_chart
from pages.shared.hotspot_results import ViewKey
from pages.shared.layout import downloads, escape, show_table
from pages.shared.palette import palette
from pages.shared.reporting_switch import provenance_lines
from pages.shared.verdict_words import verdict_words

PAGE = "hotspots"
#: Places offered by name, those with most excess first; any other is picked in the table or on the map.
MOST_OFFERED = 500


@st.cache_data(max_entries=32, show_spinner=False)
def thefts_of(key: ViewKey, *, level: Level, _view: View) -> pd.DataFrame:
    """The thefts that the verdicts of a level count."""
    return counted_thefts(_view, level=level)


@st.cache_data(max_entries=128, show_spinner=False)
def months_of(
    key: ViewKey, *, level: Level, places: tuple[str, ...], _view: View, _thefts: pd.DataFrame
) -> MonthsAgainstExpected | None:
    """Thefts of these places by month, beside those expected."""
    return months_against_expected(_view, level=level, places=places, thefts=_thefts)


@st.cache_data(max_entries=16, show_spinner="Reading the rows")
def behind_of(key: ViewKey, *, level: Level, places: tuple[str, ...], _view: View, _thefts: pd.DataFrame) -> RowsBehind:
    """The thefts of these places as rows."""
    return incidents_behind(_view, incidents=_thefts["incident_id"].tolist(), limit=ROWS_SAVED)


def place_names(frame: pd.DataFrame) -> dict[str, str]:
    """Id to name of the places of a ranking, the first of them; names that several share carry their id."""
    places = frame.drop_duplicates("place").head(MOST_OFFERED)
    shared = Counter(places["label"])
    pairs = zip(places["place"], places["label"], strict=True)
    return {place: label if shared[label] == 1 else f"{label} ({place})" for place, label in pairs}


def choose_place(here: Context, *, level: Level, names: Mapping[str, str]) -> tuple[str, ...]:
    """Which places are picked? Lanes by the filter of every page; a corridor or a site by a list of this page's own."""
    if level == "lane":
        return here.filters.lane
    one, many = LEVEL_NAMES[level]
    key = _key(level)
    offered = dict(names)
    asked = st.query_params.get(key)
    if asked in offered and key not in st.session_state:
        # A link from another page names the place by its id: Streamlit restores by the name on screen alone.
        st.session_state[key] = asked
    kept = st.session_state.get(key)
    if isinstance(kept, str) and kept not in offered:
        offered[kept] = kept
    found = st.selectbox(
        one.capitalize(),
        list(offered),
        index=None,
        format_func=offered.__getitem__,
        placeholder=f"All {many}: pick one to see why",
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        width=330,
    )
    return (found,) if found else ()


def pick_place(level: Level, picked: tuple[str, ...], place: str) -> None:
    """Pick a place on map or table; a second time lets it go. For callbacks only."""
    chosen = [] if picked == (place,) else [place]
    if level == "lane":
        select("lane", chosen)
    else:
        st.session_state[_key(level)] = chosen[0] if chosen else None


def pick_cell(key: str, level: Level, picked: tuple[str, ...], order: Sequence[str]) -> None:
    """A cell of the ranking was clicked: its row is picked. For callbacks only."""
    cells = st.session_state[key].selection.cells
    if cells and (place := order[int(cells[0][0])]) not in picked:
        pick_place(level, picked, place)


def release(level: Level) -> None:
    """Let go of what is picked, the ranking's marked cell included: for callbacks only."""
    if level == "lane":
        select("lane", [])
    else:
        st.session_state[_key(level)] = None
    st.session_state[_EPOCH] = ranking_epoch() + 1


def ranking_epoch() -> int:
    """How often a pick was let go: a ranking drawn under another number has no marked cell."""
    return int(st.session_state.get(_EPOCH, 0))


def picked_words(ranked: RankedVerdicts, *, picked: tuple[str, ...]) -> str:
    """A further line above the map: what is picked, as its evidence is further down; empty where nothing is."""
    places, name = evidence_places(ranked, picked=picked)
    if not set(picked) & set(places):
        return ""
    row = ranked.frame[ranked.frame["place"] == places[0]].iloc[0]
    verdict = f", {verdict_words(str(row['verdict']), str(row['basis']))}" if len(places) == 1 else ""
    return (
        f"  \n:small[:material/south: Picked: **{escape(name)}**{escape(verdict)}. Why, when and what: below the map.]"
    )


def show_evidence(here: Context, ranked: RankedVerdicts, *, key: ViewKey, view: View, picked: tuple[str, ...]) -> None:
    """The reason of the picked place, or of the hotspots together, its charts, and the rows behind them."""
    places, name = evidence_places(ranked, picked=picked)
    everywhere = thefts_of(key, level=ranked.level, _view=view)
    thefts = everywhere[everywhere["place"].isin(list(places))]
    is_picked = bool(set(picked) & set(places))
    with st.container(border=True):
        show_reason(here, ranked, places=places, name=name, shown=len(thefts), is_picked=is_picked)
        period = ranked.span.words if ranked.span else "the fixed window"
        months = months_of(key, level=ranked.level, places=places, _view=view, _thefts=thefts)
        charts = evidence_charts(
            ranked,
            months=under_assumption(months, ranked=ranked, places=places) if months is not None else None,
            thefts=thefts,
            everywhere=everywhere,
            everything=everything_words(here, level=ranked.level),
            period=period,
        )
        columns = st.columns(2, gap="medium")
        for position, chart in enumerate(charts):
            with columns[position % 2]:
                st.markdown(f"**{escape(chart.title)}**  \n:small[:gray[{escape(chart.note)}]]")
                st.plotly_chart(
                    chart.figure,
                    theme=None,
                    key=f"{PAGE}-evidence-{ranked.level}-{position}",
                    config={"displayModeBar": False},
                    alt=chart.alt,
                )
        if len(thefts):
            show_thefts(here, ranked, key=key, view=view, places=places, name=name, thefts=thefts)


def show_reason(
    here: Context, ranked: RankedVerdicts, *, places: tuple[str, ...], name: str, shown: int, is_picked: bool
) -> None:
    """Name, verdict, reason, and what the charts below hold."""
    rows = ranked.frame[ranked.frame["place"].isin(list(places))]
    one = LEVEL_NAMES[ranked.level][0]
    title = escape(name)
    if len(places) == 1:
        title = f"{title}: {escape(verdict_words(str(rows['verdict'].iloc[0]), str(rows['basis'].iloc[0])))}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"##### {title}", width="stretch")
        if is_picked:
            st.button(
                "Let go",
                key=f"{PAGE}-evidence-release-{ranked.level}",
                icon=":material/close:",
                on_click=release,
                args=(ranked.level,),
                type="tertiary",
            )
    window = f"Thefts of {ranked.span.words}" if ranked.span else "Thefts of the fixed window"
    notes = [f"{window}, whatever the period chosen"]
    counted = int(rows["observed"].sum())
    if shown < counted:
        cut = left_out_by(here, level=ranked.level)
        notes.append(f"the charts hold {shown:,} of the {counted:,} thefts, as {cut} the others out")
    if not is_picked:
        notes.append(f"click a {one} in the table or on the map to see why it has its verdict")
    st.markdown(
        f"{escape(reason(ranked, places=places, currency=here.currency))}.  \n"
        f":small[:gray[{escape('; '.join(notes))}.]]"
    )


def left_out_by(here: Context, *, level: Level) -> str:
    """By what are thefts of a place left out: by filters, by scope, or by both? A lane picked on its map cuts none."""
    filtered = any(name != level for name, _ in here.filters.chosen)
    scoped = here.scope.insureds is not None
    if filtered and scoped:
        return "the filters and what you may see leave"
    return "what you may see leaves" if scoped else "the filters leave"


def everything_words(here: Context, *, level: Level) -> str:
    """With what are the kinds of a place compared: "all lanes", or those that filters and scope leave."""
    narrowed = any(name != level for name, _ in here.filters.chosen)
    whose = "your " if here.scope.insureds is not None else ""
    return f"all {whose}{LEVEL_NAMES[level][1]}{' shown' if narrowed else ''}"


def evidence_charts(
    ranked: RankedVerdicts,
    *,
    months: MonthsAgainstExpected | None,
    thefts: pd.DataFrame,
    everywhere: pd.DataFrame,
    everything: str,
    period: str,
) -> list[Chart]:
    """The charts that there is anything to draw in."""
    ink = palette()
    charts = []
    if months is not None:
        charts.append(against_expected_chart(months, period=period, colours=ink))
    if thefts.empty:
        return charts
    charts.append(hours_chart(week_of_thefts(thefts), period=period, colours=ink))
    for by in MIXES:
        mix = kind_mix(thefts, everywhere=everywhere, by=by)
        if mix.n:
            charts.append(mix_chart(mix, everything=everything, period=period, colours=ink))
    return charts


def show_thefts(
    here: Context,
    ranked: RankedVerdicts,
    *,
    key: ViewKey,
    view: View,
    places: tuple[str, ...],
    name: str,
    thefts: pd.DataFrame,
) -> None:
    """The thefts behind the charts, as rows."""
    drill = st.expander(
        f"The {len(thefts):,} thefts behind it" if len(thefts) > 1 else "The theft behind it",
        icon=":material/table_rows:",
        key=f"{PAGE}-evidence-rows",
        bind="query-params",
    )
    if not drill.open:
        return
    with drill:
        found = behind_of(key, level=ranked.level, places=places, _view=view, _thefts=thefts)
        show_table(
            found.frame.head(ROWS_SHOWN),
            columns=found.columns,
            key=f"{PAGE}-evidence-table-{ranked.level}",
            alt=f"Thefts of {name}",
            height=320,
        )
        cut = (("Rows", f"the latest {len(found.frame):,} of {found.of:,}"),) if len(found.frame) < found.of else ()
        place = ((LEVEL_NAMES[ranked.level][0].capitalize(), name),)
        downloads(
            "thefts behind verdict",
            {"Thefts": (found.frame, found.columns)},
            key=f"{PAGE}-evidence-save-{ranked.level}",
            provenance=window_provenance(here, ranked, *place, *cut),
        )


def window_provenance(here: Context, ranked: RankedVerdicts, *more: tuple[str, str]) -> Provenance:
    """Where an export of verdicts comes from: their fixed window, and the filters that do narrow it."""
    provenance = here.provenance()
    # Lanes are picked in their ranking, not cut from it.
    filters = tuple(pair for pair in provenance.filters if ranked.level != "lane" or pair[0] != LABELS["lane"][0])
    period = ranked.span.words if ranked.span else provenance.period
    return replace(provenance, period=period, filters=(*filters, *more, *provenance_lines(ranked.reporting)))


_EPOCH = f"{PAGE}-ranking-epoch"


def _key(level: Level) -> str:
    return f"{PAGE}-verdict-{level}"
