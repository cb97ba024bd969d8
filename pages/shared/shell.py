"""The frame around every page: who is looking, at which portfolio, what is selected, and where to go."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.choices import Choices, count_events, count_undated, count_unreached, find_choices
from analysis.filters import Filters
from analysis.values import unconverted_amounts
from data.portfolio import Portfolio, View, default_path
from pages.shared.context import Context, set_context
from pages.shared.failures import show_failure
from pages.shared.filter_bar import comparable, filter_bar, link_notes
from pages.shared.layout import escape
from pages.shared.palette import palette
from pages.shared.viewer import LONGEST_NAME, NAME_KEY, Viewer, viewer
from pages.shared.welcome import welcome

HERE = Path(__file__).parent
NEWEST = "newest"
SNAPSHOT_KEY = "snapshot"
_BEGUN_KEY = "snapshot-begun"

SECTIONS = {
    "Portfolio": [
        st.Page(
            "../portfolio/overview.py",
            title="Overview",
            icon=":material/monitoring:",
            default=True,
            # The default page stands at the root; its own name is kept free for the page below.
            url_path="start",
            help="What changed against a year before, why, and what needs a decision.",
        ),
        st.Page(
            "../portfolio/hotspots.py",
            title="Hotspots",
            icon=":material/location_on:",
            url_path="hotspots",
            help="Where theft and loss happen: map, lanes, sites, times and what drives them.",
        ),
    ],
    "Loss control": [
        st.Page(
            "../loss_control/telemetry.py",
            title="Telemetry",
            icon=":material/sensors:",
            url_path="telemetry",
            help="Whether devices report as they should, where signals die, and which trips were protected.",
        ),
        st.Page(
            "../loss_control/containment.py",
            title="Containment",
            icon=":material/timer:",
            url_path="containment",
            help="How fast theft is contained, where the time goes, and what is still open.",
        ),
    ],
    "Claims": [
        st.Page(
            "../claims/performance.py",
            title="Claims performance",
            icon=":material/gavel:",
            url_path="claims",
            help="How fast and fairly claims are settled, what they cost, and what they will cost in the end.",
        ),
    ],
    "Admin": [
        st.Page(
            "../admin/data.py",
            title="Data",
            icon=":material/database:",
            url_path="data",
            help="What was loaded, from which file, what was left out and why.",
        ),
        st.Page(
            "../admin/glossary.py",
            title="Glossary",
            icon=":material/menu_book:",
            url_path="glossary",
            help="Every measure: definition, formula, unit and direction of good.",
        ),
    ],
}


def _open_root() -> None:
    """Go to the default page with all that the address asks for."""
    asked = {key: st.query_params.get_all(key) for key in st.query_params}
    st.switch_page(SECTIONS["Portfolio"][0], query_params=asked)


#: The default page by its own name, as a person types it: Streamlit serves that page at the root only.
TYPED = st.Page(_open_root, title="Overview", url_path="overview", visibility="hidden")
WITHOUT_DATA = {"Glossary"}


@st.cache_resource(max_entries=4)
def open_portfolio(path: str) -> Portfolio:
    """The portfolio in this folder; it keeps one read-only instance of each snapshot that is open."""
    return Portfolio(Path(path))


@st.cache_data(max_entries=64, show_spinner=False)
def choices_of(snapshot_id: str, insureds: tuple[str, ...] | None, _view: View) -> Choices:  # noqa: ARG001
    """What this scope may choose from in this snapshot."""
    return find_choices(_view)


@st.cache_data(max_entries=256, show_spinner=False)
def events_of(snapshot_id: str, insureds: tuple[str, ...] | None, filters: Filters, _view: View) -> dict[str, int]:  # noqa: ARG001
    """How many events of each kind are selected."""
    return count_events(_view)


@st.cache_data(max_entries=256, show_spinner=False)
def unreached_of(
    snapshot_id: str,  # noqa: ARG001
    insureds: tuple[str, ...] | None,  # noqa: ARG001
    filters: Filters,  # noqa: ARG001
    _view: View,
) -> dict[str, int]:
    """How many events of each kind the filters cannot reach."""
    return count_unreached(_view)


@st.cache_data(max_entries=256, show_spinner=False)
def undated_of(snapshot_id: str, insureds: tuple[str, ...] | None, filters: Filters, _view: View) -> dict[str, int]:  # noqa: ARG001
    """How many events of each kind have no date and so are in no period."""
    return count_undated(_view)


@st.cache_data(max_entries=256, show_spinner=False)
def unconverted_of(
    snapshot_id: str,  # noqa: ARG001
    insureds: tuple[str, ...] | None,  # noqa: ARG001
    filters: Filters,  # noqa: ARG001
    _view: View,
) -> dict[str, tuple[tuple[str, float], ...]]:
    """Which amounts are in no sum, as there is no rate of exchange for them."""
    return unconverted_amounts(_view)


def main() -> None:
    """Draw the frame, then run the page inside it."""
    st.set_page_config(page_title="Lanewise", page_icon=str(HERE / "icon.png"), layout="wide")
    st.logo(str(HERE / ("logo-dark.svg" if palette().dark else "logo-light.svg")), size="large")
    page = st.navigation({**SECTIONS, "": [TYPED]}, position="top")
    if page == TYPED:
        page.run()
    try:
        person = viewer()
        portfolio = open_portfolio(str(default_path().absolute()))
        if portfolio.current() is None:
            if page.title in WITHOUT_DATA:
                page.run()
            else:
                welcome()
            return
        prepare(person, portfolio=portfolio)
        page.run()
    except Exception as error:  # noqa: BLE001 - the last place before a person would see a traceback
        show_failure(error)


def prepare(person: Viewer, *, portfolio: Portfolio) -> None:
    """Settle snapshot, scope and filters, and hand them to the page."""
    filters_here = st.sidebar.container()
    with st.sidebar.expander("This session", icon=":material/tune:"):
        shown, notice = choose_snapshot(portfolio)
        st.text_input(
            "Your name",
            key=NAME_KEY,
            max_chars=LONGEST_NAME,
            persist_state="session",
            help="Written beside what you decide and what is logged. Nothing needs it yet.",
        )
    snapshot = portfolio.open(shown)
    insureds = None if person.scope.insureds is None else tuple(sorted(person.scope.insureds))
    choices = choices_of(snapshot.info.id, insureds, snapshot.view(person.scope, Filters()))
    with filters_here:
        filters, comparison = filter_bar(choices)
    announce(notice, newest=portfolio.current())
    link_notes()
    view = snapshot.view(person.scope, filters)
    compared = comparable(filters, comparison, choices=choices)
    set_context(
        Context(
            snapshot=snapshot,
            view=view,
            comparison_view=snapshot.view(person.scope, filters.previous(comparison)) if compared else None,
            filters=filters,
            comparison=comparison,
            scope=person.scope,
            who=person.who,
            choices=choices,
            events=events_of(snapshot.info.id, insureds, filters, view),
            unreached=unreached_of(snapshot.info.id, insureds, filters, view) if filters.chosen else {},
            # Asked anew only where the portfolio has such rows at all: most have none, and a query costs a page time.
            undated=undated_of(snapshot.info.id, insureds, filters.without("period"), view)
            if choices.undated and filters.months
            else {},
            unconverted=unconverted_of(snapshot.info.id, insureds, filters, view) if choices.unconverted else {},
            snapshots=portfolio.snapshots(),
            pages=(TYPED.url_path, *(page.url_path for pages in SECTIONS.values() for page in pages if page.url_path)),
        )
    )


def choose_snapshot(portfolio: Portfolio) -> tuple[str | None, str]:
    """Which snapshot does this session show, and what is to be said about it?

    The one that it began with, or an older one that the link or the person names. A newer one never changes figures
    under a person's eyes: it is announced, and shown when they ask for it.
    """
    current = portfolio.current()
    kept = [info.id for info in portfolio.snapshots()]
    begun = st.session_state.setdefault(_BEGUN_KEY, current)
    if begun not in kept:
        begun = st.session_state[_BEGUN_KEY] = current
    asked = st.query_params.get(SNAPSHOT_KEY, NEWEST)
    picked = st.selectbox(
        "Snapshot",
        [NEWEST, *kept],
        key=SNAPSHOT_KEY,
        bind="query-params",
        help="Each load publishes one. An older one shows the portfolio as it was.",
    )
    if picked != NEWEST:
        return picked, "" if picked == current else f"This is an older snapshot, {picked}."
    if asked not in {NEWEST, *kept}:
        return begun, f"The snapshot {asked[:60]!r} that this link names is not kept: the newest is shown."
    return begun, "" if begun == current else "A newer snapshot has been published since you opened this one."


def announce(notice: str, *, newest: str | None) -> None:
    """Say what is to be said about the snapshot, and offer the newest."""
    if not notice:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(escape(notice), icon=":material/history:")
        st.button("Show the newest", on_click=_show_newest, args=(newest,), key="show-newest")


def _show_newest(newest: str | None) -> None:
    st.session_state[_BEGUN_KEY] = newest
    st.session_state[SNAPSHOT_KEY] = NEWEST


main()
