"""What the numbers of claims say, in sentences: the page's answer, and what each value means against its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from analysis.claim_service import ClaimValue, Settlement
from analysis.claims import UltimateLossRatio
from analysis.differences import Difference
from analysis.measures import magnitude, significant

Status = Literal["meets target", "may meet target", "misses target", "no target", "not known"]


def claim_status(value: ClaimValue) -> Status:
    """Is the target met, by the interval and not by the value alone?"""
    measure, estimate = value.measure, value.estimate
    if estimate.value is None:
        return "not known"
    if measure.target is None:
        return "no target"
    if estimate.interval is None:
        return "may meet target"
    low, high = estimate.interval
    if measure.better == "higher":
        low, high, target = -high, -low, -measure.target
    else:
        target = measure.target
    return "meets target" if high <= target else "misses target" if low > target else "may meet target"


def answer_words(values: Mapping[str, ClaimValue], ratio: UltimateLossRatio) -> str:
    """The answer to the page's question, without its full stop."""
    parts = []
    decide, close = values["days_to_decision"].estimate, values["days_to_close"].estimate
    if decide.value is not None and close.value is not None:
        parts.append(f"Half of the claims are decided within {_days(decide.value)} and closed within {close.value:.0f}")
    elif decide.value is not None:
        parts.append(f"Half of the claims are decided within {_days(decide.value)}")
    disputed = values["disputed_share"]
    if disputed.estimate.value is not None:
        parts.append(f"{disputed.words()} are disputed")
    if ratio.gross.value is not None:
        between = ""
        if ratio.gross.interval is not None:
            low, high = ratio.gross.interval
            between = f" (90% sure: {_percent(low)} to {_percent(high)})"
        parts.append(f"losses will come to {_percent(ratio.gross.value)} of earned premium{between}")
    if not parts:
        return "Amounts are known, but neither how long claims take nor what premium they are set against"
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def change_words(change: Difference | None, *, unit: str, currency: str = "") -> str:
    """A change and whether chance explains it, in a few words; empty where it cannot be told."""
    if change is None:
        return ""
    if change.value == 0:
        return "no change"
    size = abs(change.value)
    if unit == "percent":
        text = f"{significant(100 * size, 2)} pts"
    elif unit == "days":
        text = f"{significant(size, 2)} days"
    elif unit == "base currency":
        text = f"{currency} {magnitude(size)}".strip()
    else:
        text = significant(size, 2)
    sign = "+" if change.value > 0 else "−"
    judged = {True: "more than chance", False: "chance explains it", None: ""}[change.is_signal]
    return f"{sign}{text}: {judged}" if judged else f"{sign}{text}"


def settlement_words(settled: Settlement) -> str:
    """What the curves find, without full stop."""
    decide = settled.decide.median().value if settled.decide is not None else None
    close = settled.close.median().value if settled.close is not None else None
    if decide is not None and close is not None:
        return f"Half of the claims are decided after {_days(decide)}, half are closed after {close:.0f}"
    if decide is not None:
        return f"Half of the claims are decided after {_days(decide)}"
    if close is not None:
        return f"Half of the claims are closed after {_days(close)}"
    if settled.decide is None and settled.close is None:
        return "How long claims take is not known"
    return "Fewer than half of the claims are decided as far as they were followed"


def insured_words(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Which insureds stand out, without full stop."""
    judged = table[table["verdict"] != "not enough data"]
    above, below = (judged[judged["verdict"] == f"{side} the rest"] for side in ("above", "below"))
    if len(table) == 1:
        return "There is no other insured to compare with"
    if judged.empty:
        return "No insured has enough losses to be told from chance"
    if above.empty and below.empty:
        return f"No insured of {len(judged):,} differs from all others by more than chance"
    parts = []
    for part, words in ((above, "costs more"), (below, "costs less")):
        if len(part) == 1:
            parts.append(f"{names.get(str(part['key'].iloc[0]), str(part['key'].iloc[0]))} {words}")
        elif len(part):
            parts.append(f"{len(part):,} insureds {words.replace('costs', 'cost')}")
    return f"{' and '.join(parts)} per premium than chance explains"


def quarter_words(table: pd.DataFrame) -> str:
    """Which quarters stand out, without full stop."""
    out = table[table["verdict"].isin(["above the rest", "below the rest"])]
    if table.empty:
        return "No quarter has earned premium"
    if out.empty:
        return "No quarter of loss differs from the rest by more than chance"
    away = (out["ratio"] - table["ratio"].median()).abs()
    worst = out.iloc[int(away.to_numpy().argmax())]
    side = "more" if worst["verdict"] == "above the rest" else "less"
    return f"{worst['key']} will cost {_percent(float(worst['ratio']))} of its premium, {side} than chance explains"


def _days(value: float) -> str:
    return f"{value:.0f} day{'' if round(value) == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{significant(100 * share)}%"
