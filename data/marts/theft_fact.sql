-- One row an own theft: its segment, when it was reported, and why it forms no rate, if it does not.
create or replace table theft_fact as
with
claimed as (
    select incident_id, min(reported_at) as reported_at from claim where incident_id is not null group by incident_id
),
own as (
    select
        f.incident_id, f.insured_id, f.carrier_id, f.lane_id,
        coalesce(
            f.site_id,
            case lower(f.location_kind)
                when 'origin facility' then l.origin_site_id
                when 'destination facility' then l.destination_site_id
            end
        ) as site_id,
        f.commodity, f.mode, f.month,
        case
            when i.site_id is not null and i.trip_id is null and i.shipment_id is null then 'storage'
            else coalesce(l.segment, 'line haul')
        end as segment,
        f.occurred_at, least(i.detected_at, i.insurer_notified_at, c.reported_at) as reported_at,
        f.loss_base, f.loss_plan
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    left join lane_key as l on f.lane_id = l.lane_id
    left join claimed as c on f.incident_id = c.incident_id
    where f.source = 'own' and not f.is_attempt
),
-- A theft may follow a departure of up to two months before.
on_lane as (
    select distinct o.incident_id
    from own as o
    join lane_month as m
        on o.segment = m.segment and o.lane_id is not distinct from m.lane_id
        and m.month <= o.month and m.month >= o.month - interval 2 month
        and (o.insured_id = m.insured_id or o.insured_id is null or m.insured_id is null)
),
at_site as (
    select distinct o.incident_id
    from own as o
    join site_month as m
        on o.segment = m.segment and o.site_id = m.site_id
        and m.month <= o.month and m.month >= o.month - interval 2 month
        and (o.insured_id = m.insured_id or o.insured_id is null or m.insured_id is null)
),
judged as (
    select
        o.*,
        case
            when o.loss_base < w.threshold_base then 'below threshold'
            when x.is_above then 'high deductible'
        end as too_small,
        n.incident_id is not null as has_lane,
        s.incident_id is not null as has_site
    from own as o
    left join fit_window as w on true
    left join deductible_key as x on o.insured_id = x.insured_id
    left join on_lane as n on o.incident_id = n.incident_id
    left join at_site as s on o.incident_id = s.incident_id
),
final as (
    select
        incident_id, insured_id, carrier_id, lane_id, site_id, commodity, mode, month, segment, occurred_at,
        reported_at, loss_base, loss_plan,
        coalesce(
            too_small,
            case when not (case when segment = 'storage' then has_site else has_lane end) then 'without exposure' end
        ) as left_out,
        coalesce(
            too_small,
            case when site_id is null then 'without site' when not has_site then 'without exposure' end
        ) as left_out_at_site
    from judged
)
select * from final order by month, incident_id;
