"""What the measures of a view come to: in all, by month, with interval, n and caveats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from scipy.stats import binomtest

from analysis.filters import add_months, month_of
from analysis.intervals import Interval, poisson_interval, wilson_interval
from analysis.measures import MEASURES, ROW_NAMES, Measure, magnitude, significant
from analysis.selection import DIMENSION_LABELS, Dimension, Fact, Selection, condition, unreachable
from analysis.signals import SIGNAL
from data.portfolio import View

#: Losses of the last days are still being reported: shown hatched, left out of trends and verdicts.
IMMATURE_DAYS = 60
#: Amounts of fewer events than this differ between periods by chance, whatever the risk does.
FEW_AMOUNTS = 30
#: Sums whose known part differs by more than this share are not of the same thing.
_LIKE_COVERAGE = 0.05
#: A sum of nearly all needs no word about the rest.
_NEARLY_ALL = 0.95
# From this many on a share says how many are known, in less room.
_MANY = 100


@dataclass(frozen=True)
class MeasureValue:
    """A measure over the rows of a view.

    Attributes
    ----------
    measure
        What it is.
    value
        In the measure's unit; None where nothing is known, which is not 0.
    interval
        95% interval; None where the measure has none.
    n, of
        Rows that carry the value, and rows that could.
    comparable
        The value that two periods are compared by: money at the plan rate of exchange, else the value.
    months
        (first day of month, value) for the months with rows, ascending; rows without a date are in `value` only.
    unconverted
        (currency, amount) without a rate of exchange: never part of `value`.
    caveats
        What a reader must know beside the number, each a sentence without its full stop.
    """

    measure: Measure
    value: float | None
    interval: Interval | None
    n: int
    of: int
    comparable: float | None
    months: tuple[tuple[date, float | None], ...]
    unconverted: tuple[tuple[str, float], ...]
    caveats: tuple[str, ...]

    def words(self, *, currency: str) -> str:
        """The value as a person reads it."""
        return self.measure.words(self.value, currency=currency)

    def change_from(self, before: MeasureValue | None) -> float | None:
        """How much is it above an earlier period, as a share of that (a share of 0 to 1: in points)?

        Money is compared at the plan rate of exchange. None where either is unknown, or the earlier is 0.
        """
        if before is None or self.comparable is None or before.comparable is None:
            return None
        if self.measure.unit == "percent":
            return self.comparable - before.comparable
        return self.comparable / before.comparable - 1 if before.comparable else None

    @property
    def coverage(self) -> str:
        """How much of it is known, where that is not nearly all: "15 of 40 known", "75% known"."""
        if not self.measure.known_words or self.measure.per or self.n >= _NEARLY_ALL * self.of:
            return ""
        whole = self.of < _MANY
        return f"{self.n} of {self.of} known" if whole else f"{significant(100 * self.n / self.of, 2)}% known"

    def doubt_of_change(self, before: MeasureValue | None) -> str:
        """Why is the change from an earlier period of the same length no news, in a few words? Empty where it is news.

        Counts are compared by the exact conditional test of two Poisson counts, shares by Newcombe's interval of their
        difference, both at 95%; amounts of fewer than 30 events not at all, nor those known to another part.
        """
        if before is None or self.value is None or before.value is None:
            return ""
        measure = self.measure
        summed = bool(measure.known_words) and not measure.per and self.of > 0 and before.of > 0
        if summed and abs(self.n / self.of - before.n / before.of) > _LIKE_COVERAGE:
            return f"{self.n:,} of {self.of:,} known; {before.n:,} of {before.of:,} before"
        if measure.unit == "base currency":
            few = min(self.n, before.n) < FEW_AMOUNTS
            return f"{self.n:,} events, {before.n:,} before: too few to tell" if few else ""
        said = f"{measure.words(before.value)} before: no clear change"
        if measure.interval == "poisson":
            return "" if differ(self.value, before.value) else said
        if self.interval is not None and before.interval is not None:
            return "" if _shares_differ(self.value, self.interval, before.value, before.interval) else said
        return ""


def differ(count: float, other: float) -> bool:
    """Do two counts of events, of equal exposure, differ by more than chance (exact conditional test at 95%)?

    Examples
    --------
    >>> differ(12, 8), differ(40, 15)
    (False, True)
    """
    both = round(count + other)
    return both > 0 and float(binomtest(round(count), both, 0.5).pvalue) < SIGNAL


def _shares_differ(share: float, interval: Interval, other: float, of_other: Interval) -> bool:
    """Does Newcombe's (1998, method 10) interval of the difference, made of two Wilson intervals, leave out 0?"""
    difference = share - other
    if difference >= 0:
        return difference > float(np.hypot(share - interval[0], of_other[1] - other))
    return -difference > float(np.hypot(interval[1] - share, other - of_other[0]))


def measure_values(
    view: View, *, measures: Iterable[Measure], selection: Selection | None = None
) -> dict[str, MeasureValue]:
    """What are these measures over the rows of a view, in all and by month?

    One query a fact. A measure whose rows lack a picked dimension has no value, and a caveat that says why.
    """
    picked = selection or Selection()
    by_fact: dict[Fact, list[Measure]] = {}
    wanted = tuple(measures)
    for measure in wanted:
        by_fact.setdefault(measure.fact, []).append(measure)
    found: dict[str, MeasureValue] = {}
    for fact, group in by_fact.items():
        if missing := unreachable(fact, picked):
            found |= {measure.key: _unreached(measure, missing=missing) for measure in group}
            continue
        rows = _monthly_parts(view, fact=fact, measures=group, selection=picked)
        found |= {measure.key: _value(measure, rows=rows) for measure in group}
    return {measure.key: found[measure.key] for measure in wanted}


