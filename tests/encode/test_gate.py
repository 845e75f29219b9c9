"""The gate against all the ways there are to write a recording."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.gate import (
    ENTRY_TOKENS,
    FORMS,
    JOIN,
    PAUSE,
    TAG,
    TEXT,
    UNITS,
    Costs,
    GateOptions,
    gate,
    solve,
    stretch_costs,
)
from hybrid_tok.encode.stretches import find_stretches
from hybrid_tok.errors import OptionsError

WEIGHTS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 1.0, 10.0)


@st.composite
def hearings(draw: st.DrawFn, max_items: int = 6) -> Annotations:
    """Words, events and active regions one after another, with gaps of all sizes, and up to two speakers."""
    words, events, active = [], [], []
    cursor = draw(st.integers(0, 20))
    for _ in range(draw(st.integers(0, max_items))):
        frames = draw(st.integers(1, 30))
        span = Span(cursor, cursor + frames)
        kind = draw(st.sampled_from(["word", "word", "word", "event", "sound", "under"]))
        if kind in ("word", "under"):
            text = "x" * draw(st.integers(1, 12))
            words.append(Word(text, span, draw(st.floats(0, 1))))
        if kind in ("event", "under"):
            events.append(Event("laugh", span, draw(st.floats(0, 1))))
        active.append(span)
        cursor += frames + draw(st.sampled_from([0, 0, 1, 3, 10, 20, 60]))
    frames = cursor + draw(st.integers(0, 40))
    turns = ()
    if draw(st.booleans()) and frames:
        change = draw(st.integers(0, frames))
        turns = (SpeakerTurn(0, Span(0, change)), SpeakerTurn(1, Span(change, frames)))
    return Annotations(frames, tuple(active), tuple(active), tuple(words), tuple(events), turns)


def total(forms: tuple[int, ...], costs: Costs) -> tuple[float, float, int] | None:
    """Distortion, tokens and switches of one way to write a recording; None where it is no way. Written apart
    from the gate's own transitions, straight from the definitions."""
    distortion = tokens = 0.0
    switches = 0
    mode = None
    for index, form in enumerate(forms):
        before = forms[index - 1] if index else None
        after = forms[index + 1] if index + 1 < len(forms) else None
        same = bool(costs.same_speaker[index])
        if form == JOIN and (before not in (TEXT, JOIN) or not same or after not in (TEXT, JOIN)):
            return None
        if form == JOIN and not costs.same_speaker[index + 1]:
            return None
        if math.isinf(costs.distortion[index, form]):
            return None
        distortion += costs.distortion[index, form]
        tokens += costs.tokens[index, form]
        run_goes_on = same and (
            (before in (TEXT, JOIN) and form in (TEXT, JOIN))
            or (before == form == UNITS)
            or (before in (TAG, PAUSE) and form == PAUSE)
        )
        if not run_goes_on:
            tokens += ENTRY_TOKENS[form]
        if form in (TEXT, UNITS):
            if mode not in (None, form):
                switches += 1
            mode = form
    return distortion, tokens, switches


def objective(forms: tuple[int, ...], costs: Costs, options: GateOptions) -> float:
    found = total(forms, costs)
    if found is None:
        return math.inf
    distortion, tokens, switches = found
    return distortion + options.rate_weight * tokens + options.switch_cost * switches


@settings(max_examples=60, deadline=None)
@given(hearings(max_items=3), st.sampled_from(WEIGHTS), st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 4))
def test_nothing_is_cheaper_than_what_the_gate_chose(
    heard: Annotations, weight: float, switch_cost: float, codebooks: int
) -> None:
    options = GateOptions(rate_weight=weight, switch_cost=switch_cost, num_codebooks=codebooks)
    stretches = find_stretches(heard, options.stretches)[:6]
    if not stretches:
        return
    costs = stretch_costs(stretches, options)
    chosen, regrets = solve(costs, options)
    possible = [[form for form in range(len(FORMS)) if math.isfinite(row[form])] for row in costs.distortion]
    everything = {forms: objective(forms, costs, options) for forms in itertools.product(*possible)}
    best = min(everything.values())
    assert objective(tuple(chosen.tolist()), costs, options) == pytest.approx(best)
    for index, form in itertools.product(range(len(stretches)), range(len(FORMS))):
        forced = min((cost for forms, cost in everything.items() if forms[index] == form), default=math.inf)
        assert regrets[index, form] == pytest.approx(forced - best, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(hearings())
def test_tokens_fall_and_distortion_rises_with_the_weight(heard: Annotations) -> None:
    stretches = find_stretches(heard)
    if not stretches:
        return
    tokens, losses = [], []
    for weight in WEIGHTS:
        options = GateOptions(rate_weight=weight)
        costs = stretch_costs(stretches, options)
        found = total(tuple(solve(costs, options)[0].tolist()), costs)
        assert found is not None
        losses.append(found[0] + options.switch_cost * found[2])
        tokens.append(found[1])
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(tokens))
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(losses))


