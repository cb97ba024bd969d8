"""What every test may ask for: a tool of the system, a real file, and the rule on skipping."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Speed is measured by the bench, as a ratio, never by a deadline on a shared machine.
settings.register_profile("lanewise", deadline=None)
settings.load_profile("lanewise")

ROOT = Path(__file__).resolve().parents[1]
REAL_FILES = ROOT.parent / "shared" / "real"
REAL_FILES_ABSENT = "real files absent"

# A tool, the commands it goes by, and the Debian package that brings it.
TOOLS: dict[str, tuple[tuple[str, ...], str]] = {
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "soffice": (("soffice", "libreoffice"), "libreoffice-calc"),
    "pdftotext": (("pdftotext",), "poppler-utils"),
    "pdftoppm": (("pdftoppm",), "poppler-utils"),
}


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}


def find_tool(name: str) -> Path:
    """Path of a tool of the system. Without it the test skips on a person's machine and fails under CI."""
    commands, package = TOOLS[name]
    for command in commands:
        if found := shutil.which(command):
            return Path(found)
    reason = f"{name} is not installed: apt-get install {package}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def find_real_files(name: str) -> Path:
    """Folder `name` of the real files beside the project; the test skips where a machine has none."""
    folder = REAL_FILES / name
    if not folder.is_dir():
        pytest.skip(f"{REAL_FILES_ABSENT}: no folder ../shared/real/{name} beside the project")
    return folder


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], Path]:
    """`require_tool("chromium")` is the tool's path."""
    return find_tool


@pytest.fixture(scope="session")
def real_files() -> Callable[[str], Path]:
    """`real_files("scms")` is the folder of those files."""
    return find_real_files


def refuse_skip(reason: str) -> str | None:
    """Why a skip does not count as passing under CI; None where it may stand."""
    if not in_ci() or REAL_FILES_ABSENT in reason:
        return None
    return f"skipped under CI, where only absent real files may be a reason: {reason}"


def reason_of(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and (refusal := refuse_skip(reason_of(report.longrepr))):
        report.outcome = "failed"
        report.longrepr = refusal
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    if report.skipped and (refusal := refuse_skip(reason_of(report.longrepr))):
        report.outcome = "failed"
        report.longrepr = refusal
    return report
