"""A feed: the user's own words, in TOML, on which files fill which tables of the contract and how."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

import duckdb

from data.contract import Table, contract
from data.errors import LanewiseError
from data.reading import ReadOptions

FEED_FILE = "feed.toml"
DEFAULT_TIMEZONE = "UTC"
LARGEST_FEED_BYTES = 5_000_000

_FEED_KEYS = ("name", "currency", "timezone", "id_prefix", "as_of", "synthetic", "table")
_OPTION_KEYS = ("sheet", "header_row", "skip", "delimiter", "decimal", "encoding")
_TABLE_KEYS = ("name", "file", *_OPTION_KEYS, "dateformat", "where", "distinct", "on_conflict", "columns")
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')
# Known to zoneinfo as files of this machine, not as places: DuckDB has no such zones.
_NO_ZONES = {"localtime", "Factory", "posixrules"}
_QUOTES = "Text stands in quotes; SQL that has both kinds of quote stands between three: '''...'''."


class FeedError(LanewiseError):
    """A feed that cannot be loaded as it is written."""


@dataclass(frozen=True)
class TableFeed:
    """What fills one table: files, how to read them, and SQL for its columns."""

    name: str
    """Table of the contract."""
    pattern: str
    """The files as the feed writes them: a path or a glob."""
    files: tuple[tuple[str, Path], ...]
    """Name as shown and real, absolute path of each file, by name; at least one."""
    options: ReadOptions
    dateformat: str | None
    """How dates are written, in strptime's letters; None for the usual ways."""
    where: str | None
    """SQL over the source's columns for the rows to take; None for all."""
    distinct: bool
    """One row a contract key, the most frequent variant."""
    on_conflict: Literal["quarantine", "latest"]
    """What becomes of rows of one key with different content."""
    columns: Mapping[str, str]
    """SQL over the source's columns, by column of the contract."""
    number: int
    """Position among the feed's tables as written, from 1."""


@dataclass(frozen=True)
class Feed:
    """One source of data under one name, with its tables in the order in which they can be loaded."""

    name: str
    currency: str | None
    """ISO 4217 code of amounts that carry none."""
    timezone: str
    """Zone of timestamps that carry no offset."""
    id_prefix: str
    """Put before every id of this feed."""
    as_of: date | None
    """The data's date; None for its latest event."""
    synthetic: bool
    tables: tuple[TableFeed, ...]
    path: Path
    """The TOML file, absolute."""


def read_feed(feed: Path, *, files: Path | None = None) -> Feed:
    """What does this feed say, and which files does it mean?

    Parameters
    ----------
    feed
        A folder with a `feed.toml`, or a TOML file.
    files
        Folder below which the files lie; by default the folder of the TOML file.

    Raises
    ------
    FeedError
        When it is not TOML, holds something that a feed cannot hold, or names files that are not there or that may
        not be read: absolute paths, paths with `..`, links, and whatever is no regular file.
    """
    path = _feed_path(feed)
    where = str(path)
    folder = _folder(path.parent if files is None else files, where)
    content = _toml(path)
    _check_keys(content, _FEED_KEYS, where, "a feed")
    tables = content.get("table")
    if isinstance(tables, dict):
        raise FeedError("[table] is one table", where=where, hint="Write [[table]], with two brackets, for each.")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise FeedError(
            "it fills no table",
            where=where,
            hint='Write [[table]] and below it name = "claim", file = "claims.csv" and [table.columns].',
        )
    name = _feed_name(content, where)
    read = [_table(table, number, folder, where) for number, table in enumerate(tables, start=1)]
    order = list(contract())
    return Feed(
        name=name,
        currency=_currency(content, where),
        timezone=_timezone(content, where),
        id_prefix=_id_prefix(content, where),
        as_of=_as_of(content, where),
        synthetic=_switch(content, "synthetic", where),
        tables=tuple(sorted(read, key=lambda table: order.index(table.name))),
        path=path,
    )


