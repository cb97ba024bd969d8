"""What a feed may say, what it is told when it says something else, and which files it may reach."""

import os
from datetime import date
from pathlib import Path

import pytest

from data.errors import LanewiseError
from data.feed import FeedError, read_feed
from data.reading import ReadOptions

TSA = """
name = "tsa-2015"
currency = "USD"
timezone = "America/New_York"
as_of = "2016-02-09"

[[table]]
name = "claim"
file = "claims-2015.xlsx"
sheet = "Sheet1"
where = '''"Claim Type" = 'Passenger Property Loss' '''
on_conflict = "latest"
[table.columns]
claim_id = '"Claim Number"'
paid_amount = '''replace("Close Amount", '$', '')'''
"""


def written(folder, toml, *files):
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n")
    content = toml.encode() if isinstance(toml, str) else toml
    (folder / "feed.toml").write_bytes(content)
    return folder


def claims(file="claims.csv", *, top="", table="", columns=""):
    return f'name = "mine"\n{top}\n[[table]]\nname = "claim"\nfile = {file!r}\n{table}\n[table.columns]\n{columns}\n'


def refusal(feed, **options):
    with pytest.raises(FeedError) as caught:
        read_feed(feed, **options)
    return str(caught.value)


def test_a_feed_is_read_as_it_is_written(tmp_path):
    feed = read_feed(written(tmp_path, TSA, "claims-2015.xlsx"))
    assert (feed.name, feed.currency, feed.timezone) == ("tsa-2015", "USD", "America/New_York")
    assert (feed.as_of, feed.id_prefix, feed.synthetic) == (date(2016, 2, 9), "", False)
    assert feed.path == tmp_path / "feed.toml"
    (table,) = feed.tables
    assert (table.name, table.pattern, table.number) == ("claim", "claims-2015.xlsx", 1)
    assert table.files == (("claims-2015.xlsx", tmp_path / "claims-2015.xlsx"),)
    assert table.options == ReadOptions(sheet="Sheet1")
    assert table.where == """"Claim Type" = 'Passenger Property Loss' """
    assert (table.distinct, table.on_conflict, table.dateformat) == (False, "latest", None)
    assert table.columns == {"claim_id": '"Claim Number"', "paid_amount": """replace("Close Amount", '$', '')"""}


def test_what_is_left_out_has_its_default(tmp_path):
    feed = read_feed(written(tmp_path, claims(), "claims.csv"))
    assert (feed.currency, feed.timezone, feed.as_of) == (None, "UTC", None)
    (table,) = feed.tables
    assert (table.where, table.distinct, table.on_conflict, table.columns) == (None, False, "quarantine", {})
    assert table.options == ReadOptions()


def test_every_reading_option_is_passed_on(tmp_path):
    stated = """
    sheet = "2015"
    header_row = 0
    skip = 3
    delimiter = "\\t"
    decimal = ","
    encoding = "cp1252"
    dateformat = "%d-%b-%y"
    distinct = true
    """
    (table,) = read_feed(written(tmp_path, claims(table=stated), "claims.csv")).tables
    assert table.options == ReadOptions("2015", 0, 3, "\t", ",", "cp1252")
    assert (table.dateformat, table.distinct) == ("%d-%b-%y", True)


def test_a_toml_may_lie_apart_from_its_files(tmp_path):
    files = written(tmp_path / "files", "", "claims.csv")
    toml = tmp_path / "tsa.toml"
    toml.write_text(claims())
    assert read_feed(toml, files=files).tables[0].files == (("claims.csv", files / "claims.csv"),)
    assert "there is no file 'claims.csv'" in refusal(toml)


def test_relative_paths_and_a_linked_files_folder_lead_to_real_ones(tmp_path, monkeypatch):
    written(tmp_path / "real", claims(), "claims.csv")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    assert read_feed(Path("alias")).tables[0].files == (("claims.csv", tmp_path / "real" / "claims.csv"),)


def test_tables_come_parents_first_and_keep_their_numbers(tmp_path):
    toml = 'name = "mine"\n' + "".join(
        f'[[table]]\nname = "{name}"\nfile = "x.csv"\n' for name in ("claim_movement", "claim", "lane", "claim", "site")
    )
    tables = read_feed(written(tmp_path, toml, "x.csv")).tables
    names = [table.name for table in tables]
    assert names.index("site") < names.index("lane")
    assert names.index("claim") < names.index("claim_movement")
    assert [table.number for table in tables if table.name == "claim"] == [2, 4]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    toml = b"\xef\xbb\xbf" + claims().replace("\n", "\r\n").encode()
    assert read_feed(written(tmp_path, toml, "claims.csv")).name == "mine"


