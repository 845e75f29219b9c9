from __future__ import annotations

import pytest

from hybrid_tok.core.timeline import DEFAULT_GRID, Grid, Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.decode.plan import UTTERANCE_GAP, TextSegment, UnitSegment, locked_length, plan
from hybrid_tok.errors import StreamError
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
from hybrid_tok.voice.prosody import from_bins

GRID = DEFAULT_GRID


def units(frames: int, code: int = 0) -> tuple[tuple[int, ...], ...]:
    return ((code,),) * frames


def locked(*items: Item, remainder: int = 0) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), "locked", remainder)


def segments(*items: Item) -> list[object]:
    return list(plan(locked(*items), GRID).segments)


def test_units_that_touch_are_one_segment_whoever_they_belong_to() -> None:
    stream = HybridStream(
        (
            Channel(
                (
                    Turn(0, (Pause(5), UnitItem(units(3)), EventItem("laugh", units(2, 1)))),
                    Turn(1, (UnitItem(units(4, 2)),)),
                )
            ),
        )
    )
    (segment,) = plan(stream, GRID).segments
    assert segment == UnitSegment(
        0,
        5,
        units(3) + units(2, 1) + units(4, 2),
        (0, 0, 1),
    )


def test_frames_of_fewer_units_are_a_segment_of_their_own() -> None:
    wide, narrow = ((1, 2),), ((3,), (4,))
    found = segments(UnitItem(wide), EventItem("laugh", narrow), UnitItem(wide))
    assert [(one.start, one.units) for one in found if isinstance(one, UnitSegment)] == [
        (0, wide),
        (1, narrow),
        (3, wide),
    ]


def test_a_pause_or_an_overlap_ends_a_unit_segment() -> None:
    starts = [
        (segment.start, len(segment.units))
        for segment in segments(UnitItem(units(3)), Pause(1), UnitItem(units(4)), Back(2), UnitItem(units(5)))
        if isinstance(segment, UnitSegment)
    ]
    assert starts == [(0, 3), (4, 4), (6, 5)]


def test_text_that_lies_close_together_is_one_utterance() -> None:
    near = segments(TextItem("so very", 20), Pause(15), TextItem("funny", 10))
    utterance = Utterance((Phrase(("so", "very"), Span(0, 20)), Phrase(("funny",), Span(35, 45))))
    assert near == [TextSegment(0, utterance)]
    assert utterance.words == ("so", "very", "funny") and utterance.span == Span(0, 45)
    assert len(segments(TextItem("so", 20), Pause(UTTERANCE_GAP), TextItem("funny", 10))) == 1
    assert len(segments(TextItem("so", 20), Pause(UTTERANCE_GAP + 1), TextItem("funny", 10))) == 2
    assert len(segments(TextItem("so", 20), Back(5), TextItem("funny", 10))) == 2


def test_an_utterance_goes_on_over_units_where_everything_has_its_place() -> None:
    items = (TextItem("so", 20), UnitItem(units(1)), TextItem("very", 10), Pause(9), UnitItem(units(2)))
    found = segments(*items)
    utterance = Utterance((Phrase(("so",), Span(0, 20)), Phrase(("very",), Span(21, 31))))
    assert found == [
        UnitSegment(0, 20, units(1), (0,)),
        TextSegment(0, utterance),
        UnitSegment(0, 40, units(2), (0,)),
    ]
    free = (TextItem("so"), UnitItem(units(1)), TextItem("very"))
    kinds = [type(one) for one in plan(HybridStream((Channel((Turn(0, free),)),), "free", None), GRID).segments]
    assert kinds == [TextSegment, UnitSegment, TextSegment]


def test_segments_end_where_the_language_changes() -> None:
    en, zh = {"language": "en"}, {"language": "zh"}
    assert segments(
        TextItem("so", 5, **en), TextItem("far", 5, **en), TextItem("你好，", 9, **zh), TextItem("吧", 4, **zh)
    ) == [
        TextSegment(0, Utterance((Phrase(("so",), Span(0, 5)), Phrase(("far",), Span(5, 10))), "en")),
        TextSegment(0, Utterance((Phrase(("你", "好，"), Span(10, 19)), Phrase(("吧",), Span(19, 23))), "zh")),
    ]
    assert len(segments(TextItem("so", 5), TextItem("far", 5, **en))) == 2


def test_what_has_no_sound_is_no_segment() -> None:
    assert segments(EventItem("laugh"), Pause(10), TextItem(" \n", 5)) == []


def test_free_timing_has_no_places() -> None:
    stream = HybridStream((Channel((Turn(0, (TextItem("hi"), UnitItem(units(2)))),)),), "free", None)
    planned = plan(stream, GRID)
    assert planned.num_samples is None
    assert planned.segments == (
        TextSegment(0, Utterance((Phrase(("hi",)),))),
        UnitSegment(0, None, units(2), (0,)),
    )


@pytest.mark.parametrize(
    ("frames", "remainder", "samples"), [(0, 0, 0), (1, 1, 1), (1, 0, 320), (2, 319, 639), (3, 1, 641)]
)
def test_locked_length_is_exact(frames: int, remainder: int, samples: int) -> None:
    items = (Pause(frames),) if frames else ()
    assert locked_length(locked(*items, remainder=remainder), GRID) == samples


def test_a_remainder_must_be_part_of_a_frame_at_the_output_rate() -> None:
    with pytest.raises(StreamError, match="remainder of 320 samples does not fit 1 frames of 320"):
        plan(locked(Pause(1), remainder=320), GRID)
    assert locked_length(locked(Pause(1), remainder=320), Grid(48_000, 960)) == 320


def test_a_speaker_has_the_voice_of_the_first_turn_or_another() -> None:
    code = (1,) * VOICE_CODES
    turns = (Turn(0, (TextItem("so", 5),), code), Turn(1, (TextItem("oh", 5),)), Turn(0, (TextItem("far", 5),)))
    stream = HybridStream((Channel(turns),))
    voices = [segment.utterance.voice for segment in plan(stream, GRID).segments if isinstance(segment, TextSegment)]
    assert voices == [code, None, code]
    changed = plan(stream, GRID, {0: "af_heart"})
    assert [one.utterance.voice for one in changed.segments if isinstance(one, TextSegment)] == [
        *("af_heart", None, "af_heart")
    ]
    assert changed.codes == {0: code}
    with pytest.raises(StreamError, match="no speaker 2 in the stream to give a voice to; there are: 0, 1"):
        plan(stream, GRID, {2: "af_heart"})


def test_prosody_is_the_delivery_of_its_words() -> None:
    (segment,) = segments(TextItem("so", 5, prosody=Prosody(0, 1, 2)), TextItem("far", 5, prosody=Prosody(7, 7, 7)))
    assert isinstance(segment, TextSegment)
    deliveries = [phrase.delivery for phrase in segment.utterance.phrases]
    assert deliveries == [from_bins(Prosody(0, 1, 2)), from_bins(Prosody(7, 7, 7))]
