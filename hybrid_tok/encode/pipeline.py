"""From audio to stream, step by step.

audio -> annotate (activity, speech, passages, events, words, speakers)
      -> passage by passage: gate (text, units or silence)
      -> voice, prosody (how each speaker sounds, how each word is said)
      -> assemble (units) -> HybridStream

`encode.streaming` does the same while the recording is being heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from hybrid_tok.audio import resample
from hybrid_tok.core.annotations import Annotations, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import DEFAULT_GRID, Grid, Span
from hybrid_tok.encode.annotate import ANALYSIS_RATE, Annotator, words_inside
from hybrid_tok.encode.assemble import AssembleOptions, assemble
from hybrid_tok.encode.gate import Decision, GateOptions, gate_passages
from hybrid_tok.encode.passages import join_events, split_annotations
from hybrid_tok.encode.prosody import ProsodyOptions, measure_prosody
from hybrid_tok.encode.voice import VoiceOptions, measure_voice, measure_voices
from hybrid_tok.tokens.stream import HybridStream, Prosody
from hybrid_tok.voice.measure import Embed


@dataclass(frozen=True, slots=True)
class Encoding:
    """A stream, and the steps that led to it.

    Attributes:
        stream: what is written as ids.
        decisions: what the gate chose for each stretch and why; they tile the recording, in frames of 20 ms.
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
        embed: the speaker network that voices are measured with.
        voice: write a voice code at each speaker's first turn; None leaves it out.
        prosody: write how each word is said; None leaves it out.
        grid: the codec's rate and frames.
    """

    annotator: Annotator
    codec: Callable[[], UnitCodec]
    count_pieces: Callable[[Word], int]
    embed: Embed
    gate: GateOptions = GateOptions()
    assemble: AssembleOptions = AssembleOptions()
    voice: VoiceOptions | None = None
    prosody: ProsodyOptions | None = None
    grid: Grid = DEFAULT_GRID

    def annotate(self, recording: Recording, timer: StageTimer | None = None) -> Annotations:
        """Annotate a recording; arguments as of `encode`."""
        mono = resample(recording.audio, ANALYSIS_RATE)
        annotations, _ = self.annotator.annotate(recording, mono, timer or StageTimer())
        return replace(annotations, events=join_events(annotations.events))

    def encode(self, recording: Recording, timer: StageTimer | None = None) -> Encoding:
        """Encode a recording whose audio is at the codec's rate.

        Args:
            timer: times the stages and reports progress; without one, nothing is reported.
        """
        timer = timer or StageTimer()
        audio = recording.audio
        if self.gate.layout == "units":  # units alone need no annotations but the words that were given
            words = words_inside(recording.known.words or (), recording.frames)
            annotations, spans = Annotations(recording.frames, words=words), [Span(0, recording.frames)]
        else:
            mono = resample(audio, ANALYSIS_RATE)
            annotations, passages = self.annotator.annotate(recording, mono, timer)
            spans = [passage.span for passage in passages]
        parts = list(split_annotations(annotations, spans))
        with timer.stage("gate"):
            decisions = gate_passages(parts, spans, self.gate, self.count_pieces)
        voices, prosody = self._voices_and_prosody(audio, decisions, parts, timer)
        with timer.stage("codec"):
            stream = assemble(decisions, audio, self.codec, self.assemble, voices, prosody, self.grid)
        whole = replace(annotations, events=join_events(annotations.events))
        return Encoding(stream, decisions, whole, MappingProxyType(timer.seconds))

    def voice_code(self, audio: Audio) -> tuple[int, ...]:
        """The voice code of the one speaker of a mono recording; neutral where there is no speech."""
        audio = resample(audio, ANALYSIS_RATE)
        speech = self.annotator.voice_activity().detect(audio)
        return measure_voice(audio, speech, self.embed, self.voice or VoiceOptions())

    def _voices_and_prosody(
        self, audio: Audio, decisions: Sequence[Decision], annotations: Sequence[Annotations], timer: StageTimer
    ) -> tuple[dict[int, tuple[int, ...]], dict[Word, Prosody]]:
        """The voice codes of speakers and the prosody of words, as the options say; the units layout has neither."""
        voices: dict[int, tuple[int, ...]] = {}
        prosody: dict[Word, Prosody] = {}
        if self.gate.layout != "units" and (self.voice is not None or self.prosody is not None):
            audio = resample(audio, ANALYSIS_RATE)
            if self.voice is not None:
                with timer.stage("voice"):
                    voices = measure_voices(audio, decisions, annotations, self.embed, self.voice)
            if self.prosody is not None:
                with timer.stage("prosody"):
                    prosody = measure_prosody(audio, decisions, self.prosody)
        return voices, prosody
