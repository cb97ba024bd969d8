"""What does the fit of the book leave out, and how much is that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from analysis.influence import Influence
from analysis.reporting_lag import LagCurve
from analysis.severities import DECLARED_VALUE

_WINDOW = """
select w.known_to, w.first_month, w.end_month, w.threshold_base::double, s.base_currency
from fit_window as w, snapshot as s
"""
_OTHERS = """
select source, is_attempt, count(*)
from incident_fact
where source <> 'own' or is_attempt
group by all
order by all
"""
_LEFT_OUT = """
with
judged as (
    select t.segment, t.left_out as reason,
        t.month < w.first_month as is_before,
        t.month >= w.end_month as is_after
    from theft_fact as t, fit_window as w
)
select
    case when is_before then 'before' when is_after then 'immature' else coalesce(reason, 'counted') end as reason,
    segment, count(*) as thefts
from judged
group by all
order by all
"""
_HIGH_DEDUCTIBLE = """
select m.segment, sum(m.units) filter (where not m.in_fit) as units, sum(m.units) as total,
    count(distinct m.insured_id) filter (where not m.in_fit) as insureds
from lane_month as m, fit_window as w
where m.month >= w.first_month and m.month < w.end_month
group by m.segment
order by m.segment
"""
_PLACED = """
with
counted as (
    select t.segment, t.lane_id, k.corridor, t.left_out_at_site
    from theft_fact as t
    join fit_window as w on t.month >= w.first_month and t.month < w.end_month
    left join lane_key as k on t.lane_id = k.lane_id
    where t.left_out is null
)
select
    count(*) filter (where segment <> 'storage' and lane_id is null) as without_lane,
    count(*) filter (where segment <> 'storage' and corridor is null) as without_corridor,
    count(*) filter (where left_out_at_site is not null) as without_site
