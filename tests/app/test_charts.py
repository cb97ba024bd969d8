"""Charts: what they say, what they draw, and what a click on them carries."""

from __future__ import annotations

import base64
from datetime import date

import pandas as pd
import pytest

from analysis.hotspots import Breakdown, HoursOfWeek
from analysis.measures import MEASURES
from pages.shared.charts import kind_chart, month_chart, sparkline, week_chart
from pages.shared.palette import DARK, LIGHT

CLAIMS = MEASURES["claims"]
MONTHS = tuple((date(2025, month, 1), value) for month, value in enumerate((10.0, 12.0, 30.0, 2.0), start=1))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_months_are_bars_from_zero_with_the_immature_hatched(colours):
    chart = month_chart(
        MONTHS,
        measure=CLAIMS,
        immature=frozenset({date(2025, 4, 1)}),
        period="Jan 2025 – Apr 2025",
        currency="USD",
        colours=colours,
        selected=date(2025, 2, 1),
    )
    (bars,) = chart.figure.data
    assert list(bars.marker.pattern.shape) == ["", "", "", "/"]
    assert bars.marker.color[1] == colours.selected
    assert chart.figure.layout.yaxis.rangemode == "tozero"
    assert chart.title == "Most in Mar 2025: 30, 2.5 times the median month."
    assert chart.note == (
        "Number of claims by month, Jan 2025 – Apr 2025; hatched: the last 60 days, still being reported"
    )
    assert chart.alt.startswith(chart.title)
    assert list(bars.customdata[0]) == ["2025-01-01"]


def drawn_line(image: str) -> list[tuple[float, float]]:
    """The points of a sparkline, from left to right; the picture's y grows downwards."""
    picture = base64.b64decode(image.split("base64,")[1].split('"', maxsplit=1)[0]).decode()
    points = picture.split("<polyline points=")[1].split('"')[1]
    return [(float(x), float(y)) for x, y in (point.split(",") for point in points.split())]


def test_a_sparkline_stands_on_zero_so_that_a_wobble_stays_a_wobble():
    image = sparkline([100.0, 97.0, 100.0], label='Claims "by" month', colours=LIGHT)
    (first, dip, last) = drawn_line(image)
    assert (first[0], last[0]) == (0.0, 100.0)
    zero = 21.0
    assert dip[1] - first[1] == pytest.approx(0.03 * (zero - first[1]), abs=0.06)
    assert 'alt="Claims &quot;by&quot; month"' in image


def test_a_sparkline_leaves_a_gap_where_nothing_is_known():
    image = sparkline([1.0, None, 2.0, 2.0], label="", colours=LIGHT)
    picture = base64.b64decode(image.split("base64,")[1].split('"', maxsplit=1)[0]).decode()
    lines = [part.split('"')[1] for part in picture.split("<polyline points=")[1:]]
    assert lines == ["0.0,11.0 0.0,11.0", "66.7,1.0 100.0,1.0"]


def test_a_sparkline_of_nothing_lies_on_zero_and_of_losses_below_it():
    assert {y for _, y in drawn_line(sparkline([0.0, 0.0], label="", colours=DARK))} == {21.0}
    assert {y for _, y in drawn_line(sparkline([float("nan"), 0.0], label="", colours=DARK))} == {21.0}
    (high, low) = drawn_line(sparkline([5.0, -5.0], label="", colours=DARK))
    assert (high[1], low[1]) == (1.0, 21.0)


def test_kinds_are_sorted_and_say_what_is_not_given():
    frame = pd.DataFrame(
        {"key": ["a", "b"], "label": ["theft", "damage"], "value": [60.0, 30.0], "share": [0.6, 0.3], "n": [60, 30]}
    )
    divided = Breakdown(frame=frame, by="cause", measure=CLAIMS, total=100, not_given=10)
    chart = kind_chart(divided, period="2025", currency="USD", colours=LIGHT, selected=("b",))
    (bars,) = chart.figure.data
    assert list(bars.x) == [60, 30]
    assert chart.figure.layout.xaxis.range[0] == 0
    assert list(bars.marker.color) == [LIGHT.previous, LIGHT.selected]
    assert chart.title == "Theft leads with 60% of claims"
    assert chart.note.endswith("no cause given for 10")


def test_the_week_says_how_many_have_a_time_of_day():
    frame = pd.DataFrame(
        [(day, hour, 0.0) for day in range(1, 8) for hour in range(24)], columns=["weekday", "hour", "value"]
    )
    frame.loc[(frame["weekday"] == 3) & (frame["hour"] == 2), "value"] = 3.0
    frame.loc[(frame["weekday"] == 5) & (frame["hour"] == 14), "value"] = 1.0
    few = week_chart(HoursOfWeek(frame, MEASURES["own_thefts"], n=4, of=9), period="2025", colours=LIGHT)
    assert few.title == "Only 4 with a time of day: too few to name an hour"
    chart = week_chart(
        HoursOfWeek(frame.assign(value=frame["value"] * 10), MEASURES["own_thefts"], n=40, of=90),
        period="2025",
        colours=LIGHT,
    )
    assert chart.title == "75% fall between 00:00 and 06:00; most at Wednesday 02:00"
    assert "time of day known for 40 of 90" in chart.note
    (bars,) = chart.figure.data
    assert len(bars.x) == 168
    assert list(bars.customdata[0]) == [1, 0]
    empty = week_chart(
        HoursOfWeek(frame.assign(value=0.0), MEASURES["own_thefts"], n=0, of=9), period="2025", colours=LIGHT
    )
    assert empty.title == "No time of day is known"


def test_names_of_the_insured_are_text_in_a_chart():
    frame = pd.DataFrame({"key": ["a"], "label": ["<a href='//x'>A</a>"], "value": [1.0], "share": [1.0]})
    divided = Breakdown(frame=frame, measure=MEASURES["claims"], by="cause", total=1.0, not_given=0.0)
    chart = kind_chart(divided, period="2025", currency="USD", colours=LIGHT)
    assert "<" not in chart.figure.layout.yaxis.ticktext[0]
    assert "<" not in chart.figure.data[0].hovertext[0]


def test_an_amount_that_is_not_known_is_no_zero():
    months = [(date(2025, 1, 1), None), (date(2025, 2, 1), 5.0)]
    chart = month_chart(
        months, measure=MEASURES["paid"], immature=frozenset(), period="2025", currency="USD", colours=LIGHT
    )
    assert chart.figure.data[0].text[0] == "Jan 2025: not known"
    assert chart.figure.data[0].y[0] is None
