"""What will losses cost in the end, per premium? Ultimate loss ratios of the book, an account or any month."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.claim_models import Pattern, quarter_triangle, quarters_ago
from analysis.development import bornhuetter_ferguson
from analysis.estimates import Estimate
from analysis.intervals import Interval
from analysis.loss_ratio import LossRatios, LossSums, loss_ratios
from analysis.triangles import Triangle
from data.portfolio import View

Array = NDArray[np.float64]

#: What is additive by insured and month.
PARTS = (
    "earned", "incurred", "ultimate", "recovered", "recovered_ultimate", "net_ultimate", "theft_incurred",
    "theft_ultimate", "losses", "theft_losses",
)  # fmt: skip
NO_PREMIUM = "There is no earned premium: load the table policy, with inception, expiry and written premium"
NOT_BY_THIS = "Premium is paid for an account, not for its lanes: there is no loss ratio under a filter by {names}"
NOT_DEVELOPED = (
    "Not developed, as too few earlier valuations of claims are known (table claim_movement): the ratio errs to the"
    " low side"
)
_PREMIUM = """
select insured_id, product, month, coalesce(sum(earned_base), 0)::double as earned,
    count(*) filter (earned_premium is not null and earned_base is null) as unrated
from premium_month{within}
group by all
order by all
"""
_LOSSES = """
select insured_id, month,
    coalesce(sum(gross_base), 0)::double as incurred, coalesce(sum(recovered_base), 0)::double as recovered,
    coalesce(sum(gross_base) filter (is_theft), 0)::double as theft_incurred,
    count(*) filter (is_loss) as losses, count(*) filter (is_loss and is_theft) as theft_losses,
    coalesce(sum(event_base::double ** 2) filter (is_loss), 0) as squares,
    coalesce(sum(event_base::double ** 2) filter (is_loss and is_theft), 0) as theft_squares,
    coalesce(sum((event_base - event_recovered)::double ** 2) filter (is_loss), 0) as net_squares,
    coalesce(max(event_base) filter (is_loss), 0)::double as largest,
    coalesce(max(event_base) filter (is_loss and is_theft), 0)::double as theft_largest,
    coalesce(max(abs(event_base - event_recovered)) filter (is_loss), 0)::double as net_largest,
    coalesce(bool_or(event_base < event_recovered) filter (is_loss), false) as falls,
    count(unconverted) as unrated
from {losses}{within}
group by all
order by all
"""
_PATTERNS = "select kind, developed_share, relative_error from claim_pattern{within} order by kind, age"
_CLASSES = (
    "select product, ratio, theft_ratio, recovered_ratio, mean_severity, severity_cv from claim_class{within}"
    " order by product"
)
_KNOWN_TO = """
select coalesce(max(f.as_of), any_value(s.data_date))
from snapshot as s
left join feed as f on f.name in (select _feed from claim)
"""


@dataclass(frozen=True)
class Developments:
    """What the fit of the book says of how losses develop, as far as this person may see it.

    Attributes
    ----------
    gross, recovered
        Patterns; empty where nothing could be fitted or shown.
    classes
        By product (None: the book): ultimate loss ratio, its theft part and recoveries, mean and spread of sizes.
    """

    gross: Pattern
    recovered: Pattern
    classes: dict[str | None, dict[str, float]]

    @property
    def book(self) -> dict[str, float]:
        """Of all classes together; empty where nothing is known."""
        return self.classes.get(None, {})


@dataclass(frozen=True)
class UltimateLossRatio:
    """What losses come to in the end for each unit of earned premium.

    Attributes
    ----------
    gross, net, theft
        Before recoveries; less salvage and subrogation; of theft alone, before recoveries.
    parts
        By `insured_id` and `month`: the amounts of `PARTS`, each of which adds up over rows; a ratio of sums is the
        ratio of those rows. Base currency.
    known_share
        Share of the ultimate that is known already; None without one.
    lack
        Why there is no ratio; empty where there is one.
    """

    gross: Estimate
    net: Estimate
    theft: Estimate
    parts: pd.DataFrame
    known_share: float | None = None
    lack: str = ""

    @property
    def value(self) -> float | None:
        """The gross ratio."""
        return self.gross.value

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the gross ratio, 90%."""
        return self.gross.interval

    @property
    def n(self) -> int:
        """Losses behind it."""
        return self.gross.n

    @property
    def caveats(self) -> tuple[str, ...]:
        """Each a sentence without its full stop."""
        return self.gross.caveats

    def total(self, part: str) -> float:
        """The sum of one of `PARTS`."""
        return float(self.parts[part].sum())


def developments(view: View) -> Developments:
    """What does the book's fit say of development and class loss ratios, as far as this person may see it?"""
    return _developments(view.rows(_PATTERNS.format(within="")), view.rows(_CLASSES.format(within="")))


