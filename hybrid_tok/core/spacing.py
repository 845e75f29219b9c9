"""Words to text and back, in languages with spaces between words and without."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hybrid_tok.core.languages import writes_spaces

IDEOGRAPHIC = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters and kana, as the inside of a regular expression's brackets."""

UNSPACED = f"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f{IDEOGRAPHIC}"
"""Letters of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer and those above."""

_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮーヽヾゝゞ々"
"""What goes on with the character before it."""

_WORD = re.compile(
    rf"[^\w\s]*[{IDEOGRAPHIC}][{_SMALL_KANA}]*[^\w\s]*"  # a character, with the punctuation around it
    rf"|(?:(?![{IDEOGRAPHIC}])\S)+"
)
_ENDS_SPACED = re.compile(rf"(?:[^\W{UNSPACED}]|[.,;:!?)%])\Z")
_BEGINS_SPACED = re.compile(rf"[^\W{UNSPACED}]")


def join_words(words: Iterable[str], language: str | None) -> str:
    """Words, or texts of several, as one text in a language.

    A language without spaces has them between foreign words only: 我用 Python 写 becomes 我用Python写, but "machine"
    and "learning" stay two words.
    """
    if writes_spaces(language):
        return " ".join(words)
    text = ""
    for word in words:
        text += space_between(text, word, language) + word
    return text


def space_between(left: str, right: str, language: str | None) -> str:
    """A space where one is written between two words of a language, else nothing."""
    spaced = writes_spaces(language) or (_BEGINS_SPACED.match(right) and _ENDS_SPACED.search(left[-1:]))
    return " " if spaced else ""


def split_words(text: str, language: str | None) -> tuple[str, ...]:
    """What of a text can be spoken and placed by itself; all of it but white space is in one of them.

    Words where spaces tell them apart, characters in Chinese and Japanese, and what stands between spaces in the other
    languages without: telling their words apart takes a dictionary.
    """
    return tuple(text.split()) if writes_spaces(language) else tuple(_WORD.findall(text))
