"""One account against its peers: what was fitted at publication (analysis/benchmarks.py), read and put in words.

Peers are never named, whoever looks: what an underwriter sees of one account may be shown to that account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from analysis.benchmarks import BOOK, PEER_MEASURES, RULE
from analysis.filters import add_months
from analysis.measures import significant
from analysis.registry import EVERY_MEASURE, AnyMeasure
from analysis.service_measures import ServiceMeasure
from data.portfolio import View

Verdict = Literal["better", "worse", "higher", "lower", "chance", "not known"]

#: Verdicts of a difference that chance does not explain.
CLEAR: frozenset[Verdict] = frozenset({"better", "worse", "higher", "lower"})
VERDICT_WORDS: Mapping[Verdict, str] = {
    "better": "better, beyond chance",
    "worse": "worse, beyond chance",
    "higher": "higher, beyond chance",
    "lower": "lower, beyond chance",
    "chance": "chance explains it",
    "not known": "chance not known",
}
# Each of the comparisons is made at 95%.
_FALSE_SHARE = 0.05
_PER = {measure.key: measure.per for measure in PEER_MEASURES}
_SHARES = frozenset(measure.key for measure in PEER_MEASURES if measure.is_share)
_FIGURES = """
select v.measure, v.span, v.first_month, v.end_month, v.value, v.low, v.high, v.n,
    b.group_kind, b.group_name, b.insureds, b.median, b.low_quartile, b.high_quartile, b.level
from peer_value as v
left join peer_benchmark as b
    on v.measure = b.measure and v.span = b.span and b.is_shareable
    and ((b.group_kind = v.group_kind and b.group_name = v.group_name) or b.group_kind = 'book')
