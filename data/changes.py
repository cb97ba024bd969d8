"""What one load changes: which rows of which tables went and came, so that only what depends on them is made again.

Rows are kept whole, beside a mark that says whether they went, in temporary tables ``changed_<table>``. A table of
which much changes is not kept row by row: it is called ``whole``, and all that depends on it is made anew.
"""

from __future__ import annotations

import duckdb

from data.casting import quote
from data.contract import Table

#: Up to this many rows of a table are kept; more are not a small change, whatever the size of the portfolio.
MOST_ROWS = 100_000


class Changes:
    """What a load has changed so far, table by table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        #: Tables of which too much changed to be kept.
        self.whole: set[str] = set()
        #: Tables of which single rows went or came; they are in ``changed_<table>``.
        self.rows: set[str] = set()
        #: Tables from which keys may have gone: rows that refer to them have to be looked at again.
        self.shrunk: set[str] = set()

    @property
    def tables(self) -> set[str]:
        """Tables in which anything changed."""
        return self.whole | self.rows

    def went(self, table: Table, *, source: str) -> None:
        """Note rows that leave a table, before they do.

        Parameters
        ----------
        source
            SQL of a relation with the table's columns and ``_feed``, that holds these rows.
        """
        self._note(table, source=source, gone=True)

    def came(self, table: Table, *, source: str) -> None:
        """Note rows that enter a table; see :meth:`went`."""
        self._note(table, source=source, gone=False)

    def _note(self, table: Table, *, source: str, gone: bool) -> None:
        counted = self._connection.execute(f"select count(*) from {source}").fetchone()
        rows = int(counted[0]) if counted else 0
        if not rows:
            return
        if gone:
            self.shrunk.add(table.name)
        store = f"changed_{table.name}"
        if rows > MOST_ROWS or table.name in self.whole:
            self.whole.add(table.name)
            self.rows.discard(table.name)
            self._connection.execute(f"drop table if exists {store}")
            return
        columns = ", ".join(f"{quote(c.name)} {c.type}" for c in table.columns)
        self._connection.execute(f"create temp table if not exists {store} ({columns}, _feed varchar, _gone boolean)")
        named = ", ".join(quote(name) for name in table.names)
        self._connection.execute(f"insert into {store} select {named}, _feed, {str(gone).lower()} from {source}")
        self.rows.add(table.name)
