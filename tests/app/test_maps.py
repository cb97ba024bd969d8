"""Maps: what is drawn, from where it is seen, and what a click picks."""

from __future__ import annotations

import asyncio
import gzip
import json
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from analysis.measures import magnitude
from pages.shared import maps
from pages.shared.basemap import Basemap
from pages.shared.maps import (
    Classes,
    CompactDeck,
    basemap_layers,
    cell_layer,
    classes,
    fit_view,
    label_layer,
    lane_layer,
    lane_paths,
    legend_words,
    point_layer,
    selection_to_filter,
    site_layer,
)
from pages.shared.palette import DARK, LIGHT, Palette, rgb


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "palette", lambda: LIGHT)


def lanes(*rows: tuple[str, float, float, float, float, float]) -> pd.DataFrame:
    ends = ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]
    return pd.DataFrame(
        [(place, f"lane {place}", *rest) for place, *rest in rows], columns=["place", "label", "value", *ends]
    )


def show(value: float) -> str:
    return f"{value:g}"


def test_a_short_lane_is_one_path_between_its_ends() -> None:
    (path,) = lane_paths(35.15, -90.05, 32.78, -96.80)
    assert path[0] == [-90.05, 35.15]
    assert path[-1] == [-96.8, 32.78]


def test_a_long_lane_takes_the_shortest_way_on_the_globe() -> None:
    (path,) = lane_paths(51.5, 0.0, 40.7, -74.0)
    assert max(latitude for _, latitude in path) > 52.5  # a straight line on the map would never go north of London


def test_a_lane_over_the_antimeridian_is_cut_there() -> None:
    west, east = lane_paths(35.68, 139.69, 37.77, -122.42)
    assert west[-1][0] == 180.0
    assert east[0][0] == -180.0
    assert west[-1][1] == east[0][1]
    steps = [abs(b[0] - a[0]) for path in (west, east) for a, b in pairwise(path)]
    assert max(steps) < 20


def test_a_lane_within_one_place_is_still_drawn() -> None:
    assert lane_paths(1.0, 2.0, 1.0, 2.0) == [[[2.0, 1.0], [2.0, 1.0]]]


def test_no_class_holds_all_but_a_giant() -> None:
    scale = classes([1, 2, 3, 5, 8, 107], colours=LIGHT.sequence)
    assert scale.edges == (1, 5, 10, 20, 100)
    assert scale.colour(1) == LIGHT.sequence[0]
    assert scale.colour(107) == LIGHT.sequence[-1]
    assert scale.colour(8) not in (scale.colour(1), scale.colour(107))


@pytest.mark.parametrize("values", [[], [0.0], [4.0], [0.0, 3.0], [-2.0, 5.0], [float("nan"), 1.0]])
def test_classes_take_what_there_is(values: list[float]) -> None:
    scale = classes(values, colours=LIGHT.sequence)
    assert len(scale.edges) == len(scale.colours) >= 1
    assert list(scale.edges) == sorted(set(scale.edges))
    assert legend_words(scale, show=show)[-1].endswith("or more")


def test_classes_of_counts_share_no_edge() -> None:
    scale = Classes((1.0, 2.0, 5.0, 20.0, 10_000.0, 20_000.0), ("#000000",) * 6)
    assert legend_words(scale, show=magnitude, whole=True) == [
        "1", "2–4", "5–19", "20 to under 10k", "10k to under 20k", "20k or more",
    ]  # fmt: skip
    assert legend_words(Classes((0.5, 2.0), ("#000000",) * 2), show=magnitude) == ["0.5 to under 2", "2 or more"]


def test_only_the_fifty_largest_lanes_that_have_a_place() -> None:
    frame = lanes(*((f"L{n:02}", float(n), 10.0, 10.0 + n / 10, 20.0, 30.0) for n in range(60)))
    frame.loc[frame["place"] == "L59", "origin_latitude"] = None
    layer = lane_layer(frame, scale=classes(frame["value"]), show=show)
    drawn = {row["place"] for row in layer.data}
    assert len(drawn) == 50
    assert "L59" not in drawn
    assert drawn >= {"L58", "L09"}
    assert layer.id == "lanes"


def test_what_is_picked_stands_out_and_the_rest_steps_back() -> None:
    frame = lanes(("L1", 5, 10, 10, 20, 20), ("L2", 5, 10, 10, 30, 30))
    layer = lane_layer(frame, scale=classes(frame["value"]), show=show, selected=["L2"])
    colour = {row["place"]: row["color"] for row in layer.data}
    assert colour["L2"] == [*rgb(LIGHT.selected), 255]
    assert colour["L1"][3] < 100


