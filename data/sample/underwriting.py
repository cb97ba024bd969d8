"""The underwriter's tables: policies, their terms and premium, declared exposure, loss runs, values in store, rates."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from data.sample.accounts import ONLINE_SHOP, Accounts
from data.sample.claims import Claims
from data.sample.design import AS_OF, DAY, EPOCH, FIRST_DAY, Floats, day_of
from data.sample.files import FeedFolder, days, take
from data.sample.network import Network
from data.sample.trips import Trips

#: Loss ratio that premiums aim at, and how far single underwriters miss it.
_TARGET_LOSS_RATIO, _MISS = 0.62, 0.12
_DEPOSIT = 0.85
_QUARTERS = tuple(date(year, month, 1) for year in range(2023, 2027) for month in (1, 4, 7, 10))
#: Middle of the range in which each currency moved, in United States dollars.
_RATES = {"EUR": 1.09, "GBP": 1.28}


def rates_of_exchange(rng: np.random.Generator) -> dict[str, tuple[list[date], Floats]]:
    """US dollars for one unit of each currency, from the first of each month; older than any loss."""
    months = [date(year, month, 1) for year in range(2020, 2027) for month in range(1, 13)]
    months = [month for month in months if month <= AS_OF]
    swing = np.arange(len(months)) * 2 * np.pi / 31
    return {
        currency: (months, np.round(middle * (1 + 0.045 * np.sin(swing + k) + rng.normal(0, 0.006, len(months))), 4))
        for k, (currency, middle) in enumerate(_RATES.items())
    }


def write_rates(folder: FeedFolder, rates: dict[str, tuple[list[date], Floats]]) -> None:
    """Write the rates of exchange."""
    for currency, (months, values) in rates.items():
        folder.write("fx_rate", {"currency": [currency] * len(months), "on_date": months, "rate": values})


def write_underwriting(
    folder: FeedFolder,
    *,
    trips: Trips,
    claims: Claims,
    accounts: Accounts,
    network: Network,
    rates: dict[str, tuple[list[date], Floats]],
    rng: np.random.Generator,
) -> None:
    """Write accounts and carriers, policies with terms and premium, declarations, loss runs and stored values."""
    people = accounts.insureds
    folder.write(
        "insured",
        {
            "insured_id": [row.insured_id for row in people],
            "name": [row.name for row in people],
            "parent_id": pa.array([people[1].insured_id if i == 14 else None for i in range(len(people))], pa.string()),
            "segment": [
                "e-commerce" if i == ONLINE_SHOP else f"{row.role}, {row.area}" for i, row in enumerate(people)
            ],
            "role": [row.role for row in people],
            "country": [row.country for row in people],
            "broker": [row.broker for row in people],
            "registration": [f"DOT {3_100_000 + 317 * i}" for i in range(len(people))],
        },
    )
    folder.write(
        "carrier",
        {
            "carrier_id": [key for key, _, _ in accounts.carriers],
            "name": [name for _, name, _ in accounts.carriers],
            "country": [country for _, _, country in accounts.carriers],
            "registration": [f"DOT {1_200_000 + 811 * i}" for i in range(len(accounts.carriers))],
        },
    )
    premium = _write_policies(folder, trips=trips, claims=claims, accounts=accounts, rng=rng)
    _write_declarations(folder, trips=trips, accounts=accounts)
    _write_loss_runs(folder, claims=claims, accounts=accounts, rates=rates, premium=premium, rng=rng)
    _write_stored_values(folder, accounts=accounts, network=network, trips=trips, rng=rng)


def _written(accounts: Accounts, insured: int) -> list[int]:
    """Numbers of the policy periods that have begun by the data's date."""
    return [k for k in range(4) if accounts.boundaries[insured][k] <= AS_OF]


