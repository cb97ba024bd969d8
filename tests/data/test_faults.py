"""Whatever happens to a load or to a file, the last good snapshot serves, and the message says what to do."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.filters import Filters, Scope
from data.errors import LanewiseError
from data.load import load_feed
from data.portfolio import Portfolio
from data.snapshots import KEPT, Folder, file_hash, new_id, utc_now
from data.verify import verify_portfolio
from tests.portfolios import load_files, write_feed
from tests.processes import FORKED, apart

SHELL = Path(__file__).resolve().parents[2] / "pages" / "shared" / "shell.py"
KILLS = 50
#: Two states of one feed: every row of an account's claims says which state it is of.
STATES = {
    state: {
        "insured.csv": "insured_id,name\n" + "".join(f"I{i},{state}\n" for i in range(20)),
        "claim.csv": "claim_id,insured_id,loss_date,paid_amount\n"
        + "".join(f"{state}{i},I{i % 20},2025-01-{1 + i % 28:02},{i}\n" for i in range(claims)),
    }
    for state, claims in (("A", 300), ("B", 500))
}
CLAIMS = {"A": 300, "B": 500}


# ---- loads in processes of their own


def load(feed: Path, portfolio: Path) -> str:
    return load_feed(feed, portfolio=portfolio).snapshot


def feeds(root: Path) -> dict[str, Path]:
    return {state: write_feed(root / f"feed-{state}", files=files) for state, files in STATES.items()}


def state_served(portfolio: Path) -> str:
    """Which state does the current snapshot show, whole and with the bytes that were published?"""
    opened = Portfolio(portfolio).open()
    card = next(card for card in Folder(portfolio).cards() if card.id == opened.info.id)
    assert file_hash(opened.path) == card.file_hash
    view = opened.view(Scope(), Filters())
    names = view.rows("select distinct name from insured")
    assert len(names) == 1
    (state,) = names[0]
    assert view.rows("select count(*), count(*) filter (left(claim_id, 1) = $state) from claim", {"state": state}) == [
        (CLAIMS[state], CLAIMS[state])
    ]
    return str(state)


def leftovers(portfolio: Path) -> list[str]:
    """What lies in the portfolio that no published snapshot needs."""
    known = {card.id for card in Folder(portfolio).cards()}
    return sorted(
        path.relative_to(portfolio).as_posix()
        for path in portfolio.rglob("*")
        if path.is_file()
        and path.name not in {"current", "load.lock", "personal_data.key"}
        and not (path.parent.name == "snapshots" and path.stem in known)
    )


# ---- kill -9


def test_fifty_loads_killed_at_random_moments_leave_a_whole_snapshot(tmp_path: Path) -> None:
    portfolio, made = tmp_path / "portfolio", feeds(tmp_path)
    assert apart(load, made["A"], portfolio)[0] == "done"
    begun = time.monotonic()
    assert apart(load, made["B"], portfolio)[0] == "done"
    whole = time.monotonic() - begun
    rng = random.Random(20250101)
    serving, killed, published = "B", 0, 0
    while killed < KILLS:
        wanted = "A" if serving == "B" else "B"
        process = FORKED.Process(target=load, args=(made[wanted], portfolio))
        process.start()
        process.join(rng.uniform(0, whole))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        now = state_served(portfolio)
        assert now in {serving, wanted}
        published += now == wanted
        serving = now
    assert apart(load, made["A"], portfolio)[0] == "done"
    assert state_served(portfolio) == "A"
    assert leftovers(portfolio) == []
    found = verify_portfolio(portfolio)
    assert found.all_faults == ()
    assert len(found.snapshots) == min(KEPT, published + 3)


def publish_until(portfolio: Path, steps: int) -> None:
    """Publishes a copy of the current snapshot, and is killed before that many steps that touch the disk."""
    left = steps

    def dying(step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return step(*arguments, **named)

        return taken

    folder = Folder(portfolio)
    with folder.lock():
        now = utc_now()
        snapshot_id = new_id(now)
        built = folder.start(snapshot_id)
        with built.open("ab") as file:
            file.write(b"\0" * 512)
        os.fsync, os.replace, os.unlink = dying(os.fsync), dying(os.replace), dying(os.unlink)
        os.rename = os.replace
        folder.publish(built, snapshot_id=snapshot_id, created_at=now, content_hash="0", feeds=["acme"])


def test_a_kill_before_any_step_of_publishing_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    portfolio = tmp_path / "portfolio"
    for _ in range(KEPT):
        load_files(tmp_path, files={"insured.csv": "insured_id,name\nI1,A\n"})
    first = Folder(portfolio).current()
    outcomes = []
    for steps in range(40):
        before = Folder(portfolio).current()
        how, _ = apart(publish_until, portfolio, steps)
        folder = Folder(portfolio)
        now = folder.current()
        card = next(card for card in folder.cards() if card.id == now)
        assert file_hash(folder.file(card.id)) == card.file_hash
        outcomes.append("new" if now != before else "old")
        if how == "done":
            break
    assert how == "done"
    assert outcomes == sorted(outcomes, key=["old", "new"].index)
    assert {"old", "new"} == set(outcomes)
    assert Folder(portfolio).current() != first
    load_files(tmp_path, files={"insured.csv": "insured_id,name\nI1,A\n"})
    assert leftovers(portfolio) == []
    assert len(Folder(portfolio).cards()) == KEPT


def test_a_first_load_that_is_killed_leaves_an_empty_portfolio(tmp_path: Path) -> None:
    portfolio, made = tmp_path / "portfolio", feeds(tmp_path)
    process = FORKED.Process(target=load, args=(made["A"], portfolio))
    process.start()
    while not list(portfolio.glob("building/*.duckdb")) and process.is_alive():
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert Folder(portfolio).current() is None
    with pytest.raises(LanewiseError, match="the portfolio is empty"):
        Portfolio(portfolio).open()
    assert apart(load, made["A"], portfolio)[0] == "done"
    assert state_served(portfolio) == "A"
    assert leftovers(portfolio) == []


# ---- two loads at once


def load_and_wait(feed: Path, portfolio: Path, begun: Any, go_on: Any) -> str:
    def say(line: str) -> None:
        if line.startswith("Reading"):
            begun.set()
            go_on.wait(60)

    return load_feed(feed, portfolio=portfolio, progress=say).snapshot


def test_a_second_load_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    portfolio, made = tmp_path / "portfolio", feeds(tmp_path)
    begun, go_on = FORKED.Event(), FORKED.Event()
    outcome: list[tuple[str, Any]] = []
    first = threading.Thread(target=lambda: outcome.append(apart(load_and_wait, made["A"], portfolio, begun, go_on)))
    first.start()
    assert begun.wait(60)
    assert apart(load, made["B"], portfolio) == (
        "refused",
        f"{portfolio}: another load is changing this portfolio. Wait until it has ended.",
    )
    go_on.set()
    first.join()
    assert outcome[0][0] == "done"
    assert state_served(portfolio) == "A"
    assert apart(load, made["B"], portfolio)[0] == "done"
    assert state_served(portfolio) == "B"


# ---- no room, no right to write


def mount(source: bytes, target: Path, kind: bytes | None, flags: int, options: bytes | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), options) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def small_disk(place: Path, size: int) -> None:
    """A file system of this size at this place, that only this process sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, private = 0x00020000, 1 << 18 | 1 << 14
    if libc.unshare(new_mounts) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount(b"none", Path("/"), None, private, None)
    mount(b"tmpfs", place, b"tmpfs", 0, f"size={size}".encode())


