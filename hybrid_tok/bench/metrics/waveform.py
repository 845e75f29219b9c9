"""Waveform metrics with the definitions of Codec-SUPERB (Wu et al. 2024, arXiv 2402.13071), so that numbers compare.

All take reference and degraded signal, mono at 16 kHz, and pad the shorter one with zeros at its end. Lower is better
for `mel_distance` and `stft_distance`, higher for the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.errors import BackendError
from hybrid_tok.nn.logmel import triangles

SAMPLE_RATE = 16_000
Samples = NDArray[np.float32]

_MEL_SCALES = ((150, 2048), (80, 512))
_FLOOR = 1e-5
_F0_RATE = 22_050


def evaluate(reference: Samples, degraded: Samples) -> dict[str, float]:
    """All metrics by name: mel, stft, pesq_wb, stoi, f0_correlation."""
    return {name: metric(reference, degraded) for name, metric in METRICS.items()}


def mel_distance(reference: Samples, degraded: Samples) -> float:
    """L1 between mel spectra, linear and log, at two resolutions, summed."""
    reference, degraded = same_length(reference, degraded)
    return sum(
        _spectral_distance(_magnitudes(reference, n) @ bank, _magnitudes(degraded, n) @ bank)
        for bank, n in ((slaney_bank(mels, n), n) for mels, n in _MEL_SCALES)
    )


def stft_distance(reference: Samples, degraded: Samples) -> float:
    """The same on STFT magnitudes."""
    reference, degraded = same_length(reference, degraded)
    return sum(_spectral_distance(_magnitudes(reference, n), _magnitudes(degraded, n)) for _, n in _MEL_SCALES)


def pesq_wb(reference: Samples, degraded: Samples) -> float:
    """Wide-band PESQ (ITU-T P.862.2), 1.0 where it finds no speech or fails."""
    pesq = _module("pesq")
    reference, degraded = same_length(reference, degraded)
    if not reference.any() or not degraded.any():
        return 1.0
    try:
        return float(pesq.pesq(SAMPLE_RATE, reference, degraded, "wb"))
    except (pesq.PesqError, ValueError, ZeroDivisionError):
        return 1.0


def stoi(reference: Samples, degraded: Samples) -> float:
    """Short-time objective intelligibility (Taal et al. 2011); NaN where the reference is silent."""
    pystoi = _module("pystoi")
    reference, degraded = same_length(reference, degraded)
    if not reference.any():
        return float("nan")
    with warnings.catch_warnings():
        # Too little speech for one segment; the value, 1e-5, says so as well.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(pystoi.stoi(reference, degraded, SAMPLE_RATE))


def f0_correlation(reference: Samples, degraded: Samples) -> float:
    """Correlation of the pitch contours, in cents about their medians, after time warping; 0 on failure.

    Codec-SUPERB takes every signal for one at 22,050 Hz, whatever its rate. At 16 kHz, its range of 50 to 1100 Hz is
    36 to 798 Hz in truth, and its hop of 256 samples 16 ms at the true rate. Cents about the median do not change with
    the rate, but which frames are voiced, and with which octave, does: so the same is done here.
    """
    contours = []
    for samples in same_length(reference, degraded):
        _, pitch = praat_pitch(samples, 256 / _F0_RATE, 50.0, 1100.0, voicing=0.6, sample_rate=_F0_RATE)
        voiced = pitch[pitch > 0]
        if len(voiced) < 2:
            return 0.0
        cents = 1200 * np.log2(voiced / 440)  # rounded as there: of warpings, many cost the same but for rounding
        contours.append(cents - np.median(cents))
    path = _warping_path(*contours)
    x, y = contours[0][path[:, 0]], contours[1][path[:, 1]]
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


METRICS: dict[str, Callable[[Samples, Samples], float]] = {
    "mel": mel_distance,
    "stft": stft_distance,
    "pesq_wb": pesq_wb,
    "stoi": stoi,
    "f0_correlation": f0_correlation,
}


def same_length(reference: Samples, degraded: Samples) -> tuple[Samples, Samples]:
    """Both as float32, the shorter one padded with zeros at its end."""
    length = max(len(reference), len(degraded))
    padded = [np.pad(np.asarray(x, np.float32), (0, length - len(x))) for x in (reference, degraded)]
    return padded[0], padded[1]


def _spectral_distance(reference: NDArray[np.float64], degraded: NDArray[np.float64]) -> float:
    logs = [np.log10(np.maximum(m, _FLOOR) ** 2) for m in (reference, degraded)]
    return float(np.abs(logs[0] - logs[1]).mean() + np.abs(reference - degraded).mean())


def _magnitudes(samples: Samples, window: int) -> NDArray[np.float64]:
    """(frames, window / 2 + 1) magnitudes with a Hann window at hop window / 4."""
    hop, half = window // 4, window // 2
    hann = signal.get_window("hann", window)
    padded = np.pad(samples.astype(np.float64), half, mode="reflect" if len(samples) > half else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.abs(np.fft.rfft(frames * hann))


def slaney_bank(num_mels: int, num_fft: int) -> NDArray[np.float64]:
    """(num_fft / 2 + 1, num_mels) triangles of equal area on the Slaney mel scale, 0 to 8 kHz, as in librosa."""

    def to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        logarithmic = 15 + np.log(np.maximum(hertz, 1000) / 1000) * (27 / np.log(6.4))
        return np.where(hertz < 1000, hertz * 3 / 200, logarithmic)

    def to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.log(6.4) / 27) * (mel - 15)))

    edges = to_hertz(np.linspace(0, float(to_mel(np.array(SAMPLE_RATE / 2))), num_mels + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, num_fft // 2 + 1)
    return triangles(edges, frequencies) * (2 / (edges[2:] - edges[:-2]))


def praat_pitch(
    samples: Samples,
    step: float = 0.01,
    lowest: float = 60.0,
    highest: float = 600.0,
    voicing: float = 0.45,
    sample_rate: int = SAMPLE_RATE,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Praat's autocorrelation pitch: times in seconds, and Hz, 0 where unvoiced; empty below three periods of the
    lowest pitch.

    Args:
        step: seconds between frames.
        lowest, highest: in Hz.
        voicing: threshold of the autocorrelation from which a frame is voiced.
        sample_rate: that Praat is told, in Hz.
    """
    parselmouth = _module("parselmouth")
    sound = parselmouth.Sound(samples.astype(np.float64), sample_rate)
    try:
        pitch = sound.to_pitch_ac(time_step=step, pitch_floor=lowest, pitch_ceiling=highest, voicing_threshold=voicing)
    except parselmouth.PraatError:
        return np.zeros(0), np.zeros(0)
    return np.asarray(pitch.xs(), np.float64), np.asarray(pitch.selected_array["frequency"], np.float64)


def _warping_path(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Dynamic time warping with steps (1,1), (1,0), (0,1) and absolute differences; (steps, 2) index pairs."""
    cost = np.abs(x[:, None] - y[None])
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    # Anti-diagonals: every cell of one depends on the two before only.
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        total[i + 1, j + 1] = cost[i, j] + np.minimum(np.minimum(total[i, j], total[i, j + 1]), total[i + 1, j])
    i, j = rows, columns
    path = []
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        # Of steps that are equal after the cost is added, the first of these, as in librosa.
        steps = np.array((total[i - 1, j - 1], total[i, j - 1], total[i - 1, j])) + cost[i - 1, j - 1]
        best = int(np.argmin(steps))
        i, j = (i - 1, j - 1) if best == 0 else (i, j - 1) if best == 1 else (i - 1, j)
    return np.array(path[::-1], dtype=np.int64)


def _module(name: str):
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise BackendError(f"the metric needs {name}: pip install 'hybrid-tok[bench]'") from None
