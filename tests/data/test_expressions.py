"""What SQL a feed may hold, each thing accepted and each thing refused by itself."""

import duckdb
import pytest

from data.expressions import (
    FUNCTIONS,
    ExpressionError,
    _builtin_functions,
    _steady_functions,
    check_expression,
    referenced_columns,
)

COLUMNS = {
    "Close Amount": "VARCHAR",
    "Item-Code": "VARCHAR",
    "a": "VARCHAR",
    "b": "VARCHAR",
    "n": "INTEGER",
    "x": "DOUBLE",
    "flag": "BOOLEAN",
    "day": "DATE",
    "moment": "TIMESTAMP",
    "parts": "VARCHAR[]",
    "place": "STRUCT(city VARCHAR, lat DOUBLE)",
    "extra": "JSON",
    "_file": "VARCHAR",
    "_row": "BIGINT",
}


@pytest.fixture(scope="module")
def connection():
    made = duckdb.connect()
    yield made
    made.close()


def refusal(connection, expression, columns=COLUMNS):
    with pytest.raises(ExpressionError) as caught:
        check_expression(connection, expression, columns=columns, where="feed.toml, claim, column cause")
    return str(caught.value)


# Expression, a row of one or two columns, and what it must give: accepted is not enough.
VALUES = [
    ("nullif(a, '-')", {"a": "-"}, None),
    ("coalesce(a, b, 'none')", {"a": None, "b": None}, "none"),
    ("ifnull(a, b)", {"a": None, "b": "y"}, "y"),
    ("if(a = 'x', 'yes', 'no')", {"a": "x"}, "yes"),
    ("trim(a)", {"a": " x "}, "x"),
    ("trim(both '-' from a)", {"a": "-x-"}, "x"),
    ("""replace("Close Amount", '$', '')""", {"Close Amount": "$12.50"}, "12.50"),
    ("replace(replace(a, '$', ''), ',', '')", {"a": "$1,200"}, "1200"),
    ("regexp_replace(a, '[^0-9]', '', 'g')", {"a": "US-12-3"}, "123"),
    (r"regexp_replace(a, '(\d+)/(\d+)/(\d+)', '\3-\1-\2')", {"a": "12/31/2015"}, "2015-12-31"),
    (r"regexp_extract(a, '#(\d+)', 1)", {"a": "DN (ID#:9) #42"}, "42"),
    ("regexp_matches(a, '^[A-Z]{3}$')", {"a": "LAX"}, True),
    ("strptime(a, '%d-%b-%y')::date::varchar", {"a": "2-Jun-06"}, "2006-06-02"),
    ("try_strptime(a, ['%d/%m/%Y', '%Y-%m-%d'])::date::varchar", {"a": "31/12/2015"}, "2015-12-31"),
    ("try_strptime(a, '%d/%m/%Y')", {"a": "soon"}, None),
    ("strftime(moment, '%Y')", {"moment": "2015-03-04 05:06:07"}, "2015"),
    ("try_cast(a as integer)", {"a": "many"}, None),
    ("try(a::integer)", {"a": "many"}, None),
    ("a::decimal(18, 4)::varchar", {"a": "1.5"}, "1.5000"),
    ("a::double precision", {"a": "1.5"}, 1.5),
    ("cast(a as date)::varchar", {"a": "2015-01-02"}, "2015-01-02"),
    ("case when a = 'Deny' then 'closed' else 'open' end", {"a": "Deny"}, "closed"),
    ("case a when 'Y' then true when 'N' then false end", {"a": "N"}, False),
    ("concat(a, '-', b)", {"a": "x", "b": "y"}, "x-y"),
    ("concat_ws(', ', a, b)", {"a": "x", "b": "y"}, "x, y"),
    ("a || '-' || _row", {"a": "x", "_row": "7"}, "x-7"),
    ("lower(a)", {"a": "AbC"}, "abc"),
    ("upper(a)", {"a": "AbC"}, "ABC"),
    ("lower(a).upper()", {"a": "AbC"}, "ABC"),
    ("substr(a, 2, 2)", {"a": "abcd"}, "bc"),
    ("substring(a from 1 for 2)", {"a": "abcd"}, "ab"),
    ("split_part(a, '-', 2)", {"a": "LAX-JFK"}, "JFK"),
    ("string_split(a, ',')[1]", {"a": "x,y"}, "x"),
    ("array_to_string(parts, '; ')", {"parts": "[x, y]"}, "x; y"),
    ("list_contains(parts, 'x')", {"parts": "[x, y]"}, True),
    ("parts[1]", {"parts": "[x, y]"}, "x"),
    ("parts[-1]", {"parts": "[x, y]"}, "y"),
    ("len(parts[1:1])", {"parts": "[x, y]"}, 1),
    ("place.city", {"place": "{city: Lagos, lat: 6.5}"}, "Lagos"),
    ("place['lat']", {"place": "{city: Lagos, lat: 6.5}"}, 6.5),
    ("extra ->> '$.seal'", {"extra": '{"seal": "S1"}'}, "S1"),
    ("json_extract_string(a, '$.seal')", {"a": '{"seal": "S1"}'}, "S1"),
    ("left(a, 2)", {"a": "abcd"}, "ab"),
    ("right('00000' || a, 5)", {"a": "42"}, "00042"),
    ("strip_accents(a)", {"a": "Córdoba"}, "Cordoba"),
    ("contains(a, 'theft')", {"a": "a theft"}, True),
    ("starts_with(a, 'a')", {"a": "a theft"}, True),
    ("md5(a)", {"a": "x"}, "9dd4e461268c8034f5c8564e155c67a6"),
    ("round(x * 2.54, 1)", {"x": "10"}, 25.4),
    ("abs(n)", {"n": "-3"}, 3),
    ("-n + 2 * 3 - 8 // 2 % 3", {"n": "1"}, 4),
    ("n / 4", {"n": "1"}, 0.25),
    ("greatest(n, 2)", {"n": "1"}, 2),
    ("least(n, 2)", {"n": "1"}, 1),
    ("date_trunc('month', day)::date::varchar", {"day": "2015-03-04"}, "2015-03-01"),
    ("make_date(n, 1, 31)::varchar", {"n": "2015"}, "2015-01-31"),
    ("make_timestamp(n, 1, 2, 3, 4, 5)::varchar", {"n": "2015"}, "2015-01-02 03:04:05"),
    ("(moment + interval 1 day)::varchar", {"moment": "2015-03-04 05:06:07"}, "2015-03-05 05:06:07"),
    ("(day - interval '2' month)::date::varchar", {"day": "2015-03-04"}, "2015-01-04"),
    ("(moment at time zone 'America/New_York' at time zone 'UTC')::varchar", {"moment": "2015-01-01 00:00:00"},
     "2015-01-01 05:00:00"),
    ("epoch(moment)", {"moment": "1970-01-02 00:00:00"}, 86400.0),
    ("epoch_ms(n::bigint)::varchar", {"n": "1000"}, "1970-01-01 00:00:01"),
    ("epoch(to_timestamp(n))", {"n": "1000"}, 1000.0),
    ("extract(year from moment)", {"moment": "2015-03-04 05:06:07"}, 2015),
    ("a in ('x', 'y')", {"a": "y"}, True),
    ("a not in ('x', 'y')", {"a": "y"}, False),
    ("n between 1 and 3", {"n": "3"}, True),
    ("a like 'x%'", {"a": "xyz"}, True),
    ("a not ilike 'X%'", {"a": "xyz"}, False),
    ("a like '5!%' escape '!'", {"a": "5%"}, True),
    ("a similar to '[a-z]+'", {"a": "xyz"}, True),
    ("a is null or not flag", {"a": "x", "flag": "false"}, True),
    ("a is distinct from b", {"a": "x", "b": None}, True),
    ("'Deny'", {}, "Deny"),
    ("42", {}, 42),
    ("null", {}, None),
    ("date '2015-01-02'::varchar", {}, "2015-01-02"),
    ("_file", {"_file": "claims.csv"}, "claims.csv"),
    ('"_ROW"', {"_row": "7"}, 7),
    ('"close amount"', {"Close Amount": "1"}, "1"),
    ("a /* the first */ || b", {"a": "x", "b": "y"}, "xy"),
    ("a -- the first\n || b", {"a": "x", "b": "y"}, "xy"),
    ("replace(a, '--', '/*')", {"a": "1--2"}, "1/*2"),
    ("""case when "Item-Code" = ';' then 1 end""", {"Item-Code": ";"}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "row", "expected"), VALUES, ids=[value[0] for value in VALUES])
