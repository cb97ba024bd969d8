"""Numbers that are estimated rather than added up: what each means, in which unit, with which target and interval.

A measure of `analysis.measures` is a sum over rows; these come out of a model or a curve (a posterior rate, a
restricted mean, a developed loss ratio), so the registry holds what they mean and the module of their subject computes
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.measures import Better, magnitude, significant

EstimatedUnit = Literal["count", "base currency", "percent", "rate", "minutes", "hours", "days"]
_SUFFIXES: Mapping[str, str] = {"minutes": "min", "hours": "h", "days": "days"}


@dataclass(frozen=True)
class EstimatedMeasure:
    """One estimated number.

    Attributes
    ----------
    key, label, section, definition, formula, better
        As of an `analysis.measures.Measure`.
    unit
        percent is a share of 0 to 1; rate is a number per `per`.
    per
        What a rate is per.
    interval
        What its interval is, in words.
    tables
        Tables of the contract that it needs.
    period
        What a period means for it, in words: by report date, on the fixed window of the fit.
    target, floor
        The level aimed at, and the one beyond which it is referred; None where there is none.
    """

    key: str
    label: str
    section: str
    definition: str
    formula: str
    unit: EstimatedUnit
    interval: str
    period: str
    tables: tuple[str, ...]
    per: str = ""
    better: Better = "lower"
    target: float | None = None
    floor: float | None = None

    def words(self, value: float | None, *, currency: str = "") -> str:
        """The value as a person reads it: at most 3 significant digits, with its unit.

        Examples
        --------
        >>> HOTSPOT_MEASURES["worst_ten_share"].words(0.4567)
        '45.7%'
        """
        if value is None:
            return "not known"
        if self.unit == "percent":
            return f"{significant(100 * value)}%"
        if self.unit == "base currency":
            return f"{currency} {magnitude(value)}".strip()
        # A number and its interval are read together: minutes stay minutes, and 1,440 is no 1.44k.
        number = significant(value) if self.unit == "minutes" else magnitude(value)
        text = f"{number} {_SUFFIXES.get(self.unit, '')}".strip()
        return f"{text} per {self.per}" if self.per else text


_HOTSPOTS = (
    EstimatedMeasure(
        key="theft_frequency",
        label="Theft frequency",
        section="Hotspots",
        definition="Own thefts of the fixed window for each 1,000 units of exposure of one segment: trips on the line "
        "haul, parcels on the last mile, site-months in storage. Attempts, incidents of carriers and of the market, "
        "thefts below the threshold and accounts with a higher deductible are left out of both sides. Adjusted, each "
        "report counts as the thefts that it is assumed to stand for.",
        formula="1,000 x counted own thefts / units of exposure",
        unit="rate",
        per="1,000 units of its segment",
        period="the fixed window of the fit",
        tables=("incident", "shipment"),
        interval="95%, exact (Garwood); adjusted, mixed over the share that may be reported",
    ),
    EstimatedMeasure(
        key="theft_loss_cost",
        label="Theft loss cost",
        section="Hotspots",
        definition="Theft loss of the fixed window for each 1,000 of declared value. Every theft counts with the "
        "capped mean loss of its commodity, because the value of only some thefts is known. Adjusted, those without a "
        "value count with an assumed factor, and each report as the thefts that it is assumed to stand for.",
        formula="1,000 x sum of counted own thefts x severity of their class / declared value",
        unit="rate",
        per="1,000 of declared value",
        period="the fixed window of the fit",
        tables=("incident", "shipment"),
        interval="95%, exact for the number of thefts (Garwood); that of the severity is not in it; adjusted, mixed "
        "over the share that may be reported and over the factor of unknown losses",
    ),
    EstimatedMeasure(
        key="worst_ten_share",
        label="Excess in ten worst",
        section="Hotspots",
        definition="Share of the loss expected above the portfolio's rate that lies in the ten places with most of "
        "it: how far attention to a few places goes. Places below expectation count as 0.",
        formula="excess x severity of the ten worst places / that of all places, the median under the posterior, where "
        "the excess of a place is E x (ratio - 1), and 0 where the ratio is below 1",
        unit="percent",
        better="neutral",
        period="the fixed window of the fit",
        tables=("incident", "shipment"),
        interval="90%, of the same ten places under their posterior ratios",
    ),
)

#: Measures that rest on the fit of the book, by key.
HOTSPOT_MEASURES: Mapping[str, EstimatedMeasure] = {measure.key: measure for measure in _HOTSPOTS}
