"""Tables as files: Parquet parts of each table, and the feed.toml that says how they are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.contract import contract
from data.sample.design import AS_OF, END, Flags, Floats, Ints

FEED_NAME = "sample"
CURRENCY = "USD"
TIMEZONE = "America/Chicago"
Text: TypeAlias = "pa.Array[Any]"
Column: TypeAlias = "pa.Array[Any] | NDArray[Any] | Sequence[object]"


def keys(prefix: str, numbers: Ints, *, width: int) -> Text:
    """Ids such as ``T0000042``."""
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return joined(pa.array([""] * len(numbers), pa.string()), digits, between=prefix)


def take(words: Sequence[str | None], rows: Ints) -> Text:
    """``words[rows]`` as text."""
    return pa.array(list(words), type=pa.string()).take(pa.array(rows, pa.int64()))


def moments(seconds: Ints) -> Text:
    """Moments in UTC; null for those that are none, or lie after the data's date."""
    return pa.array(seconds, mask=(seconds <= 0) | (seconds >= END)).cast(pa.timestamp("s", tz="UTC"))


def days(seconds: Ints) -> Text:
    """Days of moments that are local already; null for those that are none, or lie after the data's date."""
    none = (seconds <= 0) | (seconds >= END)
    return pa.array((seconds // 86_400).astype(np.int32), mask=none).cast(pa.date32())


def optional(values: Floats | Ints | Flags, known: Flags) -> Text:
    """Values, null where they are not known."""
    return pa.array(values, mask=~known)


def optional_text(words: Text, known: Flags) -> Text:
    """Text, null where it is not known."""
    text: Text = pc.if_else(pa.array(known), words, pa.scalar(None, pa.string()))
    return text


def joined(first: Text, second: Text, *, between: str) -> Text:
    """Two texts in one."""
    text: Text = pc.binary_join_element_wise(first, second, between)  # type: ignore[call-overload]  # a scalar may join arrays
    return text


class FeedFolder:
    """Where a feed is written: tables in parts, then the TOML that names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: dict[str, int] = {}

    def write(self, table: str, columns: dict[str, Column]) -> None:
        """Add a part to a table; a part without rows is not written."""
        data = pa.table(
            {name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in columns.items()}
        )
        unknown = set(data.column_names) - set(contract()[table].names)
        assert not unknown, f"{table} has no {unknown}"
        if not data.num_rows:
            return
        part = self._parts.get(table, 0)
        self._parts[table] = part + 1
        pq.write_table(data, self.folder / f"{table}-{part:03d}.parquet", compression="snappy")

    def finish(self) -> Path:
        """Write the feed.toml; the folder is then a feed like anyone's."""
        lines = [
            "# A labelled synthetic portfolio: every party, place of loss and amount in it is invented.",
            f'name = "{FEED_NAME}"',
            f'currency = "{CURRENCY}"',
            f'timezone = "{TIMEZONE}"',
            f'as_of = "{AS_OF}"',
            "synthetic = true",
        ]
        for table in sorted(self._parts):
            lines += ["", "[[table]]", f'name = "{table}"', f'file = "{table}-*.parquet"']
        (self.folder / "feed.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.folder
