"""Which rows lie behind a number? Every figure of a page opens onto them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.export import ExportColumn
from analysis.measures import Measure
from analysis.selection import Fact, Selection, condition, stored_cells
from data.portfolio import View

#: Rows drawn on a page, and rows that a download holds.
ROWS_SHOWN = 1_000
ROWS_SAVED = 50_000

_COLUMNS: dict[Fact, tuple[ExportColumn, ...]] = {
    "incident_fact": (
        ExportColumn("incident_id", "Incident", definition="Key of the incident."),
        ExportColumn("source", "Source", definition="Who reports it: own, carrier or market."),
        ExportColumn("category", "Category", definition="Crime category."),
        ExportColumn("status", "Status", definition="open, contained or closed not contained."),
        ExportColumn("occurred_at", "Occurred", "UTC", "timestamp", "Earliest time at which it happened."),
        ExportColumn("local_at", "Local time", "place's own time", "timestamp", "The same on the clock of its place."),
        ExportColumn("site", "Site", definition="Name of the place."),
        ExportColumn("lane_id", "Lane", definition="Key of the lane."),
        ExportColumn("insured_id", "Insured", definition="Key of the account that lost."),
        ExportColumn("carrier_id", "Carrier", definition="Key of the carrier."),
        ExportColumn("location_kind", "Kind of place", definition="For example unsecured parking or en route."),
        ExportColumn("modus_operandi", "Modus operandi", definition="How it was done."),
        ExportColumn("loss_amount", "Loss", "own currency", "amount", "Ground-up value of the goods lost."),
        ExportColumn("currency", "Currency", definition="Of the loss."),
        ExportColumn("loss_base", "Loss", "base currency", "amount", "The same at the rate of exchange of its date."),
        ExportColumn("latitude", "Latitude", "degrees", "number", "WGS84."),
        ExportColumn("longitude", "Longitude", "degrees", "number", "WGS84."),
        ExportColumn("place_source", "Place known from", definition="How the coordinates were found."),
    ),
    "claim_fact": (
        ExportColumn("claim_id", "Claim", definition="Key of the claim."),
        ExportColumn("loss_date", "Loss date", "", "date", "Day of the loss."),
        ExportColumn("reported_at", "Reported", "UTC", "timestamp", "When it was reported."),
        ExportColumn("cause", "Cause", definition="Cause of loss in the feed's words."),
        ExportColumn("status", "Status", definition="State in the feed's words."),
        ExportColumn("site", "Site", definition="Name of the place."),
        ExportColumn("description", "Description", definition="What happened."),
        ExportColumn("claimed_amount", "Claimed", "own currency", "amount", "What the claimant asks for."),
        ExportColumn("paid_amount", "Paid", "own currency", "amount", "Indemnity paid so far, gross of recoveries."),
        ExportColumn("incurred_amount", "Incurred", "own currency", "amount", "Paid plus reserve."),
        ExportColumn("currency", "Currency", definition="Of the amounts."),
        ExportColumn("paid_base", "Paid", "base currency", "amount", "The same at the rate of exchange of its date."),
        ExportColumn("insured_id", "Insured", definition="Key of the account."),
        ExportColumn("lane_id", "Lane", definition="Key of the lane."),
        ExportColumn("incident_id", "Incident", definition="Key of the incident it follows from."),
    ),
    "shipment_fact": (
        ExportColumn("shipment_id", "Shipment", definition="Key of the shipment."),
        ExportColumn("departed_at", "Departed", "UTC", "timestamp", "Actual departure."),
        ExportColumn("delivered_at", "Delivered", "UTC", "timestamp", "Actual delivery."),
        ExportColumn("scheduled_at", "Scheduled", "UTC", "timestamp", "Promised delivery."),
        ExportColumn("lane", "Lane", definition="Origin and destination."),
        ExportColumn("commodity", "Commodity", definition="Kind of goods."),
        ExportColumn("declared_value", "Declared value", "own currency", "amount", "As declared."),
        ExportColumn("currency", "Currency", definition="Of the value."),
        ExportColumn("weight_kg", "Weight", "kg", "number", "Gross weight."),
        ExportColumn("insured_id", "Insured", definition="Key of the account."),
        ExportColumn("carrier_id", "Carrier", definition="Key of the carrier."),
    ),
    "ping_fact": (
        ExportColumn("device_id", "Device", definition="Key of the tracker."),
        ExportColumn("pinged_at", "Time of fix", "UTC", "timestamp", "When the position was taken."),
        ExportColumn("latitude", "Latitude", "degrees", "number", "WGS84."),
        ExportColumn("longitude", "Longitude", "degrees", "number", "WGS84."),
        ExportColumn("speed_kmh", "Speed", "km/h", "number", "As reported."),
    ),
}
_INCIDENTS = "select f.*, s.name as site from incident_fact f left join site s using (site_id)"
_CLAIMS = """
select f.*, s.name as site, c.loss_date, c.reported_at, c.description
from claim_fact f
join claim c using (claim_id)
left join site s on s.site_id = f.site_id
"""
_SHIPMENTS = """
select
  s.*,
  coalesce(o.name, l.origin_site_id) || ' → ' || coalesce(d.name, l.destination_site_id) as lane,
  s.scheduled_at is not null and s.delivered_at is not null as scheduled
