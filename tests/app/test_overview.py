"""The default page: eight numbers, their drivers and what needs a decision, whatever the portfolio holds."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest

from analysis.decisions import Decision
from analysis.filters import Filters
from analysis.service_measures import SERVICE_MEASURES
from pages.shared.claim_tables import CLAIM_KINDS
from pages.shared.decision_links import decision_link
from tests.app.conftest import Open, texts
from tests.portfolios import FILES, load_files

#: Two years of premium; twelve shipments a year, a loss in each; one account alone has a large one that is open.
MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
BOOK = {
    "insured.csv": "insured_id,name\nI1,Acme Freight\nI2,Bolt Parcels\n",
    "policy.csv": (
        "policy_id,insured_id,inception_date,expiry_date,status,currency,written_premium,limit_amount\n"
        "P1,I1,2024-01-01,2025-01-01,bound,USD,36600,1000\nP2,I1,2025-01-01,2026-01-01,bound,USD,40150,1000\n"
        "P3,I2,2024-01-01,2025-01-01,bound,USD,36600,9000\nP4,I2,2025-01-01,2027-01-01,bound,USD,73000,9000\n"
    ),
    "site.csv": FILES["site.csv"],
    "lane.csv": FILES["lane.csv"],
    "shipment.csv": "shipment_id,insured_id,lane_id,commodity,declared_value,departed_at,delivered_at\n"
    + "".join(f"H{m},I1,L1,food,1500,{m}-10 08:00:00,{m}-10 20:00:00\n" for m in MONTHS)
    + "".join(f"G{m},I2,L2,food,800,{m}-11 08:00:00,{m}-11 20:00:00\n" for m in MONTHS),
    "claim.csv": "claim_id,insured_id,shipment_id,loss_date,reported_at,closed_at,status,paid_amount,reserve_amount\n"
    + "".join(f"C{m},I1,H{m},{m}-10,{m}-12 08:00:00,{m}-20 08:00:00,closed,900,0\n" for m in MONTHS)
    + "C9,I2,G2025-06,2025-06-11,2025-06-12 08:00:00,,open,0,250000\n",
    "recommendation.csv": (
        "insured_id,site_id,class,text,due_on,closed_on\nI1,S1,critical,Lock the yard,2025-10-01,\n"
        "I2,S2,critical,Weigh pallets,2025-10-01,2025-11-01\n"
    ),
}
TOP = 'currency = "USD"\ntimezone = "UTC"\nas_of = "2025-12-31"\n'


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("overview")
    load_files(folder, files=BOOK, top=TOP)
    return folder / "portfolio"


def html_of(app: object) -> str:
    return "\n".join(str(element.proto.body) for element in app.get("html"))  # type: ignore[attr-defined]


def test_it_opens_first_and_says_what_changed(open_app: Open, book: Path) -> None:
    app = open_app("", portfolio=book)
    assert not app.exception
    assert [title.value for title in app.title] == ["Overview"]
    cards = html_of(app)
    # 40,150 and half of 73,000 against 73,200 the year before.
    assert "USD 76.6k" in cards
    assert "4.7% more than a year before" in cards
    assert "Open large losses" in cards
    assert "misses 80%" in cards
    assert "Peak accumulation" in cards


def test_what_is_lacking_says_what_to_load(open_app: Open, book: Path) -> None:
    app = open_app("", portfolio=book)
    assert "Not in the data: load incident" in html_of(app)


def test_decisions_link_to_the_page_that_shows_them(open_app: Open, book: Path) -> None:
    words = texts(open_app("", portfolio=book)).replace("\\", "")
    assert (
        "[Chase Acme Freight: critical recommendation open](/hotspots?insured=I1&hotspots-level=Verdicts+by+site"
        in words
    )
    assert "Chase Bolt" not in words
    # The other account is insured for another year.
    assert "[Renew or release Acme Freight](/claims?insured=I1&claims-subject=Insureds)" in words
    assert "Renew or release Bolt" not in words
    assert "150% of the limit on one conveyance" in words


def test_one_insured_and_a_scope_see_their_own_alone(
    open_app: Open, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = open_app("", portfolio=book, insured="I2")
    assert "USD 36.5k" in html_of(chosen)
    monkeypatch.setenv("LANEWISE_INSUREDS", "I2")
    scoped = open_app("", portfolio=book)
    assert not scoped.exception
    assert "USD 36.5k" in html_of(scoped)
    assert "Acme" not in html_of(scoped) + texts(scoped)
    assert "quarantine" not in texts(scoped)


@pytest.mark.parametrize(
    "files",
    [
        ("insured.csv", "site.csv", "claim.csv"),
        ("site.csv",),
        ("insured.csv", "site.csv", "lane.csv", "shipment.csv"),
    ],
)
def test_a_portfolio_that_lacks_tables_still_has_its_overview(
    open_app: Open, tmp_path: Path, files: tuple[str, ...]
) -> None:
    load_files(tmp_path, files={name: FILES[name] for name in files})
    app = open_app("", portfolio=tmp_path / "portfolio")
    assert not app.exception
    assert [title.value for title in app.title] == ["Overview"]
    assert "Not in the data: load" in html_of(app)


def test_without_a_portfolio_there_is_the_welcome(open_app: Open, tmp_path: Path) -> None:
    assert "Welcome to Lanewise" in texts(open_app("", portfolio=tmp_path / "none"))


LINKED = (
    (
        Decision("open incident", "", "", 0, None, "containment", {"incident": "X000001"}),
        "../loss_control/containment.py",
    ),
    (
        Decision("telemetry fell", "", "", 1, None, "telemetry", {"measure": "completeness", "by_carrier": "C004"}),
        "../loss_control/telemetry.py",
    ),
    (Decision("dark at loss", "", "", 1, None, "telemetry", {"dark_by": "insured"}), "../loss_control/telemetry.py"),
    (Decision("accumulation", "", "", 1, None, "telemetry", {"trip": "T0000001"}), "../loss_control/telemetry.py"),
    (
        Decision("hotspot", "", "", 1, None, "hotspots", {"level": "lane", "place": "L0001"}),
        "../portfolio/hotspots.py",
    ),
)


@pytest.mark.parametrize(("one", "page"), LINKED, ids=lambda one: getattr(one, "kind", ""))
def test_a_link_sets_the_controls_of_its_page(open_app: Open, sample: Path, one: Decision, page: str) -> None:
    link = decision_link(one, filters=Filters(mode=("road",)))
    path, _, query = link.partition("?")
    asked = parse_qs(query)
    assert path == f"/{one.page}"
    assert asked.pop("mode") == ["road"]
    app = open_app(page, portfolio=sample, **asked)
    assert not app.exception
    widgets = (*app.text_input, *app.selectbox, *app.button_group, *app.multiselect)
    values = {str(widget.key): (widget.value, str(getattr(widget, "options", ""))) for widget in widgets}
    for key, (text,) in asked.items():
        value, options = values[key]
        chosen = value if isinstance(value, list) else [value]
        shown = {str(item) for item in chosen} | {CLAIM_KINDS.get(str(item), "") for item in chosen}
        shown |= {f"Verdicts by {item}" for item in chosen} | {f"By {item}" for item in chosen}
        shown |= {SERVICE_MEASURES[str(item)].label for item in chosen if str(item) in SERVICE_MEASURES}
        assert text in shown, (key, text, value, options)


def test_overdue_claims_are_linked_by_the_words_of_their_page() -> None:
    one = Decision("legal clock", "", "", 0, None, "claims", {"claims": "overdue", "subject": "Legal clocks"})
    link = decision_link(one, filters=Filters(insured=("I1", "I2")))
    assert link == ("/claims?insured=I1&insured=I2&claims-rows=Past+a+legal+deadline&claims-subject=Legal+clocks")
