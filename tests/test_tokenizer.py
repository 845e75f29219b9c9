"""The facade's promises, with the default backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok import (
    Audio,
    FingerprintError,
    GrammarError,
    HybridTokenizer,
    KnownAnnotations,
    OptionsError,
    Span,
    Word,
)
from hybrid_tok.audio import read_mono, resample, resampled_length, write_wav
from hybrid_tok.bench.words import judge
from hybrid_tok.errors import AudioError, ModelError, StreamError
from hybrid_tok.options import written_options
from hybrid_tok.tokens.stream import VOICE_CODES, EventItem, HybridStream, TextItem
from hybrid_tok.train.events.other_sounds import music
from hybrid_tok.voice.code import NEUTRAL_CODE
from hybrid_tok.voice.pitch import track_pitch
from real_audio import recording, transcript


@pytest.fixture(scope="module")
def tokenizer() -> Iterator[HybridTokenizer]:
    with HybridTokenizer.from_preset() as made:
        yield made


@pytest.fixture(scope="module")
def two_sides() -> Audio:
    """A reader on the left until 4.9 s, another on the right from 3.9 s: a second of both."""
    left = read_mono(recording("dev/ljspeech/LJ001-0014.flac"))[0].samples[:78_400]
    right = read_mono(recording("dev/librispeech/1688-142285-0000.flac"))[0].samples[:96_000]
    samples = np.zeros((2, 62_400 + len(right)), np.float32)
    samples[0, : len(left)] = left
    samples[1, 62_400:] = right
    return Audio(samples, 16_000)


@pytest.fixture(scope="module")
def hum() -> Audio:
    """0.9 s of a hum that comes and goes, then silence, with a partial last frame."""
    time = np.arange(14_400) / 16_000
    samples = 0.2 * np.sin(2 * np.pi * 180 * time) * np.sin(np.pi * time / time[-1]) ** 2
    return Audio(np.pad(samples.astype(np.float32), (0, 8_017)), 16_000)


def test_the_round_trip_is_exactly_as_long(tokenizer: HybridTokenizer, hum: Audio) -> None:
    ids = tokenizer.encode(hum)
    assert all(isinstance(token, int) and 0 <= token < tokenizer.vocabulary.size for token in ids)
    decoded = tokenizer.decode(ids)
    assert (decoded.sample_rate, decoded.num_samples) == (16_000, hum.num_samples)
    assert tokenizer.vocabulary.encode(tokenizer.vocabulary.decode(ids)) == ids


@pytest.mark.parametrize("length", [0, 1, 160, 319, 320, 321, 6_400])
@pytest.mark.parametrize("layout", ["hybrid", "text", "units"])
def test_every_length_is_kept_in_every_layout(length: int, layout: str, hum: Audio) -> None:
    with HybridTokenizer.from_preset(layout=layout) as tokenizer:
        piece = (hum.samples[4_000 : 4_000 + length], 16_000)
        assert tokenizer.decode(tokenizer.encode(piece)).num_samples == length


def test_batch_equals_single(tokenizer: HybridTokenizer, hum: Audio) -> None:
    half = Audio(hum.samples[:8_000], 16_000)
    assert tokenizer.encode_batch([hum, half, hum]) == [tokenizer.encode(one) for one in (hum, half, hum)]
    ids = tokenizer.encode(hum)
    single, batch = tokenizer.decode(ids), tokenizer.decode_batch([ids, ids])
    for audio in batch:
        np.testing.assert_array_equal(audio.samples, single.samples)


def test_a_batch_of_recordings_is_each_of_them(tokenizer: HybridTokenizer) -> None:
    """Speech of unlike lengths, in a batch of sixteen: words, units, voices, and their sounds."""
    samples = read_mono(recording("dev/librispeech/1688-142285-0000.flac"))[0].samples
    pieces = [Audio(samples[i * 16_000 : i * 16_000 + 12_000 + 5_003 * i], 16_000) for i in range(5)]
    single = [tokenizer.encode(piece) for piece in pieces]
    assert len({len(ids) for ids in single}) > 1
    batch = tokenizer.encode_batch((pieces * 4)[:16])
    assert batch == (single * 4)[:16]
    for audio, ids in zip(tokenizer.decode_batch(single), single, strict=True):
        np.testing.assert_array_equal(audio.samples, tokenizer.decode(ids).samples)


def test_a_bad_recording_of_a_batch_is_named(tokenizer: HybridTokenizer, hum: Audio, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"absent\.wav"):
        tokenizer.encode_batch([hum, tmp_path / "absent.wav", hum])


def test_known_words_take_the_recognizers_place(tokenizer: HybridTokenizer, hum: Audio) -> None:
    words = [Word("hello", Span(5, 20), 1.0), Word("there", Span(20, 40), 1.0)]
    analysis = tokenizer.analyze(hum, annotations=KnownAnnotations(words=tuple(words)))
    assert analysis.annotations.words == tuple(words)
    assert analysis.summary.words == 2
    assert "recognizer" not in analysis.stage_seconds
    assert tokenizer.decode(analysis.ids).num_samples == hum.num_samples


def test_decisions_tile_the_recording_and_give_reasons(tokenizer: HybridTokenizer, hum: Audio) -> None:
    decisions = tokenizer.analyze(hum).decisions
    assert decisions[0].span.start == 0 and decisions[-1].span.end == -(-hum.num_samples // 320)
    for before, after in pairwise(decisions):
        assert before.span.end == after.span.start
    assert all(decision.reason for decision in decisions)
    assert {decision.kind for decision in decisions} == {"pause", "units"}


def test_rate_weight_zero_is_a_pure_codec(hum: Audio) -> None:
    with HybridTokenizer.from_preset(rate_weight=0.0) as tokenizer:
        summary = tokenizer.analyze(hum, annotations=KnownAnnotations(words=(Word("hello", Span(5, 20), 1.0),))).summary
    assert (summary.unit_share, summary.words) == (1.0, 0)


def test_files_keep_the_input_rate_and_length(tokenizer: HybridTokenizer, hum: Audio, tmp_path: Path) -> None:
    source = Audio(np.repeat(hum.samples, 3)[:40_001], 48_000)
    analysis = tokenizer.analyze((np.stack([source.samples, source.samples]), 48_000))
    tokenizer.save(tmp_path / "a.hyt", analysis)
    decoded = tokenizer.decode_file(tmp_path / "a.hyt").audio
    assert (decoded.sample_rate, decoded.num_samples) == (48_000, 40_001)
    with HybridTokenizer.for_file(tmp_path / "a.hyt") as other:
        np.testing.assert_array_equal(other.decode_file(tmp_path / "a.hyt").audio.samples, decoded.samples)


def test_a_file_of_another_vocabulary_is_refused(tokenizer: HybridTokenizer, hum: Audio, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "a.hyt", tokenizer.analyze(hum))
    other = HybridTokenizer.from_preset(layout="units")
    with pytest.raises(FingerprintError, match="vocabulary"):
        other.load(tmp_path / "a.hyt")


def test_ids_out_of_place_say_where_and_can_be_repaired(tokenizer: HybridTokenizer, hum: Audio) -> None:
    ids = tokenizer.encode(hum)
    broken = [*ids[:5], tokenizer.vocabulary.size, *ids[5:]]
    with pytest.raises(GrammarError, match="position 5") as caught:
        tokenizer.decode(broken)
    assert caught.value.position == 5 and caught.value.allowed
    assert tokenizer.decode(broken, errors="repair").num_samples == hum.num_samples
    tokenizer.decode(ids[:-20], errors="repair")


def test_unknown_options_list_the_known_ones() -> None:
    with pytest.raises(OptionsError, match="rate_weight"):
        HybridTokenizer.from_preset(rate_wait=1.0)
    with pytest.raises(OptionsError, match="layout"):
        _ = HybridTokenizer.from_preset(layout="mixed").vocabulary
    with pytest.raises(OptionsError, match="num_codebooks must be 1"):
        _ = HybridTokenizer.from_preset(num_codebooks=99).vocabulary
    with pytest.raises(OptionsError, match="layout='units' has none: leave it out"):
        HybridTokenizer.from_preset(layout="units", event_codebooks=1)
    with pytest.raises(OptionsError, match="windows must be segment, packed, live"):
        HybridTokenizer.from_preset(windows="whole")
    with pytest.raises(OptionsError, match="it is 'de' here"):
        HybridTokenizer.from_preset(language="de-AT")
    with pytest.raises(OptionsError, match="there are: conversation, default"):
        HybridTokenizer.from_preset("whisper")


def test_real_speech_becomes_text_and_units(tokenizer: HybridTokenizer) -> None:
    path = "dev/ljspeech/LJ001-0012.flac"
    analysis = tokenizer.analyze(recording(path))
    judged = judge([word.text for word in analysis.annotations.words], transcript(path))
    assert judged.errors / judged.said < 0.25
    assert analysis.summary.words > 5
    assert analysis.summary.tokens_per_second < 50  # half of the codec alone
    decoded = tokenizer.decode_analysis(analysis).audio
    assert decoded.num_samples == analysis.source.num_samples
    assert 0.01 < float(np.abs(decoded.samples).max()) <= 1.0


def test_two_languages_are_written_and_spoken_each_in_its_own(tokenizer: HybridTokenizer) -> None:
    paths = ("dev/librispeech/1688-142285-0003.flac", "dev/aishell1/BAC009S0150W0060.flac")
    silence = np.zeros(24_000, np.float32)
    pieces = [piece for path in paths for piece in (read_mono(recording(path))[0].samples, silence)]
    audio = Audio(np.concatenate(pieces), 16_000)
    analysis = tokenizer.analyze(audio)
    items = [item for turn in analysis.stream.channels[0].turns for item in turn.items if isinstance(item, TextItem)]
    languages = [item.language for item in items]
    assert languages == sorted(languages, key=["en", "zh"].index) and set(languages) == {"en", "zh"}
    for path, language, most in zip(paths, ("en", "zh"), (0.2, 0.5), strict=True):
        written = [item.text for item in items if item.language == language]
        judged = judge(written, transcript(path), language)
        assert judged.errors / judged.said < most
    assert tokenizer.vocabulary.decode(analysis.ids) == analysis.stream, "the ids alone say the languages"
    assert tokenizer.decode(analysis.ids).num_samples == audio.num_samples
    with HybridTokenizer.from_preset(speak_as="yue") as cantonese:  # by espeak-ng: Kokoro has no voice for it
        other = cantonese.decode(analysis.ids)
    assert np.abs(other.samples - tokenizer.decode(analysis.ids).samples).max() > 0.01


def test_the_model_and_its_language_are_chosen(tmp_path: Path, hum: Audio) -> None:
    path = recording("dev/librispeech/1688-142285-0003.flac")
    with HybridTokenizer.from_preset(model="tiny.en", windows="packed", diarize=False) as tiny:
        analysis = tiny.analyze(path)
        assert {word.language for word in analysis.annotations.words} == {"en"}
        tiny.save(tmp_path / "a.hyt", analysis)
        assert tiny.load(tmp_path / "a.hyt").header.options["model"] == "tiny.en"
    with HybridTokenizer.for_file(tmp_path / "a.hyt") as again:
        assert (again.options.model, again.options.windows) == ("tiny.en", "packed")
    with HybridTokenizer.from_preset(model="tiny.en", language="de") as german:
        with pytest.raises(OptionsError, match=r"tiny\.en does not know the language 'de'"):
            german.encode(path)
        assert german.encode(hum), "where nothing is said no model is needed"
    with (
        HybridTokenizer.from_preset(model="no-such-model") as missing,
        pytest.raises(ModelError, match="no-such-model"),
    ):
        missing.encode(path)


def test_a_file_holds_no_path_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hum: Audio) -> None:
    (tmp_path / "my-whisper").mkdir()
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path)
    for model, held in (("my-whisper", None), (str(tmp_path), None), ("large-v3", "large-v3"), ("base", "base")):
        options = HybridTokenizer.from_preset(model=model, speak_as="de").options
        assert written_options(options).get("model") == held
        assert "speak_as" not in written_options(options)


def test_text_costs_the_tokens_it_is_written_in(tokenizer: HybridTokenizer, hum: Audio) -> None:
    words = [Word("hello", Span(0, 10), 1.0, language="en"), Word("你好", Span(10, 20), 1.0, language="zh")]
    for word in words:
        stream = tokenizer.analyze(hum, annotations=KnownAnnotations(words=(word,), events=(), turns=())).stream
        item = next(item for turn in stream.channels[0].turns for item in turn.items if isinstance(item, TextItem))
        text = tokenizer.vocabulary.space.text
        assert tokenizer.encoder.count_pieces(word) == len(text.encode(item.text, spaced=word.language == "en"))


@pytest.mark.parametrize("timing", ["locked", "free"])
def test_voice_and_prosody_are_written_read_and_followed(timing: str) -> None:
    path = recording("dev/ljspeech/LJ001-0002.flac")
    words = tuple(
        Word(text, Span(start, start + 18), 1.0) for text, start in (("being", 5), ("quite", 25), ("new", 50))
    )
    options = {"layout": "text", "timing": timing, "events": False}
    with HybridTokenizer.from_preset(prosody="word", **options) as tokenizer:
        analysis = tokenizer.analyze(path, annotations=KnownAnnotations(words=words))
        assert tokenizer.vocabulary.encode(tokenizer.vocabulary.decode(analysis.ids)) == list(analysis.ids)
        assert tokenizer.encode(path, annotations=KnownAnnotations(words=words)) == list(analysis.ids), (
            "the same code again"
        )
        (turn,) = analysis.stream.channels[0].turns
        assert turn.voice is not None and len(turn.voice) == VOICE_CODES
        said = [item for item in turn.items if isinstance(item, TextItem)]
        assert [item.text for item in said] == ["being", "quite", "new"]
        assert all(item.prosody is not None for item in said)
        spoken = tokenizer.decode(analysis.ids)
        np.testing.assert_array_equal(tokenizer.decode(analysis.ids).samples, spoken.samples)
        low = tokenizer.decode(analysis.ids, voices={0: (5, *turn.voice[1:])})
        assert _median_pitch(low) < 0.6 * _median_pitch(spoken)
        assert tokenizer.decode(analysis.ids, voices={0: path}).num_samples > 0
        with pytest.raises(StreamError, match="no speaker 4"):
            tokenizer.decode(analysis.ids, voices={4: path})
    with HybridTokenizer.from_preset(voice=False, **options) as tokenizer:
        bare = tokenizer.analyze(path, annotations=KnownAnnotations(words=words))
        assert all(turn.voice is None for turn in bare.stream.channels[0].turns)
        assert len(bare.ids) < len(analysis.ids)


def _word(text: str, start: float) -> Word:
    return Word(text, Span(round(50 * start), round(50 * start) + 15), 1.0)


def test_each_channel_has_its_speaker_and_both_are_heard_where_they_overlap(
    tokenizer: HybridTokenizer, two_sides: Audio, tmp_path: Path
) -> None:
    words = (_word("left", 1.0), _word("both", 4.5), _word("right", 7.0))
    analysis = tokenizer.analyze(two_sides, annotations=KnownAnnotations(words=words))
    turns = analysis.annotations.turns
    left, right = ([turn.span for turn in turns if turn.speaker == k] for k in range(2))
    assert {turn.speaker for turn in turns} == {0, 1}
    assert max(span.end for span in left) <= 265, "the left is silent after 4.9 s; turns are widened by 0.2 s"
    assert min(span.start for span in right) >= 195, "the right is before 3.9 s"
    together = sum(one.overlap(other) for one in left for other in right)
    assert 15 <= together <= 60, "of a second together, some is a breath"
    (decision,) = [one for one in analysis.decisions if words[1] in one.words]
    assert "talked over" in decision.reason
    order = list(dict.fromkeys(turn.speaker for turn in analysis.stream.channels[0].turns))
    assert order == [0, 1]
    said = {item.text: turn.speaker for turn in analysis.stream.channels[0].turns for item in turn.items
            if isinstance(item, TextItem)}  # fmt: skip
    assert (said["left"], said["right"]) == (0, 1)
    assert tokenizer.vocabulary.decode(analysis.ids) == analysis.stream
    write_wav(tmp_path / "sides.wav", two_sides)
    assert tokenizer.annotate(tmp_path / "sides.wav", annotations=KnownAnnotations(words=words)).turns == turns


def test_what_is_coded_is_the_mix_wherever_speakers_are_told_apart(
    tokenizer: HybridTokenizer, two_sides: Audio
) -> None:
    for source in (two_sides, (two_sides.samples, 16_000)):
        made = tokenizer._record(source, None)
        np.testing.assert_array_equal(made.audio.samples, two_sides.to_mono().samples)
        assert made.source.channels == 2
        np.testing.assert_array_equal(np.stack([channel.samples for channel in made.channels]), two_sides.samples)


def test_the_same_signal_on_two_channels_is_one_recording(tokenizer: HybridTokenizer, two_sides: Audio) -> None:
    known = KnownAnnotations(words=())
    alone = Audio(two_sides.samples[0, :78_400], 16_000)
    mono = tokenizer.annotate(alone, annotations=known)
    assert {turn.speaker for turn in mono.turns} == {0}
    twice = Audio(np.stack([alone.samples, alone.samples]), 16_000)
    assert tokenizer.annotate(twice, annotations=known) == mono
    with HybridTokenizer.from_preset(diarize_channels="separate") as separate:
        for second in (alone.samples, 0.5 * alone.samples, 0 * alone.samples):
            channels = Audio(np.stack([alone.samples, second.astype(np.float32)]), 16_000)
            assert {turn.speaker for turn in separate.annotate(channels, annotations=known).turns} == {0}
    with HybridTokenizer.from_preset(diarize_channels="mix") as mix:
        assert mix.annotate(twice, annotations=known) == mono


def test_a_silent_channel_has_no_speaker(tokenizer: HybridTokenizer, two_sides: Audio) -> None:
    for silent in (0, 1):
        channels = two_sides.samples.copy()
        channels[silent] = 0
        turns = tokenizer.annotate((channels, 16_000), annotations=KnownAnnotations(words=())).turns
        assert {turn.speaker for turn in turns} == {0}
    nothing = np.zeros((2, 16_000), np.float32)
    assert tokenizer.annotate((nothing, 16_000), annotations=KnownAnnotations(words=())).turns == ()


def test_channels_that_cannot_be_separate_are_refused(hum: Audio) -> None:
    with pytest.raises(OptionsError, match="mix, separate or auto"):
        HybridTokenizer.from_preset(diarize_channels="left")
    with pytest.raises(OptionsError, match="needs diarize"):
        HybridTokenizer.from_preset(diarize=False, diarize_channels="separate")
    with pytest.raises(OptionsError, match="speakers=0"):
        HybridTokenizer.from_preset(speakers=0)
    with (
        HybridTokenizer.from_preset(diarize_channels="separate") as tokenizer,
        pytest.raises(AudioError, match="one channel"),
    ):
        tokenizer.encode(hum)


def _reader(seconds: float, start: float = 0.5) -> NDArray[np.float32]:
    samples = read_mono(recording("dev/ljspeech/LJ001-0014.flac"))[0].samples
    return samples[round(16_000 * start) : round(16_000 * (start + seconds))]


def _both_all_the_time() -> NDArray[np.float32]:
    other = read_mono(recording("dev/librispeech/1688-142285-0000.flac"))[0].samples
    return _reader(4.0) + other[16_000 : 16_000 + 64_000]


def _chord() -> NDArray[np.float32]:
    time = np.arange(3 * 16_000) / 16_000
    return np.sum([0.1 * np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392)], axis=0)


NOT_SPEECH: dict[str, Callable[[], Audio]] = {
    "silence": lambda: Audio(np.zeros(48_000, np.float32), 16_000),
    "a chord": lambda: Audio.from_samples(_chord(), 16_000),
    "a chord in stereo": lambda: Audio.from_samples(np.stack([_chord(), 0.3 * _chord()]), 16_000),
    **{
        f"music {seed}": lambda seed=seed: Audio.from_samples(0.3 * music(4.0, np.random.default_rng(seed)), 16_000)
        for seed in range(3)
    },
    "0.1 s of hiss": lambda: Audio.from_samples(np.random.default_rng(0).normal(0, 0.01, 1_600), 16_000),
}


@pytest.mark.parametrize("name", NOT_SPEECH)
def test_no_speaker_and_no_event_is_invented(tokenizer: HybridTokenizer, name: str) -> None:
    audio = NOT_SPEECH[name]()
    analysis = tokenizer.analyze(audio)
    assert analysis.annotations.turns == ()
    assert _labels(analysis.stream) == []
    assert {turn.speaker for turn in analysis.stream.channels[0].turns} <= {0}
    assert tokenizer.decode(analysis.ids).num_samples == audio.num_samples


BAD_SPEECH: dict[str, tuple[Callable[[], Audio], int]] = {
    "one word": (lambda: Audio(_reader(0.5), 16_000), 1),
    "0.1 s": (lambda: Audio(_reader(0.1), 16_000), 1),
    "clipped": (lambda: Audio(np.clip(20 * _reader(4.0), -1, 1), 16_000), 1),
    "telephone": (lambda: resample(Audio(_reader(4.0), 16_000), 8_000), 1),
    "two all the time": (lambda: Audio(_both_all_the_time(), 16_000), 2),
}


@pytest.mark.parametrize("name", BAD_SPEECH)
def test_speech_of_bad_quality_has_no_more_speakers_and_no_other_events(tokenizer: HybridTokenizer, name: str) -> None:
    """Readers breathe; they do nothing else. The words are left out: this is not about recognition."""
    make, people = BAD_SPEECH[name]
    audio = make()
    analysis = tokenizer.analyze(audio, annotations=KnownAnnotations(words=()))
    assert len({turn.speaker for turn in analysis.annotations.turns}) <= people
    if audio.seconds > 1:
        assert analysis.annotations.turns
    assert set(_labels(analysis.stream)) <= {"breath"}
    assert tokenizer.decode(analysis.ids).num_samples == resampled_length(audio.num_samples, audio.sample_rate, 16_000)


def test_one_word_of_which_nothing_is_known(tokenizer: HybridTokenizer) -> None:
    """The recognizer too."""
    analysis = tokenizer.analyze((_reader(0.5), 16_000))
    assert {turn.speaker for turn in analysis.stream.channels[0].turns} == {0}
    assert tokenizer.decode(analysis.ids).num_samples == 8_000


def _labels(stream: HybridStream) -> list[str]:
    turns = stream.channels[0].turns
    return [item.label for turn in turns for item in turn.items if isinstance(item, EventItem)]


def _median_pitch(audio: Audio) -> float:
    track = track_pitch(audio.samples, audio.sample_rate)
    return float(np.median(track.frequency[track.voiced]))


def test_units_alone_have_no_voice_and_no_other_prosody_is_known(hum: Audio) -> None:
    with HybridTokenizer.from_preset(layout="units") as tokenizer:
        stream = tokenizer.vocabulary.decode(tokenizer.encode(hum))
        assert all(turn.voice is None for turn in stream.channels[0].turns)
    with pytest.raises(OptionsError, match="prosody must be none, word, not 'phone'"):
        HybridTokenizer.from_preset(prosody="phone")


def test_a_voice_code_is_neutral_without_speech(tokenizer: HybridTokenizer) -> None:
    assert tokenizer.voice_code((np.zeros(16_000, np.float32), 16_000)) == NEUTRAL_CODE
    assert tokenizer.voice_code((np.zeros(0, np.float32), 16_000)) == NEUTRAL_CODE