@settings(max_examples=100, deadline=None)
@given(hearings(), st.sampled_from([*WEIGHTS, math.inf]), st.sampled_from(["hybrid", "text", "units"]))
def test_decisions_tile_the_recording_and_lose_no_word(heard: Annotations, weight: float, layout: str) -> None:
    decisions = gate(heard, GateOptions(rate_weight=weight, layout=layout))  # pyright: ignore[reportArgumentType]
    cursor = 0
    for decision in decisions:
        assert decision.span.start == cursor < decision.span.end
        assert decision.kind in {"text", "units", "event", "tag", "pause"}
        assert (decision.label is not None) == (decision.event is not None)
        assert decision.label is not None or decision.kind not in ("event", "tag")
        assert decision.label is None or decision.kind not in ("units", "pause")
        assert decision.reason
        assert decision.alternative >= decision.cost or layout == "units"
        cursor = decision.span.end
    assert cursor == heard.frames
    assert tuple(word for decision in decisions for word in decision.words) == heard.words
    assert all(decision.kind in ("text", "units", "event") for decision in decisions if decision.words)
    assert decisions == gate(heard, GateOptions(rate_weight=weight, layout=layout))  # pyright: ignore[reportArgumentType]


@settings(max_examples=60, deadline=None)
@given(hearings())
def test_the_extremes_are_a_pure_codec_and_a_pure_cascade(heard: Annotations) -> None:
    codec = gate(heard, GateOptions(rate_weight=0.0))
    assert {decision.kind for decision in codec} <= {"units", "event"}
    cascade = gate(heard, GateOptions(rate_weight=math.inf))
    assert {decision.kind for decision in cascade} <= {"text", "tag", "pause"}
    assert sum(len(decision.words) for decision in cascade if decision.kind == "text") == len(heard.words)
    for layout, kinds in (("text", {"text", "tag", "pause"}), ("units", {"units"})):
        written = gate(heard, GateOptions(layout=layout))  # pyright: ignore[reportArgumentType]
        assert {decision.kind for decision in written} <= kinds


def kinds(heard: Annotations, **options: object) -> str:
    """The first letters of what was chosen, runs of a kind written once."""
    decisions = gate(heard, GateOptions(**options))  # pyright: ignore[reportArgumentType]
    return "".join(kind[0] for kind, _ in itertools.groupby(decision.kind for decision in decisions))


def sentence(*confidences: float, frames: int = 15, gap: int = 3) -> Annotations:
    words = tuple(
        Word("word", Span(20 + index * (frames + gap), 20 + index * (frames + gap) + frames), confidence)
        for index, confidence in enumerate(confidences)
    )
    active = (Span(18, words[-1].span.end + 2),)
    return Annotations(words[-1].span.end + 30, active, active, words)


def test_an_unsure_word_between_sure_ones_becomes_units() -> None:
    assert kinds(sentence(0.95, 0.95, 0.95)) == "ptp"
    assert kinds(sentence(0.95, 0.1, 0.95)).replace("p", "") == "tut"
    assert kinds(sentence(0.1, 0.2, 0.1)) == "pup"


def test_the_gap_between_two_words_belongs_to_their_run_and_a_pause_does_not() -> None:
    short, long = sentence(1.0, 1.0, gap=10), sentence(1.0, 1.0, gap=40)
    assert kinds(replace(short, active=(Span(20, 35), Span(45, 60)))) == "ptp"
    assert kinds(replace(long, active=(Span(20, 35), Span(75, 90)))) == "ptptp"


def test_sound_without_words_becomes_units_with_a_little_silence_around_it() -> None:
    decisions = gate(Annotations(300, active=(Span(100, 160),)), GateOptions(unit_padding=2))
    assert [(d.kind, d.span) for d in decisions] == [
        ("pause", Span(0, 98)),
        ("units", Span(98, 162)),
        ("pause", Span(162, 300)),
    ]


