"""Nothing lost: every row and every amount of every file is accounted for, or the load fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from data.casting import quote, text_literal
from data.catalog import exists
from data.changes import Changes
from data.contract import Table, contract
from data.errors import LanewiseError
from data.feed import Feed
from data.source import Source
from data.staging import stage_name


@dataclass(frozen=True)
class FileResult:
    """What became of one file's rows: ``read`` = ``loaded`` + ``left_out`` + ``folded`` + ``quarantined``."""

    table: str
    file: str
    sheet: str | None
    read: int
    loaded: int
    left_out: int
    folded: int
    quarantined: int
    cells_nulled: int


def count_source(connection: duckdb.DuckDBPyConnection, *, table: Table, source: Source, source_id: int) -> None:
    """Note how many rows of a source were staged and left out; every row read is staged or unreadable."""
    counted = connection.execute(
        f"select count(*), count(*) filter (not _kept) from {stage_name(table.name)} where _source = $source",
        {"source": source_id},
    ).fetchone()
    staged, left_out = (int(counted[0]), int(counted[1])) if counted else (0, 0)
    if staged + len(source.rejected) != source.rows:
        raise LanewiseError(
            f"{source.rows} rows were read but {staged + len(source.rejected)} accounted for",
            where=table.name,
            hint="Nothing was published. This is a fault of Lanewise: please report it with the file.",
        )
    connection.execute(
        "update source set left_out_rows = $left_out where source_id = $source",
        {"left_out": left_out, "source": source_id},
    )


def _currency_of(table: Table, feed: Feed) -> str:
    fallback = text_literal(feed.currency) if feed.currency else "null::varchar"
    return f"coalesce(currency, {fallback})" if "currency" in table.names else fallback


def sum_amounts(connection: duckdb.DuckDBPyConnection, table: Table, *, amounts: Sequence[str], feed: Feed) -> None:
    """Money as it was read, per file, column and currency, before any row is folded or set aside."""
    for name in amounts:
        connection.execute(
            f"""
            insert into source_amount
            select _source, $column, {_currency_of(table, feed)}, coalesce(sum({quote(name)}), 0),
                coalesce(sum({quote(name)}) filter (not _kept), 0), 0,
                count(*) filter (len(list_filter(_problems, lambda p: p.column_name = $column
                    and contains(p.reason, ' is no '))) > 0)
            from {stage_name(table.name)}
            group by all
            having count({quote(name)}) > 0 or count(*) filter (len(list_filter(_problems, lambda p:
                p.column_name = $column and contains(p.reason, ' is no '))) > 0) > 0
            """,
            {"column": name},
        )


def count_folded(connection: duckdb.DuckDBPyConnection, table: Table, *, amounts: Sequence[str], feed: Feed) -> None:
    """Note how many rows of each source were folded, and with how much money."""
    stage = stage_name(table.name)
    connection.execute(
        f"""
        update source set folded_at_load = counted.rows
        from (select _source, count(*) as rows from {stage} where _fate = 'fold' group by _source) as counted
        where source.source_id = counted._source
        """
    )
    for name in amounts:
        connection.execute(
            f"""
            update source_amount set folded_at_load = folded.amount
            from (
                select _source, {_currency_of(table, feed)} as currency, sum({quote(name)}) as amount
                from {stage} where _fate = 'fold' and {quote(name)} is not null group by all
            ) as folded
            where source_amount.source_id = folded._source and source_amount.column_name = $column
                and source_amount.currency is not distinct from folded.currency
            """,
            {"column": name},
        )


