-- Devices that were never assigned to anything: how they did on each day between their first and last fix. It says that a
-- device works, not that goods were watched: never scored.
create or replace table device_day as
with
heard as (
    select p.device_id, p.pinged_at,
        timezone(getvariable('reporting_timezone'), timezone('UTC', p.pinged_at))::date as on_day
    from ping as p
    where coalesce(p.valid, true)
        and p.device_id not in (select device_id from device_assignment where device_id is not null)
),
followed as (
    select device_id, on_day, epoch_ms(pinged_at) as fixed_ms,
        lag(epoch_ms(pinged_at)) over due as last_ms,
        min(epoch_ms(pinged_at)) over (partition by device_id, on_day) as first_ms
    from heard
    window due as (partition by device_id, on_day order by pinged_at)
),
spaced as (
    select
        f.device_id, f.on_day, f.fixed_ms, f.first_ms, p.interval_s, p.blackout_gap_s,
        (f.fixed_ms - f.last_ms) / 1000.0 as gap_s,
        (f.fixed_ms - f.last_ms) / 1000.0 - p.interval_s as after_s,
        (f.fixed_ms - f.first_ms) // (1000 * p.interval_s) as slot,
        (f.last_ms - f.first_ms) // (1000 * p.interval_s) as last_slot
    from followed as f
    cross join sla_schedule as p
),
gathered as (
    select
        device_id, on_day, count(*) as fixes,
        make_timestamp_ms(min(first_ms)) as first_at, make_timestamp_ms(max(fixed_ms)) as last_at,
        (max(fixed_ms) - min(first_ms)) / 1000.0 as window_s,
        greatest((max(fixed_ms) - min(first_ms)) // (1000 * any_value(interval_s)), 1) as slots_due,
        count(*) filter (slot is distinct from last_slot) as slots, max(slot) as last_slot,
        max(gap_s) as longest_gap_s,
        count(*) filter (gap_s <= 60) as gaps_60,
        count(*) filter (gap_s > 60 and gap_s <= 300) as gaps_300,
        count(*) filter (gap_s > 300 and gap_s <= 600) as gaps_600,
        count(*) filter (gap_s > 600 and gap_s <= 900) as gaps_900,
        count(*) filter (gap_s > 900 and gap_s <= 1200) as gaps_1200,
        count(*) filter (gap_s > 1200 and gap_s <= 1800) as gaps_1800,
        count(*) filter (gap_s > 1800 and gap_s <= 3600) as gaps_3600,
        count(*) filter (gap_s > 3600 and gap_s <= 14400) as gaps_14400,
        count(*) filter (gap_s > 14400) as gaps_more,
        count(*) filter (gap_s > blackout_gap_s) as blackouts,
        coalesce(sum(after_s) filter (gap_s > blackout_gap_s), 0) as dark_s
    from spaced
    group by device_id, on_day
),
final as (
    select
        g.* exclude (slots, last_slot),
        g.slots - case when g.last_slot >= g.slots_due then 1 else 0 end as slots_fixed,
        date_trunc('month', g.on_day)::date as month
    from gathered as g
)
select * from final order by on_day, device_id;
