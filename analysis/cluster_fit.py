"""Which neighbouring lanes have more thefts together than chance gives? The scan of the whole book, run once.

Part of the fit at publication (analysis/models.py), after the verdicts: the same counted thefts, the same expected
counts, the same window. Its tables are read by analysis/clusters.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.geography import great_circle_distance
from analysis.scan import Cluster, ScanResult, connected_zones, differing_p_values, scan

Array = NDArray[np.float64]

#: Earth's circumference, metres, times this is 4: of two lanes equally near, the shorter comes first.
_TIE = 1e-7
_TABLES = ("hotspot_cluster", "hotspot_cluster_lane")


@dataclass(frozen=True)
class ScanSettings:
    """What is tried as a cluster, and against how many books drawn by chance.

    Parameters
    ----------
    least_lanes, most_lanes
        How many lanes a cluster has. A single lane has its own verdict.
    most_centres
        Around how many sites clusters are looked for: those with most expected thefts.
    most_clusters
        How many are kept, at most.
    p_value
        A cluster is kept up to this p-value.
    replicates, seed
        Books drawn by chance, and the seed of the draws: the same book always gives the same clusters.
    """

    least_lanes: int = 2
    most_lanes: int = 30
    most_centres: int = 1_000
    most_clusters: int = 10
    p_value: float = 0.05
    replicates: int = 999
    seed: int = 1


DEFAULTS = ScanSettings()

_LANES = """
select v.place_id as lane_id, v.segment, v.observed, v.expected, v.is_shareable, p.dispersion,
    k.origin_site_id, k.destination_site_id
