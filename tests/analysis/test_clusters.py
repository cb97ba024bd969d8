"""Clusters of neighbouring lanes: found at publication, the same for all who may see them, said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.cluster_fit import ScanSettings, scan_lanes
from analysis.clusters import LaneCluster, LaneClusters, chance_words, clusters_headline, lane_clusters
from analysis.filters import Filters
from data.portfolio import View
from tests.analysis.books import load_book, shipments, thefts, view_of
from tests.portfolios import open_view

#: Two hubs far apart: six lanes start at the first, eight at the second.
SITES = "site_id,name,kind,region,country,latitude,longitude\n"
SITES += "H,North hub,hub,IL,US,41.9,-87.6\nK,South hub,hub,TX,US,29.8,-95.4\n"
SITES += "".join(f"A{n},North {n},hub,IL,US,{42 + n / 10},-87.0\n" for n in range(1, 7))
SITES += "".join(f"B{n},South {n},hub,TX,US,{30 + n / 10},-95.0\n" for n in range(1, 9))
LANES = "lane_id,origin_site_id,destination_site_id,mode\n"
LANES += "".join(f"N{n},H,A{n},road\n" for n in range(1, 7)) + "".join(f"S{n},K,B{n},road\n" for n in range(1, 9))
EVERYBODY = [f"I{number}" for number in range(1, 8)]
NORTH, SOUTH = [f"N{n}" for n in range(1, 7)], [f"S{n}" for n in range(1, 9)]


def goods(owners: dict[str, list[str]] | None = None) -> list[Iterable[str]]:
    """Seventy shipments on each lane, shared by its insureds: by all seven, if nothing else is said."""
    given = owners or {}
    return [
        shipments(70 // len(given.get(lane, EVERYBODY)), lane=lane, month="2025-03", insured=insured)
        for lane in [*NORTH, *SOUTH]
        for insured in given.get(lane, EVERYBODY)
    ]


def lost(north: int, south: int, *, insured: str = "I4") -> list[Iterable[str]]:
    return [
        thefts(number, lane=lane, month="2025-03", insured=insured)
        for lanes, number in ((NORTH, north), (SOUTH, south))
        for lane in lanes
    ]


MAPS = {"site.csv": SITES, "lane.csv": LANES}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six thefts on each lane of the north, one on each of the south."""
    folder = tmp_path_factory.mktemp("clusters")
    load_book(folder, goods=goods(), lost=lost(6, 1), more=MAPS)
    return folder


def found_in(view: View) -> LaneClusters:
    found = lane_clusters(view)
    assert found is not None
    return found


def test_the_lanes_of_a_bad_hub_are_one_cluster(root: Path) -> None:
    found = found_in(open_view(root))
    (cluster,) = found.clusters
    assert cluster.members == tuple(NORTH)
    assert (cluster.site, cluster.lanes, cluster.touching, cluster.observed) == ("North hub", 6, 6, 36)
    # 44 thefts over 14 equal lanes.
    assert cluster.expected == pytest.approx(44 * 6 / 14)
    assert cluster.relative_risk == pytest.approx(6.0)
    assert (cluster.p_value, cluster.replicates, cluster.seed) == (0.001, 999, 1)
    assert (cluster.latitude, cluster.longitude) == (41.9, -87.6)
    assert found.members["observed"].tolist() == [6] * 6
    assert found.members["expected"].sum() == pytest.approx(cluster.expected)
    assert found.members["label"][0] == "North hub → North 1"
    assert found.tried.startswith("Clusters: ")
    assert found.tried.endswith("against 999 books drawn by chance (seed 1)")


def test_the_same_book_gives_the_same_clusters(root: Path, tmp_path: Path) -> None:
    load_book(tmp_path, goods=goods(), lost=lost(6, 1), more=MAPS)
    for table in ("hotspot_cluster", "hotspot_cluster_lane"):
        sql = f"select * from {table} order by all"
        assert open_view(tmp_path).rows(sql) == open_view(root).rows(sql)


