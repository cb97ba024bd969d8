-- What a snapshot remembers beside the contract's tables: where each row came from and what became of the others.

create table if not exists feed (
    name varchar, currency varchar, timezone varchar, as_of date, synthetic boolean, id_prefix varchar,
    loaded_at timestamp, sequence integer, toml varchar
);
create table if not exists source (
    source_id integer, feed varchar, table_name varchar, entry integer, file varchar, sheet varchar, dialect varchar,
    sha256 varchar, read_rows bigint, left_out_rows bigint, folded_at_load bigint, notes varchar,
    rule varchar
);
create table if not exists source_amount (
    source_id integer, column_name varchar, currency varchar, read_sum decimal(38, 4), left_out_sum decimal(38, 4),
    folded_at_load decimal(38, 4), not_numbers bigint
);
create table if not exists quarantine (
    feed varchar, source_id integer, table_name varchar, row_number bigint, kind varchar,
    problems struct(column_name varchar, value varchar, reason varchar)[], row_values varchar, row_typed varchar
);
create table if not exists nulled_cell (
    feed varchar, source_id integer, table_name varchar, row_number bigint, column_name varchar, value varchar,
    reason varchar
);
create table if not exists superseded (
    feed varchar, source_id integer, table_name varchar, row_number bigint, kind varchar, row_typed varchar
);
create table if not exists orphan (
    table_name varchar, column_name varchar, parent_table varchar, value varchar, row_count bigint, feed varchar
);
create table if not exists snapshot (
    id varchar, created_at timestamp, base_currency varchar, reporting_timezone varchar, plan_rate_date date,
    data_date date, synthetic boolean, product_version varchar
);
create table if not exists content (table_name varchar, row_count bigint, hash varchar);
create table if not exists content_sum (table_name varchar, row_count bigint, total hugeint, mixed ubigint);
create table if not exists mart_state (fingerprint varchar);
alter table mart_state add column if not exists data_date date;
create table if not exists mart_format (number integer);
