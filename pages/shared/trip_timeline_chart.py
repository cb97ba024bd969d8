"""One trip in pictures: what happened when, how far from the planned route, and where."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
import pydeck as pdk

from analysis.deviations import RULE_LABELS
from analysis.trip_timeline import TripTimeline
from pages.shared.charts import Chart, plain_axis, plain_layout
from pages.shared.drawing import Drawing
from pages.shared.maps import draw_map, fit_view
from pages.shared.palette import Palette, palette, rgb

MAP_HEIGHT = 330
_ROWS = ("Incident", "Deviation", "Seal", "Scan", "Stop", "Dark", "Heard")


def timeline_chart(trip: TripTimeline, *, off_route_m: float, colours: Palette) -> Chart:
    """Positions, gaps, stops, scans, seals, deviations and incidents in time; below, the distance from the route.

    Parameters
    ----------
    off_route_m
        Metres from the planned route beyond which a position is off it: a dashed line.
    """
    routed = bool(len(trip.pings) and trip.pings["off_route_m"].notna().any())
    valid = trip.pings[trip.pings["valid"].astype(bool)] if len(trip.pings) else trip.pings
    moments = pd.to_datetime(valid["pinged_at"])
    traces: list[dict[str, Any]] = [
        _points(
            "Heard",
            moments,
            [f"{html.escape(str(device))}" for device in valid["device_id"]],
            symbol="line-ns",
            colour=colours.categories[0],
            size=9,
        ),
        _spans(
            "Dark",
            trip.gaps["last_heard_at"],
            trip.gaps["heard_again_at"],
            [f"{row.kind}: dark for {row.dark_minutes:,.0f} min" for row in trip.gaps.itertuples()],
            colour=colours.categories[1],
        ),
    ]
    for secured, colour, words in (
        (False, colours.categories[4], "stop"),
        (True, colours.categories[2], "secured stop: no report due"),
    ):
        stops = trip.stops[trip.stops["is_secured"].astype(bool) == secured]
        names = [
            f"{html.escape(str(name or site))}: {words}"
            for name, site in zip(stops["name"], stops["site_id"], strict=True)
        ]
        traces.append(_spans("Stop", stops["arrived_at"], stops["left_at"], names, colour=colour))
    found = trip.deviations
    for is_hit, colour, words in ((False, colours.muted, "no hit of the rule"), (True, colours.categories[1], "hit")):
        rows = found[found["is_hit"] == is_hit]
        texts = [
            f"{html.escape(RULE_LABELS[row['rule']])} ({words}): {html.escape(row['words'])}"
            for row in rows.to_dict("records")
        ]
        traces += [
            _spans("Deviation", rows["started_at"], rows["ended_at"], texts, colour=colour),
            _points("Deviation", rows["started_at"], texts, symbol="triangle-up", colour=colour, size=9),
        ]
    traces += [
        _points(
            "Scan",
            trip.scans["scanned_at"],
            [scan_words(row) for row in trip.scans.to_dict("records")],
            symbol="diamond",
            colour=colours.muted,
            size=9,
        ),
        _points(
            "Seal",
            trip.seals["occurred_at"],
            [html.escape(f"seal {row.seal_no} {row.state} at {row.site_id}") for row in trip.seals.itertuples()],
            symbol="square",
            colour=colours.categories[3],
            size=9,
        ),
        _points(
            "Incident",
            trip.incidents["occurred_from"],
            [html.escape(f"{row.category}, {row.status}".rstrip(", ")) for row in trip.incidents.itertuples()],
            symbol="x",
            colour=colours.categories[1],
            size=12,
        ),
    ]
    if routed:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": moments.tolist(),
                "y": (valid["off_route_m"] / 1000).round(3).tolist(),
                "yaxis": "y2",
                "line": {"color": colours.categories[0], "width": 1.2},
                "connectgaps": False,
                "hovertemplate": "%{x|%e %b %H:%M}: %{y:.2f} km from planned route<extra></extra>",
            }
        )
    axis = plain_axis(colours)
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "x0": at,
            "x1": at,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"color": colours.muted, "width": 1, "dash": "dot"},
        }
        for at in (trip.facts["departed_at"], trip.facts["ends_at"])
        if at is not None
    ]
    if routed:
        limit = off_route_m / 1000
        shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "yref": "y2",
                "y0": limit,
                "y1": limit,
                "layer": "below",
                "line": {"color": colours.categories[1], "width": 1, "dash": "dash"},
            }
        )
    figure = Drawing(
        traces,
        plain_layout(colours, height=MAP_HEIGHT + 30)
        | {
            "hovermode": "closest",
            "shapes": shapes,
            "xaxis": axis | {"type": "date", "anchor": "free", "position": 0, "nticks": 8},
            "yaxis": axis
            | {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": list(_ROWS),
                "range": [-0.6, len(_ROWS) - 0.4],
                "domain": [0.42, 1] if routed else [0, 1],
                "showgrid": True,
                "gridcolor": colours.border,
            },
        }
        | (
            {
                "yaxis2": axis
                | {
                    "domain": [0, 0.34],
                    "title": {"text": "km off route"},
                    # Metres of scatter on the route must not look like a detour.
                    "range": [0, max(0.6, 1.1 * float(valid["off_route_m"].max()) / 1000)],
                    "nticks": 4,
                    "showgrid": True,
                    "gridcolor": colours.border,
                }
            }
            if routed
            else {}
        ),
    )
    title = timeline_words(trip)
    note = "Times in UTC; dotted lines: departure and end of window"
    if routed:
        far = int((valid["off_route_m"] > off_route_m).sum())
        note += f"; {far:,} of {len(valid):,} positions over {off_route_m:g} m from planned route (dashed)"
    note = "; ".join([note, *trip.caveats])
    return Chart(figure, title, note, f"Timeline of one trip. {title}. {note}.")


def timeline_words(trip: TripTimeline) -> str:
    """What happened, in a sentence without its full stop."""
    heard = f"{trip.of:,} position{'' if trip.of == 1 else 's'}"
    if trip.facts["window_s"] is None:
        return f"{heard}; whether it was watched is not evaluable"
    dark = f"dark for {trip.facts['dark_s'] / 60:,.0f} of {trip.facts['window_s'] / 60:,.0f} minutes"
    blackouts = int(trip.facts["blackouts"] or 0)
    longest = f", the longest {trip.facts['longest_dark_s'] / 60:,.0f} minutes" if blackouts else ""
    why = f"not protected: {trip.facts['fault']}" if trip.facts["fault"] else "protected"
    return f"{heard}, {dark} in {blackouts:,} blackout{'' if blackouts == 1 else 's'}{longest}; {why}"


def scan_words(row: dict[Any, Any]) -> str:
    """A scan with its weights, as HTML."""
    words = f"{row['kind']} of {row['shipment_id']} at {row['site_id']}"
    if pd.notna(row["authorised"]) and not row["authorised"]:
        words += ", not authorised"
    if pd.notna(row["measured_weight_kg"]):
        words += f", {row['measured_weight_kg']:,.1f} kg"
        if pd.notna(row["expected_weight_kg"]):
            words += f" of {row['expected_weight_kg']:,.1f} kg expected"
    return html.escape(words)


def trip_map(trip: TripTimeline, *, key: str, alt: str) -> None:
    """Route planned (grey) and driven, last places before each gap, stops, ends, deviations and incidents."""
    ink = palette()
    heard = trip.pings[trip.pings["valid"].astype(bool)] if len(trip.pings) else trip.pings
    heard = heard.dropna(subset=["latitude", "longitude"])
    driven = [
        [round(float(x), 4), round(float(y), 4)] for x, y in zip(heard["longitude"], heard["latitude"], strict=True)
    ]
    planned = [[longitude, latitude] for latitude, longitude in trip.planned]
    marks = [
        *_marks(trip.ends, "name", "role", colour=ink.text),
        *_marks(trip.stops, "name", "stop", colour=ink.categories[4]),
        *_marks(
            trip.gaps.assign(label=[f"dark for {m:,.0f} min" for m in trip.gaps["dark_minutes"]]),
            "label",
            "last heard here",
            colour=ink.categories[1],
        ),
        *_marks(
            trip.deviations.assign(label=[RULE_LABELS[rule] for rule in trip.deviations["rule"]]),
            "label",
            "words",
            colour=ink.categories[3],
        ),
        *_marks(trip.incidents, "category", "incident", colour=ink.selected),
    ]
    layers = [
        _path("planned", planned, colour=ink.muted, width=5, opacity=110),
        _path("driven", driven, colour=ink.categories[0], width=2, opacity=255),
        pdk.Layer(
            "ScatterplotLayer",
            marks,
            id="marks",
            get_position="position",
            get_radius=6,
            radius_units="'pixels'",
            get_fill_color="color",
            stroked=True,
            get_line_color=[*rgb(ink.background), 255],
            get_line_width=1,
            line_width_units="'pixels'",
            pickable=True,
            auto_highlight=True,
        ),
    ]
    places = [*planned, *driven, *[mark["position"] for mark in marks]]
    box = None
    if places:
        east, north = (max(place[axis] for place in places) for axis in (0, 1))
        west, south = (min(place[axis] for place in places) for axis in (0, 1))
        wide, high = 0.05 + 0.1 * (east - west), 0.05 + 0.1 * (north - south)
        box = south - high, west - wide, north + high, east + wide
    draw_map(layers, view=fit_view(box, height=MAP_HEIGHT), alt=alt, key=key, height=MAP_HEIGHT)


def _path(name: str, path: list[list[float]], *, colour: str, width: int, opacity: int) -> pdk.Layer:
    rows = [{"path": path, "label": f"{name} route", "shown": ""}] if len(path) > 1 else []
    return pdk.Layer(
        "PathLayer",
        rows,
        id=name,
        get_path="path",
        get_width=width,
        width_units="'pixels'",
        get_color=[*rgb(colour), opacity],
        joint_rounded=True,
        cap_rounded=True,
        pickable=False,
    )


def _marks(frame: pd.DataFrame, label: str, shown: str, *, colour: str) -> list[dict[str, Any]]:
    placed = frame.dropna(subset=["latitude", "longitude"])
    return [
        {
            "label": str(row[label]),
            "shown": str(row.get(shown, shown)),
            "position": [round(float(row["longitude"]), 4), round(float(row["latitude"]), 4)],
            "color": [*rgb(colour), 255],
        }
        for row in placed.to_dict("records")
    ]


def _points(
    row: str, moments: pd.Series[Any], words: list[str], *, symbol: str, colour: str, size: int
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": pd.to_datetime(moments).tolist(),
        "y": [row] * len(words),
        "text": words,
        "hovertemplate": "%{x|%e %b %H:%M}: %{text}<extra></extra>",
        "marker": {"symbol": symbol, "color": colour, "size": size, "line": {"width": 1.2, "color": colour}},
    }


def _spans(row: str, starts: pd.Series[Any], ends: pd.Series[Any], words: list[str], *, colour: str) -> dict[str, Any]:
    """Bars from start to end; one without an end is a mark of no length."""
    begun, ended = pd.to_datetime(starts), pd.to_datetime(ends)
    x: list[Any] = []
    text: list[str | None] = []
    for start, end, word in zip(begun, ended, words, strict=True):
        last = start if pd.isna(end) else end
        x += [start, last, None]
        text += [word, word, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [None if at is None else row for at in x],
        "text": text,
        "line": {"color": colour, "width": 14},
        "hovertemplate": "%{x|%e %b %H:%M}: %{text}<extra></extra>",
    }
