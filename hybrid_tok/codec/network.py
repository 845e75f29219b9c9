"""The unit codec's network: 16 kHz audio to 50 frames of discrete units per second, and back.

Encoder: log-magnitude spectra (hop 10 ms) in pairs -> causal ConvNeXt blocks at 50 Hz -> quantizer.
Decoder: causal ConvNeXt blocks at 50 Hz, then at 100 Hz -> magnitude and phase -> inverse STFT (Vocos, Siuzdak 2023,
arXiv 2306.00814). ConvNeXt blocks follow Liu et al. 2022 (arXiv 2201.03545).

Every convolution is causal, and keeps the past frames it needs as explicit state. Look-ahead comes from two fixed
shifts: the analysis windows of a frame end 576 samples (36 ms) after it, and the decoder outputs a frame after it has
read two more (40 ms). Together 76 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid_tok.codec.excitation import Excitation
from hybrid_tok.codec.pitch import PitchTracker, pitch_to_place, place_to_octaves
from hybrid_tok.codec.quantizer import GroupedFSQ
from hybrid_tok.nn.periods import WINDOW as PITCH_WINDOW

SAMPLE_RATE = 16_000
HOP = 320
SUBHOP = 160
ANALYSIS_WINDOW = 512
ANALYSIS_SHIFT = 224
"""A frame's first analysis window starts this many samples after the frame does, its second `SUBHOP` later."""
PITCH_REACH = ANALYSIS_SHIFT - (HOP - PITCH_WINDOW) // 2
"""The pitch window of a frame is centred on it, and starts this many samples before its first analysis window."""
PITCH_CORRECTION = 0.05
"""Maximum correction of the coded pitch by the decoder, in octaves."""
ENCODER_LOOKAHEAD = ANALYSIS_SHIFT + SUBHOP + ANALYSIS_WINDOW - HOP
ENCODER_WARMUP = 1
"""Frames of silence before the recording, so that its first samples too lie inside an analysis window."""
SYNTHESIS_WINDOW = 640
SYNTHESIS_OVERHANG = (SYNTHESIS_WINDOW - SUBHOP) // 2
DECODER_DELAY = 2
"""Code frames that must be known after a frame before it can be decoded."""
SILENCE_PEAK = 2e-4
"""Frames in which nothing is louder than this (-74 dBFS) are written as silence and come back as zeros."""
MAGNITUDE_FLOOR = 1e-4
"""Subtracted from predicted magnitudes, so that digital silence can be exactly silent."""
_FEW_ROWS = 16
"""Up to so many rows, a product takes less time than its matrix takes to come from memory."""


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """Shape of the network; written into the weights file.

    Attributes:
        pitch_places, voiced_levels, unvoiced_levels: of the first codebook, see `GroupedFSQ`.
        levels: per dimension of the other codebooks.
        codebook_size: codes per codebook, the product of `levels`.
        num_codebooks: codebooks per frame.
        encoder_width, encoder_blocks: ConvNeXt blocks at 50 Hz.
        decoder_width, decoder_blocks: ConvNeXt blocks at 50 Hz.
        head_width, head_blocks: ConvNeXt blocks at 100 Hz.
        kernel: frames read by each convolution, the present one included.
        expansion: hidden width of a block over its width.
    """

    pitch_places: int = 50
    voiced_levels: tuple[int, ...] = (8, 5, 5)
    unvoiced_levels: tuple[int, ...] = (10, 10, 6, 5)
    levels: tuple[int, ...] = (8, 8, 8, 5, 5)
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


class _Linear(nn.Linear):
    """A linear layer that reads half the memory for the product of a few rows: see `fold`."""

    _short: Tensor | None = None

    def fold(self) -> None:
        """Keep the matrix in 16 bits as well, if it has no more, until the weights move.

        The product of a few rows takes as long as its matrix takes to come from memory: between two steps of a stream
        other layers have taken its place in the cache. It is widened there, and the product has the same bits.
        """
        short = self.weight.detach().half()
        self._short = short if self.weight.is_cpu and torch.equal(short.float(), self.weight) else None

    def matrix(self, count: int) -> Tensor:
        """The weight as 32-bit floats, for the product of so many rows."""
        return self.weight if self._short is None or count > _FEW_ROWS else self._short.float()

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.matrix(input.shape[-2]), self.bias)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> _Linear:
        self._short = None
        return super()._apply(fn, recurse)


