"""What is selected: the one frozen value that scope, link, chart and export agree on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Literal

Comparison = Literal["period", "year"]

#: Dimensions that a person filters by, in the order in which they are shown.
DIMENSIONS = ("insured", "carrier", "lane", "commodity", "mode")


def month_of(day: date) -> date:
    """First day of the month that ``day`` falls in."""
    return day.replace(day=1)


def add_months(month: date, count: int) -> date:
    """First day of the month ``count`` months after ``month`` (before it, if negative)."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


@dataclass(frozen=True)
class Filters:
    """The rows a person asked for.

    Parameters
    ----------
    first_month, last_month
        First days of the first and last month shown, both included; None: from the beginning, to the end.
    insured, carrier, lane, commodity, mode
        The ids or words chosen; empty: all of them.

    Examples
    --------
    >>> Filters(first_month=date(2024, 1, 1), last_month=date(2024, 3, 1)).previous().first_month
    datetime.date(2023, 10, 1)
    """

    first_month: date | None = None
    last_month: date | None = None
    insured: tuple[str, ...] = ()
    carrier: tuple[str, ...] = ()
    lane: tuple[str, ...] = ()
    commodity: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("first_month", "last_month"):
            month = getattr(self, name)
            if month is not None and month.day != 1:
                message = f"{name} is the first day of a month, not {month.isoformat()}"
                raise ValueError(message)
        if self.first_month is not None and self.last_month is not None and self.first_month > self.last_month:
            message = f"the period ends ({self.last_month}) before it begins ({self.first_month})"
            raise ValueError(message)

    @property
    def months(self) -> int | None:
        """Length of the period in months; None where an end is open."""
        if self.first_month is None or self.last_month is None:
            return None
        first, last = self.first_month, self.last_month
        return (last.year - first.year) * 12 + last.month - first.month + 1

    @property
    def end(self) -> date | None:
        """First day after the period; None where it is open."""
        return None if self.last_month is None else add_months(self.last_month, 1)

    def previous(self, by: Comparison = "period") -> Filters:
        """The same selection for the comparison period: as many months directly before, or the same a year before.

        An open period has no comparison: it is returned as it is.
        """
        if self.months is None or self.first_month is None or self.last_month is None:
            return self
        back = -12 if by == "year" else -self.months
        return replace(
            self, first_month=add_months(self.first_month, back), last_month=add_months(self.last_month, back)
        )

    def without(self, *dimensions: str) -> Filters:
        """The same selection with these dimensions (or "period") open: what the chart they were chosen on shows."""
        known = {field.name for field in fields(self)}
        changes: dict[str, object] = {}
        for dimension in dimensions:
            if dimension == "period":
                changes.update(first_month=None, last_month=None)
            elif dimension in DIMENSIONS and dimension in known:
                changes[dimension] = ()
            else:
                message = f"{dimension!r} is no dimension; there are: period, {', '.join(DIMENSIONS)}"
                raise ValueError(message)
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def chosen(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The dimensions that are narrowed, with what was chosen."""
        return tuple((name, getattr(self, name)) for name in DIMENSIONS if getattr(self, name))


@dataclass(frozen=True)
class Scope:
    """Whose data a person may see: the ids of insureds, or None for the whole book."""

    insureds: frozenset[str] | None = None

    @property
    def whole_book(self) -> bool:
        """True where nothing is hidden from this person."""
        return self.insureds is None