def test_a_scalar_expression_passes_and_gives_its_value(connection, expression, row, expected):
    check_expression(connection, expression, columns=COLUMNS, where="feed.toml")
    typed = ", ".join(
        f"""cast({"null" if row.get(name) is None else "'" + row[name] + "'"} as {type_}) as "{name}" """
        for name, type_ in COLUMNS.items()
    )
    # On the same line between brackets, and another value after it: what a loader does with it.
    found = connection.execute(f"select ({expression}) as v, 1 as w from (select {typed})").fetchone()
    assert found == (expected, 1)


REFUSED = [
    ("(select 1)", "has a subquery"),
    ("exists (select 1)", "has a subquery"),
    ("a in (select 'x')", "has a subquery"),
    ("a = any(select 'x')", "has a subquery"),
    ("coalesce(a, (select content from read_text('/etc/passwd')))", "has a subquery"),
    ("*", "uses * or columns()"),
    ("columns(*)", "uses * or columns()"),
    ("place.*", "uses * or columns()"),
    ("row_number() over ()", "uses a window function"),
    ("sum(n) over (order by n)", "uses a window function"),
    ("?", "has a parameter"),
    ("$1", "has a parameter"),
    ("$name", "has a parameter"),
    ("#1", "refers to a column by its position"),
    ("default", "says default"),
    ("x -> x + 1", "has -> or a lambda"),
    ("extra -> '$.seal'", "->> '$.field'"),
    ("list_transform(parts, lambda p: p || p)", "list_transform(), which is not for feeds"),
    ("[p || p for p in parts]", "which is not for feeds"),
    ("a collate nocase", "has a collation"),
    ("sum(n)", "uses the aggregate sum()"),
    ("count(*)", "uses the aggregate"),
    ("max(a)", "uses the aggregate max()"),
    ("list_aggregate(parts, 'string_agg')", "not for feeds"),
    ("grouping(a)", "uses grouping function"),
    ("lower(distinct a)", "puts distinct, filter or order by into lower()"),
    ("lower(a order by b)", "puts distinct, filter or order by into lower()"),
    ("lower(a) filter (where flag)", "puts distinct, filter or order by into lower()"),
    ("unnest(parts)", "not for feeds"),
    ("random()", "random(), which can give something else at the next load"),
    ("uuid()", "something else at the next load"),
    ("gen_random_uuid()", "something else at the next load"),
    ("now()", "something else at the next load"),
    ("today()", "something else at the next load"),
    ("current_date", "something else at the next load"),
    ("CURRENT_TIMESTAMP", "something else at the next load"),
    ("localtimestamp", "something else at the next load"),
    ("user", "something else at the next load"),
    ("current_localtime()", "not for feeds"),
    ("age(moment)", "not for feeds"),
    ("ago(interval 1 day)", "not for feeds"),
    ("getenv('HOME')", "getenv(), which does not exist"),
    ("getvariable('insured_ids')", "something else at the next load"),
    ("current_setting('threads')", "something else at the next load"),
    ("current_query()", "something else at the next load"),
    ("nextval('s')", "something else at the next load"),
    ("setseed(0.5)", "something else at the next load"),
    ("write_log('x')", "something else at the next load"),
    ("version()", "not for feeds"),
    ("read_text('/etc/passwd')", "not for feeds"),
    ("read_csv('x')", "not for feeds"),
    ("glob('*')", "not for feeds"),
    ("query('select 1')", "not for feeds"),
    ("json_serialize_sql('select 1')", "not for feeds"),
    ("json_execute_serialized_sql('x')", "not for feeds"),
    ("error('x')", "error(), which"),
    ("assert_true(flag)", "not for feeds"),
    ("sleep_ms(1000)", "sleep_ms(), which"),
    ("pg_sleep(1)", "not for feeds"),
    ("__internal_barrier(a)", "not for feeds"),
    ("repeat('x', 3000000000)", "any amount of memory"),
    ("REPEAT('x', 3000000000)", "any amount of memory"),
    ("range(3000000000)", "any amount of memory"),
    ("generate_series(1, 3000000000)", "any amount of memory"),
    ("lpad(a, 1000000000, '0')", "right('00000' || \"Column\", 5)"),
    ("rpad(a, 1000000000, '0')", "any amount of memory"),
    ("bar(1, 0, 1, 1000000000)", "any amount of memory"),
    ("format('{:>1000000000}', a)", "any amount of memory"),
    ("printf('%1000000000s', a)", "any amount of memory"),
    ("list_resize(parts, 1000000000)", "any amount of memory"),
    ("array_resize(parts, 1000000000)", "any amount of memory"),
    ("bitstring('1', 1000000000)", "any amount of memory"),
    ("equi_width_bins(0, 10, 1000000000, true)", "any amount of memory"),
    ("hex(a)", "not for feeds"),
    ("regexp_escape(a)", "not for feeds"),
    ("json_quote(a)", "not for feeds"),
    ("levenshtein(a, b)", "not for feeds"),
    ("null::integer[100000][100000]", "casts to an array of fixed size"),
    ("a::nosuchtype", "casts to nosuchtype"),
    ("a::enum('x')", "casts to enum"),
    ("system.main.lower(a)", "with a dot before it"),
    ("a.lower()", 'Write lower("Column")'),
    ("nosuch(a)", "nosuch(), which does not exist"),
    ("lowr(a)", "Did you mean lower()?"),
    ("a as b", "gives itself the name 'b'"),
    ("value: a", "gives itself the name 'value'"),
    ("a, b", "is 2 values"),
    ("a from t", "is a query"),
    ("1 union select 2", "is a query"),
    ("select 1", "is not SQL"),
    ("a limit 1", "goes on after its value"),
    ("a where flag", "goes on after its value"),
    ("a group by all", "goes on after its value"),
    ("a order by a", "goes on after its value"),
    ("a qualify flag", "goes on after its value"),
    ("a using sample 1", "goes on after its value"),
    ("distinct a", "goes on after its value"),
    ("a --", "goes on after its value"),
    ("a -- the end", "goes on after its value"),
    ("a;", "goes on after its value"),
    ("1; select 2", "is more than one statement"),
    ("a; drop table claim", "is not SQL"),
    ("a /*", "unterminated /* comment"),
    ("'a", "is not SQL"),
    ("$$a", "is not SQL"),
    ('"a', "is not SQL"),
    ("a)", "is not SQL"),
    ('a) as "value", (b', "is not SQL"),
    ("a)) --", "is not SQL"),
    ("", "the expression is empty"),
    (" \n", "the expression is empty"),
    ("a\0", "has control characters"),
    ("'\ud800'", "has control characters"),
    ("moment at time zone 'Mars/Olympus'", "does not say which time zone"),
    ("moment at time zone a", "at time zone 'America/New_York'"),
    ("timezone(day)", "does not say which time zone"),
    ("a like 'x' escape b", "has an escape that is not one character"),
    ("a not ilike 'x' escape '!!'", "has an escape that is not one character"),
    ("make_timestamp(_row)", "makes a timestamp of one number"),
    ("time_bucket(interval 0 day, moment)", "not for feeds"),
    ("regexp_matches(a, '(')", "missing )"),
    ("regexp_matches(a, '((x{500}){500}){500}')", "invalid repetition size"),
    ("strptime(a, '%Q')", "does not fit the source"),
    ("a::decimal(50, 2)", "must be between 1 and 38"),
    ("place.country", "does not fit the source"),
    ("flag + day", "does not fit the source"),
]


