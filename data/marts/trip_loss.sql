-- Own thefts of goods that had a device: the time around the loss in which it should have been heard, as windows beside
-- those of trips (their numbers are negative), so that one pass over the pings serves both.
create or replace table trip_loss as
with
struck as (
    select
        f.incident_id, f.insured_id, f.carrier_id, f.lane_id, f.commodity, f.mode, f.month, f.occurred_at,
        coalesce(i.occurred_to, i.occurred_from) as until_at,
        t.trip_id is not null as is_trip, coalesce(t.trip_id, s.shipment_id) as trip_id
    from theft_fact as f
    join incident as i on f.incident_id = i.incident_id
    left join shipment as s on i.shipment_id = s.shipment_id
    left join trip as t on coalesce(i.trip_id, s.trip_id) = t.trip_id
),
tracked as (
    select x.*, w.trip_no
    from struck as x
    join trip_window as w on x.is_trip = w.is_trip and x.trip_id = w.trip_id
    where not w.no_signal
        -- Goods that had arrived were on no trip any more.
        and x.occurred_at < coalesce(w.arrived_at, x.occurred_at + interval 1 second)
        and exists (select 1 from trip_device as d where d.trip_no = w.trip_no)
),
final as (
    select
        -number_of(true, x.incident_id) as loss_no, x.*,
        -- One blackout's gap more on both sides, so that a gap which reaches into it is seen whole.
        epoch_ms(x.occurred_at) - 1000 * (p.around_loss_s + p.blackout_gap_s) as from_ms,
        epoch_ms(greatest(x.until_at, x.occurred_at)) + 1000 * (p.around_loss_s + p.blackout_gap_s) as to_ms
    from tracked as x
    cross join sla_schedule as p
)
select * from final order by loss_no desc;
