"""Maps: what is drawn, from where it is seen, and what a click picks."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from pages.shared import maps
from pages.shared.maps import (
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

GEO = Path(__file__).resolve().parents[2] / "data" / "geo"


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
def test_the_basemap_is_fetched_from_files_of_this_server_alone(ink: Palette) -> None:
    spec = json.loads(CompactDeck(layers=[*basemap_layers(ink), label_layer(ink)], map_provider=None).to_json())
    addresses = [layer["data"] for layer in spec["layers"] if isinstance(layer["data"], str)]
    assert addresses == [
        "/geo/land.json",
        "/geo/lakes.json",
        "/geo/states.json",
        "/geo/borders.json",
        "/geo/places.json",
    ]
    assert all((GEO / Path(address).name).is_file() for address in addresses)
    assert not any(layer["pickable"] for layer in spec["layers"])
    assert "http" not in json.dumps(spec)


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
