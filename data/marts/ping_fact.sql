-- Positions by device, cell and month; keys are those of the goods the device was with at that time, if any. Where goods
-- of several accounts or commodities shared the device, each has an equal part of the position.
create or replace table ping_fact as
with
placed as (
    select
        p.device_id, p.pinged_at, c.cell_3, c.cell_5, c.cell_7
    from ping as p
    left join place as c on round(p.latitude, 4) = c.latitude and round(p.longitude, 4) = c.longitude
),
owned as (
    select p.*, coalesce(k.part, 1.0) as part, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode
    from placed as p
    left join device_key as k
        on p.device_id = k.device_id and p.pinged_at >= k.attached_at
        and (k.detached_at is null or p.pinged_at < k.detached_at)
),
final as (
    select
        device_id, insured_id, carrier_id, lane_id, commodity, mode,
        date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', pinged_at)))::date as month,
        cell_3, cell_5, cell_7, sum(part)::double as pings
    from owned
    group by all
)
select * from final order by month, device_id;
