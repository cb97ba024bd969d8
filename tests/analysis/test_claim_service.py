"""How claims are settled, on literal claims: shares, clocks, flags, curves, trends, late reporters and refunds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.claim_service import ClaimValue, Months, claim_months, claim_values, fraud_flags, settlement
from analysis.claim_tables import claim_ends, claim_rows, claims_behind, late_reporting, legal_clocks
from analysis.claim_trends import claim_trend, told_trends
from analysis.refunds import NOT_TOLD, refund_bursts
from data.portfolio import View
from tests.analysis.claim_books import claim, load_claims

CLOCKS = (
    "jurisdiction,claim_kind,step,days\nCA,first-party,acknowledge,15\nCA,first-party,decide,40\n"
    "US,carrier liability,decide,120\nNV,first-party,decide,30\n"
)
POLICIES = [
    "P1,I1,cargo,CA,2025-01-01,2026-01-01,1200\n",
    "P2,I2,cargo,GA,2025-01-01,2026-01-01,1200\n",
]
FIRST = {"kind": "first-party", "policy_id": "P1", "cause": "theft"}
CLAIMS = [
    # Acknowledged after 5 days and decided after 20: both in time.
    claim("A", **FIRST, loss_date="2025-03-01", reported_at="2025-03-02 12:00", acknowledged_at="2025-03-07 12:00",
          decided_at="2025-03-22 12:00", closed_at="2025-03-30 12:00", status="closed", paid_amount=1000,
          salvage_amount=400, expense_paid=10, evidence="automated", disputed="false", fraud_flagged="false",
          fraud_confirmed="false", fraud_audited="true"),
    # Acknowledged after 20 days, decided after 50: both late.
    claim("B", **FIRST, loss_date="2025-03-01", reported_at="2025-04-15 12:00", acknowledged_at="2025-05-05 12:00",
          decided_at="2025-06-04 12:00", closed_at="2025-06-10 12:00", status="closed", paid_amount=3000,
          evidence="partial", disputed="true", fraud_flagged="true", fraud_confirmed="true"),
    # Reported long ago and neither acknowledged nor decided: both overdue.
    claim("C", **FIRST, loss_date="2025-06-01", reported_at="2025-06-03", status="open", reserve_amount=500,
          fraud_flagged="true", fraud_confirmed="false"),
    # Ten days ago: its clocks run.
    claim("D", **FIRST, loss_date="2025-12-20", reported_at="2025-12-22", status="open", reserve_amount=700),
    # The law of the insured's country: decided after 100 of 120 days.
    claim("E", kind="carrier liability", insured_id="I2", loss_date="2025-04-01", reported_at="2025-04-02",
          decided_at="2025-07-11", closed_at="2025-07-12", status="denied", paid_amount=0, fraud_flagged="false",
          fraud_confirmed="false", fraud_audited="false"),
]  # fmt: skip
SHIPMENTS = "shipment_id,insured_id,carrier_id,departed_at\n" + "".join(
    f"H{k},I1,C1,2025-{month:02d}-01 08:00\n" for month in (3, 4) for k in range(month * 100, month * 100 + 50)
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    more = {"legal_clock.csv": CLOCKS, "shipment.csv": SHIPMENTS}
    return load_claims(tmp_path_factory.mktemp("service"), CLAIMS, policies=POLICIES, more=more)


@pytest.fixture(scope="module")
def values(view: View) -> dict[str, ClaimValue]:
    return claim_values(claim_months(view), settled=settlement(view))


def test_shares_count_what_can_be_told(values: dict[str, ClaimValue]) -> None:
    assert {
        key: (values[key].estimate.value, values[key].estimate.n)
        for key in ("decided_promptly", "automated_share", "disputed_share", "reported_promptly")
    } == {
        # A; of A, B, C and E, which were reported at least 30 days before 31 December.
        "decided_promptly": (0.25, 4),
        "automated_share": (0.5, 2),
        "disputed_share": (0.5, 2),
        # B came after 45 days.
        "reported_promptly": (0.8, 5),
    }


def test_a_card_counts_the_rows_behind_it(view: View, values: dict[str, ClaimValue]) -> None:
    for key in ("decided_promptly", "automated_share", "disputed_share", "reported_promptly"):
        rows = claims_behind(view, key=key)
        assert (rows["counted"].mean(), len(rows)) == (values[key].estimate.value, values[key].estimate.n), key


def test_legal_clocks(view: View, values: dict[str, ClaimValue]) -> None:
    clocks = legal_clocks(view).set_index(["jurisdiction", "step"])
    names = ["allowed", "met", "late", "overdue", "running", "due_soon"]
    # Of CA: A met both, B was late with both, C is overdue with both, and the clocks of D run: 5 of 15 days are left.
    assert clocks.loc[("CA", "acknowledge"), names].tolist() == [15, 1, 1, 1, 1, 1]
    assert clocks.loc[("CA", "decide"), names].tolist() == [40, 1, 1, 1, 1, 0]
    # A clock of Nevada is nobody's; that of the country holds where the state has none.
    assert clocks.loc[("GA", "decide"), names].tolist() == [120, 1, 0, 0, 0, 0]
    assert values["clocks_breached"].estimate.value == 4 / 7
    assert values["clocks_breached"].estimate.n == 7
    assert set(claim_rows(view, chosen="overdue")["claim_id"]) == {"B", "C"}


def test_costs_are_by_loss_and_by_event(values: dict[str, ClaimValue]) -> None:
    # Losses with an indemnity: A 1,010 with its expense, B 3,000, C 500, D 700.
    assert values["median_severity"].estimate.value == 855
    assert values["mean_severity"].estimate.value == pytest.approx(5210 / 4)
    # I1 sent in March and April only: A and B count against these shipments; C of June and D of December do not.
    frequency = values["claim_frequency"].estimate
    assert frequency.value == pytest.approx(1000 * 2 / 100)
    assert frequency.caveats == ("2 losses are left out, of months in which their account sent nothing",)
    assert values["large_losses"].estimate.value == 0
    # Closed thefts: A and B.
    assert values["theft_recovery"].estimate.value == pytest.approx(400 / 4010)
    assert values["disputed_cost"].estimate.value == pytest.approx(3000 / 4010)


def test_two_claims_of_one_event_are_one_loss(tmp_path: Path) -> None:
    incident = "incident_id,source,insured_id,category,occurred_from\nX,own,I1,theft of trailer,2025-03-01\n"
    both = [claim(name, incident_id="X", loss_date="2025-03-01", paid_amount=60_000) for name in ("A", "B")]
    found = claim_values(claim_months(load_claims(tmp_path, both, more={"incident.csv": incident})))
    assert found["large_losses"].estimate.value == 1
    assert found["mean_severity"].estimate.value == 120_000


def test_open_claims_are_censored(view: View) -> None:
    found = settlement(view)
    assert found.decide is not None
    # A after 20 days, B 50, E 100; C followed 212 days and D 10 without a decision.
    assert found.decide.times.tolist() == [20, 50, 100]
    assert found.decide.at_risk.tolist() == [4, 3, 2]
    assert found.decide.median().value == 50


def test_without_a_random_audit_misses_are_not_known(view: View, tmp_path: Path) -> None:
    flags = fraud_flags(claim_months(view))
    # Of the flagged, B was fraud; C is not decided yet, and no claim is honest until then.
    assert flags.false_discovery_share.value == 0
    over = {"reported_at": "2025-03-02", "status": "closed", "closed_at": "2025-03-05"}
    without = [
        claim(f"K{k}", **FIRST, **over, fraud_flagged=str(k < 4).lower(), fraud_confirmed=str(k < 1).lower())
        for k in range(20)
    ]
    found = claim_values(claim_months(load_claims(tmp_path, without)))
    assert found["false_discovery_share"].estimate.value == 0.75
    assert found["false_negative_rate"].estimate.value is None
    assert found["false_negative_rate"].lack == "No unflagged claim was audited at random: what flags miss is not known"


def test_what_is_not_loaded_is_said_and_is_no_zero(tmp_path: Path) -> None:
    found = claim_values(claim_months(load_claims(tmp_path, [claim("A", loss_date="2025-01-01", paid_amount=5)])))
    lacks = {key: value.lack for key, value in found.items() if value.estimate.value is None}
    assert lacks["decided_promptly"] == "No claim says when it was decided (decided_at)"
    assert lacks["refund_rate"] == "No refunds are loaded (table refund)"
    assert lacks["claim_frequency"] == "No shipments to count against in this selection"
    assert lacks["clocks_breached"].startswith("No claim has a deadline")
    assert all(lacks.values())


def test_ends_keep_the_feeds_own_words(view: View) -> None:
    assert claim_ends(view)[["status", "claims", "paid"]].fillna(-1).values.tolist() == [
        ["closed", 2, 4000.0], ["open", 2, -1.0], ["denied", 1, 0.0],
    ]  # fmt: skip


def months_of(thefts: list[int], *, shipments: float) -> Months:
    first = pd.date_range("2023-01-01", periods=len(thefts), freq="MS")
    cost = pd.DataFrame({"month": first, "lost": np.array(thefts) * 10.0})
    cost = cost.assign(losses=thefts, theft_losses=thefts, shipped_losses=thefts, shipped_thefts=thefts)
    service = pd.DataFrame({"month": first, "decided": 0})
    for key in ("decided_promptly", "automated_share", "disputed_share", "clocks_breached", "reported_promptly"):
        service = service.assign(**{f"{key}_events": 0, f"{key}_trials": 0})
    sent = pd.DataFrame({"month": first, "shipments": shipments})
    returned = pd.DataFrame({"month": first, "refunds": 0, "chargebacks": 0})
    return Months(service, cost, sent, returned, frozenset({"refund", "chargeback"}))


def test_a_common_bad_year_is_a_signal_where_there_are_enough_thefts() -> None:
    # 60 thefts a month, and 96 in the months of the third year (1.6 times); the last two months still grow.
    level = [60, 55, 63, 58, 61, 66, 54, 59, 62, 57, 64, 60]
    bad = [round(1.6 * number) for number in level]
    months = months_of([*level, *level, *bad], shipments=30_000)
    trend = claim_trend(months, key="theft_frequency_of_claims", known_to=date(2025, 12, 31))
    signals = [month for month, signal in zip(trend.months, trend.chart.signals, strict=True) if signal]
    high = [m for m in signals if trend.chart.values[trend.months.index(m)] > trend.chart.centre[0]]
    assert high
    assert min(high) >= date(2025, 1, 1)
    assert trend.immature[-2:] == (True, True)
    assert not trend.chart.judged[-2:].any()


def test_few_thefts_show_no_bad_year() -> None:
    months = months_of([3, 2, 4, 3, 1, 3, 2, 3, 4, 2, 3, 3] * 2 + [5, 4, 6, 4, 3, 5, 4, 4, 6, 3, 5, 5], shipments=1_500)
    trend = claim_trend(months, key="theft_frequency_of_claims", known_to=date(2025, 12, 31))
    assert trend.signals == 0
    assert trend.finding == "Theft losses moved no more in 34 months than chance alone explains"


def test_only_what_can_be_charted_is_offered(view: View) -> None:
    assert told_trends(claim_months(view)) == (
        "decided_promptly", "automated_share", "disputed_share", "clocks_breached", "reported_promptly",
        "claim_frequency", "theft_frequency_of_claims", "mean_severity",
    )  # fmt: skip


def test_a_late_carrier_stands_out_and_a_small_one_is_not_judged(tmp_path: Path) -> None:
    sizes = {"LATE": 12, "GOOD": 60, "FINE": 40, "TINY": 3}
    goods = "shipment_id,insured_id,carrier_id,departed_at\n" + "".join(
        f"{name}{k},I1,{name},2025-03-01\n" for name, size in sizes.items() for k in range(size)
    )
    claims = [
        claim(f"K{name}{k}", shipment_id=f"{name}{k}", loss_date="2025-03-01",
              reported_at="2025-04-15" if name in {"LATE", "TINY"} else "2025-03-05")
        for name, size in sizes.items() for k in range(size)
    ]  # fmt: skip
    found = late_reporting(load_claims(tmp_path, claims, more={"shipment.csv": goods}), unit="carrier")
    assert dict(zip(found.frame["key"], found.frame["verdict"], strict=True)) == {
        "LATE": "reports late", "FINE": "ordinary", "GOOD": "ordinary", "TINY": "not enough data",
    }  # fmt: skip
    assert found.late["median_days"].tolist() == [45]


def refunds(operator: str, moments: list[str], amount: int = 150) -> str:
    return "".join(f"{operator}{k},H1,{operator},{amount},{moment},false\n" for k, moment in enumerate(moments))


def test_bursts_that_chance_does_not_explain(tmp_path: Path) -> None:
    ring = [f"2025-{month:02d}-03 {hour:02d}:00" for month in range(1, 7) for hour in (1, 2, 3)]
    honest = [f"2025-{month:02d}-{day:02d} 10:00" for month in range(1, 7) for day in (4, 14, 24)]
    text = "refund_id,shipment_id,operator_id,amount,refunded_at,item_received\n"
    text += refunds("ring", ring) + refunds("honest", honest) + refunds("small", ring, amount=20)
    more = {"refund.csv": text, "shipment.csv": "shipment_id,insured_id,departed_at\nH1,I1,2025-01-01\n"}
    found = refund_bursts(load_claims(tmp_path, [claim("A", loss_date="2025-01-01")], more=more))
    assert found.frame["stands_out"].tolist() == [True, False, False]
    # Each of six bursts of three has one refund that is the third within 24 hours.
    assert found.frame["in_burst"].tolist() == [6, 0, 0]
    assert found.finding.startswith("1 operator grants large refunds in bursts: 6 within 24 h of two others")
    # Keyed hashes only, and none of the names of the file.
    assert not found.frame["label"].str.contains("ring|honest|small").any()
    assert "operator_id" not in found.frame


def test_without_operators_bursts_are_not_evaluable(view: View) -> None:
    assert refund_bursts(view).lack == NOT_TOLD
