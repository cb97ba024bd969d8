"""Files made in a test and read as a feed's: the source, its rows, or what is said of them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import LanewiseError
from data.reading import ReadOptions, Source, read_source

Rows = list[tuple[object, ...]]


def read(
    content: bytes | Path, *, file: str = "claims.csv", folder: Path | None = None, **options: object
) -> tuple[Source, Rows]:
    """Reads bytes as a file; returns the source and its rows without `_file`, `_row` last."""
    with tempfile.TemporaryDirectory() as made:
        path = content if isinstance(content, Path) else (folder or Path(made)) / file
        if isinstance(content, bytes):
            path.write_bytes(content)
        connection = duckdb.connect()
        source = read_source(
            connection,
            path,
            name=file,
            options=ReadOptions(**options),
            relation="claims",  # type: ignore[arg-type]
        )
        rows = connection.execute("select * exclude (_file) from claims order by _row").fetchall()
        described = connection.execute("describe claims").fetchall()
        connection.close()
    assert [row[0] for row in described] == [*source.columns, "_file", "_row"]
    assert described[-2][1] == "VARCHAR"
    assert described[-1][1] == "BIGINT"
    assert {name: kind for name, kind, *_ in described[:-2]} == source.types
    assert len(rows) + len(source.rejected) == source.rows
    return source, rows


def workbook(cells: dict[str, object], *, title: str = "Sheet1", hidden: bool = False) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for place, value in cells.items():
        sheet[place] = value
    if hidden:
        book.create_sheet("Shown")["A1"] = "x"
        sheet.sheet_state = "hidden"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def message(content: bytes, **options: object) -> str:
    with pytest.raises(LanewiseError) as raised:
        read(content, **options)  # type: ignore[arg-type]
    assert raised.value.where.startswith("claims.csv")
    return str(raised.value)


def parquet(columns: dict[str, object]) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()
