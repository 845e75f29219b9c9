"""What has to be done to a synthesizer's voice for it to sound like the one of a voice code."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.decode.own_voice import OwnVoice
from hybrid_tok.decode.source_filter import Filter
from hybrid_tok.voice.code import VoiceTraits
from hybrid_tok.voice.measure import BANDS, band_levels, bin_frequencies

_FORMANTS = (0.85, 1.35)
"""Factors beyond which a voice is a cartoon's rather than anybody's."""

_LEAST_OWN_FORMANTS = 0.9
"""The estimator has learnt from people, and takes a formant synthesizer's narrow resonances for a giant's throat."""

_MOST_EQUALIZER_DB = 18.0
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
    return Change(own.traits.pitch, 1.0, 1.0, Filter(1.0, silent, silent))


def change_to(wanted: VoiceTraits, own: OwnVoice, sample_rate: int) -> Change:
    """From the synthesizer's own voice to the one wanted."""
    formants = min(max(wanted.formants / max(own.traits.formants, _LEAST_OWN_FORMANTS), _FORMANTS[0]), _FORMANTS[1])
    bins = np.arange(len(own.spectrum))
    warped = np.interp(bins / formants, bins, own.spectrum)
    return Change(
        pitch=wanted.pitch,
        pitch_range=_ratio(wanted.pitch_range, own.traits.pitch_range, 0.5, 2.5),
        rate=_ratio(wanted.rate, own.traits.rate, 0.5, 2.0),
        filter=Filter(formants, _equalizer(warped, wanted, sample_rate), _noise(wanted, sample_rate)),
    )


def _ratio(wanted: float, own: float, low: float, high: float) -> float:
    """Their ratio within bounds; 1 where the synthesizer's own could not be told."""
    return min(max(wanted / own, low), high) if math.isfinite(own) and own > 0.0 else 1.0


def _equalizer(spectrum: NDArray[np.float64], wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Nepers of power (bins,) that give a mean spectrum in dB the levels wanted in each band.

    A line through the middles of the bands on a logarithmic axis; their heights are corrected until the levels agree.
    """
    frequency = np.log(np.maximum(bin_frequencies(sample_rate), 20.0))
    places = [0.5 * (math.log(low) + math.log(high)) for low, high in BANDS]
    target = np.array([wanted.warmth, 0.0, wanted.presence, wanted.air])
    heights = np.zeros(len(BANDS))
    for _ in range(10):
        warmth, presence, air = band_levels(spectrum + np.interp(frequency, places, heights), sample_rate)
        heights = np.clip(
            heights + target - np.array([warmth, 0.0, presence, air]), -_MOST_EQUALIZER_DB, _MOST_EQUALIZER_DB
        )
    return np.interp(frequency, places, heights) * (math.log(10.0) / 10.0)


def _noise(wanted: VoiceTraits, sample_rate: int) -> NDArray[np.float64]:
    """Share of the power that is breath, (bins,): in proportion to frequency.

    Clarity counts all that is not periodic, changes of pitch and the room too; breath is taken to be 6 dB below that at
    1 kHz, where the harmonics that clarity is mostly made of have ended.
    """
    at_1_khz = 10.0 ** (-(wanted.clarity + 6.0) / 10.0)
    return np.minimum(at_1_khz * bin_frequencies(sample_rate) / 1000.0, _HIGHEST_NOISE)
