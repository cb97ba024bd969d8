-- Which device's fixes count for which window, from when to when, and where on the window's clock that is.
create or replace table trip_watch as
with
final as (
    select
        s.trip_no, d.device_id,
        greatest(s.from_ms, epoch_ms(d.attached_at)) as from_ms,
        least(s.to_ms, epoch_ms(d.detached_at)) as to_ms,
        s.clock_ms + greatest(epoch_ms(d.attached_at) - s.from_ms, 0) as clock_ms
    from trip_stretch as s
    join trip_device as d
        on s.trip_no = d.trip_no and epoch_ms(d.attached_at) < s.to_ms
        and (d.detached_at is null or epoch_ms(d.detached_at) > s.from_ms)
    union all
    select
        x.loss_no, d.device_id,
        greatest(x.from_ms, epoch_ms(d.attached_at)),
        least(x.to_ms, epoch_ms(d.detached_at)),
        greatest(epoch_ms(d.attached_at) - x.from_ms, 0)
    from trip_loss as x
    join trip_device as d
        on x.trip_no = d.trip_no and epoch_ms(d.attached_at) < x.to_ms
        and (d.detached_at is null or epoch_ms(d.detached_at) > x.from_ms)
)
select * from final order by device_id, from_ms;
