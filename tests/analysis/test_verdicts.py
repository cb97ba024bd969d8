"""Verdicts as a page reads them: ranked, in words, and the same whatever the filter or the scope."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.filters import Filters
from analysis.hotspot_evidence import counted_thefts
from analysis.verdicts import (
    RankedVerdicts,
    Span,
    book_values,
    excess_words,
    fit_span,
    has_verdicts,
    headline,
    notes,
    opening_level,
    ranked_verdicts,
    told_levels,
    watch_words,
)
from data.portfolio import View
from tests.analysis.books import load_book, shipments, thefts, view_of
from tests.portfolios import load_files, open_view

SPAN = Span(date(2023, 7, 1), date(2026, 4, 1), is_whole=True)
COLUMNS = ["place", "segment", "verdict", "ratio", "low", "high", "probability", "weight", "expected", "excess_loss"]


def row(place: str, verdict: str, **given: object) -> dict[str, object]:
    values: dict[str, object] = {
        "place": place, "label": f"{place} → Z", "segment": "line haul", "observed": 39, "expected": 13.8, "ratio": 2.8,
        "low": 2.1, "high": 3.6, "probability": 0.99, "excess_loss": 3_400_000.0, "verdict": verdict, "basis": "",
    }  # fmt: skip
    return values | given


def ranked(*rows: dict[str, object], span: Span | None = SPAN) -> RankedVerdicts:
    return RankedVerdicts("lane", pd.DataFrame(list(rows), columns=list(row("A", "hotspot"))), span)


class TestHeadline:
    def test_a_hotspot_is_named_with_its_reason_and_its_money(self) -> None:
        assert headline(ranked(row("Ontario", "hotspot"), row("B", "watch")), currency="USD") == (
            "Look at Ontario to Z first: 39 thefts where 13.8 were expected (best estimate 2.8 times, allowing "
            "for chance; 90% interval 2.1–3.6), about USD 1.2M a year above expectation"
        )

    def test_the_estimate_is_not_passed_off_as_observed_over_expected(self) -> None:
        found = headline(ranked(row("A", "hotspot", observed=8, expected=2.34, ratio=3.3)), currency="USD")
        assert "8 thefts where 2.34 were expected (best estimate 3.3 times, allowing for chance; 90% interval" in found
        assert "9 thefts where 1 was expected (" in headline(
            ranked(row("A", "hotspot", observed=9, expected=1.0)), currency="USD"
        )

    def test_a_hotspot_comes_before_a_costlier_place_to_watch(self) -> None:
        assert headline(ranked(row("A", "watch"), row("B", "hotspot")), currency="USD").startswith("Look at B to Z")

    def test_without_hotspots_the_watch_list_is_no_certainty(self) -> None:
        found = headline(ranked(row("A", "watch", probability=0.72)), currency="USD")
        assert found.startswith("No hotspot beyond doubt; watch A to Z first: 39 thefts")
        assert "72% likely to exceed 1.5 times" in found

    def test_it_says_that_nothing_stands_out(self) -> None:
        found = headline(ranked(row("A", "ordinary"), row("B", "not enough data")), currency="USD")
        assert found.startswith("Nothing stands out: none of 1 lane with enough data")

    def test_too_little_data_is_no_all_clear(self) -> None:
        found = headline(ranked(row("A", "not enough data", observed=1)), currency="USD")
        assert found == "Not enough data for a verdict on any lane: 1 theft on 1 lane of this selection"

    def test_without_exposure_nothing_is_compared(self) -> None:
        assert headline(ranked(), currency="USD") == "No lane of this selection has exposure: nothing can be compared"

    def test_a_span_that_may_be_part_empty_gives_no_sum_a_year(self) -> None:
        part = Span(date(2023, 7, 1), date(2026, 4, 1), is_whole=False)
        assert excess_words(3_400_000, part, currency="EUR") == ", about EUR 3.4M above expectation in 34 months"
        assert excess_words(-5.0, part, currency="EUR") == ""


def test_the_watch_list_says_how_many_are_chance() -> None:
    watched = [row("A", "watch", probability=0.6), row("B", "watch", probability=0.9), row("C", "hotspot")]
    assert watch_words(ranked(*watched)) == "2 lanes are on the watch list; 0.5 of them expected to be chance"
    assert watch_words(ranked(row("C", "hotspot"))) == "No lane is on the watch list"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is robbed three times as often as L2; seven insureds share L1, one has L2 for itself."""
    folder = tmp_path_factory.mktemp("book")
    shared = [shipments(60, lane="L1", month="2025-03", insured=f"I{n}") for n in range(1, 8)]
    alone = [shipments(900, lane="L2", month="2025-03", insured="I1")]
    lost = [thefts(40, lane="L1", month="2025-03", insured="I2"), thefts(20, lane="L2", month="2025-03")]
    load_book(folder, goods=[*shared, *alone], lost=lost)
    return folder


