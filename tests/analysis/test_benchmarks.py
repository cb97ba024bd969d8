"""What accounts are compared with, and what of it others may see: on literal accounts, and through the real fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from analysis.benchmarks import PEER_MEASURES, judge_groups
from analysis.filters import Filters
from analysis.models import fit
from analysis.peers import AccountPeers, Peers, Standing, account_peers, finding_words
from analysis.registry import EVERY_MEASURE
from data.load import load_feed
from data.portfolio import View
from tests.analysis.books import load_book, shipments, thefts, view_of
from tests.portfolios import write_feed

# Nine accounts: five of one segment, two of another, one with a role only, one of which nothing is known.
INSUREDS = "insured_id,name,segment,role,broker\n" + "".join(
    f"{insured},Account {insured},{segment},{role},Brokers & Co\n"
    for insured, segment, role in (
        *((f"A{k}", "food", "shipper") for k in range(1, 6)),
        ("B1", "metal", "shipper"),
        ("B2", "metal", "shipper"),
        ("C1", "", "carrier"),
        ("D1", "", ""),
    )
)


def accounts(*weights: float, values: Sequence[float] | None = None, group: str = "food") -> pd.DataFrame:
    """Accounts of one segment, of so much exposure each, with these figures."""
    figures = list(values) if values is not None else [0.5] * len(weights)
    return pd.DataFrame(
        {
            "insured_id": [f"{group}{k}" for k in range(len(weights))],
            "measure": "uptime",
            "span": "latest",
            "first_month": date(2024, 1, 1),
            "end_month": date(2025, 1, 1),
            "group_kind": "segment",
            "group_name": group,
            "numerator": [weight * value for weight, value in zip(weights, figures, strict=True)],
            "denominator": list(weights),
            "value": figures,
        }
    )


def judged(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    return judge_groups(frame).set_index("group_name").to_dict("index")


@pytest.mark.parametrize(
    ("weights", "is_shown"),
    [
        ([1, 1, 1, 1], False),
        ([1, 1, 1, 1, 1], True),
        # One holds half of it, which is not over half; then a little over.
        ([6, 1, 2, 1.5, 1.5], True),
        ([6.1, 1, 2, 1.5, 1.5], False),
        # Two hold 80% of it; then a little over.
        ([4, 4, 1, 0.5, 0.5], True),
        ([4.1, 4, 1, 0.5, 0.5], False),
    ],
)
def test_a_group_is_shown_from_five_insureds_without_one_or_two_that_dominate(
    weights: list[float], is_shown: bool
) -> None:
    found = judged(accounts(*weights))
    assert found["food"]["is_shareable"] is is_shown
    # All of the book are of that group: there is nothing in it that the group would not tell.
    assert found["book"]["is_shareable"] is is_shown


def test_the_book_is_hidden_where_less_the_groups_shown_it_would_give_a_few_away() -> None:
    food = accounts(1, 1, 1, 1, 1)
    four = judged(pd.concat([food, accounts(1, 1, 1, 1, group="metal")]))
    assert (four["food"]["is_shareable"], four["metal"]["is_shareable"]) == (True, False)
    assert four["book"]["insureds"] == 9
    assert four["book"]["is_shareable"] is False
    # Five of two small groups: their sum tells of none of them.
    five = judged(pd.concat([food, accounts(1, 1, 1, group="metal"), accounts(1, 1, group="wood")]))
    assert [five[name]["is_shareable"] for name in ("food", "metal", "wood", "book")] == [True, False, False, True]


def test_median_level_and_middle_half() -> None:
    seven = judged(accounts(*[1] * 6, 3, values=[0.1, 0.9, 0.3, 0.4, 0.5, 0.6, 0.7]))["food"]
    assert (seven["median"], seven["insureds"]) == (0.5, 7)
    # (0.1 + 0.9 + 0.3 + 0.4 + 0.5 + 0.6 + 3 x 0.7) / 9
    assert seven["level"] == pytest.approx(4.9 / 9)
    assert pd.isna(seven["low_quartile"])
    assert pd.isna(seven["high_quartile"])
    eight = judged(accounts(*[1] * 8, values=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]))["food"]
    assert [eight[name] for name in ("low_quartile", "median", "high_quartile")] == pytest.approx([0.275, 0.45, 0.625])


def valued(insured: str, *, known: int, unknown: int, month: str = "2025-03") -> list[str]:
    """So many shipments of a known value, and so many without one."""
    with_value = list(shipments(known, lane="L1", month=month, insured=insured))
    return with_value + list(shipments(unknown, lane="L2", month=month, insured=insured, value=""))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose accounts know the value of 1, 2, ... of 10 shipments; A1 knew that of all the year before."""
    folder = tmp_path_factory.mktemp("peers")
    known = {"A1": 1, "A2": 2, "A3": 3, "A4": 4, "A5": 5, "B1": 6, "B2": 7, "C1": 8, "D1": 9}
    load_book(
        folder,
        goods=[
            *(valued(insured, known=k, unknown=10 - k) for insured, k in known.items()),
            # Of the two months that are not told yet, and of the year before.
            valued("A1", known=50, unknown=0, month="2025-11"),
            valued("A1", known=4, unknown=0, month="2024-10"),
        ],
        lost=[thefts(2, lane="L1", month="2025-03", insured="A1")],
        more={
            "insured.csv": INSUREDS,
            "policy.csv": (
                "policy_id,insured_id,inception_date,expiry_date,status\n"
                "P1,A1,2025-02-01,2026-02-01,in force\n"
                "P2,A1,2024-02-01,2025-02-01,expired\n"
                "P3,A1,2025-03-01,2026-03-01,Cancelled\n"
                "P4,A2,2025-12-31,2026-12-31,\n"
            ),
        },
    )
    return folder


