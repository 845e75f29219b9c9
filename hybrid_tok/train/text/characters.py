"""The characters that get a piece of their own, whether the training text has them or not.

A character without a piece is spelled in bytes, three for most scripts of Asia. The training text has a thousand
Chinese characters and nothing in most of the other languages that Whisper writes; what they are written with is known
without text: national standards order their characters by how common they are, and alphabets are blocks of Unicode.
"""

from __future__ import annotations

import unicodedata

_STANDARDS = (
    ("gb2312", range(0xB0, 0xD8)),  # simplified Chinese, level 1
    ("big5", range(0xA4, 0xC7)),  # traditional Chinese, level 1
    ("euc_jp", range(0xB0, 0xD0)),  # Japanese (JIS X 0208), level 1
    ("euc_kr", range(0xB0, 0xC9)),  # Korean syllables (KS X 1001)
)
"""Codecs of two bytes, and the first bytes of the characters in common use."""

_BLOCKS = (
    (0x00A1, 0x017F),  # Latin
    (0x01A0, 0x01A1),  # Vietnamese
    (0x01AF, 0x01B0),
    (0x1EA0, 0x1EF9),
    (0x0370, 0x03FF),  # Greek
    (0x0400, 0x045F),  # Cyrillic
    (0x0490, 0x0491),  # Ukrainian
    (0x05D0, 0x05EA),  # Hebrew
    (0x0621, 0x0652),  # Arabic
    (0x0900, 0x097F),  # Devanagari
    (0x0B80, 0x0BFF),  # Tamil
    (0x0E01, 0x0E5B),  # Thai
    (0x3041, 0x3096),  # Hiragana
    (0x30A1, 0x30FC),  # Katakana
)
"""First and last character; only letters and marks are taken."""

_OTHERS = "پچژگکی" + "、。「」『』，？！：；（）《》…—–‘’“”„«»¿¡€£°"
"""Persian letters, and the punctuation of these languages."""


def standard_characters() -> str:
    """The characters in common use in the main languages that Whisper writes, each once, in order."""
    found = set(_OTHERS)
    for codec, rows in _STANDARDS:
        for row in rows:
            for column in range(0x40, 0xFF):
                found.update(bytes([row, column]).decode(codec, errors="ignore"))
    for first, last in _BLOCKS:
        found.update(c for c in map(chr, range(first, last + 1)) if unicodedata.category(c)[0] in "LM")
    return "".join(sorted(c for c in found if c > "\x7f"))
