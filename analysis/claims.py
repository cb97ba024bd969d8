"""What will losses cost in the end, per premium? Ultimate loss ratios of the book, an account or any month."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.claim_expected import mixed_sizes, size_moments
from analysis.claim_models import quarter_triangle
from analysis.differences import holm
from analysis.estimates import Estimate
from analysis.exposure import cancelled_words
from analysis.intervals import Interval
from analysis.loss_ratio import LossRatios, LossSums, chance_beside_the_rest, loss_ratios
from analysis.reporting_fit import USUAL_LOG_SD
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
HIDDEN = (
    "Not developed: what is still to come rests on losses of too few insureds to be shown here; the ratio errs to the"
    " low side, and is higher for those who see the whole book"
)
THEFT_HIDDEN = (
    "Theft that is still to come rests on losses of too few insureds to be shown here: the ratio errs to the low side"
)
BACK_HIDDEN = (
    "Recoveries that are still to come rest on those of too few insureds to be shown here: the ratio errs to the high"
    " side"
)
#: How much sizes vary where those of the class may not be shown: log-normal, with the usual spread of the logarithm.
USUAL_CV = math.sqrt(math.expm1(USUAL_LOG_SD**2))
SIZES_HIDDEN = (
    "How losses of its class vary in size may not be shown, as they are those of too few insureds: the interval takes a"
    f" coefficient of variation of {USUAL_CV:.1f}"
)
#: Groups together, one at most in twenty such tables is set apart by chance alone.
ALPHA = 0.05
Kind = Literal["gross", "net", "theft"]
_PREMIUM = """
with
premium as (
    select insured_id, month, coalesce(sum(earned_base), 0)::double as earned,
        count(*) filter (earned_premium is not null and earned_base is null) as unrated,
        list(distinct policy_id) filter (is_cancelled_in_full) as cancelled
    from premium_month{within}
    group by all
)
select p.*, e.* exclude (insured_id, month)
from premium as p
left join claim_expected as e on p.insured_id is not distinct from e.insured_id and p.month = e.month
order by p.insured_id, p.month
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


