"""How the Whisper recognizer goes through a recording, with a model that hears a language in the level of the sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from hybrid_tok.backends.whisper import WhisperOptions, WhisperRecognizer
from hybrid_tok.backends.whisper_language import LanguageOptions
from hybrid_tok.backends.whisper_model import EncodedWindow, WrittenText, WrittenWord
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import WindowOptions

RATE = 16_000
LANGUAGE_OF = {1: "en", 2: "zh", 3: "fr"}
UNSURE = 4


class LevelModel:
    """Writes a word a second; notes what it was asked for.

    Attributes:
        encoded: seconds of each window that was encoded, and of the silence after it.
        loops: whether a text repeats itself unless the model hears all 30 s.
    """

    multilingual = True
    languages = ("en", "zh", "fr")

    def __init__(self, loops: bool = False) -> None:
        self.encoded: list[tuple[float, float]] = []
        self.loops = loops

    def encode(self, samples: np.ndarray, silence: float = 30.0) -> EncodedWindow:
        seconds = len(samples) / RATE
        self.encoded.append((seconds, silence))
        states = np.zeros((1, round(min(seconds + silence, 30.0) * 50), 1), np.float32)
        levels = np.round(10 * np.abs(samples[::320]))
        states[0, : len(levels), 0] = levels
        return EncodedWindow(states, seconds)

    def language_probabilities(self, window: EncodedWindow, start: float, end: float) -> dict[str, float]:
        levels = window.states[0, round(50 * start) : round(50 * end), 0].astype(int)
        counts = {code: float((levels == level).sum()) for level, code in LANGUAGE_OF.items()}
        unsure = float((levels == UNSURE).sum())
        total = sum(counts.values()) + 2 * unsure + 1.0
        return {
            code: (count + unsure * {"en": 0.8, "zh": 0.7, "fr": 0.5}[code]) / total for code, count in counts.items()
        }

    def write(self, window: EncodedWindow, language: str, beam_size: int) -> WrittenText | None:
        if self.loops and not window.full:
            return None
        count = max(int(window.seconds), 1)
        words = tuple(
            WrittenWord(f"{language}{k}", float(k), min(k + 1.0, window.seconds), (-0.1,)) for k in range(count)
        )
        return WrittenText(words, 0.01, 1.0)


def spoken(*parts: tuple[int, float, float]) -> tuple[Audio, list[Span]]:
    """(level, seconds of speech, seconds of silence after it), as audio and speech."""
    pieces: list[np.ndarray] = []
    speech: list[Span] = []
    cursor = 0
    for level, seconds, silence in parts:
        frames = round(50 * seconds)
        speech.append(Span(cursor, cursor + frames))
        pieces += [np.full(320 * frames, level / 10), np.zeros(320 * round(50 * silence))]
        cursor += frames + round(50 * silence)
    return Audio(np.concatenate(pieces).astype(np.float32), RATE), speech


def recognizer(model: LevelModel, look_ahead: float = 10.0, workers: int = 2) -> WhisperRecognizer:
    options = WhisperOptions(languages=LanguageOptions(look_ahead=look_ahead, rarity=0.0))
    made = WhisperRecognizer(options=options, workers=workers)
    made.model = model  # pyright: ignore[reportAttributeAccessIssue]
    return made


def languages(words: Sequence[Word]) -> Iterator[str | None]:
    """Without repeats."""
    last = None
    for word in words:
        if word.language != last:
            last = word.language
            yield last


def test_the_first_language_is_told_from_ten_seconds() -> None:
    audio, speech = spoken((UNSURE, 2, 3), (3, 4, 3), (3, 4, 3), (3, 4, 0))
    assert list(languages(recognizer(LevelModel()).recognize(audio, speech))) == ["fr"]
    assert list(languages(recognizer(LevelModel(), look_ahead=0.0).recognize(audio, speech))) == ["en", "fr"]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_languages_change_between_windows_and_inside_them(workers: int) -> None:
    audio, speech = spoken((1, 5, 3), (1, 5, 0.6), (2, 5, 3), (2, 5, 3), (3, 8, 0))
    words = recognizer(LevelModel(), workers=workers).recognize(audio, speech)
    assert list(languages(words)) == ["en", "zh", "fr"]
    turn = speech[2].start - 15, speech[2].start
    last = max(word.span.end for word in words if word.language == "en")
    first = min(word.span.start for word in words if word.language == "zh")
    assert last <= turn[0] + 1 and first >= turn[1], "tightened to the speech on either side"


def test_a_second_of_another_language_is_not_one() -> None:
    audio, speech = spoken((1, 8, 3), (2, 1, 3), (1, 8, 0))
    assert list(languages(recognizer(LevelModel()).recognize(audio, speech))) == ["en"]


def test_a_text_that_repeats_itself_is_written_again_from_the_full_window() -> None:
    audio, speech = spoken((1, 4, 0))
    plain, looping = LevelModel(), LevelModel(loops=True)
    expected = recognizer(plain).recognize(audio, speech)
    assert recognizer(looping).recognize(audio, speech) == expected
    assert plain.encoded == [(4.0, 5.0)]
    assert looping.encoded == [(4.0, 5.0), (4.0, 30.0)]


def test_a_language_that_is_given_is_not_asked_for() -> None:
    audio, speech = spoken((2, 4, 3), (3, 4, 0))
    given = WhisperRecognizer(language="fr")
    given.model = LevelModel()  # pyright: ignore[reportAttributeAccessIssue]
    given.model.language_probabilities = None  # pyright: ignore[reportAttributeAccessIssue]
    assert list(languages(given.recognize(audio, speech))) == ["fr"]


def test_windows_are_encoded_a_few_ahead_only() -> None:
    """So that memory does not grow with the recording."""
    audio, speech = spoken(*[(1, 2, 2)] * 60)
    model = LevelModel()
    ahead: list[int] = []
    recognizer(model, workers=2).recognize(
        audio, speech, progress=lambda done, total: ahead.append(len(model.encoded) - len(ahead))
    )
    assert len(ahead) == len(model.encoded) == 60
    assert max(ahead) <= 12


def test_words_that_touch_no_speech_are_left_out() -> None:
    """Of a word a second, the second one lies in the padding."""
    audio, speech = spoken((1, 1, 3))
    wide = WhisperRecognizer(options=WhisperOptions(windows=WindowOptions(padding=1.2)))
    wide.model = LevelModel()  # pyright: ignore[reportAttributeAccessIssue]
    assert [(word.text, word.span) for word in wide.recognize(audio, speech)] == [("en0", Span(0, 50))]
    longer = [Span(0, 55)]
    assert [word.text for word in wide.recognize(audio, longer)] == ["en0", "en1"]
