"""From stream to audio, step by step.

HybridStream -> plan -> unit segments: vocode -> mixer -> room tone -> Audio
                        text segments: speak
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Synthesizer, UnitCodec
from hybrid_tok.core.progress import Progress, StageTimer
from hybrid_tok.core.timeline import Grid
from hybrid_tok.decode.mixer import Mixer
from hybrid_tok.decode.plan import Plan, TextSegment, UnitSegment, Voice, plan
from hybrid_tok.decode.room_tone import add_room_tone
from hybrid_tok.decode.speak import Piece, speak
from hybrid_tok.decode.vocode import vocode
from hybrid_tok.errors import BackendError, OptionsError, StreamError
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.voice.code import NEUTRAL, dequantize

_S = TypeVar("_S")
_LONGEST_CROSSFADE = 0.24
"""Seconds: many segments are no longer than that."""

_Ranges: TypeAlias = "list[tuple[int, int]]"


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How segments are put together.

    Attributes:
        crossfade: seconds of the fades where segments meet.
        warm_up: frames of the codec for which the first units of a run are repeated before it (see `vocode`).
        ceiling: highest absolute sample value; louder peaks are limited.
        gap: seconds between segments of one turn in free timing.
        turn_gap: seconds between segments of different speakers in free timing.
        room_tone: fill what is between the units with the noise of the room that is heard in them.
        max_seconds: the longest audio that is decoded, all channels together: a few ids may ask for days of it.
    """

    crossfade: float = 0.01
    warm_up: int = 6
    ceiling: float = 0.99
    gap: float = 0.06
    turn_gap: float = 0.25
    room_tone: bool = True
    max_seconds: float = 6 * 3600.0

    def __post_init__(self) -> None:
        if self.warm_up < 0 or not 0.0 <= self.crossfade <= _LONGEST_CROSSFADE:
            raise OptionsError(
                f"crossfade must be 0 to {_LONGEST_CROSSFADE} s, warm_up at least 0: {self.crossfade}, {self.warm_up}"
            )
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
        grid: the codec's rate, which is the output's, and its frames.
        speak_as: the language all text is spoken in; None follows the stream.
    """

    synthesizer: Callable[[str | None], Synthesizer] | None
    codec: Callable[[], UnitCodec] | None
    grid: Grid
    speak_as: str | None = None
    options: DecodeOptions = DecodeOptions()

    def __post_init__(self) -> None:
        if self.overhang > self.options.warm_up * self.grid.hop:
            raise OptionsError(
                f"crossfade must be at most twice the warm-up of {self.options.warm_up} frames of {self.grid.hop} "
                f"samples, not {self.options.crossfade} s"
            )

    @property
    def sample_rate(self) -> int:
        """Of the output, in Hz."""
        return self.grid.sample_rate

    def decode(
        self,
        stream: HybridStream,
        timer: StageTimer | None = None,
        voices: Mapping[int, Voice] = MappingProxyType({}),
    ) -> Audio:
        """Decode a stream: samples (N,), or (channels, N) of a stream with several.

        Locked timing gives exactly as many samples as the stream says. Free timing puts each channel's segments
        one after another at their natural pace.

        Args:
            voices: speakers whose text is spoken in another voice: a voice code, or a name the synthesizer knows.

        Raises:
            BackendError: the stream needs a backend that is missing, or another than the one here.
            StreamError: the stream's remainder does not fit a frame, a speaker in `voices` has no turn, a
                voice code is invalid, or the audio would be longer than `max_seconds`.
        """
        timer = timer or StageTimer()
        planned = plan(stream, self.grid, voices)
        output = self._decode_locked if planned.num_samples is not None else self._decode_free
        known = planned.unit_frames * self.grid.hop  # free timing: the least it can be
        self.check_length(known if planned.num_samples is None else planned.num_samples * planned.channels)
        mixer, units = output(planned, timer)
        with timer.stage("mixer"):
            if self.options.room_tone:
                for samples, ranges in zip(mixer.channels, units, strict=True):
                    add_room_tone(samples, ranges, self.overhang, self.sample_rate)
            return Audio(mixer.finish(self.options.ceiling, self.sample_rate), self.sample_rate)

    def check_length(self, num_samples: int) -> None:
        """Refuse too many samples, of all channels together."""
        seconds = num_samples / self.sample_rate
        if seconds > self.options.max_seconds:
            raise StreamError(
                f"the stream is {seconds:,.0f} s long, all channels together, and at most "
                f"{self.options.max_seconds:,.0f} s are decoded: raise max_seconds (--max-seconds)"
            )

    @property
    def overhang(self) -> int:
        """Samples by which segments extend beyond their place on both sides, for cross-fades."""
        return round(self.options.crossfade / 2 * self.sample_rate)

    def _decode_locked(self, planned: Plan, timer: StageTimer) -> tuple[Mixer, list[_Ranges]]:
        """Locked timing: each segment is mixed as soon as it is rendered."""
        assert planned.num_samples is not None
        hop = self.grid.hop
        mixer = Mixer(planned.channels, planned.num_samples, self.overhang)
        units: list[_Ranges] = [[] for _ in range(planned.channels)]
        for segment, samples in self._render_units(planned, timer):
            assert segment.start is not None, "locked timing gives every segment a place"
            mixer.add(segment.channel, segment.start * hop, samples)
            units[segment.channel].append((segment.start * hop, (segment.start + len(segment.units)) * hop))
        for segment, pieces in self._render_text(planned, timer):
            for piece in pieces:
                assert piece.start is not None, "locked timing gives every phrase a place"
                mixer.add(segment.channel, piece.start * hop, piece.samples)
        return mixer, [sorted(ranges) for ranges in units]

    def _decode_free(self, planned: Plan, timer: StageTimer) -> tuple[Mixer, list[_Ranges]]:
        """Free timing: all segments are rendered first, since each starts where the one before ends."""
        rendered: dict[int, NDArray[np.float32]] = {}
        for segment, samples in self._render_units(planned, timer):
            rendered[id(segment)] = samples
        for segment, pieces in self._render_text(planned, timer):
            rendered[id(segment)] = pieces[0].samples
        lengths = [len(rendered[id(segment)]) - 2 * self.overhang for segment in planned.segments]
        starts, num_samples = self._line_up(planned, lengths)
        self.check_length(num_samples * planned.channels)
        mixer = Mixer(planned.channels, num_samples, self.overhang)
        units: list[_Ranges] = [[] for _ in range(planned.channels)]
        for segment, start, length in zip(planned.segments, starts, lengths, strict=True):
            mixer.add(segment.channel, start, rendered.pop(id(segment)))
            if isinstance(segment, UnitSegment):
                units[segment.channel].append((start, start + length))
        return mixer, units

    def _render_units(self, planned: Plan, timer: StageTimer) -> Iterator[tuple[UnitSegment, NDArray[np.float32]]]:
        segments = [segment for segment in planned.segments if isinstance(segment, UnitSegment)]
        if not segments:
            return
        with timer.stage("vocoder"):
            codec = self.load_codec()
            for segment in _counted(segments, timer.progress("vocoder")):
                yield segment, vocode(segment, codec, self.options.warm_up, self.overhang)

    def _render_text(self, planned: Plan, timer: StageTimer) -> Iterator[tuple[TextSegment, list[Piece]]]:
        segments = [segment for segment in planned.segments if isinstance(segment, TextSegment)]
        if not segments:
            return
        with timer.stage("synthesizer"):
            synthesizers: dict[str | None, Synthesizer] = {}
            for segment in _counted(segments, timer.progress("synthesizer")):
                utterance = segment.utterance
                if self.speak_as is not None:
                    utterance = replace(utterance, language=self.speak_as)
                if utterance.language not in synthesizers:
                    synthesizers[utterance.language] = self.load_synthesizer(utterance.language)
                synthesizer = synthesizers[utterance.language]
                level = speaking_level(segment, planned.codes.get(segment.utterance.speaker))
                yield segment, speak(utterance, synthesizer, self.sample_rate, level, self.overhang)

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

    def load_synthesizer(self, language: str | None) -> Synthesizer:
        """The synthesizer of a language.

        Raises:
            BackendError: there is none.
        """
        if self.synthesizer is None:
            raise BackendError("the stream has text, but there is no synthesizer to speak it: give the decoder one")
        return self.synthesizer(language)

    def load_codec(self) -> UnitCodec:
        """The codec.

        Raises:
            BackendError: there is none, or it has another rate or other frames than the output.
        """
        if self.codec is None:
            raise BackendError("the stream has units, but there is no unit codec to decode them: give the decoder one")
        codec = self.codec()
        if codec.sample_rate != self.sample_rate:
            raise BackendError(f"{codec.name} gives {codec.sample_rate} Hz, but the output is at {self.sample_rate} Hz")
        if codec.hop != self.grid.hop:
            raise BackendError(f"{codec.name} has frames of {codec.hop} samples, but the stream of {self.grid.hop}")
        return codec


def speaking_level(segment: TextSegment, code: tuple[int, ...] | None) -> float:
    """Active speech level in dB of a speaker with this voice code; that of the mean speaker without one.

    A speaker in another voice is as loud as before.
    """
    if code is None:
        return NEUTRAL.level
    try:
        return dequantize(code).level
    except ValueError as error:
        raise StreamError(f"speaker {segment.utterance.speaker}: {error}") from None


def _counted(segments: Sequence[_S], progress: Progress | None) -> Iterator[_S]:
    """The segments, while reporting how many are done."""
    for done, segment in enumerate(segments):
        if progress is not None:
            progress(done, len(segments))
        yield segment
