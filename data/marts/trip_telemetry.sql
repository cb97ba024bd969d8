-- How well each trip was watched: one row a trip and kind of goods on it (account, carrier, lane, commodity, mode).
-- Times, slots and gaps are the trip's; `part` is the share of it that the row's goods are, so that sums of part x time
-- add up to the trip. Values, units and shipments are the row's own.
create or replace table trip_telemetry as
with
goods as (
    select
        t.trip_id is not null as is_trip, coalesce(t.trip_id, s.shipment_id) as trip_id, s.shipment_id,
        k.insured_id, k.carrier_id, k.lane_id, k.commodity, k.mode, k.sent_on, s.currency, s.declared_value,
        coalesce(nullif(s.handling_units, 0), 1) as parcels,
        -- The last mile's stand-in for a seal: a code or photo, taken at the place.
        coalesce(s.proof in ('otp', 'photo') and s.delivered_in_geofence, false) as is_proved
    from shipment as s
    join shipment_key as k on s.shipment_id = k.shipment_id
    left join trip as t on s.trip_id = t.trip_id
),
wearing as (
    select shipment_id from trip_device where shipment_id is not null group by shipment_id
),
-- A seal counts if it was put on before the goods had been out for as long as a blackout may last.
sealings as (
    select w.trip_no, e.shipment_id, e.state, e.occurred_at, e.site_id, w.departed_at, w.arrived_at,
        w.destination_site_id
    from seal_event as e
    join trip_window as w on w.is_trip and e.trip_id = w.trip_id
    where e.trip_id is not null
    union all
    select w.trip_no, e.shipment_id, e.state, e.occurred_at, e.site_id, w.departed_at, w.arrived_at,
        w.destination_site_id
    from seal_event as e
    join goods as g on e.shipment_id = g.shipment_id
    join trip_window as w on g.is_trip = w.is_trip and g.trip_id = w.trip_id
    where e.trip_id is null
),
seals as (
    select
        s.trip_no,
        bool_or(s.state = 'sealed' and s.shipment_id is null and s.occurred_at <= s.departed_at
            + p.longest_blackout_s * interval 1 second) as is_trip_sealed,
        count(distinct s.shipment_id) filter (
            s.state = 'sealed' and s.occurred_at <= s.departed_at + p.longest_blackout_s * interval 1 second
        ) as sealed_shipments,
        coalesce(bool_or(
            s.state = 'tampered'
            or (
                s.state = 'opened' and s.occurred_at > s.departed_at
                -- Opened at its destination, or after arrival at no stated place, is in place.
                and s.site_id is distinct from s.destination_site_id
                and not coalesce(s.site_id is null and s.occurred_at >= s.arrived_at, false)
            )
        ), false) as is_broken
    from sealings as s
    cross join sla_schedule as p
    group by s.trip_no
),
-- For how much of the time that was due some device was on it, however many were; and the one that was longest.
spans as (
    select
        trip_no, device_id, clock_ms as from_ms, clock_ms + to_ms - from_ms as to_ms,
        max(clock_ms + to_ms - from_ms) over (
            partition by trip_no order by clock_ms, to_ms rows between unbounded preceding and 1 preceding
        ) as covered_to_ms
    from trip_watch
    where trip_no > 0
),
assigned as (
    select trip_no, sum(greatest(to_ms - greatest(from_ms, coalesce(covered_to_ms, from_ms)), 0)) / 1000.0 as assigned_s
    from spans
    group by trip_no
),
worn as (
    select d.trip_no, d.device_id, coalesce(sum(s.to_ms - s.from_ms), 0) as worn_ms,
        bool_or(d.shipment_id is null) as is_on_trip
    from trip_device as d
    left join spans as s on d.trip_no = s.trip_no and d.device_id = s.device_id
    group by d.trip_no, d.device_id
),
ranked as (
    select *, row_number() over (partition by trip_no order by worn_ms desc, device_id) as place from worn
),
devices as (
    select trip_no, min(device_id) filter (place = 1) as device_id, count(*) as devices, bool_or(is_on_trip) as is_on_trip
    from ranked
    group by trip_no
),
hours as (
    select trip_no, sum(night_s)::double as night_s, sum(morning_s)::double as morning_s,
        sum(afternoon_s)::double as afternoon_s, sum(evening_s)::double as evening_s
    from trip_stretch
    group by trip_no
),
-- A blackout weighs as its hours do on average.
dark_spans as (
    select
        x.trip_no, w.utc_offset_s + epoch_ms(x.last_heard_at) // 1000 as from_s,
        w.utc_offset_s + epoch_ms(x.heard_again_at) // 1000 as to_s,
        x.dark_s / nullif(
            epoch_ms(x.heard_again_at) // 1000 - epoch_ms(x.last_heard_at) // 1000, 0
        ) as dark_part
    from trip_blackout as x
    join trip_window as w on x.trip_no = w.trip_no
),
dark_hours as (
    select trip_no,
        sum(dark_part * seconds_within(from_s, to_s, 0) order by from_s) as dark_night_s,
        sum(dark_part * seconds_within(from_s, to_s, 21600) order by from_s) as dark_morning_s,
        sum(dark_part * seconds_within(from_s, to_s, 43200) order by from_s) as dark_afternoon_s,
        sum(dark_part * seconds_within(from_s, to_s, 64800) order by from_s) as dark_evening_s
    from dark_spans
    group by trip_no
),
loads as (
    select
        g.is_trip, g.trip_id, g.insured_id, g.carrier_id, g.lane_id, g.commodity, g.mode,
        count(*) as shipments,
        count(d.shipment_id) as with_device,
        sum(g.is_proved::integer) as proved,
        sum(g.parcels) as parcels,
        sum(in_base(g.declared_value, r.rate)) as value_base,
        sum(case when d.shipment_id is not null then in_base(g.declared_value, r.rate) end) as with_device_base,
        sum(case when g.is_proved then in_base(g.declared_value, r.rate) end) as proved_base
    from goods as g
    left join wearing as d on g.shipment_id = d.shipment_id
    left join exchange_rate as r
        on g.currency = r.currency
        and (r.currency = getvariable('base_currency') or (g.sent_on >= r.valid_from and g.sent_on < r.valid_to))
    group by g.is_trip, g.trip_id, g.insured_id, g.carrier_id, g.lane_id, g.commodity, g.mode
),
-- A trip is tracked by a device on it, or by one on each of its goods.
joined as (
    select
        w.*, g.insured_id, g.commodity,
        coalesce(g.carrier_id, w.carrier_id) as of_carrier, coalesce(g.lane_id, w.lane_id) as of_lane,
        coalesce(g.mode, w.mode) as of_mode,
        coalesce(g.shipments, 0) as own_shipments, g.with_device, g.proved, g.parcels, g.value_base, g.with_device_base,
        g.proved_base,
        coalesce(g.shipments::double / nullif(w.shipments, 0), 1) as part,
        d.device_id, coalesce(d.devices, 0) as devices,
        coalesce(d.is_on_trip, false)
            or coalesce(sum(g.with_device) over (partition by w.trip_no) = w.shipments and w.shipments > 0, false)
            as is_tracked
    from trip_window as w
    left join loads as g on w.is_trip = g.is_trip and w.trip_id = g.trip_id
    left join devices as d on w.trip_no = d.trip_no
),
judged as (
    select
        j.*,
        s.window_s, s.slots_due, s.slots_fixed, s.dark_s, s.blackouts, s.longest_dark_s, s.longest_gap_s, s.fixes,
        s.late_fixes, s.gaps_60, s.gaps_300, s.gaps_600, s.gaps_900, s.gaps_1200, s.gaps_1800, s.gaps_3600,
        s.gaps_14400, s.gaps_more, s.dark_600, s.dark_900, s.dark_1200, s.dark_1800, s.dark_3600, s.dark_14400,
        s.dark_more, h.night_s, h.morning_s, h.afternoon_s, h.evening_s, x.dark_night_s, x.dark_morning_s,
        x.dark_afternoon_s, x.dark_evening_s, coalesce(a.assigned_s, 0) as assigned_s,
        case
            when coalesce(e.is_broken, false) then 'broken'
            when coalesce(e.is_trip_sealed or e.sealed_shipments >= nullif(j.shipments, 0), false) then 'intact'
            else 'none'
        end as seal,
        coalesce(e.is_trip_sealed or e.sealed_shipments >= nullif(j.shipments, 0), false) as is_sealed,
        case
            when not j.is_tracked then 'no device'
            when j.arrived_at is null then 'no arrival'
            when not j.is_scored then 'no window'
            when coalesce(a.assigned_s, 0) + p.interval_s < s.window_s then 'device not on throughout'
            when s.slots_fixed < p.least_completeness * s.slots_due then 'too few reports'
            when s.longest_dark_s > p.longest_blackout_s then 'blackout too long'
            when j.segment <> 'last mile' and coalesce(e.is_broken, false) then 'seal opened on the way'
            when j.segment <> 'last mile'
                and not coalesce(e.is_trip_sealed or e.sealed_shipments >= nullif(j.shipments, 0), false)
                then 'no seal'
        end as fault
    from joined as j
    cross join sla_schedule as p
    left join trip_signal as s on j.trip_no = s.trip_no
    left join assigned as a on j.trip_no = a.trip_no
    left join seals as e on j.trip_no = e.trip_no
    left join hours as h on j.trip_no = h.trip_no
    left join dark_hours as x on j.trip_no = x.trip_no
),
final as (
    select
        trip_no, trip_id, is_trip, insured_id, of_carrier as carrier_id, of_lane as lane_id, commodity, of_mode as mode,
        segment, date_trunc('month', departed_on)::date as month, departed_on, departed_at, ended_by, device_id, devices,
        has_goods, no_signal, is_scored, is_tracked, seal, is_sealed,
        -- Trips that the SLA is about: with goods, where a signal can get out. Without a window they are unprotected.
        has_goods and not no_signal as is_due,
        part,
        case when segment = 'last mile' then coalesce(parcels, 1)::double else part end as units,
        own_shipments as shipments, value_base,
        case when is_tracked then part else coalesce(with_device::double / nullif(shipments, 0), 0) end as tracked_part,
        case when is_tracked then value_base else with_device_base end as tracked_base,
        -- On the last mile each parcel has its own proof.
        case
            when fault is not null then 0
            when segment = 'last mile' then coalesce(proved::double / nullif(shipments, 0), 0)
            else part
        end as protected_part,
        case when fault is not null then 0 when segment = 'last mile' then proved_base else value_base end
            as protected_base,
        coalesce(fault, case when segment = 'last mile' and proved < own_shipments then 'parcels without proof' end)
            as fault,
        (epoch_ms(ends_at) - epoch_ms(departed_at)) / 1000.0 as journey_s,
        window_s, assigned_s, slots_due, slots_fixed, fixes, late_fixes, dark_s, blackouts, longest_dark_s,
        longest_gap_s,
        -- By quarter of the day, on the clock of the place of departure.
        night_s, morning_s, afternoon_s, evening_s,
        coalesce(dark_night_s, 0) as dark_night_s, coalesce(dark_morning_s, 0) as dark_morning_s,
        coalesce(dark_afternoon_s, 0) as dark_afternoon_s, coalesce(dark_evening_s, 0) as dark_evening_s,
        gaps_60, gaps_300, gaps_600, gaps_900, gaps_1200, gaps_1800, gaps_3600, gaps_14400, gaps_more,
        dark_600, dark_900, dark_1200, dark_1800, dark_3600, dark_14400, dark_more
    from judged
)
select * from final order by month, lane_id, trip_no;
