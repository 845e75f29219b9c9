"""Long recordings in pieces, which several workers encode at once, and the pieces as one stream again.

A piece ends in the quietest place around its nominal end. That place depends on the sound there alone, so that whoever
encodes a piece finds both its ends by itself, and the pieces tile the recording. All ends lie on the grid of
annotations and on the codec's, so that frames add up exactly. Speakers are numbered by the likeness of their voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.audio.resampling import resampled_length
from hybrid_tok.core.annotations import KnownAnnotations, SpeakerTurn
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.timeline import FRAME_RATE, Grid, Span
from hybrid_tok.corpus.audio import load
from hybrid_tok.corpus.batches import BatchOptions, grid_step
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.rows import Failure, Row
from hybrid_tok.corpus.step import EncodeStep, Heard, failure_of, heard_in, row_of
from hybrid_tok.encode.annotate import ANALYSIS_RATE
from hybrid_tok.tokenizer import Analysis
from hybrid_tok.tokens.stream import Back, HybridStream, Pause, TextItem
from hybrid_tok.tokens.vocabulary import Vocabulary
from hybrid_tok.tokens.writer import StreamWriter, WrittenItem

_QUIET = 0.3
"""Seconds over which a place must be quiet."""

_VOICE = 30.0
"""Seconds of speech from which a speaker's embedding is taken."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a recording as ids.

    Attributes:
        ids: of the piece by itself.
        samples: of the recording, at its own rate.
        sample_rate, channels: of the recording.
        heard: what is not in the ids.
        voices: speaker -> (embedding, seconds of speech that it was taken from).
    """

    ids: tuple[int, ...]
    samples: int
    sample_rate: int
    channels: int
    heard: Heard
    voices: dict[int, tuple[tuple[float, ...], float]]

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return {**asdict(self), "voices": [[speaker, *voice] for speaker, voice in self.voices.items()]}

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Piece:
        """The piece that `to_json` wrote."""
        voices = {speaker: (tuple(embedding), seconds) for speaker, embedding, seconds in written["voices"]}
        return cls(**{**written, "ids": tuple(written["ids"]), "heard": Heard(**written["heard"]), "voices": voices})


def encode_piece(step: EncodeStep, entry: Entry, piece: int, pieces: int, options: BatchOptions) -> Piece | Failure:
    """A piece as ids, or why there are none."""
    try:
        grid = step.tokenizer.codec_identity.grid
        begin = piece_edge(entry, piece, pieces, options, grid) or Fraction(0)
        end = piece_edge(entry, piece + 1, pieces, options, grid)

        def length(source: SourceInfo) -> int:
            """Of the piece, so that the pieces together are as long as the whole would be."""
            if end is not None:
                return round((end - begin) * grid.sample_rate)
            whole = round(begin * source.sample_rate) + source.num_samples
            return resampled_length(whole, source.sample_rate, grid.sample_rate) - round(begin * grid.sample_rate)

        audio, source, analysis = step.analyze(_cut(entry, begin, end), length)
        voices = _voices(step, audio, analysis) if step.tokenizer.options.diarize else {}
        heard = heard_in(audio, analysis.annotations)
        return Piece(analysis.ids, source.num_samples, source.sample_rate, source.channels, heard, voices)
    except Exception as error:  # as of a whole recording
        return failure_of(entry, error)


def join_pieces(
    entry: Entry, pieces: Sequence[Piece], vocabulary: Vocabulary, grid: Grid, speakers: int | None = None
) -> Row:
    """The row of a recording from all its pieces.

    Args:
        speakers: how many there are, where that is known.
    """
    streams = [vocabulary.decode(piece.ids) for piece in pieces]
    if entry.known.turns is None:
        numbers = _link_speakers(pieces, streams, speakers)
    else:  # of the one speaker there is
        numbers = [{speaker: speaker for speaker in stream.speakers} for stream in streams]
    voices: dict[int, tuple[int, ...] | None] = {}
    for number, stream in zip(numbers, streams, strict=True):
        for channel in stream.channels:
            for turn in channel.turns:
                if turn.voice is not None:
                    voices.setdefault(number[turn.speaker], turn.voice)
    writer = StreamWriter(vocabulary.space, voices)
    ids: list[int] = []
    samples = 0
    for place, (number, stream, piece) in enumerate(zip(numbers, streams, pieces, strict=True)):
        start = grid.count(samples)
        for placed in stream.placed():
            item = placed.item
            if isinstance(item, Pause | Back):
                continue
            ids += writer.write(WrittenItem(start + placed.span.start, number[placed.speaker], item, place))
        samples += piece.heard.samples
    ids += writer.finish(grid.count(samples), samples % grid.hop)
    heard = Heard()
    for piece in pieces:
        heard += piece.heard
    first = pieces[0]
    source = SourceInfo(first.sample_rate, sum(piece.samples for piece in pieces), first.channels)
    return row_of(entry, vocabulary, ids, vocabulary.decode(ids), source, heard)


def piece_edge(entry: Entry, edge: int, pieces: int, options: BatchOptions, grid: Grid) -> Fraction | None:
    """Seconds from the start of the entry to an edge of its pieces; None is its end."""
    if edge == 0:
        return Fraction(0)
    if edge == pieces:
        return None
    step = grid_step(grid)
    nominal = Fraction(options.piece).limit_denominator(1000) * edge
    first = max(1, round((nominal - Fraction(options.search)) / step))
    last = round((nominal + Fraction(options.search)) / step)
    begin = first * step
    place = replace(
        entry.audio, offset=entry.audio.offset + float(begin), duration=float((last - first) * step), whole=False
    )
    audio, _ = load(place, ANALYSIS_RATE)
    loudness = _loudness(audio.samples, entry.known, round(begin * FRAME_RATE))
    candidates = [round(k * step * FRAME_RATE) for k in range(last - first)]
    quietest = min(
        (frame for frame in candidates if frame < len(loudness)),
        key=lambda frame: (loudness[frame], abs(frame - len(loudness) // 2)),
        default=0,
    )
    return begin + Fraction(quietest, FRAME_RATE)


def _loudness(samples: NDArray[np.float32], known: KnownAnnotations, first: int) -> NDArray[np.float64]:
    """Power around each frame of 20 ms; infinite inside what is known to be there.

    Args:
        first: frame of the recording at which the samples start.
    """
    powers = frame_powers(samples, ANALYSIS_RATE)
    width = round(_QUIET * FRAME_RATE)
    around = np.convolve(powers, np.ones(width) / width, "same") if len(powers) else powers
    for one in (*(known.words or ()), *(known.segments or ()), *(known.events or ())):
        if one.span is not None:
            around[max(0, one.span.start + 1 - first) : max(0, one.span.end - first)] = np.inf
    return around


def _cut(entry: Entry, begin: Fraction, end: Fraction | None) -> Entry:
    """The entry of a piece, with what is known about it."""
    left = None if entry.audio.duration is None else entry.audio.duration - float(begin)
    duration = left if end is None else float(end - begin)
    whole = entry.audio.whole and end is None
    audio = replace(entry.audio, offset=entry.audio.offset + float(begin), duration=duration, whole=whole)
    first = round(begin * FRAME_RATE)
    last = None if end is None else round(end * FRAME_RATE)
    parts: dict[str, Any] = {}
    for name in ("words", "segments", "events", "turns", "speech", "active"):
        items = getattr(entry.known, name)
        if items is not None:
            parts[name] = tuple(moved for item in items if (moved := _moved(item, first, last)) is not None)
    return replace(entry, audio=audio, known=KnownAnnotations(**parts))


def _moved(item: Any, first: int, last: int | None) -> Any:
    """Something known, in frames of the piece; None if it is another piece's.

    What is said is in one piece, that of its middle; stretches of speech, sound and turns are in all that they touch.
    """
    span = item if isinstance(item, Span) else item.span
    start, end = max(span.start, first), span.end if last is None else min(span.end, last)
    middle = (span.start + span.end) // 2
    in_all = isinstance(item, Span | SpeakerTurn)
    if (start >= end) if in_all else (middle < first or (last is not None and middle >= last)):
        return None
    moved = Span(start - first, end - first)
    return moved if isinstance(item, Span) else replace(item, span=moved)


def _voices(step: EncodeStep, audio: Audio, analysis: Analysis) -> dict[int, tuple[tuple[float, ...], float]]:
    """An embedding of each speaker of a piece, by the speaker's number in its stream."""
    samples = resample(audio, ANALYSIS_RATE).samples
    per_frame = ANALYSIS_RATE // FRAME_RATE
    scale = FRAME_RATE / analysis.grid.frame_rate
    spoken: dict[int, list[NDArray[np.float32]]] = {}
    for placed in analysis.stream.placed():
        if isinstance(placed.item, TextItem) and placed.span.frames:
            start, end = (round(edge * scale) * per_frame for edge in (placed.span.start, placed.span.end))
            spoken.setdefault(placed.speaker, []).append(samples[start:end])
    found: dict[int, tuple[tuple[float, ...], float]] = {}
    for speaker, parts in spoken.items():
        speech = np.concatenate(parts)[: round(_VOICE * ANALYSIS_RATE)]
        embedding = step.tokenizer.encoder.embed(speech)
        if np.any(embedding):
            found[speaker] = tuple(round(float(one), 6) for one in embedding), len(speech) / ANALYSIS_RATE
    return found


