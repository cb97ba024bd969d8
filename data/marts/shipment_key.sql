-- Whose goods each shipment is, and how they go: what every event of a shipment is filtered by.
create or replace table shipment_key as
with
dated as (
    select s.*, coalesce(s.departed_at, s.delivered_at) as sent_at,
        timezone(f.timezone, timezone('UTC', coalesce(s.departed_at, s.delivered_at))) as written_at
    from shipment as s
    left join feed as f on s._feed = f.name
),
final as (
    select
        s.shipment_id,
        s.trip_id,
        s.insured_id,
        coalesce(s.carrier_id, t.carrier_id) as carrier_id,
        coalesce(s.lane_id, t.lane_id) as lane_id,
        s.commodity,
        coalesce(t.mode, l.mode) as mode,
        -- A time of exactly midnight, as the feed wrote it, is a date: it is not shifted to another zone's day.
        case
            when s.written_at::time = time '00:00:00' then s.written_at
            else timezone(getvariable('reporting_timezone'), timezone('UTC', s.sent_at))
        end::date as sent_on
    from dated as s
    left join trip as t on s.trip_id = t.trip_id
    left join lane as l on coalesce(s.lane_id, t.lane_id) = l.lane_id
)
select * from final;
