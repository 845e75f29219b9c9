"""What one must know of a codec of `transformers` to read its codes: from its `config.json`, without loading it.

Neither torch nor `transformers` is imported. A value that a configuration leaves out is the library's default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hybrid_tok.backends.hf.loading import find_folder, model_fingerprint, read_config
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.errors import ModelError

WHAT = "a codec of transformers"

_Shape = tuple[int, int, int, int, int]
"""Sample rate, hop, codebooks, default codebooks, codes per codebook."""


def hf_codec_identity(name: str, model: str) -> CodecIdentity:
    """The identity of a codec.

    Args:
        name: a key of `CODECS`.
        model: its folder, or its name in the Hugging Face cache.

    Raises:
        ModelError: there is no such model, it is another codec, or one that has no single sequence of codes.
    """
    config = read_config(model, WHAT)
    found = config.get("model_type")
    if found != name:
        raise ModelError(
            f"codec {name}: {model} is of type {found}"
            + (f": choose the codec {found}" if found in CODECS else f", and must be of type {name}")
        )
    try:
        rate, hop, codebooks, default, size = CODECS[name](config)
        if min(rate, hop, codebooks, size) < 1:
            raise ValueError("a size is below 1")
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise ModelError(f"codec {name}: the config.json of {model} is damaged ({error}): get it again") from None
    return CodecIdentity(
        name=name,
        fingerprint=model_fingerprint(name, find_folder(model, WHAT)),
        sample_rate=rate,
        hop=hop,
        num_codebooks=codebooks,
        default_codebooks=min(default, codebooks),
        codebook_size=size,
    )


def encodec_identity(model: str) -> CodecIdentity:
    """Of EnCodec; see `hf_codec_identity`."""
    return hf_codec_identity("encodec", model)


def dac_identity(model: str) -> CodecIdentity:
    """Of DAC; see `hf_codec_identity`."""
    return hf_codec_identity("dac", model)


def mimi_identity(model: str) -> CodecIdentity:
    """Of Mimi; see `hf_codec_identity`."""
    return hf_codec_identity("mimi", model)


def xcodec_identity(model: str) -> CodecIdentity:
    """Of X-Codec; see `hf_codec_identity`."""
    return hf_codec_identity("xcodec", model)


def xcodec2_identity(model: str) -> CodecIdentity:
    """Of X-Codec 2; see `hf_codec_identity`."""
    return hf_codec_identity("xcodec2", model)


def _encodec(config: Mapping[str, Any]) -> _Shape:
    """8 codebooks (6 kbps at 24 kHz) are what papers compare with."""
    if config.get("audio_channels", 1) != 1 or config.get("normalize") or config.get("chunk_length_s"):
        raise ModelError(
            "codec encodec: this model codes stereo or chunks of normalized loudness, which takes more than codes to "
            "undo: give the model of 24 kHz"
        )
    rate, hop = config.get("sampling_rate", 24_000), math.prod(config.get("upsampling_ratios", (8, 5, 4, 2)))
    size = config.get("codebook_size", 1024)
    bandwidths = config.get("target_bandwidths", (1.5, 3.0, 6.0, 12.0, 24.0))
    return rate, hop, _codebooks_at(bandwidths[-1], rate, hop, size), 8, size


def _dac(config: Mapping[str, Any]) -> _Shape:
    """All codebooks, as its paper uses them."""
    codebooks = config.get("n_codebooks", 9)
    hop = math.prod(config.get("downsampling_ratios", (2, 4, 8, 8)))
    return config.get("sampling_rate", 16_000), hop, codebooks, codebooks, config.get("codebook_size", 1024)


def _mimi(config: Mapping[str, Any]) -> _Shape:
    """8 codebooks (1.1 kbps) are what Moshi and its successors use of the 32."""
    rate, inner = config.get("sampling_rate", 24_000), math.prod(config.get("upsampling_ratios") or (8, 6, 5, 4))
    frame_rate = config.get("frame_rate") or config.get("_frame_rate") or rate / (2 * inner)
    hop = inner * int(math.ceil(rate / inner) / frame_rate)
    return rate, hop, config.get("num_quantizers", 32), 8, config.get("codebook_size", 2048)


def _xcodec(config: Mapping[str, Any]) -> _Shape:
    """All codebooks of the highest bandwidth (8 at 4 kbps), which is the library's default too."""
    rate = config.get("sample_rate", 16_000)
    hop = math.prod((config.get("acoustic_model_config") or {}).get("downsampling_ratios", (8, 5, 4, 2)))
    size = config.get("codebook_size", 1024)
    codebooks = _codebooks_at(config.get("target_bandwidths", (0.5, 1, 1.5, 2, 4))[-1], rate, hop, size)
    return rate, hop, codebooks, codebooks, size


def _xcodec2(config: Mapping[str, Any]) -> _Shape:
    """It has one codebook."""
    hop = math.prod(config.get("downsampling_ratios", (2, 2, 4, 4, 5)))
    return config.get("sampling_rate", 16_000), hop, 1, 1, math.prod(config.get("quantization_levels", (4,) * 8))


def _codebooks_at(bandwidth: float, rate: int, hop: int, size: int) -> int:
    """Codebooks of a model whose largest bandwidth is given in kbit/s."""
    return int(1000 * bandwidth // (math.ceil(rate / hop) * math.ceil(math.log2(size))))


CODECS: Mapping[str, Callable[[Mapping[str, Any]], _Shape]] = MappingProxyType(
    {"encodec": _encodec, "dac": _dac, "mimi": _mimi, "xcodec": _xcodec, "xcodec2": _xcodec2}
)
"""By the type of the model, which is the codec's name in the registry."""
