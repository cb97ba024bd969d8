"""Where, when and to what: counts and amounts on small literal portfolios and on the real files."""

from __future__ import annotations

from datetime import date

import h3
import pandas as pd
import pytest

from analysis.drill import rows_behind
from analysis.filters import Filters, Scope
from analysis.hotspots import (
    Places,
    breakdown,
    cell_resolution,
    count_caveats,
    extent,
    hours_of_week,
    kinds,
    main_finding,
    pick_options,
    place_units,
    places,
    points,
    told_units,
)
from analysis.measures import MEASURES
from analysis.place_names import name_cells
from analysis.selection import Selection
from analysis.values import measure_values, present_measures
from data.load import load_feed
from tests.conftest import ROOT
from tests.portfolios import load_files, open_view

FILES = {
    "insured.csv": "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\n",
    "carrier.csv": "carrier_id,name\nK1,Long Haul Ltd\n",
    "site.csv": (
        "site_id,name,country,latitude,longitude\n"
        "S1,Dallas hub,US,32.78,-96.80\n"
        "S2,Atlanta hub,US,33.75,-84.39\n"
        "S3,Somewhere,,,\n"
    ),
    "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\nL2,S2,S1,rail\nL3,S1,S3,road\n",
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,carrier_id,commodity,declared_value,departed_at\n"
        "H1,I1,L1,K1,electronics,1000,2025-01-10 08:00:00\n"
        "H2,I1,L1,K1,electronics,2000,2025-02-10 08:00:00\n"
        "H3,I2,L2,K1,food,300,2025-02-11 08:00:00\n"
        "H4,I2,L3,,food,400,2025-02-12 08:00:00\n"
        "H5,I2,,,food,50,2025-02-13 08:00:00\n"
    ),
    "incident.csv": (
        "incident_id,source,insured_id,shipment_id,site_id,category,occurred_from,loss_amount,latitude,longitude\n"
        "N1,own,I1,H1,S1,hijacking,2025-01-10 21:30:00,1500,32.78,-96.80\n"
        "N2,own,I1,H2,S1,theft,2025-02-10,500,32.80,-96.81\n"
        "N3,own,I2,H3,,theft,2025-02-11 03:10:00,,33.75,-84.39\n"
        "N4,own,I2,,S2,attempt,2025-02-11 04:00:00,,33.75,-84.39\n"
        "N5,market,,,,hijacking,2025-02-15 03:00:00,90000,35.0,-90.0\n"
        "N6,market,,,,theft,2025-02-16 03:00:00,,,\n"
    ),
}
THEFTS, MARKET, SHIPMENTS, VALUE = (
    MEASURES[key] for key in ("own_thefts", "market_incidents", "shipments", "value_moved")
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hotspots")
    load_files(folder, files=FILES)
    return folder


@pytest.fixture
def view(root):
    return open_view(root)


def by_place(ranked, column="value"):
    return dict(zip(ranked.frame["place"], ranked.frame[column], strict=True))


def test_lanes_are_ranked_by_value_with_what_happened_on_them(view):
    ranked = places(view, unit="lane", measure=VALUE, beside=[THEFTS, SHIPMENTS])
    assert by_place(ranked) == {"L1": 3000, "L3": 400, "L2": 300}
    assert by_place(ranked, "shipments") == {"L1": 2, "L3": 1, "L2": 1}
    assert by_place(ranked, "own_thefts")["L1"] == 2
    assert ranked.frame["label"].tolist() == [
        "Dallas hub → Atlanta hub",
        "Dallas hub → Somewhere",
        "Atlanta hub → Dallas hub",
    ]
    first = ranked.frame.iloc[0]
    assert (first["origin_latitude"], first["destination_longitude"]) == (32.78, -84.39)
    assert ranked.total == 3750
    assert ranked.placed == 3700
    assert first["share"] == pytest.approx(3000 / 3750)
    assert ranked.caveats == ("1.3% of the value moved have no known lane and are in no row here",)


def test_sites_by_own_thefts(view):
    ranked = places(view, unit="site", measure=THEFTS)
    assert by_place(ranked) == {"S1": 2}
    assert (ranked.total, ranked.placed) == (3, 2)
    assert ranked.caveats == ("1 of the own thefts have no known site and are in no row here",)


def test_a_shipment_counts_at_both_ends_but_once_in_the_total(view):
    ranked = places(view, unit="site", measure=SHIPMENTS)
    assert by_place(ranked) == {"S1": 4, "S2": 3, "S3": 1}
    assert (ranked.total, ranked.placed) == (5, 4)


@pytest.mark.parametrize("resolution", [2, 3, 5, 7])
def test_areas_of_every_size_hold_the_same_thefts(view, resolution):
    ranked = places(view, unit="cell", measure=THEFTS, resolution=resolution)
    assert ranked.frame["value"].sum() == ranked.total == 3
    assert {h3.get_resolution(cell) for cell in ranked.frame["place"]} == {resolution}
    atlanta = h3.latlng_to_cell(33.75, -84.39, resolution)
    assert by_place(ranked)[atlanta] == 1


def test_an_area_is_named_after_its_largest_town():
    assert name_cells([h3.latlng_to_cell(32.78, -96.8, 3)]) == ["Dallas, US"]
    at_sea = name_cells([h3.latlng_to_cell(0.0, -20.0, 3)])[0]
    assert " km " in at_sea
    assert " of " in at_sea
    assert name_cells([]) == []


def test_a_selection_narrows_places_but_not_by_place_itself(view):
    ranked = places(view, unit="site", measure=THEFTS, selection=Selection(site="S2", month=date(2025, 2, 1)))
    assert by_place(ranked) == {"S1": 1}


def test_a_click_on_an_area_narrows_the_rest(view):
    dallas = h3.latlng_to_cell(32.78, -96.8, 2)
    assert breakdown(view, measure=THEFTS, by="category", selection=Selection(cell=dallas)).frame["key"].tolist() == [
        "hijacking",
        "theft",
    ]
    assert measure_values(view, measures=[THEFTS], selection=Selection(cell=dallas))["own_thefts"].value == 2


def test_market_incidents_are_never_the_books(view):
    assert places(view, unit="cell", measure=MARKET, resolution=3).total == 2
    memphis = h3.latlng_to_cell(35.0, -90.0, 3)
    assert memphis not in by_place(places(view, unit="cell", measure=THEFTS, resolution=3))
    assert "Market incidents are context: they are not losses of this book" in count_caveats(view, measure=MARKET)


def test_without_shipments_the_caveat_says_counts(tmp_path):
    load_files(tmp_path, files={name: FILES[name] for name in ("insured.csv", "site.csv", "incident.csv")})
    view = open_view(tmp_path)
    assert count_caveats(view, measure=THEFTS) == ("No shipments are loaded: these are counts, not rates",)
    assert told_units(view, measure=THEFTS) == ("site", "cell")


def test_what_cannot_be_ranked_is_refused(view):
    with pytest.raises(ValueError, match="on_time_share is not told by lane"):
        places(view, unit="lane", measure=MEASURES["on_time_share"])
    with pytest.raises(ValueError, match="shipments is not told by cell"):
        places(view, unit="cell", measure=SHIPMENTS)
    assert place_units(SHIPMENTS) == ("lane", "site")


def test_breakdown_keeps_what_is_not_given_apart(view):
    found = breakdown(view, measure=SHIPMENTS, by="carrier")
    assert found.frame[["key", "label", "value"]].values.tolist() == [["K1", "Long Haul Ltd", 3.0]]
    assert (found.total, found.not_given) == (5, 2)
    assert found.frame["share"].tolist() == [0.6]
    assert breakdown(view, measure=SHIPMENTS, by="category") is None
    assert breakdown(view, measure=MEASURES["on_time_share"], by="mode") is None


def test_the_chart_on_which_a_category_is_picked_still_shows_the_others(view):
    found = breakdown(view, measure=THEFTS, by="category", selection=Selection(category="hijacking"))
    assert found.frame["key"].tolist() == ["theft", "hijacking"]
    assert "category" in kinds(THEFTS)


def test_hours_are_the_places_own_and_days_without_a_time_have_none(view):
    found = hours_of_week(view, measure=THEFTS)
    assert (found.n, found.of) == (2, 3)
    told = found.frame[found.frame["value"] > 0]
    # 21:30 UTC on Friday 10 January is 15:30 in Dallas; 03:10 UTC on Tuesday 11 February is 22:10 on Monday in Atlanta.
    assert told.values.tolist() == [[1, 22, 1.0], [5, 15, 1.0]]
    assert len(found.frame) == 168
    assert hours_of_week(view, measure=SHIPMENTS) is None


def test_points_are_incidents_with_a_place(view):
    found = points(view, measure=MARKET)
    assert found.frame["place"].tolist() == ["N5"]
    assert (found.located, found.of) == (1, 2)
    assert points(view, measure=SHIPMENTS) is None


def test_the_finding_is_a_sentence_with_share_and_total(view):
    lanes = places(view, unit="lane", measure=VALUE)
    assert main_finding(lanes, currency="USD") == (
        "Dallas hub → Atlanta hub has USD 3k, 80% of the value moved of USD 3.75k: 7.5 times the next, "
        "Dallas hub → Somewhere."
    )
    sites = places(view, unit="site", measure=THEFTS)
    assert main_finding(sites, currency="USD") == "Dallas hub has 2, 67% of 3 own thefts: the only site with any."


def ranking(*counts: int, measure: str = "own_thefts") -> Places:
    frame = pd.DataFrame({"place": list("ABCD")[: len(counts)], "value": [float(count) for count in counts]})
    frame["label"], frame["share"] = frame["place"], frame["value"] / sum(counts)
    total = float(sum(counts))
    return Places(frame, "site", MEASURES[measure], total=total, placed=total, resolution=None, caveats=())


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((4, 2, 1), "A has 4, 57% of 7 own thefts; B has 2, which may be chance."),
        ((3, 3, 3, 1), "3 sites are level at the top with 3 each of 10 own thefts: A and 2 more."),
        ((3, 3, 1), "2 sites are level at the top with 3 each of 7 own thefts: A and another."),
        ((40, 10), "A has 40, 80% of 50 own thefts: 4 times the next, B."),
    ],
)
def test_the_finding_names_no_leader_that_chance_may_have_made(counts, words):
    assert main_finding(ranking(*counts), currency="USD") == words


