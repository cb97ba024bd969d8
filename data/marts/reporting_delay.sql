-- Days from theft to report, beside the days after which it could have been reported: what the reporting lag is fitted on.
create or replace table reporting_delay as
with
thefts as (
    select 'incident' as basis,
        greatest(date_diff('day', t.occurred_at, t.reported_at), 0) as lag_days,
        date_diff('day', t.occurred_at::date, w.reported_to) as age_days
    from theft_fact as t, fit_window as w
    where t.reported_at is not null
),
claims as (
    select 'claim' as basis,
        greatest(
            timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date - c.loss_date, 0
        ) as lag_days,
        w.reported_to - c.loss_date as age_days
    from claim as c, fit_window as w
    where c.loss_date is not null and c.reported_at is not null
),
chosen as (
    select * from thefts
    union all
    select * from claims where not exists (select 1 from thefts)
),
final as (
    select basis, lag_days::integer as lag_days, age_days::integer as age_days, count(*) as events
    from chosen
    where lag_days <= age_days
    group by all
)
select * from final order by basis, lag_days, age_days;
