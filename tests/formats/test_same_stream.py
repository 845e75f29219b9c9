"""What is written of a recording gives the same stream when it is read back, as far as the format holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok import Audio, HybridTokenizer, KnownAnnotations
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.formats import FORMATS, UNSTATED, write_annotations
from hybrid_tok.formats.annotation_files import AnnotationFiles

WORDS = (
    Word("so", Span(2, 12), 0.9, 0),
    Word("funny", Span(12, 34), 1 / 3, 0),
    Word("and", Span(30, 42), 0.95, 1),  # while the first speaks
    Word("you", Span(46, 46), 0.8, 1),
)
GIVEN = KnownAnnotations(
    words=WORDS,
    events=(Event("laugh", Span(50, 68), 0.875),),
    turns=(SpeakerTurn(0, Span(0, 36)), SpeakerTurn(1, Span(29, 48))),
)


@pytest.fixture(scope="module")
def audio() -> Audio:
    """1.4 s of a hum that comes and goes, with a partial last frame."""
    time = np.arange(22_500) / 16_000
    return Audio((0.2 * np.sin(2 * np.pi * 180 * time) * np.sin(7 * time) ** 2).astype(np.float32), 16_000)


@pytest.fixture(scope="module")
def tokenizer() -> Iterator[HybridTokenizer]:
    with HybridTokenizer.from_preset("default") as made:
        yield made


@pytest.fixture(scope="module")
def heard(tokenizer: HybridTokenizer, audio: Audio) -> Annotations:
    return tokenizer.annotate(audio, annotations=GIVEN)


@pytest.mark.parametrize(
    ("words", "speakers", "events"),
    [("json", "json", "json"), ("textgrid", "textgrid", "textgrid"), ("ctm", "rttm", "audacity")],
)
def test_the_stream_is_the_same(
    tmp_path: Path,
    tokenizer: HybridTokenizer,
    audio: Audio,
    heard: Annotations,
    words: str,
    speakers: str,
    events: str,
) -> None:
    names = (words, speakers, events)
    paths = write_annotations(heard, tmp_path, "talk", list(dict.fromkeys(names)), audio.seconds)
    files = dict(zip(dict.fromkeys(names), paths, strict=True))
    known = AnnotationFiles(words=files[words], speakers=files[speakers], events=files[events])
    again = tokenizer.analyze(audio, annotations=known)
    assert (again.annotations.words, again.annotations.turns) == (heard.words, heard.turns)
    assert again.annotations.events == heard.events
    assert list(again.ids) == tokenizer.encode(audio, annotations=heard)


def test_subtitles_hold_words_and_times_but_no_confidences(
    tmp_path: Path, tokenizer: HybridTokenizer, audio: Audio, heard: Annotations
) -> None:
    alone = replace(heard, words=tuple(replace(word, speaker=0) for word in WORDS[:2]), turns=(), events=heard.events)
    path = write_annotations(alone, tmp_path, "talk", ["vtt"], audio.seconds)[0]
    with pytest.warns(UserWarning, match="is a note, not a word"):
        again = tokenizer.annotate(audio, annotations=AnnotationFiles(words=path, events=path))
    assert again.words == tuple(replace(word, confidence=UNSTATED) for word in alone.words)
    assert again.events == (replace(heard.events[0], confidence=1.0),)
    assert FORMATS["vtt"].holds == () and FORMATS["srt"].holds == ()
