"""What is measured of recognized words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from confidence.heard import heard, sentence
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.confidence.features import FEATURES, HeardWord, word_features
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.timeline import Span

SPEECH = (Span(0, 400),)


def feature(
    name: str,
    words: Sequence[HeardWord],
    speech: Sequence[Span] = SPEECH,
    events: Sequence[Event] = (),
) -> list[float]:
    return word_features(words, speech, events)[:, FEATURES.index(name)].tolist()


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[HeardWord], list[Span], list[Event]]:
    """Words with odd texts and probabilities, of no length and after the end of the recording; speech and events
    anywhere."""
    words: list[HeardWord] = []
    cursor = 0
    for window in range(draw(st.integers(0, 3))):
        no_speech, compression = draw(st.floats(0, 1)), draw(st.floats(0, 20))
        language = draw(st.sampled_from(["en", "zh", "ja"]))
        for _ in range(draw(st.integers(1, 6))):
            cursor += draw(st.integers(0, 90))
            end = cursor + draw(st.integers(0, 200))
            text = draw(st.text(max_size=6) | st.sampled_from(["...", "42", "a" * 400, "你"]))
            probabilities = draw(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=4))
            words.append(
                heard(
                    text,
                    cursor,
                    end,
                    *probabilities,
                    agreement=draw(st.floats(0, 1)),
                    window=Span(2_000 * window, 2_000 * (window + 1)),
                    no_speech=no_speech,
                    compression=compression,
                    language=language,
                )
            )
            cursor = end
    spans = st.tuples(st.integers(0, 400), st.integers(1, 100)).map(lambda pair: Span(pair[0], sum(pair)))
    events = st.builds(Event, st.sampled_from(EVENT_LABELS), spans, st.floats(0, 1))
    return words, draw(st.lists(spans, max_size=4)), draw(st.lists(events, max_size=4))


@given(recording=recordings())
def test_features_are_finite_whatever_is_heard(recording: tuple[list[HeardWord], list[Span], list[Event]]) -> None:
    words, speech, events = recording
    found = word_features(words, speech, events)
    assert found.shape == (len(words), len(FEATURES))
    assert np.isfinite(found).all(), [FEATURES[k] for k in np.flatnonzero(~np.isfinite(found).all(axis=0))]


def test_names_are_those_of_the_columns() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    words = [heard("so", 0, 10, 0.5, 0.25), heard("funny", 60, 75, 0.125)]
    log = np.log
    odds = lambda one: log(one / (1 - one))  # noqa: E731
    assert feature("mean", words) == pytest.approx([odds(0.125**0.5), odds(0.125)])
    assert feature("lowest", words) == pytest.approx([odds(0.25), odds(0.125)])
    assert feature("before", words) == pytest.approx([log(0.125) / 2, log(0.125) / 2])
    assert feature("after", words) == pytest.approx([log(0.125), log(0.125)])
    assert feature("doubtful_share", words) == [1.0, 1.0]
    assert feature("window_words", words) == pytest.approx([log(2), log(2)])


def test_windows_are_judged_by_themselves() -> None:
    first = sentence(["so", "so", "so", "funny"], window=Span(0, 100))
    second = [
        heard(word.text, word.span.start + 100, word.span.end + 100, 0.2, window=Span(100, 300)) for word in first
    ]
    together = word_features([*first, *second], SPEECH, ())
    np.testing.assert_array_equal(together[:4], word_features(first, SPEECH, ()))


def test_events_count_where_they_are_and_for_what_they_are() -> None:
    words = [heard("ha", 100, 120), heard("ha", 120, 140), heard("well", 300, 320)]
    laugh, cough = Event("laugh", Span(90, 130), 0.8), Event("cough", Span(100, 120), 0.5)
    assert feature("voiced_event", words, events=[laugh, cough]) == pytest.approx([0.8, 0.4, 0.0])
    assert feature("breath_event", words, events=[laugh, cough]) == pytest.approx([0.5, 0.0, 0.0])
    assert feature("voiced_event_near", words, events=[laugh]) == pytest.approx([0.8, 0.8, 0.0])


def test_speech_and_length() -> None:
    words = [heard("one", 0, 20), heard("two", 40, 60), heard("hippopotamus", 60, 64)]
    assert feature("speech", words, [Span(0, 30), Span(50, 60)]) == [1.0, 0.5, 0.0]
    assert feature("speech_seconds", words, [Span(0, 30), Span(50, 60)]) == pytest.approx(np.log([0.7, 0.3, 0.1]))
    off = feature("length_off", words)
    assert off[2] > 2 > off[0], "a long word of 80 ms"


def test_what_repeats_itself() -> None:
    words = sentence(["thank", "you", "very", "much", "thank", "you", "very", "much"])
    assert feature("repeats", words) == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert feature("phrase_repeats", words) == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert feature("repeats", sentence(["thank", "you"])) == [0.0, 0.0]
