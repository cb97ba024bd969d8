"""From which size are the planted truths of claims found? `python -m tests.study.findable_claims [--seeds N]`.

Draws what the analysis sees, not files: claims of a late carrier among punctual ones, bursts of refunds among honest
ones, and a year in which thefts are 1.6 times as frequent.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from analysis.claim_service import Months
from analysis.claim_tables import LEAST_CLAIMS
from analysis.claim_trends import claim_trend
from analysis.funnels import share_funnel
from analysis.refunds import LEAST_CHANCE


def finds_late_carrier(claims: int, *, late_share: float, rng: np.random.Generator) -> bool:
    """Is a carrier found of whose claims this share comes late, beside fifteen of whose 3% do?"""
    others = rng.binomial(200, 0.97, size=15)
    events, trials = [rng.binomial(claims, 1 - late_share), *others], [claims, *[200] * 15]
    if claims < LEAST_CLAIMS:
        return False
    funnel = share_funnel(events, trials, target=float(np.median(np.array(events) / np.array(trials))))
    low, _ = funnel.limits_at(trials)
    return bool(events[0] / claims < low[0])


def finds_ring(bursts: int, *, operators: int, large: int) -> bool:
    """Is an operator found who grants so many bursts of three besides as many honest large refunds as others?"""
    n = large + 3 * bursts
    rate = n / 1095
    expected = n * (1 - np.exp(-rate) * (1 + rate))
    return bool(min(stats.poisson.sf(bursts - 1, expected) * operators, 1.0) < LEAST_CHANCE)


def finds_bad_year(thefts_a_month: float, *, rng: np.random.Generator, factor: float = 1.6) -> bool:
    """Does the control chart of thefts mark a high month in the bad year, of the last twelve of 36?"""
    months = pd.date_range("2023-07-01", periods=36, freq="MS")
    level = thefts_a_month * np.where(np.arange(36) >= 24, factor, 1.0)
    counts = rng.poisson(level)
    cost = pd.DataFrame({"month": months, "theft_losses": counts, "shipped_thefts": counts})
    none = pd.DataFrame({"month": months, "decided": 0})
    sent = pd.DataFrame({"month": months, "shipments": 1_000.0})
    trend = claim_trend(Months(none, cost, sent, none), key="theft_frequency_of_claims", known_to=date(2026, 8, 31))
    chart = trend.chart
    return bool((chart.signals & (chart.values > chart.centre))[24:].any())


def false_alarms(thefts_a_month: float, *, rng: np.random.Generator) -> bool:
    """Does the chart mark a high month where no year is bad?"""
    return finds_bad_year(thefts_a_month, rng=rng, factor=1.0)


def tables(seeds: int) -> str:
    """What was found, as a document."""
    rng = np.random.default_rng(5)

    def share(found: list[bool]) -> str:
        return f"{100 * sum(found) / len(found):.0f}%"

    lines = ["| claims of the late carrier | all of them late | a third of them late |", "|---|---|---|"]
    for size in (5, 10, 20, 40, 80):
        cells = [
            share([finds_late_carrier(size, late_share=late, rng=rng) for _ in range(seeds)]) for late in (1.0, 1 / 3)
        ]
        lines.append(f"| {size} | {cells[0]} | {cells[1]} |")
    lines += ["", "| bursts of three by one operator | 40 operators | 1,000 operators |", "|---|---|---|"]
    for bursts in (1, 2, 3, 5):
        cells = ["found" if finds_ring(bursts, operators=many, large=10) else "not found" for many in (40, 1_000)]
        lines.append(f"| {bursts} | {cells[0]} | {cells[1]} |")
    lines += ["", "| thefts claimed a month | bad year found | false alarm, no bad year |", "|---|---|---|"]
    for level in (3, 10, 20, 40, 80, 160):
        found = share([finds_bad_year(level, rng=rng) for _ in range(seeds)])
        wrong = share([false_alarms(level, rng=rng) for _ in range(seeds)])
        lines.append(f"| {level} | {found} | {wrong} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    sys.stdout.write(tables(parser.parse_args().seeds) + "\n")
