"""How do claims of the whole book grow as they age, and what do they come to per premium? Written at publication.

An account has too few claims to show either: its young periods are completed by the book's pattern and by the loss
ratio of its class (Bornhuetter-Ferguson, analysis/claim_expected.py).
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.claim_expected import expected_rows, fit_classes
from analysis.claim_sharing import SharedPattern, relative_errors, share_pattern
from analysis.development import ChainLadder, chain_ladder
from analysis.sharing import SharingRule
from analysis.triangles import Triangle, build_triangle

Array = NDArray[np.float64]

_TABLES = ("claim_pattern", "claim_origin", "claim_reserve", "claim_class", "claim_expected")
_GROWTH = """
select origin, age, insured_id, sum(gross_base)::double as gross, sum(recovered_base)::double as recovered
from claim_valuation
group by origin, age, insured_id
order by origin, age, insured_id
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
select product, insured_id, event_base::double as size
from claim_service
where is_loss
order by product, claim_id
"""


def fit_claims(connection: duckdb.DuckDBPyConnection, *, rule: SharingRule) -> None:
    """How do the book's claims develop, and what does each class of policy lose per premium?

    Fills `claim_pattern`, `claim_origin`, `claim_reserve`, `claim_class` and `claim_expected`. Without claims, without
    dates of loss or without earned premium what needs them stays empty.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose marts are built.
    rule
        Of whose losses and premium a figure is made that others may see.
    """
    for table in _TABLES:
        connection.execute(f"delete from {table}")
    growth = connection.execute(_GROWTH).df()
    # A portfolio without claims has no table of them to ask either.
    if growth.empty:
        return
    ((known_to,),) = connection.execute(
        "select coalesce(max(f.as_of), any_value(s.data_date)) from snapshot as s"
        " left join feed as f on f.name in (select _feed from claim)"
    ).fetchall()
    if known_to is None:
        return
    patterns: dict[str, SharedPattern | None] = {}
    for kind in ("gross", "recovered"):
        fitted = chain_ladder(quarter_triangle(growth, kind=kind))
        patterns[kind] = None
        if fitted.state != "too short":
            shared = share_pattern(fitted, growth.rename(columns={kind: "units"}), rule=rule)
            patterns[kind] = shared
            _write(connection, "claim_pattern", _pattern_rows(fitted, shared, kind=kind))
        _write(connection, "claim_origin", _origin_rows(fitted, kind=kind, known_to=known_to))
        _write(connection, "claim_reserve", _reserve_row(fitted, kind=kind))
    earned = connection.execute(_EARNED).df()
    if len(earned):
        lost, sizes = connection.execute(_LOST).df(), connection.execute(_SIZES).df()
        classes = fit_classes(earned, lost, sizes, patterns=patterns, known_to=known_to, rule=rule)
        _write(connection, "claim_class", classes)
        _write(connection, "claim_expected", expected_rows(earned, classes, patterns=patterns, known_to=known_to))


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


def _pattern_rows(fitted: ChainLadder, shared: SharedPattern, *, kind: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": kind,
            "age": np.array(fitted.triangle.ages),
            "factor": fitted.factors,
            "sigma": fitted.sigma,
            "pairs": fitted.pairs,
            "to_ultimate": fitted.to_ultimate,
            "developed_share": fitted.developed_share,
            "relative_error": relative_errors(fitted),
            "shared_factor": shared.factors,
            "shared_to_ultimate": shared.to_ultimate,
            "shared_developed_share": shared.developed_share,
            "shared_relative_error": shared.relative_error,
            "pooled_from": shared.pooled_from,
            "is_shareable": shared.is_shareable,
        }
    ).astype({"pooled_from": "Int64"})


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


def _write(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    if frame.empty:
        return
    connection.register("fitted_rows", frame)
    try:
        connection.execute(f"insert into {table} by name select * from fitted_rows")
    finally:
        connection.unregister("fitted_rows")
