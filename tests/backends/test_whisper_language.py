"""Which language each stretch of speech is in, from probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.backends.whisper_language import (
    LanguageOptions,
    LanguageState,
    cut_stretches,
    tell_languages,
    with_context,
)
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError

OPTIONS = LanguageOptions()
CODES = ("en", "zh", "de", "fr")


def stretches_of(*seconds: float) -> list[Span]:
    spans: list[Span] = []
    for length in seconds:
        start = spans[-1].end + 25 if spans else 0
        spans.append(Span(start, start + round(50 * length)))
    return spans


def surely(code: str) -> dict[str, float]:
    return {one: 0.97 if one == code else 0.01 for one in CODES}


def tell(seconds: Sequence[float], heard: Sequence[Mapping[str, float]], state: LanguageState | None = None) -> str:
    """The languages told, joined."""
    return " ".join(tell_languages(stretches_of(*seconds), heard, state or LanguageState(), OPTIONS)[0])


@st.composite
def probabilities(draw: st.DrawFn) -> dict[str, float]:
    weights = [draw(st.floats(0.0, 1.0)) for _ in CODES]
    return {code: weight / max(sum(weights), 1e-9) for code, weight in zip(CODES, weights, strict=True)}


@given(spoken=st.sampled_from(CODES), second=probabilities(), before=st.integers(1, 4), after=st.integers(0, 4))
def test_a_second_alone_never_changes_the_language(
    spoken: str, second: dict[str, float], before: int, after: int
) -> None:
    seconds = [5.0] * before + [1.0] + [5.0] * after
    heard = [surely(spoken)] * before + [second] + [surely(spoken)] * after
    assert tell(seconds, heard) == " ".join([spoken] * len(seconds))


@given(spoken=st.sampled_from(CODES), second=probabilities())
def test_nor_does_it_in_a_call_of_its_own(spoken: str, second: dict[str, float]) -> None:
    _, state = tell_languages(stretches_of(6.0, 6.0), [surely(spoken)] * 2, LanguageState(), OPTIONS)
    assert tell([1.0], [second], state) == spoken


@pytest.mark.parametrize(("first", "then"), [("en", "zh"), ("zh", "en"), ("de", "fr"), ("fr", "en")])
def test_a_real_change_does(first: str, then: str) -> None:
    heard = [surely(first)] * 2 + [surely(then)] * 2
    assert tell([4.0] * 4, heard) == f"{first} {first} {then} {then}"
    assert tell([4.0] * 2 + [1.5] * 4, heard[:2] + [surely(then)] * 4).split()[-1] == then, "short ones add up"
    _, state = tell_languages(stretches_of(6.0), [surely(first)], LanguageState(), OPTIONS)
    assert tell([4.0], [surely(then)], state) == then


@given(
    seconds=st.lists(st.floats(0.2, 6.0), min_size=2, max_size=8),
    data=st.data(),
    costs=st.lists(st.floats(0.0, OPTIONS.change_cost), min_size=3, max_size=3),
)
def test_a_state_carried_over_is_as_good_as_one_call(
    seconds: list[float], data: st.DataObject, costs: list[float]
) -> None:
    """The state at the end is the same, and what is told of the second part: it depends on the first by the state."""
    stretches = stretches_of(*seconds)
    heard = [data.draw(probabilities()) for _ in seconds]
    cut = data.draw(st.integers(1, len(seconds) - 1))
    start = LanguageState(dict(zip(CODES, (0.0, *costs), strict=True)))
    told, end = tell_languages(stretches, heard, start, OPTIONS)
    _, between = tell_languages(stretches[:cut], heard[:cut], start, OPTIONS)
    later, carried = tell_languages(stretches[cut:], heard[cut:], between, OPTIONS)
    assert dict(carried.costs) == pytest.approx(dict(end.costs), abs=1e-9)
    assert later == told[cut:]


def test_what_is_heard_ahead_decides_the_first_language() -> None:
    unsure = {"en": 0.3, "zh": 0.2, "de": 0.25, "fr": 0.25}
    assert tell([2.0], [unsure]) == "en"
    assert tell([2.0, 6.0], [unsure, surely("fr")]) == "fr fr"


def test_what_is_rare_must_be_surer() -> None:
    """Whisper takes accents for languages that hardly occur in its training data."""
    assert tell([6.0], [{"en": 0.1, "cy": 0.9}]) == "en"
    assert tell([6.0], [{"en": 0.01, "cy": 0.99}]) == "cy"
    plain = LanguageOptions(rarity=0.0)
    assert tell_languages(stretches_of(6.0), [{"en": 0.1, "cy": 0.9}], LanguageState(), plain)[0] == ["cy"]


def test_nothing_said_leaves_the_state_as_it_was() -> None:
    state = LanguageState({"de": 0.0, "en": 1.0})
    assert tell_languages([], [], state, OPTIONS) == ([], state)


@given(lengths=st.lists(st.integers(1, 2_000), max_size=6))
def test_stretches_tile_the_speech_in_equal_parts(lengths: list[int]) -> None:
    speech = stretches_of(*(length / 50 for length in lengths))
    cut = cut_stretches(speech, OPTIONS)
    bounds = [frame for span in cut for frame in (span.start, span.end)]
    assert bounds == sorted(bounds)
    assert all(0 < span.seconds <= OPTIONS.longest for span in cut)
    for span in speech:
        parts = [one for one in cut if span.start <= one.start < span.end]
        assert (parts[0].start, parts[-1].end) == (span.start, span.end)
        assert all(left.end == right.start for left, right in pairwise(parts))
        assert max(one.frames for one in parts) - min(one.frames for one in parts) <= 1


@given(start=st.integers(0, 1_400), length=st.integers(1, 300), frames=st.integers(1, 1_500))
def test_a_stretch_is_heard_with_its_context_inside_the_window(start: int, length: int, frames: int) -> None:
    stretch = Span(min(start, frames - 1), min(start + length, frames)) if start < frames else Span(0, frames)
    heard = with_context(stretch, frames, OPTIONS)
    assert heard.start <= stretch.start and stretch.end <= heard.end
    assert heard.end <= frames
    assert heard.frames == max(stretch.frames, min(round(OPTIONS.context * 50), frames))


def test_options_are_checked() -> None:
    for wrong in ({"longest": 0.0}, {"floor": 1.0}, {"floor": 0.0}, {"change_cost": -1.0}, {"look_ahead": -1.0}):
        with pytest.raises(OptionsError):
            LanguageOptions(**wrong)
