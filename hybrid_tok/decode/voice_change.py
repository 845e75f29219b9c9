"""How a synthesizer's voice must be changed to sound like a voice code."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.decode.source_filter import Filter
from hybrid_tok.decode.synthesizer_voice import SynthesizerVoice
from hybrid_tok.voice.code import VoiceTraits
from hybrid_tok.voice.measure import bin_frequencies
from hybrid_tok.voice.timbre import band_levels, centres, likely_levels
from hybrid_tok.voice.tract import MEAN_SPREAD

_FORMANTS = (0.85, 1.35)
"""Range of the formant factor; voices outside it do not sound human."""

_LEAST_OWN_FORMANTS = 0.9
"""Lower bound of a synthesizer's formant factor: the estimator was fitted on human speech, and reports too long a
vocal tract for the narrow resonances of a formant synthesizer."""

_MOST_EQUALIZER_DB = 20.0
_LEAST_CONTRAST = 0.5
_HIGHEST_NOISE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class VoiceChange:
    """How the synthesizer's voice is changed.

    Attributes:
        pitch: target median, in Hz.
        pitch_range: factor of the deviation of pitch from the median.
        rate: factor of the speaking rate.
        filter: of the spectrum.
    """

    pitch: float
    pitch_range: float
    rate: float
    filter: Filter


def no_change(own: SynthesizerVoice) -> VoiceChange:
    """The synthesizer's own voice."""
    silent = np.zeros(len(own.spectrum))
    return VoiceChange(own.traits.pitch, 1.0, 1.0, Filter(1.0, silent, silent, silent, 1.0))


def change_to(wanted: VoiceTraits, own: SynthesizerVoice, sample_rate: int) -> VoiceChange:
    """From the synthesizer's own voice to the wanted one."""
    formants = min(max(wanted.formants / max(own.traits.formants, _LEAST_OWN_FORMANTS), _FORMANTS[0]), _FORMANTS[1])
    bins = np.arange(len(own.spectrum))
    warped = np.interp(bins / formants, bins, own.spectrum)
    return VoiceChange(
        pitch=wanted.pitch,
        pitch_range=_ratio(wanted.pitch_range, own.traits.pitch_range, 0.5, 2.5),
        rate=_ratio(wanted.rate, own.traits.rate, 0.5, 2.0),
        filter=Filter(
            formants=formants,
            gain=_equalizer(warped, wanted, sample_rate),
            noise=_noise(wanted, sample_rate),
            mean=warped * (math.log(10.0) / 10.0),
            contrast=min(max(MEAN_SPREAD / own.spread, _LEAST_CONTRAST), 1.0),
        ),
    )


def _ratio(wanted: float, own: float, low: float, high: float) -> float:
    """Their ratio within bounds; 1 where the synthesizer's own value could not be measured."""
    return min(max(wanted / own, low), high) if math.isfinite(own) and own > 0.0 else 1.0


def _equalizer(spectrum: NDArray[np.float64], wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Nepers of power (bins,) that give a mean spectrum in dB the band levels of a speaker with these traits."""
    difference = likely_levels(wanted) - band_levels(spectrum, sample_rate)
    limited = np.clip(difference, -_MOST_EQUALIZER_DB, _MOST_EQUALIZER_DB)
    return np.interp(bin_frequencies(sample_rate), centres(), limited) * (math.log(10.0) / 10.0)


def _noise(wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Share of the power that is breath noise, (bins,): proportional to frequency, and to its square below 1 kHz.

    Clarity counts everything that is not periodic, changes of pitch and the room included; breath is assumed to be 6 dB
    below that at 1 kHz, above most of the harmonics that clarity is measured on.
    """
    at_1_khz = 10.0 ** (-(wanted.clarity + 6.0) / 10.0)
    kilohertz = bin_frequencies(sample_rate) / 1000.0
    return np.minimum(at_1_khz * np.minimum(kilohertz, np.square(kilohertz)), _HIGHEST_NOISE)