def cells(view: View, span: str = "latest") -> dict[str, tuple[object, ...]]:
    rows = view.rows(
        "select group_name, group_kind, insureds, median from peer_benchmark"
        " where measure = 'valued_share' and span = $span",
        {"span": span},
    )
    return {name: tuple(told) for name, *told in rows}


def of(root: Path, insured: str, *scope: str) -> AccountPeers:
    return account_peers(view_of(root, *(scope or (insured,)), filters=Filters(insured=(insured,))), insured=insured)


def test_each_account_is_compared_over_twelve_complete_months_that_are_reported(root: Path) -> None:
    whole = view_of(root, "A1")
    assert whole.rows(
        "select span, first_month, end_month, value, n from peer_value where measure = 'valued_share' order by span"
    ) == [
        ("before", date(2023, 11, 1), date(2024, 11, 1), 1.0, 4.0),
        ("latest", date(2024, 11, 1), date(2025, 11, 1), 0.1, 10.0),
    ]
    standing = of(root, "A1").standings["valued_share"]
    assert standing.window == "Nov 2024 – Oct 2025"
    assert (standing.value, standing.before, standing.peers_before) == (0.1, 1.0, None)
    assert standing.peers == Peers("segment", "food", 5, 0.3, None, None, pytest.approx(0.3))


def test_an_account_whose_kind_may_not_be_shown_is_compared_with_the_book(root: Path) -> None:
    # Beyond the five of food there are four: the book less food would tell of too few.
    assert of(root, "B1").standings["valued_share"].peers is None
    assert "No measure can be compared" in finding_words(of(root, "B1"))


def test_a_role_stands_for_a_segment_that_is_not_known(root: Path) -> None:
    account = of(root, "C1")
    assert (account.name, account.segment, account.role, account.broker) == (
        "Account C1",
        "",
        "carrier",
        "Brokers & Co",
    )
    rows = view_of(root, "C1").rows("select distinct group_kind, group_name from peer_value")
    assert rows == [("role", "carrier")]


@pytest.mark.parametrize(("insured", "policies"), [("A1", 1), ("A2", 1), ("A3", 0)])
def test_policies_in_force_are_those_of_the_data_s_date_that_nobody_cancelled(
    root: Path, insured: str, policies: int
) -> None:
    assert of(root, insured).in_force == policies


def test_a_scoped_person_sees_their_own_figures_and_cells_that_may_be_shown(root: Path) -> None:
    mine = view_of(root, "A2")
    assert mine.rows("select distinct insured_id from peer_value") == [("A2",)]
    assert cells(mine) == {"food": ("segment", 5, 0.3)}
    columns = [column[0] for column in mine.execute("select * from peer_benchmark limit 0").description]
    assert not [name for name in columns if "largest" in name]


