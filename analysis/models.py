"""What can only be fitted on the whole book: reporting lag, class rates, and how each place stands against them.

Run once, on the finished tables of a snapshot before it is published; the results are tables of it (their columns are
in data/marts/model_tables.sql). A filter or a scope later cuts what is shown, and never changes a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.benchmarks import fit_benchmarks
from analysis.claim_models import fit_claims
from analysis.class_rates import fit_class_rates, pool_thin_classes
from analysis.cluster_fit import fit_clusters
from analysis.counted import EXPOSED, LOST, at_every_level
from analysis.credibility import fit_dispersion, ratio_posterior
from analysis.discovery import expected_chance, largest_credible_set
from analysis.influence import Influence, find_influence
from analysis.model_notes import write_notes
from analysis.reporting_fit import fit_small_losses
from analysis.reporting_lag import EMPTY, LEAST_EVENTS, LagCurve, fit_lag_curve
from analysis.service_spread import fit_service_spread
from analysis.severities import fit_severities, severities_of
from analysis.sharing import SharingRule, hold_back_remainders

Array = NDArray[np.float64]

#: Levels of place, the finest first.
LEVELS = ("lane", "corridor", "site")
VERDICTS = ("hotspot", "watch", "ordinary", "not enough data")
_CLASS = ["quarter", "mode", "commodity"]
_TABLES = (
    "reporting_lag",
    "class_rate",
    "class_severity",
    "hotspot_prior",
    "hotspot_level",
    "hotspot_verdict",
    "hotspot_share",
    "model_note",
)


@dataclass(frozen=True)
class Assumptions:
    """What the verdicts rest on beside the data; the window and the threshold of a theft are in table fit_window.

    Parameters
    ----------
    hotspot_ratio
        A place is hot if its true ratio to the portfolio exceeds this.
    false_share
        Expected share of hotspots that are chance, at most.
    watch_probability
        A place is watched from this probability of being hot.
    enough_weight
        Below this own-data weight E / (a + E) there is not enough data for a verdict.
    enough_expected
        Nor is a place ordinary of which fewer thefts are expected: at half a theft, one at 1.5 times the rate has none
        every other time (exp(-0.75) = 47%), whatever the weight says where places differ much.
    opening_share
        The page opens at the finest level at which this share of the exposure has enough data.
    loss_cap
        Each loss counts in severities up to this, base currency.
    least_expected
        Classes of which fewer thefts are expected share one rate.
    least_insureds, largest_share, two_largest_share
        Whom a scoped viewer may be compared with: at least so many insureds, none with more than this share of the
        exposure, no two with more than that (:class:`~analysis.sharing.SharingRule`).
    least_losses
        A scoped viewer sees a severity only if it rests on at least so many known losses, of ``least_insureds``.
    """

    hotspot_ratio: float = 1.5
    false_share: float = 0.05
    watch_probability: float = 0.5
    enough_weight: float = 0.25
    enough_expected: float = 0.5
    opening_share: float = 0.2
    loss_cap: float = 250_000.0
    least_expected: float = 5.0
    least_insureds: int = 5
    largest_share: float = 0.5
    two_largest_share: float = 0.8
    least_losses: int = 5

    @property
    def sharing(self) -> SharingRule:
        """Whom a scoped viewer may be compared with."""
        return SharingRule(self.least_insureds, self.largest_share, self.two_largest_share)


DEFAULTS = Assumptions()

#: Every name that a cell or theft has: as numbers of a list, millions of them are grouped and sorted several times
#: faster than as words, and in the same order.
_NAMES = f"""
create type fit_name as enum (
    with
    named as (
        {
    " union ".join(
        f"select distinct {column} as name from {table}"
        for table, columns in {
            "lane_month": ("lane_id", "insured_id", "carrier_id", "commodity", "mode", "segment"),
            "site_month": ("lane_id", "insured_id", "carrier_id", "commodity", "mode", "segment", "site_id"),
            "theft_fact": ("lane_id", "insured_id", "carrier_id", "commodity", "mode", "segment", "site_id"),
            "lane_key": ("corridor",),
        }.items()
        for column in columns
    )
}
        union
        select unnest(['lane', 'corridor', 'site'])
    )
    select name from named where name is not null order by name
)
"""
_NAMED = ", ".join(
    f"{name}::fit_name as {name}"
    for name in ("level", "place_id", "segment", "insured_id", "carrier_id", "lane_id", "mode", "commodity")
)
_CELLS = f"""
create or replace temp table fit_cell as
with
exposed as (
    select {_NAMED}, month, units, value_base from ({at_every_level(EXPOSED)})
),
final as (
    select e.level, e.place_id, e.segment, e.insured_id, e.carrier_id, e.lane_id,
        date_trunc('quarter', e.month)::date as quarter, e.mode, e.commodity,
        sum(e.units) as units, sum(e.units * t.share) as mature_units, sum(e.value_base)::double as value_base
    from exposed as e
    join month_maturity as t on e.month = t.month
    group by e.level, e.place_id, e.segment, e.insured_id, e.carrier_id, e.lane_id,
        date_trunc('quarter', e.month), e.mode, e.commodity
)
select * from final
"""
_THEFTS = f"""
create or replace temp table fit_theft as
with
lost as (
    select {_NAMED}, month, incident_id from ({at_every_level(LOST)})
),
final as (
    select p.level, p.place_id, p.segment, p.incident_id, p.insured_id, p.carrier_id, p.lane_id,
        date_trunc('quarter', p.month)::date as quarter, p.mode, p.commodity
    from lost as p
    where exists (
        select 1
        from fit_cell as c
        where c.level = p.level and c.place_id = p.place_id and c.segment = p.segment
    )
)
select * from final
"""
_CLASS_CELLS = """
select level, segment, place_id, quarter, mode, commodity, insured_id, sum(units) as units,
    sum(mature_units) as mature_units, sum(value_base) as value_base