def _developments(patterns: Sequence[tuple[Any, ...]], classes: Sequence[tuple[Any, ...]]) -> Developments:
    found = {
        kind: Pattern(
            tuple(float(share) for k, share, _ in patterns if k == kind),
            tuple(float(error or 0.0) for k, _, error in patterns if k == kind),
        )
        for kind in ("gross", "recovered")
    }
    names = ("ratio", "theft_ratio", "recovered_ratio", "mean_severity", "severity_cv")
    of_class = {row[0]: {name: _number(value) for name, value in zip(names, row[1:], strict=True)} for row in classes}
    return Developments(found["gross"], found["recovered"], of_class)


def account_loss_ratios(
    connection: duckdb.DuckDBPyConnection, *, first: date, end: date, kind: str = "gross", level: float = 0.95
) -> pd.DataFrame:
    """What does each account of the book come to in the end per premium of these months? At publication.

    Leans on what of the book's development and class loss ratios everybody may see, as the figures of one account are
    shown to that account.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose claims are fitted.
    first, end
        From this month to before that one.
    kind
        *gross*, *net* of salvage and subrogation, or *theft* alone.
    level
        Of the intervals.

    Returns
    -------
    DataFrame
        One row an account with earned premium: `insured_id`, `numerator` (ultimate, base currency), `denominator`
        (earned premium), `value`, `low`, `high` (null: no interval), `n` (losses).
    """
    months, within = {"first": first, "end": end}, "\nwhere month >= $first and month < $end"
    row = connection.execute(_KNOWN_TO).fetchone()
    premium = connection.execute(_PREMIUM.format(within=within), months).df()
    premium = premium[premium["insured_id"].notna()]
    columns = ["insured_id", "numerator", "denominator", "value", "low", "high", "n"]
    if row is None or row[0] is None or premium["earned"].sum() <= 0:
        return pd.DataFrame({name: pd.Series(dtype="float64" if name != columns[0] else "object") for name in columns})
    fitted = _developments(
        connection.execute(_PATTERNS.format(within=" where is_shareable")).fetchall(),
        connection.execute(_CLASSES.format(within=" where is_shareable")).fetchall(),
    )
    losses = connection.execute(_LOSSES.format(losses="claim_service", within=within), months).df()
    parts = _parts(_expected(premium, fitted, ago=quarters_ago(premium["month"], known_to=row[0])), losses)
    grouped = _grouped(parts, parts["insured_id"])
    grouped = grouped[grouped["earned"] > 0]
    found = _ratios(grouped, kind, fitted, level=level)
    return pd.DataFrame(
        {
            "insured_id": grouped.index.to_numpy(),
            "numerator": grouped[_OF[kind][0]].to_numpy(),
            "denominator": grouped["earned"].to_numpy(),
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "n": found.n.astype(np.float64),
        }
    )


def ultimate_loss_ratio(view: View, *, fitted: Developments | None = None) -> UltimateLossRatio:
    """What do the losses of this selection come to in the end per unit of earned premium, gross, net and of theft?

    For every account and month: ultimate = incurred + class's ultimate loss ratio x earned premium x
    (1 - share known at its age). So the months and accounts add up to the whole, and one account's young months lean on
    its class. Losses of months without earned premium are in neither side.

    Parameters
    ----------
    view
        Any selection; filters by carrier, lane, commodity or mode leave no premium.
    fitted
        What `developments` gives, if it is known already.

    References
    ----------
    Bornhuetter & Ferguson (1972), PCAS 59:181-195; interval: `analysis.loss_ratio.loss_ratios`.
    """
    blind = [name for name, _ in view.filters.chosen if name != "insured"]  # type: ignore[attr-defined]
    if blind:
        return _nothing(NOT_BY_THIS.format(names=" or ".join(blind)))
    premium = view.frame(_PREMIUM.format(within=""))
    if premium["earned"].sum() <= 0:
        return _nothing(NO_PREMIUM)
    fitted = fitted or developments(view)
    known_to = view.snapshot.data_date("claim")
    if known_to is None:
        return _nothing(NO_PREMIUM)
    losses = view.frame(_LOSSES.format(losses="claim_loss", within=""))
    parts = _parts(_expected(premium, fitted, ago=quarters_ago(premium["month"], known_to=known_to)), losses)
    caveats = _caveats(premium, losses, parts, fitted)
    ultimate = float(parts["ultimate"].sum())
    return UltimateLossRatio(
        gross=_ratio(parts, "gross", fitted, caveats),
        net=_ratio(parts, "net", fitted, caveats),
        theft=_ratio(parts, "theft", fitted, caveats),
        parts=parts.drop(columns="unrated"),
        known_share=float(parts["incurred"].sum()) / ultimate if ultimate > 0 else None,
    )


