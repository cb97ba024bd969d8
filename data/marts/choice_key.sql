-- What filters may offer: the months and the carriers, lanes, commodities, modes in each fact, by account. A position
-- says that something is there and not how busy it is: its events count 0 for all but months.
create or replace table choice_key as
with
-- Positions are most of all rows: they are gathered once before they are summed by each column.
positions as (
    select insured_id, carrier_id, lane_id, commodity, mode, month, sum(pings) as events, count(*) as rows
    from ping_fact
    group by all
),
events as (
    select 'incident' as kind, insured_id, carrier_id, lane_id, commodity, mode, month, incidents as events, 1 as rows
    from incident_fact
    union all
    select 'claim', insured_id, carrier_id, lane_id, commodity, mode, month, claims, 1
    from claim_fact
    union all
    select 'shipment', insured_id, carrier_id, lane_id, commodity, mode, month, shipments, 1
    from shipment_fact
    union all
    select 'ping', insured_id, carrier_id, lane_id, commodity, mode, month, events, rows
    from positions
),
summed as (
    select
        kind, insured_id, carrier_id, lane_id, commodity, mode, month, sum(events) as events, sum(rows) as rows,
        grouping(carrier_id) = 0 as by_carrier, grouping(lane_id) = 0 as by_lane,
        grouping(commodity) = 0 as by_commodity, grouping(mode) = 0 as by_mode, grouping(month) = 0 as by_month
    from events
    group by grouping sets (
        (kind, insured_id), (kind, insured_id, carrier_id), (kind, insured_id, lane_id), (kind, insured_id, commodity),
        (kind, insured_id, mode), (kind, insured_id, month)
    )
),
final as (
    select
        kind, insured_id,
        case
            when by_carrier then 'carrier' when by_lane then 'lane' when by_commodity then 'commodity'
            when by_mode then 'mode' when by_month then 'month' else 'insured'
        end as dimension,
        case
            when by_carrier then carrier_id when by_lane then lane_id when by_commodity then commodity::varchar
            when by_mode then mode::varchar when not by_month then insured_id
        end as value,
        month, case when by_month or kind <> 'ping' then events else 0 end::double as events, rows::bigint as rows
    from summed
)
select * from final order by kind, dimension, value, month, insured_id;
