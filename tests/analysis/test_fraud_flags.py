"""Fraud flags against published tables, and what they may say without an audit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.fraud_flags import NO_AUDIT, corrected_performance, flag_performance
from analysis.intervals import wilson_interval

DRUM = {"flagged": 429, "flagged_fraudulent": 231, "flagged_honest": 32}
DRUM |= {"unflagged": 221, "audited_fraudulent": 27, "audited_honest": 54}


# Altman & Bland (1994), BMJ 308:1552 and 309:102: liver scans.
def test_shares_of_verified_claims_are_altman_and_blands():
    found = flag_performance(tp=231, fp=32, fn=27, tn=54)
    assert found.sensitivity.value == pytest.approx(0.90, abs=0.0051)
    assert found.specificity.value == pytest.approx(0.63, abs=0.0051)
    assert found.precision.value == pytest.approx(0.88, abs=0.0051)
    assert found.clean_share_of_unflagged.value == pytest.approx(0.67, abs=0.0051)
    assert found.prevalence.value == pytest.approx(0.75, abs=0.0051)


# Begg & Greenes (1983), Biometrics 39:207-215, on Drum & Christacopoulos (1972).
def test_correction_is_begg_and_greenes():
    naive = flag_performance(tp=231, fp=32, fn=27, tn=54)
    found = corrected_performance(**DRUM)
    assert naive.sensitivity.value == pytest.approx(0.895, abs=6e-4)
    assert naive.specificity.value == pytest.approx(0.628, abs=6e-4)
    assert found.sensitivity.value == pytest.approx(0.836, abs=6e-4)
    assert found.specificity.value == pytest.approx(0.738, abs=6e-4)
    assert found.false_negative_rate.value == pytest.approx(1 - 0.836, abs=6e-4)
    assert found.false_positive_rate.value == pytest.approx(1 - 0.738, abs=6e-4)


def test_each_share_is_what_its_name_says():
    found = flag_performance(tp=8, fp=2, fn=4, tn=86)
    assert found.false_positive_rate.value == pytest.approx(2 / 88)
    assert found.false_discovery_share.value == pytest.approx(2 / 10)
    assert found.false_negative_rate.value == pytest.approx(4 / 12)
    assert found.precision.interval == pytest.approx(wilson_interval(8, 10))
    assert found.false_positive_rate.n == 88


def test_the_logit_interval_by_hand():
    found = corrected_performance(**DRUM).sensitivity
    variance = 1 / 429 + 1 / 221 + (32 / 263) / 231 + (54 / 81) / 27
    logit = math.log(429 * 231 / 263) - math.log(221 * 27 / 81)
    low, high = (1 / (1 + math.exp(-(logit + sign * 1.959964 * math.sqrt(variance)))) for sign in (-1, 1))
    assert found.interval == pytest.approx((low, high), rel=1e-6)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # 2,000 claims, 10% fraudulent, flags that find 70% of it and 5% of the rest; half of the flagged and 300 others
    # are looked into.
    generator = np.random.default_rng(5)
    held = np.zeros((400, 2), dtype=bool)
    for row in held:
        fraud = generator.random(2000) < 0.1
        flag = np.where(fraud, generator.random(2000) < 0.7, generator.random(2000) < 0.05)
        seen, audit = (generator.permutation(np.flatnonzero(part)) for part in (flag, ~flag))
        seen, audit = seen[: len(seen) // 2], audit[:300]
        found = corrected_performance(
            flagged=int(flag.sum()),
            flagged_fraudulent=int(fraud[seen].sum()),
            flagged_honest=int((~fraud[seen]).sum()),
            unflagged=int((~flag).sum()),
            audited_fraudulent=int(fraud[audit].sum()),
            audited_honest=int((~fraud[audit]).sum()),
        )
        row[:] = [
            found.sensitivity.interval.low <= 0.7 <= found.sensitivity.interval.high,
            found.specificity.interval.low <= 0.95 <= found.specificity.interval.high,
        ]
    assert (held.mean(axis=0) > 0.92).all()


# ---- no audit, nobody investigated, nothing found


def test_without_an_audit_what_flags_miss_is_not_known():
    found = corrected_performance(flagged=50, flagged_fraudulent=30, flagged_honest=20, unflagged=950)
    assert found.sensitivity.value is None
    assert found.false_negative_rate.value is None
    assert found.prevalence.value is None
    assert found.clean_share_of_unflagged.value is None
    assert NO_AUDIT in found.false_negative_rate.caveats
    assert NO_AUDIT in found.caveats


def test_without_an_audit_the_false_positive_rate_is_a_lower_bound():
    found = corrected_performance(flagged=50, flagged_fraudulent=30, flagged_honest=20, unflagged=950)
    assert found.false_positive_rate.value == pytest.approx(20 / 970)
    assert found.false_discovery_share.value == pytest.approx(20 / 50)
    said = "Every unflagged claim is taken as honest: the true false positive rate is at least this"
    assert said in found.false_positive_rate.caveats


def test_without_an_audit_nothing_bounds_the_false_positive_rate_from_above():
    # 30 of 50 fraudulent: Wilson 0.4618 to 0.7239, so at least 27.61% of the 50 flagged are honest, of at most
    # 950 + 13.8 honest claims; all 950 others may be fraudulent.
    found = corrected_performance(flagged=50, flagged_fraudulent=30, flagged_honest=20, unflagged=950)
    assert found.false_positive_rate.interval == pytest.approx((0.01432, 1.0), abs=1e-5)
    assert found.specificity.interval == pytest.approx((0.0, 0.98568), abs=1e-5)


def test_with_everything_verified_the_intervals_are_of_the_level_asked_for():
    found = corrected_performance(
        flagged=32, flagged_fraudulent=20, flagged_honest=12, unflagged=68, audited_fraudulent=5, audited_honest=63,
        level=0.8,
    )  # fmt: skip
    # Wilson at 80%, z = 1.28155: 20 of 25.
    assert found.sensitivity.interval == pytest.approx((0.680, 0.883), abs=1e-3)


def test_without_an_investigation_only_the_audit_speaks():
    found = corrected_performance(
        flagged=50, flagged_fraudulent=0, flagged_honest=0, unflagged=950, audited_fraudulent=2, audited_honest=98
    )
    assert found.sensitivity.value is None
    assert found.false_positive_rate.value is None
    assert found.false_discovery_share.value is None
    assert found.false_discovery_share.caveats == ("No flagged claim was investigated",)
    assert found.clean_share_of_unflagged.value == pytest.approx(0.98)


def test_an_audit_that_found_nothing_leaves_a_lower_end_below_one():
    found = corrected_performance(
        flagged=50, flagged_fraudulent=30, flagged_honest=20, unflagged=950, audited_fraudulent=0, audited_honest=100
    )
    low, high = found.sensitivity.interval
    # Up to 3.7% of 950 may be fraudulent and missed, and as few as 46% of the 50 flagged be fraudulent.
    missed, caught = 950 * 0.036994, 50 * 0.461813
    assert found.sensitivity.value == 1
    assert (low, high) == pytest.approx((caught / (caught + missed), 1.0), rel=1e-4)


def test_few_audited_claims_are_said():
    found = corrected_performance(
        flagged=50, flagged_fraudulent=10, flagged_honest=10, unflagged=950, audited_fraudulent=1, audited_honest=9
    )
    assert "Unflagged claims audited: only 10 of 950" in found.caveats
    assert "Flagged claims investigated, which stand for the rest: 20 of 50" in found.caveats
    assert found.precision.caveats == ("Claims that it rests on: only 20",)


def test_without_flags_nothing_was_found():
    found = corrected_performance(
        flagged=0, flagged_fraudulent=0, flagged_honest=0, unflagged=100, audited_fraudulent=5, audited_honest=45
    )
    assert found.sensitivity.value == 0
    assert found.false_positive_rate.value == 0
    assert found.precision.value is None
    assert found.precision.caveats == ("No claim was flagged",)


def test_no_fraud_at_all_has_no_sensitivity():
    found = corrected_performance(
        flagged=10, flagged_fraudulent=0, flagged_honest=10, unflagged=90, audited_fraudulent=0, audited_honest=90
    )
    assert found.sensitivity.value is None
    assert found.sensitivity.caveats == ("There is no fraudulent claim",)
    assert found.prevalence.value == 0


def test_no_fraud_found_in_a_part_has_no_sensitivity_either():
    found = corrected_performance(
        flagged=10, flagged_fraudulent=0, flagged_honest=5, unflagged=90, audited_fraudulent=0, audited_honest=40
    )
    assert found.sensitivity.value is None
    assert "No fraudulent claim was found" in found.sensitivity.caveats


def test_no_claims_have_no_shares():
    found = corrected_performance(flagged=0, flagged_fraudulent=0, flagged_honest=0, unflagged=0)
    assert found.sensitivity.value is None
    assert found.caveats == ("There are no claims",)
    assert flag_performance(tp=0, fp=0, fn=0, tn=0).prevalence.caveats == ("There are no claims",)


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        corrected_performance(flagged=5, flagged_fraudulent=4, flagged_honest=2, unflagged=10)
    with pytest.raises(ValueError, match="not negative"):
        flag_performance(tp=-1, fp=0, fn=0, tn=0)


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_with_everything_verified_the_correction_changes_nothing(counts):
    tp, fp, fn, tn = counts
    plain = flag_performance(tp=tp, fp=fp, fn=fn, tn=tn)
    found = corrected_performance(
        flagged=tp + fp,
        flagged_fraudulent=tp,
        flagged_honest=fp,
        unflagged=fn + tn,
        audited_fraudulent=fn,
        audited_honest=tn,
    )
    for name in ("sensitivity", "specificity", "precision", "prevalence", "false_positive_rate"):
        mine, theirs = getattr(found, name), getattr(plain, name)
        assert (mine.value, mine.interval) == (theirs.value, theirs.interval), name


@given(st.tuples(*[st.integers(0, 40)] * 6))
def test_every_value_lies_in_its_interval(counts):
    tp, fp, fn, tn, more_flagged, more_unflagged = counts
    found = corrected_performance(
        flagged=tp + fp + more_flagged,
        flagged_fraudulent=tp,
        flagged_honest=fp,
        unflagged=fn + tn + more_unflagged,
        audited_fraudulent=fn,
        audited_honest=tn,
    )
    for name in ("sensitivity", "specificity", "precision", "prevalence", "false_positive_rate"):
        estimate = getattr(found, name)
        assert (estimate.value is None) == (estimate.interval is None), name
        if estimate.value is not None:
            low, high = estimate.interval
            assert -1e-9 <= low <= estimate.value + 1e-9, name
            assert estimate.value - 1e-9 <= high <= 1 + 1e-9, name