def _feed_path(feed: Path) -> Path:
    path = feed.absolute()
    try:
        if path.is_dir():
            others = sorted(other.name for other in path.glob("*.toml"))
            path = path / FEED_FILE
            if not path.exists():
                hint = f"Name one of these: {', '.join(others[:8])}." if others else f"Write a {FEED_FILE} into it."
                raise FeedError(f"the folder has no {FEED_FILE}", where=str(path.parent), hint=hint)
        if not path.exists():
            raise FeedError(
                "there is no such feed", where=str(path), hint=f"Name a .toml or a folder with {FEED_FILE}."
            )
        if not path.is_file():
            raise FeedError("it is no regular file", where=str(path), hint="Name a .toml file.")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise FeedError(f"the feed cannot be reached: {error}", where=str(feed)) from None
    if size > LARGEST_FEED_BYTES:
        raise FeedError(f"it has {size:,} bytes, too many for a feed", where=str(path), hint="Name the .toml file.")
    return path


def _folder(folder: Path, where: str) -> Path:
    try:
        real = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise FeedError(f"there is no folder {folder}", where=where, hint="Name the folder of the files.") from None
    if not real.is_dir():
        raise FeedError(f"{folder} is no folder", where=where, hint="Name the folder in which the files lie.")
    return real


def _toml(path: Path) -> dict[str, Any]:
    where = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FeedError(f"it cannot be read: {error.strerror}", where=where) from None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:4]:
        raise FeedError("it is written in UTF-16", where=where, hint="Save it as UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FeedError(
            f"line {line} has a byte that is not UTF-8 ({raw[error.start]:#04x})", where=where, hint="Save it as UTF-8."
        ) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FeedError(f"it is not TOML: {error}", where=where, hint=_QUOTES) from None
    except (RecursionError, ValueError) as error:
        # A date such as 2015-02-30 is a ValueError of its own, a thousand brackets are a RecursionError.
        raise FeedError(f"it is not TOML: {error}", where=where, hint=_QUOTES) from None


def _check_keys(content: Mapping[str, Any], known: tuple[str, ...], where: str, what: str) -> None:
    for key in content:
        if key in known:
            continue
        if key == "columns":
            hint = "Write [table.columns], below the [[table]] that it belongs to."
        elif key in _TABLE_KEYS and known is _FEED_KEYS:
            hint = f"It belongs to a table: write it below [[table]]. {_did_you_mean(key, known)}".strip()
        elif key in _FEED_KEYS and known is _TABLE_KEYS:
            hint = "It belongs to the whole feed: write it above the first [[table]]."
        else:
            hint = _did_you_mean(key, known) or f"It may have {', '.join(known)}."
        raise FeedError(f"{what} has no {key!r}", where=where, hint=hint)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    spelled = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), list(spelled), n=1, cutoff=0.6)
    return f"Did you mean {spelled[close[0]]!r}?" if close else ""


def _text(content: Mapping[str, Any], key: str, where: str, *, example: str) -> str | None:
    value = content.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FeedError(f"{key} is {_shown(value)}, not text", where=where, hint=f"Write {key} = {example}.")
    if not value.strip():
        raise FeedError(f"{key} is empty", where=where, hint=f"Write {key} = {example}, or leave it out.")
    return value


def _switch(content: Mapping[str, Any], key: str, where: str) -> bool:
    value = content.get(key, False)
    if not isinstance(value, bool):
        raise FeedError(
            f"{key} is {_shown(value)}", where=where, hint=f"Write {key} = true or {key} = false, without quotes."
        )
    return value


def _count(content: Mapping[str, Any], key: str, where: str) -> int | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise FeedError(f"{key} is {_shown(value)}", where=where, hint=f"Write a whole number: {key} = 1.")
    if value < 0:
        raise FeedError(f"{key} is {value}, below 0", where=where, hint=f"Write {key} = 0 or more.")
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"{value[:80]!r}"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else str(value)


def _feed_name(content: Mapping[str, Any], where: str) -> str:
    name = _text(content, "name", where, example='"claims-2015"')
    hint = 'Write name = "claims-2015": letters, digits, blanks and - at most 100 long.'
    if name is None:
        raise FeedError("it has no name", where=where, hint=hint)
    if name != name.strip() or not name.isprintable() or _NOT_IN_NAMES & set(name) or name.startswith("."):
        raise FeedError(f"name is {name[:100]!r}, which cannot name a feed", where=where, hint=hint)
    if len(name) > 100:
        raise FeedError(f"name has {len(name)} characters", where=where, hint=hint)
    return name


