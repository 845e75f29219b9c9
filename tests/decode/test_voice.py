from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fakes import FakeSynthesizer
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Speech
from hybrid_tok.decode.level import active_level
from hybrid_tok.decode.pipeline import Decoder
from hybrid_tok.decode.plan import TextPart, TextSegment, plan
from hybrid_tok.decode.synthesize import speak, speak_freely
from hybrid_tok.decode.synthesizer_voice import SynthesizerVoice, measure_synthesizer_voice
from hybrid_tok.decode.voice import VoiceChanger
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.stream import Channel, HybridStream, Prosody, TextItem, Turn
from hybrid_tok.voice.code import NEUTRAL_CODE, SCALES
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.prosody import Delivery, to_bins

RATE = 16_000
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")


def code(**traits: float) -> tuple[int, ...]:
    steps = {scale.name: step for scale, step in zip(SCALES, NEUTRAL_CODE, strict=True)}
    by_name = {scale.name: scale for scale in SCALES}
    return tuple({**steps, **{name: by_name[name].step(value) for name, value in traits.items()}}.values())


def segment(voice: tuple[int, ...] | None = None, prosody: tuple[Prosody | None, ...] = ()) -> TextSegment:
    bins = prosody or (None,) * len(WORDS)
    parts = tuple(TextPart((word,), None, one) for word, one in zip(WORDS, bins, strict=True))
    return TextSegment(0, 0, parts, voice)


def change_voice(wanted: TextSegment) -> tuple[Speech, Speech]:
    """What the synthesizer says, and what becomes of it."""
    synthesizer = FakeSynthesizer()
    speech = speak(wanted.words, synthesizer, RATE, -26.0)
    return speech, VoiceChanger(synthesizer, RATE).apply(wanted, speech, -26.0)


def pitches(speech: Speech) -> list[float]:
    track = track_pitch(speech.audio.samples, RATE)
    inside = [track.voiced & (track.centres >= a + 400) & (track.centres < b - 400) for a, b in speech.words]
    return [float(np.median(track.frequency[mine])) for mine in inside]


def test_without_code_and_prosody_nothing_is_touched_and_nobody_listened_to() -> None:
    synthesizer = FakeSynthesizer()
    speech = speak(WORDS, synthesizer, RATE, -26.0)
    changer = VoiceChanger(synthesizer, RATE)
    assert changer.apply(segment(), speech, -26.0) is speech
    assert changer.lengths(segment(), speech) is None
    assert synthesizer.spoken == [WORDS]


@pytest.mark.parametrize("pitch", [100.0, 200.0, 350.0])
def test_the_voice_has_the_pitch_and_the_level_asked_for(pitch: float) -> None:
    _, changed = change_voice(segment(code(pitch=pitch)))
    track = track_pitch(changed.audio.samples, RATE)
    assert 12 * abs(np.log2(np.median(track.frequency[track.voiced]) / pitch)) < 3.0  # own notes of the fake words
    level = active_level(frame_powers(changed.audio.samples, RATE))
    assert level is not None and level[0] == pytest.approx(-26.0, abs=0.5)
    assert np.isfinite(changed.audio.samples).all()


def test_words_follow_their_pitch_bins() -> None:
    wanted = (-4.0, 4.0, 0.0, 6.5, -6.0, 2.0)
    bins = tuple(to_bins(Delivery(pitch, 0.5, 1.0)) for pitch in wanted)
    _, changed = change_voice(segment(code(pitch=200.0), bins))
    heard = 12 * np.log2(np.array(pitches(changed)) / 200.0)
    np.testing.assert_allclose(heard, wanted, atol=1.2)


def test_words_follow_their_energy_bins() -> None:
    wanted = (-10.5, 0.5, -4.0, 2.5, -7.0, -1.5)
    bins = tuple(to_bins(Delivery(0.0, energy, 1.0)) for energy in wanted)
    _, changed = change_voice(segment(None, bins))
    levels = [10 * np.log10(np.mean(changed.audio.samples[a:b] ** 2)) for a, b in changed.words]
    np.testing.assert_allclose(levels, np.array(wanted) - 26.0, atol=1.5)


