"""Encodes a recording while it is being heard: samples in, ids that are final out.

samples -> activity, speech -> windows -> passages -> events, words, speakers of a passage
        -> gate -> voice, prosody -> units -> ids

Each stage goes on from a state of its own, and each passage (`encode.passages`) is finished as soon as its stages know
what they look ahead for (`encode.look_ahead`). So the ids are those of `encode.pipeline` for the whole recording, in
chunks of any size, with one speaker; with diarization, speakers are told apart by a diarizer that never revises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio.resampling import Resampler
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import CarryingRecognizer, HeardSpeech, RecognizerWindow
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.state import pack_state, unpack_state
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, frame_to_sample
from hybrid_tok.core.windows import CutterState, WindowCutter, quietest
from hybrid_tok.encode.activity import ActivityState, ActivityStream
from hybrid_tok.encode.annotate import ANALYSIS_RATE, CONTEXT, tag_passage
from hybrid_tok.encode.assemble import Languages, Places, place_decisions
from hybrid_tok.encode.gate import Decision, GateState, gate_passage
from hybrid_tok.encode.passages import Passage, PassageCutter, PassageState, clip_events, clip_spans, clip_turns
from hybrid_tok.encode.pipeline import Encoder
from hybrid_tok.encode.prosody import ProsodyMeter, ProsodyState
from hybrid_tok.encode.voice import VoiceMeter, VoiceState
from hybrid_tok.errors import AudioError, BackendError, StateError
from hybrid_tok.tokens.idspace import IdSpace
from hybrid_tok.tokens.stream import Frame, Prosody, UnitItem
from hybrid_tok.tokens.writer import StreamWriter, WriterState, WrittenItem

_HOP = ANALYSIS_RATE // FRAME_RATE
_KIND = "stream encoder"
_KEPT = CONTEXT + FRAME_RATE
"""Frames of audio that are kept from before what is not final: the tagger's context, and the margin of the voice."""

_T = TypeVar("_T")


