"""Facts of telemetry after a small change: the trips that it touches, and those whose lane's usual time it moved.

The number of a trip is made of its name, so a trip more moves no other. What does reach beyond the trips named by the
rows that went or came is followed here: the usual time of a lane, to its trips without arrival and promise; the date of
the data, to trips under way; a device's allowance of maintenance, to all its trips. What an hour weighs is not in any
row: it is looked up when a row is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.renewal import Renewal

#: All but the schedule, in the order in which they read each other: made whole when no single key would do.
_FROM_TRIPS = (
    "trip_unit",
    "lane_usual",
    "trip_window",
    "trip_device",
    "trip_stretch",
    "trip_loss",
    "trip_watch",
    "trip_signal",
    "trip_blackout",
    "trip_telemetry",
)


def renew_telemetry(renewal: Renewal, *, statements: Mapping[str, str]) -> None:
    """Make again what a small change touches of telemetry, after :func:`~data.renewal.renew_marts`.

    Parameters
    ----------
    renewal
        With the keys that were found there; ``touched_theft`` holds the thefts that are not as before.
    statements
        The SQL of each mart.
    """
    r, sql = renewal, statements
    listing = r.touch("listing", r.differing("trip_listing", "1", sql=sql["trip_listing"]))
    if r.has_any(listing):
        for name in _FROM_TRIPS:
            r.rebuild(name, sql=sql[name])
    else:
        windows = _renew_windows(r, sql)
        stretches = _renew_devices(r, sql, windows=windows)
        _renew_signals(r, sql, stretches=stretches)
    _renew_idle_devices(r, sql)
    _renew_weighings(r, sql)


def _number(named: str, *, is_trip: bool) -> str:
    """A query for the numbers of the trips, or of the shipments, that a table of keys names."""
    return f"select number_of({str(is_trip).lower()}, k) as k from {named}"


def _renew_windows(r: Renewal, sql: Mapping[str, str]) -> str:
    """When each trip departed, arrived or ended; gives the touched table of their numbers."""
    devices = r.touch("reassigned", r.changed("device_assignment", "device_id"))
    shipments = r.touch(
        "named_shipment",
        "select k from touched_shipment",
        *(r.changed(table, "shipment_id") for table in ("incident", "scan", "seal_event", "device_assignment")),
        r.holding("incident", "shipment_id", where="incident_id", touched="touched_incident"),
        r.holding("device_assignment", "shipment_id", where="device_id", touched=devices),
    )
    trips = r.touch(
        "named_trip",
        "select k from touched_trip",
        *(r.changed(table, "trip_id") for table in ("incident", "stop", "seal_event", "device_assignment")),
        r.holding("incident", "trip_id", where="incident_id", touched="touched_incident"),
        r.holding("device_assignment", "trip_id", where="device_id", touched=devices),
        r.holding("stop", "trip_id", where="site_id", touched="touched_moved_site"),
        r.holding("trip", "trip_id", where="lane_id", touched="touched_changed_lane"),
        r.holding("shipment", "trip_id", where="shipment_id", touched=shipments),
    )
    carried = r.touch(
        "carried_shipment",
        f"select k from {shipments}",
        r.holding("shipment", "shipment_id", where="trip_id", touched=trips),
    )
    units = r.touch(
        "unit",
        _number(trips, is_trip=True),
        _number(carried, is_trip=False),
        r.holding("trip_unit", "trip_no", where="lane_id", touched="touched_changed_lane"),
    )
    lanes = r.touch("usual_lane_before", r.holding("trip_unit", "lane_id", where="trip_no", touched=units))
    reads = r.narrowed_by("trip_id", trips, ("trip",))
    reads |= r.narrowed_by("shipment_id", carried, ("shipment", "shipment_key"))
    r.renew("trip_unit", sql=sql["trip_unit"], touched=units, reads=reads)
    lanes = r.touch(
        "usual_lane",
        f"select k from {lanes}",
        r.holding("trip_unit", "lane_id", where="trip_no", touched=units),
    )
    before = r.keep("lane_usual", "lane_id", lanes)
    r.renew("lane_usual", sql=sql["lane_usual"], touched=lanes, reads=r.narrowed_by("lane_id", lanes, ("trip_unit",)))
    now = r.narrowed("lane_usual", "lane_id", lanes)
    slower = r.touch(
        "slower_lane",
        f"select lane_id as k from ((from {before} except ({now})) union all (({now}) except from {before}))",
    )
    origins = r.touch(
        "moved_origin", r.holding("lane_key", "lane_id", where="origin_site_id", touched="touched_moved_site")
    )
    unit = r.base("trip_unit")
    # Only where nobody promised a time does the usual one stand in.
    waiting = f"(select * from {unit} where arrived_at is null and scheduled_at is null)"
    moved = [
        f"select k from {units}",
        f"select t.trip_no as k from {waiting} as t semi join {slower} as x on t.lane_id = x.k",
        r.holding("trip_window", "trip_no", where="lane_id", touched=origins),
    ]
    if r.date_moved():
        moved.append(
            f"select trip_no as k from {r.base('trip_window')} where arrived_at is null and (ended_by = 'under way'"
            " or ends_at > (select data_date + interval 1 day from snapshot))"
        )
    windows = r.touch("window", *moved)
    carried = _named(r, "window", windows).shipments
    unended = r.touch(
        "unended",
        f"select t.trip_no as k from {unit} as t semi join {windows} as x on t.trip_no = x.k"
        " where t.arrived_at is null",
    )
    reads = r.narrowed_by("trip_no", windows, ("trip_unit",))
    reads |= r.narrowed_by("shipment_id", carried, ("shipment",))
    # Only of those without arrival is it asked where they were seen last.
    reads |= r.narrowed_by("shipment_id", _named(r, "unended", unended).shipments, ("scan",))
    r.renew("trip_window", sql=sql["trip_window"], touched=windows, reads=reads)
    return windows


@dataclass(frozen=True)
class _Named:
    """Touched tables of the trips and of the shipments that numbers stand for."""

    trips: str
    shipments: str


def _named(r: Renewal, name: str, numbers: str) -> _Named:
    """The ids of the trips with these numbers, and of all shipments on them."""
    unit = f"select t.trip_id as k from {r.base('trip_unit')} as t semi join {numbers} as x on t.trip_no = x.k"
    trips = r.touch(f"{name}_trip", f"{unit} where t.is_trip")
    shipments = r.touch(
        f"{name}_shipment",
        f"{unit} where not t.is_trip",
        r.holding("shipment", "shipment_id", where="trip_id", touched=trips),
    )
    return _Named(trips=trips, shipments=shipments)


def _renew_devices(r: Renewal, sql: Mapping[str, str], *, windows: str) -> str:
    """Which device was on which trip, and when signals were due; gives the touched table of the trips' numbers."""
    named = _named(r, "worn", windows)
    changed = r.touch("maintained", r.changed("maintenance", "device_id"))
    before = r.touch("worn_before", r.holding("trip_device", "device_id", where="trip_no", touched=windows))
    assigned = r.touch(
        "assigned",
        r.holding("device_assignment", "device_id", where="trip_id", touched=named.trips),
        r.holding("device_assignment", "device_id", where="shipment_id", touched=named.shipments),
        # One that is on a trip which nobody listed is on its shipments.
        "select a.device_id as k from "
        + r.base("device_assignment")
        + " as a join "
        + r.base("shipment")
        + f" as s on a.trip_id = s.trip_id semi join {named.shipments} as x on s.shipment_id = x.k",
    )
    reads = r.narrowed_by("device_id", assigned, ("device_assignment",))
    reads |= r.narrowed_by("shipment_id", named.shipments, ("shipment",))
    reads |= r.narrowed_by("trip_id", named.trips, ("trip",)) | r.narrowed_by("trip_no", windows, ("trip_window",))
    r.renew("trip_device", sql=sql["trip_device"], touched=windows, reads=reads)
    # What maintenance may take out of a device's month depends on all its trips.
    allowed = r.touch(
        "allowed",
        f"select k from {changed}",
        *(
            f"select t.device_id as k from {r.base('maintenance')} as t semi join ({devices}) as x on t.device_id = x.k"
            for devices in (
                f"select k from {before}",
                r.holding("trip_device", "device_id", where="trip_no", touched=windows),
            )
        ),
    )
    stretches = r.touch(
        "stretch",
        f"select k from {windows}",
        r.holding("trip_device", "trip_no", where="device_id", touched=allowed),
    )
    reads = r.narrowed_by("trip_no", stretches, ("trip_window", "trip_device"))
    reads |= r.narrowed_by("trip_id", _named(r, "stretch", stretches).trips, ("stop",))
    reads |= r.narrowed_by("device_id", allowed, ("maintenance",))
    r.renew("trip_stretch", sql=sql["trip_stretch"], touched=stretches, reads=reads)
    return stretches


