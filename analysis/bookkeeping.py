"""What became of every row that was read: what was loaded, left out, folded, quarantined, and which cells were emptied.

A scoped person's view holds none of it: files and their faults belong to the whole book.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data.contract import contract
from data.portfolio import View


@dataclass(frozen=True)
class Account:
    """The load of a portfolio in a few numbers.

    Attributes
    ----------
    files, readings
        Files, and readings of them: a file that fills three tables is read three times.
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
    files, readings, read, loaded, left_out, folded, quarantined, emptied, wrong = (int(number) for number in rows)
    return Account(
        files=files,
        readings=readings,
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
    limit: int = 100_000,
) -> pd.DataFrame:
    """Which rows were kept out, why, and what do they say? None chosen means all."""
    return view.frame(
        """
        select
            feed, table_name, file, sheet, row_number, kind,
            array_to_string([problem.reason for problem in problems], '; ') as reasons,
            row_values::varchar as row_values
        from quarantine
        where (len($feeds) = 0 or list_contains($feeds, feed))
            and (len($tables) = 0 or list_contains($tables, table_name))
            and (len($kinds) = 0 or list_contains($kinds, kind))
        order by feed, table_name, file, row_number
        limit $most
        """,
        {"feeds": list(feeds), "tables": list(tables), "kinds": list(kinds), "most": limit},
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
    limit: int = 100_000,
) -> pd.DataFrame:
    """Which cells were emptied, and what did they say? None chosen means all."""
    return view.frame(
        """
        select feed, table_name, file, sheet, row_number, column_name, value, reason
        from nulled_cell
        where (len($feeds) = 0 or list_contains($feeds, feed))
            and (len($tables) = 0 or list_contains($tables, table_name))
            and (len($columns) = 0 or list_contains($columns, column_name))
        order by feed, table_name, file, row_number, column_name
        limit $most
        """,
        {"feeds": list(feeds), "tables": list(tables), "columns": list(columns), "most": limit},
    )


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
