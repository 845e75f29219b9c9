"""Recordings as text and units at once: random ones, and a small one for goldens and pictures."""

from __future__ import annotations

from hypothesis import strategies as st

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span, merge_spans
from hybrid_tok.lm.layouts import AlignedSpeech
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabulary

CODES = 3
"""Few, so that frames repeat often."""


def options(num_codebooks: int = 2, **chosen: object) -> VocabularyOptions:
    """A small vocabulary."""
    sizes: dict[str, object] = {"codec": "test", "codebook_size": CODES, "max_speakers": 3}
    return VocabularyOptions(**{**sizes, "num_codebooks": num_codebooks, **chosen})  # pyright: ignore[reportArgumentType]


@st.composite
def aligned_speech(draw: st.DrawFn, num_codebooks: int = 2) -> AlignedSpeech:
    """Words, events, turns and activity anywhere, overlapping as they like."""
    frames = draw(st.integers(0, 60))
    unit = st.integers(0, CODES - 1)
    units = draw(st.lists(st.tuples(*[unit] * num_codebooks), min_size=frames, max_size=frames))
    places = st.tuples(st.integers(0, max(frames - 1, 0)), st.integers(0, 20)).map(lambda t: Span(t[0], t[0] + t[1]))
    speakers = st.none() | st.integers(0, 2)
    languages = st.sampled_from([None, "en", "zh"])
    texts = st.sampled_from(
        ["so", "funny", "antidisestablishmentarianism", "New York", "你好", "um", "🙂🙂🙂", "<|pad|>"]
    )
    words = st.builds(Word, texts, places, st.just(1.0), speakers, languages)
    events = st.builds(Event, st.sampled_from(["laugh", "breath"]), places, st.just(1.0))
    turns = st.builds(SpeakerTurn, st.integers(0, 2), places)
    most = 6 if frames else 0
    return AlignedSpeech(
        Annotations(
            frames=frames,
            active=tuple(merge_spans(draw(st.lists(places, max_size=3)))),
            words=tuple(sorted(draw(st.lists(words, max_size=most)), key=lambda word: word.span)),
            events=tuple(sorted(draw(st.lists(events, max_size=most // 2)), key=lambda event: event.span)),
            turns=tuple(sorted(draw(st.lists(turns, max_size=most // 2)), key=lambda turn: turn.span)),
        ),
        tuple(units),
        draw(st.integers(0, 319)) if frames else 0,
    )


def sample() -> tuple[Vocabulary, AlignedSpeech]:
    """A third of a second: "so funny", a laugh, "ja" of a second speaker; two codebooks, in which silence repeats."""
    words = (
        Word("so", Span(1, 3), 0.99, 0, "en"),
        Word("funny", Span(3, 6), 0.99, 0, "en"),
        Word("ja", Span(13, 15), 0.99, 1, "de"),
    )
    annotations = Annotations(
        16, (Span(1, 15),), (Span(1, 15),), words, (Event("laugh", Span(7, 12), 0.9),), (SpeakerTurn(0, Span(0, 12)),)
    )
    silent = (0, 6, 12, 15)
    units = tuple((0, 0) if frame in silent else (1 + frame % 7, frame * 5 % 8) for frame in range(16))
    return vocabulary(VocabularyOptions("test", 8)), AlignedSpeech(annotations, units, 100)