@pytest.fixture
def book(root: Path) -> View:
    return open_view(root)


def test_places_are_ranked_by_expected_excess_loss(book: View) -> None:
    found = ranked_verdicts(book, level="lane")
    assert found.frame["place"].tolist() == ["L1", "L2"]
    assert found.frame["excess_loss"].is_monotonic_decreasing
    first = found.frame.iloc[0]
    assert (first["label"], first["observed"], first["basis"]) == ("Dallas hub → Atlanta hub", 40, "")
    assert first["excess_loss"] == pytest.approx(first["expected"] * (first["ratio"] - 1) * first["severity"])
    assert (first["origin_latitude"], first["destination_longitude"]) == (32.78, -84.39)


def test_corridors_and_sites_have_coordinates_too(book: View) -> None:
    corridor = ranked_verdicts(book, level="corridor").frame.iloc[0]
    assert corridor["label"] == "TX → GA"
    assert corridor["origin_latitude"] == pytest.approx((32.78 + 29.76) / 2)
    assert told_levels(book)[:2] == ("lane", "corridor")
    assert opening_level(book) == "lane"


def test_the_span_begins_with_the_first_exposure(book: View) -> None:
    span = fit_span(book)
    assert span is not None
    assert (span.first_month, span.is_whole) == (date(2025, 1, 1), True)
    assert Span(date(2023, 7, 1), date(2026, 4, 1), is_whole=True).words == "Jul 2023 – Apr 2026 (34 months)"


def test_an_excess_reads_the_same_whoever_reads_it(root: Path, book: View) -> None:
    mine = fit_span(view_of(root, "I3"))
    assert mine == fit_span(book) == Span(date(2025, 1, 1), date(2025, 10, 1), is_whole=True)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(insured=("I1",)),
        Filters(commodity=("food",)),
        Filters(lane=("L1",)),
        Filters(first_month=date(2025, 12, 1), last_month=date(2025, 12, 1)),
    ],
    ids=["insured", "commodity", "lane", "period"],
)
def test_a_filter_cuts_the_display_and_never_changes_a_verdict(root: Path, book: View, filters: Filters) -> None:
    for level in told_levels(book):
        whole = ranked_verdicts(book, level=level).frame[COLUMNS].set_index(["place", "segment"])
        shown = ranked_verdicts(open_view(root, filters=filters), level=level).frame[COLUMNS]
        shown = shown.set_index(["place", "segment"])
        assert len(shown)
        pd.testing.assert_frame_equal(shown, whole.loc[shown.index])


def test_a_scoped_viewer_gets_the_books_verdict_only_where_it_may_be_shared(root: Path, book: View) -> None:
    frame = ranked_verdicts(view_of(root, "I1"), level="lane").frame.set_index("place")
    whole = ranked_verdicts(book, level="lane").frame.set_index("place")
    assert frame.loc["L1", "verdict"] == whole.loc["L1", "verdict"]
    assert frame.loc["L1", "ratio"] == whole.loc["L1", "ratio"]
    assert frame.loc["L1", "basis"] == ""
    private = frame.loc["L2"]
    assert private["basis"] == "class prior; not this lane's own verdict"
    assert private["verdict"] == ""
    assert (private["observed"], private["units"]) == (20, 900)
    ((low, high),) = book.rows("select low, high from hotspot_prior where level = 'lane' and segment = 'line haul'")
    assert (private["ratio"], private["low"], private["high"], private["weight"]) == (1.0, low, high, 0.0)
    assert np.isnan(private["raw_ratio"])
    assert np.isnan(private["excess_loss"])


def test_another_insured_sees_nothing_of_a_lane_that_is_not_its_own(root: Path) -> None:
    assert ranked_verdicts(view_of(root, "I3"), level="lane").frame["place"].tolist() == ["L1"]


def test_frequency_and_loss_cost_per_1000_with_interval_and_n(book: View) -> None:
    found = book_values(book, ranked=ranked_verdicts(book, level="lane"))
    frequency = found["theft_frequency"]
    assert (frequency.value, frequency.n) == (pytest.approx(1000 * 60 / 1320), 60)
    assert frequency.per == "1,000 trips"
    assert frequency.interval == pytest.approx((1000 * 45.786 / 1320, 1000 * 77.232 / 1320), rel=1e-3)
    # Every theft lost 50,000, and every shipment is worth 1,000.
    assert found["theft_loss_cost"].value == pytest.approx(1000 * 60 * 50_000 / 1_320_000)
    share = found["worst_ten_share"]
    assert share.value is None
    assert share.caveats == ("only 2 lanes with a verdict",)


