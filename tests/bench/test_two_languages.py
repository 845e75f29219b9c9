"""Two languages joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hybrid_tok.audio import write_wav
from hybrid_tok.bench.two_languages import TwoLanguages, in_language, join_languages
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.timeline import Span


def clip(folder: Path, source: str, name: str, seconds: float, value: float) -> Clip:
    write_wav(folder / name, Audio(np.full(round(seconds * 16_000), value, np.float32), 16_000))
    return Clip(folder / name, name, source)


def test_each_pair_comes_in_both_orders_with_silence_between(tmp_path: Path) -> None:
    english = [clip(tmp_path, "librispeech", f"e{k}.wav", 3.0 + k, 0.25) for k in range(2)]
    english.append(clip(tmp_path, "ljspeech", "short.wav", 2.9, 0.75))
    mandarin = [clip(tmp_path, "aishell1", "m.wav", 3.5, 0.5)]
    joined = list(join_languages(english, mandarin, pairs=3))
    assert [one.languages for one in joined] == [("en", "zh"), ("zh", "en")] * 3
    for one in joined:
        samples = one.audio.samples
        quiet = np.flatnonzero(samples == 0.0)
        assert 0.3 * 16_000 <= len(quiet) <= 1.5 * 16_000
        assert np.array_equal(quiet, np.arange(quiet[0], quiet[-1] + 1))
        assert abs(one.boundary * 16_000 - (quiet[0] + quiet[-1] + 1) / 2) <= 1
        assert (samples[0] < samples[-1]) == (one.languages == ("en", "zh"))
        assert samples.max() < 0.7, "a clip below 3 s was drawn"
    lengths = [one.audio.num_samples for one in joined]
    assert lengths == [one.audio.num_samples for one in join_languages(english, mandarin, pairs=3)]
    assert lengths != [one.audio.num_samples for one in join_languages(english, mandarin, pairs=3, seed=1)]


def test_words_belong_to_the_half_that_their_middle_is_in() -> None:
    recording = TwoLanguages(Audio(np.zeros(32_000, np.float32), 16_000), ("en", "zh"), 1.0)
    words = [
        Word("one", Span(0, 20), 1.0, language="en"),
        Word("eins", Span(30, 60), 1.0, language="de"),
        Word("二", Span(45, 56), 1.0, language="zh"),
        Word("three", Span(70, 90), 1.0),
    ]
    assert in_language(words, recording) == ([True, False], [True, False])
