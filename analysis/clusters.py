"""Which neighbouring lanes have more thefts together than chance gives, and what that means in a sentence.

Clusters are tables of the snapshot (analysis/cluster_fit.py): here they are only read and put into words. A filter or
a scope cuts which are shown, and never changes one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.measures import significant
from analysis.words import theft_words
from data.portfolio import View

#: Up to here a cluster is not explained by lanes that differ by themselves.
BEYOND_LANES = 0.05
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
_CLUSTERS = """
select cluster_id, site_id, label, latitude, longitude, touching, lanes, observed, expected, relative_risk, p_value,
    p_value_lanes, zones, replicates, seed
from hotspot_cluster
order by cluster_id
"""
_MEMBERS = """
select m.cluster_id, m.lane_id as place, coalesce(k.label, m.lane_id) as label, m.segment, m.observed, m.expected
from hotspot_cluster_lane as m
left join lane_key as k on m.lane_id = k.lane_id
order by m.cluster_id, m.observed desc nulls last, m.expected desc, m.lane_id, m.segment
"""


@dataclass(frozen=True)
class LaneCluster:
    """Neighbouring lanes that stand out together.

    Attributes
    ----------
    number
        1 is the strongest of the book; numbers of clusters that are not shown are left out.
    site, latitude, longitude
        The site that most of its lanes touch: name, and degrees (None where unknown).
    lanes, touching
        How many lanes it has, and how many of them touch that site.
    observed, expected
        Own thefts of the fixed window, and those expected of these lanes.
    relative_risk
        Observed over expected in it, divided by the same on all other lanes; None where those had no theft.
    p_value
        How often chance gives a cluster as strong, if every lane had the book's rate.
    p_value_lanes
        The same, if lanes differ by themselves as much as those of the book seem to.
    replicates, seed
        Books drawn by chance for both, and the seed of the draws.
    members
        Ids of its lanes that the view shows.
    """

    number: int
    site: str
    latitude: float | None
    longitude: float | None
    lanes: int
    touching: int
    observed: int
    expected: float
    relative_risk: float | None
    p_value: float
    p_value_lanes: float
    replicates: int
    seed: int
    members: tuple[str, ...]

    @property
    def is_beyond_lanes(self) -> bool:
        """Is it more than lanes that differ by themselves explain?"""
        return self.p_value_lanes <= BEYOND_LANES

    @property
    def sentence(self) -> str:
        """What it means, in one sentence without full stop.

        "Nine lanes at Dallas hub together had 41 thefts where 22 were expected: if every lane had the book's rate,
        chance would give such a cluster in at most 1 of 1,000 books".
        """
        often = chance_words(self.p_value, self.replicates)
        return f"{self.counts}: if every lane had the book's rate, chance would give such a cluster in {often}"

    @property
    def counts(self) -> str:
        """What was seen and what was due: "Nine lanes at Dallas hub together had 41 thefts where 22 were expected"."""
        return f"{self.who} together had {theft_words(self.observed)} where {significant(self.expected)} were expected"

    @property
    def caveat(self) -> str:
        """Whether single bad lanes could explain it, in one sentence without full stop."""
        often = chance_words(self.p_value_lanes, self.replicates)
        if self.is_beyond_lanes:
            return (
                f"Not explained by lanes that differ one by one: neighbours no more alike than others would give it in"
                f" {often}"
            )
        return (
            f"It may be single bad lanes rather than the place: where lanes differ one by one as in this book, such a"
            f" cluster comes in {often}"
        )

    @property
    def who(self) -> str:
        """Its lanes in words: "Nine lanes at Dallas hub", "Nine neighbouring lanes around Dallas hub"."""
        number = _NUMBERS[self.lanes] if self.lanes < len(_NUMBERS) else f"{self.lanes:,}"
        if self.touching == self.lanes:
            return f"{number} lanes at {self.site}"
        return f"{number} neighbouring lanes around {self.site}"


@dataclass(frozen=True)
class LaneClusters:
    """The clusters that a view shows.

    Attributes
    ----------
    clusters
        The strongest first.
    members
        One row a cluster (`cluster_id`) and lane that the view shows: `place`, `label`, `segment`, `observed`,
        `expected`; the last two are missing where they would give another insured away.
    tried
        How many sets of lanes were tried, and against how many drawn books, in a sentence without full stop; empty for
        a scoped person and where nothing was tried.
    """

    clusters: tuple[LaneCluster, ...]
    members: pd.DataFrame
    tried: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a cluster, for a table or a download."""
        columns = ["number", "who", "observed", "expected", "relative_risk", "p_value", "p_value_lanes", "replicates"]
        rows = [{name: getattr(cluster, name) for name in [*columns, "seed"]} for cluster in self.clusters]
        frame = pd.DataFrame(rows, columns=[*columns, "seed"])
        return frame.astype({"relative_risk": "float64", "expected": "float64"})


def lane_clusters(view: View) -> LaneClusters | None:
    """Which neighbouring lanes stand out together? None where no lane of the snapshot was scanned.

    Parameters
    ----------
    view
        A period on it has no effect: clusters rest on the fixed window of the verdicts. Filters cut which are shown: a
        cluster shows if one of its lanes is in the selection, always with the numbers of all its lanes. A scoped
        person sees those on which they have exposure and which give no other insured away.
    """
    if "hotspot_cluster" not in view.snapshot.present:
        return None
    ((scanned,),) = view.rows("select exists (select 1 from hotspot_share where level = 'lane')")
    if not scanned:
        return None
    tried = view.rows("select text from model_note where topic = 'clusters'")
    if not tried and view.scope.insureds is None:
        return None
    members = view.frame(_MEMBERS).astype({"observed": "float64", "expected": "float64"})
    shown = {number: tuple(part["place"]) for number, part in members.groupby("cluster_id")}
    clusters = tuple(
        LaneCluster(
            number=int(row["cluster_id"]),
            site=str(row["label"]),
            latitude=_known(row["latitude"]),
            longitude=_known(row["longitude"]),
            lanes=int(row["lanes"]),
            touching=int(row["touching"]),
            observed=int(row["observed"]),
            expected=float(row["expected"]),
            relative_risk=_known(row["relative_risk"]),
            p_value=float(row["p_value"]),
            p_value_lanes=float(row["p_value_lanes"]),
            replicates=int(row["replicates"]),
            seed=int(row["seed"]),
            members=shown.get(row["cluster_id"], ()),
        )
        for row in view.frame(_CLUSTERS).to_dict("records")
    )
    return LaneClusters(clusters, members, str(tried[0][0]) if tried else "")


def clusters_headline(found: LaneClusters) -> str:
    """What the clusters say first, in one sentence without full stop.

    The strongest that is more than lanes which differ by themselves; else the strongest, with that doubt in it.
    """
    if not found.clusters:
        return "No neighbouring lanes stand out together beyond chance" if found.tried else "No cluster to show you"
    sure = next((cluster for cluster in found.clusters if cluster.is_beyond_lanes), None)
    if sure is not None:
        return sure.sentence
    return f"{found.clusters[0].counts}, but single bad lanes could explain it"


def chance_words(p_value: float, replicates: int) -> str:
    """How often that is, in books: "at most 1 of 1,000 books", "13 of 1,000 books".

    Examples
    --------
    >>> chance_words(0.001, 999), chance_words(0.013, 999)
    ('at most 1 of 1,000 books', '13 of 1,000 books')
    """
    books = replicates + 1
    reached = round(p_value * books)
    return f"{'at most ' if reached <= 1 else ''}{reached:,} of {books:,} books"


def _known(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None
