"""Do drills show what real incidents do, and do drilled insureds contain faster?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from analysis.containment import Clocks, containment_durations
from analysis.containment_measures import HORIZON_MINUTES, TARGET_MINUTES
from analysis.durations import durations_until
from analysis.estimates import Estimate
from analysis.survival import SurvivalCurve, kaplan_meier
from data.portfolio import View

#: An insured is drilled while its last drill lies no further back than this.
DRILLED_DAYS = 365
DRILLED, NOT_DRILLED = "drilled within a year", "not drilled within a year"


@dataclass(frozen=True)
class Drills:
    """How fast drills are contained, beside real incidents.

    Attributes
    ----------
    frame
        One row a drill: `drill_id`, `insured_id`, `held_on`, `scenario`, `alarmed_at`, `contained_at` (UTC), `minutes`
        (alarm to contained), `fault` (why it is in no curve).
    curve
        Kaplan-Meier of drills; one that was not contained counts as not contained throughout.
    median, within_60
        Of drills.
    incidents
        Kaplan-Meier of real incidents of the same view.
    lack
        Why real incidents cannot be set beside them: too many whose time to containment is not known; else empty.
    """

    frame: pd.DataFrame
    curve: SurvivalCurve
    median: Estimate
    within_60: Estimate
    incidents: SurvivalCurve
    lack: str

    @property
    def n(self) -> int:
        """Drills, those in no curve included."""
        return len(self.frame)


def drills(view: View, clocks: Clocks) -> Drills:
    """How fast are drills contained, from their alarm, beside real incidents? Drills by the day they were held."""
    frame = view.frame(
        "select drill_id, insured_id, held_on, scenario, alarmed_at, contained_at from drill order by held_on, drill_id"
    )
    minutes = (frame["contained_at"] - frame["alarmed_at"]).dt.total_seconds() / 60
    frame["minutes"] = minutes.where(minutes >= 0).astype("float64")
    fault = np.select(
        [frame["alarmed_at"].isna(), minutes < 0], ["no alarm time", "contained before its alarm"], default=""
    )
    frame["fault"] = pd.Series(fault, index=frame.index, dtype=object).where(lambda given: given != "", None)
    usable = frame["fault"].isna()
    done = minutes[usable].notna()
    found = durations_until(
        "contained",
        time=minutes[usable].where(done, HORIZON_MINUTES).to_numpy(dtype=float),
        end=["contained" if one else "not contained" for one in done],
        never=["not contained"],
        horizon=HORIZON_MINUTES,
    )
    caveats = list(found.caveats)
    if not usable.all():
        caveats.append(f"In no curve, as its clock does not fit: {(~usable).sum()} of {len(frame)}")
    curve = kaplan_meier(found.time, found.happened, caveats=caveats)
    real = containment_durations(clocks)
    return Drills(
        frame=frame,
        curve=curve,
        median=curve.median(),
        within_60=curve.share_by(TARGET_MINUTES),
        incidents=kaplan_meier(real.time, real.happened, caveats=real.caveats),
        lack=clocks.unclear_words() if clocks.is_unclear else "",
    )


def drilled_keys(view: View, clocks: Clocks) -> pd.Series[str]:
    """Was the insured of each incident drilled in the year before it? In the order of `clocks.frame`.

    Drills of all time count, whatever the period of the view; null where no insured is known.
    """
    rows = view.snapshot.view(view.scope, view.filters.without("period")).rows(  # type: ignore[attr-defined]
        "select insured_id, held_on from drill where insured_id is not null and held_on is not null"
    )
    held: dict[str, list[date]] = {}
    for insured, day in rows:
        held.setdefault(insured, []).append(day)
    found: list[str | None] = []
    for insured, began in zip(clocks.frame["insured_id"], clocks.frame["occurred_at"], strict=True):
        if pd.isna(insured):
            found.append(None)
            continue
        back = [(began.date() - day).days for day in held.get(str(insured), [])]
        found.append(DRILLED if any(0 < days <= DRILLED_DAYS for days in back) else NOT_DRILLED)
    return pd.Series(found, index=clocks.frame.index, dtype=object)


def drill_words(found: Drills) -> str:
    """How do drills compare with real incidents? One sentence without its full stop."""
    if not found.n:
        return "No drill was held in this selection"
    if found.lack:
        return f"Drills cannot be set beside incidents: {found.lack}"
    real = found.incidents.median()
    if found.median.value is None or real.value is None:
        return "Fewer than half of drills or of incidents are contained: their medians cannot be compared"
    drilled, met = found.median.value, real.value
    return f"Half of drills are contained within {drilled:.0f} minutes, half of incidents within {met:.0f}"
