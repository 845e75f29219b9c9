"""The recipe of the vocal tract's estimator: known stretches are told, what speakers differ in otherwise is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_tok.audio import read_mono
from hybrid_tok.errors import AudioError, OptionsError
from hybrid_tok.train.voice import recipe as voice
from hybrid_tok.train.voice.recipe import VoiceTrainOptions, evaluate, fit, train_voice
from hybrid_tok.voice.measure import voiced_spectra
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.tract import BANDS, TractModel, spectral_statistics, tract_model
from tones import RATE, vowel

OPTIONS = VoiceTrainOptions(sources=("people",), clips=2, frames=30, ridge=10.0)
"""With so few speakers, who differ in little but their tracts, a small ridge would take the tract itself for noise."""
STRETCHES = 2.0 ** (np.array([0, 5, -4, 2, -2, 3, -5, 1, 4, -3, -1, 2.5]) / 24.0)
LOGARITHMS = np.linspace(-0.2, 0.2, 5)


def statistics(
    tracts: np.ndarray, noise: np.ndarray, answer: np.ndarray, logarithms: np.ndarray = LOGARITHMS
) -> np.ndarray:
    """(speakers, stretches, 48): each stretch, and the speaker's own, goes along `answer`."""
    lengths = tracts[:, None] + logarithms
    return 3.0 + noise[:, None, :] + lengths[:, :, None] * answer