def test_free_timing_follows_rate_and_pace() -> None:
    synthesizer = FakeSynthesizer()
    speech = speak(WORDS, synthesizer, RATE, -26.0)
    changer = VoiceChanger(synthesizer, RATE)
    natural = [end - start for start, end in speech.words]
    bins = (to_bins(Delivery(0.0, 0.0, 2.0)), *(to_bins(Delivery(0.0, 0.0, 1.0)),) * 5)
    plain = changer.lengths(segment(None, (bins[1],) * 6), speech)
    quick = changer.lengths(segment(None, bins), speech)
    assert plain is not None and quick is not None
    assert quick[0] < 0.7 * plain[0] and quick[1:] == plain[1:]
    changer.measured[synthesizer.fingerprint, None] = replace(
        changer.own, traits=replace(changer.own.traits, rate=4.0)
    )  # beeps have no syllables
    slow, fast = (changer.lengths(segment(code(rate=rate)), speech) for rate in (1.6, 7.5))
    assert slow is not None and fast is not None
    assert sum(slow) == pytest.approx(2.0 * sum(natural), rel=0.01)  # half the pace is the slowest
    assert sum(fast) == pytest.approx(sum(natural) * 4.0 / 7.5, rel=0.05)
    spoken = speak_freely(speech, 80, [2 * length for length in natural])
    assert len(spoken) == pytest.approx(2 * (sum(natural)) + 160, abs=400)


def test_a_silent_synthesizer_and_silent_words_stay_silent() -> None:
    class Silent(FakeSynthesizer):
        amplitude = 0.0

    synthesizer = Silent(amplitude=0.0)
    own = measure_synthesizer_voice(synthesizer, RATE)
    assert np.isfinite(own.spectrum).all() and own.pace > 0
    speech = speak(WORDS, synthesizer, RATE, -26.0)
    bins = (Prosody(7, 7, 7),) * len(WORDS)
    changed = VoiceChanger(synthesizer, RATE).apply(segment(code(pitch=300.0), bins), speech, -26.0)
    assert np.abs(changed.audio.samples).max(initial=0.0) < 1e-3


def test_each_language_is_measured_once_on_a_text_of_its_own() -> None:
    synthesizer = FakeSynthesizer()
    measured: dict[tuple[str, str | None], SynthesizerVoice] = {}
    owns = [VoiceChanger(synthesizer, RATE, language, measured).own for language in (None, "en", "zh", "zh", None)]
    assert len(synthesizer.spoken) == 3 and owns[2] is owns[3] and owns[0] is owns[4]
    assert synthesizer.spoken[0] == synthesizer.spoken[1]
    assert "月" in synthesizer.spoken[2] and all(len(word.strip("，。")) == 1 for word in synthesizer.spoken[2])


def test_a_stream_carries_voice_and_prosody_into_the_plan_and_the_sound() -> None:
    items = (TextItem("alpha", 40, Prosody(1, 2, 3)), TextItem("bravo", 40))
    turns = (Turn(0, items, code(pitch=120.0)), Turn(1, (TextItem("charlie", 40),)), Turn(0, (TextItem("delta", 40),)))
    stream = HybridStream((Channel(turns),))
    first, second, third = plan(stream, RATE).segments
    assert isinstance(first, TextSegment) and isinstance(second, TextSegment) and isinstance(third, TextSegment)
    assert (first.voice, second.voice, third.voice) == (turns[0].voice, None, turns[0].voice)
    assert [part.prosody for part in first.parts] == [Prosody(1, 2, 3), None]
    decoder = Decoder(lambda language: FakeSynthesizer(), None, RATE)
    audio = decoder.decode(stream)
    assert audio.num_samples == 160 * 320
    np.testing.assert_array_equal(audio.samples, decoder.decode(stream).samples)
    plain = decoder.decode(HybridStream((Channel((Turn(0, (TextItem("alpha bravo", 80),)), *turns[1:])),)))
    np.testing.assert_array_equal(audio.samples[82 * 320 : 118 * 320], plain.samples[82 * 320 : 118 * 320])
    assert np.abs(audio.samples[: 80 * 320] - plain.samples[: 80 * 320]).max() > 0.01


def test_a_code_that_is_none_names_its_speaker() -> None:
    speech = speak(WORDS, FakeSynthesizer(), RATE, -26.0)
    with pytest.raises(StreamError, match=r"speaker 0: a voice code is 8 integers from 0 to 63"):
        VoiceChanger(FakeSynthesizer(), RATE).apply(segment((64,) * 8), speech, -26.0)
