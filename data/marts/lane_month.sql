-- What was exposed on each lane: trips (line haul) or parcels (last mile), and their value, additive by every key.
create or replace table lane_month as
with
loads as (
    select trip_id, count(*) as shipments
    from shipment
    where trip_id in (select trip_id from shipment_key where trip_id is not null)
    group by trip_id
),
moved as (
    select
        k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode, coalesce(l.segment, 'line haul') as segment,
        s.currency, s.declared_value,
        coalesce(
            timezone(getvariable('reporting_timezone'), timezone('UTC', t.departed_at))::date, k.sent_on
        ) as sent_on,
        case
            when l.segment = 'last mile' then coalesce(nullif(s.handling_units, 0), 1)::double
            -- A trip is one however many ship on it: each shipment has its part, so that the parts add up to it.
            when t.trip_id is not null then 1::double / g.shipments
            else 1::double
        end as units
    from shipment as s
    join shipment_key as k on s.shipment_id = k.shipment_id
    left join trip as t on s.trip_id = t.trip_id
    left join loads as g on t.trip_id = g.trip_id
    left join lane_key as l on k.lane_id = l.lane_id
    union all
    -- A trip whose goods nobody listed is still exposed; a delivery round without its parcels has no parcels to count.
    select
        null, k.carrier_id, k.lane_id, null, k.mode, 'line haul', null, null,
        timezone(
            getvariable('reporting_timezone'), timezone('UTC', coalesce(t.departed_at, t.arrived_at))
        )::date,
        1::double
    from trip as t
    join trip_key as k on t.trip_id = k.trip_id
    left join lane_key as l on k.lane_id = l.lane_id
    where k.insured_id is null and coalesce(l.segment, 'line haul') = 'line haul'
        and coalesce(t.departed_at, t.arrived_at) is not null
),
daily as (
    select
        insured_id, carrier_id, lane_id, commodity, mode, segment, currency, sent_on,
        -- Thirds and sevenths as doubles do not add up to the same last digit in every order.
        sum(units::decimal(38, 18)) as units, sum(declared_value) as declared_value
    from moved
    group by all
),
final as (
    select
        d.insured_id, d.carrier_id, d.lane_id, d.commodity, d.mode, d.segment,
        date_trunc('month', d.sent_on)::date as month,
        not coalesce(bool_or(x.is_above), false) as in_fit,
        sum(d.units)::double as units,
        sum(in_base(d.declared_value, r.rate)) as value_base,
        sum(in_base(d.declared_value, q.rate)) as value_plan
    from daily as d
    left join deductible_key as x on d.insured_id = x.insured_id
    left join exchange_rate as r
        on d.currency = r.currency
        and (r.currency = getvariable('base_currency') or (d.sent_on >= r.valid_from and d.sent_on < r.valid_to))
    left join exchange_rate as q
        on d.currency = q.currency
        and (
            q.currency = getvariable('base_currency')
            or (getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to)
        )
    group by d.insured_id, d.carrier_id, d.lane_id, d.commodity, d.mode, d.segment, date_trunc('month', d.sent_on)
)
select * from final order by month, lane_id, insured_id, carrier_id, commodity, mode;
