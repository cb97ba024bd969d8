"""What is each account's figure where no ratio of sums gives it: of curves, of duties, and of developed losses?

Each function gives what `analysis.benchmarks.by_ratio` gives, so that accounts are compared by the very numbers that
their own pages show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from analysis.claims import Kind, account_loss_ratios
from analysis.containment import LEAST_CASES, Clocks, clocks_of, containment_durations, is_unclear
from analysis.containment_measures import HORIZON_MINUTES, TARGET_MINUTES
from analysis.estimates import Estimate
from analysis.intervals import wilson_interval
from analysis.response_duties import Duty, duty_record
from analysis.survival import SurvivalCurve, kaplan_meier

#: Gives a row an account, as `analysis.benchmarks.by_ratio` does, over the months from `first` to before `end`.
Figures = Callable[[duckdb.DuckDBPyConnection, date, date], pd.DataFrame]

#: What is told of an account: the measure is numerator / denominator, and the latter its weight among others.
FIGURES = ("insured_id", "numerator", "denominator", "value", "low", "high", "n")
_CLOCKS = """
select *
from incident_clock
where source = 'own' and insured_id is not null and month >= $first and month < $end
order by reported_at, incident_id
"""


def figure_frame(rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    """Figures of accounts as a table; those without a value are left out."""
    frame = pd.DataFrame(list(rows), columns=list(FIGURES)).astype(dict.fromkeys(FIGURES[1:], "float64"))
    return frame[frame["value"].notna()].reset_index(drop=True)


def of_curve(read: Callable[[SurvivalCurve], Estimate]) -> Figures:
    """Figures that are read off each account's curve of containment; it weighs as many incidents as are in it.

    Accounts with fewer than 5 incidents in the curve have none, nor those of which no incident says how it ended: as on
    the page of containment.
    """

    def figures(connection: duckdb.DuckDBPyConnection, first: date, end: date) -> pd.DataFrame:
        clocks = _clocks(connection, first=first, end=end)
        frame = clocks.frame
        told = set(frame.loc[frame["end_kind"].notna() | frame["status"].notna(), "insured_id"])
        durations, found = containment_durations(clocks), []
        unclear = clocks.unclear["insured_id"].value_counts().to_dict()
        for insured, rows in clocks.timed.groupby("insured_id", sort=True).indices.items():
            if insured not in told or len(rows) < LEAST_CASES or is_unclear(unclear.get(insured, 0), timed=len(rows)):
                continue
            one = read(kaplan_meier(durations.time[rows], durations.happened[rows]))
            low, high = one.interval or (np.nan, np.nan)
            value = np.nan if one.value is None else one.value
            found.append((insured, value * len(rows), len(rows), value, low, high, one.n))
        return figure_frame(found)

    return figures


#: Share contained within 60 minutes: what was closed and not contained stays in it, what is open as long as followed.
contained_in_time = of_curve(lambda curve: curve.share_by(TARGET_MINUTES))
#: Restricted mean to 24 hours, minutes.
mean_to_contain = of_curve(lambda curve: curve.restricted_mean(HORIZON_MINUTES))


def of_duty(duty: Duty) -> Figures:
    """Figures that are shares of the incidents whose deadline for a duty has passed: done in time, with Wilson's."""

    def figures(connection: duckdb.DuckDBPyConnection, first: date, end: date) -> pd.DataFrame:
        clocks = _clocks(connection, first=first, end=end)
        record = duty_record(clocks, duty).frame
        passed = record[record["state"].isin(["in time", "late", "missing"])]
        whose = clocks.frame.set_index("incident_id")["insured_id"].reindex(passed["incident_id"])
        counted = (passed["state"] == "in time").groupby(whose.to_numpy(), sort=True).agg(["sum", "size"])
        rows = []
        for insured, done, asked in counted.itertuples():
            low, high = wilson_interval(int(done), int(asked))
            rows.append((insured, done, asked, done / asked, low, high, asked))
        return figure_frame(rows)

    return figures


def of_loss_ratio(kind: Kind) -> Figures:
    """Figures that are what losses come to in the end per earned premium: *gross*, *net* of recoveries, or *theft*."""

    def figures(connection: duckdb.DuckDBPyConnection, first: date, end: date) -> pd.DataFrame:
        found = account_loss_ratios(connection, first=first, end=end, kind=kind)
        return figure_frame(found[list(FIGURES)].itertuples(index=False))

    return figures


def _clocks(connection: duckdb.DuckDBPyConnection, *, first: date, end: date) -> Clocks:
    return clocks_of(connection.execute(_CLOCKS, {"first": first, "end": end}).df())
