"""The id space: named ranges of ids, laid out once in declared order, and the name of each id."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import Timing
from hybrid_tok.tokens.text import TextTokenizer
from hybrid_tok.tokens.unit_merges import UnitMerges

BASE = 64
"""Numbers are written in base-64 digits, so that one token reaches 1.26 s and two reach 81 s."""
MAX_DIGITS = 4
MAX_NUMBER = BASE**MAX_DIGITS - 1
"""The longest pause, text run or repetition, in frames: 93 hours."""

LANGUAGE_CODES = tuple(LANGUAGES)
"""The languages in the order of their ids."""

MAX_SIZE = 1 << 31
"""Ids fit 32 bits, signed or not."""

Layout: TypeAlias = Literal["hybrid", "text", "units"]
Durations: TypeAlias = Literal["run", "word"]


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids [start, stop) that stand for the same kind of thing, numbered from 0."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def __contains__(self, token: int) -> bool:
        return self.start <= token < self.stop

    def part(self, low: int, high: int) -> IdRange:
        """The ids numbered low to high - 1, as far as there are so many."""
        low = min(max(low, 0), self.size)
        return IdRange(self.name, self.start + low, self.start + max(min(high, self.size), low))

    def describe(self) -> str:
        """The name and the ids, for messages."""
        return (
            f"{self.name} (id {self.start})" if self.size == 1 else f"{self.name} (ids {self.start}..{self.stop - 1})"
        )


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """What a vocabulary writes; all of it is in the fingerprint.

    Attributes:
        codec: fingerprint of the codec whose units these are.
        codebook_size: codes per codebook.
        hop: samples per frame at the codec's rate.
        num_codebooks: units written per frame, from the codec's first codebooks.
        event_codebooks: the same in events; None is as many.
        layout: `hybrid`, `text` (no units) or `units` (nothing else).
        timing: `locked` writes durations, pauses and the exact end, `free` none of them.
        durations: locked timing: per text `run` or per `word`; the grammar is the same.
        run_length: write a repeated frame once, with a count.
        unit_merges: write frequent sequences of frames as one id each; not together with `run_length`.
        prosody: allow pitch, energy and rate bins before words.
        prosody_bins: of each of the three.
        voice_codes: values of each token of a voice code.
        max_speakers, max_channels: numbers of tags.
    """

    codec: str
    codebook_size: int
    hop: int = 320
    num_codebooks: int = 2
    event_codebooks: int | None = None
    layout: Layout = "hybrid"
    timing: Timing = "locked"
    durations: Durations = "run"
    run_length: bool = False
    prosody: bool = False
    prosody_bins: int = 8
    voice_codes: int = 64
    max_speakers: int = 64
    max_channels: int = 16
    unit_merges: UnitMerges | None = None

    def __post_init__(self) -> None:
        if self.layout not in ("hybrid", "text", "units"):
            raise OptionsError(f"layout must be hybrid, text or units, not {self.layout!r}")
        if self.timing not in ("locked", "free"):
            raise OptionsError(f"timing must be locked or free, not {self.timing!r}")
        if self.durations not in ("run", "word"):
            raise OptionsError(f"durations must be run or word, not {self.durations!r}")
        for name in ("num_codebooks", "prosody_bins", "voice_codes", "max_speakers", "max_channels"):
            if getattr(self, name) < 1:
                raise OptionsError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 1 <= self.event_width <= self.num_codebooks:
            raise OptionsError(f"event_codebooks must be 1..{self.num_codebooks}, not {self.event_codebooks}")
        if self.codebook_size < 2:
            raise OptionsError(f"codebook_size must be at least 2, not {self.codebook_size}")
        if not 1 <= self.hop <= BASE * BASE:
            raise OptionsError(f"hop must be 1..{BASE * BASE} samples, not {self.hop}")
        if self.unit_merges is not None:
            self._check_merges(self.unit_merges)

    @property
    def event_width(self) -> int:
        """Units per frame of an event."""
        return self.num_codebooks if self.event_codebooks is None else self.event_codebooks

    def _check_merges(self, merges: UnitMerges) -> None:
        if self.run_length:
            raise OptionsError("run_length and unit_merges are two ways to write repeated frames: choose one")
        if merges.codec != self.codec:
            raise OptionsError(f"unit_merges are of the codec {merges.codec}, the vocabulary of {self.codec}")
        if merges.num_codebooks != self.num_codebooks:
            raise OptionsError(
                f"unit_merges are of frames of {merges.num_codebooks} codebooks: set num_codebooks to that, "
                f"not {self.num_codebooks}"
            )
        if self.event_width != self.num_codebooks:
            raise OptionsError("unit_merges merge the frames of events too: leave event_codebooks out")
        if not all(0 <= unit < self.codebook_size for frame in merges.frames for unit in frame):
            raise OptionsError(f"unit_merges have units outside 0..{self.codebook_size - 1}")


class IdSpace:
    """Where each kind of token has its ids.

    The declared order is control, numbers, channels, speakers, voice codes, languages, prosody, events, units per
    codebook, merged units, text. With an LLM's own tokenizer the LLM's ids stay where they are, from 0, and ours come
    after them.
    Which ids a layout or a timing uses is the grammar's concern: the space is the same for all of them.

    Args:
        options: sizes of the ranges.
        text: the text tokenizer.

    Attributes:
        ranges: all of them in order; they tile [0, size).
        merged: the merged units; no ids without `unit_merges`.
        audio_open, audio_close: `<|audio|>` and `<|/audio|>`, around a stream inside other text, with which it shares
            the ids of text; no stream contains them.
        pad: `<|pad|>`, for padding batches; no stream contains it.

    Raises:
        OptionsError: there are more ids than fit 31 bits.
    """

    def __init__(self, options: VocabularyOptions, text: TextTokenizer) -> None:
        self.options = options
        self.text = text
        self.ranges: tuple[IdRange, ...] = ()
        if text.keeps_ids:
            self.text_range = self._take("text", text.size)
        self.audio_open = self._take("<|audio|>", 1)
        self.audio_close = self._take("<|/audio|>", 1)
        self.pad = self._take("<|pad|>", 1)
        self.pause = self._take("<|pause|>", 1)
        self.back = self._take("<|back|>", 1)
        self.voice_open = self._take("<|voice|>", 1)
        self.units_open = self._take("<|units|>", 1)
        self.units_close = self._take("<|/units|>", 1)
        self.end = self._take("<|end|>", 1)
        self.numbers = self._take("number", BASE)
        self.channels = self._take("channel", options.max_channels)
        self.speakers = self._take("speaker", options.max_speakers)
        self.voice_codes = self._take("voice code", options.voice_codes)
        self.languages = self._take("language", len(LANGUAGES))
        self.prosody = tuple(self._take(name, options.prosody_bins) for name in ("pitch", "energy", "rate"))
        self.event_open = self._take("event start", len(EVENT_LABELS))
        self.event_close = self._take("event end", len(EVENT_LABELS))
        self.units = tuple(
            self._take(f"unit of codebook {k}", options.codebook_size) for k in range(options.num_codebooks)
        )
        self.merged = IdRange("merged unit", self.size, self.size)
        if options.unit_merges is not None:
            self.merged = self._take("merged unit", len(options.unit_merges.merges))
        if not text.keeps_ids:
            self.text_range = self._take("text", text.size)
        if self.size > MAX_SIZE:
            raise OptionsError(f"a vocabulary of {self.size} ids does not fit 31 bits: use fewer or smaller codebooks")
        self._starts = [part.start for part in self.ranges]

    def _take(self, name: str, size: int) -> IdRange:
        """The next ids."""
        part = IdRange(name, self.size, self.size + size)
        self.ranges = (*self.ranges, part)
        return part

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.ranges[-1].stop if self.ranges else 0

    @cached_property
    def pieces(self) -> tuple[IdRange, ...]:
        """The text ids that spell something: all but the text tokenizer's control ids."""
        text, silent = self.text_range, sorted(self.text.silent)
        bounds = zip([-1, *silent], [*silent, text.size], strict=True)
        parts = (text.part(low + 1, high) for low, high in bounds)
        return tuple(part for part in parts if part.size)

    @cached_property
    def first_units(self) -> np.ndarray:
        """The first id of each codebook [codebooks]."""
        return np.array([codebook.start for codebook in self.units])

    def range_of(self, token: int) -> IdRange | None:
        """The range an id lies in; None outside the space."""
        if not 0 <= token < self.size:
            return None
        return self.ranges[bisect_right(self._starts, token) - 1]

    def token_name(self, token: int) -> str:
        """The unique name of an id: `<|speaker:0|>`, `<|lang:en|>`, `<|u1:902|>`, or its piece of text.

        Raises:
            ValueError: the id is outside the space.
        """
        part = self.range_of(token)
        if part is None:
            raise ValueError(f"id {token} is outside 0..{self.size - 1}")
        index = token - part.start
        if part is self.text_range:
            piece = self.text.piece(index)
            # An LLM's own `<|pad|>` must not be taken for ours.
            return f"<|text:{index}|>" if piece.startswith("<|") else piece
        if part.name.startswith("<|"):
            return part.name
        if part is self.languages:
            return f"<|lang:{LANGUAGE_CODES[index]}|>"
        if part is self.event_open:
            return f"<|{EVENT_LABELS[index]}|>"
        if part is self.event_close:
            return f"<|/{EVENT_LABELS[index]}|>"
        if part in self.units:
            return f"<|u{self.units.index(part)}:{index}|>"
        return f"<|{part.name.replace(' ', '-')}:{index}|>"

    def token_id(self, name: str) -> int:
        """The id of a name that `token_name` gives.

        Raises:
            ValueError: no id has this name.
        """
        try:
            return self._ids_by_name[name]
        except KeyError:
            raise ValueError(f"no id is called {name!r}") from None

    @cached_property
    def _ids_by_name(self) -> dict[str, int]:
        return {self.token_name(token): token for token in range(self.size)}

    def describe(self, token: int) -> str:
        """An id for an error message."""
        if self.range_of(token) is None:
            return f"id {token} (outside 0..{self.size - 1})"
        return f"{self.token_name(token)!r} (id {token})"
