"""What was planted: for each truth where it is, how strong, which analysis must find it, and with which verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from data.sample.accounts import (
    DARK_AT_LOSS,
    DARK_DEVICES,
    FALLING_DEVICES,
    FEW_DEVICES,
    FOREIGN,
    HIGH_DEDUCTIBLE,
    LATE_REPORTER,
    Accounts,
)
from data.sample.design import (
    AS_OF,
    BAD_YEAR,
    BAD_YEAR_FACTOR,
    CONTROL_CUT,
    CONTROL_FROM,
    END,
    FALLING_FROM,
    FIRST_DAY,
    THEFT_COST_SHARE,
    USELESS_FROM,
    Size,
)
from data.sample.movements import PLANTED_DARK, USUAL_DARK
from data.sample.network import Network
from data.sample.prevention import Ring
from data.sample.thefts import Events, Planted
from data.sample.trips import Trips

#: What expected thefts and the ratio of a planted lane are stated on.
LANE_BASIS = "trips of the lane, at all thefts of line haul trips over all line haul trips"
#: The same of the planted site: as of lanes, since its trips were chosen so.
SITE_BASIS = (
    "trips of the lanes listed, at all thefts of line haul trips over all line haul trips; not the expectation of the"
    " site, which counts only thefts that name a site, over every passage of one: fewer are expected there and the"
    " ratio is higher"
)


@dataclass(frozen=True)
class Truth:
    """One planted truth."""

    id: str
    kind: str
    table: str
    keys: list[str]
    """Keys in ``table``."""
    description: str
    verdict: list[str]
    """What the analysis may say; any of them is right."""
    analysis: str
    """Subject that must find it, or must not."""
    must_be_found: bool
    effect: dict[str, float | int | str | list[str]] = field(default_factory=dict)


def describe_truth(
    *,
    size: Size,
    seed: int,
    network: Network,
    accounts: Accounts,
    trips: Trips,
    events: Events,
    planted: Planted,
    controls: dict[str, list[str]],
    ring: Ring,
) -> dict[str, object]:
    """Everything planted in a sample, ready for truth.json."""
    truths = [
        *_places(network, planted),
        *_movers(accounts, trips, events),
        *_responses(network, events),
        *_controls(network, planted, controls),
        *_circumstances(accounts, ring),
    ]
    touched = [network.lane_id(lane) for lane in network.site_lanes]
    return {
        "synthetic": True,
        "size": size.name,
        "seed": seed,
        "as_of": AS_OF.isoformat(),
        "first_day": FIRST_DAY.isoformat(),
        "thefts": int((~events.attempt).sum()),
        "thefts_reported": int((~events.attempt & (events.reported < END)).sum()),
        "attempts": int(events.attempt.sum()),
        "theft_cost_share": THEFT_COST_SHARE,
        # Lanes and sites whose rate is raised by a truth about something else: any verdict on them is right.
        "any_verdict": {"lane": touched, "site": _sites_of_planted_lanes(network)},
        "truths": [asdict(truth) for truth in truths],
    }


def _sites_of_planted_lanes(network: Network) -> list[str]:
    """Where planted lanes begin, end and halt; those of the planted site are robbed at its gate, not on the way."""
    robbed_along = [network.lanes[lane] for lane in (network.planted_lane, *network.small_lanes)]
    ending = [*robbed_along, *(network.lanes[lane] for lane in network.site_lanes)]
    places = {place for lane in ending for place in (lane.origin, lane.destination)}
    places |= {place for lane in robbed_along for _, _, place in lane.stops}
    return [network.site_id(place) for place in sorted(places - {network.planted_site})]


def _places(network: Network, planted: Planted) -> list[Truth]:
    def effect(group: str, *, basis: str = LANE_BASIS) -> dict[str, float | int | str | list[str]]:
        return {
            "basis": basis,
            "expected_at_portfolio_rate": round(planted.expected[group], 3),
            "thefts": planted.counts[group],
            "ratio": round(planted.counts[group] / planted.expected[group], 3),
        }

    lane = network.planted_lane
    truths = [
        Truth(
            "hotspot-lane", "hotspot", "lane", [network.lane_id(lane)],
            f"{network.lane_name(lane)} is robbed far above the portfolio's rate.",
            ["hotspot"], "hotspots", must_be_found=True, effect=effect("planted lane"),
        ),
        Truth(
            "hotspot-site", "hotspot", "site", [network.site_id(network.planted_site)],
            f"Trips that start or end at {network.sites[network.planted_site].name} are robbed at its gate.",
            ["hotspot"], "hotspots", must_be_found=True,
            effect={
                **effect("planted site", basis=SITE_BASIS),
                "lanes": [network.lane_id(lane) for lane in network.site_lanes],
            },
        ),
        Truth(
            "busy-ordinary-lane", "no hotspot", "lane", [network.lane_id(network.even_lane)],
            f"{network.lane_name(network.even_lane)} has many thefts because it has many trips: the portfolio's rate.",
            ["ordinary"], "hotspots", must_be_found=False, effect=effect("even lane"),
        ),
    ]  # fmt: skip
    for k, small in enumerate(network.small_lanes, start=1):
        truths.append(
            Truth(
                f"small-lane-{k}",
                "hotspot",
                "lane",
                [network.lane_id(small)],
                f"{network.lane_name(small)} is robbed far above the portfolio's rate but has few trips.",
                ["hotspot", "watch", "not enough data"],
                "hotspots",
                must_be_found=True,
                effect=effect(f"small lane {k}"),
            )
        )
    return truths


def _movers(accounts: Accounts, trips: Trips, events: Events) -> list[Truth]:
    def carrier(position: int) -> tuple[str, str]:
        return accounts.carriers[position][0], accounts.carriers[position][1]

    dark, dark_name = carrier(DARK_DEVICES)
    falling, falling_name = carrier(FALLING_DEVICES)
    few, few_name = carrier(FEW_DEVICES)
    late, late_name = carrier(LATE_REPORTER)
    person = accounts.insureds[DARK_AT_LOSS]
    robbed = ~events.attempt & (events.trip >= 0) & (events.insured == DARK_AT_LOSS) & (events.reported < END)
    tracked = robbed & trips.tracked[np.maximum(events.trip, 0)]
    return [
        Truth(
            "dark-carrier", "low uptime", "carrier", [dark],
            f"The devices of {dark_name} are dark several times as long as others'.",
            ["below floor", "outside funnel"], "telemetry", must_be_found=True,
            effect={"dark_share": PLANTED_DARK, "usual_dark_share": USUAL_DARK},
        ),
        Truth(
            "falling-fleet", "falling uptime", "carrier", [falling],
            f"The uptime of {falling_name} falls from {FALLING_FROM}.",
            ["signal"], "telemetry", must_be_found=True,
            effect={
                "from": FALLING_FROM.isoformat(), "dark_share_before": USUAL_DARK, "dark_share_after": PLANTED_DARK,
            },
        ),
        Truth(
            "few-devices", "no low uptime", "carrier", [few],
            f"{few_name} has few tracked trips, and devices as good as others'.",
            ["ordinary", "not enough data"], "telemetry", must_be_found=False, effect={"dark_share": USUAL_DARK},
        ),
        Truth(
            "dark-at-loss", "dark at loss", "insured", [person.insured_id],
            f"Trackers of {person.name} go silent before its goods are stolen.",
            ["referral"], "telemetry", must_be_found=True,
            effect={
                "thefts_tracked": int(tracked.sum()), "dark_at_loss": int((tracked & events.dark).sum()),
                "dark_share": USUAL_DARK,
            },
        ),
        Truth(
            "late-reporter", "late reporting", "carrier", [late],
            f"Losses on trips of {late_name} are reported 32 to 62 days after they happened.",
            ["signal"], "claims", must_be_found=True, effect={"lag_days_from": 32, "lag_days_to": 62},
        ),
    ]  # fmt: skip


def _responses(network: Network, events: Events) -> list[Truth]:
    slow = events.site == network.slow_site
    return [
        Truth(
            "slow-hub", "slow containment", "site", [network.site_id(network.slow_site)],
            f"Incidents at {network.sites[network.slow_site].name} take hours to contain, elsewhere under one.",
            ["signal"], "containment", must_be_found=True,
            effect={"median_minutes": 205, "usual_median_minutes": 52, "incidents": int(slow.sum())},
        )
    ]  # fmt: skip


def _controls(network: Network, planted: Planted, controls: dict[str, list[str]]) -> list[Truth]:
    before, thefts_before, after, thefts_after = planted.before_and_after
    treated = [network.lane_id(lane) for lane in network.treated_lanes]
    idle = [network.lane_id(lane) for lane in network.useless_lanes]
    return [
        Truth(
            "seals-work", "control effect", "control", controls["seals"],
            f"Seals and weight sensors prevent {CONTROL_CUT:.0%} of thefts on these lanes from {CONTROL_FROM}.",
            ["interval covers the effect"], "controls", must_be_found=True,
            effect={
                "lanes": treated, "from": CONTROL_FROM.isoformat(), "reduction": CONTROL_CUT,
                "expected_before": round(before, 3), "thefts_before": thefts_before,
                "expected_after_without": round(after, 3), "thefts_after": thefts_after,
            },
        ),
        Truth(
            "reconciliation-useless", "no control effect", "control", controls["useless"],
            "This control changes nothing on its lanes.",
            ["interval covers zero"], "controls", must_be_found=False,
            effect={"lanes": idle, "from": USELESS_FROM.isoformat(), "reduction": 0.0},
        ),
    ]  # fmt: skip


def _circumstances(accounts: Accounts, ring: Ring) -> list[Truth]:
    high, foreign = accounts.insureds[HIGH_DEDUCTIBLE], accounts.insureds[FOREIGN]
    return [
        Truth(
            "refund-ring", "refund ring", "refund", ring.refunds,
            f"{ring.operator} (hashed at load) grants bursts of refunds over 100 within hours, nothing sent back.",
            ["hit"], "claims", must_be_found=True, effect={"operator_id": ring.operator, "refunds": len(ring.refunds)},
        ),
        Truth(
            "high-deductible", "high deductible", "insured", [high.insured_id],
            f"{high.name} bears 50,000 of each loss: left out of the fit of theft rates, and said so.",
            ["left out"], "hotspots", must_be_found=True, effect={"deductible": high.deductible},
        ),
        Truth(
            "other-currency", "currency", "insured", [foreign.insured_id],
            f"Policies, shipments and claims of {foreign.name} are in {foreign.currency}.",
            ["converted"], "exposure", must_be_found=True, effect={"currency": foreign.currency},
        ),
        Truth(
            "bad-year", "common year", "incident", [],
            f"Every lane is worse in {BAD_YEAR}: a year's effect, not a place's.",
            ["year factor"], "hotspots", must_be_found=True, effect={"year": BAD_YEAR, "factor": BAD_YEAR_FACTOR},
        ),
    ]  # fmt: skip