def test_switching_back_and_forth_costs() -> None:
    flickering = sentence(*[0.99, 0.62] * 6)

    def changes(switch_cost: float) -> int:
        written = kinds(flickering, switch_cost=switch_cost, rate_weight=0.012, wrong_word=0.5, voice_loss=0.1).replace(
            "p", ""
        )
        return sum(a != b for a, b in itertools.pairwise(written))

    assert changes(0.0) > changes(0.3) == 0


def test_a_confident_event_keeps_its_label_and_an_unsure_one_is_a_sound() -> None:
    heard = Annotations(200, active=(Span(50, 100),), events=(Event("laugh", Span(50, 100), 0.9),))
    event = gate(heard)[1]
    assert (event.kind, event.label, event.span) == ("event", "laugh", Span(50, 100))
    assert "laugh with confidence 0.90" in event.reason
    assert gate(heard, GateOptions(layout="text"))[1].kind == "tag"
    unsure = replace(heard, events=(Event("laugh", Span(50, 100), 0.3),))
    assert kinds(unsure) == "pup"


def test_an_event_under_a_word_counts_against_writing_it_as_text() -> None:
    heard = sentence(0.85)
    assert kinds(heard) == "ptp"
    laughed = replace(heard, events=(Event("laugh", heard.words[0].span, 0.95),))
    assert kinds(laughed) == "pep", "a laughed word is a laugh, whose units keep the word"
    barely = replace(heard, events=(Event("laugh", Span(20, 22), 0.95),))
    assert kinds(barely) == "ptp"


def test_a_laugh_under_sure_words_is_written_over_them_where_units_are_dear() -> None:
    heard = sentence(1.0, 1.0)
    laughed = replace(heard, events=(Event("laugh", Span(20, 53), 0.9),))
    text = [decision for decision in gate(laughed, GateOptions(layout="text", rate_weight=0.001)) if decision.words]
    assert [(decision.kind, decision.label, decision.words[0].text) for decision in text] == [
        ("text", "laugh", "word"),
        ("text", "laugh", "word"),
    ]
    assert "laugh under it with confidence 0.90: as text with the label over it" in text[0].reason


def test_another_speakers_words_lie_under_or_begin_before_their_own_frames() -> None:
    words = (
        Word("long", Span(10, 50), 1.0, speaker=0),
        Word("yes", Span(20, 30), 0.9, speaker=1),
        Word("well", Span(40, 70), 1.0, speaker=1),
    )
    decisions = [d for d in gate(Annotations(100, words=words, active=(Span(10, 70),))) if d.words]
    assert [(d.kind, d.speaker, d.span, d.words, d.under) for d in decisions] == [
        ("text", 0, Span(10, 50), words[:1], words[1:2]),
        ("text", 1, Span(50, 70), words[2:], ()),
    ]
    assert '"long" with confidence 1.00 over "yes" with confidence 0.90' in decisions[0].reason
    units = [d for d in gate(Annotations(100, words=words), GateOptions(rate_weight=0.0)) if d.words]
    assert [(d.kind, d.words, d.under) for d in units] == [("units", words[:1], words[1:2]), ("units", words[2:], ())]


def test_a_word_that_somebody_talks_over_is_less_likely_text() -> None:
    heard = replace(sentence(0.9), turns=(SpeakerTurn(0, Span(0, 60)),))
    over = replace(heard, turns=(SpeakerTurn(0, Span(0, 60)), SpeakerTurn(1, Span(20, 35))))
    assert kinds(heard) == "ptp"
    assert kinds(over) == "pup"
    assert any("15 frames talked over" in decision.reason for decision in gate(over))


def test_a_word_that_was_not_said_splits_its_run_and_is_named() -> None:
    heard = sentence(1.0, 0.0, 1.0)
    unsaid = replace(heard.words[1], span=Span(36, 37))
    heard = replace(heard, words=(heard.words[0], replace(unsaid, text="ghost"), heard.words[2]))
    decision = next(d for d in gate(heard) if d.words and d.words[0].text == "ghost")
    assert decision.kind == "units"
    assert '"ghost" with confidence 0.00' in decision.reason