def test_a_toml_date_is_a_date(tmp_path):
    assert read_feed(written(tmp_path, claims(top="as_of = 2016-02-09"), "claims.csv")).as_of == date(2016, 2, 9)


NOT_TOML = [
    (b"name = tsa", "it is not TOML: Invalid value (at line 1, column 8)"),
    (b'name = "a"\nfile = "C:\\data"\n', "line 2"),
    (b"Claim Number,Amount\n1,2\n", "Expected '=' after a key in a key/value pair (at line 1, column 7)"),
    (b"as_of = 2015-02-30\n", "it is not TOML"),
    (b'name = "a"\nname = "b"\n', "Cannot overwrite a value (at line 2"),
    (b"x = " + b"[" * 5_000, "it is not TOML"),
    ('name = "a"'.encode("utf-16"), "it is written in UTF-16. Save it as UTF-8."),
    ('name = "a"'.encode("utf-16-le"), "it is written in UTF-16. Save it as UTF-8."),
    ('x = 1\nname = "C\u00f3rdoba"'.encode("latin-1"), "line 2 has a byte that is not UTF-8 (0xf3). Save it as UTF-8."),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), NOT_TOML, ids=range(len(NOT_TOML)))
def test_what_is_not_toml_is_told_where(tmp_path, content, reason):
    message = refusal(written(tmp_path, content))
    assert message.startswith(f"{tmp_path}/feed.toml: ")
    assert reason in message


FEEDS = [
    ("", "it fills no table"),
    ('name = "x"', "it fills no table. Write [[table]]"),
    ('name = "x"\ntable = 3', "it fills no table"),
    ('name = "x"\n[table]\nname = "claim"', "Write [[table]], with two brackets"),
    ('[[table]]\nname = "claim"\nfile = "claims.csv"', "it has no name. Write name ="),
    (claims(top='curency = "USD"'), "a feed has no 'curency'. Did you mean 'currency'?"),
    (claims(top='file = "claims.csv"'), "a feed has no 'file'. It belongs to a table: write it below [[table]]."),
    (claims(top="[columns]\nclaim_id = 'x'"), "a feed has no 'columns'. Write [table.columns]"),
    (claims(top='currency = "usd"'), "currency is 'usd'. Write three capital letters"),
    (claims(top='currency = "US$"'), "currency is 'US$'"),
    (claims(top="currency = 840"), "currency is 840, not text"),
    (claims(top='currency = ""'), "currency is empty"),
    (claims(top='timezone = "America/New York"'), "which is no zone. Did you mean 'America/New_York'?"),
    (claims(top='timezone = "america/new_york"'), "Did you mean 'America/New_York'?"),
    (claims(top='timezone = "Tokyo"'), "Did you mean 'Asia/Tokyo'?"),
    (claims(top='timezone = "+05:30"'), "timezone is '+05:30', which is no zone. Write its place"),
    (claims(top='timezone = "localtime"'), "which is no zone"),
    (claims(top='as_of = "09/02/2016"'), "as_of is '09/02/2016', which is no date. Write as_of = \"2016-02-09\"."),
    (claims(top='as_of = "2016-02-30"'), "which is no date"),
    (claims(top='as_of = "20160209"'), "which is no date"),
    (claims(top="as_of = 2016-02-09T10:00:00"), "which is no date"),
    (claims(top='synthetic = "no"'), "synthetic is 'no'. Write synthetic = true or synthetic = false, without quotes."),
    (claims(top="synthetic = 0"), "synthetic is 0"),
    (claims(top="id_prefix = 3"), "id_prefix is 3"),
    (claims(top='id_prefix = "a\\nb"'), "id_prefix is 'a\\nb'"),
]  # fmt: skip


@pytest.mark.parametrize(("toml", "reason"), FEEDS, ids=[feed[1] for feed in FEEDS])
def test_a_wrong_feed_is_told_what_to_write(tmp_path, toml, reason):
    message = refusal(written(tmp_path, toml, "claims.csv"))
    assert message.startswith(f"{tmp_path}/feed.toml: ")
    assert reason in message


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".hidden", "a\\\\b", "a\\u0000b", "a\\nb", " a", "a:b", "*"])
def test_a_name_that_could_be_a_path_is_refused(tmp_path, name):
    toml = claims().replace('name = "mine"', f'name = "{name}"')
    assert "name is" in refusal(written(tmp_path, toml, "claims.csv"))


