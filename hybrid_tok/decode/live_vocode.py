"""A unit run to samples while it comes; `vocode` for a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.decode.plan import UnitSegment
from hybrid_tok.decode.vocode import check_width, vocode
from hybrid_tok.errors import BackendError
from hybrid_tok.tokens.stream import Frame

_AT_ONCE = 256
"""Frames that are decoded at a time, at most."""


class UnitStream(Protocol):
    """Decodes the units of one run as they come."""

    def push(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (t, K) to the samples (n,) that are now known."""
        ...

    def finish(self) -> NDArray[np.float32]:
        """The samples that are left: `hop` per frame in all."""
        ...


@runtime_checkable
class StreamingCodec(Protocol):
    """A codec that can decode units as they come."""

    def decoder_stream(self) -> UnitStream: ...


class LiveRun:
    """Renders one run. All its samples together are those of `vocode`: overhang, body, overhang.

    A codec that is no `StreamingCodec` decodes the run when it ends.

    Args:
        warm_up: frames to repeat before the run; at least the overhang.
        overhang: samples kept on each side.

    Attributes:
        width: units of each of its frames, once there is one.
    """

    def __init__(self, codec: UnitCodec, warm_up: int, overhang: int) -> None:
        self._codec, self._warm_up, self._overhang = codec, warm_up, overhang
        self._stream = codec.decoder_stream() if isinstance(codec, StreamingCodec) else None
        self._whole: list[Frame] = []
        self._last: Frame = ()
        self._frames = self.width = 0
        self._made = 0
        """Samples the codec gave, those of the warm-up too."""

    def push(self, frames: Sequence[Frame]) -> Iterator[NDArray[np.float32]]:
        """The samples that more frames make known."""
        self.width = len(frames[0])
        check_width(self.width, self._codec)
        if self._stream is None:
            self._whole.extend(frames)
            return
        for start in range(0, len(frames), _AT_ONCE):
            codes = tuple(frames[start : start + _AT_ONCE])
            if self._frames == 0:
                codes = (codes[0],) * self._warm_up + codes
            self._last = codes[-1]
            self._frames += len(codes)
            yield self._cut(self._stream.push(np.array(codes, np.int64)))

    def finish(self) -> NDArray[np.float32]:
        """The rest."""
        if self._stream is None:
            units = tuple(self._whole)
            return vocode(UnitSegment(0, None, units, (0,)), self._codec, self._warm_up, self._overhang)
        hop = self._codec.hop
        after = -(-self._overhang // hop) + 1
        body = self._frames
        self._frames += after
        samples = np.concatenate([self._stream.push(np.array((self._last,) * after, np.int64)), self._stream.finish()])
        if self._made + len(samples) != self._frames * hop:
            raise BackendError(
                f"{self._codec.name} gave {self._made + len(samples)} samples for {self._frames} frames of {hop}"
            )
        return self._cut(samples[: max(0, body * hop + self._overhang - self._made)])

    def _cut(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The codec's next samples without those of the warm-up."""
        skipped = min(len(samples), max(0, self._warm_up * self._codec.hop - self._overhang - self._made))
        self._made += len(samples)
        return samples[skipped:]
