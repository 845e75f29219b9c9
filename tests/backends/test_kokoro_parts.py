"""What happens to an utterance between its phonemes and Kokoro's graphs: tokens, frames, pitch."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.backends.kokoro import _voice
from hybrid_tok.backends.kokoro_pitch import HIGHEST, LOWEST, Melody, move_pitch, voice_syllables
from hybrid_tok.backends.kokoro_text import MOST_TOKENS, Token, chunks_of, syllables_of
from hybrid_tok.backends.kokoro_timing import (
    FASTEST,
    LONGEST_PAUSE,
    RINGING,
    Chunk,
    fit,
    free_frames,
    locked_frames,
    phrase_places,
    pieces_of,
)
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.utterance import Delivery, Phrase, Utterance
from hybrid_tok.phonemes import token_ids
from hybrid_tok.voice.code import COORDINATES, NEUTRAL, dequantize, quantize
from hybrid_tok.voice.space import TIMBRE, voice_space

SPACE, STOP = token_ids(" .")


def to_kokoro_frame(frame: int, frame_rate: Fraction = Fraction(50)) -> int:
    """The nearest of Kokoro's frames of 25 ms, half up."""
    return int(frame * 40 / frame_rate + Fraction(1, 2))


def test_tokens_know_their_words() -> None:
    (chunk,) = chunks_of(["hˈA, ", "", "mˈʌm. "])
    assert [token.number for token in chunk] == token_ids("hˈA, mˈʌm.")
    assert [token.word for token in chunk] == [0] * 5 + [2] * 5
    assert [token.pause for token in chunk] == [False] * 3 + [True] * 2 + [False] * 4 + [True]


def test_words_without_sound_are_no_chunk() -> None:
    assert chunks_of(["", ""]) == [] and chunks_of([]) == []


def test_a_long_text_is_divided_after_its_sentences() -> None:
    words = ["mˈʌmi "] * 99 + ["hˈAt. "] + ["mˈʌmi "] * 70 + ["sˈO "] * 9
    chunks = chunks_of(words)
    assert all(0 < len(chunk) <= MOST_TOKENS for chunk in chunks)
    spoken = [token.number for chunk in chunks for token in chunk if token.number not in (SPACE, STOP)]
    assert spoken == [number for word in words for number in token_ids(word.strip(" ."))]
    assert any(chunk[-1].word == 99 for chunk in chunks)
    assert not any(chunk[0].number == SPACE for chunk in chunks) and all(chunk[-1].number == STOP for chunk in chunks)


@given(st.lists(st.integers(0, 900), max_size=12))
def test_no_chunk_is_too_long(lengths: list[int]) -> None:
    chunks = chunks_of(["m" * length + " " for length in lengths])
    assert all(len(chunk) <= MOST_TOKENS for chunk in chunks)
    words = [token.word for chunk in chunks for token in chunk]
    assert words == sorted(words) and set(words) == {index for index, length in enumerate(lengths) if length}


@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=40), st.integers(0, 400))
def test_frames_add_up_and_none_is_without(widths: list[float], frames: int) -> None:
    found = fit(np.array(widths), frames)
    assert found.sum() == frames and found.min() >= (1 if frames >= len(widths) else 0)
    assert found.max() <= max(1, frames)


def test_frames_are_in_proportion() -> None:
    assert fit(np.array([1.0, 2.0, 3.0]), 12).tolist() == [2, 4, 6]
    assert fit(np.array([0.01, 2.0, 2.0]), 5).tolist() == [1, 2, 2]
    assert fit(np.array([5.0, 5.0, 5.0]), 2).sum() == 2 and fit(np.zeros(0), 0).tolist() == []


def chunk(*words: tuple[int, str], width: float = 3.0) -> Chunk:
    """Tokens of words, each `width` frames long at Kokoro's own pace; a space stands for a pause."""
    tokens = [Token(1, word, pause=symbol == " ") for word, text in words for symbol in text]
    return Chunk(tokens, np.zeros(256, np.float32), np.full(len(tokens), width, np.float32))


