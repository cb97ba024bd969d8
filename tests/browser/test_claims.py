"""The Claims page in a browser: a link opens its subject, and another subject changes the link."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.analysis.claim_books import load_claims
from tests.analysis.test_claims import lines
from tests.browser.conftest import PATIENCE, Serve, Visit, settle


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven accounts with premium, claims and their earlier valuations."""
    folder = tmp_path_factory.mktemp("claims")
    claims, policies, moves = lines()
    load_claims(folder, claims, policies=policies, moves=moves)
    return folder / "portfolio"


def test_a_link_opens_a_subject_and_a_click_another(serve: Serve, visit: Visit, book: Path) -> None:
    page = visit(f"{serve(book)}/claims?from=Jan+2025&to=Dec+2025&claims-subject=Development")
    expect(page.get_by_text("is still to come of the whole book")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("radio", name="Insureds").click()
    expect(page.get_by_text("differs from all others by more than chance")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert parse_qs(urlsplit(page.url).query)["claims-subject"] == ["Insureds"]
