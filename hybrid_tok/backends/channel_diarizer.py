"""Who speaks when in a recording with a channel per person or per side, where overlap is heard for certain.

Each channel is diarized by itself, so that people who talk at the same time on different channels have turns that
overlap. What a channel only picks up of the others is left out: there, another channel is far louder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from hybrid_tok.annotations import SpeakerTurn
from hybrid_tok.audio import Audio
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.interfaces import Diarizer
from hybrid_tok.masks import runs
from hybrid_tok.timeline import FRAME_RATE, Span, subtract_spans

_SMOOTH = 11
"""Frames (20 ms) over which levels are compared."""


def diarize_channels(
    diarizer: Diarizer, audio: Audio, speech: Sequence[Sequence[Span]], bleed: float = 10.0
) -> tuple[SpeakerTurn, ...]:
    """Turns of all channels, sorted by start; speakers are numbered in order of first appearance.

    Nobody is looked for on two channels: who talks on both is two speakers.

    Args:
        audio: (channels, N) at the diarizer's rate.
        speech: for each channel, where speech is heard in it.
        bleed: dB by which another channel must be louder for speech in this one to be taken for that channel's.

    Raises:
        BackendError: mono audio, or speech for another number of channels.
    """
    if bleed <= 0:
        raise OptionsError(f"bleed={bleed} dB: another channel must be louder, give more than 0")
    if audio.samples.ndim != 2 or len(speech) != len(audio.samples):
        channels = 1 if audio.samples.ndim == 1 else len(audio.samples)
        raise BackendError(f"speech of {len(speech)} channels for audio of {channels}: give both for each of several")
    levels = np.stack([_levels(channel, audio.sample_rate) for channel in audio.samples])
    found: list[tuple[Span, int, int]] = []
    for k, (channel, spans) in enumerate(zip(audio.samples, speech, strict=True)):
        others = np.delete(levels, k, axis=0).max(axis=0, initial=-np.inf)
        own = subtract_spans(spans, [Span(*run) for run in runs(others > levels[k] + bleed)])
        turns = diarizer.diarize(Audio(channel, audio.sample_rate), own) if own else ()
        found += [(turn.span, k, turn.speaker) for turn in turns]
    order: dict[tuple[int, int], int] = {}
    return tuple(SpeakerTurn(order.setdefault((k, speaker), len(order)), span) for span, k, speaker in sorted(found))


def _levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Level per 20 ms frame in dB, (N,) to (ceil(N / hop),)."""
    hop = rate // FRAME_RATE
    frames = -(-len(samples) // hop)
    starts = np.arange(frames) * hop
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts) / hop if frames else np.zeros(0)
    return 10 * np.log10(uniform_filter1d(power, _SMOOTH, mode="nearest").clip(1e-12) if frames else power)
