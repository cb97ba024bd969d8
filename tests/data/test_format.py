"""A snapshot of another version of Lanewise says so, and takes one load to be opened again."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import duckdb
import pytest

from data.contract import contract
from data.errors import LanewiseError
from data.marts import FORMAT
from data.portfolio import Portfolio
from tests.small_portfolio import load, write_feed


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    made = write_feed(tmp_path / "feed")
    load(made, portfolio=tmp_path / "portfolio")
    return made


def snapshot_file(tmp_path: Path) -> Path:
    current = Portfolio(tmp_path / "portfolio").current()
    return tmp_path / "portfolio" / "snapshots" / f"{current}.duckdb"


@pytest.mark.parametrize("change", ["update mart_format set number = number - 1", "drop table mart_format"])
def test_a_snapshot_of_another_version_is_named_and_made_again_by_a_load(
    feed: Path, tmp_path: Path, change: str
) -> None:
    with duckdb.connect(snapshot_file(tmp_path)) as connection:
        connection.execute(change)
    with pytest.raises(LanewiseError, match="was made by another version of Lanewise") as caught:
        Portfolio(tmp_path / "portfolio").open()
    assert "python -m data load" in str(caught.value)
    load(feed, portfolio=tmp_path / "portfolio")
    assert Portfolio(tmp_path / "portfolio").open().tables["shipment"]


@pytest.mark.usefixtures("feed")
def test_whoever_changes_what_facts_hold_counts_the_format_up(tmp_path: Path) -> None:
    """Changed a mart or a table of the fit? Count data.marts.FORMAT up, and put its new digest here."""
    known = contract()
    with duckdb.connect(snapshot_file(tmp_path), read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where not internal order by all"
        ).fetchall()
    held = [(table, column, re.sub(r"ENUM\(.*", "ENUM", kind)) for table, column, kind in columns if table not in known]
    assert len(held) > 300
    digest = hashlib.sha256(repr(held).encode()).hexdigest()[:12]
    assert (FORMAT, digest) == (2, "ebc1318da144")
