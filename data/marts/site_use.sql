-- Who uses which place: through the lanes that start or end there, and through what happened or lies there.
create or replace table site_use as
with
used as (
    select l.origin_site_id as site_id, u.insured_id, u.carrier_id, u.lane_id, u.commodity, u.mode
    from lane_use as u join lane as l on u.lane_id = l.lane_id
    union
    select l.destination_site_id, u.insured_id, u.carrier_id, u.lane_id, u.commodity, u.mode
    from lane_use as u join lane as l on u.lane_id = l.lane_id
    union
    select site_id, insured_id, carrier_id, lane_id, commodity, mode from incident_fact where site_id is not null
    union
    select site_id, insured_id, carrier_id, lane_id, commodity, mode from claim_fact where site_id is not null
    union
    select site_id, insured_id, null, null, null, null from site_value
    union
    select site_id, insured_id, null, null, null, null from control where site_id is not null
    union
    select s.site_id, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode
    from scan as s join shipment_key as k on s.shipment_id = k.shipment_id
    where s.site_id is not null
    union
    select s.site_id, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode
    from stop as s join trip_key as k on s.trip_id = k.trip_id
    where s.site_id is not null
    union
    select site_id, null, null, null, null, null from site
),
final as (
    select distinct * from used
)
select * from final;
