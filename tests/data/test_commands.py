"""The command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.__main__ import main
from data.contract import contract
from tests.portfolios import FILES, load_files, write_feed


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_load_prints_the_reconciliation_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feed = write_feed(tmp_path / "feed", files={"insured.csv": "insured_id,name\nI1,A\n,B\n"})
    code, out, _ = run(capsys, "load", str(feed), "--portfolio", str(tmp_path / "p"), "--json")
    assert code == 0
    printed = json.loads(out)
    assert printed["snapshot"] == (tmp_path / "p" / "current").read_text().strip()
    assert printed["tables"] == [
        {
            "table": "insured",
            "file": "insured.csv",
            "read": 2,
            "loaded": 1,
            "left_out": 0,
            "folded": 0,
            "quarantined": 1,
            "cells_nulled": 0,
        }
    ]


def test_portfolio_comes_from_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWISE_PORTFOLIO", str(tmp_path / "mine"))
    feed = write_feed(tmp_path / "feed", files={"insured.csv": FILES["insured.csv"]})
    assert run(capsys, "load", str(feed))[0] == 0
    assert (tmp_path / "mine" / "current").is_file()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("name = ", "not TOML"),
        ('name = "x"\n[[table]]\nname = "claims"\nfile = "a.csv"\n', "claim"),
        ('name = "x"\n[[table]]\nname = "claim"\nfile = "gone.csv"\n', "gone.csv"),
        ('name = "x"\n[[table]]\nname = "claim"\nfile = "a.csv"\n[table.columns]\nnumber = "a"\n', "number"),
        (
            'name = "x"\n[[table]]\nname = "claim"\nfile = "a.csv"\n[table.columns]\nclaim_id = "\\"Numbr\\""\n',
            "Number",
        ),
        (
            'name = "x"\n[[table]]\nname = "claim"\nfile = "a.csv"\n[table.columns]\nclaim_id = "(select 1)"\n',
            "subquer",
        ),
        (
            'name = "x"\n[[table]]\nname = "claim"\nfile = "a.csv"\n[table.columns]\nclaim_id = "read_text(1)"\n',
            "read_text",
        ),
        ('name = "x"\n[[table]]\nname = "claim"\nfile = "../secret.csv"\n', "secret.csv"),
        ('name = "x"\n[[table]]\nname = "claim"\nfile = "a.csv"\nsheet = "Nope"\n', "sheet"),
    ],
)
def test_a_wrong_feed_ends_with_2_and_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toml: str, said: str
) -> None:
    (tmp_path / "secret.csv").write_text("Number\n1\n")
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "a.csv").write_text("Number,Paid\n1,2\n")
    (folder / "feed.toml").write_text(toml)
    code, out, err = run(capsys, "load", str(folder), "--portfolio", str(tmp_path / "p"))
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, out, len(errors)) == (2, "", 1)
    assert said in errors[0]
    assert "Traceback" not in err
    assert not (tmp_path / "p" / "current").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b'claim_id,paid_amount\n1,"2\n3,4\n', "quote"), (b"PK\x03\x04 no workbook", "a.csv")],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    feed = write_feed(tmp_path / "feed", files={"a.csv": content}, tables='[[table]]\nname = "claim"\nfile = "a.csv"\n')
    code, _, err = run(capsys, "load", str(feed), "--portfolio", str(tmp_path / "p"))
    assert code == 2
    assert said in err
    assert "a.csv" in err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_encodings_of_the_office_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str) -> None:
    content = "insured_id,name\nI1,Société Générale\n".encode(encoding)
    feed = write_feed(tmp_path / "feed", files={"insured.csv": content})
    assert run(capsys, "load", str(feed), "--portfolio", str(tmp_path / "p"))[0] == 0
    _, out, _ = run(capsys, "sql", "select name from insured", "--format", "csv", "--portfolio", str(tmp_path / "p"))
    assert out == "name\nSociété Générale\n"


def test_describe_names_every_table_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "describe")
    assert code == 0
    for table in contract().values():
        assert f"\n{table.name}: {table.meaning}" in "\n" + out
        for column in table.columns:
            assert f"  {column.name} (" in out
    code, out, _ = run(capsys, "describe", "lane")
    assert out.startswith("lane: A way of goods: from one place to another by a mode.\n  key: lane_id\n")
    assert run(capsys, "describe", "lanes")[0] == 2


def test_every_column_says_what_it_means() -> None:
    for table in contract().values():
        assert table.meaning
        for column in table.columns:
            assert len(column.meaning) > 5, (table.name, column.name)


def test_sql_prints_table_csv_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_files(tmp_path)
    where = ("--portfolio", str(tmp_path / "portfolio"))
    query = "select insured_id, count(*) as shipments from shipment group by all order by 1"
    assert run(capsys, "sql", query, *where)[1] == "insured_id  shipments\nI1          2\nI2          2\n"
    assert run(capsys, "sql", query, "--format", "csv", *where)[1] == "insured_id,shipments\nI1,2\nI2,2\n"
    assert json.loads(run(capsys, "sql", query, "--format", "json", *where)[1]) == [
        {"insured_id": "I1", "shipments": 2},
        {"insured_id": "I2", "shipments": 2},
    ]


@pytest.mark.parametrize(
    "query",
    [
        "drop table claim",
        "select 1; select 2",
        "insert into claim values (1)",
        "copy claim to 'x.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "attach 'x.db'",
        "select * from nowhere",
        "selec 1",
        "set threads = 1",
        "",
    ],
)
def test_sql_runs_one_select_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str], query: str) -> None:
    load_files(tmp_path, files={"insured.csv": FILES["insured.csv"]})
    code, out, err = run(capsys, "sql", query, "--portfolio", str(tmp_path / "portfolio"))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_sql_on_an_empty_portfolio_says_how_to_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "sql", "select 1", "--portfolio", str(tmp_path / "none"))
    assert code == 2
    assert "python -m data load FEED" in err
