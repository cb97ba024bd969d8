"""Cursors that go from one view to the next with what was made on them.

Making the views of a page costs as much as asking them. What a view's SQL says depends on which filters are chosen
and not on their values, which are variables of its cursor: so a cursor whose view is gone serves the next one of
the same shape, after the values that differ are set anew. Nobody has a cursor that somebody else still asks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import duckdb

#: Idle cursors kept of one shape, and of all.
MOST_OF_ONE = 8
MOST = 64
#: Answers kept that no filter changes.
MOST_ANSWERS = 256

#: What the SQL of views depends on: whether there is a scope, the dimensions chosen, which ends of a period are set.
Shape = tuple[bool, tuple[str, ...], bool, bool]


@dataclass
class Lent:
    """A cursor with what stands on it.

    Attributes
    ----------
    cursor
        On the snapshot, with temporary views and variables of its own.
    values
        Variables that are set on it.
    made
        Tables whose view has been made on it.
    is_spent
        True where it must serve nobody else: a statement of it failed, or its result is still being read.
    """

    cursor: duckdb.DuckDBPyConnection
    values: dict[str, object] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    is_spent: bool = False

    def bind(self, values: Mapping[str, object]) -> None:
        """Set these variables, and no others: None is not set, and an unset variable gives no rows."""
        wanted = {name: value for name, value in values.items() if value is not None}
        # Should one of them fail, nobody asks this cursor while it holds values of two people.
        self.is_spent = True
        for name in [name for name in self.values if name not in wanted]:
            self.cursor.execute(f"reset variable {name}")
            del self.values[name]
        for name, value in wanted.items():
            if name in self.values and self.values[name] == value:
                continue
            # An empty list would lose its type.
            kind = "::varchar[]" if isinstance(value, list) else ""
            self.cursor.execute(f"set variable {name} = $value{kind}", {"value": value})
            self.values[name] = value
        self.is_spent = False


class Cursors:
    """The idle cursors of one snapshot, by shape. Any thread may take one and give it back."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # A view may be collected at any moment, also while this thread is in a lock: a simple queue bears that.
        self._idle: defaultdict[Shape, SimpleQueue[Lent]] = defaultdict(SimpleQueue)

    def take(self, shape: Shape, values: Mapping[str, object]) -> Lent:
        """A cursor on which these variables are set and no others."""
        try:
            lent = self._idle[shape].get_nowait()
        except Empty:
            lent = Lent(self._connection.cursor())
        lent.bind(values)
        return lent

    def give(self, shape: Shape, lent: Lent) -> None:
        """Take back a cursor that no view asks any more."""
        idle = self._idle[shape]
        kept = sum(queue.qsize() for queue in tuple(self._idle.values()))
        if not lent.is_spent and idle.qsize() < MOST_OF_ONE and kept < MOST:
            idle.put(lent)


class Answers:
    """What was asked of one snapshot and no filter changes; the least recently asked is forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, list[tuple[Any, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> list[tuple[Any, ...]] | None:
        """The rows of this question, for reading only; None where it has not been asked."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, rows: list[tuple[Any, ...]]) -> None:
        """Keep the answer to this question."""
        with self._lock:
            self._kept[key] = rows
            while len(self._kept) > MOST_ANSWERS:
                self._kept.popitem(last=False)