def _write_policies(
    folder: FeedFolder, *, trips: Trips, claims: Claims, accounts: Accounts, rng: np.random.Generator
) -> dict[str, float]:
    """Premium aims at a loss ratio on half the account's own cost and half the book's rate on its value."""
    people = accounts.insureds
    value = np.bincount(trips.insured, weights=trips.value, minlength=len(people)) / 3
    cost = np.bincount(claims.insured, weights=claims.cost, minlength=len(people)) / 3
    rate = cost.sum() / value.sum()
    terms: dict[str, list[object]] = {"policy_id": [], "kind": [], "applies_to": [], "amount": [], "unit": []}
    moved: dict[str, list[object]] = {
        k: [] for k in ("policy_id", "moved_on", "kind", "gross_premium", "brokerage", "tax")
    }
    rows: list[dict[str, object]] = []
    premium: dict[str, float] = {}
    for i, person in enumerate(people):
        expected = 0.5 * float(cost[i]) + 0.5 * rate * float(value[i])
        for k in _written(accounts, i):
            starts, ends = accounts.boundaries[i][k], accounts.boundaries[i][k + 1]
            policy_id = accounts.policy_id(i, k)
            technical = round(expected * 1.04 ** (k - 1.5) / _TARGET_LOSS_RATIO, -2)
            written = round(technical * float(np.exp(rng.normal(0.0, _MISS))), 2)
            premium[policy_id] = written
            share = 0.5 if i % 6 == 4 else 1.0
            rows.append(
                {
                    "policy_id": policy_id,
                    "insured_id": person.insured_id,
                    "inception_date": starts,
                    "expiry_date": ends,
                    "policy_number": f"CGO-{starts.year}-{i + 1:04d}",
                    "prior_policy_id": accounts.policy_id(i, k - 1) if k else None,
                    "transaction": "renewal" if k or i % 3 else "new",
                    "status": "expired" if ends <= AS_OF else "in force",
                    "product": person.product,
                    "broker": person.broker,
                    "jurisdiction": person.jurisdiction,
                    "filing": person.filing,
                    "currency": person.currency,
                    "written_premium": written,
                    "minimum_premium": round(0.6 * technical, 2),
                    "technical_premium": technical,
                    "theft_loading": 0.2 if i % 8 == 3 else None,
                    "our_share": share,
                    "attachment_amount": 0.0,
                    "limit_amount": person.limit,
                    "deductible_amount": person.deductible,
                    "coinsurance": person.coinsurance,
                    "valuation_basis": person.valuation,
                    "brokerage_rate": 0.15,
                    "annual_declared_value": round(float(value[i]) * 1.06 ** (k - 1.5), -3),
                    "brokered_share": person.brokered,
                }
            )
            listed: list[tuple[str, str | None, float]] = [
                ("limit", None, person.limit),
                ("limit", "any one location", 4 * person.limit),
                ("deductible", None, person.deductible),
                ("aggregate", "theft", 5 * person.limit),
            ]
            listed += [("sub-limit", "theft", person.theft_sublimit)] if person.theft_sublimit else []
            for kind, applies_to, amount in listed:
                for name, item in zip(terms, (policy_id, kind, applies_to, amount, "money"), strict=True):
                    terms[name].append(item)
            movements = [(starts, "deposit", _DEPOSIT * written)]
            if ends + timedelta(days=45) <= AS_OF:
                movements.append((ends + timedelta(days=45), "adjustment", (1 - _DEPOSIT) * written))
            elif ends > AS_OF:
                movements.append((starts + timedelta(days=90), "instalment", (1 - _DEPOSIT) * written))
            for on, kind, amount in movements:
                if on <= AS_OF:
                    amounts = (round(amount, 2), round(0.15 * amount, 2), round(0.03 * amount, 2))
                    for name, part in zip(moved, (policy_id, on, kind, *amounts), strict=True):
                        moved[name].append(part)
    folder.write("policy", {name: pa.array([row[name] for row in rows]) for name in rows[0]})
    folder.write("policy_term", {name: pa.array(values) for name, values in terms.items()})
    folder.write("premium_movement", {name: pa.array(values) for name, values in moved.items()})
    return premium


def _write_declarations(folder: FeedFolder, *, trips: Trips, accounts: Accounts) -> None:
    """Trips and value by account and quarter as declared afterwards, and the year's estimate before."""
    people = accounts.insureds
    rows: list[dict[str, object]] = []
    day = trips.departed // DAY
    quarters = [q for q in _QUARTERS if q >= FIRST_DAY and _quarter_end(q) <= AS_OF]
    starts = np.array([(q - EPOCH).days for q in quarters])
    quarter = np.searchsorted(starts, day, side="right") - 1
    cell = trips.insured * len(quarters) + quarter
    count = np.bincount(cell, minlength=len(people) * len(quarters))
    value = np.bincount(cell, weights=trips.value, minlength=len(people) * len(quarters))
    largest = np.zeros(len(people) * len(quarters))
    np.maximum.at(largest, cell, trips.value)
    for i, person in enumerate(people):
        for k, starts_on in enumerate(quarters):
            at = i * len(quarters) + k
            period = int(accounts.periods(np.array([i]), np.array([day_of(starts_on)]))[0])
            shared = {
                "insured_id": person.insured_id,
                "policy_id": accounts.policy_id(i, period),
                "period_start": starts_on,
                "period_end": _quarter_end(starts_on),
                "is_estimate": False,
                "territory": person.area,
                "average_value": round(float(value[at]) / max(int(count[at]), 1), 2),
                "maximum_value": round(float(largest[at]), 2),
                "currency": person.currency,
            }
            rows.append({**shared, "basis": "declared value", "amount": round(float(value[at]), 2)})
            rows.append({**shared, "basis": "trips", "amount": float(count[at])})
        yearly = value[i * len(quarters) : (i + 1) * len(quarters)].sum() / 3
        rows += [
            {
                "insured_id": person.insured_id,
                "policy_id": accounts.policy_id(i, k),
                "period_start": accounts.boundaries[i][k],
                "period_end": accounts.boundaries[i][k + 1] - timedelta(days=1),
                "is_estimate": True,
                "territory": person.area,
                "average_value": None,
                "maximum_value": None,
                "currency": person.currency,
                "basis": "declared value",
                "amount": round(float(yearly) * 1.06 ** (k - 1.5), -3),
            }
            for k in _written(accounts, i)
        ]
    folder.write("exposure", {name: pa.array([row[name] for row in rows]) for name in rows[0]})


