"""The app in this process, on a small portfolio or on none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.models import fit
from data.sample import write_sample
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


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic sample, written once, with its fits."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, seed=11, fit=fit)
    return folder


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
        if not page:
            return app.run()
        guessed = app.switch_page(page)._page_hash
        app.run()
        # Before its first run the app is taken to name a page as its file: one of another address is found only now.
        if app.switch_page(page)._page_hash != guessed:
            for name, value in query.items():
                app.query_params[name.rstrip("_")] = value
            app.run()
        return app

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


def pictures(app: AppTest) -> list[tuple[str, str]]:
    """Charts, maps, tables and images of the page: which kind, and the words for who cannot see it."""
    kinds = ("plotly_chart", "deck_gl_json_chart", "arrow_vega_lite_chart", "imgs")
    drawn = [(kind, element) for kind in kinds for element in app.get(kind)]
    drawn += [("table", element) for element in (*app.dataframe, *app.table)]
    return [(kind, str(getattr(element.proto, "alt", ""))) for kind, element in drawn]


def said(app: AppTest, *, sidebar: bool = True) -> str:
    """Every text that was sent to the browser: words, charts, maps and the cells of tables."""
    roots = [app.main, app.sidebar] if sidebar else [app.main]
    sent = [
        node.proto.SerializeToString() for root in roots for node in root if getattr(node, "proto", None) is not None
    ]
    text = b"\n".join(sent).decode("utf-8", errors="replace")
    # Specifications of charts may write a letter by its number.
    unescaped = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    tables = "\n".join(element.value.to_csv() for element in app.dataframe)
    return "\n".join([unescaped, texts(app).replace("\\", ""), tables])
