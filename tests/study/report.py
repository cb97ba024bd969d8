"""The tables of a study as Markdown: shares with what they are of, so that no per cent stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.study.books import WORLDS
from tests.study.hotspots import BINS, RESOLUTIONS, Tally, bin_words

_BOOKS = (
    ("thefts", "thefts in the window", "mean"),
    ("hot lanes", "lanes above 1.5 times (true)", "mean"),
    ("exposure with enough data", "exposure on lanes with enough data", "share"),
    ("verdict: called", "hotspots called, a book", "mean"),
    (
        "verdict: false-discovery rate",
        "realised false-discovery rate, with 95% of its chance (promised: at most 5%)",
        "rate",
    ),
    ("verdict: false of all calls", "wrong of all hotspots called", "of"),
    ("called, said to be wrong", "the product's own estimate of that", "share"),
    ("verdict: hot ones found", "hot lanes called", "share"),
    ("lanes watched", "lanes watched, a book", "mean"),
    ("watched, wrong", "wrong of the watch list", "of"),
    ("watched, said to be wrong", "the product's own estimate of that", "share"),
    ("covered, all lanes", "truth inside the 90% interval, all lanes", "share"),
    ("covered, enough data", "the same, lanes with enough data", "share"),
    ("covered, hot lanes", "the same, hot lanes", "share"),
    ("top ten by excess loss", "true excess loss in the top ten: by expected excess loss", "share"),
    ("top ten by raw rate", "by raw rate", "share"),
    ("top ten by raw count", "by raw count", "share"),
    ("top ten by truth", "by the truth (the most that ten can hold)", "share"),
)
_GI_STAR = ("Gi* on lanes", *(f"Gi* on cells of resolution {resolution}" for resolution in RESOLUTIONS))
_SCAN = (
    ("scan: books with a cluster", "books with a cluster, p <= 0.05", "share"),
    ("scan: books with a cluster beyond lanes", "books with one that is also beyond lanes that differ", "share"),
    ("scan: planted lanes in a cluster", "planted lanes that lie in a cluster", "share"),
    ("scan: lanes of a cluster that are planted", "lanes of clusters that are planted", "of"),
    ("scan: planted lanes in a cluster beyond lanes", "planted lanes in a cluster beyond lanes that differ", "share"),
    ("scan: lanes of a cluster beyond lanes that are planted", "lanes of those clusters that are planted", "of"),
)


def report(found: Mapping[str, Mapping[int, Tally]], *, seeds: int) -> str:
    """All tables of the study of Hotspots."""
    parts = [f"{seeds} books for each column; columns are the thefts expected in the window."]
    for world, by_size in found.items():
        sizes = list(by_size)
        rows = [row for row in _BOOKS if any(row[0] in tally for tally in by_size.values())]
        parts += [f"## {world}: {WORLDS[world]}", table(by_size, rows, sizes)]
        if by_size[sizes[-1]]["hot lanes"][0]:
            parts += ["Hot lanes found, by what is truly expected of them, all sizes together:", sensitivity(by_size)]
        parts += ["The scan:", table(by_size, [row for row in _SCAN if row[0] in by_size[sizes[-1]]], sizes)]
        parts += ["Gi* with Benjamini-Hochberg at 5%:", table(by_size, list(gi_star_rows()), sizes)]
    return "\n\n".join(parts) + "\n"


def gi_star_rows() -> Sequence[tuple[str, str, str]]:
    """What is shown of each Gi*."""
    return [
        (f"{name}: {key}", f"{name}: {words}", how)
        for name in _GI_STAR
        for key, words, how in (
            ("called", "called, a book", "mean"),
            ("false of all calls", "wrong of all called", "of"),
            ("hot ones found", "hot ones found", "share"),
        )
    ]


def table(by_size: Mapping[int, Tally], rows: Sequence[tuple[str, str, str]], sizes: Sequence[int]) -> str:
    """One column a size, one row a measure."""
    lines = [["measure", *(f"{size:,}" for size in sizes)], ["---", *["---:"] * len(sizes)]]
    for key, words, how in rows:
        if how == "rate":
            lines.append([words, *(rate(by_size[size], key) for size in sizes)])
        else:
            lines.append([words, *(cell(by_size[size].get(key), how) for size in sizes)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sensitivity(by_size: Mapping[int, Tally]) -> str:
    """Hot lanes called, and called or watched, by expected count."""
    lines = [["expected thefts of the lane", "hot lanes", "called", "called or watched"], ["---", *["---:"] * 3]]
    for low, high in BINS:
        name = bin_words(low, high)
        sums = {
            kind: [sum(tally[f"{kind}, {name}"][part] for tally in by_size.values()) for part in (0, 1)]
            for kind in ("called", "called or watched")
        }
        of = sums["called"][1]
        lines.append([name, f"{of:,.0f}", *(cell((part[0], part[1]), "share") for part in sums.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rate(tally: Tally, key: str) -> str:
    """A mean of books and how far chance moves it: 1.96 standard errors."""
    (total, books), (squares, _) = tally[key], tally[f"{key} squared"]
    mean = total / books
    error = 1.96 * (max(squares / books - mean**2, 0.0) / books) ** 0.5
    return f"{mean:.1%} ± {error:.1%}"


def cell(value: tuple[float, float] | None, how: str) -> str:
    """A mean, a share, or a share with its counts; a dash where there is nothing to divide by."""
    if value is None or not value[1]:
        return "–"
    part, whole = value
    if how == "mean":
        return f"{part / whole:,.0f}" if part / whole >= 10 else f"{part / whole:.2g}"
    share = f"{part / whole:.0%}" if part / whole >= 0.1 or not part else f"{part / whole:.1%}"
    return f"{share} of {whole:,.0f}" if how == "of" else share
