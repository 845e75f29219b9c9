from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.errors import WeightsError
from hybrid_tok.voice.code import NEUTRAL_CODE
from hybrid_tok.voice.envelope import fft_size
from hybrid_tok.voice.timbre import BANDS, band_levels, centres, timbre_model
from hybrid_tok.voice.tract import tract_model

RATE = 16_000


def test_band_levels_are_those_of_the_spectrum_whatever_its_gain() -> None:
    bins = fft_size(RATE) // 2 + 1
    frequency = np.arange(bins) * RATE / fft_size(RATE)
    slope = -frequency / 1000.0 * 3.0
    levels = band_levels(slope, RATE)
    np.testing.assert_allclose(levels, band_levels(slope + 17.0, RATE), atol=1e-9)
    expected = -centres() / 1000.0 * 3.0
    np.testing.assert_allclose(levels, expected - expected.mean(), atol=0.3)


def test_more_air_in_the_code_is_more_level_at_the_top() -> None:
    model = timbre_model()
    dull, bright = (model.levels((*NEUTRAL_CODE[:7], step)) for step in (10, 50))
    assert (bright - dull)[centres() > 5000].min() > 3.0


def test_damaged_weights_are_one_clear_error(tmp_path: Path) -> None:
    for load in (timbre_model, tract_model):
        for content in ("", "[]", '{"mean": [1], "weights": [[1]], "reliability": 1}', '{"mean": "x"}'):
            path = tmp_path / f"{load.__name__}-{len(content)}.json"
            path.write_text(content)
            with pytest.raises(WeightsError, match="reinstall hybrid-tok"):
                load(path)
    with pytest.raises(WeightsError, match="missing"):
        timbre_model(tmp_path / "nowhere.json")
    assert timbre_model().mean.shape == (BANDS,)
