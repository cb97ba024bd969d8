"""What pages are laid out with: the header, the KPI row, downloads, and the states without a result."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analysis.export import ExportColumn, Provenance, file_name, to_csv, to_excel
from data.contract import contract
from pages.shared.charts import sparkline
from pages.shared.context import LABELS, Context, context, has_context
from pages.shared.numbers import MISSING, Unit, count_words, format_change, format_value
from pages.shared.palette import palette

#: Rows of a table, or what reads them when they are asked for.
Rows = pd.DataFrame | Callable[[], pd.DataFrame]
#: Below this many events a card says how many there were.
SMALL_NUMBER = 30
_COLOURS = {"higher": "normal", "lower": "inverse", "neutral": "off"}
_NOUNS = {
    "incident": ("incident", "incidents"),
    "claim": ("claim", "claims"),
    "shipment": ("shipment", "shipments"),
    "ping": ("tracker position", "tracker positions"),
}
_FEED_EXAMPLES: dict[str, str] = {
    "incident": """[[table]]
name = "incident"
file = "incidents.csv"
[table.columns]
incident_id   = '"Reference"'
source        = "'own'"
occurred_from = '"Date of loss"'
category      = 'lower("Type")'
loss_amount   = '"Value lost"'
latitude      = '"Lat"'
longitude     = '"Lon"'
""",
    "claim": """[[table]]
name = "claim"
file = "claims.xlsx"
[table.columns]
claim_id    = '"Claim number"'
loss_date   = '"Date of loss"'
paid_amount = '"Paid"'
""",
    "shipment": """[[table]]
name = "shipment"
file = "shipments-*.csv"
[table.columns]
shipment_id    = '"Consignment"'
insured_id     = '"Account"'
departed_at    = '"Shipped"'
declared_value = '"Value"'
""",
}


@dataclass(frozen=True)
class Kpi:
    """One card of the KPI row.

    Attributes
    ----------
    label
        The noun.
    value, unit, per
        The number, what it counts, and for a rate what it is per. None: not known.
    previous
        The same in the comparison period; None where there is none.
    trend
        The value step by step over the period, for the sparkline.
    better
        Which way is good.
    definition
        What it means, shown on hover.
    n
        How many events it rests on; shown when there are few.
    compared
        False where there is nothing that it could be compared with.
    step
        What a point of the trend spans.
    note
        Said under the number in place of a change: its interval, or its window.
    peers
        What the account's peers have, in lines; empty outside the account view.
    """

    label: str
    value: float | None
    unit: Unit = "count"
    previous: float | None = None
    trend: Sequence[float] = ()
    better: Literal["higher", "lower", "neutral"] = "neutral"
    definition: str = ""
    n: int | None = None
    per: str = ""
    compared: bool = True
    note: str = ""
    step: Literal["month", "quarter"] = "month"
    peers: str = ""


#: Beside the name of every page of a synthetic portfolio.
SYNTHETIC = (
    ":orange-badge[:material/science: **Synthetic data**] Made by Lanewise to try it; it describes no real insured."
)


def page_header(title: str, question: str, *, filtered: bool = True) -> None:
    """The page's name, the question that it answers, and what is shown: period, n, currency, date, filters, snapshot.

    Parameters
    ----------
    filtered
        False for a page that the period and the filters do not cut.
    """
    with st.container(gap="xxsmall"):
        page_title(title, question)
        if has_context():
            here = context()
            st.caption(shown_line(here, filtered=filtered))
            if filtered and here.unconverted:
                st.markdown(f":material/currency_exchange: {unconverted_words(here)}")


def page_title(title: str, question: str) -> None:
    """The page's name, with the label of a synthetic portfolio beside it, and the question that the page answers."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(title, anchor=False, width="content")
        if has_context() and context().info.synthetic:
            st.markdown(SYNTHETIC, width="content")
    st.markdown(question)


def shown_line(here: Context, *, filtered: bool = True) -> str:
    """What is shown, in one line that is always in sight."""
    if not filtered:
        return (
            f"**the whole portfolio** · {_data_date(here)} · period and filters do not apply here · "
            f"snapshot {here.info.id}"
        )
    counted = (
        ", ".join(count_words(count, *_NOUNS[table]) for table, count in here.events.items() if count) or "no events"
    )
    compared = f" {here.comparison_label}" if here.comparison_label else ""
    parts = [
        f"**{here.period}**{compared}",
        counted,
        *([here.currency] if here.currency else []),
        _data_date(here),
        escape(here.selection),
        *([restricted_words(here)] if here.scope.insureds is not None else []),
        *([unreached_words(here)] if here.unreached else []),
        *([undated_words(here)] if here.undated else []),
        f"snapshot {here.info.id}",
    ]
    return " · ".join(parts)


