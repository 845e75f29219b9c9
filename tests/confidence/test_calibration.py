"""From features to a probability, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from confidence.heard import heard, sentence
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.confidence.calibration import LEAST, MOST, Calibration, Logistic
from hybrid_tok.confidence.features import FEATURES
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import WeightsError

SPEECH = (Span(0, 200),)


def judge(calibration: Calibration, *probabilities: float) -> list[float]:
    words = [
        heard("word", 20 * k, 20 * k + 15, one, window=Span(20 * k, 20 * k + 20)) for k, one in enumerate(probabilities)
    ]
    return calibration.judge(words, SPEECH, ())


def write_coefficients(folder: Path, weight: float = 1.0, scale: float = 1.0, feature: str = "mean") -> Path:
    """Right by the log odds of the mean probability alone, and spoken with a probability of three quarters."""
    right = {"offset": 0.5, "features": {feature: {"mean": 0.0, "scale": scale, "weight": weight}}}
    speech = {"offset": float(np.log(3.0)), "features": {"speech": {"mean": 0.0, "scale": 1.0, "weight": 0.0}}}
    (folder / "some.json").write_text(json.dumps({"right": right, "speech": speech}))
    return folder


@given(one=st.floats(1e-6, 1.0), other=st.floats(1e-6, 1.0))
def test_without_coefficients_a_likelier_word_is_likelier_right(one: float, other: float) -> None:
    low, high = judge(Calibration("no-such-model"), min(one, other), max(one, other))
    assert LEAST <= low <= high <= MOST
    if LEAST < min(one, other) < 0.99 * max(one, other) < MOST:
        assert low < high


def test_without_coefficients_only_the_probability_counts(tmp_path: Path) -> None:
    calibration = Calibration("some", tmp_path)
    assert not calibration.fitted
    words = sentence(["so", "funny"])
    assert calibration.judge(words, (), ()) == judge(calibration, 0.9, 0.9)
    assert calibration.judge([], SPEECH, ()) == []


def test_fitted_coefficients_are_used(tmp_path: Path) -> None:
    calibration = Calibration("some", write_coefficients(tmp_path))
    assert calibration.fitted
    found = judge(calibration, 0.2, 0.9)
    assert found == pytest.approx([0.75 / (1 + np.exp(-(np.log(one / (1 - one)) + 0.5))) for one in (0.2, 0.9)])
    assert all(type(one) is float for one in found)


def test_features_beyond_what_was_seen_count_for_no_more(tmp_path: Path) -> None:
    """Their standardized values are clipped, so that no odd input gives an extreme confidence."""
    calibration = Calibration("some", write_coefficients(tmp_path, scale=2.0))
    assert judge(calibration, 0.01) == pytest.approx(judge(calibration, 0.05))
    assert judge(calibration, 0.3) != pytest.approx(judge(calibration, 0.4))


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(5, len(FEATURES)))
    logistic = Logistic(np.array([2, 0]), np.array([0.5, 1.0]), np.array([2.0, 3.0]), np.array([1.0, -2.0]), 0.25)
    again = Logistic.from_json(json.loads(json.dumps(logistic.to_json())))
    np.testing.assert_allclose(again(features), logistic(features))


def test_the_fingerprint_follows_the_coefficients(tmp_path: Path) -> None:
    found = [
        Calibration("some", tmp_path).fingerprint,
        Calibration("some", write_coefficients(tmp_path)).fingerprint,
        Calibration("some", write_coefficients(tmp_path, weight=2.0)).fingerprint,
    ]
    assert len(set(found)) == 3


def test_coefficients_of_other_features_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    whole = (write_coefficients(tmp_path) / "some.json").read_text()
    for text in (
        whole.replace("mean", "median", 1),
        whole[:-5],
        "[]",
        "",
        whole.replace('"offset": 0.5', '"offset": "x"'),
    ):
        (tmp_path / "some.json").write_text(text)
        with pytest.raises(WeightsError, match=r"some\.json: no confidence of this version .* reinstall hybrid-tok"):
            judge(Calibration("some", tmp_path), 0.5)
