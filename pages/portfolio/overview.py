"""Overview: what changed, why, and what needs a decision?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pandas as pd
import streamlit as st

from analysis.decisions import LATE_DAYS, MOST_OF_A_KIND, Decision, first_five
from analysis.drivers import Decomposition
from analysis.estimated_measures import EstimatedMeasure
from analysis.export import ExportColumn
from analysis.exposure import premium_rows
from analysis.filters import Filters
from analysis.overview import Headline, change_words, summary_words
from analysis.overview_drivers import DRIVEN, By
from analysis.signals import SIGNAL
from data.portfolio import View
from pages.shared.account import account_header, chosen_account, standings
from pages.shared.context import Context, context, period_words
from pages.shared.decision_links import decision_link
from pages.shared.layout import Rows, downloads, escape, page_header, show_table
from pages.shared.numbers import count_words
from pages.shared.overview_cards import driver_figure, driver_lines, headline_cards, rests_on
from pages.shared.overview_results import decisions_of, drivers_of, headlines_of, quarantined_of
from pages.shared.palette import palette

PAGE = "overview"
QUESTION = "What changed against a year before, why, and what needs a decision this week?"
DRIVER_LABELS = {
    "cost": "Cost of losses",
    "earned_premium": "Earned premium",
    "ultimate_loss_ratio": "Ultimate loss ratio",
    "theft_loss_ratio": "Theft loss ratio",
    "claim_frequency": "Loss frequency",
    "protected_share": "Protected share",
}
UNITS = {"cost": "money", "earned_premium": "money", "claim_frequency": "per 1,000"}
BY_LABELS: dict[By, str] = {"insured": "Insureds", "lane": "Lanes", "carrier": "Carriers"}
WORDS = {"not in the chain": "without exposure", "price": "premium per term"}
#: Links that explain at least this part of what the largest does are named with it.
NEARLY = 0.75
CHART_HEIGHT = 146


def main() -> None:
    """Cards; then what drives a move beside what needs a decision; the state of the data."""
    here = context()
    page_header("Overview", QUESTION)
    account_header(here)
    everything = here.snapshot.view(here.scope, Filters())
    before = year_before(here)
    found = headlines_of(
        (here.info.id, here.scope, here.filters),
        has_before=before is not None,
        _view=here.view,
        _before=before,
        _all=everything,
        _begins=here.choices.covered_from,
    )
    st.markdown(f"**{escape(summary_words(list(found.values())))}**")
    headline_cards(found, currency=here.currency, peers=standings(here))
    left, right = st.columns([0.53, 0.47], gap="small")
    with left.container(border=True, height="stretch", gap="xxsmall"):
        show_drivers(here, found, before=before, everything=everything)
    with right.container(border=True, height="stretch", gap="xxsmall"):
        listed = show_decisions(here)
    show_state(here, everything)
    show_tables(here, found, listed)


def year_before(here: Context) -> View | None:
    """The same months a year before; None where they are not in the data, or overlap with those shown."""
    months, first, begins = here.filters.months, here.filters.first_month, here.choices.first_month
    if months is None or months > 12 or first is None or begins is None:
        return None
    earlier = here.filters.previous("year")
    assert earlier.last_month is not None
    return here.snapshot.view(here.scope, earlier) if earlier.last_month >= begins else None


def show_drivers(here: Context, found: dict[str, Headline], *, before: View | None, everything: View) -> None:
    """What drives a move: from a year before to now, and the groups that explain most."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        measure = st.selectbox(
            "What drives",
            list(DRIVER_LABELS),
            format_func=DRIVER_LABELS.__getitem__,
            key=f"{PAGE}-driver",
            bind="query-params",
            label_visibility="collapsed",
            width=190,
        )
        by: By = "insured"
        # Of one account there is nothing to split by account, unless premium is split, which knows nothing finer.
        alone = chosen_account(here) is not None
        offered = [one for one in DRIVEN[measure] if one != "insured" or not alone] or ["insured"]
        if len(offered) > 1:
            by = st.segmented_control(
                "By",
                offered,
                default=offered[0],
                required=True,
                format_func=BY_LABELS.__getitem__,
                key=f"{PAGE}-by-{len(offered)}",
                bind="query-params",
                label_visibility="collapsed",
            )
    if before is None:
        st.markdown(f"**Nothing to compare with.** {escape(why_not(here))}")
        return
    split = drivers_of(
        (here.info.id, here.scope, here.filters),
        measure=measure,
        by=by,
        _view=here.view,
        _before=before,
        _all=everything,
        _begins=here.choices.covered_from,
    )
    if split is None or split.frame.empty or not (split.before or split.now):
        lack = found[measure].lack if measure in found else found["claim_frequency"].lack
        lack = lack or "Its data do not cover both periods, or most of it has no exposure beside it"
        st.markdown(f"**{DRIVER_LABELS[measure]} cannot be split.** {escape(lack)}.")
        return
    unit = UNITS.get(measure, "points")
    if measure == "claim_frequency":
        split = scaled(split, 1000.0)
    note = driver_note(here, measure, news=found[measure].news if measure in found else "not told")
    st.markdown(f"**{escape(driver_title(measure, split))}**  \n:small[:gray[{escape(note)}]]")
    ink = palette()
    figure = driver_figure(split, words=WORDS, unit=unit, colours=ink, height=CHART_HEIGHT)
    st.plotly_chart(
        figure, theme=None, key=f"{PAGE}-drivers", config={"displayModeBar": False}, alt=driver_title(measure, split)
    )
    names = {str(key): here.name(by, str(key)) for key in split.frame["key"]}
    st.html(driver_lines(split, names=names, unit=unit, words=WORDS, colours=ink))