def test_without_incidents_and_claims_the_counts_say_that_no_losses_are_loaded(tmp_path):
    load_files(tmp_path, files={name: FILES[name] for name in ("insured.csv", "site.csv", "lane.csv", "shipment.csv")})
    assert count_caveats(open_view(tmp_path), measure=SHIPMENTS) == (
        "No losses are loaded: this is where goods and trackers are, and says nothing of where loss happens",
    )


def test_a_suburb_is_named_with_its_city_and_a_neighbour_of_its_size_is_not():
    assert name_cells([h3.latlng_to_cell(53.415, -2.955, 7)]) == ["Kensington near Liverpool, GB"]
    assert name_cells([h3.latlng_to_cell(32.7357, -97.1081, 5)]) == ["Arlington, US"]


def test_the_finding_of_nothing_says_so(root):
    view = open_view(root, filters=Filters(first_month=date(2020, 1, 1), last_month=date(2020, 2, 1)))
    nothing = places(view, unit="site", measure=THEFTS)
    assert main_finding(nothing, currency="USD") == "No own thefts in this selection."


def test_an_empty_period_is_empty_everywhere(root):
    view = open_view(root, filters=Filters(first_month=date(2020, 1, 1), last_month=date(2020, 2, 1)))
    for unit in ("lane", "site", "cell"):
        ranked = places(view, unit=unit, measure=THEFTS)
        assert ranked.frame.empty
        assert ranked.total == 0
        assert extent([ranked]) is None
    assert breakdown(view, measure=THEFTS, by="category").frame.empty
    assert hours_of_week(view, measure=THEFTS).of == 0
    assert cell_resolution(view, measure=THEFTS) == 3
    assert rows_behind(view, measure=THEFTS).frame.empty


