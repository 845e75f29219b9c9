"""From stream to audio, step by step.

    HybridStream -> plan -> unit segments: vocode  -> mixer -> Audio
                            text segments: synthesize, change the voice, stretch to their place

Units come first: they give each speaker's level, and the synthesizer speaks at that level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Speech, Synthesizer, UnitCodec
from hybrid_tok.core.progress import Progress, StageTimer
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.decode.level import SpeakerLevels
from hybrid_tok.decode.mixer import Mixer
from hybrid_tok.decode.plan import Plan, TextSegment, UnitSegment, plan
from hybrid_tok.decode.synthesize import place, speak, speak_freely
from hybrid_tok.decode.synthesizer_voice import SynthesizerVoice
from hybrid_tok.decode.vocode import vocode
from hybrid_tok.decode.voice import VoiceChanger
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.tokens.stream import HybridStream

_S = TypeVar("_S")


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How segments are put together.

    Attributes:
        crossfade: seconds of the fades where segments meet.
        warm_up: frames for which the first units of a run are repeated before it (see `vocode`).
        level_db: active speech level (ITU-T P.56, dB re full scale) of synthesized speech where no units give one.
        ceiling: highest absolute sample value; louder peaks are limited.
        gap: seconds between segments of one turn in free timing.
        turn_gap: seconds between segments of different speakers in free timing.
    """

    crossfade: float = 0.01
    warm_up: int = 6
    level_db: float = -26.0
    ceiling: float = 0.99
    gap: float = 0.06
    turn_gap: float = 0.25

    def __post_init__(self) -> None:
        if not 0.0 <= self.crossfade <= 2 * self.warm_up / FRAME_RATE:
            raise OptionsError(f"crossfade must be from 0 s to twice the warm-up, not {self.crossfade}")
        if not 0.0 < self.ceiling <= 1.0:
            raise OptionsError(f"ceiling must be in (0, 1], not {self.ceiling}")
        if not (self.gap >= 0.0 and self.turn_gap >= 0.0):
            raise OptionsError(f"gap and turn_gap must be at least 0 s, not {self.gap} and {self.turn_gap}")


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes streams with the backends it was given.

    Backends come as factories and are made when the first segment needs them: a stream without text needs no
    synthesizer, one without units no codec. None stands for a missing backend.

    Attributes:
        synthesizer: makes the synthesizer of text runs, by their language (None where the stream has none). Called once
            per decoding and language; caching is up to the caller.
        codec: decodes units.
        sample_rate: of the output in Hz; the codec's.
    """

    synthesizer: Callable[[str | None], Synthesizer] | None
    codec: Callable[[], UnitCodec] | None
    sample_rate: int
    options: DecodeOptions = DecodeOptions()
    _synthesizer_voices: dict[tuple[str, str | None], SynthesizerVoice] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.sample_rate < FRAME_RATE or self.sample_rate % FRAME_RATE:
            raise OptionsError(f"the output rate must be a multiple of {FRAME_RATE} Hz, not {self.sample_rate}")

    def decode(self, stream: HybridStream, timer: StageTimer | None = None) -> Audio:
        """Decode a stream: samples (N,), or (channels, N) of a stream with several.

        Locked timing gives exactly as many samples as the stream says. Free timing puts each channel's segments
        one after another at their natural pace.

        Raises:
            BackendError: the stream needs a backend that is missing, or another than the one here.
            StreamError: the stream's remainder does not fit a frame at this rate.
        """
        timer = timer or StageTimer()
        planned = plan(stream, self.sample_rate)
        if planned.num_samples is not None:
            mixer = self._decode_locked(planned, planned.num_samples, timer)
        else:
            mixer = self._decode_free(planned, timer)
        with timer.stage("mixer"):
            return Audio(mixer.finish(self.options.ceiling, self.sample_rate), self.sample_rate)

    @property
    def _overhang(self) -> int:
        """Samples by which segments extend beyond their place on both sides, for cross-fades."""
        return round(self.options.crossfade / 2 * self.sample_rate)

    def _decode_locked(self, planned: Plan, num_samples: int, timer: StageTimer) -> Mixer:
        """Locked timing: each segment is mixed as soon as it is rendered."""
        mixer = Mixer(planned.channels, num_samples, self._overhang)
        levels = SpeakerLevels(self.options.level_db)
        for segment, samples in self._render_units(planned, levels, timer):
            assert segment.start is not None, "locked timing gives every segment a place"
            mixer.add(segment.channel, segment.start * self.sample_rate // FRAME_RATE, samples)
        for segment, speech, _ in self._render_text(planned, levels, timer):
            for piece in place(segment, speech, num_samples, self._overhang):
                mixer.add(segment.channel, piece.start, piece.samples)
        return mixer

    def _decode_free(self, planned: Plan, timer: StageTimer) -> Mixer:
        """Free timing: all segments are rendered first, since each starts where the one before ends."""
        levels = SpeakerLevels(self.options.level_db)
        rendered: dict[int, NDArray[np.float32]] = {}
        for segment, samples in self._render_units(planned, levels, timer):
            rendered[id(segment)] = samples
        for segment, speech, changer in self._render_text(planned, levels, timer):
            rendered[id(segment)] = speak_freely(speech, self._overhang, changer.lengths(segment, speech))
        lengths = [len(rendered[id(segment)]) - 2 * self._overhang for segment in planned.segments]
        starts, num_samples = self._line_up(planned, lengths)
        mixer = Mixer(planned.channels, num_samples, self._overhang)
        for segment, start in zip(planned.segments, starts, strict=True):
            mixer.add(segment.channel, start, rendered.pop(id(segment)))
        return mixer

    def _render_units(
        self, planned: Plan, levels: SpeakerLevels, timer: StageTimer
    ) -> Iterator[tuple[UnitSegment, NDArray[np.float32]]]:
        """Decode all units, and measure the speakers' levels."""
        segments = [segment for segment in planned.segments if isinstance(segment, UnitSegment)]
        if not segments:
            return
        overhang = self._overhang
        with timer.stage("vocoder"):
            codec = self._load_codec()
            for segment in _counted(segments, timer.progress("vocoder")):
                samples = vocode(segment, codec, self.options.warm_up, overhang)
                levels.add(segment, samples[overhang : len(samples) - overhang], self.sample_rate)
                yield segment, samples

    def _render_text(
        self, planned: Plan, levels: SpeakerLevels, timer: StageTimer
    ) -> Iterator[tuple[TextSegment, Speech, VoiceChanger]]:
        """Synthesize all text, each speaker at the level of that speaker's units and in that speaker's voice."""
        segments = [segment for segment in planned.segments if isinstance(segment, TextSegment)]
        if not segments:
            return
        with timer.stage("synthesizer"):
            changers: dict[str | None, VoiceChanger] = {}
            for segment in _counted(segments, timer.progress("synthesizer")):
                language = segment.language
                if language not in changers:
                    synthesizer = self._load_synthesizer(language)
                    changers[language] = VoiceChanger(synthesizer, self.sample_rate, language, self._synthesizer_voices)
                changer, level = changers[language], levels.of(segment.speaker)
                speech = speak(segment.words, changer.synthesizer, self.sample_rate, level)
                yield segment, changer.apply(segment, speech, level), changer

    def _line_up(self, planned: Plan, lengths: Sequence[int]) -> tuple[list[int], int]:
        """Free timing: where each segment starts, and how long the whole is."""
        gap, turn_gap = (round(seconds * self.sample_rate) for seconds in (self.options.gap, self.options.turn_gap))
        ends = [0] * planned.channels
        before: list[int | None] = [None] * planned.channels
        starts: list[int] = []
        for segment, length in zip(planned.segments, lengths, strict=True):
            channel, speaker = segment.channel, segment.speakers[0]
            if before[channel] is not None:
                ends[channel] += gap if before[channel] == speaker else turn_gap
            starts.append(ends[channel])
            ends[channel] += length
            before[channel] = segment.speakers[-1]
        return starts, max(ends)

    def _load_synthesizer(self, language: str | None) -> Synthesizer:
        if self.synthesizer is None:
            raise BackendError("the stream has text, but there is no synthesizer to speak it: give the decoder one")
        return self.synthesizer(language)

    def _load_codec(self) -> UnitCodec:
        if self.codec is None:
            raise BackendError("the stream has units, but there is no unit codec to decode them: give the decoder one")
        codec = self.codec()
        if codec.sample_rate != self.sample_rate:
            raise BackendError(f"{codec.name} gives {codec.sample_rate} Hz, but the output is at {self.sample_rate} Hz")
        return codec


def _counted(segments: Sequence[_S], progress: Progress | None) -> Iterator[_S]:
    """The segments, while reporting how many are done."""
    for done, segment in enumerate(segments):
        if progress is not None:
            progress(done, len(segments))
        yield segment
