"""Premium is earned day by day over its term, and what has moved on the way from the day it moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from analysis.exposure import Term, earned_premium, earned_share, in_force, peak_accumulation, premium_rows
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


# Two hubs 3 km apart, one 300 km away; a trip with two loads that overlap in part; a limit of 1,000 on one conveyance.
BOOK = {
    "insured.csv": INSUREDS,
    "site.csv": (
        "site_id,name,kind,latitude,longitude\nS1,Dallas,hub,32.780,-96.800\nS2,Dallas yard,hub,32.800,-96.800\n"
        "S3,Houston,hub,29.76,-95.37\n"
    ),
    "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S3,road\nL2,S2,S3,road\n",
    "trip.csv": "trip_id,lane_id,departed_at,arrived_at\nT1,L1,2025-03-03 08:00:00,2025-03-04 08:00:00\n",
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,trip_id,declared_value,departed_at,delivered_at\n"
        "H1,I1,L1,T1,800,2025-03-03 08:00:00,2025-03-03 20:00:00\n"
        "H2,I1,L1,T1,700,2025-03-03 14:00:00,2025-03-04 08:00:00\n"
        "H3,I2,L1,T1,5000,2025-03-03 08:00:00,2025-03-04 08:00:00\n"
        "H4,I1,L2,,400,2025-03-05 08:00:00,2025-03-05 18:00:00\n"
        "H5,I1,L1,,300,2025-03-05 08:00:00,2025-03-05 19:00:00\n"
    ),
    "scan.csv": (
        "scan_id,shipment_id,scanned_at,site_id\nX4,H4,2025-03-05 06:00:00,S2\nX5,H5,2025-03-05 05:00:00,S1\n"
    ),
    "policy.csv": POLICY + "P1,I1,2025-01-01,2026-01-01,bound,USD,100\nP2,I2,2025-01-01,2026-01-01,bound,USD,100\n",
    "policy_term.csv": (
        "policy_id,kind,applies_to,amount,unit\nP1,limit,,1200,money\nP1,limit,any one location,2000,money\n"
        "P2,limit,any one vehicle,10000,money\n"
    ),
    "site_value.csv": "site_id,insured_id,on_date,average_value,maximum_value\nS3,I1,2025-03-31,1000,2600\n",
}


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    load_files(tmp_path, files=BOOK, top='currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n')
    return tmp_path


def test_a_conveyance_is_as_full_as_its_goods_are_aboard_at_one_time(swept: Path) -> None:
    found = peak_accumulation(open_view(swept)).frame.set_index(["insured_id", "kind"])
    trip = found.loc[("I1", "conveyance")]
    # Until the trip arrives all its goods are aboard, from 14:00 on both.
    assert (trip["place_id"], trip["peak_base"], trip["limit_base"]) == ("T1", 1500.0, 1200.0)
    assert str(trip["reached_at"]) == "2025-03-03 14:00:00"
    assert trip["places_above"] == 1
    assert trip["days_above"] == pytest.approx(18 / 24)
    assert found.loc[("I2", "conveyance"), "ratio"] == pytest.approx(0.5)


def test_places_within_five_kilometres_add_up(swept: Path) -> None:
    found = peak_accumulation(open_view(swept, filters=Filters(insured=("I1",)))).frame.set_index("kind")
    # From 06:00 to 08:00 400 lie at S2 and 300 at S1, 2.2 km away; the trip's 800 left S1 two days before.
    assert found.loc["5 km", "peak_base"] == pytest.approx(800.0)
    assert found.loc["site", "peak_base"] == pytest.approx(2600.0)
    assert (found.loc["site", "place_id"], found.loc["site", "told_by"]) == ("S3", "recorded stock")


def test_the_peak_is_that_of_the_fullest_against_its_limit(swept: Path) -> None:
    found = peak_accumulation(open_view(swept))
    assert found.value == pytest.approx(2600 / 2000)
    assert found.largest is not None
    assert found.largest["place_id"] == "S3"
    assert found.months == ((date(2025, 3, 1), pytest.approx(1.3)),)
    assert found.places_above == 2
    other = peak_accumulation(open_view(swept, scope=Scope(frozenset({"I2"}))))
    assert set(other.frame["insured_id"]) == {"I2"}
    assert other.value == pytest.approx(0.5)


def test_without_a_limit_there_is_no_ratio(tmp_path: Path) -> None:
    files = {name: text for name, text in BOOK.items() if not name.startswith("policy")}
    load_files(tmp_path, files=files)
    found = peak_accumulation(open_view(tmp_path))
    assert found.value is None
    assert found.caveats == ("no policy with a limit covers these goods: load policy, or policy_term",)