def entry(folder: Path, name: str, samples: np.ndarray, **more: str) -> dict[str, str]:
    soundfile.write(folder / f"{name}.wav", samples, RATE)
    return {"audio": f"{name}.wav", "source": "people", **more}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speakers of two clips each with tracts of known length, whose pitch has nothing to do with it."""
    folder = tmp_path_factory.mktemp("people")
    lines: list[dict[str, str]] = []
    for number, stretch in enumerate(STRETCHES):
        pitch = 100.0 + 10.0 * (5 * number % len(STRETCHES))
        for clip in range(2):
            glide = np.linspace(0.85, 1.15, round(0.35 * RATE)) * pitch
            sound = np.concatenate([vowel(glide, 0.35, stretch * place, noise=0.02) for place in (0.95, 1.05)])
            lines.append(entry(folder, f"{number}-{clip}", sound[:: 1 - 2 * clip], speaker=f"{number:02}"))
    lines.append(entry(folder, "0-extra", np.zeros(RATE), speaker="00"))  # beyond the clips that are read
    lines.append(entry(folder, "silent", np.zeros(RATE), speaker="silent"))
    lines.append(entry(folder, "nobody", vowel(150.0, 0.7)))
    lines.append({**entry(folder, "other", vowel(150.0, 0.7), speaker="x"), "source": "music"})
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    return folder


def test_the_fit_answers_a_stretch_one_to_one_and_leaves_out_what_else_varies() -> None:
    """Speakers differ along one direction that a stretch goes along too: an estimator that minds the covariance does
    not look there, while the mere projection on the answer takes every speaker for a giant or a child."""
    rng = np.random.default_rng(0)
    answer = rng.normal(0.0, 10.0, 2 * BANDS)
    nuisance = rng.normal(0.0, 1.0, 2 * BANDS) + 0.05 * answer
    noise = rng.normal(0.0, 5.0, (60, 1)) * nuisance + rng.normal(0.0, 0.1, (60, 2 * BANDS))
    model = fit(statistics(np.zeros(60), noise, answer), LOGARITHMS, ridge=1e-4)
    assert model.reliability == 1.0
    assert model.weights @ answer == pytest.approx(1.0)
    assert abs(model.weights @ nuisance) < 0.02 * abs(answer @ nuisance) / (answer @ answer)
    unseen = 3.0 + 2.0 * nuisance + 0.13 * answer
    assert np.log(model.factor(unseen)) == pytest.approx(0.13, abs=0.02)


def test_the_mean_is_that_of_unstretched_speech() -> None:
    answer = np.ones(2 * BANDS)
    tracts = np.array([-0.1, 0.0, 0.1, 0.2])
    off_centre = np.array([-0.1, 0.0, 0.3])
    model = fit(statistics(tracts, np.zeros((4, 2 * BANDS)), answer, off_centre), off_centre, ridge=0.1)
    np.testing.assert_allclose(model.mean, 3.05)


def test_evaluation_tells_a_good_estimator_from_a_bad_one() -> None:
    rng = np.random.default_rng(1)
    answer = rng.normal(0.0, 10.0, 2 * BANDS)
    tracts = rng.normal(0.0, 0.1, 40)
    logarithms = np.log(voice._STRETCHES)
    seen = statistics(tracts, np.zeros((40, 2 * BANDS)), answer, logarithms)
    halves = np.repeat(seen[:, [len(logarithms) // 2]], 2, axis=1)
    right = TractModel(np.full(2 * BANDS, 3.0), answer / (answer @ answer), 1.0)
    found = evaluate(right, seen, halves)
    assert found["slope"] == pytest.approx(1.0) and found["reliability"] == pytest.approx(1.0)
    assert found["spread_percent"] == pytest.approx(100.0 * tracts.std())
    deaf = dataclasses.replace(right, weights=right.weights / 2)
    assert evaluate(deaf, seen, halves)["slope"] == pytest.approx(0.5)
    noisy = halves + rng.normal(0.0, 1.0, (40, 2, 1)) * answer  # nothing that both halves agree on
    assert abs(evaluate(right, seen, noisy)["reliability"]) < 0.4


def test_what_is_written_loads_and_tells_tracts_apart(data: Path, tmp_path: Path) -> None:
    told: list[str] = []
    out = tmp_path / "tract.json"
    report = train_voice(data, out, OPTIONS, told.append)
    assert report["speakers"] == len(STRETCHES) and report["held_out_speakers"] == len(STRETCHES) / 3
    assert told[0] == f"{len(STRETCHES)} speakers, {30 * len(STRETCHES)} voiced frames"
    assert report["slope"] == pytest.approx(1.0, abs=0.25)
    assert report["reliability"] > 0.5

    model = tract_model(out)
    assert model.reliability == pytest.approx(report["reliability"], abs=0.006)
    assert not np.allclose(model.weights, tract_model().weights)
    estimates: list[float] = []
    for number in range(len(STRETCHES)):
        audio, _ = read_mono(data / f"{number}-0.wav", RATE)
        spectra = voiced_spectra(audio, track_pitch(audio.samples, RATE))
        estimates.append(model.factor(spectral_statistics(spectra, RATE)))
    assert np.corrcoef(np.log(estimates), np.log(STRETCHES))[0, 1] > 0.8


def test_the_same_data_give_the_same_file_and_other_options_another(data: Path, tmp_path: Path) -> None:
    def trained(name: str, options: VoiceTrainOptions) -> bytes:
        train_voice(data, tmp_path / name, options, lambda _: None)
        return (tmp_path / name).read_bytes()

    first = trained("first.json", OPTIONS)
    assert trained("again.json", OPTIONS) == first
    assert trained("ridge.json", dataclasses.replace(OPTIONS, ridge=3.0)) != first


def test_what_is_wrong_is_said(data: Path, tmp_path: Path) -> None:
    for wrong in ({"clips": 0}, {"frames": 0}, {"ridge": 0.0}):
        with pytest.raises(OptionsError):
            dataclasses.replace(OPTIONS, **wrong)
    out = tmp_path / "tract.json"
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        train_voice(tmp_path, out, OPTIONS)
    with pytest.raises(OptionsError, match="has 0 speakers with voiced speech: at least 6"):
        train_voice(data, out, dataclasses.replace(OPTIONS, sources=("nobody's",)))
    (tmp_path / "manifest.jsonl").write_text(
        json.dumps({"audio": "gone.wav", "source": "people", "speaker": "a"}) + "\n", "utf-8"
    )
    with pytest.raises(AudioError, match=r"gone\.wav"):
        train_voice(tmp_path, out, OPTIONS)
    assert not out.exists()