def present_measures(view: View) -> tuple[Measure, ...]:
    """Which measures can this portfolio tell at all? Ask it of a view without filters.

    A portfolio without own incidents has no count of own thefts, not a count of 0.
    """
    there = [measure for measure in MEASURES.values() if all(view.has(table) for table in measure.tables)]
    values = measure_values(view, measures=there)
    return tuple(measure for measure in there if values[measure.key].n > 0)


def unconverted_amounts(view: View) -> dict[str, tuple[tuple[str, float], ...]]:
    """Which amounts are in no sum, as there is no rate of exchange for them? Label to (currency, amount) pairs."""
    money = [m for m in MEASURES.values() if m.unconverted and all(view.has(table) for table in m.tables)]
    values = measure_values(view, measures=money)
    return {measure.label: found for measure in money if (found := values[measure.key].unconverted)}


def monthly(
    value: MeasureValue, *, first_month: date | None = None, last_month: date | None = None
) -> tuple[tuple[date, float | None], ...]:
    """The measure by month without gaps: a month without rows counts 0, or nothing where it is a share."""
    known = dict(value.months)
    if not known and (first_month is None or last_month is None):
        return ()
    month, last = first_month or min(known), last_month or max(known)
    empty = None if value.measure.per else 0.0
    series = []
    while month <= last:
        series.append((month, known.get(month, empty)))
        month = add_months(month, 1)
    return tuple(series)


def lacking_words(fact: Fact, missing: Iterable[Dimension]) -> str:
    """What rows of a fact have not: "claims have no category"."""
    return f"{ROW_NAMES[fact]} have no {' and '.join(DIMENSION_LABELS[name].lower() for name in missing)}"


def is_immature(month: date, *, data_date: date | None) -> bool:
    """Does this month reach into the last 60 days, whose losses are still being reported?

    Examples
    --------
    >>> is_immature(date(2024, 3, 1), data_date=date(2024, 5, 31))
    False
    >>> is_immature(date(2024, 4, 1), data_date=date(2024, 5, 31))
    True
    """
    return data_date is not None and add_months(month_of(month), 1) > data_date - timedelta(days=IMMATURE_DAYS - 1)


def _monthly_parts(
    view: View, *, fact: Fact, measures: Iterable[Measure], selection: Selection
) -> list[dict[str, Any]]:
    """One row a month and currency, with every part of every measure as `key.part`."""
    names = [(f"{m.key}.{part}", sql) for m in measures for part, sql in m.parts.items()]
    currency = "null" if fact == "ping_fact" else "currency"
    picked = condition(fact, selection)
    columns = ", ".join(sql for _, sql in names)
    rows = view.rows(
        f"select month, {currency} as money, {columns} from {fact} where {picked.sql}"
        " group by month, money order by month",
        picked.parameters,
    )
    return [dict(zip(["month", "currency", *(name for name, _ in names)], row, strict=True)) for row in rows]


def _value(measure: Measure, *, rows: list[dict[str, Any]]) -> MeasureValue:
    def total(part: str, chosen: Iterable[dict[str, Any]] = rows) -> float:
        return float(sum(row.get(f"{measure.key}.{part}") or 0 for row in chosen))

    def of(chosen: list[dict[str, Any]], part: str = "value") -> float | None:
        if measure.per:
            trials = total("per", chosen)
            return total(part, chosen) / trials if trials else None
        amounts = [row[f"{measure.key}.{part}"] for row in chosen if row.get(f"{measure.key}.{part}") is not None]
        if not amounts:
            return None if measure.unit == "base currency" and total("of", chosen) else 0.0
        return float(sum(amounts))

    by_month: dict[date, list[dict[str, Any]]] = {}
    unconverted: dict[str, float] = {}
    for row in rows:
        if row["month"] is not None:
            by_month.setdefault(row["month"], []).append(row)
        if amount := row.get(f"{measure.key}.unconverted"):
            name = row["currency"] or "no currency"
            unconverted[name] = unconverted.get(name, 0.0) + float(amount)
    value, known, out_of = of(rows), int(total("known")), int(total("of"))
    return MeasureValue(
        measure=measure,
        value=value,
        interval=_interval(measure, value=value, per=total("per") if measure.per else 0.0, numerator=total("value")),
        n=known,
        of=out_of,
        comparable=of(rows, "comparable") if measure.comparable else value,
        months=tuple((month, of(chosen)) for month, chosen in sorted(by_month.items())),
        unconverted=tuple(sorted(unconverted.items())),
        caveats=tuple(_caveats(measure, known=known, of=out_of, unconverted=unconverted)),
    )


def _interval(measure: Measure, *, value: float | None, per: float, numerator: float) -> Interval | None:
    if measure.interval == "poisson" and value is not None:
        return poisson_interval(int(value))
    if measure.interval == "wilson" and per:
        return wilson_interval(int(numerator), int(per))
    return None


def _caveats(measure: Measure, *, known: int, of: int, unconverted: Mapping[str, float]) -> Iterable[str]:
    if measure.known_words and known < of:
        yield measure.known_words.format(known=f"{known:,}", of=f"{of:,}")
    if unconverted:
        apart = ", ".join(f"{currency} {magnitude(amount)}" for currency, amount in sorted(unconverted.items()))
        yield f"not included, as there is no rate of exchange: {apart}"


def _unreached(measure: Measure, *, missing: Iterable[Dimension]) -> MeasureValue:
    return MeasureValue(
        measure=measure,
        value=None,
        interval=None,
        n=0,
        of=0,
        comparable=None,
        months=(),
        unconverted=(),
        caveats=(f"{lacking_words(measure.fact, missing)}, by which this page is narrowed",),
    )
