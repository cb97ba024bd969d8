"""What is still to come of each account's losses, month by month? Reckoned once, at publication, for everybody alike.

Expected losses are the earned premium times the loss ratio of its class; of these comes what is not known yet at their
age (Bornhuetter-Ferguson). Whoever looks at an account gets the same number, so that it rests only on what everybody
may see: a class of too few insureds is taken as the whole book. Where not even the book may be shown, the number is
kept for those who see the book, and marked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.claim_sharing import SharedClasses, SharedPattern, share_classes
from analysis.development import bornhuetter_ferguson
from analysis.sharing import SharingRule

Array = NDArray[np.float64]

#: A class with fewer losses is taken as the whole book.
LEAST_LOSSES = 30
#: Days in a quarter of a year, on average.
QUARTER_DAYS = 365.25 / 4
#: No age at which less of the ultimate is known is taken at its word: a division by it would be a guess.
LEAST_SHARE = 0.02
#: What tells each figure of a class whether others may see it.
_FLAGS = {
    "ratio": "is_shareable",
    "theft_ratio": "is_theft_shareable",
    "recovered_ratio": "is_recovered_shareable",
    "mean_severity": "is_size_shareable",
}


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


def quarters_ago(months: pd.Series[Any], *, known_to: date) -> Array:
    """How many quarters before the data's date did the middle of each month lie? Of the month under way, its part."""
    first = np.asarray(months, dtype="datetime64[D]")
    end = np.datetime64(known_to, "D") + 1
    following = (first.astype("datetime64[M]") + 1).astype("datetime64[D]")
    begun = (end - first).astype(np.float64)
    ended = np.maximum((end - following).astype(np.float64), 0.0)
    days: Array = np.maximum((begun + ended) / 2, 0.0)
    return days / QUARTER_DAYS


def fit_classes(
    earned: pd.DataFrame,
    lost: pd.DataFrame,
    sizes: pd.DataFrame,
    *,
    patterns: Mapping[str, SharedPattern | None],
    known_to: date,
    rule: SharingRule,
) -> pd.DataFrame:
    """Ultimate loss ratio and sizes of each kind of policy, and of the book, and which of them others may see.

    Ratio = incurred / (earned premium x share of its losses known by now): what the years that are known well come to
    weighs more than the young ones (Stanard 1985, PCAS 72:124-148; "Cape Cod"). A ratio is shown by the holders of its
    premium and of its losses, sizes by those of the losses.

    Parameters
    ----------
    earned
        ``product``, ``insured_id``, ``month`` and ``earned``.
    lost
        By the same: ``incurred``, ``theft`` and ``recovered``.
    sizes
        ``product``, ``insured_id`` and ``size`` of each loss.
    patterns
        Of "gross" and "recovered".
    """
    ago = quarters_ago(earned["month"], known_to=known_to)
    gross, back = (_pattern(patterns[kind]).share_at(ago) for kind in ("gross", "recovered"))
    earned = earned.assign(used=earned["earned"] * gross, used_back=earned["earned"] * back)
    # Losses of months for which nothing was earned have no premium to be set against.
    covered = lost.merge(earned[["insured_id", "month"]].drop_duplicates(), on=["insured_id", "month"])
    rows = []
    for product in [None, *sorted(earned["product"].dropna().unique())]:
        own, claims, each = (
            part if product is None else part[part["product"] == product] for part in (earned, covered, sizes)
        )
        used, used_back = float(own["used"].sum()), float(own["used_back"].sum())
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
                "recovered_ratio": max(float(claims["recovered"].sum()) / used_back, 0.0) if used_back > 0 else 0.0,
                "losses": len(size),
                "mean_severity": mean,
                "severity_cv": float(size.std(ddof=1)) / mean if len(size) > 1 and mean > 0 else math.nan,
            }
        )
    if not rows:
        return pd.DataFrame()
    found = pd.DataFrame(rows)
    shared = _shared(found, earned, covered, sizes, rule=rule)
    named = found["product"].notna()
    return found.assign(
        **{
            _FLAGS[figure]: np.where(named, found["product"].isin(one.classes), one.has_book)
            for figure, one in shared.items()
        }
    )


