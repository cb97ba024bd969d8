-- How what claims cost grew as they aged: a row for each change of an estimate, by the quarter of the loss and its age
-- then. Quarters are blocks of three months that end on the data's date, so that the last one is whole; `origin` 0 is
-- the latest, and `age` 1 the quarter of the loss itself. Changes of one origin up to an age add up to its amount then.
create or replace table claim_valuation as
with
told as (
    select coalesce(max(f.as_of), any_value(s.data_date)) as known_to
    from snapshot as s
    left join feed as f on f.name in (select _feed from claim)
),
claims as (
    select
        c.*, f.insured_id as of_insured, f.carrier_id, f.lane_id, f.commodity, f.mode, f.month, f.is_theft, f.product,
        t.known_to,
        coalesce(
            c.loss_date, timezone(getvariable('reporting_timezone'), timezone('UTC', c.reported_at))::date
        ) as dated_on,
        case when coalesce(c.reopened_at < c.closed_at, true)
            then timezone(getvariable('reporting_timezone'), timezone('UTC', c.closed_at))::date
        end as closed_on
    from claim as c
    join claim_service as f on c.claim_id = f.claim_id
    cross join told as t
),
moves as (
    select claim_id, max(moved_on) as last_on
    from claim_movement
    where paid_amount is not null or reserve_amount is not null
    group by claim_id
),
stated as (
    -- What an earlier valuation does not say: expense is taken as known from the start, recoveries from the closing.
    select
        m.claim_id, m.moved_on as valued_on, false as is_latest, coalesce(m.currency, c.currency) as currency,
        coalesce(m.paid_amount, 0)::decimal(38, 4) + coalesce(m.reserve_amount, 0) + case
            when coalesce(m.expense_paid, m.expense_reserve) is null
                then coalesce(c.expense_paid, 0) + coalesce(c.expense_reserve, 0)
            else coalesce(m.expense_paid, 0) + coalesce(m.expense_reserve, 0)
        end as gross,
        case
            when coalesce(m.salvage_amount, m.subrogation_amount) is not null
                then coalesce(m.salvage_amount, 0)::decimal(38, 4) + coalesce(m.subrogation_amount, 0)
            when m.moved_on >= c.closed_on
                then coalesce(c.salvage_amount, 0)::decimal(38, 4) + coalesce(c.subrogation_amount, 0)
            else 0
        end as recovered
    from claim_movement as m
    join claims as c on m.claim_id = c.claim_id
    where (m.paid_amount is not null or m.reserve_amount is not null) and m.moved_on <= c.known_to
    union all
    -- A claim without earlier valuations enters when it is closed, or at the data's date.
    select
        c.claim_id,
        case
            when v.last_on is null then coalesce(c.closed_on, c.valued_on, c.known_to)
            else greatest(coalesce(c.valued_on, c.known_to), v.last_on)
        end,
        true, c.currency,
        coalesce(c.paid_amount, 0)::decimal(38, 4) + coalesce(c.reserve_amount, 0) + coalesce(c.expense_paid, 0)
            + coalesce(c.expense_reserve, 0),
        coalesce(c.salvage_amount, 0)::decimal(38, 4) + coalesce(c.subrogation_amount, 0)
    from claims as c
    left join moves as v on c.claim_id = v.claim_id
    where coalesce(c.paid_amount, c.reserve_amount, c.expense_paid, c.expense_reserve) is not null
),
rated as (
    select
        v.claim_id, v.is_latest, least(v.valued_on, c.known_to) as valued_on, c.dated_on, c.known_to,
        in_base(v.gross, r.rate) as gross_base, in_base(v.recovered, r.rate) as recovered_base
    from stated as v
    join claims as c on v.claim_id = c.claim_id
    join exchange_rate as r
        on v.currency = r.currency
        and (r.currency = getvariable('base_currency') or (c.dated_on >= r.valid_from and c.dated_on < r.valid_to))
    where c.dated_on is not null
),
changes as (
    select
        claim_id, valued_on, dated_on, known_to,
        gross_base - coalesce(lag(gross_base) over earlier, 0) as gross_base,
        recovered_base - coalesce(lag(recovered_base) over earlier, 0) as recovered_base
    from rated
    window earlier as (partition by claim_id order by valued_on, is_latest)
),
aged as (
    select
        claim_id, gross_base, recovered_base,
        date_sub('month', least(dated_on, known_to) + 1, known_to + 1) // 3 as origin,
        date_sub('month', valued_on + 1, known_to + 1) // 3 as valued
    from changes
    where gross_base <> 0 or recovered_base <> 0
),
final as (
    select
        c.of_insured as insured_id, c.carrier_id, c.lane_id, c.commodity, c.mode, c.month, c.product, c.is_theft,
        a.origin::integer as origin, greatest(a.origin - a.valued + 1, 1)::integer as age,
        sum(a.gross_base)::decimal(38, 4) as gross_base, sum(a.recovered_base)::decimal(38, 4) as recovered_base
    from aged as a
    join claims as c on a.claim_id = c.claim_id
    group by all
)
select * from final order by month, insured_id, age;
