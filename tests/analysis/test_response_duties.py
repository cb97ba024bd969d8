"""Duties after a theft: in time, late, missing, not yet due, or not to be told; and what is open, most urgent first."""

from __future__ import annotations

from datetime import datetime

import pytest

from analysis.containment import incident_clocks
from analysis.response_duties import duty_record, legal_hours, open_incidents
from tests.analysis.incidents import Case, contained, gone, load_cases

NOW = datetime(2025, 12, 31, 10)
HOUR = 60.0
#: All are noticed an hour after they began; deadlines run from there.
CASES = (
    contained("on the minute", 10, evidence=73 * HOUR, notified=25 * HOUR),
    contained("a minute late", 10, evidence=73 * HOUR + 1, notified=25 * HOUR + 1),
    gone("never"),
    gone("never noticed", detected=None, notified=500 * HOUR),
    contained("before it was noticed", 10, notified=30, evidence=30),
    contained("longer notice", 10, insured="I2", notified=49 * HOUR, evidence=100),
    contained("beyond it", 10, insured="I2", notified=49 * HOUR + 1, evidence=100),
    Case("open, all due", status="open", begins=NOW),
    Case("open, overdue", status="open", begins=datetime(2025, 12, 28, 12), notified=70),
    Case("open, nothing due", status="open", begins=datetime(2025, 6, 1), notified=70, evidence=70),
)
POLICY = {
    "policy.csv": "policy_id,insured_id,inception_date,expiry_date,jurisdiction\n"
    "P1,I1,2025-01-01,2026-01-01,CA\nP2,I2,2025-01-01,2026-01-01,TX\nOLD,I2,2024-01-01,2025-01-01,TX\n",
    "policy_term.csv": "policy_id,kind,applies_to,amount\nP2,limit,notice days,2\nOLD,limit,notice hours,1\n"
    "P1,limit,any one location,1\n",
    "legal_clock.csv": "jurisdiction,claim_kind,step,days\nCA,first-party,notify insurer,3\n"
    "CA,carrier liability,notify insurer,1\nCA,first-party,acknowledge,15\nTX,first-party,notify regulator,10\n",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    # A comma would part the cells.
    cases = [Case(**{**vars(case), "name": case.name.replace(",", "")}) for case in CASES]
    return load_cases(tmp_path_factory.mktemp("duties"), cases, more=POLICY)


def states(record):
    return record.frame.set_index("incident_id")["state"].to_dict()


def test_evidence_is_due_72_hours_after_it_was_noticed(view):
    record = duty_record(incident_clocks(view), "evidence")
    assert states(record) == {
        "on the minute": "in time",
        "a minute late": "late",
        "never": "missing",
        "never noticed": "cannot be told",
        "before it was noticed": "cannot be told",
        "longer notice": "in time",
        "beyond it": "in time",
        "open all due": "not yet due",
        "open overdue": "missing",
        "open nothing due": "in time",
    }
    assert (record.share.value, record.share.n) == (4 / 7, 7)
    assert record.in_time + record.late + record.missing + record.not_yet_due + record.cannot_be_told == len(CASES)


def test_the_insurer_is_told_within_the_policy_s_hours_else_24(view):
    found = states(duty_record(incident_clocks(view), "notice"))
    assert (found["on the minute"], found["a minute late"], found["never"]) == ("in time", "late", "missing")
    # Two days by the policy in force; that of the year before does not count.
    assert (found["longer notice"], found["beyond it"]) == ("in time", "late")


def test_the_law_sets_deadlines_only_where_it_has_any(view):
    law = legal_hours(view)
    assert law == {("CA", "legal notice"): 72, ("TX", "regulator"): 240}
    told = duty_record(incident_clocks(view), "legal notice", law=law)
    assert "longer notice" not in states(told)
    assert states(told)["a minute late"] == "in time"
    # No incident of this feed ever says that a regulator was told: that is not known, rather than missing.
    assert set(states(duty_record(incident_clocks(view), "regulator", law=law)).values()) == {"cannot be told"}
    assert not duty_record(incident_clocks(view), "regulator").is_set


def test_open_incidents_stand_by_what_is_due_first(view):
    found = open_incidents(incident_clocks(view), law=legal_hours(view))
    rows = found.frame[["incident_id", "next_duty", "left_hours", "age_hours"]]
    assert rows.astype(object).where(rows.notna(), None).values.tolist() == [
        # Noticed on the 28th at 13:00: 72 hours end on the 31st at 13:00, 11 hours before the data do.
        ["open overdue", "Evidence secured", -11, 83],
        ["open all due", "Insurer told, by the policy", 11, 13],
        ["open nothing due", None, None, 5135],
    ]
    assert (found.overdue, found.oldest_hours) == (1, 5135)


def test_a_feed_that_never_says_it_is_not_blamed(tmp_path):
    view = load_cases(tmp_path, [contained("a", 10), Case("b", status="open")])
    record = duty_record(incident_clocks(view), "evidence")
    assert (record.share.value, record.cannot_be_told) == (None, 2)
    assert open_incidents(incident_clocks(view)).frame["next_duty"].isna().all()


def test_only_a_bound_policy_sets_deadlines_and_one_policy_sets_them_all(tmp_path):
    # Quoted: 1 hour by the law of AZ. Bound: one of the year, and a later one that overlaps it from June on.
    policies = (
        "policy_id,insured_id,inception_date,expiry_date,jurisdiction,status\n"
        "Q1,I1,2025-01-01,2026-01-01,AZ,quoted\nQ2,I1,2025-02-01,2026-01-01,AZ,declined\n"
        "P1,I1,2025-01-01,2026-01-01,TX,bound\nP2,I1,2025-06-01,2026-06-01,CA,in force\n"
    )
    terms = (
        "policy_id,kind,applies_to,amount\nQ1,limit,notice hours,1\nQ2,limit,notice hours,2\n"
        "P1,limit,notice hours,12\nP2,limit,notice hours,48\n"
    )
    cases = [contained("march", 10), contained("july", 10, begins=datetime(2025, 7, 1, 10)),
             contained("uninsured", 10, insured="I3")]  # fmt: skip
    view = load_cases(tmp_path, cases, more={"policy.csv": policies, "policy_term.csv": terms})
    frame = incident_clocks(view).frame.set_index("incident_id")
    found = frame[["policy_id", "jurisdiction", "notice_hours", "is_notice_agreed", "is_policy_ambiguous"]]
    assert found.astype(object).where(found.notna(), None).T.to_dict("list") == {
        "march": ["P1", "TX", 12, True, False],
        # Not the least of either: all of the one that began last, and said so.
        "july": ["P2", "CA", 48, True, True],
        "uninsured": [None, None, 24, False, False],
    }
    caveats = duty_record(incident_clocks(view), "notice").share.caveats
    assert any("Several policies" in caveat and "1 of 3" in caveat for caveat in caveats)


def test_the_law_falls_back_to_the_insured_s_country(tmp_path):
    files = {
        "insured.csv": "insured_id,name,country\nI1,Acme Freight,US\nI2,Bolt Parcels,US\nI3,Cove Foods,FR\n",
        "policy.csv": "policy_id,insured_id,inception_date,expiry_date,jurisdiction\n"
        "P1,I1,2025-01-01,2026-01-01,CA\nP2,I2,2025-01-01,2026-01-01,TX\nP3,I3,2025-01-01,2026-01-01,DE\n",
        "legal_clock.csv": "jurisdiction,claim_kind,step,days\nUS,first-party,notice to regulator,3\n"
        "TX,first-party,notice to regulator,5\n",
    }
    cases = [contained("falls back", 10, regulator=70), contained("own law", 10, insured="I2", regulator=70),
             contained("none", 10, insured="I3", regulator=70)]  # fmt: skip
    view = load_cases(tmp_path, cases, more=files)
    record = duty_record(incident_clocks(view), "regulator", law=legal_hours(view))
    rows = record.frame.set_index("incident_id")
    # Noticed on the 3rd at 11:00.
    assert {name: str(due) for name, due in rows["due_at"].items()} == {
        "falls back": "2025-03-06 11:00:00",
        "own law": "2025-03-08 11:00:00",
    }
    assert record.is_set
