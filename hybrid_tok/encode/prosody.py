"""How each word is said: pitch, energy and rate relative to its speaker's mean up to the word's passage.

The mean is of the words so far and of the passage's own, so that a stream writes what a file does; after the first
minute of words it does not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, frame_to_sample
from hybrid_tok.core.utterance import Delivery
from hybrid_tok.encode.gate import Decision
from hybrid_tok.encode.voice import Listen, listen_to
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import Prosody
from hybrid_tok.voice.pitch import HOP_SECONDS, frame_centres, track_pitch
from hybrid_tok.voice.prosody import expected_seconds, to_bins

_MARGIN = 10
"""Frames before and after the words that are listened to, since pitch is tracked over more than a frame."""

_SILENCE = 1e-9
"""Mean square (-90 dB) below which a word has no level."""


@dataclass(frozen=True, slots=True)
class ProsodyOptions:
    """How words are measured.

    Attributes:
        fewest_voiced: voiced frames of 10 ms from which a word has a pitch.
        block: seconds of words in which pitch is tracked at a time.
        settled: seconds of a speaker's words after which the mean does not change.
    """

    fewest_voiced: int = 3
    block: float = 30.0
    settled: float = 60.0

    def __post_init__(self) -> None:
        if self.fewest_voiced < 1 or not self.block >= 1.0:
            raise OptionsError("prosody needs at least one voiced frame per word and blocks of at least 1 s")


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """A word: Hz of its voiced frames, (V,), and the sum and number of its frames' powers."""

    word: Word
    pitch: NDArray[np.float64]
    power: float
    frames: int


@dataclass(slots=True)
class SpeakerProsody:
    """What is known of a speaker's words.

    Attributes:
        pitch: Hz of their voiced frames, (V,).
        power, frames: sum and number of their frames' powers.
        seconds, expected: how long they last, and how long they would be expected to.
    """

    pitch: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    power: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    expected: float = 0.0


@dataclass(slots=True)
class ProsodyState:
    """What a `ProsodyMeter` goes on with: the speakers so far."""

    speakers: dict[int, SpeakerProsody] = field(default_factory=dict)


class ProsodyMeter:
    """Measures words passage by passage.

    Args:
        listen: gives the audio of a passage.
    """

    def __init__(
        self, listen: Listen, options: ProsodyOptions = ProsodyOptions(), state: ProsodyState | None = None
    ) -> None:
        self._listen, self._options = listen, options
        self.state = state or ProsodyState()

    def measure(self, decisions: Sequence[Decision]) -> dict[Word, Prosody]:
        """The prosody of every word of the next passage that is written as text.

        A word without a pitch (whispered, or too short) gets its speaker's mean, and so do words over digital silence.
        """
        said: defaultdict[int, list[Word]] = defaultdict(list)
        for decision in decisions:
            if decision.kind == "text":
                said[decision.speaker] += decision.words
                for word in decision.under:
                    said[word.speaker or 0].append(word)
        if not said:
            return {}
        spans = [word.span for words in said.values() for word in words]
        start = max(min(span.start for span in spans) - _MARGIN, 0)
        audio = self._listen(Span(start, max(span.end for span in spans) + _MARGIN))
        found: dict[Word, Prosody] = {}
        for speaker, words in said.items():
            measured = [one for block in _blocks(words, self._options) for one in _measure(audio, block, start)]
            mean = self.state.speakers.setdefault(speaker, SpeakerProsody())
            _add(mean, measured, self._options)
            found.update(_relative(measured, mean, self._options))
        return found


def measure_prosody(
    audio: Audio, decisions: Sequence[Decision], options: ProsodyOptions = ProsodyOptions()
) -> dict[Word, Prosody]:
    """The prosody of every word of a recording that is written as text.

    Args:
        audio: mono, 16 kHz.
    """
    meter = ProsodyMeter(listen_to(audio), options)
    found: dict[Word, Prosody] = {}
    for _, group in groupby(decisions, key=lambda one: one.passage):
        found.update(meter.measure(list(group)))
    return found


def _add(mean: SpeakerProsody, measured: Sequence[_Measured], options: ProsodyOptions) -> None:
    """Count words in, unless enough of them are known."""
    if mean.seconds >= options.settled:
        return
    mean.pitch = np.concatenate([mean.pitch, *(one.pitch for one in measured)])
    mean.power += sum(one.power for one in measured)
    mean.frames += sum(one.frames for one in measured)
    mean.seconds += sum(one.word.span.seconds for one in measured)
    mean.expected += sum(expected_seconds(one.word.text) for one in measured)


def _relative(
    measured: Sequence[_Measured], mean: SpeakerProsody, options: ProsodyOptions
) -> Iterator[tuple[Word, Prosody]]:
    """The prosody of one speaker's words relative to their mean."""
    middle = float(np.median(mean.pitch)) if len(mean.pitch) else float("nan")
    level = mean.power / max(1, mean.frames)
    pace = mean.seconds / max(mean.expected, 1e-9)
    for one in measured:
        power = one.power / max(1, one.frames)
        spoken = len(one.pitch) >= options.fewest_voiced
        span = max(one.word.span.seconds, 0.5 / FRAME_RATE)
        delivery = Delivery(
            pitch=12.0 * float(np.log2(np.median(one.pitch) / middle)) if spoken else float("nan"),
            energy=10.0 * float(np.log10(power / level)) if min(power, level) > _SILENCE else float("nan"),
            rate=pace * expected_seconds(one.word.text) / span,
        )
        yield one.word, to_bins(delivery)


def _measure(audio: Audio, words: Sequence[Word], first: int) -> list[_Measured]:
    """Pitch and power of consecutive words, tracked together; the audio starts at frame `first`."""
    hop = round(HOP_SECONDS * audio.sample_rate)
    places = [
        frame_centres(
            frame_to_sample(word.span.start - first, audio.sample_rate),
            min(audio.num_samples, frame_to_sample(word.span.end - first, audio.sample_rate)),
            hop,
        )
        for word in words
    ]
    centres, number = np.concatenate(places), np.repeat(np.arange(len(words)), [len(place) for place in places])
    # Words may overlap: a shared frame is tracked once, and counts for each of them.
    once, back = np.unique(centres, return_inverse=True)
    track = track_pitch(audio.samples, audio.sample_rate, once)
    frequency, power = track.frequency[back], track.power[back]
    measured: list[_Measured] = []
    for index, word in enumerate(words):
        mine = number == index
        pitch = frequency[mine]
        measured.append(_Measured(word, pitch[pitch > 0.0], float(power[mine].sum()), int(np.count_nonzero(mine))))
    return measured


def _blocks(words: Sequence[Word], options: ProsodyOptions) -> Iterator[list[Word]]:
    """Words in order of time, in blocks of at most `options.block` seconds."""
    block: list[Word] = []
    frames = 0
    for word in sorted(words, key=lambda word: word.span):
        if frames >= options.block * FRAME_RATE:
            yield block
            block, frames = [], 0
        block.append(word)
        frames += word.span.frames
    if block:
        yield block
