"""Tables with coloured cells that cost a page nothing to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

#: CSS properties in their order, by what they do.
Paint = tuple[tuple[str, str], ...]


def painted(table: pd.DataFrame, paints: Mapping[Paint, Iterable[tuple[int, int]]]) -> Any:
    """The table, and for Streamlit the colours of its cells, told by row and column from 0.

    Of a pandas Styler Streamlit takes the colours, and what stands in a number's cell where its column has no format.
    To tell both, a Styler words every cell for an HTML table that nobody draws: of some hundred rows longer than
    all else a page does for them.
    """
    told = {
        "cellstyle": [
            {"props": list(paint), "selectors": [f"row{row}_col{column}" for row, column in cells]}
            for paint, cells in paints.items()
        ],
        "body": [],
    }
    styler = table.style.set_uuid("painted")
    # Streamlit knows a Styler by its very class, and asks these two of it.
    styler._compute = lambda: styler  # type: ignore[method-assign]  # noqa: SLF001
    styler._translate = lambda *_, **__: told  # type: ignore[method-assign]  # noqa: SLF001
    return styler
