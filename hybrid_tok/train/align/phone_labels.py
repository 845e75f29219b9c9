"""Phone labels for clips of speech: their words laid over them by the aligner, with a phone network that is there.

A better network follows from the labels of a worse one, as each round of training has other voices, rooms and noises
beside the clip itself. Speech that is not in the text, and words the aligner doubts, have no label.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.align.confidence import AlignedConfidence
from hybrid_tok.align.goodness import fit_phones
from hybrid_tok.align.phones import HOP, PHONES, SAMPLE_RATE, SILENCE
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip

SENTENCES = ("speechocean762",)
"""Sources of transcribed sentences."""

NOISES = ("esc10", "covid19-cough", "speech-commands")
"""Sources of sounds without phones; of some only the clips without a text."""

UNKNOWN = 255
"""Label of a frame of which nothing is known; it does not count in training."""


def held_out(clips: Iterable[Clip], every: int) -> list[str]:
    """One in `every` speakers of some clips, by name, sorted: kept apart from training, for what is fitted on its
    results; none for 0."""
    speakers = sorted({str(clip.speaker) for clip in clips})
    return speakers[::every] if every else []


class PhoneLabeller:
    """Labels frames of 10 ms with phones.

    Args:
        phones: weights of the phone network that listens.
    """

    def __init__(self, phones: Path) -> None:
        self._aligner = BuiltinAligner(phones=phones)
        self._confidence = AlignedConfidence()

    def labels(self, samples: NDArray[np.float32], text: str, sure: float) -> NDArray[np.uint8] | None:
        """Phone labels (T,) of mono samples (N,) at 16 kHz, T = ceil(N / 160); None where no word of the text fits.

        Args:
            sure: words with a confidence below it are UNKNOWN.
        """
        if not text.split() or not len(samples):
            return None
        fit = self._aligner.fit(Audio(samples, SAMPLE_RATE), [Segment(text)])
        said = [(place, word) for place, word in zip(fit.words, fit.judged(), strict=True) if word is not None]
        if not said:
            return None
        labels = np.full(-(-len(samples) // HOP), SILENCE, np.uint8)
        for start, end in fit.outside:
            labels[start:end] = UNKNOWN
        confidences = self._confidence.judge(fit.log_posteriors, [word for _, word in said])
        for (place, word), confidence in zip(said, confidences, strict=True):
            columns = [PHONES.index(phone) for phone in word.phones]
            bounds = fit_phones(fit.log_posteriors, columns, place.start, place.end).bounds
            for column, (start, end) in zip(columns, pairwise(bounds.clip(place.start, place.end)), strict=True):
                labels[start:end] = column if confidence >= sure else UNKNOWN
        return labels
