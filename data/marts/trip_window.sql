-- One row a trip, or a shipment that stands for its own: the window in which signals are due, and how it ends.
create or replace table trip_window as
with
-- A shipment whose trip nobody listed is its own trip.
goods as (
    select
        t.trip_id is not null as is_trip, coalesce(t.trip_id, s.shipment_id) as trip_id, s.shipment_id,
        k.carrier_id, k.lane_id, k.mode, s.departed_at, s.delivered_at, s.scheduled_at, k.sent_on
    from shipment as s
    join shipment_key as k on s.shipment_id = k.shipment_id
    left join trip as t on s.trip_id = t.trip_id
),
loads as (
    select
        is_trip, trip_id, min(carrier_id) as carrier_id, min(lane_id) as lane_id, min(mode) as mode,
        count(*) as shipments, min(departed_at) as departed_at, max(scheduled_at) as scheduled_at,
        min(sent_on) as sent_on,
        case when count(delivered_at) = count(*) then max(delivered_at) end as delivered_at
    from goods
    group by is_trip, trip_id
),
-- Where nobody says which goods were on which trip, every trip is taken to carry some.
listed as (
    select count(*) > 0 as goods_are_listed from loads where is_trip
),
units as (
    select
        true as is_trip, t.trip_id, coalesce(t.carrier_id, g.carrier_id) as carrier_id,
        coalesce(t.lane_id, g.lane_id) as lane_id, coalesce(t.mode, l.mode, g.mode) as mode,
        coalesce(t.departed_at, g.departed_at) as departed_at, coalesce(t.arrived_at, g.delivered_at) as arrived_at,
        g.scheduled_at, g.delivered_at, g.sent_on, coalesce(g.shipments, 0) as shipments,
        g.shipments is not null or not k.goods_are_listed as has_goods
    from trip as t
    cross join listed as k
    left join loads as g on g.is_trip and t.trip_id = g.trip_id
    left join lane as l on coalesce(t.lane_id, g.lane_id) = l.lane_id
    union all
    select
        false, trip_id, carrier_id, lane_id, mode, departed_at, delivered_at, scheduled_at, delivered_at, sent_on,
        shipments, true
    from loads
    where not is_trip
),
-- An arrival that is not after the departure is none.
timed as (
    select
        u.* replace (case when u.arrived_at > u.departed_at then u.arrived_at end as arrived_at),
        coalesce(
            lower(u.mode) like 'air%' or lower(u.mode) in ('sea', 'ocean', 'ship', 'vessel', 'maritime'), false
        ) as no_signal
    from units as u
),
-- What a lane usually takes stands in where nobody promised a time.
usual as (
    select lane_id, median(epoch_ms(arrived_at) - epoch_ms(departed_at))::bigint as took_ms
    from timed
    where arrived_at is not null
    group by lane_id
),
struck as (
    select g.is_trip, g.trip_id, f.occurred_at
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    join goods as g on i.shipment_id = g.shipment_id
    where not f.is_attempt
    union all
    select true, i.trip_id, f.occurred_at
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    where not f.is_attempt and i.trip_id is not null
),
lost as (
    select u.is_trip, u.trip_id, min(x.occurred_at) as lost_at
    from timed as u
    join struck as x on u.is_trip = x.is_trip and u.trip_id = x.trip_id and x.occurred_at > u.departed_at
    where u.arrived_at is null
    group by u.is_trip, u.trip_id
),
scanned as (
    select u.is_trip, u.trip_id, max(c.scanned_at) as scanned_at
    from timed as u
    join goods as g on u.is_trip = g.is_trip and u.trip_id = g.trip_id
    join scan as c on g.shipment_id = c.shipment_id and c.scanned_at > u.departed_at
    where u.arrived_at is null
    group by u.is_trip, u.trip_id
),
bounded as (
    select
        u.*, x.lost_at, c.scanned_at,
        coalesce(u.scheduled_at, u.departed_at + a.took_ms * interval 1 millisecond)
            + p.after_schedule_s * interval 1 second as given_up_at,
        (select data_date + interval 1 day from snapshot) as known_until
    from timed as u
    cross join sla_schedule as p
    left join usual as a on u.lane_id = a.lane_id
    left join lost as x on u.is_trip = x.is_trip and u.trip_id = x.trip_id
    left join scanned as c on u.is_trip = c.is_trip and u.trip_id = c.trip_id
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
        row_number() over (order by e.is_trip desc, e.trip_id) as trip_no,
        e.trip_id, e.is_trip, e.carrier_id, e.lane_id, e.mode, coalesce(l.segment, 'line haul') as segment,
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
select * from final order by trip_no;