from hotspot_verdict as v
join hotspot_prior as p on v.level = p.level and v.segment = p.segment
join lane_key as k on v.place_id = k.lane_id
where v.level = 'lane' and v.expected > 0
order by all
"""
_SITES = "select site_id, coalesce(name, site_id) as label, latitude, longitude from site_place order by all"
_HOLDERS = """
select place_id as lane_id, segment, coalesce(insured_id, '') as insured_id, sum(expected) as expected
from hotspot_share
where level = 'lane' and expected > 0
group by all
order by all
"""


def fit_clusters(
    connection: duckdb.DuckDBPyConnection,
    *,
    least_insureds: int,
    largest_share: float,
    two_largest_share: float,
    settings: ScanSettings = DEFAULTS,
) -> None:
    """Which neighbouring lanes have more thefts together than chance gives? Fills tables and the note of the scan.

    Two questions are put to each cluster. ``p_value``: if every lane had the book's rate, how often would some set of
    neighbouring lanes be as strong (Kulldorff)? ``p_value_lanes``: the same if lanes differed as much as the verdicts'
    prior says, but neighbours no more alike than others. A small first and a large second one is what one bad lane,
    or two, explain. The prior is fitted on the same book: a true cluster widens it, so that the second is on the safe
    side.

    Parameters
    ----------
    connection
        To the unfinished snapshot, whose verdicts are fitted.
    least_insureds, largest_share, two_largest_share
        Whom a scoped viewer may be compared with, as for verdicts; here by share of the expected thefts.
    """
    for table in _TABLES:
        connection.execute(f"delete from {table}")
    lanes = connection.execute(_LANES).df()
    total = int(lanes["observed"].sum())
    if len(lanes) < settings.least_lanes or not total:
        return
    sites = connection.execute(_SITES).df().set_index("site_id")
    found = scan_lanes(lanes, sites, settings=settings)
    sizes = f"{settings.least_lanes} to {settings.most_lanes} lanes that hang together by shared sites"
    text = (
        f"Clusters: {found.result.zones:,} sets of {sizes} were tried around {found.centres:,} sites, against"
        f" {settings.replicates:,} books drawn by chance (seed {settings.seed})"
    )
    connection.execute(
        "insert into model_note values ('clusters', 'lane', null, $thefts, null, null, $text)",
        {"thefts": total, "text": text},
    )
    holders = connection.execute(_HOLDERS).df()
    rule = _Rule(holders, least_insureds, largest_share, two_largest_share)
    rows: list[dict[str, object]] = []
    members: list[pd.DataFrame] = []
    for number, (cluster, p_value_lanes) in enumerate(zip(found.kept, found.p_values_lanes, strict=True), start=1):
        own = lanes.iloc[cluster.places]
        rows.append(
            {
                "cluster_id": number,
                **_middle(own, sites),
                "lanes": len(own),
                "observed": cluster.observed,
                "expected": cluster.expected,
                "relative_risk": cluster.relative_risk if np.isfinite(cluster.relative_risk) else None,
                "log_likelihood_ratio": cluster.log_likelihood_ratio,
                "p_value": cluster.p_value,
                "p_value_lanes": p_value_lanes,
                "zones": found.result.zones,
                "replicates": settings.replicates,
                "seed": settings.seed,
                **rule.holders_of(own),
            }
        )
        scale = cluster.expected / float(own["expected"].sum())
        columns = ["lane_id", "segment", "observed", "expected", "is_shareable"]
        members.append(own[columns].assign(cluster_id=number, expected=own["expected"] * scale))
    if rows:
        _insert(connection, "hotspot_cluster", pd.DataFrame(rows).astype({"relative_risk": "float64"}))
        _insert(connection, "hotspot_cluster_lane", pd.concat(members, ignore_index=True))


@dataclass(frozen=True)
class LaneScan:
    """The scan of a book's lanes.

    Attributes
    ----------
    result
        Kulldorff's scan: every lane at the book's rate.
    kept
        Its clusters up to the p-value asked for, the strongest first.
    p_values_lanes
        Of each of them, if lanes differ and neighbours are no more alike than others.
    centres
        Around how many sites sets of lanes were tried.
    """

    result: ScanResult
    kept: tuple[Cluster, ...]
    p_values_lanes: tuple[float, ...]
    centres: int


def scan_lanes(lanes: pd.DataFrame, sites: pd.DataFrame, *, settings: ScanSettings = DEFAULTS) -> LaneScan:
    """Which sets of neighbouring lanes stand out?

    Around each site two families of connected sets grow: by the nearer end of a lane (first all lanes of the site, the
    shortest first, then those of the sites around it), and by its farther end (lanes that lie within some distance).

    Parameters
    ----------
    lanes
        ``observed``, ``expected`` (positive), ``dispersion`` (a of the prior), ``origin_site_id`` and
        ``destination_site_id``.
    sites
        By ``site_id``: ``latitude`` and ``longitude`` in degrees; a lane joins a set only where an end of it is known.
    """
    ends = [lanes["origin_site_id"], lanes["destination_site_id"]]
    due = pd.concat([lanes["expected"].set_axis(end.to_numpy()) for end in ends]).groupby(level=0).sum()
    ranked = due.sort_values(ascending=False, kind="stable").index
    code = {site: number for number, site in enumerate(due.index)}
    points = [sorted({code[origin], code[goal]}) for origin, goal in zip(*ends, strict=True)]
    centres = [str(site) for site in ranked[: settings.most_centres]]
    observed, expected = (lanes[name].to_numpy(dtype=np.float64) for name in ("observed", "expected"))
    zones = connected_zones(
        points,
        _distances(centres, lanes, sites),
        expected,
        least=settings.least_lanes,
        most=settings.most_lanes,
    )
    result = scan(
        observed,
        expected,
        zones,
        generator=np.random.default_rng([settings.seed, 0]),
        replicates=settings.replicates,
        most_clusters=settings.most_clusters,
    )
    kept = tuple(cluster for cluster in result.clusters if cluster.p_value <= settings.p_value)
    differing = differing_p_values(
        [cluster.places for cluster in kept],
        observed,
        expected,
        zones,
        dispersion=lanes["dispersion"].to_numpy(dtype=np.float64),
        generator=np.random.default_rng([settings.seed, 1]),
        replicates=settings.replicates if kept else 0,
    )
    return LaneScan(result, kept, tuple(float(p) for p in differing), len(centres))


def _distances(centres: Sequence[str], lanes: pd.DataFrame, sites: pd.DataFrame) -> Iterator[Array]:
    """For each centre, how far each lane is: by its nearer end, then by its farther one; infinite where unknown."""
    places = sites.reindex(pd.unique(pd.concat([lanes["origin_site_id"], lanes["destination_site_id"]])))
    row_of = {site: row for row, site in enumerate(places.index)}
    latitude = places["latitude"].to_numpy(dtype=np.float64)
    longitude = places["longitude"].to_numpy(dtype=np.float64)
    origin = np.array([row_of[site] for site in lanes["origin_site_id"]], dtype=np.int64)
    goal = np.array([row_of[site] for site in lanes["destination_site_id"]], dtype=np.int64)
    for centre in centres:
        row = row_of[centre]
        away = great_circle_distance(latitude[row], longitude[row], to_latitudes=latitude, to_longitudes=longitude)
        away[row] = 0.0
        near, far = np.fmin(away[origin], away[goal]), np.fmax(away[origin], away[goal])
        yield np.where(np.isnan(near), np.inf, near + _TIE * far)
        yield np.where(np.isnan(near), np.inf, far + _TIE * near)


def _middle(own: pd.DataFrame, sites: pd.DataFrame) -> dict[str, object]:
    """The site that most of a cluster's lanes touch; of several, the one whose lanes have most thefts."""
    ends = pd.concat([own.assign(site_id=own[end]) for end in ("origin_site_id", "destination_site_id")])
    by_site = (
        ends.drop_duplicates(["lane_id", "segment", "site_id"])
        .groupby("site_id")
        .agg(touching=("lane_id", "size"), observed=("observed", "sum"))
        .sort_values(["touching", "observed"], ascending=False, kind="stable")
    )
    site = by_site.index[0]
    known = sites.loc[site] if site in sites.index else pd.Series({"label": site, "latitude": None, "longitude": None})
    return {
        "site_id": site,
        "label": known["label"],
        "latitude": known["latitude"],
        "longitude": known["longitude"],
        "touching": int(by_site["touching"].iloc[0]),
    }


