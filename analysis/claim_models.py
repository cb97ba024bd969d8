"""How do claims of the whole book grow as they age, and what do they come to per premium? Written at publication.

An account has too few claims to show either: its young periods are completed by the book's pattern and by the loss
ratio of its class (Bornhuetter-Ferguson, analysis/claims.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.development import ChainLadder, chain_ladder
from analysis.sharing import SharingRule
from analysis.triangles import Triangle, build_triangle

Array = NDArray[np.float64]

#: A class with fewer losses is taken as the whole book.
LEAST_LOSSES = 30
#: Days in a quarter of a year, on average.
QUARTER_DAYS = 365.25 / 4
#: No age at which less of the ultimate is known is taken at its word: a division by it would be a guess.
LEAST_SHARE = 0.02
_TABLES = ("claim_pattern", "claim_origin", "claim_reserve", "claim_class")
_GROWTH = """
select origin, age, sum(gross_base)::double as gross, sum(recovered_base)::double as recovered
from claim_valuation
group by origin, age
order by origin, age
"""
_EARNED = """
select product, insured_id, month, sum(earned_base)::double as earned
from premium_month
where earned_base is not null
group by all
order by all
"""
_LOST = """
select product, insured_id, month, coalesce(sum(gross_base), 0)::double as incurred,
    coalesce(sum(gross_base) filter (is_theft), 0)::double as theft,
    coalesce(sum(recovered_base), 0)::double as recovered