def _renew_signals(r: Renewal, sql: Mapping[str, str], *, stretches: str) -> None:
    """What the devices were heard of, and what that says of each trip."""
    losses = r.touch("loss", r.differing("trip_loss", "loss_no", sql=sql["trip_loss"]))
    watches = r.touch(
        "watch",
        f"select k from {stretches}",
        f"select k from {losses}",
        r.holding("trip_loss", "loss_no", where="trip_no", touched=stretches),
    )
    trips = r.touch(
        "watched_trip",
        f"select k from {watches}",
        r.holding("trip_loss", "trip_no", where="loss_no", touched=watches),
    )
    reads = r.narrowed_by("trip_no", trips, ("trip_stretch", "trip_device"))
    reads |= r.narrowed_by("loss_no", watches, ("trip_loss",))
    r.renew("trip_watch", sql=sql["trip_watch"], touched=watches, reads=reads)
    signals = r.touch(
        "signal",
        f"select k from {watches}",
        f"select w.trip_no as k from {r.base('trip_watch')} as w join"
        f" ({r.changed('ping', 'device_id', also='pinged_at')}) as p on w.device_id = p.k"
        " and epoch_ms(p.pinged_at) >= w.from_ms and epoch_ms(p.pinged_at) < w.to_ms",
    )
    heard = r.touch("heard", r.holding("trip_watch", "device_id", where="trip_no", touched=signals))
    reads = r.narrowed_by("trip_no", signals, ("trip_watch", "trip_stretch", "trip_device"))
    reads |= r.narrowed_by("loss_no", signals, ("trip_loss",)) | r.narrowed_by("device_id", heard, ("ping",))
    r.renew("trip_signal", sql=sql["trip_signal"], touched=signals, reads=reads)
    reads = r.narrowed_by("trip_no", signals, ("trip_signal", "trip_stretch", "trip_window"))
    r.renew("trip_blackout", sql=sql["trip_blackout"], touched=signals, reads=reads)
    named = _named(r, "told", signals)
    reads = r.narrowed_by("trip_no", signals, ("trip_window", "trip_device", "trip_stretch", "trip_watch"))
    reads |= r.narrowed_by("trip_no", signals, ("trip_signal", "trip_blackout"))
    reads |= r.narrowed_by("shipment_id", named.shipments, ("shipment", "shipment_key"))
    reads |= r.narrowed_by("trip_id", named.trips, ("trip",))
    seal = r.base("seal_event")
    reads["seal_event"] = (
        f"select t.* from {seal} as t semi join {named.trips} as x on t.trip_id = x.k union"
        f" select t.* from {seal} as t semi join {named.shipments} as x on t.shipment_id = x.k"
    )
    r.renew("trip_telemetry", sql=sql["trip_telemetry"], touched=signals, reads=reads)


