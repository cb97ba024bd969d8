-- Whose goods each device was with, and when: its pings outside these times belong to nobody.
create or replace table device_key as
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
owned as (
    select distinct a.device_id, a.attached_at, a.detached_at,
        coalesce(s.insured_id, t.insured_id) as insured_id,
        coalesce(s.carrier_id, t.carrier_id) as carrier_id,
        coalesce(s.lane_id, t.lane_id) as lane_id,
        coalesce(s.commodity, t.commodity) as commodity,
        coalesce(s.mode, t.mode) as mode
    from worn as a
    left join shipment_key as s on a.shipment_id = s.shipment_id
    left join trip_key as t on a.trip_id = t.trip_id and a.shipment_id is null
),
final as (
    -- Its positions belong in equal parts to those whose goods it is with, so that they add up.
    select *, 1.0 / count(*) over (partition by device_id, attached_at) as part from owned
)
select * from final;
