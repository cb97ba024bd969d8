"""The SQL that a feed may hold: one value out of one row, with no way to read, wait, guess or exhaust anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import duckdb

from data.errors import LanewiseError

LONGEST = 100_000
DEEPEST = 100
# Sizes are estimated for cells of 1,000 characters; a value made of them may grow ten thousand times.
CELL_CHARACTERS = 1_000
LARGEST = 10_000_000

_LOGIC = "if nullif"
_TEXT = """
    || ^@ ~~ ~~* ~~~ !~~ !~~* like_escape ilike_escape not_like_escape not_ilike_escape ascii char_length
    character_length chr concat concat_ws contains ends_with instr lcase left left_grapheme len length length_grapheme
    lower ltrim md5 nfc_normalize ord overlay position prefix regexp_extract regexp_extract_all regexp_full_match
    regexp_matches regexp_replace regexp_split_to_array replace reverse right right_grapheme rtrim sha1 sha256 split
    split_part starts_with str_split str_split_regex string_split string_split_regex string_to_array strip_accents
    strlen strpos substr substring substring_grapheme suffix translate trim ucase unicode upper url_decode
    parse_filename parse_dirname parse_dirpath parse_path parse_formatted_bytes array_to_string encode decode
"""
_NUMBER = """
    + - * / // % & | ~ << >> ^ ** @ abs acos add asin atan atan2 cbrt ceil ceiling cos cot degrees divide even exp fdiv
    floor fmod gcd greatest isfinite isinf isnan lcm least ln log log10 log2 mod multiply pi pow power radians round
    round_even sign sin sqrt subtract tan trunc xor
"""
_TIME = """
    century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth
    dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us hour isodow isoyear julian last_day
    make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond millennium
    millisecond minute month monthname quarter second strftime strptime timezone
    to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes
    to_months to_quarters to_seconds to_timestamp to_weeks to_years try_strptime week weekday weekofyear year yearweek
"""
_NESTED = """
    ->> <@ @> && array_concat array_contains array_distinct array_extract array_has array_has_all array_has_any
    array_indexof array_position array_slice array_sort array_unique cardinality element_at
    flatten json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text
    json_extract_string json_keys json_type json_valid json_value list_avg list_concat list_contains list_count
    list_distinct list_element list_extract list_first list_has list_has_all list_has_any list_indexof list_last
    list_max list_min list_position list_slice list_sort list_sum list_unique list_value map
    map_contains map_extract map_extract_value map_keys map_values row struct_extract struct_extract_at struct_pack
    typeof
"""
FUNCTIONS = frozenset(f"{_LOGIC} {_TEXT} {_NUMBER} {_TIME} {_NESTED}".split())
"""Functions and operators that an expression may use. Each is scalar and gives the same for the same, or is a macro
of DuckDB's own over such functions; none makes more of its input than `_size` allows for."""

