-- Whose goods each seal was on: by its shipment, else by its trip.
create or replace table seal_key as
with
final as (
    select e.event_id, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode
    from seal_event as e
    join shipment_key as k on e.shipment_id = k.shipment_id
    union all
    select e.event_id, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode
    from seal_event as e
    join trip_key as k on e.trip_id = k.trip_id
    where e.shipment_id is null
)
select * from final;
