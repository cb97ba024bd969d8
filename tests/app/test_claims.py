"""The Claims page, run through the shell: on literal claims, on the public file, on none, and as one insured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.models import fit
from data.load import load_feed
from tests.analysis.claim_books import claim, load_claims
from tests.analysis.test_claims import lines
from tests.app.conftest import Open, texts
from tests.conftest import REAL_FILES, find_real_files
from tests.portfolios import load_files

PAGE = "../claims/performance.py"
ALL = {"from": "Jan 2025", "to": "Dec 2025"}
SUBJECTS = (
    "Trends", "Insureds", "Development", "Late reports", "Fraud flags", "Legal clocks", "Refunds", "All measures",
)  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven accounts of four claims each, with premium and valuations; one more that is disputed and closed fast."""
    folder = tmp_path_factory.mktemp("book")
    claims, policies, moves = lines()
    claims.append(claim("X", insured_id="I1", policy_id="P1", loss_date="2025-03-01", reported_at="2025-03-02",
                        decided_at="2025-03-12", closed_at="2025-03-14", status="closed", paid_amount=40,
                        evidence="automated", disputed="true"))  # fmt: skip
    load_claims(folder, claims, policies=policies, moves=moves)
    return folder / "portfolio"


def cards(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    return texts(app).replace("\\", "")


def table(app: AppTest, column: str) -> pd.DataFrame:
    return next(frame for frame in (element.value for element in app.dataframe) if column in frame)


def test_the_first_screen_answers_the_question(open_app: Open, book: Path) -> None:
    app = open_app(PAGE, portfolio=book, **ALL)
    assert not app.exception
    assert "Are claims settled fast, fairly and at what cost, and what will they cost in the end?" in words(app)
    assert "losses will come to" in words(app)
    shown = cards(app)
    assert shown["Automated evidence"] == "100%"
    assert shown["Disputed"] == "100%"
    assert shown["Legal clocks breached"] == "not known"
    assert all(element.proto.alt for element in app.get("plotly_chart"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_opens(open_app: Open, book: Path, subject: str) -> None:
    app = open_app(PAGE, portfolio=book, **ALL, **{"claims-subject": subject})
    assert not app.exception
    assert not app.error


def test_the_card_is_the_ratio_of_the_table(open_app: Open, book: Path) -> None:
    app = open_app(PAGE, portfolio=book, **ALL, **{"claims-subject": "Insureds"})
    frame = table(app, "net_ratio")
    assert len(frame) == 7
    ratio = frame["ultimate"].sum() / frame["earned"].sum()
    assert cards(app)["Ultimate loss ratio"] == f"{100 * ratio:.1f}%"
    triangle = table(open_app(PAGE, portfolio=book, **ALL, **{"claims-subject": "Development"}), "age_1")
    known = triangle.drop(columns="origin").ffill(axis=1).iloc[:, -1].sum()
    assert known == frame["incurred"].sum() == 7 * 350 + 40


def test_filters_apply_and_lanes_have_no_premium(open_app: Open, book: Path) -> None:
    app = open_app(PAGE, portfolio=book, **ALL, insured="I2", **{"claims-subject": "Insureds"})
    assert table(app, "net_ratio")["key"].tolist() == ["I2"]
    assert len(table(app, "gross_base")) == 4


def test_the_claims_behind_a_share_are_those_of_its_card(open_app: Open, book: Path) -> None:
    app = open_app(PAGE, portfolio=book, **ALL, **{"claims-rows": "disputed_share"})
    assert not app.exception
    frame = table(app, "counted")
    assert frame["claim_id"].tolist() == ["X"]
    assert "100% of 1 claims count as disputed" in words(app)
    large = open_app(PAGE, portfolio=book, **ALL, **{"claims-rows": "large"})
    assert "0 large losses, with all claims of each event" in words(large)


def test_one_insured_sees_its_claims_and_no_quarter_of_the_book(
    open_app: Open, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "I3")
    app = open_app(PAGE, portfolio=book, **ALL, **{"claims-subject": "Development"})
    assert not app.exception
    assert "The book's quarters are shown to those who see the whole book" in words(app)
    assert table(app, "gross_base")["insured"].unique().tolist() == ["Insured 3"]
    # Three quarters of 350 that double, and 40 that were settled at once.
    assert table(app, "factor")["factor"].tolist()[0] == pytest.approx((3 * 700 + 40) / (3 * 350 + 40))


def test_without_claims_it_says_what_to_load(open_app: Open, small_portfolio: Path, tmp_path: Path) -> None:
    incident = "incident_id,source,occurred_from\nX,own,2025-01-01\n"
    files = {"insured.csv": "insured_id,name\nI1,Acme\n", "incident.csv": incident}
    load_files(tmp_path, files=files)
    app = open_app(PAGE, portfolio=tmp_path / "portfolio")
    assert not app.exception
    assert "This portfolio has no table *claim*" in texts(app)
    few = open_app(PAGE, portfolio=small_portfolio)
    assert not few.exception


@pytest.fixture(scope="module")
def airports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    find_real_files("tsa-2015")
    folder = tmp_path_factory.mktemp("tsa") / "portfolio"
    feed = Path(__file__).parents[1] / "feeds" / "tsa-2015.toml"
    load_feed(feed, files=REAL_FILES / "tsa-2015", portfolio=folder, fit=fit)
    return folder


def test_the_public_claims_come_out_exactly(open_app: Open, airports: Path) -> None:
    app = open_app(PAGE, portfolio=airports, from_="Nov 2012", to="Dec 2015")
    assert not app.exception
    ends = table(app, "paid_known")
    shown = {row.status: (int(row.claims), int(row.paid_known)) for row in ends.itertuples()}
    # Losses dated before November 2012 are out: the whole file is in tests/data/test_real_feeds.py.
    assert shown["Deny"][0] > 3_500
    assert "load the table policy" in words(app)
    assert cards(app)["Ultimate loss ratio"] == "not known"
