"""What can be chosen, on small literal portfolios."""

from __future__ import annotations

from datetime import date

from analysis.choices import find_choices
from analysis.hotspots import places
from analysis.measures import MEASURES
from tests.portfolios import load_files, open_view

INSUREDS = "insured_id,name\nI1,Acme\n"
SITES = "site_id,name\nA1,Depot\nA2,Depot\nB,Port\n"
LANES = "lane_id,origin_site_id,destination_site_id,mode\nL1,A1,B,road\nL2,A1,B,air\nL3,A2,B,road\nL4,B,A1,road\n"


def shipments(*lanes: str) -> str:
    rows = "".join(f"H{n},I1,{lane},2025-01-10 08:00:00\n" for n, lane in enumerate(lanes))
    return "shipment_id,insured_id,lane_id,departed_at\n" + rows


def test_lanes_of_one_name_are_told_apart_in_filter_and_table_alike(tmp_path):
    files = {
        "site.csv": SITES,
        "lane.csv": LANES,
        "insured.csv": INSUREDS,
        "shipment.csv": shipments("L1", "L1", "L2", "L3", "L4"),
    }
    load_files(tmp_path, files=files)
    view = open_view(tmp_path)
    names = {
        "L1": "Depot → Port, road [L1]",
        "L2": "Depot → Port, air",
        "L3": "Depot → Port, road [L3]",
        "L4": "Port → Depot",
    }
    assert find_choices(view).names["lane"] == names
    ranked = places(view, unit="lane", measure=MEASURES["shipments"]).frame
    assert dict(zip(ranked["place"], ranked["label"], strict=True)) == names


def test_the_busiest_come_first_and_positions_only_say_that_one_is_there(tmp_path):
    files = {
        "site.csv": SITES,
        "lane.csv": LANES,
        "insured.csv": INSUREDS,
        "shipment.csv": shipments("L4", "L1", "L4", "L2", "L1", "L4"),
    }
    load_files(tmp_path, files=files)
    found = find_choices(open_view(tmp_path))
    assert found.options["lane"] == ("L4", "L1", "L2")
    assert found.options["mode"] == ("road", "air")
    assert found.options["carrier"] == ()


def test_scattered_months_are_not_where_the_data_begin(tmp_path):
    early = "C0,2012-02-10\n"
    claims = "claim_id,loss_date\n" + early + "".join(f"C{n},2014-11-{n % 28 + 1:02d}\n" for n in range(1, 41))
    load_files(tmp_path, files={"claim.csv": claims})
    found = find_choices(open_view(tmp_path))
    assert found.covered_from == {"claim": date(2014, 11, 1)}
    assert found.dated_from == {"claim": date(2012, 2, 1)}
