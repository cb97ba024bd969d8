"""What every page is given, in words."""

from __future__ import annotations

from datetime import date

import pytest

from analysis.choices import find_choices
from analysis.filters import Filters, Scope
from data.portfolio import Portfolio
from pages.shared.context import Context
from tests.portfolios import load_files


@pytest.mark.parametrize(
    ("early", "words"), [("C0,2012-02-10\n", "too few before Nov 2014"), ("", "data begin Nov 2014")]
)
def test_a_few_claims_before_the_file_proper_are_too_few_and_not_none(tmp_path, early, words):
    claims = early + "".join(f"C{m}{n},2014-{m}-{n % 28 + 1:02d}\n" for m in (11, 12) for n in range(1, 41))
    load_files(tmp_path, files={"claim.csv": "claim_id,loss_date\n" + claims})
    snapshot = Portfolio(tmp_path / "portfolio").open()
    view = snapshot.view(Scope(), Filters())
    filters = Filters(first_month=date(2014, 11, 1), last_month=date(2014, 12, 1))
    here = Context(snapshot, view, view, filters, "period", Scope(), "", find_choices(view), {})
    assert here.not_comparable("claim") == words
