"""How period, account, carrier, lane, commodity and mode reach the rows of each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DIMENSIONS", "REACH", "Reach"]

#: Dimensions of a filter, with the column that holds each wherever a table has it.
DIMENSIONS = {
    "insured": "insured_id",
    "carrier": "carrier_id",
    "lane": "lane_id",
    "commodity": "commodity",
    "mode": "mode",
}


@dataclass(frozen=True)
class Reach:
    """How period, account, carrier, lane, commodity and mode reach the rows of a table.

    Parameters
    ----------
    period
        SQL of the moment or day that a period means; of start and end where the row lasts; empty: not cut by period.
        Of ``k`` where the table named in ``via`` knows it: its rows are then looked up once for period and dimensions.
    kind
        "moment" (UTC timestamp), "day" (date), "month" (first day) or "span" (two dates, the second included).
    own
        Dimensions that the table holds in a column of its own.
    via, on
        Table that knows the other dimensions, and the condition that joins it (``t`` this table, ``k`` that one).
    public
        True for reference data that belong to no account: shown to everybody, never filtered.
    """

    period: tuple[str, ...] = ()
    kind: str = "moment"
    own: tuple[str, ...] = ()
    via: str = ""
    on: str = ""
    public: bool = False

    @property
    def is_dated_by_key(self) -> bool:
        """Does the table named in ``via`` know the date of a row?"""
        return bool(self.period) and self.period[0].startswith("k.")


_ALL = tuple(DIMENSIONS)
_SHIPMENT = "k.shipment_id = t.shipment_id"
_TRIP = "k.trip_id = t.trip_id"
_DEVICE = "k.device_id = t.device_id"

#: For each table: what a period means, and by which path each dimension reaches it.
REACH: Mapping[str, Reach] = {
    "insured": Reach(own=("insured",), via="lane_use", on="k.insured_id = t.insured_id"),
    "policy": Reach(("t.inception_date", "t.expiry_date - 1"), "span", own=("insured",)),
    "policy_term": Reach(via="policy", on="k.policy_id = t.policy_id"),
    "premium_movement": Reach(("t.moved_on",), "day", via="policy", on="k.policy_id = t.policy_id"),
    "exposure": Reach(("t.period_start", "t.period_end"), "span", own=("insured", "lane", "commodity", "mode")),
    "loss_year": Reach(("t.period_start", "t.period_end"), "span", own=("insured",)),
    "site": Reach(via="site_use", on="k.site_id = t.site_id"),
    "site_value": Reach(("t.on_date",), "day", own=("insured",)),
    "lane": Reach(own=("lane",), via="lane_use", on="k.lane_id = t.lane_id"),
    "carrier": Reach(own=("carrier",), via="lane_use", on="k.carrier_id = t.carrier_id"),
    "trip": Reach(("coalesce(t.departed_at, t.arrived_at)",), via="trip_key", on=_TRIP),
    "stop": Reach(("t.arrived_at",), via="trip_key", on=_TRIP),
    "shipment": Reach(
        ("k.sent_on",),
        "day",
        via="shipment_key",
        on=_SHIPMENT,
    ),
    "device": Reach(via="device_key", on=_DEVICE),
    "device_assignment": Reach(("t.attached_at",), via="device_key", on=f"{_DEVICE} and k.attached_at = t.attached_at"),
    "maintenance": Reach(
        ("t.starts_at",),
        via="device_key",
        on=f"{_DEVICE} and (t.ends_at is null or t.ends_at >= k.attached_at)"
        " and (k.detached_at is null or t.starts_at < k.detached_at)",
    ),
    "ping": Reach(
        ("t.pinged_at",),
        via="device_key",
        on=f"{_DEVICE} and t.pinged_at >= k.attached_at and (k.detached_at is null or t.pinged_at < k.detached_at)",
    ),
    "ping_place": Reach(
        ("t.pinged_at",),
        via="device_key",
        on=f"{_DEVICE} and t.pinged_at >= k.attached_at and (k.detached_at is null or t.pinged_at < k.detached_at)",
    ),
    "scan": Reach(("t.scanned_at",), via="shipment_key", on=_SHIPMENT),
    "planned_scan": Reach(("t.due_at",), via="shipment_key", on=_SHIPMENT),
    "seal_event": Reach(("t.occurred_at",), via="seal_key", on="k.event_id = t.event_id"),
    "control": Reach(
        ("t.installed_on", "coalesce(t.removed_on - 1, date '9999-12-31')"),
        "span",
        via="control_key",
        on="k.control_id = t.control_id",
    ),
    "incident": Reach(
        ("k.reported_on",),
        "day",
        via="incident_fact",
        on="k.incident_id = t.incident_id",
    ),
    "claim": Reach(
        ("coalesce(t.loss_date, timezone(getvariable('reporting_timezone'), timezone('UTC', t.reported_at))::date)",),
        "day",
        via="claim_fact",
        on="k.claim_id = t.claim_id",
    ),
    "claim_movement": Reach(("t.moved_on",), "day", via="claim_fact", on="k.claim_id = t.claim_id"),
    "refund": Reach(("t.refunded_at",), via="shipment_key", on=_SHIPMENT),
    "chargeback": Reach(("t.opened_at",), via="shipment_key", on=_SHIPMENT),
    "drill": Reach(("t.held_on",), "day", own=("insured",)),
    "assessment": Reach(("t.assessed_on",), "day", own=("insured",)),
    "recommendation": Reach(own=("insured",)),
    "legal_clock": Reach(public=True),
    "fx_rate": Reach(public=True),
    "incident_fact": Reach(("t.month",), "month", own=_ALL),
    "claim_fact": Reach(("t.month",), "month", own=_ALL),
    "shipment_fact": Reach(("t.month",), "month", own=_ALL),
    "ping_fact": Reach(("t.month",), "month", own=_ALL),
    # What filters offer is asked of the whole period; by another dimension than account its sums cannot be cut.
    "choice_key": Reach(own=("insured",)),
    # Premium is paid for an account, not for its lanes: any other filter leaves none of it.
    "premium_month": Reach(("t.month",), "month", own=("insured",)),
    # A conveyance mixes goods, and a place lanes too: what those filters leave of a peak cannot be told.
    "accumulation_peak": Reach(("t.month",), "month", own=("insured", "carrier", "lane", "mode")),
    # One table, two periods: how claims are handled by the month of report, what they cost by the month of loss.
    "claim_service": Reach(("t.reported_month",), "month", own=_ALL),
    "claim_loss": Reach(("t.month",), "month", own=_ALL),
    "claim_valuation": Reach(("t.month",), "month", own=_ALL),
    "refund_fact": Reach(("t.month",), "month", own=_ALL),
    "claim_pattern": Reach(public=True),
    "claim_expected": Reach(("t.month",), "month", own=("insured",)),
    "lane_key": Reach(own=("lane",), via="lane_use", on="k.lane_id = t.lane_id"),
    "lane_month": Reach(("t.month",), "month", own=_ALL),
    "site_month": Reach(("t.month",), "month", own=_ALL),
    "theft_fact": Reach(("t.month",), "month", own=_ALL),
    "hotspot_share": Reach(own=_ALL),
    "hotspot_verdict": Reach(
        via="hotspot_share", on="k.level = t.level and k.place_id = t.place_id and k.segment = t.segment"
    ),
    "account_small_loss": Reach(own=("insured",), via="lane_use", on="k.insured_id = t.insured_id"),
    "place_small_loss": Reach(
        via="hotspot_share", on="k.level = t.level and k.place_id = t.place_id and k.segment = t.segment"
    ),
    "hotspot_cluster": Reach(
        via="hotspot_share",
        on="k.level = 'lane' and exists (select 1 from snap.hotspot_cluster_lane as m"
        " where m.cluster_id = t.cluster_id and m.lane_id = k.place_id and m.segment = k.segment)",
    ),
    "hotspot_cluster_lane": Reach(
        via="hotspot_share", on="k.level = 'lane' and k.place_id = t.lane_id and k.segment = t.segment"
    ),
    "hotspot_prior": Reach(public=True),
    "fit_window": Reach(public=True),
    "trip_telemetry": Reach(("t.month",), "month", own=_ALL),
    "trip_blackout": Reach(("t.month",), "month", via="trip_telemetry", on="k.trip_no = t.trip_no"),
    "loss_signal": Reach(("t.month",), "month", own=_ALL),
    "weighing_fact": Reach(("t.month",), "month", own=_ALL),
    # Devices that nobody assigned belong to nobody: only the whole book shows them.
    "device_day": Reach(("t.month",), "month"),
    "sla_schedule": Reach(public=True),
    # Clocks of service are read by the month of report, not of occurrence.
    "incident_clock": Reach(("t.month",), "month", own=_ALL),
    "hour_hazard": Reach(public=True),
    "service_spread": Reach(public=True),
    "peer_value": Reach(own=("insured",)),
    "peer_benchmark": Reach(public=True),
}
