"""Did a trip leave its planned route, or was its seal opened before goods went missing? The rules that say so.

Each rule looks at the rows of one trip and says what it found, with the rows behind it, or why it cannot be asked. It
works on what is given: no route is guessed, and no scan is expected that nobody planned or usually makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

Rule = Literal["off route", "seal and scan"]
State = Literal["hit", "nothing found", "not evaluable"]

RULE_LABELS: Mapping[Rule, str] = {
    "off route": "Left the planned route",
    "seal and scan": "Seal opened, then a planned scan missing",
}
DEVIATION_COLUMNS = ("rule", "started_at", "ended_at", "is_hit", "latitude", "longitude", "words", "behind")


@dataclass(frozen=True)
class DeviationRules:
    """Thresholds of the rules: defaults that a person may edit.

    Attributes
    ----------
    off_route_m
        Metres from the planned route beyond which a position is off it.
    least_positions
        Consecutive positions off the route that make a deviation.
    accuracy_m
        A position counts only if its accuracy is known and below this, metres.
    after_scan_s
        The first position off the route is taken seriously within so many seconds after the last authorised scan.
    slowest_s
        A device whose positions are usually further apart than this, seconds, cannot answer.
    usual_share
        Where no scans are planned, those are expected that so large a share of the lane's other shipments have.
    least_shipments
        Other shipments of the lane that such a share needs.

    Raises
    ------
    ValueError
        For a threshold that is not above 0, or a share above 1.
    """

    off_route_m: float = 500.0
    least_positions: int = 2
    accuracy_m: float = 250.0
    after_scan_s: float = 600.0
    slowest_s: float = 600.0
    usual_share: float = 0.95
    least_shipments: int = 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                message = f"{name} is above 0, not {value}"
                raise ValueError(message)
        if self.usual_share > 1:
            message = f"usual_share is at most 1, not {self.usual_share}"
            raise ValueError(message)

    @property
    def words(self) -> Mapping[Rule, str]:
        """Each rule as a person reads it, without a full stop."""
        return {
            "off route": f"{self.least_positions} or more consecutive positions (accuracy under {self.accuracy_m:g} m)"
            f" over {self.off_route_m:g} m from the planned route, the first within {self.after_scan_s / 60:g} minutes"
            " after the last authorised scan",
            "seal and scan": "seal opened or tampered with in transit, and a scan that was planned after it missing"
            f" (where none is planned: one that {100 * self.usual_share:g}% of the lane's other shipments have)",
        }


DEFAULT_RULES = DeviationRules()


@dataclass(frozen=True)
class RuleAnswer:
    """What a rule says of one trip.

    Attributes
    ----------
    rule, state
        Which, and whether it hit, found nothing, or could not be asked.
    why
        For what could not be asked: what is lacking. Else what it looked at. Without a full stop.
    deviations
        One row a deviation, in time: `rule`, `started_at`, `ended_at` (UTC), `is_hit` (false: off the route, but not as
        the rule has it), `latitude`, `longitude` (null without a place), `words` (why it is one), `behind` (its rows).
    """

    rule: Rule
    state: State
    why: str
    deviations: pd.DataFrame


def left_route(
    pings: pd.DataFrame,
    *,
    scans: pd.DataFrame,
    has_route: bool,
    from_at: datetime | None,
    to_at: datetime | None,
    rules: DeviationRules = DEFAULT_RULES,
) -> RuleAnswer:
    """Did the trip leave its planned route?

    Parameters
    ----------
    pings
        In the order of the fix: `device_id`, `pinged_at`, `latitude`, `longitude`, `accuracy_m`, `valid`,
        `off_route_m` (cross-track, end points respected: `analysis.trip_timeline.off_route`).
    scans
        `scanned_at`, `site_id`, `kind`, `authorised`.
    has_route
        Whether a route was given.
    from_at, to_at
        The trip's window, UTC: before and after it the vehicle is at a place, not on the route.

    Returns
    -------
    RuleAnswer
        Every run off the route is told; it is a hit where its first position lies close enough behind the last
        authorised scan before it.
    """
    rule: Rule = "off route"
    if not has_route:
        return _not_evaluable(rule, "its lane has no planned route")
    inside = pings[pings["valid"].astype(bool) & pings["off_route_m"].notna()]
    if from_at is not None:
        inside = inside[inside["pinged_at"] >= from_at]
    if to_at is not None:
        inside = inside[inside["pinged_at"] <= to_at]
    exact = inside[inside["accuracy_m"] < rules.accuracy_m]
    if len(exact) < rules.least_positions:
        if len(inside) and inside["accuracy_m"].isna().all():
            return _not_evaluable(rule, "the accuracy of its positions is not known")
        return _not_evaluable(
            rule, f"under {rules.least_positions} positions with an accuracy under {rules.accuracy_m:g} m"
        )
    apart = usual_spacing(exact)
    if apart > rules.slowest_s:
        return _not_evaluable(
            rule, f"its device reports every {apart / 60:.0f} minutes, slower than {rules.slowest_s / 60:g}"
        )
    authorised = scans[scans["authorised"].eq(True)].sort_values("scanned_at")  # noqa: FBT003
    runs = [
        _off_route(run, scans=authorised, rules=rules)
        for _, of_device in exact.groupby("device_id", sort=True)
        for run in _runs(of_device, beyond=rules.off_route_m)
        if len(run) >= rules.least_positions
    ]
    found = _frame(sorted(runs, key=lambda row: row["started_at"]))
    if authorised.empty:
        return RuleAnswer(rule, "not evaluable", "no authorised scan to count from", found)
    looked = f"{len(exact):,} of {len(inside):,} positions on the way are accurate enough"
    return RuleAnswer(rule, "hit" if found["is_hit"].any() else "nothing found", looked, found)


def usual_spacing(pings: pd.DataFrame) -> float:
    """How far apart are a device's positions as a rule, seconds? The median, so that a blackout does not count."""
    steps = pings.groupby("device_id")["pinged_at"].diff().dt.total_seconds().dropna()
    return float(steps.median()) if len(steps) else np.inf


