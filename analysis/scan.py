"""Where do neighbouring places together have more events than expected, and could chance have made the worst of them?

Kulldorff's scan statistic for counts. Which sets of places may be a cluster is a parameter: circles around each place
for the published case, connected sets for lanes. However many sets are tried, the p-value accounts for all of them: it
compares the worst set found with the worst set of each of many books drawn by chance.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, special

from analysis.geography import great_circle_distance

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Zones = sparse.csr_array[Any]

#: No zone holds more than this share of what is expected of all: beyond it, the others would be the anomaly.
MOST_SHARE = 0.5
#: Books drawn at a time: bounds the memory at zones x this.
_AT_ONCE = 50


@dataclass(frozen=True)
class Cluster:
    """A zone with more events than chance lets expect.

    Attributes
    ----------
    places
        Indices of its places, ascending.
    observed, expected
        Events in it, and those expected if all places had the same risk (all expected counts are scaled so that they
        add up to the events).
    relative_risk
        Observed over expected in it, divided by the same outside; infinite where nothing happened outside.
    log_likelihood_ratio
        How much better two risks, inside and outside, explain the counts than one.
    p_value
        (1 + drawn books whose strongest zone is at least as strong) / (books drawn + 1).
    """

    places: Places
    observed: int
    expected: float
    relative_risk: float
    log_likelihood_ratio: float
    p_value: float


@dataclass(frozen=True)
class ScanResult:
    """Clusters that share no place, the strongest first, and what they were compared with.

    Attributes
    ----------
    clusters
        Each with a log-likelihood ratio above 0. Those after the first are judged by the same drawn books, as if the
        first were not there: their p-values are on the safe side.
    zones
        How many different sets of places were tried.
    maxima
        Strongest log-likelihood ratio of each drawn book.
    """

    clusters: tuple[Cluster, ...]
    zones: int
    maxima: Array

    def p_value(self, log_likelihood_ratio: float) -> float:
        """How often does chance give a zone at least this strong? Never below 1 / (books drawn + 1)."""
        # Equal counts in another order of summation must count as equal.
        reached = int((self.maxima >= log_likelihood_ratio - 1e-9).sum())
        return (1 + reached) / (len(self.maxima) + 1)


def log_likelihood_ratio(observed: ArrayLike, expected: ArrayLike, *, total: float) -> Array:
    """How much better do two risks, inside and outside a zone, explain the counts than one? 0 where it is not worse.

    O ln(O / E) + (N - O) ln((N - O) / (N - E)) where O > E, else 0.

    Parameters
    ----------
    observed, expected
        O and E of each zone, E on the scale on which all places have N.
    total
        N, events of all places.

    References
    ----------
    Kulldorff (1997), Communications in Statistics: Theory and Methods 26:1481-1496, section 4.

    Examples
    --------
    >>> float(log_likelihood_ratio([20], [10.0], total=100)[0].round(3))
    4.44
    """
    inside, due = np.broadcast_arrays(np.asarray(observed, dtype=np.float64), np.asarray(expected, dtype=np.float64))
    outside, rest = total - inside, total - due
    strength = special.xlogy(inside, inside / np.maximum(due, 1e-300)) + special.xlogy(
        outside, outside / np.maximum(rest, 1e-300)
    )
    ratio: Array = np.where(inside > due, strength, 0.0)
    return np.atleast_1d(ratio)


def circles(
    latitudes: ArrayLike, longitudes: ArrayLike, weights: ArrayLike, *, most_share: float = MOST_SHARE
) -> Zones:
    """Which circles around each place are there? Each with all places up to some distance from its centre.

    Places at the same distance come in together. A circle holds at most ``most_share`` of the weights (population, or
    expected counts).

    Returns
    -------
    One row a different circle, one column a place; 1 where it holds the place.

    References
    ----------
    Kulldorff & Nagarwalla (1995), Statistics in Medicine 14:799-810; great-circle distances as in SaTScan.
    """
    latitude, longitude = np.asarray(latitudes, dtype=np.float64), np.asarray(longitudes, dtype=np.float64)
    weight = np.asarray(weights, dtype=np.float64)
    most = most_share * weight.sum()
    sets: list[Places] = []
    for centre in range(len(weight)):
        distance = great_circle_distance(
            latitude[centre], longitude[centre], to_latitudes=latitude, to_longitudes=longitude
        )
        order = np.argsort(distance, kind="stable")
        near = distance[order]
        ends = np.flatnonzero(np.append(np.diff(near) > 1e-6, True)) + 1
        held = np.cumsum(weight[order])
        sets.extend(order[:end] for end in ends if held[end - 1] <= most)
    return distinct_zones(sets, places=len(weight))


def connected_zones(
    points: Sequence[Sequence[int]],
    distances: Iterable[ArrayLike],
    weights: ArrayLike,
    *,
    least: int = 2,
    most: int = 30,
    most_share: float = MOST_SHARE,
) -> Zones:
    """Which sets of places hang together around a centre? From each centre the nearest, as far as they connect.

    Places are neighbours if they touch a common point: lanes that share a site. From each centre the nearest place
    comes first; then, one by one, the nearest of those that are neighbours of one already in. Every set on the way is
    a zone, so there are at most centres x (``most`` - ``least`` + 1) of them, each connected.

    Parameters
    ----------
    points
        For each place the points that it touches, 0 and up.
    distances
        For each centre its distance to every place; infinite for those that may not enter.
    weights
        Expected counts of the places: a zone holds at most ``most_share`` of them.
    least, most
        How many places a zone has.

    Returns
    -------
    As of :func:`circles`.
    """
    weight = np.asarray(weights, dtype=np.float64)
    limit = most_share * weight.sum()
    touching: dict[int, list[int]] = {}
    for place, touched in enumerate(points):
        for point in set(touched):
            touching.setdefault(point, []).append(place)
    sets: list[Places] = []
    for row in distances:
        grown = _grow(points, touching, np.asarray(row, dtype=np.float64), weight, most=most, limit=limit)
        sets.extend(np.array(grown[:size], dtype=np.int64) for size in range(least, len(grown) + 1))
    return distinct_zones(sets, places=len(weight))


def _grow(
    points: Sequence[Sequence[int]], touching: dict[int, list[int]], distance: Array, weight: Array, *, most: int,
    limit: float,
) -> list[int]:  # fmt: skip
    """Places in the order in which they join those before them."""
    if not np.isfinite(distance).any():
        return []
    first = int(np.argmin(distance))
    waiting = [(float(distance[first]), first)]
    queued, opened = {first}, set[int]()
    grown: list[int] = []
    held = 0.0
    while waiting and len(grown) < most:
        _, place = heapq.heappop(waiting)
        held += float(weight[place])
        if held > limit:
            break
        grown.append(place)
        for point in sorted(set(points[place]) - opened):
            opened.add(point)
            for near in touching[point]:
                if near not in queued and np.isfinite(distance[near]):
                    queued.add(near)
                    heapq.heappush(waiting, (float(distance[near]), near))
    return grown


def distinct_zones(sets: Iterable[Sequence[int] | Places], *, places: int) -> Zones:
    """The different ones among sets of places, as a sparse matrix: one row a zone, one column a place."""
    found = dict.fromkeys(tuple(np.unique(np.asarray(chosen, dtype=np.int64)).tolist()) for chosen in sets)
    found.pop((), None)
    sizes = [len(zone) for zone in found]
    columns = np.fromiter((place for zone in found for place in zone), dtype=np.int64, count=sum(sizes))
    pointers = np.concatenate(([0], np.cumsum(np.array(sizes, dtype=np.int64))))
    return sparse.csr_array((np.ones(len(columns)), columns, pointers), shape=(len(found), places))


def scan(
    observed: ArrayLike,
    expected: ArrayLike,
    zones: Zones,
    *,
    generator: np.random.Generator,
    replicates: int = 999,
    most_clusters: int = 10,
) -> ScanResult:
    """Which zones have most above expectation, and how often would chance give one as strong?

    In a drawn book every place has the same risk: its events fall on places in proportion to what is expected.

    Parameters
    ----------
    observed, expected
        Events of each place, and what was expected; those are scaled to add up to the events.
    zones
        Sets of places that may be a cluster: :func:`circles` or :func:`connected_zones`.
    generator
        Of the drawn books.
    replicates
        How many books are drawn: no p-value is below 1 / (replicates + 1).
    most_clusters
        How many clusters are given, at most.

    Raises
    ------
    ValueError
        Counts and zones do not match, a count is no whole number, or an event lies where none can be expected.

    References
    ----------
    Kulldorff (1997), Communications in Statistics: Theory and Methods 26:1481-1496; the Monte Carlo p-value: Dwass
    (1957), Annals of Mathematical Statistics 28:181-187; clusters after the first: Kulldorff & Nagarwalla (1995),
    section 3.
    """
    counts, due = _checked(observed, expected, zones)
    total = int(counts.sum())
    if not total or not zones.shape[0]:
        return ScanResult((), int(zones.shape[0]), np.zeros(replicates, dtype=np.float64))
    due = due * (total / due.sum())
    zone_due = zones @ due
    strength = log_likelihood_ratio(zones @ counts, zone_due, total=total)
    maxima = _strongest_ratios(zones, zone_due, due, total=total, generator=generator, replicates=replicates)
    result = ScanResult((), int(zones.shape[0]), maxima)
    clusters: list[Cluster] = []
    taken = np.zeros(len(counts), dtype=np.bool_)
    # Of equally strong zones the smaller comes first, then the one found first.
    order = np.lexsort((np.arange(len(strength)), np.diff(zones.indptr), -strength.round(9)))
    for zone in order:
        if strength[zone] <= 0 or len(clusters) == most_clusters:
            break
        places = zones.indices[zones.indptr[zone] : zones.indptr[zone + 1]].astype(np.int64)
        if taken[places].any():
            continue
        taken[places] = True
        inside, outside = int(counts[places].sum()), total - int(counts[places].sum())
        risk, rest = inside / zone_due[zone], total - zone_due[zone]
        clusters.append(
            Cluster(
                places=np.sort(places),
                observed=inside,
                expected=float(zone_due[zone]),
                relative_risk=float(risk / (outside / rest)) if outside else float("inf"),
                log_likelihood_ratio=float(strength[zone]),
                p_value=result.p_value(float(strength[zone])),
            )
        )
    return ScanResult(tuple(clusters), result.zones, maxima)


def differing_p_values(
    clusters: Sequence[ArrayLike],
    observed: ArrayLike,
    expected: ArrayLike,
    zones: Zones,
    *,
    dispersion: ArrayLike,
    generator: np.random.Generator,
    replicates: int = 999,
) -> Array:
    """How often would some zone be as strong if places differed by themselves, neighbours no more alike than others?

    Real places do differ, and then one bad place makes a cluster of every zone that holds it. Here a drawn book gives
    each place a risk of its own from Gamma(a, a), and events count w_i = a / (a + E_i) each, so that those of a zone
    have their mean for variance and one busy place cannot carry it alone: with O and E the sums of w y and w E over
    the zone, its strength is O ln(O / E) - (O - E) where O > E, else 0.

    Parameters
    ----------
    clusters
        Indices of the places of each set that is asked about; they need not be among the zones.
    observed, expected, zones, generator, replicates
        As of :func:`scan`.
    dispersion
        a: the smaller, the more places differ; one number, or one a place.

    Returns
    -------
    For each set (1 + drawn books whose strongest zone is at least as strong) / (books drawn + 1).

    References
    ----------
    The weights are those of the score of a negative binomial scan: Tango, Takahashi & Kohriyama (2011), Biometrics
    67:106-115, section 2. The ratio in its place is Lanewise's own: the score lets zones where next to nothing is
    expected win most drawn books. The number of events is held fixed, as in Kulldorff's scan.
    """
    counts, due = _checked(observed, expected, zones)
    total = int(counts.sum())
    if not total or not zones.shape[0]:
        return np.ones(len(clusters), dtype=np.float64)
    due = due * (total / due.sum())
    a = np.broadcast_to(np.asarray(dispersion, dtype=np.float64), due.shape)
    weight = a / (a + due)
    weighted_due = zones @ (weight * due)
    maxima = np.zeros(replicates, dtype=np.float64)
    for start in range(0, replicates, _AT_ONCE):
        number = min(_AT_ONCE, replicates - start)
        # Never 0 everywhere: then there would be no book.
        risks = np.maximum(generator.gamma(a, 1 / a, (number, len(due))), 1e-300) * due
        drawn = generator.multinomial(total, risks / risks.sum(axis=1, keepdims=True))
        maxima[start : start + number] = _excess(zones @ (drawn * weight).T, weighted_due[:, None]).max(axis=0)
    asked = [np.asarray(places, dtype=np.int64) for places in clusters]
    strength = [_excess((weight * counts)[places].sum(), (weight * due)[places].sum()) for places in asked]
    return np.array([(1 + int((maxima >= value - 1e-9).sum())) / (replicates + 1) for value in strength])


def _excess(events: Array, due: Array) -> Array:
    """Log-likelihood ratio of a count against its expectation alone; 0 where it is not above."""
    ratio: Array = np.where(events > due, special.xlogy(events, events / due) - (events - due), 0.0)
    return ratio


def _strongest_ratios(
    zones: Zones, zone_due: Array, due: Array, *, total: int, generator: np.random.Generator, replicates: int
) -> Array:
    """Strongest log-likelihood ratio of each of so many books drawn by chance."""
    whole = np.arange(total + 1, dtype=np.float64)
    logs = special.xlogy(whole, whole)
    # k ln k + (N - k) ln (N - k), so that no logarithm is taken inside the loop.
    both = logs + logs[::-1]
    slope = (np.log(zone_due) - np.log(total - zone_due))[:, None]
    base = total * np.log(total - zone_due)[:, None]
    maxima = np.zeros(replicates, dtype=np.float64)
    for start in range(0, replicates, _AT_ONCE):
        number = min(_AT_ONCE, replicates - start)
        drawn = generator.multinomial(total, due / due.sum(), size=number).astype(np.float64)
        inside = zones @ drawn.T
        strength = both[inside.astype(np.int64)] - inside * slope - base
        maxima[start : start + number] = np.where(inside > zone_due[:, None], strength, 0.0).max(axis=0)
    return maxima


def _checked(observed: ArrayLike, expected: ArrayLike, zones: Zones) -> tuple[Array, Array]:
    counts, due = np.asarray(observed, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if counts.ndim != 1 or counts.shape != due.shape or zones.shape[1] != len(counts):
        message = f"{len(counts)} counts, {len(due)} expected counts and zones of {zones.shape[1]} places do not match"
        raise ValueError(message)
    if (counts < 0).any() or (counts != np.floor(counts)).any():
        message = "events are counted in whole numbers, none negative"
        raise ValueError(message)
    if not np.isfinite(due).all() or (due < 0).any() or (counts[due == 0] > 0).any():
        message = "expected counts are not negative, and an event needs one above 0"
        raise ValueError(message)
    held = zones @ due if zones.shape[0] else np.ones(1)
    if counts.sum() and ((held <= 0).any() or ((held >= due.sum() * (1 - 1e-12)).any() and zones.shape[0])):
        message = "a zone must hold some of what is expected, and leave some outside"
        raise ValueError(message)
    return counts, due
