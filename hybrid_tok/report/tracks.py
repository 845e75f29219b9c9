"""What a page draws and plays of a recording: its outline, its spectrogram and its sound, each as few bytes as do.

The spectrogram has 96 mel bands from 50 Hz to 8 kHz in 63 steps over 72 dB, the outline the least and the greatest
sample of 2 ms. Both become coarser where a recording is long, so that they have a bounded size. The sound is Opus in
WebM, which every current browser plays.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.core.audio import BLOCK, Audio
from hybrid_tok.nn.logmel import mel_points, triangles

BANDS, LOWEST, HIGHEST = 96, 50.0, 8_000.0
LEVELS, RANGE = 63, 72.0
"""Steps, and the dB that they cover, of a spectrogram below the loudest sound in any track."""

_RATE, _FFT, _WINDOW = 16_000, 1_024, 512
_HOP = 80
"""5 ms at 16 kHz."""
_MOST_COLUMNS = 30_000
_PEAK_RATE, _MOST_PEAKS = 500, 300_000
_BIT_RATE = 48_000
"""At which Opus is transparent for speech in mono."""
_COLUMNS_AT_ONCE = 2_000


def page_rate(sample_rate: int) -> int:
    """The rate that a recording is played at: one that Opus has, with all that can be heard."""
    return 24_000 if sample_rate <= 24_000 else 48_000


def track_data(tracks: Sequence[tuple[str, Audio]]) -> list[dict[str, Any]]:
    """For the page's script: each mono recording (name, audio) with what is drawn and played of it.

    The spectrograms of all tracks share their scale, so that they can be compared.
    """
    spectra = [spectrogram(audio) for _, audio in tracks]
    top = max((float(levels.max()) for levels, _ in spectra if levels.size), default=0.0)
    return [
        {
            "name": name,
            "seconds": round(audio.seconds, 6),
            "audio": encode_audio(audio),
            "peaks": _peaks_data(audio),
            "spectrogram": {"hop": hop, "bands": BANDS, "levels": LEVELS, "data": pack(quantize(levels, top))},
        }
        for (name, audio), (levels, hop) in zip(tracks, spectra, strict=True)
    ]


def spectrogram(audio: Audio) -> tuple[NDArray[np.float32], float]:
    """Levels in dB (columns, BANDS), low bands first, and the seconds between columns."""
    samples = resample(audio, _RATE).samples
    hop = _HOP
    while -(-len(samples) // hop) > _MOST_COLUMNS:
        hop *= 2
    count = -(-len(samples) // hop)
    padded = np.pad(samples, (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop][:count]
    window = np.hanning(_WINDOW).astype(np.float32)
    spacing = _RATE / _FFT
    filters = triangles(mel_points(LOWEST, HIGHEST, BANDS + 2), np.fft.rfftfreq(_FFT, 1 / _RATE), spacing)
    filters = (filters / np.maximum(filters.sum(0), 1e-9)).astype(np.float32)
    levels = np.empty((count, BANDS), np.float32)
    for start in range(0, count, _COLUMNS_AT_ONCE):
        power = np.abs(np.fft.rfft(frames[start : start + _COLUMNS_AT_ONCE] * window, _FFT)) ** 2
        levels[start : start + len(power)] = 10.0 * np.log10(power.astype(np.float32) @ filters + 1e-10)
    return levels, hop / _RATE


def quantize(levels: NDArray[np.float32], top: float) -> NDArray[np.uint8]:
    """Levels in dB as steps: `LEVELS` at `top`, 0 from `RANGE` below it."""
    return np.clip(np.rint((levels - top + RANGE) / RANGE * LEVELS), 0, LEVELS).astype(np.uint8)


def peaks(audio: Audio) -> tuple[NDArray[np.int8], float]:
    """The least and greatest sample of each step (steps, 2) in 127ths of full scale, and the steps per second."""
    rate = float(_PEAK_RATE)
    while audio.seconds * rate > _MOST_PEAKS:
        rate /= 2
    starts = (np.arange(max(int(np.ceil(audio.seconds * rate)), 1)) * (audio.sample_rate / rate)).astype(np.int64)
    starts = starts[starts < audio.num_samples]
    if not len(starts):
        return np.zeros((0, 2), np.int8), rate
    bounds = np.stack([np.minimum.reduceat(audio.samples, starts), np.maximum.reduceat(audio.samples, starts)], axis=1)
    return np.clip(np.rint(bounds * 127.0), -127, 127).astype(np.int8), rate


def encode_audio(audio: Audio) -> dict[str, str]:
    """Mono audio as Opus in WebM: its type, and its bytes in base64. The same audio gives the same bytes."""
    playable = resample(audio, page_rate(audio.sample_rate))
    samples = np.clip(np.rint(playable.samples * 32767.0), -32768, 32767).astype(np.int16)
    written = io.BytesIO()
    # Without bitexact the container has a random number and the version of the library.
    with av.open(written, "w", format="webm", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=playable.sample_rate, layout="mono")
        stream.bit_rate = _BIT_RATE
        for start in range(0, max(len(samples), 1), BLOCK):
            block = samples[start : start + BLOCK] if len(samples) else np.zeros(1, np.int16)
            frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = playable.sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return {"type": "audio/webm; codecs=opus", "data": base64.b64encode(written.getvalue()).decode()}


def pack(array: NDArray[Any]) -> str:
    """Bytes of an array, deflated, in base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()


def _peaks_data(audio: Audio) -> dict[str, Any]:
    bounds, rate = peaks(audio)
    return {"rate": rate, "data": pack(bounds)}
