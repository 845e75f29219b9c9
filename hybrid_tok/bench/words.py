"""Measures of recognized words: which are right, and what their confidences are worth."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.normalize import read_words


def normalize(text: str, language: str = "en") -> list[str]:
    """The units that are compared: words in lower case without punctuation, English numbers and abbreviations spelled
    out as they are said; in languages without spaces, characters."""
    if not writes_spaces(language):
        return [character for character in unicodedata.normalize("NFKC", text.lower()) if character.isalnum()]
    if language == "en":
        text = " ".join(" ".join(word.spoken[0]) if word.spoken else word.text for word in read_words(text))
    kept = (c if c.isalnum() or c == "'" else " " for c in unicodedata.normalize("NFKC", text.lower()))
    return "".join(kept).split()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Recognized words against a transcript.

    Attributes:
        right: of each recognized word, whether it is in the transcript at its place.
        units: of each recognized word, as how many words (or characters) it is compared.
        errors: substitutions, deletions and insertions.
        said: words (or characters) of the transcript.
    """

    right: tuple[bool, ...]
    units: tuple[int, ...]
    errors: int
    said: int


def judge(words: Sequence[str], text: str, language: str = "en") -> Judgement:
    """Align recognized words to the transcript; a word that is several units is right when all of them are."""
    import jiwer

    reference = normalize(text, language)
    units = [normalize(word, language) for word in words]
    counts = tuple(map(len, units))
    hypothesis = [unit for word in units for unit in word]
    owner = [index for index, word in enumerate(units) for _ in word]
    if not hypothesis or not reference:
        return Judgement((False,) * len(words), counts, len(reference) + len(hypothesis), len(reference))
    output = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    right = [bool(word) for word in units]
    for chunk in output.alignments[0]:
        if chunk.type != "equal":
            for index in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                right[owner[index]] = False
    errors = output.substitutions + output.deletions + output.insertions
    return Judgement(tuple(right), counts, errors, len(reference))


def covered(texts: Sequence[Sequence[str]], reference: Sequence[str]) -> list[bool]:
    """Which words of a reference some texts stand for, (words,).

    The texts, one after another, are aligned to the reference; each covers what lies between its first and its last
    word that has one there, right or wrong. What is missing between two texts is in neither.

    Args:
        texts: normalized words, in the order of the reference.
        reference: normalized words.
    """
    import jiwer

    words = [word for text in texts for word in text]
    inside = [False] * len(reference)
    if not words or not reference:
        return inside
    places: list[int | None] = [None] * len(words)
    for chunk in jiwer.process_words(" ".join(reference), " ".join(words)).alignments[0]:
        if chunk.type in ("equal", "substitute"):
            places[chunk.hyp_start_idx : chunk.hyp_end_idx] = range(chunk.ref_start_idx, chunk.ref_end_idx)
    first = 0
    for text in texts:
        own = [place for place in places[first : first + len(text)] if place is not None]
        if own:
            inside[own[0] : own[-1] + 1] = [True] * (own[-1] + 1 - own[0])
        first += len(text)
    return inside


def errors_at(chosen: Sequence[bool], reference: Sequence[str], heard: Sequence[str]) -> int:
    """Errors among the chosen words of a reference: substitutions and deletions of these, and insertions where the
    words on both sides are chosen or there are none.

    Args:
        chosen: (words,).
        reference, heard: normalized words, all of them, so that the other words are context for the alignment.
    """
    import jiwer

    if not heard or not reference:
        return sum(chosen) if reference else len(heard)
    errors = 0
    for chunk in jiwer.process_words(" ".join(reference), " ".join(heard)).alignments[0]:
        if chunk.type == "insert":
            beside = chosen[max(0, chunk.ref_start_idx - 1) : chunk.ref_start_idx + 1]
            errors += all(beside) * (chunk.hyp_end_idx - chunk.hyp_start_idx)
        elif chunk.type != "equal":
            errors += sum(chosen[chunk.ref_start_idx : chunk.ref_end_idx])
    return errors


def area(probability: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Area under the curve of true against false positives: how often a right word is above a wrong one, ties counting
    half; NaN where all are right or all are wrong."""
    from scipy.stats import rankdata

    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return float("nan")
    above = rankdata(probability)[right].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def calibration_error(probability: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error (Naeini et al. 2015) over bins of equal mass: the mean distance between what words are
    said to be and the share that is right."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return sum(abs(float((probability[part] - right[part]).sum())) for part in parts) / max(len(probability), 1)