_UNBOUNDED = {
    "repeat": "",
    "range": "",
    "generate_series": "",
    "lpad": "To pad with zeros write right('00000' || \"Column\", 5).",
    "rpad": "To pad with blanks write left(\"Column\" || '     ', 5).",
    "bar": "",
    "format": "To pad with zeros write right('00000' || \"Column\", 5); to join text, ||.",
    "printf": "To pad with zeros write right('00000' || \"Column\", 5); to join text, ||.",
    "list_resize": "",
    "array_resize": "",
    "bitstring": "",
    "equi_width_bins": "",
}
_REFUSED_CLASSES = {
    "SUBQUERY": ("has a subquery", "An expression sees one row: use only that row's columns."),
    "STAR": ("uses * or columns()", "Name the column."),
    "WINDOW": ("uses a window function", "An expression sees one row: use only that row's columns."),
    "PARAMETER": ("has a parameter (? or $)", "Write the value itself, text in single quotes."),
    "LAMBDA": ("has -> or a lambda", "To take a field out of JSON write \"Column\" ->> '$.field'."),
    "POSITIONAL_REFERENCE": ("refers to a column by its position", "Name the column."),
    "DEFAULT": ("says default", "Write the value itself."),
    "COLLATE": ("has a collation", 'Compare with lower("Column") or strip_accents("Column").'),
}
_CLASSES = {"COLUMN_REF", "CONSTANT", "FUNCTION", "OPERATOR", "CAST", "CASE", "COMPARISON", "CONJUNCTION", "BETWEEN"}
_OPERATORS = {
    "OPERATOR_NOT",
    "OPERATOR_IS_NULL",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_COALESCE",
    "OPERATOR_NULLIF",
    "OPERATOR_TRY",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "ARRAY_EXTRACT",
    "ARRAY_SLICE",
    "STRUCT_EXTRACT",
    "ARRAY_CONSTRUCTOR",
}
# No fixed-size arrays: null::integer[100000][100000] alone asks for 80 terabytes.
_PLAIN_TYPES = """
    bigint bit blob boolean bool bpchar bytea char date datetime dec decimal double float float4 float8 hugeint int
    int1 int128 int16 int2 int32 int4 int64 int8 integer interval json list logical long map numeric real short
    signed smallint string struct row text time timestamp timestamptz timestamp_ms timestamp_ns timestamp_s
    timestamp_us timetz tinyint ubigint uhugeint uint128 uint16 uint32 uint64 uint8 uinteger usmallint utinyint uuid
    varchar
"""
_TYPES = frozenset(_PLAIN_TYPES.split()) | {
    "double precision",
    "time with time zone",
    "timestamp with time zone",
    "timestamp without time zone",
}
_ESCAPING = {"list_value", "struct_pack", "row", "map"}
_SPLITTING = {
    "split",
    "str_split",
    "str_split_regex",
    "string_split",
    "string_split_regex",
    "string_to_array",
    "regexp_split_to_array",
    "regexp_extract_all",
    "json_extract",
    "json_extract_path",
    "json_extract_path_text",
    "json_extract_string",
    "json_value",
    "json_keys",
    "->>",
    "parse_path",
}
_OF_THE_SESSION = {
    "current_catalog",
    "current_database",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
}
_LIKE = {"like_escape", "ilike_escape", "not_like_escape", "not_ilike_escape"}
_LOGICAL = {"COMPARISON", "CONJUNCTION", "BETWEEN"}

Node = dict[str, Any]
Refusal = Callable[..., "ExpressionError"]


class ExpressionError(LanewiseError):
    """An expression of a feed that cannot be run as it stands."""


def check_expression(
    connection: duckdb.DuckDBPyConnection, expression: str, *, columns: Mapping[str, str], where: str
) -> None:
    """Is this one value out of one row of the source, that nothing but the row decides and that stays of bounded size?

    An expression that passes may be put between parentheses in a statement: it ends where it seems to end.

    Parameters
    ----------
    connection
        Any connection; nothing is created or changed in it. A result still pending on it is lost.
    expression
        SQL as written in the feed.
    columns
        The source's columns with their DuckDB types, `_file` and `_row` among them.
    where
        Feed, table and column, for messages.

    Raises
    ------
    ExpressionError
        When it is not such a value, or does not bind to these columns.

    Examples
    --------
    >>> check_expression(duckdb.connect(), '''upper("Name")''', columns={"Name": "VARCHAR"}, where="feed.toml")
    """
    tree = _parse(connection, expression, columns=columns, where=where)
    _check_columns(tree, expression, columns=columns, where=where)
    _bind(connection, expression, columns=columns, where=where)


def referenced_columns(
    connection: duckdb.DuckDBPyConnection, expression: str, *, columns: Iterable[str] = ()
) -> tuple[str, ...]:
    """Which columns does this expression look at, each once, in the order in which it names them?

    With `columns`, the source's, they come back as the source spells them, and names it lacks are left out.
    """
    spelled = {name.lower(): name for name in columns}
    found: dict[str, str] = {}
    for node in _nodes(_parse(connection, expression, columns={}, where="")):
        if node["class"] == "COLUMN_REF":
            name = node["column_names"][0]
            found.setdefault(name.lower(), spelled.get(name.lower(), name))
    return tuple(name for key, name in found.items() if not spelled or key in spelled)