from fit_cell
group by all
order by all
"""
_CLASS_THEFTS = """
select level::varchar as level, place_id::varchar as place_id, segment::varchar as segment, quarter,
    mode::varchar as mode, commodity::varchar as commodity, insured_id::varchar as insured_id
from fit_theft
order by level, incident_id
"""
_RATES = """
create or replace temp table fit_rate as
select level::fit_name as level, segment::fit_name as segment, quarter::date as quarter, mode::fit_name as mode,
    commodity::fit_name as commodity, rate, is_shareable
from fitted_rate
"""
_SHARES = """
with
due as (
    select c.level, c.place_id, c.segment, c.insured_id, c.carrier_id, c.lane_id, c.commodity, c.mode,
        sum(c.units) as units, sum(c.value_base) as value_base, 0 as observed, sum(c.mature_units * r.rate) as expected,
        bool_and(r.is_shareable) as is_shareable
    from fit_cell as c
    join fit_rate as r
        on c.level = r.level and c.segment = r.segment and c.quarter = r.quarter
        and c.mode is not distinct from r.mode and c.commodity is not distinct from r.commodity
    group by all
),
seen as (
    select level, place_id, segment, insured_id, carrier_id, lane_id, commodity, mode, 0.0 as units,
        null::double as value_base, count(*) as observed, 0.0 as expected, null::boolean as is_shareable
    from fit_theft
    group by all
),
both_sides as (
    select * from due
    union all
    select * from seen
),
final as (
    select level, place_id, segment, insured_id, carrier_id, lane_id, commodity, mode, sum(units) as units,
        sum(value_base) as value_base, sum(observed)::bigint as observed, sum(expected) as expected,
        coalesce(bool_and(is_shareable), false) as is_shareable
    from both_sides
    group by level, place_id, segment, insured_id, carrier_id, lane_id, commodity, mode
)
select * from final order by all
"""
_LABELS = """
select 'lane' as level, lane_id as place_id, label from lane_key
union all
select distinct 'corridor', corridor, corridor_label from lane_key where corridor is not null
union all
select 'site', site_id, coalesce(name, site_id) from site_place
"""


def fit(connection: duckdb.DuckDBPyConnection, *, assumptions: Assumptions = DEFAULTS) -> None:
    """What can only be fitted on the whole book, at publication: where thefts happen, how telemetry and claims run."""
    fit_hotspots(connection, assumptions=assumptions)
    fit_service_spread(connection)
    fit_claims(connection, rule=assumptions.sharing)
    fit_benchmarks(connection)


def fit_hotspots(connection: duckdb.DuckDBPyConnection, *, assumptions: Assumptions = DEFAULTS) -> None:
    """How does each lane, corridor and site stand against the book? Fills the model tables of a snapshot.

    Own thefts only: market and carrier incidents, attempts, thefts below the threshold, those of accounts whose
    deductible is above it, and those without exposure form no rate; ``model_note`` says how many each of these are.
    A portfolio without exposure gets empty tables and the note that says so.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built.
    assumptions
        What the verdicts rest on beside the data.
    """
    for table in _TABLES:
        connection.execute(f"delete from {table}")
    curve, basis = _fit_lag(connection)
    _write(connection, "reporting_lag", _lag_table(curve))
    _mature_months(connection, curve)
    influences: list[Influence] = []
    try:
        connection.execute("drop type if exists fit_name")
        connection.execute(_NAMES)
        connection.execute(_CELLS)
        connection.execute(_THEFTS)
        cells = connection.execute(_CLASS_CELLS).df()
        thefts = connection.execute(_CLASS_THEFTS).df()
        if len(cells):
            influences = _fit_places(connection, cells, thefts, assumptions=assumptions)
        fit_small_losses(connection, rule=assumptions.sharing)
        write_notes(connection, curve=curve, basis=basis, loss_cap=assumptions.loss_cap, influences=influences)
        fit_clusters(
            connection,
            least_insureds=assumptions.least_insureds,
            largest_share=assumptions.largest_share,
            two_largest_share=assumptions.two_largest_share,
        )
    finally:
        for table in ("fit_cell", "fit_theft", "fit_rate", "month_maturity"):
            connection.execute(f"drop table if exists {table}")
        connection.execute("drop type if exists fit_name")


def _fit_lag(connection: duckdb.DuckDBPyConnection) -> tuple[LagCurve, str | None]:
    """The curve of reports, empty where there are too few, and what it rests on."""
    found = connection.execute("select basis, lag_days, age_days, events from reporting_delay order by all").df()
    if int(found["events"].sum()) < LEAST_EVENTS:
        return EMPTY, None
    curve = fit_lag_curve(found["lag_days"].to_numpy(), found["age_days"].to_numpy(), found["events"].to_numpy())
    return curve, str(found["basis"].iloc[0])


def _lag_table(curve: LagCurve) -> pd.DataFrame:
    return pd.DataFrame(
        {"lag_days": curve.days, "share": curve.share, "at_risk": curve.at_risk, "events": curve.events}
    )


def _mature_months(connection: duckdb.DuckDBPyConnection, curve: LagCurve) -> None:
    """Temporary table month_maturity: the share of each month's thefts reported by now, averaged over its days."""
    window = connection.execute("select first_month, end_month, reported_to from fit_window").fetchone()
    months: list[date] = []
    shares: list[float] = []
    if window is not None:
        first, end, reported_to = window
        for month in pd.date_range(first, end, freq="MS", inclusive="left"):
            months.append(month.date())
            shares.append(curve.share_of_month(month.date(), reported_to=reported_to))
    connection.execute("create or replace temp table month_maturity (month date, share double)")
    frame = pd.DataFrame({"month": pd.to_datetime(pd.Series(months, dtype="object")), "share": shares})
    if len(frame):
        _write(connection, "month_maturity", frame)


