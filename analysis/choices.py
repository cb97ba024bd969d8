"""What can be chosen: the months that have data, and the insureds, carriers, lanes, commodities and modes in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from analysis.filters import DIMENSIONS, Filters, add_months, month_of
from analysis.place_names import LANE_NAMES
from analysis.values import unconverted_amounts
from data.portfolio import View

#: A list longer than this slows every page; a filter offers the busiest.
MOST_OPTIONS = 2_000
#: Length in months of the period that a page opens with.
OPENING_MONTHS = 12
#: Months with less than this share of the events of the month that the median event falls in are scattered.
SCATTERED = 0.1

#: Kinds of events.
_EVENTS = ("incident", "claim", "shipment", "ping")
_OPTIONS = """
with ranked as (
    select dimension, value, sum(events) as events
    from choice_key
    where dimension <> 'month' and value is not null
    group by dimension, value
),
final as (
    select dimension, value, row_number() over (partition by dimension order by events desc, value) as rank
    from ranked
)
select dimension, value from final where rank <= {most} + 1 order by dimension, rank
"""
_MONTHS = """
select kind, month, sum(rows)::bigint as rows, sum(events) as events
from choice_key
where dimension = 'month'
group by kind, month
order by kind, month
"""
_NAMES = {
    "insured": "select insured_id, name from insured",
    "carrier": "select carrier_id, name from carrier",
    "lane": f"select lane_id, name from ({LANE_NAMES})",
}


@dataclass(frozen=True)
class Choices:
    """What a person may choose from, in one snapshot and scope.

    Attributes
    ----------
    first_month, last_month
        The months between which anything is dated; None where nothing is.
    opening
        The period that a page opens with; no months where nothing is dated.
    options
        Ids or words by dimension, the busiest first.
    names
        Name by id, by dimension; each name once.
    cut
        Dimensions of which only the busiest are offered.
    covered_from
        By kind of event (incident, claim, shipment, ping), the first month from which it is more than scattered: before
        that there is nothing to compare with. A month is scattered below a tenth of the month of the median event.
    dated_from
        By kind of event, the month of its very first, scattered or not.
    undated
        By kind of event, how many have no date and so are in no period; kinds without such are left out.
    unconverted
        Label of each amount of which some has no rate of exchange.
    """

    first_month: date | None
    last_month: date | None
    opening: Filters
    options: Mapping[str, tuple[str, ...]]
    names: Mapping[str, Mapping[str, str]]
    cut: tuple[str, ...] = ()
    covered_from: Mapping[str, date] = field(default_factory=dict)
    dated_from: Mapping[str, date] = field(default_factory=dict)
    undated: Mapping[str, int] = field(default_factory=dict)
    unconverted: tuple[str, ...] = ()

    def name(self, dimension: str, identifier: str) -> str:
        """What a person calls it; the id itself where it has no name."""
        return self.names.get(dimension, {}).get(identifier, identifier)

    @property
    def months(self) -> tuple[date, ...]:
        """Every month from the first to the last with data, the newest first."""
        if self.first_month is None or self.last_month is None:
            return ()
        found = [self.last_month]
        while found[-1] > self.first_month:
            found.append(add_months(found[-1], -1))
        return tuple(found)


def find_choices(view: View) -> Choices:
    """What can be chosen in these rows? Give it a view without filters.

    The opening period is the last twelve months in which most kinds of data (incidents, claims, shipments) have any:
    past the end of one of them it would be compared with nothing.
    """
    months: dict[str, list[tuple[date, int]]] = {}
    undated: dict[str, int] = {}
    for kind, month, rows, events in view.rows(_MONTHS):
        if month is not None:
            months.setdefault(kind, []).append((month_of(month), int(rows)))
        elif view.has(kind) and int(events):
            undated[kind] = int(events)
    months = {kind: months[kind] for kind in _EVENTS if kind in months}
    ends = {kind: (found[0][0], found[-1][0]) for kind, found in months.items()}
    options: dict[str, list[str]] = {name: [] for name in DIMENSIONS}
    for dimension, value in view.rows(_OPTIONS.format(most=MOST_OPTIONS)):
        options[dimension].append(value)
    known = {dimension: dict(view.rows(sql)) for dimension, sql in _NAMES.items()}
    names = {dimension: _once(options[dimension], names=known.get(dimension, {})) for dimension in DIMENSIONS}
    return Choices(
        first_month=min((first for first, _ in ends.values()), default=None),
        last_month=max((last for _, last in ends.values()), default=None),
        opening=_opening(ends),
        options={dimension: tuple(values[:MOST_OPTIONS]) for dimension, values in options.items()},
        names=names,
        cut=tuple(dimension for dimension, values in options.items() if len(values) > MOST_OPTIONS),
        covered_from={kind: _covered_from(found) for kind, found in months.items()},
        dated_from={table: first for table, (first, _) in ends.items()},
        undated={kind: undated[kind] for kind in _EVENTS if kind in undated},
        unconverted=tuple(unconverted_amounts(view)),
    )


def count_events(view: View) -> dict[str, int]:
    """How many incidents, claims, shipments and tracker positions are selected? Only kinds that the portfolio holds."""
    kinds = [kind for kind in _EVENTS if view.has(kind)]
    if not kinds:
        return {}
    # One statement: each costs a page its planning.
    counts = ", ".join(f"(select coalesce(sum({kind}s), 0) from {kind}_fact)" for kind in kinds)
    return dict(zip(kinds, map(int, view.rows(f"select {counts}")[0]), strict=True))


def _covered_from(months: Sequence[tuple[date, int]]) -> date:
    """From which month on is there more than a tenth of the month of the median row?"""
    half, seen, typical = sum(rows for _, rows in months) / 2, 0, 0
    for _, rows in sorted(months, key=lambda one: one[1]):
        seen += rows
        typical = rows
        if seen >= half:
            break
    return next(month for month, rows in months if rows >= typical * SCATTERED)


def count_unreached(view: View) -> dict[str, int]:
    """How many incidents, claims, shipments and positions are out only because a chosen filter cannot reach them?"""
    counted = view.unreached_of([f"{kind}_fact" for kind in _EVENTS if view.has(kind)])
    return {table.removesuffix("_fact"): count for table, count in counted.items() if count}


def count_undated(view: View) -> dict[str, int]:
    """How many incidents, claims, shipments and positions of the chosen filters are in no period, having no date?"""
    counted = view.undated_of([f"{kind}_fact" for kind in _EVENTS if view.has(kind)])
    return {table.removesuffix("_fact"): count for table, count in counted.items() if count}


def _opening(ends: Mapping[str, tuple[date, date]]) -> Filters:
    leading = {table: span for table, span in ends.items() if table != "ping"} or dict(ends)
    if not leading:
        return Filters()

    def reached(last: date) -> int:
        first = add_months(last, 1 - OPENING_MONTHS)
        return sum(begun <= last and ended >= first for begun, ended in leading.values())

    last = max((ended for _, ended in leading.values()), key=lambda month: (reached(month), month))
    earliest = min(begun for begun, _ in leading.values())
    return Filters(first_month=max(earliest, add_months(last, 1 - OPENING_MONTHS)), last_month=last)


def _once(identifiers: list[str], *, names: Mapping[str, str | None]) -> dict[str, str]:
    """A name for each id, with the id behind it where two would share one: a link and a list need them apart."""
    plain = {identifier: names.get(identifier) or identifier for identifier in identifiers}
    shared = {name for name, count in Counter(plain.values()).items() if count > 1}
    return {
        identifier: f"{name} [{identifier}]" if name in shared and name != identifier else name
        for identifier, name in plain.items()
    }
