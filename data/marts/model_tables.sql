-- What analysis/models.py fits on the whole book, empty until it has run. Months are first days; shares lie in 0 to 1.
create or replace table reporting_lag (
    lag_days integer,           -- days from theft to report
    share double,               -- of thefts reported within that many days
    at_risk bigint,             -- thefts that could have shown this lag and had no longer one
    events bigint               -- thefts with this lag
);
create or replace table class_rate (
    level varchar,              -- 'lane', 'corridor', 'site'
    segment varchar,            -- 'line haul', 'last mile', 'storage'
    quarter date,
    mode varchar,
    commodity varchar,
    units double,               -- trips, parcels or site-months
    maturity double,            -- share of the thefts that is reported by now
    observed double,            -- thefts; a part where the class is not stated and spread over those of its place
    expected double,            -- units x maturity x rate
    rate double,                -- thefts a unit, fully reported
    insureds integer, largest_share double, two_largest_share double, is_shareable boolean
);
create or replace table class_severity (
    segment varchar,
    commodity varchar,
    thefts bigint,              -- counted thefts of the window
    valued bigint,              -- of them with a known loss
    insureds bigint,            -- how many had one
    mean_loss double,           -- base currency, each loss capped
    weight double,              -- credibility of the class's own mean
    severity double,            -- weight x own mean + (1 - weight) x segment's; capped value a unit by declared value
    basis varchar,              -- 'known losses'; 'declared value' in a segment without any; null with neither
    is_shareable boolean        -- whether enough losses of enough insureds stand behind it
);
create or replace table hotspot_prior (
    level varchar, segment varchar,
    dispersion double,          -- a of the Gamma(a, a) prior of ratios
    variation double,           -- its coefficient of variation
    low double, high double,    -- 90% of the prior
    probability double,         -- that a place without data exceeds the ratio of a hotspot
    first_quarter date          -- the first with exposure in the fit: whoever may see a verdict may know since when
);
create or replace table hotspot_level (
    level varchar,
    places bigint, observed bigint, expected double,
    enough double,              -- share of the exposure (as expected thefts) at places with enough data
    hotspots bigint, hotspots_by_chance double, watched bigint, watched_by_chance double,
    opens boolean               -- the finest level at which a fifth of the exposure has enough data
);
create or replace table hotspot_verdict (
    level varchar, place_id varchar, label varchar, segment varchar,
    units double, value_base double, maturity double,
    observed bigint, expected double,
    raw_ratio double, ratio double, low double, high double,
    probability double,         -- that the true ratio exceeds that of a hotspot
    weight double,              -- own-data weight E / (a + E)
    verdict varchar,            -- 'hotspot', 'watch', 'ordinary', 'not enough data'
    rate double,                -- thefts a unit, shrunken and fully reported
    severity double,            -- base currency a theft, capped, pooled by class
    severity_is_shareable boolean,  -- whether that of each of its classes is: else it is the whole book's alone
    excess_thefts double,       -- expected x (ratio - 1), in the window
    excess_loss double,         -- excess_thefts x severity
    loss_cost double,           -- expected loss per 1,000 of declared value, fully reported; null without values
    insureds integer, largest_share double, two_largest_share double, is_shareable boolean
);
create or replace table hotspot_share (
    level varchar, place_id varchar, segment varchar,
    insured_id varchar, carrier_id varchar, lane_id varchar, commodity varchar, mode varchar,
    units double, value_base double, observed bigint,
    expected double,
    is_shareable boolean        -- whether `expected` gives away no other insured's rate
);
create or replace table account_small_loss (
    insured_id varchar, segment varchar, commodity varchar,
    multiple integer,           -- of the account's deductible: a theft below it is small
    below double,               -- share of its thefts that are small, under the severity of the class
    is_shareable boolean        -- whether that severity may be shown to a scoped viewer
);
create or replace table place_small_loss (
    level varchar, place_id varchar, segment varchar,
    multiple integer,
    below double,               -- share of the place's expected thefts that are small against their own deductibles
    below_book double,          -- the same over all places of its level and segment
    known double,               -- share of the segment's thefts with a known loss; null where its severity has no loss
    is_shareable boolean,       -- as the place's verdict
    severity_is_shareable boolean
);
create or replace table hotspot_cluster (
    cluster_id integer,         -- 1 is the strongest; no two share a lane
    site_id varchar, label varchar, latitude double, longitude double,  -- the site that most of its lanes touch
    touching integer,           -- how many of them do
    lanes integer,
    observed bigint,
    expected double,            -- scaled so that all lanes' expected thefts add up to the observed ones
    relative_risk double,       -- observed / expected in it over the same outside; null where nothing happened outside
    log_likelihood_ratio double,
    p_value double,             -- chance of one as strong if every lane had the book's rate
    p_value_lanes double,       -- the same if lanes differ as hotspot_prior says, neighbours no more alike than others
    zones bigint, replicates integer, seed integer,
    insureds integer, largest_share double, two_largest_share double, is_shareable boolean
);
create or replace table hotspot_cluster_lane (
    cluster_id integer, lane_id varchar, segment varchar, observed bigint, expected double,
    is_shareable boolean        -- whether the lane's own counts may be shown to others
);
-- An account's own figure of each measure over a fixed window (analysis/benchmarks.py).
create or replace table peer_value (
    insured_id varchar, group_kind varchar, group_name varchar,
    measure varchar,            -- key of the registry
    span varchar,               -- 'latest': the last 12 complete mature months; 'before': the 12 before them
    first_month date, end_month date,   -- the second is the first day after it
    numerator double, denominator double, value double,
    low double, high double,    -- 95% interval; null where none can be given
    n double
);
-- What the figures of a group of accounts come to, with none of them named.
create or replace table peer_benchmark (
    group_kind varchar,         -- 'segment'; 'role' of accounts without one; 'book'
    group_name varchar, measure varchar, span varchar, first_month date, end_month date,
    insureds integer,           -- with a denominator
    median double,
    low_quartile double, high_quartile double,  -- null under 8 insureds
    level double,               -- all of them together: sum of numerators / sum of denominators
    largest_share double, two_largest_share double,     -- of the denominator
    is_shareable boolean
);
create or replace table model_note (
    topic varchar, level varchar, segment varchar,
    thefts double, units double, share double,
    text varchar                -- one sentence, without full stop
);
create or replace table claim_pattern (
    kind varchar,               -- 'gross' (incurred incl. claims expense) or 'recovered' (salvage and subrogation)
    age integer,                -- quarters since the beginning of the quarter of loss; 1 is that quarter
    factor double,              -- to the next age
    sigma double,               -- Mack's
    pairs integer,              -- quarters of loss that the factor rests on
    to_ultimate double,
    developed_share double,     -- 1 / to_ultimate
    relative_error double,      -- standard error / ultimate of the quarter that is now of this age
    -- The same as others may see it, and as it is used: ages whose changes are those of few are pooled into one tail.
    shared_factor double, shared_to_ultimate double, shared_developed_share double, shared_relative_error double,
    pooled_from integer,        -- age from which on factors are pooled; null: none are
    is_shareable boolean        -- where not even pooled, the shared columns repeat the fitted ones
);
create or replace table claim_origin (
    kind varchar, origin integer, first_day date, last_day date,
    age integer, latest double, ultimate double,
    standard_error double,      -- of the ultimate (Mack)
    one_year_error double       -- of what it may move by within a year (Merz and Wüthrich)
);
create or replace table claim_reserve (
    kind varchar,
    latest double, ultimate double, standard_error double, low double, high double,
    state varchar,              -- 'fitted', 'no errors', 'too short'
    caveats varchar             -- sentences without full stop, separated by '; '
);
create or replace table claim_class (
    product varchar,            -- kind of policy; null for the whole book
    earned_base double,
    used_base double,           -- earned premium x share of its losses that is known by now
    ratio double,               -- ultimate incurred incl. claims expense / earned premium
    theft_ratio double, recovered_ratio double,
    losses bigint,              -- occurrences with an amount
    mean_severity double, severity_cv double,
    -- Whether others may see the ratio, its theft part, the recoveries and the sizes: by holders of premium and losses,
    -- and so that the book less the classes shown gives no hidden one away.
    is_shareable boolean, is_theft_shareable boolean, is_recovered_shareable boolean, is_size_shareable boolean
);
-- What is still to come of an account's losses of a month: the same number whoever looks (analysis/claim_expected.py).
create or replace table claim_expected (
    insured_id varchar, month date,
    to_come double, theft_to_come double, back_to_come double,  -- base currency; null: no development is known
    relative_error double,      -- of the ultimate
    size_mean double, size_cv double,   -- of losses of its classes, weighed by earned premium
    -- Whether the figures of the book that each rests on may be seen by others than those who see the whole book.
    is_shareable boolean, is_theft_shareable boolean, is_back_shareable boolean, is_size_shareable boolean
);