def seal_then_scan(
    seals: pd.DataFrame,
    *,
    expected: pd.DataFrame,
    from_at: datetime | None,
    to_at: datetime | None,
    destination: str | None,
    known_until: datetime | None,
    is_planned: bool,
) -> RuleAnswer:
    """Was the seal opened or tampered with in transit, and a scan missing that should have followed?

    Parameters
    ----------
    seals
        In time: `occurred_at`, `seal_no`, `site_id`, `state` (sealed, opened, tampered).
    expected
        Scans that should have been made: `shipment_id`, `site_id`, `kind`, `due_at` (UTC; null: by the end of the
        window), `is_done`.
    from_at, to_at
        The trip's window, UTC.
    destination
        Site where a seal is opened in place.
    known_until
        To when the data go, UTC: what is due later is not missing yet.
    is_planned
        Whether the expected scans were planned; else they are those that the lane usually has.
    """
    rule: Rule = "seal and scan"
    if seals.empty:
        return _not_evaluable(rule, "no seal was recorded")
    if expected.empty:
        return _not_evaluable(rule, "no scan was planned, and the lane has none that nearly all of its shipments have")
    opened = seals[seals["state"].isin(["opened", "tampered"]) & (seals["site_id"] != destination)]
    if from_at is not None:
        opened = opened[opened["occurred_at"] > from_at]
    if to_at is not None:
        opened = opened[opened["occurred_at"] < to_at]
    source = "planned" if is_planned else "that the lane's shipments usually have"
    if opened.empty:
        return RuleAnswer(
            rule, "nothing found", f"no seal opened on the way; {len(expected):,} scans {source}", _frame([])
        )
    due = pd.to_datetime(expected["due_at"])
    if to_at is not None:
        due = due.fillna(pd.Timestamp(to_at))
    missing = expected.assign(due_at=due)[~expected["is_done"].astype(bool) & due.notna()]
    if known_until is not None:
        missing = missing[missing["due_at"] <= known_until]
    rows = []
    for seal in opened.to_dict("records"):
        after = missing[missing["due_at"] > seal["occurred_at"]]
        if len(after):
            rows.append(_opened(seal, missing=after, source=source))
    often = "once" if len(opened) == 1 else f"{len(opened):,} times"
    looked = f"opened {often} on the way; {len(missing):,} of {len(expected):,} scans {source} missing"
    found = _frame(rows)
    return RuleAnswer(rule, "hit" if len(found) else "nothing found", looked, found)


