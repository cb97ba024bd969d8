-- The largest value of an account's goods at one time: on one conveyance, at one site, within 5 km of a site, by month.
--
-- A sweep over departures and arrivals: value comes when goods leave (or reach a place) and goes when they arrive (or
-- leave it). Conveyances whose goods travel together are told by a sum; only the others, and those above their limit,
-- are swept. At a site lie goods scanned there before they leave, goods arrived but not yet delivered, and what a
-- conveyance that halts there carries; beside it stand recorded maxima of stock (`site_value`). One row an account,
-- kind and month, of a conveyance also by lane, carrier and mode: the peak with its place and moment, the limit of the
-- policy then in force, and for how many days values were above it. Values are summed exactly, time as microseconds,
-- and of equal peaks the first by moment or identifier counts: the same rows always give the same peaks.
create or replace table accumulation_peak as
with
-- Limits each account had, and when; a place without a limit of its own has that of any one loss.
policies as (
    select
        p.insured_id, p.inception_date, p.expiry_date, p.currency,
        coalesce(
            max(t.amount) filter (
                regexp_matches(lower(coalesce(t.applies_to, '')), 'convey|vehicle|truck|trailer|vessel|trip|transit')
            ),
            max(t.amount) filter (t.applies_to is null), any_value(p.limit_amount)
        ) as conveyance_limit,
        coalesce(
            max(t.amount) filter (
                regexp_matches(lower(coalesce(t.applies_to, '')), 'locat|site|warehouse|premises|storage|place')
            ),
            max(t.amount) filter (t.applies_to is null), any_value(p.limit_amount)
        ) as site_limit
    from policy as p
    left join policy_term as t
        on p.policy_id = t.policy_id and t.kind = 'limit' and coalesce(t.unit, 'money') = 'money'
    where not regexp_matches(lower(coalesce(p.status, '')), 'quot|declin|not taken|indicat|withdraw|draft')
    group by p.policy_id, p.insured_id, p.inception_date, p.expiry_date, p.currency
),
-- By month, in base currency; of several policies at once the highest.
limits as (
    select
        p.insured_id, m.month, max(in_base(p.conveyance_limit, r.rate))::double as conveyance_limit,
        max(in_base(p.site_limit, r.rate))::double as site_limit
    from policies as p
    cross join lateral (
        select unnest(
            range(date_trunc('month', p.inception_date)::timestamp, p.expiry_date::timestamp, interval 1 month)
        )::date as month
    ) as m
    left join exchange_rate as r
        on p.currency = r.currency
        and greatest(m.month, p.inception_date) >= r.valid_from and greatest(m.month, p.inception_date) < r.valid_to
    group by p.insured_id, m.month
),
goods as (
    select
        k.insured_id, k.carrier_id, k.lane_id, k.mode, s.shipment_id, t.trip_id is not null as is_trip,
        coalesce(t.trip_id, s.shipment_id) as conveyance_id,
        coalesce(s.departed_at, t.departed_at, s.delivered_at) as from_at,
        greatest(
            coalesce(t.arrived_at, s.delivered_at, s.scheduled_at, s.departed_at),
            coalesce(s.departed_at, t.departed_at, s.delivered_at) + interval 1 second
        ) as to_at,
        s.delivered_at,
        in_base(coalesce(s.insured_value, s.declared_value), r.rate) as value
    from shipment as s
    join shipment_key as k on s.shipment_id = k.shipment_id
    left join trip as t on s.trip_id = t.trip_id
    left join exchange_rate as r
        on s.currency = r.currency
        and (r.currency = getvariable('base_currency') or (k.sent_on >= r.valid_from and k.sent_on < r.valid_to))
    where coalesce(s.insured_value, s.declared_value) > 0
),
valued as (
    select * from goods where value is not null and from_at is not null
),
loads as (
    select
        insured_id, conveyance_id, is_trip, min(carrier_id) as carrier_id, min(lane_id) as lane_id, min(mode) as mode,
        sum(value) as total, min(from_at) as first_from_at, max(from_at) as last_from_at, min(to_at) as first_to_at
    from valued
    group by insured_id, conveyance_id, is_trip
),
judged as (
    select
        l.*, m.conveyance_limit as limit_base,
        date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', l.first_from_at)))::date
            as month
    from loads as l
    left join limits as m
        on l.insured_id = m.insured_id and m.month
            = date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', l.first_from_at)))::date
),
doubtful as (
    select * from judged where last_from_at >= first_to_at or total > limit_base
),
boarded as (
    select d.insured_id, d.conveyance_id, d.is_trip, v.from_at as moment, v.value as delta
    from doubtful as d
    join valued as v on d.insured_id = v.insured_id and d.conveyance_id = v.conveyance_id and d.is_trip = v.is_trip
    union all
    select d.insured_id, d.conveyance_id, d.is_trip, v.to_at, -v.value
    from doubtful as d
    join valued as v on d.insured_id = v.insured_id and d.conveyance_id = v.conveyance_id and d.is_trip = v.is_trip
),
aboard as (
    select
        insured_id, conveyance_id, is_trip, moment,
        sum(sum(delta)) over (partition by insured_id, conveyance_id, is_trip order by moment) as value,
        lead(moment) over (partition by insured_id, conveyance_id, is_trip order by moment) as until
    from boarded
    group by insured_id, conveyance_id, is_trip, moment
),
swept as (
    select
        a.insured_id, a.conveyance_id, a.is_trip, max(a.value) as peak,
        arg_min(a.moment, row(-a.value, a.moment)) as reached_at,
        sum(case when a.value > d.limit_base then epoch_us(a.until) - epoch_us(a.moment) end) as us_above
    from aboard as a
    join doubtful as d
        on a.insured_id = d.insured_id and a.conveyance_id = d.conveyance_id and a.is_trip = d.is_trip
    group by a.insured_id, a.conveyance_id, a.is_trip
),
conveyances as (
    select
        j.insured_id, j.carrier_id, j.lane_id, j.mode, j.month, j.conveyance_id, j.is_trip, j.limit_base,
        coalesce(s.peak, j.total) as peak, coalesce(s.reached_at, j.last_from_at) as reached_at,
        coalesce(s.us_above, 0) as us_above
    from judged as j
    left join swept as s
        on j.insured_id = s.insured_id and j.conveyance_id = s.conveyance_id and j.is_trip = s.is_trip
),
on_the_way as (
    select
        'conveyance' as kind, insured_id, carrier_id, lane_id, mode, month,
        arg_min(conveyance_id, row(-peak, conveyance_id, is_trip)) as place_id, max(peak)::double as peak_base,
        arg_min(reached_at, row(-peak, conveyance_id, is_trip)) as reached_at, 'departures and arrivals' as told_by,
        any_value(limit_base) as limit_base, count(*) as places, count(*) filter (peak > limit_base) as places_above,
        sum(us_above) / 86400e6 as days_above
    from conveyances
    group by insured_id, carrier_id, lane_id, mode, month
),
seen as (
    select c.shipment_id, c.site_id, min(c.scanned_at) as first_at, max(c.scanned_at) as last_at
    from scan as c
    where c.site_id is not null
    group by c.shipment_id, c.site_id
),
present as (
    -- Waiting to leave.
    select
        v.insured_id, l.origin_site_id as site_id, least(s.first_at, v.from_at) as from_at, v.from_at as to_at, v.value
    from valued as v
    join lane as l on v.lane_id = l.lane_id
    left join seen as s on v.shipment_id = s.shipment_id and l.origin_site_id = s.site_id
    union all
    -- Arrived, not yet delivered or scanned out.
    select
        v.insured_id, l.destination_site_id, v.to_at, greatest(v.to_at, v.delivered_at, s.last_at), v.value
    from valued as v
    join lane as l on v.lane_id = l.lane_id
    left join seen as s on v.shipment_id = s.shipment_id and l.destination_site_id = s.site_id
    union all
    select c.insured_id, h.site_id, h.arrived_at, coalesce(h.left_at, h.arrived_at), c.peak
    from stop as h
    join conveyances as c on c.is_trip and h.trip_id = c.conveyance_id
    where h.site_id is not null
),
-- Sites within 5 km of each other: of each, the circle around it.
placed as (
    select site_id, radians(latitude) as phi, radians(longitude) as lambda, latitude from site_place
    where latitude is not null and longitude is not null and coalesce(coordinate_source, 'given') = 'given'
),
circles as (
    select c.site_id as centre_id, o.site_id
    from placed as c
    join placed as o
        on o.latitude between c.latitude - 0.05 and c.latitude + 0.05
        and 12742 * asin(least(1, sqrt(
            sin((o.phi - c.phi) / 2) ** 2 + cos(c.phi) * cos(o.phi) * sin((o.lambda - c.lambda) / 2) ** 2
        ))) <= 5
    qualify count(*) over (partition by c.site_id) > 1
),
moves as (
    select 'site' as kind, insured_id, site_id as place_id, from_at, to_at, value from present
    union all
    select '5 km', p.insured_id, c.centre_id, p.from_at, p.to_at, p.value
    from present as p
    join circles as c on p.site_id = c.site_id
),
steps as (
    select kind, insured_id, place_id, from_at as moment, value as delta from moves
    union all
    select kind, insured_id, place_id, greatest(to_at, from_at + interval 1 second), -value from moves
),
levels as (
    select
        kind, insured_id, place_id, moment,
        sum(sum(delta)) over (partition by kind, insured_id, place_id order by moment) as value,
        lead(moment) over (partition by kind, insured_id, place_id order by moment) as until,
        date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', moment)))::date as month
    from steps
    group by kind, insured_id, place_id, moment
),
at_places as (
    select
        v.kind, v.insured_id, v.month, v.place_id, max(v.value)::double as peak,
        arg_min(v.moment, row(-v.value, v.moment)) as reached_at,
        'departures, arrivals and scans' as told_by, any_value(m.site_limit) as limit_base,
        sum(case when v.value > m.site_limit then epoch_us(v.until) - epoch_us(v.moment) end) as us_above
    from levels as v
    left join limits as m on v.insured_id = m.insured_id and v.month = m.month
    group by v.kind, v.insured_id, v.month, v.place_id
    union all
    -- Stock is recorded without its currency: that of the feed.
    select
        'site', s.insured_id, date_trunc('month', s.on_date)::date, s.site_id,
        max(in_base(coalesce(s.maximum_value, s.average_value), r.rate))::double, max(s.on_date)::timestamp,
        'recorded stock', any_value(m.site_limit), 0
    from site_value as s
    left join feed as f on s._feed = f.name
    left join exchange_rate as r
        on f.currency = r.currency and s.on_date >= r.valid_from and s.on_date < r.valid_to
    left join limits as m on s.insured_id = m.insured_id and date_trunc('month', s.on_date)::date = m.month
    group by s.insured_id, date_trunc('month', s.on_date), s.site_id
    having max(in_base(coalesce(s.maximum_value, s.average_value), r.rate)) is not null
),
stored as (
    select
        kind, insured_id, null::varchar as carrier_id, null::varchar as lane_id, null::varchar as mode, month,
        arg_min(place_id, row(-peak, place_id, told_by)) as place_id, max(peak) as peak_base,
        arg_min(reached_at, row(-peak, place_id, told_by)) as reached_at,
        arg_min(told_by, row(-peak, place_id, told_by)) as told_by, any_value(limit_base) as limit_base,
        count(*) as places, count(*) filter (peak > limit_base) as places_above,
        coalesce(sum(us_above), 0) / 86400e6 as days_above
    from at_places
    group by kind, insured_id, month
),
final as (
    select * from on_the_way union all select * from stored
)
select * from final where peak_base is not null order by month, kind, insured_id, lane_id, carrier_id, mode;
