"""The bench runs and produces rows; what they say of time is for its readers, never for a test."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.bench.__main__ import main
from tests.bench.report import keep, kept, rows_of, smaller, table
from tests.bench.rows import Row, peak_memory_mb, sample
from tests.bench.scripts import PAGES
from tests.portfolios import FILES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed of a few rows, as Parquet like the sample's."""
    root = tmp_path_factory.mktemp("bench")
    feed = root / "feed"
    feed.mkdir()
    connection = duckdb.connect()
    lines = ['name = "tiny"', 'currency = "USD"', 'timezone = "UTC"', 'as_of = "2025-06-30"', "synthetic = true"]
    for name, text in FILES.items():
        table_name = name.removesuffix(".csv")
        (feed / name).write_text(text, encoding="utf-8")
        connection.execute(
            f"copy (select * from read_csv('{feed / name}')) to '{feed / f'{table_name}-000.parquet'}' (format parquet)"
        )
        lines.append(f'[[table]]\nname = "{table_name}"\nfile = "{table_name}-*.parquet"')
    connection.close()
    (feed / "feed.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_every_part_of_the_bench_gives_rows(folder, capsys):
    found = folder / "bench.json"
    assert main(["--folder", str(folder), "--runs", "1", "--json", str(found)]) == 0
    rows = rows_of(kept(found), "small")
    assert {row.group for row in rows} == {"load", "facts", "append", "view", "analysis", "script"}
    named = {row.name for row in rows}
    assert "read, cast, check, write" in named
    assert "append 100 shipments: all but copy and hash" in named
    assert {"mart lane_month", "page Data", "Hotspots: a filter changed"} <= named
    assert {f"{page.name}: of it analysis and figures" for page in PAGES} <= named
    loading = next(row for row in rows if row.name == "read, cast, check, write")
    assert loading.floor is not None
    assert loading.pandas is not None
    assert loading.peak_mb is not None
    assert "| read, cast, check, write |" in capsys.readouterr().out


def test_a_size_is_kept_beside_the_others_and_compared_with_the_next_smaller(tmp_path):
    path = tmp_path / "bench.json"
    keep(path, [Row("view", "open", 3, 0.002, 0.003, 0.001)], size="small", machine="m")
    keep(path, [Row("view", "open", 3, 0.008, 0.009, 0.001, floor=0.004, target=0.005)], size="medium", machine="m")
    content = json.loads(path.read_text())
    name, before = smaller(content, "medium")
    assert name == "small"
    assert table(rows_of(content, "medium"), before=before).splitlines()[-1] == (
        "| open | 3 | 8 ms | 9 ms | 1 ms |  | 4 ms | 2 |  |  | 5 ms MISSED |  | 4 |"
    )
    assert smaller(content, "small") == ("", [])


def test_a_load_is_compared_by_processor_time():
    row = Row("load", "read", 1, 60.0, 60.0, 8.0, floor=4.0, target=4.0, by_processor=True)
    assert row.ratio == 2.0
    assert row.is_met


def test_a_sample_leaves_out_the_first_call():
    numbers = []
    runs, *_ = sample(numbers.append, runs=3)
    assert (runs, numbers) == (3, [0, 1, 2, 3])
    assert peak_memory_mb() > 1