def reconcile(connection: duckdb.DuckDBPyConnection, *, feed: str) -> list[FileResult]:
    """Account for every row of every file of every feed; a row that is nowhere fails the load."""
    loaded = " union all ".join(
        f"select _source as source_id, count(*) as rows from {quote(name)} as t"
        f" semi join source as s on t._source = s.source_id and s.table_name = {text_literal(name)} group by all"
        for name in contract()
        if exists(connection, name)
    )
    connection.execute(
        f"""
        create or replace table reconciliation as
        with
        loaded as ({loaded or "select null::integer as source_id, 0 as rows where false"}),
        held as (select source_id, count(*) as rows from quarantine group by all),
        older as (select source_id, count(*) as rows from superseded group by all),
        cells as (
            select source_id, count(*) as rows
            from nulled_cell as c
            anti join superseded as o on c.source_id = o.source_id and c.row_number = o.row_number
            anti join quarantine as q on c.source_id = q.source_id and c.row_number = q.row_number
            group by all
        ),
        final as (
            select s.source_id, s.feed, s.table_name, s.entry, s.file, s.sheet, s.read_rows,
                coalesce(l.rows, 0)::bigint as loaded_rows, s.left_out_rows,
                (s.folded_at_load + coalesce(o.rows, 0))::bigint as folded_rows,
                coalesce(h.rows, 0)::bigint as quarantined_rows, coalesce(c.rows, 0)::bigint as nulled_cells
            from source as s
            left join loaded as l using (source_id)
            left join held as h using (source_id)
            left join older as o using (source_id)
            left join cells as c using (source_id)
        )
        select * from final order by source_id
        """
    )
    wrong = connection.execute(
        "select file, table_name, read_rows, loaded_rows + left_out_rows + folded_rows + quarantined_rows"
        " from reconciliation where read_rows <> loaded_rows + left_out_rows + folded_rows + quarantined_rows"
    ).fetchall()
    if wrong:
        file, table, read, found = wrong[0]
        raise LanewiseError(
            f"{read} rows were read but {found} accounted for",
            where=f"{file}, table {table}",
            hint="Nothing was published. This is a fault of Lanewise: please report it with the file.",
        )
    rows = connection.execute(
        "select table_name, file, sheet, read_rows, loaded_rows, left_out_rows, folded_rows, quarantined_rows,"
        " nulled_cells from reconciliation where feed = $feed order by source_id",
        {"feed": feed},
    ).fetchall()
    _reconcile_amounts(connection)
    return [FileResult(*row) for row in rows]


def _reconcile_amounts(connection: duckdb.DuckDBPyConnection) -> None:
    summed = connection.execute(
        "select distinct s.table_name, a.column_name from source_amount as a join source as s using (source_id)"
    ).fetchall()
    nothing = (
        "null::integer as source_id, '' as table_name, '' as column_name, '' as currency, '' as state, 0 as amount"
    )
    parts = [f"select {nothing} where false"]
    for name, table in contract().items():
        for column in table.columns:
            if (name, column.name) not in summed:
                continue
            currency = "t.currency" if "currency" in table.names else "null::varchar"
            value = f"{text_literal(name)} as table_name, {text_literal(column.name)} as column_name"
            if exists(connection, name):
                parts.append(
                    f"select _source as source_id, {value}, {currency} as currency, 'loaded' as state,"
                    f" sum({quote(column.name)}) as amount from {quote(name)} as t group by all"
                )
            for store, state in (("superseded", "folded"), ("quarantine", "quarantined")):
                said = "row_typed ->> '$.currency'" if "currency" in table.names else "null::varchar"
                parts.append(
                    f"select source_id, {value}, {said} as currency, {text_literal(state)} as state,"
                    f" sum(cast(row_typed ->> {text_literal('$.' + column.name)} as decimal(38, 4))) as amount"
                    f" from {store} where table_name = {text_literal(name)} group by all"
                )
    connection.execute(
        f"""
        create or replace table amount_reconciliation as
        with
        held as ({" union all ".join(parts)}),
        named as (
            select h.source_id, h.column_name, coalesce(h.currency, f.currency) as currency, h.state, h.amount
            from held as h
            join source as s on h.source_id = s.source_id and h.table_name = s.table_name
            join feed as f on s.feed = f.name
            where h.amount is not null
        ),
        summed as (
            select source_id, column_name, currency,
                coalesce(sum(amount) filter (state = 'loaded'), 0) as loaded,
                coalesce(sum(amount) filter (state = 'folded'), 0) as folded,
                coalesce(sum(amount) filter (state = 'quarantined'), 0) as quarantined
            from named group by all
        ),
        final as (
            select a.source_id, s.feed, s.table_name, s.file, a.column_name, a.currency, a.read_sum,
                coalesce(m.loaded, 0) as loaded_sum, a.left_out_sum,
                a.folded_at_load + coalesce(m.folded, 0) as folded_sum,
                coalesce(m.quarantined, 0) as quarantined_sum, a.not_numbers
            from source_amount as a
            join source as s using (source_id)
            left join summed as m on a.source_id = m.source_id and a.column_name = m.column_name
                and a.currency is not distinct from m.currency
        )
        select * from final order by source_id, column_name, currency
        """
    )
    wrong = connection.execute(
        "select file, table_name, column_name, currency, read_sum - loaded_sum - left_out_sum - folded_sum"
        " - quarantined_sum as gap from amount_reconciliation where gap <> 0"
    ).fetchall()
    if wrong:
        file, table, column, currency, gap = wrong[0]
        raise LanewiseError(
            f"{gap} {currency or ''} of {column} is not accounted for",
            where=f"{file}, table {table}",
            hint="Nothing was published. This is a fault of Lanewise: please report it with the file.",
        )