@pytest.mark.parametrize(
    ("key", "ids"),
    [
        ("own_thefts", ["N3", "N2", "N1"]),
        ("attempts", ["N4"]),
        ("market_incidents", ["N6", "N5"]),
        ("shipments", ["H5", "H4", "H3", "H2", "H1"]),
    ],
)
def test_the_rows_behind_a_number_are_as_many_as_it_says(view, key, ids):
    found = rows_behind(view, measure=MEASURES[key])
    assert found.frame.iloc[:, 0].tolist() == ids
    assert found.of == len(ids) == measure_values(view, measures=[MEASURES[key]])[key].value


def test_rows_behind_follow_what_is_picked(view):
    february = Selection(month=date(2025, 2, 1), site="S1")
    assert rows_behind(view, measure=THEFTS, selection=february).frame["incident_id"].tolist() == ["N2"]
    assert rows_behind(view, measure=SHIPMENTS, selection=february).frame["shipment_id"].tolist() == ["H4", "H3", "H2"]
    limited = rows_behind(view, measure=SHIPMENTS, limit=2)
    assert (len(limited.frame), limited.of) == (2, 5)


def test_a_scoped_person_sees_only_their_own(root):
    view = open_view(root, scope=Scope(frozenset({"I2"})))
    assert places(view, unit="lane", measure=SHIPMENTS).total == 3
    assert rows_behind(view, measure=SHIPMENTS).frame["insured_id"].unique().tolist() == ["I2"]