TABLES = [
    ('name = "mine"\n[[table]]\nfile = "claims.csv"', " (", "it has no name. Write name = one of "),
    ('name = "mine"\n[[table]]\nname = "claims"\nfile = "claims.csv"', " (claims): ",
     "there is no table 'claims'. Did you mean 'claim'?"),
    ('name = "mine"\n[[table]]\nname = "xyzzy"\nfile = "claims.csv"', " (xyzzy): ", "Tables are "),
    ('name = "mine"\n[[table]]\nname = "claim"', " (claim): ", "it names no file. Write file = \"claims.csv\""),
    (claims(table="fil = 'x'"), " (claim): ", "a table has no 'fil'. Did you mean 'file'?"),
    (claims(table='currency = "USD"'), " (claim): ", "a table has no 'currency'. It belongs to the whole feed"),
    (claims(table='header_row = "x"'), " (claim): ", "header_row is 'x'. Write a whole number: header_row = 1."),
    (claims(table="header_row = 1.0"), " (claim): ", "header_row is 1.0"),
    (claims(table="header_row = true"), " (claim): ", "header_row is true"),
    (claims(table="header_row = -1"), " (claim): ", "header_row is -1, below 0"),
    (claims(table="skip = -2"), " (claim): ", "skip is -2, below 0"),
    (claims(table='distinct = "yes"'), " (claim): ", "distinct is 'yes'. Write distinct = true"),
    (claims(table='on_conflict = "newest"'), " (claim): ",
     'Write on_conflict = "quarantine" or on_conflict = "latest".'),
    (claims(table="on_conflict = 1"), " (claim): ", "on_conflict is 1"),
    (claims(table="sheet = 1"), " (claim): ", "sheet is 1, not text"),
    (claims(table='delimiter = ";;"'), " (claim): ", "delimiter is ';;'. Write one character"),
    (claims(table="delimiter = '\"'"), " (claim): ", "Write one character"),
    (claims(table="delimiter = 9"), " (claim): ", "delimiter is 9"),
    (claims(table='decimal = "comma"'), " (claim): ", "decimal is 'comma'"),
    (claims(table='decimal = ","\ndelimiter = ","'), " (claim): ", "decimal and delimiter are both ','"),
    (claims(table='encoding = "utf-99"'), " (claim): ", "encoding is 'utf-99', which is none"),
    (claims(table='encoding = "base64"'), " (claim): ", "encoding is 'base64', which is none"),
    (claims(table='dateformat = "dd/mm/yyyy"'), " (claim): ",
     "dateformat is 'dd/mm/yyyy'. Write it in strptime's letters"),
    (claims(table='dateformat = "%d/%Q"'), " (claim): ", "dateformat is '%d/%Q'"),
    (claims(table='where = ""'), " (claim): ", "where is empty"),
    (claims(table="where = true"), " (claim): ", "where is true, not text"),
    (claims(table="file_ = 1"), " (claim): ", "a table has no 'file_'"),
    ('name = "mine"\n[[table]]\nname = "claim"\nfile = ["a.csv", "b.csv"]', " (claim): ", "file is a list, not text"),
    ('name = "mine"\n[[table]]\nname = "claim"\nfile = "claims.csv"\ncolumns = "x"', " (claim): ",
     "columns is 'x'. Write [table.columns]"),
    (claims(columns="paid_amout = 'x'"), " (claim), column paid_amout: ",
     "the table 'claim' has no column 'paid_amout'. Did you mean 'paid_amount'?"),
    (claims(columns="lane_id = 'x'"), " (claim), column lane_id: ", "It is a column of "),
    (claims(columns="zzzzzz = 'x'"), " (claim), column zzzzzz: ", "Its columns are claim_id, kind, "),
    (claims(columns="where = 'x'"), " (claim), column where: ", "write it above [table.columns]"),
    (claims(columns="paid_amount = 0"), " (claim), column paid_amount: ", "it is 0, not SQL in quotes"),
    (claims(columns="paid_amount = ' '"), " (claim), column paid_amount: ", "its SQL is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("toml", "place", "reason"), TABLES, ids=[table[2] for table in TABLES])
def test_a_wrong_table_is_named_with_its_number_and_what_to_write(tmp_path, toml, place, reason):
    message = refusal(written(tmp_path, toml, "claims.csv"))
    where = f"{tmp_path}/feed.toml, [[table]] number 1"
    assert message.startswith(where if place == " (" else where + place)
    assert reason in message


def test_the_second_table_is_called_the_second(tmp_path):
    toml = claims() + '[[table]]\nname = "lanes"\nfile = "claims.csv"\n'
    assert "[[table]] number 2 (lanes): there is no table 'lanes'" in refusal(written(tmp_path, toml, "claims.csv"))


def test_errors_belong_to_the_one_family():
    assert issubclass(FeedError, LanewiseError)


def test_a_missing_feed_says_what_there_is(tmp_path):
    assert "the folder has no feed.toml. Write a feed.toml into it." in refusal(tmp_path)
    (tmp_path / "tsa.toml").write_text(claims())
    assert "the folder has no feed.toml. Name one of these: tsa.toml." in refusal(tmp_path)
    assert "there is no such feed" in refusal(tmp_path / "nothing.toml")
    assert "there is no folder" in refusal(tmp_path / "tsa.toml", files=tmp_path / "nowhere")
    assert "is no folder" in refusal(tmp_path / "tsa.toml", files=tmp_path / "tsa.toml")


def test_a_feed_that_never_ends_or_is_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "feed.toml")
    assert "it is no regular file" in refusal(tmp_path)
    with (tmp_path / "data.toml").open("wb") as big:
        big.truncate(6_000_000)
    assert "it has 6,000,000 bytes, too many for a feed" in refusal(tmp_path / "data.toml")


def shown(feed):
    return [name for name, _ in read_feed(feed).tables[0].files]


@pytest.mark.parametrize(("pattern", "expected"), [
    ("*.csv", ["claims (1).csv", "claims-a.csv", "claims-b.csv"]),
    ("claims-?.csv", ["claims-a.csv", "claims-b.csv"]),
    ("claims-[ab].csv", ["claims-a.csv", "claims-b.csv"]),
    ("claims-[!a].csv", ["claims-b.csv"]),
    ("./claims-a.csv", ["claims-a.csv"]),
    ("claims (1).csv", ["claims (1).csv"]),
    ("2015/claims-a.csv", ["2015/claims-a.csv"]),
    ("*/claims-a.csv", ["2015/claims-a.csv"]),
    ("**/claims-a.csv", ["2015/01/claims-a.csv", "2015/claims-a.csv", "claims-a.csv"]),
    ("2015/**/*.csv", ["2015/01/claims-a.csv", "2015/claims-a.csv"]),
    ("2015/**", ["2015/01/claims-a.csv", "2015/claims-a.csv"]),
    ("**/**/claims-b.csv", ["claims-b.csv"]),
    (".hidden.csv", [".hidden.csv"]),
    ("odd[1].csv.gz", ["odd[1].csv.gz"]),
])  # fmt: skip
def test_patterns_mean_what_they_mean_in_a_shell_sorted(tmp_path, pattern, expected):
    names = ("claims-b.csv", "claims-a.csv", "claims (1).csv", ".hidden.csv", "~$claims-a.csv", "odd[1].csv.gz",
             "2015/claims-a.csv", "2015/01/claims-a.csv", ".git/claims-a.csv")  # fmt: skip
    folder = written(tmp_path, claims(pattern), *names)
    assert shown(folder) == expected
    assert all(path == (tmp_path / name).resolve() for name, path in read_feed(folder).tables[0].files)


def test_many_stars_end_soon(tmp_path):
    deep = "/".join(["d"] * 20)
    folder = written(tmp_path, claims("**/*/" * 9 + "x.csv"), f"{deep}/x.csv")
    assert shown(folder) == [f"{deep}/x.csv"]


MISSING = [
    ("claims-2014.csv", "there is no file 'claims-2014.csv' in {}. Did you mean 'claims-2015.csv'?"),
    ("CLAIMS-2015.CSV", "Did you mean 'claims-2015.csv'?"),
    ("claims-2015.xlsx", "Did you mean 'claims-2015.csv'?"),
    ("2015/lanes.tsv", "Did you mean 'old/lanes.tsv'?"),
    ("zzz", "there is no file 'zzz' in {}. It holds 'claims-2015.csv', 'old/lanes.tsv'."),
    ("claims-2015.csv/x", "there is no file"),
    ("*.CSV", "no file matches '*.CSV' in {}. Did you mean 'claims-2015.csv'?"),
    ("*.parquet", "no file matches '*.parquet' in {}"),
    ("nowhere/*.csv", "no file matches 'nowhere/*.csv' in {}"),
    ("x" * 5_000, "there is no file"),
]


@pytest.mark.parametrize(("pattern", "reason"), MISSING, ids=[missing[0][:20] for missing in MISSING])
def test_a_missing_file_says_where_it_was_looked_for_and_what_is_there(tmp_path, pattern, reason):
    folder = written(tmp_path, claims(pattern), "claims-2015.csv", "old/lanes.tsv")
    message = refusal(folder)
    assert message.startswith(f"{tmp_path}/feed.toml, [[table]] number 1 (claim): ")
    assert reason.format(tmp_path) in message


def test_an_empty_folder_hints_at_the_option(tmp_path):
    assert "It holds no files: name the folder of the files with --files." in refusal(written(tmp_path, claims()))


@pytest.mark.parametrize(("pattern", "reason"), [
    ("/etc/passwd", "not a relative path"),
    ("//server/share/x.csv", "not a relative path"),
    ("~/x.csv", "not a relative path"),
    ("C:/x.csv", "not a relative path"),
    ("c:x.csv", "not a relative path"),
    ("\\\\server\\x.csv", "not a relative path"),
    ("data\\x.csv", "with a backslash. Folders are separated by /."),
    ("../outside.csv", "which leaves its folder by .."),
    ("inside/../../outside.csv", "which leaves its folder by .."),
    ("inside/../claims.csv", "which leaves its folder by .."),
    ("*/../../*.csv", "which leaves its folder by .."),
    ("..", "which leaves its folder by .."),
    ("https://example.org/x.csv", "an address. Files are not fetched."),
    ("s3://bucket/x.csv", "an address"),
    ("file:///etc/passwd", "an address"),
    ("", "file is empty"),
    (".", "a folder"),
    ("inside/", "a folder"),
    ("inside", "'inside' is a folder. Write file = \"inside/*.csv\"."),
])  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(tmp_path, pattern, reason):
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "outside.csv").write_text("secret\n")
    toml = f"name = 'mine'\n[[table]]\nname = 'claim'\nfile = '{pattern}'\n"
    assert reason in refusal(written(folder, toml, "inside/claims.csv", "claims.csv"))


