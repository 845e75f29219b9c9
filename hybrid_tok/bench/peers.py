"""The codecs that the tokenizer is measured against, each as one function from samples to samples and bits.

Opus and Codec 2 are what telephones use. The neural ones (`backends.hf.codecs`) run where `transformers` and their
weights are: in a folder, or in the local cache under their name; nothing is downloaded.
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
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import BackendError

if TYPE_CHECKING:
    from hybrid_tok.backends.hf.codecs import HfCodec

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
        codebooks = options.get("num_codebooks")
        return self.titled.format(**options, **kilobits) + (f", {codebooks} codebooks" if codebooks else "")


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


def neural(name: str) -> Callable[..., Coded]:
    """Through a codec of `transformers` and back; `name` is that of its type."""

    def transcode(samples: Samples, model: str, num_codebooks: int = 0, bandwidth: float = 0.0) -> Coded:
        """Args:
            model: its folder, or its name on the hub where it is in the local cache.
            num_codebooks: how many are used, from the first; 0 is the codec's default.
            bandwidth: in kbit/s, in place of a number of codebooks.

        Raises:
            BackendError: `transformers` or the model is not there, or the codec has no such number of codebooks.
        """
        import soxr

        codec = _load_codec(name, model)
        bits = math.log2(codec.codebook_size)
        used = num_codebooks or codec.identity.default_codebooks
        if bandwidth:
            used = int(1000 * bandwidth / (codec.sample_rate / codec.hop * bits))
        if not 1 <= used <= codec.num_codebooks:
            raise BackendError(f"{name}: {model} has 1 to {codec.num_codebooks} codebooks, and not {used}")
        codes = codec.encode(soxr.resample(samples, SAMPLE_RATE, codec.sample_rate).astype(np.float32))[:, :used]
        decoded = soxr.resample(codec.decode(codes), codec.sample_rate, SAMPLE_RATE)
        return Coded(fitted(decoded, len(samples)), codes.size * bits, codes.size)

    return transcode


@cache
def _load_codec(name: str, model: str) -> HfCodec:
    from hybrid_tok.backends.hf.codecs import CLASSES

    if not model:
        raise BackendError("a codec of transformers needs its weights: model=FOLDER, or a name in the local cache")
    try:
        return CLASSES[name](model)
    except ImportError:
        raise BackendError("transformers is not installed: pip install 'hybrid-tok[lm]'") from None


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


def _neural(name: str, titled: str, **options: Any) -> Peer:
    return Peer(MappingProxyType({"model": "", **options}), neural(name), titled, _library("transformers"))


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "opus": Peer(MappingProxyType({"bit_rate": 6_000}), opus, "Opus {bit_rate_k:g} kbps", _library("av")),
        "codec2": Peer(MappingProxyType({"mode": "3200"}), codec2, "Codec 2 {mode}", lambda: "codec2"),
        "encodec": _neural("encodec", "EnCodec {bandwidth:g} kbps", bandwidth=6.0),
        "mimi": _neural("mimi", "Mimi", num_codebooks=8),
        "dac": _neural("dac", "DAC", num_codebooks=0),
        "xcodec": _neural("xcodec", "X-Codec", num_codebooks=0),
        "xcodec2": _neural("xcodec2", "X-Codec 2"),
    }
)
"""By the name of their family in `bench.systems`."""