def restricted_words(here: Context) -> str:
    """That a person sees some insureds only, so that no share is taken for one of the whole book."""
    count = len(here.scope.insureds or ())
    return f"**restricted to {count_words(count, 'insured', 'insureds')}**"


def unreached_words(here: Context) -> str:
    """What is out only because a filter cannot reach it, and by which filters."""
    counted = ", ".join(count_words(count, *_NOUNS[table]) for table, count in here.unreached.items())
    filters = " or ".join(LABELS[name][0].lower() for name, _ in here.filters.chosen)
    verb = "is" if sum(here.unreached.values()) == 1 else "are"
    return f"{counted} {verb} out, without a known {filters}"


def undated_words(here: Context) -> str:
    """What no period shows, because its date is not known."""
    counted = ", ".join(count_words(count, *_NOUNS[table]) for table, count in here.undated.items())
    return f"{counted} without a date, in no period"


def unconverted_words(here: Context) -> str:
    """Which amounts are shown apart, never added: there is no rate of exchange for their currency and date."""
    amounts = "; ".join(
        f"{label.lower()} " + ", ".join(format_value(amount, "amount", currency=currency) for currency, amount in found)
        for label, found in here.unconverted.items()
    )
    return f"**In no amount on this page**, as no rate of exchange to {here.currency} is loaded for it: {amounts}"


def escape(text: str) -> str:
    """Text of the insured's as text: none of it becomes a link, an icon or a formula on the page."""
    one_line = " ".join(text.split())
    escaped = "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+!|~$:" else letter for letter in one_line)
    # Bare web and mail addresses become links by themselves, unless they are broken up.
    return re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "&#46;", escaped).replace("@", "&#64;")


def kpi_row(cards: Sequence[Kpi]) -> None:
    """Four to six numbers against the named comparison, each with its trend and its definition."""
    here = context()
    with st.grid(len(cards), min_column_width=150, gap="small"):
        for card in cards:
            change = format_change(card.value, card.previous, card.unit)
            with st.container(border=True, height="stretch", gap="xxsmall"):
                st.metric(
                    _label(card),
                    format_value(card.value, card.unit, currency=here.currency, per=card.per),
                    change,
                    delta_color=_COLOURS[card.better],  # type: ignore[arg-type]
                    delta_description=_against(here) if change is not None else _no_comparison(card),
                    help=card.definition or None,
                )
                if len(card.trend) > 1:
                    st.html(sparkline(card.trend, label=trend_words(card), colours=palette()))
                if card.peers:
                    st.html(peer_note(card.peers, colour=palette().muted))


def peer_note(peers: str, *, colour: str) -> str:
    """What an account's peers have, under its card, as HTML."""
    lines = "<br>".join(html.escape(line) for line in peers.splitlines())
    return f'<div style="font-size:.8rem;line-height:1.3;color:{colour}">{lines}</div>'


def trend_words(card: Kpi) -> str:
    """What a sparkline shows, for who cannot see it."""
    return f"{card.label} by {card.step}, from zero"


def show_table(
    frame: pd.DataFrame, *, columns: Sequence[ExportColumn], key: str, alt: str, height: int | None = None
) -> None:
    """A table with the labels, units and formats that its download has; definitions show on a heading's hover."""
    st.dataframe(
        shown_cells(frame, columns=columns),
        hide_index=True,
        column_config={column.name: _column_config(column) for column in columns},
        height=height if height is not None and len(frame) * 35 > height else "auto",
        key=key,
        alt=alt,
    )


def shown_cells(frame: pd.DataFrame, *, columns: Sequence[ExportColumn]) -> pd.DataFrame:
    """These columns alone, a text that is not known as an empty one."""
    shown = {}
    for column in columns:
        cells = frame[column.name]
        if column.format == "text" and cells.dtype != bool:
            cells = pd.Series(cells.to_numpy(dtype=object, na_value=""), index=frame.index, dtype=object)
        shown[column.name] = cells
    return pd.DataFrame(shown, index=frame.index)


