"""The codecs that the unit codec is measured against, each as one function from samples to samples and bits."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import BackendError

SAMPLE_RATE = 16_000
Samples = NDArray[np.float32]

CODEC2_DELAY = {"700C": 520, "1400": 320, "2400": 320, "3200": 320}
"""Samples at 16 kHz by which each mode's output comes late, where STOI is best; taken off before it is scored."""


def opus(samples: Samples, bit_rate: int) -> tuple[Samples, int]:
    """Through libopus (by PyAV, in memory) and back; the bits are those of the packets, without the container."""
    import av
    import soxr

    pcm = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)[None]
    buffer, bits = io.BytesIO(), 0
    with av.open(buffer, "w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=SAMPLE_RATE, bit_rate=bit_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            bits += packet.size * 8
            container.mux(packet)
    buffer.seek(0)
    with av.open(buffer) as container:
        decoded = np.concatenate([f.to_ndarray().reshape(-1) for f in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    if decoded.dtype == np.int16:
        decoded = decoded / 32768
    return fitted(soxr.resample(decoded.astype(np.float32), rate, SAMPLE_RATE), len(samples)), bits


def codec2(samples: Samples, mode: str) -> tuple[Samples, int]:
    """Through Codec 2's command-line programs at 8 kHz and back to 16 kHz.

    Raises:
        BackendError: c2enc or c2dec is not installed.
    """
    import soxr

    for program in ("c2enc", "c2dec"):
        if shutil.which(program) is None:
            raise BackendError(f"{program} is not installed: apt-get install codec2")
    narrow = np.clip(np.rint(soxr.resample(samples, SAMPLE_RATE, 8000) * 32767), -32768, 32767).astype("<i2")
    with tempfile.TemporaryDirectory() as folder:
        raw, packed, back = (Path(folder) / name for name in ("in.raw", "coded", "out.raw"))
        # The encoder drops what does not fill a frame of 40 ms.
        narrow = np.pad(narrow, (0, CODEC2_DELAY[mode] // 2))
        raw.write_bytes(np.pad(narrow, (0, -len(narrow) % 320)).tobytes())
        subprocess.run(["c2enc", mode, raw, packed], check=True, capture_output=True)
        subprocess.run(["c2dec", mode, packed, back], check=True, capture_output=True)
        bits = packed.stat().st_size * 8
        decoded = np.frombuffer(back.read_bytes(), "<i2").astype(np.float32) / 32768
    return fitted(soxr.resample(decoded, 8000, SAMPLE_RATE)[CODEC2_DELAY[mode] :], len(samples)), bits


def fitted(samples: Samples, length: int) -> Samples:
    """Cut or padded at the end to `length`."""
    return np.pad(samples[:length], (0, max(0, length - len(samples)))).astype(np.float32)
