"""Voice activity by Silero."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import SileroDetector, SileroOptions, SileroState, spans_of
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.state import pack_state, unpack_state
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError
from real_audio import recording


def test_state_is_carried_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any batch size gives what the network gives for the whole recording at once, as faster-whisper runs it."""
    from faster_whisper.vad import get_vad_model

    audio, _ = read_mono(min(recording("dev/librispeech").glob("*.flac")))
    samples = audio.samples[: len(audio.samples) // 512 * 512]
    expected = np.reshape(get_vad_model()(samples.copy()), -1)
    for batch in (1, 7, 512):
        monkeypatch.setattr("hybrid_tok.backends.silero._BATCH", batch)
        # all but the last window, whose end faster-whisper overwrites with zeros (it clears a view of its input)
        np.testing.assert_allclose(SileroDetector().probabilities(samples)[:-1], expected[:-1], atol=1e-4)


def test_hysteresis_by_hand() -> None:
    """32 ms windows: speech in windows 10 to 29, doubtful until 34, a 64 ms dip at 20."""
    probabilities = np.zeros(60, np.float32)
    probabilities[10:30] = 0.9
    probabilities[20:22] = 0.1
    probabilities[30:35] = 0.4
    probabilities[50] = 0.4  # never reaches the threshold
    options = SileroOptions(min_speech=0.1, min_silence=0.1, padding=0.02)
    assert spans_of(probabilities, 60 * 512, options) == (Span(15, 57),)
    cut = SileroOptions(min_speech=0.1, min_silence=0.04, padding=0.0)
    assert spans_of(probabilities, 60 * 512, cut) == (Span(16, 32), Span(35, 56))


def test_a_short_burst_is_dropped_and_the_end_is_kept() -> None:
    probabilities = np.zeros(40, np.float32)
    probabilities[5:7] = 1.0
    probabilities[35:] = 1.0
    assert spans_of(probabilities, 40 * 512 - 300, SileroOptions(padding=0.0)) == (Span(56, 64),)


def test_noise_and_tones_are_no_speech() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(48_000)).astype(np.float32)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)).astype(np.float32)
    assert SileroDetector().detect(Audio(noise, 16_000)) == ()
    assert SileroDetector().detect(Audio(tone, 16_000)) == ()


@pytest.mark.parametrize("seed", range(3))
def test_streamed_speech_is_that_of_the_file(seed: int) -> None:
    """In chunks of any size; what is said to last does, and nothing starts where it is said to be quiet."""
    audio, _ = read_mono(sorted(recording("dialogues").glob("*.flac"))[seed], 16_000)
    rng = np.random.default_rng(seed)
    detector = SileroDetector()
    whole = detector.detect(audio)
    stream, spans, at = detector.stream(), list[Span](), 0
    while at < audio.num_samples:
        size = int(rng.choice([1, 37, 511, 513, 4_000, 50_000]))
        heard = stream.push(audio.samples[at : at + size])
        at += size
        spans += heard.spans
        coming = whole[len(spans) :]
        assert all(span.start >= heard.quiet for span in (coming[1:] if heard.lasting else coming))
        if heard.lasting is not None:
            assert coming[0].start == heard.lasting.start
            assert heard.lasting.end <= coming[0].end
        state = unpack_state(SileroState, "detector", "f", pack_state("detector", "f", stream.state))
        stream = detector.stream(state)
    assert (*spans, *stream.flush().spans) == whole


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"stay": 0.9}, {"padding": -1.0}])
def test_options_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        SileroOptions(**wrong)