@dataclass(frozen=True)
class _Rule:
    """Who stands behind a cluster, and whether others may see it."""

    holders: pd.DataFrame
    least_insureds: int
    largest_share: float
    two_largest_share: float

    def holders_of(self, own: pd.DataFrame) -> dict[str, object]:
        """Insureds and their largest shares. Lanes that may not be seen alone must pass together: else what is left
        of the cluster, less the lanes that may, would give one of them away.
        """
        insureds, largest, two = self._shares(own)
        hidden = own[~own["is_shareable"].astype(bool)]
        return {
            "insureds": insureds,
            "largest_share": largest,
            "two_largest_share": two,
            "is_shareable": self._passes(own) and (hidden.empty or self._passes(hidden)),
        }

    def _passes(self, own: pd.DataFrame) -> bool:
        insureds, largest, two = self._shares(own)
        return insureds >= self.least_insureds and largest <= self.largest_share and two <= self.two_largest_share

    def _shares(self, own: pd.DataFrame) -> tuple[int, float, float]:
        held = self.holders.merge(own[["lane_id", "segment"]], on=["lane_id", "segment"])
        by_insured = held.groupby("insured_id")["expected"].sum().sort_values(ascending=False)
        total = float(by_insured.sum())
        if not total > 0:
            return 0, 1.0, 1.0
        largest, two = (float(by_insured.iloc[:number].sum()) / total for number in (1, 2))
        return int((by_insured.index != "").sum()), largest, two


def _insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    connection.register("fitted_clusters", frame)
    try:
        connection.execute(f"insert into {table} by name select * from fitted_clusters")
    finally:
        connection.unregister("fitted_clusters")
