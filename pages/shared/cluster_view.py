"""Clusters of neighbouring lanes on the Hotspots page: the sentence, a small table, and which lanes to light up."""
# ruff: noqa: ARG001 - a key is there to be hashed

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pydeck as pdk
import streamlit as st

from analysis.clusters import LaneCluster, LaneClusters, clusters_headline, lane_clusters
from analysis.export import ExportColumn
from data.portfolio import View
from pages.shared.context import Context
from pages.shared.hotspot_results import ViewKey
from pages.shared.layout import downloads, escape
from pages.shared.maps import lane_paths
from pages.shared.palette import Palette, rgb

HALO = "cluster"
_METHOD = """
A cluster is a set of 2 to 30 lanes that hang together by shared sites, grown from each site by nearness. Of all such
sets the scan takes the one whose thefts exceed expectation most beyond chance, then the next that shares no lane with
it (Kulldorff's scan statistic). The same thefts, expected counts and months as the verdicts.

- **p, equal lanes**: the share of books drawn at the book's rate whose strongest set, of all those tried, is at
  least as strong. However many sets are tried, this accounts for all of them; it cannot be smaller than 1 in the number
  of books drawn plus one.
- **p, lanes differ**: the same where each lane has a risk of its own, as spread as the verdicts' prior says,
  but neighbours are no more alike than others. Where it is large, one or two bad lanes explain the cluster: look at
  their own verdicts. A true cluster widens the prior, so this is on the safe side.
"""


@st.cache_data(max_entries=32, show_spinner=False)
def clusters_of(key: ViewKey, *, _view: View) -> LaneClusters | None:
    """The clusters of a view."""
    return lane_clusters(_view)


def show_clusters(here: Context, *, key: str = "clusters") -> tuple[str, ...]:
    """Draw what the clusters say, a small table, and the method; give the ids of the lanes to light up on the map.

    Lanes of the cluster that is picked in the table, else of the first one; none where there is no cluster.

    Parameters
    ----------
    key
        Of the widgets; one a page.
    """
    filters = here.filters.without("period", "lane")
    found = clusters_of((here.info.id, here.scope, filters), _view=here.snapshot.view(here.scope, filters))
    if found is None:
        return ()
    with st.container(border=True):
        st.markdown(f"**{escape(clusters_headline(found))}**")
        picked = _pick(found, key=key) if found.clusters else None
        if picked is not None:
            st.caption(f"{escape(picked.sentence)}. {escape(picked.caveat)}.")
            downloads(
                "lane clusters",
                {"Clusters": (found.frame, _CLUSTER_COLUMNS), "Lanes": (found.members, _MEMBER_COLUMNS)},
                key=f"{key}-files",
            )
    with st.expander("How clusters are found", icon=":material/hub:"):
        st.markdown(_METHOD)
        if found.tried:
            st.caption(f"{escape(found.tried)}.")
        elif here.scope.insureds is not None:
            st.caption(
                "You see clusters on whose lanes you have exposure and behind which at least 5 insureds stand, none "
                "with over half of the expected thefts and no two with over 80%."
            )
    return picked.members if picked is not None else ()


def cluster_layers(lanes: pd.DataFrame, *, members: Sequence[str], ink: Palette) -> list[pdk.Layer]:
    """A wide pale band under the lanes of a cluster: draw it before the lanes themselves.

    Parameters
    ----------
    lanes
        ``place``, and latitude and longitude with origin_ and with destination_ before them, as the ranked verdicts.
    """
    ends = ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]
    chosen = lanes[lanes["place"].isin(members)].dropna(subset=ends).drop_duplicates("place").sort_values("place")
    rows: list[dict[str, Any]] = [
        {"path": path} for row in chosen.to_dict("records") for path in lane_paths(*(float(row[end]) for end in ends))
    ]
    return [
        pdk.Layer(
            "PathLayer",
            rows,
            id=HALO,
            get_path="path",
            get_width=13,
            get_color=[*rgb(ink.text), 46],
            width_units="'pixels'",
            cap_rounded=True,
            joint_rounded=True,
            pickable=False,
        )
    ]


def _pick(found: LaneClusters, *, key: str) -> LaneCluster:
    """The table of clusters; the one that is picked in it, else the first."""
    frame = found.frame
    event: Any = st.dataframe(
        frame[["number", "who", "observed", "expected", "relative_risk", "p_value", "p_value_lanes"]],
        hide_index=True,
        column_config={
            "number": st.column_config.NumberColumn("#", width=34),
            "who": st.column_config.TextColumn("Cluster", width=225),
            "observed": st.column_config.NumberColumn("Thefts", width=56, help="Own thefts of the window."),
            "expected": st.column_config.NumberColumn("Expected", format="%.3g", width=72),
            "relative_risk": st.column_config.NumberColumn(
                "Times the rest", format="%.2g", width=98, help="Observed / expected, over the same on all other lanes."
            ),
            "p_value": st.column_config.NumberColumn(
                "p, equal lanes",
                format="%.3f",
                width=98,
                help="How often chance gives as much, if every lane had the book's rate.",
            ),
            "p_value_lanes": st.column_config.NumberColumn(
                "p, lanes differ",
                format="%.3f",
                width=100,
                help="The same, if lanes differ one by one as in this book, neighbours no more alike than others.",
            ),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"{key}-table",
        alt="Clusters of neighbouring lanes, the strongest first",
    )
    rows = event.selection.rows
    return found.clusters[rows[0] if rows and rows[0] < len(found.clusters) else 0]


_CLUSTER_COLUMNS = [
    ExportColumn("number", "Cluster", format="count", definition="1 is the strongest of the book."),
    ExportColumn("who", "Lanes"),
    ExportColumn("observed", "Thefts", format="count", definition="Own thefts of the window."),
    ExportColumn("expected", "Expected thefts", format="number"),
    ExportColumn("relative_risk", "Times the rest", format="ratio"),
    ExportColumn("p_value", "p, equal lanes", format="ratio", definition="Monte Carlo p-value."),
    ExportColumn("p_value_lanes", "p, lanes differ", format="ratio", definition="Monte Carlo p-value."),
    ExportColumn("replicates", "Books drawn", format="count"),
    ExportColumn("seed", "Seed", format="count"),
]
_MEMBER_COLUMNS = [
    ExportColumn("cluster_id", "Cluster", format="count"),
    ExportColumn("place", "Lane id"),
    ExportColumn("label", "Lane"),
    ExportColumn("segment", "Segment"),
    ExportColumn("observed", "Thefts", format="count"),
    ExportColumn("expected", "Expected thefts", format="number"),
]
