from __future__ import annotations

import numpy as np
import pytest

from fakes import FakeSynthesizer
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Speech
from hybrid_tok.core.timeline import Span
from hybrid_tok.decode.level import active_level
from hybrid_tok.decode.plan import TextPart, TextSegment
from hybrid_tok.decode.synthesize import Piece, place, speak, speak_freely
from hybrid_tok.errors import BackendError

RATE = 16_000
HOP = 320


def utterance(*parts: tuple[str, int, int]) -> TextSegment:
    return TextSegment(0, 0, tuple(TextPart(tuple(text.split()), Span(start, end)) for text, start, end in parts))


def render(segment: TextSegment, num_samples: int = 100_000, overhang: int = 80, rate: int = RATE) -> list[Piece]:
    speech = speak(segment.words, FakeSynthesizer(sample_rate=rate), RATE, -26.0)
    return list(place(segment, speech, num_samples, overhang))


def pitch_of(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 16))
    return float(np.argmax(spectrum)) * RATE / (1 << 16)


def level_of(samples: np.ndarray) -> float:
    level = active_level(frame_powers(samples, RATE))
    assert level is not None
    return level[0]


@pytest.mark.parametrize("frames", [1, 5, 20, 60, 200])
@pytest.mark.parametrize("text", ["hi", "extraordinary", "one two three"])
def test_a_run_fills_its_place_exactly(text: str, frames: int) -> None:
    (piece,) = render(utterance((text, 7, 7 + frames)))
    assert piece.start == 7 * HOP
    assert len(piece.samples) == frames * HOP + 160
    body = piece.samples[80:-80]
    assert np.sqrt(np.mean(body**2)) > 0.02, "no silence is left at its ends"
    assert np.sqrt(np.mean(body[:320] ** 2)) > 0.02 and np.sqrt(np.mean(body[-320:] ** 2)) > 0.02


def test_every_word_comes_to_its_place_at_its_pitch() -> None:
    words = (("first", 0, 10), ("second", 10, 50), ("third", 50, 70))
    (piece,) = render(utterance(*words))
    for word, start, end in words:
        middle = piece.samples[80 + start * HOP + 1000 : 80 + end * HOP - 1000]
        assert pitch_of(middle) == pytest.approx(FakeSynthesizer.pitch(word), rel=0.03)


def test_words_apart_are_pieces_of_one_utterance() -> None:
    segment = utterance(("one", 0, 20), ("two", 25, 40), ("three", 40, 60))
    synthesizer = FakeSynthesizer()
    pieces = list(place(segment, speak(segment.words, synthesizer, RATE, -26.0), 100_000, 0))
    assert synthesizer.spoken == [("one", "two", "three")]
    assert [(piece.start, len(piece.samples)) for piece in pieces] == [(0, 20 * HOP), (25 * HOP, 35 * HOP)]


def test_the_end_of_the_recording_cuts_the_place_not_the_word() -> None:
    (piece,) = render(utterance(("word", 10, 20)), num_samples=20 * HOP - 100)
    assert len(piece.samples) == 10 * HOP - 100 + 160
    assert render(utterance(("word", 10, 10))) == [], "no frames, no sound"


def test_loudness_is_the_level_asked_for() -> None:
    for amplitude in (0.001, 0.1, 0.9):
        speech = speak(("hello", "there"), FakeSynthesizer(amplitude=amplitude), RATE, -30.0)
        assert level_of(speech.audio.samples) == pytest.approx(-30.0, abs=0.5)


def test_another_rate_is_resampled_with_its_word_places() -> None:
    speech = speak(("hello", "there"), FakeSynthesizer(sample_rate=22_050), RATE, -26.0)
    reference = FakeSynthesizer().synthesize(("hello", "there"))
    assert speech.audio.sample_rate == RATE
    assert np.abs(np.subtract(speech.words, reference.words)).max() <= 1
    (piece,) = render(utterance(("hello", 0, 30)), rate=22_050)
    assert pitch_of(piece.samples) == pytest.approx(FakeSynthesizer.pitch("hello"), rel=0.03)


def test_free_speech_is_what_the_synthesizer_said_without_its_silence() -> None:
    speech = speak(("hello",), FakeSynthesizer(), RATE, -26.0)
    spoken = FakeSynthesizer().duration("hello")
    assert abs(len(speak_freely(speech, 80)) - spoken - 160) <= 160


class Odd(FakeSynthesizer):
    """Says what it is told to say."""

    def __init__(self, samples: np.ndarray, words: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.speech = Speech(Audio(samples.astype(np.float32), RATE), words)

    def synthesize(self, words: object) -> Speech:
        return self.speech


def test_words_without_sound_are_silent() -> None:
    for samples in (np.zeros(0), np.zeros(1000)):
        speech = speak(("...",), Odd(samples, ((0, len(samples)),)), RATE, -26.0)
        assert all(not piece.samples.any() for piece in place(utterance(("...", 0, 10)), speech, 100_000, 80))
    beep = 0.1 * np.sin(np.arange(3200) / 10)
    speech = speak(("one", "--", "two"), Odd(beep, ((0, 1600), (1600, 1600), (1600, 3200))), RATE, -26.0)
    pieces = list(place(utterance(("one", 0, 10), ("--", 10, 30), ("two", 30, 40)), speech, 100_000, 80))
    assert [piece.start for piece in pieces] == [0, 30 * HOP], "nothing is drawn out to fill the place of a dash"


def test_places_out_of_order_or_out_of_range_are_put_right() -> None:
    speech = speak(("a", "b", "c"), Odd(np.ones(1000) * 0.1, ((-5, 600), (500, 400), (900, 2000))), RATE, -26.0)
    assert speech.words == ((0, 600), (600, 600), (900, 1000))


def test_a_synthesizer_that_breaks_its_promise_is_an_error() -> None:
    with pytest.raises(BackendError, match="places for 1 words of 2"):
        speak(("a", "b"), Odd(np.zeros(10), ((0, 10),)), RATE, -26.0)
    with pytest.raises(BackendError, match="not mono"):
        speak(("a",), Odd(np.zeros((2, 10)), ((0, 10),)), RATE, -26.0)
