"""What is fitted on the whole book, on books small enough to reckon by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.credibility import ratio_posterior
from analysis.filters import Filters
from analysis.models import VERDICTS, give_verdicts
from data.portfolio import View
from tests.analysis.books import LANES, load_book, shipments, thefts, view_of


def verdicts(view: View, level: str = "lane") -> pd.DataFrame:
    frame = view.frame("select * from hotspot_verdict where level = $level", {"level": level})
    return frame.set_index("place_id")


def topics(view: View) -> dict[str, float]:
    rows = view.rows(
        "select topic, thefts from model_note where thefts is not null and topic not in ('unplaced', 'site basis')"
    )
    found: dict[str, float] = {}
    for topic, number in rows:
        found[topic] = found.get(topic, 0) + number
    return found


# ---- expected counts, ratios, verdicts


def test_expected_counts_share_the_portfolios_rate_by_exposure(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(100, lane="L1", month="2025-03"), shipments(300, lane="L2", month="2025-03")],
        lost=[thefts(4, lane="L1", month="2025-03"), thefts(4, lane="L2", month="2025-03")],
    )
    lanes = verdicts(view)
    assert lanes["units"].to_dict() == {"L1": 100, "L2": 300}
    assert lanes["observed"].to_dict() == {"L1": 4, "L2": 4}
    assert lanes["expected"].to_dict() == pytest.approx({"L1": 2.0, "L2": 6.0})
    assert lanes["raw_ratio"].to_dict() == pytest.approx({"L1": 2.0, "L2": 2 / 3})
    ((a,),) = view.rows("select dispersion from hotspot_prior where level = 'lane' and segment = 'line haul'")
    assert lanes.loc["L1", "ratio"] == pytest.approx((a + 4) / (a + 2))
    assert lanes.loc["L1", "weight"] == pytest.approx(2 / (a + 2))
    posterior = ratio_posterior([4], [2], dispersion=a)
    assert lanes.loc["L1", "probability"] == pytest.approx(posterior.probability_above(1.5)[0])
    assert (lanes.loc["L1", "low"], lanes.loc["L1", "high"]) == pytest.approx(
        (posterior.interval()[0][0], posterior.interval()[1][0])
    )


def test_growth_of_the_whole_book_is_not_taken_for_place(tmp_path: Path) -> None:
    # The second quarter is four times as bad for everybody; L2 sends mostly then.
    view = load_book(
        tmp_path,
        goods=[
            shipments(400, lane="L1", month="2025-02"),
            shipments(100, lane="L1", month="2025-05"),
            shipments(400, lane="L2", month="2025-05"),
        ],
        lost=[
            thefts(4, lane="L1", month="2025-02"),
            thefts(4, lane="L1", month="2025-05"),
            thefts(16, lane="L2", month="2025-05"),
        ],
    )
    assert verdicts(view)["expected"].to_dict() == pytest.approx({"L1": 8.0, "L2": 16.0})
    quarters = view.rows(
        "select quarter::varchar, observed, rate from class_rate where level = 'lane' order by quarter"
    )
    assert quarters == [("2025-01-01", 4, pytest.approx(0.01)), ("2025-04-01", 20, pytest.approx(0.04))]


def test_mix_of_commodities_is_not_taken_for_place(tmp_path: Path) -> None:
    goods = [
        shipments(300, lane="L1", month="2025-03", commodity="food"),
        shipments(100, lane="L1", month="2025-03", commodity="electronics"),
        shipments(300, lane="L2", month="2025-03", commodity="electronics"),
    ]
    food = [f"F{n},own,I1,L1,,,L1/I1/food/2025-03/{n},theft,2025-03-09,,5000" for n in range(6)]
    phones = [f"E{n},own,I1,L2,,,L2/I1/electronics/2025-03/{n},theft,2025-03-09,,5000" for n in range(40)]
    view = load_book(tmp_path, goods=goods, lost=[food, phones])
    # Electronics: 40 thefts of 400 shipments; food: 6 of 300.
    assert verdicts(view)["expected"].to_dict() == pytest.approx({"L1": 6 + 10, "L2": 30})


def test_a_lane_three_times_as_bad_with_much_data_is_a_hotspot(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[
            shipments(500, lane="L1", month="2025-03"),
            shipments(1500, lane="L2", month="2025-03"),
            shipments(1500, lane="L3", month="2025-03"),
        ],
        lost=[
            thefts(42, lane="L1", month="2025-03"),
            thefts(20, lane="L2", month="2025-03"),
            thefts(20, lane="L3", month="2025-03"),
        ],
    )
    lanes = verdicts(view)
    assert lanes["verdict"].to_dict() == {"L1": "hotspot", "L2": "ordinary", "L3": "ordinary"}
    assert lanes["excess_loss"].idxmax() == "L1"
    assert lanes.loc["L1", "excess_loss"] == pytest.approx(50_000 * lanes.loc["L1", "excess_thefts"])
    ((places, hotspots, chance, opens),) = view.rows(
        "select places, hotspots, hotspots_by_chance, opens from hotspot_level where level = 'lane'"
    )
    assert (places, hotspots, opens) == (3, 1, True)
    assert chance == pytest.approx(1 - lanes.loc["L1", "probability"])


def test_a_lane_hardly_used_has_not_enough_data_whatever_happened(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(1, lane="L1", month="2025-03"), shipments(2000, lane="L2", month="2025-03")],
        lost=[thefts(1, lane="L1", month="2025-03"), thefts(20, lane="L2", month="2025-03")],
    )
    assert verdicts(view).loc["L1", "verdict"] == "not enough data"
    assert verdicts(view).loc["L1", "weight"] < 0.25


def test_corridors_pool_their_lanes(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(10, lane=lane, month="2025-03") for lane in ("L1", "L2", "L3")],
        lost=[thefts(2, lane="L1", month="2025-03"), thefts(1, lane="L2", month="2025-03")],
    )
    corridors = verdicts(view, "corridor")
    assert corridors["observed"].to_dict() == {"US-TX > US-GA": 3, "US-GA > US-TX": 0}
    assert corridors["expected"].to_dict() == pytest.approx({"US-TX > US-GA": 2.0, "US-GA > US-TX": 1.0})
    assert corridors["label"].to_dict() == {"US-TX > US-GA": "TX → GA", "US-GA > US-TX": "GA → TX"}


def test_relabelled_lanes_get_the_same_verdicts(tmp_path: Path) -> None:
    def book(root: Path, first: str, second: str, third: str) -> pd.DataFrame:
        renamed = LANES.replace("L1", "x").replace("L2", "y").replace("L3", "z")
        view = load_book(
            root,
            goods=[
                shipments(200, lane=first, month="2025-03"),
                shipments(700, lane=second, month="2025-03"),
                shipments(900, lane=third, month="2025-04", commodity="shoes"),
            ],
            lost=[
                thefts(12, lane=first, month="2025-03"),
                thefts(9, lane=second, month="2025-03"),
                thefts(11, lane=third, month="2025-04"),
            ],
            more={"lane.csv": renamed.replace("x", first).replace("y", second).replace("z", third)},
        )
        frame = verdicts(view).loc[[first, second, third]]
        return frame[["observed", "expected", "ratio", "probability", "verdict"]].reset_index(drop=True)

    pd.testing.assert_frame_equal(book(tmp_path / "a", "L1", "L2", "L3"), book(tmp_path / "b", "Q9", "B4", "K7"))


# ---- segments and their units


def test_a_trip_counts_once_however_many_ship_on_it(tmp_path: Path) -> None:
    goods = [f"H{n},I{n},L1,T1,food,1000,,2025-03-03" for n in (1, 2, 3)]
    trips = "trip_id,lane_id,departed_at\nT1,L1,2025-03-03\nT2,L1,2025-03-04\n"
    view = load_book(tmp_path, goods=[goods], more={"trip.csv": trips})
    # T1 with three shippers, and T2 whose goods nobody listed.
    assert verdicts(view).loc["L1", "units"] == pytest.approx(2.0)
    assert view.rows("select sum(units) from lane_month where insured_id = 'I2'") == [(pytest.approx(1 / 3),)]


def test_last_mile_counts_parcels(tmp_path: Path) -> None:
    goods = ["H1,I1,D1,,shoes,50,12,2025-03-03", "H2,I1,D1,,shoes,50,,2025-03-03"]
    view = load_book(tmp_path, goods=[goods], lost=[thefts(1, lane="D1", month="2025-03")])
    lanes = verdicts(view)
    assert lanes.loc["D1", ["segment", "units", "observed"]].tolist() == ["last mile", 13, 1]


def test_storage_counts_months_of_places_and_thefts_without_a_trip(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[
            shipments(3, lane="L1", month="2025-03", insured="I1"),
            shipments(5, lane="L1", month="2025-03", insured="I2"),
            shipments(3, lane="L1", month="2025-04"),
        ],
        lost=[thefts(1, site="S1", month="2025-03")],
    )
    stored = verdicts(view, "site").query("segment == 'storage'")
    assert stored["units"].to_dict() == pytest.approx({"S1": 2.0, "S3": 2.0})
    assert stored["observed"].to_dict() == {"S1": 1, "S3": 0}
    assert stored["label"].to_dict() == {"S1": "Dallas hub", "S3": "Atlanta hub"}
    assert verdicts(view)["observed"].sum() == 0


def test_a_place_counts_what_starts_stops_and_ends_there(tmp_path: Path) -> None:
    trips = "trip_id,lane_id,departed_at\nT1,L1,2025-03-03\n"
    stops = "trip_id,site_id,arrived_at\nT1,S2,2025-03-03 12:00:00\nT1,S2,2025-03-03 15:00:00\nT1,S3,2025-03-04\n"
    theft = ["N1,own,I1,,S2,T1,,theft,2025-03-03 14:00:00,,9000"]
    view = load_book(
        tmp_path,
        goods=[["H1,I1,L1,T1,food,1000,,2025-03-03"]],
        lost=[theft],
        more={"trip.csv": trips, "stop.csv": stops},
    )
    hauled = verdicts(view, "site").query("segment == 'line haul'")
    assert hauled["units"].to_dict() == pytest.approx({"S1": 1.0, "S2": 1.0, "S3": 1.0})
    assert hauled["observed"].to_dict() == {"S1": 0, "S2": 1, "S3": 0}


# ---- what forms no rate


def test_what_forms_no_rate_is_counted_in_the_notes(tmp_path: Path) -> None:
    policies = (
        "policy_id,insured_id,inception_date,expiry_date,currency,deductible_amount\n"
        "P1,I1,2025-01-01,2026-01-01,USD,1000\n"
        "P2,I2,2025-01-01,2026-01-01,USD,50000\n"
    )
    view = load_book(
        tmp_path,
        goods=[
            shipments(60, lane="L1", month="2025-03", insured="I1"),
            shipments(40, lane="L1", month="2025-03", insured="I2"),
            shipments(10, lane="L1", month="2025-11", insured="I1"),
        ],
        lost=[
            thefts(3, lane="L1", month="2025-03"),
            thefts(2, lane="L1", month="2025-03", loss=""),
            thefts(4, lane="L1", month="2025-03", loss="999"),
            thefts(5, lane="L1", month="2025-03", insured="I2"),
            thefts(6, lane="L1", month="2025-03", category="attempted theft"),
            thefts(7, lane="L1", month="2025-03", source="market", insured=""),
            thefts(8, lane="L1", month="2025-03", source="carrier"),
            thefts(9, lane="L2", month="2025-03"),
            thefts(10, lane="L1", month="2025-11"),
            thefts(11, lane="L1", month="2022-03"),
        ],
        more={
            "policy.csv": policies,
            "claim.csv": "claim_id,insured_id,loss_date\nC1,I1,2025-03-05\n",
        },
    )
    lanes = verdicts(view)
    # Of a known loss of 1,000 or more, or of an unknown one; I2's exposure is out with its thefts.
    assert lanes["observed"].to_dict() == {"L1": 5}
    assert lanes["units"].to_dict() == {"L1": 60}
    assert topics(view) == {
        "below threshold": 4,
        "high deductible": 5,
        "attempts": 6,
        "market": 7,
        "carrier": 8,
        "without exposure": 9,
        "immature": 10,
        "before": 11,
        "claims": 1,
        "severity": 14,
    }
    ((units, share, text),) = view.rows(
        "select units, share, text from model_note where topic = 'high deductible' and units is not null"
    )
    assert (units, share) == (40, pytest.approx(0.4))
    assert text == "1 insured with a deductible above 1,000 USD left out of the rates: 40.0% of the line haul exposure"
    assert view.rows("select text from model_note where topic = 'window'") == [
        ("Fitted on losses of Jan 2023 up to Oct 2025, as known on 2025-12-31",)
    ]


def test_an_account_that_reports_no_shipments_lends_no_thefts_to_those_that_do(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(50, lane="L1", month="2025-03", insured="I1")],
        lost=[
            thefts(1, lane="L1", month="2025-03", insured="I1"),
            thefts(6, lane="L1", month="2025-03", insured="I3"),
        ],
    )
    assert verdicts(view)["observed"].to_dict() == {"L1": 1}
    assert topics(view)["without exposure"] == 6


def test_without_exposure_there_are_no_rates_and_a_note_says_so(tmp_path: Path) -> None:
    view = load_book(tmp_path, lost=[thefts(4, lane="L1", month="2025-03")])
    for table in ("hotspot_verdict", "hotspot_level", "hotspot_prior", "hotspot_share", "class_rate"):
        assert view.rows(f"select count(*) from {table}") == [(0,)], table
    assert view.rows("select text from model_note where topic = 'exposure'") == [
        ("No trips, shipments or stored goods in the window: no rate can be formed from counts",)
    ]


def test_without_thefts_nothing_is_hot(tmp_path: Path) -> None:
    view = load_book(tmp_path, goods=[shipments(50, lane="L1", month="2025-03")])
    lanes = verdicts(view)
    assert lanes.loc["L1", ["expected", "ratio", "verdict"]].tolist() == [0.0, 1.0, "not enough data"]


# ---- reporting lag


def test_young_months_are_matured_by_the_reporting_lag(tmp_path: Path) -> None:
    # Old thefts show that a quarter is reported on the day and the rest 80 days later. At the end of December, thefts
    # of October (61 to 91 days ago) are partly unreported.
    old = [f"A{n},own,I1,L1,,,,theft,2025-02-01 18:00:00,2025-02-01 20:00:00,9000" for n in range(10)]
    late = [f"B{n},own,I1,L1,,,,theft,2025-02-01 18:00:00,2025-04-22 20:00:00,9000" for n in range(30)]
    view = load_book(
        tmp_path,
        goods=[shipments(100, lane="L1", month="2025-02"), shipments(100, lane="L2", month="2025-10")],
        lost=[old, late],
    )
    assert view.rows("select lag_days, share from reporting_lag order by lag_days") == [(0, 0.25), (80, 1.0)]
    # Of the 31 days of October the first 12 are at least 80 days old.
    maturity = (12 * 1.0 + 19 * 0.25) / 31
    lanes = verdicts(view)
    assert lanes["maturity"].to_dict() == pytest.approx({"L1": 1.0, "L2": maturity})
    text = "Half of all thefts are reported within 80 days, nine in ten within 80 days, from 40 thefts"
    assert view.rows("select text from model_note where topic = 'reporting lag'") == [(text,)]


def test_without_reports_of_thefts_the_claims_tell_the_lag(tmp_path: Path) -> None:
    rows = "".join(f"C{n},I1,2025-02-01,2025-02-{8 + n % 2:02d} 09:00:00\n" for n in range(30))
    view = load_book(
        tmp_path,
        goods=[shipments(10, lane="L1", month="2025-02")],
        lost=[thefts(2, lane="L1", month="2025-02")],
        more={"claim.csv": "claim_id,insured_id,loss_date,reported_at\n" + rows},
    )
    assert view.rows("select lag_days, share from reporting_lag order by lag_days") == [(7, 0.5), (8, 1.0)]


def test_a_theft_is_known_from_the_first_to_report_it(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(10, lane="L1", month="2025-02")],
        lost=[["N1,own,I1,L1,,,,theft,2025-02-01 18:00:00,2025-02-20 10:00:00,9000"]],
        more={"claim.csv": "claim_id,insured_id,incident_id,reported_at\nC1,I1,N1,2025-02-11 09:00:00\n"},
    )
    assert view.rows("select reported_at::varchar from theft_fact") == [("2025-02-11 09:00:00",)]


# ---- severity


def test_losses_are_capped_and_thin_classes_drawn_to_all(tmp_path: Path) -> None:
    goods = [
        shipments(50, lane="L1", month="2025-03", commodity=commodity) for commodity in ("food", "phones", "shoes")
    ]

    def lost(commodity: str, *losses: int) -> list[str]:
        return [
            f"{commodity}{n},own,I1,,,,L1/I1/{commodity}/2025-03/{n},theft,2025-03-09,,{loss}"
            for n, loss in enumerate(losses)
        ]

    view = load_book(
        tmp_path,
        goods=goods,
        lost=[lost("food", 10_000, 12_000, 11_000), lost("phones", 900_000, 240_000), lost("shoes", 20_000)],
    )
    rows = view.rows("select commodity, valued, mean_loss, weight, severity from class_severity where thefts > 0")
    found = {row[0]: row[1:] for row in rows}
    assert found["phones"][:2] == (2, 245_000)
    assert found[None][:2] == (6, pytest.approx((33_000 + 490_000 + 20_000) / 6))
    assert 11_000 < found["food"][3] < found["phones"][3] < 245_000
    assert found["shoes"][2] < found["phones"][2] < found["food"][2]


def test_the_loss_of_a_theft_of_unknown_value_is_that_of_the_others(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[shipments(50, lane="L1", month="2025-03"), shipments(50, lane="L2", month="2025-03")],
        lost=[thefts(1, lane="L1", month="2025-03", loss="30000"), thefts(3, lane="L2", month="2025-03", loss="")],
    )
    assert verdicts(view)["severity"].to_dict() == {"L1": 30_000, "L2": 30_000}
    lanes = verdicts(view)
    cost = lanes["expected"] * lanes["ratio"] * 30_000 / 50_000 * 1000
    assert lanes["loss_cost"].to_dict() == pytest.approx(cost.to_dict())


def parcels(number: int, *, value: str = "165") -> list[str]:
    return [f"P{n},I1,D1,,parcels,{value},1,2025-03-{n % 28 + 1:02d}" for n in range(number)]


def test_a_parcel_is_not_priced_like_a_truckload(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[parcels(400), shipments(100, lane="L1", month="2025-03", value="90000")],
        lost=[thefts(2, lane="D1", month="2025-03", loss=""), thefts(4, lane="L1", month="2025-03", loss="66000")],
    )
    lanes = verdicts(view)
    assert lanes["severity"].to_dict() == {"D1": 165, "L1": 66_000}
    assert lanes.loc["D1", "excess_loss"] == pytest.approx(165 * lanes.loc["D1", "excess_thefts"], abs=1e-6)
    rows = view.rows(
        "select commodity, thefts, valued, mean_loss, weight, severity, basis from class_severity"
        " where segment = 'last mile' order by commodity nulls first"
    )
    # The thefts name no shipment, so that their commodity is not known.
    assert rows == [
        (None, 2, 0, None, 0, 165, "declared value"),
        ("parcels", 0, 0, None, 0, 165, "declared value"),
    ]
    assert view.rows("select text from model_note where topic = 'severity basis'") == [
        ("No loss of the 2 thefts (last mile) is known: each counts as the mean declared value of a parcel, 165 USD",)
    ]


def test_declared_values_beyond_the_cap_count_up_to_it(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[parcels(10), shipments(10, lane="L1", month="2025-03", value="400000")],
        lost=[thefts(1, lane="D1", month="2025-03", loss="2000"), thefts(1, lane="L1", month="2025-03", loss="")],
    )
    assert verdicts(view)["severity"].to_dict() == {"D1": 2_000, "L1": 250_000}


def test_without_losses_and_values_no_loss_is_made_up(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[parcels(10, value=""), shipments(10, lane="L1", month="2025-03")],
        lost=[thefts(1, lane="D1", month="2025-03", loss=""), thefts(1, lane="L1", month="2025-03")],
    )
    row = view.rows("select severity, excess_loss, loss_cost from hotspot_verdict where place_id = 'D1'")
    assert row == [(None, None, None)]
    text = (
        "No loss of the 1 theft (last mile) is known, nor the value of what it could have been: no loss cost is"
        " stated there"
    )
    assert view.rows("select text from model_note where topic = 'severity basis'") == [(text,)]


# ---- who sees what


def test_a_filter_cuts_what_is_shown_and_never_a_verdict(tmp_path: Path) -> None:
    view = load_book(
        tmp_path,
        goods=[
            shipments(100, lane="L1", month="2025-03", insured="I1"),
            shipments(300, lane="L2", month="2025-06", insured="I2"),
        ],
        lost=[thefts(6, lane="L1", month="2025-03"), thefts(4, lane="L2", month="2025-06", insured="I2")],
    )
    whole = verdicts(view)
    cut = verdicts(view.snapshot.view(view.scope, Filters(lane=("L1",), insured=("I1",))))
    assert cut.index.tolist() == ["L1"]
    pd.testing.assert_frame_equal(cut, whole.loc[["L1"]])


def test_a_scoped_viewer_gets_the_prior_not_the_others(tmp_path: Path) -> None:
    load_book(
        tmp_path,
        goods=[
            shipments(100, lane="L1", month="2025-03", insured="I1"),
            shipments(300, lane="L1", month="2025-03", insured="I2"),
        ],
        lost=[thefts(6, lane="L1", month="2025-03", insured="I1"), thefts(4, lane="L1", month="2025-03", insured="I2")],
    )
    view = view_of(tmp_path, "I1")
    assert len(verdicts(view)) == 0
    own = (
        "select any_value(insured_id), count(distinct insured_id), sum(units), sum(observed), count(expected)"
        " from hotspot_share where level = 'lane' and place_id = 'L1'"
    )
    assert view.rows(own) == [("I1", 1, 100, 6, 0)]
    assert view.rows("select count(*) from hotspot_prior where level = 'lane'") == [(1,)]
    for table in ("class_rate", "class_severity", "hotspot_level", "model_note", "reporting_lag"):
        assert view.rows(f"select count(*) from {table}") == [(0,)], table


def test_a_scoped_viewer_sees_the_books_verdict_where_many_stand_behind_it(tmp_path: Path) -> None:
    everybody = [f"I{number}" for number in range(1, 6)]
    load_book(
        tmp_path,
        goods=[shipments(20, lane="L1", month="2025-03", insured=insured) for insured in everybody],
        lost=[thefts(6, lane="L1", month="2025-03")],
    )
    view = view_of(tmp_path, "I2")
    assert verdicts(view).loc["L1", ["observed", "insureds", "largest_share"]].tolist() == [6, 5, pytest.approx(0.2)]
    assert view.rows("select units, observed, expected from hotspot_share where level = 'lane'") == [
        (20, 0, pytest.approx(1.2))
    ]
    assert len(verdicts(view_of(tmp_path, "I7"))) == 0


# ---- verdicts, whatever the book

RANK = {"not enough data": 0, "ordinary": 1, "watch": 2, "hotspot": 3}
PLACES = st.lists(st.tuples(st.integers(0, 60), st.floats(0.05, 40)), min_size=1, max_size=15)


def judged(places: list[tuple[float, float]], *, a: float = 2.8) -> list[str]:
    y, e = np.array(places, dtype=np.float64).T
    posterior = ratio_posterior(y, e, dispersion=a)
    frame = pd.DataFrame(
        {"level": "lane", "weight": posterior.weight, "probability": posterior.probability_above(1.5), "expected": e}
    )
    return [str(verdict) for verdict in give_verdicts(frame)["verdict"]]


@settings(deadline=None)
@given(PLACES)
def test_each_place_gets_one_of_four_verdicts(places: list[tuple[float, float]]) -> None:
    found = judged(places)
    assert set(found) <= set(VERDICTS)
    for (_, expected), verdict in zip(places, found, strict=True):
        assert verdict == "not enough data" or expected / (2.8 + expected) >= 0.25
        assert verdict != "ordinary" or expected >= 0.5


@pytest.mark.parametrize(
    ("observed", "expected", "verdict"),
    [
        (0, 0.49, "not enough data"),
        (0, 0.5, "ordinary"),
        (0, 0.06, "not enough data"),
        (0, 0.04, "not enough data"),
        (2, 0.26, "watch"),
    ],
)
def test_where_places_differ_much_next_to_no_theft_expected_is_no_all_clear(
    observed: int, expected: float, verdict: str
) -> None:
    # With a = 0.145, 0.05 expected thefts already weigh a quarter.
    assert judged([(observed, expected)], a=0.145) == [verdict]


def test_the_notes_say_which_thefts_the_rate_of_sites_rests_on(tmp_path: Path) -> None:
    hub = ["N1,own,I1,L1,S1,,L1/I1/food/2025-03/0,theft,2025-03-01 18:00:00,,9000"]
    view = load_book(
        tmp_path,
        goods=[shipments(30, lane="L1", month="2025-03")],
        lost=[hub, thefts(3, lane="L1", month="2025-03")],
    )
    text = (
        "The rate of sites rests on the 1 of 4 thefts that have a site with exposure, over 60 passages of trips and"
        " 2 site-months: a trip counts at each place where it starts, stops or ends, so that fewer thefts are expected"
        " of a site than of its lanes"
    )
    assert view.rows("select text, thefts, share from model_note where topic = 'site basis'") == [(text, 1, 0.25)]


@settings(deadline=None)
@given(PLACES, st.data())
def test_more_exposure_with_the_same_ratio_never_weakens_a_verdict(
    places: list[tuple[float, float]], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(places) - 1))
    more = data.draw(st.floats(1, 20))
    grown = list(places)
    grown[place] = (places[place][0] * more, places[place][1] * more)
    assert RANK[judged(grown)[place]] >= RANK[judged(places)[place]]


@settings(deadline=None)
@given(PLACES, st.data())
def test_more_thefts_never_weaken_a_verdict(places: list[tuple[float, float]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(places) - 1))
    more = list(places)
    more[place] = (places[place][0] + 1, places[place][1])
    assert RANK[judged(more)[place]] >= RANK[judged(places)[place]]
