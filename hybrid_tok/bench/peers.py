"""The codecs that the tokenizer is measured against, each as one function from samples to samples and bits.

Opus and Codec 2 are what telephones use. EnCodec, Mimi and DAC run where `transformers` and their weights are: in a
folder, or in the local cache under their name; nothing is downloaded.
"""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import BackendError

SAMPLE_RATE = 16_000
Samples = NDArray[np.float32]

CODEC2_DELAY = {"700C": 520, "1400": 320, "2400": 320, "3200": 320}
"""Samples at 16 kHz by which each mode's output comes late, where STOI is best; taken off before it is scored."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A recording after a codec.

    Attributes:
        samples: as many as went in, mono at 16 kHz.
        bits: of the coded form, without a container.
        tokens: codes of all codebooks; None where the codec has none.
    """

    samples: Samples
    bits: float
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """A codec to compare with.

    Attributes:
        options: that can be chosen, with their defaults.
        transcode: samples at 16 kHz there and back, with the options by name.
        titled: for tables, with the options in braces.
        version: of the program or library, for results.
    """

    options: Mapping[str, Any]
    transcode: Callable[..., Coded]
    titled: str
    version: Callable[[], str]

    def title(self, chosen: Mapping[str, Any]) -> str:
        """With the options that were chosen."""
        options = {**self.options, **chosen}
        kilobits = {f"{name}_k": value / 1000 for name, value in options.items() if isinstance(value, int)}
        return self.titled.format(**options, **kilobits)


def opus(samples: Samples, bit_rate: int) -> Coded:
    """Through libopus (by PyAV, in memory) and back; the bits are those of the packets."""
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
    return Coded(fitted(soxr.resample(decoded.astype(np.float32), rate, SAMPLE_RATE), len(samples)), bits)


def codec2(samples: Samples, mode: str) -> Coded:
    """Through Codec 2's command-line programs at 8 kHz and back to 16 kHz.

    Raises:
        BackendError: c2enc or c2dec is not installed, or there is no such mode.
    """
    import soxr

    if mode not in CODEC2_DELAY:
        raise BackendError(f"Codec 2 has no mode {mode!r} here; there are: {', '.join(CODEC2_DELAY)}")

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
    return Coded(fitted(soxr.resample(decoded, 8000, SAMPLE_RATE)[CODEC2_DELAY[mode] :], len(samples)), bits)


def neural(samples: Samples, model: str, bandwidth: float) -> Coded:
    """Through a codec of `transformers` and back.

    Args:
        model: its folder, or its name on the hub where it is in the local cache.
        bandwidth: in kbit/s, of the codecs that have several (EnCodec); 0 is the model's own.

    Raises:
        BackendError: `transformers` or the model is not there.
    """
    import soxr
    import torch

    codec, rate = _load_codec(model)
    resampled = soxr.resample(samples, SAMPLE_RATE, rate).astype(np.float32)
    inputs = torch.from_numpy(resampled)[None, None]
    chosen = {"bandwidth": bandwidth} if bandwidth else {}
    with torch.inference_mode():
        encoded = codec.encode(inputs, **chosen)
        codes = encoded.audio_codes
        scales = {"audio_scales": encoded.audio_scales} if getattr(encoded, "audio_scales", None) is not None else {}
        decoded = codec.decode(audio_codes=codes, **scales).audio_values.reshape(-1).numpy()
    bits = codes.numel() * math.log2(codec.config.codebook_size)
    return Coded(fitted(soxr.resample(decoded, rate, SAMPLE_RATE), len(samples)), bits, codes.numel())


@cache
def _load_codec(model: str) -> tuple[Any, int]:
    try:
        import transformers
    except ImportError:
        raise BackendError("transformers is not installed: pip install 'hybrid-tok[lm]'") from None
    if not model:
        raise BackendError("a codec of transformers needs its weights: model=FOLDER, or a name in the local cache")
    try:
        config = transformers.AutoConfig.from_pretrained(model, local_files_only=True)
        architecture = getattr(transformers, (config.architectures or [""])[0])
        return architecture.from_pretrained(model, local_files_only=True).eval(), config.sampling_rate
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BackendError(f"{model}: no codec of transformers there ({str(error).splitlines()[0]})") from None


def fitted(samples: Samples, length: int) -> Samples:
    """Cut or padded at the end to `length`."""
    return np.pad(samples[:length], (0, max(0, length - len(samples)))).astype(np.float32)


def _library(name: str) -> Callable[[], str]:
    def version() -> str:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            return ""

    return version


_NEURAL = MappingProxyType({"model": "", "bandwidth": 0.0})

PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "opus": Peer(MappingProxyType({"bit_rate": 6_000}), opus, "Opus {bit_rate_k:g} kbps", _library("av")),
        "codec2": Peer(MappingProxyType({"mode": "3200"}), codec2, "Codec 2 {mode}", lambda: "codec2"),
        "encodec": Peer(_NEURAL, neural, "EnCodec {bandwidth:g} kbps", _library("transformers")),
        "mimi": Peer(_NEURAL, neural, "Mimi", _library("transformers")),
        "dac": Peer(_NEURAL, neural, "DAC", _library("transformers")),
    }
)
"""By the name of their family in `bench.systems`."""
