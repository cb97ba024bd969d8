"""The basemap, fetched by the browser from the app itself, once, and never from the internet."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

GEO = Path(__file__).parents[2] / "data" / "geo"
#: All that is served of that folder: what the map's layers name.
SERVED = frozenset({"land.json", "lakes.json", "borders.json", "states.json", "places.json"})


class Basemap(StaticFiles):
    """Land, lakes, borders, states and place names, and nothing else that lies beside them."""

    def __init__(self) -> None:
        super().__init__(directory=GEO)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Only the files of the map are found."""
        return super().lookup_path(path) if path in SERVED else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A day in the browser's cache: the files change with the product only."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response
