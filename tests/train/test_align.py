"""The aligner's recipes, each from clips or words to a model that the package loads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from backends.tiny_whisper import write_tiny_whisper

from hybrid_tok.align.confidence import AlignedConfidence
from hybrid_tok.align.phones import PHONE_WEIGHTS, PHONES, SILENCE, PhoneModel
from hybrid_tok.align.pronounce import spelling_model
from hybrid_tok.align.word_features import FEATURES
from hybrid_tok.audio import read_mono, resample
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.core.utterance import Utterance
from hybrid_tok.errors import OptionsError
from hybrid_tok.train.align import confidence, phones, pronounce
from hybrid_tok.train.align.aligned_words import JudgedWords, disturb, edit
from hybrid_tok.train.align.confidence import TrainAlignedConfidenceOptions
from hybrid_tok.train.align.dictionary import pack_dictionary, parse_dictionary
from hybrid_tok.train.align.phone_labels import UNKNOWN, PhoneLabeller
from hybrid_tok.train.align.phone_network import PhoneNetworkConfig
from hybrid_tok.train.align.phones import TrainPhonesOptions
from hybrid_tok.train.align.pronounce import TrainPronounceOptions

TEXTS = ("the quick brown fox jumps", "over the lazy dog", "she sells sea shells", "a gentle breeze moved")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of four speakers, a noise, and a clip without a text."""
    folder = tmp_path_factory.mktemp("data")
    synthesizer = EspeakSynthesizer()
    lines: list[dict[str, str]] = []
    for number, text in enumerate([*TEXTS, "nothing is known of this"]):
        speech = resample(synthesizer.synthesize(Utterance.of(text.split())).audio, 16_000)
        soundfile.write(folder / f"{number}.wav", speech.samples, 16_000)
        lines.append({"audio": f"{number}.wav", "source": "speechocean762", "speaker": f"s{number}", "text": text})
    synthesizer.close()
    lines[-1] = {"audio": f"{len(TEXTS)}.wav", "source": "librispeech", "speaker": "other"}
    noise = 0.05 * np.random.default_rng(0).standard_normal(32_000)
    soundfile.write(folder / "noise.wav", noise, 16_000)
    lines.append({"audio": "noise.wav", "source": "esc10", "label": "rain"})
    (folder / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return folder


def test_labels_are_the_phones_where_they_are_said(data: Path) -> None:
    samples = read_mono(data / "1.wav")[0].samples
    labels = PhoneLabeller(PHONE_WEIGHTS).labels(samples, "over the lazy dog", 0.0)
    assert labels is not None and len(labels) == -(-len(samples) // 160)
    spoken = labels[np.diff(labels.astype(int), prepend=-1) != 0]
    said = [PHONES[label] for label in spoken if label not in (SILENCE, UNKNOWN)]
    assert " ".join(said).startswith("OW V ER DH") and said[-3] == "D" and said[-1] == "G"
    doubted = PhoneLabeller(PHONE_WEIGHTS).labels(samples, "over the lazy dog", 1.0)
    assert doubted is not None and set(doubted.tolist()) <= {SILENCE, UNKNOWN}
    for audio, text in ((samples, " "), (np.zeros(16_000, np.float32), "over"), (np.zeros(0, np.float32), "over")):
        assert PhoneLabeller(PHONE_WEIGHTS).labels(audio, text, 0.0) is None


def test_the_phone_recipe_writes_a_network_that_listens(data: Path, tmp_path: Path) -> None:
    options = TrainPhonesOptions(
        data=data,
        out=tmp_path / "out",
        recognizer=str(write_tiny_whisper(tmp_path, seed=1)),
        steps=4,
        batch=2,
        frames=100,
        self_training_from=0.5,
        hold_out=4,
        model=PhoneNetworkConfig(width=8, dilations=(1, 2)),
    )
    model = PhoneModel(phones.train(options))
    assert model.log_posteriors(np.zeros(16_000, np.float32)).shape == (100, len(PHONES))
    labels = PhoneLabeller(options.out / "phones.safetensors").labels(np.zeros(16_000, np.float32), "one", 0.0)
    assert labels is not None and len(labels) == 100


def test_clips_of_other_kinds_only_are_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"audio": "a.wav", "source": "elsewhere"}), "utf-8")
    with pytest.raises(OptionsError, match="has no clips of speechocean762"):
        phones.train(TrainPhonesOptions(data=tmp_path, out=tmp_path / "out", steps=1))
    with pytest.raises(OptionsError, match="no transcribed clips"):
        confidence.train(TrainAlignedConfidenceOptions(data=tmp_path, out=tmp_path / "out"))
    with pytest.raises(OptionsError, match="2 speakers"):
        confidence.train(TrainAlignedConfidenceOptions(data=data, out=tmp_path / "out", hold_out=2))


