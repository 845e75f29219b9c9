"""From decisions to the stream: units are cut out of the recording's codes, words become text runs.

The codes of the whole recording are made once, and only if some decision needs any. So the codes of a stretch
never depend on what the gate chose around it, and a causal codec hears what came before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from hybrid_tok.annotations import Word
from hybrid_tok.audio import Audio
from hybrid_tok.encode.gate import Decision
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.interfaces import UnitCodec
from hybrid_tok.stream import Channel, EventItem, Frame, HybridStream, Item, Pause, TextItem, Timing, Turn, UnitItem
from hybrid_tok.timeline import FRAME_RATE, Span, count_frames


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """How decisions are written.

    Attributes:
        timing: `locked` writes durations and pauses, `free` neither.
        durations: locked timing: a text item per `run` of words, or per `word` with pauses between.
        num_codebooks: units per frame, the first so many of the codec's; None is all of them.
        layout: what may be written at all; decisions that ask for more are refused.
    """

    timing: Timing = "locked"
    durations: Literal["run", "word"] = "run"
    num_codebooks: int | None = None
    layout: Literal["hybrid", "text", "units"] = "hybrid"

    def __post_init__(self) -> None:
        if self.timing not in ("locked", "free"):
            raise OptionsError(f"timing must be locked or free, not {self.timing!r}")
        if self.durations not in ("run", "word"):
            raise OptionsError(f"durations must be run or word, not {self.durations!r}")
        if self.layout not in ("hybrid", "text", "units"):
            raise OptionsError(f"layout must be hybrid, text or units, not {self.layout!r}")
        if self.num_codebooks is not None and self.num_codebooks < 1:
            raise OptionsError(f"num_codebooks must be at least 1, not {self.num_codebooks}")


def quantize(
    decisions: Sequence[Decision],
    audio: Audio,
    codec: Callable[[], UnitCodec],
    options: QuantizeOptions = QuantizeOptions(),
) -> HybridStream:
    """Write decisions as a stream of one channel.

    Args:
        decisions: tile the recording's frames.
        audio: mono, at the codec's rate.
        codec: makes the codec; called only when a decision needs units.

    Raises:
        OptionsError: a decision the layout has no tokens for, or more codebooks than the codec has.
        BackendError: the codec is of another rate, or gave another number of frames than the audio has.
    """
    hop = audio.sample_rate // FRAME_RATE
    _check_decisions(decisions, count_frames(audio.num_samples, audio.sample_rate), options)
    codes = _Codes(audio, codec, options.num_codebooks)
    turns = [
        Turn(speaker, items)
        for speaker, group in groupby(decisions, key=lambda decision: decision.speaker)
        if (items := tuple(_join(_items(group, codes, options))))
    ]
    remainder = audio.num_samples % hop if options.timing == "locked" else None
    return HybridStream((Channel(tuple(_join_turns(turns))),), options.timing, remainder)


class _Codes:
    """The codes of a recording, made when first asked for."""

    def __init__(self, audio: Audio, codec: Callable[[], UnitCodec], num_codebooks: int | None) -> None:
        self._audio = audio
        self._codec = codec
        self._num_codebooks = num_codebooks
        self._codes = None

    def cut(self, span: Span) -> tuple[Frame, ...]:
        """The units of a stretch."""
        if self._codes is None:
            self._codes = self._encode()
        return tuple(map(tuple, self._codes[span.start : span.end].tolist()))

    def _encode(self):
        codec, audio = self._codec(), self._audio
        wanted = self._num_codebooks or codec.num_codebooks
        if wanted > codec.num_codebooks:
            raise OptionsError(f"{wanted} codebooks asked for, but {codec.name} has {codec.num_codebooks}")
        if codec.sample_rate != audio.sample_rate:
            raise BackendError(f"{codec.name} works at {codec.sample_rate} Hz, but the audio is at {audio.sample_rate}")
        codes = codec.encode(audio.samples)
        frames = count_frames(audio.num_samples, audio.sample_rate)
        if codes.shape != (frames, codec.num_codebooks):
            raise BackendError(f"{codec.name} gave codes {codes.shape}, not {(frames, codec.num_codebooks)}")
        return codes[:, :wanted]


def _check_decisions(decisions: Sequence[Decision], frames: int, options: QuantizeOptions) -> None:
    allowed = {
        "hybrid": {"text", "units", "event", "tag", "pause"},
        "text": {"text", "tag", "pause"},
        "units": {"units"},
    }[options.layout]
    cursor = 0
    for decision in decisions:
        if decision.kind not in allowed:
            raise OptionsError(f"the {options.layout} layout has no {decision.kind} (frame {decision.span.start})")
        if decision.span.start != cursor:
            raise ValueError(f"decisions must tile the recording: one starts at {decision.span.start}, not {cursor}")
        cursor = decision.span.end
    if cursor != frames:
        raise ValueError(f"decisions cover {cursor} frames of a recording of {frames}")


def _items(decisions: Iterator[Decision], codes: _Codes, options: QuantizeOptions) -> Iterator[Item]:
    """The items of one speaker's decisions, adjacent ones of a kind not yet joined."""
    locked = options.timing == "locked"
    for kind, group in groupby(decisions, key=lambda decision: decision.kind):
        run = list(group)
        span = Span(run[0].span.start, run[-1].span.end)
        if kind == "text":
            yield from _text_items(run, span, options)
        elif kind == "units":
            yield UnitItem(codes.cut(span))
        elif kind == "pause":
            if locked:
                yield Pause(span.frames)
        else:
            for decision in run:
                assert decision.label is not None
                if kind == "event":
                    yield EventItem(decision.label, codes.cut(decision.span))
                else:
                    yield EventItem(decision.label)
                    if locked:
                        yield Pause(decision.span.frames)