def scaled(split: Decomposition, factor: float) -> Decomposition:
    """The same split in other units."""
    numbers = [name for name in split.frame.columns if name != "key"]
    return replace(
        split,
        before=split.before * factor,
        now=split.now * factor,
        parts={name: part * factor for name, part in split.parts.items()},
        frame=split.frame.assign(**{name: split.frame[name] * factor for name in numbers}),
    )


def driver_title(measure: str, split: Decomposition) -> str:
    """The finding: which link explains most, and those that explain nearly as much."""
    if not split.move:
        return f"{DRIVER_LABELS[measure]} did not move"
    direction = "rose" if split.move > 0 else "fell"
    along = {name: part * math.copysign(1, split.move) for name, part in split.parts.items()}
    most = max(along.values())
    leading = [name for name in sorted(along, key=along.__getitem__, reverse=True) if along[name] >= NEARLY * most]
    return f"{DRIVER_LABELS[measure]} {direction}, mostly by {' and '.join(WORDS.get(one, one) for one in leading)}"


def driver_note(here: Context, measure: str, *, news: str) -> str:
    """Unit and periods, which months, and whether chance explains the move."""
    unit = {"cost": here.currency, "earned_premium": f"{here.currency} at one rate of exchange"}.get(
        measure, "losses per 1,000 shipments" if measure == "claim_frequency" else "per cent"
    )
    doubt = {"within chance": "within chance", "not told": "not tested against chance"}.get(news, "more than chance")
    months = "months fully reported of " if measure in {"cost", "claim_frequency"} else ""
    return f"{unit}, {months}{here.period} vs {period_words(here.filters.previous('year'))}; {doubt}"


def why_not(here: Context) -> str:
    """Why there is no comparison."""
    if here.filters.months and here.filters.months > 12:
        return "A period of more than 12 months overlaps with the same months a year before: choose at most 12."
    return "The data begin later than a year before this period."


def show_decisions(here: Context) -> tuple[Decision, ...]:
    """The five things to decide, each a link."""
    pages = here.pages
    view = here.without("period")
    key = (here.info.id, here.scope, here.filters.without("period"))
    listed = decisions_of(key, pages=pages, currency=here.currency, _view=view)
    five = first_five(listed)
    more = len(listed) - len(five)
    title = f"{count_words(len(five), 'thing needs', 'things need')} a decision" if five else "Nothing needs a decision"
    rest = f"; {more} more below" if more > 0 else ""
    note = f"By urgency, then money at stake, whatever the period; at most {MOST_OF_A_KIND} of a kind{rest}"
    st.markdown(f"**{title}**  \n:small[:gray[{note}]]")
    lines = []
    for one in five:
        link = decision_link(one, filters=here.filters)
        lines.append(
            f"1. [{escape(one.title)}]({link}) :small[:gray-badge[{one.when}]]  \n:small[{escape(one.reason)}]"
        )
    if lines:
        st.markdown("\n".join(lines))
    return listed


def show_state(here: Context, everything: View) -> None:
    """The state of the data in one line."""
    parts = [f"Data as of {here.info.data_date:%-d %b %Y}" if here.info.data_date else "Data of unknown date"]
    if here.scope.insureds is None and chosen_account(here) is None:
        feeds = everything.rows("select name, as_of from feed order by as_of nulls first, name")
        late = [
            f"{name} ({as_of:%-d %b %Y})"
            for name, as_of in feeds
            if as_of is not None and here.info.data_date and as_of < here.info.data_date - timedelta(days=LATE_DAYS)
        ]
        parts.append(f"late: {', '.join(late[:3])}" if late else f"{count_words(len(feeds), 'feed')}, none late")
        aside = quarantined_of((here.info.id, here.scope), _view=everything)
        parts.append(f"{count_words(aside, 'row')} in quarantine")
    st.markdown(f":small[:material/database: {escape(' · '.join(parts))} · [open Data](/data)]")


