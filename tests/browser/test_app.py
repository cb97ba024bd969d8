"""The app as a person meets it: links, the map, clicks, both themes, downloads."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pydeck as pdk
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pages.shared.maps import fit_view, lane_paths
from pages.shared.palette import DARK, LIGHT, Palette, rgb
from tests.browser.conftest import PATIENCE, Serve, Visit, press, settle

MAP = "stDeckGlJsonChart"


def colours(picture: Locator) -> Counter[tuple[int, int, int]]:
    """How many pixels of each colour are drawn?"""
    with Image.open(io.BytesIO(picture.screenshot())) as image:
        pixels = image.convert("RGB")
        return Counter({colour: count for count, colour in pixels.getcolors(pixels.width * pixels.height)})  # type: ignore[misc]


def near(counted: Counter[tuple[int, int, int]], colour: str, *, within: int = 6) -> int:
    wanted = rgb(colour)
    return sum(
        count
        for found, count in counted.items()
        if all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))
    )


def drawn(page: Page, ink: Palette) -> Counter[tuple[int, int, int]]:
    """The map's colours, once its land has been fetched and drawn."""
    picture = page.get_by_test_id(MAP).first
    expect(picture).to_be_visible(timeout=PATIENCE)
    counted = Counter[tuple[int, int, int]]()
    for _ in range(60):
        counted = colours(picture)
        if near(counted, ink.land) > 5_000:
            break
        page.wait_for_timeout(500)
    return counted


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def chips(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMultiSelect").filter(has=page.get_by_text(label, exact=True))


def test_a_deep_link_is_the_first_visit_after_a_restart(serve: Serve, visit: Visit, small_portfolio: Path) -> None:
    page = visit(
        f"{serve(small_portfolio)}/data?from=Feb+2023&to=Mar+2024&insured=Acme+Freight&lane=L1&compare=year+before"
    )
    expect(page.locator("h1")).to_have_text("Data")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(chips(page, "Insured")).to_contain_text("Acme Freight")
    expect(chips(page, "Lane")).to_contain_text("Memphis hub → Dallas hub")
    expect(page.get_by_role("combobox", name="From")).to_have_value("Feb 2023")
    expect(page.get_by_role("combobox", name="To", exact=True)).to_have_value("Mar 2024")
    found = query(page)
    assert (found["from"], found["to"], found["insured"]) == (["Feb 2023"], ["Mar 2024"], ["Acme Freight"])


def test_a_deep_link_opens_the_default_page_with_its_filters(serve: Serve, visit: Visit, small_portfolio: Path) -> None:
    page = visit(f"{serve(small_portfolio)}/?lane=Memphis+hub+%E2%86%92+Dallas+hub&commodity=electronics")
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(chips(page, "Commodity")).to_contain_text("electronics")
    expect(page.get_by_test_id("stCaptionContainer").filter(has_text="snapshot").first).to_contain_text(
        "2 claims, 12 shipments"
    )
    expect(page.get_by_text("7 incidents, 1 claim are out, without a known lane or commodity")).to_be_visible()


def test_the_default_page_opens_by_its_own_name_with_all_its_filters(
    serve: Serve, visit: Visit, small_portfolio: Path
) -> None:
    page = visit(f"{serve(small_portfolio)}/overview?commodity=electronics&commodity=food&from=Feb+2023")
    expect(page.locator("h1")).to_have_text("Overview")
    settle(page)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(chips(page, "Commodity")).to_contain_text("electronics")
    expect(chips(page, "Commodity")).to_contain_text("food")
    expect(page.get_by_role("combobox", name="From")).to_have_value("Feb 2023")
    assert urlsplit(page.url).path == "/"
    expect(page.get_by_test_id("stTopNavSection")).to_have_count(4)


def test_a_link_by_ids_keeps_its_filters_when_it_is_loaded_again(
    serve: Serve, visit: Visit, small_portfolio: Path
) -> None:
    page = visit(f"{serve(small_portfolio)}/hotspots?lane=L1&from=2023-02")
    for _ in range(2):
        expect(chips(page, "Lane")).to_contain_text("hub")
        expect(page.get_by_role("combobox", name="From")).to_have_value("Feb 2023")
        asked = parse_qs(urlsplit(page.url).query)
        assert asked["from"] == ["Feb 2023"]
        assert "hub" in asked["lane"][0]
        page.reload()
        settle(page)


def test_hotspots_and_the_overview_open_by_link_and_lead_to_each_other(
    serve: Serve, visit: Visit, small_portfolio: Path
) -> None:
    page = visit(f"{serve(small_portfolio)}/hotspots?lane=L1")
    expect(page.locator("h1")).to_have_text("Hotspots")
    expect(chips(page, "Lane")).to_contain_text("Memphis hub")
    page = visit(f"{serve(small_portfolio)}/?insured=A1")
    expect(page.locator("h1")).to_have_text("Overview")
    expect(chips(page, "Insured")).to_contain_text("Acme Freight")
    expect(page.get_by_text("need a decision").or_(page.get_by_text("needs a decision")).first).to_be_visible()


def test_filters_survive_a_change_of_page(serve: Serve, visit: Visit, small_portfolio: Path) -> None:
    page = visit(f"{serve(small_portfolio)}/?commodity=food")
    page.get_by_test_id("stTopNavSection").filter(has_text="Admin").click()
    page.get_by_role("menuitem", name="Data").click()
    expect(page.locator("h1")).to_have_text("Data")
    settle(page)
    expect(chips(page, "Commodity")).to_contain_text("food")
    assert query(page)["commodity"] == ["food"]


@pytest.mark.parametrize(("theme", "ink"), [("light", LIGHT), ("dark", DARK)])
def test_the_map_is_drawn_in_both_themes(
    serve: Serve, visit: Visit, real_portfolio: Path, theme: str, ink: Palette
) -> None:
    page = visit(f"{serve(real_portfolio)}/hotspots", theme=theme)
    counted = drawn(page, ink)
    assert near(counted, ink.land) > 5_000, "no land"
    assert near(counted, ink.water) > 5_000, "no water"
    marks = sum(near(counted, colour, within=30) for colour in (ink.sequence[0], ink.sequence[-1]))
    assert marks > 300, "no marks"
    background = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    assert background == f"rgb({', '.join(str(part) for part in rgb(ink.background))})"
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_figures_and_main_picture_need_no_scrolling(serve: Serve, visit: Visit, real_portfolio: Path) -> None:
    page = visit(f"{serve(real_portfolio)}/hotspots")
    cards = page.get_by_test_id("stMetric")
    assert 4 <= cards.count() <= 6
    picture = page.get_by_test_id(MAP).first.bounding_box()
    assert picture is not None
    assert picture["y"] + picture["height"] <= 900


def test_a_click_in_the_table_filters_by_its_lane(serve: Serve, visit: Visit, small_portfolio: Path) -> None:
    link = "hotspots-level=Counts+in+the+period&hotspots-measure=Value+moved&hotspots-unit=By+lane&from=Jan+2024"
    page = visit(f"{serve(small_portfolio)}/hotspots?{link}")
    grid = page.get_by_test_id("stDataFrame").first
    grid.scroll_into_view_if_needed()
    settle(page)
    box = grid.bounding_box()
    assert box is not None
    # The box before the first row: half a row below the header.
    page.mouse.move(box["x"] + 18, box["y"] + 52, steps=5)
    page.wait_for_timeout(300)
    press(page)
    expect(chips(page, "Lane")).to_contain_text("Memphis hub → Dal", timeout=PATIENCE)
    settle(page)
    assert query(page)["lane"] == ["Memphis hub → Dallas hub"]
    line = page.get_by_test_id("stCaptionContainer").filter(has_text="snapshot").first
    expect(line).to_contain_text("12 shipments")


def on_screen(picture: Locator, view: pdk.ViewState, *, latitude: float, longitude: float) -> tuple[float, float]:
    """At which pixel of the page does a map show a point? Web Mercator, 512 pixels around the world at zoom 0."""

    def up(degrees: float) -> float:
        return math.log(math.tan(math.pi / 4 + math.radians(degrees) / 2)) / (2 * math.pi)

    box = picture.bounding_box()
    assert box is not None
    world = 512 * 2**view.zoom
    x = box["x"] + box["width"] / 2 + (longitude - view.longitude) / 360 * world
    y = box["y"] + box["height"] / 2 - (up(latitude) - up(view.latitude)) * world
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]
    return x, y