def expected_rows(
    earned: pd.DataFrame, classes: pd.DataFrame, *, patterns: Mapping[str, SharedPattern | None], known_to: date
) -> pd.DataFrame:
    """What is still to come of each insured's losses of each month, and how large losses of its classes are.

    Returns
    -------
    DataFrame
        `insured_id`, `month`; `to_come`, `theft_to_come`, `back_to_come` (null: no development is known) and
        `relative_error`; `size_mean` and `size_cv` of its classes' losses, weighed by premium; and whether others may
        see what each rests on: `is_shareable`, `is_theft_shareable`, `is_back_shareable`, `is_size_shareable`.
    """
    if classes.empty:
        return pd.DataFrame()
    ago = quarters_ago(earned["month"], known_to=known_to)
    premium = np.maximum(earned["earned"].to_numpy(dtype=np.float64), 0.0)
    frame = earned[["insured_id", "month"]].assign(relative_error=_pattern(patterns["gross"]).error_at(ago))
    ratio, is_shown = _of_class(earned["product"], classes, "ratio")
    theft, is_theft_shown = _theft_share(earned["product"], classes)
    back, is_back_shown = _of_class(earned["product"], classes, "recovered_ratio")
    for name, flag, a_priori, is_told, kind in (
        ("to_come", "is_shareable", ratio, is_shown, "gross"),
        ("theft_to_come", "is_theft_shareable", ratio * theft, is_shown & is_theft_shown, "gross"),
        ("back_to_come", "is_back_shareable", back, is_back_shown, "recovered"),
    ):
        shared = patterns[kind]
        if shared is None:
            # Not known, which is not the same as hidden.
            frame[name], frame[flag] = np.nan, True
            continue
        found = bornhuetter_ferguson(
            np.zeros(len(frame)), developed_share=_pattern(shared).share_at(ago), premium=premium, a_priori=a_priori
        )
        frame[name], frame[flag] = found.reserve, is_told & shared.is_shareable
    mean, is_shown = _of_class(earned["product"], classes, "mean_severity")
    spread, _ = _of_class(earned["product"], classes, "severity_cv", flagged="mean_severity")
    frame = frame.assign(premium=premium, is_size_shareable=is_shown, **size_moments(premium, mean=mean, cv=spread))
    summed = ["to_come", "theft_to_come", "back_to_come"]
    grouped = frame.groupby(["insured_id", "month"], dropna=False, sort=True)
    flags = ["is_shareable", "is_theft_shareable", "is_back_shareable", "is_size_shareable"]
    sums = grouped[summed].sum(min_count=1).join(grouped["relative_error"].max()).join(grouped[flags].all())
    sizes = grouped[["size_weight", "size_first", "size_second"]].sum()
    size_mean, size_cv = mixed_sizes(*(sizes[name].to_numpy(dtype=np.float64) for name in sizes))
    return sums.assign(size_mean=size_mean, size_cv=size_cv).reset_index()


def size_moments(weight: Array, *, mean: Array, cv: Array) -> dict[str, Array]:
    """Weight, and weighed first and second moments, of sizes of losses: what adds up over accounts and classes."""
    known = np.isfinite(mean) & np.isfinite(cv) & (weight > 0)
    return {
        "size_weight": np.where(known, weight, 0.0),
        "size_first": np.where(known, weight * mean, 0.0),
        "size_second": np.where(known, weight * mean**2 * (1 + cv**2), 0.0),
    }


def mixed_sizes(weight: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Mean and coefficient of variation of a mixture of sizes; not a number without any.

    Examples
    --------
    >>> sums = size_moments(np.array([3.0, 1.0]), mean=np.array([100.0, 300.0]), cv=np.array([0.0, 0.0]))
    >>> [part.round(4).tolist() for part in mixed_sizes(*(np.array([one.sum()]) for one in sums.values()))]
    [[150.0], [0.5774]]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(weight > 0, first / weight, np.nan)
        cv = np.sqrt(np.maximum(second / weight / mean**2 - 1, 0.0))
    return mean, np.where(weight > 0, cv, np.nan)


def _pattern(shared: SharedPattern | None) -> Pattern:
    if shared is None:
        return Pattern()
    return Pattern(tuple(shared.developed_share.tolist()), tuple(shared.relative_error.tolist()))


def _shared(
    classes: pd.DataFrame, earned: pd.DataFrame, covered: pd.DataFrame, sizes: pd.DataFrame, *, rule: SharingRule
) -> dict[str, SharedClasses]:
    """By figure: of which classes others may see it."""
    named = [str(one) for one in classes["product"].dropna()]
    losses = covered.assign(other=covered["incurred"] - covered["theft"])
    premium = earned.rename(columns={"earned": "units"})
    incurred, theft, other, recovered = (
        losses.rename(columns={name: "units"}) for name in ("incurred", "theft", "other", "recovered")
    )
    size = sizes.rename(columns={"size": "units"})
    return {
        "ratio": share_classes(named, premium, incurred, rule=rule),
        # Beside the ratio of all losses that of theft tells that of the others.
        "theft_ratio": share_classes(named, premium, theft, other, rule=rule),
        "recovered_ratio": share_classes(named, premium, recovered, rule=rule),
        # As many losses as amounts: of neither may most be one insured's.
        "mean_severity": share_classes(named, size, size.assign(units=1.0), rule=rule),
    }


def _theft_share(products: pd.Series[Any], classes: pd.DataFrame) -> tuple[Array, NDArray[np.bool_]]:
    """Theft's share of what is expected, so that it never exceeds the whole, and whether others may see it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(classes["ratio"] > 0, np.minimum(classes["theft_ratio"] / classes["ratio"], 1.0), 0.0)
    return _of_class(products, classes.assign(theft_share=share), "theft_share", flagged="theft_ratio")


def _of_class(
    products: pd.Series[Any], classes: pd.DataFrame, figure: str, *, flagged: str = ""
) -> tuple[Array, NDArray[np.bool_]]:
    """A figure of each product's class, and whether others may see it: the book's where they may not see the class's.

    Where they may not see the book's either, it is the class's own if there is one.
    """
    shown = classes[_FLAGS[flagged or figure]].astype(bool)
    names = [name if isinstance(name, str) else None for name in classes["product"]]
    values = dict(zip(names, classes[figure], strict=True))
    told = set(classes.loc[shown & classes["product"].notna(), "product"])
    has_book = bool((shown & classes["product"].isna()).any())
    whole = float(values.get(None, math.nan))

    def value(product: str | None) -> float:
        return float(values.get(product, whole)) if product in told or not has_book else whole

    keys = [product if isinstance(product, str) else None for product in products]
    return np.array([value(key) for key in keys], dtype=np.float64), np.array(
        [has_book or key in told for key in keys], dtype=np.bool_
    )