def account_loss_ratios(
    connection: duckdb.DuckDBPyConnection, *, first: date, end: date, kind: Kind = "gross", level: float = 0.95
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
    premium = connection.execute(_PREMIUM.format(within=within), months).df()
    premium = premium[premium["insured_id"].notna()]
    columns = ["insured_id", "numerator", "denominator", "value", "low", "high", "n"]
    if premium["earned"].sum() <= 0:
        return pd.DataFrame({name: pd.Series(dtype="float64" if name != columns[0] else "object") for name in columns})
    losses = connection.execute(_LOSSES.format(losses="claim_service", within=within), months).df()
    parts = _parts(_shown(premium), losses)
    grouped = _grouped(parts, parts["insured_id"])
    grouped = grouped[grouped["earned"] > 0]
    found = _ratios(grouped, kind, level=level)
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


def _shown(premium: pd.DataFrame) -> pd.DataFrame:
    """Premium beside what is still to come, as somebody who does not see the book has it (data/portfolio.py)."""
    told = {
        name: premium[name].where(premium[flag].eq(other=True))
        for name, flag in (
            ("to_come", "is_shareable"), ("relative_error", "is_shareable"), ("theft_to_come", "is_theft_shareable"),
            ("back_to_come", "is_back_shareable"), ("size_mean", "is_size_shareable"), ("size_cv", "is_size_shareable"),
        )
    }  # fmt: skip
    return premium.assign(**told)


def ultimate_loss_ratio(view: View) -> UltimateLossRatio:
    """What do the losses of this selection come to in the end per unit of earned premium, gross, net and of theft?

    For every account and month: ultimate = incurred + class's ultimate loss ratio x earned premium x
    (1 - share known at its age), of which the second part is reckoned at publication (`analysis.claim_expected`): an
    account has one ratio, whoever looks. So the months and accounts add up to the whole, and one account's young months
    lean on its class. Losses of months without earned premium are in neither side.

    Parameters
    ----------
    view
        Any selection; filters by carrier, lane, commodity or mode leave no premium.

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
    if view.snapshot.data_date("claim") is None:
        return _nothing(NO_PREMIUM)
    losses = view.frame(_LOSSES.format(losses="claim_loss", within=""))
    parts = _parts(premium, losses)
    caveats = _caveats(premium, losses, parts)
    ultimate = float(parts["ultimate"].sum())
    return UltimateLossRatio(
        gross=_ratio(parts, "gross", caveats),
        net=_ratio(parts, "net", caveats),
        theft=_ratio(parts, "theft", caveats),
        parts=parts.drop(columns="unrated"),
        known_share=float(parts["incurred"].sum()) / ultimate if ultimate > 0 else None,
    )


def ratios_by(found: UltimateLossRatio, by: pd.Series[Any], *, level: float = 0.9) -> pd.DataFrame:
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
        `losses`, `ratio`, `low`, `high`, `net_ratio`, `chance` (of a group so far from all others together, raised for
        how many are judged: Holm), `verdict` ("above the rest", "below the rest", "ordinary", "not enough data": by
        that chance, at 5% over all groups).
    """
    if found.parts.empty:
        columns = ["key", *PARTS, "ratio", "low", "high", "net_ratio", "chance", "verdict"]
        return pd.DataFrame(
            {name: pd.Series(dtype="object" if name in {"key", "verdict"} else float) for name in columns}
        )
    grouped = _grouped(found.parts, by)
    ratios = _ratios(grouped, "gross", level=level)
    sizes = _sizes(grouped)
    earned = np.maximum(grouped["earned"].to_numpy(dtype=np.float64), 0.0)
    chance = holm(
        chance_beside_the_rest(
            _sums(grouped, "gross"),
            earned,
            mean_severity=sizes[0],
            severity_cv=sizes[1],
            development_error=np.maximum(grouped["error"].to_numpy(dtype=np.float64), 0.0),
        )
    )
    ultimate = grouped["ultimate"].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        net = np.where(earned > 0, grouped["net_ultimate"] / earned, np.nan)
        rest = (ultimate.sum() - ultimate) / (earned.sum() - earned)
    verdict = np.select(
        [np.isnan(chance) | np.isnan(ratios.low), chance > ALPHA, ratios.value > rest],
        ["not enough data", "ordinary", "above the rest"],
        default="below the rest",
    )
    frame = grouped.reset_index(names="key")[["key", *PARTS]]
    return frame.assign(
        ratio=ratios.value, low=ratios.low, high=ratios.high, net_ratio=net, chance=chance, verdict=verdict
    )


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


def _parts(premium: pd.DataFrame, losses: pd.DataFrame) -> pd.DataFrame:
    """Premium and losses side by side, by insured and month."""
    # A month that earned nothing has no premium to set its losses against.
    earned = premium[premium["earned"] != 0].drop(columns=["cancelled"])
    to_come = ["to_come", "theft_to_come", "back_to_come"]
    flags = ["is_shareable", "is_theft_shareable", "is_back_shareable", "is_size_shareable"]
    hidden = {
        f"{name}_hidden": earned[flag].eq(other=False).fillna(value=False) & earned[name].isna()
        for name, flag in zip([*to_come, "size_mean"], flags, strict=True)
    }
    sizes = size_moments(
        np.maximum(earned["earned"].to_numpy(dtype=np.float64), 0.0),
        mean=earned["size_mean"].to_numpy(dtype=np.float64),
        cv=earned["size_cv"].to_numpy(dtype=np.float64),
    )
    earned = earned.drop(columns=["size_mean", "size_cv", *flags]).assign(
        **hidden, **sizes, is_developed=earned["to_come"].notna()
    )
    numbers = [*to_come, "relative_error"]
    earned[numbers] = earned[numbers].astype("float64").fillna(0.0)
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


#: What adds up over rows, and of what the largest counts.
_SUMMED = (
    *PARTS, "squares", "theft_squares", "net_squares", "error", "theft_error", "size_weight", "size_first",
    "size_second",
)  # fmt: skip
_MOST = ("largest", "theft_largest", "net_largest", "falls", "size_mean_hidden")


def _grouped(parts: pd.DataFrame, by: pd.Series[Any]) -> pd.DataFrame:
    grouped = parts.groupby(by.to_numpy(), sort=True)
    return pd.concat([grouped[list(_SUMMED)].sum(), grouped[list(_MOST)].max()], axis=1)


_OF = {
    "gross": ("ultimate", "losses", "squares", "largest", "error"),
    "net": ("net_ultimate", "losses", "net_squares", "net_largest", "error"),
    "theft": ("theft_ultimate", "theft_losses", "theft_squares", "theft_largest", "theft_error"),
}


def _sums(grouped: pd.DataFrame, kind: Kind) -> LossSums:
    total, count, squares, largest, _ = _OF[kind]
    return LossSums(
        count=grouped[count].to_numpy(dtype=np.int64),
        total=grouped[total].to_numpy(dtype=np.float64),
        squares=grouped[squares].to_numpy(dtype=np.float64),
        largest=grouped[largest].to_numpy(dtype=np.float64),
        falls=(grouped["falls"].to_numpy(dtype=bool) if kind == "net" else np.zeros(len(grouped), dtype=bool)),
    )


def _sizes(grouped: pd.DataFrame) -> tuple[Array, Array]:
    """Mean and coefficient of variation of losses of each group's classes; where hidden, no mean and the usual one."""
    mean, cv = mixed_sizes(
        *(grouped[name].to_numpy(dtype=np.float64) for name in ("size_weight", "size_first", "size_second"))
    )
    hidden = grouped["size_mean_hidden"].to_numpy(dtype=bool)
    return mean, np.where(np.isnan(cv) & hidden, USUAL_CV, cv)


def _ratios(grouped: pd.DataFrame, kind: Kind, *, level: float = 0.9) -> LossRatios:
    mean, cv = _sizes(grouped)
    return loss_ratios(
        _sums(grouped, kind),
        np.maximum(grouped["earned"].to_numpy(dtype=np.float64), 0.0),
        mean_severity=mean,
        severity_cv=cv,
        development_error=np.maximum(grouped[_OF[kind][-1]].to_numpy(dtype=np.float64), 0.0),
        level=level,
    )


def _whole(parts: pd.DataFrame) -> pd.DataFrame:
    """What `_grouped` gives where all rows are one group."""
    totals = {name: [parts[name].to_numpy(dtype=np.float64).sum()] for name in _SUMMED}
    return pd.DataFrame(totals | {name: [parts[name].to_numpy(dtype=np.float64).max(initial=0.0)] for name in _MOST})


def _ratio(parts: pd.DataFrame, kind: Kind, caveats: tuple[str, ...]) -> Estimate:
    whole = _whole(parts)
    found, wide = _ratios(whole, kind), _ratios(whole, kind, level=0.95)
    value = float(found.value[0])
    narrow, wider = (
        None if math.isnan(float(one.low[0])) else Interval(float(one.low[0]), float(one.high[0]))
        for one in (found, wide)
    )
    said = (*found.caveats[0], *_hidden(parts, kind), *caveats)
    return Estimate(value, narrow, int(found.n[0]), said, float(found.standard_error[0]), wider)


def _hidden(parts: pd.DataFrame, kind: Kind) -> tuple[str, ...]:
    """What may not be shown of that which the ratio rests on; not to be taken for what is not known."""
    said = []
    if parts["to_come_hidden"].any():
        said.append(HIDDEN)
    elif kind == "theft" and parts["theft_to_come_hidden"].any():
        said.append(THEFT_HIDDEN)
    if kind == "net" and parts["back_to_come_hidden"].any():
        said.append(BACK_HIDDEN)
    if parts["size_mean_hidden"].any():
        said.append(SIZES_HIDDEN)
    return tuple(said)


def _caveats(premium: pd.DataFrame, losses: pd.DataFrame, parts: pd.DataFrame) -> tuple[str, ...]:
    said = []
    if not (parts["is_developed"] | parts["to_come_hidden"]).all():
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
    cancelled = {name for names in premium["cancelled"] if isinstance(names, list | np.ndarray) for name in names}
    if cancelled:
        said.append(cancelled_words(sorted(cancelled)))
    return tuple(said)


def _nothing(lack: str) -> UltimateLossRatio:
    none = Estimate(None, None, 0, (lack,))
    kinds = {"insured_id": "object", "month": "datetime64[us]"}
    columns = ["insured_id", "month", *PARTS]
    parts = pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float64")) for name in columns})
    return UltimateLossRatio(none, none, none, parts, lack=lack)