def _text_items(run: Sequence[Decision], span: Span, options: QuantizeOptions) -> Iterator[Item]:
    """A run of words as one text item, or as one per word with the gaps between as pauses."""
    if options.timing == "free" or options.durations == "run":
        text = " ".join(word.text for decision in run for word in decision.words)
        yield TextItem(text, span.frames if options.timing == "locked" else None)
        return
    for decision in run:
        if not decision.words:
            yield Pause(decision.span.frames)
        for word, part in zip(decision.words, _share(decision.span, decision.words), strict=True):
            yield TextItem(word.text, part.frames)


def _share(span: Span, words: Sequence[Word]) -> Iterator[Span]:
    """Split a stretch evenly among the words in it; there is more than one only where words overlap."""
    for index in range(len(words)):
        yield Span(span.start + span.frames * index // len(words), span.start + span.frames * (index + 1) // len(words))


def _join(items: Iterator[Item]) -> Iterator[Item]:
    """Join adjacent pauses, units, and, where nothing separates them (free timing), text."""
    held: Item | None = None
    for item in items:
        joined = _joined(held, item)
        if joined is None and held is not None:
            yield held
        held = joined or item
    if held is not None:
        yield held


def _joined(left: Item | None, right: Item) -> Item | None:
    """The two as one item, or None where they stay two."""
    if isinstance(left, Pause) and isinstance(right, Pause):
        return Pause(left.frames + right.frames)
    if isinstance(left, UnitItem) and isinstance(right, UnitItem):
        return UnitItem(left.units + right.units)
    if isinstance(left, TextItem) and isinstance(right, TextItem) and left.frames is right.frames is None:
        return TextItem(f"{left.text} {right.text}")
    return None


def _join_turns(turns: Sequence[Turn]) -> Iterator[Turn]:
    """Join turns that became adjacent when an empty one between them was left out."""
    for speaker, group in groupby(turns, key=lambda turn: turn.speaker):
        yield Turn(speaker, tuple(_join(item for turn in group for item in turn.items)))
