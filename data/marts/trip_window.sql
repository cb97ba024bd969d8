-- The window of each trip in which signals are due, and how it ends.
create or replace table trip_window as
with
-- Without an arrival something else has to say when it ended.
unended as (
    select trip_no, is_trip, trip_id, departed_at from trip_unit where arrived_at is null
),
carried as (
    select u.trip_no, u.departed_at, s.shipment_id
    from unended as u
    join shipment as s on u.is_trip and u.trip_id = s.trip_id
    union all
    select trip_no, departed_at, trip_id from unended where not is_trip
),
struck as (
    select c.trip_no, c.departed_at, f.occurred_at
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    join carried as c on i.shipment_id = c.shipment_id
    where not f.is_attempt
    union all
    select u.trip_no, u.departed_at, f.occurred_at
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    join unended as u on u.is_trip and i.trip_id = u.trip_id
    where not f.is_attempt
),
lost as (
    select trip_no, min(occurred_at) as lost_at from struck where occurred_at > departed_at group by trip_no
),
scanned as (
    select c.trip_no, max(e.scanned_at) as scanned_at
    from carried as c
    join scan as e on c.shipment_id = e.shipment_id and e.scanned_at > c.departed_at
    group by c.trip_no
),
bounded as (
    select
        u.*, x.lost_at, c.scanned_at,
        coalesce(u.scheduled_at, u.departed_at + a.took_ms * interval 1 millisecond)
            + p.after_schedule_s * interval 1 second as given_up_at,
        (select data_date + interval 1 day from snapshot) as known_until
    from trip_unit as u
    cross join sla_schedule as p
    left join lane_usual as a on u.lane_id = a.lane_id
    left join lost as x on u.trip_no = x.trip_no
    left join scanned as c on u.trip_no = c.trip_no
),
-- A trip still under way is due until the data end; without any sign of an end there is no window.
ended as (
    select
        *,
        case
            when arrived_at is not null then arrived_at
            when coalesce(lost_at, scanned_at, given_up_at) is not null
                then least(lost_at, scanned_at, given_up_at, known_until)
        end as ends_at
    from bounded
),
final as (
    select
        e.trip_no, e.trip_id, e.is_trip, e.carrier_id, e.lane_id, e.mode, coalesce(l.segment, 'line haul') as segment,
        e.departed_at, e.arrived_at, e.scheduled_at, e.ends_at,
        case
            when e.arrived_at is not null then 'arrival'
            when e.ends_at = e.lost_at then 'incident'
            when e.ends_at = e.scanned_at then 'last scan'
            when e.ends_at = e.given_up_at then 'schedule'
            when e.ends_at is not null then 'under way'
        end as ended_by,
        e.shipments, e.has_goods, e.no_signal,
        e.has_goods and not e.no_signal and coalesce(e.ends_at > e.departed_at, false) as is_scored,
        -- From when on nothing is on board any more.
        coalesce(case when e.delivered_at < e.ends_at then e.delivered_at end, e.ends_at) as goods_until,
        -- Of the place of departure: how far its clocks are ahead of UTC.
        (epoch_ms(timezone(coalesce(o.time_zone, 'UTC'), timezone('UTC', e.departed_at))) - epoch_ms(e.departed_at))
            // 1000 as utc_offset_s,
        l.destination_site_id,
        o.latitude as origin_latitude, o.longitude as origin_longitude,
        coalesce(
            timezone(getvariable('reporting_timezone'), timezone('UTC', e.departed_at))::date, e.sent_on
        ) as departed_on
    from ended as e
    left join lane_key as l on e.lane_id = l.lane_id
    left join site_place as o on l.origin_site_id = o.site_id
)
select * from final order by departed_on, trip_no;
