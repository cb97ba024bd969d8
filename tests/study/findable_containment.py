"""From how many incidents on is a hub found that takes hours to contain what others contain within one?

Drawn as the sample draws it: the hub's attempts are all contained, after 205 minutes in the middle (log-normal, 0.3);
elsewhere 96 in 100 attempts and 40 in 100 thefts are, after 52 minutes in the middle (log-logistic, 1 / 0.42).
`docs/findable-containment.md` holds :func:`table` of 200 books a size.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.containment import CONTAINED, NOT_CONTAINED, Clocks
from analysis.containment_groups import compare_clocks

HUB_MINUTES, HUB_SPREAD = 205.0, 0.3
USUAL_MINUTES, USUAL_SHAPE = 52.0, 0.42
ATTEMPTS_CONTAINED, THEFTS_CONTAINED = 0.96, 0.40
SIZES = (4, 5, 6, 8, 10, 14, 20)
OTHER_SITES = 8


def draw(
    rng: np.random.Generator, *, at_hub: int, attempts: int = 54, thefts: int = 120, hub_minutes: float = HUB_MINUTES
) -> Clocks:
    """Incidents of a book with one slow hub, the others spread over eight sites."""
    n = at_hub + attempts + thefts
    kind = np.repeat(["hub", "attempt", "theft"], [at_hub, attempts, thefts])
    is_held = rng.random(n) < np.select([kind == "hub", kind == "attempt"], [1.0, ATTEMPTS_CONTAINED], THEFTS_CONTAINED)
    odds = rng.random(n)
    usual = USUAL_MINUTES * (odds / (1 - odds)) ** USUAL_SHAPE
    slow = hub_minutes * np.exp(HUB_SPREAD * rng.standard_normal(n))
    site = np.where(kind == "hub", "hub", np.char.add("S", rng.integers(0, OTHER_SITES, n).astype(str)))
    frame = pd.DataFrame(
        {
            "incident_id": [str(k) for k in range(n)],
            "site_id": site.astype(object),
            "is_attempt": kind != "theft",
            "end_kind": np.where(is_held, CONTAINED, NOT_CONTAINED).astype(object),
            "clock_minutes": np.where(kind == "hub", slow, usual),
            "clock_fault": np.full(n, None, dtype=object),
        }
    )
    return Clocks(frame, "all")


def found(*, at_hub: int, runs: int, seed: int = 1, hub_minutes: float = HUB_MINUTES) -> tuple[float, float]:
    """In which share of books is the hub called slower, and in which any other site, which none is?"""
    rng = np.random.default_rng(seed)
    hub = other = 0
    for _ in range(runs):
        frame = compare_clocks(draw(rng, at_hub=at_hub, hub_minutes=hub_minutes), by="site").frame
        slower = set(frame.loc[frame["verdict"] == "slower", "key"])
        hub += "hub" in slower
        other += bool(slower - {"hub"})
    return hub / runs, other / runs


def table(*, runs: int = 200) -> str:
    """A row a size: incidents at the hub, share of books in which it is found, and in which another is called slow."""
    rows = ((size, *found(at_hub=size, runs=runs)) for size in SIZES)
    return "\n".join(f"| {size} | {called:.0%} | {wrongly:.1%} |" for size, called, wrongly in rows)
