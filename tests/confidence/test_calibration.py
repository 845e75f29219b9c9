"""From features to a probability, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from confidence.heard import heard, sentence
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.confidence.calibration import LEAST, MOST, Calibration
from hybrid_tok.confidence.features import FEATURES
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import save_arrays

LEVELS = np.full(200, -30.0)
SPEECH = (Span(0, 200),)


def judge(calibration: Calibration, *probabilities: float) -> list[float]:
    words = [heard("word", 20 * k, 20 * k + 15, one, window=k) for k, one in enumerate(probabilities)]
    return calibration.judge(words, SPEECH, (), LEVELS)


def write_ensemble(folder: Path, weight: float = 1.0, features: tuple[str, ...] = FEATURES) -> Path:
    """Two networks of three units that see the mean log probability alone."""
    hidden = np.zeros((2, len(features), 3), np.float32)
    hidden[:, 0] = weight
    arrays = {
        "mean": np.zeros(len(features), np.float32),
        "scale": np.ones(len(features), np.float32),
        "hidden.weight": hidden,
        "hidden.bias": np.zeros((2, 3), np.float32),
        "output.weight": np.full((2, 3), 0.5, np.float32),
        "output.bias": np.ones(2, np.float32),
        "calibration": np.array([1.0, 0.5], np.float32),
    }
    save_arrays(folder / "some.safetensors", arrays, {"features": list(features)})
    return folder


@given(one=st.floats(1e-6, 1.0), other=st.floats(1e-6, 1.0))
def test_without_weights_a_likelier_word_is_likelier_right(one: float, other: float) -> None:
    low, high = judge(Calibration("no-such-model"), min(one, other), max(one, other))
    assert LEAST <= low <= high <= MOST
    if LEAST < min(one, other) < 0.99 * max(one, other) < MOST:
        assert low < high


def test_without_weights_only_the_probability_counts(tmp_path: Path) -> None:
    calibration = Calibration("some", tmp_path)
    assert not calibration.fitted
    words = sentence(["so", "funny"])
    assert calibration.judge(words, (), (), LEVELS[:0]) == judge(calibration, 0.9, 0.9)
    assert calibration.judge([], SPEECH, (), LEVELS) == []


def test_fitted_weights_are_used(tmp_path: Path) -> None:
    calibration = Calibration("some", write_ensemble(tmp_path))
    assert calibration.fitted
    (low, high) = judge(calibration, 0.2, 0.9)
    expected = [1 / (1 + np.exp(-(1.5 * np.tanh(np.log(one)) + 1.5))) for one in (0.2, 0.9)]
    assert [low, high] == pytest.approx(expected, abs=1e-3)
    assert all(type(one) is float for one in (low, high))


def test_features_beyond_what_was_seen_count_for_no_more(tmp_path: Path) -> None:
    """Their standardized values are clipped, so that no odd input gives an extreme confidence."""
    calibration = Calibration("some", write_ensemble(tmp_path, weight=0.01))
    assert judge(calibration, np.exp(-4.0)) == pytest.approx(judge(calibration, np.exp(-9.0)))
    assert judge(calibration, np.exp(-3.0)) != pytest.approx(judge(calibration, np.exp(-4.0)))


def test_the_fingerprint_follows_the_weights(tmp_path: Path) -> None:
    found = [
        Calibration("some", tmp_path).fingerprint,
        Calibration("some", write_ensemble(tmp_path)).fingerprint,
        Calibration("some", write_ensemble(tmp_path, weight=2.0)).fingerprint,
    ]
    assert len(set(found)) == 3


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    for features in (FEATURES[::-1], FEATURES[1:]):
        calibration = Calibration("some", write_ensemble(tmp_path, features=features))
        with pytest.raises(WeightsError, match=r"some\.safetensors reads other features than this version's"):
            judge(calibration, 0.5)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    weights = write_ensemble(tmp_path) / "some.safetensors"
    whole = weights.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        weights.write_bytes(damaged)
        with pytest.raises(WeightsError, match="truncated or changed"):
            judge(Calibration("some", tmp_path), 0.5)
    weights.write_bytes(whole)
    about = json.loads(weights.with_suffix(".json").read_text())
    weights.with_suffix(".json").write_text(json.dumps(about)[:-5])
    with pytest.raises(WeightsError, match="is damaged"):
        judge(Calibration("some", tmp_path), 0.5)
