"""Files made in a test and read as a feed's: the source, its rows, or what is said of them."""

from __future__ import annotations

import base64
import io
import tempfile
import zlib
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import LanewiseError
from data.reading import ReadOptions, Source, read_source

Rows = list[tuple[object, ...]]

#: An .xls of Excel 97, sheet "Claims": id 2015060222904, lost 2014-06-12 14:30.
OLD_XLS = zlib.decompress(
    base64.b85decode(
        b"c-p&gUhu)fjZzO8(10BSGsD0CoD6J8VvIn{3F8Pb0OkMx2QgtZ2N3@s1w#sOasVTejg?_H?-"
        b"_Pb9D?HeAp;Y`29|?Bl7Zn75XUeSF!<%?r7F-7IDy@e$Ov+SEs$hnm;)5yV~_;9N(f9QgGpg9xgM-"
        b"?514cSi}Zp?TcFwpj8P2d?ftYYps6^5NeL{+#{e>SJ6O*xu!tdpD8mU*Dz2Zv2vN(*;8>KIm@~vA<XCtZmM{P#)IBvXwFtx)WmpQzvXwxfo1"
        b"3eflA@52VU?TvfI$Qp<x3d8{#RgN_yWt@2NXud=_}6202Kd$D$b5WoC6q@=;D)^SQr=@82%@Kvq~#4X*07xva@qeVrFjfAD})^0*B(v6rgNQ"
        b"esKvGs7MDF0RkvR053Re@Bqma27WMG5Uf`KX#1a)A20bP1=z=fMH;}xKBRI`1-XLZKSLu(2T(H~ScVBsYJo{@Fxdn)RT|8e0+S-"
        b"Z)C;850z{z<w`Q=K7O<=u&>mwjxNNVE#MS_^TVDt6kZXNxuL)$YbAMPRvhKS5LIx#ZWt9Td4}#4MI*dAuvu1+8PJ0;52rWqNf=Nk?LWP4#0P"
        b"6Pt&>E1R;V%Ohm?;P*Av{p%FhbQcqN!&Fh5{o*eS@{$`k-1ThzQ8;P#_4-"
        b"eBxloB*d@{983;K)h!ppC>RB!U=)mkQ7{Td!6+C7R0fRDra3bZgBtIw&<+4QbX?~z5dRw;CK<LMh#?;cOMu-"
        b";SB5+wUBpmHQu+~NU}c1v#Ym(c*mxlbgad6aV#sDl0=pxd<n#;dz%e5GhiHug)XPGo+W(IfchcB?0L}@~X#"
    )
)


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
