"""The codec one chunk at a time, with explicit state.

Codes must not depend on how a recording was cut, to the bit, but the last bits of a matrix product depend on its shape.
So the encoder always computes whole blocks of `BLOCK` frames on a fixed grid: while a block is incomplete the frames
not yet heard are zeros, and as everything looks back only, they cannot reach the frames before them. Each row is thus
computed by the same kernel from the same numbers whether the block arrived at once or in many pieces. Offline
encoding runs the same stream.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid_tok.models.codec import (
    ANALYSIS_SHIFT,
    ANALYSIS_WINDOW,
    DECODER_DELAY,
    ENCODER_WARMUP,
    HOP,
    SUBHOP,
    SYNTHESIS_OVERHANG,
    Codec,
)

BLOCK = 32
"""Frames that the encoder computes together: 0.64 s."""
_REACH = SUBHOP + ANALYSIS_WINDOW
"""Samples from the start of a frame's first analysis window to the end of its second."""
_BLOCK_SAMPLES = (BLOCK - 1) * HOP + _REACH


class EncoderStream:
    """Samples in, codes out, 36 ms behind.

    Example:
        >>> stream = EncoderStream(codec)          # doctest: +SKIP
        >>> codes = [stream.push(chunk) for chunk in microphone] + [stream.finish()]  # doctest: +SKIP
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._device = next(codec.parameters()).device
        self._states = codec.encoder.initial_states(1)
        # Starts where the first window of the warm-up frame starts: that many zeros precede the recording.
        self._buffer = np.zeros(HOP * ENCODER_WARMUP - ANALYSIS_SHIFT, np.float32)
        self._emitted = 0  # rows of the current block that have left
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

    def _none(self) -> NDArray[np.int64]:
        return np.zeros((0, self._codec.config.num_codebooks), np.int64)

    def _advance(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        codes = [self._none()]
        position = 0
        while True:
            take = min(len(samples) - position, _BLOCK_SAMPLES - len(self._buffer))
            self._buffer = np.concatenate([self._buffer, samples[position : position + take]])
            position += take
            known = max(0, (len(self._buffer) - _REACH) // HOP + 1)
            if known > self._emitted:
                block, states = self._encode_block()
                first, self._emitted = self._emitted, known
                skipped = min(self._skip, known - first)
                self._skip -= skipped
                codes.append(block[first + skipped : known])
                if known == BLOCK:
                    self._states = states
                    self._buffer = self._buffer[BLOCK * HOP :]
                    self._emitted = 0
            if position == len(samples):
                break
        result = np.concatenate(codes)
        self._frames += len(result)
        return result

    @torch.inference_mode()
    def _encode_block(self) -> tuple[NDArray[np.int64], list[Tensor]]:
        block = torch.zeros(1, _BLOCK_SAMPLES)
        block[0, : len(self._buffer)] = torch.from_numpy(self._buffer)
        features = self._codec.encoder.features(block.to(self._device))
        latent, states = self._codec.encoder(features, self._states)
        return self._codec.quantizer.encode(latent)[0].cpu().numpy(), states


class DecoderStream:
    """Codes in, samples out, two frames behind.

    Computed in the same blocks as the encoder, so the samples too are the same however the codes were cut. The number
    of codebooks is fixed by the first push.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._device = next(codec.parameters()).device
        self._states = codec.decoder.initial_states(1)
        self._block = torch.zeros(1, BLOCK, codec.quantizer.latent_dim, device=self._device)
        self._known = 0  # rows of the current block that have come in
        self._tail = torch.zeros(3, SUBHOP, device=self._device)
        self._num_codebooks = 0
        # What the first code frame would say belongs before the recording, and so does the overhang of the next one.
        self._mute = 2
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
            return self._advance(self._codec.quantizer.decode(torch.from_numpy(checked).to(self._device)))

    def finish(self) -> NDArray[np.float32]:
        """The samples still owed, so that there are 320 per frame in all."""
        if self._finished:
            raise ValueError("the stream is finished already")
        self._finished = True
        if self._due == 0:
            return np.zeros(0, np.float32)
        owed = self._due
        with torch.inference_mode():
            return self._advance(self._block.new_zeros(DECODER_DELAY, self._codec.quantizer.latent_dim))[:owed]

    def _advance(self, rows: Tensor) -> NDArray[np.float32]:
        """Feed latent rows (t, latent_dim) block by block."""
        out = []
        while len(rows):
            first = self._known
            taken = min(len(rows), BLOCK - first)
            self._block[0, first : first + taken] = rows[:taken]
            rows = rows[taken:]
            self._known += taken
            kept = torch.tensor([self._num_codebooks], device=self._device)
            pieces, _, states = self._codec.decoder(self._block, kept, self._states)
            out.append(self._overlap(pieces[0, 2 * first : 2 * self._known]))
            if self._known == BLOCK:
                self._states = states
                self._block = torch.zeros_like(self._block)
                self._known = 0
        samples = torch.cat(out)
        discarded = min(self._discard, len(samples))
        self._discard -= discarded
        samples = samples[discarded:]
        self._due -= len(samples)
        return samples.clamp(-1, 1).cpu().numpy()

    def _overlap(self, pieces: Tensor) -> Tensor:
        """Pieces (j, 640) to the samples (160 j,) that no later piece reaches; older pieces are always added first."""
        parts = pieces.view(-1, 4, SUBHOP).clone()
        muted = min(self._mute, len(parts))
        parts[:muted] = 0
        self._mute -= muted
        line = torch.zeros(len(parts) + 3, SUBHOP, device=self._device)
        line[:3] = self._tail
        for i in (3, 2, 1, 0):
            line[i : i + len(parts)] += parts[:, i]
        self._tail = line[-3:].clone()
        return line[:-3].reshape(-1)


def checked_samples(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono float32 samples (n,), or a ValueError that says what they are instead."""
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise ValueError(f"samples must be one-dimensional floats, got {samples.dtype} of shape {samples.shape}")
    samples = samples.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        raise ValueError(f"sample {int(np.flatnonzero(~np.isfinite(samples))[0])} is not finite")
    return samples


def checked_codes(codes: NDArray[np.integer], num_codebooks: int, codebook_size: int) -> NDArray[np.int64]:
    """Codes (t, K), 1 <= K <= num_codebooks, all within the codebook, or a ValueError that says where they are not."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or not 1 <= codes.shape[1] <= num_codebooks or codes.dtype.kind not in "iu":
        raise ValueError(
            f"codes must be integers of shape (frames, codebooks), 1 to {num_codebooks} codebooks; "
            f"got {codes.dtype} of shape {codes.shape}"
        )
    outside = (codes < 0) | (codes >= codebook_size)
    if outside.any():
        frame, codebook = (int(v[0]) for v in np.nonzero(outside))
        value = int(codes[frame, codebook])
        raise ValueError(f"code {value} at frame {frame}, codebook {codebook} is outside 0..{codebook_size - 1}")
    return codes.astype(np.int64)
