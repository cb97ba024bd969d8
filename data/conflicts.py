"""Rows that share a key, and rows whose parent is missing: which is loaded, and where the others wait.

Every row that is not loaded although it could be is kept whole, as JSON of texts: exact repeats of another feed's row,
variants and older valuations in ``superseded``, rows with other content and rows without their parent in
``quarantine``. Each load settles the contested keys of each table anew, parents first, out of all the rows that ask for
them. So the outcome does not depend on the order of reloads, and a row comes back when what stood in its way is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from data.casting import quote, text_literal
from data.catalog import exists, has_rows
from data.changes import Changes
from data.contract import Column, Table, contract
from data.staging import WORKING, stage_name

_MOVEMENT_TABLE = "claim_movement"
_DERIVED = "_source in (select source_id from source where table_name = 'claim')"


@dataclass(frozen=True)
class Moved:
    """Rows of a feed that changed state because another feed was loaded."""

    feed: str
    table: str
    rows: int
    reason: str


def _list(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{quote(name)}" for name in columns)


def _same(columns: Sequence[str], left: str, right: str) -> str:
    return " and ".join(f"{left}.{quote(name)} is not distinct from {right}.{quote(name)}" for name in columns)


def _typed(columns: Sequence[Column], prefix: str = "") -> str:
    fields = ", ".join(f"{quote(c.name)} := {prefix}{quote(c.name)}::varchar" for c in columns)
    return f"to_json(struct_pack({fields}))::varchar"


def _restored(table: Table, json: str = "row_typed") -> str:
    """SQL of the contract's columns out of a row kept as JSON of texts."""
    return ", ".join(
        f"cast({json} ->> {text_literal('$.' + c.name)} as {c.type}) as {quote(c.name)}" for c in table.columns
    )


