"""WebDataset: tars in which files of the same name, up to its first dot, are a sample.

    talks-{000000..000041}.tar:  a17.flac  a17.json  a17.txt

https://github.com/webdataset/webdataset. `a17.json` has what a line of a NeMo manifest has, `a17.txt` the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources.files import MAX_LINE, absolute, file_name, is_folder, opened, parse_line
from hybrid_tok.corpus.sources.known import bad_line, describe, line_node, read_seconds
from hybrid_tok.corpus.sources.tars import Member, member_bytes, members
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import AnnotationError, CorpusError

AUDIO = ("wav", "flac", "mp3", "ogg", "opus", "m4a")
"""Endings of the recording of a sample."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_SHARDS = 10_000_000


def read(address: str) -> Iterator[Entry | BadLine]:
    """The entries of a tar, of tars written as `shard-{000000..000012}.tar`, or of all in a folder.

    Raises:
        CorpusError: the folder has none, or the pattern is none.
    """
    for tar in _tars(absolute(address)):
        yield from _read_tar(tar)


def expand(pattern: str) -> Iterator[str]:
    """The addresses of a pattern: {a,b} and {00..12} as in a shell; zeros are kept.

    Raises:
        CorpusError: a brace with neither, or too many addresses.
    """
    braces = _BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    for one in _choices(braces[1], pattern):
        yield from expand(f"{before}{one}{after}")


def _choices(inside: str, pattern: str) -> Iterator[str]:
    if (found := _RANGE.fullmatch(inside)) is None:
        if "," not in inside:
            raise CorpusError(f"{pattern}: braces must be {{000000..000012}} or {{a,b}}, not {{{inside}}}")
        yield from inside.split(",")
        return
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < _MOST_SHARDS:
        raise CorpusError(f"{pattern}: {{{inside}}} must go up, to at most {_MOST_SHARDS:,} shards")
    width = max(len(found[1]), len(found[2])) if "0" in (found[1][0], found[2][0]) else 0
    for number in range(first, last + 1):
        yield f"{number:0{width}d}" if width else str(number)


def _tars(address: str) -> Iterator[str]:
    if not is_folder(address):
        yield from expand(address)
        return
    folder = address.rstrip("/")
    names = [name for name in Store(folder).names() if name.endswith(".tar")]
    if not names:
        raise CorpusError(f"{address}: has no file with the ending .tar")
    yield from (f"{folder}/{name}" for name in names)


def _read_tar(address: str) -> Iterator[Entry | BadLine]:
    """The samples of a tar. What is after a damage is lost, and said so."""
    name = file_name(address)
    try:
        with opened(address) as file:
            for key, group in groupby(members(file, name), key=lambda member: _key(member.name)[0]):
                if key.rpartition("/")[2]:  # hidden files have no key
                    yield _read_sample(address, f"{name}, {key}", key, list(group), file)
    except CorpusError as error:
        message = str(error).removeprefix(f"{address}: ").removeprefix(f"{name}: ")
        yield BadLine(name, message)


def _read_sample(address: str, where: str, key: str, group: list[Member], file: BinaryIO) -> Entry | BadLine:
    parts: dict[str, Member] = {}
    for member in group:
        ending = _key(member.name)[1]
        if ending in parts:
            return BadLine(where, f"has two files with the ending .{ending}")
        parts[ending] = member
    audio = [parts[ending] for ending in AUDIO if ending in parts]
    if len(audio) != 1:
        return BadLine(where, f"has {'no' if not audio else 'more than one'} recording (.{', .'.join(AUDIO)})")
    try:
        value = _content(parts["json"], file) if "json" in parts else {}
        text = _text(parts["txt"], file, where) if "txt" in parts else None
        node = line_node({**value, "text": text} if isinstance(value, dict) and text is not None else value, where)
        duration = read_seconds(node, "duration")
        described = describe(node, duration, where)
    except (AnnotationError, ValueError) as error:
        return bad_line(where, error)
    place = AudioPlace(address, audio[0].byte_range, duration=duration, whole=duration is not None)
    return Entry(key, place, where, described.known, described.language, described.speakers)


def _content(member: Member, file: BinaryIO) -> object:
    return parse_line(member_bytes(file, member) if member.size <= MAX_LINE else None)


def _text(member: Member, file: BinaryIO, where: str) -> str:
    if member.size > MAX_LINE:
        raise AnnotationError(f"{where}: its text is longer than {MAX_LINE >> 20} MB")
    try:
        return member_bytes(file, member).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise AnnotationError(f"{where}: its text is not UTF-8") from None


def _key(name: str) -> tuple[str, str]:
    """The sample that a file belongs to, and its ending."""
    folder, slash, last = name.removeprefix("./").rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()
