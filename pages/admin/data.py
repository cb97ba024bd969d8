"""Data: can I trust what is loaded?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from analysis.bookkeeping import (
    Account,
    Listed,
    account,
    amount_reconciliation,
    dictionary,
    emptied_cells,
    emptied_reasons,
    feeds,
    orphans,
    quarantine_reasons,
    quarantined_rows,
    row_reconciliation,
)
from analysis.export import ExportColumn, Provenance
from analysis.filters import Filters
from data.portfolio import View
from pages.shared.context import Context, context
from pages.shared.layout import Kpi, downloads, kpi_row, page_header, show_table
from pages.shared.numbers import count_words

QUESTION = "Can I trust what is loaded: is every row and every amount accounted for?"
#: More rows than a person reads; a download has all of them.
ROWS_SHOWN = 1_000

FEED = ExportColumn("feed", "Feed")
TABLE = ExportColumn("table_name", "Table")
FILE = ExportColumn("file", "File")
SHEET = ExportColumn("sheet", "Sheet")
ROW = ExportColumn("row_number", "Row", format="count", definition="Line of the file, the header being 1.")
COLUMN = ExportColumn("column_name", "Column")
ROWS = (
    FEED,
    TABLE,
    FILE,
    SHEET,
    ExportColumn("read_rows", "Read", format="count", definition="Rows of the file, read for this table."),
    ExportColumn("loaded_rows", "Loaded", format="count"),
    ExportColumn(
        "left_out_rows", "Left out", format="count", definition="Rows that the feed's own condition leaves out."
    ),
    ExportColumn(
        "folded_rows", "Folded", format="count", definition="Repeats of a row that is loaded, or older versions of it."
    ),
    ExportColumn(
        "quarantined_rows", "Quarantined", format="count", definition="Rows that cannot be used, each with its reason."
    ),
    ExportColumn(
        "nulled_cells", "Cells emptied", format="count", definition="Bad values in columns that may be empty."
    ),
    ExportColumn("dialect", "Read as"),
)
AMOUNTS = (
    FEED,
    TABLE,
    COLUMN,
    ExportColumn("currency", "Currency"),
    ExportColumn("read_sum", "Read", format="amount"),
    ExportColumn("loaded_sum", "Loaded", format="amount"),
    ExportColumn("left_out_sum", "Left out", format="amount"),
    ExportColumn("folded_sum", "Folded", format="amount"),
    ExportColumn("quarantined_sum", "Quarantined", format="amount"),
    ExportColumn("not_numbers", "No number", format="count", definition="Cells that hold text; they are in no sum."),
)
KIND = ExportColumn("kind", "Fault", definition="value, check, duplicate, reference, unreadable or expression.")
REASONS = (
    FEED,
    TABLE,
    KIND,
    COLUMN,
    ExportColumn("rows", "Rows", format="count"),
    ExportColumn("example", "For example"),
)
QUARANTINE = (
    FEED,
    TABLE,
    FILE,
    SHEET,
    ROW,
    KIND,
    ExportColumn("reasons", "Why"),
    ExportColumn("row_values", "The row as it was read"),
)
EMPTIED_REASONS = (
    FEED,
    TABLE,
    COLUMN,
    ExportColumn("cells", "Cells", format="count"),
    ExportColumn("different_values", "Different values", format="count"),
    ExportColumn("most_frequent_value", "Most frequent"),
    ExportColumn("example", "For example"),
)
EMPTIED = (FEED, TABLE, FILE, SHEET, ROW, COLUMN, ExportColumn("value", "Value"), ExportColumn("reason", "Why"))
ORPHANS = (
    TABLE,
    COLUMN,
    ExportColumn("value", "Refers to"),
    ExportColumn("parent_table", "Not found in"),
    ExportColumn("row_count", "Rows", format="count"),
    FEED,
)
FEEDS = (
    ExportColumn("name", "Feed"),
    ExportColumn("currency", "Currency"),
    ExportColumn("timezone", "Time zone"),
    ExportColumn("as_of", "Data as of", format="date"),
    ExportColumn("loaded_at", "Loaded", unit="UTC", format="timestamp"),
    ExportColumn("synthetic", "Synthetic"),
)
DICTIONARY = (
    ExportColumn("table", "Table"),
    ExportColumn("rows", "Rows here", format="count"),
    ExportColumn("column", "Column"),
    ExportColumn("type", "Type"),
    ExportColumn("required", "Required"),
    ExportColumn("key", "Key"),
    ExportColumn("meaning", "Meaning and unit"),
    ExportColumn("values", "Allowed words"),
    ExportColumn("refers_to", "Refers to"),
)


Chosen = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Faults:
    """What was kept out of one kind: its name in keys and on screen, its columns, and those of its reasons."""

    key: str
    name: str
    columns: Sequence[ExportColumn]
    reasons_name: str
    reason_columns: Sequence[ExportColumn]
    by: Mapping[str, str]


def main() -> None:
    """Cards, verdict, then each account by itself."""
    here = context()
    page_header("Data", QUESTION, filtered=False)
    everything = here.snapshot.view(here.scope, Filters())
    loaded = account(everything)
    if loaded is None:
        hidden(here)
        return
    cards(loaded)
    verdict(loaded)
    sections: Mapping[str, Callable[[Context, View], None]] = {
        "Files": show_files,
        "Money": show_amounts,
        f"Quarantine ({loaded.quarantined:,})": show_quarantine,
        f"Cells emptied ({loaded.emptied:,})": show_emptied,
        f"Not found ({loaded.orphans:,})": show_orphans,
        "Feeds": show_feeds,
        "Snapshots": lambda here, _: show_snapshots(here),
        "Dictionary": lambda here, _: show_dictionary(here),
    }
    for tab, show in zip(
        st.tabs(list(sections), key="data-section", on_change="rerun"), sections.values(), strict=True
    ):
        if tab.open:
            with tab:
                show(here, everything)


def cards(loaded: Account) -> None:
    """The load in six numbers."""
    used = loaded.read - loaded.left_out - loaded.folded
    rows = (
        Kpi("Files", loaded.files, definition="Files read, each told from others by its content."),
        Kpi("Rows in files", loaded.rows, definition="Rows of the files themselves, each counted once."),
        Kpi(
            "Rows in tables",
            loaded.loaded,
            definition="Rows loaded, over all tables. A row of a file that fills three tables, such as a claim with "
            "its insured and its site, is loaded into each: these are more or fewer than the rows of the files.",
        ),
        Kpi(
            "Rows quarantined",
            loaded.quarantined,
            better="lower",
            definition=f"Of {used:,} rows that the feeds wanted, those that cannot be used, each with its reason.",
        ),
        Kpi(
            "Cells emptied",
            loaded.emptied,
            definition="Bad values in columns that may be empty: the row was kept without them.",
        ),
        Kpi(
            "References not found",
            loaded.orphans,
            definition="Values that refer to something not loaded: the row was kept.",
        ),
    )
    kpi_row([replace(card, compared=False) for card in rows])


def verdict(loaded: Account) -> None:
    """The answer to the page's question, in a sentence."""
    parts = f"{count_words(loaded.rows, 'row')} in {count_words(loaded.files, 'file')}"
    if loaded.read != loaded.rows:
        parts += f", from which the feeds fill several tables: {loaded.read:,} rows read over all of these"
    parts += (
        f" = {loaded.loaded:,} loaded + {loaded.left_out:,} left out + "
        f"{loaded.folded:,} folded + {loaded.quarantined:,} quarantined"
    )
    money = f" The same holds for the money in {count_words(loaded.amounts, 'column')}." if loaded.amounts else ""
    if not loaded.balanced:
        wrong = loaded.unbalanced + loaded.unbalanced_amounts
        st.error(f"**{count_words(wrong, 'account')} does not add up.** {parts}. Load again.", icon=":material/error:")
    elif loaded.quarantined:
        st.warning(f"**All accounted for, not all usable.** {parts}.{money}", icon=":material/rule:")
    else:
        st.success(f"**All accounted for.** {parts}.{money}", icon=":material/task_alt:")


