"""From one file's rows to contract values: a single vectorised statement that casts, checks and words each reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from data.casting import cast_value, noun, quote, text_literal, within_range
from data.contract import Check, Column, Table
from data.errors import LanewiseError
from data.expressions import referenced_columns
from data.feed import Feed, TableFeed
from data.reading import Source

#: Columns that identify a person; they are stored as a keyed hash only.
PERSONAL = frozenset({"operator_id"})
#: What every contract table carries beside its own columns: feed, source file and row number in that file.
PROVENANCE = ("_feed", "_source", "_row")
#: What a stage carries beside the columns of the table that it may become. ``_fate`` is 'load' or 'fold'; null for rows
#: left out.
WORKING = {
    "_entry": "integer",
    "_kept": "boolean",
    "_fatal": "boolean",
    "_problems": "struct(column_name varchar, value varchar, reason varchar, fatal boolean)[]",
    "_raw": "varchar",
    "_fate": "varchar",
}
_SHOWN = 200


@dataclass(frozen=True)
class Mapped:
    """A contract column with the SQL that fills it and the source columns that this SQL reads."""

    column: Column
    expression: str
    type: str
    reads: tuple[str, ...]
    as_stored: str | None = None
    """Column of the source with the words for a value that it cannot hold as the file does."""

    @property
    def is_plain(self) -> bool:
        """Is it a bare source column, which cannot raise?"""
        return len(self.reads) == 1 and self.expression.lower() in {self.reads[0].lower(), quote(self.reads[0]).lower()}


def stage_name(table: str) -> str:
    """Name of the temporary table in which rows of a contract table wait for their keys to be compared."""
    return f"stage_{table}"


def create_stage(connection: duckdb.DuckDBPyConnection, table: Table, *, temporary: bool) -> None:
    """Make the empty stage of a contract table; one that is not temporary can become the table itself."""
    columns = ", ".join(f"{quote(c.name)} {c.type}" for c in table.columns)
    working = ", ".join(f"{name} {kind}" for name, kind in WORKING.items())
    connection.execute(
        f"create or replace {'temp ' if temporary else ''}table {stage_name(table.name)} ({columns},"
        f" _feed varchar, _source integer, _row bigint, {working})"
    )


def map_columns(
    connection: duckdb.DuckDBPyConnection, *, entry: TableFeed, table: Table, source: Source, feed: Feed
) -> list[Mapped]:
    """Which SQL fills which column? Columns the feed does not name come from a source column of the same name."""
    by_name = {name.lower(): name for name in source.columns}
    mapped = []
    for column in table.columns:
        if column.name in entry.columns:
            expression = entry.columns[column.name]
        elif column.name in by_name:
            expression = quote(by_name[column.name])
        else:
            continue
        plain = by_name.get(column.name)
        if plain is not None and expression == quote(plain):
            mapped.append(Mapped(column, expression, source.types[plain], (plain,), source.as_stored.get(plain)))
            continue
        reads = referenced_columns(connection, expression, columns=(*source.columns, "_file", "_row"))
        described = connection.execute(f"describe select (\n{expression}\n) as v from {source.relation}").fetchone()
        mapped.append(Mapped(column, expression.strip(), str(described[1] if described else "VARCHAR"), reads))
    filled = {m.column.name for m in mapped}
    missing = [c.name for c in table.columns if c.required and c.name not in filled]
    if missing:
        raise LanewiseError(
            f"nothing fills {', '.join(missing)}, which every row of {table.name} needs",
            where=f"{feed.path.name}, table {table.name} (number {entry.number}), {entry.files[0][0]}",
            hint=f"Write it under [table.columns], for example {missing[0]} = '\"{source.columns[0]}\"'."
            f" The file has: {', '.join(source.columns[:30])}.",
        )
    return mapped


def stage_rows(
    connection: duckdb.DuckDBPyConnection,
    *,
    feed: Feed,
    entry: TableFeed,
    table: Table,
    source: Source,
    source_id: int,
) -> None:
    """Cast and check every row of a source into its stage; nothing is decided yet about keys or references.

    Rows left out by ``where`` are staged too (``_kept`` false), so that their money can be reconciled.
    """
    mapped = map_columns(connection, entry=entry, table=table, source=source, feed=feed)
    _check_where(connection, entry, source, feed=feed)
    connection.execute(
        f"insert into {stage_name(table.name)} by name\n"
        + _statement(mapped, feed=feed, entry=entry, table=table, source=source, source_id=source_id)
    )
    _list_error_cells(connection, mapped, table=table, source=source, source_id=source_id)


def _check_where(connection: duckdb.DuckDBPyConnection, entry: TableFeed, source: Source, *, feed: Feed) -> None:
    if entry.where is None:
        return
    described = connection.execute(f"describe select (\n{entry.where}\n) as v from {source.relation}").fetchone()
    if described is not None and described[1] != "BOOLEAN":
        raise LanewiseError(
            f"where = {entry.where} gives {str(described[1]).lower()}, not true or false",
            where=f"{feed.path.name}, table {entry.name} (number {entry.number})",
            hint="Write a comparison, for example \"Status\" = 'open'.",
        )


def _statement(
    mapped: Sequence[Mapped], *, feed: Feed, entry: TableFeed, table: Table, source: Source, source_id: int
) -> str:
    evaluated = [_evaluated(m) for m in mapped]
    # try() around a struct tells an expression that raised (null struct) from one that gave null (struct of null).
    where = f"try(struct_pack(v := (\n{entry.where}\n)))" if entry.where else "struct_pack(v := true)"
    valued = ", ".join(f"{_value(m)} as {_v(m)}, {_raised(m)} as {_x(m)}" for m in mapped)
    cast = ", ".join(f"{_cast(m, feed=feed, entry=entry, source=source)} as {quote(m.column.name)}" for m in mapped)
    ranged = ", ".join(
        f"{within_range(quote(m.column.name), column=m.column)} as {quote(m.column.name)}" for m in mapped
    )
    stored = "".join(f", {_stored(m)}" for m in mapped if m.as_stored)
    carried = ", ".join(f"{_v(m)}, {_x(m)}" for m in mapped) + stored
    # A column that a check reads and the feed lacks is null in every row.
    filled = {m.column.name for m in mapped}
    lacking = sorted({name for check in table.checks for name in check.columns} - filled)
    absent = [f"null::{table.column(name).type} as {quote(name)}" for name in lacking]
    typed = ", ".join([*(_final(m, table=table, feed=feed) for m in mapped), *absent])
    problems = [*_cell_problems(mapped, table=table), *_check_problems(table.checks)]
    listed = ", ".join(
        f"case when {condition} then {{'column_name': {text_literal(name)}, 'value': {value}, 'reason': {reason},"
        f" 'fatal': {str(fatal).lower()}}} end"
        for condition, name, value, reason, fatal in problems
    )
    some = " or ".join(f"({condition})" for condition, *_ in problems) or "false"
    fatal = " or ".join(f"({condition})" for condition, *_, deadly in problems if deadly) or "false"
    unsure = (
        "{'column_name': 'where', 'value': null::varchar,"
        f" 'reason': {text_literal(f'where = {entry.where} cannot be evaluated on this row')}, 'fatal': true}}"
    )
    raw = ", ".join(f"{quote(m.column.name)} := {_shown(m)}" for m in mapped)
    stated = [_stated(m.column.name, feed=feed, table=table) for m in mapped]
    if "currency" in table.names and "currency" not in filled:
        stated.append(_stated("currency", feed=feed, table=table, missing=True))
    return f"""
