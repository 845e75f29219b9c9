"""Changes synthesized speech to its speaker's voice and to the prosody of its words.

Text without a voice code and without prosody stays exactly as the synthesizer spoke it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Speech, Synthesizer
from hybrid_tok.decode.level import active_level, frame_powers
from hybrid_tok.decode.plan import TextSegment
from hybrid_tok.decode.source_filter import reshape
from hybrid_tok.decode.synthesizer_voice import SynthesizerVoice, measure_synthesizer_voice
from hybrid_tok.decode.voice_change import VoiceChange, change_to, no_change
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.stream import Prosody
from hybrid_tok.voice.code import dequantize
from hybrid_tok.voice.pitch import PitchTrack, track_pitch
from hybrid_tok.voice.prosody import Delivery, expected_seconds, from_bins

_STEADY = 30.0
"""Voiced frames (0.3 s) from which an utterance's own median counts as much as the synthesizer's."""

_SMOOTH_PITCH, _SMOOTH_ENERGY = 0.06, 0.04
"""Seconds over which pitch and level go from one word's to the next one's."""

_MOST_GAIN_DB = 15.0
_PITCH_LIMITS = (50.0, 700.0)


@dataclass
class VoiceChanger:
    """Changes the speech of one synthesizer in one language.

    Attributes:
        synthesizer: whose voice is changed; it is measured when the first change is needed.
        sample_rate: of the speech, in Hz.
        language: of the text; None where it is not known.
        measured: voices of synthesizers measured before, by fingerprint and language.
    """

    synthesizer: Synthesizer
    sample_rate: int
    language: str | None = None
    measured: dict[tuple[str, str | None], SynthesizerVoice] = field(default_factory=dict)

    @property
    def own(self) -> SynthesizerVoice:
        """The synthesizer's own voice."""
        key = (self.synthesizer.fingerprint, self.language)
        if key not in self.measured:
            self.measured[key] = measure_synthesizer_voice(self.synthesizer, self.sample_rate, self.language)
        return self.measured[key]

    def apply(self, segment: TextSegment, speech: Speech, level_db: float) -> Speech:
        """An utterance in its speaker's voice and with its prosody, at an active speech level in dB.

        The words stay where they are.

        Raises:
            StreamError: the voice code is invalid.
        """
        deliveries = _deliveries(segment)
        if segment.voice is None and deliveries is None:
            return speech
        change = self._change(segment)
        samples = speech.audio.samples
        track = track_pitch(samples, self.sample_rate)
        pitch = self._pitch(track, change, speech.words, deliveries)
        samples = reshape(samples, self.sample_rate, track, pitch, change.filter)
        level = active_level(frame_powers(samples, self.sample_rate))
        if level is not None:
            samples = samples * np.float32(10.0 ** ((level_db - level[0]) / 20.0))
        if deliveries is not None:
            samples = samples * _gains(samples, self.sample_rate, speech.words, deliveries, level_db)
        return replace(speech, audio=Audio(samples.astype(np.float32), self.sample_rate))

    def lengths(self, segment: TextSegment, speech: Speech) -> list[int] | None:
        """Samples that each word takes in free timing; None where the synthesizer's pace is kept."""
        deliveries = _deliveries(segment)
        if segment.voice is None and deliveries is None:
            return None
        rate = self._change(segment).rate
        if deliveries is None:
            return [round((end - start) / rate) for start, end in speech.words]
        mean = self.own.pace / rate * self.sample_rate
        return [
            round(mean * expected_seconds(word) / delivery.rate) if delivery else round((end - start) / rate)
            for word, delivery, (start, end) in zip(segment.words, deliveries, speech.words, strict=True)
        ]

    def _change(self, segment: TextSegment) -> VoiceChange:
        if segment.voice is None:
            return no_change(self.own)
        try:
            wanted = dequantize(segment.voice)
        except ValueError as error:
            raise StreamError(f"speaker {segment.speaker}: {error}") from None
        return change_to(wanted, self.own, self.sample_rate)

    def _pitch(
        self,
        track: PitchTrack,
        change: VoiceChange,
        words: Sequence[tuple[int, int]],
        deliveries: Sequence[Delivery | None] | None,
    ) -> NDArray[np.float64]:
        """Target pitch in Hz in each frame of the track, (T,); only those of voiced frames count."""
        voiced = track.voiced
        if not voiced.any():
            return track.frequency
        own = 12.0 * np.log2(np.maximum(track.frequency, 1.0))
        share = np.count_nonzero(voiced) / (np.count_nonzero(voiced) + _STEADY)
        middle = share * np.median(own[voiced]) + (1.0 - share) * 12.0 * np.log2(self.own.traits.pitch)
        wanted = 12.0 * np.log2(change.pitch)
        offset = np.full(len(own), wanted - middle * change.pitch_range)
        if deliveries is not None:
            for (start, end), delivery in zip(words, deliveries, strict=True):
                inside = voiced & (track.centres >= start) & (track.centres < end)
                if delivery is not None and inside.any():
                    target = wanted + delivery.pitch
                    offset[(track.centres >= start) & (track.centres < end)] = (
                        target - np.median(own[inside]) * change.pitch_range
                    )
            hop = float(track.centres[1] - track.centres[0]) if len(track.centres) > 1 else 1.0
            offset = _smooth(offset, round(_SMOOTH_PITCH * self.sample_rate / hop))
        return np.clip(2.0 ** ((own * change.pitch_range + offset) / 12.0), *_PITCH_LIMITS)


def _deliveries(segment: TextSegment) -> list[Delivery | None] | None:
    """The prosody of each word; None where no word has any."""
    found: list[Prosody | None] = [part.prosody for part in segment.parts for _ in part.words]
    return [from_bins(prosody) if prosody else None for prosody in found] if any(found) else None


def _gains(
    samples: NDArray[np.float32],
    sample_rate: int,
    words: Sequence[tuple[int, int]],
    deliveries: Sequence[Delivery | None],
    level_db: float,
) -> NDArray[np.float32]:
    """Factors (N,) that bring each word to its level."""
    hop = max(1, round(0.01 * sample_rate))
    frames = -(-len(samples) // hop)
    known: list[float] = []
    gains: list[float] = []
    for (start, end), delivery in zip(words, deliveries, strict=True):
        power = float(np.mean(np.square(samples[start:end], dtype=np.float64))) if end > start else 0.0
        if power > 1e-10:
            gain = level_db + delivery.energy - 10.0 * np.log10(power) if delivery else 0.0
            gain = min(max(gain, -_MOST_GAIN_DB), _MOST_GAIN_DB)
            known += [start / hop, max(start / hop, end / hop - 1.0)]
            gains += [gain, gain]
    if not known:
        return np.ones(len(samples), np.float32)
    curve = _smooth(np.interp(np.arange(frames + 1), known, gains), round(_SMOOTH_ENERGY * sample_rate / hop))
    places = np.arange(len(samples)) / hop
    return (10.0 ** (np.interp(places, np.arange(frames + 1), curve) / 20.0)).astype(np.float32)


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Running mean over an odd number of values, at least `width`."""
    half = width // 2
    kernel = np.full(2 * half + 1, 1.0 / (2 * half + 1))
    return np.convolve(np.pad(values, half, mode="edge"), kernel, "valid")
