"""The eight numbers as cards, each with target, change, run and a sentence; what drives a move as bars."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from analysis.drivers import Decomposition
from analysis.estimated_measures import EstimatedMeasure
from analysis.measures import magnitude
from analysis.overview import Headline, News, change_words
from analysis.peers import Standing
from pages.shared.account import peer_line_html
from pages.shared.charts import plain_axis, plain_layout, sparkline
from pages.shared.drawing import Drawing
from pages.shared.palette import Palette, palette

#: Icon and colour of each verdict: told apart without colour too.
_ICONS: Mapping[News, str] = {"better": "▲", "worse": "▼", "moved": "◆", "within chance": "≈", "not told": ""}
_ONE = {"policies": "policy", "losses": "loss", "incidents": "incident", "trips": "trip"}
_TARGETS = {"meets": "● meets", "misses": "▽ misses", "none": ""}


def headline_cards(
    headlines: Mapping[str, Headline],
    *,
    currency: str,
    columns: int = 4,
    peers: Mapping[str, Standing] | None = None,
) -> None:
    """Two rows of cards; `peers`: by key of the measure, in the account view."""
    beside = peers or {}
    ink = palette()
    shown = list(headlines.values())
    for start in range(0, len(shown), columns):
        with st.grid(columns, min_column_width=150, gap="xsmall"):
            for one in shown[start : start + columns]:
                with st.container(border=True, height="stretch", gap="xxsmall"):
                    st.html(card(one, currency=currency, colours=ink, peers=beside.get(one.measure.key)))


def card(one: Headline, *, currency: str, colours: Palette, peers: Standing | None = None) -> str:
    """One number as HTML: name and target, value and change, its run, what to make of it, and what peers have."""
    name = html.escape(one.measure.label)
    said = html.escape(f"{one.measure.definition} = {one.measure.formula}.", quote=True)
    muted = f"color:{colours.muted}"
    head = (
        f'<div title="{said}" style="display:flex;justify-content:space-between;font-size:.8rem;{muted}">'
        f'<span style="font-weight:600;color:{colours.text}">{name}</span>'
        f"<span>{target_words(one, currency)}</span></div>"
    )
    if one.value is None:
        return (
            f'{head}<div style="font-size:1.3rem;{muted}">not known</div>'
            f'<div style="font-size:.8rem;line-height:1.25;{muted}">'
            f"{html.escape(one.lack[:1].upper() + one.lack[1:])}.</div>"
        )
    change = change_words(one)
    ink = news_colour(one.news, colours)
    moved = (
        f'<span style="font-size:.85rem;color:{ink};font-weight:600">{_ICONS[one.news]} {change}</span>'
        if change
        else ""
    )
    value = html.escape(one.words(currency=currency)).replace(
        " per 1,000 shipments", '<span style="font-size:.8rem"> per 1,000 shipments</span>'
    )
    figures = (
        f'<div style="display:flex;align-items:baseline;gap:.5rem;white-space:nowrap">'
        f'<span style="font-size:1.35rem;font-weight:600;line-height:1.3">{value}</span>{moved}</div>'
    )
    run = ""
    if len(one.months) > 1:
        run = sparkline(
            [value for _, value in one.months], label=f"{one.measure.label} over the period", colours=colours
        )
    return (
        f'{head}{figures}<div style="font-size:.75rem;{muted}">{html.escape(rests_on(one, currency))}</div>{run}'
        f'<div style="font-size:.78rem;line-height:1.25;margin-top:.15rem">{html.escape(one.sentence)}</div>'
        f"{peer_line_html(peers, colours=colours) if peers is not None else ''}"
    )


def rests_on(one: Headline, currency: str) -> str:
    """The interval, and what the number rests on."""
    parts = []
    if one.interval is not None and isinstance(one.measure, EstimatedMeasure):
        # Ends are estimates: beyond a tenth of a per cent their digits tell nothing.
        digits = 3 if one.measure.unit == "percent" else 6
        low, high = (one.measure.words(round(end, digits), currency=currency) for end in one.interval)
        parts.append(f"{_bare(low)} – {_bare(high)}")
    elif one.interval is not None:
        low, high = (one.measure.words(end) for end in one.interval)
        parts.append(f"{low} – {high}")
    counted = _ONE.get(one.counted, one.counted) if one.n == 1 else one.counted
    parts.append(f"{one.n:,.0f} {counted}" if not one.counted.startswith("losses open") else one.counted)
    return " · ".join(parts)


def target_words(one: Headline, currency: str) -> str:
    """Whether the target is met."""
    if one.measure.target is None:
        return ""
    goal = (
        one.measure.words(one.measure.target, currency=currency)
        if isinstance(one.measure, EstimatedMeasure)
        else one.measure.words(one.measure.target)
    )
    return html.escape(f"{_TARGETS[one.target]} {_bare(goal)}" if one.value is not None else f"target {_bare(goal)}")


def news_colour(news: News, colours: Palette) -> str:
    """News stands out; chance steps back."""
    if news == "worse":
        return colours.categories[1]
    return colours.categories[0] if news in {"better", "moved"} else colours.muted


def driver_figure(
    found: Decomposition, *, words: Mapping[str, str], unit: str, colours: Palette, height: int
) -> Drawing:
    """From before to now, link by link: bars that begin where the last one ended."""
    scale = {"points": 100.0}.get(unit, 1.0)
    links = [name for name, part in found.parts.items() if abs(part) > 1e-12 or name in {"mix", "frequency"}]
    parts = [found.parts[name] * scale for name in links]
    waterfall = {
        "type": "waterfall",
        "x": ["a year before", *(words.get(name, name) for name in links), "now"],
        "measure": ["absolute", *["relative"] * len(links), "total"],
        "y": [found.before * scale, *parts, None],
        "text": [
            _figure(found.before * scale, unit),
            *(_signed(part, unit) for part in parts),
            _figure(found.now * scale, unit),
        ],
        "textposition": "outside",
        "textfont": {"size": 12, "color": colours.text},
        "cliponaxis": False,
        "connector": {"line": {"color": colours.border, "width": 1}},
        "increasing": {"marker": {"color": colours.categories[1]}},
        "decreasing": {"marker": {"color": colours.categories[0]}},
        "totals": {"marker": {"color": colours.previous}},
        "hoverinfo": "skip",
    }
    axis = plain_axis(colours)
    return Drawing(
        [waterfall],
        plain_layout(colours, height=height)
        | {
            "margin": {"l": 4, "r": 4, "t": 18, "b": 22},
            # Without room of their own the names of the links fall off the picture.
            "xaxis": axis | {"tickfont": {"size": 12, "color": colours.text}, "tickangle": 0},
            "yaxis": axis | {"visible": False, "rangemode": "tozero"},
        },
    )


def driver_lines(
    found: Decomposition,
    *,
    names: Mapping[str, str],
    unit: str,
    words: Mapping[str, str],
    colours: Palette,
    most: int = 4,
) -> str:
    """The groups that explain most of the move, each with its largest link, as HTML."""
    scale = {"points": 100.0}.get(unit, 1.0)
    rows = []
    links = [name for name in found.frame.columns if name not in {"key", "total"}]
    for row in found.frame.head(most).to_dict("records"):
        link = max(links, key=lambda name: abs(row[name]))
        name = html.escape(names.get(str(row["key"]), str(row["key"])))
        rows.append(
            f'<div style="display:flex;justify-content:space-between;gap:.5rem"><span style="overflow:hidden;'
            f'text-overflow:ellipsis;white-space:nowrap">{name}</span><span style="white-space:nowrap">'
            f'<b>{_signed(row["total"] * scale, unit)}</b> <span style="color:{colours.muted}">'
            f"mostly {words.get(link, link)}</span></span></div>"
        )
    rest = found.frame["total"].iloc[most:].sum() * scale
    if len(found.frame) > most:
        many = len(found.frame) - most
        rows.append(
            f'<div style="display:flex;justify-content:space-between;color:{colours.muted}"><span>{many} others</span>'
            f"<span>{_signed(rest, unit)}</span></div>"
        )
    return f'<div style="font-size:.8rem;line-height:1.5">{"".join(rows)}</div>'


def _figure(value: float, unit: str) -> str:
    return f"{magnitude(value)}%" if unit == "points" else magnitude(value)


def _signed(value: float, unit: str) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{magnitude(abs(float(f'{value:.2g}')))}{' pts' if unit == 'points' else ''}"


def _bare(text: str) -> str:
    return text.replace(" per 1,000 shipments", "")
