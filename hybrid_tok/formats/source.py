"""A file as text: limits its size, detects its encoding, and numbers its lines for messages."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hybrid_tok.errors import AnnotationError

MAX_BYTES = 32 << 20
"""A day of speech in the most verbose format is half of this; larger files are not annotations of a recording."""
MAX_PARTS = 1 << 19
"""Maximum number of lines, or other parts, of a file: six words a second for a day. Counted before parsing, since each
part takes a hundred times the memory that it takes in the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file.

    Attributes:
        path: as the user gave it, for messages.
        text: with line ends as they are in the file, without byte order mark. The bytes of a JSON file that are not
            UTF-8 are lone surrogates in it (PEP 383): whisper.cpp cuts characters between two tokens.
    """

    path: str
    text: str

    @property
    def suffix(self) -> str:
        return Path(self.path).suffix.lower()

    @property
    def is_json(self) -> bool:
        return self.text.lstrip()[:1] in ("{", "[")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Lines with their numbers from 1. Only line feeds and carriage returns end one: a word may hold U+2028."""
        self.check_parts("\n", "lines")
        self.check_parts("\r", "lines")
        self.check_parts("[", "brackets")
        self.check_parts("<", "tags", 4)  # automatic captions have three to a word
        yield from enumerate(self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)

    def check_parts(self, mark: str, what: str, per_part: int = 1) -> None:
        """Refuse a file that has too many parts to be about one recording.

        Args:
            mark: text that each part has in the file.
            per_part: how often each part has it.
        """
        if self.text.count(mark) > MAX_PARTS * per_part:
            raise AnnotationError(
                f"{self.path}: more than {MAX_PARTS * per_part} {what}; give the annotations of one recording"
            )

    def at(self, line: int) -> str:
        """The place of a line, for messages."""
        return f"{self.path}, line {line}"

    def line_of(self, position: int) -> int:
        """The number of the line that a character of the text is in."""
        return self.text.count("\n", 0, position) + 1


def read_source(path: str | Path, empty: bool = False, json: bool = True) -> Source:
    """Read a text file.

    Args:
        empty: whether it may be.
        json: whether it may be JSON, some of which has bytes that are not UTF-8.

    Raises:
        AnnotationError: it cannot be read, is empty, too large, binary, or neither UTF-8 nor UTF-16 with its mark.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AnnotationError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > MAX_BYTES:
        raise AnnotationError(f"{path}: larger than {MAX_BYTES >> 20} MB; give the annotations of one recording")
    text = _decode(path, data, json)
    if not text.strip() and not empty:
        raise AnnotationError(f"{path}: is empty")
    return Source(str(path), text)


def quoted(text: str) -> str:
    """A piece of a file for a message: on one line, and shortened."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _decode(path: str | Path, data: bytes, json: bool) -> str:
    if data.startswith(b"ooBinaryFile"):
        raise AnnotationError(f"{path}: a binary TextGrid; save it from Praat as a text file")
    encoding, name = "utf-8-sig", "UTF-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, name = "utf-16", "UTF-16"
    elif 0 in data:
        line = data.count(b"\n", 0, data.index(0)) + 1
        raise AnnotationError(f"{path}, line {line}: a NUL byte: a binary file, or UTF-16 without a byte order mark")
    is_json = json and data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")
    try:
        return data.decode(encoding, "surrogateescape" if is_json else "strict")
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        raise AnnotationError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not {name}; save the file as UTF-8"
        ) from None