def test_whoever_sees_several_of_a_group_learns_nothing_of_the_few_others(root: Path) -> None:
    # Of the five two are their own: the median would tell of three.
    assert cells(view_of(root, "A1", "A2")) == {}
    # One of them is theirs, the other is of another group.
    assert cells(view_of(root, "A1", "B1")) == {"food": ("segment", 5, 0.3)}
    assert of(root, "A1", "A1", "A2").standings["valued_share"].peers is None


def test_a_filter_changes_no_benchmark(root: Path) -> None:
    narrow = Filters(insured=("A1",), first_month=date(2025, 6, 1), last_month=date(2025, 6, 1))
    assert cells(view_of(root, "A1", filters=narrow)) == {"food": ("segment", 5, 0.3)}


def standing(low: float, value: float, high: float, *, median: float, level: float, key: str = "uptime") -> Standing:
    peers = Peers("segment", "food", 8, median, None, None, level)
    return Standing(EVERY_MEASURE[key], "", date(2025, 1, 1), date(2026, 1, 1), value, low, high, 50, peers)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (standing(0.90, 0.92, 0.94, median=0.95, level=0.96), "worse"),
        (standing(0.90, 0.92, 0.94, median=0.88, level=0.87), "better"),
        # Above the median of small accounts, not above what they have together, and the other way round.
        (standing(0.90, 0.92, 0.94, median=0.88, level=0.91), "chance"),
        (standing(0.90, 0.92, 0.94, median=0.91, level=0.99), "chance"),
        (standing(3.0, 5.0, 9.0, median=2.0, level=2.5, key="theft_frequency"), "worse"),
        # One theft is more than a median of none; it is no news beside the level.
        (standing(0.1, 5.0, 27.0, median=0.0, level=2.5, key="theft_frequency"), "chance"),
        (standing(0.2, 0.3, 0.4, median=0.5, level=0.5, key="paid_share"), "lower"),
    ],
)
def test_a_difference_is_news_only_beyond_the_median_and_the_level(one: Standing, verdict: str) -> None:
    assert one.verdict == verdict


def test_the_finding_names_what_differs_and_how_much_chance_gives() -> None:
    found = {
        f"m{k}": standing(0.90, 0.92, 0.94, median=median, level=median)
        for k, median in enumerate([0.96, 0.95, *[0.92] * 18])
    }
    account = AccountPeers("A1", "Acme", "food", "", "", None, None, found)
    assert finding_words(account, most=1) == (
        "Jan 2025 – Dec 2025: 2 of 20 measures differ from peers beyond chance (by chance alone about 1 would)."
        " Worse: Uptime 92.0% (median 96.0%), and 1 more."
    )


def test_no_theft_does_not_say_what_one_would_have_cost(root: Path) -> None:
    rows = dict(
        view_of(root, "A2").rows(
            "select measure, (value, low, round(high, 1)) from peer_value"
            " where measure like 'theft%' and span = 'latest'"
        )
    )
    # At most 3.69 thefts are compatible with none on ten trips.
    assert rows == {"theft_frequency": (0.0, 0.0, 368.9), "theft_loss_cost": (0.0, None, None)}


def test_every_measure_of_peers_is_in_the_registry_once() -> None:
    keys = [measure.key for measure in PEER_MEASURES]
    assert len(set(keys)) == len(keys)
    assert set(keys) <= set(EVERY_MEASURE)


def test_a_portfolio_without_a_table_of_insureds_has_the_book_alone(tmp_path: Path) -> None:
    claims = [f"C{k},I{k},2025-03-01,2025-03-02,{100 * (k > 2)}" for k in range(1, 6)]
    header = "claim_id,insured_id,loss_date,reported_at,paid_amount"
    files = {"claim.csv": "\n".join([header, *claims, ""])}
    top = 'currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n'
    load_feed(write_feed(tmp_path / "claims", files=files, top=top), portfolio=tmp_path / "portfolio", fit=fit)
    view = view_of(tmp_path, "I1")
    assert view.rows("select group_kind, measure, insureds, median, level from peer_benchmark order by measure") == [
        ("book", "paid_share", 5, 1.0, 0.6),
        ("book", "reported_promptly", 5, 1.0, 1.0),
    ]
    assert of(tmp_path, "I1").standings["paid_share"].value == 0.0
