"""The folder of a portfolio after a load was killed, and what is said when the disk refuses."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from data import load
from data.errors import LanewiseError
from data.load import disk_failure
from data.portfolio import Portfolio
from tests.portfolios import load_files

BOTH = ({"insured.csv": "insured_id,name\nI1,A\n"}, {"insured.csv": "insured_id,name\nI2,B\n"})
UNPUBLISHED = "20991231T235959Z-abcdef"


def leave_unpublished(portfolio: Path, *, like: str) -> None:
    """What a load leaves that is killed between naming its file and moving the pointer."""
    snapshots = portfolio / "snapshots"
    shutil.copy(snapshots / f"{like}.duckdb", snapshots / f"{UNPUBLISHED}.duckdb")
    card = json.loads((snapshots / f"{like}.json").read_text())
    card |= {"id": UNPUBLISHED, "created_at": "2099-12-31T23:59:59"}
    (snapshots / f"{UNPUBLISHED}.json").write_text(json.dumps(card))


def test_a_snapshot_that_was_never_pointed_to_is_swept_by_the_next_load(tmp_path: Path) -> None:
    first = load_files(tmp_path, files=BOTH[0]).snapshot
    portfolio = tmp_path / "portfolio"
    leave_unpublished(portfolio, like=first)
    (portfolio / "snapshots" / "20990101T000000Z-000000.duckdb").write_bytes(b"named, its card not written")
    (portfolio / "building" / "half.duckdb").write_bytes(b"half written")
    (portfolio / "building" / "half.tmp").mkdir()
    assert Portfolio(portfolio).current() == first
    second = load_files(tmp_path, files=BOTH[1]).snapshot
    assert sorted(path.name for path in (portfolio / "snapshots").iterdir()) == sorted(
        f"{name}.{ending}" for name in (first, second) for ending in ("duckdb", "json")
    )
    assert list((portfolio / "building").iterdir()) == []
    assert [card.id for card in Portfolio(portfolio).snapshots()] == [second, first]


def test_without_a_pointer_a_load_goes_on_from_the_newest_and_takes_nothing_away(tmp_path: Path) -> None:
    first = load_files(tmp_path, files=BOTH[0]).snapshot
    (tmp_path / "portfolio" / "current").unlink()
    second = load_files(tmp_path, files=BOTH[1]).snapshot
    assert (tmp_path / "portfolio" / "snapshots" / f"{first}.duckdb").exists()
    assert [card.id for card in Portfolio(tmp_path / "portfolio").snapshots()] == [second, first]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full (No space left on device). Nothing was published; the last snapshot still"),
        (errno.EACCES, "may not be read or written (Permission denied). Nothing was published"),
        (errno.EROFS, "lies on a disk that can only be read (Read-only file system)."),
        (errno.ENOENT, "was there and is gone (No such file or directory)."),
        (errno.EINTR, "the load failed: Interrupted system call. Nothing was published"),
    ],
)
def test_an_error_of_the_disk_is_said_by_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "some.file"))

    monkeypatch.setattr(load, "_build", fail)
    with pytest.raises(LanewiseError) as caught:
        load_files(tmp_path, files=BOTH[0])
    assert str(caught.value).startswith(f"{tmp_path / 'some.file'}: {said}")
    assert Portfolio(tmp_path / "portfolio").current() is None


def test_an_error_without_a_number_or_a_file_names_the_portfolio() -> None:
    said = str(disk_failure(OSError("strange"), folder=Path("/book")))
    assert said == "/book: the load failed: strange. Nothing was published; the last snapshot still serves. Load again."
