from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.gate import Decision
from hybrid_tok.encode.prosody import ProsodyOptions, measure_prosody
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import Prosody
from hybrid_tok.voice.prosody import Delivery, from_bins, to_bins
from tones import RATE, vowel

MEAN = to_bins(Delivery(0.0, 0.0, 1.0))


def spoken(*words: tuple[str, float, float, float], speaker: int = 0) -> tuple[Audio, tuple[Decision, ...]]:
    """Words given as (text, semitones from 150 Hz, dB, seconds), 0.1 s apart."""
    samples, decisions, cursor = [], [], 0
    for text, semitones, decibels, seconds in words:
        sound = vowel(150.0 * 2 ** (semitones / 12), seconds) * 10 ** (decibels / 20)
        span = Span(cursor, cursor + round(seconds * 50))
        decisions.append(Decision(span, "text", (Word(text, span, 1.0),), speaker=speaker))
        samples += [sound, np.zeros(RATE // 10)]
        cursor = span.end + 5
    return Audio(np.concatenate(samples).astype(np.float32), RATE), tuple(decisions)


def measured(*words: tuple[str, float, float, float], **options: float) -> list[Delivery]:
    audio, decisions = spoken(*words)
    found = measure_prosody(audio, decisions, ProsodyOptions(**options))  # pyright: ignore[reportArgumentType]
    return [from_bins(found[decision.words[0]]) for decision in decisions]


def test_pitch_is_relative_to_the_speakers_median() -> None:
    low, middle, high = measured(("aaa", -3.0, 0, 0.4), ("bbb", 0.0, 0, 0.6), ("ccc", 3.5, 0, 0.4))
    assert (low.pitch, middle.pitch, high.pitch) == (-3.0, from_bins(MEAN).pitch, 3.5)


def test_energy_is_relative_to_the_speakers_level() -> None:
    loud, soft = measured(("aaa", 0, 0.0, 0.4), ("bbb", 0, -10.0, 0.4))
    assert loud.energy > 0.0
    assert loud.energy - soft.energy == pytest.approx(10.0, abs=2.6)


def test_rate_is_relative_to_what_the_words_take() -> None:
    fast, slow = measured(("abcdef", 0, 0, 0.2), ("ghijkl", 0, 0, 0.6))
    assert fast.rate > 1.2 and slow.rate < 0.8
    assert fast.rate / slow.rate == pytest.approx(3.0, rel=0.35)


def test_blocks_change_nothing_that_can_be_heard() -> None:
    words = [(f"w{i}", float(i % 5 - 2), -float(i % 3), 0.3) for i in range(12)]
    whole, parts = measured(*words), measured(*words, block=1.0)
    assert all(abs(one.pitch - other.pitch) <= 2.0 for one, other in zip(whole, parts, strict=True))
    assert [one.rate for one in whole] == [other.rate for other in parts]


def test_each_speaker_has_a_mean_of_their_own_and_only_text_is_measured() -> None:
    audio, decisions = spoken(("aaa", 0, 0, 0.5), ("bbb", 12, 0, 0.5))
    parts = (decisions[0], Decision(Span(25, 30), "pause"), Decision(**_as(decisions[1], speaker=1)))
    found = measure_prosody(audio, parts)
    assert {from_bins(bins).pitch for bins in found.values()} == {from_bins(MEAN).pitch}
    units = Decision(**_as(decisions[1], kind="units"))
    assert set(measure_prosody(audio, (decisions[0], units))) == {decisions[0].words[0]}


def _as(decision: Decision, **changes: object) -> dict[str, object]:
    fields = {name: getattr(decision, name) for name in ("span", "kind", "words", "speaker")}
    return {**fields, **changes}


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.random.default_rng(0).normal(0, 1e-7, RATE), np.zeros(0)])
def test_silence_has_the_prosody_of_the_mean(samples: np.ndarray) -> None:
    word = Word("quiet", Span(0, 20), 1.0)
    found = measure_prosody(Audio(samples.astype(np.float32), RATE), (Decision(Span(0, 20), "text", (word,)),))
    assert found == {word: Prosody(MEAN.pitch, MEAN.energy, found[word].rate)}


def test_nothing_said_has_no_prosody() -> None:
    assert measure_prosody(Audio(np.zeros(100, np.float32), RATE), ()) == {}
    empty = Word("gone", Span(3, 3), 0.0)
    found = measure_prosody(Audio(vowel(150.0, 0.2), RATE), (Decision(Span(0, 10), "text", (empty,)),))
    assert found[empty].pitch == MEAN.pitch


def test_options_are_checked() -> None:
    for options in ({"fewest_voiced": 0}, {"block": 0.5}, {"block": float("nan")}):
        with pytest.raises(OptionsError, match="prosody needs"):
            ProsodyOptions(**options)  # pyright: ignore[reportArgumentType]
