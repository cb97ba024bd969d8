"""Where the time of a load goes, phase by phase, for the bench and for nobody's decision."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A named part of a load: seconds on the clock, and seconds of processor over all threads."""

    name: str
    seconds: float
    processor_seconds: float


class Stopwatch:
    """Measures phases one after the other."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens within; a phase that fails is not kept."""
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.phases.append(Phase(name, time.perf_counter() - clock, time.process_time() - processor))
