"""What became of every row that was read: what was loaded, left out, folded, quarantined, and which cells were emptied.

A scoped person's view holds none of it: files and their faults belong to the whole book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from data.contract import contract
from data.portfolio import View


class Listed(NamedTuple):
    """Rows one by one, the first of them or all, and how many there are."""

    frame: pd.DataFrame
    of: int


@dataclass(frozen=True)
class Account:
    """The load of a portfolio in a few numbers.

    Attributes
    ----------
    files, readings
        Files, and readings of them: a file that fills three tables is read three times.
    rows
        Rows of the files themselves, each once however many tables it fills.
    read, loaded, left_out, folded, quarantined
        Rows, over all readings.
    emptied
        Cells without a row's loss: a bad value in a column that may be empty.
    unbalanced
        Readings whose rows do not add up; a load that published cannot have any.
    unbalanced_amounts, amounts
        Columns of money, by currency, that do not add up to the cent, and all of them.
    orphans
        Values that refer to something that was not loaded.
    """

    files: int
    readings: int
    rows: int
    read: int
    loaded: int
    left_out: int
    folded: int
    quarantined: int
    emptied: int
    unbalanced: int
    unbalanced_amounts: int
    amounts: int
    orphans: int

    @property
    def balanced(self) -> bool:
        """Is every row and every cent accounted for?"""
        return not self.unbalanced and not self.unbalanced_amounts


def account(view: View) -> Account | None:
    """Can the load be trusted, in numbers? None where this person may not see how it went."""
    rows = view.rows("""
        select
            count(distinct sha256), count(*), sum(read_rows), sum(loaded_rows), sum(left_out_rows), sum(folded_rows),
            sum(quarantined_rows), sum(nulled_cells),
            count(*) filter (where read_rows <> loaded_rows + left_out_rows + folded_rows + quarantined_rows)
        from source
    """)[0]
    if not rows[1]:
        return None
    amounts, unbalanced = view.rows("""
        select count(*), count(*) filter (where read_sum <> loaded_sum + left_out_sum + folded_sum + quarantined_sum)
        from source_amount
    """)[0]
    orphans = view.rows("select count(*) from orphan")[0][0]
    physical = view.rows(
        "select sum(most) from (select max(read_rows) as most from source group by sha256, coalesce(sheet, ''))"
    )[0][0]
    files, readings, read, loaded, left_out, folded, quarantined, emptied, wrong = (int(number) for number in rows)
    return Account(
        files=files,
        readings=readings,
        rows=int(physical),
        read=read,
        loaded=loaded,
        left_out=left_out,
        folded=folded,
        quarantined=quarantined,
        emptied=emptied,
        unbalanced=wrong,
        unbalanced_amounts=int(unbalanced),
        amounts=int(amounts),
        orphans=int(orphans),
    )


def row_reconciliation(view: View) -> pd.DataFrame:
    """What became of the rows of each file, by table? One row a reading; counts of rows and of emptied cells."""
    return view.frame("""
        select
            feed, table_name, file, sheet, read_rows, loaded_rows, left_out_rows, folded_rows, quarantined_rows,
            nulled_cells, dialect, sha256
        from source
        order by feed, table_name, file, source_id
    """)


def amount_reconciliation(view: View) -> pd.DataFrame:
    """What became of the money in each file, by column and currency? Sums over the cells that are numbers."""
    return view.frame("""
        select
            feed, table_name, file, column_name, currency, read_sum, loaded_sum, left_out_sum, folded_sum,
            quarantined_sum, not_numbers
        from source_amount
        order by feed, table_name, file, column_name, currency
    """)


def quarantine_reasons(view: View) -> pd.DataFrame:
    """For which reasons were rows kept out? One row a feed, table, fault and column, the most frequent first."""
    return view.frame("""
        with faults as (
            select feed, table_name, kind, unnest(problems) as problem from quarantine
        ),
        final as (
            select
                feed, table_name, kind, problem.column_name as column_name, count(*) as rows,
                min(problem.reason) as example
            from faults
            group by all
        )
        select feed, table_name, kind, column_name, rows, example
        from final
        order by rows desc, feed, table_name, column_name
    """)


def quarantined_rows(
    view: View,
    *,
    feeds: Sequence[str] = (),
    tables: Sequence[str] = (),
    kinds: Sequence[str] = (),
    limit: int | None = None,
) -> Listed:
    """Which rows were kept out, why, and what do they say? None chosen means all; a limit lists only the first."""
    return _listed(
        view,
        """
        select
            feed, table_name, file, sheet, row_number, kind,
            array_to_string([problem.reason for problem in problems], '; ') as reasons,
            row_values::varchar as row_values
        from quarantine
        """,
        chosen={"feed": feeds, "table_name": tables, "kind": kinds},
        order="feed, table_name, file, row_number",
        limit=limit,
    )


def emptied_reasons(view: View) -> pd.DataFrame:
    """In which columns were cells emptied? One row a feed, table and column, the most frequent first."""
    return view.frame("""
        select
            feed, table_name, column_name, count(*) as cells, count(distinct value) as different_values,
            mode(value) as most_frequent_value, min(reason) as example
        from nulled_cell
        group by feed, table_name, column_name
        order by cells desc, feed, table_name, column_name
    """)


def emptied_cells(
    view: View,
    *,
    feeds: Sequence[str] = (),
    tables: Sequence[str] = (),
    columns: Sequence[str] = (),
    limit: int | None = None,
) -> Listed:
    """Which cells were emptied, and what did they say? None chosen means all; a limit lists only the first."""
    return _listed(
        view,
        "select feed, table_name, file, sheet, row_number, column_name, value, reason from nulled_cell",
        chosen={"feed": feeds, "table_name": tables, "column_name": columns},
        order="feed, table_name, file, row_number, column_name",
        limit=limit,
    )


def _listed(view: View, select: str, *, chosen: Mapping[str, Sequence[str]], order: str, limit: int | None) -> Listed:
    wanted = " and ".join(f"(len(${name}) = 0 or list_contains(${name}, {name}))" for name in chosen)
    parameters = {name: list(values) for name, values in chosen.items()}
    found = f"with found as ({select} where {wanted})"
    if limit is None:
        frame = view.frame(f"{found} select * from found order by {order}", parameters)
        return Listed(frame, of=len(frame))
    frame = view.frame(f"{found} select * from found order by {order} limit {int(limit)}", parameters)
    of = len(frame) if len(frame) < limit else int(view.rows(f"{found} select count(*) from found", parameters)[0][0])
    return Listed(frame, of=of)


def orphans(view: View) -> pd.DataFrame:
    """Which values refer to something that was not loaded? The rows are kept; the reference leads nowhere."""
    return view.frame("""
        select table_name, column_name, parent_table, value, row_count, feed
        from orphan
        order by row_count desc, table_name, column_name, value
    """)


def feeds(view: View) -> pd.DataFrame:
    """Which feeds make up the portfolio, and how were they described?"""
    return view.frame("select name, currency, timezone, as_of, synthetic, loaded_at, toml from feed order by name")


def dictionary(rows: dict[str, int]) -> pd.DataFrame:
    """What may a portfolio hold? One row a column of the contract, with the rows that there are of its table."""
    return pd.DataFrame(
        [
            {
                "table": table.name,
                "rows": rows.get(table.name, 0),
                "column": column.name,
                "type": column.type.lower(),
                "required": column.required,
                "key": column.name in table.key,
                "refers_to": f"{column.reference.table}.{column.reference.column}" if column.reference else "",
                "meaning": column.meaning,
                "values": ", ".join(column.words),
            }
            for table in sorted(contract().values(), key=lambda table: (-min(rows.get(table.name, 0), 1), table.name))
            for column in table.columns
        ]
    )
