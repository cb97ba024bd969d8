"""Where do signals die, and were devices dark when goods were stolen?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import h3
import numpy as np
import pandas as pd

from analysis.place_names import name_cells
from analysis.selection import STORED_RESOLUTIONS
from analysis.service_levels import DarkAtLoss, dark_at_loss_test
from data.portfolio import View

#: A referral question is asked below this chance.
REFERRAL_CHANCE = 0.05
#: An account's own darkness is judged from at least so many hours; else the view's is taken.
LEAST_HOURS = 100.0
#: An area is one where signals die, if a report there is lost for good so many times as often as elsewhere.
DEAD_RATIO, LEAST_BLACKOUTS = 2.0, 5
_BY = {"insured": "insured_id", "carrier": "carrier_id"}
_LOSSES = """
select incident_id, occurred_at, insured_id, carrier_id, lane_id, trip_id, device_id, is_dark, around_s
from loss_signal
order by occurred_at, incident_id
"""
# Trips that were robbed say nothing of how dark a device usually is.
_USUAL = """
select {by} as key, sum(part * dark_s) as dark_s, sum(part * blackouts) as blackouts, sum(part * window_s) as window_s
from trip_telemetry
where is_due and slots_due is not null and trip_no not in (select trip_no from loss_signal)
group by {by}
"""
_AREAS = """
with
died as (
    select {cell} as cell, count(*)::double as blackouts, (sum(dark_s) / 3600)::double as dark_hours
    from trip_blackout
    group by {cell}
),
heard as (
    select {cell} as cell, sum(pings)::double as positions from ping_fact where {cell} is not null group by {cell}
),
stolen as (
    select {cell} as cell, count(*)::double as thefts
    from incident_fact
    where {cell} is not null and source = 'own' and not is_attempt
    group by {cell}
),
final as (
    select
        cell, coalesce(d.blackouts, 0) as blackouts, coalesce(d.dark_hours, 0) as dark_hours,
        coalesce(h.positions, 0) as positions, coalesce(s.thefts, 0) as thefts
    from died as d
    full join heard as h using (cell)
    full join stolen as s using (cell)
)
select * from final
"""
_NAMES = {
    "insured": "select insured_id as key, name as label from insured",
    "carrier": "select carrier_id as key, coalesce(name, carrier_id) as label from carrier",
}


@dataclass(frozen=True)
class LossSignals:
    """Thefts of tracked goods, and at how many the device was dark.

    Attributes
    ----------
    frame
        One row an account (or carrier), the least likely by chance first: `key`, `label`, `thefts` (of tracked goods),
        `dark` (device dark within 30 minutes of the loss window), `expected` (were it no darker than on the trips
        that were not robbed), `chance` (at one theft), `p_value` (of so many or more, binomial), `referral` (whether
        p_value is below 5%), `own_hours` (watched hours that `chance` rests on), `is_own` (else it is the view's).
    total
        The same over all of the view; None without a theft of tracked goods.
    by
        insured or carrier.
    rows
        The thefts: `incident_id`, `occurred_at` (UTC), `insured_id`, `carrier_id`, `lane_id`, `trip_id`, `device_id`,
        `is_dark`.
    caveats
        Sentences without full stop.
    """

    frame: pd.DataFrame
    total: DarkAtLoss | None
    by: Literal["insured", "carrier"]
    rows: pd.DataFrame
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class DeadAreas:
    """Where devices fall silent.

    Attributes
    ----------
    frame
        One row an H3 cell, the most dark hours first: `cell`, `label`, `latitude`, `longitude`, `blackouts` (that begin
        there), `dark_hours`, `positions` (fixes there), `per_1000` (blackouts per 1,000 positions), `ratio` (to the
        view's), `thefts` (own, attempts not counted, that are placed there), `is_dead` (see `DEAD_RATIO`).
    resolution
        Of the cells.
    per_1000
        Over all cells.
    blackouts, placed
        Blackouts in the view, and those whose last fix (or departure) is known.
    dead_positions, dead_thefts, thefts
        Share of all positions in areas where signals die, thefts there, and all placed thefts.
    caveats
        Sentences without full stop.
    """

    frame: pd.DataFrame
    resolution: int
    per_1000: float
    blackouts: int
    placed: int
    dead_positions: float
    dead_thefts: int
    thefts: int
    caveats: tuple[str, ...]


def dark_at_loss(view: View, *, by: Literal["insured", "carrier"] = "insured") -> LossSignals:
    """Were devices dark at thefts more often than they are anyhow?

    A theft counts where its goods had a device and had not arrived. Dark means that a blackout reaches into the loss
    window or the half hour before or after it. The chance of that at one theft, with window and margins lasting L, is
    (dark seconds + blackouts x L) / seconds of the windows, over the trips that were not robbed: the usual share of
    moments from which L on some blackout is met. It is a question for the referral, never a debit: it may be a jammer.
    """
    rows = view.frame(_LOSSES)
    losses = rows[[_BY[by], "around_s", "is_dark"]].dropna(subset=_BY[by])
    sums = view.rows(_USUAL.format(by=_BY[by])) if len(losses) else []
    usual = {key: np.array([float(value or 0) for value in values]) for key, *values in sums}
    everywhere = np.sum([*usual.values(), np.zeros(3)], axis=0)
    found = []
    chances_of_all: list[float] = []
    dark_of_all = 0
    for key, part in losses.groupby(_BY[by]):
        own = usual.get(key, np.zeros(3))
        is_own = bool(own[2] >= LEAST_HOURS * 3600)
        dark_s, blackouts, window_s = own if is_own else everywhere
        around = part["around_s"].to_numpy(dtype=float)
        chances = np.clip((dark_s + blackouts * around) / window_s, 0, 1) if window_s else np.ones(len(part))
        dark = int(part["is_dark"].sum())
        test = dark_at_loss_test(dark, chances)
        chances_of_all.extend(chances)
        dark_of_all += dark
        found.append(
            (
                key,
                test.thefts,
                dark,
                test.expected,
                test.share,
                test.p_value,
                test.p_value < REFERRAL_CHANCE,
                float(own[2]) / 3600,
                is_own,
            )
        )
    columns = ["key", "thefts", "dark", "expected", "chance", "p_value", "referral", "own_hours", "is_own"]
    frame = pd.DataFrame(found, columns=columns).astype({"key": "str"})
    names = dict(view.lasting_rows(_NAMES[by])) if len(frame) else {}
    frame["label"] = pd.Series([names.get(key) for key in frame["key"]], dtype="str")
    frame = frame.sort_values(["p_value", "key"], ignore_index=True)
    caveats = []
    if len(frame) and not frame["is_own"].all():
        few = int((~frame["is_own"].astype(bool)).sum())
        caveats.append(
            f"{few} of {len(frame)} have under {LEAST_HOURS:.0f} watched hours: they are held to all trips selected"
        )
    return LossSignals(
        frame=frame,
        total=dark_at_loss_test(dark_of_all, chances_of_all) if chances_of_all else None,
        by=by,
        rows=rows.drop(columns="around_s"),
        caveats=tuple(caveats),
    )


def dead_areas(view: View, *, resolution: int = 5, limit: int = 2_000) -> DeadAreas:
    """Where do signals die, and how much theft happens there?

    A blackout belongs to the cell of its last fix, a lead-in to the place of departure. Cells of `resolution` 3, 5 or
    7. How often is told per 1,000 positions, so that a busy road is not taken for a dead one.

    Raises
    ------
    ValueError
        For a resolution that is not stored.
    """
    if resolution not in STORED_RESOLUTIONS:
        message = f"cells are stored at the resolutions {', '.join(map(str, STORED_RESOLUTIONS))}, not {resolution}"
        raise ValueError(message)
    cell = f"cell_{resolution}"
    every = view.frame(_AREAS.format(cell=cell))
    blackouts, thefts = int(every["blackouts"].sum()), int(every["thefts"].sum())
    frame = every[every["cell"].notna()].reset_index(drop=True)
    placed = int(frame["blackouts"].sum())
    positions = float(frame["positions"].sum())
    overall = 1000 * float(frame["blackouts"].sum()) / positions if positions else 0.0
    frame["per_1000"] = 1000 * frame["blackouts"] / frame["positions"].clip(lower=1)
    frame["ratio"] = frame["per_1000"] / overall if overall else 0.0
    frame["is_dead"] = (frame["ratio"] >= DEAD_RATIO) & (frame["blackouts"] >= LEAST_BLACKOUTS)
    dead = frame[frame["is_dead"]]
    shown = frame[frame["blackouts"] > 0].sort_values(["dark_hours", "cell"], ascending=[False, True]).head(limit)
    shown = shown.reset_index(drop=True)
    middles = np.array([h3.cell_to_latlng(name) for name in shown["cell"]], dtype=float).reshape(-1, 2)
    shown["latitude"], shown["longitude"] = middles[:, 0], middles[:, 1]
    shown["label"] = name_cells(list(shown["cell"]))
    caveats = []
    if lost := blackouts - placed:
        caveats.append(f"{lost} of {blackouts} blackouts have no place: their trip was never heard")
    return DeadAreas(
        frame=shown,
        resolution=resolution,
        per_1000=overall,
        blackouts=blackouts,
        placed=placed,
        dead_positions=float(dead["positions"].sum()) / positions if positions else 0.0,
        dead_thefts=int(dead["thefts"].sum()),
        thefts=thefts,
        caveats=tuple(caveats),
    )
