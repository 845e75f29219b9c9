"""Kokoro's graph in three parts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.backends import kokoro_graphs
from hybrid_tok.backends.kokoro_graphs import FRAME_SAMPLES, SAMPLE_RATE, KokoroGraphs
from hybrid_tok.core.model_files import MODELS
from hybrid_tok.core.model_sources import find_model
from hybrid_tok.errors import ModelError
from hybrid_tok.phonemes import token_ids
from hybrid_tok.voice.space import voice_space

TOKENS = [0, *token_ids("həlˈO wˈɜɹld."), 0]
STYLE = voice_space().style({"af_heart": 1.0}, len(TOKENS) - 2)


@pytest.fixture(scope="module")
def graphs() -> KokoroGraphs:
    return KokoroGraphs()


def test_the_parts_in_a_row_are_the_whole(graphs: KokoroGraphs) -> None:
    import onnxruntime

    released = find_model("kokoro", "kokoro") / MODELS["kokoro"].files[0].name
    whole = onnxruntime.InferenceSession(str(released), providers=["CPUExecutionProvider"])
    speed = np.ones(1, np.float32)
    (expected,) = whole.run(None, {"tokens": np.array([TOKENS]), "style": STYLE[None], "speed": speed})
    frames = np.maximum(np.round(graphs.durations(TOKENS, STYLE)), 1).astype(np.int64)
    contours = graphs.contours(TOKENS, STYLE, frames)
    samples = graphs.speak(contours, STYLE)
    assert len(samples) == frames.sum() * FRAME_SAMPLES and contours.pitch.shape == (2 * frames.sum(),)
    np.testing.assert_array_equal(samples, np.asarray(expected).reshape(-1))
    assert SAMPLE_RATE / FRAME_SAMPLES == 40


def test_parts_can_be_left_out_before_vocoding(graphs: KokoroGraphs) -> None:
    frames = np.full(len(TOKENS), 3)
    contours = graphs.contours(TOKENS, STYLE, frames).without(2, 1)
    assert contours.encoding.shape == (1, 512, 3 * len(TOKENS) - 3) and len(contours.energy) == 6 * len(TOKENS) - 6
    assert len(graphs.speak(contours, STYLE)) == (3 * len(TOKENS) - 3) * FRAME_SAMPLES


def test_a_damaged_graph_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache has another user's, half-written or changed file: it is never loaded."""
    folder = kokoro_graphs._cut_model()
    copy = tmp_path / "models" / folder.name
    shutil.copytree(folder, copy)
    shutil.copytree(find_model("kokoro", "kokoro"), tmp_path / "packs" / "kokoro")
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path))
    monkeypatch.setenv("HYBRID_TOK_MODELS", str(tmp_path / "packs"))
    assert kokoro_graphs._cut_model() == copy
    with (copy / "prosody.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")
    with pytest.raises(ModelError, match=r"graphs1 is damaged: delete that folder and try again$"):
        KokoroGraphs()
    shutil.rmtree(copy)
    assert kokoro_graphs._cut_model() == copy and (copy / "prosody.onnx").is_file()
