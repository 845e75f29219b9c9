"""The hybrid score: its formula, its parts, its options."""

from __future__ import annotations

import pytest

from hybrid_tok.bench.score import ScoreOptions, hybrid_score, parts_of
from hybrid_tok.errors import OptionsError

FIGURES = {"wer": 0.19, "speaker": 0.64, "event_survival": 1.0, "bits_per_second": 1000.0}


def test_quality_is_the_weighted_geometric_mean() -> None:
    score = hybrid_score(FIGURES, ScoreOptions())
    assert score is not None
    assert score["quality"] == pytest.approx(0.81**0.5 * 0.64**0.25)
    assert score["value"] == pytest.approx(100 * score["quality"])
    assert {name: part["weight"] for name, part in score["parts"].items()} == {
        "words": 0.5,
        "speaker": 0.25,
        "sounds": 0.25,
    }


@pytest.mark.parametrize(("bits", "points"), [(500.0, 5.0), (2000.0, -5.0), (4000.0, -10.0)])
def test_each_doubling_of_the_bits_costs_its_points(bits: float, points: float) -> None:
    at_reference, other = (hybrid_score({**FIGURES, "bits_per_second": b}, ScoreOptions()) for b in (1000.0, bits))
    assert at_reference is not None and other is not None
    assert other["value"] - at_reference["value"] == pytest.approx(points)


@pytest.mark.parametrize(("part", "worse"), [("wer", 0.4), ("speaker", 0.3), ("event_survival", 0.5)])
def test_each_part_counts(part: str, worse: float) -> None:
    before, after = hybrid_score(FIGURES, ScoreOptions()), hybrid_score({**FIGURES, part: worse}, ScoreOptions())
    assert before is not None and after is not None and after["value"] < before["value"]


def test_what_is_lost_altogether_cannot_be_made_up_for() -> None:
    score = hybrid_score({**FIGURES, "event_survival": 0.0}, ScoreOptions())
    assert score is not None and score["quality"] == 0.0


def test_parts_without_truth_leave_their_weight_to_the_others() -> None:
    score = hybrid_score({"wer": 0.5, "bits_per_second": 1000.0}, ScoreOptions())
    assert score is not None
    assert score["value"] == pytest.approx(50.0) and score["parts"] == {"words": {"value": 0.5, "weight": 1.0}}
    assert hybrid_score({"bits_per_second": 1000.0}, ScoreOptions()) is None
    assert hybrid_score({"wer": 0.5}, ScoreOptions()) is None


def test_only_parts_that_all_systems_have_are_kept() -> None:
    score = hybrid_score(FIGURES, ScoreOptions(), frozenset({"words"}))
    assert score is not None and list(score["parts"]) == ["words"]


def test_parts_lie_between_0_and_1() -> None:
    assert parts_of({"wer": 1.7, "speaker": -0.2}) == {"words": 0.0, "speaker": 0.0}
    assert parts_of({"cer": 0.25}) == {"words": 0.75}


def test_weights_are_read_from_text() -> None:
    assert ScoreOptions.parse("words=1, speaker=0") == ScoreOptions(words=1.0, speaker=0.0)
    assert ScoreOptions.parse("") == ScoreOptions()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pitch=1", "no 'pitch'; it has: words, speaker, sounds, points_per_doubling"),
        ("words=x", "words must be a number, not 'x'"),
        ("words=-1", "words must be 0 or more, not -1.0"),
        ("words=0,speaker=0,sounds=0", "all parts of the score weigh 0"),
    ],
)
def test_wrong_weights_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        ScoreOptions.parse(text)
