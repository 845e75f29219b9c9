from __future__ import annotations

import numpy as np
import pytest
from speaker_network import embed

from hybrid_tok.audio import read_mono
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.encode.gate import Decision
from hybrid_tok.encode.voice import VoiceOptions, choose_spans, measure_voice, measure_voices
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.code import NEUTRAL_CODE, dequantize
from real_audio import recording
from tones import RATE, vowel


def two_voices() -> Audio:
    """A second of a low voice, then one of a high one."""
    return Audio(np.concatenate([vowel(110.0, 1.0), vowel(240.0, 1.0)]), RATE)


def pitch(code: tuple[int, ...]) -> float:
    return dequantize(code).pitch


def test_each_speaker_is_measured_where_that_speaker_is_heard() -> None:
    decisions = (
        Decision(Span(0, 50), "text", (Word("low", Span(0, 50), 1.0),), speaker=0),
        Decision(Span(50, 100), "units", speaker=3),
    )
    voices = measure_voices(two_voices(), decisions, [Annotations(100, speech=(Span(0, 100),))], embed)
    assert set(voices) == {0, 3}
    assert pitch(voices[0]) == pytest.approx(110.0, rel=0.02)
    assert pitch(voices[3]) == pytest.approx(240.0, rel=0.02)


def test_events_and_whoever_talks_over_it_are_no_part_of_a_voice() -> None:
    decisions = (Decision(Span(0, 100), "text", (Word("low", Span(0, 100), 1.0),)),)
    laugh = Event("laugh", Span(50, 100), 0.9)
    other = (SpeakerTurn(0, Span(0, 100)), SpeakerTurn(1, Span(50, 100)))
    for heard in (Annotations(100, events=(laugh,)), Annotations(100, turns=other)):
        (voice,) = measure_voices(two_voices(), decisions, [heard], embed).values()
        assert pitch(voice) == pytest.approx(110.0, rel=0.02)
    doubtful = Annotations(100, events=(Event("laugh", Span(0, 50), 0.2), laugh))
    assert pitch(measure_voices(two_voices(), decisions, [doubtful], embed)[0]) == pytest.approx(110.0, rel=0.02)


def test_words_under_another_speakers_are_their_own_speakers() -> None:
    under = Word("high", Span(50, 100), 1.0, speaker=1)
    decisions = (Decision(Span(0, 100), "text", (Word("low", Span(0, 100), 1.0),), under=(under,), speaker=0),)
    voices = measure_voices(two_voices(), decisions, [Annotations(100)], embed)
    assert pitch(voices[0]) == pytest.approx(110.0, rel=0.02)
    assert pitch(voices[1]) == pytest.approx(240.0, rel=0.02)


def test_pauses_and_events_alone_need_no_voice() -> None:
    decisions = (Decision(Span(0, 50), "pause"), Decision(Span(50, 100), "tag", label="laugh", speaker=1))
    assert measure_voices(two_voices(), decisions, [Annotations(100)], embed) == {}


@pytest.mark.parametrize("kind", ["silence", "noise", "nothing", "0.1 s"])
def test_where_nothing_can_be_told_but_the_level_the_code_is_neutral(kind: str) -> None:
    samples = {
        "silence": np.zeros(RATE),
        "noise": np.random.default_rng(0).normal(0, 0.1, RATE),
        "nothing": np.zeros(0),
        "0.1 s": vowel(150.0, 0.1),
    }[kind].astype(np.float32)
    code = measure_voice(Audio(samples, RATE), [Span(0, count_frames(len(samples), RATE))], embed)
    assert code[:3] + code[4:] == NEUTRAL_CODE[:3] + NEUTRAL_CODE[4:]
    if kind in ("silence", "nothing"):
        assert code == NEUTRAL_CODE
    elif kind == "noise":
        assert dequantize(code).level == pytest.approx(-20.0, abs=0.5)


def test_a_real_speaker_keeps_the_code_from_one_recording_to_the_next() -> None:
    codes = []
    for name in ("LJ001-0002", "LJ001-0014"):
        audio, _ = read_mono(recording(f"dev/ljspeech/{name}.flac"), RATE)
        spans = [Span(0, count_frames(audio.num_samples, RATE))]
        codes.append(measure_voice(audio, spans, embed))
        assert measure_voice(audio, spans, embed) == codes[-1], "the same recording, the same code"
    assert abs(np.log2(pitch(codes[0]) / pitch(codes[1]))) * 12 < 5.0


def test_only_the_first_seconds_of_speech_are_listened_to() -> None:
    spans = [Span(0, 10), Span(50, 250), Span(300, 900), Span(1000, 9000)]
    assert choose_spans(spans, VoiceOptions(longest=10.0)) == [Span(50, 250), Span(300, 600)]
    assert choose_spans(spans[:3], VoiceOptions()) == [Span(50, 250), Span(300, 850)]
    assert choose_spans(spans[:1]) == spans[:1]
    audio = Audio(np.concatenate([vowel(110.0, 2.0), vowel(240.0, 2.0)]), RATE)
    assert measure_voice(audio, [Span(0, 200)], embed, VoiceOptions(longest=2.0)) == measure_voice(
        audio, [Span(0, 100)], embed
    )


def test_options_and_shapes_are_checked() -> None:
    with pytest.raises(OptionsError, match="longest"):
        VoiceOptions(longest=0.0)
    with pytest.raises(OptionsError, match="shortest_span"):
        VoiceOptions(shortest_span=-1)
    with pytest.raises(ValueError, match="mono"):
        measure_voice(Audio(np.zeros((2, 100), np.float32), RATE), [], embed)
