"""Rows that share a key, and rows whose parent is missing: what is kept, folded, superseded or quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from data.casting import quote, text_literal
from data.contract import Column, Table, contract
from data.staging import PROVENANCE, stage_name

_MOVEMENT_TABLE = "claim_movement"


@dataclass(frozen=True)
class Moved:
    """Rows of a feed that changed state because another feed was loaded."""

    feed: str
    table: str
    rows: int
    reason: str


def exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Does the snapshot being built hold this table?"""
    row = connection.execute(
        "select count(*) from duckdb_tables() where table_name = $table and schema_name = 'main' and not temporary",
        {"table": table},
    ).fetchone()
    return bool(row and row[0])


def _list(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{quote(name)}" for name in columns)


def _same(columns: Sequence[str], left: str, right: str) -> str:
    return " and ".join(f"{left}.{quote(name)} is not distinct from {right}.{quote(name)}" for name in columns)


def _typed(columns: Sequence[Column], prefix: str = "") -> str:
    fields = ", ".join(f"{quote(c.name)} := {prefix}{quote(c.name)}::varchar" for c in columns)
    return f"to_json(struct_pack({fields}))::varchar"


def restored(table: Table, json: str = "row_typed") -> str:
    """SQL of the contract's columns out of a row kept as JSON of texts."""
    return ", ".join(
        f"cast({json} ->> {text_literal('$.' + c.name)} as {c.type}) as {quote(c.name)}" for c in table.columns
    )


def quarantine_bad_rows(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> None:
    """Move staged rows that broke a rule to quarantine, and list the optional cells that became null in the others."""
    stage = stage_name(table.name)
    connection.execute(
        f"""
        insert into quarantine
        select $feed, _source, $table, _row,
            case
                when list_contains(list_transform(_problems, lambda p: p.column_name), 'where') then 'expression'
                when len(list_filter(_problems, lambda p: p.fatal and contains(p.reason, 'breaks the rule'))) > 0
                    then 'check'
                else 'value'
            end,
            list_transform(_problems, lambda p: {{
                'column_name': p.column_name, 'value': p.value, 'reason': p.reason}}),
            _raw, {_typed(table.columns)}
        from {stage}
        where _fatal
        """,
        {"feed": feed, "table": table.name},
    )
    connection.execute(f"delete from {stage} where _fatal")


def list_nulled_cells(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> None:
    """List the optional cells that became null in the rows of a stage that will be loaded."""
    connection.execute(
        f"""
        insert into nulled_cell
        select $feed, _source, $table, _row, problem.column_name, problem.value, problem.reason
        from (
            select _source, _row, unnest(_problems) as problem
            from {stage_name(table.name)}
            where _kept and _problems is not null
        )
        """,
        {"feed": feed, "table": table.name},
    )


def fold_repeats(
    connection: duckdb.DuckDBPyConnection, table: Table, *, distinct: Sequence[int], latest: Sequence[int]
) -> None:
    """Settle rows of one stage that share a key.

    Exact repeats are folded. Of rows with the same key and other content, ``distinct`` entries keep the most frequent
    variant and fold the others; ``latest`` entries keep the newest (by ``valued_on``, else the last) and supersede the
    others; the rest keep the first and quarantine the others.

    Adds ``_fate`` to the stage: 'load', 'fold', 'supersede', 'duplicate'; null for rows left out.
    """
    stage, key = stage_name(table.name), _list(table.key)
    connection.execute(f"alter table {stage} add column _fate varchar")
    connection.execute(f"update {stage} set _fate = 'load' where _kept")
    repeated = connection.execute(
        f"select count(*) from (select {key} from {stage} where _kept group by {key} having count(*) > 1)"
    ).fetchone()
    if not repeated or not repeated[0]:
        return
    newest = "valued_on desc nulls last, " if "valued_on" in table.names else ""
    connection.execute(
        f"""
        create or replace temp table fate as
        with
        shared as (select {key} from {stage} where _kept group by {key} having count(*) > 1),
        rows as (
            select s.*, hash({_list(table.names, "s.")}) as _content, s.rowid as _id
            from {stage} as s semi join shared as k on {_same(table.key, "s", "k")}
            where s._kept
        ),
        counted as (
            select *, count(*) over (partition by {key}, _content) as _times,
                row_number() over (partition by {key}, _content order by _source, _row) as _copy
            from rows
        ),
        ranked as (
            select _id, _content, _copy, _entry,
                first_value(_content) over (partition by {key} order by _times desc, _source, _row) as _frequent,
                first_value(_content) over (partition by {key} order by _source, _row) as _first,
                first_value(_content) over (partition by {key} order by {newest}_source desc, _row desc) as _newest,
                max(_entry) over (partition by {key}) as _last_entry
            from counted
        ),
        final as (
            select _id, case
                when _last_entry in ({_numbers(distinct)}) then if(_content = _frequent and _copy = 1, 'load', 'fold')
                when _last_entry in ({_numbers(latest)})
                    then if(_copy > 1, 'fold', if(_content = _newest, 'load', 'supersede'))
                else if(_content = _first, if(_copy = 1, 'load', 'fold'), 'duplicate')
            end as fate
            from ranked
        )
        select * from final
        """
    )
    connection.execute(f"update {stage} set _fate = fate.fate from fate where {stage}.rowid = fate._id")


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(str(n) for n in numbers) or "-1"


def meet_existing(connection: duckdb.DuckDBPyConnection, table: Table, *, latest: Sequence[int]) -> None:
    """Settle staged rows whose key the portfolio already holds, by the same rules as within a file."""
    if not exists(connection, table.name):
        return
    stage = stage_name(table.name)
    newer = "(s.valued_on >= t.valued_on or t.valued_on is null)" if "valued_on" in table.names else "true"
    connection.execute(
        f"""
        create or replace temp table meeting as
        select s.rowid as stage_id, t.rowid as table_id, {_same(table.names, "s", "t")} as same,
            s._entry in ({_numbers(latest)}) as newest_wins, {newer} as newer
        from {stage} as s join {quote(table.name)} as t on {_same(table.key, "s", "t")}
        where s._fate = 'load'
        """
    )
    connection.execute(
        f"""
        insert into superseded
        select t._feed, t._source, {text_literal(table.name)}, t._row, {_typed(table.columns, "t.")}
        from {quote(table.name)} as t join meeting as m on t.rowid = m.table_id
        where not m.same and m.newest_wins and m.newer
        """
    )
    connection.execute(
        f"""
        update {stage} set _fate = case
            when m.same then 'fold'
            when m.newest_wins and m.newer then 'load'
            when m.newest_wins then 'supersede'
            else 'duplicate'
        end
        from meeting as m
        where {stage}.rowid = m.stage_id
        """
    )
    connection.execute(
        f"delete from {quote(table.name)} where rowid in"
        " (select table_id from meeting where not same and newest_wins and newer)"
    )


def store_rows(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> None:
    """Put staged rows where their fate sends them."""
    stage = stage_name(table.name)
    columns = _list(table.names)
    ensure_table(connection, table)
    connection.execute(
        f"insert into {quote(table.name)} select {columns}, $feed, _source, _row from {stage} where _fate = 'load'",
        {"feed": feed},
    )
    connection.execute(
        f"insert into superseded select $feed, _source, $table, _row, {_typed(table.columns)}"
        f" from {stage} where _fate = 'supersede'",
        {"feed": feed, "table": table.name},
    )
    key_words = " || ', ' || ".join(f"coalesce({quote(c)}::varchar, 'nothing')" for c in table.key)
    reason = f"{', '.join(table.key)} ' || {key_words} || ' is there already with other content"
    connection.execute(
        f"""
        insert into quarantine
        select $feed, _source, $table, _row, 'duplicate',
            [{{'column_name': {text_literal(", ".join(table.key))}, 'value': {key_words}, 'reason': '{reason}'}}],
            {_typed(table.columns)}, {_typed(table.columns)}
        from {stage}
        where _fate = 'duplicate'
        """,
        {"feed": feed, "table": table.name},
    )


def ensure_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make the snapshot's own table, without constraints, with the contract's words on every column."""
    if exists(connection, table.name):
        return
    columns = ", ".join(f"{quote(c.name)} {c.type}" for c in table.columns)
    connection.execute(f"create table {quote(table.name)} ({columns}, _feed varchar, _source integer, _row bigint)")
    connection.execute(f"comment on table {quote(table.name)} is {text_literal(table.meaning)}")
    for column in table.columns:
        connection.execute(
            f"comment on column {quote(table.name)}.{quote(column.name)} is {text_literal(column.meaning)}"
        )


def bring_back_rows(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> list[Moved]:
    """Bring back rows of other feeds whose key has become free: superseded ones first (newest), then duplicates."""
    moved: list[Moved] = []
    newest = "valued_on desc nulls last, _source desc, _row desc"
    newest = newest if "valued_on" in table.names else "_source desc, _row desc"
    for store, condition, order, why in (
        ("superseded", "true", newest, "the newer row is gone"),
        ("quarantine", "kind = 'duplicate'", "_source, _row", "the row with the same key is gone"),
    ):
        candidates = f"""
            with
            kept as (
                select rowid as _id, feed as _feed, source_id as _source, row_number as _row, {restored(table)}
                from {store}
                where table_name = {text_literal(table.name)} and {condition}
            ),
            free as (select * from kept as k anti join {quote(table.name)} as t on {_same(table.key, "k", "t")}),
            ranked as (
                select *, row_number() over (
                    partition by {_list(table.key)}
                    order by {order}
                ) as _place
                from free
            )
            select * exclude (_place) from ranked where _place = 1
        """
        count = connection.execute(
            f"select count(*) from {store} where table_name = $table and {condition}", {"table": table.name}
        ).fetchone()
        if not count or not count[0]:
            continue
        ensure_table(connection, table)
        moved += _restore(connection, table, store=store, candidates=candidates, why=why, feed=feed)
    return moved


def _restore(
    connection: duckdb.DuckDBPyConnection, table: Table, *, store: str, candidates: str, why: str, feed: str
) -> list[Moved]:
    connection.execute(f"create or replace temp table returning_rows as {candidates}")
    connection.execute(
        f"insert into {quote(table.name)} by name"
        f" select {_list(table.names)}, {', '.join(PROVENANCE)} from returning_rows"
    )
    connection.execute(f"delete from {store} where rowid in (select _id from returning_rows)")
    counted = connection.execute("select _feed, count(*) from returning_rows group by all order by all").fetchall()
    return [Moved(name, table.name, rows, why) for name, rows in counted if name != feed]


def settle_references(connection: duckdb.DuckDBPyConnection, *, feed: str) -> tuple[list[Moved], list[Moved]]:
    """Check every hard reference, parents first: quarantine rows that lost theirs, bring back orphans that found it.

    Returns
    -------
    The rows of *other* feeds that were lost, and those that came back.
    """
    lost: list[Moved] = []
    back: list[Moved] = []
    for table in contract().values():
        hard = [c for c in table.columns if c.reference is not None and c.reference.hard]
        if not hard:
            continue
        back += _return_orphans(connection, table, hard, feed=feed)
        if exists(connection, table.name):
            for column in hard:
                lost += _quarantine_orphans(connection, table, column, feed=feed)
    # What came back and was lost again (a second parent is missing) is no news.
    again = {(m.feed, m.table) for m in lost} & {(m.feed, m.table) for m in back}
    return [m for m in lost if (m.feed, m.table) not in again], [m for m in back if (m.feed, m.table) not in again]


def _return_orphans(
    connection: duckdb.DuckDBPyConnection, table: Table, hard: Sequence[Column], *, feed: str
) -> list[Moved]:
    waiting = connection.execute(
        "select count(*) from quarantine where kind = 'reference' and table_name = $table", {"table": table.name}
    ).fetchone()
    parents = [c.reference.table for c in hard if c.reference]
    if not waiting or not waiting[0] or not all(exists(connection, parent) for parent in parents):
        return []
    ensure_table(connection, table)
    found = " ".join(
        f"semi join {quote(c.reference.table)} as p{i} on k.{quote(c.name)} = p{i}.{quote(c.reference.column)}"
        for i, c in enumerate(hard)
        if c.reference
    )
    candidates = f"""
        with
        kept as (
            select rowid as _id, feed as _feed, source_id as _source, row_number as _row, {restored(table)}
            from quarantine
            where kind = 'reference' and table_name = {text_literal(table.name)}
        ),
        adopted as (select k.* from kept as k {found}),
        final as (
            select a.* from adopted as a anti join {quote(table.name)} as t on {_same(table.key, "a", "t")}
            qualify row_number() over (partition by {_list(table.key, "a.")} order by _source, _row) = 1
        )
        select * from final
    """
    return _restore(
        connection, table, store="quarantine", candidates=candidates, why="its parent is there now", feed=feed
    )


def _quarantine_orphans(
    connection: duckdb.DuckDBPyConnection, table: Table, column: Column, *, feed: str
) -> list[Moved]:
    reference = column.reference
    if reference is None:
        return []
    parent = quote(reference.table)
    missing = (
        f"not exists (select 1 from {parent} as p where p.{quote(reference.column)} = t.{quote(column.name)})"
        if exists(connection, reference.table)
        else "true"
    )
    reason = f"{column.name} ''' || t.{quote(column.name)} || ''' is not in {reference.table}"
    counted = connection.execute(
        f"select _feed, count(*) from {quote(table.name)} as t where {missing} group by all order by all"
    ).fetchall()
    if not counted:
        return []
    connection.execute(
        f"""
        insert into quarantine
        select t._feed, t._source, {text_literal(table.name)}, t._row, 'reference',
            [{{'column_name': {text_literal(column.name)}, 'value': t.{quote(column.name)}, 'reason': '{reason}'}}],
            {_typed(table.columns, "t.")}, {_typed(table.columns, "t.")}
        from {quote(table.name)} as t
        where {missing}
        """
    )
    connection.execute(f"delete from {quote(table.name)} as t where {missing}")
    why = f"{column.name} is not in {reference.table} any more"
    return [Moved(name, table.name, rows, why) for name, rows in counted if name != feed]


def rebuild_movements(connection: duckdb.DuckDBPyConnection) -> None:
    """Make claim movements out of the valuations that newer ones superseded; those fed as movements stay."""
    movement, claim = contract()[_MOVEMENT_TABLE], contract()["claim"]
    derived = "_source in (select source_id from source where table_name = 'claim')"
    if exists(connection, _MOVEMENT_TABLE):
        connection.execute(f"delete from {_MOVEMENT_TABLE} where {derived}")
    valued = connection.execute(
        "select count(*) from superseded where table_name = 'claim' and row_typed ->> '$.valued_on' is not null"
    ).fetchone()
    if not valued or not valued[0]:
        return
    ensure_table(connection, movement)
    carried = ", ".join(quote(c) for c in movement.names if c not in {"moved_on", "claim_id"})
    connection.execute(
        f"""
        insert into {_MOVEMENT_TABLE} by name
        with
        older as (
            select {restored(claim)}, feed as _feed, source_id as _source, row_number as _row
            from superseded
            where table_name = 'claim'
        ),
        dated as (
            select claim_id, valued_on as moved_on, {carried}, _feed, _source, _row
            from older
            where valued_on is not null
            qualify row_number() over (partition by claim_id, valued_on order by _source desc, _row desc) = 1
        )
        select d.* from dated as d anti join {_MOVEMENT_TABLE} as m
            on d.claim_id = m.claim_id and d.moved_on = m.moved_on
        """
    )


def list_orphans(connection: duckdb.DuckDBPyConnection) -> None:
    """List the values of loose references that find nothing; their rows stay."""
    connection.execute("delete from orphan")
    for table in contract().values():
        if not exists(connection, table.name):
            continue
        for column in table.columns:
            reference = column.reference
            if reference is None or reference.hard:
                continue
            parent = quote(reference.table)
            missing = (
                f"not exists (select 1 from {parent} as p where p.{quote(reference.column)} = t.{quote(column.name)})"
                if exists(connection, reference.table)
                else "true"
            )
            connection.execute(
                f"""
                insert into orphan
                select $table, $column, $parent, t.{quote(column.name)}, count(*), _feed
                from {quote(table.name)} as t
                where t.{quote(column.name)} is not null and {missing}
                group by all
                """,
                {"table": table.name, "column": column.name, "parent": reference.table},
            )
