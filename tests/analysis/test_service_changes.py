"""Did a level move, or is it chance? On differences worked by hand, and on journeys in two months."""

from __future__ import annotations

from datetime import date

import pytest

from analysis.filters import Filters
from analysis.service_changes import service_changes
from analysis.service_findings import chance_words, change_words, points_words
from analysis.service_levels import Spread, ratio_change
from analysis.service_measures import SERVICE_MEASURES
from analysis.telemetry import service_values
from data.portfolio import View
from tests.analysis.journeys import Journey, every, load, without

MARCH, APRIL = (Filters(first_month=month, last_month=month) for month in (date(2025, 3, 1), date(2025, 4, 1)))
DAY = 1440
SOUND = every(5, DAY)
#: Two accounts in both months: one an hour darker in April, the other as it was; a third is heard in April only.
JOURNEYS = (
    Journey("A", DAY, SOUND),
    Journey("A-later", DAY, without(SOUND, (300, 360)), starts_days=31),
    Journey("B", DAY, without(SOUND, (300, 420))),
    Journey("B-later", DAY, without(SOUND, (300, 420)), starts_days=31),
    Journey("C-later", DAY, SOUND, starts_days=31),
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return load(tmp_path_factory.mktemp("changes"), *JOURNEYS)


def test_devices_that_all_fell_alike_are_a_signal():
    # Levels .90, .80 and .70 that fell by .06, .05 and .04: how far devices differ is no chance in how they moved.
    moved = ratio_change(([84, 75, 66], [100] * 3), ([90, 80, 70], [100] * 3))
    # d = (-.01, 0, .01) / 3: n / (n - 1) sum d^2 = 1.5 x 2 x (1/300)^2, times t(.975, 2) = 4.3027.
    assert moved.interval == pytest.approx((-0.05 - 0.024841, -0.05 + 0.024841), abs=1e-5)
    assert moved.is_signal


def test_a_single_device_that_moved_is_chance():
    found = ratio_change(([60, 90, 90, 90], [100] * 4), ([90, 90, 90, 90], [100] * 4))
    assert found.change == pytest.approx(-0.075)
    assert not found.is_signal


def test_few_devices_take_the_spread_of_the_book():
    now, before = ([84, 75, 66], [100] * 3), ([90, 80, 70], [100] * 3)
    alone = ratio_change(now, before)
    # (2 x 1.5 x 2 / 300^2 / 2 + 20 x .01 x 2 / 3) / 22 in variance, t(.975, 22) = 2.0739.
    shrunk = ratio_change(now, before, spread=Spread(0.01, 40))
    own, book = 1.5 * 2 / 300**2, 0.01 * 2 / 3
    assert shrunk.shrunk
    assert not shrunk.is_signal
    assert shrunk.interval.high - shrunk.change == pytest.approx(
        2.07387 * ((2 * own + 20 * book) / 22) ** 0.5, abs=1e-5
    )
    assert not alone.shrunk
    # Of the whole book itself nothing more is to be learned from it.
    assert not ratio_change(now, before, spread=Spread(0.01, 3)).shrunk


def test_a_cluster_of_one_period_counts_there_and_nothing_is_said_of_an_empty_one():
    found = ratio_change(([90, 0, 80], [100, 0, 100]), ([90, 70, 0], [100, 100, 0]))
    assert (found.now, found.before, found.clusters) == (0.85, 0.8, 3)
    assert ratio_change(([1], [2]), ([0], [0])) is None
    assert ratio_change(([50], [100]), ([90], [100])).interval is None
    with pytest.raises(ValueError, match="not negative"):
        ratio_change(([1], [-1]), ([1], [1]))


def test_where_all_agree_in_both_periods_two_wilson_intervals_are_put_together():
    found = ratio_change(([10, 10], [10, 10]), ([10, 10], [10, 10]))
    # None of 2 differed: Wilson's low end at 2 of 2 is 0.34238 (n / (n + 1.96^2)).
    assert found.interval == pytest.approx((-0.65762, 0.65762), abs=1e-4)
    assert not found.is_signal


def test_both_periods_are_the_levels_of_their_own_views(view):
    measures = [SERVICE_MEASURES[key] for key in ("uptime", "completeness", "coverage", "protected_share")]
    found = service_changes(view, now=APRIL, before=MARCH, measures=measures)
    for measure in measures:
        now, before = (
            service_values(view.snapshot.view(view.scope, filters))[measure.key].value for filters in (APRIL, MARCH)
        )
        assert found[measure.key].before == pytest.approx(before)
        assert found[measure.key].change == pytest.approx(now - before)
    # Two hours of two days in March, three of three in April.
    assert found["uptime"].change == pytest.approx(-3 / 72 + 2 / 48)
    assert found["uptime"].clusters == 5
    assert not found["uptime"].is_signal


def test_months_between_two_periods_count_in_neither(view):
    june = Filters(first_month=date(2025, 6, 1), last_month=date(2025, 6, 1))
    found = service_changes(view, now=june, before=MARCH, measures=[SERVICE_MEASURES["uptime"]])["uptime"]
    assert (found.before, found.change, found.is_signal) == (None, None, False)


def test_what_the_portfolio_lacks_has_no_change_and_an_open_period_no_comparison(view):
    found = service_changes(view, now=APRIL, before=MARCH, measures=[SERVICE_MEASURES["weight_match"]])
    assert found["weight_match"].change is None
    with pytest.raises(ValueError, match="open period"):
        service_changes(view, now=Filters(), before=Filters(), measures=[SERVICE_MEASURES["uptime"]])


def test_a_change_is_told_in_points_and_said_to_be_signal_or_noise(view):
    found = service_changes(view, now=APRIL, before=MARCH, measures=[SERVICE_MEASURES["uptime"]])["uptime"]
    words = change_words(found, against="Mar 2025")
    assert words.startswith("no change against Mar 2025 (95.8%): noise, as chance alone explains it (99% interval ")
    assert chance_words(found) == "noise"
    assert [points_words(one) for one in (0.0123, -0.0123, 0.0003)] == ["+1.2 points", "−1.2 points", "+0.03 points"]
