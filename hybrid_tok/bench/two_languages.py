"""Recordings in two languages, joined from clips in one, and whether their words are in the right one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.recordings import spoken_language
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.timeline import FRAME_RATE

_RATE = 16_000


@dataclass(frozen=True, slots=True, eq=False)
class TwoLanguages:
    """A recording in two languages.

    Attributes:
        audio: mono at 16 kHz.
        languages: codes of the first and of the second.
        boundary: seconds from which it is the second: the middle of the silence between them.
    """

    audio: Audio
    languages: tuple[str, str]
    boundary: float


def join_languages(
    first: Sequence[Clip], second: Sequence[Clip], pairs: int, seed: int = 0, shortest: float = 3.0
) -> Iterator[TwoLanguages]:
    """Clips of one language joined with clips of another, each pair in both orders, 0.3 to 1.5 s of silence between.

    Args:
        first, second: clips of the two languages; those below `shortest` seconds are left out.
        pairs: how many to draw; a clip may be drawn again once all have been.
    """
    rng = np.random.default_rng(seed)
    read = [[(clip, read_mono(clip.path, _RATE)[0]) for clip in clips] for clips in (first, second)]
    chosen = [[(clip, audio) for clip, audio in clips if audio.seconds >= shortest] for clips in read]
    orders = [np.resize(rng.permutation(len(clips)), pairs) for clips in chosen]
    for one, other in zip(*orders, strict=True):
        pair = chosen[0][one], chosen[1][other]
        for (before, left), (after, right) in (pair, pair[::-1]):
            silence = np.zeros(round(float(rng.uniform(0.3, 1.5)) * _RATE), np.float32)
            yield TwoLanguages(
                Audio(np.concatenate([left.samples, silence, right.samples]), _RATE),
                (spoken_language(before), spoken_language(after)),
                left.seconds + len(silence) / _RATE / 2,
            )


def in_language(words: Sequence[Word], recording: TwoLanguages) -> tuple[list[bool], list[bool]]:
    """Of the words whose middle lies in the first and in the second language, whether each is in it."""
    halves: tuple[list[bool], list[bool]] = ([], [])
    for word in words:
        half = (word.span.start + word.span.end) / 2 / FRAME_RATE >= recording.boundary
        halves[half].append(word.language == recording.languages[half])
    return halves