def ratios_by(
    found: UltimateLossRatio, by: pd.Series[Any], *, fitted: Developments, level: float = 0.9
) -> pd.DataFrame:
    """How do groups of accounts or months compare? Amounts and ultimate loss ratio of each, with its interval.

    Parameters
    ----------
    found
        Of the selection.
    by
        The group of each row of its `parts`.
    level
        Of the intervals.

    Returns
    -------
    DataFrame
        One row a group, in its order: `key`, `earned`, `incurred`, `ultimate`, `net_ultimate`, `theft_ultimate`,
        `losses`, `ratio`, `low`, `high`, `net_ratio`, `verdict` ("above the rest", "below the rest", "ordinary",
        "not enough data": whether its 99% interval leaves out the ratio of all).
    """
    if found.parts.empty:
        columns = ["key", *PARTS, "ratio", "low", "high", "net_ratio", "verdict"]
        return pd.DataFrame(
            {name: pd.Series(dtype="object" if name in {"key", "verdict"} else float) for name in columns}
        )
    grouped = _grouped(found.parts, by)
    ratios = _ratios(grouped, "gross", fitted, level=level)
    strict = _ratios(grouped, "gross", fitted, level=0.99)
    whole = found.gross.value or 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        net = np.where(grouped["earned"] > 0, grouped["net_ultimate"] / grouped["earned"], np.nan)
    verdict = np.select(
        [np.isnan(strict.low), strict.low > whole, strict.high < whole],
        ["not enough data", "above the rest", "below the rest"],
        default="ordinary",
    )
    frame = grouped.reset_index(names="key")[["key", *PARTS]]
    return frame.assign(ratio=ratios.value, low=ratios.low, high=ratios.high, net_ratio=net, verdict=verdict)


def development_triangle(view: View, *, kind: str = "gross") -> Triangle:
    """How did what the losses of each quarter cost grow as they aged? Cumulative, base currency.

    Quarters are three months that end on the data's date; the last known amounts add up to what the claims stand at.
    """
    growth = view.frame(
        "select origin, age, sum(gross_base)::double as gross, sum(recovered_base)::double as recovered"
        " from claim_valuation group by all order by all"
    )
    return quarter_triangle(growth, kind=kind)