def test_a_filter_cuts_which_clusters_show_and_never_their_numbers(root: Path) -> None:
    (whole,) = found_in(open_view(root)).clusters
    (cut,) = found_in(open_view(root, filters=Filters(lane=("N2",)))).clusters
    assert cut.members == ("N2",)
    assert (cut.lanes, cut.observed, cut.expected, cut.p_value) == (6, 36, whole.expected, whole.p_value)
    assert found_in(open_view(root, filters=Filters(lane=("S1",)))).clusters == ()
    period = Filters(first_month=date(2025, 12, 1), last_month=date(2025, 12, 1))
    assert found_in(open_view(root, filters=period)).clusters == (whole,)


def test_a_scoped_viewer_sees_a_cluster_behind_which_many_stand(root: Path) -> None:
    found = found_in(view_of(root, "I2"))
    (cluster,) = found.clusters
    assert (cluster.observed, cluster.lanes) == (36, 6)
    assert found.tried == ""


@pytest.mark.parametrize(
    ("owners", "seen"),
    [
        # Without N1 everything else of the cluster may be seen alone: what is left over would give I1 away.
        ({"N1": ["I1"]}, False),
        # One insured holds half of all, two hold more than four fifths.
        ({lane: ["I1"] for lane in NORTH[:4]}, False),
        ({lane: ["I1"] for lane in NORTH[:3]} | {lane: ["I2"] for lane in NORTH[3:]}, False),
        # Neither lane may be seen alone; both together have seven insureds.
        ({"N1": ["I1", "I2", "I3", "I4"], "N2": ["I4", "I5", "I6", "I7"]}, True),
    ],
)
def test_no_cluster_gives_another_insured_away(tmp_path: Path, owners: dict[str, list[str]], seen: bool) -> None:
    robbed = [
        thefts(6 if lane in NORTH else 1, lane=lane, month="2025-03", insured=owners.get(lane, ["I4"])[-1])
        for lane in [*NORTH, *SOUTH]
    ]
    load_book(tmp_path, goods=goods(owners), lost=robbed, more=MAPS)
    assert len(found_in(open_view(tmp_path)).clusters) == 1
    found = found_in(view_of(tmp_path, "I1"))
    assert bool(found.clusters) == seen
    if seen:
        # The lanes that may not be seen alone show no counts, and those of others are not named.
        counts = found.members.set_index("place")["observed"]
        assert counts.to_dict() == pytest.approx({"N1": np.nan, **dict.fromkeys(NORTH[2:], 6)}, nan_ok=True)
    else:
        assert len(found.members) == 0


def test_who_has_no_exposure_there_sees_no_cluster(tmp_path: Path) -> None:
    owners = dict.fromkeys(NORTH, EVERYBODY[:6])
    load_book(tmp_path, goods=goods(owners), lost=lost(6, 1), more=MAPS)
    assert len(found_in(view_of(tmp_path, "I6")).clusters) == 1
    found = found_in(view_of(tmp_path, "I7"))
    assert (found.clusters, len(found.members)) == ((), 0)
    assert clusters_headline(found) == "No cluster to show you"


def test_without_a_pattern_nothing_stands_out(tmp_path: Path) -> None:
    load_book(tmp_path, goods=goods(), lost=lost(2, 2), more=MAPS)
    found = found_in(open_view(tmp_path))
    assert found.clusters == ()
    assert clusters_headline(found) == "No neighbouring lanes stand out together beyond chance"
    assert found.frame.columns.tolist()[:3] == ["number", "who", "observed"]


def test_without_thefts_or_exposure_nothing_is_scanned(tmp_path: Path) -> None:
    load_book(tmp_path / "safe", goods=goods(), more=MAPS)
    assert lane_clusters(open_view(tmp_path / "safe")) is None
    load_book(tmp_path / "bare", lost=lost(6, 1), more=MAPS)
    assert lane_clusters(open_view(tmp_path / "bare")) is None


