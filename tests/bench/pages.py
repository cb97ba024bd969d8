"""How long does a page take: its views, its analysis and figures, its whole script, each time with other filters?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from analysis import bookkeeping
from analysis.choices import Choices, count_events, count_unreached, find_choices
from analysis.claim_service import claim_months, claim_values, settlement
from analysis.claim_tables import claim_rows
from analysis.claim_trends import claim_trend, told_trends
from analysis.claims import ratios_by, ultimate_loss_ratio
from analysis.containment import containment, ends_over_time, incident_clocks
from analysis.containment_groups import compare_clocks, group_names
from analysis.containment_phases import loss_against_time, phases
from analysis.filters import Filters, Scope, add_months
from analysis.hotspots import breakdown, hours_of_week, main_finding, places, points, told_kinds, told_units
from analysis.measures import Measure
from analysis.response_duties import duty_record, open_incidents
from analysis.selection import Selection
from analysis.values import measure_values, monthly, present_measures
from analysis.verdicts import book_values, headline, notes, ranked_verdicts, told_levels
from data.portfolio import Portfolio, Snapshot, View
from data.reach import REACH
from pages.shared.charts import kind_chart, month_chart, week_chart
from pages.shared.claim_charts import settlement_chart, trend_chart
from pages.shared.containment_charts import curve_chart, ends_chart, loss_chart, pace_chart, phase_chart
from pages.shared.funnel_chart import funnel_chart
from pages.shared.palette import LIGHT
from tests.bench.rows import Row, sample
from tests.bench.scripts import measure_scripts

#: DESIGN.md 7, seconds at p95 by size: analysis and figures, whole script run.
TARGETS = {"small": (0.060, 0.200), "medium": (0.060, 0.200), "large": (0.150, 0.350)}
#: A view of these is opened by count: what a page asks of it at least.
_EVENTS = ("ping", "scan", "planned_scan", "shipment", "trip", "stop", "seal_event", "claim", "incident")


@dataclass(frozen=True)
class Case:
    """One thing that a page asks, with its floor in bare SQL on the snapshot and the same in pandas, if any."""

    name: str
    call: Callable[[View], object]
    floor: str = ""
    pandas: Callable[[dict[str, pd.DataFrame], Filters], object] | None = None


def measure_pages(portfolio: Path, size: str, runs: int) -> list[Row]:
    """Views, analysis and whole scripts on the portfolio's current snapshot."""
    snapshot = Portfolio(portfolio).open()
    choices = find_choices(snapshot.view(Scope(), Filters()))
    analysis_target, script_target = TARGETS.get(size, TARGETS["small"])
    return [
        *_measure_views(snapshot, choices, runs=runs),
        *_measure_analysis(snapshot, choices, runs=runs, target=analysis_target),
        *measure_scripts(portfolio, choices, runs=runs, target=script_target, analysis_target=analysis_target),
    ]


def changed_filters(choices: Choices) -> Iterator[Filters]:
    """Filters as a person changes them, each unlike the one before: insured, commodity, period, lane, mode."""
    opening = choices.opening
    last = opening.last_month or date(2025, 1, 1)
    options = {name: values or ("",) for name, values in choices.options.items()}
    found = []
    for number in range(60):
        chosen = {name: (values[number % len(values)],) for name, values in options.items() if values[0]}
        first = add_months(last, -number % 24)
        period = Filters(first_month=min(first, last), last_month=last)
        found += [replace(period, **{name: values}) for name, values in chosen.items()]  # type: ignore[arg-type]
    yield from cycle(found or [Filters()])


# ---- views


