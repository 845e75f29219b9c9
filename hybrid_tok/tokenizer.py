"""`HybridTokenizer`: recordings to ids and back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from hybrid_tok.audio import read_channels, read_mono, resample
from hybrid_tok.core.annotations import Annotations, KnownAnnotations
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.interfaces import CodecIdentity, Stage, Synthesizer
from hybrid_tok.core.languages import check_language, writes_spaces
from hybrid_tok.core.per_process import PerProcess
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.threads import map_threads
from hybrid_tok.core.timeline import Grid, count_frames
from hybrid_tok.decode.mixer import limited
from hybrid_tok.decode.pipeline import DecodeOptions, Decoder
from hybrid_tok.decode.plan import Voice
from hybrid_tok.decode.streaming import StreamDecodeOptions, StreamDecoder
from hybrid_tok.encode.annotate import ANALYSIS_RATE, Annotator
from hybrid_tok.encode.assemble import AssembleOptions
from hybrid_tok.encode.channels import ChannelOptions
from hybrid_tok.encode.crosstalk import Crosstalk, check_lengths, find_crosstalk, warn_of
from hybrid_tok.encode.duplex import DuplexEncoder, number_speakers
from hybrid_tok.encode.gate import Decision, GateOptions
from hybrid_tok.encode.look_ahead import LookAhead
from hybrid_tok.encode.pipeline import Encoder, Encoding
from hybrid_tok.encode.prosody import ProsodyOptions
from hybrid_tok.encode.streaming import OnlineDiarizer, StreamEncoder
from hybrid_tok.errors import AudioError, BackendError, OptionsError
from hybrid_tok.formats.annotation_files import AnnotationFiles
from hybrid_tok.options import TokenizerOptions as TokenizerOptions
from hybrid_tok.options import options_of_file, written_options
from hybrid_tok.presets import Preset, find_preset
from hybrid_tok.registry import Choice, choose
from hybrid_tok.sounds.bank import SoundBank, load_bank
from hybrid_tok.tokens.block_layout import BlockLayout, OutsideChannel, block_frames, outside_tokens
from hybrid_tok.tokens.blocks import blocks_of, join_channels, stream_of_blocks, stream_of_file
from hybrid_tok.tokens.container import Header, HybridFile, check_fingerprint, read_file, write_file
from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.merges_file import load_merges
from hybrid_tok.tokens.script import read_script, stream_of_script
from hybrid_tok.tokens.stream import Frame, HybridStream, TextItem
from hybrid_tok.tokens.summary import Summary, summarize
from hybrid_tok.tokens.text import TextTokenizer, load_text_tokenizer
from hybrid_tok.tokens.vocabulary import Errors, Vocabulary
from hybrid_tok.voice.space import is_voice

if TYPE_CHECKING:
    from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

Source: TypeAlias = "str | Path | Audio | tuple[NDArray[Any], int]"
"""A recording: a path ("-" is standard input), an `Audio`, or (samples (N,) or (channels, N), sample rate in Hz)."""

Known: TypeAlias = "AnnotationFiles | KnownAnnotations | Annotations | None"
"""What is known about a recording beforehand. Each part of a `KnownAnnotations`, or each of the files, replaces the
result of the stage that would have made it; with `Annotations` no stage has to run."""

Voices: TypeAlias = "Mapping[int, Source | Sequence[int]] | None"
"""Speakers to be decoded in another voice: a published voice or a mixture of some by name ("af_heart",
"af_heart:0.6+am_onyx:0.4"), that of a recording, or a voice code (integers, 0 to 63)."""

OnProgress: TypeAlias = Callable[[str, float, float], None]
"""Called with (stage, done, total) during long work."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A recording as ids, and the steps that led to them.

    Attributes:
        ids: in one flat id space.
        stream: what is written as ids.
        decisions: the gate's choice and reason for each stretch; they tile the recording.
        annotations: words, events, turns, speech.
        source: rate, samples and channels of the input.
        summary: tokens/s, bits/s, shares of the time.
        grid: the codec's rate and frames, in which the stream's places are; those of decisions and annotations are in
            frames of 20 ms.
        stage_seconds: wall-clock seconds per stage.
    """

    ids: tuple[int, ...]
    stream: HybridStream
    decisions: tuple[Decision, ...]
    annotations: Annotations
    source: SourceInfo
    summary: Summary
    grid: Grid
    stage_seconds: MappingProxyType[str, float]


@dataclass(frozen=True, slots=True)
class ChannelsAnalysis:
    """Several channels as one sequence of blocks (`tokens.blocks`).

    Attributes:
        ids: block by block, a row for each channel.
        layout: of the blocks.
        tracks: everything about each channel by itself.
        stream: the channels as one stream.
        source: rate, samples and channels of the input.
        crosstalk: what of a channel is heard in another.
    """

    ids: tuple[int, ...]
    layout: BlockLayout
    tracks: tuple[Analysis, ...]
    stream: HybridStream
    source: SourceInfo
    crosstalk: tuple[Crosstalk, ...]

    @property
    def tokens_per_second(self) -> float:
        seconds = self.source.num_samples / self.source.sample_rate
        return len(self.ids) / seconds if seconds else 0.0


@dataclass(frozen=True, slots=True)
class Decoding:
    """Decoded audio, and how it was made.

    Attributes:
        audio: the samples.
        stage_seconds: wall-clock seconds per stage.
        spoken_by: the synthesizer of each language; None is the language of text without one.
    """

    audio: Audio
    stage_seconds: MappingProxyType[str, float]
    spoken_by: MappingProxyType[str | None, str]


class HybridTokenizer:
    """Recordings to ids in one flat id space, and back.

    Made by `from_preset`; backends load when first needed, so making one is cheap. Close it (or use it as a
    context manager) to stop the worker processes of its backends.

        tok = HybridTokenizer.from_preset("default")
        ids = tok.encode("talk.wav")
        audio = tok.decode(ids)
    """

    def __init__(
        self,
        preset: Preset,
        options: TokenizerOptions,
        *,
        backends: Mapping[Stage, Any] | None = None,
        text: TextTokenizer | None = None,
    ) -> None:
        """Args:
        preset: names of the backends.
        options: everything else that can be chosen.
        backends: objects of your own in place of the preset's, by stage ("recognizer", "codec", ..).
        text: a text tokenizer that is at hand, in place of the one that `options` name.
        """
        if text is not None and options.text_tokenizer is not None:
            raise OptionsError(f"two text tokenizers: {options.text_tokenizer} and {text.name}; give one")
        self.preset = preset
        self.options = options
        self._given: dict[Stage, Any] = dict(backends or {})
        self._text = text
        self._loaded = PerProcess(self._given)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, here or in another process, load their backends again; those given go along."""
        return partial(type(self), backends=self._given, text=self._text), (self.preset, self.options)

    @classmethod
    def from_preset(cls, preset: str = "default", **options: Any) -> Self:
        """A tokenizer by the name of its preset, or the path of a preset file (`hybrid_tok.presets`).

        Args:
            options: fields of `TokenizerOptions`, in place of the preset's.

        Raises:
            OptionsError: no such preset, option or backend, a value outside its range, or an option that would be
                ignored.
        """
        found = find_preset(preset)
        chosen = found.with_options(options)
        found.check(chosen)
        return cls(found, chosen)

    @classmethod
    def for_file(cls, source: str | Path | HybridFile, **options: Any) -> Self:
        """A tokenizer with the preset and options that a `.hyt` file was written with.

        Args:
            source: a path, "-" for standard input, or what `read_file` gave.
            options: what a file does not hold: the decoder's own choices (`DECODER_OPTIONS`), such as `text_tokenizer`
                where the file has another than the bundled one.

        Raises:
            ContainerError: it is damaged, of another version, or has options that no file has.
        """
        file = source if isinstance(source, HybridFile) else read_file(source)
        preset = find_preset(file.header.preset)
        # What listened to the recording need not be installed where it is decoded.
        return cls(preset, preset.with_options({**options_of_file(file.name, file.header.options), **options}))

    @cached_property
    def codec_identity(self) -> CodecIdentity:
        """Rate, codebooks and fingerprint of the codec, read without loading it."""
        if "codec" in self._given:
            return CodecIdentity.of(self._given["codec"])
        return self.preset.choice("codec", self.options).identify()

    @property
    def synthesizer_name(self) -> str:
        """The chosen synthesizer; languages that it lacks are spoken by another."""
        return self.preset.choice("synthesizer", self.options).entry.name

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The id space, and the map between ids and streams."""
        codec = self.codec_identity
        num_codebooks = codec.default_codebooks if self.options.num_codebooks is None else self.options.num_codebooks
        if not 1 <= num_codebooks <= codec.num_codebooks:
            raise OptionsError(f"num_codebooks must be 1..{codec.num_codebooks} for {codec.name}, not {num_codebooks}")
        return Vocabulary(
            VocabularyOptions(
                codec=codec.fingerprint,
                codebook_size=codec.codebook_size,
                hop=codec.hop,
                num_codebooks=num_codebooks,
                event_codebooks=self.options.event_codebooks,
                layout=self.options.layout,
                timing=self.options.timing,
                durations=self.options.durations,
                run_length=self.options.run_length,
                prosody=self.options.prosody == "word",
                unit_merges=None if self.options.unit_merges is None else load_merges(self.options.unit_merges),
            ),
            self._text or load_text_tokenizer(self.options.text_tokenizer),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Of everything that ids depend on: preset, options, vocabulary, and the models that listen, which it loads."""
        parts = [self.preset.name, sorted(asdict(self.options).items()), sorted(self.vocabulary.fingerprint.items())]
        stages: tuple[Stage, ...] = ("voice_activity", "recognizer", *(("tagger",) if self.options.events else ()))
        if self.options.layout != "units":
            parts += [self._backend(stage).fingerprint for stage in stages]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    @cached_property
    def encoder(self) -> Encoder:
        """The pipeline from audio to stream."""
        options, look_ahead = self.vocabulary.options, LookAhead.of(self.options.windows)
        annotator = Annotator(
            voice_activity=lambda: self._backend("voice_activity"),
            recognizer=lambda: self._backend("recognizer"),
            aligner=lambda: self._backend("aligner"),
            events=(lambda: self._backend("tagger")) if self.options.events else None,
            diarizer=(lambda: self._backend("diarizer")) if self.options.diarize else None,
            speakers=self.options.speakers,
            channels=ChannelOptions(self.options.diarize_channels),
            look_ahead=look_ahead,
        )
        return Encoder(
            annotator=annotator,
            codec=lambda: self._backend("codec"),
            count_pieces=lambda word: len(self.vocabulary.space.text.encode(word.text, writes_spaces(word.language))),
            embed=lambda samples: self._loaded.get("speaker encoder", self._speaker_encoder).embed(samples),
            gate=GateOptions(
                rate_weight=self.options.rate_weight,
                layout=options.layout,
                num_codebooks=options.num_codebooks,
                frame_rate=self.codec_identity.grid.frame_rate,
            ),
            assemble=AssembleOptions(
                timing=options.timing,
                durations=options.durations,
                num_codebooks=options.num_codebooks,
                event_codebooks=options.event_codebooks,
                layout=options.layout,
            ),
            voice=look_ahead.voice if self.options.voice else None,
            prosody=ProsodyOptions() if self.options.prosody == "word" else None,
            grid=self.codec_identity.grid,
        )

    @cached_property
    def decoder(self) -> Decoder:
        """The pipeline from stream to audio."""
        return Decoder(
            synthesizer=self._synthesizer,
            codec=lambda: self._backend("codec"),
            grid=self.codec_identity.grid,
            speak_as=self.options.speak_as,
            options=DecodeOptions(room_tone=self.options.room_tone, max_seconds=self.options.max_seconds),
        )

    def stream_encoder(
        self, sample_rate: int | None = None, *, channels: int = 1, state: bytes | None = None
    ) -> StreamEncoder:
        """An encoder for a recording that is still going on: `push(samples)` and `flush()` give ids that are final.

        With one speaker (`diarize=False`) the ids are exactly those of `encode`, in chunks of any size. How soon they
        are final depends on what the options look ahead for: `windows="live"` (preset `live`) waits least.

        Args:
            sample_rate: of the samples that will be pushed, in Hz; None is the codec's.
            channels: that are mixed to one.
            state: to go on from, as `StreamEncoder.export_state` gave it for the same options.

        Raises:
            OptionsError: packed windows, which need the whole recording.
            BackendError: a backend that hears whole recordings only.
            StateError: the state is damaged, of another version, or of another tokenizer.
        """
        if self.options.windows == "packed":
            raise OptionsError("windows='packed' needs the whole recording: use segment or live (--windows live)")
        return StreamEncoder(
            self.encoder,
            self.vocabulary.space,
            self._online_diarizer() if self.options.diarize and self.options.layout != "units" else None,
            sample_rate,
            channels,
            fingerprint=lambda: self.fingerprint,
            state=state,
        )

    def analyze_channels(
        self,
        sources: Source | Sequence[Source],
        *,
        block: float = 0.16,
        outside: Mapping[OutsideChannel, Sequence[tuple[float, int]]] | None = None,
    ) -> ChannelsAnalysis:
        """Everything about several channels, each of one speaker, as one sequence of blocks.

        Args:
            sources: a recording of several channels, or one for each channel; a shorter one ends in silence.
            block: seconds of a block.
            outside: tokens that are no speech (seconds, token), in further rows.

        Raises:
            AudioError: there is one channel, or their lengths differ by more than 0.1 s.
            OptionsError: free timing, which has no places; or several speakers in a channel.
            BackendError: a backend is missing or failed.
        """
        encoder = self._one_speaker_encoder()
        layout, tokens, audios, source = self._channels(sources, block, outside or {})
        tracks: list[Analysis] = []
        encodings = [encoder.encode(Recording.of(audio)) for audio in audios]
        streams = number_speakers(encoding.stream for encoding in encodings)
        for audio, encoding, stream in zip(audios, encodings, streams, strict=True):
            ids = tuple(self.vocabulary.encode(stream))
            info = SourceInfo(source.sample_rate, source.num_samples, 1)
            tracks.append(self._analysis(encoding, stream, ids, info, audio.seconds, encoding.stage_seconds))
        stream = join_channels(streams)
        ids = tuple(blocks_of(self.vocabulary, stream, layout, tokens))
        crosstalk = find_crosstalk([resample(audio, ANALYSIS_RATE) for audio in audios])
        return ChannelsAnalysis(ids, layout, tuple(tracks), stream, source, crosstalk)

    def encode_channels(
        self,
        sources: Source | Sequence[Source],
        *,
        block: float = 0.16,
        outside: Mapping[OutsideChannel, Sequence[tuple[float, int]]] | None = None,
    ) -> list[int]:
        """Several channels to ids in blocks; see `analyze_channels`. Crosstalk is warned about (`CrosstalkWarning`)."""
        analysis = self.analyze_channels(sources, block=block, outside=outside)
        warn_of(analysis.crosstalk)
        return list(analysis.ids)

    def stream_channels(
        self,
        channels: int = 2,
        sample_rate: int | None = None,
        *,
        block: float = 0.16,
        outside: Sequence[OutsideChannel] = (),
    ) -> DuplexEncoder:
        """As `stream_encoder`, for several channels of one speaker each: blocks that are final in all channels."""
        layout = BlockLayout(channels, block_frames(block, self.codec_identity.grid), tuple(outside))
        encoder = self._one_speaker_encoder()
        rate = sample_rate or self.codec_identity.sample_rate

        def make(channel: int) -> StreamEncoder:
            return StreamEncoder(encoder, self.vocabulary.space, None, rate, 1, channel)

        return DuplexEncoder(make, self.vocabulary, layout, rate)

    def decode_channels(self, ids: Sequence[int], layout: BlockLayout, *, voices: Voices = None) -> Audio:
        """Blocks of ids to audio (channels, N) at the codec's rate.

        Raises:
            GrammarError: an id is out of place.
        """
        return self.decoder.decode(stream_of_blocks(self.vocabulary, ids, layout), voices=self._voices(voices))

    def _channels(
        self,
        sources: Source | Sequence[Source],
        block: float,
        outside: Mapping[OutsideChannel, Sequence[tuple[float, int]]],
    ) -> tuple[BlockLayout, dict[str, tuple[tuple[int, int], ...]], list[Audio], SourceInfo]:
        """The layout, the outside tokens by frame, and the channels at the codec's rate, equally long."""
        grid = self.codec_identity.grid
        if isinstance(sources, list) or (isinstance(sources, tuple) and not isinstance(sources[0], np.ndarray)):
            read = [self.read(source) for source in sources]  # pyright: ignore[reportArgumentType]
            check_lengths([audio for audio, _ in read])
            audios = [audio for audio, _ in read]
            longest = max((info for _, info in read), key=lambda info: info.num_samples / info.sample_rate)
            info = replace(longest, channels=len(read))
        else:
            audios, info = self._read_apart(sources)  # pyright: ignore[reportArgumentType]
        if len(audios) < 2:
            raise AudioError("blocks need two channels or more: give a recording for each, or one with several")
        length = max(audio.num_samples for audio in audios)
        audios = [Audio(np.pad(one.samples, (0, length - one.num_samples)), one.sample_rate) for one in audios]
        layout = BlockLayout(len(audios), block_frames(block, grid), tuple(outside))
        tokens = {channel.name: outside_tokens(given, grid) for channel, given in outside.items()}
        return layout, tokens, audios, info

    def _read_apart(self, source: Source) -> tuple[list[Audio], SourceInfo]:
        """The channels of a recording, each at the codec's rate."""
        rate = self.codec_identity.sample_rate
        if isinstance(source, str | Path):
            _, info, channels = read_channels(source, rate, rate, allow_truncated=self.options.allow_truncated)
            return list(channels), info
        audio = source if isinstance(source, Audio) else Audio.from_samples(*source)
        info = SourceInfo(audio.sample_rate, audio.num_samples, audio.num_channels)
        return [resample(Audio(row, audio.sample_rate), rate) for row in np.atleast_2d(audio.samples)], info

    def _one_speaker_encoder(self) -> Encoder:
        """The encoder of a channel in which one speaker talks."""
        if self.options.speakers not in (None, 1):
            raise OptionsError(f"speakers={self.options.speakers}: in blocks, each channel is one speaker")
        if self.options.windows == "packed":
            raise OptionsError("windows='packed' is not for blocks: use segment or live (--windows live)")
        if self.options.timing == "free":
            raise OptionsError("blocks are steps of time, and free timing has no times: use timing='locked'")
        return replace(self.encoder, annotator=replace(self.encoder.annotator, diarizer=None))

    def _online_diarizer(self) -> Callable[[], OnlineDiarizer]:
        """What makes a diarizer that tells speakers apart while they talk."""
        name = self.preset.choice("diarizer", self.options).entry.name
        if "diarizer" in self._given or name != "builtin":
            raise BackendError(
                f"diarizer {name!r} hears whole recordings only: a stream takes the builtin one, or diarize=False"
            )
        if self.options.speakers not in (None, 1):
            raise OptionsError(f"speakers={self.options.speakers} cannot be told to a stream: leave it out")
        from hybrid_tok.diarizer.online import OnlineDiarizer

        return OnlineDiarizer

    def analyze(self, source: Source, *, annotations: Known = None, on_progress: OnProgress | None = None) -> Analysis:
        """Everything about a recording: ids, stream, every decision of the gate with its reason, figures.

        Args:
            source: several channels are mixed to one; speakers may be told apart in each (option
                `diarize_channels`).
            annotations: what is known already; see `Known`.
            on_progress: called with (stage, done, total) during the work.

        Raises:
            AudioError: the recording cannot be read, has samples that are not finite, or has one channel although
                `diarize_channels` is `separate`.
            BackendError: a backend is missing or failed.
        """
        timer = StageTimer(on_progress)
        with timer.stage("read"):
            recording = self._record(source, annotations)
        encoding = self.encoder.encode(recording, timer)
        with timer.stage("vocabulary"):
            ids = tuple(self.vocabulary.encode(encoding.stream))
        seconds = recording.audio.seconds
        return self._analysis(encoding, encoding.stream, ids, recording.source, seconds, timer.seconds)

    def _analysis(
        self,
        encoding: Encoding,
        stream: HybridStream,
        ids: tuple[int, ...],
        source: SourceInfo,
        seconds: float,
        stage_seconds: Mapping[str, float],
    ) -> Analysis:
        """Everything about a recording of so many seconds, written as a stream."""
        return Analysis(
            ids=ids,
            stream=stream,
            decisions=encoding.decisions,
            annotations=encoding.annotations,
            source=source,
            summary=summarize(stream, ids, self.vocabulary, seconds),
            grid=self.codec_identity.grid,
            stage_seconds=MappingProxyType(dict(stage_seconds)),
        )

    def annotate(
        self, source: Source, *, annotations: Known = None, on_progress: OnProgress | None = None
    ) -> Annotations:
        """Annotate a recording: words, events, turns, speech; arguments and errors as of `analyze`."""
        return self.encoder.annotate(self._record(source, annotations), StageTimer(on_progress))

    def encode(self, source: Source, *, annotations: Known = None) -> list[int]:
        """A recording to ids; see `analyze` for the arguments, the errors and for more than the ids."""
        return list(self.analyze(source, annotations=annotations).ids)

    def analyze_batch(self, sources: Iterable[Source]) -> list[Analysis]:
        """Everything about each of several recordings, exactly as `analyze` alone would give it.

        Several are encoded at the same time, by threads that share the models: a matrix product over several
        recordings would round otherwise than one alone, and so could change ids. A short recording, which has too
        little work for all cores by itself, gains most.
        """
        return map_threads(self.analyze, sources)

    def encode_batch(self, sources: Iterable[Source]) -> list[list[int]]:
        """Recordings to ids, each exactly as `encode` alone would give it; see `analyze_batch`."""
        return map_threads(self.encode, sources)

    def decode(self, ids: Sequence[int], *, errors: Errors = "strict", voices: Voices = None) -> Audio:
        """Ids to audio at the codec's rate; in locked timing exactly as many samples as went in.

        Args:
            errors: `strict` raises on the first id out of place; `repair` changes the sequence as little as it can.
            voices: speakers whose text is decoded in another voice (voice conversion). Units do not change.

        Raises:
            GrammarError: an id is out of range or out of place (with `strict`).
            StreamError: a speaker in `voices` has no turn.
        """
        stream = self.vocabulary.decode(ids, errors=errors)
        return self.decoder.decode(stream, voices=self._voices(voices))

    def stream_decoder(self, voices: Voices = None, options: StreamDecodeOptions | None = None) -> StreamDecoder:
        """A decoder that takes ids as they come and gives audio at the codec's rate as soon as it is final.

            dec = tok.stream_decoder()
            for i in ids:
                play(dec.push([i]))
            play(dec.flush())

        Args:
            voices: as of `decode`.
            options: how much is spoken at a time, and how much is held back.

        Raises:
            StreamError: `voices` has a speaker that no stream of this vocabulary has.
        """
        return StreamDecoder(self.decoder, self.vocabulary, self._voices(voices), options)

    def say(
        self,
        text: str,
        *,
        language: str | None = "en",
        voices: Voices = None,
        seed: int = 0,
        bank: SoundBank | None = None,
    ) -> Audio:
        """Text with tags (see `tokens.script`) to speech at the codec's rate: "so funny <laugh> I can't".

        Args:
            language: of the text, a code of `core.languages`.
            voices: of the speakers; without tags, all text is speaker 0's.
            seed: which of the bank's examples a tag begins with; the same seed gives the same audio.
            bank: where sounds come from; None is the one in the package.

        Raises:
            OptionsError: a tag names no sound, or there is nothing to say.
            TextError: the text is not Unicode.
            StreamError: a speaker in `voices` says nothing.
            BackendError: the bank's sounds are another codec's units.
        """
        stream = self.script(text, language=language, seed=seed, bank=bank)
        return self.decoder.decode(stream, voices=self._voices(voices))

    def script(
        self, text: str, *, language: str | None = "en", seed: int = 0, bank: SoundBank | None = None
    ) -> HybridStream:
        """What `say` speaks, as a stream in free timing; arguments and errors as of `say`."""
        if language is not None:
            check_language(language)
        width = self.vocabulary.options.event_width

        def units(label: EventLabel, before: int) -> tuple[Frame, ...]:
            sounds = bank or load_bank()
            sounds.check_codec(self.codec_identity)
            return tuple(frame[:width] for frame in sounds.choose(label, before + seed).units)

        return stream_of_script(read_script(text), language, units)

    def voice_code(self, source: Source) -> tuple[int, ...]:
        """The voice code of the speaker of a recording: integers, 0 to 63; neutral without speech."""
        return self.encoder.voice_code(self.read(source)[0])

    def decode_batch(self, sequences: Iterable[Sequence[int]], *, errors: Errors = "strict") -> list[Audio]:
        """Id sequences to audio, each exactly as `decode` alone would give it; in threads, as `encode_batch`."""
        return map_threads(partial(self.decode, errors=errors), sequences)

    def decode_analysis(
        self, analysis: Analysis, on_progress: OnProgress | None = None, *, voices: Voices = None
    ) -> Decoding:
        """The second half of a round trip: at the input's own rate, and exactly as long in locked timing.

        Args:
            voices: as of `decode`.
        """
        return self.decode_stream(self.vocabulary.decode(analysis.ids), analysis.source, on_progress, voices=voices)

    def save(self, path: str | Path, analysis: Analysis | ChannelsAnalysis) -> None:
        """Write a `.hyt` file, atomically."""
        blocks = analysis.layout if isinstance(analysis, ChannelsAnalysis) else None
        self.save_ids(path, analysis.ids, analysis.source, blocks)

    def save_ids(
        self, path: str | Path, ids: Sequence[int], source: SourceInfo, blocks: BlockLayout | None = None
    ) -> None:
        """Write all ids of a recording, such as a stream encoder gave them, to a `.hyt` file, atomically.

        Args:
            source: rate, samples and channels of the recording.
            blocks: the shape of the blocks that the ids are; None where they are a stream.
        """
        header = Header(
            preset=self.preset.name,
            options=written_options(self.options) | {"num_codebooks": self.vocabulary.options.num_codebooks},
            fingerprint=dict(self.vocabulary.fingerprint),
            source=source,
            codec_rate=self.codec_identity.sample_rate,
            blocks=blocks,
        )
        write_file(path, HybridFile(header, tuple(ids)))

    def load(self, source: str | Path | HybridFile) -> HybridFile:
        """Read a `.hyt` file that was written with this vocabulary, codec and options.

        Raises:
            ContainerError: it is damaged, or of another version.
            FingerprintError: it was written with something else; the message says which part differs.
        """
        file = source if isinstance(source, HybridFile) else read_file(source)
        check_fingerprint(file.name, file.header.fingerprint, self.vocabulary.fingerprint)
        return file

    def decode_file(
        self, source: str | Path | HybridFile, on_progress: OnProgress | None = None, *, voices: Voices = None
    ) -> Decoding:
        """A `.hyt` file to audio at the rate of the recording it was made from, and exactly as long when locked.

        Args:
            voices: as of `decode`.
        """
        file = self.load(source)
        return self.decode_stream(stream_of_file(self.vocabulary, file), file.header.source, on_progress, voices=voices)

    def decode_stream(
        self,
        stream: HybridStream,
        source: SourceInfo | None = None,
        on_progress: OnProgress | None = None,
        *,
        voices: Voices = None,
    ) -> Decoding:
        """A stream to audio, and how it was made.

        Args:
            source: the recording whose rate, and length in locked timing, the audio gets; None leaves the codec's rate.
            voices: as of `decode`.
        """
        timer = StageTimer(on_progress)
        audio = self.decoder.decode(stream, timer, self._voices(voices))
        if source is not None:
            with timer.stage("resample"):
                length = source.num_samples if stream.timing == "locked" else None
                audio = limited(resample(audio, source.sample_rate, length))  # a resampled peak may be higher
        items = (item for channel in stream.channels for turn in channel.turns for item in turn.items)
        languages = {self.options.speak_as or item.language for item in items if isinstance(item, TextItem)}
        spoken = {language: self._synthesizer_of(language).entry.name for language in sorted(languages, key=str)}
        return Decoding(audio, MappingProxyType(timer.seconds), MappingProxyType(spoken))

    def read(self, source: Source) -> tuple[Audio, SourceInfo]:
        """A recording as mono audio at the codec's rate, and the properties of the original."""
        rate = self.codec_identity.sample_rate
        if isinstance(source, str | Path):
            return read_mono(source, rate, allow_truncated=self.options.allow_truncated)
        audio = source if isinstance(source, Audio) else Audio.from_samples(*source)
        info = SourceInfo(audio.sample_rate, audio.num_samples, audio.num_channels)
        return resample(audio.to_mono(), rate), info

    def _record(self, source: Source, known: Known) -> Recording:
        """A recording as `read` gives it, its channels at the annotator's rate where they are asked for, and what is
        known about it."""
        channels: tuple[Audio, ...] = ()
        use = self.options.diarize_channels
        if not self.options.diarize or use == "mix" or self.options.layout == "units":
            audio, info = self.read(source)
        elif isinstance(source, str | Path):
            audio, info, channels = read_channels(
                source,
                self.codec_identity.sample_rate,
                ANALYSIS_RATE,
                allow_truncated=self.options.allow_truncated,
            )
        else:
            whole = source if isinstance(source, Audio) else Audio.from_samples(*source)
            audio, info = self.read(whole)
            if whole.num_channels > 1:
                channels = tuple(resample(Audio(row, whole.sample_rate), ANALYSIS_RATE) for row in whole.samples)
        if info.channels == 1 and use == "separate":
            named = str(source) if isinstance(source, str | Path) else "the recording"
            raise AudioError(f"{named} has one channel, none that could be separate: leave --diarize-channels out")
        return Recording(audio, info, channels, _known(known, audio, source))

    def close(self) -> None:
        """Stop the backends' worker processes. The tokenizer can be used again; they start again."""
        self._loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _voices(self, voices: Voices) -> dict[int, Voice]:
        """Voices by name as they are, the given voice codes, and those of the given recordings."""
        found: dict[int, Voice] = {}
        for speaker, voice in (voices or {}).items():
            if isinstance(voice, str) and is_voice(voice):
                found[speaker] = voice
            elif isinstance(voice, str | Path | Audio) or len(voice) == 2:
                found[speaker] = self.voice_code(voice)  # pyright: ignore[reportArgumentType]
            else:
                found[speaker] = tuple(int(step) for step in voice)
        return found

    def _backend(self, stage: Stage) -> Any:
        """Make a backend when it is first needed."""
        return self._loaded.get(stage, lambda: self._make(self.preset.choice(stage, self.options)))

    def _speaker_encoder(self) -> SpeakerEncoder:
        """What voices are measured with, whoever tells speakers apart."""
        from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

        return SpeakerEncoder(device=self.options.device)

    def _make(self, choice: Choice) -> Any:
        return choice.make(**{name: getattr(self.options, name) for name in choice.entry.options})

    def _synthesizer(self, language: str | None) -> Synthesizer:
        """The synthesizer for a language: the chosen one, or the preset's for languages that one does not speak."""
        if "synthesizer" in self._given:
            return self._given["synthesizer"]
        choice = self._synthesizer_of(language)
        return self._loaded.get(("synthesizer", choice.entry.name), lambda: self._make(choice))

    def _synthesizer_of(self, language: str | None) -> Choice:
        choice = self.preset.choice("synthesizer", self.options)
        other = self.preset.fallback.get("synthesizer")
        return choice if other is None or choice.entry.speaks(language) else choose("synthesizer", other)


def _known(known: Known, audio: Audio, source: Source) -> KnownAnnotations:
    """What the caller knows about a recording."""
    if isinstance(known, AnnotationFiles):
        name = Path(source).stem if isinstance(source, str | Path) and source != "-" else None
        return known.read(count_frames(audio.num_samples, audio.sample_rate), name)
    if isinstance(known, Annotations):
        return KnownAnnotations.everything(known)
    return known or KnownAnnotations()
