"""Which trips were picked on the page: one frozen value that its link carries and the table of trips is cut by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import h3
import pandas as pd

from analysis.selection import STORED_RESOLUTIONS, Condition, picked_of, stored_cells
from data.portfolio import View

TripDimension = Literal["device", "carrier", "lane", "insured", "day", "cell", "fault"]

TRIP_DIMENSION_LABELS: Mapping[TripDimension, str] = {
    "device": "Device",
    "carrier": "Carrier",
    "lane": "Lane",
    "insured": "Insured",
    "day": "Day",
    "cell": "Area",
    "fault": "Not protected for",
}
_CONDITIONS: Mapping[TripDimension, str] = {
    "device": "device_id = $picked_device",
    "carrier": "carrier_id = $picked_carrier",
    "lane": "lane_id = $picked_lane",
    "insured": "insured_id = $picked_insured",
    "day": "departed_on = $picked_day",
    "cell": "trip_no in (select trip_no from trip_blackout where list_contains($picked_cells, {cell}))",
    "fault": "fault = $picked_fault",
}


@dataclass(frozen=True)
class TripSelection:
    """What trips are narrowed to; None where nothing is picked.

    Attributes
    ----------
    device, carrier, lane, insured
        Ids: of the device that was on it for longest, its carrier, its lane, and of whose goods were on it.
    day
        Of departure.
    cell
        H3 cell in which one of its blackouts began.
    fault
        First reason why it is not protected.

    Examples
    --------
    >>> TripSelection.from_query({"carrier": "C1", "day": "2025-02-30"}).query()
    {'carrier': 'C1'}
    """

    device: str | None = None
    carrier: str | None = None
    lane: str | None = None
    insured: str | None = None
    day: date | None = None
    cell: str | None = None
    fault: str | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str | None]) -> TripSelection:
        """The selection that a link carries; what makes no sense in it is left out, as links are typed by hand."""
        found = {name: _read(name, text.strip()) for name in get_args(TripDimension) if (text := query.get(name))}
        return cls(**{name: value for name, value in found.items() if value})

    def query(self) -> dict[str, str]:
        """The selection as a link carries it."""
        return {name: str(value) for name, value in self.chosen.items()}

    @property
    def chosen(self) -> dict[TripDimension, Any]:
        """What is picked, by dimension."""
        return picked_of(self, get_args(TripDimension))


def trip_condition(selection: TripSelection) -> Condition:
    """Which rows of `trip_telemetry` are picked? SQL with bound values."""
    parts, bound = [], {}
    for name, value in selection.chosen.items():
        if name == "cell":
            column, cells = stored_cells(value)
            parts.append(_CONDITIONS[name].format(cell=column))
            bound["picked_cells"] = cells
        else:
            parts.append(_CONDITIONS[name])
            bound[f"picked_{name}"] = value
    return Condition(" and ".join(parts) or "true", bound)


def _read(name: str, text: str) -> Any:
    try:
        match name:
            case "day":
                return date.fromisoformat(text)
            case "cell":
                return text if h3.is_valid_cell(text) and h3.get_resolution(text) <= STORED_RESOLUTIONS[-1] else None
            case _:
                return text
    except ValueError:
        return None


def worst_trips(view: View, *, selection: TripSelection | None = None, limit: int = 200) -> pd.DataFrame:
    """Which trips were dark for longest? The rows behind uptime, each with its timeline (`trip_timeline`).

    Where something is picked, all of its trips with goods, those without a device last; else tracked trips only.

    Columns: `trip_id`, `departed_at` (UTC), `carrier_id`, `lane_id`, `device_id`, `window_hours`, `completeness`,
    `uptime`, `dark_minutes`, `longest_dark_minutes`, `blackouts`, `seal`, `fault`, `value_base` (of the goods in view).
    """
    picked = trip_condition(selection or TripSelection())
    within = picked.sql if picked.parameters else "slots_due is not null"
    return view.frame(
        f"""
        select
            trip_id, any_value(departed_at) as departed_at, any_value(carrier_id) as carrier_id,
            any_value(lane_id) as lane_id, any_value(device_id) as device_id,
            any_value(window_s) / 3600 as window_hours,
            any_value(slots_fixed)::double / any_value(slots_due) as completeness,
            1 - any_value(dark_s) / any_value(window_s) as uptime, any_value(dark_s) / 60 as dark_minutes,
            any_value(longest_dark_s) / 60 as longest_dark_minutes, any_value(blackouts) as blackouts,
            any_value(seal) as seal, any_value(fault) as fault, sum(value_base)::double as value_base
        from trip_telemetry
        where is_due and {within}
        group by trip_no, trip_id
        order by dark_minutes desc nulls last, trip_id
        limit $limit
        """,
        {"limit": limit, **picked.parameters},
    )
