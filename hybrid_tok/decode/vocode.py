"""Unit runs to samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.decode.plan import UnitSegment
from hybrid_tok.errors import BackendError


def vocode(segment: UnitSegment, codec: UnitCodec, warm_up: int, overhang: int) -> NDArray[np.float32]:
    """Decode a segment's units on their own, with some overhang on both sides for cross-fades.

    A run starts in the middle of a sound, but a causal decoder starts from silence: the sound would swell over its
    first frames. So the first frame is repeated before the run, and the last one after it as far as the overhang
    and a little look-ahead need; their samples are cut off. (With our own codec, four to eight frames halve the
    loss of level in the first 60 ms; the units of an earlier run in their place come no closer to the original.)

    Args:
        warm_up: frames to repeat before the run; at least the overhang.
        overhang: samples kept on each side.

    Returns:
        (overhang + frames * hop + overhang,) samples at the codec's rate.
    """
    hop = codec.hop
    if warm_up * hop < overhang:
        raise ValueError(f"an overhang of {overhang} samples needs more than {warm_up} frames of warm-up")
    after = -(-overhang // hop) + 1
    units = segment.units
    check_width(len(units[0]), codec)
    codes = np.array((units[0],) * warm_up + units + (units[-1],) * after, np.int64)
    samples = codec.decode(codes)
    if samples.shape != (len(codes) * hop,):
        raise BackendError(f"{codec.name} gave samples {samples.shape} for {len(codes)} frames of {hop}")
    return samples[warm_up * hop - overhang : (warm_up + len(units)) * hop + overhang]


def check_width(width: int, codec: UnitCodec) -> None:
    """Refuse frames of more units than a codec has codebooks."""
    if width > codec.num_codebooks:
        raise BackendError(
            f"the stream has {width} units per frame, but {codec.name} has {codec.num_codebooks} codebooks"
        )
