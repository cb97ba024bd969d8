-- Whose goods were on each trip: a row for each account, lane and commodity on it; without goods, one row without account.
create or replace table trip_key as
with
loaded as (
    select distinct trip_id, insured_id, carrier_id, lane_id, commodity, mode
    from shipment_key
    where trip_id is not null
),
empty as (
    select t.trip_id, null::varchar as insured_id, t.carrier_id, t.lane_id, null::varchar as commodity,
        coalesce(t.mode, l.mode) as mode
    from trip as t
    left join lane as l on t.lane_id = l.lane_id
    where not exists (select 1 from loaded as g where g.trip_id = t.trip_id)
),
final as (
    select * from loaded
    union all
    select * from empty
)
select * from final;
