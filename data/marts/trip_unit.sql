-- One row a trip, or a shipment that stands for its own: when it departed and arrived, and whether it carried goods.
-- `trip_no` is made of its name alone, so that no other trip moves it; two of ten million share one with a chance of
-- one in a hundred thousand.
create or replace table trip_unit as
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
units as (
    select
        true as is_trip, t.trip_id, coalesce(t.carrier_id, g.carrier_id) as carrier_id,
        coalesce(t.lane_id, g.lane_id) as lane_id, coalesce(t.mode, l.mode, g.mode) as mode,
        coalesce(t.departed_at, g.departed_at) as departed_at, coalesce(t.arrived_at, g.delivered_at) as arrived_at,
        g.scheduled_at, g.delivered_at, g.sent_on, coalesce(g.shipments, 0) as shipments,
        g.shipments is not null or not k.goods_are_listed as has_goods
    from trip as t
    cross join trip_listing as k
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
final as (
    select
        number_of(u.is_trip, u.trip_id) as trip_no,
        u.* replace (case when u.arrived_at > u.departed_at then u.arrived_at end as arrived_at),
        coalesce(
            lower(u.mode) like 'air%' or lower(u.mode) in ('sea', 'ocean', 'ship', 'vessel', 'maritime'), false
        ) as no_signal
    from units as u
)
select * from final order by departed_at, trip_no;
