"""What would rates be if every theft were reported and every loss known? The assumption, and what it does to estimates.

Of all thefts y* of a place only y are reported, each with the chance p: y ~ Poisson(E* x ratio x p), where E* is what
would be expected if all were reported. Nothing in the reports tells p: it is an assumption (:class:`Reporting`), whose
doubt goes into the intervals. What it moves:

- **A share common to the whole book cancels out of ratios.** Published expected counts E rest on reported thefts, so
  that E = E* x (the book's share): when all places report alike, y / E is the true ratio whatever that share is. The
  common share moves the level: frequency, loss cost, excess thefts and excess loss are divided by it.
- **Only differences in reporting move a ratio.** With g = share of the place / share of the book, y ~ Poisson(E x g x
  ratio). One part of g is known from deductibles: an insured seldom reports a theft that its deductible would eat, so
  that a place of high deductibles shows fewer thefts than it has. The other part is not known: places differ in how
  well they report, which widens the interval of the ratio and leaves its middle nearly where it is.

Given g the posterior of the ratio is Gamma(a + y, a + E g), as in `analysis.credibility.ratio_posterior`. With g not
known it is a mixture of these over the nodes of a Gauss quadrature of g's prior, each with the weight prior x negative
binomial likelihood of y: a place with many reports may be one that reports better. The a of the prior stays as fitted
on reported thefts; part of that spread may be a spread of reporting, but counts cannot tell which, and taking it out
would let an assumption narrow an interval. For the same reason an interval keeps at least its reported width where the
ratio falls (`analysis.adjusted_verdicts.adjust`).

Losses: severities are means of the thefts whose loss is known. Those without one may be larger or smaller on average
(not missing at random); they are taken to cost a factor of the known ones, with a range.

With everything reported and unknown losses like the known ones, every number is the reported one, to the last digit.

References
----------
Little & Rubin (2020), Statistical Analysis with Missing Data, 3rd ed., chapter 15 (data not missing at random: what the
data cannot tell is stated as a prior and varied); Rubin (1977), Journal of the American Statistical Association
72:538-543 (the prior of how nonrespondents differ); Stoner, Economou & Drummond Marques da Silva (2019), same journal
114:1481-1492 (Poisson counts thinned by an uncertain chance of being reported).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from analysis.intervals import Interval, poisson_interval
from analysis.reporting_fit import MULTIPLES
from data.errors import LanewiseError

Array = NDArray[np.float64]

#: Half of a 90% range over the standard deviation.
_Z90 = 1.6448536269514722
#: Nodes of the quadratures: of the common share and the factor of losses; of the share of a place, with few and many
#: thefts.
_NODES = 12
_FEW_NODES, _MANY_NODES = 8, 40
#: From so many thefts on, what one node leaves open is narrower than what lies between few nodes.
_MANY = 50
_NEWTON_STEPS = 60


class ReportingError(LanewiseError):
    """An assumption on reporting that no share or factor can have."""


class Assumed(NamedTuple):
    """One number of the assumption: what it is called, what it may be, and where its default comes from.

    ``unit`` is "share" (0 to 1, shown in percent), "points" (a margin of one), "times" or "multiple".
    """

    label: str
    unit: Literal["share", "points", "times", "multiple"]
    least: float
    most: float
    meaning: str
    source: str


#: Each field of :class:`Reporting`, in the order in which a page asks for them.
ASSUMED: Mapping[str, Assumed] = {
    "reported_share": Assumed(
        "Thefts reported",
        "share",
        0.35,
        1.0,
        "Of 100 thefts, how many does an insured report whom no deductible keeps from it?",
        "Own judgement: thefts found late, shortages below notice and losses settled with a carrier are written off.",
    ),
    "reported_margin": Assumed(
        "Share give or take",
        "points",
        0.0,
        0.3,
        "How far off may that share be for the whole book (90% sure)? It widens frequency and loss cost.",
        "Own judgement: no published share of insured cargo is precise, and the book's own reports cannot tell it.",
    ),
    "place_margin": Assumed(
        "Places differ by",
        "points",
        0.0,
        0.3,
        "How far may the share of one place lie from the book's (90% sure)? It widens the ratios.",
        "Own judgement: insureds with scans at every hand-over notice more of what goes missing than others.",
    ),
    "deductible_multiple": Assumed(
        "Small is under",
        "multiple",
        min(MULTIPLES),
        max(MULTIPLES),
        "A theft is small if its loss is below so many times the deductible of its account.",
        "Own judgement: under three times the deductible, the insured bears over a third of the loss itself.",
    ),
    "small_share": Assumed(
        "Small ones reported",
        "share",
        0.1,
        1.0,
        "Of small thefts, how many are reported for each 100 of the others that are? 100% switches it off.",
        "Own judgement: a small payment is weighed against the work of a claim and the next renewal.",
    ),
    "unvalued_factor": Assumed(
        "Loss of one without a value",
        "times",
        0.2,
        3.0,
        "What does a theft without a recorded value cost, in times the mean of those with one?",
        "Own judgement: a value is recorded when a claim is made, so that pilferage lacks it more often than a full "
        "load does.",
    ),
    "unvalued_margin": Assumed(
        "Loss give or take",
        "times",
        0.0,
        1.5,
        "How far off may that factor be (90% sure)? It widens loss cost.",
        "Own judgement: values may also lack where a large case is still open.",
    ),
}


@dataclass(frozen=True)
class Reporting:
    """How much of what happens is reported, and what the losses that nobody recorded are like.

    Every default is Lanewise's own judgement (`ASSUMED` gives each its reason), there to be replaced by the user's.

    Parameters
    ----------
    reported_share, reported_margin
        Share of thefts reported where no deductible keeps an insured from it, and half of its 90% range: a beta
        distribution, common to the book.
    place_margin
        Half of the 90% range in which the share of one place lies around the book's: a beta distribution too.
    deductible_multiple, small_share
        Thefts of a loss below so many times the account's deductible are reported ``small_share`` times as often as
        others. Accounts whose deductible is above the threshold are in no rate, adjusted or not.
    unvalued_factor, unvalued_margin
        Mean loss of thefts without a value over that of those with one, and half of its 90% range: log-normal.

    Raises
    ------
    ReportingError
        A number lies outside what `ASSUMED` allows, or a range leaves 0 to 1 or reaches 0.
    """

    reported_share: float = 0.75
    reported_margin: float = 0.15
    place_margin: float = 0.1
    deductible_multiple: int = 3
    small_share: float = 0.5
    unvalued_factor: float = 0.8
    unvalued_margin: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            value, told = getattr(self, field.name), ASSUMED[field.name]
            # Not a number is neither below nor above.
            if not told.least <= value <= told.most:
                message = f"{told.label} is {value:g}"
                raise ReportingError(message, hint=f"It lies between {told.least:g} and {told.most:g}.")
        if self.deductible_multiple not in MULTIPLES:
            message = f"{self.deductible_multiple:g} times the deductible is not prepared"
            raise ReportingError(message, hint=f"Take one of {', '.join(map(str, MULTIPLES))}.")
        for margin in (self.reported_margin, self.place_margin):
            if self.reported_share + margin > 1 + 1e-9 or self.reported_share - margin < 0:
                message = f"{self.reported_share:.0%} give or take {100 * margin:.0f} points leaves 0% to 100%"
                raise ReportingError(message, hint="Take a smaller margin.")
        if self.unvalued_margin >= self.unvalued_factor:
            message = f"{self.unvalued_factor:g} times give or take {self.unvalued_margin:g} reaches 0"
            raise ReportingError(message, hint="Take a smaller margin.")

    @property
    def common(self) -> Quadrature:
        """The share that the whole book reports, leaving deductibles aside."""
        return beta_quadrature(self.reported_share, margin=self.reported_margin, nodes=_NODES)

    def relative(self, *, nodes: int) -> Quadrature:
        """The share of one place over that of the book: its mean is 1."""
        found = beta_quadrature(self.reported_share, margin=self.place_margin, nodes=nodes)
        return Quadrature(found.values / self.reported_share, found.weights)

    @property
    def loss_factor(self) -> Quadrature:
        """Mean loss of thefts without a value over that of those with one."""
        return lognormal_quadrature(self.unvalued_factor, margin=self.unvalued_margin, nodes=_NODES)

    @property
    def level(self) -> float:
        """By what counts are multiplied on average: the mean of 1 / share, deductibles aside."""
        return self.common.mean_of(1 / self.common.values)

    def share_of(self, below: ArrayLike) -> Array:
        """How often is a theft reported, over one of those that no deductible touches? 1 - (1 - small) x below."""
        found: Array = 1 - (1 - self.small_share) * np.nan_to_num(np.asarray(below, dtype=np.float64))
        return found

    def posteriors(
        self, observed: ArrayLike, expected: ArrayLike, *, dispersion: float
    ) -> list[tuple[NDArray[np.intp], MixedPosterior]]:
        """The true ratios, as the rows they are of and their posterior: places with few thefts, and with many."""
        y, e = np.asarray(observed, dtype=np.float64), np.asarray(expected, dtype=np.float64)
        parts = ((np.flatnonzero(y < _MANY), _FEW_NODES), (np.flatnonzero(y >= _MANY), _MANY_NODES))
        return [
            (rows, reported_posterior(y[rows], e[rows], dispersion=dispersion, relative=self.relative(nodes=nodes)))
            for rows, nodes in parts
            if len(rows)
        ]

    def losses_of(self, known: ArrayLike) -> Array:
        """What is the mean loss of all thefts over that of those with a value? known + (1 - known) x factor.

        1 where no share of known losses is given: such a severity rests on no loss.
        """
        share = np.asarray(known, dtype=np.float64)
        factor = np.where(np.isnan(share), 1.0, share + (1 - share) * self.unvalued_factor)
        return factor.astype(np.float64)


#: Everything reported, and unknown losses like the known ones: every number is the reported one.
AS_REPORTED = Reporting(
    reported_share=1.0, reported_margin=0.0, place_margin=0.0, small_share=1.0, unvalued_factor=1.0, unvalued_margin=0.0
)


class Quadrature(NamedTuple):
    """A distribution as nodes and weights; the weights add up to 1."""

    values: Array
    weights: Array

    def mean_of(self, function: Array) -> float:
        """The mean of a function, given at the nodes."""
        return float((self.weights * function).sum())


def beta_quadrature(mean: float, *, margin: float, nodes: int) -> Quadrature:
    """Nodes of a beta distribution of this mean and standard deviation margin / 1.645 (Gauss-Jacobi); one if certain.

    A mean of 1 leaves no room to differ.
    """
    if not margin or mean == 1:
        return Quadrature(np.array([mean]), np.array([1.0]))
    a, b = _beta_shapes(mean, margin=margin)
    # Golub & Welsch (1969): nodes and weights of the Jacobi weight, without its constant, which overflows.
    first, second = b - 1, a - 1
    k = np.arange(1, nodes, dtype=np.float64)
    total = 2 * k + first + second
    diagonal = np.empty(nodes)
    diagonal[0] = (second - first) / (first + second + 2)
    diagonal[1:] = (second**2 - first**2) / (total * (total + 2))
    beside = 4 * k * (k + first) * (k + second) * (k + first + second) / (total**2 * (total + 1) * (total - 1))
    # The general term is 0 / 0 where first + second is -1.
    beside[0] = 4 * (1 + first) * (1 + second) / ((2 + first + second) ** 2 * (3 + first + second))
    matrix = np.diag(diagonal) + np.diag(np.sqrt(beside), 1) + np.diag(np.sqrt(beside), -1)
    values, vectors = np.linalg.eigh(matrix)
    return Quadrature((values + 1) / 2, vectors[0] ** 2)


def lognormal_quadrature(mean: float, *, margin: float, nodes: int) -> Quadrature:
    """Nodes of a log-normal distribution of this mean and standard deviation margin / 1.645; one if it is certain."""
    if not margin:
        return Quadrature(np.array([mean]), np.array([1.0]))
    log_sd = math.sqrt(math.log1p((margin / _Z90 / mean) ** 2))
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return Quadrature(mean * np.exp(log_sd * points - log_sd**2 / 2), weights / weights.sum())


def _beta_shapes(mean: float, *, margin: float) -> tuple[float, float]:
    size = mean * (1 - mean) / (margin / _Z90) ** 2 - 1
    return mean * size, (1 - mean) * size


@dataclass(frozen=True)
class MixedPosterior:
    """What is known of true ratios when reporting is not: mixtures of gamma distributions, one row a place.

    Attributes
    ----------
    shape
        a + y, one a place.
    rate, weights
        a + E g and the posterior probability of g, places by nodes; the largest g comes last.
    """

    shape: Array
    rate: Array
    weights: Array

    @property
    def mean(self) -> Array:
        """The shrunken ratios."""
        found: Array = (self.weights / self.rate).sum(axis=1) * self.shape
        return found

    def probability_above(self, ratio: float) -> Array:
        """Probability that each true ratio exceeds ``ratio``, 0 to 1."""
        found: Array = (self.weights * special.gammaincc(self.shape[:, None], ratio * self.rate)).sum(axis=1)
        return found

    def interval(self, *, level: float = 0.9) -> tuple[Array, Array]:
        """Ends of the central credible interval that holds the true ratio with probability ``level``."""
        tail = (1 - level) / 2
        return self._quantile(tail), self._quantile(1 - tail)

    def draw(self, generator: np.random.Generator, *, draws: int) -> Array:
        """Draws of the ratios, draws by places."""
        if self.rate.shape[1] == 1:
            return generator.gamma(self.shape, 1 / self.rate[:, 0], (draws, len(self.shape)))
        edges = self.weights.cumsum(axis=1)[:, :-1]
        node = (generator.random((draws, len(self.shape), 1)) > edges).sum(axis=2)
        rate = np.take_along_axis(self.rate, node.T, axis=1).T
        return generator.gamma(self.shape, 1 / rate)

    def _quantile(self, probability: float) -> Array:
        # That of one node; a mixture's lies between those of its outer nodes, as more reporting means smaller ratios.
        low = special.gammaincinv(self.shape, probability) / self.rate[:, -1]
        if self.rate.shape[1] == 1:
            return np.asarray(low, dtype=np.float64)
        high = special.gammaincinv(self.shape, probability) / self.rate[:, 0]
        found: Array = np.sqrt(low * high)
        todo = np.arange(len(found))
        for _ in range(_NEWTON_STEPS):
            x, shape, rate, weights = found[todo], self.shape[todo, None], self.rate[todo], self.weights[todo]
            scaled = x[:, None] * rate
            miss = (weights * special.gammainc(shape, scaled)).sum(axis=1) - probability
            low[todo], high[todo] = np.where(miss < 0, x, low[todo]), np.where(miss < 0, high[todo], x)
            # The density of log(ratio): Newton's step in the logarithm, kept within the bracket.
            logs = special.xlogy(shape, scaled) - scaled - special.gammaln(shape)
            slope = (weights * np.exp(logs)).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = x * np.exp(-miss / slope)
            inside = (step > low[todo]) & (step < high[todo])
            found[todo] = np.where(inside, step, np.sqrt(low[todo] * high[todo]))
            todo = todo[np.abs(miss) > 1e-9]
            if not len(todo):
                break
        return found


def reported_posterior(
    observed: ArrayLike, expected: ArrayLike, *, dispersion: float, relative: Quadrature
) -> MixedPosterior:
    """What is the true ratio of each place, given its reports and how well it may report?

    y ~ Poisson(E x g x ratio), ratio ~ Gamma(a, a), g at the nodes of ``relative``: the posterior is the mixture of
    Gamma(a + y, a + E g) with weights prior(g) x g^y (a + E g)^-(a + y).

    Parameters
    ----------
    observed, expected
        Reported counts y and reported counts expected E, where what is known of the place's reporting is in E.
    dispersion
        a of the prior, as of `analysis.credibility.fit_dispersion`.
    relative
        The place's share over the book's.

    Raises
    ------
    ValueError
        A count is negative or not finite, or a is not positive.
    """
    y = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    e = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if not (np.isfinite(y).all() and np.isfinite(e).all() and (y >= 0).all() and (e >= 0).all() and dispersion > 0):
        message = "counts and expected counts are finite and not negative, and the dispersion is positive"
        raise ValueError(message)
    rate = dispersion + e[:, None] * relative.values
    shape = dispersion + y
    logs = np.log(relative.weights) + special.xlogy(y[:, None], relative.values) - shape[:, None] * np.log(rate)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return MixedPosterior(shape=shape, rate=rate, weights=weights / weights.sum(axis=1, keepdims=True))


def scaled_interval(count: int, *, multiplier: Quadrature, level: float = 0.95) -> Interval:
    """Which expected counts of all thefts are compatible with this count of reported ones?

    The exact (Garwood) interval of `analysis.intervals.poisson_interval`, mixed over what a report stands for: with
    multiplier m the low end L has mean over m of P(Gamma(y) <= L / m) = (1 - level) / 2, the high end H has mean of
    P(Gamma(y + 1) > H / m) = the same. Certain m multiplies the ends by it, exactly.

    Parameters
    ----------
    count
        Reported thefts y.
    multiplier
        All thefts over reported ones (or their loss over the reported loss), with its probabilities.
    """
    found = poisson_interval(count, level=level)
    values, weights = multiplier
    if len(values) == 1:
        return Interval(found.low * float(values[0]), found.high * float(values[0]))
    tail = (1 - level) / 2
    least, most = float(values.min()), float(values.max())

    def low_miss(end: float) -> float:
        return float((weights * special.gammainc(count, end / values)).sum()) - tail

    def high_miss(end: float) -> float:
        return float((weights * special.gammaincc(count + 1, end / values)).sum()) - tail

    low = optimize.brentq(low_miss, found.low * least, found.low * most, xtol=1e-12, rtol=1e-12) if count else 0.0
    high = optimize.brentq(high_miss, found.high * least, found.high * most, xtol=1e-12, rtol=1e-12)
    return Interval(float(low), float(high))


def assumption_words(reporting: Reporting) -> str:
    """The assumption in a sentence or two, as it stands beside every adjusted number.

    Examples
    --------
    >>> assumption_words(AS_REPORTED)
    'Assumed, not measured: all thefts are reported.'
    """
    share, margin = reporting.reported_share, reporting.reported_margin
    if share == 1:
        said = ["all thefts are reported"]
    else:
        sure = f" (90% sure: {100 * (share - margin):.0f}–{100 * (share + margin):.0f}%)" if margin else ""
        said = [f"{share:.0%} of thefts are reported{sure}"]
        if reporting.place_margin:
            said[0] += f", of single places {100 * reporting.place_margin:.0f} points more or less"
    if reporting.small_share < 1:
        often = f"only {reporting.small_share:.0%} as often"
        said.append(f"thefts under {reporting.deductible_multiple} times the deductible {often}")
    if (reporting.unvalued_factor, reporting.unvalued_margin) != (1.0, 0.0):
        factor, off = reporting.unvalued_factor, reporting.unvalued_margin
        sure = f" ({factor - off:.2g}–{factor + off:.2g})" if off else ""
        said.append(f"one without a value costs {factor:g} times one with{sure}")
    return f"Assumed, not measured: {'; '.join(said)}."
