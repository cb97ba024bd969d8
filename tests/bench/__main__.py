"""python -m tests.bench --size small|medium|large [--json FILE]: every part against a floor in the same run."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tests.bench.loading import measure_loading
from tests.bench.pages import measure_pages
from tests.bench.report import SIZES, keep, kept, rows_of, smaller, table
from tests.bench.rows import Row, apart, cores


def measure(
    folder: Path, *, size: str, seed: int = 1, runs: int = 20, parts: Sequence[str] = ("load", "pages")
) -> list[Row]:
    """Everything that the bench measures, in `folder`/feed and `folder`/portfolio; files that are there are used."""
    rows: list[Row] = []
    if "load" in parts:
        rows += measure_loading(folder / "feed", folder / "portfolio", size=size, seed=seed)
    if "pages" in parts:
        rows += apart(measure_pages, folder / "portfolio", size, runs)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one size, print the table, keep the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures beside those of other sizes")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where files and portfolio stay; absent: nowhere")
    parser.add_argument("--runs", type=int, default=20, help="samples of each page and view")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=("load", "pages"), default=("load", "pages"))
    parser.add_argument("--show", action="store_true", help="measure nothing: print what the JSON holds of this size")
    options = parser.parse_args(arguments)
    content: dict[str, dict[str, object]] = {}
    if options.show:
        content = kept(options.json)
        rows = rows_of(content, options.size)
    else:
        with tempfile.TemporaryDirectory(prefix="lanewise-bench-") as own:
            folder = options.folder or Path(own)
            folder.mkdir(parents=True, exist_ok=True)
            rows = measure(folder, size=options.size, seed=options.seed, runs=options.runs, parts=options.parts)
        if options.json:
            content = keep(options.json, rows, size=options.size, machine=machine())
    print(table(rows, before=smaller(content, options.size)[1]))
    return 0


def machine() -> str:
    """What the figures were taken on."""
    busy = f"load average {os.getloadavg()[0]:.0f}, " if hasattr(os, "getloadavg") else ""
    return (
        f"{cores()} cores, {busy} Python {platform.python_version()}, DuckDB {duckdb.__version__}, {platform.system()}"
    )


if __name__ == "__main__":
    sys.exit(main())