def _parse(connection: duckdb.DuckDBPyConnection, expression: str, *, columns: Mapping[str, str], where: str) -> Node:
    def refuse(what: str, hint: str = "") -> ExpressionError:
        return ExpressionError(f"the expression {_shown(expression)} {what}", where=where, hint=hint)

    _check_text(expression, where, refuse)
    meant = _column_meant(expression, columns)
    quoting = _quoted_hint(meant) if meant else "A column is written \"in double quotes\", text 'in single quotes'."
    try:
        alone = _serialized(connection, f"select {expression}")
        enclosed = _serialized(connection, f'select ({expression}) as "value"')
    except RecursionError:
        raise refuse("is nested too deeply", f"Keep it to {DEEPEST} levels.") from None
    if alone.get("error"):
        reason = alone.get("error_message", "it does not parse")
        if "expression depth" in reason:
            raise refuse("is nested too deeply", f"Keep it to {DEEPEST} levels.")
        raise refuse(f"is not SQL: {reason}", quoting)
    tree = _selected(alone["statements"], quoting, refuse)
    # In brackets and alone must mean the same: else a comment, a semicolon or a clause reaches past its own end.
    if enclosed.get("error") or _bare(enclosed["statements"], alias="value") != _bare(alone["statements"], alias=""):
        raise refuse(
            "goes on after its value", "Leave out semicolons, comments at the end, and words such as where or limit."
        )
    _check_tree(tree, refuse)
    return tree


def _check_text(expression: str, where: str, refuse: Refusal) -> None:
    if not expression.strip():
        raise ExpressionError("the expression is empty", where=where, hint="Write SQL, or leave the line out.")
    if len(expression) > LONGEST:
        raise refuse(f"has {len(expression):,} characters, over {LONGEST:,}", "Put such a list into a file of its own.")
    if any((c < " " and not c.isspace()) or "\ud800" <= c <= "\udfff" for c in expression):
        raise refuse("has control characters", "Type it again by hand.")


def _selected(statements: list[Node], quoting: str, refuse: Refusal) -> Node:
    """The one value that is selected, from nothing and under no name."""
    if len(statements) != 1:
        raise refuse("is more than one statement", "Write one expression, without a semicolon.")
    selected = statements[0]["node"]
    items: list[Node] = selected.get("select_list", [])
    if selected.get("type") != "SELECT_NODE" or (selected.get("from_table") or {}).get("type") != "EMPTY":
        raise refuse("is a query", "Write only the value, without from, union or select.")
    if len(items) != 1:
        raise refuse(f"is {len(items)} values", "Write one; a comma stands only between brackets.")
    if items[0].get("alias"):
        raise refuse(f"gives itself the name {items[0]['alias']!r}", quoting)
    return items[0]


def _serialized(connection: duckdb.DuckDBPyConnection, text: str) -> Node:
    row = connection.execute("select json_serialize_sql($1::varchar)", [text]).fetchone()
    parsed: Node = json.loads(row[0]) if row else {"error": True}
    return parsed


def _bare(statements: list[Node], *, alias: str) -> list[Any]:
    """What is selected, apart from where it stands in the text; ``alias`` is taken off the first item."""
    selected = [statement["node"] for statement in statements]
    if selected and selected[0].get("select_list", [{}])[0].get("alias") == alias:
        first, *others = selected[0]["select_list"]
        selected[0] = {**selected[0], "select_list": [{**first, "alias": ""}, *others]}
    return [_unplaced(node) for node in selected]


def _unplaced(value: Any) -> Any:
    if isinstance(value, list):
        return [_unplaced(part) for part in value]
    if isinstance(value, dict):
        return {key: _unplaced(part) for key, part in value.items() if not key.startswith("query_location")}
    return value