def _quarter_end(starts: date) -> date:
    following = date(starts.year + (starts.month == 10), (starts.month + 2) % 12 + 1, 1)
    return following - timedelta(days=1)


def _write_loss_runs(
    folder: FeedFolder,
    *,
    claims: Claims,
    accounts: Accounts,
    rates: dict[str, tuple[list[date], Floats]],
    premium: dict[str, float],
    rng: np.random.Generator,
) -> None:
    """Totals by policy, in US dollars, and two years before the data begin of which nothing else is known."""
    people = accounts.insureds
    paid, cost = claims.paid(), claims.cost
    period = accounts.periods(claims.insured, claims.lost_at)
    rows: list[dict[str, object]] = []
    for i, person in enumerate(people):
        to_dollars = float(rates[person.currency][1][-1]) if person.currency in rates else 1.0
        for k in _written(accounts, i):
            of_policy = (claims.insured == i) & (period == k)
            starts, ends = accounts.boundaries[i][k], accounts.boundaries[i][k + 1] - timedelta(days=1)
            settled = float(paid[of_policy].sum()) * to_dollars
            rows.append(
                {
                    "insured_id": person.insured_id,
                    "policy_id": accounts.policy_id(i, k),
                    "period_start": starts,
                    "period_end": min(ends, AS_OF),
                    "valued_on": AS_OF,
                    "claim_count": int(of_policy.sum()),
                    "paid": round(settled, 2),
                    "reserve": round(float((cost - paid)[of_policy].sum()) * to_dollars, 2),
                    "recovered": round(0.05 * settled, 2),
                }
            )
        first = accounts.boundaries[i][0]
        usual = premium[accounts.policy_id(i, 0)] * to_dollars
        for back in (2, 1):
            starts = first.replace(year=first.year - back)
            ends = first.replace(year=first.year - back + 1) - timedelta(days=1)
            settled = usual * float(rng.uniform(0.35, 0.75))
            rows.append(
                {
                    "insured_id": person.insured_id,
                    "policy_id": None,
                    "period_start": starts,
                    "period_end": ends,
                    "valued_on": AS_OF,
                    "claim_count": max(1, int((claims.insured == i).sum() / 3.2)),
                    "paid": round(settled, 2),
                    "reserve": 0.0,
                    "recovered": round(0.05 * settled, 2),
                }
            )
    folder.write("loss_year", {name: pa.array([row[name] for row in rows]) for name in rows[0]})


def _write_stored_values(
    folder: FeedFolder, *, accounts: Accounts, network: Network, trips: Trips, rng: np.random.Generator
) -> None:
    """What each account keeps at each warehouse, hub and yard that it uses, at every quarter's end."""
    places = sorted(
        {
            (place, int(user))
            for lane, (users, _) in zip(network.lanes, accounts.users, strict=True)
            for place in (lane.origin, lane.destination)
            for user in users
            if network.sites[place].kind in {"hub", "warehouse", "yard"}
        }
    )
    ends = [_quarter_end(q) for q in _QUARTERS if q >= FIRST_DAY and _quarter_end(q) <= AS_OF]
    site = np.repeat([place for place, _ in places], len(ends))
    user = np.repeat([person for _, person in places], len(ends))
    load = np.bincount(trips.insured, weights=trips.value, minlength=len(accounts.insureds))
    usual = load / np.maximum(np.bincount(trips.insured, minlength=len(accounts.insureds)), 1)
    average = np.round(usual[user] * rng.uniform(1.5, 6.0, len(site)), 2)
    folder.write(
        "site_value",
        {
            "site_id": take([network.site_id(k) for k in range(len(network.sites))], site),
            "insured_id": take([row.insured_id for row in accounts.insureds], user),
            "on_date": days(np.tile([day_of(end) + 60 for end in ends], len(places))),
            "average_value": average,
            "maximum_value": np.round(average * rng.uniform(1.2, 2.5, len(site)), 2),
        },
    )