def _fit_places(
    connection: duckdb.DuckDBPyConnection, cells: pd.DataFrame, thefts: pd.DataFrame, *, assumptions: Assumptions
) -> list[Influence]:
    """Fill the tables of rates and verdicts; gives the places that decide how much all others differ."""
    rates: list[pd.DataFrame] = []
    places: list[pd.DataFrame] = []
    priors: list[dict[str, object]] = []
    severities = fit_severities(
        connection,
        loss_cap=assumptions.loss_cap,
        least_losses=assumptions.least_losses,
        least_insureds=assumptions.least_insureds,
    )
    _write(connection, "class_severity", severities)
    for (level, segment), part in cells.groupby(["level", "segment"], sort=True, observed=True):
        own = thefts[(thefts["level"] == level) & (thefts["segment"] == segment)]
        priced = _rate_classes(part.reset_index(drop=True), own, assumptions=assumptions)
        rates.append(_class_table(priced, assumptions=assumptions))
        place = _compare(priced, own, severities=severities, assumptions=assumptions)
        dispersion = fit_dispersion(place["observed"].to_numpy(), place["expected"].to_numpy())
        prior = _prior(str(level), str(segment), dispersion, assumptions=assumptions)
        priors.append(prior | {"first_quarter": pd.Timestamp(part["quarter"].min())})
        places.append(_judge_ratios(place, dispersion=dispersion, assumptions=assumptions))
    rate_table = pd.concat(rates, ignore_index=True)
    _write(connection, "class_rate", rate_table)
    _write(connection, "hotspot_prior", pd.DataFrame(priors))
    judged = hold_back_remainders(connection, pd.concat(places, ignore_index=True), rule=assumptions.sharing)
    verdicts = give_verdicts(judged, assumptions=assumptions)
    labels = connection.execute(_LABELS).df()
    _write(connection, "hotspot_verdict", verdicts.merge(labels, on=["level", "place_id"], how="left"))
    _write(connection, "hotspot_level", _levels(verdicts, assumptions=assumptions))
    connection.register("fitted_rate", rate_table)
    try:
        connection.execute(_RATES)
        connection.execute(f"insert into hotspot_share by name {_SHARES}")
    finally:
        connection.unregister("fitted_rate")
    return find_influence(
        verdicts,
        judge=lambda place, dispersion: _judge_ratios(place, dispersion=dispersion, assumptions=assumptions),
        verdicts_of=lambda places: give_verdicts(places, assumptions=assumptions),
    )


