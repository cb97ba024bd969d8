"""Who reports late, how claims ended, which deadlines run: the tables behind what the Claims page says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.claim_measures import CLAIM_MEASURES, LARGE_LOSS, PROMPT_DAYS
from analysis.claim_service import (
    ACKNOWLEDGEMENT_TOLD,
    ACKNOWLEDGEMENT_UNTOLD,
    DECISION_TOLD,
    DECISION_UNTOLD,
    LATE,
    SERVICE_ROWS,
    UNDECIDED_LATE,
)
from analysis.funnels import Funnel, share_funnel
from data.portfolio import View

Unit = Literal["carrier", "insured", "lane"]
UNITS: dict[Unit, tuple[str, str]] = {
    "carrier": ("carrier", "carriers"), "insured": ("insured", "insureds"), "lane": ("lane", "lanes"),
}  # fmt: skip
ROWS_SHOWN = 200
#: Which claims a person asks for, with the condition that finds them and whether the period is that of the loss.
CHOSEN: dict[str, tuple[str, bool]] = {
    "all": ("true", False),
    "open": ("outcome = 'open'", False),
    # All claims of a large event: its first carries the amount of all, and is the one that counts.
    "large": (
        f"event_claim_id in (select claim_id from claim_loss where is_loss and event_base >= {LARGE_LOSS})",
        True,
    ),
    "disputed": ("disputed", False),
    "flagged": ("fraud_flagged", False),
    "overdue": (f"({ACKNOWLEDGEMENT_TOLD} and {LATE}) or ({DECISION_TOLD} and {UNDECIDED_LATE})", False),
    "late": (f"report_days > {PROMPT_DAYS}", False),
    "theft": ("is_theft", True),
}
_ROWS = """
select claim_id, insured_id, carrier_id, lane_id, kind, cause, status, outcome, month, reported_month, report_days,
    acknowledge_days, decide_days, close_days, decision_path, evidence, disputed, fraud_flagged,
    {counted} as counted, is_loss, event_claim_id, event_base::double as event_base,
    claimed_base::double as claimed_base, paid_base::double as paid_base, gross_base::double as gross_base,
    recovered_base::double as recovered_base
from {source}
where {chosen}
order by {order}gross_base desc nulls last, claim_id
{limit}
"""
_UNITS = """
select {unit}_id as key, count(report_days) as trials, count(*) filter (report_days <= {days}) as events,
    median(report_days) as median_days
from claim_service
where {unit}_id is not null
group by all
having count(report_days) > 0
order by key
"""
_ENDS = """
select coalesce(status, 'not stated') as status, count(*) as claims, count(paid_base) as paid_known,
    sum(paid_base)::double as paid, sum(gross_base)::double as incurred, count(unconverted) as unrated
from {source}
group by all
order by claims desc, status
"""
_CLOCKS = f"""
select jurisdiction, kind, step, allowed, count(*) filter (fate = 'told' and done and not late) as met,
    count(*) filter (fate = 'told' and done and late) as late, count(*) filter (fate = 'told' and not done) as overdue,
    count(*) filter (fate = 'pending') as running,
    count(*) filter (fate = 'pending' and left_days <= 7) as due_soon,
    count(*) filter (fate = 'untold') as untold, count(*) filter (fate = 'does not fit') as unfit
