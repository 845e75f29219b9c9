"""The grammar of streams in llguidance's form of Lark, for engines that take such a grammar (vLLM, SGLang, llama.cpp).

A context-free grammar cannot say all that `grammar` checks. `lark_rules` accepts every stream, and besides sequences in
which, against the rules,

- a turn has the speaker of the turn before, or a language is tagged that is in force;
- a speaker has a voice code at a later turn;
- `<|back|>` goes to before the start of the channel;
- a repeated frame is spelled again (run-length coding), or there are more repetitions than a stream may have;
- frames are spelled one by one that are merged into one unit (unit merges);
- a stream without frames has samples in its last frame.

`Vocabulary.repair` makes a stream of such a sequence.
"""

from __future__ import annotations

from collections.abc import Iterable

from hybrid_tok.tokens.idspace import BASE, MAX_DIGITS, IdRange, IdSpace
from hybrid_tok.tokens.stream import VOICE_CODES


def lark_rules(space: IdSpace) -> str:
    """Rules for a `stream`, one per line; without a `start`, so that more can be put around them."""
    options = space.options
    locked = options.timing == "locked"
    rules = {
        "stream": f"{_channels(space)} end" if locked else _channels(space),
        "turns": "turn*",
        "turn": f"{terminal(space.speakers)} voice? items",
        "voice": f"{terminal(space.voice_open)} " + " ".join([terminal(space.voice_codes)] * VOICE_CODES),
        "items": "item*",
        "item": "units" if options.layout == "units" else "text | event",
    }
    if options.layout != "text":
        rules["frame"] = _frame(space, options.num_codebooks)
        rules["units"] = f"{terminal(space.units_open)} frame+ {terminal(space.units_close)}"
    if options.layout != "units":
        tags = [f"{terminal(space.languages)} prosody?", "prosody"] if options.prosody else [terminal(space.languages)]
        rules["tags"] = " | ".join(tags)
        if options.prosody:
            rules["prosody"] = " ".join(map(terminal, space.prosody))
        # In free timing the pieces of two texts are those of one, so that a text needs no rule for more than one.
        rules["text"] = f"tags? {terminal(*space.pieces)}" + ("+ number" if locked else "")
        content = "" if options.layout == "text" else " frame*"
        if content and options.event_width != options.num_codebooks:
            rules["event_frame"] = _frame(space, options.event_width)
            content = " event_frame*"
        labels = range(space.event_open.size)
        rules["event"] = " | ".join(
            f"{terminal(space.event_open.part(k, k + 1))}{content} {terminal(space.event_close.part(k, k + 1))}"
            for k in labels
        )
        if options.layout == "hybrid":
            rules["item"] += " | units"
        if locked:
            rules["items"] = "item* (move item+)* move?"
            rules["move"] = f"({terminal(space.pause)} | {terminal(space.back)}) nonzero"
    if locked or options.run_length:
        digits = space.numbers
        more = ""
        for _ in range(MAX_DIGITS - 1):
            more = f" ({terminal(digits)}{more})?"
        rules["number"] = f"{terminal(digits.part(0, 1))} | nonzero"
        rules["nonzero"] = f"{terminal(digits.part(1, BASE))}{more}"
    if locked:
        rules["end"] = f"{terminal(space.end)} ({_remainder(space)})"
    return "\n".join(f"{name}: {rule}" for name, rule in rules.items())


def _frame(space: IdSpace, width: int) -> str:
    """A frame of so many units, and its repetitions."""
    frame = " ".join(map(terminal, space.units[:width]))
    if space.options.run_length:
        frame += " nonzero?"
    return f"{frame} | {terminal(space.merged)}" if space.merged.size else frame


def terminal(*ranges: IdRange) -> str:
    """One id of some ranges."""
    return f"<[{','.join(_spans(ranges))}]>"


def _spans(ranges: Iterable[IdRange]) -> list[str]:
    return [f"{ids.start}" if ids.size == 1 else f"{ids.start}-{ids.stop - 1}" for ids in ranges]


def _channels(space: IdSpace) -> str:
    """One channel without a tag, or several with theirs in order."""
    if space.channels.size == 1:
        return "turns"
    tagged = [f"{terminal(space.channels.part(k, k + 1))} turns" for k in range(space.channels.size)]
    more = ""
    for channel in reversed(tagged[2:]):
        more = f" ({channel}{more})?"
    return f"(turns | {tagged[0]} {tagged[1]}{more})"


def _remainder(space: IdSpace) -> str:
    """Two digits for less than a hop."""
    high, low = divmod(space.options.hop - 1, BASE)
    digits = space.numbers
    highest = f"{terminal(digits.part(high, high + 1))} {terminal(digits.part(0, low + 1))}"
    return f"{terminal(digits.part(0, high))} {terminal(digits)} | {highest}" if high else highest
