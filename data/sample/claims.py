"""Claims: what every loss costs on its policy's terms, how long each step takes, and how its estimate moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.sample.accounts import LATE_REPORTER, Accounts
from data.sample.design import (
    COMMODITIES,
    DAY,
    END,
    HOUR,
    PARCELS,
    THEFT_COST_SHARE,
    Flags,
    Floats,
    Ints,
    lognormal,
)
from data.sample.files import FeedFolder, Text, days, joined, keys, moments, optional_text, take
from data.sample.movements import Delivered
from data.sample.network import Network
from data.sample.thefts import NONE, Events
from data.sample.trips import Trips

CAUSES = ("theft", "handling", "accident", "temperature", "water damage", "shortage", "delay")
_THEFT, _HANDLING, _ACCIDENT = 0, 1, 2
#: How often each cause is claimed, and the share of the shipment's value (an accident: of all on board) that it costs.
_OTHER_CAUSES = np.array([0.0, 0.70, 0.05, 0.06, 0.05, 0.09, 0.05])
_SEVERITY = np.array([0.0, 0.09, 0.35, 0.35, 0.20, 0.12, 0.05])
_WORDS = (
    "Goods stolen", "Broken or crushed in handling", "Vehicle accident", "Temperature out of range", "Wet on arrival",
    "Units missing on arrival", "Delivered too late to be sold",
)  # fmt: skip


@dataclass
class Claims:
    """All claims, an array each; amounts in the currency of the account, moments in seconds since 1970."""

    event: Ints
    """Position of the theft, NONE for other causes."""
    shipment: Ints
    trip: Ints
    """NONE for goods in store."""
    insured: Ints
    site: Ints
    cause: Ints
    lost_at: Ints
    reported: Ints
    acknowledged: Ints
    decided: Ints
    closed: Ints
    reopened: Flags
    claimed: Floats
    cost: Floats
    """What the policy pays in the end."""
    retained: Floats
    """Deductible taken off."""
    denied: Flags
    path: Ints
    evidence: Ints

    def __len__(self) -> int:
        return len(self.claimed)

    def paid(self) -> Floats:
        """Paid at the data's date."""
        part = np.where(self.settled(), 1.0, np.where(self.decided < END, 0.5, 0.0))
        paid: Floats = np.round(self.cost * part, 2)
        return paid

    def settled(self) -> Flags:
        """Closed at the data's date, and not opened again."""
        flags: Flags = (self.closed < END) & ~self.reopened
        return flags


