-- The schedule by which signals are judged, one row: the same for every account, whatever its devices are set to.
create or replace table sla_schedule as
with
final as (
    select
        300 as interval_s,               -- between two reports (TAPA TSR 2020)
        600 as blackout_gap_s,           -- a gap above this is a blackout: two intervals
        900 as looser_gap_s,             -- the same of the looser definition: three intervals
        0.80::double as least_completeness,
        1800 as longest_blackout_s,      -- of a protected trip
        43200 as after_schedule_s,       -- how long after its promise a trip without arrival is waited for
        86400 as notice_s,               -- by which maintenance is announced
        0.02::double as maintenance_share, -- of a device's time that maintenance may take out, at most
        1800 as around_loss_s            -- before and after a loss window in which a device must not be dark
)
select * from final;
