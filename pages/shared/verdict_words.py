"""How a verdict looks: icon, word and colour together, the same on map, table, chart and legend."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from pages.shared.maps import Classes
from pages.shared.palette import Palette

#: Edges of the classes of the shrunken ratio: half, 0.8, 1.25 and twice the portfolio's rate.
RATIO_EDGES = (0.0, 0.5, 0.8, 1.25, 2.0)
#: PuOr, its middle and ends apart from the ground of each theme; orange is above the portfolio.
_PUOR_LIGHT = ("#542788", "#998EC3", "#C4BFB6", "#F1A340", "#B35806")
_PUOR_DARK = ("#B2ABD2", "#8073AC", "#6B7480", "#E08214", "#FDC98A")
#: Opacity, 0 to 255, of a disc whose verdict is not shown to a person.
PALE = 90
_RATIO_WORDS = ("under 0.5", "0.5 – 0.8", "0.8 – 1.25", "1.25 – 2", "2 times or more")


@dataclass(frozen=True)
class Look:
    """Icon, word and meaning of a verdict, and the shape of its marks in a chart."""

    icon: str
    word: str
    meaning: str
    symbol: str


LOOKS: dict[str, Look] = {
    "hotspot": Look("▲", "hotspot", "above 1.5 times; at most 1 in 20 of these expected to be chance", "triangle-up"),
    "watch": Look("◆", "watch", "more likely than not above 1.5 times", "diamond"),
    "ordinary": Look("●", "ordinary", "enough data, and less likely than not", "circle"),
    "not enough data": Look("▨", "not enough data", "neither good nor bad: too few thefts expected", "x-thin-open"),
    "": Look("○", "class prior", "not this place's own verdict", "circle-open"),
}


def verdict_colour(verdict: str, ink: Palette) -> str:
    """The colour of a verdict; never green, and grey where there is no verdict."""
    watch = "#F0E442" if ink.dark else "#8A5A00"
    return {"hotspot": ink.categories[1], "watch": watch, "ordinary": ink.categories[0]}.get(verdict, ink.muted)


def ratio_classes(ink: Palette) -> Classes:
    """The diverging classes of shrunken ratios."""
    return Classes(RATIO_EDGES, _PUOR_DARK if ink.dark else _PUOR_LIGHT)


def verdict_words(verdict: str, basis: str = "") -> str:
    """Icon and word; for a place without a verdict of its own, what is shown instead."""
    look = LOOKS[verdict]
    return f"{look.icon} {basis or look.word}"


def verdict_legend(counts: dict[str, int], ink: Palette) -> str:
    """The verdicts as HTML: icon, word, how many, and what it means."""
    parts = [
        f'<span style="white-space:nowrap"><span style="color:{verdict_colour(verdict, ink)};font-weight:600">'
        f"{look.icon} {escape(look.word)} {counts[verdict]:,}</span> {escape(look.meaning)}</span>"
        for verdict, look in LOOKS.items()
        if counts.get(verdict)
    ]
    return _line(parts, ink)


def ratio_legend(ink: Palette, *, notes: list[str], is_line: bool = True, has_prior: bool = False) -> str:
    """The classes of the map as HTML, and what has no verdict as it is drawn: dashed or ringed, dotted or pale.

    Parameters
    ----------
    has_prior
        Whether places are drawn whose verdict is not shown to this person.
    """
    boxes = [
        f'<span style="display:inline-flex;align-items:center;gap:.35rem;white-space:nowrap"><span style="width:1.1rem;'
        f'height:.7rem;border-radius:2px;background:{colour}"></span>{escape(words)}</span>'
        for colour, words in zip(ratio_classes(ink).colours, _RATIO_WORDS, strict=True)
    ]
    drawn = (
        f"width:1.4rem;border-top:2px dashed {ink.muted}"
        if is_line
        else f"width:.6rem;height:.6rem;border-radius:50%;border:1.5px solid {ink.muted}"
    )
    marks = [(drawn, LOOKS["not enough data"].word)]
    if has_prior:
        drawn = (
            f"width:1.4rem;border-top:2px dotted {ink.muted}"
            if is_line
            else f"width:.6rem;height:.6rem;border-radius:50%;background:{ink.muted};opacity:{PALE / 255:.2f}"
        )
        marks.append((drawn, f"{LOOKS[''].word}: no verdict shown to you"))
    without = [
        f'<span style="display:inline-flex;align-items:center;gap:.35rem;white-space:nowrap"><span style="{style}">'
        f"</span>{escape(words)}</span>"
        for style, words in marks
    ]
    return _line(["Times the book's rate", *boxes, *without, *(escape(note) for note in notes)], ink)


def _line(parts: list[str], ink: Palette) -> str:
    spans = "".join(part if part.startswith("<span") else f"<span>{part}</span>" for part in parts)
    return f'<div style="display:flex;flex-wrap:wrap;gap:.15rem 1rem;font-size:.8rem;color:{ink.muted}">{spans}</div>'