def book_development(view: View) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The chain ladder of the book as fitted at publication: quarters of loss, totals, factors by age.

    A person who sees some insureds only gets no quarters and no totals, and factors only where enough insureds stand
    behind them.
    """
    origins = view.frame(
        "select kind, origin, first_day, last_day, age, latest, ultimate, standard_error, one_year_error"
        " from claim_origin order by kind, origin desc"
    )
    totals = view.frame(
        "select kind, latest, ultimate, standard_error, low, high, state, caveats from claim_reserve order by kind"
    )
    factors = view.frame(
        "select kind, age, factor, to_ultimate, developed_share, relative_error from claim_pattern order by kind, age"
    )
    return origins, totals, factors


def _expected(premium: pd.DataFrame, fitted: Developments, *, ago: Array) -> pd.DataFrame:
    """What is still to come of each row of premium."""
    classes = [fitted.classes.get(name if isinstance(name, str) else None, fitted.book) for name in premium["product"]]
    earned = np.maximum(premium["earned"].to_numpy(dtype=np.float64), 0.0)

    def to_come(ratio: str, pattern: Pattern) -> Array:
        if not pattern.developed_share:
            return np.zeros(len(premium))
        a_priori = np.array([of_class.get(ratio, 0.0) for of_class in classes])
        found = bornhuetter_ferguson(
            np.zeros(len(premium)), developed_share=pattern.share_at(ago), premium=earned, a_priori=a_priori
        )
        return found.reserve

    return premium.assign(
        to_come=to_come("ratio", fitted.gross),
        theft_to_come=to_come("theft_ratio", fitted.gross),
        back_to_come=to_come("recovered_ratio", fitted.recovered),
        relative_error=fitted.gross.error_at(ago),
    )


def _parts(premium: pd.DataFrame, losses: pd.DataFrame) -> pd.DataFrame:
    """Premium and losses side by side, by insured and month."""
    grouped = premium.groupby(["insured_id", "month"], dropna=False)
    sums = grouped[["earned", "to_come", "theft_to_come", "back_to_come", "unrated"]].sum()
    earned = sums.assign(relative_error=grouped["relative_error"].max()).reset_index()
    # A month that earned nothing has no premium to set its losses against.
    earned = earned[earned["earned"] != 0]
    lost = losses.drop(columns="unrated")
    numbers = [name for name in lost.columns if name not in {"insured_id", "month"}]
    parts = earned.merge(lost, on=["insured_id", "month"], how="left")
    parts[numbers] = parts[numbers].astype("float64").fillna(0.0)
    recovered = parts["recovered"] + parts["back_to_come"]
    ultimate = parts["incurred"] + parts["to_come"]
    return parts.assign(
        ultimate=ultimate,
        recovered_ultimate=recovered,
        net_ultimate=ultimate - recovered,
        theft_ultimate=parts["theft_incurred"] + parts["theft_to_come"],
        error=ultimate * parts["relative_error"],
        theft_error=(parts["theft_incurred"] + parts["theft_to_come"]) * parts["relative_error"],
    )


def _grouped(parts: pd.DataFrame, by: pd.Series[Any]) -> pd.DataFrame:
    summed = [*PARTS, "squares", "theft_squares", "net_squares", "error", "theft_error"]
    grouped = parts.groupby(by.to_numpy(), sort=True)
    most = grouped[["largest", "theft_largest", "net_largest", "falls"]].max()
    return pd.concat([grouped[summed].sum(), most], axis=1)


_OF = {
    "gross": ("ultimate", "losses", "squares", "largest", "error"),
    "net": ("net_ultimate", "losses", "net_squares", "net_largest", "error"),
    "theft": ("theft_ultimate", "theft_losses", "theft_squares", "theft_largest", "theft_error"),
}


def _ratios(grouped: pd.DataFrame, kind: str, fitted: Developments, *, level: float = 0.9) -> LossRatios:
    total, count, squares, largest, error = _OF[kind]
    cv, mean = fitted.book.get("severity_cv", math.nan), fitted.book.get("mean_severity", math.nan)
    sums = LossSums(
        count=grouped[count].to_numpy(dtype=np.int64),
        total=grouped[total].to_numpy(dtype=np.float64),
        squares=grouped[squares].to_numpy(dtype=np.float64),
        largest=grouped[largest].to_numpy(dtype=np.float64),
        falls=(grouped["falls"].to_numpy(dtype=bool) if kind == "net" else np.zeros(len(grouped), dtype=bool)),
    )
    return loss_ratios(
        sums,
        np.maximum(grouped["earned"].to_numpy(dtype=np.float64), 0.0),
        mean_severity=None if math.isnan(mean) else mean,
        severity_cv=None if math.isnan(cv) else cv,
        development_error=np.maximum(grouped[error].to_numpy(dtype=np.float64), 0.0),
        level=level,
    )


def _whole(parts: pd.DataFrame) -> pd.DataFrame:
    """What `_grouped` gives where all rows are one group."""
    summed = [*PARTS, "squares", "theft_squares", "net_squares", "error", "theft_error"]
    most = ["largest", "theft_largest", "net_largest", "falls"]
    totals = {name: [parts[name].to_numpy(dtype=np.float64).sum()] for name in summed}
    return pd.DataFrame(totals | {name: [parts[name].to_numpy(dtype=np.float64).max(initial=0.0)] for name in most})


def _ratio(parts: pd.DataFrame, kind: str, fitted: Developments, caveats: tuple[str, ...]) -> Estimate:
    found = _ratios(_whole(parts), kind, fitted)
    value, low, high = float(found.value[0]), float(found.low[0]), float(found.high[0])
    interval = None if math.isnan(low) else Interval(low, high)
    return Estimate(value, interval, int(found.n[0]), (*found.caveats[0], *caveats), float(found.standard_error[0]))


def _caveats(premium: pd.DataFrame, losses: pd.DataFrame, parts: pd.DataFrame, fitted: Developments) -> tuple[str, ...]:
    said = []
    if not fitted.gross.developed_share or not fitted.book:
        said.append(NOT_DEVELOPED)
    covered = set(zip(parts["insured_id"], parts["month"], strict=True))
    known = [pair in covered for pair in zip(losses["insured_id"], losses["month"], strict=True)]
    outside = losses[~np.array(known, dtype=np.bool_)]
    if outside["incurred"].sum() > 0:
        said.append(
            f"Losses of months without earned premium, left out: {int(outside['losses'].sum()):,} of"
            f" {outside['incurred'].sum():,.0f}"
        )
    if (unrated := int(premium["unrated"].sum())) > 0:
        said.append(f"Months of premium without a rate of exchange, left out: {unrated:,}")
    if (unrated := int(losses["unrated"].sum())) > 0:
        said.append(f"Claims without a rate of exchange, left out: {unrated:,}")
    return tuple(said)


def _nothing(lack: str) -> UltimateLossRatio:
    none = Estimate(None, None, 0, (lack,))
    kinds = {"insured_id": "object", "month": "datetime64[us]"}
    columns = ["insured_id", "month", *PARTS]
    parts = pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float64")) for name in columns})
    return UltimateLossRatio(none, none, none, parts, lack=lack)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
