-- One row an incident: where, when in the place's own time, whose, and how much.
create or replace table incident_fact as
with
reached as (
    select
        i.*,
        coalesce(i.occurred_from, i.occurred_to) as occurred_at,
        coalesce(i.insured_id, s.insured_id) as of_insured,
        coalesce(s.carrier_id, t.carrier_id) as of_carrier,
        coalesce(i.lane_id, s.lane_id, t.lane_id) as of_lane,
        s.commodity as of_commodity,
        coalesce(s.mode, t.mode) as of_mode
    from incident as i
    left join shipment_key as s on i.shipment_id = s.shipment_id
    left join trip as t on i.trip_id = t.trip_id
),
placed as (
    select
        r.*,
        coalesce(r.of_mode, l.mode) as mode_of_lane,
        coalesce(r.latitude, p.latitude) as lat,
        coalesce(r.longitude, p.longitude) as lon,
        case
            when r.latitude is not null and r.longitude is not null then 'given'
            when p.coordinate_source = 'given' then 'site'
            else p.coordinate_source
        end as place_source,
        p.time_zone as site_zone,
        f.timezone as feed_zone,
        timezone(f.timezone, timezone('UTC', r.occurred_at)) as written_at
    from reached as r
    left join lane as l on r.of_lane = l.lane_id
    left join site_place as p on r.site_id = p.site_id
    left join feed as f on r._feed = f.name
),
coded as (
    select
        p.*, c.cell_3, c.cell_5, c.cell_7,
        -- A time of exactly midnight, as the feed wrote it, is a date without a time of day.
        p.written_at::time = time '00:00:00' as date_only,
        -- A point that stands for a whole country says nothing of its clocks.
        coalesce(
            p.site_zone, case when p.place_source <> 'country' then c.time_zone end, p.feed_zone, 'UTC'
        ) as place_zone
    from placed as p
    left join place as c on round(p.lat, 4) = c.latitude and round(p.lon, 4) = c.longitude
),
dated as (
    select *,
        case when date_only then written_at else timezone(place_zone, timezone('UTC', occurred_at)) end as local_at,
        timezone(getvariable('reporting_timezone'), timezone('UTC', occurred_at)) as reported_local
    from coded
),
final as (
    select
        d.incident_id, d.of_insured as insured_id, d.of_carrier as carrier_id, d.of_lane as lane_id, d.site_id,
        d.of_commodity as commodity, d.mode_of_lane as mode,
        date_trunc('month', d.reported_local)::date as month,
        d.source, d.status, d.category,
        coalesce(contains(lower(d.category), 'attempt'), false) as is_attempt,
        d.modus_operandi, d.location_kind, d.occurred_at, d.local_at,
        isodow(d.local_at)::integer as weekday,
        case when not d.date_only then hour(d.local_at)::integer end as hour,
        d.lat as latitude, d.lon as longitude, d.place_source,
        case when d.place_source <> 'country' then d.cell_3 end as cell_3,
        case when d.place_source <> 'country' then d.cell_5 end as cell_5,
        case when d.place_source <> 'country' then d.cell_7 end as cell_7,
        1 as incidents, d.currency, d.loss_amount,
        (d.loss_amount * r.rate)::decimal(18, 4) as loss_base,
        (d.loss_amount * q.rate)::decimal(18, 4) as loss_plan,
        (d.goods_recovered_amount * r.rate)::decimal(18, 4) as recovered_base
    from dated as d
    left join exchange_rate as r
        on d.currency = r.currency and d.occurred_at::date >= r.valid_from and d.occurred_at::date < r.valid_to
    left join exchange_rate as q
        on d.currency = q.currency
        and getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to
)
select * from final order by month, incident_id;