def downloads(
    subject: str,
    tables: Mapping[str, tuple[Rows, Sequence[ExportColumn]]],
    *,
    key: str,
    title: str = "",
    provenance: Provenance | None = None,
) -> None:
    """Buttons that save what is shown: one CSV for each table, one Excel workbook for all of them.

    Files are made when a button is clicked, not at every rerun; so is a table given as a function. Without a provenance
    it is that of the selection.
    """
    provenance = provenance or context().provenance()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, (frame, columns) in tables.items():
            label = "CSV" if len(tables) == 1 else f"CSV: {name}"
            st.download_button(
                label,
                partial(_csv_of, frame, columns=columns, provenance=provenance),
                file_name=file_name(
                    subject if len(tables) == 1 else f"{subject} {name}", provenance=provenance, ending="csv"
                ),
                mime="text/csv",
                key=f"{key}-csv-{name}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                disabled=_is_empty(frame),
            )
        st.download_button(
            "Excel",
            partial(_excel_of, dict(tables), provenance=provenance, title=title or subject.capitalize()),
            file_name=file_name(subject, provenance=provenance, ending="xlsx"),
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            key=f"{key}-xlsx",
            on_click="ignore",
            icon=":material/table_view:",
            type="tertiary",
            disabled=all(_is_empty(frame) for frame, _ in tables.values()),
        )


def _is_empty(table: Rows) -> bool:
    """Is nothing to be saved? A table that is read when asked for has rows."""
    return isinstance(table, pd.DataFrame) and table.empty


def _whole(table: Rows) -> pd.DataFrame:
    return table if isinstance(table, pd.DataFrame) else table()


def _csv_of(table: Rows, *, columns: Sequence[ExportColumn], provenance: Provenance) -> bytes:
    return to_csv(_whole(table), columns=columns, provenance=provenance)


def _excel_of(
    tables: Mapping[str, tuple[Rows, Sequence[ExportColumn]]],
    *,
    provenance: Provenance,
    title: str,
) -> bytes:
    whole = {name: (_whole(table), columns) for name, (table, columns) in tables.items()}
    return to_excel(whole, provenance=provenance, title=title)


def lacking(table: str, what: str) -> None:
    """The portfolio lacks a table: what would be seen here, and what to load for it."""
    description = contract()[table]
    required = [column.name for column in description.columns if column.required]
    with st.container(border=True):
        st.markdown(f"##### :material/database_off: This portfolio has no table *{table}*")
        st.markdown(
            f"With it, this page shows {what}. Required columns: {', '.join(f'`{name}`' for name in required)}."
        )
        if table in _FEED_EXAMPLES:
            with st.expander("Example of a feed that loads it"):
                st.code(_FEED_EXAMPLES[table], language="toml")
        st.markdown("Load it with `python -m data load FEED`; `python -m data describe` lists every column.")


def nothing_selected(what: str) -> None:
    """The filters leave nothing: say so, and the way back."""
    with st.container(border=True):
        st.markdown(f"##### :material/filter_alt_off: No {what} in this selection")
        st.markdown("Widen the period or remove a filter in the sidebar.")


def _column_config(column: ExportColumn) -> Any:
    label = f"{column.label} ({column.unit})" if column.unit else column.label
    help_text = column.definition or None
    match column.format:
        case "count":
            return st.column_config.NumberColumn(label, help=help_text, format="localized")
        case "amount":
            return st.column_config.NumberColumn(label, help=help_text, format="%,.2f")
        case "percent":
            return st.column_config.NumberColumn(label, help=help_text, format="percent")
        case "rate" | "ratio" | "number":
            return st.column_config.NumberColumn(label, help=help_text, format="%.3g")
        case "date":
            return st.column_config.DateColumn(label, help=help_text, format="YYYY-MM-DD")
        case "timestamp":
            return st.column_config.DatetimeColumn(label, help=help_text, format="YYYY-MM-DD HH:mm")
        case _:
            return st.column_config.Column(label, help=help_text)


def _data_date(here: Context) -> str:
    return f"data as of {here.info.data_date:%-d %b %Y}" if here.info.data_date else "data of unknown date"


def _label(card: Kpi) -> str:
    few = card.n is not None and card.n < SMALL_NUMBER and card.value is not None and card.unit != "count"
    return f"{card.label} :gray[(n = {card.n})]" if few else card.label


def _against(here: Context) -> str:
    months = here.filters.months or 0
    if here.comparison == "year":
        return "vs a year before"
    return f"vs {months} months before" if months > 1 else "vs month before"


def _no_comparison(card: Kpi) -> str | None:
    if card.value is None:
        return card.note or "not in the data"
    if card.note:
        return card.note
    return "no earlier data" if card.compared and card.previous is None else None


__all__ = [
    "MISSING",
    "Kpi",
    "downloads",
    "escape",
    "format_value",
    "kpi_row",
    "lacking",
    "nothing_selected",
    "page_header",
    "show_table",
    "shown_line",
]
