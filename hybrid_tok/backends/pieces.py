"""Cuts a recording into pieces that a recognizer can be given one by one, and puts its words on the grid.

Recognizers do best on whole utterances: cut at every breath, they lose the context of a word (on one recording
pocketsphinx went from a word error rate of 0.23 to 0.50). So stretches of speech are joined until a real silence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, frame_to_sample, seconds_to_frame
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class PieceOptions:
    """Where a recording is cut.

    Attributes:
        silence: seconds without speech that end an utterance.
        padding: seconds kept before and after the speech, where there is no other speech.
        longest: seconds; a longer utterance is cut at its widest gap, or else where it is quietest.
    """

    silence: float = 0.6
    padding: float = 0.3
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.silence <= 0 or self.padding < 0 or self.longest < 1:
            raise OptionsError(f"pieces need silence > 0, padding >= 0 and longest >= 1, not {self}")


def cut_pieces(audio: Audio, speech: Sequence[Span], options: PieceOptions) -> tuple[Span, ...]:
    """Pieces of mono audio, sorted and disjoint, that cover all speech.

    The cuts depend on what is between two silences alone, not on how much was recorded before.
    """
    frames = count_frames(audio.num_samples, audio.sample_rate)
    silence = round(options.silence * FRAME_RATE)
    utterances: list[list[Span]] = []
    for span in speech:
        if utterances and span.start - utterances[-1][-1].end < silence:
            utterances[-1].append(span)
        else:
            utterances.append([span])
    longest = round(options.longest * FRAME_RATE)
    whole = [span for utterance in utterances for span in _cut(audio, utterance, longest)]
    padding = round(options.padding * FRAME_RATE)
    pieces: list[Span] = []
    for index, span in enumerate(whole):
        before = whole[index - 1].end if index else 0
        after = whole[index + 1].start if index + 1 < len(whole) else frames
        start = max(span.start - padding, (before + span.start + 1) // 2 if index else 0)
        end = min(span.end + padding, (span.end + after) // 2 if index + 1 < len(whole) else frames)
        pieces.append(Span(start, end))
    return tuple(piece for piece in pieces if piece.frames)


def piece_samples(audio: Audio, piece: Span) -> NDArray[np.float32]:
    """The samples of a piece."""
    start, end = (frame_to_sample(frame, audio.sample_rate) for frame in (piece.start, piece.end))
    return audio.samples[start:end]


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as a recognizer gives it: times in seconds from the start of its piece."""

    text: str
    start: float
    end: float
    confidence: float


def place_words(heard: Sequence[HeardWord], piece: Span) -> list[Word]:
    """Words of a piece on the grid of the recording: in order, disjoint, at least a frame each.

    Both ends are rounded alike, so that words that touched still touch. More words than the piece has frames are a
    recognizer's fancy; the least confident are left out.
    """
    if len(heard) > piece.frames:
        best = sorted(range(len(heard)), key=lambda i: (-heard[i].confidence, i))[: piece.frames]
        heard = [heard[i] for i in sorted(best)]
    bounds: list[list[int]] = []
    free = piece.start
    for word in heard:
        start = max(piece.start + seconds_to_frame(max(word.start, 0.0)), free)
        free = max(piece.start + seconds_to_frame(max(word.end, 0.0)), start + 1)
        bounds.append([start, free])
    limit = piece.end
    for bound in reversed(bounds):
        bound[1] = min(bound[1], limit)
        bound[0] = limit = min(bound[0], bound[1] - 1)
    return [Word(w.text, Span(a, b), w.confidence) for w, (a, b) in zip(heard, bounds, strict=True)]


def touching(words: Iterable[Word], speech: Sequence[Span]) -> tuple[Word, ...]:
    """The words that overlap speech; what is heard in the padding alone is noise."""
    starts = [span.start for span in speech]
    kept: list[Word] = []
    for word in words:
        index = bisect_right(starts, word.span.end - 1) - 1
        if index >= 0 and speech[index].end > word.span.start:
            kept.append(word)
    return tuple(kept)


def _cut(audio: Audio, utterance: list[Span], longest: int) -> list[Span]:
    """An utterance as one piece, or cut into pieces of at most `longest` frames."""
    pieces: list[Span] = []
    waiting = [utterance]
    while waiting:
        spans = waiting.pop()
        whole = Span(spans[0].start, spans[-1].end)
        if whole.frames <= longest:
            pieces.append(whole)
        elif len(spans) > 1:
            gaps = [after.start - before.end for before, after in pairwise(spans)]
            widest = gaps.index(max(gaps)) + 1
            waiting += [spans[widest:], spans[:widest]]
        else:
            cut = _quietest(audio, whole.start + longest // 2, whole.start + longest)
            waiting += [[Span(cut, whole.end)], [Span(whole.start, cut)]]
    return pieces


def _quietest(audio: Audio, start: int, end: int) -> int:
    """The frame in the middle of the quietest 100 ms between two frames."""
    powers = [
        float(np.mean(np.square(piece_samples(audio, Span(frame, frame + 5)), dtype=np.float64)))
        for frame in range(start, end - 5)
    ]
    return start + int(np.argmin(powers)) + 2