def build_claims(
    *, trips: Trips, events: Events, damaged: Delivered, accounts: Accounts, rng: np.random.Generator
) -> Claims:
    """Claim for every theft worth claiming and for the damaged shipments; theft is 13% of what they cost."""
    theft = np.flatnonzero(~events.attempt & (events.reported < END))
    deductible = np.array([row.deductible for row in accounts.insureds])
    worth = events.loss[theft] > deductible[events.insured[theft]]
    theft = theft[rng.random(len(theft)) < np.where(worth, 0.97, 0.35)]
    # A whole load may be several consignments: one event, one deductible, two claims.
    split = events.full[theft] & (rng.random(len(theft)) < 0.25) & (trips.shipments[events.trip[theft]] > 1)
    event = np.concatenate([theft, theft[split]])
    share = np.concatenate([np.where(split, 0.6, 1.0), np.full(int(split.sum()), 0.4)])
    second = np.arange(len(event)) >= len(theft)
    trip = np.concatenate([events.trip[event], damaged.trip])
    first = np.where(events.trip[event] == NONE, NONE, trips.first_shipment[events.trip[event]] + second)
    stolen = np.concatenate([np.ones(len(event), dtype=bool), np.zeros(len(damaged.trip), dtype=bool)])
    insured = np.concatenate([events.insured[event], trips.insured[damaged.trip]])
    cause = np.concatenate([np.zeros(len(event), dtype=np.int64), _other_causes(trips, damaged, rng)])
    terms = accounts.insureds
    uplift = np.array([1.1 if row.valuation == "CIF + 10%" else 1.0 for row in terms])[insured]
    basis = _bases(trips, events, damaged, event, cause, stolen, rng) * uplift
    part = np.concatenate([share, np.ones(len(damaged.trip))])
    limit = np.array([row.limit for row in terms])[insured]
    theft_limit = np.array([row.theft_sublimit or row.limit for row in terms])[insured]
    ceiling = np.where(stolen, theft_limit, limit)
    coinsurance = np.array([row.coinsurance for row in terms])[insured]
    cap = np.where(
        stolen,
        np.inf,
        np.concatenate(
            [np.zeros(len(event)), np.where(cause[len(event) :] == _ACCIDENT, trips.value[damaged.trip], damaged.value)]
        )
        * uplift,
    )

    def cost_of(scale: float) -> tuple[Floats, Floats, Floats]:
        loss = np.where(stolen, basis, np.minimum(basis * scale, cap))
        retained = np.minimum(loss * coinsurance, deductible[insured])
        cost = np.minimum(loss * coinsurance - retained, ceiling)
        return loss * part, retained * part, cost * part

    wanted = float(cost_of(1.0)[2][stolen].sum()) * (1 - THEFT_COST_SHARE) / THEFT_COST_SHARE
    low, high = 0.001, 50.0
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if cost_of(middle)[2][~stolen].sum() < wanted else (low, middle)
    claimed, retained, cost = (np.round(values, 2) for values in cost_of(low))
    lost_at = np.concatenate([events.began[event], damaged.at])
    known_at = np.concatenate([np.maximum(events.reported[event], events.notified[event]), damaged.at])
    steps = _steps(trips, trip, stolen, known_at, rng)
    denied = rng.random(len(cost)) < np.where(steps.evidence == 2, 0.08, 0.025)
    order = np.argsort(lost_at, kind="stable")
    claims = Claims(
        event=np.concatenate([event, np.full(len(damaged.trip), NONE)]),
        shipment=np.concatenate([first, damaged.shipment]),
        trip=trip,
        insured=insured,
        site=np.concatenate([events.site[event], np.full(len(damaged.trip), NONE)]),
        cause=cause,
        lost_at=lost_at,
        reported=steps.reported,
        acknowledged=steps.acknowledged,
        decided=steps.decided,
        closed=steps.closed,
        reopened=(steps.closed < END - 60 * DAY) & (rng.random(len(cost)) < 0.012),
        claimed=claimed,
        cost=np.where(denied, 0.0, cost),
        retained=retained,
        denied=denied,
        path=steps.path,
        evidence=steps.evidence,
    )
    kept = order[(steps.reported < END)[order]]
    for name, values in vars(claims).items():
        setattr(claims, name, values[kept])
    return claims


@dataclass(frozen=True)
class _Steps:
    reported: Ints
    acknowledged: Ints
    decided: Ints
    closed: Ints
    path: Ints
    evidence: Ints


def _steps(trips: Trips, trip: Ints, stolen: Flags, known_at: Ints, rng: np.random.Generator) -> _Steps:
    """When each claim is reported, acknowledged, decided and closed, and on what evidence."""
    parcels = (trip != NONE) & (trips.commodity[trip] == PARCELS)
    late = ~stolen & (trips.carrier[trip] == LATE_REPORTER)
    n = len(trip)
    lag = lognormal(rng, np.where(stolen, 1.5, np.where(parcels, 2.0, 3.5)), 0.9, n)
    lag = np.where(late, rng.uniform(32, 62, n), np.minimum(lag, 25.0))
    reported = known_at + (lag * DAY).astype(np.int64)
    tracked = (trip != NONE) & trips.tracked[trip]
    evidence = np.where(tracked, rng.choice(3, n, p=[0.66, 0.24, 0.10]), rng.choice(3, n, p=[0.05, 0.55, 0.40]))
    odds = rng.random(n)
    path = np.where(odds < np.where(stolen, 0.55, 0.12), 2, 1)
    path = np.where((evidence == 0) & ~stolen & (odds > 0.6), 0, path)
    path = np.where(parcels & (odds > 0.35), 0, path)
    acknowledged = reported + (lognormal(rng, np.where(path == 0, 0.2, 3.0), 0.85, n) * DAY).astype(np.int64)
    takes = lognormal(rng, np.array([1.5, 22.0, 62.0])[path], 0.55, n)
    # What was documented well is decided sooner.
    takes *= np.array([0.8, 1.0, 1.3])[evidence]
    decided = acknowledged + (takes * DAY).astype(np.int64)
    closed = decided + (rng.uniform(2, 20, n) * DAY).astype(np.int64)
    return _Steps(reported, acknowledged, decided, closed, path, evidence)


