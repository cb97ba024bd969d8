"""What happened on one trip? Its route as planned and driven, gaps, scans, seals, stops and incidents in time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.deviations import DEFAULT_RULES, DeviationRules, RuleAnswer, left_route, seal_then_scan
from data.errors import LanewiseError
from data.portfolio import View

#: Most fixes that a timeline holds; those in between are left out evenly.
MOST_PINGS = 5_000
_METRES_A_DEGREE = 111_320.0
_WKT = re.compile(r"^\s*linestring\s*\((.*)\)\s*$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class TripTimeline:
    """All that is known of one trip. Moments are UTC.

    Attributes
    ----------
    trip_id
        Of the trip, or of the shipment that stands for one.
    facts
        The row of the trip: carrier, lane, mode, departure, arrival, how its window ended, completeness, uptime, dark
        and window seconds, longest blackout, seal, and the reason why it is not protected (`fault`); values null where
        not evaluable.
    planned
        (latitude, longitude) along the lane's planned route, in order; empty where none is given.
    ends
        Origin and destination: `site_id`, `name`, `latitude`, `longitude`, `role` (origin, destination).
    pings
        In the order of the fix: `device_id`, `pinged_at`, `received_at`, `latitude`, `longitude`, `accuracy_m`,
        `speed_kmh`, `moving`, `battery_pct`, `event`, `valid`, `off_route_m` (metres from the planned route; null
        without one).
    gaps
        Blackouts: `kind` (lead-in, gap, tail, whole trip), `last_heard_at`, `heard_again_at`, `dark_minutes`,
        `latitude`, `longitude` (of the last fix).
    stops
        `arrived_at`, `left_at`, `site_id`, `name`, `latitude`, `longitude`, `is_secured`, `attended`.
    scans
        `scanned_at`, `shipment_id`, `site_id`, `kind`, `authorised`, `expected_weight_kg`, `measured_weight_kg`.
    seals
        `occurred_at`, `seal_no`, `site_id`, `state`.
    incidents
        `incident_id`, `occurred_from`, `occurred_to`, `category`, `status`, `latitude`, `longitude`.
    answers
        What each rule of `analysis.deviations` says of the trip.
    shown, of
        Fixes in `pings`, and all of the trip.
    caveats
        Sentences without full stop.
    """

    trip_id: str
    facts: dict[str, Any]
    planned: tuple[tuple[float, float], ...]
    ends: pd.DataFrame
    pings: pd.DataFrame
    gaps: pd.DataFrame
    stops: pd.DataFrame
    scans: pd.DataFrame
    seals: pd.DataFrame
    incidents: pd.DataFrame
    answers: tuple[RuleAnswer, ...]
    shown: int
    of: int
    caveats: tuple[str, ...]

    @property
    def deviations(self) -> pd.DataFrame:
        """Deviations of all rules, in time."""
        found = [answer.deviations for answer in self.answers if len(answer.deviations)]
        if not found:
            return self.answers[0].deviations
        return pd.concat(found).sort_values("started_at", ignore_index=True)

    @property
    def departed_at(self) -> datetime | None:
        """Departure, UTC."""
        moment: datetime | None = self.facts["departed_at"]
        return moment


def trip_timeline(view: View, *, trip_id: str, rules: DeviationRules = DEFAULT_RULES) -> TripTimeline:
    """What happened on this trip?

    Ask it of a view without a period, so that a trip over the end of a month is whole.

    Parameters
    ----------
    rules
        What counts as a deviation.

    Raises
    ------
    LanewiseError
        The view holds no such trip.
    """
    rows = view.frame(
        """
        select
            any_value(trip_id) as trip_id, any_value(trip_no) as trip_no, any_value(is_trip) as is_trip,
            any_value(carrier_id) as carrier_id, any_value(lane_id) as lane_id, any_value(mode) as mode,
            any_value(segment) as segment,
            any_value(departed_at) as departed_at, any_value(ended_by) as ended_by,
            any_value(departed_at) + any_value(journey_s) * interval 1 second as ends_at,
            any_value(window_s) as window_s, any_value(dark_s) as dark_s, any_value(blackouts) as blackouts,
            any_value(slots_fixed)::double / any_value(slots_due) as completeness,
            1 - any_value(dark_s) / any_value(window_s) as uptime, any_value(longest_dark_s) as longest_dark_s,
            any_value(late_fixes) as late_fixes, any_value(seal) as seal, any_value(fault) as fault,
            sum(value_base)::double as value_base, sum(shipments)::bigint as shipments
        from trip_telemetry
        where trip_id = $trip
        group by trip_no
        order by is_trip desc
        limit 1
        """,
        {"trip": trip_id},
    )
    if rows.empty:
        raise LanewiseError(
            f"there is no trip {trip_id!r} in what is selected", hint="Open it from a row of the Telemetry page."
        )
    facts: dict[str, Any] = {
        str(name): None if pd.isna(value) else value for name, value in rows.iloc[0].to_dict().items()
    }
    for name in ("departed_at", "ends_at"):
        facts[name] = facts[name].to_pydatetime() if facts[name] is not None else None
    bound = {"trip": trip_id}
    goods = "(select shipment_id from shipment where trip_id = $trip or shipment_id = $trip)"
    planned = _route(view, lane_id=facts["lane_id"])
    pings = _pings(view, trip_id=trip_id, facts=facts)
    pings["off_route_m"] = off_route(pings["latitude"], pings["longitude"], route=planned)
    shown = pings.iloc[np.unique(np.linspace(0, len(pings) - 1, min(len(pings), MOST_PINGS)).astype(int))]
    caveats = []
    if not planned:
        caveats.append("its lane has no planned route: whether it left it is not evaluable")
    if facts["window_s"] is None:
        caveats.append("signals were not due, or nothing was on it that could send one")
    if len(shown) < len(pings):
        caveats.append(f"{len(shown):,} of {len(pings):,} fixes are drawn")
    scans = view.frame(
        "select scanned_at, shipment_id, site_id, kind, authorised, expected_weight_kg, measured_weight_kg"
        f" from scan where shipment_id in {goods} order by scanned_at, scan_id",
        bound,
    )
    seals = view.frame(
        "select occurred_at, seal_no, site_id, state from seal_event where trip_id = $trip"
        f" or shipment_id in {goods} order by occurred_at, event_id",
        bound,
    )
    ends = _ends(view, lane_id=facts["lane_id"])
    return TripTimeline(
        trip_id=trip_id,
        facts=facts,
        planned=planned,
        ends=ends,
        pings=shown.reset_index(drop=True),
        gaps=view.frame(
            "select kind, last_heard_at, heard_again_at, dark_s / 60 as dark_minutes, latitude, longitude"
            " from trip_blackout where trip_no = $trip_no order by last_heard_at",
            {"trip_no": facts["trip_no"]},
        ),
        stops=view.frame(
            "select p.arrived_at, p.left_at, p.site_id, s.name, coalesce(p.latitude, s.latitude) as latitude,"
            " coalesce(p.longitude, s.longitude) as longitude, coalesce(p.secured, s.secured, false) as is_secured,"
            " p.attended from stop p left join site s on p.site_id = s.site_id where p.trip_id = $trip"
            " order by p.arrived_at",
            bound,
        ),
        scans=scans,
        seals=seals,
        incidents=view.frame(
            "select incident_id, occurred_from, occurred_to, category, status, latitude, longitude from incident"
            f" where trip_id = $trip or shipment_id in {goods} order by occurred_from, incident_id",
            bound,
        ),
        answers=(
            left_route(
                pings,
                scans=scans,
                has_route=len(planned) > 1,
                from_at=facts["departed_at"],
                to_at=facts["ends_at"],
                rules=rules,
            ),
            _seal_answer(view, seals=seals, ends=ends, goods=goods, facts=facts, rules=rules),
        ),
        shown=len(shown),
        of=len(pings),
        caveats=tuple(caveats),
    )


def parse_linestring(text: str | None) -> tuple[tuple[float, float], ...]:
    """Which points does a WKT linestring run through? (latitude, longitude) of each; empty for what is none.

    Examples
    --------
    >>> parse_linestring("LINESTRING (-96.8 32.78, -90.05 35.15)")
    ((32.78, -96.8), (35.15, -90.05))
    """
    found = _WKT.match(text or "")
    if found is None:
        return ()
    try:
        pairs = [tuple(float(part) for part in point.split()[:2]) for point in found.group(1).split(",")]
    except ValueError:
        return ()
    if len(pairs) < 2 or any(len(pair) != 2 for pair in pairs):
        return ()
    return tuple((latitude, longitude) for longitude, latitude in pairs)


def off_route(latitudes: Any, longitudes: Any, *, route: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """How many metres from a route are these points? To its nearest part, end points respected; NaN without a route.

    On the plane that touches the earth at each point: within 50 km of the route wrong by less than 1%.
    """
    latitude = np.asarray(latitudes, dtype=np.float64)
    longitude = np.asarray(longitudes, dtype=np.float64)
    if len(route) < 2:
        return np.full(len(latitude), np.nan)
    line = np.asarray(route, dtype=np.float64)
    narrow = np.cos(np.radians(latitude))[:, None] * _METRES_A_DEGREE
    north = (line[None, :, 0] - latitude[:, None]) * _METRES_A_DEGREE
    east = ((line[None, :, 1] - longitude[:, None] + 180) % 360 - 180) * narrow
    step_north, step_east = np.diff(north, axis=1), np.diff(east, axis=1)
    length = step_north**2 + step_east**2
    along = -(north[:, :-1] * step_north + east[:, :-1] * step_east) / np.where(length > 0, length, 1.0)
    along = np.clip(along, 0.0, 1.0)
    away = (north[:, :-1] + along * step_north) ** 2 + (east[:, :-1] + along * step_east) ** 2
    nearest: NDArray[np.float64] = np.sqrt(away.min(axis=1))
    return nearest


def _seal_answer(
    view: View,
    *,
    seals: pd.DataFrame,
    ends: pd.DataFrame,
    goods: str,
    facts: dict[str, Any],
    rules: DeviationRules,
) -> RuleAnswer:
    """Whether a seal was opened before a scan went missing: planned scans, else those that the lane usually has."""
    bound = {"trip": facts["trip_id"]}
    expected = view.frame(
        f"""
        select p.shipment_id, p.site_id, p.kind, p.due_at, exists (
            select 1 from scan c
            where c.shipment_id = p.shipment_id and (p.site_id is null or c.site_id is null or c.site_id = p.site_id)
                and (p.kind is null or c.kind is null or c.kind = p.kind)
        ) as is_done
        from planned_scan p
        where p.shipment_id in {goods}
        order by p.due_at, p.shipment_id
        """,
        bound,
    )
    is_planned = len(expected) > 0
    if not is_planned and len(seals) and facts["lane_id"] is not None:
        expected = view.frame(
            f"""
            with others as (
                select shipment_id from shipment
                where lane_id = $lane and delivered_at is not null and shipment_id not in {goods}
            ),
            usual as (
                select c.site_id, c.kind
                from scan c
                where c.shipment_id in (select shipment_id from others)
                group by c.site_id, c.kind
                having count(distinct c.shipment_id) >= $share * (select count(*) from others)
                    and (select count(*) from others) >= $least
            )
            select g.shipment_id, u.site_id, u.kind, null::timestamp as due_at, exists (
                select 1 from scan c
                where c.shipment_id = g.shipment_id and c.site_id is not distinct from u.site_id
                    and c.kind is not distinct from u.kind
            ) as is_done
            from {goods} as g
            cross join usual as u
            order by g.shipment_id, u.kind
            """,
            bound | {"lane": facts["lane_id"], "share": rules.usual_share, "least": rules.least_shipments},
        )
    destination = ends.loc[ends["role"] == "destination", "site_id"]
    data_date = view.info.data_date
    return seal_then_scan(
        seals,
        expected=expected,
        from_at=facts["departed_at"],
        to_at=facts["ends_at"],
        destination=str(destination.iloc[0]) if len(destination) else None,
        known_until=datetime.combine(data_date + timedelta(days=1), time()) if data_date else None,
        is_planned=is_planned,
    )


def _route(view: View, *, lane_id: str | None) -> tuple[tuple[float, float], ...]:
    rows = view.rows("select planned_route from lane where lane_id = $lane", {"lane": lane_id})
    return parse_linestring(rows[0][0]) if rows else ()


def _ends(view: View, *, lane_id: str | None) -> pd.DataFrame:
    return view.frame(
        "select s.site_id, coalesce(s.name, s.site_id) as name, s.latitude, s.longitude,"
        " case when s.site_id = l.origin_site_id then 'origin' else 'destination' end as role"
        " from lane l join site s on s.site_id in (l.origin_site_id, l.destination_site_id) where l.lane_id = $lane"
        " order by role desc",
        {"lane": lane_id},
    )


def _pings(view: View, *, trip_id: str, facts: dict[str, Any]) -> pd.DataFrame:
    """Fixes of the devices that were on the trip or its goods, while they were, and half an hour around its window."""
    return view.frame(
        """
        with worn as (
            select device_id, attached_at, detached_at
            from device_assignment
            where trip_id = $trip
                or shipment_id in (select shipment_id from shipment where trip_id = $trip or shipment_id = $trip)
        )
        select distinct p.device_id, p.pinged_at, p.received_at, p.latitude, p.longitude, p.accuracy_m, p.speed_kmh,
            p.moving, p.battery_pct, p.event, coalesce(p.valid, true) as valid
        from ping p
        join worn w
            on p.device_id = w.device_id and p.pinged_at >= w.attached_at
            and (w.detached_at is null or p.pinged_at < w.detached_at)
        where p.pinged_at >= coalesce($from_at::timestamp, p.pinged_at) - interval 30 minute
            and p.pinged_at <= coalesce($to_at::timestamp, p.pinged_at) + interval 30 minute
        order by p.pinged_at, p.device_id
        """,
        {"trip": trip_id, "from_at": facts["departed_at"], "to_at": facts["ends_at"]},
    )