from (
    select jurisdiction, kind, 'acknowledge' as step, acknowledge_limit as allowed,
        acknowledge_state <> 'pending' as done, {LATE} as late, acknowledge_limit - followed_days as left_days,
        case when {ACKNOWLEDGEMENT_TOLD} then 'told' when {ACKNOWLEDGEMENT_UNTOLD} then 'untold'
            else acknowledge_state end as fate
    from claim_service
    where acknowledge_limit is not null
    union all
    select jurisdiction, kind, 'decide', decide_limit, decide_state <> 'pending', {UNDECIDED_LATE},
        decide_limit - followed_days,
        case when {DECISION_TOLD} then 'told' when {DECISION_UNTOLD} then 'untold' else decide_state end
    from claim_service
    where decide_limit is not null
) as steps
group by all
order by overdue desc, late desc, jurisdiction, kind, step
"""


@dataclass(frozen=True)
class LateReporting:
    """Whose claims are reported late, against what all show.

    Attributes
    ----------
    frame
        One row a unit: `key`, `events` (reported in good time), `trials`, `value`, `median_days`, `verdict` ("reports
        late", "reports early", "ordinary", "not enough data"); those that stand out first.
    funnel
        Units against the level of all; None with fewer than two units.
    level
        Of all together; None without claims.
    """

    frame: pd.DataFrame
    funnel: Funnel | None
    level: float | None

    @property
    def late(self) -> pd.DataFrame:
        """Those that report late."""
        return self.frame[self.frame["verdict"] == "reports late"]


def late_reporting(view: View, *, unit: Unit) -> LateReporting:
    """Whose claims come later than others'? Share reported within 30 days, in a funnel that allows for small numbers.

    The level is the median of units that have enough claims: one unit that is always late would pull down the share of
    all, and make the punctual stand out.
    """
    rows = view.frame(_UNITS.format(unit=unit, days=PROMPT_DAYS))
    if rows.empty:
        return LateReporting(rows.assign(value=[], verdict=[]), None, None)
    value = (rows["events"] / rows["trials"]).to_numpy(dtype=np.float64)
    told = rows["trials"].to_numpy() >= LEAST_CLAIMS
    # Exactly all in time leaves no room for chance: half a claim late keeps the limits apart.
    most = 1 - 0.5 / float(rows["trials"].sum())
    level = float(np.clip(np.median(value[told]), 0.0, most)) if told.any() else None
    if level is None or len(rows) < 2:
        frame = rows.assign(value=value, verdict="not enough data")
        return LateReporting(frame, None, level)
    funnel = share_funnel(rows["events"], rows["trials"], target=level)
    low, high = funnel.limits_at(rows["trials"])
    judged = told & np.isfinite(value)
    verdict = np.select(
        [~judged, value < low, value > high], ["not enough data", "reports late", "reports early"], default="ordinary"
    )
    order = {"reports late": 0, "ordinary": 1, "reports early": 2, "not enough data": 3}
    frame = rows.assign(value=value, low=low, high=high, verdict=verdict)
    frame = frame.sort_values(
        ["verdict", "value", "key"], key=lambda part: part.map(order) if part.name == "verdict" else part
    ).reset_index(drop=True)
    return LateReporting(frame, funnel, level)


#: With fewer claims than this a unit is not judged.
LEAST_CLAIMS = 10


def claim_ends(view: View, *, by_loss: bool = True) -> pd.DataFrame:
    """How did claims end? Number, paid and incurred by status, in the feed's own words; base currency."""
    return view.frame(_ENDS.format(source="claim_loss" if by_loss else "claim_service"))


def legal_clocks(view: View) -> pd.DataFrame:
    """Which legal deadlines were met, missed, are overdue or run? By jurisdiction, kind of claim and step."""
    return view.frame(_CLOCKS)


def claim_rows(view: View, *, chosen: str = "all", limit: int | None = ROWS_SHOWN) -> pd.DataFrame:
    """The claims behind a number, the costliest first; `CHOSEN` and `SERVICE_ROWS` say which there are.

    Parameters
    ----------
    limit
        Rows at most; None for all of them.
    """
    if chosen in SERVICE_ROWS:
        return claims_behind(view, key=chosen, limit=limit)
    condition, by_loss = CHOSEN[chosen]
    return _claims(view, source="claim_loss" if by_loss else "claim_service", chosen=condition, limit=limit)


def claims_behind(view: View, *, key: str, limit: int | None = None) -> pd.DataFrame:
    """The claims behind a share: those it is counted among, with `counted` where it holds; the worse ones first."""
    within, among = SERVICE_ROWS[key]
    counted = f"coalesce({within}, false)"
    order = "counted, " if CLAIM_MEASURES[key].better == "higher" else "counted desc, "
    return _claims(view, source="claim_service", chosen=among, counted=counted, order=order, limit=limit)


def _claims(
    view: View, *, source: str, chosen: str, limit: int | None, counted: str = "true", order: str = ""
) -> pd.DataFrame:
    ends = "" if limit is None else "limit $limit"
    sql = _ROWS.format(source=source, chosen=chosen, counted=counted, order=order, limit=ends)
    return view.frame(sql, None if limit is None else {"limit": limit})