def _link_speakers(
    pieces: Sequence[Piece], streams: Sequence[HybridStream], speakers: int | None
) -> list[dict[int, int]]:
    """For each piece, the numbers that its speakers have in the whole recording, in order of first appearance."""
    places = [(place, speaker) for place, stream in enumerate(streams) for speaker in stream.speakers]
    with_voice = [key for key in places if key[1] in pieces[key[0]].voices]
    labels: dict[tuple[int, int], int] = {}
    if with_voice:
        from hybrid_tok.diarizer.clustering import ClusteringOptions, cluster

        voices = [pieces[place].voices[speaker] for place, speaker in with_voice]
        found = cluster(
            np.asarray([embedding for embedding, _ in voices]),
            np.asarray([seconds for _, seconds in voices]),
            ClusteringOptions(),
            speakers,
            np.arange(len(voices)),  # each by itself, as if there were pauses between
        )
        labels = dict(zip(with_voice, found.tolist(), strict=True))
    numbers: list[dict[int, int]] = [{} for _ in pieces]
    order: dict[Any, int] = {}
    for place, speaker in places:
        # One who was not heard well enough is who has the same number in the piece, as without diarization.
        label = labels.get((place, speaker), ("unheard", speaker))
        numbers[place][speaker] = order.setdefault(label, len(order))
    return numbers
