"""The bench as a table to read and as JSON to keep."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.rows import Row

SIZES = ("small", "medium", "large")
_HEADER = (
    "what",
    "runs",
    "p50",
    "p95",
    "processor",
    "processor p95",
    "floor",
    "x floor",
    "pandas",
    "x pandas",
    "target",
    "peak",
    "growth",
)


def kept(path: Path) -> dict[str, dict[str, object]]:
    """What a JSON file holds, by size; nothing where there is none."""
    content: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content


def keep(path: Path, rows: Sequence[Row], *, size: str, machine: str) -> dict[str, dict[str, object]]:
    """Put a size's rows into a JSON file beside those of other sizes; gives the whole file."""
    content = kept(path)
    content[size] = {"machine": machine, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def rows_of(content: dict[str, dict[str, object]], size: str) -> list[Row]:
    """The rows of one size of a kept file."""
    kept = content.get(size, {}).get("rows", [])
    return [Row(**row) for row in kept]  # type: ignore[attr-defined]


def smaller(content: dict[str, dict[str, object]], size: str) -> tuple[str, list[Row]]:
    """The next smaller size that was kept, with its rows; none: no rows."""
    before = SIZES[: SIZES.index(size)] if size in SIZES else ()
    for name in reversed(before):
        if name in content:
            return name, rows_of(content, name)
    return "", []


def table(rows: Iterable[Row], *, before: Sequence[Row] = ()) -> str:
    """The rows as Markdown, which a terminal shows as well: one table a group.

    `growth` is the median (of a load: processor seconds) as a multiple of that of the next smaller size.
    """
    earlier = {(row.group, row.name): row for row in before}
    lines: list[str] = []
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", f"### {group}", "", f"| {' | '.join(_HEADER)} |", "|---|" + "---:|" * (len(_HEADER) - 1)]
        lines.append(f"| {' | '.join(_cells(row, earlier.get((row.group, row.name))))} |")
    return "\n".join(lines).strip() + "\n"


def _cells(row: Row, earlier: Row | None) -> list[str]:
    target = ""
    if row.target is not None:
        said = f"{row.target:g} x floor" if row.by_processor else _seconds(row.target)
        target = f"{said} {'met' if row.is_met else 'MISSED'}"
    return [
        row.name,
        str(row.runs),
        _seconds(row.median),
        _seconds(row.slow),
        _seconds(row.processor),
        _seconds(row.processor_slow),
        _seconds(row.floor),
        _times(row.own, row.floor),
        _seconds(row.pandas),
        _times(row.own, row.pandas),
        target,
        f"{row.peak_mb:,.0f} MB" if row.peak_mb else "",
        _times(row.own, earlier.own if earlier else None),
    ]


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{1000 * value:,.3g} ms" if value < 1 else f"{value:,.3g} s"


def _times(value: float, below: float | None) -> str:
    return f"{value / below:.2g}" if below else ""
