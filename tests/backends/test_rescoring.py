"""A lattice decided anew: small ones whose best path and probabilities can be counted by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.backends.lattice import Edge, Lattice, Node
from hybrid_tok.backends.rescoring import RescoringOptions, edge_scores, rescore
from hybrid_tok.errors import OptionsError

PHONES = {"one": (1,), "two": (2,), "three": (3, 1)}
OPTIONS = RescoringOptions(acoustic=1.0, phones=1.0, language=1.0, word=0.0, beam=10, flatten=1.0)


def pronounce(word: str, variant: int) -> tuple[int, ...]:
    return PHONES[word]


def heard(*columns: int) -> NDArray[np.float32]:
    """Log posteriors of four phones where one each is heard."""
    out = np.full((len(columns), 4), -5.0, np.float32)
    out[np.arange(len(columns)), columns] = -0.1
    return out


def indifferent(words: tuple[str, ...]) -> float:
    return -1.0


def fork(acoustic_one: float = -1.0, acoustic_two: float = -1.0) -> Lattice:
    """Silence, then "one" or "two", then the end."""
    return Lattice(
        (Node(0, None, 1), Node(4, "one", 1), Node(4, "two", 1), Node(10, None, 1)),
        (Edge(0, 1, 0.0, 1.0), Edge(0, 2, 0.0, 1.0), Edge(1, 3, acoustic_one, 1.0), Edge(2, 3, acoustic_two, 1.0)),
    )


def test_the_phone_network_decides_where_all_else_is_equal() -> None:
    for spoken, word in ((1, "one"), (2, "two")):
        posteriors = heard(*[0] * 4, *[spoken] * 6)
        (found,) = rescore(fork(), posteriors, pronounce, indifferent, OPTIONS)
        assert (found.text, found.start, found.end) == (word, 4, 10)
        assert found.posterior > 0.99 and found.rival < 0.01 and found.phones == 0.0


def test_the_recognizers_score_and_the_language_model_decide_too() -> None:
    posteriors = heard(*[0] * 10)
    assert rescore(fork(-1, -9), posteriors, pronounce, indifferent, OPTIONS)[0].text == "one"
    assert rescore(fork(-9, -1), posteriors, pronounce, indifferent, OPTIONS)[0].text == "two"

    def prefers(words: tuple[str, ...]) -> float:
        return -0.5 if words[0] == "two" else -3.0

    found = rescore(fork(), posteriors, pronounce, prefers, OPTIONS)[0]
    assert found.text == "two" and found.language == -0.5
    assert rescore(fork(-1.0, -1.5), posteriors, pronounce, prefers, OPTIONS)[0].text == "two"
    assert rescore(fork(-1.0, -1.5), posteriors, pronounce, prefers, replace(OPTIONS, language=0.0))[0].text == "one"


def test_probabilities_are_those_of_counting_all_paths() -> None:
    nodes = (Node(0, None, 1), Node(0, "one", 1), Node(0, "two", 1), Node(6, "one", 1), Node(6, "two", 1))
    lattice = Lattice(
        (*nodes, Node(12, None, 1)),
        (
            *(Edge(0, k, 0.0, 1.0) for k in (1, 2)),
            *(Edge(a, b, -0.3 * a, 1.0) for a in (1, 2) for b in (3, 4)),
            *(Edge(a, 5, -0.2 * a, 1.0) for a in (3, 4)),
        ),
    )

    def language(words: tuple[str, ...]) -> float:
        return {("one", "two"): -0.1, ("two", "two"): -2.0}.get(words[:2], -1.0)

    posteriors = heard(*[0] * 12)
    options = replace(OPTIONS, phones=0.0)
    weight: dict[tuple[str, str], float] = {}
    for first, second in itertools.product(("one", "two"), repeat=2):
        a, b = {"one": 1, "two": 2}[first], {"one": 3, "two": 4}[second]
        nats = language((first, "<s>")) + language((second, first, "<s>")) + language(("</s>", second, first))
        weight[first, second] = math.exp(-0.3 * a - 0.2 * b + nats)
    total = sum(weight.values())
    found = rescore(lattice, posteriors, pronounce, language, options)
    best = max(weight, key=lambda path: weight[path])
    assert tuple(word.text for word in found) == best
    assert found[0].posterior == pytest.approx(sum(w for p, w in weight.items() if p[0] == best[0]) / total)
    assert found[1].posterior == pytest.approx(sum(w for p, w in weight.items() if p[1] == best[1]) / total)
    assert found[1].rival == pytest.approx(sum(w for p, w in weight.items() if p[1] != best[1]) / total)


def test_scores_of_edges() -> None:
    lattice = Lattice(
        (Node(0, None, 1), Node(4, "three", 1), Node(6, None, 1), Node(10, None, 1)),
        (Edge(0, 1, 0.0, 1.0), Edge(1, 2, 0.0, 1.0), Edge(1, 3, 0.0, 1.0), Edge(2, 3, 0.0, 1.0)),
    )
    scores = edge_scores(lattice, heard(0, 0, 0, 1, 3, 3, 3, 1, 1, 1), pronounce, floor=3.0)
    assert scores == pytest.approx([-3.0, -6.0, 0.0, -12.0])  # the second is too short for its phones


def test_nothing_to_decide() -> None:
    assert rescore(Lattice((Node(0, None, 1),), ()), heard(0), pronounce, indifferent, OPTIONS) == []
    assert rescore(fork(), np.zeros((0, 4), np.float32), pronounce, indifferent, OPTIONS) == []


def test_options_are_checked() -> None:
    for wrong in ({"acoustic": -1.0}, {"flatten": 0.0}, {"beam": 0}):
        with pytest.raises(OptionsError):
            RescoringOptions(**wrong)
