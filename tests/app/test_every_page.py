"""What holds of every page that the shell registers, a new one too, whatever is chosen and whatever is loaded."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.filters import Filters, Scope
from analysis.models import fit
from data.load import load_feed
from data.portfolio import Portfolio
from tests.app.conftest import SHELL, pictures, said, texts
from tests.portfolios import FILES, write_feed

# A Python error or its words, and numbers that are none.
BROKEN = re.compile(r"Traceback|\b[A-Z]\w*Error\b|\bnan\b|\bNaN\b|\binf\b|<NA>|\bNaT\b")
#: Alike in what they lack: a portfolio of each file alone, and of all of them.
PARTS: Mapping[str, tuple[str, ...]] = {
    "everything": tuple(FILES),
    "incidents": ("incident.csv",),
    "claims": ("claim.csv",),
    "shipments": ("insured.csv", "site.csv", "lane.csv", "shipment.csv"),
    "positions": ("ping.csv",),
}
PINGS = "device_id,pinged_at,latitude,longitude\n" + "".join(
    f"B1,2025-03-03 08:{minute:02}:00,53.4,-2.9\n" for minute in range(0, 60, 5)
)


def registered() -> tuple[str, ...]:
    """Paths of the pages in the table of sections, as the shell writes them."""
    for node in ast.walk(ast.parse(SHELL.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "SECTIONS" for one in node.targets):
            constants = (one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant))
            return tuple(dict.fromkeys(one for one in constants if isinstance(one, str) and one.endswith(".py")))
    return ()


PAGES = registered()


@dataclass(frozen=True)
class Case:
    """What a person opens the app with."""

    portfolio: str
    query: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""


CASES: Mapping[str, Case] = {
    "all of the sample": Case("sample"),
    "one insured": Case("sample", {"insured": "I004", "account-peers": "true"}),
    "one insured, counted": Case("sample", {"insured": "I004", "hotspots-level": "Counts in the period"}),
    "one insured, development": Case("sample", {"insured": "I004", "claims-subject": "Development"}),
    "one insured, late reports": Case(
        "sample", {"insured": "I004", "claims-subject": "Late reports", "claims-late-unit": "Insureds"}
    ),
    "one insured, nothing left": Case("sample", {"insured": "I014", "commodity": "NOTHING OF I014"}),
    "a scoped person": Case("sample", scope="I002"),
    "a scoped person, counted": Case("sample", {"hotspots-level": "Counts in the period"}, scope="I002"),
    "a scoped person, insureds": Case("sample", {"claims-subject": "Insureds", "containment-by": "By insured"}, "I002"),
    "a scoped person of two": Case("sample", scope="I002,I006"),
    "nobody of that name": Case("sample", scope="I999"),
    **{name: Case(name) for name in PARTS},
    "a scoped person of little": Case("everything", scope="I1"),
}


@pytest.fixture(scope="module")
def portfolios(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a portfolio by name; each is loaded when it is first asked for."""
    made: dict[str, Path] = {"sample": sample}

    def found(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            files = {file: (FILES | {"ping.csv": PINGS})[file] for file in PARTS[name]}
            load_feed(write_feed(folder / "feed", files=files), portfolio=folder / "portfolio", fit=fit)
            made[name] = folder / "portfolio"
        return made[name]

    return found


def unused(portfolio: Path, *, insured: str) -> str:
    """A commodity that this insured never ships."""
    rows = (
        Portfolio(portfolio)
        .view(Scope(), Filters())
        .rows(
            "select commodity from shipment_fact where commodity is not null group by commodity"
            " having count(*) filter (where insured_id = $insured) = 0 order by commodity",
            {"insured": insured},
        )
    )
    return str(rows[0][0])


def asked(app: AppTest, query: Mapping[str, str], folder: Path) -> AppTest:
    """The app with this in its address."""
    for key, value in query.items():
        app.query_params[key] = unused(folder, insured="I014") if value.startswith("NOTHING") else value
    return app


@pytest.fixture(scope="module")
def opened(portfolios: Callable[[str], Path]) -> Iterator[Callable[[str, str], AppTest]]:
    """`opened(case, page)`: the app at that page; one session a case, which walks from page to page."""
    sessions: dict[str, AppTest] = {}
    patch = pytest.MonkeyPatch()

    def session(name: str, page: str) -> AppTest:
        case = CASES[name]
        folder = portfolios(case.portfolio)
        patch.setenv("LANEWISE_PORTFOLIO", str(folder))
        patch.delenv("LANEWISE_INSUREDS", raising=False)
        if case.scope:
            patch.setenv("LANEWISE_INSUREDS", case.scope)
        if name not in sessions:
            sessions[name] = AppTest.from_file(SHELL, default_timeout=120)
            asked(sessions[name], case.query, folder).run()
        # What only another page asks for leaves the address: it is asked for again.
        return asked(sessions[name].switch_page(page), case.query, folder).run()

    yield session
    patch.undo()


@pytest.fixture(autouse=True)
def _no_caches() -> None:
    """Caches are kept from page to page: the folder, the scope and the filters are in every key."""


@pytest.fixture(scope="module", autouse=True)
def _no_caches_after() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()
    os.environ.pop("LANEWISE_INSUREDS", None)


def test_the_table_of_sections_is_read() -> None:
    assert {"../portfolio/hotspots.py", "../admin/glossary.py"} <= set(PAGES)
    assert all((SHELL.parent / page).is_file() for page in PAGES)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", CASES)
def test_a_page_opens_whatever_is_chosen_and_loaded(
    opened: Callable[[str, str], AppTest], name: str, page: str
) -> None:
    app = opened(name, page)
    assert not app.exception
    assert [one.value for one in app.error] == []
    assert app.title, "a page says its name"
    assert BROKEN.findall(texts(app)) == []
    shown = [str(metric.value) for metric in app.metric]
    assert [value for value in shown if BROKEN.search(value)] == []
    assert [kind for kind, alt in pictures(app) if not alt] == []


#: Names of the sample's insureds by id; a person of I002 alone may read that one.
@pytest.fixture(scope="module")
def others(sample: Path) -> Mapping[str, str]:
    rows = Portfolio(sample).view(Scope(), Filters()).rows("select insured_id, name from insured order by insured_id")
    return dict(rows)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("name", "own", "sidebar"),
    [
        ("a scoped person", {"I002"}, True),
        ("a scoped person, counted", {"I002"}, True),
        ("a scoped person, insureds", {"I002"}, True),
        ("a scoped person of two", {"I002", "I006"}, True),
        # An underwriter picks the account by name from all; the page itself may be shown to it.
        ("one insured", {"I004"}, False),
        ("one insured, counted", {"I004"}, False),
        ("one insured, development", {"I004"}, False),
        ("one insured, late reports", {"I004"}, False),
    ],
)
def test_no_page_names_another_insured(
    opened: Callable[[str, str], AppTest], others: Mapping[str, str], page: str, name: str, own: set[str], sidebar: bool
) -> None:
    app = opened(name, page)
    if page == "../admin/data.py" and name.startswith("one insured"):
        # What was loaded, for an unscoped person: no view of an account.
        return
    words = said(app, sidebar=sidebar)
    hidden = {key: label for key, label in others.items() if key not in own}
    assert len(hidden) >= 13
    assert [label for label in hidden.values() if label in words] == []
    assert re.findall(rf"\b(?:{'|'.join(hidden)})\b", words) == []


def test_what_a_page_says_is_read_with_its_tables(
    opened: Callable[[str, str], AppTest], others: Mapping[str, str]
) -> None:
    """The search that finds no name of another does find names where they stand."""
    app = opened("all of the sample", "../loss_control/telemetry.py")
    assert {kind for kind, _ in pictures(app)} == {"plotly_chart", "deck_gl_json_chart", "table"}
    words = said(app, sidebar=True)
    assert "Rheinbrück Pharma" in words
    assert len([label for label in others.values() if label in words]) >= 10
