from __future__ import annotations

from itertools import pairwise

import numpy as np

from fakes import FakeSynthesizer
from hybrid_tok.cli.demo import SCRIPT, make_demo


def test_the_script_is_spoken_with_its_true_word_times() -> None:
    demo = make_demo(lambda voice: FakeSynthesizer())
    assert [word.text for word in demo.words] == " ".join(line.text for line in SCRIPT).split()
    for before, after in pairwise(demo.words):
        assert before.span.end <= after.span.start + 1
    assert demo.words[-1].span.end * 320 <= demo.audio.num_samples
    assert np.isfinite(demo.audio.samples).all() and float(np.abs(demo.audio.samples).max()) <= 1.0


def test_it_is_the_same_every_time() -> None:
    first, second = (make_demo(lambda voice: FakeSynthesizer()) for _ in range(2))
    np.testing.assert_array_equal(first.audio.samples, second.audio.samples)