def _measure_views(snapshot: Snapshot, choices: Choices, *, runs: int) -> list[Row]:
    rows = []
    insureds = choices.options["insured"][:1]
    scopes = [("whole book", Scope()), ("one insured", Scope(frozenset(insureds)))]
    filters = list(islice(changed_filters(choices), runs + 1))
    facts = [name for name in REACH if name.endswith(("_fact", "_month", "_verdict", "_share"))]
    tables = [name for name in (*_EVENTS, *facts) if name in snapshot.present]
    if "ping" in snapshot.present:
        tables.append("ping_place")
    connection = duckdb.connect(str(snapshot.path), read_only=True)
    for words, scope in scopes:
        opened = sample(lambda number, s=scope: snapshot.view(s, filters[number]), runs=runs)
        rows.append(Row("view", f"open, {words}", *opened))
        for table in tables:
            taken = sample(
                lambda number, s=scope, t=table: snapshot.view(s, filters[number]).rows(f"select count(*) from {t}"),
                runs=runs,
                most_seconds=3.0,
            )
            source = "ping" if table == "ping_place" else table
            bare = sample(
                lambda _, t=source: connection.execute(f"select count(*) from {t}").fetchall(), runs=3, most_seconds=3.0
            )
            rows.append(Row("view", f"count {table}, {words}, filtered", *taken, floor=bare[1]))
    connection.close()
    return rows


# ---- analysis and figures


def _measure_analysis(snapshot: Snapshot, choices: Choices, *, runs: int, target: float) -> list[Row]:
    whole = snapshot.view(Scope(), Filters())
    told = present_measures(whole)
    if not told:
        return []
    filters = list(islice(changed_filters(choices), runs + 1))
    connection = duckdb.connect(str(snapshot.path), read_only=True)
    frames = {
        name: connection.execute(f"select * from {name}").df()
        for name in ("incident_fact", "claim_fact", "shipment_fact", "hotspot_verdict")
        if name in snapshot.present
    }
    rows = []
    for case in _cases(whole, told):
        taken = sample(lambda number, c=case: c.call(snapshot.view(Scope(), filters[number])), runs=runs)
        floor = in_pandas = None
        if case.floor:
            sql = case.floor
            floor = sample(lambda number, s=sql: _bare(connection, s, filters[number]), runs=runs)[1]
        if case.pandas is not None:
            work = case.pandas
            in_pandas = sample(lambda number, w=work: w(frames, filters[number]), runs=runs)[1]
        is_page = case.name.startswith("page ")
        rows.append(
            Row("analysis", case.name, *taken, floor=floor, pandas=in_pandas, target=target if is_page else None)
        )
    connection.close()
    return rows


def _bare(connection: duckdb.DuckDBPyConnection, sql: str, filters: Filters) -> object:
    return connection.execute(
        sql, {"first": filters.first_month, "last": filters.last_month} if "$first" in sql else {}
    ).df()


def _cases(whole: View, told: tuple[Measure, ...]) -> Iterator[Case]:
    by_fact = {measure.fact: measure for measure in reversed(told)}
    for measure in by_fact.values():
        fact = measure.fact
        counted = fact.removesuffix("_fact") + "s"
        yield Case(
            f"measures of {fact} by month",
            lambda view, f=fact: measure_values(view, measures=[m for m in told if m.fact == f]),
            f"select month, sum({counted}) as n from {fact} where month between $first and $last group by month",
            _monthly_in_pandas(fact, counted) if fact != "ping_fact" else None,
        )
        unit = told_units(whole, measure=measure)[:1]
        if unit:
            yield Case(
                f"places of {measure.label.lower()} by {unit[0]}",
                lambda view, m=measure, u=unit[0]: main_finding(places(view, unit=u, measure=m), currency="USD"),
            )
        yield Case(f"page Hotspots, counts: {measure.label.lower()}", lambda view, m=measure: _counts(view, m, told))
    for level in told_levels(whole):
        yield Case(
            f"verdicts by {level}",
            lambda view, at=level: ranked_verdicts(view, level=at),
            f"select * from hotspot_verdict where level = '{level}' order by excess_loss desc",
            lambda frames, _, at=level: (
                frames["hotspot_verdict"]
                .query("level == @at", local_dict={"at": at})
                .sort_values("excess_loss", ascending=False)
            ),
        )
        yield Case(f"page Hotspots, verdicts by {level}", lambda view, at=level: _verdicts(view, at))
    if whole.has("incident"):
        yield Case("page Containment", _containment, "select * from incident_clock where source = 'own'")
    if whole.has("claim"):
        yield Case("page Claims performance", _claims)
    yield Case("page Data", _bookkeeping)
    yield Case(
        "choices of the filter bar (once a snapshot)",
        lambda view: find_choices(view.snapshot.view(view.scope, Filters())),
    )


