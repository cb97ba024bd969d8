"""How did losses of each year grow as it aged? Triangles of cumulative amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Triangle:
    """Cumulative amounts by origin (a year of loss) and age.

    Attributes
    ----------
    origins, ages
        Of the rows and columns, ascending.
    amounts
        (origins, ages): cumulative; not a number where unknown.
    """

    origins: tuple[Any, ...]
    ages: tuple[Any, ...]
    amounts: Array

    @property
    def known(self) -> Mask:
        """Which cells are known."""
        return np.isfinite(self.amounts)

    @property
    def latest_age(self) -> NDArray[np.int64]:
        """Place in ``ages`` of each origin's last known cell; -1 where it has none."""
        return np.asarray((np.arange(1, len(self.ages) + 1) * self.known).max(axis=1, initial=0) - 1, dtype=np.int64)

    @property
    def latest(self) -> Array:
        """Each origin's last known amount; not a number where it has none."""
        rows, age = np.arange(len(self.origins)), self.latest_age
        return np.where(age >= 0, self.amounts[rows, age], np.nan) if len(self.ages) else np.full(len(rows), np.nan)

    @property
    def gaps(self) -> int:
        """Unknown cells between known ones of the same origin."""
        known = self.known
        return int((~known & (np.cumsum(known, axis=1) > 0) & (np.cumsum(known[:, ::-1], axis=1)[:, ::-1] > 0)).sum())

    @property
    def falls(self) -> int:
        """Steps in which a cumulative amount falls (a reserve taken down, money recovered)."""
        return int((np.diff(self.amounts, axis=1) < 0).sum())


def build_triangle(
    origin: Sequence[Any],
    age: Sequence[Any],
    cumulative: ArrayLike,
    *,
    origins: Sequence[Any] = (),
    ages: Sequence[Any] = (),
) -> Triangle:
    """How do rows (origin, age, cumulative amount) look as a triangle?

    Parameters
    ----------
    origin, age, cumulative
        One row each; an amount that is not a number is unknown.
    origins, ages
        All that the triangle shall have, in order, also such without a row. Empty: those of the rows, ascending.

    Raises
    ------
    ValueError
        Columns differ in length, two rows are of the same cell, or a row is of no origin or age asked for.

    Examples
    --------
    >>> build_triangle([2024, 2024, 2025], [12, 24, 12], [100, 150, 80]).amounts.tolist()
    [[100.0, 150.0], [80.0, nan]]
    """
    amounts = np.atleast_1d(np.asarray(cumulative, dtype=np.float64))
    if not len(origin) == len(age) == len(amounts):
        message = f"{len(origin)} origins, {len(age)} ages and {len(amounts)} amounts do not fit"
        raise ValueError(message)
    rows = tuple(origins) or tuple(sorted(set(origin)))
    columns = tuple(ages) or tuple(sorted(set(age)))
    row_of, column_of = ({name: place for place, name in enumerate(names)} for names in (rows, columns))
    cells = np.full((len(rows), len(columns)), np.nan)
    seen = set()
    for cell, amount in zip(zip(origin, age, strict=True), amounts.tolist(), strict=True):
        if cell in seen:
            message = f"two amounts for origin {cell[0]} at age {cell[1]}: sum them first"
            raise ValueError(message)
        if cell[0] not in row_of or cell[1] not in column_of:
            message = f"origin {cell[0]} at age {cell[1]} is not among those asked for"
            raise ValueError(message)
        seen.add(cell)
        cells[row_of[cell[0]], column_of[cell[1]]] = amount
    return Triangle(rows, columns, cells)
