"""Charts: a result in, a figure with its finding, its second line and its words for a screen reader out."""

from __future__ import annotations

import html
import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from analysis.hotspots import KIND_LABELS, Breakdown, HoursOfWeek
from analysis.measures import Measure, significant
from analysis.selection import WEEKDAYS
from pages.shared.context import month_words
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette

HEIGHT = 250
_SPARK_HEIGHT = 22
#: The face that Streamlit brings with it.
FONT = '"Source Sans", sans-serif'
_NIGHT = range(6)
#: Below this many events with a time of day no hour of the week is named as the worst.
FEW_TIMED = 30
_DAYS = tuple(day[:3] for day in WEEKDAYS)


@dataclass(frozen=True)
class Chart:
    """A figure and its words.

    Attributes
    ----------
    figure
        To draw; it carries no title of its own.
    title
        What it finds, in a sentence.
    note
        Measure, unit and period; what is hatched; how many are known.
    alt
        The same for a screen reader.
    """

    figure: Drawing
    title: str
    note: str
    alt: str


def month_chart(
    months: Sequence[tuple[date, float | None]],
    *,
    measure: Measure,
    immature: frozenset[date],
    period: str,
    currency: str,
    colours: Palette,
    selected: date | None = None,
) -> Chart:
    """How does a measure run from month to month? Months still being reported are hatched."""
    names = [f"{month:%Y-%m-%d}" for month, _ in months]
    values = [value for _, value in months]
    shown = [month_words(month) for month, _ in months]
    figure = _bars(
        {
            "x": names,
            "y": values,
            "customdata": [[f"{month:%Y-%m-%d}"] for month, _ in months],
            "text": [
                f"{name}: {'not known' if value is None else measure.words(value, currency=currency)}"
                for name, value in zip(shown, values, strict=True)
            ],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "color": [_bar_colour(month == selected, selected is not None, colours) for month, _ in months],
                "pattern": {
                    "shape": ["/" if month in immature else "" for month, _ in months],
                    "fgcolor": colours.background,
                    "size": 5,
                },
                "line": {"width": 0},
            },
            "unselected": {"marker": {"opacity": 1}},
        },
        colours=colours,
        bargap=0.15,
        x={"type": "date", "tickformat": "%b\n%Y" if len(months) <= 36 else "%Y", "nticks": 8},
        y={"rangemode": "tozero", "showgrid": True, "gridcolor": colours.border, "nticks": 5, "tickformat": "~s"},
    )
    known = [(month, value) for month, value in months if value is not None]
    mature = [(month, value) for month, value in known if month not in immature]
    title = _peak(known, usual=mature or known, measure=measure, currency=currency)
    hatched = "; hatched: the last 60 days, still being reported" if immature else ""
    note = f"{_unit(measure, currency)} by month, {period}{hatched}"
    return Chart(figure, title, note, f"{title} {note}.")


def kind_chart(
    divided: Breakdown, *, period: str, currency: str, colours: Palette, selected: Sequence[str] = ()
) -> Chart:
    """Which kinds make up a measure? Bars from zero, the largest on top, what is not given in the second line."""
    measure, frame = divided.measure, divided.frame
    labels = [html.escape(_short(label)) for label in frame["label"]]
    values = frame["value"].tolist()
    # A category axis merges bars of the same name: the key keeps them apart, the label is shown.
    figure = _bars(
        {
            "x": values,
            "y": frame["key"].tolist(),
            "orientation": "h",
            "customdata": [[key] for key in frame["key"]],
            "text": [
                f"{measure.words(value, currency='')}  {_percent(share)}"
                for value, share in zip(values, frame["share"], strict=True)
            ],
            "textposition": "outside",
            "cliponaxis": False,
            "textfont": {"color": colours.text},
            "hovertext": [html.escape(label) for label in frame["label"]],
            "hovertemplate": "%{hovertext}: %{text}<extra></extra>",
            "marker": {
                "color": [_bar_colour(key in selected, bool(selected), colours) for key in frame["key"]],
                "line": {"width": 0},
            },
            "unselected": {"marker": {"opacity": 1}},
        },
        colours=colours,
        bargap=0.3,
        height=max(90, 30 + 26 * len(frame)),
        x={"visible": False, "range": [0, 1.35 * max(values, default=1)]},
        y={"type": "category", "autorange": "reversed", "tickvals": frame["key"].tolist(), "ticktext": labels},
    )
    word = KIND_LABELS[divided.by]
    missing = (
        f"; no {word} given for {measure.words(divided.not_given, currency=currency)}" if divided.not_given else ""
    )
    note = f"{_unit(measure, currency)} and share of all by {word}, {period}{missing}"
    if frame.empty:
        return Chart(figure, f"No {word} is given", note, f"No {word} is given. {note}.")
    top = frame.iloc[0]
    label = str(top["label"])
    title = f"{label[:1].upper()}{label[1:]} leads with {_percent(top['share'])} of {measure.label.lower()}"
    return Chart(figure, title, note, f"{title}. {note}.")


