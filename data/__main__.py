"""The command line of the data side: python -m data load | sample | describe | check | sql."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from analysis.models import fit
from data.contract import contract
from data.errors import LanewiseError
from data.load import LoadResult, load_feed
from data.query import FORMATS, run_query
from data.sample import write_sample
from data.sample.design import SIZES
from data.snapshots import default_path
from data.verify import verify_portfolio


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 2 with one message on standard error when it could not."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except LanewiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader, such as head, has seen enough; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data", description="Load files into a portfolio and ask it questions."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    load = commands.add_parser("load", help="load a feed and publish a new snapshot")
    load.add_argument("feed", type=Path, metavar="FEED", help="a folder with feed.toml, or a .toml")
    load.add_argument("--files", type=Path, metavar="DIR", help="folder of the feed's files, if not beside the .toml")
    load.add_argument("--append", action="store_true", help="add these files to the feed instead of replacing its rows")
    load.add_argument("--json", action="store_true", help="print the reconciliation as JSON on standard output")
    load.set_defaults(run=_load)
    sample = commands.add_parser("sample", help="write the labelled synthetic portfolio")
    sample.add_argument(
        "--size", choices=SIZES, default="small", help="small: 60,000 shipments; medium: 1M; large: 10M"
    )
    sample.add_argument("--seed", type=int, default=1, help="another number, another portfolio")
    sample.set_defaults(run=_sample)
    describe = commands.add_parser("describe", help="print the data dictionary")
    describe.add_argument("table", nargs="?", help="one table; absent: all")
    describe.set_defaults(run=_describe)
    check = commands.add_parser("check", help="verify hashes and reconciliation of every snapshot kept")
    check.add_argument("--json", action="store_true", help="print what was found as JSON on standard output")
    check.set_defaults(run=_check)
    sql = commands.add_parser("sql", help="run one select, read-only, without access to files")
    sql.add_argument("query", metavar="SELECT", help="one select statement on the tables that describe lists")
    sql.add_argument("--format", choices=FORMATS, default="table")
    sql.set_defaults(run=_sql)
    for command in (load, sample, check, sql):
        command.add_argument(
            "--portfolio",
            type=Path,
            default=default_path(),
            metavar="DIR",
            help="folder of the portfolio (LANEWISE_PORTFOLIO, else ./portfolio)",
        )
    return parser


def _load(options: argparse.Namespace) -> int:
    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    result = load_feed(
        options.feed, files=options.files, portfolio=options.portfolio, append=options.append, fit=fit, progress=say
    )
    if options.json:
        tables = [
            {
                "table": f.table,
                "file": f.file,
                "read": f.read,
                "loaded": f.loaded,
                "left_out": f.left_out,
                "folded": f.folded,
                "quarantined": f.quarantined,
                "cells_nulled": f.cells_nulled,
            }
            for f in result.files
        ]
        print(json.dumps({"snapshot": result.snapshot, "tables": tables}))
    else:
        _print_result(result)
    return 0


def _sample(options: argparse.Namespace) -> int:
    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    _print_result(write_sample(options.portfolio, size=options.size, seed=options.seed, progress=say, fit=fit))
    return 0


def _print_result(result: LoadResult) -> None:
    header = ("table", "file", "read", "loaded", "left out", "folded", "quarantined", "cells nulled")
    lines = [
        (f.table, f.file, *(f"{n:,}" for n in (f.read, f.loaded, f.left_out, f.folded, f.quarantined, f.cells_nulled)))
        for f in result.files
    ]
    widths = [max(len(row[i]) for row in (header, *lines)) for i in range(len(header))]
    for row in (header, *lines):
        cells = [cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells).rstrip())
    if any(f.quarantined or f.cells_nulled for f in result.files):
        print("The page Data lists each quarantined row and emptied cell with its reason; so does")
        print('  python -m data sql "select file, row_number, problems from quarantine"')
        print('  python -m data sql "select file, row_number, reason from nulled_cell"')
    for name in result.sample_removed:
        print(f"The synthetic feed {name!r} was taken out: this portfolio now holds real data.")
    for moved in result.lost:
        print(f"{moved.rows:,} rows of feed {moved.feed!r}, table {moved.table}, went to quarantine: {moved.reason}.")
    for moved in result.returned:
        print(f"{moved.rows:,} rows of feed {moved.feed!r}, table {moved.table}, came back: {moved.reason}.")
    print(f"Published snapshot {result.snapshot}.")


def _describe(options: argparse.Namespace) -> int:
    tables = contract()
    if options.table and options.table not in tables:
        raise LanewiseError(f"there is no table {options.table!r}", hint=f"There are: {', '.join(sorted(tables))}.")
    for name, table in sorted(tables.items()):
        if options.table not in (None, name):
            continue
        print(f"{name}: {table.meaning}")
        print(f"  key: {', '.join(table.key)}")
        for column in table.columns:
            kind = " | ".join(column.words) if column.words else column.type.lower()
            parts = [kind, "required" if column.required else ""]
            if column.reference is not None:
                strength = "must be in" if column.reference.hard else "refers to"
                parts.append(f"{strength} {column.reference.table}.{column.reference.column}")
            print(f"  {column.name} ({', '.join(part for part in parts if part)}): {column.meaning}")
        for check in table.checks:
            print(f"  rule: {check.expression}")
        print()
    return 0


def _check(options: argparse.Namespace) -> int:
    found = verify_portfolio(options.portfolio, progress=lambda line: print(line, file=sys.stderr, flush=True))
    faults = found.all_faults
    if options.json:
        print(
            json.dumps(
                {
                    "portfolio": str(found.portfolio),
                    "current": found.current,
                    "good": not faults,
                    "snapshots": [
                        {"id": one.id, "serves": one.serves, "rows": one.rows, "good": not one.faults}
                        for one in found.snapshots
                    ],
                    "faults": [asdict(fault) for fault in faults],
                }
            )
        )
    else:
        for one in found.snapshots:
            state = f"{len(one.faults)} faults" if one.faults else "good"
            print(f"{one.id}  {one.rows:,} rows  {state}{'  serves' if one.serves else ''}")
        if not faults:
            print("Every hash is as published, and every row and amount is accounted for.")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 2 if faults else 0


def _sql(options: argparse.Namespace) -> int:
    run_query(options.query, portfolio=options.portfolio, form=options.format, out=sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
