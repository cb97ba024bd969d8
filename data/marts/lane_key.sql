-- What each lane is: its name, its segment, and its corridor from region to region.
create or replace table lane_key as
with
located as (
    select
        site_id,
        coalesce(name, site_id) as label,
        country,
        coalesce(coalesce(country || '-', '') || region, country) as region,
        coalesce(region, country) as region_label
    from site_place
),
final as (
    select
        l.lane_id,
        coalesce(o.label, l.origin_site_id) || ' → ' || coalesce(d.label, l.destination_site_id) as label,
        l.mode,
        case when lower(s.kind) = 'customer' then 'last mile' else 'line haul' end as segment,
        l.origin_site_id,
        l.destination_site_id,
        o.region || ' > ' || d.region as corridor,
        case
            when o.country is not distinct from d.country then o.region_label || ' → ' || d.region_label
            else o.region || ' → ' || d.region
        end as corridor_label
    from lane as l
    left join located as o on l.origin_site_id = o.site_id
    left join located as d on l.destination_site_id = d.site_id
    left join site as s on l.destination_site_id = s.site_id
)
select * from final;
