"""What needs a decision: each kind is found on a literal book, in the order of urgency and money."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.decisions import MOST, MOST_OF_A_KIND, Decision, decisions, first_five
from analysis.filters import Filters, Scope
from data.portfolio import Portfolio
from tests.portfolios import FILES, load_files

PAGES = ("overview", "hotspots", "telemetry", "containment", "claims", "data")
#: On 31 December 2025: X1 runs since 30 hours; X2 is contained. C1 is past the 30 days to decide, C2 is decided.
BOOK = {
    "insured.csv": "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\n",
    "site.csv": FILES["site.csv"],
    "lane.csv": FILES["lane.csv"],
    "policy.csv": (
        "policy_id,insured_id,inception_date,expiry_date,status,currency,written_premium,limit_amount,jurisdiction\n"
        "P1,I1,2025-01-11,2026-01-11,bound,USD,36500,1000,US\nP2,I2,2025-06-01,2026-06-01,bound,USD,73000,9000,US\n"
    ),
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,commodity,declared_value,departed_at,delivered_at\n"
        "H1,I1,L1,food,1500,2025-12-10 08:00:00,2025-12-10 20:00:00\n"
        "H2,I2,L2,food,900,2025-12-10 08:00:00,2025-12-10 20:00:00\n"
    ),
    "incident.csv": (
        "incident_id,insured_id,lane_id,source,category,occurred_from,occurred_to,first_alarm_at,contained_at,status\n"
        "X1,I1,L1,own,theft,2025-12-30 17:00:00,2025-12-30 18:00:00,2025-12-30 18:00:00,,open\n"
        "X2,I1,L1,own,theft,2025-12-20 17:00:00,2025-12-20 18:00:00,2025-12-20 18:00:00,2025-12-20 19:00:00,contained\n"
    ),
    "claim.csv": (
        "claim_id,insured_id,shipment_id,kind,loss_date,reported_at,decided_at,closed_at,status,claimed_amount,"
        "paid_amount,reserve_amount\n"
        "C1,I1,H1,cargo,2025-11-10,2025-11-11 08:00:00,,,open,5000,0,5000\n"
        "C2,I2,H2,cargo,2025-11-10,2025-11-11 08:00:00,2025-11-20 08:00:00,2025-11-21 08:00:00,closed,700,700,0\n"
    ),
    "legal_clock.csv": "jurisdiction,step,days\nUS,decide,30\n",
    "recommendation.csv": (
        "insured_id,site_id,class,text,due_on,closed_on\nI1,S1,critical,Lock the yard,2025-12-21,\n"
        "I2,S2,critical,Weigh pallets,2025-10-01,2025-11-01\n"
    ),
}
TOP = 'currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Decision]]:
    folder: Path = tmp_path_factory.mktemp("decisions")
    load_files(folder, files=BOOK, top=TOP)
    view = Portfolio(folder / "portfolio").open().view(Scope(), Filters())
    listed = decisions(view, pages=PAGES, currency="USD")
    assert [one.rank for one in listed] == sorted(one.rank for one in listed)
    return {kind: [one for one in listed if one.kind == kind] for kind in {one.kind for one in listed}}


def test_an_incident_that_runs_is_to_be_contained_now(found: dict[str, list[Decision]]) -> None:
    (one,) = found["open incident"]
    assert (one.title, one.when, one.page) == ("Contain theft X1", "now", "containment")
    assert one.reason == "Acme Freight, not contained for 30 h; the target is 1 h"
    assert one.query == {"incident": "X1", "insured": "I1", "from": "2025-12", "to": "2025-12"}


def test_a_claim_past_its_legal_deadline_is_answered_now(found: dict[str, list[Decision]]) -> None:
    (one,) = found["legal clock"]
    assert one.title == "Answer 1 claim past the legal deadline"
    # Reported 50 days before the data's date, to be decided in 30.
    assert one.reason == "Acme Freight; mostly to decide, the latest 20 days over"
    assert (one.when, one.page, one.query["claims"], one.query["from"]) == ("now", "claims", "overdue", "2025-11")


def test_value_above_its_limit_is_referred_with_what_is_uninsured(found: dict[str, list[Decision]]) -> None:
    one = found["accumulation"][0]
    assert one.title == "Refer Acme Freight: value over its limit"
    assert one.reason == "150% of the limit on one conveyance on 10 Dec 2025: USD 500 uninsured"
    assert (one.when, one.money) == ("this week", 500.0)


def test_cover_that_ends_is_renewed_and_cover_that_lasts_is_not(found: dict[str, list[Decision]]) -> None:
    (one,) = found["renewal"]
    assert (one.title, one.reason) == (
        "Renew or release Acme Freight",
        "cover ends in 11 days; its premium is USD 36.5k",
    )
    assert (one.when, one.page) == ("soon", "claims")


def test_a_critical_recommendation_that_is_overdue_is_chased_at_its_site(found: dict[str, list[Decision]]) -> None:
    (one,) = found["recommendation"]
    assert one.reason == "“Lock the yard”, 10 days overdue"
    assert one.query == {"insured": "I1", "level": "site", "place": "S1"}


def test_a_page_that_is_missing_is_not_linked_to(tmp_path: Path) -> None:
    load_files(
        tmp_path, files={name: BOOK[name] for name in ("insured.csv", "site.csv", "recommendation.csv")}, top=TOP
    )
    view = Portfolio(tmp_path / "portfolio").open().view(Scope(), Filters())
    assert [one.page for one in decisions(view, pages=("overview",), currency="USD")] == ["overview"]
    scoped = Portfolio(tmp_path / "portfolio").open().view(Scope(frozenset({"I2"})), Filters())
    assert decisions(scoped, pages=PAGES, currency="USD") == ()


def test_no_kind_takes_more_than_two_of_five_places() -> None:
    many = tuple(Decision("open incident", f"Contain {i}", "", 0, None, "overview") for i in range(4)) + tuple(
        Decision(kind, kind, "", 1, None, "overview") for kind in ("a", "a", "a", "b", "c")
    )
    five = first_five(many)
    assert (len(five), MOST, MOST_OF_A_KIND) == (5, 5, 2)
    assert [one.kind for one in five] == ["open incident", "open incident", "a", "a", "b"]
