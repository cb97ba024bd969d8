"""What the bench measures and how: samples of one call, beside a floor and the same in pandas."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One thing measured, in seconds.

    Attributes
    ----------
    group, name
        Part of the bench, and what was done.
    runs
        How often; percentiles of one run are that run.
    median, slow
        p50 and p95 on the clock.
    processor, processor_slow
        p50 and p95 of the seconds of processor over all threads: what a shared machine falsifies least.
    floor, pandas
        The same by bare SQL on the same tables, and by pandas; processor seconds where `by_processor`, else on the
        clock.
    target
        Most that DESIGN.md 7 allows: seconds at p95, or where `by_processor` a multiple of the floor.
    peak_mb
        Most memory that the process held, MB.
    """

    group: str
    name: str
    runs: int
    median: float
    slow: float
    processor: float
    processor_slow: float | None = None
    floor: float | None = None
    pandas: float | None = None
    target: float | None = None
    by_processor: bool = False
    peak_mb: float | None = None

    @property
    def own(self) -> float:
        """What is compared with the floor."""
        return self.processor if self.by_processor else self.median

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return self.own / self.floor if self.floor else None

    @property
    def is_met(self) -> bool | None:
        """Is the target met? None where there is none."""
        if self.target is None:
            return None
        measured = self.ratio if self.by_processor else self.slow
        return None if measured is None else measured <= self.target


def sample(
    call: Callable[[int], object], *, runs: int, most_seconds: float = 20.0
) -> tuple[int, float, float, float, float]:
    """Runs, p50 and p95 on the clock, p50 and p95 of processor seconds of a call, which is told its number.

    The first call is thrown away: it fills caches that a page of a running app has filled. Sampling ends early where
    it would take longer than `most_seconds`.
    """
    call(0)
    taken: list[tuple[float, float]] = []
    begun = time.perf_counter()
    for number in range(1, runs + 1):
        clock, processor = time.perf_counter(), time.process_time()
        call(number)
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
        if time.perf_counter() - begun > most_seconds:
            break
    return percentiles(taken)


def percentiles(taken: Sequence[tuple[float, float]]) -> tuple[int, float, float, float, float]:
    """Number of runs, and p50 and p95 of their seconds on the clock and of processor."""
    middle, slow = np.quantile(np.array(taken), [0.5, 0.95], axis=0).tolist()
    return len(taken), middle[0], slow[0], middle[1], slow[1]


def once(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call: on the clock, and of processor."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def peak_memory_mb() -> float:
    """Most memory that this process has held; that of its parent is not counted, unlike by getrusage."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource  # noqa: PLC0415 - not on every system

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")) / 1024


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def apart(work: Callable[..., Any], *arguments: object) -> Any:
    """What `work` gives in a process of its own, so that its memory is its own."""
    sys.stderr.write(f"{work.__name__.strip('_').replace('_', ' ')} ...\n")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)