def quarantine_bad_rows(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> None:
    """Move staged rows that broke a rule to quarantine."""
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
    if connection.execute(f"select 1 from {stage} where _fatal limit 1").fetchone():
        connection.execute(f"delete from {stage} where _fatal")


def fold_repeats(connection: duckdb.DuckDBPyConnection, table: Table, *, distinct: Sequence[int]) -> bool:
    """Fold what one load repeats: exact copies, and within a ``distinct`` entry all but the most frequent variant.

    Rows with the same key and other content are settled by :func:`settle_table`.

    Returns
    -------
    Whether any key is there more than once.
    """
    stage, key = stage_name(table.name), _list(table.key)
    repeated = connection.execute(
        f"select 1 from (select {key} from {stage} where _kept group by {key} having count(*) > 1) limit 1"
    ).fetchone()
    if not repeated:
        return False
    # Cells that became null still tell rows apart: '1O0' and '2OO' are no copies of each other.
    bad = "list_sort(list_transform(s._problems, lambda p: concat_ws('=', p.column_name, p.value)))"
    numbers = ", ".join(str(n) for n in distinct) or "-1"
    connection.execute(
        f"""
        create or replace temp table fate as
        with
        shared as (select {key} from {stage} where _kept group by {key} having count(*) > 1),
        rows as (
            select {_list(table.key, "s.")}, s._source, s._row, s.rowid as _id,
                if(s._entry in ({numbers}), s._entry, null) as _variants_of,
                hash({_list(table.names, "s.")}, {bad}) as _content
            from {stage} as s semi join shared as k on {_same(table.key, "s", "k")}
            where s._kept
        ),
        counted as (
            select *, count(*) over (partition by {key}, _variants_of, _content) as _times,
                row_number() over (
                    partition by {key}, _content order by _variants_of nulls first, _source, _row
                ) as _copy
            from rows
        ),
        ranked as (
            select *, first_value(_content) over (
                partition by {key}, _variants_of order by _times desc, _source, _row
            ) as _frequent
            from counted
        ),
        final as (
            select _id, if(_copy > 1 or (_variants_of is not null and _content <> _frequent), 'fold', 'load') as fate
            from ranked
        )
        select * from final
        """
    )
    connection.execute(
        f"update {stage} set _fate = fate.fate from fate where {stage}.rowid = fate._id and fate.fate <> 'load'"
    )
    return True


def list_nulled_cells(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> None:
    """List the optional cells that became null in the rows of a stage that are not folded."""
    connection.execute(
        f"""
        insert into nulled_cell
        select $feed, _source, $table, _row, problem.column_name, problem.value, problem.reason
        from (
            select _source, _row, unnest(_problems) as problem
            from {stage_name(table.name)}
            where _fate = 'load' and _problems is not null
        )
        """,
        {"feed": feed, "table": table.name},
    )


def ensure_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make the snapshot's own table, without constraints, with the contract's words on every column."""
    if not exists(connection, table.name):
        _create(connection, table)
        _comment(connection, table)


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f"{quote(c.name)} {c.type}" for c in table.columns)
    connection.execute(f"create table {quote(table.name)} ({columns}, _feed varchar, _source integer, _row bigint)")


def _comment(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Put the contract's words on a table and its columns; in one transaction, for each is written to the disk."""
    name = quote(table.name)
    said = [
        f"comment on column {name}.{quote(column.name)} is {text_literal(column.meaning)}" for column in table.columns
    ]
    words = [f"comment on table {name} is {text_literal(table.meaning)}", *said]
    connection.execute("; ".join(["begin transaction", *words, "commit"]))


def settle_table(
    connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str, changes: Changes, repeats: bool = False
) -> tuple[list[Moved], list[Moved]]:
    """Decide which row holds each key of a table, and store the stage's rows; parents are settled before.

    Rows without a hard parent are quarantined and do not compete. Of the others that share a key: where one of them
    was loaded as ``latest``, the newest wins (by ``valued_on``, else by the feeds' order) and the others are kept as
    older; else the first wins, rows of ``distinct`` entries last, and others with different content are quarantined.

    Parameters
    ----------
    changes
        What the load has changed so far; the rows that go from this table and come into it are noted there.
    repeats
        Whether the stage holds any key more than once.

    Returns
    -------
    The rows of *other* feeds that were lost, and those that came back.
    """
    staged = exists(connection, stage_name(table.name))
    hard = [c for c in table.columns if c.reference is not None and c.reference.hard]
    waits = _waiting(connection, table)
    if not staged and not waits and not exists(connection, table.name):
        return [], []
    is_new = not exists(connection, table.name)
    if is_new:
        _create(connection, table)
    moved: tuple[list[Moved], list[Moved]] = ([], [])
    if _find_contested(connection, table, hard, staged=staged, waits=waits, repeats=repeats, changes=changes):
        _pool(connection, table, staged=staged)
        _judge(connection, table, hard)
        _place(connection, table)
        changes.went(table, source="(select * from pool where _origin = 'table')")
        changes.came(table, source="(select * from judged where _fate = 'load')")
        moved = _news(connection, table, feed=feed)
    is_replaced = staged and _store(connection, table, changes=changes)
    if is_new or is_replaced:
        _comment(connection, table)
    return moved


def _store(connection: duckdb.DuckDBPyConnection, table: Table, *, changes: Changes) -> bool:
    """Put the stage's rows into the table: where that is empty, by making the stage the table, which is then true."""
    stage, name = stage_name(table.name), quote(table.name)
    loading = f"(select * from {stage} where _fate = 'load')"
    if exists(connection, stage, temporary=True) or has_rows(connection, table.name):
        changes.came(table, source=loading)
        connection.execute(
            f"insert into {name} select {_list(table.names)}, _feed, _source, _row from {stage} where _fate = 'load'"
        )
        connection.execute(f"drop table {stage}")
        return False
    changes.came(table, source=loading)
    if connection.execute(f"select 1 from {stage} where _fate is distinct from 'load' limit 1").fetchone():
        connection.execute(f"delete from {stage} where _fate is distinct from 'load'")
    for column in WORKING:
        connection.execute(f"alter table {stage} drop column {column}")
    connection.execute(f"drop table {name}")
    connection.execute(f"alter table {stage} rename to {name}")
    return True


def _waiting(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    row = connection.execute(
        "select (select count(*) from superseded where table_name = $table) + (select count(*) from quarantine"
        " where table_name = $table and kind in ('duplicate', 'reference'))",
        {"table": table.name},
    ).fetchone()
    return bool(row and row[0])


def _orphaned(connection: duckdb.DuckDBPyConnection, hard: Sequence[Column], alias: str) -> str:
    """SQL of the first hard reference of a row that finds nothing; null where all find theirs."""
    cases = []
    for column in hard:
        reference = column.reference
        if reference is None:
            continue
        value = f"{alias}.{quote(column.name)}"
        if exists(connection, reference.table):
            parent = f"select {quote(reference.column)} from {quote(reference.table)}"
            cases.append(f"when {value} not in ({parent}) then {text_literal(column.name)}")
        else:
            cases.append(f"when true then {text_literal(column.name)}")
    return f"case {' '.join(cases)} end" if cases else "null::varchar"


def _childless(connection: duckdb.DuckDBPyConnection, table: Table, column: Column, *, rows: str) -> str:
    """SQL of the keys of those ``rows`` whose reference finds nothing; the smaller side is hashed, unlike by not in."""
    reference = column.reference
    if reference is None or not exists(connection, reference.table):
        return f"select {_list(table.key)} from {rows}"
    return (
        f"select {_list(table.key, 'r.')} from {rows} as r anti join {quote(reference.table)} as p"
        f" on r.{quote(column.name)} = p.{quote(reference.column)} where r.{quote(column.name)} is not null"
    )


def _find_contested(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    hard: Sequence[Column],
    *,
    staged: bool,
    waits: bool,
    repeats: bool,
    changes: Changes,
) -> bool:
    """Collect the keys that more than one row asks for, or that a row without its parent holds."""
    key, stage, name = _list(table.key), stage_name(table.name), quote(table.name)
    mine = f"table_name = {text_literal(table.name)}"
    waiting = f"quarantine where {mine} and kind in ('duplicate', 'reference')"
    parts = [f"select {key} from {name} where false"]
    if waits:
        parts.append(f"select {key} from (select {_restored(table)} from superseded where {mine})")
        parts.append(f"select {key} from (select {_restored(table)} from {waiting})")
    # Rows that had their parent before have it still, unless parents went.
    parts += [
        _childless(connection, table, column, rows=name)
        for column in hard
        if column.reference is not None and column.reference.table in changes.shrunk
    ]
    if staged:
        loading = f"(select * from {stage} where _fate = 'load')"
        if repeats:
            parts.append(f"select {key} from {loading} group by {key} having count(*) > 1")
        if has_rows(connection, table.name):
            shared = f"semi join {name} as t on {_same(table.key, 's', 't')}"
            parts.append(f"select {_list(table.key, 's.')} from {loading} as s {shared}")
        parts += [_childless(connection, table, column, rows=loading) for column in hard]
    connection.execute(f"create or replace temp table contested as {' union '.join(parts)}")
    return connection.execute("select 1 from contested limit 1").fetchone() is not None


def _pool(connection: duckdb.DuckDBPyConnection, table: Table, *, staged: bool) -> None:
    """Take every row that asks for a contested key out of where it is."""
    name, columns = quote(table.name), _list(table.names)
    mine = f"table_name = {text_literal(table.name)}"
    held = f"{_restored(table)}, feed as _feed, source_id as _source, row_number as _row, 'held' as _origin"
    loaded = f"{name} as t semi join contested as k on {_same(table.key, 't', 'k')}"
    parts = [
        f"select {columns}, _feed, _source, _row, 'table' as _origin from {loaded}",
        f"select {held} from superseded where {mine}",
        f"select {held} from quarantine where {mine} and kind in ('duplicate', 'reference')",
    ]
    if staged:
        parts.append(
            f"select {_list(table.names, 's.')}, src.feed as _feed, s._source, s._row, 'stage' as _origin"
            f" from {stage_name(table.name)} as s join source as src on s._source = src.source_id"
            f" semi join contested as k on {_same(table.key, 's', 'k')} where s._fate = 'load'"
        )
    connection.execute(f"create or replace temp table pool as {' union all '.join(parts)}")
    taken = f"rowid in (select t.rowid from {{}} as t semi join contested as k on {_same(table.key, 't', 'k')})"
    connection.execute(f"delete from {name} where {taken.format(name)}")
    connection.execute(f"delete from superseded where {mine}")
    connection.execute(f"delete from quarantine where {mine} and kind in ('duplicate', 'reference')")
    if staged:
        stage = stage_name(table.name)
        connection.execute(f"update {stage} set _fate = 'settled' where _fate = 'load' and {taken.format(stage)}")


def _judge(connection: duckdb.DuckDBPyConnection, table: Table, hard: Sequence[Column]) -> None:
    """Give each pooled row its fate: load, repeat, variant, older, duplicate or reference."""
    key = _list(table.key)
    newest = "_valued_on desc nulls last, _sequence desc, _source desc, _row desc"
    first = "_rule = 'distinct', _sequence, _source, _row"
    valued = "p.valued_on" if "valued_on" in table.names else "null::date"
    connection.execute(
        f"""
        create or replace temp table judged as
        with
        known as (
            select p.*, s.rule as _rule, f.sequence as _sequence, {valued} as _valued_on,
                hash({_list(table.names, "p.")}) as _content, {_orphaned(connection, hard, "p")} as _lacks
            from pool as p
            join source as s on p._source = s.source_id
            join feed as f on s.feed = f.name
        ),
        ruled as (
            select *, bool_or(_rule = 'latest' and _lacks is null) over (partition by {key}) as _by_date from known
        ),
        ranked as (
            select *,
                if(_by_date, row_number() over (partition by {key}, _lacks is null order by {newest}),
                    row_number() over (partition by {key}, _lacks is null order by {first})) as _place,
                if(_by_date, first_value(_content) over (partition by {key}, _lacks is null order by {newest}),
                    first_value(_content) over (partition by {key}, _lacks is null order by {first})) as _winner
            from ruled
        ),
        final as (
            select * exclude (_by_date, _place, _winner), case
                when _lacks is not null then 'reference'
                when _place = 1 then 'load'
                when _content = _winner then 'repeat'
                when _by_date then 'older'
                when _rule = 'distinct' then 'variant'
                else 'duplicate'
            end as _fate
            from ranked
        )
        select * from final
        """
    )


def _place(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Put judged rows where their fate sends them."""
    mine = text_literal(table.name)
    connection.execute(
        f"insert into {quote(table.name)} select {_list(table.names)}, _feed, _source, _row from judged"
        " where _fate = 'load'"
    )
    connection.execute(
        f"insert into superseded select _feed, _source, {mine}, _row, _fate, {_typed(table.columns)} from judged"
        " where _fate in ('repeat', 'variant', 'older')"
    )
    key = text_literal(", ".join(table.key))
    value = " || ', ' || ".join(f"coalesce({quote(c)}::varchar, 'nothing')" for c in table.key)
    connection.execute(
        f"""
        insert into quarantine
        select _feed, _source, {mine}, _row, 'duplicate',
            [{{'column_name': {key}, 'value': {value},
                'reason': {key} || ' ' || {value} || ' is there already with other content'}}],
            {_typed(table.columns)}, {_typed(table.columns)}
        from judged
        where _fate = 'duplicate'
        """
    )
    for column in table.columns:
        if column.reference is None or not column.reference.hard:
            continue
        name = text_literal(column.name)
        connection.execute(
            f"""
            insert into quarantine
            select _feed, _source, {mine}, _row, 'reference',
                [{{'column_name': {name}, 'value': {quote(column.name)},
                    'reason': {name} || ' ''' || {quote(column.name)} || ''' is not in {column.reference.table}'}}],
                {_typed(table.columns)}, {_typed(table.columns)}
            from judged
            where _fate = 'reference' and _lacks = {name}
            """
        )


def _news(connection: duckdb.DuckDBPyConnection, table: Table, *, feed: str) -> tuple[list[Moved], list[Moved]]:
    lost = connection.execute(
        "select _feed, coalesce(_lacks || ' is not there any more', 'its key is taken'), count(*) from judged"
        " where _origin = 'table' and _fate in ('reference', 'duplicate') and _feed <> $feed group by all order by all",
        {"feed": feed},
    ).fetchall()
    back = connection.execute(
        "select _feed, count(*) from judged where _origin = 'held' and _fate = 'load' and _feed <> $feed"
        " group by all order by all",
        {"feed": feed},
    ).fetchall()
    return (
        [Moved(name, table.name, rows, reason) for name, reason, rows in lost],
        [Moved(name, table.name, rows, "what stood in the way is gone") for name, rows in back],
    )


def drop_movements(connection: duckdb.DuckDBPyConnection, *, changes: Changes) -> None:
    """Take out the claim movements that were made out of older valuations; those fed as movements stay."""
    if exists(connection, _MOVEMENT_TABLE):
        movement = contract()[_MOVEMENT_TABLE]
        changes.went(movement, source=f"(select * from {_MOVEMENT_TABLE} where {_DERIVED})")
        connection.execute(f"delete from {_MOVEMENT_TABLE} where {_DERIVED}")


def make_movements(connection: duckdb.DuckDBPyConnection, *, changes: Changes) -> None:
    """Make claim movements out of the older valuations of each claim, where none was fed for that day."""
    movement, claim = contract()[_MOVEMENT_TABLE], contract()["claim"]
    valued = connection.execute(
        "select count(*) from superseded where table_name = 'claim' and kind = 'older'"
        " and row_typed ->> '$.valued_on' is not null"
    ).fetchone()
    if not valued or not valued[0]:
        return
    ensure_table(connection, movement)
    carried = ", ".join(quote(c) for c in movement.names if c not in {"moved_on", "claim_id"})
    connection.execute(
        f"""
        create or replace temp table made_movement as
        with
        older as (
            select {_restored(claim)}, feed as _feed, source_id as _source, row_number as _row
            from superseded
            where table_name = 'claim' and kind = 'older'
        ),
        dated as (
            select o.claim_id, o.valued_on as moved_on, {carried}, o._feed, o._source, o._row
            from older as o
            where o.valued_on is not null
            qualify row_number() over (partition by o.claim_id, o.valued_on order by o._source desc, o._row desc) = 1
        ),
        unlike as (
            select d.* from dated as d anti join claim as c on d.claim_id = c.claim_id and d.moved_on = c.valued_on
        )
        select u.* from unlike as u anti join {_MOVEMENT_TABLE} as m
            on u.claim_id = m.claim_id and u.moved_on = m.moved_on
        """
    )
    changes.came(movement, source="made_movement")
    connection.execute(f"insert into {_MOVEMENT_TABLE} by name select * from made_movement")


def list_orphans(connection: duckdb.DuckDBPyConnection, *, changes: Changes) -> None:
    """List the values of loose references that find nothing; their rows stay.

    Only values are looked for again that rows which went or came hold, as reference or as what is referred to.
    """
    for table in contract().values():
        if not exists(connection, table.name):
            continue
        for column in table.columns:
            if column.reference is None or column.reference.hard:
                continue
            ends = {table.name, column.reference.table}
            if ends & changes.whole:
                _list_orphans(connection, table, column, only="")
            elif touched := ends & changes.rows:
                own, parent = quote(column.name), quote(column.reference.column)
                values = [f"select {own} as v from changed_{table.name}"] if table.name in touched else []
                if column.reference.table in touched:
                    values.append(f"select {parent} as v from changed_{column.reference.table}")
                _list_orphans(connection, table, column, only=" union ".join(values))


def _list_orphans(connection: duckdb.DuckDBPyConnection, table: Table, column: Column, *, only: str) -> None:
    """List one reference anew; where ``only`` is a query, for the values that it gives."""
    reference = column.reference
    assert reference is not None
    own, parent = quote(column.name), quote(reference.table)
    missing = (
        f"not exists (select 1 from {parent} as p where p.{quote(reference.column)} = t.{own})"
        if exists(connection, reference.table)
        else "true"
    )
    named = {"table": table.name, "column": column.name}
    connection.execute(
        "delete from orphan where table_name = $table and column_name = $column"
        + (f" and value in ({only})" if only else ""),
        named,
    )
    rows = f"{quote(table.name)} as t" + (f" semi join ({only}) as x on t.{own} = x.v" if only else "")
    connection.execute(
        f"""
        insert into orphan
        select $table, $column, $parent, t.{own}, count(*), _feed
        from {rows}
        where t.{own} is not null and {missing}
        group by all
        """,
        {**named, "parent": reference.table},
    )