def test_the_loss_cost_of_parcels_without_a_known_loss_rests_on_their_value(tmp_path: Path) -> None:
    parcels = [f"P{n},I1,D1,,parcels,165,1,2025-03-{n % 28 + 1:02d}" for n in range(400)]
    view = load_book(
        tmp_path,
        goods=[parcels, shipments(100, lane="L1", month="2025-03", value="90000")],
        lost=[thefts(2, lane="D1", month="2025-03", loss=""), thefts(4, lane="L1", month="2025-03", loss="66000")],
    )
    cut = view.snapshot.view(view.scope, Filters(lane=("D1",)))
    cost = book_values(cut, ranked=ranked_verdicts(cut, level="lane"))["theft_loss_cost"]
    # Two of 400 parcels: 5 per 1,000 of what they are worth.
    assert cost.value == pytest.approx(5.0)
    assert cost.caveats == (
        "loss known of 4 of the book's 6 thefts",
        "last mile: no loss is known, each theft counts as the mean value of a parcel",
    )


def test_a_loss_cost_is_not_told_where_no_loss_and_no_value_is_known(tmp_path: Path) -> None:
    parcels = ["P1,I1,D1,,parcels,,1,2025-03-01", "P2,I1,D1,,parcels,,1,2025-03-02"]
    view = load_book(
        tmp_path,
        goods=[parcels, shipments(100, lane="L1", month="2025-03")],
        lost=[thefts(1, lane="D1", month="2025-03", loss=""), thefts(1, lane="L1", month="2025-03")],
    )
    cost = book_values(view, ranked=ranked_verdicts(view, level="lane"))["theft_loss_cost"]
    assert (cost.value, cost.caveats) == (None, ("no loss of a last mile theft is known",))


def test_the_share_in_the_ten_worst_has_an_interval_around_it(tmp_path: Path) -> None:
    lanes = "lane_id,origin_site_id,destination_site_id,mode\n" + "".join(f"L{n},S1,S3,road\n" for n in range(1, 13))
    goods = [shipments(50, lane=f"L{n}", month="2025-03") for n in range(1, 13)]
    view = load_book(
        tmp_path,
        goods=goods,
        lost=[thefts(20, lane="L1", month="2025-03"), thefts(2, lane="L2", month="2025-03")],
        more={"lane.csv": lanes},
    )
    share = book_values(view, ranked=ranked_verdicts(view, level="lane"))["worst_ten_share"]
    assert share.value is not None
    assert share.interval is not None
    assert share.n == 12
    assert 0.9 < share.interval[0] <= share.value <= share.interval[1] <= 1


def test_a_scoped_viewer_gets_no_loss_cost_of_the_book(root: Path) -> None:
    view = view_of(root, "I1")
    cost = book_values(view, ranked=ranked_verdicts(view, level="lane"))["theft_loss_cost"]
    assert cost.value is None
    assert cost.caveats == ("rests on the whole book",)


@pytest.mark.parametrize(
    ("robbed", "loss", "seen"),
    [
        ((1, 2, 3, 4, 5), ["50000"] * 5, True),
        ((1, 2, 3, 4, 4), ["50000"] * 5, False),
        ((1, 2, 3, 4, 5), ["50000", "50000", "50000", "50000", ""], False),
    ],
    ids=["five losses of five", "five of four", "four known"],
)
def test_a_scoped_viewer_sees_no_severity_of_a_few_losses(
    tmp_path: Path, robbed: tuple[int, ...], loss: list[str], seen: bool
) -> None:
    goods = [shipments(20, lane="L1", month="2025-03", insured=f"I{n}") for n in range(1, 6)]
    lost = [
        f"N{k},own,I{n},L1,,,,theft,2025-03-09 18:00:00,,{amount}"
        for k, (n, amount) in enumerate(zip(robbed, loss, strict=True))
    ]
    whole = load_book(tmp_path, goods=goods, lost=[lost])
    columns = ["severity", "excess_loss", "loss_cost"]
    assert ranked_verdicts(whole, level="lane").frame[columns].notna().all(axis=None)
    (row,) = ranked_verdicts(view_of(tmp_path, "I2"), level="lane").frame.to_dict("records")
    assert (row["basis"], row["observed"]) == ("", 5)
    assert [bool(pd.notna(row[name])) for name in columns] == [seen] * 3
    assert pd.notna(row["ratio"])


def test_notes_say_what_was_left_out(book: View) -> None:
    assert any(text.startswith("Fitted on losses of") for text in notes(book, level="lane"))