def test_what_can_be_picked(view):
    options = pick_options(view)
    assert set(options["category"]) == {"hijacking", "theft", "attempt"}
    assert options["site"] == {"S2": "Atlanta hub", "S1": "Dallas hub", "S3": "Somewhere"}
    assert options["month"] == {date(2025, 2, 1): "Feb 2025", date(2025, 1, 1): "Jan 2025"}
    assert options["weekday"][1] == "Monday"


def test_the_extent_leaves_out_a_lone_far_place(tmp_path):
    near = "".join(f"A{n},own,theft,2025-01-01,33.{n % 90:02d},-97.{n % 90:02d}\n" for n in range(300))
    rows = (
        "incident_id,source,category,occurred_from,latitude,longitude\n"
        + near
        + "FAR,own,theft,2025-01-01,13.4,144.8\n"
    )
    load_files(tmp_path, files={"incident.csv": rows})
    south, west, north, east = extent([places(open_view(tmp_path), unit="cell", measure=THEFTS, resolution=5)])
    assert 32 < south < north < 35
    assert -99 < west < east < -96


# ---- the real files: each alone is enough for the page


@pytest.fixture(scope="module")
def load_real(tmp_path_factory, real_files):
    def load(name):
        folder = tmp_path_factory.mktemp(name)
        load_feed(ROOT / "tests" / "feeds" / f"{name}.toml", portfolio=folder / "portfolio", files=real_files(name))
        return open_view(folder)

    return load


def test_claims_at_airports_alone(load_real):
    view = load_real("tsa-2015")
    assert [m.key for m in present_measures(view)] == ["claims", "paid", "incurred", "paid_share"]
    found = measure_values(view, measures=[MEASURES["claims"], MEASURES["paid"]])
    assert found["claims"].value == 8667
    assert found["paid"].value == pytest.approx(611_137.05)
    assert (found["paid"].n, found["paid"].of) == (6601, 8667)
    ranked = places(view, unit="site", measure=MEASURES["claims"])
    assert ranked.frame.iloc[0]["label"] == "John F. Kennedy International"
    by_cause = breakdown(view, measure=MEASURES["claims"], by="cause").frame
    assert by_cause[["key", "value"]].values.tolist()[:2] == [
        ["Passenger Property Loss", 4551.0],
        ["Property Damage", 3888.0],
    ]


def test_market_incidents_alone(load_real):
    view = load_real("piracy")
    assert {m.key for m in present_measures(view)} >= {"market_incidents", "market_attempts"}
    assert "own_thefts" not in {m.key for m in present_measures(view)}
    assert measure_values(view, measures=[MARKET])["market_incidents"].value == 7511
    assert told_units(view, measure=MARKET) == ("cell",)
    assert cell_resolution(view, measure=MARKET) == 2
    assert breakdown(view, measure=MARKET, by="category").frame.iloc[0][["key", "value"]].tolist() == [
        "boarded",
        3421.0,
    ]
    assert hours_of_week(view, measure=MARKET).n < 7511 - 6000
    assert len(points(view, measure=MARKET).frame) == points(view, measure=MARKET).located


def test_shipments_without_incidents(load_real):
    view = load_real("scms")
    found = measure_values(view, measures=[SHIPMENTS, VALUE, MEASURES["on_time_share"]])
    assert found["shipments"].value == 10_324
    assert found["value_moved"].value == pytest.approx(1_627_584_457.29)
    assert found["on_time_share"].value == pytest.approx(9138 / 10_324)
    ranked = places(view, unit="lane", measure=VALUE)
    assert ranked.total == pytest.approx(1_627_584_457.29)
    assert ranked.frame["value"].is_monotonic_decreasing


def test_positions_alone(load_real):
    view = load_real("bus")
    positions = MEASURES["positions"]
    assert [m.key for m in present_measures(view)] == ["positions"]
    assert cell_resolution(view, measure=positions) == 7
    ranked = places(view, unit="cell", measure=positions)
    assert ranked.total == ranked.placed == 1533
    cell = ranked.frame.iloc[0]["place"]
    assert rows_behind(view, measure=positions, selection=Selection(cell=cell)).of == ranked.frame.iloc[0]["value"]
