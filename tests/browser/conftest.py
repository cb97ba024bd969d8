"""A real Chromium on a freshly started app. What does not go to this machine is refused, and fails the test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

from tests.conftest import find_real_files, find_tool
from tests.small_portfolio import load, write_feed

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {"localhost", "127.0.0.1"}
# WebGL without a graphics card, so that maps are drawn.
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE = 30_000

Serve = Callable[[Path], str]
Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.path)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def small_portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small feed, loaded from the command line."""
    folder = tmp_path_factory.mktemp("small")
    load(write_feed(folder / "feed"), portfolio=folder / "portfolio")
    return folder / "portfolio"


@pytest.fixture(scope="session")
def real_portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shipments, claims, incidents and positions that nobody made up, in one portfolio."""
    folder = tmp_path_factory.mktemp("real")
    for name in ("piracy", "bus", "tsa-2015", "scms"):
        load(ROOT / "tests" / "feeds" / f"{name}.toml", portfolio=folder, files=find_real_files(name))
    return folder


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(portfolio)` starts a server that nobody has visited yet, and gives its address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(portfolio: Path) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "LANEWISE_PORTFOLIO": str(portfolio)}
        environment.pop("LANEWISE_INSUREDS", None)
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            "--server.headless=true",
            f"--server.port={port}",
        ]
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(server)
        address = f"http://localhost:{port}"
        for _ in range(300):
            assert server.poll() is None, "the server ended before it answered"
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                    return address
            except OSError:
                time.sleep(0.2)
        pytest.fail("the server did not answer within a minute")

    yield start
    for server in started:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium of the system, without a window."""
    executable = find_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """`visit(address, theme="light")` opens a page in a browser that was never here, and waits until it is drawn."""
    refused: list[str] = []
    contexts = []

    def guard(route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname in LOCAL:
            route.continue_()
        else:
            refused.append(request.url)
            route.abort()

    def opened(address: str, *, theme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme=theme, accept_downloads=True
        )  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.route("**/*", guard)
        page = context.new_page()
        page.on(
            "websocket",
            lambda socket: refused.append(socket.url) if urlsplit(socket.url).hostname not in LOCAL else None,
        )
        page.goto(address)
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not refused, f"asked for something outside this machine: {refused}"


def press(page: Page) -> None:
    """Click where the mouse is as a hand does: a click without any length is lost on a busy machine."""
    page.mouse.down()
    page.wait_for_timeout(80)
    page.mouse.up()


def settle(page: Page) -> None:
    """Wait until the script has run and nothing is loading."""
    expect(page.get_by_test_id("stApp")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("h1").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE)
