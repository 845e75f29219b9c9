"""The figures of a token sequence: tokens/s, bits/s, and the share of time in each form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from hybrid_tok.core.spacing import join_words, split_words
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.tokens.render import escape
from hybrid_tok.tokens.stream import Back, EventItem, HybridStream, Item, Pause, TextItem, UnitItem
from hybrid_tok.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one recording.

    Attributes:
        seconds: length of the recording.
        tokens: ids written, all kinds counted.
        tokens_per_second: all tokens per second: every codebook, every tag, every piece of text.
        bits_per_second: every id counted as log2 of the whole id space, as a language model's softmax sees it.
        range_bits_per_second: every id counted as log2 of the size of its own range (a unit among its codebook's
            units, a piece among pieces), as an entropy coder that follows the grammar would at worst.
        text_share, unit_share, silence_share: shares of the time, in [0, 1]; events count as units. Together they
            are 1 in locked timing, where nothing overlaps.
        words: words written as text; characters in Chinese and Japanese.
    """

    seconds: float
    tokens: int
    tokens_per_second: float
    bits_per_second: float
    range_bits_per_second: float
    text_share: float
    unit_share: float
    silence_share: float
    words: int


def summarize(stream: HybridStream, ids: Sequence[int], vocabulary: Vocabulary, seconds: float) -> Summary:
    """The figures of a stream and its ids; `seconds` is the length of the recording (rates are 0 when it is 0)."""
    text = units = silence = words = 0
    for placed in stream.placed():
        if isinstance(placed.item, TextItem):
            text += placed.span.frames
            words += len(split_words(placed.item.text, placed.item.language))
        elif isinstance(placed.item, Pause):
            silence += placed.span.frames
        elif not isinstance(placed.item, Back):
            units += placed.span.frames
    total = max(text + units + silence, 1)

    def per_second(amount: float) -> float:
        return amount / seconds if seconds else 0.0

    return Summary(
        seconds=seconds,
        tokens=len(ids),
        tokens_per_second=per_second(len(ids)),
        bits_per_second=per_second(len(ids) * vocabulary.bits_per_token),
        range_bits_per_second=per_second(vocabulary.range_bits(ids)),
        text_share=text / total,
        unit_share=units / total,
        silence_share=silence / total,
        words=words,
    )


_OPENING = re.compile(r"[<\[](?=[a-z])")
"""What an event or a run of units begins with in a transcript."""


def transcript(stream: HybridStream, frame_rate: Fraction = Fraction(FRAME_RATE)) -> str:
    """The stream as a readable transcript: a line per speaker turn, events as tags, units as their length.

    Text is escaped (see `render.escape`), and a bracket in it that would open a tag has a backslash before it.

    Args:
        frame_rate: the codec's frames per second.
    """
    lines: list[str] = []
    for number, channel in enumerate(stream.channels):
        if len(stream.channels) > 1:
            lines.append(f"channel {number}")
        for turn in channel.turns:
            shown = [(item, text) for item in turn.items if (text := _shown(item, frame_rate))]
            runs = groupby(shown, key=lambda one: one[0].language if isinstance(one[0], TextItem) else one[0])
            parts = [join_words((text for _, text in run), key if isinstance(key, str) else None) for key, run in runs]
            lines.append(f"speaker {turn.speaker}: {' '.join(parts)}")
    return "\n".join(lines)


def _shown(item: Item, frame_rate: Fraction) -> str:
    """An item as readable text; empty where it is not shown."""
    if isinstance(item, TextItem):
        return _OPENING.sub(r"\\\g<0>", escape(item.text))
    if isinstance(item, EventItem):
        return f"<{item.label} {float(len(item.units) / frame_rate):.2f}s>"
    if isinstance(item, UnitItem):
        return f"[units {float(len(item.units) / frame_rate):.2f}s]"
    # half a second: shorter pauses are just how people speak
    if isinstance(item, Pause) and 2 * item.frames >= frame_rate:
        return f"({float(item.frames / frame_rate):.1f}s)"
    return ""
