"""How does each account stand beside its peers, with none of them named? Fitted on the whole book at publication.

One figure of each measure for each account over two fixed windows (`peer_value`), and what those of a group of accounts
come to (`peer_benchmark`): so many of them, their median, the middle half, all of them together. A filter or a scope
changes what is shown, never a benchmark. A measure more is one entry of `PEER_MEASURES`.

What is shown of a group (table `peer_benchmark`, column `is_shareable`)
    At least 5 insureds stand behind it, none with over half of the measure's denominator, no two with over 80%
    (:class:`~analysis.sharing.SharingRule`). Groups are the accounts of one segment, or of one role where no segment is
    known, so that no account is in two of them, and the whole book. The book is hidden too where those of its accounts
    that are in no group shown would fail the rule: else the difference would tell of those few.
The middle half (`low_quartile`, `high_quartile`)
    Only of 8 insureds or more, so that two lie in each quarter: with fewer, a quartile is hardly more than one
    account's figure, next to the lowest or the highest. The extremes are never stored.
The account itself
    Is one of its group. Without it, two accounts of one group would learn of each other from the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.account_figures import (
    Figures,
    contained_in_time,
    figure_frame,
    mean_to_contain,
    of_duty,
    of_loss_ratio,
)
from analysis.claim_service import (
    ACKNOWLEDGEMENT_TOLD,
    DECISION_TOLD,
    LATE,
    SERVICE_ROWS,
    UNDECIDED_LATE,
)
from analysis.filters import add_months, month_of
from analysis.intervals import Interval, poisson_interval, wilson_interval
from analysis.measures import FACT_TABLES, MEASURES
from analysis.service_levels import Spread, ratio_estimate
from analysis.service_measures import SERVICE_MEASURES, SOURCES, ServiceMeasure, defined
from analysis.service_spread import LARGEST_SHARE, LEAST_INSUREDS, TWO_LARGEST_SHARE
from analysis.sharing import SharingRule

Array = NDArray[np.float64]
Chance = Literal["clusters", "wilson", "poisson", "none"]

RULE = SharingRule(LEAST_INSUREDS, LARGEST_SHARE, TWO_LARGEST_SHARE)
#: So many insureds, and the middle half of them may be told.
LEAST_FOR_QUARTILES = 8
WINDOW_MONTHS = 12
#: Days from which on a month is told: thefts and claims of the last ones are still being reported.
IMMATURE_DAYS = 60
BOOK = "book"
_OF = ["measure", "span", "first_month", "end_month"]

_SUMS = """
select insured_id, {cluster} as cluster, sum({value})::double as numerator, sum({per})::double as denominator,
    sum({rows})::double as n
