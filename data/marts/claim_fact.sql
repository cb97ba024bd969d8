-- One row a claim: where, whose, and how much, by the month of its loss.
create or replace table claim_fact as
with
owned as (
    select c.*, coalesce(c.insured_id, p.insured_id, i.insured_id, s.insured_id) as of_insured
    from claim as c
    left join policy as p on c.policy_id = p.policy_id
    left join incident_fact as i on c.incident_id = i.incident_id
    left join shipment_key as s on c.shipment_id = s.shipment_id
),
reached as (
    select
        c.*,
        coalesce(s.carrier_id, i.carrier_id) as of_carrier,
        coalesce(s.lane_id, i.lane_id) as of_lane,
        coalesce(s.commodity, i.commodity) as of_commodity,
        coalesce(s.mode, i.mode) as of_mode,
        coalesce(c.site_id, i.site_id) as of_site,
        i.latitude as incident_latitude, i.longitude as incident_longitude, i.place_source as incident_source,
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date as reported_on
    from owned as c
    -- An incident or shipment of another account says nothing of this one's goods.
    left join incident_fact as i
        on c.incident_id = i.incident_id and coalesce(i.insured_id, c.of_insured) is not distinct from c.of_insured
    left join shipment_key as s on c.shipment_id = s.shipment_id and s.insured_id = c.of_insured
),
placed as (
    select
        r.*,
        coalesce(
            r.paid_amount::decimal(38, 4) + coalesce(r.reserve_amount, 0), r.reserve_amount::decimal(38, 4)
        ) as incurred,
        coalesce(r.loss_date, r.reported_on) as dated_on,
        coalesce(p.latitude, r.incident_latitude) as lat,
        coalesce(p.longitude, r.incident_longitude) as lon,
        case
            when p.coordinate_source = 'given' then 'site'
            when p.latitude is not null then p.coordinate_source
            else r.incident_source
        end as place_source
    from reached as r
    left join site_place as p on r.of_site = p.site_id
),
final as (
    select
        c.claim_id, c.of_insured as insured_id, c.of_carrier as carrier_id, c.of_lane as lane_id, c.of_site as site_id,
        c.incident_id, c.of_commodity as commodity, c.of_mode as mode,
        date_trunc('month', c.dated_on)::date as month,
        date_trunc('month', c.reported_on)::date as reported_month,
        c.cause, c.status, c.kind, c.lat as latitude, c.lon as longitude, c.place_source,
        case when c.place_source <> 'country' then g.cell_3 end as cell_3,
        case when c.place_source <> 'country' then g.cell_5 end as cell_5,
        case when c.place_source <> 'country' then g.cell_7 end as cell_7,
        1 as claims, c.currency, c.claimed_amount, c.paid_amount,
        c.incurred as incurred_amount,
        in_base(c.claimed_amount, r.rate) as claimed_base,
        in_base(c.paid_amount, r.rate) as paid_base,
        in_base(c.incurred, r.rate) as incurred_base,
        in_base(c.claimed_amount, q.rate) as claimed_plan,
        in_base(c.paid_amount, q.rate) as paid_plan,
        in_base(c.incurred, q.rate) as incurred_plan
    from placed as c
    left join place as g on round(c.lat, 4) = g.latitude and round(c.lon, 4) = g.longitude
    left join exchange_rate as r
        on c.currency = r.currency
        and (r.currency = getvariable('base_currency') or (c.dated_on >= r.valid_from and c.dated_on < r.valid_to))
    left join exchange_rate as q
        on c.currency = q.currency
        and (
            q.currency = getvariable('base_currency')
            or (getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to)
        )
)
select * from final order by month, claim_id;