def test_a_portfolio_without_exposure_has_no_verdicts(tmp_path: Path) -> None:
    load_files(tmp_path)
    view = open_view(tmp_path)
    assert not has_verdicts(view)
    assert headline(ranked_verdicts(view, level="lane"), currency="USD").startswith("No lane of this selection")


@pytest.mark.parametrize(
    ("trips", "shared"),
    [
        ({"I1": 20, "I2": 20, "I3": 20, "I4": 20, "I5": 20}, True),
        ({"I1": 25, "I2": 25, "I3": 25, "I4": 25}, False),
        ({"I1": 50, "I2": 20, "I3": 10, "I4": 10, "I5": 10}, True),
        ({"I1": 51, "I2": 19, "I3": 10, "I4": 10, "I5": 10}, False),
        ({"I1": 40, "I2": 40, "I3": 10, "I4": 5, "I5": 5}, True),
        ({"I1": 41, "I2": 40, "I3": 9, "I4": 5, "I5": 5}, False),
    ],
    ids=["five", "only four", "half", "over half", "two have 80%", "two have over 80%"],
)
def test_whose_verdict_may_be_shared(tmp_path: Path, trips: dict[str, int], shared: bool) -> None:
    goods = [shipments(number, lane="L1", month="2025-03", insured=insured) for insured, number in trips.items()]
    load_book(tmp_path, goods=goods, lost=[thefts(6, lane="L1", month="2025-03", insured="I2")])
    (row,) = ranked_verdicts(view_of(tmp_path, "I1"), level="lane").frame.to_dict("records")
    if shared:
        assert (row["basis"], row["observed"], row["units"]) == ("", 6, sum(trips.values()))
        assert row["verdict"] in {"hotspot", "watch", "ordinary", "not enough data"}
    else:
        assert row["basis"] == "class prior; not this lane's own verdict"
        assert (row["verdict"], row["observed"], row["units"]) == ("", 0, trips["I1"])


def test_market_attempts_and_claims_form_no_rate_on_the_page(tmp_path: Path) -> None:
    goods = [list(shipments(200, lane=lane, month="2025-03")) for lane in ("L1", "L2")]
    own = [list(thefts(12, lane="L1", month="2025-03")), list(thefts(4, lane="L2", month="2025-03"))]
    beside = [
        thefts(40, lane="L2", month="2025-03", source="market", insured=""),
        thefts(30, lane="L2", month="2025-03", source="carrier"),
        thefts(20, lane="L2", month="2025-03", category="attempted theft"),
        thefts(10, lane="L3", month="2025-03"),
    ]
    claims = "claim_id,insured_id,lane_id,loss_date,cause,paid_amount\n" + "".join(
        f"C{number},I1,L2,2025-03-05,theft,50000\n" for number in range(25)
    )
    plain = load_book(tmp_path / "plain", goods=goods, lost=own)
    mixed = load_book(tmp_path / "mixed", goods=goods, lost=[*own, *beside], more={"claim.csv": claims})
    assert mixed.rows("select count(*) from incident_fact") == [(116,)]
    for level in told_levels(plain):
        wanted, found = ranked_verdicts(plain, level=level), ranked_verdicts(mixed, level=level)
        pd.testing.assert_frame_equal(found.frame[COLUMNS], wanted.frame[COLUMNS])
        assert headline(found, currency="USD") == headline(wanted, currency="USD")
        assert len(counted_thefts(mixed, level=level)) == len(counted_thefts(plain, level=level))
    values = book_values(mixed, ranked=ranked_verdicts(mixed, level="lane"))
    assert values["theft_frequency"].value == pytest.approx(1000 * 16 / 400)
    assert values["theft_frequency"].n == 16


def test_frequency_and_loss_cost_run_by_whole_quarter_of_the_window(tmp_path: Path) -> None:
    goods = [shipments(100, lane="L1", month=month) for month in ("2025-01", "2025-05", "2025-10")]
    lost = [
        thefts(number, lane="L1", month=month) for number, month in ((4, "2025-02"), (1, "2025-06"), (9, "2025-10"))
    ]
    view = load_book(tmp_path, goods=goods, lost=lost)
    values = book_values(view, ranked=ranked_verdicts(view, level="lane"))
    # October is in the window, its quarter is not whole.
    assert values["theft_frequency"].trend == ((date(2025, 1, 1), 40.0), (date(2025, 4, 1), 10.0))
    assert values["theft_loss_cost"].trend == (
        (date(2025, 1, 1), pytest.approx(1000 * 4 * 50_000 / 100_000)),
        (date(2025, 4, 1), pytest.approx(1000 * 50_000 / 100_000)),
    )
    assert values["worst_ten_share"].trend == ()