@pytest.mark.parametrize(("expression", "reason"), REFUSED, ids=[repr(refused[0]) for refused in REFUSED])
def test_anything_else_is_refused_with_its_reason(connection, expression, reason):
    message = refusal(connection, expression)
    assert reason in message
    assert message.startswith("feed.toml, claim, column cause: ")


def test_an_unknown_column_is_named_beside_the_one_that_was_meant(connection):
    assert refusal(connection, """replace("Close Amnt", '$', '')""") == (
        "feed.toml, claim, column cause: the expression replace(\"Close Amnt\", '$', '') names the column 'Close Amnt',"
        ' which the source does not have. Did you mean "Close Amount"?'
    )


@pytest.mark.parametrize("bare", ["Close Amount", "close amount", "Item-Code"])
def test_a_header_without_its_quotes_is_recognised(connection, bare):
    assert "Write the column in double quotes inside single ones: '\"" in refusal(connection, bare)


def test_text_in_double_quotes_is_told_that_it_is_a_column(connection):
    assert "Text is written 'in single quotes'." in refusal(connection, 'case when a = "Deny" then 1 end')


def test_a_table_before_the_column_is_left_out(connection):
    assert 'Write only the column\'s name: "a".' in refusal(connection, "t.a")


def test_an_aliased_neighbour_or_row_id_is_no_column(connection):
    assert "names the column 'rowid'" in refusal(connection, "rowid")
    assert "names the column 'claim_id'" in refusal(connection, "claim_id")


