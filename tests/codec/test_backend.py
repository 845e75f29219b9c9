"""The shipped codec as a backend, on a golden signal and on real recordings."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.identity import codec_identity
from real_audio import recording


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


def test_it_is_what_its_identity_says(codec: BuiltinCodec) -> None:
    identity = codec_identity()
    assert (codec.name, codec.fingerprint) == (identity.name, identity.fingerprint)
    assert codec.sample_rate == 16_000
    assert (codec.num_codebooks, codec.codebook_size) == (identity.num_codebooks, identity.codebook_size)


@pytest.mark.parametrize(("path", "least"), [("dev/librispeech", 0.75), ("dev/aishell1", 0.7), ("dev/ljspeech", 0.75)])
def test_speech_stays_intelligible_at_the_default_rate(codec: BuiltinCodec, path: str, least: float) -> None:
    import pystoi
    import soundfile

    file = sorted(recording(path).rglob("*.flac"))[0]
    samples, rate = soundfile.read(file, dtype="float32", frames=80_000)
    assert rate == codec.sample_rate
    decoded = codec.decode(codec.encode(samples)[:, : codec_identity().default_codebooks])
    assert pystoi.stoi(samples, decoded[: len(samples)], rate) > least


def test_streams_equal_whole(codec: BuiltinCodec) -> None:
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, 5_000).astype(np.float32)
    encoder, decoder = codec.encoder_stream(), codec.decoder_stream()
    codes = np.concatenate([encoder.push(samples[:3_000]), encoder.push(samples[3_000:]), encoder.finish()])
    assert np.array_equal(codes, codec.encode(samples))
    spoken = np.concatenate([decoder.push(codes), decoder.finish()])
    assert np.array_equal(spoken, codec.decode(codes))
