-- Whose goods each device was with, and when: its pings outside these times belong to nobody.
create or replace table device_key as
with
final as (
    select distinct a.device_id, a.attached_at, a.detached_at,
        coalesce(s.insured_id, t.insured_id) as insured_id,
        coalesce(s.carrier_id, t.carrier_id) as carrier_id,
        coalesce(s.lane_id, t.lane_id) as lane_id,
        coalesce(s.commodity, t.commodity) as commodity,
        coalesce(s.mode, t.mode) as mode
    from device_assignment as a
    left join shipment_key as s on a.shipment_id = s.shipment_id
    left join trip_key as t on a.trip_id = t.trip_id and a.shipment_id is null
)
select * from final;