def test_the_confidence_recipe_writes_a_model_that_judges(data: Path, tmp_path: Path) -> None:
    options = TrainAlignedConfidenceOptions(
        data=data, out=tmp_path, tune=data, hold_out=1, folds=2, width=3, steps=20, noisy=0.5, edited=0.5
    )
    model = AlignedConfidence(confidence.train(options))
    assert model.fits(PhoneModel())
    probabilities = model.probabilities(np.zeros((2, len(FEATURES)), np.float32))
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_confidence_fits_what_can_be_known() -> None:
    options = TrainAlignedConfidenceOptions(data=Path("data"), out=Path("out"), folds=3, width=4, steps=60)
    rng = np.random.default_rng(3)
    features = rng.normal(size=(1500, len(FEATURES))).astype(np.float32)
    right = rng.random(1500) < 1 / (1 + np.exp(-2 * features[:, 0]))
    words = JudgedWords(features, right, rng.integers(0, 9, 1500))
    arrays, measured = confidence.fit(words, options)
    assert measured["area"] > 0.65
    assert arrays["hidden.weight"].shape == (3, len(FEATURES), 4)
    again, _ = confidence.fit(words, options)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)


def test_calibration_finds_the_slope_that_was_lost() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))
    assert confidence.calibrate(logits, right) == pytest.approx((0.5, -1.0), abs=0.06)


def test_edits_are_of_every_kind_and_known() -> None:
    rng = np.random.default_rng(0)
    text = [f"w{k}" for k in range(600)]
    words, right = edit(text, ["x", "y"], 0.3, rng)
    assert [word for word, said in zip(words, right, strict=True) if said] == sorted(
        (word for word in words if word not in ("x", "y")), key=lambda word: int(word[1:])
    )
    assert 80 < right.count(False) < 160  # a fifth: replaced or put in
    assert 80 < 600 - right.count(True) < 160  # a fifth: replaced or left out
    assert edit(text, ["x"], 0.0, rng) == (text, [True] * 600)
    assert all(edit(["alone"], ["x"], 0.99, np.random.default_rng(seed))[0] for seed in range(50))


def test_noise_is_added_at_the_level_drawn() -> None:
    rng = np.random.default_rng(1)
    samples = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    under = disturb(samples, (0.5 * rng.standard_normal(5_000)).astype(np.float32), rng) - samples
    assert 4.5 < 10 * np.log10(np.mean(samples**2) / np.mean(under**2)) < 25.5


def test_the_pronunciation_recipe_learns_a_dictionary(tmp_path: Path) -> None:
    source = tmp_path / "tiny.dict"
    source.write_text(";;; comment\n" + "".join(f"{'ab'[k % 2]}{'tn'[k // 2]} AH0 T\n" for k in range(4)), "utf-8")
    with source.open("a", encoding="utf-8") as file:
        file.writelines(f"{'ta' * k} T AA1 # spoken fast\n{'ta' * k}(2) T AH0\n" for k in range(2, 40))
    (tmp_path / "LICENSE").write_text("as is", "utf-8")
    options = TrainPronounceOptions(out=tmp_path / "out", dictionary=source, epochs=2, batch=8, width=8, layers=1)
    weights = pronounce.train(options)
    assert spelling_model(weights).pronounce("tata") is not None
    packed = (tmp_path / "out" / "cmudict.gz").read_bytes()
    assert packed == pack_dictionary(parse_dictionary(source), ["as is"])
    about = json.loads(weights.with_suffix(".json").read_text("utf-8"))
    assert about["dictionary"] == hashlib.sha256(packed).hexdigest()
    assert about["words"] > 70 and about["held_out"] == 1


def test_dictionaries_of_another_format_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "wrong.dict"
    source.write_text("one W AH1 N\ntwo T OO\n", "utf-8")
    with pytest.raises(OptionsError, match=r"wrong\.dict, line 2: .*no phone 'OO'"):
        parse_dictionary(source)
    with pytest.raises(OptionsError, match="cannot be read"):
        parse_dictionary(tmp_path / "none.dict")


def test_options_are_checked() -> None:
    for wrong in ({"folds": 1}, {"hold_out": 0}, {"edited": 1.0}, {"noisy": -0.1}):
        with pytest.raises(OptionsError):
            TrainAlignedConfidenceOptions(data=Path("data"), out=Path("out"), **wrong)
