-- What premium was written and earned: one row a policy and month, daily pro rata over its term, up to the data's date.
--
-- A policy's premium is its written premium, earned evenly from inception to expiry. Movements that change the cover on
-- the way (endorsement, cancellation, return, ...) are earned from their day to expiry; those that only book the term's
-- premium (deposit, instalment, adjustment of declared exposure, all at or before inception or after expiry) over the
-- whole term. Where the movements add up to the written premium, it holds the changes already; once a term that was
-- booked from its beginning is settled after its end, its movements are its premium. Quotes that were not bound earn
-- nothing. A policy whose status alone says that it was cancelled earns its whole term, and is marked. Months after the
-- data's date are not in it: their premium is unearned.
create or replace table premium_month as
with
bound as (
    select p.*, s.data_date as known_to
    from policy as p
    cross join snapshot as s
    where not regexp_matches(lower(coalesce(p.status, '')), 'quot|declin|not taken|indicat|withdraw|draft')
),
moved as (
    select
        p.policy_id, m.moved_on, m.gross_premium::double as amount,
        m.gross_premium < 0 or regexp_matches(lower(coalesce(m.kind, '')), 'cancel|return|refund') as is_return,
        m.moved_on <= p.inception_date as is_first, m.moved_on >= p.expiry_date as is_last,
        m.moved_on < p.expiry_date and case
            -- At the start a cover can only be taken back; what else is booked then is the term's premium.
            when m.moved_on <= p.inception_date
                then regexp_matches(lower(coalesce(m.kind, '')), 'cancel|return|endors|refund')
            else not regexp_matches(lower(coalesce(m.kind, '')), 'deposit|minimum|instal|adjust|audit|declar')
        end as is_change
    from premium_movement as m
    join bound as p on m.policy_id = p.policy_id
    where m.gross_premium is not null and m.moved_on <= p.known_to
),
booked as (
    select
        policy_id, sum(amount) as total, coalesce(sum(amount) filter (is_change), 0) as changed,
        bool_or(is_first) as is_begun, bool_or(is_last) as is_settled, bool_or(is_return) as is_returned
    from moved
    group by policy_id
),
agreed as (
    select
        p.policy_id, p.inception_date, p.expiry_date,
        case
            when p.written_premium is null or (b.is_begun and b.is_settled) then b.total - b.changed
            when abs(b.total - p.written_premium::double) <= 0.001 * abs(p.written_premium::double)
                then p.written_premium::double - b.changed
            else p.written_premium::double
        end as amount,
        -- Cancelled by its status alone: nothing says from when on, or what came back, and it earns its whole term.
        regexp_matches(lower(coalesce(p.status, '')), 'cancel|terminat|void|rescind')
            and not coalesce(b.is_returned or (b.is_begun and b.is_settled), false) as is_cancelled_in_full
    from bound as p
    left join booked as b on p.policy_id = b.policy_id
),
parts as (
    select policy_id, inception_date as from_day, expiry_date as end_day, amount from agreed
    union all
    select m.policy_id, greatest(m.moved_on, a.inception_date), a.expiry_date, m.amount
    from moved as m
    join agreed as a on m.policy_id = a.policy_id
    where m.is_change
),
premiums as (
    select policy_id, sum(amount) as term_premium from parts group by policy_id
),
-- Without movements, all of it is written on the day that cover begins.
written as (
    select policy_id, moved_on as written_on, amount from moved
    union all
    select a.policy_id, a.inception_date, a.amount
    from agreed as a
    join bound as p on a.policy_id = p.policy_id
    where a.policy_id not in (select policy_id from moved) and a.inception_date <= p.known_to
),
written_months as (
    select
        w.policy_id, date_trunc('month', w.written_on)::date as month, sum(w.amount) as amount,
        case when count(r.rate) = count(*) then sum(w.amount * r.rate) end as base,
        case when count(q.rate) = count(*) then sum(w.amount * q.rate) end as plan
    from written as w
    join bound as p on w.policy_id = p.policy_id
    left join exchange_rate as r
        on p.currency = r.currency and w.written_on >= r.valid_from and w.written_on < r.valid_to
    left join exchange_rate as q
        on p.currency = q.currency
        and getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to
    group by w.policy_id, date_trunc('month', w.written_on)
),
months as (
    select policy_id, unnest(range(first_month, end_day, interval 1 month))::date as month
    from (
        select
            policy_id, date_trunc('month', inception_date)::timestamp as first_month,
            least(expiry_date, known_to + 1)::timestamp as end_day
        from bound
    ) as terms
    where first_month < end_day
),
slices as (
    select
        t.policy_id, m.month, t.amount, t.end_day - t.from_day as term_days, p.currency,
        greatest(t.from_day, m.month) as from_day,
        least(t.end_day, p.known_to + 1, (m.month + interval 1 month)::date) as end_day
    from parts as t
    join bound as p on t.policy_id = p.policy_id
    join months as m on t.policy_id = m.policy_id
    where t.from_day < (m.month + interval 1 month)::date and t.end_day > m.month and t.from_day <= p.known_to
),
-- Each day at its own rate of exchange.
rated as (
    select
        s.policy_id, s.month, s.amount / s.term_days as daily, s.end_day - s.from_day as days,
        coalesce(sum(least(s.end_day, r.valid_to) - greatest(s.from_day, r.valid_from)), 0) as rated_days,
        sum((least(s.end_day, r.valid_to) - greatest(s.from_day, r.valid_from)) * r.rate) as rate_days,
        any_value(q.rate) as plan_rate
    from slices as s
    left join exchange_rate as r
        on s.currency = r.currency and r.valid_from < s.end_day and r.valid_to > s.from_day
    left join exchange_rate as q
        on s.currency = q.currency
        and getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to
    group by s.policy_id, s.month, s.amount, s.term_days, s.from_day, s.end_day
),
earned_months as (
    select
        policy_id, month, sum(daily * days) as amount,
        case when bool_and(rated_days = days) then sum(daily * rate_days) end as base,
        case when count(plan_rate) = count(*) then sum(daily * days * plan_rate) end as plan
    from rated
    group by policy_id, month
),
everything as (
    select policy_id, month from months union select policy_id, month from written_months
),
joined as (
    select
        p.policy_id, p.insured_id, p.product, p.jurisdiction, p.currency, k.month,
        w.amount as written_premium, e.amount as earned_premium, w.base as written_base, e.base as earned_base,
        w.plan as written_plan, e.plan as earned_plan,
        greatest(
            least(p.expiry_date, p.known_to + 1, (k.month + interval 1 month)::date)
            - greatest(p.inception_date, k.month), 0
        ) as earned_days,
        p.expiry_date - p.inception_date as term_days, p.inception_date, p.expiry_date, p.known_to, t.term_premium, q.rate as plan_rate,
        a.is_cancelled_in_full
    from everything as k
    join bound as p on k.policy_id = p.policy_id
    join agreed as a on k.policy_id = a.policy_id
    left join premiums as t on k.policy_id = t.policy_id
    left join written_months as w on k.policy_id = w.policy_id and k.month = w.month
    left join earned_months as e on k.policy_id = e.policy_id and k.month = e.month
    left join exchange_rate as q
        on p.currency = q.currency
        and getvariable('plan_rate_date') >= q.valid_from and getvariable('plan_rate_date') < q.valid_to
),
ended as (
    select
        *, least((month + interval 1 month)::date - 1, known_to) as last_day,
        term_premium - sum(coalesce(earned_premium, 0)) over (
            partition by policy_id order by month rows unbounded preceding
        ) as to_earn
    from joined
),
final as (
    select
        policy_id, insured_id, product, jurisdiction, currency, month, term_premium, written_premium, earned_premium,
        written_base, earned_base, written_plan, earned_plan, earned_days,
        -- Terms of cover earned: every policy earns one in all, whatever its length.
        earned_days::double / term_days as earned_terms,
        -- Of the month's last day that is known: is the policy in force, and what of its premium is not yet earned?
        inception_date <= last_day and expiry_date > last_day as is_in_force,
        case when inception_date <= last_day and expiry_date > last_day then to_earn end as unearned_premium,
        case when inception_date <= last_day and expiry_date > last_day then to_earn * plan_rate end as unearned_plan,
        is_cancelled_in_full
    from ended
)
select * from final order by month, policy_id;
