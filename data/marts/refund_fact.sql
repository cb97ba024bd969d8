-- One row a refund or charge-back: whose goods, when, how much, and who granted it (a keyed hash).
create or replace table refund_fact as
with
taken as (
    select
        'refund' as kind, refund_id as refund_no, shipment_id, operator_id, amount, currency, reason,
        refunded_at as occurred_at, item_received, null::varchar as outcome
    from refund
    union all
    select 'charge-back', chargeback_id, shipment_id, null, amount, currency, reason, opened_at, null, outcome
    from chargeback
),
dated as (
    select *, timezone(getvariable('reporting_timezone'), timezone('UTC', occurred_at))::date as occurred_on from taken
),
final as (
    select
        d.kind, d.refund_no, d.shipment_id, s.insured_id, s.carrier_id, s.lane_id, s.commodity, s.mode,
        date_trunc('month', d.occurred_on)::date as month, d.occurred_at, d.operator_id, d.reason, d.item_received,
        d.outcome, d.currency, d.amount, in_base(d.amount, r.rate) as amount_base
    from dated as d
    left join shipment_key as s on d.shipment_id = s.shipment_id
    left join exchange_rate as r
        on d.currency = r.currency
        and (r.currency = getvariable('base_currency') or (d.occurred_on >= r.valid_from and d.occurred_on < r.valid_to))
)
select * from final order by month, kind, refund_no;
