-- One row a blackout of a trip: from when to when, for how long of the time in which signals were due, and where it was
-- last heard. A lead-in begins where the trip does.
create or replace table trip_blackout as
with
spans as (
    select s.trip_no, unnest(s.dark_spans) as span from trip_signal as s where s.trip_no > 0 and s.blackouts > 0
),
lasting as (
    select
        trip_no, span.last_ms as last_ms, span.next_ms as next_ms, span.dark_s as dark_s, span.is_tail as is_tail,
        span.latitude / 10000.0 as latitude, span.longitude / 10000.0 as longitude,
        -- By the third digit, as positions were coded.
        ((abs(span.latitude) + 5) // 10 * sign(span.latitude)) / 1000.0 as coded_latitude,
        ((abs(span.longitude) + 5) // 10 * sign(span.longitude)) / 1000.0 as coded_longitude,
        case
            when span.last_ms is null and span.is_tail then 'whole trip'
            when span.last_ms is null then 'lead-in'
            when span.is_tail then 'tail'
            else 'gap'
        end as kind
    from spans
),
-- Back from the clock of due time to that of the day.
clocked as (
    select
        l.*,
        coalesce(max(f.from_ms + l.last_ms - f.clock_ms), min(n.from_ms)) as started_ms,
        max(n.from_ms + l.next_ms - n.clock_ms) as ended_ms
    from lasting as l
    left join trip_stretch as f
        on l.trip_no = f.trip_no and l.last_ms >= f.clock_ms and l.last_ms <= f.clock_ms + f.to_ms - f.from_ms
    join trip_stretch as n
        on l.trip_no = n.trip_no and l.next_ms >= n.clock_ms and n.clock_ms <= l.next_ms
        and (l.last_ms is null or l.next_ms <= n.clock_ms + n.to_ms - n.from_ms)
    group by all
),
final as (
    select
        w.trip_no, w.trip_id, w.is_trip, date_trunc('month', w.departed_on)::date as month, k.kind,
        make_timestamp_ms(k.started_ms) as last_heard_at, make_timestamp_ms(k.ended_ms) as heard_again_at,
        k.dark_s,
        -- Of a lead-in: where the trip departs.
        coalesce(k.latitude, w.origin_latitude) as latitude, coalesce(k.longitude, w.origin_longitude) as longitude,
        coalesce(c.cell_3, o.cell_3) as cell_3, coalesce(c.cell_5, o.cell_5) as cell_5,
        coalesce(c.cell_7, o.cell_7) as cell_7
    from clocked as k
    join trip_window as w on k.trip_no = w.trip_no
    left join ping_cell as c on k.coded_latitude = c.latitude and k.coded_longitude = c.longitude
    left join place as o
        on k.latitude is null
        and round(w.origin_latitude, 4) = o.latitude and round(w.origin_longitude, 4) = o.longitude
)
select * from final order by trip_no, last_heard_at;
