"""A click in the ranking of verdicts: the place is picked, its link says so, and its reason is shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.analysis.books import load_book, shipments, thefts
from tests.browser.conftest import PATIENCE, Serve, Visit, press, settle


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L1 is robbed at its origin, L2 is busy and ordinary."""
    folder = tmp_path_factory.mktemp("book")
    goods = [shipments(number, lane=lane, month="2025-03") for number, lane in ((420, "L1"), (900, "L2"))]
    lost = [
        thefts(40, lane="L1", site="S1", month="2025-03"),
        thefts(20, lane="L2", site="S2", month="2025-03"),
    ]
    load_book(folder, goods=goods, lost=lost)
    return folder / "portfolio"


def test_a_click_in_the_ranking_picks_a_site_and_a_button_lets_it_go(serve: Serve, visit: Visit, book: Path) -> None:
    page = visit(f"{serve(book)}/hotspots?hotspots-level=Verdicts+by+site")
    grid = page.get_by_test_id("stDataFrame").first
    grid.scroll_into_view_if_needed()
    settle(page)
    box = grid.bounding_box()
    assert box is not None
    # The name in the first row: half a row below the header.
    page.mouse.move(box["x"] + 90, box["y"] + 52, steps=5)
    page.wait_for_timeout(300)
    press(page)
    expect(page.get_by_text("Picked: Dallas hub")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert parse_qs(urlsplit(page.url).query)["hotspots-verdict-site"] == ["Dallas hub"]
    expect(page.get_by_role("heading", name="Dallas hub")).to_be_visible()
    page.get_by_role("button", name="Let go").click()
    expect(page.get_by_text("Picked: Dallas hub")).to_have_count(0, timeout=PATIENCE)
    settle(page)
    assert "hotspots-verdict-site" not in parse_qs(urlsplit(page.url).query)
