from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.voice.fourier import even_fft, irfft, rfft

FRAMES = np.random.default_rng(0).standard_normal((37, 300)).astype(np.float32)


@pytest.mark.parametrize("size", [300, 512, 1080])
def test_transforms_are_those_of_numpy_in_single_precision(size: int) -> None:
    spectra = rfft(FRAMES, size)
    assert spectra.dtype == np.complex64
    np.testing.assert_allclose(spectra, np.fft.rfft(FRAMES.astype(float), size), atol=1e-4)
    back = irfft(spectra, size)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back[:, :300], FRAMES, atol=1e-5)
    assert irfft(np.abs(spectra), size).shape == (37, size)


def test_a_frame_is_the_same_whatever_is_beside_it() -> None:
    spectra, halves = rfft(FRAMES, 512), even_fft(FRAMES)
    for part in (slice(0, 1), slice(3, 8), slice(30, 37)):
        np.testing.assert_array_equal(rfft(FRAMES[part], 512), spectra[part])
        np.testing.assert_array_equal(irfft(spectra[part], 512), irfft(spectra, 512)[part])
        np.testing.assert_array_equal(even_fft(FRAMES[part]), halves[part])


def test_even_sequences_are_halved_and_come_back() -> None:
    halves = FRAMES[:, :257]
    whole = np.concatenate([halves, halves[:, -2:0:-1]], axis=1)
    np.testing.assert_allclose(even_fft(halves), np.fft.rfft(whole.astype(float)).real, atol=1e-3)
    np.testing.assert_allclose(even_fft(even_fft(halves)) / 512, halves, atol=1e-5)