def can_mount(place: Path) -> bool:
    try:
        small_disk(place, 1 << 20)
    except OSError:
        return False
    return True


def loads_without_room(place: Path, made: dict[str, Path]) -> list[tuple[str, str]]:
    """On a disk of 60 MB with ever more room: what is said of each load, and which state serves after it?"""
    small_disk(place, 60 << 20)
    portfolio, ballast = place / "portfolio", place / "ballast"
    load(made["A"], portfolio)
    size = Folder(portfolio).file(str(Folder(portfolio).current())).stat().st_size
    said = []
    for room in (0, 1 << 12, 1 << 16, size // 2, size - 4096, size, size + (64 << 10), size + (512 << 10)):
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - room)
        try:
            load(made["B"], portfolio)
        except LanewiseError as error:
            said.append((str(error), state_served(portfolio)))
        else:
            said.append(("loaded", state_served(portfolio)))
            load(made["A"], portfolio)
        ballast.unlink()
        left = [one for one in leftovers(portfolio) if not one.startswith("snapshots/")]
        assert left == [], left
    load(made["B"], portfolio)
    assert leftovers(portfolio) == []
    said.append(("loaded", state_served(portfolio)))
    return said


def loads_of_limited_files(portfolio: Path, made: dict[str, Path]) -> list[tuple[str, str]]:
    """With files that may not grow beyond a limit, as under a quota: the same."""
    load(made["A"], portfolio)
    size = Folder(portfolio).file(str(Folder(portfolio).current())).stat().st_size
    said = []
    for limit in (0, 1 << 12, size // 2, size - 4096, size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            load(made["B"], portfolio)
        except LanewiseError as error:
            said.append((str(error), state_served(portfolio)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    load(made["B"], portfolio)
    assert leftovers(portfolio) == []
    said.append(("loaded", state_served(portfolio)))
    return said


def test_a_full_disk_leaves_the_last_snapshot_serving(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if apart(can_mount, disk) == ("done", True):
        how, said = apart(loads_without_room, disk, feeds(tmp_path))
    else:  # where nothing may be mounted, a limit on the size of files is what can be had
        how, said = apart(loads_of_limited_files, disk / "portfolio", feeds(tmp_path))
    assert how == "done", said
    assert said[-1] == ("loaded", "B")
    refused = [one for one in said if one[0] != "loaded"]
    assert len(refused) >= 4
    for words, state in refused:
        assert state == "A"
        assert "No space left on device" in words or "File too large" in words, words
        assert "the last snapshot still serves" in words


def test_a_limit_on_the_size_of_files_leaves_the_last_snapshot_serving(tmp_path: Path) -> None:
    how, said = apart(loads_of_limited_files, tmp_path / "portfolio", feeds(tmp_path))
    assert how == "done", said
    assert said[-1] == ("loaded", "B")
    for words, state in said[:-1]:
        assert state == "A"
        assert "the last snapshot still serves" in words or "cannot be written" in words


def bound_by_modes(action: Callable[..., Any], *arguments: Any) -> Any:
    """Does something without the capabilities of the superuser, whom no mode of a folder binds."""
    libc = ctypes.CDLL(None, use_errno=True)
    version, whole_process = 0x20080522, 0
    if libc.capset((ctypes.c_uint32 * 2)(version, whole_process), (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return action(*arguments)


def close_folder(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture
def closing(tmp_path: Path) -> Iterator[Path]:
    """A folder whose modes a test may take away: they come back, so that it can be deleted."""
    yield tmp_path
    for path in tmp_path.rglob("*"):
        path.chmod(0o700)


def test_a_folder_that_may_not_be_written_serves_and_says_so(closing: Path) -> None:
    portfolio, made = closing / "portfolio", feeds(closing)
    load(made["A"], portfolio)
    close_folder(portfolio)
    assert apart(bound_by_modes, load, made["B"], portfolio) == (
        "refused",
        (
            f"{portfolio}: the portfolio folder cannot be written (Permission denied). "
            "Choose another with --portfolio, or make this one writable."
        ),
    )
    assert apart(bound_by_modes, state_served, portfolio) == ("done", "A")


def test_a_place_where_no_folder_can_be_made(closing: Path) -> None:
    made = feeds(closing)
    closed = closing / "closed"
    closed.mkdir(mode=0o555)
    how, said = apart(bound_by_modes, load, made["A"], closed / "portfolio")
    assert how == "refused"
    assert "the portfolio folder cannot be written (Permission denied)" in said


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "portfolio").write_text("no folder")
    with pytest.raises(LanewiseError, match="the portfolio folder cannot be written"):
        load(feeds(tmp_path)["A"], tmp_path / "portfolio")


# ---- damaged files


@pytest.fixture(scope="module")
def two_loads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("loads")
    for state in ("A", "B"):
        load_feed(feeds(root)[state], portfolio=root / "portfolio")
    return root / "portfolio"


@pytest.fixture
def portfolio(two_loads: Path, tmp_path: Path) -> Path:
    """A portfolio whose older snapshot shows state A and whose current one B, for a test to damage."""
    return Path(shutil.copytree(two_loads, tmp_path / "portfolio"))


def snapshots(portfolio: Path) -> tuple[str, str]:
    """Ids of the current snapshot and of the older one."""
    newest, older = Folder(portfolio).cards()
    return newest.id, older.id


def damage_of(path: Path, rng: random.Random) -> bytes:
    whole = bytearray(path.read_bytes())
    kind = rng.randrange(4)
    if kind == 0:
        return bytes(whole[: rng.randrange(len(whole) * 9 // 10)])
    if kind == 1:
        return b""
    if kind == 2:
        return bytes(rng.randrange(256) for _ in range(4096)) + bytes(whole[4096:])
    start = rng.randrange(4096, 12_288)
    return bytes(whole[:start]) + bytes(1 << 19) + bytes(whole[start + (1 << 19) :])


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_snapshot_is_told_with_the_older_one_that_opens(portfolio: Path, seed: int) -> None:
    newest, older = snapshots(portfolio)
    path = Folder(portfolio).file(newest)
    path.write_bytes(damage_of(path, random.Random(seed)))
    with pytest.raises(LanewiseError) as raised:
        state_served(portfolio)
    assert raised.value.message.startswith(f"the snapshot {newest} cannot be read")
    assert raised.value.where == str(path)
    assert raised.value.hint.startswith(f"The snapshot {older}, of ")
    assert Portfolio(portfolio).open(older).view(Scope(), Filters()).rows("select distinct name from insured") == [
        ("A",)
    ]
    (portfolio / "current").write_text(f"{older}\n")
    assert state_served(portfolio) == "A"


def test_damage_that_only_reading_finds_is_told_the_same_way(portfolio: Path) -> None:
    newest, older = snapshots(portfolio)
    path = Folder(portfolio).file(newest)
    whole = path.read_bytes()
    assert b"B499" in whole
    path.write_bytes(whole.replace(b"B499", b"X499"))
    opened = Portfolio(portfolio)
    view = opened.view(Scope(), Filters())
    with pytest.raises(LanewiseError, match=f"the snapshot {newest} cannot be read.* The snapshot {older}, of "):
        view.rows("select * from claim")
    assert view.rows("select count(*) from fx_rate") == [(0,)]
    path.unlink()
    path.write_bytes(whole)
    assert opened.view(Scope(), Filters()).rows("select count(*) from claim") == [(500,)]


def test_without_any_other_snapshot_the_message_says_so(portfolio: Path) -> None:
    newest, older = snapshots(portfolio)
    for one in (newest, older):
        Folder(portfolio).file(one).write_bytes(b"")
    with pytest.raises(LanewiseError, match="No other snapshot is kept: load the feeds into another folder"):
        Portfolio(portfolio).open()


def test_a_load_on_a_damaged_snapshot_publishes_nothing(portfolio: Path, tmp_path: Path) -> None:
    newest, older = snapshots(portfolio)
    path = Folder(portfolio).file(newest)
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(LanewiseError, match="the last snapshot still serves"):
        load(feeds(tmp_path)["A"], portfolio)
    assert Folder(portfolio).current() == newest
    (portfolio / "current").write_text(f"{older}\n")
    load(feeds(tmp_path)["B"], portfolio)
    assert state_served(portfolio) == "B"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"20200101T000000Z-abcdef\n", "the current snapshot 20200101T000000Z-abcdef is missing. Put the file back."),
        (b"", "the pointer to the current snapshot holds '', which is no id of a snapshot."),
        (b"../../../etc/passwd", "holds '../../../etc/passwd', which is no id of a snapshot."),
        (b"\xff\xfe\x00", "the pointer to the current snapshot cannot be read"),
    ],
)
def test_a_pointer_to_nowhere_says_what_to_write_into_it(portfolio: Path, content: bytes, said: str) -> None:
    newest, older = snapshots(portfolio)
    (portfolio / "current").write_bytes(content)
    for action in (Portfolio(portfolio).open, lambda: load(feeds(portfolio)["A"], portfolio)):
        with pytest.raises(LanewiseError) as raised:
            action()
        assert said in str(raised.value)
        assert f"The snapshot {newest}, of " in str(raised.value)
        assert "write its id into the file 'current'" in str(raised.value)
    assert snapshots(portfolio) == (newest, older)
    (portfolio / "current").write_text(newest)
    assert state_served(portfolio) == "B"


def test_a_lost_pointer_is_found_again_by_the_next_load(portfolio: Path, tmp_path: Path) -> None:
    newest, older = snapshots(portfolio)
    (portfolio / "current").unlink()
    other = write_feed(tmp_path / "other", files={"carrier.csv": "carrier_id,name\nK1,North\n"}, name="carriers")
    load(other, portfolio)
    assert state_served(portfolio) == "B"
    assert {newest, older} < {card.id for card in Folder(portfolio).cards()}


def test_a_damaged_card_costs_no_older_snapshot(portfolio: Path, tmp_path: Path) -> None:
    newest, older = snapshots(portfolio)
    (portfolio / "snapshots" / f"{newest}.json").write_text("{")
    assert Portfolio(portfolio).open().info.id == newest
    made = load(feeds(tmp_path)["A"], portfolio)
    assert [card.id for card in Folder(portfolio).cards()] == [made, older]
    assert state_served(portfolio) == "A"


# ---- readers while a load publishes


def load_in_turns(made: dict[str, Path], portfolio: Path, turns: int) -> None:
    for turn in range(turns):
        load(made["AB"[turn % 2]], portfolio)


def test_readers_see_one_whole_state_while_loads_publish(tmp_path: Path) -> None:
    portfolio, made = tmp_path / "portfolio", feeds(tmp_path)
    load(made["B"], portfolio)
    shared = Portfolio(portfolio)
    wrong: list[object] = []
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        try:
            while not ended.is_set():
                view = shared.view(Scope(), Filters())
                ((name,),) = view.rows("select distinct name from insured")
                ((claims, own),) = view.rows(
                    "select count(*), count(*) filter (left(claim_id, 1) = $name) from claim", {"name": name}
                )
                seen.add(view.info.id)
                if (claims, own) != (CLAIMS[name], CLAIMS[name]):
                    wrong.append((name, claims, own))
                ended.wait(0.02)
        except Exception as error:  # noqa: BLE001 - a thread's error would vanish
            wrong.append(error)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    outcome = apart(load_in_turns, made, portfolio, KEPT + 1)
    ended.set()
    for reader in readers:
        reader.join()
    assert outcome == ("done", None)
    assert wrong == []
    assert len(seen) >= 2
    assert len(Folder(portfolio).cards()) == KEPT


# ---- what a person sees


def test_the_app_names_the_older_snapshot_and_opens_it(portfolio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest, older = snapshots(portfolio)
    path = Folder(portfolio).file(newest)
    path.write_bytes(path.read_bytes()[:200_000])
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(portfolio))
    st.cache_resource.clear()
    app = AppTest.from_file(SHELL, default_timeout=60).run()
    assert [older in str(one.value) for one in app.error] == [True]
    again = AppTest.from_file(SHELL, default_timeout=60)
    again.query_params["snapshot"] = older
    again.run()
    assert [str(one.value) for one in again.error] == []
    assert any(older in str(one.value) for one in again.info)
