"""The folder of a portfolio: immutable snapshot files, one pointer, one lock.

A snapshot is built under a temporary name, checkpointed, closed, hashed, synced and only then named; the pointer
``current`` is replaced by one atomic rename. Whatever happens before that rename leaves the last snapshot serving.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import available_timezones

import filelock

from data.errors import LanewiseError

#: How many snapshots are kept; older ones are deleted after a successful publication.
KEPT = 5
#: What the sample wrote beside its snapshots: the truths planted in it.
TRUTH_FILE = "truth.json"
_CHUNK = 8 * 1024 * 1024
#: Ending of a small file that is being written and not yet named.
_NEW = ".new"
_ID = re.compile("[0-9A-Za-z-]{1,64}")
#: Of an id, the letters that say when: they sort by time.
_STAMP = len("20260131T235959Z")


@dataclass(frozen=True)
class Settings:
    """What ``portfolio.toml`` says; None where it is silent."""

    base_currency: str | None = None
    reporting_timezone: str | None = None
    plan_rate_date: date | None = None


@dataclass(frozen=True)
class Card:
    """What is known of a snapshot without opening it: the small file beside it."""

    id: str
    created_at: datetime
    file_hash: str
    content_hash: str
    feeds: tuple[str, ...]


def default_path() -> Path:
    """Where the portfolio lies: LANEWISE_PORTFOLIO, else ./portfolio."""
    return Path(os.environ.get("LANEWISE_PORTFOLIO") or "portfolio")


def new_id(now: datetime) -> str:
    """An id that sorts by time and is never used twice."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class Folder:
    """One portfolio's folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshots = path / "snapshots"
        self.building = path / "building"
        self.pointer = path / "current"

    def file(self, snapshot_id: str) -> Path:
        """The DuckDB file of a snapshot; the id is checked, so that no id leads out of the folder."""
        if not _ID.fullmatch(snapshot_id):
            raise LanewiseError(f"{snapshot_id!r} is no snapshot id", hint="The Data page lists the snapshots kept.")
        return self.snapshots / f"{snapshot_id}.duckdb"

    def current(self) -> str | None:
        """Id of the snapshot that serves; None for an empty portfolio."""
        try:
            text = self.pointer.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise LanewiseError(
                f"the pointer to the current snapshot cannot be read ({error})",
                where=str(self.pointer),
                hint=self.way_back(),
            ) from error
        if not _ID.fullmatch(text):
            raise LanewiseError(
                f"the pointer to the current snapshot holds {text[:60]!r}, which is no id of a snapshot",
                where=str(self.pointer),
                hint=self.way_back(),
            )
        if not self.file(text).is_file():
            raise LanewiseError(
                f"the current snapshot {text} is missing",
                where=str(self.snapshots),
                hint=f"Put the file back. {self.way_back()}",
            )
        return text

    def way_back(self, *, without: str = "", opens: Callable[[str], bool] | None = None) -> str:
        """Which older snapshot could serve in place of one that cannot be used, and what to do for it?

        Parameters
        ----------
        without
            Id of the snapshot that cannot be used.
        opens
            Says of an id whether that snapshot can be opened; absent: all that are kept are thought to.
        """
        for card in self.cards():
            if card.id != without and (opens is None or opens(card.id)):
                return (
                    f"The snapshot {card.id}, of {card.created_at:%Y-%m-%d %H:%M} UTC, can be opened: choose it as"
                    " Snapshot in the app, or write its id into the file 'current' to make it the one that serves."
                )
        return "No other snapshot is kept: load the feeds into another folder with --portfolio, or restore a copy."

    def cards(self) -> tuple[Card, ...]:
        """The snapshots kept, newest first; a damaged card is passed over."""
        found = []
        for path in sorted(self.snapshots.glob("*.json"), reverse=True):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                content = json.loads(path.read_text(encoding="utf-8"))
                card = Card(
                    id=content["id"],
                    created_at=datetime.fromisoformat(content["created_at"]),
                    file_hash=content["file_hash"],
                    content_hash=content["content_hash"],
                    feeds=tuple(content["feeds"]),
                )
                if self.file(card.id).is_file():
                    found.append(card)
        return tuple(sorted(found, key=lambda card: (card.created_at, card.id), reverse=True))

    def settings(self) -> Settings:
        """Read ``portfolio.toml``; a wrong one is an error that says what to write."""
        path = self.path / "portfolio.toml"
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError):
            return Settings()
        except OSError as error:
            raise LanewiseError(
                f"cannot be read ({error.strerror or error})", where=str(path), hint="Allow reading it."
            ) from error
        except ValueError as error:
            raise LanewiseError(f"is not TOML ({error})", where=str(path)) from error
        known = {"base_currency": str, "reporting_timezone": str, "plan_rate_date": date}
        for key, value in content.items():
            if key not in known:
                raise LanewiseError(f"{key!r} is no setting", where=str(path), hint=f"There are: {', '.join(known)}.")
            if not isinstance(value, known[key]) or isinstance(value, datetime):
                expected = "a date such as 2026-01-31" if known[key] is date else "text in quotes"
                raise LanewiseError(f"{key} = {value!r} should be {expected}", where=str(path))
        settings = Settings(**content)
        if settings.base_currency is not None and not re.fullmatch("[A-Z]{3}", settings.base_currency):
            raise LanewiseError(
                f"base_currency = {settings.base_currency!r} is no ISO 4217 code", where=str(path), hint='Write "USD".'
            )
        if settings.reporting_timezone is not None and settings.reporting_timezone not in available_timezones():
            raise LanewiseError(
                f"reporting_timezone = {settings.reporting_timezone!r} is no time zone",
                where=str(path),
                hint='Write a name such as "America/New_York".',
            )
        return settings

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Let one load at a time change this portfolio; another gets a clear error at once."""
        try:
            self.snapshots.mkdir(parents=True, exist_ok=True)
            self.building.mkdir(exist_ok=True)
            lock = filelock.FileLock(self.path / "load.lock", timeout=0)
            lock.acquire()
        except filelock.Timeout as error:
            raise LanewiseError(
                "another load is changing this portfolio", where=str(self.path), hint="Wait until it has ended."
            ) from error
        except OSError as error:
            raise LanewiseError(
                f"the portfolio folder cannot be written ({error.strerror or error})",
                where=str(self.path),
                hint="Choose another with --portfolio, or make this one writable.",
            ) from error
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Take away what a load that was killed left behind; only ever called under the lock."""
        for path in self.building.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        current = self.current()
        cards = self.cards()
        if current is None and cards:
            # Only the pointer is lost, or was about to be written: the newest whole snapshot is the one it meant.
            current = cards[0].id
            _write(self.pointer, current + "\n")
        # A load that was killed between naming its file and pointing to it was never published.
        published = next((card for card in cards if card.id == current), None)
        for card in cards:
            newer = card.created_at > published.created_at if published else card.id[:_STAMP] > str(current)[:_STAMP]
            if newer:
                (self.snapshots / f"{card.id}.json").unlink(missing_ok=True)
        known = {card.id for card in self.cards()} | {current}
        for path in self.snapshots.glob("*.duckdb"):
            if path.stem not in known:
                path.unlink(missing_ok=True)
        for path in self.snapshots.glob(f"*.json{_NEW}"):
            path.unlink(missing_ok=True)

    def personal_data_key(self) -> str:
        """The key under which personal data are hashed, made at first use, readable by its owner alone."""
        path = self.path / "personal_data.key"
        if not path.exists():
            made = path.with_name(path.name + _NEW)
            made.unlink(missing_ok=True)
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            made.replace(path)
        key = path.read_text(encoding="ascii", errors="replace").strip()
        if not re.fullmatch("[0-9a-f]{64}", key):
            raise LanewiseError(
                "the key for personal data is damaged: it is not 64 hexadecimal digits",
                where=str(path),
                hint="Put it back from a copy. Without it, operators loaded before can no longer be recognised.",
            )
        return key

    def start(self, snapshot_id: str) -> Path:
        """A file to build in: a copy of the current snapshot, or a name for a new one."""
        path = self.building / f"{snapshot_id}.duckdb"
        current = self.current()
        if current is not None:
            shutil.copyfile(self.file(current), path)
        return path

    def publish(
        self, built: Path, *, snapshot_id: str, created_at: datetime, content_hash: str, feeds: list[str]
    ) -> Card:
        """Name a finished file and point to it. The file is closed and has no write-ahead log left."""
        log = built.with_name(built.name + ".wal")
        if log.exists():
            raise LanewiseError("the snapshot was not closed cleanly: its log is still there", where=str(log))
        card = Card(snapshot_id, created_at, file_hash(built), content_hash, tuple(feeds))
        _sync(built)
        built.replace(self.file(snapshot_id))
        _write(
            self.snapshots / f"{snapshot_id}.json",
            json.dumps(
                {
                    "id": card.id,
                    "created_at": card.created_at.isoformat(),
                    "file_hash": card.file_hash,
                    "content_hash": card.content_hash,
                    "feeds": list(card.feeds),
                },
                indent=1,
            ),
        )
        _sync(self.snapshots)
        _write(self.pointer, snapshot_id + "\n")
        _sync(self.path)
        self._drop_old()
        return card

    def _drop_old(self) -> None:
        current = self.current()
        for card in self.cards()[KEPT:]:
            if card.id != current:
                # The card first: a file without one is taken away by the next load, should this one end here.
                with contextlib.suppress(OSError):
                    (self.snapshots / f"{card.id}.json").unlink()
                    self.file(card.id).unlink()


def utc_now() -> datetime:
    """This moment, in UTC, without a zone, as snapshots store it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _write(path: Path, text: str) -> None:
    """Replace a small file in one step."""
    temporary = path.with_name(path.name + _NEW)
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
