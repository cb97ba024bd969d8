"""The contract read back: what each table holds, as DuckDB's own catalog understands ``contract.sql``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

CONTRACT = Path(__file__).with_name("contract.sql")
_LOOSE = re.compile(r"^-> (?P<table>\w+)\.(?P<column>\w+); (?P<meaning>.*)$", re.DOTALL)
_ENUM = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True)
class Reference:
    """Where a column points. ``hard``: a row without its parent is quarantined; else it is kept and listed."""

    table: str
    column: str
    hard: bool


@dataclass(frozen=True)
class Column:
    """One column. ``type`` is DuckDB's name of the stored type; ``words`` the values allowed, empty for any."""

    name: str
    type: str
    required: bool
    meaning: str
    words: tuple[str, ...]
    reference: Reference | None

    @property
    def is_amount(self) -> bool:
        """Is it money? Money is the only thing that the contract stores as a decimal."""
        return self.type.startswith("DECIMAL")


@dataclass(frozen=True)
class Check:
    """A rule over columns of one row, in SQL; a row for which it is false is quarantined, unknown passes."""

    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table. In ``key``, null counts as a value like any other."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Columns that hold an id of this feed's own: its single-column key and all that refer to another table."""
        own = self.key if len(self.key) == 1 else ()
        return tuple(c.name for c in self.columns if c.name in own or c.reference is not None)


@cache
def contract() -> dict[str, Table]:
    """What tables may a portfolio hold, by name, parents of hard references before their children?"""
    connection = duckdb.connect()
    try:
        connection.execute(CONTRACT.read_text(encoding="utf-8"))
        return _read(connection)
    finally:
        connection.close()


def _read(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() where schema_name = 'main' order by table_oid"
    ).fetchall()
    columns = connection.execute(
        "select table_name, column_name, data_type, not is_nullable, comment from duckdb_columns()"
        " where schema_name = 'main' and not internal order by table_name, column_index"
    ).fetchall()
    constraints = connection.execute(
        "select table_name, constraint_type, expression, constraint_column_names, referenced_table,"
        " referenced_column_names from duckdb_constraints() where schema_name = 'main' order by constraint_index"
    ).fetchall()
    found: dict[str, Table] = {}
    for table, meaning in tables:
        rules = [rule[1:] for rule in constraints if rule[0] == table]
        hard = {rule[2][0]: Reference(rule[3], rule[4][0], hard=True) for rule in rules if rule[0] == "FOREIGN KEY"}
        keys = [tuple(rule[2]) for rule in rules if rule[0] in {"PRIMARY KEY", "UNIQUE"}]
        required = {rule[2][0] for rule in rules if rule[0] in {"PRIMARY KEY", "NOT NULL"}}
        found[table] = Table(
            name=table,
            meaning=meaning or "",
            columns=tuple(
                _column(row[1], row[2], row[4] or "", required=row[1] in required, hard=hard.get(row[1]))
                for row in columns
                if row[0] == table
            ),
            key=keys[0],
            checks=tuple(Check(rule[1], tuple(sorted(set(rule[2])))) for rule in rules if rule[0] == "CHECK"),
        )
    order = TopologicalSorter(
        {
            name: {c.reference.table for c in table.columns if c.reference is not None and c.reference.hard}
            for name, table in found.items()
        }
    )
    return {name: found[name] for name in order.static_order()}


def _column(name: str, type_: str, comment: str, *, required: bool, hard: Reference | None) -> Column:
    loose = _LOOSE.match(comment)
    words = tuple(word.replace("''", "'") for word in _ENUM.findall(type_)) if type_.startswith("ENUM") else ()
    return Column(
        name=name,
        type="VARCHAR" if words else type_,
        required=required,
        meaning=loose["meaning"] if loose else comment,
        words=words,
        reference=Reference(loose["table"], loose["column"], hard=False) if loose else hard,
    )