def week_chart(
    hours: HoursOfWeek,
    *,
    period: str,
    colours: Palette,
    currency: str = "",
    weekday: int | None = None,
    hour: int | None = None,
) -> Chart:
    """At which hours of the week does it happen, on the clock of the place?

    Cells are bars, not a heatmap: a click on a bar can be picked up, a click on a heatmap is lost.
    """
    frame, measure = hours.frame, hours.measure
    values = frame["value"].tolist()
    peak = max(values, default=0.0)
    picked = [
        (weekday is not None or hour is not None) and weekday in (None, day) and hour in (None, clock)
        for day, clock in zip(frame["weekday"], frame["hour"], strict=True)
    ]
    figure = _bars(
        {
            "x": frame["hour"].tolist(),
            "base": (frame["weekday"] - 0.45).tolist(),
            "y": [0.9] * len(frame),
            "width": 0.92,
            "customdata": frame[["weekday", "hour"]].values.tolist(),
            "text": [
                f"{_DAYS[day - 1]} {clock:02d}:00–{clock:02d}:59: {measure.words(value, currency=currency)}"
                for day, clock, value in frame.itertuples(index=False)
            ],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "color": [_class_colour(value, peak=peak, colours=colours) for value in values],
                # One value where nothing is picked: plotly checks a list item by item.
                "line": {"color": colours.selected, "width": [2 if one else 0 for one in picked] if any(picked) else 0},
            },
            "unselected": {"marker": {"opacity": 1}},
        },
        colours=colours,
        bargap=0.0,
        x={"tickvals": list(range(0, 24, 3)), "ticktext": [f"{clock:02d}:00" for clock in range(0, 24, 3)]},
        y={"tickvals": list(range(1, 8)), "ticktext": list(_DAYS), "autorange": "reversed"},
    )
    known = f"time of day known for {hours.n:,} of {hours.of:,}"
    note = f"{_unit(measure, currency)} by hour of the week in the place's own time, {period}; {known}"
    if not hours.n:
        title = "No time of day is known"
        return Chart(figure, title, note, f"{title}. {note}.")
    if not peak:
        title = f"No {measure.label.lower()} is known by hour"
        return Chart(figure, title, note, f"{title}. {note}.")
    night = frame.loc[frame["hour"].isin(_NIGHT), "value"].sum() / max(sum(values), 1)
    top = frame.loc[frame["value"].idxmax()]
    slot = f"{WEEKDAYS[int(top['weekday']) - 1]} {int(top['hour']):02d}:00"
    title = f"{significant(100 * night, 2)}% fall between 00:00 and 06:00; most at {slot}"
    if hours.n < FEW_TIMED:
        title = f"Only {hours.n} with a time of day: too few to name an hour"
    return Chart(figure, title, note, f"{title}. {note}.")


