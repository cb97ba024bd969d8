"""The app in this process, on a small portfolio or on none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.small_portfolio import load, write_feed

SHELL = Path(__file__).resolve().parents[2] / "pages" / "shared" / "shell.py"

HOTSPOTS = "../portfolio/hotspots.py"

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def small_portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portfolio with one feed, loaded once."""
    folder = tmp_path_factory.mktemp("small")
    load(write_feed(folder / "feed"), portfolio=folder / "portfolio")
    return folder / "portfolio"


@pytest.fixture(autouse=True)
def _no_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("LANEWISE_INSUREDS", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch, small_portfolio: Path) -> Open:
    """`open_app(page, portfolio=..., **query)` opens the app at a link and gives it back after its first run.

    The page is a path from the shell; empty: what the app opens with.
    """

    def opened(
        page: str = HOTSPOTS, *, portfolio: Path | None = None, theme: str = "light", **query: str | list[str]
    ) -> AppTest:
        monkeypatch.setenv("LANEWISE_PORTFOLIO", str(portfolio or small_portfolio))
        app = AppTest.from_file(SHELL, default_timeout=60)
        app.context = {"theme": theme}
        for name, value in query.items():
            app.query_params[name.rstrip("_")] = value
        if page:
            app.switch_page(page)
        return app.run()

    return opened


def texts(app: AppTest) -> str:
    """All words on the page, in order."""
    lists = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.warning,
        app.info,
        app.success,
    )
    return "\n".join(str(element.value) for elements in lists for element in elements)
