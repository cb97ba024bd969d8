"""The registry, and what its measures come to on a small literal portfolio."""

from __future__ import annotations

from datetime import date

import pytest

from analysis.filters import Filters
from analysis.intervals import wilson_interval
from analysis.measures import MEASURES, magnitude, significant
from analysis.selection import Selection
from analysis.values import MeasureValue, is_immature, measure_values, monthly, present_measures
from tests.portfolios import load_files, open_view

FILES = {
    "insured.csv": "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\n",
    "site.csv": "site_id,name,latitude,longitude\nS1,Dallas hub,32.78,-96.80\nS2,Atlanta hub,33.75,-84.39\n",
    "lane.csv": "lane_id,origin_site_id,destination_site_id,mode\nL1,S1,S2,road\n",
    "shipment.csv": (
        "shipment_id,insured_id,lane_id,declared_value,currency,departed_at,scheduled_at,delivered_at\n"
        "H1,I1,L1,1000,USD,2025-01-10 08:00:00,2025-01-11 12:00:00,2025-01-10 20:00:00\n"
        "H2,I1,L1,2000,USD,2025-02-10 08:00:00,2025-02-11 12:00:00,2025-02-12 20:00:00\n"
        "H3,I1,L1,3000,USD,2025-02-11 08:00:00,2025-02-12 12:00:00,2025-02-12 09:00:00\n"
        "H4,I2,L1,,,2025-02-12 08:00:00,,\n"
        "H5,I2,L1,500,CHF,2025-02-13 08:00:00,,\n"
    ),
    "incident.csv": (
        "incident_id,source,insured_id,site_id,category,occurred_from,loss_amount,currency\n"
        "N1,own,I1,S1,theft of trailer,2025-01-10 21:30:00,1500,USD\n"
        "N2,own,I1,S1,hijacking,2025-02-10 22:30:00,500,EUR\n"
        "N3,own,I2,S2,hijacking,2025-02-11 03:00:00,,\n"
        "N4,own,I2,S2,attempt,2025-02-11 04:00:00,,\n"
        "N5,market,,S2,hijacking,2025-02-15 03:00:00,90000,USD\n"
        "N6,carrier,I2,S2,theft,2025-02-16 03:00:00,10,USD\n"
    ),
    "claim.csv": (
        "claim_id,insured_id,site_id,cause,loss_date,claimed_amount,paid_amount,reserve_amount\n"
        "C1,I1,S1,theft,2025-02-10,900,500,1000\n"
        "C2,I2,S2,damage,2025-03-01,300,0,0\n"
        "C3,I2,S2,damage,2025-03-02,200,,\n"
    ),
    # 2 USD for a euro in January, 3 from February on: the plan rate is that of the data's date.
    "fx_rate.csv": "currency,on_date,rate\nEUR,2025-01-01,2\nEUR,2025-02-20,3\n",
}


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory):
    root = tmp_path_factory.mktemp("measures")
    load_files(root, files=FILES)
    return root


def values(root, *keys, selection=None, **filters):
    view = open_view(root, filters=Filters(**filters))
    return measure_values(view, measures=[MEASURES[key] for key in keys], selection=selection)


@pytest.mark.parametrize(
    ("key", "value", "n", "of"),
    [
        ("own_thefts", 3, 4, 4),
        ("attempts", 1, 4, 4),
        ("market_incidents", 1, 1, 1),
        ("carrier_incidents", 1, 1, 1),
        ("loss", 1500 + 500 * 2, 2, 3),
        ("loss_known_share", 2 / 3, 3, 3),
        ("claims", 3, 3, 3),
        ("claimed", 1400, 3, 3),
        ("paid", 500, 2, 3),
        ("incurred", 1500, 2, 3),
        ("paid_share", 1 / 2, 2, 3),
        ("shipments", 5, 5, 5),
        ("value_moved", 6000, 4, 5),
        ("on_time_share", 2 / 3, 3, 5),
    ],
)
def test_a_measure_over_the_whole_book(portfolio, key, value, n, of):
    found = values(portfolio, key)[key]
    assert found.value == pytest.approx(value)
    assert (found.n, found.of) == (n, of)


def test_market_incidents_and_attempts_are_no_thefts_of_the_book(portfolio):
    found = values(portfolio, "own_thefts", "loss")
    assert found["own_thefts"].value == 3
    assert found["loss"].value < 90_000