def _other_causes(trips: Trips, damaged: Delivered, rng: np.random.Generator) -> Ints:
    causes = rng.choice(len(CAUSES), len(damaged.trip), p=_OTHER_CAUSES)
    cold = np.isin(trips.commodity[damaged.trip], [0, 4])
    parcels = trips.commodity[damaged.trip] == PARCELS
    # Only what is kept cold gets warm, and no accident is told for one parcel of a round.
    causes = np.where((causes == 3) & ~cold, _HANDLING, causes)
    others: Ints = np.where((causes == _ACCIDENT) & parcels, _HANDLING, causes)
    return others


def _bases(
    trips: Trips,
    events: Events,
    damaged: Delivered,
    event: Ints,
    cause: Ints,
    stolen: Flags,
    rng: np.random.Generator,
) -> Floats:
    other = cause[~stolen]
    exposed = np.where(other == _ACCIDENT, trips.value[damaged.trip], damaged.value)
    share = lognormal(rng, _SEVERITY[other], 0.8, len(other))
    bases: Floats = np.concatenate([events.loss[event], exposed * share])
    return bases


def write_claims(
    folder: FeedFolder,
    claims: Claims,
    *,
    trips: Trips,
    events: Events,
    event_ids: list[str | None],
    accounts: Accounts,
    network: Network,
    rng: np.random.Generator,
) -> None:
    """Write the claims as they stand at the data's date, and the valuations before."""
    n = len(claims)
    settled, paid = claims.settled(), claims.paid()
    estimate = claims.cost * np.where(claims.decided < END, 1.0, np.exp(rng.normal(-0.1, 0.35, n)))
    reserve = np.where(settled, 0.0, np.round(np.maximum(estimate - paid, 0.0), 2))
    expense = np.round(np.minimum(np.array([0.0, 0.012, 0.035])[claims.path] * claims.claimed, 60_000) + 5.0, 2)
    theft = claims.event != NONE
    back = np.where(theft, events.recovered[np.maximum(claims.event, 0)], 0.0)
    whole = np.where(theft, np.maximum(events.loss[np.maximum(claims.event, 0)], 1.0), 1.0)
    salvage = np.where(theft, 0.85 * np.minimum(back / whole, 1.0), np.where(claims.cause <= _ACCIDENT, 0.08, 0.0))
    recourse = (~theft & (rng.random(n) < 0.14)) * 0.45
    status = np.where(
        settled, np.where(claims.denied, 1, np.where(claims.cost <= 0, 2, 0)), np.where(claims.reopened, 4, 3)
    )
    flagged = rng.random(n) < np.where(theft, 0.08, 0.025)
    audited = ~flagged & (rng.random(n) < 0.05)
    confirmed = (flagged & (rng.random(n) < 0.35)) | (audited & (rng.random(n) < 0.02))
    policies = [accounts.policy_id(i, k) for i in range(len(accounts.insureds)) for k in range(4)]
    liable = [row.role in {"carrier", "3PL", "broker"} for row in accounts.insureds]
    ids = keys("K", np.arange(1, n + 1), width=7)
    currency = take([row.currency for row in accounts.insureds], claims.insured)
    offset = network.clock.offset(np.where(claims.site == NONE, 0, claims.site), claims.lost_at)
    known = np.flatnonzero(claims.trip != NONE)
    origin = np.array([lane.origin for lane in network.lanes])
    offset[known] = network.clock.offset(origin[trips.lane[claims.trip[known]]], claims.lost_at[known])
    shipments = keys("H", claims.shipment + 1, width=8)
    site_ids = [*(network.site_id(i) for i in range(len(network.sites))), None]
    commodity = [c.name for c in COMMODITIES]
    goods = take(
        [*commodity, "goods in store"], np.where(claims.trip == NONE, len(commodity), trips.commodity[claims.trip])
    )
    opened = claims.reopened
    folder.write(
        "claim",
        {
            "claim_id": ids,
            "kind": take(("first-party", "carrier liability"), np.array(liable, dtype=np.int64)[claims.insured]),
            "insured_id": take([row.insured_id for row in accounts.insureds], claims.insured),
            "policy_id": take(policies, claims.insured * 4 + accounts.periods(claims.insured, claims.lost_at + offset)),
            "incident_id": take([*event_ids, None], np.where(theft, claims.event, len(event_ids))),
            "shipment_id": optional_text(shipments, claims.shipment >= 0),
            "site_id": take(site_ids, np.where(claims.site == NONE, len(site_ids) - 1, claims.site)),
            "cause": take(CAUSES, claims.cause),
            "description": joined(take(_WORDS, claims.cause), goods, between=": "),
            "loss_date": days(claims.lost_at + offset),
            "reported_at": moments(claims.reported),
            "acknowledged_at": moments(claims.acknowledged),
            "decided_at": moments(claims.decided),
            "closed_at": moments(np.where(opened, NONE, claims.closed)),
            "reopened_at": moments(np.where(opened, claims.closed + 40 * DAY, NONE)),
            "status": take(("closed", "denied", "closed without payment", "open", "reopened"), status),
            "currency": currency,
            "valued_on": days(np.full(n, END - HOUR)),
            "claimed_amount": claims.claimed,
            "paid_amount": paid,
            "reserve_amount": reserve,
            "expense_paid": np.where(claims.decided < END, expense, 0.0),
            "expense_reserve": np.where(claims.decided < END, 0.0, expense),
            "salvage_amount": np.round(np.where(settled, paid * salvage, 0.0), 2),
            "subrogation_amount": np.round(np.where(settled, paid * recourse, 0.0), 2),
            "deductible_applied": claims.retained,
            "decision_path": take(("automated", "manual", "investigated"), claims.path),
            "evidence": take(("automated", "partial", "none"), claims.evidence),
            "disputed": rng.random(n) < np.where(claims.evidence == 0, 0.03, 0.09),
            "fraud_flagged": flagged,
            "fraud_confirmed": confirmed,
            "fraud_audited": audited,
        },
    )
    _write_valuations(folder, claims, ids, currency, rng)