def hidden(here: Context) -> None:
    """What a person sees whose data is part of the portfolio."""
    st.info(
        "You see part of this portfolio. How its files were loaded, and what was kept out, covers all of it and is not "
        "shown here. The dictionary below says what each table and column means.",
        icon=":material/visibility_off:",
    )
    show_dictionary(here, counted=False)


def show_files(here: Context, view: View) -> None:
    """Rows by file and table."""
    frame = row_reconciliation(view)
    st.caption(
        "Read = loaded + left out + folded + quarantined, for every file and table. "
        "A file that fills several tables is read once for each, so its rows stand here more than once."
    )
    show_table(frame, columns=ROWS, key="data-files", alt="Rows of each file by what became of them", height=360)
    downloads(
        "reconciliation",
        {"Rows": (frame, ROWS), "Money": (amount_reconciliation(view), AMOUNTS)},
        key="data-files-save",
        provenance=whole(here),
    )


def show_amounts(here: Context, view: View) -> None:
    """Money by file, column and currency."""
    frame = amount_reconciliation(view)
    st.caption("Sums over the cells that are numbers, in the currency of the file; nothing is converted here.")
    show_table(frame, columns=AMOUNTS, key="data-money", alt="Money of each file by what became of it")
    downloads("money", {"Money": (frame, AMOUNTS)}, key="data-money-save", provenance=whole(here))


