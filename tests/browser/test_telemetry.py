"""Telemetry as a hand uses it: a deep link, a row that opens a timeline, a day of the calendar, a dot of the funnel."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.analysis.journeys import Journey, every, load, without
from tests.browser.conftest import PATIENCE, Serve, Visit, press, settle

MINUTES = 600
LINK = "telemetry?from=Mar+2025&to=Mar+2025"


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six trips on three days: each day one that was well heard, and one that was dark for half of its time."""
    folder = tmp_path_factory.mktemp("trips")
    heard = every(5, MINUTES)
    journeys = [Journey(f"GOOD{day}", MINUTES, heard, starts_days=day) for day in range(3)]
    journeys += [Journey(f"DARK{day}", MINUTES, without(heard, (100, 400)), starts_days=day) for day in range(3)]
    load(folder, *journeys)
    return folder / "portfolio"


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def click_at(page: Page, x: float, y: float) -> None:
    """Click as a hand does: come near, rest, press and let go."""
    page.mouse.move(x - 6, y - 6)
    page.mouse.move(x, y, steps=4)
    page.wait_for_timeout(500)
    press(page)


def click_row(page: Page, grid: Locator) -> None:
    """Click the box before the first row of a table: half a row below its header."""
    grid.scroll_into_view_if_needed()
    settle(page)
    box = grid.bounding_box()
    assert box is not None
    click_at(page, box["x"] + 18, box["y"] + 52)


def test_a_deep_link_opens_the_page_on_a_trip(serve: Serve, visit: Visit, trips: Path) -> None:
    page = visit(f"{serve(trips)}/{LINK}&telemetry-carrier=DARK1&telemetry-trip=DARK1")
    expect(page.locator("h1")).to_have_text("Telemetry")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Trip DARK1")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="1 trip of DARK1")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Trip DARK1")).to_have_count(0, timeout=PATIENCE)
    settle(page)
    assert "telemetry-trip" not in query(page)
    page.get_by_role("button", name="Carrier: DARK1").click()
    expect(page.get_by_role("heading", name="Worst trips")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert "telemetry-carrier" not in query(page)


def test_a_row_narrows_to_its_trips_and_a_trip_opens_its_timeline(serve: Serve, visit: Visit, trips: Path) -> None:
    page = visit(f"{serve(trips)}/{LINK}")
    click_row(page, page.get_by_test_id("stDataFrame").first)
    expect(page.get_by_role("heading", name="1 trip of")).to_be_visible(timeout=PATIENCE)
    settle(page)
    (carrier,) = query(page)["telemetry-carrier"]
    # Tables in order: units, changes of level where there are any, and the trips below them.
    grids = page.get_by_test_id("stDataFrame")
    trips_table = next(
        grids.nth(place) for place in range(grids.count()) if below(grids.nth(place), page, heading="1 trip of")
    )
    click_row(page, trips_table)
    expect(page.get_by_role("heading", name=f"Trip {carrier}")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert query(page)["telemetry-trip"] == [carrier]
    expect(page.get_by_text("Left the planned route: not evaluable.")).to_be_visible()


def below(grid: Locator, page: Page, *, heading: str) -> bool:
    box, title = grid.bounding_box(), page.get_by_role("heading", name=heading).bounding_box()
    return box is not None and title is not None and box["y"] > title["y"]


def test_a_day_and_a_dot_are_picked_by_a_click(serve: Serve, visit: Visit, trips: Path) -> None:
    page = visit(f"{serve(trips)}/{LINK}")
    # The three days are the only marks of the calendar; Monday the 3rd lies uppermost.
    days = page.locator(".js-plotly-plot").first.locator(".scatterlayer .point")
    expect(days).to_have_count(3, timeout=PATIENCE)
    box = days.first.bounding_box()
    assert box is not None
    click_at(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("button", name="Day: 3 Mar 2025")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="2 trips of 3 Mar 2025")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert query(page)["telemetry-day"] == ["2025-03-03"]
    dots = page.locator(".js-plotly-plot").nth(1).locator(".scatterlayer .point")
    dots.last.scroll_into_view_if_needed()
    settle(page)
    box = dots.last.bounding_box()
    assert box is not None
    click_at(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("button", name="Carrier:")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert query(page)["telemetry-carrier"][0][:4] in {"GOOD", "DARK"}
