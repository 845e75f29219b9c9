"""A stream has exactly one spelling, or is refused when it is made; and its two written forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.render import escape, format_stream, stream_from_json, stream_to_json
from hybrid_tok.tokens.stream import (
    VOICE_CODES,
    Back,
    Channel,
    EventItem,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.vocabulary import Vocabulary
from strategies import TEXTS, vocabularies_and_streams

VOICE = tuple(range(VOICE_CODES))
LAUGH = EventItem("laugh", ((1, 2), (3, 4)))


def one_turn(*items: Item, timing: Any = "locked", remainder: int | None = 0) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), timing, remainder)


def test_the_cursor_places_every_item() -> None:
    stream = HybridStream(
        (
            Channel(
                (
                    Turn(0, (TextItem("so funny", 40), LAUGH, Pause(8))),
                    Turn(1, (Back(30), TextItem("yes", 10), UnitItem(((5, 6),)))),
                )
            ),
            Channel((Turn(2, (Pause(3),)),)),
        )
    )
    placed = [(type(p.item).__name__, p.span, p.channel, p.speaker) for p in stream.placed()]
    assert placed == [
        ("TextItem", Span(0, 40), 0, 0),
        ("EventItem", Span(40, 42), 0, 0),
        ("Pause", Span(42, 50), 0, 0),
        ("Back", Span(20, 20), 0, 1),
        ("TextItem", Span(20, 30), 0, 1),
        ("UnitItem", Span(30, 31), 0, 1),
        ("Pause", Span(0, 3), 1, 2),
    ]
    assert stream.frames == 50


def test_an_empty_stream() -> None:
    assert HybridStream((Channel(),)).frames == 0
    assert list(HybridStream((Channel(),), "free", None).placed()) == []


@pytest.mark.parametrize(
    "turns, message",
    [
        ((Turn(0), Turn(0)), "turn 1: follows another turn of speaker 0; join them"),
        ((Turn(-1),), "speaker -1; they are numbered from 0"),
        ((Turn(0, voice=VOICE), Turn(1), Turn(0, voice=VOICE)), "turn 2: voice code of speaker 0 after"),
        ((Turn(0, voice=(1, 2)),), "a voice code has 16 tokens, not 2"),
        ((Turn(0, (Back(1),)),), "back over 1 frames before the start"),
        ((Turn(0, (Pause(5),)), Turn(1, (Back(6),))), "turn 1: back over 1 frames"),
        ((Turn(0, (Pause(0),)),), "Pause of 0 frames; leave it out"),
        ((Turn(0, (Pause(1), Pause(1))),), "Pause after Pause; join them"),
        ((Turn(0, (Pause(2), Back(1))),), "Back after Pause; join them"),
        ((Turn(0, (UnitItem(()),)),), "an empty unit run"),
        ((Turn(0, (EventItem("giggle"),)),), "no event is called 'giggle'"),  # type: ignore[arg-type]
        ((Turn(0, (TextItem("", 1),)),), "an empty text run"),
        ((Turn(0, (TextItem("a", 1, pieces=()),)),), "an empty text run"),
        ((Turn(0, (TextItem("a"),)),), "needs frames in locked timing"),
        ((Turn(0, (TextItem("a", -1),)),), "of -1 frames"),
        ((Turn(0, (TextItem("a\ud800", 1),)),), "character 1 of .* is a lone surrogate"),
        ((Turn(0, (TextItem("a", 1, language="xx"),)),), "'a' in 'xx', which is no code of a language"),
        ((Turn(0, (TextItem("a", 1, language="English"),)),), "'a' in 'English', which is no code"),
        (
            (Turn(0, (TextItem("a", 1, language="en"),)), Turn(1, (TextItem("b", 1),))),
            "turn 1: text run 'b' without a language after one in 'en'",
        ),
        ((Turn(0, ("a",)),), "str is not an item"),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_spelling_or_two_is_refused(turns: tuple[Turn, ...], message: str) -> None:
    with pytest.raises(StreamError, match=message) as caught:
        HybridStream((Channel(turns),))
    assert str(caught.value).startswith("channel 0, turn ")


@pytest.mark.parametrize(
    "items, message",
    [
        ((Pause(1),), "Pause in free timing"),
        ((Back(1),), "Back in free timing"),
        ((TextItem("a", 1),), "and none in free"),
        ((TextItem("a"), TextItem("b")), "two adjacent text runs in free timing; join them"),
        ((TextItem("a", language="en"), TextItem("b", language="en")), "two adjacent text runs in free timing"),
    ],
)
def test_free_timing_has_no_places(items: tuple[Item, ...], message: str) -> None:
    with pytest.raises(StreamError, match=message):
        one_turn(*items, timing="free", remainder=None)


def test_prosody_a_language_or_an_event_parts_two_texts_in_free_timing() -> None:
    one_turn(TextItem("a"), TextItem("b", None, Prosody(0, 0, 0)), timing="free", remainder=None)
    one_turn(TextItem("a"), EventItem("laugh"), TextItem("b"), timing="free", remainder=None)
    one_turn(TextItem("a"), TextItem("b", language="en"), TextItem("c", language="de"), timing="free", remainder=None)


def test_a_channel_starts_without_a_language() -> None:
    turns = (Turn(0, (TextItem("a", 1), TextItem("b", 1, language="en"))),)
    assert HybridStream((Channel(turns), Channel(turns))).frames == 2


@pytest.mark.parametrize(
    "timing, remainder", [("locked", None), ("free", 0), ("locked", -1), ("locked", 1), ("lose", 0)]
)
def test_timing_and_remainder_must_agree(timing: str, remainder: int | None) -> None:
    """A remainder needs a last frame to be in."""
    with pytest.raises(StreamError, match=r"timing|remainder"):
        HybridStream((Channel(),), timing, remainder)  # type: ignore[arg-type]


def test_there_is_at_least_one_channel() -> None:
    with pytest.raises(StreamError, match="at least one channel"):
        HybridStream(())


# -- written forms ------------------------------------------------------------------------------------------------


@given(vocabularies_and_streams())
def test_json_gives_an_equal_stream(made: tuple[Vocabulary, HybridStream]) -> None:
    _, stream = made
    assert stream_from_json(json.loads(json.dumps(stream_to_json(stream)))) == stream


def test_json_keeps_pieces() -> None:
    stream = one_turn(TextItem("\ufffd", 3, pieces=(229,)))
    assert stream_from_json(stream_to_json(stream)) == stream


def test_json_as_it_is() -> None:
    stream = one_turn(TextItem("so funny", 40), LAUGH, Pause(2), TextItem("你好", 9, language="zh"), remainder=7)
    assert stream_to_json(stream) == {
        "version": 1,
        "timing": "locked",
        "remainder": 7,
        "channels": [
            [
                {
                    "speaker": 0,
                    "items": [
                        {"type": "text", "text": "so funny", "frames": 40},
                        {"type": "event", "label": "laugh", "units": [[1, 2], [3, 4]]},
                        {"type": "pause", "frames": 2},
                        {"type": "text", "text": "你好", "language": "zh", "frames": 9},
                    ],
                }
            ]
        ],
    }


@pytest.mark.parametrize(
    "change, message",
    [
        ({"version": 2}, "version 2; this release reads version 1"),
        ({"channels": None}, "not a stream in JSON"),
        ({"channels": [[{"items": []}]]}, "'speaker' is missing"),
        ({"channels": [[{"speaker": "0", "items": []}]]}, "'0' where a whole number should be"),
        ({"channels": [[{"speaker": True, "items": []}]]}, "True where a whole number should be"),
        ({"channels": [[{"speaker": 0, "items": [{"type": "song"}]}]]}, "no item of a stream has the type 'song'"),
        (
            {"channels": [[{"speaker": 0, "items": [{"type": "text", "text": 5, "frames": 1}]}]]},
            "5 where a string should be",
        ),
        (
            {"channels": [[{"speaker": 0, "items": [{"type": "text", "text": "a", "frames": 1, "language": 1}]}]]},
            "1 where a string should be",
        ),
        ({"channels": [[{"speaker": 0, "items": [{"type": "pause", "frames": 1.0}]}]]}, "1.0 where a whole number"),
        ({"channels": [[{"speaker": 0, "items": [{"type": "pause", "frames": 0}]}]]}, "Pause of 0 frames"),
    ],
)
def test_json_that_is_no_stream_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StreamError, match=message):
        stream_from_json({"version": 1, "timing": "locked", "remainder": 0, "channels": [[]], **change})


def test_as_a_person_reads_it() -> None:
    stream = HybridStream(
        (
            Channel(
                (
                    Turn(0, (TextItem("so funny", 40), LAUGH, Pause(34)), VOICE),
                    Turn(1, (Back(5), TextItem("hm", 9, Prosody(1, 2, 3)), UnitItem(((1,), (2,), (3,))))),
                )
            ),
            Channel(),
        ),
        remainder=7,
    )
    assert format_stream(stream).splitlines() == [
        "<|channel:0|>",
        "<|speaker:0|> <|voice:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15|> so funny <|duration:40|> "
        "<|laugh|><|u0:1|><|u1:2|><|u0:3|><|u1:4|><|/laugh|> <|pause:34|>",
        "<|speaker:1|> <|back:5|> <|prosody:1,2,3|> hm <|duration:9|> <|units|><|u0:1|><|u0:2|><|u0:3|><|/units|>",
        "<|channel:1|>",
        "<|end:7|>",
    ]
    assert "<|units|><|u0:1|> .. 2 more frames .. <|/units|>" in format_stream(stream, max_frames=1)


def test_a_language_is_written_where_it_changes() -> None:
    en, zh = {"language": "en"}, {"language": "zh"}
    turns = (
        Turn(0, (TextItem("so", 1), TextItem("well", 2, **en), TextItem("then", 3, Prosody(0, 1, 2), **en))),
        Turn(1, (TextItem("yes", 4, **en), TextItem("你好", 5, Prosody(0, 1, 2), **zh))),
    )
    assert format_stream(HybridStream((Channel(turns), Channel(turns[1:])))).splitlines() == [
        "<|channel:0|>",
        "<|speaker:0|> so <|duration:1|> <|lang:en|> well <|duration:2|> <|prosody:0,1,2|> then <|duration:3|>",
        "<|speaker:1|> yes <|duration:4|> <|lang:zh|> <|prosody:0,1,2|> 你好 <|duration:5|>",
        "<|channel:1|>",
        "<|speaker:1|> <|lang:en|> yes <|duration:4|> <|lang:zh|> <|prosody:0,1,2|> 你好 <|duration:5|>",
        "<|end:0|>",
    ]


@given(TEXTS)
def test_no_text_forges_a_tag_or_a_line(text: str) -> None:
    written = format_stream(one_turn(TextItem(text, 3)))
    assert written == f"<|speaker:0|> {escape(text)} <|duration:3|>\n<|end:0|>"
    assert "<|" not in escape(text) and escape(text).isprintable()


def test_escapes_tell_texts_apart() -> None:
    assert escape("<|pause|>") == "<\\|pause|>"
    assert escape("<\\|") == "<\\\\|"
    assert escape("a\nb") == "a\\nb"
    assert escape("a\\nb") == "a\\\\nb"
