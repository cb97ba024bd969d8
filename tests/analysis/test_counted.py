"""What the verdicts count: inside the window, with exposure in the fit, at the place of each level."""

from __future__ import annotations

import duckdb
import pytest

from analysis.counted import EXPOSED, LOST, at_every_level

_BOOK = """
create table fit_window as select date '2024-01-01' as first_month, date '2025-01-01' as end_month;
create table lane_key as select * from (values ('L1', 'TX > GA'), ('L2', null)) as k(lane_id, corridor);
create table lane_month as
    select 'I1' as insured_id, 'C1' as carrier_id, 'road' as mode, 'food' as commodity, 'line haul' as segment,
        v.*, 100 as value_base
    from (values
        ('L1', date '2024-01-01', true, 3.0), ('L1', date '2023-12-01', true, 5.0),
        ('L1', date '2025-01-01', true, 7.0),
        ('L1', date '2024-02-01', false, 11.0), ('L2', date '2024-12-01', true, 13.0),
        ('L2', date '2024-12-01', true, 0.0),
        (null, date '2024-03-01', true, 17.0)
    ) as v(lane_id, month, in_fit, units);
create table site_month as select *, 'S1' as site_id from lane_month where lane_id = 'L1';
create table theft_fact as
    select 'I1' as insured_id, 'C1' as carrier_id, 'road' as mode, 'food' as commodity, v.*
    from (values
        ('T1', 'L1', 'S1', 'line haul', date '2024-01-01', null, null),
        ('T2', 'L2', null, 'line haul', date '2024-12-01', null, null),
        ('T3', 'L1', 'S1', 'line haul', date '2025-01-01', null, null),
        ('T4', 'L1', 'S1', 'line haul', date '2024-05-01', 'attempt', null),
        ('T5', 'L1', 'S1', 'storage', date '2024-05-01', null, null),
        ('T6', 'L1', 'S1', 'line haul', date '2024-05-01', null, 'attempt'),
        ('T7', null, null, 'line haul', date '2024-05-01', null, null)
    ) as v(incident_id, lane_id, site_id, segment, month, left_out, left_out_at_site);
"""


@pytest.fixture
def book() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(_BOOK)
    return connection


def test_exposure_counts_in_the_window_and_in_the_fit(book: duckdb.DuckDBPyConnection) -> None:
    query = f"select level, place_id, units from ({at_every_level(EXPOSED)}) order by all"
    assert book.execute(query).fetchall() == [
        ("corridor", "TX > GA", 3.0),
        ("lane", "L1", 3.0),
        ("lane", "L2", 13.0),
        ("site", "S1", 3.0),
    ]


def test_thefts_count_in_the_window_where_no_reason_leaves_them_out(book: duckdb.DuckDBPyConnection) -> None:
    query = f"select level, place_id, incident_id from ({at_every_level(LOST)}) order by all"
    assert book.execute(query).fetchall() == [
        ("corridor", "TX > GA", "T1"),
        ("corridor", "TX > GA", "T6"),
        ("lane", "L1", "T1"),
        ("lane", "L1", "T6"),
        ("lane", "L2", "T2"),
        ("site", "S1", "T1"),
        ("site", "S1", "T4"),
        ("site", "S1", "T5"),
    ]
