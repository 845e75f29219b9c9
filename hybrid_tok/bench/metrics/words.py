"""Word and character error rates, as pairs (errors, words or characters of the transcript) that pool."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_tok.bench.mandarin import read_mandarin
from hybrid_tok.bench.words import judge, normalize
from hybrid_tok.core.languages import writes_spaces


def word_errors(heard: Sequence[str], text: str, language: str = "en") -> tuple[int, int]:
    """Substitutions, deletions and insertions, and words of the transcript, both normalized (`bench.words.normalize`).
    In languages without spaces, words are characters; Mandarin is compared as `read_mandarin` writes it."""
    judged = judge(*_comparable(heard, text, language), language)
    return judged.errors, judged.said


def character_errors(heard: Sequence[str], text: str, language: str = "en") -> tuple[int, int]:
    """The same of characters; the spaces between words count, where there are any."""
    import jiwer

    heard, text = _comparable(heard, text, language)
    space = " " if writes_spaces(language) else ""
    reference = space.join(normalize(text, language))
    hypothesis = space.join(unit for word in heard for unit in normalize(word, language))
    if not reference or not hypothesis:
        return len(reference) + len(hypothesis), len(reference)
    found = jiwer.process_characters(reference, hypothesis)
    return found.substitutions + found.deletions + found.insertions, len(reference)


def _comparable(heard: Sequence[str], text: str, language: str) -> tuple[Sequence[str], str]:
    if language == "zh":
        return [read_mandarin("".join(heard))], read_mandarin(text)
    return heard, text