def test_months_add_up_to_the_period(portfolio):
    found = values(portfolio, "own_thefts", "loss", "value_moved", "claims", "paid")
    for value in found.values():
        assert sum(part or 0 for _, part in value.months) == pytest.approx(value.value)
    assert found["own_thefts"].months == ((date(2025, 1, 1), 1.0), (date(2025, 2, 1), 2.0))


def test_a_share_by_month_is_of_that_month(portfolio):
    assert values(portfolio, "on_time_share")["on_time_share"].months == (
        (date(2025, 1, 1), 1.0),
        (date(2025, 2, 1), 0.5),
    )


def test_amounts_without_a_rate_are_shown_apart_and_never_added(portfolio):
    found = values(portfolio, "value_moved")["value_moved"]
    assert found.value == 6000
    assert found.unconverted == (("CHF", 500.0),)
    assert "not included, as there is no rate of exchange: CHF 500" in found.caveats
    assert "value known for 4 of 5 shipments" in found.caveats


def test_money_is_shown_at_its_dates_rate_and_compared_at_the_plan_rate(portfolio):
    found = values(portfolio, "loss")["loss"]
    assert found.value == 1500 + 500 * 2
    assert found.comparable == 1500 + 500 * 3
    february = values(portfolio, "loss", first_month=date(2025, 2, 1), last_month=date(2025, 2, 1))["loss"]
    january = values(portfolio, "loss", first_month=date(2025, 1, 1), last_month=date(2025, 1, 1))["loss"]
    assert february.change_from(january) == pytest.approx(1500 / 1500 - 1)


def test_unknown_amounts_are_not_zero(portfolio):
    found = values(
        portfolio, "paid", "claims", insured=("I2",), first_month=date(2025, 3, 1), last_month=date(2025, 3, 1)
    )
    assert found["claims"].value == 2
    assert found["paid"].value == 0  # one is known to be 0
    unknown = values(portfolio, "loss", insured=("I2",))["loss"]
    assert unknown.value is None
    assert unknown.words(currency="USD") == "not known"
    assert unknown.caveats == ("loss amount known for 0 of 1 own thefts",)


def test_no_rows_are_a_count_of_zero_with_its_interval(portfolio):
    found = values(portfolio, "own_thefts", first_month=date(2025, 3, 1), last_month=date(2025, 3, 1))["own_thefts"]
    assert found.value == 0
    assert found.interval == pytest.approx((0, 3.689), abs=0.001)


def test_counts_and_shares_carry_their_interval(portfolio):
    found = values(portfolio, "own_thefts", "on_time_share", "loss")
    assert found["own_thefts"].interval == pytest.approx((0.6187, 8.7673), abs=0.0001)
    assert found["on_time_share"].interval == pytest.approx((0.2077, 0.9385), abs=0.0001)
    assert found["loss"].interval is None


def test_a_selection_narrows_what_has_the_dimension_and_says_what_has_not(portfolio):
    found = values(portfolio, "own_thefts", "claims", "shipments", selection=Selection(category="hijacking"))
    assert found["own_thefts"].value == 2
    assert found["claims"].value is None
    assert found["claims"].caveats == ("claims have no category, by which this page is narrowed",)
    by_site = values(portfolio, "own_thefts", "claims", "shipments", selection=Selection(site="S2"))
    assert [by_site[key].value for key in ("own_thefts", "claims", "shipments")] == [1, 2, 5]


def test_only_what_a_portfolio_can_tell_is_present(tmp_path):
    load_files(tmp_path, files={name: FILES[name] for name in ("insured.csv", "site.csv", "claim.csv")})
    keys = [measure.key for measure in present_measures(open_view(tmp_path))]
    assert keys == ["claims", "claimed", "paid", "incurred", "paid_share"]


def test_changes_need_two_known_values(portfolio):
    found = values(portfolio, "own_thefts", "on_time_share")
    none = values(portfolio, "own_thefts", first_month=date(2025, 3, 1), last_month=date(2025, 3, 1))["own_thefts"]
    assert found["own_thefts"].change_from(None) is None
    assert found["own_thefts"].change_from(none) is None  # from nothing there is no percentage
    assert none.change_from(found["own_thefts"]) == -1
    january = values(portfolio, "on_time_share", first_month=date(2025, 1, 1), last_month=date(2025, 1, 1))
    assert found["on_time_share"].change_from(january["on_time_share"]) == pytest.approx(2 / 3 - 1)  # in points


