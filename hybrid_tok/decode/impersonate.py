"""What has to be done to a synthesizer's voice for it to sound like the one of a voice code."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.decode.own_voice import OwnVoice
from hybrid_tok.decode.source_filter import Filter
from hybrid_tok.voice.code import VoiceTraits
from hybrid_tok.voice.measure import bin_frequencies
from hybrid_tok.voice.timbre import band_levels, centres, likely_levels
from hybrid_tok.voice.tract import PEOPLES_SPREAD

_FORMANTS = (0.85, 1.35)
"""Factors beyond which a voice is a cartoon's rather than anybody's."""

_LEAST_OWN_FORMANTS = 0.9
"""The estimator has learnt from people, and takes a formant synthesizer's narrow resonances for a giant's throat."""

_MOST_EQUALIZER_DB = 20.0
_LEAST_CONTRAST = 0.5
_HIGHEST_NOISE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """How the synthesizer's voice is changed.

    Attributes:
        pitch: median wanted, in Hz.
        pitch_range: factor of what pitch strays from it.
        rate: times as fast.
        filter: of the spectrum.
    """

    pitch: float
    pitch_range: float
    rate: float
    filter: Filter


def no_change(own: OwnVoice) -> Change:
    """The synthesizer's own voice."""
    silent = np.zeros(len(own.spectrum))
    return Change(own.traits.pitch, 1.0, 1.0, Filter(1.0, silent, silent, silent, 1.0))


def change_to(wanted: VoiceTraits, own: OwnVoice, sample_rate: int) -> Change:
    """From the synthesizer's own voice to the one wanted."""
    formants = min(max(wanted.formants / max(own.traits.formants, _LEAST_OWN_FORMANTS), _FORMANTS[0]), _FORMANTS[1])
    bins = np.arange(len(own.spectrum))
    warped = np.interp(bins / formants, bins, own.spectrum)
    return Change(
        pitch=wanted.pitch,
        pitch_range=_ratio(wanted.pitch_range, own.traits.pitch_range, 0.5, 2.5),
        rate=_ratio(wanted.rate, own.traits.rate, 0.5, 2.0),
        filter=Filter(
            formants=formants,
            gain=_equalizer(warped, wanted, sample_rate),
            noise=_noise(wanted, sample_rate),
            mean=warped * (math.log(10.0) / 10.0),
            contrast=min(max(PEOPLES_SPREAD / own.spread, _LEAST_CONTRAST), 1.0),
        ),
    )


def _ratio(wanted: float, own: float, low: float, high: float) -> float:
    """Their ratio within bounds; 1 where the synthesizer's own could not be told."""
    return min(max(wanted / own, low), high) if math.isfinite(own) and own > 0.0 else 1.0


def _equalizer(spectrum: NDArray[np.float64], wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Nepers of power (bins,) that give a mean spectrum in dB the levels of somebody with these traits."""
    difference = likely_levels(wanted) - band_levels(spectrum, sample_rate)
    limited = np.clip(difference, -_MOST_EQUALIZER_DB, _MOST_EQUALIZER_DB)
    return np.interp(bin_frequencies(sample_rate), centres(), limited) * (math.log(10.0) / 10.0)


def _noise(wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Share of the power that is breath, (bins,): in proportion to frequency, and less still below 1 kHz.

    Clarity counts all that is not periodic, changes of pitch and the room too; breath is taken to be 6 dB below that at
    1 kHz, where the harmonics that clarity is mostly made of have ended.
    """
    at_1_khz = 10.0 ** (-(wanted.clarity + 6.0) / 10.0)
    kilohertz = bin_frequencies(sample_rate) / 1000.0
    return np.minimum(at_1_khz * np.minimum(kilohertz, np.square(kilohertz)), _HIGHEST_NOISE)
