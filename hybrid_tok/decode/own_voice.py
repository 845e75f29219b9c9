"""How the synthesizer sounds by itself: measured once, on a text of its own, as a recording of a speaker is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.interfaces import Synthesizer
from hybrid_tok.decode.synthesize import speak
from hybrid_tok.voice.code import NEUTRAL, VoiceTraits
from hybrid_tok.voice.measure import FEWEST_VOICED, bin_frequencies, traits_of, voiced_spectra
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.prosody import expected_seconds
from hybrid_tok.voice.tract import PEOPLES_SPREAD, spectral_spread

_TEXT = (
    "We were away a year ago when Joe bought a new yellow house above the bay. The children often ask why such large "
    "boats go by in the morning, and who has the good fish that we cook at noon."
)
"""Most vowels and consonants of English; a voice for another language reads it in its way, which does no harm."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnVoice:
    """A synthesizer's own voice.

    Attributes:
        traits: as of a speaker.
        spectrum: (bins,), mean log spectrum of voiced speech in dB.
        spread: how much the shape of its spectrum changes over time, in dB; see `voice.tract.spectral_spread`.
        pace: seconds that a word takes per `expected_seconds`.
    """

    traits: VoiceTraits
    spectrum: NDArray[np.float64]
    spread: float
    pace: float


def measure_own_voice(synthesizer: Synthesizer, sample_rate: int) -> OwnVoice:
    """Listen to a synthesizer; one without a voice (whispering, silent) is taken for the mean speaker."""
    words = _TEXT.split()
    speech = speak(words, synthesizer, sample_rate, -26.0)
    track = track_pitch(speech.audio.samples, sample_rate)
    spoken = sum(end - start for start, end in speech.words) / sample_rate
    pace = spoken / sum(map(expected_seconds, words)) or 1.0
    if np.count_nonzero(track.voiced) < FEWEST_VOICED:
        return OwnVoice(NEUTRAL, np.zeros(len(bin_frequencies(sample_rate))), PEOPLES_SPREAD, pace)
    spectra = voiced_spectra(speech.audio, track)
    return OwnVoice(
        traits=traits_of(track, spectra, sample_rate),
        spectrum=spectra.mean(axis=0, dtype=np.float64),
        spread=spectral_spread(spectra, sample_rate),
        pace=pace,
    )
