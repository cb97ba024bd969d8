"""The planted truths of the small sample that the Claims page must find, and what its numbers add up to."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from analysis.claim_service import claim_months
from analysis.claim_tables import late_reporting
from analysis.claim_trends import claim_trend
from analysis.claims import development_triangle, ultimate_loss_ratio
from analysis.filters import Filters, Scope
from analysis.refunds import refund_bursts
from data.portfolio import Portfolio, View
from tests.conftest import ROOT
from tests.data.conftest import Sample


@pytest.fixture(scope="module")
def view(sample: Sample) -> View:
    return Portfolio(sample.folder).view(Scope(), Filters())


def test_the_late_carrier_alone_reports_late(sample: Sample, view: View) -> None:
    found = late_reporting(view, unit="carrier")
    assert found.late["key"].tolist() == sample.planted("late-reporter")["keys"]
    assert 32 <= found.late["median_days"].item() <= 62


def test_the_refund_ring_alone_stands_out(sample: Sample, view: View) -> None:
    found = refund_bursts(view)
    assert int(found.frame["stands_out"].sum()) == 1
    planted = sample.planted("refund-ring")
    assert found.frame["refunds"].iloc[0] == planted["effect"]["refunds"]
    assert planted["effect"]["operator_id"] not in found.frame.to_string()


def test_the_bad_year_is_a_signal_of_the_control_chart(sample: Sample, view: View) -> None:
    # At four claimed thefts a month few seeds show it (docs/findable-claims.md); where one does, it names that year.
    months = claim_months(view)
    trend = claim_trend(months, key="theft_frequency_of_claims", known_to=view.info.data_date)
    signals = [month for month, signal in zip(trend.months, trend.chart.signals, strict=True) if signal]
    year = sample.planted("bad-year")["effect"]["year"]
    assert signals[0].year == year
    assert all(trend.chart.values[trend.months.index(month)] > trend.chart.centre[0] for month in signals)


def test_amounts_add_up_to_the_claims(sample: Sample, view: View) -> None:
    incurred = float(sample.value("select sum(gross_base) from claim_service"))
    assert float(development_triangle(view).latest.sum()) == pytest.approx(incurred)
    ratio = ultimate_loss_ratio(view)
    assert ratio.total("incurred") == pytest.approx(incurred)
    earned = float(sample.value("select sum(earned_base) from premium_month"))
    assert ratio.total("earned") == pytest.approx(earned)
    # The chain ladder of the book and the sum of accounts developed by it tell the same story.
    ultimate = float(sample.value("select ultimate from claim_reserve where kind = 'gross'"))
    assert ratio.total("ultimate") == pytest.approx(ultimate, rel=0.03)


def test_the_page_opens_on_the_sample(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(sample.folder))
    monkeypatch.delenv("LANEWISE_INSUREDS", raising=False)
    app = AppTest.from_file(ROOT / "pages" / "shared" / "shell.py", default_timeout=120)
    app.query_params["claims-subject"] = "Late reports"
    app.run()
    app.switch_page(str(ROOT / "pages" / "claims" / "performance.py")).run()
    assert not app.exception
    words = " ".join(str(element.value) for element in app.markdown).replace("\\", "")
    assert "reports late: 0% within 30 days" in words
    assert len(app.metric) == 6
