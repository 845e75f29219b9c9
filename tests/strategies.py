"""Random vocabularies and streams of every layout and option, for property tests."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.tokens.stream import (
    VOICE_CODES,
    Back,
    Channel,
    EventItem,
    Frame,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
    item_frames,
)
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "so funny",
        "um",
        " two  spaces ",
        "\u2581",
        "\n",
        "\t",
        "\0",
        "<|pause|>",
        "<s>",
        "<unk>",
        "你好",
        "e\u0301",
        "🙂",
    ]
)
"""Any Unicode, and what text models trip over."""


@st.composite
def vocabulary_options(draw: st.DrawFn) -> VocabularyOptions:
    """Small vocabularies of every layout and option. Few codes, so that frames repeat often."""
    num_codebooks = draw(st.integers(1, 4))
    return VocabularyOptions(
        codec="test",
        codebook_size=draw(st.sampled_from([2, 3, 300])),
        hop=draw(st.sampled_from([1, 64, 65, 320, 4096])),
        num_codebooks=num_codebooks,
        event_codebooks=draw(st.none() | st.integers(1, num_codebooks)),
        layout=draw(st.sampled_from(["hybrid", "text", "units"])),
        timing=draw(st.sampled_from(["locked", "free"])),
        durations=draw(st.sampled_from(["run", "word"])),
        run_length=draw(st.booleans()),
        prosody=draw(st.booleans()),
        prosody_bins=draw(st.integers(1, 3)),
        voice_codes=draw(st.integers(1, 3)),
        max_speakers=draw(st.integers(1, 4)),
        max_channels=draw(st.integers(1, 3)),
    )


@cache
def vocabulary(options: VocabularyOptions) -> Vocabulary:
    """The vocabulary of some options, over the bundled text model."""
    return Vocabulary(options, load_text_tokenizer())


@st.composite
def streams(draw: st.DrawFn, options: VocabularyOptions) -> HybridStream:
    """A stream that a vocabulary of these options can spell."""
    spoken: set[int] = set()
    count = draw(st.integers(1, options.max_channels))
    channels = tuple(draw(_channels(options, spoken)) for _ in range(count))
    if options.timing == "free":
        return HybridStream(channels, "free", None)
    frames = HybridStream(channels).frames
    return HybridStream(channels, "locked", draw(st.integers(0, options.hop - 1)) if frames else 0)


@st.composite
def vocabularies_and_streams(draw: st.DrawFn) -> tuple[Vocabulary, HybridStream]:
    """A vocabulary, and a stream it can spell."""
    options = draw(vocabulary_options())
    return vocabulary(options), draw(streams(options))


@st.composite
def frames(draw: st.DrawFn, options: VocabularyOptions, width: int | None = None) -> Frame:
    """The units of one frame; of a unit run unless a width is given."""
    unit = st.integers(0, options.codebook_size - 1)
    return draw(st.tuples(*[unit] * (width or options.num_codebooks)))


@st.composite
def _channels(draw: st.DrawFn, options: VocabularyOptions, spoken: set[int]) -> Channel:
    turns: list[Turn] = []
    cursor = 0
    language: str | None = None
    for speaker in draw(st.lists(st.integers(0, options.max_speakers - 1), max_size=4)):
        if turns and turns[-1].speaker == speaker:
            continue
        items: list[Item] = []
        for _ in range(draw(st.integers(0, 4))):
            item = draw(_items(options, items[-1] if items else None, cursor, language))
            if item is not None:
                items.append(item)
                language = item.language if isinstance(item, TextItem) else language
                cursor += item_frames(item)
        voice = None
        if speaker not in spoken and draw(st.booleans()):
            voice = tuple(draw(st.integers(0, options.voice_codes - 1)) for _ in range(VOICE_CODES))
        spoken.add(speaker)
        turns.append(Turn(speaker, tuple(items), voice))
    return Channel(tuple(turns))


NUMBERS = st.integers(1, 70) | st.sampled_from([63, 64, 4095, 4096, 64**4 - 1])
"""Lengths around those where a digit is added."""


@st.composite
def _items(
    draw: st.DrawFn, options: VocabularyOptions, previous: Item | None, cursor: int, in_force: str | None
) -> Item | None:
    """An item that may follow; None where the one chosen may not."""
    kind = draw(st.sampled_from(["text", "event", "units", "pause", "back"]))
    width = options.event_width if kind == "event" and options.layout != "units" else options.num_codebooks
    some = st.lists(frames(options, width), max_size=5)
    runs = some.flatmap(lambda made: st.sampled_from([made, made * 2, made[:1] * 70]))
    if options.layout == "units" or (kind == "units" and options.layout != "text"):
        return UnitItem(tuple(draw(runs.filter(bool))))
    if kind == "event":
        units = () if options.layout == "text" else tuple(draw(runs))
        return EventItem(draw(st.sampled_from(EVENT_LABELS)), units)
    if kind == "text":
        bins = st.integers(0, options.prosody_bins - 1)
        prosody = draw(st.none() | st.builds(Prosody, bins, bins, bins)) if options.prosody else None
        language = draw(st.sampled_from([in_force, "en", "zh", "yue"]))
        joins = isinstance(previous, TextItem) and previous.language == language and prosody is None
        if options.timing == "free" and joins:
            return None
        frames_ = draw(st.just(0) | NUMBERS) if options.timing == "locked" else None
        return TextItem(draw(TEXTS), frames_, prosody, language=language)
    if options.timing == "free" or isinstance(previous, Pause | Back):
        return None
    if kind == "pause":
        return Pause(draw(NUMBERS))
    return Back(min(draw(NUMBERS), cursor)) if cursor else None
