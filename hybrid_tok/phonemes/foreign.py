"""Spanish, French, Italian, Portuguese and Hindi: what an `IpaReader` reads, in Kokoro's symbols."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_tok.phonemes.ipa import other_symbols
from hybrid_tok.phonemes.marks import core_of, plain, punctuation_after, sayable
from hybrid_tok.phonemes.reader import IpaReader

_SAID_ALONE = "&%+=@#€$£°"
"""Symbols that have a sound without a letter or a digit beside them."""


def phonemize_foreign(words: Sequence[str], language: str, ipa: IpaReader) -> tuple[str, ...]:
    """The phonemes of each word; the punctuation goes to the reader too, which makes phrases of it."""
    marks = [punctuation_after(plain(word)) for word in words]
    cores = ["".join(sayable(core_of(plain(word))).split()) for word in words]
    spoken = [i for i, core in enumerate(cores) if any(char.isalnum() or char in _SAID_ALONE for char in core)]
    read = ipa.read([cores[i] + marks[i] for i in spoken], language) if spoken else ()
    phonemes = [""] * len(words)
    for i, text in zip(spoken, read, strict=True):
        if said := " ".join(other_symbols(text).split()):
            phonemes[i] = said + marks[i]
    return tuple(phonemes)
