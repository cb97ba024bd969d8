"""The charts behind a verdict: thefts by month against those expected, and their kinds against those of all places."""

from __future__ import annotations

import html
from dataclasses import replace

from analysis.hotspot_evidence import FEW, THEFTS, KindMix, MonthsAgainstExpected
from analysis.hotspots import KIND_LABELS, HoursOfWeek
from analysis.measures import significant
from analysis.words import due_words, theft_words
from pages.shared.charts import FEW_TIMED, Chart, kind_chart, month_chart, week_chart
from pages.shared.context import month_words
from pages.shared.palette import Palette

#: From this many expected a month, months above expectation are counted: with fewer, most months have none, and a
#: place with twice the thefts expected lies below them in most.
LEAST_A_MONTH = 2.0
# A month with fewer is no peak.
_WORTH_NAMING = 3
# Up to this many thefts a month the axis counts them one by one.
_ONE_BY_ONE = 6


def against_expected_chart(found: MonthsAgainstExpected, *, period: str, colours: Palette) -> Chart:
    """How do thefts run from month to month, beside those that exposure makes one expect?"""
    months = [(month, float(count)) for month, count in zip(found.months, found.observed, strict=True)]
    base = month_chart(months, measure=THEFTS, immature=frozenset(), period=period, currency="", colours=colours)
    figure, total = base.figure, sum(found.observed)
    if max(found.observed, default=0) <= _ONE_BY_ONE:
        figure = figure.with_more(y={"dtick": 1})
    note = f"Number of thefts by month, {period}"
    if found.expected is None:
        note += "; how many were expected by month is not shown to you, as it rests on the whole book"
        title = base.title if total >= FEW else _few(total, months=len(months))
        return Chart(figure, title, note, f"{title} {note}.")
    names = [f"{month:%Y-%m-%d}" for month in found.months]
    figure = figure.with_more(
        {
            "type": "scatter",
            "mode": "lines",
            "x": names,
            "y": [round(value, 4) for value in found.expected],
            "line": {"color": colours.categories[1], "width": 2, "shape": "hvh"},
            "text": [
                f"{month_words(month)}: {significant(value)} expected"
                for month, value in zip(found.months, found.expected, strict=True)
            ],
            "hovertemplate": "%{text}<extra></extra>",
        }
    )
    note += "; line: expected from what was exposed, at the book's rate"
    title = _few(total, months=len(months))
    if total >= FEW:
        worst, most = max(months, key=lambda pair: pair[1])
        due = sum(found.expected)
        title = f"{theft_words(total)} where {due_words(due)}"
        if due >= LEAST_A_MONTH * len(months):
            above = sum(count > expected for count, expected in zip(found.observed, found.expected, strict=True))
            title += f", more than expected in {above} of {len(months)} months"
        else:
            title += f" in {len(months)} months"
        if most >= _WORTH_NAMING:
            title += f"; most in {month_words(worst)}: {most:.0f}"
    return Chart(figure, title, note, f"{title}. {note}.")


def hours_chart(hours: HoursOfWeek, *, period: str, colours: Palette) -> Chart:
    """At which hours of the week do thefts happen? No hour is named as the worst where each has only a few."""
    base = week_chart(hours, period=period, colours=colours)
    peak = float(hours.frame["value"].max())
    if hours.n < FEW_TIMED or peak >= FEW:
        return base
    night = float(hours.frame.loc[hours.frame["hour"] < 6, "value"].sum()) / hours.n
    title = f"{_percent(night)} fall between 00:00 and 06:00, a quarter of the day"
    return replace(base, title=title, alt=f"{title}. {base.note}.")


def mix_chart(mix: KindMix, *, everything: str, period: str, colours: Palette) -> Chart:
    """Which kinds make up these thefts, and do they differ from those of all places?

    Parameters
    ----------
    everything
        What the kinds are compared with, in words: "all lanes".
    """
    divided = mix.divided
    word = KIND_LABELS[divided.by]
    base = kind_chart(divided, period=period, currency="", colours=colours)
    figure, kinds = base.figure, divided.frame
    usual = [share * mix.n for share in mix.everywhere]
    most = max([*kinds["value"].tolist(), *usual, 1.0])
    figure = figure.with_more(
        {
            "type": "bar",
            "orientation": "h",
            "x": usual,
            "y": kinds["key"].tolist(),
            "text": [_percent(share) for share in mix.everywhere],
            "textposition": "outside",
            "cliponaxis": False,
            "textfont": {"color": colours.muted, "size": 11},
            "hovertext": [
                f"{html.escape(str(label))}: {_percent(share)} over {html.escape(everything)}"
                for label, share in zip(kinds["label"], mix.everywhere, strict=True)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": colours.previous, "line": {"width": 0}},
        },
        x={"range": [0, 1.35 * most]},
        barmode="group",
        bargap=0.25,
        bargroupgap=0.05,
        height=max(110, 34 + 36 * len(kinds)),
    )
    missing = f"; no {word} given for {divided.not_given:,.0f}" if divided.not_given else ""
    note = f"Thefts and their share by {word}, {period}; pale: the share over {everything}{missing}"
    title = _leading(mix, everything=everything)
    return Chart(figure, title, note, f"{title}. {note}.")


def _leading(mix: KindMix, *, everything: str) -> str:
    """The kind that stands out most, where there are enough thefts to say so."""
    word, kinds = KIND_LABELS[mix.divided.by], mix.divided.frame
    if kinds.empty:
        return f"No {word} is given"
    if mix.n < FEW:
        return f"Only {mix.n} with a known {word}: too few to compare"
    shares = list(zip(kinds["label"], kinds["share"], mix.everywhere, strict=True))
    label, here, usual = max(shares, key=lambda row: row[1] - row[2])
    if here - usual < 0.05:
        label, here, usual = shares[0]
        return f"Much as everywhere: {label} leads with {_percent(here)}, {_percent(usual)} over {everything}"
    return f"{str(label)[:1].upper()}{str(label)[1:]} is {_percent(here)} here, {_percent(usual)} over {everything}"


def _few(total: int, *, months: int) -> str:
    return f"{theft_words(total)} in {months} months: too few to tell a trend"


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)}%"
