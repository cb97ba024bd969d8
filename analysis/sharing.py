"""Which figures of the whole book may others see? The rule of suppression, and what a difference would give away."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Flags = NDArray[np.bool_]

_CELL = ["level", "place_id", "segment"]
#: Exposure by place, lane and owner. `finer`: whether all of the lane at this place is all of the lane, so that the
#: place's figure less the lane's is the figure of the rest; a stop on the way has a part of a lane's trips.
_PARTS = """
with
held as (
    select level, place_id, segment, lane_id, insured_id, sum(units) as units
    from fit_cell
    where level <> 'lane'
    group by all
)
select c.level::varchar as level, c.place_id::varchar as place_id, c.segment::varchar as segment,
    c.lane_id::varchar as lane_id, k.corridor, c.insured_id::varchar as insured_id, c.units,
    coalesce(c.level = 'corridor' or c.place_id in (k.origin_site_id, k.destination_site_id), false) as is_finer
from held as c
left join lane_key as k on c.lane_id = k.lane_id
order by all
"""


@dataclass(frozen=True)
class SharingRule:
    """Whom a scoped viewer may be compared with: the rule of the smallest cell, and of dominance by exposure.

    Dominance is measured on exposure, never on thefts: most cells have a handful of thefts, of which any one insured
    may have had most, and a rule that followed them would tell by what it hides who was robbed.

    Parameters
    ----------
    least_insureds
        At least so many insureds stand behind a figure.
    largest_share, two_largest_share
        None of them has more than this share of its exposure, no two more than that.
    """

    least_insureds: int
    largest_share: float
    two_largest_share: float

    def holders(self, frame: pd.DataFrame, *, group: pd.Series, groups: int) -> pd.DataFrame:
        """How many insureds stand behind each group, the shares of its largest ones, and whether others may see it.

        Parameters
        ----------
        frame
            ``insured_id`` and ``units``; exposure without an insured counts as one owner that is no insured.
        group, groups
            The group of each row, from 0 to below ``groups``.

        Returns
        -------
        DataFrame
            One row a group: `insureds`, `largest_share`, `two_largest_share`, `is_shareable`. A group without rows
            has no insured and is not shareable.
        """
        units = (
            frame[["units"]]
            # Numbered: -1 has no insured.
            .assign(group=group.to_numpy(), owner=pd.factorize(frame["insured_id"])[0])
            .groupby(["group", "owner"])["units"]
            .sum()
            .reset_index()
            .sort_values(["group", "units"], ascending=[True, False])
        )
        units["place"] = units.groupby("group").cumcount()
        total = units.groupby("group")["units"].sum().reindex(range(groups))
        insureds = units[units["owner"] >= 0].groupby("group").size().reindex(range(groups), fill_value=0)
        largest = units[units["place"] == 0].groupby("group")["units"].sum().reindex(range(groups)) / total
        two = units[units["place"] < 2].groupby("group")["units"].sum().reindex(range(groups)) / total
        return pd.DataFrame(
            {
                "insureds": insureds.to_numpy(),
                "largest_share": largest.to_numpy(),
                "two_largest_share": two.to_numpy(),
                "is_shareable": (
                    (insureds >= self.least_insureds)
                    & (largest <= self.largest_share)
                    & (two <= self.two_largest_share)
                ).to_numpy(),
            }
        )


def hold_back_remainders(
    connection: duckdb.DuckDBPyConnection, places: pd.DataFrame, *, rule: SharingRule
) -> pd.DataFrame:
    """Which corridors and sites, less what is shown of their parts, would give a hidden part away? Hides those too.

    A corridor less its lanes that may be seen is the sum of its hidden lanes: it is shown only if these pass the rule
    together. So is a site, less the lanes that begin or end there, and less the corridors all of whose lanes do.
    Other differences (of two sites, or of several corridors and sites) are not looked for.

    Parameters
    ----------
    connection
        With temporary table fit_cell.
    places
        ``level``, ``place_id``, ``segment`` and ``is_shareable`` by the rule alone, of all levels.

    Returns
    -------
    DataFrame
        The places in the order given, fewer of them shareable.
    """
    parts = connection.execute(_PARTS).df()
    if parts.empty:
        return places
    shown = places[places["is_shareable"].astype(bool)]
    lanes = pd.MultiIndex.from_frame(shown.loc[shown["level"] == "lane", ["place_id", "segment"]])
    of_lane = pd.MultiIndex.from_frame(parts[["lane_id", "segment"]])
    is_shown = of_lane.isin(lanes) & parts["is_finer"].to_numpy(dtype=bool)
    keep = _passes(places, parts[~is_shown], rule=rule)
    corridors = places["level"].eq("corridor").to_numpy()
    judged = places.assign(is_shareable=places["is_shareable"].to_numpy(dtype=bool) & (keep | ~corridors))
    within = _within_sites(parts, judged)
    keep &= _passes(places, parts[~(is_shown | within)], rule=rule)
    return places.assign(is_shareable=places["is_shareable"].to_numpy(dtype=bool) & keep)


def _passes(places: pd.DataFrame, rest: pd.DataFrame, *, rule: SharingRule) -> Flags:
    """Whether what is left of each place passes the rule, or nothing is left of it."""
    left = rest.groupby(_CELL, sort=True)
    held = rule.holders(rest, group=left.ngroup(), groups=left.ngroups)
    cells = left.size().reset_index()[_CELL]
    fails = pd.MultiIndex.from_frame(cells[~held["is_shareable"].to_numpy(dtype=bool)])
    passed: Flags = ~pd.MultiIndex.from_frame(places[_CELL]).isin(fails)
    return passed


def _within_sites(parts: pd.DataFrame, places: pd.DataFrame) -> Flags:
    """Which parts of sites belong to a shown corridor all of whose lanes begin or end there?"""
    key = ["corridor", "segment"]
    shown = places[(places["level"] == "corridor") & places["is_shareable"]]
    lanes = parts[parts["level"] == "corridor"].groupby(["place_id", "segment"])["lane_id"].nunique()
    lanes = lanes[lanes.index.isin(pd.MultiIndex.from_frame(shown[["place_id", "segment"]]))]
    at_site = parts[(parts["level"] == "site") & parts["is_finer"]].groupby(["place_id", *key])["lane_id"].nunique()
    found = at_site.reset_index(name="here").merge(lanes.rename_axis(key).reset_index(name="all"), on=key, how="inner")
    whole = found[found["here"] == found["all"]]
    inside: Flags = pd.MultiIndex.from_frame(parts[["place_id", *key]]).isin(
        pd.MultiIndex.from_frame(whole[["place_id", *key]])
    )
    at_ends: Flags = (parts["level"].eq("site") & parts["is_finer"]).to_numpy(dtype=bool)
    return inside & at_ends
