"""What the confidence of an aligned word is read from: 37 numbers per word.

How well its phones fit what is heard, how long it lasts for what it is, and the same of the words around it: what
recording and speaker are like is told by the company a word keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.goodness import Fit, edit_distance, fit_phones, free_phones
from hybrid_tok.align.phones import PHONES, SILENCE

_INDEX = {phone: index for index, phone in enumerate(PHONES)}
_VOWELS = frozenset(_INDEX[phone] for phone in PHONES if phone[0] in "AEIOU")


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word of a text, laid over a recording.

    Attributes:
        phones: its pronunciation, in `phones.PHONES`; unknown symbols are left out.
        start, end: in seconds from the first of the posteriors' frames.
    """

    phones: tuple[str, ...]
    start: float
    end: float


_OWN = (
    "deficit",  # mean over frames of how far the word's phones are behind the likeliest ones
    "deficit_phones",  # the same, as a mean over phones
    "deficit_worst",
    "deficit_second",
    "share_bad",  # of phones more than 3 nats behind
    "vowels",  # deficit of the vowels
    "consonants",
    "certainty",  # mean log posterior of the likeliest phone in the word's frames
    "probability",  # mean posterior of the word's phones
    "surplus",  # mean log posterior of the word's phones
    "silence",  # mean posterior of SIL in the word's span
    "edits",  # of the free phones over the word's span to its own, per phone
    "heard",  # free phones over the word's span, per phone of the word
    "stretch",  # log of its length over what its phones usually take
    "uneven",  # mean absolute log of each phone's length over its usual one
    "phones",  # log of how many there are
    "shortest",  # log frames of its shortest phone
    "trim",  # share of the given span outside the phones found
)
_BESIDE = ("deficit", "certainty", "edits", "stretch")
_WHOLE = ("deficit", "certainty", "edits", "silence", "stretch")

FEATURES: tuple[str, ...] = (
    *_OWN,
    *(f"{name}_before" for name in _BESIDE),
    *(f"{name}_after" for name in _BESIDE),
    *(f"{name}_around" for name in _WHOLE),
    "gap_before",
    "gap_after",
    "first",
    "last",
    "words",
    "deficit_relative",
)
"""Names of the columns of `word_features`."""

_REACH = 4
"""Words on either side that count as around."""


def word_features(
    log_posteriors: NDArray[np.float32], words: Sequence[AlignedWord], mean_frames: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The features (n, len(FEATURES)) of the words of one utterance, in order of time.

    Args:
        log_posteriors: (T, phones) of the utterance, 100 frames a second.
        mean_frames: of each phone, see `PhoneModel`.
    """
    if not words:
        return np.zeros((0, len(FEATURES)), np.float32)
    own = np.array([_own(log_posteriors, word, mean_frames) for word in words])
    column = {name: index for index, name in enumerate(_OWN)}
    beside = own[:, [column[name] for name in _BESIDE]]
    around = own[:, [column[name] for name in _WHOLE]]
    means = np.array([around[max(0, i - _REACH) : i + _REACH + 1].mean(0) for i in range(len(words))])
    # At the ends of an utterance a word's own values stand in for the missing neighbour's.
    before, after = np.vstack([beside[:1], beside[:-1]]), np.vstack([beside[1:], beside[-1:]])
    starts, ends = np.array([w.start for w in words]), np.array([w.end for w in words])
    gap_before = np.concatenate([[1.0], np.clip(starts[1:] - ends[:-1], 0.0, 1.0)])
    gap_after = np.concatenate([gap_before[1:], [1.0]])
    first, last = np.zeros(len(words)), np.zeros(len(words))
    first[0] = last[-1] = 1.0
    out = np.column_stack(
        [
            own,
            before,
            after,
            means,
            gap_before,
            gap_after,
            first,
            last,
            np.full(len(words), math.log(len(words))),
            own[:, column["deficit"]] - means[:, 0],
        ]
    )
    return out.astype(np.float32)


def _own(log_posteriors: NDArray[np.float32], word: AlignedWord, mean_frames: NDArray[np.float32]) -> list[float]:
    """The first features of one word, in the order of `_OWN`."""
    phones = [_INDEX[phone] for phone in word.phones if phone in _INDEX] or [SILENCE]
    total = len(log_posteriors)
    start = min(max(0, math.floor(100 * word.start + 0.5)), max(0, total - 1))
    end = min(max(start + 1, math.floor(100 * word.end + 0.5)), max(total, 1))
    span = log_posteriors[start:end]
    if total == 0:
        span = np.full((1, len(PHONES)), -math.log(len(PHONES)), np.float32)
        fit = Fit(np.zeros(len(phones) + 1, np.int64), np.full(len(phones), 12.0))
    else:
        fit = fit_phones(log_posteriors, phones, start, end)
    lengths = np.maximum(np.diff(fit.bounds), 1)
    usual = mean_frames[phones].astype(np.float64)
    deficits = np.minimum(fit.deficits, 8.0)
    ordered = np.sort(deficits)[::-1]
    vowel = np.array([phone in _VOWELS for phone in phones])
    inside = log_posteriors[fit.bounds[0] : fit.bounds[-1]]
    chosen = np.repeat(phones, np.diff(fit.bounds))
    own = inside[np.arange(len(chosen)), chosen] if len(chosen) else np.array([-8.0])
    free = free_phones(span)
    mean = float(np.average(deficits, weights=lengths))
    return [
        mean,
        float(deficits.mean()),
        float(ordered[0]),
        float(ordered[min(1, len(ordered) - 1)]),
        float((deficits > 3.0).mean()),
        float(deficits[vowel].mean()) if vowel.any() else mean,
        float(deficits[~vowel].mean()) if (~vowel).any() else mean,
        float(span.max(1).mean()),
        float(np.exp(own).mean()),
        float(own.mean()),
        float(np.exp(span[:, SILENCE]).mean()),
        edit_distance(free, phones) / len(phones),
        min(len(free) / len(phones), 3.0),
        math.log((end - start) / float(usual.sum())),
        float(np.abs(np.log(lengths / usual)).mean()),
        math.log(len(phones)),
        math.log(float(lengths.min())),
        1.0 - min(1.0, float(lengths.sum()) / (end - start)),
    ]
