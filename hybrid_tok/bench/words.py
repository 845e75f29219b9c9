"""Measures of recognized words: which are right, and what their confidences are worth."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Word


def normalize(text: str) -> str:
    """Lower case, letters, digits and apostrophes only, as transcripts of read speech are compared."""
    kept = (c if c.isalnum() or c == "'" else " " for c in unicodedata.normalize("NFKC", text.lower()))
    return " ".join("".join(kept).split())


def judge(words: Sequence[Word], text: str) -> tuple[dict[Word, bool], int, int]:
    """Align recognized words to the transcript: (word -> right, errors, reference words)."""
    import jiwer

    reference = normalize(text)
    pairs = [(word, token) for word in words for token in normalize(word.text).split()]
    hypothesis = " ".join(token for _, token in pairs)
    if not hypothesis:
        return dict.fromkeys(words, False), len(reference.split()), len(reference.split())
    output = jiwer.process_words(reference, hypothesis)
    right = dict.fromkeys(words, True)
    for chunk in output.alignments[0]:
        if chunk.type != "equal":
            for index in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                right[pairs[index][0]] = False
    return right, output.substitutions + output.deletions + output.insertions, len(reference.split())


def area(probability: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Area under the curve of true against false positives: how often a right word is above a wrong one, ties counting
    half; NaN where all are right or all are wrong."""
    from scipy.stats import rankdata

    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return float("nan")
    above = rankdata(probability)[right].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def calibration_error(probability: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): over bins of equal width, the mean distance between what words
    are said to be and the share that is right."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    said = np.bincount(place, probability, bins) - np.bincount(place, right, bins)
    return float(np.abs(said).sum() / max(len(probability), 1))