def sparkline(values: Sequence[float | None], *, label: str, colours: Palette) -> str:
    """How does a number run over the period, drawn from zero, as an HTML image?

    Streamlit's own is scaled from the least value to the largest: a wobble of a few per cent looks like a crash.

    Parameters
    ----------
    values
        By month or quarter; at least two. None where nothing is known: a gap. What is not finite counts as 0.
    label
        What a screen reader says.
    """
    run = [value if value is None or math.isfinite(value) else 0.0 for value in values]
    known = [value for value in run if value is not None]
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0

    def y(value: float) -> str:
        return f"{_SPARK_HEIGHT - 1 - (_SPARK_HEIGHT - 2) * (value - low) / span:.1f}"

    pieces: list[list[tuple[str, str]]] = [[]]
    for place, value in enumerate(run):
        if value is not None:
            pieces[-1].append((f"{100 * place / (len(run) - 1):.1f}", y(value)))
        elif pieces[-1]:
            pieces.append([])
    lines = [" ".join(f"{x},{height}" for x, height in piece) for piece in pieces if piece]
    # A month between two gaps is a dot: a line without length, with a round end.
    dots = 'stroke-linecap="round"'
    grounds = [f"{piece[0][0]},{y(0)} {line} {piece[-1][0]},{y(0)}" for piece, line in zip(pieces, lines, strict=False)]
    stroke = 'fill="none" vector-effect="non-scaling-stroke"'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 {_SPARK_HEIGHT}" preserveAspectRatio="none">'
        + "".join(
            f'<polygon points="{ground}" fill="{colours.categories[0]}" fill-opacity="0.15"/>' for ground in grounds
        )
        + f'<line x1="0" x2="100" y1="{y(0)}" y2="{y(0)}" stroke="{colours.border}" {stroke}/>'
        + "".join(
            f'<polyline points="{line if " " in line else f"{line} {line}"}" stroke="{colours.categories[0]}"'
            f' stroke-width="1.5" {dots} {stroke}/>'
            for line in lines
        )
        + "</svg>"
    )
    # Streamlit takes an SVG element out of HTML, and leaves one that is the address of an image.
    address = f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"
    shape = f"display:block;width:100%;height:{_SPARK_HEIGHT}px"
    return f'<img alt="{html.escape(label, quote=True)}" src="{address}" style="{shape}">'


def plain_layout(colours: Palette, *, height: int) -> dict[str, Any]:
    """What the layout of every figure begins with: no template, no legend, no dragging, the page's own colours."""
    return {
        "template": {},
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": colours.text, "size": 13, "family": FONT},
        "hoverlabel": {"bgcolor": colours.surface, "bordercolor": colours.border, "font": {"color": colours.text}},
    }


def plain_axis(colours: Palette) -> dict[str, Any]:
    """What every axis begins with: labels in the colour of text, neither grid nor zoom."""
    return {
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "color": colours.muted,
        "tickfont": {"color": colours.text},
    }


def _bars(
    bars: dict[str, Any],
    *,
    colours: Palette,
    bargap: float,
    x: dict[str, Any],
    y: dict[str, Any],
    height: int = HEIGHT,
) -> Drawing:
    """A bar chart in the page's colours. From plain dicts and without a template: a third of the time."""
    axis = plain_axis(colours)
    layout = plain_layout(colours, height=height) | {"bargap": bargap, "xaxis": axis | x, "yaxis": axis | y}
    return Drawing([{"type": "bar", **bars}], layout)


def _bar_colour(is_selected: bool, any_selected: bool, colours: Palette) -> str:  # noqa: FBT001
    if is_selected:
        return colours.selected
    return colours.previous if any_selected else colours.categories[0]


def _class_colour(value: float, *, peak: float, colours: Palette) -> str:
    """Seven classes of equal width from above 0 to the peak; 0 is the empty surface."""
    if not value or not peak:
        return colours.surface
    classes = len(colours.sequence)
    return colours.sequence[min(classes - 1, int(classes * value / peak))]


def _peak(
    months: Sequence[tuple[date, float]], *, usual: Sequence[tuple[date, float]], measure: Measure, currency: str
) -> str:
    """The worst month, months still growing included, beside the median of those that are complete."""
    if not months:
        return f"No {measure.label.lower()} in this period."
    month, most = max(months, key=lambda pair: pair[1])
    shown = measure.words(most, currency=currency)
    middle = median(value for _, value in usual)
    if len(months) == 1:
        return f"{shown} in {month_words(month)}."
    if len(months) < 3 or not middle:
        return f"Most in {month_words(month)}: {shown}."
    return f"Most in {month_words(month)}: {shown}, {significant(most / middle, 2)} times the median month."


def _unit(measure: Measure, currency: str) -> str:
    return f"{measure.label}, {currency}" if measure.unit == "base currency" else f"Number of {measure.label.lower()}"


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)}%" if share >= 0.001 else "under 0.1%"


def _short(label: str, most: int = 30) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