def cluster(**given: object) -> LaneCluster:
    values: dict[str, object] = {
        "number": 1, "site": "Dallas hub", "latitude": 32.8, "longitude": -96.8, "lanes": 9, "touching": 9,
        "observed": 41, "expected": 22.04, "relative_risk": 2.0, "p_value": 0.001, "p_value_lanes": 0.4,
        "replicates": 999, "seed": 1, "members": ("L1",),
    }  # fmt: skip
    return LaneCluster(**(values | given))  # type: ignore[arg-type]


class TestWords:
    def test_a_cluster_in_one_sentence(self) -> None:
        assert cluster().sentence == (
            "Nine lanes at Dallas hub together had 41 thefts where 22 were expected: if every lane had the book's rate,"
            " chance would give such a cluster in at most 1 of 1,000 books"
        )

    def test_lanes_that_do_not_all_touch_the_site_lie_around_it(self) -> None:
        assert cluster(lanes=23, touching=14).who == "23 neighbouring lanes around Dallas hub"

    def test_it_says_when_single_lanes_could_explain_it(self) -> None:
        assert cluster().caveat == (
            "It may be single bad lanes rather than the place: where lanes differ one by one as in this book, such a"
            " cluster comes in 400 of 1,000 books"
        )
        assert cluster(p_value_lanes=0.013).caveat.endswith("neighbours no more alike than others would give it in"
                                                            " 13 of 1,000 books")  # fmt: skip

    def test_the_first_that_is_more_than_single_lanes_is_said_first(self) -> None:
        sure = cluster(number=2, site="Memphis hub", p_value_lanes=0.01)
        found = LaneClusters((cluster(), sure), pd.DataFrame(), "Clusters: tried")
        assert clusters_headline(found) == sure.sentence

    def test_a_cluster_that_single_lanes_explain_is_said_with_that_doubt(self) -> None:
        found = LaneClusters((cluster(), cluster(number=2)), pd.DataFrame(), "Clusters: tried")
        assert clusters_headline(found) == (
            "Nine lanes at Dallas hub together had 41 thefts where 22 were expected,"
            " but single bad lanes could explain it"
        )

    def test_no_chance_is_said_to_be_smaller_than_was_tried(self) -> None:
        assert chance_words(1 / 100, 99) == "at most 1 of 100 books"
        assert chance_words(0.02, 99) == "2 of 100 books"


def test_a_lane_whose_places_are_not_known_joins_no_set() -> None:
    lanes = pd.DataFrame(
        {
            "observed": [9, 9, 1, 1, 1, 1],
            "expected": [1.0] * 6,
            "dispersion": [3.0] * 6,
            "origin_site_id": ["H", "H", "X", "K", "K", "K"],
            "destination_site_id": ["A", "X", "Y", "B", "C", "D"],
        }
    )
    known = pd.DataFrame(
        {"latitude": [40.0, 41, 30, 31, 32, 33], "longitude": [-90.0] * 6}, index=["H", "A", "K", "B", "C", "D"]
    )
    found = scan_lanes(lanes, known, settings=ScanSettings(replicates=99))
    # H to X has one end that is known; X to Y has none, except from X and Y themselves.
    assert found.kept[0].places.tolist() == [0, 1]
    assert found.centres == 8


def test_the_number_of_sets_is_bounded_by_centres_and_lanes() -> None:
    number = 60
    lanes = pd.DataFrame(
        {
            "observed": [1] * number,
            "expected": [1.0] * number,
            "dispersion": [3.0] * number,
            "origin_site_id": ["H"] * number,
            "destination_site_id": [f"A{n}" for n in range(number)],
        }
    )
    sites = pd.DataFrame(
        {"latitude": [40.0, *np.linspace(41, 45, number)], "longitude": [-90.0] * (number + 1)},
        index=["H", *(f"A{n}" for n in range(number))],
    )
    settings = ScanSettings(most_centres=3, most_lanes=5, replicates=9)
    found = scan_lanes(lanes, sites, settings=settings)
    assert found.centres == 3
    assert 0 < found.result.zones <= 3 * 2 * 4
