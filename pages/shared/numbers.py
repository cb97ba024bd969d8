"""Numbers as a person reads them: at most three significant digits, always with their unit."""

from __future__ import annotations

import math
from typing import Literal

from analysis.measures import magnitude, significant

Unit = Literal["count", "amount", "percent", "ratio", "rate", "number", "days", "hours", "minutes", "km", "kg"]

MISSING = "—"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
_SUFFIXES: dict[str, str] = {"days": "days", "hours": "h", "minutes": "min", "km": "km", "kg": "kg"}
#: A change under half a per mille is none: it would round to 0.0%.
SMALLEST_CHANGE = 0.0005


def format_value(value: float | None, unit: Unit = "number", *, currency: str = "", per: str = "") -> str:
    """What does this number look like on a card, an axis or in a sentence?

    Three significant digits, thousands as k, M, bn. A `percent` is given as its
    share. What is not known, not a number or infinite is a dash, never 0.

    Parameters
    ----------
    value
        The number.
    unit
        What it counts or measures.
    currency
        Put before an amount.
    per
        Put behind a rate: "1,000 shipments" gives "2.4 per 1,000 shipments".

    Examples
    --------
    >>> format_value(1_627_584_457.29, "amount", currency="USD").replace(NO_BREAK, " ")
    'USD 1.63bn'
    >>> format_value(0.8851, "percent")
    '88.5%'
    """
    if value is None or not math.isfinite(value):
        return MISSING
    # A number and its interval are read together: minutes stay minutes, and 1,440 is no 1.44k.
    plain = significant(value) if unit == "minutes" else magnitude(value)
    text = _signed(f"{significant(value * 100)}%" if unit == "percent" else plain)
    if unit == "amount" and currency:
        text = f"{currency}{NO_BREAK}{text}"
    elif unit in _SUFFIXES:
        text = f"{text}{NO_BREAK}{_singular(unit, text)}"
    return f"{text} per {per}" if per else text


def format_change(value: float | None, previous: float | None, unit: Unit = "number") -> str | float | None:
    """How did it change against the comparison: "+12%", "-3.4%", "×4.2", 0 for no change, None where it cannot be told?

    From nothing to something is no percentage: the text then says "from 0". A share changes by points.
    """
    if value is None or previous is None or not (math.isfinite(value) and math.isfinite(previous)):
        return None
    if value == previous:
        return 0
    if unit == "percent":
        points = significant(abs(value - previous) * 100, 2)
        return f"{'+' if value > previous else '-'}{points} pts"
    if previous == 0:
        return "from 0" if value > 0 else "-from 0"
    if previous < 0:
        return None
    change = value / previous - 1
    if abs(change) < SMALLEST_CHANGE:
        return 0
    if change >= 3:
        return f"×{significant(value / previous, 2)}"
    percent = significant(abs(change) * 100, 2)
    # Streamlit takes the arrow's direction from a hyphen; a minus sign would read as a rise.
    return f"{'+' if change > 0 else '-'}{percent}%"


def count_words(count: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 claim", "8,667 claims"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _singular(unit: Unit, text: str) -> str:
    return "day" if unit == "days" and text == "1" else _SUFFIXES[unit]


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