def _rate_classes(cells: pd.DataFrame, thefts: pd.DataFrame, *, assumptions: Assumptions) -> pd.DataFrame:
    """The cells of one level and segment, each with its part of the thefts and its class's rate."""
    cells = cells.assign(observed=_spread(cells, thefts))
    flat = cells["observed"].sum() / max(cells["mature_units"].sum(), 1e-300)
    due = (cells["mature_units"] * flat).to_numpy()
    kinds: list[NDArray[np.int64]] = [pd.factorize(cells["quarter"])[0]]
    for name in ("mode", "commodity"):
        # Class by class, not cell by cell: there are a million cells of some ten classes.
        codes, labels = _classes(cells[name])
        by_class = np.bincount(codes, weights=due, minlength=len(labels))
        pooled = pool_thin_classes(list(labels), expected=by_class, least=assumptions.least_expected)
        kinds.append(pd.factorize(pd.Series(pooled, dtype="object"), use_na_sentinel=False)[0][codes])
    return cells.assign(rate=fit_class_rates(cells["observed"].to_numpy(), cells["mature_units"].to_numpy(), kinds))


def _classes(column: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Codes of a column of names in the order in which they appear, and the names; without a name: an empty one."""
    codes, found = pd.factorize(column, use_na_sentinel=False)
    return codes.astype(np.int64), ["" if pd.isna(name) else str(name) for name in found]


def _spread(cells: pd.DataFrame, thefts: pd.DataFrame) -> Array:
    """How many thefts of its place each cell has; one whose class is not among the place's is spread over them."""
    spread = np.zeros(len(cells), dtype=np.float64)
    weight = cells["mature_units"].to_numpy()
    quarters = cells["quarter"].to_numpy()
    codes = {name: cells[name].cat.codes.to_numpy() for name in ("mode", "commodity", "insured_id")}
    code_of = {name: {label: code for code, label in enumerate(cells[name].cat.categories)} for name in codes}
    rows_of = {
        place: np.asarray(rows, dtype=np.int64)
        for place, rows in cells.groupby("place_id", observed=True).indices.items()
    }
    named = thefts.astype("object").where(thefts.notna(), None)
    columns = ["place_id", "insured_id", *_CLASS]
    for values in named[columns].itertuples(index=False, name=None):
        theft = dict(zip(columns, values, strict=True))
        rows = rows_of[theft["place_id"]]
        # Each thing known of the theft narrows the cells, unless it would leave none.
        kept = rows[quarters[rows] == np.datetime64(theft["quarter"])]
        rows = kept if weight[kept].sum() > 0 else rows
        for name in ("commodity", "mode", "insured_id"):
            known = theft[name]
            kept = rows[codes[name][rows] == code_of[name][known]] if known is not None else rows
            rows = kept if weight[kept].sum() > 0 else rows
        if weight[rows].sum() > 0:
            spread[rows] += weight[rows] / weight[rows].sum()
    return spread


def _class_table(priced: pd.DataFrame, *, assumptions: Assumptions) -> pd.DataFrame:
    """One row a class of one level and segment."""
    frame = priced.assign(expected=priced["mature_units"] * priced["rate"])
    keys = ["level", "segment", "quarter", "mode", "commodity"]
    groups = frame.groupby(keys, dropna=False, sort=True, observed=True)
    table = groups[["units", "mature_units", "observed", "expected"]].sum().reset_index()
    table["rate"] = groups["rate"].first().to_numpy()
    table["maturity"] = _divide(table["mature_units"], table["units"])
    return table.join(assumptions.sharing.holders(frame, group=groups.ngroup(), groups=len(table))).drop(
        columns=["mature_units"]
    )


def _compare(
    priced: pd.DataFrame, thefts: pd.DataFrame, *, severities: pd.DataFrame, assumptions: Assumptions
) -> pd.DataFrame:
    """One row a place of one level and segment: what was seen, what was due, and the severity of its classes."""
    codes, commodities = _classes(priced["commodity"])
    segment = str(priced["segment"].iloc[0])
    severity, is_open = severities_of([(segment, name) for name in commodities], severities=severities)
    frame = priced.assign(
        expected=priced["mature_units"] * priced["rate"], severity=severity[codes], is_open=is_open[codes]
    )
    frame["cost"] = frame["expected"] * frame["severity"]
    frame["flat_cost"] = frame["units"] * frame["severity"]
    keys = ["level", "place_id", "segment"]
    groups = frame.groupby(keys, sort=True, observed=True)
    place = groups[["units", "mature_units", "expected", "cost", "flat_cost"]].sum().reset_index()
    place = place.astype(dict.fromkeys(keys, "str"))
    place["severity_is_shareable"] = groups["is_open"].all().to_numpy()
    place["value_base"] = groups["value_base"].sum(min_count=1).to_numpy()
    # Where nothing is expected, the classes weigh by exposure.
    by_exposure = _divide(place["flat_cost"], place["units"])
    by_theft = np.where(place["expected"] > 0, _divide(place["cost"], place["expected"]), by_exposure)
    # A sum would take an unknown severity for nothing.
    place["severity"] = np.where(frame["severity"].isna().groupby(groups.ngroup()).any(), np.nan, by_theft)
    place["maturity"] = _divide(place["mature_units"], place["units"])
    # Counted, not summed from the parts of cells: a count is whole.
    place["observed"] = place["place_id"].map(thefts["place_id"].value_counts()).fillna(0).astype("int64")
    return place.join(assumptions.sharing.holders(frame, group=groups.ngroup(), groups=len(place)))


def _judge_ratios(place: pd.DataFrame, *, dispersion: float, assumptions: Assumptions) -> pd.DataFrame:
    observed, expected = place["observed"].to_numpy(dtype=np.float64), place["expected"].to_numpy()
    posterior = ratio_posterior(observed, expected, dispersion=dispersion)
    low, high = posterior.interval()
    excess = expected * (posterior.mean - 1)
    losses = _divide(place["expected"] * posterior.mean * place["severity"], place["maturity"])
    return place.assign(
        raw_ratio=_divide(observed, expected),
        ratio=posterior.mean,
        low=low,
        high=high,
        probability=posterior.probability_above(assumptions.hotspot_ratio),
        weight=posterior.weight,
        rate=_divide(expected, place["mature_units"]) * posterior.mean,
        excess_thefts=excess,
        excess_loss=excess * place["severity"],
        loss_cost=1000 * _divide(losses, place["value_base"]),
    )


def give_verdicts(places: pd.DataFrame, *, assumptions: Assumptions = DEFAULTS) -> pd.DataFrame:
    """Which places are hotspots, to be watched, ordinary, or without enough data? Level by level.

    Among places with enough data (own-data weight at least ``enough_weight``): hotspots are the largest set of which at
    most ``false_share`` are expected to be chance; of the others those at least as probable as ``watch_probability``
    are watched; the rest are ordinary where at least ``enough_expected`` thefts are expected: none seen where next to
    none is due is no all-clear.

    Parameters
    ----------
    places
        With columns ``level``, ``weight``, ``probability`` and ``expected``.

    Returns
    -------
    DataFrame
        The places with column ``verdict``, in the order given.
    """
    verdict = pd.Series("not enough data", index=places.index, dtype="object")
    for level in places["level"].unique():
        judged = places.index[(places["level"] == level) & (places["weight"] >= assumptions.enough_weight)]
        probability = places.loc[judged, "probability"].to_numpy()
        hot = largest_credible_set(probability, false_share=assumptions.false_share)
        watched = probability >= assumptions.watch_probability
        enough = places.loc[judged, "expected"].to_numpy() >= assumptions.enough_expected
        rest = np.where(enough, "ordinary", "not enough data")
        verdict.loc[judged] = np.where(hot, "hotspot", np.where(watched, "watch", rest))
    return places.assign(verdict=verdict)


def _prior(level: str, segment: str, dispersion: float, *, assumptions: Assumptions) -> dict[str, object]:
    prior = ratio_posterior([0.0], [0.0], dispersion=dispersion)
    low, high = prior.interval()
    return {
        "level": level,
        "segment": segment,
        "dispersion": dispersion,
        "variation": dispersion**-0.5,
        "low": float(low[0]),
        "high": float(high[0]),
        "probability": float(prior.probability_above(assumptions.hotspot_ratio)[0]),
    }


def _levels(verdicts: pd.DataFrame, *, assumptions: Assumptions) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    enough: dict[str, float] = {}
    for level in LEVELS:
        at_level = verdicts[verdicts["level"] == level]
        if not len(at_level):
            continue
        hot, watched = at_level[at_level["verdict"] == "hotspot"], at_level[at_level["verdict"] == "watch"]
        judged = at_level[at_level["verdict"] != "not enough data"]
        expected = float(at_level["expected"].sum())
        enough[level] = float(judged["expected"].sum()) / expected if expected > 0 else 0.0
        rows.append(
            {
                "level": level,
                "places": int(at_level["place_id"].nunique()),
                "observed": int(at_level["observed"].sum()),
                "expected": expected,
                "enough": enough[level],
                "hotspots": len(hot),
                "hotspots_by_chance": expected_chance(hot["probability"].to_numpy()) if len(hot) else 0.0,
                "watched": len(watched),
                "watched_by_chance": expected_chance(watched["probability"].to_numpy()) if len(watched) else 0.0,
            }
        )
    fine = [level for level in LEVELS if enough.get(level, 0.0) >= assumptions.opening_share]
    # Without such a level, the one that comes nearest.
    opening = fine[0] if fine else max(enough, key=lambda level: enough[level])
    return pd.DataFrame(rows).assign(opens=lambda frame: frame["level"] == opening)


def _divide(above: pd.Series | Array, below: pd.Series | Array) -> Array:
    """Quotients, not a number where there is nothing to divide by."""
    top, bottom = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    quotient: Array = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return quotient


def _write(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    """Fill a table by its column names; what is not a number becomes null."""
    columns = [str(row[1]) for row in connection.execute(f"pragma table_info('{table}')").fetchall()]
    kept = [name for name in columns if name in frame.columns]
    chosen = ", ".join(
        f"case when isnan({n}) then null else {n} end" if frame[n].dtype == "float64" else n for n in kept
    )
    connection.register("fitted_rows", frame[kept])
    try:
        connection.execute(f"insert into {table} ({', '.join(kept)}) select {chosen} from fitted_rows")
    finally:
        connection.unregister("fitted_rows")
