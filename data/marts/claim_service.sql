-- One row a claim: how long each step took, how it was decided, what it costs, and what the law allows. `month` is that
-- of the loss, `reported_month` that of the report; amounts are in base currency at the rate of the day of loss.
create or replace table claim_service as
with
told as (
    select
        max(as_of) as known_to,
        timezone('UTC', timezone(getvariable('reporting_timezone'), (max(as_of) + 1)::timestamp)) as known_at
    from feed
    where name in (select _feed from claim)
),
placed as (
    select
        c.*, f.insured_id as of_insured, f.carrier_id, f.lane_id, f.commodity, f.mode, f.month, f.reported_month,
        coalesce(
            c.loss_date, timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date
        ) as dated_on,
        -- A feed of its own may know less than the newest one; one without a date is seen as of the latest event.
        coalesce(t.known_to, s.data_date) as known_to, coalesce(t.known_at, s.data_date + interval 1 day) as known_at
    from claim as c
    join claim_fact as f on c.claim_id = f.claim_id
    cross join told as t
    cross join snapshot as s
),
-- A claim that names no policy is answered by the one of its account that was in force.
in_force as (
    select c.claim_id, arg_max(p.policy_id, p.inception_date) as policy_id
    from placed as c
    join policy as p
        on c.of_insured = p.insured_id and c.dated_on >= p.inception_date and c.dated_on < p.expiry_date
    where c.policy_id is null
    group by c.claim_id
),
covered as (
    select c.*, p.product, p.jurisdiction, i.country
    from placed as c
    left join in_force as q on c.claim_id = q.claim_id
    left join policy as p on coalesce(c.policy_id, q.policy_id) = p.policy_id
    left join insured as i on c.of_insured = i.insured_id
),
clocks as (
    select
        jurisdiction, claim_kind, days,
        case
            when starts_with(lower(trim(step)), 'ack') then 'acknowledge'
            when regexp_matches(lower(trim(step)), '^(decid|decis|accept|den)') then 'decide'
        end as step
    from legal_clock
),
-- The clock of the policy's jurisdiction goes before that of the insured's country.
limits as (
    select
        c.jurisdiction, c.country, c.kind,
        coalesce(
            min(k.days) filter (k.step = 'acknowledge' and k.jurisdiction = c.jurisdiction),
            min(k.days) filter (k.step = 'acknowledge')
        ) as acknowledge_limit,
        coalesce(
            min(k.days) filter (k.step = 'decide' and k.jurisdiction = c.jurisdiction),
            min(k.days) filter (k.step = 'decide')
        ) as decide_limit
    from (select distinct jurisdiction, country, kind from covered) as c
    join clocks as k
        on (k.jurisdiction = c.jurisdiction or k.jurisdiction = c.country)
        and (k.claim_kind is null or k.claim_kind = c.kind)
    group by all
),
priced as (
    select
        c.*, l.acknowledge_limit, l.decide_limit, r.rate,
        case
            when coalesce(c.paid_amount, c.reserve_amount, c.expense_paid, c.expense_reserve) is not null
                then coalesce(c.paid_amount, 0)::decimal(38, 4) + coalesce(c.reserve_amount, 0)
                    + coalesce(c.expense_paid, 0) + coalesce(c.expense_reserve, 0)
        end as gross,
        case
            when coalesce(c.salvage_amount, c.subrogation_amount) is not null
                then coalesce(c.salvage_amount, 0)::decimal(38, 4) + coalesce(c.subrogation_amount, 0)
        end as recovered,
        case
            when coalesce(c.expense_paid, c.expense_reserve) is not null
                then coalesce(c.expense_paid, 0)::decimal(38, 4) + coalesce(c.expense_reserve, 0)
        end as expense,
        c.closed_at is not null and coalesce(c.reopened_at < c.closed_at, true) as is_closed,
        coalesce(regexp_matches(lower(c.cause), 'theft|stol|hijack|robber|burgl|pilfer'), false)
            or coalesce(c.incident_id in (select incident_id from theft_fact), false) as is_theft,
        coalesce(regexp_matches(lower(c.status), 'clos|den|settl|approv|declin|reject|withdr|paid'), false)
            and not coalesce(regexp_matches(lower(c.status), 'reopen'), false) as is_ended
    from covered as c
    left join limits as l
        on c.jurisdiction is not distinct from l.jurisdiction and c.country is not distinct from l.country
        and c.kind is not distinct from l.kind
    left join exchange_rate as r
        on c.currency = r.currency
        and (r.currency = getvariable('base_currency') or (c.dated_on >= r.valid_from and c.dated_on < r.valid_to))
),
-- One event is one loss, whatever the number of its claims: the first of them carries the amount of all.
occurred as (
    select
        *, in_base(gross, rate) as gross_base, in_base(recovered, rate) as recovered_base,
        row_number() over event = 1 as is_first,
        sum(in_base(gross, rate)) over of_event as event_base,
        sum(in_base(gross, rate)) over of_event - coalesce(sum(in_base(expense, rate)) over of_event, 0) > 0 as is_loss,
        sum(coalesce(in_base(recovered, rate), 0)) over of_event as event_recovered
    from priced
    window
        event as (partition by of_insured, coalesce(incident_id, claim_id) order by dated_on, claim_id),
        of_event as (partition by of_insured, coalesce(incident_id, claim_id))
),
final as (
    select
        claim_id, of_insured as insured_id, carrier_id, lane_id, commodity, mode, month, reported_month, product,
        jurisdiction, kind::varchar as kind, cause, status, is_theft,
        case
            when not (is_closed or is_ended) then 'open'
            when paid_amount is null then 'ended, amount not stated'
            when paid_amount > 0 then 'paid'
            else 'ended without payment'
        end as outcome,
        is_closed or is_ended as is_over, reopened_at is not null as is_reopened,
        decision_path::varchar as decision_path, evidence::varchar as evidence, disputed, fraud_flagged,
        fraud_confirmed, fraud_audited,
        -- The greatest of nothing and 0 is 0: what has not happened has no duration.
        case
            when loss_date is not null and reported_at is not null then greatest(
                date_diff(
                    'day', loss_date,
                    timezone(getvariable('reporting_timezone'), timezone('UTC', reported_at))::date
                ), 0
            )::integer
        end as report_days,
        case when reported_at is not null then greatest(date_sub('day', reported_at, known_at), 0)::integer end
            as followed_days,
        case when reported_at is not null and acknowledged_at is not null
            then greatest(date_sub('day', reported_at, acknowledged_at), 0)::integer
        end as acknowledge_days,
        case when reported_at is not null and decided_at is not null
            then greatest(date_sub('day', reported_at, decided_at), 0)::integer
        end as decide_days,
        case when is_closed and reported_at is not null
            then greatest(date_sub('day', reported_at, closed_at), 0)::integer
        end as close_days,
        acknowledge_limit, decide_limit,
        currency, gross_base, recovered_base, in_base(paid_amount, rate) as paid_base,
        in_base(expense, rate) as expense_base, in_base(claimed_amount, rate) as claimed_base,
        case when rate is null then gross end as unconverted,
        is_first,
        -- Without indemnity, paid or reserved, it is no loss: its expense is a cost all the same.
        is_first and coalesce(is_loss, false) as is_loss,
        case when is_first then event_base::decimal(38, 4) end as event_base,
        case when is_first then event_recovered::decimal(38, 4) end as event_recovered
    from occurred
)
select * from final order by month, claim_id;
