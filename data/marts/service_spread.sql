-- How much each measure of service differs from cluster to cluster and from trip to trip in the whole book, so that a few
-- clusters need not show it themselves; empty until analysis/service_spread.py has run.
create or replace table service_spread (
    measure varchar, definition varchar,
    value double,               -- of the whole book
    clusters bigint,            -- devices, carriers or scales with a denominator
    variance double,            -- between clusters, of their own values, weighted by the square of their denominator
    between_variance double,    -- of arcsin(sqrt(value)) between clusters, beyond how their trips scatter; outer tenths pulled in
    units bigint,               -- trips, or days of a scale or device
    dispersion double,          -- of a unit's value: variance x denominator
    insureds integer, largest_share double, two_largest_share double, is_shareable boolean
);
