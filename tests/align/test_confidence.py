"""The confidence of aligned words: what it is told, and what it answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.align.confidence import CONFIDENCE_WEIGHTS, AlignedConfidence
from hybrid_tok.align.phones import PHONES, PhoneModel
from hybrid_tok.align.word_features import FEATURES, AlignedWord
from hybrid_tok.errors import WeightsError


@pytest.fixture(scope="module")
def model() -> AlignedConfidence:
    return AlignedConfidence()


def spoken(*phones: str) -> np.ndarray:
    columns = [PHONES.index(phone) for phone in phones for _ in range(8)]
    out = np.full((len(columns), len(PHONES)), np.log(0.1 / (len(PHONES) - 1)), np.float32)
    out[np.arange(len(columns)), columns] = np.log(0.9)
    return out


def test_was_fitted_on_the_phone_network_that_ships(model: AlignedConfidence) -> None:
    assert model.fits(PhoneModel())


def test_a_word_that_sounds_as_it_should_is_likelier(model: AlignedConfidence) -> None:
    heard = spoken("SIL", "K", "AE", "T", "SIL", "D", "AO", "G", "SIL")
    cat = AlignedWord(("K", "AE", "T"), 0.08, 0.32)
    dog = AlignedWord(("D", "AO", "G"), 0.40, 0.64)
    shoes = AlignedWord(("SH", "UW", "Z"), 0.40, 0.64)
    right, wrong = model.judge(heard, [cat, dog]), model.judge(heard, [cat, shoes])
    assert right[1] > 0.95 > wrong[1]
    assert (1 - wrong[1]) > 5 * (1 - right[1])


def test_answers_are_probabilities_whatever_comes_in(model: AlignedConfidence) -> None:
    wild = np.random.default_rng(0).normal(0, 1e3, (50, len(FEATURES))).astype(np.float32)
    answers = model.probabilities(wild)
    assert ((answers >= 0.001) & (answers <= 0.999)).all()
    assert model.judge(spoken("SIL"), []) == []
    empty = np.zeros((0, len(PHONES)), np.float32)
    assert 0 < model.judge(empty, [AlignedWord(("AH",), 0.0, 0.1)])[0] < 0.5


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "confidence.safetensors"
    weights.write_bytes(CONFIDENCE_WEIGHTS.read_bytes())
    about = json.loads(CONFIDENCE_WEIGHTS.with_suffix(".json").read_text("utf-8"))
    weights.with_suffix(".json").write_text(json.dumps({**about, "features": about["features"][:-1]}), "utf-8")
    with pytest.raises(WeightsError, match="other features"):
        AlignedConfidence(weights)
    del about["phones"]
    weights.with_suffix(".json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(WeightsError, match="no confidence model"):
        AlignedConfidence(weights)