def places_of(utterance: Utterance, chunk: Chunk, frames: np.ndarray, place: int = 0) -> dict[int, tuple[int, int]]:
    """Where each word's own tokens come to lie, once the chunk's pieces are in their places."""
    pieces = pieces_of(utterance, chunk, frames, place)
    assert [piece.end for piece in pieces[:-1]] == [piece.start for piece in pieces[1:]]
    assert (pieces[0].start, pieces[-1].end) == (0, frames.sum())
    found: dict[int, tuple[int, int]] = {}
    for token, end, count in zip(chunk.tokens, np.cumsum(frames).tolist(), frames.tolist(), strict=True):
        if not token.pause:
            piece = [piece for piece in pieces if piece.start <= end - count][-1]
            moved = piece.place - piece.start
            found[token.word] = (found.get(token.word, (end - count + moved, 0))[0], end + moved)
    return found


def test_phrases_lie_in_their_places() -> None:
    spans = (Span(100, 120), Span(120, 145), Span(160, 180))
    utterance = Utterance(tuple(Phrase((word,), span) for word, span in zip("abc", spans, strict=True)))
    one = chunk((0, "aa "), (1, "bbb "), (2, "cc"))
    (frames,) = locked_frames(utterance, [one])
    found = places_of(utterance, one, frames)
    assert [start for start, _ in found.values()] == [to_kokoro_frame(span.start - 100) for span in spans]
    assert found[1][1] == to_kokoro_frame(45) - RINGING and found[2][1] == to_kokoro_frame(80) - RINGING


def test_places_are_in_the_frames_of_any_codec() -> None:
    spans = (Span(10, 13), Span(13, 20), Span(24, 25))
    phrases = tuple(Phrase((word,), span) for word, span in zip("abc", spans, strict=True))
    mimi = Utterance(phrases, frame_rate=Fraction(25, 2))
    assert phrase_places(mimi) == [(0, 10), (10, 32), (45, 48)], "frames of 80 ms in frames of 25 ms"
    assert to_kokoro_frame(10, mimi.frame_rate) == 32


def test_a_phrase_in_two_chunks_fills_its_place_once() -> None:
    utterance = Utterance((Phrase(("a", "b"), Span(0, 100)), Phrase(("c",), Span(110, 130))))
    chunks = [chunk((0, "aaaa")), chunk((1, "bbbb "), (2, "cc"))]
    frames = locked_frames(utterance, chunks)
    assert frames[0].sum() == pytest.approx(39, abs=1)
    found = places_of(utterance, chunks[1], frames[1], int(frames[0].sum()))
    assert found[1][1] == to_kokoro_frame(100) - RINGING and found[2][0] == to_kokoro_frame(110)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60), st.integers(1, 6)), min_size=1, max_size=8))
def test_any_places_are_kept(parts: list[tuple[int, int, int]]) -> None:
    """Whatever the places, the phrases start where they should, to rounding; but one that is too short takes time from
    those that touch it."""
    phrases, words, cursor = [], [], 5
    for index, (length, gap, letters) in enumerate(parts):
        phrases.append(Phrase(("x",), Span(cursor, cursor + length)))
        words.append((index, "x" * letters + " "))
        cursor += length + gap
    one = chunk(*words)
    utterance = Utterance(tuple(phrases))
    (frames,) = locked_frames(utterance, [one])
    assert frames.min() >= 0
    found = list(places_of(utterance, one, frames).values())
    for number, (phrase, (start, _)) in enumerate(zip(phrases, found, strict=True)):
        assert phrase.span is not None
        begins = to_kokoro_frame(phrase.span.start - 5)
        alone = number == 0 or to_kokoro_frame(phrases[number - 1].span.end - 5) < begins
        if alone or all(length > 20 for length, _, _ in parts):
            assert abs(start - begins) <= 1