with
evaluated as (select _row, {where} as _where, {", ".join(evaluated)} from {source.relation}),
valued as (select _row, _where is null as _unsure, coalesce(_where.v, false) as _true, {valued}{stored} from evaluated),
casted as (select _row, _unsure, _true, {carried}, {cast} from valued),
ranged as (select _row, _unsure, _true, {carried}, {ranged} from casted),
typed as (select _row, _unsure, _true, {carried}, {typed} from ranged),
checked as (
    select *, _unsure or (_true and ({fatal})) as _fatal, _true and ({some}) as _some from typed
),
final as (
    select {", ".join(stated)}, {text_literal(feed.name)} as _feed,
        {entry.number} as _entry, {source_id} as _source, _row, _true or _unsure as _kept, _fatal,
        case when _true or _unsure then 'load' end as _fate,
        case
            when _unsure then [{unsure}]
            when _some then list_filter([{listed}], lambda p: p is not null)
        end as _problems,
        case when _fatal then to_json(struct_pack({raw}))::varchar end as _raw
    from checked
)
select * from final
"""


def _stated(name: str, *, feed: Feed, table: Table, missing: bool = False) -> str:
    """SQL of a checked value; an amount without a currency is in the feed's."""
    if name != "currency" or not feed.currency or table.column("currency").required:
        return f"null::varchar as {quote(name)}" if missing else quote(name)
    fallback = text_literal(feed.currency)
    return f"{fallback} as currency" if missing else f"coalesce(currency, {fallback}) as currency"


def _v(m: Mapped) -> str:
    return quote(f"v_{m.column.name}")


def _x(m: Mapped) -> str:
    return quote(f"x_{m.column.name}")


def _stored(m: Mapped) -> str:
    return quote(f"s_{m.column.name}")


def _evaluated(m: Mapped) -> str:
    inner = m.expression if m.is_plain else f"try(struct_pack(v := (\n{m.expression}\n)))"
    stored = f", {m.as_stored} as {_stored(m)}" if m.as_stored else ""
    return f"{inner} as {quote('e_' + m.column.name)}{stored}"


