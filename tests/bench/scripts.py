"""How long does a page's whole script take after a change of filters, and how much of it is analysis and figures?"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

from analysis.choices import Choices
from tests.bench.rows import Row, percentiles
from tests.conftest import ROOT

SHELL = ROOT / "pages" / "shared" / "shell.py"
#: Filters that a person changes, in turn.
_DIMENSIONS = ("insured", "carrier", "commodity", "lane", "mode")
#: What a function of pages/shared gives that is a figure.
_FIGURES = {"Chart", "Chart | None"}


@dataclass(frozen=True)
class ScriptPage:
    """A page to measure: its name, its script below pages/ (none: the one that opens), what its link asks for."""

    name: str
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


#: Every page; another is another line.
PAGES = (
    ScriptPage("Hotspots"),
    ScriptPage("Hotspots, counts", query={"hotspots-level": "Counts in the period"}),
    ScriptPage("Telemetry", "loss_control/telemetry.py"),
    ScriptPage("Containment", "loss_control/containment.py"),
    ScriptPage("Claims", "claims/performance.py"),
    ScriptPage("Data", "admin/data.py"),
    ScriptPage("Glossary", "admin/glossary.py"),
)


@dataclass
class Meter:
    """Seconds on the clock and of processor within analysis and figures; a function called by another counts once."""

    clock: float = 0.0
    processor: float = 0.0
    is_within: bool = False

    def metered(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time added up here."""

        @functools.wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            if self.is_within:
                return function(*arguments, **named)
            self.is_within = True
            clock, processor = time.perf_counter(), time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.clock += time.perf_counter() - clock
                self.processor += time.process_time() - processor
                self.is_within = False

        return measured


@contextmanager
def metering() -> Iterator[Meter]:
    """Measure every function of analysis/, and of pages/ each that gives a figure, in the modules that are loaded."""
    meter = Meter()
    changed: list[tuple[Any, str, Any]] = []
    for module in [m for name, m in sys.modules.items() if name.startswith(("analysis.", "pages."))]:
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and not name.startswith("_") and _is_told(value):
                changed.append((module, name, value))
                setattr(module, name, meter.metered(value))
    try:
        yield meter
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def _is_told(function: FunctionType) -> bool:
    gives = function.__annotations__.get("return")
    return function.__module__.startswith("analysis.") or gives in _FIGURES


def measure_scripts(
    portfolio: Path, choices: Choices, *, runs: int, target: float, analysis_target: float
) -> list[Row]:
    """Two rows a page: its whole script, and what of it is analysis and figures, each run with another filter."""
    os.environ["LANEWISE_PORTFOLIO"] = str(portfolio)
    os.environ.pop("LANEWISE_INSUREDS", None)
    changes = [
        (dimension, choices.options[dimension][number])
        for number in range(runs + 1)
        for dimension in _DIMENSIONS
        if len(choices.options[dimension]) > max(1, number)
    ]
    rows: list[Row] = []
    for page in PAGES:
        rows += _measure_page(page, changes, runs=runs, target=target, analysis_target=analysis_target)
    return rows


def _measure_page(
    page: ScriptPage, changes: list[tuple[str, str]], *, runs: int, target: float, analysis_target: float
) -> Iterator[Row]:
    from streamlit.runtime.scriptrunner.script_cache import ScriptCache  # noqa: PLC0415 - as below
    from streamlit.testing.v1 import AppTest  # noqa: PLC0415 - a second to import, which no load should pay

    # A server compiles a script once; a test would compile it anew at each run.
    compiled = ScriptCache()
    whole: list[tuple[float, float]] = []
    parts: list[tuple[float, float]] = []
    with mock.patch("streamlit.testing.v1.local_script_runner.ScriptCache", return_value=compiled):
        app = AppTest.from_file(str(SHELL), default_timeout=600)
        for key, value in page.query.items():
            app.query_params[key] = value
        app.run()
        if page.path:
            app.switch_page(str(ROOT / "pages" / page.path))
            app.run()
        begun = time.perf_counter()
        for number in range(runs + 1):
            if changes:
                _choose(app, *changes[number % len(changes)])
            with metering() as meter:
                clock, processor = time.perf_counter(), time.process_time()
                app.run()
                taken = time.perf_counter() - clock, time.process_time() - processor
            assert not app.exception, app.exception
            # The first is thrown away: it fills what a running app has filled.
            if number:
                whole.append(taken)
                parts.append((meter.clock, meter.processor))
            if whole and time.perf_counter() - begun > 60:
                break
    yield Row("script", f"{page.name}: a filter changed", *percentiles(whole), target=target)
    yield Row("script", f"{page.name}: of it analysis and figures", *percentiles(parts), target=analysis_target)


def _choose(app: Any, dimension: str, value: str) -> None:
    """Filter by one value of one dimension, and by nothing else."""
    shown = {widget.key for widget in app.multiselect}
    for other in _DIMENSIONS:
        if other in shown:
            app.multiselect(key=other).set_value([value] if other == dimension else [])
