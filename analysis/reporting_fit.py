"""How many thefts of each account and place are so small, against its deductible, that they may go unreported?

Part of the fit at publication (analysis/models.py). How much less often such thefts are reported is no part of it: that
is an assumption which a person edits (analysis/under_reporting.py).
"""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.claim_sharing import passes
from analysis.severities import KNOWN_LOSSES
from analysis.sharing import SharingRule

Array = NDArray[np.float64]

#: A theft is small if its loss is below so many times the deductible of its account.
MULTIPLES = (2, 3, 5, 10)
#: Fewer known losses than these tell no spread, and those of a few insureds must not: what an account is told of its
#: own thefts would give it away. Then the spread of the logarithm is taken to be `USUAL_LOG_SD`.
LEAST_LOSSES = 10
USUAL_LOG_SD = 1.5

_LOSSES = """
select t.insured_id, t.loss_base::double as loss
from theft_fact as t
join fit_window as w on t.month >= w.first_month and t.month < w.end_month
where coalesce(t.left_out, 'without exposure') = 'without exposure' and t.loss_base > 0
order by all
"""
_ACCOUNTS = """
with
classes as (
    select distinct insured_id, segment, commodity from hotspot_share where insured_id is not null
),
final as (
    select c.insured_id, c.segment, c.commodity, d.deductible_base::double as deductible,
        w.threshold_base::double as threshold,
        -- A class without a severity has its segment's.
        coalesce(o.severity, a.severity) as severity, coalesce(o.basis, a.basis) as basis,
        coalesce(o.is_shareable, a.is_shareable, false) as is_shareable
    from classes as c
    join deductible_key as d on c.insured_id = d.insured_id
    join fit_window as w on true
    left join class_severity as o on c.segment = o.segment and c.commodity = o.commodity
    left join class_severity as a on c.segment = a.segment and a.commodity is null
)
select * from final where deductible > 0 and severity > 0 order by all
"""
_PLACES = """
insert into place_small_loss by name
with
multiples as (
    select unnest($multiples::integer[]) as multiple
),
due as (
    select s.level, s.place_id, s.segment, m.multiple, s.expected, s.expected * coalesce(a.below, 0) as small
    from hotspot_share as s, multiples as m
    left join account_small_loss as a
        on s.insured_id = a.insured_id and s.segment = a.segment and s.commodity is not distinct from a.commodity
        and m.multiple = a.multiple
),
placed as (
    select level, place_id, segment, multiple, sum(small) as small, sum(expected) as expected
    from due
    group by level, place_id, segment, multiple
),
valued as (
    select segment, valued / thefts as known
    from class_severity
    where commodity is null and thefts > 0 and basis = $known_losses
),
final as (
    select p.level, p.place_id, p.segment, p.multiple, p.small / p.expected as below,
        sum(p.small) over (partition by p.level, p.segment, p.multiple)
            / sum(p.expected) over (partition by p.level, p.segment, p.multiple) as below_book,
        k.known, v.is_shareable, v.severity_is_shareable
    from placed as p
    join hotspot_verdict as v on p.level = v.level and p.place_id = v.place_id and p.segment = v.segment
    left join valued as k on p.segment = k.segment
    where p.expected > 0
)
select * from final order by all
"""


def fit_small_losses(connection: duckdb.DuckDBPyConnection, *, rule: SharingRule) -> None:
    """Fill account_small_loss and place_small_loss, from the finished severities, shares and verdicts.

    Losses of a class are taken to be log-normal, with its severity as mean and the spread of the book's known losses. A
    class with known losses counts thefts from the threshold on, so that its share is one of those above the threshold;
    one without (parcels, say) counts thefts of unknown value, however small. An account without a stated deductible
    has no row: nothing is known that would keep it from reporting.

    Parameters
    ----------
    rule
        Of whose losses the spread of sizes is taken.
    """
    for table in ("account_small_loss", "place_small_loss"):
        connection.execute(f"delete from {table}")
    log_sd = spread_of_sizes(connection.execute(_LOSSES).df(), rule=rule)
    accounts = connection.execute(_ACCOUNTS).df()
    from_threshold = np.where(accounts["basis"] == KNOWN_LOSSES, accounts["threshold"], 0.0)
    rows = [
        accounts.assign(
            multiple=multiple,
            below=share_below(
                multiple * accounts["deductible"].to_numpy(dtype=np.float64),
                mean=accounts["severity"].to_numpy(dtype=np.float64),
                log_sd=log_sd,
                least=from_threshold.astype(np.float64),
            ),
        )
        for multiple in MULTIPLES
    ]
    found = pd.concat(rows, ignore_index=True)
    connection.register("small_losses", found)
    try:
        connection.execute(
            "insert into account_small_loss by name"
            " select insured_id, segment, commodity, multiple, below, is_shareable from small_losses order by all"
        )
    finally:
        connection.unregister("small_losses")
    connection.execute(_PLACES, {"multiples": list(MULTIPLES), "known_losses": KNOWN_LOSSES})


def spread_of_sizes(losses: pd.DataFrame, *, rule: SharingRule) -> float:
    """How much does the logarithm of a loss vary? The usual spread where too few losses, or insureds, tell.

    Parameters
    ----------
    losses
        ``insured_id`` and ``loss``, positive.
    """
    # Of as many losses as of amounts: of neither may most be one insured's.
    shared = all(passes(losses.assign(units=units), rule=rule) for units in (1.0, losses["loss"]))
    if len(losses) < LEAST_LOSSES or not shared:
        return USUAL_LOG_SD
    return float(np.std(np.log(losses["loss"].to_numpy(dtype=np.float64)), ddof=1))


def share_below(amounts: Array, *, mean: Array, log_sd: float, least: Array) -> Array:
    """Which share of log-normal losses of at least ``least`` lies below these amounts?

    (F(amount) - F(least)) / (1 - F(least)), and 0 where the amount does not exceed ``least``.

    Parameters
    ----------
    amounts, mean, least
        In one currency; ``mean`` is that of all losses, positive; ``least`` may be 0.
    log_sd
        Standard deviation of the logarithm.

    Examples
    --------
    >>> share_below(np.array([1000.0]), mean=np.array([1000.0]), log_sd=1.5, least=np.array([0.0])).round(3).tolist()
    [0.773]
    """
    if not log_sd > 0:
        return ((mean < amounts) & (mean >= least)).astype(np.float64)
    middle = np.log(mean) - log_sd**2 / 2

    def up_to(bound: Array) -> Array:
        logs = np.log(bound, out=np.full_like(bound, -math.inf), where=bound > 0)
        share: Array = special.ndtr((logs - middle) / log_sd)
        return share

    under = up_to(least)
    found: Array = np.divide(
        up_to(np.maximum(amounts, least)) - under, 1 - under, out=np.zeros_like(under), where=under < 1
    )
    return found
