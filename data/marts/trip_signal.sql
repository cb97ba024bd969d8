-- The one pass over the pings: fixes and gaps of each window on its own clock (trip_watch). A fix counts by its own time,
-- whenever it was received, in whatever order; one that the device itself doubts does not count.
create or replace table trip_signal as
with
-- An equal join by day keeps the match of pings to windows linear.
watched as (
    select trip_no, device_id, from_ms, to_ms, clock_ms,
        unnest(generate_series(from_ms // 86400000, to_ms // 86400000)) as day
    from trip_watch
),
windows as (
    select trip_no, sum(to_ms - from_ms)::bigint as window_ms
    from trip_stretch
    where trip_no in (select trip_no from trip_device)
    group by trip_no
    union all
    select loss_no, to_ms - from_ms from trip_loss
),
heard as (
    select
        device_id, epoch_ms(pinged_at) as fixed_ms, coalesce(epoch_ms(received_at) - epoch_ms(pinged_at), 0) as late_ms,
        latitude as exact_latitude, longitude as exact_longitude,
        (latitude * 10000)::integer as latitude, (longitude * 10000)::integer as longitude
    from ping
    where coalesce(valid, true)
),
-- A fourth digit of 5 must not round the other way than the fix itself, by whose third its cell was coded.
located as (
    select device_id, fixed_ms, late_ms,
        case
            when abs(latitude) % 10 = 5 and abs(round(exact_latitude, 3)) * 10000 < abs(latitude)
                then latitude - sign(latitude)
            else latitude
        end::integer as latitude,
        case
            when abs(longitude) % 10 = 5 and abs(round(exact_longitude, 3)) * 10000 < abs(longitude)
                then longitude - sign(longitude)
            else longitude
        end::integer as longitude
    from heard
),
-- The end of each window stands in its row of fixes as one without a place, so that the tail is a gap like any other.
fixes as (
    select w.trip_no, w.clock_ms + h.fixed_ms - w.from_ms as clock_ms, h.late_ms > 600000 as is_late, h.latitude,
        h.longitude
    from located as h
    join watched as w
        on h.device_id = w.device_id and h.fixed_ms // 86400000 = w.day
        and h.fixed_ms >= w.from_ms and h.fixed_ms < w.to_ms
    union all
    select trip_no, window_ms, false, null, null from windows
),
followed as (
    select
        trip_no, clock_ms, is_late, latitude is null as is_end,
        lag(clock_ms) over due as last_ms, lag(latitude) over due as last_latitude, lag(longitude) over due as last_longitude
    from fixes
    window due as (partition by trip_no order by clock_ms, latitude nulls last, longitude)
),
-- Nothing vouches for the time before the first fix: a lead-in is dark from the start, any other gap after one interval.
-- Whole milliseconds add up to the same sum in whatever order they come.
spaced as (
    select
        f.*, f.clock_ms // (1000 * p.interval_s) as slot, f.last_ms // (1000 * p.interval_s) as last_slot,
        f.clock_ms - coalesce(f.last_ms, 0) as gap_ms,
        greatest(
            f.clock_ms - coalesce(f.last_ms, 0) - case when f.last_ms is null then 0 else 1000 * p.interval_s end, 0
        ) as after_ms,
        p.interval_s, 1000 * p.blackout_gap_s as blackout_gap_ms
    from followed as f
    cross join sla_schedule as p
),
gathered as (
    select
        trip_no,
        max(clock_ms) as window_ms,
        count(*) filter (not is_end) as fixes,
        count(*) filter (is_late) as late_fixes,
        count(*) filter (not is_end and slot is distinct from last_slot) as slots,
        max(slot) filter (not is_end) as last_slot,
        max(gap_ms) / 1000.0 as longest_gap_s,
        count(*) filter (gap_ms <= 60000) as gaps_60,
        count(*) filter (gap_ms > 60000 and gap_ms <= 300000) as gaps_300,
        count(*) filter (gap_ms > 300000 and gap_ms <= 600000) as gaps_600,
        count(*) filter (gap_ms > 600000 and gap_ms <= 900000) as gaps_900,
        count(*) filter (gap_ms > 900000 and gap_ms <= 1200000) as gaps_1200,
        count(*) filter (gap_ms > 1200000 and gap_ms <= 1800000) as gaps_1800,
        count(*) filter (gap_ms > 1800000 and gap_ms <= 3600000) as gaps_3600,
        count(*) filter (gap_ms > 3600000 and gap_ms <= 14400000) as gaps_14400,
        count(*) filter (gap_ms > 14400000) as gaps_more,
        sum(after_ms) filter (gap_ms > 300000 and gap_ms <= 600000) / 1000.0 as dark_600,
        sum(after_ms) filter (gap_ms > 600000 and gap_ms <= 900000) / 1000.0 as dark_900,
        sum(after_ms) filter (gap_ms > 900000 and gap_ms <= 1200000) / 1000.0 as dark_1200,
        sum(after_ms) filter (gap_ms > 1200000 and gap_ms <= 1800000) / 1000.0 as dark_1800,
        sum(after_ms) filter (gap_ms > 1800000 and gap_ms <= 3600000) / 1000.0 as dark_3600,
        sum(after_ms) filter (gap_ms > 3600000 and gap_ms <= 14400000) / 1000.0 as dark_14400,
        sum(after_ms) filter (gap_ms > 14400000) / 1000.0 as dark_more,
        sum(after_ms) filter (gap_ms > blackout_gap_ms) / 1000.0 as dark_s,
        max(after_ms) filter (gap_ms > blackout_gap_ms) / 1000.0 as longest_dark_s,
        count(*) filter (gap_ms > blackout_gap_ms) as blackouts,
        list(
            struct_pack(
                last_ms := last_ms, next_ms := clock_ms, dark_s := after_ms / 1000.0, is_tail := is_end,
                latitude := last_latitude, longitude := last_longitude
            ) order by clock_ms
        ) filter (gap_ms > blackout_gap_ms) as dark_spans,
        any_value(interval_s) as interval_s
    from spaced
    group by trip_no
),
-- Slots are due where they fit whole into the window; a shorter one has one. A fix in what is left over fills none.
final as (
    select
        g.* exclude (slots, last_slot, interval_s, dark_s, longest_dark_s, window_ms),
        g.window_ms / 1000.0 as window_s,
        greatest(g.window_ms // (1000 * g.interval_s), 1) as slots_due,
        g.slots - case
            when g.last_slot >= greatest(g.window_ms // (1000 * g.interval_s), 1) then 1 else 0
        end as slots_fixed,
        coalesce(g.dark_s, 0) as dark_s,
        coalesce(g.longest_dark_s, 0) as longest_dark_s
    from gathered as g
)
select * from final order by trip_no;
