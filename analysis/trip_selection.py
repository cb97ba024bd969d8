"""Which trips were picked on the page: one frozen value that its link carries and the table of trips is cut by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, get_args

import h3

from analysis.selection import STORED_RESOLUTIONS, Condition, stored_cells

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
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: values[name] for name in get_args(TripDimension) if values[name] is not None}


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
