"""The encoding of a text: settled from its bytes before reading, and any other than UTF-8 rewritten as UTF-8."""

import codecs
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import LanewiseError

LINE_LIMIT = 16 << 20  # characters or bytes of a line or cell: beyond, a file is no table of text
_CHUNK = 4 << 20
_SAMPLE = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_UNDEFINED_IN_WINDOWS_1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
_CONTROLS = frozenset(range(32)) - set(b"\t\n\x0b\x0c\r\x1a\x1c\x1d\x1e\x1f")


@dataclass(frozen=True)
class Encoding:
    """Python's name of an encoding, what people call it, and what they should know of how it was told."""

    codec: str
    label: str
    notes: tuple[str, ...] = ()


def settle_encoding(path: Path, requested: str | None, *, name: str, line_limit: int | None = LINE_LIMIT) -> Encoding:
    """In which encoding is this text?

    What the feed requests; else what a byte-order mark says; else UTF-8 if all of the file is valid UTF-8; else
    Windows-1252, or Latin-1 where the file holds bytes that Windows-1252 leaves undefined.

    Parameters
    ----------
    requested
        The encoding that the feed gives, if it does.
    line_limit
        Longest line, in bytes, that a text of this kind may have; None: any.

    Raises
    ------
    LanewiseError
        The file is empty or is no text, has a line too long, or Python knows no such encoding.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if not head:
        raise LanewiseError("is empty", where=name, hint="Check that the right file was exported.")
    found = _requested(requested, name=name) if requested else _from_mark(head) or _from_zeros(head)
    if found is None:
        found = _from_content(path, name=name, line_limit=line_limit)
    text = codecs.getincrementaldecoder(found.codec)(errors="replace").decode(head)
    controls = sum(1 for character in text if ord(character) in _CONTROLS)
    if controls > len(text) * 0.05:
        raise LanewiseError(
            "is neither a text, a workbook, Parquet nor JSON: it holds binary data",
            where=name,
            hint="Export it as CSV, Excel, JSON or Parquet.",
        )
    return found


def _requested(requested: str, *, name: str) -> Encoding:
    try:
        codec = codecs.lookup(requested).name
        " ".encode(codec)  # refuses what maps bytes to bytes, such as base64
        codecs.getincrementaldecoder(codec)
    except (LookupError, ValueError):
        raise LanewiseError(
            f"encoding {requested!r} is unknown", where=name, hint='Write for example "utf-8", "cp1252" or "utf-16".'
        ) from None
    label = {"cp1252": "windows-1252", "iso8859-1": "latin-1", "utf-8": "UTF-8"}.get(codec, codec)
    return Encoding("utf-8-sig" if codec == "utf-8" else codec, label)


def _from_mark(head: bytes) -> Encoding | None:
    for mark, codec, label in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, label)
    return None


def _from_zeros(head: bytes) -> Encoding | None:
    """UTF-16 without a mark shows as a NUL in every other byte of Latin text."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    for offset, codec, label in ((1, "utf-16-le", "UTF-16 LE"), (0, "utf-16-be", "UTF-16 BE")):
        if head[offset::2].count(0) > pairs * 0.7 and head[1 - offset :: 2].count(0) == 0:
            return Encoding(codec, label, ("the file has no byte-order mark: its encoding was told from its bytes",))
    return None


def _from_content(path: Path, *, name: str, line_limit: int | None) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, undefined, run = True, False, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            run = len(chunk) - last - 1 if last >= 0 else run + len(chunk)
            if line_limit is not None and run > line_limit:
                raise LanewiseError(f"has a line of more than {line_limit:,} bytes: it is no table of text", where=name)
            if utf8 and not (chunk.isascii() and not decoder.getstate()[0]):
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    utf8 = False
            undefined = undefined or any(byte in chunk for byte in _UNDEFINED_IN_WINDOWS_1252)
    if utf8 and not decoder.getstate()[0]:
        return Encoding("utf-8", "UTF-8")
    note = "the file is not valid UTF-8: its encoding was taken to be"
    if undefined:
        return Encoding("latin-1", "latin-1", (f"{note} latin-1; set encoding if letters look wrong",))
    return Encoding("cp1252", "windows-1252", (f"{note} windows-1252; set encoding if letters look wrong",))


@contextlib.contextmanager
def as_utf8(
    path: Path, encoding: Encoding, *, temp: Path, name: str, line_limit: int | None = LINE_LIMIT
) -> Iterator[Path]:
    """Where does this text stand in UTF-8 without a mark? The file itself, or a copy that lives as long as the context.

    Raises
    ------
    LanewiseError
        Bytes of the file mean nothing in the encoding that the feed requests.
    """
    if encoding.codec == "utf-8":
        yield path
        return
    with tempfile.NamedTemporaryFile(dir=temp, prefix="lanewise-", suffix=".txt") as copy:
        decoder = codecs.getincrementaldecoder(encoding.codec)()
        lines, run, begun = 1, 0, False
        with path.open("rb") as file:
            while True:
                chunk = file.read(_CHUNK)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeError as error:
                    raise LanewiseError(
                        f"is no {encoding.label} text: {getattr(error, 'reason', error)} in or after line {lines:,}",
                        where=name,
                        hint="Correct or leave out encoding.",
                    ) from None
                if text:
                    copy.write((text if begun else text.removeprefix("\ufeff")).encode("utf-8", "replace"))
                    begun = True
                    lines += text.count("\n")
                    last = max(text.rfind("\n"), text.rfind("\r"))
                    run = len(text) - last - 1 if last >= 0 else run + len(text)
                    if line_limit is not None and run > line_limit:
                        raise LanewiseError(
                            f"has a line of more than {line_limit:,} characters: it is no table of text", where=name
                        )
                if not chunk:
                    break
        copy.flush()
        yield Path(copy.name)
