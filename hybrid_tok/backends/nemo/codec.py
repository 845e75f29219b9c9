"""NeMo's neural audio codecs (`AudioCodecModel`): residual, finite scalar, and grouped quantizers.

Finite scalar quantization: Mentzer et al. 2023; NeMo's low frame rate codec with it: Casanova et al. 2024. A codec goes
through a recording in blocks, with what is before and after each as context, so that memory does not grow with the
recording, and the codes of a block do not depend on where it is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, read_config, restore
from hybrid_tok.core.audio import RATES
from hybrid_tok.core.codes import checked_codes, checked_samples
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.errors import ModelError

_BLOCK = 20
"""Seconds that are coded at once."""

_CONTEXT = 2
"""Seconds of context on either side of a block, but no less than ..."""

_CONTEXT_FRAMES = 48
"""... frames: the deepest layers see so many at most in published codecs."""

_FEWEST = 16
"""Frames that are coded at once at least, else the layers that pad by mirroring fail."""

_TRAINING = ("discriminator", "use_scl_loss", "use_slm_loss", "mmd_loss", "mmd_time_loss")
"""Parts of a codec's configuration that only training needs; two of them would download models."""


def _prod(levels: Any) -> int:
    return math.prod(int(level) for level in levels)


_QUANTIZERS: MappingProxyType[str, Callable[[Any], tuple[int, int]]] = MappingProxyType(
    {
        "FiniteScalarQuantizer": lambda q: (1, _prod(q.num_levels)),
        "GroupFiniteScalarQuantizer": lambda q: (int(q.num_groups), _prod(q.num_levels_per_group)),
        "ResidualVectorQuantizer": lambda q: (int(q.num_codebooks), int(q.get("codebook_size", 1024))),
        "GroupResidualVectorQuantizer": lambda q: (int(q.num_codebooks), int(q.get("codebook_size", 1024))),
    }
)
"""How many codebooks a quantizer has and of what size, from its configuration."""


def nemo_codec_identity(model: str) -> CodecIdentity:
    """The identity of a codec, from its `.nemo` file; neither torch nor NeMo is imported.

    Args:
        model: see `models.find_nemo`.

    Raises:
        ModelError: there is none, it is damaged, no codec, or one of a kind that is not known here.
    """
    path = find_nemo(model, "a codec of NeMo")
    config = read_config(path)
    kind = str(config.get("target", "")).rpartition(".")[2]
    if kind != "AudioCodecModel":
        raise ModelError(f"{path} is a model of the kind {kind or 'unknown'}, and not an AudioCodecModel of NeMo")
    quantizer = str((config.get("vector_quantizer") or {}).get("_target_", "none")).rpartition(".")[2]
    if quantizer not in _QUANTIZERS:
        raise ModelError(f"{path} has the quantizer {quantizer}, and not one of {', '.join(_QUANTIZERS)}")
    rate, hop = int(config.sample_rate), int(config.samples_per_frame)
    if int(config.get("output_sample_rate") or rate) != rate or not RATES[0] <= rate <= RATES[1] or hop < 1:
        raise ModelError(f"{path} does not give audio at the rate it takes ({rate} Hz): give another codec")
    codebooks, size = _QUANTIZERS[quantizer](config.vector_quantizer)
    return CodecIdentity(
        name="nemo",
        fingerprint=fingerprint("nemo", [path], ()),
        sample_rate=rate,
        hop=hop,
        num_codebooks=codebooks,
        default_codebooks=codebooks,
        codebook_size=size,
    )