def show_tables(here: Context, found: dict[str, Headline], listed: tuple[Decision, ...]) -> None:
    """Every number with what it rests on, all decisions, and how it is computed."""
    numbers = headline_frame(here, found)
    todo = pd.DataFrame(
        [(one.when, one.kind, one.title, one.reason, one.money) for one in listed],
        columns=["when", "kind", "title", "reason", "money"],
    )
    with st.expander("The numbers, and how they are computed", icon=":material/checklist:"):
        show_table(numbers, columns=NUMBERS, key=f"{PAGE}-numbers", alt="The eight numbers")
        tables: dict[str, tuple[Rows, Sequence[ExportColumn]]] = {
            "Numbers": (numbers, NUMBERS),
            "Decisions": (todo, todo_columns(here)),
        }
        if here.view.has("policy"):
            # The rows behind earned premium, asked for when somebody saves them.
            tables["Earned premium"] = (partial(premium_rows, here.view), premium_columns(here))
        downloads("overview", tables, key=f"{PAGE}-save")
        st.markdown(
            "Each number is that of its own page. Compared are the same months a year before, whatever the sidebar"
            " compares with. A move is called better or worse where chance alone would make one as large in under"
            f" {SIGNAL:.0%} of cases, as on every page. Six numbers are so tested: where none of them moved, one is"
            f" called news in about 1 of {round(1 / (1 - (1 - SIGNAL) ** 6))} looks, so each says how unlikely it is."
            " Losses per shipment are tested by the exact test of two"
            " Poisson counts, loss ratios, protected share and time to contain by their standard errors. Drivers"
            " are Shapley values of volume, mix and the links of the"
            " chain (Shorrocks 2013): they add up to the move over links and over groups. A group that grows adds to a"
            " ratio only where it stands above the whole."
        )
    with st.expander(f"{all_words(len(listed))} found", icon=":material/list:"):
        st.markdown(
            "First what is to be done now (an incident that runs, a legal deadline), then this week (a limit exceeded,"
            " a hotspot, devices dark or silent, cover that ends), then soon (overdue recommendations, late data)."
            " Within each the most money at stake comes first: what was stolen, claimed, uninsured, lost a year above"
            " what the traffic explains, or the premium. Where no money is known, a thing comes last of its kind of"
            " urgency. All of it stands as on the data's date, whatever the period."
        )
        show_table(todo, columns=todo_columns(here), key=f"{PAGE}-todo", alt="All things to decide", height=400)


def all_words(number: int) -> str:
    """How many things, in words: "The 1 thing", "All 12 things"."""
    return {0: "No thing", 1: "The 1 thing"}.get(number, f"All {number:,} things")


NUMBERS = (
    ExportColumn("label", "Number", format="text"),
    ExportColumn("value", "Value", format="text"),
    ExportColumn("rests", "Interval and n", format="text"),
    ExportColumn("target", "Target", format="text"),
    ExportColumn("change", "Change", format="text"),
    ExportColumn("chance", "Chance alone", format="percent", definition="How often chance alone moves it as far"),
    ExportColumn("news", "Verdict", format="text"),
    ExportColumn("definition", "Definition", format="text"),
)


def todo_columns(here: Context) -> tuple[ExportColumn, ...]:
    """Columns of the table of decisions."""
    return (
        ExportColumn("when", "When", format="text"),
        ExportColumn("kind", "Kind", format="text"),
        ExportColumn("title", "Decide", format="text"),
        ExportColumn("reason", "Why", format="text"),
        ExportColumn("money", "At stake", format="amount", unit=here.currency),
    )


def premium_columns(here: Context) -> tuple[ExportColumn, ...]:
    """Columns of the policies behind earned premium."""
    return (
        ExportColumn("policy_id", "Policy", format="text"),
        ExportColumn("insured_id", "Insured", format="text"),
        ExportColumn("product", "Product", format="text"),
        ExportColumn("jurisdiction", "Jurisdiction", format="text"),
        ExportColumn("currency", "Currency", format="text"),
        ExportColumn("earned_premium", "Earned, own currency", format="amount"),
        ExportColumn("earned_base", "Earned, at the rates of its days", format="amount", unit=here.currency),
        ExportColumn("earned_plan", "Earned, at the plan rate", format="amount", unit=here.currency),
        ExportColumn("first_month", "From", format="date"),
        ExportColumn("last_month", "To month", format="date"),
    )


def headline_frame(here: Context, found: dict[str, Headline]) -> pd.DataFrame:
    """The numbers as a table."""
    return pd.DataFrame(
        [
            (
                one.measure.label,
                one.words(currency=here.currency) if one.value is not None else f"not known: {one.lack}",
                rests_on(one, here.currency) if one.value is not None else "",
                "" if one.measure.target is None else goal_words(one, here.currency),
                change_words(one),
                one.chance,
                one.news,
                f"{one.measure.definition} = {one.measure.formula}.",
            )
            for one in found.values()
        ],
        columns=[column.name for column in NUMBERS],
    ).astype({"chance": "float64"})


def goal_words(one: Headline, currency: str) -> str:
    """The target in words."""
    if isinstance(one.measure, EstimatedMeasure):
        return one.measure.words(one.measure.target, currency=currency)
    return one.measure.words(one.measure.target)


main()
