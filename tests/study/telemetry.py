"""At which size is what was planted in the telemetry of a book found, and how often is something found that is not?

Three truths: a carrier whose devices are dark, a fleet whose devices are dark at thefts, and a month from which a fleet
falls. The verdicts are the product's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from analysis.dark_signals import REFERRAL_CHANCE
from analysis.service_levels import dark_at_loss_test
from analysis.telemetry import falling_units, service_by_unit
from tests.study.fleets import CARRIERS, PLANTED, UPTIME, USUAL_DARK, Fleet, draw_view

#: (part, whole): a share is their quotient.
Tally = dict[str, tuple[float, float]]

SEEDS = 50
TRIPS = (5, 10, 20, 50, 100, 300)
DEVICES = (2, 10)
DARK = (0.10, 0.05)
#: Trips of each other carrier, and their devices.
_OTHERS = (300, 6)
THEFTS = (1, 2, 3, 4, 5, 8, 16)
DARK_AT_THEFTS = (0.8, 0.5, 0.25)
#: Chance that a device of usual darkness is dark within half an hour of a loss window: 1.2% of the time, and blackouts
#: of half an hour that reach into an hour and a half.
CHANCE = 0.05
MONTHLY_TRIPS = (2, 5, 20, 80)
MONTHS_AFTER = (2, 3, 6, 12)
MONTHS_BEFORE = 12
FALLS_TO = (0.10, 0.04)


def dark_carrier(*, seeds: int, trips: Sequence[int] = TRIPS) -> dict[tuple[float, int], dict[int, Tally]]:
    """How often is a carrier named whose devices are dark: by its darkness and devices, and by its trips?"""
    found: dict[tuple[float, int], dict[int, Tally]] = {}
    for dark in DARK:
        for devices in DEVICES:
            found[dark, devices] = {}
            for size in trips:
                tallies = [_one_dark_carrier(seed, dark=dark, devices=devices, trips=size) for seed in range(seeds)]
                found[dark, devices][size] = _add(tallies)
    return found


def _one_dark_carrier(seed: int, *, dark: float, devices: int, trips: int) -> Tally:
    generator = np.random.default_rng([seed, round(1000 * dark), devices, trips])
    others = {f"C{number:02d}": Fleet(_OTHERS[0], _OTHERS[1], [USUAL_DARK]) for number in range(1, CARRIERS)}
    view = draw_view(generator, {PLANTED: Fleet(trips, devices, [dark]), **others})
    verdicts = service_by_unit(view, measure=UPTIME, unit="carrier").frame.set_index("key")["verdict"]
    named = verdicts.isin(["below floor", "outside funnel"])
    return {
        "named": (float(named[PLANTED]), 1.0),
        "others named": (float(named.drop(PLANTED).sum()), float(CARRIERS - 1)),
    }


def dark_at_loss() -> dict[float, dict[int, tuple[int | None, float]]]:
    """How many thefts with a dark device does a question need, and how often are there so many? Exact.

    By the share of thefts at which devices are dark (that of the chance: false questions), and by thefts: the least
    number dark that raises the question (None: no number does), and the chance of that many.
    """
    found: dict[float, dict[int, tuple[int | None, float]]] = {}
    for share in (*DARK_AT_THEFTS, CHANCE):
        found[share] = {}
        for thefts in THEFTS:
            asked = [
                dark
                for dark in range(1, thefts + 1)
                if dark_at_loss_test(dark, [CHANCE] * thefts).p_value < REFERRAL_CHANCE
            ]
            least = asked[0] if asked else None
            chance = float(stats.binom.sf(least - 1, thefts, share)) if least is not None else 0.0
            found[share][thefts] = (least, chance)
    return found


def changed_month(
    *, seeds: int, monthly: Sequence[int] = MONTHLY_TRIPS, after: Sequence[int] = MONTHS_AFTER
) -> dict[tuple[float, int], dict[int, Tally]]:
    """How often is a fall found, and its month: by what the fleet falls to and months since, and by trips a month?"""
    found: dict[tuple[float, int], dict[int, Tally]] = {}
    for dark in FALLS_TO:
        for months in after:
            found[dark, months] = {}
            for trips in monthly:
                tallies = [_one_change(seed, dark=dark, after=months, monthly=trips) for seed in range(seeds)]
                found[dark, months][trips] = _add(tallies)
    return found


def _one_change(seed: int, *, dark: float, after: int, monthly: int) -> Tally:
    generator = np.random.default_rng([seed, round(1000 * dark), after, monthly, 7])
    months = MONTHS_BEFORE + after
    calm = Fleet(monthly * months, _OTHERS[1], [USUAL_DARK] * months)
    fallen = Fleet(monthly * months, _OTHERS[1], [USUAL_DARK] * MONTHS_BEFORE + [dark] * after)
    fleets = {PLANTED: fallen, **{f"C{number:02d}": calm for number in range(1, CARRIERS)}}
    named = {one.key: one for one in falling_units(draw_view(generator, fleets), measure=UPTIME, unit="carrier")}
    first = named[PLANTED].month if PLANTED in named else None
    # January 2025 is the first month after twelve of 2024.
    is_right = first is not None and (first.year, first.month) == (2025, 1)
    return {
        "found": (float(first is not None), 1.0),
        "month right": (float(is_right), float(first is not None)),
        "others named": (float(len(named.keys() - {PLANTED})), float(CARRIERS - 1)),
    }


def _add(tallies: Sequence[Tally]) -> Tally:
    names = tallies[0].keys()
    return {name: (sum(one[name][0] for one in tallies), sum(one[name][1] for one in tallies)) for name in names}


def report(*, seeds: int = SEEDS) -> str:
    """All tables of the study as Markdown."""
    carriers, losses, months = dark_carrier(seeds=seeds), dark_at_loss(), changed_month(seeds=seeds)
    parts = [
        f"{seeds} books for each share.",
        "## A carrier whose devices are dark",
        "Columns: trips of that carrier. Named: below floor or outside the funnel.",
        _table(
            "carrier",
            TRIPS,
            [
                (
                    f"dark {dark:.0%} of the time, {devices} devices: named",
                    [_share(by[size]["named"]) for size in TRIPS],
                )
                for (dark, devices), by in carriers.items()
            ]
            + [("carriers as usual: wrongly named", [_share(_over(carriers, size, "others named")) for size in TRIPS])],
        ),
        "## A fleet dark at thefts",
        f"Columns: thefts of tracked goods. A device is dark near a loss by chance in {CHANCE:.0%} of thefts. Exact.",
        _table(
            "fleet",
            THEFTS,
            [("dark at so many or more raises the question", [str(losses[CHANCE][n][0] or "–") for n in THEFTS])]
            + [
                (f"dark at {share:.0%} of thefts: asked", [f"{losses[share][n][1]:.0%}" for n in THEFTS])
                for share in DARK_AT_THEFTS
            ]
            + [("dark as usual: asked wrongly", [f"{losses[CHANCE][n][1]:.1%}" for n in THEFTS])],
        ),
        "## A month from which a fleet falls",
        f"Columns: trips of the fleet a month; {MONTHS_BEFORE} months before the fall.",
        _table(
            "fleet",
            MONTHLY_TRIPS,
            [
                (
                    f"to {dark:.0%} dark, {after} months since: {name}",
                    [_share(by[size][name]) for size in MONTHLY_TRIPS],
                )
                for (dark, after), by in months.items()
                for name in ("found", "month right")
            ]
            + [
                (
                    "fleets as usual: wrongly named",
                    [_share(_over(months, size, "others named")) for size in MONTHLY_TRIPS],
                )
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _over(found: Mapping[tuple[float, int], Mapping[int, Tally]], size: int, name: str) -> tuple[float, float]:
    tallies = [by[size][name] for by in found.values()]
    return sum(part for part, _ in tallies), sum(whole for _, whole in tallies)


def _share(tally: tuple[float, float]) -> str:
    part, whole = tally
    return f"{part / whole:.1%}" if whole and 0 < part / whole < 0.05 else f"{part / whole:.0%}" if whole else "–"


def _table(first: str, columns: Sequence[int], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    lines = [[first, *(f"{column:,}" for column in columns)], ["---", *["---:"] * len(columns)]]
    lines += [[name, *values] for name, values in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
