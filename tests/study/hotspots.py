"""Do the verdicts of Hotspots keep what they promise, on books whose truth is known?

A hot lane is one whose true risk exceeds 1.5 times the book's mean. The verdicts are those of the product's own fit;
rankings by raw count and raw rate, and Gi* on lanes and on cells, stand beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import h3
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.clusters import BEYOND_LANES
from analysis.discovery import benjamini_hochberg, expected_chance
from analysis.geography import neighbouring_cells
from analysis.models import DEFAULTS, fit_hotspots
from analysis.spatial import local_g, neighbour_weights, sharing_weights, standardise_rates, upper_p_values
from tests.study.books import WORLDS, Book, draw_book

Array = NDArray[np.float64]
#: What is counted over books, and of how many: a share is their quotient.
Tally = dict[str, tuple[float, float]]

THEFTS = (30, 100, 300, 1_000, 3_000)
SEEDS = 50
#: Bins of the expected count of a lane: from, up to.
BINS = ((0.0, 1.0), (1.0, 3.0), (3.0, 10.0), (10.0, 30.0), (30.0, float("inf")))
#: H3 resolutions of Gi* on cells; cells are some 120 and 17 km across.
RESOLUTIONS = (3, 5)
_TOP = 10
_VERDICTS = """
select v.place_id as lane_id, v.units, v.observed, v.expected, v.low, v.high, v.probability, v.weight, v.verdict,
    v.excess_loss
