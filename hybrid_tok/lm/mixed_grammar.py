"""Which id sequences of a language model are right: text with whole streams in it, or a stream alone.

    mixed := pad* (text | <|audio|> stream <|/audio|>)* pad*
    bare  := pad* stream pad*

`text` is any id of the language model, and `stream` is what `tokens.grammar` accepts. Rules restrict what is generated:
only sound, so many streams, where the sequence may end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn, TypeAlias, get_args

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.tokens.idspace import IdRange
from hybrid_tok.tokens.lark import lark_rules, terminal
from hybrid_tok.tokens.merged_frames import without
from hybrid_tok.tokens.parts import Ranges, State
from hybrid_tok.tokens.vocabulary import Vocabulary

AudioRule: TypeAlias = Literal["optional", "required", "only"]


@dataclass(frozen=True, slots=True)
class MixedRules:
    """What a sequence may have.

    Attributes:
        audio: `optional`: text and streams in any order. `required`: it may end only after a stream. `only`: it has
            streams and no text, and may end after one.
        max_streams: how many streams may be begun; None for any number.
        end: ids that end it, such as the language model's end of text; after one there is only padding. Without any,
            `only` ends with `<|pad|>`.
        bare: the sequence is one stream without `<|audio|>` and `<|/audio|>`, as `Vocabulary.encode` writes it.
        padding: ids that stand for padding besides `<|pad|>`, such as the language model's own. Between `<|audio|>` and
            `<|/audio|>` there is no padding, and outside an id of the language model is text all the same.
    """

    audio: AudioRule = "optional"
    max_streams: int | None = None
    end: tuple[int, ...] = ()
    bare: bool = False
    padding: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.audio not in get_args(AudioRule):
            raise OptionsError(f"audio must be optional, required or only, not {self.audio!r}")
        if self.bare and (self.audio != "optional" or self.max_streams is not None):
            raise OptionsError("a bare sequence is one stream: leave out audio and max_streams")
        if self.max_streams is not None and self.max_streams < (0 if self.audio == "optional" else 1):
            raise OptionsError(f"max_streams of {self.max_streams}, but audio is {self.audio}")
        if self.audio == "required" and not self.end:
            raise OptionsError("audio='required' says when the sequence may end: give the ids that end it")


class MixedState(NamedTuple):
    """The position that a sequence of ids has reached.

    Attributes:
        phase: `start`: nothing but padding so far; `over`: nothing but padding from here.
        stream: the position in the stream that is open; None outside.
        begun: how many streams were begun, the open one too.
    """

    phase: Literal["start", "text", "stream", "over"]
    stream: State | None = None
    begun: int = 0


OVER = MixedState("over")


class MixedGrammar:
    """The automaton over the sequences of one vocabulary, under some rules.

    Attributes:
        start: the state before the first id.

    Raises:
        OptionsError: an id of the rules can also be part of what it should end or pad.
    """

    def __init__(self, vocabulary: Vocabulary, rules: MixedRules | None = None) -> None:
        self.rules = rules = MixedRules() if rules is None else rules
        self.grammar, self.space = vocabulary.grammar, vocabulary.space
        self.start = MixedState("start", self.grammar.start if rules.bare else None)
        for token in (*rules.end, *rules.padding):
            self._check(token)
        self._end = tuple(IdRange("the end", token, token + 1) for token in sorted(set(rules.end)))
        padding = {self.space.pad.start, *rules.padding}
        self._padding = tuple(IdRange("padding", token, token + 1) for token in sorted(padding))
        self._closing = (self._end or (self.space.pad,)) if rules.bare else (self.space.audio_close,)
        self._closers = frozenset(self._ids(self._closing) | (padding if rules.bare else set()))
        self._pads, self._ends = frozenset(padding), self._ids(self._end)
        text = self.space.text_range
        self._unended = without(text, [token - text.start for token in self._ends if token in text])

    def allowed(self, state: MixedState) -> Ranges:
        """The ids that may be generated, as ranges that do not overlap; never none.

        Padding is accepted before and after a sequence too, but is generated only where nothing else may follow.
        """
        if state.phase == "over":
            return self._padding
        if state.stream is None:
            return self._between(state.begun)
        allowed = self.grammar.allowed(state.stream)
        return (*allowed, *self._closing) if self.grammar.accepts_end(state.stream) else allowed

    def accepts_end(self, state: MixedState) -> bool:
        """Whether the sequence may stop here: no stream is open, and the rules have what they require."""
        if state.stream is not None:
            return self.rules.bare and self.grammar.accepts_end(state.stream)
        return state.phase == "over" or self.rules.audio == "optional" or state.begun > 0

    def advance(self, state: MixedState, token: int, position: int = 0) -> MixedState:
        """The state after one more id.

        Raises:
            GrammarError: the id may not follow; `position` is what the error says about where.
        """
        if state.phase == "over" or (state.phase == "start" and token in self._pads):
            if token not in self._pads:
                self._refuse(state, token, position)
            return state
        if state.stream is None:
            return self._outside(state, token, position)
        if token in self._closers and self.grammar.accepts_end(state.stream):
            return OVER if self.rules.bare else MixedState("text", None, state.begun)
        try:
            return MixedState("stream", self.grammar.advance(state.stream, token, position), state.begun)
        except GrammarError as error:
            raise self._inside_error(error) from None

    def read(self, state: MixedState, ids: Sequence[int], position: int = 0) -> MixedState:
        """The state after several more ids; the same as `advance` on one after another, but long unit runs are fast.

        Raises:
            GrammarError: an id may not follow; `position` is that of the first.
        """
        at = 0
        while at < len(ids):
            stop = at
            if state.stream is not None and state.phase != "over":
                stop = next((index for index in range(at, len(ids)) if ids[index] in self._closers), len(ids))
            if state.stream is None or stop == at:
                state, at = self.advance(state, ids[at], position + at), at + 1
                continue
            try:
                stream = self.grammar.read(state.stream, ids[at:stop], position + at)
            except GrammarError as error:
                raise self._inside_error(error) from None
            state, at = MixedState("stream", stream, state.begun), stop
        return state

    def resumed(self, state: MixedState) -> MixedState:
        """A state that another grammar's rules have led to, from which these apply: an open stream counts as begun."""
        return MixedState(state.phase, state.stream, 0 if state.stream is None else 1)

    def names(self, state: MixedState) -> tuple[str, ...]:
        """What may follow, for messages."""
        if state.stream is None:
            return tuple(ids.describe() for ids in self.allowed(state))
        return self._with_closing(self.grammar.names(state.stream))

    def to_llguidance(self) -> str:
        """A Lark grammar for llguidance that accepts every such sequence without padding and the ids that end it.

        The engine allows its own end of text wherever the grammar accepts the end. `tokens.lark` lists what the rules
        for streams cannot refuse.
        """
        rules = self.rules
        if rules.bare:
            return self.grammar.to_llguidance()
        text = "" if rules.audio == "only" else "outside*"
        least, most = int(rules.audio != "optional"), "" if rules.max_streams is None else rules.max_streams
        streams = "" if most == 0 else f"(audio {text}){{{least},{most}}}"
        audio = f"{terminal(self.space.audio_open)} stream {terminal(self.space.audio_close)}"
        return (
            f"start: {text} {streams}\naudio: {audio}\noutside: {terminal(*self._unended)}\n{lark_rules(self.space)}\n"
        )

    def _between(self, begun: int) -> Ranges:
        """What may be generated outside a stream."""
        rules, ranges = self.rules, list[IdRange]()
        if rules.audio != "only":
            ranges += self._unended if rules.audio == "required" and not begun else (self.space.text_range,)
        if rules.max_streams is None or begun < rules.max_streams:
            ranges.append(self.space.audio_open)
        if rules.audio == "only" and begun:
            ranges += self._end or (self.space.pad,)
        return tuple(ranges)

    def _outside(self, state: MixedState, token: int, position: int) -> MixedState:
        if token == self.space.pad.start:
            return OVER
        if not any(token in ids for ids in self._between(state.begun)):
            self._refuse(state, token, position)
        if token in self.space.audio_open:
            return MixedState("stream", self.grammar.start, state.begun + 1)
        return OVER if token in self._ends else MixedState("text", None, state.begun)

    def _inside_error(self, error: GrammarError) -> GrammarError:
        return GrammarError(error.position, error.found, self._with_closing(error.allowed))

    def _refuse(self, state: MixedState, token: int, position: int) -> NoReturn:
        raise GrammarError(position, self.space.describe(token), self.names(state))

    def _with_closing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Names of what may follow in a stream, with what ends it here in place of the end of the sequence."""
        closing = tuple(ids.describe() for ids in self._closing)
        return tuple(name for given in names for name in (closing if given == "the end of the sequence" else (given,)))

    def _check(self, token: int) -> None:
        space = self.space
        silent = token in space.text_range and token - space.text_range.start in space.text.silent
        if self.rules.bare:
            right = silent or any(token in ids for ids in (space.pad, space.audio_open, space.audio_close))
            what = "a bare sequence ends and is padded with ids that are no part of a stream"
        else:
            right = token in space.text_range or token in space.pad
            what = "a sequence ends and is padded with ids of the language model"
        if not right:
            raise OptionsError(f"{what}, not with {space.describe(token)}")

    @staticmethod
    def _ids(ranges: Ranges) -> set[int]:
        return {ids.start for ids in ranges}
