"""Mandarin as it is compared: simplified characters, numbers as they are read."""

from __future__ import annotations

import re

from hybrid_tok.errors import BackendError

_DIGIT_BY_DIGIT = re.compile(r"\d{5,}(?![\d.万亿])")
"""Numbers of telephones and the like; a year is read so too, and other rules know it by what follows."""


def read_mandarin(text: str) -> str:
    """A text in simplified characters, with numbers in characters: 1.2萬 becomes 一点二万, 13002 一三零零二.

    Recognizers write numbers in digits that transcripts spell out, and now and then a traditional character.

    Raises:
        BackendError: opencc or cn2an is missing.
    """
    try:
        import cn2an
        import opencc
    except ImportError as error:
        raise BackendError(f"comparing Mandarin needs {error.name}: pip install 'hybrid-tok[bench,zh]'") from None
    simplified = opencc.OpenCC("t2s").convert(text)
    spelled = _DIGIT_BY_DIGIT.sub(lambda number: _spell(number[0]), simplified)
    return cn2an.transform(spelled, "an2cn")


def _spell(digits: str) -> str:
    return "".join("零一二三四五六七八九"[int(digit)] for digit in digits)
