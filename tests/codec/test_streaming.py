"""The codec's contracts: exact length, whole == chunked to the bit, prefixes, bad input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.streaming import ONE_SHAPE, DecoderStream, EncoderStream

HOP = 320


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A buzz with wandering pitch and some noise, loud and soft."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 150 + 40 * np.sin(2 * np.pi * 1.3 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    buzz = sum(np.cos(h * phase) / h for h in range(1, 20))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 2.1 * time)
    return (0.08 * loudness * buzz + 0.01 * rng.standard_normal(len(time))).astype(np.float32)


def pushed(stream: EncoderStream | DecoderStream, items: np.ndarray, cuts: list[int]) -> np.ndarray:
    edges = [0, *sorted(cuts), len(items)]
    parts = [stream.push(items[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*parts, stream.finish()])


@pytest.mark.parametrize("chunk", [160, 320, 1000, 1280, 5000, 32 * HOP, 32 * HOP + 1])
def test_codes_and_samples_are_the_same_for_every_chunk_size(codec: BuiltinCodec, chunk: int) -> None:
    samples = voice(1.9)
    whole = codec.encode(samples)
    cut = list(range(chunk, len(samples), chunk))
    assert np.array_equal(pushed(codec.encoder_stream(), samples, cut), whole)
    frames = max(1, chunk // HOP)
    spoken = pushed(codec.decoder_stream(), whole, list(range(frames, len(whole), frames)))
    assert spoken.shape == (len(whole) * HOP,)
    assert np.abs(spoken - codec.decode(whole)).max() < 1e-5


@pytest.mark.parametrize("chunk", [700, 5000, 9000])
def test_codes_do_not_depend_on_chunks_where_products_depend_on_their_shape(codec: BuiltinCodec, chunk: int) -> None:
    samples = voice(1.9)
    cut = list(range(chunk, len(samples), chunk))
    whole = pushed(EncoderStream(codec.network, ONE_SHAPE), samples, [])
    assert np.array_equal(pushed(EncoderStream(codec.network, ONE_SHAPE), samples, cut), whole)
    assert (whole == codec.encode(samples)).mean() > 0.99
    spoken = pushed(DecoderStream(codec.network, ONE_SHAPE), whole, [3, 10, 40])
    assert np.abs(spoken - pushed(DecoderStream(codec.network, ONE_SHAPE), whole, [])).max() < 1e-5


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 25_000), max_size=6))
def test_codes_are_the_same_for_random_cuts(cuts: list[int]) -> None:
    codec = _shared()
    samples = voice(25_000 / 16_000, seed=1)
    assert np.array_equal(pushed(codec.encoder_stream(), samples, cuts), codec.encode(samples))


_CODEC: list[BuiltinCodec] = []


def _shared() -> BuiltinCodec:
    if not _CODEC:
        _CODEC.append(BuiltinCodec())
    return _CODEC[0]


def test_streams_agree_with_the_network_run_in_one_piece(codec: BuiltinCodec) -> None:
    samples = voice(2.0)
    network = codec.network
    with torch.inference_mode():
        latent = network.latent(torch.from_numpy(samples)[None])
        codes = network.quantizer.encode(latent)
        spoken = network.waveform(network.quantizer.decode(codes), torch.tensor([codes.shape[-1]]))[0][0].numpy()
    # Another shape of the same products may move a latent across the edge of a bin, but hardly ever.
    assert (codes[0].numpy() == codec.encode(samples)).mean() > 0.99
    assert np.abs(np.clip(spoken, -1, 1) - codec.decode(codes[0].numpy())).max() < 1e-4


@pytest.mark.parametrize("length", [0, 1, 319, 320, 321, 10_239, 10_240, 10_241, 20_479, 20_481])
def test_length_is_exact(codec: BuiltinCodec, length: int) -> None:
    codes = codec.encode(voice(2.0)[:length])
    assert codes.shape == (-(-length // HOP), codec.identity.num_codebooks)
    assert codes.dtype == np.int64
    assert codec.decode(codes).shape == (len(codes) * HOP,)


def test_a_stream_is_no_further_behind_than_its_look_ahead(codec: BuiltinCodec) -> None:
    """At most 80 ms from a sample to the sample made of it, windows of encoder and decoder included."""
    encoder, decoder = codec.encoder_stream(), codec.decoder_stream()
    samples = voice(3.0)
    heard = spoken = 0
    for start in range(0, len(samples), HOP):
        codes = encoder.push(samples[start : start + HOP])
        heard += HOP
        spoken += len(decoder.push(codes))
        # A frame can be spoken 1,216 samples after its end, and here input comes in frames.
        assert heard - spoken <= 1216 + HOP


def test_what_comes_later_than_the_look_ahead_changes_nothing(codec: BuiltinCodec) -> None:
    samples = voice(1.5)
    other = samples.copy()
    other[12_000:] = 0.3
    known = (12_000 - 576) // HOP
    before, after = codec.encode(samples), codec.encode(other)
    assert np.array_equal(before[:known], after[:known])
    assert not np.array_equal(before, after)
    assert np.array_equal(codec.decode(before)[: (known - 2) * HOP], codec.decode(after)[: (known - 2) * HOP])


def test_what_was_coded_before_changes_nothing(codec: BuiltinCodec) -> None:
    batch = [voice(0.7, 1), voice(1.3, 2), voice(0.05, 3)]
    codes = [codec.encode(samples) for samples in batch]
    assert all(np.array_equal(a, codec.encode(x)) for a, x in reversed(list(zip(codes, batch, strict=True))))
    spoken = [codec.decode(one) for one in codes]
    assert all(np.array_equal(a, codec.decode(c)) for a, c in reversed(list(zip(spoken, codes, strict=True))))


def test_every_prefix_of_the_codebooks_decodes(codec: BuiltinCodec) -> None:
    codes = codec.encode(voice(1.0))
    spoken = [codec.decode(codes[:, :k]) for k in range(1, codec.identity.num_codebooks + 1)]
    assert all(s.shape == spoken[0].shape for s in spoken)
    assert len({s.tobytes() for s in spoken}) == len(spoken)


def test_digital_silence_is_silent_and_nothing_else_is(codec: BuiltinCodec) -> None:
    silence = codec.identity.codebook_size - 1
    samples = voice(2.0)
    samples[12_000:20_000] = 0
    codes = codec.encode(samples)
    silent = (codes == silence).all(1)
    # From 352 samples before a frame, where its pitch window starts, to the 896th after its start.
    assert np.array_equal(np.flatnonzero(silent), np.arange(39, 60))
    assert not (codes[~silent, 0] == silence).any()
    assert not codec.decode(codes)[40 * HOP : 57 * HOP].any()
    assert not codec.decode(codec.encode(np.zeros(50_000, np.float32))).any()


SQUARE = np.sign(np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000)).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros(16_000, np.float32), id="digital zero"),
        pytest.param(SQUARE, id="full-scale square wave"),
        pytest.param(np.full(16_000, 0.5, np.float32), id="DC"),
        pytest.param(np.full(16_000, -1.0, np.float32), id="full-scale DC"),
        pytest.param(np.array([0.5], np.float32), id="one sample"),
        pytest.param(np.random.default_rng(0).uniform(-1, 1, 16_000).astype(np.float32), id="white noise"),
        pytest.param(np.full(8_000, 1e-4, np.float32), id="faint DC"),
    ],
)
@pytest.mark.parametrize("num_codebooks", [1, 2, 4])
def test_odd_signals_come_back_finite_and_not_louder(
    codec: BuiltinCodec, samples: np.ndarray, num_codebooks: int
) -> None:
    decoded = codec.decode(codec.encode(samples)[:, :num_codebooks])
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max() <= np.abs(samples).max() * 10 ** (3 / 20)


def test_bad_samples_are_refused(codec: BuiltinCodec) -> None:
    with pytest.raises(ValueError, match="sample 3 is not finite"):
        codec.encode(np.array([0, 0, 0, np.nan], np.float32))
    with pytest.raises(ValueError, match="one-dimensional"):
        codec.encode(np.zeros((2, 320), np.float32))
    with pytest.raises(ValueError, match="one-dimensional floats, got int16"):
        codec.encode(np.zeros(320, np.int16))  # type: ignore[arg-type]


def test_bad_codes_are_refused_with_their_position(codec: BuiltinCodec) -> None:
    size, books = codec.identity.codebook_size, codec.identity.num_codebooks
    codes = np.zeros((5, 2), np.int64)
    codes[3, 1] = size
    with pytest.raises(ValueError, match=rf"code {size} at frame 3, codebook 1 is outside 0\.\.{size - 1}"):
        codec.decode(codes)
    codes[3, 1] = -1
    with pytest.raises(ValueError, match="code -1 at frame 3, codebook 1"):
        codec.decode(codes)
    for wrong in (np.zeros((5, books + 1), np.int64), np.zeros(5, np.int64), np.zeros((5, 2))):
        with pytest.raises(ValueError, match="codes must be integers of shape"):
            codec.decode(wrong)


def test_a_stream_ends_once_and_keeps_its_codebooks(codec: BuiltinCodec) -> None:
    encoder = codec.encoder_stream()
    encoder.finish()
    with pytest.raises(ValueError, match="finished"):
        encoder.push(np.zeros(1, np.float32))
    decoder = codec.decoder_stream()
    decoder.push(np.zeros((1, 2), np.int64))
    with pytest.raises(ValueError, match="4 codebooks, the stream began with 2"):
        decoder.push(np.zeros((1, 4), np.int64))


GOLDEN = np.array(
    [
        [9643, 3721, 8389, 9344],
        [9715, 9057, 6356, 3938],
        [6587, 6561, 5900, 6954],
        [7044, 6497, 5836, 6826],
        [9100, 6497, 6364, 7019],
        [9620, 6497, 5965, 4970],
        [9108, 6490, 6419, 6497],
        [9108, 3922, 5972, 8489],
        [7004, 3938, 2910, 7785],
        [9564, 6499, 5980, 5361],
        [9564, 6418, 3420, 5361],
        [9564, 3938, 3356, 8426],
        [9492, 4002, 5467, 8497],
        [10004, 6491, 5972, 5881],
        [12044, 3867, 6417, 5873],
        [9408, 5987, 6346, 1130],
        [9536, 4443, 9107, 6513],
        [6912, 1910, 5217, 5811],
        [9984, 3413, 7501, 9323],
        [12032, 3985, 9610, 6962],
    ]
)
"""Codes of `voice(0.4)`; new weights bring new ones."""


def test_golden_codes(codec: BuiltinCodec) -> None:
    codes = codec.encode(voice(0.4))
    assert codes.shape == GOLDEN.shape
    # On another processor the last bits differ, and a latent at the edge of a bin may fall on its other side.
    assert (codes == GOLDEN).mean() >= 0.95
    assert np.sqrt(np.square(codec.decode(GOLDEN[:, :2])).mean()) == pytest.approx(0.04235, rel=0.02)
