"""What do ratios, rates and losses of a view become under an assumption on what is reported? No verdict changes.

The formulas are those of analysis/under_reporting.py; here they meet the tables of a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.intervals import poisson_interval
from analysis.under_reporting import AS_REPORTED, Quadrature, Reporting, scaled_interval
from analysis.verdicts import HOTSPOT_RATIO, BookValue, RankedVerdicts, by_excess, worst_share
from data.portfolio import View

Array = NDArray[np.float64]

_SMALL = """
select place_id as place, segment, below, below_book, known
from place_small_loss
where level = $level and multiple = $multiple
"""
_PRIORS = "select segment, dispersion from hotspot_prior where level = $level"
# What a report of each class stands for, deductibles alone considered: thefts of an account that reports half of them
# count twice. Without any theft, what is exposed says which accounts' reports would have come.
_CLASSES = """
with
shares as (
    select s.segment, s.commodity, s.units, s.observed, 1 - (1 - $small_share) * coalesce(a.below, 0) as share
    from hotspot_share as s
    left join account_small_loss as a
        on s.insured_id = a.insured_id and s.segment = a.segment and s.commodity is not distinct from a.commodity
        and a.multiple = $multiple
    where s.level = 'lane'
),
final as (
    select segment, commodity, sum(units) as units, sum(units / share) as full_units, sum(observed)::double as observed,
        sum(observed / share) as full_observed
    from shares
    group by segment, commodity
)
select * from final order by all
"""
_SEVERITIES = "select segment, commodity, severity, basis, thefts, valued from class_severity"


def adjust(ranked: RankedVerdicts, *, view: View, reporting: Reporting) -> RankedVerdicts:
    """What are the ratios, losses and their order, were all thefts reported and all losses known?

    No interval of a ratio is narrower than as reported: each end lies at least as far from the ratio as the reported
    end from the reported ratio. The posterior of a place whose ratio falls would narrow with it; but the fall rests on
    an assumption, and an assumption takes no doubt away.

    Adjusted are ``expected`` (reports expected of the place, with its deductibles), ``raw_ratio``, ``ratio``, ``low``,
    ``high``, ``rate``, ``severity``, ``excess_thefts`` = expected x (ratio - 1) / reported share, ``excess_loss``,
    ``loss_cost``, and the order by excess loss. New are ``reported_share``, one over the mean number of thefts behind a
    report of the place, ``adjusted_probability``, ``known`` (the share of losses that are) and ``dispersion``.
    ``verdict`` stays as published, and so do ``probability`` and ``weight``, on which it rests. Rows that show the
    class prior instead of a verdict stay as they are.

    Parameters
    ----------
    ranked
        As published, of this view.
    reporting
        The assumption; `analysis.under_reporting.AS_REPORTED` gives the ranking back.
    """
    frame = ranked.frame
    if reporting == AS_REPORTED or frame.empty:
        return ranked
    small = view.frame(_SMALL, {"level": ranked.level, "multiple": reporting.deductible_multiple})
    told = frame.merge(small, on=["place", "segment"], how="left", validate="one_to_one")
    judged = (frame["basis"] == "").to_numpy() & frame["expected"].notna().to_numpy()
    share = reporting.share_of(told["below"])
    expected = frame["expected"].to_numpy(dtype=np.float64) * share / reporting.share_of(told["below_book"])
    reported = share / reporting.level
    dispersion = frame["segment"].map(dict(view.rows(_PRIORS, {"level": ranked.level}))).to_numpy(dtype=np.float64)
    found = {name: frame[name].to_numpy(dtype=np.float64).copy() for name in ("ratio", "low", "high")}
    found["adjusted_probability"] = frame["probability"].to_numpy(dtype=np.float64).copy()
    for a in np.unique(dispersion[judged]):
        rows = np.flatnonzero(judged & (dispersion == a))
        observed = frame["observed"].to_numpy(dtype=np.float64)[rows]
        for of, posterior in reporting.posteriors(observed, expected[rows], dispersion=float(a)):
            low, high = posterior.interval()
            found["ratio"][rows[of]], found["low"][rows[of]], found["high"][rows[of]] = posterior.mean, low, high
            found["adjusted_probability"][rows[of]] = posterior.probability_above(HOTSPOT_RATIO)
    _hold_width(found, frame, rows=judged)
    return replace(
        ranked,
        frame=by_excess(
            _with_losses(
                frame, found, judged=judged, expected=expected, reported=reported, told=told, reporting=reporting
            ).assign(dispersion=dispersion)
        ),
        reporting=reporting,
    )


def _hold_width(found: dict[str, Array], frame: pd.DataFrame, *, rows: NDArray[np.bool_]) -> None:
    """Set each end no nearer to its new ratio than the published end is to the published one; none falls below 0."""
    ratio, low, high = (frame[name].to_numpy(dtype=np.float64) for name in ("ratio", "low", "high"))
    lower = np.maximum(np.minimum(found["low"], found["ratio"] - (ratio - low)), 0.0)
    # What the low end cannot give at 0, the high end does.
    upper = np.maximum.reduce([found["high"], found["ratio"] + (high - ratio), lower + (high - low)])
    found["low"], found["high"] = np.where(rows, lower, found["low"]), np.where(rows, upper, found["high"])


def _with_losses(
    frame: pd.DataFrame,
    found: Mapping[str, Array],
    *,
    judged: NDArray[np.bool_],
    expected: Array,
    reported: Array,
    told: pd.DataFrame,
    reporting: Reporting,
) -> pd.DataFrame:
    """The frame with what follows from its new ratios."""
    factor = reporting.losses_of(told["known"])
    severity = frame["severity"].to_numpy(dtype=np.float64) * factor
    excess = expected * (found["ratio"] - 1) / reported
    # Of the place's true rate: the class rates rest on reports of the book, whose deductibles are in below_book.
    level = reporting.level / reporting.share_of(told["below_book"])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = found["ratio"] / frame["ratio"].to_numpy(dtype=np.float64) * level
        raw = np.where(expected > 0, frame["observed"].to_numpy(dtype=np.float64) / expected, np.nan)
    new: dict[str, Array] = {
        **found,
        "expected": expected,
        "raw_ratio": raw,
        "rate": frame["rate"].to_numpy(dtype=np.float64) * moved,
        "severity": severity,
        "excess_thefts": excess,
        "excess_loss": excess * severity,
        "loss_cost": frame["loss_cost"].to_numpy(dtype=np.float64) * moved * factor,
    }
    kept = {
        name: np.where(judged, values, frame[name].to_numpy(dtype=np.float64)) if name in frame else values
        for name, values in new.items()
    }
    return frame.assign(
        **kept,
        reported_share=np.where(judged, reported, np.nan),
        known=np.where(judged, told["known"].to_numpy(dtype=np.float64), np.nan),
    )


def excess_range(row: Mapping[str, Any], *, reporting: Reporting | None) -> tuple[float, float] | None:
    """Between which amounts does the excess loss of a place lie, 90% sure? None where it has none.

    As reported, expected x (end of the ratio's interval - 1) x severity. Adjusted, the same mixed over the share that
    may be reported and the factor of unknown losses: the ends leave 5% of expected x (ratio - 1) x severity / share
    beyond. The doubt of the severity itself is in neither.

    Parameters
    ----------
    row
        Of the frame of a ranking.
    reporting
        The assumption of that ranking.
    """
    expected, severity = float(row["expected"]), float(row["severity"])
    if not np.isfinite(float(row["excess_loss"])) or not expected * severity > 0:
        return None
    if reporting is None:
        return expected * (float(row["low"]) - 1) * severity, expected * (float(row["high"]) - 1) * severity
    common, factor = reporting.common, reporting.loss_factor
    known = float(row["known"])
    losses = np.ones_like(factor.values) if np.isnan(known) else known + (1 - known) * factor.values
    share = float(row["reported_share"]) * reporting.level * float(reporting.losses_of(known))
    # What a place of twice the expected thefts loses above expectation, at each pair of nodes.
    amounts = np.outer(1 / common.values, losses).ravel() * expected * severity / share
    weights = np.outer(common.weights, factor.weights).ravel()
    ((_, posterior),) = reporting.posteriors([float(row["observed"])], [expected], dispersion=float(row["dispersion"]))

    def miss(amount: float, probability: float) -> float:
        ratios = np.maximum(1 + amount / amounts, 0.0)
        below = special.gammainc(posterior.shape[0], ratios[:, None] * posterior.rate[0]) @ posterior.weights[0]
        return float(weights @ below) - probability

    least, most = -float(amounts.max()), float(amounts.max())
    while miss(most, 0.95) < 0:
        most *= 2
    low, high = (
        float(optimize.brentq(miss, least, most, args=(probability,), xtol=1e-6 * most)) for probability in (0.05, 0.95)
    )
    return low, high


def adjusted_values(
    values: Mapping[str, BookValue], *, view: View, ranked: RankedVerdicts, reporting: Reporting
) -> dict[str, BookValue]:
    """What are frequency, loss cost and concentration, were all thefts reported and all losses known?

    A report of an account counts 1 / (common share x its share by deductible); Garwood's interval is mixed over the
    common share, and that of loss cost over the factor of unknown losses too.

    Parameters
    ----------
    values
        As published, by key.
    ranked
        The adjusted ranking, whose concentration is told.
    """
    if reporting == AS_REPORTED:
        return dict(values)
    classes = view.frame(_CLASSES, {"small_share": reporting.small_share, "multiple": reporting.deductible_multiple})
    found = dict(values)
    if (frequency := found.get("theft_frequency")) is not None and frequency.value is not None:
        found["theft_frequency"] = _frequency(frequency, classes, reporting=reporting)
    if (cost := found.get("theft_loss_cost")) is not None and cost.value is not None:
        found["theft_loss_cost"] = _loss_cost(cost, classes, severities=view.frame(_SEVERITIES), reporting=reporting)
    if (share := found.get("worst_ten_share")) is not None and share.value is not None:
        found["worst_ten_share"] = worst_share(ranked, view=view)
    return found


def _frequency(value: BookValue, classes: pd.DataFrame, *, reporting: Reporting) -> BookValue:
    part = classes[classes["segment"] == value.segment]
    kind = "observed" if part["observed"].sum() else "units"
    behind = float(part[f"full_{kind}"].sum() / part[kind].sum())
    said = f"one report stands for {behind * reporting.level:.3g} thefts"
    return _scaled(value, multiplier=Quadrature(behind / reporting.common.values, reporting.common.weights), said=said)


def _loss_cost(value: BookValue, classes: pd.DataFrame, *, severities: pd.DataFrame, reporting: Reporting) -> BookValue:
    if not value.n:
        return value
    totals = severities[severities["commodity"].isna()].set_index("segment")
    by_losses = totals["valued"] > 0
    known = (totals["valued"] / totals["thefts"].where(totals["thefts"] > 0)).where(by_losses)
    priced = classes.merge(severities[["segment", "commodity", "severity"]], on=["segment", "commodity"], how="left")
    cost = priced["severity"].fillna(priced["segment"].map(totals["severity"])).where(priced["observed"] > 0, 0.0)
    reported = float((priced["observed"] * cost).sum())
    full = (priced["full_observed"] * cost).to_numpy(dtype=np.float64)
    share = priced["segment"].map(known).to_numpy(dtype=np.float64)
    factor = reporting.loss_factor
    # One value a node of the factor: what each class loses, where those without a value cost so much.
    losses = np.array(
        [(full * np.where(np.isnan(share), 1.0, share + (1 - share) * one)).sum() for one in factor.values]
    )
    multiplier = np.outer(1 / reporting.common.values, losses / reported) if reported > 0 else np.ones((1, 1))
    weights = np.outer(reporting.common.weights, factor.weights) if reported > 0 else np.ones((1, 1))
    said = f"a theft without a value is taken to cost {reporting.unvalued_factor:g} times one with"
    return _scaled(value, multiplier=Quadrature(multiplier.ravel(), weights.ravel()), said=said)


def _scaled(value: BookValue, *, multiplier: Quadrature, said: str) -> BookValue:
    """A value and its interval, multiplied by what a report stands for."""
    assert value.value is not None
    times = multiplier.mean_of(multiplier.values)
    interval = value.interval
    if interval is not None:
        # What one theft of the interval is worth in units of the value.
        unit = interval[1] / poisson_interval(value.n).high
        low, high = scaled_interval(value.n, multiplier=multiplier)
        interval = (low * unit, high * unit)
    return replace(
        value,
        value=value.value * times,
        interval=interval,
        caveats=(*value.caveats, *([f"adjusted: {said}"] if said else [])),
        trend=tuple((quarter, amount * times) for quarter, amount in value.trend),
    )