def measured(key, value, *, n, of, interval=None):
    return MeasureValue(MEASURES[key], value, interval, n, of, value, (), (), ())


@pytest.mark.parametrize(
    ("now", "before", "doubt"),
    [
        (measured("own_thefts", 9, n=9, of=9), measured("own_thefts", 6, n=6, of=6), "6 before: no clear change"),
        (measured("own_thefts", 40, n=40, of=40), measured("own_thefts", 15, n=15, of=15), ""),
        (measured("loss", 1e6, n=15, of=40), measured("loss", 1.1e6, n=23, of=45), "15 of 40 known; 23 of 45 before"),
        (measured("loss", 1e6, n=12, of=12), measured("loss", 4e5, n=9, of=9), "12 events, 9 before: too few to tell"),
        (measured("loss", 1e6, n=38, of=40), measured("loss", 4e5, n=40, of=41), ""),
        (
            measured("on_time_share", 0.8, n=10, of=10, interval=wilson_interval(8, 10)),
            measured("on_time_share", 0.6, n=10, of=10, interval=wilson_interval(6, 10)),
            "60% before: no clear change",
        ),
        (
            measured("on_time_share", 0.8, n=1000, of=1000, interval=wilson_interval(800, 1000)),
            measured("on_time_share", 0.6, n=1000, of=1000, interval=wilson_interval(600, 1000)),
            "",
        ),
        (measured("shipments", 12, n=12, of=12), measured("shipments", 10, n=10, of=10), ""),
        (measured("own_thefts", 9, n=9, of=9), None, ""),
    ],
)
def test_a_change_that_chance_or_coverage_explains_is_no_news(now, before, doubt):
    assert now.doubt_of_change(before) == doubt


def test_coverage_is_said_where_much_is_not_known():
    assert measured("loss", 1.0, n=15, of=40).coverage == "15 of 40 known"
    assert measured("paid", 1.0, n=5802, of=7721).coverage == "75% known"
    assert measured("loss", 1.0, n=39, of=40).coverage == ""


def test_months_without_rows_are_filled(portfolio):
    found = values(portfolio, "own_thefts", "on_time_share")
    ends = {"first_month": date(2024, 12, 1), "last_month": date(2025, 3, 1)}
    assert [value for _, value in monthly(found["own_thefts"], **ends)] == [0.0, 1.0, 2.0, 0.0]
    assert [value for _, value in monthly(found["on_time_share"], **ends)] == [None, 1.0, 0.5, None]


@pytest.mark.parametrize(
    ("month", "immature"),
    [(date(2024, 3, 1), False), (date(2024, 4, 1), True), (date(2024, 5, 1), True)],
)
def test_the_last_60_days_are_immature(month, immature):
    # 60 days up to 31 May begin on 2 April.
    assert is_immature(month, data_date=date(2024, 5, 31)) is immature
    assert is_immature(month, data_date=None) is False


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_every_measure_is_documented(measure):
    assert MEASURES[measure.key] is measure
    assert measure.definition.endswith(".")
    assert measure.formula
    assert not measure.formula.endswith(".")
    assert measure.label[0].isupper()
    assert measure.parts["value"].startswith("sum(")
    assert bool(measure.comparable) == bool(measure.unconverted) == (measure.unit == "base currency")
    assert bool(measure.per) == (measure.unit == "percent")


def test_labels_are_distinct():
    labels = [measure.label for measure in MEASURES.values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (7, "7"), (1337, "1.34k"), (999_600, "1M"), (1_627_584_457.29, "1.63bn"), (-2500, "-2.5k"), (0.0, "0")],
)
def test_sizes_in_words(value, words):
    assert magnitude(value) == words


def test_words_carry_the_unit():
    assert MEASURES["paid"].words(611_137.05, currency="USD") == "USD 611k"
    assert MEASURES["on_time_share"].words(0.88512) == "88.5%"
    assert MEASURES["claims"].words(None) == "not known"
    assert significant(0.3333) == "0.333"
