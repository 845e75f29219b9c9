"""The codec one chunk at a time, with explicit state.

Codes must not depend on how a recording was cut, to the bit, but the last bits of a matrix product may depend on its
shape. So frames are always computed in whole tiles of a fixed grid: in an incomplete tile the frames not yet received
are zeros, which cannot affect the frames before them, since the network is causal. Where products give each row the
same bits for every number of tiles (`find_grid` tests it), many tiles are computed at once; elsewhere one at a
time, always in the same shape. Where a row also has the same bits in every place of a tile, tiles start anywhere, and
no frame is computed twice. Offline encoding runs the same stream.

A network cannot output exact zeros. So the last code of the first codebook is reserved for silence: a frame without
samples above `SILENCE_PEAK` has the last code in all codebooks, and is decoded to zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid_tok.codec.network import (
    ANALYSIS_SHIFT,
    ANALYSIS_WINDOW,
    DECODER_DELAY,
    ENCODER_WARMUP,
    HOP,
    PITCH_REACH,
    SILENCE_PEAK,
    SUBHOP,
    SYNTHESIS_OVERHANG,
    Codec,
)
from hybrid_tok.core.codes import checked_codes, checked_samples
from hybrid_tok.core.state import pack_state, unpack_state
from hybrid_tok.errors import StateError

_REACH = PITCH_REACH + SUBHOP + ANALYSIS_WINDOW
"""Samples from the start of a frame's pitch window to the end of its last analysis window."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How many frames are computed at once: a multiple of `tile`, at most `most`.

    `anywhere`: a frame has the same bits in every place of a tile. Then a tile starts where the last known frame
    ended, and no frame is computed twice.
    """

    tile: int
    most: int
    anywhere: bool = False

    def whole(self, known: int) -> int:
        """How many of the known frames are done with: those after them are computed again with their tile."""
        return known if self.anywhere else known // self.tile * self.tile


ANYWHERE = Grid(4, 256, anywhere=True)
SMALL_TILES = Grid(4, 256)
ONE_SHAPE = Grid(32, 32)
_COUNTS = (4, 8, 12, 20, 64, 100, 256)


@torch.inference_mode()
def find_grid(codec: Codec) -> Grid:
    """What the matrix products of the codec allow here: `SMALL_TILES` if all of them give a row the same bits for any
    number of tiles, `ANYWHERE` if they do so wherever tiles start, else `ONE_SHAPE`."""
    if codec.silence.is_meta:  # shapes alone: there are no bits to compare
        return ONE_SHAPE
    generator = torch.Generator().manual_seed(0)
    layers = [layer for layer in codec.modules() if isinstance(layer, nn.Linear)]
    anywhere = True
    for layer in {(layer.in_features, layer.out_features): layer for layer in layers}.values():
        rows = torch.randn(1, 2 * SMALL_TILES.most, layer.in_features, generator=generator).to(layer.weight.device)
        whole = layer(rows)

        def same(start: int, count: int, rows: Tensor = rows, whole: Tensor = whole, layer: nn.Linear = layer) -> bool:
            return torch.equal(layer(rows[:, start : start + count].contiguous()), whole[:, start : start + count])

        if not all(same(8, count) for count in _COUNTS):
            return ONE_SHAPE
        anywhere = anywhere and all(same(start, count) for start in (1, 2, 3) for count in _COUNTS)
    return ANYWHERE if anywhere else SMALL_TILES


@dataclass(frozen=True, slots=True)
class EncoderState:
    """What an encoder goes on with. `buffer`: samples from the start of the tile's first window; `blocks`: the past
    frames of each block; `emitted`, `skip`, `received`, `frames`: counts, as in `EncoderStream`."""

    buffer: NDArray[np.float32]
    blocks: list[NDArray[np.float32]]
    emitted: int
    skip: int
    received: int
    frames: int


@dataclass(frozen=True, slots=True)
class DecoderState:
    """What a decoder goes on with. `layers`: the past frames of each block, the pitch, the excitation; `rows`: of the
    incomplete tile; `tail`: sums that later pieces add to; the others as in `DecoderStream`."""

    layers: list[NDArray[Any]]
    rows: NDArray[np.float32]
    tail: NDArray[np.float32]
    mute: bool
    num_codebooks: int
    discard: int
    due: int


class EncoderStream:
    """Samples in, codes out, 36 ms behind.

    Args:
        codec: the network.
        grid: what `find_grid` says of it.
        fingerprint: of its weights, for saved states.

    Example:
        >>> stream = EncoderStream(codec)          # doctest: +SKIP
        >>> codes = [stream.push(chunk) for chunk in microphone] + [stream.finish()]  # doctest: +SKIP
    """

    def __init__(self, codec: Codec, grid: Grid = ONE_SHAPE, fingerprint: str = "") -> None:
        self._codec, self._grid, self._fingerprint = codec, grid, fingerprint
        self._device = next(codec.parameters()).device
        self.reset()

    def reset(self) -> None:
        """Begin another recording."""
        self._states = self._codec.encoder.initial_states(1)
        # Starts where the first window of the warm-up frame starts: that many zeros precede the recording.
        self._buffer = np.zeros(HOP * ENCODER_WARMUP - ANALYSIS_SHIFT + PITCH_REACH, np.float32)
        self._emitted = 0  # rows of the incomplete tile that have left
        self._skip = ENCODER_WARMUP
        self._received = 0
        self._frames = 0
        self._finished = False

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (n,) to the codes (t, num_codebooks) of the frames that are now known; t may be 0.

        Raises:
            ValueError: the stream is finished, or the samples are not one-dimensional and finite.
        """
        if self._finished:
            raise ValueError("the stream is finished: start a new EncoderStream for another recording")
        samples = checked_samples(samples)
        self._received += len(samples)
        return self._advance(samples)

    def finish(self) -> NDArray[np.int64]:
        """Codes of what is left, so that there are ceil(samples / 320) frames in all."""
        if self._finished:
            raise ValueError("the stream is finished already")
        self._finished = True
        missing = -(-self._received // HOP) - self._frames
        if missing == 0:
            return self._none()
        due = missing + self._emitted + self._skip
        silence = max(0, (due - 1) * HOP + _REACH - len(self._buffer))
        return self._advance(np.zeros(silence, np.float32))[:missing]

    def state(self) -> bytes:
        """All that the codes to come depend on: `restore` goes on from it, to the bit on the same machine.

        Raises:
            ValueError: the stream is finished.
        """
        if self._finished:
            raise ValueError("the stream is finished: there is nothing to go on with")
        state = EncoderState(
            self._buffer, _to_arrays(self._states), self._emitted, self._skip, self._received, self._frames
        )
        return pack_state("codec's encoder", self._fingerprint, state)

    def restore(self, data: bytes) -> None:
        """Go on where another stream was when it gave this state; a state that is refused changes nothing.

        Raises:
            StateError: it is damaged, of another version, or of another codec.
        """
        state = unpack_state(EncoderState, "codec's encoder", self._fingerprint, data)
        states = _to_tensors(state.blocks, self._codec.encoder.initial_states(1))
        _check(state.buffer, np.float32, (None,))
        known = max(0, (len(state.buffer) - _REACH) // HOP + 1)
        in_range = 0 <= state.skip <= ENCODER_WARMUP and 0 <= state.frames <= state.received // HOP
        if known != state.emitted or known >= ONE_SHAPE.tile or not in_range:
            raise StateError("the state of a codec's encoder is damaged: its counts contradict each other")
        self._states, self._buffer = states, state.buffer
        self._emitted, self._skip = state.emitted, state.skip
        self._received, self._frames, self._finished = state.received, state.frames, False

    def _none(self) -> NDArray[np.int64]:
        return np.zeros((0, self._codec.config.num_codebooks), np.int64)

    def _advance(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        codes = [self._none()]
        capacity = (self._grid.most - 1) * HOP + _REACH
        position = 0
        while True:
            take = min(len(samples) - position, capacity - len(self._buffer))
            self._buffer = np.concatenate([self._buffer, samples[position : position + take]])
            position += take
            known = max(0, (len(self._buffer) - _REACH) // HOP + 1)
            if known > self._emitted:
                complete = self._grid.whole(known)
                rows = self._encode_rows(-(-known // self._grid.tile) * self._grid.tile, complete)
                rows = rows[self._emitted : known]
                codes.append(rows[self._skip :])
                self._skip = max(0, self._skip - len(rows))
                self._buffer = self._buffer[complete * HOP :]
                self._emitted = known - complete
            if position == len(samples):
                break
        result = np.concatenate(codes)
        self._frames += len(result)
        return result

    @torch.inference_mode()
    def _encode_rows(self, count: int, keep: int) -> NDArray[np.int64]:
        """Codes of the next `count` rows, zeros for what is not known yet; moves the state `keep` rows on."""
        samples = np.zeros((count - 1) * HOP + _REACH, np.float32)
        samples[: len(self._buffer)] = self._buffer[: len(samples)]
        features, place = self._codec.encoder.features(torch.from_numpy(samples)[None].to(self._device))
        latent, self._states = self._codec.encoder(features, place, self._states, keep)
        codes = self._codec.quantizer.encode(latent)[0].cpu().numpy()
        last = self._codec.config.codebook_size - 1
        codes[codes[:, 0] == last, 0] = last - 1
        # A frame's windows cover it. `reduceat` takes pairs of first and last + 1, of which the very last is open.
        bounds = np.arange(count)[:, None] * HOP + (0, _REACH)
        peaks = np.maximum.reduceat(np.abs(samples), bounds.ravel()[:-1])[::2]
        codes[peaks <= SILENCE_PEAK] = last
        return codes


class DecoderStream:
    """Codes in, samples out, two frames behind.

    Computed in the same tiles as the encoder up to the pitch, whose phase accumulates; after that, only the needed
    pieces are made, so samples agree to about 1e-6 however the codes were cut. The number of codebooks is fixed by the
    first push. Arguments as of `EncoderStream`.
    """

    def __init__(self, codec: Codec, grid: Grid = ONE_SHAPE, fingerprint: str = "") -> None:
        self._codec, self._grid, self._fingerprint = codec, grid, fingerprint
        self._device = next(codec.parameters()).device
        self.reset()

    def reset(self) -> None:
        """Begin another recording."""
        self._states = self._codec.decoder.initial_states(1)
        self._rows = torch.zeros(0, self._codec.quantizer.latent_dim, device=self._device)  # of the incomplete tile
        self._mute = True  # the next row's pieces: those of the first row belong before the recording
        self._tail = np.zeros((3, SUBHOP), np.float32)
        self._num_codebooks = 0
        # The output of the first row lies before the recording, and so does the overhang of the next one.
        self._discard = HOP + SYNTHESIS_OVERHANG
        self._due = 0
        self._finished = False

    def push(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (t, K) to the samples (n,) that are now known.

        Raises:
            ValueError: the stream is finished, codes out of range, or another number of codebooks than before.
        """
        if self._finished:
            raise ValueError("the stream is finished: start a new DecoderStream for another recording")
        checked = checked_codes(codes, self._codec.config.num_codebooks, self._codec.config.codebook_size)
        if len(checked) == 0:
            return np.zeros(0, np.float32)
        if self._num_codebooks not in (0, checked.shape[1]):
            raise ValueError(f"codes have {checked.shape[1]} codebooks, the stream began with {self._num_codebooks}")
        self._num_codebooks = checked.shape[1]
        self._due += len(checked) * HOP
        with torch.inference_mode():
            silent = checked[:, 0] == self._codec.config.codebook_size - 1
            latent = self._codec.quantizer.decode(torch.from_numpy(checked).to(self._device))
            if silent.any():
                latent[torch.from_numpy(silent).to(self._device)] = self._codec.silence
            return self._advance(latent, silent)

    def finish(self) -> NDArray[np.float32]:
        """The remaining samples, so that there are 320 per frame in all."""
        if self._finished:
            raise ValueError("the stream is finished already")
        self._finished = True
        if self._due == 0:
            return np.zeros(0, np.float32)
        owed = self._due
        with torch.inference_mode():
            after = self._rows.new_zeros(DECODER_DELAY, self._codec.quantizer.latent_dim)
            return self._advance(after, np.full(DECODER_DELAY, self._mute))[:owed]

    def state(self) -> bytes:
        """All that the samples to come depend on: `restore` goes on from it, to the bit on the same machine.

        Raises:
            ValueError: the stream is finished.
        """
        if self._finished:
            raise ValueError("the stream is finished: there is nothing to go on with")
        *layers, rows = _to_arrays([*self._states, self._rows])
        state = DecoderState(layers, rows, self._tail, self._mute, self._num_codebooks, self._discard, self._due)
        return pack_state("codec's decoder", self._fingerprint, state)

    def restore(self, data: bytes) -> None:
        """Go on where another stream was when it gave this state; a state that is refused changes nothing.

        Raises:
            StateError: it is damaged, of another version, or of another codec.
        """
        state = unpack_state(DecoderState, "codec's decoder", self._fingerprint, data)
        states = _to_tensors(state.layers, self._codec.decoder.initial_states(1))
        _check(state.rows, np.float32, (None, self._codec.quantizer.latent_dim))
        _check(state.tail, np.float32, self._tail.shape)
        in_range = 0 <= state.num_codebooks <= self._codec.config.num_codebooks and len(state.rows) < ONE_SHAPE.tile
        if not in_range or not 0 <= state.discard <= HOP + SYNTHESIS_OVERHANG or state.due < 0:
            raise StateError("the state of a codec's decoder is damaged: its counts contradict each other")
        self._states, self._tail, self._rows = states, state.tail, torch.from_numpy(state.rows).to(self._device)
        self._mute, self._num_codebooks = state.mute, state.num_codebooks
        self._discard, self._due, self._finished = state.discard, state.due, False

    def _advance(self, rows: Tensor, silent: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Feed latent rows (t, latent_dim); row p outputs frame p - 1."""
        muted = np.concatenate([[self._mute], silent])
        self._mute = bool(muted[-1])
        kept = torch.tensor([self._num_codebooks], device=self._device)
        out = []
        while len(rows):
            spoken = len(self._rows)
            taken = min(len(rows), self._grid.most - spoken)
            known = spoken + taken
            complete = self._grid.whole(known)
            block = rows[:taken]
            if spoken or known % self._grid.tile:
                block = torch.cat([self._rows, block, rows.new_zeros(-known % self._grid.tile, rows.shape[1])])
            wanted = slice(2 * spoken, 2 * known)
            pieces, _, self._states = self._codec.decoder(block[None], kept, self._states, wanted, complete)
            made = pieces[0].cpu().numpy().reshape(taken, 2, 4, SUBHOP)
            made[muted[:taken]] = 0
            out.append(self._overlap(made.reshape(-1, 4, SUBHOP)))
            self._rows = block[complete:known]
            rows, muted = rows[taken:], muted[taken:]
        samples = np.concatenate(out)
        discarded = min(self._discard, len(samples))
        self._discard -= discarded
        samples = samples[discarded:]
        self._due -= len(samples)
        return samples.clip(-1, 1, out=samples)

    def _overlap(self, parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pieces (j, 4, 160) to those 160 samples per piece that no later piece reaches; older ones are added first."""
        line = np.zeros((len(parts) + 3, SUBHOP), np.float32)
        line[:3] = self._tail
        for i in (3, 2, 1, 0):
            line[i : i + len(parts)] += parts[:, i]
        self._tail = line[-3:].copy()
        return line[:-3].reshape(-1)


def _to_arrays(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    return [tensor.cpu().numpy() for tensor in tensors]


def _to_tensors(arrays: Sequence[NDArray[Any]], like: Sequence[Tensor]) -> list[Tensor]:
    """Arrays of a saved state, which must be as `like` in shape and type."""
    if len(arrays) != len(like):
        raise StateError(f"the state of the codec is damaged: it is of {len(arrays)} layers, not {len(like)}")
    for array, tensor in zip(arrays, like, strict=True):
        _check(array, np.float64 if tensor.dtype == torch.float64 else np.float32, tuple(tensor.shape))
    return [torch.from_numpy(array).to(tensor.device) for array, tensor in zip(arrays, like, strict=True)]


def _check(array: NDArray[Any], dtype: type[np.floating], shape: tuple[int | None, ...]) -> None:
    """An array of a saved state: its type, its shape, where None is any length, and finite values."""
    fits = array.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype or not np.isfinite(array).all():
        expected = " x ".join("n" if one is None else str(one) for one in shape)
        raise StateError(
            f"the state of the codec is damaged: found {array.dtype} of shape {array.shape}, "
            f"expected finite {np.dtype(dtype)} of {expected}"
        )