@dataclass(frozen=True, slots=True)
class _Folded:
    """A block as a step computes it: a few frames cost as much as the calls they take."""

    taps: tuple[Tensor, ...]
    bias: Tensor
    norm: tuple[Tensor, Tensor]
    expand: _Linear
    project: _Linear
    scale: Tensor

    def step(self, x: Tensor, state: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        """As `ConvNeXtBlock.forward`, for one item (T, width)."""
        count, history = len(x), len(state)
        context = torch.cat((state, x))
        y = torch.addcmul(self.bias, context[:count], self.taps[0])
        for i in range(1, history + 1):
            y.addcmul_(context[i : i + count], self.taps[i])
        y = torch.layer_norm(y, y.shape[1:], *self.norm)
        y = F.silu(torch.addmm(self.expand.bias, y, self.expand.matrix(count).t()), inplace=True)
        y = torch.addmm(self.project.bias, y, self.project.matrix(count).t())
        return y.mul_(self.scale).add_(x), context[keep : keep + history]


class ConvNeXtBlock(nn.Module):
    """Depthwise causal convolution, layer norm, pointwise expansion and projection, scaled residual.

    Input and output (B, T, width); `state` (B, kernel - 1, width) holds the frames before, zeros at the start. The
    state that comes back is that after the first `keep` frames.
    """

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.history = kernel - 1
        self.width = width
        self.depthwise = nn.Conv2d(width, width, (kernel, 1), groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = _Linear(width, width * expansion)
        self.project = _Linear(width * expansion, width)
        self.scale = nn.Parameter(torch.full((width,), 0.2))
        self._folded: _Folded | None = None

    def forward(self, x: Tensor, state: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        if self._folded and len(x) == 1 and not self.training:
            y, after = self._folded.step(x[0], state[0], keep)
            return y[None], after[None]
        context = torch.cat([state, x], 1)
        after = context[:, keep : keep + self.history]
        if self.training:
            # (B, width, time, 1) as a view of (B, time, width) is channels-last, the fast layout for depthwise kernels.
            y = self.depthwise(context.transpose(1, 2).unsqueeze(3)).squeeze(3).transpose(1, 2)
            return x + self.scale * self.project(F.silu(self.expand(self.norm(y)))), after
        # On the short blocks of inference the kernel's set-up would cost more than the sum itself.
        taps = self._taps()
        y = torch.addcmul(self.depthwise.bias, context[:, : x.shape[1]], taps[0])  # type: ignore[arg-type]
        for i in range(1, self.history + 1):
            y.addcmul_(context[:, i : i + x.shape[1]], taps[i])
        return x + self.scale * self.project(F.silu(self.expand(self.norm(y)))), after

    def _taps(self) -> tuple[Tensor, ...]:
        """The convolution's weights (width,) of each frame it reads."""
        return self.depthwise.weight.flatten(1).t().contiguous().unbind(0)

    def fold(self) -> None:
        """Prepare for steps of one item, by `_Folded`; forgotten when the weights move."""
        self._folded = _Folded(
            taps=self._taps(),
            bias=cast(Tensor, self.depthwise.bias),
            norm=(self.norm.weight, self.norm.bias),
            expand=self.expand,
            project=self.project,
            scale=self.scale,
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ConvNeXtBlock:
        self._folded = None
        return super()._apply(fn, recurse)


class Encoder(nn.Module):
    """Frames (B, T, 516) at 50 Hz, see `features`, to latents (B, T, latent_dim)."""

    window: Tensor

    def __init__(self, config: CodecConfig, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(ANALYSIS_WINDOW), persistent=False)
        self.places = config.pitch_places
        self.pitch = PitchTracker()
        self.embed = _Linear(2 * (ANALYSIS_WINDOW // 2 + 1) + 2, config.encoder_width)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.encoder_width, config.kernel, config.expansion) for _ in range(config.encoder_blocks)
        )
        self.state_shapes = [(config.kernel - 1, config.encoder_width)] * config.encoder_blocks
        self.norm = nn.LayerNorm(config.encoder_width)
        self.project = nn.Linear(config.encoder_width, latent_dim)

    def features(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """The blocks' input from samples (B, n), for all T frames whose windows fit into them.

        Returns:
            Scaled log-magnitudes and pitch (B, T, 516); and the place of the pitch (B, T), 0 for unvoiced.
        """
        spectra = torch.fft.rfft(samples[:, PITCH_REACH:].unfold(1, ANALYSIS_WINDOW, SUBHOP) * self.window)
        real, imaginary = torch.view_as_real(spectra).square().unbind(-1)
        magnitudes = (real + imaginary).sqrt_().mul_(4 / ANALYSIS_WINDOW)
        logs = magnitudes.add_(1e-5).log_().add_(7).div_(3)
        frames = logs.shape[1] // 2
        place = pitch_to_place(self.pitch(samples, HOP)[:, :frames], self.places)
        pitch = torch.stack([place / self.places, (place > 0).float()], -1)
        return torch.cat([logs[:, : 2 * frames].reshape(len(samples), frames, -1), pitch], -1), place

    def forward(
        self, features: Tensor, place: Tensor, states: list[Tensor], keep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Latents, and the states after the first `keep` frames (all of them unless given)."""
        keep = features.shape[1] if keep is None else keep
        x = self.embed(features)
        after = []
        for block, state in zip(self.blocks, states, strict=True):
            x, state = block(x, state, keep)
            after.append(state)
        latent = self.project(self.norm(x))
        return torch.cat([((place + 0.5) / self.places)[..., None], latent[..., 1:]], -1), after

    def initial_states(self, batch: int) -> list[Tensor]:
        return [self.window.new_zeros(batch, *shape) for shape in self.state_shapes]


class Decoder(nn.Module):
    """Quantized latents (B, T, latent_dim) at 50 Hz to windowed waveform pieces (B, 2T, 640) at 100 Hz.

    Piece j of the output, 0-based, belongs `DECODER_DELAY` code frames earlier: see `overlap_add`.
    """

    window: Tensor

    def __init__(self, config: CodecConfig, latent_dim: int) -> None:
        super().__init__()
        bins = SYNTHESIS_WINDOW // 2 + 1
        self.head_width = config.head_width
        places = torch.arange(config.pitch_places, dtype=torch.float32)
        self.octaves = place_to_octaves(places, config.pitch_places).numpy()
        self.register_buffer("window", torch.hann_window(SYNTHESIS_WINDOW) / 1.5, persistent=False)
        self.embed = nn.Linear(latent_dim, config.decoder_width)
        self.prefix = nn.Embedding(config.num_codebooks, config.decoder_width)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.decoder_width, config.kernel, config.expansion) for _ in range(config.decoder_blocks)
        )
        self.upsample = _Linear(config.decoder_width, 2 * config.head_width)
        self.head_blocks = nn.ModuleList(
            ConvNeXtBlock(config.head_width, config.kernel, config.expansion) for _ in range(config.head_blocks)
        )
        self.state_shapes = [(config.kernel - 1, config.decoder_width)] * config.decoder_blocks
        self.state_shapes += [(config.kernel - 1, config.head_width)] * config.head_blocks
        self.norm = nn.LayerNorm(config.head_width)
        self.head = _Linear(config.head_width, 3 * bins)
        self.pitch = nn.Linear(config.head_width, 1)
        self.excitation = Excitation(SAMPLE_RATE, torch.hann_window(SYNTHESIS_WINDOW), SUBHOP)

    def forward(
        self,
        latent: Tensor,
        num_kept: Tensor,
        states: list[Tensor],
        wanted: slice = slice(None),
        keep: int | None = None,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Pieces, the pitch of all of them (B, 2T) in Hz, and the states after the first `keep` rows.

        Args:
            latent: (B, T, latent_dim).
            num_kept: (B,), how many codebooks the latent was made from, 1 .. num_codebooks.
            states: one per block, the pitch before, and the excitation's.
            wanted: which of the 2T pieces to make.
            keep: up to T, which it is unless given.
        """
        keep = latent.shape[1] if keep is None else keep
        octaves, read = self._read_pitch(latent, states[-2], keep)
        x = self.embed(latent) + self.prefix(num_kept - 1)[:, None]
        after = []
        for i, block in enumerate([*self.blocks, *self.head_blocks]):
            if i == len(self.blocks):
                x = self.upsample(x).reshape(len(x), -1, self.head_width)
            x, state = block(x, states[i], keep if i < len(self.blocks) else 2 * keep)
            after.append(state)
        x = self.norm(x)
        predicted = self.head(x[:, wanted])
        pitch = torch.exp2(octaves + PITCH_CORRECTION * torch.tanh(self.pitch(x)[..., 0]))
        pulses, noise, state = self.excitation(pitch.detach(), states[-1], wanted, 2 * keep)
        bins = pulses.shape[-1]
        voiced, noisy = F.relu(predicted[..., : 2 * bins].clamp(max=5.0).exp() - MAGNITUDE_FLOOR).chunk(2, -1)
        phase = predicted[..., 2 * bins :]
        spectrum = torch.complex(voiced * phase.cos(), voiced * phase.sin()) * pulses + noisy * noise
        return torch.fft.irfft(spectrum, SYNTHESIS_WINDOW) * self.window, pitch, [*after, read, state]

    def _read_pitch(self, latent: Tensor, state: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        """Pitch (B, 2T) in octaves of the pieces that each row outputs, which are those of the frame before it.

        `state` (B, 3): the pitch of the two frames before, 0 for unvoiced, and the last voiced pitch.
        """
        # In numpy, whose many small steps cost less than those of torch. There are no gradients: places are integers.
        exact = (latent[..., 0].detach().cpu().numpy() + 1) * (len(self.octaves) / 2) - 0.5
        place = np.rint(exact)
        # A latent of zeros, which stands for a missing frame, lies between two places.
        place = np.where(np.abs(exact - place) < 0.25, place, 0).astype(np.intp)
        line = np.concatenate([state.cpu().numpy()[:, [2, 0, 1]], self.octaves[place]], 1)
        index = np.maximum.accumulate(np.where(line > 0, np.arange(line.shape[1]), 0), 1)
        held, coded = np.take_along_axis(line, index, 1), line[:, 1:]
        before, present, after = coded[:, :-2], coded[:, 1:-1], coded[:, 2:]
        present = np.where(present > 0, present, np.where(after > 0, after, held[:, 2:-1]))
        middle = 0.75 * present
        before = middle + 0.25 * np.where(before > 0, before, present)
        after = middle + 0.25 * np.where(after > 0, after, present)
        octaves = np.stack([before, after], -1).reshape(len(line), -1)
        read = np.concatenate([coded[:, keep : keep + 2], held[:, keep + 2 : keep + 3]], 1)
        return torch.from_numpy(octaves).to(latent.device), torch.from_numpy(read).to(latent.device)

    def initial_states(self, batch: int) -> list[Tensor]:
        blocks = [self.window.new_zeros(batch, *shape) for shape in self.state_shapes]
        pitch = self.window.new_tensor([[0.0, 0.0, 7.2]]).expand(batch, -1)
        return [*blocks, pitch, self.excitation.initial_state(batch)]


def overlap_add(pieces: Tensor) -> Tensor:
    """Pieces (B, J, 640) at hop 160 to their sum (B, 160 * (J + 3)); piece j covers [160 j, 160 j + 640)."""
    batch, count, _ = pieces.shape
    parts = pieces.view(batch, count, 4, SUBHOP)
    return sum(F.pad(parts[:, :, i], (0, 0, i, 3 - i)) for i in range(4)).reshape(batch, -1)  # type: ignore[union-attr]


class Codec(nn.Module):
    """Encoder, quantizer and decoder, as trained; `streaming` runs the same parts block by block."""

    silence: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.quantizer = GroupedFSQ(
            config.levels, config.num_codebooks, config.pitch_places, config.voiced_levels, config.unvoiced_levels
        )
        self.register_buffer("silence", torch.zeros(self.quantizer.latent_dim), persistent=False)
        self.encoder = Encoder(config, self.quantizer.latent_dim)
        self.decoder = Decoder(config, self.quantizer.latent_dim)

    @torch.no_grad()
    def arrange(self) -> None:
        """Lay the weights out in memory as inference reads them, once they are loaded; values and shapes stay.

        A product of a few frames takes longer to bring a matrix into this order than to multiply by it.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.t().contiguous().t()
            elif isinstance(layer, nn.Conv2d):
                layer.weight.data = layer.weight.data.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
        for part in self.modules():
            if isinstance(part, (ConvNeXtBlock, _Linear)):
                part.fold()

    @torch.inference_mode()
    def learn_silence(self) -> None:
        """Store the quantized latent of a long silence; `streaming` uses it for frames that are written as silent."""
        latent = self.latent(torch.zeros(1, 100 * HOP, device=self.silence.device))
        self.silence = self.quantizer.decode(self.quantizer.encode(latent))[0, -1].clone()

    def latent(self, samples: Tensor) -> Tensor:
        """Samples (B, T * 320) to latents (B, T, latent_dim)."""
        padded = F.pad(samples, (HOP * ENCODER_WARMUP - ANALYSIS_SHIFT + PITCH_REACH, ENCODER_LOOKAHEAD))
        features, place = self.encoder.features(padded)
        return self.encoder(features, place, self.encoder.initial_states(len(samples)))[0][:, ENCODER_WARMUP:]

    def waveform(self, latent: Tensor, num_kept: Tensor) -> tuple[Tensor, Tensor]:
        """Quantized latents (B, T, latent_dim) to samples (B, T * 320), and the pitch they have (B, 2T) in Hz."""
        frames = latent.shape[1]
        padded = F.pad(latent, (0, 0, 0, DECODER_DELAY))
        pieces, pitch, _ = self.decoder(padded, num_kept, self.decoder.initial_states(len(latent)))
        # Code frame p makes the pieces of frame p - 1, centred on their 10 ms: so piece 2 is the first of frame 0.
        samples = overlap_add(pieces[:, 2:])[:, SYNTHESIS_OVERHANG : SYNTHESIS_OVERHANG + frames * HOP]
        return samples, pitch[:, 2 : 2 + 2 * frames]

    def forward(self, samples: Tensor, num_kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (B, T * 320) reconstructed from the first `num_kept` (B,) codebooks; pitch; the quantizer's loss."""
        quantized, auxiliary = self.quantizer(self.latent(samples), num_kept)
        return *self.waveform(quantized, num_kept), auxiliary
