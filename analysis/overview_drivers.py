"""What drives the moves of the Overview: which chain each of its numbers is split along, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import pandas as pd

from analysis.claims import ultimate_loss_ratio
from analysis.drivers import APART, Decomposition, decompose
from analysis.filters import add_months
from analysis.overview import comparable
from analysis.service_measures import SERVICE_MEASURES, SOURCES
from analysis.values import is_immature
from data.portfolio import View

By = Literal["insured", "lane", "carrier"]

#: What can be split into its drivers, and by what.
DRIVEN: dict[str, tuple[By, ...]] = {
    "cost": ("insured", "lane", "carrier"),
    "earned_premium": ("insured",),
    "ultimate_loss_ratio": ("insured",),
    "theft_loss_ratio": ("insured",),
    "claim_frequency": ("insured", "lane", "carrier"),
    "protected_share": ("insured", "lane", "carrier"),
}
_DRIVER_TABLES = {
    "cost": ("shipment", "claim"),
    "earned_premium": ("policy",),
    "ultimate_loss_ratio": ("policy", "claim"),
    "theft_loss_ratio": ("policy", "claim"),
    "claim_frequency": ("shipment", "claim"),
    "protected_share": ("shipment", "device_assignment", "ping"),
}


def drivers(
    view: View,
    before: View,
    *,
    key: str,
    by: By,
    everything: View,
    begins: Mapping[str, date] | None = None,
) -> Decomposition | None:
    """What drove the move of one of `DRIVEN`: volume, mix and the links of its chain, by account, lane or carrier?

    None where the chain is not told by that (premium has no lanes), or its tables are missing. Losses and their cost
    are those of months that are fully reported, in both periods, and cost is what is known of it by now.
    """
    if by not in DRIVEN[key] or any(not everything.has(table) for table in _DRIVER_TABLES[key]):
        return None
    dated = [table for table in _DRIVER_TABLES[key] if table in {"claim", "shipment", "ping"}]
    if comparable(view, before, tables=dated, begins=begins or {}) is None:
        return None
    if key in {"ultimate_loss_ratio", "theft_loss_ratio"}:
        found = [ultimate_loss_ratio(one) for one in (before, view)]
        if any(one.value is None for one in found):
            return None
        total, losses, known = (
            ("ultimate", "losses", "incurred")
            if key == "ultimate_loss_ratio"
            else ("theft_ultimate", "theft_losses", "theft_incurred")
        )
        tables = [
            one.parts.assign(key=one.parts["insured_id"], due=one.parts[total] - one.parts[known]) for one in found
        ]
        return decompose(
            *tables,
            sums=["earned", losses, known],
            links=["frequency", "severity"],
            is_ratio=True,
            rest="due",
            apart="still to come",
        )
    column = f"{by}_id"
    if key == "earned_premium":
        sql = "select insured_id as key, sum(earned_terms) as terms, sum(earned_plan) as plan from premium_month"
        sql += " group by 1"
        return decompose(*(_known(one.frame(sql)) for one in (before, view)), sums=["terms", "plan"], links=["price"])
    if key == "protected_share":
        measure = SERVICE_MEASURES[key]
        sql = (
            f"select {column} as key, sum({measure.per}) as due, sum({measure.value}) as good"
            f" from {SOURCES[measure.fact]} where {measure.within} group by 1"
        )
        return decompose(
            *(_known(one.frame(sql)) for one in (before, view)),
            sums=["due", "good"],
            links=["protection"],
            is_ratio=True,
        )
    known_to = view.snapshot.data_date("claim")
    months = view.rows("select distinct month from shipment_fact where month is not null order by month")
    kept = [month for (month,) in months if not is_immature(month, data_date=known_to)]
    tables = [
        _losses_by(one, column=column, months=months)
        for one, months in ((before, [add_months(month, -12) for month in kept]), (view, kept))
    ]
    if key == "claim_frequency":
        found_split = decompose(*tables, sums=["shipments", "losses"], links=["frequency"], is_ratio=True)
    else:
        found_split = decompose(*tables, sums=["shipments", "losses", "cost"], links=["frequency", "severity"])
    # Where most stands outside the chain, volume and mix of shipments explain nothing of it.
    outside = abs(found_split.parts[APART])
    return None if outside > 0.5 * sum(abs(part) for part in found_split.parts.values()) else found_split


def _losses_by(view: View, *, column: str, months: list[date]) -> pd.DataFrame:
    return _known(
        view.frame(
            f"""
            with
            sent as (
                select {column} as key, sum(shipments) as shipments
                from shipment_fact
                where list_contains($months, month)
                group by 1
            ),
            lost as (
                select {column} as key, count(*) filter (is_loss) as losses, sum(gross_base) as cost
                from claim_loss
                where list_contains($months, month)
                group by 1
            ),
            final as (
                select coalesce(s.key, l.key) as key, s.shipments, l.losses, l.cost
                from sent as s
                full join lost as l on s.key is not distinct from l.key
            )
            select * from final order by key
            """,
            {"months": months},
        )
    )


def _known(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = [name for name in frame.columns if name != "key"]
    return frame.assign(**{name: frame[name].astype("float64").fillna(0.0) for name in numbers})
