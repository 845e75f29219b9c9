"""Neural codecs of `transformers` as unit codecs: EnCodec, DAC, Mimi, X-Codec and X-Codec 2.

Each frame of `hop` samples gets the codes of all codebooks, and any number of the first ones decodes. A recording is
padded with zeros to whole frames, so that there are exactly ceil(N / hop) of them.

Memory does not grow with the recording: what is longer than 30 s is coded in blocks of 30 s, each seen with some
seconds of what is before and after it (`before`, `after`), and only its middle is kept. So codes near the border of a
block know that much context, and not the whole recording. Where a network sees no farther (DAC), blocks change nothing
but rounding; the recurrent layers of EnCodec, and the transformers of the others, see farther.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.hf.codec_identity import WHAT, hf_codec_identity
from hybrid_tok.backends.hf.loading import load_model, running
from hybrid_tok.core.codes import checked_codes, checked_samples
from hybrid_tok.errors import BackendError

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_SECONDS = 30.0


class HfCodec:
    """A `UnitCodec` by a model of `transformers`, which is loaded at construction. Subclasses know one kind of model.

    The same audio gets the same codes whatever was coded before; on another device codes may differ.

    Args:
        model: a folder, or a name in the Hugging Face cache.
        device: "cpu", "cuda" or "cuda:N".

    Raises:
        ModelError: there is no such model, it is another codec, or its files are damaged.
    """

    name: ClassVar[str]
    before: ClassVar[float]
    """Seconds before a block that it is seen with."""
    after: ClassVar[float]
    """Seconds after it."""

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        self.identity = hf_codec_identity(self.name, model)
        self.fingerprint = self.identity.fingerprint
        self.sample_rate, self.hop = self.identity.sample_rate, self.identity.hop
        self.num_codebooks, self.codebook_size = self.identity.num_codebooks, self.identity.codebook_size
        self.network = load_model("AutoModel", model, WHAT, device)
        self._model, self._device = model, device

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (N,) at `sample_rate` to codes (ceil(N / hop), num_codebooks)."""
        import torch

        samples = checked_samples(samples)
        codes = np.zeros((-(-len(samples) // self.hop), self.num_codebooks), np.int64)
        for start, end, first, last in self._blocks(len(codes)):
            piece = samples[first * self.hop : last * self.hop]
            padded = np.pad(piece, (0, (last - first) * self.hop - len(piece)))
            with running(self._model, WHAT), torch.inference_mode():
                found = self._encode(torch.from_numpy(padded).to(self._device)[None, None])
            if found.shape != (self.num_codebooks, last - first):
                raise BackendError(
                    f"codec {self.name}: {self._model} gave codes of shape {tuple(found.shape)} for {last - first} "
                    f"frames of {self.num_codebooks} codebooks: this version of transformers does not fit"
                )
            codes[start:end] = found[:, start - first : end - first].T.cpu().numpy()
        return codes

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (T, K), K any prefix of the codebooks, to samples (T * hop,).

        Where a decoder gives a few samples less (DAC with odd strides), the recording's last ones are zeros.
        """
        import torch

        codes = checked_codes(codes, self.num_codebooks, self.codebook_size)
        samples = np.zeros(len(codes) * self.hop, np.float32)
        for start, end, first, last in self._blocks(len(codes)):
            piece = torch.from_numpy(np.ascontiguousarray(codes[first:last].T)).to(self._device)
            with running(self._model, WHAT), torch.inference_mode():
                decoded = self._decode(piece[None]).reshape(-1).float().cpu().numpy()
            kept = decoded[(start - first) * self.hop : (end - first) * self.hop]
            samples[start * self.hop : start * self.hop + len(kept)] = kept
        return samples

    def _blocks(self, frames: int) -> Iterator[tuple[int, int, int, int]]:
        """Frames [start, end) of each block, and [first, last) that it is seen with."""
        block, before, after = (
            round(seconds * self.sample_rate / self.hop) for seconds in (BLOCK_SECONDS, self.before, self.after)
        )
        for start in range(0, frames, block):
            end = min(start + block, frames)
            yield start, end, max(0, start - before), min(frames, end + after)

    def _encode(self, samples: Tensor) -> Tensor:
        """Samples (1, 1, T * hop) to codes (num_codebooks, T)."""
        raise NotImplementedError

    def _decode(self, codes: Tensor) -> Tensor:
        """Codes (1, K, T) to samples, of any shape that flattens to (T * hop,) or a little less."""
        return self.network.decode(audio_codes=codes).audio_values


class EncodecCodec(HfCodec):
    """EnCodec (Défossez et al. 2022, arXiv 2210.13438), mono: `facebook/encodec_24khz`."""

    name = "encodec"
    before, after = 5.0, 0.5

    def _encode(self, samples: Tensor) -> Tensor:
        return self.network.encode(samples, bandwidth=self.network.config.target_bandwidths[-1]).audio_codes[0, 0]

    def _decode(self, codes: Tensor) -> Tensor:
        return self.network.decode(audio_codes=codes[None], audio_scales=[None]).audio_values


class DacCodec(HfCodec):
    """DAC (Kumar et al. 2023, arXiv 2306.06546): `descript/dac_16khz`, `dac_24khz`, `dac_44khz`."""

    name = "dac"
    before, after = 1.0, 1.0

    def _encode(self, samples: Tensor) -> Tensor:
        return self.network.encode(samples).audio_codes[0]


class MimiCodec(HfCodec):
    """Mimi (Défossez et al. 2024, arXiv 2410.00037), which looks at nothing that comes later: `kyutai/mimi`."""

    name = "mimi"
    before, after = 10.0, 0.0

    def _encode(self, samples: Tensor) -> Tensor:
        return self.network.encode(samples).audio_codes[0]


class XcodecCodec(HfCodec):
    """X-Codec (Ye et al. 2024, arXiv 2408.17175): `hf-audio/xcodec-hubert-librispeech` and its like."""

    name = "xcodec"
    before, after = 5.0, 5.0

    def _encode(self, samples: Tensor) -> Tensor:
        return self.network.encode(samples).audio_codes[0]


class Xcodec2Codec(HfCodec):
    """X-Codec 2 (Ye et al. 2025, arXiv 2502.04128), one codebook: `HKUSTAudio/xcodec2-hf`.

    The features of its semantic encoder are those of SeamlessM4T, as in the original: `transformers` computes them
    without torchaudio, which its own extractor for this model needs. That extractor also adds a frame at the end of a
    recording of whole frames; here there are ceil(N / hop).
    """

    name = "xcodec2"
    before, after = 5.0, 5.0

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        from transformers import SeamlessM4TFeatureExtractor

        super().__init__(model, device=device)
        self._extract = SeamlessM4TFeatureExtractor(sampling_rate=self.sample_rate)

    def _encode(self, samples: Tensor) -> Tensor:
        # Half a frame on either side makes two windows of 25 ms for each frame, one of features.
        padded = np.pad(samples[0, 0].cpu().numpy(), self.hop // 2)
        features = self._extract(padded, sampling_rate=self.sample_rate, return_tensors="pt").to(self._device)
        return self.network.encode(
            samples, input_features=features["input_features"], input_features_mask=features["attention_mask"]
        ).audio_codes[0]


CLASSES: Mapping[str, type[HfCodec]] = MappingProxyType(
    {one.name: one for one in (EncodecCodec, DacCodec, MimiCodec, XcodecCodec, Xcodec2Codec)}
)
"""By the codec's name."""
