-- One row a claim: how long each step took, how it was decided, what it costs, and what the law allows. `month` is that
-- of the loss, `reported_month` that of the report; amounts are in base currency at the rate of the day of loss.
create or replace table claim_service as
with
told as (
    select max(as_of) as known_to from feed where name in (select _feed from claim)
),
placed as (
    select
        c.*, f.insured_id as of_insured, f.carrier_id, f.lane_id, f.commodity, f.mode, f.month, f.reported_month,
        -- The law counts days of the calendar, here that of the portfolio.
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date as reported_on,
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.acknowledged_at))::date as acknowledged_on,
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.decided_at))::date as decided_on,
        timezone(getvariable('reporting_timezone'), timezone('UTC', c.closed_at))::date as closed_on,
        coalesce(c.loss_date, reported_on) as dated_on,
        -- A feed of its own may know less than the newest one; one without a date is seen as of the latest event.
        coalesce(t.known_to, s.data_date) as known_to,
        -- Where a feed never says it, it is not known to be wanting.
        bool_or(c.acknowledged_at is not null) over of_feed as records_acknowledgement,
        bool_or(c.decided_at is not null) over of_feed as records_decision,
        bool_or(c.closed_at is not null) over of_feed as records_closing
    from claim as c
    join claim_fact as f on c.claim_id = f.claim_id
    cross join told as t
    cross join snapshot as s
    window of_feed as (partition by c._feed)
),
-- A claim that names no policy is answered by the one of its account that was in force: quotes that were not bound
-- answer nothing (as in premium_month). Where several were, the last to begin is taken, and told where they differ.
in_force as (
    select
        c.claim_id, arg_max(p.policy_id, (p.inception_date, p.policy_id)) as policy_id,
        count(distinct (coalesce(p.product, ''), coalesce(p.jurisdiction, ''))) > 1 as is_ambiguous
    from placed as c
    join policy as p
        on c.of_insured = p.insured_id and c.dated_on >= p.inception_date and c.dated_on < p.expiry_date
    where c.policy_id is null
        and not regexp_matches(lower(coalesce(p.status, '')), 'quot|declin|not taken|indicat|withdraw|draft')
    group by c.claim_id
),
covered as (
    select c.*, p.product, p.jurisdiction, i.country, coalesce(q.is_ambiguous, false) as is_policy_ambiguous
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
-- Whole words that say it is over, and none that takes them back.
ends as (
    select
        '\b(closed?|den(y|ied|ial)|settled?|approved?|declined?|reject(ed|ion)?|withdrawn?|withdrew|paid|finali[sz]ed'
        || '|resolved|dismissed)\b' as words
),
ended as (
    select
        c.status,
        regexp_matches(lower(c.status), e.words)
        and not regexp_matches(
            lower(c.status), '\b(not|never|no|un|non|cannot|be|being)\W+((yet|fully|been|be|finally)\W+)*' || e.words
        )
        and not regexp_matches(
            lower(c.status),
            '\b(pending|awaiting|awaits|open|re-?open\w*|partial\w*|partly|part[ -]paid|in part|appeal\w*)\b'
        ) as is_said
    from (select distinct status from claim where status is not null) as c
    cross join ends as e
),
-- Goods that were handed over by deceit (strategic theft) are stolen too.
stolen as (
    select cause
    from (select distinct cause from claim) as c
    where
        regexp_matches(
            lower(cause),
            'theft|thiev|stole|steal|hijack|robber|burgl|pilfer|larcen|heist|embezzl|fraud|fictitious|misdirect'
            || '|impersonat|decept|double.?broker|identity|(fake|false|bogus) (carrier|driver|pick)'
        ) and not regexp_matches(lower(cause), '\b(non|not|no|anti)[ -]*(theft|stolen)')
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
        coalesce(c.cause in (select cause from stolen), false)
            or coalesce(c.incident_id in (select incident_id from theft_fact), false) as is_theft,
        trim(coalesce(c.cause, '')) <> '' or coalesce(c.incident_id in (select incident_id from incident_fact), false)
            as is_cause_known,
        -- What has money in reserve and no day of closing is not over, whatever its status says.
        coalesce(e.is_said and (c.closed_at is not null or coalesce(c.reserve_amount, 0) <= 0), false) as is_ended
    from covered as c
    left join ended as e on c.status = e.status
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
        row_number() over event = 1 as is_first, first_value(claim_id) over event as event_claim_id,
        sum(in_base(gross, rate)) over of_event as event_base,
        sum(in_base(gross, rate)) over of_event - coalesce(sum(in_base(expense, rate)) over of_event, 0) > 0 as is_loss,
        sum(coalesce(in_base(recovered, rate), 0)) over of_event as event_recovered
    from priced
    window
        -- An incident and a claim may bear the same number.
        event as (
            partition by of_insured, incident_id is null, coalesce(incident_id, claim_id) order by dated_on, claim_id
        ),
        of_event as (partition by of_insured, incident_id is null, coalesce(incident_id, claim_id))
),
-- What became of each step: 'done' on a day that is known; 'pending'; 'by closing', decided on a day that is not known
-- but not after that of closing; 'not told', by a feed that never says it or of a claim that is over without it; and
-- 'does not fit', before the report.
timed as (
    select
        *, is_closed or is_ended as is_over,
        acknowledged_on - reported_on as to_acknowledge, decided_on - reported_on as to_decide,
        closed_on - reported_on as to_close,
        case
            when reported_on is null then 'not told'
            when acknowledged_on < reported_on then 'does not fit'
            when acknowledged_on is not null then 'done'
            -- Who was told the decision was answered, on a day that is not known.
            when is_over or decided_on is not null or not records_acknowledgement then 'not told'
            else 'pending'
        end as acknowledge_state,
        case
            when reported_on is null then 'not told'
            when decided_on < reported_on then 'does not fit'
            when decided_on is not null then 'done'
            when not records_decision then 'not told'
            when closed_on < reported_on then 'does not fit'
            when closed_on is not null then 'by closing'
            when is_over then 'not told'
            else 'pending'
        end as decide_state,
        case
            when reported_on is null then 'not told'
            when is_closed and closed_on < reported_on then 'does not fit'
            when is_closed then 'done'
            when is_over or not records_closing then 'not told'
            else 'pending'
        end as close_state
    from occurred
),
final as (
    select
        claim_id, of_insured as insured_id, carrier_id, lane_id, commodity, mode, month, reported_month, product,
        jurisdiction, is_policy_ambiguous, kind::varchar as kind, cause, status, is_theft, is_cause_known,
        case
            when not is_over then 'open'
            when paid_amount is null then 'ended, amount not stated'
            when paid_amount > 0 then 'paid'
            else 'ended without payment'
        end as outcome,
        is_over, reopened_at is not null as is_reopened,
        decision_path::varchar as decision_path, evidence::varchar as evidence, disputed, fraud_flagged,
        fraud_confirmed, fraud_audited,
        -- The greatest of nothing and 0 is 0: what has not happened has no duration.
        case when loss_date is not null and reported_on is not null then greatest(reported_on - loss_date, 0)::integer
        end as report_days,
        case when reported_on is not null then greatest(known_to - reported_on, 0)::integer end as followed_days,
        case when acknowledge_state = 'done' then to_acknowledge::integer end as acknowledge_days,
        case when decide_state = 'done' then to_decide::integer end as decide_days,
        -- At the latest: the day of closing, where that of the decision is not known.
        case decide_state when 'done' then to_decide when 'by closing' then to_close end::integer as decided_by_days,
        case when close_state = 'done' then to_close::integer end as close_days,
        acknowledge_state, decide_state, close_state,
        acknowledge_limit, decide_limit,
        currency, gross_base, recovered_base, in_base(paid_amount, rate) as paid_base,
        in_base(expense, rate) as expense_base, in_base(claimed_amount, rate) as claimed_base,
        case when rate is null then gross end as unconverted,
        is_first, event_claim_id,
        -- Without indemnity, paid or reserved, it is no loss: its expense is a cost all the same.
        is_first and coalesce(is_loss, false) as is_loss,
        case when is_first then event_base::decimal(38, 4) end as event_base,
        case when is_first then event_recovered::decimal(38, 4) end as event_recovered
    from timed
)
select * from final order by month, claim_id;
