"""A recording encoded while it is being heard: the ids of the file, in chunks of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fakes import FakeCodec
from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import WINDOW, SileroOptions, SileroState, SileroStream
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import RecognizerWindow, WindowRule
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import WindowOptions, cut_windows
from hybrid_tok.errors import AudioError, BackendError, OptionsError, StateError
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.block_layout import OutsideChannel
from hybrid_tok.tokens.blocks import read_blocks, read_tracks
from real_audio import recording

RATE = 16_000


class LevelDetector:
    """Speech is what is louder than -26 dB."""

    name = "level"
    fingerprint = "level-1"
    options = SileroOptions()

    def run(self, samples: NDArray[np.float32], state: SileroState) -> NDArray[np.float32]:
        return (np.abs(samples.reshape(-1, WINDOW)).mean(1) > 0.05).astype(np.float32)

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        stream = self.stream()
        return (*stream.push(audio.samples).spans, *stream.flush().spans)

    def stream(self, state: SileroState | None = None) -> SileroStream:
        return SileroStream(self.run, self.options, state)


@dataclass
class WindowRecognizer:
    """A word every 0.4 s of a window, whose text and confidence are in the samples under it.

    Attributes:
        heard: seconds of each window.
    """

    rule: WindowRule = "segment"
    heard: list[float] = field(default_factory=list)

    name = "windows"
    fingerprint = "windows-1"

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: Progress | None = None
    ) -> tuple[Word, ...]:
        words: list[Word] = []
        for window in cut_windows(audio, speech, WindowOptions.of(self.rule)):
            self.heard.append(window.frames / 50)
            for start in range(window.span.start, window.span.end - 5, 20):
                span = Span(start, min(start + 18, window.span.end))
                level = float(np.abs(audio.samples[span.start * 320 : span.end * 320]).mean())
                disturbed = any(event.span.overlap(span) for event in events)
                confidence = 0.2 if disturbed else min(1.0, 0.5 + 4 * level)
                words.append(Word(f"w{round(1_000 * level)}", span, confidence, language="en"))
        return tuple(words)


class CarryingWindows(WindowRecognizer):
    """As `WindowRecognizer`, in a language that is told from the first two windows; each changes it."""

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: Progress | None = None
    ) -> tuple[Word, ...]:
        windows = [one.span for one in cut_windows(audio, speech, WindowOptions.of(self.rule))]
        given = [
            RecognizerWindow(
                one.start,
                Audio(audio.samples[one.start * 320 : one.end * 320], RATE),
                tuple(Span(max(s.start, one.start) - one.start, min(s.end, one.end) - one.start)
                      for s in speech if s.overlap(one)),
                tuple(Event(e.label, Span(max(e.span.start, one.start) - one.start,
                                          min(e.span.end, one.end) - one.start), e.confidence)
                      for e in events if e.span.overlap(one)),
            )
            for one in windows
        ]  # fmt: skip
        words: list[Word] = []
        learned: dict[str, float] = {}
        while given:
            found, learned = self.recognize_next(given, None, learned)
            for window, own in zip(given, found, strict=False):
                words += [
                    replace(w, span=Span(w.span.start + window.start, w.span.end + window.start)) for w in own
                ]  # fmt: skip
            given = given[len(found) :]
        return tuple(words)

    def recognize_next(
        self, windows: Sequence[RecognizerWindow], upcoming: int | None, learned: dict[str, float]
    ) -> tuple[list[tuple[Word, ...]], dict[str, float]]:
        count = 1
        if not learned:  # the second is waited for where it starts within 200 frames
            following = windows[1].span.start if len(windows) > 1 else upcoming
            if following is not None and following <= windows[0].span.end + 200:
                if len(windows) < 2:
                    return [], learned
                count = 2
        state = dict(learned) or {"seconds": sum(one.audio.seconds for one in windows[:count])}
        found: list[tuple[Word, ...]] = []
        for one in windows[:count]:
            words = super().recognize(one.audio, one.speech, one.events)
            language = "en" if round(50 * state["seconds"]) % 2 else "de"
            found.append(tuple(Word(w.text, w.span, w.confidence, None, language) for w in words))
            state["seconds"] += one.audio.seconds
        return found, state


class LoudTagger:
    """A laugh where it is very loud."""

    name = "loud"
    fingerprint = "loud-1"

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        frames = -(-audio.num_samples // 320)
        padded = np.zeros(frames * 320, np.float32)
        padded[: audio.num_samples] = audio.samples
        loud = np.abs(padded.reshape(-1, 320)).mean(1) > 0.25
        edges = np.flatnonzero(np.diff(loud.astype(int), prepend=0, append=0)).reshape(-1, 2).tolist()
        return tuple(Event("laugh", Span(a, b), 0.9) for a, b in edges if b - a >= 8)


def tokenizer(recognizer: Any = None, codec: FakeCodec | None = None, **options: Any) -> HybridTokenizer:
    rule = options.get("windows", "segment")
    backends: dict[Any, Any] = {
        "voice_activity": LevelDetector(),
        "recognizer": recognizer or WindowRecognizer(rule),
        "tagger": LoudTagger(),
        "codec": codec or FakeCodec(),
    }
    chosen = {"diarize": False, "voice": False, **options}
    plain = HybridTokenizer.from_preset("default", **chosen)
    return HybridTokenizer(plain.preset, plain.options, backends=backends)


LEVELS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.15, 0.4]), st.integers(1, 200)), min_size=1, max_size=8
)
"""Levels of stretches of noise, and their lengths in frames."""


def recorded(levels: Sequence[tuple[float, int]], extra: int = 0, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    parts = [level * rng.uniform(-2, 2, 320 * length) for level, length in levels]
    return np.concatenate([*parts, 0.1 * rng.uniform(-1, 1, extra)]).astype(np.float32)


def streamed(
    tok: HybridTokenizer, samples: NDArray[np.float32], sizes: Sequence[int], exports: bool = False, rate: int = RATE
) -> list[int]:
    encoder, ids, at, turn = tok.stream_encoder(rate), list[int](), 0, 0
    while at < samples.shape[-1]:
        size = sizes[turn % len(sizes)]
        ids += encoder.push(samples[..., at : at + size])
        at, turn = at + size, turn + 1
        if exports and turn % 9 == 0:
            encoder = tok.stream_encoder(state=encoder.export_state())
    return ids + encoder.flush()


OPTIONS = st.fixed_dictionaries(
    {"windows": st.sampled_from(["segment", "live"])},
    optional={
        "layout": st.sampled_from(["text", "units"]),
        "timing": st.just("free"),
        "durations": st.just("word"),
        "run_length": st.just(True),
        "events": st.just(False),
        "rate_weight": st.sampled_from([0.0, 0.2, float("inf")]),
        "prosody": st.just("word"),
    },
).filter(lambda one: not (one.get("layout") == "units" and "timing" in one))

SIZES = st.lists(st.sampled_from([1_280, 7, 321, 5_000, 16_000, 160_000]), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    levels=LEVELS, extra=st.integers(0, 700), options=OPTIONS, sizes=SIZES, carries=st.booleans(), exports=st.booleans()
)
def test_streamed_ids_are_those_of_the_file(
    levels: list[tuple[float, int]], extra: int, options: dict[str, Any], sizes: list[int], carries: bool, exports: bool
) -> None:
    samples = recorded(levels, extra)
    sizes = [*sizes, 16_000]  # in small chunks alone it would take minutes
    recognizer = (CarryingWindows if carries else WindowRecognizer)(options["windows"])
    tok = tokenizer(recognizer, **options)
    assert streamed(tok, samples, sizes, exports) == tok.encode((samples, RATE))


@settings(max_examples=8, deadline=None)
@given(
    levels=LEVELS,
    hop=st.sampled_from([160, 400, 1_280]),
    rate=st.sampled_from([16_000, 24_000]),
    size=st.integers(500, 9_000),
)
def test_codecs_of_other_frames_too(levels: list[tuple[float, int]], hop: int, rate: int, size: int) -> None:
    samples = recorded(levels)
    tok = tokenizer(codec=FakeCodec(sample_rate=rate, hop=hop))
    assert streamed(tok, samples, [size], rate=RATE) == tok.encode((samples, RATE))


@pytest.mark.parametrize("rule", ["segment", "live"])
def test_channels_are_blocks_of_the_same_ids(rule: str) -> None:
    """Streamed or not; and back to the ids of each channel."""
    user = recorded([(0.001, 100), (0.1, 150), (0.001, 300), (0.4, 40)])
    agent = recorded([(0.1, 60), (0.0, 200), (0.15, 330)], seed=1)
    tok = tokenizer(windows=rule)
    whole = tok.analyze_channels([(user, RATE), (agent, RATE)], block=0.16)
    encoder, ids = tok.stream_channels(2, RATE, block=0.16), list[int]()
    for at in range(0, len(user), 5_000):
        ids += encoder.push(np.stack([user, agent])[:, at : at + 5_000])
    assert tuple(ids + encoder.flush()) == whole.ids
    tracks = read_tracks(tok.vocabulary, whole.ids, whole.layout)
    assert [tok.vocabulary.encode(track) for track in tracks] == [list(track.ids) for track in whole.tracks]
    assert tracks[0] == tok.vocabulary.decode(tok.encode((user, RATE)))
    assert [turn.speaker for turn in tracks[1].channels[0].turns] == [1]


def test_outside_tokens_ride_along() -> None:
    tok = tokenizer()
    speech = recorded([(0.1, 100)])
    images = OutsideChannel("image", 100, tok.vocabulary.size)
    given = {images: [(0.32, 7), (0.5, 99), (1.6, 0)]}
    analysis = tok.analyze_channels([(speech, RATE), (speech, RATE)], outside=given)
    assert read_blocks(tok.vocabulary, analysis.ids, analysis.layout).outside == {"image": ((16, 7), (24, 99), (80, 0))}


def test_channels_that_are_none_are_refused() -> None:
    tok, speech = tokenizer(), recorded([(0.1, 100)])
    with pytest.raises(AudioError, match="two channels or more"):
        tok.encode_channels((speech, RATE))
    with pytest.raises(AudioError, match="channel"):
        tok.encode_channels([(speech, RATE), (speech[:16_000], RATE)])
    with pytest.raises(AudioError, match=r"takes samples \(2, N\)"):
        tok.stream_channels(2, RATE).push(speech)


def test_a_stream_from_another_rate_and_of_several_channels() -> None:
    """Equal to the file but for nothing: the same resampler, the same mix."""
    rng = np.random.default_rng(0)
    stereo = np.repeat(recorded([(0.1, 200), (0.001, 100)]), 3) * rng.uniform(0.5, 1.0, (2, 1)).astype(np.float32)
    tok = tokenizer()
    encoder, ids = tok.stream_encoder(48_000, channels=2), list[int]()
    for at in range(0, stereo.shape[1], 4_801):
        ids += encoder.push(stereo[:, at : at + 4_801])
    assert ids + encoder.flush() == tok.encode((stereo, 48_000))


def test_tokens_are_final_early() -> None:
    """In live windows, a word's ids come 0.3 s after its window's end, whatever follows."""
    tok = tokenizer(windows="live")
    samples = recorded([(0.0, 50), (0.1, 100), (0.0, 100)])
    encoder, at, came = tok.stream_encoder(), 0, None
    while came is None:
        ids = encoder.push(samples[at : at + 320])
        at += 320
        came = at / RATE if ids else None
    assert came - 3.0 <= 0.06 + 0.15 + 0.3 + 0.04, "the detector's padding, the window's, the bound, a chunk"


def test_pending_tells_what_is_heard() -> None:
    tok = tokenizer(windows="segment")
    encoder = tok.stream_encoder()
    encoder.push(recorded([(0.0, 50), (0.1, 100)]))
    assert encoder.pending.speaking and encoder.pending.start == 0.0 and encoder.pending.end == 3.0
    encoder.push(recorded([(0.0, 1_000)]))
    assert not encoder.pending.speaking and encoder.pending.start > 3.0


def test_memory_is_bounded() -> None:
    """What is kept after ten minutes is what is kept after one."""
    tok = tokenizer(windows="live")
    encoder, minute = tok.stream_encoder(), recorded([(0.1, 200), (0.001, 150), (0.4, 50), (0.01, 350)] * 4)
    sizes: list[int] = []
    for _ in range(10):
        for at in range(0, len(minute), 16_000):
            encoder.push(minute[at : at + 16_000])
        sizes.append(len(encoder.export_state()))
    assert max(sizes[5:]) <= 1.2 * max(sizes[:5])


def test_what_cannot_be_heard_is_refused_and_nothing_is_taken() -> None:
    tok = tokenizer()
    samples = recorded([(0.1, 100), (0.001, 100)])
    encoder = tok.stream_encoder()
    ids = encoder.push(samples[:10_000])
    for wrong, said in (
        (np.array([0.0, np.nan], np.float32), "sample 1 of the chunk at 0.625 s is not finite"),
        (np.zeros((2, 5), np.float32), r"takes samples \(N,\)"),
        (np.zeros(5, np.int16), "as floats, not int16"),
        (Audio(np.zeros(5, np.float32), 44_100), "a chunk at 44100 Hz in a stream at 16000 Hz"),
    ):
        with pytest.raises(AudioError, match=said):
            encoder.push(wrong)
    assert encoder.push(np.zeros(0, np.float32)) == []
    ids += encoder.push(samples[10_000:]) + encoder.flush()
    assert ids == tok.encode((samples, RATE))
    with pytest.raises(AudioError, match="has ended"):
        encoder.push(samples)
    with pytest.raises(AudioError, match="has ended"):
        encoder.flush()
    encoder.reset()
    assert encoder.push(samples) + encoder.flush() == ids


def test_states_of_others_are_refused() -> None:
    tok = tokenizer()
    encoder = tok.stream_encoder()
    encoder.push(recorded([(0.1, 100)]))
    state = encoder.export_state()
    with pytest.raises(StateError, match="another stream encoder"):
        tokenizer(windows="live").stream_encoder(state=state)
    for broken in (state[:-5], b"", b"x" * 100, state.replace(b"stream encoder", b"stream decoder")):
        with pytest.raises(StateError):
            tok.stream_encoder(state=broken)
    with pytest.raises(StateError, match="resamples"):
        tok.stream_encoder(8_000).export_state()
    encoder.flush()
    with pytest.raises(StateError, match="has ended"):
        encoder.export_state()


class Failing(WindowRecognizer):
    """Fails at the second window, once."""

    def recognize(self, *given: Any, **named: Any) -> tuple[Word, ...]:
        if len(self.heard) == 1:
            self.heard.append(0.0)
            raise BackendError("the recognizer failed")
        return super().recognize(*given, **named)


def test_what_was_final_outlives_a_failure() -> None:
    samples = recorded([(0.1, 100), (0.001, 150)] * 3)
    tok = tokenizer(Failing("live"), windows="live")
    encoder, ids, at, failures = tok.stream_encoder(), list[int](), 0, 0
    while at < len(samples):
        try:
            ids += encoder.push(samples[at : at + 3_000])
        except BackendError:
            failures += 1
        at += 3_000
    ids += encoder.flush()
    assert failures == 1 and ids == tokenizer(windows="live").encode((samples, RATE))


def test_what_needs_the_whole_recording_is_refused() -> None:
    with pytest.raises(OptionsError, match="needs the whole recording"):
        tokenizer(windows="packed").stream_encoder()
    with pytest.raises(OptionsError, match="cannot be told to a stream"):
        tokenizer(diarize=True, speakers=2).stream_encoder()

    class Whole(FakeCodec):
        encoder_stream = None

    with pytest.raises(BackendError, match="whole recordings only"):
        tokenizer(codec=Whole()).stream_encoder()


def test_one_sample_at_a_time() -> None:
    samples = recorded([(0.0, 5), (0.1, 40), (0.0, 5)], 3)
    for options in ({}, {"layout": "units"}, {"layout": "text"}):
        tok = tokenizer(windows="live", **options)
        assert streamed(tok, samples, [1]) == tok.encode((samples, RATE))


@pytest.mark.parametrize("options", [{"layout": "text"}, {"layout": "units"}, {"timing": "free", "run_length": True}])
def test_a_real_dialogue_in_all_layouts(options: dict[str, Any]) -> None:
    audio = read_mono(recording("dialogues/dialogue03.flac"), RATE)[0]
    samples = audio.samples[: 12 * RATE]
    with HybridTokenizer.from_preset("live", model="tiny.en", **options) as tok:
        assert streamed(tok, samples, [4_000, 20_000]) == tok.encode((samples, RATE))


@pytest.mark.parametrize("rule", ["segment", "live"])
def test_a_real_dialogue_with_the_real_backends(rule: str) -> None:
    """Whisper, the tagger, the codec and the voice: half a minute in chunks of 80 ms and of a second, via a state."""
    audio = read_mono(recording("dialogues/dialogue00.flac"), RATE)[0]
    samples = audio.samples[: 30 * RATE]
    with HybridTokenizer.from_preset("default", diarize=False, windows=rule) as tok:
        whole = tok.encode((samples, RATE))
        assert streamed(tok, samples, [1_280, 16_000]) == whole
        assert streamed(tok, samples, [16_000, 40_000], exports=True) == whole


def test_with_speakers_chunks_do_not_matter() -> None:
    audio = read_mono(recording("dialogues/dialogue01.flac"), RATE)[0]
    samples = audio.samples[: 25 * RATE]
    with HybridTokenizer.from_preset("default", windows="live", events=False, model="tiny.en", language="en") as tok:
        ids = streamed(tok, samples, [RATE])
        assert ids == streamed(tok, samples, [3 * RATE, 10_000], exports=True)
        assert len({turn.speaker for turn in tok.vocabulary.decode(ids).channels[0].turns}) > 1


def test_units_alone_need_no_recognizer() -> None:
    tok = tokenizer(object(), layout="units")
    encoder = tok.stream_encoder()
    encoder.push(recorded([(0.1, 20)]))
    assert tok.stream_encoder(state=encoder.export_state()).seconds == encoder.seconds
