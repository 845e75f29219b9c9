"""A synthesized recording for `hybrid-tok demo`: two voices, pauses, and a giggle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Synthesizer

DEMO_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the conversation: which voice says what, after how much silence. Without words it is hummed."""

    voice: str
    text: str
    pause: float


SCRIPT = (
    Line("en-us+m3", "did you hear the one about the tokenizer", 0.4),
    Line("en-us+f3", "no, tell me", 0.5),
    Line("en-us+m3", "it took six hundred tokens for every second of silence", 0.4),
    Line("en-us+f3", "", 0.3),
    Line("en-us+f3", "that is very good", 0.3),
)
"""The wordless line is written as units: a transcript would have lost it."""


def make_demo(synthesizer: Callable[[str], Synthesizer]) -> Audio:
    """Speak the script; `synthesizer` gives a voice by name."""
    pieces: list[NDArray[np.float32]] = []
    for line in SCRIPT:
        pieces.append(np.zeros(round(line.pause * DEMO_RATE), np.float32))
        if line.text:
            speech = synthesizer(line.voice).synthesize(line.text.split())
            pieces.append(resample(speech.audio, DEMO_RATE).samples)
        else:
            pieces.append(_giggle())
    pieces.append(np.zeros(DEMO_RATE // 2, np.float32))
    return Audio(np.concatenate(pieces), DEMO_RATE)


def _giggle(bursts: int = 5) -> NDArray[np.float32]:
    """A giggle by source and filter: voiced bursts at five a second, falling in pitch and loudness.

    The rhythm and the falling contour are those of natural laughter (Bachorowski, Smoski & Owren 2001); a pulse
    train through three resonances of an open vowel stands for the voice.
    """
    period = DEMO_RATE // 5
    out = np.zeros(bursts * period, np.float32)
    time = np.arange(round(0.11 * DEMO_RATE)) / DEMO_RATE
    for burst in range(bursts):
        pitch = 330.0 * 0.93**burst * (1 - 0.8 * time)
        phase = 2 * np.pi * np.cumsum(pitch) / DEMO_RATE
        voice = np.zeros_like(time)
        for harmonic in range(1, 20):
            frequency = harmonic * pitch
            gain = sum(1 / (1 + ((frequency - formant) / width) ** 2) for formant, width in _OPEN_VOWEL)
            voice += gain * np.sin(harmonic * phase) / harmonic
        start = burst * period
        out[start : start + len(time)] += (0.12 * 0.8**burst * np.hanning(len(time)) * voice).astype(np.float32)
    return out


_OPEN_VOWEL = ((800.0, 90.0), (1250.0, 110.0), (2600.0, 160.0))
"""Formants of an open vowel and their half-widths, in Hz."""
