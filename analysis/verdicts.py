"""What the fit of the book says of each lane, corridor and site: where to look first, and how sure that is.

Verdicts are tables of the snapshot (analysis/models.py). Here they are only read, ranked and put into words: a filter
or a scope cuts which rows are shown, and never changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from analysis.discovery import expected_chance
from analysis.estimated_measures import HOTSPOT_MEASURES, EstimatedMeasure
from analysis.intervals import poisson_interval
from analysis.measures import magnitude, significant
from analysis.severities import DECLARED_VALUE
from analysis.under_reporting import Reporting
from analysis.words import due_words, theft_words
from data.portfolio import View

Level = Literal["lane", "corridor", "site"]
LEVELS: tuple[Level, ...] = get_args(Level)
LEVEL_NAMES: dict[Level, tuple[str, str]] = {
    "lane": ("lane", "lanes"),
    "corridor": ("corridor", "corridors"),
    "site": ("site", "sites"),
}
#: What is counted in each segment.
UNIT_NAMES = {"line haul": "trips", "last mile": "parcels", "storage": "site-months"}
#: What a row without a verdict of its own is called.
PRIOR = "class prior"
HOTSPOT_RATIO = 1.5
WORST = 10
_DRAWS = 2000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_ENDS = {
    "lane": """
        select l.lane_id as place, o.latitude as origin_latitude, o.longitude as origin_longitude,
            d.latitude as destination_latitude, d.longitude as destination_longitude
        from lane as l
        left join site as o on o.site_id = l.origin_site_id
        left join site as d on d.site_id = l.destination_site_id""",
    # A corridor runs between the middles of where its lanes begin and end.
    "corridor": """
        select k.corridor as place, avg(o.latitude) as origin_latitude, avg(o.longitude) as origin_longitude,
            avg(d.latitude) as destination_latitude, avg(d.longitude) as destination_longitude
        from lane_key as k
        left join site as o on o.site_id = k.origin_site_id
        left join site as d on d.site_id = k.destination_site_id
        group by k.corridor""",
    "site": "select site_id as place, latitude, longitude from site",
}
_NAMES = {
    "lane": "select lane_id as place, label from lane_key",
    "corridor": "select corridor as place, any_value(corridor_label) as label from lane_key group by corridor",
    "site": "select site_id as place, coalesce(name, site_id) as label from site",
}
_VERDICTS = """
select place_id as place, label, segment, units, value_base, maturity, observed, expected, raw_ratio, ratio, low, high,
    probability, weight, verdict, rate, severity, severity_is_shareable, excess_thefts, excess_loss, loss_cost
