"""Blocks: every stream comes back from them, chunks never matter, and each id is where it can be known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.audio import SourceInfo
from hybrid_tok.core.timeline import Grid
from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.tokens.block_layout import block_frames, outside_tokens
from hybrid_tok.tokens.blocks import (
    BlockLayout,
    BlockReader,
    BlockWriter,
    OutsideChannel,
    Tracks,
    blocks_of,
    join_channels,
    read_blocks,
    read_tracks,
    split_channels,
    stream_of_blocks,
    stream_of_file,
    write_tracks,
)
from hybrid_tok.tokens.container import Header, HybridFile, read_file, write_file
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    HybridStream,
    Pause,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import streams, vocabulary, vocabulary_options

SMALL = VocabularyOptions(codec="test", codebook_size=3, max_channels=5, max_speakers=3)
OURS = vocabulary(SMALL)
MOST_BLOCKS = 300


@st.composite
def locked_options(draw: st.DrawFn, spare: int = 0) -> VocabularyOptions:
    """Of every kind that has times, with merged units too."""
    options = replace(draw(vocabulary_options()), timing="locked")
    options = replace(options, max_channels=options.max_channels + spare)
    if draw(st.booleans()) and options.num_codebooks == 2:
        merges = UnitMerges("test", ((0, 0), (0, 1), (1, 1)), ((0, 0), (3, 2), (3, 3), (1, 0)))
        options = replace(options, run_length=False, event_codebooks=None, unit_merges=merges)
    return options


@st.composite
def written(draw: st.DrawFn) -> tuple[Vocabulary, HybridStream, BlockLayout]:
    """A vocabulary, a stream and a layout, of blocks from one frame to more than there are."""
    options = draw(locked_options())
    stream = draw(streams(options))
    least = max(stream.frames // MOST_BLOCKS, 1)
    frames = draw(st.integers(least, least + 9) | st.sampled_from([stream.frames + 1, stream.frames or 1]))
    return vocabulary(options), stream, BlockLayout(len(stream.channels), frames)


@st.composite
def with_outside(draw: st.DrawFn) -> tuple[Vocabulary, HybridStream, BlockLayout, dict[str, list[tuple[int, int]]]]:
    """The same with up to two channels of outside tokens, a few after the end too."""
    options = draw(locked_options(spare=2))
    stream = draw(streams(replace(options, max_channels=options.max_channels - 2)))
    frames = max(stream.frames // MOST_BLOCKS, 1) + draw(st.integers(0, 5))
    names = draw(st.sampled_from([(), ("image",), ("image", "touch")]))
    first = vocabulary(options).size
    outside = tuple(OutsideChannel(name, 7, first + 10 * number) for number, name in enumerate(names))
    times = st.integers(0, stream.frames + 3 * frames)
    tokens = {name: sorted(draw(st.lists(st.tuples(times, st.integers(0, 6)), max_size=6))) for name in names}
    return vocabulary(options), stream, BlockLayout(len(stream.channels), frames, outside), tokens


@given(written())
def test_streams_come_back_and_so_does_each_track(made: tuple[Vocabulary, HybridStream, BlockLayout]) -> None:
    voc, stream, layout = made
    ids = blocks_of(voc, stream, layout)
    assert stream_of_blocks(voc, ids, layout) == stream
    tracks = split_channels(stream)
    assert join_channels(tracks) == stream
    assert read_tracks(voc, ids, layout) == tracks
    read = read_blocks(voc, ids, layout)
    assert read.channels == tuple(tuple(voc.encode(track)) for track in tracks)
    with pytest.raises(GrammarError):
        voc.check(ids)  # no reader takes blocks for a stream


@given(with_outside())
def test_outside_tokens_come_back_with_the_time_of_their_block(
    made: tuple[Vocabulary, HybridStream, BlockLayout, dict[str, list[tuple[int, int]]]],
) -> None:
    voc, stream, layout, tokens = made
    ids = blocks_of(voc, stream, layout, tokens)
    assert stream_of_blocks(voc, ids, layout) == stream
    starts = {name: tuple((t - t % layout.frames, token) for t, token in given) for name, given in tokens.items()}
    assert read_blocks(voc, ids, layout).outside == starts
    assert blocks_of(voc, stream, layout, starts) == ids


@given(written(), st.data())
def test_tracks_of_different_lengths_come_back(
    made: tuple[Vocabulary, HybridStream, BlockLayout], data: st.DataObject
) -> None:
    voc, stream, layout = made
    hop = voc.options.hop
    tracks = [
        replace(track, remainder=data.draw(st.integers(0, hop - 1)) if track.frames else 0)
        for track in split_channels(stream)
    ]
    assert list(read_tracks(voc, write_tracks(voc, tracks, layout), layout)) == tracks


@given(written(), st.data())
def test_what_is_read_in_chunks_is_what_is_read_at_once(
    made: tuple[Vocabulary, HybridStream, BlockLayout], data: st.DataObject
) -> None:
    voc, stream, layout = made
    ids = blocks_of(voc, stream, layout)
    reader = BlockReader(voc, layout)
    parts: list[Tracks] = []
    for start, stop in pieces(data, len(ids)):
        parts.append(reader.push(np.array(ids[start:stop])))
    reader.flush()
    whole = read_blocks(voc, ids, layout)
    for number, channel in enumerate(whole.channels):
        assert tuple(token for part in parts for token in part.channels[number]) == channel


@given(with_outside(), st.data())
def test_what_is_written_as_it_becomes_known_is_what_is_written_at_once(
    made: tuple[Vocabulary, HybridStream, BlockLayout, dict[str, list[tuple[int, int]]]], data: st.DataObject
) -> None:
    """Each channel in its own steps; what is final is said as early as it may be."""
    voc, stream, layout, tokens = made
    groups = [known(voc, track) for track in split_channels(stream)]
    last = max(frame for channel in groups for frame, _ in channel) + 1
    steps = sorted({0, last, *data.draw(st.lists(st.integers(0, last), max_size=6))})
    writer, ids, before = BlockWriter(voc, layout), list[int](), 0
    for now in steps:
        turns = [*range(layout.channels), *tokens]
        for turn in data.draw(st.permutations(turns)):
            if isinstance(turn, str):
                ids += writer.push_outside(turn, [one for one in tokens[turn] if before <= one[0] < now], now)
            else:
                fresh = [token for frame, group in groups[turn] if before <= frame < now for token in group]
                ids += writer.push(turn, fresh, now)
        before = now
        if now < last:
            assert writer.frames == now // layout.frames * layout.frames, "no block waits longer than it must"
    for name, given_ in tokens.items():
        ids += writer.push_outside(name, [one for one in given_ if one[0] >= before])
    assert ids + writer.flush() == blocks_of(voc, stream, layout, tokens)


@given(written(), st.data())
def test_broken_sequences_are_refused_or_spell_themselves(
    made: tuple[Vocabulary, HybridStream, BlockLayout], data: st.DataObject
) -> None:
    voc, stream, layout = made
    ids = blocks_of(voc, stream, layout)
    any_id = st.sampled_from([*ids, -1, voc.size, voc.pad_id, voc.space.numbers.start + 1, voc.space.end.start])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(ids) - 1)) if ids else 0
        how = data.draw(st.sampled_from(["replace", "insert", "remove", "swap", "cut"]))
        if how == "insert" or not ids:
            ids.insert(at, data.draw(any_id))
        elif how == "replace":
            ids[at] = data.draw(any_id)
        elif how == "remove":
            del ids[at]
        elif how == "swap":
            other = data.draw(st.integers(0, len(ids) - 1))
            ids[at], ids[other] = ids[other], ids[at]
        else:
            del ids[at:]
    try:
        tracks = read_tracks(voc, ids, layout)
    except GrammarError as error:
        assert 0 <= error.position <= len(ids)
        assert "\n" not in str(error)
    else:
        assert write_tracks(voc, tracks, layout) == ids


def pieces(data: st.DataObject, length: int) -> list[tuple[int, int]]:
    cuts = sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=6))})
    return list(pairwise(cuts))


def known(voc: Vocabulary, track: HybridStream) -> list[tuple[int, list[int]]]:
    """The ids of a track by the frame in which they are known, as blocks of one frame say it; cut short where that
    would be too long, since blocks are as many as frames."""
    layout = BlockLayout(1, max(track.frames // MOST_BLOCKS, 1))
    ids = write_tracks(voc, [track], layout)
    reader = BlockReader(voc, layout)
    found: list[tuple[int, list[int]]] = []
    for token in ids:
        (one,) = reader.push([token]).channels
        if one:
            frame = reader.frames
            if not found or found[-1][0] != frame:
                found.append((frame, []))
            found[-1][1].extend(one)
    return found


# --- which block an id is in


def names(voc: Vocabulary, ids: list[int], layout: BlockLayout) -> list[str]:
    """A line per row: units as `0/1`, numbers as they are, without the tags of language and speaker."""
    lines: list[str] = []
    for token in ids:
        if token in voc.space.channels:
            lines.append("")
            continue
        digit = token in voc.space.numbers
        name = str(token - voc.space.numbers.start) if digit else voc.token_name(token)
        lines[-1] += f" {name}" if lines[-1] else name
    return lines


def one_speaker(*items: object, remainder: int = 0) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), remainder=remainder)  # type: ignore[arg-type]


def rows(stream: HybridStream, frames: int, voc: Vocabulary = OURS) -> list[str]:
    layout = BlockLayout(len(stream.channels), frames)
    return names(voc, blocks_of(voc, stream, layout), layout)


def test_a_text_run_is_in_the_block_of_its_last_frame() -> None:
    assert rows(one_speaker(TextItem("so", 4, language="en")), 2) == [
        "",
        "<|speaker:0|> <|lang:en|> ▁so 4",
        "<|end|> 0 0",
    ]
    assert rows(one_speaker(TextItem("so", 4, language="en"), remainder=7), 3) == [
        "",
        "<|speaker:0|> <|lang:en|> ▁so 4 <|end|> 0 7",
    ]


def test_units_are_spread_over_the_blocks_they_sound_in() -> None:
    frames = ((0, 1), (1, 2), (2, 0), (1, 1))
    assert rows(one_speaker(UnitItem(frames)), 2) == [
        "<|speaker:0|> <|units|> <|u0:0|> <|u1:1|> <|u0:1|> <|u1:2|>",
        "<|u0:2|> <|u1:0|> <|u0:1|> <|u1:1|>",
        "<|/units|> <|end|> 0 0",
    ]


def test_a_pause_and_a_count_are_known_once_something_else_begins() -> None:
    counted = vocabulary(replace(SMALL, run_length=True))
    stream = one_speaker(Pause(2), UnitItem(((0, 1),) * 4 + ((1, 1),)))
    assert rows(stream, 2, counted) == [
        "",
        "<|speaker:0|> <|pause|> 2 <|units|> <|u0:0|> <|u1:1|>",
        "",
        "3 <|u0:1|> <|u1:1|> <|/units|> <|end|> 0 0",
    ]


def test_a_run_is_closed_with_what_follows_it() -> None:
    """So that one which may go on keeps no block waiting."""
    stream = one_speaker(UnitItem(((0, 1),)), Pause(3), EventItem("laugh"), TextItem("so", 1))
    assert rows(stream, 2) == [
        "<|speaker:0|> <|units|> <|u0:0|> <|u1:1|>",
        "",
        "<|/units|> <|pause|> 3 <|laugh|> <|/laugh|> ▁so 1 <|end|> 0 0",
    ]
    ids = OURS.encode(stream)
    writer = BlockWriter(OURS, BlockLayout(1, 2))
    begun = writer.push(0, ids[:4], final=4)
    assert begun + writer.push(0, ids[4:]) == blocks_of(OURS, stream, BlockLayout(1, 2))
    assert len(begun) == 6


def test_what_overlaps_is_not_before_what_it_overlaps() -> None:
    stream = one_speaker(TextItem("so", 5), Back(4), EventItem("laugh"), Pause(4))
    assert rows(stream, 2) == [
        "",
        "",
        "<|speaker:0|> ▁so 5 <|back|> 4 <|laugh|> <|/laugh|> <|pause|> 4 <|end|> 0 0",
    ]


def test_silence_is_the_tag_alone_in_each_channel() -> None:
    talk = Channel((Turn(0, (TextItem("so", 2),)), Turn(1, (Pause(2),))))
    listening = Channel((Turn(2, (Pause(3), EventItem("laugh", ((0, 0),)))),))
    assert rows(HybridStream((talk, listening)), 2) == [
        "<|speaker:0|> ▁so 2",
        "",
        "",
        "<|speaker:2|> <|pause|> 3 <|laugh|> <|u0:0|> <|u1:0|>",
        "<|speaker:1|> <|pause|> 2 <|end|> 0 0",
        "<|/laugh|> <|end|> 0 0",
    ]


def test_the_longest_channel_says_where_the_last_frame_ends() -> None:
    long, short = Channel((Turn(0, (Pause(5),)),)), Channel((Turn(1, (Pause(2),)),))
    stream = HybridStream((short, Channel(), long), remainder=9)
    assert [(track.frames, track.remainder) for track in split_channels(stream)] == [(2, 0), (0, 0), (5, 9)]
    assert join_channels(split_channels(stream)) == stream
    with pytest.raises(StreamError, match=r"track 0 ends in frame 2 at sample 1.*read_tracks"):
        join_channels([HybridStream((short,), remainder=1), HybridStream((long,), remainder=9)])
    with pytest.raises(StreamError, match="at least one"):
        join_channels([])


def test_an_empty_recording_is_one_block() -> None:
    layout = BlockLayout(2, 8)
    stream = HybridStream((Channel(), Channel()))
    ids = blocks_of(OURS, stream, layout)
    assert names(OURS, ids, layout) == ["<|end|> 0 0", "<|end|> 0 0"]
    assert stream_of_blocks(OURS, ids, layout) == stream


# --- what is refused

LAYOUT = BlockLayout(2, 2)
STREAM = HybridStream(
    (
        Channel((Turn(0, (UnitItem(((0, 1), (1, 2), (2, 0))),)),)),
        Channel((Turn(1, (TextItem("so", 4, language="en"),), tuple(range(16))),)),
    )
)
IDS = blocks_of(OURS, STREAM, LAYOUT)
TAGS = [at for at, token in enumerate(IDS) if token in OURS.space.channels]
NUMBER = OURS.space.numbers.start


def refused(ids: list[int], position: int, message: str, layout: BlockLayout = LAYOUT) -> None:
    with pytest.raises(GrammarError, match=message) as caught:
        read_blocks(OURS, ids, layout)
    assert caught.value.position == position
    assert "\n" not in str(caught.value)


def test_cut_anywhere_is_refused_at_the_cut() -> None:
    for stop in range(len(IDS)):
        refused(IDS[:stop], stop, "the end of the sequence, allowed here: ")


def test_rows_in_another_order() -> None:
    refused(IDS[1:], 0, r"allowed here: '<\|channel:0\|>'")
    refused([*IDS[: TAGS[1]], *IDS[TAGS[2] :]], TAGS[1], r"found '<\|channel:0\|>'.*allowed here: '<\|channel:1\|>'")
    refused([*IDS, OURS.space.channels.start + 1], len(IDS), r"allowed here: '<\|channel:0\|>'")
    refused([OURS.space.channels.start + 2, *IDS], 0, r"found '<\|channel:2\|>'")


def test_an_id_out_of_place_in_its_channel() -> None:
    broken = [*IDS]
    broken[TAGS[0] + 3] = OURS.space.units[1].start
    refused(broken, TAGS[0] + 3, r"found '<\|u1:0\|>'.*unit of codebook 0.*'<\|channel:1\|>'")
    refused([*IDS, OURS.pad_id], len(IDS), r"found '<\|pad\|>'.*allowed here: .*'<\|channel:0\|>'")
    refused([*IDS, OURS.size], len(IDS), "outside")


def test_an_id_in_another_block_than_its_own() -> None:
    first = IDS[TAGS[0] + 1 : TAGS[1]]
    second = IDS[TAGS[2] + 1 : TAGS[3]]
    late = [IDS[TAGS[0]], *first[:-2], *IDS[TAGS[1] : TAGS[2] + 1], *first[-2:], *second, *IDS[TAGS[3] :]]
    refused(late, TAGS[2] - 1, r"found '<\|u0:1\|>' .* in block 1, allowed here: it in block 0")
    early = [IDS[TAGS[0]], *first, *second[:2], *IDS[TAGS[1] : TAGS[2] + 1], *second[2:], *IDS[TAGS[3] :]]
    refused(early, TAGS[1], r"in block 0, allowed here: it in block 1")
    for ids in (late, early):
        reader = BlockReader(OURS, LAYOUT, placed=False)
        assert reader.push(ids) == read_blocks(OURS, IDS, LAYOUT)
        reader.flush()


def test_an_item_is_not_split_over_blocks() -> None:
    silent = [OURS.space.channels.start, OURS.space.channels.start + 1]
    text = next(at for at, token in enumerate(IDS) if token in OURS.space.text_range)
    refused([*IDS[: text + 1], *silent, *IDS[text + 1 :]], text + 1, r"found '<\|channel:0\|>'.*number")


def test_a_number_is_over_with_its_row() -> None:
    layout = BlockLayout(1, 2)
    ids = blocks_of(OURS, one_speaker(TextItem("so", 2)), layout)
    tag = OURS.space.channels.start
    at = ids.index(NUMBER + 2) + 2
    assert ids[at - 1] == tag
    refused([*ids[:at], NUMBER + 1, *ids[at:]], at, r"found '<\|number:1\|>'", layout)


def test_silence_after_the_ends() -> None:
    silent = [OURS.space.channels.start, OURS.space.channels.start + 1]
    refused([*IDS, *silent], len(IDS) + 2, "no silent block at the end")


def test_no_id() -> None:
    refused([*IDS[:3], "so"], 3, "'so', which is no id")  # type: ignore[list-item]


def test_a_voice_code_is_of_the_first_channel_with_the_speaker() -> None:
    voice = tuple(range(16))
    quiet, voiced = one_speaker(Pause(1)), HybridStream((Channel((Turn(0, (Pause(1),), voice),)),))
    assert read_tracks(OURS, write_tracks(OURS, [voiced, quiet], LAYOUT), LAYOUT) == (voiced, quiet)
    for tracks in ([quiet, voiced], [voiced, voiced]):
        with pytest.raises(StreamError, match="channel 1 has a voice code of speaker 0, whom channel 0 has too"):
            write_tracks(OURS, tracks, LAYOUT)
    ids = write_tracks(OURS, [HybridStream((Channel((Turn(1, (Pause(1),)),)),)), voiced], LAYOUT)
    changed = [OURS.space.speakers.start if token == OURS.space.speakers.start + 1 else token for token in ids]
    refused(changed, ids.index(OURS.space.voice_open.start), "a speaker of an earlier channel|no speaker of an earlier")


def test_what_a_writer_refuses() -> None:
    tracks = split_channels(STREAM)
    first, second = (OURS.encode(track) for track in tracks)
    with pytest.raises(StreamError, match="1 channels for blocks of 2"):
        write_tracks(OURS, tracks[:1], LAYOUT)
    with pytest.raises(StreamError, match="track 0 has 2 channels"):
        write_tracks(OURS, [STREAM, STREAM], LAYOUT)
    with pytest.raises(StreamError, match=r"track 1: .*unit of codebook 1 7"):
        write_tracks(OURS, [tracks[0], one_speaker(UnitItem(((0, 7),)))], LAYOUT)
    with pytest.raises(StreamError, match=r"channel 2 of blocks with channels 0\.\.1"):
        BlockWriter(OURS, LAYOUT).push(2, first)
    writer = BlockWriter(OURS, LAYOUT)
    writer.push(0, first)
    with pytest.raises(StreamError, match=r"channel 1 has no <\|end\|> after 0 ids"):
        writer.flush()
    writer.push(1, second[:-4], final=4)
    with pytest.raises(StreamError, match="ids of frame 3 came after frame 4 was final"):
        writer.push(1, second[-4:])
    with pytest.raises(GrammarError, match=r"position 1: .*number"):
        BlockWriter(OURS, LAYOUT).push(0, [OURS.space.speakers.start, NUMBER])
    writer = BlockWriter(OURS, LAYOUT)
    writer.push(0, [OURS.space.speakers.start, OURS.space.pause.start, NUMBER + 1])
    with pytest.raises(GrammarError, match=r"position 3: .*number"):
        writer.push(0, [NUMBER + 1])


def test_layouts_that_do_not_fit() -> None:
    for channels, frames, message in ((0, 8, "0 channels"), (2, 0, "a block of 0 frames")):
        with pytest.raises(OptionsError, match=message):
            BlockLayout(channels, frames)
    with pytest.raises(OptionsError, match="max_channels is 5"):
        BlockWriter(OURS, BlockLayout(6, 8))
    with pytest.raises(OptionsError, match="timing='locked'"):
        BlockReader(vocabulary(replace(SMALL, timing="free")), LAYOUT)
    with pytest.raises(OptionsError, match="timing='locked'"):
        split_channels(HybridStream((Channel(),), "free", None))
    with pytest.raises(OptionsError, match=f"offset={OURS.size} or more"):
        BlockWriter(OURS, BlockLayout(1, 8, (OutsideChannel("image", 5, OURS.size - 1),)))
    image = OutsideChannel("image", 5, OURS.size)
    with pytest.raises(OptionsError, match="two outside channels"):
        BlockLayout(1, 8, (image, OutsideChannel("image", 5, OURS.size + 9)))
    with pytest.raises(OptionsError, match="share ids"):
        BlockLayout(1, 8, (image, OutsideChannel("touch", 5, OURS.size + 4)))
    for name, size, offset in (("", 1, 1), ("a\n", 1, 1), ("image", 0, 1), ("image", 1, -1), ("image", 2, 2**32 - 1)):
        with pytest.raises(OptionsError):
            OutsideChannel(name, size, offset)


def test_outside_tokens_that_are_refused() -> None:
    layout = BlockLayout(2, 2, (OutsideChannel("image", 5, OURS.size),))
    with pytest.raises(StreamError, match="outside token 5 of 'image'"):
        blocks_of(OURS, STREAM, layout, {"image": [(0, 5)]})
    with pytest.raises(StreamError, match="in order"):
        blocks_of(OURS, STREAM, layout, {"image": [(4, 0), (1, 0)]})
    with pytest.raises(StreamError, match="no outside channel is called 'touch'; there are: image"):
        blocks_of(OURS, STREAM, layout, {"touch": [(0, 0)]})
    writer = BlockWriter(OURS, layout)
    writer.push_outside("image", [], final=4)
    with pytest.raises(StreamError, match="frame 3 came after frame 4"):
        writer.push_outside("image", [(3, 0)])
    with pytest.raises(StreamError, match="frame -1"):
        blocks_of(OURS, STREAM, layout, {"image": [(-1, 0)]})
    ids = blocks_of(OURS, STREAM, layout, {"image": [(3, 4)]})
    at = ids.index(OURS.size + 4)
    refused([*ids[:at], OURS.size + 5, *ids[at + 1 :]], at, "image", layout)


def test_times_in_seconds() -> None:
    grid = Grid(16_000, 320)
    assert block_frames(0.16, grid) == 8
    assert block_frames(0.001, grid) == 1
    assert outside_tokens([(0.0, 3), (0.039, 4), (1.0, 5)], grid) == ((0, 3), (1, 4), (50, 5))


# --- files


def test_a_file_says_that_it_is_blocks(tmp_path: Path) -> None:
    layout = BlockLayout(2, 2, (OutsideChannel("image", 5, OURS.size), OutsideChannel("touch", 2, 80_000)))
    ids = blocks_of(OURS, STREAM, layout, {"image": [(2, 4)], "touch": [(4, 1)]})
    header = Header("default", {}, dict(OURS.fingerprint), SourceInfo(16_000, 1200, 2), 16_000, layout)
    file = HybridFile(header, tuple(ids))
    write_file(tmp_path / "call.hyt", file)
    read = read_file(tmp_path / "call.hyt")
    assert read == file
    assert stream_of_file(OURS, read) == STREAM
    plain = HybridFile(replace(header, blocks=None), tuple(OURS.encode(STREAM)))
    write_file(tmp_path / "plain.hyt", plain)
    assert stream_of_file(OURS, read_file(tmp_path / "plain.hyt")) == STREAM