def _runs(pings: pd.DataFrame, *, beyond: float) -> list[pd.DataFrame]:
    """Consecutive positions beyond a distance."""
    is_off = pings["off_route_m"] > beyond
    number = (is_off != is_off.shift()).cumsum()
    return [part for _, part in pings[is_off].groupby(number[is_off])]


def _off_route(run: pd.DataFrame, *, scans: pd.DataFrame, rules: DeviationRules) -> dict[str, Any]:
    first, last = run.iloc[0], run.iloc[-1]
    started = first["pinged_at"]
    before = scans[scans["scanned_at"] <= started]
    many = f"{len(run)} positions in a row over {rules.off_route_m:g} m from the planned route"
    words = f"{many}, up to {run['off_route_m'].max() / 1000:.1f} km"
    is_hit, behind = (
        False,
        [f"{len(run)} positions of {first['device_id']}, {started:%H:%M} to {last['pinged_at']:%H:%M}"],
    )
    if before.empty:
        words += "; no authorised scan before it"
    else:
        scan = before.iloc[-1]
        after = started - scan["scanned_at"]
        is_hit = after <= timedelta(seconds=rules.after_scan_s)
        words += f"; first {_span_words(after)} after the last authorised scan"
        if not is_hit:
            words += f", the rule asks for {rules.after_scan_s / 60:g} min"
        behind.append(f"{scan['kind']} scan at {scan['site_id']}, {scan['scanned_at']:%H:%M}")
    return {
        "rule": "off route",
        "started_at": started,
        "ended_at": last["pinged_at"],
        "is_hit": is_hit,
        "latitude": first["latitude"],
        "longitude": first["longitude"],
        "words": words,
        "behind": "; ".join(behind),
    }


def _opened(seal: Mapping[Any, Any], *, missing: pd.DataFrame, source: str) -> dict[str, Any]:
    at = f" at {seal['site_id']}" if isinstance(seal["site_id"], str) and seal["site_id"] else ""
    many = len(missing)
    kinds = ", ".join(f"{kind} of {shipment}" for kind, shipment in missing[["kind", "shipment_id"]].head(3).to_numpy())
    rest = f" and {many - 3} more" if many > 3 else ""
    return {
        "rule": "seal and scan",
        "started_at": seal["occurred_at"],
        "ended_at": missing["due_at"].max(),
        "is_hit": True,
        "latitude": np.nan,
        "longitude": np.nan,
        "words": f"seal {seal['state']}{at}, then {many} scan{'' if many == 1 else 's'} {source} missing",
        "behind": f"seal {seal['seal_no']}, {seal['occurred_at']:%H:%M}; missing: {kinds}{rest}",
    }


def _span_words(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _not_evaluable(rule: Rule, why: str) -> RuleAnswer:
    return RuleAnswer(rule, "not evaluable", why, _frame([]))


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(DEVIATION_COLUMNS))
    return frame.astype(
        {
            "started_at": "datetime64[us]",
            "ended_at": "datetime64[us]",
            "is_hit": "bool",
            "latitude": "float64",
            "longitude": "float64",
        }
    )
