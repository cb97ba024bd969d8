"""The account view: where one insured is chosen, every page shows that account against its peers, who stay unnamed."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from analysis.export import ExportColumn, Provenance
from analysis.filters import Filters, Scope
from analysis.peers import CLEAR, VERDICT_WORDS, AccountPeers, Standing, Verdict, account_peers, finding_words
from analysis.service_measures import SERVICE_MEASURES, Definition
from data.portfolio import View
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.context import Context
from pages.shared.drawing import Drawing
from pages.shared.hotspot_results import HASHES
from pages.shared.layout import downloads, escape, show_table
from pages.shared.palette import Palette, palette

#: Icon of each verdict: told apart without colour.
ICONS: Mapping[Verdict, str] = {
    "better": "▲",
    "worse": "▼",
    "higher": "△",
    "lower": "▽",
    "chance": "≈",
    "not known": "○",
}
TABLE = [
    ExportColumn("label", "Measure"),
    ExportColumn("account", "Account", definition="The account's own figure over the window."),
    ExportColumn("interval", "95% interval", definition="Of the account's own figure."),
    ExportColumn("median", "Peers' median", definition="Of the figures of the accounts of the group, itself included."),
    ExportColumn("half", "Middle half", definition="Between the quartiles of those figures; of 8 accounts or more."),
    ExportColumn("level", "All together", definition="The level of the whole group, each account with its exposure."),
    ExportColumn("verdict", "Difference", definition="Beyond chance where the whole interval lies beyond both."),
    ExportColumn("accounts", "Accounts", format="count", definition="In the group, with this measure."),
    ExportColumn("group", "Group", definition="The segment or role, or the whole book where that may not be shown."),
    ExportColumn("n", "n", format="count", definition="Events, trips, shipments or weighings of the account."),
    ExportColumn("before", "Year before", definition="The account's figure over the 12 months before."),
    ExportColumn("median_before", "Median then", definition="Its peers' median over the 12 months before."),
    ExportColumn("window", "Window", definition="The latest 12 complete months that end 60 days before the data."),
    ExportColumn("definition", "Definition", definition="What it is."),
    ExportColumn("formula", "Formula", definition="What is divided by what."),
]
NUMBERS = [
    ExportColumn("value", "Account, number", format="number", definition="A share as a number from 0 to 1."),
    ExportColumn("low", "From, number", format="number", definition="Low end of the 95% interval."),
    ExportColumn("high", "To, number", format="number", definition="High end of the 95% interval."),
    ExportColumn("median_number", "Peers' median, number", format="number", definition="A share from 0 to 1."),
]
SHOWN = [column for column in TABLE if column.name not in {"definition", "formula"}]
_ROW_HEIGHT = 24


# Frozen, and asked for by every card of a page: shared, not copied at each look.
@st.cache_resource(max_entries=128, show_spinner=False, hash_funcs=HASHES)
def peers_of(key: tuple[str, Scope], *, insured: str, _view: View) -> AccountPeers:
    """One account against its peers."""
    return account_peers(_view, insured=insured)


def chosen_account(here: Context) -> str | None:
    """Id of the one insured that the filter or the scope leaves; None where there are more."""
    if len(here.filters.insured) == 1:
        return here.filters.insured[0]
    alone = not here.filters.insured and here.scope.insureds is not None and len(here.scope.insureds) == 1
    return next(iter(here.scope.insureds or ())) if alone else None


def account_of(here: Context) -> AccountPeers | None:
    """The account that is chosen, beside its peers; None where none or several are, or this person may not see it."""
    insured = chosen_account(here)
    if insured is None or (here.scope.insureds is not None and insured not in here.scope.insureds):
        return None
    view = here.snapshot.view(here.scope, Filters(insured=(insured,)))
    return peers_of((here.info.id, here.scope), insured=insured, _view=view)


def account_header(here: Context) -> None:
    """Whose page this is, whom the account is compared with, and in what it differs; nothing without an account."""
    account = account_of(here)
    if account is None:
        return
    words = f":material/badge: {header_words(account)}  \n{escape(finding_words(account))}"
    if not account.standings:
        st.markdown(words)
        return
    left, right = st.columns([0.86, 0.14], vertical_alignment="center", gap="small")
    left.markdown(words, help=escape(note_words(account)))
    whole = right.toggle("All measures", key="account-peers", bind="query-params")
    if whole:
        with st.container(border=True):
            show_standings(here, account)


def header_words(account: AccountPeers) -> str:
    """Who the account is and with how many it is compared, as Markdown."""
    parts = [f"**Account view: {escape(account.name)}**"]
    told = (("segment", account.segment), ("role", account.role), ("broker", account.broker))
    parts += [f"{label} {escape(word)}" for label, word in told if word]
    if account.in_force is not None and account.on is not None:
        many = "policy" if account.in_force == 1 else "policies"
        parts.append(f"{account.in_force or 'no'} {many} in force")
    group = account.group
    if group is None:
        parts.append("no peers to compare with")
    else:
        where = "its segment" if group.kind == "segment" else "its role" if group.kind == "role" else group.words()
        parts.append(f"against **{group.insureds - 1} peers** of {where}")
    return " · ".join(parts)


def note_words(account: AccountPeers) -> str:
    """Over which window and on what terms the comparison is made, in sentences."""
    group = account.group
    wider = group is not None and any(
        one.peers is not None and one.peers.kind != group.kind for one in account.standings.values()
    )
    parts = [
        f"Whole accounts over a fixed window, {account.window}; period and other filters do not change the comparison",
        "The account is one of those that a median is of; none is named",
        "No figure is shown that fewer than 5 insureds stand behind, or most of which one or two of them have",
        *(["Where that hides its own kind, the whole book stands for it"] if wider else []),
        *([f"Policies in force on {account.on:%-d %b %Y}"] if account.on is not None and account.in_force else []),
        "Beyond chance: its 95% interval lies beyond both the peers' median and the level of all of them together",
    ]
    return ". ".join(parts) + "."


def standings(here: Context, *, definition: Definition = "schedule") -> Mapping[str, Standing]:
    """By measure, where the account stands among peers that may be shown; none outside the account view.

    Peers are told by the schedule: under another definition of a blackout its measures have none.
    """
    account = account_of(here)
    if account is None:
        return {}
    return {
        key: one
        for key, one in account.standings.items()
        if one.peers is not None
        and (definition == "schedule" or key not in SERVICE_MEASURES or "{dark}" not in SERVICE_MEASURES[key].value)
    }


def peer_words(here: Context, measure_key: str) -> str | None:
    """What the peers have and whether the difference is more than chance, in two lines; None without such peers."""
    standing = standings(here).get(measure_key)
    return "\n".join(peer_lines(standing)) if standing is not None else None


def peer_lines(standing: Standing) -> tuple[str, str]:
    """The peers' median and middle half; the account's figure in the same months, and what chance says of it.

    Examples
    --------
    >>> from datetime import date
    >>> from analysis.peers import Peers
    >>> from analysis.service_measures import SERVICE_MEASURES
    >>> peers = Peers("segment", "shipper", 9, 0.961, 0.951, 0.97, 0.96)
    >>> year = date(2025, 1, 1), date(2026, 1, 1)
    >>> peer_lines(Standing(SERVICE_MEASURES["uptime"], "", *year, 0.94, 0.93, 0.95, 80, peers))
    ('peers 96.1% (median of 9, half 95.1% – 97.0%)', '▼ account 94.0%: worse, beyond chance')
    """
    peers = standing.peers
    assert peers is not None
    who = "whole book" if peers.kind == "book" else "peers"
    per = f" per {standing.per}" if standing.per else ""
    half = ""
    if peers.low_quartile is not None:
        half = f", half {standing.words(peers.low_quartile)} – {standing.words(peers.high_quartile)}"
    verdict = standing.verdict
    return (
        f"{who} {standing.words(peers.median)}{per} (median of {peers.insureds}{half})",
        f"{ICONS[verdict]} account {standing.words(standing.value)}: {VERDICT_WORDS[verdict]}",
    )


def peer_html(standing: Standing, *, colours: Palette) -> str:
    """The two lines under a card, as HTML."""
    peers, account = peer_lines(standing)
    ink = verdict_colour(standing.verdict, colours)
    return (
        f'<div style="border-top:1px solid {colours.border};margin-top:.2rem;padding-top:.2rem">{html.escape(peers)}'
        f'<br><span style="color:{ink}">{html.escape(account)}</span></div>'
    )


def peer_line_html(standing: Standing, *, colours: Palette) -> str:
    """The same in one line, for small cards; whole on hover. Whatever is there is of the fixed window."""
    peers, account = peer_lines(standing)
    assert standing.peers is not None
    verdict = standing.verdict
    who = "book's" if standing.peers.kind == "book" else "peers'"
    said = f"{ICONS[verdict]} {who} median {standing.words(standing.peers.median)}: {VERDICT_WORDS[verdict]}"
    whole = html.escape(f"{peers}; {account}; whole account, {standing.window}", quote=True)
    ink = verdict_colour(verdict, colours)
    return f'<div title="{whole}" style="font-size:.78rem;line-height:1.25;color:{ink}">{html.escape(said)}</div>'


def verdict_colour(verdict: Verdict, colours: Palette) -> str:
    """What is worse stands out; what chance explains steps back."""
    if verdict == "worse":
        return colours.categories[1]
    return colours.categories[0] if verdict in CLEAR else colours.muted


def with_peer_line(chart: Chart, standing: Standing | None, *, colours: Palette) -> Chart:
    """The chart of a level with the peers' median across it, and the words for it; as it was without peers."""
    if standing is None or standing.peers is None:
        return chart
    words = f"peers' median {standing.words(standing.peers.median)}"
    plain = chart.figure.to_dict()
    told = plain["layout"]
    ends = told.get("yaxis", {}).get("range")
    if ends and not min(ends) <= standing.peers.median <= max(ends):
        note = f"{chart.note}; {words}, {standing.window}, is off the axis"
        return replace(chart, note=note, alt=f"{chart.alt} {words.capitalize()}, {standing.window}.")
    ink, at = colours.categories[3], {"xref": "x domain", "yref": "y"}
    y = standing.peers.median
    line = {"type": "line", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": {"color": ink, "width": 1.5, "dash": "dashdot"}}
    label = {"text": words, "font": {"color": ink, "size": 11}, "showarrow": False}
    label |= {"x": 0, "y": y, "xanchor": "left", "yanchor": "top"}
    figure = Drawing(
        plain["data"],
        told
        | {"shapes": [*told.get("shapes", ()), at | line], "annotations": [*told.get("annotations", ()), at | label]},
    )
    note = f"{chart.note}; dash-dotted: {words}, {standing.window}"
    return Chart(figure, chart.title, note, f"{chart.alt} {words.capitalize()}, {standing.window}.")


def show_standings(here: Context, account: AccountPeers) -> None:
    """Every measure of the account against its peers: a picture of the shares, a table of all, and its downloads."""
    st.caption(escape(note_words(account)))
    rows = standing_rows(account.standings.values())
    chart = share_chart(account, colours=palette())
    if chart is not None:
        st.markdown(f"**{escape(chart.title)}**  \n:small[:gray[{escape(chart.note)}]]")
        st.plotly_chart(chart.figure, theme=None, key="account-shares", config={"displayModeBar": False}, alt=chart.alt)
    show_table(rows, columns=SHOWN, key="account-table", alt="The account's measures against its peers'")
    downloads(
        "account against peers",
        {"Against peers": (rows, [*TABLE, *NUMBERS])},
        key="account-save",
        provenance=account_provenance(here, account),
    )


def standing_rows(found: Iterable[Standing]) -> pd.DataFrame:
    """One row a measure, in words and in numbers."""
    rows = []
    for one in found:
        peers = one.peers
        known = one.low is not None
        half = (
            f"{one.words(peers.low_quartile)} – {one.words(peers.high_quartile)}"
            if peers is not None and peers.low_quartile is not None
            else ""
        )
        rows.append(
            {
                "label": f"{one.measure.label} per {one.per}" if one.per else one.measure.label,
                "account": one.words(one.value),
                "interval": f"{one.words(one.low)} – {one.words(one.high)}" if known else "",
                "median": one.words(peers.median) if peers else "may not be shown",
                "half": half,
                "level": one.words(peers.level) if peers else "",
                "verdict": f"{ICONS[one.verdict]} {VERDICT_WORDS[one.verdict]}",
                "accounts": peers.insureds if peers else None,
                "group": peers.words() if peers else "",
                "n": round(one.n),
                "before": one.words(one.before) if one.before is not None else "",
                "median_before": one.words(one.peers_before) if one.peers_before is not None else "",
                "window": one.window,
                "definition": one.measure.definition,
                "formula": one.measure.formula,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "median_number": peers.median if peers else None,
            }
        )
    names = [column.name for column in (*TABLE, *NUMBERS)]
    return pd.DataFrame(rows, columns=names).astype({"accounts": "Int64"})


def share_chart(account: AccountPeers, *, colours: Palette) -> Chart | None:
    """Each share of the account with its interval, on the middle half and the median of its peers."""
    shares = [one for one in account.standings.values() if one.is_share and one.peers is not None]
    if not shares:
        return None
    names = [one.measure.label for one in shares]
    halves = [(one.measure.label, one.peers) for one in shares if one.peers and one.peers.low_quartile is not None]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "y": [name for name, _ in halves],
            "base": [peers.low_quartile for _, peers in halves],
            "x": [(peers.high_quartile or 0.0) - (peers.low_quartile or 0.0) for _, peers in halves],
            "orientation": "h",
            "width": 0.7,
            "marker": {"color": colours.previous},
            "name": "middle half of peers",
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "x": [one.peers.median for one in shares if one.peers],
            "y": names,
            "mode": "markers",
            "marker": {"symbol": "line-ns", "size": 15, "line": {"width": 2, "color": colours.text}},
            "name": "peers' median",
            "customdata": [one.words(one.peers.median) for one in shares if one.peers],
            "hovertemplate": "%{y}: peers' median %{customdata}<extra></extra>",
        },
        {
            "type": "scatter",
            "x": [one.value for one in shares],
            "y": names,
            "mode": "markers",
            "marker": {"size": 9, "color": [verdict_colour(one.verdict, colours) for one in shares]},
            "error_x": {
                "array": [(one.high if one.high is not None else one.value) - one.value for one in shares],
                "arrayminus": [one.value - (one.low if one.low is not None else one.value) for one in shares],
                "color": colours.muted,
                "thickness": 1.5,
                "width": 0,
            },
            "name": "this account, 95% interval",
            "customdata": ["<br>".join(peer_lines(one)) for one in shares],
            "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
        },
    ]
    axis = plain_axis(colours) | {"showgrid": True, "gridcolor": colours.border, "linecolor": colours.border}
    figure = Drawing(
        traces,
        plain_layout(colours, height=70 + _ROW_HEIGHT * len(shares))
        | {
            "margin": {"l": 4, "r": 12, "t": 28, "b": 24},
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
            "xaxis": axis | {"tickformat": ".0%", "range": [-0.01, 1.01]},
            "yaxis": axis
            | {"showgrid": False, "autorange": "reversed", "categoryorder": "array", "categoryarray": names},
        },
    )
    clear = sum(one.verdict in CLEAR for one in shares)
    title = f"{clear} of {len(shares)} shares differ from peers' by more than chance"
    note = f"Shares of whole accounts, {account.name} against its peers; rates are in the table"
    return Chart(figure, title, note, f"Dot plot. {title}. {note}.")


def account_provenance(here: Context, account: AccountPeers) -> Provenance:
    """Where the comparison comes from: the fixed windows, whatever the period and the filters."""
    return replace(here.provenance(), period=account.window, filters=(("Insured", account.name),))
