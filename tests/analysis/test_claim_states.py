"""What a claim's dates and words tell of it, and what they cannot: on literal claims."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from analysis.claim_service import claim_months, claim_values, monthly_trend, settlement
from analysis.claim_tables import claim_rows, legal_clocks
from data.portfolio import View
from tests.analysis.claim_books import claim, load_claims

CLOCKS = "jurisdiction,claim_kind,step,days\nCA,first-party,acknowledge,15\nCA,first-party,decide,40\n"
POLICIES = ["P1,I1,cargo,CA,2025-01-01,2026-01-01,1200\n"]
FIRST = {"kind": "first-party", "policy_id": "P1", "loss_date": "2025-03-01"}
CLAIMS = [
    # Acknowledged after 5 days, decided after 20, closed after 28.
    claim("T", **FIRST, reported_at="2025-03-02", acknowledged_at="2025-03-07", decided_at="2025-03-22",
          closed_at="2025-03-30", status="closed"),
    # Closed after 10 days, and after 60, without a day of decision.
    claim("S1", **FIRST, reported_at="2025-03-02", closed_at="2025-03-12", status="closed"),
    claim("S2", **FIRST, reported_at="2025-03-02", closed_at="2025-05-01", status="closed"),
    # Over without any day.
    claim("S3", **FIRST, reported_at="2025-03-02", status="denied"),
    # Decided before it was reported.
    claim("S4", **FIRST, reported_at="2025-03-10", acknowledged_at="2025-03-12", decided_at="2025-03-05",
          closed_at="2025-03-20", status="closed"),
    # Reported nine days before the data's date.
    claim("S5", **FIRST, reported_at="2025-12-22", status="open"),
    # 40 days and two hours, but 41 days of the calendar.
    claim("S6", **FIRST, reported_at="2025-03-03 23:00", acknowledged_at="2025-03-04", decided_at="2025-04-13 01:00",
          status="open"),
]  # fmt: skip


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> View:
    folder = tmp_path_factory.mktemp("dated")
    return load_claims(folder, CLAIMS, policies=POLICIES, more={"legal_clock.csv": CLOCKS})


def test_a_claim_that_is_over_has_no_deadline_that_is_still_open(dated: View) -> None:
    clocks = legal_clocks(dated).set_index("step")
    names = ["met", "late", "overdue", "running", "untold", "unfit"]
    # S1 was decided within 10 of 40 days; when S2 and S3 were cannot be told; S4 does not fit.
    assert clocks.loc["decide", names].tolist() == [2, 1, 0, 1, 2, 1]
    assert clocks.loc["acknowledge", names].tolist() == [3, 0, 0, 1, 3, 0]
    breached = claim_values(claim_months(dated))["clocks_breached"]
    assert (breached.estimate.value, breached.estimate.n) == (1 / 6, 6)
    assert breached.estimate.caveats == (
        "5 deadlines cannot be told: the claim is over without the date, or its feed never says it",
        "1 left out: dated before the report",
    )


def test_days_are_those_of_the_calendar(dated: View) -> None:
    rows = dated.rows("select claim_id, decide_days, followed_days from claim_service where claim_id in ('S5', 'S6')")
    assert sorted(rows) == [("S5", None, 9), ("S6", 41, 303)]


def test_curves_leave_out_what_is_over_without_a_day(dated: View) -> None:
    found = settlement(dated)
    assert found.decide is not None
    assert found.close is not None
    # S1 and S2 were decided by their closing; S5 is followed for nine days.
    assert found.decide.times.tolist() == [10, 20, 41, 60]
    assert found.decide.at_risk.tolist() == [4, 3, 2, 1]
    assert found.decide_caveats == (
        "2 claims closed without a day of decision: decided by then at the latest",
        "Left out: 1 claim of which nobody can tell when they were decided",
        "Left out: 1 claim decided before the report",
    )
    assert found.close.times.tolist() == [10, 28, 60]
    assert found.close.at_risk.tolist() == [5, 3, 2]
    assert found.close_caveats == ("Left out: 1 claim of which nobody can tell when they were closed",)


def test_what_a_feed_never_says_is_no_breach(tmp_path: Path) -> None:
    silent = [
        claim(f"K{k}", **FIRST, reported_at="2025-03-02", closed_at="2025-03-07", status="closed") for k in range(20)
    ]
    silent.append(claim("L", **FIRST, reported_at="2025-03-02", status="open"))
    view = load_claims(tmp_path, silent, policies=POLICIES, more={"legal_clock.csv": CLOCKS})
    found = claim_values(claim_months(view), settled=settlement(view))
    assert found["clocks_breached"].estimate.value is None
    assert found["clocks_breached"].lack.startswith("42 deadlines cannot be told: ")
    assert found["decided_promptly"].estimate.value is None
    assert found["days_to_decision"].estimate.value is None
    assert found["days_to_close"].estimate.value == 5


OPEN = (
    "unpaid", "Pending incident report", "Not yet settled", "partially paid", "Re-opened", "approved - not yet paid",
    "to be closed", "denied, under appeal", "identified",
)  # fmt: skip
ENDED = (
    "Closed", "Deny", "Settle", "Approve in Full", "closed without payment", "denied: not covered", "Withdrawn", "PAID",
)  # fmt: skip
STOLEN = (
    "theft", "Stolen trailer", "fictitious pickup", "misdirection", "Double brokering", "double-brokered load",
    "carrier fraud", "identity theft", "hijacking",
)  # fmt: skip
NOT_STOLEN = ("handling", "non-theft shortage")
WORDED = [
    *(claim(f"O{k}", status=f'"{words}"', loss_date="2025-03-01") for k, words in enumerate(OPEN)),
    *(claim(f"E{k}", status=f'"{words}"', loss_date="2025-03-01") for k, words in enumerate(ENDED)),
    claim("R", status="paid", reserve_amount=50, loss_date="2025-03-01"),
    *(claim(f"T{k}", cause=words, loss_date="2025-03-01") for k, words in enumerate(STOLEN)),
    *(claim(f"N{k}", cause=words, loss_date="2025-03-01") for k, words in enumerate(NOT_STOLEN)),
    # An incident and a claim of the same number, and two claims of one incident.
    claim("X", insured_id="I3", loss_date="2025-03-01", paid_amount=100, cause=""),
    claim("Y", insured_id="I3", incident_id="X", loss_date="2025-03-01", paid_amount=120_000, cause=""),
    claim("Z", insured_id="I3", incident_id="X", loss_date="2025-03-02", paid_amount=30, cause=""),
    claim("Q", insured_id="I4", loss_date="2025-03-01"),
    claim("M", insured_id="I5", loss_date="2025-03-01"),
]
TERMS = "2025-01-01,2026-01-01,1200"
BOUND = (
    "policy_id,insured_id,product,jurisdiction,status,inception_date,expiry_date,written_premium\n"
    f"P4,I4,cargo,CA,in force,{TERMS}\nP4q,I4,cargo,TX,quoted,2025-02-01,2026-02-01,1200\n"
    f"P4d,I4,cargo,NV,Declined,2025-02-02,2026-02-01,1200\n"
    f"P5,I5,cargo,CA,in force,{TERMS}\nP5b,I5,cargo,GA,in force,2025-02-01,2026-02-01,1200\n"
)


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> View:
    incident = "incident_id,source,insured_id,category,occurred_from\nX,own,I3,accident,2025-03-01\n"
    more = {"policy.csv": BOUND, "incident.csv": incident}
    return load_claims(tmp_path_factory.mktemp("worded"), WORDED, more=more)


def test_status_is_read_by_whole_words(worded: View) -> None:
    rows = worded.rows("select claim_id, status, is_over from claim_service where status is not null")
    assert {words for name, words, over in rows if over} == set(ENDED)
    assert {words for name, words, over in rows if not over} == {*OPEN, "paid"}


def test_strategic_theft_is_theft(worded: View) -> None:
    rows = worded.rows("select cause from claim_service where is_theft and cause is not null")
    assert {cause for (cause,) in rows} == set(STOLEN)


def test_an_incident_and_a_claim_of_one_number_are_two_losses(worded: View) -> None:
    rows = worded.rows(
        "select claim_id, event_claim_id, is_loss, event_base::double from claim_service where insured_id = 'I3'"
        " order by claim_id"
    )
    assert rows == [("X", "X", True, 100.0), ("Y", "Y", True, 120_030.0), ("Z", "Y", False, None)]


def test_a_quote_answers_no_claim(worded: View) -> None:
    rows = worded.rows(
        "select claim_id, jurisdiction, is_policy_ambiguous from claim_service where insured_id in ('I4', 'I5')"
        " order by claim_id"
    )
    assert rows == [("M", "GA", True), ("Q", "CA", False)]


def test_large_losses_are_listed_with_all_claims_of_their_event(worded: View) -> None:
    values = claim_values(claim_months(worded))
    rows = claim_rows(worded, chosen="large")
    assert rows["claim_id"].tolist() == ["Y", "Z"]
    assert values["large_losses"].estimate.value == rows["is_loss"].sum() == 1
    assert rows["event_base"].sum() == rows["gross_base"].sum() == 120_030


def test_a_download_holds_every_claim(worded: View) -> None:
    assert len(claim_rows(worded, limit=None)) == len(WORDED)
    assert len(claim_rows(worded, limit=3)) == 3


def test_theft_says_of_how_many_claims_the_cause_is_known(tmp_path: Path) -> None:
    causes = ["theft", "handling", "", ""]
    claims = [
        claim(f"K{k}", cause=cause, loss_date="2025-03-01", closed_at="2025-04-01", paid_amount=10)
        for k, cause in enumerate(causes)
    ]
    found = claim_values(claim_months(load_claims(tmp_path, claims)))["theft_recovery"].estimate
    assert found.caveats[-1] == "50.0% of the claims say their cause: theft among the other 2 is not seen"


def test_refunds_count_where_their_account_sent(tmp_path: Path) -> None:
    sent = "shipment_id,insured_id,departed_at\n" + "".join(f"H{k},I1,2025-03-0{k}\n" for k in range(1, 5))
    # One in the month of the shipments, two in a month in which the account sent nothing.
    text = "refund_id,shipment_id,amount,refunded_at\nR1,H1,10,2025-03-09\nR2,H2,10,2025-05-09\nR3,H3,10,2025-05-10\n"
    more = {"shipment.csv": sent, "refund.csv": text}
    view = load_claims(tmp_path, [claim("A", loss_date="2025-03-01")], more=more)
    found = claim_values(claim_months(view))["refund_rate"].estimate
    assert (found.value, found.n) == (250, 1)
    assert found.caveats == ("Left out: 2 refunds of months in which their account sent nothing",)


def test_a_trend_keeps_its_gaps_and_ends_with_the_last_mature_month() -> None:
    months = [date(2025, 1, 1), date(2025, 3, 1), date(2025, 4, 1), date(2025, 10, 1), date(2025, 11, 1)]
    run = pd.Series([1.0, 2.0, None, 3.0, 4.0], index=months)
    found = monthly_trend(run, known_to=date(2025, 12, 31))
    # October ended 61 days before the data's date, November 31.
    assert found == (1.0, None, 2.0, None, None, None, None, None, None, 3.0)
