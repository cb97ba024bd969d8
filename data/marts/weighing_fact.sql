-- Weighings: one row a handling unit that was weighed against an expectation (kind 'weighed'), and one a weighing that was
-- required (kind 'required'). A unit weighed more than once matches only if it always did.
create or replace table weighing_fact as
with
weighed as (
    select
        c.shipment_id, c.handling_unit, max(c.scanned_at) as happened_at,
        arg_max(coalesce(c.scale_id, 'no scale at ' || coalesce(c.site_id, 'unknown place')), c.scanned_at) as scale,
        bool_and(
            abs(c.measured_weight_kg - c.expected_weight_kg)
            -- Half a gram, so that a difference of exactly the tolerance is not lost to binary fractions.
            <= greatest(0.02 * c.expected_weight_kg, coalesce(c.scale_resolution_kg, 0)) + 0.0005
        ) as is_match,
        bool_or(c.measured_weight_kg = c.expected_weight_kg) as is_equal
    from scan as c
    where c.measured_weight_kg is not null and c.expected_weight_kg is not null
    group by c.shipment_id, c.handling_unit
),
done as (
    select shipment_id, site_id, kind from scan where measured_weight_kg is not null group by all
),
required as (
    select p.shipment_id, p.due_at as happened_at, coalesce(p.site_id, 'unknown place') as scale,
        bool_or(d.shipment_id is not null) as is_done
    from planned_scan as p
    left join done as d
        on p.shipment_id = d.shipment_id and p.site_id is not distinct from d.site_id
        and (p.kind is null or d.kind is null or p.kind = d.kind)
    where p.weighing_required and p.due_at < (select data_date + interval 1 day from snapshot)
    group by p.shipment_id, p.site_id, p.kind, p.due_at
),
events as (
    select 'weighed' as kind, shipment_id, happened_at, scale, is_match, is_equal, null::boolean as is_done from weighed
    union all
    select 'required', shipment_id, happened_at, scale, null, null, is_done from required
),
final as (
    select
        e.kind, k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode, e.scale,
        timezone(getvariable('reporting_timezone'), timezone('UTC', e.happened_at))::date as weighed_on,
        date_trunc(
            'month', timezone(getvariable('reporting_timezone'), timezone('UTC', e.happened_at))
        )::date as month,
        count(*) as weighings, count(*) filter (e.is_match) as matched, count(*) filter (e.is_equal) as equal,
        count(*) filter (e.is_done) as done
    from events as e
    join shipment_key as k on e.shipment_id = k.shipment_id
    group by all
)
select * from final order by month, lane_id, kind;
