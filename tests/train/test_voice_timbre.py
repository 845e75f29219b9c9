"""The recipe of the timbre regression: what the code says of a spectrum is found, and held-out speakers show it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.errors import OptionsError
from hybrid_tok.train.voice.timbre import fit, fit_and_write, train_timbre
from hybrid_tok.voice.code import quantize
from hybrid_tok.voice.envelope import fft_size
from hybrid_tok.voice.measure import measure_traits
from hybrid_tok.voice.timbre import BANDS, band_levels, centres, timbre_model
from tones import RATE, vowel

FREQUENCY = np.arange(fft_size(RATE) // 2 + 1) * RATE / fft_size(RATE)


def made_up(count: int) -> tuple[list[tuple[int, ...]], list[np.ndarray], list[str]]:
    """Voice codes, spectra that the last token tilts, and two recordings each of so many speakers."""
    rng = np.random.default_rng(0)
    codes = [tuple(int(step) for step in rng.integers(0, 64, 8)) for _ in range(2 * count)]
    spectra = [-FREQUENCY / 1000.0 * (3.0 - code[7] / 31.5) + rng.normal() for code in codes]
    return codes, spectra, [str(number // 2) for number in range(2 * count)]


def test_the_regression_finds_what_a_token_does() -> None:
    rng = np.random.default_rng(0)
    steps = rng.uniform(-1.0, 1.0, (200, 8))
    mean, weights = rng.normal(0.0, 10.0, BANDS), rng.normal(0.0, 5.0, (BANDS, 8))
    model = fit(steps, mean + steps @ weights.T + rng.normal(0.0, 0.1, (200, BANDS)))
    np.testing.assert_allclose(model.mean, mean, atol=0.1)
    np.testing.assert_allclose(model.weights, weights, atol=0.15)


def test_what_is_written_loads_and_says_what_it_learnt(tmp_path: Path) -> None:
    codes, spectra, speakers = made_up(30)
    out = tmp_path / "timbre.json"
    report = fit_and_write(codes, spectra, speakers, out)
    assert report["error_db"] < 0.1 * report["error_of_mean_db"]
    model = timbre_model(out)
    for code, spectrum in zip(codes, spectra, strict=True):
        np.testing.assert_allclose(model.levels(code), band_levels(spectrum, RATE), atol=0.3)


def test_held_out_speakers_are_not_fitted(tmp_path: Path) -> None:
    """Every fourth speaker sounds like nobody else: the report has them, though the regression that is written knows
    them too."""
    codes, spectra, speakers = made_up(8)
    odd = set(sorted(set(speakers))[::4])
    strange = [spectrum * (-1.0 if who in odd else 1.0) for spectrum, who in zip(spectra, speakers, strict=True)]
    usual = fit_and_write(codes, spectra, speakers, tmp_path / "usual.json")
    assert fit_and_write(codes, strange, speakers, tmp_path / "strange.json")["error_db"] > 5.0 * usual["error_db"]
    assert (tmp_path / "usual.json").read_bytes() != (tmp_path / "strange.json").read_bytes()


def talk(pitch: float, brightness: float, seed: int) -> np.ndarray:
    """Six syllables of the vowels of one mouth, the high frequencies lifted or lowered."""
    rng = np.random.default_rng(seed)
    gate = np.sin(np.pi * np.arange(2400) / 2400) ** 0.5
    syllables = [vowel(pitch * 2 ** rng.normal(0, 0.1), 0.15, 2 ** rng.normal(0.1, 0.1), 0.05) for _ in range(6)]
    sound = np.concatenate([np.pad(one * gate, (0, 1600)) for one in syllables])
    return np.asarray(lfilter([1.0, brightness], [1.0], sound))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine speakers with two clips each, one of them with six; the higher, the brighter."""
    folder = tmp_path_factory.mktemp("people")
    lines: list[dict[str, str]] = []
    for number in range(9):
        for clip in range(6 if number == 0 else 2):
            name = f"{number}-{clip}.wav"
            soundfile.write(folder / name, talk(95.0 + 9.0 * number, 0.8 - 0.2 * number, 10 * number + clip), RATE)
            lines.append({"audio": name, "source": "librispeech", "speaker": f"s{number}"})
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE)
    lines.append({"audio": "silent.wav", "source": "librispeech", "speaker": "silent"})
    lines.append({"audio": "0-0.wav", "source": "esc10", "label": "rain"})
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    return folder


def test_recipe_end_to_end(data: Path, tmp_path: Path) -> None:
    told: list[str] = []
    report = train_timbre(data, tmp_path / "first.json", told.append)
    assert told[0].startswith("10 recordings of 9 speakers: ")  # five clips are one recording, the sixth another
    assert np.isfinite(list(report.values())).all() and report["error_of_mean_db"] > 1.0
    model = timbre_model(tmp_path / "first.json")
    bright, dull = (model.levels(code_of(talk(*one, seed=99))) for one in ((165.0, -0.7), (100.0, 0.7)))
    assert (bright - dull)[centres() > 4000].mean() > (bright - dull)[centres() < 500].mean() + 3.0
    train_timbre(data, tmp_path / "again.json", told.append)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()


def code_of(samples: np.ndarray) -> tuple[int, ...]:
    audio = Audio(samples.astype(np.float32), RATE)
    return quantize(measure_traits(audio, [Span(0, count_frames(audio.num_samples, RATE))]))


def test_what_is_wrong_is_said(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "timbre.json"
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        train_timbre(tmp_path, out)
    few = [
        line for line in (data / "manifest.jsonl").read_text("utf-8").splitlines() if '"s0"' in line or "rain" in line
    ]
    (tmp_path / "manifest.jsonl").write_text("\n".join(few).replace('"0-', f'"{data}/0-') + "\n", "utf-8")
    with pytest.raises(OptionsError, match="has 1 speakers with voiced speech: at least 8"):
        train_timbre(tmp_path, out)
    assert not out.exists()