def test_a_click_on_the_map_filters_by_its_lane(serve: Serve, visit: Visit, small_portfolio: Path) -> None:
    link = "hotspots-level=Counts+in+the+period&hotspots-measure=Value+moved&from=Jan+2024"
    page = visit(f"{serve(small_portfolio)}/hotspots?{link}")
    drawn(page, LIGHT)
    picture = page.get_by_test_id(MAP).first.locator("canvas").first
    picture.scroll_into_view_if_needed()
    # The page frames the outermost of the three sites; a third of the way from Memphis to Dallas no other lane is near.
    view = fit_view((32.78, -96.80, 35.15, -84.39), height=380)
    (path,) = lane_paths(35.15, -90.05, 32.78, -96.80)
    longitude, latitude = path[len(path) // 3]
    x, y = on_screen(picture, view, latitude=latitude, longitude=longitude)
    # As a hand does: it comes near, rests until the map says what it is, presses and lets go.
    for _ in range(20):
        page.mouse.move(x - 12, y - 12)
        page.mouse.move(x, y, steps=4)
        page.wait_for_timeout(500)
        if page.locator(".deck-tooltip").filter(has_text="Memphis hub → Dallas hub").is_visible():
            break
    expect(page.locator(".deck-tooltip")).to_contain_text("Memphis hub → Dallas hub")
    press(page)
    expect(chips(page, "Lane")).to_contain_text("Memphis hub → Dal", timeout=PATIENCE)
    settle(page)
    assert query(page)["lane"] == ["Memphis hub → Dallas hub"]
    line = page.get_by_test_id("stCaptionContainer").filter(has_text="snapshot").first
    expect(line).to_contain_text("12 shipments")


def test_what_is_shown_can_be_saved_as_csv_and_excel(
    serve: Serve, visit: Visit, small_portfolio: Path, tmp_path: Path
) -> None:
    page = visit(f"{serve(small_portfolio)}/data")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV: Rows").click()
    waiting.value.save_as(tmp_path / "rows.csv")
    assert waiting.value.suggested_filename.startswith("lanewise-reconciliation-rows-")
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()))
    claims = next(row for row in rows if row["Table"] == "claim")
    assert (claims["Read"], claims["Loaded"], claims["Quarantined"]) == ("5", "4", "1")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Excel").click()
    waiting.value.save_as(tmp_path / "reconciliation.xlsx")
    workbook = openpyxl.load_workbook(tmp_path / "reconciliation.xlsx")
    assert workbook.sheetnames == ["About", "Rows", "Money"]


def test_an_older_snapshot_opens_from_the_list(serve: Serve, visit: Visit, real_portfolio: Path) -> None:
    page = visit(f"{serve(real_portfolio)}/data")
    page.get_by_role("tab", name="Snapshots").click()
    settle(page)
    page.locator("[class*='st-key-data-open-'] button:enabled").first.click()
    expect(page.get_by_text("This is an older snapshot")).to_be_visible(timeout=PATIENCE)
    assert query(page)["snapshot"][0] < (real_portfolio / "current").read_text(encoding="utf-8").strip()


def test_the_welcome_stands_alone(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    page = visit(serve(tmp_path / "nothing"))
    expect(page.locator("h1")).to_have_text("Welcome to Lanewise")
    expect(page.get_by_text("python -m data load path/to/the/folder")).to_be_visible()
