-- One row an incident: when it was noticed, contained, evidenced and told, as far as the data's date knows.
create or replace table incident_clock as
with
known as (
    -- To the end of that day, on the portfolio's calendar.
    select timezone('UTC', timezone(getvariable('reporting_timezone'), (max(f.as_of) + 1)::timestamp)) as known_to
    from feed as f
    where f.name in (select _feed from incident)
),
protected as (
    -- In force on the day of the loss; a control that names several of lane, site and account is for where all meet.
    select f.incident_id, string_agg(distinct c.measure, ', ' order by c.measure) as controls
    from incident_fact as f
    join control as c
        on f.reported_on >= c.installed_on and (c.removed_on is null or f.reported_on < c.removed_on)
        and (c.lane_id is null or c.lane_id = f.lane_id)
        and (c.site_id is null or c.site_id = f.site_id)
        and (c.insured_id is null or c.insured_id = f.insured_id)
    group by f.incident_id
),
agreed as (
    -- Hours that a policy allows to tell the insurer: a term whose name says of what and in which unit.
    select policy_id,
        min(amount::double * case when contains(lower(applies_to), 'day') then 24 else 1 end) as notice_hours
    from policy_term
    where kind = 'limit' and regexp_matches(lower(applies_to), '^notice.*\b(hours?|days?)\b')
    group by policy_id
),
-- What was quoted and never bound covers nothing (as in premium_month). Of several in force the latest sets all of law
-- and notice, so that no deadline is made of two policies; where they disagree, the incident is counted.
covered as (
    select f.incident_id, count(distinct (p.jurisdiction, a.notice_hours)) > 1 as is_policy_ambiguous,
        arg_max(
            {'policy_id': p.policy_id, 'jurisdiction': p.jurisdiction, 'notice_hours': a.notice_hours},
            (p.inception_date, p.policy_id)
        ) as latest
    from incident_fact as f
    join policy as p
        on f.insured_id = p.insured_id and f.reported_on >= p.inception_date and f.reported_on < p.expiry_date
    left join agreed as a on p.policy_id = a.policy_id
    where not regexp_matches(lower(coalesce(p.status, '')), 'quot|declin|not taken|indicat|withdraw|draft')
    group by f.incident_id
),
read_off as (
    select
        f.incident_id, f.insured_id, f.carrier_id, f.lane_id, f.site_id, f.commodity, f.mode, f.source, f.is_attempt,
        f.category, f.loss_base, f.occurred_at, i.status, i.trip_id, i.occurred_from, i.occurred_to, i.first_alarm_at,
        i.detected_at, i.closed_at, i.evidence_secured_at, i.insurer_notified_at, i.regulator_notified_at,
        i.contained_at as written_contained_at, k.known_to,
        least(i.first_alarm_at, i.detected_at) as started_at,
        -- Where a feed never says it, it is not known to be wanting.
        bool_or(i.evidence_secured_at is not null) over of_feed as records_evidence,
        bool_or(i.insurer_notified_at is not null) over of_feed as records_notice,
        bool_or(i.regulator_notified_at is not null) over of_feed as records_regulator,
        -- What is dated after the data's date has not happened yet, as far as the data can know.
        case when i.contained_at <= k.known_to then i.contained_at end as contained_at,
        -- Midnight of the feed's zone is a date without a time of day, at whichever end.
        coalesce(timezone(e.timezone, timezone('UTC', i.contained_at))::time = time '00:00:00', false)
            as is_end_dated,
        coalesce(timezone(e.timezone, timezone('UTC', i.closed_at))::time = time '00:00:00', false) as is_close_dated,
        coalesce(
            timezone(e.timezone, timezone('UTC', least(i.first_alarm_at, i.detected_at)))::time = time '00:00:00', false
        ) as is_start_dated
    from incident_fact as f
    join incident as i on f.incident_id = i.incident_id
    cross join known as k
    left join feed as e on i._feed = e.name
    window of_feed as (partition by i._feed, i.source)
),
ended as (
    select *,
        case
            when status = 'closed not contained' then 'closed not contained'
            when written_contained_at > known_to then null
            when contained_at is not null or status = 'contained' then 'contained'
        end as end_kind,
        coalesce(least(started_at, insurer_notified_at), occurred_at) as reported_at,
        -- What began somewhen in a day may have begun at its end: containment took at least so long.
        epoch(contained_at - started_at) / 60 - if(is_start_dated, 1440, 0) as least_minutes
    from read_off
),
judged as (
    select *,
        -- Not contained counts to the horizon whatever its clock; all else needs a beginning and an end that fit.
        case
            when end_kind = 'closed not contained' then null
            when end_kind is null and status is null and closed_at is not null
                then 'closed, not said whether contained'
            when end_kind = 'contained' and contained_at is null then 'contained, not said when'
            when started_at is null then 'neither alarm nor detection has a time'
            when started_at > known_to then 'noticed after the data''s date'
            when contained_at < started_at then 'contained before it was noticed'
            -- Over a day apart whatever the hours, no hour is needed to count it as beyond a day.
            when end_kind = 'contained' and (is_start_dated or is_end_dated) and not least_minutes > 1440
                then 'a date without a time of day'
        end as clock_fault
    from ended
),
final as (
    select
        j.incident_id, j.insured_id, j.carrier_id, j.lane_id, j.site_id, j.commodity, j.mode,
        date_trunc('month', timezone(getvariable('reporting_timezone'), timezone('UTC', j.reported_at)))::date as month,
        j.source, j.is_attempt, j.category, j.status, j.trip_id, j.occurred_from, j.occurred_to, j.occurred_at,
        j.first_alarm_at, j.detected_at, j.started_at, j.reported_at, j.contained_at, j.closed_at,
        j.evidence_secured_at, j.insurer_notified_at, j.regulator_notified_at, j.known_to,
        j.end_kind, j.clock_fault,
        j.end_kind is null and j.clock_fault is distinct from 'closed, not said whether contained' as is_open,
        -- Dates count for what is sure: contained after this, closed by the end of that day, still open for this long.
        case j.end_kind
            when 'contained' then coalesce(if(j.clock_fault is null, j.least_minutes, null),
                epoch(j.contained_at - j.started_at) / 60)
            when 'closed not contained' then epoch(
                least(if(j.is_close_dated, j.closed_at + interval 1 day, j.closed_at), j.known_to) - j.started_at
            ) / 60
            else epoch(j.known_to - j.started_at) / 60 - if(
                j.is_start_dated, least(1440, greatest(epoch(j.known_to - j.started_at) / 60, 0)), 0
            )
        end as clock_minutes,
        epoch(j.contained_at - j.occurred_at) / 60 as occurred_to_contained_minutes,
        p.incident_id is not null as has_control, p.controls,
        c.latest.policy_id as policy_id, c.latest.jurisdiction as jurisdiction, n.country as insured_country,
        coalesce(c.is_policy_ambiguous, false) as is_policy_ambiguous,
        coalesce(c.latest.notice_hours, 24) as notice_hours,
        c.latest.notice_hours is not null as is_notice_agreed,
        j.records_evidence, j.records_notice, j.records_regulator, j.loss_base
    from judged as j
    left join protected as p on j.incident_id = p.incident_id
    left join covered as c on j.incident_id = c.incident_id
    left join insured as n on j.insured_id = n.insured_id
)
select * from final order by month, incident_id;
