"""Literal incidents through the real loader, for tests of response: an incident in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from data.portfolio import View
from tests.portfolios import load_files, open_view

#: When every incident begins, unless it says otherwise.
BEGINS = datetime(2025, 3, 3, 10, 0)
AS_OF = "2025-12-31"
INSUREDS = "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\nI3,Cove Foods\n"
SITES = "site_id,name,city,country\nS1,Dallas hub,Dallas,US\nS2,Atlanta hub,Atlanta,US\n"
LANES = "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\nL2,S2,S1,road\n"
_HEAD = (
    "incident_id,source,status,insured_id,lane_id,site_id,category,occurred_from,occurred_to,first_alarm_at,"
    "detected_at,contained_at,closed_at,evidence_secured_at,insurer_notified_at,regulator_notified_at,loss_amount\n"
)


@dataclass(frozen=True)
class Case:
    """One incident; times in minutes after it began (occurred_from)."""

    name: str
    alarm: float | None = None
    detected: float | None = 60
    contained: float | None = None
    closed: float | None = None
    status: str = ""
    insured: str = "I1"
    lane: str = ""
    site: str = ""
    category: str = "theft of trailer"
    source: str = "own"
    evidence: float | None = None
    notified: float | None = None
    regulator: float | None = None
    loss: str = ""
    begins: datetime = BEGINS
    window: float = 30

    def line(self) -> str:
        """The row of its file."""
        moments = (0, self.window, self.alarm, self.detected, self.contained, self.closed)
        later = (self.evidence, self.notified, self.regulator)
        cells = [
            self.name, self.source, self.status, self.insured, self.lane, self.site, self.category,
            *(self._at(minutes) for minutes in (*moments, *later)), self.loss,
        ]  # fmt: skip
        return ",".join(cells) + "\n"

    def _at(self, minutes: float | None) -> str:
        return "" if minutes is None else f"{self.begins + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


def contained(name: str, minutes: float, **given: object) -> Case:
    """An incident detected after an hour and contained so many minutes later."""
    given = {"detected": 60, "status": "contained", **given}
    return Case(name, contained=float(given["detected"]) + minutes, **given)  # type: ignore[arg-type]


def gone(name: str, **given: object) -> Case:
    """An incident whose load is gone: closed not contained after ten days."""
    return Case(name, **{"status": "closed not contained", "closed": 14_400, **given})  # type: ignore[arg-type]


def load_cases(root: Path, cases: Sequence[Case], *, more: Mapping[str, str] | None = None, as_of: str = AS_OF) -> View:
    """Load these incidents; gives a view of all of them."""
    files = {
        "insured.csv": INSUREDS,
        "site.csv": SITES,
        "lane.csv": LANES,
        "incident.csv": _HEAD + "".join(case.line() for case in cases),
        **(more or {}),
    }
    load_files(root, files=files, top=f'currency = "USD"\ntimezone = "UTC"\nas_of = "{as_of}"\n')
    return open_view(root)
