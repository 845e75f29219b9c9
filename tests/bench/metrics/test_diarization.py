"""Diarization errors against a count of frames, cpWER against every pairing, and both against their libraries."""

from __future__ import annotations

from itertools import permutations

import jiwer
import meeteval
import numpy as np
import pytest
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from hybrid_tok.bench.metrics.diarization import (
    DiarizationErrors,
    Spoken,
    cp_word_errors,
    diarization_errors,
    spoken,
)
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.timeline import Span

TALK: list[Spoken] = [(0.0, 2.0, "ann"), (1.5, 4.0, "bob"), (5.0, 6.0, "ann"), (6.0, 8.5, "cid")]


def counted(reference: list[Spoken], found: list[Spoken]) -> float:
    """Errors in seconds by hand: frames of 10 ms, every way to pair the speakers."""

    def active(turns: list[Spoken], names: list[object]) -> np.ndarray:
        table = np.zeros((len(names), 1000), np.int64)
        for start, end, name in turns:
            table[names.index(name), round(start * 100) : round(end * 100)] = 1
        return table

    theirs, ours = sorted({t[2] for t in reference}, key=str), sorted({t[2] for t in found}, key=str)
    size = max(len(theirs), len(ours))
    true, told = (
        np.pad(active(t, list(n)), ((0, size - len(n)), (0, 0))) for t, n in ((reference, theirs), (found, ours))
    )
    right = max(sum(int((true[a] & told[b]).sum()) for a, b in enumerate(way)) for way in permutations(range(size)))
    return float(np.maximum(true.sum(0), told.sum(0)).sum() - right) / 100


def test_the_truth_has_no_errors_whatever_the_names() -> None:
    found = diarization_errors(TALK, [(start, end, f"speaker {name}") for start, end, name in TALK])
    assert found == DiarizationErrors(total=8.0)


def test_errors_by_kind() -> None:
    """Overlap missed for half a second, a speaker confused for one, noise taken for speech for a quarter."""
    found: list[Spoken] = [(0.0, 2.0, 0), (2.0, 4.0, 1), (5.0, 6.0, 1), (6.0, 8.5, 2), (9.0, 9.25, 2)]
    errors = diarization_errors(TALK, found)
    assert (errors.missed, errors.confusion, errors.false_alarm) == pytest.approx((0.5, 1.0, 0.25))
    assert errors.errors == pytest.approx(1.75) and errors.total == pytest.approx(8.0)


def test_agrees_with_a_count_of_frames_and_with_pyannote() -> None:
    """To 1e-9 s, on random turns of up to four speakers."""
    rng = np.random.default_rng(3)
    total, parts = DiarizationErrors(), DiarizationErrorRate()
    for _ in range(20):
        sides = [
            [
                (start / 100, (start + length) / 100, int(who))
                for start, length, who in zip(
                    rng.integers(0, 800, 6), rng.integers(1, 200, 6), rng.integers(0, 4, 6), strict=True
                )
            ]
            for _ in range(2)
        ]
        # One speaker does not talk over himself: his turns are joined.
        joined = [joined_turns(side) for side in sides]
        errors = diarization_errors(*joined)
        assert errors.errors == pytest.approx(counted(*joined), abs=1e-9)
        annotations = [as_annotation(side) for side in joined]
        parts(*annotations, uem=Timeline([Segment(0, 10)]))
        total += errors
    assert total.errors / total.total == pytest.approx(abs(parts), abs=1e-9)


def joined_turns(turns: list[Spoken]) -> list[Spoken]:
    support = as_annotation(turns).support()
    return [(segment.start, segment.end, name) for segment, _, name in support.itertracks(yield_label=True)]


def as_annotation(turns: list[Spoken]) -> Annotation:
    annotation = Annotation()
    for track, (start, end, name) in enumerate(turns):
        annotation[Segment(start, end), track] = name
    return annotation


def test_a_collar_forgives_boundaries() -> None:
    late: list[Spoken] = [(start + 0.1, end, name) for start, end, name in TALK]
    assert diarization_errors(TALK, late).errors == pytest.approx(0.4)
    assert diarization_errors(TALK, late, collar=0.25).errors == pytest.approx(0.0)


def test_it_gets_worse_the_more_turns_are_swapped() -> None:
    swapped = [
        [(start, end, "ann" if k < n else name) for k, (start, end, name) in enumerate(reversed(TALK))]
        for n in range(len(TALK) + 1)
    ]
    errors = [diarization_errors(TALK, found).errors for found in swapped]
    assert errors[0] == 0 and errors == sorted(errors) and errors[-1] > 4


def test_nothing_said_and_nothing_found() -> None:
    assert diarization_errors([], []) == DiarizationErrors()
    assert diarization_errors([], TALK).false_alarm == pytest.approx(8.0)
    assert diarization_errors(TALK, []).missed == pytest.approx(8.0)


def test_turns_are_seconds() -> None:
    assert spoken([SpeakerTurn(1, Span(50, 75))]) == [(1.0, 1.5, 1)]


SAID = {"ann": "Hello, how are you?", "bob": "I am fine. And you?", "cid": "So am I."}


def test_speakers_texts_in_any_order_have_no_errors() -> None:
    assert cp_word_errors(SAID, {7: "so am i", 3: "hello how are you", 5: "i am fine and you"}) == (0, 12)


def test_swapped_turns_and_words_are_errors() -> None:
    """A turn that another speaker is said to say is missing in one text and too much in the other."""
    swapped = {0: "hello how are you so am i", 1: "I am fine and you"}
    assert cp_word_errors(SAID, swapped) == (6, 12)
    assert cp_word_errors(SAID, {0: "hello how were you", 1: "I am fine and you", 2: "so am I"}) == (1, 12)


def test_agrees_with_every_pairing_and_with_meeteval() -> None:
    rng = np.random.default_rng(5)
    words = ["a", "b", "c", "d", "e", "f", "g"]
    for _ in range(20):
        sides = [
            {k: " ".join(rng.choice(words, rng.integers(1, 9))) for k in range(rng.integers(1, 4))} for _ in range(2)
        ]
        errors, length = cp_word_errors(sides[0], sides[1])
        size = max(map(len, sides))
        true, told = ([side.get(k, "") for k in range(size)] for side in sides)
        best = min(sum(edits(true[a], told[b]) for a, b in enumerate(way)) for way in permutations(range(size)))
        assert (errors, length) == (best, sum(len(text.split()) for text in true))
        rate = meeteval.wer.cp_word_error_rate(
            list(sides[0].values()), list(sides[1].values()), reference_sort=False, hypothesis_sort=False
        )
        assert errors / length == pytest.approx(rate.error_rate, abs=1e-12)


def edits(reference: str, found: str) -> int:
    if not reference or not found:
        return len(reference.split()) + len(found.split())
    output = jiwer.process_words(reference, found)
    return output.substitutions + output.deletions + output.insertions


def test_texts_that_are_missing() -> None:
    assert cp_word_errors(SAID, {}) == (12, 12)
    assert cp_word_errors({}, {0: "hello there"}) == (2, 0)
    assert cp_word_errors({"ann": "你好吗"}, {0: "你好"}, "zh") == (1, 3)
