"""How long does a load take, where does the time go, and how does that compare with a bare copy of the same files?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import duckdb
import pandas as pd

from analysis.models import fit
from data.contract import contract
from data.load import load_feed
from data.portfolio import Portfolio
from data.sample import write_feed
from data.stopwatch import Phase
from tests.bench.rows import Row, apart, once, peak_memory_mb

#: DESIGN.md 7: read, cast, check and write, as a multiple of `create table as` over the same Parquet.
MOST_TIMES_BARE = 4.0
#: 100 rows into any portfolio, beside copying and hashing its file, in seconds.
MOST_TO_APPEND = 10.0
APPENDED = 100
_LOADING = ("take out", "read", "settle", "reconcile", "write")
#: What grows with the file and not with what is loaded.
_COPYING = ("copy", "hash and publish file")


def measure_loading(feed: Path, portfolio: Path, *, size: str, seed: int) -> list[Row]:
    """Write the sample's files, load them, and append a few rows; each in a process of its own."""
    rows = []
    if not (feed / "feed.toml").is_file():
        feed.mkdir(parents=True, exist_ok=True)
        rows.append(_row("load", f"write the sample's files ({size})", apart(_write, feed, size, seed)))
    floor = apart(_copy_bare, feed, feed.parent / "bare.duckdb")
    in_pandas = apart(_read_with_pandas, feed)
    phases, peak = apart(_load, feed, portfolio, False)
    loading = _total("read, cast, check, write", _of(phases, _LOADING))
    rows.append(_row("load", loading.name, (loading, peak), floor=floor, pandas=in_pandas, target=MOST_TIMES_BARE))
    rows += [_row("load", phase.name, (phase, None)) for phase in _by_kind(phases)]
    rows.append(_row("load", "whole load", (_total("whole load", phases), peak)))
    rows += [_row("facts", phase.name, (phase, None)) for phase in _of(phases, ("mart",))]
    few = _few_rows(portfolio, feed.parent / "few")
    phases, peak = apart(_load, few, portfolio, True)
    copying = _total("copy and hash", _of(phases, _COPYING))
    others = [phase for phase in phases if phase.name not in _COPYING]
    rest = _total(f"append {APPENDED} shipments: all but copy and hash", others)
    rows.append(_row("append", "copy, hash and publish the file", (copying, None)))
    clock, processor = rest.seconds, rest.processor_seconds
    rows.append(Row("append", rest.name, 1, clock, clock, processor, target=MOST_TO_APPEND, peak_mb=peak))
    slowest = sorted(others, key=lambda phase: -phase.processor_seconds)[:8]
    rows += [_row("append", f"of it {phase.name}", (phase, None)) for phase in slowest]
    return rows


def _row(
    group: str,
    name: str,
    measured: tuple[Phase, float | None],
    *,
    floor: float | None = None,
    pandas: float | None = None,
    target: float | None = None,
) -> Row:
    phase, peak = measured
    return Row(
        group,
        name,
        1,
        phase.seconds,
        phase.seconds,
        phase.processor_seconds,
        floor=floor,
        pandas=pandas,
        target=target,
        by_processor=True,
        peak_mb=peak,
    )


def _of(phases: Iterable[Phase], kinds: tuple[str, ...]) -> list[Phase]:
    """Phases of these names, or of a table or mart of these kinds."""
    return [p for p in phases if p.name in kinds or p.name.split(" ")[0] in {"read", "settle", "mart"} & set(kinds)]


def _total(name: str, phases: Iterable[Phase]) -> Phase:
    kept = list(phases)
    return Phase(name, sum(p.seconds for p in kept), sum(p.processor_seconds for p in kept))


def _by_kind(phases: Iterable[Phase]) -> list[Phase]:
    """Phases in order, those of the tables together."""
    kinds = {"read": "read, cast and check", "settle": "settle keys and references, store", "mart": "facts and marts"}
    named = [(kinds.get(phase.name.split(" ")[0], phase.name), phase) for phase in phases]
    order = list(dict.fromkeys(name for name, _ in named))
    named.sort(key=lambda pair: order.index(pair[0]))
    return [_total(f"of it {name}", [p for _, p in group]) for name, group in groupby(named, key=lambda pair: pair[0])]


def _write(feed: Path, size: str, seed: int) -> tuple[Phase, float]:
    seconds = once(lambda: write_feed(feed, size=size, seed=seed))  # type: ignore[arg-type]
    return Phase("write", *seconds), peak_memory_mb()


def _load(feed: Path, portfolio: Path, append: bool) -> tuple[list[Phase], float]:
    result = load_feed(feed, portfolio=portfolio, fit=fit, append=append)
    return list(result.phases), peak_memory_mb()


def _copy_bare(feed: Path, database: Path) -> float:
    """The floor of a load: processor seconds of `create table as` over the same files, with nothing checked."""
    database.unlink(missing_ok=True)
    begun = time.process_time()
    connection = duckdb.connect(str(database))
    connection.execute("set memory_limit = '8GiB'")
    connection.execute("set enable_progress_bar = false")
    for table in _tables(feed):
        connection.execute(
            f"create table {table} as select * from read_parquet('{feed}/{table}-*.parquet', union_by_name = true)"
        )
    connection.execute("checkpoint")
    connection.close()
    database.unlink()
    return time.process_time() - begun


def _read_with_pandas(feed: Path) -> float:
    """Processor seconds in which pandas reads the same files and looks, file by file, for repeated keys: no more."""
    begun = time.process_time()
    for table in _tables(feed):
        for path in sorted(feed.glob(f"{table}-*.parquet")):
            frame = pd.read_parquet(path)
            frame.duplicated([name for name in contract()[table].key if name in frame]).any()
    return time.process_time() - begun


def _tables(feed: Path) -> list[str]:
    return sorted({path.name.rsplit("-", 1)[0] for path in feed.glob("*.parquet")})


def _few_rows(portfolio: Path, folder: Path) -> Path:
    """A feed that appends shipments like those that are there, under ids of their own."""
    folder.mkdir(exist_ok=True)
    opened = Portfolio(portfolio).open()
    connection = duckdb.connect(str(opened.path), read_only=True)
    # Written with their zone, so that they are read as they were.
    columns = ", ".join(
        f"timezone('UTC', {column.name}) as {column.name}" if column.type == "TIMESTAMP" else column.name
        for column in contract()["shipment"].columns
        if column.name != "shipment_id"
    )
    connection.execute(
        f"copy (select 'new-{time.time_ns()}-' || row_number() over () as shipment_id, {columns} from shipment"
        f" using sample reservoir({APPENDED} rows) repeatable (1)) to '{folder / 'shipment-000.parquet'}'"
    )
    stated = connection.execute("select name, currency, timezone, as_of, synthetic from feed").fetchone()
    connection.close()
    assert stated is not None
    name, currency, zone, as_of, synthetic = stated
    lines = [
        f'name = "{name}"',
        f'currency = "{currency}"',
        f'timezone = "{zone}"',
        f'as_of = "{as_of}"',
        f"synthetic = {str(synthetic).lower()}",
        '[[table]]\nname = "shipment"\nfile = "shipment-*.parquet"',
    ]
    (folder / "feed.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
