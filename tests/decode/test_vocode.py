from __future__ import annotations

import numpy as np
import pytest

from fakes import FakeCodec
from hybrid_tok.decode.plan import UnitSegment
from hybrid_tok.decode.vocode import vocode
from hybrid_tok.errors import BackendError


def segment(codes: np.ndarray) -> UnitSegment:
    units = tuple(tuple(frame) for frame in codes.tolist())
    return UnitSegment(0, 0, units, (0,))


def codes(frames: int, codebooks: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, codebooks))


@pytest.mark.parametrize("frames", [1, 2, 50])
@pytest.mark.parametrize("overhang", [0, 80, 320])
def test_the_body_is_the_decoded_units_and_the_overhang_goes_on_from_them(frames: int, overhang: int) -> None:
    run = codes(frames)
    samples = vocode(segment(run), FakeCodec(), warm_up=4, overhang=overhang)
    whole = FakeCodec().decode(np.concatenate([run[:1], run, run[-1:]]))
    assert np.array_equal(samples, whole[320 - overhang : len(whole) - 320 + overhang])


def test_a_decoder_with_memory_is_warmed_up() -> None:
    """A decoder that swells from silence: without warm-up its first frames would be soft."""

    class Swelling(FakeCodec):
        def decode(self, codes: np.ndarray) -> np.ndarray:
            samples = super().decode(codes)
            gain = 1.0 - np.exp(-np.arange(len(samples)) / 320)
            return (samples * gain).astype(np.float32)

    run = np.full((10, 4), 200)
    settled = FakeCodec().decode(run)[0]
    cold, warm = (vocode(segment(run), Swelling(), warm_up=frames, overhang=0)[:320] for frames in (0, 8))
    assert cold.mean() < 0.5 * settled
    assert warm == pytest.approx(settled, rel=0.001)


def test_fewer_codebooks_are_decoded_as_they_are() -> None:
    assert len(vocode(segment(codes(5, codebooks=2)), FakeCodec(), warm_up=1, overhang=10)) == 5 * 320 + 20


def test_another_codec_is_noticed() -> None:
    with pytest.raises(BackendError, match="6 units per frame, but fake codec has 4 codebooks"):
        vocode(segment(codes(5, codebooks=6)), FakeCodec(), warm_up=1, overhang=0)

    class Short(FakeCodec):
        def decode(self, codes: np.ndarray) -> np.ndarray:
            return super().decode(codes)[:-1]

    with pytest.raises(BackendError, match="for 7 frames of 320"):
        vocode(segment(codes(5)), Short(), warm_up=1, overhang=0)
    with pytest.raises(ValueError, match="warm-up"):
        vocode(segment(codes(5)), FakeCodec(), warm_up=1, overhang=321)
