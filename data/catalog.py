"""What the database being built holds: whether a table is there, and whether anything is in it."""

from __future__ import annotations

import duckdb

from data.casting import quote


def exists(connection: duckdb.DuckDBPyConnection, table: str, *, temporary: bool | None = None) -> bool:
    """Is there a table of this name; of the snapshot being built, of this load alone (``temporary``), or of either?"""
    row = connection.execute(
        "select count(*) from duckdb_tables()"
        " where table_name = $table and temporary = coalesce($temporary, temporary)",
        {"table": table, "temporary": temporary},
    ).fetchone()
    return bool(row and row[0])


def has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Is there a table of this name with any row?"""
    if not exists(connection, table):
        return False
    return connection.execute(f"select 1 from {quote(table)} limit 1").fetchone() is not None
