"""The Whisper recognizer with the models that users have, on real recordings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from backends.tiny_whisper import write_tiny_whisper

from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.backends.whisper import WhisperOptions, WhisperRecognizer
from hybrid_tok.bench.words import area, judge
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, ModelError, OptionsError
from real_audio import recording, transcript

RATE = 16_000
CLEAR = tuple(
    f"dev/librispeech/{name}.flac"
    for name in (
        *("1688-142285-0000", "1688-142285-0003", "1998-15444-0002"),
        *("1998-15444-0005", "2033-164914-0001", "2414-128291-0000"),
    )
)
HARD = tuple(
    f"dev/librispeech/{name}.flac"
    for name in ("1998-15444-0008", "2033-164914-0007", "2414-128291-0003", "2414-128291-0006", "2414-128291-0009")
)
MANDARIN = tuple(f"dev/aishell1/BAC009S0150W0{number}.flac" for number in ("060", "180"))
NOISE = Audio((0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32), RATE)

DETECTOR = SileroDetector()


def read(path: str) -> Audio:
    return read_mono(recording(path), RATE)[0]


def joined(paths: Sequence[str], silence: float) -> Audio:
    """Clips one after the other, with digital silence between."""
    pieces = [np.zeros(0, np.float32)]
    for path in paths:
        samples = read(path).samples
        pieces += [samples, np.zeros(round(silence * RATE) + -len(samples) % 320, np.float32)]
    return Audio(np.concatenate(pieces), RATE)


def recognize(recognizer: WhisperRecognizer, audio: Audio) -> tuple[Word, ...]:
    return recognizer.recognize(audio, DETECTOR.detect(audio))


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


@pytest.fixture(scope="module")
def base() -> WhisperRecognizer:
    return WhisperRecognizer()


@pytest.fixture(scope="module")
def heard(base: WhisperRecognizer) -> dict[str, tuple[Word, ...]]:
    """What base hears in clear and hard English clips."""
    return {path: recognize(base, read(path)) for path in CLEAR + HARD}


def test_english_is_recognized(heard: dict[str, tuple[Word, ...]]) -> None:
    judged = [judge(texts(heard[path]), transcript(path)) for path in CLEAR]
    assert sum(one.errors for one in judged) / sum(one.said for one in judged) < 0.2
    languages = [word.language for path in CLEAR for word in heard[path]]
    assert languages.count("en") > 0.85 * len(languages)
    assert texts(heard[CLEAR[1]])[0] == "I" and texts(heard[CLEAR[1]])[-1].endswith("."), "case and punctuation"


def test_confidences_tell_right_words_from_wrong_ones(heard: dict[str, tuple[Word, ...]]) -> None:
    right = [one for path, words in heard.items() for one in judge(texts(words), transcript(path)).right]
    confidences = [word.confidence for words in heard.values() for word in words]
    assert 10 < right.count(False) < 60
    assert area(np.array(confidences), np.array(right)) > 0.8


def test_mandarin_is_recognized_character_by_character(base: WhisperRecognizer) -> None:
    for path in MANDARIN:
        words = recognize(base, read(path))
        assert {word.language for word in words} == {"zh"}
        judged = judge(texts(words), transcript(path), "zh")
        assert judged.errors / judged.said < 0.4
        assert len(words) > judged.said / 2


def test_words_lie_where_they_are_said(base: WhisperRecognizer, heard: dict[str, tuple[Word, ...]]) -> None:
    """A clip in the middle of silence has its words there, at the same distances."""
    path = CLEAR[1]
    clip = read(path)
    late = Audio(np.concatenate([np.zeros(3 * RATE, np.float32), clip.samples, np.zeros(RATE, np.float32)]), RATE)
    moved = recognize(base, late)
    # CTranslate2's int8 arithmetic depends on the processor: a word may come out otherwise ("like", "liked").
    assert len(moved) == len(heard[path])
    assert sum(a != b for a, b in zip(texts(moved), texts(heard[path]), strict=True)) <= 1
    shifts = [word.span.start - before.span.start for word, before in zip(moved, heard[path], strict=True)]
    assert np.median(shifts) == 150 and max(abs(shift - 150) for shift in shifts) <= 5


@pytest.mark.parametrize("windows", ["segment", "packed"])
def test_the_same_words_whatever_runs_beside_and_before(base: WhisperRecognizer, windows: WindowRule) -> None:
    audio = joined((*CLEAR[1:3], *MANDARIN), silence=2.0)
    one = WhisperRecognizer(windows=windows, workers=1)
    two = WhisperRecognizer(windows=windows, workers=2)
    first = recognize(one, audio)
    assert {word.language for word in first} == {"en", "zh"}
    assert recognize(one, audio) == first
    recognize(two, read(CLEAR[0]))
    assert recognize(two, audio) == first
    assert (recognize(base, audio) == first) is (windows == "segment")


def test_parts_cut_at_a_silence_are_heard_like_the_whole(base: WhisperRecognizer) -> None:
    """A stream hears what a file does: each segment is recognized by itself."""
    paths = CLEAR[1:4]
    whole = joined(paths, silence=2.5)
    speech = DETECTOR.detect(whole)
    lengths = [(read(path).num_samples + 319) // 320 + 125 for path in paths]
    middles = [sum(lengths[: k + 1]) - 60 for k in range(len(paths) - 1)]
    together: list[tuple[str, int, int]] = []
    for start, end in pairwise([0, *middles, sum(lengths)]):
        part = Audio(whole.samples[320 * start : 320 * end], RATE)
        inside = [Span(span.start - start, span.end - start) for span in speech if start <= span.start < end]
        together += [
            (word.text, word.span.start + start, word.span.end + start) for word in base.recognize(part, inside)
        ]
    assert together == [(word.text, word.span.start, word.span.end) for word in base.recognize(whole, speech)]


@pytest.mark.parametrize("level", [0.0, 0.003, 0.05])
def test_silence_and_noise_give_no_words(base: WhisperRecognizer, level: float) -> None:
    samples = np.random.default_rng(0).normal(0.0, level, 20 * RATE).astype(np.float32)
    assert recognize(base, Audio(samples, RATE)) == ()
    imagined = base.recognize(Audio(samples, RATE), (Span(0, 1_000),))
    assert all(word.confidence < 0.5 for word in imagined), "where speech is claimed, its words are not believed"


def test_the_small_english_model(base: WhisperRecognizer) -> None:
    tiny = WhisperRecognizer("tiny.en")
    judged = [judge(texts(recognize(tiny, read(path))), transcript(path)) for path in CLEAR[:3]]
    assert sum(one.errors for one in judged) / sum(one.said for one in judged) < 0.25
    assert {word.language for word in recognize(tiny, read(MANDARIN[0]))} <= {"en"}
    assert tiny.fingerprint != base.fingerprint


def test_a_language_that_is_given_is_kept() -> None:
    german = WhisperRecognizer(language="de")
    assert {word.language for word in recognize(german, read(CLEAR[1]))} == {"de"}


@pytest.mark.parametrize(("model", "language", "message"), [("tiny.en", "de", "it has en$"), ("base", "yue", "en, zh")])
def test_a_language_that_the_model_lacks_is_refused(model: str, language: str, message: str) -> None:
    with pytest.raises(OptionsError, match=f"^Whisper {model} does not know the language '{language}'.*{message}"):
        WhisperRecognizer(model, language).recognize(NOISE, (Span(0, 50),))


def test_any_folder_with_a_whisper_model_will_do(tmp_path: Path) -> None:
    recognizer = WhisperRecognizer(str(write_tiny_whisper(tmp_path, seed=1)))
    words = recognizer.recognize(NOISE, (Span(10, 90),))
    assert words and all(set(word.text) <= set("abcdefg") for word in words)
    assert all(word.language == "en" for word in words)


def test_the_fingerprint_follows_weights_and_options(tmp_path: Path) -> None:
    found = [WhisperRecognizer(str(write_tiny_whisper(tmp_path, seed=seed))).fingerprint for seed in (1, 2)]
    found += [
        WhisperRecognizer(str(tmp_path), language="en").fingerprint,
        WhisperRecognizer(str(tmp_path), windows="packed").fingerprint,
        WhisperRecognizer(options=WhisperOptions(str(tmp_path), beam_size=1)).fingerprint,
    ]
    assert len(set(found)) == len(found)
    assert WhisperRecognizer(str(tmp_path), workers=7).fingerprint == found[1]


@pytest.mark.parametrize("model", ["no-such-size", "{folder}", "{folder}/file", "someone/no-such-model"])
def test_what_is_no_model_is_refused_in_one_line(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    (tmp_path / "file").write_text("no model")
    name = model.format(folder=tmp_path)
    with pytest.raises(ModelError) as caught:
        WhisperRecognizer(name).recognize(NOISE, (Span(0, 50),))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = write_tiny_whisper(tmp_path)
    data = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(data[: len(data) // 2])
    with pytest.raises(BackendError, match="holds no Whisper model that CTranslate2 loads") as caught:
        WhisperRecognizer(str(folder)).recognize(NOISE, (Span(0, 50),))
    assert "\n" not in str(caught.value)


def test_options_are_checked() -> None:
    for wrong in ({"model": ""}, {"beam_size": 0}, {"language": "xx"}):
        with pytest.raises(OptionsError):
            WhisperOptions(**wrong)
    with pytest.raises(OptionsError, match="it is 'zh' here"):
        WhisperRecognizer(language="Chinese")
