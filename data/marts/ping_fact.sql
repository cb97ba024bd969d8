-- Positions by device, cell and month; keys are those of the goods the device was with at that time, if any. Where goods
-- of several accounts or commodities shared the device, each has an equal part of the position.
create or replace table ping_fact as
with
worn as (
    select row_number() over () as wearing, * from device_key
),
-- A position looks for what its device was with among the assignments of its own week, not of all years.
weekly as (
    select
        w.wearing, w.device_id, w.attached_at, w.detached_at, w.part,
        unnest(
            generate_series(
                date_trunc('week', w.attached_at), coalesce(w.detached_at, l.pinged_at), interval 7 day
            )
        ) as week
    from worn as w, (select max(pinged_at) as pinged_at from ping) as l
),
counted as (
    select
        p.device_id, k.wearing, c.cell,
        case
            -- Away from its ends a month is the same in every time zone, and no clock has to be asked.
            when day(p.pinged_at) between 2 and 27 then date_trunc('month', p.pinged_at)
            else date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', p.pinged_at)))
        end::date as month,
        -- One assignment has one part: counted and then multiplied, it is the same in whatever order rows come.
        count(*) * coalesce(any_value(k.part), 1.0)::double as pings
    from ping as p
    left join ping_cell as c on round(p.latitude, 3) = c.latitude and round(p.longitude, 3) = c.longitude
    left join weekly as k
        on p.device_id = k.device_id and date_trunc('week', p.pinged_at) = k.week and p.pinged_at >= k.attached_at
        and (k.detached_at is null or p.pinged_at < k.detached_at)
    group by all
    -- Sorted while the rows are narrow.
    order by month, p.device_id
),
coded as (
    select distinct cell, cell_3, cell_5, cell_7 from ping_cell
),
final as (
    select
        n.device_id, w.insured_id, w.carrier_id, w.lane_id, w.commodity, w.mode, n.month, c.cell_3, c.cell_5, c.cell_7,
        n.pings
    from counted as n
    left join worn as w on n.wearing = w.wearing
    left join coded as c on n.cell = c.cell
)
select * from final;
