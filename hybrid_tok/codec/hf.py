"""Our codec as an audio tokenizer of `transformers`, beside EnCodec, DAC and Mimi there.

Importing this module registers it: `AutoModelForAudioTokenization.from_pretrained(folder)` then loads what
`HybridTokCodec.save_pretrained(folder)` has written, weights included, and finds the codec by its model type. Codes and
samples are those of `BuiltinCodec`, bit for bit. It needs `transformers` (the extra `hf`).

Example:
    >>> import hybrid_tok.codec.hf                                         # doctest: +SKIP
    >>> hybrid_tok.codec.hf.HybridTokCodec.from_builtin().save_pretrained("codec")  # doctest: +SKIP
    >>> codec = AutoModelForAudioTokenization.from_pretrained("codec")     # doctest: +SKIP
    >>> inputs = EncodecFeatureExtractor(sampling_rate=16_000)(recordings, sampling_rate=16_000, return_tensors="pt")
    ...                                                                    # doctest: +SKIP
    >>> codes = codec.encode(**inputs).audio_codes                         # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForAudioTokenization, PretrainedConfig
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedAudioTokenizerBase
from transformers.utils.generic import ModelOutput

from hybrid_tok.codec.identity import CODEC_WEIGHTS, codec_identity
from hybrid_tok.codec.network import HOP, SAMPLE_RATE, Codec, CodecConfig
from hybrid_tok.codec.streaming import DecoderStream, EncoderStream, Grid, find_grid
from hybrid_tok.nn.arrays import config_of, load_weights

_Output = TypeVar("_Output", bound=ModelOutput)


class HybridTokCodecConfig(PretrainedConfig):
    """The shape of the network (`codec.network.CodecConfig`), and the names that other codecs give its properties.

    Attributes:
        default_quantizers: how many codebooks are enough for speech.
        fingerprint: of the weights, as in the header of a stream; "" where they are not ours.
    """

    model_type = "hybrid_tok_codec"
    attribute_map = {"num_quantizers": "num_codebooks"}  # noqa: RUF012  # a class attribute of the library's

    pitch_places: int = 50
    voiced_levels: list[int] | tuple[int, ...] = (8, 5, 5)
    unvoiced_levels: list[int] | tuple[int, ...] = (10, 10, 6, 5)
    levels: list[int] | tuple[int, ...] = (8, 8, 8, 5, 5)
    codebook_size: int = 12_800
    num_codebooks: int = 4
    encoder_width: int = 256
    encoder_blocks: int = 4
    decoder_width: int = 256
    decoder_blocks: int = 4
    head_width: int = 192
    head_blocks: int = 3
    kernel: int = 7
    expansion: int = 3
    default_quantizers: int = 2
    fingerprint: str = ""
    sampling_rate: int = SAMPLE_RATE
    audio_channels: int = 1

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return HOP

    @property
    def frame_rate(self) -> int:
        """Frames per second."""
        return SAMPLE_RATE // HOP

    @property
    def network(self) -> CodecConfig:
        """As the network takes it."""
        shape: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(CodecConfig)}
        for name in ("voiced_levels", "unvoiced_levels", "levels"):
            shape[name] = tuple(shape[name])
        return CodecConfig(**shape)


@dataclass
class HybridTokCodecEncoderOutput(ModelOutput):
    """Codes of a batch.

    Attributes:
        audio_codes: (B, K, T), int64. Frames after the end of a shorter row have the codes of silence.
        audio_codes_mask: (B, T), 1 for the frames of a row, 0 after its end; None without a padding mask.
    """

    audio_codes: Tensor | None = None
    audio_codes_mask: Tensor | None = None


@dataclass
class HybridTokCodecDecoderOutput(ModelOutput):
    """Samples of a batch.

    Attributes:
        audio_values: (B, 1, T * hop), within [-1, 1].
    """

    audio_values: Tensor | None = None


@dataclass
class HybridTokCodecOutput(ModelOutput):
    """Codes of a batch, and their samples: see `HybridTokCodecEncoderOutput` and `HybridTokCodecDecoderOutput`."""

    audio_codes: Tensor | None = None
    audio_values: Tensor | None = None


class HybridTokCodec(PreTrainedAudioTokenizerBase):
    """The codec for inference: 16 kHz, 50 frames per second, 4 codebooks of 12,800 codes.

    Each row of a batch is coded by itself and gets the codes that it gets alone. Weights are 32-bit floats.
    """

    config_class = HybridTokCodecConfig
    base_model_prefix = "hybrid_tok_codec"
    main_input_name = "input_values"
    input_modalities = "audio"

    def __init__(self, config: HybridTokCodecConfig) -> None:
        super().__init__(config)
        self.network = _new_network(config.network)
        self._ready: tuple[torch.device, Grid] | None = None
        self.post_init()

    @classmethod
    def from_builtin(cls, weights: Path = CODEC_WEIGHTS) -> HybridTokCodec:
        """The codec of the package, or one with other weights.

        Raises:
            WeightsError: the files are missing, damaged, or do not belong together.
        """
        identity = codec_identity(weights)
        shape = config_of(CodecConfig, identity.architecture, weights.with_suffix(".json"))
        config = HybridTokCodecConfig(
            **{field.name: getattr(shape, field.name) for field in fields(CodecConfig)},
            default_quantizers=identity.default_codebooks,
            fingerprint=identity.fingerprint,
        )
        codec = cls(config)
        load_weights(weights, identity.sha256, codec.network)
        return codec.eval()

    @torch.no_grad()
    def initialize_weights(self) -> None:
        """Fill what no file has filled: constants, which are in none, and weights of a new network."""
        fresh = _new_network(self.config.network)
        own = {**dict(self.network.named_parameters()), **dict(self.network.named_buffers())}
        for name, value in (*fresh.named_parameters(), *fresh.named_buffers()):
            init.copy_(own[name], value)
        self._ready = None

    def encode(  # type: ignore[override]  # the base class has no types
        self,
        input_values: Tensor,
        padding_mask: Tensor | None = None,
        num_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> HybridTokCodecEncoderOutput | tuple[Any, ...]:
        """Samples to codes, ceil(N / hop) frames for the N samples of a row.

        Args:
            input_values: (B, 1, N), floats at 16 kHz.
            padding_mask: (B, N) or (B, 1, N), 1 for the samples of a row, which may lie at either side.
            num_quantizers: how many codebooks, from the first; all unless given.
            return_dict: False for a tuple; else as the configuration says.
        """
        codes, mask = self._encode(input_values, padding_mask, num_quantizers)
        output = HybridTokCodecEncoderOutput(audio_codes=codes, audio_codes_mask=None if padding_mask is None else mask)
        return self._output(output, return_dict)

    def decode(  # type: ignore[override]
        self,
        audio_codes: Tensor,
        padding_mask: Tensor | None = None,
        audio_codes_mask: Tensor | None = None,
        return_dict: bool | None = None,
    ) -> HybridTokCodecDecoderOutput | tuple[Any, ...]:
        """Codes to samples, T * hop of them.

        Args:
            audio_codes: (B, K, T), K any number of the first codebooks.
            padding_mask: (.., N) of the samples that were encoded: the result is cut to N.
            audio_codes_mask: (B, T) as `encode` gives it: a row's samples after its end are zeros.
            return_dict: False for a tuple; else as the configuration says.
        """
        samples = self._decode(audio_codes, audio_codes_mask)
        if padding_mask is not None:
            samples = samples[..., : padding_mask.shape[-1]]
        return self._output(HybridTokCodecDecoderOutput(audio_values=samples), return_dict)

    def forward(
        self,
        input_values: Tensor,
        padding_mask: Tensor | None = None,
        num_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> HybridTokCodecOutput | tuple[Any, ...]:
        """To codes and back, as long as it was; arguments as of `encode`."""
        codes, mask = self._encode(input_values, padding_mask, num_quantizers)
        samples = self._decode(codes, mask)[..., : input_values.shape[-1]]
        return self._output(HybridTokCodecOutput(audio_codes=codes, audio_values=samples), return_dict)

    def _encode(
        self, input_values: Tensor, padding_mask: Tensor | None, num_quantizers: int | None
    ) -> tuple[Tensor, Tensor]:
        """Codes (B, K, T), and which frames are a row's own (B, T)."""
        kept = self.config.num_codebooks if num_quantizers is None else num_quantizers
        if input_values.ndim != 3 or input_values.shape[1] != 1:
            raise ValueError(f"input_values must be mono, of shape (B, 1, N), not {tuple(input_values.shape)}")
        if not 1 <= kept <= self.config.num_codebooks:
            raise ValueError(f"num_quantizers must be 1 to {self.config.num_codebooks}, not {kept}")
        grid = self._prepare()
        rows = input_values[:, 0].detach().float().cpu().numpy()
        taken = np.ones(rows.shape, bool)
        if padding_mask is not None:
            taken = padding_mask.reshape(len(rows), -1).bool().cpu().numpy()
        lengths = [-(-int(own.sum()) // HOP) for own in taken]
        codes = np.full((len(rows), max(lengths, default=0), kept), self.config.codebook_size - 1)
        mask = np.zeros(codes.shape[:2], np.int64)
        for k, length in enumerate(lengths):
            stream = EncoderStream(self.network, grid)
            found = np.concatenate([stream.push(rows[k, taken[k]]), stream.finish()])
            codes[k, :length], mask[k, :length] = found[:, :kept], 1
        return torch.from_numpy(codes).transpose(1, 2).to(self.device), torch.from_numpy(mask).to(self.device)

    def _decode(self, codes: Tensor, mask: Tensor | None) -> Tensor:
        """Samples (B, 1, T * hop) of codes (B, K, T)."""
        if codes.ndim != 3:
            raise ValueError(f"audio_codes must be of shape (B, K, T), not {tuple(codes.shape)}")
        grid = self._prepare()
        frames = codes.shape[2]
        samples = np.zeros((len(codes), 1, frames * HOP), np.float32)
        for k, row in enumerate(codes.transpose(1, 2).cpu().numpy()):
            length = frames if mask is None else int(mask[k].sum())
            stream = DecoderStream(self.network, grid)
            samples[k, 0, : length * HOP] = np.concatenate([stream.push(row[:length]), stream.finish()])
        return torch.from_numpy(samples).to(self.device)

    def _prepare(self) -> Grid:
        """What is computed from the weights, once on each device."""
        if self._ready is None or self._ready[0] != self.device:
            if self.dtype != torch.float32:
                raise ValueError(f"codes are defined with 32-bit weights, not {self.dtype}: load it as torch.float32")
            self.eval().requires_grad_(False)
            self.network.learn_silence()
            self._ready = self.device, find_grid(self.network)
        return self._ready[1]

    def _output(self, output: _Output, return_dict: bool | None) -> _Output | tuple[Any, ...]:
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()


def _new_network(shape: CodecConfig) -> Codec:
    """On the CPU in 32 bits: `from_pretrained` sets other defaults, with which its constants cannot be computed."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            return Codec(shape)
    finally:
        torch.set_default_dtype(before)


AutoConfig.register(HybridTokCodecConfig.model_type, HybridTokCodecConfig, exist_ok=True)
AutoModel.register(HybridTokCodecConfig, HybridTokCodec, exist_ok=True)
AutoModelForAudioTokenization.register(HybridTokCodecConfig, HybridTokCodec, exist_ok=True)
