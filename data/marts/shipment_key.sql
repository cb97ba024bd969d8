-- Whose goods each shipment is, and how they go: what every event of a shipment is filtered by.
create or replace table shipment_key as
with
final as (
    select
        s.shipment_id,
        s.trip_id,
        s.insured_id,
        coalesce(s.carrier_id, t.carrier_id) as carrier_id,
        coalesce(s.lane_id, t.lane_id) as lane_id,
        s.commodity,
        coalesce(t.mode, l.mode) as mode
    from shipment as s
    left join trip as t on s.trip_id = t.trip_id
    left join lane as l on coalesce(s.lane_id, t.lane_id) = l.lane_id
)
select * from final;
