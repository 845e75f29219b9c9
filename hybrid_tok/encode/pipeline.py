"""The way of the data from audio to stream, in one read.

audio -> annotate (activity, speech, words, events, speakers) -> gate (text, units or silence)
      -> quantize (units) -> HybridStream
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from hybrid_tok.annotations import Annotations, Given
from hybrid_tok.audio import Audio, resample
from hybrid_tok.encode.annotate import ANALYSIS_RATE, Annotator, words_inside
from hybrid_tok.encode.gate import Decision, GateOptions, gate
from hybrid_tok.encode.quantize import QuantizeOptions, quantize
from hybrid_tok.interfaces import UnitCodec
from hybrid_tok.stage import StageClock
from hybrid_tok.stream import HybridStream
from hybrid_tok.timeline import count_frames


@dataclass(frozen=True, slots=True)
class Encoding:
    """A stream, and how it came about.

    Attributes:
        stream: what the ids spell.
        decisions: what the gate chose for each stretch and why; they tile the recording.
        annotations: what the gate chose from.
        stage_seconds: wall-clock seconds per stage.
    """

    stream: HybridStream
    decisions: tuple[Decision, ...]
    annotations: Annotations
    stage_seconds: MappingProxyType[str, float]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes recordings with the backends and options it was given.

    Backends come as factories: the `units` layout never loads a recognizer, and pure text never loads a codec.

    Attributes:
        count_pieces: how many tokens a word is as text, in a run of words.
    """

    annotator: Annotator
    codec: Callable[[], UnitCodec]
    count_pieces: Callable[[str], int]
    gate: GateOptions = GateOptions()
    quantize: QuantizeOptions = QuantizeOptions()

    def annotate(self, audio: Audio, clock: StageClock | None = None, given: Given = Given()) -> Annotations:
        """What is heard in mono audio at the codec's rate; arguments as of `encode`."""
        frames = count_frames(audio.num_samples, audio.sample_rate)
        return self.annotator.annotate(resample(audio, ANALYSIS_RATE), frames, clock or StageClock(), given)

    def encode(self, audio: Audio, clock: StageClock | None = None, given: Given = Given()) -> Encoding:
        """Encode mono audio at the codec's rate.

        Args:
            clock: times the stages and reports progress; a silent one is made when left out.
            given: what is known already; each part takes the place of the stage that would have made it.
        """
        clock = clock or StageClock()
        if self.gate.layout == "units":  # units alone need nobody to listen
            frames = count_frames(audio.num_samples, audio.sample_rate)
            annotations = Annotations(frames, words=words_inside(given.words or (), frames))
        else:
            annotations = self.annotate(audio, clock, given)
        with clock.stage("gate"):
            decisions = gate(annotations, self.gate, [self.count_pieces(f" {w.text}") for w in annotations.words])
        with clock.stage("codec"):
            stream = quantize(decisions, audio, self.codec, self.quantize)
        return Encoding(stream, decisions, annotations, MappingProxyType(clock.seconds))
