-- Where nobody says which goods were on which trip, every trip is taken to carry some: one row.
create or replace table trip_listing as
with
final as (
    select exists (select 1 from shipment as s join trip as t on s.trip_id = t.trip_id) as goods_are_listed
)
select * from final;