def test_layers_are_plain_json_without_indentation_or_nan() -> None:
    sites = pd.DataFrame(
        {"place": ["S1", "S2", "S3"], "label": ["<b>A</b>", "B", "C"], "value": [1.0, 9.0, 4.0],
         "latitude": [1.0, 2.0, None], "longitude": [1.0, 2.0, 3.0]}
    )  # fmt: skip
    cells = pd.DataFrame({"place": ["832830fffffffff", "no cell"], "label": ["x", "y"], "value": [2.0, 3.0]})
    scale = classes([1.0, 9.0])
    deck = CompactDeck(
        layers=[
            site_layer(sites, scale=scale, show=show),
            cell_layer(cells, scale=scale, show=show),
            point_layer(sites.assign(place_source="given")),
        ],
        map_provider=None,
    )
    text = deck.to_json()
    assert "\n" not in text
    spec = json.loads(text)
    assert [layer["id"] for layer in spec["layers"]] == ["sites", "cells", "points"]
    assert [row["place"] for row in spec["layers"][0]["data"]] == ["S2", "S1"]  # the small one on top
    assert [row["place"] for row in spec["layers"][1]["data"]] == ["832830fffffffff"]
    assert spec["layers"][0]["radiusUnits"] == "pixels"


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_the_basemap_is_fetched_from_tiles_of_this_server_alone(ink: Palette) -> None:
    spec = json.loads(CompactDeck(layers=[*basemap_layers(ink), label_layer(ink)], map_provider=None).to_json())
    addresses = [layer["data"] for layer in spec["layers"] if isinstance(layer["data"], str)]
    assert addresses == ["/geo/land/{z}/{x}/{y}.json", "/geo/names/{z}/{x}/{y}.json"]
    assert not any(layer["pickable"] for layer in spec["layers"])
    assert "http" not in json.dumps(spec)


async def served(address: str, *, encoding: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, asked for as a server asks."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await Basemap()(
        {
            "type": "http",
            "method": "GET",
            "path": unquote(address),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"accept-encoding", encoding.encode())],
        },
        receive,
        send,
    )
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(part.get("body", b"") for part in rest)


@pytest.mark.parametrize(
    ("address", "status", "kinds"),
    [
        ("/land/2/0/1.json", 200, {"land", "border", "state"}),
        ("/names/2/0/1.json", 200, {"country"}),
        ("/land/5/0/15.json", 200, set()),  # open sea
        ("/land/99/1/1.json", 200, set()),
        ("/gazetteer/2/0/1.json", 404, None),
        ("/land/2/0/..%2F..%2Fbasemap.zip", 404, None),
        ("/gazetteer.parquet", 404, None),
        ("/prepare_places.py", 404, None),
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_tiles_are_served_and_nothing_else(address: str, status: int, kinds: set[str] | None, encoding: str) -> None:
    found, headers, body = asyncio.run(served(address, encoding=encoding))
    assert found == status
    if kinds is not None:
        assert headers["cache-control"] == "public, max-age=86400"
        assert headers.get("content-encoding", "identity") == encoding
        document = json.loads(gzip.decompress(body) if encoding == "gzip" else body)
        assert {feature["properties"]["kind"] for feature in document["features"]} == kinds


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2.2."""
    parts = [part / 255 for part in rgb(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


#: How linear RGB is seen: fully, and without each kind of cone (Machado, Oliveira and Fernandes 2009, severity 1).
SIGHT = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def oklab(colour: str, sight: str) -> np.ndarray:
    """Lightness and two hues in which equal steps look equal (Ottosson 2020)."""
    parts = np.array(rgb(colour)) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return opponents @ np.cbrt(cones @ seen)


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_every_class_stands_out_from_land_water_and_page(ink: Palette) -> None:
    assert [colour for colour in ink.sequence if contrast(colour, ink.land) < 3.0] == []
    assert [colour for colour in ink.sequence if contrast(colour, ink.background) < 3.0] == []
    assert [colour for colour in ink.sequence if contrast(colour, ink.water) < 2.7] == []


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_neighbouring_classes_are_told_apart_with_any_colour_vision(ink: Palette, sight: str) -> None:
    steps = [np.linalg.norm(oklab(a, sight) - oklab(b, sight)) for a, b in pairwise(ink.sequence)]
    assert min(steps) > 0.055
    lightness = [luminance(colour) for colour in ink.sequence]
    assert lightness == sorted(lightness, reverse=not ink.dark)
    assert min(np.linalg.norm(oklab(ink.selected, sight) - oklab(colour, sight)) for colour in ink.sequence) > 0.08


def test_a_view_holds_its_box() -> None:
    country = fit_view((25.0, -124.0, 49.0, -67.0))
    assert 25 < country.latitude < 49
    assert country.longitude == -95.5
    world, town = fit_view(None), fit_view((51.4, -0.3, 51.6, 0.1))
    assert world.zoom < country.zoom < town.zoom
    assert fit_view((10.0, 10.0, 10.0, 10.0)).zoom == 9.0


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ({"lanes": [{"place": "L1"}]}, ("lane", "L1")),
        ({"sites": [{"place": "JFK"}]}, ("site", "JFK")),
        ({"cells": [{"place": "832830fffffffff"}]}, ("cell", "832830fffffffff")),
        ({"points": [{"place": "I1"}]}, None),
        ({"lanes": []}, None),
        ({"lanes": [{"label": "no id"}]}, None),
        ({"base-land": [{"place": "x"}]}, None),
        ({}, None),
    ],
)
def test_a_click_picks_a_dimension_and_an_id(objects: dict[str, object], expected: tuple[str, str] | None) -> None:
    assert selection_to_filter({"selection": {"indices": {}, "objects": objects}}) == expected


def test_no_click_picks_nothing() -> None:
    assert selection_to_filter(None) is None
    assert selection_to_filter({}) is None