def show_quarantine(here: Context, view: View) -> None:
    """Rows kept out: for which reasons, then one by one."""
    reasons = quarantine_reasons(view)
    if reasons.empty:
        st.success("No row is in quarantine.", icon=":material/task_alt:")
        return

    def rows(chosen: Chosen, limit: int | None) -> Listed:
        feeds, tables, kinds = chosen["feed"], chosen["table_name"], chosen["kind"]
        return quarantined_rows(view, feeds=feeds, tables=tables, kinds=kinds, limit=limit)

    show_faults(
        here,
        Faults("quarantine", "Quarantine", QUARANTINE, "Reasons", REASONS, {"kind": "Fault"}),
        reasons=reasons,
        rows=rows,
    )


def show_emptied(here: Context, view: View) -> None:
    """Cells emptied: in which columns, then one by one."""
    reasons = emptied_reasons(view)
    if reasons.empty:
        st.success("No cell was emptied.", icon=":material/task_alt:")
        return

    def rows(chosen: Chosen, limit: int | None) -> Listed:
        feeds, tables, columns = chosen["feed"], chosen["table_name"], chosen["column_name"]
        return emptied_cells(view, feeds=feeds, tables=tables, columns=columns, limit=limit)

    show_faults(
        here,
        Faults("emptied", "Cells emptied", EMPTIED, "Columns", EMPTIED_REASONS, {"column_name": "Column"}),
        reasons=reasons,
        rows=rows,
    )


def show_faults(
    here: Context, faults: Faults, *, reasons: pd.DataFrame, rows: Callable[[Chosen, int | None], Listed]
) -> None:
    """What was kept out: how often and why, then one by one, the first of it here and all of it to save."""
    key = f"data-{faults.key}"
    show_table(
        reasons,
        columns=faults.reason_columns,
        key=f"{key}-reasons",
        alt=f"{faults.name}: {faults.reasons_name.lower()}, the most frequent first",
    )
    chosen = choose(reasons, {"feed": "Feed", "table_name": "Table", **faults.by}, key=key)
    found = rows(chosen, ROWS_SHOWN)
    more = f"; the first {ROWS_SHOWN:,} are listed, a download has all" if found.of > len(found.frame) else ""
    st.caption(f"{count_words(found.of, 'row')}{more}")
    show_table(found.frame, columns=faults.columns, key=f"{key}-rows", alt=f"{faults.name}, one by one", height=320)
    # All of it is read only when a file is asked for.
    everything = (lambda: rows(chosen, None).frame) if more else found.frame
    downloads(
        faults.name.lower(),
        {faults.name: (everything, faults.columns), faults.reasons_name: (reasons, faults.reason_columns)},
        key=f"{key}-save",
        provenance=whole(here),
    )