from counted
"""
_AT_SITES = """
select count(*), count(*) filter (where t.left_out_at_site is null)
from theft_fact as t
join fit_window as w on t.month >= w.first_month and t.month < w.end_month
where t.left_out is null
"""
_PASSED = "select segment, sum(units) from hotspot_verdict where level = 'site' group by segment"
_PASSAGES = {"line haul": "passages of trips", "last mile": "passages of parcels", "storage": "site-months"}
_CLAIMS = "select count(*) from claim_fact where incident_id is null"
_LOSSES = "select coalesce(sum(thefts), 0), coalesce(sum(valued), 0) from class_severity where commodity is null"
_UNVALUED = """
select segment, thefts, severity, basis
from class_severity
where commodity is null and valued = 0 and thefts > 0
order by segment
"""
_REASONS = {
    "below threshold": "of a loss below {threshold} in no rate",
    "high deductible": "of insureds whose deductible is above {threshold} in no rate",
    "without exposure": "without exposure of their insured on their lane or at their place in no rate",
    "before": "before {first} not in the window",
    "immature": "from {end} on not judged: the last 60 days are immature",
}


@dataclass(frozen=True)
class _Note:
    topic: str
    text: str
    level: str | None = None
    segment: str | None = None
    thefts: float | None = None
    units: float | None = None
    share: float | None = None


def write_notes(
    connection: duckdb.DuckDBPyConnection,
    *,
    curve: LagCurve,
    basis: str | None,
    loss_cap: float,
    influences: Sequence[Influence] = (),
) -> None:
    """Fill table model_note: the window, what forms no rate and why, the reporting lag, the severities.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose other model tables are filled.
    curve, basis
        Reporting lag, and whether it rests on incidents or claims; None where there were too few reports.
    loss_cap
        Where severities are capped, base currency.
    influences
        Places that decide how much all others are taken to differ.
    """
    window = connection.execute(_WINDOW).fetchone()
    notes = _outside(connection)
    if window is None:
        notes.append(_Note("exposure", "Nothing says until when the portfolio's data reach, so that no rate is formed"))
    else:
        known_to, first, end, threshold, currency = window
        amount = f"{threshold:,.0f} {currency or 'of base currency'}"
        if not connection.execute("select 1 from hotspot_verdict limit 1").fetchone():
            notes.append(
                _Note(
                    "exposure", "No trips, shipments or stored goods in the window: no rate can be formed from counts"
                )
            )
        notes.append(
            _Note("window", f"Fitted on losses of {_month(first)} up to {_month(end, back=1)}, as known on {known_to}")
        )
        notes += _left_out(connection, threshold=amount, first=_month(first), end=_month(end))
        notes += _unplaced(connection)
        notes += _site_basis(connection)
        notes += [_influence_note(connection, one) for one in influences]
        notes.append(_lag_note(curve, basis))
        notes += _severity_notes(connection, cap=loss_cap, currency=currency or "of base currency")
    connection.executemany(
        "insert into model_note values ($topic, $level, $segment, $thefts, $units, $share, $text)",
        [vars(note) for note in notes],
    )


def _outside(connection: duckdb.DuckDBPyConnection) -> list[_Note]:
    """Incidents that are no own thefts, and claims that follow from no incident."""
    notes: list[_Note] = []
    for source, is_attempt, number in connection.execute(_OTHERS).fetchall():
        what = _count(number, "attempt" if is_attempt else "incident")
        reported = {"own": "of insureds", "carrier": "reported by carriers", "market": "of the market"}[str(source)]
        topic = "attempts" if source == "own" else str(source)
        notes.append(_Note(topic, f"{what} {reported} in no rate", thefts=number))
    row = connection.execute(_CLAIMS).fetchone()
    if row and row[0]:
        notes.append(_Note("claims", f"{_count(row[0], 'claim')} without an incident in no rate", thefts=row[0]))
    return notes


def _left_out(connection: duckdb.DuckDBPyConnection, *, threshold: str, first: str, end: str) -> list[_Note]:
    notes: list[_Note] = []
    for reason, segment, thefts in connection.execute(_LEFT_OUT).fetchall():
        if reason in _REASONS:
            text = _REASONS[reason].format(threshold=threshold, first=first, end=end)
            notes.append(_Note(reason, f"{_count(thefts, 'theft')} ({segment}) {text}", segment=segment, thefts=thefts))
    for segment, units, total, insureds in connection.execute(_HIGH_DEDUCTIBLE).fetchall():
        if units:
            notes.append(
                _Note(
                    "high deductible",
                    f"{_count(insureds, 'insured')} with a deductible above {threshold}"
                    f" left out of the rates: {units / total:.1%} of the {segment} exposure",
                    segment=segment,
                    units=units,
                    share=units / total,
                )
            )
    return notes


def _unplaced(connection: duckdb.DuckDBPyConnection) -> list[_Note]:
    row = connection.execute(_PLACED).fetchone() or (0, 0, 0)
    return [
        _Note(
            "unplaced",
            f"{_count(number, 'theft')} without a {level} in no verdict by {level}",
            level=level,
            thefts=number,
        )
        for level, number in zip(("lane", "corridor", "site"), row, strict=True)
        if number
    ]


def _site_basis(connection: duckdb.DuckDBPyConnection) -> list[_Note]:
    """What the rate of sites rests on: fewer thefts than that of lanes, and each trip at every place it touches."""
    row = connection.execute(_AT_SITES).fetchone()
    if row is None or not row[0]:
        return []
    thefts, placed = int(row[0]), int(row[1])
    passed = {str(segment): units for segment, units in connection.execute(_PASSED).fetchall()}
    over = [f"{passed[name]:,.0f} {unit}" for name, unit in _PASSAGES.items() if name in passed]
    if not over:
        return []
    listed = " and ".join([", ".join(over[:-1]), over[-1]] if len(over) > 1 else over)
    text = (
        f"The rate of sites rests on the {placed:,} of {_count(thefts, 'theft')} that have a site with exposure, over"
        f" {listed}: a trip counts at each place where it starts, stops or ends, so that fewer thefts are"
        " expected of a site than of its lanes"
    )
    return [_Note("site basis", text, level="site", thefts=placed, share=placed / thefts)]


def _influence_note(connection: duckdb.DuckDBPyConnection, one: Influence) -> _Note:
    row = connection.execute(
        "select any_value(label) from hotspot_verdict where level = $level and place_id = $place",
        {"level": one.level, "place": one.place_id},
    ).fetchone()
    label = row[0] if row and row[0] else one.place_id
    change = "far more alike" if one.variation_without < one.variation else "far less alike"
    lost = (
        f"{one.weaker:,} of the {one.called:,} other hotspots and watched {one.level}s would have a weaker verdict"
        if one.called
        else f"no other {one.level} is a hotspot or watched"
    )
    text = (
        f"One place decides how much {one.level}s differ ({one.segment}): without {label}"
        f" ({_count(one.observed, 'theft')} where {one.expected:.3g} were expected) they would be taken for {change}"
        f" (coefficient of variation {one.variation_without:.2g} in place of {one.variation:.2g}), and {lost}"
    )
    return _Note("influence", text, level=one.level, segment=one.segment)


def _lag_note(curve: LagCurve, basis: str | None) -> _Note:
    if basis is None:
        return _Note(
            "reporting lag", "Too few reports are dated to fit how late thefts are reported: all taken as known"
        )
    reports = int(curve.events.sum())
    source = "thefts" if basis == "incident" else "claims, since no theft says when it was reported"
    return _Note(
        "reporting lag",
        f"Half of all thefts are reported within {_count(curve.quantile(0.5) or 0, 'day')}, nine in ten within"
        f" {_count(curve.quantile(0.9) or 0, 'day')}, from {reports:,} {source}",
        thefts=reports,
    )


def _severity_notes(connection: duckdb.DuckDBPyConnection, *, cap: float, currency: str) -> list[_Note]:
    row = connection.execute(_LOSSES).fetchone()
    thefts, valued = (int(row[0]), int(row[1])) if row else (0, 0)
    if not thefts:
        return []
    text = f"Loss known of {valued:,} of {_count(thefts, 'theft')}, each counted up to {cap:,.0f} {currency}"
    notes = [_Note("severity", text, thefts=thefts, share=valued / thefts)]
    for segment, number, severity, basis in connection.execute(_UNVALUED).fetchall():
        said = f"No loss of the {_count(number, 'theft')} ({segment}) is known"
        if basis == DECLARED_VALUE:
            unit = "parcel" if segment == "last mile" else "trip"
            text = f"{said}: each counts as the mean declared value of a {unit}, {severity:,.0f} {currency}"
        else:
            text = f"{said}, nor the value of what it could have been: no loss cost is stated there"
        notes.append(_Note("severity basis", text, segment=segment))
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _month(day: date, *, back: int = 0) -> str:
    index = day.year * 12 + day.month - 1 - back
    return date(index // 12, index % 12 + 1, 1).strftime("%b %Y")
