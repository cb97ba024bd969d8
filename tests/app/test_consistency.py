"""A number is the same wherever it stands: cards, detail pages, and the rows behind them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from analysis.claim_service import claim_months, claim_values
from analysis.claim_trends import told_trends
from analysis.claims import ultimate_loss_ratio
from analysis.containment import Change, containment, incident_clocks
from analysis.exposure import earned_premium, peak_accumulation, premium_rows
from analysis.filters import Filters, Scope
from analysis.overview import KEYS, Headline, headlines
from analysis.overview_drivers import DRIVEN, drivers
from analysis.registry import EVERY_MEASURE
from analysis.service_measures import SERVICE_MEASURES
from analysis.signals import SIGNAL
from analysis.telemetry import service_values
from data.portfolio import Portfolio, View
from tests.app.test_overview import BOOK, TOP
from tests.portfolios import load_files

YEAR = Filters(date(2025, 1, 1), date(2025, 12, 1))


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    folder = tmp_path_factory.mktemp("consistent")
    load_files(folder, files=BOOK, top=TOP)
    snapshot = Portfolio(folder / "portfolio").open()
    return {
        "all": snapshot.view(Scope(), Filters()),
        "now": snapshot.view(Scope(), YEAR),
        "before": snapshot.view(Scope(), YEAR.previous("year")),
        "I1": snapshot.view(Scope(), Filters(YEAR.first_month, YEAR.last_month, insured=("I1",))),
        "I2": snapshot.view(Scope(), Filters(YEAR.first_month, YEAR.last_month, insured=("I2",))),
    }


@pytest.fixture(scope="module")
def found(views: dict[str, View]) -> dict[str, Headline]:
    return headlines(views["now"], views["before"], everything=views["all"])


def test_every_number_has_a_definition_a_unit_and_its_n(found: dict[str, Headline]) -> None:
    assert tuple(found) == KEYS
    for key, one in found.items():
        assert EVERY_MEASURE[key] is one.measure
        assert one.measure.definition.endswith(".")
        assert one.measure.unit
        assert one.counted
        assert (one.value is None) == bool(one.lack)
        assert one.n >= (1 if one.interval is not None and one.value else 0)


def test_the_overview_says_what_the_detail_pages_say(found: dict[str, Headline], views: dict[str, View]) -> None:
    now = views["now"]
    assert found["ultimate_loss_ratio"].value == ultimate_loss_ratio(now).gross.value
    assert found["theft_loss_ratio"].value == ultimate_loss_ratio(now).theft.value
    assert found["claim_frequency"].value == claim_values(claim_months(now))["claim_frequency"].estimate.value
    assert found["peak_accumulation"].value == peak_accumulation(now).value


def test_a_number_is_what_its_rows_come_to(found: dict[str, Headline], views: dict[str, View]) -> None:
    now = views["now"]
    assert found["earned_premium"].value == pytest.approx(premium_rows(now)["earned_base"].sum())
    assert found["earned_premium"].value == pytest.approx(40150 + 36500)
    parts = ultimate_loss_ratio(now).parts
    assert found["ultimate_loss_ratio"].value == pytest.approx(parts["ultimate"].sum() / parts["earned"].sum())
    # Thirteen losses of 24 shipments.
    assert found["claim_frequency"].value == pytest.approx(1000 * 13 / 24)
    assert found["open_large_claims"].value == 1


def test_accounts_add_up_to_the_book(views: dict[str, View]) -> None:
    parts = [earned_premium(views[name]).value or 0.0 for name in ("I1", "I2")]
    assert sum(parts) == pytest.approx(earned_premium(views["now"]).value)
    peaks = [peak_accumulation(views[name]).value or 0.0 for name in ("I1", "I2")]
    assert max(peaks) == peak_accumulation(views["now"]).value


@pytest.mark.parametrize(("key", "by"), [(key, by) for key, ways in DRIVEN.items() for by in ways])
def test_drivers_add_up_to_the_move_of_the_card(
    found: dict[str, Headline], views: dict[str, View], key: str, by: str
) -> None:
    split = drivers(views["now"], views["before"], key=key, by=by, everything=views["all"])  # type: ignore[arg-type]
    if split is None:
        assert found[key].value is None
        return
    size = max(1.0, abs(split.now), abs(split.before))
    assert sum(split.parts.values()) == pytest.approx(split.move, abs=1e-9 * size)
    assert split.frame["total"].sum() == pytest.approx(split.move, abs=1e-9 * size)
    if key in {"ultimate_loss_ratio", "theft_loss_ratio"}:
        assert (split.now, split.before) == pytest.approx((found[key].value, found[key].before))


def test_filters_reach_every_number(views: dict[str, View]) -> None:
    one = headlines(views["I1"], None, everything=views["all"])
    assert one["earned_premium"].value == pytest.approx(40150)
    assert one["claim_frequency"].value == pytest.approx(1000)
    assert one["open_large_claims"].value == 0
    assert one["peak_accumulation"].value == pytest.approx(1.5)


def test_losses_without_shipments_are_withheld_on_both_pages(tmp_path: Path) -> None:
    # The thirteenth loss and all others are of I1, whose shipments are not loaded: nothing to count them against.
    files = BOOK | {"shipment.csv": "\n".join(line for line in BOOK["shipment.csv"].split("\n") if ",I1," not in line)}
    load_files(tmp_path, files=files, top=TOP)
    snapshot = Portfolio(tmp_path / "portfolio").open()
    now = snapshot.view(Scope(), YEAR)
    overview = headlines(
        now, snapshot.view(Scope(), YEAR.previous("year")), everything=snapshot.view(Scope(), Filters())
    )
    months = claim_months(now)
    on_claims = claim_values(months)["claim_frequency"]
    lack = "12 of 13 losses are of accounts and months without shipments in this selection"
    assert (overview["claim_frequency"].value, overview["claim_frequency"].lack) == (None, lack)
    assert (on_claims.estimate.value, on_claims.lack) == (None, lack)
    assert "claim_frequency" not in told_trends(months)


SELECTIONS = (
    Filters(date(2025, 7, 1), date(2026, 6, 1)),
    Filters(date(2025, 7, 1), date(2026, 6, 1), insured=("I001",)),
    Filters(date(2025, 1, 1), date(2025, 12, 1), insured=("I002", "I004")),
)


@pytest.mark.parametrize("filters", SELECTIONS, ids=["all", "one insured", "two insureds"])
def test_the_overview_shows_what_containment_claims_and_telemetry_show(sample: Path, filters: Filters) -> None:
    snapshot = Portfolio(sample).open()
    now, before = (snapshot.view(Scope(), one) for one in (filters, filters.previous("year")))
    found = headlines(now, before, everything=snapshot.view(Scope(), Filters()))
    clocks, clocks_before = incident_clocks(now), incident_clocks(before)
    assert found["time_to_contain"].value == pytest.approx(containment(clocks).mean.value)
    assert found["time_to_contain"].before == pytest.approx(containment(clocks_before).mean.value)
    rate, rate_before = (claim_values(claim_months(one))["claim_frequency"].estimate for one in (now, before))
    assert found["claim_frequency"].value == rate.value
    assert found["claim_frequency"].interval == rate.interval
    assert found["claim_frequency"].before == rate_before.value
    assert found["ultimate_loss_ratio"].value == ultimate_loss_ratio(now).gross.value
    assert found["earned_premium"].before == pytest.approx(earned_premium(before).at_plan)
    assert found["peak_accumulation"].before == pytest.approx(peak_accumulation(before).value)
    protected = SERVICE_MEASURES["protected_share"]
    assert found["protected_share"].value == service_values(now, measures=[protected])["protected_share"].value


def test_one_rule_says_what_is_news(found: dict[str, Headline]) -> None:
    assert SIGNAL == 0.05
    for one in found.values():
        if one.chance is not None:
            assert (one.news == "within chance") == (one.chance >= SIGNAL)
    assert Change(1.0, 0.049).is_signal
    assert not Change(1.0, 0.05).is_signal