where v.insured_id = $insured
order by v.measure, v.span desc, b.group_kind = 'book'
"""
_IN_FORCE = """
select count(*) from policy
where inception_date <= $day and expiry_date > $day and not coalesce(lower(status) like 'cancel%', false)
"""


@dataclass(frozen=True)
class Peers:
    """What a measure comes to in a group of accounts, the account itself among them.

    Attributes
    ----------
    kind, name
        segment, role or book, and which.
    insureds
        How many accounts have the measure.
    median, low_quartile, high_quartile
        Of their own figures; quartiles are None under 8 accounts.
    level
        Of all of them together, each with its exposure.
    """

    kind: str
    name: str
    insureds: int
    median: float
    low_quartile: float | None
    high_quartile: float | None
    level: float

    def words(self) -> str:
        """The group in words: "segment shipper, US"."""
        return "the whole book" if self.kind == BOOK else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Standing:
    """A measure of an account beside its peers', over the same fixed 12 months.

    Attributes
    ----------
    measure
        What it is.
    per
        What a rate is per.
    first_month, end_month
        First days of the window's first month and of the month after it.
    value, low, high, n
        The account's own figure with its 95% interval (None: none can be given) and the cases behind it.
    peers
        None where no group of enough accounts may be shown.
    before, peers_before
        The account's figure a year before, and its peers' median where the same group may be shown then.
    """

    measure: AnyMeasure
    per: str
    first_month: date
    end_month: date
    value: float
    low: float | None
    high: float | None
    n: float
    peers: Peers | None
    before: float | None = None
    peers_before: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Is it more than chance that sets the account apart?

        Only where its whole 95% interval lies beyond both the peers' median and the level of all of them together: the
        median of small accounts may be 0 where one theft is already above it, and the level may be that of a few large
        ones.
        """
        if self.peers is None or self.low is None or self.high is None:
            return "not known"
        ends = self.peers.median, self.peers.level
        if self.low > max(ends):
            return {"higher": "better", "lower": "worse", "neutral": "higher"}[self.measure.better]  # type: ignore[return-value]
        if self.high < min(ends):
            return {"higher": "worse", "lower": "better", "neutral": "lower"}[self.measure.better]  # type: ignore[return-value]
        return "chance"

    def words(self, value: float | None) -> str:
        """A value of the measure as a person reads it, without what a rate is per.

        Examples
        --------
        >>> from analysis.registry import EVERY_MEASURE
        >>> year = date(2025, 1, 1), date(2026, 1, 1)
        >>> one = Standing(EVERY_MEASURE["theft_frequency"], "1,000 trips", *year, 14.367, 4.7, 33.5, 5, None)
        >>> one.words(one.value), one.verdict
        ('14.4', 'not known')
        """
        if value is None:
            return "not known"
        if isinstance(self.measure, ServiceMeasure) or self.measure.unit == "percent":
            return self.measure.words(value)
        return significant(value) if self.per else self.measure.words(value)

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a whole, from 0 to 1."""
        return self.measure.key in _SHARES

    @property
    def window(self) -> str:
        """The window in words: "May 2025 – Apr 2026"."""
        return f"{self.first_month:%b %Y} – {add_months(self.end_month, -1):%b %Y}"


@dataclass(frozen=True)
class AccountPeers:
    """One account, and how it stands.

    Attributes
    ----------
    insured, name, segment, role, broker
        Who it is; "" where not known.
    in_force, on
        Policies in force on the data's date; None where the portfolio has no policies, or no date.
    standings
        By key of the measure, in the order of `analysis.benchmarks.PEER_MEASURES`.
    """

    insured: str
    name: str
    segment: str
    role: str
    broker: str
    in_force: int | None
    on: date | None
    standings: Mapping[str, Standing]

    @property
    def group(self) -> Peers | None:
        """The group that most measures are compared with; the narrower, and the larger, where as many are."""
        found = [one.peers for one in self.standings.values() if one.peers is not None]
        kinds = [peers.kind for peers in found]
        return max(found, key=lambda one: (kinds.count(one.kind), one.kind != BOOK, one.insureds), default=None)

    @property
    def window(self) -> str:
        """The months of the measures, those that most have first: "May 2025 – Apr 2026"."""
        found = [one.window for one in self.standings.values()]
        return " and ".join(sorted(dict.fromkeys(found), key=lambda one: -found.count(one)))

    @property
    def compared(self) -> tuple[Standing, ...]:
        """Measures of which it can be told whether chance explains the difference."""
        return tuple(one for one in self.standings.values() if one.verdict != "not known")


def account_peers(view: View, *, insured: str) -> AccountPeers:
    """How does an account stand against its peers?

    Parameters
    ----------
    view
        Of the person's scope and of this insured alone, without other filters: benchmarks are of whole accounts.
    insured
        Its id.
    """
    facts = view.rows(
        "select name, segment, role, broker from insured where insured_id = $insured", {"insured": insured}
    )
    name, segment, role, broker = facts[0] if facts else (insured, None, None, None)
    day, in_force = view.info.data_date, None
    if view.has("policy") and day is not None:
        ((in_force,),) = view.rows(_IN_FORCE, {"day": day})
    return AccountPeers(
        insured, name or insured, segment or "", role or "", broker or "", in_force, day, _standings(view, insured)
    )


def _standings(view: View, insured: str) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    earlier: dict[str, list[tuple[float, Peers | None]]] = {}
    # Of each measure the latest window comes before the other one, and in each the narrower group.
    for key, span, first, end, value, low, high, n, kind, group, *told in view.rows(_FIGURES, {"insured": insured}):
        peers = Peers(kind, group, *told) if kind is not None else None
        if span == "before":
            earlier.setdefault(key, []).append((value, peers))
        elif key not in found:
            found[key] = Standing(EVERY_MEASURE[key], _PER.get(key, ""), first, end, value, low, high, n, peers)
    for key, before in earlier.items():
        if key in found:
            now = found[key].peers
            same = [one.median for _, one in before if one is not None and now is not None and one.kind == now.kind]
            found[key] = replace(found[key], before=before[0][0], peers_before=same[0] if same else None)
    return {key: found[key] for key in _PER if key in found}


def finding_words(account: AccountPeers, *, most: int = 2) -> str:
    """In what does the account differ from its peers by more than chance? Sentences with full stops."""
    compared = account.compared
    if not account.standings:
        return "No measure can be compared: the latest 12 complete months of the data hold nothing of this account."
    if not compared:
        return (
            f"No measure can be compared: under {RULE.least_insureds} insureds stand behind its groups, or one or two"
            " of them have most of what is counted."
        )
    differing = sum(one.verdict in CLEAR for one in compared)
    by_chance = significant(_FALSE_SHARE * len(compared), 1)
    differ = f"{differing or 'none'} of {len(compared)} measures {'differs' if differing < 2 else 'differ'}"
    sentences = [f"{account.window}: {differ} from peers beyond chance (by chance alone about {by_chance} would)."]
    for verdict in ("worse", "better", "higher", "lower"):
        named = sorted((one for one in compared if one.verdict == verdict), key=_distance, reverse=True)
        if named:
            told = [_against(one) for one in named[:most]]
            rest = f", and {len(named) - most} more" if len(named) > most else ""
            sentences.append(f"{verdict.capitalize()}: {', '.join(told)}{rest}.")
    return " ".join(sentences)


def _distance(standing: Standing) -> float:
    """How many half-widths of its interval the account is from its peers' median."""
    assert standing.peers is not None
    wide = (standing.high or 0.0) - (standing.low or 0.0)
    return abs(standing.value - standing.peers.median) / max(wide / 2, 1e-12)


def _against(standing: Standing) -> str:
    assert standing.peers is not None
    per = f" per {standing.per}" if standing.per else ""
    median = standing.words(standing.peers.median)
    return f"{standing.measure.label} {standing.words(standing.value)} (median {median}{per})"
