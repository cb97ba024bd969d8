"""The Glossary: every measure and word, and the search over them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from analysis.measures import MEASURES
from analysis.service_measures import SERVICE_MEASURES
from analysis.words import WORDS
from tests.conftest import ROOT
from tests.portfolios import load_files

SHELL = str(ROOT / "pages" / "shared" / "shell.py")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("glossary")
    load_files(folder)
    return folder


@pytest.fixture
def glossary(root, monkeypatch):
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(root / "portfolio"))
    at = AppTest.from_file(SHELL, default_timeout=60).run()
    return at.switch_page("../admin/glossary.py").run()


def names(at):
    return [element.value.strip("*") for element in at.markdown if element.value.startswith("**")]


def test_every_measure_and_every_word_is_there(glossary):
    assert not glossary.exception
    shown = names(glossary)
    assert {measure.label for measure in MEASURES.values()} <= set(shown)
    assert {measure.label for measure in SERVICE_MEASURES.values()} <= set(shown)
    assert {word.name for word in WORDS} <= {name.replace("\\", "") for name in shown}


def test_search_finds_by_name_and_by_meaning(glossary):
    glossary.text_input(key="glossary-search").set_value("incurred").run()
    assert {"Incurred", "Incurred amount"} <= set(names(glossary))
    assert "Positions" not in names(glossary)


def test_a_search_without_a_result_says_so(glossary):
    glossary.text_input(key="glossary-search").set_value("zebra *crossing*").run()
    assert not glossary.exception
    assert names(glossary) == []
    assert any("Nothing here matches" in element.value for element in glossary.markdown)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_every_word_has_a_sentence(word):
    assert word.meaning.endswith(".")


def test_words_are_told_once():
    assert len({word.name for word in WORDS}) == len(WORDS)
