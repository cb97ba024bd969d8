"""Is what must follow a theft done in time: evidence, notice to the insurer, and what the law asks? What is still due?

Every deadline runs from the earlier of first alarm and detection, when the insured could know. An incident without
either has no deadline that could be told; it is counted apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.containment import LEAST_CASES, Clocks
from analysis.containment_measures import EVIDENCE_HOURS
from analysis.estimates import Estimate
from analysis.intervals import wilson_interval
from data.portfolio import View

Duty = Literal["evidence", "notice", "legal notice", "regulator"]
State = Literal["in time", "late", "missing", "not yet due", "cannot be told"]

STATES: tuple[State, ...] = ("in time", "late", "missing", "not yet due", "cannot be told")
DUTY_LABELS: dict[Duty, str] = {
    "evidence": "Evidence secured",
    "notice": "Insurer told, by the policy",
    "legal notice": "Insurer told, by law",
    "regulator": "Regulator told, by law",
}
_RECORDED: dict[Duty, str] = {
    "evidence": "records_evidence",
    "notice": "records_notice",
    "legal notice": "records_notice",
    "regulator": "records_regulator",
}
_DONE: dict[Duty, str] = {
    "evidence": "evidence_secured_at",
    "notice": "insurer_notified_at",
    "legal notice": "insurer_notified_at",
    "regulator": "regulator_notified_at",
}


@dataclass(frozen=True)
class DutyRecord:
    """Whether one duty was done in time.

    Attributes
    ----------
    duty
        Which.
    share
        In time, over those whose deadline has passed: 0 to 1, with Wilson's interval. None: no deadline has passed.
    in_time, late, missing, not_yet_due, cannot_be_told
        Incidents by state; missing: not done, and the deadline has passed. They add up to the incidents.
    frame
        One row an incident: `incident_id`, `due_at`, `done_at` (UTC), `state`, `hours` (taken, from the earlier of
        alarm and detection).
    is_set
        Whether anything sets a deadline: the law's are there only where `legal_clock` has them.
    """

    duty: Duty
    share: Estimate
    in_time: int
    late: int
    missing: int
    not_yet_due: int
    cannot_be_told: int
    frame: pd.DataFrame
    is_set: bool


@dataclass(frozen=True)
class OpenIncidents:
    """Incidents not contained and not closed, the most urgent first.

    Attributes
    ----------
    frame
        One row an incident: ids, `category`, `reported_at`, `age_hours` (since it was noticed, to the data's date),
        `next_duty`, `due_at` (of the earliest duty not done), `left_hours` (to that; negative: overdue), `loss_base`.
    overdue
        Those with a duty not done whose deadline has passed.
    oldest_hours
        Age of the oldest; None where none is open.
    """

    frame: pd.DataFrame
    overdue: int
    oldest_hours: float | None


def legal_hours(view: View) -> dict[tuple[str, Duty], float]:
    """Within how many hours does the law of each jurisdiction want insurer and regulator told?

    Steps of `legal_clock` for first-party claims that name notice and insurer, or notice and regulator or police.
    """
    if not view.has("legal_clock"):
        return {}
    found: dict[tuple[str, Duty], float] = {}
    for jurisdiction, step, days in view.rows(
        "select jurisdiction, lower(step), min(days) from legal_clock"
        " where days is not null and regexp_matches(lower(step), 'notice|notif|report')"
        " and coalesce(claim_kind::varchar, 'first-party') = 'first-party' group by all"
    ):
        duty: Duty | None = "regulator" if "regulator" in step else "legal notice" if "insurer" in step else None
        if duty is not None:
            key = (str(jurisdiction), duty)
            found[key] = min(24.0 * days, found.get(key, np.inf))
    return found


def duty_record(clocks: Clocks, duty: Duty, *, law: dict[tuple[str, Duty], float] | None = None) -> DutyRecord:
    """Was this duty done in time? Over incidents whose deadline has passed, those not done counted against it.

    Parameters
    ----------
    law
        As of :func:`legal_hours`; only incidents of its jurisdictions have a legal deadline: that of the policy in
        force, and where the law sets none there, the insured's country (as for claims, data/marts/claim_service.sql).
    """
    frame = clocks.frame
    hours = _hours(frame, duty, law=law or {})
    started, known_to = frame["started_at"], frame["known_to"]
    due = started + pd.to_timedelta(hours, unit="h")
    done = frame[_DONE[duty]].where(frame[_DONE[duty]] <= known_to)
    taken = (done - started).dt.total_seconds() / 3600
    has_passed = due <= known_to
    is_told = frame[_RECORDED[duty]].to_numpy(dtype=bool) & due.notna().to_numpy() & ~(taken < 0).to_numpy()
    state = np.select(
        [~is_told, ~has_passed.to_numpy(), done.isna().to_numpy(), (done <= due).to_numpy()],
        ["cannot be told", "not yet due", "missing", "in time"],
        default="late",
    )
    # Without a law that asks for it there is no duty, rather than one that cannot be told.
    kept = hours.notna().to_numpy()
    rows = pd.DataFrame(
        {"incident_id": frame["incident_id"], "due_at": due, "done_at": done, "state": state, "hours": taken}
    )[kept].reset_index(drop=True)
    counts = {name: int((state[kept] == name).sum()) for name in STATES}
    passed = counts["in time"] + counts["late"] + counts["missing"]
    caveats = []
    if counts["cannot be told"]:
        caveats.append(
            f"When it was noticed is not known or does not fit, or the feed never says when this was done: "
            f"{counts['cannot be told']} of {len(rows)}"
        )
    if counts["not yet due"]:
        caveats.append(f"Deadline not yet passed: {counts['not yet due']} of {len(rows)}")
    unclear = int((frame["is_policy_ambiguous"].astype(bool) & kept).sum()) if duty != "evidence" else 0
    if unclear:
        caveats.append(
            f"Several policies in force that disagree on notice or law, of which the latest counts: {unclear} of"
            f" {len(rows)}"
        )
    if not passed:
        caveats.insert(0, "No deadline has passed")
    share = Estimate(None, None, 0, tuple(caveats))
    if passed:
        value = counts["in time"] / passed
        interval, error = wilson_interval(counts["in time"], passed), math.sqrt(value * (1 - value) / passed)
        share = Estimate(value, interval, passed, tuple(caveats), error)
    return DutyRecord(
        duty=duty,
        share=share,
        in_time=counts["in time"],
        late=counts["late"],
        missing=counts["missing"],
        not_yet_due=counts["not yet due"],
        cannot_be_told=counts["cannot be told"],
        frame=rows,
        is_set=bool(kept.any()),
    )


def duty_by_quarter(clocks: Clocks, record: DutyRecord) -> list[float]:
    """Which share was done in time, quarter by quarter of report, ascending? Of quarters with 5 passed deadlines."""
    months = pd.to_datetime(clocks.frame.set_index("incident_id")["month"])
    rows = record.frame[record.frame["state"].isin(["in time", "late", "missing"])]
    quarters = months.reindex(rows["incident_id"]).dt.to_period("Q").to_numpy()
    counted = (rows["state"] == "in time").groupby(quarters).agg(["mean", "size"])
    return [float(value) for value in counted.loc[counted["size"] >= LEAST_CASES, "mean"]]


def open_incidents(clocks: Clocks, *, law: dict[tuple[str, Duty], float] | None = None) -> OpenIncidents:
    """Which incidents are not contained yet, and which needs an act first?

    In the order of the earliest deadline of a duty not done, overdue ones first; then those with none, the oldest
    first.
    """
    columns = [
        "incident_id", "insured_id", "carrier_id", "lane_id", "site_id", "trip_id", "category", "reported_at",
        "loss_base",
    ]  # fmt: skip
    is_open = clocks.frame["is_open"].to_numpy(dtype=bool)
    frame = clocks.frame[is_open].copy()
    began = frame["started_at"].where(frame["started_at"] <= frame["known_to"], frame["reported_at"])
    frame["age_hours"] = (frame["known_to"] - began).dt.total_seconds() / 3600
    left = pd.DataFrame(index=frame.index)
    for duty in ("evidence", "notice", "legal notice", "regulator"):
        hours = _hours(frame, duty, law=law or {})
        due = frame["started_at"] + pd.to_timedelta(hours, unit="h")
        left[duty] = ((due - frame["known_to"]).dt.total_seconds() / 3600).where(
            frame[_DONE[duty]].isna() & frame[_RECORDED[duty]].astype(bool)
        )
    frame["left_hours"] = left.min(axis=1)
    named = left.dropna(how="all").idxmin(axis=1) if len(left) else pd.Series(dtype=object)
    frame["next_duty"] = named.map(DUTY_LABELS).reindex(frame.index)
    frame["due_at"] = frame["known_to"] + pd.to_timedelta(frame["left_hours"], unit="h")
    frame = frame.sort_values(
        ["left_hours", "age_hours", "incident_id"], ascending=[True, False, True], na_position="last", ignore_index=True
    )[[*columns, "age_hours", "next_duty", "due_at", "left_hours"]]
    return OpenIncidents(
        frame=frame,
        overdue=int((frame["left_hours"] < 0).sum()),
        oldest_hours=float(frame["age_hours"].max()) if len(frame) else None,
    )


def _hours(frame: pd.DataFrame, duty: Duty, *, law: dict[tuple[str, Duty], float]) -> pd.Series[float]:
    """Hours that each incident leaves for a duty; null where nothing sets a deadline."""
    if duty == "evidence":
        return pd.Series(EVIDENCE_HOURS, index=frame.index, dtype="float64")
    if duty == "notice":
        return frame["notice_hours"].astype("float64")
    return pd.Series(
        [
            law.get((str(place), duty), law.get((str(country), duty), np.nan))
            for place, country in zip(frame["jurisdiction"], frame["insured_country"], strict=True)
        ],
        index=frame.index,
        dtype="float64",
    )
