-- Shipments, value moved and punctuality, additive by account, carrier, lane, commodity, mode and month.
create or replace table shipment_fact as
with
dated as (
    select
        k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode, s.currency, s.declared_value, s.weight_kg,
        s.scheduled_at, s.delivered_at,
        timezone(f.timezone, timezone('UTC', s.scheduled_at)) as promised_at,
        timezone(f.timezone, timezone('UTC', s.delivered_at))::date as delivered_on,
        k.sent_on
    from shipment as s
    join shipment_key as k on s.shipment_id = k.shipment_id
    left join feed as f on s._feed = f.name
),
daily as (
    select
        insured_id, carrier_id, lane_id, commodity, mode, currency, sent_on,
        count(*) as shipments,
        count(declared_value) as valued_shipments,
        sum(declared_value) as declared_value,
        -- Exact, so that the sum is the same in whatever order its rows come.
        sum(try_cast(weight_kg as decimal(38, 4))) as weight_kg,
        count(*) filter (scheduled_at is not null and delivered_at is not null) as scheduled,
        -- A promise without a time of day holds until that day ends.
        count(*) filter (
            delivered_at <= scheduled_at or (promised_at::time = time '00:00:00' and delivered_on <= promised_at::date)
        ) as on_time
    from dated
    group by all
),
final as (
    select
        d.insured_id, d.carrier_id, d.lane_id, d.commodity, d.mode, date_trunc('month', d.sent_on)::date as month,
        d.currency, sum(d.shipments)::bigint as shipments, sum(d.valued_shipments)::bigint as valued_shipments,
        sum(d.declared_value)::decimal(38, 4) as declared_value,
        sum(in_base(d.declared_value, r.rate)) as value_base,
        sum(in_base(d.declared_value, q.rate)) as value_plan,
        sum(d.weight_kg)::double as weight_kg, sum(d.scheduled)::bigint as scheduled, sum(d.on_time)::bigint as on_time
    from daily as d
    left join exchange_rate as r
        on d.currency = r.currency
        and (r.currency = getvariable('base_currency') or (d.sent_on >= r.valid_from and d.sent_on < r.valid_to))
    left join exchange_rate as q
        on d.currency = q.currency
        and (
            q.currency = getvariable('base_currency')
            or (getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to)
        )
    group by all
)
select * from final order by month, lane_id;
