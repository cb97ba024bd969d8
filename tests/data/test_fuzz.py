"""Any bytes at all, as a file or as a feed.toml: a load, or an error in words. Never a traceback, never a dead process.

Each number of inputs is fixed and each input is made by its seed alone, so a failure can be made again.
"""

from __future__ import annotations

# ruff: noqa: PT017 - either outcome is right: a file that is read, or an error that names it
import contextlib
import datetime
import gzip
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from data.errors import LanewiseError
from data.feed import read_feed
from data.load import load_feed
from data.reading import ReadOptions, read_source
from tests.mutations import TOKENS, mutants, mutate, mutated_gzip, mutated_zip
from tests.portfolios import load_files
from tests.sources import OLD_XLS, message, parquet, workbook

SEED = 20250101
TEXT = (
    b'id,name,"amount, paid",at\n1,"Acme ""A""",12.5,2025-01-02\n2,B\xc3\xa9b\xc3\xa9,3,2025-01-03 04:05:06\n'
    b'3,"two\nlines",-1,\n'
)
BOOK = workbook(
    {"A1": "id", "B1": "at", "A2": 1, "B2": datetime.date(2014, 6, 12), "A3": "#N/A", "B3": 1.5, "C3": True}
)
TABLE = parquet(
    {
        "claim_id": [f"C{i}" for i in range(150)],
        "insured_id": ["I1", "I2", None] * 50,
        "paid_amount": list(range(150)),
        "loss_date": [datetime.date(2025, 1, 1)] * 150,
    }
)


def damaged_book(valid: bytes, *, rng: random.Random) -> bytes:
    return mutated_zip(valid, rng=rng) if rng.random() < 0.8 else mutate(valid, rng=rng)


Change = Callable[..., bytes]
#: Valid files of each kind, how they are damaged, and how many damaged ones are tried.
KINDS: dict[str, tuple[Sequence[bytes], Change, int]] = {
    "csv": (
        [TEXT, TEXT.replace(b"\n", b"\r\n"), TEXT.replace(b",", b";"), TEXT.decode().encode("utf-16")],
        mutate,
        200,
    ),
    "tsv": ([TEXT.replace(b",", b"\t")], mutate, 80),
    "gz": ([gzip.compress(TEXT, mtime=0)], mutated_gzip, 80),
    "json": (
        [
            b'[{"id": 1, "name": "a", "x": {"y": [1, 2.50, null, true]}}, {"id": "2", "z": "\\u00e9"}]',
            b'{"meta": {"n": 2}, "rows": [{"id": 1}, {"id": 2}]}',
        ],
        mutate,
        150,
    ),
    "jsonl": ([b'{"id": 1, "name": "a"}\n{"id": 2, "x": [1, {"a": "b"}]}\n{"id": 3}\n'], mutate, 100),
    "xlsx": ([BOOK], damaged_book, 120),
    "xls": ([OLD_XLS], mutate, 150),
}


@pytest.fixture(scope="module")
def attempt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], int]]:
    """Reads bytes as a file on one connection; gives the number of its rows, all of which are drawn."""
    connection = duckdb.connect()
    folder = tmp_path_factory.mktemp("fuzz")

    def reading(content: bytes) -> int:
        path = folder / "claims.csv"
        path.write_bytes(content)
        for kind in ("view", "table"):
            with contextlib.suppress(duckdb.CatalogException):
                connection.execute(f"drop {kind} if exists claims")
        source = read_source(connection, path, name="claims.csv", options=ReadOptions(), relation="claims", temp=folder)
        drawn = connection.execute("select * from claims").fetchall()
        assert len(drawn) + len(source.rejected) == source.rows
        return source.rows

    yield reading
    connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_in_words(kind: str, attempt: Callable[[bytes], int]) -> None:
    valid, change, number = KINDS[kind]
    assert all(attempt(one) for one in valid)
    outcomes = set()
    for one, damaged in mutants(valid, number=number, seed=SEED, change=change):
        try:
            attempt(damaged)
        except LanewiseError as error:
            assert error.where.startswith("claims.csv"), (kind, one)
            assert "\n" not in str(error), (kind, one)
            outcomes.add("refused")
        else:
            outcomes.add("read")
    assert outcomes == {"read", "refused"}


def test_a_damaged_parquet_is_read_or_refused_in_words(attempt: Callable[[bytes], int]) -> None:
    """Its rows are drawn only by the load, so DuckDB's own error may come out of the reader alone."""
    for one, damaged in mutants([TABLE], number=200, seed=SEED):
        try:
            attempt(damaged)
        except (LanewiseError, duckdb.Error) as error:
            assert not isinstance(error, duckdb.FatalException | duckdb.InternalException), one


def test_a_load_of_damaged_parquet_names_the_file(tmp_path: Path) -> None:
    load_files(tmp_path, files={"claim.parquet": TABLE})
    for one, damaged in mutants([TABLE], number=12, seed=SEED):
        try:
            load_files(tmp_path, files={"claim.parquet": damaged})
        except LanewiseError as error:
            assert error.where.startswith(("claim.parquet", "feed.toml")), (one, str(error))


# ---- the feed

