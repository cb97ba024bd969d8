-- Which months the book is fitted on, and from which loss a theft counts: the last 36 months whose thefts are reported.
create or replace table fit_window as
with
exposed as (
    select max(as_of) as known_to
    from feed
    where name in (select _feed from shipment union select _feed from trip union select _feed from site_value)
),
lost as (
    select max(as_of) as known_to from feed where name in (select _feed from incident where source = 'own')
),
dated as (
    -- Beyond the older of the two, thefts would lack their exposure, or exposure its thefts.
    select least(exposed.known_to, lost.known_to) as known_to, coalesce(lost.known_to, exposed.known_to) as reported_to
    from exposed, lost
),
final as (
    select
        known_to,
        reported_to,
        date_trunc('month', known_to - interval 36 month + interval 1 day)::date as first_month,
        -- The last 60 days are immature: the first month that is not wholly older ends the window.
        date_trunc('month', known_to - interval 59 day)::date as end_month,
        1000::decimal(18, 4) as threshold_base
    from dated
    where known_to is not null
)
select * from final;
