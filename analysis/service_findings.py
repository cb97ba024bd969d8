"""What do the service levels say together, in words: is a level met, and can the telemetry be trusted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from analysis.dark_signals import LossSignals
from analysis.service_changes import ServiceChange
from analysis.telemetry import FallingUnit, ServiceUnits, ServiceValue

Status = Literal["meets target", "may meet target", "misses target", "below floor", "no target", "not known"]

MINUS = "\N{MINUS SIGN}"
#: Under so many trips nothing is said of the whole.
LEAST_TRIPS = 30
_WATCHING = ("uptime", "completeness")
_REACHING = ("coverage", "protected_share")


def service_status(value: ServiceValue) -> Status:
    """Is a service level met, and is that sure? By its interval, never by its value alone.

    *meets target* where even the low end of the interval does, *misses target* where even the high end does not, *below
    floor* where the high end is under the floor, and *may meet target* where the interval holds the target.
    """
    measure = value.measure
    if value.value is None:
        return "not known"
    if measure.target is None or measure.better != "higher":
        return "no target"
    if value.interval is None:
        return "not known"
    low, high = value.interval
    if measure.floor is not None and high < measure.floor:
        return "below floor"
    if low >= measure.target:
        return "meets target"
    return "misses target" if high < measure.target else "may meet target"


def budget_words(value: ServiceValue) -> str:
    """What is left of what the target lets it miss, without a full stop; empty where there is no target.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> budget_words(Some(budget=Some(left=0.284, used=5.0)))
    '28% of budget left'
    >>> budget_words(Some(budget=Some(left=-1.86, used=5.0)))
    'missed 2.9 times what it allows'
    """
    if value.budget is None:
        return ""
    left = value.budget.left
    if left is None:
        return "it allows no miss" if value.budget.used > 0 else "nothing missed"
    if left >= 0:
        return f"{100 * left:.0f}% of budget left"
    times = 1 - left
    return f"missed {times:.1f} times what it allows" if times < 10 else f"missed {times:.0f} times what it allows"


def points_words(change: float) -> str:
    """A change of a share in points, signed.

    Examples
    --------
    >>> points_words(-0.0123), points_words(0.0004), points_words(0.0)
    ('−1.2 points', '+0.04 points', 'no change')
    """
    points = 100 * abs(change)
    if points < 0.005:
        return "no change"
    text = f"{points:.2f}" if points < 0.1 else f"{points:.1f}"
    return f"{'+' if change > 0 else MINUS}{text} points"


def chance_words(change: ServiceChange) -> str:
    """Is a change news, in a word that a card has room for?"""
    if change.interval is None:
        return "not judged"
    return "signal" if change.is_signal else "noise"


def change_words(change: ServiceChange, *, against: str) -> str:
    """How did a level move, and does chance explain it? One sentence without its full stop; empty where not known.

    Parameters
    ----------
    against
        What it is compared with: "Jul 2024 – Jun 2025".
    """
    if change.change is None or change.before is None:
        return ""
    lead = f"{points_words(change.change)} against {against} ({change.measure.words(change.before)})"
    if change.interval is None:
        return f"{lead}; whether that is chance cannot be told"
    low, high = (points_words(end).removesuffix(" points").replace("no change", "0") for end in change.interval)
    told = "a signal, more than chance explains" if change.is_signal else "noise, as chance alone explains it"
    return f"{lead}: {told} (99% interval {low} to {high} points)"


def trust_words(values: Mapping[str, ServiceValue]) -> str:
    """Can the insured's telemetry be trusted? One sentence without its full stop.

    Parameters
    ----------
    values
        As of `analysis.telemetry.service_values`, with uptime, completeness, coverage and protected share.
    """
    uptime, coverage, protected = (values[key] for key in ("uptime", "coverage", "protected_share"))
    if uptime.value is None:
        if coverage.value == 0:
            return f"There is nothing to trust: none of {coverage.n:,.0f} trips with goods carried a device"
        return "It cannot be told: no trip with goods and a device has a known window here"
    watched = f"tracked trips were watched {uptime.words()} of the time"
    if uptime.interval is not None:
        low, high = (uptime.measure.words(end) for end in uptime.interval)
        watched += f" (95% interval {low} to {high}; target {uptime.measure.words(uptime.measure.target)})"
    reached = ""
    if coverage.value is not None and protected.value is not None:
        reached = (
            f"{coverage.words()} of trips carried a device, and {protected.words()} were protected from end to end"
        )
    if uptime.n < LEAST_TRIPS:
        few = f"{uptime.n:,.0f} tracked {'trip is' if round(uptime.n) == 1 else 'trips are'} too few to say"
        return f"It cannot be told yet, as {few}: {watched}; {reached}".rstrip("; ")
    watching = {service_status(values[key]) for key in _WATCHING}
    reaching = {service_status(values[key]) for key in _REACHING if values[key].value is not None}
    if "below floor" in watching:
        return f"No: {watched}; {reached}".rstrip("; ")
    if watching | reaching == {"meets target"}:
        return f"Yes: {watched}; {reached}".rstrip("; ")
    if reaching & {"below floor", "misses target"}:
        return f"Only in part: {watched}, but only {reached}"
    return f"In part: {watched}; {reached}".rstrip("; ")


def in_service_words(value: ServiceValue) -> str:
    """What do devices that were never assigned say? One sentence without its full stop."""
    if value.value is None:
        return "It cannot be told: no device was heard twice on a day of this selection"
    ends = ""
    if value.interval is not None:
        low, high = (value.measure.words(end) for end in value.interval)
        ends = f" (95% interval {low} to {high})"
    days = f"{value.n:,.0f} device-{'day' if round(value.n) == 1 else 'days'}"
    return (
        f"Not evaluable: no device is assigned to a trip, so it is not known whether goods were watched. On {days} the"
        f" devices were in service {value.words()} of the time{ends}: an estimate that is never scored"
    )


def carrier_words(units: ServiceUnits, *, falling: Sequence[FallingUnit], most: int = 3) -> str:
    """Which carriers stand out, and whose devices got worse for good? Sentences with full stops; empty where none."""
    words = units.measure.words
    sentences = []
    for verdict, title in (
        ("below floor", "Below the floor"),
        ("outside funnel", "Worse than chance and usual differences explain"),
    ):
        found = units.frame[units.frame["verdict"] == verdict]
        if len(found):
            named = [f"{row.label} ({words(float(str(row.value)))})" for row in found.head(most).itertuples()]
            rest = f" and {len(found) - most} more" if len(found) > most else ""
            sentences.append(f"{title}: {', '.join(named)}{rest}.")
    worse = [one for one in falling if one.after < one.before]
    if worse:
        told = [
            f"{one.label}, from {words(one.before)} to {words(one.after)} in {one.month:%b %Y}" for one in worse[:most]
        ]
        rest = f" and {len(worse) - most} more" if len(worse) > most else ""
        sentences.append(f"Fell for good: {'; '.join(told)}{rest}.")
    return " ".join(sentences)


def loss_words(signals: LossSignals, *, most: int = 3) -> str:
    """Is the dark at losses a question for the referral? Sentences with full stops."""
    total = signals.total
    if total is None:
        return "No goods with a device were stolen in this selection."
    all_thefts = f"{total.thefts} theft{'' if total.thefts == 1 else 's'} of tracked goods"
    lead = f"At {total.dark} of {all_thefts} the device was dark, where {total.expected:.1f} were to be expected"
    asked = signals.frame[signals.frame["referral"].astype(bool)]
    if asked.empty:
        return f"{lead}. No {signals.by} stands out beyond chance: nothing to ask."
    named = [
        f"{row.label} ({row.dark} of {row.thefts}, {row.expected:.1f} expected)"
        for row in asked.head(most).itertuples()
    ]
    rest = f" and {len(asked) - most} more" if len(asked) > most else ""
    return (
        f"{lead}. Ask why at {', '.join(named)}{rest}. It is a question for the referral, not a debit:"
        " a thief's jammer does the same as a device switched off."
    )
