"""Figures that cost a page nothing to build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go


class Drawing(go.Figure):
    """A figure of plain dicts, which plotly checks once somebody looks into it, and not on its way to the browser.

    Checking a picture costs twenty times what writing it does: tests look into figures, pages only send them.

    Parameters
    ----------
    data, layout
        Traces and layout as plotly writes them in JSON.
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> None:
        self.__dict__["_plain"] = {"data": [dict(trace) for trace in data], "layout": dict(layout)}

    def __getattr__(self, name: str) -> Any:
        plain = self.__dict__.pop("_plain", None)
        if plain is None:
            raise AttributeError(name)
        super().__init__(plain["data"], plain["layout"])
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """The figure as plotly writes it in JSON."""
        plain = self.__dict__.get("_plain")
        return super().to_dict() if plain is None else dict(plain)

    @property
    def height(self) -> int:
        """Height in pixels; 0 where none is set."""
        return int(self.to_dict()["layout"].get("height") or 0)

    def with_more(
        self, *traces: Mapping[str, Any], x: Mapping[str, Any] | None = None, y: Mapping[str, Any] | None = None,
        **layout: Any,
    ) -> Drawing:  # fmt: skip
        """The same with further traces, and with these parts of its axes and of its layout set."""
        whole = self.to_dict()
        axes = {name: whole["layout"].get(name, {}) | dict(more or {}) for name, more in (("xaxis", x), ("yaxis", y))}
        return Drawing([*whole["data"], *traces], whole["layout"] | axes | layout)
