-- Units of base currency for one unit of a currency, from a day (included) to another (not included); the base currency
-- itself is worth one on every day, also on an unknown one.
create or replace table exchange_rate as
with
spans as (
    select currency, on_date as valid_from,
        lead(on_date, 1, date '9999-12-31') over (partition by currency order by on_date) as valid_to, rate
    from fx_rate
    where currency <> getvariable('base_currency')
),
final as (
    select * from spans
    union all
    select getvariable('base_currency'), date '0001-01-01', date '9999-12-31', 1.0
    where getvariable('base_currency') is not null
)
select * from final;