def _renew_idle_devices(r: Renewal, sql: Mapping[str, str]) -> None:
    """Days of the devices that were never assigned."""
    changed = r.touch("told_device", r.changed("ping", "device_id"), r.changed("device_assignment", "device_id"))
    idle = r.touch(
        "idle_device",
        r.holding("device_day", "device_id", where="device_id", touched=changed),
        f"select k from {changed} where k not in"
        f" (select device_id from {r.base('device_assignment')} where device_id is not null)",
    )
    reads = r.narrowed_by("device_id", idle, ("ping",))
    r.renew("device_day", sql=sql["device_day"], touched=idle, reads=reads)


def _renew_weighings(r: Renewal, sql: Mapping[str, str]) -> None:
    """Weighings, lane by lane."""
    scanned = (r.changed(table, "shipment_id") for table in ("scan", "planned_scan"))
    queries = ["select k from touched_lane", *(r.lanes_of("shipment_key", "shipment_id", query) for query in scanned)]
    if r.date_moved():
        # What is due by the new date, or was by the old.
        day = "(select data_date + interval 1 day from snapshot)"
        old = f"(date '{r.data_date}' + interval 1 day)" if r.data_date else "null"
        between = f"select t.shipment_id from {r.base('planned_scan')} as t where t.weighing_required"
        between += f" and t.due_at < {day} is distinct from (t.due_at < {old})"
        queries.append(r.lanes_of("shipment_key", "shipment_id", f"select shipment_id as k from ({between})"))
    lanes = r.touch("weighed_lane", *queries, nulls=True)
    shipments = r.touch("weighed_shipment", r.holding("shipment_key", "shipment_id", where="lane_id", touched=lanes))
    reads = r.narrowed_by("lane_id", lanes, ("shipment_key",))
    reads |= r.narrowed_by("shipment_id", shipments, ("scan", "planned_scan"))
    r.renew("weighing_fact", sql=sql["weighing_fact"], touched=lanes, reads=reads)
