"""How a recording is cut into windows: all speech, at most 30 s each, and the same in a stream."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import HeardSpeech, WindowRule
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import Window, WindowCutter, WindowOptions, cut_windows, quietest
from hybrid_tok.errors import OptionsError

RATE = 400
HOP = RATE // 50
LONGEST = 1500
RULES = pytest.mark.parametrize("rule", ["segment", "packed"])

LENGTHS = st.one_of(st.integers(1, 60), st.integers(100, 1600), st.integers(1400, 5000))
SPEECH = st.lists(st.tuples(st.integers(1, 300), LENGTHS), max_size=12)
"""Silence before each stretch of speech, and its length, in frames."""


def recorded(lengths: Sequence[tuple[int, int]], after: int = 0, seed: int = 0) -> tuple[Audio, list[Span]]:
    """Noise of changing level with so much silence and speech, and the speech."""
    spans: list[Span] = []
    cursor = 0
    for gap, length in lengths:
        spans.append(Span(cursor + gap, cursor + gap + length))
        cursor += gap + length
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.uniform(0.001, 0.1, cursor + after), HOP)
    return Audio((levels * rng.standard_normal(len(levels))).astype(np.float32), RATE), spans


def frames_of(spans: Sequence[Span]) -> list[int]:
    return [frame for span in spans for frame in range(span.start, span.end)]


def chunks_of(windows: Sequence[Window]) -> list[Span]:
    return [chunk for window in windows for chunk in window.chunks]


@RULES
@given(lengths=SPEECH, after=st.integers(0, 100))
def test_windows_hold_all_speech_once_and_are_at_most_30_s(
    rule: WindowRule, lengths: list[tuple[int, int]], after: int
) -> None:
    audio, speech = recorded(lengths, after)
    windows = cut_windows(audio, speech, WindowOptions(rule))
    held = frames_of(chunks_of(windows))
    assert set(held) >= set(frames_of(speech))
    assert all(before < frame for before, frame in pairwise(held)), "in order, and none twice"
    assert all(0 < window.frames <= LONGEST for window in windows)
    assert all(chunk.start >= 0 and chunk.end * HOP <= audio.num_samples for chunk in chunks_of(windows))
    reach = round(0.3 * 50)
    near = {frame for span in speech for frame in range(span.start - reach, span.end + reach)}
    gaps = [right.start - left.end - 2 * reach for left, right in pairwise(speech)]
    assert len(set(held) - near) <= sum(gap for gap in gaps if 0 < gap <= 50), "of the silence between, only short gaps"


@RULES
@given(lengths=SPEECH, cut=st.floats(0, 1))
def test_what_comes_later_changes_only_the_last_two_windows(
    rule: WindowRule, lengths: list[tuple[int, int]], cut: float
) -> None:
    """The last window may go on, and the one before may yet take the first piece of it."""
    audio, speech = recorded(lengths)
    whole = cut_windows(audio, speech, WindowOptions(rule))
    end = round(cut * audio.num_samples / HOP)
    first = cut_windows(*_until(audio, speech, end), WindowOptions(rule))
    settled = max(len(first) - 2, 0)
    assert first[:settled] == whole[:settled]


@RULES
@given(lengths=SPEECH.filter(bool), data=st.data())
def test_windows_before_a_window_do_not_depend_on_what_follows_it(
    rule: WindowRule, lengths: list[tuple[int, int]], data: st.DataObject
) -> None:
    audio, speech = recorded(lengths)
    whole = cut_windows(audio, speech, WindowOptions(rule))
    last = data.draw(st.integers(0, len(whole) - 1))
    first = cut_windows(*_until(audio, speech, whole[last].span.end), WindowOptions(rule))
    assert first[:last] == whole[:last]
    assert first[-1].span.end == whole[last].span.end


@pytest.mark.parametrize("rule", ["segment", "live"])
@given(
    lengths=SPEECH, after=st.integers(0, 200), steps=st.lists(st.integers(1, 700), min_size=1), lag=st.integers(0, 20)
)
def test_windows_are_the_same_while_speech_is_being_detected(
    rule: WindowRule, lengths: list[tuple[int, int]], after: int, steps: list[int], lag: int
) -> None:
    audio, speech = recorded(lengths, after)
    total = audio.num_samples // HOP
    cutter = WindowCutter(WindowOptions.of(rule))
    windows: list[Window] = []
    told, now, turn = 0, 0, 0
    while now < total:
        now = min(now + steps[turn % len(steps)], total)
        turn += 1
        ended = [span for span in speech[told:] if span.end + lag <= now or now == total]
        told += len(ended)
        under_way = next((span for span in speech[told:] if span.start < now), None)
        lasting = under_way and Span(under_way.start, min(under_way.end, now))
        heard = HeardSpeech(tuple(ended), lasting, lasting.start if lasting else now)
        windows += cutter.push(heard, lambda start, end: quietest(audio, start, end))
    windows += cutter.flush(total)
    assert windows == cut_windows(audio, speech, WindowOptions.of(rule))


def test_a_live_window_ends_soon_after_its_speech() -> None:
    cutter = WindowCutter(WindowOptions.of("live"))
    assert cutter.push(HeardSpeech((Span(50, 150),), None, 160), lambda start, end: start) == []
    assert cutter.push(HeardSpeech((), None, 161), lambda start, end: start) == [Window((Span(45, 155),))]


def _until(audio: Audio, speech: Sequence[Span], end: int) -> tuple[Audio, list[Span]]:
    heard = [Span(span.start, min(span.end, end)) for span in speech if span.start < end]
    return Audio(audio.samples[: end * HOP], audio.sample_rate), heard


@RULES
@given(lengths=SPEECH)
def test_places_in_a_window_are_those_in_the_recording(rule: WindowRule, lengths: list[tuple[int, int]]) -> None:
    audio, speech = recorded(lengths)
    for window in cut_windows(audio, speech, WindowOptions(rule)):
        for chunk, part in zip(window.chunks, window.parts(window.chunks), strict=True):
            assert part.frames == chunk.frames
            assert window.place(part.start) == chunk.start
            assert window.place(part.end - 0.5) == chunk.end - 0.5
            joined = window.samples(audio)[part.start * HOP : part.end * HOP]
            np.testing.assert_array_equal(joined, audio.samples[chunk.start * HOP : chunk.end * HOP])
        assert window.place(window.frames + 7) == window.span.end
        assert window.parts([Span(window.span.end, window.span.end + 9)]) == [Span(window.frames, window.frames)]


def test_a_segment_is_a_window_and_packed_segments_share_one() -> None:
    audio, speech = recorded([(250, 100)] * 8)
    segments = cut_windows(audio, speech, WindowOptions("segment"))
    assert [len(window.chunks) for window in segments] == [1] * 8
    assert segments[0].span == Span(235, 365), "with 0.3 s on both sides"
    packed = cut_windows(audio, speech, WindowOptions("packed"))
    assert [len(window.chunks) for window in packed] == [8]
    assert packed[0].frames == 8 * 130 - 15, "the recording ends with its speech"


def test_short_gaps_stay_inside_a_window() -> None:
    """Of 15, 45 and 60 frames between padded speech, a segment spans the first two, a packed chunk the first."""
    audio, speech = recorded([(50, 100), (45, 100), (75, 100), (90, 100)], after=50)
    segments = cut_windows(audio, speech, WindowOptions("segment"))
    assert [window.chunks for window in segments] == [(Span(35, 485),), (Span(545, 675),)]
    packed = cut_windows(audio, speech, WindowOptions("packed"))
    assert [window.chunks for window in packed] == [(Span(35, 310), Span(355, 485), Span(545, 675))]


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    audio, speech = recorded([(1, 2_000)])
    audio.samples[1_200 * HOP : 1_205 * HOP] = 0.0
    first, second = cut_windows(audio, speech, WindowOptions())
    assert (first.span, second.span) == (Span(0, 1_202), Span(1_202, 2_001))


@pytest.mark.parametrize("rule", ["segment", "packed"])
def test_speech_said_to_go_on_after_the_end_ends_with_the_recording(rule: WindowRule) -> None:
    audio, _ = recorded([(1, 1_000)])
    windows = cut_windows(audio, [Span(1, 9_000), Span(9_100, 9_200)], WindowOptions(rule))
    assert chunks_of(windows) == [Span(0, 1_001)]


def test_options_are_checked() -> None:
    with pytest.raises(OptionsError, match="windows must be segment, packed, live, not 'full'"):
        WindowOptions.of("full")  # pyright: ignore[reportArgumentType]
    for wrong in (
        {"form": "live"},
        {"longest": 31.0},
        {"longest": 0.5},
        {"padding": -1.0},
        {"gap": -1.0},
        {"silence": -1.0},
    ):
        with pytest.raises(OptionsError):
            WindowOptions(**wrong)