def _currency(content: Mapping[str, Any], where: str) -> str | None:
    currency = _text(content, "currency", where, example='"USD"')
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise FeedError(
            f"currency is {_shown(currency)}",
            where=where,
            hint='Write three capital letters of ISO 4217: currency = "USD".',
        )
    return currency


def _timezone(content: Mapping[str, Any], where: str) -> str:
    zone = _text(content, "timezone", where, example='"America/New_York"')
    if zone is None:
        return DEFAULT_TIMEZONE
    known = available_timezones() - _NO_ZONES
    if zone not in known:
        hint = _did_you_mean(zone.replace(" ", "_"), known) or _same_place(zone, known)
        raise FeedError(
            f"timezone is {_shown(zone)}, which is no zone",
            where=where,
            hint=hint or 'Write its place: timezone = "America/New_York", or "UTC".',
        )
    return zone


def _same_place(zone: str, known: set[str]) -> str:
    place = zone.rpartition("/")[2].strip().replace(" ", "_").lower()
    return next((f"Did you mean {name!r}?" for name in sorted(known) if name.lower().endswith(f"/{place}")), "")


def _id_prefix(content: Mapping[str, Any], where: str) -> str:
    prefix = content.get("id_prefix", "")
    if not isinstance(prefix, str) or not prefix.isprintable() or len(prefix) > 50:
        raise FeedError(
            f"id_prefix is {_shown(prefix)}",
            where=where,
            hint='Write a short text: id_prefix = "tsa-", or leave it out.',
        )
    return prefix


def _as_of(content: Mapping[str, Any], where: str) -> date | None:
    value = content.get("as_of")
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise FeedError(f"as_of is {_shown(value)}, which is no date", where=where, hint='Write as_of = "2016-02-09".')


def _table(content: Mapping[str, Any], number: int, folder: Path, feed: str) -> TableFeed:
    where = f"{feed}, [[table]] number {number}"
    name = _text(content, "name", where, example='"claim"')
    tables = contract()
    if name is None:
        raise FeedError("it has no name", where=where, hint=f"Write name = one of {', '.join(tables)}.")
    where = f"{where} ({name[:80]})"
    if name not in tables:
        hint = _did_you_mean(name, tables) or f"Tables are {', '.join(tables)}."
        raise FeedError(f"there is no table {name[:80]!r}", where=where, hint=hint)
    _check_keys(content, _TABLE_KEYS, where, "a table")
    pattern = _text(content, "file", where, example='"claims.csv"')
    if pattern is None:
        raise FeedError("it names no file", where=where, hint='Write file = "claims.csv", or a glob: "claims-*.csv".')
    return TableFeed(
        name=name,
        pattern=pattern,
        files=_files(pattern, folder, where),
        options=ReadOptions(**_options(content, where)),
        dateformat=_dateformat(content, where),
        where=_text(content, "where", where, example="""'''"Claim Type" = 'Theft' '''"""),
        distinct=_switch(content, "distinct", where),
        on_conflict=_on_conflict(content, where),
        columns=_columns(content, tables[name], where),
        number=number,
    )


