"""Did a measure of claims really move from month to month, or is it noise? One control chart a measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from analysis.claim_measures import CLAIM_MEASURES
from analysis.claim_service import Months
from analysis.control_charts import ControlChart, individuals_chart, rate_chart, share_chart
from analysis.estimated_measures import EstimatedMeasure
from analysis.filters import add_months, month_of

#: Days that a month still grows for after its end.
IMMATURE_DAYS = 60
Basis = Literal["report", "loss", "refund"]
#: What can be charted: from which sums, of events, per what, and how much a displayed value is per.
CHARTED: Mapping[str, tuple[Basis, str, str, float]] = {
    "decided_promptly": ("report", "decided_promptly_events", "decided_promptly_trials", 1.0),
    "automated_share": ("report", "automated_share_events", "automated_share_trials", 1.0),
    "disputed_share": ("report", "disputed_share_events", "disputed_share_trials", 1.0),
    "clocks_breached": ("report", "clocks_breached_events", "clocks_breached_trials", 1.0),
    "reported_promptly": ("report", "reported_promptly_events", "reported_promptly_trials", 1.0),
    "claim_frequency": ("loss", "shipped_losses", "shipments", 1_000.0),
    "theft_frequency_of_claims": ("loss", "shipped_thefts", "shipments", 1_000.0),
    "mean_severity": ("loss", "lost", "losses", 1.0),
    "refund_rate": ("refund", "refunds", "shipments", 1_000.0),
    "chargeback_rate": ("refund", "chargebacks", "shipments", 1_000.0),
}
_BASIS_WORDS: Mapping[Basis, str] = {
    "report": "by month of report", "loss": "by month of loss", "refund": "by month of the refund",
}  # fmt: skip


@dataclass(frozen=True)
class ClaimTrend:
    """A measure by month with the limits of chance.

    Attributes
    ----------
    measure
        What it means.
    months
        First days.
    chart
        The values in the measure's unit, its limits and signals.
    immature
        Which months still grow: drawn hatched, never judged.
    basis
        What the month is of, in words.
    finding
        What it says, in a sentence without its full stop.
    scale
        What values and limits were multiplied by.
    """

    measure: EstimatedMeasure
    months: tuple[date, ...]
    chart: ControlChart
    immature: tuple[bool, ...]
    basis: str
    finding: str
    scale: float = 1.0

    @property
    def signals(self) -> int:
        """Months that chance alone does not explain."""
        return int(self.chart.signals.sum())


def told_trends(months: Months) -> tuple[str, ...]:
    """Which measures have anything to chart in this selection?"""
    told = []
    for key in CHARTED:
        # Shares of claims that never say when they were decided, and refunds that nobody loaded, are no zero.
        silent = key == "decided_promptly" and not months.service["decided"].sum()
        unloaded = {"refund_rate": "refund", "chargeback_rate": "chargeback"}.get(key) in months.absent
        # What a card withholds has no chart either: most losses are of accounts without shipments.
        losses = months.cost["losses"].sum()
        withheld = CHARTED[key][0::2] == ("loss", "shipments") and 2 * months.cost["shipped_losses"].sum() < losses
        if not silent and not unloaded and not withheld and _counted_on(months, key) > 0:
            told.append(key)
    return tuple(told)


def claim_trend(months: Months, *, key: str, known_to: date | None) -> ClaimTrend:
    """How did this measure run, and which months does chance alone not explain?

    Shares by Laney's p' chart, rates by the u' chart, mean amounts by single values. Months that ended less than 60
    days before the data's date are immature.

    Parameters
    ----------
    key
        One of `CHARTED`.
    known_to
        The data's date.
    """
    measure = CLAIM_MEASURES[key]
    basis, _, _, scale = CHARTED[key]
    frame = _series(months, key)
    days = [pd.Timestamp(month).date() for month in frame["month"]]
    growing = np.array([known_to is not None and _days_since(month, known_to) < IMMATURE_DAYS for month in days])
    events, per = frame["events"].to_numpy(dtype=np.float64), frame["per"].to_numpy(dtype=np.float64)
    if key == "mean_severity":
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(per > 0, events / per, np.nan)
        chart = individuals_chart(values, immature=growing, bounds=(0.0, np.inf))
    elif measure.unit == "percent":
        chart = share_chart(events, per, immature=growing)
    else:
        chart = rate_chart(events, per, immature=growing)
    return ClaimTrend(
        measure=measure,
        months=tuple(days),
        chart=chart,
        immature=tuple(bool(one) for one in growing),
        basis=_BASIS_WORDS[basis],
        finding=_finding(measure, days, chart),
        scale=scale,
    )


def _counted_on(months: Months, key: str) -> float:
    """What the events of all months are counted on."""
    basis, _, per, _ = CHARTED[key]
    frame = months.shipments if per == "shipments" else _of_basis(months, basis)
    return float(frame[per].to_numpy(dtype=np.float64, na_value=0.0)[frame["month"].notna().to_numpy()].sum())


def _of_basis(months: Months, basis: Basis) -> pd.DataFrame:
    return {"report": months.service, "loss": months.cost, "refund": months.returned}[basis]


def _series(months: Months, key: str) -> pd.DataFrame:
    """Every month from the first to the last, with events and what they are counted on."""
    basis, events, per, _ = CHARTED[key]
    frame = _of_basis(months, basis)
    frame = frame[frame["month"].notna()]
    if per == "shipments":
        frame = frame[["month", events]].merge(months.shipments, on="month", how="outer")
    frame = frame[["month", events, per]].rename(columns={events: "events", per: "per"})
    if frame.empty:
        return pd.DataFrame({"month": pd.Series(dtype="datetime64[us]"), "events": [], "per": []})
    every = pd.DataFrame({"month": pd.date_range(frame["month"].min(), frame["month"].max(), freq="MS")})
    every["month"] = every["month"].astype(frame["month"].dtype)
    joined = every.merge(frame, on="month", how="left")
    return joined.assign(events=joined["events"].astype("float64").fillna(0.0), per=joined["per"].fillna(0.0))


def _days_since(month: date, known_to: date) -> int:
    return (known_to - add_months(month_of(month), 1)).days + 1


def _finding(measure: EstimatedMeasure, months: list[date], chart: ControlChart) -> str:
    label = measure.label
    if chart.lack:
        return f"{label}: {chart.lack}"
    found = np.flatnonzero(chart.signals)
    judged = int(chart.judged.sum())
    if not len(found):
        return f"{label} moved no more in {judged} months than chance alone explains"
    named = [_told(months, chart, int(place)) for place in found[-3:]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{label}: {', '.join(named)}{more} moved by more than chance"


def _told(months: list[date], chart: ControlChart, place: int) -> str:
    side = "high" if chart.values[place] > chart.centre[place] else "low"
    return f"{months[place]:%b %Y} ({side})"
