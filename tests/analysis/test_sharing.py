"""What a difference of shown figures would give away is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.books import load_book, shipments, thefts


def shared_lane(lane: str, *insureds: int, trips: int = 20) -> list[str]:
    return [row for n in insureds for row in shipments(trips, lane=lane, month="2025-03", insured=f"I{n}")]


TWO_WAYS = "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S3,road\nL2,S1,S4,road\nL3,S2,S3,road\n"


@pytest.mark.parametrize(
    ("goods", "corridor", "sites"),
    [
        # The corridor less lane L1 would be exactly the trips of I6.
        ([shared_lane("L1", 1, 2, 3, 4, 5), shared_lane("L2", 6)], False, ["S3"]),
        # All its lanes are shown: there is nothing left to give away.
        ([shared_lane("L1", 1, 2, 3, 4, 5), shared_lane("L2", 1, 2, 3, 4, 6)], True, ["S1", "S3", "S4"]),
        # Two hidden lanes, of five insureds together: their sum tells of none of them.
        (
            [shared_lane("L1", 1, 2, 3, 4, 5), shared_lane("L2", 1, 2, 6), shared_lane("L3", 3, 4)],
            True,
            [],
        ),
        # No lane is shown: the corridor alone is judged. S1 less the corridor would be nothing of its own.
        ([shared_lane("L1", 1, 2, 3), shared_lane("L2", 4, 5)], True, ["S1"]),
        # Five on the corridor, of whom one has what the shown lanes leave, and another a little of it.
        ([shared_lane("L1", 1, 2, 3, 4, 5), shared_lane("L2", 6), shared_lane("L3", 7, trips=1)], False, []),
    ],
    ids=["one is left", "nothing is left", "five are left", "all are hidden", "two are left"],
)
def test_no_difference_of_what_is_shown_gives_one_insured_away(
    tmp_path: Path, goods: list[list[str]], corridor: bool, sites: list[str]
) -> None:
    view = load_book(tmp_path, goods=goods, lost=[thefts(2, lane="L1", month="2025-03")], more={"lane.csv": TWO_WAYS})
    ((shown,),) = view.rows("select is_shareable from hotspot_verdict where level = 'corridor'")
    assert shown is corridor
    rows = view.rows(
        "select place_id from hotspot_verdict"
        " where level = 'site' and segment = 'line haul' and is_shareable order by place_id"
    )
    assert [site for (site,) in rows] == sites
