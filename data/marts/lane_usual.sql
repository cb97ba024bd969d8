-- What a lane usually takes: it stands in where nobody promised a time.
create or replace table lane_usual as
with
final as (
    select lane_id, median(epoch_ms(arrived_at) - epoch_ms(departed_at))::bigint as took_ms
    from trip_unit
    where arrived_at is not null and lane_id is not null
    group by lane_id
)
select * from final order by lane_id;
