-- The largest deductible of each account in the months fitted: above the threshold, its smaller thefts are never heard of.
create or replace table deductible_key as
with
stated as (
    select policy_id, insured_id, inception_date, expiry_date, currency, deductible_amount as amount
    from policy
    union all
    select p.policy_id, p.insured_id, p.inception_date, p.expiry_date, p.currency, t.amount
    from policy as p
    join policy_term as t on p.policy_id = t.policy_id
    where t.kind = 'deductible' and coalesce(t.unit, 'money') = 'money'
        and (t.applies_to is null or contains(lower(t.applies_to), 'theft'))
),
final as (
    select s.insured_id, max(in_base(s.amount, r.rate)) as deductible_base,
        coalesce(max(in_base(s.amount, r.rate)) > max(w.threshold_base), false) as is_above
    from stated as s
    join fit_window as w on s.inception_date < w.end_month and s.expiry_date > w.first_month
    left join exchange_rate as r
        on s.currency = r.currency and s.inception_date >= r.valid_from and s.inception_date < r.valid_to
    group by s.insured_id
)
select * from final;