def _nodes(tree: Any) -> Iterator[Node]:
    """Every expression below, this one first, by whatever key it hangs."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class" in value:
                yield value
            waiting.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _children(node: Node) -> Iterator[Node]:
    waiting = list(node.values())
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            if "class" in value:
                yield value
            else:
                waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check_tree(tree: Node, refuse: Refusal) -> None:
    for node in _nodes(tree):
        kind = node["class"]
        if kind in _REFUSED_CLASSES:
            raise refuse(*_REFUSED_CLASSES[kind])
        if kind == "FUNCTION":
            _check_function(node, refuse)
        elif kind == "TYPE":
            _check_type(node, refuse)
        elif kind not in _CLASSES or (kind == "OPERATOR" and node["type"] not in _OPERATORS):
            raise refuse(f"uses {node['type'].lower().replace('_', ' ')}", "Write it with plain functions.")
    try:
        _size(tree, 1, refuse)
    except RecursionError:
        raise refuse("is nested too deeply", f"Keep it to {DEEPEST} levels.") from None


def _check_type(node: Node, refuse: Refusal) -> None:
    name = node["type_name"].lower()
    if name not in _TYPES or node.get("schema") or node.get("catalog"):
        shown = "an array of fixed size" if name == "array" else name
        raise refuse(f"casts to {shown}", "Cast to a plain type: varchar, integer, double, decimal(18, 4), date, ...")


def _check_function(node: Node, refuse: Refusal) -> None:
    name = node["function_name"].lower()
    if node.get("schema") or node.get("catalog"):
        raise refuse(f"calls {name}() with a dot before it", f'Write {name}("Column"), the column between brackets.')
    if node.get("filter") or node.get("distinct") or node.get("export_state") or node["order_bys"].get("orders"):
        raise refuse(f"puts distinct, filter or order by into {name}()", "An expression sees one row.")
    if name in FUNCTIONS and name in _steady_functions():
        _check_arguments(name, [argument["expression"] for argument in node["arguments"]], refuse)
        return
    if name in _UNBOUNDED:
        raise refuse(f"uses {name}(), which can ask for any amount of memory", _UNBOUNDED[name])
    kinds = _builtin_functions().get(name, set())
    if not kinds:
        close = get_close_matches(name, [known for known in FUNCTIONS if known.isidentifier()], n=1, cutoff=0.75)
        raise refuse(f"uses {name}(), which does not exist", f"Did you mean {close[0]}()?" if close else "")
    if any(kind == "aggregate" for kind, _ in kinds):
        raise refuse(f"uses the aggregate {name}()", "An expression sees one row: use only that row's columns.")
    if any(stability in {"VOLATILE", "CONSISTENT_WITHIN_QUERY"} for _, stability in kinds):
        raise refuse(
            f"uses {name}(), which can give something else at the next load", "Write the value itself, or a column."
        )
    raise refuse(f"uses {name}(), which is not for feeds", "Write it with plain functions of text, numbers and times.")


def _check_arguments(name: str, arguments: list[Node], refuse: Refusal) -> None:
    """Refuse the arguments by which one bad cell would end a whole load: errors that DuckDB's try() lets through."""
    literals = [node.get("literal", {}).get("text") if node["class"] == "CONSTANT" else None for node in arguments]
    if name == "timezone" and (len(arguments) != 2 or literals[0] not in available_timezones()):
        raise refuse(
            "does not say which time zone", "Write its place in single quotes: at time zone 'America/New_York'."
        )
    if name in _LIKE and (len(arguments) != 3 or literals[2] is None or len(literals[2]) > 1):
        raise refuse("has an escape that is not one character", "Write it in single quotes: escape '!'.")
    if name == "make_timestamp" and len(arguments) == 1:
        # A number out of range makes DuckDB 2.0 give up the whole database.
        raise refuse("makes a timestamp of one number", 'Write to_timestamp("Column"), of seconds since 1970.')


@cache
def _builtin_functions() -> dict[str, set[tuple[str, str | None]]]:
    """Kind and stability of each overload of DuckDB's own functions, by name in lower case."""
    connection = duckdb.connect()
    try:
        rows = connection.execute(
            "select lower(function_name), function_type, stability from duckdb_functions()"
        ).fetchall()
    finally:
        connection.close()
    found: dict[str, set[tuple[str, str | None]]] = {}
    for name, kind, stability in rows:
        found.setdefault(name, set()).add((kind, stability))
    return found


@cache
def _steady_functions() -> frozenset[str]:
    """Names of which every overload is scalar and consistent, or a scalar macro.

    A macro is safe here only because `FUNCTIONS` names it: of themselves macros have no stability.
    """
    steady = {("scalar", "CONSISTENT"), ("macro", None)}
    return frozenset(name for name, kinds in _builtin_functions().items() if kinds <= steady)


def _size(node: Node, depth: int, refuse: Refusal) -> int:
    """How many characters may this value have, if each cell has `CELL_CHARACTERS`? Rather too many than too few."""
    if depth > DEEPEST:
        raise refuse("is nested too deeply", f"Keep it to {DEEPEST} levels.")
    kind = node["class"]
    if kind == "COLUMN_REF":
        return CELL_CHARACTERS
    if kind == "CONSTANT":
        return len(node.get("literal", {}).get("text", "")) + 1
    sizes = [_size(child, depth + 1, refuse) for child in _children(node)]
    if kind in _LOGICAL:
        size = 5
    elif kind == "CASE":
        size = max(sizes)
    elif kind == "FUNCTION":
        size = _function_size(node, sizes)
    else:
        size = sum(sizes) * (2 if node["type"] == "ARRAY_CONSTRUCTOR" else 1)
    if size > LARGEST:
        raise refuse("can make very long values out of short ones", "Replace in fewer steps, or prepare the file.")
    return size


