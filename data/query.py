"""One select from the command line: read-only, on the whole book, without access to files."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

import duckdb

from data.errors import LanewiseError
from data.portfolio import Portfolio

FORMATS = ("table", "csv", "json")
_BATCH = 10_000
_SHOWN_ROWS = 1_000


@dataclass(frozen=True)
class _Everything:
    """No scope, no filters: what the owner of the files asks on their own command line."""

    insureds: frozenset[str] | None = None
    first_month: date | None = None
    end: date | None = None
    insured: tuple[str, ...] = ()
    carrier: tuple[str, ...] = ()
    lane: tuple[str, ...] = ()
    commodity: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()


def run_query(query: str, *, portfolio: Path, form: str, out: TextIO) -> None:
    """Run one select on the current snapshot and write its result.

    Parameters
    ----------
    query
        One select statement; table names as ``python -m data describe`` lists them, and the facts of data/marts.
    portfolio
        Folder of the portfolio.
    form
        "table" for people (the first 1,000 rows, with a line that says so), "csv" or "json" for all rows.
    out
        Where it is written.

    Raises
    ------
    LanewiseError
        It is no single select, or it does not run.
    """
    view = Portfolio(portfolio).view(_Everything(), _Everything())
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise LanewiseError(f"the statement cannot be read: {_first(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise LanewiseError(
            "only one select statement can be run", hint="Put it in quotes, without a second statement."
        )
    try:
        result = view.execute(query)
        names = _unlike([str(column[0]) for column in result.description or []])
        rows = result.fetchmany(_BATCH)
        if form == "csv":
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(names)
            while rows:
                writer.writerows(rows)
                rows = result.fetchmany(_BATCH)
        elif form == "json":
            found = []
            while rows:
                found += [dict(zip(names, row, strict=True)) for row in rows]
                rows = result.fetchmany(_BATCH)
            json.dump(found, out, default=str, ensure_ascii=False)
            out.write("\n")
        else:
            _write_table(names, rows, out=out)
    except (duckdb.Error, ImportError) as error:
        raise LanewiseError(
            f"the statement does not run: {_first(error)}", hint="python -m data describe lists tables and columns."
        ) from error


def _unlike(names: list[str]) -> list[str]:
    """Names of columns, told apart where a statement gives one twice."""
    return [f"{name}_{names[:i].count(name) + 1}" if name in names[:i] else name for i, name in enumerate(names)]


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _write_table(names: list[str], rows: list[tuple[object, ...]], *, out: TextIO) -> None:
    shown = [["" if value is None else str(value) for value in row] for row in rows[:_SHOWN_ROWS]]
    widths = [max([len(name), *(len(row[i]) for row in shown)]) for i, name in enumerate(names)]
    for line in (names, *shown):
        out.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    if len(rows) > _SHOWN_ROWS:
        out.write(f"... the first {_SHOWN_ROWS:,} rows; --format csv gives all of them\n")
