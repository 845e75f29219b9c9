"""The synthesizer's own voice, measured once on a fixed text in the same way as a speaker's in a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.interfaces import Synthesizer
from hybrid_tok.core.spacing import split_words
from hybrid_tok.decode.synthesize import speak
from hybrid_tok.voice.code import NEUTRAL, VoiceTraits
from hybrid_tok.voice.measure import FEWEST_VOICED, bin_frequencies, traits_of, voiced_spectra
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.prosody import expected_seconds
from hybrid_tok.voice.tract import MEAN_SPREAD, spectral_spread

_TEXT = (
    "We were away a year ago when Joe bought a new yellow house above the bay. The children often ask why such large "
    "boats go by in the morning, and who has the good fish that we cook at noon."
)
"""Most vowels and consonants of English; voices of other languages read it with their own pronunciation."""

_CHINESE = "很久以前，我们家门前有一条小河。夏天的晚上，大家都喜欢坐在河边，听老人讲月亮和星星的故事。"
_TEXTS: Mapping[str | None, str] = MappingProxyType(
    {
        "zh": _CHINESE,
        "yue": _CHINESE,
        "ja": "きのうの あさは いい てんきでした。こどもたちは うみへ いって、おおきな ふねを みていました。",
        "ko": "어제 아침에는 날씨가 아주 좋았습니다. 아이들은 바닷가에 가서 커다란 배를 오랫동안 바라보았습니다.",
    }
)
"""Texts for languages written in syllables, whose pace is not counted in letters."""


@dataclass(frozen=True, slots=True, eq=False)
class SynthesizerVoice:
    """A synthesizer's own voice.

    Attributes:
        traits: as of a speaker.
        spectrum: (bins,), mean log spectrum of voiced speech in dB.
        spread: how much the shape of its spectrum changes over time, in dB; see `voice.tract.spectral_spread`.
        pace: a word's seconds relative to its `expected_seconds`.
    """

    traits: VoiceTraits
    spectrum: NDArray[np.float64]
    spread: float
    pace: float


def measure_synthesizer_voice(
    synthesizer: Synthesizer, sample_rate: int, language: str | None = None
) -> SynthesizerVoice:
    """Measure a synthesizer's voice in a language. The traits are neutral where it has no voiced speech (whispering,
    silence)."""
    words = split_words(_TEXTS.get(language, _TEXT), language)
    speech = speak(words, synthesizer, sample_rate, -26.0)
    track = track_pitch(speech.audio.samples, sample_rate)
    spoken = sum(end - start for start, end in speech.words) / sample_rate
    pace = spoken / sum(map(expected_seconds, words)) or 1.0
    if np.count_nonzero(track.voiced) < FEWEST_VOICED:
        return SynthesizerVoice(NEUTRAL, np.zeros(len(bin_frequencies(sample_rate))), MEAN_SPREAD, pace)
    spectra = voiced_spectra(speech.audio, track)
    return SynthesizerVoice(
        traits=traits_of(track, spectra, sample_rate),
        spectrum=spectra.mean(axis=0, dtype=np.float64),
        spread=spectral_spread(spectra, sample_rate),
        pace=pace,
    )
