"""A cursor that goes from one view to the next brings nothing of the first along."""

from __future__ import annotations

import gc
from datetime import date
from pathlib import Path

import duckdb
import pytest

from analysis.filters import Filters, Scope
from data.cursors import Cursors
from data.portfolio import Portfolio, Snapshot, View
from tests.portfolios import load_files

IDS = "select insured_id from insured order by all"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root: Path = tmp_path_factory.mktemp("portfolio")
    load_files(root)
    return Portfolio(root / "portfolio").open()


def cursor_of(view: View) -> int:
    return id(view._lent.cursor)


def test_the_next_view_of_the_same_shape_takes_the_cursor_and_sees_its_own_rows(snapshot: Snapshot) -> None:
    first = snapshot.view(Scope(frozenset({"I1"})), Filters())
    assert first.rows(IDS) == [("I1",)]
    cursor = cursor_of(first)
    del first
    gc.collect()
    second = snapshot.view(Scope(frozenset({"I2"})), Filters())
    assert second.rows(IDS) == [("I2",)]
    assert cursor_of(second) == cursor
    # Nobody's rows: an empty scope is not the scope before it.
    del second
    gc.collect()
    third = snapshot.view(Scope(frozenset()), Filters())
    assert third.rows(IDS) == []
    assert cursor_of(third) == cursor


def test_views_that_live_at_once_share_no_cursor(snapshot: Snapshot) -> None:
    views = [snapshot.view(Scope(frozenset({name})), Filters()) for name in ("I1", "I2", "I1", "I2")]
    assert [view.rows(IDS) for view in views] == [[("I1",)], [("I2",)], [("I1",)], [("I2",)]]
    assert len({cursor_of(view) for view in views}) == 4


def test_another_shape_takes_another_cursor(snapshot: Snapshot) -> None:
    scoped = snapshot.view(Scope(frozenset({"I1"})), Filters())
    assert scoped.rows(IDS) == [("I1",)]
    cursor = cursor_of(scoped)
    del scoped
    gc.collect()
    whole = snapshot.view(Scope(), Filters())
    assert {row[0] for row in whole.rows(IDS)} >= {"I1", "I2"}
    assert cursor_of(whole) != cursor


def test_a_cursor_whose_statement_failed_serves_no_other(snapshot: Snapshot) -> None:
    failed = snapshot.view(Scope(), Filters(first_month=date(2025, 1, 1)))
    with pytest.raises(duckdb.Error):
        failed.rows("select nothing from insured")
    cursor = failed._lent.cursor
    del failed
    gc.collect()
    after = snapshot.view(Scope(), Filters(first_month=date(2025, 1, 1)))
    after.rows(IDS)
    assert after._lent.cursor is not cursor


def test_a_result_still_being_read_is_not_taken_away(snapshot: Snapshot) -> None:
    result = snapshot.view(Scope(frozenset({"I1"})), Filters(insured=("I1",))).execute(IDS)
    gc.collect()
    other = snapshot.view(Scope(frozenset({"I2"})), Filters(insured=("I2",)))
    assert other.rows(IDS) == [("I2",)]
    assert result.fetchall() == [("I1",)]


def test_a_variable_that_the_next_view_does_not_set_is_unset() -> None:
    cursors = Cursors(duckdb.connect(":memory:"))
    shape = (True, (), False, False)
    lent = cursors.take(shape, {"scope_insured": ["I1"], "first_day": date(2025, 1, 1)})
    cursors.give(shape, lent)
    again = cursors.take(shape, {"scope_insured": ["I2"], "first_day": None})
    assert again is lent
    assert again.cursor.execute("select getvariable('scope_insured'), getvariable('first_day')").fetchone() == (
        ["I2"],
        None,
    )


def test_what_no_filter_changes_is_asked_once_for_each_scope(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(insureds: frozenset[str] | None, filters: Filters) -> list[tuple[str]]:
        return snapshot.view(Scope(insureds), filters).lasting_rows(IDS)

    whole = snapshot.view(Scope(), Filters()).rows(IDS)
    assert asked(frozenset({"I1"}), Filters()) == [("I1",)]
    assert asked(frozenset({"I2"}), Filters()) == [("I2",)]
    assert asked(frozenset(), Filters()) == []
    # A filter leaves it whole, and whoever asks next is answered without a statement.
    assert asked(None, Filters(insured=("I1",), first_month=date(2031, 1, 1))) == whole
    monkeypatch.setattr(View, "rows", lambda *_: pytest.fail("asked again"))
    assert asked(None, Filters()) == whole
    assert asked(frozenset({"I2"}), Filters(insured=("I1",))) == [("I2",)]