def _function_size(node: Node, sizes: list[int]) -> int:
    name = node["function_name"].lower()
    if name == "replace" and len(sizes) == 3:
        sought = max(1, sizes[1] - 1) if _is_constant(node, 1) else 1
        return sizes[0] * max(1, -(-(sizes[2] - _is_constant(node, 2)) // sought))
    if name == "regexp_replace" and len(sizes) >= 3:
        # A replacement can stand between any two characters, and each \1 in it can be the whole text.
        return sizes[0] * (sizes[2] + 1 - _is_constant(node, 2))
    if name == "array_to_string" and len(sizes) >= 2:
        return sizes[0] * (1 + sizes[1])
    if name == "concat_ws" and sizes:
        return sizes[0] * len(sizes) + sum(sizes[1:])
    if name == "strftime":
        return sum(sizes) * 20
    # A list as text puts quotes and a comma round each character, and a backslash before each quote.
    factor = 6 if name in _SPLITTING else 2 if name in _ESCAPING else 1
    return sum(sizes) * factor


def _is_constant(node: Node, position: int) -> bool:
    return bool(node["arguments"][position]["expression"]["class"] == "CONSTANT")


def _check_columns(tree: Node, expression: str, *, columns: Mapping[str, str], where: str) -> None:
    spelled = {name.lower(): name for name in columns}
    for node in _nodes(tree):
        if node["class"] != "COLUMN_REF" or node["column_names"][0].lower() in spelled:
            continue
        path = node["column_names"]
        if len(path) == 1 and path[0].lower() in _OF_THE_SESSION:
            raise ExpressionError(
                f"the expression {_shown(expression)} uses {path[0]}, which can give something else at the next load",
                where=where,
                hint="Write the value itself, or a column.",
            )
        if len(path) > 1 and path[-1].lower() in spelled:
            hint = f'Write only the column\'s name: "{spelled[path[-1].lower()]}".'
        else:
            hint = _candidates(path[0], expression, columns)
        raise ExpressionError(
            f"the expression {_shown(expression)} names the column {'.'.join(path)!r}, which the source does not have",
            where=where,
            hint=hint,
        )


def _candidates(name: str, expression: str, columns: Mapping[str, str]) -> str:
    meant = _column_meant(expression, columns)
    if meant:
        return _quoted_hint(meant)
    spelled = {known.lower(): known for known in columns}
    close = [spelled[key] for key in get_close_matches(name.lower(), list(spelled), n=3, cutoff=0.6)]
    close += [known for known in columns if len(name) > 2 and name.lower() in known.lower() and known not in close]
    if close:
        return f"Did you mean {' or '.join(_quoted(known) for known in close[:3])}?"
    shown = ", ".join(_quoted(known) for known in list(columns)[:12])
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    return f"It has {shown}{more}. Text is written 'in single quotes'."


def _column_meant(expression: str, columns: Mapping[str, str]) -> str | None:
    """The column whose bare name was written where SQL was wanted, such as Close Amount or Item-Code."""
    bare = expression.strip().strip("'\"`[]").lower()
    return next((name for name in columns if name.lower() == bare), None)


def _quoted_hint(column: str) -> str:
    return f"Write the column in double quotes inside single ones: '{_quoted(column)}'."


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _shown(expression: str) -> str:
    line = " ".join(expression.split()).encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= 200 else f"{line[:200]}..."


def _bind(connection: duckdb.DuckDBPyConnection, expression: str, *, columns: Mapping[str, str], where: str) -> None:
    typed = ", ".join(f"cast(null as {type_}) as {_quoted(name)}" for name, type_ in columns.items())
    source = f"from (select {typed} limit 0) as _the_source" if typed else ""
    try:
        connection.execute(f"describe select ({expression}) as value {source}").fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        # DuckDB cuts long lines in its messages, at times within a character: then there is no message to pass on.
        reason = str(error).split("\n")[0].partition("Error: ")[2].strip() or "it does not bind"
        hint = "Cast what is of another type: cells of csv, Excel and JSON are text." if "types" in reason else ""
        raise ExpressionError(
            f"the expression {_shown(expression)} does not fit the source: {reason}",
            where=where,
            hint=hint,
        ) from None
