"""Damaged files for tests: what a seed, and nothing else, makes out of a valid one."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence

#: What readers of text stumble over: quotes, line ends, marks of other formats, half characters, huge numbers.
TOKENS: Sequence[bytes] = (
    b'"',
    b'""',
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\t",
    b";",
    b"|",
    b",",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x1a",
    b"\x1b",
    b"\x7f",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"PAR1",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"'",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"NaN",
    b"Infinity",
    b"-0",
    b"1e999",
    b"9" * 400,
    b"0x1F",
    b"_file",
    b"_row",
    b"=",
    b"#",
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#xD800;",
    b"<!DOCTYPE a>",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"A" * 5000,
    b"[" * 3000,
    b"a." * 500,
)


def mutate(valid: bytes, *, rng: random.Random, tokens: Sequence[bytes] = TOKENS) -> bytes:
    """One to six changes: a byte, a stretch taken out, doubled or moved, a token put in, the end cut off."""
    data = bytearray(valid)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64, 512)))
        kind = rng.randrange(7)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = rng.choice(tokens)
        elif kind == 3:
            data[at:end] = rng.choice(tokens)
        elif kind == 4:
            data[at:at] = data[at:end] * rng.choice((1, 1, 2, 50))
        elif kind == 5:
            other = rng.randrange(len(data) + 1)
            piece = data[at:end]
            del data[at:end]
            data[other:other] = piece
        elif len(data) > 4:
            del data[rng.randrange(len(data)) :]
    return bytes(data)


def mutated_zip(valid: bytes, *, rng: random.Random) -> bytes:
    """The archive with one part changed, its sums right: what is broken is the content, not the wrapping."""
    with zipfile.ZipFile(io.BytesIO(valid)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    # The sheet and the list of sheets are what a reader walks; the others matter less.
    likely = [name for name in parts if "sheet1.xml" in name or name.endswith(("workbook.xml", "workbook.xml.rels"))]
    chosen = rng.choice(likely if rng.random() < 0.7 else list(parts))
    if rng.random() < 0.1:
        del parts[chosen]
    else:
        parts[chosen] = mutate(parts[chosen], rng=rng)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


def mutated_gzip(valid: bytes, *, rng: random.Random) -> bytes:
    """Damage within the packed text, packed again; or in one case of four to the packing itself."""
    if rng.random() < 0.25:
        return mutate(valid, rng=rng)
    return gzip.compress(mutate(gzip.decompress(valid), rng=rng), mtime=0)


def mutants(
    valid: Sequence[bytes], *, number: int, seed: int, change: Callable[..., bytes] = mutate
) -> Iterator[tuple[int, bytes]]:
    """So many damaged files, each with the seed that makes it again."""
    for one in range(number):
        rng = random.Random(f"{seed}/{one}")
        yield one, change(rng.choice(valid), rng=rng)
