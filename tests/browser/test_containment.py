"""Containment as a person meets it: pictures drawn, and a link that opens an incident."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.analysis.incidents import Case, contained, gone, load_cases
from tests.browser.conftest import PATIENCE, Serve, Visit, settle


def test_curves_are_drawn_and_a_link_opens_an_incident(tmp_path: Path, serve: Serve, visit: Visit) -> None:
    cases = [
        *(contained(f"held{k}", 10 + 5 * k, notified=90) for k in range(12)),
        gone("gone"),
        Case("now", status="open"),
    ]
    load_cases(tmp_path, cases)
    address = serve(tmp_path / "portfolio")
    page = visit(f"{address}/containment?containment-incident=now&from=2025-03&to=2025-03")
    expect(page.get_by_role("heading", name="Containment", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Incident now")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert page.locator(".js-plotly-plot").count() == 4
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Incident now")).to_have_count(0, timeout=PATIENCE)
    settle(page)
    assert "containment-incident" not in parse_qs(urlsplit(page.url).query)
