"""The judge that captions, with Whisper base: what it calls real sounds, and what it calls none."""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.metrics.captions import CAPTIONS, CaptionJudge
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames
from real_audio import recording

COUGH = "dev/covid19-cough/d922a4dc-347e-4f39-8f7f-3dd09b3b2592.opus"
SPEECH = "dev/librispeech/1688-142285-0002.flac"


@cache
def judge() -> CaptionJudge:
    return CaptionJudge()


def heard(path: str) -> tuple[Audio, Span]:
    audio, _ = read_mono(recording(path))
    return audio, Span(0, count_frames(audio.num_samples, audio.sample_rate))


def test_a_cough_is_one_and_speech_and_noise_are_none() -> None:
    """Both are named by the stretch that is asked for, whatever is beside it."""
    (cough, first), (speech, second) = heard(COUGH), heard(SPEECH)
    both = Audio(
        np.concatenate([cough.samples, np.zeros(-cough.num_samples % 320, np.float32), speech.samples]), 16_000
    )
    later = Span(first.end, first.end + second.end)
    assert judge().name_events(both, [first, later]) == ["cough", None]
    noise = 0.01 * np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    assert judge().name_events(Audio(noise, 16_000), [Span(0, 100)]) == [None]


def test_nothing_is_no_event() -> None:
    audio, whole = heard(COUGH)
    beyond = Span(whole.end + 10, whole.end + 60)
    assert judge().name_events(audio, [beyond, Span(0, 0)]) == [None, None]
    assert judge().name_events(Audio(np.zeros(16_000, np.float32), 16_000), [Span(0, 50)]) == [None]


def test_captions_differ_and_all_labels_are_told() -> None:
    texts = [*chain.from_iterable(chain.from_iterable(CAPTIONS.values()))]
    assert len(texts) == len(set(texts))
    assert judge().labels == {label for label in CAPTIONS if label}
