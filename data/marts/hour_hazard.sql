-- How much more often thefts on the move begin in a quarter of the day than its share of the time on the road lets expect:
-- the published hazard of the hour, pulled towards 1 by ten expected thefts. Hours are the place's own, those of the road
-- the place of departure's. Others may see it only where at least five insureds stand behind the thefts of every quarter
-- that has any, none with more than half of them and no two with more than 80%: four quarters hang together, so that one
-- alone cannot be held back.
create or replace table hour_hazard as
with
bands as (
    select 0 as band, 0 as from_s, 21600 as to_s
    union all select 1, 21600, 43200
    union all select 2, 43200, 64800
    union all select 3, 64800, 86400
),
driven as (
    select coalesce(sum(night_s), 0) as night_s, coalesce(sum(morning_s), 0) as morning_s,
        coalesce(sum(afternoon_s), 0) as afternoon_s, coalesce(sum(evening_s), 0) as evening_s
    from trip_stretch
),
exposed as (
    select 0 as band, night_s as road_s from driven
    union all select 1, morning_s from driven
    union all select 2, afternoon_s from driven
    union all select 3, evening_s from driven
),
begun_by as (
    select f.hour // 6 as band, f.insured_id, count(*) as thefts
    from incident_fact as f
    join theft_fact as t on f.incident_id = t.incident_id
    where f.hour is not null and t.segment <> 'storage'
    group by f.hour // 6, f.insured_id
),
ranked as (
    select *, row_number() over (partition by band order by thefts desc) as place from begun_by
),
begun as (
    select band, sum(thefts)::bigint as thefts,
        count(insured_id) >= 5 and max(thefts) <= 0.5 * sum(thefts)
            and sum(thefts) filter (place <= 2) <= 0.8 * sum(thefts) as is_held_by_many
    from ranked
    group by band
),
counted as (
    select b.*, coalesce(g.thefts, 0) as thefts, coalesce(e.road_s, 0) as road_s, g.is_held_by_many
    from bands as b
    left join exposed as e on b.band = e.band
    left join begun as g on b.band = g.band
),
final as (
    select
        band, from_s, to_s, thefts, road_s,
        sum(thefts) over () * coalesce(road_s / nullif(sum(road_s) over (), 0), 0.25) as expected,
        (thefts + 10) / (sum(thefts) over () * coalesce(road_s / nullif(sum(road_s) over (), 0), 0.25) + 10) as hazard,
        coalesce(bool_and(is_held_by_many) over (), false) as is_shareable
    from counted
)
select * from final order by band;
