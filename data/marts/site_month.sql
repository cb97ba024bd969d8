-- What was exposed at each place: the trips and parcels that start, stop or end there, and months in which goods lay there.
create or replace table site_month as
with
passed as (
    select
        m.insured_id, m.carrier_id, m.lane_id, m.commodity, m.mode, m.segment, m.month, m.in_fit, m.units, m.value_base,
        unnest(list_distinct([l.origin_site_id, l.destination_site_id])) as site_id
    from lane_month as m
    join lane_key as l on m.lane_id = l.lane_id
),
-- The part of each trip that each account's goods on it are.
parts as (
    select
        trip_id, insured_id, carrier_id, lane_id, commodity, mode,
        count(*)::double / sum(count(*)) over (partition by trip_id) as units
    from shipment_key
    where trip_id is not null
    group by trip_id, insured_id, carrier_id, lane_id, commodity, mode
    union all
    select trip_id, null, carrier_id, lane_id, null, mode, 1::double from trip_key where insured_id is null
),
halts as (
    select
        p.trip_id, p.site_id,
        date_trunc(
            'month', timezone(getvariable('reporting_timezone'), timezone('UTC', min(p.arrived_at)))
        )::date as month
    from stop as p
    where p.site_id is not null
    group by p.trip_id, p.site_id
),
stopped as (
    select
        k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode, 'line haul' as segment, h.month,
        not coalesce(x.is_above, false) as in_fit, sum(k.units::decimal(38, 18))::double as units,
        null::decimal(38, 4) as value_base, h.site_id
    from halts as h
    join parts as k on h.trip_id = k.trip_id
    left join lane_key as l on k.lane_id = l.lane_id
    left join deductible_key as x on k.insured_id = x.insured_id
    where coalesce(l.segment, 'line haul') = 'line haul'
        and h.site_id is distinct from l.origin_site_id and h.site_id is distinct from l.destination_site_id
    group by all
),
valued as (
    select
        site_id, insured_id, date_trunc('month', on_date) as first_month,
        lead(on_date) over (partition by site_id, insured_id order by on_date) as until,
        coalesce(average_value, maximum_value, 1) > 0 as holds
    from site_value
),
present as (
    select p.site_id, p.insured_id, p.month
    from passed as p
    join site as s on p.site_id = s.site_id
    where lower(s.kind) is distinct from 'customer'
    union
    select v.site_id, v.insured_id,
        unnest(generate_series(v.first_month, coalesce(v.until - 1, w.known_to)::timestamp, interval 1 month))::date
    from valued as v, fit_window as w
    where v.holds
),
-- One place in one month is one, however many store there.
stored as (
    select
        p.insured_id, null::varchar as carrier_id, null::varchar as lane_id, null::varchar as commodity,
        null::varchar as mode, 'storage' as segment, p.month, not coalesce(x.is_above, false) as in_fit,
        1::double / count(*) over (partition by p.site_id, p.month) as units, null::decimal(38, 4) as value_base,
        p.site_id
    from present as p
    left join deductible_key as x on p.insured_id = x.insured_id
),
final as (
    select * from passed
    union all by name
    select * from stopped
    union all by name
    select * from stored
)
select * from final order by month, site_id, segment, insured_id, lane_id, carrier_id, commodity, mode;