FEED = rb"""name = "acme"
currency = "USD"
timezone = "America/Chicago"
id_prefix = "a-"
as_of = "2025-02-09"
synthetic = false

[[table]]
name = "insured"
file = "claim*.csv"
distinct = true
[table.columns]
insured_id = '"Account"'
name = 'upper("Account name")'

[[table]]
name = "claim"
file = "claims.csv"
header_row = 1
skip = 0
delimiter = ","
decimal = "."
dateformat = "%d/%m/%Y"
encoding = "utf-8"
on_conflict = "latest"
where = '''"Line" = 'Cargo' and "Paid" is not null'''
[table.columns]
claim_id = '"No."'
insured_id = '"Account"'
loss_date = '''strptime("Lost", '%d/%m/%Y')'''
paid_amount = '''try_cast(replace("Paid", '$', '') as decimal(18, 4)) + 0'''
cause = 'case when _row > 2 then lower("Cause") else _file end'
"""
CLAIMS = (
    "No.,Account,Account name,Line,Lost,Paid,Cause\n1,A1,Acme,Cargo,10/02/2025,$5.50,Theft\n"
    "2,A2,Bolt,Cargo,31/02/2025,x,Water\n3,A1,Acme,Fleet,,,\n"
)
#: What a hand may put where a value of another kind belongs.
VALUES = (
    "1",
    "0",
    "-1",
    "99999999999999999999",
    "1e400",
    "nan",
    "true",
    "[]",
    "{}",
    "1979-05-27",
    "07:32:00",
    '""',
    '" "',
    '"\\u0000"',
    '"\\n"',
    '"\\t"',
    '"x"',
    '".."',
    '"/etc/passwd"',
    '"**"',
    '"[a-"',
    '"' + "x" * 3000 + '"',
    '"utf-16"',
    '"utf-7"',
    '"punycode"',
    '"base64"',
    '"idna"',
    '"%"',
    '"%Q"',
    '"%Y%Y%Y"',
    "'\"Paid\"'",
    "'\"Paid\"::int'",
    "'(select 1)'",
    "'random()'",
    "'1/0'",
    "'null'",
    "'*'",
    "'error(\"Paid\")'",
    "'\"Paid\"[99999999999]'",
    "'make_date(99999999, 1, 1)'",
    "'chr(-1)'",
    "'chr(1114112)'",
    "'substr(\"Paid\", -9223372036854775808)'",
    "'\"Paid\" -- '",
    "'\"Paid\" /*'",
    "'1;2'",
    "'$1'",
    '\'{"a": "Paid"}\'',
    "'[\"Paid\"]'",
    "'-(-9223372036854775808)'",
    "'date ''2025-01-01'' + 99999999999'",
    "'regexp_replace(\"Paid\", ''('', '''')'",
    "'strptime(\"Paid\", ''%'')'",
    "'cast(\"Paid\" as decimal(38, 40))'",
    "'interval ''1'' year * 1e300'",
    "'''\n'''",
)
TOML_TOKENS = (*TOKENS, b"'''", b"[[table]]\n", b"[table]", b"= 1", b"= []", b"(select 1)", b"::int", b"/0", b"--")


def damaged_feed(valid: bytes, *, rng: random.Random) -> bytes:
    """In most cases one or two values of another kind; else damage to the bytes."""
    if rng.random() < 0.25:
        return mutate(valid, rng=rng, tokens=TOML_TOKENS)
    text = valid.decode()
    for _ in range(rng.choice((1, 1, 2))):
        chosen = rng.choice(list(re.finditer(r"(?m)^(\w+ = )(.+)$", text)))
        value = rng.choice(VALUES) if rng.random() < 0.8 else rng.choice(re.findall(r"(?m)^\w+ = (.+)$", text))
        text = text[: chosen.start()] + chosen[1] + value + text[chosen.end() :]
    return text.encode()


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "claims.csv").write_text(CLAIMS)
    return folder


def test_a_damaged_feed_is_understood_or_refused_in_words(feed: Path) -> None:
    outcomes = set()
    for one, damaged in mutants([FEED], number=400, seed=SEED, change=damaged_feed):
        (feed / "feed.toml").write_bytes(damaged)
        try:
            read_feed(feed)
        except LanewiseError as error:
            assert str(feed) in error.where, one
            assert "\n" not in error.message, one
            outcomes.add("refused")
        else:
            outcomes.add("understood")
    assert outcomes == {"understood", "refused"}


def test_a_load_by_a_damaged_feed_loads_or_is_refused_in_words(feed: Path, tmp_path: Path) -> None:
    tried = 0
    for one, damaged in mutants([FEED], number=200, seed=SEED, change=damaged_feed):
        (feed / "feed.toml").write_bytes(damaged)
        try:
            read_feed(feed)
        except LanewiseError:
            continue
        try:
            load_feed(feed, portfolio=tmp_path / "portfolio")
        except LanewiseError as error:
            assert "the load failed" not in error.message, (one, str(error))
        tried += 1
        if tried == 20:
            return
    pytest.fail(f"only {tried} feeds were understood")


# ---- what was found, each kept as it was found


def test_an_xls_whose_sectors_lead_in_circles_is_refused() -> None:
    """The reader of workbooks followed the circle until the machine had no memory left."""
    table_sector = int.from_bytes(OLD_XLS[76:80], "little")
    place = 512 + 512 * table_sector
    first = int.from_bytes(OLD_XLS[48:52], "little")
    circle = bytearray(OLD_XLS)
    circle[place + 4 * first : place + 4 * first + 4] = first.to_bytes(4, "little")
    assert "a chain of its sectors leads in circles" in message(bytes(circle))
    circle = bytearray(OLD_XLS)
    circle[68:72] = first.to_bytes(4, "little")
    circle[512 + 512 * first + 508 : 512 + 512 * first + 512] = first.to_bytes(4, "little")
    assert "the list of its tables leads in circles" in message(bytes(circle))
