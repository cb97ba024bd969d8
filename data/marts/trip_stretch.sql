-- The parts of each window in which signals are due, laid end to end: what secured sites and maintenance take out has no
-- time of its own, so that it neither mends a gap nor makes one.
create or replace table trip_stretch as
with
windows as (
    select trip_no, trip_id, is_trip, departed_at, ends_at, goods_until, date_trunc('month', departed_on) as month,
        epoch_ms(departed_at) as from_ms, epoch_ms(ends_at) as to_ms, utc_offset_s
    from trip_window
    where is_scored
),
-- Only a stop that is known to have ended is taken out: until when the goods were safe is not known of any other.
secured as (
    select
        w.trip_no, greatest(epoch_ms(p.arrived_at), w.from_ms) as from_ms, least(epoch_ms(p.left_at), w.to_ms) as to_ms
    from windows as w
    join stop as p on w.is_trip and w.trip_id = p.trip_id and p.arrived_at < w.ends_at and p.left_at > w.departed_at
    left join site as s on p.site_id = s.site_id
    where coalesce(p.secured, s.secured, false)
),
worn as (
    select trip_no, min(device_id) as device_id, count(distinct device_id) as devices from trip_device group by trip_no
),
-- What maintenance may take out at most: a share of the time for which the device was due in that month.
allowed as (
    select d.device_id, w.month, p.maintenance_share * sum(w.to_ms - w.from_ms) as most_ms
    from windows as w
    join worn as d on w.trip_no = d.trip_no
    cross join sla_schedule as p
    group by d.device_id, w.month, p.maintenance_share
),
claimed as (
    select
        w.trip_no, d.device_id, w.month,
        greatest(epoch_ms(m.starts_at), epoch_ms(w.goods_until)) as from_ms,
        least(epoch_ms(m.ends_at), w.to_ms) as to_ms
    from windows as w
    join worn as d on w.trip_no = d.trip_no and d.devices = 1
    cross join sla_schedule as p
    join maintenance as m
        on d.device_id = m.device_id and m.announced_at <= m.starts_at - p.notice_s * interval 1 second
        -- With goods on board nothing is maintained.
        and m.starts_at < w.ends_at and m.ends_at > w.goods_until
),
spent as (
    select c.*, a.most_ms,
        sum(c.to_ms - c.from_ms) over (
            partition by c.device_id, c.month order by c.from_ms, c.to_ms, c.trip_no
            rows between unbounded preceding and current row
        ) as so_far_ms
    from claimed as c
    join allowed as a on c.device_id = a.device_id and c.month = a.month
),
granted as (
    select trip_no, from_ms,
        from_ms + greatest(least(to_ms - from_ms, most_ms - (so_far_ms - (to_ms - from_ms))), 0)::bigint as to_ms
    from spent
),
out as (
    select trip_no, from_ms, to_ms, true as is_secured from secured
    union all
    select trip_no, from_ms, to_ms, false from granted where to_ms > from_ms
),
ordered as (
    select o.*, w.from_ms as window_from_ms,
        max(o.to_ms) over (
            partition by o.trip_no order by o.from_ms, o.to_ms rows between unbounded preceding and 1 preceding
        ) as free_from_ms
    from out as o
    join windows as w on o.trip_no = w.trip_no
),
pieces as (
    select trip_no, coalesce(free_from_ms, window_from_ms) as from_ms, from_ms as to_ms
    from ordered
    where from_ms > coalesce(free_from_ms, window_from_ms)
    union all
    select w.trip_no, coalesce(max(o.to_ms), w.from_ms), w.to_ms
    from windows as w
    left join out as o on w.trip_no = o.trip_no
    group by w.trip_no, w.from_ms, w.to_ms
    having w.to_ms > coalesce(max(o.to_ms), w.from_ms)
),
clocked as (
    select p.trip_no, p.from_ms, p.to_ms,
        -- The clock on which gaps are measured: due time since departure.
        coalesce(
            sum(p.to_ms - p.from_ms) over (
                partition by p.trip_no order by p.from_ms rows between unbounded preceding and 1 preceding
            ), 0
        )::bigint as clock_ms,
        w.utc_offset_s + p.from_ms // 1000 as from_s, w.utc_offset_s + p.to_ms // 1000 as to_s
    from pieces as p
    join windows as w on p.trip_no = w.trip_no
),
-- By quarter of the day at the place of departure; what each weighs changes with every theft, so that is left open.
final as (
    select trip_no, from_ms, to_ms, clock_ms,
        seconds_within(from_s, to_s, 0) as night_s, seconds_within(from_s, to_s, 21600) as morning_s,
        seconds_within(from_s, to_s, 43200) as afternoon_s, seconds_within(from_s, to_s, 64800) as evening_s
    from clocked
)
select * from final order by trip_no, from_ms;