def _options(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Those of the reading options that the feed states, checked."""
    delimiter = _text_or_tab(content, where)
    decimal = _text(content, "decimal", where, example='","')
    encoding = _text(content, "encoding", where, example='"cp1252"')
    if decimal not in {None, ".", ","}:
        raise FeedError(f"decimal is {_shown(decimal)}", where=where, hint='Write decimal = "." or decimal = ",".')
    if decimal is not None and decimal == delimiter:
        raise FeedError(f"decimal and delimiter are both {decimal!r}", where=where, hint="One of them is another.")
    if encoding is not None:
        try:
            "".encode(encoding)
        except (LookupError, ValueError):
            raise FeedError(
                f"encoding is {_shown(encoding)}, which is none", where=where, hint='Write encoding = "cp1252".'
            ) from None
    stated = {
        "sheet": _text(content, "sheet", where, example='"Sheet1"'),
        "header_row": _count(content, "header_row", where),
        "skip": _count(content, "skip", where),
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _text_or_tab(content: Mapping[str, Any], where: str) -> str | None:
    value = content.get("delimiter")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 1 or value in "\"'\r\n\0" or value.isalnum() or not value.isascii():
        raise FeedError(
            f"delimiter is {_shown(value)}",
            where=where,
            hint=r'Write one character: delimiter = ";" or "\t" for a tab.',
        )
    return value


def _dateformat(content: Mapping[str, Any], where: str) -> str | None:
    value = _text(content, "dateformat", where, example='"%d-%b-%y"')
    if value is None:
        return None
    hint = 'Write it in strptime\'s letters: dateformat = "%d/%m/%Y" for 31/12/2015, "%d-%b-%y" for 31-Dec-15.'
    if "%" not in value:
        raise FeedError(f"dateformat is {_shown(value)}", where=where, hint=hint)
    connection = duckdb.connect()
    try:
        connection.execute("select try_strptime('', $1)", [value]).fetchall()
    except duckdb.Error:
        raise FeedError(f"dateformat is {_shown(value)}", where=where, hint=hint) from None
    finally:
        connection.close()
    return value


def _on_conflict(content: Mapping[str, Any], where: str) -> Literal["quarantine", "latest"]:
    value = content.get("on_conflict", "quarantine")
    if value == "quarantine":
        return "quarantine"
    if value == "latest":
        return "latest"
    raise FeedError(
        f"on_conflict is {_shown(value)}",
        where=where,
        hint='Write on_conflict = "quarantine" or on_conflict = "latest".',
    )


def _columns(content: Mapping[str, Any], table: Table, where: str) -> dict[str, str]:
    columns = content.get("columns", {})
    if not isinstance(columns, dict):
        raise FeedError(
            f"columns is {_shown(columns)}",
            where=where,
            hint="Write [table.columns] and a line for each column below it.",
        )
    for column, expression in columns.items():
        here = f"{where}, column {column[:80]}"
        if column not in table.names:
            raise FeedError(
                f"the table {table.name!r} has no column {column[:80]!r}", where=here, hint=_column_hint(column, table)
            )
        if not isinstance(expression, str):
            raise FeedError(
                f"it is {_shown(expression)}, not SQL in quotes",
                where=here,
                hint=f"Write {column} = '\"Column\"' for a column of the file, {column} = \"'value'\" for a constant.",
            )
        if not expression.strip():
            raise FeedError(
                "its SQL is empty", where=here, hint=f"Write {column} = '\"Column\"', or leave the line out."
            )
    return dict(columns)


def _column_hint(column: str, table: Table) -> str:
    if column in _TABLE_KEYS:
        return f"If the table's own {column!r} is meant, write it above [table.columns]."
    close = _did_you_mean(column, table.names)
    owners = [other.name for other in contract().values() if column in other.names]
    if owners:
        return f"It is a column of {', '.join(owners[:3])}. {close}".strip()
    return close or f"Its columns are {', '.join(table.names)}."


def _files(pattern: str, folder: Path, where: str) -> tuple[tuple[str, Path], ...]:
    """The regular files below the folder that a path or glob means, none of them by way of a link."""
    parts = _parts(pattern, where)
    try:
        found = [_walk(folder, parts, where)] if _there(folder, parts) else []
        if not found and any(_is_glob(part) for part in parts):
            found = list(_expand(folder, parts, folder, where, set()))
        if not found:
            raise _missing(pattern, parts, folder, where)
    except OSError as error:
        raise FeedError(f"file is {_shown(pattern)}: {error.strerror}", where=where) from None
    return tuple(sorted((_checked(path, folder, where) for path in set(found)), key=lambda named: named[0]))


def _parts(pattern: str, where: str) -> list[str]:
    shown = f"file is {_shown(pattern)}"
    hint = "Write a path below the folder of the files, such as claims.csv or 2015/claims-*.csv."
    if any(c < " " for c in pattern):
        raise FeedError(f"{shown}, with control characters", where=where, hint=hint)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", pattern):
        raise FeedError(f"{shown}, an address", where=where, hint=f"Files are not fetched. {hint}")
    if pattern.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", pattern):
        raise FeedError(f"{shown}, not a relative path", where=where, hint=hint)
    if "\\" in pattern:
        raise FeedError(f"{shown}, with a backslash", where=where, hint=f"Folders are separated by /. {hint}")
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise FeedError(f"{shown}, which leaves its folder by ..", where=where, hint=hint)
    if not parts or pattern.endswith("/"):
        raise FeedError(f"{shown}, a folder", where=where, hint=hint)
    return [*parts, "*"] if parts[-1] == "**" else parts


def _is_glob(part: str) -> bool:
    return any(c in part for c in "*?[")


def _there(folder: Path, parts: list[str]) -> bool:
    return os.path.lexists(folder.joinpath(*parts))


def _walk(folder: Path, parts: list[str], where: str) -> Path:
    path = folder
    for part in parts:
        path = path / part
        if stat.S_ISLNK(path.lstat().st_mode):
            raise _link(path, folder, where)
    return path


def _expand(folder: Path, parts: list[str], base: Path, where: str, seen: set[tuple[Path, int]]) -> Iterator[Path]:
    """Files that a glob means: * and ? within a name, ** across folders; as in a shell, none that begin with a dot.

    The lock files that Excel leaves while a workbook is open (~$...) are no data either.
    """
    if (folder, len(parts)) in seen:
        return
    seen.add((folder, len(parts)))
    head, *rest = parts
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    if head == "**":
        yield from _expand(folder, rest, base, where, seen)
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir():
                if entry.is_symlink():
                    raise _link(Path(entry.path), base, where)
                yield from _expand(Path(entry.path), parts, base, where, seen)
        return
    for entry in entries:
        hidden = entry.name.startswith((".", "~$")) and entry.name[0] != head[0]
        if hidden or not fnmatchcase(entry.name, head):
            continue
        path = Path(entry.path)
        if entry.is_symlink():
            raise _link(path, base, where)
        if rest and entry.is_dir():
            yield from _expand(path, rest, base, where, seen)
        elif not rest and not entry.is_dir():
            yield path


def _link(path: Path, folder: Path, where: str) -> FeedError:
    return FeedError(
        f"{path.relative_to(folder).as_posix()!r} in {folder} is a link",
        where=where,
        hint="Links are not followed: put the file itself there.",
    )


def _checked(path: Path, folder: Path, where: str) -> tuple[str, Path]:
    name = path.relative_to(folder).as_posix()
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        raise FeedError(f"{name!r} is a folder", where=where, hint=f'Write file = "{name}/*.csv".')
    if not stat.S_ISREG(mode):
        raise FeedError(f"{name!r} is no regular file", where=where, hint="Name a file of data.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise FeedError(f"a file's name is not UTF-8: {name!a}", where=where, hint="Rename it.") from None
    real = path.resolve(strict=True)
    if real != path or not real.is_relative_to(folder):
        raise _link(path, folder, where)
    if not os.access(real, os.R_OK):
        raise FeedError(f"{name!r} in {folder} may not be read", where=where, hint="Allow reading it.")
    return name, real


def _missing(pattern: str, parts: list[str], folder: Path, where: str) -> FeedError:
    names = _names_below(folder)
    by_name = {name.rpartition("/")[2].lower(): name for name in reversed(names)}
    by_path = {name.lower(): name for name in names}
    wanted = "/".join(parts).lower()
    close = [by_path[key] for key in get_close_matches(wanted, list(by_path), n=3)]
    close += [by_name[key] for key in get_close_matches(parts[-1].lower(), list(by_name), n=3)]
    glob = any(_is_glob(part) for part in parts)
    alike = list(dict.fromkeys(name for name in names if glob and fnmatchcase(name.lower(), wanted))) + close
    if alike:
        hint = f"Did you mean {' or '.join(repr(name) for name in list(dict.fromkeys(alike))[:3])}?"
    elif names:
        shown = ", ".join(repr(name) for name in names[:8])
        hint = f"It holds {shown}{' and more' if len(names) > 8 else ''}."
    else:
        hint = "It holds no files: name the folder of the files with --files."
    what = "no file matches" if glob else "there is no file"
    return FeedError(f"{what} {pattern[:200]!r} in {folder}", where=where, hint=hint)


def _names_below(folder: Path, *, most: int = 2_000) -> list[str]:
    names: list[str] = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = sorted(name for name in files if not name.startswith(".") and name != FEED_FILE)
        names += [(Path(at) / name).relative_to(folder).as_posix() for name in visible]
        if len(names) > most:
            break
    return [name for name in names[:most] if name.isprintable()]