def hash_content(connection: duckdb.DuckDBPyConnection, *, changes: Changes | None = None) -> str:
    """Identity of what a snapshot says, whatever the order of its rows or the day it was loaded.

    The hash of a table rests on sums over the hashes of its rows. They are kept, so that a load adds those of the rows
    that came and takes off those that went; without ``changes`` every row is hashed anew.
    """
    kept = {str(row[0]) for row in connection.execute("select table_name from content_sum").fetchall()}
    for name, table in contract().items():
        known = changes is not None and name in kept and name not in changes.whole
        if known and changes is not None and name not in changes.rows:
            continue
        if not exists(connection, name):
            connection.execute("delete from content_sum where table_name = $table", {"table": name})
            continue
        if known:
            summed = (
                "select s.table_name, s.row_count + c.rows, s.total + c.total, xor(s.mixed, c.mixed)"
                f" from content_sum as s, ({_signed_sums(table)}) as c where s.table_name = $table"
            )
        else:
            summed = f"select $table as table_name, * from ({_sums(table, quote(name))})"
        connection.execute(f"create or replace temp table summed as {summed}", {"table": name})
        connection.execute("delete from content_sum where table_name = $table", {"table": name})
        connection.execute("insert into content_sum select * from summed")
    connection.execute("delete from content")
    connection.execute(
        "insert into content select table_name, row_count, sha256(row_count || ',' || total || ',' || mixed)"
        " from content_sum where row_count > 0"
    )
    row = connection.execute(
        "select sha256(coalesce(string_agg(table_name || ' ' || hash, ';' order by table_name), '')) from content"
    ).fetchone()
    return str(row[0]) if row else ""


def _row_hash(table: Table) -> str:
    return f"hash({', '.join(quote(column) for column in [*table.names, '_feed'])})"


def _sums(table: Table, source: str) -> str:
    """SQL of the count of rows, and of the sum and the exclusive or of their hashes."""
    row = _row_hash(table)
    return (
        f"select count(*) as rows, coalesce(sum({row}::hugeint), 0)::hugeint as total,"
        f" coalesce(bit_xor({row}), 0)::ubigint as mixed from {source}"
    )


def _signed_sums(table: Table) -> str:
    """The same of the rows that came less those that went."""
    row = f"if(_gone, -1, 1) * {_row_hash(table)}::hugeint"
    return (
        f"select coalesce(sum(if(_gone, -1, 1)), 0)::bigint as rows, coalesce(sum({row}), 0)::hugeint as total,"
        f" coalesce(bit_xor({_row_hash(table)}), 0)::ubigint as mixed from changed_{table.name}"
    )
