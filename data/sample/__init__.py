"""The labelled synthetic portfolio: written as files, loaded like anyone's, with its planted truths beside it.

It exists so that a newcomer sees every page filled at once, and so that tests can ask each analysis for what is known
to be there and for what is known not to be. Figures are calibrated to published ones (``design.py``); every party,
loss and amount is invented, and the places are real.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from data.errors import LanewiseError
from data.load import Fit, LoadResult, Progress, load_feed
from data.sample.accounts import build_accounts
from data.sample.claims import build_claims, write_claims
from data.sample.design import SIZES, Size, SizeName, generator
from data.sample.files import FeedFolder
from data.sample.incidents import write_other_incidents, write_own_incidents
from data.sample.movements import Delivered, Movements, fate_of
from data.sample.network import build_network
from data.sample.prevention import write_places, write_prevention, write_refunds
from data.sample.thefts import build_events, choose_trips
from data.sample.trips import Ways, build_trips
from data.sample.truth import describe_truth
from data.sample.underwriting import rates_of_exchange, write_rates, write_underwriting
from data.snapshots import TRUTH_FILE

__all__ = ["SIZES", "TRUTH_FILE", "Size", "SizeName", "write_feed", "write_sample"]


def write_sample(
    portfolio: Path,
    *,
    size: SizeName = "small",
    seed: int = 1,
    progress: Progress | None = None,
    fit: Fit | None = None,
) -> LoadResult:
    """Write a synthetic portfolio: generate its feed in a temporary folder, load it, and keep its truths beside it.

    Parameters
    ----------
    portfolio
        Folder of the portfolio; made if it does not exist. One that holds real data is refused.
    size
        small: 60,000 shipments; medium: a million; large: ten million.
    seed
        The same seed gives the same rows.
    progress
        Called with a line of text at each step.
    fit
        Passed on to :func:`data.load.load_feed`.

    Raises
    ------
    LanewiseError
        The size is unknown, the seed negative, or the portfolio cannot take the feed.
    """
    say = progress or (lambda _: None)
    portfolio.mkdir(parents=True, exist_ok=True)
    # Beside the portfolio, not in /tmp: a large sample's files are gigabytes.
    for leftover in portfolio.glob(".sample-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".sample-", dir=portfolio) as scratch:
        folder = Path(scratch)
        truth = write_feed(folder, size=size, seed=seed, progress=say)
        result = load_feed(folder, portfolio=portfolio, fit=fit, progress=progress)
    temporary = portfolio / f"{TRUTH_FILE}.new"
    temporary.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    temporary.replace(portfolio / TRUTH_FILE)
    return result


def write_feed(
    folder: Path, *, size: SizeName = "small", seed: int = 1, progress: Progress | None = None
) -> dict[str, object]:
    """Write the feed of a synthetic portfolio, Parquet files and feed.toml, into an existing folder.

    Returns
    -------
    dict
        What was planted: the content of truth.json.
    """
    if size not in SIZES:
        raise LanewiseError(f"{size!r} is no size of a sample", hint=f"Sizes are {', '.join(SIZES)}.")
    if seed < 0:
        raise LanewiseError(f"the seed {seed} is negative", hint="Take 0 or any whole number above it.")
    say = progress or (lambda _: None)
    scale = SIZES[size]
    say(f"Inventing a {size} portfolio of {scale.shipments:,} shipments (seed {seed})")
    network = build_network(scale, generator(seed, "network"))
    accounts = build_accounts(scale, network, generator(seed, "accounts"))
    ways = Ways(network)
    trips = build_trips(scale, network, accounts, ways, generator(seed, "trips"))
    planted = choose_trips(scale, trips, network, generator(seed, "thefts"))
    events = build_events(scale, trips, network, accounts, ways, planted, generator(seed, "events"))
    feed = FeedFolder(folder)
    rng = generator(seed, "movements")
    fate = fate_of(trips, events, rng)
    movements = Movements(feed, trips=trips, network=network, accounts=accounts, ways=ways, fate=fate)
    movements.write_devices(rng)
    claim_share = (scale.claims - scale.thefts) / scale.shipments
    edges = np.linspace(0, len(trips), scale.chunks + 1).astype(int).tolist()
    damaged, parcels = [], []
    for part, (first, last) in enumerate(pairwise(edges), start=1):
        if scale.chunks > 1:
            say(f"Moving goods: part {part} of {scale.chunks}")
        broken, handed_over = movements.write(first, last, claim_share=claim_share, rng=rng)
        damaged.append(broken)
        parcels.append(handed_over)
    rng = generator(seed, "claims")
    claims = build_claims(trips=trips, events=events, damaged=_joined(damaged), accounts=accounts, rng=rng)
    event_ids = write_own_incidents(feed, events, trips=trips, accounts=accounts, network=network, rng=rng)
    write_other_incidents(feed, size=scale, network=network, rng=generator(seed, "market"))
    write_claims(
        feed, claims, trips=trips, events=events, event_ids=event_ids, accounts=accounts, network=network, rng=rng
    )
    rng = generator(seed, "underwriting")
    rates = rates_of_exchange(rng)
    write_rates(feed, rates)
    write_underwriting(feed, trips=trips, claims=claims, accounts=accounts, network=network, rates=rates, rng=rng)
    rng = generator(seed, "prevention")
    write_places(feed, network, rng)
    controls = write_prevention(feed, network=network, accounts=accounts, trips=trips, rng=rng)
    ring = write_refunds(feed, _joined(parcels), rng=rng)
    feed.finish()
    return describe_truth(
        size=scale,
        seed=seed,
        network=network,
        accounts=accounts,
        trips=trips,
        events=events,
        planted=planted,
        controls=controls,
        ring=ring,
    )


def _joined(parts: list[Delivered]) -> Delivered:
    return Delivered(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("shipment", "trip", "value", "at"))
    )