from hotspot_verdict
where level = $level
"""
# What a scoped person has at places whose verdict would give others away: own count, own exposure, and the prior.
_OWN = """
with
own as (
    select place_id as place, segment, sum(units) as units, sum(value_base) as value_base,
        sum(observed)::bigint as observed, case when bool_and(expected is not null) then sum(expected) end as expected
    from hotspot_share
    where level = $level
    group by place_id, segment
),
final as (
    select o.*, 1.0 as ratio, p.low, p.high, p.probability, 0.0 as weight
    from own as o
    left join hotspot_prior as p on p.level = $level and p.segment = o.segment
    where not exists (
        select 1
        from hotspot_verdict as v
        where v.level = $level and v.place_id = o.place and v.segment = o.segment
    )
)
select * from final
"""
_SHARES = """
select segment, commodity, sum(units) as units, sum(value_base) as value_base, sum(observed)::bigint as observed
from hotspot_share
where level = 'lane'
group by segment, commodity
order by all
"""

#: Whole quarters of the window, by segment: what was exposed on lanes, and the thefts counted on them.
_QUARTERS_EXPOSED = """
with
quarters as (
    select date_trunc('quarter', m.month)::date as quarter, m.segment, m.month, m.units, m.value_base
    from lane_month as m
    join fit_window as w on m.month >= w.first_month and m.month < w.end_month
    where m.in_fit and m.units > 0 and m.lane_id is not null
        and date_trunc('quarter', m.month) >= w.first_month
        and date_trunc('quarter', m.month) + interval 3 month <= w.end_month
),
final as (
    select quarter, segment, sum(units) as units, coalesce(sum(value_base), 0)::double as value_base
    from quarters
    group by quarter, segment
)
select * from final order by quarter, segment
"""
_QUARTERS_LOST = """
select date_trunc('quarter', t.month)::date as quarter, t.segment, t.commodity, count(*) as observed
from theft_fact as t
join fit_window as w on t.month >= w.first_month and t.month < w.end_month
where t.left_out is null and t.segment <> 'storage' and t.lane_id is not null
group by all
order by all
"""


@dataclass(frozen=True)
class Span:
    """The months that the fit rests on, both inclusive; ``is_whole`` where it is known that exposure fills them."""

    first_month: date
    last_month: date
    is_whole: bool

    @property
    def months(self) -> int:
        """How many months these are."""
        first, last = self.first_month, self.last_month
        return (last.year - first.year) * 12 + last.month - first.month + 1

    @property
    def words(self) -> str:
        """The months in words: "Jul 2023 – Apr 2026 (34 months)"."""
        ends = [f"{_MONTHS[month.month - 1]} {month.year}" for month in (self.first_month, self.last_month)]
        return f"{ends[0]} – {ends[1]} ({self.months} months)"


@dataclass(frozen=True)
class RankedVerdicts:
    """The places of one level, the largest expected excess loss first.

    Attributes
    ----------
    level
        lane, corridor or site.
    frame
        One row a place and segment: `place`, `label`, `segment`, `units` (of the segment), `value_base`, `observed` and
        `expected` (thefts of the window), `raw_ratio`, `ratio` (shrunken), `low`, `high` (90% interval), `probability`
        (of a true ratio above 1.5), `weight` (of own data, 0 to 1), `verdict`, `basis`, `rate`, `severity`,
        `excess_thefts`, `excess_loss` (base currency, in the window), `loss_cost`, and coordinates in degrees.
        `basis` is empty for a verdict of the whole book; else it says that only the class prior is shown, and verdict,
        raw ratio and losses are then missing, while observed, units and value are the viewer's own.
    span
        The months that the fit rests on; None where nothing is fitted.
    reporting
        The assumption that rates and losses are adjusted by (analysis/adjusted_verdicts.py); None: as reported.
    """

    level: Level
    frame: pd.DataFrame
    span: Span | None
    reporting: Reporting | None = None

    @property
    def watched(self) -> pd.DataFrame:
        """The watch list, the largest expected excess loss first."""
        return self.frame[self.frame["verdict"] == "watch"]

    @property
    def watched_by_chance(self) -> float:
        """How many of the watch list are expected to be chance: the sum of 1 - P."""
        return expected_chance(self.watched["probability"].to_numpy()) if len(self.watched) else 0.0

    @property
    def found_by_chance(self) -> float:
        """How many of the hotspots are expected to be chance."""
        found = self.frame[self.frame["verdict"] == "hotspot"]
        return expected_chance(found["probability"].to_numpy()) if len(found) else 0.0

    def count(self, verdict: str) -> int:
        """How many places have this verdict."""
        return int((self.frame["verdict"] == verdict).sum())


@dataclass(frozen=True)
class BookValue:
    """A number of the book's fit over what a view shows, with its interval, n and caveats.

    ``value`` is None where it cannot be told; ``caveats`` then say why. ``n`` counts thefts, or places. ``trend`` is
    the same by whole calendar quarter of the window (first day, value), empty where it is not told by time.
    ``segment`` is the one that a number is of; empty where it is of all.
    """

    measure: EstimatedMeasure
    value: float | None
    interval: tuple[float, float] | None
    n: int
    per: str = ""
    caveats: tuple[str, ...] = ()
    trend: tuple[tuple[date, float], ...] = ()
    segment: str = ""


def has_verdicts(view: View) -> bool:
    """Does the fit say anything of what this person may see? Ask it of a view without filters.

    Exposure without any theft makes no rate, and nothing could be expected of a place.
    """
    if "hotspot_verdict" not in view.snapshot.present:
        return False
    ((found,),) = view.rows(
        "select exists (select 1 from hotspot_verdict where expected > 0)"
        " or exists (select 1 from hotspot_share where observed > 0)"
    )
    return bool(found)


def opening_level(view: View) -> Level:
    """At which level does the page open? The finest at which a fifth of the exposure has enough data."""
    found = view.rows("select level from hotspot_level where opens")
    return next((level for level in LEVELS if (level,) in found), "lane")


def told_levels(view: View) -> tuple[Level, ...]:
    """At which levels is there anything to rank?"""
    found = {level for (level,) in view.rows("select distinct level from hotspot_share")}
    return tuple(level for level in LEVELS if level in found)


def fit_span(view: View) -> Span | None:
    """Which months do the verdicts rest on? The window, from the first quarter with exposure: alike for all viewers."""
    rows = view.lasting_rows(
        "select w.first_month, (w.end_month - interval 1 month)::date, (select min(first_quarter) from hotspot_prior)"
        " from fit_window as w"
    )
    if not rows:
        return None
    first, last, exposed = rows[0]
    return Span(max(first, exposed) if exposed else first, last, is_whole=exposed is not None)


def ranked_verdicts(view: View, *, level: Level) -> RankedVerdicts:
    """Which places cost most above what their traffic would make one expect?

    Ranked by expected excess loss = E x (posterior mean - 1) x severity. A scoped person gets the book's verdict where
    enough insureds share a place, and elsewhere own count, own exposure and the class prior, labelled so, at the end.
    Severity, excess loss and loss cost are missing for a scoped person where a class of the place has fewer than 5
    known losses, or losses of fewer than 5 insureds.

    Parameters
    ----------
    view
        A period on it has no effect: verdicts rest on a fixed window.
    level
        lane, corridor or site.
    """
    one = LEVEL_NAMES[level][0]
    judged = view.frame(_VERDICTS, {"level": level}).assign(basis="")
    is_open = judged.pop("severity_is_shareable").fillna(value=False).astype(bool)
    if view.scope.insureds is None:
        frame = judged
    else:
        judged.loc[~is_open, ["severity", "excess_loss", "loss_cost"]] = np.nan
        own = view.frame(_OWN, {"level": level}).assign(basis=f"{PRIOR}; not this {one}'s own verdict")
        own = own.merge(view.frame(_NAMES[level]), on="place", how="left")
        frame = pd.concat([judged, own], ignore_index=True) if len(own) and len(judged) else own if len(own) else judged
        frame = frame.reindex(columns=judged.columns)
    frame["label"] = frame["label"].astype("object").where(frame["label"].notna(), frame["place"])
    frame["verdict"] = frame["verdict"].astype("object").where(frame["verdict"].notna(), "")
    frame = frame.merge(view.frame(_ENDS[level]), on="place", how="left")
    return RankedVerdicts(level=level, frame=by_excess(frame), span=fit_span(view))


def by_excess(frame: pd.DataFrame) -> pd.DataFrame:
    """In which order are places shown? The largest expected excess loss first, those without one last."""
    return frame.sort_values(
        ["excess_loss", "excess_thefts", "observed", "units", "place", "segment"],
        ascending=[False, False, False, False, True, True],
        na_position="last",
    ).reset_index(drop=True)


def headline(ranked: RankedVerdicts, *, currency: str) -> str:
    """What to do first, and why, in one sentence; honest where nothing stands out or nothing can be told."""
    one, many = LEVEL_NAMES[ranked.level]
    frame = ranked.frame
    if frame.empty:
        return f"No {one} of this selection has exposure: nothing can be compared"
    own = frame[frame["basis"] != ""]
    if len(own) == len(frame):
        return (
            f"No {one} has a verdict that may be shown to you: {theft_words(int(own['observed'].sum()))} of your own "
            f"on {_places(len(own), one, many)}, shown with the {PRIOR}"
        )
    for verdict in ("hotspot", "watch"):
        found = frame[frame["verdict"] == verdict]
        if len(found):
            return _first(found.iloc[0], ranked, verdict=verdict, currency=currency)
    ordinary = ranked.count("ordinary")
    if ordinary:
        return (
            f"Nothing stands out: none of {_places(ordinary, one, many)} with enough data is likely to exceed "
            f"{HOTSPOT_RATIO:g} times the portfolio's rate"
        )
    return (
        f"Not enough data for a verdict on any {one}: {theft_words(int(frame['observed'].sum()))} on "
        f"{_places(len(frame), one, many)} of this selection"
    )


def _first(row: pd.Series[Any], ranked: RankedVerdicts, *, verdict: str, currency: str) -> str:
    values: dict[str, float] = {
        name: float(row[name])
        for name in ("observed", "expected", "ratio", "low", "high", "excess_loss", "probability")
    }
    label = str(row["label"]).replace(" → ", " to ")
    if ranked.level == "corridor":
        label = f"corridor {label}"
    adjusted, reported = ("adjusted best estimate", " reported") if ranked.reporting else ("best estimate", "")
    reason = (
        f"{theft_words(int(values['observed']))}{reported} where {due_words(values['expected'])} ({adjusted} "
        f"{significant(values['ratio'], 2)} times, allowing for chance; 90% interval {significant(values['low'], 2)}–"
        f"{significant(values['high'], 2)})"
    )
    money = excess_words(values["excess_loss"], ranked.span, currency=currency)
    if verdict == "hotspot":
        return f"Look at {label} first: {reason}{money}"
    likely = significant(100 * values["probability"], 2)
    return (
        f"No hotspot beyond doubt; watch {label} first: {reason}, {likely}% likely to exceed {HOTSPOT_RATIO:g} times"
        f"{' as published' if ranked.reporting else ''}"
        f"{money}"
    )


def excess_words(excess_loss: float, span: Span | None, *, currency: str) -> str:
    """The excess as it ends a sentence: by year where the span is known to be full of exposure, else in the window."""
    if not np.isfinite(excess_loss) or excess_loss <= 0 or span is None:
        return ""
    if span.is_whole and span.months >= 12:
        return f", about {currency} {magnitude(excess_loss * 12 / span.months)} a year above expectation"
    return f", about {currency} {magnitude(excess_loss)} above expectation in {span.months} months"


def watch_words(ranked: RankedVerdicts) -> str:
    """The watch list in one sentence: how long it is, and how many of it are expected to be chance."""
    number = len(ranked.watched)
    one, many = LEVEL_NAMES[ranked.level]
    if not number:
        return f"No {one} is on the watch list"
    chance = significant(ranked.watched_by_chance, 2)
    verb = "is" if number == 1 else "are"
    return f"{_places(number, one, many)} {verb} on the watch list; {chance} of them expected to be chance"


def notes(view: View, *, level: Level) -> tuple[str, ...]:
    """What does the fit leave out, and what does it rest on? Sentences without full stop; none for a scoped person."""
    return tuple(
        str(text)
        for (text,) in view.lasting_rows(
            "select text from model_note where level is null or level = $level", level=level
        )
    )


def book_values(
    view: View, *, ranked: RankedVerdicts, generator: np.random.Generator | None = None
) -> dict[str, BookValue]:
    """Theft frequency, loss cost and concentration of what a view shows, over the fixed window.

    Parameters
    ----------
    ranked
        Places that the concentration is of.
    generator
        Of the draws behind the interval of the concentration; None: the same draws each time.
    """
    shares = view.frame(_SHARES)
    exposed, lost = view.frame(_QUARTERS_EXPOSED), view.frame(_QUARTERS_LOST)
    values = (
        _frequency(shares, exposed=exposed, lost=lost),
        _loss_cost(shares, exposed=exposed, lost=lost, view=view),
        worst_share(ranked, view=view, generator=generator),
    )
    return {value.measure.key: value for value in values}


def _frequency(shares: pd.DataFrame, *, exposed: pd.DataFrame, lost: pd.DataFrame) -> BookValue:
    """Of the segment with most thefts, of equals that with most units; the others are caveats, never added."""
    measure = HOTSPOT_MEASURES["theft_frequency"]
    by_segment = shares.groupby("segment")[["units", "observed"]].sum().query("units > 0")
    if by_segment.empty:
        return BookValue(measure, None, None, 0, caveats=("no exposure in this selection",))
    ordered = by_segment.sort_values(["observed", "units"], ascending=False)
    (main, *others) = [
        (str(name), int(count), float(units))
        for name, count, units in zip(ordered.index, ordered["observed"], ordered["units"], strict=True)
    ]
    segment, thefts, units = main
    low, high = poisson_interval(thefts)
    unit = UNIT_NAMES[segment]
    caveats = [f"{segment} only: {theft_words(thefts)} over {units:,.0f} {unit}"]
    caveats += [
        f"{name}: {significant(1000 * count / exposure)} per 1,000 {UNIT_NAMES[name]} from {theft_words(count)}"
        for name, count, exposure in others
    ]
    return BookValue(
        measure,
        1000 * thefts / units,
        (1000 * low / units, 1000 * high / units),
        thefts,
        per=f"1,000 {unit}",
        caveats=tuple(caveats),
        trend=_by_quarter(
            lost[lost["segment"] == segment].groupby("quarter")["observed"].sum(),
            exposed[exposed["segment"] == segment].groupby("quarter")["units"].sum(),
        ),
        segment=segment,
    )


def _by_quarter(above: pd.Series[Any], below: pd.Series[Any]) -> tuple[tuple[date, float], ...]:
    """1,000 x one over the other by quarter; a quarter without exposure is left out."""
    dated = {pd.Timestamp(str(quarter)).date(): float(amount) for quarter, amount in above.items()}
    days = [(pd.Timestamp(str(quarter)).date(), float(amount)) for quarter, amount in below.items()]
    return tuple((quarter, 1000 * dated.get(quarter, 0.0) / amount) for quarter, amount in days if amount > 0)


def _loss_cost(shares: pd.DataFrame, *, exposed: pd.DataFrame, lost: pd.DataFrame, view: View) -> BookValue:
    measure = HOTSPOT_MEASURES["theft_loss_cost"]
    severities = pd.DataFrame(
        view.lasting_rows("select segment, commodity, severity, basis, thefts, valued from class_severity"),
        columns=["segment", "commodity", "severity", "basis", "thefts", "valued"],
    )
    value = float(shares["value_base"].sum())
    if severities.empty:
        return BookValue(measure, None, None, 0, caveats=("rests on the whole book",))
    if not value > 0:
        return BookValue(measure, None, None, 0, caveats=("no declared value in this selection",))
    keys = zip(severities["segment"], severities["commodity"].fillna(""), strict=True)
    severity_of = dict(zip(keys, severities["severity"].astype(float), strict=True))

    def loss_of(rows: pd.DataFrame) -> pd.Series[Any]:
        """The expected loss of the thefts of each row; none where there is no theft, whatever the severity."""
        severities = [
            severity_of.get((segment, commodity), severity_of.get((segment, ""), float("nan"))) if count else 0.0
            for segment, commodity, count in zip(
                rows["segment"], rows["commodity"].fillna(""), rows["observed"], strict=True
            )
        ]
        return rows["observed"] * pd.Series(severities, index=rows.index, dtype=float)

    loss = float(loss_of(shares).sum(skipna=False))
    thefts = int(shares["observed"].sum())
    totals = severities[severities["commodity"].isna()]
    known = totals[totals["basis"].notna()]
    basis_of = dict(zip(known["segment"], known["basis"], strict=True))
    caveats = [f"loss known of {int(totals['valued'].sum())} of the book's {int(totals['thefts'].sum())} thefts"]
    for segment, count in shares.groupby("segment")["observed"].sum().items():
        if count and segment not in basis_of:
            return BookValue(measure, None, None, thefts, caveats=(f"no loss of a {segment} theft is known",))
        if count and basis_of[segment] == DECLARED_VALUE:
            one = UNIT_NAMES[str(segment)].removesuffix("s")
            caveats.append(f"{segment}: no loss is known, each theft counts as the mean value of a {one}")
    cost = 1000 * loss / value
    low, high = poisson_interval(thefts)
    scale = cost / thefts if thefts else 0.0
    interval = (scale * low, scale * high) if thefts else None
    by_quarter = lost.assign(loss=loss_of(lost)).groupby("quarter")["loss"].sum()
    trend = _by_quarter(by_quarter, exposed.groupby("quarter")["value_base"].sum())
    return BookValue(measure, cost, interval, thefts, per="1,000 of value", caveats=tuple(caveats), trend=trend)


def worst_share(ranked: RankedVerdicts, *, view: View, generator: np.random.Generator | None = None) -> BookValue:
    """Which share of the loss above expectation lies in the ten worst places? Of an adjusted ranking, adjusted.

    Parameters
    ----------
    generator
        Of the draws behind the interval; None: the same draws each time.
    """
    generator = generator or np.random.default_rng(0)
    measure = HOTSPOT_MEASURES["worst_ten_share"]
    one, many = LEVEL_NAMES[ranked.level]
    frame = ranked.frame[ranked.frame["excess_loss"].notna()].reset_index(drop=True)
    if len(frame) < len(ranked.frame) and (ranked.frame["excess_thefts"][ranked.frame["excess_loss"].isna()] > 0).any():
        return BookValue(measure, None, None, len(frame), caveats=("rests on losses of the whole book",))
    if not (frame["excess_loss"] > 0).any():
        return BookValue(measure, None, None, len(frame), caveats=(f"no {one} above expectation in this selection",))
    if frame["place"].nunique() <= WORST:
        said = f"only {_places(frame['place'].nunique(), one, many)} with a verdict"
        return BookValue(measure, None, None, frame["place"].nunique(), caveats=(said,))
    priors = view.lasting_rows("select segment, dispersion from hotspot_prior where level = $level", level=ranked.level)
    a = frame["segment"].map(dict(priors)).to_numpy(dtype=float)
    observed, expected = frame["observed"].to_numpy(dtype=float), frame["expected"].to_numpy(dtype=float)
    severity = frame["severity"].to_numpy(dtype=float)
    if ranked.reporting is None:
        ratios = generator.gamma(a + observed, 1 / (a + expected), (_DRAWS, len(frame)))
    else:
        ratios = np.empty((_DRAWS, len(frame)))
        for one in np.unique(a):
            of_prior = np.flatnonzero(a == one)
            found = ranked.reporting.posteriors(observed[of_prior], expected[of_prior], dispersion=float(one))
            for rows, posterior in found:
                ratios[:, of_prior[rows]] = posterior.draw(generator, draws=_DRAWS)
        # A share common to all cancels; that of a place's deductibles does not.
        severity = severity / frame["reported_share"].to_numpy(dtype=float)
    losses = np.maximum(ratios - 1, 0) * expected * severity
    drawn = losses[:, :WORST].sum(axis=1) / np.maximum(losses.sum(axis=1), 1e-300)
    low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95])
    return BookValue(
        measure,
        float(middle),
        (float(low), float(high)),
        frame["place"].nunique(),
        caveats=(f"of {_places(frame['place'].nunique(), one, many)}",),
    )


def _places(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
