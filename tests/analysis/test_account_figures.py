"""Each account's own figures of response and of claims: literal ones, and the very numbers that its pages show."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from analysis.claims import ultimate_loss_ratio
from analysis.containment import containment, incident_clocks
from analysis.filters import Filters, Scope
from analysis.models import fit
from data.load import load_feed
from data.portfolio import View
from tests.portfolios import open_view, write_feed

ACCOUNTS = range(1, 6)
SITES = "site_id,name,city,country\nS1,Dallas hub,Dallas,US\nS2,Atlanta hub,Atlanta,US\n"
LANES = "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\n"
#: Of the five incidents of A1 one is contained after half an hour and evidenced, of A2 two, ...
INCIDENTS = (
    "incident_id,source,status,insured_id,lane_id,category,occurred_from,occurred_to,detected_at,contained_at,"
    "closed_at,evidence_secured_at\n"
    + "".join(
        f"N{k}-{n},own,contained,A{k},L1,theft of trailer,2025-03-0{n} 09:00:00,2025-03-0{n} 09:30:00,"
        f"2025-03-0{n} 10:00:00,2025-03-0{n} 10:30:00,2025-03-0{n} 12:00:00,2025-03-0{n} 11:00:00\n"
        if n <= k
        else f"N{k}-{n},own,closed not contained,A{k},L1,theft of trailer,2025-03-0{n} 09:00:00,"
        f"2025-03-0{n} 09:30:00,2025-03-0{n} 10:00:00,,2025-03-2{n} 12:00:00,\n"
        for k in ACCOUNTS
        for n in range(1, 6)
    )
    # Too few to say how fast, but enough to say whether their evidence was secured.
    + "N6-1,own,contained,A6,L1,theft of trailer,2025-03-01 09:00:00,2025-03-01 09:30:00,2025-03-01 10:00:00,"
    "2025-03-01 10:30:00,2025-03-01 12:00:00,2025-03-01 11:00:00\n"
)
#: Of the ten claims of A1 one is decided after a week and the others after 40 days, of A2 two, ...; of A6 none says.
CLAIMS = "claim_id,insured_id,loss_date,reported_at,decided_at,paid_amount,disputed\n" + "".join(
    f"C{k}-{n},A{k},2025-03-01,2025-03-02 08:00:00,"
    f"{'' if k == 6 else '2025-03-09 08:00:00' if n <= k else '2025-04-11 08:00:00'},100,{str(n == 1).lower()}\n"
    for k in range(1, 7)
    for n in range(1, 11)
)
POLICIES = "policy_id,insured_id,product,inception_date,expiry_date,written_premium\n" + "".join(
    f"P{k},A{k},cargo,2025-01-01,2026-01-01,{3650 * k}\n" for k in range(1, 7)
)
GOODS = "shipment_id,insured_id,lane_id,departed_at,declared_value\n" + "".join(
    f"H{k}-{n},A{k},L1,2025-03-03 06:00:00,1000\n" for k in range(1, 7) for n in range(100)
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    files = {
        "insured.csv": "insured_id,name,segment\n" + "".join(f"A{k},Account {k},food\n" for k in range(1, 7)),
        "site.csv": SITES,
        "lane.csv": LANES,
        "shipment.csv": GOODS,
        "incident.csv": INCIDENTS,
        "claim.csv": CLAIMS,
        "policy.csv": POLICIES,
    }
    top = 'currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n'
    load_feed(write_feed(folder / "book", files=files, name="book", top=top), portfolio=folder / "portfolio", fit=fit)
    return folder


def figures(root: Path, measure: str) -> dict[str, tuple[float, float]]:
    rows = open_view(root).rows(
        "select insured_id, value, n from peer_value where measure = $measure and span = 'latest' order by insured_id",
        {"measure": measure},
    )
    return {insured: (value, n) for insured, value, n in rows}


def window(root: Path, insured: str) -> View:
    """An account in the months of its benchmark, as its page shows it."""
    chosen = Filters(insured=(insured,), first_month=date(2024, 11, 1), last_month=date(2025, 10, 1))
    return open_view(root, scope=Scope(frozenset({insured})), filters=chosen)


def test_incidents_closed_and_not_contained_count_against_the_share_contained(root: Path) -> None:
    assert figures(root, "contained_within_60") == {f"A{k}": (pytest.approx(k / 5), 5) for k in ACCOUNTS}
    # Half an hour each, or the 24 hours beyond which none counts.
    assert figures(root, "time_to_contain") == {
        f"A{k}": (pytest.approx((30 * k + 1440 * (5 - k)) / 5), 5) for k in ACCOUNTS
    }


def test_duties_are_told_of_any_account_whose_deadline_has_passed(root: Path) -> None:
    assert figures(root, "evidence_within_72") == {f"A{k}": (k / 5, 5) for k in ACCOUNTS} | {"A6": (1.0, 1)}
    # No feed says when the insurer was told.
    assert figures(root, "insurer_notified_in_time") == {}


def test_claims_are_decided_by_accounts_that_say_when(root: Path) -> None:
    assert figures(root, "decided_promptly") == {f"A{k}": (k / 10, 10) for k in ACCOUNTS}
    assert figures(root, "disputed_share") == {f"A{k}": (0.1, 10) for k in range(1, 7)}


def test_losses_are_set_against_shipments_and_earned_premium(root: Path) -> None:
    assert figures(root, "claim_frequency") == {f"A{k}": (100.0, 10) for k in range(1, 7)}
    # 1,000 of losses; 10 a day for each k, from 1 January to 31 October: 304 days.
    assert figures(root, "ultimate_loss_ratio") == {
        f"A{k}": (pytest.approx(1000 / (3040 * k)), 10) for k in range(1, 7)
    }


def test_the_figure_compared_is_the_one_that_the_account_s_pages_show(root: Path) -> None:
    view = window(root, "A2")
    shown = containment(incident_clocks(view))
    told = {
        measure: (value, low, high)
        for measure, value, low, high in view.rows(
            "select measure, value, low, high from peer_value where span = 'latest' and insured_id = 'A2'"
        )
    }
    for key, one in (("contained_within_60", shown.within_60), ("time_to_contain", shown.mean)):
        assert one.interval is not None
        assert told[key] == pytest.approx((one.value, *one.interval))
    ratio = ultimate_loss_ratio(view)
    assert told["ultimate_loss_ratio"][0] == pytest.approx(ratio.value)
    # 95% beside the page's 90%.
    assert ratio.interval is not None
    assert told["ultimate_loss_ratio"][1] < ratio.interval[0] < ratio.interval[1] < told["ultimate_loss_ratio"][2]


def test_a_group_s_level_weighs_each_account_by_its_cases(root: Path) -> None:
    rows = open_view(root).rows(
        "select insureds, median, level from peer_benchmark"
        " where measure = 'evidence_within_72' and span = 'latest' and group_name = 'food'"
    )
    # 1 + 2 + 3 + 4 + 5 + 1 of 26.
    assert rows == [(6, pytest.approx(0.7), pytest.approx(16 / 26))]