class OnlineDiarizer(Protocol):
    """Tells speakers apart while they are being heard, and never revises what it said.

    Attributes:
        settled: frame up to which it is known who speaks.
        state: what it goes on with, a dataclass of plain values and arrays (`core.state`).
    """

    state: Any

    @property
    def settled(self) -> int: ...

    def push(self, samples: NDArray[np.float32], speech: Sequence[Span]) -> tuple[SpeakerTurn, ...]: ...

    def finish(self) -> tuple[SpeakerTurn, ...]: ...

    def current(self) -> SpeakerTurn | None: ...

    def restore(self, state: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Pending:
    """What is heard and not final yet.

    Attributes:
        start: seconds at which it begins.
        end: seconds that have been pushed.
        speaking: whether speech goes on.
        words: that are recognized, in frames of the recording.
    """

    start: float
    end: float
    speaking: bool
    words: tuple[Word, ...]


@dataclass(slots=True)
class HeardPassage:
    """A passage whose words or speakers may not be known yet; `words` is None while they are not."""

    span: Span
    window: Span | None
    speech: tuple[Span, ...]
    active: tuple[Span, ...]
    events: tuple[Event, ...]
    words: tuple[Word, ...] | None


@dataclass(slots=True)
class GatedPassage:
    """A passage that waits for its units, or for the voice of a speaker in it."""

    span: Span
    decisions: tuple[Decision, ...]
    prosody: dict[Word, Prosody]


@dataclass(slots=True)
class EncoderState:
    """What a `StreamEncoder` goes on with, besides the states of its backends.

    Attributes:
        received: samples at the codec's rate.
        samples: at 16 kHz, from frame `first` on.
        active: activity from frame `active_first` on.
        speech: that has ended, and is not before all passages that are left.
        lasting: speech that goes on.
        told: frame up to which the diarizer has been told.
        codes: of the codec, (frames, codebooks), from its frame `codes_first` on.
        placed: frame of the codec up to which passages are written.
        cut, heard, gated: passages, by what they wait for.
        learned: by the recognizer.
        language: of the last word.
        turns: of speakers, that are not before all passages that are left.
    """

    received: int = 0
    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    first: int = 0
    active: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    active_first: int = 0
    speech: list[Span] = field(default_factory=list)
    lasting: Span | None = None
    told: int = 0
    codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    codes_first: int = 0
    placed: int = 0
    cut: list[Passage] = field(default_factory=list)
    heard: list[HeardPassage] = field(default_factory=list)
    gated: list[GatedPassage] = field(default_factory=list)
    learned: dict[str, float] = field(default_factory=dict)
    language: str | None = None
    turns: list[SpeakerTurn] = field(default_factory=list)
    gate: GateState | None = None
    activity: ActivityState = field(default_factory=ActivityState)
    windows: CutterState = field(default_factory=CutterState)
    passages: PassageState = field(default_factory=PassageState)
    voice: VoiceState = field(default_factory=VoiceState)
    prosody: ProsodyState = field(default_factory=ProsodyState)
    writer: WriterState = field(default_factory=WriterState)


@dataclass(slots=True)
class _Exported:
    """A stream encoder's state, and those of its backends."""

    own: EncoderState
    voice_activity: bytes | None
    diarizer: bytes | None
    codec: bytes | None


class StreamEncoder:
    """Samples in, final ids out.

    Example:
        >>> encoder = tokenizer.stream_encoder()  # doctest: +SKIP
        >>> for chunk in microphone:  # doctest: +SKIP
        ...     ids += encoder.push(chunk)
        >>> ids += encoder.flush()  # doctest: +SKIP

    A backend that fails leaves what was final: the next call returns it.

    Args:
        encoder: the backends and options, those of the encoder of files.
        space: of the ids.
        diarizer: makes the one that tells speakers apart; None is one speaker.
        sample_rate: of the samples, in Hz.
        channels: of the samples, which are mixed to one.
        first_speaker: number of the first speaker.
        fingerprint: gives that of the tokenizer, for states.
        state: that `export_state` gave, of a stream of the same tokenizer.

    Raises:
        BackendError: the voice activity detector or the codec cannot stream.
        StateError: the state is damaged, of another version or of another tokenizer.
    """

    def __init__(
        self,
        encoder: Encoder,
        space: IdSpace,
        diarizer: Callable[[], OnlineDiarizer] | None = None,
        sample_rate: int | None = None,
        channels: int = 1,
        first_speaker: int = 0,
        fingerprint: Callable[[], str] = str,
        state: bytes | None = None,
    ) -> None:
        self._encoder, self._space, self._grid = encoder, space, encoder.grid
        self._make_diarizer = diarizer
        self._rate, self._channels = sample_rate or encoder.grid.sample_rate, channels
        self._make_fingerprint, self._first_speaker = fingerprint, first_speaker
        self._units_only = encoder.gate.layout == "units"
        self._timer = StageTimer()
        self._begin(state)

    def reset(self) -> None:
        """Start another recording."""
        self._begin(None)

    def push(self, samples: NDArray[np.float32] | Audio) -> list[int]:
        """More samples: (N,), or (channels, N) of several channels; the ids that are now final.

        Raises:
            AudioError: the stream has ended, or the samples are not finite, of another shape or another rate; nothing
                of the chunk is taken.
            BackendError: a backend failed; what was final before is returned by the next call.
        """
        mono = self._checked(samples)
        with self._timer.stage("resample"):
            at_codec = self._to_codec.push(mono[np.newaxis])[0]
            heard = self._to_analysis.push(at_codec[np.newaxis])[0]
        self._take(at_codec)
        if not self._units_only:
            self._hear(heard, last=False)
        return self._given()

    def flush(self) -> list[int]:
        """The end of the recording: the rest of its ids.

        Raises:
            AudioError: the stream has ended already.
            BackendError: as of `push`.
        """
        if self._ended:
            raise AudioError("the stream has ended already: reset() starts another")
        self._ended = True
        at_codec = self._to_codec.finish()[0]
        heard = np.concatenate([self._to_analysis.push(at_codec[np.newaxis])[0], self._to_analysis.finish()[0]])
        self._take(at_codec)
        self._finish_codes()
        if not self._units_only:
            self._hear(heard, last=True)
        frames, remainder = self._grid.count(self._own.received), self._own.received % self._grid.hop
        self._ready += self._writer.finish(frames, remainder)
        return self._given()

    @property
    def seconds(self) -> float:
        """How much of the recording has been pushed."""
        return self._own.received / self._grid.sample_rate

    @property
    def final(self) -> int:
        """The frame of the codec before which everything has been given."""
        own, options = self._own, self._space.options
        if own.writer.run is not None and (options.run_length or options.unit_merges is not None):
            return own.writer.run_start
        return own.writer.cursor if self._units_only else own.placed

    @cached_property
    def _fingerprint(self) -> str:
        return self._make_fingerprint()

    @property
    def hop(self) -> int:
        """Samples of a frame of the codec, at its rate."""
        return self._grid.hop

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Wall-clock seconds of work per stage so far; more of them than `seconds` cannot keep up with real time."""
        return self._timer.seconds

    @property
    def pending(self) -> Pending:
        """What is heard and not final yet."""
        own = self._own
        waiting = [one.span.start for one in (*own.gated, *own.heard, *own.cut)]
        words = [word for one in own.gated for decision in one.decisions for word in decision.words]
        words += [word for one in own.heard for word in one.words or ()]
        start = min([*waiting, own.passages.start]) / FRAME_RATE
        return Pending(min(start, self.seconds), self.seconds, own.lasting is not None, tuple(words))

    def export_state(self) -> bytes:
        """What a stream of the same tokenizer goes on with exactly, also in another process: safetensors.

        Raises:
            StateError: the stream resamples or has ended; the message says what to do.
        """
        if self._ended:
            raise StateError("the stream has ended: there is nothing to go on with")
        if self._rate != self._grid.sample_rate or self._grid.sample_rate != ANALYSIS_RATE:
            raise StateError(
                f"a stream that resamples has no state to export: push samples at {ANALYSIS_RATE} Hz to a codec of "
                f"that rate"
            )
        detector, diarizer = self._detector, self._diarizer
        exported = _Exported(
            self._own,
            None if detector is None else pack_state("detector", self._fingerprint, detector.state),
            None if diarizer is None else pack_state("diarizer", self._fingerprint, diarizer.state),
            None if self._codec is None else self._codec.state(),
        )
        return pack_state(_KIND, self._fingerprint, exported)

    def _begin(self, state: bytes | None) -> None:
        encoder, annotator = self._encoder, self._encoder.annotator
        given = None if state is None else unpack_state(_Exported, _KIND, self._fingerprint, state)
        own = self._own = EncoderState() if given is None else given.own
        self._ended = False
        self._ready: list[int] = []
        self._to_codec = Resampler(self._rate, self._grid.sample_rate, 1)
        self._to_analysis = Resampler(self._grid.sample_rate, ANALYSIS_RATE, 1)
        self._codec: Any = None
        if encoder.gate.layout != "text":
            self._codec = self._open_codec(None if given is None else given.codec)
        self._writer = StreamWriter(self._space, own.voice.codes, own.writer, self._first_speaker)
        self._detector: Any = None
        self._diarizer: OnlineDiarizer | None = None
        if self._units_only:
            return
        self._detector = self._open_detector(None if given is None else given.voice_activity)
        if self._make_diarizer is not None:
            diarizer = self._diarizer = self._make_diarizer()
            if given is not None and given.diarizer is not None:
                kind = type(diarizer.state)
                diarizer.restore(unpack_state(kind, "diarizer", self._fingerprint, given.diarizer))
        ahead = annotator.look_ahead
        self._activity = ActivityStream(ahead.activity, ANALYSIS_RATE, own.activity)
        self._windows = WindowCutter(ahead.windows, own.windows)
        self._passages = PassageCutter(ahead.passages, own.passages)
        self._voice = VoiceMeter(encoder.embed, self._listen, encoder.voice, own.voice) if encoder.voice else None
        self._prosody = ProsodyMeter(self._listen, encoder.prosody, own.prosody) if encoder.prosody else None

    def _open_codec(self, state: bytes | None) -> Any:
        codec: Any = self._encoder.codec()
        if getattr(codec, "encoder_stream", None) is None:
            raise BackendError(f"{codec.name} encodes whole recordings only: a stream needs the builtin codec")
        return codec.encoder_stream() if state is None else codec.encoder_stream(state)

    def _open_detector(self, state: bytes | None) -> Any:
        detector: Any = self._encoder.annotator.voice_activity()
        if getattr(detector, "stream", None) is None:
            raise BackendError(f"{detector.name} detects speech in whole recordings only: a stream needs silero")
        stream = detector.stream()
        if state is None:
            return stream
        return detector.stream(unpack_state(type(stream.state), "detector", self._fingerprint, state))

    def _checked(self, samples: NDArray[np.float32] | Audio) -> NDArray[np.float32]:
        """A chunk as mono float32."""
        if self._ended:
            raise AudioError("the stream has ended: reset() starts another")
        if isinstance(samples, Audio):
            if samples.sample_rate != self._rate:
                raise AudioError(
                    f"a chunk at {samples.sample_rate} Hz in a stream at {self._rate} Hz: resample it, or start "
                    f"another stream"
                )
            samples = samples.samples
        chunk = np.asarray(samples)
        shape = "(N,)" if self._channels == 1 else f"({self._channels}, N)"
        right = chunk.ndim == 1 if self._channels == 1 else chunk.ndim == 2 and len(chunk) == self._channels
        if not right or chunk.dtype.kind != "f":
            raise AudioError(f"the stream takes samples {shape} as floats, not {chunk.dtype} {chunk.shape}")
        finite = np.isfinite(chunk)
        if not finite.all():
            at = int(np.flatnonzero(~finite.reshape(-1, chunk.shape[-1]).all(0))[0])
            raise AudioError(
                f"sample {at} of the chunk at {self.seconds:.3f} s is not finite: nothing of the chunk was taken"
            )
        audio = Audio(chunk.astype(np.float32, copy=False), self._rate)
        return audio.to_mono().samples

    def _take(self, samples: NDArray[np.float32]) -> None:
        """Samples at the codec's rate to codes."""
        self._own.received += len(samples)
        if self._codec is not None:
            with self._timer.stage("codec"):
                self._add_codes(self._codec.push(samples))

    def _finish_codes(self) -> None:
        if self._codec is not None:
            with self._timer.stage("codec"):
                self._add_codes(self._codec.finish())

    def _add_codes(self, codes: NDArray[np.int64]) -> None:
        own, wanted = self._own, self._space.options.num_codebooks
        codes = codes[:, :wanted]
        own.codes = np.concatenate([own.codes, codes]) if len(own.codes) else codes
        if self._units_only and len(own.codes):
            start = own.codes_first
            units = self._cut(Span(start, start + len(own.codes)))
            own.codes_first, own.codes = start + len(own.codes), own.codes[:0]
            self._ready += self._writer.write(WrittenItem(start, 0, UnitItem(units)))

    def _hear(self, samples: NDArray[np.float32], last: bool) -> None:
        """Move every stage on."""
        own = self._own
        own.samples = np.concatenate([own.samples, samples])
        with self._timer.stage("activity"):
            active = self._activity.push(samples)
            active = np.concatenate([active, self._activity.flush()]) if last else active
        own.active = np.concatenate([own.active, active])
        with self._timer.stage("voice activity"):
            heard: HeardSpeech = self._detector.push(samples)
            if last:
                rest = self._detector.flush()
                heard = HeardSpeech((*heard.spans, *rest.spans), None, rest.quiet)
        own.speech += heard.spans
        own.lasting = heard.lasting
        windows = self._windows.push(heard, self._quietest)
        upcoming = self._windows.state.upcoming
        if last:
            total = count_frames(own.received, self._grid.sample_rate)
            windows += self._windows.flush(total)
            upcoming = total
        own.cut += self._passages.push(windows, upcoming, active)
        if last:
            own.cut += self._passages.flush()
        self._tag(last)
        self._recognize(last)
        self._diarize(heard, last)
        self._gate(last)
        self._write(last)
        self._forget()

    def _tag(self, last: bool) -> None:
        """The events of passages whose surroundings are known."""
        own, annotator = self._own, self._encoder.annotator
        ahead = annotator.look_ahead.events if annotator.events is not None else 0
        known = own.first + len(own.samples) // _HOP
        while own.cut and (last or known >= own.cut[0].span.end + ahead):
            passage = own.cut.pop(0)
            events: tuple[Event, ...] = ()
            if annotator.events is not None:
                with self._timer.stage("events"):
                    events = tag_passage(annotator.events(), self._listen, passage.span, ahead)
            speech = clip_spans([*own.speech, *([own.lasting] if own.lasting else [])], passage.span)
            mask = own.active[passage.span.start - own.active_first : passage.span.end - own.active_first]
            active = [Span(passage.span.start + a, passage.span.start + b) for a, b in mask_to_spans(mask)]
            words = None if passage.window is not None else ()
            own.heard.append(HeardPassage(passage.span, passage.window, speech, tuple(active), events, words))

    def _recognize(self, last: bool) -> None:
        """The words of windows of speech."""
        while waiting := [one for one in self._own.heard if one.words is None]:
            with self._timer.stage("recognizer"):
                found = self._words([self._window(one) for one in waiting], last)
            if not found:
                return
            for passage, words in zip(waiting, found, strict=False):
                passage.words = tuple(_moved(words, passage))

    def _words(self, windows: Sequence[RecognizerWindow], last: bool) -> list[tuple[Word, ...]]:
        """The words of the first of some windows, as many as can be told by now."""
        recognizer, own = self._encoder.annotator.recognizer(), self._own
        if not isinstance(recognizer, CarryingRecognizer):
            return [recognizer.recognize(one.audio, one.speech, one.events) for one in windows]
        ahead = [one.window.start for one in own.cut if one.window is not None]
        upcoming = None if last else min([*ahead, self._windows.state.upcoming])
        found, own.learned = recognizer.recognize_next(windows, upcoming, own.learned)
        return found

    def _window(self, passage: HeardPassage) -> RecognizerWindow:
        """What a recognizer is given of a passage."""
        window = passage.window
        assert window is not None
        speech = tuple(span.shifted(-window.start) for span in clip_spans(passage.speech, window))
        inside = clip_events(passage.events, window)
        events = tuple(replace(event, span=event.span.shifted(-window.start)) for event in inside)
        return RecognizerWindow(window.start, self._listen(window), speech, events)

    def _diarize(self, heard: HeardSpeech, last: bool) -> None:
        """Tell the diarizer where there is speech, as far as that is certain."""
        own, diarizer = self._own, self._diarizer
        if diarizer is None:
            return
        with self._timer.stage("diarizer"):
            known = [*heard.spans, *([heard.lasting] if heard.lasting else [])]
            until = heard.lasting.end if heard.lasting else heard.quiet
            until = count_frames(own.received, self._grid.sample_rate) if last else max(until, own.told)
            speech = clip_spans(known, Span(own.told, until))
            end = None if last else frame_to_sample(until - own.first, ANALYSIS_RATE)
            samples = own.samples[frame_to_sample(own.told - own.first, ANALYSIS_RATE) : end]
            own.turns += diarizer.push(samples, speech)
            own.told = until
            if last:
                own.turns += diarizer.finish()

    def _gate(self, last: bool) -> None:
        """How passages are written whose words and speakers are known."""
        own, encoder, diarizer = self._own, self._encoder, self._diarizer
        while own.heard and own.heard[0].words is not None:
            passage = own.heard[0]
            if diarizer is not None and not last and diarizer.settled < passage.span.end:
                return
            del own.heard[0]
            current = diarizer.current() if diarizer is not None and not last else None
            annotations = Annotations(
                passage.span.end,
                passage.speech,
                passage.active,
                passage.words or (),
                passage.events,
                clip_turns([*own.turns, *([current] if current else [])], passage.span),
            )
            with self._timer.stage("gate"):
                counts = [encoder.count_pieces(word) for word in annotations.words]
                decisions, own.gate = gate_passage(annotations, passage.span, encoder.gate, counts, own.gate)
            if self._voice is not None:
                with self._timer.stage("voice"):
                    self._voice.add(decisions, annotations)
            prosody: dict[Word, Prosody] = {}
            if self._prosody is not None:
                with self._timer.stage("prosody"):
                    prosody = self._prosody.measure(decisions)
            own.gated.append(GatedPassage(passage.span, decisions, prosody))
        if self._voice is not None:
            if last:
                self._voice.finish()
            elif own.voice.waiting:
                self._voice.wait(self._next_end())

    def _next_end(self) -> int:
        """The frame at which the next passage that is not gated ends, or a frame before that."""
        own = self._own
        if own.heard or own.cut:
            return (own.heard or own.cut)[0].span.end
        windows = [one.end for one in own.passages.windows] + [one.end for one in own.windows.pieces]
        windows += [own.windows.window.end] if own.windows.window is not None else []
        known = own.passages.start + len(own.passages.active) - self._encoder.annotator.look_ahead.passages.quiet
        return max(min([known, *windows]), own.passages.start)

    def _write(self, last: bool) -> None:
        """The ids of passages whose voices and units are known."""
        own, waiting = self._own, self._own.voice.waiting
        languages = Languages(own.language)
        while own.gated:
            passage = own.gated[0]
            final = last and len(own.gated) == 1
            end = self._grid.count(own.received) if final else self._grid.nearest(passage.span.end)
            if not waiting.keys().isdisjoint(_speakers(passage.decisions)):
                return
            if self._codec is not None and end > own.codes_first + len(own.codes):
                return
            del own.gated[0]
            if not passage.decisions:
                continue
            places = Places.of_passage(passage.decisions, self._grid, own.placed, end)
            options = self._encoder.assemble
            for one in place_decisions(passage.decisions, places, self._cut, options, passage.prosody, languages):
                self._ready += self._writer.write(one)
            own.language, own.placed = languages.in_force, end

    def _cut(self, span: Span) -> tuple[Frame, ...]:
        """The units of a stretch."""
        first = self._own.codes_first
        return tuple(map(tuple, self._own.codes[span.start - first : span.end - first].tolist()))

    def _listen(self, span: Span) -> Audio:
        """The audio of a span that is not final."""
        first = self._own.first
        assert span.start >= first, "audio that is needed has been forgotten"
        return Audio(self._own.samples[(span.start - first) * _HOP : (span.end - first) * _HOP], ANALYSIS_RATE)

    def _quietest(self, start: int, end: int) -> int:
        """The frame between two at which speech that goes on is cut."""
        return start + quietest(self._listen(Span(start, end)), 0, end - start)

    def _forget(self) -> None:
        """Drop what nothing needs any more: memory does not grow with the recording."""
        own = self._own
        starts = [one.span.start for one in (*own.gated, *own.heard, *own.cut)] + [own.passages.start]
        starts += [known.heard for known in own.voice.waiting.values()]
        starts += [own.told] if self._diarizer is not None else []
        start = min(starts)
        keep = max(start - _KEPT, own.first)
        own.samples, own.first = own.samples[(keep - own.first) * _HOP :], keep
        own.active, own.active_first = own.active[max(start - own.active_first, 0) :], max(start, own.active_first)
        own.speech = [span for span in own.speech if span.end > start]
        own.turns = [turn for turn in own.turns if turn.span.end > start]
        drop = max(own.placed - own.codes_first, 0)
        own.codes, own.codes_first = own.codes[drop:], own.codes_first + drop

    def _given(self) -> list[int]:
        ready, self._ready = self._ready, []
        return ready


def _moved(words: Sequence[Word], passage: HeardPassage) -> list[Word]:
    """Words of a window in frames of the recording."""
    assert passage.window is not None
    start, end = passage.window.start, passage.span.end
    moved: list[Word] = []
    for word in sorted(words, key=lambda word: word.span):
        first = word.span.start + start
        if first < end:
            moved.append(replace(word, span=Span(first, min(word.span.end + start, end))))
    return moved


def _speakers(decisions: Sequence[Decision]) -> set[int]:
    """Speakers of whom something is written."""
    written = {one.speaker for one in decisions if one.kind != "pause"}
    return written | {word.speaker or 0 for one in decisions for word in one.under}
