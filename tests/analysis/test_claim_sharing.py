"""Whose losses a figure tells of: literal books in which one insured has them all, or nearly so."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from analysis.claim_expected import expected_rows, fit_classes
from analysis.claim_models import quarter_triangle
from analysis.claim_sharing import passes, share_classes, share_pattern
from analysis.claims import BACK_HIDDEN, HIDDEN, SIZES_HIDDEN, USUAL_CV, ultimate_loss_ratio
from analysis.development import chain_ladder
from analysis.reporting_fit import USUAL_LOG_SD, spread_of_sizes
from analysis.sharing import SharingRule
from data.marts import MARTS
from tests.analysis.claim_books import claim, load_claims, view_of

RULE = SharingRule(5, 0.5, 0.8)
SIX = [f"I{k}" for k in range(1, 7)]


def owned(units: dict[str, float], *, product: str = "cargo") -> pd.DataFrame:
    return pd.DataFrame(
        {"product": product, "insured_id": list(units), "units": list(units.values())}
    )  # fmt: skip


def test_losses_of_one_insured_pass_no_rule_whatever_the_premium() -> None:
    premium = owned(dict.fromkeys(SIX, 100.0))
    assert passes(premium, rule=RULE)
    assert not passes(owned({"I1": 900.0}), rule=RULE)
    assert not passes(owned({**dict.fromkeys(SIX, 1.0), "I1": 6.0}), rule=RULE)
    # Nothing at all hides nobody.
    assert passes(owned({"I1": 0.0}), rule=RULE)
    found = share_classes(["cargo"], premium, owned({"I1": 900.0}), rule=RULE)
    assert (found.classes, found.has_book) == (frozenset(), False)


def test_the_book_less_the_classes_shown_gives_no_hidden_one() -> None:
    cargo, stock = owned(dict.fromkeys(SIX, 100.0)), owned({"I1": 50.0}, product="stock")
    found = share_classes(["cargo", "stock"], pd.concat([cargo, stock]), rule=RULE)
    assert (found.classes, found.has_book) == (frozenset(), True)
    parcel = owned(dict.fromkeys(SIX, 200.0), product="parcel")
    found = share_classes(["cargo", "parcel", "stock"], pd.concat([cargo, parcel, stock]), rule=RULE)
    # The smaller of the two joins the rest.
    assert (found.classes, found.has_book) == (frozenset({"parcel"}), True)


def growth(late: dict[str, float]) -> pd.DataFrame:
    """Four quarters of six insureds: 50 each at age 1 and 50 more at age 2; some more of the first at age 4."""
    rows = [
        (origin, age, insured, 50.0)
        for origin in range(4) for insured in SIX for age in (1, 2) if age <= origin + 1
    ]  # fmt: skip
    rows += [(3, 4, insured, amount) for insured, amount in late.items()]
    return pd.DataFrame(rows, columns=["origin", "age", "insured_id", "gross"])


def test_a_change_of_one_insured_at_a_high_age_is_no_factor_of_its_own() -> None:
    rows = growth({"I1": 60.0})
    fitted = chain_ladder(quarter_triangle(rows, kind="gross"))
    assert fitted.factors.tolist() == [2.0, 1.0, 1.1, 1.0]
    found = share_pattern(fitted, rows.rename(columns={"gross": "units"}), rule=RULE)
    assert found.is_shareable
    # Alone it is hidden, together with what changed at age 2 it is not; 1.1 is nowhere, and the whole stays 2.2.
    assert found.pooled_from == 1
    weights = [8 / 15, 4 / 15, 2 / 15, 1 / 15]
    assert found.factors.tolist() == pytest.approx([2.2**weight for weight in weights])
    assert found.to_ultimate[0] == pytest.approx(2.2)
    many = growth(dict.fromkeys(SIX, 10.0))
    shown = share_pattern(fitted, many.rename(columns={"gross": "units"}), rule=RULE)
    assert (shown.pooled_from, shown.factors.tolist()) == (None, [2.0, 1.0, 1.1, 1.0])


def test_a_pattern_of_one_insured_is_hidden() -> None:
    rows = growth({})
    rows["insured_id"] = "I1"
    fitted = chain_ladder(quarter_triangle(rows, kind="gross"))
    assert not share_pattern(fitted, rows.rename(columns={"gross": "units"}), rule=RULE).is_shareable


def test_an_account_of_a_hidden_class_is_developed_by_the_book_for_everybody() -> None:
    rows = growth({})
    fitted = chain_ladder(quarter_triangle(rows, kind="gross"))
    shared = share_pattern(fitted, rows.rename(columns={"gross": "units"}), rule=RULE)
    patterns = {"gross": shared, "recovered": None}
    known_to = date(2025, 12, 31)
    old, young = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-01")
    earned = pd.DataFrame(
        [("cargo", insured, old, 100.0) for insured in SIX]
        + [("stock", "I1", old, 300.0), ("stock", "I1", young, 90.0)],
        columns=["product", "insured_id", "month", "earned"],
    )
    lost = pd.DataFrame(
        [("cargo", insured, old, 60.0, 0.0, 0.0) for insured in SIX] + [("stock", "I1", old, 90.0, 0.0, 0.0)],
        columns=["product", "insured_id", "month", "incurred", "theft", "recovered"],
    )
    sizes = pd.DataFrame(
        [("cargo", insured, 10.0 + k % 2) for insured in SIX for k in range(6)] + [("stock", "I1", 3.0)] * 30,
        columns=["product", "insured_id", "size"],
    )
    classes = fit_classes(earned, lost, sizes, patterns=patterns, known_to=known_to, rule=RULE)
    assert classes["is_shareable"].tolist() == [True, False, False]
    book = classes["ratio"].iloc[0]
    expected = expected_rows(earned, classes, patterns=patterns, known_to=known_to).set_index(["insured_id", "month"])
    # December's middle is 15.5 days ago: 15.5 / 91.3125 of the first age's half is known.
    open_share = 1 - 15.5 / 91.3125
    assert expected.loc[("I1", young), "to_come"] == pytest.approx(book * 90 * open_share)
    assert bool(expected.loc[("I1", young), "is_shareable"])
    assert math.isnan(expected.loc[("I1", young), "back_to_come"])
    # Sizes: 30 of the 66 of the book are those of I1's stock, 36 with its cargo: more than half. Cargo stands alone.
    assert classes["is_size_shareable"].tolist() == [False, True, False]
    sized = expected.loc[("I2", old)]
    assert (sized["size_mean"], bool(sized["is_size_shareable"])) == (10.5, True)
    assert not expected.loc[("I1", young), "is_size_shareable"]


def test_the_spread_of_sizes_is_the_usual_one_where_few_insureds_tell_it() -> None:
    loss = [math.exp(k % 2) for k in range(12)]
    own = pd.DataFrame({"insured_id": ["I1"] * 12, "loss": loss})
    assert spread_of_sizes(own, rule=RULE) == USUAL_LOG_SD == 1.5
    many = own.assign(insured_id=SIX * 2, loss=[1.0] * 6 + [math.e] * 6)
    assert spread_of_sizes(many, rule=RULE) == pytest.approx(math.sqrt(3 / 11))


@pytest.fixture(scope="module")
def one_sided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six insureds of equal premium; only I1 has claims. P2 is cancelled, and nothing says what came back."""
    root = tmp_path_factory.mktemp("one-sided")
    claims, moves = [], []
    for q, (lost, grown) in enumerate([("2025-02-15", "2025-05-15"), ("2025-05-15", "2025-08-15")]):
        claims.append(
            claim(f"C{q}", policy_id="P1", loss_date=lost, paid_amount=100, reported_at=lost, closed_at=grown)
        )
        moves += [f"C{q},{lost},0,50\n", f"C{q},{grown},100,0\n"]
    policies = (
        "policy_id,insured_id,product,jurisdiction,inception_date,expiry_date,written_premium,status\n"
        + "".join(
            f"P{k},I{k},cargo,CA,2025-01-01,2026-01-01,1200,{'Cancelled' if k == 2 else 'bound'}\n" for k in range(1, 7)
        )
    )
    load_claims(root, claims, moves=moves, more={"policy.csv": policies}, insureds=6)
    return root


