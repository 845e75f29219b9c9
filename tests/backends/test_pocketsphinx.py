"""The pocketsphinx recognizer, on real speech where there is some."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.annotations import Word
from hybrid_tok.audio import Audio, read_mono
from hybrid_tok.backends.pieces import PieceOptions
from hybrid_tok.backends.pocketsphinx import PocketsphinxOptions, PocketsphinxRecognizer, words_of
from hybrid_tok.backends.pocketsphinx_listener import PocketsphinxListener
from hybrid_tok.bench.words import area, judge
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.timeline import Span
from real_audio import recording


@pytest.fixture(scope="module")
def reader() -> tuple[Audio, str]:
    """Three seconds and more of a read sentence, with what was read."""
    manifest = recording("dev/manifest.jsonl").read_text(encoding="utf-8").splitlines()
    clips = [clip for clip in map(json.loads, manifest) if clip["source"] == "ljspeech" and clip["seconds"] > 2.5]
    shortest = min(clips, key=lambda clip: clip["seconds"])
    return read_mono(recording(f"dev/{shortest['audio']}"))[0], shortest["text"]


@pytest.fixture(scope="module")
def recognizer() -> Iterator[PocketsphinxRecognizer]:
    recognizer = PocketsphinxRecognizer(PocketsphinxOptions(processes=2))
    yield recognizer
    recognizer.close()


def test_answers_to_words() -> None:
    answers = [("the", 10, 19, 0.5), ("cat", 19, 41, 0.25), ("o'clock", 70, 100, 0.75)]
    assert words_of(answers, Span(100, 160)) == [
        Word("the", Span(105, 110), 0.5),
        Word("cat", Span(110, 121), 0.25),
        Word("o'clock", Span(135, 150), 0.75),
    ]


def test_the_second_look_hears_no_worse_than_the_first(reader: tuple[Audio, str]) -> None:
    audio, text = reader
    listener = PocketsphinxListener(PocketsphinxOptions().gain)
    heard = listener.hear(audio.samples)
    said = {word.strip(".,;:").lower() for word in text.split()}
    first = [word for word, *_ in PocketsphinxListener(PocketsphinxOptions().gain).first_pass(audio.samples)]
    assert sum(word.text in said for word in heard.words) >= sum(word in said for word in first) - 1
    assert all(a.end <= b.start for a, b in pairwise(heard.words))
    assert all(0 <= word.posterior <= 1 and 0 <= word.rival <= 1 for word in heard.words)
    judged = listener.to_judge(heard.words)
    assert all(word.phones for word in judged)


def test_confidence_tells_right_from_wrong(recognizer: PocketsphinxRecognizer) -> None:
    manifest = recording("dev/manifest.jsonl")
    clips = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    probability: list[float] = []
    right: list[bool] = []
    for clip in [clip for clip in clips if clip["source"] in ("ljspeech", "librispeech")][::6]:
        audio, _ = read_mono(manifest.parent / clip["audio"])
        words = recognizer.recognize(audio, (Span(0, audio.num_samples // 320),))
        judged, _, _ = judge(words, clip["text"])
        probability += [word.confidence for word in words]
        right += [judged[word] for word in words]
    assert area(np.array(probability), np.array(right)) > 0.75


def test_reads_words_off_real_speech(recognizer: PocketsphinxRecognizer, reader: tuple[Audio, str]) -> None:
    audio, text = reader
    words = recognizer.recognize(audio, (Span(0, audio.num_samples // 320),))
    said = {word.strip(".,;:").lower() for word in text.split()}
    right = [word for word in words if word.text in said]
    assert len(right) >= len(words) / 2 >= 1


def test_processes_and_neighbours_change_nothing(recognizer: PocketsphinxRecognizer, reader: tuple[Audio, str]) -> None:
    """Regression: one decoder used for several utterances gave other words for the later ones."""
    audio, _ = reader
    frames = 75  # a second and a half
    twice = Audio(np.concatenate([audio.samples[: frames * 320]] * 2), 16_000)
    options = PocketsphinxOptions(processes=1, pieces=PieceOptions(padding=0.0, silence=0.02))
    single = PocketsphinxRecognizer(options)
    spans = (Span(0, frames - 2), Span(frames, 2 * frames - 2))
    try:
        words = single.recognize(twice, spans)
        first = [word for word in words if word.span.start < frames]
        second = [word for word in words if word.span.start >= frames]
        shifted = [Word(w.text, Span(w.span.start - frames, w.span.end - frames), w.confidence) for w in second]
        assert shifted == first
        double = PocketsphinxRecognizer(PocketsphinxOptions(processes=2, pieces=options.pieces))
        assert double.recognize(twice, spans) == words
        double.close()
    finally:
        single.close()


def test_a_process_that_dies_names_the_piece(recognizer: PocketsphinxRecognizer) -> None:
    noise = Audio((0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32), 16_000)
    recognizer.recognize(noise, (Span(0, 10),))
    for worker in recognizer._pool._workers:
        if worker.pid is not None:
            os.kill(worker.pid, 9)
    with pytest.raises(BackendError, match=r"pocketsphinx worker died on 0\.00-\d\.\d\d s"):
        recognizer.recognize(noise, (Span(0, 50), Span(80, 100)))
    recognizer.recognize(noise, (Span(0, 10),))


def test_options_are_checked() -> None:
    for wrong in ({"gain": 0.0}, {"processes": -1}):
        with pytest.raises(OptionsError):
            PocketsphinxOptions(**wrong)


def test_worker_module_is_beside_its_backend() -> None:
    import hybrid_tok.backends.pocketsphinx as backend

    assert Path(backend.__file__).with_name("pocketsphinx_worker.py").exists()
