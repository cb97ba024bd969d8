"""The basemap, fetched by the browser from the app itself, tile by tile, and never from the internet."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from data.geo.tiles import TileArchive

GEO = Path(__file__).parents[2] / "data" / "geo"
#: All that is served, by the first part of the address: land with borders, and names.
ARCHIVES = {"land": "basemap.zip", "names": "names.zip"}
# A day in the browser's cache: the tiles change with the product only.
_HEADERS = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
_SEA = gzip.compress(b'{"type":"FeatureCollection","features":[]}', mtime=0)


class Basemap(Router):
    """Tiles of land with borders and of names, and nothing else that lies beside them."""

    def __init__(self) -> None:
        super().__init__(routes=[Route("/{kind}/{zoom:int}/{x:int}/{y:int}.json", tile, methods=["GET"])])


async def tile(request: Request) -> Response:
    """A tile; an empty one where nothing is drawn, so that a sea is no error in the browser."""
    at = request.path_params
    if at["kind"] not in ARCHIVES:
        return Response(status_code=404)
    packed = _archive(at["kind"]).read(f"{at['zoom']}/{at['x']}/{at['y']}") or _SEA
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(packed, media_type="application/json", headers={**_HEADERS, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(packed), media_type="application/json", headers=_HEADERS)


@cache
def _archive(kind: str) -> TileArchive:
    return TileArchive(GEO / ARCHIVES[kind])
