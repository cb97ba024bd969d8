"""How good are fraud flags, when only some of the flagged and few of the unflagged claims were ever looked into?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy import stats

from analysis.estimates import Estimate
from analysis.intervals import Interval, wilson_interval

NO_AUDIT = "No unflagged claim was audited at random: what flags miss is not known"
NONE_INVESTIGATED = "No flagged claim was investigated"
#: Fewer investigated or audited claims than this make every share rough, and a caveat says so.
LEAST_VERIFIED = 30


@dataclass(frozen=True)
class FlagPerformance:
    """How fraud flags did, as shares of 0 to 1. A value of None cannot be known; its caveats say why.

    Attributes
    ----------
    sensitivity
        Share of fraudulent claims that were flagged, TP / (TP + FN).
    specificity
        Share of honest claims that were not flagged, TN / (TN + FP).
    false_positive_rate
        Share of honest claims that were flagged, FP / (FP + TN).
    false_discovery_share
        Share of flagged claims that are honest, FP / (FP + TP).
    false_negative_rate
        Share of fraudulent claims that were not flagged, FN / (FN + TP).
    precision
        Share of flagged claims that are fraudulent (positive predictive value), TP / (TP + FP).
    clean_share_of_unflagged
        Share of unflagged claims that are honest (negative predictive value), TN / (TN + FN).
    prevalence
        Share of all claims that are fraudulent.
    n
        Claims.
    caveats
        Of the whole, each a sentence without its full stop.
    """

    sensitivity: Estimate
    specificity: Estimate
    false_positive_rate: Estimate
    false_discovery_share: Estimate
    false_negative_rate: Estimate
    precision: Estimate
    clean_share_of_unflagged: Estimate
    prevalence: Estimate
    n: int
    caveats: tuple[str, ...]


def flag_performance(*, tp: int, fp: int, fn: int, tn: int, level: float = 0.95) -> FlagPerformance:
    """How good are flags, when the truth is known of every claim? Shares with Wilson's intervals.

    Taken over verified claims only (a part of all) these shares flatter sensitivity and slander specificity, since
    flagged claims are verified more often: use :func:`corrected_performance`.

    Parameters
    ----------
    tp, fp, fn, tn
        Flagged and fraudulent, flagged and honest, unflagged and fraudulent, unflagged and honest.
    level
        Of the intervals.

    Raises
    ------
    ValueError
        A count is negative.

    References
    ----------
    Altman & Bland (1994), BMJ 308:1552 and 309:102.
    """
    if min(tp, fp, fn, tn) < 0:
        message = "counts of claims are not negative"
        raise ValueError(message)

    def share(count: int, of: int, lack: str) -> Estimate:
        if not of:
            return Estimate(None, None, 0, (lack,))
        return Estimate(count / of, wilson_interval(count, of, level=level), of)

    no_fraud, no_honest = "There is no fraudulent claim", "There is no honest claim"
    n = tp + fp + fn + tn
    return FlagPerformance(
        sensitivity=share(tp, tp + fn, no_fraud),
        specificity=share(tn, tn + fp, no_honest),
        false_positive_rate=share(fp, tn + fp, no_honest),
        false_discovery_share=share(fp, tp + fp, "No claim was flagged"),
        false_negative_rate=share(fn, tp + fn, no_fraud),
        precision=share(tp, tp + fp, "No claim was flagged"),
        clean_share_of_unflagged=share(tn, tn + fn, "Every claim was flagged"),
        prevalence=share(tp + fn, n, "There are no claims"),
        n=n,
        caveats=(),
    )


def corrected_performance(
    *,
    flagged: int,
    flagged_fraudulent: int,
    flagged_honest: int,
    unflagged: int,
    audited_fraudulent: int = 0,
    audited_honest: int = 0,
    level: float = 0.95,
) -> FlagPerformance:
    """How good are flags, when only part of the flagged were investigated and few of the others audited?

    With q the share flagged, p1 and p0 the share fraudulent among the investigated flagged and the audited unflagged:
    sensitivity = q p1 / (q p1 + (1 - q) p0), specificity = (1 - q)(1 - p0) / ((1 - q)(1 - p0) + q (1 - p1)). Intervals
    are normal in the logit, whose variance is 1 / (N q (1 - q)) + (1 - p1) / (p1 n1) + (1 - p0) / (p0 n0) for the
    sensitivity, and with p / (1 - p) for the specificity; where a count is 0 they are the widest that Wilson's
    intervals of p1 and p0 allow.

    Holds if among the flagged, and among the unflagged, those looked into are a random part. Without an audit of
    unflagged claims what flags miss is not known: sensitivity, false negative rate and prevalence are None, and the
    false positive rate takes every unflagged claim as honest, so that the true one is at least that: its interval
    reaches up to 1, that of the specificity down to 0.

    Parameters
    ----------
    flagged, unflagged
        All claims, by flag.
    flagged_fraudulent, flagged_honest
        Of the flagged: investigated and found fraudulent, or honest.
    audited_fraudulent, audited_honest
        Of the unflagged: audited at random, and found fraudulent, or honest.
    level
        Of the intervals.

    Raises
    ------
    ValueError
        A count is negative, or more were looked into than there are.

    References
    ----------
    Begg & Greenes (1983), Biometrics 39:207-215 (the logit variances follow by the delta method); Drum &
    Christacopoulos (1972), Journal of Nuclear Medicine 13:908-915 (the data of the example).

    Examples
    --------
    >>> found = corrected_performance(flagged=429, flagged_fraudulent=231, flagged_honest=32,
    ...                               unflagged=221, audited_fraudulent=27, audited_honest=54)
    >>> round(found.sensitivity.value, 3), round(found.specificity.value, 3)
    (0.836, 0.738)
    """
    investigated, audited = flagged_fraudulent + flagged_honest, audited_fraudulent + audited_honest
    _check(flagged, flagged_fraudulent, flagged_honest, investigated)
    _check(unflagged, audited_fraudulent, audited_honest, audited)
    n = flagged + unflagged
    flags = _Part(flagged, flagged_fraudulent, investigated, level)
    others = _Part(unflagged, audited_fraudulent, audited, level)
    caveats = _caveats(flags, others)
    if not n:
        return replace(flag_performance(tp=0, fp=0, fn=0, tn=0), caveats=caveats)
    if flags.verified == flags.size and others.verified == others.size:
        return flag_performance(
            tp=flagged_fraudulent, fp=flagged_honest, fn=audited_fraudulent, tn=audited_honest, level=level
        )
    sensitivity, specificity = _sensitivity(flags, others, caveats), _specificity(flags, others, caveats)
    precision = flags.estimate(lambda p: p, lack=NONE_INVESTIGATED if flagged else "No claim was flagged")
    return FlagPerformance(
        sensitivity=sensitivity,
        specificity=specificity,
        false_positive_rate=_complement(specificity),
        false_discovery_share=_complement(precision),
        false_negative_rate=_complement(sensitivity),
        precision=precision,
        clean_share_of_unflagged=others.estimate(lambda p: 1 - p, lack=NO_AUDIT),
        prevalence=_prevalence(flags, others, caveats),
        n=n,
        caveats=caveats,
    )


@dataclass(frozen=True)
class _Part:
    """Flagged or unflagged claims: all, found fraudulent, looked into."""

    size: int
    fraudulent: int
    verified: int
    level: float

    @property
    def known(self) -> bool:
        """Whether the share of fraud in it can be told: a part without claims has none."""
        return self.verified > 0 or self.size == 0

    @property
    def share(self) -> float:
        return self.fraudulent / self.verified if self.verified else 0.0

    @property
    def interval(self) -> Interval:
        if not self.verified:
            return Interval(0.0, 0.0 if self.size == 0 else 1.0)
        return wilson_interval(self.fraudulent, self.verified, level=self.level)

    def estimate(self, of: Callable[[float], float], *, lack: str) -> Estimate:
        if not self.verified:
            return Estimate(None, None, 0, (lack,))
        ends = sorted(of(end) for end in wilson_interval(self.fraudulent, self.verified, level=self.level))
        caveats = () if self.verified >= LEAST_VERIFIED else (f"Claims that it rests on: only {self.verified}",)
        return Estimate(of(self.share), Interval(*ends), self.verified, caveats)


def _sensitivity(flags: _Part, others: _Part, caveats: tuple[str, ...]) -> Estimate:
    verified = flags.verified + others.verified
    if not (flags.known and others.known):
        return Estimate(None, None, verified, caveats)

    def sensitivity(p1: float, p0: float) -> float:
        found, missed = flags.size * p1, others.size * p0
        return found / (found + missed) if found + missed else math.nan

    value = sensitivity(flags.share, others.share)
    if math.isnan(value):
        return Estimate(None, None, verified, (*caveats, "No fraudulent claim was found"))
    if min(flags.fraudulent, others.fraudulent, flags.size, others.size) == 0:
        ends = [
            sensitivity(flags.interval.low, others.interval.high),
            sensitivity(flags.interval.high, others.interval.low),
        ]
        interval = Interval(*(value if math.isnan(end) else end for end in ends))
    else:
        variance = _flag_variance(flags, others) + sum(
            (1 - part.share) / part.fraudulent for part in (flags, others) if part.verified
        )
        interval = _logit_interval(value, variance, level=flags.level)
    return Estimate(value, interval, verified, caveats)


def _specificity(flags: _Part, others: _Part, caveats: tuple[str, ...]) -> Estimate:
    verified = flags.verified + others.verified
    if not flags.known:
        return Estimate(None, None, verified, caveats)

    def specificity(p1: float, p0: float) -> float:
        right, wrong = others.size * (1 - p0), flags.size * (1 - p1)
        return right / (right + wrong) if right + wrong else math.nan

    value = specificity(flags.share, others.share)
    if math.isnan(value):
        return Estimate(None, None, verified, (*caveats, "No honest claim was found"))
    if not others.known:
        caveats = (*caveats, "Every unflagged claim is taken as honest: the true false positive rate is at least this")
    honest = flags.verified - flags.fraudulent, others.verified - others.fraudulent
    if not others.known or min(*honest, flags.size, others.size) == 0:
        # Nobody looked into the unflagged: any of them may be fraudulent, and nothing bounds the share from below.
        over = others.interval if others.known else Interval(0.0, 1.0)
        ends = [specificity(flags.interval.low, over.high), specificity(flags.interval.high, over.low)]
        interval = Interval(*(value if math.isnan(end) else end for end in ends))
    else:
        variance = _flag_variance(flags, others) + sum(
            part.share / (part.verified - part.fraudulent) for part in (flags, others)
        )
        interval = _logit_interval(value, variance, level=flags.level)
    return Estimate(value, interval, verified, caveats)


def _prevalence(flags: _Part, others: _Part, caveats: tuple[str, ...]) -> Estimate:
    n, verified = flags.size + others.size, flags.verified + others.verified
    if not (flags.known and others.known):
        return Estimate(None, None, verified, caveats)
    value = (flags.size * flags.share + others.size * others.share) / n
    # Both ends at once: wider than needed, never too short.
    low, high = (
        (flags.size * p1 + others.size * p0) / n for p1, p0 in zip(flags.interval, others.interval, strict=True)
    )
    return Estimate(value, Interval(low, high), verified, caveats)


def _flag_variance(flags: _Part, others: _Part) -> float:
    """Variance of the logit of the share flagged: 1 / (N q (1 - q))."""
    return 1 / flags.size + 1 / others.size


def _logit_interval(value: float, variance: float, *, level: float) -> Interval:
    reach = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(variance)
    odds = value / (1 - value)
    low, high = odds * math.exp(-reach), odds * math.exp(reach)
    return Interval(low / (1 + low), high / (1 + high))


def _complement(estimate: Estimate) -> Estimate:
    value = None if estimate.value is None else 1 - estimate.value
    interval = estimate.interval and Interval(1 - estimate.interval.high, 1 - estimate.interval.low)
    return Estimate(value, interval, estimate.n, estimate.caveats)


def _caveats(flags: _Part, others: _Part) -> tuple[str, ...]:
    said = []
    if not flags.size + others.size:
        return ("There are no claims",)
    if not flags.known:
        said.append(NONE_INVESTIGATED)
    if not others.known:
        said.append(NO_AUDIT)
    elif others.verified < min(LEAST_VERIFIED, others.size):
        said.append(f"Unflagged claims audited: only {others.verified} of {others.size}")
    if 0 < flags.verified < flags.size:
        said.append(f"Flagged claims investigated, which stand for the rest: {flags.verified} of {flags.size}")
    return tuple(said)


def _check(size: int, fraudulent: int, honest: int, verified: int) -> None:
    if min(size, fraudulent, honest) < 0 or verified > size:
        message = f"{fraudulent} fraudulent and {honest} honest among {size} claims do not fit"
        raise ValueError(message)
