"""Who grants refunds in bursts that chance does not explain? Operators are keyed hashes, never ranked by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from data.portfolio import View

#: A burst: so many refunds of at least so much (base currency) by one operator within so many hours.
BURST_REFUNDS, BURST_AMOUNT, BURST_HOURS = 3, 100, 24
#: An operator stands out where the chance of so many bursts, among all operators, is below this.
LEAST_CHANCE = 0.01
NOT_TOLD = "No refund names its operator: bursts are not evaluable"
_OPERATORS = f"""
with
large as (
    select operator_id, occurred_at, amount_base, item_received,
        count(*) over (
            partition by operator_id order by occurred_at
            range between interval {BURST_HOURS} hours preceding and current row
        ) as within_hours
    from refund_fact
    where kind = 'refund' and operator_id is not null and occurred_at is not null and amount_base >= {BURST_AMOUNT}
),
bursts as (
    select operator_id, count(*) as large, count(*) filter (within_hours >= {BURST_REFUNDS}) as in_burst,
        coalesce(sum(amount_base) filter (within_hours >= {BURST_REFUNDS}), 0)::double as burst_amount
    from large
    group by operator_id
),
everyone as (
    select operator_id, count(*) as refunds, sum(amount_base)::double as amount,
        count(*) filter (item_received = false) as not_sent_back, count(item_received) as told
    from refund_fact
    where kind = 'refund' and operator_id is not null
    group by operator_id
),
span as (
    select date_diff('second', min(occurred_at), max(occurred_at)) / 86400.0 as days
    from refund_fact
    where kind = 'refund'
)
select e.*, coalesce(b.large, 0) as large, coalesce(b.in_burst, 0) as in_burst,
    coalesce(b.burst_amount, 0) as burst_amount, s.days
from everyone as e
cross join span as s
left join bursts as b on e.operator_id = b.operator_id
order by e.operator_id
"""


@dataclass(frozen=True)
class RefundBursts:
    """Operators and their bursts of refunds.

    Attributes
    ----------
    frame
        One row an operator, those that stand out first and by chance within: `label` (the start of the keyed hash),
        `refunds`, `amount`, `large`, `in_burst` (refunds that complete a burst), `expected`, `p_value`, `burst_amount`,
        `not_sent_back` (share), `stands_out`.
    finding
        What it says, in a sentence without its full stop.
    lack
        Why it cannot be told; empty where it can.
    """

    frame: pd.DataFrame
    finding: str
    lack: str = ""


def refund_bursts(view: View) -> RefundBursts:
    """Which operators grant large refunds in bursts that chance does not explain?

    A refund completes a burst if it is at least the third of 100 or more that its operator granted within 24 hours. If
    the operator's n large refunds fell at random over the days of the data, each would with probability
    1 - exp(-m) (1 + m), m = n / days: the expected number is n times that. The chance of at least as many is Poisson's,
    times the number of operators (Bonferroni).
    """
    rows = view.frame(_OPERATORS)
    if rows.empty:
        return RefundBursts(rows, NOT_TOLD, NOT_TOLD)
    large, seen = rows["large"].to_numpy(dtype=np.float64), rows["in_burst"].to_numpy(dtype=np.float64)
    rate = large / np.maximum(rows["days"].to_numpy(dtype=np.float64), 1.0)
    expected = large * (1 - np.exp(-rate) * (1 + rate))
    chance = np.where(seen > 0, stats.poisson.sf(seen - 1, np.maximum(expected, 1e-12)), 1.0)
    p_value = np.minimum(chance * len(rows), 1.0)
    frame = rows.assign(
        label=["operator " + str(key)[:6] for key in rows["operator_id"]],
        expected=expected,
        p_value=p_value,
        stands_out=(p_value < LEAST_CHANCE) & (seen >= 1),
        not_sent_back=rows["not_sent_back"] / rows["told"].where(rows["told"] > 0),
    ).drop(columns=["operator_id", "days", "told"])
    frame = frame.sort_values(["stands_out", "p_value", "label"], ascending=[False, True, True], ignore_index=True)
    out = frame[frame["stands_out"]]
    if out.empty:
        words = f"No operator of {len(frame):,} grants large refunds in more bursts than chance explains"
    else:
        many = "1 operator grants" if len(out) == 1 else f"{len(out)} operators grant"
        words = (
            f"{many} large refunds in bursts: {int(out['in_burst'].sum())} within {BURST_HOURS} h of two others,"
            f" {out['expected'].sum():.2g} expected by chance"
        )
    return RefundBursts(frame, words)
