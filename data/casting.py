"""From a cell's text to a contract value, in SQL: one vectorised expression a column, null where the text is none.

DuckDB's own ``try_cast`` is generous: '3.7' becomes 4, '0x1F' 31, 'nan' and 'infinity' are numbers and an offset is
dropped from a timestamp. Each type is therefore guarded by its own pattern or range before it is cast.
"""

from __future__ import annotations

import re

from data.contract import Column

_GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_WHOLE = r"[+-]?\d+(\.0*)?"
_SERIAL = r"\d{5}(\.\d+)?"
_FIRST_DAY, _LAST_DAY = "date '1900-01-01'", "date '2100-12-31'"
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")

#: What a value should have been, in the words of a reason: "'31/02/2025' is no date".
NOUNS = {
    "DATE": "date between 1900 and 2100",
    "TIMESTAMP": "date and time between 1900 and 2100",
    "DOUBLE": "number",
    "INTEGER": "whole number",
    "BOOLEAN": "yes or no",
}


def noun(column: Column) -> str:
    """What a value of this column is called in a reason."""
    if column.words:
        return "of: " + ", ".join(column.words)
    if column.is_amount:
        return "amount"
    return NOUNS.get(column.type, "text")


def text_literal(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quote(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def cast_value(
    value: str,
    *,
    source_type: str,
    column: Column,
    timezone: str,
    dateformat: str | None,
    decimal: str,
    serial_dates: bool,
    numbers_typed: bool = False,
) -> str:
    """SQL that turns ``value`` into the contract's type; null where it is no such value.

    Parameters
    ----------
    value
        SQL of the value as the feed's expression gives it.
    source_type
        DuckDB type of ``value``; text is parsed, a typed value (Parquet, or an expression's own) converted.
    column
        The contract column to become.
    timezone
        IANA zone of moments that carry no offset.
    dateformat
        strptime format of dates and moments in text; ISO 8601 is understood as well.
    decimal
        The decimal mark of numbers in text, "." or ",".
    serial_dates
        True for a workbook: a bare day number (41802) is a date too.
    numbers_typed
        True for workbooks and JSON, whose own numbers are written with a point whatever ``decimal`` says: the decimal
        comma is then read in texts that hold a comma only.
    """
    kind = "DECIMAL" if column.is_amount else column.type
    if column.words:
        cases = " ".join(f"when {text_literal(w.lower())} then {text_literal(w)}" for w in column.words)
        return f"case lower({value}::varchar) {cases} end"
    typed = _cast_typed(value, source_type=source_type, kind=kind, target=column.type, timezone=timezone)
    if typed is not None:
        return typed
    text = value if source_type == "VARCHAR" else f"({value})::varchar"
    if kind == "VARCHAR":
        return text
    if kind == "BOOLEAN":
        return f"case when lower({text}) in {_TRUE} then true when lower({text}) in {_FALSE} then false end"
    if kind in {"DOUBLE", "DECIMAL", "INTEGER", "BIGINT"}:
        return _cast_number(text, kind=kind, target=column.type, decimal=decimal, numbers_typed=numbers_typed)
    return _cast_moment(text, kind=kind, timezone=timezone, dateformat=dateformat, serial_dates=serial_dates)


def _cast_typed(value: str, *, source_type: str, kind: str, target: str, timezone: str) -> str | None:
    numeric = source_type in _NUMERIC or source_type.startswith(("DECIMAL", "DOUBLE", "FLOAT"))
    if kind == source_type and kind in {"VARCHAR", "BOOLEAN"}:
        return value
    if kind == "VARCHAR" and source_type in {"DOUBLE", "FLOAT"}:
        # A key read from a column of numbers with gaps: 1.0 is 1, and not-a-number is nothing.
        whole = f"when {value} = trunc({value}) and abs({value}) < 1e15 then ({value})::bigint::varchar"
        return f"case when isnan({value}) then null {whole} else ({value})::varchar end"
    if kind == "BOOLEAN" and numeric:
        return f"case when {value} = 1 then true when {value} = 0 then false end"
    if kind == "DOUBLE" and numeric:
        return f"case when isfinite(({value})::double) then ({value})::double end"
    if kind == "DECIMAL" and numeric:
        finite = f"isfinite(({value})::double)" if source_type in {"DOUBLE", "FLOAT"} else "true"
        return f"case when {finite} then try_cast({value} as {target}) end"
    if kind in {"INTEGER", "BIGINT"} and numeric:
        if source_type in _NUMERIC:
            return f"try_cast({value} as {target})"
        return (
            f"case when isfinite(({value})::double) and {value} = trunc({value}) then try_cast({value} as {target}) end"
        )
    if source_type.startswith(("TIMESTAMP", "DATE")):
        return _cast_typed_moment(value, source_type=source_type, kind=kind, timezone=timezone)
    return None


def _cast_typed_moment(value: str, *, source_type: str, kind: str, timezone: str) -> str | None:
    # Out of this range a conversion of zones raises; two days on each side leave room for any zone.
    if source_type == "TIMESTAMPTZ_NS":
        # DuckDB has no cast of nanoseconds with an offset (as pandas writes them) to a moment without one.
        value, source_type = f"({value})::timestamptz", "TIMESTAMPTZ"
    near = f"{value} between '1899-12-30' and '2101-01-02'"
    zone = text_literal(timezone)
    if source_type in {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"}:
        converted = f"timezone({zone}, {value})::date" if kind == "DATE" else _in_utc(value)
    elif kind == "DATE":
        converted = f"({value})::date"
    elif timezone == "UTC":
        converted = f"({value})::timestamp"
    else:
        converted = f"timezone('UTC', timezone({zone}, ({value})::timestamp))"
    return f"case when {near} then {converted} end" if kind in {"DATE", "TIMESTAMP"} else None


def _in_utc(moment: str) -> str:
    """SQL of a timestamptz as UTC timestamp, which is how it is stored: asking a calendar costs ten times the rest."""
    return f"make_timestamp(epoch_us({moment}))"


def _cast_number(text: str, *, kind: str, target: str, decimal: str, numbers_typed: bool) -> str:
    plain = text
    if decimal == ",":
        swapped = f"translate({text}, '.,', ',.')"
        plain = f"case when contains({text}, ',') then {swapped} else {text} end" if numbers_typed else swapped
    number = f"case when regexp_full_match({plain}, '{_GROUPED}') then replace({plain}, ',', '') else {plain} end"
    pattern = _WHOLE if kind in {"INTEGER", "BIGINT"} else _NUMBER
    cast = (
        f"try_cast(split_part({number}, '.', 1) as {target})"
        if pattern is _WHOLE
        else f"try_cast({number} as {target})"
    )
    finite = f" and isfinite(try_cast({number} as double))" if kind == "DOUBLE" else ""
    return f"case when regexp_full_match({number}, '{pattern}'){finite} then {cast} end"


def _cast_moment(text: str, *, kind: str, timezone: str, dateformat: str | None, serial_dates: bool) -> str:
    zone = text_literal(timezone)
    branches: list[str] = []
    if serial_dates:
        # Excel's day 1 is 1900-01-01 and it believes in 29 February 1900, so day 0 falls on 1899-12-30.
        moment = (
            f"(timestamp '1899-12-30' + to_microseconds(round(try_cast({text} as double) * 86400)::bigint * 1000000))"
        )
        serial = f"{moment}::date" if kind == "DATE" else f"timezone('UTC', timezone({zone}, {moment}))"
        branches.append(f"when regexp_full_match({text}, '{_SERIAL}') then {serial}")
    zoned = dateformat is not None and any(mark in dateformat for mark in ("%z", "%Z"))
    parsed = None
    if kind == "DATE":
        iso = f"try_cast({text} as date)"
        if dateformat and zoned:
            # The day as written: an offset behind it never shifts a date.
            bare = text_literal(re.sub(r"\s*%[zZ]", "", dateformat))
            written = f"regexp_replace({text}, '\\s*([+-]\\d{{2}}:?(\\d{{2}})?|Z|[A-Za-z_]+(/[A-Za-z_]+)*)$', '')"
            parsed = f"try_strptime({written}, {bare})::date"
        elif dateformat:
            parsed = f"try_strptime({text}, {text_literal(dateformat)})::date"
    else:
        iso = _in_utc(f"try_cast({text} as timestamptz)")
        if dateformat:
            local = f"try_strptime({text}, {text_literal(dateformat)})"
            parsed = _in_utc(local) if zoned else f"timezone('UTC', timezone({zone}, {local}))"
    # A bare number is never a date by accident: DuckDB reads '20140612' and even '41802' as years.
    calendar = f"case when regexp_matches({text}, '^\\d{{4}}[-/]\\d{{1,2}}[-/]\\d{{1,2}}') then {iso} end"
    found = f"coalesce({parsed}, {calendar})" if parsed else calendar
    return f"case {' '.join(branches)} else {found} end" if branches else found


def within_range(name: str, *, column: Column) -> str:
    """SQL of the cast value called ``name``, null where a date or moment lies outside what any portfolio can hold.

    It is a step of its own after :func:`cast_value`, so that the cast is evaluated once.
    """
    if column.type in {"DATE", "TIMESTAMP"}:
        return f"case when {name} between {_FIRST_DAY} and {_LAST_DAY} then {name} end"
    return name