def show_orphans(here: Context, view: View) -> None:
    """References that lead nowhere."""
    frame = orphans(view)
    if frame.empty:
        st.success("Every reference found what it refers to.", icon=":material/task_alt:")
        return
    st.caption("The rows are kept. Load the missing table, or another feed that has it, and the references find it.")
    show_table(frame, columns=ORPHANS, key="data-orphans", alt="References that found nothing", height=360)
    downloads("references-not-found", {"References": (frame, ORPHANS)}, key="data-orphans-save", provenance=whole(here))


def show_feeds(here: Context, view: View) -> None:
    """The feeds, and how each was described."""
    frame = feeds(view)
    show_table(frame, columns=FEEDS, key="data-feeds", alt="Feeds of this portfolio")
    downloads("feeds", {"Feeds": (frame, FEEDS)}, key="data-feeds-save", provenance=whole(here))
    name = st.selectbox("Description of a feed", list(frame["name"]), key="data-feed", width=320)
    st.code(str(frame.loc[frame["name"] == name, "toml"].iloc[0]), language="toml", line_numbers=True)


def show_snapshots(here: Context) -> None:
    """The snapshots kept: each load published one."""
    st.caption("A snapshot never changes. An older one shows the portfolio as it was; its link can be shared.")
    newest = here.snapshots[0].id if here.snapshots else ""
    for card in here.snapshots:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            state = "shown" if card.id == here.info.id else ""
            state = ", ".join(part for part in (state, "newest" if card.id == newest else "") if part)
            st.markdown(
                f"**{card.created_at:%-d %b %Y, %H:%M} UTC**{f' · {state}' if state else ''}  \n"
                f":small[:gray[`{card.id}` · content `{card.content_hash[:12]}` · feeds: {', '.join(card.feeds)}]]"
            )
            st.button(
                "Open",
                key=f"data-open-{card.id}",
                disabled=card.id == here.info.id,
                on_click=open_snapshot,
                args=(card.id,),
            )


def show_dictionary(here: Context, *, counted: bool = True) -> None:
    """What every table and column means."""
    frame = dictionary(here.snapshot.tables if counted else {})
    columns = DICTIONARY if counted else tuple(column for column in DICTIONARY if column.name != "rows")
    tables = list(dict.fromkeys(frame["table"]))
    chosen = st.multiselect(
        "Tables",
        tables,
        key="data-dictionary-tables",
        placeholder=f"All {len(tables)} tables",
        width=420,
        select_all=False,
    )
    shown = frame[frame["table"].isin(chosen)] if chosen else frame
    show_table(
        shown, columns=columns, key="data-dictionary", alt="Tables and columns with their meaning and unit", height=460
    )
    downloads("dictionary", {"Dictionary": (frame, columns)}, key="data-dictionary-save", provenance=whole(here))


def choose(frame: pd.DataFrame, labels: Mapping[str, str], *, key: str) -> dict[str, list[str]]:
    """Which of these values are wanted? None chosen means all."""
    chosen: dict[str, list[str]] = {}
    for column, (name, label) in zip(st.columns(len(labels)), labels.items(), strict=True):
        options = sorted(str(value) for value in frame[name].dropna().unique())
        chosen[name] = column.multiselect(label, options, key=f"{key}-{name}", placeholder="All", select_all=False)
    return chosen


def whole(here: Context) -> Provenance:
    """This page is never filtered: what it saves is of the whole portfolio."""
    return replace(here.provenance(), period="all dates", filters=())


def open_snapshot(snapshot_id: str) -> None:
    """Show this snapshot; its id goes into the link."""
    st.session_state["snapshot"] = snapshot_id


main()