def test_a_word_too_short_to_be_heard_takes_time_from_the_one_beside_it() -> None:
    spans = (Span(0, 40), Span(40, 45), Span(45, 60))
    utterance = Utterance(tuple(Phrase((word,), span) for word, span in zip("abc", spans, strict=True)))
    one = chunk((0, "aaaa "), (1, "bbbb "), (2, "cccc"), width=3.0)
    (frames,) = locked_frames(utterance, [one])
    found = places_of(utterance, one, frames)
    assert found[0][0] == 0 and found[2] == (to_kokoro_frame(45), to_kokoro_frame(60) - RINGING)
    said = found[1][1] - found[1][0]
    assert said >= 4 * 3.0 / FASTEST and found[1][0] < to_kokoro_frame(40)


def test_long_pauses_are_put_in_afterwards() -> None:
    utterance = Utterance((Phrase(("a",), Span(0, 50)), Phrase(("b",), Span(150, 200))))
    one = chunk((0, "aaa "), (1, "bbb"))
    (frames,) = locked_frames(utterance, [one])
    assert frames[3] == LONGEST_PAUSE
    first, second = pieces_of(utterance, one, frames, 0)
    assert (first.place, first.end) == (0, to_kokoro_frame(50) - RINGING + LONGEST_PAUSE // 2)
    assert second.place == to_kokoro_frame(150) - LONGEST_PAUSE // 2


def test_free_speech_follows_the_rate_and_the_deliveries() -> None:
    utterance = Utterance.of(["abcd", "abcd"])
    one = chunk((0, "aaaa "), (1, "aaaa"), width=4.0)
    assert free_frames(utterance, [one], 1.0)[0].tolist() == [4] * 9
    assert free_frames(utterance, [one], 2.0)[0].sum() == 18
    slow = Utterance(
        (Phrase(("abcd",), None, Delivery(0.0, 0.0, 0.5)), Phrase(("abcd",), None, Delivery(0.0, 0.0, 2.0)))
    )
    frames = free_frames(slow, [one], 1.0)[0]
    assert frames[:4].sum() == 32 and frames[5:].sum() == 8


def curve(*levels: float, each: int = 40) -> np.ndarray:
    return np.repeat(np.array(levels, np.float32), each)


def move(curve: np.ndarray, *arguments: Any) -> np.ndarray:
    return move_pitch(curve, np.full(len(curve), 5.0, np.float32), *arguments)


def test_where_a_voice_fades_its_pitch_does_not_count() -> None:
    line, energy = curve(200.0, 100.0, each=400), np.repeat(np.array([6.0, 0.0], np.float32), 400)
    assert move_pitch(line, energy, Melody(200.0, 150.0, 1.0))[[0, 799]] == pytest.approx([150.0, 75.0], rel=0.01)


def test_pitch_is_moved_to_the_speaker() -> None:
    moved = move(curve(180.0, 200.0, 220.0, 8.0, each=400), Melody(200.0, 100.0, 1.0))
    assert np.median(moved[:1200]) == pytest.approx(100.0, rel=0.01)
    assert moved[0] == pytest.approx(90.0, rel=0.02) and moved[-1] == 8.0


def test_range_is_scaled_around_the_median() -> None:
    moved = move(curve(100.0, 200.0, 400.0, each=400), Melody(200.0, 200.0, 0.5))
    assert moved[[0, 600, 1000]] == pytest.approx([200 / 2**0.5, 200.0, 200 * 2**0.5], rel=0.01)


def test_little_speech_keeps_its_own_level() -> None:
    """A single high word of a voice stays high."""
    moved = move(curve(300.0, each=8), Melody(200.0, 100.0, 1.0))
    assert 130.0 < moved[0] < 150.0


def test_words_follow_their_deliveries() -> None:
    deliveries = [Delivery(4.0, 0.0, 1.0), None, Delivery(-3.0, 0.0, 1.0), Delivery(float("nan"), 0.0, 1.0)]
    words = [(0, 100), (100, 200), (200, 300), (300, 400)]
    moved = move(curve(210.0, 200.0, 190.0, 200.0, each=100), Melody(200.0, 120.0, 1.0), words, deliveries)
    semitones = 12 * np.log2(moved[[50, 150, 250, 350]] / 120.0)
    assert semitones == pytest.approx([4.0, 0.0, -3.0, 0.0], abs=0.1)


def test_a_short_word_reaches_its_pitch() -> None:
    """The glide to the words around it takes nothing from it."""
    deliveries = [Delivery(0.0, 0.0, 1.0), Delivery(6.0, 0.0, 1.0), Delivery(0.0, 0.0, 1.0)]
    words = [(0, 40), (40, 44), (44, 84)]
    moved = move(curve(200.0, each=84), Melody(200.0, 100.0, 1.0), words, deliveries)
    assert 12 * np.log2(np.median(moved[40:44]) / 100.0) == pytest.approx(6.0, abs=0.7)
    assert 12 * np.log2(moved[[20, 64]] / 100.0) == pytest.approx([0.0, 0.0], abs=0.3)


def test_a_syllable_that_lost_its_pitch_has_one_again() -> None:
    line, energy = curve(100.0, 8.0, 200.0, each=20), np.full(60, 5.0, np.float32)
    energy[30:40] = -3.0  # too faint to be a vowel
    voiced = voice_syllables(line, energy, [((22, 30), (20, 40))])
    assert voiced[[0, 59]] == pytest.approx([100.0, 200.0])
    assert (np.diff(voiced[18:31]) > 0).sum() >= 10 and 100.0 < voiced[25] < 200.0
    assert (voiced[30:40] == 8.0).all()


def test_other_syllables_keep_their_curve() -> None:
    line, energy = curve(100.0, 8.0, each=20), np.full(40, 5.0, np.float32)
    assert (voice_syllables(line, energy, [((5, 25), (0, 40))]) == line).all()  # most of the vowel has a pitch
    assert (voice_syllables(line, energy, []) == line).all()
    silent = curve(8.0)
    assert voice_syllables(silent, energy[:10], [((0, 10), (0, 10))]) is silent


def test_syllables_are_vowels_and_what_hums_around_them() -> None:
    (tokens,) = chunks_of(["ʂja↓ŋ ", "ɡˈAmz "])
    borders = [(2 * index, 2 * index + 2) for index in range(len(tokens))]
    (vowel, whole), (other, others) = syllables_of(tokens, borders)
    assert (vowel, whole) == ((4, 8), (2, 10))  # a with its tone; j before and ŋ after it
    start = 2 * len(token_ids("ʂja↓ŋ ɡˈ"))
    assert (other, others) == ((start, start + 2), (start, start + 4))


def test_without_a_target_the_curve_stays() -> None:
    line = curve(210.0, 8.0, 190.0)
    assert move(line, None) is line
    assert np.array_equal(move(curve(8.0), Melody(200.0, 100.0, 1.0)), curve(8.0))


@given(st.lists(st.floats(0.0, 900.0), min_size=1, max_size=50), st.floats(60.0, 480.0), st.floats(0.2, 3.0))
def test_pitch_stays_speakable(values: list[float], pitch: float, factor: float) -> None:
    line = np.array(values, np.float32)
    moved = move(line, Melody(200.0, pitch, factor))
    voiced = line > 50.0
    assert np.isfinite(moved).all() and np.array_equal(moved[~voiced], line[~voiced])
    assert (moved[voiced] >= LOWEST - 1e-3).all() and (moved[voiced] <= HIGHEST + 1e-3).all()


def test_a_share_of_the_timbre_is_the_prosody_voices_own() -> None:
    """In Mandarin; the prosody half of the style is that voice's in any language."""
    traits = replace(NEUTRAL, pitch=120.0, timbre=(0.8,) * COORDINATES)
    space, code = voice_space(), quantize(traits)
    for language, share in (("zh", 0.4), ("en", 0.25), ("es", 0.0)):
        style = _voice(Utterance.of(["x"], language, code)).style(20)
        own = space.style({space.prosody(language, 120.0).voice: 1.0}, 20)
        speakers = space.timbre(dequantize(code).timbre, 20)
        np.testing.assert_allclose(style[:TIMBRE], share * own[:TIMBRE] + (1 - share) * speakers, atol=1e-6)
        np.testing.assert_array_equal(style[TIMBRE:], own[TIMBRE:])
