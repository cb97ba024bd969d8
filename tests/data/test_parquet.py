"""Parquet through a whole load: types kept, extreme values turned away without a crash, patterns of file names."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.portfolios import FILES, load_files, open_view

INSURED = {"insured.csv": FILES["insured.csv"]}
LARGEST = 2**63 - 1


def parquet(columns: dict[str, pa.Array | list[object]]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    ("unit", "most"), [("s", LARGEST // 10**6), ("ms", LARGEST // 1000), ("us", LARGEST), ("ns", LARGEST)]
)
@pytest.mark.parametrize("offset", [None, "UTC"])
def test_moments_beyond_any_calendar_cost_their_cell_and_never_the_load(
    tmp_path: Path, zone: str, unit: str, most: int, offset: str | None
) -> None:
    moments = pa.array([0, most, -most, 1 - most, None], pa.int64()).cast(pa.timestamp(unit, tz=offset))
    files = {
        **INSURED,
        "shipment.parquet": parquet(
            {
                "shipment_id": ["H1", "H2", "H3", "H4", "H5"],
                "insured_id": ["I1"] * 5,
                "departed_at": moments,
                "delivered_at": ["2025-01-01"] * 5,
            }
        ),
    }
    result = load_files(tmp_path, files=files, top=f'currency = "USD"\ntimezone = "{zone}"\n')
    (shipment,) = (file for file in result.files if file.table == "shipment")
    assert (shipment.read, shipment.loaded, shipment.cells_nulled) == (5, 5, 3)
    view = open_view(tmp_path)
    known = view.rows("select shipment_id from shipment where departed_at is not null")
    assert known == [("H1",)]
    assert view.rows("select row_number, column_name from nulled_cell order by 1") == [
        (2, "departed_at"),
        (3, "departed_at"),
        (4, "departed_at"),
    ]


@pytest.mark.parametrize("offset", [None, "UTC"])
def test_a_moment_before_any_calendar_is_listed_as_the_file_has_it(tmp_path: Path, offset: str | None) -> None:
    moments = pa.array([0, -(2**63), 1 - LARGEST], pa.int64()).cast(pa.timestamp("us", tz=offset))
    known = {"shipment_id": ["H1", "H2", "H3"], "insured_id": ["I1"] * 3, "delivered_at": ["2025-01-01"] * 3}
    content = parquet({**known, "departed_at": moments})
    load_files(tmp_path, files={**INSURED, "shipment.parquet": content})
    assert open_view(tmp_path).rows("select value, reason from nulled_cell order by row_number") == [
        (
            f"{least} microseconds since 1970",
            f"departed_at '{least} microseconds since 1970' is no date and time between 1900 and 2100",
        )
        for least in ("-9223372036854775808", "-9223372036854775806")
    ]


def test_nanoseconds_with_an_offset_are_the_moment_they_say(tmp_path: Path) -> None:
    moment = pa.array([1_740_787_200_000_000_000], pa.int64()).cast(pa.timestamp("ns", tz="America/Chicago"))
    content = parquet({"shipment_id": ["H1"], "insured_id": ["I1"], "departed_at": moment})
    load_files(tmp_path, files={**INSURED, "shipment.parquet": content}, top='timezone = "Asia/Tokyo"\n')
    assert open_view(tmp_path).rows("select departed_at::varchar from shipment") == [("2025-03-01 00:00:00",)]


def test_days_beyond_any_calendar_are_listed(tmp_path: Path) -> None:
    days = pa.array([20_000, 2**31 - 1, -(2**31) + 1], pa.int32()).cast(pa.date32())
    claims = parquet({"claim_id": ["C1", "C2", "C3"], "insured_id": ["I1"] * 3, "loss_date": days})
    load_files(tmp_path, files={**INSURED, "claim.parquet": claims})
    view = open_view(tmp_path)
    assert view.rows("select claim_id, loss_date::varchar from claim order by 1") == [
        ("C1", "2024-10-04"),
        ("C2", None),
        ("C3", None),
    ]
    assert view.rows("select count(*) from nulled_cell where column_name = 'loss_date'") == [(2,)]


def test_keys_in_a_column_of_numbers_with_gaps_are_whole(tmp_path: Path) -> None:
    # A table with a gap comes out of pandas as 1.0, NaN, 3.0: the keys are 1 and 3, and NaN is none.
    keys = pa.array([1.0, float("nan"), 3.0, 2.5, None, 123456789012.0], pa.float64())
    names = ["One", "None", "Three", "Two and a half", "Nothing", "Long"]
    load_files(
        tmp_path,
        files={
            "insured.parquet": parquet({"insured_id": keys, "name": names}),
            "claim.csv": "claim_id,insured_id,loss_date\nC1,1,2025-01-01\nC2,3,2025-01-02\n",
        },
    )
    view = open_view(tmp_path)
    assert view.rows("select insured_id, name from insured order by name") == [
        ("123456789012", "Long"),
        ("1", "One"),
        ("3", "Three"),
        ("2.5", "Two and a half"),
    ]
    assert view.rows("select row_number from quarantine order by 1") == [(2,), (5,)]
    assert view.rows("select count(*) from claim join insured using (insured_id)") == [(2,)]


def test_a_pattern_takes_every_parquet_file_and_each_keeps_its_name(tmp_path: Path) -> None:
    def shipments(*ids: str) -> bytes:
        return parquet(
            {"shipment_id": list(ids), "insured_id": ["I1"] * len(ids), "departed_at": ["2025-01-01"] * len(ids)}
        )

    files = {
        **INSURED,
        "move-1.parquet": shipments("H1", "H2"),
        "move-2.parquet": shipments("H3"),
        "move-[3].parquet": shipments("H4"),
        "other.parquet": shipments("H9"),
    }
    tables = """
[[table]]
name = "insured"
file = "insured.csv"
[[table]]
name = "shipment"
file = "move-*.parquet"
"""
    result = load_files(tmp_path, files=files, tables=tables)
    found = sorted((file.file, file.read, file.loaded) for file in result.files if file.table == "shipment")
    assert found == [("move-1.parquet", 2, 2), ("move-2.parquet", 1, 1), ("move-[3].parquet", 1, 1)]
    assert open_view(tmp_path).rows("select shipment_id from shipment order by 1") == [
        ("H1",),
        ("H2",),
        ("H3",),
        ("H4",),
    ]