def test_a_mistyped_call_is_told_to_cast(connection):
    message = refusal(connection, "a + 1")
    assert "'+(VARCHAR, INTEGER_LITERAL)'" in message
    assert message.endswith("Cast what is of another type: cells of csv, Excel and JSON are text.")


def test_a_column_may_be_called_like_something_of_the_session(connection):
    check_expression(connection, "current_date", columns={"current_date": "VARCHAR"}, where="")
    found = connection.execute("select current_date, user from (select 'x' as current_date, 'y' as user)").fetchone()
    assert found == ("x", "y")


def test_values_that_grow_with_every_step_are_refused(connection):
    grown = "a"
    for _ in range(9):
        grown = f"replace({grown}, 'a', 'aaaaaaaaaa')"
    assert "can make very long values out of short ones" in refusal(connection, grown)


@pytest.mark.parametrize("step", [
    r"regexp_replace({}, '.', '\0\0\0\0', 'g')",
    "replace({}, 'a', {})",
    "array_to_string(string_split({}, ''), 'aaaaaaaaaa')",
    "concat_ws({}, '', '', '', '', '', '', '')",
    "string_split({}, '')::varchar",
    "[{}]::varchar",
])  # fmt: skip
def test_no_function_grows_without_bound(connection, step):
    grown = "a"
    for _ in range(14):
        grown = step.replace("{}", grown) if len(grown) < 5_000 else grown
    assert "can make very long values" in refusal(connection, grown)


