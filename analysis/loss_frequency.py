"""Losses for each 1,000 shipments: both sides of the same accounts and months, and what that leaves out."""

from __future__ import annotations

import pandas as pd

from analysis.estimates import Estimate
from analysis.intervals import Interval, poisson_interval
from data.portfolio import View

NO_SHIPMENTS = "No shipments to count against in this selection"
_LOSSES = """
with
sent as (
    select insured_id, month, sum(shipments)::double as shipments
    from shipment_fact
    group by all
),
lost as (
    select insured_id, month, count(*) as losses
    from claim_loss
    where is_loss
    group by all
),
told as (
    select month, 0 as losses, 0 as shipped_losses, shipments from sent
    union all
    select l.month, l.losses, if(coalesce(s.shipments, 0) > 0, l.losses, 0), 0.0
    from lost as l
    left join sent as s on l.insured_id is not distinct from s.insured_id and l.month = s.month
),
final as (
    select month, sum(losses)::bigint as losses, sum(shipped_losses)::bigint as shipped_losses,
        sum(shipments) as shipments
    from told
    group by month
)
select * from final order by month
"""


def loss_months(view: View) -> pd.DataFrame:
    """Losses and shipments of every month, and nothing else: what a frequency is made of.

    One row a month: `month`, `losses`, `shipped_losses` (of accounts that sent in that month), `shipments`.
    """
    return view.frame(_LOSSES)


def loss_frequency(losses: int, *, shipped_losses: int, sent: float) -> tuple[Estimate, str]:
    """How many losses for each 1,000 shipments, and why it is not told where most of them have no shipments beside?

    Parameters
    ----------
    losses, shipped_losses
        In all, and in months in which their account sent anything: the others are counted against nothing, so they
        are left out, and named.
    sent
        Shipments.
    """
    out = losses - shipped_losses
    if sent > 0 and losses and shipped_losses < losses / 2:
        lack = f"{out:,} of {losses:,} losses are of accounts and months without shipments in this selection"
        return Estimate(None, None, losses, (lack,)), lack
    found = loss_rate(shipped_losses, sent)
    if not out or found.value is None:
        return found, NO_SHIPMENTS
    caveat = f"{out:,} losses are left out, of months in which their account sent nothing"
    return Estimate(found.value, found.interval, found.n, (caveat,)), NO_SHIPMENTS


def loss_rate(events: int, exposure: float) -> Estimate:
    """Events for each 1,000 units of exposure, with the exact interval of a Poisson count (Garwood)."""
    if exposure <= 0:
        return Estimate(None, None, events)
    low, high = poisson_interval(events)
    return Estimate(1_000 * events / exposure, Interval(1_000 * low / exposure, 1_000 * high / exposure), events)
