-- One row a claim: where, whose, and how much, by the month of its loss.
create or replace table claim_fact as
with
reached as (
    select
        c.*,
        coalesce(c.insured_id, p.insured_id, i.insured_id, s.insured_id) as of_insured,
        coalesce(s.carrier_id, i.carrier_id) as of_carrier,
        coalesce(s.lane_id, i.lane_id) as of_lane,
        coalesce(s.commodity, i.commodity) as of_commodity,
        coalesce(s.mode, i.mode) as of_mode,
        coalesce(c.site_id, i.site_id) as of_site,
        i.latitude as incident_latitude, i.longitude as incident_longitude, i.place_source as incident_source,
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date as reported_on
    from claim as c
    left join policy as p on c.policy_id = p.policy_id
    left join incident_fact as i on c.incident_id = i.incident_id
    left join shipment_key as s on c.shipment_id = s.shipment_id
),
placed as (
    select
        r.*,
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
        coalesce(c.paid_amount + coalesce(c.reserve_amount, 0), c.reserve_amount) as incurred_amount,
        (c.claimed_amount * r.rate)::decimal(18, 4) as claimed_base,
        (c.paid_amount * r.rate)::decimal(18, 4) as paid_base,
        ((coalesce(c.paid_amount + coalesce(c.reserve_amount, 0), c.reserve_amount)) * r.rate)::decimal(18, 4) as incurred_base,
        (c.claimed_amount * q.rate)::decimal(18, 4) as claimed_plan,
        (c.paid_amount * q.rate)::decimal(18, 4) as paid_plan,
        ((coalesce(c.paid_amount + coalesce(c.reserve_amount, 0), c.reserve_amount)) * q.rate)::decimal(18, 4) as incurred_plan
    from placed as c
    left join place as g on round(c.lat, 4) = g.latitude and round(c.lon, 4) = g.longitude
    left join exchange_rate as r
        on c.currency = r.currency and c.dated_on >= r.valid_from and c.dated_on < r.valid_to
    left join exchange_rate as q
        on c.currency = q.currency
        and getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to
)
select * from final order by month, claim_id;
