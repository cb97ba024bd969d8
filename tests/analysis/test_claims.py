"""Ultimate loss ratios on a book whose development and premium are literal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.claim_expected import Pattern, quarters_ago
from analysis.claim_models import quarter_triangle
from analysis.claims import (
    HIDDEN,
    NOT_DEVELOPED,
    UltimateLossRatio,
    development_triangle,
    ratios_by,
    ultimate_loss_ratio,
)
from analysis.differences import difference
from analysis.estimates import Estimate
from analysis.filters import Filters
from analysis.intervals import Interval
from data.portfolio import View
from tests.analysis.claim_books import claim, load_claims, view_of

#: Seven accounts of 1,200 premium a year; each loses 100 a quarter, of which 50 are known in the quarter itself, and
#: all one quarter later.
QUARTERS = [("2025-02-15", "2025-05-15"), ("2025-05-15", "2025-08-15"), ("2025-08-15", "2025-11-15")]


def lines() -> tuple[list[str], list[str], list[str]]:
    policies = [f"P{k},I{k},cargo,CA,2025-01-01,2026-01-01,1200\n" for k in range(1, 8)]
    claims, moves = [], []
    for k in range(1, 8):
        for q, (lost, grown) in enumerate(QUARTERS):
            cause = "theft" if q == 0 else "handling"
            claims.append(claim(f"C{k}{q}", insured_id=f"I{k}", policy_id=f"P{k}", loss_date=lost, paid_amount=100,
                                cause=cause, reported_at=lost, closed_at=grown))  # fmt: skip
            moves += [f"C{k}{q},{lost},0,50\n", f"C{k}{q},{grown},100,0\n"]
        claims.append(claim(f"C{k}3", insured_id=f"I{k}", policy_id=f"P{k}", loss_date="2025-11-15", reserve_amount=50,
                            reported_at="2025-11-15", salvage_amount=10))  # fmt: skip
        moves.append(f"C{k}3,2025-11-15,0,50\n")
    return claims, policies, moves


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    claims, policies, moves = lines()
    load_claims(folder, claims, policies=policies, moves=moves)
    return folder


@pytest.fixture(scope="module")
def book(root: Path) -> View:
    return view_of(root)


def test_the_triangle_is_that_of_the_valuations(book: View) -> None:
    triangle = development_triangle(book)
    assert triangle.amounts[:, :2].tolist() == [[350.0, 700.0]] * 3 + [
        [350.0, pytest.approx(float("nan"), nan_ok=True)]
    ]
    # The last known amounts are what the claims stand at.
    assert triangle.latest.sum() == 7 * 350
    assert book.rows("select sum(gross_base)::double from claim_loss") == [(7 * 350,)]


def test_the_fit_is_the_chain_ladder_of_the_book(book: View) -> None:
    assert book.rows("select age, factor, developed_share from claim_pattern where kind = 'gross' order by age") == [
        (1, 2.0, 0.5), (2, 1.0, 1.0), (3, 1.0, 1.0), (4, 1.0, 1.0),
    ]  # fmt: skip
    assert book.rows("select latest, ultimate, state from claim_reserve where kind = 'gross'") == [
        (2450.0, 2800.0, "fitted")
    ]
    last = "select first_day, last_day, latest, ultimate from claim_origin where kind = 'gross' and origin = 0"
    assert book.rows(last) == [(date(2025, 10, 1), date(2025, 12, 31), 350.0, 700.0)]


def test_the_ratio_adds_what_is_still_to_come(book: View) -> None:
    found = ultimate_loss_ratio(book)
    assert found.total("earned") == pytest.approx(8400)
    assert found.total("incurred") == 2450
    # October: middle 76.5 days ago, November 46 and December 15.5, in quarters of 91.3125 days; the share known is
    # the age in quarters up to 0.5, and then 0.5 + 0.5 x (age - 0.5).
    ages = [76.5 / 91.3125, 46 / 91.3125, 15.5 / 91.3125]
    share = {10: 0.5 + 0.5 * (ages[0] - 0.5), 11: 0.5 + 0.5 * (ages[1] - 0.5), 12: ages[2]}
    months = found.parts.groupby("month")[["earned", "incurred", "ultimate"]].sum()
    october = months.loc[pd.Timestamp("2025-10-01")]
    ((ratio,),) = book.rows("select ratio from claim_class where product is null")
    assert october["ultimate"] == pytest.approx(ratio * october["earned"] * (1 - share[10]))
    used = sum(months.loc[pd.Timestamp(2025, month, 1), "earned"] * share[month] for month in share)
    september = pd.Timestamp("2025-09-01")
    used += months.loc[:september, "earned"].sum() - months.loc[september, "earned"] * (
        1 - (0.5 + 0.5 * (107 / 91.3125 - 0.5))
    )
    august = months.loc[pd.Timestamp("2025-08-01"), "earned"]
    used -= august * max(0.0, 1 - (0.5 + 0.5 * (137.5 / 91.3125 - 0.5)))
    assert ratio == pytest.approx(2450 / used, rel=1e-6)
    assert found.value == pytest.approx(found.total("ultimate") / 8400)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert found.n == 28
    assert found.net.value == pytest.approx((found.total("ultimate") - found.total("recovered_ultimate")) / 8400)
    assert found.theft.n == 7
    assert found.total("theft_incurred") == 700


def test_accounts_add_up_to_the_book(root: Path, book: View) -> None:
    whole = ultimate_loss_ratio(book)
    parts = [ultimate_loss_ratio(view_of(root, filters=Filters(insured=(f"I{k}",)))) for k in range(1, 8)]
    for name in ("earned", "incurred", "ultimate", "net_ultimate", "theft_ultimate"):
        assert sum(part.total(name) for part in parts) == pytest.approx(whole.total(name))
    table = ratios_by(whole, whole.parts["insured_id"])
    assert table["key"].tolist() == [f"I{k}" for k in range(1, 8)]
    assert table["ratio"].tolist() == pytest.approx([part.value for part in parts])
    assert set(table["verdict"]) == {"ordinary"}


def test_a_scoped_viewer_gets_the_pattern_only_where_enough_insureds_stand_behind_it(
    root: Path, book: View, tmp_path: Path
) -> None:
    own = ultimate_loss_ratio(view_of(root, "I1"))
    assert own.total("ultimate") == pytest.approx(ultimate_loss_ratio(book).total("ultimate") / 7)
    assert view_of(root, "I1").rows("select count(*) from claim_origin") == [(0,)]
    claims, policies, moves = lines()
    few = (
        [line for line in part if line[1] in "1234"] for part in (claims, policies, moves)
    )  # fmt: skip
    kept, terms, steps = few
    load_claims(tmp_path, kept, policies=terms, moves=steps, insureds=4)
    hidden = ultimate_loss_ratio(view_of(tmp_path, "I1"))
    assert hidden.total("ultimate") == hidden.total("incurred") == 350
    assert HIDDEN in hidden.caveats
    assert NOT_DEVELOPED not in hidden.caveats
    assert ultimate_loss_ratio(view_of(tmp_path)).total("ultimate") > 4 * 350


def test_premium_has_no_lane(root: Path) -> None:
    found = ultimate_loss_ratio(view_of(root, filters=Filters(lane=("L1",))))
    assert found.value is None
    assert found.lack == (
        "Premium is paid for an account, not for its lanes: there is no loss ratio under a filter by lane"
    )


def test_without_premium_it_says_what_to_load(tmp_path: Path) -> None:
    view = load_claims(tmp_path, [claim("C1", loss_date="2025-03-01", paid_amount=10)])
    found = ultimate_loss_ratio(view)
    assert found.value is None
    assert "load the table policy" in found.lack
    assert view.rows("select count(*) from claim_class") == [(0,)]


def test_losses_outside_the_cover_are_left_out_and_counted(tmp_path: Path) -> None:
    view = load_claims(
        tmp_path,
        [claim("C1", loss_date="2025-03-01", paid_amount=10), claim("C2", loss_date="2024-03-01", paid_amount=70)],
        policies=["P1,I1,cargo,CA,2025-01-01,2026-01-01,1200\n"],
    )
    found = ultimate_loss_ratio(view)
    assert found.total("incurred") == 10
    assert "Losses of months without earned premium, left out: 1 of 70" in found.caveats


def test_ages_of_months() -> None:
    months = pd.Series(pd.to_datetime(["2025-12-01", "2025-11-01", "2024-12-01"]))
    known_to = date(2025, 12, 16)
    # Of December 16 days are known, so their middle is 8 days ago; the middle of November (30 days) is 31 days ago.
    assert (quarters_ago(months, known_to=known_to) * 91.3125).round(6).tolist() == [8.0, 31.0, 365.5]


def test_no_pattern_knows_everything() -> None:
    assert Pattern().share_at(quarters_ago(pd.Series(pd.to_datetime(["2025-12-01"])), known_to=date(2025, 12, 31))) == 1


def test_a_quarter_without_changes_keeps_its_amount() -> None:
    rows = pd.DataFrame({"origin": [2], "age": [1], "gross": [5.0]})
    assert quarter_triangle(rows, kind="gross").amounts[0].tolist() == [5.0, 5.0, 5.0]


def twenty(counts: list[int], *, cv: float) -> UltimateLossRatio:
    """Accounts of 100 premium each with so many losses of 10; sizes of their class vary by this."""
    n = np.array(counts, dtype=float)
    parts = pd.DataFrame({"insured_id": [f"I{k:02}" for k in range(len(counts))], "earned": 100.0})
    zero = dict.fromkeys(["recovered", "recovered_ultimate", "theft_incurred", "theft_ultimate", "theft_losses",
                          "theft_squares", "theft_error", "theft_largest", "error"], 0.0)  # fmt: skip
    sums = {"incurred": 10 * n, "ultimate": 10 * n, "net_ultimate": 10 * n, "losses": n, "squares": 100 * n,
            "net_squares": 100 * n}  # fmt: skip
    sizes = {"size_weight": 100.0, "size_first": 1_000.0, "size_second": 10_000.0 * (1 + cv**2)}
    parts = parts.assign(**zero, **sums, **sizes, largest=10.0, net_largest=10.0, falls=False, size_mean_hidden=False)
    none = Estimate(None, None, 0)
    return UltimateLossRatio(none, none, none, parts)


def test_one_of_twenty_accounts_is_not_news_because_it_is_one_of_twenty() -> None:
    found = twenty([*[4] * 19, 10], cv=0.0)
    table = ratios_by(found, found.parts["insured_id"])
    # Ten losses where the rest lets expect four: 1 in 60 by itself, but there are twenty such.
    assert set(table["verdict"]) == {"ordinary"}
    alone = twenty([*[4] * 19, 14], cv=0.0)
    assert ratios_by(alone, alone.parts["insured_id"])["verdict"].tolist() == ["ordinary"] * 19 + ["above the rest"]


def test_an_account_is_held_against_the_others_and_not_against_itself() -> None:
    found = twenty([40, 12], cv=0.0)
    table = ratios_by(found, found.parts["insured_id"])
    assert table["verdict"].tolist() == ["above the rest", "below the rest"]


def test_the_interval_takes_the_spread_of_the_class() -> None:
    steady, wild = (ratios_by(one, one.parts["insured_id"]) for one in (twenty([4], cv=0.0), twenty([4], cv=3.0)))
    # Four losses of one size: the exact Poisson interval, 1.366 to 9.154 of 10 each on 100 of premium.
    assert steady[["low", "high"]].to_numpy().round(4).tolist() == [[0.1366, 0.9154]]
    assert wild["high"].iloc[0] > 2 * steady["high"].iloc[0]


def test_changes_of_a_ratio_are_judged_at_95_percent(book: View) -> None:
    found = ultimate_loss_ratio(book).gross
    assert found.interval is not None
    assert found.wide is not None
    assert found.wide.low < found.interval.low < found.interval.high < found.wide.high
    # 0.50 (90%: 0.45 to 0.55; 95%: 0.44 to 0.56) and 0.42 of the same width: 0.08 is beyond 0.071 but not 0.085.
    later, before = (
        Estimate(value, Interval(value - 0.05, value + 0.05), 9, wide=Interval(value - 0.06, value + 0.06))
        for value in (0.5, 0.42)
    )
    change = difference(later, before)
    assert change is not None
    assert change.is_signal is False