def test_cleaning_money_and_mapping_many_codes_is_not_growth(connection):
    money = "a"
    for sign in "$€£, '()":
        money = f"replace({money}, '{sign.replace(chr(39), chr(39) * 2)}', '')"
    codes = " ".join(f"when a = 'code {i}' then 'country number {i}'" for i in range(1000))
    for expression in (money, f"case {codes} else a end"):
        check_expression(connection, expression, columns=COLUMNS, where="")
        assert referenced_columns(connection, expression) == ("a",)


@pytest.mark.parametrize("deep", [
    "- " * 150 + "n",
    "not " * 3_000 + "flag",
    "(" * 5_000 + "n" + ")" * 5_000,
    "lower(" * 900 + "a" + ")" * 900,
    "[" * 5_000 + "]" * 5_000,
])  # fmt: skip
def test_deep_nesting_ends_in_a_message(connection, deep):
    assert "is nested too deeply" in refusal(connection, deep)


def test_an_endless_expression_is_refused_unread(connection):
    assert "has 200,001 characters" in refusal(connection, "'" + "x" * 199_999 + "'")


def test_long_expressions_are_cut_short_in_messages(connection):
    assert len(refusal(connection, "nosuch(" + "a, " * 1_000 + "a)")) < 400


def test_every_function_offered_is_scalar_and_steady_or_a_macro_over_such():
    assert _steady_functions() >= FUNCTIONS
    macros = sorted(name for name in FUNCTIONS if ("macro", None) in _builtin_functions()[name])
    assert macros == [
        "array_to_string", "date_add", "days_in_month", "fdiv", "fmod", "if", "list_avg", "list_count",
        "list_first", "list_last", "list_max", "list_min", "list_sum", "nullif", "split_part",
    ]  # fmt: skip


def test_columns_come_back_once_as_the_source_spells_them(connection):
    expression = """coalesce("close amount", a, upper(A), place.city, 'b') || _ROW"""
    assert referenced_columns(connection, expression, columns=COLUMNS) == ("Close Amount", "a", "place", "_row")


def test_without_a_source_columns_come_back_as_written(connection):
    assert referenced_columns(connection, """replace("Close Amount", 'x', b)""") == ("Close Amount", "b")
    assert referenced_columns(connection, "'constant'") == ()


def test_it_works_on_a_hardened_connection_and_leaves_nothing_behind():
    hardened = duckdb.connect()
    hardened.execute("set enable_external_access = false")
    hardened.execute("set lock_configuration = true")
    check_expression(hardened, "upper(a)", columns=COLUMNS, where="")
    assert "has a subquery" in refusal(hardened, "(select 1)")
    assert hardened.execute("select count(*) from duckdb_tables()").fetchone() == (0,)
    assert hardened.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
    hardened.close()


def test_column_names_with_quotes_cannot_break_out(connection):
    columns = {'x" from t; --': "VARCHAR"}
    check_expression(connection, '"x"" from t; --"', columns=columns, where="")
    assert referenced_columns(connection, '"x"" from t; --"', columns=columns) == ('x" from t; --',)