from claim_service
where gross_base is not null
group by all
order by all
"""
_SIZES = """
select product, event_base::double as size
from claim_service
where is_loss
order by product, claim_id
"""
_COUNTED = """
select insured_id, count(*)::double as units from claim_service group by insured_id order by insured_id
"""


@dataclass(frozen=True)
class Pattern:
    """Which share of what losses come to is known, by the age of their quarter; 1 where nothing could be fitted.

    Attributes
    ----------
    developed_share
        At each age in quarters, from 1; empty: not known.
    relative_error
        Standard error of the ultimate over the ultimate, at each age.
    """

    developed_share: tuple[float, ...] = ()
    relative_error: tuple[float, ...] = ()

    def share_at(self, quarters: Array) -> Array:
        """The share known of losses that happened so many quarters ago; linear between the middles of the ages.

        Examples
        --------
        >>> import numpy as np
        >>> Pattern((0.5, 0.9, 1.0)).share_at(np.array([0.25, 0.5, 1.0, 9.0])).round(3).tolist()
        [0.25, 0.5, 0.7, 1.0]
        """
        if not self.developed_share:
            return np.ones_like(quarters)
        middles = np.arange(len(self.developed_share)) + 0.5
        share = np.interp(quarters, [0.0, *middles], [0.0, *self.developed_share])
        return np.maximum(share, LEAST_SHARE)

    def error_at(self, quarters: Array) -> Array:
        """The relative standard error of what losses of this age come to."""
        if not self.relative_error:
            return np.zeros_like(quarters)
        middles = np.arange(len(self.relative_error)) + 0.5
        return np.interp(quarters, middles, np.nan_to_num(self.relative_error))


def fit_claims(connection: duckdb.DuckDBPyConnection, *, rule: SharingRule) -> None:
    """How do the book's claims develop, and what does each class of policy lose per premium?

    Fills `claim_pattern`, `claim_origin`, `claim_reserve` and `claim_class`. Without claims, without dates of loss or
    without earned premium what needs them stays empty.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built.
    rule
        Whom a scoped viewer may be compared with: by earned premium, without it by number of claims.
    """
    for table in _TABLES:
        connection.execute(f"delete from {table}")
    growth = connection.execute(_GROWTH).df()
    # A portfolio without claims has no table of them to ask either.
    if growth.empty:
        return
    row = connection.execute(
        "select coalesce(max(f.as_of), any_value(s.data_date)) from snapshot as s"
        " left join feed as f on f.name in (select _feed from claim)"
    ).fetchone()
    if row is None or row[0] is None:
        return
    known_to: date = row[0]
    earned = connection.execute(_EARNED).df()
    owners = earned.rename(columns={"earned": "units"}) if len(earned) else connection.execute(_COUNTED).df()
    patterns: dict[str, Pattern] = {}
    for kind in ("gross", "recovered"):
        fitted = chain_ladder(quarter_triangle(growth, kind=kind))
        patterns[kind] = _pattern(fitted)
        if fitted.state != "too short":
            held = _holders(owners, rule=rule)
            rows = _pattern_rows(fitted, kind=kind)
            _write(connection, "claim_pattern", rows.merge(pd.DataFrame([held]), how="cross"))
        _write(connection, "claim_origin", _origin_rows(fitted, kind=kind, known_to=known_to))
        _write(connection, "claim_reserve", _reserve_row(fitted, kind=kind))
    lost, sizes = connection.execute(_LOST).df(), connection.execute(_SIZES).df()
    if len(earned):
        found = _classes(earned, lost, sizes, patterns=patterns, known_to=known_to, rule=rule)
        _write(connection, "claim_class", found)


def quarter_triangle(growth: pd.DataFrame, *, kind: str) -> Triangle:
    """The triangle of quarters of loss by age, every cell up to now filled.

    Parameters
    ----------
    growth
        `origin` (0 is the latest quarter), `age` and the change of the amount `kind` at that age.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"origin": [1, 1, 0], "age": [1, 2, 1], "gross": [10.0, 5.0, 8.0]})
    >>> quarter_triangle(rows, kind="gross").amounts.tolist()
    [[10.0, 15.0], [8.0, nan]]
    """
    last = int(growth["origin"].max()) if len(growth) else -1
    changes = np.zeros((last + 1, last + 1))
    for origin, age, amount in zip(growth["origin"], growth["age"], growth[kind], strict=True):
        changes[last - origin, age - 1] += amount
    cumulative = changes.cumsum(axis=1)
    origins = tuple(range(last, -1, -1))
    cells = [(origin, age) for origin in origins for age in range(1, origin + 2)]
    return build_triangle(
        [origin for origin, _ in cells],
        [age for _, age in cells],
        [cumulative[last - origin, age - 1] for origin, age in cells],
        origins=origins,
        ages=tuple(range(1, last + 2)),
    )


def quarters_ago(months: pd.Series[Any], *, known_to: date) -> Array:
    """How many quarters before the data's date did the middle of each month lie? Of the month under way, its part."""
    first = np.asarray(months, dtype="datetime64[D]")
    end = np.datetime64(known_to, "D") + 1
    following = (first.astype("datetime64[M]") + 1).astype("datetime64[D]")
    begun = (end - first).astype(np.float64)
    ended = np.maximum((end - following).astype(np.float64), 0.0)
    days: Array = np.maximum((begun + ended) / 2, 0.0)
    return days / QUARTER_DAYS


def _pattern(fitted: ChainLadder) -> Pattern:
    if fitted.state == "too short":
        return Pattern()
    return Pattern(tuple(fitted.developed_share.tolist()), tuple(_relative_errors(fitted).tolist()))


