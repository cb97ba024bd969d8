"""What drives a move between two periods? An exact split into volume, mix, and the links between sums.

A number of a book is a chain over its groups (accounts, lanes, carriers): what was exposed, how it was shared among
them, how often something happened for each unit of it, and how much each of those cost. `decompose` says how much of
the move each link explains, so that the parts, and the groups, add up to the move to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The link that holds what no chain reaches: a cost without an event, an event without exposure.
APART = "not in the chain"
VOLUME, MIX = "volume", "mix"


@dataclass(frozen=True)
class Decomposition:
    """A move, split.

    Attributes
    ----------
    before, now
        The number in both periods.
    parts
        By link, in the order of the chain: how much of the move it explains. They add up to `now - before`.
    frame
        One row a group, by how much of the move it explains, the most first: `key`, each link, `total`. The columns add
        up to `parts`, the rows to `total`, the totals to the move.
    """

    before: float
    now: float
    parts: dict[str, float]
    frame: pd.DataFrame

    @property
    def move(self) -> float:
        """What is explained."""
        return self.now - self.before


def decompose(
    before: pd.DataFrame,
    now: pd.DataFrame,
    *,
    sums: Sequence[str],
    links: Sequence[str],
    is_ratio: bool = False,
    rest: str = "",
    apart: str = APART,
) -> Decomposition:
    """How much of the move of a sum, or of a ratio of sums, does each link of its chain explain, and each group?

    With sums c0, c1, ..., ck by group g, the number is V x sum of s_g x (c1/c0)_g x ... x (ck/ck-1)_g, where V is the
    total of c0 and s_g = c0_g / V the group's share of it. Each link's part is its Shapley value: its effect averaged
    over all orders in which the links could change, so that no order is preferred and nothing is left over. A shift of
    shares counts against the level of the whole: a group that grows adds to a ratio only if it stands above it.

    Where a group has no c0 in one period its links there are those of the other, so that its coming or going is mix
    alone. What stands at the end of a chain that is broken (a cost without an event) is the link `APART`.

    Parameters
    ----------
    before, now
        One row a group: `key` (null: not known) and the columns of `sums`; groups may be missing from either.
    sums
        Columns along the chain, for example premium, losses, incurred.
    links
        Names of the ratios between them, one fewer than `sums`.
    is_ratio
        True: the number is total of the last over total of the first, without volume. False: the total of the last.
    rest
        Column of what is added to the last sum beside the chain, for example losses still to come; none if empty.
    apart
        Name of the link that holds it, and what a broken chain does not reach.

    Examples
    --------
    >>> old = pd.DataFrame({"key": ["a", "b"], "trips": [100, 100], "thefts": [1, 3]})
    >>> new = pd.DataFrame({"key": ["a", "b"], "trips": [100, 200], "thefts": [1, 6]})
    >>> found = decompose(old, new, sums=["trips", "thefts"], links=["frequency"])
    >>> {link: round(part, 6) for link, part in found.parts.items()}
    {'volume': 2.166667, 'mix': 0.833333, 'frequency': 0.0, 'not in the chain': 0.0}

    References
    ----------
    Shorrocks (2013), Journal of Economic Inequality 11:99-126 (Shapley decomposition).
    """
    if len(links) != len(sums) - 1 or not links:
        message = f"{len(sums)} sums have {len(sums) - 1} links between them, not {len(links)}"
        raise ValueError(message)
    columns = [*sums, *([rest] if rest else [])]
    old, new = (_by_group(frame, columns) for frame in (before, now))
    keys = old.index.union(new.index, sort=False)
    wide = [table.reindex(keys, fill_value=0.0).to_numpy(dtype=np.float64) for table in (old, new)]
    tables = [table[:, : len(sums)] for table in wide]
    whole = [table[:, 0].sum() for table in tables]
    chains, left = zip(*(_chain(table, other=other) for table, other in (tables, tables[::-1])), strict=True)
    broken = [part + table[:, len(sums) :].sum(axis=1) for part, table in zip(left, wide, strict=True)]
    scale = [(np.where(total > 0, 1.0, 0.0) if is_ratio else np.float64(total)) for total in whole]
    beyond = [
        rest / total if is_ratio and total > 0 else (np.zeros_like(rest) if is_ratio else rest)
        for rest, total in zip(broken, whole, strict=True)
    ]
    shares = [
        np.divide(table[:, 0], total, out=np.zeros(len(keys)), where=total > 0)
        for table, total in zip(tables, whole, strict=True)
    ]
    factors = [
        np.column_stack([np.full(len(keys), scale[i]), shares[i], chains[i]])
        if len(keys)
        else np.zeros((0, 2 + len(links)))
        for i in (0, 1)
    ]
    parts = _shapley(*factors)
    values = [float((factors[i].prod(axis=1) + beyond[i]).sum()) for i in (0, 1)]
    # A shift of shares sums to nothing, so its level may be taken off: only what stands above the whole is an effect.
    level = np.mean([factor.prod(axis=1).sum() for factor in factors]) if len(keys) else 0.0
    if all(total > 0 for total in whole):
        parts[:, 1] -= (shares[1] - shares[0]) * level
    names = [VOLUME, MIX, *links, apart]
    frame = pd.DataFrame(np.column_stack([parts, beyond[1] - beyond[0]]), columns=names)
    if is_ratio:
        if whole[0] > 0 and whole[1] > 0:
            frame = frame.drop(columns=VOLUME)
        else:
            # Nothing was exposed in one of the periods: all of it is new, or gone.
            frame[MIX] = frame[MIX] + frame.pop(VOLUME)
    shown = list(frame.columns)
    frame.insert(0, "key", keys.to_list())
    frame["total"] = frame[shown].sum(axis=1)
    frame = frame.reindex(frame["total"].abs().sort_values(ascending=False, kind="stable").index).reset_index(drop=True)
    return Decomposition(values[0], values[1], {name: float(frame[name].sum()) for name in shown}, frame)


def _by_group(frame: pd.DataFrame, sums: Sequence[str]) -> pd.DataFrame:
    known = frame.assign(key=frame["key"].astype(object).where(frame["key"].notna(), "not known"))
    return known.groupby("key", sort=True)[list(sums)].sum().astype(float)


def _chain(table: Array, *, other: Array) -> tuple[Array, Array]:
    """The links of each group, and what its chain does not reach.

    A link that cannot be told here, as nothing stands below it, is that of the other period, else 0.
    """
    links = np.zeros((len(table), table.shape[1] - 1))
    reached = table[:, 0].copy()
    for i in range(table.shape[1] - 1):
        here = np.divide(table[:, i + 1], table[:, i], out=np.zeros(len(table)), where=table[:, i] != 0)
        there = np.divide(other[:, i + 1], other[:, i], out=np.zeros(len(table)), where=other[:, i] != 0)
        links[:, i] = np.where(table[:, i] != 0, here, there)
        reached = reached * links[:, i]
    return links, np.where(np.isclose(reached, table[:, -1], rtol=1e-12, atol=0), 0.0, table[:, -1] - reached)


def _shapley(before: Array, now: Array) -> Array:
    """Each factor's part of the change of the product, row by row: its effect averaged over all orders of change."""
    count = before.shape[1]
    parts = np.zeros_like(before)
    for order in permutations(range(count)):
        state = before.copy()
        value = state.prod(axis=1)
        for factor in order:
            state[:, factor] = now[:, factor]
            changed = state.prod(axis=1)
            parts[:, factor] += changed - value
            value = changed
    return parts / factorial(count)