from hotspot_verdict as v
where v.level = 'lane'
order by v.place_id
"""
_CLUSTERS = """
select c.p_value, c.p_value_lanes, m.lane_id
from hotspot_cluster as c join hotspot_cluster_lane as m on c.cluster_id = m.cluster_id
order by all
"""


def run(*, seeds: int = SEEDS, thefts: Sequence[int] = THEFTS) -> dict[str, dict[int, Tally]]:
    """Every measure over so many books of each world and size: world, thefts expected, measure."""
    found: dict[str, dict[int, Tally]] = {}
    for number, world in enumerate(WORLDS):
        found[world] = {}
        for size in thefts:
            books = (
                measure(draw_book(np.random.default_rng([seed, number, size]), world=world, thefts=size))
                for seed in range(1, seeds + 1)
            )
            found[world][size] = add(books)
    return found


def add(tallies: Iterable[Tally]) -> Tally:
    """Sums over books."""
    above, below = Counter[str](), Counter[str]()
    for tally in tallies:
        for name, (part, whole) in tally.items():
            above[name] += part
            below[name] += whole
    return {name: (float(above[name]), float(below[name])) for name in below}


def measure(book: Book) -> Tally:
    """Everything that one book tells."""
    with book.connection() as connection:
        fit_hotspots(connection)
        lanes = book.lanes.merge(connection.execute(_VERDICTS).df().drop(columns="units"), on="lane_id")
        clusters = connection.execute(_CLUSTERS).df()
    tally: Tally = {
        "thefts": (len(book.thefts), 1),
        "hot lanes": (float((lanes["ratio"] > DEFAULTS.hotspot_ratio).sum()), 1),
    }
    tally |= judge_verdicts(lanes)
    tally |= judge_rankings(lanes)
    tally |= judge_scan(lanes, clusters)
    for name, (called, hot) in gi_star_calls(book, lanes).items():
        tally |= judge_calls(name, called=called, hot=hot)
    return tally


def judge_verdicts(lanes: pd.DataFrame) -> Tally:
    """Hotspots, watch list and intervals against the truth."""
    hot = (lanes["ratio"] > DEFAULTS.hotspot_ratio).to_numpy()
    called, watched = ((lanes["verdict"] == verdict).to_numpy() for verdict in ("hotspot", "watch"))
    enough = (lanes["verdict"] != "not enough data").to_numpy()
    covered = lanes["ratio"].between(lanes["low"], lanes["high"]).to_numpy()
    doubt = lanes["probability"].to_numpy()
    tally = judge_calls("verdict", called=called, hot=hot)
    tally |= {
        "exposure with enough data": (float(lanes.loc[enough, "due"].sum()), float(lanes["due"].sum())),
        "lanes watched": (float(watched.sum()), 1),
        "watched, wrong": (float((watched & ~hot).sum()), float(watched.sum())),
        "watched, said to be wrong": (expected_chance(doubt[watched]) if watched.any() else 0.0, float(watched.sum())),
        "called, said to be wrong": (expected_chance(doubt[called]) if called.any() else 0.0, float(called.sum())),
        "covered, all lanes": (float(covered.sum()), float(len(lanes))),
        "covered, enough data": (float((covered & enough).sum()), float(enough.sum())),
        "covered, hot lanes": (float((covered & hot).sum()), float(hot.sum())),
    }
    for low, high in BINS:
        inside = hot & lanes["due"].between(low, high, inclusive="left").to_numpy()
        tally[f"called, {bin_words(low, high)}"] = (float((inside & called).sum()), float(inside.sum()))
        tally[f"called or watched, {bin_words(low, high)}"] = (
            float((inside & (called | watched)).sum()),
            float(inside.sum()),
        )
    return tally


def judge_calls(name: str, *, called: NDArray[np.bool_], hot: NDArray[np.bool_]) -> Tally:
    """How many are called, how many of them wrongly, and how many of the hot ones are found."""
    false = float((called & ~hot).sum())
    # A book without a call has none that is false.
    rate = false / max(float(called.sum()), 1.0)
    return {
        f"{name}: called": (float(called.sum()), 1),
        f"{name}: books with a call": (float(called.any()), 1),
        f"{name}: false-discovery rate": (rate, 1),
        f"{name}: false-discovery rate squared": (rate**2, 1),
        f"{name}: false of all calls": (false, float(called.sum())),
        f"{name}: hot ones found": (float((called & hot).sum()), float(hot.sum())),
    }


def judge_rankings(lanes: pd.DataFrame) -> Tally:
    """Share of the true excess loss in the ten lanes that come first by each ranking, and by the truth itself."""
    excess = (lanes["due"] * (lanes["ratio"] - 1).clip(lower=0) * lanes["severity"]).to_numpy()
    orders = {
        "excess loss": lanes["excess_loss"],
        "raw rate": lanes["observed"] / lanes["units"],
        "raw count": lanes["observed"],
        "truth": pd.Series(excess),
    }
    return {
        f"top ten by {name}": (
            float(excess[by.reset_index(drop=True).sort_values(ascending=False, kind="stable").index[:_TOP]].sum()),
            float(excess.sum()),
        )
        for name, by in orders.items()
        if excess.sum() > 0
    }


def judge_scan(lanes: pd.DataFrame, clusters: pd.DataFrame) -> Tally:
    """Books with a cluster at 5%, against equal lanes and also against lanes that differ; and what clusters hold."""
    beyond = clusters[clusters["p_value_lanes"] <= BEYOND_LANES]
    tally: Tally = {
        "scan: books with a cluster": (float(len(clusters) > 0), 1),
        "scan: books with a cluster beyond lanes": (float(len(beyond) > 0), 1),
    }
    planted = set(lanes.loc[lanes["planted"], "lane_id"])
    if planted:
        for name, part in (("cluster", clusters), ("cluster beyond lanes", beyond)):
            held = set(part["lane_id"])
            tally[f"scan: lanes of a {name} that are planted"] = (float(len(held & planted)), float(len(held)))
            tally[f"scan: planted lanes in a {name}"] = (float(len(held & planted)), float(len(planted)))
    return tally


def gi_star_calls(book: Book, lanes: pd.DataFrame) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """What Gi* calls on lanes that share a site, and on H3 cells of two resolutions; and which of those are hot.

    A cell's thefts are those at its sites; what is expected of a lane falls half on each end.
    """
    due = lanes["expected"].to_numpy()
    if not due.sum() > 0:
        return {}
    code = {site: number for number, site in enumerate(book.sites["site_id"])}
    ends = [lanes["origin_site_id"].map(code).to_numpy(), lanes["destination_site_id"].map(code).to_numpy()]
    points = [list(pair) for pair in zip(*ends, strict=True)]
    kept = due > 0
    scores = local_g(
        standardise_rates(lanes["observed"].to_numpy()[kept], due[kept]),
        sharing_weights([pair for pair, has in zip(points, kept, strict=True) if has]),
    )
    called = np.zeros(len(lanes), dtype=np.bool_)
    called[kept] = benjamini_hochberg(upper_p_values(scores)).rejected
    found = {"Gi* on lanes": (called, (lanes["ratio"] > DEFAULTS.hotspot_ratio).to_numpy())}
    at_site = np.bincount(book.thefts["site_id"].map(code).to_numpy(dtype=np.int64), minlength=len(code))
    for resolution in RESOLUTIONS:
        cells, of_site = np.unique(
            [
                h3.latlng_to_cell(*pair, resolution)
                for pair in zip(book.sites["latitude"], book.sites["longitude"], strict=True)
            ],
            return_inverse=True,
        )

        def by_cell(values: Array, of_site: NDArray[np.int64] = of_site, size: int = len(cells)) -> Array:
            return sum(np.bincount(of_site[end], weights=values / 2, minlength=size) for end in ends)

        expected, true_due = by_cell(due), by_cell(lanes["due"].to_numpy())
        true = by_cell((lanes["due"] * lanes["ratio"]).to_numpy())
        events = np.bincount(of_site, weights=at_site, minlength=len(cells))
        has = expected > 0
        near = neighbouring_cells(cells[has].tolist())
        place = {cell: number for number, cell in enumerate(cells[has])}
        weights = neighbour_weights([[place[other] for other in near[cell]] for cell in cells[has]])
        scores = local_g(standardise_rates(events[has], expected[has]), weights)
        found[f"Gi* on cells of resolution {resolution}"] = (
            benjamini_hochberg(upper_p_values(scores)).rejected,
            (true[has] / true_due[has]) > DEFAULTS.hotspot_ratio,
        )
    return found


def bin_words(low: float, high: float) -> str:
    """A bin of expected counts in words."""
    return f"{low:g} or more expected" if np.isinf(high) else f"{low:g} to {high:g} expected"
