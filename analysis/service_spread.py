"""How much do devices, carriers and scales of the whole book differ in each service level? Written at publication."""

from __future__ import annotations

from typing import get_args

import duckdb

from analysis.service_measures import SERVICE_MEASURES, SOURCES, Definition, ServiceMeasure, defined

#: Whom a scoped viewer may be compared with: as for the places of the book.
LEAST_INSUREDS, LARGEST_SHARE, TWO_LARGEST_SHARE = 5, 0.5, 0.8

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
    $measure, $definition, l.value, c.clusters, c.variance, s.units, s.dispersion, h.insureds, h.largest_share,
    h.two_largest_share,
    coalesce(h.insureds >= $least and h.largest_share <= $largest and h.two_largest_share <= $two, false)
from level as l
cross join between_clusters as c
cross join scattered as s
cross join held as h
where l.value is not null
"""


def fit_service_spread(connection: duckdb.DuckDBPyConnection) -> None:
    """How much does each service level differ between clusters, and between trips, of the whole book?

    Fills `service_spread`, which holds no figure of one insured; its level is shown to a scoped viewer only where
    enough insureds stand behind it.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built and whose places are fitted.
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
    )
