"""Whether words start when they should: word starts of decoded speech against the recording's, by kind of sound.

Both are found by the same aligner from the same text, so that what it gets wrong in both cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_tok.align.aligner import STEPS, BuiltinAligner, Placed
from hybrid_tok.align.phones import PHONES
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio

_PLOSIVES = ("P", "T", "K", "B", "D", "G", "CH", "JH")
_FRICATIVES = ("F", "V", "TH", "DH", "S", "Z", "SH", "ZH", "HH")
_SONORANTS = ("M", "N", "NG", "L", "R", "W", "Y")

_WITHIN = 0.04
"""Seconds by which a start may be off."""


@dataclass(frozen=True, slots=True)
class WordStart:
    """How far off a word starts.

    Attributes:
        onset: kind of its first sound: vowel, plosive (affricates too), fricative or sonorant.
        offset: seconds; positive where the decoded word starts late. None where it is not heard.
    """

    onset: str
    offset: float | None


def compare_starts(aligner: BuiltinAligner, original: Audio, decoded: Audio, text: str) -> list[WordStart]:
    """Word starts of an English recording and of what was decoded of it, both mono at 16 kHz; words that are not heard
    in the recording itself are left out."""
    before, after = (aligner.fit(audio, [Segment(text)]).words for audio in (original, decoded))
    return [offset_of(one, other) for one, other in zip(before, after, strict=True) if one.end > one.start]


def offset_of(before: Placed, after: Placed) -> WordStart:
    """A word of the recording, and the same one decoded."""
    heard = after.end > after.start
    return WordStart(onset_of(before.phones[0]), (after.start - before.start) / STEPS if heard else None)


def onset_of(phone: int) -> str:
    """The kind of a phone, by its number in `PHONES`."""
    name = PHONES[phone]
    kinds = {"plosive": _PLOSIVES, "fricative": _FRICATIVES, "sonorant": _SONORANTS}
    return next((kind for kind, phones in kinds.items() if name in phones), "vowel")


def start_figures(starts: Iterable[WordStart]) -> dict[str, Any]:
    """Of all words, and by onset: how many there are, the share within 40 ms (words not heard are not), and of the
    heard ones the median offset in seconds and the mean of the middle 80%."""
    starts = list(starts)
    kinds = sorted({start.onset for start in starts})
    groups = {"all": starts} | {kind: [start for start in starts if start.onset == kind] for kind in kinds}
    return {name: _figures(group) for name, group in groups.items()}


def _figures(starts: Sequence[WordStart]) -> dict[str, float]:
    heard = np.sort([start.offset for start in starts if start.offset is not None])
    tail = len(heard) // 10
    middle = heard[tail : len(heard) - tail]
    nothing = float("nan")
    return {
        "words": len(starts),
        "heard": len(heard),
        # A tenth of a step: starts are whole steps of 10 ms, and their differences are not exact in binary.
        "within_40_ms": float(np.sum(np.abs(heard) <= _WITHIN + 0.001)) / len(starts) if starts else nothing,
        "median_offset": float(np.median(heard)) if len(heard) else nothing,
        "mean_offset": float(middle.mean()) if len(middle) else nothing,
    }
