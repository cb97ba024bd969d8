"""The account view, run through the shell: one insured of the sample against its unnamed peers."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analysis.filters import Filters, Scope
from analysis.peers import VERDICT_WORDS, AccountPeers, account_peers
from data.portfolio import Portfolio
from tests.app.conftest import Open, texts

TELEMETRY = "../loss_control/telemetry.py"
CONTAINMENT = "../loss_control/containment.py"
CLAIMS = "../claims/performance.py"
OVERVIEW = "../portfolio/overview.py"


def words(app: AppTest) -> str:
    return texts(app).replace("\\", "")


def notes(app: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in app.get("html"))


@pytest.fixture(scope="module")
def tallis(sample: Path) -> AccountPeers:
    """I004, of whose fleet the devices fell silent."""
    view = Portfolio(sample).view(Scope(), Filters(insured=("I004",)))
    return account_peers(view, insured="I004")


def test_the_header_says_who_the_account_is_and_whom_it_is_compared_with(
    open_app: Open, sample: Path, tallis: AccountPeers
) -> None:
    app = open_app(TELEMETRY, portfolio=sample, insured="I004")
    assert not app.exception
    assert tallis.group is not None
    assert (tallis.group.kind, tallis.group.name) == ("segment", "shipper, US")
    header = next(line for line in words(app).splitlines() if "Account view" in line)
    assert header.split("**Account view: ")[1].startswith(
        "Tallis Home** · segment shipper, US · role shipper · broker Meyer Lindqvist · 1 policy in force · against **"
    )
    assert f"against **{tallis.group.insureds - 1} peers** of its segment" in header
    assert "May 2025 – Apr 2026: " in words(app)
    assert "measures differ from peers beyond chance" in words(app)
    assert "Worse: " in words(app)


def test_cards_and_the_funnel_show_the_peers_median(open_app: Open, sample: Path, tallis: AccountPeers) -> None:
    app = open_app(TELEMETRY, portfolio=sample, insured="I004")
    uptime = tallis.standings["uptime"]
    assert uptime.peers is not None
    assert uptime.verdict == "worse"
    median = uptime.words(uptime.peers.median)
    assert f"peers {median} (median of {uptime.peers.insureds}" in notes(app)
    assert f"▼ account {uptime.words(uptime.value)}: worse, beyond chance" in notes(app)
    assert "diamond: peers" in notes(app)
    charts = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    lines = [note["text"] for chart in charts for note in chart["layout"].get("annotations", [])]
    assert f"peers' median {median}" in lines
    assert any(f"Peers' median {median}, May 2025 – Apr 2026" in one.proto.alt for one in app.get("plotly_chart"))


def test_another_definition_of_a_blackout_has_no_peers(open_app: Open, sample: Path) -> None:
    app = open_app(
        TELEMETRY, portfolio=sample, insured="I004", **{"telemetry-definition": "Stricter: every missed report"}
    )
    assert not app.exception
    # Completeness, coverage, protected share, seals and weights do not hang on it.
    assert notes(app).count("(median of") == 5


def test_all_measures_are_a_table_that_names_nobody(open_app: Open, sample: Path, tallis: AccountPeers) -> None:
    app = open_app(TELEMETRY, portfolio=sample, insured="I004")
    app.toggle(key="account-peers").set_value(True).run()
    assert not app.exception
    rows = next(frame for frame in (one.value for one in app.dataframe) if "median_before" in frame)
    assert len(rows) == len(tallis.standings)
    uptime = rows.set_index("label").loc["Uptime"]
    assert uptime["verdict"] == "▼ worse, beyond chance"
    assert uptime["group"] == "segment shipper, US"
    assert "shares differ from peers' by more than chance" in words(app)


def test_hotspots_show_rates_of_peers_and_compare_no_insured_by_name(open_app: Open, sample: Path) -> None:
    app = open_app(portfolio=sample, insured="I004")
    assert not app.exception
    assert "per 1,000 trips (median of" in notes(app)
    counted = open_app(portfolio=sample, insured="I004", **{"hotspots-level": "Counts in the period"})
    assert "per 1,000 trips (median of" in notes(counted)
    assert not [one for one in counted.get("plotly_chart") if "by insured" in one.proto.alt]
    several = open_app(portfolio=sample, insured=["I004", "I002"], **{"hotspots-level": "Counts in the period"})
    assert "Account view" not in words(several)
    assert [one for one in several.get("plotly_chart") if "by insured" in one.proto.alt]


def test_a_filter_changes_the_cards_and_not_the_comparison(open_app: Open, sample: Path, tallis: AccountPeers) -> None:
    app = open_app(TELEMETRY, portfolio=sample, insured="I004", **{"from": "Jul 2024", "to": "Dec 2024"})
    uptime = tallis.standings["uptime"]
    assert f"account {uptime.words(uptime.value)}: worse, beyond chance" in notes(app)
    assert next(one.value for one in app.metric if one.label == "Uptime") != uptime.words(uptime.value)


def test_who_may_see_one_insured_only_is_in_its_account_view(
    open_app: Open, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_INSUREDS", "I004")
    app = open_app(TELEMETRY, portfolio=sample)
    assert "Account view: Tallis Home" in words(app)
    # A link that asks for another insured shows nothing of it.
    other = open_app(TELEMETRY, portfolio=sample, insured="I002")
    assert "Account view: Tallis Home" in words(other)
    assert "Corvane" not in words(other)
    monkeypatch.setenv("LANEWISE_INSUREDS", "I004,I002")
    assert "Account view" not in words(open_app(TELEMETRY, portfolio=sample))


@pytest.mark.parametrize(
    ("page", "measures"),
    [
        (CONTAINMENT, ("time_to_contain", "contained_within_60", "evidence_within_72", "insurer_notified_in_time")),
        (
            CLAIMS,
            ("ultimate_loss_ratio", "claim_frequency", "decided_promptly", "automated_share", "disputed_share",
             "theft_recovery"),
        ),
        (
            OVERVIEW,
            ("ultimate_loss_ratio", "theft_loss_ratio", "claim_frequency", "protected_share", "time_to_contain"),
        ),
    ],
)  # fmt: skip
def test_cards_of_other_pages_say_what_peers_have(
    open_app: Open, sample: Path, tallis: AccountPeers, page: str, measures: tuple[str, ...]
) -> None:
    app = open_app(page, portfolio=sample, insured="I004")
    assert not app.exception
    assert "Account view: Tallis Home" in words(app)
    told = html.unescape(notes(app))
    for key in measures:
        standing = tallis.standings[key]
        assert standing.peers is not None, key
        median = standing.words(standing.peers.median)
        assert f"median {median}: {VERDICT_WORDS[standing.verdict]}" in told, key
        assert f"account {standing.words(standing.value)}: {VERDICT_WORDS[standing.verdict]}" in told, key
    assert told.count(" median ") == len(measures)


def test_nothing_is_set_beside_peers_where_no_one_account_is_chosen(open_app: Open, sample: Path) -> None:
    for page in (CONTAINMENT, CLAIMS, OVERVIEW):
        app = open_app(page, portfolio=sample)
        assert "Account view" not in words(app)
        assert "peers' median" not in notes(app)


def test_thefts_alone_have_no_peers(open_app: Open, sample: Path) -> None:
    app = open_app(CONTAINMENT, portfolio=sample, insured="I004", **{"containment-among": "Thefts"})
    assert not app.exception
    assert "peers' median" not in notes(app)


def offered(app: AppTest) -> set[str]:
    """What the choices of the page say."""
    return {str(option.content) for one in app.get("button_group") for option in one.proto.options}


@pytest.mark.parametrize(
    ("page", "query", "choice"),
    [
        (CONTAINMENT, {}, "By insured"),
        (CLAIMS, {}, "Insureds"),
        (CLAIMS, {"claims-subject": "Late reports"}, "Insureds"),
        (OVERVIEW, {}, "Insureds"),
    ],
)
def test_accounts_are_not_set_against_each_other_by_name(
    open_app: Open, sample: Path, page: str, query: dict[str, str], choice: str
) -> None:
    assert choice in offered(open_app(page, portfolio=sample, **query))
    alone = open_app(page, portfolio=sample, insured="I004", **query)
    assert not alone.exception
    assert offered(alone)
    assert choice not in offered(alone)


def test_the_book_s_quarters_are_not_shown_beside_one_account(open_app: Open, sample: Path) -> None:
    query = {"claims-subject": "Development"}
    assert "The book's quarters are not shown" not in words(open_app(CLAIMS, portfolio=sample, **query))
    alone = open_app(CLAIMS, portfolio=sample, insured="I004", **query)
    assert not alone.exception
    assert "The book's quarters are not shown beside one account" in words(alone)


def test_without_benchmarks_the_account_is_named_and_nothing_is_compared(open_app: Open) -> None:
    app = open_app(insured="A1")
    assert not app.exception
    assert "Account view: Acme Freight** · no peers to compare with" in words(app)
    assert "No measure can be compared" in words(app)
