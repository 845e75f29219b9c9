"""The recording that the demo makes, and what becomes of it."""

from __future__ import annotations

import numpy as np

from fakes import FakeSynthesizer
from hybrid_tok.cli.demo import SCRIPT, make_demo
from hybrid_tok.core.audio import Audio


def test_the_script_is_spoken_in_its_voices() -> None:
    made: dict[str, FakeSynthesizer] = {}

    def synthesizer(voice: str) -> FakeSynthesizer:
        return made.setdefault(voice, FakeSynthesizer())

    audio = make_demo(synthesizer)
    for voice, fake in made.items():
        assert fake.spoken == [tuple(line.text.split()) for line in SCRIPT if line.text and line.voice == voice]
    assert len(made) == 2
    spoken = sum(fake.duration(word) + 1_600 * (index == 0) for fake in made.values() for words in fake.spoken
                 for index, word in enumerate(words))  # fmt: skip
    giggle = 16_000
    assert audio.num_samples == spoken + giggle + round(16_000 * (sum(line.pause for line in SCRIPT) + 0.5))
    assert np.isfinite(audio.samples).all() and float(np.abs(audio.samples).max()) <= 1.0


def test_it_is_the_same_every_time() -> None:
    first, second = (make_demo(lambda voice: FakeSynthesizer()) for _ in range(2))
    assert isinstance(first, Audio)
    np.testing.assert_array_equal(first.samples, second.samples)