from shipment s
left join lane l using (lane_id)
left join site o on o.site_id = l.origin_site_id
left join site d on d.site_id = l.destination_site_id
"""


@dataclass(frozen=True)
class RowsBehind:
    """The rows behind a number.

    Attributes
    ----------
    frame
        One row an incident, claim, shipment or position, in the columns of `columns`.
    columns
        What each column is, for the table's heading and its export.
    of
        How many rows there are in all; the frame may hold fewer.
    """

    frame: pd.DataFrame
    columns: tuple[ExportColumn, ...]
    of: int


def rows_behind(
    view: View, *, measure: Measure, selection: Selection | None = None, limit: int = ROWS_SHOWN
) -> RowsBehind:
    """Which incidents, claims, shipments or positions does this number count?

    The latest first. The filters of the view and what is picked on the page hold.
    """
    picked = selection or Selection()
    columns = _COLUMNS[measure.fact]
    names = ", ".join(column.name for column in columns)
    match measure.fact:
        case "incident_fact":
            cut = condition(measure.fact, picked)
            source, where, order = _INCIDENTS, f"({measure.rows}) and {cut.sql}", "occurred_at desc, incident_id"
        case "claim_fact":
            cut = condition(measure.fact, picked)
            known = f" and coalesce({measure.known}, 0) > 0" if measure.known else ""
            source, where = _CLAIMS, f"({measure.rows}) and {cut.sql}{known}"
            order = "coalesce(loss_date, reported_at::date) desc, claim_id"
        case "shipment_fact":
            return _shipments(view, measure=measure, selection=picked, limit=limit)
        case "ping_fact":
            return _positions(view, selection=picked, limit=limit)
    frame = view.frame(
        f"with behind as ({source}) select {names}, count(*) over () as rows_in_all from behind where {where}"
        f" order by {order} limit {int(limit)}",
        cut.parameters,
    )
    return _result(frame, columns)


def incidents_behind(view: View, *, incidents: Sequence[str], limit: int = ROWS_SHOWN) -> RowsBehind:
    """These incidents as rows, the latest first.

    Parameters
    ----------
    incidents
        Their ids; those that the view does not show are left out.
    """
    columns = _COLUMNS["incident_fact"]
    names = ", ".join(column.name for column in columns)
    frame = view.frame(
        f"with behind as ({_INCIDENTS}) select {names}, count(*) over () as rows_in_all from behind"
        " where list_contains($incidents::varchar[], incident_id)"
        f" order by occurred_at desc, incident_id limit {int(limit)}",
        {"incidents": list(incidents)},
    )
    return _result(frame, columns)


def _shipments(view: View, *, measure: Measure, selection: Selection, limit: int) -> RowsBehind:
    """Shipments themselves: their fact is by month, so the view is cut to the month picked."""
    cut = condition("shipment_fact", selection.without("month"))
    where, parameters = [cut.sql], dict[str, Any](cut.parameters)
    view = _in_month(view, selection)
    if measure.key == "value_moved":
        where.append("declared_value is not null")
    if measure.key == "on_time_share":
        where.append("scheduled")
    columns = _COLUMNS["shipment_fact"]
    names = ", ".join(f"behind.{column.name}" for column in columns)
    # The condition on a site names the lane's column, which the lane's words would hide.
    frame = view.frame(
        f"with behind as ({_SHIPMENTS}) select {names}, count(*) over () as rows_in_all from behind"
        f" where {' and '.join(where)}"
        f" order by coalesce(departed_at, delivered_at) desc, shipment_id limit {int(limit)}",
        parameters,
    )
    return _result(frame, columns)


def _in_month(view: View, selection: Selection) -> View:
    """The same view of the month picked alone: it knows to which month a row belongs, as the facts do."""
    month = selection.month
    if month is None:
        return view
    first, end = view.filters.first_month, view.filters.end
    if (first is not None and month < first) or (end is not None and month >= end):
        # Nothing of a month outside the period is shown; the period itself is left as it is.
        return view
    return view.within(month)


def _positions(view: View, *, selection: Selection, limit: int) -> RowsBehind:
    """Positions themselves, with the cells that their fact was counted in."""
    cut = condition("ping_fact", selection.without("month", "cell"))
    where, parameters = [cut.sql], dict[str, Any](cut.parameters)
    view = _in_month(view, selection)
    table = "ping"
    if selection.cell is not None:
        column, cells = stored_cells(selection.cell)
        table = "ping_place"
        where.append(f"list_contains($selected_cells, {column})")
        parameters["selected_cells"] = cells
    columns = _COLUMNS["ping_fact"]
    names = ", ".join(column.name for column in columns)
    frame = view.frame(
        f"select {names}, count(*) over () as rows_in_all from {table} where {' and '.join(where)}"
        f" order by pinged_at desc, device_id limit {int(limit)}",
        parameters,
    )
    return _result(frame, columns)


def _result(frame: pd.DataFrame, columns: tuple[ExportColumn, ...]) -> RowsBehind:
    total = int(frame["rows_in_all"].iloc[0]) if len(frame) else 0
    return RowsBehind(frame=frame.drop(columns="rows_in_all"), columns=columns, of=total)
