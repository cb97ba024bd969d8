"""python -m data check: a whole portfolio passes, and each kind of damage is named once, with what to do."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from data.__main__ import main
from data.errors import LanewiseError
from data.snapshots import Folder
from data.verify import verify_portfolio
from tests.portfolios import load_files

FILES = {
    "insured.csv": "insured_id,name\nI1,Acme\nI2,Bolt\n,Nobody\n",
    "claim.csv": (
        "claim_id,insured_id,currency,loss_date,paid_amount\n"
        "C1,I1,USD,2025-02-10,500\nC1,I1,USD,2025-02-10,500\nC2,I2,EUR,2025-03-01,20.25\n,I1,USD,2025-03-01,7\n"
        "C4,I1,USD,2025-03-02,80\n"
    ),
}
TABLES = """
[[table]]
name = "insured"
file = "insured.csv"
[[table]]
name = "claim"
file = "claim.csv"
where = '''coalesce("claim_id", 'none') <> 'C4' '''
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("loaded")
    for _ in range(2):
        load_files(root, files=FILES, tables=TABLES)
    return root / "portfolio"


@pytest.fixture
def portfolio(loaded: Path, tmp_path: Path) -> Path:
    """Two snapshots of the same files, for a test to damage."""
    return Path(shutil.copytree(loaded, tmp_path / "portfolio"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    code = main(["check", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, [line for line in captured.err.splitlines() if line.startswith("error: ")]


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder, to see that nothing of it has changed."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def current(portfolio: Path) -> Path:
    return portfolio / "snapshots" / f"{(portfolio / 'current').read_text().strip()}.duckdb"


def older(portfolio: Path) -> str:
    return Folder(portfolio).cards()[1].id


def change(path: Path, sql: str) -> None:
    """Change a snapshot as nothing of Lanewise ever would, and make its file's hash look right."""
    connection = duckdb.connect(str(path))
    connection.execute(sql)
    connection.close()
    card = path.with_suffix(".json")
    said = json.loads(card.read_text())
    card.write_text(json.dumps({**said, "file_hash": hashlib.sha256(path.read_bytes()).hexdigest()}))


def messages(portfolio: Path) -> list[str]:
    return [str(fault) for fault in verify_portfolio(portfolio).all_faults]


def test_a_whole_portfolio_passes_and_is_left_as_it_was(portfolio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(portfolio)
    code, out, errors = run(capsys, "--portfolio", str(portfolio))
    newest = current(portfolio).stem
    assert (code, errors) == (0, [])
    assert out.splitlines() == [
        f"{newest}  4 rows  good  serves",
        f"{older(portfolio)}  4 rows  good",
        "Every hash is as published, and every row and amount is accounted for.",
    ]
    assert contents(portfolio) == before


def test_json_for_other_programs(portfolio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (portfolio / "personal_data.key").chmod(0o644)
    code, out, errors = run(capsys, "--portfolio", str(portfolio), "--json")
    said = json.loads(out)
    assert code == 2
    assert len(errors) == 1
    assert said["good"] is False
    assert said["current"] == current(portfolio).stem
    assert [(one["rows"], one["serves"], one["good"]) for one in said["snapshots"]] == [
        (4, True, True),
        (4, False, True),
    ]
    assert [fault["message"] for fault in said["faults"]] == ["the key for personal data has mode 644, not 600"]


def test_an_empty_portfolio_says_how_to_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, errors = run(capsys, "--portfolio", str(tmp_path / "none"))
    assert (code, out, len(errors)) == (2, "", 1)
    assert "the portfolio is empty. Load a feed" in errors[0]


def test_a_changed_byte_is_found_wherever_it_stands(portfolio: Path) -> None:
    path = current(portfolio)
    whole = path.read_bytes()
    for place in (0, 4096, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        said = messages(portfolio)
        assert f"{path}: its bytes are not those that were published" in said[0]
        assert f"The snapshot {older(portfolio)}, of " in said[0]
        assert "write its id into the file 'current'" in said[0]
    path.write_bytes(whole)
    assert messages(portfolio) == []


def test_a_file_cut_short_cannot_be_opened(portfolio: Path) -> None:
    path = current(portfolio)
    path.write_bytes(path.read_bytes()[:8000])
    said = messages(portfolio)
    assert len(said) == 2
    assert "its bytes are not those that were published" in said[0]
    assert "it cannot be opened" in said[1]


def test_a_damaged_snapshot_that_does_not_serve_is_named_too(portfolio: Path) -> None:
    path = portfolio / "snapshots" / f"{older(portfolio)}.duckdb"
    path.write_bytes(path.read_bytes() + b"\0")
    said = messages(portfolio)
    assert len(said) == 1
    assert str(path) in said[0]
    assert "It does not serve" in said[0]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "update claim set cause = 'theft'",
            [
                ", claim: holds 2 rows with another content than the 2 published",
                ": its content is not what was published (the hash of the content differs)",
            ],
        ),
        (
            "delete from claim where claim_id = 'C2'",
            [
                ", claim: holds 1 rows with another content than the 2 published",
                ": its content is not what was published (the hash of the content differs)",
                ", file claim.csv, table claim: 5 rows were read, but 4 are loaded, left out, folded or in quarantine",
                ", file claim.csv, table claim, column paid_amount: 20.2500 EUR were loaded, but the rows add up to 0",
            ],
        ),
        (
            "update claim set paid_amount = 501 where claim_id = 'C1'",
            [
                ", claim: holds 2 rows with another content than the 2 published",
                ": its content is not what was published (the hash of the content differs)",
                (
                    ", file claim.csv, table claim, column paid_amount: 500.0000 USD were loaded, but the rows add"
                    " up to 501.0000"
                ),
            ],
        ),
        (
            "delete from quarantine where table_name = 'insured'",
            [", file insured.csv, table insured: 3 rows were read, but 2 are loaded, left out, folded or in quaran"],
        ),
        (
            "update amount_reconciliation set quarantined_sum = 0 where currency = 'USD'",
            [", file claim.csv, table claim, column paid_amount: 7.0000 USD of what was read is nowhere"],
        ),
        ("update reconciliation set read_rows = 9 where table_name = 'claim'", [": its reconciliation says 9 read"]),
        ("update snapshot set id = 'another'", [": it says of itself that it is another"]),
        ("drop table quarantine", [": it cannot be read to its end"]),
    ],
)
def test_changed_content_is_named_by_table_file_and_column(portfolio: Path, sql: str, said: list[str]) -> None:
    path = current(portfolio)
    change(path, sql)
    found = messages(portfolio)
    assert len(found) == len(said)
    for one, wanted in zip(found, said, strict=True):
        assert one.startswith(str(path))
        assert wanted in one


def test_where_current_points(portfolio: Path) -> None:
    pointer = portfolio / "current"
    pointer.write_text("20200101T000000Z-abcdef\n")
    assert [("is missing. Put the file back. The snapshot " in one) for one in messages(portfolio)] == [True]
    pointer.write_text("../../etc/passwd\n")
    assert ["which is no id of a snapshot" in one for one in messages(portfolio)] == [True]
    pointer.write_bytes(b"\xff\xfe")
    assert ["cannot be read" in one for one in messages(portfolio)] == [True]
    pointer.unlink()
    assert ["the pointer to the current snapshot is missing. The snapshot " in one for one in messages(portfolio)] == [
        True
    ]
    pointer.write_text(older(portfolio) + "\n")
    assert messages(portfolio) == []


def test_the_key_for_personal_data(portfolio: Path) -> None:
    key = portfolio / "personal_data.key"
    whole = key.read_text()
    key.write_text("short")
    assert ["is damaged" in one for one in messages(portfolio)] == [True]
    key.unlink()
    assert ["is missing. Put it back from a copy" in one for one in messages(portfolio)] == [True]
    key.write_text(whole)
    key.chmod(0o600)
    assert messages(portfolio) == []


def test_files_and_cards_that_do_not_belong_together(portfolio: Path) -> None:
    card = current(portfolio).with_suffix(".json")
    whole = card.read_text()
    card.write_text(whole[:20])
    assert ["the card of the current snapshot is missing or damaged" in one for one in messages(portfolio)] == [True]
    card.write_text(whole)
    spare = portfolio / "snapshots" / "20250101T000000Z-aaaaaa.duckdb"
    spare.write_bytes(b"half")
    assert ["no card says what this snapshot should be" in one for one in messages(portfolio)] == [True]
    spare.unlink()
    (portfolio / "snapshots" / f"{older(portfolio)}.duckdb").unlink()
    assert ["the file of this snapshot is missing" in one for one in messages(portfolio)] == [True]


def test_settings_that_cannot_be_read(portfolio: Path) -> None:
    (portfolio / "portfolio.toml").write_text("base_currency = 5\n")
    assert ["base_currency = 5 should be text" in one for one in messages(portfolio)] == [True]


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    with pytest.raises(LanewiseError, match="the portfolio is empty"):
        verify_portfolio(tmp_path)


def test_what_the_command_finds_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_files(tmp_path, files={"insured.csv": "insured_id,name\nI1,A\n"})
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(tmp_path / "portfolio"))
    told: list[str] = []
    found = verify_portfolio(tmp_path / "portfolio", progress=told.append)
    assert told == [f"Checking snapshot {found.current}"]
    assert main(["check"]) == 0
