-- Whom each control protects: the account it names, else those that use its lane or its place.
create or replace table control_key as
with
final as (
    select c.control_id, c.insured_id, null::varchar as carrier_id, c.lane_id, null::varchar as commodity, l.mode
    from control as c
    left join lane as l on c.lane_id = l.lane_id
    where c.insured_id is not null
    union
    select c.control_id, u.insured_id, u.carrier_id, u.lane_id, u.commodity, u.mode
    from control as c
    join lane_use as u on c.lane_id = u.lane_id
    where c.insured_id is null
    union
    select c.control_id, u.insured_id, u.carrier_id, u.lane_id, u.commodity, u.mode
    from control as c
    join site_use as u on c.site_id = u.site_id
    where c.insured_id is null and c.lane_id is null
)
select * from final;