def _value(m: Mapped) -> str:
    name = quote("e_" + m.column.name)
    value = name if m.is_plain else f"{name}.v"
    # A source's own text comes trimmed; what an expression makes of it need not be.
    text = f"nullif(trim({value}), '')" if m.type == "VARCHAR" and not m.is_plain else value
    if m.column.name in PERSONAL:
        return f"left(sha256(getvariable('personal_data_key') || {text}::varchar), 32)"
    return text


def _raised(m: Mapped) -> str:
    return "false" if m.is_plain else f"{quote('e_' + m.column.name)} is null"


def _cast(m: Mapped, *, feed: Feed, entry: TableFeed, source: Source) -> str:
    return cast_value(
        _v(m),
        source_type="VARCHAR" if m.column.name in PERSONAL else m.type,
        column=m.column,
        timezone=feed.timezone,
        dateformat=entry.dateformat,
        decimal=entry.options.decimal or ".",
        serial_dates=source.sheet is not None,
        numbers_typed=source.sheet is not None or source.dialect.startswith("JSON"),
    )


def _final(m: Mapped, *, table: Table, feed: Feed) -> str:
    name = quote(m.column.name)
    if feed.id_prefix and m.column.name in table.identifiers:
        return f"{text_literal(feed.id_prefix)} || {name} as {name}"
    if m.column.name == "currency":
        return f"upper({name}) as {name}"
    return name


def _shown(m: Mapped) -> str:
    return f"coalesce({_stored(m)}, {_v(m)}::varchar)" if m.as_stored else f"{_v(m)}::varchar"


def _cell_problems(mapped: Sequence[Mapped], *, table: Table) -> list[tuple[str, str, str, str, bool]]:
    """Conditions under which a cell is bad, with column, value, reason and whether the row goes with it."""
    problems = []
    for m in mapped:
        name, column = m.column.name, m.column
        deadly = column.required or name in table.key
        value = f"left({_shown(m)}, {_SHOWN})"
        bad = f"{_v(m)} is not null and {quote(name)} is null"
        wording = (
            f"{text_literal(name + ' ' + chr(39))} || {value} || {text_literal(chr(39) + ' is no ' + noun(column))}"
        )
        if column.words:
            wording = wording.replace(" is no of: ", " is none of: ")
        problems.append((bad, name, value, wording, deadly))
        if not m.is_plain:
            reason = text_literal(f"{name} = {m.expression} cannot be evaluated on this row")
            problems.append((_x(m), name, "null::varchar", reason, deadly))
        if column.required:
            missing = f"{_v(m)} is null and not {_x(m)}"
            problems.append((missing, name, "null::varchar", text_literal(f"{name} is missing"), True))
    return problems


def _check_problems(checks: Sequence[Check]) -> list[tuple[str, str, str, str, bool]]:
    problems = []
    for check in checks:
        here, expression = check.columns, check.expression
        value = " || ', ' || ".join(f"coalesce({quote(n)}::varchar, 'nothing')" for n in here)
        said = " || ', ' || ".join(f"'{n} ' || coalesce({quote(n)}::varchar, 'nothing')" for n in here)
        reason = f"{said} || {text_literal(' breaks the rule ' + rule_in_words(expression))}"
        problems.append((f"try({expression}) is false", ", ".join(here), value, reason, True))
    return problems


def rule_in_words(expression: str) -> str:
    """A check as a person reads it: DuckDB's rendering without its outer brackets, in lower case words."""
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and _balanced(text[1:-1]):
        text = text[1:-1]
    for word in ("BETWEEN", "AND", "OR", "IS NOT NULL", "NOT"):
        text = text.replace(f" {word} ", f" {word.lower()} ").replace(f" {word})", f" {word.lower()})")
    if text.startswith("regexp_full_match(currency"):
        return "currency is a three-letter ISO 4217 code"
    return text.replace("IS NOT NULL", "is not null")


def _balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0


def _list_error_cells(
    connection: duckdb.DuckDBPyConnection, mapped: Sequence[Mapped], *, table: Table, source: Source, source_id: int
) -> None:
    """A workbook's error cell arrives empty: add it to the problems of its row, by contract column."""
    stage = stage_name(table.name)
    for cell in source.error_cells:
        for m in mapped:
            if cell.column not in m.reads:
                continue
            reason = f"{m.column.name} reads {cell.column}, which is the workbook error {cell.text}"
            connection.execute(
                f"update {stage} set _problems = list_append(coalesce(_problems, []),"
                " {'column_name': $column, 'value': $value, 'reason': $reason, 'fatal': false})"
                " where _source = $source and _row = $row and _kept",
                {"column": m.column.name, "value": cell.text, "reason": reason, "source": source_id, "row": cell.row},
            )
