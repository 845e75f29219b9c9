"""The id space: named ranges of ids, laid out once in declared order, and what each id is called."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from hybrid_tok.errors import OptionsError
from hybrid_tok.events import EVENT_LABELS
from hybrid_tok.stream import Timing
from hybrid_tok.text import TextTokenizer

BASE = 64
"""Numbers are written in base-64 digits, so that one token reaches 1.26 s and two reach 81 s."""
MAX_DIGITS = 4

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
        low = max(low, 0)
        return IdRange(self.name, self.start + low, max(min(self.start + high, self.stop), self.start + low))

    def describe(self) -> str:
        """For people: the name and the ids."""
        return f"{self.name} (id {self.start})" if self.size == 1 else f"{self.name} (ids {self.start}..{self.stop - 1})"


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """What a vocabulary writes; all of it is in the fingerprint.

    Attributes:
        codec: fingerprint of the codec whose units these are.
        codebook_size: codes per codebook.
        hop: samples per frame at the codec's rate.
        num_codebooks: units written per frame, the codec's first so many.
        layout: `hybrid`, `text` (no units) or `units` (nothing else).
        timing: `locked` writes durations, pauses and the exact end, `free` none of them.
        durations: locked timing: per text `run` or per `word`; the grammar is the same.
        run_length: write a repeated frame once, with a count.
        prosody: allow pitch, energy and rate bins before words.
        prosody_bins: of each of the three.
        voice_codes: values of each of the eight tokens of a voice code.
        max_speakers, max_channels: how many there are tags for.
    """

    codec: str
    codebook_size: int
    hop: int = 320
    num_codebooks: int = 2
    layout: Layout = "hybrid"
    timing: Timing = "locked"
    durations: Durations = "run"
    run_length: bool = False
    prosody: bool = False
    prosody_bins: int = 8
    voice_codes: int = 64
    max_speakers: int = 64
    max_channels: int = 16

    def __post_init__(self) -> None:
        if self.layout not in ("hybrid", "text", "units"):
            raise OptionsError(f"layout must be hybrid, text or units, not {self.layout!r}")
        if self.timing not in ("locked", "free"):
            raise OptionsError(f"timing must be locked or free, not {self.timing!r}")
        if self.durations not in ("run", "word"):
            raise OptionsError(f"durations must be run or word, not {self.durations!r}")
        for name in ("codebook_size", "num_codebooks", "prosody_bins", "voice_codes", "max_speakers", "max_channels"):
            if getattr(self, name) < 1:
                raise OptionsError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 1 <= self.hop <= BASE * BASE:
            raise OptionsError(f"hop must be 1..{BASE * BASE} samples, not {self.hop}")


CONTROL = ("pad", "pause", "back", "voice", "units", "/units", "end")
"""`<|pad|>` fills batches up; no stream contains it."""

PROSODY = ("pitch", "energy", "rate")


@dataclass(frozen=True)
class IdSpace:
    """Where each kind of token has its ids.

    The declared order is control, numbers, channels, speakers, voice codes, prosody, events, units per codebook, text.
    With an LLM's own tokenizer the LLM's ids stay where they are, from 0, and ours come after them.

    Args:
        options: what is written.
        text: the text tokenizer.
    """

    options: VocabularyOptions
    text: TextTokenizer

    @cached_property
    def ranges(self) -> tuple[IdRange, ...]:
        """All ranges in order of ids; they tile [0, size)."""
        options = self.options
        sizes: list[tuple[str, int]] = [(f"<|{name}|>", 1) for name in CONTROL]
        sizes += [("number", BASE), ("channel", options.max_channels), ("speaker", options.max_speakers)]
        sizes += [("voice code", options.voice_codes)]
        sizes += [(name, options.prosody_bins) for name in PROSODY]
        sizes += [("event start", len(EVENT_LABELS)), ("event end", len(EVENT_LABELS))]
        sizes += [(f"unit of codebook {k}", options.codebook_size) for k in range(options.num_codebooks)]
        sizes.insert(0 if self.text.keeps_ids else len(sizes), ("text", self.text.size))
        ranges: list[IdRange] = []
        start = 0
        for name, size in sizes:
            ranges.append(IdRange(name, start, start + size))
            start += size
        return tuple(ranges)

    @cached_property
    def _by_name(self) -> dict[str, IdRange]:
        return {part.name: part for part in self.ranges}

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.ranges[-1].stop

    @property
    def pad(self) -> IdRange:
        return self._by_name["<|pad|>"]

    @property
    def pause(self) -> IdRange:
        return self._by_name["<|pause|>"]

    @property
    def back(self) -> IdRange:
        return self._by_name["<|back|>"]

    @property
    def voice_open(self) -> IdRange:
        return self._by_name["<|voice|>"]

    @property
    def units_open(self) -> IdRange:
        return self._by_name["<|units|>"]

    @property
    def units_close(self) -> IdRange:
        return self._by_name["<|/units|>"]

    @property
    def end(self) -> IdRange:
        return self._by_name["<|end|>"]

    @property
    def numbers(self) -> IdRange:
        return self._by_name["number"]

    @property
    def channels(self) -> IdRange:
        return self._by_name["channel"]

    @property
    def speakers(self) -> IdRange:
        return self._by_name["speaker"]

    @property
    def voice_codes(self) -> IdRange:
        return self._by_name["voice code"]

    @property
    def event_open(self) -> IdRange:
        return self._by_name["event start"]

    @property
    def event_close(self) -> IdRange:
        return self._by_name["event end"]

    @cached_property
    def prosody(self) -> tuple[IdRange, ...]:
        return tuple(self._by_name[name] for name in PROSODY)

    @cached_property
    def units(self) -> tuple[IdRange, ...]:
        """One range per codebook."""
        return tuple(self._by_name[f"unit of codebook {k}"] for k in range(self.options.num_codebooks))

    @cached_property
    def text_range(self) -> IdRange:
        return self._by_name["text"]

    @cached_property
    def pieces(self) -> tuple[IdRange, ...]:
        """The text ids that spell something: all but the text tokenizer's control ids."""
        text, silent = self.text_range, sorted(self.text.silent)
        bounds = [-1, *silent, text.size]
        parts = (text.part(low + 1, high) for low, high in zip(bounds[:-1], bounds[1:], strict=True))
        return tuple(part for part in parts if part.size)

    def is_piece(self, token: int) -> bool:
        return token in self.text_range

    def range_of(self, token: int) -> IdRange | None:
        """The range an id lies in; None outside the space."""
        if not 0 <= token < self.size:
            return None
        return self.ranges[bisect_right(self._starts, token) - 1]

    @cached_property
    def _starts(self) -> list[int]:
        return [part.start for part in self.ranges]

    def token_name(self, token: int) -> str:
        """What an id is called: `<|speaker:0|>`, `<|u1:902|>`, `<|laugh|>`, or its piece of text.

        Raises:
            ValueError: the id is outside the space.
        """
        part = self.range_of(token)
        if part is None:
            raise ValueError(f"id {token} is outside 0..{self.size - 1}")
        index = token - part.start
        if part.name == "text":
            return self.text.piece(index)
        if part.name.startswith("<|"):
            return part.name
        if part.name.startswith("unit of codebook "):
            return f"<|u{part.name.removeprefix('unit of codebook ')}:{index}|>"
        if part.name in ("event start", "event end"):
            return f"<|{'/' if part.name == 'event end' else ''}{EVENT_LABELS[index]}|>"
        return f"<|{part.name.replace(' ', '-')}:{index}|>"

    def describe(self, token: int) -> str:
        """An id for an error message."""
        return f"id {token}, outside 0..{self.size - 1}" if self.range_of(token) is None else (
            f"{self.token_name(token)} (id {token})"
        )
