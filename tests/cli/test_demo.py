"""The recording that the demo makes."""

from __future__ import annotations

import numpy as np

from fakes import FakeSynthesizer
from hybrid_tok.cli.demo import VOICES, make_demo
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer, TokenizerOptions


def test_the_script_is_spoken_in_its_voices_with_a_laugh() -> None:
    made = [FakeSynthesizer(), FakeSynthesizer()]
    first, second = (
        make_demo(HybridTokenizer(find_preset("default"), TokenizerOptions(), backends={"synthesizer": fake}))
        for fake in made
    )
    spoken = made[0].spoken
    assert [one.voice for one in spoken] == [VOICES[0], VOICES[1], VOICES[0], VOICES[1]]
    assert spoken[1].words == ("No,", "tell", "me.") and spoken[3].words == ("That", "is", "very", "good.")
    said = sum(fake_duration(one.words) for one in spoken) / 16_000
    assert first.seconds > said + 0.4, "there is a laugh"
    np.testing.assert_array_equal(first.samples, second.samples)


def fake_duration(words: tuple[str, ...]) -> int:
    return sum(FakeSynthesizer().duration(word) for word in words)
