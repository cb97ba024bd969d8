"""Things done in a process of their own, forked from one that has imported everything and has opened nothing."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from data.errors import LanewiseError

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["data.verify", "data.load", "tests.portfolios", "tests.sources", "hypothesis"])


def attempt(action: Callable[..., Any], arguments: tuple[Any, ...], answer: Connection) -> None:
    """Does something and sends what came of it: a value, or the words of an error."""
    try:
        answer.send(("done", action(*arguments)))
    except LanewiseError as error:
        answer.send(("refused", str(error)))
    except BaseException as error:  # noqa: BLE001 - a process's error would vanish
        answer.send(("failed", f"{type(error).__name__}: {error}"))


def apart(action: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    """What comes of doing this apart? "done", "refused", "failed" or "died", with the value or the words."""
    here, there = FORKED.Pipe()
    process = FORKED.Process(target=attempt, args=(action, arguments, there))
    process.start()
    there.close()
    try:
        return here.recv()  # type: ignore[no-any-return]
    except EOFError:
        return "died", None
    finally:
        process.join()
        here.close()


def measured(action: Callable[..., Any], most: int, arguments: tuple[Any, ...]) -> tuple[str, Any, int]:
    """What comes of doing this with so many bytes of address space at most, and how many MB were resident at once?"""
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        outcome = ("done", action(*arguments))
    except LanewiseError as error:
        outcome = ("refused", str(error))
    return *outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
