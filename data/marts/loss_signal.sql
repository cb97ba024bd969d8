-- Own thefts of tracked goods, and whether the device was dark within half an hour of the loss.
create or replace table loss_signal as
with
spans as (
    select trip_no as loss_no, unnest(dark_spans) as span from trip_signal where trip_no < 0 and blackouts > 0
),
dark as (
    select d.loss_no
    from spans as d
    join trip_loss as x on d.loss_no = x.loss_no
    cross join sla_schedule as p
    where d.span.next_ms > 1000 * p.blackout_gap_s
        and coalesce(d.span.last_ms + 1000 * p.interval_s, 0) < x.to_ms - x.from_ms - 1000 * p.blackout_gap_s
    group by d.loss_no
),
devices as (
    select trip_no, min(device_id) as device_id
    from trip_device
    where trip_no in (select trip_no from trip_loss)
    group by trip_no
),
final as (
    select
        x.incident_id, x.insured_id, x.carrier_id, x.lane_id, x.commodity, x.mode, x.month, x.occurred_at, x.until_at,
        x.trip_id, x.trip_no, v.device_id,
        d.loss_no is not null as is_dark,
        (x.to_ms - x.from_ms) / 1000.0 - 2 * p.blackout_gap_s as around_s
    from trip_loss as x
    cross join sla_schedule as p
    left join dark as d on x.loss_no = d.loss_no
    left join devices as v on x.trip_no = v.trip_no
)
select * from final order by month, incident_id;
