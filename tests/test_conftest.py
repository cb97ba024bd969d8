"""A missing tool skips on a person's machine and fails under CI; absent real files skip anywhere."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SUITE = """
    import pytest
    from tests.conftest import find_real_files, find_tool
    import tests.conftest as conftest

    def test_tool(monkeypatch):
        monkeypatch.setitem(conftest.TOOLS, "nothing", (("no-such-command",), "no-such-package"))
        find_tool("nothing")

    def test_plain_skip():
        pytest.skip("no network here")

    def test_real_files():
        find_real_files("no-such-folder")

    def test_known_failure():
        pytest.xfail("known")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest("from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport")
    pytester.makepyfile(SUITE)
    return pytester


def test_a_missing_tool_skips_on_a_persons_machine(suite, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest("-rs")
    result.assert_outcomes(skipped=3, xfailed=1)
    result.stdout.fnmatch_lines(["*nothing is not installed: apt-get install no-such-package*"])


def test_under_ci_only_absent_real_files_may_skip(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest("-rs")
    result.assert_outcomes(failed=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*real files absent: no folder ../shared/real/no-such-folder*"])


def test_under_ci_a_module_may_not_skip_itself(pytester, monkeypatch):
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest("from tests.conftest import pytest_make_collect_report")
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_package')\ndef test_nothing(): assert True")
    pytester.runpytest().assert_outcomes(errors=1)


def test_a_tool_that_is_there_is_found(require_tool):
    assert require_tool("chromium").is_absolute()
