"""The small sample, written and fitted once for all tests of this room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analysis.models import fit
from data.load import LoadResult
from data.portfolio import Portfolio
from data.sample import write_sample


@dataclass(frozen=True)
class Sample:
    connection: duckdb.DuckDBPyConnection
    truth: dict[str, Any]
    result: LoadResult
    folder: Path

    def row(self, sql: str) -> tuple[Any, ...]:
        found = self.connection.execute(sql).fetchone()
        assert found is not None
        return found

    def value(self, sql: str) -> Any:
        return self.row(sql)[0]

    def planted(self, name: str) -> dict[str, Any]:
        return next(truth for truth in self.truth["truths"] if truth["id"] == name)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    folder = tmp_path_factory.mktemp("sample")
    result = write_sample(folder, seed=7, fit=fit)
    file = folder / "snapshots" / f"{Portfolio(folder).current()}.duckdb"
    connection = duckdb.connect(str(file), read_only=True)
    yield Sample(connection, json.loads((folder / "truth.json").read_text(encoding="utf-8")), result, folder)
    connection.close()