@pytest.mark.parametrize("character", ["\\u0000", "\\n", "\\u001b"])
def test_control_characters_in_a_path_are_refused(tmp_path, character):
    toml = claims().replace("'claims.csv'", f'"claims.csv{character}"')
    assert "with control characters" in refusal(written(tmp_path, toml, "claims.csv"))


@pytest.fixture
def linked(tmp_path):
    """A folder of files, with links in it to a file and a folder beside it, to a file within, and to nothing."""
    outside, folder = tmp_path / "outside", tmp_path / "files"
    outside.mkdir()
    (outside / "secret.csv").write_text("secret\n")
    folder.mkdir()
    (folder / "claims.csv").write_text("x\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "within.csv").symlink_to(folder / "claims.csv")
    (folder / "broken.csv").symlink_to(folder / "nothing")
    (folder / "door").symlink_to(outside)
    return folder


@pytest.mark.parametrize(("pattern", "link"), [
    ("sub/link.csv", "sub/link.csv"),
    ("sub/*.csv", "sub/link.csv"),
    ("within.csv", "within.csv"),
    ("within*", "within.csv"),
    ("broken.csv", "broken.csv"),
    ("door/secret.csv", "door"),
    ("door", "door"),
    ("door/*.csv", "door"),
    ("d*/secret.csv", "door"),
    ("**/secret.csv", "door"),
])  # fmt: skip
def test_links_are_refused_wherever_they_stand(linked, pattern, link):
    message = refusal(written(linked, claims(pattern)))
    assert f"{link!r} in {linked} is a link. Links are not followed: put the file itself there." in message


def test_links_that_are_not_asked_for_do_no_harm(linked):
    assert shown(written(linked, claims("c*.csv"))) == ["claims.csv"]


@pytest.mark.parametrize("pattern", ["pipe.csv", "p*.csv"])
def test_pipes_are_refused_unopened(tmp_path, pattern):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "'pipe.csv' is no regular file" in refusal(written(tmp_path, claims(pattern)))


def test_folders_that_match_a_glob_are_passed_over(tmp_path):
    assert shown(written(tmp_path, claims("*.csv"), "a.csv", "b.csv/inner.txt")) == ["a.csv"]


def test_a_file_name_that_is_no_utf8_is_told(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/c\xf3rdoba.csv")).write_text("x\n")
    assert "a file's name is not UTF-8: 'c\\udcf3rdoba.csv'. Rename it." in refusal(written(tmp_path, claims("*.csv")))