def _write_valuations(folder: FeedFolder, claims: Claims, ids: Text, currency: Text, rng: np.random.Generator) -> None:
    """Earlier valuations: when reported, after 90 days if still open, when decided and when closed."""
    n = len(claims)
    guess = np.exp(rng.normal(-0.2, 0.45, n))
    second = np.exp(rng.normal(-0.06, 0.2, n))
    steps = (
        (claims.reported, 0.0, guess, 0),
        (np.where(claims.reported + 90 * DAY < claims.decided, claims.reported + 90 * DAY, END), 0.0, second, 1),
        (claims.decided, 0.5, np.full(n, 0.5), 2),
        (claims.closed, 1.0, np.zeros(n), 3),
    )
    claim = np.concatenate([np.arange(n)] * len(steps))
    day = np.concatenate([step[0] for step in steps]) // DAY
    rank = np.repeat([step[3] for step in steps], n)
    order = np.lexsort((rank, day, claim))
    latest = np.append((claim[order][1:] != claim[order][:-1]) | (day[order][1:] != day[order][:-1]), True)
    chosen = order[latest]
    chosen = chosen[day[chosen] < END // DAY]
    paid = np.concatenate([claims.cost * step[1] for step in steps])
    reserve = np.concatenate([claims.cost * step[2] for step in steps])
    rows = claim[chosen]
    folder.write(
        "claim_movement",
        {
            "claim_id": ids.take(pa.array(rows)),
            "moved_on": days(day[chosen] * DAY + HOUR),
            "status": take(("reported", "open", "decided", "closed"), rank[chosen]),
            "currency": currency.take(pa.array(rows)),
            "claimed_amount": claims.claimed[rows],
            "paid_amount": np.round(paid[chosen], 2),
            "reserve_amount": np.round(reserve[chosen], 2),
            "deductible_applied": claims.retained[rows],
        },
    )