def test_a_scoped_viewer_learns_nothing_of_the_only_insured_with_losses(one_sided: Path) -> None:
    scoped = view_of(one_sided, "I2")
    assert scoped.rows("select * from claim_class") == []
    assert scoped.rows("select * from claim_pattern") == []
    told = "select count(to_come), count(relative_error), count(size_mean), count(size_cv) from claim_expected"
    assert scoped.rows(told) == [(0, 0, 0, 0)]
    found = ultimate_loss_ratio(scoped)
    assert found.value == 0
    assert HIDDEN in found.caveats
    assert SIZES_HIDDEN in found.caveats
    assert BACK_HIDDEN not in found.net.caveats
    book = view_of(one_sided)
    assert book.rows(
        "select mean_severity, is_shareable, is_size_shareable from claim_class where product is null"
    ) == [(100.0, False, False)]
    assert HIDDEN not in ultimate_loss_ratio(book).caveats


def test_a_cancelled_policy_without_a_movement_is_named(one_sided: Path) -> None:
    said = "Cancelled without a movement of premium, so that its whole term is earned: 1 policy (P2)"
    assert said in ultimate_loss_ratio(view_of(one_sided)).caveats
    assert said in ultimate_loss_ratio(view_of(one_sided, "I2")).caveats
    assert said not in ultimate_loss_ratio(view_of(one_sided, "I1")).caveats


def test_the_usual_spread_is_that_of_a_log_normal() -> None:
    assert pytest.approx(2.9134, abs=1e-4) == USUAL_CV


@pytest.mark.parametrize(("insureds", "is_shareable"), [(1, False), (4, False), (5, True)])
def test_hours_are_told_to_others_only_where_many_insureds_had_thefts(insureds: int, *, is_shareable: bool) -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table trip_stretch as select 60.0 as night_s, 60.0 as morning_s, 60.0 as afternoon_s, 60.0 as evening_s"
    )
    connection.execute(
        "create table incident_fact as select i::varchar as incident_id, 3 as hour, 'I' || (i % $n) as insured_id"
        " from range(20) as r(i)",
        {"n": insureds},
    )
    connection.execute("create table theft_fact as select incident_id, 'line haul' as segment from incident_fact")
    connection.execute((MARTS / "hour_hazard.sql").read_text(encoding="utf-8"))
    rows = connection.execute("select band, round(hazard, 3), is_shareable from hour_hazard order by band").fetchall()
    assert rows == [(0, 2.0, is_shareable), *((band, 0.667, is_shareable) for band in (1, 2, 3))]
    assert np.isclose(sum(hazard * 15 for _, hazard, _ in rows), 60, atol=0.1)