def _relative_errors(fitted: ChainLadder) -> Array:
    """By age: of the one quarter that is now of it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # The last origin is of age 1, the first of the greatest.
        relative = (fitted.standard_error / fitted.ultimate)[::-1]
    return np.asarray(np.where(np.isfinite(relative), relative, 0.0), dtype=np.float64)


def _pattern_rows(fitted: ChainLadder, *, kind: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": kind,
            "age": np.array(fitted.triangle.ages),
            "factor": fitted.factors,
            "sigma": fitted.sigma,
            "pairs": fitted.pairs,
            "to_ultimate": fitted.to_ultimate,
            "developed_share": fitted.developed_share,
            "relative_error": _relative_errors(fitted),
        }
    )


def _origin_rows(fitted: ChainLadder, *, kind: str, known_to: date) -> pd.DataFrame:
    origins = np.array(fitted.triangle.origins)
    end = pd.Timestamp(known_to) + pd.Timedelta(days=1)
    return pd.DataFrame(
        {
            "kind": kind,
            "origin": origins,
            "first_day": [end - pd.DateOffset(months=3 * (int(k) + 1)) for k in origins],
            "last_day": [end - pd.DateOffset(months=3 * int(k)) - pd.Timedelta(days=1) for k in origins],
            "age": origins + 1,
            "latest": fitted.triangle.latest,
            "ultimate": fitted.ultimate,
            "standard_error": fitted.standard_error,
            "one_year_error": fitted.one_year_error,
        }
    )


def _reserve_row(fitted: ChainLadder, *, kind: str) -> pd.DataFrame:
    total = fitted.total_ultimate
    low, high = total.interval or (None, None)
    return pd.DataFrame(
        [
            {
                "kind": kind,
                "latest": float(np.nansum(fitted.triangle.latest)),
                "ultimate": total.value,
                "standard_error": total.standard_error,
                "low": low,
                "high": high,
                "state": fitted.state,
                "caveats": "; ".join(fitted.caveats),
            }
        ]
    )


def _classes(
    earned: pd.DataFrame,
    lost: pd.DataFrame,
    sizes: pd.DataFrame,
    *,
    patterns: dict[str, Pattern],
    known_to: date,
    rule: SharingRule,
) -> pd.DataFrame:
    """Ultimate loss ratio and sizes of each kind of policy, and of the book.

    Ratio = incurred / (earned premium x share of its losses known by now): what the years that are known well come to
    weighs more than the young ones (Stanard 1985, PCAS 72:124-148; "Cape Cod").
    """
    ago = quarters_ago(earned["month"], known_to=known_to)
    earned = earned.assign(
        used=earned["earned"] * patterns["gross"].share_at(ago),
        used_back=earned["earned"] * patterns["recovered"].share_at(ago),
    )
    # Losses of months for which nothing was earned have no premium to be set against.
    covered = lost.merge(earned[["insured_id", "month"]].drop_duplicates(), on=["insured_id", "month"])
    rows = []
    for product in [None, *sorted(earned["product"].dropna().unique())]:
        own, claims, each = (
            part if product is None else part[part["product"] == product] for part in (earned, covered, sizes)
        )
        used, back = float(own["used"].sum()), float(own["used_back"].sum())
        if used <= 0 or (product is not None and len(each) < LEAST_LOSSES):
            continue
        size = each["size"].to_numpy(dtype=np.float64)
        mean = float(size.mean()) if len(size) else math.nan
        rows.append(
            {
                "product": product,
                "earned_base": float(own["earned"].sum()),
                "used_base": used,
                "ratio": max(float(claims["incurred"].sum()) / used, 0.0),
                "theft_ratio": max(float(claims["theft"].sum()) / used, 0.0),
                "recovered_ratio": max(float(claims["recovered"].sum()) / back, 0.0) if back > 0 else 0.0,
                "losses": len(size),
                "mean_severity": mean,
                "severity_cv": float(size.std(ddof=1)) / mean if len(size) > 1 else math.nan,
                **_holders(own.rename(columns={"earned": "units"}), rule=rule),
            }
        )
    return pd.DataFrame(rows)


def _holders(owned: pd.DataFrame, *, rule: SharingRule) -> dict[str, object]:
    """How many insureds stand behind it, and whether others may see it."""
    frame = owned[["insured_id", "units"]]
    held = rule.holders(frame, group=pd.Series(np.zeros(len(frame), dtype=np.int64)), groups=1).iloc[0]
    return {str(name): held[name] for name in held.index}


def _write(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    if frame.empty:
        return
    connection.register("fitted_rows", frame)
    try:
        connection.execute(f"insert into {table} by name select * from fitted_rows")
    finally:
        connection.unregister("fitted_rows")
