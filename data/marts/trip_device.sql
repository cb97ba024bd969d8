-- Which device was on which trip, and when: on its goods, it is on the trip that carries them.
create or replace table trip_device as
with
worn as (
    -- A device is with nothing any more once it is put on something else.
    select device_id, trip_id, shipment_id, attached_at,
        least(
            detached_at,
            lead(attached_at) over (partition by device_id order by attached_at, trip_id, shipment_id)
        ) as detached_at
    from device_assignment
),
placed as (
    select a.device_id, null as shipment_id, true as is_trip, a.trip_id, a.attached_at, a.detached_at
    from worn as a
    where a.shipment_id is null
    union all
    select a.device_id, s.shipment_id, t.trip_id is not null, coalesce(t.trip_id, s.shipment_id), a.attached_at,
        a.detached_at
    from worn as a
    join shipment as s on a.shipment_id = s.shipment_id
    left join trip as t on s.trip_id = t.trip_id
    union all
    -- A device on a trip that nobody listed is on each of its shipments, which are trips of their own.
    select a.device_id, s.shipment_id, false, s.shipment_id, a.attached_at, a.detached_at
    from worn as a
    join shipment as s on a.trip_id = s.trip_id
    where a.shipment_id is null and a.trip_id not in (select trip_id from trip)
),
final as (
    select
        w.trip_no, p.device_id, p.shipment_id,
        greatest(p.attached_at, w.departed_at) as from_at,
        least(p.detached_at, w.ends_at) as to_at,
        p.attached_at, p.detached_at
    from placed as p
    join trip_window as w on p.is_trip = w.is_trip and p.trip_id = w.trip_id
    where w.departed_at is null or w.ends_at is null
        or (p.attached_at < w.ends_at and (p.detached_at is null or p.detached_at > w.departed_at))
)
select * from final order by attached_at, trip_no, device_id;
