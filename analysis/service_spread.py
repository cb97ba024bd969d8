"""How much do devices, carriers and scales of the whole book differ in each service level? Written at publication."""

from __future__ import annotations

from typing import get_args

import duckdb

from analysis.service_measures import SERVICE_MEASURES, SOURCES, Definition, ServiceMeasure, defined

#: Whom a scoped viewer may be compared with: as for the places of the book.
LEAST_INSUREDS, LARGEST_SHARE, TWO_LARGEST_SHARE = 5, 0.5, 0.8
#: Share of clusters on each side whose deviation is pulled in, so that a few bad ones do not pass for the usual.
PULLED_IN = 0.1
#: What that leaves of the variance of a normal score, by which the mean of squares is divided.
_KEPT = 0.678704
#: How clusters differ is told by those whose own scatter is that of so many expected events or more.
_LEAST_EVENTS = 5
_LEAST_DEGREES = 5

_SPREAD = """
insert into service_spread
with
chosen as (
    select {cluster} as cluster, {unit} as trial, {owner} as owner, ({value})::double as top, ({per})::double as bottom
    from {source}
    where {within}
),
level as (
    select sum(top) / nullif(sum(bottom), 0) as value from chosen where bottom > 0
),
-- Clusters of one insured differ around its own level, all others around the book's.
clusters as (
    select {family} as family, cluster, sum(top) as top, sum(bottom) as bottom
    from chosen
    group by {family}, cluster
    having sum(bottom) > 0
),
families as (
    select family, sum(top) / sum(bottom) as value from clusters group by family
),
between_clusters as (
    select
        count(*) as clusters,
        count(*) / nullif(count(*) - count(distinct c.family), 0)
            * sum((c.top - f.value * c.bottom) ** 2) / sum(c.bottom ** 2) as variance
    from clusters as c
    join families as f on c.family = f.family
),
trials as (
    select trial, sum(top) as top, sum(bottom) as bottom from chosen group by trial having sum(bottom) > 0
),
scattered as (
    select count(*) as units, sum((t.top - l.value * t.bottom) ** 2 / t.bottom) / nullif(count(*) - 1, 0) as dispersion
    from trials as t
    cross join level as l
),
-- Clusters on the scale on which chance spreads all shares alike. Those too small say nothing of how clusters differ,
-- and one alone in its family neither.
scaled as (
    select
        c.family, asin(sqrt(least(greatest(c.top / c.bottom, 0), 1))) as value,
        asin(sqrt(least(greatest(f.value, 0), 1))) as around,
        4 * l.value * (1 - l.value) * c.bottom / s.dispersion as weight
    from clusters as c
    join families as f on c.family = f.family
    cross join level as l
    cross join scattered as s
    where s.dispersion > 0 and l.value > 0 and l.value < 1
        and s.dispersion / c.bottom <= least(l.value, 1 - l.value) ** 2 / {events}
    qualify count(*) over (partition by c.family) > 1
),
scores as (
    select family, weight, (value - around) * sqrt(weight) as score from scaled
),
ends as (
    select quantile_cont(score, {pulled}) as low, quantile_cont(score, 1 - {pulled}) as high from scores
),
told as (
    select
        count(*) as clusters, count(distinct s.family) as families,
        avg(least(greatest(s.score, e.low), e.high) ** 2) / {kept} as ratio, sum(s.weight) as weight
    from scores as s
    cross join ends as e
),
within_families as (
    select sum(own) as weight from (select sum(weight ** 2) / sum(weight) as own from scores group by family) as each
),
between_variance as (
    select
        case when t.clusters - t.families >= {least_degrees}
            then greatest(t.clusters * t.ratio - (t.clusters - t.families), 0) / nullif(t.weight - w.weight, 0)
        end as value
    from told as t
    cross join within_families as w
),
owners as (
    select owner, sum(bottom) as bottom, row_number() over (order by sum(bottom) desc) as place
    from chosen
    group by owner
),
held as (
    select
        count(owner)::integer as insureds,
        sum(bottom) filter (place = 1) / nullif(sum(bottom), 0) as largest_share,
        sum(bottom) filter (place <= 2) / nullif(sum(bottom), 0) as two_largest_share
    from owners
)
select
    $measure, $definition, l.value, c.clusters, c.variance, b.value, s.units, s.dispersion, h.insureds, h.largest_share,
    h.two_largest_share,
    coalesce(h.insureds >= $least and h.largest_share <= $largest and h.two_largest_share <= $two, false)
from level as l
cross join between_clusters as c
cross join between_variance as b
cross join scattered as s
cross join held as h
where l.value is not null
"""


def fit_service_spread(connection: duckdb.DuckDBPyConnection) -> None:
    """How much does each service level differ between clusters, and between trips, of the whole book?

    Fills `service_spread`, which holds no figure of one insured; its level is shown to a scoped viewer only where
    enough insureds stand behind it.

    How clusters differ beyond their trips is the additive random effect tau^2 of a funnel, on the scale of
    arcsin(sqrt(value)), where chance has the variance s^2 = dispersion / (4 L (1 - L) x) at any level near L: with
    scores z = (cluster - its family) / s, the outer tenths pulled in, and phi = mean z^2 / 0.679 (what that leaves of a
    normal score's variance, so that usual books are met), tau^2 = (I phi - (I - F)) / (sum w - sum of w^2 / w by
    family), w = 1 / s^2, not below 0, of I clusters in F families. Null where fewer than five clusters can say it.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built and whose places are fitted.

    References
    ----------
    Spiegelhalter (2005), Quality and Safety in Health Care 14:347-351 (winsorised, additive model); Spiegelhalter et
    al. (2012), Journal of the Royal Statistical Society A 175:1-47 (inverse sine scale of shares).
    """
    connection.execute("delete from service_spread")
    for measure in SERVICE_MEASURES.values():
        definitions: tuple[Definition, ...] = get_args(Definition) if "{dark}" in measure.value else ("schedule",)
        for definition in definitions:
            connection.execute(
                spread_query(defined(measure, definition)),
                {
                    "measure": measure.key,
                    "definition": definition,
                    "least": LEAST_INSUREDS,
                    "largest": LARGEST_SHARE,
                    "two": TWO_LARGEST_SHARE,
                },
            )


def spread_query(measure: ServiceMeasure) -> str:
    """The statement that finds and writes a measure's spread."""
    return _SPREAD.format(
        cluster=measure.cluster,
        unit=measure.unit,
        family="coalesce(owner, '')" if measure.within_insured else "''",
        # Devices of nobody have no owner.
        owner="null::varchar" if measure.fact == "device_day" else "insured_id",
        value=measure.value,
        per=measure.per,
        source=SOURCES[measure.fact],
        within=measure.within,
        events=_LEAST_EVENTS,
        pulled=PULLED_IN,
        kept=_KEPT,
        least_degrees=_LEAST_DEGREES,
    )
