-- Who uses which lane and carrier for what: the way from an account to the lanes, carriers and places it may see.
create or replace table lane_use as
with
used as (
    select insured_id, carrier_id, lane_id, commodity, mode from shipment_key
    union
    select insured_id, carrier_id, lane_id, commodity, mode from trip_key
    union
    select insured_id, carrier_id, lane_id, commodity, mode from incident_fact
    union
    select insured_id, carrier_id, lane_id, commodity, mode from claim_fact
    union
    select e.insured_id, null, e.lane_id, e.commodity, coalesce(e.mode, l.mode)
    from exposure as e left join lane as l on e.lane_id = l.lane_id
    union
    select c.insured_id, null, c.lane_id, null, l.mode
    from control as c left join lane as l on c.lane_id = l.lane_id
    union
    select null, null, lane_id, null, mode from lane
    union
    select null, carrier_id, null, null, null from carrier
    union
    select insured_id, null, null, null, null from insured
),
final as (
    select distinct * from used
)
select * from final;
