"""The joint layout: text and units of the same stretch, one after the other (Chou et al. 2023, arXiv 2310.08715).

    stream      := segment* <|end|> digit digit
    segment     := <|speaker:k|>? content units      # text first
                 | <|speaker:k|>? units content      # units first
    content     := <|lang:xx|>? piece+ | <|laugh|> | <|units|>     # words, an event, or neither
    units       := what stands inside a unit run of the same vocabulary

The tags of speakers and languages stand where they change. Nothing closes a segment: a piece of text, an event's start
tag and `<|units|>` each begin or end one, and durations are those of the units. So a segment is its pieces and units,
and at most one id more.

A joint stream is no `HybridStream`, though it has the same ids: a decoder of those would sound the stretch twice, once
spoken and once from its units. `joint_units` gives what is to be decoded.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.spacing import join_words
from hybrid_tok.encode.stretches import Stretch
from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.lm.layouts.aligned import AlignedSpeech
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.idspace import BASE, LANGUAGE_CODES, IdRange, IdSpace
from hybrid_tok.tokens.parse import read_frames, read_pieces
from hybrid_tok.tokens.parts import Frames, Place, State
from hybrid_tok.tokens.serialize import spell_frames, spell_pieces
from hybrid_tok.tokens.stream import Channel, Frame, HybridStream, TextItem, Turn, UnitItem
from hybrid_tok.tokens.vocabulary import Vocabulary

Order: TypeAlias = Literal["text first", "units first"]
Content: TypeAlias = "TextItem | EventLabel | None"


@dataclass(frozen=True, slots=True)
class JointSegment:
    """A stretch of one speaker in both forms.

    Attributes:
        speaker: who is heard.
        content: the words (without duration or prosody), the label of an event, or None for any other sound.
        units: of all its frames; empty only where words lie inside those of another speaker, or are more than frames.
    """

    speaker: int
    content: Content
    units: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class JointStream:
    """Segments that follow each other without gaps or overlap.

    Attributes:
        segments: in order of time.
        order: what comes first in each.
        remainder: samples in the last frame when that is partial, else 0.

    Raises:
        StreamError: it has no spelling, or more than one.
    """

    segments: tuple[JointSegment, ...]
    order: Order = "text first"
    remainder: int = 0

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise OptionsError(f"order must be {' or '.join(get_args(Order))}, not {self.order!r}")
        language: str | None = None
        for number, segment in enumerate(self.segments):
            _check_segment(segment, language, f"segment {number}")
            language = segment.content.language if isinstance(segment.content, TextItem) else language
        for number, (left, right) in enumerate(pairwise(self.segments)):
            between = left.units if self.order == "text first" else right.units
            if not between and left.speaker == right.speaker and _same_text(left.content, right.content):
                raise StreamError(f"segments {number} and {number + 1}: two texts with nothing between; join them")
        if self.remainder < 0 or (self.remainder and not self.frames):
            raise StreamError(f"a remainder of {self.remainder} samples in a last frame of {self.frames} frames")

    @property
    def frames(self) -> int:
        return sum(len(segment.units) for segment in self.segments)


def _check_segment(segment: JointSegment, language: str | None, where: str) -> None:
    content = segment.content
    if segment.speaker < 0:
        raise StreamError(f"{where}: speaker {segment.speaker}; they are numbered from 0")
    if not isinstance(content, TextItem):
        if content is not None and content not in EVENT_LABELS:
            raise StreamError(f"{where}: no event is called {content!r}; there are: {', '.join(EVENT_LABELS)}")
        if not segment.units:
            raise StreamError(f"{where}: neither words nor units; leave it out")
        return
    if content.frames is not None or content.prosody is not None:
        raise StreamError(f"{where}: text run {content.text!r} with a duration or prosody, which its units have")
    # What is no text or no language in a hybrid stream is none here.
    before = (TextItem("a", language=language),) if language not in (None, content.language) else ()
    try:
        HybridStream((Channel((Turn(0, (*before, content)),)),), "free", None)
    except StreamError as error:
        raise StreamError(f"{where}: {str(error).partition(': ')[2]}") from None


def _same_text(left: Content, right: Content) -> bool:
    return isinstance(left, TextItem) and isinstance(right, TextItem) and left.language == right.language


def join_speech(
    speech: AlignedSpeech, order: Order = "text first", stretch: Literal["run", "word"] = "run"
) -> JointStream:
    """A recording as a joint stream.

    Args:
        stretch: a segment per `run` of words of one speaker and language with short gaps at most, or per `word`.

    Words inside another speaker's are a segment of their own, without units. Events that are heard under words are in
    the units only.
    """
    if stretch not in ("run", "word"):
        raise OptionsError(f"stretch must be run or word, not {stretch!r}")
    segments: list[JointSegment] = []
    language: str | None = None
    after_word = False
    """Whether what comes may go on with the last segment."""
    for one, place in zip(speech.stretches, speech.places, strict=True):
        for segment in _segments(one, speech.cut(place), language):
            last = segments[-1] if segments else None
            content = segment.content
            if isinstance(content, TextItem):
                language = content.language
            joined = None
            if last is not None and last.speaker == segment.speaker:
                joined = _joined(last, segment, stretch == "run", after_word, one)
            if joined is not None:
                segments[-1] = joined
            else:
                segments.append(segment)
        after_word = one.kind == "word" or (after_word and one.joinable)
    return JointStream(tuple(segments), order, speech.remainder)


def _segments(stretch: Stretch, units: tuple[Frame, ...], language: str | None) -> Iterator[JointSegment]:
    """The segments of a stretch, before any are joined. Only words are there without a frame of their own."""
    if stretch.kind != "word":
        label = stretch.event.label if stretch.event is not None else None
        if units:
            yield JointSegment(stretch.speaker, label, units)
        return
    for number, word in enumerate((*stretch.words, *stretch.under)):
        language = word.language or language
        speaker = stretch.speaker if number < len(stretch.words) or word.speaker is None else word.speaker
        yield JointSegment(speaker, TextItem(word.text, language=language), units if number == 0 else ())


def _joined(
    last: JointSegment, segment: JointSegment, runs: bool, after_word: bool, stretch: Stretch
) -> JointSegment | None:
    """Two segments of one speaker as one; None where they stay two."""
    left, right = last.content, segment.content
    units = last.units + segment.units
    if isinstance(left, TextItem) and isinstance(right, TextItem):
        if left.language == right.language and (not segment.units or not last.units or (runs and after_word)):
            return replace(
                last, content=replace(left, text=join_words((left.text, right.text), left.language)), units=units
            )
        return None
    if left == right:  # the same event, or other sounds
        return replace(last, units=units)
    if isinstance(left, TextItem) and right is None and stretch.joinable:
        return replace(last, units=units)
    return None


def joint_units(stream: JointStream) -> HybridStream:
    """What is heard, as a locked stream of units alone."""
    frames = tuple(frame for segment in stream.segments for frame in segment.units)
    turns = (Turn(0, (UnitItem(frames),)),) if frames else ()
    return HybridStream((Channel(turns),), "locked", stream.remainder)


class JointLayout:
    """Joint streams to ids and back, in the ids of a vocabulary.

    `decode` accepts exactly what `encode` writes.

    Args:
        vocabulary: whose ids are used; it must have units.
        order: what comes first in each segment.
    """

    def __init__(self, vocabulary: Vocabulary, order: Order = "text first") -> None:
        if vocabulary.options.layout == "text":
            raise OptionsError("the joint layout has units: give it a vocabulary of the hybrid or the units layout")
        if order not in get_args(Order):
            raise OptionsError(f"order must be {' or '.join(get_args(Order))}, not {order!r}")
        self.space = vocabulary.space
        self.order: Order = order
        self._grammar = vocabulary.grammar

    def encode(self, stream: JointStream) -> list[int]:
        """The ids of a stream.

        Raises:
            StreamError: the stream is of the other order, or has something this vocabulary has no ids for.
        """
        space = self.space
        if stream.order != self.order:
            raise StreamError(f"the stream is {stream.order}, this layout {self.order}")
        if stream.remainder >= space.options.hop:
            raise StreamError(f"a remainder of {stream.remainder} samples is not below the hop of {space.options.hop}")
        ids: list[int] = []
        speaker, language = -1, None
        for number, segment in enumerate(stream.segments):
            try:
                if segment.speaker != speaker:
                    speaker = segment.speaker
                    ids.append(_tag(space.speakers, speaker))
                parts = [
                    list(_content(space, segment.content, language)),
                    list(spell_frames(space, segment.units, len(space.units))),
                ]
            except StreamError as error:
                raise StreamError(f"segment {number}: {error}") from None
            for part in parts if self.order == "text first" else reversed(parts):
                ids += part
            if isinstance(segment.content, TextItem):
                language = segment.content.language
        high, low = divmod(stream.remainder, BASE)
        return [*ids, space.end.start, space.numbers.start + high, space.numbers.start + low]

    def decode(self, ids: Sequence[int]) -> JointStream:
        """Ids to the one stream they spell.

        Raises:
            GrammarError: an id is outside the space or out of place, or the sequence stops too soon.
        """
        return _Reader(self.space, self._grammar, list(map(operator.index, ids)), self.order).stream()


def _content(space: IdSpace, content: Content, language: str | None) -> Iterator[int]:
    if content is None:
        yield space.units_open.start
    elif isinstance(content, TextItem):
        if content.language is not None and content.language != language:
            yield space.languages.start + LANGUAGE_CODES.index(content.language)
        for piece in spell_pieces(space, content):
            yield space.text_range.start + piece
    else:
        yield space.event_open.start + EVENT_LABELS.index(content)


def _tag(part: IdRange, index: int) -> int:
    if index >= part.size:
        raise StreamError(f"{part.name} {index} is outside this vocabulary's 0..{part.size - 1}")
    return part.start + index


class _Reader:
    """Reads ids in order: each method what it is named after, or it raises at the first id out of place."""

    def __init__(self, space: IdSpace, grammar: Grammar, ids: list[int], order: Order) -> None:
        self._space, self._grammar, self._ids = space, grammar, ids
        self._order: Order = order
        self._unit_ids = (*space.units, space.merged, space.numbers)
        self._at = 0
        self._speaker = -1
        self._language = -1
        self._repeats = 0

    def stream(self) -> JointStream:
        space = self._space
        segments: list[JointSegment] = []
        while not self._sees(space.end):
            segments.append(self._segment(segments[-1] if segments else None))
        self._at += 1
        highest = space.options.hop - 1 if any(segment.units for segment in segments) else 0
        high = self._one_of(space.numbers.part(0, highest // BASE + 1)) - space.numbers.start
        low = self._one_of(space.numbers.part(0, highest - high * BASE + 1)) - space.numbers.start
        if self._at < len(self._ids):
            raise self._misplaced("the end of the sequence")
        return JointStream(tuple(segments), self._order, high * BASE + low)

    def _segment(self, last: JointSegment | None) -> JointSegment:
        space = self._space
        if self._sees(space.speakers):
            speaker = self._ids[self._at] - space.speakers.start
            if speaker == self._speaker:
                raise self._misplaced("another speaker's tag")
            self._speaker = speaker
            self._at += 1
        elif last is None:
            raise self._misplaced(space.speakers.describe(), space.end.describe())
        if self._order == "text first":
            content = self._content()
            units = self._frames(may_be_empty=isinstance(content, TextItem))
        else:
            units = self._frames(may_be_empty=True)
            content = self._content(only_text=not units)
        return JointSegment(self._speaker, content, units)

    def _content(self, only_text: bool = False) -> Content:
        space = self._space
        if not only_text:
            if self._sees(space.units_open):
                self._at += 1
                return None
            if self._sees(space.event_open):
                self._at += 1
                return EVENT_LABELS[self._ids[self._at - 1] - space.event_open.start]
        if self._sees(space.languages):
            language = self._ids[self._at] - space.languages.start
            if language == self._language:
                raise self._misplaced("another language's tag")
            self._language = language
            self._at += 1
            if not self._sees_piece():
                raise self._misplaced("text")
        start = self._at
        while self._sees_piece():
            self._at += 1
        if start == self._at:
            others = () if only_text else (space.units_open.describe(), space.event_open.describe())
            raise self._misplaced("text", space.languages.describe(), *others)
        code = LANGUAGE_CODES[self._language] if self._language >= 0 else None
        return read_pieces(space, self._ids[start : self._at], code)

    def _frames(self, may_be_empty: bool) -> tuple[Frame, ...]:
        """A run of units, checked by the rules for those of a unit run."""
        grammar, start = self._grammar, self._at
        while self._at < len(self._ids) and any(self._ids[self._at] in part for part in self._unit_ids):
            self._at += 1
        # The rule of an event, which may have no units.
        state = State(Place(repeats=self._repeats), grammar.frames(0 if may_be_empty else -1))
        state = grammar.read(state, self._ids[start : self._at], start)
        part = state.part
        assert isinstance(part, Frames), "only the end of a run ends it"
        if part.frame or not (part.count or may_be_empty):
            raise self._misplaced(*grammar.names(state))
        self._repeats += part.repeated + (part.repeats or 0)
        return read_frames(self._space, self._ids[start : self._at], len(self._space.units))

    def _one_of(self, allowed: IdRange) -> int:
        if not self._sees(allowed):
            raise self._misplaced(allowed.describe())
        self._at += 1
        return self._ids[self._at - 1]

    def _sees(self, part: IdRange) -> bool:
        return self._at < len(self._ids) and self._ids[self._at] in part

    def _sees_piece(self) -> bool:
        return any(map(self._sees, self._space.pieces))

    def _misplaced(self, *allowed: str) -> GrammarError:
        ended = self._at >= len(self._ids)
        found = "the end of the sequence" if ended else self._space.describe(self._ids[self._at])
        return GrammarError(self._at, found, allowed)