class NemoCodec:
    """A `UnitCodec`. Grouped codebooks are side by side, not one after another: each further one refines other things.

    Args:
        model: see `models.find_nemo`.
        device: of the network; codes may differ between devices.

    Raises:
        ModelError: as of `nemo_codec_identity`, or NeMo cannot restore it.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        self.identity = nemo_codec_identity(model)
        self.name, self.fingerprint = self.identity.name, self.identity.fingerprint
        self.sample_rate, self.hop = self.identity.sample_rate, self.identity.hop
        self.num_codebooks, self.codebook_size = self.identity.num_codebooks, self.identity.codebook_size
        path = find_nemo(model, "a codec of NeMo")
        self._model = restore(path, "nemo.collections.tts.models:AudioCodecModel", device, without=_TRAINING)
        self._block = max(_BLOCK * self.sample_rate // self.hop, _FEWEST)
        self._context = max(_CONTEXT * self.sample_rate // self.hop, _CONTEXT_FRAMES)

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (N,) at `sample_rate` to codes (ceil(N / hop), num_codebooks).

        Raises:
            BackendError: NeMo failed.
            ValueError: the samples are not one-dimensional, or not finite.
        """
        import torch

        samples = checked_samples(samples)
        total = -(-len(samples) // self.hop)
        codes = np.zeros((total, self.num_codebooks), np.int64)
        with torch.inference_mode(), failing_as("the codec of NeMo"):
            for start in range(0, total, self._block):
                first, end = max(start - self._context, 0), min(start + self._block, total)
                last = max(min(end + self._context, total), first + _FEWEST)
                piece = np.zeros((last - first) * self.hop, np.float32)
                heard = samples[first * self.hop : last * self.hop]
                piece[: len(heard)] = heard
                audio = torch.from_numpy(piece).to(self._model.device)[None]
                tokens, _ = self._model.encode(audio=audio, audio_len=torch.tensor([len(piece)], device=audio.device))
                codes[start:end] = tokens[0].T[start - first : end - first].cpu().numpy()
        return codes

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (T, K), K any prefix of the codebooks, to samples (T * hop,); without the others it is as if these
        said nothing.

        Raises:
            BackendError: NeMo failed.
            ValueError: the codes have another shape, or are outside the codebooks.
        """
        import torch

        codes = checked_codes(codes, self.num_codebooks, self.codebook_size)
        total, used = codes.shape
        out = np.zeros(total * self.hop, np.float32)
        with torch.inference_mode(), failing_as("the codec of NeMo"):
            for start in range(0, total, self._block):
                first, end = max(start - self._context, 0), min(start + self._block, total)
                last = min(end + self._context, total)
                piece = np.pad(codes[first:last], ((0, max(_FEWEST - (last - first), 0)), (0, 0)), mode="edge")
                tokens = torch.from_numpy(piece.T.copy()).to(self._model.device)[None]
                length = torch.tensor([len(piece)], device=tokens.device)
                audio, _ = self._model.decode_audio(inputs=self._points(tokens, length, used), input_len=length)
                if audio.shape[-1] != len(piece) * self.hop:
                    raise ValueError(f"{len(piece)} frames gave {audio.shape[-1]} samples, not {self.hop} each")
                sound = audio[0, (start - first) * self.hop : (end - first) * self.hop]
                out[start * self.hop : end * self.hop] = sound.float().cpu().numpy()
        return out

    def _points(self, tokens: Any, length: Any, used: int) -> Any:
        """What tokens (1, used, T) stand for, (1, dimensions, T): zeros where there are no codes."""
        import torch

        quantizer = self._model.vector_quantizer
        if used == self.num_codebooks:
            return self._model.dequantize(tokens=tokens, tokens_len=length)
        groups = getattr(quantizer, "rvqs", None) or getattr(quantizer, "fsqs", None) or [quantizer]
        each = self.num_codebooks // len(groups)
        points = []
        for index, group in enumerate(groups):
            own = tokens[:, index * each : (index + 1) * each].transpose(0, 1)
            # Of no codes at all: as many dimensions as of some, all zero.
            some = own if len(own) else torch.zeros_like(tokens[:, :1]).transpose(0, 1)
            found = group.decode(indices=some, input_len=length)
            points.append(found if len(own) else torch.zeros_like(found))
        return torch.cat(points, dim=1).to(self._model.dtype)
