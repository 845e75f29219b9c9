"""Known text over real and unreal audio."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import numpy as np
import pytest

from hybrid_tok.align.aligner import AlignerOptions, BuiltinAligner
from hybrid_tok.audio import read_mono
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationWarning, BackendError, OptionsError
from real_audio import recording

RATE = 16_000


@pytest.fixture(scope="module")
def aligner() -> BuiltinAligner:
    return BuiltinAligner()


@pytest.fixture(scope="module")
def utterances() -> list[tuple[Audio, str]]:
    """Two sentences of LJSpeech with their texts."""
    manifest = recording("dev/manifest.jsonl")
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    chosen = [line for line in lines if line["source"] == "ljspeech"][:2]
    return [(read_mono(manifest.parent / line["audio"], RATE)[0], line["text"]) for line in chosen]


def test_every_word_comes_back_in_order_as_written(
    aligner: BuiltinAligner, utterances: list[tuple[Audio, str]]
) -> None:
    audio, text = utterances[0]
    words = aligner.align(audio, [Segment(text)], ())
    assert " ".join(word.text for word in words) == " ".join(text.split())
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))
    assert words[-1].span.end <= -(-audio.num_samples // 320)
    assert np.mean([word.confidence > 0.5 for word in words]) > 0.75
    assert words == aligner.align(audio, [Segment(text)], ())


def test_two_sentences_in_a_row_are_found_each_in_its_place(
    aligner: BuiltinAligner, utterances: list[tuple[Audio, str]]
) -> None:
    (first, text), (second, other) = utterances
    joined = Audio(np.concatenate([first.samples, second.samples]), RATE)
    border = first.num_samples // 320
    words = aligner.align(joined, [Segment(f"{text} {other}")], ())
    count = len(text.split())
    inside = [word.span.end <= border + 10 for word in words[:count]]
    inside += [word.span.start >= border - 10 for word in words[count:]]
    assert np.mean(inside) > 0.95
    timed = aligner.align(
        joined, [Segment(text, Span(0, border)), Segment(other, Span(border, len(joined.samples) // 320))], ()
    )
    assert [word.text for word in timed] == [word.text for word in words]


def test_what_was_not_said_is_marked_and_not_stretched(
    aligner: BuiltinAligner, utterances: list[tuple[Audio, str]]
) -> None:
    audio, text = utterances[0]
    tokens = text.split()
    middle = len(tokens) // 2
    ghost = ["Constantinople", "hippopotamuses"]
    words = aligner.align(audio, [Segment(" ".join([*tokens[:middle], *ghost, *tokens[middle:]]))], ())
    unsaid = words[middle : middle + 2]
    assert [word.text for word in unsaid] == ghost
    assert all(word.confidence < 0.1 for word in unsaid)


def test_another_recordings_text_is_warned_about(aligner: BuiltinAligner, utterances: list[tuple[Audio, str]]) -> None:
    with pytest.warns(AnnotationWarning, match=r"b\.txt does not seem to be what is said"):
        words = aligner.align(utterances[0][0], [Segment(utterances[1][1], source="b.txt")], ())
    assert " ".join(word.text for word in words) == " ".join(utterances[1][1].split())
    assert max(word.confidence for word in words) < 0.1


@pytest.mark.parametrize("text", ["...", "\u4f60\u597d \u4e16\u754c", "xqzt vrrgh", "a", "word " * 60])
def test_nothing_is_dropped_whatever_the_text(aligner: BuiltinAligner, text: str) -> None:
    quiet = Audio(np.zeros(RATE, np.float32), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnnotationWarning)
        words = aligner.align(quiet, [Segment(text)], ())
    assert " ".join(word.text for word in words) == " ".join(text.split())
    assert all(0 <= word.span.start < word.span.end <= 50 for word in words)
    assert all(word.confidence < 0.1 for word in words)


def test_an_empty_recording_is_warned_about(aligner: BuiltinAligner) -> None:
    with pytest.warns(AnnotationWarning, match="empty recording"):
        assert aligner.align(Audio(np.zeros(0, np.float32), RATE), [Segment("hello")], ()) == ()


def test_other_rates_and_options_are_refused(aligner: BuiltinAligner) -> None:
    with pytest.raises(BackendError, match="8000"):
        aligner.align(Audio(np.zeros(10, np.float32), 8000), [Segment("hello")], ())
    with pytest.raises(OptionsError):
        AlignerOptions(skip=-1.0)