from {source}
where insured_id is not null and month >= $first and month < $end and ({within})
group by all
having sum({per}) > 0
order by all
"""
# A theft counts once beside the exposure of its own segment, as in the verdicts of lanes.
_THEFTS = """
(
    select insured_id, month, segment, 0 as thefts, 0.0 as cost, units, value_base
    from lane_month
    where in_fit
    union all
    select t.insured_id, t.month, t.segment, 1, coalesce(c.severity, s.severity, 'nan'::double), 0, 0
    from theft_fact as t
    left join class_severity as c on t.segment = c.segment and t.commodity = c.commodity and c.is_shareable
    left join class_severity as s on t.segment = s.segment and s.commodity is null and s.is_shareable
    where t.left_out is null
) as exposed
"""
# Claims by month of report, as on their page. An account whose claims never say when they were decided is not slow.
_HANDLED = """
(
    select * exclude (month), reported_month as month, count(decide_days) over (partition by insured_id) as decided
    from claim_service
) as handled
"""
_LOSSES = """
(
    select insured_id, month, 1 as losses, 0.0 as sent from claim_service where is_loss
    union all
    select insured_id, month, 0, shipments from shipment_fact
) as insured_goods
"""
_DEADLINES = f"coalesce({ACKNOWLEDGEMENT_TOLD}, false)::integer + coalesce({DECISION_TOLD}, false)::integer"
_DATES = """
select s.table_name, max(f.as_of) as known_to
from source as s
join feed as f on s.feed = f.name
group by s.table_name
having max(f.as_of) is not null
"""


@dataclass(frozen=True)
class PeerMeasure:
    """A measure by which accounts are compared.

    Attributes
    ----------
    key
        Of `analysis.registry.EVERY_MEASURE`: label, definition, unit and direction are read there.
    tables
        Contract tables behind it: the window ends with the one whose data end first.
    figures
        What gives each account's figure. `by_ratio` makes one of a numerator and a denominator over a fact; a figure
        that is no ratio of sums (of a curve, say) is any function with the same result, whose denominator is what an
        account weighs in the group.
    per
        What a rate is per.
    is_share
        Whether it is a part of a whole, from 0 to 1; no rate is.
    """

    key: str
    tables: tuple[str, ...]
    figures: Figures
    per: str = ""
    is_share: bool = True


def by_ratio(
    *,
    source: str,
    value: str,
    per: str,
    within: str = "true",
    rows: str = "",
    scale: float = 1.0,
    chance: Chance = "none",
    cluster: str = "''",
    spread_of: str = "",
) -> Figures:
    """Figures of accounts that are `scale` times a sum over another, of the rows of a fact.

    Parameters
    ----------
    source
        What is read: a fact with columns ``insured_id`` and ``month``.
    value, per, within, rows
        SQL over its rows: what is summed over what, under which condition, and what is summed for n (else the value).
    chance
        What its 95% interval is: *clusters*, the ratio over clusters (`analysis.service_levels.ratio_estimate`);
        *wilson*, independent trials; *poisson*, exact, of the n events in it.
    cluster
        SQL within whose values events hang together.
    spread_of
        Key of the service measure whose spread in the book few clusters are shrunk to.

    Returns
    -------
    Figures
        Function that gives `insured_id`, `numerator`, `denominator` (the measure is their quotient), `value`, `low`,
        `high` (no interval: null) and `n`, a row an account with a denominator.
    """
    query = _SUMS.format(source=source, value=value, per=per, within=within, rows=rows or value, cluster=cluster)

    def figures(connection: duckdb.DuckDBPyConnection, first: date, end: date) -> pd.DataFrame:
        sums = connection.execute(query, {"first": first, "end": end}).df()
        sums["numerator"] *= scale
        spread = _spread(connection, measure=spread_of)
        # An account without an event does not say what one would cost it.
        each = np.nan if rows else scale
        parts = sums[["numerator", "denominator", "n"]].to_numpy(dtype=np.float64)
        found = [
            (insured, *_figure(parts[rows], chance=chance, scale=scale, spread=spread, one_event=each))
            for insured, rows in sums.groupby("insured_id", sort=True).indices.items()
        ]
        return figure_frame(found)

    return figures


def _figure(
    parts: Array, *, chance: Chance, scale: float, spread: Spread | None, one_event: float
) -> tuple[float, float, float, float, float, float]:
    """The figure of one account from the sums of its clusters, in the order of the columns."""
    numerator, denominator, n = (float(total) for total in parts.sum(axis=0))
    value, interval = numerator / denominator, None
    if chance == "clusters":
        interval = ratio_estimate(parts[:, 0], parts[:, 1], spread=spread).interval
    elif chance == "wilson":
        interval = wilson_interval(round(numerator / scale), round(denominator))
    elif chance == "poisson" and np.isfinite(value):
        each = numerator / n if n else one_event
        low, high = poisson_interval(round(n))
        interval = Interval(low * each / denominator, high * each / denominator) if np.isfinite(each) else None
    low, high = interval or (np.nan, np.nan)
    return numerator, denominator, value, low, high, n


def _spread(connection: duckdb.DuckDBPyConnection, *, measure: str) -> Spread | None:
    if not measure:
        return None
    row = connection.execute(
        "select variance, clusters from service_spread"
        " where measure = $measure and definition = 'schedule' and variance is not null",
        {"measure": measure},
    ).fetchone()
    return Spread(*row) if row else None


def _service(measure: ServiceMeasure) -> PeerMeasure:
    schedule = defined(measure)
    return PeerMeasure(
        measure.key,
        measure.tables,
        by_ratio(
            source=SOURCES[measure.fact],
            value=schedule.value,
            per=schedule.per,
            within=schedule.within,
            rows=schedule.rows,
            chance="clusters",
            cluster=schedule.cluster,
            spread_of=measure.key,
        ),
    )


def _share(key: str, *, chance: Chance, cluster: str = "''") -> PeerMeasure:
    measure = MEASURES[key]
    return PeerMeasure(
        key,
        FACT_TABLES[measure.fact],
        by_ratio(
            source=measure.fact,
            value=measure.value,
            per=measure.per,
            within=measure.within,
            rows=measure.per,
            chance=chance,
            cluster=cluster,
        ),
    )


def _handled(key: str, *, extra: str = "true") -> PeerMeasure:
    """A share of claims by month of report."""
    within, among = SERVICE_ROWS[key]
    return PeerMeasure(
        key,
        ("claim",),
        by_ratio(
            source=_HANDLED,
            value=f"(coalesce({within}, false))::integer",
            per="1",
            within=f"{among} and {extra}",
            rows="1",
            chance="wilson",
        ),
    )


#: By what accounts are compared. Service levels that weigh by the book's hazard of a lane are left out: an account's
#: figure would tell of lanes that it may not see; so are devices of nobody, which belong to no account.
PEER_MEASURES: tuple[PeerMeasure, ...] = (
    PeerMeasure(
        "theft_frequency",
        ("incident", "shipment"),
        by_ratio(
            source=_THEFTS,
            value="thefts",
            per="units",
            within="segment = 'line haul'",
            scale=1000,
            chance="poisson",
        ),
        per="1,000 trips",
        is_share=False,
    ),
    PeerMeasure(
        "theft_loss_cost",
        ("incident", "shipment"),
        by_ratio(
            source=_THEFTS,
            value="cost",
            per="value_base",
            within="segment <> 'storage'",
            rows="thefts",
            scale=1000,
            chance="poisson",
        ),
        per="1,000 of value",
        is_share=False,
    ),
    _share("loss_known_share", chance="wilson"),
    _share("paid_share", chance="wilson"),
    # Shipments of a lane are late together, and forms of a lane are filled in alike.
    _share("on_time_share", chance="clusters", cluster="lane_id"),
    _share("valued_share", chance="clusters", cluster="lane_id"),
    *(_service(measure) for measure in SERVICE_MEASURES.values() if measure.fact not in {"trip_risk", "device_day"}),
    PeerMeasure("time_to_contain", ("incident",), mean_to_contain, is_share=False),
    PeerMeasure("contained_within_60", ("incident",), contained_in_time),
    PeerMeasure("evidence_within_72", ("incident",), of_duty("evidence")),
    PeerMeasure("insurer_notified_in_time", ("incident",), of_duty("notice")),
    PeerMeasure("ultimate_loss_ratio", ("claim", "policy"), of_loss_ratio("gross"), is_share=False),
    PeerMeasure("net_loss_ratio", ("claim", "policy"), of_loss_ratio("net"), is_share=False),
    PeerMeasure("theft_loss_ratio", ("claim", "policy"), of_loss_ratio("theft"), is_share=False),
    PeerMeasure(
        "claim_frequency",
        ("claim", "shipment"),
        by_ratio(source=_LOSSES, value="losses", per="sent", scale=1000, chance="poisson"),
        per="1,000 shipments",
        is_share=False,
    ),
    PeerMeasure(
        "theft_recovery",
        ("claim",),
        by_ratio(
            source="claim_service",
            value="coalesce(recovered_base, 0)",
            per="gross_base",
            within="is_theft and is_over and gross_base > 0",
            rows="1",
            chance="clusters",
            cluster="claim_id",
        ),
    ),
    _handled("decided_promptly", extra="decided > 0"),
    _handled("automated_share"),
    _handled("disputed_share"),
    _handled("reported_promptly"),
    PeerMeasure(
        "clocks_breached",
        ("claim",),
        by_ratio(
            source=_HANDLED,
            value=" + ".join(
                f"coalesce({told} and {late}, false)::integer"
                for told, late in ((ACKNOWLEDGEMENT_TOLD, LATE), (DECISION_TOLD, UNDECIDED_LATE))
            ),
            per=_DEADLINES,
            rows=_DEADLINES,
            chance="wilson",
        ),
    ),
)


def fit_benchmarks(
    connection: duckdb.DuckDBPyConnection, *, measures: Sequence[PeerMeasure] = PEER_MEASURES, rule: SharingRule = RULE
) -> None:
    """What is each account's figure, and what are those of its peers? Fills `peer_value` and `peer_benchmark`.

    The windows are the latest 12 complete months that end at least 60 days before the data do, and the 12 before.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built and whose other fits are done.
    rule
        Of whom a group is made of that others may see.
    """
    connection.execute("delete from peer_value")
    connection.execute("delete from peer_benchmark")
    ends = _ends(connection)
    found: list[pd.DataFrame] = []
    for measure in measures:
        if any(table not in ends for table in measure.tables):
            continue
        end = min(ends[table] for table in measure.tables)
        for span, back in (("latest", 0), ("before", WINDOW_MONTHS)):
            first, last = add_months(end, -back - WINDOW_MONTHS), add_months(end, -back)
            figures = measure.figures(connection, first, last)
            found.append(figures.assign(measure=measure.key, span=span, first_month=first, end_month=last))
    if not found or not sum(map(len, found)):
        return
    known = pd.concat(found, ignore_index=True).merge(_kinds(connection), on="insured_id", how="left")
    _insert(connection, "peer_value", known)
    _insert(connection, "peer_benchmark", judge_groups(known, rule=rule))


def judge_groups(accounts: pd.DataFrame, *, rule: SharingRule = RULE) -> pd.DataFrame:
    """What do the figures of each group of accounts come to, and which groups may others see?

    Parameters
    ----------
    accounts
        One row an account, measure and window: `insured_id`, `measure`, `span`, `first_month`, `end_month`,
        `group_kind` and `group_name` (null: neither segment nor role is known), `numerator`, `denominator`, `value`.

    Returns
    -------
    DataFrame
        One row a group, measure and window, the whole book after the groups of a measure: `insureds`, `median`,
        `low_quartile`, `high_quartile` (null under 8 insureds), `level` (all together), `largest_share`,
        `two_largest_share`, `is_shareable`.
    """
    group = [*_OF, "group_kind", "group_name"]
    named = _summed(accounts.dropna(subset=["group_name"]), by=group, rule=rule)
    book = _summed(accounts.assign(group_kind=BOOK, group_name=BOOK), by=group, rule=rule)
    shown = pd.MultiIndex.from_frame(named.loc[named["is_shareable"], group])
    rest = _summed(accounts[~pd.MultiIndex.from_frame(accounts[group]).isin(shown)], by=_OF, rule=rule)
    telling = pd.MultiIndex.from_frame(rest.loc[~rest["is_shareable"], _OF])
    book["is_shareable"] &= ~pd.MultiIndex.from_frame(book[_OF]).isin(telling)
    return pd.concat([named, book]).sort_values(["measure", "span"], kind="stable", ignore_index=True)


def _summed(accounts: pd.DataFrame, *, by: list[str], rule: SharingRule) -> pd.DataFrame:
    """A row a group of accounts: what their figures come to, and whether so many stand behind it as the rule wants."""
    groups = accounts.groupby(by, sort=True)
    frame = groups[["numerator", "denominator"]].sum().reset_index()
    frame["level"] = frame["numerator"] / frame["denominator"]
    values = groups["value"]
    enough = values.size().to_numpy() >= LEAST_FOR_QUARTILES
    for name, part in (("low_quartile", 0.25), ("median", 0.5), ("high_quartile", 0.75)):
        found = values.quantile(part).to_numpy()
        frame[name] = found if name == "median" else np.where(enough, found, np.nan)
    units = accounts[["insured_id"]].assign(units=accounts["denominator"])
    return frame.join(rule.holders(units, group=groups.ngroup(), groups=len(frame)))


def _ends(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """By contract table: the first month that is not wholly older than 60 days when its data end."""
    known: dict[str, date] = {str(name): day for name, day in connection.execute(_DATES).fetchall()}
    fitted = connection.execute("select known_to from fit_window").fetchone()
    # A market's feed may go on after the book's own thefts and exposure end.
    if "incident" in known and fitted is not None:
        known["incident"] = min(known["incident"], fitted[0])
    return {name: month_of(day - timedelta(days=IMMATURE_DAYS - 1)) for name, day in known.items()}


def _kinds(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The group of each insured; none where the portfolio has no table of them."""
    there = connection.execute("select count(*) from duckdb_tables() where table_name = 'insured'").fetchone()
    if not there or not there[0]:
        return pd.DataFrame({"insured_id": [], "group_kind": [], "group_name": []}, dtype="object")
    return connection.execute(
        "select insured_id, case when segment is not null then 'segment' when role is not null then 'role' end"
        " as group_kind, coalesce(segment, role) as group_name from insured order by insured_id"
    ).df()


def _insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    """Fill a table by its column names; what is not a number becomes null."""
    columns = [str(row[1]) for row in connection.execute(f"pragma table_info('{table}')").fetchall()]
    kept = [name for name in columns if name in frame]
    chosen = ", ".join(
        f"case when isnan({n}) then null else {n} end" if frame[n].dtype == "float64" else n for n in kept
    )
    connection.register("benchmark_rows", frame[kept])
    try:
        connection.execute(f"insert into {table} ({', '.join(kept)}) select {chosen} from benchmark_rows")
    finally:
        connection.unregister("benchmark_rows")
