"""What was clicked on a page: one frozen value that its link carries and every picture of the page is cut by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

import h3

Fact = Literal["incident_fact", "claim_fact", "shipment_fact", "ping_fact"]
Dimension = Literal["category", "cause", "month", "weekday", "hour", "site", "cell"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DIMENSION_LABELS: dict[Dimension, str] = {
    "category": "Category",
    "cause": "Cause",
    "month": "Month",
    "weekday": "Weekday",
    "hour": "Hour",
    "site": "Site",
    "cell": "Area",
}
#: H3 resolutions whose cells the facts hold; a coarser cell is made of these.
STORED_RESOLUTIONS = (3, 5, 7)
_AT_SITE = "lane_id in (select lane_id from lane where $selected_site in (origin_site_id, destination_site_id))"
_CONDITIONS: dict[Fact, dict[Dimension, str]] = {
    "incident_fact": {
        "category": "category = $selected_category",
        "month": "month = $selected_month",
        "weekday": "weekday = $selected_weekday",
        "hour": "hour = $selected_hour",
        "site": "site_id = $selected_site",
        "cell": "list_contains($selected_cells, {cell})",
    },
    "claim_fact": {
        "cause": "cause = $selected_cause",
        "month": "month = $selected_month",
        "site": "site_id = $selected_site",
        "cell": "list_contains($selected_cells, {cell})",
    },
    "shipment_fact": {"month": "month = $selected_month", "site": _AT_SITE},
    "ping_fact": {"month": "month = $selected_month", "cell": "list_contains($selected_cells, {cell})"},
}


class Condition(NamedTuple):
    """A condition over the rows of one fact, with the values that it binds."""

    sql: str
    parameters: dict[str, Any]


def picked_of(selection: object, dimensions: Iterable[Any]) -> dict[Any, Any]:
    """What is picked in a selection, dimension by dimension: those of its attributes that are not None."""
    values = {name: getattr(selection, name) for name in dimensions}
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Selection:
    """What is picked out on one page, beside the filters that hold on every page.

    Parameters
    ----------
    category
        Crime category of incidents.
    cause
        Cause of claims.
    month
        First day of a month.
    weekday, hour
        A slot of the week in the place's own time: 1 Monday to 7 Sunday, 0 to 23.
    site
        Id of a place.
    cell
        Id of an H3 cell, of whatever resolution.

    Examples
    --------
    >>> Selection.from_query({"category": "hijacking", "hour": "25"}).query()
    {'category': 'hijacking'}
    """

    category: str | None = None
    cause: str | None = None
    month: date | None = None
    weekday: int | None = None
    hour: int | None = None
    site: str | None = None
    cell: str | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Selection:
        """The selection that a link carries; what makes no sense in it is left out, as links are typed by hand."""
        found = {name: _read(name, text) for name in get_args(Dimension) if (text := query.get(name))}
        return cls(**{name: value for name, value in found.items() if value is not None})

    def query(self) -> dict[str, str]:
        """The selection as a link carries it."""
        return {name: _written(value) for name, value in self.chosen.items()}

    @property
    def chosen(self) -> dict[Dimension, Any]:
        """What is picked out, by dimension."""
        return picked_of(self, get_args(Dimension))

    def without(self, *dimensions: Dimension) -> Selection:
        """The selection as the picture on which these dimensions are picked shows it."""
        return replace(self, **dict.fromkeys(dimensions))

    def words(self, dimension: Dimension) -> str:
        """A picked value as a person reads it; ids of sites and cells stay ids."""
        value = getattr(self, dimension)
        match dimension:
            case "weekday":
                return WEEKDAYS[value - 1]
            case "hour":
                return f"{value:02d}:00–{value:02d}:59"
            case "month":
                return f"{value:%b %Y}"
            case _:
                return str(value)


def unreachable(fact: Fact, selection: Selection) -> tuple[Dimension, ...]:
    """Which picked dimensions do rows of this fact not have?"""
    return tuple(name for name in selection.chosen if name not in _CONDITIONS[fact])


def condition(fact: Fact, selection: Selection) -> Condition:
    """Which rows of a fact are picked out?

    A dimension that the fact does not have picks none of its rows: see `unreachable`.
    """
    if unreachable(fact, selection):
        return Condition("false", {})
    parts, parameters = [], {}
    for name, value in selection.chosen.items():
        text = _CONDITIONS[fact][name]
        if name == "cell":
            column, cells = stored_cells(value)
            parts.append(text.format(cell=column))
            parameters["selected_cells"] = cells
        else:
            parts.append(text)
            parameters[f"selected_{name}"] = value
    return Condition(" and ".join(parts) or "true", parameters)


def stored_cells(cell: str) -> tuple[str, list[str]]:
    """Which stored cells, in which column, make up this cell?"""
    resolution = h3.get_resolution(cell)
    stored = next((size for size in STORED_RESOLUTIONS if size >= resolution), STORED_RESOLUTIONS[-1])
    if resolution > stored:
        return f"cell_{stored}", [h3.cell_to_parent(cell, stored)]
    return f"cell_{stored}", list(h3.cell_to_children(cell, stored))


def _read(name: str, text: str) -> Any:
    try:
        match name:
            case "month":
                return date.fromisoformat(f"{text[:7]}-01")
            case "weekday":
                return int(text) if 1 <= int(text) <= len(WEEKDAYS) else None
            case "hour":
                return int(text) if 0 <= int(text) <= 23 else None
            case "cell":
                return text if h3.is_valid_cell(text) and h3.get_resolution(text) <= STORED_RESOLUTIONS[-1] else None
            case _:
                return text
    except ValueError:
        return None


def _written(value: Any) -> str:
    return f"{value:%Y-%m}" if isinstance(value, date) else str(value)
