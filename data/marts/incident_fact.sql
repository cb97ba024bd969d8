-- One row an incident: where, when in the place's own time, whose, and how much.
create or replace table incident_fact as
with
carried as (
    -- Whose goods a trip carried, where they were of one account alone, and which, where of one kind alone.
    select trip_id, if(count(distinct insured_id) = 1, min(insured_id), null) as insured_id, min(carrier_id) as carrier_id,
        if(count(distinct lane_id) = 1, min(lane_id), null) as lane_id,
        if(count(distinct commodity) = 1, min(commodity), null) as commodity,
        if(count(distinct mode) = 1, min(mode), null) as mode
    from trip_key
    group by trip_id
),
reached as (
    select
        i.*,
        coalesce(i.occurred_from, i.occurred_to) as occurred_at,
        coalesce(i.insured_id, s.insured_id, t.insured_id) as of_insured,
        coalesce(s.carrier_id, t.carrier_id) as of_carrier,
        coalesce(i.lane_id, s.lane_id, t.lane_id) as of_lane,
        coalesce(s.commodity, t.commodity) as of_commodity,
        coalesce(s.mode, t.mode) as of_mode
    from incident as i
    left join shipment_key as s
        -- A shipment of another account says nothing of this one's goods.
        on i.shipment_id = s.shipment_id and coalesce(i.insured_id, s.insured_id) = s.insured_id
    left join carried as t
        on i.trip_id = t.trip_id and (t.insured_id is null or coalesce(i.insured_id, t.insured_id) = t.insured_id)
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
        case
            when date_only then written_at else timezone(getvariable('reporting_timezone'), timezone('UTC', occurred_at))
        end as reported_local
    from coded
),
final as (
    select
        d.incident_id, d.of_insured as insured_id, d.of_carrier as carrier_id, d.of_lane as lane_id, d.site_id,
        d.of_commodity as commodity, d.mode_of_lane as mode,
        date_trunc('month', d.reported_local)::date as month, d.reported_local::date as reported_on,
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
        in_base(d.loss_amount, r.rate) as loss_base,
        in_base(d.loss_amount, q.rate) as loss_plan,
        in_base(d.goods_recovered_amount, r.rate) as recovered_base
    from dated as d
    left join exchange_rate as r
        on d.currency = r.currency
        and (
            r.currency = getvariable('base_currency')
            or (d.reported_local::date >= r.valid_from and d.reported_local::date < r.valid_to)
        )
    left join exchange_rate as q
        on d.currency = q.currency
        and (
            q.currency = getvariable('base_currency')
            or (getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to)
        )
)
select * from final order by month, incident_id;