def test_speakers_follow_the_turns_and_silence_stays_with_who_spoke_last() -> None:
    heard = sentence(1.0, 1.0, gap=40)
    turns = (SpeakerTurn(3, Span(15, 40)), SpeakerTurn(1, Span(70, 95)))
    heard = replace(heard, turns=turns, active=(Span(20, 35), Span(75, 90)))
    decisions = gate(heard)
    assert [(d.kind, d.speaker) for d in decisions] == [
        ("pause", 3),
        ("text", 3),
        ("pause", 3),
        ("text", 1),
        ("pause", 1),
    ]


def test_a_text_run_never_reaches_over_a_change_of_speaker() -> None:
    heard = sentence(1.0, 1.0, gap=4)
    change = heard.words[1].span.start
    turns = (SpeakerTurn(0, Span(0, change)), SpeakerTurn(1, Span(change, heard.frames)))
    decisions = gate(replace(heard, turns=turns))
    assert [(d.kind, d.speaker) for d in decisions if d.words] == [("text", 0), ("text", 1)]
    assert all(d.words for d in decisions if d.kind == "text")


def test_the_reason_has_the_numbers() -> None:
    assert gate(sentence(0.1))[1].reason == (
        '"word" with confidence 0.10: as units 0.03 words lost and 32 tokens, as text 1.08 words lost and 2 tokens'
    )


def test_token_counts_may_be_given() -> None:
    heard = sentence(0.9)
    assert gate(heard, text_tokens=[1.0])[1].kind == "text"
    assert gate(heard, text_tokens=[200.0])[1].kind == "units"
    with pytest.raises(ValueError, match="2 token counts for 1 words"):
        gate(heard, text_tokens=[1.0, 1.0])


def test_an_hour_of_words_is_decided_like_its_beginning() -> None:
    generator = np.random.default_rng(0)
    words, cursor = [], 0
    for _ in range(10_000):
        cursor += int(generator.integers(0, 8))
        span = Span(cursor, cursor + int(generator.integers(3, 25)))
        words.append(Word("word", span, float(generator.random())))
        cursor = span.end
    heard = Annotations(cursor, active=(Span(0, cursor),), words=tuple(words))
    end = words[99].span.end
    short = replace(heard, frames=end, words=tuple(words[:100]), active=(Span(0, end),))
    decisions = gate(heard)
    assert [(one.span, one.kind) for one in gate(short)[:50]] == [(one.span, one.kind) for one in decisions[:50]]
    assert len(decisions) >= 10_000


def test_it_works_where_nothing_can_be_cached() -> None:
    """Numba refuses to cache when no folder is writable; the gate then compiles without."""
    script = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "from hybrid_tok.core.annotations import Annotations\n"
        "from hybrid_tok.encode.gate import gate\n"
        "print(gate(Annotations(5))[0].kind)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "pause\n"


@pytest.mark.parametrize(
    "options",
    [
        {"rate_weight": -1.0},
        {"rate_weight": math.nan},
        {"switch_cost": math.inf},
        {"num_codebooks": 0},
        {"layout": "parallel"},
        {"unit_loss": 0.5},
        {"silence_loss": 0.0},
        {"unit_padding": -1},
    ],
)
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        GateOptions(**options)  # pyright: ignore[reportArgumentType]


def test_no_frames_no_decisions() -> None:
    assert gate(Annotations(0)) == ()


def test_a_short_sound_that_nobody_takes_for_speech_is_left_out_and_a_long_one_kept() -> None:
    def kinds(frames: int, heard: tuple[Span, ...], options: GateOptions = GateOptions()) -> set[str]:
        """How a sound between two words is written."""
        end = 60 + frames
        words = (Word("one", Span(0, 40), 1.0), Word("two", Span(end + 20, end + 60), 1.0))
        annotations = Annotations(end + 60, speech=heard, active=(Span(0, 40), Span(60, end)), words=words)
        return {d.kind for d in gate(annotations, options) if d.span.overlap(Span(60, end)) > frames / 2}

    elsewhere = (Span(0, 40),)
    assert kinds(20, elsewhere) == {"pause"}
    assert kinds(200, elsewhere) == {"units"}
    assert kinds(20, (Span(0, 80),)) == {"units"}  # speech
    assert kinds(20, ()) == {"units"}  # nobody looked for speech
    assert kinds(20, elsewhere, GateOptions(noise_loss=1.0)) == {"units"}
