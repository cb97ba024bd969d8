"""Which figures of the book's losses may others see: the pattern of development, and what each class comes to?

A figure is shown only where enough insureds stand behind the losses it is made of, and none of them has most of their
amount (analysis/sharing.py): premium alone says nothing of whose losses they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.development import ChainLadder
from analysis.sharing import SharingRule

Array = NDArray[np.float64]

#: In a pooled tail each age develops by so much of what the one before it did.
TAIL_DECAY = 0.5


@dataclass(frozen=True)
class SharedPattern:
    """A pattern of development in which no factor rests on the losses of a few.

    Attributes
    ----------
    factors, to_ultimate, developed_share, relative_error
        At each age in quarters, from 1.
    pooled_from
        The age from which on factors are pooled into one tail; None where each stands alone.
    is_shareable
        Whether others may see it at all: where not, it is the pattern as fitted.
    """

    factors: Array
    to_ultimate: Array
    developed_share: Array
    relative_error: Array
    pooled_from: int | None
    is_shareable: bool


@dataclass(frozen=True)
class SharedClasses:
    """Of which classes may others see a figure?

    Attributes
    ----------
    classes
        Those whose own figure may be seen.
    has_book
        Whether the figure of the whole book may be seen.
    """

    classes: frozenset[str]
    has_book: bool


def passes(owned: pd.DataFrame, *, rule: SharingRule) -> bool:
    """Do enough insureds stand behind these amounts, none with most of them? Nothing at all hides nobody.

    Parameters
    ----------
    owned
        ``insured_id`` and ``units`` (amounts; their sign does not matter).
    """
    each = owned[["insured_id"]].assign(units=owned["units"].abs())
    each = each[each["units"] > 0]
    if each.empty:
        return True
    held = rule.holders(each, group=pd.Series(np.zeros(len(each), dtype=np.int64)), groups=1)
    return bool(held["is_shareable"].iloc[0])


def share_pattern(fitted: ChainLadder, changes: pd.DataFrame, *, rule: SharingRule) -> SharedPattern:
    """What of this pattern may others see? Factors that rest on few are pooled into one tail with all later ones.

    The tail begins at the first age whose changes are those of too few insureds, or earlier, until those of the whole
    tail pass; its product is the one fitted, and falls off by half from age to age, since what single ages did is what
    must not be told. An age at which nothing changed for anybody keeps its factor.

    Parameters
    ----------
    changes
        ``origin``, ``age``, ``insured_id`` and ``units``: by how much the amount of an insured's losses of that quarter
        changed at that age.
    """
    ages = len(fitted.factors)
    errors = relative_errors(fitted)
    fit = SharedPattern(fitted.factors, fitted.to_ultimate, fitted.developed_share, errors, None, is_shareable=False)
    # The factor of age k is made by what changes at age k + 1.
    step = changes["age"] - 2
    hidden = [k for k in range(ages) if not passes(changes[step == k], rule=rule)]
    start = hidden[0] if hidden else ages
    while start < ages and start >= 0 and not passes(changes[step >= start], rule=rule):
        start -= 1
    if start < 0:
        return fit
    factors = fitted.factors.copy()
    if start < ages:
        product = float(np.prod(factors[start:]))
        if not (np.isfinite(product) and product > 0):
            return fit
        weights = TAIL_DECAY ** np.arange(ages - start)
        factors[start:] = product ** (weights / weights.sum())
    pooled = _pooled_errors(fitted, changes, rule=rule)
    if pooled is None:
        return fit
    to_ultimate = np.asarray(np.cumprod(factors[::-1])[::-1], dtype=np.float64)
    return SharedPattern(
        factors, to_ultimate, 1 / to_ultimate, pooled, None if start == ages else start + 1, is_shareable=True
    )


def relative_errors(fitted: ChainLadder) -> Array:
    """By age: the standard error of the ultimate, over it, of the one quarter that is now of that age."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # The last origin is of age 1, the first of the greatest.
        relative = (fitted.standard_error / fitted.ultimate)[::-1]
    return np.asarray(np.where(np.isfinite(relative), relative, 0.0), dtype=np.float64)


def share_classes(candidates: Sequence[str], *parts: pd.DataFrame, rule: SharingRule) -> SharedClasses:
    """Of which classes, and of the book, may others see a figure, so that no difference gives a hidden one away?

    The book less the classes shown is the figure of the rest: where the rest would not pass, the smallest class joins
    it, until it does. Where not even the book passes, it is hidden, and each class stands for itself.

    Parameters
    ----------
    candidates
        Classes that have a figure.
    parts
        ``product``, ``insured_id`` and ``units`` of each thing that the figure is made of (premium, losses): all of
        them have to pass.
    """

    def passing(chosen: Sequence[str] | None, *, but: Sequence[str] = ()) -> bool:
        return all(
            passes(part[part["product"].isin(chosen) if chosen is not None else ~part["product"].isin(but)], rule=rule)
            for part in parts
        )

    def weight(product: str) -> float:
        return float(parts[0].loc[parts[0]["product"] == product, "units"].sum())

    alone = sorted((one for one in candidates if passing([one])), key=lambda one: (weight(one), one))
    for left_out in range(len(alone) + 1):
        if passing(None, but=alone[left_out:]):
            return SharedClasses(frozenset(alone[left_out:]), has_book=True)
    return SharedClasses(frozenset(alone), has_book=False)


def _pooled_errors(fitted: ChainLadder, changes: pd.DataFrame, *, rule: SharingRule) -> Array | None:
    """Relative errors by age, pooled over neighbours until the quarters behind each pass; None where they never do."""
    ages = len(fitted.factors)
    pools: list[list[int]] = []
    under_way: list[int] = []
    # A quarter's place from the latest is its age less one.
    for place in range(ages - 1, -1, -1):
        under_way.append(place)
        if passes(changes[changes["origin"].isin(under_way)], rule=rule):
            pools.append(under_way)
            under_way = []
    if under_way:
        if not pools:
            return None
        pools[-1] = pools[-1] + under_way
        if not passes(changes[changes["origin"].isin(pools[-1])], rule=rule):
            return None
    error, ultimate = (np.nan_to_num(part[::-1]) for part in (fitted.standard_error, fitted.ultimate))
    found = np.zeros(ages)
    for pool in pools:
        total = float(ultimate[pool].sum())
        found[pool] = float(error[pool].sum()) / total if total > 0 else 0.0
    return found
