"""Premium is earned day by day over its term, and what has moved on the way from the day it moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from analysis.exposure import Term, earned_premium, earned_share, in_force, premium_rows
from analysis.filters import Filters, Scope
from tests.portfolios import load_files, open_view

POLICY = "policy_id,insured_id,inception_date,expiry_date,status,currency,written_premium\n"
MOVED = "policy_id,moved_on,kind,gross_premium\n"
INSUREDS = "insured_id,name\nI1,Acme\nI2,Bolt\n"
#: Table 7.7 of Loss Data Analytics, Premium Foundations.
QUARTERS = {name: Term(date(2019, m, 1), date(2020, m, 1)) for name, m in zip("ABCD", (1, 4, 7, 10), strict=True)}


def load(
    root: Path, *, policies: str, moved: str = "", as_of: str = "2025-12-31", more: Mapping[str, str] | None = None
) -> None:
    files = {"insured.csv": INSUREDS, "policy.csv": POLICY + policies, **(more or {})}
    if moved:
        files["premium_movement.csv"] = MOVED + moved
    load_files(root, files=files, top=f'currency = "USD"\ntimezone = "UTC"\nas_of = "{as_of}"\n')


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2019, {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25}),
        (2020, {"A": 0.0, "B": 0.25, "C": 0.5, "D": 0.75}),
    ],
)
def test_calendar_year_exposure_as_published(year: int, expected: Mapping[str, float]) -> None:
    earned = {
        name: earned_share(term, first=date(year, 1, 1), end=date(year + 1, 1, 1), by="months")
        for name, term in QUARTERS.items()
    }
    assert earned == pytest.approx(expected, abs=1e-9)
    assert sum(earned.values()) == pytest.approx({2019: 2.5, 2020: 1.5}[year], abs=1e-9)


def test_in_force_as_published():
    assert in_force(list(QUARTERS.values()), on=date(2020, 1, 1)) == 3


def test_a_day_of_a_month_earns_its_part_of_it():
    term = Term(date(2025, 1, 16), date(2025, 3, 15))
    assert earned_share(term, first=date(2025, 2, 1), end=date(2025, 3, 1)) == pytest.approx(28 / 58)
    assert earned_share(term, first=date(2025, 2, 1), end=date(2025, 3, 1), by="months") == pytest.approx(
        1 / (16 / 31 + 1 + 14 / 31)
    )


def test_no_term_ends_before_it_begins():
    with pytest.raises(ValueError, match="before it begins"):
        Term(date(2025, 1, 1), date(2025, 1, 1))


def test_premium_is_earned_by_the_day_and_the_rest_is_unearned(tmp_path: Path) -> None:
    load(tmp_path, policies="P1,I1,2025-01-01,2026-01-01,bound,USD,36500\n", as_of="2025-03-10")
    found = earned_premium(open_view(tmp_path))
    assert [(month, round(base, 6)) for month, base, _ in found.months] == [
        (date(2025, 1, 1), 3100.0),
        (date(2025, 2, 1), 2800.0),
        (date(2025, 3, 1), 1000.0),
    ]
    assert found.value == pytest.approx(6900)
    assert found.written == pytest.approx(36500)
    assert found.unearned == pytest.approx(36500 - 6900)
    assert (found.n, found.in_force, found.terms) == (1, 1, pytest.approx(69 / 365))
    february = open_view(tmp_path, filters=Filters(date(2025, 2, 1), date(2025, 2, 1)))
    assert earned_premium(february).value == pytest.approx(2800)
    assert earned_premium(february).unearned == pytest.approx(36500 - 5900)


@pytest.mark.parametrize(
    ("moved", "earned", "march"),
    [
        # Booked in parts: the written premium holds all of it.
        ("P1,2025-01-01,deposit,30000\nP1,2025-04-01,instalment,6500\n", 36500, 3100),
        # Not all of it is booked yet: the agreed premium is earned all the same.
        ("P1,2025-01-01,deposit,30000\n", 36500, 3100),
        # More cover from 1 November on, 61 days: 6,100 above the written premium.
        ("P1,2025-11-01,endorsement,6100\n", 42600, 3100),
        # The same, where the written premium already holds it: 30,400 over 365 days, 6,100 over 61.
        ("P1,2025-01-01,deposit,30400\nP1,2025-11-01,endorsement,6100\n", 36500, 30400 / 365 * 31),
        # Cancelled after half a year: nothing is earned from then on.
        ("P1,2025-01-01,deposit,36500\nP1,2025-07-01,cancellation,-18400\n", 18100, 3100),
        # Taken back on its first day.
        ("P1,2025-01-01,deposit,36500\nP1,2025-01-01,cancellation,-36500\n", 0, 0),
        # Settled after its end by what was declared.
        ("P1,2025-01-01,deposit,36500\nP1,2026-02-10,adjustment,3650\n", 40150, 3410),
    ],
)
def test_movements_count_from_their_day_or_for_the_whole_term(
    tmp_path: Path, moved: str, earned: float, march: float
) -> None:
    load(tmp_path, policies="P1,I1,2025-01-01,2026-01-01,bound,USD,36500\n", moved=moved, as_of="2026-06-30")
    found = earned_premium(open_view(tmp_path))
    assert found.value == pytest.approx(earned, abs=1e-6)
    assert {month: base for month, base, _ in found.months}[date(2025, 3, 1)] == pytest.approx(march, abs=1e-6)


def test_movements_alone_tell_a_premium_and_quotes_none(tmp_path: Path) -> None:
    load(
        tmp_path,
        policies="P1,I1,2025-01-01,2026-01-01,bound,USD,\nP2,I1,2025-01-01,2026-01-01,Quoted,USD,99999\n"
        "P3,I2,2025-01-01,2026-01-01,bound,USD,\n",
        moved="P1,2025-01-01,deposit,36500\n",
    )
    found = earned_premium(open_view(tmp_path))
    assert found.value == pytest.approx(36500)
    assert (found.n, found.without_premium) == (2, 1)
    assert found.caveats == ("1 policy has no known premium",)


def test_each_day_is_converted_at_its_own_rate_and_compared_at_one(tmp_path: Path) -> None:
    load(
        tmp_path,
        policies="P1,I1,2025-01-01,2026-01-01,bound,EUR,36500\nP2,I2,2025-01-01,2026-01-01,bound,XAU,365\n",
        as_of="2025-01-31",
        more={"fx_rate.csv": "currency,on_date,rate\nEUR,2024-01-01,1.0\nEUR,2025-01-11,2.0\n"},
    )
    found = earned_premium(open_view(tmp_path))
    assert found.value == pytest.approx(10 * 100 * 1.0 + 21 * 100 * 2.0)
    assert found.at_plan == pytest.approx(31 * 100 * 2.0)
    assert found.unconverted == (("XAU", pytest.approx(31.0)),)
    rows = premium_rows(open_view(tmp_path))
    assert rows["earned_base"].sum() == pytest.approx(found.value)


def test_a_person_sees_the_premium_of_their_own_accounts_alone(tmp_path: Path) -> None:
    load(
        tmp_path,
        policies="P1,I1,2025-01-01,2026-01-01,bound,USD,36500\nP2,I2,2025-01-01,2026-01-01,bound,USD,73000\n",
    )
    assert earned_premium(open_view(tmp_path)).value == pytest.approx(109500)
    assert earned_premium(open_view(tmp_path, scope=Scope(frozenset({"I1"})))).value == pytest.approx(36500)
    assert earned_premium(open_view(tmp_path, filters=Filters(insured=("I2",)))).value == pytest.approx(73000)


def test_premium_is_not_told_by_lane_or_without_policies(tmp_path: Path) -> None:
    load(tmp_path, policies="P1,I1,2025-01-01,2026-01-01,bound,USD,36500\n")
    by_lane = earned_premium(open_view(tmp_path, filters=Filters(lane=("L1",))))
    assert by_lane.value is None
    assert by_lane.caveats == ("premium is paid for an account, not for its carriers, lanes, goods or modes",)
    load_files(tmp_path / "bare", files={"insured.csv": INSUREDS})
    assert earned_premium(open_view(tmp_path / "bare")).caveats == ("the portfolio has no table policy",)