def _monthly_in_pandas(fact: str, counted: str) -> Callable[[dict[str, pd.DataFrame], Filters], object]:
    def work(frames: dict[str, pd.DataFrame], filters: Filters) -> object:
        frame = frames[fact]
        inside = frame["month"].between(pd.Timestamp(filters.first_month), pd.Timestamp(filters.last_month))
        return frame[inside].groupby("month")[counted].sum()

    return work


def _containment(view: View) -> None:
    """What Containment computes and draws after a change of filters."""
    clocks = incident_clocks(view)
    if not clocks.n:
        return
    containment(clocks)
    found = compare_clocks(clocks, by="control")
    for by in ("site", "carrier"):
        compare_clocks(clocks, by=by, names=group_names(view, by))
    for duty in ("evidence", "notice"):
        duty_record(clocks, duty)
    open_incidents(clocks)
    said: dict[str, Any] = {"period": "period", "colours": LIGHT}
    curve_chart(found.shown, title="", p_value=None, **said)
    pace_chart(found, **said)
    phase_chart(phases(clocks), **said)
    ends_chart(ends_over_time(clocks), **said)
    loss_chart(loss_against_time(clocks), currency="USD", **said)


def _counts(view: View, measure: Measure, told: tuple[Measure, ...]) -> None:
    """What the counts of Hotspots compute and draw after a change of filters."""
    count_events(view)
    count_unreached(view)
    values = measure_values(view, measures=told[:5])
    unit = told_units(view, measure=measure)[:1]
    for one in unit:
        main_finding(places(view, unit=one, measure=measure), currency="USD")
    points(view, measure=measure)
    own = values.get(measure.key) or measure_values(view, measures=[measure])[measure.key]
    period = "period"
    month_chart(monthly(own), measure=measure, immature=frozenset(), period=period, currency="USD", colours=LIGHT)
    week = hours_of_week(view, measure=measure)
    if week is not None:
        week_chart(week, period=period, colours=LIGHT)
    for kind in told_kinds(view, measure=measure):
        divided = breakdown(view, measure=measure, by=kind, selection=Selection())
        if divided is not None and len(divided.frame):
            kind_chart(divided, period=period, currency="USD", colours=LIGHT)


def _verdicts(view: View, level: str) -> None:
    """What the verdicts of Hotspots compute and draw after a change of filters."""
    count_events(view)
    count_unreached(view)
    ranked = ranked_verdicts(view, level=level)  # type: ignore[arg-type]
    book_values(view, ranked=ranked)
    headline(ranked, currency="USD")
    if ranked.frame["raw_ratio"].notna().any():
        funnel_chart(ranked, colours=LIGHT)
    notes(view, level=level)  # type: ignore[arg-type]


def _claims(view: View) -> None:
    """What Claims performance computes and draws after a change of filters, the comparison period left out."""
    months, settled = claim_months(view), settlement(view)
    ratio = ultimate_loss_ratio(view)
    claim_values(months, settled=settled)
    settlement_chart(settled, period="period", colours=LIGHT)
    told = told_trends(months)
    if told:
        trend_chart(claim_trend(months, key=told[0], known_to=view.info.data_date), colours=LIGHT)
    if not ratio.lack:
        ratios_by(ratio, ratio.parts["month"])
    claim_rows(view)


def _bookkeeping(view: View) -> None:
    """What the Data page asks."""
    bookkeeping.account(view)
    bookkeeping.row_reconciliation(view)
    bookkeeping.amount_reconciliation(view)
    bookkeeping.quarantine_reasons(view)
    bookkeeping.emptied_reasons(view)
    bookkeeping.orphans(view)
    bookkeeping.feeds(view)
