"""Every word that a file gives is in the stream as text, or in a run of units whose reason names it."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import FakeCodec
from hybrid_tok import formats
from hybrid_tok.core.annotations import Annotations, Event, KnownAnnotations, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.annotate import Annotator
from hybrid_tok.encode.assemble import AssembleOptions, assemble
from hybrid_tok.encode.gate import Decision, GateOptions, gate
from hybrid_tok.encode.pipeline import Encoder
from hybrid_tok.errors import AnnotationError, AnnotationWarning
from hybrid_tok.tokens.stream import TextItem

FRAMES = 150
LINES = st.lists(
    st.tuples(
        st.sampled_from(["1", "A", "B"]),
        st.sampled_from([-0.5, 0.0, 0.01, 0.3, 0.31, 1.0, 2.5, 2.98, 3.0, 3.5, 100.0]) | st.floats(0, 3),
        st.sampled_from([0.0, 0.001, 0.02, 0.3, 2.0, 50.0]),
        st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    ),
    min_size=1,
    max_size=12,
)
EVENTS = st.lists(
    st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 60), st.sampled_from([0.3, 0.7, 1.0])), max_size=3
)


def written(decisions: tuple[Decision, ...]) -> Counter[str]:
    """The words of a recording, as text or named where they are units."""
    words: Counter[str] = Counter()
    for decision in decisions:
        words.update(word.text for word in (*decision.words, *decision.under))
        if decision.kind != "text":
            assert not decision.words or decision.kind in ("units", "event")
            assert all(f"{word.text}" in decision.reason for word in (*decision.words, *decision.under))
    return words


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, EVENTS, st.sampled_from([0.0, 0.014, 1.0, math.inf]), st.sampled_from(["hybrid", "text", "units"]))
def test_every_given_word_is_text_or_named(
    tmp_path: Path,
    lines: list[tuple[str, float, float, float]],
    events: list[tuple[int, int, float]],
    rate_weight: float,
    layout: str,
) -> None:
    path = tmp_path / "talk.ctm"
    path.write_text(
        "".join(f"talk {who} {start:.3f} {length} w{n}. {p}\n" for n, (who, start, length, p) in enumerate(lines))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnnotationWarning)
        try:
            heard = formats.read_words(path, FRAMES)
        except AnnotationError as error:  # all of it lies behind the end
            assert "give the file of this recording" in str(error) and all(start >= 3.0 for _, start, _, _ in lines)
            return
    assert heard.words is not None
    expected = Counter(f"w{n}." for n in range(len(lines)))
    assert Counter(word.text for word in heard.words) == expected
    annotations = Annotations(
        frames=FRAMES,
        active=(Span(0, FRAMES),),
        words=heard.words,
        events=tuple(Event("laugh", Span(a, min(a + n, FRAMES)), p) for a, n, p in sorted(events)),
        turns=heard.turns or (),
    )
    options = GateOptions(rate_weight=rate_weight, layout=layout, num_codebooks=2)  # pyright: ignore[reportArgumentType]
    decisions = gate(annotations, options)
    assert written(decisions) == expected
    audio = Audio(np.zeros(FRAMES * 320, np.float32), 16_000)
    stream = assemble(decisions, audio, FakeCodec, AssembleOptions(layout=layout, num_codebooks=2))  # pyright: ignore[reportArgumentType]
    spoken = [
        word
        for channel in stream.channels
        for turn in channel.turns
        for item in turn.items
        if isinstance(item, TextItem)
        for word in item.text.split()
    ]
    as_text = (word for decision in decisions if decision.kind == "text" for word in (*decision.words, *decision.under))
    assert Counter(spoken) == Counter(word.text for word in as_text)


def test_the_units_layout_names_the_words_it_was_given() -> None:
    def nobody(*_: object) -> Any:
        raise AssertionError("nobody listens in the units layout")

    annotator = Annotator(nobody, nobody, nobody)  # pyright: ignore[reportArgumentType]
    encoder = Encoder(
        annotator,
        FakeCodec,
        lambda word: 1,
        nobody,
        GateOptions(layout="units", num_codebooks=4),
        AssembleOptions(layout="units"),
    )
    words = (Word("hello", Span(2, 10), 0.9), Word("there", Span(10, 20), 0.9))
    encoding = encoder.encode(Recording.of(Audio(np.zeros(16_000, np.float32), 16_000), KnownAnnotations(words=words)))
    assert [decision.words for decision in encoding.decisions] == [words]
    assert "hello there" in encoding.decisions[0].reason


@pytest.mark.parametrize("word", ["sil", "sp", "#", "<p>"])
def test_a_word_that_looks_like_an_aligners_silence_is_kept_beside_its_confidence(tmp_path: Path, word: str) -> None:
    said = Annotations(frames=FRAMES, words=(Word(word, Span(2, 10), 0.5), Word("then", Span(10, 20), 0.5)))
    path = formats.write_annotations(said, tmp_path, "talk", ["textgrid"], 3.0)[0]
    assert formats.read_words(path, FRAMES).words == said.words
